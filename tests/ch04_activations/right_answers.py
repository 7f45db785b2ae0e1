"""Right answers to chapter 4 that look nothing like the reference; the tests must accept them."""

import functools
import math

import torch

from autograder.cases import right


@right("relu")
def a_function_with_its_own_backward(x):
    """Both directions written out as a torch.autograd.Function."""

    class Relu(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            off = x <= 0
            ctx.save_for_backward(off)
            return torch.where(off, torch.zeros_like(x), x)

        @staticmethod
        def backward(ctx, grad_output):
            (off,) = ctx.saved_tensors
            return torch.where(off, torch.zeros_like(grad_output), grad_output)

    return Relu.apply(x)


@right("sigmoid")
def in_log_space(x):
    """exp(log σ(x)), with log σ(x) = −log(1 + exp(−x)) from logaddexp."""
    return torch.exp(-torch.logaddexp(-x, torch.zeros_like(x)))


@right("sigmoid")
def clamped_before_the_exponential(x):
    """The printed formula, with the argument of exp kept where nothing overflows."""
    return 1 / (1 + torch.exp(-x.clamp(min=-80)))


@right("tanh")
def clamped_to_where_it_is_not_yet_one(x):
    """expm1 of a clamped argument: beyond ±20 tanh is ±1 in double precision."""
    e = torch.expm1(2 * x.clamp(-20, 20))
    return e / (e + 2)


@right("silu")
def by_the_hyperbolic_tangent(x):
    """σ(x) = (1 + tanh(x/2)) / 2."""
    half = x / 2
    return half + half * torch.tanh(half)


@right("gelu")
def by_the_normal_distribution_function(x, approximate="none"):
    """Φ from torch.special, and 1 + tanh(u) as 2σ(2u)."""
    forms = {
        "none": torch.special.ndtr,
        "tanh": lambda x: torch.sigmoid(math.sqrt(8 / math.pi) * x * (1 + 0.044715 * x.square())),
    }
    if approximate not in forms:
        raise ValueError(approximate)
    return x * forms[approximate](x)


@right("softmax")
def by_the_logarithm(x, dim):
    """Through log-probabilities, with the maximum left in the graph."""
    m = x.max(dim, keepdim=True).values
    return torch.exp(x - m - torch.log(torch.exp(x - m).sum(dim, keepdim=True)))


@right("logsumexp")
def two_terms_at_a_time(x, dim, keepdim=False):
    """A fold with logaddexp, one dimension after the other."""
    x, dims = torch.atleast_1d(x), (dim,) if isinstance(dim, int) else dim
    for d in dims:
        x = functools.reduce(torch.logaddexp, x.split(1, d))
    return x if keepdim else x.squeeze(dims)


@right("log_softmax")
def by_a_fold_over_the_classes(x, dim):
    """The log-normaliser of the shifted logits, one class at a time with logaddexp."""
    shifted = torch.atleast_1d(x - x.max(dim, keepdim=True).values)
    return (shifted - functools.reduce(torch.logaddexp, shifted.split(1, dim))).reshape(x.shape)


@right("softmax_backward")
def as_a_product_with_each_row(grad_output, output, dim):
    """diag(p) g − p (pᵀg), with the inner product as an einsum over the last dimension."""
    if grad_output.shape != output.shape:
        raise ValueError("shapes differ")
    p, g = output.movedim(dim, -1), grad_output.movedim(dim, -1)
    inner = torch.einsum("...i,...i->...", p, g)
    return (p * g - p * inner[..., None]).movedim(-1, dim)
