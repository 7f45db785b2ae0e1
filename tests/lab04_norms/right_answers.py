"""Right answers of lab 4 that are unlike the reference."""

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("rms_norm")
def plain_torch_in_float32(x, weight, eps=1e-6):
    """Right, only slow: every step is a pass over memory of its own."""
    if x.ndim != 2 or not 1 <= x.shape[1] <= 16384 or weight.shape != (x.shape[1],):
        raise ValueError(x.shape)
    rstd = (x.float().square().mean(dim=1) + eps).rsqrt()
    return (x.float() * rstd[:, None] * weight.float()).to(x.dtype), rstd


@right("rms_norm")
def two_walks_over_a_row(x, weight, eps=1e-6):
    """Rows of any length: a walk in blocks of 1024 columns for the sum of squares, and another to write."""
    if x.ndim != 2 or not 1 <= x.shape[1] <= 16384 or weight.shape != (x.shape[1],):
        raise ValueError(x.shape)

    @triton.jit
    def walk(x_ptr, weight_ptr, y_ptr, rstd_ptr, columns, eps, BLOCK: tl.constexpr):
        begin = tl.program_id(0) * columns
        squares = tl.zeros([BLOCK], dtype=tl.float32)
        for first in range(0, columns, BLOCK):
            column = first + tl.arange(0, BLOCK)
            x = tl.load(x_ptr + begin + column, mask=column < columns, other=0).to(tl.float32)
            squares += x * x
        rstd = tl.rsqrt(tl.sum(squares) / columns + eps)
        for first in range(0, columns, BLOCK):
            column = first + tl.arange(0, BLOCK)
            x = tl.load(x_ptr + begin + column, mask=column < columns, other=0).to(tl.float32)
            weight = tl.load(weight_ptr + column, mask=column < columns, other=0).to(tl.float32)
            tl.store(y_ptr + begin + column, weight * (rstd * x), mask=column < columns)
        tl.store(rstd_ptr + tl.program_id(0), rstd)

    x, weight = x.contiguous(), weight.contiguous()
    y, rstd = torch.empty_like(x), x.new_empty(x.shape[0], dtype=torch.float32)
    walk[(x.shape[0],)](x, weight, y, rstd, x.shape[1], eps, BLOCK=1024)
    return y, rstd


@right("rms_norm_backward")
def torch_step_by_step(grad_output, x, weight, rstd):
    """Right, only slow."""
    if x.ndim != 2 or grad_output.shape != x.shape or (*rstd.shape, *weight.shape) != x.shape:
        raise ValueError("the shapes do not fit")
    normalized = x.float() * rstd[:, None]
    grad = grad_output.float() * weight.float()
    grad_x = (grad - normalized * (grad * normalized).mean(dim=1, keepdim=True)) * rstd[:, None]
    return grad_x.to(x.dtype), (grad_output.float() * normalized).sum(dim=0).to(weight.dtype)


@right("rms_norm_backward")
def rows_and_columns_for_themselves(grad_output, x, weight, rstd):
    """A kernel along the rows for grad_x and one down the columns for grad_weight: both tables are read twice."""
    if x.ndim != 2 or grad_output.shape != x.shape or (*rstd.shape, *weight.shape) != x.shape:
        raise ValueError("the shapes do not fit")

    @triton.jit
    def along(g_ptr, x_ptr, weight_ptr, rstd_ptr, out_ptr, columns, BLOCK: tl.constexpr):
        row = tl.program_id(0)
        column = tl.arange(0, BLOCK)
        inside = column < columns
        x = tl.load(x_ptr + row * columns + column, mask=inside, other=0).to(tl.float32)
        g = tl.load(g_ptr + row * columns + column, mask=inside, other=0).to(tl.float32)
        g *= tl.load(weight_ptr + column, mask=inside, other=0).to(tl.float32)
        rstd = tl.load(rstd_ptr + row)
        cubed = rstd * rstd * rstd * tl.sum(g * x) / columns
        tl.store(out_ptr + row * columns + column, g * rstd - x * cubed, mask=inside)

    @triton.jit
    def down(g_ptr, x_ptr, rstd_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
        column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        inside = column < columns
        total = tl.zeros([BLOCK], dtype=tl.float32)
        for row in range(0, rows):
            x = tl.load(x_ptr + row * columns + column, mask=inside, other=0).to(tl.float32)
            g = tl.load(g_ptr + row * columns + column, mask=inside, other=0).to(tl.float32)
            total += g * x * tl.load(rstd_ptr + row)
        tl.store(out_ptr + column, total, mask=inside)

    grad_output, x, weight, rstd = grad_output.contiguous(), x.contiguous(), weight.contiguous(), rstd.contiguous()
    rows, columns = x.shape
    grad_x, grad_weight = torch.empty_like(x), torch.empty_like(weight)
    along[(rows,)](grad_output, x, weight, rstd, grad_x, columns, BLOCK=triton.next_power_of_2(columns))
    down[(triton.cdiv(columns, 128),)](grad_output, x, rstd, grad_weight, rows, columns, BLOCK=128)
    return grad_x, grad_weight


@right("layer_norm")
def plain_torch_from_the_definition(x, weight, bias, eps=1e-5):
    """Right, only slow."""
    if x.ndim != 2 or not 1 <= x.shape[1] <= 16384 or not weight.shape == bias.shape == (x.shape[1],):
        raise ValueError(x.shape)
    mean = x.float().mean(dim=1)
    centred = x.float() - mean[:, None]
    rstd = 1 / (centred.pow(2).mean(dim=1) + eps).sqrt()
    return (centred * rstd[:, None] * weight.float() + bias.float()).to(x.dtype), mean, rstd


@right("layer_norm")
def four_rows_a_program(x, weight, bias, eps=1e-5):
    """A tile of four rows, reduced along its second axis, with masks for both."""
    if x.ndim != 2 or not 1 <= x.shape[1] <= 16384 or not weight.shape == bias.shape == (x.shape[1],):
        raise ValueError(x.shape)

    @triton.jit
    def tile(x_ptr, w_ptr, b_ptr, y_ptr, mean_ptr, rstd_ptr, rows, columns, down, right, eps, BLOCK: tl.constexpr):
        row = tl.program_id(0) * 4 + tl.arange(0, 4)
        column = tl.arange(0, BLOCK)
        inside = (row < rows)[:, None] & (column < columns)[None, :]
        x = tl.load(x_ptr + row[:, None] * down + column[None, :] * right, mask=inside, other=0).to(tl.float32)
        mean = tl.sum(x, axis=1) / columns
        x = tl.where(inside, x - mean[:, None], 0)
        rstd = tl.rsqrt(tl.sum(x * x, axis=1) / columns + eps)
        weight = tl.load(w_ptr + column, mask=column < columns, other=0).to(tl.float32)
        bias = tl.load(b_ptr + column, mask=column < columns, other=0).to(tl.float32)
        y = tl.fma(
            x * rstd[:, None], tl.broadcast_to(weight[None, :], x.shape), tl.broadcast_to(bias[None, :], x.shape)
        )
        tl.store(y_ptr + row[:, None] * columns + column[None, :], y, mask=inside)
        tl.store(mean_ptr + row, mean, mask=row < rows)
        tl.store(rstd_ptr + row, rstd, mask=row < rows)

    rows, columns = x.shape
    y = x.new_empty(rows, columns)
    mean, rstd = x.new_empty(rows, dtype=torch.float32), x.new_empty(rows, dtype=torch.float32)
    arguments = (x, weight.contiguous(), bias.contiguous(), y, mean, rstd, rows, columns, *x.stride(), eps)
    tile[(triton.cdiv(rows, 4),)](*arguments, BLOCK=triton.next_power_of_2(columns))
    return y, mean, rstd


@right("layer_norm_backward")
def torch_after_the_formula(grad_output, x, weight, mean, rstd):
    """Right, only slow."""
    if x.ndim != 2 or grad_output.shape != x.shape or (*rstd.shape, *weight.shape) != x.shape:
        raise ValueError("the shapes do not fit")
    if mean.shape != rstd.shape:
        raise ValueError("the statistics do not fit")
    normalized = (x.float() - mean[:, None]) * rstd[:, None]
    wide = grad_output.float()
    grad = wide * weight.float()
    along = normalized * (grad * normalized).mean(dim=1, keepdim=True)
    grad_x = (grad - grad.mean(dim=1, keepdim=True) - along) * rstd[:, None]
    return grad_x.to(x.dtype), (wide * normalized).sum(dim=0).to(weight.dtype), wide.sum(dim=0).to(weight.dtype)


@right("layer_norm_backward")
def three_programs_walk_over_all_rows(grad_output, x, weight, mean, rstd):
    """Program p has the rows p, p + 3, p + 6, …; the three partial sums are added by torch."""
    if x.ndim != 2 or grad_output.shape != x.shape or (*rstd.shape, *weight.shape) != x.shape:
        raise ValueError("the shapes do not fit")
    if mean.shape != rstd.shape:
        raise ValueError("the statistics do not fit")

    @triton.jit
    def walk(g_ptr, x_ptr, w_ptr, mean_ptr, rstd_ptr, out_ptr, gw_ptr, gb_ptr, rows, columns, BLOCK: tl.constexpr):
        column = tl.arange(0, BLOCK)
        inside = column < columns
        weight = tl.load(w_ptr + column, mask=inside, other=0).to(tl.float32)
        grad_weight = tl.zeros([BLOCK], dtype=tl.float32)
        grad_bias = tl.zeros([BLOCK], dtype=tl.float32)
        for row in range(tl.program_id(0), rows, 3):
            mean = tl.load(mean_ptr + row)
            x = tl.load(x_ptr + row * columns + column, mask=inside, other=0).to(tl.float32)
            g = tl.load(g_ptr + row * columns + column, mask=inside, other=0).to(tl.float32)
            rstd = tl.load(rstd_ptr + row)
            hat = tl.where(inside, (x - mean) * rstd, 0)
            grad_weight += g * hat
            grad_bias += g
            slope = tl.sum(g * weight * hat) / columns
            level = tl.sum(g * weight) / columns
            tl.store(out_ptr + row * columns + column, rstd * (g * weight - (level + slope * hat)), mask=inside)
        tl.store(gw_ptr + tl.program_id(0) * columns + column, grad_weight, mask=inside)
        tl.store(gb_ptr + tl.program_id(0) * columns + column, grad_bias, mask=inside)

    grad_output, x, weight, mean, rstd = (t.contiguous() for t in (grad_output, x, weight, mean, rstd))
    rows, columns = x.shape
    grad_x = torch.empty_like(x)
    grad_weight, grad_bias = (x.new_empty(3, columns, dtype=torch.float32) for _ in range(2))
    tensors = (grad_output, x, weight, mean, rstd, grad_x, grad_weight, grad_bias)
    walk[(3,)](*tensors, rows, columns, BLOCK=triton.next_power_of_2(columns))
    return grad_x, grad_weight.sum(dim=0).to(weight.dtype), grad_bias.sum(dim=0).to(weight.dtype)
