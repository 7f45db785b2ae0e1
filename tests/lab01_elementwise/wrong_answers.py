"""What students get wrong in lab 1."""

from autograder.cases import edited

writes_without_a_mask = edited(
    "fused_hadamard_add",
    {"tl.store(out_ptr + place, a * b + c, mask=exists)": "tl.store(out_ptr + place, a * b + c)"},
    """The last program has more places than there are elements left. What keeps it from writing behind the tensor?

    最后一个程序的位置比剩下的元素多。是什么不让它写到张量后面去？""",
)

reads_without_a_mask = edited(
    "fused_hadamard_add",
    {"tl.load(b_ptr + place, mask=exists)": "tl.load(b_ptr + place)"},
    """One of your loads reaches behind the end of its tensor. On a GPU that may go unnoticed for a long time, or not.

    有一次读取越过了张量的末尾。在 GPU 上，这可能很久都没人发现，也可能立刻出错。""",
)

masks_one_place_too_many = edited(
    "fused_hadamard_add",
    {"place < count": "place <= count"},
    """A tensor with n elements has the places 0 to n − 1. Does your mask let place n through?

    有 n 个元素的张量，位置是 0 到 n − 1。你的掩码放过了位置 n 吗？""",
)

every_program_has_the_first_block = edited(
    "fused_hadamard_add",
    {"tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)": "tl.arange(0, BLOCK)"},
    """All your programs work on the same places. Which number tells one program from another?

    你的所有程序都在处理同一段位置。哪个数能区分不同的程序？""",
)

programs_overlap = edited(
    "fused_hadamard_add",
    {"tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)": "tl.program_id(0) + tl.arange(0, BLOCK)"},
    """Program 1 begins one place after program 0, not one block after it.

    1 号程序只比 0 号程序晚一个位置开始，而不是晚一个块。""",
)

stays_in_half_precision = edited(
    "fused_hadamard_add",
    {".to(tl.float32)": ".to(tl.float16)"},
    """Your product is rounded before c is added. In which dtype should a kernel calculate, whatever it loads?

    乘积在加 c 之前就被舍入了。不管读进来的是什么，kernel 该用哪种 dtype 计算？""",
)

gates_the_wrong_half = edited(
    "fused_swiglu",
    {"gate * tl.sigmoid(gate) * value": "value * tl.sigmoid(value) * gate"},
    """Swish belongs to the left half of a row, and you have put the right half through it.

    Swish 应作用在每行的左半，你作用在了右半上。""",
)

forgets_the_factor_of_the_gate = edited(
    "fused_swiglu",
    {"gate * tl.sigmoid(gate) * value": "tl.sigmoid(gate) * value"},
    """σ(gate) alone is the gate of GLU. What does Swish multiply it by?

    只有 σ(gate) 的是 GLU 的门。Swish 还要乘上什么？""",
)

takes_the_width_for_the_stride = edited(
    "fused_swiglu",
    {"x_ptr + row * row_stride": "x_ptr + row * 2 * width"},
    """You assume that rows lie 2 · width apart. A table that was cut out of a wider one has another distance.

    你假定两行相隔 2 · width。从更宽的表里切出来的表，行距并不是这样。""",
)

writes_with_the_stride_of_the_input = edited(
    "fused_swiglu",
    {"out_ptr + row * width + column": "out_ptr + row * row_stride + column"},
    """The result is narrower than x: how far apart do its rows lie?

    结果比 x 窄：它的两行相隔多远？""",
)

masks_the_whole_row = edited(
    "fused_swiglu",
    {"column < width": "column < 2 * width"},
    """Your mask lets columns through that exist in x but not in the result, whose next row they overwrite.

    你的掩码放过了在 x 里存在、在结果里不存在的列，它们会覆盖结果的下一行。""",
)

exponentiates_in_half_precision = edited(
    "fused_swiglu",
    {"gate * tl.sigmoid(gate) * value": "gate * (tl.exp(gate) / (1 + tl.exp(gate))) * value"},
    """exp(1000) is inf, and inf/inf is NaN. Which form of σ never exponentiates a large positive number?

    exp(1000) 是 inf，inf/inf 是 NaN。σ 的哪种写法从不对很大的正数取指数？""",
)
