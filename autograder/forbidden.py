"""Reads an answer's source, in the judge's process, for calls that the exercise forbids.

This and the watch beside the answer (`watching.py`) see different things: the source cannot be patched at run
time, and what runs cannot be hidden in the source. Both are heuristics against a determined author. What the reader
refuses by principle are the ways around it: modules that an answer has no use for, a module as a value, a computed
attribute name, private parts of a library, frames, eval.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

import torch

from autograder.cases import Rules
from autograder.judging import AnswerFailed
from autograder.slicing import Piece, local_names, parameters, statements_of
from autograder.watching import plain_name

AROUND_NAMES = {
    "eval", "exec", "compile", "globals", "locals", "vars", "getattr", "setattr", "delattr", "breakpoint",
}  # fmt: skip
# attributes that reach around on whatever object
AROUND_MEMBERS = {
    "exec", "globals", "locals", "vars", "getattr", "setattr", "delattr", "breakpoint", "attrgetter", "methodcaller",
    "tb_frame", "f_back", "f_globals", "f_builtins", "f_locals", "f_code", "gi_frame", "gi_code", "cr_frame", "cr_code",
    "ag_frame", "ag_code",
}  # fmt: skip

# the modules that an answer may use, and of some of them only these members
MODULES = {
    "__future__", "abc", "array", "autograder", "autograder.kernels", "bisect", "cmath", "collections",
    "collections.abc", "contextlib",
    "copy", "dataclasses", "datetime", "decimal", "einops", "enum", "fractions", "functools", "heapq", "itertools",
    "jaxtyping", "json", "math", "matplotlib", "matplotlib.pyplot", "numbers", "numpy", "numpy.fft", "numpy.linalg",
    "numpy.polynomial", "numpy.random", "numpy.typing", "operator", "random", "re", "scipy", "scipy.constants",
    "scipy.fft", "scipy.integrate", "scipy.interpolate", "scipy.linalg", "scipy.ndimage", "scipy.optimize",
    "scipy.signal", "scipy.sparse", "scipy.sparse.linalg", "scipy.spatial", "scipy.spatial.distance",
    "scipy.special", "scipy.stats", "sklearn", "sklearn.datasets", "sklearn.decomposition", "sklearn.linear_model",
    "sklearn.metrics", "sklearn.metrics.pairwise", "sklearn.preprocessing", "statistics", "string", "struct", "sys",
    "textwrap", "time", "torch", "torch.amp", "torch.autograd", "torch.autograd.function",
    "torch.autograd.functional", "torch.cuda", "torch.distributions", "torch.fft", "torch.func", "torch.linalg",
    "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.modules", "torch.nn.parameter", "torch.nn.utils",
    "torch.nn.utils.rnn", "torch.optim", "torch.optim.lr_scheduler", "torch.optim.optimizer", "torch.random",
    "torch.sparse", "torch.special", "torch.testing", "torch.types", "torch.utils.checkpoint", "torch.utils.data",
    "tqdm", "tqdm.auto", "triton", "triton.language", "types", "typing", "typing_extensions", "warnings",
}  # fmt: skip
NATIVE = "torch.utils.cpp_extension"  # for the answers that may be compiled from C++ or CUDA
ONLY = {
    "autograder": {"check"},
    "autograder.kernels": {"DEVICE", "addresses"},
    NATIVE: {"load_inline"},
    "sys": {
        "byteorder", "exit", "float_info", "getrecursionlimit", "getsizeof", "maxsize", "platform", "setrecursionlimit",
        "stderr", "stdout", "version",
    },
    "types": {"EllipsisType", "MappingProxyType", "NoneType", "SimpleNamespace"},
}  # fmt: skip
PACKAGES = {name.rsplit(".", n)[0] for name in MODULES for n in range(1, name.count(".") + 1)} - MODULES

# members of those modules that find, import or evaluate what a string names, or lead out of the watch
REFUSED_MEMBERS = {
    "functools.singledispatch", "functools.singledispatchmethod", "jaxtyping.jaxtyped", "numpy.frombuffer",
    "numpy.fromfile", "numpy.load", "numpy.memmap", "operator.attrgetter", "operator.methodcaller",
    "scipy.LowLevelCallable", "string.Formatter", "torch.fork", "torch.from_file", "torch.get_file_path",
    "torch.import_ir_module", "torch.import_ir_module_from_buffer", "torch.load", "torch.parse_ir",
    "torch.parse_schema", "torch.parse_type_comment", "torch.wait", "typing.ForwardRef", "typing.get_type_hints",
    "typing_extensions.get_type_hints",
}  # fmt: skip
# members that change what other code does from then on
SETTINGS = ("set*", "use_deterministic*", "*filter*", "register*", "*seed*", "*hook*")
TORCH_CLASSES = {"Generator", "OutOfMemoryError", "Size", "Tensor"}

SAFE_DUNDERS = {
    "__abs__", "__add__", "__and__", "__bool__", "__call__", "__class__", "__complex__", "__contains__",
    "__deepcopy__", "__delitem__", "__doc__", "__divmod__", "__enter__", "__eq__", "__exit__", "__float__",
    "__floordiv__", "__ge__", "__getitem__", "__gt__", "__iadd__", "__imul__", "__index__", "__init__", "__int__",
    "__invert__", "__isub__", "__iter__", "__itruediv__", "__le__", "__len__", "__lt__", "__matmul__", "__mod__",
    "__mul__", "__name__", "__ne__", "__neg__", "__next__", "__new__", "__or__", "__post_init__", "__pos__",
    "__pow__", "__qualname__", "__radd__", "__repr__", "__reversed__", "__rmul__", "__round__", "__rpow__",
    "__rsub__", "__rtruediv__", "__setitem__", "__str__", "__sub__", "__truediv__", "__version__", "__xor__",
}  # fmt: skip
SAFE_SUPER = SAFE_DUNDERS | {
    "__copy__", "__delattr__", "__format__", "__getstate__", "__hash__", "__init_subclass__", "__setattr__",
    "__setstate__",
}  # fmt: skip

# what a tensor subclass defines to see torch's calls before the watch does
OVERRIDES = {"__torch_dispatch__", "__torch_function__"}

# private names that lead from a tensor into torch's inside
PRIVATE = {name for name in dir(torch.Tensor) if name.startswith("_") and not name.startswith("__")}

Finding = tuple[str, int, str]
_UNKNOWN = object()


def read(
    pieces: Sequence[Piece], rules: Rules, watched: bool = False, beside: Sequence[str] | None = None
) -> AnswerFailed | None:
    """The first forbidden thing in the student's own statements, as the failure that every case then has.

    watched: ways around are refused although nothing is forbidden, because what the worker reports of memory or time
        would otherwise be the answer's own word.
    beside: what is forbidden to other answers that share a process with this one. It may not lay hands on those of
        them that the watch cannot see when they are called, nor change settings of a library.
    """
    if not rules.forbids and not watched and beside is None:
        return None
    statements = [
        (piece.origin == "given", body[index])
        for piece in pieces
        for body in (statements_of(piece.source),)
        for index in piece.keep
    ]
    reader = _Reader(rules, beside)
    for _, statement in statements:
        reader.learn(statement)
    for given, statement in statements:
        if not given:
            try:
                reader.visit(statement)
            except RecursionError:
                reader.find("reaches_around", statement, "…")
        for key, line, name in reader.findings:
            return AnswerFailed(key, line=line, name=name)
    return None


def is_native(pieces: Sequence[Piece]) -> bool:
    """Whether an answer may call what no reader of Python sees, because it has it compiled from C++ or CUDA."""
    return any(NATIVE.rpartition(".")[2] in piece.source for piece in pieces if piece.origin != "given")


@dataclass
class _Reader(ast.NodeVisitor):
    """Walks statements with the names that are local where it stands.

    aliases: what the module-level names that imports bind stand for.
    members: the attributes that the answer's own classes define.
    """

    rules: Rules
    beside: Sequence[str] | None = None
    findings: list[Finding] = field(default_factory=list)
    aliases: dict[str, set[str]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    locals: list[set[str]] = field(default_factory=list)
    classes: int = 0

    def learn(self, statement: ast.stmt) -> None:
        """Note what a statement imports and which members its classes have."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    path = alias.name if alias.asname else alias.name.split(".")[0]
                    self.aliases.setdefault(alias.asname or path, set()).add(path)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    names = public_names(node.module) if alias.name == "*" else [alias.name]
                    for name in names:
                        bound = alias.asname or name
                        self.aliases.setdefault(bound, set()).add(f"{node.module}.{name}")
            elif isinstance(node, ast.ClassDef):
                for inner in ast.walk(node):
                    if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        self.members.add(inner.name)
                    elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                        self.members.add(inner.id)
                    elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                        self.members |= {inner.attr} if getattr(inner.value, "id", "") == "self" else set()

    def find(self, key: str, node: ast.AST, name: str) -> None:
        self.findings.append((key, getattr(node, "lineno", 0), f"`{name}`"))

    def forbids(self, name: str) -> bool:
        return matches(name, self.rules.forbids)

    def harms_others(self, module: str, name: str) -> bool:
        if self.beside is None:
            return False
        return matches(name, SETTINGS) or (module.split(".")[0] != "torch" and matches(name, self.beside))

    # scopes

    @contextmanager
    def scope(self, names: Iterable[str]) -> Iterator[None]:
        self.locals.append(set(names))
        yield
        self.locals.pop()

    def is_local(self, name: str) -> bool:
        return any(name in names for names in self.locals)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name in OVERRIDES:
            self.find("reaches_around", node, node.name)
        for expression in [*node.decorator_list, *_defaults(node.args), *_annotations(node)]:
            self.visit(expression)
        with self.scope(parameters(node.args) | local_names(node.body)):
            for statement in node.body:
                self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for expression in _defaults(node.args):
            self.visit(expression)
        with self.scope(parameters(node.args)):
            self.visit(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.classes += 1
        own = {s.name for s in node.body if isinstance(s, ast.FunctionDef)} & SAFE_DUNDERS
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.Assign) and _names(child.value) <= own):  # such as __radd__ = __add__
                self.visit(child)
                continue
            for target in child.targets:
                self.visit(target)
        self.classes -= 1

    def _comprehension(self, node: Any) -> None:
        targets = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        self.visit(node.generators[0].iter)
        with self.scope(targets):
            self.generic_visit(node)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # imports

    def allows(self, module: str) -> bool:
        return is_allowed(module) or (self.rules.native and module == NATIVE)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if not self.allows(alias.name):
                self.find("reaches_around", node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level or not (self.allows(module) or module in PACKAGES):
            self.find("reaches_around", node, module or ".")
            return
        for alias in node.names:
            if alias.name == "*":
                if not is_loaded(module):
                    self.find("reaches_around", node, f"from {module} import *")
            else:
                self._path(node, f"{module}.{alias.name}")

    # names and attributes

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in OVERRIDES:
            self.find("reaches_around", node, node.id)
        if not isinstance(node.ctx, ast.Load) or self.is_local(node.id):
            return
        for path in self.aliases.get(node.id, ()):
            if is_module(path):  # a module as a value can go where no reader follows
                self.find("reaches_around", node, node.id)
            else:
                self._path(node, path)
        if node.id in self.aliases:
            return
        is_private = node.id.startswith("__") and node.id not in ("__name__", "__class__", "__doc__")
        if node.id in AROUND_NAMES or is_private:
            self.find("reaches_around", node, node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._attribute(node, as_base=False)

    def _attribute(self, node: ast.Attribute, as_base: bool) -> None:
        bases = self._paths(node.value)
        if not bases:
            self._member(node.value, node)
            self.visit(node.value)
            return
        if isinstance(node.value, ast.Attribute):
            self._attribute(node.value, as_base=True)
        for base in bases:
            path = f"{base}.{node.attr}"
            if not isinstance(node.ctx, ast.Load) or (is_module(path) and not as_base):
                self.find("reaches_around", node, path)
            elif not is_module(base):
                self._member(node.value, node)
            else:
                self._path(node, path)

    def _paths(self, node: ast.expr) -> list[str]:
        """What a dotted name may stand for, when it begins with an imported name."""
        if isinstance(node, ast.Name):
            return [] if self.is_local(node.id) else sorted(self.aliases.get(node.id, ()))
        if isinstance(node, ast.Attribute):
            return [f"{base}.{node.attr}" for base in self._paths(node.value)]
        return []

    def _path(self, node: ast.AST, path: str) -> None:
        """A member of a module, or a module on the way to one."""
        module, _, name = path.rpartition(".")
        thing = lookup(path)
        if isinstance(thing, ModuleType) and thing.__name__ != path:  # a module that another one has imported
            if not self.allows(thing.__name__):
                self.find("reaches_around", node, path)
            return
        if self.allows(path) or path in PACKAGES:
            return
        holder = lookup(module)
        module = holder.__name__ if isinstance(holder, ModuleType) else module
        named = self.forbids(name) or (callable(thing) and self.forbids(str(getattr(thing, "__name__", ""))))
        if named and module.split(".")[0] != "triton":  # tl.exp is what a kernel is written with
            self.find("forbidden_source", node, name)
        elif (
            not self.allows(module)
            or name not in ONLY.get(module, {name})
            or f"{module}.{name}" in REFUSED_MEMBERS
            or isinstance(thing, ModuleType)
            or self.harms_others(module, name)
            or (name.startswith("_") and name not in ("__version__", "__name__"))
            or (module == "torch" and name[:1].isupper() and name not in TORCH_CLASSES and not name.endswith("Tensor"))
        ):
            self.find("reaches_around", node, path)

    def _member(self, base: ast.expr | None, node: Any) -> None:
        """An attribute of an object that the reader knows nothing of."""
        name = node.attr
        own = bool(self.classes) and isinstance(base, ast.Name) and base.id in ("self", "cls")
        if self.forbids(name) and not (own and name in self.members):
            self.find("forbidden_source", node, name)
        elif name.startswith("__") and name.endswith("__"):
            is_super = isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "super"
            storing = not isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
            if name not in (SAFE_SUPER if is_super else SAFE_DUNDERS) or (storing and name == "__class__"):
                self.find("reaches_around", node, name)
        elif name in AROUND_MEMBERS or (name in PRIVATE and not (own and name in self.members)):
            self.find("reaches_around", node, name)

    def visit_MatchClass(self, node: ast.MatchClass) -> None:
        for name in node.kwd_attrs:
            self._member(None, ast.copy_location(ast.Attribute(node.cls, name, ast.Load()), node))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "eval" and (node.args or node.keywords):
            self.find("reaches_around", node, "eval")
        if not (isinstance(function, ast.Name) and function.id in ("getattr", "setattr", "delattr", "hasattr")):
            self.generic_visit(node)
            return
        if self.is_local(function.id) or len(node.args) < 2 or any(isinstance(a, ast.Starred) for a in node.args):
            self.generic_visit(node)
            return
        subject, name, *others = node.args
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            context = ast.Load() if function.id in ("getattr", "hasattr") else ast.Store()
            self.visit(ast.copy_location(ast.Attribute(subject, name.value, context), node))
        elif function.id != "hasattr" and not (self._is_self(subject) and _begins_plainly(name)):
            self.find("reaches_around", node, function.id)
        else:
            self.visit(subject)
            self.visit(name)
        for other in [*others, *(keyword.value for keyword in node.keywords)]:
            self.visit(other)

    def _is_self(self, node: ast.expr) -> bool:
        return bool(self.classes) and isinstance(node, ast.Name) and node.id == "self"

    def visit_BinOp(self, node: ast.BinOp | ast.AugAssign) -> None:
        if isinstance(node.op, ast.MatMult) and self.forbids("matmul"):
            self.find("forbidden_source", node, "@")
        self.generic_visit(node)

    visit_AugAssign = visit_BinOp  # type: ignore[assignment]


def _names(value: ast.expr) -> set[str]:
    """The names in a name or a tuple of names; of anything else, one that nothing has."""
    items = value.elts if isinstance(value, ast.Tuple) else [value]
    return {item.id if isinstance(item, ast.Name) else "" for item in items}


def _begins_plainly(name: ast.expr) -> bool:
    """Whether a computed attribute name is known to begin with a letter: f"weight_{i}", "weight" + str(i)."""
    if isinstance(name, ast.JoinedStr):
        name = name.values[0] if name.values else name
    elif isinstance(name, ast.BinOp) and isinstance(name.op, ast.Add):
        name = name.left
    return isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value[:1].isalpha()


def matches(name: str, patterns: Iterable[str]) -> bool:
    plain = plain_name(name).lower()
    return any(fnmatchcase(plain, pattern.lower()) for pattern in patterns)


def is_allowed(module: str) -> bool:
    is_layer = module.startswith("torch.nn.modules.") and module in sys.modules and "._" not in module
    return module in MODULES or is_layer


def is_loaded(module: str) -> bool:
    return module in sys.modules


def is_module(path: str) -> bool:
    return path in MODULES or path in PACKAGES or isinstance(lookup(path), ModuleType)


def lookup(path: str) -> Any:
    """What a dotted path stands for, as far as this process has imported it; nothing is imported for it."""
    parts = path.split(".")
    if not (is_allowed(parts[0]) or parts[0] in PACKAGES):
        return _UNKNOWN
    for count in range(len(parts), 0, -1):
        module = sys.modules.get(".".join(parts[:count]))
        if module is not None:
            found: Any = module
            for name in parts[count:]:
                if not isinstance(found, (ModuleType, type)):
                    return _UNKNOWN
                found = vars(found).get(name, _UNKNOWN)
            return found
    return _UNKNOWN


def public_names(module: str) -> list[str]:
    """What a star import of a module binds, when that module is one an answer may import."""
    found = sys.modules.get(module) if is_allowed(module) else None
    if found is None:
        return []
    return list(getattr(found, "__all__", [name for name in vars(found) if not name.startswith("_")]))


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    found = [a.annotation for a in arguments if a is not None and a.annotation is not None]
    return [*found, node.returns] if node.returns is not None else found
