"""What the judge runs of lab 2 besides the visible checks."""

import torch

from autograder.cases import case

# what is wrong with a probability of 1e-5 must show: the default atol is as large as that
FLOAT32 = {"dtypes": [torch.float32], "rtol": 1e-5, "atol": 1e-9}
# a result is rounded once; the formula in float64 may fall on the other side of the middle between two numbers, and
# below 6e-5 the numbers of float16 are 6e-8 apart
FLOAT16 = {"dtypes": [torch.float16], "rtol": 2**-10, "atol": 6e-8}
BFLOAT16 = {"dtypes": [torch.bfloat16], "rtol": 2**-7, "atol": 1e-9}


def _softmax(x):
    return torch.softmax(x.double(), dim=1).to(x.dtype)


@case("fused_softmax", agrees_with=_softmax, weight=2, **FLOAT32)
def one_column_more_and_less_than_a_block(fused_softmax, draw):
    """比一个块多一列、少一列"""
    return [fused_softmax(draw.normal(2, columns)) for columns in (127, 128, 129, 1023, 1025)]


@case("fused_softmax", agrees_with=_softmax, weight=2, **FLOAT32)
def many_short_rows(fused_softmax, draw):
    """很多短行"""
    return fused_softmax(draw.normal(draw.integer(9, 15), 7, scale=3))


@case("fused_softmax", agrees_with=_softmax, **FLOAT32)
def the_longest_row_there_may_be(fused_softmax, draw):
    """允许的最长的行"""
    return fused_softmax(draw.normal(2, 32768, loc=5))


@case("fused_softmax", agrees_with=_softmax, weight=2, **FLOAT32)
def rows_cut_out_of_a_wider_table(fused_softmax, draw):
    """从更宽的表里切出来的行"""
    return fused_softmax(draw.normal(5, 60)[:, 9:50])


@case("fused_softmax", agrees_with=_softmax, **FLOAT32)
def a_transposed_table_and_every_other_column(fused_softmax, draw):
    """转置的表，与隔列取出的表"""
    return [fused_softmax(draw.normal(24, 5).mT), fused_softmax(draw.strided(draw.normal(4, 11)))]


@case("fused_softmax", agrees_with=_softmax, **FLOAT32)
def the_same_row_expanded(fused_softmax, draw):
    """由一行扩展（expand）而成的表"""
    return fused_softmax(draw.normal(1, 19).expand(4, 19))


@case("fused_softmax", agrees_with=_softmax, facet="numerics", **FLOAT32)
def logits_of_ten_thousand(fused_softmax, draw):
    """一万大小的 logits"""
    return [fused_softmax(draw.normal(3, 21, loc=loc)) for loc in (1e4, -1e4, 100, -100)]


@case("fused_softmax", agrees_with=_softmax, facet="numerics", **FLOAT32)
def impossible_classes_and_a_row_of_nothing_else(fused_softmax, draw):
    """不可能的类别，以及全是 −inf 的一行"""
    x = draw.normal(5, 37)
    x[draw.mask(5, 37, p=0.4)] = -torch.inf
    x[2] = -torch.inf
    x[3, :36] = -torch.inf
    x[3, 36] = -500
    return fused_softmax(x)


@case("fused_softmax", agrees_with=_softmax, facet="numerics", **FLOAT32)
def the_lowest_number_as_a_mask(fused_softmax, draw):
    """用最小的有限数做掩码"""
    x = draw.normal(3, 30)
    x[0, 5:] = x[1] = torch.finfo(x.dtype).min
    return fused_softmax(x)


@case("fused_softmax", agrees_with=_softmax, weight=2, facet="numerics", **FLOAT16)
def half_precision_is_rounded_once(fused_softmax, draw):
    """半精度只舍入一次"""
    return fused_softmax(draw.normal(4, 1500, scale=4))


@case("fused_softmax", agrees_with=_softmax, facet="numerics", **FLOAT16)
def a_sum_that_half_precision_cannot_hold(fused_softmax, draw):
    """半精度存不准的和"""
    return fused_softmax(draw.normal(2, 5001, scale=0.02))


@case("fused_softmax", agrees_with=_softmax, facet="numerics", **BFLOAT16)
def bfloat16_is_rounded_once(fused_softmax, draw):
    """bfloat16 只舍入一次"""
    return fused_softmax(draw.normal(4, 700, scale=4))


@case("fused_softmax", agrees_with=_softmax, facet="interface", dtypes=[torch.float32, torch.float16, torch.bfloat16])
def one_row_one_column_and_no_rows(fused_softmax, draw):
    """一行、一列、没有行"""
    return [fused_softmax(draw.normal(*shape)) for shape in ((1, 1), (1, 2), (6, 1), (0, 5))]


@case("fused_softmax", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_row_too_long_for_a_block_is_refused(fused_softmax, draw):
    """拒绝一个块装不下的行"""
    return fused_softmax(draw.normal(1, 32769))


@case("fused_softmax", raises=ValueError, facet="interface", dtypes=[torch.float32])
def no_columns_are_refused(fused_softmax, draw):
    """拒绝没有列的表"""
    return fused_softmax(draw.normal(3, 0))


@case("fused_softmax", raises=ValueError, facet="interface", dtypes=[torch.float32])
def what_is_no_table_is_refused(fused_softmax, draw):
    """拒绝不是表的张量"""
    return fused_softmax(draw.normal(2, 3, 4))


@case("online_softmax", agrees_with=_softmax, weight=2, **FLOAT32)
def rows_of_just_some_blocks_and_a_column_more_or_less(online_softmax, draw):
    """恰好若干块，以及多一列、少一列"""
    return [online_softmax(draw.normal(*shape)) for shape in ((1, 8192), (1, 8191), (2, 8193), (1, 16384))]


@case("online_softmax", agrees_with=_softmax, weight=2, **FLOAT32)
def logits_that_grow_along_the_row(online_softmax, draw):
    """沿着行越来越大的 logits"""
    slope = torch.linspace(0, 40, 20000, dtype=draw.dtype)
    return [online_softmax(draw.normal(1, 20000) + slope), online_softmax(draw.normal(1, 20000) - slope)]


@case("online_softmax", agrees_with=_softmax, weight=2, **FLOAT32)
def rows_of_a_vocabulary(online_softmax, draw):
    """词表大小的行"""
    return online_softmax(draw.normal(1, 50257, scale=3))


@case("online_softmax", agrees_with=_softmax, **FLOAT32)
def many_short_rows_of_all_lengths(online_softmax, draw):
    """很多短行，各种长度"""
    return [
        online_softmax(draw.normal(rows, columns, scale=3)) for rows, columns in ((2, 7), (draw.integer(3, 6), 100))
    ]


@case("online_softmax", agrees_with=_softmax, weight=2, **FLOAT32)
def long_rows_cut_out_of_a_wider_table(online_softmax, draw):
    """从更宽的表里切出来的长行"""
    return online_softmax(draw.normal(2, 9000)[:, 77:8500])


@case("online_softmax", agrees_with=_softmax, **FLOAT32)
def a_transposed_table_and_every_other_column_of_long_rows(online_softmax, draw):
    """转置的表，与隔列取出的表"""
    return [online_softmax(draw.normal(9000, 2).mT), online_softmax(draw.strided(draw.normal(2, 8200)))]


@case("online_softmax", agrees_with=_softmax, facet="numerics", **FLOAT32)
def long_rows_far_from_zero(online_softmax, draw):
    """远离零的长行"""
    return [online_softmax(draw.normal(1, 9000, loc=loc)) for loc in (1e4, -1e4, 100, -150)]


@case("online_softmax", agrees_with=_softmax, facet="numerics", **FLOAT32)
def blocks_of_nothing_but_impossible_classes(online_softmax, draw):
    """整块都是不可能的类别"""
    x = draw.normal(5, 25000)
    x[0, :17000] = -torch.inf
    x[1, 8000:] = -torch.inf
    x[2, 8000:17000] = -torch.inf
    x[3] = -torch.inf
    x[4, draw.mask(25000, p=0.5)] = -torch.inf
    return online_softmax(x)


@case("online_softmax", agrees_with=_softmax, facet="numerics", **FLOAT32)
def the_lowest_number_as_a_mask_of_long_rows(online_softmax, draw):
    """用最小的有限数做长行的掩码"""
    x = draw.normal(3, 9000)
    x[0, :8500] = x[1] = torch.finfo(x.dtype).min
    return online_softmax(x)


@case("online_softmax", agrees_with=_softmax, weight=2, facet="numerics", **FLOAT16)
def half_precision_of_long_rows_is_rounded_once(online_softmax, draw):
    """长行的半精度只舍入一次"""
    return online_softmax(draw.normal(1, 20001, scale=4))


@case("online_softmax", agrees_with=_softmax, facet="numerics", **FLOAT16)
def a_sum_beyond_the_largest_number_of_half_precision(online_softmax, draw):
    """超过半精度最大数的和"""
    return online_softmax(draw.normal(1, 90001, scale=0.02))


@case("online_softmax", agrees_with=_softmax, facet="numerics", **BFLOAT16)
def bfloat16_of_long_rows_is_rounded_once(online_softmax, draw):
    """长行的 bfloat16 只舍入一次"""
    return online_softmax(draw.normal(1, 20001, scale=4))


@case("online_softmax", agrees_with=_softmax, facet="interface", dtypes=[torch.float32])
def a_single_column_and_no_rows(online_softmax, draw):
    """单独一列、没有行"""
    return [online_softmax(draw.normal(*shape)) for shape in ((1, 2), (3, 1), (0, 5))]


@case("online_softmax", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_table_without_columns_is_refused(online_softmax, draw):
    """拒绝没有列的表"""
    return online_softmax(draw.normal(3, 0))


@case("online_softmax", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_vector_is_refused(online_softmax, draw):
    """拒绝向量"""
    return online_softmax(draw.normal(8))
