"""The part of a notebook that one exercise needs: its answer, and the statements that define what it names.

Each exercise is judged on its own slice, in its own process. So a cell that loops, exits or patches torch harms
the exercises that need it and no other, and what a student tries out between answers is not run at all.
"""

import ast
import re
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from IPython.core.inputtransformer2 import TransformerManager

from autograder.answers import Cell

LONGEST_CELL = 200_000

_RUN_MAGICS = re.compile(r"\A\s*%%(time|timeit|capture|prun|python|python3)\b.*\n")


@dataclass(frozen=True)
class Piece:
    """Statements of one cell: the cell's Python source and which of its top-level statements are kept."""

    source: str
    keep: tuple[int, ...]
    origin: str
    answer: bool


class CannotRead(Exception):
    """The answer's cell is not Python; the message is the reader's."""


@dataclass
class _Statement:
    index: int
    node: ast.stmt
    binds: frozenset[str]
    uses: frozenset[str]
    changes: frozenset[str]


def python_source(cell: str) -> str:
    """A cell's source with IPython's magics turned into Python calls."""
    cell = _RUN_MAGICS.sub("\n", cell)
    if len(cell) > LONGEST_CELL:
        raise SyntaxError(f"the cell has {len(cell)} characters; {LONGEST_CELL} are read")
    return TransformerManager().transform_cell(cell)


def slice_of(cells: Sequence[Cell], exercise: str) -> list[Piece]:
    """The pieces that define `exercise`, in the notebook's order. Raises CannotRead if its own cell is broken."""
    read = []
    for cell in cells:
        source, statements, error = _read(cell.source)
        if error and cell.exercise == exercise:
            raise CannotRead(error)
        read.append((source, statements))
    kept = _needed([statements for _, statements in read], cells, exercise)
    return [
        Piece(source, tuple(sorted(i for d, i in kept if d == c)), cell.origin, cell.exercise == exercise)
        for c, (cell, (source, _)) in enumerate(zip(cells, read, strict=True))
        if any(d == c for d, _ in kept) or cell.exercise == exercise
    ]


@lru_cache(maxsize=512)
def _read(cell: str) -> tuple[str, tuple[_Statement, ...], str]:
    """A cell's Python source and its statements, or why it has none. One cell is read once for all exercises."""
    try:
        source = python_source(cell)
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return "", (), f"{type(error).__name__}: {error}"
    statements = tuple(
        _Statement(i, node, frozenset(_bound(node)), frozenset(_used(node)), frozenset(_changed(node)))
        for i, node in enumerate(body)
    )
    return source, statements, ""


def _needed(read: Sequence[Sequence[_Statement]], cells: Sequence[Cell], exercise: str) -> set[tuple[int, int]]:
    """All statements of given cells, and those that bind a name which the answer needs, or change one.

    A name means what it meant when the student checked the answer: cells below it count only for names that no
    cell down to it binds.
    """
    statements = [(c, s) for c, found in enumerate(read) for s in found]
    imported = {name for _, s in statements if isinstance(s.node, (ast.Import, ast.ImportFrom)) for name in s.binds}
    kept = {(c, s.index) for c, s in statements if cells[c].origin == "given"}
    answer = next((c for c, cell in enumerate(cells) if cell.exercise == exercise), len(cells))
    above = {name for c, s in statements if c <= answer for name in s.binds}
    needed = {exercise}
    growing = True
    while growing:
        growing = False
        for c, s in statements:
            concerned = (s.binds | (s.changes - imported)) & needed
            if (c, s.index) not in kept and (concerned - above if c > answer else concerned):
                kept.add((c, s.index))
                needed |= s.uses
                growing = True
    return kept


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _used(node: ast.stmt) -> set[str]:
    """The global names that a statement reads, in whatever scope."""
    try:
        top = symtable.symtable(ast.unparse(node), "<cell>", "exec")
        names = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
        for scope in _scopes(top):
            if scope is not top:
                names |= {s.get_name() for s in scope.get_symbols() if s.is_global()}
        return names
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement that run in its own scope."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        stack.extend(ast.iter_child_nodes(current))


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement gives a meaning."""
    names: set[str] = set()
    for n in _own_nodes(node):
        if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(n.name)
        elif isinstance(n, ast.Name) and isinstance(n.ctx, (ast.Store, ast.Del)):
            names.add(n.id)
        elif isinstance(n, ast.alias):
            names.add((n.asname or n.name).split(".")[0])
        elif isinstance(n, (ast.MatchAs, ast.MatchStar)) and n.name:
            names.add(n.name)
    return names


def _changed(node: ast.stmt) -> set[str]:
    """The names whose objects a statement changes: `table[k] = v`, `f.cache = {}`, `table.append(v)`."""
    names = set()
    for n in _own_nodes(node):
        target = None
        if isinstance(n, (ast.Attribute, ast.Subscript)) and isinstance(n.ctx, (ast.Store, ast.Del)):
            target = n.value
        elif isinstance(n, ast.Expr) and isinstance(n.value, ast.Call) and isinstance(n.value.func, ast.Attribute):
            target = n.value.func.value
        while isinstance(target, (ast.Attribute, ast.Subscript)):
            target = target.value
        if isinstance(target, ast.Name):
            names.add(target.id)
    return names


def is_stub(source: str, exercise: str) -> bool:
    """Whether the answer is still the stub: every function of it only raises NotImplementedError."""
    try:
        tree = ast.parse(python_source(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == exercise:
            functions = [n for n in ast.walk(node) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
            return bool(functions) and all(_only_raises(f) for f in functions)
    return False


def _only_raises(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    body = list(function.body)
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc
    name = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(name, ast.Name) and name.id == "NotImplementedError"
