"""What a student sees of lab 2."""

import torch

from autograder.cases import Rules, case

ALIASES = ("softmax", "log_softmax", "softmin", "logsumexp", "log_sum_exp", "gumbel_softmax", "logcumsumexp")
RULES = {"fused_softmax": Rules(forbids=ALIASES), "online_softmax": Rules(forbids=ALIASES)}


def _softmax(x):
    return torch.softmax(x.double(), dim=1).to(x.dtype)


@case("fused_softmax", agrees_with=_softmax, dtypes=[torch.float32])
def a_row_that_fills_its_block(fused_softmax, draw):
    """一行刚好填满一个块"""
    return fused_softmax(draw.normal(3, 16))


@case("fused_softmax", agrees_with=_softmax, dtypes=[torch.float32])
def a_row_that_does_not_fill_its_block(fused_softmax, draw):
    """一行没有填满它的块"""
    return fused_softmax(draw.normal(4, 21, loc=-3))


@case("online_softmax", agrees_with=_softmax, dtypes=[torch.float32])
def rows_shorter_than_a_block(online_softmax, draw):
    """比一个块短的行"""
    return online_softmax(draw.normal(3, 50, loc=-3))


# a probability among 20000 is about 5e-5, and the default atol would let a tenth of it pass
@case("online_softmax", agrees_with=_softmax, dtypes=[torch.float32], rtol=1e-5, atol=1e-9)
def rows_of_two_blocks_and_a_half(online_softmax, draw):
    """两个半块长的行"""
    return online_softmax(draw.normal(2, 20480))
