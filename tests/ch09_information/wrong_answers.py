"""What students get wrong in chapter 9, and the hint that each mistake deserves."""

import torch

from autograder.cases import edited, wrong


@wrong("entropy")
def multiplies_zero_by_minus_infinity(p):
    """At p = 0 you have 0 · (−inf), which is NaN. What should such an event add, and what may stand inside the
    logarithm there?

    在 p = 0 处你得到 0 · (−inf)，即 NaN。这样的事件应当贡献多少？那里的对数里可以放什么？
    """
    if (p < 0).any():
        raise ValueError("negative")
    return -(p * torch.log(p)).sum(-1)


@wrong("entropy")
def adds_a_small_number_inside_the_logarithm(p):
    """A small constant inside the logarithm spoils every event that is rarer than it: what is the surprise of an event
    of probability 1e-20?

    对数里的小常数会毁掉比它更罕见的事件：概率为 1e-20 的事件，惊讶程度是多少？
    """
    if (p < 0).any():
        raise ValueError("negative")
    return -(p * torch.log(p + 1e-12)).sum(-1)


@wrong("entropy")
def counts_in_bits(p):
    """All your results are too large by one and the same factor. Which base do the logarithms of this chapter have?

    你的结果全都偏大同一个倍数。本章的对数以什么为底？
    """
    if (p < 0).any():
        raise ValueError("negative")
    return -(p * torch.log2(torch.where(p == 0, 1, p))).sum(-1)


@wrong("entropy")
def averages_over_the_events(p):
    """(9.1) weighs each event by its probability and adds up. What do you divide by, beyond that?

    (9.1) 按概率给每个事件加权再求和。除此之外，你还除以了什么？
    """
    if (p < 0).any():
        raise ValueError("negative")
    return -(p * torch.log(torch.where(p == 0, 1, p))).mean(-1)


@wrong("entropy")
def hides_the_nan_after_it_has_happened(p):
    """The values are right, but at p = 0 the gradient is infinite or NaN: replacing a NaN afterwards does not take it
    out of the backward pass. Make the argument of the logarithm safe before.

    值是对的，但在 p = 0 处梯度是无穷大或 NaN：事后替换 NaN，并不能把它从反向传播里去掉。
    应当在取对数之前就让自变量安全。
    """
    if (p < 0).any():
        raise ValueError("negative")
    return torch.where(p == 0, 0, -p * torch.log(p)).sum(-1)


@wrong("entropy")
def accepts_negative_probabilities(p):
    """A negative probability gives a number or NaN without a word. It should raise ValueError.

    遇到负的概率，你不声不响地返回了一个数或 NaN。应当抛出 ValueError。
    """
    return (p * -torch.log(torch.where(p > 0, p, 1))).sum(-1)


@wrong("cross_entropy_of")
def takes_the_logarithm_of_the_truth(p, q):
    """You weigh by Q and take the surprise of P. Who decides how often an event happens, and who is surprised?

    你用 Q 加权，却取了 P 的惊讶程度。事件多久发生一次由谁决定？感到惊讶的又是谁？
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return -(q * torch.log(torch.where(p == 0, 1, p))).sum(-1)


@wrong("cross_entropy_of")
def is_nan_where_both_are_zero(p, q):
    """0 · log 0 again: an event with P = 0 adds nothing, however impossible Q holds it to be.

    又是 0 · log 0：P = 0 的事件不贡献任何东西，不论 Q 认为它多么不可能。
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return -(p * torch.log(q)).sum(-1)


@wrong("cross_entropy_of")
def forgives_q_its_zeros(p, q):
    """Q rules out something that happens, P > 0 = Q, and you charge nothing for it. What is −log 0?

    Q 排除了会发生的事（P > 0 = Q），你却没有收取任何代价。−log 0 是多少？
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return -(p * torch.log(torch.where(q == 0, 1, q))).sum(-1)


@wrong("cross_entropy_of")
def divides_p_by_q_as_in_the_divergence(p, q):
    """This is D_KL, which leaves out H(P). Put P = Q: should the answer be 0, or the entropy?

    这是 D_KL，少了 H(P)。令 P = Q：结果应当是 0，还是熵？
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    safe = torch.where(p == 0, 1, p)
    return (p * (torch.log(safe) - torch.log(torch.where(p == 0, 1, q)))).sum(-1)


@wrong("cross_entropy_of")
def cuts_the_gradient_by_p_at_zero(p, q):
    """The values are right. Where P = 0 < Q, however, the derivative by P is −log Q and not 0: you replaced the
    logarithm in more places than necessary.

    值是对的。但在 P = 0 < Q 处，对 P 的导数是 −log Q 而不是 0：你换掉的对数太多了，有些本不必换。
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return -(p * torch.log(torch.where(p == 0, 1, q))).sum(-1)


@wrong("cross_entropy_of")
def loses_the_gradient_to_zero_over_zero(p, q):
    """The values are right, but where both are 0 the gradient by Q is P/Q = 0/0. What should stand inside the logarithm
    at such a place?

    值是对的，但在二者皆为 0 处，对 Q 的梯度是 P/Q = 0/0。那里的对数里应当放什么？
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return -torch.xlogy(p, q).sum(-1)


broadcasts_one_event_over_all = edited(
    "cross_entropy_of",
    {"if p.shape[-1] != q.shape[-1]:": "if False:"},
    """A Q with one event is not a distribution over five, though broadcasting accepts it. Raise ValueError.

    只有一个事件的 Q 不是五个事件上的分布，尽管广播会接受它。应当抛出 ValueError。
    """,
)


averages_over_the_batch_and_not_over_the_weights = edited(
    "nll_loss",
    {"share.sum()": "kept.sum()"},
    """Without weights you are right. With them, "mean" is a weighted mean: what is the denominator of a weighted mean?

    不加权时是对的。加权时，"mean" 是加权平均：加权平均的分母是什么？
    """,
)

counts_the_ignored_in_the_mean = edited(
    "nll_loss",
    {"losses.sum() / share.sum()": "losses.mean()"},
    """Ignored targets add nothing to your sum, but they are still counted when you divide.

    被忽略的目标没有计入你的和，除的时候却仍然被数了进去。
    """,
)

makes_the_mean_over_nothing_zero = edited(
    "nll_loss",
    {"losses.sum() / share.sum()": "losses.sum() / share.sum().clamp(min=1e-12)"},
    """If every target is ignored, the mean is 0/0. You answer 0, and a training loop with wrong labels then reports a
    perfect loss. torch answers NaN.

    若所有目标都被忽略，平均值就是 0/0。你回答 0，于是标签全错的训练循环会报告一个完美的损失。torch 的回答是 NaN。
    """,
)

looks_for_the_class_in_the_last_dimension = edited(
    "nll_loss",
    {"1 if log_probs.dim() > 1 else 0": "log_probs.dim() - 1"},
    """Right for (batch, classes). With positions, (batch, classes, positions): which dimension holds the classes?

    对（批量，类别）是对的。还有位置时，形状是（批量，类别，位置）：类别在哪一维？
    """,
)

ignores_minus_one_hundred_only = edited(
    "nll_loss",
    {"target != ignore_index": "target != -100"},
    """−100 is only the default. Which argument says what is to be ignored?

    −100 只是默认值。该忽略什么，由哪个参数决定？
    """,
)

multiplies_the_ignored_by_zero = edited(
    "nll_loss",
    {"torch.where(kept, -share * picked, 0)": "-share * picked"},
    """An ignored row may hold anything, also −inf, and 0 · inf is NaN. Select instead of multiplying.

    被忽略的行里可以是任何数，包括 −inf，而 0 · inf 是 NaN。要做选择，而不是相乘。
    """,
)

forgets_the_sign = edited(
    "nll_loss",
    {"-share * picked": "share * picked"},
    """Log-probabilities are at most 0, and yours come out at most 0 too. A loss should be small when the probability
    is large.

    对数概率不大于 0，而你的结果也不大于 0。概率大时，损失应当小。
    """,
)

accepts_any_reduction = edited(
    "nll_loss",
    {'if reduction not in ("mean", "sum", "none"):': "if False:"},
    """A misspelt `reduction` gives some result without an error. Raise ValueError.

    `reduction` 拼错时，你没有报错就给出了某个结果。应当抛出 ValueError。
    """,
)


@wrong("cross_entropy")
def takes_the_logarithm_of_softmax(
    input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    """Where the right class underflows, log(softmax) is −inf, and the loss infinite. Which function of chapter 4 takes
    the logarithm without computing the probability first?

    正确类别的概率下溢时，log(softmax) 是 −inf，损失成了无穷大。第 4 章的哪个函数不先算概率就能得到对数？
    """
    log_probs = torch.log(torch.softmax(input, 1 if input.dim() > 1 else 0))
    return nll_loss(log_probs, target, weight, ignore_index, reduction)


softens_the_logits_twice = edited(
    "cross_entropy",
    {"torch.log_softmax(input, class_dim)": "torch.log_softmax(torch.softmax(input, class_dim), class_dim)"},
    """Your losses are all near log C and never small: the logits go through a softmax twice. What does
    `cross_entropy` take, logits or probabilities?

    你的损失全在 log C 附近，从不变小：logits 经过了两次 softmax。`cross_entropy` 接受的是 logits 还是概率？
    """,
)

normalises_the_last_dimension = edited(
    "cross_entropy",
    {"1 if input.dim() > 1 else 0": "input.dim() - 1"},
    """Right for (batch, classes). With positions, (batch, classes, positions): which dimension holds the classes?

    对（批量，类别）是对的。还有位置时，形状是（批量，类别，位置）：类别在哪一维？
    """,
)

smooths_over_the_other_classes_only = edited(
    "cross_entropy",
    {
        "    return (1 - label_smoothing)": "    classes = input.shape[class_dim]\n"
        "    label_smoothing = label_smoothing * classes / (classes - 1)\n"
        "    return (1 - label_smoothing)"
    },
    """You share ε among the C − 1 wrong classes. Look at t in the docstring: who shares ε there?

    你把 ε 分给了 C − 1 个错误的类别。看看文档字符串里的 t：那里是谁在分 ε？
    """,
)

smooths_without_the_weights = edited(
    "cross_entropy",
    {"input.new_ones(input.shape[class_dim]) if weight is None else weight": "input.new_ones(input.shape[class_dim])"},
    """With weights and smoothing together: in l_n every class c of the sum has its own weight w_c, also the wrong ones.

    权重与平滑同时出现时：在 l_n 的和式里，每个类别 c 都有自己的权重 w_c，错误的类别也不例外。
    """,
)

smooths_the_ignored_as_well = edited(
    "cross_entropy",
    {"torch.where(target == ignore_index, 0, uniform)": "uniform + 0"},
    """With smoothing, ignored targets take part again: the part of the loss that is spread over all classes needs the
    mask as well.

    加上平滑之后，被忽略的目标又参与进来了：分摊到所有类别的那部分损失也需要掩码。
    """,
)

divides_the_smooth_part_by_the_batch = edited(
    "cross_entropy",
    {'nll_loss(torch.full_like(input, -1), target, weight, ignore_index, "sum")': "target.numel()"},
    """Both parts of the smoothed loss have the same denominator. What is it when there are weights or ignored targets?

    平滑后的损失，两部分的分母相同。有权重或被忽略的目标时，它是什么？
    """,
)

accepts_any_amount_of_smoothing = edited(
    "cross_entropy",
    {"if not 0 <= label_smoothing <= 1:": "if False:"},
    """ε is a share, so it lies in [0, 1]. Anything else should raise ValueError.

    ε 是一个份额，所以在 [0, 1] 之内。其余的值应当抛出 ValueError。
    """,
)


forgets_that_the_loss_is_a_mean = edited(
    "cross_entropy_backward",
    {" / input.shape[0]": ""},
    """This is the gradient of the sum of the losses. Of what is the gradient asked for?

    这是各损失之和的梯度。题目要的是什么的梯度？
    """,
)

has_the_sign_of_ascent = edited(
    "cross_entropy_backward",
    {"torch.softmax(input, 1) - one_hot": "one_hot - torch.softmax(input, 1)"},
    """Following −gradient must raise the logit of the right class. In which direction does yours push it?

    沿 −梯度 走应当抬高正确类别的 logit。你的梯度把它推向哪个方向？
    """,
)

normalises_over_the_batch = edited(
    "cross_entropy_backward",
    {"torch.softmax(input, 1)": "torch.softmax(input, 0)"},
    """Each row of your gradient should sum to 0. Along which dimension do the probabilities of one example lie?

    梯度的每一行之和应当为 0。一个样本的各个概率沿哪一维排列？
    """,
)


@wrong("cross_entropy_backward")
def wraps_a_negative_label_around(input, target):
    """Indexing with −1 means the last class to Python, but it is no class. And a single target is broadcast over
    all rows. Both should raise ValueError.

    对 Python 而言下标 −1 是最后一个类别，但它不是合法的类别；而单独一个目标会被广播到所有行。
    两者都应当抛出 ValueError。
    """
    p = torch.softmax(input, 1).clone()
    p[torch.arange(len(p)), target] -= 1
    return p / len(p)


@wrong("cross_entropy_backward")
def exponentiates_without_a_shift(input, target):
    """exp(10000) is inf, and inf/inf is NaN. Use a softmax that subtracts the greatest logit.

    exp(10000) 是 inf，inf/inf 是 NaN。要用减去最大 logit 的 softmax。
    """
    if target.shape != input.shape[:1]:
        raise ValueError("target")
    e = torch.exp(input)
    return (e / e.sum(1, keepdim=True) - torch.nn.functional.one_hot(target, input.shape[1])) / len(input)


@wrong("cross_entropy_backward")
def differentiates_by_the_right_logit_only(input, target):
    """Only the logit of the right class gets a gradient. But raising any other logit lowers the right probability too.

    只有正确类别的 logit 得到了梯度。但抬高任何别的 logit，也会降低正确类别的概率。
    """
    if target.shape != input.shape[:1]:
        raise ValueError("target")
    one_hot = torch.nn.functional.one_hot(target, input.shape[1])
    return (torch.softmax(input, 1) - 1) * one_hot / len(input)


@wrong("kl_divergence")
def is_nan_where_p_is_zero(p, q):
    """An event with P = 0 adds 0 · log 0, and you get NaN. What may stand inside the logarithms there?

    P = 0 的事件贡献 0 · log 0，你得到了 NaN。那里的对数里可以放什么？
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return (p * (torch.log(p) - torch.log(q))).sum(-1)


@wrong("kl_divergence")
def goes_the_other_way(p, q):
    """This is D(Q ‖ P). The divergence is not symmetric: which of the two weighs the events?

    这是 D(Q ‖ P)。散度不对称：由哪一个给事件加权？
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    log_p, log_q = torch.where(q == 0, 1, p).log(), torch.where(q == 0, 1, q).log()
    return (q * (log_q - log_p)).sum(-1)


@wrong("kl_divergence")
def is_symmetric(p, q):
    """The mean of both directions is Jeffreys' divergence. (9.4) has one direction.

    两个方向的平均是 Jeffreys 散度。(9.4) 只有一个方向。
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return ((p - q) * (torch.log(p) - torch.log(q))).sum(-1) / 2


@wrong("kl_divergence")
def subtracts_two_entropies(p, q):
    """H(P, Q) − H(P) is the divergence on paper. When P and Q are close it subtracts two large numbers that share
    almost all of their digits. Put the difference inside the sum.

    H(P, Q) − H(P) 在纸上就是散度。P 与 Q 接近时，这是两个大数相减，几乎所有数字都相同。把差放到求和里面去。
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    log_p, log_q = torch.where(p == 0, 1, p).log(), torch.where(p == 0, 1, q).log()
    return (p * log_p).sum(-1) - (p * log_q).sum(-1)


@wrong("kl_divergence")
def divides_before_the_logarithm(p, q):
    """P/Q overflows when Q is near the smallest number of the dtype, though its logarithm is no larger than 710.
    Which rule of logarithms avoids the quotient?

    Q 接近 dtype 的最小数时，P/Q 会上溢，而它的对数不过 710。哪条对数法则可以避开这个商？
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return (p * torch.log(torch.where(p == 0, 1, p) / torch.where(p == 0, 1, q))).sum(-1)


@wrong("kl_divergence")
def adds_a_small_number_to_both(p, q):
    """With a constant inside the logarithms, a Q that rules out what happens costs 20 or so, and not inf; and beliefs
    smaller than the constant all cost the same.

    对数里加了常数，Q 排除了会发生的事，代价就只有 20 左右，而不是 inf；比这个常数更小的 Q，代价也都一样。
    """
    if p.shape[-1] != q.shape[-1] or (p < 0).any() or (q < 0).any():
        raise ValueError("bad call")
    return (p * (torch.log(p + 1e-12) - torch.log(q + 1e-12))).sum(-1)


@wrong("kl_divergence")
def lets_one_event_stand_for_all(p, q):
    """A Q with one event, and negative numbers, are accepted without a word. Raise ValueError.

    只有一个事件的 Q，以及负数，你都不声不响地接受了。应当抛出 ValueError。
    """
    log_p, log_q = torch.where(p == 0, 1, p).log(), torch.where(p == 0, 1, q).log()
    return (p * (log_p - log_q)).sum(-1)


takes_the_arguments_in_the_order_of_the_formula = edited(
    "kl_div_loss",
    {"    p = target.exp() if": "    input, target = target, input\n    p = target.exp() if"},
    """D(P ‖ Q) names P first, but this function takes the model Q first. Which of your two tensors weighs the
    elements?

    D(P ‖ Q) 先写 P，而这个函数先接受模型 Q。你的两个张量里，是哪一个给元素加权？
    """,
)

takes_the_logarithm_of_a_logarithm = edited(
    "kl_div_loss",
    {"torch.where(p == 0, 0, input)": "torch.where(p == 0, 0, input.log())"},
    """`input` already holds log Q. What is the logarithm of a negative number?

    `input` 已经是 log Q。负数的对数是什么？
    """,
)

divides_batchmean_by_every_element = edited(
    "kl_div_loss",
    {'"batchmean": input.shape[0]': '"batchmean": input.numel()'},
    """"mean" and "batchmean" agree in yours. One divides by the number of elements, the other by the number of
    distributions in the batch.

    你的 "mean" 与 "batchmean" 相同。前者除以元素个数，后者除以批量中分布的个数。
    """,
)

divides_the_mean_by_the_batch = edited(
    "kl_div_loss",
    {'"mean": input.numel()': '"mean": input.shape[0]'},
    """"mean" is the mean over all elements, as for every loss in torch, although it is not the divergence then.

    "mean" 是对所有元素取平均，与 torch 的其他损失一样，尽管那样就不是散度了。
    """,
)

treats_log_targets_as_probabilities = edited(
    "kl_div_loss",
    {"target.exp() if log_target else target": "target"},
    """With `log_target` the weight of an element is still P. How do you get P from log P?

    设了 `log_target`，元素的权重仍然是 P。由 log P 怎样得到 P？
    """,
)

is_nan_where_the_target_is_zero = edited(
    "kl_div_loss",
    {"torch.where(p == 0, 1, p).log()": "p.log()", "torch.where(p == 0, 0, target)": "target"},
    """A one-hot target has zeros, and each of them gives 0 · log 0 = NaN in yours. What should they add?

    one-hot 目标里有许多 0，在你这里每个都得到 0 · log 0 = NaN。它们应当贡献多少？
    """,
)

means_by_default_as_torch_does = edited(
    "kl_div_loss",
    {'reduction: str = "batchmean"': 'reduction: str = "mean"'},
    """Everything is right except for the default: look at the signature that the exercise asks for.

    除了默认值，一切都对：看看题目要求的函数签名。
    """,
)

leaves_out_the_entropy_of_the_target = edited(
    "kl_div_loss",
    {"log_p - torch.where(p == 0, 0, input)": "-torch.where(p == 0, 0, input)"},
    """The gradient by the model is right, but this is the cross-entropy H(P, Q). What has to be taken away from it?

    对模型的梯度是对的，但这是交叉熵 H(P, Q)。还要从中减去什么？
    """,
)


@wrong("binary_cross_entropy")
def clamps_the_probability_by_an_epsilon(input, target):
    """log 0 became log 1e-7 = −16. The bound asked for is on the logarithm, not on the probability.

    log 0 成了 log 1e-7 = −16。题目要求限制的是对数，而不是概率。
    """
    if input.shape != target.shape or ((input < 0) | (input > 1)).any():
        raise ValueError("bad call")
    p = input.clamp(1e-7, 1 - 1e-7)
    return -(target * torch.log(p) + (1 - target) * torch.log1p(-p)).mean()


@wrong("binary_cross_entropy")
def scores_the_positive_answers_only(input, target):
    """The answer "no" costs nothing in yours, so predicting 1 everywhere is free. Where is the second half of (9.5)?

    在你这里，答案“否”没有代价，于是处处预测 1 都不花钱。(9.5) 的后半部分在哪里？
    """
    if input.shape != target.shape or ((input < 0) | (input > 1)).any():
        raise ValueError("bad call")
    return -(target * torch.log(torch.where(input == 0, 1, input)).clamp(min=-100)).mean()


@wrong("binary_cross_entropy")
def has_infinite_logarithms(input, target):
    """At p = 0 and p = 1 you get inf or NaN. By how much may a single logarithm enter at most?

    在 p = 0 与 p = 1 处你得到 inf 或 NaN。单独一个对数最多算多少？
    """
    if input.shape != target.shape or ((input < 0) | (input > 1)).any():
        raise ValueError("bad call")
    return -(target * torch.log(input) + (1 - target) * torch.log1p(-input)).mean()


@wrong("binary_cross_entropy")
def has_an_infinite_gradient_behind_the_clamp(input, target):
    """The values are right. At p = 0 the clamp passes the gradient 0 on to the logarithm, whose derivative there is
    inf; their product is NaN. What may stand inside the logarithm at p = 0?

    值是对的。在 p = 0 处，clamp 把梯度 0 传给对数，而对数在那里的导数是 inf，乘积是 NaN。p = 0 时，对数里可以放什么？
    """
    if input.shape != target.shape or ((input < 0) | (input > 1)).any():
        raise ValueError("bad call")
    log_yes, log_no = torch.log(input).clamp(min=-100), torch.log1p(-input).clamp(min=-100)
    return -(target * log_yes + (1 - target) * log_no).mean()


loses_small_probabilities_next_to_one = edited(
    "binary_cross_entropy",
    {"torch.log1p(-torch.where(input == 1, 0, input))": "torch.log(1 - torch.where(input == 1, 0, input))"},
    """For p = 1e-9 in float32, 1 − p is exactly 1 and its logarithm 0. Which function of torch takes the logarithm of
    1 + u for a small u?

    在 float32 里，p = 1e-9 时 1 − p 恰好是 1，对数为 0。对很小的 u，torch 的哪个函数计算 1 + u 的对数？
    """,
)

sums_the_answers = edited(
    "binary_cross_entropy",
    {".mean()": ".sum()"},
    """(9.5) divides by N: how many answers are there?

    (9.5) 要除以 N：一共有多少个答案？
    """,
)

broadcasts_a_column_against_a_row = edited(
    "binary_cross_entropy",
    {"if input.shape != target.shape:": "if False:"},
    """Probabilities of shape (4, 1) and targets of shape (4,) broadcast to (4, 4): every answer is scored against every
    question. Raise ValueError.

    形状 (4, 1) 的概率与形状 (4,) 的目标会广播成 (4, 4)：每个答案都与每个问题对了一遍。应当抛出 ValueError。
    """,
)


@wrong("binary_cross_entropy_with_logits")
def goes_through_the_sigmoid(input, target, pos_weight=None):
    """σ(1000) is exactly 1, and log(1 − 1) is −inf. Write log σ(x) so that σ(x) itself is never computed.

    σ(1000) 恰好是 1，log(1 − 1) 是 −inf。请改写 log σ(x)，使 σ(x) 本身从不出现。
    """
    if input.shape != target.shape:
        raise ValueError("shapes")
    p = torch.sigmoid(input)
    weight = 1 if pos_weight is None else pos_weight
    return -(weight * target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()


@wrong("binary_cross_entropy_with_logits")
def clamps_at_a_hundred_as_the_other_one_does(input, target, pos_weight=None):
    """With probabilities the logarithm had to be bounded. With logits nothing overflows, and a logit of 1000 for the
    answer "no" costs 1000.

    输入是概率时，对数不得不设下限；输入是 logits 时，没有什么会上溢：答案为“否”而 logit 为 1000，代价就是 1000。
    """
    if input.shape != target.shape:
        raise ValueError("shapes")
    zero = torch.zeros_like(input)
    yes, no = torch.logaddexp(zero, -input).clamp(max=100), torch.logaddexp(zero, input).clamp(max=100)
    weight = 1 if pos_weight is None else pos_weight
    return (weight * target * yes + (1 - target) * no).mean()


@wrong("binary_cross_entropy_with_logits")
def has_a_corner_at_zero(input, target, pos_weight=None):
    """The values are right. At x = 0 exactly the gradient should be ½ − y: what do abs() and clamp() or relu() pass
    there, and do they add up to ½?

    值是对的。恰好在 x = 0 处，梯度应当是 ½ − y：abs() 与 clamp() 或 relu() 在那里各传过多少，加起来是 ½ 吗？
    """
    if input.shape != target.shape:
        raise ValueError("shapes")
    correction = torch.log1p(torch.exp(-input.abs()))
    weight = 1 if pos_weight is None else pos_weight
    yes, no = torch.relu(-input) + correction, torch.relu(input) + correction
    return (weight * target * yes + (1 - target) * no).mean()


@wrong("binary_cross_entropy_with_logits")
def exponentiates_a_large_logit(input, target, pos_weight=None):
    """log(1 + exp(1000)) is inf. Take the larger of the two terms out of the logarithm, as in logsumexp.

    log(1 + exp(1000)) 是 inf。像 logsumexp 那样，把两项中较大的提到对数外面。
    """
    if input.shape != target.shape:
        raise ValueError("shapes")
    weight = 1 if pos_weight is None else pos_weight
    yes, no = torch.log1p(torch.exp(-input)), torch.log1p(torch.exp(input))
    return (weight * target * yes + (1 - target) * no).mean()


weighs_the_negative_answers_too = edited(
    "binary_cross_entropy_with_logits",
    {"(pos_weight * yes + no)": "(pos_weight * (yes + no))"},
    """The weight belongs to the positive answers only. Where does w stand in the formula?

    权重只属于正例。w 在公式里的什么位置？
    """,
)

divides_by_the_positive_weights = edited(
    "binary_cross_entropy_with_logits",
    {"(pos_weight * yes + no).mean()": "(pos_weight * yes + no).mean() / pos_weight.mean()"},
    """Unlike `weight` of the cross-entropy, `pos_weight` does not enter the denominator: the mean is over N elements.

    与交叉熵的 `weight` 不同，`pos_weight` 不进入分母：平均是对 N 个元素取的。
    """,
)

broadcasts_logits_against_targets = edited(
    "binary_cross_entropy_with_logits",
    {"if input.shape != target.shape:": "if False:"},
    """A column of logits (4, 1) and a row of targets (4,) broadcast to (4, 4). Raise ValueError: it is one of the most
    frequent silent mistakes there is.

    一列 logits (4, 1) 与一行目标 (4,) 会广播成 (4, 4)。应当抛出 ValueError：这是最常见的无声错误之一。
    """,
)


forgets_the_square_of_the_temperature = edited(
    "distillation_loss",
    {"temperature**2 * ": ""},
    """At T = 20 your gradient is 400 times too small. Which factor brings it back?

    T = 20 时，你的梯度小了 400 倍。要乘以什么因子才能补回来？
    """,
)

multiplies_by_the_temperature_once = edited(
    "distillation_loss",
    {"temperature**2": "temperature"},
    """The softened logits bring one 1/T into the gradient, and the softened difference of probabilities another.

    软化后的 logits 给梯度带来一个 1/T，软化后的概率之差又带来一个。
    """,
)

softens_the_student_only = edited(
    "distillation_loss",
    {"teacher_logits / temperature": "teacher_logits"},
    """A student who equals the teacher should cost nothing, at any T. Yours is charged: who is softened?

    学生与教师完全相同时，不论 T 是多少，代价都应为 0。你的却不是：谁被软化了？
    """,
)

lets_the_student_weigh = edited(
    "distillation_loss",
    {"kl_div_loss(student, teacher,": "kl_div_loss(teacher, student,"},
    """This is KL(student ‖ teacher). Whose probabilities weigh the classes?

    这是 KL(学生 ‖ 教师)。由谁的概率给类别加权？
    """,
)

averages_over_the_classes_as_well = edited(
    "distillation_loss",
    {"log_target=True": 'reduction="mean", log_target=True'},
    """Your loss shrinks with the number of classes. What is averaged in the formula: the batch, or every element?

    你的损失随类别数增多而变小。公式里取平均的是批量，还是每个元素？
    """,
)

multiplies_by_the_temperature = edited(
    "distillation_loss",
    {
        "student_logits / temperature": "student_logits * temperature",
        "teacher_logits / temperature": "teacher_logits * temperature",
    },
    """A higher temperature should make the distributions flatter. Yours become more peaked.

    温度越高，分布应当越平。你的却越来越尖。
    """,
)

compares_the_logits_through_probabilities = edited(
    "distillation_loss",
    {"torch.log_softmax(student_logits / temperature, 1)": "torch.softmax(student_logits / temperature, 1).log()"},
    """Where a probability of the student underflows, its logarithm is −inf and the loss infinite.

    学生的概率下溢处，对数是 −inf，损失成了无穷大。
    """,
)

accepts_a_temperature_of_zero_or_less = edited(
    "distillation_loss",
    {"if temperature <= 0:": "if False:"},
    """Division by a temperature of 0, or by a negative one, should raise ValueError.

    温度为 0 或为负时，应当抛出 ValueError。
    """,
)


climbs_instead_of_descending = edited(
    "train_classifier",
    {"weight - lr": "weight + lr", "bias - lr": "bias + lr"},
    """Your loss grows. In which direction does the gradient point?

    你的损失在增大。梯度指向哪个方向？
    """,
)

never_moves_the_bias = edited(
    "train_classifier",
    {"bias = bias - lr * grad_logits.sum(0)": "bias = bias * 1"},
    """The bias is still zero at the end. What is ∂L/∂b, given the gradient by the logits?

    偏置到最后还是零。已知对 logits 的梯度，∂L/∂b 是什么？
    """,
)

averages_the_gradient_of_the_bias_again = edited(
    "train_classifier",
    {"grad_logits.sum(0)": "grad_logits.mean(0)"},
    """The bias moves too slowly, by the factor of the batch size: the 1/N of the mean is in the gradient of the logits
    already.

    偏置走得太慢，差一个批量大小的倍数：平均值的 1/N 已经在 logits 的梯度里了。
    """,
)

computes_the_gradient_once = edited(
    "train_classifier",
    {
        "    for _ in range(steps):\n        grad_logits": "    grad_logits",
        "        weight = weight": "    for _ in range(steps):\n        weight = weight",
    },
    """Every step goes in the direction of the first one. When must the gradient be computed?

    每一步都沿第一步的方向走。梯度应当在什么时候计算？
    """,
)

moves_the_weights_before_the_bias_has_its_gradient = edited(
    "train_classifier",
    {
        "        bias = bias": "        grad_logits = cross_entropy_backward(x @ weight.mT + bias, y)\n"
        "        bias = bias"
    },
    """The bias uses a gradient at the new weights. Both updates start from the same point.

    偏置用了新权重处的梯度。两个更新应当从同一点出发。
    """,
)

leaves_out_the_bias_of_the_logits = edited(
    "train_classifier",
    {"x @ weight.mT + bias": "x @ weight.mT"},
    """The first step is right, those after it are not: does the bias that has moved enter the logits?

    第一步是对的，之后的不对：移动过的偏置进入 logits 了吗？
    """,
)


@wrong("train_classifier")
def starts_from_random_weights(x, y, num_classes, steps, lr):
    """Where does the descent start? A convex loss forgives it after many steps, but not after few.

    下降从哪里出发？损失是凸的，步数多时无所谓，步数少时就不同了。
    """
    weight, bias = torch.randn(num_classes, x.shape[1], dtype=x.dtype) * 0.01, x.new_zeros(num_classes)
    for _ in range(steps):
        grad_logits = cross_entropy_backward(x @ weight.mT + bias, y)
        weight, bias = weight - lr * grad_logits.mT @ x, bias - lr * grad_logits.sum(0)
    return weight, bias
