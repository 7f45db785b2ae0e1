"""The hidden cases of chapter 12."""

import itertools

import numpy as np
import torch

from autograder.cases import case
from autograder.operations import vjp

# accurate relative to a result that may be tiny: expm1, a root and a few products cost a few roundings, no more
RELATIVE = {"rtol": 1e-5, "atol": 0.0}


# wiener_path


def _by_a_staircase_matrix(noise, dt):
    """W_k = √dt Σ_{j<k} ε_j, as the product with a matrix of zeros and ones."""
    steps = len(noise)
    staircase = torch.ones(steps + 1, steps, dtype=noise.dtype).tril(-1)
    return torch.as_tensor(dt, dtype=noise.dtype).sqrt() * torch.tensordot(staircase, noise, dims=1)


@case("wiener_path", agrees_with=_by_a_staircase_matrix, weight=2)
def many_paths_in_an_array(wiener_path, draw):
    """一个数组里的许多路径"""
    return wiener_path(draw.normal(9, 3, 5), draw.number(0.01, 0.1))


@case("wiener_path", agrees_with=_by_a_staircase_matrix, weight=2)
def the_step_is_a_python_number(wiener_path, draw):
    """步长是 Python 数"""
    noise = draw.normal(7, 3)
    return wiener_path(noise, 0.04), wiener_path(noise, 9), wiener_path(noise, 0.5)


@case("wiener_path", agrees_with=_by_a_staircase_matrix)
def the_step_is_a_tensor(wiener_path, draw):
    """步长是 0 维张量"""
    return wiener_path(draw.normal(7, 3), draw.uniform(low=0.01, high=0.1))


@case("wiener_path", agrees_with=_by_a_staircase_matrix)
def one_path(wiener_path, draw):
    """单独一条路径"""
    return wiener_path(draw.normal(11), 0.2)


@case("wiener_path", agrees_with=_by_a_staircase_matrix)
def disjoint_increments_do_not_covary(wiener_path, draw):
    """不相交的增量互不相关"""
    orthonormal, _ = torch.linalg.qr(draw.normal(50, 8).double())
    noise = (orthonormal.mT * 50**0.5).to(draw.dtype)
    first, second = wiener_path(noise, 0.25)[[3, 8]]
    return first @ first / 50, (second - first) @ (second - first) / 50, 1 + first @ (second - first) / 50


# a step of 10⁻¹² moves a path by 10⁻⁶: no absolute tolerance. Sums that cancel lose digits, which the largest bounds
@case("wiener_path", facet="numerics", agrees_with=_by_a_staircase_matrix, **RELATIVE)
def steps_from_tiny_to_huge(wiener_path, draw):
    """从极小到极大的步长"""
    noise = draw.uniform(5, 3, low=0.1, high=2)
    return wiener_path(noise, 1e-12), wiener_path(noise, 1e12), wiener_path(noise * 1e-10, 1e-6)


@case("wiener_path", facet="interface", agrees_with=_by_a_staircase_matrix)
def no_step_one_step_and_no_path(wiener_path, draw):
    """零步、一步、零条路径"""
    return [
        wiener_path(draw.normal(0, 3), 0.1),
        wiener_path(draw.normal(1, 2), 0.1),
        wiener_path(draw.normal(4, 0), 0.1),
    ]


@case("wiener_path", facet="interface", agrees_with=_by_a_staircase_matrix)
def noise_that_is_not_contiguous(wiener_path, draw):
    """不连续的噪声"""
    return wiener_path(draw.strided(draw.normal(6, 3)), 0.1), wiener_path(draw.normal(3, 6).mT, 0.1)


@case("wiener_path", facet="gradient", agrees_with=_by_a_staircase_matrix)
def gradients_of_every_row_of_noise(wiener_path, draw):
    """每一行噪声的梯度"""
    return vjp(wiener_path, draw.normal(6, 3), 0.3, cotangent=draw)


def _staircase_of_a_tensor(noise, dt):
    steps = len(noise)
    return torch.tensordot(torch.ones(steps + 1, steps, dtype=noise.dtype).tril(-1), noise, dims=1) * dt.sqrt()


@case("wiener_path", facet="gradient", agrees_with=_staircase_of_a_tensor)
def the_gradient_of_the_step(wiener_path, draw):
    """步长的梯度"""
    return vjp(wiener_path, draw.normal(6, 3), draw.uniform(low=0.1, high=0.5), cotangent=draw)


@case("wiener_path", facet="interface", raises=ValueError)
def a_step_of_length_zero(wiener_path, draw):
    """拒绝长度为 0 的步长"""
    return wiener_path(draw.normal(4, 2), 0.0)


@case("wiener_path", facet="interface", raises=ValueError)
def a_negative_step(wiener_path, draw):
    """拒绝负的步长"""
    return wiener_path(draw.normal(4, 2), torch.tensor(-0.1, dtype=draw.dtype))


# euler_maruyama and milstein share a problem: nonlinear, with coefficients that depend on the time


def pull(x, t):
    return torch.sin(3 * t) - x**3 / (1 + x**2)


def spread(x, t):
    return (1 + t) * (0.5 + 0.3 * torch.cos(2 * x + t))


def spread_slope(x, t):
    return (1 + t) * -0.6 * torch.sin(2 * x + t)


def uneven(draw, n):
    """n times whose steps differ by up to a factor of 10; the first is not 0."""
    return draw.uniform(n, low=0.05, high=0.5).cumsum(0)


def _step_by_step(f, g, x0, t, noise):
    """The recursion run by itertools, on the rows of (time, step, increment)."""
    rows = zip(t[:-1], t[1:], noise, strict=True)
    steps = [lambda x, s=s, e=e, z=z: x + (e - s) * f(x, s) + (e - s) ** 0.5 * z * g(x, s) for s, e, z in rows]
    return torch.stack(list(itertools.accumulate(steps, lambda x, step: step(x), initial=x0)))


@case("euler_maruyama", agrees_with=_step_by_step, draws=3, weight=2)
def nonlinear_coefficients_on_an_uneven_grid(euler_maruyama, draw):
    """不等长网格上的非线性系数"""
    return euler_maruyama(pull, spread, draw.normal(3, 5), uneven(draw, 8), draw.normal(7, 3, 5))


@case("euler_maruyama", agrees_with=_step_by_step, weight=2)
def every_element_has_noise_of_its_own(euler_maruyama, draw):
    """每个元素各有自己的噪声"""
    t = torch.linspace(0, 1, 6, dtype=draw.dtype)
    return euler_maruyama(lambda x, t: -x, spread, draw.normal(4).expand(4, 4), t, draw.normal(5, 4, 4))


@case("euler_maruyama", agrees_with=_step_by_step)
def a_diffusion_of_the_time_alone(euler_maruyama, draw):
    """扩散系数只依赖时间"""
    return euler_maruyama(
        lambda x, t: -t * x, lambda x, t: 1 + t**2, draw.normal(5), uneven(draw, 6), draw.normal(5, 5)
    )


@case("euler_maruyama", agrees_with=_step_by_step)
def the_elements_of_a_state_that_drive_each_other(euler_maruyama, draw):
    """互相驱动的状态分量"""
    turn = torch.tensor([[0.0, 1.0], [-1.0, -0.3]], dtype=draw.dtype)
    return euler_maruyama(
        lambda x, t: x @ turn.mT,
        lambda x, t: 0.4 * x.flip(-1),
        draw.normal(5, 2),
        uneven(draw, 7),
        draw.normal(6, 5, 2),
    )


@case("euler_maruyama", agrees_with=lambda f, g, x0, t, noise: x0 * torch.cat([t[:1] * 0 + 1, 1 - t.diff()]).cumprod(0))
def without_diffusion_it_is_the_method_of_euler(euler_maruyama, draw):
    """没有扩散时就是 Euler 法"""
    return euler_maruyama(lambda x, t: -x, lambda x, t: 0 * x, draw.normal(), uneven(draw, 9), draw.normal(8))


def _coarsened(fine, factor):
    """The noise of steps `factor` times as long along the same Wiener path."""
    return fine.reshape(-1, factor, *fine.shape[1:]).sum(1) / factor**0.5


@case("euler_maruyama", agrees_with=_step_by_step)
def the_error_against_geometric_brownian_motion(euler_maruyama, draw):
    """与几何布朗运动精确解的误差"""
    noise, x0 = draw.normal(64, 20), draw.uniform(20, low=1, high=2)
    exact = x0 * torch.exp((0.5 - 0.8**2 / 2) + 0.8 * noise.sum(0) / 8)
    ends = []
    for factor in (32, 8, 1):
        t = torch.linspace(0, 1, 64 // factor + 1, dtype=draw.dtype)
        path = euler_maruyama(lambda x, t: 0.5 * x, lambda x, t: 0.8 * x, x0, t, _coarsened(noise, factor))
        ends.append((path[-1] - exact).abs().mean())
    return ends


@case("euler_maruyama", facet="numerics", agrees_with=_step_by_step, **RELATIVE)
def states_and_times_from_tiny_to_huge(euler_maruyama, draw):
    """从极小到极大的状态与时间"""
    t, x0, noise = uneven(draw, 4), draw.uniform(5, low=1, high=2), draw.uniform(3, 5, low=0.1, high=0.3)
    constant = lambda x, t: torch.ones_like(x)  # noqa: E731
    nothing = lambda x, t: 0 * x  # noqa: E731
    return [
        euler_maruyama(nothing, constant, 0 * x0, t * 1e-14, noise),
        euler_maruyama(constant, constant, 0 * x0, t * 1e10, noise),
        euler_maruyama(nothing, lambda x, t: x, x0 * 1e-20, t, noise),
        euler_maruyama(nothing, lambda x, t: x, x0 * 1e20, t, noise),
    ]


@case("euler_maruyama", facet="interface", agrees_with=_step_by_step)
def one_time_one_number_and_nothing(euler_maruyama, draw):
    """一个时刻、一个数、空的状态"""
    return [
        euler_maruyama(pull, spread, draw.normal(3), draw.normal(1), draw.normal(0, 3)),
        euler_maruyama(pull, spread, draw.normal(), uneven(draw, 4), draw.normal(3)),
        euler_maruyama(pull, spread, draw.normal(2, 0), uneven(draw, 3), draw.normal(2, 2, 0)),
        euler_maruyama(pull, spread, draw.normal(1, 1), uneven(draw, 2), draw.normal(1, 1, 1)),
    ]


@case("euler_maruyama", facet="interface", agrees_with=_step_by_step)
def inputs_that_are_not_contiguous(euler_maruyama, draw):
    """不连续的输入"""
    t, noise = draw.strided(uneven(draw, 5)), draw.strided(draw.normal(4, 3, 2))
    return euler_maruyama(pull, spread, draw.normal(2, 3).mT, t, noise)


@case("euler_maruyama", facet="interface", agrees_with=_step_by_step, dtypes=(torch.float32,))
def times_in_double_precision_keep_the_dtype_of_the_state(euler_maruyama, draw):
    """时间是双精度时，结果仍取状态的 dtype"""
    return euler_maruyama(pull, spread, draw.normal(3), uneven(draw, 5).double(), draw.normal(4, 3))


@case("euler_maruyama", facet="gradient", agrees_with=_step_by_step)
def gradients_through_the_whole_path(euler_maruyama, draw):
    """梯度穿过整条路径"""
    return vjp(euler_maruyama, pull, spread, draw.normal(3), uneven(draw, 6), draw.normal(5, 3), cotangent=draw)


@case("euler_maruyama", facet="interface", raises=ValueError)
def noise_for_one_step_too_many(euler_maruyama, draw):
    """拒绝多出一步的噪声"""
    return euler_maruyama(pull, spread, draw.normal(3), uneven(draw, 5), draw.normal(5, 3))


@case("euler_maruyama", facet="interface", raises=ValueError)
def noise_that_all_paths_would_share(euler_maruyama, draw):
    """拒绝所有路径共用的噪声"""
    return euler_maruyama(pull, spread, draw.normal(4, 3), uneven(draw, 5), draw.normal(4, 3))


@case("euler_maruyama", facet="interface", raises=ValueError)
def times_that_run_backwards(euler_maruyama, draw):
    """拒绝倒退的时间"""
    return euler_maruyama(pull, spread, draw.normal(3), uneven(draw, 5).flip(0), draw.normal(4, 3))


@case("euler_maruyama", facet="interface", raises=ValueError)
def the_same_time_twice(euler_maruyama, draw):
    """拒绝重复的时刻"""
    t = uneven(draw, 5)
    t[3] = t[2]
    return euler_maruyama(pull, spread, draw.normal(3), t, draw.normal(4, 3))


# ornstein_uhlenbeck_moments


def _by_a_matrix_exponential(x0, theta, mu, sigma, t):
    """(1, E, Var) solves a linear equation with constant coefficients."""
    generator = torch.tensor([[0, 0, 0], [theta * mu, -theta, 0], [sigma**2, 0, -2 * theta]], dtype=torch.float64)
    flow = torch.linalg.matrix_exp(generator * t.double()[..., None, None])
    mean = flow[..., 1, 0] + flow[..., 1, 1] * x0.double()
    return mean.to(x0.dtype), flow[..., 2, 0].to(t.dtype)


@case("ornstein_uhlenbeck_moments", agrees_with=_by_a_matrix_exponential, draws=3, weight=2)
def random_parameters_and_times(ornstein_uhlenbeck_moments, draw):
    """随机的参数与时刻"""
    theta, mu, sigma = draw.number(0.3, 3), draw.number(-3, 3), draw.number(0.3, 2)
    return ornstein_uhlenbeck_moments(draw.normal(7, scale=3), theta, mu, sigma, draw.uniform(7, low=0, high=2))


@case("ornstein_uhlenbeck_moments", agrees_with=_by_a_matrix_exponential, weight=2)
def several_starts_at_several_times(ornstein_uhlenbeck_moments, draw):
    """多个起点、多个时刻"""
    x0, t = draw.normal(5), draw.uniform(4, low=0, high=2)[:, None]
    return ornstein_uhlenbeck_moments(x0, 0.7, 1.5, 0.9, t)


@case("ornstein_uhlenbeck_moments", agrees_with=_by_a_matrix_exponential)
def a_rate_of_zero(ornstein_uhlenbeck_moments, draw):
    """θ = 0"""
    x0, t = draw.normal(5), draw.uniform(5, low=0.5, high=2)
    mean, variance = ornstein_uhlenbeck_moments(x0, 0.0, 1.5, 0.9, t)
    return mean - x0 + 1, variance


@case("ornstein_uhlenbeck_moments", agrees_with=_by_a_matrix_exponential)
def a_push_away_from_the_centre(ornstein_uhlenbeck_moments, draw):
    """θ < 0，背离中心"""
    return ornstein_uhlenbeck_moments(draw.normal(5), -0.8, 1.5, 0.9, draw.uniform(5, low=0.5, high=2))


@case("ornstein_uhlenbeck_moments", agrees_with=_by_a_matrix_exponential)
def the_start_is_certain_and_the_end_forgets_it(ornstein_uhlenbeck_moments, draw):
    """起点是确定的，终点把它忘掉"""
    t = torch.tensor([0.0, 1.0, 30.0], dtype=draw.dtype)
    return ornstein_uhlenbeck_moments(draw.normal(3), 1.0, 4.0, 0.6, t)


# σ² t to first order: what is left after a subtraction from 1 has no digit right
@case("ornstein_uhlenbeck_moments", facet="numerics", agrees_with=_by_a_matrix_exponential, weight=2, **RELATIVE)
def the_variance_of_tiny_times(ornstein_uhlenbeck_moments, draw):
    """极短时间的方差"""
    t = draw.magnitudes(8, low=1e-14, high=1e-6)
    return ornstein_uhlenbeck_moments(draw.normal(8), 1.7, 0.5, 0.8, t)[1]


@case("ornstein_uhlenbeck_moments", facet="numerics", agrees_with=_by_a_matrix_exponential)
def a_rate_that_is_almost_zero(ornstein_uhlenbeck_moments, draw):
    """θ 几乎为零"""
    return ornstein_uhlenbeck_moments(draw.normal(4), 1e-13, 0.5, 0.8, draw.uniform(4, low=0.5, high=2))


@case("ornstein_uhlenbeck_moments", facet="numerics", expected=(torch.tensor([2.5, 2.5]), torch.tensor([0.125, 0.125])))
def after_a_very_long_time(ornstein_uhlenbeck_moments, draw):
    """极长时间之后"""
    t = torch.tensor([1e4, 1e30], dtype=draw.dtype)
    return ornstein_uhlenbeck_moments(draw.normal(2), 2.0, 2.5, 0.5**0.5, t)


@case("ornstein_uhlenbeck_moments", facet="interface", agrees_with=_by_a_matrix_exponential)
def numbers_empty_and_strided_inputs(ornstein_uhlenbeck_moments, draw):
    """单个数、空的与不连续的输入"""
    return [
        ornstein_uhlenbeck_moments(draw.normal(), 0.7, 1.5, 0.9, draw.uniform()),
        ornstein_uhlenbeck_moments(draw.normal(5), 0.7, 1.5, 0.9, draw.uniform()),
        ornstein_uhlenbeck_moments(draw.normal(0), 0.7, 1.5, 0.9, draw.uniform(0)),
        ornstein_uhlenbeck_moments(draw.normal(4, 3).mT, 0.7, 1.5, 0.9, draw.strided(draw.uniform(3, 4))),
    ]


def _moments_with_a_graph(x0, theta, mu, sigma, t):
    decay = (-theta * t).exp()
    return mu * (1 - decay) + x0 * decay, (1 - decay**2) * sigma**2 / (2 * theta)


@case("ornstein_uhlenbeck_moments", facet="gradient", agrees_with=_moments_with_a_graph)
def gradients_of_start_and_time(ornstein_uhlenbeck_moments, draw):
    """起点与时间的梯度"""
    inputs = (draw.normal(5), 0.7, 1.5, 0.9, draw.uniform(5, low=0.1, high=2))
    return vjp(ornstein_uhlenbeck_moments, *inputs, cotangent=draw)


@case("ornstein_uhlenbeck_moments", facet="interface", raises=ValueError)
def a_time_before_the_start(ornstein_uhlenbeck_moments, draw):
    """拒绝起点之前的时刻"""
    return ornstein_uhlenbeck_moments(draw.normal(3), 0.7, 1.5, 0.9, torch.tensor([1.0, -0.1, 2.0], dtype=draw.dtype))


# milstein


def _as_stratonovich(f, g, dg, x0, t, noise):
    """Written for the drift of Stratonovich's equation, f − ½ g g′, which absorbs the −Δt."""
    path = [x0]
    for start, end, z in zip(t[:-1], t[1:], noise, strict=True):
        x, span = path[-1], end - start
        half = g(x, start) * dg(x, start) / 2
        path.append(x + (f(x, start) - half) * span + span**0.5 * z * g(x, start) + half * span * z**2)
    return torch.stack(path)


@case("milstein", agrees_with=_as_stratonovich, draws=3, weight=2)
def a_nonlinear_diffusion_on_an_uneven_grid(milstein, draw):
    """不等长网格上的非线性扩散"""
    return milstein(pull, spread, spread_slope, draw.normal(3, 5), uneven(draw, 8), draw.normal(7, 3, 5))


@case("milstein", agrees_with=_as_stratonovich)
def the_same_start_on_many_paths(milstein, draw):
    """许多路径从同一点出发"""
    t = torch.linspace(0, 1, 6, dtype=draw.dtype)
    return milstein(pull, spread, spread_slope, draw.normal(4).expand(4, 4), t, draw.normal(5, 4, 4))


@case("milstein", agrees_with=lambda f, g, dg, x0, t, noise: _step_by_step(f, g, x0, t, noise))
def noise_that_does_not_depend_on_the_state(milstein, draw):
    """噪声不依赖状态"""
    nothing = lambda x, t: torch.zeros_like(x)  # noqa: E731
    return milstein(pull, lambda x, t: 1 + t**2, nothing, draw.normal(5), uneven(draw, 6), draw.normal(5, 5))


@case("milstein", agrees_with=_as_stratonovich)
def the_error_against_the_exact_solution(milstein, draw):
    """与精确解的误差"""
    noise, x0 = draw.normal(64, 20), draw.uniform(20, low=1, high=2)
    exact = x0 * torch.exp((0.5 - 0.8**2 / 2) + 0.8 * noise.sum(0) / 8)
    ends = []
    for factor in (32, 8, 1):
        t = torch.linspace(0, 1, 64 // factor + 1, dtype=draw.dtype)
        slope = lambda x, t: 0.8 * torch.ones_like(x)  # noqa: E731
        path = milstein(lambda x, t: 0.5 * x, lambda x, t: 0.8 * x, slope, x0, t, _coarsened(noise, factor))
        ends.append((path[-1] - exact).abs().mean())
    return ends


@case("milstein", facet="numerics", agrees_with=_as_stratonovich, **RELATIVE)
def tiny_and_huge_states(milstein, draw):
    """极小与极大的状态"""
    t, x0, noise = uneven(draw, 4), draw.uniform(5, low=1, high=2), draw.uniform(3, 5, low=1, high=2)
    zero, one = lambda x, t: 0 * x, lambda x, t: torch.ones_like(x)
    return [
        milstein(zero, lambda x, t: x, one, x0 * 1e-20, t, noise),
        milstein(zero, lambda x, t: x, one, x0 * 1e20, t, noise),
        milstein(zero, lambda x, t: 1e5 * x + t, lambda x, t: 1e5 * one(x, t), 0 * x0, t * 1e-12, noise),
    ]


@case("milstein", facet="interface", agrees_with=_as_stratonovich)
def a_single_time_a_single_number_and_no_state(milstein, draw):
    """单个时刻、单个数、空的状态"""
    return [
        milstein(pull, spread, spread_slope, draw.normal(3), draw.normal(1), draw.normal(0, 3)),
        milstein(pull, spread, spread_slope, draw.normal(), uneven(draw, 4), draw.normal(3)),
        milstein(pull, spread, spread_slope, draw.normal(2, 0), uneven(draw, 3), draw.normal(2, 2, 0)),
    ]


@case("milstein", facet="interface", agrees_with=_as_stratonovich)
def states_times_and_noise_that_are_not_contiguous(milstein, draw):
    """不连续的状态、时间与噪声"""
    t, noise = draw.strided(uneven(draw, 5)), draw.strided(draw.normal(4, 3, 2))
    return milstein(pull, spread, spread_slope, draw.normal(2, 3).mT, t, noise)


@case("milstein", facet="gradient", agrees_with=_as_stratonovich)
def gradients_through_the_correction(milstein, draw):
    """梯度也穿过修正项"""
    x0, t, noise = draw.normal(3), uneven(draw, 6), draw.normal(5, 3)
    return vjp(milstein, pull, spread, spread_slope, x0, t, noise, cotangent=draw)


@case("milstein", facet="interface", raises=ValueError)
def a_row_of_noise_too_many(milstein, draw):
    """拒绝多出一行的噪声"""
    return milstein(pull, spread, spread_slope, draw.normal(3), uneven(draw, 5), draw.normal(5, 3))


@case("milstein", facet="interface", raises=ValueError)
def noise_of_another_shape_than_the_state(milstein, draw):
    """拒绝形状与状态不同的噪声"""
    return milstein(pull, spread, spread_slope, draw.normal(4, 3), uneven(draw, 5), draw.normal(4, 3))


@case("milstein", facet="interface", raises=ValueError)
def a_grid_that_runs_backwards(milstein, draw):
    """拒绝倒退的网格"""
    return milstein(pull, spread, spread_slope, draw.normal(3), uneven(draw, 5).flip(0), draw.normal(4, 3))


@case("milstein", facet="interface", raises=ValueError)
def a_grid_with_a_time_twice(milstein, draw):
    """拒绝有重复时刻的网格"""
    t = uneven(draw, 5)
    t[3] = t[2]
    return milstein(pull, spread, spread_slope, draw.normal(3), t, draw.normal(4, 3))


# strong_order


def _by_polyfit(errors, dts):
    x, y = np.log(dts.double().numpy()), np.log(errors.double().numpy())
    return torch.as_tensor(np.polyfit(x, y, 1)[0], dtype=errors.dtype)


@case("strong_order", agrees_with=_by_polyfit, draws=3, weight=2)
def many_scattered_points_in_any_order(strong_order, draw):
    """任意次序的许多散点"""
    dts = draw.magnitudes(11, low=1e-4, high=3)
    return strong_order(5 * dts ** draw.number(0.4, 2) * draw.uniform(11, low=0.3, high=3), dts)


@case("strong_order", expected=torch.tensor([0.5, 1.0, -0.25]))
def powers_without_scatter(strong_order, draw):
    """没有散布的幂"""
    dts = draw.magnitudes(6, low=1e-3, high=0.1)
    dts[0] = 0.7
    return torch.stack([strong_order(draw.number(0.1, 10) * dts**p, dts) for p in (0.5, 1.0, -0.25)])


@case("strong_order", agrees_with=_by_polyfit)
def two_points(strong_order, draw):
    """两个点"""
    return strong_order(draw.magnitudes(2, low=1e-3, high=1), torch.tensor([0.1, 0.025], dtype=draw.dtype))


@case("strong_order", agrees_with=_by_polyfit)
def the_middle_points_count_too(strong_order, draw):
    """中间的点也算数"""
    dts = torch.tensor([1.0, 0.4, 0.3, 0.1], dtype=draw.dtype)
    return strong_order(torch.tensor([1.0, draw.number(0.5, 0.8), 0.01, 0.1], dtype=draw.dtype), dts)


# the logarithms of errors near 10⁻³⁰ carry a rounding of 70 ε each, which the slope divides by their spread
@case("strong_order", facet="numerics", agrees_with=_by_polyfit, rtol=1e-4, atol=1e-5)
def errors_from_tiny_to_huge(strong_order, draw):
    """从极小到极大的误差"""
    dts = draw.magnitudes(9, low=1e-8, high=1e-1)
    dts[0], dts[1] = 1e-8, 1e-1
    scatter = draw.uniform(9, low=0.5, high=2)
    return strong_order(1e-25 * dts**0.5 * scatter, dts), strong_order(1e25 * dts**0.5 * scatter, dts)


@case("strong_order", facet="interface", agrees_with=_by_polyfit)
def points_that_are_not_contiguous(strong_order, draw):
    """不连续的点"""
    dts = draw.strided(draw.magnitudes(5, low=1e-3, high=1))
    return strong_order(draw.strided(draw.magnitudes(5, low=1e-3, high=1)), dts)


def _by_a_covariance(errors, dts):
    covariance = torch.cov(torch.stack([dts.log(), errors.log()]))
    return covariance[0, 1] / covariance[0, 0]


@case("strong_order", facet="gradient", agrees_with=_by_a_covariance)
def gradients_of_errors_and_steps(strong_order, draw):
    """误差与步长的梯度"""
    return vjp(strong_order, draw.magnitudes(5, low=1e-2, high=1), draw.magnitudes(5, low=1e-2, high=1), cotangent=draw)


@case("strong_order", facet="interface", raises=ValueError)
def an_error_of_zero(strong_order, draw):
    """拒绝为 0 的误差"""
    return strong_order(
        torch.tensor([0.3, 0.0, 0.1], dtype=draw.dtype), torch.tensor([0.3, 0.2, 0.1], dtype=draw.dtype)
    )


@case("strong_order", facet="interface", raises=ValueError)
def a_step_of_zero(strong_order, draw):
    """拒绝为 0 的步长"""
    return strong_order(
        torch.tensor([0.3, 0.2, 0.1], dtype=draw.dtype), torch.tensor([0.3, 0.2, 0.0], dtype=draw.dtype)
    )


@case("strong_order", facet="interface", raises=ValueError)
def errors_at_one_step_only(strong_order, draw):
    """拒绝只有一种步长"""
    return strong_order(draw.magnitudes(4, low=0.1, high=1), torch.full((4,), 0.3, dtype=draw.dtype))


@case("strong_order", facet="interface", raises=ValueError)
def more_errors_than_steps(strong_order, draw):
    """拒绝误差比步长多"""
    return strong_order(draw.magnitudes(4, low=0.1, high=1), draw.magnitudes(1, low=0.1, high=1))


@case("strong_order", facet="interface", raises=ValueError)
def one_error_for_all_steps(strong_order, draw):
    """拒绝用一个误差对所有步长"""
    return strong_order(draw.magnitudes(1, low=0.1, high=1), draw.magnitudes(4, low=0.1, high=1))


# vp_sde_marginal


def _by_the_midpoint_rule(x0, beta_min, beta_max, t):
    """β is linear, so its mean over [0, t] is its value at t/2; squares of mean factor and deviation add up to 1."""
    t = t.double().reshape(-1, *[1] * (x0.dim() - 1)) if t.dim() else t.double()
    area = t * (beta_min + t / 2 * (beta_max - beta_min))
    factor = torch.exp(-area / 2)
    mean = (factor * x0.double()).to(x0.dtype)
    # (1 − e^{−B}) / 2 = e^{−B/2} sinh(B/2)
    return mean, torch.sqrt(2 * factor * torch.sinh(area / 2)).to(x0.dtype)


def both(answer, x0, beta_min, beta_max, t):
    """The mean, and the deviation of every element."""
    mean, deviation = answer(x0, beta_min, beta_max, t)
    return mean, deviation.expand_as(mean)


@case("vp_sde_marginal", agrees_with=_by_the_midpoint_rule, draws=3, weight=2)
def random_schedules_with_one_time_for_all(vp_sde_marginal, draw):
    """随机的 β，所有样本同一时刻"""
    low, high = draw.number(0.05, 1), draw.number(3, 20)
    return both(vp_sde_marginal, draw.normal(3, 5), low, high, draw.uniform(low=0.1, high=0.7))


@case("vp_sde_marginal", agrees_with=_by_the_midpoint_rule, weight=2)
def as_many_features_as_samples(vp_sde_marginal, draw):
    """特征数与样本数相同"""
    return both(vp_sde_marginal, draw.normal(5, 5), 0.1, 20.0, draw.uniform(5, low=0.02, high=0.7))


@case("vp_sde_marginal", agrees_with=_by_the_midpoint_rule)
def a_batch_of_images(vp_sde_marginal, draw):
    """一批图像"""
    return both(vp_sde_marginal, draw.normal(4, 3, 2, 5), 0.1, 20.0, draw.uniform(4, low=0.02, high=0.7))


@case("vp_sde_marginal", agrees_with=_by_the_midpoint_rule)
def a_batch_of_numbers(vp_sde_marginal, draw):
    """一批数"""
    return both(vp_sde_marginal, draw.normal(6), 0.3, 8.0, draw.uniform(6, low=0.02, high=1))


@case("vp_sde_marginal", agrees_with=_by_the_midpoint_rule)
def a_constant_and_a_falling_beta(vp_sde_marginal, draw):
    """不变的 β 与下降的 β"""
    x0, t = draw.normal(6), draw.uniform(6, low=0.02, high=1)
    return both(vp_sde_marginal, x0, 2.0, 2.0, t), both(vp_sde_marginal, x0, 5.0, 0.5, t)


@case("vp_sde_marginal", agrees_with=_by_the_midpoint_rule)
def from_the_data_at_zero_to_noise_at_one(vp_sde_marginal, draw):
    """从 0 时刻的数据到 1 时刻的噪声"""
    t = torch.tensor([0.0, 0.25, 0.5, 1.0, 1.5], dtype=draw.dtype)
    return both(vp_sde_marginal, draw.normal(5, 2), 0.1, 20.0, t)


# √(β t) to first order: what is left after a subtraction from 1 has no digit right
@case("vp_sde_marginal", facet="numerics", agrees_with=_by_the_midpoint_rule, weight=2, **RELATIVE)
def the_deviation_of_tiny_times(vp_sde_marginal, draw):
    """极短时间的标准差"""
    return both(vp_sde_marginal, draw.normal(6), 0.1, 20.0, draw.magnitudes(6, low=1e-14, high=1e-6))[1]


@case("vp_sde_marginal", facet="numerics", expected=torch.ones(2, 2))
def a_very_large_beta_leaves_pure_noise(vp_sde_marginal, draw):
    """β 很大时只剩噪声"""
    mean, deviation = both(vp_sde_marginal, draw.normal(2), 1e4, 1e6, torch.tensor([0.5, 1.0], dtype=draw.dtype))
    return torch.stack([mean + 1, deviation])


@case("vp_sde_marginal", facet="interface", agrees_with=_by_the_midpoint_rule)
def one_sample_no_sample_and_strided_ones(vp_sde_marginal, draw):
    """单个样本、零个样本、不连续的样本"""
    return [
        both(vp_sde_marginal, draw.normal(), 0.1, 20.0, draw.uniform()),
        both(vp_sde_marginal, draw.normal(1, 3), 0.1, 20.0, draw.uniform(1)),
        both(vp_sde_marginal, draw.normal(0, 3), 0.1, 20.0, draw.uniform(0)),
        both(vp_sde_marginal, draw.normal(4, 3).mT, 0.1, 20.0, draw.strided(draw.uniform(3))),
    ]


def _marginal_with_a_graph(x0, beta_min, beta_max, t):
    area = t * (beta_min + t / 2 * (beta_max - beta_min))
    area = area[:, None] if x0.dim() == 2 else area
    return x0 * (-area / 2).exp(), ((area.exp() - 1) / area.exp()).sqrt()


@case("vp_sde_marginal", facet="gradient", agrees_with=_marginal_with_a_graph)
def gradients_of_data_and_times(vp_sde_marginal, draw):
    """数据与时刻的梯度"""
    t = draw.uniform(5, low=0.1, high=0.7)
    return [vjp(vp_sde_marginal, x0, 0.1, 20.0, t, cotangent=draw) for x0 in (draw.normal(5), draw.normal(5, 1))]


@case("vp_sde_marginal", facet="interface", raises=ValueError)
def a_time_before_the_data(vp_sde_marginal, draw):
    """拒绝数据之前的时刻"""
    return vp_sde_marginal(draw.normal(3, 2), 0.1, 20.0, torch.tensor([0.5, -0.1, 0.2], dtype=draw.dtype))


# reverse_sde_step and probability_flow_step share a problem too: every coefficient depends on all it may


def drift(x, t):
    return torch.sin(x) - (1 + t) * x


def diffusion(t):
    return 0.6 + t**2


def score(x, t):
    return -x / (1 + t) + torch.cos(x)


def time(draw):
    return draw.uniform(low=0.3, high=1.5)


def _from_the_flow(x, t, dt, f, g, score, noise):
    """The flow's velocity lies halfway between the forward drift and the reverse one."""
    flow = f(x, t) - g(t).square() * score(x, t) / 2
    return x - (2 * flow - f(x, t)) * dt + noise * (dt * g(t).square()) ** 0.5


@case("reverse_sde_step", agrees_with=_from_the_flow, draws=3, weight=2)
def random_states_with_coefficients_of_state_and_time(reverse_sde_step, draw):
    """系数依赖状态与时间"""
    return reverse_sde_step(
        draw.normal(3, 5), time(draw), draw.number(0.01, 0.3), drift, diffusion, score, draw.normal(3, 5)
    )


@case("reverse_sde_step", agrees_with=_from_the_flow)
def without_noise_in_the_draw(reverse_sde_step, draw):
    """噪声恰好为 0"""
    x = draw.normal(4, 3)
    return reverse_sde_step(x, time(draw), 0.2, drift, diffusion, score, torch.zeros_like(x))


@case("reverse_sde_step", agrees_with=_from_the_flow)
def the_length_of_the_step_is_a_tensor(reverse_sde_step, draw):
    """步长是张量"""
    dt = draw.uniform(low=0.01, high=0.3)
    return reverse_sde_step(draw.normal(4, 3), time(draw), dt, drift, diffusion, score, draw.normal(4, 3))


@case("reverse_sde_step", agrees_with=_from_the_flow)
def the_score_of_two_normal_distributions(reverse_sde_step, draw):
    """两个正态分布之混合的得分"""
    centres = torch.tensor([-1.5, 1.5], dtype=draw.dtype)

    def of_the_mixture(x, t):
        distances = centres - x[..., None]
        return (torch.softmax(-(distances**2) / (2 * (0.1 + t)), -1) * distances).sum(-1) / (0.1 + t)

    x, t = draw.normal(9), draw.uniform(low=0.3, high=1)
    return reverse_sde_step(
        x, t, 0.05, lambda x, t: 0 * x, lambda t: torch.ones_like(t), of_the_mixture, draw.normal(9)
    )


# a step of 10⁻¹⁴ moves the state by 10⁻⁷: no absolute tolerance
@case("reverse_sde_step", facet="numerics", agrees_with=_from_the_flow, **RELATIVE)
def steps_and_diffusions_from_tiny_to_huge(reverse_sde_step, draw):
    """从极小到极大的步长与扩散系数"""
    x, t, noise = draw.uniform(5, low=1, high=2), time(draw), draw.uniform(5, low=1, high=2)
    return [
        reverse_sde_step(0 * x, t, 1e-14, drift, diffusion, lambda x, t: 0 * x, noise),
        reverse_sde_step(x, t, 1e-3, drift, lambda t: 1e4 * t, lambda x, t: 1 + x**2, noise),
    ]


@case("reverse_sde_step", facet="interface", agrees_with=_from_the_flow)
def one_state_no_state_and_strided_ones(reverse_sde_step, draw):
    """一个状态、零个状态、不连续的状态"""
    return [
        reverse_sde_step(draw.normal(), time(draw), 0.1, drift, diffusion, score, draw.normal()),
        reverse_sde_step(draw.normal(0, 2), time(draw), 0.1, drift, diffusion, score, draw.normal(0, 2)),
        reverse_sde_step(
            draw.strided(draw.normal(3, 2)), time(draw), 0.1, drift, diffusion, score, draw.normal(2, 3).mT
        ),
    ]


@case("reverse_sde_step", facet="gradient", agrees_with=_from_the_flow)
def gradients_through_drift_and_score(reverse_sde_step, draw):
    """梯度穿过漂移与得分"""
    inputs = (draw.normal(4), time(draw), 0.2, drift, diffusion, score, draw.normal(4))
    return vjp(reverse_sde_step, *inputs, cotangent=draw)


@case("reverse_sde_step", facet="interface", raises=ValueError)
def a_negative_step_back(reverse_sde_step, draw):
    """拒绝负的步长"""
    return reverse_sde_step(draw.normal(3), time(draw), -0.1, drift, diffusion, score, draw.normal(3))


@case("reverse_sde_step", facet="interface", raises=ValueError)
def a_step_back_of_zero(reverse_sde_step, draw):
    """拒绝为 0 的步长"""
    return reverse_sde_step(draw.normal(3), time(draw), 0.0, drift, diffusion, score, draw.normal(3))


@case("reverse_sde_step", facet="interface", raises=ValueError)
def one_number_of_noise_for_all_samples(reverse_sde_step, draw):
    """拒绝所有样本共用一个噪声"""
    return reverse_sde_step(draw.normal(4, 1), time(draw), 0.1, drift, diffusion, score, draw.normal(1, 1))


def _halfway(x, t, dt, f, g, score):
    """Halfway between a step back along the forward drift and a reverse step without its noise."""
    along = x - f(x, t) * dt
    return (along + along + g(t).square() * score(x, t) * dt) / 2


@case("probability_flow_step", agrees_with=_halfway, draws=3, weight=2)
def a_flow_whose_coefficients_depend_on_state_and_time(probability_flow_step, draw):
    """系数依赖状态与时间的流"""
    return probability_flow_step(draw.normal(3, 5), time(draw), draw.number(0.01, 0.3), drift, diffusion, score)


@case("probability_flow_step", agrees_with=_halfway)
def the_length_of_the_flow_step_is_a_tensor(probability_flow_step, draw):
    """流的步长是张量"""
    return probability_flow_step(
        draw.normal(4, 3), time(draw), draw.uniform(low=0.01, high=0.3), drift, diffusion, score
    )


@case("probability_flow_step", agrees_with=_halfway)
def a_flow_without_drift(probability_flow_step, draw):
    """没有漂移的流"""
    return probability_flow_step(draw.normal(5), time(draw), 0.2, lambda x, t: 0 * x, diffusion, score)


@case("probability_flow_step", agrees_with=_halfway)
def a_flow_without_diffusion(probability_flow_step, draw):
    """没有扩散的流"""
    return probability_flow_step(draw.normal(5), time(draw), 0.2, drift, lambda t: 0 * t, score)


@case("probability_flow_step", facet="numerics", agrees_with=_halfway, **RELATIVE)
def flow_steps_from_tiny_to_huge(probability_flow_step, draw):
    """从极小到极大的流的步长"""
    x, t = draw.uniform(5, low=1, high=2), time(draw)
    return [
        probability_flow_step(0 * x, t, 1e-14, drift, diffusion, lambda x, t: 1 + x),
        probability_flow_step(x, t, 1e-3, drift, lambda t: 1e4 * t, lambda x, t: 1 + x**2),
    ]


@case("probability_flow_step", facet="interface", agrees_with=_halfway)
def one_point_no_point_and_strided_ones(probability_flow_step, draw):
    """一个点、零个点、不连续的点"""
    return [
        probability_flow_step(draw.normal(), time(draw), 0.1, drift, diffusion, score),
        probability_flow_step(draw.normal(0, 2), time(draw), 0.1, drift, diffusion, score),
        probability_flow_step(draw.strided(draw.normal(3, 2)), time(draw), 0.1, drift, diffusion, score),
        probability_flow_step(draw.normal(2, 3).mT, time(draw), 0.1, drift, diffusion, score),
    ]


@case("probability_flow_step", facet="gradient", agrees_with=_halfway)
def gradients_through_the_flow(probability_flow_step, draw):
    """梯度穿过流"""
    return vjp(probability_flow_step, draw.normal(4), time(draw), 0.2, drift, diffusion, score, cotangent=draw)


@case("probability_flow_step", facet="interface", raises=ValueError)
def a_negative_flow_step(probability_flow_step, draw):
    """拒绝负的流的步长"""
    return probability_flow_step(draw.normal(3), time(draw), -0.1, drift, diffusion, score)


@case("probability_flow_step", facet="interface", raises=ValueError)
def a_flow_step_of_zero(probability_flow_step, draw):
    """拒绝为 0 的流的步长"""
    return probability_flow_step(draw.normal(3), time(draw), 0.0, drift, diffusion, score)
