"""On what lab 8 is timed where there is a GPU."""

import torch

from autograder.workloads import workload


def _loop(x, dt, a, b, c, d):
    """Chapter 16's scan: one step after the other, some launches each."""
    state, y = torch.zeros(x.shape[0], *a.shape, device=x.device), d * x
    for t in range(x.shape[1]):
        step = dt[:, t, :, None]
        state = torch.exp(step * a) * state + step * x[:, t, :, None] * b[:, t, None, :]
        y[:, t] += (state @ c[:, t, :, None]).squeeze(-1)
    return y


def _states_in_memory(x, dt, a, b, c, d):
    """All gates and all states as tensors of their own, length × state of them a channel."""
    gates = torch.exp(dt[..., None] * a)
    states = (dt * x)[..., None] * b[:, :, None, :]
    for t in range(1, x.shape[1]):
        states[:, t] += gates[:, t] * states[:, t - 1]
    return torch.einsum("blcn,bln->blc", states, c) + d * x


def _associative_scan(x, dt, a, b, c, d):
    """Chapter 16's scan in log₂ L rounds over tensors of all gates and states."""
    gates, states = torch.exp(dt[..., None] * a), (dt * x)[..., None] * b[:, :, None, :]
    step = 1
    while step < x.shape[1]:
        states = torch.cat([states[:, :step], gates[:, step:] * states[:, :-step] + states[:, step:]], dim=1)
        gates = torch.cat([gates[:, :step], gates[:, step:] * gates[:, :-step]], dim=1)
        step *= 2
    return torch.einsum("blcn,bln->blc", states, c) + d * x


def _traffic(x, dt, a, b, c, d):
    return x.nbytes + dt.nbytes + x.nbytes + b.nbytes + c.nbytes


def _tokens(draw, batch, length, channels, state):
    """As Mamba begins its training: Δ from 0.001 to 0.1, a = −1, …, −N."""
    x, dt = draw.normal(batch, length, channels), draw.magnitudes(batch, length, channels, low=1e-3, high=0.1)
    a = -torch.arange(1, state + 1, dtype=draw.dtype).repeat(channels, 1)
    return x, dt, a, draw.normal(batch, length, state), draw.normal(batch, length, state), draw.normal(channels)


# the slowest states add up a thousand tokens, in another order and with another exponential than torch's
@workload(
    "selective_scan",
    builtin=_loop,
    naive=_states_in_memory,
    sizes=(128, 512, 2048),
    dtype=torch.float32,
    bytes_moved=_traffic,
    rtol=1e-4,
    atol=1e-4,
)
def eight_sequences_of_a_thousand_channels(draw, length):
    """八个序列，1024 个通道，状态 16 维"""
    return _tokens(draw, 8, length, 1024, 16)


@workload(
    "chunked_selective_scan",
    builtin=_associative_scan,
    naive=_loop,
    sizes=(2048, 8192, 32768),
    dtype=torch.float32,
    bytes_moved=_traffic,
    rtol=1e-4,
    atol=1e-4,
)
def one_long_sequence_of_few_channels(draw, length):
    """一个长序列，256 个通道，状态 16 维"""
    return _tokens(draw, 1, length, 256, 16)
