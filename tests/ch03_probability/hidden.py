"""The hidden cases of chapter 3."""

import math

import numpy as np
import scipy.special
import scipy.stats
import torch
from torch import distributions

from autograder.cases import case
from autograder.operations import vjp

INF = torch.inf

# accurate relative to a result that may be tiny
RELATIVE = {"rtol": 1e-5, "atol": 0.0}


def shares(draw, *shape):
    """Probabilities along the last dimension, none of them small."""
    weights = draw.uniform(*shape, low=0.1, high=1.0)
    return weights / weights.sum(-1, keepdim=True)


def along_the_simplex(gradient):
    """What a gradient says of changes that keep a sum of probabilities: off the simplex a formula may be continued
    in many ways, all of them right.
    """
    return gradient - gradient.mean(-1, keepdim=True)


def tiny(draw):
    """A number of the dtype whose square is none: 1e-30 in float32, 1e-250 in float64."""
    return 1e-30 if draw.dtype == torch.float32 else 1e-250


def in_float64(function):
    """An oracle of NumPy arrays: it computes in float64 and rounds once."""

    def oracle(*args):
        dtype = next(a.dtype for a in reversed(args) if isinstance(a, torch.Tensor) and a.dtype.is_floating_point)
        arrays = [a.double().numpy() if isinstance(a, torch.Tensor) else a for a in args]
        return torch.as_tensor(np.asarray(function(*arrays))).to(dtype)

    return oracle


def _normal(x, loc, scale):
    return distributions.Normal(loc, scale).log_prob(x)


_logpdf = in_float64(scipy.stats.norm.logpdf)


@case("normal_log_prob", agrees_with=_logpdf)
def every_pair_of_a_column_and_a_row(normal_log_prob, draw):
    """列与行两两配对（广播）"""
    return normal_log_prob(draw.normal(3, 1), draw.normal(5), draw.uniform(2, 1, 1, low=0.2, high=5))


@case("normal_log_prob", agrees_with=_logpdf, weight=2)
def scale_is_a_standard_deviation_and_no_variance(normal_log_prob, draw):
    """scale 是标准差，不是方差"""
    x = draw.normal(2, 5)
    wide, narrow = draw.uniform(5, low=3, high=5), draw.uniform(5, low=0.1, high=0.3)
    return normal_log_prob(x, 0 * x[0], wide), normal_log_prob(x / 5, 0 * x[0], narrow)


@case("normal_log_prob", facet="numerics", agrees_with=_logpdf)
def densities_that_underflow(normal_log_prob, draw):
    """密度下溢处，对数仍是有限的"""
    x = draw.normal(5, scale=1e4)
    return normal_log_prob(x, draw.normal(5), draw.uniform(5, low=0.5, high=2))


@case("normal_log_prob", facet="numerics", agrees_with=_logpdf, weight=2)
def standard_deviations_whose_square_is_no_number(normal_log_prob, draw):
    """标准差的平方上溢或下溢"""
    small = draw.uniform(5, low=1, high=3) * tiny(draw)
    return normal_log_prob(draw.normal(5) * small, draw.normal(5) * small, small), normal_log_prob(
        draw.normal(5) / small, draw.normal(5) / small, 1 / small
    )


@case("normal_log_prob", facet="gradient", agrees_with=_normal)
def gradients_of_observation_mean_and_scale(normal_log_prob, draw):
    """对观测、均值和标准差的梯度"""
    return vjp(normal_log_prob, draw.normal(3, 5), draw.normal(5), draw.uniform(3, 1, low=0.2, high=3), cotangent=draw)


@case("normal_log_prob", facet="gradient", agrees_with=_normal)
def gradients_where_the_density_underflows(normal_log_prob, draw):
    """密度下溢处的梯度"""
    return vjp(normal_log_prob, draw.normal(5, scale=1e4), draw.normal(5), draw.uniform(5, low=0.5), cotangent=draw)


@case("normal_log_prob", facet="interface", agrees_with=_normal)
def one_number_one_row_and_no_rows(normal_log_prob, draw):
    """一个数、一行、零行"""
    loc, scale = draw.normal(), draw.uniform(low=1, high=2)
    return [normal_log_prob(x, loc, scale) for x in (draw.normal(), draw.normal(1, 1), draw.normal(0, 3))]


@case("normal_log_prob", facet="interface", agrees_with=_normal)
def numbers_that_are_not_contiguous(normal_log_prob, draw):
    """不连续的输入"""
    scale = draw.strided(draw.uniform(5, low=0.5, high=2))
    return normal_log_prob(draw.normal(5, 3).mT, draw.strided(draw.normal(3, 5)), scale)


@case("normal_log_prob", facet="interface", raises=ValueError)
def a_negative_scale_is_refused(normal_log_prob, draw):
    """拒绝负的标准差"""
    return normal_log_prob(draw.normal(3), draw.normal(3), torch.tensor([1.0, -2.0, 1.0], dtype=draw.dtype))


@case("normal_log_prob", facet="interface", raises=ValueError)
def a_scale_of_zero_is_refused(normal_log_prob, draw):
    """拒绝为 0 的标准差"""
    return normal_log_prob(draw.normal(3), draw.normal(3), torch.tensor([1.0, 0.0, 1.0], dtype=draw.dtype))


@case("normal_log_prob", facet="interface", raises=ValueError)
def a_scale_that_is_not_a_number_is_refused(normal_log_prob, draw):
    """拒绝为 NaN 的标准差"""
    return normal_log_prob(draw.normal(3), draw.normal(3), torch.tensor([1.0, 1.0, torch.nan], dtype=draw.dtype))


def covariance(draw, *shape):
    """A symmetric positive definite matrix, or a batch of them, with eigenvalues of at least 1/2."""
    a = draw.normal(*shape, shape[-1])
    return a @ a.mT / shape[-1] + torch.eye(shape[-1], dtype=a.dtype) / 2


def _multivariate(x, loc, covariance_matrix):
    return distributions.MultivariateNormal(loc, covariance_matrix).log_prob(x)


def _one_entry_after_the_other(x, loc, covariance_matrix):
    """log p(x₁) + log p(x₂ | x₁) + …: each entry is normal given those before it."""
    result, rest, c = 0, (x - loc).double(), covariance_matrix.double()
    while c.shape[-1]:
        variance, gain = c[..., :1, :1], c[..., 1:, :1] / c[..., :1, :1]
        result = result - (rest[..., 0] ** 2 / variance[..., 0, 0] + (2 * math.pi * variance[..., 0, 0]).log()) / 2
        rest = rest[..., 1:] - gain[..., 0] * rest[..., :1]
        c = c[..., 1:, 1:] - gain * c[..., :1, 1:]
    return result.to(covariance_matrix.dtype)


@case("multivariate_normal_log_prob", agrees_with=_one_entry_after_the_other, weight=2)
def strongly_correlated_entries(multivariate_normal_log_prob, draw):
    """强相关的分量"""
    correlated = 0.9 + 0.1 * torch.eye(5, dtype=draw.dtype)
    scale = draw.uniform(5, low=0.5, high=2)
    return multivariate_normal_log_prob(draw.normal(3, 5), draw.normal(5), correlated * scale * scale[:, None])


@case("multivariate_normal_log_prob", agrees_with=_multivariate)
def batches_that_broadcast(multivariate_normal_log_prob, draw):
    """批量之间的广播"""
    return multivariate_normal_log_prob(draw.normal(3, 1, 2), draw.normal(2), covariance(draw, 5, 2)), (
        multivariate_normal_log_prob(draw.normal(4), draw.normal(3, 4), covariance(draw, 4))
    )


@case("multivariate_normal_log_prob", facet="numerics", agrees_with=_multivariate, weight=2)
def five_hundred_dimensions(multivariate_normal_log_prob, draw):
    """500 维：行列式上溢或下溢"""
    x, unit = draw.normal(2, 500), torch.eye(500, dtype=draw.dtype) + 0.5
    loc = torch.zeros_like(x[0])
    return multivariate_normal_log_prob(10 * x, loc, 100 * unit), multivariate_normal_log_prob(x / 10, loc, unit / 100)


# the log-density of numbers of size 1e±6 is a sum of logarithms near ±14 that cancel; a few roundings of 2e-6 remain
@case("multivariate_normal_log_prob", facet="numerics", agrees_with=_one_entry_after_the_other, rtol=1e-4, atol=1e-4)
def entries_in_very_different_units(multivariate_normal_log_prob, draw):
    """各分量的单位相差很远"""
    units = torch.tensor([1e-6, 1.0, 1e6, 1e-3], dtype=draw.dtype)[draw.permutation(4)]
    matrix = covariance(draw, 4) * units * units[:, None]
    return multivariate_normal_log_prob(draw.normal(3, 4) * units, draw.normal(4) * units, matrix)


@case("multivariate_normal_log_prob", facet="gradient", agrees_with=_multivariate)
def gradients_of_vector_mean_and_covariance(multivariate_normal_log_prob, draw):
    """对向量、均值和协方差矩阵的梯度"""
    x, loc, matrix = vjp(
        multivariate_normal_log_prob, draw.normal(4, 3), draw.normal(3), covariance(draw, 3), cotangent=draw
    )
    return x, loc, matrix + matrix.mT  # a covariance matrix changes symmetrically


@case("multivariate_normal_log_prob", facet="interface", agrees_with=_one_entry_after_the_other)
def one_dimension_one_vector_and_no_vectors(multivariate_normal_log_prob, draw):
    """一维、一个向量、零个向量"""
    return [
        multivariate_normal_log_prob(draw.normal(5, 1), draw.normal(1), draw.uniform(1, 1, low=2, high=5)),
        multivariate_normal_log_prob(draw.normal(3), draw.normal(3), covariance(draw, 3)),
        multivariate_normal_log_prob(draw.normal(0, 3), draw.normal(3), covariance(draw, 3)),
    ]


@case("multivariate_normal_log_prob", facet="interface", agrees_with=_multivariate)
def vectors_that_are_not_contiguous(multivariate_normal_log_prob, draw):
    """不连续的输入"""
    matrix = draw.strided(covariance(draw, 3))
    return multivariate_normal_log_prob(draw.normal(3, 4).mT, draw.strided(draw.normal(3)), matrix)


@case("multivariate_normal_log_prob", facet="interface", raises=ValueError)
def a_covariance_that_is_not_positive_definite_is_refused(multivariate_normal_log_prob, draw):
    """拒绝非正定的协方差矩阵（行列式为正）"""
    return multivariate_normal_log_prob(draw.normal(3, 2), draw.normal(2), -covariance(draw, 2))


@case("multivariate_normal_log_prob", facet="interface", raises=ValueError)
def a_covariance_of_another_size_is_refused(multivariate_normal_log_prob, draw):
    """拒绝大小不符的协方差矩阵"""
    return multivariate_normal_log_prob(draw.normal(3, 4), draw.normal(4), covariance(draw, 5))


def _bernoulli(x, probs):
    return distributions.Bernoulli(probs).log_prob(x)


def _bernoulli_of_any(x, probs):
    return _bernoulli(x.to(probs.dtype), probs)


_bernoulli_logpmf = in_float64(
    lambda x, probs: scipy.special.xlogy(x, probs) + scipy.special.xlog1py(1 - x.astype(float), -probs)
)


def or_log_eps(log_probs):
    """Torch's value for the impossible, the logarithm of eps, in place of −inf: either may be given."""
    return torch.where(log_probs == -INF, math.log(torch.finfo(log_probs.dtype).eps), log_probs)


@case("bernoulli_log_prob", agrees_with=_bernoulli)
def outcomes_and_probabilities_that_broadcast(bernoulli_log_prob, draw):
    """结果与概率之间的广播"""
    return bernoulli_log_prob(draw.mask(3, 1).to(draw.dtype), draw.uniform(5, low=0.05, high=0.95))


@case("bernoulli_log_prob", agrees_with=_bernoulli_of_any)
def outcomes_of_every_dtype(bernoulli_log_prob, draw):
    """各种 dtype 的结果"""
    probs, happened = draw.uniform(7, low=0.05, high=0.95), draw.mask(7)
    return [bernoulli_log_prob(happened.to(dtype), probs) for dtype in (torch.bool, torch.int64, torch.float64)]


@case("bernoulli_log_prob", facet="numerics", agrees_with=_bernoulli, weight=2)
def certain_and_impossible_outcomes(bernoulli_log_prob, draw):
    """必然与不可能的结果"""
    x = torch.tensor([[1, 0, 1, 0]], dtype=draw.dtype)
    return or_log_eps(bernoulli_log_prob(x, torch.tensor([[1, 0, 0, 1]], dtype=draw.dtype)))


@case("bernoulli_log_prob", facet="numerics", agrees_with=_bernoulli_logpmf, weight=2, **RELATIVE)
def rare_events_keep_their_digits(bernoulli_log_prob, draw):
    """罕见事件保持有效数字"""
    rare = draw.magnitudes(2, 7, low=1e-25, high=1e-3)
    return bernoulli_log_prob(torch.tensor([[1.0], [0.0]], dtype=draw.dtype), rare)


@case("bernoulli_log_prob", facet="gradient", agrees_with=_bernoulli_of_any)
def the_gradient_of_a_yes_and_of_a_no(bernoulli_log_prob, draw):
    """“是”与“否”的梯度"""
    x = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0], dtype=draw.dtype)[draw.permutation(7)]
    return vjp(bernoulli_log_prob, x.bool(), draw.uniform(3, 7, low=0.05, high=0.95), cotangent=draw)


def _slope_of_the_possible(x, probs):
    """log p where x = 1 and log(1 − p) where x = 0, one entry at a time."""
    return torch.stack([torch.log(p if happened else 1 - p) for happened, p in zip(x, probs, strict=True)])


@case("bernoulli_log_prob", facet="gradient", agrees_with=_slope_of_the_possible, weight=2)
def the_gradient_of_a_certain_outcome_is_finite(bernoulli_log_prob, draw):
    """必然结果的梯度是有限的"""
    x = torch.tensor([True, False, True, False])
    probs = torch.cat([torch.tensor([1.0, 0.0], dtype=draw.dtype), draw.uniform(2, low=0.2, high=0.8)])
    return vjp(bernoulli_log_prob, x, probs, cotangent=draw)


@case("bernoulli_log_prob", facet="interface", agrees_with=_bernoulli)
def one_outcome_one_row_and_no_outcomes(bernoulli_log_prob, draw):
    """一个结果、一行、零个结果"""
    return [
        bernoulli_log_prob(draw.mask(*shape).to(draw.dtype), draw.uniform(*shape, low=0.1, high=0.9))
        for shape in ((), (1, 3), (0, 3))
    ]


@case("bernoulli_log_prob", facet="interface", agrees_with=_bernoulli)
def outcomes_that_are_not_contiguous(bernoulli_log_prob, draw):
    """不连续的输入"""
    x = draw.mask(5, 3).to(draw.dtype).mT
    return bernoulli_log_prob(x, draw.strided(draw.uniform(3, 5, low=0.1, high=0.9)))


@case("bernoulli_log_prob", facet="interface", raises=ValueError)
def a_probability_above_one_is_refused(bernoulli_log_prob, draw):
    """拒绝大于 1 的概率"""
    return bernoulli_log_prob(torch.zeros(2, dtype=draw.dtype), torch.tensor([0.5, 1.5], dtype=draw.dtype))


@case("bernoulli_log_prob", facet="interface", raises=ValueError)
def a_probability_below_zero_is_refused(bernoulli_log_prob, draw):
    """拒绝负的概率"""
    return bernoulli_log_prob(torch.zeros(2, dtype=draw.dtype), torch.tensor([0.5, -0.5], dtype=draw.dtype))


@case("bernoulli_log_prob", facet="interface", raises=ValueError)
def an_outcome_between_no_and_yes_is_refused(bernoulli_log_prob, draw):
    """拒绝既不是 0 也不是 1 的结果"""
    return bernoulli_log_prob(torch.tensor([1.0, 0.5], dtype=draw.dtype), draw.uniform(2, low=0.2, high=0.8))


def _categorical(k, probs):
    return distributions.Categorical(probs).log_prob(k)


def _log_share(k, probs):
    probs = np.broadcast_to(probs, (*np.broadcast_shapes(k.shape, probs.shape[:-1]), probs.shape[-1]))
    k = np.broadcast_to(k.astype(int), probs.shape[:-1])
    with np.errstate(divide="ignore"):
        return np.log(np.take_along_axis(probs, k[..., None], -1)[..., 0]) - np.log(probs.sum(-1))


_log_share = in_float64(_log_share)


@case("categorical_log_prob", agrees_with=_categorical)
def classes_and_rows_that_broadcast(categorical_log_prob, draw):
    """类别与各行之间的广播"""
    return [
        categorical_log_prob(draw.integers(0, 5, 3, 1), shares(draw, 2, 5)),
        categorical_log_prob(draw.integers(0, 4, 7), shares(draw, 4)),
        categorical_log_prob(draw.integers(0, 5, 1)[0], shares(draw, 3, 5)),
    ]


@case("categorical_log_prob", agrees_with=_log_share, weight=2)
def counts_in_place_of_probabilities(categorical_log_prob, draw):
    """用计数代替概率"""
    return categorical_log_prob(draw.integers(0, 7, 4), draw.uniform(4, 7, low=20, high=500)), categorical_log_prob(
        draw.integers(0, 3, 4), draw.uniform(4, 3, low=0.01, high=0.05)
    )


@case("categorical_log_prob", facet="numerics", agrees_with=lambda k, probs: or_log_eps(_log_share(k, probs)))
def classes_of_probability_zero_and_one(categorical_log_prob, draw):
    """概率为 0 与 1 的类别"""
    probs = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.0, 3.0]], dtype=draw.dtype)
    return or_log_eps(categorical_log_prob(torch.tensor([[1], [0], [2]]), probs)), or_log_eps(
        categorical_log_prob(torch.tensor([0, 1, 1]), probs)
    )


@case("categorical_log_prob", facet="numerics", agrees_with=_log_share, weight=2)
def weights_of_very_different_size(categorical_log_prob, draw):
    """权重的大小相差很远"""
    weights = torch.tensor([tiny(draw), 1e-20, 1.0, 1 / tiny(draw)], dtype=draw.dtype)
    return categorical_log_prob(torch.arange(4), weights * draw.uniform(4, 4, low=1, high=3))


@case("categorical_log_prob", facet="gradient", agrees_with=_categorical)
def the_gradient_reaches_the_whole_row(categorical_log_prob, draw):
    """梯度传到整行"""
    return vjp(categorical_log_prob, draw.integers(0, 5, 4), draw.uniform(4, 5, low=0.5, high=3), cotangent=draw)


def _difference_of_logs(k, probs):
    return torch.stack([p[i].log() - p.sum().log() for i, p in zip(k, probs, strict=True)])


@case("categorical_log_prob", facet="gradient", agrees_with=_difference_of_logs, weight=2)
def the_gradient_beside_a_class_of_weight_zero(categorical_log_prob, draw):
    """旁边有权重为 0 的类别时的梯度"""
    probs = draw.uniform(3, 5, low=0.5, high=3)
    probs[:, 2] = 0
    return vjp(categorical_log_prob, torch.tensor([0, 3, 4]), probs, cotangent=draw)


@case("categorical_log_prob", facet="interface", agrees_with=_categorical)
def one_class_one_row_and_no_rows(categorical_log_prob, draw):
    """一个类别、一行、零行"""
    return [
        categorical_log_prob(torch.tensor([0, 0, 0]), shares(draw, 3, 1)),
        categorical_log_prob(torch.tensor([2]), shares(draw, 1, 4)),
        categorical_log_prob(draw.integers(0, 3, 0), shares(draw, 3).expand(0, 3)),
    ]


@case("categorical_log_prob", facet="interface", agrees_with=_categorical)
def rows_that_are_not_contiguous(categorical_log_prob, draw):
    """不连续的输入"""
    k = draw.integers(0, 3, 8)[::2]
    return categorical_log_prob(k, draw.strided(shares(draw, 4, 3))), categorical_log_prob(
        k, draw.uniform(3, 4, low=1, high=2).mT
    )


@case("categorical_log_prob", facet="interface", raises=ValueError)
def a_negative_weight_is_refused(categorical_log_prob, draw):
    """拒绝负的权重"""
    return categorical_log_prob(torch.tensor([0]), torch.tensor([0.8, -0.2, 0.4], dtype=draw.dtype))


@case("categorical_log_prob", facet="interface", raises=ValueError)
def a_row_without_any_weight_is_refused(categorical_log_prob, draw):
    """拒绝权重全为 0 的行"""
    probs = shares(draw, 2, 3)
    probs[1] = 0
    return categorical_log_prob(torch.tensor([0, 1]), probs)


@case("categorical_log_prob", facet="interface", raises=ValueError)
def a_class_beyond_the_last_is_refused(categorical_log_prob, draw):
    """拒绝超出范围的类别"""
    return categorical_log_prob(torch.tensor([0, 3]), shares(draw, 2, 3))


@case("categorical_log_prob", facet="interface", raises=ValueError)
def a_class_below_the_first_is_refused(categorical_log_prob, draw):
    """拒绝负的类别"""
    return categorical_log_prob(torch.tensor([0, -1]), shares(draw, 2, 3))


# Every sample is determined by its uniform number, so the cases compare indices exactly. They keep away from sums that
# rounding could move: probabilities are multiples of a power of 2, or the numbers lie well inside a class.


def _by_bisection(probs, uniforms):
    """One row and one uniform number after the other, by NumPy's binary search among the sums but the last."""
    shape = torch.broadcast_shapes(probs.shape[:-1], uniforms.shape)
    rows = probs.expand(*shape, -1).reshape(-1, probs.shape[-1]).double().numpy()
    numbers = uniforms.expand(shape).flatten().double().numpy()
    found = [np.searchsorted(np.cumsum(p)[:-1], u, side="right") for p, u in zip(rows, numbers, strict=True)]
    return torch.tensor(found, dtype=torch.int64).reshape(shape)


def inside(draw, probs, *shape):
    """Uniform numbers of this shape, none within a tenth of a class of its ends."""
    k = draw.integers(0, probs.shape[-1], *shape)
    right = probs.double().cumsum(-1).expand(*shape, -1).gather(-1, k[..., None]).squeeze(-1)
    width = probs.double().expand(*shape, -1).gather(-1, k[..., None]).squeeze(-1)
    return (right - draw.uniform(*shape, low=0.1, high=0.9).double() * width).to(probs.dtype)


@case("categorical_sample", agrees_with=_by_bisection, weight=2)
def many_uniform_numbers_and_one_distribution(categorical_sample, draw):
    """许多均匀随机数，一个分布"""
    probs = shares(draw, 7)
    return categorical_sample(probs, inside(draw, probs, 5, 9))


@case("categorical_sample", agrees_with=_by_bisection)
def a_distribution_for_each_uniform_number(categorical_sample, draw):
    """每个均匀随机数有自己的分布"""
    probs = shares(draw, 6, 5)
    return categorical_sample(probs, inside(draw, probs, 6)), categorical_sample(probs, inside(draw, probs, 9, 6))


@case("categorical_sample", agrees_with=_by_bisection)
def a_row_for_each_of_several_distributions(categorical_sample, draw):
    """几个分布各抽一行"""
    probs = shares(draw, 3, 1, 4)
    return categorical_sample(probs, inside(draw, probs, 3, 8))


@case("categorical_sample", expected=torch.tensor([96, 0, 64, 416, 192, 256]))
def evenly_spaced_numbers_hit_each_class_in_proportion(categorical_sample, draw):
    """等距的数落入各类别的次数与概率成正比"""
    probs = torch.tensor([96, 0, 64, 416, 192, 256], dtype=draw.dtype) / 1024
    uniforms = (draw.permutation(1024).to(draw.dtype) + 0.5) / 1024
    return torch.bincount(categorical_sample(probs, uniforms), minlength=6)


@case("categorical_sample", facet="numerics", expected=torch.tensor([0, 1, 1, 2, 3, 3]), weight=2)
def numbers_on_and_just_below_a_boundary(categorical_sample, draw):
    """恰在边界上与刚好在边界之下的数"""
    probs = torch.tensor([0.25, 0.25, 0.375, 0.125], dtype=draw.dtype)
    below = 1 - torch.finfo(draw.dtype).eps
    numbers = [0.25 * below, 0.25, 0.5 * below, 0.5, 0.875, below]
    return categorical_sample(probs, torch.tensor(numbers, dtype=draw.dtype))


@case("categorical_sample", facet="numerics", expected=torch.tensor([1, 1, 4, 4, 4]), weight=2)
def a_class_of_probability_zero_never_comes(categorical_sample, draw):
    """概率为 0 的类别不会出现"""
    probs = torch.tensor([0, 0.5, 0, 0, 0.5, 0, 0], dtype=draw.dtype)
    below = 1 - torch.finfo(draw.dtype).eps
    return categorical_sample(probs, torch.tensor([0, 0.5 * below, 0.5, 0.75, below], dtype=draw.dtype))


@case("categorical_sample", facet="numerics", expected=torch.tensor([0, 1, 1]), weight=2)
def probabilities_that_sum_to_a_little_less_than_one(categorical_sample, draw):
    """因舍入而总和略小于 1 的概率"""
    eps = torch.finfo(draw.dtype).eps
    probs = torch.tensor([0.25, 0.75 - 2 * eps, 0.0], dtype=draw.dtype)
    return categorical_sample(probs, torch.tensor([0.125, 1 - 2 * eps, 1 - eps / 2], dtype=draw.dtype))


@case("categorical_sample", facet="interface", agrees_with=_by_bisection)
def one_number_one_class_and_no_numbers(categorical_sample, draw):
    """一个数、一个类别、零个数"""
    probs = shares(draw, 5)
    return [
        categorical_sample(probs, inside(draw, probs, 1)[0]),
        categorical_sample(torch.ones(1, dtype=draw.dtype), draw.uniform(4)),
        categorical_sample(probs, draw.uniform(0)),
    ]


@case("categorical_sample", facet="interface", agrees_with=_by_bisection)
def uniform_numbers_that_are_not_contiguous(categorical_sample, draw):
    """不连续的输入"""
    probs = draw.strided(shares(draw, 6))
    return categorical_sample(probs, inside(draw, probs, 5, 3).mT), categorical_sample(
        probs, draw.strided(inside(draw, probs, 4))
    )


@case("categorical_sample", facet="interface", raises=ValueError)
def a_uniform_number_of_one_is_refused(categorical_sample, draw):
    """拒绝等于 1 的“均匀随机数”"""
    return categorical_sample(shares(draw, 3), torch.tensor([0.5, 1.0], dtype=draw.dtype))


@case("categorical_sample", facet="interface", raises=ValueError)
def a_uniform_number_below_zero_is_refused(categorical_sample, draw):
    """拒绝负的“均匀随机数”"""
    return categorical_sample(shares(draw, 3), torch.tensor([0.5, -0.1], dtype=draw.dtype))


@case("categorical_sample", facet="interface", raises=ValueError)
def a_negative_probability_is_refused(categorical_sample, draw):
    """拒绝负的概率"""
    return categorical_sample(torch.tensor([0.5, -0.5, 1.0], dtype=draw.dtype), draw.uniform(4))


def _numpy_sum(joint, dim):
    return torch.as_tensor(np.asarray(joint.double().numpy().sum(axis=dim))).to(joint.dtype)


def table(draw, *shape):
    """A joint distribution of variables with these many values."""
    return shares(draw, math.prod(shape)).reshape(shape)


@case("marginal", agrees_with=_numpy_sum)
def every_variable_from_either_end(marginal, draw):
    """每一个变量，从两端数"""
    joint = table(draw, 2, 7, 3)
    return [marginal(joint, dim) for dim in range(-3, 3)]


@case("marginal", agrees_with=_numpy_sum, weight=2)
def several_variables_at_once(marginal, draw):
    """同时对几个变量求和"""
    joint = table(draw, 2, 3, 4, 5)
    return [marginal(joint, dim) for dim in ((0, 1), (1, -1), (-2, 0, 3))]


@case("marginal", facet="numerics", agrees_with=_numpy_sum, **RELATIVE)
def rare_combinations_keep_their_digits(marginal, draw):
    """罕见的组合保持有效数字"""
    return marginal(draw.magnitudes(5, 4, low=1e-30, high=1e-20), 1), marginal(draw.magnitudes(3, 4, high=1e20), 0)


@case("marginal", facet="gradient", agrees_with=torch.sum)
def the_gradient_reaches_every_term(marginal, draw):
    """梯度传到每一项"""
    return vjp(marginal, table(draw, 3, 4, 2), cotangent=draw, dim=1)


@case("marginal", facet="interface", agrees_with=_numpy_sum)
def variables_of_one_value_and_of_none(marginal, draw):
    """只有一个值、没有值的变量"""
    return [
        marginal(table(draw, 5), 0),
        marginal(table(draw, 3, 1), 1),
        marginal(draw.uniform(0, 4), 0),
        marginal(draw.uniform(0, 4), 1),
    ]


@case("marginal", facet="interface", agrees_with=_numpy_sum)
def a_table_that_is_not_contiguous(marginal, draw):
    """不连续的联合分布表"""
    return marginal(table(draw, 4, 3).mT, 0), marginal(draw.strided(table(draw, 3, 5)), 1)


@case("marginal", facet="interface", raises=ValueError)
def a_variable_that_is_not_there_is_refused(marginal, draw):
    """拒绝不存在的变量"""
    return marginal(table(draw, 3, 4), 2)


def _slice_by_slice(joint, given_dim):
    """Every slice of the table divided by its own sum, in float64."""
    parts = [part / part.sum() for part in joint.double().unbind(given_dim)]
    return torch.stack(parts, dim=given_dim).to(joint.dtype)


@case("conditional", agrees_with=_slice_by_slice)
def each_variable_known_in_turn(conditional, draw):
    """依次已知每一个变量"""
    joint = table(draw, 2, 7, 3)
    return [conditional(joint, given_dim) for given_dim in range(-3, 3)]


@case("conditional", agrees_with=_slice_by_slice)
def a_square_table_known_by_row_and_by_column(conditional, draw):
    """方阵形的联合分布表，分别已知行与列"""
    joint = table(draw, 4, 4)
    return conditional(joint, 0), conditional(joint, 1)


@case("conditional", agrees_with=_slice_by_slice)
def counts_serve_as_well(conditional, draw):
    """计数同样可用"""
    return conditional(draw.integers(1, 100, 3, 5).to(draw.dtype), given_dim=1)


@case("conditional", facet="numerics", agrees_with=_slice_by_slice, weight=2)
def a_condition_of_probability_zero_gives_nan_there(conditional, draw):
    """概率为 0 的条件：该处为 NaN，其余不受影响"""
    joint = table(draw, 3, 4)
    joint[:, 1] = 0
    return conditional(joint, 1), conditional(joint, 0)


@case("conditional", facet="numerics", agrees_with=_slice_by_slice, weight=2)
def a_condition_that_is_very_rare(conditional, draw):
    """极为罕见的条件"""
    return conditional(table(draw, 4, 3) * torch.tensor([1.0, 1e-10, 1e-30], dtype=draw.dtype), given_dim=1)


@case("conditional", facet="gradient", agrees_with=_slice_by_slice)
def gradients_flow_through_the_marginal(conditional, draw):
    """梯度也流过边缘概率"""
    return vjp(conditional, table(draw, 3, 5), cotangent=draw, given_dim=0), vjp(
        conditional, table(draw, 2, 3, 4), cotangent=draw, given_dim=1
    )


@case("conditional", facet="interface", agrees_with=_slice_by_slice)
def variables_of_one_value(conditional, draw):
    """只有一个值的变量"""
    return conditional(table(draw, 1, 4), 0), conditional(table(draw, 4, 1), 0)


@case("conditional", facet="interface", expected=(0, 4))
def a_variable_without_values(conditional, draw):
    """没有值的变量"""
    return tuple(conditional(draw.uniform(0, 4), 1).shape)


@case("conditional", facet="interface", agrees_with=_slice_by_slice)
def a_joint_table_that_is_not_contiguous(conditional, draw):
    """不连续的联合分布表"""
    return conditional(table(draw, 4, 3).mT, 0), conditional(draw.strided(table(draw, 3, 5)), 1)


@case("conditional", facet="interface", raises=ValueError)
def a_condition_on_no_variable_is_refused(conditional, draw):
    """拒绝不存在的变量"""
    return conditional(table(draw, 3, 4), 2)


def _by_logarithms(prior, likelihood):
    """The softmax of the log-joint, in float64."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return scipy.special.softmax(np.log(prior) + np.log(likelihood), axis=-1)


_by_logarithms = in_float64(_by_logarithms)


def _quotient(prior, likelihood):
    joint = prior * likelihood
    return joint / joint.sum(-1, keepdim=True)


# where the logarithms themselves are large, some hundreds, a softmax of their sum in the dtype keeps fewer digits: the
# rounding of −138 in float32 is 1e-5
BY_LOGARITHMS = {"rtol": 1e-4, "atol": 1e-6}


@case("bayes_posterior", agrees_with=_by_logarithms)
def priors_and_likelihoods_that_broadcast(bayes_posterior, draw):
    """先验与似然之间的广播"""
    return bayes_posterior(shares(draw, 2, 1, 5), draw.uniform(3, 5, low=0.1, high=0.9)), bayes_posterior(
        shares(draw, 4, 3), draw.uniform(3, low=0.1, high=0.9)
    )


@case("bayes_posterior", agrees_with=_by_logarithms, weight=2)
def densities_above_one_and_a_prior_not_uniform(bayes_posterior, draw):
    """密度大于 1，先验不均匀"""
    prior = torch.tensor([0.9, 0.09, 0.01], dtype=draw.dtype)
    return bayes_posterior(prior, draw.uniform(5, 3, low=1, high=30))


@case("bayes_posterior", facet="numerics", agrees_with=_by_logarithms, weight=2, **BY_LOGARITHMS)
def products_that_underflow(bayes_posterior, draw):
    """先验与似然的乘积下溢"""
    prior, likelihood = shares(draw, 4), draw.uniform(3, 4, low=1, high=5)
    prior[1:] *= tiny(draw)
    return (
        bayes_posterior(prior[1:], likelihood[:, 1:] * tiny(draw)),
        bayes_posterior(prior, likelihood * prior.flip(0)),
    )


@case("bayes_posterior", facet="numerics", agrees_with=_by_logarithms, **BY_LOGARITHMS)
def the_only_hypothesis_left_is_improbable_twice_over(bayes_posterior, draw):
    """仅剩的假设，先验与似然都极小"""
    small = draw.uniform(2, low=1, high=5) * tiny(draw)
    one, zero = torch.ones_like(small[0]), torch.zeros_like(small[0])
    return bayes_posterior(torch.stack([one, *small, zero]), torch.stack([zero, *small, one]))


@case("bayes_posterior", facet="numerics", agrees_with=_by_logarithms)
def an_observation_that_nothing_explains_is_nan(bayes_posterior, draw):
    """没有假设能解释的观测给出 NaN，其余不受影响"""
    likelihood = draw.uniform(3, 4, low=0.1, high=0.9)
    likelihood[1] = 0
    likelihood[2, 0] = 0
    return bayes_posterior(shares(draw, 4), likelihood)


@case("bayes_posterior", facet="gradient", agrees_with=_quotient)
def gradients_of_prior_and_likelihood(bayes_posterior, draw):
    """对先验与似然的梯度"""
    return vjp(bayes_posterior, shares(draw, 5), draw.uniform(3, 5, low=0.1, high=0.9), cotangent=draw)


@case("bayes_posterior", facet="gradient", agrees_with=_quotient, weight=2)
def gradients_beside_a_likelihood_of_zero(bayes_posterior, draw):
    """有的似然为 0 时的梯度"""
    likelihood = draw.uniform(3, 4, low=0.1, high=0.9)
    likelihood[:, 2] = 0
    return vjp(bayes_posterior, shares(draw, 4), likelihood, cotangent=draw)


def _scaled_quotient(prior, likelihood):
    return _quotient(prior, likelihood * 1e200)


@case("bayes_posterior", facet="gradient", agrees_with=_scaled_quotient)
def the_gradient_of_the_prior_where_products_underflow(bayes_posterior, draw):
    """乘积下溢处，对先验的梯度"""
    prior = shares(draw, 4) * 1e-150
    # the gradient by a likelihood of 1e-200 is of size 1e200 and says nothing new
    return vjp(bayes_posterior, prior, draw.uniform(4, low=1, high=5) * 1e-200, cotangent=draw)[0] * 1e-150


@case("bayes_posterior", facet="interface", agrees_with=_by_logarithms)
def one_hypothesis_one_row_and_no_observations(bayes_posterior, draw):
    """一个假设、一行、零个观测"""
    return [
        bayes_posterior(torch.ones(1, dtype=draw.dtype), draw.uniform(3, 1, low=0.1)),
        bayes_posterior(shares(draw, 1, 3), draw.uniform(1, 3, low=0.1)),
        bayes_posterior(shares(draw, 3), draw.uniform(0, 3, low=0.1)),
    ]


@case("bayes_posterior", facet="interface", agrees_with=_by_logarithms)
def likelihoods_that_are_not_contiguous(bayes_posterior, draw):
    """不连续的输入"""
    return bayes_posterior(draw.strided(shares(draw, 4)), draw.uniform(4, 3, low=0.1, high=0.9).mT)


@case("bayes_posterior", facet="interface", raises=ValueError)
def one_likelihood_for_all_hypotheses_is_refused(bayes_posterior, draw):
    """拒绝与假设个数不符的似然"""
    return bayes_posterior(shares(draw, 4), draw.uniform(3, 1, low=0.1, high=0.9))


def _weighted_mean(values, probs):
    values, probs = np.broadcast_arrays(values, probs)
    return np.average(values, weights=probs, axis=-1)


_weighted_mean = in_float64(_weighted_mean)


def _sum_of_products(values, probs):
    return torch.einsum("...i,...i->...", values, probs)


@case("expectation", agrees_with=_weighted_mean)
def values_and_probabilities_that_broadcast(expectation, draw):
    """取值与概率之间的广播"""
    return expectation(draw.normal(3, 1, 5), shares(draw, 2, 5)), expectation(draw.normal(5), shares(draw, 4, 5))


@case("expectation", agrees_with=_weighted_mean)
def whole_numbers(expectation, draw):
    """取值为整数"""
    return expectation(torch.arange(1, 7), shares(draw, 4, 6))


@case("expectation", facet="numerics", agrees_with=_weighted_mean)
def outcomes_of_probability_zero_and_one(expectation, draw):
    """概率为 0 与 1 的结果"""
    certain = torch.eye(3, dtype=draw.dtype)
    coin = torch.tensor([0.5, 0.0, 0.5], dtype=draw.dtype)
    return expectation(draw.normal(3, scale=1e6), certain), expectation(draw.normal(3), coin)


@case("expectation", facet="gradient", agrees_with=_sum_of_products)
def gradients_of_values_and_probabilities(expectation, draw):
    """对取值与概率的梯度"""
    values, probs = vjp(expectation, draw.normal(3, 5), shares(draw, 3, 5), cotangent=draw)
    return values, along_the_simplex(probs)


@case("expectation", facet="interface", agrees_with=_weighted_mean)
def one_outcome_one_row_and_no_rows_of_values(expectation, draw):
    """一个结果、一行、零行"""
    return [
        expectation(draw.normal(3, 1), torch.ones(3, 1, dtype=draw.dtype)),
        expectation(draw.normal(1, 5), shares(draw, 5)),
        expectation(draw.normal(0, 5), shares(draw, 5)),
    ]


@case("expectation", facet="interface", agrees_with=_weighted_mean)
def values_that_are_not_contiguous(expectation, draw):
    """不连续的输入"""
    return expectation(draw.normal(4, 3).mT, draw.strided(shares(draw, 4)))


@case("expectation", facet="interface", raises=ValueError)
def one_probability_for_many_values_is_refused(expectation, draw):
    """拒绝与取值个数不符的概率"""
    return expectation(draw.normal(3, 5), torch.ones(3, 1, dtype=draw.dtype))


def _over_pairs(values, probs):
    """Var[X] = ½ E[(X − X′)²] for two independent draws, in float64: no mean is needed."""
    values, probs = values.double(), probs.double()
    squares = (values[..., :, None] - values[..., None, :]).square()
    return (squares * probs[..., :, None] * probs[..., None, :]).sum((-2, -1)) / 2


def _over_pairs_rounded(values, probs):
    return _over_pairs(values, probs).to(probs.dtype)


@case("variance", agrees_with=_over_pairs_rounded)
def rows_that_broadcast(variance, draw):
    """取值与概率之间的广播"""
    return variance(draw.normal(3, 1, 5), shares(draw, 2, 5)), variance(draw.normal(5), shares(draw, 4, 5))


@case("variance", agrees_with=_over_pairs_rounded)
def the_roll_of_a_loaded_die(variance, draw):
    """一颗不均匀的骰子"""
    return variance(torch.arange(1, 7), shares(draw, 4, 6))


@case("variance", facet="numerics", agrees_with=_over_pairs_rounded, weight=2, draws=3)
def a_mean_far_larger_than_the_spread(variance, draw):
    """均值远大于散布"""
    level = 3e3 if draw.dtype == torch.float32 else 1e8
    return variance(level + draw.normal(5, 6), shares(draw, 5, 6)), variance(draw.normal(6) - level, shares(draw, 6))


@case("variance", facet="numerics", agrees_with=_over_pairs_rounded, **RELATIVE)
def a_spread_far_from_one(variance, draw):
    """很小与很大的散布"""
    return variance(draw.normal(7, scale=1e-12), shares(draw, 7)), variance(draw.normal(7, scale=1e12), shares(draw, 7))


@case("variance", facet="numerics", agrees_with=_over_pairs_rounded)
def a_certain_outcome_has_no_variance_and_a_coin_has(variance, draw):
    """必然的结果没有方差，硬币有"""
    probs = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]], dtype=draw.dtype)
    return variance(draw.normal(3), probs)


@case("variance", facet="gradient", agrees_with=_over_pairs)
def gradients_of_values_and_of_probabilities(variance, draw):
    """对取值与概率的梯度"""
    values, probs = vjp(variance, draw.normal(3, 5), shares(draw, 3, 5), cotangent=draw)
    return values, along_the_simplex(probs)


@case("variance", facet="interface", agrees_with=_over_pairs_rounded)
def one_row_and_no_rows(variance, draw):
    """一行、零行"""
    return variance(draw.normal(1, 5), shares(draw, 5)), variance(draw.normal(0, 5), shares(draw, 5))


@case("variance", facet="interface", agrees_with=_over_pairs_rounded)
def numbers_with_gaps_between_them(variance, draw):
    """不连续的输入"""
    return variance(draw.normal(4, 3).mT, draw.strided(shares(draw, 4)))


@case("variance", facet="interface", raises=ValueError)
def one_probability_for_many_outcomes_is_refused(variance, draw):
    """拒绝与取值个数不符的概率"""
    return variance(draw.normal(3, 5), torch.ones(3, 1, dtype=draw.dtype))


def _fit(x):
    return tuple(torch.tensor(number, dtype=x.dtype) for number in scipy.stats.norm.fit(x.double().numpy()))


@case("gaussian_mle", agrees_with=_fit, weight=2)
def two_and_three_observations(gaussian_mle, draw):
    """两个、三个观测"""
    return gaussian_mle(draw.normal(2, loc=1)), gaussian_mle(draw.normal(3, loc=-2))


@case("gaussian_mle", agrees_with=_fit)
def many_observations_in_a_tensor(gaussian_mle, draw):
    """张量里的许多观测"""
    return gaussian_mle(draw.normal(3, 11, 7, loc=5, scale=0.1))


@case("gaussian_mle", facet="numerics", agrees_with=_fit)
def observations_far_from_zero(gaussian_mle, draw):
    """远离 0 的观测"""
    return gaussian_mle(draw.normal(9) + (3e3 if draw.dtype == torch.float32 else 1e8))


@case("gaussian_mle", facet="numerics", agrees_with=_fit, **RELATIVE)
def observations_tiny_and_huge(gaussian_mle, draw):
    """很小与很大的观测"""
    return gaussian_mle(draw.normal(9, loc=2e-12, scale=1e-12)), gaussian_mle(draw.normal(9, loc=3e12, scale=1e12))


def _by_sufficient_statistics(x):
    """Σx and Σx² say everything."""
    n, first, second = x.numel(), x.sum(), (x * x).sum()
    return first / n, torch.sqrt(n * second - first * first) / n


@case("gaussian_mle", facet="gradient", agrees_with=_by_sufficient_statistics)
def gradients_of_mean_and_scale(gaussian_mle, draw):
    """均值与标准差的梯度"""
    return vjp(gaussian_mle, draw.normal(3, 4), cotangent=draw)


@case("gaussian_mle", facet="interface", agrees_with=_fit)
def a_single_observation_has_no_spread(gaussian_mle, draw):
    """单个观测没有散布"""
    return gaussian_mle(draw.normal(1)), gaussian_mle(draw.normal())


@case("gaussian_mle", facet="interface", agrees_with=_fit)
def observations_that_are_not_contiguous(gaussian_mle, draw):
    """不连续的观测"""
    return gaussian_mle(draw.strided(draw.normal(3, 5))), gaussian_mle(draw.normal(4, 3).mT)


@case("gaussian_mle", facet="interface", raises=ValueError)
def no_observations_are_refused(gaussian_mle, draw):
    """拒绝没有观测"""
    return gaussian_mle(draw.normal(0, 3))


def _t_interval(x, alpha):
    """The formula in SciPy's words, whatever n is: `bayes_mvs` gives inf for the mean of two numbers, and takes the
    normal distribution beyond a thousand.
    """
    data = x.double().numpy()
    freedom, error = data.size - 1, data.std(ddof=1) / math.sqrt(data.size)
    low, high = scipy.stats.t.interval(alpha, freedom, loc=data.mean(), scale=error)
    mean, low, high = (torch.tensor(number, dtype=x.dtype) for number in (data.mean(), low, high))
    return mean, (low, high)


@case("mean_credible_interval", agrees_with=_t_interval, weight=2)
def two_and_three_observations_of_the_mean(mean_credible_interval, draw):
    """两个、三个观测"""
    return mean_credible_interval(draw.normal(2, loc=1), 0.8), mean_credible_interval(draw.normal(3, loc=1), 0.95)


@case("mean_credible_interval", agrees_with=_t_interval)
def levels_from_low_to_high(mean_credible_interval, draw):
    """从低到高的水平"""
    x = draw.normal(6, loc=2)
    return [mean_credible_interval(x, alpha) for alpha in (0.05, draw.number(0.2, 0.8), 0.9, 0.999)]


@case("mean_credible_interval", agrees_with=_t_interval)
def observations_in_a_matrix(mean_credible_interval, draw):
    """观测排成矩阵"""
    return mean_credible_interval(draw.normal(3, 5, loc=-4, scale=3), 0.9)


@case("mean_credible_interval", agrees_with=_t_interval, dtypes=(torch.float64,))
def thousands_of_observations(mean_credible_interval, draw):
    """几千个观测"""
    return mean_credible_interval(draw.normal(1501, loc=0.1), 0.99)


@case("mean_credible_interval", facet="numerics", agrees_with=_t_interval)
def a_mean_far_from_zero(mean_credible_interval, draw):
    """远离 0 的均值"""
    mean, (low, high) = mean_credible_interval(draw.normal(9) + (3e3 if draw.dtype == torch.float32 else 1e8), 0.9)
    return mean, low, high


def _t_interval_of_tensors(x, alpha):
    margin = scipy.stats.t.ppf((1 + alpha) / 2, x.numel() - 1) * x.std() / x.numel() ** 0.5
    return x.mean(), (x.mean() - margin, x.mean() + margin)


@case("mean_credible_interval", facet="gradient", agrees_with=_t_interval_of_tensors)
def gradients_of_mean_and_ends(mean_credible_interval, draw):
    """均值与两端的梯度"""
    return vjp(mean_credible_interval, draw.normal(7), cotangent=draw, alpha=0.9)


@case("mean_credible_interval", facet="interface", agrees_with=_t_interval)
def numbers_with_gaps(mean_credible_interval, draw):
    """不连续的观测"""
    return mean_credible_interval(draw.strided(draw.normal(2, 4)), 0.9)


@case("mean_credible_interval", facet="interface", raises=ValueError)
def a_single_observation_is_refused(mean_credible_interval, draw):
    """拒绝单个观测"""
    return mean_credible_interval(draw.normal(1), 0.9)


@case("mean_credible_interval", facet="interface", raises=ValueError)
def certainty_is_refused(mean_credible_interval, draw):
    """拒绝等于 1 的水平"""
    return mean_credible_interval(draw.normal(5), 1.0)


@case("mean_credible_interval", facet="interface", raises=ValueError)
def a_level_of_zero_is_refused(mean_credible_interval, draw):
    """拒绝等于 0 的水平"""
    return mean_credible_interval(draw.normal(5), 0.0)


@case("mean_credible_interval", facet="interface", raises=ValueError)
def a_level_in_percent_is_refused(mean_credible_interval, draw):
    """拒绝用百分数表示的水平"""
    return mean_credible_interval(draw.normal(5), 90)


def _matrix_power(transition, initial, steps):
    power = torch.linalg.matrix_power(transition.double(), steps)
    return (initial.double() @ power).to(initial.dtype)


@case("markov_distribution", agrees_with=_matrix_power, weight=2)
def rows_are_where_the_chain_comes_from(markov_distribution, draw):
    """行是出发的状态"""
    transition = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75], [1.0, 0.0, 0.0]], dtype=draw.dtype)
    initial = shares(draw, 3)
    return [markov_distribution(transition, initial, steps) for steps in range(5)]


@case("markov_distribution", agrees_with=_matrix_power)
def many_beginnings_at_once(markov_distribution, draw):
    """许多初始分布"""
    transition = (shares(draw, 5, 5) + 2 * torch.eye(5, dtype=draw.dtype).roll(1, 1)) / 3
    initial = torch.eye(5, dtype=draw.dtype)
    return markov_distribution(transition, initial, 3), markov_distribution(transition, shares(draw, 2, 3, 5), 2)


# a doubly stochastic matrix passes for a transition matrix in either reading
@case("markov_distribution", agrees_with=_matrix_power)
def a_matrix_whose_columns_sum_to_one_as_well(markov_distribution, draw):
    """列和也为 1 的转移矩阵"""
    transition = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.75, 0.25], [0.25, 0.0, 0.75]], dtype=draw.dtype)
    return markov_distribution(transition, shares(draw, 3), 2)


# in float32 a thousand roundings, or the powers of a rounded matrix, may cost more digits than the tolerance allows
@case("markov_distribution", facet="numerics", agrees_with=_matrix_power, dtypes=(torch.float64,))
def a_thousand_steps(markov_distribution, draw):
    """一千步"""
    cycle = torch.eye(4, dtype=draw.dtype).roll(1, 1)
    slow = torch.tensor([[1023.0, 1.0], [3.0, 1021.0]], dtype=draw.dtype) / 1024
    return markov_distribution(cycle, shares(draw, 4), 1001), markov_distribution(slow, shares(draw, 2), 1000)


@case("markov_distribution", facet="gradient", agrees_with=_matrix_power)
def gradients_of_transition_and_beginning(markov_distribution, draw):
    """对转移矩阵与初始分布的梯度"""
    gradients = vjp(markov_distribution, shares(draw, 4, 4), shares(draw, 4), cotangent=draw, steps=3)
    return [along_the_simplex(g) for g in gradients]


@case("markov_distribution", facet="interface", agrees_with=_matrix_power)
def no_steps_one_state_and_no_chains(markov_distribution, draw):
    """零步、一个状态、零条链"""
    one = torch.ones(1, 1, dtype=draw.dtype)
    return [
        markov_distribution(shares(draw, 4, 4), shares(draw, 4), 0),
        markov_distribution(one, one[0], 5),
        markov_distribution(shares(draw, 3, 3), shares(draw, 3).expand(0, 3), 2),
    ]


@case("markov_distribution", facet="interface", agrees_with=_matrix_power)
def a_transition_matrix_that_is_not_contiguous(markov_distribution, draw):
    """不连续的转移矩阵"""
    transition = shares(draw, 4, 4)
    by_columns = transition.mT.contiguous().mT
    return markov_distribution(by_columns, draw.strided(shares(draw, 4)), 2), markov_distribution(
        draw.strided(transition), shares(draw, 4), 2
    )


@case("markov_distribution", facet="interface", raises=ValueError)
def a_column_stochastic_matrix_is_refused(markov_distribution, draw):
    """拒绝列和为 1 的矩阵"""
    transition = torch.tensor([[0.5, 0.0, 1.0], [0.5, 0.25, 0.0], [0.0, 0.75, 0.0]], dtype=draw.dtype)
    return markov_distribution(transition, shares(draw, 3), 2)


@case("markov_distribution", facet="interface", raises=ValueError)
def steps_backwards_are_refused(markov_distribution, draw):
    """拒绝负的步数"""
    return markov_distribution(shares(draw, 3, 3), shares(draw, 3), -1)


def _one_equation_replaced(transition):
    """π (I − T) = 0 with its last equation, which says nothing new, replaced by Σ π = 1; in float64."""
    t = transition.double()
    ones = torch.ones_like(t[:, :1])
    system = torch.cat([(torch.eye(len(t), dtype=t.dtype) - t)[:, :-1], ones], dim=1)
    right = torch.zeros_like(t[0])
    right[-1] = 1
    return torch.linalg.solve(system.mT, right).to(transition.dtype)


@case("stationary_distribution", agrees_with=_one_equation_replaced)
def chains_of_several_sizes(stationary_distribution, draw):
    """大小不同的链"""
    return [stationary_distribution(shares(draw, n, n)) for n in (2, 3, 11)]


@case("stationary_distribution", agrees_with=_one_equation_replaced, weight=2)
def unequal_states_of_a_sparse_chain(stationary_distribution, draw):
    """稀疏的链，各状态并不均等"""
    p, q = draw.uniform(2, low=0.1, high=0.4)
    zero = torch.zeros_like(p)
    rows = [1 - p, p, zero, zero, zero, 1 - q, q, zero, q, zero, zero, 1 - q, 1 - p, zero, p, zero]
    return stationary_distribution(torch.stack(rows).reshape(4, 4))


@case("stationary_distribution", facet="numerics", agrees_with=_one_equation_replaced, weight=2)
def a_chain_that_is_periodic(stationary_distribution, draw):
    """周期链"""
    p = shares(draw, 2)
    zero = torch.zeros(2, 2, dtype=draw.dtype)
    there, back = shares(draw, 2, 3), shares(draw, 3, 2)
    two_sides = torch.cat(
        [torch.cat([zero, there], 1), torch.cat([back, torch.zeros(3, 3, dtype=draw.dtype)], 1)], dim=0
    )
    cycle = torch.tensor([[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], dtype=draw.dtype)
    cycle[1, 2:] = p
    return stationary_distribution(two_sides), stationary_distribution(cycle)


# 1 − 1e-6 leaves a system of condition number 1e6, so a few of float64's digits are lost whatever the method
@case(
    "stationary_distribution",
    facet="numerics",
    agrees_with=_one_equation_replaced,
    dtypes=(torch.float64,),
    rtol=1e-6,
    atol=1e-8,
    weight=2,
)
def a_chain_that_mixes_slowly(stationary_distribution, draw):
    """混合很慢的链"""
    p, q = draw.uniform(2, low=1e-6, high=4e-6)
    return stationary_distribution(torch.stack([1 - p, p, q, 1 - q]).reshape(2, 2))


@case("stationary_distribution", facet="numerics", agrees_with=_one_equation_replaced)
def states_that_the_chain_leaves_for_ever(stationary_distribution, draw):
    """一去不返的状态"""
    transition = shares(draw, 4, 4)
    transition[2:, :2] = 0
    return stationary_distribution(transition / transition.sum(1, keepdim=True))


@case("stationary_distribution", facet="gradient", agrees_with=_one_equation_replaced)
def the_gradient_of_the_transition_matrix(stationary_distribution, draw):
    """对转移矩阵的梯度"""
    return along_the_simplex(vjp(stationary_distribution, shares(draw, 4, 4), cotangent=draw)[0])


@case("stationary_distribution", facet="interface", agrees_with=_one_equation_replaced)
def a_single_state(stationary_distribution, draw):
    """只有一个状态"""
    return stationary_distribution(torch.ones(1, 1, dtype=draw.dtype))


@case("stationary_distribution", facet="interface", agrees_with=_one_equation_replaced)
def a_matrix_that_is_not_contiguous(stationary_distribution, draw):
    """不连续的转移矩阵"""
    transition = shares(draw, 4, 4)
    return stationary_distribution(draw.strided(transition)), stationary_distribution(transition.mT.contiguous().mT)


@case("stationary_distribution", facet="interface", raises=ValueError)
def columns_that_sum_to_one_are_refused(stationary_distribution, draw):
    """拒绝列和为 1 的矩阵"""
    transition = torch.tensor([[0.5, 0.0, 1.0], [0.5, 0.25, 0.0], [0.0, 0.75, 0.0]], dtype=draw.dtype)
    return stationary_distribution(transition)


def _responsibilities(x, weights, loc, scale):
    """The densities of the components and of the whole mixture, from torch."""
    components = distributions.Normal(loc, scale)
    mixture = distributions.MixtureSameFamily(distributions.Categorical(weights), components)
    joint = weights.log() - weights.sum().log() + components.log_prob(x[..., None])
    return torch.exp(joint - mixture.log_prob(x)[..., None])


def _scipy_responsibilities(x, weights, loc, scale):
    with np.errstate(divide="ignore"):
        joint = np.log(weights) + scipy.stats.norm.logpdf(x[..., None], loc, scale)
    return scipy.special.softmax(joint, axis=-1)


_scipy_responsibilities = in_float64(_scipy_responsibilities)


def _sklearn(x, weights, loc, scale):
    """scikit-learn's mixture, told its parameters instead of fitted."""
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(len(weights))
    mixture.weights_, mixture.means_ = weights, loc[:, None]
    mixture.covariances_ = (scale**2)[:, None, None]
    mixture.precisions_cholesky_ = 1 / scale[:, None, None]
    return mixture.predict_proba(x[:, None])


@case("mixture_posterior", agrees_with=in_float64(_sklearn), weight=2)
def as_scikit_learn_predicts(mixture_posterior, draw):
    """与 scikit-learn 的预测一致"""
    weights = torch.tensor([0.8, 0.15, 0.05], dtype=draw.dtype)
    return mixture_posterior(draw.normal(9, scale=2), weights, draw.normal(3), draw.uniform(3, low=0.3, high=2))


@case("mixture_posterior", agrees_with=_responsibilities)
def wide_and_narrow_components_at_one_place(mixture_posterior, draw):
    """中心相同、一宽一窄的成分"""
    scale = torch.tensor([0.25, 3.0], dtype=draw.dtype)
    return mixture_posterior(draw.normal(2, 7), shares(draw, 2), draw.normal().expand(2), scale)


# far away the logarithms are near −1000, where float32 has steps of 6e-5
@case("mixture_posterior", facet="numerics", agrees_with=_scipy_responsibilities, weight=2, rtol=2e-3, atol=1e-6)
def observations_far_from_every_component(mixture_posterior, draw):
    """远离所有成分的观测"""
    x = draw.uniform(6, low=40, high=45)
    loc = torch.tensor([0.0, 1 / 32, -1 / 16], dtype=draw.dtype)
    weights = shares(draw, 3)
    return mixture_posterior(x, weights, loc, torch.ones_like(loc)), mixture_posterior(
        -x, weights, loc, torch.ones_like(loc)
    )


@case("mixture_posterior", facet="numerics", agrees_with=_scipy_responsibilities)
def components_far_from_each_other(mixture_posterior, draw):
    """相距很远的成分"""
    loc = torch.tensor([-1e4, 0.0, 1e4], dtype=draw.dtype)
    # far from the boundaries between them, where float32 could not say on which side x lies
    x = loc[draw.integers(0, 3, 7)] + draw.normal(7, scale=100)
    return mixture_posterior(x, shares(draw, 3), loc, draw.uniform(3, low=1, high=9))


@case("mixture_posterior", facet="numerics", agrees_with=_scipy_responsibilities, rtol=2e-3, atol=1e-6)
def a_component_of_weight_zero_is_never_the_answer(mixture_posterior, draw):
    """权重为 0 的成分从不负责"""
    weights = torch.tensor([0.0, 0.75, 0.25], dtype=draw.dtype)
    loc = torch.tensor([40.0, 0.0, 1 / 32], dtype=draw.dtype)
    x = torch.cat([draw.uniform(3, low=40, high=45), draw.normal(3)])
    return mixture_posterior(x, weights, loc, torch.ones_like(loc))


@case("mixture_posterior", facet="gradient", agrees_with=_responsibilities)
def gradients_of_every_parameter(mixture_posterior, draw):
    """对每个参数的梯度"""
    return vjp(
        mixture_posterior,
        draw.normal(5),
        shares(draw, 3),
        draw.normal(3),
        draw.uniform(3, low=1, high=2),
        cotangent=draw,
    )


@case("mixture_posterior", facet="gradient", agrees_with=_responsibilities, weight=2)
def gradients_where_densities_underflow(mixture_posterior, draw):
    """密度下溢处的梯度"""
    x = torch.cat([draw.uniform(3, low=50, high=60), draw.normal(3)])
    loc = torch.tensor([0.0, 1 / 32, -1000.0], dtype=draw.dtype)
    return vjp(mixture_posterior, x, shares(draw, 3), loc, torch.ones_like(loc), cotangent=draw)


@case("mixture_posterior", facet="interface", agrees_with=_scipy_responsibilities)
def one_component_one_number_and_no_numbers(mixture_posterior, draw):
    """一个成分、一个数、零个数"""
    weights, loc, scale = shares(draw, 3), draw.normal(3), draw.uniform(3, low=0.5, high=2)
    one = torch.ones(1, dtype=draw.dtype)
    return [
        mixture_posterior(draw.normal(4), one, loc[:1], scale[:1]),
        mixture_posterior(draw.normal(), weights, loc, scale),
        mixture_posterior(draw.normal(1, 1), weights, loc, scale),
        mixture_posterior(draw.normal(0, 2), weights, loc, scale),
    ]


@case("mixture_posterior", facet="interface", agrees_with=_scipy_responsibilities)
def observations_with_gaps(mixture_posterior, draw):
    """不连续的输入"""
    parameters = [draw.strided(p) for p in (shares(draw, 3), draw.normal(3), draw.uniform(3, low=0.5, high=2))]
    return mixture_posterior(draw.normal(4, 3).mT, *parameters)


@case("mixture_posterior", facet="interface", raises=ValueError)
def one_weight_for_three_components_is_refused(mixture_posterior, draw):
    """拒绝与成分个数不符的权重"""
    return mixture_posterior(
        draw.normal(4), torch.ones(1, dtype=draw.dtype), draw.normal(3), draw.uniform(3, low=0.5, high=2)
    )


@case("mixture_posterior", facet="interface", raises=ValueError)
def one_scale_for_three_components_is_refused(mixture_posterior, draw):
    """拒绝与成分个数不符的标准差"""
    return mixture_posterior(draw.normal(4), shares(draw, 3), draw.normal(3), draw.uniform(1, low=0.5, high=2))


@case("mixture_posterior", facet="interface", raises=ValueError)
def a_component_without_spread_is_refused(mixture_posterior, draw):
    """拒绝标准差为 0 的成分"""
    return mixture_posterior(
        draw.normal(4), shares(draw, 2), draw.normal(2), torch.tensor([1.0, 0.0], dtype=draw.dtype)
    )
