import math

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor


@triton.jit
def softmax_kernel(x_ptr, out_ptr, columns, row_stride, column_stride, BLOCK: tl.constexpr):
    """out[p, j] = exp(x[p, j]) / Σ_k exp(x[p, k]) for all columns j of one row: program p has row p.

    The whole row is one block. BLOCK is a power of two and at least `columns`; places that are not below `columns` do
    not exist. Every element is read once and written once. The arithmetic is done in float32, whatever the tensors
    hold. Logits of 1e4 are no trouble; an entry of −inf becomes 0, and a row of nothing but −inf becomes NaN.

    x_ptr: where the first element of x lies.
    out_ptr: where the first element of the result lies, a table with nothing between its elements or its rows.
    row_stride, column_stride: how many elements lie from one row of x to the next, and from one column to the next.
        A place counted in elements may be beyond 2³¹.
    """
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK).to(tl.int64)
    exists = column < columns
    x = tl.load(x_ptr + row * row_stride + column * column_stride, mask=exists, other=-math.inf).to(tl.float32)
    exponential = tl.exp(x - tl.max(x))
    tl.store(out_ptr + row * columns + column, exponential / tl.sum(exponential), mask=exists)


def fused_softmax(x: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """softmax of every row, in one read and one write an element

    softmax(x)_i = exp(x_i) / Σ_j exp(x_j)                                                               (4.4)

    Args:
        x: logits in float32, float16 or bfloat16, any magnitude; contiguous or not. −inf marks an impossible class.

    Returns:
        a new contiguous table of the same shape, dtype and device; NaN in rows where every class is impossible.

    Raises:
        ValueError: `x` is no table, has no columns, or more than 32768.

    Source: Atlas 4.4; agrees with `torch.softmax(x, dim=1)`.
    """
    if x.dim() != 2 or not 0 < x.shape[1] <= 32768:
        raise ValueError(f"a table with 1 to 32768 columns is needed, not {tuple(x.shape)}")
    rows, columns = x.shape
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    BLOCK = triton.next_power_of_2(columns)
    softmax_kernel[(rows,)](x, out, columns, *x.stride(), BLOCK=BLOCK, num_warps=triton.cdiv(BLOCK, 1024))
    return out


@triton.jit
def online_softmax_kernel(x_ptr, out_ptr, columns, row_stride, column_stride, BLOCK: tl.constexpr):
    """out[p, j] = exp(x[p, j]) / Σ_k exp(x[p, k]) for all columns j of one row, of any length: program p has row p.

    The row is walked over in blocks of BLOCK columns, twice. The first walk leaves the maximum of the row and the sum
    of exp(x − maximum), the second writes. So every element is read twice and written once. Places that are not below
    `columns` do not exist. The arithmetic is done in float32, whatever the tensors hold. Entries of −inf become 0, also
    where whole blocks hold nothing else; a row of nothing but −inf becomes NaN.

    x_ptr: where the first element of x lies.
    out_ptr: where the first element of the result lies, a table with nothing between its elements or its rows.
    row_stride, column_stride: how many elements lie from one row of x to the next, and from one column to the next.
        A place counted in elements may be beyond 2³¹.
    """
    row = tl.program_id(0).to(tl.int64)
    place = tl.arange(0, BLOCK).to(tl.int64)
    # the lowest number and not −inf: where everything so far is −inf, x − largest is then −inf and not NaN
    largest = -3.4028234663852886e38
    sums = tl.zeros([BLOCK], dtype=tl.float32)
    for first in range(0, columns, BLOCK):
        column = first + place
        exists = column < columns
        x = tl.load(x_ptr + row * row_stride + column * column_stride, mask=exists, other=-math.inf).to(tl.float32)
        before = largest
        largest = tl.maximum(before, tl.max(x))
        sums = sums * tl.exp(before - largest) + tl.exp(x - largest)
    total = tl.sum(sums)
    # from the end of the row to its beginning: what was read last is the likeliest to be in the cache still
    last = (columns - 1) // BLOCK * BLOCK
    for back in range(0, columns, BLOCK):
        column = last - back + place
        exists = column < columns
        x = tl.load(x_ptr + row * row_stride + column * column_stride, mask=exists).to(tl.float32)
        tl.store(out_ptr + row * columns + column, tl.exp(x - largest) / total, mask=exists)


def online_softmax(x: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """softmax of every row, of any length, in two reads and one write an element

    softmax(x)_i = exp(x_i) / Σ_j exp(x_j)                                                               (4.4)

    with m_j = max(m_{j−1}, x_j) and s_j = s_{j−1} exp(m_{j−1} − m_j) + exp(x_j − m_j) in the first walk.

    Args:
        x: logits in float32, float16 or bfloat16, any magnitude; contiguous or not. −inf marks an impossible class.

    Returns:
        a new contiguous table of the same shape, dtype and device; NaN in rows where every class is impossible.

    Raises:
        ValueError: `x` is no table, or has no columns.

    Source: Milakov & Gimelshein 2018, arXiv:1805.02867; Atlas 4.4; agrees with `torch.softmax(x, dim=1)`.
    """
    if x.dim() != 2 or x.shape[1] == 0:
        raise ValueError(f"a table with at least one column is needed, not {tuple(x.shape)}")
    rows, columns = x.shape
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    online_softmax_kernel[(rows,)](x, out, columns, *x.stride(), BLOCK=8192, num_warps=16)
    return out
