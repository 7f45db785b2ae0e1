"""What a student sees of lab 7."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case

BUILTIN = ("scaled_dot_product_attention", "flash_attention", "multi_head_attention", "attention")
RULES = {
    "flash_attention": Rules(forbids=BUILTIN),
    "causal_flash_attention": Rules(forbids=BUILTIN),
    "flash_attention_backward": Rules(forbids=(*BUILTIN, "backward", "grad", "vjp")),
}


def _attention(query, key, value, scale=None, causal=False):
    q, k, v = query.double(), key.double(), value.double()
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), float("-inf"))
    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale)
    return out.to(query.dtype), scores.logsumexp(-1).float()


def _causal(query, key, value, scale=None):
    return _attention(query, key, value, scale, causal=True)


def _backward(grad_output, query, key, value, output, lse, is_causal=False, scale=None):
    given = [t.double().detach().requires_grad_() for t in (query, key, value)]
    with torch.enable_grad():
        out = F.scaled_dot_product_attention(*given, is_causal=is_causal, scale=scale)
    found = torch.autograd.grad(out, given, grad_output.double())
    return tuple(g.to(t.dtype) for g, t in zip(found, (query, key, value), strict=True))


def _saved(query, key, value, causal=False):
    """What the forward keeps, from the formula."""
    return _attention(query, key, value, causal=causal)


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32])
def one_tile_of_queries_and_one_of_keys(flash_attention, draw):
    """一块查询，一块键"""
    return flash_attention(draw.normal(1, 1, 64, 16), draw.normal(1, 1, 32, 16), draw.normal(1, 1, 32, 16))


@case("flash_attention", agrees_with=_attention, dtypes=[torch.float32])
def several_tiles_the_last_not_full(flash_attention, draw):
    """好几块，最后一块没有填满"""
    return flash_attention(draw.normal(1, 2, 70, 16), draw.normal(1, 2, 75, 16), draw.normal(1, 2, 75, 16))


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32])
def a_triangle(causal_flash_attention, draw):
    """一个三角形"""
    return causal_flash_attention(*(draw.normal(1, 1, 48, 16) for _ in range(3)))


@case("causal_flash_attention", agrees_with=_causal, dtypes=[torch.float32])
def two_rows_of_tiles(causal_flash_attention, draw):
    """两行分块"""
    return causal_flash_attention(*(draw.normal(1, 2, 80, 16) for _ in range(3)))


@case("flash_attention_backward", agrees_with=_backward, dtypes=[torch.float32])
def gradients_of_one_tile(flash_attention_backward, draw):
    """一块之内的梯度"""
    q, k, v = (draw.normal(1, 1, 32, 16) for _ in range(3))
    return flash_attention_backward(draw.normal(1, 1, 32, 16), q, k, v, *_saved(q, k, v))


@case("flash_attention_backward", agrees_with=_backward, dtypes=[torch.float32])
def gradients_over_several_tiles(flash_attention_backward, draw):
    """好几块之间的梯度"""
    q, k, v = draw.normal(1, 2, 40, 16), draw.normal(1, 2, 50, 16), draw.normal(1, 2, 50, 16)
    return flash_attention_backward(draw.normal(1, 2, 40, 16), q, k, v, *_saved(q, k, v))
