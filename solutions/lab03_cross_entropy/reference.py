import math

import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor


@triton.jit
def cross_entropy_kernel(
    logits_ptr, labels_ptr, losses_ptr, lse_ptr, columns, row_stride, column_stride, ignore_index, BLOCK: tl.constexpr
):
    """losses[p] = lse[p] − x[labels[p]] with lse[p] = log Σ_j exp(x[j]), where x is row p of the logits: program p.

    The row is walked over once, in blocks of BLOCK columns, a power of two; places that are not below `columns` do not
    exist. The arithmetic is done in float32, whatever the logits hold. Where the label is `ignore_index` the row is
    not read and nothing is written, since losses and lse hold zeros already. Another label that is no class leads to
    no logit: none is read there, and the loss is NaN.

    Logits of 1e4 are no trouble, and a loss of 1e-3 among them keeps its digits: the right logit is the largest of its
    row then, and the difference of two large numbers is exact only if neither was rounded before. −inf marks an
    impossible class, of which whole blocks may consist. A label of such a class has the loss inf, a row of nothing else
    lse −inf and loss NaN. A NaN among the logits makes loss and lse of its row NaN, and of no other.

    logits_ptr: where the first element of the logits lies.
    labels_ptr, losses_ptr, lse_ptr: where the first of as many numbers as there are programs lies; the others follow
        it. Labels are int64, losses and lse are float32.
    row_stride, column_stride: how many elements lie from one row of the logits to the next, and from one column to
        the next. A place counted in elements may be beyond 2³¹.
    """
    row = tl.program_id(0).to(tl.int64)
    label = tl.load(labels_ptr + row)
    if label != ignore_index:
        x_ptr = logits_ptr + row * row_stride
        # the lowest number and not −inf: where everything so far is −inf, x − largest is then −inf and not NaN
        largest = -3.4028234663852886e38
        sums = tl.zeros([BLOCK], dtype=tl.float32)
        for first in range(0, columns, BLOCK):
            column = first + tl.arange(0, BLOCK)
            places = x_ptr + column.to(tl.int64) * column_stride
            x = tl.load(places, mask=column < columns, other=-math.inf).to(tl.float32)
            before = largest
            largest = tl.maximum(before, tl.max(x))
            sums = sums * tl.exp(before - largest) + tl.exp(x - largest)
        log_sum = tl.log(tl.sum(sums))
        is_class = (label >= 0) & (label < columns)
        right = tl.where(is_class, tl.load(x_ptr + label * column_stride, mask=is_class).to(tl.float32), math.nan)
        # largest − right is exact where the two are close, largest + log_sum is rounded
        tl.store(losses_ptr + row, log_sum + (largest - right))
        tl.store(lse_ptr + row, largest + log_sum)


def fused_cross_entropy(
    logits: Float[Tensor, "rows classes"], labels: Int[Tensor, " rows"], ignore_index: int = -100
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
    """The cross-entropy of every row, in one read a logit, with what the backward needs instead of the probabilities

    loss_n = log Σ_j exp(x_{nj}) − x_{n, y_n},    lse_n = log Σ_j exp(x_{nj})                             (9.3)

    Args:
        logits: x in float32, float16 or bfloat16, any magnitude; contiguous or not. −inf marks an impossible class.
        labels: y, int64, the right class of every row; contiguous or not.
        ignore_index: a label of this value, which need not be a class, makes loss and lse of its row 0.

    Returns:
        losses and lse, both float32 whatever the logits hold. No tensor is made that grows with the number of classes.
        Labels are not looked at before the launch, which would make the CPU wait for the GPU: the loss of a row whose
        label is neither a class nor `ignore_index` is NaN, its lse is right, and nothing outside the row is read.

    Raises:
        ValueError: `logits` is no table or has no columns, or there is not one label a row.

    Source: Atlas 9.3; the running sum from Milakov & Gimelshein 2018, arXiv:1805.02867; agrees with
    `torch.nn.functional.cross_entropy(logits, labels, reduction="none")`.
    """
    if logits.dim() != 2 or logits.shape[1] == 0 or labels.shape != logits.shape[:1]:
        raise ValueError(f"a table and a label a row are needed, not {tuple(logits.shape)} and {tuple(labels.shape)}")
    rows, columns = logits.shape
    losses, lse = logits.new_zeros(2, rows, dtype=torch.float32)
    cross_entropy_kernel[(rows,)](
        logits, labels.contiguous(), losses, lse, columns, *logits.stride(), ignore_index, BLOCK=4096, num_warps=16
    )
    return losses, lse


@triton.jit
def cross_entropy_backward_kernel(
    grad_losses_ptr,
    logits_ptr,
    labels_ptr,
    lse_ptr,
    grad_ptr,
    columns,
    row_stride,
    column_stride,
    ignore_index,
    BLOCK: tl.constexpr,
):
    """grad[r, j] = grad_losses[r] · ∂ loss[r] / ∂ logits[r, j] for BLOCK columns j of one row r.

    Program (r, q) has row r and the columns from q · BLOCK on; columns that are not below `columns` do not exist. Every
    element is read once and written once: the sum over the row is in lse already. The arithmetic is done in float32,
    and the result is rounded once. Where the label is `ignore_index` the logits are not read, and 0 is written,
    whatever lse and grad_losses hold; where it is no class besides, NaN is. A logit of −inf has the probability 0,
    unless lse is −inf too, as that of a row of nothing else: then its gradient is NaN.

    grad_losses_ptr, labels_ptr, lse_ptr: where the first number of as many as there are rows lies; the others follow
        it. Labels are int64, lse is float32.
    logits_ptr: where the first element of the logits lies.
    grad_ptr: where the first element of the result lies, a table with nothing between its elements or its rows.
    row_stride, column_stride: how many elements lie from one row of the logits to the next, and from one column to
        the next. A place counted in elements may be beyond 2³¹.
    """
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    exists = column < columns
    label = tl.load(labels_ptr + row)
    if label == ignore_index:
        tl.store(grad_ptr + row * columns + column, tl.zeros([BLOCK], dtype=tl.float32), mask=exists)
    else:
        is_class = (label >= 0) & (label < columns)
        scale = tl.where(is_class, tl.load(grad_losses_ptr + row).to(tl.float32), math.nan)
        x = tl.load(logits_ptr + row * row_stride + column.to(tl.int64) * column_stride, mask=exists).to(tl.float32)
        probability = tl.exp(x - tl.load(lse_ptr + row))
        gradient = scale * tl.where(column == label, probability - 1, probability)
        tl.store(grad_ptr + row * columns + column, gradient, mask=exists)


def fused_cross_entropy_backward(
    grad_losses: Float[Tensor, " rows"],
    logits: Float[Tensor, "rows classes"],
    labels: Int[Tensor, " rows"],
    lse: Float[Tensor, " rows"],
    ignore_index: int = -100,
) -> Float[Tensor, "rows classes"]:
    """The gradient by the logits, from the saved lse: one read and one write an element

    grad_{nj} = g_n (exp(x_{nj} − lse_n) − 1{j = y_n})                                   (the derivative of 9.3)

    Args:
        grad_losses: g, the gradient by every loss, such as 1/N from their mean; contiguous or not.
        logits: x in float32, float16 or bfloat16, as the forward had them; contiguous or not.
        labels: y, int64, the right class of every row; contiguous or not.
        lse: float32, as the forward returned it and taken as it is; contiguous or not.
        ignore_index: rows with this label have the gradient 0, whatever else they hold.

    Returns:
        a new contiguous table of the shape, dtype and device of `logits`: NaN in rows whose label is neither a class
        nor `ignore_index`.

    Raises:
        ValueError: `logits` is no table or has no columns, or one of the others does not have one number a row.

    Source: Atlas 9.3; agrees with `torch.autograd` through `torch.nn.functional.cross_entropy`.
    """
    if logits.dim() != 2 or logits.shape[1] == 0:
        raise ValueError(f"a table of logits is needed, not {tuple(logits.shape)}")
    if not labels.shape == grad_losses.shape == lse.shape == logits.shape[:1]:
        raise ValueError(f"one label, one lse and one gradient is needed for each of {logits.shape[0]} rows")
    grad_losses, labels, lse = grad_losses.contiguous(), labels.contiguous(), lse.contiguous()
    rows, columns = logits.shape
    grad = logits.new_empty(rows, columns)
    programs = (rows, triton.cdiv(columns, 4096))
    cross_entropy_backward_kernel[programs](
        grad_losses, logits, labels, lse, grad, columns, *logits.stride(), ignore_index, BLOCK=4096, num_warps=8
    )
    return grad
