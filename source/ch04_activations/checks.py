"""The visible checks of chapter 4: what a student sees on pressing check. Draws are fixed and public."""

import torch

from autograder.cases import Rules, case

RULES = {
    "softmax": Rules(forbids=("softmax", "log_softmax", "logsumexp", "softmin", "gumbel_softmax")),
}


@case("softmax", agrees_with=torch.softmax)
def each_row_becomes_probabilities(softmax, draw):
    """每一行变成概率"""
    return softmax(draw.normal(3, 5), dim=-1)


@case("softmax", agrees_with=torch.softmax)
def the_dimension_is_the_one_asked_for(softmax, draw):
    """沿指定的维度归一化"""
    return softmax(draw.normal(4, 3), dim=0)
