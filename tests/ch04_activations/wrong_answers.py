"""What students get wrong in chapter 4, and the hint that each mistake deserves."""

import math

import torch

from autograder.cases import edited, wrong


@wrong("relu")
def clamps_so_the_gradient_at_zero_is_one(x):
    """The values are right. At x = 0 exactly, clamp passes the whole gradient; what should ReLU pass there?

    值是对的。恰好在 x = 0 处，clamp 让梯度全部通过；ReLU 在那里应当通过多少？
    """
    return x.clamp(min=0)


@wrong("relu")
def takes_a_maximum_that_splits_the_gradient_of_a_tie(x):
    """The values are right. At x = 0 the two arguments of maximum tie: how does it share the gradient between them?

    值是对的。在 x = 0 处 maximum 的两个参数相等：它把梯度怎样分给二者？
    """
    return torch.maximum(x, torch.zeros_like(x))


@wrong("relu")
def keeps_what_is_greater_so_nan_becomes_zero(x):
    """Every comparison with NaN is False. On which side of your condition does NaN end up, and who would notice?

    NaN 与任何数比较都是 False。它落在你的条件的哪一边？这样一来还有谁会发现它？
    """
    return torch.where(x > 0, x, torch.zeros_like(x))


@wrong("relu")
def multiplies_by_the_mask(x):
    """A product with a mask of 0 and 1: what is −inf · 0?

    乘以 0/1 掩码：−inf · 0 等于多少？
    """
    return x * (x > 0)


@wrong("relu")
def changes_the_input_in_place(x):
    """The values are right, but the caller's tensor is no longer what it was. Which of your calls works in place?

    值是对的，但调用者的张量被改动了。你的哪个调用是原地的？
    """
    x[x <= 0] = 0
    return x


@wrong("relu")
def takes_the_magnitude(x):
    """Negative numbers come out positive. What should become of them?

    负数变成了正数。它们应当变成什么？
    """
    return x.abs()


@wrong("sigmoid")
def divides_one_by_one_plus_an_exponential(x):
    """At x = −1000 the value is right and the gradient is NaN: exp(1000) is inf, and backward multiplies it by 0.

    在 x = −1000 处值是对的，梯度却是 NaN：exp(1000) 是 inf，反向传播又把它乘以 0。
    """
    return 1 / (1 + torch.exp(-x))


@wrong("sigmoid")
def divides_two_exponentials(x):
    """exp(x) / (1 + exp(x)) is inf/inf at x = 1000. Which of two equal forms is safe for which sign of x?

    exp(x) / (1 + exp(x)) 在 x = 1000 处是 inf/inf。两种相等的写法，各自在 x 取什么符号时安全？
    """
    e = torch.exp(x)
    return e / (1 + e)


@wrong("sigmoid")
def selects_after_both_branches_are_computed(x):
    """where() picks the right value, but backward goes through both branches, and 0 · inf is NaN.
    Make the argument of exp safe before exp, not after it.

    where() 选对了值，但反向传播两条分支都走，0 · inf 是 NaN。应当在取 exp 之前就让它的自变量安全，而不是之后。
    """
    return torch.where(x >= 0, 1 / (1 + torch.exp(-x)), torch.exp(x) / (1 + torch.exp(x)))


@wrong("sigmoid")
def loses_the_gradient_at_zero_to_abs(x):
    """Your gradient is 0 at x = 0 exactly, where it should be 1/4. What is the derivative of abs() at 0?

    恰好在 x = 0 处，你的梯度是 0，而它应当是 1/4。abs() 在 0 处的导数是多少？
    """
    decay = torch.exp(-x.abs())
    return torch.where(x < 0, decay, 1) / (1 + decay)


@wrong("sigmoid")
def cancels_in_the_left_tail(x):
    """σ(x) = (1 + tanh(x/2))/2 is an identity, but for x = −40 it subtracts two numbers that agree in every digit.

    σ(x) = (1 + tanh(x/2))/2 是恒等式，但在 x = −40 处，它是两个所有数字都相同的数相减。
    """
    return (1 + torch.tanh(x / 2)) / 2


@wrong("sigmoid")
def has_the_wrong_sign_in_the_exponent(x):
    """Your function falls from 1 to 0. Which sign does the exponent have in (4.2)?

    你的函数从 1 降到 0。(4.2) 的指数是什么符号？
    """
    return torch.where(x < 0, 1, torch.exp(-x.abs())) / (1 + torch.exp(-x.abs()))


@wrong("tanh")
def types_the_printed_formula(x):
    """At 1000 it is inf/inf, and near 0 the numerator subtracts two numbers that are almost equal. Which functions
    of torch compute exp(y) − 1 without that subtraction?

    在 1000 处它是 inf/inf；在 0 附近，分子是两个几乎相等的数相减。torch 的哪个函数计算 exp(y) − 1 而不做这个减法？
    """
    return (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))


@wrong("tanh")
def stretches_a_sigmoid(x):
    """2σ(2x) − 1 is an identity. For x = 1e-10, how many digits of 2σ(2x) are left after the 1 is taken away?

    2σ(2x) − 1 是恒等式。x = 1e-10 时，2σ(2x) 减去 1 之后还剩几位有效数字？
    """
    return 2 * torch.sigmoid(2 * x) - 1


@wrong("tanh")
def is_safe_on_one_side_only(x):
    """One of ±1000 is right and the other is NaN: exp of which argument overflows, and how does tanh(−x) help?

    ±1000 一边是对的，另一边是 NaN：哪个自变量的 exp 上溢了？tanh(−x) 与 tanh(x) 的关系能帮上什么忙？
    """
    e = torch.expm1(2 * x)
    return e / (e + 2)


@wrong("tanh")
def loses_the_gradient_at_zero_to_sign_and_abs(x):
    """Your gradient is 0 at x = 0 exactly, where it should be 1. What are the derivatives of abs() and sign() there?

    恰好在 x = 0 处，你的梯度是 0，而它应当是 1。abs() 和 sign() 在那里的导数是多少？
    """
    e = torch.expm1(-2 * x.abs())
    return -torch.sign(x) * e / (2 + e)


halves_the_argument = edited(
    "tanh",
    {"2 * x, -2 * x": "x, -x"},
    """You computed tanh(x/2). Divide numerator and denominator of (4.3) by the same exponential once more.

    你算出的是 tanh(x/2)。把 (4.3) 的分子和分母再同除以一次同一个指数。
    """,
)


@wrong("silu")
def divides_by_one_plus_an_exponential(x):
    """The values are right, but at x = −1000 the gradient is NaN: exp(1000) is inf. Which function of this
    chapter already solves that?

    值是对的，但在 x = −1000 处梯度是 NaN：exp(1000) 是 inf。本章哪个函数已经解决了这个问题？
    """
    return x / (1 + torch.exp(-x))


@wrong("silu")
def gates_with_the_constant_of_the_fast_gelu(x):
    """x · σ(1.702 x) is a fast stand-in for GELU. Which β does SiLU have?

    x · σ(1.702 x) 是 GELU 的快速近似。SiLU 的 β 是多少？
    """
    return x * torch.sigmoid(1.702 * x)


@wrong("silu")
def detaches_the_gate(x):
    """The values are right, the gradient is not: it needs the product rule, since the gate depends on x as well.

    值是对的，梯度不对：这里要用乘积法则，因为门控也依赖 x。
    """
    return x * torch.sigmoid(x).detach()


@wrong("silu")
def gates_with_straight_lines(x):
    """This is hardswish, the piecewise approximation: x · min(max(x + 3, 0), 6) / 6. The gate asked for is σ(x).

    这是 hardswish，即分段近似 x · min(max(x + 3, 0), 6) / 6。题目要的门控是 σ(x)。
    """
    return x * (x + 3).clamp(0, 6) / 6


@wrong("silu")
def multiplies_in_place(x):
    """The values are right, but the caller's tensor is no longer what it was: *= works in place.

    值是对的，但调用者的张量被改动了：*= 是原地运算。
    """
    gate = torch.sigmoid(x)
    x *= gate
    return x


@wrong("gelu")
def ignores_which_form_is_asked_for(x, approximate="none"):
    """The two forms differ by up to 5e-4. Where does your code look at `approximate`?

    两种形式最多相差 5e-4。你的代码在哪里用到了 `approximate`？
    """
    return x * torch.erfc(-x / math.sqrt(2)) / 2


@wrong("gelu")
def is_the_fast_sigmoid_form(x, approximate="none"):
    """x · σ(1.702 x) is a third form, off by up to 0.02 from both that are asked for.

    x · σ(1.702 x) 是第三种形式，与题目要的两种都最多相差 0.02。
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(approximate)
    return x * torch.sigmoid(1.702 * x)


forgets_the_root_of_two = edited(
    "gelu",
    {"-x / math.sqrt(2)": "-x"},
    """erf is not Φ: Φ(x) = (1 + erf(x/√2)) / 2. What is erf's argument in yours?

    erf 不是 Φ：Φ(x) = (1 + erf(x/√2)) / 2。你的 erf 的自变量是什么？
    """,
)

accepts_any_name_of_a_form = edited(
    "gelu",
    {'if approximate == "tanh":\n        return': "return"},
    """A misspelt `approximate` gives the tanh form without a word. It should raise ValueError.

    `approximate` 拼错时，你不声不响地给出了 tanh 形式。应当抛出 ValueError。
    """,
)

takes_the_root_of_two_only = edited(
    "gelu",
    {"math.sqrt(2 / math.pi)": "math.sqrt(2) / math.pi"},
    """The tanh form is off by a factor inside: the root covers 2/π, not 2 alone.

    tanh 形式里面差一个因子：根号下是 2/π，而不只是 2。
    """,
)


@wrong("softmax")
def normalises_the_last_dimension_always(x, dim):
    """Your probabilities sum to 1 along the last dimension. Which argument says where they should?

    你的概率总是沿最后一维求和为 1。哪个参数规定了应该沿哪一维？
    """
    e = torch.exp(x - x.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)


@wrong("softmax")
def exponentiates_without_a_shift(x, dim):
    """exp(1000) is inf, and inf/inf is NaN. What can be subtracted from all logits without changing the result?

    exp(1000) 是 inf，inf/inf 是 NaN。所有 logits 同时减去什么，结果不变？
    """
    e = torch.exp(x)
    return e / e.sum(dim, keepdim=True)


@wrong("softmax")
def shifts_by_the_greatest_logit_of_all(x, dim):
    """One shift serves all rows: a row that lies far below the greatest logit of all becomes 0/0. Whose greatest
    logit should be subtracted from each row?

    所有的行共用一个平移量：远低于全局最大值的行变成 0/0。每一行应当减去谁的最大值？
    """
    e = torch.exp(x - x.max())
    return e / e.sum(dim, keepdim=True)


@wrong("softmax")
def divides_by_the_sum_plus_a_small_number(x, dim):
    """After the shift the denominator is at least 1. What does the small number protect against, and what
    does it cost? The probabilities no longer sum to 1.

    平移之后分母至少是 1。加上的小数在防什么，又有什么代价？概率之和不再是 1。
    """
    e = torch.exp(x - x.amax(dim, keepdim=True))
    return e / (e.sum(dim, keepdim=True) + 1e-5)


cuts_the_gradient_of_the_normaliser = edited(
    "softmax",
    {"exponentials.sum(dim, keepdim=True)": "exponentials.sum(dim, keepdim=True).detach()"},
    """The value is right and the gradient is not: the denominator depends on x as well.

    值是对的，梯度不对：分母也依赖 x。
    """,
)


@wrong("logsumexp")
def exponentiates_before_any_shift(x, dim, keepdim=False):
    """exp(10000) is inf and exp(−10000) is 0, so the logarithm is ±inf. What can be taken out of the sum as a factor?

    exp(10000) 是 inf，exp(−10000) 是 0，取对数就成了 ±inf。可以从和式里提出什么因子？
    """
    return torch.log(torch.exp(x).sum(dim, keepdim=keepdim))


@wrong("logsumexp")
def subtracts_minus_infinity_from_minus_infinity(x, dim, keepdim=False):
    """Where the greatest entry is infinite, subtracting it gives inf − inf, which is NaN. A sum of zeros is 0,
    and its logarithm −inf: what may be subtracted there instead?

    最大的一项为无穷大时，减去它就是 inf − inf，即 NaN。若干个 0 之和是 0，它的对数是 −inf：那里可以改减什么？
    """
    m = x.amax(dim, keepdim=True)
    result = m + torch.log(torch.exp(x - m).sum(dim, keepdim=True))
    return result if keepdim else result.squeeze(dim)


never_adds_the_shift_back = edited(
    "logsumexp",
    {"shift + torch.log": "torch.log"},
    """Your result does not grow when all entries grow: what was subtracted inside the exponential is missing outside.

    所有项一起变大时，你的结果不变：指数里减去的，在外面没有加回来。
    """,
)


@wrong("logsumexp")
def shifts_by_the_greatest_entry_of_all(x, dim, keepdim=False):
    """One shift serves all rows: in a row far below it, every exponential underflows to 0. Whose greatest entry
    should be subtracted from each row?

    所有的行共用一个平移量：远低于它的行，每个指数都下溢为 0。每一行应当减去谁的最大值？
    """
    m = x.max() if x.numel() and x.max().isfinite() else 0
    return m + torch.log(torch.exp(x - m).sum(dim, keepdim=keepdim))


@wrong("logsumexp")
def gives_the_greatest_entry(x, dim, keepdim=False):
    """The maximum is a lower bound of logsumexp, and the gradient of a maximum reaches one entry only.

    最大值是 logsumexp 的下界，而最大值的梯度只传到一项。
    """
    return x.amax(dim, keepdim=keepdim)


@wrong("log_softmax")
def takes_the_logarithm_of_the_probabilities(x, dim):
    """A probability below 1e-45 is 0 in float32, and log 0 is −inf. Take the logarithm of (4.4) on paper first:
    which exponential disappears?

    小于 1e-45 的概率在 float32 里是 0，而 log 0 是 −inf。先在纸上对 (4.4) 取对数：哪个指数消失了？
    """
    e = torch.exp(x - x.amax(dim, keepdim=True))
    return torch.log(e / e.sum(dim, keepdim=True))


@wrong("log_softmax")
def adds_a_small_number_before_the_logarithm(x, dim):
    """log(p + 1e-12) never falls below −27.6, however wrong the model is, and its gradient vanishes there.

    不论模型错得多离谱，log(p + 1e-12) 都不会低于 −27.6，而且在那里梯度消失。
    """
    e = torch.exp(x - x.amax(dim, keepdim=True))
    return torch.log(e / e.sum(dim, keepdim=True) + 1e-12)


@wrong("log_softmax")
def subtracts_after_the_shift_is_added_back(x, dim):
    """Logits near 10000 have their last digits at 1e-3 in float32: adding the maximum to the logarithm and then
    subtracting the sum from x loses what lies below. In which order are the three terms safe?

    在 float32 里，10000 附近的数最后一位在 1e-3：先把最大值加到对数上，再用 x 减去这个和，更小的数位就丢了。
    这三项按什么次序算才安全？
    """
    m = x.amax(dim, keepdim=True)
    return x - (m + torch.log(torch.exp(x - m).sum(dim, keepdim=True)))


@wrong("log_softmax")
def subtracts_the_sum_of_the_logits(x, dim):
    """log Σ exp(x) is not Σ x: a logarithm does not pass through a sum.

    log Σ exp(x) 不等于 Σ x：对数不能穿过求和号。
    """
    return x - x.sum(dim, keepdim=True)


sums_over_everything = edited(
    "log_softmax",
    {"torch.exp(shifted).sum(dim, keepdim=True)": "torch.exp(shifted).sum()"},
    """Your log-probabilities are too small: the sum runs over the whole tensor. Over what should it run?

    你的对数概率偏小：求和遍历了整个张量。它应当遍历什么？
    """,
)


@wrong("softmax_backward")
def keeps_the_diagonal_of_the_jacobian_only(grad_output, output, dim):
    """p(1 − p) is the derivative of each probability by its own logit. But a logit moves the other probabilities
    too: where are the terms −p_i p_j?

    p(1 − p) 是每个概率对自己的 logit 的导数。但一个 logit 也会改变其他概率：−p_i p_j 这些项在哪里？
    """
    return grad_output * output * (1 - output)


@wrong("softmax_backward")
def sums_the_gradient_without_the_probabilities(grad_output, output, dim):
    """Write the sum over j of g_j p_j (δ_ij − p_i): inside the sum, each g_j comes with its p_j.

    写出对 j 的和 Σ g_j p_j (δ_ij − p_i)：和式里每个 g_j 都带着自己的 p_j。
    """
    return output * (grad_output - grad_output.sum(dim, keepdim=True))


always_sums_over_the_last_dimension = edited(
    "softmax_backward",
    {"sum(dim, keepdim=True)": "sum(-1, keepdim=True)"},
    """Right for the last dimension only. Along which dimension do the probabilities sum to 1?

    只对最后一维是对的。概率沿哪一维求和为 1？
    """,
)


@wrong("softmax_backward")
def subtracts_the_target_as_cross_entropy_does(grad_output, output, dim):
    """p − y is the gradient of softmax and cross-entropy together, with a target y. Here the gradient of any loss
    comes in, and only softmax's own Jacobian is asked for.

    p − y 是 softmax 与交叉熵合在一起、目标为 y 时的梯度。
    这里传进来的是任意损失的梯度，要的只是 softmax 自己的 Jacobian 矩阵。
    """
    return output - grad_output


@wrong("softmax_backward")
def builds_the_whole_jacobian(grad_output, output, dim):
    """Right, but the Jacobian of n classes has n² entries: for a vocabulary of 128,000, 65 GB a token. Multiply
    p_i (δ_ij − p_j) by g_j and sum on paper first: what is left to compute?

    结果是对的，但 n 个类别的 Jacobian 矩阵有 n² 个元素：词表为 128,000 时，每个 token 要 65 GB。
    先在纸上把 p_i (δ_ij − p_j) 乘以 g_j 再求和：还剩下什么要算？
    """
    if grad_output.shape != output.shape:
        raise ValueError("shapes differ")
    p, g = output.movedim(dim, -1), grad_output.movedim(dim, -1)
    jacobian = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
    return (jacobian @ g[..., None]).squeeze(-1).movedim(-1, dim)


broadcasts_a_gradient_of_another_shape = edited(
    "softmax_backward",
    {"if grad_output.shape != output.shape:": "if False:"},
    """A gradient of shape (3, 1) is not one for an output of shape (3, 5), though broadcasting accepts it. Raise
    ValueError.

    形状 (3, 1) 的梯度不属于形状 (3, 5) 的输出，尽管广播会接受它。应当抛出 ValueError。
    """,
)
