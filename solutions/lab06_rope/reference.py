import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor


@triton.jit
def turn_tile(place, exists, cos, sin, TOKENS: tl.constexpr, PAIRS: tl.constexpr):
    """Turn the pairs of one tile, TOKENS vectors of 2 · PAIRS features, where they lie in memory.

    A function for kernels, which no one launches: it is called from below, with blocks for arguments. The features 2i
    and 2i + 1 of vector t are turned by the angle whose cosine and sine stand in row t, column i:

        (a, b) becomes (a cos − b sin, a sin + b cos).

    The arithmetic is done in float32, and the result is rounded once, by the store. `tl.split` takes a block whose last
    dimension is 2 apart into its two columns, and `tl.join` puts them together again; `tl.reshape` is like torch's.

    place: TOKENS × 2 · PAIRS pointers, one to every feature.
    exists: TOKENS × 2 · PAIRS, what of it there is: nothing else is read, and nothing else written.
    cos, sin: TOKENS × PAIRS, float32.
    """
    x = tl.load(place, mask=exists).to(tl.float32)
    even, odd = tl.split(tl.reshape(x, (TOKENS, PAIRS, 2)))
    turned = tl.join(even * cos - odd * sin, even * sin + odd * cos)
    tl.store(place, tl.reshape(turned, (TOKENS, 2 * PAIRS)), mask=exists)


@triton.jit
def rope_kernel(
    q_ptr,
    k_ptr,
    cos_ptr,
    sin_ptr,
    q_heads,
    k_heads,
    length,
    dim,
    q_batch,
    q_head,
    q_token,
    q_feature,
    k_batch,
    k_head,
    k_token,
    k_feature,
    TOKENS: tl.constexpr,
    PAIRS: tl.constexpr,
):
    """Turn TOKENS tokens of one sequence in every head of q and of k, with angles that are read once.

    Program (p, b) has sequence b and its tokens from p · TOKENS on; tokens that are not below `length` do not exist,
    nor do features that are not below `dim`. PAIRS is a power of two, not below dim/2. The program loads the cosines
    and sines of its tokens, then walks over the heads, and `turn_tile` turns the tile of each. The place of an
    element may not fit into 32 bits.

    q_ptr, k_ptr: where the first element of q and of k lies. They have `q_heads` and `k_heads` heads.
    cos_ptr, sin_ptr: tables of `length` rows and dim/2 columns, nothing between their rows.
    q_batch, q_head, q_token, q_feature: how many elements lie from one sequence of q to the next, from one head, token
        and feature to the next. k_batch, k_head, k_token, k_feature: the same of k.
    """
    batch = tl.program_id(1).to(tl.int64)
    token = (tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)).to(tl.int64)[:, None]
    pair = tl.arange(0, PAIRS)[None, :]
    known = (token < length) & (2 * pair < dim)
    cos = tl.load(cos_ptr + token * (dim // 2) + pair, mask=known).to(tl.float32)
    sin = tl.load(sin_ptr + token * (dim // 2) + pair, mask=known).to(tl.float32)
    feature = tl.arange(0, 2 * PAIRS)[None, :]
    exists = (token < length) & (feature < dim)
    place = q_ptr + batch * q_batch + token * q_token + feature * q_feature
    for _ in range(q_heads):
        turn_tile(place, exists, cos, sin, TOKENS, PAIRS)
        place += q_head
    place = k_ptr + batch * k_batch + token * k_token + feature * k_feature
    for _ in range(k_heads):
        turn_tile(place, exists, cos, sin, TOKENS, PAIRS)
        place += k_head


def apply_rope(
    q: Float[Tensor, "batch heads length dim"],
    k: Float[Tensor, "batch kv_heads length dim"],
    cos: Float[Tensor, "length dim/2"],
    sin: Float[Tensor, "length dim/2"],
) -> tuple[Float[Tensor, "batch heads length dim"], Float[Tensor, "batch kv_heads length dim"]]:
    """Turn queries and keys in place, both in one launch.

    (x_2i−1, x_2i) is turned in its plane by mθ_i, i = 1 … dim/2                    (15.4, 15.5)

    The turn is by +mθ_i, as published models turn: (a, b) becomes (a cos − b sin, a sin + b cos).

    Args:
        q, k: queries and keys, float32, float16 or bfloat16, with any strides: the heads may be cut out of one
            projection, as (batch, length, heads, dim) transposed. They may have different numbers of heads. The pairs
            are the features 0 and 1, 2 and 3, and so on, counted from 0. batch and length may be 0.
        cos, sin: of the angles mθ_i, one row a position, one column a pair; float32 or the dtype of `q`.

    Returns:
        q and k, the tensors that were given, turned.

    Raises:
        ValueError: `dim` is odd, q and k differ in batch, length or dim, or `cos` or `sin` has another shape.

    Source: Atlas 15.4, 15.5; Su et al. 2021 (RoFormer), arXiv:2104.09864; the layout of Chapter 15's `apply_rope`.
    """
    batch, heads, length, dim = q.shape
    if dim % 2 or (k.shape[0], *k.shape[2:]) != (batch, length, dim):
        raise ValueError(f"q {tuple(q.shape)} and k {tuple(k.shape)} must agree but in heads, and dim must be even")
    pairs = dim // 2
    if not cos.shape == sin.shape == (length, pairs):
        raise ValueError(f"cos {tuple(cos.shape)} and sin {tuple(sin.shape)} must be ({length}, {pairs})")
    padded = triton.next_power_of_2(pairs)
    tokens = triton.cdiv(512, padded)
    programs = (triton.cdiv(length, tokens), batch)
    rope_kernel[programs](
        q,
        k,
        cos.contiguous(),
        sin.contiguous(),
        heads,
        k.shape[1],
        length,
        dim,
        *q.stride(),
        *k.stride(),
        TOKENS=tokens,
        PAIRS=padded,
    )
    return q, k
