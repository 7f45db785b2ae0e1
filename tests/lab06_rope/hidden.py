"""What the judge runs of lab 6 besides the visible checks."""

import torch

from autograder.cases import case

HALVES = [torch.float16, torch.bfloat16]
ALL = [torch.float32, *HALVES]


def _turned(q, k, cos, sin):
    """15.4 by complex numbers in float64, rounded once."""
    turn = torch.complex(cos.double(), sin.double())

    def turned(x):
        pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
        return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)

    return turned(q), turned(k)


def as_left(apply_rope, q, k, cos, sin):
    """What a call leaves in the tensors that it was given, and whether it returned these very tensors."""
    turned = apply_rope(q, k, cos, sin)
    return q, k, turned[0] is q and turned[1] is k


def left(apply_rope, q, k, cos, sin):
    """`as_left`, run beside the answer: a sandbox gets copies of tensors, and keeps what it does to them."""
    if not hasattr(apply_rope, "_session"):
        return as_left(apply_rope, q, k, cos, sin)
    functions = apply_rope._operate("getattr", ("__class__",), {})
    return functions._operate("getattr", ("__call__",), {})(as_left, apply_rope, q, k, cos, sin)


def _turned_in_place(q, k, cos, sin):
    for x, y in zip((q, k), _turned(q, k, cos, sin), strict=True):
        x.copy_(y)
    return q, k


def angles(draw, length, pairs):
    """Cosines and sines of angles of any size."""
    turns = draw.uniform(length, pairs, low=-40, high=40).double()
    return turns.cos().to(draw.dtype), turns.sin().to(draw.dtype)


@case("apply_rope", agrees_with=_turned, dtypes=ALL, weight=2)
def dims_that_are_no_power_of_two(apply_rope, draw):
    """不是 2 的幂的维数"""
    return [
        apply_rope(draw.normal(1, 2, 7, dim), draw.normal(1, 1, 7, dim), *angles(draw, 7, dim // 2))
        for dim in (6, 80, 2)
    ]


@case("apply_rope", agrees_with=_turned, dtypes=ALL, weight=2)
def lengths_around_a_tile(apply_rope, draw):
    """块大小附近的各种长度"""
    return [
        apply_rope(draw.normal(1, 1, length, 256), draw.normal(1, 1, length, 256), *angles(draw, length, 128))
        for length in (4, 5, 11)
    ]


@case("apply_rope", agrees_with=_turned, dtypes=[torch.float32], weight=2)
def many_heads_of_queries_for_few_of_keys(apply_rope, draw):
    """查询的头多，键的头少"""
    return apply_rope(draw.normal(3, 6, 11, 16), draw.normal(3, 2, 11, 16), *angles(draw, 11, 8))


@case("apply_rope", agrees_with=_turned, dtypes=[torch.float32])
def more_heads_of_keys_than_of_queries(apply_rope, draw):
    """键的头比查询的多"""
    return apply_rope(draw.normal(2, 1, 5, 8), draw.normal(2, 3, 5, 8), *angles(draw, 5, 4))


@case("apply_rope", agrees_with=_turned, dtypes=ALL, weight=2)
def heads_cut_out_of_one_projection(apply_rope, draw):
    """从同一个投影里切出来的头"""
    both = draw.normal(2, 9, 5, 12).transpose(1, 2)
    return apply_rope(both[:, :3], both[:, 3:4], *angles(draw, 9, 6))


@case("apply_rope", agrees_with=_turned, dtypes=[torch.float32])
def features_that_do_not_lie_side_by_side(apply_rope, draw):
    """并不相邻的特征"""
    q = draw.strided(draw.normal(2, 2, 6, 8))
    return apply_rope(q, draw.normal(2, 1, 8, 6).mT, *angles(draw, 6, 4))


@case("apply_rope", agrees_with=_turned, dtypes=[torch.float32])
def angles_that_are_not_contiguous(apply_rope, draw):
    """不连续的角度表"""
    cos, sin = angles(draw, 5, 6)
    return apply_rope(draw.normal(1, 2, 5, 12), draw.normal(1, 1, 5, 12), cos.mT.contiguous().mT, draw.strided(sin))


@case("apply_rope", agrees_with=_turned_in_place, dtypes=[torch.float32], weight=2)
def the_given_tensors_are_turned_and_returned(apply_rope, draw):
    """给出的张量本身被旋转并返回"""
    return left(apply_rope, draw.normal(2, 2, 5, 8), draw.normal(2, 1, 5, 8), *angles(draw, 5, 4))


@case("apply_rope", agrees_with=_turned_in_place, dtypes=HALVES)
def views_are_turned_in_place_too(apply_rope, draw):
    """视图同样就地旋转"""
    both = draw.normal(1, 6, 3, 10).transpose(1, 2)
    return left(apply_rope, both[:, :2], both[:, 2:], *angles(draw, 6, 5))


@case("apply_rope", agrees_with=_turned, dtypes=HALVES)
def angles_in_float32_for_halves(apply_rope, draw):
    """半精度的 q、k 配 float32 的角度"""
    turns = draw.uniform(9, 16, low=-40, high=40).float()
    return apply_rope(draw.normal(1, 2, 9, 32), draw.normal(1, 1, 9, 32), turns.cos(), turns.sin())


# two products of 20000 nearly cancel: each is known to 2e-3 in float32, which atol leaves room for, and to 8 in float16
@case("apply_rope", agrees_with=_turned, dtypes=[torch.float16], facet="numerics", rtol=2**-9, atol=0.05)
def a_difference_of_large_products(apply_rope, draw):
    """两个很大的乘积之差"""
    turns = draw.uniform(8, 32, low=0.7, high=0.87).float()
    cos, sin = turns.cos().half(), turns.sin().half()
    q = 40000 * torch.stack([sin.float(), cos.float()], dim=-1).flatten(-2) + draw.normal(8, 64).float() * 100
    q = q.half().expand(1, 2, 8, 64).contiguous()
    return apply_rope(q, q.flip(2).contiguous(), cos, sin)


@case("apply_rope", agrees_with=_turned, dtypes=HALVES, facet="numerics")
def half_precision_is_rounded_once(apply_rope, draw):
    """半精度只舍入一次"""
    return apply_rope(draw.normal(1, 2, 16, 64), draw.normal(1, 1, 16, 64), *angles(draw, 16, 32))


@case("apply_rope", agrees_with=_turned, dtypes=ALL, facet="interface")
def one_token_and_none(apply_rope, draw):
    """一个 token、零个 token、零条序列"""
    return [
        apply_rope(draw.normal(batch, 2, length, 8), draw.normal(batch, 1, length, 8), *angles(draw, length, 4))
        for batch, length in ((2, 1), (1, 0), (0, 3))
    ]


@case("apply_rope", raises=ValueError, facet="interface", dtypes=[torch.float32])
def an_odd_dim_is_refused(apply_rope, draw):
    """拒绝奇数维"""
    return apply_rope(draw.normal(1, 1, 4, 5), draw.normal(1, 1, 4, 5), *angles(draw, 4, 2))


@case("apply_rope", raises=ValueError, facet="interface", dtypes=[torch.float32])
def lengths_that_differ_are_refused(apply_rope, draw):
    """拒绝长度不同的 q 和 k"""
    return apply_rope(draw.normal(1, 1, 4, 6), draw.normal(1, 1, 5, 6), *angles(draw, 4, 3))


@case("apply_rope", raises=ValueError, facet="interface", dtypes=[torch.float32])
def batches_that_differ_are_refused(apply_rope, draw):
    """拒绝批次不同的 q 和 k"""
    return apply_rope(draw.normal(2, 1, 4, 6), draw.normal(1, 1, 4, 6), *angles(draw, 4, 3))


@case("apply_rope", raises=ValueError, facet="interface", dtypes=[torch.float32])
def cosines_of_another_shape_are_refused(apply_rope, draw):
    """拒绝形状不符的余弦"""
    return apply_rope(draw.normal(1, 1, 4, 6), draw.normal(1, 1, 4, 6), draw.normal(5, 3), draw.normal(4, 3))


@case("apply_rope", raises=ValueError, facet="interface", dtypes=[torch.float32])
def sines_of_another_shape_are_refused(apply_rope, draw):
    """拒绝形状不符的正弦"""
    return apply_rope(draw.normal(1, 1, 4, 6), draw.normal(1, 1, 4, 6), draw.normal(4, 3), draw.normal(4, 6))
