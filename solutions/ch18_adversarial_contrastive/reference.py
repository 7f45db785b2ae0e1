"""Reference answers of chapter 18, adversarial and contrastive learning."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def gan_value(d_real: Float[Tensor, "*real"], d_fake: Float[Tensor, "*fake"]) -> Float[Tensor, ""]:
    """Estimate the value of the game between a generator and a discriminator from samples.

    V(D, G) = E_x [log D(x)] + E_z [log(1 − D(G(z)))]                                  (18.1)

    Args:
        d_real: D(x), the probability that the discriminator gives to real examples x of being real.
        d_fake: D(G(z)), the same for generated examples. The two may differ in shape and in number.

    Returns:
        V, each expectation a mean over all elements: at most 0, and −inf if a real example has probability 0 or a
        generated one 1. A d_fake as small as 1e-30 still counts.

    Raises:
        ValueError: there is no real or no generated example, or a number lies outside [0, 1].

    Source: Atlas 18.1; Goodfellow et al. 2014, equation 1; agrees with the negative of `F.binary_cross_entropy`.
    """
    for d in (d_real, d_fake):
        if d.numel() == 0 or ((d < 0) | (d > 1)).any():
            raise ValueError("D(x) must be at least one number in [0, 1], for real and for generated examples")
    return torch.log(d_real).mean() + torch.log1p(-d_fake).mean()


def optimal_discriminator(p_data: Float[Tensor, "*shape"], p_g: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Give the discriminator that wins as much as can be won against one generator.

    D*(x) = argmax_D  p_data(x) log D(x) + p_g(x) log(1 − D(x)), for each x on its own          (18.1)

    Args:
        p_data: density of the data at some points, ≥ 0, of any magnitude.
        p_g: density of what the generator makes at the same points; the shapes broadcast.

    Returns:
        D*, in [0, 1], also where a density is so small or so large that a sum of two would not be a number any more.
        Where both densities are 0 it is 1/2, as no x like that ever comes, and no gradient flows. Gradients are right
        also where one of the two is 0.

    Raises:
        ValueError: a density is negative.

    Source: Goodfellow et al. 2014, proposition 1.
    """
    if (p_data < 0).any() or (p_g < 0).any():
        raise ValueError("a density is negative")
    scale = torch.maximum(p_data, p_g).detach()
    nowhere = scale == 0
    real, fake = ((density + nowhere) / (scale + nowhere) for density in (p_data, p_g))
    return torch.where(nowhere, 0.5, real / (real + fake))


def discriminator_loss(real_logits: Float[Tensor, "*real"], fake_logits: Float[Tensor, "*fake"]) -> Float[Tensor, ""]:
    """Compute what a discriminator descends: the negative of the game's value, from logits.

    L_D = −V = −mean log σ(real) − mean log(1 − σ(fake)),  D = σ(logit)                 (18.1)

    Args:
        real_logits: the discriminator's outputs for real examples, any magnitude.
        fake_logits: the same for generated examples. The two may differ in shape and in number.

    Returns:
        the loss, the sum of two means; finite, with right gradients, also for logits of ±1000. A loss near 0, of a
        discriminator that is right and sure, keeps its digits.

    Raises:
        ValueError: there is no real or no generated example.

    Source: Atlas 18.1; agrees with `F.binary_cross_entropy_with_logits`.
    """
    if min(real_logits.numel(), fake_logits.numel()) == 0:
        raise ValueError("a mean over no logits is not a number: give real and generated examples")
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def generator_loss(fake_logits: Float[Tensor, "*fake"], saturating: bool = False) -> Float[Tensor, ""]:
    """Compute what a generator descends: in the way that works, or as (18.1) prints it.

    L_G = −mean log σ(fake)                                                         saturating=False
    L_G = mean log(1 − σ(fake))                                                     saturating=True, (18.1)

    Args:
        fake_logits: the discriminator's outputs for generated examples, any magnitude.
        saturating: the second form. Both are to be minimised, and both want D(G(z)) to be 1.

    Returns:
        the loss, a mean over all elements; finite, with right gradients, also for logits of ±1000. A loss near 0 keeps
        its digits.

    Raises:
        ValueError: there is no generated example.

    Source: Atlas 18.1; Goodfellow et al. 2014, section 3; agrees with `F.binary_cross_entropy_with_logits`.
    """
    if fake_logits.numel() == 0:
        raise ValueError("a mean over no logits is not a number: give generated examples")
    return -F.softplus(fake_logits).mean() if saturating else F.softplus(-fake_logits).mean()


def info_nce(
    q: Float[Tensor, "... D"],
    k_pos: Float[Tensor, "... D"],
    k_neg: Float[Tensor, "K D"] | Float[Tensor, "... K D"],
    temperature: float | Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Compare each query with the one key that belongs to it and with K that do not.

    L_q = −log( exp(q·k⁺/τ) / Σ_{i=0}^{K} exp(q·k_i/τ) ),  k_0 = k⁺                      (18.2)

    Args:
        q: queries.
        k_pos: the matching key of each query, in the same place.
        k_neg: K ≥ 0 other keys, the same for all queries, (K, D), or different for each, (..., K, D).
        temperature: τ > 0, a number or a tensor of no dimensions, which then gets a gradient, too.

    Returns:
        the mean of L_q over all queries. Nothing is normalised: whoever wants cosines passes vectors of length 1.
        Finite, with right gradients of queries and of all keys, also where exp(q·k/τ) overflows.

    Raises:
        ValueError: τ is not above 0; q and k_pos differ in shape, also where broadcasting would accept them; k_neg
            has neither of its two shapes; there is no query.

    Source: Atlas 18.2; van den Oord et al. 2018, equation 4; He et al. 2020 (MoCo); agrees with `F.cross_entropy`.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature must be above 0, not {temperature}")
    if q.shape != k_pos.shape or k_neg.shape[:-2] not in ((), q.shape[:-1]) or q.numel() == 0:
        raise ValueError(f"q {tuple(q.shape)}, k_pos {tuple(k_pos.shape)}, k_neg {tuple(k_neg.shape)} do not fit")
    positive = (q * k_pos).sum(-1, keepdim=True)
    negative = (k_neg @ q[..., None]).squeeze(-1)
    return -torch.log_softmax(torch.cat([positive, negative], -1) / temperature, -1)[..., 0].mean()


def clip_loss(
    image: Float[Tensor, "N D"], text: Float[Tensor, "N D"], temperature: float | Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Match N images with their N texts, in both directions; each serves the others as a negative.

    s_ij = cos(image_i, text_j)/τ,  L = ½ (mean_i −log softmax_j(s_ij)_i + mean_j −log softmax_i(s_ij)_j)      (18.2)

    Args:
        image, text: embeddings, of any length but 0; row i of one belongs to row i of the other.
        temperature: τ > 0, a number or a tensor of no dimensions, which then gets a gradient, too.

    Returns:
        L, the mean of both directions. The embeddings are divided by their lengths here. Finite, with right gradients,
        also at τ = 0.001, where exp(s_ij) overflows.

    Raises:
        ValueError: τ is not above 0, the shapes differ, or there is no pair.

    Source: Atlas 18.2; Radford et al. 2021 (CLIP), figure 3; agrees with `F.cross_entropy`.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature must be above 0, not {temperature}")
    if image.shape != text.shape or image.numel() == 0:
        raise ValueError(f"{tuple(image.shape)} images and {tuple(text.shape)} texts make no pairs")
    scores = F.normalize(image) @ F.normalize(text).mT / temperature
    to_text, to_image = (-torch.log_softmax(scores, dim).diagonal().mean() for dim in (1, 0))
    return (to_text + to_image) / 2
