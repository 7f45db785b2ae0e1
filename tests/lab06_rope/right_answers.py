"""Right answers of lab 6 that are unlike the reference."""

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("apply_rope")
def a_program_for_every_head(q, k, cos, sin):
    """Even and odd features are two loads, and the heads of q and k one axis of the grid; 16 tokens at a time."""
    if q.shape[3] % 2 or (k.shape[0], *k.shape[2:]) != (q.shape[0], *q.shape[2:]):
        raise ValueError("q and k")
    if not cos.shape == sin.shape == (q.shape[2], q.shape[3] // 2):
        raise ValueError("cos and sin")

    @triton.jit
    def head(q_ptr, k_ptr, cos_ptr, sin_ptr, heads, length, pairs, b0, b1, b2, b3, k0, k1, k2, k3, BLOCK: tl.constexpr):
        head, batch = tl.program_id(0), tl.program_id(1)
        pair = tl.arange(0, BLOCK)[None, :]
        if head < heads:
            row, down, right = q_ptr + batch * b0 + head * b1, b2, b3
        else:
            row, down, right = k_ptr + batch * k0 + (head - heads) * k1, k2, k3
        for begin in range(0, length, 16):
            token = begin + tl.arange(0, 16)[:, None]
            here = (token < length) & (pair < pairs)
            cos = tl.load(cos_ptr + token * pairs + pair, mask=here, other=0).to(tl.float32)
            sin = tl.load(sin_ptr + token * pairs + pair, mask=here, other=0).to(tl.float32)
            first = row + token * down + 2 * pair * right
            a = tl.load(first, mask=here, other=0).to(tl.float32)
            b = tl.load(first + right, mask=here, other=0).to(tl.float32)
            tl.store(first, a * cos - b * sin, mask=here)
            tl.store(first + right, b * cos + a * sin, mask=here)

    batch, heads, length, dim = q.shape
    sizes = heads, length, dim // 2
    block = triton.next_power_of_2(dim // 2)
    tables = cos.contiguous(), sin.contiguous()
    head[(heads + k.shape[1], batch)](q, k, *tables, *sizes, *q.stride(), *k.stride(), BLOCK=block)
    return q, k


@right("apply_rope")
def plain_torch(q, k, cos, sin):
    """Right, only slow: several passes and as many temporary tensors."""
    if q.shape[0] != k.shape[0] or q.shape[2:] != k.shape[2:] or q.shape[-1] % 2:
        raise ValueError("q and k")
    if cos.shape != (q.shape[2], q.shape[3] // 2) or sin.shape != cos.shape:
        raise ValueError("cos and sin")
    cos, sin = cos.float(), sin.float()
    for x in (q, k):
        even, odd = x[..., 0::2].float(), x[..., 1::2].float()
        x.copy_(torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2))
    return q, k
