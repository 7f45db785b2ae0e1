"""A chapter as a student has it: checks.py and exercises.json beside the notebook, or the repository.

exercises.json is written by `atlas build`; checks.py is loaded once, and again when it changes.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder.cases import Case, Rules
from autograder.chapters import load_cases
from autograder.errors import CourseError
from autograder.judging import count_hidden
from autograder.language import say

CHECKS = "checks.py"
FACTS = "exercises.json"
COURSE = "course.yml"


class NotFound(CourseError):
    """No chapter's files, or no such exercise, where check was called."""


@dataclass(frozen=True)
class Listed:
    """One exercise as exercises.json lists it. hidden: how many hidden cases it has of each facet."""

    name: str
    equation: str = ""
    points: float = 1.0
    hidden: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Assignment:
    """A chapter's visible side.

    checks: its checks.py. notebook: where its notebook should be. listed: its exercises in order.
    """

    checks: Path
    notebook: Path
    chapter: str
    language: str
    listed: Mapping[str, Listed]

    @property
    def names(self) -> list[str]:
        """The exercises, in the notebook's order."""
        return list(self.listed)

    def cases(self, exercise: str) -> list[Case]:
        """The visible cases of one exercise."""
        return [case for case in self._loaded[0] if case.exercise == exercise]

    def rules(self, exercise: str) -> Rules:
        """What an answer may not call, and what it may change."""
        return replace(self._loaded[1].get(exercise, Rules()), native=self.chapter.startswith("lab"))

    @property
    def _loaded(self) -> tuple[list[Case], dict[str, Rules]]:
        return _load(self.checks, f"atlas_{self.chapter}_checks")


def find(exercise: str | None, start: Path, language: str | None = None) -> Assignment:
    """The chapter of the folder `start`; in the repository, also the one that has the exercise. Raises NotFound."""
    if (start / CHECKS).is_file() and (start / FACTS).is_file():
        return of_folder(start)
    root = repository_above(start)
    if root is None:
        raise NotFound(say("check_no_files", language or "en", folder=start))
    chapters = sorted(path.parent.name for path in root.glob(f"source/*/{CHECKS}"))
    parts = start.relative_to(root).parts
    spoken = language or next((part for part in parts if part in ("en", "zh")), "en")
    here = [chapter for chapter in chapters if chapter in parts]
    if here:
        return of_repository(root, here[0], spoken)
    found = [a for a in (of_repository(root, c, spoken) for c in chapters) if exercise in a.listed]
    if len(found) > 1:
        names = ", ".join(a.chapter for a in found)
        raise NotFound(say("check_ambiguous", spoken, name=exercise, chapters=names))
    if not found:
        raise NotFound(say("check_no_files", spoken, folder=start))
    return found[0]


def repository_above(start: Path) -> Path | None:
    """The course's repository that a folder lies in."""
    return next((p for p in (start, *start.parents) if (p / COURSE).is_file() and (p / "source").is_dir()), None)


def of_folder(folder: Path) -> Assignment:
    """The chapter whose checks.py and exercises.json lie in a folder."""
    facts = read_facts(folder / FACTS)
    chapter, language = str(facts["chapter"]), str(facts["language"])
    return _assignment(folder / CHECKS, folder / f"{chapter}.ipynb", chapter, language, facts["exercises"])


def of_repository(root: Path, chapter: str, language: str = "en") -> Assignment:
    """A chapter of the repository: its source's checks, and what the last build or course.yml says of it."""
    checks = root / "source" / chapter / CHECKS
    if not checks.is_file():
        raise NotFound(f"{checks}: no such file: is {chapter!r} the name of a chapter?")
    built = root / "assignments" / language / chapter / FACTS
    entries: Iterable[Mapping[str, Any]] = ()
    if built.is_file():
        entries = read_facts(built)["exercises"]
    elif (root / COURSE).is_file():
        from autograder.course import load_course

        exercises = load_course(root).chapter(chapter).exercises
        hidden = _hidden(root, chapter)
        entries = [
            {"name": e.name, "equation": e.equation, "points": e.points, "hidden": hidden.get(e.name, {})}
            for e in exercises
        ]
    return _assignment(checks, built.parent / f"{chapter}.ipynb", chapter, language, entries)


def _hidden(root: Path, chapter: str) -> dict[str, dict[str, int]]:
    """How many hidden cases each exercise has of each facet, where the hidden cases lie beside the source."""
    path = root / "tests" / chapter / "hidden.py"
    if not path.is_file():
        return {}
    cases, _ = load_cases(path, f"atlas_{chapter}_hidden", visible=False)
    return {name: count_hidden(cases, name, chapter.startswith("lab")) for name in {c.exercise for c in cases}}


def _assignment(
    checks: Path, notebook: Path, chapter: str, language: str, entries: Iterable[Mapping[str, Any]]
) -> Assignment:
    listed = {e["name"]: Listed(e["name"], e["equation"], e["points"], e.get("hidden", {})) for e in entries}
    for case in _load(checks, f"atlas_{chapter}_checks")[0]:
        listed.setdefault(case.exercise, Listed(case.exercise))
    return Assignment(checks, notebook, chapter, language, listed)


def read_facts(path: Path) -> dict[str, Any]:
    """exercises.json, with the keys that check needs."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        for entry in facts["exercises"]:
            for key in ("name", "equation", "points"):
                entry[key]
        facts["chapter"], facts["language"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path}: not what the build writes ({type(error).__name__}: {error}): get the file again from the course"
        ) from error
    return facts


def _load(path: Path, module: str) -> tuple[list[Case], dict[str, Rules]]:
    state = path.stat()
    return _load_once(path, module, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _load_once(path: Path, module: str, mtime: int, size: int) -> tuple[list[Case], dict[str, Rules]]:
    return load_cases(path, module, visible=True)
