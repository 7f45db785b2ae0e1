"""Wrong versions of a reference, made by machine: an exercise whose cases pass one of them does not bite.

Stock mutants replace the answer by something cheap. Syntactic mutants change one thing in the reference's
text, by mutmut's operators on libcst, and by dropping one statement.
"""

import ast
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import isclass, isfunction
from typing import Any

import libcst as cst
import torch
from mutmut.mutation.mutators import mutation_operators

from autograder.operations import _tensors


@dataclass(frozen=True)
class Mutant:
    """One changed version of a reference's source."""

    source: str
    was: str
    becomes: str

    @property
    def description(self) -> str:
        return f"{self.was}  →  {self.becomes or '(dropped)'}"


def syntactic_mutants(source: str) -> list[Mutant]:
    """Every one-step change of a function's or class's source that is still Python, without duplicates."""
    module = cst.parse_module(source)
    found: dict[str, Mutant] = {}
    for node, replacement in _changes(module):
        changed = module.deep_replace(node, replacement)
        assert isinstance(changed, cst.Module)
        text = changed.code
        if text in found or not _differs(source, text):
            continue
        was, becomes = _difference(source, text)
        found[text] = Mutant(text, was, becomes)
    return list(found.values())


def _differs(before: str, after: str) -> bool:
    """Whether the change means something: it parses, and the syntax tree is another."""
    try:
        return ast.dump(ast.parse(before)) != ast.dump(ast.parse(after))
    except SyntaxError:
        return False


def _difference(before: str, after: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    was = " ".join(" ".join(line[2:].split()) for line in lines if line.startswith("- "))
    becomes = " ".join(" ".join(line[2:].split()) for line in lines if line.startswith("+ "))
    return was, becomes


class _Candidates(cst.CSTVisitor):
    """The nodes that a mutation may change: those of the body, not of docstrings, annotations or messages."""

    def __init__(self) -> None:
        self.nodes: list[cst.CSTNode] = []
        self.statements: list[cst.CSTNode] = []

    def visit_Annotation(self, node: cst.Annotation) -> bool:
        return False

    def visit_Raise(self, node: cst.Raise) -> bool:
        return False

    def visit_Assert(self, node: cst.Assert) -> bool:
        return False

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.SimpleStatementLine):
            first = node.body[0]
            if isinstance(first, cst.Expr) and isinstance(first.value, cst.SimpleString):
                return False
            if isinstance(first, (cst.Assign, cst.AugAssign, cst.Expr, cst.Raise)):
                self.statements.append(node)
        self.nodes.append(node)
        return super().on_visit(node)


def _changes(module: cst.Module) -> Iterator[tuple[cst.CSTNode, cst.CSTNode]]:
    candidates = _Candidates()
    module.visit(candidates)
    for node in candidates.nodes:
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for replacement in operator(node):
                    yield node, replacement
    for statement in candidates.statements:
        yield statement, cst.SimpleStatementLine([cst.Pass()])


def stock_mutants(reference: Callable) -> dict[str, Callable]:
    """Cheap answers that no exercise may accept, made from its reference.

    Of a class, an nn.Module's forward is changed, and any other class's public methods are made to do nothing.
    """
    if isclass(reference):
        if issubclass(reference, torch.nn.Module):
            return {
                name: type(reference.__name__, (reference,), {"forward": forward})
                for name, forward in stock_mutants(reference.forward).items()
                if name not in ("first argument", "changes its input")
            }
        methods = [n for n, f in vars(reference).items() if isfunction(f) and not n.startswith("_")]
        return {
            f"{name} does nothing": type(reference.__name__, (reference,), {name: lambda self, *a, **k: None})
            for name in methods
        }

    def mapped(change: Callable) -> Callable:
        def answer(*args: Any, **kwargs: Any) -> Any:
            return change(reference(*args, **kwargs), *args, **kwargs)

        return answer

    def touched(mutant: Callable, args: Any) -> None:
        """Note that a mutant had a floating-point tensor to spoil; without one it is the reference itself."""
        mutant.applied = mutant.applied or _first_dtype(args) is not None  # type: ignore[attr-defined]

    def first_argument(*args: Any, **kwargs: Any) -> Any:
        return args[0] if args else next(iter(kwargs.values()))

    def half_precision(*args: Any, **kwargs: Any) -> Any:
        touched(half_precision, args)
        narrow = [_to(a, torch.float16) for a in args]
        wide = _first_dtype(args)
        return _to(reference(*narrow, **{k: _to(v, torch.float16) for k, v in kwargs.items()}), wide)

    def changes_its_input(*args: Any, **kwargs: Any) -> Any:
        touched(changes_its_input, args)
        result = reference(*args, **kwargs)
        with torch.no_grad():
            for tensor in _tensors(args):
                tensor.add_(1)
                break
        return result

    half_precision.applied = changes_its_input.applied = False  # type: ignore[attr-defined]
    return {
        "zeros": mapped(lambda r, *a, **k: _map(r, torch.zeros_like, lambda n: type(n)(0))),
        "constant": mapped(lambda r, *a, **k: _map(r, lambda t: torch.full_like(t, 3), lambda n: type(n)(3))),
        "not a number": mapped(lambda r, *a, **k: _map(r, _nan, lambda n: float("nan"))),
        "none": lambda *a, **k: None,
        "first argument": first_argument,
        "detached": mapped(lambda r, *a, **k: _map(r, torch.Tensor.detach, lambda n: n)),
        "half precision inside": half_precision,
        "changes its input": changes_its_input,
    }


def _nan(t: torch.Tensor) -> torch.Tensor:
    return torch.full_like(t, float("nan")) if t.dtype.is_floating_point else torch.zeros_like(t)


def _map(value: Any, tensor: Callable, number: Callable) -> Any:
    if isinstance(value, torch.Tensor):
        return tensor(value)
    if isinstance(value, (list, tuple)):
        return tuple(_map(item, tensor, number) for item in value)
    if isinstance(value, dict):
        return {k: _map(v, tensor, number) for k, v in value.items()}
    if isinstance(value, (bool, int, float)):
        return number(value)
    return value


def _to(value: Any, dtype: torch.dtype | None) -> Any:
    if dtype is None:
        return value
    return _map(value, lambda t: t.to(dtype) if t.dtype.is_floating_point else t, lambda n: n)


def _first_dtype(args: Any) -> torch.dtype | None:
    return next((t.dtype for t in _tensors(args) if t.dtype.is_floating_point), None)
