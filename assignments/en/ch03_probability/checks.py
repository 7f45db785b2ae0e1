"""The visible checks of chapter 3: what a student sees on pressing check. Draws are fixed and public."""

import numpy as np
import scipy.stats
import torch
from torch import distributions

from autograder.cases import Rules, case

DENSITIES = (
    "distributions",
    "Normal",
    "LogNormal",
    "NormalDist",
    "*logpdf",
    "pdf",
    "gaussian_nll_loss",
    "GaussianNLLLoss",
)
MASSES = ("distributions", "Bernoulli", "Categorical", "*logpmf", "pmf")
SPREADS = ("std", "std_mean", "var", "var_mean", "nanstd", "nanvar", "cov", "stdev", "pstdev", "pvariance")

RULES = {
    "normal_log_prob": Rules(forbids=DENSITIES),
    "multivariate_normal_log_prob": Rules(forbids=(*DENSITIES, "MultivariateNormal", "multivariate_normal")),
    "bernoulli_log_prob": Rules(forbids=(*MASSES, "binary_cross_entropy*", "BCE*")),
    "categorical_log_prob": Rules(forbids=(*MASSES, "cross_entropy*", "CrossEntropyLoss", "nll_loss*", "NLLLoss")),
    "categorical_sample": Rules(forbids=("distributions", "Categorical", "multinomial", "choice")),
    "bayes_posterior": Rules(forbids=("distributions", "Categorical")),
    "expectation": Rules(forbids=("average",)),
    "variance": Rules(forbids=(*SPREADS, "average")),
    "gaussian_mle": Rules(forbids=(*SPREADS, "fit")),
    "mean_credible_interval": Rules(forbids=("bayes_mvs", "mvsdist", "interval", "ttest_1samp")),
    "markov_distribution": Rules(forbids=("matrix_power",)),
    "mixture_posterior": Rules(forbids=(*DENSITIES, "MixtureSameFamily", "*GaussianMixture", "predict_proba")),
}


def shares(draw, *shape):
    """Probabilities along the last dimension, none of them small."""
    weights = draw.uniform(*shape, low=0.1, high=1.0)
    return weights / weights.sum(-1, keepdim=True)


def _normal(x, loc, scale):
    return distributions.Normal(loc, scale).log_prob(x)


@case("normal_log_prob", agrees_with=_normal)
def one_mean_and_one_scale_for_all(normal_log_prob, draw):
    """所有数共用一个均值和一个标准差"""
    return normal_log_prob(draw.normal(3, 5), draw.normal(), draw.uniform(low=2, high=3))


@case("normal_log_prob", agrees_with=_normal)
def a_mean_and_a_scale_for_each_column(normal_log_prob, draw):
    """每一列有自己的均值和标准差"""
    return normal_log_prob(draw.normal(3, 5), draw.normal(5), draw.uniform(5, low=0.2, high=3))


def _multivariate(x, loc, covariance_matrix):
    return distributions.MultivariateNormal(loc, covariance_matrix).log_prob(x)


def covariance(draw, *shape):
    """A symmetric positive definite matrix, or a batch of them, with eigenvalues of at least 1/2."""
    a = draw.normal(*shape, shape[-1])
    return a @ a.mT / shape[-1] + torch.eye(shape[-1], dtype=a.dtype) / 2


@case("multivariate_normal_log_prob", agrees_with=_multivariate)
def vectors_with_correlated_entries(multivariate_normal_log_prob, draw):
    """分量相关的向量"""
    return multivariate_normal_log_prob(draw.normal(4, 3), draw.normal(3), covariance(draw, 3))


@case("multivariate_normal_log_prob", agrees_with=_multivariate)
def a_covariance_for_each_vector(multivariate_normal_log_prob, draw):
    """每个向量有自己的协方差矩阵"""
    return multivariate_normal_log_prob(draw.normal(4, 3), draw.normal(4, 3), covariance(draw, 4, 3))


def _bernoulli(x, probs):
    return distributions.Bernoulli(probs).log_prob(x)


@case("bernoulli_log_prob", agrees_with=_bernoulli)
def a_probability_for_each_outcome(bernoulli_log_prob, draw):
    """每个结果有自己的概率"""
    return bernoulli_log_prob(draw.mask(3, 5).to(draw.dtype), draw.uniform(3, 5, low=0.1, high=0.9))


@case("bernoulli_log_prob", agrees_with=_bernoulli)
def one_probability_for_all_outcomes(bernoulli_log_prob, draw):
    """所有结果共用一个概率"""
    return bernoulli_log_prob(draw.mask(7).to(draw.dtype), draw.uniform(low=0.1, high=0.4))


def _categorical(k, probs):
    return distributions.Categorical(probs).log_prob(k)


@case("categorical_log_prob", agrees_with=_categorical)
def a_distribution_for_each_row(categorical_log_prob, draw):
    """每一行有自己的分布"""
    return categorical_log_prob(draw.integers(0, 5, 4), shares(draw, 4, 5))


@case("categorical_log_prob", agrees_with=_categorical)
def weights_that_do_not_sum_to_one(categorical_log_prob, draw):
    """权重之和不为 1"""
    return categorical_log_prob(draw.integers(0, 5, 7), draw.uniform(5, low=1, high=9))


def _by_bisection(probs, uniforms):
    """One row and one uniform number after the other, by NumPy's binary search."""
    probs, uniforms = probs.expand(*uniforms.shape, -1), uniforms.expand(probs.shape[:-1] or uniforms.shape)
    rows = zip(probs.reshape(-1, probs.shape[-1]).double().numpy(), uniforms.flatten().double().numpy(), strict=True)
    return torch.tensor([np.searchsorted(np.cumsum(p), u, side="right") for p, u in rows]).reshape(uniforms.shape)


@case("categorical_sample", agrees_with=_by_bisection)
def uniform_numbers_find_their_class(categorical_sample, draw):
    """均匀随机数落入各自的类别"""
    probs = torch.tensor([0.125, 0.5, 0.25, 0.125], dtype=draw.dtype)
    places = torch.tensor([0.03, 0.1, 0.2, 0.4, 0.6, 0.65, 0.8, 0.86, 0.9, 0.99], dtype=draw.dtype)
    return categorical_sample(probs, places[draw.permutation(10)])


@case("categorical_sample", facet="interface", expected=torch.tensor([0, 1, 1, 2, 2]))
def a_uniform_number_on_a_boundary_belongs_to_the_next_class(categorical_sample, draw):
    """恰好落在边界上的数属于下一类"""
    probs = torch.tensor([0.25, 0.5, 0.25], dtype=draw.dtype)
    return categorical_sample(probs, torch.tensor([0.0, 0.25, 0.5, 0.75, 0.875], dtype=draw.dtype))


def _numpy_sum(joint, dim):
    return torch.from_numpy(np.asarray(joint.numpy().sum(axis=dim)))


@case("marginal", agrees_with=_numpy_sum)
def the_rows_are_summed_out(marginal, draw):
    """对行变量求和"""
    return marginal(shares(draw, 12).reshape(3, 4), dim=0)


@case("marginal", agrees_with=_numpy_sum)
def two_of_three_variables_are_summed_out(marginal, draw):
    """三个变量中对两个求和"""
    return marginal(shares(draw, 24).reshape(2, 3, 4), dim=(0, 2))


def _slice_by_slice(joint, given_dim):
    """Every slice of the table divided by its own sum."""
    return torch.stack([part / part.sum() for part in joint.unbind(given_dim)], dim=given_dim)


@case("conditional", agrees_with=_slice_by_slice)
def the_column_is_known(conditional, draw):
    """已知列变量"""
    return conditional(shares(draw, 12).reshape(3, 4), given_dim=1)


@case("conditional", agrees_with=_slice_by_slice)
def one_of_three_variables_is_known(conditional, draw):
    """三个变量中已知一个"""
    return conditional(shares(draw, 24).reshape(2, 3, 4), given_dim=0)


def _from_the_joint_table(prior, likelihood):
    """The observed column of the joint table, divided by its sum."""
    joint = (prior * likelihood).double()
    return (joint / joint.sum(-1, keepdim=True)).to(prior.dtype)


@case("bayes_posterior", agrees_with=_from_the_joint_table)
def an_observation_changes_the_odds(bayes_posterior, draw):
    """观测改变几率"""
    return bayes_posterior(shares(draw, 5), draw.uniform(5, low=0.1, high=0.9))


@case("bayes_posterior", agrees_with=_from_the_joint_table)
def many_observations_under_one_prior(bayes_posterior, draw):
    """同一个先验，许多个观测"""
    return bayes_posterior(shares(draw, 3), draw.uniform(7, 3, low=0.1, high=9))


def _average(values, probs):
    return torch.as_tensor(np.average(values.numpy(), axis=-1, weights=probs.numpy()))


@case("expectation", agrees_with=_average)
def values_are_weighted_by_their_probabilities(expectation, draw):
    """取值按概率加权"""
    return expectation(draw.normal(6, scale=3), shares(draw, 6))


@case("expectation", agrees_with=_average)
def an_expectation_for_each_row(expectation, draw):
    """每一行一个期望"""
    return expectation(draw.normal(4, 5), shares(draw, 4, 5))


def _over_pairs(values, probs):
    """Var[X] = ½ E[(X − X′)²] for two independent draws: no mean is needed."""
    squares = (values[..., :, None] - values[..., None, :]).to(probs.dtype).square()
    return (squares * probs[..., :, None] * probs[..., None, :]).sum((-2, -1)) / 2


@case("variance", agrees_with=_over_pairs)
def the_mean_square_of_the_deviation(variance, draw):
    """偏差平方的期望"""
    return variance(draw.normal(6, scale=2), shares(draw, 6))


@case("variance", agrees_with=_over_pairs)
def a_variance_for_each_row(variance, draw):
    """每一行一个方差"""
    return variance(draw.normal(4, 5), shares(draw, 4, 5))


def _fit(x):
    return tuple(torch.tensor(number, dtype=x.dtype) for number in scipy.stats.norm.fit(x.double().numpy()))


@case("gaussian_mle", agrees_with=_fit)
def the_mean_and_the_spread_of_a_few_numbers(gaussian_mle, draw):
    """几个数的均值与散布"""
    return gaussian_mle(draw.normal(6, loc=2, scale=3))


@case("gaussian_mle", agrees_with=_fit)
def all_entries_of_a_matrix_count_alike(gaussian_mle, draw):
    """矩阵的所有元素一视同仁"""
    return gaussian_mle(draw.normal(3, 4))


def _bayes_mvs(x, alpha):
    """SciPy's Bayesian estimates of mean, variance and standard deviation, of which the first is asked for."""
    mean, (low, high) = scipy.stats.bayes_mvs(x.double().numpy(), alpha)[0]
    return torch.tensor(mean, dtype=x.dtype), tuple(torch.tensor([low, high], dtype=x.dtype))


@case("mean_credible_interval", agrees_with=_bayes_mvs)
def ninety_percent_from_eight_numbers(mean_credible_interval, draw):
    """八个数，90% 区间"""
    return mean_credible_interval(draw.normal(8, loc=2, scale=3), 0.9)


@case("mean_credible_interval", agrees_with=_bayes_mvs)
def a_higher_level_is_wider(mean_credible_interval, draw):
    """水平越高，区间越宽"""
    x = draw.normal(5, loc=2)
    return mean_credible_interval(x, 0.5), mean_credible_interval(x, 0.99)


def _matrix_power(transition, initial, steps):
    return initial @ torch.linalg.matrix_power(transition, steps)


@case("markov_distribution", agrees_with=_matrix_power)
def one_step(markov_distribution, draw):
    """走一步"""
    return markov_distribution(shares(draw, 4, 4), shares(draw, 4), 1)


@case("markov_distribution", agrees_with=_matrix_power)
def a_few_steps(markov_distribution, draw):
    """走几步"""
    keep = torch.eye(4, dtype=draw.dtype)
    return markov_distribution((3 * keep + shares(draw, 4, 4)) / 4, shares(draw, 4), 3)


def _left_eigenvector(transition):
    """The left eigenvector whose eigenvalue is nearest to 1, scaled to sum to 1."""
    eigenvalues, vectors = torch.linalg.eig(transition.mT)
    vector = vectors[:, (eigenvalues - 1).abs().argmin()]
    return (vector / vector.sum()).real


@case("stationary_distribution", agrees_with=_left_eigenvector)
def where_a_chain_settles(stationary_distribution, draw):
    """链最终停留的分布"""
    return stationary_distribution(shares(draw, 5, 5))


@case("stationary_distribution", agrees_with=_left_eigenvector)
def a_chain_that_goes_back_and_forth(stationary_distribution, draw):
    """来回往复的周期链"""
    p = draw.uniform(low=0.2, high=0.8)
    zero, one = torch.zeros_like(p), torch.ones_like(p)
    return stationary_distribution(torch.stack([zero, one, zero, p, zero, 1 - p, zero, one, zero]).reshape(3, 3))


def _mixture(x, weights, loc, scale):
    components = distributions.Normal(loc, scale)
    mixture = distributions.MixtureSameFamily(distributions.Categorical(weights), components)
    joint = weights.log() - weights.sum().log() + components.log_prob(x[..., None])
    return torch.exp(joint - mixture.log_prob(x)[..., None])


@case("mixture_posterior", agrees_with=_mixture)
def two_components_that_overlap(mixture_posterior, draw):
    """两个相互重叠的成分"""
    loc = torch.tensor([-1.0, 1.0], dtype=draw.dtype)
    return mixture_posterior(draw.normal(7), shares(draw, 2), loc, draw.uniform(2, low=0.5, high=2))


@case("mixture_posterior", agrees_with=_mixture)
def a_matrix_of_observations_and_three_components(mixture_posterior, draw):
    """观测排成矩阵，三个成分"""
    return mixture_posterior(draw.normal(3, 4), shares(draw, 3), draw.normal(3), draw.uniform(3, low=0.5, high=2))
