"""On what lab 5 is timed where there is a GPU."""

import torch
import torch.nn.functional as F

from autograder.workloads import workload

# Both results are sums of float32 that are rounded once, so they are neighbours among the numbers of float16; a library
# that splits K may round once more when it adds the parts. Sums are of the order of 1.
TWO_ROUNDINGS = {"rtol": 2**-9, "atol": 1e-4}


def _in_float32(a, b):
    """Without tensor cores, and with a pass over every operand to convert it."""
    return torch.matmul(a.float(), b.float()).to(a.dtype)


def _step_by_step(x, weight, bias):
    """The layer, and then a pass over what it wrote for every step of GELU."""
    z = F.linear(x, weight, bias).float()
    return (z * 0.5 * (1 + torch.erf(z * 2**-0.5))).to(x.dtype)


@workload(
    "matmul",
    builtin=torch.matmul,
    naive=_in_float32,
    sizes=(1024, 4096, 8192),
    dtype=torch.float16,
    flops=lambda a, b: 2 * a.numel() * b.shape[1],
    **TWO_ROUNDINGS,
)
def two_square_matrices(draw, size):
    """两个方阵"""
    return draw.normal(size, size, scale=size**-0.5), draw.normal(size, size)


# the builtin rounds the product before it is bent, a fused kernel does not: two roundings of float16 apart, or somewhat
# more where GELU is small because it is flat
@workload(
    "linear_gelu",
    builtin=lambda x, weight, bias: F.gelu(F.linear(x, weight, bias)),
    naive=_step_by_step,
    sizes=(1024, 4096, 16384),
    dtype=torch.float16,
    flops=lambda x, weight, bias: 2 * x.numel() * weight.shape[0],
    rtol=2**-9,
    atol=2e-4,
)
def the_first_layer_of_a_feed_forward_block(draw, rows):
    """前馈块的第一层，1024 个特征，4096 个输出"""
    return draw.normal(rows, 1024), draw.normal(4096, 1024, scale=1024**-0.5), draw.normal(4096)


@workload(
    "bmm",
    builtin=torch.bmm,
    naive=lambda a, b: torch.bmm(a.float(), b.float()).to(a.dtype),
    sizes=(512, 1024, 2048),
    dtype=torch.float16,
    flops=lambda a, b: 2 * a.numel() * b.shape[2],
    **TWO_ROUNDINGS,
)
def sixteen_pairs_of_square_matrices(draw, size):
    """十六对方阵"""
    return draw.normal(16, size, size, scale=size**-0.5), draw.normal(16, size, size)
