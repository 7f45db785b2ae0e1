"""Reference answers of chapter 1, operations on tensors."""

import math
from collections.abc import Sequence
from functools import reduce
from itertools import zip_longest

import torch
from jaxtyping import Float, Num
from torch import Tensor


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Find the shape of the result when tensors of these shapes meet in an elementwise operation.

    The shapes are aligned at their last dimension; a shorter shape counts as 1 where it has no size. In each dimension
    all sizes other than 1 must be equal, and that size is the result's; if all are 1, the result's is 1.

    Args:
        shapes: any number of shapes, each a tuple of sizes ≥ 0; () is the shape of a scalar.

    Returns:
        the common shape, a tuple; () when no shape is given.

    Raises:
        ValueError: two sizes other than 1 differ in some dimension. 0 is such a size.

    Source: NumPy's broadcasting rules; agrees with `torch.broadcast_shapes`.
    """
    result = []
    for sizes in zip_longest(*map(reversed, shapes), fillvalue=1):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise ValueError(f"the shapes {shapes} do not broadcast: sizes {wide} meet")
        result.append(wide.pop() if wide else 1)
    return tuple(reversed(result))


def hadamard(a: Num[Tensor, "*shape_a"], b: Num[Tensor, "*shape_b"]) -> Num[Tensor, "*broadcast"]:
    """Multiply two tensors entry by entry.

    (A ⊙ B)_ij = A_ij B_ij                                                          (1.1)

    Args:
        a, b: shapes that broadcast against each other; integer or floating dtypes, which may differ.

    Returns:
        the product, of the broadcast shape and of torch's promoted dtype: an integer times a float is a float.

    Raises:
        ValueError: the shapes do not broadcast.

    Source: Atlas 1.1; agrees with `torch.mul`. The operator `*` may be used.
    """
    return a * b


def power(x: Float[Tensor, "*shape"], n: int) -> Float[Tensor, "*shape"]:
    """Raise every entry to an integer power by repeated squaring.

    xⁿ = x · x · … · x, and x⁻ⁿ = 1/xⁿ                                              (1.2)

    A loop would multiply n − 1 times. Here the number of multiplications is O(log n).

    Args:
        x: any shape.
        n: an int: positive, zero or negative.

    Returns:
        the shape and dtype of `x`. x⁰ is 1 for every x, also for 0, and stays in the graph of `x` with gradient 0.
        A negative power of 0 is infinite.

    Raises:
        ValueError: n is not an int.

    Source: Atlas 1.2; Knuth, The Art of Computer Programming 2, section 4.6.3; agrees with `torch.pow`.
    """
    if not isinstance(n, int):
        raise ValueError(f"n must be an int, not {n!r}")
    if n < 0:
        return power(1 / x, -n)
    if n == 0:
        return x.clone().fill_(1)
    half = power(x, n // 2)
    return half * half * x if n % 2 else half * half


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Find the strides of a contiguous (row-major) tensor of a given shape.

    Entry (i_1, …, i_d) lies i_1 s_1 + … + i_d s_d places after the first one in memory; the last index moves fastest,
    so s_d = 1, and each stride is the next one times the next size. A size of 0 counts as 1, so no stride is 0.

    Args:
        shape: sizes ≥ 0; () is the shape of a scalar.

    Returns:
        one stride a dimension, counted in entries, not in bytes.

    Source: agrees with `torch.empty(shape).stride()`.
    """
    steps = []
    step = 1
    for size in reversed(shape):
        steps.append(step)
        step *= max(size, 1)
    return tuple(reversed(steps))


def transpose(a: Num[Tensor, "*batch m n"]) -> Num[Tensor, "*batch n m"]:
    """Exchange rows and columns without moving a number in memory.

    (Aᵀ)_ij = A_ji                                                                  (1.4)

    Args:
        a: matrices; leading dimensions are a batch and stay where they are. It need not be contiguous.

    Returns:
        a view of `a`: what is written into one appears in the other.

    Raises:
        ValueError: `a` has fewer than two dimensions.

    Source: Atlas 1.4; agrees with `Tensor.mT`.
    """
    *batch, m, n = a.shape
    *batch_strides, row_stride, column_stride = a.stride()
    return a.as_strided((*batch, n, m), (*batch_strides, column_stride, row_stride))


def dot(x: Num[Tensor, " n"], y: Num[Tensor, " n"]) -> Num[Tensor, ""]:
    """Multiply two vectors into one number.

    xᵀy = Σ_i x_i y_i

    Args:
        x, y: vectors of one length.

    Returns:
        a tensor of no dimension, 0 for empty vectors.

    Raises:
        ValueError: one of the two is not a vector, or their lengths differ. Nothing broadcasts here.

    Source: agrees with `torch.dot`.
    """
    if x.dim() != 1 or x.shape != y.shape:
        raise ValueError(f"two vectors of one length are needed, not shapes {tuple(x.shape)} and {tuple(y.shape)}")
    return (x * y).sum()


def matvec(a: Num[Tensor, "m n"], x: Num[Tensor, " n"]) -> Num[Tensor, " m"]:
    """Apply a matrix to a vector: the dot product of every row with it.

    (Ax)_i = Σ_j A_ij x_j

    Args:
        a: one matrix.
        x: one vector, as long as a row of `a`.

    Returns:
        a vector, as long as a column of `a`.

    Raises:
        ValueError: `a` is not a matrix, `x` is not a vector, or the lengths differ. Nothing broadcasts here.

    Source: agrees with `torch.mv`.
    """
    if a.dim() != 2 or x.shape != a.shape[1:]:
        raise ValueError(f"a matrix and a vector that fit are needed, not {tuple(a.shape)} and {tuple(x.shape)}")
    return (a * x).sum(1)


def matmul(a: Num[Tensor, "*batch_a m k"], b: Num[Tensor, "*batch_b k n"]) -> Num[Tensor, "*batch m n"]:
    """Multiply matrices, or batches of them, or vectors with them.

    C_ij = Σ_k A_ik B_kj                                                            (1.3)

    Args:
        a: shape (…, m, k), or a vector of length k: a row, whose dimension m is missing in the result.
        b: shape (…, k, n), or a vector of length k: a column, whose dimension n is missing in the result.

    Returns:
        shape (…, m, n); the leading dimensions of `a` and `b` are batches and broadcast, m, k and n never do.
        Two vectors give their dot product, a tensor of no dimension.

    Raises:
        ValueError: the inner sizes differ, the batches do not broadcast, or an operand has no dimension.

    Source: Atlas 1.3; agrees with `torch.matmul`.
    """
    if b.dim() == 1:
        return matmul(a, b.unsqueeze(1)).squeeze(-1)
    if a.dim() == 1:
        return matmul(a.unsqueeze(0), b).squeeze(-2)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"the inner sizes of shapes {tuple(a.shape)} and {tuple(b.shape)} differ")
    return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)


def concatenate(tensors: Sequence[Num[Tensor, "..."]], dim: int = 0) -> Num[Tensor, "..."]:
    """Join tensors end to end along a dimension that they have.

    Args:
        tensors: at least one tensor; all have the same sizes, but for the size of `dim`.
        dim: negative counts from the end.

    Returns:
        a new tensor, whose size along `dim` is the sum of theirs, in the promoted dtype of all.

    Raises:
        ValueError: there is no tensor, there is no dimension `dim`, or the tensors differ in another size or in their
            number of dimensions.

    Source: agrees with `torch.cat`.
    """
    sizes = list(tensors[0].shape)
    sizes[dim] = sum(t.shape[dim] for t in tensors)
    result = tensors[0].new_empty(sizes, dtype=reduce(torch.promote_types, [t.dtype for t in tensors]))
    start = 0
    for t in tensors:
        place = result.narrow(dim, start, t.shape[dim])
        if place.shape != t.shape:
            raise ValueError(f"shape {tuple(t.shape)} does not continue {tuple(tensors[0].shape)} along {dim}")
        place.copy_(t)
        start += t.shape[dim]
    return result


def mean_along(x: Float[Tensor, "..."], dim: int | tuple[int, ...], keepdim: bool = False) -> Float[Tensor, "..."]:
    """Average over one dimension or several at once.

    mean(x)_j = (1/n) Σ_i x_ij, i over the n entries of the dimensions `dim`, j over the others

    Args:
        x: any shape.
        dim: a dimension or a tuple of different ones; negative counts from the end.
        keepdim: keep the averaged dimensions, with size 1, so that the result broadcasts against `x`.

    Returns:
        the averages, in the dtype of `x`; NaN where there is nothing to average.

    Raises:
        ValueError: there is no such dimension, or one is named twice.

    Source: agrees with `torch.mean`.
    """
    dims = (dim,) if isinstance(dim, int) else dim
    count = math.prod(x.shape[d] for d in dims)
    return x.sum(dims, keepdim=keepdim) / count


def l1_norm(x: Float[Tensor, "..."], dim: int | tuple[int, ...] | None = None) -> Float[Tensor, "..."]:
    """Measure vectors by the sum of the sizes of their entries.

    ‖x‖₁ = Σ_i |x_i|                                                                (1.5 with p = 1)

    Args:
        x: any shape.
        dim: the dimension or dimensions in which each vector lies; None takes all of `x` as one vector.

    Returns:
        the norms, in the dtype of `x`. The gradient is the sign of each entry, 0 where it is 0.

    Source: Atlas 1.5; agrees with `torch.linalg.vector_norm(x, 1, dim)`.
    """
    return x.abs().sum(dim)


def l2_norm(x: Float[Tensor, "..."], dim: int | tuple[int, ...] | None = None) -> Float[Tensor, "..."]:
    """Measure vectors by their Euclidean length.

    ‖x‖₂ = √(Σ_i x_i²)                                                              (1.5)

    Args:
        x: any shape.
        dim: the dimension or dimensions in which each vector lies; None takes all of `x` as one vector.

    Returns:
        the norms, in the dtype of `x`. The gradient is x/‖x‖₂, and 0 for a vector of zeros, never NaN.

    Source: Atlas 1.5; agrees with `torch.linalg.vector_norm(x, 2, dim)`.
    """
    squares = (x * x).sum(dim)
    zero = squares == 0  # there the root has no slope: take √1 and cross it out
    return torch.sqrt(squares + zero) * ~zero


def frobenius_norm(a: Float[Tensor, "*batch m n"]) -> Float[Tensor, "*batch"]:
    """Measure matrices by the Euclidean length of all their entries.

    ‖A‖_F = √(Σ_i Σ_j A_ij²)

    Args:
        a: matrices; leading dimensions are a batch.

    Returns:
        one norm a matrix. The gradient is A/‖A‖_F, and 0 for a matrix of zeros, never NaN.

    Raises:
        ValueError: `a` has fewer than two dimensions.

    Source: agrees with `torch.linalg.matrix_norm`.
    """
    return l2_norm(a, dim=(-2, -1))
