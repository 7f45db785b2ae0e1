"""What students get wrong in lab 6."""

from autograder.cases import edited

turns_the_other_way = edited(
    "apply_rope",
    {"even * cos - odd * sin, even * sin + odd * cos": "even * cos + odd * sin, odd * cos - even * sin"},
    """Your pairs are turned by −mθ. Put cos = 0, sin = 1 and the pair (1, 0) into your two lines: (0, 1) should come.

    你的数对转了 −mθ。把 cos = 0、sin = 1 和数对 (1, 0) 代入你的两行：应得 (0, 1)。""",
)

turns_the_second_feature_by_what_became_of_the_first = edited(
    "apply_rope",
    {
        "turned = tl.join(even * cos - odd * sin, even * sin + odd * cos)": (
            "even = even * cos - odd * sin\n    turned = tl.join(even, even * sin + odd * cos)"
        )
    },
    """In place means in memory: both new features come from both old ones. Which of them is already new in yours?

    就地是指在显存里就地：两个新特征都由两个旧特征算出。你用到的哪一个已经是新的了？""",
)

pairs_the_halves = edited(
    "apply_rope",
    {
        "even, odd = tl.split(tl.reshape(x, (TOKENS, PAIRS, 2)))": (
            "even, odd = tl.split(tl.permute(tl.reshape(x, (TOKENS, 2, PAIRS)), (0, 2, 1)))"
        ),
        "tl.store(place, tl.reshape(turned,": "tl.store(place, tl.reshape(tl.permute(turned, (0, 2, 1)),",
    },
    """You pair feature i with feature i + d/2, as Hugging Face's LLaMA does. Which two make a pair in this lab?

    你把特征 i 与特征 i + d/2 配成一对，像 Hugging Face 的 LLaMA 那样。这个实验里，哪两个特征是一对？""",
)

forgets_the_keys = edited(
    "apply_rope",
    {
        "    for _ in range(k_heads):\n        turn_tile(place, exists, cos, sin, TOKENS, PAIRS)\n": (
            "    for _ in range(k_heads):\n"
        )
    },
    """The keys come back as they went in. One launch has to turn both tensors.

    键原样返回了。一次启动要旋转两个张量。""",
)

walks_over_as_many_heads_of_keys_as_of_queries = edited(
    "apply_rope",
    {"range(k_heads)": "range(q_heads)"},
    """k may have fewer heads than q, or more. How many steps does your second walk take?

    k 的头可以比 q 少，也可以比 q 多。你的第二趟走了几步？""",
)

turns_the_first_head_again_and_again = edited(
    "apply_rope",
    {"        place += q_head\n": ""},
    """After each head the pointers have to move on to the next, or one head is turned many times and the others never.

    每转完一个头，指针都要移到下一个头；否则同一个头转了很多次，其余的一次也没转。""",
)

takes_the_strides_of_the_queries_for_the_keys = edited(
    "apply_rope",
    {"k_ptr + batch * k_batch +": "k_ptr + batch * q_batch +"},
    """q and k have different numbers of heads, so their sequences lie differently far apart. Whose strides do you use?

    q 和 k 的头数不同，所以相邻两条序列的间距也不同。你用的是谁的步长？""",
)

forgets_that_dim_is_no_power_of_two = edited(
    "apply_rope",
    {"exists = (token < length) & (feature < dim)": "exists = (token < length) & (feature < 2 * PAIRS)"},
    """PAIRS is rounded up to a power of two. Which columns of your tile are features, and which are another token's?

    PAIRS 向上取到了 2 的幂。你的块里，哪些列是特征，哪些列属于别的 token？""",
)

forgets_the_last_tile = edited(
    "apply_rope",
    {"exists = (token < length) & (feature < dim)": "exists = (token < TOKENS * (length // TOKENS)) & (feature < dim)"},
    """The last tile is seldom full, but its tokens have to be turned as well.

    最后一块很少是满的，但其中的 token 也要旋转。""",
)

gives_every_tile_the_angles_of_the_first = edited(
    "apply_rope",
    {
        "cos_ptr + token * (dim // 2) + pair": "cos_ptr + (token % TOKENS) * (dim // 2) + pair",
        "sin_ptr + token * (dim // 2) + pair": "sin_ptr + (token % TOKENS) * (dim // 2) + pair",
    },
    """The angle belongs to the position in the sequence, not to the place in the tile.

    角度取决于在序列中的位置，而不取决于在块中的位置。""",
)

takes_features_for_pairs_in_the_tables = edited(
    "apply_rope",
    {
        "cos_ptr + token * (dim // 2) + pair": "cos_ptr + (token * (dim // 2) + 2 * pair) % (length * (dim // 2))",
        "sin_ptr + token * (dim // 2) + pair": "sin_ptr + (token * (dim // 2) + 2 * pair) % (length * (dim // 2))",
    },
    """The tables of angles have dim/2 columns, one a pair. Which column belongs to the features 2i and 2i + 1?

    角度表有 dim/2 列，每对一列。特征 2i 和 2i + 1 用的是哪一列？""",
)

calculates_in_half_precision = edited(
    "apply_rope",
    {
        "    x = tl.load(place, mask=exists).to(tl.float32)\n": (
            "    x = tl.load(place, mask=exists)\n    cos, sin = cos.to(x.dtype), sin.to(x.dtype)\n"
        )
    },
    """Each product is rounded to half precision before the two are subtracted. In which dtype should a
    kernel calculate?

    两个乘积在相减之前各自被舍入到半精度。kernel 该用哪种 dtype 计算？""",
)

turns_a_copy = edited(
    "apply_rope",
    {"batch, heads, length, dim = q.shape": "q, k = q.clone(), k.clone()\n    batch, heads, length, dim = q.shape"},
    """What comes back is turned, but the tensors that were given are not. In place means that no other memory is used.

    返回的张量转过了，给出的张量却没有。就地，意味着不用别的显存。""",
)
