"""Right answers to chapter 4 that look nothing like the reference; the tests must accept them."""

import torch

from autograder.cases import right


@right("softmax")
def by_the_logarithm(x, dim):
    """Through log-probabilities, with the maximum left in the graph."""
    m = x.max(dim, keepdim=True).values
    return torch.exp(x - m - torch.log(torch.exp(x - m).sum(dim, keepdim=True)))
