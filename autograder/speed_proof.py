"""The proof that speed is judged rightly on a loaded machine: every timed exercise, judged hundreds of times.

python -m autograder.speed_proof judges the reference and the slow baseline of every timed exercise in the sandbox, 200
times each, while a busy loop loads another core, and writes docs/speed.md.
"""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import torch

from autograder.answers import Cell, Submission
from autograder.benchmark import machine
from autograder.cases import Case
from autograder.chapters import Chapter, Exercise
from autograder.course import Course, load_course
from autograder.judgement import provide
from autograder.judging import Judge
from autograder.workshop import Workshop

TABLE = Path("docs/speed.md")
RUNS = 200


@dataclass
class Proof:
    """How often an answer passed a case of speed, and how fast it was found to be."""

    exercise: str
    case: Case
    answer: str
    should_pass: bool
    passed: int
    ratios: list[float]

    @property
    def holds(self) -> bool:
        return self.passed == (len(self.ratios) if self.should_pass else 0)


@contextmanager
def busy_core() -> Iterator[None]:
    """A loop that never rests, beside what runs meanwhile."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def proofs(course: Course, runs: int = RUNS) -> Iterator[Proof]:
    """Every timed case on the reference, which must pass, and on its baseline, which must not."""
    for entry in course.written:
        if not any(exercise.speed for exercise in entry.exercises):
            continue
        chapter = Chapter(course.root, entry.name)
        with Workshop(limits=entry.limits) as workshop:
            for name in (exercise.name for exercise in entry.exercises if exercise.speed):
                exercise = chapter.exercises[name]
                for case in exercise.cases:
                    if case.faster_than:
                        slow = f"{inspect.getsource(case.faster_than)}\n{name} = {case.faster_than.__name__}\n"
                        for answer, source in (("the reference", chapter.solution(name)), ("the baseline", slow)):
                            yield prove(workshop, chapter, exercise, case, answer, source, runs)


def prove(
    workshop: Workshop, chapter: Chapter, exercise: Exercise, case: Case, answer: str, source: str, runs: int
) -> Proof:
    """One answer judged many times, each on draws of its own."""
    proof = Proof(exercise.name, case, answer, answer == "the reference", 0, [])
    submission = Submission(chapter.name, [Cell(chapter.program(exercise.name, source), "answer", exercise.name)])
    for run in range(runs):
        judge = Judge(exercise.name, [case], exercise.reference, f"run {run}")
        (found,) = judge.judge(provide(exercise, submission, workshop)).cases
        proof.passed += found.passed
        proof.ratios.append(found.speed.ratio if found.speed else 0.0)
    return proof


def page(found: list[Proof]) -> str:
    """The table for the docs."""
    lines = [
        "# Speed on a loaded machine",
        "",
        f"Written by `make speed` on {machine()}, while a busy loop loaded another core. Every run is judged in the",
        "sandbox as a submission's is, on draws of its own. A ratio says how many times as fast as the baseline an",
        "answer is, and is the median over pairs of calls.",
        "",
        "| exercise | case | needed | answer | passed | ratio: 1st to 99th percentile |",
        "|---|---|---|---|---|---|",
    ]
    for proof in found:
        parts = quantiles(proof.ratios, n=100, method="inclusive")
        sentence = proof.case.sentence()
        lines.append(
            f"| `{proof.exercise}` | {sentence} | {proof.case.times:g} | {proof.answer} "
            f"| {proof.passed} of {len(proof.ratios)} | {parts[0]:.2g} to {parts[-1]:.2g} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    torch.set_num_threads(1)
    here = load_course(Path.cwd())
    with busy_core():
        results = list(proofs(here))
    (here.root / TABLE).write_text(page(results), encoding="utf-8")
    raise SystemExit(0 if all(proof.holds for proof in results) else f"{TABLE}: an answer was misjudged")
