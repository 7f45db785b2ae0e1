"""What the judge runs of lab 3 besides the visible checks."""

import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import largest_tensor

HALVES = [torch.float16, torch.bfloat16]
ALL = [torch.float32, *HALVES]
# what is wrong with a probability of 1e-5 must show: the default atol is as large as that
FLOAT32 = {"dtypes": [torch.float32], "rtol": 1e-5, "atol": 1e-9}
# a result is rounded once; the formula in float64 may fall on the other side of the middle between two numbers, and
# below 6e-5 the numbers of float16 are 6e-8 apart
FLOAT16 = {"dtypes": [torch.float16], "rtol": 2**-10, "atol": 6e-8}
BFLOAT16 = {"dtypes": [torch.bfloat16], "rtol": 2**-7, "atol": 1e-9}


def _losses(wide, labels, ignore_index):
    """The builtin's, and NaN where the label is no class and the builtin would raise."""
    ignored = labels == ignore_index
    known = ignored | ((labels >= 0) & (labels < wide.shape[1]))
    losses = F.cross_entropy(wide, torch.where(known, labels, 0), ignore_index=ignore_index, reduction="none")
    return torch.where(known, losses, torch.nan), ignored, known


def _cross_entropy(logits, labels, ignore_index=-100):
    wide = logits.double()
    losses, ignored, _ = _losses(wide, labels, ignore_index)
    return losses.float(), torch.logsumexp(wide, dim=1).masked_fill(ignored, 0).float()


def _gradient(grad_losses, logits, labels, lse, ignore_index=-100):
    wide = logits.double().requires_grad_()
    losses, ignored, known = _losses(wide, labels, ignore_index)
    gradient = torch.autograd.grad(losses, wide, grad_losses.double())[0]
    gradient = gradient.masked_fill(ignored[:, None], 0)  # autograd multiplies NaN by 0
    return gradient.masked_fill(~known[:, None], torch.nan).to(logits.dtype)


def _by_the_given_lse(grad_losses, logits, labels, lse):
    share = torch.exp(logits.double() - lse.double()[:, None]) - F.one_hot(labels, logits.shape[1])
    return (grad_losses.double()[:, None] * share).to(logits.dtype)


def _labelled(draw, rows, columns, **options):
    """Logits and a label for each row."""
    return draw.normal(rows, columns, **options), draw.integers(0, columns, rows)


def _given(draw, rows, columns, **options):
    """What the backward gets: gradients by the losses, logits, labels and lse."""
    logits, labels = _labelled(draw, rows, columns, **options)
    return draw.normal(rows).float(), logits, labels, torch.logsumexp(logits.float(), dim=1)


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], weight=2)
def rows_of_just_a_block_and_a_class_more_or_less(fused_cross_entropy, draw):
    """恰好一个块，以及多一类、少一类"""
    return [fused_cross_entropy(*_labelled(draw, 2, columns)) for columns in (4095, 4096, 4097, 8193)]


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], weight=2)
def many_rows_of_few_classes(fused_cross_entropy, draw):
    """很多行，类别很少"""
    return fused_cross_entropy(*_labelled(draw, draw.integer(12, 18), 7, scale=3))


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32])
def the_first_and_the_last_class_of_a_block(fused_cross_entropy, draw):
    """每个块的第一类与最后一类"""
    return fused_cross_entropy(draw.normal(5, 8250), torch.tensor([0, 4095, 4096, 8191, 8249]))


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], weight=2)
def logits_that_grow_or_fall_along_the_row(fused_cross_entropy, draw):
    """沿着行越来越大或越来越小的 logits"""
    slope = torch.linspace(-40, 40, 9000, dtype=draw.dtype)
    logits, labels = _labelled(draw, 2, 9000)
    return [fused_cross_entropy(logits + slope, labels), fused_cross_entropy(logits - slope, labels)]


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], weight=2)
def rows_cut_out_of_a_wider_table(fused_cross_entropy, draw):
    """从更宽的表里切出来的行"""
    logits, labels = _labelled(draw, 5, 41)
    return fused_cross_entropy(torch.cat([draw.normal(5, 9), logits, draw.normal(5, 10)], dim=1)[:, 9:50], labels)


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], weight=2)
def columns_that_are_not_neighbours_and_labels_that_are_not(fused_cross_entropy, draw):
    """列不相邻的表，标签也不相邻"""
    logits, labels = _labelled(draw, 4, 5000)
    table = draw.strided(draw.normal(5, 30))
    return [
        fused_cross_entropy(logits[:2].mT.contiguous().mT, labels[::2]),
        fused_cross_entropy(table, draw.strided(draw.integers(0, 30, 5))),
    ]


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32])
def other_labels_may_be_ignored_also_a_class(fused_cross_entropy, draw):
    """也可以忽略别的标签，甚至某一类"""
    logits = draw.normal(5, 9)
    return [
        fused_cross_entropy(logits, torch.tensor([3, -1, 8, 0, -1]), -1),
        fused_cross_entropy(logits, torch.tensor([0, 1, 0, 8, 4]), ignore_index=0),
        fused_cross_entropy(logits, torch.tensor([9, 1, 2, 9, 8]), ignore_index=9),
    ]


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], facet="numerics")
def whatever_an_ignored_row_holds(fused_cross_entropy, draw):
    """被忽略的行里有什么都无所谓"""
    logits, labels = _labelled(draw, 4, 30)
    logits[1], logits[2] = torch.nan, -torch.inf
    labels[1:3] = -100
    return fused_cross_entropy(logits, labels)


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], facet="numerics")
def a_label_that_is_no_class(fused_cross_entropy, draw):
    """不是任何类别的标签"""
    return [
        fused_cross_entropy(draw.normal(5, 12), torch.tensor([3, 12, -1, -12, 11])),
        fused_cross_entropy(draw.normal(3, 8200), torch.tensor([8200, 1 << 40, 0])),
    ]


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], facet="numerics")
def logits_of_ten_thousand(fused_cross_entropy, draw):
    """一万大小的 logits"""
    return [fused_cross_entropy(*_labelled(draw, 2, 21, loc=loc)) for loc in (1e4, -1e4, -150)]


# the sum is near 1, so a rounding of it is 6e-8, and a few of them are of that size in its logarithm
SMALL_LOSS = {"dtypes": [torch.float32], "rtol": 1e-5, "atol": 1e-6}


@case("fused_cross_entropy", agrees_with=_cross_entropy, facet="numerics", **SMALL_LOSS)
def a_small_loss_among_large_logits(fused_cross_entropy, draw):
    """大 logits 之间的小损失"""
    logits, labels = _labelled(draw, 4, 9000, loc=2000)
    logits = (logits * 16).round() / 16
    logits[torch.arange(4), labels] = torch.tensor([2016.0, 2017.5, 2019.0, 2021.0])
    return fused_cross_entropy(logits, labels)[0]


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], facet="numerics")
def impossible_classes_blocks_and_rows(fused_cross_entropy, draw):
    """不可能的类别、整块都不可能、整行都不可能"""
    logits, labels = draw.normal(6, 9000), torch.tensor([8500, 5, 8900, 100, 3, 9])
    logits[0, :5000] = logits[1, 4000:] = logits[2, 100:8500] = -torch.inf
    logits[3] = -torch.inf
    logits[4, 3] = -torch.inf
    logits[5, draw.mask(9000)] = -torch.inf
    return fused_cross_entropy(logits, labels)


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], facet="numerics")
def the_lowest_number_as_a_mask(fused_cross_entropy, draw):
    """用最小的有限数做掩码"""
    logits, labels = draw.normal(3, 9000), torch.tensor([8900, 7, 40])
    logits[0, :8500] = logits[1] = torch.finfo(logits.dtype).min
    return fused_cross_entropy(logits, labels)


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32], facet="numerics")
def a_logit_that_is_not_a_number_spoils_its_row_only(fused_cross_entropy, draw):
    """一个 NaN 的 logit 只毁掉它那一行"""
    logits, labels = _labelled(draw, 3, 8300)
    logits[1, draw.integer(0, 8300)] = torch.nan
    return fused_cross_entropy(logits, labels)


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=HALVES, weight=2, facet="numerics")
def half_precision_goes_in_and_float32_comes_out(fused_cross_entropy, draw):
    """半精度进，float32 出"""
    return fused_cross_entropy(*_labelled(draw, 3, 9001, scale=4))


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=HALVES, facet="numerics")
def a_sum_that_half_precision_cannot_hold(fused_cross_entropy, draw):
    """半精度存不下的和"""
    return fused_cross_entropy(*_labelled(draw, 1, 70001, scale=0.02))


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.bfloat16], weight=2)
def a_vocabulary_of_128256(fused_cross_entropy, draw):
    """128256 个词的词表"""
    return fused_cross_entropy(*_labelled(draw, 1, 128256, scale=3))


# In the interpreter a launch copies what lies in memory, which of one expanded row is little
@case("fused_cross_entropy", expected=True, dtypes=[torch.float32], facet="memory")
def no_table_as_large_as_the_logits_is_made(fused_cross_entropy, draw):
    """不产生和 logits 一样大的表"""
    logits = draw.normal(1, 80000).expand(33, 80000)
    labels = torch.full((33,), -100)
    labels[draw.integer(0, 33)] = 7
    return largest_tensor(fused_cross_entropy, logits, labels) < logits.numel()


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=ALL, facet="interface")
def one_row_one_class_and_no_rows(fused_cross_entropy, draw):
    """一行、一类、没有行"""
    return [fused_cross_entropy(*_labelled(draw, *shape)) for shape in ((1, 1), (3, 1), (0, 5))]


@case("fused_cross_entropy", raises=ValueError, facet="interface", dtypes=[torch.float32])
def labels_for_other_rows_are_refused(fused_cross_entropy, draw):
    """拒绝个数不符的标签"""
    return fused_cross_entropy(draw.normal(4, 6), draw.integers(0, 4, 6))


@case("fused_cross_entropy", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_table_of_labels_is_refused(fused_cross_entropy, draw):
    """拒绝标签表"""
    return fused_cross_entropy(draw.normal(4, 6), draw.integers(0, 4, 4, 1))


@case("fused_cross_entropy", raises=ValueError, facet="interface", dtypes=[torch.float32])
def logits_without_classes_are_refused(fused_cross_entropy, draw):
    """拒绝没有类别的 logits"""
    return fused_cross_entropy(draw.normal(3, 0), torch.zeros(3, dtype=torch.long))


@case("fused_cross_entropy", raises=ValueError, facet="interface", dtypes=[torch.float32])
def logits_that_are_no_table_are_refused(fused_cross_entropy, draw):
    """拒绝不是表的 logits"""
    return fused_cross_entropy(draw.normal(2, 3, 4), draw.integers(0, 3, 2))


@case("fused_cross_entropy_backward", agrees_with=_gradient, weight=2, **FLOAT32)
def gradients_of_just_a_block_and_a_class_more_or_less(fused_cross_entropy_backward, draw):
    """恰好一个块，以及多一类、少一类"""
    return [fused_cross_entropy_backward(*_given(draw, 2, columns)) for columns in (4095, 4096, 4097, 8193)]


# where the right class is nearly certain, p − 1 is a difference of numbers near 1, with a few roundings of 6e-8
@case("fused_cross_entropy_backward", agrees_with=_gradient, dtypes=[torch.float32], weight=2, rtol=1e-5, atol=1e-6)
def gradients_of_many_rows(fused_cross_entropy_backward, draw):
    """很多行的梯度"""
    return fused_cross_entropy_backward(*_given(draw, draw.integer(12, 18), 9, scale=3))


@case("fused_cross_entropy_backward", agrees_with=_gradient, **FLOAT32)
def labels_on_the_edges_of_blocks(fused_cross_entropy_backward, draw):
    """块边界上的标签"""
    grad_losses, logits, _, lse = _given(draw, 5, 8200)
    return fused_cross_entropy_backward(grad_losses, logits, torch.tensor([0, 4095, 4096, 8191, 8199]), lse)


@case("fused_cross_entropy_backward", agrees_with=_gradient, weight=2, **FLOAT32)
def logits_cut_out_of_a_wider_table(fused_cross_entropy_backward, draw):
    """从更宽的表里切出来的 logits"""
    grad_losses, logits, labels, lse = _given(draw, 5, 41)
    wider = torch.cat([draw.normal(5, 9), logits, draw.normal(5, 10)], dim=1)
    return fused_cross_entropy_backward(grad_losses, wider[:, 9:50], labels, lse)


@case("fused_cross_entropy_backward", agrees_with=_gradient, weight=2, **FLOAT32)
def a_transposed_table_and_strided_numbers(fused_cross_entropy_backward, draw):
    """转置的表，与不相邻的各个数"""
    grad_losses, logits, labels, lse = _given(draw, 4, 5000)
    return [
        fused_cross_entropy_backward(grad_losses, logits.mT.contiguous().mT, draw.strided(labels), lse),
        fused_cross_entropy_backward(draw.strided(grad_losses), draw.strided(logits), labels, draw.strided(lse)),
    ]


@case("fused_cross_entropy_backward", agrees_with=_gradient, **FLOAT32)
def the_gradient_of_a_mean(fused_cross_entropy_backward, draw):
    """均值的梯度：同一个数，各行共用"""
    _, logits, labels, lse = _given(draw, 6, 33)
    return fused_cross_entropy_backward(torch.tensor(1 / 6).expand(6), logits, labels, lse)


@case("fused_cross_entropy_backward", agrees_with=_by_the_given_lse, **FLOAT32)
def classes_that_lie_on_other_cards_are_in_lse(fused_cross_entropy_backward, draw):
    """lse 里包含别的卡上的类别"""
    grad_losses, logits, labels, lse = _given(draw, 3, 60)
    return fused_cross_entropy_backward(grad_losses, logits, labels, lse + draw.uniform(3, low=0.5, high=2))


@case("fused_cross_entropy_backward", agrees_with=_gradient, **FLOAT32)
def gradients_with_other_labels_ignored(fused_cross_entropy_backward, draw):
    """忽略别的标签时的梯度"""
    grad_losses, logits, _, lse = _given(draw, 5, 4100)
    return [
        fused_cross_entropy_backward(grad_losses, logits, torch.tensor([3, -1, 8, 4099, -1]), lse, -1),
        fused_cross_entropy_backward(grad_losses, logits, torch.tensor([0, 1, 0, 8, 4]), lse, ignore_index=0),
        fused_cross_entropy_backward(grad_losses, logits, torch.tensor([4100, 1, 2, 4100, 8]), lse, ignore_index=4100),
    ]


@case("fused_cross_entropy_backward", agrees_with=_gradient, facet="numerics", **FLOAT32)
def whatever_an_ignored_row_was_given(fused_cross_entropy_backward, draw):
    """被忽略的行收到什么都无所谓"""
    grad_losses, logits, labels, lse = _given(draw, 5, 30)
    labels[1:4] = -100
    logits[1], lse[2], grad_losses[3] = torch.nan, 0, torch.inf
    return fused_cross_entropy_backward(grad_losses, logits, labels, lse)


@case("fused_cross_entropy_backward", agrees_with=_gradient, facet="numerics", **FLOAT32)
def the_gradient_where_the_label_is_no_class(fused_cross_entropy_backward, draw):
    """标签不是任何类别时的梯度"""
    grad_losses, logits, _, lse = _given(draw, 5, 12)
    return fused_cross_entropy_backward(grad_losses, logits, torch.tensor([3, 12, -1, 1 << 40, 11]), lse)


@case("fused_cross_entropy_backward", agrees_with=_by_the_given_lse, facet="numerics", **FLOAT32)
def gradients_far_from_zero(fused_cross_entropy_backward, draw):
    """远离零的 logits 的梯度"""
    return [fused_cross_entropy_backward(*_given(draw, 3, 40, loc=loc)) for loc in (1e4, -1e4, 100)]


@case("fused_cross_entropy_backward", agrees_with=_gradient, facet="numerics", **FLOAT32)
def impossible_classes_have_no_gradient(fused_cross_entropy_backward, draw):
    """不可能的类别没有梯度"""
    grad_losses, logits, labels, _ = _given(draw, 4, 37)
    logits[draw.mask(4, 37, p=0.4)] = -torch.inf
    logits[:, 36] = 0
    logits[2] = -torch.inf
    return fused_cross_entropy_backward(grad_losses, logits, labels, torch.logsumexp(logits, 1))


@case("fused_cross_entropy_backward", agrees_with=_gradient, weight=2, facet="numerics", **FLOAT16)
def gradients_in_half_precision_are_rounded_once(fused_cross_entropy_backward, draw):
    """半精度的梯度只舍入一次"""
    return fused_cross_entropy_backward(*_given(draw, 3, 4500, scale=4))


@case("fused_cross_entropy_backward", agrees_with=_gradient, weight=2, facet="numerics", **BFLOAT16)
def gradients_in_bfloat16_are_rounded_once(fused_cross_entropy_backward, draw):
    """bfloat16 的梯度只舍入一次"""
    return fused_cross_entropy_backward(*_given(draw, 3, 4500, scale=4))


# scaled up as a loss scaler does: the products are beyond 6e-5, where float16 has all its bits
@case("fused_cross_entropy_backward", agrees_with=_gradient, facet="numerics", **FLOAT16)
def probabilities_that_half_precision_cannot_hold(fused_cross_entropy_backward, draw):
    """半精度存不下的概率，乘上放大了的梯度"""
    _, logits, labels, lse = _given(draw, 2, 9000, scale=2)
    return fused_cross_entropy_backward(draw.uniform(2, low=2e4, high=5e4).float(), logits, labels, lse)


@case("fused_cross_entropy_backward", agrees_with=_gradient, **FLOAT32)
def gradients_of_a_vocabulary(fused_cross_entropy_backward, draw):
    """整个词表的梯度"""
    return fused_cross_entropy_backward(*_given(draw, 2, 50257))


@case("fused_cross_entropy_backward", agrees_with=_gradient, facet="interface", dtypes=ALL)
def gradients_of_one_row_one_class_and_no_rows(fused_cross_entropy_backward, draw):
    """一行、一类、没有行的梯度"""
    return [fused_cross_entropy_backward(*_given(draw, *shape)) for shape in ((1, 1), (3, 1), (0, 5))]


@case("fused_cross_entropy_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_gradient_too_few_is_refused(fused_cross_entropy_backward, draw):
    """拒绝少一个梯度"""
    grad_losses, logits, labels, lse = _given(draw, 4, 6)
    return fused_cross_entropy_backward(grad_losses[:3], logits, labels, lse)


@case("fused_cross_entropy_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_label_too_many_is_refused(fused_cross_entropy_backward, draw):
    """拒绝多一个标签"""
    grad_losses, logits, _, lse = _given(draw, 4, 6)
    return fused_cross_entropy_backward(grad_losses, logits, draw.integers(0, 6, 5), lse)


@case("fused_cross_entropy_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def an_lse_for_the_whole_batch_is_refused(fused_cross_entropy_backward, draw):
    """拒绝整批共用的一个 lse"""
    grad_losses, logits, labels, lse = _given(draw, 4, 6)
    return fused_cross_entropy_backward(grad_losses, logits, labels, lse.sum())


@case("fused_cross_entropy_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_vector_of_logits_is_refused(fused_cross_entropy_backward, draw):
    """拒绝一维的 logits"""
    return fused_cross_entropy_backward(draw.normal(4), draw.normal(4), draw.integers(0, 4, 4), draw.normal(4))


@case("fused_cross_entropy_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def no_classes_are_refused(fused_cross_entropy_backward, draw):
    """拒绝没有类别的表"""
    labels = torch.zeros(3, dtype=torch.long)
    return fused_cross_entropy_backward(draw.normal(3), draw.normal(3, 0), labels, draw.normal(3))
