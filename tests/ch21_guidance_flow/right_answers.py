"""Right answers to chapter 21 that look nothing like the reference; the tests must accept them."""

from itertools import pairwise

import torch

from autograder.cases import right


@right("classifier_free_guidance")
def as_a_weighted_sum_of_both_predictions(eps_uncond, eps_cond, guidance_scale):
    """Collects the terms: (1 − w) of the one and w of the other."""
    if eps_uncond.size() != eps_cond.size():
        raise ValueError("shapes")
    return (1 - guidance_scale) * eps_uncond + guidance_scale * eps_cond


@right("classifier_free_guidance")
def starting_from_the_conditional_prediction(eps_uncond, eps_cond, guidance_scale):
    """Counts the scale from the conditional model, as the paper does: its w is one less."""
    if eps_uncond.size() != eps_cond.size():
        raise ValueError("shapes")
    return eps_cond + (guidance_scale - 1) * (eps_cond - eps_uncond)


@right("rectified_flow_interpolate")
def with_the_sample_dimension_last(x0, x1, t):
    """Moves the samples to the back, where a time for each broadcasts without a reshape."""
    if x0.shape != x1.shape:
        raise ValueError("shapes")
    if not isinstance(t, torch.Tensor) or t.ndim == 0:
        return x0 * (1 - t) + x1 * t
    if t.ndim != 1 or x0.ndim == 0 or len(t) != len(x0):
        raise ValueError("times")
    x0, x1 = x0.movedim(0, -1), x1.movedim(0, -1)
    return (x0 * (1 - t) + x1 * t).movedim(-1, 0)


@right("rectified_flow_interpolate")
def by_einsum_over_the_samples(x0, x1, t):
    """Multiplies every sample by its weight in one einsum."""
    if x0.shape != x1.shape:
        raise ValueError("shapes")
    if not isinstance(t, torch.Tensor) or t.ndim == 0:
        return x0 - t * x0 + t * x1
    if t.shape != x0.shape[:1]:
        raise ValueError("times")
    return torch.einsum("b,b...->b...", 1 - t, x0) + torch.einsum("b,b...->b...", t, x1)


@right("rectified_flow_loss")
def as_the_mean_of_the_norms_squared(model, x0, x1, t):
    """Writes the line out, flattens the features, and takes a vector norm of each sample."""
    if x0.shape != x1.shape:
        raise ValueError("shapes")
    weight = torch.as_tensor(t, dtype=x0.dtype)
    if weight.ndim and weight.shape != (len(x0),):
        raise ValueError("times")
    column = weight.reshape(-1, 1)
    points = (column * x1.reshape(len(x0), -1) + (1 - column) * x0.reshape(len(x0), -1)).reshape(x0.shape)
    velocity = model(points, t)
    if velocity.shape != x1.shape:
        raise ValueError("the model's shape")
    return torch.linalg.vector_norm((velocity + x0 - x1).reshape(len(x0), -1), dim=1).pow(2).mean()


@right("rectified_flow_loss")
def by_the_mean_over_all_numbers_times_their_number(model, x0, x1, t):
    """The library's mean over all elements, times the number of features."""
    if x0.shape != x1.shape:
        raise ValueError("shapes")
    if torch.is_tensor(t) and t.ndim:
        if t.shape != x0.shape[:1]:
            raise ValueError("times")
        points = torch.stack([a + s * (b - a) for a, b, s in zip(x0, x1, t, strict=True)])
    else:
        points = x0 + t * (x1 - x0)
    velocity = model(points, t)
    if velocity.shape != x1.shape:
        raise ValueError("the model's shape")
    return torch.nn.functional.mse_loss(velocity, x1 - x0) * x0[0].numel()


@right("euler_sample")
def by_calling_itself_for_the_steps_before(velocity, x0, steps):
    """The last step after all the others, which a nested function takes."""
    if steps <= 0:
        raise ValueError("steps")

    def after(k):
        if k == 0:
            return x0
        x = after(k - 1)
        return torch.add(x, velocity(x, torch.as_tensor((k - 1) / steps, dtype=x0.dtype)), alpha=1 / steps)

    return after(steps)


@right("euler_sample")
def over_a_grid_of_times(velocity, x0, steps):
    """Walks along a grid made by linspace, each step as long as the grid says."""
    if steps < 1:
        raise ValueError("steps")
    grid = torch.linspace(0, 1, steps + 1, dtype=x0.dtype)
    moved = torch.zeros_like(x0)
    for k, length in enumerate(grid.diff()):
        moved = moved + length * velocity(x0 + moved, grid[k])
    return x0 + moved


@right("heun_sample")
def as_a_correction_of_an_euler_step(velocity, x0, steps):
    """Takes Euler's step and then mends it by half of the change of the slope."""
    if steps < 1:
        raise ValueError("steps")
    h, x = 1 / steps, x0
    for k in range(steps):
        t = torch.tensor(k * h, dtype=x0.dtype)
        slope = velocity(x, t)
        guess = x + h * slope
        x = guess + h / 2 * (velocity(guess, torch.tensor((k + 1) * h, dtype=x0.dtype)) - slope)
    return x


@right("heun_sample")
def as_the_mean_of_an_euler_step_and_two_euler_steps(velocity, x0, steps):
    """The mean of where the step begins and where two full Euler steps from there arrive."""
    if steps < 1:
        raise ValueError("steps")
    times = torch.arange(steps + 1, dtype=x0.dtype) / steps
    x = x0
    for now, later in pairwise(times):
        ahead = x + velocity(x, now) / steps
        beyond = ahead + velocity(ahead, later) / steps
        x = (x + beyond) / 2
    return x


@right("reflow_pairs")
def detached_after_every_step(velocity, x0, steps):
    """Writes Euler's method out and cuts the graph at every point."""
    if steps < 1:
        raise ValueError("steps")
    noise = x0.detach().clone()
    z = noise
    for k in range(steps):
        z = (z + velocity(z, torch.tensor(k / steps, dtype=z.dtype)).detach() / steps).detach()
    return noise, z


@right("straightness")
def by_walking_the_path_twice(velocity, x0, steps):
    """First to the end, then along the same path again, comparing."""
    if steps < 1:
        raise ValueError("steps")

    def walk():
        x, h = x0, 1 / steps
        for k in range(steps):
            v = velocity(x, torch.tensor(k * h, dtype=x0.dtype))
            yield v
            x = x + h * v

    chord = sum(walk()) / steps
    total = sum((chord - v).reshape(len(x0), -1).pow(2).sum(1) for v in walk())
    return total.mean() / steps


@right("straightness")
def as_the_variance_of_the_slopes_over_time(velocity, x0, steps):
    """Euler's slopes average to z1 − x0, so S is their variance over time, summed over features."""
    if steps < 1:
        raise ValueError("steps")
    x, slopes = x0, []
    for k in range(steps):
        slopes.append(velocity(x, torch.full((), k / steps, dtype=x0.dtype)))
        x = x + slopes[-1] / steps
    return torch.stack(slopes).var(dim=0, correction=0).reshape(len(x0), -1).sum(1).mean()
