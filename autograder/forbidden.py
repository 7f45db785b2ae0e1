"""Reads an answer's source, in the judge's process, for calls that the exercise forbids.

This and the watch beside the answer (`watching.py`) see different things: the source cannot be patched at run
time, and what runs cannot be hidden in the source. Both are heuristics against a determined author; what they
refuse by principle are the ways around them: computed attribute names, torch's private parts, eval.
"""

import ast
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from autograder.cases import Rules
from autograder.judging import AnswerFailed
from autograder.slicing import Piece
from autograder.watching import plain_name

AROUND_NAMES = {
    "eval", "exec", "compile", "__import__", "globals", "locals", "vars", "getattr", "setattr", "delattr",
    "breakpoint", "__builtins__", "__loader__", "__spec__",
}  # fmt: skip
AROUND_MODULES = {
    "builtins", "cffi", "cloudpickle", "code", "codeop", "copyreg", "ctypes", "dill", "gc", "imp", "importlib",
    "inspect", "joblib", "marshal", "numba", "operator", "pickle", "pkgutil", "runpy", "shelve", "subprocess",
    "multiprocessing", "autograder", "safetensors",
}  # fmt: skip
AROUND_TORCH = {
    "compiler", "export", "func", "fx", "hub", "jit", "library", "load", "onnx", "ops", "overrides", "package",
    "utils",
}  # fmt: skip
SAFE_MEMBERS = {("operator", name) for name in ("mul", "add", "sub", "truediv", "itemgetter", "index", "neg")} | {
    ("torch", "utils.checkpoint")
}
SAFE_DUNDERS = {"__init__", "__call__", "__name__", "__doc__", "__post_init__", "__version__"}


def read(pieces: Sequence[Piece], rules: Rules) -> AnswerFailed | None:
    """The first forbidden thing in the student's own statements, as the failure that every case then has."""
    if not rules.forbids:
        return None
    for piece in pieces:
        if piece.origin == "given":
            continue
        body = ast.parse(piece.source).body
        for index in piece.keep:
            for key, line, name in _findings(body[index], rules):
                return AnswerFailed(key, line=line, name=name)
    return None


def _findings(statement: ast.stmt, rules: Rules) -> Iterator[tuple[str, int, str]]:
    plain_getattr = set()
    for node in ast.walk(statement):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "setattr"):
            if len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                plain_getattr.add(node.func)
                yield from _member(node.args[0], str(node.args[1].value), line, rules)
        if isinstance(node, ast.Attribute):
            yield from _member(node.value, node.attr, line, rules)
        elif isinstance(node, ast.MatchClass):
            for name in node.kwd_attrs:
                yield from _member(None, name, line, rules)
        elif isinstance(node, ast.Name) and node.id in AROUND_NAMES and node not in plain_getattr:
            yield "reaches_around", line, f"`{node.id}`"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and _forbids(rules, "matmul"):
            yield "forbidden_source", line, "`@`"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(alias.name, line)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield from _module(module, line)
            for alias in node.names:
                if alias.name == "*":
                    yield "reaches_around", line, f"`from {module} import *`"
                elif _forbids(rules, alias.name):
                    yield "forbidden_source", line, f"`{alias.name}`"
                elif alias.name in AROUND_NAMES:
                    yield "reaches_around", line, f"`{alias.name}`"
                else:
                    yield from _module(f"{module}.{alias.name}", line)


def _member(base: ast.expr | None, name: str, line: int, rules: Rules) -> Iterator[tuple[str, int, str]]:
    own = isinstance(base, ast.Name) and base.id in ("self", "cls")
    root = base.id if isinstance(base, ast.Name) else ""
    if not own and _forbids(rules, name):
        yield "forbidden_source", line, f"`{name}`"
    elif name.startswith("__") and name.endswith("__"):
        is_super = isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "super"
        if name not in SAFE_DUNDERS and not own and not is_super:
            yield "reaches_around", line, f"`{name}`"
    elif name.startswith("_") and not own:
        yield "reaches_around", line, f"`{name}`"
    elif root == "torch" and name in AROUND_TORCH:
        yield "reaches_around", line, f"`torch.{name}`"
    elif root == "sys" and name in ("modules", "settrace", "setprofile", "meta_path", "path_hooks"):
        yield "reaches_around", line, f"`sys.{name}`"
    elif root == "operator" and ("operator", name) not in SAFE_MEMBERS:
        yield "reaches_around", line, f"`operator.{name}`"


def _module(path: str, line: int) -> Iterator[tuple[str, int, str]]:
    parts = path.split(".")
    if parts[0] == "operator":
        if len(parts) > 1 and ("operator", parts[1]) not in SAFE_MEMBERS:
            yield "reaches_around", line, f"`{path}`"
    elif (parts[0] in AROUND_MODULES and path != "autograder" and path != "autograder.check") or any(
        part.startswith("_") and part != "__future__" for part in parts
    ):
        yield "reaches_around", line, f"`{path}`"
    elif parts[0] == "torch" and len(parts) > 1 and parts[1] in AROUND_TORCH:
        if path not in ("torch.utils.checkpoint", "torch.utils.data"):
            yield "reaches_around", line, f"`{path}`"


def _forbids(rules: Rules, name: str) -> bool:
    plain = plain_name(name).lower()
    return any(fnmatchcase(plain, pattern.lower()) for pattern in rules.forbids)
