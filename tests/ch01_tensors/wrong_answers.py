"""What students get wrong in chapter 1, and the hint that each mistake deserves."""

import math

import torch

from autograder.cases import edited, wrong


@wrong("broadcast_shapes")
def aligns_at_the_first_dimension(*shapes):
    """You line the shapes up at their first dimension. A bias of shape (10,) meets a batch (32, 10): at which end?

    你从第一维开始对齐。形状 (10,) 的偏置遇上 (32, 10) 的批次：应从哪一端对齐？
    """
    rank = max((len(shape) for shape in shapes), default=0)
    result = []
    for i in range(rank):
        sizes = {shape[i] for shape in shapes if i < len(shape)} - {1}
        if len(sizes) > 1:
            raise ValueError("the shapes do not broadcast")
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


@wrong("broadcast_shapes")
def takes_the_largest_size(*shapes):
    """The largest size wins in your rule. Which sizes may differ at all, and what becomes of 0 and 1?

    你的规则总取最大的大小。到底哪些大小允许不同？0 与 1 相遇又得到什么？
    """
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(max(sizes) for sizes in zip(*padded, strict=True))


@wrong("broadcast_shapes")
def takes_an_empty_dimension_for_a_missing_one(*shapes):
    """A size of 0 is a size like 3 or 5: it meets 1 and stays 0, and it refuses 5. Look at how you test for "unset".

    大小 0 与 3、5 一样是真正的大小：遇到 1 仍为 0，遇到 5 应报错。检查你如何判断“尚未确定”。
    """
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        found = 0
        for size in sizes:
            if size > 1 and found and size != found:
                raise ValueError("the shapes do not broadcast")
            if size > 1:
                found = size
        result.append(found or 1)
    return tuple(result)


@wrong("broadcast_shapes")
def lets_multiples_broadcast(*shapes):
    """You let 6 meet 3. Broadcasting stretches only a size of 1; nothing is tiled.

    你让 6 与 3 相遇。广播只拉伸大小为 1 的维度，不会整段重复。
    """
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        size = 0 if 0 in sizes else max(sizes)
        if any(s == 0 or size % s for s in sizes if size) or (size == 0 and max(sizes) > 1):
            raise ValueError("the shapes do not broadcast")
        result.append(size)
    return tuple(result)


@wrong("hadamard")
def multiplies_as_matrices(a, b):
    """Two square matrices have two products. (1.1) has no sum in it: which operator sums over k?

    两个方阵有两种乘积。(1.1) 里没有求和：哪个运算符会对 k 求和？
    """
    return a @ b


@wrong("hadamard")
def sums_the_products(a, b):
    """You stop at one number for each row. The Hadamard product has as many entries as its factors.

    你的结果每行只剩一个数。Hadamard 积的元素个数与因子相同。
    """
    return (a * b).sum(-1)


@wrong("hadamard")
def keeps_the_dtype_of_the_first(a, b):
    """An integer times 0.5 must not become an integer again. Which dtype does torch promote the two to?

    整数乘 0.5 不应再变回整数。torch 会把两者提升到哪个 dtype？
    """
    return (a * b).to(a.dtype)


@wrong("hadamard")
def insists_on_equal_shapes(a, b):
    """(1.1) is printed for equal shapes, but the exercise asks for shapes that broadcast.

    (1.1) 写的是形状相同的情形，但本练习要求支持可广播的形状。
    """
    if a.shape != b.shape:
        raise ValueError("the shapes differ")
    return a * b


@wrong("hadamard")
def treats_the_second_factor_as_a_constant(a, b):
    """The value is right, but no gradient reaches b. In a product, each factor's gradient is the other one.

    值是对的，但梯度没有传到 b。乘积中每个因子的梯度是另一个因子。
    """
    return a * b.detach()


@wrong("power")
def multiplies_once_for_every_unit(x, n):
    """A loop of n − 1 products is right and slow. x⁸ = ((x²)²)² needs three: what does x⁹ need?

    循环 n − 1 次，结果对但太慢。x⁸ = ((x²)²)² 只需三次乘法：x⁹ 呢？
    """
    if not isinstance(n, int):
        raise ValueError("n must be an int")
    base = x if n >= 0 else 1 / x
    result = x.clone().fill_(1)
    for _ in range(abs(n)):
        result = result * base
    return result


@wrong("power")
def loses_the_odd_factor(x, n):
    """Halving an odd exponent drops a remainder. Try n = 3 by hand: where does the third x go?

    奇数指数减半会丢掉余数。用 n = 3 手算一遍：第三个 x 去了哪里？
    """
    if not isinstance(n, int):
        raise ValueError("n must be an int")
    if n < 0:
        return power(1 / x, -n)
    if n == 0:
        return x.clone().fill_(1)
    if n == 1:
        return x
    half = power(x, n // 2)
    return half * half


negates_instead_of_inverting = edited(
    "power",
    {"power(1 / x, -n)": "-power(x, -n)"},
    """A negative exponent is not a negative result: x⁻² · x² must be 1.

    负指数不是负的结果：x⁻² · x² 必须等于 1。
    """,
)

ignores_the_sign_of_the_exponent = edited(
    "power",
    {"power(1 / x, -n)": "power(x, -n)"},
    """You use |n|. What must x⁻² · x² be?

    你用了 |n|。x⁻² · x² 应当是多少？
    """,
)

computes_the_half_twice = edited(
    "power",
    {"half * half * x if n % 2 else half * half": "half * power(x, n - n // 2)"},
    """You split n in halves but compute both, so there are as many products as before. The halves are the same number.

    你把 n 分成两半，却把两半都算了一遍，乘法次数没有减少。两半其实是同一个数。
    """,
)

zero_to_the_zero_is_zero = edited(
    "power",
    {"x.clone().fill_(1)": "x / x"},
    """x/x is 0/0 at x = 0. The empty product is 1, whatever x is.

    x = 0 时 x/x 是 0/0。空乘积等于 1，与 x 无关。
    """,
)

leaves_the_graph_at_the_zeroth_power = edited(
    "power",
    {"x.clone().fill_(1)": "torch.ones_like(x)"},
    """The value 1 is right, but backward() through x⁰ fails: ones_like(x) does not depend on x for autograd.
    The docstring asks for a gradient of 0, which is not the same as none.

    值 1 是对的，但对 x⁰ 调用 backward() 会出错：对 autograd 来说 ones_like(x) 与 x 无关。
    文档要求梯度为 0，这与没有梯度不同。
    """,
)


@wrong("contiguous_strides")
def counts_from_the_first_dimension(shape):
    """You let the first index move fastest, as Fortran does. In a contiguous tensor, which neighbours lie side by side?

    你让第一个下标变化最快，那是 Fortran 的次序。在连续张量中，哪些相邻元素在内存里挨着？
    """
    steps, step = [], 1
    for size in shape:
        steps.append(step)
        step *= max(size, 1)
    return tuple(steps)


@wrong("contiguous_strides")
def multiplies_before_it_writes(shape):
    """Each of your strides is one dimension too large: is the size of a dimension part of its own stride?

    你的每个 stride 都多乘了一维：某一维的大小会计入它自己的 stride 吗？
    """
    steps, step = [], 1
    for size in reversed(shape):
        step *= max(size, 1)
        steps.append(step)
    return tuple(reversed(steps))


@wrong("contiguous_strides")
def lets_an_empty_dimension_zero_the_strides(shape):
    """A size of 0 turns the strides before it into 0. What does torch.empty(2, 0, 3).stride() say?

    大小 0 让它前面的 stride 都变成了 0。torch.empty(2, 0, 3).stride() 是什么？
    """
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


@wrong("contiguous_strides")
def counts_in_bytes(shape):
    """Your strides count bytes, as NumPy's do. torch counts entries.

    你的 stride 以字节计，那是 NumPy 的做法。torch 以元素计。
    """
    return tuple(4 * math.prod(max(size, 1) for size in shape[i + 1 :]) for i in range(len(shape)))


@wrong("contiguous_strides")
def gives_stride_zero_to_sizes_of_one(shape):
    """Stride 0 belongs to a dimension stretched by broadcasting. In a contiguous tensor a size of 1 counts like others.

    stride 0 属于被广播拉伸的维度。连续张量中大小为 1 的维度与其他维度一样计算。
    """
    steps = [math.prod(max(size, 1) for size in shape[i + 1 :]) for i in range(len(shape))]
    return tuple(0 if size == 1 else step for size, step in zip(shape, steps, strict=True))


@wrong("transpose")
def copies_the_columns(a):
    """The values are right, but they were copied. A transpose needs no copy: which two numbers of the tensor change?

    值是对的，但数据被复制了。转置无需复制：张量的哪两个数互换即可？
    """
    if a.dim() < 2:
        raise ValueError("a matrix is needed")
    result = a.new_empty(*a.shape[:-2], a.shape[-1], a.shape[-2])
    for j in range(a.shape[-1]):
        result[..., j, :] = a[..., j]
    return result


@wrong("transpose")
def reads_the_numbers_in_a_new_shape(a):
    """reshape keeps the numbers in their order and only cuts the rows elsewhere. Look at where A_01 ends up.

    reshape 不改变数的次序，只是换了断行的位置。看看 A_01 到了哪里。
    """
    if a.dim() < 2:
        raise ValueError("a matrix is needed")
    return a.reshape(*a.shape[:-2], a.shape[-1], a.shape[-2])


@wrong("transpose")
def reverses_all_dimensions(a):
    """You turn every dimension round, the batch too. Only the last two change places.

    你把所有维度都倒了过来，连批次维也动了。只有最后两维互换。
    """
    if a.dim() < 2:
        raise ValueError("a matrix is needed")
    return a.as_strided(a.shape[::-1], a.stride()[::-1])


@wrong("transpose")
def exchanges_the_first_two_dimensions(a):
    """With a batch in front, the first two dimensions are not rows and columns. Count from the end.

    前面有批次维时，最前两维不是行与列。应从后往前数。
    """
    if a.dim() < 2:
        raise ValueError("a matrix is needed")
    m, n, *rest = a.shape
    s, t, *others = a.stride()
    return a.as_strided((n, m, *rest), (t, s, *others))


supposes_contiguous_strides = edited(
    "transpose",
    {"column_stride, row_stride))": "1, n))", "*batch_strides, row_stride, column_stride": "*batch_strides, _, _"},
    """You compute the strides from the shape, which holds for a contiguous tensor only. The tensor knows its own.

    你由形状推算 stride，这只对连续张量成立。张量自己知道它的 stride。
    """,
)


@wrong("dot")
def multiplies_without_summing(x, y):
    """You return a vector of products. The dot product is their sum.

    你返回的是逐项乘积的向量。点积是它们的和。
    """
    if x.dim() != 1 or x.shape != y.shape:
        raise ValueError("two vectors of one length are needed")
    return x * y


@wrong("dot")
def lets_the_vectors_broadcast(x, y):
    """A vector of length 1 is silently stretched, and a matrix is accepted. Check the shapes before multiplying.

    长度为 1 的向量被悄悄广播，矩阵也被接受了。相乘之前先检查形状。
    """
    return (x * y).sum()


@wrong("dot")
def keeps_a_dimension_of_one(x, y):
    """A dot product is a number: its shape is (), not (1,).

    点积是一个数：形状是 ()，不是 (1,)。
    """
    if x.dim() != 1 or x.shape != y.shape:
        raise ValueError("two vectors of one length are needed")
    return (x * y).sum(0, keepdim=True)


@wrong("dot")
def adds_python_numbers(x, y):
    """.item() or tolist() leaves torch: the dtype and the gradient are gone. Stay with tensors.

    .item() 或 tolist() 离开了 torch：dtype 与梯度都没了。请一直使用张量。
    """
    if x.dim() != 1 or x.shape != y.shape:
        raise ValueError("two vectors of one length are needed")
    return torch.tensor(sum(p * q for p, q in zip(x.tolist(), y.tolist(), strict=True)), dtype=x.dtype)


@wrong("dot")
def divides_by_the_lengths(x, y):
    """That is the cosine of the angle between them. The dot product keeps the lengths.

    那是两个向量夹角的余弦。点积保留长度。
    """
    if x.dim() != 1 or x.shape != y.shape:
        raise ValueError("two vectors of one length are needed")
    return (x * y).sum() / ((x * x).sum().sqrt() * (y * y).sum().sqrt())


@wrong("matvec")
def sums_over_the_rows(a, x):
    """You compute Aᵀx. In (Ax)_i the sum runs over j, the second index of A: which dimension is that?

    你算的是 Aᵀx。(Ax)_i 对 j 求和，即 A 的第二个下标：那是哪一维？
    """
    if a.dim() != 2 or x.dim() != 1 or x.shape[0] not in a.shape:
        raise ValueError("the shapes do not fit")
    return (a * x.unsqueeze(1)).sum(0) if a.shape[0] == x.shape[0] else (a * x).sum(1)


@wrong("matvec")
def scales_the_columns_only(a, x):
    """A * x scales the columns. One step is missing to add them up.

    A * x 只缩放了各列，还差一步把它们加起来。
    """
    if a.dim() != 2 or x.shape != a.shape[1:]:
        raise ValueError("the shapes do not fit")
    return a * x


@wrong("matvec")
def lets_the_vector_broadcast(a, x):
    """A vector of length 1 and a matrix of one column are silently stretched. Compare the lengths first.

    长度为 1 的向量、只有一列的矩阵会被悄悄广播。先比较长度。
    """
    return (a * x).sum(1)


@wrong("matvec")
def returns_a_column_matrix(a, x):
    """A matrix times a vector is a vector, of shape (m,), not (m, 1).

    矩阵乘向量得到向量，形状是 (m,)，不是 (m, 1)。
    """
    if a.dim() != 2 or x.shape != a.shape[1:]:
        raise ValueError("the shapes do not fit")
    return (a * x).sum(1, keepdim=True)


@wrong("matmul")
def multiplies_entry_by_entry(a, b):
    """That is (1.1). In (1.3) every entry of the result is a sum over k.

    那是 (1.1)。(1.3) 中结果的每个元素都是对 k 的求和。
    """
    return a * b


exchanges_the_factors = edited(
    "matmul",
    {"(a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)": "(b.unsqueeze(-1) * a.unsqueeze(-3)).sum(-2)"},
    """BA is not AB. Which factor gives the row of C_ij, and which the column?

    BA 不等于 AB。C_ij 的行来自哪个因子，列来自哪个因子？
    """,
)

multiplies_rows_with_rows = edited(
    "matmul",
    {
        "(a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)": "(a.unsqueeze(-2) * b.unsqueeze(-3)).sum(-1)",
    },
    """You pair rows of A with rows of B, which is ABᵀ. In (1.3), k is the first index of B.

    你把 A 的行与 B 的行配对，那是 ABᵀ。(1.3) 中 k 是 B 的第一个下标。
    """,
)

lets_the_inner_size_broadcast = edited(
    "matmul",
    {"if a.shape[-1] != b.shape[-2]:": "if a.shape[-1] != b.shape[-2] and 1 not in (a.shape[-1], b.shape[-2]):"},
    """An inner size of 1 meets any size in your multiplication, because `*` broadcasts. Matrix multiplication does not.

    在你的实现里，大小为 1 的内侧维度能与任何大小相乘，因为 `*` 会广播。矩阵乘法不会。
    """,
)


@wrong("matmul")
def knows_two_dimensions_only(a, b):
    """Two matrices work. Which indices does (1.3) sum and keep when batch dimensions stand in front?

    两个矩阵没有问题。前面有批次维时，(1.3) 对哪些下标求和，保留哪些？
    """
    if a.shape[1] != b.shape[0]:
        raise ValueError("the inner sizes differ")
    return (a[:, :, None] * b[None, :, :]).sum(1)


@wrong("matmul")
def wants_equal_batches(a, b):
    """Batches must be able to broadcast: one weight matrix serves a whole batch.

    批次维要能广播：一个权重矩阵要用于整个批次。
    """
    if a.dim() > 1 and b.dim() > 1 and a.shape[:-2] != b.shape[:-2]:
        raise ValueError("the batches differ")
    rows = a.unsqueeze(0) if a.dim() == 1 else a
    columns = b.unsqueeze(1) if b.dim() == 1 else b
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError("the inner sizes differ")
    result = (rows.unsqueeze(-1) * columns.unsqueeze(-3)).sum(-2)
    if b.dim() == 1:
        result = result.squeeze(-1)
    if a.dim() == 1:
        result = result.squeeze(-2 if b.dim() > 1 else -1)
    return result


squeezes_every_size_of_one = edited(
    "matmul",
    {"(a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)": "(a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2).squeeze()"},
    """squeeze() without a dimension removes sizes that belong to the result. Only the one that a vector lacked goes.

    不带参数的 squeeze() 会去掉本属于结果的维度。只应去掉向量所缺的那一维。
    """,
)

loses_the_batch_of_a_vector_on_the_left = edited(
    "matmul",
    {"matmul(a.unsqueeze(0), b).squeeze(-2)": "matmul(a.unsqueeze(0), b).sum(tuple(range(b.dim() - 1)))"},
    """A row vector times a batch of matrices is a batch of rows. Which one dimension did you add, and is to go again?

    行向量乘一批矩阵，得到一批行。你临时加上的是哪一维？最后只应去掉它。
    """,
)


@wrong("concatenate")
def adds_a_new_dimension(tensors, dim=0):
    """That is stacking: it makes a new dimension. Concatenation lengthens one that is there.

    那是堆叠：它新增一个维度。连接是把已有的一维加长。
    """
    result = tensors[0].new_empty(len(tensors), *tensors[0].shape)
    for i, t in enumerate(tensors):
        result[i] = t
    return result.movedim(0, dim)


keeps_the_dtype_of_the_first_part = edited(
    "concatenate",
    {"reduce(torch.promote_types, [t.dtype for t in tensors])": "tensors[0].dtype"},
    """Floats after integers lose their fraction: the result's dtype must hold every part. What promotes two dtypes?

    整数后面的浮点数丢了小数部分：结果的 dtype 要容得下每一段。哪个函数能提升两个 dtype？
    """,
)

supposes_equal_parts = edited(
    "concatenate",
    {"start += t.shape[dim]": "start += tensors[0].shape[dim]"},
    """Each part has a size of its own along `dim`. Where does the third part start when the first two differ?

    每一段沿 `dim` 的大小各不相同。前两段不一样长时，第三段从哪里开始？
    """,
)

joins_rows_always = edited(
    "concatenate",
    {"sizes = list": "dim = 0\n    sizes = list"},
    """You always join along the first dimension. Which argument says where?

    你总是沿第一维连接。哪个参数规定沿哪一维？
    """,
)

stretches_parts_that_do_not_fit = edited(
    "concatenate",
    {"if place.shape != t.shape:": "if place.dim() != t.dim():"},
    """copy_ broadcasts, so a part of shape (3, 1) silently fills four columns. Compare shapes before copying.

    copy_ 会广播，形状 (3, 1) 的一段会悄悄填满四列。复制之前先比较形状。
    """,
)

wraps_a_dimension_that_does_not_exist = edited(
    "concatenate",
    {"sizes = list": "dim = dim % tensors[0].dim()\n    sizes = list"},
    """`dim % rank` turns a wrong dimension into another one, and nobody hears of it.

    `dim % rank` 会把错误的维度变成另一个维度，而没有人知道。
    """,
)

copies_the_numbers_alone = edited(
    "concatenate",
    {"place.copy_(t)": "place.copy_(t.detach())"},
    """The values are right, but the parts get no gradient: something cut the graph.

    值是对的，但各段得不到梯度：计算图在某处被切断了。
    """,
)


@wrong("mean_along")
def divides_by_the_number_of_all_entries(x, dim, keepdim=False):
    """You divide by all entries of x. How many were added up for one entry of the result?

    你除以了 x 的全部元素个数。结果中的一个元素是由多少个数相加而来的？
    """
    return x.sum(dim, keepdim=keepdim) / x.numel()


@wrong("mean_along")
def lets_dimensions_shift(x, dim, keepdim=False):
    """After the first sum the later dimensions move one place down. Sum over all of them at once, or from the last.

    求完第一个维度后，后面的维度都前移了一位。应一次对所有维度求和，或从最后一维做起。
    """
    for d in (dim,) if isinstance(dim, int) else dim:
        x = x.sum(d, keepdim=keepdim) / x.shape[d]
    return x


@wrong("mean_along")
def ignores_keepdim(x, dim, keepdim=False):
    """With keepdim=True the averaged dimension stays, with size 1: without it, x − mean does not broadcast.

    keepdim=True 时被平均的维度保留为大小 1：否则 x − mean 无法广播。
    """
    dims = (dim,) if isinstance(dim, int) else dim
    return x.sum(dims) / math.prod(x.shape[d] for d in dims)


@wrong("mean_along")
def divides_by_one_less(x, dim, keepdim=False):
    """n − 1 belongs to the sample variance. A mean of n numbers divides by n.

    n − 1 用于样本方差。n 个数的平均除以 n。
    """
    dims = (dim,) if isinstance(dim, int) else dim
    return x.sum(dims, keepdim=keepdim) / (math.prod(x.shape[d] for d in dims) - 1)


@wrong("mean_along")
def averages_the_other_dimensions(x, dim, keepdim=False):
    """`dim` names what disappears, not what stays.

    `dim` 指的是要消去的维度，不是保留下来的维度。
    """
    dims = (dim,) if isinstance(dim, int) else dim
    others = tuple(d for d in range(x.dim()) if d not in [e % x.dim() for e in dims])
    return x.sum(others, keepdim=keepdim) / math.prod(x.shape[d] for d in others)


@wrong("mean_along")
def takes_the_first_of_several_dimensions(x, dim, keepdim=False):
    """`dim` may be a tuple: all the dimensions that it names are averaged together.

    `dim` 可以是元组：其中所有维度一起平均。
    """
    d = dim if isinstance(dim, int) else dim[0]
    return x.sum(d, keepdim=keepdim) / x.shape[d]


@wrong("l1_norm")
def forgets_the_absolute_value(x, dim=None):
    """Negative entries cancel positive ones in your sum. (1.5) has bars round x_i.

    你的和里正负相消了。公式里 x_i 外面有绝对值号。
    """
    return x.sum(dim)


@wrong("l1_norm")
def takes_the_absolute_value_of_the_sum(x, dim=None):
    """The bars stand inside the sum: |1 − 1| is 0, but the norm of (1, −1) is 2.

    绝对值号在求和号里面：|1 − 1| 是 0，而 (1, −1) 的范数是 2。
    """
    return x.sum(dim).abs()


@wrong("l1_norm")
def is_the_euclidean_length(x, dim=None):
    """That is the case p = 2. For p = 1 nothing is squared.

    那是 p = 2 的情形。p = 1 时不平方。
    """
    return (x * x).sum(dim).sqrt()


@wrong("l1_norm")
def averages_the_sizes(x, dim=None):
    """You divide by the number of entries. A norm is a sum: a longer vector is longer.

    你除以了元素个数。范数是和，不是平均。
    """
    sizes = x.abs().sum(dim)
    return sizes * sizes.numel() / x.numel()


@wrong("l1_norm")
def measures_the_whole_tensor_always(x, dim=None):
    """`dim` says where each vector lies; without it you measure everything as one.

    `dim` 说明每个向量沿哪一维；不用它就把整个张量当成了一个向量。
    """
    return x.abs().sum()


@wrong("l1_norm")
def takes_roots_of_squares(x, dim=None):
    """√(x²) is |x|, but at x = 0 its gradient is 0/0. Which function gives |x| with slope 0 at 0?

    √(x²) 等于 |x|，但在 x = 0 处梯度是 0/0。哪个函数给出 |x|，且在 0 处斜率为 0？
    """
    return (x * x).sqrt().sum(dim)


@wrong("l2_norm")
def has_no_gradient_at_zero(x, dim=None):
    """√0 has an infinite slope, times 0 that is NaN. One row of padding would ruin a whole network's gradient.

    √0 的斜率无穷大，乘以 0 得 NaN。一行补零就足以毁掉整个网络的梯度。
    """
    return (x * x).sum(dim).sqrt()


@wrong("l2_norm")
def adds_a_small_number_under_the_root(x, dim=None):
    """Your ε removes the NaN but changes the length of short vectors. Treat the zero vector alone.

    你的 ε 消除了 NaN，却改变了短向量的长度。只应单独处理零向量。
    """
    return ((x * x).sum(dim) + 1e-12).sqrt()


@wrong("l2_norm")
def forgets_the_root(x, dim=None):
    """That is the square of the length. (1.5) has a root.

    那是长度的平方。(1.5) 还要开方。
    """
    return (x * x).sum(dim)


@wrong("l2_norm")
def is_the_sum_of_absolute_values(x, dim=None):
    """That is ‖x‖₁. For p = 2 the entries are squared before the sum.

    那是 ‖x‖₁。p = 2 时先平方再求和。
    """
    return x.abs().sum(dim)


@wrong("l2_norm")
def is_the_root_mean_square(x, dim=None):
    """You average the squares. That is the root mean square, smaller by √n.

    你对平方取了平均。那是均方根，小了 √n 倍。
    """
    squares = (x * x).sum(dim)
    count = x.numel() / max(squares.numel(), 1)
    zero = squares == 0
    return torch.sqrt(squares / count + zero) * ~zero


@wrong("frobenius_norm")
def sums_the_lengths_of_the_rows(a):
    """You add the lengths of the rows. The squares of all entries go under one root.

    你把各行的长度相加了。所有元素的平方应在同一个根号下求和。
    """
    rows = (a * a).sum(-1)
    zero = rows == 0
    return (torch.sqrt(rows + zero) * ~zero).sum(-1)


@wrong("frobenius_norm")
def measures_the_batch_as_one(a):
    """A batch of matrices has one norm each. Which dimensions belong to one matrix?

    一批矩阵各有各的范数。哪些维度属于同一个矩阵？
    """
    if a.dim() < 2:
        raise ValueError("a matrix is needed")
    squares = (a * a).sum()
    zero = squares == 0
    return torch.sqrt(squares + zero) * ~zero


@wrong("frobenius_norm")
def is_the_spectral_norm(a):
    """That is the largest singular value, (2.4). The Frobenius norm counts all of them.

    那是最大奇异值，即 (2.4)。Frobenius 范数计入所有奇异值。
    """
    return torch.linalg.svdvals(a).amax(-1)


@wrong("frobenius_norm")
def has_no_gradient_for_a_zero_matrix(a):
    """√0 has an infinite slope: a matrix of zeros gets the gradient NaN. Your l2_norm knows what to do there.

    √0 的斜率无穷大：零矩阵的梯度成了 NaN。你的 l2_norm 知道该怎么办。
    """
    return (a * a).sum((-2, -1)).sqrt()


@wrong("frobenius_norm")
def is_the_trace_norm(a):
    """That is the sum of the singular values. The Frobenius norm is the root of the sum of their squares.

    那是奇异值之和。Frobenius 范数是奇异值平方和的平方根。
    """
    return torch.linalg.svdvals(a).sum(-1)
