"""Wrong answers to chapter 19: what students write, each with the hint it deserves."""

import torch

from autograder.cases import edited, wrong


@wrong("normalized_adjacency")
def forgets_the_loops(a):
    """Where is Ã = A + I? Without it no node hears itself, and an isolated node has degree 0: 1/√0 is inf.

    Ã = A + I 在哪里？没有它，节点听不到自己；孤立节点的度是 0，而 1/√0 是 inf。
    """
    scale = a.sum(1).rsqrt()
    return scale[:, None] * a * scale


DENSE_LOOPS = "a + torch.diag(a.diagonal() == 0)"

doubles_the_loops_that_are_there = edited(
    "normalized_adjacency",
    {DENSE_LOOPS: "a + torch.eye(len(a), dtype=a.dtype)"},
    """A node that already had a loop has one of weight A_ii + 1 in yours. To which nodes should a loop be added?

    原本就有自环的节点，在你的结果里自环的权重成了 A_ii + 1。应当给哪些节点加自环？
    """,
)

resets_every_loop_to_one = edited(
    "normalized_adjacency",
    {DENSE_LOOPS: "a - torch.diag(a.diagonal()) + torch.eye(len(a), dtype=a.dtype)"},
    """A loop of weight 0.5 is an edge like any other and keeps its weight. Which nodes have none?

    权重为 0.5 的自环和别的边一样，要保留它的权重。哪些节点没有自环？
    """,
)


@wrong("normalized_adjacency")
def writes_the_loops_into_the_graph_it_was_given(a):
    """fill_diagonal_ works in place: the caller's graph has loops from now on.

    fill_diagonal_ 是原地操作：从此以后，调用者的图里多出了自环。
    """
    a.fill_diagonal_(1)
    scale = a.sum(1).rsqrt()
    return scale[:, None] * a * scale


divides_each_row_by_its_degree = edited(
    "normalized_adjacency",
    {"scale[:, None] * a * scale": "scale[:, None].square() * a"},
    """Your rows sum to 1: that is D̃⁻¹Ã, the mean over the neighbours. (19.1) has a root of a degree on either side.

    你的每一行之和为 1：那是 D̃⁻¹Ã，即对邻居取平均。(19.1) 在左右两侧各有一个度数的平方根。
    """,
)

takes_the_degrees_before_the_loops = edited(
    "normalized_adjacency",
    {
        "        a = a + torch.diag(a.diagonal() == 0)\n        scale = a.sum(1).rsqrt()\n": (
            "        scale = a.sum(1).rsqrt()\n        a = a + torch.diag(a.diagonal() == 0)\n"
        )
    },
    """D̃ is the degree matrix of Ã, not of A: does a node's loop count in your degrees?

    D̃ 是 Ã 的度矩阵，不是 A 的：在你的度数里，节点的自环算进去了吗？
    """,
)

counts_the_neighbours_of_a_weighted_graph = edited(
    "normalized_adjacency",
    {"a.sum(1)": "(a != 0).to(a.dtype).sum(1)"},
    """The degree of a node is the sum of the weights of its edges; you counted the edges.

    节点的度是它各条边的权重之和；你数的是边的条数。
    """,
)

multiplies_the_degrees_before_the_root = edited(
    "normalized_adjacency",
    {
        "scale = a.sum(1).rsqrt()\n        return scale[:, None] * a * scale": (
            "degree = a.sum(1)\n        return a / (degree[:, None] * degree).sqrt()"
        )
    },
    """With degrees of 1e25 the product of two is 1e50, and float32 ends at 3e38. In what order do the two roots fit?

    度数为 1e25 时，两个度数的乘积是 1e50，而 float32 最大约 3e38。按什么次序开方和相乘才放得下？
    """,
)

sums_the_columns = edited(
    "normalized_adjacency",
    {"a.sum(1)": "a.sum(0)", "index_add(0, i, weights)": "index_add(0, j, weights)"},
    """Right while the graph is undirected. D̃_ii = Σ_j Ã_ij: which index is summed over, the row's or the column's?

    无向图时是对的。D̃_ii = Σ_j Ã_ij：求和的是行指标还是列指标？
    """,
)

cuts_the_gradient_of_the_degrees = edited(
    "normalized_adjacency",
    {"a.sum(1).rsqrt()": "a.sum(1).rsqrt().detach()"},
    """The values are right. But an edge's weight is also part of two degrees: where did that part of its gradient go?

    值是对的。但一条边的权重也包含在两端的度数里：这部分梯度到哪里去了？
    """,
)

makes_a_sparse_graph_dense = edited(
    "normalized_adjacency",
    {"    if not a.is_sparse:": "    a = a.to_dense()\n    if not a.is_sparse:"},
    """A million nodes with ten edges each are 200 MB as a sparse tensor and 4 TB as a dense one. Only stored entries
    need a new weight: which operations see those alone?

    一百万个节点、每个节点十条边，稀疏张量占 200 MB，稠密矩阵占 4 TB。只有存储的元素需要新的权重：哪些运算只看这些元素？
    """,
)

makes_a_sparse_graph_dense_and_sparse_again = edited(
    "normalized_adjacency",
    {
        "    if not a.is_sparse:": (
            "    if a.is_sparse:\n"
            "        return normalized_adjacency(a.to_dense()).to_sparse()\n"
            "    if not a.is_sparse:"
        )
    },
    """The result is sparse, but on the way you made the n × n matrix. Work on `a.coalesce().indices()` and `.values()`.

    结果是稀疏的，但中途造出了 n × n 的矩阵。应当直接处理 `a.coalesce().indices()` 和 `.values()`。
    """,
)

takes_a_stored_zero_for_a_loop = edited(
    "normalized_adjacency",
    {"(i == j) & (a.values() != 0)": "i == j"},
    """A sparse tensor may store zeros: an entry (i, i) with the value 0 is no loop.

    稀疏张量可以存储零：位置 (i, i) 上值为 0 的元素不是自环。
    """,
)


@wrong("gcn_layer")
def activates_before_the_messages_are_sent(h, a, weight, activation):
    """You compute Â σ(H W). In (19.1) σ stands outside: what does it act on?

    你算的是 Â σ(H W)。(19.1) 中 σ 在最外面：它作用在什么上？
    """
    messages = h @ weight
    return normalized_adjacency(a) @ (messages if activation is None else activation(messages))


@wrong("gcn_layer")
def adds_up_the_neighbours_without_a_norm(h, a, weight, activation):
    """A node with fifty friends gets fifty times as much as one with a single friend. What does D̃ do in (19.1)?

    有五十个朋友的节点收到的是只有一个朋友的节点的五十倍。(19.1) 中的 D̃ 起什么作用？
    """
    messages = (a.to_dense() + torch.eye(len(a), dtype=a.dtype)) @ h @ weight
    return messages if activation is None else activation(messages)


@wrong("gcn_layer")
def expects_a_graph_that_is_normalised(h, a, weight, activation):
    """`a` is the adjacency matrix as it is. Which exercise makes Â of it?

    `a` 是原始的邻接矩阵。哪个练习把它变成 Â？
    """
    messages = a @ (h @ weight)
    return messages if activation is None else activation(messages)


@wrong("gcn_layer")
def sends_every_message_backwards(h, a, weight, activation):
    """You multiply by the transpose of Â. In an undirected graph that is the same; in a directed one, row i of Â says
    whom node i listens to.

    你乘的是 Â 的转置。无向图时没有区别；在有向图中，Â 的第 i 行说的是节点 i 听谁的。
    """
    messages = normalized_adjacency(a).mT @ (h @ weight)
    return messages if activation is None else activation(messages)


@wrong("gcn_layer")
def calls_an_activation_that_is_none(h, a, weight, activation):
    """None is not callable. What does the layer return when there is no activation?

    None 不能调用。没有激活函数时，这一层应当返回什么？
    """
    return activation(normalized_adjacency(a) @ h @ weight)


@wrong("gcn_forward")
def activates_the_last_layer_too(h, a, weights, activation):
    """The last layer gives logits: after a ReLU none could be negative. After which layers does σ stand?

    最后一层给出 logits：再过一次 ReLU，就不可能有负数了。σ 在哪些层之后？
    """
    for weight in weights:
        h = gcn_layer(h, a, weight, activation)
    return h


@wrong("gcn_forward")
def normalises_the_graph_twice(h, a, weights, activation):
    """`gcn_layer` takes the adjacency matrix as it is and normalises it. What does yours get?

    `gcn_layer` 接收原始的邻接矩阵，并在内部归一化。你传给它的是什么？
    """
    a = normalized_adjacency(a)
    for weight in weights[:-1]:
        h = gcn_layer(h, a, weight, activation)
    return gcn_layer(h, a, weights[-1], None)


@wrong("gcn_forward")
def sends_no_messages_in_the_last_layer(h, a, weights, activation):
    """Your last layer is H W, each node for itself. In (19.1) every layer multiplies by Â.

    你的最后一层是 H W，节点各管各的。(19.1) 的每一层都要乘以 Â。
    """
    for weight in weights[:-1]:
        h = gcn_layer(h, a, weight, activation)
    return h @ weights[-1]


@wrong("gcn_forward")
def has_no_activation_anywhere(h, a, weights, activation):
    """Without σ two layers are one: Â (Â H W⁽⁰⁾) W⁽¹⁾ is linear in H. Where does it stand?

    没有 σ，两层就等于一层：Â (Â H W⁽⁰⁾) W⁽¹⁾ 对 H 是线性的。σ 应当放在哪里？
    """
    for weight in weights:
        h = gcn_layer(h, a, weight, None)
    return h


@wrong("patchify")
def reshapes_without_moving_an_axis(images, patch_size):
    """A reshape reads the numbers in memory order: first a whole row of pixels across all patches. Give the rows and
    columns of the grid axes of their own; which axes must then change places?

    reshape 按内存次序读数：先是横跨所有块的一整行像素。让网格的行和列各占一个轴；之后哪些轴要换位置？
    """
    b, c, h, w = images.shape
    if h % patch_size or w % patch_size:
        raise ValueError("does not tile")
    return images.reshape(b, (h // patch_size) * (w // patch_size), c * patch_size**2)


flattens_with_channels_last = edited(
    "patchify",
    {"permute(0, 2, 4, 1, 3, 5)": "permute(0, 2, 4, 3, 5, 1)"},
    """Your patches are (P, P, C): red, green and blue of one pixel side by side. Asked for is (C, P, P), as the filters
    of a convolution lie in memory.

    你的块是 (P, P, C)：同一像素的红绿蓝相邻。题目要的是 (C, P, P)，与卷积核在内存中的次序一致。
    """,
)

counts_the_patches_down_the_columns = edited(
    "patchify",
    {"permute(0, 2, 4, 1, 3, 5)": "permute(0, 4, 2, 1, 3, 5)"},
    """Your second patch lies below the first. Reading order goes along the row first.

    你的第二块在第一块的下面。阅读次序是先走完一行。
    """,
)

transposes_every_patch = edited(
    "patchify",
    {"permute(0, 2, 4, 1, 3, 5)": "permute(0, 2, 4, 1, 5, 3)"},
    """The patches are the right ones, each mirrored at its diagonal. In what order do a patch's rows and columns come?

    块是对的，但每一块都沿对角线翻转了。块内的行与列按什么次序排列？
    """,
)

drops_what_is_left_over = edited(
    "patchify",
    {
        "    if (rows * p, columns * p) != (height, width):\n": (
            "    images, height, width = images[:, :, : rows * p, : columns * p], rows * p, columns * p\n"
            "    if False:\n"
        )
    },
    """A convolution of stride P leaves out the pixels at the right and at the bottom without a word. Raise ValueError.

    步长为 P 的卷积会不声不响地丢掉右边和下边的像素。应当抛出 ValueError。
    """,
)


@wrong("patchify")
def puts_the_patches_in_the_last_dimension(images, patch_size):
    """(B, C·P·P, N) is the layout of F.unfold. Here a patch is a row, as a token of a transformer is.

    (B, C·P·P, N) 是 F.unfold 的布局。这里一个块是一行，就像 Transformer 的一个 token。
    """
    b, c, h, w = images.shape
    if h % patch_size or w % patch_size:
        raise ValueError("does not tile")
    grid = images.reshape(b, c, h // patch_size, patch_size, w // patch_size, patch_size)
    return grid.permute(0, 1, 3, 5, 2, 4).reshape(b, c * patch_size**2, -1)


@wrong("unpatchify")
def reshapes_the_patches_at_once(patches, patch_size, channels, height, width):
    """Two pixels that are neighbours in a row of the image lie in different patches at every border. Undo `patchify`
    step by step: what did its last reshape take apart, and which axes had changed places?

    图像同一行中相邻的两个像素，在块的边界处属于不同的块。一步一步地撤销 `patchify`：
    最后一次 reshape 合并了什么，之前哪些轴换了位置？
    """
    if patches.shape[1:] != ((height // patch_size) * (width // patch_size), channels * patch_size**2):
        raise ValueError("wrong shape")
    if height % patch_size or width % patch_size:
        raise ValueError("does not tile")
    return patches.reshape(len(patches), channels, height, width)


takes_the_numbers_for_channels_last = edited(
    "unpatchify",
    {
        "rows, columns, channels, p, p)\n": "rows, columns, p, p, channels)\n",
        "permute(0, 3, 1, 4, 2, 5)": "permute(0, 5, 1, 3, 2, 4)",
    },
    """You read a patch as (P, P, C). In what order did `patchify` flatten it?

    你把一块当作 (P, P, C) 来读。`patchify` 是按什么次序展平的？
    """,
)

permutes_as_patchify_does = edited(
    "unpatchify",
    {
        "rows, columns, channels, p, p)\n": "rows, columns, channels, p, p)\n",
        "permute(0, 3, 1, 4, 2, 5)": "permute(0, 2, 4, 1, 3, 5)",
    },
    """A permutation is undone by its inverse. Axis 1 of `patchify`'s grid went to place 3: where must axis 3 go?

    置换要用它的逆来撤销。`patchify` 把网格的第 1 轴放到了第 3 位：现在第 3 轴应当放到哪里？
    """,
)

swaps_rows_and_columns_of_the_grid = edited(
    "unpatchify",
    {
        "rows, columns, channels, p, p)\n": "columns, rows, channels, p, p)\n",
        "permute(0, 3, 1, 4, 2, 5)": "permute(0, 3, 2, 4, 1, 5)",
    },
    """You have exchanged the rows and the columns of the grid. How many patches stand in one row?

    你把网格的行和列弄反了。一行里有多少个块？
    """,
)

guesses_how_many_images_there_are = edited(
    "unpatchify",
    {
        "patches.shape[1:] != (rows * columns, channels * p * p)": "False",
        "patches.reshape(len(patches), rows": "patches.reshape(-1, rows",
        "reshape(len(patches), channels": "reshape(-1, channels",
    },
    """reshape(-1, …) makes a batch of whatever fits: the halves of two images become one. Compare the shape of
    `patches` with what it must be.

    reshape(-1, …) 只要数目合适就拼成一批：两幅图像的各一半会变成一幅。把 `patches` 的形状与它应有的形状比较。
    """,
)


@wrong("patch_embed")
def leaves_out_the_bias(images, weight, bias, patch_size):
    """Every filter has a number of its own that is added to its output.

    每个滤波器都有一个自己的数，要加到它的输出上。
    """
    if weight.shape[1:] != (images.shape[1], patch_size, patch_size):
        raise ValueError("filters do not fit")
    return patchify(images, patch_size) @ weight.flatten(1).mT


flattens_the_filters_otherwise_than_the_patches = edited(
    "patch_embed",
    {"weight.flatten(1)": "weight.permute(0, 2, 3, 1).flatten(1)"},
    """A patch lies as (C, P, P) and your filter as (P, P, C): the inner product pairs the red of one pixel with the
    green of another.

    块按 (C, P, P) 排列，你的滤波器却按 (P, P, C)：内积把这个像素的红和那个像素的绿配在了一起。
    """,
)

turns_the_filters_round = edited(
    "patch_embed",
    {"weight.flatten(1)": "weight.flip(2, 3).flatten(1)"},
    """That is a convolution as mathematics has it. `nn.Conv2d` multiplies without turning the filter (5.3).

    那是数学意义上的卷积。`nn.Conv2d` 不翻转滤波器，直接相乘 (5.3)。
    """,
)

returns_feature_maps = edited(
    "patch_embed",
    {"weight.flatten(1), bias)": "weight.flatten(1), bias).mT"},
    """(B, D, N) is what a convolution gives after flatten(2). A transformer reads (B, N, D): a row a patch.

    (B, D, N) 是卷积再 flatten(2) 的结果。Transformer 读的是 (B, N, D)：一块一行。
    """,
)

accepts_filters_of_any_shape = edited(
    "patch_embed",
    {"if weight.shape[1:] != (images.shape[1], patch_size, patch_size):": "if False:"},
    """A filter of 1 × 4 has as many numbers as a patch of 2 × 2, and the product runs. Which shape must `weight` have?

    1 × 4 的滤波器与 2 × 2 的块数字一样多，乘积照样算得出来。`weight` 应当是什么形状？
    """,
)

needs_a_bias = edited(
    "patch_embed",
    {"F.linear(": "bias + F.linear(", "weight.flatten(1), bias)": "weight.flatten(1))"},
    """The bias may be None, as with nn.Conv2d(…, bias=False).

    偏置可以是 None，如 nn.Conv2d(…, bias=False)。
    """,
)


puts_the_class_token_last = edited(
    "vit_tokens",
    {"[first, patches @ e]": "[patches @ e, first]"},
    """In (19.3) x_class stands first, and the first row of E_pos belongs to it.

    (19.3) 中 x_class 排在第一位，E_pos 的第一行属于它。
    """,
)

gives_the_class_token_no_position = edited(
    "vit_tokens",
    {"torch.cat([first, patches @ e], dim=1) + positions": ("torch.cat([first, patches @ e + positions[1:]], dim=1)")},
    """E_pos has N + 1 rows: to what is its first one added?

    E_pos 有 N + 1 行：第一行加到什么上？
    """,
)

forgets_the_positions = edited(
    "vit_tokens",
    {" dim=1) + positions": " dim=1)"},
    """Attention does not see in which order its tokens come. What tells it where a patch lies in the image?

    注意力看不到 token 的次序。靠什么知道一个块在图像中的位置？
    """,
)

adds_the_class_token_to_every_patch = edited(
    "vit_tokens",
    {"torch.cat([first, patches @ e], dim=1) + positions": "first + patches @ e + positions[1:]"},
    """[… ; …] in (19.3) puts rows one under the other. How many rows does z₀ have?

    (19.3) 中的 [… ; …] 是把各行上下拼接。z₀ 有多少行？
    """,
)

stretches_positions_that_do_not_fit = edited(
    "vit_tokens",
    {"if positions.shape != shape:": "if False:"},
    """Broadcasting gives all tokens the same position without a word. Compare the shape of `positions` first.

    广播会不声不响地让所有 token 共用一个位置。先比较 `positions` 的形状。
    """,
)
