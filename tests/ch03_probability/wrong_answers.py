"""Wrong answers to chapter 3: what students really write, each with its hint in English and in Chinese."""

import math

import torch
from scipy.special import ndtri, stdtrit

from autograder.cases import edited, wrong


@wrong("normal_log_prob")
def takes_the_scale_for_a_variance(x, loc, scale):
    """Right only where scale = 1. Is `scale` σ or σ², and what is divided by it before squaring?

    只有 scale = 1 时才对。`scale` 是 σ 还是 σ²？平方之前，什么要除以它？
    """
    if not (scale > 0).all():
        raise ValueError("scale")
    return -((x - loc) ** 2) / (2 * scale) - torch.log(2 * math.pi * scale) / 2


@wrong("normal_log_prob")
def takes_the_logarithm_of_the_density(x, loc, scale):
    """Forty standard deviations away the density is 0 even in float64, and log 0 is −inf. Take the logarithm of (3.1)
    on paper first: what becomes of the exponential?

    偏离均值四十个标准差，密度即使在 float64 里也是 0，而 log 0 是 −inf。先在纸上对 (3.1) 取对数：指数函数变成了什么？
    """
    if not (scale > 0).all():
        raise ValueError("scale")
    return torch.log(torch.exp(-(((x - loc) / scale) ** 2) / 2) / (math.sqrt(2 * math.pi) * scale))


@wrong("normal_log_prob")
def squares_the_scale_first(x, loc, scale):
    """σ = 1e-30 is a number in float32, σ² is not. Which of the two is the better one to divide by?

    σ = 1e-30 在 float32 里是一个数，σ² 却不是。除以哪一个更好？
    """
    if not (scale > 0).all():
        raise ValueError("scale")
    return -((x - loc) ** 2) / (2 * scale**2) - torch.log(scale) - math.log(2 * math.pi) / 2


forgets_the_constant = edited(
    "normal_log_prob",
    {" - math.log(2 * math.pi) / 2": ""},
    """Off by the same number everywhere: a density integrates to 1. Which factor of (3.1) sees to that when σ = 1?

    处处相差同一个数：密度的积分是 1。σ = 1 时，(3.1) 里保证这一点的是哪个因子？
    """,
)

accepts_any_scale = edited(
    "normal_log_prob",
    {"if not (scale > 0).all():": "if False:"},
    """For a scale of 0 or below there is no such distribution. A result of NaN is found hours later; raise ValueError.

    标准差不为正时，这样的分布不存在。结果里的 NaN 可能几小时后才被发现；请抛出 ValueError。
    """,
)

lets_a_scale_that_is_not_a_number_pass = edited(
    "normal_log_prob",
    {"if not (scale > 0).all():": "if (scale <= 0).any():"},
    """Every comparison with NaN is False. Does your condition ask whether a scale is bad, or whether all of them are
    good?

    NaN 与任何数比较都是 False。你的条件问的是“有没有坏的标准差”，还是“是不是全都好”？
    """,
)


@wrong("multivariate_normal_log_prob")
def takes_the_logarithm_of_the_determinant(x, loc, covariance_matrix):
    """In 500 dimensions |Σ| is 10¹⁰⁰⁰ or 10⁻¹⁰⁰⁰, neither of which is a number in float64. The determinant of a
    triangular matrix is a product: what is its logarithm?

    在 500 维里 |Σ| 可以是 10¹⁰⁰⁰ 或 10⁻¹⁰⁰⁰，在 float64 里都不是数。三角矩阵的行列式是一个乘积：它的对数是什么？
    """
    if torch.linalg.cholesky_ex(covariance_matrix).info.any():
        raise ValueError("not positive definite")
    r = (x - loc)[..., None]
    quadratic = (r.mT @ torch.linalg.solve(covariance_matrix, r))[..., 0, 0]
    return -(quadratic + torch.log(torch.linalg.det(2 * math.pi * covariance_matrix))) / 2


@wrong("multivariate_normal_log_prob")
def ignores_the_correlations(x, loc, covariance_matrix):
    """The entries are treated as if they were independent: where do the entries of Σ beside its diagonal come in?

    你把各分量当成了独立的：Σ 的非对角元素用在了哪里？
    """
    torch.linalg.cholesky(covariance_matrix)
    variances = covariance_matrix.diagonal(dim1=-2, dim2=-1)
    return -((x - loc) ** 2 / variances + torch.log(2 * math.pi * variances)).sum(-1) / 2


@wrong("multivariate_normal_log_prob")
def does_not_ask_whether_the_matrix_is_positive_definite(x, loc, covariance_matrix):
    """−Σ has a determinant and an inverse too, but it is the covariance of nothing. Which factorization exists for
    positive definite matrices only?

    −Σ 也有行列式和逆矩阵，但它不是任何随机向量的协方差。哪一种分解只对正定矩阵存在？
    """
    r = (x - loc)[..., None]
    quadratic = (r * torch.linalg.solve(covariance_matrix, r)).sum((-2, -1))
    return -(quadratic + torch.linalg.slogdet(2 * math.pi * covariance_matrix).logabsdet) / 2


counts_the_determinant_twice = edited(
    "multivariate_normal_log_prob",
    {"- half_log_det": "- 2 * half_log_det"},
    """Off by half the logarithm of |Σ|. With Σ = LLᵀ, how are |Σ|^(1/2) and the diagonal of L related?

    相差 log |Σ| 的一半。若 Σ = LLᵀ，|Σ|^(1/2) 与 L 的对角元素是什么关系？
    """,
)

multiplies_by_the_factor = edited(
    "multivariate_normal_log_prob",
    {
        "torch.linalg.solve_triangular(": "(",
        "cholesky, (x - loc)[..., None], upper=False": "cholesky @ (x - loc)[..., None]",
    },
    """Your density falls fastest where Σ is large. Should the deviation be multiplied by L, or is Lz the deviation?

    在你的结果里，Σ 越大的方向密度下降得越快。应当用 L 去乘偏差，还是说 Lz 等于偏差？
    """,
)

solves_with_the_transposed_factor = edited(
    "multivariate_normal_log_prob",
    {"solve_triangular(cholesky,": "solve_triangular(cholesky.mT,", "upper=False": "upper=True"},
    """Nearly right: (x − μ)ᵀ(LLᵀ)⁻¹(x − μ) is the square of L⁻¹(x − μ). Of which triangle did you solve the system?

    差一点：(x − μ)ᵀ(LLᵀ)⁻¹(x − μ) 是 L⁻¹(x − μ) 的平方。你解的是哪个三角的方程组？
    """,
)

forgets_the_constant_in_each_dimension = edited(
    "multivariate_normal_log_prob",
    {"(z.square() + math.log(2 * math.pi)).sum(-1) / 2": "(z.square().sum(-1) + math.log(2 * math.pi)) / 2"},
    """Right in one dimension, off by the same number in every higher one. To what power does (3.1) raise 2π?

    一维时是对的，更高维时处处相差同一个数。(3.1) 里 2π 的指数是多少？
    """,
)


@wrong("bernoulli_log_prob")
def multiplies_zero_by_the_logarithm_of_zero(x, probs):
    """x log p + (1 − x) log(1 − p) is NaN for p = 1, x = 1: the other term is 0 · log 0. How do you keep the logarithm
    from seeing a probability that has no part?

    p = 1、x = 1 时，x log p + (1 − x) log(1 − p) 是 NaN：另一项是 0 · log 0。怎样不让对数碰到与结果无关的概率？
    """
    x = x.to(probs.dtype)
    if not ((x == 0) | (x == 1)).all() or not ((probs >= 0) & (probs <= 1)).all():
        raise ValueError("bad input")
    return x * torch.log(probs) + (1 - x) * torch.log(1 - probs)


@wrong("bernoulli_log_prob")
def selects_after_both_logarithms_are_taken(x, probs):
    """The values are right. But backward goes through both logarithms, and at p = 0 or 1 it multiplies 0 by inf.

    值是对的。但反向传播两个对数都走，在 p = 0 或 1 处就是 0 乘以 inf。
    """
    if not ((x == 0) | (x == 1)).all() or not ((probs >= 0) & (probs <= 1)).all():
        raise ValueError("bad input")
    return torch.where(x == 1, torch.log(probs), torch.log1p(-probs))


@wrong("bernoulli_log_prob")
def subtracts_from_one_before_the_logarithm(x, probs):
    """For p = 1e-10 float32 rounds 1 − p to 1, and the logarithm is 0 in place of −1e-10. Which function takes the
    logarithm of a number near 1 without writing the number down?

    p = 1e-10 时，float32 把 1 − p 舍入成 1，对数便成了 0 而不是 −1e-10。哪个函数不写出接近 1 的数就能求它的对数？
    """
    if not ((x == 0) | (x == 1)).all() or not ((probs >= 0) & (probs <= 1)).all():
        raise ValueError("bad input")
    return torch.log(torch.where(x == 1, probs, 1 - probs))


@wrong("bernoulli_log_prob")
def clamps_the_probability(x, probs):
    """With p kept above eps, an event of probability 1e-20 is reported as one of 1e-7, and its gradient is 0. Which
    probabilities need no protection at all?

    把 p 限制在 eps 以上，概率为 1e-20 的事件就被报成 1e-7，梯度还是 0。哪些概率根本不需要保护？
    """
    if not ((x == 0) | (x == 1)).all() or not ((probs >= 0) & (probs <= 1)).all():
        raise ValueError("bad input")
    eps = torch.finfo(probs.dtype).eps
    p = probs.clamp(eps, 1 - eps)
    return torch.where(x == 1, torch.log(p), torch.log1p(-p))


@wrong("bernoulli_log_prob")
def gives_the_probability(x, probs):
    """These are probabilities, none of them negative. What is asked for?

    这些是概率，没有一个是负的。题目要的是什么？
    """
    return torch.where(x == 1, probs, 1 - probs)


accepts_any_probability = edited(
    "bernoulli_log_prob",
    {"if not ((probs >= 0) & (probs <= 1)).all():": "if False:"},
    """A probability of 1.5, a logit perhaps, gives log 1.5 or NaN and no complaint. Raise ValueError.

    1.5 这样的“概率”（也许其实是 logit）会给出 log 1.5 或 NaN，而没有任何报错。应当抛出 ValueError。
    """,
)

takes_whatever_is_not_one_for_a_no = edited(
    "bernoulli_log_prob",
    {"if not (happened | (x == 0)).all():": "if False:"},
    """An outcome of 0.5 counts as a no. It is neither: raise ValueError.

    0.5 被当成了“否”。它既不是“是”也不是“否”：应当抛出 ValueError。
    """,
)


@wrong("categorical_log_prob")
def takes_weights_for_probabilities(k, probs):
    """Right only where a row sums to 1. By what must a weight be divided to become a probability?

    只有一行之和为 1 时才对。权重要除以什么，才成为概率？
    """
    if (probs < 0).any() or (probs.sum(-1) == 0).any():
        raise ValueError("weights")
    shape = torch.broadcast_shapes(k.shape, probs.shape[:-1])
    return torch.log(probs.expand(*shape, -1).gather(-1, k.expand(shape)[..., None]).squeeze(-1))


@wrong("categorical_log_prob")
def divides_before_the_logarithm(k, probs):
    """A share of 1e-60 is 0 in float32, though both of its numbers are none too small. What does a quotient become in
    logarithms?

    1e-60 的份额在 float32 里是 0，尽管分子分母都还是正常的数。取对数之后，商变成了什么？
    """
    if (probs < 0).any() or (probs.sum(-1) == 0).any():
        raise ValueError("weights")
    probs = probs / probs.sum(-1, keepdim=True)
    shape = torch.broadcast_shapes(k.shape, probs.shape[:-1])
    return torch.log(probs.expand(*shape, -1).gather(-1, k.expand(shape)[..., None]).squeeze(-1))


@wrong("categorical_log_prob")
def takes_the_logarithm_of_every_class(k, probs):
    """The values are right. But the logarithm of a class of weight 0 has the gradient 0 · inf, even if it is not the
    class that is asked for. In which order do choosing and taking the logarithm do no harm?

    值是对的。但权重为 0 的类别，即使没有被问到，它的对数的梯度也是 0 · inf。先选取还是先取对数，才不会出问题？
    """
    if (probs < 0).any() or (probs.sum(-1) == 0).any():
        raise ValueError("weights")
    logs = torch.log(probs) - torch.log(probs.sum(-1, keepdim=True))
    shape = torch.broadcast_shapes(k.shape, probs.shape[:-1])
    return logs.expand(*shape, -1).gather(-1, k.expand(shape)[..., None]).squeeze(-1)


@wrong("categorical_log_prob")
def takes_the_weights_for_logits(k, probs):
    """A softmax belongs to logits. These numbers are weights already: with twice the weight, a class is twice as
    likely.

    softmax 用于 logits。这里的数本来就是权重：权重加倍，概率就加倍。
    """
    if (probs < 0).any() or (probs.sum(-1) == 0).any():
        raise ValueError("weights")
    logs = torch.log_softmax(probs, -1)
    shape = torch.broadcast_shapes(k.shape, probs.shape[:-1])
    return logs.expand(*shape, -1).gather(-1, k.expand(shape)[..., None]).squeeze(-1)


accepts_negative_weights = edited(
    "categorical_log_prob",
    {"(probs < 0).any() or ": ""},
    """A negative weight makes the others share more than 1, without a word. Raise ValueError.

    有一个权重为负，其余类别的份额之和就超过 1，却没有任何报错。应当抛出 ValueError。
    """,
)

accepts_a_row_of_zeros = edited(
    "categorical_log_prob",
    {" or (total == 0).any()": ""},
    """Where all weights are 0 there is no distribution, and 0/0 is NaN. Raise ValueError.

    权重全为 0 时没有分布可言，而 0/0 是 NaN。应当抛出 ValueError。
    """,
)


@wrong("categorical_sample")
def takes_the_boundary_for_the_class_before(probs, uniforms):
    """u = 0 comes, and with your comparison it hits a first class of probability 0. To which class does u belong if it
    is equal to a cumulative sum?

    u = 0 是会出现的，而按你的比较，它会落入概率为 0 的第一个类别。u 恰好等于某个累积和时，属于哪一类？
    """
    if (probs < 0).any() or not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("bad input")
    cumulative = probs.cumsum(-1)
    return ((cumulative < uniforms[..., None]) & (cumulative < cumulative[..., -1:])).sum(-1)


@wrong("categorical_sample")
def falls_off_the_end(probs, uniforms):
    """Rounding may leave the last cumulative sum at 0.9999999, below a u that is allowed. You then name a class that
    does not exist.

    舍入可能使最后一个累积和停在 0.9999999，小于某个合法的 u。这时你给出的类别并不存在。
    """
    if (probs < 0).any() or not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("bad input")
    return (probs.cumsum(-1) <= uniforms[..., None]).sum(-1)


@wrong("categorical_sample")
def sends_what_is_left_to_the_last_class(probs, uniforms):
    """What rounding leaves over goes to the last class, even if its probability is 0. Which is the last class that may
    come?

    舍入剩下的部分都归了最后一类，哪怕它的概率是 0。可以出现的最后一类是哪一个？
    """
    if (probs < 0).any() or not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("bad input")
    return (probs.cumsum(-1) <= uniforms[..., None]).sum(-1).clamp(max=probs.shape[-1] - 1)


@wrong("categorical_sample")
def gives_the_most_probable_class(probs, uniforms):
    """Always the same class, whatever u is: that is the mode, no sample. Where does u come in?

    不论 u 是多少，总是同一个类别：那是众数，不是抽样。u 用在了哪里？
    """
    if (probs < 0).any() or not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("bad input")
    return probs.argmax(-1).expand(torch.broadcast_shapes(probs.shape[:-1], uniforms.shape)).clone()


@wrong("categorical_sample")
def cuts_the_interval_into_equal_parts(probs, uniforms):
    """Every class comes equally often. How long must the part of [0, 1) be that belongs to class k?

    每个类别出现得一样多。[0, 1) 中属于类别 k 的那一段应当有多长？
    """
    if (probs < 0).any() or not ((uniforms >= 0) & (uniforms < 1)).all():
        raise ValueError("bad input")
    shape = torch.broadcast_shapes(probs.shape[:-1], uniforms.shape)
    return (uniforms * probs.shape[-1]).long().expand(shape).clone()


accepts_a_negative_probability = edited(
    "categorical_sample",
    {"if (probs < 0).any():": "if False:"},
    """With a negative probability the cumulative sums go down again and the count means nothing. Raise ValueError.

    有负的概率时，累积和会往回降，计数便失去了意义。应当抛出 ValueError。
    """,
)

accepts_any_uniform_number = edited(
    "categorical_sample",
    {"if not ((uniforms >= 0) & (uniforms < 1)).all():": "if False:"},
    """A “uniform number” of 1 or −0.1 is an accident upstream, a normal draw perhaps. Raise ValueError.

    等于 1 或 −0.1 的“均匀随机数”说明上游出了差错，比如误用了正态随机数。应当抛出 ValueError。
    """,
)


@wrong("marginal")
def averages_over_the_other_variable(joint, dim):
    """Your result is too small by the number of values. The events “A = 1 and B = b”, “A = 2 and B = b”, … exclude each
    other: what is the probability that one of them happens?

    你的结果小了若干倍，倍数是取值的个数。“A = 1 且 B = b”“A = 2 且 B = b”……互斥：其中之一发生的概率是多少？
    """
    return joint.mean(dim)


@wrong("marginal")
def sums_out_everything_else(joint, dim):
    """`dim` is what remains in your result. What is it in the task?

    在你的结果里留下来的是 `dim`。题目里它是什么？
    """
    dims = {dim % joint.dim()} if isinstance(dim, int) else {d % joint.dim() for d in dim}
    others = tuple(d for d in range(joint.dim()) if d not in dims)
    return joint.sum(others) if others else joint


@wrong("marginal")
def takes_the_largest_entry(joint, dim):
    """The most probable combination is no marginal: P(B = b) counts every a.

    最可能的组合不是边缘概率：P(B = b) 要把每个 a 都算进去。
    """
    return joint.amax(dim)


keeps_the_dimension = edited(
    "marginal",
    {"joint.sum(dim)": "joint.sum(dim, keepdim=True)"},
    """The numbers are right, but a variable that is summed out has no dimension left.

    数值是对的，但求和消去的变量不应再占一个维度。
    """,
)


@wrong("conditional")
def divides_by_the_marginal_of_the_other_variable(joint, given_dim):
    """Given B, your entries do not sum to 1 over A. P(A | B) is divided by P(B): over which variables is P(B) a sum?

    在你的结果里，给定 B 时对 A 求和不等于 1。P(A | B) 的分母是 P(B)：P(B) 是对哪些变量求的和？
    """
    return joint / joint.sum(given_dim, keepdim=True)


@wrong("conditional")
def adds_a_small_number_to_the_marginal(joint, given_dim):
    """A condition of probability 1e-10 is rare, not impossible, and your result there no longer sums to 1. And given
    what never happens, nothing is known: 0/0 says so.

    概率为 1e-10 的条件只是罕见，并非不可能，而你在那里的结果之和不再是 1。至于从不发生的条件，本来就无从谈起：
    0/0 说的正是这个。
    """
    known_first = joint.movedim(given_dim, 0)
    total = known_first.sum(tuple(range(1, joint.dim())), keepdim=True)
    return (known_first / (total + 1e-8)).movedim(0, given_dim)


@wrong("conditional")
def replaces_nan_by_zero(joint, given_dim):
    """Zeros under a condition that never happens look like probabilities and sum to 0. NaN says: no distribution here.

    从不发生的条件之下的 0 看上去像概率，加起来却是 0。NaN 的意思是：这里没有分布。
    """
    known_first = joint.movedim(given_dim, 0)
    total = known_first.sum(tuple(range(1, joint.dim())), keepdim=True)
    return (known_first / total).nan_to_num(0.0).movedim(0, given_dim)


@wrong("conditional")
def normalises_the_whole_table(joint, given_dim):
    """Your whole table sums to 1; that is the joint distribution again. For each value of what is known, what sums to
    1?

    你的整张表之和是 1，那还是联合分布。对已知变量的每个取值，什么之和是 1？
    """
    joint.movedim(given_dim, 0)
    return joint / joint.sum()


@wrong("conditional")
def sums_over_one_other_variable_only(joint, given_dim):
    """Right for two variables. With three, all that are not known are summed over, not only one of them.

    两个变量时是对的。有三个变量时，应当对所有未知的变量求和，而不只是其中一个。
    """
    known_first = joint.movedim(given_dim, 0)
    return (known_first / known_first.sum(1, keepdim=True)).movedim(0, given_dim)


leaves_the_known_variable_in_front = edited(
    "conditional",
    {".movedim(0, given_dim)": ""},
    """The numbers are right, but in another order than those of `joint`.

    数值是对的，但维度的次序与 `joint` 不同。
    """,
)


@wrong("bayes_posterior")
def multiplies_before_anything_else(prior, likelihood):
    """1e-30 · 1e-30 is 0 in float32, and 0/0 is NaN. The posterior does not change if all products are multiplied by
    the same number: by which, and when?

    1e-30 · 1e-30 在 float32 里是 0，而 0/0 是 NaN。所有乘积同乘一个数，后验不变：乘以哪个数，在什么时候乘？
    """
    if prior.shape[-1] != likelihood.shape[-1]:
        raise ValueError("hypotheses")
    joint = prior * likelihood
    return joint / joint.sum(-1, keepdim=True)


@wrong("bayes_posterior")
def forgets_the_evidence(prior, likelihood):
    """Your numbers do not sum to 1: this is P(X, Z). What is P(X)?

    你的结果之和不是 1：这是 P(X, Z)。P(X) 是什么？
    """
    if prior.shape[-1] != likelihood.shape[-1]:
        raise ValueError("hypotheses")
    return prior * likelihood


@wrong("bayes_posterior")
def ignores_the_prior(prior, likelihood):
    """A rare disease stays improbable after a positive test. Where does P(Z) come in?

    罕见病在一次阳性检验之后仍然不大可能。P(Z) 用在了哪里？
    """
    if prior.shape[-1] != likelihood.shape[-1]:
        raise ValueError("hypotheses")
    return (likelihood / likelihood.sum(-1, keepdim=True)).expand(torch.broadcast_shapes(prior.shape, likelihood.shape))


@wrong("bayes_posterior")
def takes_a_softmax_of_logarithms(prior, likelihood):
    """The values are right. But where a likelihood is 0 the gradient of its logarithm is inf, and backward multiplies
    it by 0. Use logarithms to find a good factor, and prior and likelihood themselves for the product.

    值是对的。但似然为 0 时，它的对数的梯度是 inf，反向传播又把它乘以 0。可以用对数来找一个合适的因子，
    乘积则仍用先验与似然本身来算。
    """
    if prior.shape[-1] != likelihood.shape[-1]:
        raise ValueError("hypotheses")
    return torch.softmax(torch.log(prior) + torch.log(likelihood), -1)


@wrong("bayes_posterior")
def divides_the_likelihood_by_its_largest_only(prior, likelihood):
    """Better, but the likeliest hypothesis may have the prior 0, and then all other products may still underflow.

    好一些，但似然最大的假设，先验也许是 0，这时其余的乘积仍可能下溢。
    """
    if prior.shape[-1] != likelihood.shape[-1]:
        raise ValueError("hypotheses")
    joint = prior * (likelihood / likelihood.amax(-1, keepdim=True).detach())
    return joint / joint.sum(-1, keepdim=True)


@wrong("bayes_posterior")
def normalises_over_the_observations(prior, likelihood):
    """Your numbers sum to 1 over the observations. The evidence P(X) is a sum over the hypotheses.

    你的结果沿观测求和为 1。证据 P(X) 是对假设求的和。
    """
    if prior.shape[-1] != likelihood.shape[-1]:
        raise ValueError("hypotheses")
    joint = prior * likelihood
    return joint / joint.sum(0, keepdim=True)


gives_one_likelihood_to_all_hypotheses = edited(
    "bayes_posterior",
    {"if prior.shape[-1] != likelihood.shape[-1]:": "if False:"},
    """A single likelihood, broadcast to all hypotheses, says nothing about any of them. Raise ValueError.

    一个似然广播给所有假设，等于什么也没说。应当抛出 ValueError。
    """,
)


@wrong("expectation")
def averages_the_values(values, probs):
    """All values count alike in your mean. What makes one outcome count more than another?

    在你的平均里，所有取值一视同仁。是什么让一个结果比另一个更重要？
    """
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError("outcomes")
    return (values + 0 * probs).mean(-1)


@wrong("expectation")
def averages_the_products(values, probs):
    """Too small by the number of outcomes: the probabilities have divided already.

    小了若干倍，倍数是结果的个数：概率已经起到了除法的作用。
    """
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError("outcomes")
    return (values * probs).mean(-1)


@wrong("expectation")
def sums_over_everything(values, probs):
    """One number for all rows. Which dimension holds the outcomes?

    所有行只得到一个数。哪个维度是各个结果？
    """
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError("outcomes")
    return (values * probs).sum()


stretches_one_probability = edited(
    "expectation",
    {"if values.shape[-1] != probs.shape[-1]:": "if False:"},
    """A single probability is broadcast to five values, and together they have the probability 5. Raise ValueError.

    一个概率被广播给五个取值，它们的概率之和便是 5。应当抛出 ValueError。
    """,
)


@wrong("variance")
def subtracts_the_square_of_the_mean(values, probs):
    """E[X²] − E[X]² is right on paper. With a mean of 10⁴ both are near 10⁸, where float32 has steps of 8, and their
    difference is noise, negative at times. Which formula squares small numbers only?

    E[X²] − E[X]² 在纸上是对的。均值为 10⁴ 时，两者都接近 10⁸，而 float32 在那里的间隔是 8，差值只剩噪声，有时还是负的。
    哪个公式只对小的数取平方？
    """
    return expectation(values**2, probs) - expectation(values, probs) ** 2


@wrong("variance")
def takes_the_square_root(values, probs):
    """This is the standard deviation. In which unit is a variance measured?

    这是标准差。方差的单位是什么？
    """
    deviation = values - (values * probs).sum(-1, keepdim=True)
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError("outcomes")
    return (deviation**2 * probs).sum(-1).sqrt()


@wrong("variance")
def divides_by_one_less_as_for_a_sample(values, probs):
    """n/(n − 1) corrects an estimate from a sample. Here the whole distribution is known, and nothing is estimated.

    n/(n − 1) 用来修正由样本得到的估计。这里整个分布都是已知的，没有什么要估计。
    """
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError("outcomes")
    n = probs.shape[-1]
    deviation = values - (values * probs).sum(-1, keepdim=True)
    return (deviation**2 * probs).sum(-1) * n / max(n - 1, 1)


@wrong("variance")
def measures_from_the_plain_average(values, probs):
    """The deviation is measured from the mean of the distribution, in which likely values count more.

    偏差要从分布的均值量起，在均值里，更可能的取值占更大的份量。
    """
    if values.shape[-1] != probs.shape[-1]:
        raise ValueError("outcomes")
    deviation = values - values.to(probs.dtype).mean(-1, keepdim=True)
    return (deviation**2 * probs).sum(-1)


forgets_to_square = edited(
    "variance",
    {"deviation.square()": "deviation.abs()"},
    """This is the mean absolute deviation. Which power does the definition take?

    这是平均绝对偏差。定义里取的是几次方？
    """,
)


@wrong("gaussian_mle")
def divides_by_one_less(x):
    """n − 1 makes s² unbiased, but another σ makes the data more probable. Set the derivative of the log-likelihood
    with respect to σ to zero: what does σ² come to?

    除以 n − 1 使 s² 无偏，但使数据概率最大的是另一个 σ。令对数似然对 σ 的导数为零：σ² 等于什么？
    """
    if x.numel() == 0:
        raise ValueError("empty")
    loc = x.mean()
    return loc, ((x - loc) ** 2).sum().div(x.numel() - 1).sqrt()


@wrong("gaussian_mle")
def gives_the_variance(x):
    """The second number is σ̂², and a scale is σ̂.

    第二个数是 σ̂²，而 scale 指的是 σ̂。
    """
    if x.numel() == 0:
        raise ValueError("empty")
    loc = x.mean()
    return loc, ((x - loc) ** 2).mean()


@wrong("gaussian_mle")
def fits_every_column(x):
    """One pair of numbers for all entries is asked for, not one a column.

    题目要的是全体元素的一对数，而不是每一列一对。
    """
    if x.numel() == 0:
        raise ValueError("empty")
    loc = x.mean(0)
    return loc, ((x - loc) ** 2).mean(0).sqrt()


@wrong("gaussian_mle")
def subtracts_two_large_squares(x):
    """Far from zero, the mean of x² and the square of the mean agree in nearly all of their digits, and you keep what
    is left. What can be subtracted before squaring?

    远离 0 时，x² 的平均与平均的平方几乎所有数字都相同，而你留下的正是剩余部分。平方之前可以先减去什么？
    """
    if x.numel() == 0:
        raise ValueError("empty")
    loc = x.mean()
    return loc, ((x**2).mean() - loc**2).clamp(min=0).sqrt()


@wrong("gaussian_mle")
def takes_the_median(x):
    """The median maximises the likelihood of a Laplace distribution. Of the normal one, whose exponent is a square,
    it is another average.

    中位数使 Laplace 分布的似然最大。正态分布的指数里是平方，使它的似然最大的是另一种平均。
    """
    if x.numel() == 0:
        raise ValueError("empty")
    return x.median(), (x - x.median()).square().mean().sqrt()


fits_nothing_to_nothing = edited(
    "gaussian_mle",
    {"if x.numel() == 0:": "if False:"},
    """Without observations the mean is 0/0. Raise ValueError.

    没有观测时，均值是 0/0。应当抛出 ValueError。
    """,
)


@wrong("mean_credible_interval")
def takes_the_normal_distribution(x, alpha):
    """1.96 is right for a σ that is known. Yours is estimated from the same few numbers, so the tails are heavier:
    which distribution knows n?

    1.96 只适用于已知的 σ。你的 σ 是由同样几个数估计出来的，尾部因此更厚：哪个分布“知道” n？
    """
    if x.numel() < 2 or not 0 < alpha < 1:
        raise ValueError("bad input")
    error = (x - x.mean()).square().sum().div(x.numel() * (x.numel() - 1)).sqrt()
    margin = float(ndtri((1 + alpha) / 2)) * error
    return x.mean(), (x.mean() - margin, x.mean() + margin)


@wrong("mean_credible_interval")
def holds_the_observations_and_not_their_mean(x, alpha):
    """Your interval says where the next observation lies. The mean of n observations is known better than that: by
    which factor?

    你的区间说的是下一个观测落在哪里。n 个观测的均值要确定得多：差一个什么因子？
    """
    if x.numel() < 2 or not 0 < alpha < 1:
        raise ValueError("bad input")
    s = (x - x.mean()).square().sum().div(x.numel() - 1).sqrt()
    margin = float(stdtrit(x.numel() - 1, (1 + alpha) / 2)) * s
    return x.mean(), (x.mean() - margin, x.mean() + margin)


puts_all_that_is_missed_on_one_side = edited(
    "mean_credible_interval",
    {"(1 + alpha) / 2": "alpha"},
    """Your interval is too narrow. What it misses, 1 − alpha, is shared by both sides: which quantile is the upper end?

    你的区间太窄。它漏掉的 1 − alpha 由两侧分摊：上端是哪个分位数？
    """,
)

takes_alpha_for_what_is_missed = edited(
    "mean_credible_interval",
    {"(1 + alpha) / 2": "1 - alpha / 2"},
    """With alpha = 0.9 your interval is narrow, with 0.05 it is wide. Is alpha what the interval holds or what it
    misses?

    alpha = 0.9 时你的区间很窄，0.05 时却很宽。alpha 是区间包含的概率，还是漏掉的概率？
    """,
)

counts_every_observation_as_free = edited(
    "mean_credible_interval",
    {"freedom = x.numel() - 1": "freedom = x.numel()"},
    """One degree of freedom is used up by the mean: deviations from it sum to zero.

    均值用掉了一个自由度：相对于它的偏差之和为零。
    """,
)

divides_the_biased_scale_by_the_root_of_n = edited(
    "mean_credible_interval",
    {"math.sqrt(freedom)": "math.sqrt(x.numel())"},
    """A little too narrow. s has n − 1 in its denominator; has the scale that you started from?

    区间略窄了一点。s 的分母是 n − 1；你出发时用的那个标准差呢？
    """,
)

accepts_a_level_in_percent = edited(
    "mean_credible_interval",
    {"if not 0 < alpha < 1:": "if alpha <= 0 or alpha == 1:"},
    """For a level of 90 the quantile is NaN, without a word. Raise ValueError.

    水平写成 90 时，分位数是 NaN，却没有任何报错。应当抛出 ValueError。
    """,
)


@wrong("markov_distribution")
def multiplies_from_the_left(transition, initial, steps):
    """T p sums over the states to which the chain goes. Row i of T says where it goes from i: over which index is the
    new distribution a sum?

    T p 是对链要去的状态求和。T 的第 i 行说的是从 i 出发去哪里：新的分布是对哪个下标求的和？
    """
    if steps < 0 or (transition.sum(-1) - 1).abs().max() > 1e-4:
        raise ValueError("bad input")
    for _ in range(steps):
        initial = initial @ transition.mT
    return initial


@wrong("markov_distribution")
def takes_powers_of_the_entries(transition, initial, steps):
    """T ** n raises every entry to the power n. Two steps of a chain are a sum over the state in between.

    T ** n 是对每个元素取 n 次方。链走两步，是对中间状态求和。
    """
    if steps < 0 or (transition.sum(-1) - 1).abs().max() > 1e-4:
        raise ValueError("bad input")
    return initial @ transition**steps


@wrong("markov_distribution")
def takes_one_step_too_many(transition, initial, steps):
    """After 0 steps the chain is where it began. How many steps does your loop take?

    走 0 步之后，链仍在出发的地方。你的循环走了几步？
    """
    if steps < 0 or (transition.sum(-1) - 1).abs().max() > 1e-4:
        raise ValueError("bad input")
    for _ in range(steps + 1):
        initial = initial @ transition
    return initial


@wrong("markov_distribution")
def follows_the_most_probable_path(transition, initial, steps):
    """This is the probability of the best path to each state. A distribution counts every path.

    这是到达每个状态的最佳路径的概率。分布要把每条路径都算进去。
    """
    if steps < 0 or (transition.sum(-1) - 1).abs().max() > 1e-4:
        raise ValueError("bad input")
    for _ in range(steps):
        initial = (initial[..., :, None] * transition).amax(-2)
    return initial


accepts_rows_of_any_sum = edited(
    "markov_distribution",
    {"if not torch.allclose(transition.sum(1), torch.ones_like(transition[:, 0])):": "if False:"},
    """Many books print T with columns that sum to 1. Such a matrix runs through your code and gives numbers that are no
    distribution; raise ValueError.

    许多书里的 T 是每一列之和为 1。这样的矩阵在你的代码里照样能跑，给出的却不是分布；应当抛出 ValueError。
    """,
)

walks_backwards_without_a_word = edited(
    "markov_distribution",
    {"if steps < 0:": "if False:"},
    """range(−1) is empty, so that −1 steps give the beginning without a complaint. Raise ValueError.

    range(−1) 是空的，于是走 −1 步就悄悄返回了初始分布。应当抛出 ValueError。
    """,
)


@wrong("stationary_distribution")
def runs_the_chain_for_a_long_time(transition):
    """A periodic chain never settles: after 1000 steps it is where 998 steps had led it. Nor has a chain settled that
    moves once in a million steps. Which equations does π satisfy?

    周期链永远不会停下来：走 1000 步与走 998 步到的是同一处。一百万步才动一次的链也停不下来。π 满足哪些方程？
    """
    if not torch.allclose(transition.sum(-1), torch.ones_like(transition[0])):
        raise ValueError("rows")
    return torch.linalg.matrix_power(transition, 1000)[0]


@wrong("stationary_distribution")
def takes_the_right_eigenvector(transition):
    """The eigenvector of T itself for the eigenvalue 1 is constant, since every row sums to 1. π stands to the left
    of T.

    T 本身对应特征值 1 的特征向量是常向量，因为每一行之和都是 1。而 π 在 T 的左边。
    """
    if not torch.allclose(transition.sum(-1), torch.ones_like(transition[0])):
        raise ValueError("rows")
    eigenvalues, vectors = torch.linalg.eig(transition)
    vector = vectors[:, (eigenvalues - 1).abs().argmin()]
    return (vector / vector.sum()).real


@wrong("stationary_distribution")
def averages_two_late_steps(transition):
    """That repairs a period of 2, not one of 3, and not a chain that is slow.

    这能补救周期 2，却补救不了周期 3，也补救不了走得慢的链。
    """
    if not torch.allclose(transition.sum(-1), torch.ones_like(transition[0])):
        raise ValueError("rows")
    late = torch.linalg.matrix_power(transition, 1000)
    return (late[0] + (late @ transition)[0]) / 2


@wrong("stationary_distribution")
def scales_the_eigenvector_to_length_one(transition):
    """An eigenvector comes with length 1, a distribution with sum 1.

    特征向量的长度为 1，而分布的和为 1。
    """
    if not torch.allclose(transition.sum(-1), torch.ones_like(transition[0])):
        raise ValueError("rows")
    eigenvalues, vectors = torch.linalg.eig(transition.mT)
    return vectors[:, (eigenvalues - 1).abs().argmin()].real.abs()


@wrong("stationary_distribution")
def takes_the_share_of_the_columns(transition):
    """The column sums are the distribution after one step from a uniform beginning. What must one more step leave
    unchanged?

    各列之和是从均匀分布出发走一步之后的分布。再走一步，什么应当不变？
    """
    if not torch.allclose(transition.sum(-1), torch.ones_like(transition[0])):
        raise ValueError("rows")
    return transition.mean(0)


takes_columns_for_rows = edited(
    "stationary_distribution",
    {"if not torch.allclose(transition.sum(1), ones):": "if False:"},
    """A matrix whose columns sum to 1 has another meaning, and here it gives no distribution. Raise ValueError.

    每一列之和为 1 的矩阵含义不同，在这里给不出分布。应当抛出 ValueError。
    """,
)


@wrong("mixture_posterior")
def exponentiates_before_it_compares(x, weights, loc, scale):
    """Forty standard deviations from every component all densities are 0, and 0/0 is NaN, although one component is
    still likelier than the others. What can be subtracted from all logarithms before exp?

    距所有成分四十个标准差时，密度全都是 0，而 0/0 是 NaN，尽管此时仍有一个成分比其他的更可能。取 exp 之前，
    各对数可以同时减去什么？
    """
    if not weights.shape == loc.shape == scale.shape:
        raise ValueError("components")
    return bayes_posterior(weights, torch.exp(normal_log_prob(x[..., None], loc, scale)))


@wrong("mixture_posterior")
def leaves_out_the_weights(x, weights, loc, scale):
    """A component of weight 0.01 is asked for as often as one of 0.99. Which factor of Bayes' theorem is missing?

    权重 0.01 的成分与权重 0.99 的被一视同仁了。Bayes 定理的哪个因子漏掉了？
    """
    if not weights.shape == loc.shape == scale.shape:
        raise ValueError("components")
    return torch.softmax(normal_log_prob(x[..., None], loc, scale), -1)


@wrong("mixture_posterior")
def asks_for_the_nearest_mean(x, weights, loc, scale):
    """A wide component claims more than a narrow one at the same distance. Which term of (3.1) is the same for all x,
    and not for all components?

    距离相同时，宽的成分比窄的更有份。(3.1) 里哪一项对所有 x 相同，却并非对所有成分都相同？
    """
    if not weights.shape == loc.shape == scale.shape or not (scale > 0).all():
        raise ValueError("components")
    return torch.softmax(weights.log() - ((x[..., None] - loc) / scale) ** 2 / 2, -1)


@wrong("mixture_posterior")
def decides_for_one_component(x, weights, loc, scale):
    """That is k-means: each observation goes to one component. How sure is the posterior?

    这是 k-means：每个观测只归一个成分。后验有多大把握？
    """
    if not weights.shape == loc.shape == scale.shape:
        raise ValueError("components")
    joint = weights.log() + normal_log_prob(x[..., None], loc, scale)
    return torch.nn.functional.one_hot(joint.argmax(-1), len(loc)).to(x.dtype) + 0 * joint


@wrong("mixture_posterior")
def normalises_over_observations(x, weights, loc, scale):
    """Your columns sum to 1. For each observation, over what does Bayes' theorem sum?

    你的每一列之和为 1。对每个观测，Bayes 定理是对什么求和？
    """
    if not weights.shape == loc.shape == scale.shape:
        raise ValueError("components")
    joint = weights.log() + normal_log_prob(x[..., None], loc, scale)
    return torch.softmax(joint, 0)


lets_a_component_of_weight_zero_set_the_scale = edited(
    "mixture_posterior",
    {".masked_fill(weights == 0, -torch.inf)": ""},
    """Beside a component of weight 0 all others underflow, since you divide by its density. Which components may be the
    nearest?

    在权重为 0 的成分旁边，其余成分全都下溢了，因为你除以了它的密度。哪些成分有资格当“最近的”？
    """,
)

broadcasts_one_weight = edited(
    "mixture_posterior",
    {"if not weights.shape == loc.shape == scale.shape:": "if False:"},
    """Three means and one standard deviation: was one forgotten? Raise ValueError rather than guess.

    三个均值、一个标准差：是不是漏写了？应当抛出 ValueError，而不是去猜。
    """,
)
