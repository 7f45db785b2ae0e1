"""The visible checks of chapter 12: what a student sees on pressing check. Draws are fixed and public."""

import numpy as np
import scipy.integrate
import torch

from autograder.cases import Rules, case

RULES = {"strong_order": Rules(forbids=("*fit", "linregress", "*lstsq"))}

STEPS = 6
TIMES = torch.arange(STEPS + 1)


def _uncorrelated(draw, steps, paths):
    """Rows of noise whose sample variances are exactly 1 and whose sample covariances are exactly 0."""
    orthonormal, _ = torch.linalg.qr(draw.normal(paths, steps).double())
    return (orthonormal.mT * paths**0.5).to(draw.dtype)


@case("wiener_path", expected=torch.tensor([[0.0, 0.0], [0.5, -1.0], [-0.5, 0.5], [-0.25, 0.5]]))
def three_steps_by_hand(wiener_path, draw):
    """手算得出的三步"""
    return wiener_path(torch.tensor([[1.0, -2.0], [-2.0, 3.0], [0.5, 0.0]], dtype=draw.dtype), 0.25)


@case("wiener_path", expected=0.3 * torch.minimum(TIMES[:, None], TIMES))
def two_times_of_one_path_covary_by_the_earlier(wiener_path, draw):
    """同一路径上两个时刻的协方差等于较早的时刻"""
    paths = wiener_path(_uncorrelated(draw, STEPS, 40), 0.3)
    return paths @ paths.mT / 40


@case("euler_maruyama", expected=torch.tensor([[1.0, 2.0], [1.75, 3.0], [3.5, 1.5]]))
def two_uneven_steps_by_hand(euler_maruyama, draw):
    """手算得出的不等长的两步"""
    x0, t = torch.tensor([1.0, 2.0], dtype=draw.dtype), torch.tensor([0.0, 0.25, 1.25], dtype=draw.dtype)
    noise = torch.tensor([[1.0, 0.5], [0.5, -1.0]], dtype=draw.dtype)
    return euler_maruyama(lambda x, t: (1 - 2 * t) * x, lambda x, t: x, x0, t, noise)


def _a_product_of_growth_factors(f, g, x0, t, noise):
    """For f(x, t) = −0.4 x and g(x, t) = 0.7 x every step multiplies the state by one number."""
    rows = [x0.numpy()]
    for k, span in enumerate(np.diff(t.numpy())):
        rows.append(rows[-1] * (1 - 0.4 * span + 0.7 * np.sqrt(span) * noise[k].numpy()))
    return torch.from_numpy(np.stack(rows))


@case("euler_maruyama", agrees_with=_a_product_of_growth_factors)
def a_state_that_grows_by_random_factors(euler_maruyama, draw):
    """按随机因子增长的状态"""
    t = draw.uniform(7, low=0.05, high=0.5).cumsum(0)
    return euler_maruyama(lambda x, t: -0.4 * x, lambda x, t: 0.7 * x, draw.normal(5), t, draw.normal(6, 5))


def _solved(x0, t, slope):
    """Means, which begin at x0, and a variance, which begins at 0, as the ODE solver finds them at the time t."""
    start = np.append(x0.double().numpy(), 0.0)
    solution = scipy.integrate.solve_ivp(slope, (0, float(t)), start, rtol=1e-9, atol=1e-10, method="DOP853")
    end = torch.from_numpy(solution.y[:, -1]).to(x0.dtype)
    return end[:-1], end[-1]


def _moments_by_an_ode_solver(x0, theta, mu, sigma, t):
    """dE/dt = θ(μ − E) and dVar/dt = −2θ Var + σ², integrated numerically to the one time t."""
    return _solved(x0, t, lambda s, y: np.append(theta * (mu - y[:-1]), sigma**2 - 2 * theta * y[-1]))


@case("ornstein_uhlenbeck_moments", agrees_with=_moments_by_an_ode_solver)
def the_moments_solve_their_differential_equations(ornstein_uhlenbeck_moments, draw):
    """两个矩满足各自的微分方程"""
    return ornstein_uhlenbeck_moments(draw.normal(4), 1.3, -0.5, 0.8, draw.uniform(low=0.3, high=1))


@case("ornstein_uhlenbeck_moments", agrees_with=_moments_by_an_ode_solver)
def without_a_pull_it_is_brownian_motion(ornstein_uhlenbeck_moments, draw):
    """没有拉力时就是布朗运动"""
    x0 = draw.normal(4)
    mean, variance = ornstein_uhlenbeck_moments(x0, 0.0, 2.0, 0.8, draw.uniform(low=0.3, high=1))
    return mean - 1, variance


def _a_product_of_growth_factors_of_the_second_kind(f, g, dg, x0, t, noise):
    """For f(x, t) = −0.4 x and g(x, t) = 0.7 x: exp(0.7 W), expanded to the square of W in Itô's sense."""
    rows = [x0.numpy()]
    for k, span in enumerate(np.diff(t.numpy())):
        w = np.sqrt(span) * noise[k].numpy()
        rows.append(rows[-1] * (1 + 0.7 * w + 0.245 * w * w - (0.4 + 0.245) * span))
    return torch.from_numpy(np.stack(rows))


@case("milstein", agrees_with=_a_product_of_growth_factors_of_the_second_kind)
def noise_in_proportion_to_the_state(milstein, draw):
    """与状态成正比的噪声"""
    t = draw.uniform(7, low=0.05, high=0.5).cumsum(0)
    drift, diffusion, slope = lambda x, t: -0.4 * x, lambda x, t: 0.7 * x, lambda x, t: 0.7 * torch.ones_like(x)
    return milstein(drift, diffusion, slope, draw.normal(5), t, draw.normal(6, 5))


@case("milstein", expected=torch.tensor([[1.0, 2.0], [1.5, 2.3125], [8.25, 6.9375]]))
def two_steps_of_milstein_by_hand(milstein, draw):
    """手算得出的 Milstein 两步"""
    x0, t = torch.tensor([1.0, 2.0], dtype=draw.dtype), torch.tensor([0.0, 0.25, 1.25], dtype=draw.dtype)
    noise = torch.tensor([[1.0, 0.5], [2.0, 1.0]], dtype=draw.dtype)
    return milstein(lambda x, t: 4 * t * x, lambda x, t: x, lambda x, t: torch.ones_like(x), x0, t, noise)


def _fitted(errors, dts):
    x, y = np.log(dts.double().numpy()), np.log(errors.double().numpy())
    return torch.as_tensor(np.polyfit(x, y, 1)[0], dtype=errors.dtype)


@case("strong_order", agrees_with=_fitted)
def the_slope_of_scattered_errors(strong_order, draw):
    """散点误差的斜率"""
    dts = draw.magnitudes(7, low=1e-3, high=1)
    return strong_order(dts**0.7 * draw.uniform(7, low=0.5, high=2), dts)


@case("strong_order", expected=torch.tensor(1.5))
def errors_on_a_line_give_its_slope(strong_order, draw):
    """误差恰好在一条直线上"""
    dts = torch.tensor([0.5, 0.125, 0.25, 0.0625], dtype=draw.dtype)
    return strong_order(3 * dts**1.5, dts)


def _marginal_by_an_ode_solver(x0, beta_min, beta_max, t):
    """dE/dt = −½ β E and dVar/dt = β (1 − Var), integrated numerically to the one time t."""

    def slope(s, y):
        beta = beta_min + s * (beta_max - beta_min)
        return np.append(-beta * y[:-1] / 2, beta * (1 - y[-1]))

    mean, variance = _solved(x0, t, slope)
    return mean, variance.sqrt()


def _row_by_row(x0, beta_min, beta_max, t):
    """Every sample on its own."""
    found = [_marginal_by_an_ode_solver(x, beta_min, beta_max, s) for x, s in zip(x0, t, strict=True)]
    return torch.stack([mean for mean, _ in found]), torch.stack([deviation for _, deviation in found])[:, None]


@case("vp_sde_marginal", agrees_with=_marginal_by_an_ode_solver)
def all_samples_at_one_time(vp_sde_marginal, draw):
    """所有样本在同一时刻"""
    mean, deviation = vp_sde_marginal(draw.normal(5), 0.1, 12.0, draw.uniform(low=0.3, high=0.6))
    return mean, deviation.expand_as(mean)


@case("vp_sde_marginal", agrees_with=_row_by_row)
def each_sample_at_a_time_of_its_own(vp_sde_marginal, draw):
    """每个样本各有一个时刻"""
    mean, deviation = vp_sde_marginal(draw.normal(4, 4), 0.1, 12.0, draw.uniform(4, low=0.1, high=0.6))
    return mean, deviation.expand_as(mean)


def _drift(x, t):
    return -x


def _diffusion(t):
    return torch.sqrt(2 * t)


def _score(x, t):
    return -x / t


@case("reverse_sde_step", expected=torch.tensor([1.5, -2.5, 0.5]))
def a_reverse_step_by_hand(reverse_sde_step, draw):
    """手算得出的反向一步"""
    x, t = torch.tensor([1.0, -2.0, 0.0], dtype=draw.dtype), torch.tensor(2.0, dtype=draw.dtype)
    noise = torch.tensor([0.75, -1.0, 0.5], dtype=draw.dtype)
    return reverse_sde_step(x, t, 0.25, _drift, _diffusion, _score, noise)


def _forward_as_it_was(x, t, dt, f, g, score, noise):
    """A stationary process runs backwards as it runs forwards."""
    return x - 0.9 * x * dt + (1.8 * dt) ** 0.5 * noise


@case("reverse_sde_step", agrees_with=_forward_as_it_was)
def backwards_looks_like_forwards_once_nothing_changes(reverse_sde_step, draw):
    """到达平稳分布之后，倒着看与正着看一样"""
    x, noise, t = draw.normal(3, 5), draw.normal(3, 5), draw.uniform()
    drift, diffusion = lambda x, t: -0.9 * x, lambda t: 1.8**0.5 * torch.ones_like(t)
    return reverse_sde_step(x, t, 0.07, drift, diffusion, lambda x, t: -x, noise)


@case("probability_flow_step", expected=torch.tensor([0.75, -1.5, 2.25]))
def a_flow_step_by_hand(probability_flow_step, draw):
    """手算得出的概率流一步"""
    x, t = torch.tensor([1.0, -2.0, 3.0], dtype=draw.dtype), torch.tensor(2.0, dtype=draw.dtype)
    return probability_flow_step(x, t, 0.25, _drift, _diffusion, lambda x, t: -x)


def _in_proportion_to_the_deviation(x, t, dt, f, g, score):
    """Along the flow of a normal distribution x changes as its standard deviation does: ẋ = x v̇ / (2v)."""
    variance, rate = 1 + t**2, 2 * t
    return x - dt * x * rate / (2 * variance)


@case("probability_flow_step", agrees_with=_in_proportion_to_the_deviation)
def a_normal_distribution_shrinks_with_its_deviation(probability_flow_step, draw):
    """正态分布随自己的标准差一起收缩"""
    x, t = draw.normal(3, 5), draw.uniform(low=0.5, high=2)
    return probability_flow_step(x, t, 0.3, lambda x, t: 0 * x, _diffusion, lambda x, t: -x / (1 + t**2))
