"""What students get wrong in lab 8."""

from autograder.cases import edited

READS_INITIAL = "h = tl.load(initial_ptr + (number * STATE + n[:, None]) * channels + channel[None, :], mask=both)"
FIRST = "    first = tl.program_id(2) * chunk\n"
WALKS = "    for t in range(first, tl.minimum(first + chunk, length)):"
RUNS_ON = "    for t in range(first, first + chunk):"
HANDS_OVER = "        tl.store(initial_ptr + place, h, mask=exists)\n"
CARRIES = "        h = tl.exp(a * total) * h + final\n"

# selective_scan

writes_without_the_step = edited(
    "selective_scan",
    {"(dt * x)[None, :]": "x[None, :]"},
    """What a token writes into the state is Δ_t B_t x_t. One of the three factors is missing.

    token 写进状态的是 Δ_t B_t x_t。三个因子里少了一个。""",
)

holds_the_input_exactly = edited(
    "selective_scan",
    {"b[:, None] * (dt * x)[None, :]": "b[:, None] * ((tl.exp(a * dt[None, :]) - 1) / a) * x[None, :]"},
    """This is (16.4) with a diagonal A. Mamba's code, and this exercise, take the first term of its series: Δ B.

    这是对角矩阵 A 的（16.4）。Mamba 的代码和这道题取的是它的级数的第一项：ΔB。""",
)

steps_by_euler = edited(
    "selective_scan",
    {"tl.exp(a * dt[None, :])": "(1 + a * dt[None, :])"},
    """1 + Δa is only the beginning of the series of the gate, and leaves [0, 1] for long steps.

    1 + Δa 只是这个门的级数的开头，步长一大就跑出 [0, 1]。""",
)

reads_the_state_before_the_token = edited(
    "selective_scan",
    {
        "        h = tl.exp": "        before = h\n        h = tl.exp",
        "h * c[:, None], 0.0": "before * c[:, None], 0.0",
    },
    """y_t is read from h_t, the state that has heard token t, not from the one before it.

    y_t 读的是 h_t，即已经听到 token t 的状态，而不是它之前的那个。""",
)

forgets_the_direct_path = edited(
    "selective_scan",
    {"y + d * x": "y"},
    """Set C to zero: what should still come out?

    把 C 设为零：还应当有什么输出？""",
)

keeps_the_state_in_half_precision = edited(
    "selective_scan",
    {"b[:, None] * (dt * x)[None, :]": "b[:, None] * (dt * x)[None, :]\n        h = h.to(tl.float16).to(tl.float32)"},
    """Your state is rounded at every token. In a register float32 costs nothing more.

    你的状态在每个 token 处都被舍入。寄存器里放 float32 并不花什么代价。""",
)

all_sequences_read_the_first_ones_b = edited(
    "selective_scan",
    {"b_ptr + (begin + t) * STATE": "b_ptr + t * STATE"},
    """Your result is right for the first sequence only. Which of the tables do you not enter at row s · length?

    只有第一个序列的结果是对的。哪张表你没有从第 s · length 行读起？""",
)

takes_the_padded_state_for_the_stride = edited(
    "selective_scan",
    {"c_ptr + (begin + t) * STATE": "c_ptr + (begin + t) * PADDED"},
    """The tile is wider than the table: how far apart do the rows of C lie in memory?

    块比表要宽：C 的两行在显存里相隔多远？""",
)

reads_channels_that_do_not_exist = edited(
    "selective_scan",
    {"tl.load(dt_ptr + place, mask=exists)": "tl.load(dt_ptr + place)"},
    """The last block of channels is not full. What lies behind the last channel of a row, and behind the last row?

    最后一个通道块没有填满。一行最后一个通道之后是什么？最后一行之后呢？""",
)

reads_by_the_number_of_an_entry = edited(
    "selective_scan",
    {
        "c = tl.load(c_ptr + (begin + t) * STATE + n, mask=real).to(tl.float32)": "c = 1.0 * n",
    },
    """y is the inner product of the state with C_t, row t of a table; n only counts the entries.

    y 是状态与 C_t 的内积，C_t 是表的第 t 行；n 只是分量的编号。""",
)

sums_entries_that_do_not_exist = edited(
    "selective_scan",
    {"tl.where(real[:, None], h * c[:, None], 0.0)": "h * c[:, None]"},
    """Your result is NaN unless the state is a power of two. What stands in the rows of the tile that do not exist, and
    which of your operations lets them meet the others?

    状态的维数不是 2 的幂时，你的结果全是 NaN。块里不存在的那几行装着什么？你的哪一步运算让它们与别的行相遇？""",
)

starts_at_the_second_token = edited(
    "selective_scan",
    {"tl.range(length, num_stages=4)": "tl.range(1, length, num_stages=4)"},
    """The first token of every sequence is never read and its output never written.

    每个序列的第一个 token 没有被读，它的输出也没有写。""",
)

# chunked_selective_scan

every_chunk_begins_with_nothing = edited(
    "chunked_selective_scan",
    {READS_INITIAL: "h = tl.zeros((PADDED, BLOCK), tl.float32)"},
    """The first chunk is right and all others are not. What should a chunk know of those before it?

    第一个分块是对的，其余的都不对。一个分块应当知道前面各块的什么？""",
)

carries_only_the_last_chunk = edited(
    "chunked_selective_scan",
    {"h = tl.exp(a * total) * h + final": "h = final"},
    """Two chunks are right, the third is not: the state goes from chunk to chunk, not just from the one before.

    前两个分块是对的，第三个不对：状态要一块一块传下去，而不只来自前一块。""",
)

carries_without_decay = edited(
    "chunked_selective_scan",
    {"h = tl.exp(a * total) * h + final": "h = h + final"},
    """A state that passes through a whole chunk is multiplied by all its gates on the way.

    状态穿过一整块，一路上要乘以这一块的所有门。""",
)

carries_one_chunk_too_far = edited(
    "chunked_selective_scan",
    {HANDS_OVER + CARRIES: CARRIES + HANDS_OVER},
    """What you hand to chunk k is the state after it, not the one before it. What does chunk 0 begin with?

    你交给第 k 块的是它之后的状态，而不是之前的。第 0 块从什么开始？""",
)

leaves_out_the_first_gate_of_a_chunk = edited(
    "chunked_selective_scan",
    {"total += dt": "total += tl.where(t > first, dt, 0.0)"},
    """A state that enters a chunk goes through the gate of the chunk's first token too.

    进入一块的状态，也要经过这一块第一个 token 的门。""",
)

takes_the_last_gate_for_all = edited(
    "chunked_selective_scan",
    {"total += dt": "total = dt"},
    """The gates of a chunk multiply, so their exponents add up. Yours is that of one token.

    一块之内的门相乘，所以指数相加。你的指数只是一个 token 的。""",
)

runs_over_the_end_of_the_sequence = edited(
    "chunked_selective_scan",
    {
        f"{READS_INITIAL}\n{FIRST}{WALKS}": f"{READS_INITIAL}\n{FIRST}{RUNS_ON}",
    },
    """The last chunk may have fewer tokens than the others. Whose outputs do you overwrite behind it?

    最后一块的 token 可能比别的块少。你在它后面覆盖了谁的输出？""",
)

leaves_the_last_chunk_out = edited(
    "chunked_selective_scan",
    {"tl.minimum(first + chunk, length)": "tl.minimum(first + chunk, length // chunk * chunk)"},
    """Where the length is no multiple of the chunk, your last tokens are never written.

    长度不是分块的整数倍时，最后几个 token 从没有写过。""",
)

hands_over_states_in_half_precision = edited(
    "chunked_selective_scan",
    {"initial_ptr + place, h, mask": "initial_ptr + place, h.to(tl.float16), mask"},
    """What goes from one kernel to the next is a state of some hundred tokens: round it and you round them all.

    从一个 kernel 传到下一个的，是几百个 token 的状态：舍入它，就舍入了所有这些 token。""",
)

all_sequences_share_their_chunks = edited(
    "chunked_selective_scan",
    {"number = tl.program_id(0).to(tl.int64) * tl.num_programs(2) + tl.program_id(2)": "number = tl.program_id(2)"},
    """Programs of different sequences write to the same rows of `final`, and the last one wins.

    不同序列的程序写进了 `final` 的同一些行，最后写的那个赢。""",
)

writes_chunks_without_the_step = edited(
    "chunked_selective_scan",
    {"(dt * x)[None, :]": "x[None, :]"},
    """What a token writes into the state is Δ_t B_t x_t, in the first kernel as in the third.

    token 写进状态的是 Δ_t B_t x_t，第一个 kernel 和第三个都是如此。""",
)

forgets_the_direct_path_in_chunks = edited(
    "chunked_selective_scan",
    {"y + d * x": "y"},
    """Set C to zero: what should still come out?

    把 C 设为零：还应当有什么输出？""",
)
