import math

import torch
import triton
import triton.language as tl
from jaxtyping import Float, UInt8
from torch import Tensor


@triton.jit
def dequantize_nf4_kernel(
    packed_ptr, absmax_ptr, levels_ptr, out_ptr, count, BLOCK_SIZE: tl.constexpr, BYTES: tl.constexpr
):
    """out[i] = absmax[i // BLOCK_SIZE] · levels[code i], rounded once, for the 2 · BYTES numbers of BYTES bytes.

    Program p has the bytes from p · BYTES on, each of which is read once. A byte holds two codes: the earlier one in
    its high four bits, the later one in its low four. Numbers that are not below `count` do not exist: nothing is read
    for them, and nothing written; where `count` is odd, the low four bits of the last byte stand for none. The product
    is made in float32, whatever the tensors hold.

    packed_ptr: where the first byte lies, uint8. absmax_ptr: where the first block's scale lies, float32, float16 or
        bfloat16. levels_ptr: where the 16 levels lie, float32. out_ptr: where the first number of the result lies, of
        any of the three dtypes. In each, the others follow.
    count: how many numbers there are; it may be beyond 2³¹.
    BLOCK_SIZE: how many consecutive numbers share a scale, any number from 1 on. BYTES: a power of two.
    """
    first = tl.program_id(0).to(tl.int64) * BYTES
    byte = first + tl.arange(0, BYTES)
    pair = tl.load(packed_ptr + byte, mask=2 * byte < count)
    code = tl.interleave(pair >> 4, pair & 15).to(tl.int32)
    place = 2 * first + tl.arange(0, 2 * BYTES)
    exists = place < count
    scale = tl.load(absmax_ptr + place // BLOCK_SIZE, mask=exists).to(tl.float32)
    level = tl.load(levels_ptr + code)
    tl.store(out_ptr + place, level * scale, mask=exists)


def dequantize_nf4(
    packed: UInt8[Tensor, " bytes"],
    absmax: Float[Tensor, " blocks"],
    shape: tuple[int, ...],
    block_size: int = 64,
    dtype: torch.dtype = torch.float16,
) -> Float[Tensor, "..."]:
    """Numbers that were stored in four bits each, read back in one pass                                (20.2)

    x̂_i = absmax_B · q_{code_i},   B = ⌊i / block_size⌋,   q the 16 levels of NF4

    Args:
        packed: two codes a byte, the earlier one in the high four bits; of an odd number of codes the last byte has
            only the first. As `quantize_nf4` of Chapter 20 packs them.
        absmax: a scale for every block of the flattened tensor, of which the last may be shorter; float32, float16 or
            bfloat16. Neither of the two need be contiguous.
        shape: of the numbers that were stored; also () or with sizes of 0.
        block_size: how many consecutive numbers share a scale.
        dtype: of the result, float32, float16 or bfloat16.

    Returns:
        a new contiguous tensor of that shape and dtype, on the device of `packed`.

    Raises:
        ValueError: `block_size` is below 1, `packed` is not uint8, or `shape` calls for another number of bytes or
            scales.

    Source: Atlas 20.2; Dettmers et al. 2023, arXiv:2305.14314, section 2. Agrees with
        `bitsandbytes.functional.dequantize_4bit`.
    """
    count = math.prod(shape)
    if block_size < 1 or packed.dtype != torch.uint8:
        raise ValueError(f"blocks of at least 1 number and uint8 codes are needed, not {block_size}, {packed.dtype}")
    if packed.numel() != triton.cdiv(count, 2) or absmax.numel() != triton.cdiv(count, block_size):
        raise ValueError(f"{packed.numel()} bytes and {absmax.numel()} scales do not hold the shape {tuple(shape)}")
    levels = (
        *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
        *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
        *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
        *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
    )
    table = absmax.new_tensor(levels, dtype=torch.float32)
    out = absmax.new_empty(shape, dtype=dtype)
    given = (packed.contiguous(), absmax.contiguous(), table, out, count)
    dequantize_nf4_kernel[(triton.cdiv(count, 2048),)](*given, BLOCK_SIZE=block_size, BYTES=1024)
    return out


@triton.jit
def dequantize_matmul_kernel(
    x_ptr,
    packed_ptr,
    absmax_ptr,
    levels_ptr,
    out_ptr,
    rows,
    outputs,
    row_bytes,
    x_row,
    x_column,
    BLOCK_SIZE: tl.constexpr,
    ROWS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    BYTES: tl.constexpr,
):
    """out[m, n] = Σ_k x[m, k] · Ŵ[n, k] for ROWS rows of x and OUTPUTS rows of Ŵ, which is never stored.

    Program (s, t) has the rows of x from s · ROWS on and the outputs n from t · OUTPUTS on. It walks along the rows of
    Ŵ in steps of BYTES bytes. What does not exist, of x or of Ŵ, is not read and adds nothing to a sum, and nothing is
    written there. As in `dequantize_nf4_kernel`, the number at place i of the flattened Ŵ is absmax[i // BLOCK_SIZE] ·
    levels[code i], calculated in float32; it is rounded to the dtype of x, and products are summed in float32 (those
    of float32 in full precision, not TF32) and rounded once, when they are written.

    All of a row's bytes are its own: the row of Ŵ for output n has the `row_bytes` bytes from n · row_bytes on. The
    numbers at the even columns k are in the high four bits and those at the odd columns in the low four, so the sum
    over k falls into two: x at the even columns with the one, x at the odd columns with the other. BLOCK_SIZE is even,
    so both numbers of a byte share a scale; but a block may begin in one row of Ŵ and end in the next. A place, counted
    in elements or bytes, may be beyond 2³¹.

    x_ptr: where the first element of x lies, a table of `rows` rows and 2 · row_bytes columns, float32, float16 or
        bfloat16.
    packed_ptr, absmax_ptr, levels_ptr: as in `dequantize_nf4_kernel`.
    out_ptr: where the first element of the result lies, a table of `outputs` columns with nothing between its rows, in
        the dtype of x.
    x_row, x_column: how many elements lie from one row of x to the next, and from one column to the next.
    ROWS, OUTPUTS, BYTES: powers of two, from 16 on.
    """
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)[:, None]
    output = (tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)).to(tl.int64)[None, :]
    has_row = row < rows
    has_output = output < outputs
    dtype = x_ptr.dtype.element_ty
    nothing = 0.0
    total = tl.zeros((ROWS, OUTPUTS), dtype=tl.float32)
    for begin in range(0, row_bytes, BYTES):
        byte = (begin + tl.arange(0, BYTES)).to(tl.int64)
        place = output * row_bytes + byte[:, None]
        exists = has_output & (byte < row_bytes)[:, None]
        pair = tl.load(packed_ptr + place, mask=exists).to(tl.int32)
        block = 2 * place // BLOCK_SIZE
        scale = tl.where(exists, tl.load(absmax_ptr + block, mask=exists).to(tl.float32), nothing)
        early = tl.load(levels_ptr + (pair >> 4)) * scale
        late = tl.load(levels_ptr + (pair & 15)) * scale
        x_begin = x_ptr + row * x_row + 2 * byte[None, :] * x_column
        x_exists = has_row & (byte < row_bytes)[None, :]
        even = tl.where(x_exists, tl.load(x_begin, mask=x_exists), nothing)
        odd = tl.where(x_exists, tl.load(x_begin + x_column, mask=x_exists), nothing)
        total = tl.dot(even.to(dtype), early.to(dtype), total, input_precision="ieee")
        total = tl.dot(odd.to(dtype), late.to(dtype), total, input_precision="ieee")
    tl.store(out_ptr + row * outputs + output, total, mask=has_row & has_output)


def dequantize_matmul(
    x: Float[Tensor, "M K"],
    packed: UInt8[Tensor, " bytes"],
    absmax: Float[Tensor, " blocks"],
    shape: tuple[int, int],
    block_size: int = 64,
) -> Float[Tensor, "M N"]:
    """A linear layer whose weights lie in memory in four bits each, and nowhere else                    (20.2)

    Y = X Ŵᵀ,   ŵ_i = absmax_B · q_{code_i}

    Args:
        x: float32, float16 or bfloat16, with any strides.
        packed, absmax: the weights, as `dequantize_nf4` takes them.
        shape: (N, K) of the weights, N outputs of K inputs. K is even, so that a row is made of whole bytes. M, N and K
            may be 0; a sum over no inputs is 0.
        block_size: how many consecutive weights share a scale; even.

    Returns:
        a new contiguous table in the dtype of `x`, on its device: as if the weights were `dequantize_nf4` of them in
        that dtype, and the sums made in float32. The weights are dequantized tile by tile, in registers: no tensor as
        large as they are is made.

    Raises:
        ValueError: `x` is no table of K columns or of another dtype, K or `block_size` is odd, `packed` is not uint8,
            or `shape` calls for another number of bytes or scales.

    Source: Atlas 20.2; agrees with `linear(x, dequantize_nf4(packed, absmax, shape, block_size, x.dtype))` of
        `torch.nn.functional`.
    """
    outputs, inputs = shape
    if x.dim() != 2 or x.shape[1] != inputs or inputs % 2 or block_size < 2 or block_size % 2:
        raise ValueError(f"x {tuple(x.shape)} and weights {tuple(shape)} in blocks of {block_size} do not fit together")
    if x.dtype not in (torch.float32, torch.float16, torch.bfloat16) or packed.dtype != torch.uint8:
        raise ValueError(f"float32, float16 or bfloat16 and uint8 codes are needed, not {x.dtype} and {packed.dtype}")
    row_bytes = inputs // 2
    if packed.numel() != outputs * row_bytes or absmax.numel() != triton.cdiv(outputs * inputs, block_size):
        raise ValueError(f"{packed.numel()} bytes and {absmax.numel()} scales do not hold the shape {tuple(shape)}")
    levels = (
        *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
        *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
        *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
        *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
    )
    table = absmax.new_tensor(levels, dtype=torch.float32)
    out = x.new_empty(len(x), outputs)
    most = {2: 64, 4: 32}[x.element_size()]  # so that the tiles of three steps find room in shared memory
    square = min(most, max(16, triton.next_power_of_2(len(x))))
    programs = (triton.cdiv(len(x), square), triton.cdiv(outputs, square))
    sizes = {"BLOCK_SIZE": block_size, "ROWS": square, "OUTPUTS": square, "BYTES": most}
    weights = (packed.contiguous(), absmax.contiguous(), table)
    dequantize_matmul_kernel[programs](x, *weights, out, len(x), outputs, row_bytes, *x.stride(), **sizes)
    return out
