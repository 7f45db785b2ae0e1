"""Reference answers of chapter 4, activation functions."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def relu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Keep what is positive, set the rest to zero.

    ReLU(x) = max(0, x)                                                             (4.1)

    Args:
        x: any shape.

    Returns:
        the shape and dtype of `x`. NaN stays NaN and inf stays inf. The gradient at x = 0 is 0.

    Source: Atlas 4.1; agrees with `torch.relu`.
    """
    return x.masked_fill(x <= 0, 0)


def sigmoid(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Squash a real number, a log-odds, into a probability.

    σ(x) = 1 / (1 + exp(−x))                                                        (4.2)

    Args:
        x: any shape, any magnitude.

    Returns:
        numbers in [0, 1], the shape and dtype of `x`; accurate relative to σ(x) also where that is tiny.
        The gradient is σ(x)(1 − σ(x)) everywhere: 1/4 at 0, and 0 rather than NaN at ±1000.

    Source: Atlas 4.2; agrees with `torch.sigmoid`.
    """
    # e^{−|x|}; abs() would pass no gradient at 0
    decay = torch.exp(torch.where(x < 0, x, -x))
    return torch.where(x < 0, decay, 1) / (1 + decay)


def tanh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Squash a real number into (−1, 1), keeping its sign.

    tanh(x) = (exp(x) − exp(−x)) / (exp(x) + exp(−x))                               (4.3)

    Args:
        x: any shape, any magnitude.

    Returns:
        numbers in [−1, 1], the shape and dtype of `x`; accurate relative to tanh(x) also near 0, where
        tanh(x) ≈ x. The gradient is 1 − tanh²(x) everywhere: 1 at 0, and 0 rather than NaN at ±1000.

    Source: Atlas 4.3; agrees with `torch.tanh`.
    """
    # e^{−2|x|} − 1, without cancellation near 0
    decay = torch.expm1(torch.where(x < 0, 2 * x, -2 * x))
    return torch.where(x < 0, decay, -decay) / (2 + decay)


def silu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Let a number through in proportion to its own sigmoid.

    SiLU(x) = x · σ(x) = x / (1 + exp(−x)), which is Swish_β(x) = x · σ(βx) at β = 1      (15.3)

    Args:
        x: any shape, any finite magnitude.

    Returns:
        the shape and dtype of `x`. The gradient is finite also at ±1000.

    Source: Atlas 15.3; agrees with `torch.nn.functional.silu`.
    """
    return x * sigmoid(x)


def gelu(x: Float[Tensor, "*shape"], approximate: str = "none") -> Float[Tensor, "*shape"]:
    """Let a number through in proportion to the probability that a standard normal one is smaller.

    GELU(x) = x · Φ(x) = x/2 · (1 + erf(x/√2))                                      approximate="none"
    GELU(x) ≈ x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))                          approximate="tanh"

    Args:
        x: any shape, any finite magnitude.
        approximate: which of the two forms; they differ by up to 5e-4.

    Returns:
        the shape and dtype of `x`. The gradient is finite also at ±1000.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".

    Source: Hendrycks & Gimpel 2016, arXiv:1606.08415; agrees with `torch.nn.functional.gelu`.
    """
    if approximate == "none":
        return x * torch.erfc(-x / math.sqrt(2)) / 2
    if approximate == "tanh":
        return x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")


def softmax(x: Float[Tensor, "*shape"], dim: int) -> Float[Tensor, "*shape"]:
    """Turn logits into probabilities along one dimension.

    softmax(x)_i = exp(x_i) / Σ_j exp(x_j)                                          (4.4)

    Args:
        x: logits, any shape, any magnitude; −inf marks an impossible class.
        dim: the dimension that sums to 1, of at least one entry; negative counts from the end.

    Returns:
        probabilities, the shape and dtype of `x`; NaN where every class is impossible.

    Raises:
        ValueError: `x` has no dimension `dim`.

    Source: Atlas 4.4; agrees with `torch.softmax`.
    """
    shifted = x - x.amax(dim, keepdim=True).detach()
    exponentials = torch.exp(shifted)
    return exponentials / exponentials.sum(dim, keepdim=True)


def logsumexp(x: Float[Tensor, "..."], dim: int | tuple[int, ...], keepdim: bool = False) -> Float[Tensor, "..."]:
    """Add numbers that are given by their logarithms: the logarithm of softmax's denominator.

    logsumexp(x) = log Σ_j exp(x_j)                                                 (the denominator of 4.4)

    Args:
        x: any shape, any magnitude; −inf stands for the number 0.
        dim: the dimension or dimensions to sum over, of at least one entry; negative counts from the end.
        keepdim: keep the summed dimensions, with size 1.

    Returns:
        the dtype of `x`, without the dimensions `dim` unless `keepdim`; −inf where every entry is −inf.

    Raises:
        ValueError: `x` has no dimension `dim`.

    Source: Atlas 4.4; agrees with `torch.logsumexp`.
    """
    largest = x.amax(dim, keepdim=True).detach()
    # −inf − (−inf) would be NaN
    shift = torch.where(largest.isfinite(), largest, torch.zeros_like(largest))
    result = shift + torch.log(torch.exp(x - shift).sum(dim, keepdim=True))
    return result if keepdim else result.squeeze(dim)


def log_softmax(x: Float[Tensor, "*shape"], dim: int) -> Float[Tensor, "*shape"]:
    """Turn logits into log-probabilities along one dimension.

    log softmax(x)_i = x_i − log Σ_j exp(x_j)                                       (4.4, 9.3)

    Args:
        x: logits, any shape, any magnitude; −inf marks an impossible class.
        dim: the dimension whose probabilities sum to 1, of at least one entry; negative counts from the end.

    Returns:
        log-probabilities, the shape and dtype of `x`: finite where the probability underflows, accurate also
        where the logits are large and their differences small, NaN where every class is impossible.

    Raises:
        ValueError: `x` has no dimension `dim`.

    Source: Atlas 4.4 and 9.3; agrees with `torch.log_softmax`.
    """
    shifted = x - x.amax(dim, keepdim=True).detach()
    return shifted - torch.log(torch.exp(shifted).sum(dim, keepdim=True))


def softmax_backward(
    grad_output: Float[Tensor, "*shape"], output: Float[Tensor, "*shape"], dim: int
) -> Float[Tensor, "*shape"]:
    """Carry a gradient back through softmax: the product Jᵀg with its Jacobian, from its output alone.

    ∂softmax(x)_i / ∂x_j = p_i (δ_ij − p_j),  p = softmax(x)                        (the derivative of 4.4)

    Args:
        grad_output: g, the gradient of the loss with respect to the output.
        output: p, probabilities along `dim`.
        dim: the dimension that sums to 1; negative counts from the end.

    Returns:
        the gradient of the loss with respect to the logits, the shape and dtype of `output`. The Jacobian is
        never stored: no tensor made on the way has more elements than `output`.

    Raises:
        ValueError: the two shapes differ, or there is no dimension `dim`.

    Source: Atlas 4.4; agrees with `torch.autograd`.
    """
    if grad_output.shape != output.shape:
        raise ValueError(f"grad_output {tuple(grad_output.shape)} and output {tuple(output.shape)} differ in shape")
    return output * (grad_output - (grad_output * output).sum(dim, keepdim=True))
