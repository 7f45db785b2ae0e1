"""What a student sees of lab 3."""

import torch
import torch.nn.functional as F

from autograder.cases import Rules, case

ALIASES = ("*cross_entropy*", "*CrossEntropy*", "nll_loss*", "NLLLoss*", "*log_softmax*", "LogSoftmax", "*logsumexp*")
RULES = {
    "fused_cross_entropy": Rules(forbids=ALIASES),
    "fused_cross_entropy_backward": Rules(forbids=(*ALIASES, "softmax", "softmax_backward*", "grad", "backward")),
}


def _cross_entropy(logits, labels, ignore_index=-100):
    wide, ignored = logits.double(), labels == ignore_index
    losses = F.cross_entropy(wide, labels, ignore_index=ignore_index, reduction="none")
    return losses.float(), torch.logsumexp(wide, dim=1).masked_fill(ignored, 0).float()


def _gradient(grad_losses, logits, labels, lse, ignore_index=-100):
    wide = logits.double().requires_grad_()
    losses = F.cross_entropy(wide, labels, ignore_index=ignore_index, reduction="none")
    return torch.autograd.grad(losses, wide, grad_losses.double())[0].to(logits.dtype)


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32])
def a_few_rows_within_a_block(fused_cross_entropy, draw):
    """不超过一个块的几行"""
    return fused_cross_entropy(draw.normal(4, 21, loc=-3), draw.integers(0, 21, 4))


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32])
def rows_of_more_than_two_blocks(fused_cross_entropy, draw):
    """比两个块还长的行"""
    return fused_cross_entropy(draw.normal(3, 10000), draw.integers(0, 10000, 3))


@case("fused_cross_entropy", agrees_with=_cross_entropy, dtypes=[torch.float32])
def an_ignored_label(fused_cross_entropy, draw):
    """被忽略的标签"""
    return fused_cross_entropy(draw.normal(3, 11), torch.tensor([5, -100, 10]))


# a probability among 5000 is about 2e-4, and the default atol would let a twentieth of it pass
@case("fused_cross_entropy_backward", agrees_with=_gradient, dtypes=[torch.float32], rtol=1e-5, atol=1e-9)
def the_gradient_of_every_logit(fused_cross_entropy_backward, draw):
    """每个 logit 的梯度"""
    logits = draw.normal(3, 5000)
    return fused_cross_entropy_backward(draw.normal(3), logits, draw.integers(0, 5000, 3), torch.logsumexp(logits, 1))


@case("fused_cross_entropy_backward", agrees_with=_gradient, dtypes=[torch.float32], rtol=1e-5, atol=1e-9)
def an_ignored_label_has_no_gradient(fused_cross_entropy_backward, draw):
    """被忽略的标签没有梯度"""
    logits = draw.normal(3, 12)
    labels = torch.tensor([11, -100, 0])
    return fused_cross_entropy_backward(draw.normal(3), logits, labels, torch.logsumexp(logits, 1))
