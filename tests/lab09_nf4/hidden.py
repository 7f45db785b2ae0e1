"""What the judge runs of lab 9 besides the visible checks."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import ndtri

from autograder.cases import case

ONLY32 = [torch.float32]
ONLY16 = [torch.float16]
HALVES = [torch.float16, torch.bfloat16]
ALL = [torch.float32, *HALVES]


def _levels():
    quantiles = [ndtri(np.linspace(0.5, 0.9677083, points)) for points in (9, 8)]
    levels = np.concatenate([-quantiles[1][:0:-1], quantiles[0]])
    return torch.tensor(levels / levels.max()).float().double()


def _dequantize(packed, absmax, shape, block_size=64, dtype=torch.float16):
    count = math.prod(shape)
    codes = torch.stack([packed // 16, packed % 16], dim=-1).flatten()[:count].long()
    scales = absmax.double().repeat_interleave(block_size)[:count]
    return (_levels()[codes] * scales).reshape(shape).to(dtype)


def _linear(x, packed, absmax, shape, block_size=64):
    weight = _dequantize(packed, absmax, shape, block_size, x.dtype)
    return F.linear(x.double(), weight.double()).to(x.dtype)


def _stored(draw, count, block_size=64):
    packed = draw.integers(0, 256, -(-count // 2)).to(torch.uint8)
    return packed, draw.uniform(-(-count // block_size), low=0.5, high=2)


def _positive(draw, count, block_size=64):
    """Codes of 8 to 15 only, whose levels are positive: sums without cancellation."""
    packed, absmax = _stored(draw, count, block_size)
    return packed | 0x88, absmax


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ALL, weight=2)
def sizes_around_those_of_a_program(dequantize_nf4, draw):
    """一个程序所管大小附近的各种长度"""
    return [dequantize_nf4(*_stored(draw, n), (n,), dtype=draw.dtype) for n in (2047, 2048, 2049, 4095, 4160)]


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ONLY32, weight=2)
def a_large_matrix(dequantize_nf4, draw):
    """一个大矩阵"""
    rows = draw.integer(40, 60)
    return dequantize_nf4(*_stored(draw, rows * 1023), (rows, 1023), dtype=torch.float32)


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ONLY32, weight=2)
def other_block_sizes(dequantize_nf4, draw):
    """其他的块大小"""
    return [
        dequantize_nf4(*_stored(draw, 2500, size), (50, 50), size, torch.float32)
        for size in (1, 3, 32, 100, 256, 2500, 4096)
    ]


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ONLY32)
def blocks_that_end_in_the_middle_of_a_row_and_of_a_byte(dequantize_nf4, draw):
    """在一行中间、一个字节中间结束的块"""
    return dequantize_nf4(*_stored(draw, 7 * 3 * 11, 17), (7, 3, 11), block_size=17, dtype=torch.float32)


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ONLY32)
def bytes_and_scales_that_are_not_contiguous(dequantize_nf4, draw):
    """不连续的字节与尺度"""
    packed, absmax = _stored(draw, 1000)
    return dequantize_nf4(draw.strided(packed), draw.strided(absmax), (1000,), dtype=torch.float32)


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ALL)
def the_result_is_float16_unless_asked_otherwise(dequantize_nf4, draw):
    """不另作要求时结果是 float16"""
    return dequantize_nf4(*_stored(draw, 300), (300,))


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ONLY32, facet="numerics", weight=2)
def scales_beyond_half_precision(dequantize_nf4, draw):
    """超出半精度的尺度"""
    packed, _ = _stored(draw, 2000)
    return dequantize_nf4(packed, draw.magnitudes(32, low=7e4, high=1.3e5), (2000,))


# below 6·10⁻⁵ the numbers of float16 are 6·10⁻⁸ apart
@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ONLY32, facet="numerics", rtol=1e-3, atol=6e-8)
def tiny_scales(dequantize_nf4, draw):
    """极小的尺度"""
    packed, _ = _stored(draw, 2000)
    return dequantize_nf4(packed, draw.magnitudes(32, low=1e-6, high=1e-3), (2000,))


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ONLY32, facet="numerics")
def blocks_of_zeros_and_infinite_scales(dequantize_nf4, draw):
    """全零的块与无穷大的尺度"""
    packed, absmax = _stored(draw, 640)
    absmax[2], absmax[5] = 0, torch.inf
    return dequantize_nf4(packed, absmax, (10, 64), dtype=torch.float32)


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=ALL, facet="interface")
def nothing_one_number_and_no_dimension(dequantize_nf4, draw):
    """没有元素、一个元素、零维"""
    return [
        dequantize_nf4(*_stored(draw, math.prod(shape)), shape, dtype=draw.dtype) for shape in ((0,), (1,), (), (3, 0))
    ]


@case("dequantize_nf4", raises=ValueError, facet="interface", dtypes=ONLY32)
def bytes_too_few_are_refused(dequantize_nf4, draw):
    """拒绝太少的字节"""
    return dequantize_nf4(*_stored(draw, 126), (127,))


@case("dequantize_nf4", raises=ValueError, facet="interface", dtypes=ONLY32)
def bytes_too_many_are_refused(dequantize_nf4, draw):
    """拒绝太多的字节"""
    return dequantize_nf4(*_stored(draw, 125), (124,))


@case("dequantize_nf4", raises=ValueError, facet="interface", dtypes=ONLY32)
def scales_of_another_block_size_are_refused(dequantize_nf4, draw):
    """拒绝另一种块大小的尺度"""
    return dequantize_nf4(*_stored(draw, 128, 64), (128,), 32)


@case("dequantize_nf4", raises=ValueError, facet="interface", dtypes=ONLY32)
def blocks_of_negative_size_are_refused(dequantize_nf4, draw):
    """拒绝负的块大小"""
    return dequantize_nf4(torch.zeros(0, dtype=torch.uint8), draw.uniform(0), (0,), -1)


@case("dequantize_nf4", raises=ValueError, facet="interface", dtypes=ONLY32)
def blocks_of_no_numbers_are_refused(dequantize_nf4, draw):
    """拒绝大小为 0 的块"""
    return dequantize_nf4(torch.zeros(0, dtype=torch.uint8), draw.uniform(0), (0,), 0)


@case("dequantize_nf4", raises=ValueError, facet="interface", dtypes=ONLY32)
def codes_that_are_no_bytes_are_refused(dequantize_nf4, draw):
    """拒绝不是字节的编码"""
    packed, absmax = _stored(draw, 128)
    return dequantize_nf4(packed.int(), absmax, (128,))


@case("dequantize_matmul", agrees_with=_linear, dtypes=ONLY32, weight=2)
def one_row_and_many_outputs(dequantize_matmul, draw):
    """一行，许多输出"""
    return dequantize_matmul(draw.normal(1, 200, scale=0.2), *_stored(draw, 67 * 200), (67, 200))


@case("dequantize_matmul", agrees_with=_linear, dtypes=ONLY32, weight=2)
def rows_of_x_around_a_tile(dequantize_matmul, draw):
    """行数在分块大小附近"""
    return [dequantize_matmul(draw.normal(m, 66, scale=0.2), *_stored(draw, 18 * 66), (18, 66)) for m in (15, 17, 33)]


# in float32: the kernel rounds weights to the dtype of x, and over 6300 results that can be more than one rounding
@case("dequantize_matmul", agrees_with=_linear, dtypes=ONLY32)
def more_rows_than_the_largest_tile(dequantize_matmul, draw):
    """比最大的分块还多的行"""
    return dequantize_matmul(draw.normal(90, 40, scale=0.2), *_stored(draw, 70 * 40), (70, 40))


@case("dequantize_matmul", agrees_with=_linear, dtypes=ONLY32, weight=2)
def blocks_that_go_on_in_the_next_row(dequantize_matmul, draw):
    """延续到下一行的块"""
    return [
        dequantize_matmul(draw.normal(3, 150, scale=0.2), *_stored(draw, 19 * 150, size), (19, 150), size)
        for size in (64, 100, 2)
    ]


@case("dequantize_matmul", agrees_with=_linear, dtypes=ONLY32, weight=2)
def x_that_is_not_contiguous(dequantize_matmul, draw):
    """不连续的 x"""
    packed, absmax = _stored(draw, 20 * 130)
    return [
        dequantize_matmul(draw.strided(draw.normal(4, 130, scale=0.2)), packed, absmax, (20, 130)),
        dequantize_matmul(draw.normal(130, 4, scale=0.2).mT, draw.strided(packed), draw.strided(absmax), (20, 130)),
    ]


@case("dequantize_matmul", agrees_with=_linear, dtypes=HALVES, weight=2)
def half_precision_is_rounded_at_the_end(dequantize_matmul, draw):
    """半精度在最后舍入"""
    return dequantize_matmul(draw.uniform(3, 600), *_positive(draw, 20 * 600), (20, 600))


# sums of 9·10⁴ in float32 are exact to some hundredths; on the way they are beyond 65504, in the end they nearly cancel
@case("dequantize_matmul", agrees_with=_linear, dtypes=ONLY16, facet="numerics", weight=2, rtol=1e-3, atol=0.1)
def sums_that_half_precision_cannot_hold_on_the_way(dequantize_matmul, draw):
    """求和途中超出半精度范围"""
    packed, absmax = _positive(draw, 20 * 256, 512)
    packed = packed.reshape(20, 128)
    x = draw.uniform(2, 256, low=2000, high=3000)
    packed[:, 64:], x[:, 128:] = packed[:, :64], -x[:, :128]
    x[0, 5] = x[1, 250] = 2400
    return dequantize_matmul(x, packed.flatten(), absmax, (20, 256), 512)


# weights of 10⁵ · level are infinite in float16 and finite in float32
@case("dequantize_matmul", agrees_with=_linear, dtypes=ONLY32, facet="numerics")
def scales_that_half_precision_cannot_hold(dequantize_matmul, draw):
    """半精度装不下的尺度"""
    packed, absmax = _stored(draw, 20 * 64)
    return dequantize_matmul(draw.normal(3, 64, scale=1e-6), packed, absmax * 1e5, (20, 64))


@case("dequantize_matmul", agrees_with=_linear, dtypes=ONLY32, facet="numerics")
def what_is_infinite_stays_in_its_row(dequantize_matmul, draw):
    """无穷大只影响自己的行"""
    packed, absmax = _stored(draw, 20 * 96, 96)
    x = draw.normal(4, 96, scale=0.2)
    x[1, 7], absmax[3] = torch.inf, torch.nan
    return dequantize_matmul(x, packed, absmax, (20, 96), 96)


@case("dequantize_matmul", agrees_with=_linear, dtypes=ALL)
def scales_in_half_precision(dequantize_matmul, draw):
    """半精度的尺度"""
    packed, absmax = _positive(draw, 20 * 64)
    return dequantize_matmul(draw.uniform(2, 64), packed, absmax.bfloat16(), (20, 64))


@case("dequantize_matmul", agrees_with=_linear, dtypes=ALL, facet="interface")
def no_rows_no_outputs_no_inputs_and_two_inputs(dequantize_matmul, draw):
    """没有行、没有输出、没有输入、两个输入"""
    return [
        dequantize_matmul(draw.normal(rows, inputs), *_stored(draw, outputs * inputs), (outputs, inputs))
        for rows, outputs, inputs in ((0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 2))
    ]


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def an_odd_number_of_inputs_is_refused(dequantize_matmul, draw):
    """拒绝奇数个输入"""
    return dequantize_matmul(draw.normal(2, 7), *_stored(draw, 4 * 7), (4, 7))


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def an_odd_block_size_is_refused(dequantize_matmul, draw):
    """拒绝奇数的块大小"""
    return dequantize_matmul(draw.normal(2, 14), *_stored(draw, 4 * 14, 7), (4, 14), 7)


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def a_block_size_of_zero_is_refused(dequantize_matmul, draw):
    """拒绝大小为 0 的块"""
    return dequantize_matmul(draw.normal(2, 14), torch.zeros(0, dtype=torch.uint8), draw.uniform(0), (0, 14), 0)


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def inputs_of_another_number_are_refused(dequantize_matmul, draw):
    """拒绝数目不符的输入"""
    return dequantize_matmul(draw.normal(2, 12), *_stored(draw, 4 * 14), (4, 14))


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def a_single_vector_is_refused(dequantize_matmul, draw):
    """拒绝单个向量"""
    return dequantize_matmul(draw.normal(14), *_stored(draw, 4 * 14), (4, 14))


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def weights_of_three_dimensions_are_refused(dequantize_matmul, draw):
    """拒绝三维的权重"""
    return dequantize_matmul(draw.normal(2, 14), *_stored(draw, 4 * 14), (4, 14, 1))


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def too_few_bytes_are_refused(dequantize_matmul, draw):
    """拒绝太少的字节"""
    packed, absmax = _stored(draw, 4 * 14)
    return dequantize_matmul(draw.normal(2, 14), packed[1:], absmax, (4, 14))


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def too_many_scales_are_refused(dequantize_matmul, draw):
    """拒绝太多的尺度"""
    packed, absmax = _stored(draw, 4 * 14)
    return dequantize_matmul(draw.normal(2, 14), packed, absmax.repeat(2), (4, 14))


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=ONLY32)
def words_in_place_of_bytes_are_refused(dequantize_matmul, draw):
    """拒绝不是字节的编码"""
    packed, absmax = _stored(draw, 4 * 14)
    return dequantize_matmul(draw.normal(2, 14), packed.short(), absmax, (4, 14))


@case("dequantize_matmul", raises=ValueError, facet="interface", dtypes=[torch.float64])
def x_in_float64_is_refused(dequantize_matmul, draw):
    """拒绝 float64 的 x"""
    return dequantize_matmul(draw.normal(2, 14), *_stored(draw, 4 * 14), (4, 14))
