"""Right answers to chapter 3 that look nothing like the reference; the tests must accept them."""

import math

import scipy.stats
import torch

from autograder.cases import right


@right("normal_log_prob")
def with_a_precision_and_one_logarithm(x, loc, scale):
    """Multiplies by 1/σ, and takes the logarithm of √(2π) σ as a whole."""
    if torch.any(torch.logical_not(scale > 0)):
        raise ValueError("scale")
    z = (x - loc) * (1 / scale)
    return -0.5 * z * z - torch.log(math.sqrt(2 * math.pi) * scale)


@right("multivariate_normal_log_prob")
def one_entry_given_those_before_it(x, loc, covariance_matrix):
    """The chain rule: each entry is normal given those before it, by Schur complements and without a factorization."""
    if x.shape[-1] != covariance_matrix.shape[-1] or loc.shape[-1] != covariance_matrix.shape[-1]:
        raise ValueError("lengths")
    rest, c, total = x - loc, covariance_matrix, 0
    for _ in range(c.shape[-1]):
        v = c[..., 0, 0]
        if (v <= 0).any():
            raise ValueError("not positive definite")
        total = total - 0.5 * (rest[..., 0] ** 2 / v + torch.log(2 * torch.pi * v))
        gain = c[..., 1:, 0] / v[..., None]
        rest = rest[..., 1:] - gain * rest[..., :1]
        c = c[..., 1:, 1:] - gain[..., :, None] * c[..., None, 0, 1:]
    return total


@right("multivariate_normal_log_prob")
def by_the_logarithm_of_the_determinant(x, loc, covariance_matrix):
    """slogdet and a general solver, in place of a Cholesky factor; the factor only says whether Σ is legal."""
    if torch.linalg.cholesky_ex(covariance_matrix).info.any():
        raise ValueError("not positive definite")
    r = (x - loc).unsqueeze(-1)
    quadratic = (r * torch.linalg.solve(covariance_matrix, r)).sum((-2, -1))
    log_det = torch.linalg.slogdet(covariance_matrix).logabsdet
    return -0.5 * (covariance_matrix.shape[-1] * math.log(2 * math.pi) + log_det + quadratic)


@right("bernoulli_log_prob")
def two_safe_branches(x, probs):
    """Each branch is computed from a probability that is replaced by 1/2 where the branch is not taken."""
    x = x.to(probs.dtype)
    if ((x != 0) & (x != 1)).any() or (probs < 0).any() or (probs > 1).any():
        raise ValueError("bad input")
    half = torch.full_like(probs, 0.5)
    x, probs, half = torch.broadcast_tensors(x, probs, half)
    yes = torch.where(x > 0, probs, half).log()
    no = torch.log1p(-torch.where(x > 0, half, probs))
    return torch.where(x > 0, yes, no)


@right("bernoulli_log_prob")
def with_the_impossible_at_log_eps(x, probs):
    """Chooses the probability of what happened or of what did not; −inf is replaced by what torch gives."""
    happened = x.bool()
    if (happened.to(x.dtype) != x).any() or not ((probs >= 0) & (probs <= 1)).all():
        raise ValueError("bad input")
    zero = torch.zeros((), dtype=probs.dtype)
    # log p = log1p(p − 1) would lose a tiny p
    log_prob = torch.where(happened, probs, zero + 1).log() + (-torch.where(happened, zero, probs)).log1p()
    return log_prob.masked_fill(log_prob == -torch.inf, math.log(torch.finfo(probs.dtype).eps))


@right("categorical_log_prob")
def with_a_mask_of_the_class(k, probs):
    """A one-hot mask and a sum choose the weight."""
    classes = torch.arange(probs.shape[-1])
    hit = k[..., None] == classes
    if not hit.any(-1).all() or (probs < 0).any() or (probs.sum(-1) <= 0).any():
        raise ValueError("bad input")
    return torch.where(hit, probs, 0).sum(-1).log() - probs.sum(-1).log()


@right("categorical_sample")
def by_binary_search(probs, uniforms):
    """searchsorted in each row, and what falls off the end goes to the last class that has a probability."""
    if probs.lt(0).any() or uniforms.lt(0).any() or uniforms.ge(1).any():
        raise ValueError("bad input")
    shape = torch.broadcast_shapes(probs.shape[:-1], uniforms.shape)
    probs = probs.expand(*shape, -1).contiguous()
    found = torch.searchsorted(probs.cumsum(-1), uniforms.expand(shape)[..., None].contiguous(), right=True)
    last = torch.where(probs > 0, torch.arange(probs.shape[-1]), 0).amax(-1)
    return torch.minimum(found.squeeze(-1), last)


@right("categorical_sample")
def one_class_after_the_other(probs, uniforms):
    """Goes through the classes and takes each probability away from what is left of u."""
    if not (probs >= 0).all() or not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("bad input")
    shape = torch.broadcast_shapes(probs.shape[:-1], uniforms.shape)
    answer = torch.zeros(shape, dtype=torch.int64)
    found = torch.zeros(shape, dtype=torch.bool)
    reached = torch.zeros(probs.shape[:-1], dtype=probs.dtype)
    for k in range(probs.shape[-1]):
        reached = reached + probs[..., k]
        possible = (probs[..., k] > 0).expand(shape) & ~found
        answer = torch.where(possible, k, answer)
        found = found | (uniforms < reached) & possible
    return answer


@right("marginal")
def one_variable_after_the_other(joint, dim):
    """Adds up slices, the last variable first."""
    dims = (dim,) if isinstance(dim, int) else dim
    if any(not -joint.dim() <= d < joint.dim() for d in dims):
        raise ValueError("no such variable")
    for d in sorted((d % joint.dim() for d in dims), reverse=True):
        total = torch.zeros_like(joint).select(d, 0) if joint.shape[d] else torch.zeros_like(joint).sum(d)
        for part in joint.unbind(d) if joint.shape[d] else ():
            total = total + part
        joint = total
    return joint


@right("conditional")
def with_a_table_of_two_dimensions(joint, given_dim):
    """Every other variable becomes one long column."""
    rows = joint.transpose(0, given_dim)
    flat = rows.flatten(1)
    return (flat / torch.einsum("ij->i", flat)[:, None]).reshape(rows.shape).transpose(0, given_dim)


@right("bayes_posterior")
def with_a_common_factor_in_two_halves(prior, likelihood):
    """A factor that makes the largest product 1, of which prior and likelihood get the square root each."""
    if prior.shape[-1] != likelihood.shape[-1]:
        raise ValueError("hypotheses")
    log_joint = prior.detach().log() + likelihood.detach().log()
    root = torch.exp(-log_joint.amax(-1, keepdim=True) / 2)
    joint = (prior * root) * (likelihood * root)
    return joint / joint.sum(-1, keepdim=True)


@right("expectation")
def as_a_product_of_matrices(values, probs):
    """A row times a column."""
    if values.size(-1) != probs.size(-1):
        raise ValueError("outcomes")
    row, column = values.to(probs.dtype)[..., None, :], probs[..., :, None]
    return torch.matmul(row, column)[..., 0, 0]


@right("variance")
def over_pairs_of_outcomes(values, probs):
    """Half the mean square of the difference of two independent draws."""
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError("outcomes")
    difference = values[..., None, :] - values[..., None]
    return torch.einsum("...i,...ij,...j->...", probs, difference.to(probs.dtype) ** 2, probs) / 2


@right("variance")
def shifted_before_the_squares(values, probs):
    """E[Y²] − E[Y]² is safe once Y = X − x₀ is of the size of the spread."""
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError("outcomes")
    y = values - values[..., :1]
    mean = (y * probs).sum(-1, keepdim=True)
    return (probs * (y - mean) * (y - mean)).sum(-1)


@right("gaussian_mle")
def by_the_norm_of_the_deviations(x):
    """A standard deviation is a length, divided by √n."""
    n = x.numel()
    if not n:
        raise ValueError("empty")
    mean = x.sum() / n
    return mean, torch.linalg.vector_norm(x - mean) / math.sqrt(n)


@right("mean_credible_interval")
def with_the_quantiles_of_scipy_stats(x, alpha):
    """Two quantiles of Student's t with the standard error of the mean."""
    if x.numel() < 2 or alpha <= 0 or alpha >= 1:
        raise ValueError("bad input")
    n = x.numel()
    error = torch.sqrt(((x - x.mean()) ** 2).sum() / (n * (n - 1)))
    low, high = (x.mean() + float(scipy.stats.t.ppf(q, n - 1)) * error for q in ((1 - alpha) / 2, (1 + alpha) / 2))
    return x.mean(), (low, high)


@right("markov_distribution")
def by_repeated_squaring(transition, initial, steps):
    """Squares the matrix, and applies the powers whose bits are set."""
    if steps < 0 or (transition.sum(1) - 1).abs().max() > 1e-3:
        raise ValueError("bad input")
    while steps:
        if steps % 2:
            initial = torch.einsum("...i,ij->...j", initial, transition)
        transition, steps = transition @ transition, steps // 2
    return initial


@right("stationary_distribution")
def by_least_squares(transition):
    """All equations π (I − T) = 0 and Σ π = 1 at once, one more than there are unknowns."""
    if ((transition.sum(-1) - 1).abs() > 1e-4).any():
        raise ValueError("rows")
    n = transition.shape[0]
    system = torch.eye(n, dtype=transition.dtype) - transition
    square = torch.cat([system.mT, torch.ones(1, n, dtype=transition.dtype)])
    right_side = torch.cat([torch.zeros(n, 1, dtype=transition.dtype), torch.ones(1, 1, dtype=transition.dtype)])
    return torch.linalg.lstsq(square, right_side).solution[:, 0]


@right("stationary_distribution")
def one_state_removed_after_the_other(transition):
    """The algorithm of Grassmann, Taksar and Heyman: censor the last state, then the one before it. It subtracts
    nothing, so that every probability keeps its digits.
    """
    if not torch.allclose(transition.sum(1), torch.ones(len(transition), dtype=transition.dtype)):
        raise ValueError("rows")
    order = list(range(len(transition)))
    t, removed = transition, []
    while len(order) > 1:
        # a state that the chain leaves for certain, if there is one whose way out is longest
        leaving = t.sum(1) - t.diagonal()
        i = int(leaving.argmax())
        rest = [j for j in range(len(order)) if j != i]
        out = t[i, rest] / t[i, rest].sum()
        removed.append((order[i], [order[j] for j in rest], t[rest, i] / t[i, rest].sum()))
        t = t[rest][:, rest] + t[rest, i][:, None] * out
        order = [order[j] for j in rest]
    weights = {order[0]: torch.ones((), dtype=transition.dtype)}
    for state, others, into in reversed(removed):
        weights[state] = sum(weights[j] * into[m] for m, j in enumerate(others))
    found = torch.stack([weights[i] for i in range(len(transition))])
    return found / found.sum()


@right("mixture_posterior")
def a_softmax_of_the_log_joint(x, weights, loc, scale):
    """log w + log N, through a softmax; a component of weight 0 is left out of the logarithm."""
    if len({weights.shape, loc.shape, scale.shape}) > 1 or not (scale > 0).all():
        raise ValueError("components")
    z = (x.unsqueeze(-1) - loc) / scale
    log_joint = weights.log() - 0.5 * z**2 - scale.log()
    return torch.softmax(log_joint, dim=-1)
