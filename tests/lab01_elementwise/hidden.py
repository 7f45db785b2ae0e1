"""What the judge runs of lab 1 besides the visible checks."""

import torch
import torch.nn.functional as F

from autograder.cases import case

HALVES = [torch.float16, torch.bfloat16]
ALL = [torch.float32, *HALVES]
# a result is rounded once; the formula in float64 may fall on the other side of the middle between two numbers
ONE_ROUNDING = {"rtol": 2**-7, "atol": 1e-6}


def _addcmul(a, b, c):
    return torch.addcmul(c.double(), a.double(), b.double()).to(a.dtype)


def _swiglu(x):
    gate, value = x.double().chunk(2, dim=1)
    return (F.silu(gate) * value).to(x.dtype)


@case("fused_hadamard_add", agrees_with=_addcmul, dtypes=ALL, weight=2)
def sizes_around_a_block(fused_hadamard_add, draw):
    """块大小附近的各种长度"""
    return [fused_hadamard_add(*draw.normals(3, (n,))) for n in (1023, 1025, 2047, 3073)]


@case("fused_hadamard_add", agrees_with=_addcmul, dtypes=[torch.float32], weight=2)
def nearly_a_hundred_thousand_elements(fused_hadamard_add, draw):
    """近十万个元素"""
    return fused_hadamard_add(*draw.normals(3, (draw.integer(90_000, 99_000),)))


@case("fused_hadamard_add", agrees_with=_addcmul, dtypes=[torch.float32])
def tensors_that_are_not_contiguous(fused_hadamard_add, draw):
    """不连续的张量"""
    a, b, c = draw.normals(3, (37, 41))
    return fused_hadamard_add(a.mT, draw.strided(b.mT), c.mT.contiguous())


@case("fused_hadamard_add", agrees_with=_addcmul, dtypes=[torch.float16], facet="numerics")
def a_product_that_half_precision_cannot_hold(fused_hadamard_add, draw):
    """半精度装不下的乘积：300 · 300 − 89000"""
    a = draw.uniform(500, low=295, high=305)
    return fused_hadamard_add(a, a, -(a.float() ** 2 - draw.uniform(500).float() * 100).clamp(max=65000).to(a.dtype))


@case("fused_hadamard_add", agrees_with=_addcmul, dtypes=HALVES, facet="numerics")
def half_precision_is_rounded_once(fused_hadamard_add, draw):
    """半精度只舍入一次"""
    a, b = draw.normals(2, (3000,))
    return fused_hadamard_add(a, b, -(a.float() * b.float()).to(a.dtype))


@case("fused_hadamard_add", agrees_with=_addcmul, dtypes=ALL, facet="interface")
def empty_tensors_and_single_numbers(fused_hadamard_add, draw):
    """空张量与单个数"""
    return [fused_hadamard_add(*draw.normals(3, shape)) for shape in ((0,), (4, 0), (), (1, 1, 1))]


@case("fused_hadamard_add", raises=ValueError, facet="interface", dtypes=[torch.float32])
def shapes_that_differ_are_refused(fused_hadamard_add, draw):
    """拒绝不同的形状"""
    return fused_hadamard_add(draw.normal(6), draw.normal(2, 3), draw.normal(6))


@case("fused_hadamard_add", raises=ValueError, facet="interface", dtypes=[torch.float32])
def nothing_is_broadcast(fused_hadamard_add, draw):
    """不广播"""
    return fused_hadamard_add(draw.normal(4, 3), draw.normal(4, 3), draw.normal(3))


@case("fused_swiglu", agrees_with=_swiglu, dtypes=ALL, weight=2, **ONE_ROUNDING)
def widths_around_a_block(fused_swiglu, draw):
    """块大小附近的各种宽度"""
    return [fused_swiglu(draw.normal(3, 2 * width)) for width in (511, 513, 1025)]


@case("fused_swiglu", agrees_with=_swiglu, dtypes=[torch.float32], weight=2)
def many_rows(fused_swiglu, draw):
    """很多行"""
    return fused_swiglu(draw.normal(draw.integer(40, 60), 2 * 33))


@case("fused_swiglu", agrees_with=_swiglu, dtypes=[torch.float32], weight=2)
def rows_cut_out_of_a_wider_table(fused_swiglu, draw):
    """从更宽的表里切出来的行"""
    return fused_swiglu(draw.normal(7, 50)[:, 6:36])


@case("fused_swiglu", agrees_with=_swiglu, dtypes=[torch.float32])
def a_transposed_table(fused_swiglu, draw):
    """转置的表"""
    return fused_swiglu(draw.normal(24, 5).mT)


@case("fused_swiglu", agrees_with=_swiglu, dtypes=ALL, facet="numerics", **ONE_ROUNDING)
def gates_that_are_far_from_zero(fused_swiglu, draw):
    """离零很远的门"""
    x = draw.normal(4, 60)
    x[0, :30], x[1, :30] = 1000, -1000
    x[2, :30] = x[2, :30] * 30
    return fused_swiglu(x)


@case("fused_swiglu", agrees_with=_swiglu, dtypes=HALVES, facet="numerics", rtol=2**-7, atol=1e-7)
def half_precision_keeps_small_products(fused_swiglu, draw):
    """半精度保住小的乘积"""
    return fused_swiglu(torch.cat([draw.normal(5, 300, loc=-9), draw.normal(5, 300, scale=100)], dim=1))


@case("fused_swiglu", agrees_with=_swiglu, dtypes=ALL, facet="interface")
def one_row_one_column_and_none(fused_swiglu, draw):
    """一行、一列、空表"""
    return [fused_swiglu(draw.normal(*shape)) for shape in ((1, 2), (0, 6), (5, 0), (1, 40))]


@case("fused_swiglu", raises=ValueError, facet="interface", dtypes=[torch.float32])
def an_odd_number_of_columns_is_refused(fused_swiglu, draw):
    """拒绝奇数列"""
    return fused_swiglu(draw.normal(4, 7))


@case("fused_swiglu", raises=ValueError, facet="interface", dtypes=[torch.float32])
def what_is_no_table_is_refused(fused_swiglu, draw):
    """拒绝不是表的张量"""
    return fused_swiglu(draw.normal(8))
