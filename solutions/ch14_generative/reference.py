"""Reference answers of chapter 14, generative models."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor


def reparameterize(
    mu: Float[Tensor, "*shape"], logvar: Float[Tensor, "*shape"], noise: Float[Tensor, "*samples_and_shape"]
) -> Float[Tensor, "*samples_and_shape"]:
    """Turn standard normal noise into a draw from N(μ, σ²), through which gradients reach μ and σ.

    z = μ + σ ⊙ ε,  ε ~ N(0, I),  logvar = log σ²                                   (14.1)

    Args:
        mu: μ, any shape.
        logvar: log σ², the shape of `mu`.
        noise: ε, the shape of `mu`, or with further dimensions in front for several draws from each Gaussian.

    Returns:
        z, the shape of `noise`, the dtype of `mu`. It is finite wherever σ is, also where σ² overflows, and so are
        its gradients.

    Raises:
        ValueError: `logvar` has another shape than `mu`, or the last dimensions of `noise` are not those of `mu`.

    Source: Atlas 14.1; Kingma & Welling 2014, arXiv:1312.6114, section 2.4.
    """
    if logvar.shape != mu.shape or noise.shape[noise.dim() - mu.dim() :] != mu.shape:
        raise ValueError(f"shapes do not fit: {tuple(mu.shape)}, {tuple(logvar.shape)}, {tuple(noise.shape)}")
    return mu + torch.exp(logvar / 2) * noise


def gaussian_kl(mu: Float[Tensor, "*batch d"], logvar: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
    """How far a diagonal Gaussian is from the standard normal, in nats.

    D_KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ_j (μ_j² + σ_j² − 1 − log σ_j²)                   (9.4 for the prior of 14.2)

    Args:
        mu: μ, one Gaussian of d independent coordinates in the last dimension.
        logvar: log σ², the shape of `mu`.

    Returns:
        the sum over the last dimension, the shape and dtype of `mu` without it. Accurate relative to the result also
        where the Gaussian is nearly standard, μ = 0 and |log σ²| far below 1.

    Raises:
        ValueError: `logvar` has another shape than `mu`.

    Source: Kingma & Welling 2014, arXiv:1312.6114, appendix B; agrees with `torch.distributions.kl_divergence`.
    """
    if logvar.shape != mu.shape:
        raise ValueError(f"mu {tuple(mu.shape)} and logvar {tuple(logvar.shape)} differ in shape")
    # σ² − 1 by expm1: near σ = 1 the two would cancel
    return (mu.square() + (torch.expm1(logvar) - logvar)).sum(-1) / 2


def vae_loss(
    recon: Float[Tensor, "batch *features"],
    x: Float[Tensor, "batch *features"],
    mu: Float[Tensor, "batch d"],
    logvar: Float[Tensor, "batch d"],
) -> Float[Tensor, ""]:
    """What a variational autoencoder minimises: the negative of the evidence lower bound, which 14.2 maximises.

    ELBO = E_q[log p(x|z)] − D_KL(q(z|x) ‖ p(z)),  loss = −ELBO                     (14.2)
    log p(x|z) = Σ_i [x_i log r_i + (1 − x_i) log(1 − r_i)]

    Args:
        recon: r, the decoder's probability of each feature, in (0, 1), for one draw of z a sample.
        x: the data, in [0, 1], the shape of `recon`.
        mu: the mean of q(z|x), one row a sample.
        logvar: log σ² of q(z|x), the shape of `mu`.

    Returns:
        a 0-d tensor of the dtype of `recon`: summed over features and latent coordinates, averaged over the batch.

    Raises:
        ValueError: `x` has another shape than `recon`, `logvar` another one than `mu`, or the batches differ in size.

    Source: Atlas 14.2; Kingma & Welling 2014, arXiv:1312.6114; its first part agrees with
    `torch.nn.functional.binary_cross_entropy`.
    """
    if x.shape != recon.shape or len(mu) != len(recon):
        raise ValueError(f"shapes do not fit: {tuple(recon.shape)}, {tuple(x.shape)}, {tuple(mu.shape)}")
    log_likelihood = (x * torch.log(recon) + (1 - x) * torch.log(1 - recon)).sum()
    return (gaussian_kl(mu, logvar).sum() - log_likelihood) / len(x)


def iwae_bound(log_w: Float[Tensor, "batch samples"]) -> Float[Tensor, ""]:
    """The importance-weighted bound on the log-likelihood: the ELBO for one sample, tighter with every further one.

    L_K = mean over the batch of log (1/K) Σ_k w_k,  w_k = p(x, z_k) / q(z_k|x),  z_k ~ q      (14.2 with K draws)

    Args:
        log_w: log w_k, any magnitude; −inf stands for a weight of 0.

    Returns:
        a 0-d tensor of the dtype of `log_w`; −inf if all weights of a row are 0. Where only some are 0, its
        gradients are finite.

    Raises:
        ValueError: `log_w` is not two-dimensional, or has no samples.

    Source: Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519, eq. 8; agrees with `torch.logsumexp` less log K.
    """
    if log_w.dim() != 2:
        raise ValueError(f"log_w must be (batch, samples), not {tuple(log_w.shape)}")
    largest = log_w.detach().amax(1, keepdim=True)
    # −inf − (−inf) would be NaN: the least finite number takes its place
    shift = torch.nan_to_num(largest)
    return shift.mean() + torch.log(torch.exp(log_w - shift).mean(1)).mean()


def ddpm_step(
    x: Float[Tensor, "*shape"], beta: float | Tensor, noise: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """One step of the forward process: shrink the signal a little, add a little noise.

    x_t = √(1 − β_t) x_{t−1} + √β_t ε,  a draw from q(x_t|x_{t−1}) = N(√(1 − β_t) x_{t−1}, β_t I)      (14.3)

    Args:
        x: x_{t−1}, any shape.
        beta: β_t, the variance of the step, in [0, 1]: a number or a 0-d tensor.
        noise: ε, standard normal, the shape of `x`.

    Returns:
        x_t, the shape and dtype of `x`. If the coordinates of x_{t−1} have variance 1, so have those of x_t.

    Raises:
        ValueError: `beta` is outside [0, 1], or `noise` has another shape than `x`.

    Source: Atlas 14.3; Ho, Jain & Abbeel 2020, arXiv:2006.11239, eq. 2.
    """
    if noise.shape != x.shape:
        raise ValueError(f"noise {tuple(noise.shape)} and x {tuple(x.shape)} differ in shape")
    if not 0 <= beta <= 1:
        raise ValueError(f"beta must be in [0, 1], not {beta}")
    return (1 - beta) ** 0.5 * x + beta**0.5 * noise


def alpha_bar(betas: Float[Tensor, "steps"]) -> Float[Tensor, "steps"]:
    """The share of the data's variance that is left after each step of the forward process.

    ᾱ_t = Π_{s=0…t} (1 − β_s)                                                       (from 14.3)

    Args:
        betas: β_0 … β_{T−1}, each in [0, 1].

    Returns:
        ᾱ_0 … ᾱ_{T−1}, the shape and dtype of `betas`; it counts from 0, so ᾱ_0 = 1 − β_0.

    Raises:
        ValueError: `betas` is not one-dimensional, or one of them is outside [0, 1].

    Source: Ho, Jain & Abbeel 2020, arXiv:2006.11239, section 2; agrees with `torch.cumprod` of 1 − β.
    """
    if betas.dim() != 1 or ((betas < 0) | (betas > 1)).any():
        raise ValueError("betas must be a vector of numbers in [0, 1]")
    return torch.exp(torch.cumsum(torch.log1p(-betas), dim=0))


def extract(
    values: Float[Tensor, "steps"], t: int | Int[Tensor, ""] | Int[Tensor, "batch"], x: Float[Tensor, "batch *features"]
) -> Float[Tensor, "..."]:
    """The coefficient of each sample's own step, ready to multiply the samples.

    c_i = values[t_i], of shape (batch, 1, …, 1)

    Args:
        values: one coefficient a step, in any floating dtype.
        t: steps, counted from 0: an int64 tensor with one for each sample, or one number (an int or a 0-d tensor) for
            all samples.
        x: the samples, in the first dimension.

    Returns:
        a tensor of the dtype of `x` that multiplies `x` by broadcasting: of shape (batch, 1, …, 1), with as many
        dimensions as `x`, or 0-d if `t` is one number.

    Raises:
        ValueError: a step is negative, or `t` has not one step for each sample.
        IndexError: a step is not below the number of steps.
    """
    t = torch.as_tensor(t)
    if (t < 0).any():
        raise ValueError(f"steps count from 0, not {t.tolist()}")
    if t.dim() and t.shape != x.shape[:1]:
        raise ValueError(f"t has shape {tuple(t.shape)}, for {len(x)} samples")
    return values[t].to(x.dtype).reshape(t.shape + (1,) * (x.dim() - 1) if t.dim() else ())


def q_sample(
    x0: Float[Tensor, "batch *features"],
    t: int | Int[Tensor, "batch"],
    alpha_bar: Float[Tensor, "steps"],
    noise: Float[Tensor, "batch *features"],
) -> Float[Tensor, "batch *features"]:
    """Jump from the data to step t of the forward process at once.

    x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε                                                   (from 14.3)

    Args:
        x0: the data, samples in the first dimension.
        t: steps, counted from 0: one for each sample, or one number for all.
        alpha_bar: ᾱ_0 … ᾱ_{T−1}. It may have a wider dtype than `x0`; √ᾱ and √(1 − ᾱ) are then taken in that one.
        noise: ε, standard normal, the shape of `x0`.

    Returns:
        x_t, the shape and dtype of `x0`; equal in law to t + 1 steps of `ddpm_step`.

    Raises:
        ValueError: `noise` has another shape than `x0`, or `t` does not fit (see `extract`).

    Source: Ho, Jain & Abbeel 2020, arXiv:2006.11239, eq. 4.
    """
    if noise.shape != x0.shape:
        raise ValueError(f"noise {tuple(noise.shape)} and x0 {tuple(x0.shape)} differ in shape")
    return extract(alpha_bar.sqrt(), t, x0) * x0 + extract((1 - alpha_bar).sqrt(), t, x0) * noise


def ddpm_posterior(
    x0: Float[Tensor, "batch *features"],
    x_t: Float[Tensor, "batch *features"],
    t: int | Int[Tensor, "batch"],
    betas: Float[Tensor, "steps"],
) -> tuple[Float[Tensor, "batch *features"], Float[Tensor, "..."]]:
    """Where the forward process was one step earlier, if it began at x_0 and has come to x_t.

    q(x_{t−1}|x_t, x_0) = N(μ̃_t, β̃_t I)                                             (from 14.3, by Bayes' rule)
    μ̃_t = (√ᾱ_{t−1} β_t x_0 + √(1 − β_t) (1 − ᾱ_{t−1}) x_t) / (1 − ᾱ_t)
    β̃_t = β_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t),  with ᾱ_{−1} = 1

    Args:
        x0: the data, samples in the first dimension.
        x_t: the same samples at step t, the shape of `x0`.
        t: steps, counted from 0: one for each sample, or one number for all.
        betas: β_0 … β_{T−1}, each in (0, 1].

    Returns:
        the mean, of the shape and dtype of `x_t`, and the variance, in the same dtype, of a shape that broadcasts to
        the mean's. At t = 0 they are x_0 and 0. Accurate also at the small t of a long schedule in float32, where
        1 − ᾱ_t is 10⁻⁴.

    Raises:
        ValueError: `x0` has another shape than `x_t`, or `t` does not fit (see `extract`).

    Source: Ho, Jain & Abbeel 2020, arXiv:2006.11239, eq. 6 and 7.
    """
    if x0.shape != x_t.shape:
        raise ValueError(f"x0 {tuple(x0.shape)} and x_t {tuple(x_t.shape)} differ in shape")
    betas = betas.double()
    after = alpha_bar(betas)
    before = torch.cat([after.new_ones(1), after[:-1]])
    weight_of_x0 = before.sqrt() * betas / (1 - after)
    weight_of_x_t = (1 - betas).sqrt() * (1 - before) / (1 - after)
    mean = extract(weight_of_x0, t, x_t) * x0 + extract(weight_of_x_t, t, x_t) * x_t
    return mean, extract(betas * (1 - before) / (1 - after), t, x_t)


def ddpm_loss(
    model: Callable[[Tensor, Tensor], Tensor],
    x0: Float[Tensor, "batch *features"],
    t: Int[Tensor, "batch"],
    noise: Float[Tensor, "batch *features"],
    alpha_bar: Float[Tensor, "steps"],
) -> Float[Tensor, ""]:
    """How well a network guesses the noise that was mixed into the data.

    L = mean of (ε − ε_θ(x_t, t))²,  x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε

    Args:
        model: ε_θ, called as `model(x_t, t)`; gives a tensor of the shape of `x_t`.
        x0: the data, samples in the first dimension.
        t: the step of each sample, counted from 0.
        noise: ε, standard normal, the shape of `x0`.
        alpha_bar: ᾱ_0 … ᾱ_{T−1}.

    Returns:
        a 0-d tensor of the dtype of `x0`: the mean over all elements. Gradients reach the model, and through x_t also
        `x0`, `noise` and `alpha_bar`.

    Raises:
        ValueError: the model's answer has another shape than `noise`, or `noise` than `x0`.

    Source: Ho, Jain & Abbeel 2020, arXiv:2006.11239, eq. 14; agrees with `torch.nn.functional.mse_loss`.
    """
    predicted_noise = model(q_sample(x0, t, alpha_bar, noise), t)
    if predicted_noise.shape != noise.shape:
        raise ValueError(f"the model gives {tuple(predicted_noise.shape)} for noise {tuple(noise.shape)}")
    return (noise - predicted_noise).square().mean()


def ddpm_reverse_step(
    x_t: Float[Tensor, "batch *features"],
    t: int | Int[Tensor, "batch"],
    predicted_noise: Float[Tensor, "batch *features"],
    betas: Float[Tensor, "steps"],
    noise: Float[Tensor, "batch *features"],
) -> Float[Tensor, "batch *features"]:
    """One step of ancestral sampling: from x_t, with the network's guess of its noise, to a draw of x_{t−1}.

    x_{t−1} = (x_t − β_t / √(1 − ᾱ_t) · ε_θ) / √(1 − β_t) + σ_t z                    (from 14.3)
    σ_t² = β̃_t = β_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t),  σ_0 = 0

    Args:
        x_t: the samples at step t, in the first dimension.
        t: steps, counted from 0: one for each sample, or one number for all.
        predicted_noise: ε_θ(x_t, t), the shape of `x_t`.
        betas: β_0 … β_{T−1}, each in (0, 1).
        noise: z, standard normal, the shape of `x_t`; it does not matter where t = 0.

    Returns:
        x_{t−1}, the shape and dtype of `x_t`: the data themselves where t = 0.

    Raises:
        ValueError: `predicted_noise` or `noise` has another shape than `x_t`, or `t` does not fit (see `extract`).

    Source: Ho, Jain & Abbeel 2020, arXiv:2006.11239, algorithm 2 with the second choice of σ_t.
    """
    if predicted_noise.shape != x_t.shape or noise.shape != x_t.shape:
        raise ValueError(f"x_t has shape {tuple(x_t.shape)}, and so must predicted_noise and noise")
    _, variance = ddpm_posterior(x_t, x_t, t, betas)
    weight = betas / (1 - alpha_bar(betas)).sqrt()
    mean = (x_t - extract(weight, t, x_t) * predicted_noise) / extract((1 - betas).sqrt(), t, x_t)
    return mean + variance.sqrt() * noise


def ddim_step(
    x_t: Float[Tensor, "*shape"],
    predicted_noise: Float[Tensor, "*shape"],
    alpha_bar_t: float | Tensor,
    alpha_bar_prev: float | Tensor,
    eta: float = 0.0,
    noise: Float[Tensor, "*shape"] | None = None,
) -> Float[Tensor, "*shape"]:
    """From one noise level to another, however far apart: along a fixed path if η = 0, at random if η > 0.

    x̂_0 = (x_t − √(1 − ᾱ_t) ε_θ) / √ᾱ_t
    x_prev = √ᾱ_prev x̂_0 + √(1 − ᾱ_prev − σ²) ε_θ + σ z
    σ² = η² (1 − ᾱ_prev) / (1 − ᾱ_t) · (1 − ᾱ_t / ᾱ_prev)

    Args:
        x_t: the samples at noise level ᾱ_t, any shape.
        predicted_noise: ε_θ(x_t, t), the shape of `x_t`.
        alpha_bar_t: ᾱ_t, in (0, 1): a number or a 0-d tensor.
        alpha_bar_prev: ᾱ of the level to go to, in (0, 1]: a number or a 0-d tensor; 1 for clean data. With η = 0 it
            may also be below ᾱ_t: the step then goes towards noise.
        eta: η in [0, 1]: 0 is DDIM; 1, from t to t − 1, is DDPM.
        noise: z, standard normal, the shape of `x_t`; needed if η > 0.

    Returns:
        x_prev, the shape and dtype of `x_t`.

    Raises:
        ValueError: `eta` is outside [0, 1], or `eta` is above 0 without `noise`, or `predicted_noise` or `noise` has
            another shape than `x_t`.

    Source: Song, Meng & Ermon 2021, arXiv:2010.02502, eq. 12 and 16.
    """
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must be in [0, 1], not {eta}")
    if predicted_noise.shape != x_t.shape or (noise is not None and noise.shape != x_t.shape):
        raise ValueError(f"x_t has shape {tuple(x_t.shape)}, and so must predicted_noise and noise")
    x0 = (x_t - (1 - alpha_bar_t) ** 0.5 * predicted_noise) / alpha_bar_t**0.5
    if eta == 0:
        return alpha_bar_prev**0.5 * x0 + (1 - alpha_bar_prev) ** 0.5 * predicted_noise
    if noise is None:
        raise ValueError("a step with eta > 0 needs noise")
    variance = eta**2 * (1 - alpha_bar_prev) / (1 - alpha_bar_t) * (1 - alpha_bar_t / alpha_bar_prev)
    towards_x_t = (1 - alpha_bar_prev - variance) ** 0.5 * predicted_noise
    return alpha_bar_prev**0.5 * x0 + towards_x_t + variance**0.5 * noise
