"""What the judge runs of lab 7 besides the visible checks."""

import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import largest_tensor

HALVES = [torch.float16, torch.bfloat16]
# a weight is rounded to the values' dtype for its product with them: an error of Σ w |v| / 2^11 (float16) or / 2^8
NEAR = {torch.float16: {"rtol": 2**-10, "atol": 1e-3}, torch.bfloat16: {"rtol": 2**-7, "atol": 1e-2}}


def _attention(query, key, value, scale=None, causal=False):
    q, k, v = query.double(), key.double(), value.double()
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), float("-inf"))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale)
    return out.to(query.dtype), scores.logsumexp(-1).float()


def _causal(query, key, value, scale=None):
    seen = min(query.shape[2], key.shape[2])  # what lies behind the last query is nobody's
    return _attention(query, key[:, :, :seen], value[:, :, :seen], scale, causal=True)


def _backward(grad_output, query, key, value, output, lse, is_causal=False, scale=None):
    given = [t.double().detach().requires_grad_() for t in (query, key, value)]
    with torch.enable_grad():
        out = F.scaled_dot_product_attention(*given, is_causal=is_causal, scale=scale)
    found = torch.autograd.grad(out, given, grad_output.double())
    return tuple(g.to(t.dtype) for g, t in zip(found, (query, key, value), strict=True))


def _unseen(grad_output, query, key, value, output, lse, is_causal=True, scale=None):
    seen = query.shape[2]
    known = _backward(grad_output, query, key[:, :, :seen], value[:, :, :seen], output, lse, is_causal, scale)
    return known[0], *(F.pad(g, (0, 0, 0, key.shape[2] - seen)) for g in known[1:])


def _qkv(draw, batch, heads, queries, keys, dim):
    return draw.normal(batch, heads, queries, dim), *(draw.normal(batch, heads, keys, dim) for _ in range(2))


# forward


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32], weight=2)
def lengths_around_a_tile(flash_attention, draw):
    """块大小附近的各种长度"""
    return [flash_attention(*_qkv(draw, 1, 1, q, k, 16)) for q, k in ((63, 33), (65, 31), (3, 97))]


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32], weight=2)
def batches_and_heads(flash_attention, draw):
    """批次与多头"""
    return flash_attention(*_qkv(draw, 2, 3, 9, 35, 16))


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32])
def heads_of_other_sizes(flash_attention, draw):
    """各种头维度"""
    return [flash_attention(*_qkv(draw, 1, 1, 5, 40, dim)) for dim in (1, 20, 64, 128)]


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32])
def a_scale_of_its_own(flash_attention, draw):
    """另外指定的缩放"""
    return [flash_attention(*_qkv(draw, 1, 1, 7, 40, 16), scale=scale) for scale in (1.0, 0.05)]


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32])
def heads_that_lie_behind_the_length(flash_attention, draw):
    """由 (批次, 长度, 头) 转置而来的布局"""
    q, k, v = (draw.normal(2, n, 3, 16).transpose(1, 2) for n in (20, 35, 35))
    strided = [draw.strided(t.contiguous()) for t in (q, k, v)]
    return [flash_attention(q, strided[1], v), flash_attention(strided[0], k, strided[2])]


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float16], **NEAR[torch.float16], weight=2)
def in_float16(flash_attention, draw):
    """float16"""
    return [flash_attention(*_qkv(draw, 1, 2, 40, 70, dim)) for dim in (32, 64, 128)]


@case("flash_attention", agrees_with=_attention, dtypes=[torch.bfloat16], **NEAR[torch.bfloat16])
def in_bfloat16(flash_attention, draw):
    """bfloat16"""
    return flash_attention(*_qkv(draw, 1, 2, 40, 70, 32))


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32], facet="numerics", weight=2)
def a_maximum_that_grows_from_tile_to_tile(flash_attention, draw):
    """逐块增大的最大值"""
    q, k, v = _qkv(draw, 1, 1, 8, 130, 16)
    steps = torch.arange(130).view(1, 1, 130, 1) / 8
    return [flash_attention(q.abs(), k + sign * steps, v) for sign in (1, -1)]


# scores near −200 have an error of 200 / 2^24 in float32, and so have the weights
@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32], facet="numerics", rtol=1e-4, atol=1e-4)
def scores_that_are_all_far_below_zero(flash_attention, draw):
    """全都远小于零的分数"""
    q, k, v = _qkv(draw, 1, 1, 8, 70, 16)
    return flash_attention(0.1 * q + 5, 0.1 * k - 10, v)


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float16], facet="numerics", **NEAR[torch.float16])
def sums_that_half_precision_cannot_hold(flash_attention, draw):
    """半精度装不下的和"""
    q, k, _ = _qkv(draw, 1, 1, 8, 150, 16)
    return flash_attention(q * 0.01, k, draw.uniform(1, 1, 150, 16, low=900, high=1000))


@case("flash_attention", expected=True, dtypes=[torch.float32], facet="memory")
def no_table_of_queries_and_keys(flash_attention, draw):
    """没有 查询×键 的表"""
    q, k, v = _qkv(draw, 1, 1, 200, 200, 16)
    return largest_tensor(flash_attention, q, k, v) < 200 * 200


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32], facet="interface")
def one_query_one_key_and_no_query(flash_attention, draw):
    """一个查询、一个键，或没有查询"""
    return [flash_attention(*_qkv(draw, 1, 2, q, k, 16)) for q, k in ((1, 40), (5, 1), (0, 3))]


@case("flash_attention", raises=ValueError, facet="interface", dtypes=[torch.float32])
def keys_and_values_of_other_lengths_are_refused(flash_attention, draw):
    """拒绝长度不同的键和值"""
    return flash_attention(draw.normal(1, 1, 4, 16), draw.normal(1, 1, 6, 16), draw.normal(1, 1, 5, 16))


@case("flash_attention", raises=ValueError, facet="interface", dtypes=[torch.float32])
def heads_above_128_are_refused(flash_attention, draw):
    """拒绝大于 128 的头维度"""
    return flash_attention(*_qkv(draw, 1, 1, 4, 4, 129))


# causal


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32], weight=2)
def lengths_around_the_diagonal(causal_flash_attention, draw):
    """对角线附近的各种长度"""
    return [causal_flash_attention(*_qkv(draw, 1, 1, n, n, 16)) for n in (31, 33, 65, 97)]


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32], weight=2)
def more_queries_than_keys(causal_flash_attention, draw):
    """查询比键多"""
    return [causal_flash_attention(*_qkv(draw, 1, 2, q, k, 16)) for q, k in ((70, 20), (100, 65))]


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32], weight=2)
def keys_behind_the_last_query_are_not_touched(causal_flash_attention, draw):
    """最后一个查询之后的键不许碰"""
    q, k, v = _qkv(draw, 1, 1, 40, 90, 16)
    k[:, :, 40:], v[:, :, 40:] = float("nan"), float("nan")
    return causal_flash_attention(q, k, v)


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32])
def batches_heads_and_their_strides(causal_flash_attention, draw):
    """批次、多头与步长"""
    q, k, v = (draw.normal(2, 50, 3, 16).transpose(1, 2) for _ in range(3))
    strided = [draw.strided(t.contiguous()) for t in (q, k, v)]
    return [causal_flash_attention(q, strided[1], v, scale=0.3), causal_flash_attention(strided[0], k, strided[2])]


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32])
def causal_heads_of_other_sizes(causal_flash_attention, draw):
    """各种头维度的因果注意力"""
    return [causal_flash_attention(*_qkv(draw, 1, 1, 5, 5, dim)) for dim in (1, 20, 128)]


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float16], **NEAR[torch.float16])
def causal_in_float16(causal_flash_attention, draw):
    """float16 的因果注意力"""
    return [causal_flash_attention(*_qkv(draw, 1, 2, 70, 70, dim)) for dim in (20, 64, 128)]


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.bfloat16], **NEAR[torch.bfloat16])
def causal_in_bfloat16(causal_flash_attention, draw):
    """bfloat16 的因果注意力"""
    return causal_flash_attention(*_qkv(draw, 1, 2, 70, 70, 20))


# every other row has scores near 100, the rest near −100: e^−200 is 0 in float32
@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32], facet="numerics", rtol=1e-4, atol=1e-4)
def neighbours_with_very_different_scores(causal_flash_attention, draw):
    """分数相差悬殊的相邻行"""
    q, k, v = _qkv(draw, 1, 1, 40, 40, 16)
    sign = 1 - 2 * (torch.arange(40) % 2).view(1, 1, 40, 1)
    return causal_flash_attention((0.1 * q + 5) * sign, 0.1 * k + 5, v)


# scores grow to some 70, and with them their error in float32
@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32], facet="numerics", rtol=1e-4, atol=1e-4)
def a_future_that_would_drown_everything(causal_flash_attention, draw):
    """会淹没一切的未来"""
    q, k, v = _qkv(draw, 1, 1, 70, 70, 16)
    k = k.abs() * torch.arange(1, 71).view(1, 1, 70, 1) / 4
    return [causal_flash_attention(q.abs() * sign, k, v) for sign in (1, -1)]


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float16], facet="numerics", **NEAR[torch.float16])
def causal_sums_that_half_precision_cannot_hold(causal_flash_attention, draw):
    """半精度装不下的因果和"""
    q, k, _ = _qkv(draw, 1, 1, 150, 150, 16)
    return causal_flash_attention(q * 0.01, k, draw.uniform(1, 1, 150, 16, low=900, high=1000))


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32], facet="interface")
def one_query_or_none_and_one_key(causal_flash_attention, draw):
    """一个查询、没有查询、一个键"""
    return [causal_flash_attention(*_qkv(draw, 1, 2, q, k, 16)) for q, k in ((1, 5), (0, 3), (5, 1))]


@case("causal_flash_attention", raises=ValueError, facet="interface", dtypes=[torch.float32])
def causal_values_of_another_length_are_refused(causal_flash_attention, draw):
    """因果注意力也拒绝长度不同的值"""
    return causal_flash_attention(draw.normal(1, 1, 4, 16), draw.normal(1, 1, 6, 16), draw.normal(1, 1, 5, 16))


@case("causal_flash_attention", raises=ValueError, facet="interface", dtypes=[torch.float32])
def heads_of_different_sizes_are_refused(causal_flash_attention, draw):
    """拒绝不同的头维度"""
    return causal_flash_attention(draw.normal(1, 1, 4, 16), draw.normal(1, 1, 4, 8), draw.normal(1, 1, 4, 8))


@case("causal_flash_attention", raises=ValueError, facet="interface", dtypes=[torch.float32])
def causal_heads_above_128_are_refused(causal_flash_attention, draw):
    """因果注意力也拒绝大于 128 的头维度"""
    return causal_flash_attention(*_qkv(draw, 1, 1, 4, 4, 129))


# backward


def _gradients(backward, draw, q, k, v, causal=False, scale=None):
    output, lse = _attention(q, k, v, scale, causal)
    return backward(draw.normal(*q.shape), q, k, v, output, lse, is_causal=causal, scale=scale)


@case("flash_attention_backward", agrees_with=_backward, dtypes=[torch.float32], weight=2)
def gradients_for_lengths_around_a_tile(flash_attention_backward, draw):
    """块大小附近各种长度的梯度"""
    return [_gradients(flash_attention_backward, draw, *_qkv(draw, 1, 1, q, k, 16)) for q, k in ((31, 65), (33, 20))]


@case("flash_attention_backward", agrees_with=_backward, dtypes=[torch.float32], weight=2)
def gradients_of_causal_attention(flash_attention_backward, draw):
    """因果注意力的梯度"""
    lengths = ((70, 70), (40, 20), (20, 40))
    return [_gradients(flash_attention_backward, draw, *_qkv(draw, 1, 1, q, k, 16), causal=True) for q, k in lengths]


@case("flash_attention_backward", agrees_with=_unseen, dtypes=[torch.float32], weight=2)
def keys_that_nobody_sees_have_no_gradient(flash_attention_backward, draw):
    """没有谁看到的键没有梯度"""
    q, k, v = _qkv(draw, 1, 2, 40, 90, 16)
    output, lse = _causal(q, k, v)
    k[:, :, 40:], v[:, :, 40:] = float("nan"), float("nan")
    return flash_attention_backward(draw.normal(*q.shape), q, k, v, output, lse, is_causal=True)


@case("flash_attention_backward", agrees_with=_backward, dtypes=[torch.float32])
def gradients_of_batches_and_heads(flash_attention_backward, draw):
    """批次与多头的梯度"""
    return _gradients(flash_attention_backward, draw, *_qkv(draw, 2, 3, 9, 10, 20), scale=0.4)


@case("flash_attention_backward", agrees_with=_backward, dtypes=[torch.float32])
def gradients_of_heads_of_other_sizes(flash_attention_backward, draw):
    """各种头维度的梯度"""
    return [_gradients(flash_attention_backward, draw, *_qkv(draw, 1, 1, 5, 40, dim)) for dim in (1, 128)]


@case("flash_attention_backward", agrees_with=_backward, dtypes=[torch.float32])
def gradients_of_views(flash_attention_backward, draw):
    """视图的梯度"""
    q, k, v = (draw.normal(2, n, 3, 16).transpose(1, 2) for n in (20, 35, 35))
    output, lse = _attention(q, k, v)
    grad = draw.normal(2, 20, 3, 16).transpose(1, 2)
    return flash_attention_backward(grad, q, k, v, draw.strided(output), lse)


# the weights, their gradients and the tensors' products with both are rounded to the dtype: two roundings on the way
@case(
    "flash_attention_backward",
    agrees_with=_backward,
    dtypes=[torch.float16],
    rtol=2**-8,
    atol=4e-3,
)
def gradients_in_float16(flash_attention_backward, draw):
    """float16 的梯度"""
    sizes = (16, 64, 128)
    return [_gradients(flash_attention_backward, draw, *_qkv(draw, 1, 2, 40, 40, d), causal=True) for d in sizes]


@case(
    "flash_attention_backward",
    agrees_with=_backward,
    dtypes=[torch.bfloat16],
    rtol=2**-5,
    atol=4e-2,
)
def gradients_in_bfloat16(flash_attention_backward, draw):
    """bfloat16 的梯度"""
    return _gradients(flash_attention_backward, draw, *_qkv(draw, 1, 2, 40, 40, 16))


@case("flash_attention_backward", facet="numerics", agrees_with=_backward, dtypes=[torch.float32], rtol=1e-4, atol=1e-4)
def gradients_where_scores_are_large(flash_attention_backward, draw):
    """分数很大时的梯度"""
    q, k, v = _qkv(draw, 1, 1, 20, 40, 16)
    return _gradients(flash_attention_backward, draw, 4 * q, 4 * k, v)


# a key that does not exist has a score of 0, whose weight e^(0 + 200) is no number of float32
@case("flash_attention_backward", facet="numerics", agrees_with=_backward, dtypes=[torch.float32], rtol=1e-4, atol=1e-3)
def gradients_where_scores_are_far_below_zero(flash_attention_backward, draw):
    """分数远小于零时的梯度"""
    q, k, v = _qkv(draw, 1, 1, 8, 40, 16)
    return _gradients(flash_attention_backward, draw, 0.1 * q + 5, 0.1 * k - 10, v)


@case("flash_attention_backward", expected=True, dtypes=[torch.float32], facet="memory")
def no_table_in_the_backward_either(flash_attention_backward, draw):
    """反向也没有 查询×键 的表"""
    q, k, v = _qkv(draw, 1, 1, 150, 150, 16)
    output, lse = _attention(q, k, v)
    return largest_tensor(flash_attention_backward, draw.normal(1, 1, 150, 16), q, k, v, output, lse) < 150 * 150


@case("flash_attention_backward", agrees_with=_backward, dtypes=[torch.float32], facet="interface")
def gradients_of_one_key_or_no_query(flash_attention_backward, draw):
    """一个键或没有查询时的梯度"""
    return [_gradients(flash_attention_backward, draw, *_qkv(draw, 1, 2, q, k, 16)) for q, k in ((3, 1), (0, 3))]


@case("flash_attention_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def a_gradient_of_another_shape_is_refused(flash_attention_backward, draw):
    """拒绝另一种形状的梯度"""
    q, k, v = _qkv(draw, 1, 1, 6, 6, 16)
    return flash_attention_backward(draw.normal(1, 1, 5, 16), q, k, v, *_attention(q, k, v))


@case("flash_attention_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def the_log_sum_exp_of_other_queries_is_refused(flash_attention_backward, draw):
    """拒绝别的查询的 log-sum-exp"""
    q, k, v = _qkv(draw, 1, 1, 6, 6, 16)
    output, lse = _attention(q, k, v)
    return flash_attention_backward(draw.normal(1, 1, 6, 16), q, k, v, output, lse[:, :, :5])


@case("flash_attention_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def keys_of_another_head_size_are_refused(flash_attention_backward, draw):
    """拒绝头维度不同的键"""
    q, k, v = _qkv(draw, 1, 1, 6, 6, 16)
    saved = _attention(q, k, v)
    return flash_attention_backward(q, q, k[..., :8], v[..., :8], *saved)


@case("flash_attention_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def an_output_of_another_shape_is_refused(flash_attention_backward, draw):
    """拒绝另一种形状的输出"""
    q, k, v = _qkv(draw, 1, 1, 6, 6, 16)
    output, lse = _attention(q, k, v)
    return flash_attention_backward(q, q, k, v, output[:, :, :5], lse)


@case("flash_attention_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def gradients_without_a_key_are_refused(flash_attention_backward, draw):
    """拒绝没有键的梯度"""
    q, k, v = _qkv(draw, 1, 1, 6, 0, 16)
    return flash_attention_backward(q, q, k, v, q, draw.normal(1, 1, 6))


@case("flash_attention_backward", raises=ValueError, facet="interface", dtypes=[torch.float32])
def gradients_of_heads_above_128_are_refused(flash_attention_backward, draw):
    """拒绝大于 128 的头维度的梯度"""
    q, k, v = _qkv(draw, 1, 1, 4, 4, 129)
    return flash_attention_backward(q, q, k, v, *_attention(q, k, v))
