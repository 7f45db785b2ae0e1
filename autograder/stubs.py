"""Where a solution's bodies begin and end, marked so that nbgrader's ClearSolutions leaves the stub."""

import ast
import re

from traitlets.config import Config

from autograder.course import Language
from autograder.errors import refuse

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
MARKER = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)|\bAUTOTEST\b")
WRITE_HERE: dict[Language, str] = {"en": "*Write your answer here.*", "zh": "*在此写下你的回答。*"}

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def stub_config(language: Language) -> Config:
    """What nbgrader puts in place of an essay; in place of code it puts its own stub."""
    config = Config()
    config.ClearSolutions.text_stub = WRITE_HERE[language]
    return config


def is_kernel(node: ast.stmt) -> bool:
    """Whether a statement defines a kernel of Triton's."""
    return isinstance(node, Function) and any(ast.unparse(d) == "triton.jit" for d in node.decorator_list)


def mark_solution(source: str, where: str) -> str:
    """The source of one function or class with every body between markers; signatures and docstrings stay outside.

    Where kernels stand above a function, theirs are the bodies to write, and the function that launches them is given.

    where: the file, for an error's message.
    """
    if MARKER.search(source):
        refuse(f"{where}: holds a marker of nbgrader's: the build marks the solutions, so take it out")
    lines = source.splitlines()
    marked: list[str] = []
    done = 0
    body = ast.parse(source).body
    for node in _functions([statement for statement in body if is_kernel(statement)] or body):
        first, last = _body(node, lines, where)
        if first > last:
            continue
        indent = " " * node.body[0].col_offset
        marked += [*lines[done : first - 1], indent + BEGIN, *lines[first - 1 : last], indent + END]
        done = last
    return "\n".join(marked + lines[done:]) + "\n"


def _functions(body: list[ast.stmt]) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions and methods of a module or class, in order; those inside a function are part of its body."""
    found = []
    for node in body:
        if isinstance(node, Function):
            found.append(node)
        elif isinstance(node, ast.ClassDef):
            found += _functions(node.body)
    return found


def _body(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str], where: str) -> tuple[int, int]:
    """The first and last line of a function's body without its docstring, with the comments around it."""
    statements = node.body
    if ast.get_docstring(node, clean=False) is not None:
        before = statements[0].end_lineno or 0
        statements = statements[1:]
        if not statements:
            return before + 1, before
    else:
        before = 0
    first = min(statements[0].lineno, *(d.lineno for d in getattr(statements[0], "decorator_list", [])), 10**9)
    if lines[first - 1][: statements[0].col_offset].strip() not in ("", "@"):
        refuse(f"{where}: {node.name}: put the body on lines of its own, below the signature and the docstring")
    while first - 1 > before and re.match(r"\s*(#|$)", lines[first - 2]):
        first -= 1
    last = node.end_lineno or first
    while last < len(lines) and re.match(rf"\s{{{node.col_offset + 1},}}#|\s*$", lines[last]):
        last += 1
    while not lines[last - 1].strip():
        last -= 1
    return first, last
