"""Reference answers of chapter 13, attention."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn


def scaled_dot_product_attention(
    query: Float[Tensor, "... l e"],
    key: Float[Tensor, "... s e"],
    value: Float[Tensor, "... s v"],
    attn_mask: Bool[Tensor, "... l s"] | Float[Tensor, "... l s"] | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Float[Tensor, "... l v"]:
    """Average the values, each weighted by how well its key matches the query.

    Attention(Q, K, V) = softmax(QKᵀ/√e) V, the softmax over the keys                (13.1)

    Args:
        query, key, value: the leading dimensions (batch, heads) broadcast.
        attn_mask: broadcasts to (..., l, s). Bool: True means that the query may attend to the key.
            Floating: added to the scaled scores; −inf forbids.
        is_causal: query l attends to the keys 0 … l only, also where l and s differ.
        scale: what the scores are multiplied by; None means 1/√e.

    Returns:
        one row a query, in the dtype of `query`. A query that may attend to nothing, or that has no keys,
        gets zeros, and passes back zero gradients, never NaN.

    Raises:
        ValueError: both `attn_mask` and `is_causal` are given, or the mask is neither bool nor floating.

    Source: Atlas 13.1; Vaswani et al. 2017, section 3.2.1; agrees with `F.scaled_dot_product_attention`.
    """
    if attn_mask is not None and is_causal:
        raise ValueError("give attn_mask or is_causal, not both")
    if attn_mask is not None and attn_mask.dtype != torch.bool and not attn_mask.is_floating_point():
        raise ValueError(f"attn_mask must be bool or floating, not {attn_mask.dtype}")
    if scale is None:
        scale = query.shape[-1] ** -0.5
    scores = query @ key.mT * scale
    if is_causal:
        attn_mask = query.new_ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    fully_masked = (scores == -torch.inf).all(-1, keepdim=True)
    weights = torch.softmax(scores.masked_fill(fully_masked, 0), dim=-1).masked_fill(fully_masked, 0)
    return weights @ value


def attention_backward(
    grad_output: Float[Tensor, "... l v"],
    query: Float[Tensor, "... l e"],
    key: Float[Tensor, "... s e"],
    value: Float[Tensor, "... s v"],
) -> tuple[Float[Tensor, "... l e"], Float[Tensor, "... s e"], Float[Tensor, "... s v"]]:
    """Carry a gradient back through 13.1 by hand, without autograd.

    With P = softmax(QKᵀ/√e), O = PV, and dX for ∂loss/∂X:                           (13.3)

    dV = Pᵀ dO,  dP = dO Vᵀ,  dS = softmax's backward of dP,  dQ = dS K/√e,  dK = dSᵀ Q/√e

    Args:
        grad_output: dO.
        query, key, value: what the forward pass was given; all four have the same leading dimensions. No mask.

    Returns:
        dQ, dK, dV, with the shapes of `query`, `key`, `value`.

    Source: Atlas 13.1 and 4.4; agrees with autograd through `F.scaled_dot_product_attention`.
    """
    scale = query.shape[-1] ** -0.5
    weights = torch.softmax(query @ key.mT * scale, dim=-1)
    grad_weights = grad_output @ value.mT
    grad_scores = weights * (grad_weights - (grad_weights * weights).sum(-1, keepdim=True))
    return grad_scores @ key * scale, grad_scores.mT @ query * scale, weights.mT @ grad_output


def multi_head_attention(
    x: Float[Tensor, "batch length embed"],
    in_proj_weight: Float[Tensor, "3*embed embed"],
    in_proj_bias: Float[Tensor, "3*embed"] | None,
    out_proj_weight: Float[Tensor, "embed embed"],
    out_proj_bias: Float[Tensor, "embed"] | None,
    num_heads: int,
    attn_mask: Bool[Tensor, "... length length"] | Float[Tensor, "... length length"] | None = None,
) -> Float[Tensor, "batch length embed"]:
    """Self-attention in several heads at once, each in its own slice of the features.

    MultiHead(x) = Concat(head_1, …, head_h) W_O,
    head_i = Attention(x W_Q,i, x W_K,i, x W_V,i)                                    (13.2)

    Args:
        x: a batch of sequences.
        in_proj_weight, in_proj_bias: W_Q, W_K and W_V in this order, one under the other, as `nn.Linear` keeps
            weights (out, in). Head i owns the features i·embed/h … (i+1)·embed/h of each.
        out_proj_weight, out_proj_bias: W_O, as `nn.Linear` keeps it. Either bias may be None.
        num_heads: h.
        attn_mask: as in `scaled_dot_product_attention`, broadcasts to (batch, heads, length, length).
            True means attend; `nn.MultiheadAttention` means the opposite.

    Returns:
        the shape and dtype of `x`.

    Raises:
        ValueError: `num_heads` does not divide the embedding.

    Source: Atlas 13.2; Vaswani et al. 2017, section 3.2.2; agrees with `nn.MultiheadAttention(batch_first=True)`.
    """
    query, key, value = (
        projection.unflatten(-1, (num_heads, -1)).transpose(1, 2)
        for projection in F.linear(x, in_proj_weight, in_proj_bias).chunk(3, dim=-1)
    )
    heads = scaled_dot_product_attention(query, key, value, attn_mask)
    return F.linear(heads.transpose(1, 2).flatten(2), out_proj_weight, out_proj_bias)


class MultiHeadAttention(nn.Module):
    """Equation 13.2 as a module, which loads the state_dict of `nn.MultiheadAttention(embed_dim, num_heads)`.

    Its parameters have torch's names and shapes: `in_proj_weight` (3·embed, embed), `in_proj_bias` (3·embed),
    `out_proj.weight` (embed, embed), `out_proj.bias` (embed). They start as torch's do: `in_proj_weight` Xavier
    uniform, `out_proj.weight` as `nn.Linear` starts, both biases zero.

    Source: Atlas 13.2; agrees with `nn.MultiheadAttention(batch_first=True)`, but for the meaning of a bool mask.
    """

    def __init__(self, embed_dim: int, num_heads: int):
        """Make the parameters; raise ValueError if `num_heads` does not divide `embed_dim`."""
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide {embed_dim} features")
        self.num_heads = num_heads
        self.in_proj_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * embed_dim, embed_dim)))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * embed_dim))
        self.out_proj = nn.Linear(embed_dim, embed_dim)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        x: Float[Tensor, "batch length embed"],
        attn_mask: Bool[Tensor, "... length length"] | Float[Tensor, "... length length"] | None = None,
    ) -> Float[Tensor, "batch length embed"]:
        """Attend from x to x; True in a bool mask means attend."""
        weight, bias = self.out_proj.weight, self.out_proj.bias
        return multi_head_attention(x, self.in_proj_weight, self.in_proj_bias, weight, bias, self.num_heads, attn_mask)


def grouped_query_attention(
    query: Float[Tensor, "... h l e"],
    key: Float[Tensor, "... g s e"],
    value: Float[Tensor, "... g s v"],
    attn_mask: Bool[Tensor, "... h l s"] | Float[Tensor, "... h l s"] | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Float[Tensor, "... h l v"]:
    """Attention in which several query heads share one head of keys and values.

    head_i = Attention(Q_i, K_j, V_j) with j = ⌊i g/h⌋                                (13.4)

    Args:
        query: h heads; key, value: g heads, where g divides h. g = h is multi-head, g = 1 multi-query attention.
        attn_mask, is_causal, scale: as in `scaled_dot_product_attention`; a mask may differ from head to head.

    Returns:
        one output for each query head.

    Raises:
        ValueError: g does not divide h, and all that `scaled_dot_product_attention` refuses.

    Source: Ainslie et al. 2023 (GQA); agrees with `F.scaled_dot_product_attention(enable_gqa=True)`.
    """
    heads, groups = query.shape[-3], key.shape[-3]
    if heads % groups:
        raise ValueError(f"{groups} key heads do not divide {heads} query heads")
    key = key.repeat_interleave(heads // groups, dim=-3)
    value = value.repeat_interleave(heads // groups, dim=-3)
    return scaled_dot_product_attention(query, key, value, attn_mask, is_causal, scale)


def blockwise_attention(
    query: Float[Tensor, "... l e"],
    key: Float[Tensor, "... s e"],
    value: Float[Tensor, "... s v"],
    block_size: int,
) -> Float[Tensor, "... l v"]:
    """Equation 13.1 without ever holding the l×s matrix of scores.

    The keys come in blocks. A running maximum m, a running sum Z = Σ exp(s_j − m) and a running weighted sum
    A = Σ exp(s_j − m) v_j, one of each a query, are brought up to date with every block:   (13.5)

    m' = max(m, max_j s_j),  Z' = exp(m − m') Z + Σ_j exp(s_j − m'),  A' likewise; at the end the output is A/Z.

    Args:
        query, key, value: as in `scaled_dot_product_attention`, without a mask.
        block_size: how many keys a block has; the last block may have fewer.

    Returns:
        what `scaled_dot_product_attention(query, key, value)` returns. No tensor on the way is larger than
        one block of scores or than the inputs, apart from a factor of 2.

    Raises:
        ValueError: `block_size` is below 1, or key and value differ in length.

    Source: Milakov and Gimelshein 2018 (online softmax); Rabe and Staats 2021; Dao et al. 2022 (FlashAttention).
    """
    if block_size < 1 or key.shape[-2] != value.shape[-2]:
        raise ValueError("block_size must be at least 1, and key and value must have one length")
    scale = query.shape[-1] ** -0.5
    peak = query.new_full((*query.shape[:-1], 1), -torch.inf)
    total = query.new_zeros(peak.shape)
    weighted = query.new_zeros((*query.shape[:-1], value.shape[-1]))
    for start in range(0, key.shape[-2], block_size):
        block = slice(start, start + block_size)
        scores = query @ key[..., block, :].mT * scale
        new_peak = torch.maximum(peak, scores.amax(-1, keepdim=True))
        correction = torch.exp(peak - new_peak)
        weights = torch.exp(scores - new_peak)
        total = total * correction + weights.sum(-1, keepdim=True)
        weighted = weighted * correction + weights @ value[..., block, :]
        peak = new_peak
    return weighted / total.clamp(min=1)  # the largest weight is 1, so this changes only the case of no keys


def decode_with_kv_cache(
    q_t: Float[Tensor, "... n e"],
    k_t: Float[Tensor, "... n e"],
    v_t: Float[Tensor, "... n v"],
    cache: tuple[Float[Tensor, "... t e"], Float[Tensor, "... t v"]] | None,
) -> tuple[Float[Tensor, "... n v"], tuple[Float[Tensor, "... t+n e"], Float[Tensor, "... t+n v"]]]:
    """Causal attention for the newest n tokens, from the keys and values kept of all earlier ones.

    o_t = Attention(q_t, K_≤t, V_≤t),  K_≤t = [K_<t; k_t],  V_≤t = [V_<t; v_t]            (13.6)

    Args:
        q_t, k_t, v_t: query, key and value of the new tokens: n is the length of the prompt at first, then 1.
            A new token attends to all earlier tokens, to itself, and to none after it.
        cache: (keys, values) of the earlier tokens, or None when there are none.

    Returns:
        the outputs of the new tokens, and the new cache (keys, values) with them at the end. The old cache is
        left as it was, so that two continuations may start from it. Token by token the outputs equal causal
        attention over the whole sequence.

    Source: Shazeer 2019; Pope et al. 2022.
    """
    key, value = k_t, v_t
    if cache is not None:
        key, value = torch.cat([cache[0], k_t], dim=-2), torch.cat([cache[1], v_t], dim=-2)
    new, seen = q_t.shape[-2], key.shape[-2]
    mask = q_t.new_ones(new, seen, dtype=torch.bool).tril(seen - new)
    return scaled_dot_product_attention(q_t, key, value, mask), (key, value)


def sinusoidal_positions(length: int, dim: int) -> Float[Tensor, "length dim"]:
    """Give every position a vector of sines and cosines of geometrically spaced frequencies.

    P[t, 2i] = sin(t/10000^(2i/dim)),  P[t, 2i+1] = cos(t/10000^(2i/dim))              (13.7)

    Args:
        length: how many positions; t counts from 0.
        dim: the number of features, even.

    Returns:
        a tensor of torch's default dtype, accurate to its rounding at every position.

    Raises:
        ValueError: `dim` is odd.

    Source: Vaswani et al. 2017, section 3.5.
    """
    if dim % 2:
        raise ValueError(f"dim must be even, not {dim}")
    exponents = torch.arange(0, dim, 2, dtype=torch.float64) / dim
    angles = torch.arange(length)[:, None] / 10000**exponents
    pairs = torch.stack([angles.sin(), angles.cos()], dim=-1)
    return pairs.flatten(-2).to(torch.get_default_dtype())
