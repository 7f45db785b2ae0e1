"""Reference answers of chapter 15, components of large language models."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


def rms_norm(x: Float[Tensor, "... d"], weight: Float[Tensor, "d"], eps: float = 1e-6) -> Float[Tensor, "... d"]:
    """Divide each vector by its root mean square, then scale each feature.

    RMSNorm(x) = x / RMS(x) ⊙ γ,  RMS(x) = √(1/d · Σ_i x_i² + ε)                     (15.1)

    Args:
        x: vectors of d features along the last dimension.
        weight: γ, one number a feature.
        eps: ε, inside the root.

    Returns:
        the shape and dtype of `x`. For bfloat16 and float16 all arithmetic is done in float32 and the result is
        rounded once, at the end.

    Raises:
        ValueError: the shape of `weight` is not (d,).

    Source: Atlas 15.1; Zhang and Sennrich 2019, arXiv:1910.07467; agrees with `F.rms_norm`.
    """
    if weight.shape != x.shape[-1:]:
        raise ValueError(f"weight {tuple(weight.shape)} does not fit the {x.shape[-1]} features of x")
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    rms = (wide.square().mean(-1, keepdim=True) + eps).sqrt()
    return (wide / rms * weight).to(x.dtype)


def swish(z: Float[Tensor, "*shape"], beta: float = 1.0) -> Float[Tensor, "*shape"]:
    """Let a number through in proportion to a sigmoid of itself, of steepness β.

    Swish_β(z) = z · σ(βz) = z / (1 + exp(−βz))                                      (15.3)

    Args:
        z: any shape, any finite magnitude.
        beta: β, any number; 1 gives SiLU.

    Returns:
        the shape and dtype of `z`. Value and gradient are finite also at ±1000.

    Source: Atlas 15.3; Ramachandran et al. 2017, arXiv:1710.05941; agrees with `F.silu` at β = 1.
    """
    return z * torch.sigmoid(beta * z)


def swiglu(
    x: Float[Tensor, "... d"], w: Float[Tensor, "d hidden"], v: Float[Tensor, "d hidden"]
) -> Float[Tensor, "... hidden"]:
    """Two linear maps of the same input, one of them a gate for the other.

    SwiGLU(x, W, V) = Swish(xW) ⊙ xV                                                 (15.2)

    Args:
        x: vectors of d features, with any leading dimensions, or none.
        w: the gate's weights, (in, out), as in the formula; `nn.Linear` keeps them (out, in).
        v: the weights of what is gated, of the same shape.

    Returns:
        the leading dimensions and the dtype of `x`, `hidden` features.

    Raises:
        ValueError: `w` and `v` differ in shape, or do not fit `x`.

    Source: Atlas 15.2; Shazeer 2020, arXiv:2002.05202.
    """
    if w.shape != v.shape:
        raise ValueError(f"w {tuple(w.shape)} and v {tuple(v.shape)} differ in shape")
    return swish(x @ w) * (x @ v)


def rope_angles(positions: Float[Tensor, "*shape"], dim: int, base: float = 10000.0) -> Float[Tensor, "*shape dim/2"]:
    """The angles by which the pairs of a vector at each position are turned.

    mθ_i,  θ_i = base^(−2(i−1)/dim),  i = 1 … dim/2                                  (15.5)

    Args:
        positions: m, of any shape and any real or integer dtype; neither whole nor positive numbers are required.
        dim: the number of features, even.
        base: θ falls from 1 for the first pair towards 1/base, and would reach it one pair after the last.

    Returns:
        the angles in radians, in float64 whatever the dtype of `positions`: in float32 an angle near 100,000 is
        known to 0.004 only.

    Raises:
        ValueError: `dim` is odd.

    Source: Atlas 15.5; Su et al. 2021 (RoFormer), arXiv:2104.09864.
    """
    if dim % 2:
        raise ValueError(f"dim must be even, not {dim}")
    positions = positions.to(torch.float64)
    exponents = torch.arange(0, dim, 2).to(positions) / dim
    return positions[..., None] * base**-exponents


def apply_rope(
    x: Float[Tensor, "*shape d"], positions: Float[Tensor, "*shape"], base: float = 10000.0
) -> Float[Tensor, "*shape d"]:
    """Turn each pair of neighbouring features by its angle.

    (x_2i−1, x_2i) is turned in its plane by mθ_i, i = 1 … d/2                       (15.4)

    Args:
        x: queries or keys, vectors of d features along the last dimension. The pairs are the features 0 and 1,
            2 and 3, and so on, counted from 0.
        positions: m, one for each vector; broadcasts to the shape of `x` without its last dimension.
        base: as in `rope_angles`.

    Returns:
        the shape and dtype of `x`, accurate to its rounding at every position, also beyond 100,000 and in bfloat16.
        Turning all pairs by +mθ_i, as RoFormer does, and turning all by −mθ_i, as x·R of 15.4 does, are
        both right.

    Raises:
        ValueError: d is odd, or `positions` does not broadcast to the vectors of `x`.

    Source: Atlas 15.4; Su et al. 2021 (RoFormer), arXiv:2104.09864.
    """
    angles = rope_angles(positions, x.shape[-1], base)
    cos, sin = angles.cos(), angles.sin()
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    return turned.flatten(-2).to(x.dtype)


def apply_rope_half(
    x: Float[Tensor, "*shape d"], positions: Float[Tensor, "*shape"], base: float = 10000.0
) -> Float[Tensor, "*shape d"]:
    """The same turn for another layout: feature i is paired with feature i + d/2.

    (x_i, x_i+d/2) is turned in its plane by mθ_i, i = 1 … d/2                       (15.4)

    Args:
        x: queries or keys, vectors of d features along the last dimension. The pairs are the features 0 and d/2,
            1 and d/2 + 1, and so on, counted from 0.
        positions, base: as in `apply_rope`.

    Returns:
        what `apply_rope` returns, for this layout; either direction is right here too.

    Raises:
        ValueError: d is odd, or `positions` does not broadcast to the vectors of `x`.

    Source: Atlas 15.4 in the layout of GPT-NeoX and of Hugging Face's LLaMA (`rotate_half`).
    """
    angles = rope_angles(positions, x.shape[-1], base)
    cos, sin = angles.cos(), angles.sin()
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    return turned.to(x.dtype)


def half_split_order(dim: int) -> Int[Tensor, "dim"]:
    """The order of features that leads from neighbouring pairs to the half-split layout.

    With p = half_split_order(d):  apply_rope_half(x[..., p], m) = apply_rope(x, m)[..., p]      (the layouts of 15.4)
    where both turn in the same direction

    Args:
        dim: d, the number of features, even.

    Returns:
        p, int64: the i-th entry says which feature of the neighbouring layout comes i-th in the half-split one.

    Raises:
        ValueError: `dim` is odd.

    Source: the conversion of LLaMA's query and key weights to Hugging Face's layout.
    """
    if dim % 2:
        raise ValueError(f"dim must be even, not {dim}")
    return torch.cat([torch.arange(0, dim, 2), torch.arange(1, dim, 2)])


def top_k_routing(logits: Float[Tensor, "... experts"], k: int) -> Float[Tensor, "... experts"]:
    """The weight of every expert for each token: softmax among the k best, zero for the others.

    G_i = exp(s_i) / Σ_{j∈T} exp(s_j) for i ∈ T, else 0                              (15.6)

    Args:
        logits: s = x·W_r, the router's scores, of any magnitude; −inf marks an expert that is not available.
        k: how many experts a token gets; T holds the k greatest scores of each row (ties as you like).

    Returns:
        G, the shape and dtype of `logits`; every row sums to 1.

    Raises:
        ValueError: `k` is below 1 or above the number of experts.

    Source: Atlas 15.6; Shazeer et al. 2017, arXiv:1701.06538; Mixtral, arXiv:2401.04088.
    """
    if not 1 <= k <= logits.shape[-1]:
        raise ValueError(f"k must lie between 1 and {logits.shape[-1]}, not be {k}")
    scores, chosen = logits.topk(k)
    return torch.zeros_like(logits).scatter(-1, chosen, torch.softmax(scores, dim=-1))


def moe(
    x: Float[Tensor, "... d"],
    router_weight: Float[Tensor, "d experts"],
    experts: Sequence[Callable[[Float[Tensor, "n d"]], Float[Tensor, "n d"]]],
    k: int,
) -> Float[Tensor, "... d"]:
    """A layer of many experts of which each token uses only k.

    y = Σ_i G(x)_i E_i(x),  G(x) = top_k_routing(x·W_r, k)                           (15.7)

    Args:
        x: tokens of d features, with any leading dimensions, or none.
        router_weight: W_r, one column an expert.
        experts: E_i, functions or modules, which take rows (n, d) and return rows (n, d).
        k: how many experts a token gets.

    Returns:
        the shape and dtype of `x`. An expert sees the tokens that are routed to it, each once, and no others: that
        is the point of the layer, and it is counted.

    Raises:
        ValueError: there are not as many experts as `router_weight` has columns, or `k` is not between 1 and that.

    Source: Atlas 15.7; Shazeer et al. 2017, arXiv:1701.06538; Mixtral, arXiv:2401.04088.
    """
    tokens = x.reshape(-1, x.shape[-1])
    gates = top_k_routing(tokens @ router_weight, k)
    output = torch.zeros_like(tokens)
    for expert, gate in zip(experts, gates.mT, strict=True):
        (rows,) = torch.where(gate)
        output = output.index_add(0, rows, gate[rows, None] * expert(tokens[rows]))
    return output.reshape(x.shape)


def load_balancing_loss(logits: Float[Tensor, "... experts"], k: int) -> Float[Tensor, ""]:
    """How unevenly a router spreads its tokens, as a loss that can be trained away.

    L = N · Σ_i f_i P_i                                                              (to go with 15.6)

    f_i is the share of all routed slots, k a token, that go to expert i, so that Σ f_i = 1; P_i is the mean over
    the tokens of the probability of expert i, by a softmax over all N experts.

    Args:
        logits: the router's scores of at least one token, with any leading dimensions.
        k: how many experts a token gets (ties as you like).

    Returns:
        a number in the dtype of `logits`: 1 for a router that spreads evenly, at most N/k, when all tokens go to
        the same k experts. f counts, so the gradient flows through P alone.

    Raises:
        ValueError: `k` is below 1 or above the number of experts.

    Source: Fedus et al. 2021 (Switch Transformer), arXiv:2101.03961, section 2.2, for k slots a token.
    """
    count = logits.shape[-1]
    if not 1 <= k <= count:
        raise ValueError(f"k must lie between 1 and {count}, not be {k}")
    probabilities = torch.softmax(logits, dim=-1).reshape(-1, count).mean(0)
    chosen = logits.topk(k).indices.flatten()
    share = torch.bincount(chosen, minlength=count).to(logits.dtype) / len(chosen)
    return count * (share * probabilities).sum()
