"""What a chapter's test files are written with: cases, wrong answers and right answers.

A case says what to call and never what is right. Its driver is a function of an implementation and a
draw; the judge runs the same driver on the student's answer, on the reference and on the builtin, with
the same draw, and compares what came back.

    @case("softmax", agrees_with=torch.softmax)
    def rows_of_logits(softmax, draw):
        \"\"\"一批 logits，逐行归一化\"\"\"
        return softmax(draw.normal(3, 5), dim=-1)

The driver's name is the case's English sentence, its docstring the Chinese one.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch

from autograder.verdicts import FACETS, Facet

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()
MOST_FALSE_ALARMS = 1e-6  # that a statistical test of a right answer may raise


@dataclass(frozen=True)
class Rules:
    """What an answer may do besides being right; `RULES = {"softmax": Rules(forbids=("softmax", …))}` in checks.py.

    forbids: names of functions, methods and aten operators that may not be called, as `fnmatch` patterns
        without leading or trailing underscores ("softmax" covers torch.softmax, x.softmax(), F.softmax and
        aten::_softmax); "@" is covered by "matmul".
    may_change: the parameters that a call is allowed to change in place.
    native: whether an answer may be compiled from C++ or CUDA, as those of a lab may.
    """

    forbids: tuple[str, ...] = ()
    may_change: tuple[str, ...] = ()
    native: bool = False


@dataclass(frozen=True)
class Case:
    """One named driver and how its result is judged."""

    exercise: str
    driver: Callable
    facet: Facet = "value"
    agrees_with: Callable | None = None
    expected: Any = MISSING
    raises: type[Exception] | None = None
    dtypes: tuple[torch.dtype, ...] = (torch.float64, torch.float32)
    draws: int = 1
    weight: float = 1.0
    rtol: float | None = None
    atol: float | None = None
    false_alarm: float = 0.0
    faster_than: Callable | None = None
    times: float = field(default=0.0, compare=False)  # what course.yml says, put in when the chapter is loaded
    visible: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        return self.driver.__name__

    def sentence(self, language: str = "en") -> str:
        """The case in words: its name in English, its docstring in Chinese."""
        chinese = inspect.getdoc(self.driver)
        if language == "zh" and chinese:
            return chinese.strip()
        return self.name.replace("_", " ")


def case(
    exercise: str,
    *,
    facet: Facet = "value",
    agrees_with: Callable | None = None,
    expected: Any = MISSING,
    raises: type[Exception] | None = None,
    dtypes: Iterable[torch.dtype] | None = None,
    draws: int = 1,
    weight: float = 1.0,
    rtol: float | None = None,
    atol: float | None = None,
    false_alarm: float = 0.0,
    faster_than: Callable | None = None,
) -> Callable[[Callable], Case]:
    """Make a driver `(implementation, draw) -> result` a case of `exercise`.

    agrees_with: the builtin, or any independent implementation with the same signature.
    expected: the result itself, where a driver draws nothing.
    raises: the error that the call must raise; torch's own error for the same bad call is accepted too.
    dtypes: the driver runs once for each, as `draw.dtype`; float64 and float32 unless it is a gradient.
    draws: how many fresh draws the case is judged on.
    rtol, atol: both or neither; `torch.testing.assert_close`'s for the dtype unless given. Say why.
    false_alarm: how likely chance alone fails a right answer, where the case is a statistical test; below 1e-6.
    faster_than: the baseline of a case of speed, a right answer that is slow; `speed` in course.yml says how many
        times as fast an answer must be.
    """
    if facet not in FACETS:
        raise ValueError(f"facet {facet!r} of a case of {exercise!r}: use one of {', '.join(FACETS)}")
    if (rtol is None) != (atol is None):
        raise ValueError(f"a case of {exercise!r} gives one of rtol and atol: give both or neither")
    if faster_than and facet != "speed":
        raise ValueError(f"a case of {exercise!r} is timed, so its facet is speed")
    if not 0 <= false_alarm < MOST_FALSE_ALARMS:
        raise ValueError(f"a case of {exercise!r} may fail a right answer with chance {false_alarm:g}: keep below 1e-6")
    if dtypes is None:
        dtypes = (torch.float64, torch.float32)
        if facet == "gradient" or faster_than or raises:
            dtypes = (torch.float64,)

    def decorate(driver: Callable) -> Case:
        how_near = (rtol, atol, false_alarm, faster_than)
        return Case(exercise, driver, facet, agrees_with, expected, raises, tuple(dtypes), draws, weight, *how_near)

    return decorate


@dataclass(frozen=True)
class Answer:
    """An answer that the course's own tests judge: wrong, with the hint it deserves, or right but unlike ours."""

    exercise: str
    name: str
    source: str
    note: str
    right: bool

    @property
    def sentence(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower().replace("_", " ")

    def hint(self, language: str = "en") -> str:
        """The note's paragraphs in one language: those with Chinese characters, or those without."""
        paragraphs = [_joined(part) for part in self.note.split("\n\n")]
        chosen = [p for p in paragraphs if bool(re.search(r"[\u4e00-\u9fff]", p)) == (language == "zh")]
        return "\n".join(chosen or paragraphs)


def _joined(paragraph: str) -> str:
    """A paragraph on one line; a line break between Chinese characters is no space."""
    line = " ".join(paragraph.split())
    return re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff\uff00-\uffef])", "", line)


def wrong(exercise: str) -> Callable[[Any], Answer]:
    """Mark a function or class as what students really write; its docstring is the hint (English, then Chinese)."""
    return lambda thing: _answer(exercise, thing, right=False)


def right(exercise: str) -> Callable[[Any], Answer]:
    """Mark a function or class as a right answer unlike the reference; its docstring says how it differs."""
    return lambda thing: _answer(exercise, thing, right=True)


@dataclass(frozen=True)
class Edit:
    """A wrong answer written as an edit of the reference's text."""

    exercise: str
    replace: Mapping[str, str]
    hint: str


def edited(exercise: str, replace: Mapping[str, str], hint: str) -> Edit:
    """A wrong answer that differs from the reference in a few words: `{old text: new text}`.

    Every old text must occur in the reference's source. Assign it to a name that says what is wrong.
    """
    return Edit(exercise, replace, inspect.cleandoc(hint))


def _answer(exercise: str, thing: Any, right: bool) -> Answer:
    source = textwrap.dedent(inspect.getsource(thing))
    source = re.sub(r"\A(@.*\n)+", "", source)
    note = inspect.cleandoc(thing.__doc__ or "")
    if not note:
        raise ValueError(f"{thing.__name__}, an answer to {exercise!r}, has no docstring: write its hint there")
    source = re.sub(rf"\b{thing.__name__}\b", exercise, source)
    module = inspect.getmodule(thing)
    imports = import_lines(inspect.getsource(module)) if module else ""
    return Answer(exercise, thing.__name__, imports + source, note, right)


@cache
def import_lines(source: str) -> str:
    """The top-level imports of a module, less those of the course's own packages, of which answers see the kernels'."""
    tree = ast.parse(source)
    kept = [
        ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.Import)
        or (
            isinstance(node, ast.ImportFrom)
            and ((node.module or "").split(".")[0] != "autograder" or node.module == "autograder.kernels")
        )
    ]
    return "".join(line + "\n" for line in kept) + ("\n\n" if kept else "")
