"""The part of a notebook that one exercise needs: its answer, and the statements that define what it names.

Each exercise is judged on its own slice, in its own process. So a cell that loops, exits or patches torch harms
the exercises that need it and no other, and what a student tries out between answers is not run at all.
"""

import ast
import builtins
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from autograder.answers import Cell
from autograder.stubs import is_kernel

LONGEST_CELL = 100_000
LONGEST_LINE = 200
MOST_STATEMENTS = 2000
BUILTINS = frozenset(vars(builtins))

_RUN_MAGICS = re.compile(r"\A\s*%%(time|timeit|capture|prun|python|python3)\b.*\n")
_PROMPT = re.compile(r"\A\s*In \[\d*\]: ")  # which is Python too: an annotation
_OTHER_CELL_MAGIC = re.compile(r"\A\s*%%")
_TIMED = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)
_CONTINUED = r"(?:[^\n]*\\\n)*[^\n]*"
_LINE_MAGIC = re.compile(r"^([ \t]*)[%!?]" + _CONTINUED, re.MULTILINE)
_ASSIGNED_MAGIC = re.compile(r"^([ \t]*)\w[\w, ]*=[ \t]*[%!]" + _CONTINUED, re.MULTILINE)
_HELP = re.compile(r"^([ \t]*)[%!\w.]+\?\??[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """Statements of one cell: the cell's Python source and which of its top-level statements are kept."""

    source: str
    keep: tuple[int, ...]
    origin: str
    answer: bool


class CannotRead(Exception):
    """The answer's cell is not Python.

    key, words: the sentence for the student (see `language.SENTENCES`).
    """

    def __init__(self, exercise: str, error: Exception, source: str):
        super().__init__(f"{type(error).__name__}: {error}")
        self.key = "not_defined"
        self.words: dict[str, Any] = {"name": exercise, "message": str(self)}
        if isinstance(error, SyntaxError) and error.lineno:
            lines = source.splitlines()[error.lineno - 1 : error.lineno]
            code = "".join(lines).strip()[:LONGEST_LINE]
            self.key, self.words = "not_python", {"line": error.lineno, "message": error.msg, "code": code}


@dataclass
class _Statement:
    index: int
    node: ast.stmt
    binds: frozenset[str]
    uses: frozenset[str]
    changes: frozenset[str]


def _python(cell: str) -> tuple[str, list[ast.stmt]]:
    """A cell's source as Python, line for line, and its statements: magics, which nothing here runs, become `pass`.

    Raises SyntaxError, or what else ast.parse raises, when it is no Python.
    """
    if len(cell) > LONGEST_CELL:
        raise SyntaxError(f"the cell has {len(cell)} characters; {LONGEST_CELL} are read")
    cell = _RUN_MAGICS.sub("\n", cell)
    if _OTHER_CELL_MAGIC.match(cell):
        return "", []
    try:
        if not _PROMPT.match(cell):
            return cell, _parse(cell)
    except SyntaxError:
        pass
    from IPython.core.inputtransformer2 import classic_prompt, ipython_prompt, leading_indent  # slow, and rarely needed

    lines = cell.splitlines(keepends=True)
    for clean in (classic_prompt, ipython_prompt, leading_indent):
        lines = clean(lines)
    cell = _TIMED.sub(r"\1", "".join(lines))
    for magic in (_LINE_MAGIC, _ASSIGNED_MAGIC, _HELP):
        cell = magic.sub(_pass, cell)
    return cell, _parse(cell)


def python_source(cell: str) -> str:
    """A cell's source as Python. Raises what ast.parse raises when it is none."""
    return _python(cell)[0]


def _pass(magic: re.Match) -> str:
    return magic.group(1) + "pass" + "\n" * magic.group().count("\n")


def _parse(source: str) -> list[ast.stmt]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid escapes in strings, which are the student's to see
        try:
            return ast.parse(source).body
        except SystemError:  # another thread was parsing too, which some releases of Python do not survive
            return ast.parse(source).body


def slice_of(cells: Sequence[Cell], exercise: str) -> list[Piece]:
    """The pieces that define `exercise`, in the notebook's order. Raises CannotRead if its own cell is broken."""
    read = []
    for cell in cells:
        source, statements, error = _read(cell.source)
        if error and cell.exercise == exercise:
            raise CannotRead(exercise, error, cell.source)
        read.append((source, statements))
    kept = _needed([statements for _, statements in read], cells, exercise)
    return [
        Piece(source, tuple(sorted(i for d, i in kept if d == c)), cell.origin, cell.exercise == exercise)
        for c, (cell, (source, _)) in enumerate(zip(cells, read, strict=True))
        if any(d == c for d, _ in kept) or cell.exercise == exercise
    ]


@lru_cache(maxsize=512)
def _read(cell: str) -> tuple[str, tuple[_Statement, ...], Exception | None]:
    """A cell's Python source and its statements, or why it has none. One cell is read once for all exercises."""
    try:
        source, body = _python(cell)
        if len(body) > MOST_STATEMENTS:
            raise SyntaxError(f"the cell has {len(body)} statements; {MOST_STATEMENTS} are read")
        statements = tuple(
            _Statement(i, node, frozenset(_bound(node)), frozenset(_used(node)), frozenset(_changed(node)))
            for i, node in enumerate(body)
        )
    except Exception as error:  # beside SyntaxError, ast.parse has half a dozen ways to give up
        return "", (), error.with_traceback(None)
    return source, statements, None


def _needed(read: Sequence[Sequence[_Statement]], cells: Sequence[Cell], exercise: str) -> set[tuple[int, int]]:
    """All statements of given cells, and those that bind a name which the answer needs, or change one.

    A name means what it meant when the student checked the answer: cells below it count only for names that no
    cell down to it binds. What the release notebook imports means that throughout, and another answer's cell does not
    give builtins a new meaning. What the answer's own cell defines is not looked for elsewhere. A star import counts
    when a name is needed that nothing else binds.
    """
    statements = [(c, s) for c, found in enumerate(read) for s in found]
    imported = {name for _, s in statements if _imports(s.node) for name in s.binds}
    kept = {(c, s.index) for c, s in statements if cells[c].origin == "given"}
    answer = next((c for c, cell in enumerate(cells) if cell.exercise == exercise), len(cells))
    above = {name for c, s in statements if c <= answer for name in s.binds}
    given = frozenset(n for c, s in statements if (c, s.index) in kept and _imports(s.node) for n in s.binds)
    own = {s.node.name for c, s in statements if c == answer and isinstance(s.node, (ast.FunctionDef, ast.ClassDef))}
    settled = [_settled(cell, exercise, given) | (own if c != answer else set()) for c, cell in enumerate(cells)]
    meaning: dict[str, list[tuple[int, _Statement]]] = {}
    for c, s in statements:
        for name in (s.binds - settled[c]) | (s.changes - imported):
            if c <= answer or name not in above:
                meaning.setdefault(name, []).append((c, s))
    bound = BUILTINS.union(*(s.binds for _, s in statements))
    needed, waiting = {exercise}, [exercise]
    while waiting:
        for c, s in meaning.get(waiting.pop(), ()):
            if (c, s.index) not in kept:
                kept.add((c, s.index))
                waiting.extend(s.uses - needed)
                needed |= s.uses
        if not waiting and needed - bound and "*" in bound - needed:
            needed.add("*")
            waiting.append("*")
    touched = {c for c, _ in kept}
    return kept | {(c, s.index) for c, s in statements if c in touched and _is_future(s.node)}


def _imports(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _settled(cell: Cell, exercise: str, given: frozenset[str]) -> frozenset[str]:
    """The names that a cell cannot give another meaning for this exercise."""
    if cell.exercise == exercise:
        return frozenset()
    return given | BUILTINS if cell.exercise else given


def _used(node: ast.stmt) -> set[str]:
    """The global names that a statement reads, in whatever scope."""
    names: set[str] = set()
    stack: list[tuple[ast.AST, frozenset[str]]] = [(node, frozenset())]
    while stack:
        current, hidden = stack.pop()
        inner = hidden
        if isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            body = [current.body] if isinstance(current, ast.Lambda) else current.body
            bound = parameters(current.args) | (set() if isinstance(current, ast.Lambda) else local_names(body))
            inner = hidden | bound if bound else hidden
            stack.extend((child, inner) for child in body)
            inside = {id(child) for child in body}
            stack.extend((child, hidden) for child in ast.iter_child_nodes(current) if id(child) not in inside)
            continue
        if isinstance(current, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            targets = {n.id for g in current.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
            stack.append((current.generators[0].iter, hidden))
            inner = hidden | targets
        elif isinstance(current, ast.Name) and current.id not in hidden:
            if not isinstance(current.ctx, ast.Store):
                names.add(current.id)
        elif isinstance(current, ast.AugAssign) and isinstance(current.target, ast.Name):
            names |= {current.target.id} - hidden
        stack.extend((child, inner) for child in ast.iter_child_nodes(current))
    return names


def parameters(arguments: ast.arguments) -> set[str]:
    """The names of a function's parameters."""
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {argument.arg for argument in listed if argument is not None}


def local_names(body: Sequence[ast.AST]) -> set[str]:
    """The names that a function's statements make local, imports apart."""
    bound: set[str] = set()
    declared: set[str] = set()
    stack = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            declared.update(node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
            stack.extend(node.decorator_list)
            continue
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            walrus = (n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
            bound.update(target.id for target in walrus if isinstance(target, ast.Name))
            continue
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            bound.add(node.id)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        stack.extend(ast.iter_child_nodes(node))
    return bound - declared


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
        elif isinstance(n, ast.MatchMapping) and n.rest:
            names.add(n.rest)
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


def statements_of(source: str) -> list[ast.stmt]:
    """The top-level statements of a cell; none where it is no Python."""
    return [statement.node for statement in _read(source)[1]]


def is_stub(source: str, exercise: str) -> bool:
    """Whether the answer is still the stub: every function of it, or every kernel it launches, only raises
    NotImplementedError."""
    kernels = {node.name: node for node in statements_of(source) if isinstance(node, ast.FunctionDef)}
    for node in statements_of(source):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == exercise:
            functions = [n for n in ast.walk(node) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
            named = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            launched = [kernels[name] for name in kernels.keys() & named if is_kernel(kernels[name])]
            return any(bool(some) and all(_only_raises(f) for f in some) for some in (functions, launched))
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
