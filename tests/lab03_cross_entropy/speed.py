"""On what lab 3 is timed where there is a GPU."""

import torch
import torch.nn.functional as F

from autograder.workloads import workload

VOCABULARY = 128256


def _losses(logits, labels):
    """As training codes call it, in float32; lse comes from the loss and costs no pass over the logits."""
    losses = F.cross_entropy(logits.float(), labels, reduction="none")
    return losses, losses + logits.gather(1, labels[:, None])[:, 0].float()


def _losses_step_by_step(logits, labels):
    wide = logits.float()
    largest = wide.amax(dim=1, keepdim=True)
    lse = (torch.exp(wide - largest).sum(dim=1, keepdim=True).log() + largest)[:, 0]
    return lse - wide.gather(1, labels[:, None])[:, 0], lse


def _gradient(grad_losses, logits, labels, lse):
    """Forward and backward: torch's backward starts from log-probabilities, which only its forward makes."""
    logits = logits.detach().requires_grad_()
    with torch.enable_grad():
        losses = F.cross_entropy(logits.float(), labels, reduction="none")
    return torch.autograd.grad(losses, logits, grad_losses)[0]


def _gradient_step_by_step(grad_losses, logits, labels, lse):
    share = torch.log_softmax(logits.float(), dim=1).exp()
    one_hot = torch.zeros_like(share).scatter_(1, labels[:, None], 1.0)
    return ((share - one_hot) * grad_losses[:, None]).to(logits.dtype)


@workload(
    "fused_cross_entropy",
    builtin=_losses,
    naive=_losses_step_by_step,
    sizes=(256, 1024, 2048),
    dtype=torch.bfloat16,
    bytes_moved=lambda logits, labels: logits.nbytes,
)
def tokens_of_a_language_model(draw, tokens):
    """语言模型的若干 token，词表 128256"""
    return draw.normal(tokens, VOCABULARY, scale=2), draw.integers(0, VOCABULARY, tokens)


# both round once to bfloat16, and may fall on two sides of the middle between two numbers
@workload(
    "fused_cross_entropy_backward",
    builtin=_gradient,
    naive=_gradient_step_by_step,
    sizes=(256, 512, 1024),
    dtype=torch.bfloat16,
    bytes_moved=lambda grad_losses, logits, labels, lse: 2 * logits.nbytes,
    rtol=2**-7,
    atol=1e-9,
)
def gradients_for_a_language_model(draw, tokens):
    """语言模型的若干 token 的梯度，词表 128256"""
    logits, labels = draw.normal(tokens, VOCABULARY, scale=2), draw.integers(0, VOCABULARY, tokens)
    return draw.normal(tokens).float(), logits, labels, torch.logsumexp(logits.float(), dim=1)
