import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int64
from torch import Tensor


@triton.jit
def tile_table_kernel(counts_ptr, table_ptr, ROWS: tl.constexpr, EXPERTS: tl.constexpr, TILES: tl.constexpr):
    """Write down, for every tile of ROWS rows of one expert, which expert it is of and which rows it has.

    The rows of all experts lie one behind the other: counts[0] rows of expert 0, then counts[1] of expert 1, and so
    on. Each expert's rows are cut into ⌈counts[e] / ROWS⌉ tiles, of which only the last may have fewer than ROWS rows;
    an expert without rows has no tile. The tiles are numbered in the order of the rows. Program e writes the entries
    of the tiles of expert e, TILES at a time, and reads the counts of all experts to know how many rows and how many
    tiles come before.

    counts_ptr: where the first count lies, int64, with nothing between them; there is one for every program. EXPERTS,
        a power of two, is not less than their number. TILES: a power of two.
    table_ptr: where the table's first element lies, int64, three to an entry with nothing between them: the expert,
        its first row in this tile, and the row behind its last one. Entries behind the last tile hold zeros already,
        and must keep them.
    """
    expert = tl.program_id(0)
    i = tl.arange(0, EXPERTS)
    before = i < expert
    counts = tl.where(before, tl.load(counts_ptr + i, mask=before), 0)
    first_row = tl.sum(counts)
    tiles = tl.cdiv(counts, ROWS)
    first_tile = tl.sum(tiles)
    count = tl.load(counts_ptr + expert)
    for begin in range(0, tl.cdiv(count, ROWS), TILES):
        tile = begin + tl.arange(0, TILES)
        row = tile * ROWS
        exists = row < count
        entry = table_ptr + 3 * (first_tile + tile)
        tl.store(entry, expert, mask=exists)
        tl.store(entry + 1, first_row + row, mask=exists)
        tl.store(entry + 2, first_row + tl.minimum(row + ROWS, count), mask=exists)


@triton.jit
def load_tile(pointer, row_place, column_place, has_row, has_column):
    """The elements at pointer + row_place + column_place, and 0 wherever the row or the column does not exist.

    row_place, column_place: where rows and columns begin, in elements, int64: a table with one column and a table with
        one row, whose sum is a whole table. has_row, has_column: of the same shapes, which of them exist.

    Returns: a table. Nothing is read where no element is. A kernel calls this function like any other.
    """
    exists = has_row & has_column
    return tl.load(pointer + row_place + column_place, mask=exists, other=0.0)


@triton.jit
def grouped_matmul_kernel(
    x_ptr,
    weight_ptr,
    table_ptr,
    out_ptr,
    inner,
    columns,
    x_row,
    x_inner,
    weight_expert,
    weight_inner,
    weight_column,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    INNER: tl.constexpr,
):
    """out[r] = x[r] · W[e] for the rows r of one tile, which are all of expert e, and for COLUMNS columns.

    Program (c, p) has entry p of the table that `tile_table_kernel` wrote, and the columns from c · COLUMNS on. An
    entry whose two rows are equal is none: its programs read nothing more and write nothing. The sum over `inner` is
    made in steps of INNER, in float32, from products of the tensors' own dtype (float32 in full precision, not TF32),
    and rounded once. A row that is not of this tile belongs to another program.

    x_ptr, weight_ptr: where the first elements of x and W lie, float32, float16 or bfloat16, of one dtype.
    table_ptr: where the table's first element lies, int64, three to an entry: expert, first row, row behind the last.
    out_ptr: where the first element of the result lies, of the same dtype, a table with `columns` columns and nothing
        between its rows.
    x_row, x_inner: how many elements lie from one row of x to the next, and from one number of a row to the next.
    weight_expert, weight_inner, weight_column: the same of W, whose element (e, k, n) belongs to expert e. A place
        counted in elements may be beyond 2³¹.
    """
    entry = table_ptr + 3 * tl.program_id(1)
    expert = tl.load(entry)
    first = tl.load(entry + 1)
    last = tl.load(entry + 2)
    if first != last:
        row = (first + tl.arange(0, ROWS))[:, None]
        column = (tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)).to(tl.int64)[None, :]
        has_row = row < last
        has_column = column < columns
        weight_begin = weight_ptr + expert * weight_expert
        total = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
        for begin in range(0, inner, INNER):
            k = (begin + tl.arange(0, INNER)).to(tl.int64)
            has_k = k < inner
            x = load_tile(x_ptr, row * x_row, k[None, :] * x_inner, has_row, has_k[None, :])
            weight_row = k[:, None] * weight_inner
            weight = load_tile(weight_begin, weight_row, column * weight_column, has_k[:, None], has_column)
            total = tl.dot(x, weight, total, input_precision="ieee")
        tl.store(out_ptr + row * columns + column, total, mask=has_row & has_column)


def grouped_matmul(
    x: Float[Tensor, "T K"], weight: Float[Tensor, "E K N"], counts: Int64[Tensor, " E"]
) -> Float[Tensor, "T N"]:
    """The products of all experts with their own rows, in one launch                                   (15.7)

    y_r = x_r W_e,   e the expert of row r:  the first counts[0] rows are expert 0's, the next counts[1] expert 1's, …

    Args:
        x: the rows, sorted by expert. weight: a matrix an expert. Both float32, float16 or bfloat16, of one dtype;
            with any strides.
        counts: how many rows each expert has, 0 or more, T in all; with any stride. The values are not checked: the
            host would have to wait for the GPU to read them. T, K and N may be 0; a sum over no k is 0.

    Returns:
        a new contiguous table of the same dtype, on the same device. The sums are made in float32.

    Raises:
        ValueError: the shapes do not fit together, there is no expert, the dtypes of x and weight differ or are others,
            or counts are not int64.

    Source: Atlas 15.7; agrees with `x[rows of e] @ weight[e]` for every expert e, and with
        `torch.nn.functional.grouped_mm` where that is available.
    """
    if x.dim() != 2 or weight.dim() != 3 or x.shape[1] != weight.shape[1] or not len(weight):
        raise ValueError(f"experts of shape {tuple(weight.shape)} do not fit rows of shape {tuple(x.shape)}")
    if counts.shape != weight.shape[:1] or counts.dtype != torch.int64:
        raise ValueError(f"one int64 count an expert is needed, not {counts.dtype} of shape {tuple(counts.shape)}")
    if x.dtype != weight.dtype or x.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError(f"float32, float16 or bfloat16 are multiplied, not {x.dtype} and {weight.dtype}")
    experts, inner, columns = weight.shape
    rows = min(64, max(16, triton.next_power_of_2(len(x) // experts)))
    tiles = len(x) // rows + experts  # at most: every expert has one tile that is not full
    table = counts.new_zeros(tiles, 3)
    powers = {"EXPERTS": triton.next_power_of_2(experts), "TILES": 8}
    tile_table_kernel[(experts,)](counts.contiguous(), table, ROWS=rows, **powers)
    out = x.new_empty(len(x), columns)
    sizes = {"ROWS": rows, "COLUMNS": 128, "INNER": {2: 64, 4: 32}[x.element_size()]}
    programs = (triton.cdiv(columns, 128), tiles)
    grouped_matmul_kernel[programs](x, weight, table, out, inner, columns, *x.stride(), *weight.stride(), **sizes)
    return out


@triton.jit
def find_tile(starts_ptr, tile, experts, ROWS: tl.constexpr, EXPERTS: tl.constexpr):
    """Which expert tile number `tile` is of, and which places of the sorted order it has, without a table.

    The routed slots, sorted by expert, have the places 0, 1, …; expert e has those from starts[e] up to, but not with,
    starts[e + 1]. They are cut into tiles of ROWS places, and the tiles numbered, as in `tile_table_kernel`.

    starts_ptr: where the first of the `experts` + 1 numbers lies, int64, the last of which is the number of slots.
        EXPERTS, a power of two, is not less than `experts`.

    Returns: the expert, its first place in this tile, and the place behind the last one of all its tiles, int64. A
        tile whose number is beyond the last does not exist; for it, first ≥ last. A kernel calls this function like any
        other.
    """
    i = tl.arange(0, EXPERTS)
    begin = tl.load(starts_ptr + tl.minimum(i, experts))
    end = tl.load(starts_ptr + tl.minimum(i + 1, experts))
    tiles = tl.cdiv(end - begin, ROWS)
    ends = tl.cumsum(tiles)
    passed = (ends <= tile).to(tl.int64)
    expert = tl.minimum(tl.sum(passed), experts - 1)
    before = tl.sum(tl.where(i < expert, tiles, 0))
    first = tl.load(starts_ptr + expert) + (tile - before) * ROWS
    last = tl.load(starts_ptr + expert + 1)
    return expert, first, last


@triton.jit
def load_gathered(begins, column_place, exists):
    """The elements column_place behind the addresses `begins`, and 0 wherever none exists.

    begins: one address a row, anywhere in memory, as a table with one column. column_place: in elements, int64, a table
        with one row. exists: for every element of the whole table whether it exists; where not, nothing is read.
    """
    return tl.load(begins + column_place, mask=exists, other=0.0)


@triton.jit
def routed_matmul_kernel(
    x_ptr,
    weight_ptr,
    order_ptr,
    starts_ptr,
    partial_ptr,
    experts,
    choices,
    inner,
    columns,
    x_row,
    x_inner,
    weight_expert,
    weight_inner,
    weight_column,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    INNER: tl.constexpr,
    EXPERTS: tl.constexpr,
):
    """partial[s] = x[t] · W[e] for the slots s of one tile, which all chose expert e, and for COLUMNS columns.

    Slot s = t · choices + j is choice j of token t. Program (c, p) has tile p (see `find_tile`) and the columns from
    c · COLUMNS on; a tile that does not exist has nothing to do. The slots of a tile are neighbours in the sorted
    order, but their tokens lie anywhere in x, and their results anywhere in `partial`: no sorted copy is made of
    either. Sums and precision are as in `grouped_matmul_kernel`; nothing is weighted with a gate yet.

    x_ptr, weight_ptr: where the first elements of x and W lie, float32, float16 or bfloat16, of one dtype.
    order_ptr: int64, the slots sorted by expert, one behind the other. starts_ptr: see `find_tile`.
    partial_ptr: where the first element of the result lies, float32, a row of `columns` numbers for every slot, with
        nothing between its rows.
    x_row, x_inner, weight_expert, weight_inner, weight_column: strides in elements, as in `grouped_matmul_kernel`.
    """
    tile = tl.program_id(1)
    expert, first, last = find_tile(starts_ptr, tile, experts, ROWS, EXPERTS)
    if first < last:
        place = first + tl.arange(0, ROWS)
        slot = tl.load(order_ptr + place, mask=place < last)[:, None]
        column = (tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)).to(tl.int64)[None, :]
        has_slot = (place < last)[:, None]
        has_column = column < columns
        x_begin = x_ptr + slot // choices * x_row
        weight_begin = weight_ptr + expert * weight_expert
        total = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
        for begin in range(0, inner, INNER):
            k = (begin + tl.arange(0, INNER)).to(tl.int64)
            has_k = k < inner
            x = load_gathered(x_begin, k[None, :] * x_inner, has_slot & has_k[None, :])
            weight_row = weight_begin + k[:, None] * weight_inner
            weight = load_gathered(weight_row, column * weight_column, has_k[:, None] & has_column)
            total = tl.dot(x, weight, total, input_precision="ieee")
        tl.store(partial_ptr + slot * columns + column, total, mask=has_slot & has_column)


@triton.jit
def combine_kernel(
    partial_ptr,
    gate_ptr,
    out_ptr,
    tokens,
    choices,
    columns,
    gate_row,
    gate_column,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """out[t] = Σ_j gate[t, j] · partial[t · choices + j] for ROWS tokens and COLUMNS columns.

    Program (p, q) has the tokens from p · ROWS on and the columns from q · COLUMNS on. The sum is made in float32, in
    the order j = 0, 1, …, and rounded once. Without choices it is 0.

    partial_ptr: where the first element of the partial results lies, float32, one row a slot, nothing between them.
    gate_ptr: where the first element of the gates lies. gate_row, gate_column: how many elements lie from the gate of
        one token to that of the next, and from one choice to the next.
    out_ptr: where the first element of the result lies, a table with `columns` columns and nothing between its rows.
    """
    token = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)[:, None]
    column = (tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    exists = (token < tokens) & (column < columns)
    total = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    for j in range(choices):
        gate = tl.load(gate_ptr + token * gate_row + j * gate_column, mask=token < tokens)
        slot = token * choices + j
        partial = tl.load(partial_ptr + slot * columns + column, mask=exists)
        total += gate.to(tl.float32) * partial
    tl.store(out_ptr + token * columns + column, total, mask=exists)


def routed_matmul(
    x: Float[Tensor, "T K"],
    weight: Float[Tensor, "E K N"],
    expert: Int64[Tensor, "T k"],
    gate: Float[Tensor, "T k"],
) -> Float[Tensor, "T N"]:
    """A layer of linear experts on tokens that lie in any order                                         (15.7)

    y_t = Σ_j gate[t, j] · x_t W_e,   e = expert[t, j]

    The slots (t, j) are sorted by their expert, but no row is moved: the kernel looks up where each one lies. Every
    slot has a row of its own for its product, and a second kernel adds the k rows of a token. Nothing is added to
    one place by two programs, so the same call gives the same bits.

    Args:
        x: tokens. weight: a matrix an expert. Both float32, float16 or bfloat16, of one dtype; with any strides.
        expert: which k experts each token has, from 0 to E − 1, with any strides. The values are not checked: the host
            would have to wait for the GPU. A token may name an expert twice, which then counts twice.
        gate: what the product with each of them is multiplied by; any floating-point dtype, any strides. T, K, N and k
            may be 0; an empty sum is 0.

    Returns:
        a new contiguous table in the dtype of `x`, on the same device. It is rounded once.

    Raises:
        ValueError: the shapes do not fit together, there is no expert, the dtypes of x and weight differ or are others,
            or `expert` is not int64.

    Source: Atlas 15.7, with linear experts; agrees with `einsum("tk,tkn->tn", gate, x @ W[expert])`.
    """
    if x.dim() != 2 or weight.dim() != 3 or x.shape[1] != weight.shape[1] or not len(weight):
        raise ValueError(f"experts of shape {tuple(weight.shape)} do not fit tokens of shape {tuple(x.shape)}")
    if expert.dim() != 2 or len(expert) != len(x) or expert.shape != gate.shape or expert.dtype != torch.int64:
        raise ValueError(f"experts {tuple(expert.shape)} and gates {tuple(gate.shape)} do not fit {len(x)} tokens")
    if x.dtype != weight.dtype or x.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise ValueError(f"float32, float16 or bfloat16 are multiplied, not {x.dtype} and {weight.dtype}")
    experts, inner, columns = weight.shape
    tokens, choices = expert.shape
    chosen, order = expert.flatten().sort()
    starts = torch.searchsorted(chosen, torch.arange(experts + 1, device=x.device))
    rows = min(64, max(16, triton.next_power_of_2(len(order) // experts)))
    tiles = len(order) // rows + experts
    partial = x.new_empty(len(order), columns, dtype=torch.float32)
    sizes = {"ROWS": rows, "COLUMNS": 128, "INNER": {2: 64, 4: 32}[x.element_size()]}
    strides = (*x.stride(), *weight.stride())
    routed_matmul_kernel[triton.cdiv(columns, 128), tiles](
        x,
        weight,
        order,
        starts,
        partial,
        experts,
        choices,
        inner,
        columns,
        *strides,
        **sizes,
        EXPERTS=triton.next_power_of_2(experts),
    )
    out = x.new_empty(tokens, columns)
    programs = (triton.cdiv(tokens, 16), triton.cdiv(columns, 128))
    combine_kernel[programs](partial, gate, out, tokens, choices, columns, *gate.stride(), ROWS=16, COLUMNS=128)
    return out
