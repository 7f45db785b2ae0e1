"""Tests the tests: every right answer must pass, every wrong answer and every mutant must fail.

An exercise whose cases accept a mutant does not ask what its formula asks; one whose cases refuse a right
answer asks for our way of writing it.
"""

import ast
import hashlib
import json
import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
import yaml

from autograder.answers import Cell, Submission
from autograder.cases import Answer
from autograder.chapters import Chapter, Exercise
from autograder.course import Limits
from autograder.errors import CourseError, JudgeError
from autograder.figures import put_figures
from autograder.judgement import provide
from autograder.judges import end_with_parent
from autograder.judging import AnswerFailed, Judge, Local, Provider, Refused, load_answer
from autograder.mutants import stock_mutants, syntactic_mutants
from autograder.watching import Watched
from autograder.workshop import Workshop

FIGURES = Path("docs/verification.json")
WRONG_ANSWERS = 3
RIGHT_ANSWERS = 1
REFERENCE_RUNS = 5
RIGHT_ANSWER_RUNS = 10
WRONG_ANSWER_RUNS = 5
SECONDS_PER_ANSWER = 20
TIMED_OUT = "timed out"
LIMITS = Limits(case_seconds=5, exercise_seconds=30)
LAB_LIMITS = Limits(case_seconds=20, exercise_seconds=120)  # kernels in the interpreter
LAB_SECONDS_PER_ANSWER = 100
EQUIVALENT_SHARE = 0.03


@dataclass
class Report:
    """What verifying one exercise found; `code` is a digest of the code that its mutants depend on."""

    chapter: str
    exercise: str
    code: str = ""
    wrong: int = 0
    wrong_failed: int = 0
    right: int = 0
    right_passed: int = 0
    stock: int = 0
    stock_killed: int = 0
    mutants: int = 0
    killed: int = 0
    equivalent: int = 0
    with_mutants: bool = False
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def code_digest(chapter: Chapter) -> str:
    """A digest of what a chapter's mutants are made of and judged by, comments and docstrings apart."""
    found = hashlib.sha256()
    for path in (chapter.solutions / "reference.py", chapter.source / "checks.py", chapter.tests / "hidden.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
                node.body[0] = ast.Pass()
        found.update(ast.unparse(tree).encode())
    return found.hexdigest()[:16]


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
def _time_limit(seconds: float, of_processor: bool = False) -> Iterator[None]:
    """Raise AnswerFailed after so many seconds of the wall, or of this process's own."""

    def ring(*_: Any) -> None:
        raise AnswerFailed("timed_out", seconds=seconds, fatal=True)

    number, timer = (signal.SIGPROF, signal.ITIMER_PROF) if of_processor else (signal.SIGALRM, signal.ITIMER_REAL)
    before = signal.signal(number, ring)
    signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)


class Verifier:
    """Verifies one exercise: in the sandbox, as submissions are judged, or without a workshop in this process."""

    def __init__(self, chapter: Chapter, exercise: Exercise, workshop: Workshop | None = None):
        self.chapter = chapter
        self.exercise = exercise
        self.workshop = workshop
        self.report = Report(chapter.name, exercise.name, code_digest(chapter))
        self.patience: float | None = None  # seconds of the processor, where an answer is judged in this process
        self._known: dict[tuple[str, int, torch.dtype], list[Any]] = {}

    def _judge(self, secret: str = "verify") -> Judge:
        e = self.exercise
        return Judge(e.name, e.cases, e.reference, secret, (), e.wrong, known=self._known)

    def _local(self, function: Callable) -> Provider:
        return Local(Watched(function, self.exercise.rules))

    def _passes(self, provider: Provider, secret: str = "verify") -> tuple[bool, str]:
        """Whether all cases pass, and the first that does not."""
        try:
            wall = LAB_SECONDS_PER_ANSWER if self.chapter.is_lab else SECONDS_PER_ANSWER
            limit = (self.patience, True) if self.patience else (wall, False)
            with _time_limit(*limit), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's, of what wrong answers do
                verdict = self._judge(secret).judge(provider, until_failure=True)
        except AnswerFailed:
            return False, TIMED_OUT
        failed = [c for c in verdict.cases if not c.passed]
        return not failed, f"{failed[0].sentence}: {failed[0].message}" if failed else ""

    def _answer_passes(self, name: str, source: str) -> tuple[bool, str]:
        """Whether a whole program of the course's own passes all cases."""
        if self.workshop:
            cells = [Cell(source, "answer", self.exercise.name)]
            return self._passes(provide(self.exercise, Submission(self.chapter.name, cells), self.workshop))
        try:
            with _time_limit(SECONDS_PER_ANSWER):
                function = load_answer(Answer(self.exercise.name, name, source, "", right=False))
        except Exception as error:
            return False, f"{type(error).__name__}: {error}"
        return self._passes(self._local(function))

    def _problem(self, text: str) -> None:
        self.report.problems.append(text)

    def run(self, mutants: bool = True) -> Report:
        """All checks; with `mutants=False` without the syntactic mutants."""
        started = time.monotonic()
        try:
            self._interface()
            self._reference()
            self._answers()
            self._stock()
            self.report.with_mutants = mutants
            if mutants:
                self._syntactic()
        except (JudgeError, CourseError) as error:
            self._problem(str(error))
        self.report.seconds = round(time.monotonic() - started, 1)
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
            began = time.process_time()
            verdict = self._judge(f"reference {repetition}").judge(self._local(self.exercise.reference))
            self.reference_seconds = time.process_time() - began
            for case in verdict.cases:
                if not case.passed:
                    self._problem(f"the reference fails {case.name}: {case.message}")
                    return
        source = self.chapter.program(self.exercise.name, self.chapter.solution(self.exercise.name))
        passes, first = self._answer_passes("reference", source)
        if not passes:
            self._problem(f"the reference, as a student would hand it in, is refused: {first}")

    def _answers(self) -> None:
        for answer in self.exercise.right + self.exercise.wrong:
            passes, first = self._answer_passes(answer.name, answer.source)
            if answer.right:
                passes, first = (passes, first) if not passes else self._passes_always(answer)
                self.report.right += 1
                self.report.right_passed += passes
                if not passes:
                    self._problem(f"the right answer {answer.name} is refused: {first}")
            else:
                found = "" if passes else self._passes_somewhere(answer)
                if refusal := self._refusal(answer):
                    self._problem(
                        f"the wrong answer {answer.name} is refused before it runs, so no case tells: {refusal}"
                    )
                self.report.wrong += 1
                self.report.wrong_failed += not (passes or found)
                if passes or found:
                    self._problem(f"the wrong answer {answer.name} is accepted{found}")

    def _passes_always(self, answer: Answer) -> tuple[bool, str]:
        """Whether a right answer passes on many draws: on which draw a student is judged must not matter."""
        for repetition in range(RIGHT_ANSWER_RUNS):
            secret = f"right {repetition}"
            passes, first = self._passes(self._local(load_answer(answer)), secret)
            if not passes:
                return False, f"{first} (secret {secret!r})"
        return True, ""

    def _refusal(self, answer: Answer) -> str:
        """Why an answer would not be run at all; empty when it would."""
        submission = Submission(self.chapter.name, [Cell(answer.source, "answer", self.exercise.name)])
        provider = provide(self.exercise, submission, self.workshop or Workshop(limits=LIMITS))
        return provider.failure.difference.message() if isinstance(provider, Refused) else ""

    def _passes_somewhere(self, answer: Answer) -> str:
        """The draw on which a wrong answer passes, if there is one: on which a student is judged must not matter."""
        for repetition in range(WRONG_ANSWER_RUNS):
            secret = f"wrong {repetition}"
            with suppress(Exception):
                passes, first = self._passes(self._local(load_answer(answer)), secret)
                if passes:
                    return f" on some draws (secret {secret!r}): make every draw tell"
                if first == TIMED_OUT:  # so would the others be
                    break
        return ""

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
            passes, _ = self._passes(self._local(function))
            if not getattr(function, "applied", True):
                continue
            self.report.stock += 1
            self.report.stock_killed += not passes
            if passes:
                self._problem(f"the stock mutant {name!r} is accepted")
        for name in ("zeros", "constant", "not a number"):
            if name not in stock:
                continue
            for case in self._judge().judge(self._local(stock[name])).cases:
                if case.facet in ("value", "gradient") and case.passed:
                    self._problem(f"{name!r} passes {case.name}: make its draw tell")

    def _syntactic(self) -> None:
        self.workshop, self.patience = None, 2 * self.reference_seconds + 2  # in this process, where oracles are known
        listed = {k[1:]: why for k, why in equivalents(self.chapter).items() if k[0] == self.exercise.name}
        for mutant in syntactic_mutants(self.chapter.solution(self.exercise.name)):
            self.report.mutants += 1
            survived, _ = self._answer_passes("mutant", self.chapter.program(self.exercise.name, mutant.source))
            if not survived:
                self.report.killed += 1
            if (mutant.was, mutant.becomes) in listed:
                self.report.equivalent += survived
                if not survived:
                    self._problem(f"listed as equivalent, but fails: {mutant.description}")
            elif survived:
                self._problem(f"survives: {mutant.description}")


def verify(chapter: Chapter, mutants: bool = True, only: str | None = None) -> Iterator[Report]:
    """Verify every exercise of a chapter, or the one named, in this process."""
    for exercise in chapter.exercises.values():
        if only in (None, exercise.name):
            yield Verifier(chapter, exercise).run(mutants)


_workshops: dict[bool, Workshop] = {}
_chapters: dict[tuple[Path, str], Chapter] = {}


def _begin_process() -> None:
    """In a new process of the pool: one core's share, and not a word of MKL's about the NaN of wrong answers."""
    torch.set_num_threads(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    end_with_parent()


def _verify_one(root: Path, name: str, exercise: str, sandbox: str, mutants: bool) -> Report:
    """One exercise, in a process of the pool that keeps its workshop warm."""
    lab = name.startswith("lab")
    if lab not in _workshops:
        _workshops[lab] = Workshop(sandbox, LAB_LIMITS if lab else LIMITS, lab=lab)
        _workshops[lab].start()
    chapter = _chapters.setdefault((root, name), Chapter(root, name))
    return Verifier(chapter, chapter.exercises[exercise], _workshops[lab]).run(mutants)


def verify_course(
    root: Path,
    chapters: Sequence[str],
    *,
    sandbox: str = "bwrap",
    mutants: bool = True,
    lab_mutants: bool = True,
    workers: int | None = None,
) -> Iterator[Report]:
    """Verify chapters in the sandbox, several exercises at a time, yielding reports as they come."""
    jobs = [(name, exercise) for name in chapters for exercise in Chapter(root, name).exercises]
    with ProcessPoolExecutor(workers or os.cpu_count(), initializer=_begin_process) as pool:
        futures = [
            pool.submit(
                _verify_one, root, name, exercise, sandbox, mutants and (lab_mutants or not Chapter(root, name).is_lab)
            )
            for name, exercise in jobs
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:  # an interrupt, for one, does not wait for what has begun
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


@dataclass
class Summary:
    """What verifying several exercises found, added up."""

    exercises: int = 0
    wrong: int = 0
    wrong_failed: int = 0
    right: int = 0
    right_passed: int = 0
    stock: int = 0
    stock_killed: int = 0
    mutants: int = 0
    killed: int = 0
    equivalent: int = 0
    problems: int = 0

    @property
    def kill_rate(self) -> float:
        """The share of mutants that fail, those listed as equivalent apart."""
        return self.killed / max(self.mutants - self.equivalent, 1)

    def sentence(self) -> str:
        """The figures in words, as the README has them."""
        return (
            f"{self.exercises} exercises: {self.right_passed} of {self.right} right answers pass, "
            f"{self.wrong_failed} of {self.wrong} wrong answers fail, {self.stock_killed} of {self.stock} stock "
            f"mutants fail, {self.killed} of {self.mutants} syntactic mutants fail and {self.equivalent} more are "
            f"proved equivalent: a kill rate of {100 * self.kill_rate:.2f} %."
        )


def summarize(reports: Sequence[Report]) -> Summary:
    """The sums over reports; too many listed equivalents in a chapter are a problem of their own."""
    summary = Summary(exercises=len(reports))
    for report in reports:
        for key in vars(summary):
            if key not in ("exercises", "problems"):
                setattr(summary, key, getattr(summary, key) + getattr(report, key))
        summary.problems += len(report.problems)
    for chapter in {r.chapter for r in reports}:
        own = [r for r in reports if r.chapter == chapter]
        if sum(r.equivalent for r in own) > EQUIVALENT_SHARE * sum(r.mutants for r in own) > 0:
            own[-1].problems.append(
                f"{chapter}: more than {EQUIVALENT_SHARE:.0%} of its mutants are listed as equivalent"
            )
            summary.problems += 1
    return summary


COUNTS = [f.name for f in fields(Summary) if f.name not in ("exercises", "problems")]
OF_MUTANTS = ("mutants", "killed", "equivalent")


def record(root: Path, written: Iterable[tuple[str, str]], reports: Sequence[Report]) -> None:
    """Write the figures of these reports, and all figures added up, into docs/verification.json and README.md.

    written: the chapters and exercises that the course has; the figures of others are dropped.
    Where no mutants were judged, their figures stay. Raises CourseError if those are of other code.
    """
    rows = _recorded(root)
    without = [report for report in reports if not report.with_mutants]
    if old := {r.chapter for r in without if rows.get((r.chapter, r.exercise), {}).get("code") != r.code}:
        names = " ".join(sorted(old))
        raise CourseError(f"the recorded mutants are of other code: run `atlas verify --record {names}`, with mutants")
    for report in reports:
        key, row = (report.chapter, report.exercise), _row(report)
        rows[key] = row if report.with_mutants else row | {name: rows[key][name] for name in OF_MUTANTS}
    kept = [rows[key] for key in sorted(set(written) & rows.keys())]
    summary = Summary(len(kept), *(sum(row[key] for row in kept) for key in COUNTS))
    summary.problems = sum(len(row["problems"]) for row in kept)
    put_figures(root / "README.md", "verify", summary.sentence())
    out = {"summary": _figures(summary), "exercises": kept}
    (root / FIGURES).write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


def other_figures(root: Path, reports: Sequence[Report]) -> list[str]:
    """The exercises of which docs/verification.json has other figures. Without mutants, the rest is compared."""
    recorded = _recorded(root)
    found = []
    for report in reports:
        row, before = _row(report), recorded.get((report.chapter, report.exercise), {})
        left_out = () if report.with_mutants else OF_MUTANTS
        if any(before.get(key) != value for key, value in row.items() if key not in left_out):
            found.append(f"{report.chapter} {report.exercise}")
    return found


def _row(report: Report) -> dict[str, Any]:
    return {key: value for key, value in asdict(report).items() if key not in ("with_mutants", "seconds")}


def _recorded(root: Path) -> dict[tuple[str, str], dict[str, Any]]:
    path = root / FIGURES
    rows = json.loads(path.read_text(encoding="utf-8"))["exercises"] if path.is_file() else []
    return {(row["chapter"], row["exercise"]): row for row in rows}


def _figures(summary: Summary) -> dict[str, Any]:
    return asdict(summary) | {"kill_rate": round(summary.kill_rate, 4)}


if __name__ == "__main__":  # a short way for authors: python -m autograder.verification CHAPTER [EXERCISE]
    import sys

    for report in verify(Chapter(Path.cwd(), sys.argv[1]), only=sys.argv[2] if len(sys.argv) > 2 else None):
        print(
            f"{report.exercise}: {report.right + report.wrong} answers, {report.stock_killed}/{report.stock} stock and "
            f"{report.killed}/{report.mutants} syntactic mutants killed, {report.equivalent} equivalent, "
            f"{report.seconds} s"
        )
        for problem in report.problems:
            print("   -", problem)
