"""What students get wrong in lab 11."""

from autograder.cases import edited

forgets_the_tile_that_is_not_full = edited(
    "grouped_matmul",
    {"tiles = tl.cdiv(counts, ROWS)": "tiles = counts // ROWS"},
    """An expert with 17 rows has two tiles of 16, not one. Two of your experts write to the same entries of the table.

    有 17 行的专家，按每块 16 行要有两块，而不是一块。你有两个专家写进了表中同样的条目。""",
)

takes_the_rows_of_the_next_expert = edited(
    "grouped_matmul",
    {"first_row + tl.minimum(row + ROWS, count)": "first_row + row + ROWS"},
    """Your last tile of an expert goes on into the rows of the next. Where does the expert end?

    你把专家的最后一块延伸到了下一个专家的行里。这个专家到哪里为止？""",
)

counts_rows_from_the_expert = edited(
    "grouped_matmul",
    {"tl.store(entry + 1, first_row + row, mask=exists)": "tl.store(entry + 1, row, mask=exists)"},
    """Your tiles count their rows from the beginning of their expert. The kernel that multiplies counts from row 0.

    你的各块从本专家的开头数行，而做乘法的 kernel 从 x 的第 0 行数起。""",
)

multiplies_with_the_same_expert = edited(
    "grouped_matmul",
    {"weight_begin = weight_ptr + expert * weight_expert": "weight_begin = weight_ptr"},
    """All your tiles are multiplied with the matrix of expert 0. Where does the matrix of expert e begin?

    你的所有块都乘了 0 号专家的矩阵。e 号专家的矩阵从哪里开始？""",
)

takes_the_size_for_the_stride_of_the_experts = edited(
    "grouped_matmul",
    {"expert * weight_expert": "expert * inner * columns"},
    """You assume that the matrices lie inner · columns apart. Every other one of a larger stack has another distance.

    你假定相邻矩阵相隔 inner · columns。若是从更大的一摞里隔一个取一个，间隔就不是这样。""",
)

sums_in_half_precision = edited(
    "grouped_matmul",
    {
        "total = tl.dot(x, weight, total": "total = total.to(x.dtype).to(tl.float32)\n"
        "            total = tl.dot(x, weight, total"
    },
    """Your sum is rounded to the tensors' dtype after every step. In which dtype should the accumulator be?

    你的和每一步都舍入成张量的 dtype。累加器应该是哪种 dtype？""",
)

keeps_only_the_last_step = edited(
    "grouped_matmul",
    {"tl.dot(x, weight, total,": "tl.dot(x, weight,"},
    """Each step along the inner size overwrites what the steps before it have summed.

    沿内侧维度的每一步，都覆盖了前面各步累加的结果。""",
)

reads_past_the_end_of_a_row = edited(
    "grouped_matmul",
    {"x_inner, has_row, has_k[None, :])": "x_inner, has_row, (k < INNER + inner)[None, :])"},
    """The last step along the inner size is not full: what do you read behind the end of a row of x?

    沿内侧维度的最后一步没有填满：在 x 的一行末尾之后，你读到的是什么？""",
)

leaves_the_missing_places_undefined = edited(
    "grouped_matmul",
    {", other=0.0": ""},
    """NaN where the inner size is no multiple of INNER: what does a masked load leave where nothing was read, and what
    becomes of a sum that it is added to?

    内侧维度不是 INNER 的整数倍时出现 NaN：带掩码的读取在没有读的位置留下什么？把它加进和里，和会变成什么？""",
)

leaves_what_was_not_gathered_undefined = edited(
    "routed_matmul",
    {", other=0.0": ""},
    """NaN where the inner size is no multiple of INNER: what does a masked load leave where nothing was read, and what
    becomes of a sum that it is added to?

    内侧维度不是 INNER 的整数倍时出现 NaN：带掩码的读取在没有读的位置留下什么？把它加进和里，和会变成什么？""",
)

takes_the_slot_for_the_token = edited(
    "routed_matmul",
    {"x_ptr + slot // choices * x_row": "x_ptr + slot * x_row"},
    """Slot t · choices + j belongs to token t. Which row of x does your kernel read for it?

    编号 t · choices + j 的槽属于 token t。你的 kernel 为它读的是 x 的哪一行？""",
)

writes_in_the_sorted_order = edited(
    "routed_matmul",
    {"partial_ptr + slot * columns": "partial_ptr + place[:, None] * columns"},
    """Your results lie in the order of the experts. The kernel that adds them up looks for those of token t in the rows
    from t · choices on.

    你的结果是按专家的次序放的。求和的 kernel 会到从 t · choices 开始的各行去找 token t 的结果。""",
)

two_choices_share_a_row = edited(
    "routed_matmul",
    {"partial_ptr + slot * columns + column, total": "partial_ptr + slot // choices * columns + column, total"},
    """Two programs write the results of one token to the same row, and the later one wins. Which row is a slot's own?

    两个程序把同一个 token 的结果写到了同一行，后写的覆盖先写的。每个槽自己的行是哪一行？""",
)

begins_an_expert_one_tile_late = edited(
    "routed_matmul",
    {"(ends <= tile)": "(ends < tile)"},
    """If expert 0 has two tiles, their numbers are 0 and 1. Which expert does your search find for tile 2?

    如果 0 号专家有两块，它们的编号是 0 和 1。编号为 2 的块，你的查找给出哪个专家？""",
)

forgets_the_gates = edited(
    "routed_matmul",
    {"total += gate.to(tl.float32) * partial": "total += partial"},
    """You add the experts' results as they are. How much of each does the router ask for?

    你把各专家的结果原样相加了。路由要求每个专家占多少？""",
)

takes_the_gates_for_contiguous = edited(
    "routed_matmul",
    {"gate_ptr + token * gate_row + j * gate_column": "gate_ptr + token * choices + j"},
    """Your kernel reads the gates as if they lay row behind row. What are their strides for?

    你的 kernel 把门当作一行接一行存放来读。传入它们的步长是做什么用的？""",
)

rounds_after_every_choice = edited(
    "routed_matmul",
    {"total += gate.to(tl.float32) * partial": "total = (total + gate * partial).to(out_ptr.dtype.element_ty)"},
    """The sum over the choices is rounded to half precision after each of them. How often may it be rounded?

    对各个选择求和时，每加一次都舍入成半精度。总共可以舍入几次？""",
)

multiplies_float32_in_tf32 = edited(
    "grouped_matmul",
    {'tl.dot(x, weight, total, input_precision="ieee")': "tl.dot(x, weight, total)"},
    """Without a word from you, `tl.dot` keeps 10 of the 23 bits of each float32 factor. How do you ask for all of them?

    不加说明时，`tl.dot` 只保留 float32 因子 23 位尾数中的 10 位。怎样要求它全部保留？""",
)
