"""What students get wrong in chapter 4, and the hint that each mistake deserves."""

import torch

from autograder.cases import edited, wrong


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


cuts_the_gradient_of_the_normaliser = edited(
    "softmax",
    {"exponentials.sum(dim, keepdim=True)": "exponentials.sum(dim, keepdim=True).detach()"},
    """The value is right and the gradient is not: the denominator depends on x as well.

    值是对的，梯度不对：分母也依赖 x。
    """,
)
