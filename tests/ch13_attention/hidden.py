"""The hidden cases of chapter 13."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import case
from autograder.operations import largest_tensor, parameter_gradients, vjp

# bfloat16 keeps 8 bits: a score near 4 is rounded by 2⁻⁷, so a weight is off by 1 %, and it multiplies values up to 3.
BFLOAT16 = {"dtypes": (torch.bfloat16,), "rtol": 1.6e-2, "atol": 6e-2}

# The draws of these cases are integers, so that scores in the hundreds are exact in float32. The logarithm of the
# normaliser, where an answer uses it, is then good to 1e-4 only, and so is every weight.
SHARP = {"rtol": 1e-3, "atol": 1e-3}


def large_scores(draw, queries, keys, offset=40):
    """A query and a key of four integers whose scores all lie near offset² and differ by a few.

    exp of such a score overflows, yet the weights are far from 0 and 1, so that a wrong scale shows in every draw.
    """
    query, key = (draw.integers(-2, 3, 2, n, 4).to(draw.dtype) for n in (queries, keys))
    query[..., -1], key[..., -1] = offset, offset
    return query, key


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def values_wider_than_keys(attention, draw):
    """value 比 key 宽"""
    return attention(draw.normal(2, 3, 5, 3), draw.normal(2, 3, 11, 3), draw.normal(2, 3, 11, 7))


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def one_query_one_feature_no_batch(attention, draw):
    """一个 query，一个特征，没有批"""
    return attention(draw.normal(1, 1), draw.normal(4, 1), draw.normal(4, 3))


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def one_sequence_of_keys_for_a_batch_of_queries(attention, draw):
    """一批 query 共用一组 key"""
    return attention(draw.normal(3, 2, 5, 4), draw.normal(1, 2, 6, 4), draw.normal(1, 2, 6, 4))


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def a_padding_mask_broadcasts_over_heads_and_queries(attention, draw):
    """填充掩码沿头和 query 广播"""
    lengths = torch.tensor([5, 2, 3])
    mask = (torch.arange(5) < lengths[:, None])[:, None, None, :]
    return attention(draw.normal(3, 2, 4, 3), draw.normal(3, 2, 5, 3), draw.normal(3, 2, 5, 3), attn_mask=mask)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention, draws=2)
def a_bool_mask_for_every_head(attention, draw):
    """每个头一个 bool 掩码"""
    mask = draw.mask(2, 3, 4, 6, p=0.6)
    mask[..., 0] = True
    return attention(draw.normal(2, 3, 4, 5), draw.normal(2, 3, 6, 5), draw.normal(2, 3, 6, 5), attn_mask=mask)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def a_float_mask_is_added_to_the_scaled_scores(attention, draw):
    """浮点掩码加到缩放后的分数上"""
    mask = draw.normal(4, 6, scale=2.0)
    return attention(draw.normal(2, 4, 5), draw.normal(2, 6, 5), draw.normal(2, 6, 5), mask)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def a_query_that_may_attend_to_nothing_gets_zeros(attention, draw):
    """什么也不能看的 query 得到零"""
    mask = draw.mask(4, 6, p=0.7)
    mask[:, 0], mask[1] = True, False
    return attention(draw.normal(2, 4, 5), draw.normal(2, 6, 5), draw.normal(2, 6, 5), attn_mask=mask)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def minus_infinity_in_a_float_mask_forbids(attention, draw):
    """浮点掩码中 −inf 表示禁止，整行 −inf 得到零"""
    mask = draw.normal(4, 6)
    mask[0, 2:], mask[3] = -torch.inf, -torch.inf
    return attention(draw.normal(2, 4, 5), draw.normal(2, 6, 5), draw.normal(2, 6, 5), attn_mask=mask)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def causal_with_more_keys_than_queries(attention, draw):
    """因果，key 多于 query：从左上角算起"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 7, 4), draw.normal(2, 7, 4), is_causal=True)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def causal_with_more_queries_than_keys(attention, draw):
    """因果，query 多于 key"""
    return attention(draw.normal(2, 6, 4), draw.normal(2, 3, 4), draw.normal(2, 3, 4), is_causal=True)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def a_scale_of_ones_own(attention, draw):
    """自己给定的缩放"""
    scale = draw.number(0.5, 1.5)
    return attention(draw.normal(2, 3, 4), draw.normal(2, 5, 4), draw.normal(2, 5, 4), scale=scale)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def a_scale_of_zero_is_not_a_missing_scale(attention, draw):
    """缩放为 0 不等于没有给缩放"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 5, 4), draw.normal(2, 5, 4), scale=0.0)


@case("scaled_dot_product_attention", facet="numerics", agrees_with=F.scaled_dot_product_attention, **SHARP)
def scores_of_more_than_a_thousand(attention, draw):
    """超过一千的分数"""
    query, key = large_scores(draw, 5, 6)
    key[:, 2, -1] *= -1
    return attention(query, key, draw.normal(2, 6, 3))


@case("scaled_dot_product_attention", facet="numerics", agrees_with=F.scaled_dot_product_attention, **SHARP)
def all_scores_far_below_zero(attention, draw):
    """所有分数都远小于零"""
    query, key = large_scores(draw, 5, 6)
    return attention(-query, key, draw.normal(2, 6, 3))


@case("scaled_dot_product_attention", facet="numerics", agrees_with=F.scaled_dot_product_attention)
def tiny_keys_give_nearly_the_mean(attention, draw):
    """极小的 key 几乎给出平均值"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 5, 4, scale=1e-30), draw.normal(2, 5, 4))


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention, **BFLOAT16)
def bfloat16_stays_bfloat16(attention, draw):
    """bfloat16 输入给出 bfloat16 输出"""
    return attention(draw.normal(2, 2, 5, 8), draw.normal(2, 2, 7, 8), draw.normal(2, 2, 7, 8))


@case("scaled_dot_product_attention", facet="gradient", agrees_with=F.scaled_dot_product_attention)
def gradients_reach_query_key_and_value(attention, draw):
    """梯度传到 query、key 和 value"""
    return vjp(attention, draw.normal(2, 3, 4), draw.normal(2, 5, 4), draw.normal(2, 5, 6), cotangent=draw)


@case("scaled_dot_product_attention", facet="gradient", agrees_with=F.scaled_dot_product_attention)
def gradients_of_causal_attention(attention, draw):
    """因果注意力的梯度"""
    return vjp(attention, *draw.normals(3, shape=(2, 5, 4)), cotangent=draw, is_causal=True)


@case("scaled_dot_product_attention", facet="gradient", agrees_with=F.scaled_dot_product_attention)
def a_learned_bias_gets_its_gradient(attention, draw):
    """可学习的偏置（浮点掩码）得到梯度"""
    return vjp(attention, *draw.normals(3, shape=(2, 3, 5, 4)), draw.normal(3, 5, 5), cotangent=draw)


@case("scaled_dot_product_attention", facet="gradient", agrees_with=F.scaled_dot_product_attention)
def a_fully_masked_row_has_zero_gradient(attention, draw):
    """整行被掩码时梯度为零，不是 NaN"""
    mask = draw.mask(5, 5, p=0.6)
    mask[:, 1], mask[2] = True, False
    return vjp(attention, *draw.normals(3, shape=(2, 5, 4)), cotangent=draw, attn_mask=mask)


@case("scaled_dot_product_attention", facet="gradient", agrees_with=F.scaled_dot_product_attention)
def a_row_of_minus_infinity_has_zero_gradient(attention, draw):
    """整行 −inf 时梯度为零，不是 NaN"""
    mask = draw.normal(5, 5)
    mask[0, 3:], mask[2] = -torch.inf, -torch.inf
    return vjp(attention, *draw.normals(3, shape=(2, 5, 4)), cotangent=draw, attn_mask=mask)


@case("scaled_dot_product_attention", facet="interface", agrees_with=F.scaled_dot_product_attention)
def heads_that_are_transposed_views(attention, draw):
    """头是转置得到的视图，不连续"""
    query, key, value = (draw.normal(2, n, 3, 4).transpose(1, 2) for n in (5, 6, 6))
    return attention(draw.strided(query), key, value)


@case("scaled_dot_product_attention", facet="interface", agrees_with=F.scaled_dot_product_attention)
def an_empty_batch(attention, draw):
    """空的批"""
    return attention(draw.normal(0, 3, 4), draw.normal(0, 5, 4), draw.normal(0, 5, 6))


@case("scaled_dot_product_attention", facet="interface", agrees_with=F.scaled_dot_product_attention)
def no_keys_at_all_give_zeros(attention, draw):
    """一个 key 也没有时得到零"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 0, 4), draw.normal(2, 0, 6))


@case("scaled_dot_product_attention", facet="interface", raises=ValueError)
def a_mask_together_with_is_causal_is_an_error(attention, draw):
    """同时给 attn_mask 和 is_causal 是错误"""
    mask = torch.ones(3, 3, dtype=torch.bool)
    return attention(*draw.normals(3, shape=(3, 4)), attn_mask=mask, is_causal=True)


@case("scaled_dot_product_attention", facet="interface", raises=ValueError)
def a_mask_of_integers_is_an_error(attention, draw):
    """整数掩码是错误"""
    return attention(*draw.normals(3, shape=(3, 4)), attn_mask=torch.eye(3, dtype=torch.int64))


@case("scaled_dot_product_attention", facet="interface", raises=ValueError)
def keys_and_values_of_two_lengths_are_an_error(attention, draw):
    """key 与 value 长度不同是错误"""
    return attention(draw.normal(2, 4), draw.normal(5, 4), draw.normal(3, 4))


def backward_by_autograd(grad_output, query, key, value):
    """Equation 13.3 by torch's own attention and autograd."""
    leaves = [x.detach().requires_grad_() for x in (query, key, value)]
    return torch.autograd.grad(F.scaled_dot_product_attention(*leaves), leaves, grad_output)


@case("attention_backward", agrees_with=backward_by_autograd)
def heads_with_values_wider_than_keys(backward, draw):
    """多头，value 比 key 宽"""
    return backward(draw.normal(2, 3, 5, 7), draw.normal(2, 3, 5, 4), draw.normal(2, 3, 9, 4), draw.normal(2, 3, 9, 7))


@case("attention_backward", agrees_with=backward_by_autograd)
def as_many_queries_as_keys_and_features(backward, draw):
    """query、key 与特征一样多，转置错了形状也看不出来"""
    return backward(*draw.normals(4, shape=(2, 4, 4)))


@case("attention_backward", agrees_with=backward_by_autograd)
def one_feature_and_no_batch(backward, draw):
    """一个特征，没有批"""
    return backward(draw.normal(3, 2), draw.normal(3, 1), draw.normal(5, 1), draw.normal(5, 2))


@case("attention_backward", facet="numerics", agrees_with=backward_by_autograd, **SHARP)
def large_scores_saturate_without_nan(backward, draw):
    """很大的分数：饱和，但没有 NaN"""
    query, key = large_scores(draw, 5, 6, offset=15)  # the sum of a row of dS, which is 0, enters dQ times the offset
    key[:, 2, -1] *= -1
    return backward(draw.normal(2, 5, 3), query, key, draw.normal(2, 6, 3))


@case("attention_backward", facet="numerics", agrees_with=backward_by_autograd)
def a_tiny_upstream_gradient_is_not_lost(backward, draw):
    """极小的上游梯度不会丢失"""
    grads = backward(draw.normal(3, 4, scale=1e-25), *(draw.normal(n, 4) for n in (3, 5, 5)))
    return [grad * 1e25 for grad in grads]


# dS is a difference of two such sums, and dQ and dK sum several of its entries
@case("attention_backward", agrees_with=backward_by_autograd, **(BFLOAT16 | {"atol": 0.12}))
def backward_in_bfloat16(backward, draw):
    """bfloat16 的反向传播"""
    return backward(draw.normal(2, 3, 4), draw.normal(2, 3, 4), draw.normal(2, 5, 4), draw.normal(2, 5, 4))


@case("attention_backward", facet="interface", agrees_with=backward_by_autograd)
def gradients_of_strided_views(backward, draw):
    """不连续视图的梯度"""
    inputs = [draw.strided(draw.normal(2, n, 3, 4).transpose(1, 2)) for n in (5, 5, 6, 6)]
    return backward(*inputs)


@case("attention_backward", facet="interface", agrees_with=backward_by_autograd)
def an_empty_batch_has_empty_gradients(backward, draw):
    """空的批给出空的梯度"""
    return backward(draw.normal(0, 3, 6), draw.normal(0, 3, 4), draw.normal(0, 5, 4), draw.normal(0, 5, 6))


@case("attention_backward", facet="interface", raises=ValueError)
def a_gradient_as_wide_as_the_keys_is_an_error(backward, draw):
    """上游梯度的宽度与 value 不符是错误"""
    return backward(draw.normal(3, 4), draw.normal(3, 4), draw.normal(5, 4), draw.normal(5, 6))


def torch_multi_head(x, in_weight, in_bias, out_weight, out_bias, num_heads, attn_mask=None):
    """Equation 13.2 by torch, its bool masks turned round and spread over batch and heads."""
    if attn_mask is not None:
        attn_mask = attn_mask.expand(x.shape[0], num_heads, x.shape[1], x.shape[1]).flatten(0, 1)
        attn_mask = ~attn_mask if attn_mask.dtype == torch.bool else attn_mask
    x = x.transpose(0, 1)
    projections = {"in_proj_weight": in_weight, "in_proj_bias": in_bias}
    outputs, _ = F.multi_head_attention_forward(
        x, x, x, x.shape[-1], num_heads, **projections, bias_k=None, bias_v=None, add_zero_attn=False, dropout_p=0.0,
        out_proj_weight=out_weight, out_proj_bias=out_bias, need_weights=False, attn_mask=attn_mask,
    )  # fmt: skip
    return outputs.transpose(0, 1)


def projections(draw, embed):
    """in_proj and out_proj of a self-attention, scaled so that the outputs are of size 1."""
    weights = draw.normal(3 * embed, embed, scale=embed**-0.5), draw.normal(embed, embed, scale=embed**-0.5)
    return weights[0], draw.normal(3 * embed), weights[1], draw.normal(embed)


@case("multi_head_attention", agrees_with=torch_multi_head)
def four_heads_of_three_features(attention, draw):
    """四个头，每头三个特征"""
    return attention(draw.normal(3, 7, 12), *projections(draw, 12), 4)


@case("multi_head_attention", agrees_with=torch_multi_head)
def as_many_heads_as_positions(attention, draw):
    """头数等于序列长度，排错维度形状也看不出来"""
    return attention(draw.normal(4, 4, 16), *projections(draw, 16), 4)


@case("multi_head_attention", agrees_with=torch_multi_head)
def a_single_head(attention, draw):
    """只有一个头"""
    return attention(draw.normal(2, 5, 3), *projections(draw, 3), 1)


@case("multi_head_attention", agrees_with=torch_multi_head)
def as_many_heads_as_features(attention, draw):
    """头数等于特征数"""
    return attention(draw.normal(2, 5, 3), *projections(draw, 3), 3)


@case("multi_head_attention", agrees_with=torch_multi_head)
def a_sequence_of_one(attention, draw):
    """长度为一的序列"""
    return attention(draw.normal(2, 1, 6), *projections(draw, 6), 2)


@case("multi_head_attention", agrees_with=torch_multi_head)
def without_biases(attention, draw):
    """没有偏置"""
    in_weight, _, out_weight, _ = projections(draw, 6)
    return attention(draw.normal(2, 4, 6), in_weight, None, out_weight, None, 2)


@case("multi_head_attention", agrees_with=torch_multi_head)
def a_bool_mask_with_a_row_of_nothing(attention, draw):
    """bool 掩码，其中一行什么也不能看"""
    mask = draw.mask(5, 5, p=0.6)
    mask[:, 0], mask[3] = True, False
    return attention(draw.normal(2, 5, 6), *projections(draw, 6), 3, attn_mask=mask)


@case("multi_head_attention", agrees_with=torch_multi_head)
def padding_differs_within_the_batch(attention, draw):
    """批内各序列的填充不同"""
    mask = (torch.arange(4) < torch.tensor([4, 2, 1])[:, None])[:, None, None, :]
    return attention(draw.normal(3, 4, 6), *projections(draw, 6), 2, attn_mask=mask)


@case("multi_head_attention", agrees_with=torch_multi_head)
def a_float_bias_for_every_head(attention, draw):
    """每个头一个浮点偏置"""
    return attention(draw.normal(2, 5, 6), *projections(draw, 6), 3, attn_mask=draw.normal(3, 5, 5))


@case("multi_head_attention", facet="numerics", agrees_with=torch_multi_head, **SHARP)
def inputs_ten_times_larger(attention, draw):
    """放大十倍的输入"""
    eye = torch.eye(8, dtype=draw.dtype)
    x = draw.integers(-2, 3, 2, 5, 8).to(draw.dtype)
    x[..., ::4] = 40  # one feature of each head: its scores lie near 800 and differ by a few
    return attention(x, eye.repeat(3, 1), None, eye, draw.normal(8), 2)


@case("multi_head_attention", agrees_with=torch_multi_head, **BFLOAT16)
def heads_in_bfloat16(attention, draw):
    """bfloat16 的多头注意力"""
    return attention(draw.normal(2, 5, 8), *projections(draw, 8), 2)


@case("multi_head_attention", facet="gradient", agrees_with=torch_multi_head)
def gradients_reach_all_weights_and_biases(attention, draw):
    """梯度传到所有权重和偏置"""
    return vjp(attention, draw.normal(2, 4, 6), *projections(draw, 6), 3, cotangent=draw)


@case("multi_head_attention", facet="gradient", agrees_with=torch_multi_head)
def gradients_under_a_causal_mask(attention, draw):
    """因果掩码下的梯度"""
    mask = torch.ones(4, 4, dtype=torch.bool).tril()
    return vjp(attention, draw.normal(2, 4, 6), *projections(draw, 6), 2, mask, cotangent=draw)


@case("multi_head_attention", facet="interface", agrees_with=torch_multi_head)
def sequences_first_then_transposed(attention, draw):
    """由 (length, batch, embed) 转置而来的输入"""
    x = draw.normal(5, 2, 6).transpose(0, 1)
    return attention(draw.strided(x), *(draw.strided(w) for w in projections(draw, 6)), 2)


@case("multi_head_attention", facet="interface", agrees_with=torch_multi_head)
def a_batch_of_no_sequences(attention, draw):
    """没有序列的批"""
    return attention(draw.normal(0, 5, 6), *projections(draw, 6), 2)


@case("multi_head_attention", facet="interface", raises=ValueError)
def five_features_in_two_heads_are_an_error(attention, draw):
    """五个特征分给两个头是错误"""
    return attention(draw.normal(2, 4, 5), *projections(draw, 5), 2)


class TorchMultiHead(nn.MultiheadAttention):
    """torch's module with our forward: self-attention, True means attend."""

    def __init__(self, embed_dim, num_heads):
        super().__init__(embed_dim, num_heads, batch_first=True)

    def forward(self, x, attn_mask=None):
        weights = self.in_proj_weight, self.in_proj_bias, self.out_proj.weight, self.out_proj.bias
        return torch_multi_head(x, *weights, self.num_heads, attn_mask)


def loaded(module_class, draw, embed, heads):
    """A module that holds a torch module's state_dict of drawn numbers."""
    names = "in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"
    module = module_class(embed, heads).to(draw.dtype)
    module.load_state_dict(dict(zip(names, projections(draw, embed), strict=True)))
    return module


@case("MultiHeadAttention", agrees_with=TorchMultiHead)
def three_heads_of_five_features(module_class, draw):
    """三个头，每头五个特征"""
    return loaded(module_class, draw, 15, 3)(draw.normal(2, 7, 15))


@case("MultiHeadAttention", agrees_with=TorchMultiHead)
def padding_for_each_sequence(module_class, draw):
    """每个序列自己的填充掩码"""
    mask = (torch.arange(5) < torch.tensor([3, 5])[:, None])[:, None, None, :]
    return loaded(module_class, draw, 8, 4)(draw.normal(2, 5, 8), mask)


@case("MultiHeadAttention", agrees_with=TorchMultiHead)
def a_row_of_nothing_gives_the_bias_of_the_output(module_class, draw):
    """什么也不能看的一行只剩输出偏置"""
    mask = draw.mask(4, 4, p=0.6)
    mask[:, 0], mask[2] = True, False
    return loaded(module_class, draw, 6, 2)(draw.normal(2, 4, 6), attn_mask=mask)


@case("MultiHeadAttention", agrees_with=TorchMultiHead)
def two_modules_do_not_share_their_weights(module_class, draw):
    """两个模块不共享权重"""
    first, second = loaded(module_class, draw, 6, 2), loaded(module_class, draw, 6, 2)
    x = draw.normal(2, 4, 6)
    return first(x), second(x)


@case("MultiHeadAttention", facet="gradient", agrees_with=TorchMultiHead)
def gradients_of_the_named_parameters(module_class, draw):
    """各个命名参数的梯度"""
    return parameter_gradients(loaded(module_class, draw, 6, 3), draw.normal(2, 4, 6), cotangent=draw)


@case("MultiHeadAttention", facet="gradient", agrees_with=TorchMultiHead)
def gradients_reach_the_input(module_class, draw):
    """梯度传到输入"""
    return vjp(loaded(module_class, draw, 6, 3), draw.normal(2, 4, 6), cotangent=draw)


@case("MultiHeadAttention", facet="interface", agrees_with=TorchMultiHead)
def the_state_dict_has_torchs_names_and_shapes(module_class, draw):
    """state_dict 的名字和形状与 torch 相同"""
    return {name: list(tensor.shape) for name, tensor in module_class(10, 5).state_dict().items()}


@case("MultiHeadAttention", facet="interface", agrees_with=TorchMultiHead)
def what_was_loaded_is_what_is_saved(module_class, draw):
    """装入什么就存出什么"""
    return dict(loaded(module_class, draw, 6, 2).state_dict())


@case("MultiHeadAttention", facet="interface", agrees_with=TorchMultiHead)
def fresh_weights_start_as_torchs_do(module_class, draw):
    """新建模块的初始权重与 torch 同分布"""
    state = module_class(64, 4).state_dict()
    weight, out = state["in_proj_weight"].double(), state["out_proj.weight"].double()
    # uniform within ±b has the standard deviation b/√3: Xavier's b is √(6/(3·64 + 64)), that of nn.Linear 1/√64
    spread = [
        (w.std() * math.sqrt(3) / b - 1).abs() < 0.1 for w, b in ((weight, 6 / 256), (out, 1 / 64)) for b in [b**0.5]
    ]
    # the draws are float32: their bound may be b rounded up
    within = [w.abs().max() <= b * (1 + 1e-6) for w, b in ((weight, math.sqrt(6 / 256)), (out, 1 / 8))]
    zero = [(state[name] == 0).all() for name in ("in_proj_bias", "out_proj.bias")]
    return [bool(t) for t in spread + within + zero]


@case("MultiHeadAttention", facet="interface", raises=ValueError)
def ten_features_in_three_heads_are_an_error(module_class, draw):
    """十个特征分给三个头是错误"""
    return module_class(10, 3).state_dict()["in_proj_bias"]


def torch_grouped(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """Equation 13.4 by torch."""
    options = {"attn_mask": attn_mask, "is_causal": is_causal, "scale": scale}
    return F.scaled_dot_product_attention(query, key, value, **options, enable_gqa=True)


@case("grouped_query_attention", agrees_with=torch_grouped)
def six_query_heads_and_two_wide_value_heads(attention, draw):
    """六个 query 头，两个较宽的 value 头"""
    return attention(draw.normal(2, 6, 5, 4), draw.normal(2, 2, 7, 4), draw.normal(2, 2, 7, 9))


@case("grouped_query_attention", agrees_with=torch_grouped)
def as_many_key_heads_as_query_heads(attention, draw):
    """key 头与 query 头一样多，就是多头注意力"""
    return attention(draw.normal(2, 3, 4, 5), draw.normal(2, 3, 6, 5), draw.normal(2, 3, 6, 5))


@case("grouped_query_attention", agrees_with=torch_grouped)
def one_key_head_for_all(attention, draw):
    """所有 query 头共用一个 key 头（multi-query）"""
    return attention(draw.normal(2, 4, 3, 5), draw.normal(2, 1, 6, 5), draw.normal(2, 1, 6, 5))


@case("grouped_query_attention", agrees_with=torch_grouped)
def two_batch_dimensions(attention, draw):
    """两个批维度"""
    return attention(draw.normal(2, 3, 4, 1, 5), draw.normal(2, 3, 2, 6, 5), draw.normal(2, 3, 2, 6, 5))


@case("grouped_query_attention", agrees_with=torch_grouped)
def every_query_head_has_its_own_mask(attention, draw):
    """每个 query 头有自己的掩码"""
    mask = draw.mask(4, 5, 6, p=0.6)
    mask[:, :, 0], mask[1, 3] = True, False
    return attention(draw.normal(2, 4, 5, 3), draw.normal(2, 2, 6, 3), draw.normal(2, 2, 6, 3), attn_mask=mask)


@case("grouped_query_attention", agrees_with=torch_grouped)
def a_float_bias_on_every_query_head(attention, draw):
    """每个 query 头一个浮点偏置"""
    bias = draw.normal(1, 4, 5, 6)
    return attention(draw.normal(2, 4, 5, 3), draw.normal(2, 2, 6, 3), draw.normal(2, 2, 6, 3), bias)


@case("grouped_query_attention", agrees_with=torch_grouped)
def causal_with_a_scale(attention, draw):
    """因果，并给定缩放"""
    scale = draw.number(0.8, 1.5)
    query, key, value = draw.normal(4, 5, 3), draw.normal(2, 5, 3), draw.normal(2, 5, 3)
    return attention(query, key, value, is_causal=True, scale=scale)


@case("grouped_query_attention", facet="numerics", agrees_with=torch_grouped, **SHARP)
def sharp_scores_in_every_group(attention, draw):
    """每组的分数都很大"""
    query, key = draw.integers(-30, 31, 4, 5, 4), draw.integers(-30, 31, 2, 6, 4)
    return attention(query.to(draw.dtype), key.to(draw.dtype), draw.normal(2, 6, 3))


@case("grouped_query_attention", agrees_with=torch_grouped, **BFLOAT16)
def groups_in_bfloat16(attention, draw):
    """bfloat16 的分组注意力"""
    return attention(draw.normal(2, 4, 5, 8), draw.normal(2, 2, 7, 8), draw.normal(2, 2, 7, 8))


@case("grouped_query_attention", facet="gradient", agrees_with=torch_grouped)
def key_gradients_are_summed_over_their_group(attention, draw):
    """key 的梯度在组内求和"""
    return vjp(attention, draw.normal(2, 6, 3, 4), draw.normal(2, 2, 5, 4), draw.normal(2, 2, 5, 4), cotangent=draw)


@case("grouped_query_attention", facet="interface", agrees_with=torch_grouped)
def grouped_heads_that_are_views(attention, draw):
    """头是转置得到的视图"""
    query, key, value = (draw.normal(2, 5, h, 4).transpose(1, 2) for h in (4, 2, 2))
    return attention(draw.strided(query), key, draw.strided(value))


@case("grouped_query_attention", facet="interface", agrees_with=torch_grouped)
def no_keys_in_any_group(attention, draw):
    """没有任何 key"""
    return attention(draw.normal(2, 4, 3, 5), draw.normal(2, 2, 0, 5), draw.normal(2, 2, 0, 5))


@case("grouped_query_attention", facet="interface", raises=ValueError)
def eight_heads_in_three_groups_are_an_error(attention, draw):
    """八个头分三组是错误"""
    return attention(draw.normal(2, 8, 4, 5), draw.normal(2, 3, 4, 5), draw.normal(2, 3, 4, 5))


@case("grouped_query_attention", facet="interface", raises=ValueError)
def more_key_heads_than_query_heads_are_an_error(attention, draw):
    """key 头比 query 头多是错误"""
    return attention(draw.normal(2, 1, 4, 5), draw.normal(2, 2, 4, 5), draw.normal(2, 2, 4, 5))


@case("grouped_query_attention", facet="interface", raises=ValueError)
def a_grouped_mask_with_is_causal_is_an_error(attention, draw):
    """同时给 attn_mask 和 is_causal 是错误"""
    mask = torch.ones(4, 4, dtype=torch.bool)
    return attention(draw.normal(4, 4, 5), draw.normal(2, 4, 5), draw.normal(2, 4, 5), mask, True)


def all_blocks_at_once(query, key, value, block_size):
    """Equation 13.1 by torch, whatever the block."""
    return F.scaled_dot_product_attention(query, key, value)


@case("blockwise_attention", agrees_with=all_blocks_at_once)
def thirteen_keys_in_blocks_of_five(attention, draw):
    """十三个 key，每块五个"""
    return attention(draw.normal(2, 3, 7, 4), draw.normal(2, 3, 13, 4), draw.normal(2, 3, 13, 9), 5)


@case("blockwise_attention", agrees_with=all_blocks_at_once)
def one_key_at_a_time(attention, draw):
    """每次一个 key"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 6, 4), draw.normal(2, 6, 4), 1)


@case("blockwise_attention", agrees_with=all_blocks_at_once)
def a_block_larger_than_the_sequence(attention, draw):
    """块比序列还长"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 5, 4), draw.normal(2, 5, 4), 64)


@case("blockwise_attention", agrees_with=all_blocks_at_once)
def one_query_of_one_feature(attention, draw):
    """一个 query，一个特征"""
    query, key = draw.uniform(1, 1, low=1, high=2), draw.normal(7, 1).sort(dim=0).values
    return attention(query, key, draw.normal(7, 3), 2)


@case("blockwise_attention", facet="numerics", agrees_with=all_blocks_at_once, **SHARP)
def the_greatest_score_comes_last(attention, draw):
    """最大的分数在最后一块"""
    key = draw.integers(2, 4, 2, 9, 4).cumsum(1)
    query = draw.integers(5, 9, 2, 3, 4)
    return attention(query.to(draw.dtype), key.to(draw.dtype), draw.normal(2, 9, 3), 2)


@case("blockwise_attention", facet="numerics", agrees_with=all_blocks_at_once, **SHARP)
def the_greatest_score_comes_first(attention, draw):
    """最大的分数在第一块"""
    key = draw.integers(2, 4, 2, 9, 4).cumsum(1).flip(1)
    query = draw.integers(5, 9, 2, 3, 4)
    return attention(query.to(draw.dtype), key.to(draw.dtype), draw.normal(2, 9, 3), 2)


@case("blockwise_attention", facet="numerics", agrees_with=all_blocks_at_once, **SHARP)
def one_query_scores_high_and_another_low(attention, draw):
    """一个 query 的分数极高，另一个极低"""
    key = draw.integers(20, 31, 2, 7, 4)
    query = torch.tensor([[30, 30, 30, 30], [-30, -30, -30, -30], [0, 0, 1, 0]]).expand(2, 3, 4)
    return attention(query.to(draw.dtype), key.to(draw.dtype), draw.normal(2, 7, 3), 3)


@case("blockwise_attention", agrees_with=all_blocks_at_once, **BFLOAT16)
def blocks_in_bfloat16(attention, draw):
    """bfloat16 的分块注意力"""
    return attention(draw.normal(2, 5, 8), draw.normal(2, 9, 8), draw.normal(2, 9, 8), 3)


@case("blockwise_attention", facet="gradient", agrees_with=all_blocks_at_once)
def gradients_flow_through_every_block(attention, draw):
    """梯度流过每一块"""
    inputs = draw.normal(2, 3, 4), draw.normal(2, 7, 4), draw.normal(2, 7, 5)
    return vjp(attention, *inputs, block_size=3, cotangent=draw)


@case("blockwise_attention", facet="gradient", agrees_with=all_blocks_at_once)
def gradients_where_the_maximum_grows(attention, draw):
    """最大值逐块增大时的梯度"""
    inputs = draw.normal(2, 3, 4), draw.normal(2, 6, 4) * torch.arange(1, 7)[:, None], draw.normal(2, 6, 5)
    return vjp(attention, *inputs, block_size=1, cotangent=draw)


@case("blockwise_attention", facet="memory", expected=True)
def no_tensor_is_as_large_as_the_scores(attention, draw):
    """没有一个张量有分数矩阵那么大"""
    inputs = draw.normal(300, 8), draw.normal(400, 8), draw.normal(400, 8)
    return largest_tensor(attention, *inputs, 16) <= 2 * 300 * 16


@case("blockwise_attention", facet="memory", expected=True)
def smaller_blocks_take_less_memory(attention, draw):
    """块越小，占用的内存越少"""
    inputs = draw.normal(200, 4), draw.normal(200, 4), draw.normal(200, 4)
    return largest_tensor(attention, *inputs, 4) <= 2 * 200 * 4


@case("blockwise_attention", facet="interface", agrees_with=all_blocks_at_once)
def blocks_of_transposed_views(attention, draw):
    """由转置视图切出的块"""
    query, key, value = (draw.strided(draw.normal(2, n, 3, 4).transpose(1, 2)) for n in (5, 7, 7))
    return attention(query, key, value, 4)


@case("blockwise_attention", facet="interface", agrees_with=all_blocks_at_once)
def no_blocks_give_zeros(attention, draw):
    """一块也没有时得到零"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 0, 4), draw.normal(2, 0, 6), 4)


@case("blockwise_attention", facet="interface", raises=ValueError)
def a_block_of_no_keys_is_an_error(attention, draw):
    """块大小为 0 是错误"""
    return attention(draw.normal(3, 4), draw.normal(6, 4), draw.normal(6, 4), 0)


@case("blockwise_attention", facet="interface", raises=ValueError)
def a_negative_block_is_an_error(attention, draw):
    """负的块大小是错误"""
    return attention(draw.normal(3, 4), draw.normal(6, 4), draw.normal(6, 4), -2)


@case("blockwise_attention", facet="interface", raises=ValueError)
def values_longer_than_the_keys_are_an_error(attention, draw):
    """value 比 key 多是错误"""
    return attention(draw.normal(3, 4), draw.normal(4, 4), draw.normal(6, 4), 2)


def from_the_full_sequence(q_t, k_t, v_t, cache):
    """The last rows of torch's causal attention over the whole sequence, with blank queries for the past."""
    keys, values = (k_t, v_t) if cache is None else (torch.cat([cache[0], k_t], -2), torch.cat([cache[1], v_t], -2))
    past = keys.shape[-2] - q_t.shape[-2]
    blank = q_t.new_zeros((*q_t.shape[:-2], past, q_t.shape[-1]))
    outputs = F.scaled_dot_product_attention(torch.cat([blank, q_t], -2), keys, values, is_causal=True)
    return outputs[..., past:, :], (keys, values)


@case("decode_with_kv_cache", agrees_with=from_the_full_sequence)
def token_by_token_equals_causal_attention(decode, draw):
    """逐个 token 解码等于完整的因果注意力"""
    query, key, value = draw.normal(2, 3, 6, 4), draw.normal(2, 3, 6, 4), draw.normal(2, 3, 6, 5)
    outputs, cache = [], None
    for t in range(6):
        output, cache = decode(query[..., t : t + 1, :], key[..., t : t + 1, :], value[..., t : t + 1, :], cache)
        outputs.append(output)
    return torch.cat(outputs, dim=-2), cache


@case("decode_with_kv_cache", agrees_with=from_the_full_sequence)
def a_prompt_of_five_tokens(decode, draw):
    """五个 token 的提示：彼此之间也是因果的"""
    return decode(draw.normal(2, 5, 4), draw.normal(2, 5, 4), draw.normal(2, 5, 4), None)


@case("decode_with_kv_cache", agrees_with=from_the_full_sequence)
def three_new_tokens_after_four(decode, draw):
    """四个之后一次来三个：因果从右下角算起"""
    cache = draw.normal(2, 4, 5), draw.normal(2, 4, 7)
    return decode(draw.normal(2, 3, 5), draw.normal(2, 3, 5), draw.normal(2, 3, 7), cache)


@case("decode_with_kv_cache", agrees_with=from_the_full_sequence)
def two_continuations_of_one_cache(decode, draw):
    """同一缓存的两种续写"""
    _, cache = decode(draw.normal(3, 4), draw.normal(3, 4), draw.normal(3, 4), None)
    first = decode(draw.normal(1, 4), draw.normal(1, 4), draw.normal(1, 4), cache)
    second = decode(draw.normal(1, 4), draw.normal(1, 4), draw.normal(1, 4), cache)
    return first, second, cache


@case("decode_with_kv_cache", facet="numerics", agrees_with=from_the_full_sequence, **SHARP)
def a_past_with_scores_of_a_thousand(decode, draw):
    """过去的分数上千"""
    query, key = large_scores(draw, 1, 7)
    return decode(query, key[:, -1:], draw.normal(2, 1, 3), (key[:, :-1], draw.normal(2, 6, 3)))


@case("decode_with_kv_cache", agrees_with=from_the_full_sequence, **BFLOAT16)
def a_cache_in_bfloat16(decode, draw):
    """bfloat16 的缓存"""
    cache = draw.normal(2, 6, 8), draw.normal(2, 6, 8)
    return decode(draw.normal(2, 1, 8), draw.normal(2, 1, 8), draw.normal(2, 1, 8), cache)


@case("decode_with_kv_cache", facet="gradient", agrees_with=from_the_full_sequence)
def gradients_reach_the_new_token(decode, draw):
    """梯度传到新的 token"""
    cache = draw.normal(2, 4, 5), draw.normal(2, 4, 5)
    return vjp(decode, *draw.normals(3, shape=(2, 2, 5)), cotangent=draw, cache=cache)


@case("decode_with_kv_cache", facet="interface", agrees_with=from_the_full_sequence)
def a_cache_of_strided_views(decode, draw):
    """缓存是不连续的视图"""
    cache = tuple(draw.strided(draw.normal(2, 5, 3, 4).transpose(1, 2)) for _ in range(2))
    return decode(*(draw.normal(2, 1, 3, 4).transpose(1, 2) for _ in range(3)), cache)


@case("decode_with_kv_cache", facet="interface", agrees_with=from_the_full_sequence)
def an_empty_cache_is_like_none(decode, draw):
    """空缓存与 None 一样"""
    return decode(*draw.normals(3, shape=(2, 3, 4)), (draw.normal(2, 0, 4), draw.normal(2, 0, 4)))


@case("decode_with_kv_cache", facet="interface", raises=ValueError)
def a_cache_of_other_features_is_an_error(decode, draw):
    """缓存的特征数不符是错误"""
    return decode(*draw.normals(3, shape=(2, 1, 4)), (draw.normal(2, 3, 5), draw.normal(2, 3, 4)))


def by_complex_exponentials(length, dim):
    """Equation 13.7 as exp(iωt), whose imaginary part is the sine, computed by NumPy in double precision."""
    frequencies = 10000.0 ** (-np.arange(dim // 2) * 2 / dim)
    waves = np.exp(1j * np.outer(np.arange(length), frequencies))
    return torch.from_numpy(np.stack([waves.imag, waves.real], axis=-1).reshape(length, dim)).float()


@case("sinusoidal_positions", agrees_with=by_complex_exponentials, dtypes=(torch.float32,), draws=2)
def any_length_and_width(positions, draw):
    """任意的长度和宽度"""
    return positions(draw.integer(20, 60), 2 * draw.integer(3, 20))


@case("sinusoidal_positions", agrees_with=by_complex_exponentials, dtypes=(torch.float32,))
def two_features(positions, draw):
    """两个特征"""
    return positions(9, 2)


@case("sinusoidal_positions", agrees_with=by_complex_exponentials, dtypes=(torch.float32,))
def a_single_position(positions, draw):
    """只有一个位置"""
    return positions(1, 6)


@case("sinusoidal_positions", facet="numerics", agrees_with=by_complex_exponentials, dtypes=(torch.float32,))
def positions_in_the_thousands_keep_their_digits(positions, draw):
    """数以千计的位置不丢位数"""
    return positions(6000, 12)[-50:]


@case("sinusoidal_positions", facet="interface", agrees_with=by_complex_exponentials, dtypes=(torch.float32,))
def no_positions(positions, draw):
    """没有位置"""
    return positions(0, 6)


@case("sinusoidal_positions", facet="interface", raises=ValueError)
def an_odd_width_is_an_error(positions, draw):
    """奇数宽度是错误"""
    return positions(4, 5)
