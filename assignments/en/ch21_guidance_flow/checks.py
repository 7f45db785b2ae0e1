"""The visible checks of chapter 21: what a student sees on pressing check. Draws are fixed and public."""

import torch

from autograder.cases import Rules, case
from autograder.operations import vjp

RULES = {
    "classifier_free_guidance": Rules(forbids=("*lerp*",)),
    "rectified_flow_interpolate": Rules(forbids=("*lerp*",)),
}


def line_by_lerp(x0, x1, t):
    """What `rectified_flow_interpolate` is, by torch.lerp, which wants one weight for every number."""
    if isinstance(t, torch.Tensor) and t.dim() == 1:
        t = torch.stack([time.expand(x0.shape[1:]) for time in t]) if len(t) else x0
    return torch.lerp(x0, x1, t)


def loss_by_distances(model, x0, x1, t):
    """What `rectified_flow_loss` is, from the distance of each sample's velocity to its target."""
    pairs = zip(model(line_by_lerp(x0, x1, t), t), x1 - x0, strict=True)
    return torch.stack([torch.dist(velocity, target) ** 2 for velocity, target in pairs]).mean()


def rotation_and_growth(draw):
    """A velocity that is linear in the point and does not depend on time: paths are spirals."""
    matrix = draw.normal(3, 3)
    return lambda x, t: x @ matrix


def growth_of_a_step(velocity, x0, steps, order):
    """Of a linear velocity x ↦ xA: the Taylor polynomial of exp(A/steps) of this order, and A itself."""
    identity = torch.eye(x0.shape[-1], dtype=x0.dtype)
    matrix = velocity(identity, torch.zeros((), dtype=x0.dtype))
    scaled = matrix / steps
    return identity + scaled + (order - 1) * scaled @ scaled / 2, matrix


def euler_on_a_linear_field(velocity, x0, steps):
    """What `euler_sample` is where the velocity is linear: a power of a matrix."""
    return x0 @ torch.linalg.matrix_power(growth_of_a_step(velocity, x0, steps, 1)[0], steps)


def heun_on_a_linear_field(velocity, x0, steps):
    """What `heun_sample` is where the velocity is linear: a power of a matrix."""
    return x0 @ torch.linalg.matrix_power(growth_of_a_step(velocity, x0, steps, 2)[0], steps)


def pairs_of_a_linear_field(velocity, x0, steps):
    """What `reflow_pairs` returns where the velocity is linear."""
    return x0, euler_on_a_linear_field(velocity, x0, steps)


def straightness_of_a_linear_field(velocity, x0, steps):
    """What `straightness` is where the velocity is linear: by the powers of a matrix M, and A = steps · (M − 1)."""
    growth, matrix = growth_of_a_step(velocity, x0, steps, 1)
    power, total = torch.eye(x0.shape[-1], dtype=x0.dtype), 0
    for _ in range(steps):
        gap = torch.linalg.matrix_power(growth, steps) - torch.eye(len(power), dtype=x0.dtype) - power @ matrix
        total, power = total + torch.linalg.matrix_norm(x0 @ gap) ** 2, power @ growth
    return total / steps / x0.shape[0]


def straightness_of_a_uniform_acceleration(velocity, x0, steps):
    """What `straightness` is where the velocity is at: ‖a‖² times the variance of 0, 1/n, …, (n − 1)/n."""
    acceleration = velocity(x0, torch.ones((), dtype=x0.dtype))[0]
    return acceleration.dot(acceleration) * (steps**2 - 1) / (12 * steps**2)


@case("classifier_free_guidance", agrees_with=torch.lerp)
def a_scale_of_seven_and_a_half(classifier_free_guidance, draw):
    """w = 7.5"""
    return classifier_free_guidance(draw.normal(3, 5), draw.normal(3, 5), 7.5)


@case("classifier_free_guidance", agrees_with=torch.lerp)
def zero_is_the_unconditional_and_one_the_conditional_model(classifier_free_guidance, draw):
    """w = 0 是无条件模型，w = 1 是有条件模型"""
    eps_uncond, eps_cond = draw.normal(3, 5), draw.normal(3, 5)
    return [classifier_free_guidance(eps_uncond, eps_cond, scale) for scale in (0.0, 1.0)]


@case("rectified_flow_interpolate", agrees_with=line_by_lerp)
def one_time_for_all_samples(rectified_flow_interpolate, draw):
    """所有样本共用一个时间"""
    return rectified_flow_interpolate(draw.normal(3, 5), draw.normal(3, 5), 0.3)


@case("rectified_flow_interpolate", agrees_with=line_by_lerp)
def a_time_for_each_sample(rectified_flow_interpolate, draw):
    """每个样本有自己的时间"""
    return rectified_flow_interpolate(draw.normal(4, 3), draw.normal(4, 3), draw.uniform(4))


@case("rectified_flow_loss", agrees_with=loss_by_distances)
def a_linear_model_at_one_time(rectified_flow_loss, draw):
    """线性模型，同一个时间"""
    weight = draw.normal(5, 5)
    return rectified_flow_loss(lambda x, t: x @ weight * t, draw.normal(3, 5), draw.normal(3, 5), 0.3)


@case("rectified_flow_loss", agrees_with=loss_by_distances)
def a_bent_model_with_a_time_for_each_sample(rectified_flow_loss, draw):
    """非线性模型，每个样本有自己的时间"""
    weight = draw.normal(3, 3)
    x0, x1, t = draw.normal(4, 3), draw.normal(4, 3), draw.uniform(4)
    return rectified_flow_loss(lambda x, t: torch.tanh(x @ weight) + t[:, None], x0, x1, t)


@case("rectified_flow_loss", facet="gradient", agrees_with=loss_by_distances)
def the_gradient_by_noise_and_data(rectified_flow_loss, draw):
    """对噪声和数据的梯度"""
    weight = draw.normal(3, 3)
    model = lambda x, t: torch.tanh(x @ weight)  # noqa: E731
    return vjp(rectified_flow_loss, model, draw.normal(4, 3), draw.normal(4, 3), draw.uniform(4), cotangent=draw)


@case("euler_sample", agrees_with=euler_on_a_linear_field)
def four_steps_along_a_spiral(euler_sample, draw):
    """沿螺旋线走四步"""
    return euler_sample(rotation_and_growth(draw), draw.normal(5, 3), 4)


@case("euler_sample", expected=torch.tensor([16.0, 0.75, 3.0]))
def four_steps_where_the_answer_is_known(euler_sample, draw):
    """四步，答案已知"""
    # (1 + 12/4)(1 + 4/4)(1 + 4/4)(1 + 0/4) by the rates 12, 4, 4, 0; 2·(0 + 1 + 2 + 3)/16; 3 all the way
    rates = torch.tensor([12.0, 4.0, 4.0, 0.0], dtype=draw.dtype)
    moved = torch.tensor([1.0, 0.0, 0.0], dtype=draw.dtype)

    def velocity(x, t):
        rate = rates[round(4 * float(t)) % 4]
        return torch.stack([rate * x[0], 2 * t, torch.full_like(t, 3)])

    return euler_sample(velocity, moved, 4)


@case("heun_sample", agrees_with=heun_on_a_linear_field)
def four_averaged_steps_along_a_spiral(heun_sample, draw):
    """沿螺旋线走四步，每步取平均斜率"""
    return heun_sample(rotation_and_growth(draw), draw.normal(5, 3), 4)


@case("heun_sample", expected=torch.tensor([2.5, 1.0, 3.0]))
def one_step_where_the_answer_is_known(heun_sample, draw):
    """一步，答案已知"""
    # x' = x from 1: slopes 1 and 2; x' = 2t from 0: slopes 0 and 2; x' = 3 from 0
    start = torch.tensor([1.0, 0.0, 0.0], dtype=draw.dtype)
    return heun_sample(lambda x, t: torch.stack([x[0], 2 * t, torch.full_like(t, 3)]), start, 1)


@case("reflow_pairs", agrees_with=pairs_of_a_linear_field)
def each_noise_keeps_its_own_end_point(reflow_pairs, draw):
    """每个噪声配自己的终点"""
    return reflow_pairs(rotation_and_growth(draw), draw.normal(5, 3), 4)


@case("straightness", agrees_with=straightness_of_a_linear_field)
def spirals_are_not_straight(straightness, draw):
    """螺旋线不是直的"""
    return straightness(rotation_and_growth(draw), draw.normal(5, 3), 4)


@case("straightness", agrees_with=straightness_of_a_uniform_acceleration)
def a_flow_that_does_not_turn_but_speeds_up(straightness, draw):
    """方向不变但不断加速的流"""
    direction = draw.normal(3)
    return straightness(lambda x, t: direction * t + 0 * x, draw.normal(5, 3), 8)
