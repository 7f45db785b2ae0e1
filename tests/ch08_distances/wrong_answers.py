"""What students get wrong in chapter 8, and the hint that each mistake deserves."""

import torch

from autograder.cases import edited, wrong


@wrong("mse_loss")
def takes_the_root_of_the_mean(input, target, reduction="mean"):
    """This is the root mean square error, in the unit of y. (8.1) has the unit of y²: where does a root stand in it?

    这是均方根误差，单位与 y 相同。(8.1) 的单位是 y²：它哪里有根号？
    """
    squares = (input - target).square()
    if reduction == "none":
        return squares
    if reduction == "sum":
        return squares.sum()
    if reduction == "mean":
        return squares.mean().sqrt()
    raise ValueError(reduction)


averages_over_the_first_dimension_only = edited(
    "mse_loss",
    {"squares.mean()": "squares.sum() / len(squares)"},
    """You divide by the number of rows. What does N in (8.1) count, when every row has several numbers?

    你除以的是行数。每行有好几个数时，(8.1) 的 N 数的是什么？
    """,
)

divides_by_the_elements_of_the_prediction = edited(
    "mse_loss",
    {"squares.mean()": "squares.sum() / input.numel()"},
    """When the two shapes broadcast there are more differences than predictions. How many squares did you add up?

    两个形状发生广播时，差的个数比预测的个数多。你加起来的平方一共有多少个？
    """,
)

halves_the_square = edited(
    "mse_loss",
    {"(input - target).square()": "(input - target).square() / 2"},
    """The ½ makes the derivative tidy and belongs to textbooks; is it in (8.1)?

    ½ 能让导数整齐，是教科书的习惯；(8.1) 里有它吗？
    """,
)

subtracts_after_squaring = edited(
    "mse_loss",
    {"(input - target).square()": "input.square() - target.square()"},
    """A difference of squares is not the square of a difference. Which of them can be negative?

    平方之差不是差的平方。二者之中哪一个可能是负的？
    """,
)

expands_the_square_of_a_difference = edited(
    "mse_loss",
    {"(input - target).square()": "input.square() - 2 * input * target + target.square()"},
    """Equal on paper. With both numbers near 10⁴, how large are the three terms, and how many digits survive their sum?

    纸上相等。两个数都在 10⁴ 附近时，这三项有多大？相加之后还剩几位有效数字？
    """,
)

squares_the_mean = edited(
    "mse_loss",
    {"squares.mean()": "(input - target).mean().square()"},
    """Differences of opposite sign cancel before you square them. Which comes first in (8.1), the square or the sum?

    符号相反的差在平方之前就抵消了。(8.1) 里先平方还是先求和？
    """,
)

treats_the_target_as_a_constant = edited(
    "mse_loss",
    {"input - target": "input - target.detach()"},
    """The value is right. The target gets no gradient: think of a loss between the outputs of two networks.

    值是对的，但目标得不到梯度：想一想两个网络的输出之间的损失。
    """,
)

takes_any_other_word_for_the_mean = edited(
    "mse_loss",
    {'if reduction == "mean":\n        return': "return"},
    """reduction="average" is a mistake of the caller's. Who will notice, if you answer with the mean?

    reduction="average" 是调用者写错了。如果你照样返回平均值，谁会发现？
    """,
)

refuses_shapes_that_broadcast = edited(
    "mse_loss",
    {
        "    squares = ": "    if input.shape != target.shape:\n"
        '        raise ValueError("shapes differ")\n'
        "    squares = ",
    },
    """A careful thought, but the exercise asks for broadcasting, as torch does it. What does a target of shape () mean?

    想法很谨慎，但题目要求像 torch 那样广播。形状为 () 的目标是什么意思？
    """,
)


@wrong("l1_loss")
def forgets_the_absolute_value(input, target, reduction="mean"):
    """Errors above and below cancel, and a terrible prediction can have loss 0. What do the bars in (8.2) do?

    偏高与偏低相互抵消，再糟的预测也可能损失为 0。(8.2) 里的竖线起什么作用？
    """
    distances = input - target
    if reduction == "none":
        return distances
    if reduction == "sum":
        return distances.sum()
    if reduction == "mean":
        return distances.mean()
    raise ValueError(reduction)


takes_the_root_of_the_square = edited(
    "l1_loss",
    {"(input - target).abs()": "(input - target).square().sqrt()"},
    """|d| = √(d²) on paper. What is the square of 10³⁰ in float32, and what is the derivative of √ at 0?

    纸上 |d| = √(d²)。float32 里 10³⁰ 的平方是多少？√ 在 0 处的导数又是多少？
    """,
)

has_a_slope_at_zero = edited(
    "l1_loss",
    {"(input - target).abs()": "torch.where(input > target, input - target, target - input)"},
    """The values are right. Where a prediction equals its target, your branch has slope −1; what does (8.2) do on the
    two sides of that point, and which number lies in between?

    值是对的。预测恰好等于目标时，你走的那条分支斜率是 −1；(8.2) 在这一点的两侧斜率各是多少？取中间的哪个数？
    """,
)

is_the_smooth_l1_loss = edited(
    "l1_loss",
    {
        "(input - target).abs()": "torch.where((input - target).abs() < 1, (input - target).square() / 2,"
        " (input - target).abs() - 0.5)"
    },
    """You rounded the corner off: this is the smooth L1 (Huber) loss. (8.2) keeps it.

    你把尖角磨圆了：这是 smooth L1（Huber）损失。(8.2) 保留尖角。
    """,
)

averages_over_the_rows_only = edited(
    "l1_loss",
    {"distances.mean()": "distances.sum() / len(distances)"},
    """You divide by the number of rows. What does N in (8.2) count, when every row has several numbers?

    你除以的是行数。每行有好几个数时，(8.2) 的 N 数的是什么？
    """,
)

divides_by_the_number_of_predictions = edited(
    "l1_loss",
    {"distances.mean()": "distances.sum() / input.numel()"},
    """When the two shapes broadcast there are more differences than predictions. How many distances did you add up?

    两个形状发生广播时，差的个数比预测的个数多。你加起来的距离一共有多少个？
    """,
)

subtracts_the_absolute_values = edited(
    "l1_loss",
    {"(input - target).abs()": "(input.abs() - target.abs()).abs()"},
    """By your formula 3 and −3 are 0 apart. What stands inside the bars of (8.2)?

    按你的公式，3 与 −3 相距 0。(8.2) 的竖线里是什么？
    """,
)

returns_the_mean_for_any_reduction = edited(
    "l1_loss",
    {'if reduction == "mean":\n        return': "return"},
    """reduction="average" is a mistake of the caller's. Who will notice, if you answer with the mean?

    reduction="average" 是调用者写错了。如果你照样返回平均值，谁会发现？
    """,
)


takes_the_variance_for_a_standard_deviation = edited(
    "gaussian_nll",
    {"2 * math.pi * var)": "2 * math.pi * var**2)", "/ var)": "/ var**2)"},
    """You squared `var`. It is σ² already: what is its unit, when the targets are in metres?

    你把 `var` 又平方了一次。它本身就是 σ²：目标以米为单位时，它的单位是什么？
    """,
)

leaves_out_the_normaliser = edited(
    "gaussian_nll",
    {"2 * math.pi * var": "var"},
    """The gradient is right; the likelihood is not one, because the density no longer integrates to 1. Which constant
    of p(x) did you drop?

    梯度是对的，但这不是似然，因为密度的积分不再是 1。你丢掉了 p(x) 里的哪个常数？
    """,
)

forgets_that_the_logarithm_depends_on_the_variance = edited(
    "gaussian_nll",
    {"torch.log(2 * math.pi * var)": "math.log(2 * math.pi)"},
    """Without log σ² the loss can always be lowered by a larger variance. What keeps a network from answering σ² = ∞?

    没有 log σ² 这一项，只要方差变大，损失就下降。那么是什么阻止网络回答 σ² = ∞？
    """,
)

clamps_the_variance = edited(
    "gaussian_nll",
    {
        "return (": "var = var.clamp(min=1e-6)\n    return (",
    },
    """torch's loss clamps the variance at 10⁻⁶ for safety. The exercise does not: a density may be as narrow as it
    likes.

    torch 的损失为了安全，把方差截断在 10⁻⁶。题目没有：密度想多窄就可以多窄。
    """,
)

adds_a_small_number_to_the_variance = edited(
    "gaussian_nll",
    {"/ var)": "/ (var + 1e-8))"},
    """The constant in your denominator is larger than the variances of the last cases. What does it protect from, if a
    variance of 0 is refused?

    分母里的常数比最后几个用例的方差还大。既然方差为 0 会被拒绝，它还在防什么？
    """,
)

forgets_to_halve_the_logarithm = edited(
    "gaussian_nll",
    {
        "(torch.log(2 * math.pi * var) + (target - input).square() / var).mean() / 2": "("
        "torch.log(2 * math.pi * var) + (target - input).square() / var / 2).mean()"
    },
    """−log of 1/√(2πσ²): what does the root become when you take the logarithm?

    对 1/√(2πσ²) 取负对数：根号变成了什么？
    """,
)

adds_the_terms_up = edited(
    "gaussian_nll",
    {".mean()": ".sum()"},
    """This is the likelihood of all targets together. The exercise asks for the mean, which does not grow with the
    batch.

    这是全体目标的似然。题目要的是平均值，它不随批量变大。
    """,
)

lets_a_negative_variance_pass = edited(
    "gaussian_nll",
    {'if (var <= 0).any():\n        raise ValueError("a variance must be positive")\n    ': ""},
    """log of a negative number is NaN, and the NaN reaches every weight before anybody looks. Say so at the door.

    负数的对数是 NaN，等有人发现时，它已经进了每一个权重。应当在入口就报错。
    """,
)

lets_a_variance_of_zero_pass = edited(
    "gaussian_nll",
    {"var <= 0": "var < 0"},
    """What is log 0, and what is 0/0 where the prediction is exact?

    log 0 是多少？预测恰好准确时，0/0 又是多少？
    """,
)


forgets_the_two = edited(
    "laplace_nll",
    {"torch.log(2 * scale)": "torch.log(scale)"},
    """∫ exp(−|x|/b) dx over the whole line, both sides of 0: what is it?

    ∫ exp(−|x|/b) dx 在整条直线上、0 的两侧都算：等于多少？
    """,
)

squares_the_distance = edited(
    "laplace_nll",
    {"(target - input).abs() / scale": "(target - input).square() / scale"},
    """A square in the exponent is a normal density. Which power of |x − μ| has the Laplace density?

    指数里是平方，那就是正态密度。Laplace 密度里 |x − μ| 是几次方？
    """,
)

takes_the_scale_for_a_standard_deviation = edited(
    "laplace_nll",
    {"scale)": "scale / math.sqrt(2))", "/ scale": "/ scale * math.sqrt(2)"},
    """The standard deviation of a Laplace variable is √2·b, true, but the argument is b itself.

    Laplace 变量的标准差确实是 √2·b，但这里给的参数就是 b。
    """,
)

leaves_out_the_logarithm = edited(
    "laplace_nll",
    {"torch.log(2 * scale) + ": ""},
    """Then a larger b always lowers the loss. Which factor of p(x) makes a wide density low?

    这样的话，b 越大损失总是越小。p(x) 的哪个因子让宽的密度变低？
    """,
)

halves_it_as_if_it_were_a_gaussian = edited(
    "laplace_nll",
    {".mean()": ".mean() / 2"},
    """The ½ of the Gaussian comes from a root and from 2σ². Take −log of the Laplace density and see what is there.

    高斯的 ½ 来自根号和 2σ²。对 Laplace 密度取负对数，看看有没有它。
    """,
)

takes_the_distance_as_the_root_of_a_square = edited(
    "laplace_nll",
    {"(target - input).abs()": "(target - input).square().sqrt()"},
    """What is the derivative of √ at 0, where a prediction is exact, and what is the square of 10³⁰ in float32?

    预测恰好准确时，√ 在 0 处的导数是多少？float32 里 10³⁰ 的平方又是多少？
    """,
)

keeps_the_scale_away_from_zero = edited(
    "laplace_nll",
    {"return (": "scale = scale.clamp(min=1e-6)\n    return ("},
    """The exercise clamps nothing: a density may be as narrow as it likes, and a scale of 0 has been refused already.

    题目不做任何截断：密度想多窄就可以多窄，而尺度为 0 早已被拒绝。
    """,
)

lets_any_scale_pass = edited(
    "laplace_nll",
    {'if (scale <= 0).any():\n        raise ValueError("a scale must be positive")\n    ': ""},
    """log of a negative number is NaN, and the NaN reaches every weight before anybody looks. Say so at the door.

    负数的对数是 NaN，等有人发现时，它已经进了每一个权重。应当在入口就报错。
    """,
)


@wrong("cosine_similarity")
def is_the_inner_product(x1, x2, dim=1, eps=1e-8):
    """A longer vector makes your number larger. What in (8.3) takes the lengths out?

    向量越长，你的结果越大。(8.3) 里是什么把长度去掉的？
    """
    return (x1 * x2).sum(dim)


@wrong("cosine_similarity")
def divides_by_lengths_that_may_be_zero(x1, x2, dim=1, eps=1e-8):
    """0/0 is NaN. Where does `eps` come in?

    0/0 是 NaN。`eps` 应当用在哪里？
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    return (x1 * x2).sum(dim) / (x1.square().sum(dim) * x2.square().sum(dim)).sqrt()


@wrong("cosine_similarity")
def holds_the_product_of_the_lengths_at_eps(x1, x2, dim=1, eps=1e-8):
    """Older versions of torch did this. Two vectors of length 10⁻⁵ are well above eps, but the product of their lengths
    is not. To what does the exercise apply eps?

    旧版 torch 就是这样。两个长度为 10⁻⁵ 的向量都远大于 eps，但长度的乘积不是。题目把 eps 用在什么上？
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    product = torch.linalg.vector_norm(x1, dim=dim) * torch.linalg.vector_norm(x2, dim=dim)
    return (x1 * x2).sum(dim) / product.clamp(min=eps)


@wrong("cosine_similarity")
def adds_eps_to_the_lengths(x1, x2, dim=1, eps=1e-8):
    """Adding eps changes every result a little, and small vectors a lot. The formula takes the larger of two numbers.

    加上 eps，每个结果都变一点，小向量变得很多。公式取的是两个数中较大的一个。
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    norm1, norm2 = torch.linalg.vector_norm(x1, dim=dim), torch.linalg.vector_norm(x2, dim=dim)
    return (x1 * x2).sum(dim) / ((norm1 + eps) * (norm2 + eps))


@wrong("cosine_similarity")
def takes_the_root_before_the_maximum(x1, x2, dim=1, eps=1e-8):
    """The values are right. The gradient at a vector of zeros is NaN: the slope of √ at 0 is infinite, and backward
    multiplies it by the 0 that comes out of clamp.

    值是对的。零向量处的梯度是 NaN：√ 在 0 处斜率无穷大，反向传播再乘上 clamp 传回来的 0。
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    norm1 = x1.square().sum(dim).sqrt().clamp(min=eps)
    norm2 = x2.square().sum(dim).sqrt().clamp(min=eps)
    return (x1 * x2).sum(dim) / (norm1 * norm2)


@wrong("cosine_similarity")
def takes_the_lengths_for_constants(x1, x2, dim=1, eps=1e-8):
    """The values are right. The lengths depend on the vectors, so the gradient needs the quotient rule; yours can
    change a similarity by making a vector longer.

    值是对的。但长度依赖向量，求梯度要用商的法则；按你的梯度，把向量拉长也能改变相似度。
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    norm1 = torch.linalg.vector_norm(x1, dim=dim).clamp(min=eps).detach()
    norm2 = torch.linalg.vector_norm(x2, dim=dim).clamp(min=eps).detach()
    return (x1 * x2).sum(dim) / (norm1 * norm2)


@wrong("cosine_similarity")
def compares_every_pair_of_rows(x1, x2, dim=1, eps=1e-8):
    """This is a table: each row against every other. The exercise compares row i with row i, along `dim`.

    这是一张表：每一行对每一行。题目要的是第 i 行对第 i 行，沿 `dim`。
    """
    unit1 = x1 / torch.linalg.vector_norm(x1, dim=dim, keepdim=True).clamp(min=eps)
    unit2 = x2 / torch.linalg.vector_norm(x2, dim=dim, keepdim=True).clamp(min=eps)
    return unit1 @ unit2.mT


@wrong("cosine_similarity")
def divides_by_the_sums_of_squares(x1, x2, dim=1, eps=1e-8):
    """A vector and itself have similarity 1. What does yours give for (2, 0) and (2, 0)?

    向量与它自己的相似度是 1。对 (2, 0) 和 (2, 0)，你的结果是多少？
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    return (x1 * x2).sum(dim) / (x1.square().sum(dim).clamp(min=eps) * x2.square().sum(dim).clamp(min=eps))


@wrong("cosine_similarity")
def centres_the_vectors_first(x1, x2, dim=1, eps=1e-8):
    """After the means are taken away it is Pearson's correlation. (8.3) leaves the vectors where they are.

    减去均值之后，就成了 Pearson 相关系数。(8.3) 不移动向量。
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    x1, x2 = x1 - x1.mean(dim, keepdim=True), x2 - x2.mean(dim, keepdim=True)
    norm1 = x1.square().sum(dim).clamp(min=eps**2).sqrt()
    norm2 = x2.square().sum(dim).clamp(min=eps**2).sqrt()
    return (x1 * x2).sum(dim) / (norm1 * norm2)


measures_before_broadcasting = edited(
    "cosine_similarity",
    {"x1, x2 = torch.broadcast_tensors(x1, x2)": ""},
    """`dim` belongs to the shape after broadcasting. Along which dimension lies a vector of shape (6,) beside a table
    (5, 6)?

    `dim` 指广播之后的形状。形状为 (6,) 的向量与 (5, 6) 的表放在一起时，它沿哪一维？
    """,
)

compares_eps_with_the_square = edited(
    "cosine_similarity",
    {"eps**2": "eps"},
    """You compare a squared length with eps. A vector of length 10⁻⁶ is longer than eps = 10⁻⁸; is its square?

    你拿长度的平方去和 eps 比。长度 10⁻⁶ 大于 eps = 10⁻⁸；它的平方呢？
    """,
)

ignores_the_dimension = edited(
    "cosine_similarity",
    {"dim)": "-1)"},
    """Your vectors always lie along the last dimension. Where does your code look at `dim`?

    你的向量总是沿最后一维。你的代码在哪里用到了 `dim`？
    """,
)


@wrong("cosine_distance")
def returns_the_similarity(x1, x2, dim=1, eps=1e-8):
    """A distance is 0 for equal vectors; yours is 1, and falls the farther apart they are.

    两个向量相同时距离是 0；你的是 1，而且离得越远反而越小。
    """
    return cosine_similarity(x1, x2, dim, eps)


takes_opposite_for_equal = edited(
    "cosine_distance",
    {"cosine_similarity(x1, x2, dim, eps)": "cosine_similarity(x1, x2, dim, eps).abs()"},
    """By your formula a vector is 0 away from its opposite. What should the largest distance be?

    按你的公式，向量与它的反方向相距 0。最大的距离应当是多少？
    """,
)

measures_the_angle = edited(
    "cosine_distance",
    {"1 - cosine_similarity(x1, x2, dim, eps)": "cosine_similarity(x1, x2, dim, eps).clamp(-1, 1).arccos()"},
    """The angle in radians is another distance, a better one in some ways, but not the one defined here.

    以弧度计的夹角是另一种距离，在某些方面更好，但不是这里定义的那一种。
    """,
)

halves_it_to_end_at_one = edited(
    "cosine_distance",
    {"1 - cosine_similarity(x1, x2, dim, eps)": "(1 - cosine_similarity(x1, x2, dim, eps)) / 2"},
    """Yours runs from 0 to 1. How far apart are opposite directions by the definition?

    你的结果从 0 到 1。按定义，相反的方向相距多远？
    """,
)

forgets_which_dimension = edited(
    "cosine_distance",
    {"dim, eps": "eps=eps"},
    """The caller's `dim` never reaches `cosine_similarity`, which then takes its own default.

    调用者给的 `dim` 没有传给 `cosine_similarity`，于是它用了自己的默认值。
    """,
)

forgets_the_least_length = edited(
    "cosine_distance",
    {"dim, eps": "dim"},
    """The caller's `eps` never reaches `cosine_similarity`, which then takes its own default.

    调用者给的 `eps` 没有传给 `cosine_similarity`，于是它用了自己的默认值。
    """,
)


@wrong("cosine_distance")
def is_half_the_squared_chord(x1, x2, dim=1, eps=1e-8):
    """½‖û − v̂‖² equals 1 − û·v̂ for unit vectors, and is even better close to 0. What is it when u is a vector of
    zeros?

    对单位向量，½‖û − v̂‖² 等于 1 − û·v̂，在 0 附近甚至更准。u 是零向量时它等于多少？
    """
    x1, x2 = torch.broadcast_tensors(x1, x2)
    unit1 = x1 / x1.square().sum(dim, keepdim=True).clamp(min=eps**2).sqrt()
    unit2 = x2 / x2.square().sum(dim, keepdim=True).clamp(min=eps**2).sqrt()
    return (unit1 - unit2).square().sum(dim) / 2


@wrong("pairwise_distances")
def loops_over_every_pair(x, y):
    """Right, and slow: Python runs a few operators for each of m·n pairs. Which shapes would make broadcasting
    form all pairs at once?

    结果正确，但是慢：对 m·n 对中的每一对，Python 都要执行几个运算。怎样的形状能让广播一次得到所有的对？
    """
    if x.shape[-1] != y.shape[-1] or x.dim() < 2 or y.dim() < 2:
        raise ValueError("two tables with rows of one length are needed")
    batch = torch.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = x.expand(*batch, -1, -1), y.expand(*batch, -1, -1)
    if 0 in (x.shape[-2], y.shape[-2]):
        return x.new_zeros(*batch, x.shape[-2], y.shape[-2])
    rows = []
    for i in range(x.shape[-2]):
        row = [torch.linalg.vector_norm(x[..., i, :] - y[..., j, :], dim=-1) for j in range(y.shape[-2])]
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


@wrong("pairwise_distances")
def loops_over_the_points_of_one_side(x, y):
    """Half of the way: there is still a loop in Python over the points of x. Broadcasting can take both sides at once.

    只走了一半：仍有一个 Python 循环遍历 x 的点。广播可以让两边同时进行。
    """
    if x.shape[-1] != y.shape[-1] or x.dim() < 2 or y.dim() < 2:
        raise ValueError("two tables with rows of one length are needed")
    batch = torch.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    x, y = x.expand(*batch, -1, -1), y.expand(*batch, -1, -1)
    if x.shape[-2] == 0:
        return x.new_zeros(*batch, 0, y.shape[-2])
    rows = [torch.linalg.vector_norm(x[..., i : i + 1, :] - y, dim=-1) for i in range(x.shape[-2])]
    return torch.stack(rows, dim=-2)


@wrong("pairwise_distances")
def expands_the_square_into_a_matrix_product(x, y):
    """‖x‖² − 2x·y + ‖y‖² is fast, and loses every digit where two points are close together and far from the origin:
    the three terms are huge and their sum is small.

    ‖x‖² − 2x·y + ‖y‖² 很快，但两点彼此接近而远离原点时，所有有效数字都会丢掉：三项都很大，和却很小。
    """
    if x.shape[-1] != y.shape[-1] or x.dim() < 2 or y.dim() < 2:
        raise ValueError("two tables with rows of one length are needed")
    squares = x.square().sum(-1)[..., :, None] - 2 * x @ y.mT + y.square().sum(-1)[..., None, :]
    positive = squares > 0
    return torch.where(positive, squares, 1).sqrt() * positive


@wrong("pairwise_distances")
def centres_the_points_and_expands_the_square(x, y):
    """Moving the origin into the middle helps a single cloud. Where is the middle of two clouds far apart, and how far
    from it are two points of the same cloud?

    把原点移到中间，对单独一团点有用。两团相距很远的点，中间在哪里？同一团的两个点离它有多远？
    """
    if x.shape[-1] != y.shape[-1] or x.dim() < 2 or y.dim() < 2:
        raise ValueError("two tables with rows of one length are needed")
    centre = x.mean(-2, keepdim=True) if x.shape[-2] else 0
    x, y = x - centre, y - centre
    squares = x.square().sum(-1)[..., :, None] - 2 * x @ y.mT + y.square().sum(-1)[..., None, :]
    positive = squares > 0
    return torch.where(positive, squares, 1).sqrt() * positive


takes_the_root_of_zero = edited(
    "pairwise_distances",
    {"torch.sqrt(squares + zero) * ~zero": "torch.sqrt(squares)"},
    """The values are right. Where two points coincide the slope of √ is infinite, and one NaN gradient spoils every
    weight.

    值是对的。两点重合处 √ 的斜率无穷大，一个 NaN 梯度就毁掉所有的权重。
    """,
)

puts_a_small_number_under_the_root = edited(
    "pairwise_distances",
    {"torch.sqrt(squares + zero) * ~zero": "torch.sqrt(squares + 1e-12)"},
    """It saves the gradient, but now a point is 10⁻⁶ away from itself. Must the root see the squares that are 0 at all?

    梯度保住了，但点到自己的距离成了 10⁻⁶。为 0 的那些平方，非要经过根号不可吗？
    """,
)

holds_the_square_away_from_zero = edited(
    "pairwise_distances",
    {"torch.sqrt(squares + zero) * ~zero": "squares.clamp(min=1e-16).sqrt() * ~zero"},
    """Close points are not coincident points: the distance of two points 10⁻¹² apart is 10⁻¹².

    接近的点不等于重合的点：相距 10⁻¹² 的两点，距离就是 10⁻¹²。
    """,
)

returns_the_squares = edited(
    "pairwise_distances",
    {"torch.sqrt(squares + zero) * ~zero": "squares"},
    """The squares are in the right order, and enough to find the nearest; but a distance has the unit of the
    coordinates.

    平方的大小次序是对的，用来找最近的点也够了；但距离的单位应当与坐标相同。
    """,
)

adds_up_the_absolute_differences = edited(
    "pairwise_distances",
    {".square().sum(-1)": ".abs().sum(-1).square()"},
    """This is the distance in a city of square blocks, (8.2). How does a bird measure?

    这是在方格街区里走的距离，即 (8.2)。鸟飞的距离怎么量？
    """,
)

returns_the_table_of_the_other_side = edited(
    "pairwise_distances",
    {"x[..., :, None, :] - y[..., None, :, :]": "x[..., None, :, :] - y[..., :, None, :]"},
    """Rows and columns are exchanged: D_ij is from x_i to y_j, so there are as many rows as points in x.

    行与列对调了：D_ij 是从 x_i 到 y_j，所以 x 有几个点就有几行。
    """,
)

lets_one_coordinate_stand_for_all = edited(
    "pairwise_distances",
    {"x.shape[-1] != y.shape[-1]": "x.shape[-1] not in (y.shape[-1], 1) and y.shape[-1] != 1"},
    """Broadcasting stretches a single coordinate over all the others. Is a point on a line a point in space?

    广播会把唯一的坐标拉伸到所有坐标上。直线上的点是空间里的点吗？
    """,
)

takes_the_mean_of_the_squares = edited(
    "pairwise_distances",
    {".sum(-1)": ".mean(-1)"},
    """(8.1) divides by the number of coordinates, a distance does not. How long is the diagonal of a unit square by
    yours?

    (8.1) 除以坐标的个数，距离不除。按你的算法，单位正方形的对角线有多长？
    """,
)


takes_the_farthest = edited(
    "nearest_neighbours",
    {"largest=False": "largest=True"},
    """These are the points farthest away. By default, which end does topk or sort(descending=True) begin with?

    这些是最远的点。topk 或 sort(descending=True) 默认从哪一端开始？
    """,
)

returns_the_squared_distances = edited(
    "nearest_neighbours",
    {"nearest.values,": "nearest.values.square(),"},
    """The neighbours are right; the distances are squared.

    邻居找对了，但距离成了平方。
    """,
)

leaves_out_the_query_itself = edited(
    "nearest_neighbours",
    {
        "topk(k, largest=False)": "topk(min(k + 1, len(points)), largest=False)",
        "nearest.values,": "nearest.values[:, -k:],",
        "nearest.indices": "nearest.indices[:, -k:]",
    },
    """You drop the first neighbour, as if it were always the query itself. Who says that the query is one of the
    points?

    你丢掉了第一个邻居，好像它总是查询点自己。谁说查询点一定在点集里？
    """,
)

looks_for_queries_from_the_points = edited(
    "nearest_neighbours",
    {"pairwise_distances(queries, points)": "pairwise_distances(points, queries)", "len(points)": "len(queries)"},
    """Your rows are points and your indices count queries. Each row of the answer belongs to one query.

    你的每一行是一个点，下标数的是查询。答案的每一行应当属于一个查询。
    """,
)

gives_fewer_neighbours_without_a_word = edited(
    "nearest_neighbours",
    {
        "if not 1 <= k <= len(points):": "k = max(1, min(k, len(points)))\n    if k < 1:",
    },
    """The caller asked for k and gets fewer. Whoever reads column k next gets the error, far from its cause.

    调用者要 k 个，却只得到更少。接下来读第 k 列的人会得到一个离原因很远的错误。
    """,
)

returns_indices_before_distances = edited(
    "nearest_neighbours",
    {"nearest.values, nearest.indices": "nearest.indices, nearest.values"},
    """The right things in the wrong order: first the distances, then the indices.

    内容对，次序反了：先是距离，后是下标。
    """,
)

returns_the_farthest_of_the_nearest_first = edited(
    "nearest_neighbours",
    {"nearest.values, nearest.indices": "nearest.values.flip(1), nearest.indices.flip(1)"},
    """The right neighbours, but the nearest should come first.

    邻居是对的，但最近的应当排在最前。
    """,
)

cuts_the_gradient_of_the_distances = edited(
    "nearest_neighbours",
    {"pairwise_distances(queries, points)": "pairwise_distances(queries, points).detach()"},
    """The values are right. The distances should have a gradient; which call cut it?

    值是对的。距离应当有梯度；是哪个调用把它切断了？
    """,
)

returns_the_points_in_place_of_their_indices = edited(
    "nearest_neighbours",
    {"nearest.values, nearest.indices": "nearest.values, points[nearest.indices]"},
    """With the coordinates alone nobody can look up a neighbour's label. Which rows of `points` are they?

    只有坐标，就查不到邻居的标签。它们是 `points` 的第几行？
    """,
)


@wrong("nearest_neighbours")
def compares_directions(queries, points, k):
    """You took the largest cosines. A point far away in the right direction is not near; use your pairwise_distances.

    你取的是余弦最大的点。方向对而离得远，不算近；请用你的 pairwise_distances。
    """
    if not 1 <= k <= len(points):
        raise ValueError(k)
    chosen = cosine_similarity(queries[:, None], points[None], dim=-1).topk(k).indices
    return pairwise_distances(queries, points).gather(1, chosen), chosen


@wrong("nearest_neighbours")
def expands_the_square(queries, points, k):
    """Far from the origin your distances lose their digits, and with them the order of the neighbours. Your
    pairwise_distances does not.

    远离原点时，你的距离丢掉了有效数字，邻居的次序也跟着乱了。你的 pairwise_distances 不会。
    """
    if not 1 <= k <= len(points):
        raise ValueError(k)
    squares = queries.square().sum(1)[:, None] - 2 * queries @ points.T + points.square().sum(1)
    positive = squares > 0
    nearest = (torch.where(positive, squares, 1).sqrt() * positive).topk(k, largest=False)
    return nearest.values, nearest.indices
