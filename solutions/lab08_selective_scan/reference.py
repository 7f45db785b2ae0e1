import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor


@triton.jit
def selective_scan_kernel(
    x_ptr,
    dt_ptr,
    a_ptr,
    b_ptr,
    c_ptr,
    d_ptr,
    y_ptr,
    length,
    channels,
    STATE: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Carry the states of BLOCK channels of one sequence through all its tokens, and write y at every token.

    Program (s, q) has sequence s and the channels from q · BLOCK on; those that are not below `channels` do not exist.
    The states lie in one float32 tile of PADDED × BLOCK, one column a channel, which never goes to memory; all
    arithmetic is done in float32, and y is rounded once. PADDED is a power of two, of which the first STATE entries
    are the state; the others do not exist. The number of tokens of the whole batch may be so large that the place of
    an element does not fit into 32 bits.

    x_ptr, dt_ptr, y_ptr: tables of batch · length rows, one a token, and `channels` columns; sequence s begins in row
        s · length. Nothing lies between two rows.
    a_ptr: a table of STATE rows and `channels` columns: `a` lies there transposed.
    b_ptr, c_ptr: tables of batch · length rows and STATE columns.
    d_ptr: `channels` numbers.
    """
    begin = tl.program_id(0).to(tl.int64) * length
    # not several neighbours a thread: then a thread has whole columns of the tile, and sums them alone
    channel = tl.max_contiguous(tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), 1)
    n = tl.arange(0, PADDED)
    exists, real = channel < channels, n < STATE
    a = tl.load(a_ptr + n[:, None] * channels + channel[None, :], mask=exists[None, :] & real[:, None]).to(tl.float32)
    d = tl.load(d_ptr + channel, mask=exists).to(tl.float32)
    h = tl.zeros((PADDED, BLOCK), tl.float32)
    for t in tl.range(length, num_stages=4):
        place = (begin + t) * channels + channel
        x = tl.load(x_ptr + place, mask=exists).to(tl.float32)
        dt = tl.load(dt_ptr + place, mask=exists).to(tl.float32)
        b = tl.load(b_ptr + (begin + t) * STATE + n, mask=real).to(tl.float32)
        c = tl.load(c_ptr + (begin + t) * STATE + n, mask=real).to(tl.float32)
        h = tl.exp(a * dt[None, :]) * h + b[:, None] * (dt * x)[None, :]
        y = tl.sum(tl.where(real[:, None], h * c[:, None], 0.0), axis=0)
        tl.store(y_ptr + place, y + d * x, mask=exists)


def selective_scan(
    x: Float[Tensor, "batch length channels"],
    dt: Float[Tensor, "batch length channels"],
    a: Float[Tensor, "channels state"],
    b: Float[Tensor, "batch length state"],
    c: Float[Tensor, "batch length state"],
    d: Float[Tensor, "channels"],
) -> Float[Tensor, "batch length channels"]:
    """Mamba's layer in one pass over the tokens, with the states in registers from the first token to the last.

    h_t = exp(Δ_t a) ⊙ h_{t−1} + Δ_t B_t x_t,   h = 0 before the first token        (16.9)
    y_t = ⟨C_t, h_t⟩ + d x_t                                                        (16.2)

    for every sequence and channel by itself: Δ_t, x_t, d are numbers, a, B_t, C_t and h_t have N = state entries.

    Args:
        x: the tokens, float32, float16 or bfloat16; contiguous or not, like all that follow, which may have another
            dtype than `x`. Batch, length and channels may be 0.
        dt: Δ, positive, one a token and channel.
        a: the diagonals of A, one row a channel; the state has at least one entry.
        b, c: B and C, shared by the channels.
        d: the weight of the direct path.

    Returns:
        y, a new tensor of the shape and dtype of `x`. There is no tensor of states.

    Raises:
        ValueError: a shape is not the one given above; nothing is broadcast.

    Source: Atlas 16.7–16.9 and 16.2, as chapter 16; the hardware-aware scan of Mamba, arXiv:2312.00752.
    """
    batch, length, channels = x.shape
    state = a.shape[1]
    shapes = [tuple(t.shape) for t in (dt, a, b, c, d)]
    if shapes != [(*x.shape,), (channels, state), (batch, length, state), (batch, length, state), (channels,)]:
        raise ValueError("x {}, Δ {}, a {}, B {}, C {}, d {} do not fit".format(tuple(x.shape), *shapes))
    x, dt, a, b, c, d = (t.contiguous() for t in (x, dt, a.mT, b, c, d))
    y = torch.empty_like(x)
    padded = triton.next_power_of_2(state)
    # one warp: a thread has one column of the tile, or where the state is large a part of one
    block = min(32, 1024 // padded)
    tile = {"STATE": state, "PADDED": padded, "BLOCK": block, "num_warps": 1}
    programs = (batch, triton.cdiv(channels, block))
    selective_scan_kernel[programs](x, dt, a, b, c, d, y, length, channels, **tile)
    return y


@triton.jit
def chunk_state_kernel(
    x_ptr,
    dt_ptr,
    a_ptr,
    b_ptr,
    final_ptr,
    total_ptr,
    length,
    channels,
    chunk,
    STATE: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """First of three: what every chunk makes of a state that is zero before it, and how long its steps are together.

    Program (s, q, k) has sequence s, the channels from q · BLOCK on, and chunk k: the tokens from k · chunk on, `chunk`
    of them, or fewer where the sequence ends. It writes, all in float32, the states after its last token into `final`
    and the sum of its Δ into `total`. No outputs y are needed here.

    x_ptr, dt_ptr, a_ptr, b_ptr: as in the kernel of `selective_scan`.
    final_ptr: a table of batch · chunks · STATE rows and `channels` columns: state n of chunk k of sequence s has row
        (s · chunks + k) · STATE + n. There are as many chunks as programs in the third dimension of the launch.
    total_ptr: a table of batch · chunks rows and `channels` columns: chunk k of sequence s has row s · chunks + k.
    """
    begin = tl.program_id(0).to(tl.int64) * length
    number = tl.program_id(0).to(tl.int64) * tl.num_programs(2) + tl.program_id(2)
    channel = tl.max_contiguous(tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), 1)
    n = tl.arange(0, PADDED)
    exists, real = channel < channels, n < STATE
    both = exists[None, :] & real[:, None]
    a = tl.load(a_ptr + n[:, None] * channels + channel[None, :], mask=both).to(tl.float32)
    h = tl.zeros((PADDED, BLOCK), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    first = tl.program_id(2) * chunk
    for t in range(first, tl.minimum(first + chunk, length)):
        place = (begin + t) * channels + channel
        x = tl.load(x_ptr + place, mask=exists).to(tl.float32)
        dt = tl.load(dt_ptr + place, mask=exists).to(tl.float32)
        b = tl.load(b_ptr + (begin + t) * STATE + n, mask=real).to(tl.float32)
        h = tl.exp(a * dt[None, :]) * h + b[:, None] * (dt * x)[None, :]
        total += dt
    tl.store(final_ptr + (number * STATE + n[:, None]) * channels + channel[None, :], h, mask=both)
    tl.store(total_ptr + number * channels + channel, total, mask=exists)


@triton.jit
def chunk_carry_kernel(a_ptr, final_ptr, total_ptr, initial_ptr, chunks, channels, BLOCK: tl.constexpr):
    """Second of three: the true states before every chunk, from what each chunk makes of zero.

    Program (s, q, n) has sequence s, the channels from q · BLOCK on, and of their states entry n; there are as many
    entries as programs in the third dimension of the launch. It walks over the chunks. Before chunk 0 the state is
    zero. It reads `final` and `total` as the first kernel has written them, and writes the states before chunk k where
    `final` has those after it. The states of the whole sequence before a chunk, carried through it, and what the chunk
    makes of zero, add up.

    a_ptr: as above. initial_ptr: a table of the shape of `final`.
    """
    channel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    exists = channel < channels
    a = tl.load(a_ptr + tl.program_id(2) * channels + channel, mask=exists).to(tl.float32)
    h = tl.zeros((BLOCK,), tl.float32)
    begin = tl.program_id(0).to(tl.int64) * chunks
    for k in tl.range(chunks, num_stages=4):
        place = ((begin + k) * tl.num_programs(2) + tl.program_id(2)) * channels + channel
        final = tl.load(final_ptr + place, mask=exists)
        total = tl.load(total_ptr + (begin + k) * channels + channel, mask=exists)
        tl.store(initial_ptr + place, h, mask=exists)
        h = tl.exp(a * total) * h + final


@triton.jit
def chunk_output_kernel(
    x_ptr,
    dt_ptr,
    a_ptr,
    b_ptr,
    c_ptr,
    d_ptr,
    initial_ptr,
    y_ptr,
    length,
    channels,
    chunk,
    STATE: tl.constexpr,
    PADDED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Third of three: scan every chunk again, now from the states that it really begins with, and write y.

    Program (s, q, k) has the chunk of the first kernel's program of that number.

    x_ptr, dt_ptr, a_ptr, b_ptr, c_ptr, d_ptr, y_ptr: as in the kernel of `selective_scan`.
    initial_ptr: the states before every chunk, as the second kernel has written them.
    """
    begin = tl.program_id(0).to(tl.int64) * length
    number = tl.program_id(0).to(tl.int64) * tl.num_programs(2) + tl.program_id(2)
    channel = tl.max_contiguous(tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), 1)
    n = tl.arange(0, PADDED)
    exists, real = channel < channels, n < STATE
    both = exists[None, :] & real[:, None]
    a = tl.load(a_ptr + n[:, None] * channels + channel[None, :], mask=both).to(tl.float32)
    d = tl.load(d_ptr + channel, mask=exists).to(tl.float32)
    h = tl.load(initial_ptr + (number * STATE + n[:, None]) * channels + channel[None, :], mask=both)
    first = tl.program_id(2) * chunk
    for t in range(first, tl.minimum(first + chunk, length)):
        place = (begin + t) * channels + channel
        x = tl.load(x_ptr + place, mask=exists).to(tl.float32)
        dt = tl.load(dt_ptr + place, mask=exists).to(tl.float32)
        b = tl.load(b_ptr + (begin + t) * STATE + n, mask=real).to(tl.float32)
        c = tl.load(c_ptr + (begin + t) * STATE + n, mask=real).to(tl.float32)
        h = tl.exp(a * dt[None, :]) * h + b[:, None] * (dt * x)[None, :]
        y = tl.sum(tl.where(real[:, None], h * c[:, None], 0.0), axis=0)
        tl.store(y_ptr + place, y + d * x, mask=exists)


def chunked_selective_scan(
    x: Float[Tensor, "batch length channels"],
    dt: Float[Tensor, "batch length channels"],
    a: Float[Tensor, "channels state"],
    b: Float[Tensor, "batch length state"],
    c: Float[Tensor, "batch length state"],
    d: Float[Tensor, "channels"],
    chunk: int = 128,
) -> Float[Tensor, "batch length channels"]:
    """The same layer for few and long sequences: all chunks of all sequences at once, joined by one short scan.

    h_t = exp(Δ_t a) ⊙ h_{t−1} + Δ_t B_t x_t,   h = 0 before the first token        (16.9)
    y_t = ⟨C_t, h_t⟩ + d x_t                                                        (16.2)

    Args:
        x, dt, a, b, c, d: as those of `selective_scan`.
        chunk: how many tokens each chunk has but for the last, which may have fewer; at least 1. The result does not
            depend on it but for rounding.

    Returns:
        y, a new tensor of the shape and dtype of `x`. The states at the ends of the chunks are kept in float32, those
        between them nowhere.

    Raises:
        ValueError: a shape is not the one given above, or `chunk` is less than 1.

    Source: Atlas 16.7–16.9 and 16.2; Blelloch 1990, "Prefix sums and their applications", by blocks.
    """
    batch, length, channels = x.shape
    state = a.shape[1]
    shapes = [tuple(t.shape) for t in (dt, a, b, c, d)]
    if shapes != [(*x.shape,), (channels, state), (batch, length, state), (batch, length, state), (channels,)]:
        raise ValueError("x {}, Δ {}, a {}, B {}, C {}, d {} do not fit".format(tuple(x.shape), *shapes))
    if chunk < 1:
        raise ValueError(f"a chunk has at least one token, not {chunk}")
    x, dt, a, b, c, d = (t.contiguous() for t in (x, dt, a.mT, b, c, d))
    y = torch.empty_like(x)
    chunks = triton.cdiv(length, chunk)
    final, initial = x.new_empty(2, batch, chunks, state, channels, dtype=torch.float32)
    total = x.new_empty(batch, chunks, channels, dtype=torch.float32)
    padded = triton.next_power_of_2(state)
    block = min(32, 1024 // padded)
    tile = {"STATE": state, "PADDED": padded, "BLOCK": block, "num_warps": 1}
    programs = (batch, triton.cdiv(channels, block), chunks)
    chunk_state_kernel[programs](x, dt, a, b, final, total, length, channels, chunk, **tile)
    wide = 128
    chunk_carry_kernel[batch, triton.cdiv(channels, wide), state](
        a, final, total, initial, chunks, channels, BLOCK=wide
    )
    chunk_output_kernel[programs](x, dt, a, b, c, d, initial, y, length, channels, chunk, **tile)
    return y
