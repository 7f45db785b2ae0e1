"""What students get wrong in lab 7."""

from autograder.cases import edited

forgets_to_shrink_the_output = edited(
    "flash_attention",
    {"out = out * shrink[:, None] + tl.dot(": "out = out + tl.dot("},
    """When a larger maximum turns up, the sum so far is shrunk. What else was calculated with the old maximum?

    出现更大的最大值时，此前的和缩小了。还有什么是用旧的最大值算出来的？""",
)

forgets_to_shrink_the_sum = edited(
    "flash_attention",
    {"total = total * shrink + tl.sum(weight, axis=1)": "total = total + tl.sum(weight, axis=1)"},
    """The output of earlier tiles is brought to the new maximum, the sum of their weights is not.

    前面各块的输出换算到了新的最大值，它们权重的和却没有。""",
)

leaves_empty_places_to_the_load = edited(
    "flash_attention",
    {
        "v = tl.load(v_at + place[:, None].to(tl.int64) * v_row, mask=held, other=0)": (
            "v = tl.load(v_at + place[:, None].to(tl.int64) * v_row, mask=held)"
        )
    },
    """Your outputs are NaN wherever the last tile of keys is not full. What stands in the masked-out places of a load,
    and what is 0 times that?

    只要最后一块键没有填满，输出就是 NaN。读取之后，被掩掉的位置里是什么？它乘以 0 又是什么？""",
)

forgets_the_scale = edited(
    "flash_attention",
    {
        'input_precision="ieee") * scale': 'input_precision="ieee")',
    },
    """The variance of a score grows with the head size. What is each score multiplied by?

    分数的方差随头维度增大。每个分数还要乘上什么？""",
)

lets_keys_in_that_do_not_exist = edited(
    "flash_attention",
    {'tl.where(place[None, :] < keys, score, float("-inf"))': "score"},
    """Behind the last key you loaded zeros, and a score of 0 has a weight of e⁰. What must such a score be?

    最后一个键之后，你读到的是零，而分数 0 的权重是 e⁰。这样的分数应当是什么？""",
)

starts_the_maximum_at_zero = edited(
    "flash_attention",
    {'tl.full((ROWS,), float("-inf"), tl.float32)': "tl.zeros((ROWS,), tl.float32)"},
    """Where every score is far below 0, all your weights underflow. What is the maximum of no numbers?

    当所有分数都远小于 0 时，你的权重全都下溢。没有数时，最大值是多少？""",
)

adds_up_in_half_precision = edited(
    "flash_attention",
    {
        "out = tl.zeros((ROWS, DIM), tl.float32)": "out = tl.zeros((ROWS, DIM), q.dtype)",
        'out = out * shrink[:, None] + tl.dot(weight.to(v.dtype), v, input_precision="ieee")': (
            'out = (out * shrink[:, None] + tl.dot(weight.to(v.dtype), v, input_precision="ieee")).to(q.dtype)'
        ),
    },
    """The running output is a sum over all keys. What is the largest number that float16 holds?

    累加中的输出是对所有键求和。float16 能装下的最大的数是多少？""",
)

takes_the_rows_for_the_length = edited(
    "flash_attention",
    {"(batch * heads + head) * queries + row": "(batch * heads + head) * keys + row"},
    """Each head's results begin where those of the head before end. How many rows does a head's output have?

    每个头的结果从上一个头的末尾开始。一个头的输出有多少行？""",
)

reads_keys_with_the_strides_of_queries = edited(
    "flash_attention",
    {"place[:, None].to(tl.int64) * k_row": "place[:, None].to(tl.int64) * q_row"},
    """Queries and keys are two tensors, and each has its own distance from row to row.

    查询和键是两个张量，各有各的行距。""",
)

saves_the_sum_alone = edited(
    "flash_attention",
    {"largest + tl.log(total)": "tl.log(total)"},
    """log of the sum that you kept is the log-sum-exp of scores from which something was subtracted. What?

    你留下的和取对数，是减去了某个量之后的分数的 log-sum-exp。减去了什么？""",
)

does_not_look_at_itself = edited(
    "causal_flash_attention",
    {"place[None, :] <= row[:, None]": "place[None, :] < row[:, None]"},
    """May query l see key l? What is left for the first query otherwise?

    查询 l 能看到键 l 吗？否则第一个查询还剩下什么？""",
)

masks_no_tile = edited(
    "causal_flash_attention",
    {"(place[None, :] <= row[:, None]) & (place[None, :] < seen)": "place[None, :] < seen"},
    """You skip the tiles above the diagonal, but the diagonal runs through some tiles. Who sees what there?

    你跳过了对角线上方的块，但对角线要穿过一些块。在那些块里，谁能看到什么？""",
)

stops_one_tile_too_early = edited(
    "causal_flash_attention",
    {"tl.minimum(queries, tile * ROWS + ROWS)": "tl.minimum(queries, tl.maximum(tile * ROWS, 1))"},
    """Up to which key may the last query of your tile look? Your loop ends before it.

    你这一块里最后一个查询，最远能看到哪个键？你的循环在那之前就结束了。""",
)

counts_the_diagonal_from_the_bottom_right = edited(
    "causal_flash_attention",
    {
        "tl.minimum(queries, tile * ROWS + ROWS)": "tl.maximum(tile * ROWS + ROWS + keys - queries, 1)",
        "(place[None, :] <= row[:, None])": "(place[None, :] <= row[:, None] + keys - queries)",
    },
    """Where keys outnumber queries, your last query sees the last key. Here the diagonal starts at the top left.

    键比查询多时，你的最后一个查询能看到最后一个键。这里的对角线从左上角开始。""",
)

touches_what_nobody_sees = edited(
    "causal_flash_attention",
    {
        "seen = tl.minimum(keys, tl.minimum(queries, tile * ROWS + ROWS))": "seen = keys",
    },
    """You walk over all keys and set most weights to 0. And 0 · NaN? How far does a tile have to look at all?

    你走过了所有的键，再把大多数权重置为 0。那么 0 · NaN 呢？一个块究竟需要看多远？""",
)

forgets_delta = edited(
    "flash_attention_backward",
    {" - delta[:, None])\n        grad_value": ")\n        grad_value"},
    """The weights of a query sum to 1, so raising one lowers the others. Which term of the gradient says so?

    一个查询的权重之和是 1，所以一个升高，其他的就降低。梯度里的哪一项说的是这件事？""",
)

sums_delta_over_the_wrong_pair = edited(
    "flash_attention_backward",
    {"* tl.load(grad_ptr + place, mask=inside)": "* tl.load(out_ptr + place, mask=inside)"},
    """delta is Σ P · dP over the keys. Which two rows does it become the product of?

    delta 是对键求和的 Σ P · dP。它变成了哪两行的乘积？""",
)

forgets_the_scale_of_the_gradients = edited(
    "flash_attention_backward",
    {"grad_key * scale": "grad_key", "grad_query * scale": "grad_query"},
    """The scores are scale · q·k. What does that make of their derivative by q and by k?

    分数是 scale · q·k。它对 q、对 k 的导数里会出现什么？""",
)

masks_the_forward_only = edited(
    "flash_attention_backward",
    {"weight = tl.where(place[None, :] <= row[:, None], weight, 0.0)": "weight = weight * 1.0"},
    """The weights that you calculate anew know nothing of the mask, unless you tell them.

    重新计算出来的权重并不知道掩码，除非你告诉它们。""",
)

lets_queries_in_that_do_not_exist = edited(
    "flash_attention_backward",
    {
        'lse = tl.load(lse_ptr + line, mask=row < queries, other=float("inf"))\n        delta': (
            "lse = tl.load(lse_ptr + line, mask=row < queries, other=0)\n        delta"
        ),
        "grad = tl.load(grad_ptr + line[:, None] * dim + column[None, :], mask=asked, other=0)": (
            "grad = tl.load(grad_ptr + line[:, None] * dim + column[None, :], mask=asked, other=1)"
        ),
    },
    """Behind the last query your weights are not 0, and what you load there is not 0 either.

    最后一个查询之后，你的权重不是 0，读进来的梯度也不是 0。""",
)

starts_at_the_wrong_tile = edited(
    "flash_attention_backward",
    {"first = tl.program_id(0) * BLOCK": "first = (tl.program_id(0) + 1) * BLOCK"},
    """Which is the first query that sees key s? The tile that it is in must not be skipped.

    能看到键 s 的第一个查询是哪一个？它所在的块不能跳过。""",
)

multiplies_float32_in_tf32 = edited(
    "flash_attention",
    {', input_precision="ieee") * scale': ") * scale"},
    """Without a word from you, `tl.dot` keeps 10 of the 23 bits of each float32 factor. How do you ask for all of them?

    不加说明时，`tl.dot` 只保留 float32 因子 23 位尾数中的 10 位。怎样要求它全部保留？""",
)

lets_keys_in_that_do_not_exist_backwards = edited(
    "flash_attention_backward",
    {"tl.where(place[None, :] < seen, tl.exp(score - lse[:, None]), 0.0)": "tl.exp(score - lse[:, None])"},
    """A key behind the last has a score of 0. Where all others are near −200, what is its weight, and what is that
    times 0?

    最后一个键之后的键，分数是 0。当其他分数都在 −200 附近时，它的权重是多少？再乘以 0 呢？""",
)
