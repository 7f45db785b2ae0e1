"""What a student sees of lab 6."""

import torch

from autograder.cases import Rules, case

RULES = {"apply_rope": Rules(may_change=("q", "k"))}


def _turned(q, k, cos, sin):
    """15.4 by complex numbers in float64, rounded once."""
    turn = torch.complex(cos.double(), sin.double())

    def turned(x):
        pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
        return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)

    return turned(q), turned(k)


def angles(draw, length, pairs):
    """Cosines and sines of angles of any size."""
    turns = draw.uniform(length, pairs, low=-40, high=40).double()
    return turns.cos().to(draw.dtype), turns.sin().to(draw.dtype)


@case("apply_rope", agrees_with=_turned, dtypes=[torch.float32])
def one_head_of_queries_and_one_of_keys(apply_rope, draw):
    """查询和键各一个头"""
    return apply_rope(draw.normal(1, 1, 8, 4), draw.normal(1, 1, 8, 4), *angles(draw, 8, 2))


@case("apply_rope", agrees_with=_turned, dtypes=[torch.float32])
def two_sequences_and_fewer_heads_of_keys(apply_rope, draw):
    """两条序列，键的头更少"""
    return apply_rope(draw.normal(2, 4, 5, 8), draw.normal(2, 2, 5, 8), *angles(draw, 5, 4))


@case("apply_rope", agrees_with=_turned, dtypes=[torch.float32])
def more_tokens_than_a_tile_has(apply_rope, draw):
    """token 比一个块装得下的更多"""
    return apply_rope(draw.normal(1, 2, 40, 64), draw.normal(1, 1, 40, 64), *angles(draw, 40, 32))
