import math

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor


@triton.jit
def flash_kernel(
    query_ptr, key_ptr, value_ptr, out_ptr, lse_ptr,
    heads, queries, keys, dim, scale,
    q_batch, q_head, q_row, q_column, k_batch, k_head, k_row, k_column, v_batch, v_head, v_row, v_column,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    """out[l] = softmax over s of (scale · q[l]·k[s]), times v[s]; lse[l] = log Σ_s exp(scale · q[l]·k[s]).

    Program (p, h, b) has head h of batch b, and of it the ROWS queries from p · ROWS on. It walks over the keys,
    COLUMNS at a time, with a running maximum, a running sum and a running output of each query; nothing of the size
    queries × keys exists. Scores, sums and the output are float32; the weights take the values' dtype for their
    product with them.

    query_ptr, key_ptr, value_ptr: the first elements; *_batch, *_head, *_row, *_column say how many elements lie
        between two batches, heads, rows and columns.
    out_ptr: (batch · heads, queries, dim) with nothing in between; lse_ptr: (batch · heads, queries), float32.
    dim: how many columns there are; DIM is the power of two that holds them.
    """
    tile = tl.program_id(0)
    head = tl.program_id(1).to(tl.int64)
    batch = tl.program_id(2).to(tl.int64)
    row = tile * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, DIM)
    inside = column[None, :] < dim
    asked = (row[:, None] < queries) & inside
    q_at = query_ptr + batch * q_batch + head * q_head + row[:, None].to(tl.int64) * q_row
    q = tl.load(q_at + column[None, :] * q_column, mask=asked, other=0)
    k_at = key_ptr + batch * k_batch + head * k_head + column[None, :] * k_column
    v_at = value_ptr + batch * v_batch + head * v_head + column[None, :] * v_column
    largest = tl.full((ROWS,), float("-inf"), tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    out = tl.zeros((ROWS, DIM), tl.float32)
    for start in range(0, keys, COLUMNS):
        place = start + tl.arange(0, COLUMNS)
        held = (place[:, None] < keys) & inside
        k = tl.load(k_at + place[:, None].to(tl.int64) * k_row, mask=held, other=0)
        v = tl.load(v_at + place[:, None].to(tl.int64) * v_row, mask=held, other=0)
        score = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        score = tl.where(place[None, :] < keys, score, float("-inf"))
        larger = tl.maximum(largest, tl.max(score, axis=1))
        weight = tl.exp(score - larger[:, None])
        shrink = tl.exp(largest - larger)
        total = total * shrink + tl.sum(weight, axis=1)
        out = out * shrink[:, None] + tl.dot(weight.to(v.dtype), v, input_precision="ieee")
        largest = larger
    line = (batch * heads + head) * queries + row
    tl.store(out_ptr + line[:, None] * dim + column[None, :], out / total[:, None], mask=asked)
    tl.store(lse_ptr + line, largest + tl.log(total), mask=row < queries)


def flash_attention(
    query: Float[Tensor, "batch heads queries dim"],
    key: Float[Tensor, "batch heads keys dim"],
    value: Float[Tensor, "batch heads keys dim"],
    scale: float | None = None,
) -> tuple[Float[Tensor, "batch heads queries dim"], Float[Tensor, "batch heads queries"]]:
    """softmax(scale · Q Kᵀ) V without ever holding Q Kᵀ                                                 (13.1)

    Args:
        query, key, value: float32, float16 or bfloat16, of one dtype; dim at most 128; any strides. There is a key,
            but there may be no query.
        scale: what the scores are multiplied by; 1/√dim if not given.

    Returns:
        the output, of the dtype of `query`, and the log-sum-exp of each query's scores in float32, which the backward
        needs.

    Raises:
        ValueError: the shapes do not fit, there is no key, or dim is above 128.

    Source: Atlas 13.1; agrees with `torch.nn.functional.scaled_dot_product_attention`.
    """
    batch, heads, queries, dim = query.shape
    keys = key.shape[2]
    if key.shape != (batch, heads, keys, dim) or value.shape != key.shape or keys == 0 or dim > 128:
        raise ValueError(f"{tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)} do not fit")
    scale = 1 / math.sqrt(dim) if scale is None else scale
    out, lse = query.new_empty(query.shape), query.new_empty((batch, heads, queries), dtype=torch.float32)
    tile = 128 // query.element_size()
    programs = (triton.cdiv(queries, tile), heads, batch)
    if out.numel():
        flash_kernel[programs](
            query, key, value, out, lse, heads, queries, keys, dim, scale,
            *query.stride(), *key.stride(), *value.stride(),
            ROWS=tile, COLUMNS=32, DIM=max(16, triton.next_power_of_2(dim)),
        )  # fmt: skip
    return out, lse


@triton.jit
def causal_flash_kernel(
    query_ptr, key_ptr, value_ptr, out_ptr, lse_ptr,
    heads, queries, keys, dim, scale,
    q_batch, q_head, q_row, q_column, k_batch, k_head, k_row, k_column, v_batch, v_head, v_row, v_column,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    """As `flash_kernel`, but query l sees the keys s ≤ l alone, and tiles in which nobody sees anything are not read.

    A key that no query of the tile may see must not be read at all: not its number, not its NaN.

    The arguments are those of `flash_kernel`.
    """
    tile = tl.program_id(0)
    head = tl.program_id(1).to(tl.int64)
    batch = tl.program_id(2).to(tl.int64)
    row = tile * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, DIM)
    inside = column[None, :] < dim
    asked = (row[:, None] < queries) & inside
    q_at = query_ptr + batch * q_batch + head * q_head + row[:, None].to(tl.int64) * q_row
    q = tl.load(q_at + column[None, :] * q_column, mask=asked, other=0)
    k_at = key_ptr + batch * k_batch + head * k_head + column[None, :] * k_column
    v_at = value_ptr + batch * v_batch + head * v_head + column[None, :] * v_column
    largest = tl.full((ROWS,), float("-inf"), tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    out = tl.zeros((ROWS, DIM), tl.float32)
    seen = tl.minimum(keys, tl.minimum(queries, tile * ROWS + ROWS))
    for start in range(0, seen, COLUMNS):
        place = start + tl.arange(0, COLUMNS)
        held = (place[:, None] < seen) & inside
        k = tl.load(k_at + place[:, None].to(tl.int64) * k_row, mask=held, other=0)
        v = tl.load(v_at + place[:, None].to(tl.int64) * v_row, mask=held, other=0)
        score = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        score = tl.where((place[None, :] <= row[:, None]) & (place[None, :] < seen), score, float("-inf"))
        larger = tl.maximum(largest, tl.max(score, axis=1))
        weight = tl.exp(score - larger[:, None])
        shrink = tl.exp(largest - larger)
        total = total * shrink + tl.sum(weight, axis=1)
        out = out * shrink[:, None] + tl.dot(weight.to(v.dtype), v, input_precision="ieee")
        largest = larger
    line = (batch * heads + head) * queries + row
    tl.store(out_ptr + line[:, None] * dim + column[None, :], out / total[:, None], mask=asked)
    tl.store(lse_ptr + line, largest + tl.log(total), mask=row < queries)


def causal_flash_attention(
    query: Float[Tensor, "batch heads queries dim"],
    key: Float[Tensor, "batch heads keys dim"],
    value: Float[Tensor, "batch heads keys dim"],
    scale: float | None = None,
) -> tuple[Float[Tensor, "batch heads queries dim"], Float[Tensor, "batch heads queries"]]:
    """Attention in which query l sees the keys s ≤ l, counted from the top left                         (13.1)

    Half of the tiles lie above the diagonal, and those are skipped.

    Args, returns, raises: as `flash_attention`.

    Source: Atlas 13.1; agrees with `torch.nn.functional.scaled_dot_product_attention(…, is_causal=True)`.
    """
    batch, heads, queries, dim = query.shape
    keys = key.shape[2]
    if key.shape != (batch, heads, keys, dim) or value.shape != key.shape or keys == 0 or dim > 128:
        raise ValueError(f"{tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)} do not fit")
    scale = 1 / math.sqrt(dim) if scale is None else scale
    out, lse = query.new_empty(query.shape), query.new_empty((batch, heads, queries), dtype=torch.float32)
    tile = 128 // query.element_size()
    programs = (triton.cdiv(queries, tile), heads, batch)
    if out.numel():
        causal_flash_kernel[programs](
            query, key, value, out, lse, heads, queries, keys, dim, scale,
            *query.stride(), *key.stride(), *value.stride(),
            ROWS=tile, COLUMNS=32, DIM=max(16, triton.next_power_of_2(dim)),
        )  # fmt: skip
    return out, lse


@triton.jit
def delta_kernel(out_ptr, grad_ptr, delta_ptr, rows, dim, ROWS: tl.constexpr, DIM: tl.constexpr):
    """delta[r] = Σ_j out[r, j] · grad[r, j] in float32, for the ROWS rows r from p · ROWS on of program p.

    out_ptr, grad_ptr: (rows, dim) with nothing in between; delta_ptr: (rows,), float32.
    """
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, DIM)
    inside = (row[:, None] < rows) & (column[None, :] < dim)
    place = row[:, None].to(tl.int64) * dim + column[None, :]
    product = tl.load(out_ptr + place, mask=inside).to(tl.float32) * tl.load(grad_ptr + place, mask=inside)
    tl.store(delta_ptr + row, tl.sum(tl.where(inside, product, 0), axis=1), mask=row < rows)


@triton.jit
def key_value_kernel(
    query_ptr, key_ptr, value_ptr, grad_ptr, lse_ptr, delta_ptr, grad_key_ptr, grad_value_ptr,
    queries, keys, dim, scale,
    CAUSAL: tl.constexpr, BLOCK: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    """The gradients of BLOCK keys and values, summed over all queries that see them.

    Program (p, h) has the keys from p · BLOCK on of head h, and walks over the queries, BLOCK at a time. With
    P[l, s] = exp(scale · q[l]·k[s] − lse[l]), which is 0 where l does not see s, and g the gradient of the output,

        grad_value[s] = Σ_l P[l, s] g[l]        grad_key[s] = scale · Σ_l P[l, s] (g[l]·v[s] − delta[l]) q[l]

    Sums are float32; P and what stands beside it take the dtype of the tensors for their products.

    With CAUSAL query l sees the keys s ≤ l, and those behind the last query, which nobody sees, must not be read.

    All tensors have nothing between their rows: (heads, queries or keys, dim), lse_ptr and delta_ptr (heads, queries).
    """
    where = tl.program_id(1).to(tl.int64)
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, DIM)
    inside = column[None, :] < dim
    first = 0
    seen = keys
    if CAUSAL:
        first = tl.program_id(0) * BLOCK
        seen = tl.minimum(keys, queries)
    held = (place[:, None] < seen) & inside
    at = where * keys * dim + place[:, None] * dim + column[None, :]
    k = tl.load(key_ptr + at, mask=held, other=0)
    v = tl.load(value_ptr + at, mask=held, other=0)
    grad_key = tl.zeros((BLOCK, DIM), tl.float32)
    grad_value = tl.zeros((BLOCK, DIM), tl.float32)
    for start in range(first, queries, BLOCK):
        row = start + tl.arange(0, BLOCK)
        asked = (row[:, None] < queries) & inside
        line = where * queries + row
        q = tl.load(query_ptr + line[:, None] * dim + column[None, :], mask=asked, other=0)
        grad = tl.load(grad_ptr + line[:, None] * dim + column[None, :], mask=asked, other=0)
        lse = tl.load(lse_ptr + line, mask=row < queries, other=float("inf"))
        delta = tl.load(delta_ptr + line, mask=row < queries, other=0)
        score = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        weight = tl.exp(score - lse[:, None])
        if CAUSAL:
            weight = tl.where(place[None, :] <= row[:, None], weight, 0.0)
        pull = weight * (tl.dot(grad, tl.trans(v), input_precision="ieee") - delta[:, None])
        grad_value += tl.dot(tl.trans(weight).to(grad.dtype), grad, input_precision="ieee")
        grad_key += tl.dot(tl.trans(pull).to(q.dtype), q, input_precision="ieee")
    there = (place[:, None] < keys) & inside
    tl.store(grad_key_ptr + at, grad_key * scale, mask=there)
    tl.store(grad_value_ptr + at, grad_value, mask=there)


@triton.jit
def query_kernel(
    query_ptr, key_ptr, value_ptr, grad_ptr, lse_ptr, delta_ptr, grad_query_ptr,
    queries, keys, dim, scale,
    CAUSAL: tl.constexpr, BLOCK: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    """The gradients of BLOCK queries, summed over all keys that they see.

    Program (p, h) has the queries from p · BLOCK on of head h, and walks over the keys, BLOCK at a time:

        grad_query[l] = scale · Σ_s P[l, s] (g[l]·v[s] − delta[l]) k[s]

    with P, g and the layout of `key_value_kernel`.
    """
    where = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column = tl.arange(0, DIM)
    inside = column[None, :] < dim
    asked = (row[:, None] < queries) & inside
    line = where * queries + row
    at = line[:, None] * dim + column[None, :]
    q = tl.load(query_ptr + at, mask=asked, other=0)
    grad = tl.load(grad_ptr + at, mask=asked, other=0)
    lse = tl.load(lse_ptr + line, mask=row < queries)
    delta = tl.load(delta_ptr + line, mask=row < queries)
    grad_query = tl.zeros((BLOCK, DIM), tl.float32)
    seen = keys
    if CAUSAL:
        seen = tl.minimum(keys, tl.minimum(queries, tl.program_id(0) * BLOCK + BLOCK))
    for start in range(0, seen, BLOCK):
        place = start + tl.arange(0, BLOCK)
        held = (place[:, None] < seen) & inside
        there = where * keys * dim + place[:, None] * dim + column[None, :]
        k = tl.load(key_ptr + there, mask=held, other=0)
        v = tl.load(value_ptr + there, mask=held, other=0)
        score = tl.dot(q, tl.trans(k), input_precision="ieee") * scale
        weight = tl.where(place[None, :] < seen, tl.exp(score - lse[:, None]), 0.0)
        if CAUSAL:
            weight = tl.where(place[None, :] <= row[:, None], weight, 0.0)
        pull = weight * (tl.dot(grad, tl.trans(v), input_precision="ieee") - delta[:, None])
        grad_query += tl.dot(pull.to(k.dtype), k, input_precision="ieee")
    tl.store(grad_query_ptr + at, grad_query * scale, mask=asked)


def flash_attention_backward(
    grad_output: Float[Tensor, "batch heads queries dim"],
    query: Float[Tensor, "batch heads queries dim"],
    key: Float[Tensor, "batch heads keys dim"],
    value: Float[Tensor, "batch heads keys dim"],
    output: Float[Tensor, "batch heads queries dim"],
    lse: Float[Tensor, "batch heads queries"],
    is_causal: bool = False,
    scale: float | None = None,
) -> tuple[
    Float[Tensor, "batch heads queries dim"],
    Float[Tensor, "batch heads keys dim"],
    Float[Tensor, "batch heads keys dim"],
]:
    """The gradients of flash attention; the weights are calculated anew from the saved log-sum-exp      (13.1)

    Args:
        grad_output: the gradient of the output, of its shape and dtype.
        query, key, value, is_causal, scale: what the forward was called with.
        output, lse: what it returned. All tensors with any strides.

    Returns:
        the gradients of query, key and value, each of the dtype of its tensor.

    Raises:
        ValueError: the shapes do not fit, there is no key, or dim is above 128.

    Source: Atlas 13.1; agrees with autograd through `torch.nn.functional.scaled_dot_product_attention`.
    """
    batch, heads, queries, dim = query.shape
    keys = key.shape[2]
    shapes = key.shape != (batch, heads, keys, dim) or value.shape != key.shape or lse.shape != query.shape[:3]
    if shapes or grad_output.shape != query.shape or output.shape != query.shape or keys == 0 or dim > 128:
        raise ValueError(f"{tuple(grad_output.shape)}, {tuple(query.shape)} and {tuple(key.shape)} do not fit")
    scale = 1 / math.sqrt(dim) if scale is None else scale
    query, key, value, grad_output = (t.contiguous() for t in (query, key, value, grad_output))
    output, lse = output.contiguous(), lse.contiguous()
    delta = torch.empty_like(lse)
    grad_query, grad_key, grad_value = torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
    blocks = {"BLOCK": 32, "DIM": max(16, triton.next_power_of_2(dim))}
    if query.numel():
        delta_kernel[(triton.cdiv(lse.numel(), 32),)](
            output, grad_output, delta, lse.numel(), dim, ROWS=32, DIM=blocks["DIM"]
        )
        query_kernel[(triton.cdiv(queries, 32), batch * heads)](
            query, key, value, grad_output, lse, delta, grad_query, queries, keys, dim, scale, is_causal, **blocks
        )
    if key.numel():
        key_value_kernel[(triton.cdiv(keys, 32), batch * heads)](
            query, key, value, grad_output, lse, delta, grad_key, grad_value,
            queries, keys, dim, scale, is_causal, **blocks,
        )  # fmt: skip
    return grad_query, grad_key, grad_value
