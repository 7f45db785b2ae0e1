"""Mutants are many, are Python, and mean something else; stock mutants are cheap and wrong."""

import ast

import torch

from autograder.mutants import stock_mutants, syntactic_mutants

SOURCE = '''def softmax(x: Float[Tensor, "n"], dim: int):
    """The docstring stays."""
    if dim > x.dim():
        raise IndexError("message " + "stays")
    shifted = x - x.amax(dim, keepdim=True)
    exponentials = torch.exp(shifted)
    return exponentials / exponentials.sum(dim, keepdim=True)
'''


def test_mutants_are_distinct_programs():
    mutants = syntactic_mutants(SOURCE)
    assert len({m.source for m in mutants}) == len(mutants) > 15
    for mutant in mutants:
        assert ast.dump(ast.parse(mutant.source)) != ast.dump(ast.parse(SOURCE))
        assert "The docstring stays." in mutant.source
        assert '"message " + "stays"' in mutant.source or "raise" not in mutant.source


def test_operators_constants_comparisons_and_statements_change():
    changes = {m.becomes for m in syntactic_mutants(SOURCE)}
    assert "shifted = x + x.amax(dim, keepdim=True)" in changes
    assert "shifted = x - x.amax(dim, keepdim=False)" in changes
    assert "if dim >= x.dim():" in changes
    assert "pass" in changes
    assert "return exponentials * exponentials.sum(dim, keepdim=True)" in changes


def test_stock_mutants_of_a_function():
    x = torch.randn(3)
    stock = stock_mutants(torch.exp)
    assert torch.equal(stock["zeros"](x), torch.zeros(3))
    assert stock["not a number"](x).isnan().all()
    assert torch.equal(stock["first argument"](x), x)
    assert not torch.equal(stock["half precision inside"](x), torch.exp(x))
    before = x.clone()
    stock["changes its input"](x)
    assert not torch.equal(x, before)


def test_stock_mutants_of_an_optimizer_and_a_module():
    p = torch.ones(1, requires_grad=True)
    p.grad = torch.ones(1)
    stock_mutants(torch.optim.SGD)["step does nothing"]([p], lr=1.0).step()
    assert p.item() == 1
    module = stock_mutants(torch.nn.Linear)["zeros"](2, 3)
    assert torch.equal(module(torch.ones(1, 2)), torch.zeros(1, 3))
