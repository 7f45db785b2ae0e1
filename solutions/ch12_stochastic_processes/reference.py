"""Reference answers of chapter 12, stochastic processes."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def wiener_path(noise: Float[Tensor, "steps *shape"], dt: float | Tensor) -> Float[Tensor, "steps+1 *shape"]:
    """Walk along a Wiener process (Brownian motion), one step for every row of noise.

    W_{t+dt} − W_t ~ N(0, dt),  W_0 = 0                                             (12.1)

    Args:
        noise: ε, independent standard normal numbers; every position of `*shape` is a path of its own.
        dt: the length of a step, a Python number or a 0-d tensor, which gradients reach; more than 0.

    Returns:
        W_0, W_dt, W_2dt, … along the first dimension, in the dtype of `noise`. No step gives W_0 alone.

    Raises:
        ValueError: `dt` is not positive.

    Source: Atlas 12.1.
    """
    if not dt > 0:
        raise ValueError(f"dt must be positive, got {dt}")
    increments = dt**0.5 * noise
    return torch.cat([noise.new_zeros(1, *noise.shape[1:]), increments.cumsum(0)])


def euler_maruyama(
    f: Callable[[Tensor, Tensor], Tensor],
    g: Callable[[Tensor, Tensor], Tensor],
    x0: Float[Tensor, "*shape"],
    t: Float[Tensor, "n"],
    noise: Float[Tensor, "n-1 *shape"],
) -> Float[Tensor, "n *shape"]:
    """Follow a stochastic differential equation along a grid of times, even or not.

    dx = f(x, t) dt + g(x, t) dw                                                    (12.2)
    x_{t+Δt} = x_t + f(x_t, t) Δt + g(x_t, t) √Δt ε                                 (12.3)

    Args:
        f: the drift, a function of the state (shape of `x0`) and the time (0-d).
        g: the diffusion, likewise; what either returns broadcasts against the state.
        x0: the state at t[0]. Every element has noise of its own.
        t: the times, strictly increasing, at least one.
        noise: ε, standard normal numbers, a row for every step.

    Returns:
        the whole path x_{t[0]}, …, x_{t[n−1]} along a new first dimension, in the dtype of `x0`.

    Raises:
        ValueError: `t` is not one-dimensional and strictly increasing, or the shape of `noise` is not (n−1, *shape).

    Source: Atlas 12.2 and 12.3; Maruyama 1955.
    """
    steps = t.diff()
    if t.dim() != 1 or not (steps > 0).all():
        raise ValueError("the times must be one-dimensional and strictly increasing")
    if noise.shape != (len(t) - 1, *x0.shape):
        raise ValueError(f"noise has the shape {tuple(noise.shape)} for {len(t)} times and a state {tuple(x0.shape)}")
    path = [x0]
    for k, dt in enumerate(steps):
        x = path[-1]
        path.append(x + f(x, t[k]) * dt + g(x, t[k]) * dt.sqrt() * noise[k])
    return torch.stack(path)


def ornstein_uhlenbeck_moments(
    x0: Float[Tensor, "..."], theta: float, mu: float, sigma: float, t: Float[Tensor, "*times"]
) -> tuple[Float[Tensor, "..."], Float[Tensor, "*times"]]:
    """Mean and variance of a process that is pulled back to μ, a time t after it was at x0.

    dx = θ (μ − x) dt + σ dw                                                        (12.2 with a linear drift)
    E[x_t] = μ + (x0 − μ) exp(−θt),  Var[x_t] = σ² (1 − exp(−2θt)) / (2θ)

    Args:
        x0: where the process starts; `x0` and `t` broadcast against each other.
        theta: θ, the rate of the pull, in 1/time; 0 leaves Brownian motion, a negative θ pushes away from μ.
        mu: μ, where the pull leads.
        sigma: σ, the diffusion.
        t: times, not negative.

    Returns:
        the mean, of the shape that `x0` and `t` broadcast to, and the variance, of the shape of `t`: it does not
        depend on x0. Both in the dtype of the inputs, and the variance accurate relative to its value for tiny θt too.

    Raises:
        ValueError: a time is negative.

    Source: Uhlenbeck & Ornstein 1930; agrees with `torch.linalg.matrix_exp` of the linear equations of the moments.
    """
    if (t < 0).any():
        raise ValueError("a time is negative")
    mean = mu + (x0 - mu) * torch.exp(-theta * t)
    if theta == 0:
        return mean, sigma**2 * t
    return mean, -(sigma**2) * torch.expm1(-2 * theta * t) / (2 * theta)


def milstein(
    f: Callable[[Tensor, Tensor], Tensor],
    g: Callable[[Tensor, Tensor], Tensor],
    dg: Callable[[Tensor, Tensor], Tensor],
    x0: Float[Tensor, "*shape"],
    t: Float[Tensor, "n"],
    noise: Float[Tensor, "n-1 *shape"],
) -> Float[Tensor, "n *shape"]:
    """Follow a stochastic differential equation of Itô's with one term more than Euler and Maruyama.

    x_{t+Δt} = x_t + f Δt + g ΔW + ½ g (∂g/∂x) ((ΔW)² − Δt),  ΔW = √Δt ε            (12.2, Milstein's step)

    Args:
        f: the drift, a function of the state (shape of `x0`) and the time (0-d).
        g: the diffusion, likewise. Element i of it depends on element i of the state only.
        dg: ∂g/∂x, likewise.
        x0: the state at t[0]. Every element has noise of its own.
        t: the times, strictly increasing, at least one.
        noise: ε, standard normal numbers, a row for every step.

    Returns:
        the whole path x_{t[0]}, …, x_{t[n−1]} along a new first dimension, in the dtype of `x0`.

    Raises:
        ValueError: `t` is not one-dimensional and strictly increasing, or the shape of `noise` is not (n−1, *shape).

    Source: Milstein 1975; Kloeden & Platen 1992, section 10.3.
    """
    steps = t.diff()
    if t.dim() != 1 or not (steps > 0).all():
        raise ValueError("the times must be one-dimensional and strictly increasing")
    if noise.shape != (len(t) - 1, *x0.shape):
        raise ValueError(f"noise has the shape {tuple(noise.shape)} for {len(t)} times and a state {tuple(x0.shape)}")
    path = [x0]
    for k, dt in enumerate(steps):
        x = path[-1]
        dw = dt.sqrt() * noise[k]
        correction = g(x, t[k]) * dg(x, t[k]) * (dw**2 - dt) / 2
        path.append(x + f(x, t[k]) * dt + g(x, t[k]) * dw + correction)
    return torch.stack(path)


def strong_order(errors: Float[Tensor, "n"], dts: Float[Tensor, "n"]) -> Float[Tensor, ""]:
    """The order of a method, read off its errors at several steps.

    E|x_T − x̂_T| ≈ C Δt^p,  so  log error ≈ log C + p log Δt: p is the slope of the least-squares line

    Args:
        errors: the mean error at each step, positive.
        dts: the steps Δt, positive, in any order, at least two of them different.

    Returns:
        p, a 0-d tensor in the dtype of the inputs.

    Raises:
        ValueError: the shapes differ, an error or a step is not positive, or all steps are equal.

    Source: Kloeden & Platen 1992, section 9.6; agrees with `numpy.polyfit` of the logarithms.
    """
    if errors.shape != dts.shape:
        raise ValueError(f"errors {tuple(errors.shape)} and dts {tuple(dts.shape)} differ in shape")
    if not ((errors > 0).all() and (dts > 0).all()):
        raise ValueError("errors and steps must be positive to have logarithms")
    if dts.min() == dts.max():
        raise ValueError("a slope needs two different steps")
    centred = dts.log() - dts.log().mean()
    return (centred * errors.log()).sum() / (centred**2).sum()


def vp_sde_marginal(
    x0: Float[Tensor, "*shape"], beta_min: float, beta_max: float, t: Float[Tensor, ""] | Float[Tensor, "batch"]
) -> tuple[Float[Tensor, "*shape"], Tensor]:
    """Where the variance-preserving SDE of diffusion models has brought x0 by the time t, in one jump.

    dx = −½ β(t) x dt + √β(t) dw,  β(t) = β_min + t (β_max − β_min)                 (12.2)
    x_t | x_0 ~ N(x_0 exp(−½ B(t)), 1 − exp(−B(t))),  B(t) = ∫₀ᵗ β(s) ds

    Args:
        x0: data. With a `t` for each sample its first dimension counts the samples.
        beta_min: β(0), positive.
        beta_max: β(1).
        t: a time for all, 0-d, or one for each sample; not negative.

    Returns:
        the mean, of the shape of `x0`, and the standard deviation, of a shape that broadcasts against it. Both in the
        dtype of `x0`; the standard deviation is accurate relative to its value for tiny t too.

    Raises:
        ValueError: a time is negative.

    Source: Song et al. 2021, arXiv:2011.13456, equation 33.
    """
    if (t < 0).any():
        raise ValueError("a time is negative")
    t = t.reshape(t.shape + (1,) * (x0.dim() - t.dim()))
    integral = beta_min * t + (beta_max - beta_min) * t**2 / 2
    return x0 * torch.exp(-integral / 2), torch.sqrt(-torch.expm1(-integral))


def reverse_sde_step(
    x: Float[Tensor, "*shape"],
    t: Float[Tensor, ""],
    dt: float | Tensor,
    f: Callable[[Tensor, Tensor], Tensor],
    g: Callable[[Tensor], Tensor],
    score: Callable[[Tensor, Tensor], Tensor],
    noise: Float[Tensor, "*shape"],
) -> Float[Tensor, "*shape"]:
    """One step of Euler and Maruyama back in time, from t to t − dt.

    dx = f(x, t) dt + g(t) dw has the reverse  dx = [f(x, t) − g(t)² ∇ log p_t(x)] dt + g(t) dw̄      (12.2)
    where time runs backwards: over a step it changes by −dt, and w̄ is a Wiener process again.

    Args:
        x: the state at time t.
        t: the time, 0-d, at which all coefficients are taken.
        dt: the length of the step, a number or 0-d tensor; more than 0, though time goes backwards.
        f: the drift of the forward SDE, a function of state and time.
        g: its diffusion, a function of the time.
        score: ∇ log p_t(x), a function of state and time.
        noise: ε, standard normal numbers, one for each element; it is added.

    Returns:
        the state at time t − dt, the shape and dtype of `x`.

    Raises:
        ValueError: `dt` is not positive, or `noise` has another shape than `x`.

    Source: Anderson 1982; Song et al. 2021, arXiv:2011.13456, equation 6.
    """
    if not dt > 0:
        raise ValueError(f"dt must be positive, got {dt}")
    if noise.shape != x.shape:
        raise ValueError(f"noise {tuple(noise.shape)} and x {tuple(x.shape)} differ in shape")
    drift = f(x, t) - g(t) ** 2 * score(x, t)
    return x - drift * dt + g(t) * dt**0.5 * noise


def probability_flow_step(
    x: Float[Tensor, "*shape"],
    t: Float[Tensor, ""],
    dt: float | Tensor,
    f: Callable[[Tensor, Tensor], Tensor],
    g: Callable[[Tensor], Tensor],
    score: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, "*shape"]:
    """One Euler step back in time, from t to t − dt, along the ODE that has the same marginals as the SDE.

    dx = f(x, t) dt + g(t) dw has the marginals p_t of  dx = [f(x, t) − ½ g(t)² ∇ log p_t(x)] dt      (12.2)

    Args:
        x: the state at time t.
        t: the time, 0-d, at which all coefficients are taken.
        dt: the length of the step, a number or 0-d tensor; more than 0, though time goes backwards.
        f: the drift of the forward SDE, a function of state and time.
        g: its diffusion, a function of the time.
        score: ∇ log p_t(x), a function of state and time.

    Returns:
        the state at time t − dt, the shape and dtype of `x`.

    Raises:
        ValueError: `dt` is not positive.

    Source: Song et al. 2021, arXiv:2011.13456, equation 13.
    """
    if not dt > 0:
        raise ValueError(f"dt must be positive, got {dt}")
    velocity = f(x, t) - g(t) ** 2 * score(x, t) / 2
    return x - velocity * dt
