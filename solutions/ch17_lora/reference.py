"""Reference answers of chapter 17, parameter-efficient fine-tuning."""

import copy
import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def lora_forward(
    x: Float[Tensor, "... k"],
    w0: Float[Tensor, "d k"],
    a: Float[Tensor, "r k"],
    b: Float[Tensor, "d r"],
    alpha: float,
) -> Float[Tensor, "... d"]:
    """Pass x through a weight and through the low-rank change of it, side by side.

    W = W₀ + ΔW, where ΔW is of rank r at most                                        (17.1)
    h = W₀ x + (α/r) B A x                                                           (17.2)

    Args:
        x: inputs in the last dimension, any number of dimensions before it.
        w0: W₀, as `nn.Linear` keeps a weight, (outputs, inputs).
        a, b: A and B, of rank r ≥ 1.
        alpha: α, any number; it is not divided by r yet.

    Returns:
        h, in the dtype of `x`. No tensor on the way has d × k elements (a view of `w0` apart). Gradients reach x,
        w0, a and b: what is frozen is for a module to say, not for this function.

    Raises:
        ValueError: the shapes of w0, a and b do not fit together, also where broadcasting would accept them.

    Source: Atlas 17.1 and 17.2; Hu et al. 2021, section 4.1; agrees with `F.linear` of the summed weight.
    """
    if b.shape != (w0.shape[0], a.shape[0]):
        raise ValueError(f"b {tuple(b.shape)} does not fit w0 {tuple(w0.shape)} and a {tuple(a.shape)}")
    return F.linear(x, w0) + alpha / a.shape[0] * F.linear(F.linear(x, a), b)


def lora_parameter_count(d: int, k: int, r: int) -> int:
    """Count the numbers that LoRA trains for one weight of d outputs and k inputs.

    W = W₀ + BA,  W₀ (d, k) frozen,  B (d, r),  A (r, k)                              (17.1)

    Args:
        d, k: the sizes of W₀, at least 1.
        r: the rank, at least 1. It may exceed min(d, k), though nothing is saved then.

    Returns:
        the number of elements of A and B together.

    Raises:
        ValueError: a size or the rank is below 1.

    Source: Atlas 17.1; Hu et al. 2021, section 4.2.
    """
    if min(d, k, r) < 1:
        raise ValueError(f"d = {d}, k = {k} and r = {r} must all be at least 1")
    return r * (d + k)


class LoRALinear(nn.Module):
    """A linear layer that is frozen, and beside it a change of low rank that is trained.

    h = W₀ x + bias + (α/r) B A x,  with W₀ and the bias frozen                        (17.2)
    At the start A is random with mean 0 and standard deviation 1/√(3k), each entry on its own, which is
    Kaiming's choice with a = √5, normal or uniform (17.3), and B = 0 (17.4).

    In its state_dict: `base.weight` (d, k), `base.bias` (d) if `base` has one, `lora_a` (r, k), `lora_b` (d, r), all
    in the dtype of `base`.

    Source: Atlas 17.2 to 17.5; Hu et al. 2021; agrees with `peft`'s `lora.Linear` without dropout.
    """

    def __init__(self, base: nn.Linear, r: int, alpha: float):
        """Keep `base`, freeze its parameters and add A and B; raise ValueError if r is below 1."""
        super().__init__()
        if r < 1:
            raise ValueError(f"the rank must be at least 1, not {r}")
        self.base = base.requires_grad_(False)
        self.scaling = alpha / r
        self.lora_a = nn.Parameter(base.weight.new_empty(r, base.in_features))
        self.lora_b = nn.Parameter(base.weight.new_zeros(base.out_features, r))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    def forward(self, x: Float[Tensor, "... k"]) -> Float[Tensor, "... d"]:
        """Equation 17.2 with the bias of `base`; no tensor on the way has d × k elements."""
        return self.base(x) + self.scaling * F.linear(F.linear(x, self.lora_a), self.lora_b)

    def merge(self) -> nn.Linear:
        """A new `nn.Linear` that computes the same (17.5); this module and its base stay as they are."""
        merged = copy.deepcopy(self.base)
        with torch.no_grad():
            merged.weight += self.scaling * self.lora_b @ self.lora_a
        return merged


def merge(
    w0: Float[Tensor, "d k"], a: Float[Tensor, "r k"], b: Float[Tensor, "d r"], alpha: float
) -> Float[Tensor, "d k"]:
    """Add what LoRA has learned to the weight, so that inference costs what it did before.

    W = W₀ + (α/r) BA                                                (17.5, which the Atlas prints without α/r)

    Args:
        w0: W₀.
        a, b: A and B, of rank r ≥ 1.
        alpha: α, any number.

    Returns:
        W, a new tensor that shares no memory with `w0`, in its dtype.

    Raises:
        ValueError: the shapes of w0, a and b do not fit together, also where broadcasting would accept them.

    Source: Atlas 17.5; Hu et al. 2021, section 4.1.
    """
    if w0.shape != (b.shape[0], a.shape[1]):
        raise ValueError(f"b {tuple(b.shape)} times a {tuple(a.shape)} does not fit w0 {tuple(w0.shape)}")
    return w0 + alpha / a.shape[0] * b @ a


def unmerge(
    w: Float[Tensor, "d k"], a: Float[Tensor, "r k"], b: Float[Tensor, "d r"], alpha: float
) -> Float[Tensor, "d k"]:
    """Take what LoRA has learned out of a merged weight again.

    W₀ is the solution of W = W₀ + (α/r) BA                                           (17.5)

    Args:
        w: W, what `merge` returned.
        a, b, alpha: as they were then.

    Returns:
        W₀ up to rounding, a new tensor that shares no memory with `w`, in its dtype.

    Raises:
        ValueError: the shapes of w, a and b do not fit together, also where broadcasting would accept them.

    Source: Atlas 17.5.
    """
    return merge(w, a, b, -alpha)


def lora_svd_init(
    w0: Float[Tensor, "d k"], rank: int
) -> tuple[Float[Tensor, "d k"], Float[Tensor, "rank k"], Float[Tensor, "d rank"]]:
    """Begin LoRA with the strongest directions of the weight itself: PiSSA.

    W₀ = R + BA, where BA is the matrix of rank r that is nearest to W₀               (2.1, 17.1)

    R takes the place of the frozen weight, and α = r, so that the network starts where it was.

    Args:
        w0: W₀, float32 or float64, any magnitude.
        rank: r, from 1 to min(d, k).

    Returns:
        the residual R, A and B, in the dtype of `w0`. How B and A share the singular values between them is free;
        PiSSA gives each their square roots. No gradient is asked for. No tensor on the way is larger than `w0`.

    Raises:
        ValueError: `rank` is below 1 or above min(d, k).

    Source: Atlas 2.1; Meng et al. 2024, arXiv:2404.02948.
    """
    if not 1 <= rank <= min(w0.shape):
        raise ValueError(f"a matrix of shape {tuple(w0.shape)} has no part of rank {rank}")
    u, s, vh = torch.linalg.svd(w0, full_matrices=False)
    root = s[:rank].sqrt()
    a = root[:, None] * vh[:rank]
    b = u[:, :rank] * root
    return w0 - b @ a, a, b
