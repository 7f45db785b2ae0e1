"""The self-learner's path: a working copy of the notebooks, what is done in it, hints in layers, and the solutions.

What is done is derived from verdicts on the notebooks as they are. The verdicts of the last look are kept beside the
working copy, under the digest of answers and tests, so that nothing is judged twice and nothing is believed that has
changed since.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from autograder.answers import Submission
from autograder.course import ChapterEntry, Course, Language
from autograder.draws import PUBLIC_SECRET
from autograder.errors import CourseError
from autograder.slicing import is_stub
from autograder.store import CorruptRecord, Record, Store, pack_digest, verdict_key
from autograder.verdicts import ExerciseVerdict, Verdict

WORK = Path("work")
KEPT = ".verdicts"
ME = "me"
DEEPEST = 4

State = Literal["new", "kept", "refreshed"]


@dataclass(frozen=True)
class Placed:
    """One file of a working copy: new, kept as it was, or refreshed because it is no work of the learner's."""

    path: Path
    state: State


def start(course: Course, folder: Path, language: Language, chapters: Sequence[str] = ()) -> list[Placed]:
    """Put the notebooks, and what `check` reads, into a folder. A notebook that is there stays as it is."""
    placed = []
    for entry in course.written:
        if chapters and entry.name not in chapters:
            continue
        released = course.root / "assignments" / language / entry.name
        if not released.is_dir():
            raise CourseError(f"{released}: no such folder: run `atlas build`")
        (folder / entry.name).mkdir(parents=True, exist_ok=True)
        for source in sorted(path for path in released.iterdir() if path.is_file()):
            target = folder / entry.name / source.name
            if not target.exists():
                state: State = "new"
            elif source.suffix == ".ipynb" or target.read_bytes() == source.read_bytes():
                state = "kept"
            else:
                state = "refreshed"
            if state != "kept":
                shutil.copyfile(source, target)
            placed.append(Placed(target, state))
    return placed


@dataclass
class Standing:
    """How far a chapter is. verdict: None while nothing in it has been attempted."""

    entry: ChapterEntry
    verdict: Verdict | None = None

    def exercise(self, name: str) -> ExerciseVerdict | None:
        return next((e for e in self.verdict.exercises if e.name == name), None) if self.verdict else None

    def status(self, name: str) -> str:
        """As a verdict's, or "not_attempted"."""
        found = self.exercise(name)
        return found.status if found else "not_attempted"

    @property
    def passed(self) -> int:
        """How many exercises are right, those whose speed a GPU has yet to measure among them."""
        return sum(self.status(e.name) in ("passed", "pending_gpu") for e in self.entry.exercises)

    @property
    def score(self) -> float:
        return self.verdict.score if self.verdict else 0.0


def notebook_of(folder: Path, entry: ChapterEntry) -> Path:
    """Where a chapter's notebook is in a working copy."""
    return folder / entry.name / f"{entry.name}.ipynb"


def answers_in(folder: Path, entry: ChapterEntry, language: Language) -> Submission | None:
    """The answers of a working copy to one chapter; None where it has no notebook of it."""
    from autograder.answer_files import read_answers

    path = notebook_of(folder, entry)
    if not path.is_file():
        return None
    return read_answers(path, entry.name, [e.name for e in entry.exercises], language)


def is_attempted(submission: Submission | None, name: str) -> bool:
    """Whether a cell holds an answer that is not the stub."""
    cell = submission.answer(name) if submission else None
    return cell is not None and not is_stub(cell.source, name)


def standings(
    course: Course, folder: Path, language: Language, sandbox: str, chapters: Sequence[str] = ()
) -> Iterator[Standing]:
    """How far each chapter of a working copy is, judged with the hidden cases where it has changed."""
    if not any(notebook_of(folder, entry).is_file() for entry in course.written):
        raise CourseError(f"{folder}: holds no notebook of the course: `atlas start {folder}` puts them there")
    store = Store(folder / KEPT)
    for entry in course.written:
        if chapters and entry.name not in chapters:
            continue
        submission = answers_in(folder, entry, language)
        if submission is None or not any(is_attempted(submission, e.name) for e in entry.exercises):
            yield Standing(entry)
            continue
        key = verdict_key(submission, ME, pack_digest(course.root, entry), PUBLIC_SECRET, sandbox)
        try:
            kept = store.read(entry.name, ME)
        except CorruptRecord:
            kept = None
        if kept is None or kept.key != key or not kept.settled():
            verdict = _judged(course, entry, submission, sandbox)
            kept = Record(chapter=entry.name, student=ME, key=key, verdict=verdict)
            store.write(kept)
        yield Standing(entry, kept.verdict)


def _judged(course: Course, entry: ChapterEntry, submission: Submission, sandbox: str) -> Verdict:
    from autograder.chapters import Chapter
    from autograder.judgement import judge_submission
    from autograder.workshop import Workshop

    chapter = Chapter(course.root, entry.name)
    with Workshop(sandbox, entry.limits, lab=entry.is_lab) as workshop:
        return judge_submission(
            chapter, entry, submission, student=ME, attempt="", secret=PUBLIC_SECRET, workshop=workshop
        )


SIGNS = {
    "passed": ("✓", "green"),
    "pending_gpu": ("✓", "green"),
    "not_attempted": ("○", "dim"),
    "partial": ("◐", "yellow"),
}
WRONG = ("✗", "red")


def progress_table(found: Sequence[Standing], language: Language) -> RenderableType:
    """A row a chapter: how many exercises are right, one sign each, the points, and where to go on."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("", "", "right", "points", "next"):
        table.add_column(title, justify="right" if title in ("right", "points") else "left")
    for standing in found:
        names = [e.name for e in standing.entry.exercises]
        signs = Text("", no_wrap=True)
        for name in names:
            sign, colour = SIGNS.get(standing.status(name), WRONG)
            signs.append(sign, style=colour)
        following = next((n for n in names if standing.status(n) not in ("passed", "pending_gpu")), "")
        points = sum(e.points for e in standing.entry.exercises)
        number = standing.entry.name.split("_")[0]
        title = f"{number} {standing.entry.title.of(language)}"
        right = f"{standing.passed}/{len(names)}"
        table.add_row(title, signs, right, f"{standing.score:g}/{points:g}", following)
    total = sum(len(s.entry.exercises) for s in found)
    passed = sum(s.passed for s in found)
    bar = ProgressBar(total=max(total, 1), completed=passed, width=60)
    return Group(table, Text(""), bar, Text(f"{passed} of {total} exercises are right"))


COLOURS = {"passed": "#2da44e", "pending_gpu": "#2da44e", "partial": "#d4a72c", "not_attempted": "#d0d7de"}
RED = "#cf222e"


def progress_picture(course: Course, found: Sequence[Standing], path: Path) -> None:
    """A picture of the whole Atlas, a square an exercise, in the colour of what is known of it."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    standing = {s.entry.name: s for s in found}
    rows: list[tuple[str, ChapterEntry | None]] = []
    for part in course.parts:
        rows.append((part.title.en, None))
        rows += [(entry.title.en, entry) for entry in course.written if entry.part == part.name]
    widest = max(len(entry.exercises) for _, entry in rows if entry)
    figure = Figure(figsize=(4 + 0.3 * widest, 0.6 + 0.27 * len(rows)), dpi=130, layout="constrained")
    axis = figure.subplots()
    for row, (title, entry) in enumerate(rows):
        if entry is None:
            axis.text(-0.4, row, title, ha="right", va="center", fontsize=9, fontweight="bold")
            continue
        axis.text(-0.4, row, f"{entry.name.split('_')[0]}  {title}", ha="right", va="center", fontsize=8)
        here = standing.get(entry.name, Standing(entry))
        for column, exercise in enumerate(entry.exercises):
            colour = COLOURS.get(here.status(exercise.name), RED)
            axis.add_patch(Rectangle((column, row - 0.38), 0.86, 0.76, color=colour, lw=0))
    axis.set(xlim=(-0.4, widest), ylim=(len(rows) - 0.4, -0.8))
    axis.axis("off")
    words = {"right": COLOURS["passed"], "in part": COLOURS["partial"], "wrong": RED, "to do": COLOURS["not_attempted"]}
    handles = [Patch(color=colour, label=word) for word, colour in words.items()]
    figure.legend(handles=handles, loc="outside lower right", ncols=4, frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def hint(
    course: Course, entry: ChapterEntry, name: str, found: ExerciseVerdict | None, level: int, language: Language
) -> list[str]:
    """One layer of help: 1 what fails first, 2 the mistake that fits, 3 every known mistake, 4 who else computes it."""
    from autograder.chapters import Chapter
    from autograder.formulas import load_formulas

    entry.exercise(name)
    exercise = Chapter(course.root, entry.name).exercises[name]
    if level == 1:
        if found is None or found.status == "not_attempted":
            return [f"{case.sentence(language)}" for case in exercise.visible]
        failing = [case for case in found.cases if not case.passed and not case.waits_for]
        return [f"{case.sentence}: {case.message}" if case.message else case.sentence for case in failing[:2]]
    if level == 2 and found is not None and found.hints:
        return list(found.hints)
    if level <= 3:
        return [answer.hint(language) for answer in exercise.wrong]
    rows = [row.formula for row in load_formulas(course.root, entry) if row.formula.exercise == name]
    return [f"{row.title.of(language)}: {row.formula}" for row in rows] + [
        f"{function}    {call}" for row in rows for function, call in row.calls
    ]


def solution(course: Course, entry: ChapterEntry, name: str) -> RenderableType:
    """The reference, and in a sentence each the right answers that are unlike it."""
    from autograder.chapters import Chapter

    entry.exercise(name)
    chapter = Chapter(course.root, entry.name)
    source = Syntax(chapter.solution(name), "python", background_color="default", word_wrap=True)
    others = [f"Also right: {answer.sentence}. {answer.hint('en')}" for answer in chapter.exercises[name].right]
    return Group(source, Text(""), *(Text(other) for other in others))
