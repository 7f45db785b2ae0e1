"""`atlas grade`: a whole class judged in parallel and recorded, resumable at any moment.

Every submission is read, judged (unless the store has the verdict on these very answers), stored, and recorded in the
gradebook as soon as its verdict is there. Whatever is wrong with one submission is a result of that submission, with
what to do about it; it never stops the others.
"""

import fcntl
import hashlib
import json
import os
import socket
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from autograder.answers import Submission
from autograder.course import FILE, ChapterEntry, Course, load_course
from autograder.gradebook import GradebookError, Recorder
from autograder.judges import (
    JUDGE,
    VERDICTS,
    Failure,
    Job,
    Judges,
    JudgesUnusable,
    has_gpu,
    make_job,
    record_of,
    stored,
)
from autograder.nbgrader_plugins.save_auto_grades import clamped
from autograder.store import Mark, Problem, Record, Store, StoreError, digests_by_exercise
from autograder.submissions import (
    SubmissionError,
    check_chapter,
    fitting_release,
    label,
    origin_of,
    read_notebook,
    read_release,
    reassemble,
    submission_of,
    unsafe_files,
)
from autograder.verdicts import Verdict

LANGUAGES = ("en", "zh")
SUBMITTED = "submitted"
LOCK = ".lock"

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

    student: only this one's. workers: how many are judged at once, one a core unless given. sandbox: "bwrap", or "none"
    for code that one trusts. executor: where to judge instead of in processes of this machine. console: where to show
    the progress. judge: what judges (see `autograder.judges.Judge`).

    Raises GradingError, and CourseError for a course.yml that is wrong.
    """
    root = Path(root).resolve()
    course = load_course(root)
    entries = [course.chapter(name) for name in chapters] if chapters else course.written
    with _only_one(root) as notices:
        batch = _Batch(root, course, entries, student, workers or _cores(), sandbox, executor, console, judge)
        batch.summary.notices += notices
        try:
            return batch.run()
        except (StoreError, GradebookError, JudgesUnusable) as error:
            raise GradingError(str(error)) from error


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


class _Batch:
    def __init__(
        self,
        root: Path,
        course: Course,
        entries: Sequence[ChapterEntry],
        student: str | None,
        workers: int,
        sandbox: str,
        executor: Executor | None,
        console: Console | None,
        judge: str,
    ):
        self.root = root
        self.course = course
        self.entries = entries
        self.student = student
        self.workers = workers
        self.sandbox = sandbox
        self.executor = executor
        self.judge = judge
        self.store = Store(root / VERDICTS)
        self.summary = Summary(sandbox=sandbox)
        self.display = _Display(console)
        self.clock: defaultdict[str, float] = defaultdict(float)
        self.ready: deque[tuple[Handed, Record]] = deque()
        self.unusable: set[str] = set()
        self.held: dict[str, dict[str, dict[str, float | None]]] = {}
        self.extensions: dict[str, dict[str, timedelta]] = {}
        self.backed_up = False

    def run(self) -> Summary:
        began = time.perf_counter()
        self.store.sweep()
        found, absent, problems = find_submissions(self.root, self.course, self.entries, self.student)
        self.summary.problems += problems
        with Recorder(self.root, self.course, self.sandbox, self.judge) as self.recorder:
            self._look_at_students(found)
            for entry in self.entries:
                if any(handed.entry is entry for handed in [*found, *absent]):
                    self._prepare(entry)
            found = [handed for handed in found if handed.chapter not in self.unusable]
            with self.display.showing(len(found)):
                self._judge_and_record(found)
            for handed in absent:
                if handed.chapter not in self.unusable:
                    self._note_absent(handed)
        self.summary.results.sort(key=lambda result: (result.chapter, result.student))
        self.summary.seconds = {**self.clock, "total": time.perf_counter() - began}
        self.store.write_report("summary", self.summary.as_json())
        return self.summary

    def _look_at_students(self, found: list[Handed]) -> None:
        known = self.recorder.students()
        new = sorted({handed.student for handed in found} - known)
        if known and new:
            self.summary.notices.append(
                f"Not in the gradebook until now, and added to it: {', '.join(new)}. If a name is misspelt, rename its "
                "folder and run `nbgrader db student remove` for the wrong one"
            )

    def _prepare(self, entry: ChapterEntry) -> None:
        """Register a chapter in the gradebook; or say why none of its submissions can be graded."""
        release = self._release(entry, self.course.language)
        problem = self._unusable(entry, release)
        if problem is None:
            try:
                if not self.recorder.registered(entry, release):
                    self._back_up()
                    self.recorder.register(entry, release)
                self.held[entry.name] = self.recorder.grades(entry.name)
                self.extensions[entry.name] = self.recorder.extensions(entry.name)
            except GradebookError as error:
                problem = Problem(path=entry.name, message=str(error))
        if problem is not None:
            self.summary.problems.append(problem)
            self.unusable.add(entry.name)

    def _release(self, entry: ChapterEntry, language: str) -> Path:
        return self.root / "assignments" / language / entry.name / f"{entry.name}.ipynb"

    def _unusable(self, entry: ChapterEntry, release: Path) -> Problem | None:
        if not entry.written:
            return Problem(
                path=FILE,
                message=f"{entry.name} says `written: false`, so it cannot be graded",
                remedy="Write it first",
            )
        build = f"Run `atlas build --chapter {entry.name}`"
        path = release.relative_to(self.root).as_posix()
        try:
            cells = read_release(release).cells
            points = {label(c, "exercise"): c.metadata.nbgrader.points for c in cells if origin_of(c) == "check"}
        except FileNotFoundError:
            return Problem(path=path, message="there is no release notebook of this chapter", remedy=build)
        except (OSError, ValueError, AttributeError) as error:
            return Problem(path=path, message=f"is no release notebook: {error}", remedy=build)
        if points != {exercise.name: exercise.points for exercise in entry.exercises}:
            return Problem(path=path, message=f"its exercises or points are not those of {FILE}", remedy=build)
        return None

    def _judge_and_record(self, found: list[Handed]) -> None:
        handed_of: dict[tuple[str, str], Handed] = {(handed.chapter, handed.student): handed for handed in found}
        jobs = self._jobs(found)
        first = next(jobs, None)
        if first is not None:
            began = time.perf_counter()
            with Judges(self.workers, self.executor, self.judge) as judges:
                for job, outcome in judges.run(_chained(first, jobs)):
                    self._store(handed_of[job.chapter, job.student], job, outcome)
                    self._record_ready()
            self.clock["judging"] = time.perf_counter() - began
        self._record_ready()

    def _jobs(self, found: list[Handed]) -> Iterator[Job]:
        """Read the submissions; those that must be judged. The others are ready to be recorded."""
        gpu = has_gpu() or self.executor is not None
        for handed in found:
            if handed.chapter in self.unusable:
                continue
            began = time.perf_counter()
            job, record = self._read(handed, gpu)
            self.clock["reading"] += time.perf_counter() - began
            if record is not None:
                self.display.judged()
                self.ready.append((handed, record))
            elif job is not None:
                yield job

    def _read(self, handed: Handed, gpu: bool) -> tuple[Job | None, Record | None]:
        try:
            handed.submission = self._submission(handed)
        except SubmissionError as error:
            path = handed.path.relative_to(self.root).as_posix()
            problem = Problem(path=path, message=error.message(), remedy=error.remedy())
            record = Record(chapter=handed.chapter, student=handed.student, key="", problem=problem)
            self.store.write(record)
            return None, record
        job = make_job(self.root, handed.submission, handed.student, self.sandbox, self.judge)
        kept = stored(self.store, job, self.summary.notices.append)
        return job, kept if kept is not None and kept.settled(gpu) else None

    def _submission(self, handed: Handed) -> Submission:
        notebook = read_notebook(handed.path, within=handed.path.parent.parent)
        releases = {
            language: read_release(path)
            for language in LANGUAGES
            if (path := self._release(handed.entry, language)).is_file()
        }
        release = releases[fitting_release(notebook, releases, LANGUAGES[0])]
        check_chapter(notebook, release, handed.path)
        return submission_of(reassemble(notebook, release), handed.chapter)

    def _store(self, handed: Handed, job: Job, outcome: Verdict | Failure) -> None:
        self.display.judged()
        if isinstance(outcome, Failure) and outcome.of_chapter:
            if handed.chapter not in self.unusable:
                self.unusable.add(handed.chapter)
                self.summary.problems.append(
                    Problem(path=handed.chapter, message=outcome.message, remedy="Mend the file, then run again")
                )
            return
        record = record_of(job, outcome)
        self.store.write(record)
        handed.judged = True
        self.ready.append((handed, record))

    def _record_ready(self) -> None:
        while self.ready:
            handed, record = self.ready.popleft()
            began = time.perf_counter()
            self.summary.results.append(self._record(handed, record))
            self.clock["recording"] += time.perf_counter() - began
            self.display.recorded()

    def _record(self, handed: Handed, record: Record) -> Result:
        result = _result(handed, record)
        self._look_at_files(handed)
        stamp = self._stamp(handed, record)
        if self._is_recorded(handed, record, stamp):
            return result
        self._back_up()
        try:
            self.recorder.record(handed.chapter, handed.student)
        except GradebookError as error:
            result.outcome = "not_graded"
            result.problem = Problem(
                path=handed.path.relative_to(self.root).as_posix(),
                message=f"could not be recorded: {error}",
                remedy="Mend that, then run again: the verdict is kept",
            )
            return result
        answers = digests_by_exercise(handed.submission) if handed.submission else {}
        self.store.mark(handed.chapter, handed.student, Mark(stamp=stamp, answers=answers))
        result.recorded = True
        return result

    def _stamp(self, handed: Handed, record: Record) -> str:
        """The state of all that goes into the recording of a submission."""
        language = handed.submission.language if handed.submission else self.course.language
        parts: list[Any] = [record.model_dump_json(), handed.entry.due, self.course.late.model_dump()]
        parts.append(self.extensions[handed.chapter].get(handed.student))
        for path in (handed.path, handed.path.parent / "timestamp.txt", self._release(handed.entry, language)):
            try:
                state = os.stat(path)
                parts.append([state.st_size, state.st_mtime_ns])
            except OSError:
                parts.append(None)
        return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()

    def _is_recorded(self, handed: Handed, record: Record, stamp: str) -> bool:
        """Whether the gradebook holds this very state; it may have been restored or deleted since."""
        mark = self.store.marked(handed.chapter, handed.student)
        if mark is None or mark.stamp != stamp:
            return False
        if not self.recorder.autograded(handed.chapter, handed.student).is_file():
            return False
        held = self.held[handed.chapter].get(handed.student)
        scores = {e.name: e for e in record.verdict.exercises} if record.verdict else {}
        expected = {
            f"{entry.name}-check": clamped(scores[entry.name].score, entry.points)
            if entry.name in scores and scores[entry.name].settled
            else None
            for entry in handed.entry.exercises
        }
        return held is not None and expected.items() <= held.items()

    def _look_at_files(self, handed: Handed) -> None:
        for path in unsafe_files(handed.path.parent):
            if path != handed.path:
                self.summary.problems.append(
                    Problem(
                        path=path.relative_to(self.root).as_posix(),
                        message="is a link out of the submission's folder, or no ordinary file; it was left out",
                        remedy="Delete it",
                    )
                )

    def _note_absent(self, handed: Handed) -> None:
        """A folder without its notebook: an earlier grade of it does not stand."""
        others = sorted(path.name for path in handed.path.parent.glob("*.ipynb"))
        found = f"; there is {', '.join(others)}" if others else ""
        problem = Problem(
            path=handed.path.relative_to(self.root).as_posix(),
            message=f"there is no such notebook{found}",
            remedy="Rename that file, then run again" if others else "Ask for the notebook, or delete the folder",
        )
        record = Record(chapter=handed.chapter, student=handed.student, key="", problem=problem)
        self.store.write(record)
        result = _result(handed, record)
        result.outcome = "absent"
        if any(score is not None for score in self.held[handed.chapter].get(handed.student, {}).values()):
            self._back_up()
            self.recorder.unsettle(handed.chapter, handed.student)
            result.recorded = True
        self.summary.results.append(result)

    def _back_up(self) -> None:
        """Copy the gradebook before this run first changes it."""
        if not self.backed_up:
            self.recorder.back_up()
            self.backed_up = True


def _chained(first: Job, rest: Iterator[Job]) -> Iterator[Job]:
    yield first
    yield from rest


def _result(handed: Handed, record: Record) -> Result:
    result = Result(handed.chapter, handed.student, "graded", judged=handed.judged, problem=record.problem)
    if record.verdict is None:
        result.outcome = "unreadable"
        return result
    points = {entry.name: entry.points for entry in handed.entry.exercises}
    settled = [e for e in record.verdict.exercises if e.settled]
    result.score = sum(clamped(e.score, points.get(e.name, 0)) for e in settled)
    result.max_score = sum(points.values())
    if len(settled) < len(record.verdict.exercises):
        result.outcome = "needs_a_person"
    return result


class _Display:
    """Two bars with the time left, on a console; nothing without one."""

    def __init__(self, console: Console | None):
        self.progress: Progress | None = None
        if console is not None:
            self.progress = Progress(
                TextColumn("{task.description:<10}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("time left"),
                TimeRemainingColumn(compact=True),
                console=console,
            )
        self.tasks: list[TaskID] = []

    @contextmanager
    def showing(self, total: int) -> Iterator[None]:
        if self.progress is None or total == 0:
            yield
            return
        with self.progress:
            self.tasks = [self.progress.add_task(name, total=total) for name in ("judging", "recording")]
            yield

    def judged(self) -> None:
        self._advance(0)

    def recorded(self) -> None:
        self._advance(1)

    def _advance(self, index: int) -> None:
        if self.progress is not None and self.tasks:
            self.progress.advance(self.tasks[index])


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
