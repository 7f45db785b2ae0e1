"""Right answers to chapter 20 that look nothing like the reference; the tests must accept them."""

import itertools
import math
from statistics import NormalDist

import torch
import torch.nn.functional as F

from autograder.cases import right


@right("sequence_log_prob")
def with_logsumexp_and_an_embedding_of_the_tokens(logits, labels, ignore_index=-100):
    """The chosen logits minus logsumexp, picked with a one-hot mask at the positions that count."""
    if labels.shape != logits.shape[:-1]:
        raise ValueError("shapes")
    scores, targets = logits.narrow(-2, 0, max(logits.shape[-2] - 1, 0)), labels.narrow(-1, 1, labels.shape[-1] - 1)
    counted = targets.ne(ignore_index)
    vocabulary = torch.arange(logits.shape[-1])
    if not bool(torch.isin(targets[counted], vocabulary).all()):
        raise ValueError("a token outside the vocabulary")
    picked = torch.where(targets[..., None] == vocabulary, scores, 0).sum(-1)
    terms = picked - torch.logsumexp(scores, -1)
    return torch.where(counted, terms, 0).sum(-1)


@right("sequence_log_prob")
def text_by_text_and_token_by_token(logits, labels, ignore_index=-100):
    """Loops, with a categorical distribution for each position that counts."""
    if labels.shape != logits.shape[:-1]:
        raise ValueError("shapes")
    length, vocabulary = logits.shape[-2:]
    sums = []
    for text, tokens in zip(logits.reshape(-1, length, vocabulary), labels.reshape(-1, length), strict=True):
        total = 0 * text[:0].sum()
        for scores, token in zip(text, tokens[1:].tolist(), strict=False):
            if token == ignore_index:
                continue
            if not 0 <= token < vocabulary:
                raise ValueError("a token outside the vocabulary")
            total = total + torch.distributions.Categorical(logits=scores).logits[token]
        sums.append(total)
    return torch.stack(sums).reshape(labels.shape[:-1]) if sums else logits.sum((-1, -2))


@right("dpo_loss")
def by_the_sides_of_the_margin(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """max(−m, 0) + log1p(e^{−|m|}), the margin m from the log-odds of policy and reference."""
    if not policy_chosen.shape == policy_rejected.shape == reference_chosen.shape == reference_rejected.shape:
        raise ValueError("shapes")
    margin = beta * ((policy_chosen - policy_rejected) - (reference_chosen - reference_rejected))
    losses = torch.relu(-margin) + torch.log1p(torch.exp(-margin.abs()))
    return losses.sum() / losses.numel()


@right("dpo_loss")
def as_a_classification_of_two_answers(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta):
    """Bradley–Terry is a softmax over two rewards, and minus its logarithm a cross-entropy."""
    if len({t.shape for t in (policy_chosen, policy_rejected, reference_chosen, reference_rejected)}) > 1:
        raise ValueError("shapes")
    margin = beta * (policy_chosen - reference_chosen - (policy_rejected - reference_rejected))
    return torch.logaddexp(-margin, torch.zeros_like(margin)).mean()


@right("normal_quantiles_codebook")
def from_the_standard_library():
    """statistics.NormalDist for the fifteen finite quantiles, pairwise."""
    inner = [NormalDist().inv_cdf(i / 16) for i in range(1, 16)]
    pairs = itertools.pairwise([-math.inf, *inner, math.inf])
    return torch.tensor([(low + high) / 2 for low, high in pairs])


@right("normal_quantiles_codebook")
def with_the_quantile_function_of_torch():
    """ndtri, and a sum of two shifted slices."""
    q = torch.special.ndtri(torch.linspace(0, 1, 17, dtype=torch.float64))
    return (
        torch.lerp(q[1:-1], q[2:], 0.5).new_tensor([-math.inf, *((q[1:-2] + q[2:-1]) / 2).tolist(), math.inf]).float()
    )


@right("nf4_codebook")
def as_published():
    """The numbers of the table."""
    return torch.tensor(
        [
            -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
            -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
            0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
        ]
    )  # fmt: skip


@right("nf4_codebook")
def as_bitsandbytes_makes_it():
    """Both halves from above, an explicit 0, sorted; the inverse of Φ from the error function, p not rounded."""
    p = 1 - (1 / 32 + 1 / 30) / 2

    def quantiles(count):
        points = torch.linspace(p, 0.5, count, dtype=torch.float64)[:-1]
        return math.sqrt(2) * torch.erfinv(2 * points - 1)

    levels = torch.cat([quantiles(9), torch.zeros(1), -quantiles(8)]).sort().values
    return (levels / levels.max()).float()


@right("quantize_nf4")
def by_all_sixteen_distances(x, block_size=64):
    """The nearest of sixteen distances, block after block; the bytes by multiplication."""
    if block_size <= 0:
        raise ValueError("block_size")
    levels = nf4_codebook().double()
    absmax, codes = [], []
    for block in x.reshape(-1).split(block_size) if x.numel() else []:
        largest = block.abs().max()
        absmax.append(largest)
        relative = block.double() / largest.double() if largest > 0 else torch.zeros(len(block))
        codes += (relative[:, None] - levels).abs().argmin(1).tolist()
    if len(codes) % 2:
        codes.append(7)
    packed = [16 * codes[i] + codes[i + 1] for i in range(0, len(codes), 2)]
    return torch.tensor(packed, dtype=torch.uint8), torch.stack(absmax) if absmax else x.new_zeros(0)


@right("quantize_nf4")
def without_a_division(x, block_size=64):
    """Each number is compared with the fifteen middles times its own scale, and the middles below it counted."""
    if block_size < 1:
        raise ValueError("block_size")
    flat = x.reshape(-1)
    n, place = flat.numel(), torch.arange(flat.numel()) // block_size
    absmax = torch.zeros(math.ceil(n / block_size), dtype=x.dtype).scatter_reduce(0, place, flat.abs(), "amax")
    levels = nf4_codebook().to(x.dtype)
    middles = (levels.diff() / 2 + levels[:-1]) * absmax[place, None]
    codes = torch.where(absmax[place] == 0, 7, (flat[:, None] > middles).sum(1)).to(torch.uint8)
    even = torch.full((n + n % 2,), 7, dtype=torch.uint8)
    even[:n] = codes
    return even[0::2] * 16 + even[1::2], absmax


@right("dequantize_nf4")
def with_a_table_of_all_bytes(packed, absmax, shape, block_size=64):
    """A byte stands for two levels at once; the scales are spread by their places."""
    n = math.prod(shape)
    if len(packed) != (n + 1) // 2 or len(absmax) != math.ceil(n / block_size):
        raise ValueError("sizes")
    pairs = torch.cartesian_prod(nf4_codebook(), nf4_codebook()).to(absmax.dtype)
    numbers = pairs.index_select(0, packed.to(torch.int64)).reshape(-1).narrow(0, 0, n)
    return (numbers * absmax[torch.arange(n) // block_size]).view(shape)


@right("dequantize_nf4")
def block_by_block(packed, absmax, shape, block_size=64):
    """The codes by division and remainder, written into even and odd places."""
    n = 1
    for size in shape:
        n *= size
    if packed.shape[0] * 2 - n not in (0, 1) or absmax.shape[0] * block_size - n not in range(block_size):
        raise ValueError("sizes")
    codes = torch.empty(2 * packed.shape[0], dtype=torch.int64)
    codes[0::2], codes[1::2] = packed // 16, packed % 16
    levels = nf4_codebook().to(absmax.dtype)
    blocks = [levels[c] * s for c, s in zip(codes[:n].split(block_size), absmax, strict=False)]
    return torch.cat(blocks or [absmax]).reshape(shape)


@right("nf4_bits_per_parameter")
def by_what_a_tensor_stores(block_size=64, absmax_block_size=None):
    """The bits of one group of blocks, over its weights."""
    blocks = 1 if absmax_block_size is None else absmax_block_size
    scale_bits = 32 * blocks if absmax_block_size is None else 8 * blocks + 32
    weights = blocks * block_size
    return (4 * weights + scale_bits) / weights


@right("double_quantize")
def group_after_group(absmax, block_size=256):
    """A loop over the groups, each multiplied by 127 before it is divided."""
    if block_size < 1:
        raise ValueError("block_size")
    mean = absmax.sum() / absmax.numel()
    codes, scales = [], []
    for group in (absmax - mean).split(block_size):
        largest = torch.maximum(group.max(), -group.min())
        scales.append(largest / 127)
        codes.append((group / largest * 127).round() if largest > 0 else torch.zeros_like(group))
    return torch.cat(codes).char(), torch.stack(scales), mean


@right("double_dequantize")
def spread_by_their_places(codes, scales, mean, block_size=256):
    """Each code finds its scale by its place, and addcmul does the rest."""
    if scales.numel() != math.ceil(codes.numel() / block_size):
        raise ValueError("sizes")
    place = torch.arange(codes.numel()) // block_size
    return torch.addcmul(mean, codes.to(scales.dtype), scales[place])


@right("qlora_forward")
def by_einsum_from_the_inside(x, packed, absmax, shape, a, b, alpha, block_size=64):
    """The base by F.linear, the change by two einsums, B scaled first."""
    d, k = shape
    if tuple(a.shape[1:]) != (k,) or tuple(b.shape) != (d, len(a)):
        raise ValueError("shapes")
    thin = torch.einsum("...k,rk->...r", x, a)
    base = F.linear(x, dequantize_nf4(packed, absmax, shape, block_size).type_as(x))
    return base + torch.einsum("...r,dr->...d", thin, b * (alpha / len(a)))


@right("qlora_forward")
def with_one_wider_product(x, packed, absmax, shape, a, b, alpha, block_size=64):
    """[x, xAᵀ] against [W₀, α/r·B]: one matrix product for both parts."""
    d, k = shape
    if list(a.shape) != [a.shape[0], k] or list(b.shape) != [d, a.shape[0]]:
        raise ValueError("shapes")
    weight = dequantize_nf4(packed, absmax, (d, k), block_size).to(x.dtype)
    wide = torch.cat([weight, b * (alpha / a.shape[0])], dim=1)
    return torch.cat([x, x @ a.T], dim=-1) @ wide.T
