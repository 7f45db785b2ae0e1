"""Reference answers of chapter 4, activation functions."""

import torch
from jaxtyping import Float
from torch import Tensor


def softmax(x: Float[Tensor, "..."], dim: int) -> Float[Tensor, "..."]:
    """Turn logits into probabilities along one dimension.

    softmax(x)_i = exp(x_i) / Σ_j exp(x_j)                                          (4.4)

    Args:
        x: logits, any shape; −inf marks an impossible class.
        dim: the dimension that sums to 1; negative counts from the end.

    Returns:
        probabilities, the shape and dtype of `x`.

    Source: Atlas 4.4; agrees with `torch.softmax`.
    """
    shifted = x - x.amax(dim, keepdim=True).detach()
    exponentials = torch.exp(shifted)
    return exponentials / exponentials.sum(dim, keepdim=True)
