"""Right answers to chapter 15 that look nothing like the reference; the tests must accept them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.cases import right


@right("rms_norm")
def by_the_norm_and_a_reciprocal_root(x, weight, eps=1e-6):
    """The sum of squares as a matrix product of each row with itself, and rsqrt."""
    if tuple(weight.shape) != (x.shape[-1],):
        raise ValueError("one weight a feature")
    rows = x if x.dtype == torch.float64 else x.float()
    squares = (rows.unsqueeze(-2) @ rows.unsqueeze(-1)).squeeze(-1)
    scale = torch.rsqrt(squares / rows.shape[-1] + eps)
    return (rows * scale * weight.to(rows.dtype)).to(x.dtype)


@right("swish")
def by_the_hyperbolic_tangent(z, beta=1.0):
    """σ(u) = (1 + tanh(u/2)) / 2."""
    half = z / 2
    return half + half * torch.tanh(beta * half)


@right("swish")
def by_softplus(z, beta=1.0):
    """σ(u) = exp(−softplus(−u))."""
    return z * torch.exp(-F.softplus(-beta * z))


@right("swiglu")
def by_one_product_with_both_weights(x, w, v):
    """Both weights side by side in one matrix product, which is then split."""
    d, hidden = w.shape
    if v.shape != (d, hidden) or x.shape[-1] != d:
        raise ValueError("the shapes do not fit")
    gate, signal = torch.einsum("...d,dh->...h", x, torch.cat([w, v], dim=1)).split(hidden, dim=-1)
    return gate * torch.sigmoid(gate) * signal


@right("rope_angles")
def by_logspace_and_an_outer_product(positions, dim, base=10000.0):
    """The frequencies as a geometric sequence."""
    if dim % 2 == 1:
        raise ValueError("odd")
    steps = dim // 2
    ratio = float(base) ** (-2 / dim)
    frequencies = torch.tensor([ratio**i for i in range(steps)], dtype=torch.float64)
    return torch.outer(positions.reshape(-1).double(), frequencies).reshape(*positions.shape, steps)


@right("apply_rope")
def as_a_row_times_the_printed_matrix(x, positions, base=10000.0):
    """x·R of (15.4) with the matrix of (15.5) written out: the turn by −mθ."""
    d = x.shape[-1]
    if d % 2:
        raise ValueError("odd")
    theta = torch.tensor([base ** (-2 * i / d) for i in range(d // 2)], dtype=torch.float64)
    angles = positions[..., None].double() * theta
    matrix = angles.new_zeros(*angles.shape[:-1], d, d)
    for i in range(d // 2):
        c, s = torch.cos(angles[..., i]), torch.sin(angles[..., i])
        matrix[..., 2 * i, 2 * i] = matrix[..., 2 * i + 1, 2 * i + 1] = c
        matrix[..., 2 * i, 2 * i + 1], matrix[..., 2 * i + 1, 2 * i] = -s, s
    return (x.double()[..., None, :] @ matrix).squeeze(-2).to(x.dtype)


@right("apply_rope")
def as_complex_numbers_in_single_precision(x, positions, base=10000.0):
    """Each pair as a complex number; only the angles are in double precision."""
    d = x.shape[-1]
    if d % 2:
        raise ValueError("odd")
    theta = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angles = positions.double().unsqueeze(-1) * theta
    wide = x if x.dtype == torch.float64 else x.float()
    factor = torch.polar(torch.ones_like(angles), angles)
    if wide.dtype == torch.float32:
        factor = factor.to(torch.complex64)
    pairs = torch.view_as_complex(wide.reshape(*x.shape[:-1], d // 2, 2).contiguous())
    return torch.view_as_real(pairs * factor).reshape(*torch.broadcast_shapes(x.shape[:-1], angles.shape[:-1]), d).to(x)


@right("apply_rope")
def with_the_cosines_in_the_dtype_of_the_input(x, positions, base=10000.0):
    """Cosine and sine rounded to x's dtype, as fast implementations do, and the negated copy of neighbours."""
    if x.shape[-1] % 2:
        raise ValueError("odd")
    theta = torch.pow(torch.tensor(base, dtype=torch.float64), -torch.arange(0, x.shape[-1], 2).double() / x.shape[-1])
    angles = (positions.double()[..., None] * theta).repeat_interleave(2, dim=-1)
    copy = torch.empty_like(x)
    copy[..., 0::2], copy[..., 1::2] = -x[..., 1::2], x[..., 0::2]
    return x * angles.cos().to(x.dtype) + copy * angles.sin().to(x.dtype)


@right("apply_rope_half")
def with_rotate_half_as_published(x, positions, base=10000.0):
    """x·cos + rotate_half(x)·sin, the angles written twice side by side."""

    def rotate_half(t: Tensor) -> Tensor:
        middle = t.shape[-1] // 2
        return torch.cat((-t[..., middle:], t[..., :middle]), dim=-1)

    d = x.shape[-1]
    if d % 2 != 0:
        raise ValueError("odd")
    theta = base ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    freqs = positions.to(torch.float64)[..., None] * theta
    emb = torch.cat((freqs, freqs), dim=-1)
    return x * emb.cos().to(x.dtype) + rotate_half(x) * emb.sin().to(x.dtype)


@right("apply_rope_half")
def turned_the_other_way_in_polar_coordinates(x, positions, base=10000.0):
    """Radius and angle of each pair; the angle gets smaller by mθ."""
    d = x.shape[-1]
    if d % 2 != 0:
        raise ValueError("odd")
    a, b = x.double().tensor_split(2, dim=-1)
    m = positions.double().unsqueeze(-1)
    theta = torch.exp(-torch.arange(0, d, 2).double() / d * torch.tensor(float(base), dtype=torch.float64).log())
    c, s = torch.cos(-m * theta), torch.sin(-m * theta)
    turned = torch.complex(a, b) * torch.complex(c, s)
    return torch.cat([turned.real, turned.imag], -1).to(x.dtype)


@right("half_split_order")
def by_arithmetic(dim):
    """The i-th entry is 2i, less dim − 1 from the middle on."""
    if dim % 2:
        raise ValueError("odd")
    i = torch.arange(dim)
    return 2 * i - (i >= dim // 2) * (dim - 1)


@right("half_split_order")
def by_sorting(dim):
    """A stable sort by parity."""
    if dim & 1:
        raise ValueError("odd")
    return torch.tensor(sorted(range(dim), key=lambda i: i % 2), dtype=torch.int64)


@right("top_k_routing")
def by_a_mask_of_minus_infinity(logits, k):
    """One softmax over all experts, the scores below the k-th set to −inf."""
    if k < 1 or k > logits.shape[-1]:
        raise ValueError("k")
    order = logits.sort(dim=-1, descending=True, stable=True).indices
    outside = torch.ones_like(logits, dtype=torch.bool).scatter(-1, order[..., :k], False)
    return torch.softmax(logits.masked_fill(outside, float("-inf")), dim=-1)


@right("top_k_routing")
def by_renormalising_the_softmax_of_all(logits, k):
    """softmax first, then the k best, divided by their sum."""
    p = torch.softmax(logits, dim=-1)
    if not 0 < k <= p.shape[-1]:
        raise ValueError("k")
    chosen = logits.topk(k, dim=-1).indices
    kept = p * torch.zeros_like(p).scatter_(-1, chosen, 1.0)
    return kept / kept.sum(-1, keepdim=True)


@right("moe")
def token_after_token(x, router_weight, experts, k):
    """A loop over tokens: each calls its own experts on a batch of one."""
    if len(experts) != router_weight.shape[1] or not 1 <= k <= len(experts):
        raise ValueError("experts")
    flat = x.reshape(-1, x.shape[-1])
    outputs = []
    for token in flat.unbind(0):
        values, indices = (token @ router_weight).topk(k)
        shares = torch.softmax(values, 0)
        total = torch.zeros_like(token)
        for share, index in zip(shares, indices.tolist(), strict=True):
            total = total + share * experts[index](token.unsqueeze(0)).squeeze(0)
        outputs.append(total)
    return torch.stack(outputs).reshape(x.shape) if outputs else x.clone()


@right("moe")
def sorted_by_expert(x, router_weight, experts, k):
    """All slots sorted by their expert and cut into one block each, as fast implementations do."""
    n = len(experts)
    if n != router_weight.shape[1] or k < 1 or k > n:
        raise ValueError("experts")
    flat = x.flatten(0, -2) if x.dim() > 1 else x[None]
    values, chosen = torch.topk(flat @ router_weight, k, dim=-1)
    shares = values.softmax(-1).flatten()
    order = chosen.flatten().argsort(stable=True)
    source = order // k
    sizes = torch.bincount(chosen.flatten(), minlength=n).tolist()
    blocks = flat[source].split(sizes)
    results = torch.cat([expert(block) for expert, block in zip(experts, blocks, strict=True)])
    slots = torch.zeros(len(flat), x.shape[-1], dtype=x.dtype)
    return slots.index_add(0, source, results * shares[order, None]).view(x.shape)


@right("load_balancing_loss")
def by_one_hot_vectors(logits, k):
    """The slots as one-hot vectors, averaged; the sum as a scalar product."""
    flat = logits.reshape(-1, logits.shape[-1])
    n = flat.shape[1]
    if k < 1 or k > n:
        raise ValueError("k")
    used = F.one_hot(flat.topk(k, dim=1)[1], n).sum(1).to(flat.dtype)
    return torch.dot(used.mean(0), flat.softmax(1).mean(0)) * n / k
