"""What a student sees of lab 1."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case

RULES = {
    "fused_hadamard_add": Rules(forbids=("addcmul", "addcdiv", "lerp", "einsum")),
    "fused_swiglu": Rules(forbids=("silu", "glu", "einsum")),
}


def _addcmul(a, b, c):
    return torch.addcmul(c.double(), a.double(), b.double()).to(a.dtype)


def _swiglu(x):
    gate, value = x.double().chunk(2, dim=1)
    return (F.silu(gate) * value).to(x.dtype)


@case("fused_hadamard_add", agrees_with=_addcmul, dtypes=[torch.float32])
def one_block_and_less(fused_hadamard_add, draw):
    """一个块以内"""
    return [fused_hadamard_add(*draw.normals(3, (n,))) for n in (1024, 1000, 1)]


@case("fused_hadamard_add", agrees_with=_addcmul, dtypes=[torch.float32])
def a_last_block_that_is_not_full(fused_hadamard_add, draw):
    """最后一个块没有填满"""
    return fused_hadamard_add(*draw.normals(3, (5, 7, 61)))


@case("fused_swiglu", agrees_with=_swiglu, dtypes=[torch.float32])
def a_small_table(fused_swiglu, draw):
    """一张小表"""
    return fused_swiglu(draw.normal(3, 10))


@case("fused_swiglu", agrees_with=_swiglu, dtypes=[torch.float32])
def rows_wider_than_a_block(fused_swiglu, draw):
    """比一个块更宽的行"""
    return fused_swiglu(draw.normal(2, 2 * 700))
