"""On what lab 6 is timed where there is a GPU."""

import torch

from autograder.workloads import workload


def _eager(q, k, cos, sin):
    """What a model's Python code does: five products and sums, a stack, and a new tensor."""

    def turned(x):
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2).to(x.dtype)

    return turned(q), turned(k)


def _complex(q, k, cos, sin):
    """As Llama's own code does it: pairs as complex numbers, in float32."""
    turn = torch.complex(cos, sin)

    def turned(x):
        pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)

    return turned(q), turned(k)


@workload(
    "apply_rope",
    builtin=_complex,
    naive=_eager,
    sizes=(256, 1024, 4096),
    dtype=torch.bfloat16,
    bytes_moved=lambda q, k, cos, sin: 2 * (q.nbytes + k.nbytes) + cos.nbytes + sin.nbytes,
)
def four_sequences_with_32_heads_of_queries_and_8_of_keys(draw, length):
    """四条序列，查询 32 个头，键 8 个头，每头 128 维"""
    frequencies = 10000.0 ** -(torch.arange(64, device=draw.device) / 64)
    angles = torch.arange(length, device=draw.device)[:, None] * frequencies
    return draw.normal(4, 32, length, 128), draw.normal(4, 8, length, 128), angles.cos(), angles.sin()
