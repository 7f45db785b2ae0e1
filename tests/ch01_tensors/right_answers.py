"""Right answers to chapter 1 that look nothing like the reference; the tests must accept them."""

import torch

from autograder.cases import right


@right("broadcast_shapes")
def two_at_a_time(*shapes):
    """Folds the shapes two by two, padding on the left."""
    result = ()
    for shape in shapes:
        rank = max(len(result), len(shape))
        left = (1,) * (rank - len(result)) + tuple(result)
        other = (1,) * (rank - len(shape)) + tuple(shape)
        if any(m != n and 1 not in (m, n) for m, n in zip(left, other, strict=True)):
            raise ValueError("the shapes do not broadcast")
        result = tuple(n if m == 1 else m for m, n in zip(left, other, strict=True))
    return result


@right("broadcast_shapes")
def a_list_by_index(*shapes):
    """Reads each shape from the end by negative index, and returns a list."""
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for i in range(-rank, 0):
        for shape in shapes:
            if len(shape) < -i or shape[i] == 1:
                continue
            if result[i] not in (1, shape[i]):
                raise ValueError("the shapes do not broadcast")
            result[i] = shape[i]
    return result


@right("hadamard")
def by_the_named_function(a, b):
    """The builtin under its longer name, with the promotion written out."""
    dtype = torch.result_type(a, b)
    return torch.multiply(a.to(dtype), b.to(dtype))


@right("hadamard")
def by_einsum(a, b):
    """As an Einstein sum without a repeated index that disappears."""
    a, b = torch.broadcast_tensors(a, b)
    dtype = torch.result_type(a, b)
    return torch.einsum("...,...->...", a.to(dtype), b.to(dtype))


@right("power")
def from_the_lowest_bit(x, n):
    """The iterative form: the bits of n, lowest first, with the square of the last round unused."""
    if n != int(n):
        raise ValueError("n must be whole")
    exponent, square = abs(int(n)), x
    result = torch.where(torch.tensor(True), torch.ones_like(x), x)
    while exponent:
        if exponent & 1:
            result = result * square
        square = square * square
        exponent >>= 1
    return 1 / result if n < 0 else result


@right("power")
def from_the_highest_bit(x, n):
    """Left to right through the binary digits, and the reciprocal at the end."""
    result = x.masked_fill(torch.ones_like(x, dtype=torch.bool), 1)
    for digit in format(abs(n), "b"):
        result = result * result
        if digit == "1":
            result = result * x
    return result.reciprocal() if n < 0 else result


@right("contiguous_strides")
def by_products_of_the_sizes_behind(shape):
    """The product of all later sizes, computed anew for each dimension."""
    result = []
    for i in range(len(shape)):
        step = 1
        for size in shape[i + 1 :]:
            step = step * size if size else step
        result.append(step)
    return result


@right("transpose")
def as_one_window(a):
    """One sliding window over all the rows: unfold puts the rows of each window last, and is a view."""
    if a.dim() < 2:
        raise ValueError("a matrix is needed")
    return a.unfold(-2, a.shape[-2], 1).squeeze(-3)


@right("transpose")
def with_an_explicit_offset(a):
    """The strides as lists, exchanged in place, and the offset written out."""
    shape, steps = list(a.shape), list(a.stride())
    shape[-1], shape[-2] = shape[-2], shape[-1]
    steps[-1], steps[-2] = steps[-2], steps[-1]
    return torch.as_strided(a, shape, steps, a.storage_offset())


@right("dot")
def entry_by_entry(x, y):
    """A running sum in a Python loop, in the graph."""
    if x.dim() != 1 or y.dim() != 1 or len(x) != len(y):
        raise ValueError("two vectors of one length are needed")
    total = torch.zeros((), dtype=x.dtype)
    for i in range(len(x)):
        total = total + x[i] * y[i]
    return total


@right("dot")
def by_polarisation(x, y):
    """‖x + y‖² − ‖x − y‖² is four times the dot product."""
    if x.dim() != 1 or x.shape != y.shape:
        raise ValueError("two vectors of one length are needed")
    if not x.is_floating_point() or x.dtype == torch.bfloat16:
        return torch.mul(x, y).sum(0)
    return (((x + y) ** 2).sum() - ((x - y) ** 2).sum()) / 4


@right("matvec")
def as_a_sum_of_columns(a, x):
    """Ax is the combination of the columns of A with the weights x."""
    if a.dim() != 2 or x.dim() != 1 or a.shape[1] != x.shape[0]:
        raise ValueError("the shapes do not fit")
    total = torch.zeros(a.shape[0], dtype=a.dtype)
    for column, weight in zip(a.unbind(1), x.unbind(0), strict=True):
        total = total + weight * column
    return total


@right("matmul")
def as_a_sum_of_outer_products(a, b):
    """C is the sum over k of (column k of A)(row k of B); nothing larger than C is made."""
    if a.dim() == 0 or b.dim() == 0:
        raise ValueError("an operand has no dimension")
    rows = a[None] if a.dim() == 1 else a
    columns = b[:, None] if b.dim() == 1 else b
    if rows.size(-1) != columns.size(-2):
        raise ValueError("the inner sizes differ")
    batch = torch.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    result = torch.zeros(*batch, rows.size(-2), columns.size(-1), dtype=a.dtype)
    for k in range(rows.size(-1)):
        result = result + rows[..., :, k, None] * columns[..., k, None, :]
    if a.dim() == 1:
        result = result[..., 0, :]
    if b.dim() == 1:
        result = result[..., 0]
    return result


@right("matmul")
def by_the_last_dimension(a, b):
    """Pairs the rows of A with the rows of Bᵀ, which mT gives as a view."""
    if a.dim() == 1 and b.dim() == 1:
        if len(a) != len(b):
            raise ValueError("the lengths differ")
        return (a * b).sum()
    if b.dim() == 1:
        if a.shape[-1] != len(b):
            raise ValueError("the inner sizes differ")
        return (a * b).sum(-1)
    transposed = b.mT
    if a.shape[-1] != transposed.shape[-1]:
        raise ValueError("the inner sizes differ")
    if a.dim() == 1:
        return (transposed * a).sum(-1)
    return (a[..., :, None, :] * transposed[..., None, :, :]).sum(-1)


@right("concatenate")
def by_index(tensors, dim=0):
    """Sends every slice of a part to its index in a tensor of zeros, out of place."""
    first = tensors[0]
    if first.dim() == 0 or not -first.dim() <= dim < first.dim():
        raise ValueError("there is no such dimension")
    dim = dim % first.dim()
    rest = [size for i, size in enumerate(first.shape) if i != dim]
    dtype = first.dtype
    for t in tensors:
        if t.dim() != first.dim() or [size for i, size in enumerate(t.shape) if i != dim] != rest:
            raise ValueError("the other sizes differ")
        dtype = torch.promote_types(dtype, t.dtype)
    total = sum(t.shape[dim] for t in tensors)
    result = first.new_zeros([total if i == dim else size for i, size in enumerate(first.shape)], dtype=dtype)
    start = 0
    for t in tensors:
        index = torch.arange(start, start + t.shape[dim])
        result = result.index_copy(dim, index, t.to(dtype))
        start += t.shape[dim]
    return result


@right("concatenate")
def into_slices(tensors, dim=0):
    """Writes each part into an index of slices."""
    if len(tensors) == 0:
        raise ValueError("there is no tensor")
    rank = tensors[0].ndim
    if dim not in range(-rank, rank):
        raise ValueError("there is no such dimension")
    dim %= rank
    shapes = {(*t.shape[:dim], None, *t.shape[dim + 1 :]) for t in tensors}
    if len(shapes) != 1 or {t.ndim for t in tensors} != {rank}:
        raise ValueError("the other sizes differ")
    dtype = tensors[0].dtype
    for t in tensors[1:]:
        dtype = torch.promote_types(t.dtype, dtype)
    result = torch.zeros([sum(t.shape[d] for t in tensors) if d == dim else n for d, n in enumerate(tensors[0].shape)])
    result = result.to(dtype)
    end = 0
    for t in tensors:
        begin, end = end, end + t.shape[dim]
        result[(slice(None),) * dim + (slice(begin, end),)] = t.to(dtype)
    return result


@right("mean_along")
def from_the_last_dimension(x, dim, keepdim=False):
    """One dimension after the other, the last one first, so that none moves."""
    dims = [dim] if isinstance(dim, int) else list(dim)
    if any(not -x.dim() <= d < x.dim() for d in dims):
        raise ValueError("there is no such dimension")
    dims = [d % x.dim() for d in dims]
    if len(set(dims)) < len(dims):
        raise ValueError("a dimension is named twice")
    for d in sorted(dims, reverse=True):
        x = x.sum(d, keepdim=keepdim) / x.shape[d]
    return x


@right("mean_along")
def by_the_number_of_terms(x, dim, keepdim=False):
    """Counts the terms by adding up ones in the same way."""
    return x.sum(dim, keepdim=keepdim) / torch.ones_like(x).sum(dim, keepdim=keepdim)


@right("l1_norm")
def by_the_sign(x, dim=None):
    """|x| = x · sign(x), the sign being a constant for the gradient."""
    return (x * torch.sign(x)).sum(dim)


@right("l1_norm")
def by_both_halves(x, dim=None):
    """What is above 0, plus what is below."""
    return (torch.relu(x) + torch.relu(-x)).sum(dim)


@right("l2_norm")
def with_two_wheres(x, dim=None):
    """The root is taken where it has a slope, and zero stands elsewhere."""
    squares = torch.sum(x**2, dim)
    positive = squares != 0
    return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)


@right("l2_norm")
def by_its_own_slope(x, dim=None):
    """The root as an autograd function whose slope at 0 is set to 0."""

    class Root(torch.autograd.Function):
        @staticmethod
        def forward(ctx, squares):
            root = squares.sqrt()
            ctx.save_for_backward(root)
            return root

        @staticmethod
        def backward(ctx, grad_output):
            (root,) = ctx.saved_tensors
            return torch.where(root == 0, 0, grad_output / (2 * root))

    return Root.apply(torch.sum(x * x, dim))


@right("frobenius_norm")
def by_flattening(a):
    """Every matrix as one long vector."""
    squares = (a * a).flatten(-2).sum(-1)
    zero = squares == 0
    return torch.where(zero, 0, squares.masked_fill(zero, 1).sqrt())


@right("frobenius_norm")
def by_the_trace(a):
    """‖A‖² is the trace of AᵀA."""
    squares = torch.diagonal(a.mT @ a, dim1=-2, dim2=-1).sum(-1)
    zero = squares == 0
    return torch.where(zero, 0, squares.masked_fill(zero, 1).sqrt())
