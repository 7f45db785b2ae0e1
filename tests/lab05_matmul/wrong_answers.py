"""What students get wrong in lab 5."""

from autograder.cases import edited

rounds_the_sum_at_every_step = edited(
    "matmul",
    {'tl.dot(a, b, total, input_precision="ieee")': "(total + tl.dot(a, b)).to(a.dtype).to(tl.float32)"},
    """Your sum is rounded to the dtype of the inputs at every step along K. Which dtype should it have until it is
    written?

    你的和沿 K 每走一步就被舍入到输入的 dtype。写出之前，它该是什么 dtype？""",
)

masks_the_rows_of_a_tile_only = edited(
    "matmul",
    {"(row < rows)[:, None] & (column < columns)[None, :]": "(row < rows)[:, None] & (column >= 0)[None, :]"},
    """A tile can reach beyond the matrix in two directions, and your mask looks at one. In the last step along K, what
    does the tile of A read at the end of its rows?

    一块可能在两个方向上超出矩阵，而你的掩码只看了一个。沿 K 的最后一步里，A 的那一块在行尾读到了什么？""",
)

reads_one_place_too_many_along_k = edited(
    "matmul",
    {"(column < columns)[None, :]": "(column <= columns)[None, :]"},
    """A row with K elements has the places 0 to K − 1. Which place does your mask let through besides?

    有 K 个元素的行，位置是 0 到 K − 1。你的掩码还放过了哪个位置？""",
)

fills_the_missing_places_with_one = edited(
    "matmul",
    {"other=0.0": "other=1.0"},
    """What stands in the places that do not exist is multiplied and summed like the rest. Which number adds nothing?

    不存在的位置上的数，和别的数一样被乘、被加。哪个数什么也不会增加？""",
)

leaves_the_missing_places_undefined = edited(
    "matmul",
    {", other=0.0": ""},
    """NaN where a tile reaches beyond K: what does a masked load leave where nothing was read, and what becomes of a
    sum that it is added to?

    块越过 K 的地方出现 NaN：带掩码的读取在没有读的位置留下什么？把它加进和里，和会变成什么？""",
)

swaps_the_strides_of_b = edited(
    "matmul",
    {"K, N, b_row, b_column)": "K, N, b_column, b_row)"},
    """The tile of B is read along the wrong direction: which of its strides belongs to k, and which to the columns of
    the result?

    B 的块沿错误的方向读取：它的哪个步长属于 k，哪个属于结果的列？""",
)

takes_the_rows_of_a_to_be_contiguous = edited(
    "matmul",
    {"M, K, a_row, a_column)": "M, K, K, 1)"},
    """You assume that the rows of A follow one another. A transposed matrix has other strides, and the kernel is given
    them.

    你假定 A 的各行首尾相接。转置的矩阵有别的步长，kernel 收到的参数里就有。""",
)

leaves_out_a_last_step_that_is_not_full = edited(
    "matmul",
    {"range(0, K, BLOCK_K)": "range(0, K - BLOCK_K + 1, BLOCK_K)"},
    """When BLOCK_K does not divide K, some products are missing from your sums. How many steps are begun?

    当 BLOCK_K 不能整除 K 时，你的和少了几项乘积。开了头的步一共有几步？""",
)

keeps_only_the_last_step = edited(
    "matmul",
    {'tl.dot(a, b, total, input_precision="ieee")': 'tl.dot(a, b, input_precision="ieee")'},
    """Each step of your loop replaces what the steps before it have summed.

    循环的每一步都把前面几步的和换掉了。""",
)

gives_every_group_its_full_height = edited(
    "matmul",
    {"height = tl.minimum(tiles_m - first, GROUP)": "height = GROUP"},
    """The last group of tiles may have fewer rows than GROUP. Where do your programs go there, and which tiles has
    nobody?

    最后一组的块行数可能少于 GROUP。你的程序在那里去了哪里，哪些块没有人算？""",
)

counts_only_the_columns_of_tiles_that_are_full = edited(
    "matmul",
    {"tiles_n = tl.cdiv(N, BLOCK_N)": "tiles_n = tl.maximum(N // BLOCK_N, 1)"},
    """The last column of tiles, which is not full, is missing from the count by which you tell the tiles apart.

    你用来区分各块的数目里，少算了没有填满的最后一列块。""",
)

swaps_the_strides_of_the_weight = edited(
    "linear_gelu",
    {"outputs, inputs, weight_row, weight_column)": "outputs, inputs, weight_column, weight_row)"},
    """A row of W belongs to an output, a column to a feature. Which stride takes you from one output to the next?

    W 的一行属于一个输出，一列属于一个特征。从一个输出走到下一个，用哪个步长？""",
)

activates_before_the_bias = edited(
    "linear_gelu",
    {
        "    z += bias.to(tl.float32)[None, :]\n": "",
        "z * phi, mask=exists": "z * phi + bias.to(tl.float32)[None, :], mask=exists",
    },
    """The bias belongs inside the GELU, not behind it.

    偏置应在 GELU 里面，而不是加在它后面。""",
)

adds_the_bias_at_every_step = edited(
    "linear_gelu",
    {
        "        z = tl.dot(": "        b = tl.load(bias_ptr + output * bias_step, output < outputs)\n"
        "        z += b.to(tl.float32)[None, :]\n        z = tl.dot(",
        "    z += bias.to(tl.float32)[None, :]\n    scaled": "    scaled",
    },
    """How often does your program add the bias to one element? It walks along the features in several steps.

    你的程序把偏置加到一个元素上加了几次？沿着特征要走好几步。""",
)

adds_the_bias_along_the_rows = edited(
    "linear_gelu",
    {
        "bias_place = output * bias_step": "bias_place = row * bias_step",
        "mask=bias_exists)": "mask=(row < rows) & (row < outputs), other=0.0)",
        "bias.to(tl.float32)[None, :]": "bias.to(tl.float32)[:, None]",
    },
    """An element of b belongs to an output, that is to a column of the result.

    b 的一个元素属于一个输出，也就是结果的一列。""",
)

takes_erf_of_z_itself = edited(
    "linear_gelu",
    {"z * 0.7071067811865476": "z"},
    """Φ(z) is written with erf(z/√2). What have you left out?

    用 erf 写出的 Φ(z) 里是 erf(z/√2)。你漏掉了什么？""",
)

approximates_gelu_by_a_sigmoid = edited(
    "linear_gelu",
    {"0.5 * (1 + tl.erf(scaled))": "tl.sigmoid(1.702 * z)"},
    """z σ(1.702 z) is near GELU and is not GELU: the difference is up to 0.02. The exact one has erf in it.

    z σ(1.702 z) 接近 GELU，却不是 GELU，相差可达 0.02。精确的形式里有 erf。""",
)

rounds_before_the_activation = edited(
    "linear_gelu",
    {"z += bias.to(tl.float32)": "z = z.to(bias.dtype).to(tl.float32)\n    z += bias.to(tl.float32)"},
    """The sum is rounded before the bias is added, as if it had been written to memory in between. Nothing needs to be
    rounded in a register.

    加偏置之前，和已经被舍入了一次，好像中途写进过显存。在寄存器里什么都不必舍入。""",
)

sums_features_beyond_the_last = edited(
    "linear_gelu",
    {"(feature < features)[None, :]": "(feature <= features)[None, :]"},
    """Feature number `features` does not exist: the features are counted from 0.

    第 `features` 号特征不存在：特征从 0 数起。""",
)

gives_every_program_the_first_pair = edited(
    "bmm",
    {"pair = tl.program_id(2).to(tl.int64)": "pair = tl.zeros((1,), dtype=tl.int64)"},
    """All your programs multiply the first pair. Which number says which pair is a program's?

    你的所有程序都在乘第一对矩阵。哪个数说明一个程序该算哪一对？""",
)

takes_the_stack_to_be_contiguous = edited(
    "bmm",
    {"pair, k, column, K, N, b_matrix": "pair, k, column, K, N, K * N"},
    """K · N elements lie from one matrix of B to the next only if nothing lies between them. What is that distance in
    an expanded stack?

    只有当 B 的各个矩阵首尾相接时，相邻两个才相隔 K · N 个元素。在 expand 得到的叠里，这个距离是多少？""",
)

writes_with_the_stride_of_a_stack_of_a = edited(
    "bmm",
    {"c_ptr + pair * M * N": "c_ptr + pair * a_matrix"},
    """The matrices of the result have another size than those of A: how far apart do they lie?

    结果的矩阵大小与 A 的不同：它们相隔多远？""",
)

swaps_the_first_two_axes_of_programs = edited(
    "bmm",
    {
        "first_row = tl.program_id(0) * BLOCK_M": "first_row = tl.program_id(1) * BLOCK_M",
        "first_column = tl.program_id(1) * BLOCK_N": "first_column = tl.program_id(0) * BLOCK_N",
    },
    """There are as many programs along axis 0 as the result has rows of tiles. Which axis do you take for the rows?

    第 0 轴上的程序数等于结果的块行数。你用了哪个轴来数行？""",
)

writes_where_either_index_is_legal = edited(
    "bmm",
    {"exists = (row < M)[:, None] & (column < N)[None, :]": "exists = (row < M)[:, None] | (column < N)[None, :]"},
    """An element exists when both of its indices are legal. Behind the last row of one matrix the next one begins.

    两个下标都合法，元素才存在。一个矩阵最后一行的后面，就是下一个矩阵的开头。""",
)

sums_in_half_precision = edited(
    "bmm",
    {'tl.dot(a, b, total, input_precision="ieee")': "(total + tl.dot(a, b)).to(a.dtype).to(tl.float32)"},
    """Your sum is rounded to the dtype of the inputs at every step along K.

    你的和沿 K 每走一步就被舍入到输入的 dtype。""",
)

stops_one_step_early = edited(
    "bmm",
    {"range(0, K, BLOCK_K)": "range(0, K - BLOCK_K + 1, BLOCK_K)"},
    """When BLOCK_K does not divide K, some products are missing from your sums.

    当 BLOCK_K 不能整除 K 时，你的和少了几项乘积。""",
)

multiplies_float32_in_tf32 = edited(
    "matmul",
    {'tl.dot(a, b, total, input_precision="ieee")': "tl.dot(a, b, total)"},
    """Without a word from you, `tl.dot` keeps 10 of the 23 bits of each float32 factor. How do you ask for all of them?

    不加说明时，`tl.dot` 只保留 float32 因子 23 位尾数中的 10 位。怎样要求它全部保留？""",
)
