"""The hidden cases of chapter 4."""

import torch

from autograder.cases import case
from autograder.operations import vjp


@case("softmax", agrees_with=torch.softmax)
def three_dimensions_and_a_middle_dim(softmax, draw):
    """三维张量，沿中间的维度"""
    return softmax(draw.normal(2, 7, 3), dim=1)


@case("softmax", facet="numerics", agrees_with=torch.softmax)
def logits_of_ten_thousand(softmax, draw):
    """大小为 10⁴ 的 logits"""
    return softmax(draw.normal(3, 6, scale=1e4), dim=-1)


@case("softmax", facet="numerics", agrees_with=torch.softmax)
def an_impossible_class_has_probability_zero(softmax, draw):
    """−inf 的类别概率为 0"""
    x = draw.normal(3, 6)
    x[:, 2] = -torch.inf
    return softmax(x, dim=-1)


@case("softmax", facet="gradient", agrees_with=torch.softmax)
def gradients_flow_through_the_normaliser(softmax, draw):
    """梯度也流过分母"""
    return vjp(softmax, draw.normal(3, 5), cotangent=draw, dim=-1)


@case("softmax", facet="interface", agrees_with=torch.softmax)
def a_view_that_is_not_contiguous(softmax, draw):
    """不连续的视图"""
    return softmax(draw.strided(draw.normal(3, 5)), dim=0)
