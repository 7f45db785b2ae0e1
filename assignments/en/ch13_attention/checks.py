"""The visible checks of chapter 13: what a student sees on pressing check. Draws are fixed and public."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import Rules, case

ATTENTION = (
    "*scaled_dot_product*",
    "*_attention_forward",
    "MultiheadAttention",
    "native_multi_head_attention",
    "flex_attention",
)
AUTOGRAD = ("grad", "backward", "*_backward", "*_backward_data", "vjp", "jacobian", "jacrev", "value_and_grad")

RULES = {
    "scaled_dot_product_attention": Rules(forbids=ATTENTION),
    "attention_backward": Rules(forbids=(*ATTENTION, *AUTOGRAD)),
    "multi_head_attention": Rules(forbids=ATTENTION),
    "MultiHeadAttention": Rules(forbids=ATTENTION),
    "grouped_query_attention": Rules(forbids=ATTENTION),
    "blockwise_attention": Rules(forbids=ATTENTION),
    "decode_with_kv_cache": Rules(forbids=ATTENTION),
}


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def three_queries_look_at_five_keys(attention, draw):
    """三个 query 看五个 key"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 5, 4), draw.normal(2, 5, 4))


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def true_in_a_bool_mask_means_attend(attention, draw):
    """bool 掩码中 True 表示可以看"""
    mask = torch.tensor([[True, True, False, False], [False, True, True, True], [True, False, False, False]])
    return attention(draw.normal(3, 4), draw.normal(4, 4), draw.normal(4, 4), attn_mask=mask)


@case("scaled_dot_product_attention", agrees_with=F.scaled_dot_product_attention)
def a_causal_query_sees_no_later_key(attention, draw):
    """因果：query 看不到之后的 key"""
    return attention(draw.normal(2, 5, 4), draw.normal(2, 5, 4), draw.normal(2, 5, 4), is_causal=True)


def backward_by_autograd(grad_output, query, key, value):
    """Equation 13.3 by torch's own attention and autograd."""
    leaves = [x.detach().requires_grad_() for x in (query, key, value)]
    return torch.autograd.grad(F.scaled_dot_product_attention(*leaves), leaves, grad_output)


@case("attention_backward", agrees_with=backward_by_autograd)
def three_gradients_of_one_head(backward, draw):
    """单头的三个梯度"""
    return backward(draw.normal(4, 3), draw.normal(4, 3), draw.normal(4, 3), draw.normal(4, 3))


@case("attention_backward", agrees_with=backward_by_autograd)
def a_batch_with_more_keys_than_queries(backward, draw):
    """一批数据，key 多于 query"""
    return backward(draw.normal(2, 3, 4), draw.normal(2, 3, 4), draw.normal(2, 6, 4), draw.normal(2, 6, 4))


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


@case("multi_head_attention", agrees_with=torch_multi_head)
def two_heads_of_three_features(attention, draw):
    """两个头，每头三个特征"""
    weights = draw.normal(18, 6), draw.normal(18), draw.normal(6, 6), draw.normal(6)
    return attention(draw.normal(2, 5, 6), *weights, num_heads=2)


@case("multi_head_attention", agrees_with=torch_multi_head)
def one_mask_for_all_heads(attention, draw):
    """所有的头共用一个掩码"""
    weights = draw.normal(12, 4), draw.normal(12), draw.normal(4, 4), draw.normal(4)
    mask = torch.ones(3, 3, dtype=torch.bool).tril()
    return attention(draw.normal(2, 3, 4), *weights, num_heads=2, attn_mask=mask)


class TorchMultiHead(nn.MultiheadAttention):
    """torch's module with our forward: self-attention, True means attend."""

    def __init__(self, embed_dim, num_heads):
        super().__init__(embed_dim, num_heads, batch_first=True)

    def forward(self, x, attn_mask=None):
        weights = self.in_proj_weight, self.in_proj_bias, self.out_proj.weight, self.out_proj.bias
        return torch_multi_head(x, *weights, self.num_heads, attn_mask)


def multi_head_state(draw, embed_dim):
    """A state_dict of nn.MultiheadAttention with drawn numbers."""
    return {
        "in_proj_weight": draw.normal(3 * embed_dim, embed_dim),
        "in_proj_bias": draw.normal(3 * embed_dim),
        "out_proj.weight": draw.normal(embed_dim, embed_dim),
        "out_proj.bias": draw.normal(embed_dim),
    }


@case("MultiHeadAttention", agrees_with=TorchMultiHead)
def the_weights_of_a_torch_module_give_its_output(module_class, draw):
    """装入 torch 模块的权重后输出与它相同"""
    module = module_class(8, 2).to(draw.dtype)
    module.load_state_dict(multi_head_state(draw, 8))
    return module(draw.normal(2, 5, 8))


@case("MultiHeadAttention", agrees_with=TorchMultiHead)
def the_mask_reaches_every_head(module_class, draw):
    """掩码作用于每个头"""
    module = module_class(6, 3).to(draw.dtype)
    module.load_state_dict(multi_head_state(draw, 6))
    mask = torch.tensor([[True, False, True], [True, True, False], [False, True, True]])
    return module(draw.normal(2, 3, 6), attn_mask=mask)


def torch_grouped(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """Equation 13.4 by torch."""
    options = {"attn_mask": attn_mask, "is_causal": is_causal, "scale": scale}
    return F.scaled_dot_product_attention(query, key, value, **options, enable_gqa=True)


@case("grouped_query_attention", agrees_with=torch_grouped)
def four_query_heads_share_two_key_heads(attention, draw):
    """四个 query 头共用两个 key 头"""
    return attention(draw.normal(2, 4, 3, 5), draw.normal(2, 2, 6, 5), draw.normal(2, 2, 6, 5))


@case("grouped_query_attention", agrees_with=torch_grouped)
def causal_with_three_queries_to_a_key_head(attention, draw):
    """因果，每个 key 头对应三个 query 头"""
    return attention(draw.normal(6, 4, 5), draw.normal(2, 4, 5), draw.normal(2, 4, 5), is_causal=True)


def all_blocks_at_once(query, key, value, block_size):
    """Equation 13.1 by torch, whatever the block."""
    return F.scaled_dot_product_attention(query, key, value)


@case("blockwise_attention", agrees_with=all_blocks_at_once)
def six_keys_in_blocks_of_two(attention, draw):
    """六个 key，每块两个"""
    return attention(draw.normal(3, 4), draw.normal(6, 4), draw.normal(6, 4), block_size=2)


@case("blockwise_attention", agrees_with=all_blocks_at_once)
def the_last_block_is_short(attention, draw):
    """最后一块不满"""
    return attention(draw.normal(2, 3, 4), draw.normal(2, 7, 4), draw.normal(2, 7, 4), block_size=3)


def from_the_full_sequence(q_t, k_t, v_t, cache):
    """The last rows of torch's causal attention over the whole sequence, with blank queries for the past."""
    keys, values = (k_t, v_t) if cache is None else (torch.cat([cache[0], k_t], -2), torch.cat([cache[1], v_t], -2))
    past = keys.shape[-2] - q_t.shape[-2]
    blank = q_t.new_zeros((*q_t.shape[:-2], past, q_t.shape[-1]))
    outputs = F.scaled_dot_product_attention(torch.cat([blank, q_t], -2), keys, values, is_causal=True)
    return outputs[..., past:, :], (keys, values)


@case("decode_with_kv_cache", agrees_with=from_the_full_sequence)
def the_first_token_has_no_past(decode, draw):
    """第一个 token 没有过去"""
    return decode(draw.normal(2, 1, 4), draw.normal(2, 1, 4), draw.normal(2, 1, 4), None)


@case("decode_with_kv_cache", agrees_with=from_the_full_sequence)
def one_token_after_four_others(decode, draw):
    """四个 token 之后再来一个"""
    return decode(
        draw.normal(2, 1, 4), draw.normal(2, 1, 4), draw.normal(2, 1, 4), (draw.normal(2, 4, 4), draw.normal(2, 4, 4))
    )


def by_complex_exponentials(length, dim):
    """Equation 13.7 as exp(iωt), whose imaginary part is the sine, computed by NumPy in double precision."""
    frequencies = 10000.0 ** (-np.arange(dim // 2) * 2 / dim)
    waves = np.exp(1j * np.outer(np.arange(length), frequencies))
    return torch.from_numpy(np.stack([waves.imag, waves.real], axis=-1).reshape(length, dim)).float()


@case("sinusoidal_positions", agrees_with=by_complex_exponentials, dtypes=(torch.float32,))
def five_positions_of_eight_features(positions, draw):
    """五个位置，八个特征"""
    return positions(5, 8)


@case("sinusoidal_positions", agrees_with=by_complex_exponentials, dtypes=(torch.float32,))
def a_hundred_positions(positions, draw):
    """一百个位置"""
    return positions(100, 6)
