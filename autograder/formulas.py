"""The map: every formula with its exercise and the library functions that compute it.

`source/<chapter>/formulas.yml` holds a chapter's rows. Each names calls of library functions; `verify` runs them beside
the exercise's reference on the same draw, so no row can name a function that does not exist or computes something else.
"""

import ast
import importlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from rich.table import Table

from autograder.chapters import Chapter
from autograder.comparison import compare
from autograder.course import ChapterEntry, Course, Entry, Language, Title, validated
from autograder.draws import Draw, seed_of
from autograder.errors import CourseError
from autograder.operations import OPERATIONS
from autograder.yaml_text import Document

FILE = "formulas.yml"
TABLE = Path("docs/map.md")
ON_ARRAYS = ("numpy", "scipy", "sklearn")  # given NumPy arrays where the others are given tensors
LIBRARIES = ("torch", *ON_ARRAYS)


class Correction(Entry):
    """What a text that the course grew from prints, and what is true."""

    printed: str = Field(description="what it says, as it stands there")
    right: Title = Field(description="{en: …, zh: …}: what is true")


class Formula(Entry):
    """One row: a formula, the exercise that asks for it, and who computes it."""

    exercise: str = Field(description="the name of the exercise")
    title: Title = Field(description="{en: …, zh: …}: what the formula is called")
    formula: str = Field(description="the formula in LaTeX, without dollars")
    given: dict[str, str] = Field(
        default={}, description="the arguments: {name: Python expression of `draw`, torch and the arguments before it}"
    )
    ours: str = Field(default="", description="the call of the exercise; with all of `given`, in order, if left out")
    libraries: list[str | dict[str, str]] = Field(
        default=[],
        description="a list of calls with full names, or of {function: call} where the call names others",
    )
    corrects: list[Correction] = Field(default=[], description="a list of {printed, right}")

    @property
    def call(self) -> str:
        return self.ours or f"{self.exercise}({', '.join(self.given)})"

    @property
    def calls(self) -> list[tuple[str, str]]:
        """The library functions by their full names, each with a call of it."""
        return [
            pair
            for given in self.libraries
            for pair in (given.items() if isinstance(given, dict) else [(function_of(given), given)])
        ]

    @property
    def functions(self) -> list[str]:
        """The library functions by their full names, each once."""
        return list(dict.fromkeys(function for function, _ in self.calls))


class Formulas(Entry):
    """A formulas.yml."""

    formulas: list[Formula] = Field(min_length=1, description="a list of rows")


@dataclass
class Row:
    """A formula with what course.yml knows of it."""

    chapter: str
    equation: str
    formula: Formula

    def as_json(self) -> dict[str, Any]:
        data = self.formula.model_dump(exclude={"given", "ours", "libraries"})
        functions = [{"function": function, "call": call} for function, call in self.formula.calls]
        return {"chapter": self.chapter, "equation": self.equation, **data, "functions": functions}


def load_formulas(root: Path, entry: ChapterEntry) -> list[Row]:
    """A chapter's rows. Raises CourseError with every problem found."""
    path = root / "source" / entry.name / FILE
    try:
        document = Document(path, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{path}: no such file: write a row for every exercise") from None
    found = validated(document, Formulas).formulas
    equations = {exercise.name: exercise.equation for exercise in entry.exercises}
    named = [formula.exercise for formula in found]
    problems: list[tuple[Any, str]] = [
        (("formulas", index, "exercise"), f"the chapter has no exercise {name!r}")
        for index, name in enumerate(named)
        if name not in equations
    ]
    problems += [(("formulas",), f"no row for the exercise {name!r}") for name in equations if name not in named]
    document.refuse(problems)
    return [Row(entry.name, equations[formula.exercise], formula) for formula in found]


def all_rows(course: Course, chapters: list[str] | None = None) -> Iterator[Row]:
    """The rows of some chapters, or of all written ones."""
    for entry in course.written:
        if not chapters or entry.name in chapters:
            yield from load_formulas(course.root, entry)


def function_of(call: str) -> str:
    """The library function that a call is about: the first full name in it."""
    for name in _full_names(call):
        return name
    raise CourseError(f"{call}: names no function of {', '.join(LIBRARIES)} in full, such as torch.linalg.svd")


def _full_names(call: str) -> Iterator[str]:
    try:
        tree = ast.parse(call, mode="eval")
    except SyntaxError as error:
        raise CourseError(f"{call}: is no Python expression: {error.msg}. In YAML, quote a call with a comma") from None
    for node in ast.walk(tree):
        name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if name.split(".")[0] in LIBRARIES and all(part.isidentifier() for part in name.split(".")):
            yield name


def verify(root: Path, row: Row) -> list[str]:
    """What is wrong with a row; empty when every function computes what the exercise's reference does."""
    formula = row.formula
    if not formula.libraries:
        return []
    where = f"source/{row.chapter}/{FILE}: {formula.exercise}"
    draw = Draw(seed_of("the map", row.chapter, formula.exercise))
    names: dict[str, Any] = {"torch": torch, "draw": draw, "loaded": loaded, **OPERATIONS}
    try:
        for name, expression in formula.given.items():
            names[name] = eval(expression, names)
        given = {name: names[name] for name in formula.given}
        ours = eval(formula.call, {**names, **vars(Chapter(root, row.chapter).reference)})
    except Exception as error:
        return [f"{where}: {formula.call}: {type(error).__name__}: {error}"]
    single = any(isinstance(value, torch.Tensor) and value.dtype == torch.float32 for value in given.values())
    precision = torch.float32 if single else torch.float64  # kernels calculate in float32
    problems = []
    for function, call in formula.calls:
        try:
            theirs = _called(function, call, names, given)
        except Exception as error:
            problems.append(f"{where}: {call}: {type(error).__name__}: {error}")
            continue
        difference = compare(_comparable(theirs, precision), _comparable(ours, precision))
        if difference:
            problems.append(f"{where}: {call}: {difference.message()}")
    return problems


def _called(function: str, call: str, names: dict[str, Any], given: dict[str, Any]) -> Any:
    root = function.split(".")[0]
    if root in ON_ARRAYS:
        given = {name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in given.items()}
    _imported(function)
    modules = {name.split(".")[0]: _imported(name) for name in _full_names(call)}
    return eval(call, {**names, **given, **modules})


def _imported(function: str) -> Any:
    """The top module of a full name, with the submodules on the way imported; AttributeError if it names nothing."""
    root, *path = function.split(".")
    found = importlib.import_module(root)
    for end, name in enumerate(path, start=1):
        if not hasattr(found, name):
            with suppress(ModuleNotFoundError):
                importlib.import_module(".".join([root, *path[:end]]))
        found = getattr(found, name)
    return importlib.import_module(root)


def _comparable(value: Any, precision: torch.dtype) -> Any:
    """Arrays and numbers as tensors of one precision, so that what is compared is the mathematics."""
    if isinstance(value, (tuple, list)):
        return [_comparable(item, precision) for item in value]
    if isinstance(value, torch.Tensor):
        return value.detach().to(precision.to_complex() if value.is_complex() else precision)
    if isinstance(value, (np.ndarray, np.generic, int, float)):
        return torch.as_tensor(value).to(precision)
    return value


def loaded(module: torch.nn.Module, *parameters: torch.Tensor) -> torch.nn.Module:
    """A module of torch's in float64 with these parameters, in the order in which it has them."""
    module = module.double()
    with torch.no_grad():
        for own, given in zip(module.parameters(), parameters, strict=True):
            own.copy_(given)
    return module


def table(rows: list[Row], language: Language) -> Table:
    """The map for a terminal."""
    shown = Table("equation", "formula", "exercise", "computed by", title="formula, exercise, library functions")
    for row in rows:
        functions = "\n".join(row.formula.functions)
        shown.add_row(row.equation, row.formula.title.of(language), f"{row.chapter}\n{row.formula.exercise}", functions)
    return shown


def page(rows: list[Row]) -> str:
    """The map as a page of the docs."""
    lines = [
        "# The map: formula, exercise, library functions",
        "",
        "Written by `make map`. `make test` runs every row: each function named here computes what the exercise's",
        "reference computes, in a call that stands in the chapter's `formulas.yml`.",
    ]
    chapter = ""
    for row in rows:
        if row.chapter != chapter:
            chapter = row.chapter
            lines += ["", f"## {chapter}", "", "| equation | formula | exercise | computed by |", "|---|---|---|---|"]
        f = row.formula
        title = " · ".join(dict.fromkeys([f.title.en, f.title.zh]))
        functions = ", ".join(f"`{name}`" for name in f.functions) or "no library"
        lines.append(f"| {row.equation} | {title}: ${_in_a_cell(f.formula)}$ | `{f.exercise}` | {functions} |")
    corrections = [(row, c) for row in rows for c in row.formula.corrects]
    if corrections:
        lines += ["", "## What other texts print", "", "| printed | exercise | right |", "|---|---|---|"]
        for row, c in corrections:
            lines.append(f"| `{_in_a_cell(c.printed)}` | `{row.formula.exercise}` | {c.right.en} · {c.right.zh} |")
    return "\n".join(lines) + "\n"


def _in_a_cell(text: str) -> str:
    return text.strip().replace("|", "\\|")
