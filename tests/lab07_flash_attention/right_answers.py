"""Right answers of lab 7 that are unlike the reference."""

import math

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("flash_attention")
def divides_in_every_tile(query, key, value, scale=None):
    """Keeps the output normalized from tile to tile, and exponentiates with base 2."""
    batch, heads, queries, dim = query.shape
    keys = key.shape[2]
    if key.shape != (batch, heads, keys, dim) or value.shape != key.shape or keys == 0 or dim > 128:
        raise ValueError(query.shape)

    @triton.jit
    def walk(q_ptr, k_ptr, v_ptr, o_ptr, lse_ptr, L, S, D, scale, R: tl.constexpr, C: tl.constexpr, W: tl.constexpr):
        h = tl.program_id(0)
        row = tl.program_id(1) * R + tl.arange(0, R)
        col = tl.arange(0, W)
        here = (row[:, None] < L) & (col[None, :] < D)
        at = h * L * D + row[:, None] * D + col[None, :]
        q = tl.load(q_ptr + at, mask=here, other=0).to(tl.float32)
        lse = tl.full((R,), float("-inf"), tl.float32)
        out = tl.zeros((R, W), tl.float32)
        for s in range(0, S, C):
            place = s + tl.arange(0, C)
            there = (place[:, None] < S) & (col[None, :] < D)
            k = tl.load(k_ptr + h * S * D + place[:, None] * D + col[None, :], mask=there, other=0).to(tl.float32)
            v = tl.load(v_ptr + h * S * D + place[:, None] * D + col[None, :], mask=there, other=0).to(tl.float32)
            score = tl.dot(q, tl.trans(k), input_precision="ieee") * (scale * 1.4426950408889634)
            score = tl.where(place[None, :] < S, score, float("-inf"))
            top = tl.maximum(tl.max(score, axis=1), lse)
            both = top + tl.log2(tl.exp2(lse - top) + tl.sum(tl.exp2(score - top[:, None]), axis=1))
            share = tl.exp2(score - both[:, None])
            out = out * tl.exp2(lse - both)[:, None] + tl.dot(share, v, input_precision="ieee")
            lse = both
        tl.store(o_ptr + at, out, mask=here)
        tl.store(lse_ptr + h * L + row, lse * 0.6931471805599453, mask=row < L)

    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    out, lse = torch.empty_like(query), query.new_empty((batch, heads, queries), dtype=torch.float32)
    if lse.numel():
        scale = 1 / math.sqrt(dim) if scale is None else scale
        wide = max(16, triton.next_power_of_2(dim))
        grid = (batch * heads, triton.cdiv(queries, 32))
        walk[grid](query, key, value, out, lse, queries, keys, dim, scale, R=32, C=64, W=wide)
    return out, lse


@right("flash_attention")
def plain_torch_tile_by_tile(query, key, value, scale=None):
    """Right, only slow: the running maximum and the running sums in plain torch."""
    batch, heads, queries, dim = query.shape
    keys = key.shape[2]
    if key.shape != (batch, heads, keys, dim) or value.shape != key.shape or keys == 0 or dim > 128:
        raise ValueError(query.shape)
    scale = dim**-0.5 if scale is None else scale
    lse = torch.full((batch, heads, queries), float("-inf"))
    out = torch.zeros(query.shape)
    for start in range(0, keys, 16):
        k, v = key[:, :, start : start + 16].float(), value[:, :, start : start + 16].float()
        scores = query.float() @ k.mT * scale
        both = torch.logaddexp(lse, scores.logsumexp(-1))
        out = out * torch.exp(lse - both)[..., None] + torch.exp(scores - both[..., None]) @ v
        lse = both
    return out.to(query.dtype), lse


@right("causal_flash_attention")
def from_the_diagonal_backwards(query, key, value, scale=None):
    """A kernel that starts at the diagonal and walks to key 0, after a pass that finds the maximum alone."""
    batch, heads, queries, dim = query.shape
    keys = key.shape[2]
    if key.shape != (batch, heads, keys, dim) or value.shape != key.shape or keys == 0 or dim > 128:
        raise ValueError(query.shape)

    @triton.jit
    def walk(q_ptr, k_ptr, v_ptr, o_ptr, lse_ptr, L, S, D, scale, R: tl.constexpr, W: tl.constexpr):
        h = tl.program_id(0)
        p = tl.program_id(1)
        row = p * R + tl.arange(0, R)
        col = tl.arange(0, W)
        here = (row[:, None] < L) & (col[None, :] < D)
        at = h * L * D + row[:, None] * D + col[None, :]
        q = tl.load(q_ptr + at, mask=here, other=0).to(tl.float32) * scale
        end = tl.minimum(S, L)
        top = tl.full((R,), float("-inf"), tl.float32)
        for back in range(0, p + 1):
            place = (p - back) * R + tl.arange(0, R)
            there = (place[:, None] < end) & (col[None, :] < D)
            k = tl.load(k_ptr + h * S * D + place[:, None] * D + col[None, :], mask=there, other=0).to(tl.float32)
            score = tl.dot(q, tl.trans(k), input_precision="ieee")
            seen = (place[None, :] <= row[:, None]) & (place[None, :] < end)
            top = tl.maximum(top, tl.max(tl.where(seen, score, float("-inf")), axis=1))
        total = tl.zeros((R,), tl.float32)
        out = tl.zeros((R, W), tl.float32)
        for back in range(0, p + 1):
            place = (p - back) * R + tl.arange(0, R)
            there = (place[:, None] < end) & (col[None, :] < D)
            k = tl.load(k_ptr + h * S * D + place[:, None] * D + col[None, :], mask=there, other=0).to(tl.float32)
            v = tl.load(v_ptr + h * S * D + place[:, None] * D + col[None, :], mask=there, other=0).to(tl.float32)
            score = tl.dot(q, tl.trans(k), input_precision="ieee")
            seen = (place[None, :] <= row[:, None]) & (place[None, :] < end)
            share = tl.exp(tl.where(seen, score, float("-inf")) - top[:, None])
            total += tl.sum(share, axis=1)
            out += tl.dot(share, v, input_precision="ieee")
        tl.store(o_ptr + at, out / total[:, None], mask=here)
        tl.store(lse_ptr + h * L + row, top + tl.log(total), mask=row < L)

    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    out, lse = torch.empty_like(query), query.new_empty((batch, heads, queries), dtype=torch.float32)
    if lse.numel():
        scale = 1 / math.sqrt(dim) if scale is None else scale
        wide = max(16, triton.next_power_of_2(dim))
        walk[(batch * heads, triton.cdiv(queries, 16))](
            query, key, value, out, lse, queries, keys, dim, scale, R=16, W=wide
        )
    return out, lse


@right("causal_flash_attention")
def plain_torch_one_query_at_a_time(query, key, value, scale=None):
    """Right, only slow: a loop over queries, each of which sees a growing part of the keys."""
    batch, heads, queries, dim = query.shape
    keys = key.shape[2]
    if key.shape != (batch, heads, keys, dim) or value.shape != key.shape or keys == 0 or dim > 128:
        raise ValueError(query.shape)
    scale = dim**-0.5 if scale is None else scale
    out = torch.empty(query.shape, dtype=query.dtype)
    lse = torch.empty(query.shape[:3], dtype=torch.float32)
    for row in range(queries):
        seen = min(row + 1, keys)
        scores = (key[:, :, :seen].float() @ query[:, :, row, :, None].float()).squeeze(-1) * scale
        lse[:, :, row] = scores.logsumexp(-1)
        weight = torch.exp(scores - lse[:, :, row, None])
        out[:, :, row] = (weight[:, :, None] @ value[:, :, :seen].float()).squeeze(2).to(query.dtype)
    return out, lse


@right("flash_attention_backward")
def plain_torch_one_query_at_a_time_backwards(grad_output, query, key, value, output, lse, is_causal=False, scale=None):
    """Right, only slow: the four formulas, a query at a time."""
    queries, dim = query.shape[2:]
    keys = key.shape[2]
    if grad_output.shape != query.shape or output.shape != query.shape or value.shape != key.shape or keys == 0:
        raise ValueError(grad_output.shape)
    if lse.shape != query.shape[:3] or key.shape[3] != dim or dim > 128:
        raise ValueError(lse.shape)
    scale = dim**-0.5 if scale is None else scale
    grads = [torch.zeros(t.shape, dtype=torch.float32) for t in (query, key, value)]
    for row in range(queries):
        seen = min(row + 1, keys) if is_causal else keys
        q, g, o = (t[:, :, row, None].float() for t in (query, grad_output, output))
        k, v = key[:, :, :seen].float(), value[:, :, :seen].float()
        weight = torch.exp(q @ k.mT * scale - lse[:, :, row, None, None])
        pull = weight * (g @ v.mT - (g * o).sum(-1, keepdim=True)) * scale
        grads[0][:, :, row] = (pull @ k).squeeze(2)
        grads[1][:, :, :seen] += pull.mT @ q
        grads[2][:, :, :seen] += weight.mT @ g
    return tuple(grad.to(query.dtype) for grad in grads)


@right("flash_attention_backward")
def one_program_for_a_head(grad_output, query, key, value, output, lse, is_causal=False, scale=None):
    """One kernel for all three: a program has a whole head, and adds to the gradient of the queries in float32."""
    batch, heads, queries, dim = query.shape
    keys = key.shape[2]
    if grad_output.shape != query.shape or output.shape != query.shape or value.shape != key.shape or keys == 0:
        raise ValueError(grad_output.shape)
    if lse.shape != query.shape[:3] or key.shape[3] != dim or dim > 128:
        raise ValueError(lse.shape)

    @triton.jit
    def walk(
        q_ptr, k_ptr, v_ptr, g_ptr, o_ptr, lse_ptr, dq_ptr, dk_ptr, dv_ptr, L, S, D, scale,
        CAUSAL: tl.constexpr, R: tl.constexpr, W: tl.constexpr,
    ):  # fmt: skip
        h = tl.program_id(0)
        col = tl.arange(0, W)
        known = S
        if CAUSAL:
            known = tl.minimum(S, L)
        for s in range(0, S, R):
            place = s + tl.arange(0, R)
            there = (place[:, None] < known) & (col[None, :] < D)
            key_at = h * S * D + place[:, None] * D + col[None, :]
            k = tl.load(k_ptr + key_at, mask=there, other=0).to(tl.float32)
            v = tl.load(v_ptr + key_at, mask=there, other=0).to(tl.float32)
            dk = tl.zeros((R, W), tl.float32)
            dv = tl.zeros((R, W), tl.float32)
            for r in range(0, L, R):
                row = r + tl.arange(0, R)
                here = (row[:, None] < L) & (col[None, :] < D)
                at = h * L * D + row[:, None] * D + col[None, :]
                q = tl.load(q_ptr + at, mask=here, other=0).to(tl.float32)
                g = tl.load(g_ptr + at, mask=here, other=0).to(tl.float32)
                o = tl.load(o_ptr + at, mask=here, other=0).to(tl.float32)
                lse = tl.load(lse_ptr + h * L + row, mask=row < L, other=0)
                seen = (row[:, None] < L) & (place[None, :] < known)
                if CAUSAL:
                    seen = seen & (place[None, :] <= row[:, None])
                score = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
                share = tl.exp(tl.where(seen, score - lse[:, None], float("-inf")))
                pull = share * scale * (tl.dot(g, tl.trans(v), input_precision="ieee") - tl.sum(g * o, axis=1)[:, None])
                dv += tl.dot(tl.trans(share), g, input_precision="ieee")
                dk += tl.dot(tl.trans(pull), q, input_precision="ieee")
                tl.atomic_add(dq_ptr + at, tl.dot(pull, k, input_precision="ieee"), mask=here)
            there = (place[:, None] < S) & (col[None, :] < D)
            tl.store(dk_ptr + key_at, dk, mask=there)
            tl.store(dv_ptr + key_at, dv, mask=there)

    given = [t.contiguous() for t in (query, key, value, grad_output, output, lse)]
    grads = [torch.zeros_like(given[0], dtype=torch.float32), torch.zeros_like(given[1]), torch.zeros_like(given[2])]
    if batch * heads:
        scale = 1 / math.sqrt(dim) if scale is None else scale
        wide = max(16, triton.next_power_of_2(dim))
        walk[(batch * heads,)](*given, *grads, queries, keys, dim, scale, CAUSAL=is_causal, R=32, W=wide)
    return grads[0].to(query.dtype), grads[1], grads[2]
