"""What the judge runs of lab 8 besides the visible checks."""

import torch

from autograder.cases import case

SINGLE = [torch.float32]
HALVES = [torch.float16, torch.bfloat16]
ALL = [torch.float32, *HALVES]
# every step rounds the state and every output is a sum over it: some dozens of roundings of float32
MANY_STEPS = {"rtol": 1e-4, "atol": 1e-4}


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


def _views(draw, arguments):
    """The same numbers, none of them contiguous."""
    x, dt, a, b, c, d = arguments
    swapped = [t.transpose(0, 1).contiguous().transpose(0, 1) for t in (x, dt, b, c)]
    return [
        swapped[0],
        draw.strided(swapped[1]),
        a.mT.contiguous().mT,
        draw.strided(swapped[2]),
        swapped[3],
        draw.strided(d),
    ]


def _slowly_filling(draw, length):
    """Small steps, slow decay and no change of sign: the states grow token by token, each time by little."""
    x, dt, a, b, c, d = tokens(draw, 1, length, 3, 2)
    return [x.abs() + 0.5, dt / 200, a / 10, b.abs() + 0.5, c.abs() + 0.5, 0 * d]


def _beyond_half_precision(draw, length):
    """States of some 10⁵, which float16 cannot hold, and outputs that it can."""
    x, dt, a, b, c, d = tokens(draw, 1, length, 5, 3)
    return [x.abs() * 100 + 300, 0 * dt + 1, a / 20, b.abs() * 100 + 300, c.abs() / 1000, d]


# selective_scan


@case("selective_scan", agrees_with=_attention_form, dtypes=ALL, weight=2)
def sizes_around_a_block(selective_scan, draw):
    """块大小附近的各种尺寸"""
    return [selective_scan(*tokens(draw, *sizes)) for sizes in ((1, 2, 33, 5), (1, 2, 65, 1))]


@case("selective_scan", agrees_with=_attention_form, dtypes=SINGLE, weight=2)
def states_of_forty_and_more(selective_scan, draw):
    """四十维以上的状态"""
    return [selective_scan(*tokens(draw, *sizes)) for sizes in ((1, 3, 20, 40), (1, 2, 16, 64), (1, 2, 9, 128))]


@case("selective_scan", agrees_with=_attention_form, dtypes=SINGLE)
def every_sequence_begins_with_nothing(selective_scan, draw):
    """每个序列都从零开始"""
    return selective_scan(*tokens(draw, 5, 3, 3, 4))


@case("selective_scan", agrees_with=_attention_form, dtypes=SINGLE)
def every_part_alone(selective_scan, draw):
    """只有直接通路，或者只有状态"""
    x, dt, a, b, c, d = tokens(draw, 2, 5, 3, 2)
    return selective_scan(x, dt, a, b, 0 * c, d), selective_scan(x, dt, a, b, c, 0 * d)


@case("selective_scan", agrees_with=_attention_form, dtypes=SINGLE, weight=2, **MANY_STEPS)
def fifty_tokens_with_fast_and_slow_decay(selective_scan, draw):
    """五十个 token，衰减有快有慢"""
    x, dt, a, b, c, d = tokens(draw, 1, 50, 3, 4)
    a[0], a[1] = 20 * a[0], a[1] / 100
    return selective_scan(x, dt, a, b, c, d)


@case("selective_scan", agrees_with=_attention_form, dtypes=SINGLE)
def a_that_is_zero_or_turns_outward(selective_scan, draw):
    """a 为 0，或者为正"""
    x, dt, a, b, c, d = tokens(draw, 2, 5, 3, 4)
    a[:, 0], a[:, 1] = 0, 0.5
    return selective_scan(x, dt, a, b, c, d)


@case("selective_scan", agrees_with=_attention_form, dtypes=SINGLE)
def a_step_of_nearly_nothing_skips_a_token(selective_scan, draw):
    """步长接近 0 时跳过这个 token"""
    x, dt, a, b, c, d = tokens(draw, 2, 6, 3, 2)
    dt[:, 1:5:2] = 1e-6
    return selective_scan(x, dt, a, b, c, d)


@case("selective_scan", facet="numerics", agrees_with=_attention_form, dtypes=SINGLE)
def a_long_step_forgets_what_came_before(selective_scan, draw):
    """步长很大时忘掉之前的一切"""
    x, dt, a, b, c, d = tokens(draw, 2, 6, 3, 2)
    dt[:, 3] = 1000
    return selective_scan(x / 1000, dt, a, b, c, d)


@case("selective_scan", facet="numerics", agrees_with=_attention_form, dtypes=[torch.bfloat16], weight=2)
def a_state_that_fills_by_small_amounts(selective_scan, draw):
    """一点一点积累起来的状态"""
    return selective_scan(*_slowly_filling(draw, 40))


@case("selective_scan", facet="numerics", agrees_with=_attention_form, dtypes=[torch.float16], weight=2)
def states_that_float16_cannot_hold(selective_scan, draw):
    """float16 装不下的状态"""
    return selective_scan(*_beyond_half_precision(draw, 6))


@case("selective_scan", agrees_with=_attention_form, dtypes=HALVES)
def parameters_in_another_dtype_than_the_tokens(selective_scan, draw):
    """参数与 token 的 dtype 不同"""
    x, dt, a, b, c, d = tokens(draw, 2, 6, 5, 3)
    return selective_scan(x, dt.float(), a.float(), b, c, d.float())


@case("selective_scan", facet="interface", agrees_with=_attention_form, dtypes=SINGLE)
def tokens_that_are_not_contiguous(selective_scan, draw):
    """不连续的输入"""
    return selective_scan(*_views(draw, tokens(draw, 4, 5, 3, 2)))


@case("selective_scan", facet="interface", agrees_with=_attention_form, dtypes=SINGLE)
def one_of_everything_and_none(selective_scan, draw):
    """各维为一，以及零个 token、零个序列、零个通道"""
    sizes = ((1, 1, 1, 1), (1, 5, 1, 1), (2, 0, 3, 4), (0, 5, 3, 4), (2, 3, 0, 4))
    return [selective_scan(*tokens(draw, *size)) for size in sizes]


# chunked_selective_scan


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=SINGLE, weight=2)
def chunks_of_every_length(chunked_selective_scan, draw):
    """各种长度的分块"""
    arguments = tokens(draw, 1, 5, 3, 3)
    return [chunked_selective_scan(*arguments, chunk=chunk) for chunk in (1, 3, 1000)]


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=ALL, weight=2)
def chunks_and_blocks_that_are_not_full(chunked_selective_scan, draw):
    """没有填满的分块与通道块"""
    return chunked_selective_scan(*tokens(draw, 1, 3, 33, 3), chunk=2)


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=SINGLE)
def chunks_of_states_of_forty_and_more(chunked_selective_scan, draw):
    """四十维以上的状态，分块扫描"""
    return chunked_selective_scan(*tokens(draw, 1, 2, 17, 33), chunk=2)


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=SINGLE)
def every_sequence_has_states_of_its_own(chunked_selective_scan, draw):
    """每个序列有自己的状态"""
    return chunked_selective_scan(*tokens(draw, 3, 3, 3, 2), chunk=2)


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=SINGLE, weight=2, **MANY_STEPS)
def a_memory_over_many_chunks(chunked_selective_scan, draw):
    """跨过许多分块的记忆"""
    x, dt, a, b, c, d = tokens(draw, 1, 14, 3, 2)
    a[0], a[1] = 20 * a[0], a[1] / 100
    x[:, 4:] = x[:, 4:] / 10
    return chunked_selective_scan(x, dt, a, b, c, d, chunk=4)


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=SINGLE)
def only_the_first_token_is_not_zero(chunked_selective_scan, draw):
    """只有第一个 token 不为零"""
    x, dt, a, b, c, d = tokens(draw, 1, 6, 3, 2)
    x[:, 1:] = 0
    return chunked_selective_scan(x, dt / 4, a / 4, b, c, d, chunk=2)


@case("chunked_selective_scan", facet="numerics", agrees_with=_attention_form, dtypes=SINGLE)
def a_long_step_within_a_chunk_and_at_its_end(chunked_selective_scan, draw):
    """很长的一步，在分块之内，也在分块之末"""
    x, dt, a, b, c, d = tokens(draw, 1, 7, 3, 2)
    dt[:, 3], dt[:, 5] = 1000, 1000
    return chunked_selective_scan(x / 1000, dt, a, b, c, d, chunk=3)


@case("chunked_selective_scan", facet="numerics", agrees_with=_attention_form, dtypes=[torch.bfloat16], weight=2)
def states_that_fill_by_small_amounts_over_chunks(chunked_selective_scan, draw):
    """在许多分块上一点一点积累的状态"""
    return chunked_selective_scan(*_slowly_filling(draw, 24), chunk=4)


@case("chunked_selective_scan", facet="numerics", agrees_with=_attention_form, dtypes=[torch.float16], weight=2)
def states_between_chunks_that_float16_cannot_hold(chunked_selective_scan, draw):
    """分块之间 float16 装不下的状态"""
    return chunked_selective_scan(*_beyond_half_precision(draw, 4), chunk=2)


@case("chunked_selective_scan", facet="numerics", agrees_with=_attention_form, dtypes=[torch.bfloat16])
def what_is_left_of_a_loud_token_after_fast_decay(chunked_selective_scan, draw):
    """一个很大的 token 在快速衰减之后剩下的部分"""
    x, dt, a, b, c, d = tokens(draw, 1, 5, 32, 1)
    x[:, 0], x[:, 1:] = 10000 + 1000 * x[:, 0], 0
    return chunked_selective_scan(x, dt, 0 * a - 8, 0 * b + 1, 0 * c + 1, d, chunk=2)


@case("chunked_selective_scan", agrees_with=_attention_form, dtypes=[torch.bfloat16])
def chunks_with_parameters_in_another_dtype(chunked_selective_scan, draw):
    """分块扫描时参数与 token 的 dtype 不同"""
    x, dt, a, b, c, d = tokens(draw, 1, 4, 5, 3)
    return chunked_selective_scan(x, dt.float(), a.float(), b, c, d.float(), chunk=3)


@case("chunked_selective_scan", facet="interface", agrees_with=_attention_form, dtypes=SINGLE)
def chunks_of_tokens_that_are_not_contiguous(chunked_selective_scan, draw):
    """分块扫描不连续的输入"""
    return chunked_selective_scan(*_views(draw, tokens(draw, 2, 3, 4, 2)), chunk=2)


@case("chunked_selective_scan", facet="interface", agrees_with=_attention_form, dtypes=SINGLE)
def chunks_of_one_and_of_nothing(chunked_selective_scan, draw):
    """各维为一，以及空的输入，分块扫描"""
    sizes = ((1, 1, 1, 1), (1, 3, 1, 1), (2, 0, 3, 4), (0, 5, 3, 4), (2, 3, 0, 4))
    return [chunked_selective_scan(*tokens(draw, *size)) for size in sizes]


def _refused(exercise, index, shape, chinese, name):
    """A case with one argument of a shape that broadcasting would accept; x is (2, 4, 3), the state 5."""

    def driver(answer, draw):
        arguments = tokens(draw, 2, 4, 3, 5)
        arguments[index] = draw.uniform(*shape)
        return answer(*arguments)

    driver.__name__, driver.__doc__ = name, chinese
    return case(exercise, facet="interface", raises=ValueError, dtypes=SINGLE)(driver)


def _shapes_refused(exercise):
    return (
        _refused(exercise, 1, (2, 4, 1), "拒绝所有通道共用的一个 Δ", "one_step_for_all_channels_is_refused"),
        _refused(exercise, 2, (1, 5), "拒绝所有通道共用的 a", "one_a_for_all_channels_is_refused"),
        _refused(exercise, 3, (2, 4, 1), "拒绝只有一个分量的 B", "b_of_one_entry_is_refused"),
        _refused(exercise, 4, (1, 4, 5), "拒绝各序列共用的 C", "one_c_for_all_sequences_is_refused"),
        _refused(exercise, 5, (1,), "拒绝所有通道共用的 d", "one_d_for_all_channels_is_refused"),
    )


refused_dt, refused_a, refused_b, refused_c, refused_d = _shapes_refused("selective_scan")
refused_dt_2, refused_a_2, refused_b_2, refused_c_2, refused_d_2 = _shapes_refused("chunked_selective_scan")


@case("chunked_selective_scan", facet="interface", raises=ValueError, dtypes=SINGLE)
def chunks_of_no_tokens_are_refused(chunked_selective_scan, draw):
    """拒绝长度为零的分块"""
    return chunked_selective_scan(*tokens(draw, 2, 4, 3, 5), chunk=0)
