"""Reference answers of chapter 21, guidance and flow matching."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def classifier_free_guidance(
    eps_uncond: Float[Tensor, "*shape"], eps_cond: Float[Tensor, "*shape"], guidance_scale: float | Float[Tensor, ""]
) -> Float[Tensor, "*shape"]:
    """Push a prediction away from what the model says without a prompt, towards what it says with one.

    ε̂ = ε(x_t, ∅) + w · (ε(x_t, c) − ε(x_t, ∅))                                      (21.1)

    Args:
        eps_uncond: ε(x_t, ∅), the prediction without the prompt; any shape.
        eps_cond: ε(x_t, c), the prediction with the prompt c; the same shape.
        guidance_scale: w, a number, or a 0-d tensor, which then gets a gradient, too: 0 is the unconditional model,
            1 the conditional one, more than 1 amplifies the prompt, less than 0 repels it.

    Returns:
        the guided prediction, of the shape and dtype of the others.

    Raises:
        ValueError: the two predictions differ in shape.

    Source: Atlas 21.1; Ho and Salimans 2022, arXiv:2207.12598, whose w is one less; agrees with `torch.lerp`.
    """
    if eps_uncond.shape != eps_cond.shape:
        raise ValueError(f"the predictions differ in shape: {tuple(eps_uncond.shape)} and {tuple(eps_cond.shape)}")
    return eps_uncond + guidance_scale * (eps_cond - eps_uncond)


def rectified_flow_interpolate(
    x0: Float[Tensor, "*shape"], x1: Float[Tensor, "*shape"], t: float | Float[Tensor, "*batch"]
) -> Float[Tensor, "*shape"]:
    """Where a point stands at time t on the straight line from noise to data.

    X_t = t X_1 + (1 − t) X_0,  t ∈ [0, 1]                                           (21.2)

    Args:
        x0: noise: a batch of samples along the first dimension, with features of any shape behind it.
        x1: data, the same shape; sample i of the one is the partner of sample i of the other.
        t: the time: a number, a 0-d tensor, or a tensor (batch,) with a time for each sample.

    Returns:
        X_t, the shape and dtype of `x0`: exactly `x0` at t = 0 and exactly `x1` at t = 1, whatever their sizes.
        Differentiable by both ends and by a time that is a tensor.

    Raises:
        ValueError: `x0` and `x1` differ in shape, or `t` is a tensor of another shape than () and (batch,).

    Source: Atlas 21.2; Liu, Gong and Liu 2022, arXiv:2209.03003; agrees with `torch.lerp`.
    """
    if x0.shape != x1.shape:
        raise ValueError(f"noise {tuple(x0.shape)} and data {tuple(x1.shape)} differ in shape")
    if isinstance(t, Tensor) and t.dim() > 0:
        if t.shape != x0.shape[:1]:
            raise ValueError(f"t {tuple(t.shape)} has not one time for each of {len(x0)} samples")
        t = t.reshape(t.shape + (1,) * (x0.dim() - 1))
    return t * x1 + (1 - t) * x0


def rectified_flow_loss(
    model: Callable[[Tensor, float | Tensor], Tensor],
    x0: Float[Tensor, "batch *features"],
    x1: Float[Tensor, "batch *features"],
    t: float | Float[Tensor, "*batch"],
) -> Float[Tensor, ""]:
    """How far a model's velocity is from that of the straight lines through its point.

    L = E ‖v_θ(X_t, t) − (X_1 − X_0)‖²                                               (21.3)

    Args:
        model: v_θ; `model(x_t, t)` returns velocities of the shape of `x_t`. It is called once, with `t` as given.
        x0: noise: a batch of at least one sample, with features of any shape.
        x1: data, the same shape.
        t: the time: a number, a 0-d tensor, or a tensor (batch,) with a time for each sample.

    Returns:
        a 0-d tensor: the squared norm, summed over the features, averaged over the samples.

    Raises:
        ValueError: `x0` and `x1` differ in shape, `t` is a tensor of another shape than () and (batch,), or what
            the model returns has another shape than `x0`.

    Source: Atlas 21.3; Liu, Gong and Liu 2022, arXiv:2209.03003.
    """
    velocity = model(rectified_flow_interpolate(x0, x1, t), t)
    if velocity.shape != x0.shape:
        raise ValueError(f"the model returned {tuple(velocity.shape)} for points of shape {tuple(x0.shape)}")
    return (velocity - (x1 - x0)).square().sum() / len(x0)


def euler_sample(
    velocity: Callable[[Tensor, Tensor], Tensor], x0: Float[Tensor, "*shape"], steps: int
) -> Float[Tensor, "*shape"]:
    """Follow a velocity from t = 0 to t = 1 by Euler's method: straight on for a step, then look again.

    x_{k+1} = x_k + h v(x_k, t_k),  h = 1/steps,  t_k = k h                          (the ODE of 21.3)

    Args:
        velocity: v; `velocity(x, t)` gets a point of the shape of `x0` and a 0-d tensor t of the dtype of `x0`,
            and returns the shape of `x0`. It is called once a step.
        x0: where to start, noise; any shape.
        steps: how many equal steps to take, at least 1.

    Returns:
        the point at t = 1, the shape and dtype of `x0`; differentiable.

    Raises:
        ValueError: `steps` is less than 1.

    Source: Atlas 21.3, whose ODE is dx/dt = v(x, t); Hairer, Nørsett and Wanner, Solving ODEs I, §I.7.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    x = x0
    for k in range(steps):
        x = x + velocity(x, x0.new_tensor(k / steps)) / steps
    return x


def heun_sample(
    velocity: Callable[[Tensor, Tensor], Tensor], x0: Float[Tensor, "*shape"], steps: int
) -> Float[Tensor, "*shape"]:
    """Follow a velocity from t = 0 to t = 1 by Heun's method: with the mean of the slopes at both ends of a step.

    s_0 = v(x_k, t_k),  s_1 = v(x_k + h s_0, t_{k+1}),  x_{k+1} = x_k + h (s_0 + s_1)/2,  h = 1/steps,  t_k = k h

    Args:
        velocity: v; `velocity(x, t)` gets a point of the shape of `x0` and a 0-d tensor t of the dtype of `x0`,
            and returns the shape of `x0`. It is called twice in every step, the last one included.
        x0: where to start, noise; any shape.
        steps: how many equal steps to take, at least 1.

    Returns:
        the point at t = 1, the shape and dtype of `x0`; differentiable.

    Raises:
        ValueError: `steps` is less than 1.

    Source: Hairer, Nørsett and Wanner, Solving ODEs I, §II.1; Karras et al. 2022, arXiv:2206.00364, Algorithm 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    x = x0
    for k in range(steps):
        start = velocity(x, x0.new_tensor(k / steps))
        end = velocity(x + start / steps, x0.new_tensor((k + 1) / steps))
        x = x + (start + end) / (2 * steps)
    return x


def reflow_pairs(
    velocity: Callable[[Tensor, Tensor], Tensor], x0: Float[Tensor, "*shape"], steps: int
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """Pair each noise with the sample that the flow makes of it: the training data of the next flow.

    (X_0, Z_1),  Z_1 the end point of dZ/dt = v(Z, t), Z_0 = X_0, by Euler's method in equal steps

    Args:
        velocity: v; `velocity(x, t)` gets a point of the shape of `x0` and a 0-d tensor t of the dtype of `x0`.
        x0: noise, any shape.
        steps: how many steps of Euler's method, at least 1.

    Returns:
        x0, z1: the noise and the end points in the same order, ordinary tensors that any model can be trained on.
        Neither of them requires a gradient, nor does any point that `velocity` is given: no graph is recorded.

    Raises:
        ValueError: `steps` is less than 1.

    Source: Liu, Gong and Liu 2022, arXiv:2209.03003, §2.1.
    """
    with torch.no_grad():
        return x0.detach(), euler_sample(velocity, x0.detach(), steps)


def straightness(
    velocity: Callable[[Tensor, Tensor], Tensor], x0: Float[Tensor, "batch *features"], steps: int
) -> Float[Tensor, ""]:
    """How much a flow's paths bend: the squared distance of the velocity on a path from the path's own average.

    S = E ∫₀¹ ‖(Z_1 − Z_0) − v(Z_t, t)‖² dt

    Args:
        velocity: v; `velocity(x, t)` gets a point of the shape of `x0` and a 0-d tensor t of the dtype of `x0`.
        x0: Z_0, where the paths start: a batch of at least one sample, with features of any shape.
        steps: how many steps of Euler's method make a path from Z_0 to Z_1, at least 1. The integral is the mean
            over these steps, each with the velocity at its beginning.

    Returns:
        a 0-d tensor: the squared norm summed over the features, averaged over steps and samples; 0 if every path
        is straight and its speed constant. Differentiable.

    Raises:
        ValueError: `steps` is less than 1.

    Source: Liu, Gong and Liu 2022, arXiv:2209.03003, §2.2.
    """
    slopes = []

    def remembered(x: Tensor, t: Tensor) -> Tensor:
        slopes.append(velocity(x, t))
        return slopes[-1]

    z1 = euler_sample(remembered, x0, steps)
    return ((z1 - x0) - torch.stack(slopes)).square().sum() / (steps * len(x0))
