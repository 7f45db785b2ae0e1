"""The hidden cases of chapter 9."""

import torch
import torch.nn.functional as F

from autograder.cases import case
from autograder.operations import largest_tensor, vjp

INF = torch.inf

# bfloat16 keeps 8 significant bits, and an answer may round after each of its handful of operations
ROUNDED = {"dtypes": (torch.bfloat16,), "rtol": 4e-2, "atol": 2e-2}

# accurate relative to a result that is tiny: a handful of roundings, no more
RELATIVE = {"rtol": 1e-5, "atol": 0.0}


def _rows(draw, *shape, scale=1.0):
    """Probabilities over the last dimension."""
    return torch.softmax(draw.normal(*shape, scale=scale), dim=-1)


def _through_softmax(p, gradient):
    """The gradient by the logits of p: finite for a softmax that underflows, unless the incoming one is not."""
    return p * (gradient - (p * gradient).sum(-1, keepdim=True))


# entropy


def _entr(p):
    """torch's own −p log p."""
    return torch.special.entr(p).sum(-1)


@case("entropy", agrees_with=_entr)
def distributions_of_any_leading_shape(entropy, draw):
    """任意的前导形状"""
    return [entropy(_rows(draw, 7)), entropy(_rows(draw, 2, 3, 5)), entropy(_rows(draw, 0, 4))]


@case("entropy", agrees_with=_entr)
def only_the_last_dimension_is_summed(entropy, draw):
    """只对最后一维求和"""
    return entropy(_rows(draw, 4, 4))


@case("entropy", facet="numerics", agrees_with=_entr, weight=2)
def certainty_has_no_entropy_and_zero_no_surprise(entropy, draw):
    """确定的分布熵为 0；0 · log 0 = 0"""
    p = _rows(draw, 4, 5)
    p[0] = torch.tensor([0, 0, 1, 0, 0])
    p[1] = torch.tensor([0.5, 0, 0.25, 0, 0.25])
    return entropy(p)


@case("entropy", facet="numerics", agrees_with=_entr, **RELATIVE)
def rare_events_keep_their_digits(entropy, draw):
    """罕见事件保持有效数字"""
    return entropy(draw.magnitudes(8, 3, low=1e-30, high=1e-9))


@case("entropy", facet="gradient", agrees_with=_entr)
def the_gradient_of_entropy(entropy, draw):
    """熵的梯度"""
    return vjp(entropy, _rows(draw, 3, 7), cotangent=draw)


@case("entropy", facet="gradient", weight=2)
def the_gradient_goes_back_through_a_softmax_that_underflows(entropy, draw):
    """梯度能传过下溢的 softmax"""
    p = torch.softmax(draw.normal(4, 5) - torch.tensor([0, 0, 2000, 0, 3000]), dim=-1)
    return _through_softmax(p, vjp(entropy, p, cotangent=draw)[0])


@case("entropy", facet="interface", agrees_with=_entr)
def probabilities_that_are_not_contiguous(entropy, draw):
    """不连续的输入"""
    return entropy(draw.strided(_rows(draw, 3, 5))), entropy(_rows(draw, 4, 3).mT), entropy(torch.ones(3, 1))


@case("entropy", facet="interface", raises=ValueError)
def a_negative_probability_has_no_entropy(entropy, draw):
    """拒绝负的概率"""
    p = _rows(draw, 3, 5)
    p[1, 2] = -0.1
    return entropy(p)


# cross_entropy_of


def _expected_surprise(p, q):
    """−Σ P log Q by torch's xlogy, where P = 0 adds 0."""
    return -torch.special.xlogy(p, q).sum(-1)


@case("cross_entropy_of", agrees_with=_expected_surprise)
def p_and_q_of_any_leading_shape(cross_entropy_of, draw):
    """任意的前导形状"""
    shapes = [(7,), (2, 3, 5), (0, 4)]
    return [cross_entropy_of(_rows(draw, *shape), _rows(draw, *shape)) for shape in shapes]


@case("cross_entropy_of", agrees_with=_expected_surprise)
def one_belief_for_many_truths(cross_entropy_of, draw):
    """前导维度广播：一个 Q 对许多 P"""
    p, q = _rows(draw, 4, 3, 5), _rows(draw, 3, 5)
    return cross_entropy_of(p, q), cross_entropy_of(q[0], p)


@case("cross_entropy_of", agrees_with=_expected_surprise)
def p_and_q_do_not_change_places(cross_entropy_of, draw):
    """P 与 Q 不能互换"""
    p, q = _rows(draw, 3, 5, scale=2), _rows(draw, 3, 5)
    return cross_entropy_of(p, q), cross_entropy_of(q, p)


@case("cross_entropy_of", facet="numerics", agrees_with=_expected_surprise, weight=2)
def what_is_impossible_under_p_costs_nothing(cross_entropy_of, draw):
    """P 为 0 的事件不贡献，Q 也为 0 时亦然；Q 漏掉的事件代价无穷"""
    p, q = _rows(draw, 4, 5), _rows(draw, 4, 5)
    p[:, 1] = p[1, 3] = 0
    q[0, 1] = q[1, 1] = 0
    q[3, 2] = 0
    return cross_entropy_of(p, q)


@case("cross_entropy_of", facet="numerics", agrees_with=_expected_surprise)
def tiny_beliefs_have_finite_surprise(cross_entropy_of, draw):
    """极小的 Q，惊讶程度仍有限"""
    return cross_entropy_of(_rows(draw, 3, 5), draw.magnitudes(3, 5, low=1e-36, high=1e-20))


@case("cross_entropy_of", facet="gradient", agrees_with=_expected_surprise)
def the_gradients_by_p_and_by_q(cross_entropy_of, draw):
    """对 P 与对 Q 的梯度"""
    p = _rows(draw, 3, 7)
    p[0, 2] = 0  # there the gradient by p is still −log q
    return vjp(cross_entropy_of, p, _rows(draw, 3, 7), cotangent=draw)


@case("cross_entropy_of", facet="gradient", weight=2)
def the_gradient_by_a_belief_that_underflows(cross_entropy_of, draw):
    """Q 下溢为 0 而 P 也为 0 时的梯度"""
    q = torch.softmax(draw.normal(4, 5) - torch.tensor([0, 0, 2000, 0, 3000]), dim=-1)
    p = q.roll(1, 0)
    by_p, by_q = vjp(cross_entropy_of, p, q, cotangent=draw)
    return _through_softmax(p, by_p), _through_softmax(q, by_q)


@case("cross_entropy_of", facet="interface", agrees_with=_expected_surprise)
def p_and_q_that_are_not_contiguous(cross_entropy_of, draw):
    """不连续的输入"""
    return cross_entropy_of(draw.strided(_rows(draw, 3, 5)), draw.normal(5, 3).exp().mT)


@case("cross_entropy_of", facet="interface", raises=ValueError)
def distributions_over_other_events_are_refused(cross_entropy_of, draw):
    """拒绝事件个数不同的分布"""
    return cross_entropy_of(_rows(draw, 3, 5), _rows(draw, 3, 1))


@case("cross_entropy_of", facet="interface", raises=ValueError)
def a_negative_p_is_refused(cross_entropy_of, draw):
    """拒绝负的 P"""
    return cross_entropy_of(-_rows(draw, 3, 5), _rows(draw, 3, 5))


@case("cross_entropy_of", facet="interface", raises=ValueError)
def a_negative_q_is_refused(cross_entropy_of, draw):
    """拒绝负的 Q"""
    return cross_entropy_of(_rows(draw, 3, 5), -_rows(draw, 3, 5))


# nll_loss


def _log_rows(draw, *shape, scale=1.0, dim=1):
    """Log-probabilities over dimension `dim`."""
    return torch.log_softmax(draw.normal(*shape, scale=scale), dim=dim)


REDUCTIONS = ("mean", "sum", "none")


@case("nll_loss", agrees_with=F.nll_loss)
def one_distribution_a_batch_and_positions(nll_loss, draw):
    """单个分布、一批、以及带位置的输入"""
    return [
        nll_loss(_log_rows(draw, 5, dim=0), draw.integers(0, 5)),
        nll_loss(_log_rows(draw, 1, 5), draw.integers(0, 5, 1)),
        nll_loss(_log_rows(draw, 3, 5, 7), draw.integers(0, 5, 3, 7), reduction="none"),
        nll_loss(_log_rows(draw, 3, 5, 2, 4), draw.integers(0, 5, 3, 2, 4)),
    ]


@case("nll_loss", agrees_with=F.nll_loss)
def as_many_classes_as_rows(nll_loss, draw):
    """类别数与行数相同"""
    return nll_loss(_log_rows(draw, 4, 4, 4), draw.integers(0, 4, 4, 4), reduction="none")


@case("nll_loss", agrees_with=F.nll_loss, weight=2)
def the_weighted_mean_divides_by_the_weights(nll_loss, draw):
    """加权平均除以权重之和"""
    log_probs, weight = _log_rows(draw, 7, 4), draw.uniform(4, low=0.2, high=5)
    target = draw.integers(0, 4, 7)
    one = _log_rows(draw, 4, dim=0)
    return nll_loss(log_probs, target, weight), nll_loss(one, draw.integers(0, 4), weight, reduction="sum")


@case("nll_loss", agrees_with=F.nll_loss, weight=2)
def weights_and_ignored_targets_together(nll_loss, draw):
    """权重与被忽略的目标同时出现"""
    log_probs, weight = _log_rows(draw, 7, 4, 3), draw.uniform(4, low=0.2, high=5)
    target = draw.integers(0, 4, 7, 3)
    target[[0, 4, 5]] = -100
    return [nll_loss(log_probs, target, weight, reduction=how) for how in REDUCTIONS]


@case("nll_loss", agrees_with=F.nll_loss, weight=2)
def the_index_to_ignore_may_be_any_number(nll_loss, draw):
    """可以忽略任何一个编号，包括一个真实的类别"""
    log_probs, target = _log_rows(draw, 9, 4), draw.integers(0, 4, 9)
    target[:3] = torch.tensor([0, 2, 1])
    other = target.clone()
    other[5] = 17
    return [
        nll_loss(log_probs, target, ignore_index=0),
        nll_loss(log_probs, target, ignore_index=2, reduction="none"),
        nll_loss(log_probs, other, ignore_index=17),
        nll_loss(log_probs[:3, :1], torch.tensor([0, -100, 0]), reduction="none"),
    ]


@case("nll_loss", agrees_with=F.nll_loss)
def the_mean_over_nothing_is_nan_and_the_sum_zero(nll_loss, draw):
    """全部被忽略或空批量：平均为 NaN，和为 0"""
    ignored = torch.full((5,), -100)
    log_probs = _log_rows(draw, 5, 4)
    return [
        nll_loss(log_probs, draw.integers(0, 4, 5)),
        *(nll_loss(log_probs, ignored, reduction=how) for how in REDUCTIONS),
        *(nll_loss(log_probs[:0], ignored[:0], reduction=how) for how in REDUCTIONS),
        nll_loss(log_probs, ignored, draw.uniform(4)),
    ]


@case("nll_loss", facet="numerics", agrees_with=F.nll_loss)
def impossible_classes_matter_only_where_they_are_right(nll_loss, draw):
    """不可能的类别，只有当它是正确类别时才有影响"""
    log_probs, target = _log_rows(draw, 6, 4), draw.integers(1, 4, 6)
    log_probs[:4, 0] = -INF
    log_probs[5] = -INF
    target[1:4] = torch.tensor([-100, -100, 0])
    target[5] = -100
    rest = torch.tensor([0, 1, 2, 4, 5])
    return nll_loss(log_probs, target, reduction="none"), nll_loss(log_probs[rest], target[rest])


@case("nll_loss", facet="gradient", agrees_with=F.nll_loss)
def the_gradient_reaches_the_right_classes_only(nll_loss, draw):
    """梯度只到达正确的类别"""
    target = draw.integers(0, 4, 7)
    return [vjp(nll_loss, _log_rows(draw, 7, 4), target, cotangent=draw, reduction=how) for how in REDUCTIONS]


@case("nll_loss", facet="gradient", agrees_with=F.nll_loss)
def the_gradient_with_ignored_targets_of_log_probability_minus_infinity(nll_loss, draw):
    """被忽略的目标，其对数概率为 −inf 时的梯度"""
    log_probs, target = _log_rows(draw, 7, 4), draw.integers(0, 4, 7)
    log_probs[2] = -INF
    target[[2, 5]] = -100
    return [vjp(nll_loss, log_probs, target, cotangent=draw, reduction=how) for how in ("mean", "none")]


@case("nll_loss", agrees_with=F.nll_loss, **ROUNDED)
def nll_in_bfloat16(nll_loss, draw):
    """bfloat16 的 nll_loss"""
    return nll_loss(_log_rows(draw, 7, 5), draw.integers(0, 5, 7), reduction="none")


@case("nll_loss", facet="interface", agrees_with=F.nll_loss)
def log_probabilities_that_are_not_contiguous(nll_loss, draw):
    """不连续的输入"""
    target = draw.integers(0, 4, 2, 7)
    log_probs = draw.normal(7, 4).log_softmax(1)
    return nll_loss(draw.strided(log_probs), target[0]), nll_loss(log_probs.mT.contiguous().mT, target.mT[:, 1])


@case("nll_loss", facet="interface", raises=ValueError)
def fewer_targets_than_rows_are_refused(nll_loss, draw):
    """拒绝目标比行少"""
    return nll_loss(_log_rows(draw, 6, 4), draw.integers(0, 4, 5))


@case("nll_loss", facet="interface", raises=ValueError)
def targets_without_positions_are_refused(nll_loss, draw):
    """拒绝缺少位置的目标"""
    return nll_loss(_log_rows(draw, 6, 4, 3), draw.integers(0, 4, 6, 1))


@case("nll_loss", facet="interface", raises=ValueError)
def a_target_beyond_the_last_class_is_refused(nll_loss, draw):
    """拒绝超出类别数的目标"""
    return nll_loss(_log_rows(draw, 3, 4), torch.tensor([0, 4, 1]))


@case("nll_loss", facet="interface", raises=ValueError)
def a_negative_target_is_not_the_last_class(nll_loss, draw):
    """−1 不是最后一个类别"""
    return nll_loss(_log_rows(draw, 3, 4), torch.tensor([0, -1, 1]))


@case("nll_loss", facet="interface", raises=ValueError)
def weights_for_other_classes_are_refused(nll_loss, draw):
    """拒绝个数不对的权重"""
    return nll_loss(_log_rows(draw, 3, 4), draw.integers(0, 4, 3), draw.uniform(5))


@case("nll_loss", facet="interface", raises=ValueError)
def nll_refuses_an_unknown_reduction(nll_loss, draw):
    """拒绝不认识的 reduction"""
    return nll_loss(_log_rows(draw, 3, 4), draw.integers(0, 4, 3), reduction="average")


# cross_entropy


@case("cross_entropy", agrees_with=F.cross_entropy)
def one_row_a_batch_and_positions_of_logits(cross_entropy, draw):
    """单行、一批、以及带位置的 logits"""
    return [
        cross_entropy(draw.normal(5), draw.integers(0, 5)),
        cross_entropy(draw.normal(1, 5), draw.integers(0, 5, 1)),
        cross_entropy(draw.normal(3, 5, 7), draw.integers(0, 5, 3, 7), reduction="none"),
        cross_entropy(draw.normal(3, 5, 2, 4), draw.integers(0, 5, 3, 2, 4)),
    ]


@case("cross_entropy", agrees_with=F.cross_entropy)
def every_reduction_of_weighted_logits(cross_entropy, draw):
    """加权时的每一种 reduction"""
    x, y, weight = draw.normal(7, 4), draw.integers(0, 4, 7), draw.uniform(4, low=0.2, high=5)
    return [cross_entropy(x, y, weight, reduction=how) for how in REDUCTIONS]


@case("cross_entropy", agrees_with=F.cross_entropy)
def targets_that_are_ignored(cross_entropy, draw):
    """被忽略的目标"""
    x, y = draw.normal(7, 4), draw.integers(0, 4, 7)
    y[[1, 5]] = -100
    return cross_entropy(x, y), cross_entropy(x, y, reduction="none"), cross_entropy(x[2:5], y[2:5], ignore_index=3)


@case("cross_entropy", agrees_with=F.cross_entropy)
def label_smoothing_of_every_strength(cross_entropy, draw):
    """各种强度的标签平滑"""
    x, y = draw.normal(7, 4, scale=2), draw.integers(0, 4, 7)
    return [
        *(cross_entropy(x, y, label_smoothing=epsilon) for epsilon in (0, 0.3, 1, 1.0)),
        *(cross_entropy(x, y, reduction=how, label_smoothing=0.2) for how in ("sum", "none")),
    ]


@case("cross_entropy", agrees_with=F.cross_entropy, weight=2)
def label_smoothing_with_weights_and_ignored_targets(cross_entropy, draw):
    """标签平滑、权重、被忽略的目标同时出现"""
    x, y, weight = draw.normal(7, 4, 3), draw.integers(0, 4, 7, 3), draw.uniform(4, low=0.2, high=5)
    y[[0, 4], 1] = -100
    return [cross_entropy(x, y, weight, reduction=how, label_smoothing=0.2) for how in REDUCTIONS]


@case("cross_entropy", agrees_with=F.cross_entropy, weight=2)
def label_smoothing_with_weights_or_ignored_targets(cross_entropy, draw):
    """标签平滑分别与权重、与被忽略的目标一起出现"""
    x, y, weight = draw.normal(7, 4), draw.integers(0, 4, 7), draw.uniform(4, low=0.2, high=5)
    weighted = [cross_entropy(x, y, weight, reduction=how, label_smoothing=0.2) for how in REDUCTIONS]
    one = cross_entropy(draw.normal(4), draw.integers(0, 4), weight, label_smoothing=0.4)
    y[[0, 4]] = 3
    ignored = [cross_entropy(x, y, ignore_index=3, reduction=how, label_smoothing=0.2) for how in REDUCTIONS]
    return weighted, one, ignored


@case("cross_entropy", agrees_with=F.cross_entropy)
def the_mean_over_ignored_targets_is_nan(cross_entropy, draw):
    """全部被忽略或空批量：平均为 NaN，和为 0"""
    x, ignored = draw.normal(5, 4), torch.full((5,), -100)
    return [
        cross_entropy(x, draw.integers(0, 4, 5)),
        *(cross_entropy(x, ignored, reduction=how, label_smoothing=e) for how in REDUCTIONS for e in (0.0, 0.1)),
        *(
            cross_entropy(x[:0], ignored[:0], reduction=how, label_smoothing=e)
            for how in REDUCTIONS
            for e in (0.0, 0.1)
        ),
    ]


@case("cross_entropy", facet="numerics", agrees_with=F.cross_entropy, weight=2)
def large_logits_of_either_sign(cross_entropy, draw):
    """绝对值很大的 logits，正负都有"""
    x, y = draw.normal(7, 4), draw.integers(0, 4, 7)
    return [cross_entropy(z, y, reduction="none") for z in (x * 1e4, x + 1e4, x - 1e4)]


@case("cross_entropy", facet="numerics", agrees_with=F.cross_entropy, weight=2)
def classes_that_are_impossible(cross_entropy, draw):
    """logit 为 −inf 的类别"""
    x, y = draw.normal(6, 4), draw.integers(1, 4, 6)
    x[:, 0] = -INF
    plain = cross_entropy(x, y)
    y[2] = 0
    return plain, cross_entropy(x, y, reduction="none"), cross_entropy(x, y, reduction="none", label_smoothing=0.1)


@case("cross_entropy", facet="gradient", agrees_with=F.cross_entropy)
def gradients_by_the_logits(cross_entropy, draw):
    """对 logits 的梯度"""
    y = draw.integers(0, 4, 7)
    return [vjp(cross_entropy, draw.normal(7, 4), y, cotangent=draw, reduction=how) for how in REDUCTIONS]


@case("cross_entropy", facet="gradient", agrees_with=F.cross_entropy)
def gradients_with_every_option_at_once(cross_entropy, draw):
    """所有选项一起时的梯度"""
    x, y, weight = draw.normal(7, 4, 3), draw.integers(0, 4, 7, 3), draw.uniform(4, low=0.2, high=5)
    y[[0, 4], 1] = 17
    options = {"weight": weight, "ignore_index": 17, "label_smoothing": 0.2}
    return [vjp(cross_entropy, x, y, cotangent=draw, reduction=how, **options) for how in ("mean", "none")]


@case("cross_entropy", facet="gradient", agrees_with=F.cross_entropy, weight=2)
def gradients_where_the_right_class_underflows(cross_entropy, draw):
    """正确类别的概率下溢时的梯度"""
    return vjp(cross_entropy, draw.normal(7, 4, scale=1e4), draw.integers(0, 4, 7), cotangent=draw, reduction="none")


@case("cross_entropy", agrees_with=F.cross_entropy, **ROUNDED)
def cross_entropy_in_bfloat16(cross_entropy, draw):
    """bfloat16 的交叉熵"""
    x, y = draw.normal(7, 5), draw.integers(0, 5, 7)
    return cross_entropy(x, y), cross_entropy(x, y, reduction="none", label_smoothing=0.1)


@case("cross_entropy", facet="interface", agrees_with=F.cross_entropy)
def logits_that_are_not_contiguous(cross_entropy, draw):
    """不连续的 logits"""
    y = draw.integers(0, 4, 7)
    return cross_entropy(draw.strided(draw.normal(7, 4)), y), cross_entropy(
        draw.normal(4, 7).mT, y, label_smoothing=0.1
    )


@case("cross_entropy", facet="interface", raises=ValueError)
def fewer_targets_than_rows_of_logits_are_refused(cross_entropy, draw):
    """拒绝目标比行少"""
    return cross_entropy(draw.normal(6, 4), draw.integers(0, 4, 5))


@case("cross_entropy", facet="interface", raises=ValueError)
def a_class_that_does_not_exist_is_refused(cross_entropy, draw):
    """拒绝不存在的类别"""
    return cross_entropy(draw.normal(3, 4), torch.tensor([0, 4, 1]))


@case("cross_entropy", facet="interface", raises=ValueError)
def class_minus_one_is_refused(cross_entropy, draw):
    """拒绝 −1 这个类别"""
    return cross_entropy(draw.normal(3, 4), torch.tensor([0, -1, 1]))


@case("cross_entropy", facet="interface", raises=ValueError)
def too_much_smoothing_is_refused(cross_entropy, draw):
    """拒绝大于 1 的平滑"""
    return cross_entropy(draw.normal(3, 4), draw.integers(0, 4, 3), label_smoothing=1.5)


@case("cross_entropy", facet="interface", raises=ValueError)
def negative_smoothing_is_refused(cross_entropy, draw):
    """拒绝负的平滑"""
    return cross_entropy(draw.normal(3, 4), draw.integers(0, 4, 3), label_smoothing=-0.1)


@case("cross_entropy", facet="interface", raises=ValueError)
def an_unknown_reduction_is_refused(cross_entropy, draw):
    """拒绝不认识的 reduction"""
    return cross_entropy(draw.normal(3, 4), draw.integers(0, 4, 3), reduction="average")


# cross_entropy_backward


def _through_autograd(input, target):
    """∂L/∂x by differentiating torch's own loss."""
    logits = input if input.requires_grad else input.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(F.cross_entropy(logits, target), logits, create_graph=True)[0]


@case("cross_entropy_backward", agrees_with=_through_autograd)
def gradients_of_odd_and_of_single_sizes(cross_entropy_backward, draw):
    """奇数大小与大小为 1"""
    return [
        cross_entropy_backward(draw.normal(7, 3), draw.integers(0, 3, 7)),
        cross_entropy_backward(draw.normal(1, 5), draw.integers(0, 5, 1)),
        cross_entropy_backward(draw.normal(2, 1), draw.integers(0, 1, 2)),
    ]


@case("cross_entropy_backward", agrees_with=_through_autograd)
def as_many_classes_as_examples(cross_entropy_backward, draw):
    """类别数与样本数相同"""
    return cross_entropy_backward(draw.normal(5, 5), torch.tensor([1, 1, 4, 0, 1]))


@case("cross_entropy_backward", facet="numerics", agrees_with=_through_autograd)
def gradients_at_large_logits(cross_entropy_backward, draw):
    """很大的 logits"""
    x, y = draw.normal(7, 4), draw.integers(0, 4, 7)
    return [cross_entropy_backward(z, y) for z in (x * 1e4, x + 1e4, x - 1e4)]


@case("cross_entropy_backward", facet="numerics", agrees_with=_through_autograd)
def gradients_beside_an_impossible_class(cross_entropy_backward, draw):
    """有 −inf 的类别"""
    x, y = draw.normal(7, 4), draw.integers(1, 4, 7)
    x[:, 0] = -INF
    return cross_entropy_backward(x, y)


@case("cross_entropy_backward", agrees_with=_through_autograd, **ROUNDED)
def the_gradient_in_bfloat16(cross_entropy_backward, draw):
    """bfloat16 的梯度"""
    return cross_entropy_backward(draw.normal(3, 5), draw.integers(0, 5, 3))


@case("cross_entropy_backward", facet="interface", agrees_with=_through_autograd)
def logits_and_targets_that_are_not_contiguous(cross_entropy_backward, draw):
    """不连续的输入"""
    y = draw.integers(0, 4, 7, 2)[:, 1]
    return cross_entropy_backward(draw.strided(draw.normal(7, 4)), y), cross_entropy_backward(draw.normal(4, 7).mT, y)


@case("cross_entropy_backward", facet="interface")
def no_examples_have_no_gradients(cross_entropy_backward, draw):
    """零个样本"""
    return cross_entropy_backward(draw.normal(0, 4), draw.integers(0, 4, 0))


@case("cross_entropy_backward", facet="memory", expected=True)
def the_jacobian_of_softmax_is_never_stored(cross_entropy_backward, draw):
    """从不存储 softmax 的 Jacobian 矩阵"""
    # a one-hot target of int64 is as large as float64 logits
    return largest_tensor(cross_entropy_backward, draw.normal(4, 300), draw.integers(0, 300, 4)) <= 1200


@case("cross_entropy_backward", facet="interface", raises=ValueError)
def one_target_for_many_rows_is_refused(cross_entropy_backward, draw):
    """拒绝一个目标对许多行"""
    return cross_entropy_backward(draw.normal(6, 4), draw.integers(0, 4, 1))


@case("cross_entropy_backward", facet="interface", raises=ValueError)
def the_ignored_index_is_no_class_here(cross_entropy_backward, draw):
    """这里 −1 不是类别"""
    return cross_entropy_backward(draw.normal(3, 4), torch.tensor([0, -1, 1]))


@case("cross_entropy_backward", facet="interface", raises=ValueError)
def a_label_beyond_the_last_class_is_refused(cross_entropy_backward, draw):
    """拒绝超出类别数的标签"""
    return cross_entropy_backward(draw.normal(3, 4), torch.tensor([0, 4, 1]))


# kl_divergence


def _relative_entropy(p, q):
    """torch's own kl_div, the other way round; what is impossible on both sides adds nothing."""
    terms = F.kl_div(q.log(), p, reduction="none")
    return torch.where(p.expand_as(terms) == 0, 0, terms).sum(-1)


@case("kl_divergence", agrees_with=_relative_entropy)
def divergences_of_any_leading_shape(kl_divergence, draw):
    """任意的前导形状"""
    shapes = [(7,), (2, 3, 5), (0, 4)]
    return [kl_divergence(_rows(draw, *shape), _rows(draw, *shape)) for shape in shapes]


@case("kl_divergence", agrees_with=lambda p, q: (p * (p.log() - q.log())).sum(-1))
def one_distribution_against_many(kl_divergence, draw):
    """前导维度广播：一个分布对许多个"""
    p, q = _rows(draw, 4, 3, 5), _rows(draw, 3, 5)
    return kl_divergence(p, q), kl_divergence(q[0], p)


@case("kl_divergence", agrees_with=_relative_entropy)
def both_directions_of_the_divergence(kl_divergence, draw):
    """散度的两个方向"""
    p, q = _rows(draw, 3, 5, scale=2), _rows(draw, 3, 5)
    return kl_divergence(p, q), kl_divergence(q, p)


@case("kl_divergence", facet="numerics", agrees_with=_relative_entropy, weight=2)
def events_that_one_side_or_both_rule_out(kl_divergence, draw):
    """一方或双方认为不可能的事件"""
    p, q = _rows(draw, 5, 5), _rows(draw, 5, 5)
    p[:, 1] = p[1, 3] = 0
    q[0, 1] = q[1, 1] = 0
    q[3, 2] = 0
    return kl_divergence(p, q)


@case("kl_divergence", facet="numerics", agrees_with=_relative_entropy)
def beliefs_as_small_as_the_dtype_holds(kl_divergence, draw):
    """小到 dtype 的极限的 Q"""
    tiny = torch.finfo(draw.dtype).smallest_normal
    p, q = _rows(draw, 3, 5), _rows(draw, 3, 5)
    q[:, 2] = 2 * tiny
    p[:, 2] = 8.0  # not normalised, so that p / q is beyond the largest number
    p[:, 4] = tiny
    q[:, 4] = 0.5
    return kl_divergence(p, q)


@case("kl_divergence", facet="numerics", dtypes=(torch.float32,), rtol=1e-2, atol=0.0)
def distributions_that_are_almost_equal(kl_divergence, draw):
    """几乎相同的两个分布"""
    # The divergence is about 1e-5 and an entropy of 1000 events about 6.9, in steps of 5e-7: their difference would be
    # off by several per cent, while the sum of (9.4) is off by one in a thousand.
    p = _rows(draw, 40, 1000, scale=0.1)
    q = p * (1 + 0.005 * draw.normal(40, 1000))
    return kl_divergence(p, q / q.sum(-1, keepdim=True))


@case("kl_divergence", facet="gradient", agrees_with=_relative_entropy)
def gradients_of_the_divergence(kl_divergence, draw):
    """散度的梯度"""
    return vjp(kl_divergence, _rows(draw, 3, 7), _rows(draw, 3, 7), cotangent=draw)


@case("kl_divergence", facet="gradient", weight=2)
def gradients_by_a_belief_in_the_impossible(kl_divergence, draw):
    """P 为 0 处对 Q 的梯度，Q 为 0 时亦然"""
    p, q = _rows(draw, 4, 5), _rows(draw, 4, 5)
    p[:, 1] = p[2] = 0
    p[2, 3] = 1
    q[1, 1] = q[2, 0] = 0
    return vjp(kl_divergence, p, q, cotangent=draw)[1]


@case("kl_divergence", facet="interface", agrees_with=_relative_entropy)
def distributions_that_are_not_contiguous(kl_divergence, draw):
    """不连续的输入"""
    return kl_divergence(draw.strided(_rows(draw, 3, 5)), draw.normal(5, 3).exp().mT)


@case("kl_divergence", facet="interface", raises=ValueError)
def the_events_must_be_the_same(kl_divergence, draw):
    """事件个数必须相同"""
    return kl_divergence(_rows(draw, 3, 5), _rows(draw, 3, 1))


@case("kl_divergence", facet="interface", raises=ValueError)
def a_negative_first_distribution_is_refused(kl_divergence, draw):
    """拒绝负的 P"""
    return kl_divergence(-_rows(draw, 3, 5), _rows(draw, 3, 5))


@case("kl_divergence", facet="interface", raises=ValueError)
def a_negative_second_distribution_is_refused(kl_divergence, draw):
    """拒绝负的 Q"""
    return kl_divergence(_rows(draw, 3, 5), -_rows(draw, 3, 5))


# kl_div_loss

ALL_REDUCTIONS = ("batchmean", "mean", "sum", "none")


def _kl_div(input, target, reduction="batchmean", log_target=False):
    """torch's own, with this exercise's default."""
    if reduction == "mean":  # torch warns of its own "mean"
        return F.kl_div(input, target, reduction="none", log_target=log_target).mean()
    return F.kl_div(input, target, reduction=reduction, log_target=log_target)


@case("kl_div_loss", agrees_with=_kl_div, weight=2)
def every_reduction_in_three_dimensions(kl_div_loss, draw):
    """三维输入的每一种 reduction"""
    log_q, p = _log_rows(draw, 3, 5, 7, dim=-1), _rows(draw, 3, 5, 7)
    return {how: kl_div_loss(log_q, p, how) for how in ALL_REDUCTIONS} | {"default": kl_div_loss(log_q, p)}


@case("kl_div_loss", agrees_with=_kl_div, weight=2)
def targets_in_logarithms(kl_div_loss, draw):
    """目标也取对数"""
    log_q, log_p = _log_rows(draw, 3, 5), _log_rows(draw, 3, 5)
    return [kl_div_loss(log_q, log_p, how, log_target=True) for how in ALL_REDUCTIONS]


@case("kl_div_loss", agrees_with=_kl_div)
def one_row_alone_is_divided_by_its_length(kl_div_loss, draw):
    """只有一维时，batchmean 除以它的长度"""
    return kl_div_loss(_log_rows(draw, 5, dim=0), _rows(draw, 5)), kl_div_loss(_log_rows(draw, 1, 5), _rows(draw, 1, 5))


@case("kl_div_loss", facet="numerics", weight=2)
def targets_of_exactly_zero(kl_div_loss, draw):
    """恰为 0 的目标，模型也为 0 时亦然"""
    # torch's own is NaN where both are 0: the formula decides
    p, log_q = _rows(draw, 4, 5), _log_rows(draw, 4, 5)
    p[:, 2] = 0
    log_q[1, 2] = -INF
    log_q[2, 0] = -INF
    ours = kl_div_loss(log_q, p, "none"), kl_div_loss(log_q, p.log(), "none", True)
    return *ours, kl_div_loss(log_q[:2], p[:2]), kl_div_loss(log_q[:2], p[:2].log(), log_target=True)


@case("kl_div_loss", facet="numerics", agrees_with=_kl_div)
def zeros_where_the_model_allows_them(kl_div_loss, draw):
    """目标为 0，模型不为 0"""
    p = _rows(draw, 4, 5)
    p[:, 2] = 0
    return kl_div_loss(_log_rows(draw, 4, 5), p, "none")


@case("kl_div_loss", facet="numerics", agrees_with=_kl_div)
def targets_that_underflow_outside_logarithms(kl_div_loss, draw):
    """取对数前会下溢的目标"""
    log_p = _log_rows(draw, 4, 5, scale=500)
    return kl_div_loss(_log_rows(draw, 4, 5, scale=500), log_p, "none", log_target=True)


@case("kl_div_loss", facet="numerics", agrees_with=_kl_div, **RELATIVE)
def logarithms_of_almost_certain_events(kl_div_loss, draw):
    """几乎必然的事件，其对数保持有效数字"""
    log_p = -draw.magnitudes(3, 5, low=1e-12, high=1e-9)
    return kl_div_loss(log_p * draw.uniform(3, 5, low=2, high=9), log_p, "none", log_target=True)


@case("kl_div_loss", facet="gradient", agrees_with=_kl_div)
def gradients_by_model_and_target(kl_div_loss, draw):
    """对模型与对目标的梯度"""
    log_q, log_p = _log_rows(draw, 3, 5), _log_rows(draw, 3, 5)
    return [
        vjp(kl_div_loss, log_q, log_p.exp(), cotangent=draw),
        vjp(kl_div_loss, log_q, log_p.exp(), cotangent=draw, reduction="none"),
        vjp(kl_div_loss, log_q, log_p, cotangent=draw, reduction="mean", log_target=True),
    ]


@case("kl_div_loss", facet="gradient")
def gradients_by_the_model_where_the_target_is_zero(kl_div_loss, draw):
    """目标为 0 处对模型的梯度"""
    p, log_q = _rows(draw, 4, 5), _log_rows(draw, 4, 5)
    p[:, 2] = 0
    log_q[1, 2] = -INF
    log_p = p.log()
    return vjp(kl_div_loss, log_q, p, cotangent=draw)[0], vjp(
        kl_div_loss, log_q, log_p, cotangent=draw, reduction="sum", log_target=True
    )[0]


@case("kl_div_loss", facet="interface", agrees_with=_kl_div)
def a_loss_of_views(kl_div_loss, draw):
    """不连续的输入"""
    return kl_div_loss(draw.strided(_log_rows(draw, 3, 5)), _rows(draw, 5, 3).mT)


@case("kl_div_loss", facet="interface", agrees_with=_kl_div)
def a_loss_of_no_rows(kl_div_loss, draw):
    """零行"""
    return kl_div_loss(draw.normal(0, 5), draw.uniform(0, 5), "sum"), kl_div_loss(
        draw.normal(0, 5), draw.uniform(0, 5), "none"
    )


@case("kl_div_loss", facet="interface", raises=ValueError)
def a_target_of_another_shape_is_refused(kl_div_loss, draw):
    """拒绝形状不同的目标"""
    return kl_div_loss(_log_rows(draw, 3, 5), _rows(draw, 5))


@case("kl_div_loss", facet="interface", raises=ValueError)
def an_unknown_reduction_of_the_divergence_is_refused(kl_div_loss, draw):
    """拒绝不认识的 reduction"""
    return kl_div_loss(_log_rows(draw, 3, 5), _rows(draw, 3, 5), "average")


# binary_cross_entropy


@case("binary_cross_entropy", agrees_with=F.binary_cross_entropy)
def answers_of_any_shape(binary_cross_entropy, draw):
    """任意形状"""
    shapes = [(), (7,), (1, 1), (2, 3, 5)]
    return [binary_cross_entropy(draw.uniform(*s, low=0.05, high=0.9), draw.uniform(*s)) for s in shapes]


@case("binary_cross_entropy", agrees_with=F.binary_cross_entropy)
def answers_between_yes_and_no(binary_cross_entropy, draw):
    """目标在“是”与“否”之间"""
    return binary_cross_entropy(draw.uniform(3, 7, low=0.01, high=0.99), draw.uniform(3, 7))


@case("binary_cross_entropy", facet="numerics", agrees_with=F.binary_cross_entropy, weight=2)
def each_logarithm_is_at_least_minus_a_hundred(binary_cross_entropy, draw):
    """每个对数至少是 −100"""
    p = draw.uniform(8, low=0.1, high=0.9)
    p[:4] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    p[4:6] = torch.finfo(draw.dtype).smallest_normal
    return binary_cross_entropy(p, draw.uniform(8, low=0.2, high=0.8))


@case("binary_cross_entropy", facet="numerics", agrees_with=F.binary_cross_entropy)
def certainty_that_is_right_costs_nothing(binary_cross_entropy, draw):
    """肯定且答对，代价为 0"""
    p = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=draw.dtype)
    return binary_cross_entropy(p, p), binary_cross_entropy(p, 1 - p)


@case("binary_cross_entropy", facet="numerics", agrees_with=F.binary_cross_entropy, **RELATIVE)
def small_probabilities_of_no_keep_their_digits(binary_cross_entropy, draw):
    """答案为“否”时，很小的概率保持有效数字"""
    return [binary_cross_entropy(p, torch.zeros_like(p)) for p in draw.magnitudes(5, 3, low=1e-12, high=1e-4)]


def _formula(p, y):
    """(9.5) itself: torch's own backward caps the gradient near 0 and 1."""
    return -torch.lerp(torch.log1p(-p), p.log(), y).mean()


@case("binary_cross_entropy", facet="gradient", agrees_with=F.binary_cross_entropy)
def gradients_by_the_probabilities(binary_cross_entropy, draw):
    """对概率的梯度"""
    return vjp(binary_cross_entropy, draw.uniform(3, 7, low=0.05, high=0.95), draw.uniform(3, 7), cotangent=draw)[0]


@case("binary_cross_entropy", facet="gradient", agrees_with=_formula)
def gradients_near_zero_are_those_of_the_formula(binary_cross_entropy, draw):
    """靠近 0 处的梯度由公式决定"""
    p = draw.magnitudes(7, low=1e-20, high=1e-14)
    return vjp(binary_cross_entropy, p, draw.uniform(7, low=0.2, high=0.8), cotangent=draw)[0]


@case("binary_cross_entropy", facet="gradient", expected=[True, True], weight=2)
def gradients_at_zero_and_one_are_finite(binary_cross_entropy, draw):
    """恰为 0 与 1 处的梯度是有限的"""
    p = draw.uniform(8, low=0.1, high=0.9)
    p[:4] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    y = draw.uniform(8)
    y[:4] = torch.tensor([0.0, 1.0, 1.0, 0.0])
    gradient = vjp(binary_cross_entropy, p, y, cotangent=draw)[0]
    return [bool(gradient.isfinite().all()), bool((gradient[4:] != 0).all())]


@case("binary_cross_entropy", facet="interface", agrees_with=F.binary_cross_entropy)
def answers_that_are_not_contiguous(binary_cross_entropy, draw):
    """不连续的输入"""
    return binary_cross_entropy(draw.strided(draw.uniform(3, 5, low=0.1, high=0.9)), draw.uniform(5, 3).mT)


@case("binary_cross_entropy", facet="interface", raises=ValueError)
def answers_of_another_shape_are_refused(binary_cross_entropy, draw):
    """拒绝形状不同的目标"""
    return binary_cross_entropy(draw.uniform(4, 1), draw.uniform(4))


@case("binary_cross_entropy", facet="interface", raises=ValueError)
def probabilities_above_one_are_refused(binary_cross_entropy, draw):
    """拒绝大于 1 的概率"""
    p = draw.uniform(4)
    p[2] = 1.2
    return binary_cross_entropy(p, draw.uniform(4))


@case("binary_cross_entropy", facet="interface", raises=ValueError)
def probabilities_below_zero_are_refused(binary_cross_entropy, draw):
    """拒绝小于 0 的概率"""
    p = draw.uniform(4)
    p[2] = -0.2
    return binary_cross_entropy(p, draw.uniform(4))


# binary_cross_entropy_with_logits

_bce = F.binary_cross_entropy_with_logits


@case("binary_cross_entropy_with_logits", agrees_with=_bce)
def logits_of_any_shape(bce, draw):
    """任意形状"""
    shapes = [(), (7,), (1, 1), (2, 3, 5)]
    return [bce(draw.normal(*shape, scale=2), draw.uniform(*shape)) for shape in shapes]


@case("binary_cross_entropy_with_logits", agrees_with=_bce, weight=2)
def the_weight_of_positive_answers_broadcasts(bce, draw):
    """正例的权重按广播规则作用"""
    x, y = draw.normal(4, 3, 5), draw.uniform(4, 3, 5)
    weights = [draw.uniform(*s, low=0.2, high=6) for s in [(), (1,), (5,), (3, 1), (4, 3, 5)]]
    return [bce(x, y, pos_weight=w) for w in weights]


@case("binary_cross_entropy_with_logits", facet="numerics", agrees_with=_bce, weight=2)
def logits_of_ten_thousand_on_either_side(bce, draw):
    """±10⁴ 的 logits"""
    x = torch.tensor([-1e4, 1e4, -300.0, 300.0, -20.0, 20.0], dtype=draw.dtype)
    y = draw.uniform(6, low=0.1, high=0.9)
    return [
        bce(x, y),
        bce(x, (x > 0).to(x.dtype)),
        bce(x, (x < 0).to(x.dtype)),
        bce(x, y, pos_weight=draw.uniform(6, high=4)),
    ]


def _by_logsigmoid(x, y):
    """σ's logarithm on either side: torch's own loss cancels for a confident right "no"."""
    return (-y * F.logsigmoid(x) - (1 - y) * F.logsigmoid(-x)).mean()


@case("binary_cross_entropy_with_logits", facet="numerics", agrees_with=_by_logsigmoid, weight=2, **RELATIVE)
def confident_right_answers_keep_their_digits(bce, draw):
    """肯定且答对时，很小的损失保持有效数字"""
    x = draw.uniform(6, low=20, high=60)
    y = torch.ones_like(x)
    return [bce(x[i], y[i]) for i in range(3)], [bce(-x[i], 1 - y[i]) for i in range(3, 6)]


@case("binary_cross_entropy_with_logits", facet="gradient", agrees_with=_bce)
def gradients_by_logits_and_targets(bce, draw):
    """对 logits 与目标的梯度"""
    return vjp(bce, draw.normal(3, 7), draw.uniform(3, 7), cotangent=draw)


@case("binary_cross_entropy_with_logits", facet="gradient", agrees_with=_bce)
def gradients_with_positive_weights(bce, draw):
    """有正例权重时的梯度"""
    weight = draw.uniform(3, low=0.2, high=6)
    return vjp(bce, draw.normal(4, 3), draw.uniform(4, 3), cotangent=draw, pos_weight=weight)


@case("binary_cross_entropy_with_logits", facet="gradient", agrees_with=_bce, weight=2)
def gradients_at_a_logit_of_exactly_zero(bce, draw):
    """logit 恰为 0 处的梯度"""
    x = draw.normal(3, 5)
    x[:, 1] = 0
    x[2] = 0
    return vjp(bce, x, draw.uniform(3, 5), cotangent=draw)[0]


@case("binary_cross_entropy_with_logits", facet="gradient", agrees_with=_bce, weight=2)
def gradients_at_plus_and_minus_a_thousand(bce, draw):
    """±1000 处的梯度"""
    x = torch.tensor([-1000.0, 1000.0, -1000.0, 1000.0, 0.3], dtype=draw.dtype)
    return vjp(bce, x, torch.tensor([0, 0, 1, 1, 0.5], dtype=draw.dtype), cotangent=draw)[0]


@case("binary_cross_entropy_with_logits", agrees_with=_bce, **ROUNDED)
def logits_in_bfloat16(bce, draw):
    """bfloat16 的 logits"""
    return bce(draw.normal(5, 7), draw.uniform(5, 7))


@case("binary_cross_entropy_with_logits", facet="interface", agrees_with=_bce)
def scores_that_are_not_contiguous(bce, draw):
    """不连续的输入"""
    return bce(draw.strided(draw.normal(3, 5)), draw.uniform(5, 3).mT)


@case("binary_cross_entropy_with_logits", facet="interface", raises=ValueError)
def a_column_of_logits_and_a_row_of_targets_are_refused(bce, draw):
    """拒绝一列 logits 配一行目标"""
    return bce(draw.normal(4, 1), draw.uniform(4))


# distillation_loss


def _distilled(student_logits, teacher_logits, temperature):
    """By torch's own kl_div, both sides in logarithms."""
    student, teacher = (F.log_softmax(z / temperature, 1) for z in (student_logits, teacher_logits))
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature * temperature


@case("distillation_loss", agrees_with=_distilled, weight=2)
def every_temperature_and_odd_sizes(distillation_loss, draw):
    """各种温度与奇数大小"""
    temperatures = (1, 0.5, 3.0, 10)
    losses = [distillation_loss(draw.normal(7, 5), draw.normal(7, 5), t) for t in temperatures]
    return [*losses, distillation_loss(draw.normal(1, 3), draw.normal(1, 3), 2.0)]


@case("distillation_loss", agrees_with=_distilled)
def teacher_and_student_do_not_change_places(distillation_loss, draw):
    """教师与学生不能互换"""
    a, b = draw.normal(5, 4, scale=3), draw.normal(5, 4)
    return distillation_loss(a, b, 1.5), distillation_loss(b, a, 1.5)


@case("distillation_loss", facet="numerics", agrees_with=_distilled, weight=2)
def teachers_and_students_of_ten_thousand(distillation_loss, draw):
    """大小为 10⁴ 的 logits"""
    return distillation_loss(draw.normal(5, 4, scale=1e4), draw.normal(5, 4, scale=1e4), 2.0)


@case("distillation_loss", facet="numerics")
def classes_that_both_rule_out(distillation_loss, draw):
    """双方都排除的类别"""
    # torch's own is NaN there: the formula decides
    student, teacher = draw.normals(2, shape=(5, 4))
    student[:, 1] = teacher[:, 1] = -INF
    return distillation_loss(student, teacher, 2.0)


@case("distillation_loss", facet="gradient", agrees_with=_distilled)
def gradients_by_the_student(distillation_loss, draw):
    """对学生的梯度"""
    return vjp(distillation_loss, draw.normal(7, 5), draw.normal(7, 5), cotangent=draw, temperature=3.0)[0]


@case("distillation_loss", facet="gradient", agrees_with=_distilled)
def gradients_by_a_student_who_is_far_off(distillation_loss, draw):
    """学生差得很远时的梯度"""
    student, teacher = draw.normals(2, shape=(7, 5))
    return vjp(distillation_loss, 5000 * student, 5000 * teacher, cotangent=draw, temperature=2.0)[0]


@case("distillation_loss", facet="interface", agrees_with=_distilled)
def lessons_that_are_not_contiguous(distillation_loss, draw):
    """不连续的输入"""
    return distillation_loss(draw.strided(draw.normal(3, 5)), draw.normal(5, 3).mT, 2.0)


@case("distillation_loss", facet="interface", raises=ValueError)
def a_teacher_of_another_shape_is_refused(distillation_loss, draw):
    """拒绝形状不同的教师"""
    return distillation_loss(draw.normal(3, 5), draw.normal(1, 5), 2.0)


@case("distillation_loss", facet="interface", raises=ValueError)
def a_temperature_of_zero_is_refused(distillation_loss, draw):
    """拒绝温度 0"""
    return distillation_loss(draw.normal(3, 5), draw.normal(3, 5), 0.0)


@case("distillation_loss", facet="interface", raises=ValueError)
def a_negative_temperature_is_refused(distillation_loss, draw):
    """拒绝负的温度"""
    return distillation_loss(draw.normal(3, 5), draw.normal(3, 5), -1.0)


# train_classifier


def _with_autograd_and_sgd(x, y, num_classes, steps, lr):
    """The same descent by autograd and torch's SGD."""
    parameters = [torch.zeros(num_classes, x.shape[1], dtype=x.dtype), torch.zeros(num_classes, dtype=x.dtype)]
    optimizer = torch.optim.SGD([p.requires_grad_() for p in parameters], lr=lr)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(F.linear(x, *parameters), y).backward()
            optimizer.step()
    return tuple(p.detach() for p in parameters)


@case("train_classifier", agrees_with=_with_autograd_and_sgd, weight=2)
def descents_of_every_length(train_classifier, draw):
    """各种步数"""
    x, y = draw.normal(9, 4), draw.integers(0, 3, 9)
    return [train_classifier(x, y, 3, steps, 0.3) for steps in (0, 1, 2, 7, 40)]


@case("train_classifier", agrees_with=_with_autograd_and_sgd)
def learning_rates_large_and_small(train_classifier, draw):
    """大大小小的学习率"""
    x, y = draw.normal(9, 4), draw.integers(0, 3, 9)
    return [train_classifier(x, y, num_classes=3, steps=10, lr=lr) for lr in (1e-3, 0.1, 2.0)]


@case("train_classifier", agrees_with=_with_autograd_and_sgd)
def classes_without_an_example(train_classifier, draw):
    """有的类别没有样本"""
    return train_classifier(draw.normal(5, 2), torch.tensor([0, 3, 3, 0, 0]), 6, 8, 0.5)


@case("train_classifier", agrees_with=_with_autograd_and_sgd)
def one_example_and_one_feature(train_classifier, draw):
    """一个样本、一个特征"""
    return train_classifier(draw.normal(1, 3), draw.integers(0, 2, 1), 2, 5, 0.5), train_classifier(
        draw.normal(6, 1), draw.integers(0, 4, 6), 4, 5, 0.5
    )


# the weights are about 1e3, sums of terms of either sign that may cancel in any one of them
@case("train_classifier", facet="numerics", agrees_with=_with_autograd_and_sgd, rtol=1e-5, atol=1e-2)
def features_so_large_that_softmax_saturates(train_classifier, draw):
    """特征大到使 softmax 饱和"""
    return train_classifier(1e4 * draw.normal(9, 3), draw.integers(0, 3, 9), 3, 2, 0.5)


@case("train_classifier", facet="interface", agrees_with=_with_autograd_and_sgd)
def features_that_are_not_contiguous(train_classifier, draw):
    """不连续的输入"""
    y = draw.integers(0, 3, 7, 2)[:, 1]
    return train_classifier(draw.strided(draw.normal(7, 4)), y, 3, 5, 0.5), train_classifier(
        draw.normal(4, 7).mT, y, 3, 5, 0.5
    )


@case("train_classifier", facet="interface", raises=ValueError)
def a_label_that_is_no_class_is_refused(train_classifier, draw):
    """拒绝不是类别的标签"""
    return train_classifier(draw.normal(3, 4), torch.tensor([0, 3, 1]), 3, 5, 0.5)


@case("train_classifier", facet="interface", raises=ValueError)
def fewer_labels_than_examples_are_refused(train_classifier, draw):
    """拒绝标签比样本少"""
    return train_classifier(draw.normal(6, 4), draw.integers(0, 3, 1), 3, 5, 0.5)
