"""Right answers to chapter 13 that look nothing like the reference; the tests must accept them."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import right


@right("scaled_dot_product_attention")
def by_einsum_and_exponentials(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """Einsum for the products, an additive mask for everything, and softmax written out."""
    if is_causal and attn_mask is not None:
        raise ValueError("one or the other")
    queries, keys = query.shape[-2], key.shape[-2]
    if is_causal:
        attn_mask = torch.arange(keys) <= torch.arange(queries)[:, None]
    scores = torch.einsum("...le,...se->...ls", query, key) * (
        1 / math.sqrt(query.shape[-1]) if scale is None else scale
    )
    if attn_mask is not None and attn_mask.dtype != torch.bool:
        if not attn_mask.is_floating_point():
            raise TypeError("a mask of integers")
        scores, attn_mask = scores + attn_mask, attn_mask > -torch.inf
    if attn_mask is None:
        attn_mask = scores.new_ones((), dtype=torch.bool)
    if keys == 0:
        return query.new_zeros((*scores.shape[:-1], value.shape[-1]))
    allowed = attn_mask.expand(scores.shape)
    lowest = torch.finfo(scores.dtype).min
    shifted = scores - torch.where(allowed, scores, lowest).amax(-1, keepdim=True).detach()
    exponentials = torch.where(allowed, torch.exp(torch.where(allowed, shifted, 0.0)), 0.0)
    total = exponentials.sum(-1, keepdim=True)
    return torch.einsum("...ls,...sv->...lv", exponentials / torch.where(total == 0, 1.0, total), value)


@right("scaled_dot_product_attention")
def with_one_more_key_of_nothing(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """A sink key whose value is 0 is open to exactly the queries that may attend to nothing else."""
    if attn_mask is not None and is_causal:
        raise ValueError("attn_mask and is_causal")
    scores = torch.matmul(query, key.transpose(-2, -1))
    scores = scores * (query.size(-1) ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = ~torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            attn_mask = torch.zeros(attn_mask.shape, dtype=scores.dtype).masked_fill(attn_mask.logical_not(), -math.inf)
        elif not attn_mask.dtype.is_floating_point:
            raise ValueError("an integer mask")
        scores = scores + attn_mask
    nothing = (scores == -math.inf).all(-1, keepdim=True)
    sink = torch.zeros_like(scores.sum(-1, keepdim=True).detach()).masked_fill(~nothing, -math.inf)
    weights = F.softmax(torch.cat([scores, sink], dim=-1), dim=-1)
    return weights[..., :-1] @ value


@right("attention_backward")
def through_the_output(grad_output, query, key, value):
    """The row sum of dP∘P is the row sum of dO∘O, as FlashAttention computes it."""
    e = query.shape[-1]
    scores = torch.einsum("...le,...se->...ls", query, key) / math.sqrt(e)
    p = torch.exp(scores - scores.logsumexp(-1, keepdim=True))
    output = p @ value
    delta = (grad_output * output).sum(-1, keepdim=True)
    ds = p * (grad_output @ value.transpose(-1, -2) - delta) / math.sqrt(e)
    dk = torch.einsum("...ls,...le->...se", ds, query)
    return torch.einsum("...ls,...se->...le", ds, key), dk, torch.einsum("...ls,...lv->...sv", p, grad_output)


@right("multi_head_attention")
def one_head_after_the_other(
    x, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, num_heads, attn_mask=None
):
    """A loop over the heads, each with its own rows of the weights and its own columns of W_O."""
    batch, length, embed = x.shape
    if embed % num_heads != 0:
        raise ValueError("heads")
    width = embed // num_heads
    mask = None if attn_mask is None else attn_mask.expand(batch, num_heads, length, length)
    result = torch.zeros_like(x)
    for head in range(num_heads):
        parts = []
        for start in (0, embed, 2 * embed):
            rows = slice(start + head * width, start + (head + 1) * width)
            part = x @ in_proj_weight[rows].T
            parts.append(part if in_proj_bias is None else part + in_proj_bias[rows])
        scores = parts[0] @ parts[1].mT / math.sqrt(width)
        if mask is not None and mask.dtype == torch.bool:
            scores = scores.masked_fill(~mask[:, head], -math.inf)
        elif mask is not None:
            scores = scores + mask[:, head]
        nothing = (scores == -math.inf).all(-1, keepdim=True)
        weights = torch.where(nothing, 0.0, torch.softmax(torch.where(nothing, 0.0, scores), dim=-1))
        result = result + weights @ parts[2] @ out_proj_weight[:, head * width : (head + 1) * width].T
    return result if out_proj_bias is None else result + out_proj_bias


@right("MultiHeadAttention")
class WithAnOutputModuleOfItsOwn(nn.Module):
    """einsum over (batch, length, head, feature), and parameters registered one by one."""

    def __init__(self, embed_dim, num_heads):
        nn.Module.__init__(self)
        if embed_dim // num_heads * num_heads != embed_dim:
            raise ValueError("heads")
        self.heads = num_heads
        bound = math.sqrt(6 / (4 * embed_dim))
        self.register_parameter("in_proj_weight", nn.Parameter(bound * (2 * torch.rand(3 * embed_dim, embed_dim) - 1)))
        self.register_parameter("in_proj_bias", nn.Parameter(torch.zeros(3 * embed_dim)))
        self.out_proj = nn.modules.linear.NonDynamicallyQuantizableLinear(embed_dim, embed_dim)
        with torch.no_grad():
            self.out_proj.bias.zero_()

    def forward(self, x, attn_mask=None):
        b, n, e = x.shape
        joint = (x @ self.in_proj_weight.T + self.in_proj_bias).view(b, n, 3, self.heads, e // self.heads)
        scores = torch.einsum("blhe,bshe->bhls", joint[:, :, 0], joint[:, :, 1]) * (e // self.heads) ** -0.5
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, -math.inf)
        elif attn_mask is not None:
            scores = scores + attn_mask
        nothing = (scores == -math.inf).all(-1, keepdim=True)
        weights = scores.masked_fill(nothing, 1.0).softmax(-1).masked_fill(nothing, 0.0)
        return self.out_proj(torch.einsum("bhls,bshe->blhe", weights, joint[:, :, 2]).reshape(b, n, e))


@right("grouped_query_attention")
def queries_of_a_group_side_by_side(query, key, value, attn_mask=None, is_causal=False, scale=None):
    """The queries of a group become more rows for their key head, so that no key is copied."""
    heads, groups, length, keys = query.shape[-3], key.shape[-3], query.shape[-2], key.shape[-2]
    if heads % groups:
        raise ValueError("groups")
    if is_causal and attn_mask is not None:
        raise ValueError("mask")
    if is_causal:
        attn_mask = torch.ones(length, keys, dtype=torch.bool).tril()
    rows = query.unflatten(-3, (groups, heads // groups)).flatten(-3, -2)
    if attn_mask is not None:
        attn_mask = attn_mask.expand(*query.shape[:-1], keys).unflatten(-3, (groups, heads // groups)).flatten(-3, -2)
    outputs = scaled_dot_product_attention(rows, key, value, attn_mask, scale=scale)
    return outputs.unflatten(-2, (heads // groups, length)).flatten(-4, -3)


@right("blockwise_attention")
def in_the_log_domain(query, key, value, block_size):
    """Every block gives an output and a log-sum-exp; two of them merge by the logistic weights of the latter."""
    if block_size <= 0 or key.size(-2) != value.size(-2):
        raise ValueError("blocks")
    log_total, output = None, query.new_zeros((*query.shape[:-1], value.shape[-1]))
    for start in range(0, key.size(-2), block_size):
        length = min(block_size, key.size(-2) - start)
        scores = query @ key.narrow(-2, start, length).mT / math.sqrt(query.shape[-1])
        part = scores.logsumexp(-1, keepdim=True)
        part_output = torch.exp(scores - part) @ value.narrow(-2, start, length)
        if log_total is None:
            log_total, output = part, part_output
        else:
            share = torch.sigmoid(part - log_total)
            output = output + share * (part_output - output)
            log_total = torch.logaddexp(log_total, part)
    return output


@right("blockwise_attention")
def in_two_passes_over_the_blocks(query, key, value, block_size):
    """First the normaliser of every query, then its weighted sum: twice the work, the same memory."""
    if block_size < 1 or key.shape[-2] != value.shape[-2]:
        raise ValueError("blocks")
    keys, values = key.split(block_size, dim=-2), value.split(block_size, dim=-2)
    scaled = query / query.shape[-1] ** 0.5
    normaliser = query.new_full((*query.shape[:-1], 1), -math.inf)
    for k in keys:
        normaliser = torch.logaddexp(normaliser, (scaled @ k.mT).logsumexp(-1, keepdim=True))
    return sum(torch.exp(scaled @ k.mT - normaliser) @ v for k, v in zip(keys, values, strict=True))


@right("decode_with_kv_cache")
def each_new_token_by_itself(q_t, k_t, v_t, cache):
    """A loop over the new tokens, each with the keys up to itself and no mask."""
    keys, values = cache or (k_t[..., :0, :], v_t[..., :0, :])
    past = keys.shape[-2]
    keys, values = torch.cat((keys, k_t), -2), torch.cat((values, v_t), -2)
    outputs = []
    for i in range(q_t.shape[-2]):
        upto = past + i + 1
        scores = (q_t[..., i, None, :] * keys[..., :upto, :]).sum(-1) / math.sqrt(q_t.shape[-1])
        outputs.append((scores.softmax(-1)[..., None] * values[..., :upto, :]).sum(-2))
    return torch.stack(outputs, dim=-2), (keys, values)


@right("sinusoidal_positions")
def number_by_number(length, dim):
    """Python's own sine, one number at a time."""
    if dim % 2:
        raise ValueError("odd")
    table = torch.empty(length, dim)
    for t in range(length):
        for i in range(dim // 2):
            angle = t / math.pow(10000, 2 * i / dim)
            table[t, 2 * i], table[t, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return table
