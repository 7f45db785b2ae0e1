import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor


@triton.jit
def hadamard_add_kernel(a_ptr, b_ptr, c_ptr, out_ptr, count, BLOCK: tl.constexpr):
    """out[i] = a[i] · b[i] + c[i], rounded once, for the BLOCK places i that are this program's.

    Program p has the places from p · BLOCK on. Those that are not below `count` do not exist: nothing is read there,
    and nothing written. The arithmetic is done in float32, whatever the tensors hold.

    a_ptr, b_ptr, c_ptr, out_ptr: where the first element of each tensor lies; the others follow it.
    count: how many elements each tensor has.
    """
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    exists = place < count
    a = tl.load(a_ptr + place, mask=exists).to(tl.float32)
    b = tl.load(b_ptr + place, mask=exists).to(tl.float32)
    c = tl.load(c_ptr + place, mask=exists).to(tl.float32)
    tl.store(out_ptr + place, a * b + c, mask=exists)


def fused_hadamard_add(
    a: Float[Tensor, "*shape"], b: Float[Tensor, "*shape"], c: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """a ⊙ b + c in one pass over memory: three reads and one write an element                           (1.1)

    Args:
        a, b, c: float32, float16 or bfloat16, of one shape, dtype and device; contiguous or not.

    Returns:
        a new tensor of that shape, dtype and device.

    Raises:
        ValueError: the shapes differ.

    Source: Atlas 1.1; agrees with `torch.addcmul(c, a, b)`.
    """
    if not a.shape == b.shape == c.shape:
        raise ValueError(f"the shapes {tuple(a.shape)}, {tuple(b.shape)} and {tuple(c.shape)} differ")
    a, b, c = a.contiguous(), b.contiguous(), c.contiguous()
    out = torch.empty_like(a)
    programs = triton.cdiv(out.numel(), 1024)
    hadamard_add_kernel[(programs,)](a, b, c, out, out.numel(), BLOCK=1024)
    return out


@triton.jit
def swiglu_kernel(x_ptr, out_ptr, width, row_stride, column_stride, BLOCK: tl.constexpr):
    """out[r, j] = Swish(x[r, j]) · x[r, width + j], where Swish(z) = z σ(z), for BLOCK columns j of one row r.

    Program (r, q) has row r and the columns from q · BLOCK on; columns that are not below `width` do not exist. The
    arithmetic is done in float32; Swish(−1000) is 0 and Swish(1000) is 1000, neither is NaN.

    x_ptr: where the first element of x lies, a table with 2 · width columns.
    out_ptr: where the first element of the result lies, a table with `width` columns and nothing between its rows.
    row_stride, column_stride: how many elements lie from one row of x to the next, and from one column to the next.
    """
    row = tl.program_id(0)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    exists = column < width
    begin = x_ptr + row * row_stride
    gate = tl.load(begin + column * column_stride, mask=exists).to(tl.float32)
    value = tl.load(begin + (width + column) * column_stride, mask=exists).to(tl.float32)
    tl.store(out_ptr + row * width + column, gate * tl.sigmoid(gate) * value, mask=exists)


def fused_swiglu(x: Float[Tensor, "rows two_widths"]) -> Float[Tensor, "rows width"]:
    """SwiGLU of two projections that lie side by side, as one matrix product leaves them              (15.2, 15.3)

    The left half of every row goes through Swish and is multiplied by the right half.

    Args:
        x: float32, float16 or bfloat16; contiguous or not.

    Returns:
        a new table with half as many columns, of the same dtype and device.

    Raises:
        ValueError: `x` is no table, or has an odd number of columns.

    Source: Atlas 15.2; agrees with `torch.nn.functional.silu(gate) * value` for `gate, value = x.chunk(2, dim=1)`.
    """
    if x.dim() != 2 or x.shape[1] % 2:
        raise ValueError(f"a table with an even number of columns is needed, not {tuple(x.shape)}")
    rows, width = x.shape[0], x.shape[1] // 2
    out = x.new_empty(rows, width)
    programs = (rows, triton.cdiv(width, 512))
    swiglu_kernel[programs](x, out, width, x.stride(0), x.stride(1), BLOCK=512)
    return out
