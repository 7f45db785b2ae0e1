"""The hidden cases of chapter 21."""

import math
from itertools import pairwise

import numpy as np
import scipy.integrate
import torch

from autograder.cases import case
from autograder.operations import vjp

FLOAT64 = {"dtypes": (torch.float64,)}

# bfloat16 keeps 8 significant bits, and an answer may round after each of its three operations
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 4e-2}

# float32's own tolerance, without the absolute part that would let any tiny result pass
RELATIVE = {"rtol": 1e-5, "atol": 0.0}


class Here:
    """A function of this file that is run where an answer lives: `answer @ Here(function)` is function(answer).

    A function does not define @, so Python asks this class. What a velocity is asked, and whether a result
    requires a gradient, is seen only there.
    """

    def __init__(self, function):
        self.function = function

    def __call__(self, answer):
        return self.function(answer)

    __rmatmul__ = __call__


# oracles


def line_by_lerp(x0, x1, t):
    """What `rectified_flow_interpolate` is, by torch.lerp on one sample after another."""
    if not isinstance(t, torch.Tensor) or t.dim() == 0:
        return torch.lerp(x0, x1, t)
    rows = [torch.lerp(noise, data, time) for noise, data, time in zip(x0, x1, t, strict=True)]
    return torch.stack(rows) if rows else torch.empty_like(x0)


def loss_by_distances(model, x0, x1, t):
    """What `rectified_flow_loss` is, from the distance of each sample's velocity to its target."""
    pairs = zip(model(line_by_lerp(x0, x1, t), t), x1 - x0, strict=True)
    return torch.stack([(velocity.flatten() - target.flatten()).norm() ** 2 for velocity, target in pairs]).mean()


def one_step(method, velocity, x, begin, end):
    """One step of a Runge–Kutta method of at most two stages, and its slopes."""
    first = velocity(x, begin)
    if method == "euler":
        return torch.lerp(x, x + first, end - begin), [first]
    second = velocity(torch.lerp(x, x + first, end - begin), end)
    return torch.lerp(x, x + torch.lerp(first, second, 0.5), end - begin), [first, second]


def path_of(method, velocity, x0, steps):
    """The end point and the slopes of all steps."""
    x, slopes = x0, []
    grid = torch.linspace(0, 1, steps + 1, dtype=x0.dtype)
    for begin, end in pairwise(grid):
        x, found = one_step(method, velocity, x, begin, end)
        slopes += found
    return x, slopes


def euler_by_lerp(velocity, x0, steps):
    """What `euler_sample` is."""
    return path_of("euler", velocity, x0, steps)[0]


def heun_by_lerp(velocity, x0, steps):
    """What `heun_sample` is."""
    return path_of("heun", velocity, x0, steps)[0]


ORACLES = {"euler_sample": euler_by_lerp, "heun_sample": heun_by_lerp}


def pairs_by_lerp(velocity, x0, steps):
    """What `reflow_pairs` returns."""
    with torch.no_grad():
        return x0.detach(), euler_by_lerp(velocity, x0.detach(), steps)


def straightness_of_each_sample(velocity, x0, steps):
    """What `straightness` is, from one norm for each sample and step."""
    z1, slopes = path_of("euler", velocity, x0, steps)
    norms = [(z1 - x0 - slope).reshape(len(x0), -1).norm(dim=1) for slope in slopes]
    return (torch.stack(norms) ** 2).mean()


def solved_by_scipy(velocity, x0, steps):
    """The end point of the flow itself, whatever the number of steps."""

    def slope(t, x):
        return velocity(torch.from_numpy(x).reshape(x0.shape), torch.tensor(t, dtype=x0.dtype)).flatten().numpy()

    found = scipy.integrate.solve_ivp(slope, (0, 1), x0.flatten().numpy(), method="DOP853", rtol=1e-9, atol=1e-9)
    return torch.from_numpy(np.ascontiguousarray(found.y[:, -1])).reshape(x0.shape)


# velocities


def bent(draw, features):
    """A velocity that depends on place and time, so that paths bend."""
    weight, drift = draw.normal(features, features), draw.normal(features)
    return lambda x, t: torch.sin(x @ weight + t * drift) + drift


def elementwise(draw):
    """A velocity of points of any shape."""
    rate, phase = draw.number(1, 2), draw.number(0, 1)
    return lambda x, t: torch.cos(rate * x + 3 * t) + phase * t


def growing(draw):
    """The velocity (α + βt)x, and how much it stretches x from t = 0 to t = 1."""
    alpha, beta = draw.number(0.5, 1), draw.number(0.2, 1)
    return lambda x, t: (alpha + beta * t) * x, math.exp(alpha + beta / 2)


# classifier_free_guidance


@case("classifier_free_guidance", agrees_with=torch.lerp, weight=2)
def scales_below_zero_between_and_above_one(classifier_free_guidance, draw):
    """w 小于 0、在 0 与 1 之间、大于 1"""
    eps_uncond, eps_cond = draw.normal(3, 5), draw.normal(3, 5)
    return [classifier_free_guidance(eps_uncond, eps_cond, scale) for scale in (-2.0, -0.5, 0.25, 1.5, 3, 20.0)]


@case("classifier_free_guidance", agrees_with=torch.lerp, weight=2)
def the_ends_zero_and_one_as_integers(classifier_free_guidance, draw):
    """w 是整数 0 和 1"""
    eps_uncond, eps_cond = draw.normal(2, 7), draw.normal(2, 7)
    return classifier_free_guidance(eps_uncond, eps_cond, 1), classifier_free_guidance(eps_uncond, eps_cond, 0)


@case("classifier_free_guidance", agrees_with=torch.lerp)
def a_random_scale_as_a_tensor(classifier_free_guidance, draw):
    """w 是 0 维张量"""
    return classifier_free_guidance(draw.normal(3, 5), draw.normal(3, 5), draw.uniform(low=2, high=8))


@case("classifier_free_guidance", facet="interface", agrees_with=torch.lerp)
def predictions_of_any_shape(classifier_free_guidance, draw):
    """任意形状的预测"""
    shapes = ((), (1,), (0, 3), (1, 1, 7), (2, 4, 3, 5))
    return [classifier_free_guidance(draw.normal(*s), draw.normal(*s), 2.5) for s in shapes]


@case("classifier_free_guidance", facet="interface", agrees_with=torch.lerp)
def predictions_that_are_views(classifier_free_guidance, draw):
    """不连续的预测"""
    both = draw.normal(2, 3, 5)
    return classifier_free_guidance(draw.strided(both[0]), both.mT[1].mT, 4.0)


@case("classifier_free_guidance", agrees_with=torch.lerp, **ROUNDED)
def predictions_in_bfloat16(classifier_free_guidance, draw):
    """bfloat16 的预测"""
    return classifier_free_guidance(draw.uniform(5, 7), draw.uniform(5, 7, low=-1, high=0), 1.5)


@case("classifier_free_guidance", facet="gradient", agrees_with=torch.lerp)
def gradients_of_both_predictions(classifier_free_guidance, draw):
    """对两个预测的梯度"""
    scale = draw.number(2, 8)
    return vjp(classifier_free_guidance, draw.normal(3, 5), draw.normal(3, 5), scale, cotangent=draw)


@case("classifier_free_guidance", facet="gradient", agrees_with=torch.lerp)
def the_gradient_by_the_scale(classifier_free_guidance, draw):
    """对 w 的梯度"""
    return vjp(
        classifier_free_guidance, draw.normal(3, 5), draw.normal(3, 5), draw.uniform(low=2, high=8), cotangent=draw
    )


@case("classifier_free_guidance", facet="numerics", agrees_with=torch.lerp, **RELATIVE)
def tiny_and_huge_predictions(classifier_free_guidance, draw):
    """极小和极大的预测"""
    # of opposite signs, so that nothing cancels
    return [
        classifier_free_guidance(size * draw.uniform(5, low=1, high=2), -size * draw.uniform(5, low=1, high=2), 7.5)
        for size in (1e-30, 1e30)
    ]


@case("classifier_free_guidance", facet="interface", raises=ValueError)
def a_single_unconditional_prediction_for_many(classifier_free_guidance, draw):
    """用一个无条件预测配一批有条件预测"""
    return classifier_free_guidance(draw.normal(1, 5), draw.normal(3, 5), 2.0)


@case("classifier_free_guidance", facet="interface", raises=ValueError)
def a_conditional_prediction_that_lacks_a_dimension(classifier_free_guidance, draw):
    """有条件预测少一个维度"""
    return classifier_free_guidance(draw.normal(3, 5), draw.normal(5), 2.0)


# rectified_flow_interpolate


@case("rectified_flow_interpolate", agrees_with=line_by_lerp)
def a_number_an_integer_and_a_tensor_as_time(rectified_flow_interpolate, draw):
    """时间是浮点数、整数、0 维张量"""
    x0, x1 = draw.normal(3, 5), draw.normal(3, 5)
    return [rectified_flow_interpolate(x0, x1, t) for t in (0.0, 0.85, 1.0, 0, 1, draw.uniform())]


@case("rectified_flow_interpolate", agrees_with=line_by_lerp, weight=2)
def as_many_samples_as_features(rectified_flow_interpolate, draw):
    """样本数等于特征数"""
    return rectified_flow_interpolate(draw.normal(5, 5), draw.normal(5, 5), draw.uniform(5))


@case("rectified_flow_interpolate", agrees_with=line_by_lerp, weight=2)
def images_with_a_time_for_each(rectified_flow_interpolate, draw):
    """每幅图像有自己的时间"""
    return [
        rectified_flow_interpolate(draw.normal(*shape), draw.normal(*shape), draw.uniform(shape[0]))
        for shape in ((3, 2, 5, 3), (2, 2, 2), (5,))
    ]


@case("rectified_flow_interpolate", facet="interface", agrees_with=line_by_lerp)
def batches_of_one_and_of_none(rectified_flow_interpolate, draw):
    """只有一个样本、没有样本、没有特征"""
    shapes = ((1, 7), (1, 1), (0, 3), (3, 0), (1,))
    return [rectified_flow_interpolate(draw.normal(*s), draw.normal(*s), draw.uniform(s[0])) for s in shapes] + [
        rectified_flow_interpolate(draw.normal(), draw.normal(), 0.3)
    ]


@case("rectified_flow_interpolate", facet="interface", agrees_with=line_by_lerp)
def points_and_times_that_are_views(rectified_flow_interpolate, draw):
    """点和时间都不连续"""
    return rectified_flow_interpolate(
        draw.strided(draw.normal(4, 3)), draw.normal(3, 4).mT, draw.strided(draw.uniform(4))
    )


@case("rectified_flow_interpolate", agrees_with=line_by_lerp, **ROUNDED)
def points_in_bfloat16(rectified_flow_interpolate, draw):
    """bfloat16 的点"""
    x0, x1 = draw.normal(5, 7), draw.normal(5, 7)
    return rectified_flow_interpolate(x0, x1, 0.3), rectified_flow_interpolate(x0, x1, draw.uniform(5))


@case("rectified_flow_interpolate", facet="numerics", agrees_with=line_by_lerp, weight=2, **RELATIVE)
def the_end_of_a_line_from_very_far_away(rectified_flow_interpolate, draw):
    """从很远处出发的直线，终点不丢数字"""
    far, near = draw.normal(5, scale=1e18), draw.uniform(5, low=1, high=2)
    return [
        rectified_flow_interpolate(far, near, 1.0),
        rectified_flow_interpolate(near, far, torch.zeros_like(near)),
        rectified_flow_interpolate(far, near, torch.ones_like(near)),
    ]


@case("rectified_flow_interpolate", facet="numerics", agrees_with=line_by_lerp, **RELATIVE)
def tiny_and_huge_points(rectified_flow_interpolate, draw):
    """极小和极大的点"""
    return [
        rectified_flow_interpolate(size * draw.uniform(5, low=1, high=2), size * draw.uniform(5, low=1, high=2), 0.6)
        for size in (1e-30, 1e30)
    ]


@case("rectified_flow_interpolate", facet="gradient", agrees_with=line_by_lerp)
def gradients_by_both_ends_and_by_the_times(rectified_flow_interpolate, draw):
    """对两端和时间的梯度"""
    return vjp(rectified_flow_interpolate, draw.normal(3, 5), draw.normal(3, 5), draw.uniform(3), cotangent=draw)


@case("rectified_flow_interpolate", facet="gradient", agrees_with=line_by_lerp)
def the_gradient_by_one_time_for_all(rectified_flow_interpolate, draw):
    """对共用时间的梯度"""
    return vjp(rectified_flow_interpolate, draw.normal(3, 5), draw.normal(3, 5), draw.uniform(), cotangent=draw)


@case("rectified_flow_interpolate", facet="interface", raises=ValueError)
def noise_of_one_row_for_many_samples(rectified_flow_interpolate, draw):
    """用一行噪声配一批数据"""
    return rectified_flow_interpolate(draw.normal(1, 5), draw.normal(3, 5), 0.5)


@case("rectified_flow_interpolate", facet="interface", raises=ValueError)
def a_tensor_of_one_time_for_many_samples(rectified_flow_interpolate, draw):
    """只有一个元素的时间张量配一批样本"""
    return rectified_flow_interpolate(draw.normal(3, 5), draw.normal(3, 5), draw.uniform(1))


@case("rectified_flow_interpolate", facet="interface", raises=ValueError)
def a_time_for_each_feature(rectified_flow_interpolate, draw):
    """每个特征一个时间"""
    return rectified_flow_interpolate(draw.normal(3, 5), draw.normal(3, 5), draw.uniform(5))


@case("rectified_flow_interpolate", facet="interface", raises=ValueError)
def times_as_a_column(rectified_flow_interpolate, draw):
    """写成一列的时间"""
    return rectified_flow_interpolate(draw.normal(3, 5), draw.normal(3, 5), draw.uniform(3, 1))


# rectified_flow_loss


@case("rectified_flow_loss", agrees_with=loss_by_distances, weight=2)
def summed_over_features_and_averaged_over_samples(rectified_flow_loss, draw):
    """对特征求和，对样本取平均"""
    found = []
    for batch, features in ((1, 1), (1, 7), (7, 1), (3, 5)):
        weight = draw.normal(features, features)
        x0, x1, t = draw.normal(batch, features), draw.normal(batch, features), draw.uniform(batch)
        found.append(rectified_flow_loss(lambda x, t, weight=weight: torch.tanh(x @ weight) * t[:, None], x0, x1, t))
    return found


@case("rectified_flow_loss", agrees_with=loss_by_distances)
def images_and_plain_numbers(rectified_flow_loss, draw):
    """图像，以及每个样本只有一个数"""
    images = draw.normal(3, 2, 5, 3), draw.normal(3, 2, 5, 3)
    numbers = draw.normal(5), draw.normal(5)
    return (
        rectified_flow_loss(lambda x, t: torch.sin(x) + t[:, None, None, None], *images, draw.uniform(3)),
        rectified_flow_loss(lambda x, t: torch.sin(x) + t, *numbers, draw.uniform(5)),
    )


@case("rectified_flow_loss", agrees_with=loss_by_distances)
def one_time_as_a_number_or_a_tensor(rectified_flow_loss, draw):
    """共用的时间，写成数或 0 维张量"""
    x0, x1 = draw.normal(4, 3), draw.normal(4, 3)
    return [rectified_flow_loss(lambda x, t: torch.sin(3 * x) * (1 + t), x0, x1, t) for t in (0, 0.7, draw.uniform())]


@case("rectified_flow_loss", agrees_with=loss_by_distances)
def a_model_with_one_error_for_all(rectified_flow_loss, draw):
    """每个样本的误差都相同的模型"""
    # then the mean of the errors is not 0, and its square is as large as the mean of the squares
    x0, shift, error = draw.normal(4, 3), draw.normal(3), draw.normal(3)
    return rectified_flow_loss(lambda x, t: (shift + error).expand(4, 3), x0, x0 + shift, draw.uniform(4))


@case("rectified_flow_loss", agrees_with=loss_by_distances)
def a_model_that_knows_the_way_in_all_but_one_feature(rectified_flow_loss, draw):
    """只在一个特征上出错的模型"""
    x0, x1, error = draw.normal(4, 3), draw.normal(4, 3), draw.normal(4)
    target = (x1 - x0).clone()
    target[:, 1] += error
    return rectified_flow_loss(lambda x, t: target, x0, x1, draw.uniform(4))


@case("rectified_flow_loss", facet="interface", agrees_with=loss_by_distances)
def noise_and_data_that_are_views(rectified_flow_loss, draw):
    """噪声和数据都不连续"""
    x0, x1, t = draw.strided(draw.normal(4, 3)), draw.normal(3, 4).mT, draw.strided(draw.uniform(4))
    return rectified_flow_loss(lambda x, t: torch.sin(x) + t[:, None], x0, x1, t)


def asked_of_the_model(loss, x0, x1, t):
    """What a model is asked: points and times of every call."""
    calls = []

    def model(x, time):
        calls.append((x, time))
        return torch.sin(x)

    loss(model, x0, x1, t)
    return calls


@case("rectified_flow_loss", facet="interface", agrees_with=loss_by_distances)
def the_model_is_asked_once_with_the_time_as_given(rectified_flow_loss, draw):
    """只调用模型一次，时间原样传入"""
    x0, x1, times = draw.normal(4, 3), draw.normal(4, 3), (draw.uniform(4), draw.uniform(), 0.25)
    return rectified_flow_loss @ Here(lambda loss: [asked_of_the_model(loss, x0, x1, t) for t in times])


def gradient_by_the_weight(loss, weight, x0, x1, t):
    """The gradient by a parameter of the model."""
    weight = weight.clone().requires_grad_()
    return torch.autograd.grad(loss(lambda x, t: torch.tanh(x @ weight) + t[:, None], x0, x1, t), weight)[0]


@case("rectified_flow_loss", facet="gradient", agrees_with=loss_by_distances, weight=2)
def the_gradient_reaches_the_parameters_of_the_model(rectified_flow_loss, draw):
    """梯度传到模型的参数"""
    weight, x0, x1, t = draw.normal(3, 3), draw.normal(4, 3), draw.normal(4, 3), draw.uniform(4)
    return rectified_flow_loss @ Here(lambda loss: gradient_by_the_weight(loss, weight, x0, x1, t))


@case("rectified_flow_loss", facet="gradient", agrees_with=loss_by_distances)
def gradients_by_noise_data_and_times(rectified_flow_loss, draw):
    """对噪声、数据和时间的梯度"""
    weight, x0, x1, t = draw.normal(3, 3), draw.normal(4, 3), draw.normal(4, 3), draw.uniform(4)
    return vjp(rectified_flow_loss, lambda x, t: torch.tanh(x @ weight) * t[:, None], x0, x1, t, cotangent=draw)


@case("rectified_flow_loss", facet="numerics", agrees_with=loss_by_distances, **RELATIVE)
def tiny_and_huge_distances(rectified_flow_loss, draw):
    """极小和极大的距离"""
    return [
        rectified_flow_loss(lambda x, t: 4 * x, size * draw.normal(3, 5), size * draw.normal(3, 5), 0.5)
        for size in (1e-14, 1e14)
    ]


@case("rectified_flow_loss", facet="interface", raises=ValueError)
def a_model_that_returns_one_number_a_sample(rectified_flow_loss, draw):
    """每个样本只返回一个数的模型"""
    return rectified_flow_loss(lambda x, t: x.sum(1, keepdim=True), draw.normal(3, 5), draw.normal(3, 5), 0.5)


@case("rectified_flow_loss", facet="interface", raises=ValueError)
def a_model_that_adds_a_dimension(rectified_flow_loss, draw):
    """多返回一个维度的模型"""
    return rectified_flow_loss(lambda x, t: x[:, None], draw.normal(3, 5), draw.normal(3, 5), draw.uniform(3))


@case("rectified_flow_loss", facet="interface", raises=ValueError)
def one_row_of_data_for_many_samples(rectified_flow_loss, draw):
    """用一行数据配一批噪声"""
    return rectified_flow_loss(lambda x, t: x, draw.normal(3, 5), draw.normal(1, 5), 0.5)


@case("rectified_flow_loss", facet="interface", raises=ValueError)
def as_many_times_as_features(rectified_flow_loss, draw):
    """时间的个数等于特征数"""
    return rectified_flow_loss(lambda x, t: x, draw.normal(3, 5), draw.normal(3, 5), draw.uniform(5))


# what both samplers must get right


def asked_of_the_velocity(sample, weight, x0, steps):
    """The points and times that a sampler asks for, and the end point."""
    points, times = [], []

    def velocity(x, t):
        points.append(x.detach().clone())
        times.append(t.clone())
        return torch.sin(x @ weight) + t

    end = sample(velocity, x0, steps)
    return {"end": end, "points": points, "times": times}


def marks_of_the_slopes(slopes):
    """A velocity of points with one feature a slope: the k-th call writes into the k-th feature alone."""
    calls = []

    def velocity(x, t):
        calls.append(t)
        mark = torch.zeros_like(x)
        mark[..., (len(calls) - 1) % slopes] = len(calls)
        return mark

    return velocity


def gradient_by_a_parameter(sample, weight, x0, steps, cotangent):
    """The gradient by a parameter of the velocity, through all steps."""
    weight = weight.clone().requires_grad_()
    end = sample(lambda x, t: torch.tanh(x @ weight) + t, x0, steps)
    return torch.autograd.grad(end, weight, cotangent)[0]


def common_cases(exercise, slopes, order, name):
    """The cases of a sampler that takes this many slopes a step."""
    oracle = ORACLES[exercise]

    @case(exercise, agrees_with=oracle, weight=2)
    def one_two_and_seven_steps(sample, draw):
        """一步、两步、七步"""
        velocity, x0 = bent(draw, 3), draw.normal(5, 3)
        return [sample(velocity, x0, steps) for steps in (1, 2, 7)]

    @case(exercise, agrees_with=oracle)
    def a_velocity_that_depends_on_time_alone(sample, draw):
        """只依赖时间的速度"""
        a, b, c = draw.normal(3, 5), draw.normal(3, 5), draw.normal(3, 5)
        return [sample(lambda x, t: a + b * t + c * t**3, draw.normal(3, 5), steps) for steps in (1, 3, 5)]

    @case(exercise, facet="interface", agrees_with=oracle)
    def points_of_any_shape(sample, draw):
        """任意形状的点"""
        velocity = elementwise(draw)
        return [
            sample(velocity, draw.normal(*shape), 3) for shape in ((), (1,), (0, 3), (3, 0), (1, 1, 7), (2, 3, 5, 2))
        ]

    @case(exercise, facet="interface", agrees_with=oracle)
    def a_start_that_is_a_view(sample, draw):
        """起点是不连续的视图"""
        velocity = elementwise(draw)
        return sample(velocity, draw.strided(draw.normal(4, 3)), 3), sample(velocity, draw.normal(3, 4).mT, 3)

    @case(exercise, facet="interface", agrees_with=oracle, weight=2)
    def where_and_when_the_velocity_is_asked(sample, draw):
        """在哪些点、哪些时间调用速度场"""
        weight, x0 = draw.normal(3, 3), draw.normal(4, 3)
        return sample @ Here(lambda sample: asked_of_the_velocity(sample, weight, x0, 5))

    @case(exercise, facet="interface", agrees_with=oracle)
    def the_time_joins_the_features_of_a_network(sample, draw):
        """时间与特征拼在一起送进网络"""
        weight = draw.normal(4, 3)
        return sample(lambda x, t: torch.tanh(torch.cat([x, t.expand(5, 1)], 1) @ weight), draw.normal(5, 3), 4)

    @case(exercise, agrees_with=oracle)
    def every_slope_leaves_its_mark(sample, draw):
        """每个斜率都留下自己的痕迹"""
        # one function serves one sampling, since it counts
        return [
            sample(marks_of_the_slopes(slopes * steps), draw.normal(2, slopes * steps), steps) for steps in (1, 3, 4)
        ]

    @case(exercise, facet="gradient", agrees_with=oracle)
    def the_gradient_by_the_start(sample, draw):
        """对起点的梯度"""
        return vjp(sample, bent(draw, 3), draw.normal(5, 3), 3, cotangent=draw)

    @case(exercise, facet="gradient", agrees_with=oracle)
    def the_gradient_by_a_parameter_of_the_velocity(sample, draw):
        """对速度场参数的梯度"""
        given = draw.normal(3, 3), draw.normal(5, 3), 3, draw.normal(5, 3)
        return sample @ Here(lambda sample: gradient_by_a_parameter(sample, *given))

    @case(exercise, facet="numerics", agrees_with=oracle, **RELATIVE)
    def tiny_and_huge_points_that_grow(sample, draw):
        """极小和极大的点，不断变大"""
        velocity, _ = growing(draw)
        return [sample(velocity, size * draw.uniform(5, low=1, high=2), 4) for size in (1e-30, 1e30)]

    def the_order_of_the_error(sample, draw):
        velocity, stretched = growing(draw)
        x0 = draw.uniform(3, low=1, high=2)
        errors = [(sample(velocity, x0, steps) - stretched * x0).abs().max() for steps in (40, 80)]
        return round(math.log2(errors[0] / errors[1]))

    words = {1: "使误差减半", 2: "使误差减为四分之一"}
    the_order_of_the_error.__name__, the_order_of_the_error.__doc__ = name, f"步数加倍{words[order]}"
    # all slopes are positive and grow with time, so neither error has a zero on the way: see `growing`
    the_order = case(exercise, expected=order, **FLOAT64)(the_order_of_the_error)

    # With 200 steps the error of Euler's method stays below 5e-2 and that of Heun's below 1e-3: the velocity turns by
    # less than 3 a unit of time. A wrong direction, a missing step size or a wrong clock is off by far more.
    near = {1: {"rtol": 5e-2, "atol": 5e-2}, 2: {"rtol": 1e-3, "atol": 1e-3}}[order]

    @case(exercise, agrees_with=solved_by_scipy, **FLOAT64, **near)
    def many_steps_come_near_to_what_scipy_finds(sample, draw):
        """步数很多时接近 SciPy 的解"""
        rate, drift = draw.uniform(3, low=0.5, high=1), draw.normal(3)
        return sample(lambda x, t: torch.sin(rate * x + 2 * t) + drift, draw.normal(2, 3), 200)

    @case(exercise, facet="interface", raises=ValueError)
    def no_steps_are_refused(sample, draw):
        """拒绝零步"""
        return sample(elementwise(draw), draw.normal(3), 0)

    @case(exercise, facet="interface", raises=ValueError)
    def fewer_than_no_steps_are_refused(sample, draw):
        """拒绝负的步数"""
        return sample(elementwise(draw), draw.normal(3), -2)

    return {f"{exercise}_{c.name}": c for c in locals().values() if hasattr(c, "driver")}


globals().update(common_cases("euler_sample", 1, 1, "twice_the_steps_halve_the_error"))
globals().update(common_cases("heun_sample", 2, 2, "twice_the_steps_quarter_the_error"))


def euler_in_closed_form(velocity, x0, steps):
    """The product of the growths of x′ = (1 + t)x in each step of Euler's method."""
    return x0 * math.prod(1 + (1 + k / steps) / steps for k in range(steps))


@case("euler_sample", agrees_with=euler_in_closed_form)
def a_rate_that_grows_with_time_by_its_closed_form(euler_sample, draw):
    """增长率随时间变大，对照闭式解"""
    return euler_sample(lambda x, t: (1 + t) * x, draw.normal(7), draw.integer(3, 9))


def heun_in_closed_form(velocity, x0, steps):
    """The product of the growths of x′ = (1 + t)x in each step of Heun's method."""
    h, rates = 1 / steps, [1 + k / steps for k in range(steps + 1)]
    return x0 * math.prod(1 + h * (a + b) / 2 + h**2 * a * b / 2 for a, b in pairwise(rates))


@case("heun_sample", agrees_with=heun_in_closed_form)
def a_rate_that_rises_with_time_by_its_closed_form(heun_sample, draw):
    """增长率随时间变大，对照闭式解"""
    return heun_sample(lambda x, t: (1 + t) * x, draw.normal(7), draw.integer(3, 9))


# reflow_pairs


@case("reflow_pairs", agrees_with=pairs_by_lerp, weight=2)
def one_step_and_seven(reflow_pairs, draw):
    """一步和七步"""
    velocity, x0 = bent(draw, 3), draw.normal(5, 3)
    return reflow_pairs(velocity, x0, 1), reflow_pairs(velocity, x0, 7)


@case("reflow_pairs", facet="interface", agrees_with=pairs_by_lerp)
def noise_of_any_shape(reflow_pairs, draw):
    """任意形状的噪声"""
    velocity = elementwise(draw)
    return [reflow_pairs(velocity, draw.normal(*shape), 3) for shape in ((1,), (0, 3), (1, 1, 7), (2, 3, 5, 2))]


@case("reflow_pairs", facet="interface", agrees_with=pairs_by_lerp)
def noise_that_is_a_view(reflow_pairs, draw):
    """噪声是不连续的视图"""
    velocity = elementwise(draw)
    return reflow_pairs(velocity, draw.strided(draw.normal(4, 3)), 3), reflow_pairs(velocity, draw.normal(3, 4).mT, 3)


@case("reflow_pairs", facet="numerics", agrees_with=pairs_by_lerp, **RELATIVE)
def tiny_and_huge_noise(reflow_pairs, draw):
    """极小和极大的噪声"""
    velocity, _ = growing(draw)
    return [reflow_pairs(velocity, size * draw.uniform(5, low=1, high=2), 4) for size in (1e-30, 1e30)]


def graphs_of_pairs(pairs, weight, x0, steps):
    """Pairs by a velocity whose weight is trained and from noise that requires a gradient, and who carries a graph."""
    weight = weight.clone().requires_grad_()
    recorded = []

    def velocity(x, t):
        recorded.append(x.requires_grad)
        return torch.tanh(x @ weight) + t

    found = list(pairs(velocity, x0.clone().requires_grad_(), steps))
    return {"pairs": found, "require": [z.requires_grad for z in found], "given": any(recorded)}


@case("reflow_pairs", facet="interface", agrees_with=pairs_by_lerp, weight=2)
def neither_the_pairs_nor_the_way_to_them_has_a_graph(reflow_pairs, draw):
    """点对没有计算图，途中也不记录"""
    weight, x0 = draw.normal(3, 3), draw.normal(5, 3)
    return reflow_pairs @ Here(lambda pairs: graphs_of_pairs(pairs, weight, x0, 4))


def trained_on(pairs, weight, x0, steps):
    """The gradient of a model's weight that is trained from data to noise, on the pairs that another velocity made."""
    noise, data = pairs(lambda z, t: torch.tanh(z @ weight) + t, x0, steps)
    learned = weight.clone().requires_grad_()
    loss = ((data @ learned - noise) ** 2).sum()
    return torch.autograd.grad(loss, learned)[0]


@case("reflow_pairs", agrees_with=pairs_by_lerp, weight=2)
def the_next_flow_can_be_trained_on_the_pairs(reflow_pairs, draw):
    """下一个流能在这些点对上训练"""
    weight, x0 = draw.normal(3, 3), draw.normal(5, 3)
    return reflow_pairs @ Here(lambda pairs: trained_on(pairs, weight, x0, 4))


@case("reflow_pairs", facet="interface", raises=ValueError)
def no_steps_make_no_pairs(reflow_pairs, draw):
    """零步得不到点对"""
    return reflow_pairs(elementwise(draw), draw.normal(3), 0)


# straightness


@case("straightness", agrees_with=straightness_of_each_sample, weight=2)
def two_three_and_nine_steps(straightness, draw):
    """两步、三步、九步"""
    velocity, x0 = bent(draw, 3), draw.normal(5, 3)
    return [straightness(velocity, x0, steps) for steps in (2, 3, 9)]


@case("straightness", agrees_with=straightness_of_each_sample, weight=2)
def a_straight_flow_has_zero_and_so_has_a_single_step(straightness, draw):
    """直的流为 0，只走一步也为 0"""
    # beside them a flow that turns, so that 0 is no answer to the case
    constant, x0 = draw.normal(4, 3), draw.normal(4, 3)
    turning, straight = bent(draw, 3), lambda x, t: constant + 0 * x
    return [straightness(turning, x0, 4), straightness(straight, x0, 5), straightness(turning, x0, 1)]


@case("straightness", agrees_with=straightness_of_each_sample)
def straight_paths_of_changing_speed_and_round_ones_of_constant_speed(straightness, draw):
    """变速的直线，匀速的圆"""
    quarter = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=draw.dtype)
    speed, x0 = draw.number(1, 3), draw.normal(5, 2)
    return straightness(lambda x, t: x * speed, x0, 6), straightness(lambda x, t: speed * x @ quarter, x0, 6)


@case("straightness", agrees_with=straightness_of_each_sample)
def images_and_single_samples(straightness, draw):
    """图像，以及只有一个样本"""
    velocity = elementwise(draw)
    return [straightness(velocity, draw.normal(*shape), 4) for shape in ((3, 2, 5, 3), (1, 1), (1, 7), (7, 1), (5,))]


@case("straightness", facet="interface", agrees_with=straightness_of_each_sample)
def starts_that_are_views(straightness, draw):
    """起点是不连续的视图"""
    velocity = elementwise(draw)
    return straightness(velocity, draw.strided(draw.normal(4, 3)), 3), straightness(velocity, draw.normal(3, 4).mT, 3)


@case("straightness", facet="gradient", agrees_with=straightness_of_each_sample)
def the_gradient_by_the_starts(straightness, draw):
    """对起点的梯度"""
    return vjp(straightness, bent(draw, 3), draw.normal(5, 3), 3, cotangent=draw)


# z1 − x0 is about 1e3 and rounded by 1e-4 in float32. What it is off by is the same in all steps and meets deviations
# that average to 0, so its square counts: 1e-8. E‖v‖² − ‖E v‖² subtracts two numbers near 1e6 and is off by 0.1.
OFFSET = {"rtol": 1e-3, "atol": 0.0}


@case("straightness", facet="numerics", agrees_with=straightness_of_each_sample, **OFFSET)
def a_slight_bend_in_a_fast_flow(straightness, draw):
    """快速的流里的微小弯曲"""
    fast, bend = draw.uniform(3, low=1000, high=2000), draw.uniform(3, low=1, high=2)
    return straightness(lambda x, t: fast + bend * torch.cos(3 * t) + 0 * x, draw.normal(4, 3), 6)


@case("straightness", facet="numerics", agrees_with=straightness_of_each_sample, **RELATIVE)
def tiny_and_huge_paths(straightness, draw):
    """极小和极大的路径"""
    velocity, _ = growing(draw)
    return [straightness(velocity, size * draw.uniform(3, 5, low=1, high=2), 4) for size in (1e-14, 1e14)]


@case("straightness", facet="interface", raises=ValueError)
def no_steps_have_no_straightness(straightness, draw):
    """零步没有直线度"""
    return straightness(elementwise(draw), draw.normal(3, 2), 0)
