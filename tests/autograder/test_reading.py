"""What of a notebook belongs to an answer, and what in an answer's source is refused."""

import textwrap
import time

import pytest

from autograder.answers import Cell
from autograder.cases import Rules
from autograder.forbidden import read
from autograder.slicing import LONGEST_CELL, MOST_STATEMENTS, CannotRead, is_stub, python_source, slice_of

SETUP = (
    "import math\n\nimport numpy as np\nimport torch\nimport torch.nn.functional as F\nfrom torch import Tensor, nn\n"
)
ANSWER = (
    "def softmax(x, dim):\n    e = torch.exp(x - x.amax(dim, keepdim=True))\n    return e / e.sum(dim, keepdim=True)\n"
)


def cells(*texts, answer=ANSWER, below=()):
    """A notebook: the setup, the student's own cells, the answer, and more of the student's own cells."""
    own = [Cell(textwrap.dedent(text), "extra") for text in texts]
    more = [Cell(textwrap.dedent(text), "extra") for text in below]
    return [Cell(SETUP, "given"), *own, Cell(textwrap.dedent(answer), "answer", "softmax"), *more]


def kept(notebook, exercise="softmax"):
    """The student's statements that are kept, as text."""
    import ast

    found = []
    for piece in slice_of(notebook, exercise):
        if piece.origin != "given":
            body = ast.parse(piece.source).body
            found += [ast.unparse(body[index]) for index in piece.keep]
    return found


def names(notebook, exercise="softmax"):
    return [text.split("(")[0].split("\n")[0].removeprefix("def ") for text in kept(notebook, exercise)]


# slices


def test_an_answer_is_kept_and_what_is_tried_out_around_it_is_not():
    answer = "x = torch.ones(3)\nprint(x)\n" + ANSWER + "print(softmax(x, 0))\nassert torch.softmax(x, 0) is not None\n"
    assert names(cells("y = 3\nprint(y)", answer=answer)) == ["softmax"]


def test_helpers_in_other_cells_and_their_helpers_are_kept_in_order():
    notebook = cells(
        "def shifted(x, dim):\n    return x - top(x, dim)",
        "LIMIT = 3",
        "def top(x, dim):\n    return x.amax(dim, keepdim=True).clamp(max=LIMIT)",
        "def unused(x):\n    return top(x)",
        answer="def softmax(x, dim):\n    return torch.exp(shifted(x, dim))",
    )
    assert names(notebook) == ["shifted", "LIMIT = 3", "top", "softmax"]


def test_what_changes_a_helper_is_kept():
    notebook = cells(
        "table = {}\ntable['a'] = 1\nother = []\nother.append(1)",
        "for k in range(3):\n    table[k] = k",
        "def helper(x):\n    return table",
        "helper.cache = {}",
        answer="def softmax(x, dim):\n    return helper(x)",
    )
    assert [text.split("\n")[0] for text in kept(notebook)] == [
        "table = {}",
        "table['a'] = 1",
        "for k in range(3):",
        "def helper(x):",
        "helper.cache = {}",
        "def softmax(x, dim):",
    ]


def test_an_answer_may_call_another_answer():
    notebook = [
        Cell(SETUP, "given"),
        Cell("def logsumexp(x, dim):\n    return torch.exp(x)\nprint('hello')", "answer", "logsumexp"),
        Cell("def relu(x):\n    return x", "answer", "relu"),
        Cell("def softmax(x, dim):\n    return torch.exp(x - logsumexp(x, dim))", "answer", "softmax"),
    ]
    assert names(notebook) == ["logsumexp", "softmax"]
    assert names(notebook, "relu") == ["relu"]


def test_a_helper_below_the_answer_counts_when_nothing_above_defines_it():
    answer = "def softmax(x, dim):\n    return helper(x)"
    assert names(cells(answer=answer, below=["def helper(x):\n    return x"])) == ["softmax", "helper"]
    notebook = cells("def helper(x):\n    return x", answer=answer, below=["def helper(x):\n    return 0"])
    assert kept(notebook) == ["def helper(x):\n    return x", "def softmax(x, dim):\n    return helper(x)"]


@pytest.mark.parametrize("broken", ["def f(:\n", "x = = 3", "'''", "\0", "(" * 5000, "if x:\npass", "9" * 5000])
def test_a_broken_cell_harms_no_other(broken):
    assert names(cells(broken)) == ["softmax"]


def test_a_broken_answer_is_said_to_be_broken():
    with pytest.raises(CannotRead, match="SyntaxError"):
        slice_of(cells(answer="def softmax(x, dim)\n    return x"), "softmax")


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline\nhelper = 3",
        "!pip install x\nhelper = 3",
        "%%time\nhelper = 3",
        "helper?\nhelper = 3",
        "?helper\nhelper = 3",
        "files = !ls\nhelper = 3",
        "%time helper = 3",
        ">>> helper = 3",
        "In [1]: helper = 3",
        "    helper = 3",
        "!ls \\\n  -l\nhelper = 3",
        "x = '''\n%d\n'''\nhelper = 3",
    ],
)
def test_magics_are_skipped_and_the_rest_of_the_cell_read(cell):
    assert "helper = 3" in kept(cells(cell, answer="def softmax(x, dim):\n    return helper"))


def test_magics_keep_the_lines_where_they_are():
    source = python_source("%matplotlib inline\n!ls \\\n  -l\ndef f():\n    %time x = 1\n    return x\n")
    assert source.splitlines()[3] == "def f():"
    assert source.splitlines()[5] == "    return x"


def test_a_cell_of_another_language_holds_nothing():
    assert names(cells("%%bash\nsoftmax=3")) == ["softmax"]


def test_a_star_import_is_kept_when_a_name_is_found_nowhere_else():
    answer = "def softmax(x, dim):\n    return exp(x)"
    assert kept(cells("from math import *", answer=answer))[0] == "from math import *"
    assert names(cells("from math import *")) == ["softmax"]


def test_annotations_from_the_future_stay_with_their_cell():
    notebook = cells(answer="from __future__ import annotations\n" + ANSWER)
    assert kept(notebook)[0] == "from __future__ import annotations"


@pytest.mark.parametrize(
    "harm",
    ["torch = None", "import fake as torch", "del torch", "sum = None", "torch.exp = None", "def relu(x):\n    pass"],
)
def test_the_answer_of_another_exercise_cannot_spoil_this_one(harm):
    notebook = [
        Cell(SETUP, "given"),
        Cell("def relu(x):\n    return sum([torch.relu(x)])", "answer", "relu"),
        Cell(ANSWER + harm, "answer", "softmax"),
    ]
    assert names(notebook, "relu") == ["relu"]


def test_what_the_answers_own_cell_does_is_its_own_affair():
    assert kept(cells(answer=ANSWER + "softmax = torch.softmax"))[-1] == "softmax = torch.softmax"


@pytest.mark.parametrize(
    ("source", "stub"),
    [
        ("def softmax(x, dim):\n    '''What to do.'''\n    raise NotImplementedError()", True),
        ("%time\ndef softmax(x, dim):\n    raise NotImplementedError", True),
        ("class softmax:\n    def f(self):\n        raise NotImplementedError\n", True),
        ("def softmax(x, dim):\n    return x", False),
        ("def softmax(x, dim):\n    x = x + 1\n    raise NotImplementedError", False),
        ("def softmax(", False),
        ("softmax = lambda x: x", False),
    ],
)
def test_an_untouched_stub_is_known(source, stub):
    assert is_stub(source, "softmax") == stub


BOMBS = {
    "magics": "%x\n" * 2000 + "(",
    "help": "x?\n" * 2000,
    "parentheses": "(" * 90_000,
    "lists": "x = " + "[" * 45_000 + "]" * 45_000,
    "attributes": "x = a" + ".b" * 45_000,
    "sums": "x = 1" + " + 1" * 22_000,
    "minus": "x = " + "-" * 90_000 + "1",
    "lambdas": "x = " + "lambda:" * 12_000 + "1",
    "statements": "x;" * 45_000,
    "calls": "x = f" + "()" * 45_000,
    "length": "x = 1\n" * LONGEST_CELL,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_no_cell_stops_the_reader(bomb):
    started = time.monotonic()
    assert names(cells(bomb)) == ["softmax"]
    try:
        pieces = slice_of(cells(answer=ANSWER + bomb), "softmax")
    except CannotRead:
        pass
    else:
        read(pieces, Rules(("softmax",)))
    assert time.monotonic() - started < 30


def test_a_cell_of_very_many_statements_is_refused_with_the_number():
    with pytest.raises(CannotRead, match=f"{MOST_STATEMENTS} are read"):
        slice_of(cells(answer=ANSWER + "x = 1\n" * MOST_STATEMENTS), "softmax")


# what is refused

RULES = Rules(forbids=("*softmax*", "softmin", "*logsumexp", "matmul"))


def finding(body, *own, top="", rules=RULES, below=()):
    """What is found in an answer with this body: (key, name), or None."""
    answer = textwrap.dedent(top) + "\ndef softmax(x, dim):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    failure = read(slice_of(cells(*own, answer=answer, below=below), "softmax"), rules)
    return failure and (failure.key, failure.words["name"].strip("`"))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("return torch.softmax(x, dim)", "softmax"),
        ("return x.softmax(dim)", "softmax"),
        ("return torch.Tensor.softmax(x, dim)", "softmax"),
        ("return F.softmax(x, dim)", "softmax"),
        ("return F.log_softmax(x, dim).exp()", "log_softmax"),
        ("return torch.special.softmax(x, dim)", "softmax"),
        ("return nn.Softmax(dim)(x)", "Softmax"),
        ("return nn.modules.activation.Softmax(dim)(x)", "Softmax"),
        ("from torch import softmax as s\nreturn s(x, dim)", "softmax"),
        ("from torch.nn import Softmax as S\nreturn S(dim)(x)", "Softmax"),
        ("import torch.nn.functional as G\nreturn G.softmax(x, dim)", "softmax"),
        ("return getattr(torch, 'softmax')(x, dim)", "softmax"),
        ("return getattr(x, 'softmax')(dim)", "softmax"),
        ("f = torch.softmax\nreturn f(x, dim)", "softmax"),
        ("import functools\nreturn functools.partial(torch.softmax, dim=dim)(x)", "softmax"),
        ("from scipy import special\nreturn special.softmax(x.numpy(), dim)", "softmax"),
        ("from scipy.special import softmax as s\nreturn s(x, dim)", "softmax"),
        ("import scipy.special\nreturn scipy.special.logsumexp(x, dim)", "logsumexp"),
        ("from sklearn.utils.extmath import softmax\nreturn softmax(x)", "sklearn.utils.extmath"),
        ("match x:\n    case torch.Tensor(softmax=f):\n        return f(dim)", "softmax"),
        ("return torch.log(torch.vmap(torch.logsumexp)(x, dim))", "logsumexp"),
        ("return x @ x", "@"),
        ("x @= x\nreturn x", "@"),
        ("import operator\nreturn operator.matmul(x, x)", "matmul"),
        ("return (lambda t: t.softmax(dim))(x)", "softmax"),
        ("return [t.softmax(dim) for t in x]", "softmax"),
        ("return f'{x.softmax(dim)}'", "softmax"),
    ],
)
def test_a_builtin_by_its_name(body, name):
    found = finding(body)
    assert found in (("forbidden_source", name), ("reaches_around", name))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("return getattr(torch, 'soft' + 'max')(x, dim)", "getattr"),
        ("return getattr(x, 'soft' + 'max')(dim)", "getattr"),
        ("g = getattr\nreturn g(torch, 'soft' + 'max')(x, dim)", "getattr"),
        ("return torch._C._VariableFunctions.log_softmin(x)", "torch._C"),
        ("return torch._VF.bmm(x)", "torch._VF"),
        ("return torch.ops.aten.exp(x)", "torch.ops"),
        ("return torch.jit.script(x)", "torch.jit"),
        ("return torch.fx.symbolic_trace(x)", "torch.fx"),
        ("return torch.library.custom_op(x)", "torch.library"),
        ("return torch.overrides.is_tensor_like(x)", "torch.overrides"),
        ("import torch.utils._python_dispatch", "torch.utils._python_dispatch"),
        ("from torch.utils import cpp_extension", "torch.utils.cpp_extension"),
        ("from torch import _C as c\nreturn c", "torch._C"),
        ("import torch as t\nreturn t._C", "torch._C"),
        ("import torch._C._functions as c\nreturn c", "torch._C._functions"),
        ("import importlib\nreturn importlib.import_module('torch')", "importlib"),
        ("return __import__('torch').exp(x)", "__import__"),
        ("import sys\nreturn sys.modules['torch']", "sys.modules"),
        ("from sys import modules\nreturn modules['torch']", "sys.modules"),
        ("import sys as s\nreturn s.modules['torch']", "sys.modules"),
        ("import dataclasses\nreturn dataclasses.sys.modules['torch']", "dataclasses.sys.modules"),
        ("import enum\nreturn enum.bltns.getattr(torch, 'x')", "enum.bltns"),
        ("return torch.builtins.getattr(x, 'y')", "torch.builtins"),
        ("return torch.threading.Thread", "torch.threading"),
        ("return F.importlib", "torch.nn.functional.importlib"),
        ("return vars(torch)['soft' + 'max'](x, dim)", "vars"),
        ("return torch.__dict__['soft' + 'max'](x, dim)", "torch.__dict__"),
        ("return x.__class__.__dict__['soft' + 'max'](x, dim)", "__dict__"),
        ("return x.__getattribute__('soft' + 'max')(dim)", "__getattribute__"),
        ("return type(x).__getattribute__(x, 'soft' + 'max')(dim)", "__getattribute__"),
        ("return globals()['torch']", "globals"),
        ("return locals()", "locals"),
        ("return __builtins__['getattr']", "__builtins__"),
        ("return print.__self__", "__self__"),
        ("return softmax.__globals__", "__globals__"),
        ("return eval('torch.soft' + 'max(x, dim)')", "eval"),
        ("return [eval][0]('x')", "eval"),
        ("exec('y = x')", "exec"),
        ("return compile('x', 'y', 'eval')", "compile"),
        ("import operator\nreturn operator.attrgetter('soft' + 'max')(torch)", "operator.attrgetter"),
        ("from operator import methodcaller as m\nreturn m('soft' + 'max', dim)(x)", "operator.methodcaller"),
        ("import typing\nreturn typing.operator.attrgetter('x')", "typing.operator.attrgetter"),
        ("import pickle\nreturn pickle.loads(x)", "pickle"),
        ("import copyreg", "copyreg"),
        ("import ctypes\nreturn ctypes.pythonapi", "ctypes"),
        ("import gc\nreturn gc.get_objects()", "gc"),
        ("import inspect\nreturn inspect.currentframe()", "inspect"),
        ("import threading\nreturn threading.Thread(target=x)", "threading"),
        ("from concurrent.futures import ThreadPoolExecutor", "concurrent.futures"),
        ("import multiprocessing", "multiprocessing"),
        ("import asyncio", "asyncio"),
        ("import subprocess", "subprocess"),
        ("import os\nreturn os.environ", "os"),
        ("import pydoc\nreturn pydoc.locate('torch.exp')", "pydoc"),
        ("import timeit\nreturn timeit.timeit('x')", "timeit"),
        ("import string\nreturn string.Formatter().get_field('0', (x,), {})", "string.Formatter"),
        ("import functools\nreturn functools.singledispatch(x)", "functools.singledispatch"),
        ("import typing\nreturn typing.get_type_hints(x)", "typing.get_type_hints"),
        ("import numpy as np\nreturn np.load('x')", "numpy.load"),
        ("return torch.load('x')", "torch.load"),
        ("import pandas as pd\nreturn pd.eval('x')", "pandas"),
        ("import autograder.watching", "autograder.watching"),
        ("from autograder import operations", "autograder.operations"),
        ("from . import x", "."),
        ("with torch.DisableTorchFunction():\n    return x", "torch.DisableTorchFunction"),
        ("return torch.ExcludeDispatchKeyGuard(x)", "torch.ExcludeDispatchKeyGuard"),
        ("return torch.CompilationUnit('x')", "torch.CompilationUnit"),
        ("return torch.fork(x)", "torch.fork"),
        ("torch.exp = x", "torch.exp"),
        ("torch.Tensor.exp = x", "torch.Tensor.exp"),
        ("setattr(torch, 'exp', x)", "torch.exp"),
        ("setattr(x, 'a' + 'b', 1)", "setattr"),
        ("g = (y for y in x)\nreturn g.gi_frame.f_builtins", "f_builtins"),
        ("try:\n    1 / 0\nexcept Exception as e:\n    return e.__traceback__", "__traceback__"),
        ("return x.tb_frame", "tb_frame"),
        ("return x._make_subclass(x)", "_make_subclass"),
        ("f = helper(torch)\nreturn f", "torch"),
        ("t = torch\nreturn t.exp(x)", "torch"),
        ("return [torch, F][0].exp(x)", "torch"),
        ("def f(y, t=torch):\n    return y\nreturn f(x)", "torch"),
        ("return breakpoint()", "breakpoint"),
        ("match torch:\n    case object(_C=c):\n        return c", "torch"),
    ],
)
def test_a_way_around(body, name):
    assert finding(body) == ("reaches_around", name)


@pytest.mark.parametrize(
    ("top", "name"),
    [
        (
            "class Inside(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, *a): pass",
            "__torch_function__",
        ),
        ("class Inside(torch.Tensor):\n    __torch_dispatch__ = print", "__torch_dispatch__"),
        ("class K:\n    def peek(self, name):\n        return getattr(self, name)", "getattr"),
        ("class K:\n    def peek(self):\n        return super().__getattribute__('soft' + 'max')", "__getattribute__"),
        ("class K:\n    def peek(self):\n        return self.__dict__", "__dict__"),
        ("class K:\n    peek = __import__", "__import__"),
        ("class K:\n    def __import__(self, x):\n        pass\n    peek = __import__", "__import__"),
        ("class K:\n    def __add__(self, x):\n        return __import__\n    __radd__ = __add__", "__import__"),
        ("class K:\n    def __add__(self, x):\n        pass\n    __radd__ = __add__, eval", "__add__"),
        ("class K(nn.Softmax):\n    pass", "Softmax"),
        ("K = type('K', (nn.Softmax,), {})", "Softmax"),
    ],
)
def test_a_class_that_helps_to_get_around(top, name):
    found = finding("return K, Inside", top=top)
    assert found is not None and found[1] == name


def test_an_alias_in_a_cell_of_its_own_is_found_where_it_stands():
    assert finding("return helper(x, dim)", "helper = torch.softmax") == ("forbidden_source", "softmax")
    assert finding("return helper(x, dim)", below=["helper = torch.softmax"]) == ("forbidden_source", "softmax")
    assert finding("return helper(x, dim)", "from torch import softmax as helper") == ("forbidden_source", "softmax")
    assert finding("return softmin(x, dim)", "from torch.nn.functional import *") == ("forbidden_source", "softmin")
    assert finding("return exp(x)", "from os import *") == ("reaches_around", "os")


@pytest.mark.parametrize(
    ("body", "top"),
    [
        ("return x", "print(torch.softmax(torch.ones(3), 0))"),
        ("# torch.softmax would do it\nname = 'softmax'\nreturn x + len(name)", ""),
        ("'''Agrees with torch.softmax; see getattr, eval and _C.'''\nreturn x", ""),
        ("softmax_of_x = x.exp()\nreturn softmax_of_x", ""),
        ("def softmax(y):\n    return y\nreturn softmax(x)", ""),
        ("vars = [1, 2]\ncompile = 3\nreturn vars[0] * compile * x", ""),
        ("F = x.exp()\nreturn F.sum(dim)", ""),
        ("def f(torch):\n    return torch + 1\nreturn f(x)", ""),
        ("return x.exp() / x.exp().sum(dim, keepdim=True)", ""),
        ("return math.sqrt(2) * x + math.pi", ""),
        ("import functools\nreturn functools.reduce(torch.add, [x, x])", ""),
        ("from functools import partial\nreturn partial(torch.sum, dim=dim)(x)", ""),
        ("from dataclasses import dataclass, field\nreturn x", ""),
        ("from typing import Optional\nfrom collections.abc import Callable\nreturn x", ""),
        ("import itertools, collections, random, time, warnings, copy\nreturn copy.deepcopy(x)", ""),
        ("from operator import mul, itemgetter\nreturn mul(x, 2)", ""),
        ("with torch.no_grad():\n    return x * 2", ""),
        ("with torch.enable_grad(), torch.autograd.set_grad_enabled(True):\n    return x", ""),
        ("from torch.utils.checkpoint import checkpoint\nreturn checkpoint(torch.exp, x)", ""),
        ("import torch.utils.checkpoint\nreturn torch.utils.checkpoint.checkpoint(torch.exp, x)", ""),
        ("return torch.func.grad(lambda y: y.sum())(x)", ""),
        ("return torch.linalg.vector_norm(x, dim=dim) + torch.special.erf(x)", ""),
        ("return np.exp(x.numpy()) + np.float64(3) + np.linalg.norm(x)", ""),
        ("import scipy.stats\nreturn scipy.stats.norm.cdf(x)", ""),
        ("if isinstance(x, np.ndarray | torch.Tensor) and hasattr(x, 'mT'):\n    return x", ""),
        ("return getattr(x, 'mT')", ""),
        ("return x.__add__(x).__neg__()", ""),
        ("import sys\nreturn x.clamp(max=sys.float_info.max)", ""),
        ("return x.to(torch.float64).type(torch.float32).data.T", ""),
        ("return 1 + Value()", "class Value:\n    def __add__(self, x):\n        return x\n    __radd__ = __add__"),
        (
            "return 1 * Value()",
            "class Value:\n    def __add__(self, x):\n        return x\n    __radd__, __rmul__ = __add__, __add__",
        ),
        (
            "node = Value(x)\nnode._prev = [x]\nreturn node._prev[0]",
            "class Value:\n    def __init__(self, x):\n        self._prev = x",
        ),
        (
            "return Layer()(x)",
            "class Layer(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self._x = 1",
        ),
        (
            "return Layer()(x)",
            """
            class Layer(nn.Module):
                def __init__(self, sizes=(1, 2)):
                    super(Layer, self).__init__()
                    for k, size in enumerate(sizes):
                        setattr(self, f"weight_{k}", nn.Parameter(torch.ones(size)))
                    self.register_buffer("mask", torch.ones(3))

                def softmax(self, x):
                    return x

                @torch.no_grad()
                def reset_parameters(self):
                    nn.init.xavier_uniform_(self.weight_0)

                def forward(self, x):
                    return self.softmax(x) * getattr(self, "weight_" + str(0)) + len(list(self.modules()))

                def __repr__(self):
                    return self.__class__.__name__ + super().__repr__()
            """,
        ),
        ("model = nn.Linear(2, 2)\nmodel.eval()\nmodel.train()\nreturn model(x)", ""),
        ("from jaxtyping import Float\nimport einops\nreturn x", ""),
        ("try:\n    return x\nexcept ValueError as error:\n    raise RuntimeError('softmax') from error", ""),
        ("return {'softmax': x, 'getattr': 1}['softmax']", ""),
        ("return dict(softmax=x)['softmax']", ""),
    ],
)
def test_honest_code_is_not_refused(body, top):
    assert finding(body, top=textwrap.dedent(top)) is None


def test_honest_code_in_cells_of_its_own_is_not_refused():
    tried = "y = torch.softmax(torch.ones(3), 0)\nprint(y, getattr(torch, 'soft' + 'max'))\nimport os, pickle\n"
    assert finding("return x", tried, below=[tried]) is None
    assert (
        finding("return helper(x)", "import os\n\ndef helper(x):\n    return x\n", "print(helper(os.getcwd()))") is None
    )


def test_the_release_notebooks_own_cells_are_not_read():
    notebook = cells()
    notebook[0] = Cell(SETUP + "builtin = torch.softmax\n", "given")
    assert read(slice_of(notebook, "softmax"), RULES) is None


def test_without_rules_only_an_answer_whose_memory_or_time_counts_is_read():
    pieces = slice_of(cells(answer="import gc\n" + ANSWER + "softmax.gc = gc"), "softmax")
    assert read(pieces, Rules()) is None
    assert read(pieces, Rules(), watched=True).words["name"] == "`gc`"
    assert read(slice_of(cells(), "softmax"), Rules(), watched=True) is None


def test_answers_that_share_a_process_leave_one_another_nothing_that_is_forbidden():
    stash = "import warnings\nimport scipy.special\n{}\ndef softmax(x, dim):\n    return x, keep\n"
    hidden = slice_of(cells(answer=stash.format("keep = warnings.filters.append(scipy.special.expit)")), "softmax")
    assert read(hidden, RULES) is None
    assert read(hidden, RULES, beside=["*expit"]).key == "reaches_around"
    setting = slice_of(cells(answer=stash.format("keep = torch.set_default_dtype(torch.float64)")), "softmax")
    assert read(setting, RULES, beside=[]).key == "reaches_around"
    assert read(slice_of(cells(), "softmax"), RULES, beside=["*relu*"]) is None
    assert read(slice_of(cells(answer=ANSWER + "k = torch.relu"), "softmax"), RULES, beside=["*relu*"]) is None


def test_the_line_that_is_named_is_the_line_in_the_cell():
    failure = read(
        slice_of(cells(answer="\n\ndef softmax(x, dim):\n    y = x\n    return x.softmax(dim)\n"), "softmax"), RULES
    )
    assert failure.words["line"] == 5
