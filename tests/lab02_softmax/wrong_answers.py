"""What students get wrong in lab 2."""

from autograder.cases import edited

subtracts_nothing = edited(
    "fused_softmax",
    {"tl.exp(x - tl.max(x))": "tl.exp(x)"},
    """exp(1000) is inf, and inf/inf is NaN. What can be subtracted from a whole row without changing its softmax?

    exp(1000) 是 inf，inf/inf 是 NaN。一整行同时减去什么，softmax 不变？""",
)

divides_by_the_exponential_of_the_maximum = edited(
    "fused_softmax",
    {"tl.exp(x - tl.max(x))": "tl.exp(x) / tl.exp(tl.max(x))"},
    """On paper your shift is right, but the large number has been exponentiated before it is divided.

    纸面上这个平移没错，可是大数在被除之前就已经取了指数。""",
)

empty_places_hold_zero = edited(
    "fused_softmax",
    {"other=-math.inf": "other=0.0"},
    """The places behind the end of the row take part in the maximum and in the sum. Which number would disturb neither?

    行尾之后的位置也参加了求最大值和求和。填什么数，两者才都不受影响？""",
)

empty_places_hold_anything = edited(
    "fused_softmax",
    {", other=-math.inf": ""},
    """Your rows are NaN unless they fill their block. What stands in the masked-out places, and which operations of
    yours look at them?

    没有填满块的行全成了 NaN。被掩掉的位置里是什么？你的哪些运算用到了它们？""",
)

writes_without_a_mask = edited(
    "fused_softmax",
    {"/ tl.sum(exponential), mask=exists": "/ tl.sum(exponential)"},
    """Your store writes the whole block. The row is shorter, and behind it the next one begins.

    你的写入写了整个块。行比块短，行尾之后就是下一行。""",
)

rounds_the_difference_to_half_precision = edited(
    "fused_softmax",
    {"tl.exp(x - tl.max(x))": "tl.exp((x - tl.max(x)).to(tl.float16).to(tl.float32))"},
    """The difference from the maximum is rounded, and exp makes a relative error of that. In which dtype is it kept?

    与最大值之差被舍入了，取指数后就成了相对误差。这个差是用哪种 dtype 存的？""",
)

sums_in_half_precision = edited(
    "fused_softmax",
    {"tl.sum(exponential)": "tl.sum(exponential.to(tl.float16))"},
    """Your sum is kept in float16, which has 11 bits. In which dtype should thousands of numbers be added?

    你的和存在 float16 里，只有 11 位。几千个数相加，该用哪种 dtype？""",
)

rows_lie_side_by_side = edited(
    "fused_softmax",
    {"x_ptr + row * row_stride": "x_ptr + row * columns"},
    """You assume that the next row begins `columns` elements on. In a table cut out of a wider one it does not.

    你假定下一行从 `columns` 个元素之后开始。从更宽的表里切出来的表并非如此。""",
)

columns_lie_side_by_side = edited(
    "fused_softmax",
    {"column * column_stride": "column"},
    """You assume that the columns of x are neighbours in memory. Those of a transposed table are not.

    你假定 x 的各列在内存里相邻。转置的表并非如此。""",
)

writes_with_the_stride_of_the_input = edited(
    "fused_softmax",
    {"out_ptr + row * columns": "out_ptr + row * row_stride"},
    """The result is a new table with nothing between its rows. How far apart are they?

    结果是一张新表，行与行之间没有空隙。它的两行相隔多远？""",
)

all_programs_write_the_first_row = edited(
    "fused_softmax",
    {"out_ptr + row * columns + column": "out_ptr + column"},
    """All your programs write to the same row, and the last one wins. Which row is a program's own?

    你的所有程序都写同一行，最后写的那个获胜。哪一行才属于某个程序？""",
)

forgets_to_rescale = edited(
    "online_softmax",
    {"sums * tl.exp(before - largest)": "sums"},
    """The sum so far was taken relative to an older maximum. What becomes of it when the maximum rises?

    已有的和是相对于旧的最大值算的。最大值升高时，它该怎么变？""",
)

rescales_the_wrong_way = edited(
    "online_softmax",
    {"tl.exp(before - largest)": "tl.exp(largest - before)"},
    """When the maximum rises, every exponential so far becomes smaller. Yours become larger.

    最大值升高时，已有的每个指数都该变小，你的却变大了。""",
)

rescales_the_new_block_as_well = edited(
    "online_softmax",
    {
        "sums * tl.exp(before - largest) + tl.exp(x - largest)": (
            "(sums + tl.exp(x - largest)) * tl.exp(before - largest)"
        )
    },
    """Only the old sum needs the factor: the new exponentials were already taken relative to the new maximum.

    只有旧的和需要乘这个因子：新的指数已经是相对于新的最大值算的。""",
)

begins_with_a_maximum_of_zero = edited(
    "online_softmax",
    {"largest = -3.4028234663852886e38": "largest = 0.0"},
    """A row whose logits are all near −150 has a maximum below 0, but your running maximum never falls below its start.

    一行 logits 都在 −150 附近，最大值小于 0，而你的滑动最大值从不低于它的初值。""",
)

begins_with_minus_infinity = edited(
    "online_softmax",
    {"largest = -3.4028234663852886e38": "largest = -math.inf"},
    """If the first block holds nothing but −inf, your maximum is −inf too. What is −inf − (−inf)?

    如果第一个块全是 −inf，你的最大值也是 −inf。−inf − (−inf) 等于什么？""",
)

keeps_the_maximum_of_the_last_block = edited(
    "online_softmax",
    {"tl.maximum(before, tl.max(x))": "tl.max(x)"},
    """Your maximum is that of the newest block. Which two numbers compete for being the largest so far?

    你的最大值只是最新一块的。到目前为止的最大值，要在哪两个数里选？""",
)

the_last_block_is_filled_with_zeros = edited(
    "online_softmax",
    {"other=-math.inf": "other=0.0"},
    """The last block is not full, and what stands in its empty places is added up. Which number adds nothing?

    最后一个块没有填满，空位里的数也被加进去了。填什么数才不增加任何东西？""",
)

forgets_to_divide = edited(
    "online_softmax",
    {"tl.exp(x - largest) / total": "tl.exp(x - largest)"},
    """Your rows do not sum to 1. What was the first walk's sum for?

    你的每一行加起来不是 1。第一趟求的和是做什么用的？""",
)

adds_in_half_precision = edited(
    "online_softmax",
    {
        "sums * tl.exp(before - largest) + tl.exp(x - largest)": (
            "(sums * tl.exp(before - largest) + tl.exp(x - largest)).to(tl.float16)"
        )
    },
    """Your running sum is rounded to float16 after every block. In which dtype should a kernel accumulate?

    每加一个块，你的累加和就被舍入成 float16。kernel 该用哪种 dtype 累加？""",
)

leaves_out_the_last_block = edited(
    "online_softmax",
    {"range(0, columns, BLOCK)": "range(0, columns - BLOCK + 1, BLOCK)"},
    """Your walk ends with the last full block. Where do the remaining columns go?

    你的遍历到最后一个满块就结束了。剩下的列去哪儿了？""",
)

takes_the_columns_for_the_stride = edited(
    "online_softmax",
    {"x_ptr + row * row_stride": "x_ptr + row * columns"},
    """You assume that the rows of x lie `columns` apart. Use the stride that the kernel is given.

    你假定 x 的两行相隔 `columns`。请用 kernel 收到的步长。""",
)
