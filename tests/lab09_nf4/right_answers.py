"""Right answers of lab 9 that are unlike the reference."""

import math

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("dequantize_nf4")
def every_number_looks_for_its_own_byte(packed, absmax, shape, block_size=64, dtype=torch.float16):
    """No table and no interleaving: a number shifts its byte by 4 or 0, and finds its level by halving a range."""
    count = math.prod(shape)
    if block_size < 1 or packed.dtype != torch.uint8:
        raise ValueError
    if packed.numel() != -(-count // 2) or absmax.numel() != -(-count // block_size):
        raise ValueError

    @triton.jit
    def own_byte(packed, absmax, out, count, block_size, BLOCK: tl.constexpr):
        for start in range(tl.program_id(0) * BLOCK, count, 3 * BLOCK):
            i = start + tl.arange(0, BLOCK)
            code = (tl.load(packed + i // 2, mask=i < count, other=0).to(tl.int32) >> (4 - 4 * (i % 2))) & 15
            a = tl.where(
                code < 2,
                tl.where(code < 1, -1.0, -0.6961928009986877),
                tl.where(code < 3, -0.5250730514526367, -0.39491748809814453),
            )
            b = tl.where(
                code < 6,
                tl.where(code < 5, -0.28444138169288635, -0.18477343022823334),
                tl.where(code < 7, -0.09105003625154495, 0.0),
            )
            c = tl.where(
                code < 10,
                tl.where(code < 9, 0.07958029955625534, 0.16093020141124725),
                tl.where(code < 11, 0.24611230194568634, 0.33791524171829224),
            )
            d = tl.where(
                code < 14,
                tl.where(code < 13, 0.44070982933044434, 0.5626170039176941),
                tl.where(code < 15, 0.7229568362236023, 1.0),
            )
            level = tl.where(code < 8, tl.where(code < 4, a, b), tl.where(code < 12, c, d))
            scale = tl.load(absmax + i // block_size, mask=i < count, other=0).to(tl.float32)
            tl.store(out + i, level.to(tl.float32) * scale, mask=i < count)

    out = torch.empty(shape, dtype=dtype, device=packed.device)
    own_byte[(3,)](packed.contiguous(), absmax.contiguous(), out, count, block_size, BLOCK=1024)
    return out


@right("dequantize_nf4")
def plain_torch_with_a_column_a_code(packed, absmax, shape, block_size=64, dtype=torch.float16):
    """Right, only slow: codes as int64, then levels, then scales, each a pass over memory."""
    count = math.prod(shape)
    if block_size < 1 or packed.dtype != torch.uint8:
        raise ValueError
    if packed.numel() != -(-count // 2) or absmax.numel() != -(-count // block_size):
        raise ValueError
    positive = [0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224]
    positive += [0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
    negative = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453]
    negative += [-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0]
    codes = torch.stack([packed // 16, packed % 16], dim=1).flatten()[:count].long()
    scales = absmax.float()[torch.arange(count) // block_size]
    return (torch.tensor(negative + positive)[codes] * scales).to(dtype).reshape(shape)


@right("dequantize_matmul")
def a_program_an_output_without_tensor_cores(x, packed, absmax, shape, block_size=64):
    """As for one row: every program has one output, unpacks its row and adds products, for one row of x at a time."""
    if len(shape) != 2 or x.ndim != 2 or x.shape[1] != shape[1] or shape[1] % 2 or block_size < 2 or block_size % 2:
        raise ValueError
    if x.dtype == torch.float64 or packed.dtype != torch.uint8:
        raise ValueError
    if packed.numel() != math.prod(shape) // 2 or absmax.numel() != -(-math.prod(shape) // block_size):
        raise ValueError

    @triton.jit
    def one_output(
        x, packed, absmax, levels, out, N, K, down, right, block_size, OUTPUTS: tl.constexpr, BLOCK: tl.constexpr
    ):
        m = tl.program_id(1)
        n = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)[:, None]
        total = tl.zeros((OUTPUTS, BLOCK), dtype=tl.float32)
        for start in range(0, K, BLOCK):
            k = start + tl.arange(0, BLOCK)[None, :]
            inside = (n < N) & (k < K)
            i = n * K + k
            code = (tl.load(packed + i // 2, mask=inside, other=0).to(tl.int32) >> (4 - 4 * (i % 2))) & 15
            scale = tl.load(absmax + i // block_size, mask=inside, other=0).to(tl.float32)
            w = (tl.load(levels + code) * scale).to(x.dtype.element_ty).to(tl.float32)
            a = tl.load(x + m * down + k * right, mask=k < K, other=0).to(tl.float32)
            total += tl.where(inside, a * w, 0)
        outputs = tl.program_id(0) * OUTPUTS + tl.arange(0, OUTPUTS)
        tl.store(out + m * N + outputs, tl.sum(total, axis=1), mask=outputs < N)

    positive = [0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224]
    positive += [0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
    negative = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453]
    negative += [-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0]
    N, K = shape
    out = x.new_empty(len(x), N)
    if out.numel():
        given = (packed.contiguous(), absmax.contiguous(), torch.tensor(negative + positive, device=x.device), out)
        one_output[triton.cdiv(N, 128), len(x)](x, *given, N, K, *x.stride(), block_size, OUTPUTS=128, BLOCK=256)
    return out


@right("dequantize_matmul")
def plain_torch_output_by_output(x, packed, absmax, shape, block_size=64):
    """Right, only slow: sixteen rows of the weights at a time are unpacked and multiplied."""
    if len(shape) != 2 or x.ndim != 2 or x.shape[1] != shape[1] or shape[1] % 2 or block_size < 2 or block_size % 2:
        raise ValueError
    if x.dtype == torch.float64 or packed.dtype != torch.uint8:
        raise ValueError
    if packed.numel() != math.prod(shape) // 2 or absmax.numel() != -(-math.prod(shape) // block_size):
        raise ValueError
    positive = [0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224]
    positive += [0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
    negative = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453]
    negative += [-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0]
    levels = torch.tensor(negative + positive)
    N, K = shape
    out = x.new_empty(len(x), N)
    for n in range(0, N, 16):
        i = torch.arange(n * K, min(n + 16, N) * K)
        codes = (packed[i // 2].int() >> torch.where(i % 2 == 0, 4, 0)) & 15
        w = (levels[codes] * absmax.float()[i // block_size]).to(x.dtype).float().reshape(min(n + 16, N) - n, K)
        out[:, n : n + 16] = (x.float()[:, None, :] * w).sum(-1).to(x.dtype)
    return out
