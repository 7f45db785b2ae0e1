"""What students get wrong in lab 3."""

from autograder.cases import edited

subtracts_nothing = edited(
    "fused_cross_entropy",
    {"largest = -3.4028234663852886e38": "largest = 0.0", "tl.maximum(before, tl.max(x))": "before"},
    """exp(1000) is inf, and its logarithm too. What can be subtracted from a whole row and added again at the end?

    exp(1000) 是 inf，取对数之后还是 inf。一整行可以先减去什么，最后再加回来？""",
)

begins_with_a_maximum_of_zero = edited(
    "fused_cross_entropy",
    {"largest = -3.4028234663852886e38": "largest = 0.0"},
    """A row whose logits are all near −150 has a maximum below 0, but your running maximum never falls below its start.

    一行 logits 都在 −150 附近，最大值小于 0，而你的滑动最大值从不低于它的初值。""",
)

begins_with_minus_infinity = edited(
    "fused_cross_entropy",
    {"largest = -3.4028234663852886e38": "largest = -math.inf"},
    """If the first block holds nothing but −inf, your maximum is −inf too. What is −inf − (−inf)?

    如果第一个块全是 −inf，你的最大值也是 −inf。−inf − (−inf) 等于什么？""",
)

forgets_to_rescale = edited(
    "fused_cross_entropy",
    {"sums * tl.exp(before - largest)": "sums"},
    """The sum so far was taken relative to an older maximum. What becomes of it when the maximum rises?

    已有的和是相对于旧的最大值算的。最大值升高时，它该怎么变？""",
)

keeps_the_maximum_of_the_last_block = edited(
    "fused_cross_entropy",
    {"tl.maximum(before, tl.max(x))": "tl.max(x)"},
    """Your maximum is that of the newest block, and may fall. Which two numbers compete for being the largest so far?

    你的最大值只是最新一块的，有可能下降。到目前为止的最大值，要在哪两个数里选？""",
)

empty_places_hold_zero = edited(
    "fused_cross_entropy",
    {"mask=column < columns, other=-math.inf": "mask=column < columns, other=0.0"},
    """The last block is not full, and each of its empty places adds exp(0) = 1 to your sum. Which number adds nothing?

    最后一个块没有填满，每个空位都给你的和加上了 exp(0) = 1。填什么数才不增加任何东西？""",
)

empty_places_hold_anything = edited(
    "fused_cross_entropy",
    {"mask=column < columns, other=-math.inf": "mask=column < columns"},
    """Your losses are NaN unless the classes fill their blocks. What stands in the masked-out places, and which
    operations of yours look at them?

    类别没有填满块时，你的损失是 NaN。被掩掉的位置里是什么？你的哪些运算用到了它们？""",
)

leaves_out_the_last_block = edited(
    "fused_cross_entropy",
    {"range(0, columns, BLOCK)": "range(0, columns - BLOCK + 1, BLOCK)"},
    """Your walk ends with the last full block. Where do the remaining classes go?

    你的遍历到最后一个满块就结束了。剩下的类别去哪儿了？""",
)

adds_in_half_precision = edited(
    "fused_cross_entropy",
    {
        "sums * tl.exp(before - largest) + tl.exp(x - largest)": (
            "(sums * tl.exp(before - largest) + tl.exp(x - largest)).to(tl.float16)"
        )
    },
    """Your running sum is rounded to float16 after every block. In which dtype should a kernel accumulate?

    每加一个块，你的累加和就被舍入成 float16。kernel 该用哪种 dtype 累加？""",
)

loses_the_digits_of_a_small_loss = edited(
    "fused_cross_entropy",
    {"log_sum + (largest - right)": "(largest + log_sum) - right"},
    """With logits near 2000, lse is rounded to about 1e-4, and that is the error of your loss. What can be subtracted
    first, without any rounding?

    logits 在 2000 附近时，lse 会被舍入到约 1e-4，这就成了损失的误差。先减什么才完全不舍入？""",
)

takes_the_logarithm_to_base_two = edited(
    "fused_cross_entropy",
    {"tl.log(tl.sum(sums))": "tl.log2(tl.sum(sums))"},
    """exp2 and log2 are quick on a GPU, but the loss is in nats: convert, or use exp and log together.

    exp2 和 log2 在 GPU 上很快，但损失的单位是 nat：要么换算，要么 exp 与 log 配套使用。""",
)

looks_up_any_label = edited(
    "fused_cross_entropy",
    {"column_stride, mask=is_class)": "column_stride)"},
    """A label that is no class leads outside its row. What does your load read there, and whose memory is it?

    不是类别的标签会指到行外去。你的读取在那里读到什么？那是谁的内存？""",
)

masks_the_label_from_above_only = edited(
    "fused_cross_entropy",
    {"(label >= 0) & (label < columns)": "label < columns"},
    """−1 is no class, and in a kernel it does not mean the last one: it is the place before the row.

    −1 不是类别；在 kernel 里，它也不表示最后一类，而是这一行前面的位置。""",
)

ignores_every_negative_label = edited(
    "fused_cross_entropy",
    {"label != ignore_index": "label >= 0"},
    """`ignore_index` may be any number, also a class; and a negative label that is another number is a mistake.

    `ignore_index` 可以是任何数，包括某个类别；而别的负数标签是错误。""",
)

takes_ignored_labels_for_wrong_ones = edited(
    "fused_cross_entropy",
    {"if label != ignore_index:": "if columns > 0:"},
    """Rows with `ignore_index` are not told apart from wrong labels. What is asked of their programs?

    你没有把 `ignore_index` 的行与错误的标签区分开。处理这些行的程序该做什么？""",
)

takes_the_columns_for_the_stride = edited(
    "fused_cross_entropy",
    {"logits_ptr + row * row_stride": "logits_ptr + row * columns"},
    """You assume that the rows of the logits lie `columns` apart. Use the stride that the kernel is given.

    你假定 logits 的两行相隔 `columns`。请用 kernel 收到的步长。""",
)

looks_up_the_label_without_the_stride = edited(
    "fused_cross_entropy",
    {"x_ptr + label * column_stride": "x_ptr + label"},
    """The sum is right, the right class's logit is not: how far apart are two columns in memory?

    和是对的，正确类别的 logit 取错了：两列在内存里相隔多远？""",
)

all_programs_write_the_first_loss = edited(
    "fused_cross_entropy",
    {"tl.store(losses_ptr + row, log_sum": "tl.store(losses_ptr, log_sum"},
    """All your programs write their loss to the same place, and the last one wins. Which place is a program's own?

    你的所有程序都把损失写到同一个位置，最后写的那个获胜。哪个位置才属于某个程序？""",
)

forgets_the_maximum_in_lse = edited(
    "fused_cross_entropy",
    {"largest + log_sum": "log_sum"},
    """Your lse is that of the shifted logits. The backward gets it together with the logits as they are.

    你的 lse 是平移之后的 logits 的。反向收到的，是它和未平移的 logits。""",
)

forgets_the_right_class = edited(
    "fused_cross_entropy_backward",
    {"tl.where(column == label, probability - 1, probability)": "probability"},
    """What you return is softmax, weighted. Which term of the loss depends on the right class's logit alone?

    你返回的只是加了权的 softmax。损失里的哪一项只依赖正确类别的 logit？""",
)

adds_one_to_the_right_class = edited(
    "fused_cross_entropy_backward",
    {"probability - 1": "probability + 1"},
    """A step against your gradient makes the right logit smaller. Should it?

    沿着你的负梯度走一步，正确的 logit 会变小。应该这样吗？""",
)

every_block_has_a_right_class = edited(
    "fused_cross_entropy_backward",
    {"column == label": "tl.arange(0, BLOCK) == label"},
    """The label counts from the beginning of the row. From where do the places of your second block count?

    标签是从行首数起的。你的第二个块的位置是从哪里数起的？""",
)

forgets_the_gradient_of_the_losses = edited(
    "fused_cross_entropy_backward",
    {"scale * tl.where": "tl.where"},
    """Your gradient is that of the sum of all losses. By what does the chain rule multiply each row?

    你的梯度是所有损失之和的梯度。按链式法则，每一行还要乘上什么？""",
)

scales_the_probabilities_only = edited(
    "fused_cross_entropy_backward",
    {
        "scale * tl.where(column == label, probability - 1, probability)": (
            "tl.where(column == label, scale * probability - 1, scale * probability)"
        )
    },
    """The 1 of the right class belongs to the derivative of the loss too. What is multiplied by g?

    正确类别的那个 1 也是损失的导数的一部分。g 乘的是什么？""",
)

all_rows_have_the_first_gradient = edited(
    "fused_cross_entropy_backward",
    {"grad_losses_ptr + row": "grad_losses_ptr"},
    """Every loss has a gradient of its own, and you read that of row 0 each time.

    每个损失都有自己的梯度，而你每次读的都是第 0 行的。""",
)

normalises_within_the_block = edited(
    "fused_cross_entropy_backward",
    {
        "probability = tl.exp(x - tl.load(lse_ptr + row))": (
            "weight = tl.where(exists, tl.exp(x - tl.max(tl.where(exists, x, -1e30))), 0.0)\n"
            "        probability = weight / tl.sum(weight)"
        )
    },
    """Your probabilities sum to 1 in every block. Over what should they sum to 1, and who has summed already?

    你的概率在每个块里加起来是 1。它们应当在什么范围内加起来是 1？这个和是谁已经算过的？""",
)

writes_with_the_stride_of_the_input = edited(
    "fused_cross_entropy_backward",
    {"tl.store(grad_ptr + row * columns + column, gradient": "tl.store(grad_ptr + row * row_stride + column, gradient"},
    """The gradient is a new table with nothing between its rows. How far apart are they?

    梯度是一张新表，行与行之间没有空隙。它的两行相隔多远？""",
)

reads_with_the_stride_of_the_output = edited(
    "fused_cross_entropy_backward",
    {"logits_ptr + row * row_stride": "logits_ptr + row * columns"},
    """You assume that the rows of the logits lie `columns` apart. Use the stride that the kernel is given.

    你假定 logits 的两行相隔 `columns`。请用 kernel 收到的步长。""",
)

columns_lie_side_by_side = edited(
    "fused_cross_entropy_backward",
    {"column.to(tl.int64) * column_stride": "column"},
    """You assume that the columns of the logits are neighbours in memory. Those of a transposed table are not.

    你假定 logits 的各列在内存里相邻。转置的表并非如此。""",
)

writes_without_a_mask = edited(
    "fused_cross_entropy_backward",
    {"gradient, mask=exists": "gradient"},
    """Your store writes the whole block. The row is shorter, and behind it the next one begins.

    你的写入写了整个块。行比块短，行尾之后就是下一行。""",
)

all_blocks_are_the_first = edited(
    "fused_cross_entropy_backward",
    {"tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)": "tl.arange(0, BLOCK)"},
    """All programs of a row have the same columns, and the rest of the row is never written.

    一行的所有程序处理的都是相同的列，这一行的其余部分从未写入。""",
)

exponentiates_in_half_precision = edited(
    "fused_cross_entropy_backward",
    {"tl.exp(x - tl.load(lse_ptr + row))": "tl.exp((x - tl.load(lse_ptr + row)).to(tl.float16).to(tl.float32))"},
    """The difference from lse is rounded, and exp makes a relative error of that. In which dtype do you subtract?

    与 lse 之差被舍入了，取指数后就成了相对误差。减法是用哪种 dtype 做的？""",
)

ignores_minus_one_hundred_only = edited(
    "fused_cross_entropy_backward",
    {"label == ignore_index": "label == -100"},
    """−100 is only the default of `ignore_index`.

    −100 只是 `ignore_index` 的默认值。""",
)

multiplies_by_zero_where_the_label_is_ignored = edited(
    "fused_cross_entropy_backward",
    {
        "tl.zeros([BLOCK], dtype=tl.float32)": (
            "0.0 * tl.load(logits_ptr + row * row_stride + column.to(tl.int64) * column_stride, mask=exists)"
        )
    },
    """0 times NaN is NaN. What stands in an ignored row need not be a number, and need not be read.

    0 乘 NaN 还是 NaN。被忽略的行里不一定是数，也不必去读。""",
)

takes_a_label_that_is_no_class = edited(
    "fused_cross_entropy_backward",
    {"tl.where(is_class, tl.load(grad_losses_ptr + row).to(tl.float32), math.nan)": "tl.load(grad_losses_ptr + row)"},
    """A label that is no class has no 1 to take off, and your gradient looks all right. What should show the mistake?

    不是类别的标签没有 1 可减，而你的梯度看起来一切正常。错误该怎样显出来？""",
)
