import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor


@triton.jit
def grouped_tile(program, tiles_m, tiles_n, GROUP: tl.constexpr):
    """The tile (tile_m, tile_n) of a result with tiles_m × tiles_n tiles that program number `program` has.

    GROUP rows of tiles are a group; the last group may have fewer. The programs take one group after the other, in a
    group one column of tiles after the other, and go down every column. With tiles_m = 5, tiles_n = 3, GROUP = 2:

         0   2   4
         1   3   5
         6   8  10
         7   9  11
        12  13  14

    Returns: tile_m, tile_n, both counted from 0. A kernel calls this function like any other.
    """
    group = GROUP * tiles_n
    first = program // group * GROUP
    height = tl.minimum(tiles_m - first, GROUP)
    place = program % group
    return first + place % height, place // height


@triton.jit
def load_tile(pointer, row, column, rows, columns, row_stride, column_stride):
    """The elements of a matrix at the places `row` × `column`, and 0 wherever no element is.

    pointer: where the first element of the matrix lies. It has `rows` rows and `columns` columns.
    row, column: two vectors of int64 numbers from 0 on, some of which may be beyond the last row or column.
    row_stride, column_stride: how many elements lie from one row to the next, and from one column to the next.

    Returns: a table, one row for each number in `row`, one column for each in `column`. Nothing is read where the
    matrix has no element.
    """
    place = row[:, None] * row_stride + column[None, :] * column_stride
    exists = (row < rows)[:, None] & (column < columns)[None, :]
    return tl.load(pointer + place, mask=exists, other=0.0)


@triton.jit
def matmul_kernel(
    a_ptr,
    b_ptr,
    c_ptr,
    M,
    N,
    K,
    a_row,
    a_column,
    b_row,
    b_column,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP: tl.constexpr,
):
    """C = A B, where A is M × K and B is K × N, for one tile of BLOCK_M × BLOCK_N elements of C.

    Program p has the tile that `grouped_tile` gives it: the rows from tile_m · BLOCK_M on and the columns from
    tile_n · BLOCK_N on. It walks along K in steps of BLOCK_K and reads one tile of A and one of B a step. What is not
    below M, N or K does not exist: it is not read, it adds nothing to a sum, and nothing is written there.

    The tensors hold float32, float16 or bfloat16. Products are summed in float32, those of float32 in full precision
    (`tl.dot` would use TF32 unless told otherwise), and every sum is rounded once, when it is written.

    a_ptr, b_ptr: where the first element of A and of B lies.
    c_ptr: where the first element of C lies, a matrix with nothing between its elements or its rows.
    a_row, a_column, b_row, b_column: how many elements lie from one row of A to the next, from one column of A to the
        next, and the same of B. A place counted in elements may be beyond 2³¹.
    """
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    program = tl.program_id(0)
    tile_m, tile_n = grouped_tile(program, tiles_m, tiles_n, GROUP)
    first_row = tile_m * BLOCK_M
    first_column = tile_n * BLOCK_N
    row = (first_row + tl.arange(0, BLOCK_M)).to(tl.int64)
    column = (first_column + tl.arange(0, BLOCK_N)).to(tl.int64)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for begin in range(0, K, BLOCK_K):
        k = (begin + tl.arange(0, BLOCK_K)).to(tl.int64)
        a = load_tile(a_ptr, row, k, M, K, a_row, a_column)
        b = load_tile(b_ptr, k, column, K, N, b_row, b_column)
        total = tl.dot(a, b, total, input_precision="ieee")
    place = row[:, None] * N + column[None, :]
    exists = (row < M)[:, None] & (column < N)[None, :]
    tl.store(c_ptr + place, total, mask=exists)


def matmul(a: Float[Tensor, "M K"], b: Float[Tensor, "K N"]) -> Float[Tensor, "M N"]:
    """The product of two matrices, tile by tile

    C_ij = Σ_k A_ik B_kj                                                                                 (1.3)

    Args:
        a, b: float32, float16 or bfloat16, of one dtype; with any strides. A sum over no k is 0.

    Returns:
        a new contiguous matrix of the same dtype, on the same device. The sums are made in float32.

    Raises:
        ValueError: an argument is no matrix, the inner sizes or the dtypes differ, or the dtype is another.

    Source: Atlas 1.3; agrees with `torch.matmul`.
    """
    if (a.dim(), b.dim()) != (2, 2) or a.shape[1] != b.shape[0]:
        raise ValueError(f"matrices of shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be multiplied")
    if a.dtype != b.dtype or a.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError(f"float32, float16 or bfloat16 are multiplied, not {a.dtype} and {b.dtype}")
    M, K = a.shape
    N = b.shape[1]
    c = a.new_empty(M, N)
    high, wide, deep = {2: (128, 256, 64), 4: (64, 128, 32)}[a.element_size()]
    tile = {"BLOCK_M": high, "BLOCK_N": wide, "BLOCK_K": deep, "GROUP": 8, "num_warps": 8}
    tiles_m = triton.cdiv(M, high)
    tiles_n = triton.cdiv(N, wide)
    strides = (*a.stride(), *b.stride())
    matmul_kernel[(tiles_m * tiles_n,)](a, b, c, M, N, K, *strides, **tile)
    return c


@triton.jit
def load_features(pointer, row, feature, rows, features, row_stride, feature_stride):
    """Some features of some rows of a table, and 0 wherever it has none: what `load_tile` does, for X and for W.

    pointer: where the first element of the table lies. It has `rows` rows and `features` columns.
    row, feature: two vectors of int64 numbers from 0 on, some of which may be beyond the last row or feature.
    row_stride, feature_stride: how many elements lie from one row to the next, and from one feature to the next.

    Returns: a table, one row for each number in `row`, one column for each in `feature`.
    """
    place = row[:, None] * row_stride + feature[None, :] * feature_stride
    exists = (row < rows)[:, None] & (feature < features)[None, :]
    return tl.load(pointer + place, mask=exists, other=0.0)


@triton.jit
def linear_gelu_kernel(
    x_ptr,
    weight_ptr,
    bias_ptr,
    y_ptr,
    rows,
    outputs,
    inputs,
    x_row,
    x_column,
    weight_row,
    weight_column,
    bias_step,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP: tl.constexpr,
):
    """Y = GELU(X Wᵀ + b) for one tile of BLOCK_M rows and BLOCK_N outputs; GELU(z) = z/2 · (1 + erf(z/√2)).

    Program p has the tile that it has in `matmul_kernel`, and sums as that kernel does. Bias and GELU are applied in
    float32, before the one rounding, to what is still in registers: Y is written once and never read.

    x_ptr: where the first element of X lies, a table of `rows` rows and `inputs` columns.
    weight_ptr: where the first element of W lies, a table of `outputs` rows and `inputs` columns.
    bias_ptr: where the first of the `outputs` elements of b lies.
    y_ptr: where the first element of Y lies, a table with nothing between its elements or its rows.
    x_row, x_column, weight_row, weight_column: how many elements lie from one row of X to the next, from one column of
        X to the next, and the same of W. bias_step: from one element of b to the next.
        A place counted in elements may be beyond 2³¹.
    """
    program = tl.program_id(0)
    tiles_m = tl.cdiv(rows, BLOCK_M)
    tiles_n = tl.cdiv(outputs, BLOCK_N)
    tile_m, tile_n = tl.swizzle2d(program // tiles_n, program % tiles_n, tiles_m, tiles_n, GROUP)
    first_row = tile_m * BLOCK_M
    first_output = tile_n * BLOCK_N
    row = (first_row + tl.arange(0, BLOCK_M)).to(tl.int64)
    output = (first_output + tl.arange(0, BLOCK_N)).to(tl.int64)
    z = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for begin in range(0, inputs, BLOCK_K):
        feature = (begin + tl.arange(0, BLOCK_K)).to(tl.int64)
        x = load_features(x_ptr, row, feature, rows, inputs, x_row, x_column)
        weight = load_features(weight_ptr, output, feature, outputs, inputs, weight_row, weight_column)
        z = tl.dot(x, tl.trans(weight), z, input_precision="ieee")
    bias_place = output * bias_step
    bias_exists = output < outputs
    bias = tl.load(bias_ptr + bias_place, mask=bias_exists)
    z += bias.to(tl.float32)[None, :]
    scaled = z * 0.7071067811865476
    phi = 0.5 * (1 + tl.erf(scaled))
    place = row[:, None] * outputs + output[None, :]
    exists = (row < rows)[:, None] & bias_exists[None, :]
    tl.store(y_ptr + place, z * phi, mask=exists)


def linear_gelu(
    x: Float[Tensor, "*batch inputs"], weight: Float[Tensor, "outputs inputs"], bias: Float[Tensor, " outputs"]
) -> Float[Tensor, "*batch outputs"]:
    """A linear layer and its activation in one kernel: the exact GELU, with erf

    y = GELU(x Wᵀ + b)                                                                                   (5.1)

    Args:
        x: features in the last dimension; any number of leading dimensions, also none. float32, float16 or bfloat16.
            A sum over no features is 0.
        weight: W, one row an output. bias: b. Both of the dtype of x; all three with any strides.

    Returns:
        a new contiguous tensor with the leading dimensions, the dtype and the device of `x`. It is rounded once.

    Raises:
        ValueError: the numbers of features of `x` and `weight`, or of outputs of `weight` and `bias`, or the
            dtypes differ, or the dtype is another.

    Source: Atlas 5.1; agrees with `gelu(linear(x, weight, bias))` of `torch.nn.functional`.
    """
    if x.shape[-1:] != weight.shape[1:] or bias.shape != weight.shape[:1]:
        raise ValueError(f"no layer has shapes {tuple(weight.shape)}, {tuple(bias.shape)} for x {tuple(x.shape)}")
    if x.dtype != weight.dtype or x.dtype != bias.dtype:
        raise ValueError(f"the dtypes {x.dtype}, {weight.dtype} and {bias.dtype} of x, weight and bias differ")
    if x.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError(f"float32, float16 or bfloat16 are multiplied, not {x.dtype}")
    outputs, inputs = weight.shape
    rows = x.shape[:-1].numel()
    table = x.reshape(rows, inputs)
    y = x.new_empty(*x.shape[:-1], outputs)
    square, deep = {2: (128, 64), 4: (64, 32)}[x.element_size()]
    tile = {"BLOCK_M": square, "BLOCK_N": square, "BLOCK_K": deep, "GROUP": 8}
    tiles_m = triton.cdiv(rows, square)
    tiles_n = triton.cdiv(outputs, square)
    strides = (*table.stride(), *weight.stride(), *bias.stride())
    linear_gelu_kernel[(tiles_m * tiles_n,)](table, weight, bias, y, rows, outputs, inputs, *strides, **tile)
    return y


@triton.jit
def load_tile_of_stack(pointer, matrix, row, column, rows, columns, matrix_stride, row_stride, column_stride):
    """The elements of one matrix of a stack at the places `row` × `column`, and 0 wherever no element is.

    pointer: where the first element of the first matrix lies. Each matrix has `rows` rows and `columns` columns.
    matrix: which of them, an int64 number.
    row, column: two vectors of int64 numbers from 0 on, some of which may be beyond the last row or column.
    matrix_stride, row_stride, column_stride: how many elements lie from one matrix to the next, and so on. A place
        counted in elements may be beyond 2³¹.

    Returns: a table, one row for each number in `row`, one column for each in `column`.
    """
    begin = pointer + matrix * matrix_stride
    place = row[:, None] * row_stride + column[None, :] * column_stride
    exists = (row < rows)[:, None] & (column < columns)[None, :]
    return tl.load(begin + place, mask=exists, other=0.0)


@triton.jit
def bmm_kernel(
    a_ptr,
    b_ptr,
    c_ptr,
    M,
    N,
    K,
    a_matrix,
    a_row,
    a_column,
    b_matrix,
    b_row,
    b_column,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """C[p] = A[p] B[p] for one tile of one pair of matrices; each A[p] is M × K and each B[p] K × N.

    Program (s, t, p) has pair p, the rows from s · BLOCK_M on and the columns from t · BLOCK_N on. What is not below M,
    N or K does not exist. Sums and precision are as in `matmul_kernel`.

    a_ptr, b_ptr: where the first element of A[0] and of B[0] lies.
    c_ptr: where the first element of C[0] lies, a stack with nothing between its elements, rows or matrices.
    a_matrix, a_row, a_column: how many elements lie from one matrix, one row, one column of A to the next; `b_…` are
        those of B. A place counted in elements may be beyond 2³¹. a_matrix is 0 where all A[p] are the same matrix.
    """
    pair = tl.program_id(2).to(tl.int64)
    first_row = tl.program_id(0) * BLOCK_M
    first_column = tl.program_id(1) * BLOCK_N
    row = (first_row + tl.arange(0, BLOCK_M)).to(tl.int64)
    column = (first_column + tl.arange(0, BLOCK_N)).to(tl.int64)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for begin in range(0, K, BLOCK_K):
        k = (begin + tl.arange(0, BLOCK_K)).to(tl.int64)
        a = load_tile_of_stack(a_ptr, pair, row, k, M, K, a_matrix, a_row, a_column)
        b = load_tile_of_stack(b_ptr, pair, k, column, K, N, b_matrix, b_row, b_column)
        total = tl.dot(a, b, total, input_precision="ieee")
    c_begin = c_ptr + pair * M * N
    place = row[:, None] * N + column[None, :]
    exists = (row < M)[:, None] & (column < N)[None, :]
    tl.store(c_begin + place, total, mask=exists)


def bmm(a: Float[Tensor, "pairs M K"], b: Float[Tensor, "pairs K N"]) -> Float[Tensor, "pairs M N"]:
    """The products of two stacks of matrices, pair by pair

    C_pij = Σ_k A_pik B_pkj                                                                              (2.6)

    Args:
        a, b: stacks of equally many matrices, at most 65535; float32, float16 or bfloat16, of one dtype. Any strides,
            also 0, as `expand` gives them to one matrix that stands for many. A sum over no k is 0.

    Returns:
        a new contiguous stack of the same dtype, on the same device. The sums are made in float32.

    Raises:
        ValueError: an argument is no stack, the numbers of matrices, the inner sizes or the dtypes differ, or the
            dtype is another.

    Source: Atlas 2.6; agrees with `torch.bmm`.
    """
    if (a.dim(), b.dim()) != (3, 3) or (a.shape[0], a.shape[2]) != b.shape[:2]:
        raise ValueError(f"stacks of shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be multiplied")
    if a.dtype != b.dtype or a.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError(f"float32, float16 or bfloat16 are multiplied, not {a.dtype} and {b.dtype}")
    pairs, M, K = a.shape
    N = b.shape[2]
    c = a.new_empty(pairs, M, N)
    square, deep = {2: (128, 64), 4: (64, 32)}[a.element_size()]
    tile = {"BLOCK_M": square, "BLOCK_N": square, "BLOCK_K": deep}
    tiles_m = triton.cdiv(M, square)
    tiles_n = triton.cdiv(N, square)
    strides = (*a.stride(), *b.stride())
    bmm_kernel[tiles_m, tiles_n, pairs](a, b, c, M, N, K, *strides, **tile)
    return c
