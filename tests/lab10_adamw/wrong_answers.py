"""What students get wrong in lab 10."""

from autograder.cases import edited

forgets_the_bias_correction = edited(
    "adamw_step",
    {"(m / correction1) / (tl.sqrt(v / correction2) + eps)": "m / (tl.sqrt(v) + eps)"},
    """Averages that began at 0 are too small in the first steps. What are the two corrections for?

    从 0 开始的平均值，头几步都偏小。那两个修正是做什么用的？""",
)

puts_epsilon_under_the_root = edited(
    "adamw_step",
    {"(tl.sqrt(v / correction2) + eps)": "tl.sqrt(v / correction2 + eps)"},
    """√(v̂ + ε) is not √v̂ + ε: where v̂ is 0 the one is √ε, with ε = 10⁻⁸ ten thousand times the other. On which side
    does (11.3) have it?

    √(v̂ + ε) 不等于 √v̂ + ε：v̂ 为 0、ε = 10⁻⁸ 时，前者是 √ε，为后者的一万倍。（11.3）把 ε 放在哪一边？""",
)

corrects_the_root_as_if_it_were_v = edited(
    "adamw_step",
    {"tl.sqrt(v / correction2)": "tl.sqrt(v) / correction2"},
    """By (11.10) the correction makes v̂ out of v. Of which of the two does (11.3) take the root?

    按（11.10），修正把 v 变成 v̂。（11.3）对两者中的哪一个开根号？""",
)

forgets_the_decay = edited(
    "adamw_step",
    {"shrink * param - lr * step": "param - lr * step"},
    """Try a gradient of 0 and averages of 0: by (11.3) the parameter still moves. By what factor?

    试试梯度为 0、平均值为 0：按（11.3），参数仍会变化。乘的因子是多少？""",
)

decays_the_new_parameter = edited(
    "adamw_step",
    {"shrink * param - lr * step": "shrink * (param - lr * step)"},
    """The decay acts on θ_{t−1}, the parameter before the step, and not on the step as well.

    衰减作用于 θ_{t−1}，即这一步之前的参数，而不作用于这一步本身。""",
)

steps_with_the_old_averages = edited(
    "adamw_step",
    {
        "    m += share1": "    step = (m / correction1) / (tl.sqrt(v / correction2) + eps)\n    m += share1",
        "    step = (m / correction1) / (tl.sqrt(v / correction2) + eps)\n    tl.store": "    tl.store",
    },
    """The step of time t takes m_t and v_t, which know the gradient of time t already.

    第 t 步用的是 m_t 和 v_t，它们已经包含第 t 步的梯度。""",
)

averages_the_gradient_instead_of_its_square = edited(
    "adamw_step",
    {"grad * grad - v": "tl.abs(grad) - v"},
    """v is the average of the squares of the gradient; its root is taken later.

    v 是梯度平方的平均，根号是后来才开的。""",
)

swaps_the_shares = edited(
    "adamw_step",
    {"m += share1": "m += share2", "v += share2": "v += share1"},
    """share1 is 1 − β₁ and belongs to m, share2 is 1 − β₂ and belongs to v. Which remembers longer?

    share1 是 1 − β₁，属于 m；share2 是 1 − β₂，属于 v。哪一个记得更久？""",
)

keeps_the_averages_as_they_were = edited(
    "adamw_step",
    {"    tl.store(exp_avg_ptr + place, m, mask=exists)\n    tl.store(exp_avg_sq_ptr + place, v, mask=exists)\n": ""},
    """The parameter is right after one step and wrong after two. What has to be in memory when the next step begins?

    一步之后参数是对的，两步之后就错了。下一步开始时，显存里应当有什么？""",
)

writes_without_a_mask = edited(
    "adamw_step",
    {"tl.store(exp_avg_sq_ptr + place, v, mask=exists)": "tl.store(exp_avg_sq_ptr + place, v)"},
    """The last program writes behind the end of one of the three tensors.

    最后一个程序写到了三个张量之一的末尾后面。""",
)

calculates_in_bfloat16 = edited(
    "adamw_step",
    {
        "(param_ptr + place, mask=exists).to(tl.float32)": "(param_ptr + place, mask=exists)",
        "shrink * param - lr * step": "(param * (1 - (1 - shrink))).to(param.dtype) - (lr * step).to(param.dtype)",
    },
    """The step is rounded to bfloat16 before it is subtracted, so small steps lose their digits. Round once, at the
    store.

    这一步在相减之前就被舍入成 bfloat16，小的更新因此丢掉了有效数字。只在写入时舍入一次。""",
)

takes_the_first_tensor_for_all = edited(
    "multi_tensor_adamw",
    {"owner = tl.load(owner_ptr + tl.program_id(0))": "owner = tl.load(owner_ptr)"},
    """All your programs work on the tensor that the first one owns. Where does program p learn whose elements it has?

    你的所有程序都在更新第一个程序的张量。p 号程序从哪里得知自己处理的是哪个张量？""",
)

begins_every_block_at_the_tensor_s_begin = edited(
    "multi_tensor_adamw",
    {"place = tl.load(begin_ptr + tl.program_id(0)) + tl.arange(0, BLOCK)": "place = tl.arange(0, BLOCK)"},
    """A tensor of several blocks has several programs, and each of yours takes the first block.

    有好几块的张量对应好几个程序，而你的每个程序都取了第一块。""",
)

begins_where_a_program_of_one_tensor_would = edited(
    "multi_tensor_adamw",
    {"tl.load(begin_ptr + tl.program_id(0))": "tl.program_id(0).to(tl.int64) * BLOCK"},
    """p · BLOCK counts from the beginning of the whole list. Your pointers count from the beginning of a tensor.

    p · BLOCK 是从整个列表的开头数起的，而你的指针是从一个张量的开头数起的。""",
)

masks_with_the_size_of_another_tensor = edited(
    "multi_tensor_adamw",
    {"tl.load(size_ptr + owner)": "tl.load(size_ptr)"},
    """Every tensor ends somewhere else. Whose size is in your mask?

    每个张量的长度都不同。你的掩码里用的是谁的长度？""",
)

reads_the_gradients_out_of_the_parameters = edited(
    "multi_tensor_adamw",
    {"address_ptr + tensors + owner": "address_ptr + owner"},
    """The table holds four numbers for every tensor, one after the other in four groups. Which group holds the
    gradients?

    表里每个张量有四个数，分成依次排列的四组。梯度在哪一组？""",
)

reads_the_table_as_rows_of_four = edited(
    "multi_tensor_adamw",
    {
        "address_ptr + owner)": "address_ptr + 4 * owner)",
        "address_ptr + tensors + owner": "address_ptr + 4 * owner + 1",
        "address_ptr + 2 * tensors + owner": "address_ptr + 4 * owner + 2",
        "address_ptr + 3 * tensors + owner": "address_ptr + 4 * owner + 3",
    },
    """The table begins with the addresses of all parameters, not with the four of the first. Which entry belongs to
    tensor 1?

    表的开头是所有参数的地址，而不是第一个张量的四个地址。1 号张量对应哪几项？""",
)

takes_every_parameter_for_float32 = edited(
    "multi_tensor_adamw",
    {"tl.bfloat16 if HALF else tl.float32": "tl.float32"},
    """An address says where a tensor begins, not what it holds. What tells you whether its elements have two bytes or
    four?

    地址只说明张量从哪里开始，不说明里面是什么。怎么知道每个元素是两个字节还是四个字节？""",
)

forgets_the_bias_correction_of_a_list = edited(
    "multi_tensor_adamw",
    {"(m / correction1) / (tl.sqrt(v / correction2) + eps)": "m / (tl.sqrt(v) + eps)"},
    """Averages that began at 0 are too small in the first steps. What are the two corrections for?

    从 0 开始的平均值，头几步都偏小。那两个修正是做什么用的？""",
)

puts_epsilon_under_the_root_of_a_list = edited(
    "multi_tensor_adamw",
    {"(tl.sqrt(v / correction2) + eps)": "tl.sqrt(v / correction2 + eps)"},
    """√(v̂ + ε) is not √v̂ + ε: where v̂ is 0 the one is √ε, with ε = 10⁻⁸ ten thousand times the other. On which side
    does (11.3) have it?

    √(v̂ + ε) 不等于 √v̂ + ε：v̂ 为 0、ε = 10⁻⁸ 时，前者是 √ε，为后者的一万倍。（11.3）把 ε 放在哪一边？""",
)

decays_the_new_parameter_of_a_list = edited(
    "multi_tensor_adamw",
    {"shrink * param - lr * step": "shrink * (param - lr * step)"},
    """The decay acts on θ_{t−1}, the parameter before the step, and not on the step as well.

    衰减作用于 θ_{t−1}，即这一步之前的参数，而不作用于这一步本身。""",
)
