"""Right answers of lab 11 that are unlike the reference."""

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("grouped_matmul")
def tiles_that_walk_over_all_experts_they_touch(x, weight, counts):
    """No table: a tile of 32 rows is multiplied with every expert that has rows in it, the other rows being 0."""
    if x.dim() != 2 or weight.dim() != 3 or x.shape[1] != weight.shape[1] or not len(weight):
        raise ValueError
    if counts.shape != weight.shape[:1] or counts.is_floating_point() or x.dtype != weight.dtype:
        raise ValueError
    if x.dtype == torch.float64:
        raise ValueError

    @triton.jit
    def walk(x, w, ends, out, T, E, K, N, R: tl.constexpr, C: tl.constexpr, D: tl.constexpr):
        row = tl.program_id(0) * R + tl.arange(0, R)
        column = tl.program_id(1) * C + tl.arange(0, C)
        total = tl.zeros((R, C), dtype=tl.float32)
        start = tl.full((), 0, tl.int64)
        for e in range(E):
            end = tl.load(ends + e)
            mine = (row >= start) & (row < end)
            if tl.sum(mine.to(tl.int32)) > 0:
                for begin in range(0, K, D):
                    k = begin + tl.arange(0, D)
                    a = tl.load(x + row[:, None] * K + k[None, :], mask=mine[:, None] & (k < K)[None, :], other=0)
                    place = e * K * N + k[:, None] * N + column[None, :]
                    b = tl.load(w + place, mask=(k < K)[:, None] & (column < N)[None, :], other=0)
                    total = tl.where(mine[:, None], tl.dot(a, b, total, input_precision="ieee"), total)
            start = end
        inside = (row < T)[:, None] & (column < N)[None, :]
        tl.store(out + row[:, None] * N + column[None, :], total, mask=inside)

    (T, K), (E, _, N) = x.shape, weight.shape
    out = x.new_empty(T, N)
    if out.numel():
        programs = (triton.cdiv(T, 32), triton.cdiv(N, 64))
        walk[programs](x.contiguous(), weight.contiguous(), counts.cumsum(0), out, T, E, K, N, R=32, C=64, D=32)
    return out


@right("grouped_matmul")
def a_table_made_by_the_host(x, weight, counts):
    """The host reads the counts, and one program goes over all tiles of its expert in steps of 16 rows."""
    if x.dim() != 2 or weight.dim() != 3 or x.shape[1] != weight.shape[1] or not len(weight):
        raise ValueError
    if counts.shape != weight.shape[:1] or counts.is_floating_point() or x.dtype != weight.dtype:
        raise ValueError
    if x.dtype == torch.float64:
        raise ValueError

    @triton.jit
    def expert_by_expert(x, w, starts, out, K, N, BLOCK: tl.constexpr):
        expert = tl.program_id(0)
        column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
        end = tl.load(starts + expert + 1)
        for first in range(tl.load(starts + expert), end, BLOCK):
            row = first + tl.arange(0, BLOCK)[:, None]
            inside = (row < end) & (column < N)
            total = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
            for start in range(0, K, BLOCK):
                k = start + tl.arange(0, BLOCK)
                x_place = row * K + k[None, :]
                a = tl.load(x + x_place, mask=(row < end) & (k < K)[None, :], other=0).to(tl.float32)
                w_place = (expert * K + k[:, None]) * N + column
                b = tl.load(w + w_place, mask=(k < K)[:, None] & (column < N), other=0).to(tl.float32)
                total += tl.sum(a[:, :, None] * b[None, :, :], axis=1)
            tl.store(out + row * N + column, total, mask=inside)

    starts = [0]
    for count in counts.tolist():
        starts.append(starts[-1] + count)
    out = x.new_empty(len(x), weight.shape[2])
    if out.numel():
        programs = (len(weight), triton.cdiv(weight.shape[2], 16))
        starts = torch.tensor(starts, device=x.device)
        expert_by_expert[programs](x.contiguous(), weight.contiguous(), starts, out, *weight.shape[1:], BLOCK=16)
    return out


@right("grouped_matmul")
def plain_torch_with_a_matrix_for_every_row(x, weight, counts):
    """Right, only slow, and with a copy of a whole matrix for every row."""
    if x.dim() != 2 or weight.dim() != 3 or x.shape[1] != weight.shape[1] or not len(weight):
        raise ValueError
    if counts.shape != weight.shape[:1] or counts.is_floating_point() or x.dtype != weight.dtype:
        raise ValueError
    if x.dtype == torch.float64:
        raise ValueError
    out = x.new_zeros(len(x), weight.shape[2], dtype=torch.float32)
    expert = torch.arange(len(weight)).repeat_interleave(counts)
    for rows in torch.arange(len(x)).split(64):
        out[rows] = (x[rows].float()[:, :, None] * weight[expert[rows]].float()).sum(1)
    return out.to(x.dtype)


@right("routed_matmul")
def a_token_at_a_time(x, weight, expert, gate):
    """No order and no partial results: a program has one token, and goes over its choices."""
    if x.dim() != 2 or weight.dim() != 3 or x.shape[1] != weight.shape[1] or not len(weight):
        raise ValueError
    if expert.dim() != 2 or len(expert) != len(x) or expert.shape != gate.shape or expert.is_floating_point():
        raise ValueError
    if x.dtype != weight.dtype or x.dtype == torch.float64:
        raise ValueError

    @triton.jit
    def token(x, w, expert, gate, out, choices, K, N, WIDE: tl.constexpr, DEEP: tl.constexpr):
        t = tl.program_id(0)
        column = tl.program_id(1) * WIDE + tl.arange(0, WIDE)
        total = tl.zeros((WIDE,), dtype=tl.float32)
        for j in range(choices):
            begin = w + tl.load(expert + t * choices + j) * K * N
            product = tl.zeros((WIDE,), dtype=tl.float32)
            for start in range(0, K, DEEP):
                k = start + tl.arange(0, DEEP)
                a = tl.load(x + t * K + k, mask=k < K, other=0).to(tl.float32)
                inside = (k < K)[:, None] & (column < N)[None, :]
                b = tl.load(begin + k[:, None] * N + column[None, :], mask=inside, other=0).to(tl.float32)
                product += tl.sum(a[:, None] * b, axis=0)
            total += product * tl.load(gate + t * choices + j).to(tl.float32)
        tl.store(out + t * N + column, total, mask=column < N)

    (T, K), N = x.shape, weight.shape[2]
    out = x.new_empty(T, N)
    if out.numel():
        given = [tensor.contiguous() for tensor in (x, weight, expert, gate)]
        token[T, triton.cdiv(N, 128)](*given, out, expert.shape[1], K, N, WIDE=128, DEEP=64)
    return out


@right("routed_matmul")
def plain_torch_expert_by_expert(x, weight, expert, gate):
    """Right, only slow: a loop over the experts, each of which collects its rows and gives them back."""
    if x.dim() != 2 or weight.dim() != 3 or x.shape[1] != weight.shape[1] or not len(weight):
        raise ValueError
    if expert.dim() != 2 or len(expert) != len(x) or expert.shape != gate.shape or expert.is_floating_point():
        raise ValueError
    if x.dtype != weight.dtype or x.dtype == torch.float64:
        raise ValueError
    out = x.new_zeros(len(x), weight.shape[2], dtype=torch.float32)
    for e in range(len(weight)):
        token, choice = torch.where(expert == e)
        product = (x[token].float()[:, :, None] * weight[e].float()).sum(1)
        out.index_add_(0, token, gate[token, choice].float()[:, None] * product)
    return out.to(x.dtype)
