"""Reference answers of chapter 3, probability."""

import math

import torch
from jaxtyping import Bool, Float, Int, Num
from scipy.special import stdtrit
from torch import Tensor


def normal_log_prob(
    x: Float[Tensor, "..."], loc: Float[Tensor, "..."], scale: Float[Tensor, "..."]
) -> Float[Tensor, "..."]:
    """The logarithm of the normal density, element by element.

    N(x | μ, σ²) = 1 / (√(2π) σ) · exp(−(x − μ)² / (2σ²))                            (3.1, D = 1)

    Args:
        x: where the density is asked for, any shape, any finite magnitude.
        loc: μ, the mean; broadcasts with `x`.
        scale: σ, the standard deviation (not the variance), from 1e-30 to 1e30; broadcasts with `x`.

    Returns:
        log N(x | μ, σ²), the broadcast shape and the dtype of `x`: finite where the density underflows.

    Raises:
        ValueError: a scale is not positive, or is NaN.

    Source: Atlas 3.1; agrees with `torch.distributions.Normal(loc, scale).log_prob(x)`.
    """
    if not (scale > 0).all():
        raise ValueError("every scale must be positive")
    z = (x - loc) / scale
    return -z.square() / 2 - torch.log(scale) - math.log(2 * math.pi) / 2


def multivariate_normal_log_prob(
    x: Float[Tensor, "... d"], loc: Float[Tensor, "... d"], covariance_matrix: Float[Tensor, "... d d"]
) -> Float[Tensor, "..."]:
    """The logarithm of the density of a normal vector with correlated entries.

    N(x | μ, Σ) = (2π)^(−D/2) |Σ|^(−1/2) exp(−½ (x − μ)ᵀ Σ⁻¹ (x − μ))                (3.1)

    Args:
        x: where the density is asked for, one vector of length D or a batch of them.
        loc: μ, the mean; broadcasts with `x`.
        covariance_matrix: Σ, symmetric and positive definite, one or a batch that broadcasts with that of `x`;
            the entries of `x` may be measured in very different units.

    Returns:
        log N(x | μ, Σ), one number a vector, the dtype of `x`; also at D = 500, where |Σ| overflows or underflows.

    Raises:
        ValueError: a covariance matrix is not positive definite, or the lengths do not fit.

    Source: Atlas 3.1; agrees with `torch.distributions.MultivariateNormal(loc, covariance_matrix).log_prob(x)`.
    """
    cholesky = torch.linalg.cholesky(covariance_matrix)
    z = torch.linalg.solve_triangular(cholesky, (x - loc)[..., None], upper=False).squeeze(-1)
    half_log_det = torch.log(cholesky.diagonal(dim1=-2, dim2=-1)).sum(-1)
    return -(z.square() + math.log(2 * math.pi)).sum(-1) / 2 - half_log_det


def bernoulli_log_prob(
    x: Num[Tensor, "..."] | Bool[Tensor, "..."], probs: Float[Tensor, "..."]
) -> Float[Tensor, "..."]:
    """The logarithm of the probability of a yes or a no.

    P(X = 1) = p,  P(X = 0) = 1 − p                                                 (3.2, K = 2)

    Args:
        x: outcomes, 0 or 1 (or False and True), of any dtype.
        probs: p in [0, 1], its ends included; broadcasts with `x`.

    Returns:
        log P(X = x), the broadcast shape and the dtype of `probs`; accurate relative to itself also where p is
        tiny. For an impossible outcome either −inf or the logarithm of the dtype's eps, as torch has it.
        The gradient with respect to p is finite for every possible outcome, also at p = 0 and p = 1.

    Raises:
        ValueError: an entry of `x` is neither 0 nor 1, or one of `probs` lies outside [0, 1].

    Source: Atlas 3.2; agrees with `torch.distributions.Bernoulli(probs).log_prob(x)`.
    """
    happened = x == 1
    if not (happened | (x == 0)).all():
        raise ValueError("every outcome must be 0 or 1")
    if not ((probs >= 0) & (probs <= 1)).all():
        raise ValueError("every probability must lie in [0, 1]")
    # each logarithm sees 1 where it has no part, so that no gradient of log 0 reaches the result
    return torch.log(torch.where(happened, probs, 1)) + torch.log1p(torch.where(happened, 0, -probs))


def categorical_log_prob(k: Int[Tensor, "..."], probs: Float[Tensor, "... classes"]) -> Float[Tensor, "..."]:
    """The logarithm of the probability of a class.

    P(X = k) = p_k,  Σ_k p_k = 1                                                    (3.2)

    Args:
        k: classes, int64, from 0 to the number of classes less 1; broadcasts with the rows of `probs`.
        probs: along the last dimension one weight for each class, none negative and not all 0. They need not sum
            to 1: p_k is the share of class k, and may be smaller than the smallest number of the dtype.

    Returns:
        log p_k, the broadcast shape and the dtype of `probs`. For a class of weight 0 either −inf or the logarithm
        of the dtype's eps, as torch has it. The gradient is finite where only other classes have weight 0.

    Raises:
        ValueError: a weight is negative, all weights of a row are 0, or there is no class k.

    Source: Atlas 3.2; agrees with `torch.distributions.Categorical(probs).log_prob(k)`.
    """
    total = probs.sum(-1)
    if (probs < 0).any() or (total == 0).any():
        raise ValueError("weights may not be negative, nor all of them 0")
    shape = torch.broadcast_shapes(k.shape, total.shape)
    chosen = probs.expand(*shape, -1).gather(-1, k.expand(shape)[..., None]).squeeze(-1)
    return torch.log(chosen) - torch.log(total)


def categorical_sample(probs: Float[Tensor, "... classes"], uniforms: Float[Tensor, "..."]) -> Int[Tensor, "..."]:
    """Turn uniform numbers into classes: the inverse of the cumulative distribution.

    The sample for u is the number of cumulative sums p_0, p_0 + p_1, … that are ≤ u,
    so that P(X = k) = p_k                                                          (3.2)

    Args:
        probs: along the last dimension one probability for each class; they sum to 1 up to rounding.
        uniforms: numbers in [0, 1); broadcasts with the rows of `probs`.

    Returns:
        classes, int64, the broadcast shape. A class of probability 0 never comes, neither for u = 0 nor for the
        largest u below 1, even where rounding leaves the last cumulative sum below u.

    Raises:
        ValueError: a probability is negative, or a uniform number lies outside [0, 1).

    Source: Atlas 3.2.
    """
    if (probs < 0).any():
        raise ValueError("probabilities may not be negative")
    if not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("uniform numbers must lie in [0, 1)")
    cumulative = probs.cumsum(-1)
    # the total stands for 1, which no u reaches, whatever it was rounded to
    passed = (cumulative <= uniforms[..., None]) & (cumulative < cumulative[..., -1:])
    return passed.sum(-1)


def marginal(joint: Float[Tensor, "..."], dim: int | tuple[int, ...]) -> Float[Tensor, "..."]:
    """The distribution of some variables, whatever the others are.

    P(B = b) = Σ_a P(A = a, B = b)                                                  (here dim = 0)

    Args:
        joint: P(A, B, …), one dimension for each variable.
        dim: the variable or variables to sum out; negative counts from the end.

    Returns:
        the joint distribution of the variables that are left, without the dimensions `dim`; the dtype of `joint`.

    Raises:
        ValueError: `joint` has no dimension `dim`.

    Source: d2l, chapter_preliminaries/probability.
    """
    return joint.sum(dim)


def conditional(joint: Float[Tensor, "..."], given_dim: int) -> Float[Tensor, "..."]:
    """The distribution of all other variables once one of them is known.

    P(A = a | B = b) = P(A = a, B = b) / P(B = b)                                   (here given_dim = 1)

    Args:
        joint: P(A, B, …), one dimension for each of at least two variables; or counts, from which the same follows.
        given_dim: the variable that is known; negative counts from the end.

    Returns:
        the shape and dtype of `joint`: for every value of the known variable the entries sum to 1 over all others,
        or are NaN where that value has probability 0.

    Raises:
        ValueError: `joint` has no dimension `given_dim`.

    Source: d2l, chapter_preliminaries/probability.
    """
    known_first = joint.movedim(given_dim, 0)
    others = tuple(range(1, joint.dim()))
    return (known_first / known_first.sum(others, keepdim=True)).movedim(0, given_dim)


def bayes_posterior(
    prior: Float[Tensor, "... hypotheses"], likelihood: Float[Tensor, "... hypotheses"]
) -> Float[Tensor, "... hypotheses"]:
    """What to believe after an observation.

    P(Z | X) = P(X | Z) P(Z) / P(X),  P(X) = Σ_Z P(X | Z) P(Z)                      (3.3)

    Args:
        prior: P(Z), along the last dimension one number for each hypothesis.
        likelihood: P(X | Z), a probability or a density of what was observed, for each hypothesis; broadcasts with
            `prior`. Each number is one of the dtype, but P(X | Z) P(Z) may be too small for it.

    Returns:
        P(Z | X), the broadcast shape and the dtype of `prior`, summing to 1; NaN where the observation is impossible
        under every hypothesis. The gradient is finite also where the likelihood of some hypotheses is 0.

    Raises:
        ValueError: the two have different numbers of hypotheses.

    Source: Atlas 3.3.
    """
    if prior.shape[-1] != likelihood.shape[-1]:
        raise ValueError(f"{prior.shape[-1]} hypotheses have a prior and {likelihood.shape[-1]} a likelihood")
    prior, likelihood = torch.broadcast_tensors(prior, likelihood)
    best = (torch.log(prior) + torch.log(likelihood)).argmax(-1, keepdim=True)
    # relative to the best hypothesis no product is above 1, and that of the best itself is 1
    odds = (prior / prior.gather(-1, best).detach()) * (likelihood / likelihood.gather(-1, best).detach())
    return odds / odds.sum(-1, keepdim=True)


def expectation(values: Num[Tensor, "... outcomes"], probs: Float[Tensor, "... outcomes"]) -> Float[Tensor, "..."]:
    """The mean of a random variable, weighted by its probabilities.

    E[X] = Σ_x x P(X = x)

    Args:
        values: along the last dimension the value of X for each outcome, whole numbers or not.
        probs: the probability of each outcome, summing to 1 along the last dimension; broadcasts with `values`.

    Returns:
        E[X], without the last dimension.

    Raises:
        ValueError: the two have different numbers of outcomes.

    Source: d2l, chapter_preliminaries/probability; agrees with `numpy.average(values, weights=probs)`.
    """
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError(f"{values.shape[-1]} values and {probs.shape[-1]} probabilities")
    return (values * probs).sum(-1)


def variance(values: Num[Tensor, "... outcomes"], probs: Float[Tensor, "... outcomes"]) -> Float[Tensor, "..."]:
    """How far a random variable strays from its mean, squared.

    Var[X] = E[(X − E[X])²] = E[X²] − E[X]²

    Args:
        values: along the last dimension the value of X for each outcome, whole numbers or not; the mean may be
            thousands of times as large as the spread.
        probs: the probability of each outcome, summing to 1 along the last dimension; broadcasts with `values`.

    Returns:
        Var[X], never negative, without the last dimension.

    Raises:
        ValueError: the two have different numbers of outcomes.

    Source: d2l, chapter_preliminaries/probability.
    """
    deviation = values - expectation(values, probs)[..., None]
    return expectation(deviation.square(), probs)


def gaussian_mle(x: Float[Tensor, "..."]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The normal distribution under which the data are most probable.

    μ̂, σ̂ = argmax Σ_i log N(x_i | μ, σ²)                                            (with 3.1)

    Args:
        x: observations, any shape, at least one; all entries count alike.

    Returns:
        μ̂ and σ̂ (a standard deviation), two numbers in the dtype of `x`; σ̂ is 0 for a single observation.

    Raises:
        ValueError: there are no observations.

    Source: agrees with `scipy.stats.norm.fit(x)`.
    """
    if x.numel() == 0:
        raise ValueError("no observations")
    loc = x.mean()
    return loc, (x - loc).square().mean().sqrt()


def mean_credible_interval(
    x: Float[Tensor, "..."], alpha: float
) -> tuple[Float[Tensor, ""], tuple[Float[Tensor, ""], Float[Tensor, ""]]]:
    """Where the mean of a normal distribution lies, judging by a few observations and no prior knowledge.

    (μ − x̄) / (s / √n) follows Student's t with n − 1 degrees of freedom, s² = Σ_i (x_i − x̄)² / (n − 1)

    Args:
        x: observations, any shape, at least two; all entries count alike.
        alpha: the probability that the interval holds, such as 0.9; between 0 and 1.

    Returns:
        x̄ and the interval (low, high) that holds μ with probability alpha, as likely to miss it below as above;
        numbers in the dtype of `x`.

    Raises:
        ValueError: there are fewer than two observations, or alpha does not lie between 0 and 1.

    Source: agrees with the first result of `scipy.stats.bayes_mvs(x, alpha)` for 3 to 1000 observations.
    """
    if x.numel() < 2:
        raise ValueError("the spread of fewer than two observations is unknown")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    freedom = x.numel() - 1
    loc, scale = gaussian_mle(x)
    margin = float(stdtrit(freedom, (1 + alpha) / 2)) * scale / math.sqrt(freedom)
    return loc, (loc - margin, loc + margin)


def markov_distribution(
    transition: Float[Tensor, "states states"], initial: Float[Tensor, "... states"], steps: int
) -> Float[Tensor, "... states"]:
    """Where a Markov chain is after some steps.

    P(X_{n+1} = j) = Σ_i P(X_n = i) T_ij,  T_ij = P(X_{n+1} = j | X_n = i)           (from 3.4)

    Args:
        transition: T, from state i (row) to state j (column); every row sums to 1.
        initial: P(X_0), along the last dimension one probability for each state.
        steps: how many, 0 or more.

    Returns:
        P(X_steps), the shape and dtype of `initial`.

    Raises:
        ValueError: a row of `transition` does not sum to 1, or `steps` is negative.

    Source: Atlas 3.4; agrees with `initial @ torch.linalg.matrix_power(transition, steps)`.
    """
    if not torch.allclose(transition.sum(1), torch.ones_like(transition[:, 0])):
        raise ValueError("every row of the transition matrix must sum to 1")
    if steps < 0:
        raise ValueError(f"a chain cannot go {steps} steps")
    distribution = initial
    for _ in range(steps):
        distribution = distribution @ transition
    return distribution


def stationary_distribution(transition: Float[Tensor, "states states"]) -> Float[Tensor, " states"]:
    """The distribution that one more step of a Markov chain does not change.

    π T = π,  Σ_i π_i = 1                                                           (from 3.4)

    Args:
        transition: T, from state i (row) to state j (column); every row sums to 1, and only one π exists. The chain
            may be periodic, may mix slowly, and may have states that it leaves for ever.

    Returns:
        π, the dtype of `transition`.

    Raises:
        ValueError: a row of `transition` does not sum to 1.

    Source: Atlas 3.4; the left eigenvector of T for the eigenvalue 1.
    """
    ones = torch.ones_like(transition[0])
    if not torch.allclose(transition.sum(1), ones):
        raise ValueError("every row of the transition matrix must sum to 1")
    # π (I − T) = 0 and π 𝟏 = 1 add up to π (I − T + 𝟏𝟏ᵀ) = 𝟏ᵀ, which determines π
    system = torch.diag(ones) - transition + 1
    return torch.linalg.solve(system.mT, ones)


def mixture_posterior(
    x: Float[Tensor, "*shape"],
    weights: Float[Tensor, " components"],
    loc: Float[Tensor, " components"],
    scale: Float[Tensor, " components"],
) -> Float[Tensor, "*shape components"]:
    """Which component of a mixture of normal distributions an observation comes from.

    P(Z = k | x) = w_k N(x | μ_k, σ_k²) / Σ_j w_j N(x | μ_j, σ_j²)                   (3.1 in 3.3)

    Args:
        x: observations, any shape, as far from every component as they may be.
        weights: w, the probability of each component; one of weight 0 is never the answer.
        loc: μ, the mean of each component.
        scale: σ, the standard deviation of each component.

    Returns:
        the responsibilities, the shape of `x` and one more dimension, the components, along which they sum to 1; the
        dtype of `x`. They and their gradient hold also where every density underflows.

    Raises:
        ValueError: `weights`, `loc` and `scale` differ in length, or a scale is not positive.

    Source: Atlas 3.1 and 3.3; agrees with `sklearn.mixture.GaussianMixture.predict_proba`.
    """
    if not weights.shape == loc.shape == scale.shape:
        raise ValueError(f"{len(weights)} weights, {len(loc)} means and {len(scale)} standard deviations")
    log_likelihood = normal_log_prob(x[..., None], loc, scale).masked_fill(weights == 0, -torch.inf)
    # the posterior does not change when all likelihoods are divided by one number: by the largest
    nearest = log_likelihood.amax(-1, keepdim=True).detach()
    return bayes_posterior(weights, torch.exp(log_likelihood - nearest))
