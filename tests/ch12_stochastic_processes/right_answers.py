"""Right answers to chapter 12 that look nothing like the reference; the tests must accept them."""

import itertools

import torch

from autograder.cases import right


@right("wiener_path")
def as_the_product_with_a_triangle_of_ones(noise, dt):
    """All sums at once: a triangular matrix of ones times the noise."""
    if dt <= 0:
        raise ValueError(dt)
    steps = noise.shape[0]
    triangle = torch.ones(steps + 1, steps, dtype=noise.dtype).tril(-1)
    return torch.einsum("ks,s...->k...", triangle, noise) * (dt**0.5)


@right("wiener_path")
def one_step_after_another(noise, dt):
    """A running sum by itertools, with a root that takes numbers and tensors."""
    root = torch.as_tensor(dt, dtype=noise.dtype).sqrt()
    if not root > 0:
        raise ValueError(dt)
    start = torch.zeros(noise.shape[1:], dtype=noise.dtype)
    return torch.stack(list(itertools.accumulate(noise, lambda w, z: w + root * z, initial=start)))


@right("euler_maruyama")
def recursively(f, g, x0, t, noise):
    """The first step, then the rest of the path by the function itself."""
    if t.dim() != 1 or noise.shape[1:] != x0.shape or len(noise) != len(t) - 1:
        raise ValueError("shapes")
    if len(t) == 1:
        return x0[None]
    dt = t[1] - t[0]
    if dt <= 0:
        raise ValueError("times")
    x1 = x0 + g(x0, t[0]) * (dt**0.5 * noise[0]) + dt * f(x0, t[0])
    return torch.cat([x0[None], euler_maruyama(f, g, x1, t[1:], noise[1:])])


@right("euler_maruyama")
def with_the_increments_of_the_path_first(f, g, x0, t, noise):
    """The Wiener increments of all steps at once, then a loop over them."""
    spans = t[1:] - t[:-1]
    if (spans <= 0).any() or len(spans) != len(noise) or noise[:0].shape != x0.new_zeros(0, *x0.shape).shape:
        raise ValueError("times or noise")
    increments = torch.einsum("s,s...->s...", spans.to(x0.dtype).sqrt(), noise)
    x, path = x0, x0.unsqueeze(0)
    for s, dw in zip(range(len(spans)), increments, strict=True):
        x = torch.addcmul(x + f(x, t[s]) * spans[s], g(x, t[s]) * torch.ones_like(x), dw)
        path = torch.cat([path, x.unsqueeze(0)])
    return path


@right("ornstein_uhlenbeck_moments")
def with_a_hyperbolic_sine(x0, theta, mu, sigma, t):
    """(1 − e^{−2θt}) / 2θ = t e^{−θt} sinh(θt) / θt, with the series of φ(z) = (1 − e^{−z}) / z near 0."""
    if bool(torch.any(t < 0)):
        raise ValueError("negative time")
    decay = torch.exp(-theta * t)
    z = 2 * theta * t
    near = z.abs() < 1e-5
    safe = torch.where(near, torch.ones_like(z), z)
    ratio = torch.where(near, 1 - z / 2 + z * z / 6, -torch.expm1(-safe) / safe)
    return x0 * decay + mu * (1 - decay), sigma * sigma * t * ratio


@right("ornstein_uhlenbeck_moments")
def as_an_exponential_of_a_matrix(x0, theta, mu, sigma, t):
    """E − μ and Var with their own linear equation, in double precision."""
    if t.numel() and t.min() < 0:
        raise ValueError("negative time")
    wide = t.double().clamp(max=1e6)
    rates = torch.tensor([[-2 * theta, sigma**2], [0, 0]], dtype=torch.float64)
    variance = torch.linalg.matrix_exp(rates * wide[..., None, None])[..., 0, 1]
    return torch.lerp(x0, torch.full_like(x0, mu), (-torch.expm1(-theta * wide)).to(x0.dtype)), variance.to(t.dtype)


@right("milstein")
def with_the_derivative_inside_a_square(f, g, dg, x0, t, noise):
    """½ g g′ ΔW² + g ΔW as g ΔW (1 + ½ g′ ΔW), and the −Δt in the drift."""
    spans = torch.diff(t)
    if spans.numel() and spans.min() <= 0:
        raise ValueError("times")
    if tuple(noise.shape) != (spans.numel(), *x0.shape):
        raise ValueError("noise")
    path = [x0]
    for start, span, z in zip(t, spans, noise, strict=False):
        x = path[-1]
        dw, b, slope = z * span**0.5, g(x, start), dg(x, start)
        path.append(x + b * dw * (1 + slope * dw / 2) + span * (f(x, start) - b * slope / 2))
    return torch.stack(path)


@right("strong_order")
def as_a_ratio_of_a_covariance_and_a_variance(errors, dts):
    """The covariance matrix of the two logarithms."""
    if errors.numel() != dts.numel() or dts.min() == dts.max() or min(errors.min(), dts.min()) <= 0:
        raise ValueError("points")
    matrix = torch.cov(torch.stack([torch.log2(dts), torch.log2(errors)]))
    return matrix[0, 1] / matrix[0, 0]


@right("strong_order")
def as_a_mean_over_all_pairs(errors, dts):
    """The slopes between all pairs of points, weighted by the squares of their distances."""
    x, y = dts.log(), errors.log()
    if len(x) != len(y) or not bool(torch.isfinite(torch.cat([x, y])).all()):
        raise ValueError("points")
    run, rise = x[:, None] - x, y[:, None] - y
    if not run.abs().max() > 0:
        raise ValueError("one step only")
    return (run * rise).sum() / run.square().sum()


@right("vp_sde_marginal")
def from_the_square_of_the_mean_factor(x0, beta_min, beta_max, t):
    """The squares of factor and deviation add up to 1; the deviation keeps the shape of a 0-d time."""
    if bool((t < 0).any()):
        raise ValueError("negative time")
    half = -t * (beta_min + (beta_min + t * (beta_max - beta_min))) / 4  # the trapezoid of β, halved
    for _ in range(x0.dim() - 1 if t.dim() else 0):
        half = half.unsqueeze(-1)
    return x0 * half.exp(), (-(2 * half).expm1()) ** 0.5


@right("reverse_sde_step")
def as_a_forward_step_in_reversed_time(x, t, dt, f, g, score, noise):
    """In the time s = T − t the drift is g² ∇log p − f and the step goes forwards."""
    dt = torch.as_tensor(dt, dtype=x.dtype)
    if not bool(dt > 0) or x.shape != noise.shape:
        raise ValueError("step or noise")
    b = g(t)
    return torch.add(x, dt * (b * b * score(x, t) - f(x, t))) + torch.sqrt(dt) * b * noise


@right("probability_flow_step")
def as_the_mean_of_two_drifts(x, t, dt, f, g, score):
    """The mean of the forward drift and the drift of the reverse SDE."""
    if dt <= 0:
        raise ValueError("step")
    forward = f(x, t)
    reverse = forward - g(t).square() * score(x, t)
    return x - torch.lerp(forward, reverse, 0.5) * dt
