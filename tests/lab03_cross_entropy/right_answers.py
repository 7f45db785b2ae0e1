"""Right answers of lab 3 that are unlike the reference."""

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("fused_cross_entropy")
def several_programs_share_a_row(logits, labels, ignore_index=-100):
    """The first kernel leaves a maximum and a sum a block, the second merges those of its row: few rows fill a card."""
    if logits.ndim != 2 or logits.shape[1] == 0 or labels.shape != (len(logits),):
        raise ValueError("a table and a label a row are needed")

    @triton.jit
    def parts(x_ptr, labels_ptr, max_ptr, sum_ptr, columns, down, right, ignored, BLOCK: tl.constexpr):
        row = tl.program_id(0)
        if tl.load(labels_ptr + row) != ignored:
            column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
            x = tl.load(x_ptr + row * down + column * right, mask=column < columns, other=float("-inf")).to(tl.float32)
            largest = tl.maximum(tl.max(x), -3.4028234663852886e38)
            part = row * tl.num_programs(1) + tl.program_id(1)
            tl.store(max_ptr + part, largest)
            tl.store(sum_ptr + part, tl.sum(tl.exp(x - largest)))

    @triton.jit
    def merged(
        x_ptr,
        labels_ptr,
        max_ptr,
        sum_ptr,
        losses_ptr,
        lse_ptr,
        columns,
        count,
        down,
        right,
        ignored,
        PARTS: tl.constexpr,
    ):
        row = tl.program_id(0)
        there = tl.arange(0, PARTS) < count
        part = row * count + tl.arange(0, PARTS)
        maxima = tl.load(max_ptr + part, mask=there, other=-3.4028234663852886e38)
        sums = tl.load(sum_ptr + part, mask=there, other=0.0)
        largest = tl.max(maxima)
        rest = tl.log(tl.sum(sums * tl.exp(maxima - largest)))
        label = tl.load(labels_ptr + row)
        known = (label < columns) & (label > -1)
        target = tl.load(x_ptr + row * down + label * right, mask=known, other=float("nan")).to(tl.float32)
        kept = label != ignored
        tl.store(losses_ptr + row, tl.where(kept, rest - (target - largest), 0.0))
        tl.store(lse_ptr + row, tl.where(kept, rest + largest, 0.0))

    rows, columns = logits.shape
    labels = labels.contiguous()
    losses, lse = torch.empty(2, rows, dtype=torch.float32, device=logits.device)
    count = triton.cdiv(columns, 16384)
    maxima, sums = torch.empty(2, rows * count, dtype=torch.float32, device=logits.device)
    parts[(rows, count)](logits, labels, maxima, sums, columns, *logits.stride(), ignore_index, BLOCK=16384)
    PARTS = triton.next_power_of_2(count)
    merged[(rows,)](
        logits, labels, maxima, sums, losses, lse, columns, count, *logits.stride(), ignore_index, PARTS=PARTS
    )
    return losses, lse


@right("fused_cross_entropy")
def every_lane_has_a_maximum_and_the_label_is_met_on_the_way(logits, labels, ignore_index=-100):
    """No reduction inside the loop, and the right logit is not loaded again: it comes by in the walk."""
    if logits.ndim != 2 or logits.shape[1] == 0 or labels.shape != (len(logits),):
        raise ValueError("a table and a label a row are needed")

    @triton.jit
    def lanes(x_ptr, labels_ptr, out_ptr, rows, columns, down, right, labels_right, ignored, BLOCK: tl.constexpr):
        row = tl.program_id(0)
        label = tl.load(labels_ptr + row * labels_right)
        largest = tl.full([BLOCK], -3.4028234663852886e38, dtype=tl.float32)
        total = tl.zeros([BLOCK], dtype=tl.float32)
        target = tl.full([BLOCK], float("-inf"), dtype=tl.float32)
        for start in range(0, tl.where(label == ignored, 0, columns), BLOCK):
            column = start + tl.arange(0, BLOCK)
            there = column < columns
            x = tl.load(x_ptr + row * down + column * right, mask=there, other=float("-inf")).to(tl.float32)
            new = tl.maximum(largest, x)
            total = total * tl.exp(largest - new) + tl.exp(x - new)
            largest = new
            target = tl.where(column == label, x, target)
        overall = tl.max(largest)
        rest = tl.log(tl.sum(total * tl.exp(largest - overall)))
        loss = overall - tl.max(target) + rest
        loss = tl.where((label >= 0) & (label < columns), loss, float("nan"))
        tl.store(out_ptr + row, tl.where(label == ignored, 0.0, loss))
        tl.store(out_ptr + rows + row, tl.where(label == ignored, 0.0, overall + rest))

    rows, columns = logits.shape
    out = torch.empty(2, rows, dtype=torch.float32, device=logits.device)
    lanes[(rows,)](logits, labels, out, rows, columns, *logits.stride(), labels.stride(0), ignore_index, BLOCK=4096)
    return out[0], out[1]


@right("fused_cross_entropy")
def plain_torch_block_by_block(logits, labels, ignore_index=-100):
    """Right, only slow: the running maximum and sum of all rows at once, each step a pass over memory of its own."""
    if logits.ndim != 2 or logits.shape[1] == 0 or labels.shape != (len(logits),):
        raise ValueError("a table and a label a row are needed")
    rows, columns = logits.shape
    largest = torch.full((rows,), -torch.inf, dtype=torch.float64, device=logits.device)
    total = torch.zeros_like(largest)
    for part in logits.split(1000, dim=1):
        part = part.double()
        new = torch.maximum(largest, part.amax(dim=1))
        shift = new.where(new.isfinite(), 0)
        total = total * torch.exp(largest - shift) + torch.exp(part - shift[:, None]).sum(dim=1)
        largest = new
    log_sum = total.log()
    known = (labels >= 0) & (labels < columns)
    right = logits.gather(1, torch.where(known, labels, 0)[:, None])[:, 0]
    losses = log_sum + (largest - right)
    losses = torch.where(known, losses, torch.nan)
    ignored = labels == ignore_index
    return losses.masked_fill(ignored, 0).float(), (largest + log_sum).masked_fill(ignored, 0).float()


@right("fused_cross_entropy_backward")
def one_program_walks_over_its_row(grad_losses, logits, labels, lse, ignore_index=-100):
    """A program a row, from its end to its beginning; the 1 of the right class is taken off at the end."""
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise ValueError("a table of logits is needed")
    if any(vector.shape != (len(logits),) for vector in (grad_losses, labels, lse)):
        raise ValueError("one number a row is needed")

    @triton.jit
    def walk(grad_losses_ptr, x_ptr, labels_ptr, lse_ptr, out_ptr, columns, down, right, ignored, BLOCK: tl.constexpr):
        row = tl.program_id(0)
        label = tl.load(labels_ptr + row)
        lse = tl.load(lse_ptr + row)
        weight = tl.load(grad_losses_ptr + row)
        weight = tl.where((label >= 0) & (label < columns), weight, float("nan"))
        for back in range(0, columns, BLOCK):
            column = columns - 1 - back - tl.arange(0, BLOCK)
            there = column >= 0
            x = tl.load(x_ptr + row * down + column * right, mask=there, other=0.0).to(tl.float32)
            gradient = tl.exp2((x - lse) * 1.4426950408889634) * weight - tl.where(column == label, weight, 0.0)
            tl.store(out_ptr + row * columns + column, tl.where(label == ignored, 0.0, gradient), mask=there)

    out = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
    vectors = [vector.contiguous() for vector in (grad_losses, labels, lse)]
    grad_losses, labels, lse = vectors
    walk[(len(logits),)](
        grad_losses, logits, labels, lse, out, logits.shape[1], *logits.stride(), ignore_index, BLOCK=2048
    )
    return out


@right("fused_cross_entropy_backward")
def a_tile_of_rows_and_columns(grad_losses, logits, labels, lse, ignore_index=-100):
    """Every program has a tile of 4 rows and 1024 columns, with a mask for both."""
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise ValueError("a table of logits is needed")
    if any(vector.shape != (len(logits),) for vector in (grad_losses, labels, lse)):
        raise ValueError("one number a row is needed")

    @triton.jit
    def tile(
        g_ptr,
        x_ptr,
        y_ptr,
        lse_ptr,
        out_ptr,
        rows,
        columns,
        down,
        right,
        ignored,
        ROWS: tl.constexpr,
        BLOCK: tl.constexpr,
    ):
        row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
        column = (tl.program_id(0) * BLOCK + tl.arange(0, BLOCK))[None, :]
        exists = row < rows
        label = tl.load(y_ptr + row, mask=exists, other=0)
        weight = tl.load(g_ptr + row, mask=exists, other=0.0)
        weight = tl.where((label < 0) | (label >= columns), float("nan"), weight)[:, None]
        lse = tl.load(lse_ptr + row, mask=exists, other=0.0)[:, None]
        kept = (label != ignored)[:, None]
        row = row[:, None]
        inside = exists[:, None] & (column < columns)
        x = tl.load(x_ptr + row * down + column * right, mask=inside & kept, other=0.0).to(tl.float32)
        hit = (column == label[:, None]).to(tl.float32)
        gradient = tl.where(kept, (tl.exp(x - lse) - hit) * weight, 0.0)
        tl.store(out_ptr + row * columns + column, gradient, mask=inside)

    out = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
    grad_losses, labels, lse = (vector.contiguous() for vector in (grad_losses, labels, lse))
    rows, columns = logits.shape
    programs = (triton.cdiv(columns, 1024), triton.cdiv(rows, 4))
    tile[programs](
        grad_losses, logits, labels, lse, out, rows, columns, *logits.stride(), ignore_index, ROWS=4, BLOCK=1024
    )
    return out


@right("fused_cross_entropy_backward")
def plain_torch_in_float32(grad_losses, logits, labels, lse, ignore_index=-100):
    """Right, only slow: every step is a pass over memory of its own."""
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise ValueError("a table of logits is needed")
    if any(vector.shape != (len(logits),) for vector in (grad_losses, labels, lse)):
        raise ValueError("one number a row is needed")
    known = (labels >= 0) & (labels < logits.shape[1])
    share = torch.exp(logits.float() - lse[:, None])
    share[torch.arange(len(labels)), torch.where(known, labels, 0)] -= 1
    gradient = share * torch.where(known, grad_losses, torch.nan)[:, None]
    return gradient.masked_fill((labels == ignore_index)[:, None], 0).to(logits.dtype)
