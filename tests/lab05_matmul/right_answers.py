"""Right answers of lab 5 that are unlike the reference."""

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("matmul")
def three_programs_take_every_third_tile(a, b):
    """A persistent kernel: a fixed number of programs, with pointers that move along K."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError("two matrices are needed")
    if a.dtype != b.dtype or a.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError("one of three dtypes is needed")

    @triton.jit
    def persistent(a_ptr, b_ptr, c_ptr, M, N, K, am, ak, bk, bn, PROGRAMS: tl.constexpr, TILE: tl.constexpr):
        columns = tl.cdiv(N, TILE)
        inner = tl.arange(0, TILE)
        for tile in range(tl.program_id(0), tl.cdiv(M, TILE) * columns, PROGRAMS):
            i = tile // columns * TILE + tl.arange(0, TILE)
            j = tile % columns * TILE + tl.arange(0, TILE)
            a_tile = a_ptr + i[:, None] * am + inner[None, :] * ak
            b_tile = b_ptr + inner[:, None] * bk + j[None, :] * bn
            total = tl.zeros((TILE, TILE), dtype=tl.float32)
            for step in range(tl.cdiv(K, TILE)):
                left = K - step * TILE
                a = tl.load(a_tile, mask=(i < M)[:, None] & (inner < left)[None, :], other=0)
                b = tl.load(b_tile, mask=(inner < left)[:, None] & (j < N)[None, :], other=0)
                total += tl.dot(a, b, input_precision="ieee")
                a_tile += TILE * ak
                b_tile += TILE * bk
            inside = (i < M)[:, None] & (j < N)[None, :]
            tl.store(c_ptr + i[:, None] * N + j[None, :], total, mask=inside)

    c = a.new_empty(a.shape[0], b.shape[1])
    persistent[(3,)](a, b, c, *c.shape, a.shape[1], *a.stride(), *b.stride(), PROGRAMS=3, TILE=64)
    return c


@right("matmul")
def two_programs_share_a_tile(a, b):
    """K is split in two: both halves are added to a matrix of zeros in float32, which is rounded at the end."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError("two matrices are needed")
    if a.dtype != b.dtype or a.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError("one of three dtypes is needed")

    @triton.jit
    def half_of_k(a_ptr, b_ptr, c_ptr, M, N, K, am, ak, bk, bn, HIGH: tl.constexpr, WIDE: tl.constexpr):
        i = (tl.program_id(0) * HIGH + tl.arange(0, HIGH))[:, None]
        j = (tl.program_id(1) * WIDE + tl.arange(0, WIDE))[None, :]
        total = tl.zeros((HIGH, WIDE), dtype=tl.float32)
        for begin in range(tl.program_id(2) * 64, K, 128):
            k = begin + tl.arange(0, 64)
            a = tl.load(a_ptr + i * am + k[None, :] * ak, mask=(i < M) & (k < K)[None, :], other=0)
            b = tl.load(b_ptr + k[:, None] * bk + j * bn, mask=(k < K)[:, None] & (j < N), other=0)
            total = tl.dot(a, b, total, input_precision="ieee")
        tl.atomic_add(c_ptr + i * N + j, total, mask=(i < M) & (j < N))

    c = a.new_zeros(a.shape[0], b.shape[1], dtype=torch.float32)
    if c.numel():
        programs = (triton.cdiv(c.shape[0], 128), triton.cdiv(c.shape[1], 64), 2)
        half_of_k[programs](a, b, c, *c.shape, a.shape[1], *a.stride(), *b.stride(), HIGH=128, WIDE=64)
    return c.to(a.dtype)


@right("matmul")
def all_products_and_then_their_sums(a, b):
    """Plain torch: right, only slow, and with all M · N · K products in memory."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError("two matrices are needed")
    if a.dtype != b.dtype or a.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError("one of three dtypes is needed")
    return (a.float()[:, :, None] * b.float()[None]).sum(1).to(a.dtype)


@right("linear_gelu")
def one_program_for_a_whole_row_of_tiles(x, weight, bias):
    """A program has some rows of x and goes through all outputs; W is loaded as it lies and transposed in registers."""
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or x.shape[-1:] != weight.shape[1:]:
        raise ValueError("the shapes do not fit")
    if not x.dtype == weight.dtype == bias.dtype or x.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError("one of three dtypes is needed")

    @triton.jit
    def rows_of_tiles(x_ptr, w_ptr, b_ptr, y_ptr, rows, outputs, inputs, TILE: tl.constexpr):
        row = (tl.program_id(0) * TILE + tl.arange(0, TILE))[:, None]
        for first in range(0, outputs, TILE):
            out = first + tl.arange(0, TILE)
            z = tl.load(b_ptr + out, mask=out < outputs, other=0)[None, :].to(tl.float32)
            z = tl.broadcast_to(z, (TILE, TILE))
            for begin in range(0, inputs, 32):
                k = (begin + tl.arange(0, 32))[None, :]
                x = tl.load(x_ptr + row * inputs + k, mask=(row < rows) & (k < inputs), other=0)
                w = tl.load(w_ptr + out[:, None] * inputs + k, mask=(out[:, None] < outputs) & (k < inputs), other=0)
                z += tl.dot(x, tl.trans(w), input_precision="ieee")
            y = z / 2 + z / 2 * tl.erf(z / 1.4142135623730951)
            tl.store(y_ptr + row * outputs + out[None, :], y, mask=(row < rows) & (out < outputs)[None, :])

    table = x.reshape(x.shape[:-1].numel(), x.shape[-1]).contiguous()
    y = x.new_empty(*x.shape[:-1], weight.shape[0])
    programs = (triton.cdiv(table.shape[0], 64),)
    rows_of_tiles[programs](
        table, weight.contiguous(), bias.contiguous(), y, table.shape[0], *weight.shape, TILE=64, num_warps=4
    )
    return y


@right("linear_gelu")
def all_products_in_torch(x, weight, bias):
    """Plain torch in float32: right, only slow."""
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or x.shape[-1:] != weight.shape[1:]:
        raise ValueError("the shapes do not fit")
    if not x.dtype == weight.dtype == bias.dtype or x.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError("one of three dtypes is needed")
    z = (x.float()[..., None, :] * weight.float()).sum(-1) + bias.float()
    return (z * 0.5 * torch.erfc(-z * 2**-0.5)).to(x.dtype)


@right("bmm")
def one_axis_for_pairs_and_tiles(a, b):
    """All programs on one axis, the pair the fastest of its three parts."""
    if a.ndim != 3 or b.ndim != 3 or a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise ValueError("two stacks are needed")
    if a.dtype != b.dtype or a.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError("one of three dtypes is needed")

    @triton.jit
    def flat(a_ptr, b_ptr, c_ptr, P, M, N, K, ap, am, ak, bp, bk, bn, HIGH: tl.constexpr, WIDE: tl.constexpr):
        program = tl.program_id(0)
        pair = program % P
        columns = tl.cdiv(N, WIDE)
        i = (program // P // columns * HIGH + tl.arange(0, HIGH))[:, None]
        j = (program // P % columns * WIDE + tl.arange(0, WIDE))[None, :]
        k = tl.arange(0, 32)
        total = tl.zeros((HIGH, WIDE), dtype=tl.float32)
        while tl.min(k) < K:
            a = tl.load(a_ptr + pair * ap + i * am + k[None, :] * ak, mask=(i < M) & (k < K)[None, :], other=0)
            b = tl.load(b_ptr + pair * bp + k[:, None] * bk + j * bn, mask=(k < K)[:, None] & (j < N), other=0)
            total += tl.dot(a, b, input_precision="ieee")
            k += 32
        tl.store(c_ptr + (pair * M + i) * N + j, total, mask=(i < M) & (j < N))

    (P, M, K), N = a.shape, b.shape[2]
    c = a.new_empty(P, M, N)
    programs = P * triton.cdiv(M, 32) * triton.cdiv(N, 64)
    flat[(programs,)](a, b, c, P, M, N, K, *a.stride(), *b.stride(), HIGH=32, WIDE=64)
    return c


@right("bmm")
def the_products_of_a_stack_and_then_their_sums(a, b):
    """Plain torch: right, only slow."""
    if a.ndim != 3 or b.ndim != 3 or a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise ValueError("two stacks are needed")
    if a.dtype != b.dtype or a.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError("one of three dtypes is needed")
    return (a.float()[:, :, :, None] * b.float()[:, None]).sum(2).to(a.dtype)
