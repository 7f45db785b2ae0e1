"""How often a statistical case fails an answer that is right: each is run a thousand times, and the count is kept.

python -m autograder.false_alarms writes docs/statistical_cases.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.cases import Case
from autograder.chapters import Chapter, Exercise
from autograder.course import load_course
from autograder.errors import JudgeError
from autograder.judging import Judge, Local, load_answer
from autograder.watching import Watched

TABLE = Path("docs/statistical_cases.md")
RUNS = 1000


@dataclass
class Count:
    """How a statistical case judged one right answer."""

    chapter: str
    exercise: str
    case: str
    answer: str
    stated: float
    runs: int
    failed: int


def count(chapter: Chapter, runs: int = RUNS) -> Iterator[Count]:
    """Every statistical case of a chapter, on the reference and on each right answer."""
    for exercise in chapter.exercises.values():
        for case in exercise.cases:
            if case.false_alarm and exercise.reference:
                for name, function in _right_answers(exercise, exercise.reference):
                    failed = sum(not _passes(exercise, case, function, run) for run in range(runs))
                    yield Count(chapter.name, exercise.name, case.name, name, case.false_alarm, runs, failed)


def _right_answers(exercise: Exercise, reference: Callable) -> Iterator[tuple[str, Callable]]:
    yield "reference", reference
    for answer in exercise.right:
        yield answer.name, load_answer(answer)


def _passes(exercise: Exercise, case: Case, function: Callable, run: int) -> bool:
    judge = Judge(exercise.name, [case], exercise.reference, f"run {run}")
    try:
        return all(result.passed for result in judge.judge(Local(Watched(function, exercise.rules))).cases)
    except JudgeError:  # chance failed the reference, which is compared with too
        return False


def page(counts: list[Count]) -> str:
    """The table for the docs."""
    lines = [
        "# Statistical cases",
        "",
        "Written by `make statistics`. Most cases give an answer its noise and compare to the digit. Those below leave",
        "something to chance: each states how often chance alone fails a right answer, and was run on fresh draws with",
        "the reference and every right answer.",
        "",
        "| chapter | exercise | case | answer | stated chance | runs | failed |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {c.chapter} | `{c.exercise}` | {c.case.replace('_', ' ')} | {c.answer.replace('_', ' ')} | {c.stated:.0e} "
        f"| {c.runs} | {c.failed} |"
        for c in counts
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    course = load_course(Path.cwd())
    counts = [found for entry in course.written for found in count(Chapter(course.root, entry.name))]
    (course.root / TABLE).write_text(page(counts), encoding="utf-8")
    raise SystemExit(f"{TABLE}: a right answer failed" if any(c.failed for c in counts) else 0)
