"""On what lab 1 is timed where there is a GPU."""

import torch
import torch.nn.functional as F

from autograder.workloads import workload


def _swiglu(x):
    gate, value = x.chunk(2, dim=1)
    return F.silu(gate) * value


def _swiglu_step_by_step(x):
    gate, value = x.chunk(2, dim=1)
    return gate * (1 / (1 + torch.exp(-gate))) * value


@workload(
    "fused_hadamard_add",
    builtin=lambda a, b, c: torch.addcmul(c, a, b),
    naive=lambda a, b, c: a * b + c,
    sizes=(1 << 20, 1 << 24, 1 << 27),
    dtype=torch.float32,
    bytes_moved=lambda a, b, c: 4 * a.nbytes,
)
def three_long_vectors(draw, elements):
    """三个长向量"""
    return tuple(draw.normals(3, (elements,)))


# eager torch rounds Swish before it multiplies, a fused kernel does not: two roundings of float16 apart
@workload(
    "fused_swiglu",
    builtin=_swiglu,
    naive=_swiglu_step_by_step,
    sizes=(256, 2048, 16384),
    dtype=torch.float16,
    bytes_moved=lambda x: x.nbytes * 3 // 2,
    rtol=2**-9,
    atol=1e-4,
)
def rows_of_a_feed_forward_layer(draw, rows):
    """前馈层的各行，每行 2 · 11008 列"""
    return (draw.normal(rows, 2 * 11008),)
