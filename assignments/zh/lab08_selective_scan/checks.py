"""What a student sees of lab 8."""

import torch

from autograder.cases import Rules, case

RULES = {
    "selective_scan": Rules(forbids=("selective_scan_fn", "selective_scan_ref")),
    "chunked_selective_scan": Rules(forbids=("selective_scan_fn", "selective_scan_ref")),
}


def _attention_form(x, dt, a, b, c, d, chunk=0):
    """Without a state: y_t = Σ_{s≤t} Σ_n C_tn exp(a_n Σ_{s<r≤t} Δ_r) B_sn Δ_s x_s + d x_t, in float64."""
    x64, dt64, a64, b64, c64, d64 = (t.double() for t in (x, dt, a, b, c, d))
    clock = dt64.cumsum(1)
    heard = torch.ones(x.shape[1], x.shape[1], device=x.device).tril().double()[:, :, None]
    elapsed = (clock[:, :, None] - clock[:, None]) * heard
    weights = torch.einsum("btn,btscn,bsn->btsc", c64, torch.exp(elapsed[..., None] * a64), b64) * heard
    return (torch.einsum("btsc,bsc->btc", weights, dt64 * x64) + d64 * x64).to(x.dtype)


def tokens(draw, batch, length, channels, state):
    """Arguments of a selective scan."""
    x, dt = draw.normal(batch, length, channels), draw.uniform(batch, length, channels, low=0.05, high=1)
    a = -draw.uniform(channels, state, low=0.1, high=2)
    return [x, dt, a, draw.normal(batch, length, state), draw.normal(batch, length, state), draw.normal(channels)]


@case("selective_scan", agrees_with=_attention_form, dtypes=[torch.float32])
def two_short_sequences(selective_scan, draw):
    """两个短序列"""
    return selective_scan(*tokens(draw, 2, 5, 32, 4))


@case("selective_scan", agrees_with=_attention_form, dtypes=[torch.float32])
def channels_and_states_that_fill_no_block(selective_scan, draw):
    """填不满块的通道与状态"""
    return selective_scan(*tokens(draw, 1, 4, 35, 5))


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=[torch.float32])
def three_full_chunks(chunked_selective_scan, draw):
    """三个完整的分块"""
    return chunked_selective_scan(*tokens(draw, 2, 6, 32, 4), chunk=2)


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=[torch.float32])
def a_last_chunk_that_is_not_full(chunked_selective_scan, draw):
    """最后一个分块没有填满"""
    return chunked_selective_scan(*tokens(draw, 1, 7, 35, 5), chunk=3)
