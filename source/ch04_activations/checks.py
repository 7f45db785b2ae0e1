"""The visible checks of chapter 4: what a student sees on pressing check. Draws are fixed and public."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case
from autograder.operations import vjp

RULES = {
    "relu": Rules(forbids=("*relu*", "threshold", "hardtanh")),
    "sigmoid": Rules(forbids=("*sigmoid*", "*expit", "silu", "glu")),
    "tanh": Rules(forbids=("tanh", "hardtanh", "tanhshrink")),
    "silu": Rules(forbids=("silu", "glu")),
    "gelu": Rules(forbids=("*gelu*",)),
    "softmax": Rules(forbids=("*softmax*", "softmin", "*logsumexp", "logcumsumexp")),
    "logsumexp": Rules(forbids=("*softmax*", "softmin", "*logsumexp", "logcumsumexp")),
    "log_softmax": Rules(forbids=("*softmax*", "softmin", "*logsumexp", "logcumsumexp")),
    "softmax_backward": Rules(forbids=("*softmax*", "softmin", "*logsumexp", "logcumsumexp")),
}


@case("relu", agrees_with=torch.relu)
def negative_numbers_become_zero(relu, draw):
    """负数变为 0"""
    return relu(draw.normal(3, 5))


@case("relu", facet="gradient", agrees_with=torch.relu)
def the_gradient_is_one_or_zero(relu, draw):
    """梯度是 1 或 0"""
    return vjp(relu, draw.normal(3, 5), cotangent=draw)


@case("sigmoid", agrees_with=torch.sigmoid)
def numbers_become_probabilities(sigmoid, draw):
    """数变成概率"""
    return sigmoid(draw.normal(3, 5, scale=3))


@case("sigmoid", facet="gradient", agrees_with=torch.sigmoid)
def the_gradient_is_sigma_times_one_minus_sigma(sigmoid, draw):
    """梯度是 σ(1 − σ)"""
    return vjp(sigmoid, draw.normal(3, 5, scale=3), cotangent=draw)


@case("tanh", agrees_with=torch.tanh)
def numbers_are_squashed_and_keep_their_sign(tanh, draw):
    """压到 (−1, 1)，保持符号"""
    return tanh(draw.normal(3, 5, scale=3))


@case("tanh", facet="gradient", agrees_with=torch.tanh)
def the_gradient_is_one_minus_tanh_squared(tanh, draw):
    """梯度是 1 − tanh²"""
    return vjp(tanh, draw.normal(3, 5), cotangent=draw)


@case("silu", agrees_with=F.silu)
def numbers_pass_in_proportion_to_their_sigmoid(silu, draw):
    """每个数按自己的 sigmoid 通过"""
    return silu(draw.normal(3, 5, scale=3))


@case("gelu", agrees_with=F.gelu)
def the_exact_form_is_the_default(gelu, draw):
    """默认是精确形式"""
    return gelu(draw.normal(3, 5))


@case("gelu", agrees_with=F.gelu)
def the_tanh_form_is_another_function(gelu, draw):
    """tanh 形式是另一个函数"""
    return gelu(draw.normal(3, 5), approximate="tanh")


@case("softmax", agrees_with=torch.softmax)
def each_row_becomes_probabilities(softmax, draw):
    """每一行变成概率"""
    return softmax(draw.normal(3, 5), dim=-1)


@case("softmax", agrees_with=torch.softmax)
def the_dimension_is_the_one_asked_for(softmax, draw):
    """沿指定的维度归一化"""
    return softmax(draw.normal(4, 3), dim=0)


@case("logsumexp", agrees_with=torch.logsumexp)
def each_row_is_summed_in_log_space(logsumexp, draw):
    """在对数空间里对每一行求和"""
    return logsumexp(draw.normal(3, 5), dim=-1)


@case("logsumexp", agrees_with=torch.logsumexp)
def two_dimensions_at_once(logsumexp, draw):
    """同时沿两个维度"""
    return logsumexp(draw.normal(2, 3, 4), dim=(0, 2))


@case("log_softmax", agrees_with=torch.log_softmax)
def each_row_becomes_log_probabilities(log_softmax, draw):
    """每一行变成对数概率"""
    return log_softmax(draw.normal(3, 5), dim=-1)


@case("log_softmax", facet="numerics", agrees_with=torch.log_softmax)
def a_probability_that_underflows_has_a_finite_logarithm(log_softmax, draw):
    """下溢的概率，其对数仍是有限的"""
    logits = draw.normal(3, 5)
    logits[:, 2] += 1e3
    return log_softmax(logits, dim=-1)


def _through_autograd(grad_output, output, dim):
    """Jᵀg by differentiating torch.softmax at logits that give `output`."""
    logits = output.log().requires_grad_()
    return torch.autograd.grad(torch.softmax(logits, dim), logits, grad_output)[0]


@case("softmax_backward", agrees_with=_through_autograd)
def a_gradient_goes_back_through_each_row(softmax_backward, draw):
    """梯度逐行传回去"""
    output = torch.softmax(draw.normal(3, 5), dim=-1)
    return softmax_backward(draw.normal(3, 5), output, dim=-1)


@case("softmax_backward", agrees_with=_through_autograd)
def a_gradient_goes_back_through_each_column(softmax_backward, draw):
    """梯度逐列传回去"""
    output = torch.softmax(draw.normal(4, 3), dim=0)
    return softmax_backward(draw.normal(4, 3), output, dim=0)
