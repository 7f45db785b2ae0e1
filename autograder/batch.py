"""One run of `atlas grade`: submissions read, judged, stored and recorded, one by one and all at once."""

import hashlib
import json
import os
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from autograder.answers import Submission
from autograder.course import FILE, ChapterEntry, Course
from autograder.gradebook import GradebookError, Recorder
from autograder.grading import Handed, Result, Summary
from autograder.judges import VERDICTS, Failure, Job, Judges, clamped, has_gpu, make_job, record_of, stored
from autograder.store import Mark, Problem, Record, Store, digests_by_exercise
from autograder.submissions import (
    SubmissionError,
    label,
    origin_of,
    read_in_language,
    read_release,
    unsafe_files,
)
from autograder.verdicts import Verdict


class Batch:
    """One run: reads, judges, stores and records."""

    def __init__(self, root: Path, course: Course, sandbox: str, judges: Judges, console: Console | None):
        self.root = root
        self.course = course
        self.sandbox = sandbox
        self.judges = judges
        self.store = Store(root / VERDICTS)
        self.summary = Summary(sandbox=sandbox)
        self.display = _Display(console)
        self.clock: defaultdict[str, float] = defaultdict(float)
        self.ready: deque[tuple[Handed, Record]] = deque()
        self.unusable: set[str] = set()
        self.held: dict[str, dict[str, dict[str, float | None]]] = {}
        self.extensions: dict[str, dict[str, timedelta]] = {}
        self.backed_up = False

    def run(self, found: list[Handed], absent: list[Handed]) -> Summary:
        """Grade all submissions found, and see to those whose notebook is not there."""
        began = time.perf_counter()
        self.store.sweep()
        with Recorder(self.root, self.course, self.sandbox, self.judges.judge) as self.recorder:
            self._look_at_students(found)
            for entry in {handed.chapter: handed.entry for handed in [*found, *absent]}.values():
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
        release = self.course.release(entry.name, self.course.language)
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
        began = time.perf_counter()
        for job, outcome in self.judges.run(self._jobs(found)):
            self._store(handed_of[job.chapter, job.student], job, outcome)
            self._record_ready()
        self.clock["judging"] = time.perf_counter() - began
        self._record_ready()

    def _jobs(self, found: list[Handed]) -> Iterator[Job]:
        """Read the submissions; those that must be judged. The others are ready to be recorded."""
        gpu = has_gpu() or self.judges.given is not None
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
        job = make_job(self.root, handed.submission, handed.student, self.sandbox, self.judges.judge)
        kept = stored(self.store, job, self.summary.notices.append)
        return job, kept if kept is not None and kept.settled(gpu) else None

    def _submission(self, handed: Handed) -> Submission:
        releases = self.course.releases(handed.chapter)
        return read_in_language(handed.path, releases, handed.chapter, within=handed.path.parent.parent)

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
        for path in (handed.path, handed.path.parent / "timestamp.txt", self.course.release(handed.chapter, language)):
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
            if entry.name in scores and scores[entry.name].judged
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


def _result(handed: Handed, record: Record) -> Result:
    result = Result(handed.chapter, handed.student, "graded", judged=handed.judged, problem=record.problem)
    if record.verdict is None:
        result.outcome = "unreadable"
        return result
    points = {entry.name: entry.points for entry in handed.entry.exercises}
    judged = [e for e in record.verdict.exercises if e.judged]
    result.score = round(sum(clamped(e.score, points.get(e.name, 0)) for e in judged), 4)
    result.max_score = sum(points.values())
    if not all(e.settled for e in record.verdict.exercises):
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
