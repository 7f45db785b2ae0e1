"""Right answers of lab 1 that are unlike the reference."""

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("fused_hadamard_add")
def four_programs_walk_over_all_blocks(a, b, c):
    """A fixed number of programs, each of which takes every fourth block."""
    if a.shape != b.shape or a.shape != c.shape:
        raise ValueError("one shape is needed")

    @triton.jit
    def walk(a_ptr, b_ptr, c_ptr, out_ptr, count, BLOCK: tl.constexpr):
        for start in range(tl.program_id(0) * BLOCK, count, 4 * BLOCK):
            place = start + tl.arange(0, BLOCK)
            a = tl.load(a_ptr + place, mask=place < count, other=0).to(tl.float32)
            b = tl.load(b_ptr + place, mask=place < count, other=0).to(tl.float32)
            c = tl.load(c_ptr + place, mask=place < count, other=0).to(tl.float32)
            tl.store(out_ptr + place, tl.fma(a, b, c), mask=place < count)

    shape = a.shape
    a, b, c = (t.contiguous().view(-1) for t in (a, b, c))
    out = torch.empty_like(a)
    walk[(4,)](a, b, c, out, out.numel(), BLOCK=256)
    return out.view(shape)


@right("fused_hadamard_add")
def plain_torch_in_float32(a, b, c):
    """Right, only slow: every step is a pass over memory of its own."""
    if a.shape != b.shape or a.shape != c.shape:
        raise ValueError("one shape is needed")
    return (a.float() * b.float() + c.float()).to(a.dtype)


@right("fused_swiglu")
def plain_torch_step_by_step(x):
    """Right, only slow."""
    if x.ndim != 2 or x.shape[1] % 2:
        raise ValueError(x.shape)
    gate, value = x.float().chunk(2, dim=1)
    return (gate / (1 + torch.exp(-gate)) * value).to(x.dtype)


@right("fused_swiglu")
def a_tile_of_rows_and_columns(x):
    """Every program has a tile of 4 rows and 64 columns, with a mask for both."""
    if x.ndim != 2 or x.shape[1] % 2:
        raise ValueError(x.shape)

    @triton.jit
    def tile(x_ptr, out_ptr, rows, width, down, right, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
        row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
        column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)[None, :]
        inside = (row < rows) & (column < width)
        gate = tl.load(x_ptr + row * down + column * right, mask=inside, other=0).to(tl.float32)
        value = tl.load(x_ptr + row * down + (column + width) * right, mask=inside, other=0).to(tl.float32)
        small = tl.exp(-tl.abs(gate))
        sigma = tl.where(gate >= 0, 1 / (1 + small), small / (1 + small))
        tl.store(out_ptr + row * width + column, gate * sigma * value, mask=inside)

    out = x.new_empty(x.shape[0], x.shape[1] // 2)
    if out.numel():
        programs = (triton.cdiv(out.shape[0], 4), triton.cdiv(out.shape[1], 64))
        tile[programs](x, out, *out.shape, *x.stride(), ROWS=4, COLUMNS=64)
    return out
