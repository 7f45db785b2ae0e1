"""Right answers of lab 8 that are unlike the reference."""

import torch
import triton
import triton.language as tl

from autograder.cases import right


@right("selective_scan")
def three_programs_walk_over_rows_of_states(x, dt, a, b, c, d):
    """Three programs, each of which takes every third block; a tile has a row a channel; 2^ in place of e^."""
    (batch, length, channels), state = x.shape, a.shape[1]
    if dt.shape != x.shape or a.shape[0] != channels or d.shape != (channels,):
        raise ValueError("Δ, a or d has another number of channels")
    if b.shape != (batch, length, state) or c.shape != b.shape:
        raise ValueError("B or C does not fit")

    @triton.jit
    def walk(
        x_ptr,
        dt_ptr,
        a_ptr,
        b_ptr,
        c_ptr,
        d_ptr,
        y_ptr,
        jobs,
        blocks,
        length,
        channels,
        N: tl.constexpr,
        ROWS: tl.constexpr,
        WIDE: tl.constexpr,
    ):
        row, n = tl.arange(0, ROWS)[:, None], tl.arange(0, WIDE)[None, :]
        for job in range(tl.program_id(0), jobs, 3):
            channel = job % blocks * ROWS + row
            there = channel < channels
            rate = tl.load(a_ptr + channel * N + n, mask=there & (n < N), other=0).to(tl.float32) * 1.4426950408889634
            direct = tl.load(d_ptr + channel, mask=there, other=0).to(tl.float32)
            state = tl.zeros((ROWS, WIDE), tl.float32)
            token = (job // blocks).to(tl.int64) * length
            for _ in range(length):
                step = tl.load(dt_ptr + token * channels + channel, mask=there, other=0).to(tl.float32)
                value = tl.load(x_ptr + token * channels + channel, mask=there, other=0).to(tl.float32)
                write = tl.load(b_ptr + token * N + n, mask=n < N, other=0).to(tl.float32)
                read = tl.load(c_ptr + token * N + n, mask=n < N, other=0).to(tl.float32)
                state = tl.fma(state, tl.exp2(rate * step), value * step * write)
                y = tl.sum(state * read, axis=1, keep_dims=True) + direct * value
                tl.store(y_ptr + token * channels + channel, y, mask=there)
                token += 1

    x, dt, a, b, c, d = [t.contiguous() for t in (x, dt, a, b, c, d)]
    y = torch.empty_like(x)
    blocks = triton.cdiv(channels, 16)
    if y.numel():
        wide = triton.next_power_of_2(state)
        walk[(3,)](x, dt, a, b, c, d, y, batch * blocks, blocks, length, channels, N=state, ROWS=16, WIDE=wide)
    return y


@right("selective_scan")
def a_loop_in_torch(x, dt, a, b, c, d):
    """The recurrence as it stands, in float32 and channel by state; slow, but right."""
    batch, length, channels = x.shape
    if dt.shape != x.shape or a.shape[:-1] != (channels,) or d.shape != (channels,):
        raise ValueError("Δ, a or d has another number of channels")
    if b.shape != (batch, length, a.shape[1]) or c.shape != b.shape:
        raise ValueError("B or C does not fit")
    moved = [t.float() for t in (x, dt, b, c)]
    state, outputs = torch.zeros(batch, channels, a.shape[1], device=x.device), [torch.empty_like(x[:, :0]).float()]
    for token, step, write, read in zip(*(t.unbind(1) for t in moved), strict=True):
        state = state * torch.exp(step[:, :, None] * a.float()) + torch.einsum("bc,bn->bcn", step * token, write)
        outputs.append((torch.einsum("bcn,bn->bc", state, read) + d.float() * token)[:, None])
    return torch.cat(outputs, dim=1).to(x.dtype)


@right("chunked_selective_scan")
def outputs_of_zero_are_corrected_afterwards(x, dt, a, b, c, d, chunk=128):
    """No second scan: the first kernel writes the outputs that begin with nothing, the second adds what was before."""
    (batch, length, channels), n_states = x.shape, a.shape[1]
    if dt.shape != x.shape or a.shape[0] != channels or d.shape != (channels,):
        raise ValueError("Δ, a or d has another number of channels")
    if b.shape != (batch, length, n_states) or c.shape != b.shape:
        raise ValueError("B or C does not fit")
    if chunk <= 0:
        raise ValueError("a chunk needs tokens")

    @triton.jit
    def alone(
        x_ptr,
        dt_ptr,
        a_ptr,
        b_ptr,
        c_ptr,
        d_ptr,
        out_ptr,
        last_ptr,
        length,
        channels,
        chunk,
        N: tl.constexpr,
        ROWS: tl.constexpr,
        WIDE: tl.constexpr,
    ):
        channel, n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None], tl.arange(0, WIDE)[None, :]
        there, number = channel < channels, tl.program_id(2) * tl.num_programs(1) + tl.program_id(1)
        rate = tl.load(a_ptr + channel * N + n, mask=there & (n < N), other=0)
        direct = tl.load(d_ptr + channel, mask=there, other=0)
        state = tl.zeros((ROWS, WIDE), tl.float32)
        start = tl.program_id(1) * chunk
        for t in range(start, tl.minimum(start + chunk, length)):
            token = tl.program_id(2) * length + t
            step = tl.load(dt_ptr + token * channels + channel, mask=there, other=0)
            value = tl.load(x_ptr + token * channels + channel, mask=there, other=0)
            state = state * tl.exp(rate * step) + step * value * tl.load(b_ptr + token * N + n, mask=n < N, other=0)
            read = tl.load(c_ptr + token * N + n, mask=n < N, other=0)
            y = tl.sum(state * read, axis=1, keep_dims=True)
            tl.store(out_ptr + token * channels + channel, y + direct * value, mask=there)
        tl.store(last_ptr + (number * channels + channel) * N + n, state, mask=there & (n < N))

    @triton.jit
    def correct(
        dt_ptr,
        a_ptr,
        c_ptr,
        last_ptr,
        out_ptr,
        length,
        channels,
        chunk,
        chunks,
        N: tl.constexpr,
        ROWS: tl.constexpr,
        WIDE: tl.constexpr,
    ):
        channel, n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None], tl.arange(0, WIDE)[None, :]
        there = channel < channels
        rate = tl.load(a_ptr + channel * N + n, mask=there & (n < N), other=0)
        carried = tl.zeros((ROWS, WIDE), tl.float32)
        for k in range(chunks):
            for t in range(k * chunk, tl.minimum(k * chunk + chunk, length)):
                token = tl.program_id(1) * length + t
                carried *= tl.exp(rate * tl.load(dt_ptr + token * channels + channel, mask=there, other=0))
                place = out_ptr + token * channels + channel
                read = tl.load(c_ptr + token * N + n, mask=n < N, other=0)
                more = tl.sum(carried * read, axis=1, keep_dims=True)
                tl.store(place, tl.load(place, mask=there, other=0) + more, mask=there)
            number = tl.program_id(1) * chunks + k
            carried += tl.load(last_ptr + (number * channels + channel) * N + n, mask=there & (n < N), other=0)

    x32, dt, a, b, c, d = [t.float().contiguous() for t in (x, dt, a, b, c, d)]
    chunks, blocks = triton.cdiv(length, chunk), triton.cdiv(channels, 16)
    out, last = torch.empty_like(x32), x32.new_empty(batch, chunks, channels, n_states)
    if out.numel():
        tile = {"N": n_states, "ROWS": 16, "WIDE": triton.next_power_of_2(n_states)}
        alone[blocks, chunks, batch](x32, dt, a, b, c, d, out, last, length, channels, chunk, **tile)
        correct[blocks, batch](dt, a, c, last, out, length, channels, chunk, chunks, **tile)
    return out.to(x.dtype)


@right("chunked_selective_scan")
def an_associative_scan_in_torch(x, dt, a, b, c, d, chunk=128):
    """All states at once by doubling, in plain torch: as many rounds as the length has binary digits."""
    batch, length, channels = x.shape
    if dt.shape != x.shape or a.shape[:-1] != (channels,) or d.shape != (channels,):
        raise ValueError("Δ, a or d has another number of channels")
    if b.shape != (batch, length, a.shape[1]) or c.shape != b.shape:
        raise ValueError("B or C does not fit")
    if not chunk > 0:
        raise ValueError(chunk)
    x32, dt32, b32, c32 = (t.float() for t in (x, dt, b, c))
    gates = torch.exp(dt32[..., None] * a.float())
    states = (dt32 * x32)[..., None] * b32[:, :, None, :]
    distance = 1
    while distance < length:
        states = torch.cat(
            [states[:, :distance], states[:, distance:] + gates[:, distance:] * states[:, :-distance]], 1
        )
        gates = torch.cat([gates[:, :distance], gates[:, distance:] * gates[:, :-distance]], 1)
        distance *= 2
    return (torch.einsum("blcn,bln->blc", states, c32) + d.float() * x32).to(x.dtype)
