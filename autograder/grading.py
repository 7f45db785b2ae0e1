"""`atlas grade`: a whole class judged in parallel and recorded, resumable at any moment.

Every submission is read, judged (unless the store has the verdict on these very answers), stored, and recorded in the
gradebook as soon as its verdict is there. Whatever is wrong with one submission is a result of that submission, with
what to do about it; it never stops the others.
"""

import fcntl
import gc
import importlib
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from autograder.answers import Submission
from autograder.course import FILE, ChapterEntry, Course, load_course
from autograder.judges import JUDGE, VERDICTS, Judges, JudgesUnusable, freeze
from autograder.store import Problem, Store, StoreError

SUBMITTED = "submitted"
LOCK = ".lock"
IN_FLIGHT = 256

Outcome = Literal["graded", "needs_a_person", "unreadable", "absent", "not_graded"]


class GradingError(Exception):
    """Grading cannot begin or go on; the message says why and what to do."""


@dataclass
class Result:
    """What became of one submission.

    outcome: "graded"; "needs_a_person" when the judge failed or a GPU is missing; "unreadable"; "absent" when the
        folder holds no notebook; "not_graded" when it could not be recorded.
    judged: whether it was judged in this run; recorded: whether the gradebook was written in this run.
    """

    chapter: str
    student: str
    outcome: Outcome
    score: float | None = None
    max_score: float | None = None
    judged: bool = False
    recorded: bool = False
    problem: Problem | None = None


@dataclass
class Summary:
    """What a run did, submission by submission, and what else a person should know.

    problems: of the course or the folders, not of one submission; notices: worth knowing, nothing to mend.
    seconds: where the time went; judging and recording overlap.
    """

    results: list[Result] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    sandbox: str = ""

    @property
    def passed(self) -> bool:
        """Whether every submission was graded and nothing else is wrong."""
        return not self.problems and all(result.outcome == "graded" for result in self.results)

    def as_json(self) -> dict[str, Any]:
        def plain(problem: Problem | None) -> dict[str, str] | None:
            return problem.model_dump() if problem else None

        results = [vars(result) | {"problem": plain(result.problem)} for result in self.results]
        problems = [plain(problem) for problem in self.problems]
        return {**vars(self), "results": results, "problems": problems}


@dataclass
class Handed:
    """One submission as it lies in submitted/."""

    student: str
    entry: ChapterEntry
    path: Path
    submission: Submission | None = None
    judged: bool = False

    @property
    def chapter(self) -> str:
        return self.entry.name


def grade(
    root: Path,
    chapters: Sequence[str] | None = None,
    student: str | None = None,
    workers: int | None = None,
    sandbox: str = "bwrap",
    executor: Executor | None = None,
    console: Console | None = None,
    judge: str = JUDGE,
) -> Summary:
    """Judge and record every submission of the chapters, or of all written ones.

    student: only this one's. workers: how many are judged at once; one a core of this machine unless given, and with an
    executor as many as it takes. sandbox: "bwrap", or "none" for code that one trusts. executor: where to judge instead
    of in processes of this machine. console: where to show the progress. judge: what judges (see `judges.Judge`).

    Raises GradingError, and CourseError for a course.yml that is wrong.
    """
    root = Path(root).resolve()
    course = load_course(root)
    entries = [course.chapter(name) for name in chapters] if chapters else course.written
    workers = workers or (_cores() if executor is None else IN_FLIGHT)
    with _only_one(root) as notices, Judges(workers, executor, judge) as judges:
        found, absent, problems = find_submissions(root, course, entries, student)
        try:
            with ThreadPoolExecutor(1) as beside:  # nbgrader takes seconds, in which the judges start too
                imported = beside.submit(_import_batch)
                if any(not Store(root / VERDICTS).path(h.chapter, h.student).exists() for h in found):
                    judges.begin(sandbox, root, found[0].entry)
                Batch = imported.result().Batch
            batch = Batch(root, course, sandbox, judges, console)
            batch.summary.notices += notices
            batch.summary.problems += problems
            return batch.run(found, absent)
        except (StoreError, JudgesUnusable) as error:
            raise GradingError(str(error)) from error


def _import_batch() -> Any:
    """The module that does the work, with all of nbgrader."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type] # jsonschema's: two seconds, for no notebook
    gc.disable()  # nothing of what is imported is ever garbage
    module = importlib.import_module("autograder.batch")
    freeze()
    gc.enable()
    return module


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _only_one(root: Path) -> Iterator[list[str]]:
    """Hold the course's lock. The system lets go of it when its process ends, however that happens."""
    path = root / VERDICTS / LOCK
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise GradingError(
            f"{path}: cannot be written: {error.strerror}. Make {path.parent} writable for you"
        ) from error
    with open(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = file.read().strip() or "a process that did not say its name"
            raise GradingError(f"another `atlas grade` is at work here: {holder}. Wait for it, or end it") from error
        dead = file.read().strip()
        _write_holder(file, f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%F %T} UTC")
        try:
            yield [f"The last run ({dead}) ended before its work was done: going on where it stopped"] if dead else []
        finally:
            _write_holder(file, "")


def _write_holder(file: Any, holder: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(holder)
    file.flush()


def find_submissions(
    root: Path, course: Course, entries: Sequence[ChapterEntry], student: str | None = None
) -> tuple[list[Handed], list[Handed], list[Problem]]:
    """The submissions of some chapters below submitted/; folders without their notebook; and what else lies there."""
    submitted = root / SUBMITTED
    if not submitted.is_dir():
        raise GradingError(
            f"{submitted}: no such folder. Collect submissions with `nbgrader zip_collect` or `nbgrader collect`, or "
            f"put them there as {SUBMITTED}/<student>/<chapter>/<chapter>.ipynb"
        )
    wanted = {entry.name: entry for entry in entries}
    found: list[Handed] = []
    absent: list[Handed] = []
    problems: list[Problem] = []

    def say(path: Path, message: str, remedy: str) -> None:
        problems.append(Problem(path=path.relative_to(root).as_posix(), message=message, remedy=remedy))

    for place in _listed(submitted, say):
        if student is not None and place.name != student:
            continue
        if not place.is_dir():
            say(place, "is a stray file", f"Move it to {SUBMITTED}/<student>/<chapter>/, or delete it")
            continue
        if place.name != place.name.strip():
            say(place, "its name begins or ends with a space, which nbgrader cannot find", "Rename the folder")
            continue
        for folder in _listed(place, say):
            if not folder.is_dir():
                say(folder, "is a stray file", f"Move it to {place.name}/<chapter>/, or delete it")
            elif folder.name not in {entry.name for entry in course.chapters}:
                near = get_close_matches(folder.name, [entry.name for entry in course.chapters], n=1)
                remedy = f"Rename the folder to {near[0]}" if near else f"Look at the names in {FILE}"
                say(folder, "the course has no chapter of this name", remedy)
            elif folder.name in wanted:
                handed = Handed(place.name, wanted[folder.name], folder / f"{folder.name}.ipynb")
                (found if os.path.lexists(handed.path) else absent).append(handed)
    if student is not None and not (submitted / student).is_dir():
        names = [path.name for path in submitted.iterdir() if path.is_dir()]
        near = get_close_matches(student, names, n=1)
        remedy = f"Did you mean {near[0]}?" if near else "Look at the names of the folders there"
        say(submitted / student, "there is no such student's folder", remedy)
    return found, absent, problems


def _listed(folder: Path, say: Any) -> list[Path]:
    """What lies in a folder, without hidden files."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        say(folder, f"cannot be read: {error.strerror}", "Make the folder readable for you")
        return []


def show(summary: Summary, console: Console) -> None:
    """A summary for a person: how many, how long, and everything to see to."""
    outcomes = Counter(result.outcome for result in summary.results)
    words = {
        "graded": "graded",
        "needs_a_person": "left for a person (the judge failed, or a GPU is missing)",
        "unreadable": "unreadable",
        "absent": "without a notebook",
        "not_graded": "not recorded",
    }
    judged = sum(result.judged for result in summary.results)
    recorded = sum(result.recorded for result in summary.results)
    total = len(summary.results)
    console.print(f"{total} submissions: {judged} judged now, {recorded} recorded now", highlight=False)
    for outcome, count in outcomes.items():
        console.print(f"  {count} {words[outcome]}", highlight=False)
    if summary.sandbox == "none":
        console.print("  unsandboxed: the submissions' code ran with your rights", style="yellow")
    for notice in summary.notices:
        console.print(notice, highlight=False, markup=False)
    for problem in [*summary.problems, *(result.problem for result in summary.results if result.problem)]:
        console.print(str(problem), style="red", highlight=False, markup=False)
