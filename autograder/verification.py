"""Tests the tests: every right answer must pass, every wrong answer and every mutant must fail.

An exercise whose cases accept a mutant does not ask what its formula asks; one whose cases refuse a right
answer asks for our way of writing it.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from autograder.cases import Answer
from autograder.chapters import Chapter, CourseError, Exercise
from autograder.judging import AnswerFailed, Judge, JudgeError, Local, load_answer
from autograder.mutants import Mutant, stock_mutants, syntactic_mutants
from autograder.watching import Watched

WRONG_ANSWERS = 3
RIGHT_ANSWERS = 1
REFERENCE_RUNS = 5
SECONDS_PER_ANSWER = 20


@dataclass
class Report:
    """What verifying one exercise found."""

    exercise: str
    answers: int = 0
    mutants: int = 0
    killed: int = 0
    equivalent: int = 0
    problems: list[str] = field(default_factory=list)


def equivalents(chapter: Chapter) -> dict[tuple[str, str, str], str]:
    """The mutants that the chapter lists as equivalent: (exercise, was, becomes) → the reason."""
    path = chapter.tests / "equivalent_mutants.yml"
    if not path.exists():
        return {}
    entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    found = {}
    for entry in entries:
        if not all(entry.get(key) for key in ("exercise", "was", "reason")) or "becomes" not in entry:
            raise CourseError(f"{path}: every entry needs exercise, was, becomes and reason; this lacks one: {entry}")
        found[entry["exercise"], entry["was"], entry["becomes"] or ""] = entry["reason"]
    return found


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise AnswerFailed("timed_out", seconds=seconds, fatal=True)

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Verifier:
    """Verifies one exercise, in this process."""

    def __init__(self, chapter: Chapter, exercise: Exercise):
        self.chapter = chapter
        self.exercise = exercise
        self.report = Report(exercise.name)

    def _judge(self, secret: str = "verify") -> Judge:
        e = self.exercise
        return Judge(e.name, e.cases, e.reference, secret, (), e.wrong)

    def _passes(self, function: Callable) -> tuple[bool, str]:
        """Whether all cases pass, and the first that does not."""
        try:
            with _time_limit(SECONDS_PER_ANSWER):
                verdict = self._judge().judge(Local(Watched(function, self.exercise.rules)), until_failure=True)
        except AnswerFailed:
            return False, "timed out"
        failed = [c for c in verdict.cases if not c.passed]
        return not failed, f"{failed[0].sentence}: {failed[0].message}" if failed else ""

    def _problem(self, text: str) -> None:
        self.report.problems.append(text)

    def run(self, mutants: bool = True) -> Report:
        """All checks; with `mutants=False` without the syntactic mutants."""
        try:
            self._interface()
            self._reference()
            self._answers()
            self._stock()
            if mutants:
                self._syntactic()
        except (JudgeError, CourseError) as error:
            self._problem(str(error))
        return self.report

    def _interface(self) -> None:
        e = self.exercise
        if len(e.wrong) < WRONG_ANSWERS:
            self._problem(f"has {len(e.wrong)} wrong answers: write {WRONG_ANSWERS}")
        if len(e.right) < RIGHT_ANSWERS:
            self._problem("has no right answer unlike the reference: write one")
        if not e.visible or not e.hidden:
            self._problem("needs visible checks and hidden cases")
        for case in e.cases:
            if case.sentence("zh") == case.sentence("en"):
                self._problem(f"case {case.name} has no Chinese sentence: make it the driver's docstring")
        for answer in e.wrong:
            if answer.hint("zh") == answer.hint("en"):
                self._problem(f"wrong answer {answer.name} needs its hint in English and in Chinese")

    def _reference(self) -> None:
        """The reference passes, and agrees with the builtin, on several draws."""
        assert self.exercise.reference
        for repetition in range(REFERENCE_RUNS):
            judge = self._judge(f"reference {repetition}")
            verdict = judge.judge(Local(Watched(self.exercise.reference, self.exercise.rules)))
            for case in verdict.cases:
                if not case.passed:
                    self._problem(f"the reference fails {case.name}: {case.message}")
                    return

    def _answers(self) -> None:
        for answer in self.exercise.right + self.exercise.wrong:
            self.report.answers += 1
            passes, first = self._passes(self._load(answer))
            if answer.right and not passes:
                self._problem(f"the right answer {answer.name} is refused: {first}")
            if not answer.right and passes:
                self._problem(f"the wrong answer {answer.name} is accepted")

    def _load(self, answer: Answer) -> Callable:
        try:
            return load_answer(answer)
        except Exception as error:
            raise CourseError(f"{answer.name}: {type(error).__name__}: {error}") from error

    def _stock(self) -> None:
        """No cheap answer passes the exercise, and none that returns a fixed value passes a value case."""
        assert self.exercise.reference
        stock = stock_mutants(self.exercise.reference)
        builtin = next((c.agrees_with for c in self.exercise.cases if c.agrees_with), None)
        if builtin and self.exercise.rules.forbids:
            stock["calls the builtin"] = builtin
        if not any(c.facet == "gradient" for c in self.exercise.cases):
            stock.pop("detached", None)
        for name, function in stock.items():
            self.report.mutants += 1
            passes, _ = self._passes(function)
            if passes:
                self._problem(f"the stock mutant {name!r} is accepted")
            else:
                self.report.killed += 1
        for name in ("zeros", "constant", "not a number"):
            if name not in stock:
                continue
            verdict = self._judge().judge(Local(Watched(stock[name], self.exercise.rules)))
            for case in verdict.cases:
                if case.facet in ("value", "gradient") and case.passed:
                    self._problem(f"{name!r} passes {case.name}: make its draw tell")

    def _syntactic(self) -> None:
        listed = {k[1:]: why for k, why in equivalents(self.chapter).items() if k[0] == self.exercise.name}
        for mutant in syntactic_mutants(self.chapter.solution(self.exercise.name)):
            self.report.mutants += 1
            survived = self._survives(mutant)
            if (mutant.was, mutant.becomes) in listed:
                if survived:
                    self.report.equivalent += 1
                else:
                    self.report.killed += 1
                    self._problem(f"listed as equivalent, but fails: {mutant.description}")
            elif survived:
                self._problem(f"survives: {mutant.description}")
            else:
                self.report.killed += 1

    def _survives(self, mutant: Mutant) -> bool:
        source = self.chapter.program(self.exercise.name, mutant.source)
        answer = Answer(self.exercise.name, "mutant", source, mutant.description, right=False)
        try:
            with _time_limit(SECONDS_PER_ANSWER):
                function = load_answer(answer)
        except BaseException:
            return False
        return self._passes(function)[0]


def verify(chapter: Chapter, mutants: bool = True, only: str | None = None) -> Iterator[Report]:
    """Verify every exercise of a chapter, or the one named."""
    for exercise in chapter.exercises.values():
        if only in (None, exercise.name):
            yield Verifier(chapter, exercise).run(mutants)


if __name__ == "__main__":  # a short way for authors: python -m autograder.verification CHAPTER [EXERCISE]
    import sys
    from pathlib import Path

    for report in verify(Chapter(Path.cwd(), sys.argv[1]), only=sys.argv[2] if len(sys.argv) > 2 else None):
        print(
            f"{report.exercise}: {report.answers} answers, {report.killed}/{report.mutants} mutants killed, "
            f"{report.equivalent} equivalent"
        )
        for problem in report.problems:
            print("   -", problem)
