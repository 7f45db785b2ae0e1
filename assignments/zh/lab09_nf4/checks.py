"""What a student sees of lab 9."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import ndtri

from autograder.cases import Rules, case

PRODUCTS = ("matmul", "*mm", "*mv", "einsum", "linear", "bilinear", "tensordot", "inner", "multi_dot", "conv*")
RULES = {"dequantize_nf4": Rules(forbids=("dequantize_4bit",)), "dequantize_matmul": Rules(forbids=PRODUCTS)}


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
    """Random codes, two a byte, and a scale a block."""
    packed = draw.integers(0, 256, -(-count // 2)).to(torch.uint8)
    return packed, draw.uniform(-(-count // block_size), low=0.5, high=2)


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=[torch.float32])
def a_matrix_of_whole_blocks(dequantize_nf4, draw):
    """由完整的块组成的矩阵"""
    return dequantize_nf4(*_stored(draw, 16 * 128), (16, 128), dtype=torch.float32)


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=[torch.float32])
def every_pair_of_codes_in_its_order(dequantize_nf4, draw):
    """所有的编码对，次序不变"""
    packed = torch.arange(256, dtype=torch.uint8)
    return dequantize_nf4(packed, torch.ones(8), (512,), dtype=torch.float32)


@case("dequantize_nf4", agrees_with=_dequantize, dtypes=[torch.float32])
def an_odd_number_of_elements(dequantize_nf4, draw):
    """奇数个元素"""
    return dequantize_nf4(*_stored(draw, 333), (9, 37))


@case("dequantize_matmul", agrees_with=_linear, dtypes=[torch.float32])
def one_row_at_a_time(dequantize_matmul, draw):
    """一次一行"""
    return dequantize_matmul(draw.normal(1, 128), *_stored(draw, 16 * 128), (16, 128))


@case("dequantize_matmul", agrees_with=_linear, dtypes=[torch.float32])
def several_rows_and_tiles_that_are_not_full(dequantize_matmul, draw):
    """多行，分块没有填满"""
    return dequantize_matmul(draw.normal(5, 192), *_stored(draw, 21 * 192), (21, 192))
