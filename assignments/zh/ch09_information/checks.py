"""The visible checks of chapter 9: what a student sees on pressing check. Draws are fixed and public."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case
from autograder.operations import vjp

_DIVERGENCE = ("kl_div*", "KLDiv*", "rel_entr")
_LIKELIHOOD = ("*cross_entropy*", "*CrossEntropy*", "nll_loss*", "NLLLoss*", "*Categorical")
_BINARY = ("*cross_entropy*", "BCE*", "*margin_loss", "*MarginLoss", "Bernoulli", "kl_div*")
_AUTOGRAD = ("grad", "grad_and_value", "backward", "*vjp", "jac*", "jvp", "enable_grad")

RULES = {
    "entropy": Rules(forbids=("*entropy*", "*CrossEntropy*", "entr", "*Categorical", *_DIVERGENCE)),
    "cross_entropy_of": Rules(forbids=("*entropy*", "*CrossEntropy*", "entr", *_DIVERGENCE)),
    "nll_loss": Rules(forbids=_LIKELIHOOD),
    "cross_entropy": Rules(forbids=_LIKELIHOOD),
    "cross_entropy_backward": Rules(forbids=(*_LIKELIHOOD, *_AUTOGRAD)),
    "kl_divergence": Rules(forbids=("*entropy*", "*CrossEntropy*", *_DIVERGENCE)),
    "kl_div_loss": Rules(forbids=("*entropy*", "*CrossEntropy*", *_DIVERGENCE)),
    "binary_cross_entropy": Rules(forbids=_BINARY),
    "binary_cross_entropy_with_logits": Rules(forbids=(*_BINARY, "*logsigmoid*", "log_sigmoid*", "softplus")),
    "distillation_loss": Rules(forbids=("*entropy*", "*CrossEntropy*", *_DIVERGENCE)),
    "train_classifier": Rules(forbids=(*_LIKELIHOOD, *_AUTOGRAD, "SGD", "optim", "LogisticRegression")),
}


def _entr(p):
    """torch's own −p log p, summed."""
    return torch.special.entr(p).sum(-1)


@case("entropy", agrees_with=_entr)
def the_average_surprise_of_each_row(entropy, draw):
    """每一行的平均惊讶程度"""
    return entropy(torch.softmax(draw.normal(3, 5), dim=-1))


@case("entropy", facet="numerics", agrees_with=_entr)
def an_event_of_probability_zero_adds_nothing(entropy, draw):
    """概率为 0 的事件不贡献熵"""
    p = torch.softmax(draw.normal(3, 5), dim=-1)
    p[:, 2] = 0
    return entropy(p)


def _expected_surprise(p, q):
    """−Σ P log Q as a product of matrices."""
    return torch.einsum("...i,...i->...", p, -torch.log(q))


@case("cross_entropy_of", agrees_with=_expected_surprise)
def events_follow_p_and_are_scored_by_q(cross_entropy_of, draw):
    """事件服从 P，按 Q 计分"""
    return cross_entropy_of(torch.softmax(draw.normal(3, 5), -1), torch.softmax(draw.normal(3, 5), -1))


@case("cross_entropy_of", agrees_with=lambda p, q: _entr(p) + F.kl_div(q.log(), p, reduction="none").sum(-1))
def it_is_the_entropy_plus_the_divergence(cross_entropy_of, draw):
    """等于熵加上 KL 散度 (9.2)"""
    p = torch.softmax(draw.normal(3, 5, scale=2), -1)
    return cross_entropy_of(p, torch.softmax(draw.normal(3, 5), -1)), cross_entropy_of(p, p)


@case("nll_loss", agrees_with=F.nll_loss)
def the_mean_over_the_right_classes(nll_loss, draw):
    """正确类别的平均值"""
    return nll_loss(torch.log_softmax(draw.normal(6, 4), 1), draw.integers(0, 4, 6))


@case("nll_loss", agrees_with=F.nll_loss)
def every_class_has_its_weight(nll_loss, draw):
    """每个类别有自己的权重"""
    log_probs, target = torch.log_softmax(draw.normal(6, 4), 1), draw.integers(0, 4, 6)
    weight = draw.uniform(4, low=0.2, high=3)
    return [nll_loss(log_probs, target, weight, reduction=how) for how in ("none", "sum", "mean")]


@case("nll_loss", agrees_with=F.nll_loss)
def ignored_targets_take_no_part(nll_loss, draw):
    """被忽略的目标不参与计算"""
    target = draw.integers(0, 4, 6)
    target[[1, 4]] = -100
    return nll_loss(torch.log_softmax(draw.normal(6, 4), 1), target)


@case("cross_entropy", agrees_with=F.cross_entropy)
def the_mean_over_a_batch_of_logits(cross_entropy, draw):
    """一批 logits 的平均值"""
    return cross_entropy(draw.normal(6, 4), draw.integers(0, 4, 6))


@case("cross_entropy", agrees_with=F.cross_entropy)
def a_part_of_the_target_is_shared_by_all_classes(cross_entropy, draw):
    """标签平滑：一部分目标由所有类别分享"""
    return cross_entropy(draw.normal(6, 4), draw.integers(0, 4, 6), label_smoothing=0.1)


@case("cross_entropy", facet="numerics", agrees_with=F.cross_entropy)
def logits_of_ten_thousand_give_finite_losses(cross_entropy, draw):
    """10⁴ 大小的 logits，损失仍是有限的"""
    return cross_entropy(draw.normal(6, 4, scale=1e4), draw.integers(0, 4, 6), reduction="none")


def _through_autograd(input, target):
    """∂L/∂x by differentiating torch's own loss."""
    logits = input if input.requires_grad else input.detach().requires_grad_()
    with torch.enable_grad():
        loss = F.cross_entropy(logits, target)
        return torch.autograd.grad(loss, logits, create_graph=True)[0]


@case("cross_entropy_backward", agrees_with=_through_autograd)
def the_gradient_of_the_mean_loss(cross_entropy_backward, draw):
    """平均损失的梯度"""
    return cross_entropy_backward(draw.normal(6, 4), draw.integers(0, 4, 6))


@case("cross_entropy_backward", facet="numerics", agrees_with=_through_autograd)
def the_gradient_at_logits_of_ten_thousand(cross_entropy_backward, draw):
    """10⁴ 大小的 logits 处的梯度"""
    return cross_entropy_backward(draw.normal(6, 4, scale=1e4), draw.integers(0, 4, 6))


def _by_distributions(p, q):
    """torch.distributions' own divergence."""
    first, second = (torch.distributions.Categorical(probs=x, validate_args=False) for x in (p, q))
    return torch.distributions.kl_divergence(first, second)


@case("kl_divergence", agrees_with=_by_distributions)
def the_cost_of_believing_q(kl_divergence, draw):
    """相信 Q 的代价"""
    return kl_divergence(torch.softmax(draw.normal(3, 5), -1), torch.softmax(draw.normal(3, 5), -1))


@case("kl_divergence", agrees_with=_by_distributions)
def the_two_directions_differ(kl_divergence, draw):
    """两个方向并不相等"""
    p, q = torch.softmax(draw.normal(2, 5, scale=2), -1)
    return kl_divergence(p, q), kl_divergence(q, p)


def _kl_div(input, target, reduction="batchmean", log_target=False):
    """torch's own, with this exercise's default."""
    if reduction == "mean":  # torch warns of its own "mean"
        return F.kl_div(input, target, reduction="none", log_target=log_target).mean()
    return F.kl_div(input, target, reduction=reduction, log_target=log_target)


@case("kl_div_loss", agrees_with=_kl_div)
def the_model_comes_first_and_in_logarithms(kl_div_loss, draw):
    """模型在前，并且取了对数"""
    return kl_div_loss(torch.log_softmax(draw.normal(3, 5), -1), torch.softmax(draw.normal(3, 5), -1))


@case("kl_div_loss", agrees_with=_kl_div)
def each_reduction_divides_by_something_else(kl_div_loss, draw):
    """各种 reduction 的除数不同"""
    log_q, p = torch.log_softmax(draw.normal(3, 5), -1), torch.softmax(draw.normal(3, 5), -1)
    return {how: kl_div_loss(log_q, p, reduction=how) for how in ("batchmean", "mean", "sum")}


@case("binary_cross_entropy", agrees_with=F.binary_cross_entropy)
def yes_and_no_are_both_scored(binary_cross_entropy, draw):
    """“是”与“否”都计分"""
    return binary_cross_entropy(torch.sigmoid(draw.normal(3, 5)), draw.mask(3, 5).to(draw.dtype))


@case("binary_cross_entropy", facet="numerics", agrees_with=F.binary_cross_entropy)
def certainty_that_is_wrong_costs_a_hundred(binary_cross_entropy, draw):
    """肯定却答错，代价是 100"""
    p = draw.uniform(6, low=0.1, high=0.9)
    p[:4] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    return binary_cross_entropy(p, torch.tensor([0, 1, 1, 0, 1, 0], dtype=draw.dtype))


@case("binary_cross_entropy_with_logits", agrees_with=F.binary_cross_entropy_with_logits)
def logits_are_scored_without_a_sigmoid(bce, draw):
    """直接给 logits 计分"""
    return bce(draw.normal(3, 5, scale=2), draw.uniform(3, 5))


@case("binary_cross_entropy_with_logits", agrees_with=F.binary_cross_entropy_with_logits)
def positive_answers_can_count_more(bce, draw):
    """正例可以有更大的权重"""
    return bce(draw.normal(4, 3), draw.mask(4, 3).to(draw.dtype), pos_weight=draw.uniform(3, low=0.5, high=5))


def _distilled(student_logits, teacher_logits, temperature):
    """By torch's own kl_div of the softened distributions."""
    softened = F.log_softmax(student_logits / temperature, -1)
    loss = F.kl_div(softened, F.softmax(teacher_logits / temperature, -1), reduction="batchmean")
    return loss * temperature * temperature


@case("distillation_loss", agrees_with=_distilled)
def the_student_is_compared_with_its_teacher(distillation_loss, draw):
    """学生与教师相比"""
    return distillation_loss(draw.normal(6, 5), draw.normal(6, 5), 2.0)


@case("distillation_loss", facet="gradient", agrees_with=_distilled)
def the_gradient_does_not_fade_at_high_temperature(distillation_loss, draw):
    """温度再高，梯度也不会消失"""
    student, teacher = draw.normals(2, shape=(6, 5))
    return [vjp(distillation_loss, student, teacher, cotangent=draw, temperature=t)[0] for t in (1.0, 4.0, 20.0)]


def _with_autograd_and_sgd(x, y, num_classes, steps, lr):
    """The same descent by torch: a linear layer of zeros, autograd, SGD."""
    model = torch.nn.Linear(x.shape[1], num_classes, dtype=x.dtype)
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model.weight.detach(), model.bias.detach()


@case("train_classifier", agrees_with=_with_autograd_and_sgd)
def the_first_step(train_classifier, draw):
    """第一步"""
    return train_classifier(draw.normal(7, 4), draw.integers(0, 3, 7), num_classes=3, steps=1, lr=0.5)


@case("train_classifier", agrees_with=_with_autograd_and_sgd)
def twenty_steps_of_the_same_loop_in_torch(train_classifier, draw):
    """与 torch 的同一个循环走二十步"""
    return train_classifier(draw.normal(7, 4), draw.integers(0, 3, 7), num_classes=3, steps=20, lr=0.5)
