"""Wrong answers to chapter 2: what students really write, each with the hint it deserves."""

import torch

from autograder.cases import edited, wrong

# An edit quotes lines of the reference as they stand.
# ruff: noqa: E501

# bmm

multiplies_entry_by_entry = edited(
    "bmm",
    {"(a[:, :, :, None] * b[:, None, :, :]).sum(2)": "a * b.mT"},
    """You multiplied the entries of the matrices in pairs. In (2.6), over which index does the sum run?

    你把对应的元素两两相乘了。(2.6) 的求和是对哪个下标？
    """,
)

sums_over_the_wrong_index = edited(
    "bmm",
    {"b[:, None, :, :]": "b.mT[:, None, :, :]"},
    """Your second matrix is transposed: k is the *first* index of B's matrices in (2.6).

    你的第二个矩阵转置了：(2.6) 中 k 是 B 的矩阵的**第一个**下标。
    """,
)


stretches_a_stack_of_one = edited(
    "bmm",
    {"(batch, inner)": "(len(b), inner)"},
    """A stack of one matrix against a stack of three is a mistake here, though broadcasting accepts it. What must be
    compared before multiplying?

    一个矩阵对三个矩阵，在这里是错误，尽管广播会接受它。相乘之前应当比较什么？
    """,
)

stretches_an_inner_size_of_one = edited(
    "bmm",
    {"(batch, inner)": "(batch, b.shape[1])"},
    """(2, 3, 1) times (2, 4, 5) has no meaning, yet your product broadcasts its way through. Which two sizes must
    agree?

    (2, 3, 1) 乘 (2, 4, 5) 没有意义，你的乘积却靠广播算了出来。哪两个大小必须相等？
    """,
)


@wrong("bmm")
def multiplies_every_matrix_with_every_other(a, b):
    """Your result has a product for every pair of batch elements. Which pairs does (2.6) ask for?

    你对批量元素的每一种组合都求了积。(2.6) 要的是哪些组合？
    """
    return (a[:, None, :, :, None] * b[None, :, None, :, :]).sum(3)


# einsum

keeps_the_order_of_appearance = edited(
    "einsum",
    {
        "sorted(c for c in inputs if c.isalpha() and inputs.count(c) == 1)": "c for c in inputs if c.isalpha() and inputs.count(c) == 1"
    },
    """Without "->" the output's letters are not in the order in which you met them. In which order are they?

    没有 "->" 时，输出的字母不是按出现的次序排列。是按什么次序？
    """,
)

keeps_every_letter_of_the_inputs = edited(
    "einsum",
    {" and inputs.count(c) == 1": ""},
    """Without "->" a letter that occurs twice is summed. Which letters remain?

    没有 "->" 时，出现两次的字母要求和。留下的是哪些字母？
    """,
)

forgets_the_batch_in_an_implicit_output = edited(
    "einsum",
    {'output = "..." + "".join': 'output = "".join'},
    """Without "->" the dimensions of "..." stay in the output. Where do they stand?

    没有 "->" 时，"..." 的维度保留在输出里。它们排在哪里？
    """,
)

takes_a_diagonal_of_an_oblong_matrix = edited(
    "einsum",
    {"if x.shape[i] != x.shape[j]:": "if False:"},
    """`diagonal` is content with an oblong matrix and stops at its shorter side. What does "ii" say about the two
    sizes?

    `diagonal` 对长方形矩阵也不报错，走到短边就停。"ii" 对两个大小说了什么？
    """,
)

aligns_ellipses_at_the_left = edited(
    "einsum",
    {"digits[10 - free :]": "digits[: max(free, 0)]", "digits[10 - rank :]": "digits[:rank]"},
    """Dimensions under "..." broadcast as everywhere in torch. From which end are they aligned?

    "..." 下的维度像 torch 里别处一样广播。从哪一端对齐？
    """,
)

ignores_unknown_letters_of_the_output = edited(
    "einsum",
    {"if not names.issuperset(output):": "if False:"},
    """"ij->ik" names a size that no operand has. Raise ValueError rather than invent one.

    "ij->ik" 里的 k 没有任何张量给出大小。应当抛出 ValueError，而不是编造一个。
    """,
)

# inverse

never_exchanges_rows = edited(
    "inverse",
    {
        "order = free[..., k].abs().argsort(descending=True)": "order = torch.zeros_like(free[..., k]).argsort(stable=True)"
    },
    """A zero on the diagonal is no reason to give up, nor is dividing by 1e-20 harmless. Which of the rows that are
    left could stand there instead?

    对角线上有个 0 并不等于没有逆，除以 10⁻²⁰ 也并非无害。剩下的哪一行可以换到这里来？
    """,
)

exchanges_for_the_greatest_number_not_the_greatest_magnitude = edited(
    "inverse",
    {"free[..., k].abs()": "free[..., k]"},
    """Between −5 and 0 you divide by 0. What makes a pivot a good one, its value or its size?

    在 −5 与 0 之间，你选了 0 来除。主元好不好，看的是值还是绝对值？
    """,
)

reduces_to_a_triangle_only = edited(
    "inverse",
    {
        "others = torch.cat([free[..., 1:, :], done], dim=-2)": "others = free[..., 1:, :]",
        "rows = torch.cat([others - others[..., k, None] * row, row], dim=-2)": "rows = torch.cat([others - others[..., k, None] * row, done, row], dim=-2)",
    },
    """Your left half ends as a triangle, not as I. Which rows has Gauss–Jordan to clear besides those below the pivot?

    你的左半边成了三角形，而不是 I。除了主元下方的行，Gauss–Jordan 还要消去哪些行？
    """,
)

gives_infinities_for_a_singular_matrix = edited(
    "inverse",
    {"if (free[..., 0, k] == 0).any():": "if False:"},
    """Where the best pivot is 0 there is no inverse; inf and NaN would travel on silently. Raise ValueError.

    连最好的主元都是 0，就没有逆；inf 和 NaN 会悄悄流到下游。应当抛出 ValueError。
    """,
)


@wrong("inverse")
def transposes(a):
    """The transpose is the inverse of an orthogonal matrix only.

    只有正交矩阵的逆才是它的转置。
    """
    return a.mT.clone()


# solve

divides_by_whatever_stands_on_the_diagonal = edited(
    "solve",
    {
        "order = rows[..., 0].abs().argsort(descending=True)": "order = torch.zeros_like(rows[..., 0]).argsort(stable=True)"
    },
    """0 on the diagonal stops your elimination, and 1e-20 ruins it in silence: a multiplier of 1e20 wipes out the row
    it is subtracted from. How does partial pivoting keep multipliers at most 1?

    对角线上的 0 会让消元停下，而 10⁻²⁰ 会悄悄毁掉它：乘数 10²⁰ 把被减的那一行整个淹没。部分选主元怎样让乘数不超过 1？
    """,
)

substitutes_from_the_top = edited(
    "solve",
    {"for row in reversed(pivots):": "for row in pivots:"},
    """Which equation of the triangular system has a single unknown? Start there.

    三角形方程组里，哪一个方程只有一个未知数？从那里开始。
    """,
)

permutes_the_matrix_and_not_the_right_hand_side = edited(
    "solve",
    {
        "rows = rows.take_along_dim(order[..., None], -2)": "rows = torch.cat([rows[..., : rows.shape[-2]].take_along_dim(order[..., None], -2), "
        "rows[..., rows.shape[-2] :]], -1)"
    },
    """An equation has two sides: when two rows change places, what must change places with them?

    一个方程有左右两边：两行交换时，还有什么要跟着交换？
    """,
)

forgets_the_division_by_the_pivot = edited(
    "solve",
    {" / row[..., :1], x]": ", x]"},
    """In back-substitution u_kk x_k = right side: what is left to do when the right side is known?

    回代时 u_kk x_k = 右端：右端算出以后还差哪一步？
    """,
)


@wrong("solve")
def multiplies_by_the_inverse(a, b):
    """Right on paper. But A⁻¹ b has a residual that grows with the condition number, where elimination's does not, and
    takes three times the work. Eliminate in A and b together.

    纸面上没错。但 A⁻¹ b 的残差随条件数增大，直接消元则不会，而且计算量是三倍。应当对 A 和 b 一起消元。
    """
    n = a.shape[-1]
    if a.shape[-2] != n or b.shape[a.dim() - 2] != n:
        raise ValueError("shapes")
    vector = b.dim() < a.dim()
    identity = torch.eye(n, dtype=a.dtype).expand(*a.shape[:-2], n, n)
    rows = torch.cat([a, identity], dim=-1)
    for k in range(n):
        free, done = rows[..., : n - k, :], rows[..., n - k :, :]
        order = free[..., k].abs().argsort(descending=True)
        free = free.take_along_dim(order[..., None], -2)
        if (free[..., 0, k] == 0).any():
            raise ValueError("singular")
        row = free[..., :1, :] / free[..., :1, k, None]
        others = torch.cat([free[..., 1:, :], done], dim=-2)
        rows = torch.cat([others - others[..., k, None] * row, row], dim=-2)
    return (rows[..., n:] @ b[..., None])[..., 0] if vector else rows[..., n:] @ b


# determinant

loses_the_sign_of_exchanges = edited(
    "determinant",
    {"((-1) ** (i + j) * pivot)": "pivot"},
    """The absolute value is right. What does every exchange of two rows or columns do to a determinant?

    绝对值是对的。每交换一次两行或两列，行列式会怎样？
    """,
)

multiplies_the_diagonal_of_the_matrix_itself = edited(
    "determinant",
    {"        a = a - column * (row / torch.where(pivot == 0, 1, pivot))\n": ""},
    """The product of the diagonal is the determinant of a *triangular* matrix. What makes yours one?

    对角线之积是**三角**矩阵的行列式。怎样把你的矩阵变成三角形？
    """,
)

divides_by_a_pivot_of_zero = edited(
    "determinant",
    {"torch.where(pivot == 0, 1, pivot)": "pivot"},
    """A singular matrix has determinant 0, and yours is NaN. When the best pivot is 0, what is left to eliminate?

    奇异矩阵的行列式是 0，你得到的是 NaN。当最好的主元是 0 时，还有什么可消的？
    """,
)


@wrong("determinant")
def has_no_gradient_where_it_vanishes(a):
    """The values are right. But with a column of zeros below it, a skipped pivot cuts the gradient, and at a singular
    matrix the determinant still changes when an entry does: its gradient is adj(A)ᵀ. What if the pivot came from the
    whole remaining block?

    值是对的。但某一列全为零时，跳过主元就切断了梯度；而在奇异矩阵处，改动一个元素行列式仍会变化：梯度是 adj(A)ᵀ。
    如果从整个剩余块里挑主元呢？
    """
    n = a.shape[-1]
    if a.shape[-2] != n:
        raise ValueError("not square")
    result = a.new_ones(a.shape[:-2])
    while a.shape[-1] > 0:
        i = a[..., 0].abs().argmax(-1)[..., None]
        order = (torch.arange(a.shape[-1]) != i).int().argsort(dim=-1, stable=True)
        a = a.take_along_dim(order[..., None], -2)
        pivot = a[..., :1, :1]
        result = result * (-1) ** i[..., 0] * pivot[..., 0, 0]
        a = a[..., 1:, 1:] - a[..., 1:, :1] / torch.where(pivot == 0, 1, pivot) * a[..., :1, 1:]
    return result


@wrong("determinant")
def is_the_permanent(a):
    """Your expansion along a row adds all its terms. Which of them are subtracted?

    你沿一行展开时把所有项都加了起来。哪些项应当减去？
    """
    if a.shape[-1] == 0:
        return a.new_ones(a.shape[:-2])
    rest = [is_the_permanent(torch.cat([a[..., 1:, :j], a[..., 1:, j + 1 :]], -1)) for j in range(a.shape[-1])]
    return sum(a[..., 0, j] * rest[j] for j in range(a.shape[-1]))


# slogdet


@wrong("slogdet")
def takes_the_logarithm_of_the_determinant(a):
    """In float64 a determinant of 1e400 is inf before its logarithm can be taken, one of 1e-400 is 0. At which point of
    the elimination can the logarithm be taken instead?

    在 float64 里，10⁴⁰⁰ 的行列式在取对数之前就成了 inf，10⁻⁴⁰⁰ 则成了 0。消元进行到哪里时就可以取对数？
    """
    result = a.new_ones(a.shape[:-2])
    if a.shape[-1] != a.shape[-2]:
        raise ValueError("not square")
    while a.shape[-1] > 0:
        i = a[..., 0].abs().argmax(-1)[..., None]
        a = a.take_along_dim((torch.arange(a.shape[-1]) != i).argsort(stable=True)[..., None], -2)
        pivot = a[..., :1, :1]
        result = result * (-1) ** i[..., 0] * pivot[..., 0, 0]
        a = a[..., 1:, 1:] - a[..., 1:, :1] / torch.where(pivot == 0, 1, pivot) * a[..., :1, 1:]
    return result.sign(), result.abs().log()


counts_no_exchanges = edited(
    "slogdet",
    {"(-1) ** i * ": ""},
    """The logarithm is right, the sign is not always. What does every exchange of rows do to it?

    对数是对的，符号有时不对。每换一次行，符号会怎样？
    """,
)

forgets_the_signs_of_the_pivots = edited(
    "slogdet",
    {" * pivot[..., 0].sign()": ""},
    """Pivots can be negative: their signs belong to the sign of the product.

    主元可能是负的：乘积的符号要算上它们的符号。
    """,
)

adds_logarithms_to_base_two = edited(
    "slogdet",
    {".log()": ".log2()"},
    """The logarithm asked for is the natural one.

    题目要的是自然对数。
    """,
)

becomes_nan_at_a_singular_matrix = edited(
    "slogdet",
    {"torch.where(pivot == 0, 1, pivot)": "pivot"},
    """At a singular matrix the sign should be 0 and the logarithm −inf; you have NaN from 0/0. What needs no
    elimination once the pivot is 0?

    奇异矩阵的符号应为 0，对数应为 −inf；你因 0/0 得到了 NaN。主元为 0 时，还需要消元吗？
    """,
)

# adjugate


@wrong("adjugate")
def is_the_determinant_times_the_inverse(a):
    """(2.3) as it is printed: at a singular matrix 0 · ∞ is NaN, or an error. The adjugate is a polynomial in the
    entries and exists for every matrix: which determinants is it made of?

    照 (2.3) 原样计算：在奇异矩阵处是 0 · ∞，得 NaN 或报错。伴随矩阵是各元素的多项式，对任何矩阵都存在：它由哪些行列式组成？
    """
    n = a.shape[-1]
    if a.shape[-2] != n:
        raise ValueError("not square")
    m = torch.eye(n, dtype=a.dtype).expand_as(a)
    c = None
    for k in range(1, n + 1):
        product = a @ m
        c = -product.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None] / k
        last, m = m, product + c * torch.eye(n, dtype=a.dtype)
    determinant_ = c * (-1) ** n
    return determinant_ * (-last / c)


forgets_to_transpose_the_cofactors = edited(
    "adjugate",
    {"(determinant(minors) * (-1) ** (index + index.mT)).mT": "determinant(minors) * (-1) ** (index + index.mT)"},
    """You have the matrix of cofactors. Entry (i, j) of the adjugate leaves out row *j* and column *i*.

    你得到的是代数余子式矩阵。伴随矩阵的 (i, j) 元素要划去第 **j** 行、第 **i** 列。
    """,
)

forgets_the_checkerboard_of_signs = edited(
    "adjugate",
    {" * (-1) ** (index + index.mT)": ""},
    """You have the minors. A cofactor has a sign too: which?

    你得到的是余子式。代数余子式还带符号：是什么？
    """,
)

cuts_off_the_first_row_and_column_only = edited(
    "adjugate",
    {"kept = (index != index.mT).nonzero()[:, 1].reshape(n, n - 1)": "kept = index[1:, 0].expand(n, n - 1)"},
    """Every one of your minors leaves out the same row and column. Which should entry (i, j) leave out?

    你的每个余子式划去的都是同一行同一列。(i, j) 元素该划去哪一行哪一列？
    """,
)

# cholesky

keeps_the_root_symmetric = edited(
    "cholesky",
    {
        "lower = torch.cat([lower, torch.nn.functional.pad(column, (0, 0, k, 0))], dim=-1)": "lower = torch.cat([lower, torch.nn.functional.pad(column, (0, 0, k, 0))], dim=-1)\n       "
        " if k + 1 == a.shape[-1] + k and a.shape[-1] == 1:\n            return lower.mT"
    },
    """Your factor is upper triangular. Of the two with A = L Lᵀ and A = Uᵀ U, which is asked for?

    你的因子是上三角的。A = L Lᵀ 与 A = Uᵀ U，题目要的是哪一个？
    """,
)

takes_no_root_of_the_pivot = edited(
    "cholesky",
    {".sqrt()": ""},
    """With a unit diagonal this is the L of L D Lᵀ. Where does D go if the two factors are to be equal?

    对角线为 1，这是 L D Lᵀ 的 L。若要两个因子相同，D 该放到哪里？
    """,
)

never_subtracts_what_is_explained = edited(
    "cholesky",
    {" - column[..., 1:, :] * column[..., 1:, :].mT": ""},
    """After the first column, what is left of A to be factored? Compare with the Schur complement.

    第一列确定之后，A 还剩下什么要分解？想想 Schur 补。
    """,
)

accepts_a_semidefinite_matrix = edited(
    "cholesky",
    {"> 0).all()": ">= 0).all()"},
    """A pivot of 0 divides by zero in the next line. Positive *definite* leaves no room for it.

    主元为 0，下一步就要除以零。正**定**不允许它出现。
    """,
)

roots_a_negative_number = edited(
    "cholesky",
    {"if not (a[..., 0, 0] > 0).all():": "if False:"},
    """The root of a negative pivot is NaN. Raise ValueError: the error is how programs find out that a matrix is not
    positive definite.

    负主元开方得 NaN。应当抛出 ValueError：程序正是靠这个错误得知矩阵不正定的。
    """,
)

# qr


@wrong("qr")
def classical_gram_schmidt(a):
    """Right on paper, but at condition number 1e7 your columns are far from orthogonal: subtracting projections leaves
    a small difference of large vectors, and its rounding errors are stretched to length 1. Which transformations keep
    lengths and angles whatever they are applied to?

    纸面上没错，但条件数为 10⁷ 时你的列远非正交：减去投影之后剩下的是大向量之间的小差，舍入误差随之被放大到长度 1。
    什么样的变换，不管作用在什么上面，都保持长度与夹角？
    """
    k = min(a.shape[-2:])
    columns = []
    for i in range(k):
        v = a[..., i]
        for q in columns:
            v = v - (q * a[..., i]).sum(-1, keepdim=True) * q
        columns.append(v / v.square().sum(-1, keepdim=True).sqrt())
    q = torch.stack(columns, -1)
    return q, (q.mT @ a).triu()


@wrong("qr")
def modified_gram_schmidt(a):
    """Better than the classical order, but the loss of orthogonality still grows with the condition number. Which
    transformations keep lengths and angles whatever they are applied to?

    比经典次序好，但正交性的损失仍随条件数增大。什么样的变换，不管作用在什么上面，都保持长度与夹角？
    """
    k = min(a.shape[-2:])
    columns = list(a.unbind(-1))
    for i in range(k):
        length = columns[i].square().sum(-1, keepdim=True).sqrt()
        columns[i] = columns[i] / torch.where(length == 0, 1, length)
        for j in range(i + 1, k):
            columns[j] = columns[j] - (columns[i] * columns[j]).sum(-1, keepdim=True) * columns[i]
    q = torch.stack(columns[:k], -1)
    return q, (q.mT @ a).triu()


reflects_with_cancellation = edited(
    "qr",
    {"x[..., k, None] < 0": "x[..., k, None] >= 0"},
    """x − ‖x‖e₁ subtracts two nearly equal numbers when x already points along e₁. There are two reflections to choose
    from: which of them adds?

    当 x 几乎就在 e₁ 方向时，x − ‖x‖e₁ 是两个相近的数相减。有两个反射可选：哪一个是相加的？
    """,
)

returns_the_transposed_q = edited(
    "qr",
    {"q.expand(*a.shape[:-1], m)[..., :k]": "q.mT.expand(*a.shape[:-1], m)[..., :k]"},
    """H_n … H_1 A = R, so A = H_1 … H_n R. In which order do your reflections make Q?

    H_n … H_1 A = R，所以 A = H_1 … H_n R。你的反射按什么次序组成 Q？
    """,
)

divides_by_the_length_of_a_column_of_zeros = edited(
    "qr",
    {"torch.where(square == 0, 1, square)": "square"},
    """A column of zeros needs no reflection, and yours divides by 0. What should happen to it?

    全为零的列不需要反射，而你除以了 0。该怎样处理它？
    """,
)

# least_squares


@wrong("least_squares")
def solves_the_normal_equations(x, y):
    """XᵀX has the square of X's condition number: at 1e7 it is 1e14, and of 16 digits two are left. Factor X itself.

    XᵀX 的条件数是 X 的平方：10⁷ 变成 10¹⁴，16 位有效数字只剩两位。应当分解 X 本身。
    """
    if x.shape[-2] < x.shape[-1] or y.shape[x.dim() - 2] != x.shape[-2]:
        raise ValueError("shapes")
    right = x.mT @ (y[..., None] if y.dim() < x.dim() else y)
    rows = torch.cat([x.mT @ x, right], -1)
    n = x.shape[-1]
    for k in range(n):
        row = rows[..., k : k + 1, :] / rows[..., k : k + 1, k : k + 1]
        rows = torch.where((torch.arange(n) == k)[:, None], row, rows - rows[..., k : k + 1] * row)
    return rows[..., n] if y.dim() < x.dim() else rows[..., n:]


uses_the_first_rows_only = edited(
    "least_squares",
    {
        "q, r = qr(x)\n    right = q.mT @ (y[..., None] if y.dim() < x.dim() else y)": "n = x.shape[-1]\n    q, r = qr(x[..., :n, :])\n    right = q.mT @ (y[..., None] if "
        "y.dim() < x.dim() else y)[..., :n, :]"
    },
    """You solved n of the m equations exactly. The others count as much.

    你精确地解了 m 个方程中的 n 个。其余的方程同样算数。
    """,
)

multiplies_by_q_instead_of_its_transpose = edited(
    "least_squares",
    {
        "q.mT @ (y[..., None] if y.dim() < x.dim() else y)": "q[..., : q.shape[-1], :] @ (y[..., None] if y.dim() < x.dim() else y)[..., : q.shape[-1], "
        ":]"
    },
    """From X θ = y with X = Q R: multiply both sides by what turns Q into I?

    由 X θ = y 与 X = Q R：两边乘以什么，才能把 Q 变成 I？
    """,
)

solves_with_the_transposed_triangle = edited(
    "least_squares",
    {"solve(r,": "solve(r.mT,"},
    """R is upper triangular in R θ = Qᵀ y; yours was turned over.

    R θ = Qᵀ y 中的 R 是上三角；你把它转置了。
    """,
)

# linear_regression

leaves_out_the_intercept = edited(
    "linear_regression",
    {"least_squares(x - x.mean(0), y - y.mean())": "least_squares(x, y)"},
    """Your plane is forced through the origin. What should be done to the data so that the best plane passes through 0?

    你的平面被迫经过原点。怎样处理数据，才能让最佳平面经过 0？
    """,
)

centres_the_targets_only = edited(
    "linear_regression",
    {"least_squares(x - x.mean(0)": "least_squares(x"},
    """The best plane passes through the mean of the points: through x̄ as well as ȳ.

    最佳平面经过各点的均值：既要经过 ȳ，也要经过 x̄。
    """,
)

gives_the_mean_of_the_targets_as_intercept = edited(
    "linear_regression",
    {"y.mean() - x.mean(0) @ weights": "y.mean()"},
    """ȳ is the height of the plane at x̄. What is it at x = 0?

    ȳ 是平面在 x̄ 处的高度。在 x = 0 处是多少？
    """,
)

centres_with_one_mean_for_all_features = edited(
    "linear_regression",
    {"x - x.mean(0)": "x - x.mean()"},
    """Every feature has a mean of its own: along which dimension is it taken?

    每个特征有自己的均值：沿哪一维求？
    """,
)


@wrong("linear_regression")
def appends_ones_to_the_normal_equations(x, y):
    """Right for tame data. For features at 1e6 the column of ones and the features are nearly parallel, and XᵀX squares
    that. Take the means out first, and do not square.

    数据温和时是对的。特征在 10⁶ 附近时，全 1 的列与特征几乎平行，XᵀX 又把条件数平方。先减去均值，也不要平方。
    """
    if len(x) != len(y):
        raise ValueError("samples")
    x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    rows = torch.cat([x.mT @ x, x.mT @ y[:, None]], 1)
    n = x.shape[1]
    for k in range(n):
        row = rows[k : k + 1] / rows[k, k]
        rows = torch.where((torch.arange(n) == k)[:, None], row, rows - rows[:, k : k + 1] * row)
    return rows[:-1, n], rows[-1, n]


# symmetric_eigen

sorts_descending = edited(
    "symmetric_eigen",
    {"-2 * a[..., p, q], a[..., q, q] - a[..., p, p]": "2 * a[..., p, q], a[..., p, p] - a[..., q, q]"},
    """Your eigenvalues descend; `eigh` gives them ascending. (The order of `svd` is the other way round.)

    你的特征值是降序；`eigh` 给出的是升序。（`svd` 的次序正相反。）
    """,
)

leaves_the_eigenvectors_unsorted = edited(
    "symmetric_eigen",
    {"return a.diagonal(dim1=-2, dim2=-1), vectors": "return a.diagonal(dim1=-2, dim2=-1), vectors.flip(-1)"},
    """The eigenvalues are right, and each stands beside another one's eigenvector. What must be sorted along?

    特征值是对的，却配上了别人的特征向量。排序时还有什么要一起排？
    """,
)

returns_eigenvectors_as_rows = edited(
    "symmetric_eigen",
    {"dim2=-1), vectors": "dim2=-1), vectors.mT"},
    """A Q = Q Λ: eigenvectors are the columns of Q. Yours are rows.

    A Q = Q Λ：特征向量是 Q 的列。你的是行。
    """,
)

stops_after_one_sweep = edited(
    "symmetric_eigen",
    {"range(10)": "range(1)"},
    """A rotation that makes one entry 0 makes earlier ones non-zero again, only smaller. Once through all pairs is not
    enough.

    把一个元素变成 0 的旋转，会让先前的 0 重新变成非零，只是更小。把所有的对走一遍还不够。
    """,
)

divides_by_a_gap_of_zero = edited(
    "symmetric_eigen",
    {
        "torch.atan2(-2 * a[..., p, q], a[..., q, q] - a[..., p, p]) / 2": "torch.atan(-2 * a[..., p, q] / (a[..., q, q] - a[..., p, p])) / 2"
    },
    """Two equal diagonal entries divide by 0, and 0/0 is NaN: repeated eigenvalues are legal. Which function takes
    numerator and denominator apart?

    两个对角元相等时除以 0，而 0/0 是 NaN：重特征值是合法的。哪个函数分开接受分子与分母？
    """,
)

# svd


@wrong("svd")
def from_the_eigenvalues_of_the_gram_matrix(a):
    """AᵀA has the squares of the singular values: one below 1e-8 of the greatest is lost in its rounding errors, and U
    with it. Turn the columns of A themselves.

    AᵀA 的特征值是奇异值的平方：小于最大者 10⁻⁸ 倍的奇异值淹没在舍入误差里，U 也跟着丢失。应当旋转 A 自己的列。
    """
    m, n = a.shape[-2:]
    if m < n:
        u, s, vh = from_the_eigenvalues_of_the_gram_matrix(a.mT)
        return vh.mT, s, u.mT
    gram, v = a.mT @ a, torch.eye(n, dtype=a.dtype).expand(*a.shape[:-2], n, n)
    for _ in range(12):
        for p in range(n):
            for q in range(p + 1, n):
                angle = torch.atan2(2 * gram[..., p, q], gram[..., p, p] - gram[..., q, q]) / 2
                g = torch.eye(n, dtype=a.dtype).repeat(*a.shape[:-2], 1, 1)
                g[..., p, p], g[..., q, q] = angle.cos(), angle.cos()
                g[..., q, p], g[..., p, q] = angle.sin(), -angle.sin()
                gram, v = g.mT @ gram @ g, v @ g
    s = gram.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    return a @ v / s[..., None, :], s, v.mT


divides_by_a_singular_value_of_zero = edited(
    "svd",
    {
        "u, r = qr(turned[..., :m, :])\n    signed = r.diagonal(dim1=-2, dim2=-1)": "signed = torch.linalg.vector_norm(turned[..., :m, :], dim=-2)\n    u = turned[..., :m, :] "
        "/ signed[..., None, :]"
    },
    """At rank r < n the last columns of U Σ are 0 or noise, and dividing by σ makes no unit vectors of them that are
    orthogonal to the others. U needs orthonormal columns there too: which function of this chapter finds them?

    秩 r < n 时，U Σ 的最后几列是 0 或噪声，除以 σ 得不到与其他列正交的单位向量。那里 U 也要有标准正交的列：本章的哪个函数能找到它们？
    """,
)

gives_v_instead_of_its_transpose = edited(
    "svd",
    {"turned[..., m:, :].mT": "turned[..., m:, :]"},
    """A = U Σ Vᵀ: the third factor is returned as it stands in the product, transposed.

    A = U Σ Vᵀ：第三个因子要按它在乘积里的样子返回，即转置过的。
    """,
)

orders_the_singular_values_ascending = edited(
    "svd",
    {"torch.atan2(2 * overlap, gap)": "torch.atan2(-2 * overlap, -gap)"},
    """Singular values are given in descending order, eigenvalues of `eigh` ascending. Which of two columns should come
    first?

    奇异值按降序给出，`eigh` 的特征值按升序。两列之中哪一列该在前？
    """,
)

turns_every_pair_once = edited(
    "svd",
    {"range(10)": "range(1)"},
    """Making one pair of columns orthogonal disturbs the pairs before it. How often must all pairs be visited?

    让一对列正交，会扰动前面的各对。所有的对要走多少遍？
    """,
)

# low_rank_approximation

keeps_the_smallest_singular_values = edited(
    "low_rank_approximation",
    {
        "u[..., :rank] * s[..., None, :rank] @ vh[..., :rank, :]": "u.flip(-1)[..., :rank] * s.flip(-1)[..., None, :rank] @ vh.flip(-2)[..., :rank, :]"
    },
    """Your error is the greatest singular value. Which ones carry most of the matrix?

    你的误差是最大的奇异值。矩阵的大部分由哪些奇异值承载？
    """,
)

keeps_one_term_too_many = edited(
    "low_rank_approximation",
    {
        "s[..., None, :rank] @": "s[..., None, : rank + 1] @",
        "u[..., :rank]": "u[..., : rank + 1]",
        "vh[..., :rank, :]": "vh[..., : rank + 1, :]",
    },
    """Rank r has r terms.

    秩为 r 就有 r 项。
    """,
)

drops_columns_of_the_matrix = edited(
    "low_rank_approximation",
    {
        "u, s, vh = svd(a)\n    return u[..., :rank] * s[..., None, :rank] @ vh[..., :rank, :]": "return a * (torch.arange(a.shape[-1]) < rank)"
    },
    """Setting columns to zero gives the rank, but not the smallest error. In which basis are the dropped parts
    smallest?

    把若干列置零，秩是对了，误差却不是最小。在哪组基下，丢掉的部分最小？
    """,
)

accepts_any_rank = edited(
    "low_rank_approximation",
    {"if not 0 <= rank <= min(a.shape[-2:]):": "if False:"},
    """A negative rank cuts terms off the wrong end of a slice, in silence. Raise ValueError.

    负的秩会悄悄从切片的另一端截掉几项。应当抛出 ValueError。
    """,
)

# pseudo_inverse

inverts_every_singular_value = edited(
    "pseudo_inverse",
    {"torch.where(zero, 0, 1 / torch.where(zero, 1, s))": "1 / s"},
    """At a rank-deficient matrix σ is 1e-17 or 0, and 1/σ is 1e17 or inf: noise, enlarged. What does σ⁺ of a zero
    singular value have to be?

    秩亏时 σ 是 10⁻¹⁷ 或 0，1/σ 就是 10¹⁷ 或 inf：放大了的噪声。零奇异值的 σ⁺ 应当是什么？
    """,
)

compares_with_an_absolute_threshold = edited(
    "pseudo_inverse",
    {"threshold * s[..., :1]": "threshold"},
    """Multiply A by 1e-20 and your threshold cuts all of it away. What should singular values be compared with?

    把 A 乘以 10⁻²⁰，你的阈值就把它整个砍掉了。奇异值应当与什么相比？
    """,
)

ignores_rtol = edited(
    "pseudo_inverse",
    {" if rtol is None else rtol": ""},
    """Where does your code look at `rtol`?

    你的代码在哪里用到了 `rtol`？
    """,
)


forgets_to_swap_u_and_v = edited(
    "pseudo_inverse",
    {"vh.mT * inverted[..., None, :] @ u.mT": "(u * inverted[..., None, :] @ vh)"},
    """The inverse undoes the three factors in the opposite order: the shape of A⁺ is that of Aᵀ.

    求逆要按相反的次序撤销三个因子：A⁺ 的形状与 Aᵀ 相同。
    """,
)


@wrong("pseudo_inverse")
def inverts_the_gram_matrix(a, rtol=None):
    """(AᵀA)⁻¹Aᵀ needs full column rank and squares the condition number. The singular values tell which directions can
    be undone at all.

    (AᵀA)⁻¹Aᵀ 要求列满秩，还把条件数平方。哪些方向可以撤销，要看奇异值。
    """
    gram = a.mT @ a
    rows = torch.cat([gram, a.mT], -1)
    n = a.shape[-1]
    for k in range(n):
        row = rows[..., k : k + 1, :] / rows[..., k : k + 1, k : k + 1]
        rows = torch.where((torch.arange(n) == k)[:, None], row, rows - rows[..., k : k + 1] * row)
    return rows[..., n:]


# project

multiplies_by_the_matrix_itself = edited(
    "project",
    {"basis @ (basis.mT @ x)": "a @ (a.mT @ x)"},
    """A Aᵀ is a projection only if the columns of A are orthonormal. Projecting twice shows it.

    只有当 A 的列标准正交时，A Aᵀ 才是投影。投影两次就看得出来。
    """,
)

normalises_the_columns_only = edited(
    "project",
    {
        "u, s, _ = svd(a)\n    basis = u * (s > max(a.shape) * torch.finfo(a.dtype).eps * s[:1])": "basis = a / torch.linalg.vector_norm(a, dim=0)"
    },
    """Columns of length 1 are not yet orthogonal: what two of them share is counted twice.

    长度为 1 的列未必正交：两列共有的部分被算了两次。
    """,
)

keeps_directions_that_are_not_there = edited(
    "project",
    {" * (s > max(a.shape) * torch.finfo(a.dtype).eps * s[:1])": ""},
    """Dependent columns span fewer dimensions than they count. What do the singular values say about the rest?

    线性相关的列张成的维数少于列数。多出来的方向，奇异值怎么说？
    """,
)

gives_the_residual = edited(
    "project",
    {"return basis @ (basis.mT @ x)": "return x - basis @ (basis.mT @ x)"},
    """This is x − P x, what is left over.

    这是 x − P x，即剩下的部分。
    """,
)

gives_coordinates = edited(
    "project",
    {"return basis @ (basis.mT @ x)": "return basis.mT @ x"},
    """These are coordinates in the basis. The projection lives in the space of x.

    这是在基下的坐标。投影应当在 x 所在的空间里。
    """,
)

# spectral_norm


@wrong("spectral_norm")
def iterates_with_the_matrix_alone(a, iterations=100):
    """A v needs a square matrix, and finds eigenvalues: a rotation has none that are real, and the greatest stretch
    of a matrix is no eigenvalue of it. Of which symmetric matrix is it the root of one?

    A v 要求方阵，找到的是特征值：旋转没有实特征值，而矩阵的最大伸长也不是它的特征值。它是哪个对称矩阵的特征值的平方根？
    """
    v = torch.randn(*a.shape[:-2], a.shape[-1], 1, dtype=a.dtype)
    for _ in range(iterations):
        v = a @ v
        v = v / v.square().sum((-2, -1), keepdim=True).sqrt()
    return (v * (a @ v)).sum((-2, -1))


@wrong("spectral_norm")
def starts_from_ones(a, iterations=100):
    """Your start is orthogonal to the direction of greatest stretch of [[2, −2], [−2, 2]], and no iteration turns it
    there. Which start misses a direction with probability 0?

    对 [[2, −2], [−2, 2]] 来说，你的起点与最大伸长的方向正交，再迭代也转不过去。什么样的起点以概率 0 错过某个方向？
    """
    smallest = torch.finfo(a.dtype).tiny
    v = torch.ones(*a.shape[:-2], a.shape[-1], 1, dtype=a.dtype)
    for _ in range(iterations):
        u = torch.nn.functional.normalize(a @ v, dim=-2, eps=smallest)
        v = torch.nn.functional.normalize(a.mT @ u, dim=-2, eps=smallest).detach()
    return torch.linalg.vector_norm(a @ v, dim=(-2, -1))


forgets_the_root = edited(
    "spectral_norm",
    {"torch.linalg.vector_norm(a @ v, dim=(-2, -1))": "(a @ v).square().sum((-2, -1))"},
    """This is the greatest eigenvalue of AᵀA, the square of what is asked for.

    这是 AᵀA 的最大特征值，是所求的平方。
    """,
)

is_the_frobenius_norm = edited(
    "spectral_norm",
    {"torch.linalg.vector_norm(a @ v, dim=(-2, -1))": "torch.linalg.vector_norm(a, dim=(-2, -1)) + 0 * v.sum()"},
    """The Frobenius norm adds the squares of all singular values. Only the greatest is asked for.

    Frobenius 范数把所有奇异值的平方加起来。题目只要最大的一个。
    """,
)

divides_zero_by_zero = edited(
    "spectral_norm",
    {"torch.where(largest == 0, 1, largest)": "largest"},
    """A matrix of zeros sends every vector to 0, and 0/0 is NaN. Its norm is 0.

    零矩阵把每个向量变成 0，而 0/0 是 NaN。它的范数是 0。
    """,
)

# condition_number

is_upside_down = edited(
    "condition_number",
    {"largest / torch.where(singular, 1, smallest)": "smallest / largest"},
    """This is the reciprocal, a number at most 1.

    这是倒数，一个不超过 1 的数。
    """,
)

is_large_but_finite_at_a_singular_matrix = edited(
    "condition_number",
    {"torch.where(singular, torch.inf, largest / torch.where(singular, 1, smallest))": "largest / smallest"},
    """At a singular matrix rounding leaves σ_min at 1e-17 and not at 0. From which size on does a singular value of
    this dtype mean anything?

    在奇异矩阵处，舍入使 σ_min 停在 10⁻¹⁷ 而不是 0。在这个 dtype 里，奇异值从多大起才有意义？
    """,
)

is_that_of_the_gram_matrix = edited(
    "condition_number",
    {"largest / torch.where(singular, 1, smallest)": "(largest / torch.where(singular, 1, smallest)) ** 2"},
    """This is the condition number of AᵀA, the square of what is asked for.

    这是 AᵀA 的条件数，是所求的平方。
    """,
)

calls_singular_what_is_small = edited(
    "condition_number",
    {" * largest\n": "\n"},
    """A matrix multiplied by 1e-20 is no nearer to being singular. Small compared with what?

    把矩阵乘以 10⁻²⁰，它并不更接近奇异。“小”是与什么相比？
    """,
)

# pca

leaves_the_cloud_where_it_is = edited(
    "pca",
    {"svd(x - x.mean(0))": "svd(x)"},
    """Your first component points from the origin to the cloud. Variance is measured from where?

    你的第一个成分从原点指向点云。方差是从哪里量起的？
    """,
)

divides_by_n = edited(
    "pca",
    {"(len(x) - 1)": "len(x)"},
    """The mean was estimated from the same samples. By what does sklearn divide?

    均值是用同一批样本估计的。sklearn 除以什么？
    """,
)

gives_components_as_columns = edited(
    "pca",
    {"return vh, u * s": "return vh.mT, u * s"},
    """Components are the rows, as in `sklearn.decomposition.PCA.components_`.

    成分是行，与 `sklearn.decomposition.PCA.components_` 一致。
    """,
)

gives_standard_deviations = edited(
    "pca",
    {"s**2 / (len(x) - 1)": "s / (len(x) - 1) ** 0.5"},
    """These are standard deviations.

    这是标准差。
    """,
)

whitens_the_scores = edited(
    "pca",
    {"return vh, u * s": "return vh, u"},
    """Your scores all have the same variance. (x_i − x̄) · w_k keeps the scale of the cloud.

    你的得分方差都一样。(x_i − x̄) · w_k 保留点云的尺度。
    """,
)


@wrong("pca")
def standardises_every_feature(x, n_components):
    """Dividing by the standard deviations is another analysis, of correlations. It is a choice to be made before PCA.

    除以标准差是另一种分析，即相关系数的分析。要不要这样做，应在 PCA 之前决定。
    """
    if not 0 < n_components <= min(x.shape):
        raise ValueError("components")
    centred = (x - x.mean(0)) / x.std(0)
    return centred[:n_components], centred[:, :n_components], x.var(0)[:n_components]
