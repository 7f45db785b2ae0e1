import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor


@triton.jit
def rms_norm_kernel(x_ptr, weight_ptr, y_ptr, rstd_ptr, columns, row_stride, column_stride, eps, BLOCK: tl.constexpr):
    """y[p, j] = x[p, j] · rstd[p] · γ[j] for all columns j of one row, where rstd[p] = 1 / √(1/d Σ_k x[p, k]² + ε).

    Program p has row p, d is `columns`, ε is `eps`. The whole row is one block: BLOCK is a power of two and at least
    `columns`, and places that are not below `columns` do not exist. Every element of x is read once, every element of
    y written once. The arithmetic is done in float32, whatever the tensors hold.

    x_ptr: where the first element of x lies. A place in x, counted in elements, may be beyond 2³¹.
    row_stride, column_stride: how many elements lie from one row of x to the next, and from one column to the next.
    weight_ptr: γ, `columns` numbers that follow each other.
    y_ptr: a table as large as x, with nothing between its elements or its rows.
    rstd_ptr: float32, one number a row.
    """
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK).to(tl.int64)
    exists = column < columns
    x = tl.load(x_ptr + row * row_stride + column * column_stride, mask=exists).to(tl.float32)
    weight = tl.load(weight_ptr + column, mask=exists).to(tl.float32)
    rstd = 1 / tl.sqrt(tl.sum(tl.where(exists, x * x, 0)) / columns + eps)
    tl.store(rstd_ptr + row, rstd)
    tl.store(y_ptr + row * columns + column, x * rstd * weight, mask=exists)


def rms_norm(
    x: Float[Tensor, "rows columns"], weight: Float[Tensor, "columns"], eps: float = 1e-6
) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "rows"]]:
    """Divide each row by its root mean square and scale each column: one read and one write an element

    y = x · rstd ⊙ γ,  rstd = 1 / √(1/d Σ_i x_i² + ε)                                                   (15.1)

    Args:
        x: float32, float16 or bfloat16; contiguous or not.
        weight: γ, of the same device and any of these dtypes.
        eps: ε, inside the root.

    Returns:
        y, a new contiguous table of the shape and dtype of `x`, rounded once; and rstd in float32, which the backward
        pass needs.

    Raises:
        ValueError: `x` is no table, has no columns or more than 16384; or `weight` is not one number a column.

    Source: Zhang and Sennrich 2019, arXiv:1910.07467; Atlas 15.1; y agrees with
        `F.rms_norm(x, (columns,), weight, eps)`.
    """
    if x.dim() != 2 or not 0 < x.shape[1] <= 16384:
        raise ValueError(f"a table with 1 to 16384 columns is needed, not {tuple(x.shape)}")
    if weight.shape != x.shape[1:]:
        raise ValueError(f"weight {tuple(weight.shape)} is not one number for each column of {tuple(x.shape)}")
    rows, columns = x.shape
    y = x.new_empty(rows, columns)
    rstd = x.new_empty(rows, dtype=torch.float32)
    BLOCK = triton.next_power_of_2(columns)
    rms_norm_kernel[(rows,)](
        x, weight.contiguous(), y, rstd, columns, *x.stride(), eps, BLOCK=BLOCK, num_warps=triton.cdiv(BLOCK, 512)
    )
    return y, rstd


@triton.jit
def rms_norm_backward_kernel(
    grad_output_ptr,
    x_ptr,
    weight_ptr,
    rstd_ptr,
    grad_x_ptr,
    partial_ptr,
    rows,
    columns,
    strip,
    BLOCK: tl.constexpr,
):
    """∂L/∂x of the rows of one strip, and this strip's share of ∂L/∂γ.

    Program p has the rows from p · strip on, `strip` of them, or fewer where the table ends. It writes their rows of
    grad_x, and into row p of `partial` the sum over its own rows r of grad_output[r, j] · x[r, j] · rstd[r], for every
    column j. A row is one block: BLOCK is a power of two and at least `columns`, and places that are not below
    `columns` do not exist. Every element of grad_output and of x is read once. The arithmetic is done in float32,
    whatever the tensors hold.

    grad_output_ptr, x_ptr, grad_x_ptr: tables of `rows` rows and `columns` columns, with nothing between their
        elements or their rows. A place in them, counted in elements, may be beyond 2³¹.
    weight_ptr: γ. rstd_ptr: float32, one number a row.
    partial_ptr: float32, a table with a row for every program and `columns` columns; what it holds at first is
        undefined.
    """
    program = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    exists = column < columns
    weight = tl.load(weight_ptr + column, mask=exists).to(tl.float32)
    grad_weight = tl.zeros([BLOCK], dtype=tl.float32)
    for row in range(program * strip, tl.minimum(program * strip + strip, rows)):
        place = row * columns + column
        grad_output = tl.load(grad_output_ptr + place, mask=exists).to(tl.float32)
        x = tl.load(x_ptr + place, mask=exists).to(tl.float32)
        rstd = tl.load(rstd_ptr + row)
        normalized = x * rstd
        grad_weight += grad_output * normalized
        grad = grad_output * weight
        along_normalized = normalized * (tl.sum(tl.where(exists, grad * normalized, 0)) / columns)
        tl.store(grad_x_ptr + place, (grad - along_normalized) * rstd, mask=exists)
    tl.store(partial_ptr + program * columns + column, grad_weight, mask=exists)


@triton.jit
def column_sums_kernel(partial_ptr, out_ptr, count, columns, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """out[j] = Σ_p partial[p, j] for COLUMNS columns j: program q has the columns from q · COLUMNS on.

    It walks down all `count` rows of `partial`, ROWS rows at a time, always in the same order. Rows that are not below
    `count` and columns that are not below `columns` do not exist.

    partial_ptr: float32, a table of `count` rows and `columns` columns, with nothing between its elements or its rows.
    out_ptr: `columns` numbers of any dtype, each rounded once, by the store.
    """
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    sums = tl.zeros([ROWS, COLUMNS], dtype=tl.float32)
    for first in range(0, count, ROWS):
        row = first + tl.arange(0, ROWS)
        exists = (row < count)[:, None] & (column < columns)[None, :]
        place = row[:, None] * columns + column[None, :]
        sums += tl.where(exists, tl.load(partial_ptr + place, mask=exists), 0)
    tl.store(out_ptr + column, tl.sum(sums, axis=0), mask=column < columns)


def rms_norm_backward(
    grad_output: Float[Tensor, "rows columns"],
    x: Float[Tensor, "rows columns"],
    weight: Float[Tensor, "columns"],
    rstd: Float[Tensor, "rows"],
) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "columns"]]:
    """Carry a gradient back through 15.1: two reads and one write an element

    y = x̂ ⊙ γ,  x̂ = x · rstd,  rstd = 1 / √(1/d Σ_i x_i² + ε)                                          (15.1)

    The sums over the rows are the same to the last bit in every call: a first kernel leaves one partial sum a strip of
    rows in float32, a second adds the strips in a fixed order.

    Args:
        grad_output: ∂L/∂y, of the dtype of `x`; contiguous or not.
        x, weight: as they were given to `rms_norm`.
        rstd: what `rms_norm` returned.

    Returns:
        ∂L/∂x and ∂L/∂γ, of the shapes and dtypes of `x` and `weight`, each number rounded once.

    Raises:
        ValueError: `x` is no table, or another shape does not fit it.

    Source: Zhang and Sennrich 2019, arXiv:1910.07467; Atlas 15.1; agrees with autograd through `F.rms_norm`.
    """
    shapes = [tuple(tensor.shape) for tensor in (grad_output, x, weight, rstd)]
    if x.dim() != 2 or shapes != [x.shape, x.shape, x.shape[1:], x.shape[:1]]:
        raise ValueError(f"the shapes {shapes} of grad_output, x, weight and rstd do not fit together")
    grad_output, x, weight, rstd = (tensor.contiguous() for tensor in (grad_output, x, weight, rstd))
    rows, columns = x.shape
    strip = max(2, triton.cdiv(rows, 1000))
    programs = triton.cdiv(rows, strip)
    grad_x, grad_weight = torch.empty_like(x), torch.empty_like(weight)
    partial = x.new_empty(programs, columns, dtype=torch.float32)
    BLOCK = triton.next_power_of_2(columns)
    rms_norm_backward_kernel[(programs,)](
        *(grad_output, x, weight, rstd, grad_x, partial),
        *(rows, columns, strip),
        BLOCK=BLOCK,
        num_warps=triton.cdiv(BLOCK, 512),
    )
    ROWS = triton.next_power_of_2(programs // 8 + 1)
    column_sums_kernel[(triton.cdiv(columns, 32),)](partial, grad_weight, programs, columns, ROWS=ROWS, COLUMNS=32)
    return grad_x, grad_weight


@triton.jit
def layer_norm_kernel(
    x_ptr,
    weight_ptr,
    bias_ptr,
    y_ptr,
    mean_ptr,
    rstd_ptr,
    columns,
    row_stride,
    column_stride,
    eps,
    BLOCK: tl.constexpr,
):
    """y[p, j] = (x[p, j] − mean[p]) · rstd[p] · γ[j] + β[j] for all columns j of one row.

    mean[p] = 1/d Σ_k x[p, k] and rstd[p] = 1 / √(1/d Σ_k (x[p, k] − mean[p])² + ε). Program p has row p, d is
    `columns`, ε is `eps`. The whole row is one block: BLOCK is a power of two and at least `columns`, and places that
    are not below `columns` do not exist. Every element of x is read once, every element of y written once. The
    arithmetic is done in float32, whatever the tensors hold; rows whose mean is a thousand times their deviation lose
    no accuracy to cancellation.

    x_ptr: where the first element of x lies. A place in x, counted in elements, may be beyond 2³¹.
    row_stride, column_stride: how many elements lie from one row of x to the next, and from one column to the next.
    weight_ptr, bias_ptr: γ and β, `columns` numbers each that follow each other.
    y_ptr: a table as large as x, with nothing between its elements or its rows.
    mean_ptr, rstd_ptr: float32, one number a row.
    """
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK).to(tl.int64)
    exists = column < columns
    x = tl.load(x_ptr + row * row_stride + column * column_stride, mask=exists).to(tl.float32)
    weight = tl.load(weight_ptr + column, mask=exists).to(tl.float32)
    bias = tl.load(bias_ptr + column, mask=exists).to(tl.float32)
    mean = tl.sum(tl.where(exists, x, 0)) / columns
    centred = tl.where(exists, x - mean, 0)
    rstd = 1 / tl.sqrt(tl.sum(centred * centred) / columns + eps)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)
    tl.store(y_ptr + row * columns + column, centred * rstd * weight + bias, mask=exists)


def layer_norm(
    x: Float[Tensor, "rows columns"],
    weight: Float[Tensor, "columns"],
    bias: Float[Tensor, "columns"],
    eps: float = 1e-5,
) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "rows"], Float[Tensor, "rows"]]:
    """Give each row mean 0 and variance 1, then scale and shift each column: one read and one write an element

    y = (x − E[x]) / √(Var[x] + ε) ⊙ γ + β,  Var[x] = 1/d Σ_i (x_i − E[x])²                              (7.2)

    Args:
        x: float32, float16 or bfloat16; contiguous or not.
        weight, bias: γ and β, of the same device and any of these dtypes.
        eps: ε, inside the root.

    Returns:
        y, a new contiguous table of the shape and dtype of `x`, rounded once; and in float32 the mean of every row and
        rstd = 1 / √(Var[x] + ε), which the backward pass needs.

    Raises:
        ValueError: `x` is no table, has no columns or more than 16384; or `weight` or `bias` is not one number a
            column.

    Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450; Atlas 7.2; y agrees with
        `F.layer_norm(x, (columns,), weight, bias, eps)`.
    """
    if x.dim() != 2 or not 0 < x.shape[1] <= 16384:
        raise ValueError(f"a table with 1 to 16384 columns is needed, not {tuple(x.shape)}")
    if weight.shape != x.shape[1:] or bias.shape != x.shape[1:]:
        raise ValueError(
            f"weight {tuple(weight.shape)} or bias {tuple(bias.shape)} is not one number a column of {tuple(x.shape)}"
        )
    rows, columns = x.shape
    y = x.new_empty(rows, columns)
    mean, rstd = x.new_empty(2, rows, dtype=torch.float32)
    BLOCK = triton.next_power_of_2(columns)
    layer_norm_kernel[(rows,)](
        *(x, weight.contiguous(), bias.contiguous(), y, mean, rstd),
        *(columns, *x.stride(), eps),
        BLOCK=BLOCK,
        num_warps=triton.cdiv(BLOCK, 512),
    )
    return y, mean, rstd


@triton.jit
def layer_norm_backward_kernel(
    grad_output_ptr,
    x_ptr,
    weight_ptr,
    mean_ptr,
    rstd_ptr,
    grad_x_ptr,
    partial_ptr,
    rows,
    columns,
    strip,
    BLOCK: tl.constexpr,
):
    """∂L/∂x of the rows of one strip, and this strip's shares of ∂L/∂γ and ∂L/∂β.

    Program p has the rows from p · strip on, `strip` of them, or fewer where the table ends. It writes their rows of
    grad_x. For every column j it writes into partial[0, p, j] the sum over its own rows r of
    grad_output[r, j] · (x[r, j] − mean[r]) · rstd[r], and into partial[1, p, j] that of grad_output[r, j]. A row is one
    block: BLOCK is a power of two and at least `columns`, and places that are not below `columns` do not exist. Every
    element of grad_output and of x is read once. The arithmetic is done in float32, whatever the tensors hold.

    grad_output_ptr, x_ptr, grad_x_ptr: tables of `rows` rows and `columns` columns, with nothing between their
        elements or their rows. A place in them, counted in elements, may be beyond 2³¹.
    weight_ptr: γ. mean_ptr, rstd_ptr: float32, one number a row.
    partial_ptr: float32, two tables, one behind the other, each with a row for every program and `columns` columns; as
        many programs as `tl.num_programs(0)` says. What they hold at first is undefined.
    """
    program = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    exists = column < columns
    weight = tl.load(weight_ptr + column, mask=exists).to(tl.float32)
    grad_weight = tl.zeros([BLOCK], dtype=tl.float32)
    grad_bias = tl.zeros([BLOCK], dtype=tl.float32)
    for row in range(program * strip, tl.minimum(program * strip + strip, rows)):
        place = row * columns + column
        grad_output = tl.load(grad_output_ptr + place, mask=exists).to(tl.float32)
        x = tl.load(x_ptr + place, mask=exists).to(tl.float32)
        rstd = tl.load(rstd_ptr + row)
        normalized = (x - tl.load(mean_ptr + row)) * rstd
        grad_weight += grad_output * normalized
        grad_bias += grad_output
        grad = grad_output * weight
        along_ones = tl.sum(tl.where(exists, grad, 0)) / columns
        along_normalized = normalized * (tl.sum(tl.where(exists, grad * normalized, 0)) / columns)
        tl.store(grad_x_ptr + place, (grad - along_ones - along_normalized) * rstd, mask=exists)
    begin = partial_ptr + program * columns + column
    tl.store(begin, grad_weight, mask=exists)
    tl.store(begin + tl.num_programs(0) * columns, grad_bias, mask=exists)


@triton.jit
def two_column_sums_kernel(partial_ptr, out_ptr, count, columns, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """out[t, j] = Σ_p partial[t, p, j] for COLUMNS columns j of one table t, which is 0 or 1.

    Program (q, t) has table t and the columns from q · COLUMNS on. It walks down all `count` rows of its table, ROWS
    rows at a time, always in the same order. Rows that are not below `count` and columns that are not below `columns`
    do not exist.

    partial_ptr: float32, two tables of `count` rows and `columns` columns, one behind the other, with nothing between.
    out_ptr: a table of two rows and `columns` columns of any dtype, each number rounded once, by the store.
    """
    table = tl.program_id(1)
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    sums = tl.zeros([ROWS, COLUMNS], dtype=tl.float32)
    for first in range(0, count, ROWS):
        row = first + tl.arange(0, ROWS)
        exists = (row < count)[:, None] & (column < columns)[None, :]
        place = (table * count + row)[:, None] * columns + column[None, :]
        sums += tl.where(exists, tl.load(partial_ptr + place, mask=exists), 0)
    tl.store(out_ptr + table * columns + column, tl.sum(sums, axis=0), mask=column < columns)


def layer_norm_backward(
    grad_output: Float[Tensor, "rows columns"],
    x: Float[Tensor, "rows columns"],
    weight: Float[Tensor, "columns"],
    mean: Float[Tensor, "rows"],
    rstd: Float[Tensor, "rows"],
) -> tuple[Float[Tensor, "rows columns"], Float[Tensor, "columns"], Float[Tensor, "columns"]]:
    """Carry a gradient back through 7.2: two reads and one write an element

    y = x̂ ⊙ γ + β,  x̂ = (x − E[x]) · rstd,  rstd = 1 / √(Var[x] + ε)                                    (7.2)

    The sums over the rows are the same to the last bit in every call: a first kernel leaves two partial sums a strip
    of rows in float32, a second adds the strips in a fixed order.

    Args:
        grad_output: ∂L/∂y, of the dtype of `x`; contiguous or not.
        x, weight: as they were given to `layer_norm`.
        mean, rstd: what `layer_norm` returned.

    Returns:
        ∂L/∂x, ∂L/∂γ and ∂L/∂β, of the shapes and dtypes of `x`, `weight` and `weight`, each number rounded once.

    Raises:
        ValueError: `x` is no table, or another shape does not fit it.

    Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450; Atlas 7.2; agrees with autograd through `F.layer_norm`.
    """
    shapes = [tuple(tensor.shape) for tensor in (grad_output, x, weight, mean, rstd)]
    if x.dim() != 2 or shapes != [x.shape, x.shape, x.shape[1:], x.shape[:1], x.shape[:1]]:
        raise ValueError(f"the shapes {shapes} of grad_output, x, weight, mean and rstd do not fit together")
    grad_output, x, weight, mean, rstd = (tensor.contiguous() for tensor in (grad_output, x, weight, mean, rstd))
    rows, columns = x.shape
    strip = max(2, triton.cdiv(rows, 1000))
    programs = triton.cdiv(rows, strip)
    grad_x, grads = torch.empty_like(x), weight.new_empty(2, columns)
    partial = x.new_empty(2, programs, columns, dtype=torch.float32)
    BLOCK = triton.next_power_of_2(columns)
    layer_norm_backward_kernel[(programs,)](
        *(grad_output, x, weight, mean, rstd, grad_x, partial),
        *(rows, columns, strip),
        BLOCK=BLOCK,
        num_warps=triton.cdiv(BLOCK, 512),
    )
    ROWS = triton.next_power_of_2(programs // 8 + 1)
    two_column_sums_kernel[(triton.cdiv(columns, 32), 2)](partial, grads, programs, columns, ROWS=ROWS, COLUMNS=32)
    return grad_x, *grads
