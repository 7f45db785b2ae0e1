"""What a driver may do with an answer, checked against torch's own."""

import pytest
import torch

from autograder.draws import Draw
from autograder.operations import (
    descent,
    gradients_after_zero_grad,
    largest_tensor,
    second_vjp,
    shares_memory,
    trajectory,
    vjp,
)


def test_vjp_is_the_gradient_for_a_random_cotangent():
    a, b = torch.randn(3, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    grad_a, grad_b = vjp(torch.mul, a, b, cotangent=7)
    v = torch.randn(3, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    torch.testing.assert_close(grad_a, v * b)
    torch.testing.assert_close(grad_b, v * a)


def test_vjp_of_softmax_is_not_zero_as_the_gradient_of_its_sum_is():
    (grad,) = vjp(torch.softmax, torch.randn(4, dtype=torch.float64), cotangent=Draw(1), dim=0)
    assert grad.abs().max() > 1e-3


def test_vjp_says_when_the_graph_was_cut():
    with pytest.raises(RuntimeError, match="does not depend on the inputs for autograd"):
        vjp(lambda x: x.detach() * 2, torch.ones(2), cotangent=1)


def test_an_input_that_is_not_used_has_no_gradient():
    assert vjp(lambda a, b: 2 * a, torch.ones(2), torch.ones(2), cotangent=1)[1] is None


def test_second_vjp_differentiates_twice():
    (grad,) = second_vjp(lambda x: x**3, torch.tensor([2.0], dtype=torch.float64), cotangent=3)
    assert grad.shape == (1,)
    with pytest.raises(RuntimeError):
        second_vjp(lambda x: 3 * x, torch.ones(2, dtype=torch.float64), cotangent=3)


def test_a_view_shares_memory_and_a_copy_does_not():
    x = torch.randn(3, 4)
    assert shares_memory(lambda t: t.mT, x)
    assert not shares_memory(lambda t: t.mT.contiguous(), x)


def test_the_largest_tensor_counts_what_is_made_on_the_way():
    x = torch.randn(10, 3)
    assert largest_tensor(lambda t: (t @ t.mT).sum(), x) == 100
    assert largest_tensor(lambda t: t.sum(), x) < 100


def test_a_trajectory_is_the_parameters_after_every_step():
    path = trajectory(torch.optim.SGD, [torch.ones(2)], [[torch.ones(2)], [None], [torch.ones(2)]], lr=0.1)
    assert [round(float(p[0][0]), 4) for p in path] == [0.9, 0.9, 0.8]


def test_groups_have_options_of_their_own():
    ones = [torch.ones(1), torch.ones(1)]
    path = trajectory(torch.optim.SGD, ones, [[torch.ones(1)] * 2], groups=[{"lr": 0.5}, {}], lr=0.1)
    assert [round(float(p), 4) for p in path[0]] == [0.5, 0.9]


def test_descent_is_the_usual_loop():
    path = descent(torch.optim.SGD, lambda x: (x * x).sum(), [torch.ones(1)], steps=2, lr=0.25)
    assert [float(p[0]) for p in path] == [0.5, 0.25]


def test_zero_grad_sets_none():
    assert gradients_after_zero_grad(torch.optim.SGD, [torch.ones(2)], lr=1.0) == [None]
