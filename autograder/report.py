"""`atlas report`: what a class's verdicts say, as one page that needs no network, and the same as JSON and CSV.

Everything is derived from the verdicts in `verdicts/`: scores, which hidden cases fail most, which misconceptions the
class holds (the wrong answers that its answers match), time-outs and crashes, speeds of kernels, who waits and why.
"""

import base64
import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, select_autoescape
from pydantic import BaseModel

from autograder.course import ChapterEntry, Course
from autograder.judges import VERDICTS
from autograder.store import CorruptRecord, Record, Store
from autograder.verdicts import ExerciseVerdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 15  # rows of a table of what is most common


class Count(BaseModel):
    """How many students something happened to, in one exercise. text: its sentence, or the hint that was given."""

    exercise: str
    name: str
    students: int
    of: int
    text: str = ""


class Waiting(BaseModel):
    """One exercise of one student's that is not decided."""

    student: str
    exercise: str
    status: str
    why: str


class SpeedOf(BaseModel):
    """How fast one student's kernel was."""

    student: str
    exercise: str
    ratio: float
    needed: float
    machine: str


class ExerciseReport(BaseModel):
    """One exercise over the whole class."""

    name: str
    equation: str
    max_score: float
    mean_share: float
    statuses: dict[str, int]


class StudentReport(BaseModel):
    """One student's exercises of a chapter."""

    student: str
    score: float
    max_score: float
    problem: str = ""
    exercises: list[ExerciseVerdict] = []


class ChapterReport(BaseModel):
    """One chapter over the whole class."""

    name: str
    title: str
    max_score: float
    students: list[StudentReport]
    exercises: list[ExerciseReport]
    failing_cases: list[Count]
    misconceptions: list[Count]
    stopped: list[Count]
    waiting: list[Waiting]
    speeds: list[SpeedOf]

    @property
    def scores(self) -> list[float]:
        return [s.score for s in self.students if not s.problem]

    @property
    def mean(self) -> float:
        return mean(self.scores) if self.scores else 0.0

    @property
    def median(self) -> float:
        return median(self.scores) if self.scores else 0.0


class Report(BaseModel):
    """What the verdicts of a course say, chapter by chapter."""

    course: str
    chapters: list[ChapterReport]


def report(course: Course, chapters: Sequence[str] = ()) -> Report:
    """Read the verdicts of some chapters, or of all that have any."""
    found = []
    for entry in course.written:
        if not chapters or entry.name in chapters:
            records = _records(course.root, entry)
            if records or chapters:
                found.append(_of_chapter(entry, records))
    return Report(course=course.title.en, chapters=found)


def _records(root: Path, entry: ChapterEntry) -> list[Record]:
    store = Store(root / VERDICTS)
    records = []
    for path in sorted((root / VERDICTS / entry.name).glob("*.json")):
        try:
            record = store.read(entry.name, path.stem)
        except CorruptRecord:
            continue  # `atlas grade` says so, and judges it again
        if record is not None:
            records.append(record)
    return records


def _of_chapter(entry: ChapterEntry, records: Sequence[Record]) -> ChapterReport:
    worth = sum(e.points for e in entry.exercises)
    students = [_of_student(record, worth) for record in records]
    judged: dict[str, list[tuple[str, ExerciseVerdict]]] = {e.name: [] for e in entry.exercises}
    for student in students:
        for exercise in student.exercises:
            if exercise.name in judged:
                judged[exercise.name].append((student.student, exercise))
    exercises, cases, mistakes, stopped, waiting, speeds = [], [], [], [], [], []
    for planned in entry.exercises:
        of_class = judged[planned.name]
        attempted = [found for _, found in of_class if found.status != "not_attempted"]
        exercises.append(
            ExerciseReport(
                name=planned.name,
                equation=planned.equation,
                max_score=planned.points,
                mean_share=mean(e.score / planned.points for _, e in of_class) if of_class else 0.0,
                statuses=dict(Counter(e.status for _, e in of_class)),
            )
        )
        cases += _failing(planned.name, attempted)
        mistakes += _misconceptions(planned.name, attempted)
        for status in ("timed_out", "crashed"):
            if count := sum(e.status == status for e in attempted):
                stopped.append(Count(exercise=planned.name, name=status, students=count, of=len(attempted)))
        for name, found in of_class:
            if not found.settled:
                why = next((c.message for c in found.cases if c.waits_for), "") or " ".join(found.notes)
                waiting.append(Waiting(student=name, exercise=planned.name, status=found.status, why=why))
            for speed in (c.speed for c in found.cases if c.speed):
                speeds.append(
                    SpeedOf(
                        student=name,
                        exercise=planned.name,
                        ratio=speed.ratio,
                        needed=speed.needed,
                        machine=speed.machine,
                    )
                )
    return ChapterReport(
        name=entry.name,
        title=entry.title.en,
        max_score=worth,
        students=students,
        exercises=exercises,
        failing_cases=_most(cases),
        misconceptions=_most(mistakes),
        stopped=_most(stopped),
        waiting=waiting,
        speeds=sorted(speeds, key=lambda s: -s.ratio),
    )


def _of_student(record: Record, worth: float) -> StudentReport:
    if record.verdict is None:
        problem = str(record.problem) if record.problem else "not judged"
        return StudentReport(student=record.student, score=0.0, max_score=worth, problem=problem)
    exercises = record.verdict.exercises
    score = round(sum(e.score for e in exercises if e.judged), 2)
    return StudentReport(student=record.student, score=score, max_score=worth, exercises=exercises)


def _failing(name: str, attempted: Sequence[ExerciseVerdict]) -> list[Count]:
    """The hidden cases that answers fail, by how many."""
    failed: Counter[str] = Counter()
    sentences: dict[str, str] = {}
    for found in attempted:
        for case in found.cases:
            if not case.visible and not case.passed and case.facet != "speed":
                failed[case.name] += 1
                sentences.setdefault(case.name, case.name.replace("_", " "))
    return [
        Count(exercise=name, name=case, students=count, of=len(attempted), text=sentences[case])
        for case, count in failed.items()
    ]


def _misconceptions(name: str, attempted: Sequence[ExerciseVerdict]) -> list[Count]:
    held: Counter[str] = Counter()
    hints: dict[str, str] = {}
    for found in attempted:
        for mistake, hint in zip(found.misconceptions, found.hints, strict=False):
            held[mistake] += 1
            hints.setdefault(mistake, hint)
    return [
        Count(exercise=name, name=mistake, students=count, of=len(attempted), text=hints[mistake])
        for mistake, count in held.items()
    ]


def _most(counts: list[Count]) -> list[Count]:
    return sorted(counts, key=lambda c: (-c.students, c.exercise, c.name))[:MOST]


def as_csv(found: Report) -> str:
    """A row an exercise of a student's."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["chapter", "student", "exercise", "status", "score", "max_score", "misconceptions"])
    for chapter in found.chapters:
        for student in chapter.students:
            for e in student.exercises:
                mistakes = " ".join(e.misconceptions)
                rows.writerow([chapter.name, student.student, e.name, e.status, e.score, e.max_score, mistakes])
            if student.problem:
                rows.writerow([chapter.name, student.student, "", "unreadable", 0, student.max_score, ""])
    return text.getvalue()


def as_html(found: Report) -> str:
    """The page: pictures and style are in it, so that it can be sent around."""
    environment = Environment(
        loader=PackageLoader("autograder", "templates"), autoescape=select_autoescape(["html"]), trim_blocks=True
    )
    environment.filters["words"] = lambda name: name.replace("_", " ")
    pictures = {chapter.name: _pictures(chapter) for chapter in found.chapters}
    return environment.get_template("report.html").render(report=found, pictures=pictures)


def _pictures(chapter: ChapterReport) -> dict[str, str]:
    """The distribution of scores, and what became of each exercise, as PNG in data URLs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 2.6), dpi=120, layout="constrained")
    axis = figure.subplots()
    axis.hist(chapter.scores, bins=20, range=(0, chapter.max_score or 1), color="#4c78a8", rwidth=0.92)
    axis.axvline(chapter.median, color="#e45756", lw=1.2, label=f"median {chapter.median:g}")
    axis.set(xlabel=f"points of {chapter.max_score:g}", ylabel="students")
    axis.legend(frameon=False, fontsize=8)
    scores = _data_url(figure)
    figure = Figure(figsize=(7.5, 0.8 + 0.26 * len(chapter.exercises)), dpi=120, layout="constrained")
    axis = figure.subplots()
    names = [e.name for e in chapter.exercises][::-1]
    left = [0.0] * len(names)
    for status, colour in STATUS_COLOURS.items():
        width = [e.statuses.get(status, 0) for e in chapter.exercises][::-1]
        if any(width):
            axis.barh(names, width, left=left, color=colour, label=status.replace("_", " "))
            left = [a + b for a, b in zip(left, width, strict=True)]
    axis.set(xlabel="students")
    axis.tick_params(labelsize=8)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return {"scores": scores, "exercises": _data_url(figure)}


STATUS_COLOURS = {
    "passed": "#54a24b",
    "partial": "#eeca3b",
    "failed": "#e45756",
    "timed_out": "#b279a2",
    "crashed": "#9d755d",
    "pending_gpu": "#72b7b2",
    "needs_person": "#439894",
    "judge_error": "#1f4e79",
    "not_attempted": "#d5d5d5",
}


def _data_url(figure: "Figure") -> str:
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii")
