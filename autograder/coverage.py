"""That the course holds all that the Atlas prints: `source/atlas.yml` against exercises, cases and the map."""

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pydantic import Field

from autograder.cases import Case
from autograder.chapters import Chapter
from autograder.course import Course, Entry, validated
from autograder.formulas import Row
from autograder.verdicts import FACETS
from autograder.yaml_text import Document

ATLAS = Path("source/atlas.yml")
TABLE = Path("docs/coverage.md")


class Atlas(Entry):
    """A source/atlas.yml."""

    equations: dict[int, int] = Field(description="{chapter: how many equations it numbers}")
    functions: dict[str, list[str]] = Field(description="{exercise: a list of functions with full names}")
    corrected: list[str] = Field(description="a list of exercises")

    @property
    def numbers(self) -> list[str]:
        return [f"{chapter}.{i}" for chapter, count in self.equations.items() for i in range(1, count + 1)]


@dataclass
class Covered:
    """A numbered equation, and an exercise that asks for it."""

    equation: str
    chapter: str
    exercise: str
    title: str
    cases: list[Case]

    @property
    def number(self) -> list[int]:
        return [int(part) for part in self.equation.split(".")]


def load_atlas(root: Path) -> Atlas:
    path = root / ATLAS
    return validated(Document(path, path.read_text(encoding="utf-8")), Atlas)


def covered(course: Course, rows: list[Row]) -> list[Covered]:
    """Every exercise of every numbered equation, in the order of the numbers; those the course adds among them."""
    exercises = {entry.name: Chapter(course.root, entry.name).exercises for entry in course.written}
    found: dict[tuple[str, str], Covered] = {}
    for row in rows:
        name = row.formula.exercise
        title = " · ".join(dict.fromkeys([row.formula.title.en, row.formula.title.zh]))
        for equation in filter(None, row.equation.split(", ")):
            cases = exercises[row.chapter][name].cases
            found.setdefault((equation, name), Covered(equation, row.chapter, name, title, cases))
    return sorted(found.values(), key=lambda entry: entry.number)


def lacking(atlas: Atlas, entries: list[Covered], rows: list[Row]) -> list[str]:
    """What the Atlas prints and the course lacks; empty when it is whole."""
    has = {entry.equation for entry in entries if any(not case.visible for case in entry.cases)}
    problems = [f"{number}: no exercise with hidden cases asks for it" for number in atlas.numbers if number not in has]
    for exercise, functions in atlas.functions.items():
        own = [row.formula for row in rows if row.formula.exercise == exercise]
        named = [name for formula in own for name in formula.functions]
        printed = " ".join(correction.printed for formula in own for correction in formula.corrects)
        problems += [
            f"{function}: neither computed nor corrected in a row of the map for {exercise!r}"
            for function in functions
            if not any(name == function or name.startswith(f"{function}.") for name in named)
            and function not in printed
        ]
    corrected = {row.formula.exercise for row in rows if row.formula.corrects}
    return problems + [
        f"{name}: its row of the map corrects nothing" for name in atlas.corrected if name not in corrected
    ]


def page(entries: list[Covered]) -> str:
    """The table for the docs."""
    lines = [
        "# Coverage: equation, exercise, cases",
        "",
        "Written by `make map`. Every equation that the Atlas numbers, the exercises that ask for it, and the cases",
        "that judge them: those a student sees as checks, and the hidden ones by facet.",
    ]
    for chapter, group in groupby(entries, lambda entry: entry.number[0]):
        lines += ["", f"## Chapter {chapter}", ""]
        lines += ["| equation | formula | exercise | checks | hidden cases |", "|---|---|---|---|---|"]
        lines += [f"| {entry.equation} | {entry.title} | `{entry.exercise}` | {_cases(entry)} |" for entry in group]
    return "\n".join(lines) + "\n"


def _cases(entry: Covered) -> str:
    hidden = Counter(case.facet for case in entry.cases if not case.visible)
    facets = ", ".join(f"{hidden[facet]} {facet}" for facet in FACETS if hidden[facet])
    return f"{len(entry.cases) - hidden.total()} | {facets}"
