"""What students get wrong in lab 9."""

from autograder.cases import edited

swaps_the_two_codes_of_a_byte = edited(
    "dequantize_nf4",
    {"tl.interleave(pair >> 4, pair & 15)": "tl.interleave(pair & 15, pair >> 4)"},
    """Every two neighbours have changed places. Which four bits of a byte hold the earlier code?

    每两个相邻的数都互换了位置。一个字节里，先来的编码在哪四位？""",
)

puts_all_high_codes_first = edited(
    "dequantize_nf4",
    {"tl.interleave(pair >> 4, pair & 15)": "tl.reshape(tl.trans(tl.join(pair >> 4, pair & 15)), (2 * BYTES,))"},
    """You write the high codes of all bytes and then the low ones. The two codes of one byte are neighbours.

    你先写了所有字节的高位编码，再写低位编码。同一个字节的两个编码应当相邻。""",
)

takes_the_block_of_the_byte = edited(
    "dequantize_nf4",
    {"place // BLOCK_SIZE": "place // 2 // BLOCK_SIZE"},
    """A block has block_size numbers, not block_size bytes. How many bytes are that?

    一个块有 block_size 个数，而不是 block_size 个字节。合多少字节？""",
)

begins_the_blocks_anew_in_every_program = edited(
    "dequantize_nf4",
    {"absmax_ptr + place // BLOCK_SIZE": "absmax_ptr + (place - 2 * first) // BLOCK_SIZE"},
    """Every one of your programs takes the scales of the first blocks. From where in the tensor are blocks counted?

    你的每个程序用的都是最前面几块的尺度。块要从张量的开头数起。""",
)

reads_one_byte_too_many = edited(
    "dequantize_nf4",
    {"mask=2 * byte < count": "mask=2 * byte <= count"},
    """How many bytes do 2 numbers take, and how many do 3? Your mask lets one more through.

    2 个数占几个字节，3 个数呢？你的掩码多放过了一个。""",
)

writes_both_codes_of_the_last_byte = edited(
    "dequantize_nf4",
    {"exists = place < count": "exists = place < count + count % 2"},
    """Of an odd number of codes the last byte holds only one. What do you write for its other half?

    编码数是奇数时，最后一个字节只有一个编码。它的另一半你写成了什么？""",
)

takes_even_levels = edited(
    "dequantize_nf4",
    {"level = tl.load(levels_ptr + code)": "level = (code - 7) / 8.0"},
    """Your levels are evenly spaced, as those of int4 are. Where do those of NF4 lie?

    你的水平是等间隔的，那是 int4 的水平。NF4 的水平在哪里？""",
)

calculates_in_half_precision = edited(
    "dequantize_nf4",
    {".to(tl.float32)": ".to(tl.float16)"},
    """A scale of 10⁵ is infinite in float16, though its product with a level need not be. In which dtype is it made?

    10⁵ 的尺度在 float16 里是无穷大，它与水平的乘积却不一定是。乘积该用哪种 dtype 计算？""",
)

swaps_even_and_odd_columns = edited(
    "dequantize_matmul",
    {"(pair >> 4)": "(pair & 15)", "(pair & 15)) * scale\n        x_begin": "(pair >> 4)) * scale\n        x_begin"},
    """The columns of x and the codes do not meet: which four bits belong to column 0?

    x 的列与编码没有对上：第 0 列属于哪四位？""",
)

takes_the_left_and_the_right_half_of_x = edited(
    "dequantize_matmul",
    {
        "2 * byte[None, :] * x_column": "byte[None, :] * x_column",
        "x_begin + x_column": "x_begin + row_bytes * x_column",
    },
    """The two codes of a byte belong to neighbouring columns of x, not to its two halves.

    一个字节的两个编码属于 x 的相邻两列，而不是左右两半。""",
)

counts_blocks_in_bytes = edited(
    "dequantize_matmul",
    {"block = 2 * place // BLOCK_SIZE": "block = place // BLOCK_SIZE"},
    """Your scales change half as often as they should. Is a block counted in bytes or in numbers?

    你的尺度变化的次数只有应有的一半。块是按字节还是按数来计的？""",
)

begins_a_block_with_every_row = edited(
    "dequantize_matmul",
    {"2 * place // BLOCK_SIZE": "output * (2 * row_bytes // BLOCK_SIZE) + 2 * byte[:, None] // BLOCK_SIZE"},
    """You assume that every row of the weights begins a block. Blocks are cut from the flattened tensor.

    你假定权重的每一行都从新的块开始。块是从展平的张量上切下来的。""",
)

multiplies_with_the_weights_untransposed = edited(
    "dequantize_matmul",
    {"place = output * row_bytes + byte[:, None]": "place = byte[:, None] * outputs + output"},
    """Your kernel walks down the columns of the weights. Which numbers of them does output n need?

    你的 kernel 沿权重的列往下走。第 n 个输出需要权重的哪些数？""",
)

sums_in_the_dtype_of_x = edited(
    "dequantize_matmul",
    {
        "x_begin = x_ptr": "total = total.to(dtype).to(tl.float32)\n        x_begin = x_ptr",
    },
    """Your sum is rounded to half precision after every step, and may be infinite on the way.

    你的和每一步都舍入成半精度，途中可能变成无穷大。""",
)

keeps_only_the_last_step = edited(
    "dequantize_matmul",
    {"early.to(dtype), total, input": "early.to(dtype), input"},
    """Each step along the rows throws away what the steps before it have summed.

    沿着行的每一步，都丢掉了前面各步累加的结果。""",
)

takes_x_for_contiguous = edited(
    "dequantize_matmul",
    {"row * x_row": "row * 2 * row_bytes"},
    """You assume that rows of x lie 2 · row_bytes apart. What is x_row for?

    你假定 x 的两行相隔 2 · row_bytes。x_row 是做什么用的？""",
)

lets_what_is_not_there_into_the_sum = edited(
    "dequantize_matmul",
    {
        "(byte < row_bytes)[None, :]": "(byte < row_bytes + BYTES)[None, :]",
        "(byte < row_bytes)[:, None]": "(place < outputs * row_bytes)",
    },
    """In the last step you go on into the next row. Where does a row of the weights end?

    最后一步你走进了下一行。权重的一行到哪里为止？""",
)

leaves_the_missing_scales_undefined = edited(
    "dequantize_matmul",
    {
        "scale = tl.where(exists, tl.load(absmax_ptr + block, mask=exists).to(tl.float32), nothing)": "scale = "
        "tl.load(absmax_ptr + block, mask=exists).to(tl.float32)"
    },
    """NaN where a row ends within a step: what does a masked load without `other` leave where nothing was read? An x of
    0 does not cancel it.

    一行在某一步的中途结束时出现 NaN：不带 `other` 的掩码读取，在没有读的位置留下什么？x = 0 也消不掉它。""",
)

multiplies_float32_in_tf32 = edited(
    "dequantize_matmul",
    {', input_precision="ieee")': ")"},
    """Without a word from you, `tl.dot` keeps 10 of the 23 bits of each float32 factor. How do you ask for all of them?

    不加说明时，`tl.dot` 只保留 float32 因子 23 位尾数中的 10 位。怎样要求它全部保留？""",
)
