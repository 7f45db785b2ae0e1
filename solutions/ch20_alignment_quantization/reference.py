"""Reference answers of chapter 20, alignment and extreme quantization."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Int8, UInt8
from scipy.special import ndtri
from torch import Tensor


def sequence_log_prob(
    logits: Float[Tensor, "... length vocabulary"], labels: Int[Tensor, "... length"], ignore_index: int = -100
) -> Float[Tensor, "..."]:
    """Say how likely a language model finds a text: the sum of the log-probabilities of its tokens.

    log π(y | x) = Σ_t log softmax(logits_t)[label_{t+1}]                           (inside 20.1)

    Args:
        logits: of every position; those of position t predict the token at t + 1. −inf marks an impossible token.
        labels: the tokens; `ignore_index` where a token does not count (the prompt, the padding).
        ignore_index: the mark of the tokens that are left out.

    Returns:
        one number for each text, without the last two dimensions of `logits` and in their dtype; 0 where no
        token counts. What stands at a position without a counted token has no influence and the gradient 0.

    Raises:
        ValueError: `labels` has not the shape of `logits` without its last dimension, or a token that counts is not
            in the vocabulary (the error of torch's own look-up will do).

    Source: Atlas 20.1; Rafailov et al. 2023, arXiv:2305.18290; agrees with the sum of `F.cross_entropy`.
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError(f"labels {tuple(labels.shape)} do not fit logits {tuple(logits.shape)}")
    targets = labels[..., 1:]
    ignored = targets == ignore_index
    log_probs = torch.log_softmax(logits[..., :-1, :], dim=-1)
    chosen = log_probs.gather(-1, targets.masked_fill(ignored, 0).unsqueeze(-1)).squeeze(-1)
    return chosen.masked_fill(ignored, 0).sum(-1)


def dpo_loss(
    policy_chosen: Float[Tensor, "*batch"],
    policy_rejected: Float[Tensor, "*batch"],
    reference_chosen: Float[Tensor, "*batch"],
    reference_rejected: Float[Tensor, "*batch"],
    beta: float,
) -> Float[Tensor, ""]:
    """Ask a policy to prefer the chosen answer more strongly than the reference model does.

    L = −mean log σ(r_w − r_l),  r = β (log π_θ(y | x) − log π_ref(y | x))          (20.1)

    Args:
        policy_chosen, policy_rejected: log π_θ of the chosen answers y_w and of the rejected ones y_l.
        reference_chosen, reference_rejected: log π_ref of the same answers.
        beta: how dear it is to leave the reference model.

    Returns:
        the mean over all pairs, a 0-d tensor; accurate also where a margin r_w − r_l is ±1000, in value and in the
        gradient with respect to the policy, and where the loss is tiny.

    Raises:
        ValueError: the four tensors differ in shape.

    Source: Atlas 20.1; Rafailov et al. 2023, arXiv:2305.18290, equation 7.
    """
    shapes = {tuple(t.shape) for t in (policy_chosen, policy_rejected, reference_chosen, reference_rejected)}
    if len(shapes) != 1:
        raise ValueError(f"the log-probabilities differ in shape: {shapes}")
    chosen_reward = beta * (policy_chosen - reference_chosen)
    rejected_reward = beta * (policy_rejected - reference_rejected)
    return -F.logsigmoid(chosen_reward - rejected_reward).mean()


def normal_quantiles_codebook() -> Float[Tensor, "16"]:
    """Compute 16 levels from the quantiles of the standard normal distribution, as the Atlas prints them.

    q_i = (Q(i/16) + Q((i+1)/16)) / 2,  i = 0 … 15,  Q = Φ⁻¹                        (20.2)

    Returns:
        the levels in ascending order, in torch's default dtype, with nothing done about the two ends.

    Source: Atlas 20.2; Q agrees with `scipy.stats.norm.ppf` and `torch.special.ndtri`.
    """
    quantiles = ndtri(np.arange(17) / 16)
    return torch.tensor((quantiles[:-1] + quantiles[1:]) / 2, dtype=torch.get_default_dtype())


def nf4_codebook() -> Float[Tensor, "16"]:
    """Compute the 16 levels of the data type NF4 as it is used: asymmetric, from −1 to 1, with an exact 0.

    With p = 0.9677083, the mean of 1 − 1/32 and 1 − 1/30 as the published code rounds it:
    - nine levels that are not negative: Q at nine evenly spaced points from 1/2 to p;
    - eight that are not positive: −Q at eight evenly spaced points from 1/2 to p; 0 is in both and is kept once;
    - all of them divided by the largest.

    Returns:
        the levels in ascending order, in torch's default dtype; the first is −1, the eighth 0, the last 1, exactly.

    Source: Dettmers et al. 2023, arXiv:2305.14314, section 3; agrees with the table of bitsandbytes.
    """
    positive = ndtri(np.linspace(0.5, 0.9677083, 9))
    negative = -ndtri(np.linspace(0.5, 0.9677083, 8))[1:]
    levels = np.concatenate([np.flip(negative), positive])
    return torch.tensor(levels / levels.max(), dtype=torch.get_default_dtype())


def quantize_nf4(
    x: Float[Tensor, "..."], block_size: int = 64
) -> tuple[UInt8[Tensor, " bytes"], Float[Tensor, " blocks"]]:
    """Store numbers in four bits each, and one scale for each block of them.

    absmax_B = max_{i ∈ B} |x_i|,   code_i = argmin_c |x_i / absmax_B − q_c|,   q = nf4_codebook()

    Args:
        x: n numbers of any shape, read in row-major order (as `x.flatten()` does); they need not be contiguous.
        block_size: how many consecutive numbers share a scale. The last block is shorter where n is not a multiple.

    Returns:
        packed: ⌈n/2⌉ bytes of two codes each, the earlier number in the high four bits. Where n is odd, the low four
            bits of the last byte hold 7, the code of the number 0.
        absmax: ⌈n/block_size⌉ numbers in the dtype of `x`. A block of zeros has absmax 0 and the code 7 throughout.

    Raises:
        ValueError: `block_size` is less than 1.

    Source: Dettmers et al. 2023, arXiv:2305.14314, section 2; the layout of bitsandbytes.
    """
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1, not {block_size}")
    size = x.numel()
    blocks = F.pad(x.flatten(), (0, -size % block_size)).reshape(-1, block_size)
    absmax = blocks.abs().amax(dim=1)
    # a block of zeros is divided by the smallest normal number, not by 0
    scaled = blocks / absmax.clamp(min=torch.finfo(x.dtype).tiny)[:, None]
    levels = nf4_codebook().type_as(x)
    codes = torch.bucketize(scaled.flatten()[:size], (levels[:-1] + levels[1:]) / 2)
    high, low = F.pad(codes, (0, size % 2), value=7).reshape(-1, 2).to(torch.uint8).unbind(1)
    return high << 4 | low, absmax


def dequantize_nf4(
    packed: UInt8[Tensor, " bytes"], absmax: Float[Tensor, " blocks"], shape: tuple[int, ...], block_size: int = 64
) -> Float[Tensor, "..."]:
    """Read numbers back that `quantize_nf4` stored.

    x̂_i = absmax_B · q_{code_i},   q = nf4_codebook()

    Args:
        packed: two codes in each byte, the earlier in the high four bits; of an odd number of codes the last byte
            has only the first.
        absmax: the scale of every block.
        shape: of the numbers that were stored.
        block_size: how many consecutive numbers share a scale.

    Returns:
        the numbers, in the dtype of `absmax`; differentiable with respect to `absmax`.

    Raises:
        ValueError: `shape` and `block_size` call for another number of bytes or of scales.

    Source: Dettmers et al. 2023, arXiv:2305.14314, section 2.
    """
    size = math.prod(shape)
    if packed.numel() != -(-size // 2) or absmax.numel() != -(-size // block_size):
        raise ValueError(f"{packed.numel()} bytes and {absmax.numel()} scales do not hold the shape {tuple(shape)}")
    codes = torch.stack([packed >> 4, packed & 15], dim=1).flatten()[:size]
    levels = nf4_codebook().to(absmax)
    return (levels[codes.int()] * absmax.repeat_interleave(block_size)[:size]).reshape(shape)


def nf4_bits_per_parameter(block_size: int = 64, absmax_block_size: int | None = None) -> float:
    """Count the bits that a weight really takes: its code, and its share of the scales.

    Args:
        block_size: how many weights share an absmax.
        absmax_block_size: None where every absmax is a 32-bit number; otherwise the absmax are stored as 8-bit codes
            (`double_quantize`), and so many of these share a 32-bit scale. The mean, one number a tensor, is left out.

    Returns:
        bits per weight, for a tensor that fills its blocks.

    Source: Dettmers et al. 2023, arXiv:2305.14314, section 3; Atlas 20.2, double quantization.
    """
    if absmax_block_size is None:
        return 4 + 32 / block_size
    return 4 + 8 / block_size + 32 / (block_size * absmax_block_size)


def double_quantize(
    absmax: Float[Tensor, " blocks"], block_size: int = 256
) -> tuple[Int8[Tensor, " blocks"], Float[Tensor, " groups"], Float[Tensor, ""]]:
    """Quantize the scales themselves: eight bits for each, after their mean is taken away.

    d_i = absmax_i − mean,   scale_G = max_{i ∈ G} |d_i| / 127,   code_i = round(d_i / scale_G)

    Args:
        absmax: m scales, m ≥ 1.
        block_size: how many consecutive ones form a group G. The last group is shorter where m is not a multiple.

    Returns:
        codes: m integers from −127 to 127, int8.
        scales: ⌈m/block_size⌉ numbers in the dtype of `absmax`; 0 for a group without any deviation, whose codes
            are 0.
        mean: of all m, a 0-d tensor in the dtype of `absmax`.

    Raises:
        ValueError: `block_size` is less than 1.

    Source: Atlas 20.2, double quantization; Dettmers et al. 2023, arXiv:2305.14314, section 3 (with an 8-bit float
        where we take an integer).
    """
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1, not {block_size}")
    mean = absmax.mean()
    groups = F.pad(absmax - mean, (0, -absmax.numel() % block_size)).reshape(-1, block_size)
    scales = groups.abs().amax(dim=1) / 127
    # a group without deviations is divided by the smallest normal number, not by 0
    codes = torch.round(groups / scales.clamp(min=torch.finfo(absmax.dtype).tiny)[:, None])
    return codes.to(torch.int8).flatten()[: absmax.numel()], scales, mean


def double_dequantize(
    codes: Int8[Tensor, " blocks"], scales: Float[Tensor, " groups"], mean: Float[Tensor, ""], block_size: int = 256
) -> Float[Tensor, " blocks"]:
    """Read the scales back that `double_quantize` stored.

    absmax_i ≈ scale_G · code_i + mean

    Args:
        codes: one for each scale, int8.
        scales: one for each group of `block_size` codes; the last group may be shorter.
        mean: what was taken away from all.
        block_size: how many consecutive codes form a group.

    Returns:
        the scales, in the dtype of `scales`; differentiable with respect to `scales` and `mean`.

    Raises:
        ValueError: the number of codes and `block_size` call for another number of scales.

    Source: Atlas 20.2, double quantization; Dettmers et al. 2023, arXiv:2305.14314, section 3.
    """
    if scales.numel() != -(-codes.numel() // block_size):
        raise ValueError(f"{scales.numel()} scales do not fit {codes.numel()} codes in groups of {block_size}")
    return codes * scales.repeat_interleave(block_size)[: codes.numel()] + mean


def qlora_forward(
    x: Float[Tensor, "... k"],
    packed: UInt8[Tensor, " bytes"],
    absmax: Float[Tensor, " blocks"],
    shape: tuple[int, int],
    a: Float[Tensor, "r k"],
    b: Float[Tensor, "d r"],
    alpha: float,
    block_size: int = 64,
) -> Float[Tensor, "... d"]:
    """Apply a linear layer whose frozen weight is stored in NF4 and whose change is a product of two thin matrices.

    y = x Ŵ₀ᵀ + α/r · x (BA)ᵀ,   Ŵ₀ = dequantize_nf4(packed, absmax, (d, k))        (17.2, 20.2)

    Args:
        x: inputs of k features, with any number of dimensions before.
        packed, absmax, block_size: W₀ as `quantize_nf4` stored it; `absmax` may have another dtype than `x`.
        shape: (d, k), the shape of W₀.
        a, b: A and B, in the dtype of `x`; their inner size is the rank r.
        alpha: the strength of the change; divided by the rank.

    Returns:
        outputs of d features, in the dtype of `x`, which W₀ is converted to before the product. The d × k matrix BA
        is never formed, so it cannot overflow either. Gradients reach x, a and b.

    Raises:
        ValueError: `a` is not (r, k) or `b` not (d, r).

    Source: Atlas 17.2 and 20.2; Dettmers et al. 2023, arXiv:2305.14314, equation 5.
    """
    out_features, in_features = shape
    rank = a.shape[0]
    if a.shape != (rank, in_features) or b.shape != (out_features, rank):
        raise ValueError(f"a {tuple(a.shape)} and b {tuple(b.shape)} do not fit a weight of shape {tuple(shape)}")
    weight = dequantize_nf4(packed, absmax, shape, block_size).to(x)
    return x @ weight.mT + alpha / rank * (x @ a.mT) @ b.mT
