"""Right answers to chapter 14 that look nothing like the reference; the tests must accept them."""

import functools
import itertools
import math

import torch

from autograder.cases import right


@right("reparameterize")
def as_a_linear_interpolation(mu, logvar, noise):
    """σ as e to the power of logvar/2, added by addcmul."""
    if mu.shape != logvar.shape:
        raise ValueError("logvar")
    if tuple(noise.shape)[max(noise.dim() - mu.dim(), 0) :] != tuple(mu.shape):
        raise ValueError("noise")
    return torch.addcmul(mu, torch.pow(math.e, 0.5 * logvar).to(mu.dtype), noise)


@right("gaussian_kl")
def by_a_hyperbolic_sine(mu, logvar):
    """σ² − 1 = 2 e^{v/2} sinh(v/2), and the sums as inner products."""
    if mu.shape != logvar.shape:
        raise ValueError("logvar")
    ones = torch.ones(mu.shape[-1:], dtype=mu.dtype)
    half = logvar / 2
    # 2 e^h sinh(h) overflows early as a product, so the large ones take exp
    small = half.abs() < 1
    safe = torch.where(small, half, 0)
    grown = torch.where(small, 2 * torch.exp(safe) * torch.sinh(safe), torch.exp(logvar) - 1)
    return torch.einsum("...i,...i->...", mu, mu) / 2 + 0.5 * torch.einsum("...i,i->...", grown - logvar, ones)


@right("vae_loss")
def sample_by_sample(recon, x, mu, logvar):
    """A loop over the batch, with the probability of what was seen instead of two terms."""
    if recon.shape != x.shape or mu.shape != logvar.shape or mu.shape[0] != x.shape[0]:
        raise ValueError("shapes")
    total = 0
    for r, y, m, v in zip(recon, x, mu, logvar, strict=True):
        cross_entropy = -torch.xlogy(y, r).sum() - torch.xlogy(1 - y, 1 - r).sum()
        total = total + cross_entropy - (1 + v - m**2 - v.exp()).sum() / 2
    return total / x.shape[0]


@right("iwae_bound")
def two_weights_at_a_time(log_w):
    """A fold with logaddexp over the samples."""
    if log_w.dim() != 2 or log_w.shape[1] == 0:
        raise ValueError("log_w")
    columns = log_w.unbind(1)
    total = functools.reduce(torch.logaddexp, columns)
    return (total - math.log(len(columns))).mean()


@right("ddpm_step")
def by_interpolation_of_variances(x, beta, noise):
    """The two weights as one vector, its squares summing to 1."""
    if x.shape != noise.shape or beta < 0 or beta > 1:
        raise ValueError("bad step")
    beta = torch.as_tensor(beta, dtype=torch.float64)
    weights = torch.stack([1 - beta, beta]).sqrt().to(x.dtype)
    return torch.tensordot(weights, torch.stack([x, noise]), dims=1)


@right("alpha_bar")
def step_by_step(betas):
    """A Python loop that multiplies."""
    if betas.dim() != 1 or not bool(((betas >= 0) & (betas <= 1)).all()):
        raise ValueError("betas")
    products = list(itertools.accumulate((1 - betas).unbind(), lambda a, b: a * b))
    return torch.stack(products) if products else betas.clone()


@right("extract")
def by_a_one_hot_product(values, t, x):
    """Each step as a one-hot row, times the values."""
    t = torch.as_tensor(t)
    if t.numel() and (t.min() < 0 or t.max() >= values.shape[0]):
        raise ValueError("step")
    if t.dim() == 0:
        return values[int(t)].to(x.dtype)
    if t.shape[0] != x.shape[0]:
        raise ValueError("one step a sample")
    chosen = torch.nn.functional.one_hot(t, len(values)).to(values.dtype) @ values
    while chosen.dim() < x.dim():
        chosen = chosen.unsqueeze(-1)
    return chosen.to(x.dtype)


@right("q_sample")
def sample_after_sample(x0, t, alpha_bar, noise):
    """A loop over the batch, each sample with its own two numbers."""
    if x0.shape != noise.shape:
        raise ValueError("noise")
    steps = torch.as_tensor(t).expand(len(x0)).tolist()
    if any(s < 0 or s >= len(alpha_bar) for s in steps):
        raise ValueError("t")
    rows = []
    for x, e, s in zip(x0, noise, steps, strict=True):
        signal = alpha_bar[s]
        rows.append(signal.sqrt().to(x.dtype) * x + (1 - signal).sqrt().to(x.dtype) * e)
    return torch.stack(rows) if rows else x0.clone()


@right("ddpm_posterior")
def from_precisions(x0, x_t, t, betas):
    """Precisions add, and means are weighted by them; the first step is set apart."""
    if x0.shape != x_t.shape:
        raise ValueError("shapes")
    t = torch.as_tensor(t)
    if t.numel() and (t.min() < 0 or t.max() >= len(betas)):
        raise ValueError("t")
    b = betas.to(torch.float64)
    level = torch.ones((), dtype=torch.float64)
    levels = [level]
    for beta in b:
        level = level * (1 - beta)
        levels.append(level)
    shape = (-1,) + (1,) * (x0.dim() - 1)
    steps = t.expand(len(x0))
    before = torch.stack(levels)[steps].reshape(shape)
    beta = b[steps].reshape(shape)
    first = (steps == 0).reshape(shape)
    prior = torch.where(first, 1, 1 / torch.where(first, 1, 1 - before))
    measurement = (1 - beta) / beta
    variance = torch.where(first, 0, 1 / (prior + measurement))
    mean = variance * (prior * before.sqrt() * x0 + (1 - beta).sqrt() / beta * x_t)
    return torch.where(first, x0, mean.to(x0.dtype)), variance.to(x0.dtype)


@right("ddpm_loss")
def as_a_squared_norm(model, x0, t, noise, alpha_bar):
    """The squared norm of the flattened difference, divided by its length."""
    if x0.shape != noise.shape:
        raise ValueError("noise")
    shape = (len(x0),) + (1,) * (x0.dim() - 1)
    level = alpha_bar.gather(0, t).reshape(shape)
    guess = model(x0 * level**0.5 + noise * (1 - level) ** 0.5, t)
    if guess.shape != noise.shape:
        raise ValueError("model")
    difference = (guess - noise).flatten()
    return difference @ difference / difference.numel()


@right("ddpm_reverse_step")
def through_a_guess_of_the_data(x_t, t, predicted_noise, betas, noise):
    """x̂_0 first, then the mean of the posterior, then noise where there is a step to go."""
    if not x_t.shape == predicted_noise.shape == noise.shape:
        raise ValueError("shapes")
    t = torch.as_tensor(t).expand(len(x_t))
    if (t < 0).any():
        raise ValueError("t")
    b = betas.double()
    level = torch.cumprod(1 - b, 0)
    at = lambda values: values[t].reshape((-1,) + (1,) * (x_t.dim() - 1))  # noqa: E731
    b, now, before = at(b), at(level), at(torch.cat([torch.ones(1, dtype=torch.float64), level])[:-1])
    clean = (x_t - (1 - now).sqrt() * predicted_noise) / now.sqrt()
    mean = before.sqrt() * b / (1 - now) * clean + (1 - b).sqrt() * (1 - before) / (1 - now) * x_t
    jitter = (b * (1 - before) / (1 - now)).sqrt() * noise
    return (mean + torch.where(at(torch.arange(len(betas))) > 0, jitter, torch.zeros_like(jitter))).to(x_t.dtype)


@right("ddim_step")
def as_the_weights_of_three_tensors(x_t, predicted_noise, alpha_bar_t, alpha_bar_prev, eta=0.0, noise=None):
    """One weight for each of x_t, ε_θ and z, in float64."""
    if eta < 0 or eta > 1 or (eta and noise is None):
        raise ValueError("eta")
    if any(z is not None and z.shape != x_t.shape for z in (predicted_noise, noise)):
        raise ValueError("shapes")
    now, then = (torch.as_tensor(a, dtype=torch.float64) for a in (alpha_bar_t, alpha_bar_prev))
    stretch = torch.sqrt(then / now)
    if not eta:
        turn = torch.sqrt(1 - then) - stretch * torch.sqrt(1 - now)
        return stretch.to(x_t.dtype) * x_t + turn.to(x_t.dtype) * predicted_noise
    sigma = eta * torch.sqrt((1 - then) / (1 - now)) * torch.sqrt(1 - now / then)
    turn = torch.sqrt(1 - then - sigma**2) - stretch * torch.sqrt(1 - now)
    return sum(w.to(x_t.dtype) * z for w, z in ((stretch, x_t), (turn, predicted_noise), (sigma, noise)))
