"""What students get wrong in chapter 17, and the hint that each mistake deserves."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder.cases import edited, wrong


@wrong("lora_forward")
def multiplies_b_and_a_out_as_the_atlas_does(x, w0, a, b, alpha):
    """Right, but B @ A has as many elements as W₀, and it is made anew in every forward pass. In which order can the
    three factors of BAx be multiplied, and what is the size of each intermediate result?

    结果是对的，但 B @ A 的元素与 W₀ 一样多，而且每次前向都要重新算。
    BAx 的三个因子可以按什么次序相乘？每种次序的中间结果有多大？
    """
    if b.shape != (w0.shape[0], a.shape[0]):
        raise ValueError("shapes")
    return F.linear(x, w0) + F.linear(x, b @ a) * (alpha / a.shape[0])


forgets_to_divide_by_the_rank = edited(
    "lora_forward",
    {"alpha / a.shape[0]": "alpha"},
    """Your change is r times too large. What stands in front of BAx in (17.2)?

    你的增量大了 r 倍。(17.2) 里 BAx 前面是什么？
    """,
)

divides_integers_and_rounds_down = edited(
    "lora_forward",
    {"alpha / a.shape[0]": "alpha // a.shape[0]"},
    """For α = 1 and r = 3 your change has disappeared. Which division of Python rounds down?

    α = 1、r = 3 时你的增量消失了。Python 的哪种除法会向下取整？
    """,
)

divides_by_the_number_of_inputs = edited(
    "lora_forward",
    {"alpha / a.shape[0]": "alpha / a.shape[1]"},
    """A is (r, k). Which of its two sizes is the rank?

    A 的形状是 (r, k)。两个大小里哪一个是秩？
    """,
)


@wrong("lora_forward")
def scales_the_frozen_path_too(x, w0, a, b, alpha):
    """With B = 0 the output should be W₀x whatever α is. Which of the two terms of (17.2) does α/r belong to?

    B = 0 时，无论 α 是多少，输出都应当是 W₀x。(17.2) 的两项中，α/r 属于哪一项？
    """
    if b.shape != (w0.shape[0], a.shape[0]):
        raise ValueError("shapes")
    return alpha / a.shape[0] * (F.linear(x, w0) + F.linear(F.linear(x, a), b))


@wrong("lora_forward")
def runs_the_frozen_path_without_gradients(x, w0, a, b, alpha):
    """The values are right. "Frozen" means that W₀ gets no update; the gradient of x must still pass through W₀, or the
    layers below never hear of it. What does torch.no_grad cut off?

    值是对的。“冻结”是说 W₀ 不更新；x 的梯度仍要穿过 W₀，否则下面的层收不到它。torch.no_grad 切断了什么？
    """
    if b.shape != (w0.shape[0], a.shape[0]):
        raise ValueError("shapes")
    with torch.no_grad():
        frozen = F.linear(x, w0)
    return frozen + alpha / a.shape[0] * F.linear(F.linear(x, a), b)


lets_one_output_broadcast_to_all = edited(
    "lora_forward",
    {"if b.shape != (w0.shape[0], a.shape[0]):": "if b.shape[1] != a.shape[0]:"},
    """A change for one output is added to all of them without a word: broadcasting. Compare the number of rows of b and
    of w0 first, and raise ValueError.

    只有一个输出的增量被悄悄加到了所有输出上，这是广播造成的。先比较 b 与 w0 的行数，不等就抛出 ValueError。
    """,
)


@wrong("lora_parameter_count")
def counts_the_product(d, k, r):
    """BA has d·k elements, but nobody stores or trains it. Which matrices does LoRA train, and what are their shapes?

    BA 有 d·k 个元素，但没有人保存或训练它。LoRA 训练的是哪些矩阵，形状各是什么？
    """
    if min(d, k, r) < 1:
        raise ValueError("sizes")
    return d * k


@wrong("lora_parameter_count")
def counts_both_matrices_as_square(d, k, r):
    """Right for a square weight only. What is the shape of B, and what is that of A?

    只对方阵是对的。B 的形状是什么？A 的呢？
    """
    if min(d, k, r) < 1:
        raise ValueError("sizes")
    return 2 * d * r


@wrong("lora_parameter_count")
def multiplies_all_three_sizes(d, k, r):
    """That would be r matrices of the size of W₀. Count the elements of A, and those of B, and add.

    那是 r 个与 W₀ 一样大的矩阵。先数 A 的元素，再数 B 的元素，然后相加。
    """
    if min(d, k, r) < 1:
        raise ValueError("sizes")
    return r * d * k


@wrong("lora_parameter_count")
def counts_the_frozen_weight_with_them(d, k, r):
    """W₀ is there, but it is frozen: it has no gradient and no optimizer state. The question is what is trained.

    W₀ 确实在那里，但它被冻结了：没有梯度，也没有优化器状态。问的是训练多少个数。
    """
    if min(d, k, r) < 1:
        raise ValueError("sizes")
    return d * k + r * (d + k)


@wrong("lora_parameter_count")
def caps_the_rank_at_the_smaller_size(d, k, r):
    """A product BA has a rank of at most min(d, k), but A and B have the sizes that they were given.

    乘积 BA 的秩不超过 min(d, k)，但 A 和 B 的大小是给定的。
    """
    if min(d, k, r) < 1:
        raise ValueError("sizes")
    return min(r, d, k) * (d + k)


accepts_a_rank_of_zero = edited(
    "lora_parameter_count",
    {"if min(d, k, r) < 1:": "if min(d, k) < 1:"},
    """An adapter of rank 0 has no parameters, and α/r is not defined. Raise ValueError for it, too.

    秩为 0 的适配器没有参数，α/r 也没有意义。这时也应当抛出 ValueError。
    """,
)


draws_b_at_random_like_a = edited(
    "LoRALinear",
    {"base.weight.new_zeros(base.out_features, r)": "torch.randn_like(base.weight[:, :1].repeat(1, r))"},
    """The pretrained layer is disturbed before the first step: the output of the new module differs from its base's.
    Which of the two matrices must be 0, so that BA is?

    第一步之前，预训练的层就被扰乱了：新模块的输出与原来的层不同。两个矩阵里哪一个必须是 0，BA 才是 0？
    """,
)

begins_with_both_matrices_zero = edited(
    "LoRALinear",
    {"nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))": "nn.init.zeros_(self.lora_a)"},
    """With A = 0 and B = 0 the product is 0, and so is the gradient of either: each is multiplied by the other. The
    module can never learn anything.

    A = 0 且 B = 0 时，乘积是 0，而且二者的梯度也都是 0，因为梯度里都乘着对方。这个模块什么也学不到。
    """,
)

draws_a_from_the_standard_normal = edited(
    "LoRALinear",
    {"nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))": "nn.init.normal_(self.lora_a)"},
    """A of variance 1 makes Ax about √k times as large as x. Which standard deviation does the docstring ask for?

    方差为 1 的 A 会让 Ax 比 x 大约 √k 倍。文档里要求的标准差是多少？
    """,
)

leaves_the_base_trainable = edited(
    "LoRALinear",
    {"base.requires_grad_(False)": "base"},
    """After a training step base.weight has moved: it still asks for gradients. What makes a parameter frozen?

    训练一步之后 base.weight 变了：它仍然要求梯度。怎样冻结一个参数？
    """,
)

scales_by_alpha_alone = edited(
    "LoRALinear",
    {"alpha / r": "alpha"},
    """Your change is r times too large. By what does (17.2) multiply BAx?

    你的增量大了 r 倍。(17.2) 用什么去乘 BAx？
    """,
)

merges_without_the_scale = edited(
    "LoRALinear",
    {"self.scaling * self.lora_b @ self.lora_a": "self.lora_b @ self.lora_a"},
    """This is W₀ + BA, as the Atlas prints 17.5. The merged layer should compute what forward computes.

    这是 Atlas 里印的 17.5，即 W₀ + BA。合并后的层应当与 forward 的结果相同。
    """,
)

merges_into_its_own_base = edited(
    "LoRALinear",
    {"copy.deepcopy(self.base)": "self.base"},
    """After merge() the change is in base.weight and beside it as well: the module counts it twice from then on.
    Which object did you write into?

    merge() 之后，增量既在 base.weight 里，又还在旁路上：从此模块把它算了两遍。你写进了哪个对象？
    """,
)


@wrong("LoRALinear")
class KeepsItsMatricesAsPlainTensors(nn.Module):
    """A and B are not in state_dict(), and no optimizer would ever see them. How does nn.Module learn that a tensor
    is a parameter?

    A 和 B 不在 state_dict() 里，优化器也永远看不到它们。nn.Module 怎样知道一个张量是参数？
    """

    def __init__(self, base, r, alpha):
        super().__init__()
        if r < 1:
            raise ValueError(r)
        self.base, self.scaling = base.requires_grad_(False), alpha / r
        k = base.in_features
        self.lora_a = (torch.randn(r, k, dtype=base.weight.dtype) / math.sqrt(3 * k)).requires_grad_()
        self.lora_b = torch.zeros(base.out_features, r, dtype=base.weight.dtype, requires_grad=True)

    def forward(self, x):
        return self.base(x) + self.scaling * (x @ self.lora_a.mT @ self.lora_b.mT)

    def merge(self):
        merged = nn.Linear(self.base.in_features, self.base.out_features).to(self.base.weight.dtype)
        merged.weight.data = self.base.weight + self.scaling * (self.lora_b @ self.lora_a).detach()
        return merged


makes_its_matrices_in_the_default_dtype = edited(
    "LoRALinear",
    {
        "base.weight.new_empty(r, base.in_features)": "torch.empty(r, base.in_features)",
        "base.weight.new_zeros(base.out_features, r)": "torch.zeros(base.out_features, r)",
    },
    """torch.zeros makes float32, whatever the base layer is. A layer in float64 or bfloat16 then meets matrices of
    another dtype. From what can the dtype be taken?

    torch.zeros 总是给出 float32，不管原来的层是什么。float64 或 bfloat16 的层就会遇到别的 dtype 的矩阵。
    dtype 可以从哪里取？
    """,
)


@wrong("LoRALinear")
class ForgetsTheBias(nn.Module):
    """Your module computes W₀x and the change, but the base layer also adds a bias, where it has one.

    你的模块算了 W₀x 和增量，但原来的层若有偏置，还要加上偏置。
    """

    def __init__(self, base, r, alpha):
        super().__init__()
        if r < 1:
            raise ValueError(r)
        self.base, self.scaling = base.requires_grad_(False), alpha / r
        self.lora_a = nn.Parameter(base.weight.new_empty(r, base.in_features))
        self.lora_b = nn.Parameter(base.weight.new_zeros(base.out_features, r))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    def forward(self, x):
        return x @ self.base.weight.mT + self.scaling * (x @ self.lora_a.mT @ self.lora_b.mT)

    def merge(self):
        merged = nn.Linear(self.base.in_features, self.base.out_features, bias=False)
        merged.weight = nn.Parameter(self.base.weight + self.scaling * (self.lora_b @ self.lora_a).detach())
        return merged


cuts_the_gradient_of_the_base_path = edited(
    "LoRALinear",
    {"self.base(x) +": "self.base(x).detach() +"},
    """W₀ is frozen, but the gradient of x must pass through it on its way to the layers below.

    W₀ 是冻结的，但 x 的梯度要穿过它，才能传到下面的层。
    """,
)

multiplies_b_and_a_in_every_forward_pass = edited(
    "LoRALinear",
    {"F.linear(F.linear(x, self.lora_a), self.lora_b)": "F.linear(x, self.lora_b @ self.lora_a)"},
    """Right, but every forward pass makes a matrix as large as the weight. In which order is BAx cheap?

    结果是对的，但每次前向都造出一个与权重一样大的矩阵。BAx 按什么次序计算才便宜？
    """,
)


@wrong("merge")
def adds_the_product_as_the_atlas_prints_it(w0, a, b, alpha):
    """W₀ + BA is not what the layer computed while it was trained: compare with (17.2). What is missing?

    训练时这个层算的并不是 W₀ + BA：与 (17.2) 比较一下，少了什么？
    """
    if w0.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    return w0 + b @ a


@wrong("merge")
def adds_into_the_weight_it_was_given(w0, a, b, alpha):
    """w0.add_ changes the caller's weight. Once merged in place, the old weight is gone, and the next adapter starts
    from the wrong one.

    w0.add_ 改动了调用者的权重。原地合并之后，原来的权重就没有了，下一个适配器会从错误的起点开始。
    """
    if w0.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    return w0.add_(alpha / a.shape[0] * b @ a)


multiplies_by_alpha_only = edited(
    "merge",
    {"alpha / a.shape[0]": "alpha"},
    """Your change is r times too large.

    你的增量大了 r 倍。
    """,
)

rounds_the_scale_down = edited(
    "merge",
    {"alpha / a.shape[0]": "alpha // a.shape[0]"},
    """For α = 1 and r = 3 nothing is added: which division of Python rounds down?

    α = 1、r = 3 时什么也没有加上：Python 的哪种除法会向下取整？
    """,
)


@wrong("merge")
def multiplies_a_by_b(w0, a, b, alpha):
    """For a square weight with r = d = k the shapes fit either way. What does the vector x meet first, A or B?

    当 r = d = k 时，两种次序形状都对得上。向量 x 先遇到的是 A 还是 B？
    """
    if w0.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    change = a @ b if a.shape == b.shape else b @ a
    return w0 + alpha / a.shape[0] * change


@wrong("merge")
def returns_the_old_weight_where_nothing_changes(w0, a, b, alpha):
    """Where B = 0 you hand back the tensor that you were given. Whoever writes into the merged weight then writes into
    W₀.

    B = 0 时，你把收到的张量原样交回。谁往合并后的权重里写，就写进了 W₀。
    """
    if w0.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    change = alpha / a.shape[0] * b @ a
    return w0 if change.count_nonzero() == 0 and not change.requires_grad else w0 + change


broadcasts_a_change_of_another_shape = edited(
    "merge",
    {"if w0.shape != (b.shape[0], a.shape[1]):": "if False:"},
    """A change of shape (4, 1) is added to a weight of shape (4, 5) without a word: broadcasting. Compare the shapes
    first and raise ValueError.

    形状 (4, 1) 的增量被悄悄加到了形状 (4, 5) 的权重上，这是广播造成的。先比较形状，不符就抛出 ValueError。
    """,
)


@wrong("unmerge")
def merges_a_second_time(w, a, b, alpha):
    """The change is in there twice now. Solve (17.5) for W₀.

    现在增量被加了两遍。从 (17.5) 解出 W₀。
    """
    if w.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    return w + alpha / a.shape[0] * b @ a


@wrong("unmerge")
def subtracts_the_product_without_its_scale(w, a, b, alpha):
    """What was added was scaled by α/r; what is taken away must be the same.

    加上去的时候乘了 α/r；减去的也必须是同样的东西。
    """
    if w.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    return w - b @ a


@wrong("unmerge")
def divides_the_change_by_the_scale(w, a, b, alpha):
    """To undo an addition, subtract what was added. Nothing has to be divided.

    要撤销加法，就减去加上的东西，不需要做除法。
    """
    if w.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    return w - a.shape[0] / alpha * b @ a if alpha else w.clone()


@wrong("unmerge")
def subtracts_in_place(w, a, b, alpha):
    """The values are right, but the merged weight of the caller has changed: -= works in place.

    值是对的，但调用者手里的合并权重被改动了：-= 是原地运算。
    """
    if w.shape != (b.shape[0], a.shape[1]):
        raise ValueError("shapes")
    w -= alpha / a.shape[0] * b @ a
    return w


@wrong("unmerge")
def lets_a_wrong_shape_broadcast(w, a, b, alpha):
    """A change of one row or column is subtracted from all of them without a word. Compare the shapes first and raise
    ValueError.

    只有一行或一列的增量，被悄悄从每一行或每一列里减去了。先比较形状，不符就抛出 ValueError。
    """
    return w - alpha / a.shape[0] * b @ a


leaves_the_whole_weight_as_the_residual = edited(
    "lora_svd_init",
    {"w0 - b @ a, a, b": "w0.clone(), a, b"},
    """The strong part is in the residual and in BA as well, so that the network starts from another place. What must
    the residual and BA add up to?

    最强的部分既在残差里又在 BA 里，网络就不是从原处开始了。残差与 BA 相加应当等于什么？
    """,
)


@wrong("lora_svd_init")
def takes_the_weakest_directions(w0, rank):
    """Your BA is the smallest part of rank r, not the nearest to W₀. In which order does svd return the singular
    values?

    你的 BA 是秩为 r 的最小部分，而不是最接近 W₀ 的。svd 按什么次序返回奇异值？
    """
    if not 1 <= rank <= min(w0.shape):
        raise ValueError(rank)
    u, s, vh = torch.linalg.svd(w0, full_matrices=False)
    a, b = vh[-rank:], u[:, -rank:] * s[-rank:]
    return w0 - b @ a, a, b


@wrong("lora_svd_init")
def gives_the_singular_values_to_both(w0, rank):
    """B = UΣ and A = ΣVᵀ multiply to UΣ²Vᵀ. How must Σ be shared, so that it appears once in the product?

    B = UΣ 与 A = ΣVᵀ 相乘得 UΣ²Vᵀ。Σ 该怎样分给二者，才能在乘积里只出现一次？
    """
    if not 1 <= rank <= min(w0.shape):
        raise ValueError(rank)
    u, s, vh = torch.linalg.svd(w0, full_matrices=False)
    a, b = s[:rank, None] * vh[:rank], u[:, :rank] * s[:rank]
    return w0 - b @ a, a, b


@wrong("lora_svd_init")
def forgets_the_singular_values(w0, rank):
    """U Vᵀ has the directions but not their strengths: all its singular values are 1.

    U Vᵀ 只有方向，没有强度：它的奇异值全是 1。
    """
    if not 1 <= rank <= min(w0.shape):
        raise ValueError(rank)
    u, _, vh = torch.linalg.svd(w0, full_matrices=False)
    return w0 - u[:, :rank] @ vh[:rank], vh[:rank], u[:, :rank]


@wrong("lora_svd_init")
def takes_the_third_factor_for_v(w0, rank):
    """The third factor that torch.linalg.svd returns is Vᵀ already. Are the right singular vectors its rows or its
    columns?

    torch.linalg.svd 返回的第三个因子已经是 Vᵀ。右奇异向量是它的行还是列？
    """
    if not 1 <= rank <= min(w0.shape):
        raise ValueError(rank)
    u, s, v = torch.linalg.svd(w0, full_matrices=False)
    a, b = v[:, :rank].mT, u[:, :rank] * s[:rank]
    if a.shape[1] != w0.shape[1]:
        a = v[:rank]
    return w0 - b @ a, a, b


@wrong("lora_svd_init")
def multiplies_the_matrix_by_its_transpose(w0, rank):
    """The eigenvectors of WᵀW are the right ones in exact arithmetic, but its eigenvalues are squares: 1e-9 beside 1
    becomes 1e-18, which rounding has wiped out. What decomposes W itself?

    在精确算术里，WᵀW 的特征向量是对的，但特征值是平方：1 旁边的 1e-9 变成 1e-18，已被舍入抹掉。
    什么分解直接作用于 W 本身？
    """
    if not 1 <= rank <= min(w0.shape):
        raise ValueError(rank)
    v = torch.linalg.eigh(w0.mT @ w0).eigenvectors.flip(-1)[:, :rank]
    b = w0 @ v
    return w0 - b @ v.mT, v.mT, b


lets_a_slice_cut_the_rank = edited(
    "lora_svd_init",
    {"if not 1 <= rank <= min(w0.shape):": "if rank < 1:"},
    """For a rank above min(d, k) your slices end where the singular values do, without a word: A and B are then of
    another rank than was asked for. Raise ValueError.

    秩超过 min(d, k) 时，切片悄悄地停在奇异值用完的地方：A 和 B 的秩不是所要求的。应当抛出 ValueError。
    """,
)

makes_a_square_factor_of_the_longer_side = edited(
    "lora_svd_init",
    {", full_matrices=False": ""},
    """Right, but for an embedding of 128,000 × 4096 the full U has 128,000² entries, of which you use r columns. Which
    option of svd leaves the rest away?

    结果是对的，但对 128,000 × 4096 的词嵌入，完整的 U 有 128,000² 个元素，而你只用其中 r 列。
    svd 的哪个选项可以省去其余的？
    """,
)
