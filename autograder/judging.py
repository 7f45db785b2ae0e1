"""The judge: runs a case on an answer, on the reference and on the builtin, and compares.

The judge never trusts an answer: it reads values and decides itself. An answer is any callable; a
student's is a proxy whose calls run in the sandbox and raise `AnswerFailed`.
"""

import linecache
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, Protocol

import torch

from autograder.cases import MISSING, Answer, Case, Rules
from autograder.comparison import Difference, compare, describe
from autograder.draws import Draw, seed_of
from autograder.errors import JudgeError
from autograder.language import say
from autograder.timing import PAIRS, PROCESSOR, WARM_UP, Stopwatch, settled, speed
from autograder.verdicts import FACETS, CaseVerdict, ExerciseVerdict, Speed, Status
from autograder.workloads import Workload

# torch raises these where a docstring of the course asks for ValueError
ACCEPTED_ERRORS = {"ValueError", "RuntimeError", "IndexError", "TypeError"}
# and these are never the answer to a bad call, though two of them are RuntimeErrors
REFUSED_ERRORS = {"NotImplementedError", "RecursionError", "NameError", "AttributeError", "AssertionError"}

# facets that tell nothing unless the answer computes something right
GATED_FACETS = {"interface", "numerics", "memory", "speed"}

TIMEOUTS_PER_EXERCISE = 2
DEATHS_PER_EXERCISE = 3


class AnswerFailed(Exception):
    """A call of the answer that gave no usable result.

    key, words: the sentence for the student (see `language.SENTENCES`).
    classes: the names of the raised exception's classes, nearest first; empty when none was raised.
    fatal: the answer's process is gone or no longer to be trusted.
    again: nothing is known yet, because something else may have killed the process: run it again.
    here: it was raised in the judge's process, which for an answer in the sandbox means by the driver.
    """

    here = False

    def __init__(self, key: str, classes: Sequence[str] = (), fatal: bool = False, again: bool = False, **words: Any):
        super().__init__(key, words)
        self.key = key
        self.words = words
        self.classes = list(classes)
        self.fatal = fatal
        self.again = again

    @property
    def difference(self) -> Difference:
        return Difference(self.key, self.words)


def local_failure(error: Exception) -> AnswerFailed:
    """The failure that an exception raised in this process stands for."""
    if isinstance(error, AnswerFailed):
        return error
    classes = [cls.__name__ for cls in type(error).__mro__ if cls not in (object, BaseException)]
    try:
        message = str(error)
    except Exception:  # an exception of the answer's own, whose text fails too
        message = ""
    failure = AnswerFailed("raised", classes, error=classes[0], message=message)
    failure.here = True
    return failure


class Provider(Protocol):
    """Where the judge gets an answer from.

    native: whether the answer has code of its own compiled from C++ or CUDA, which the judge cannot see into.
    """

    @property
    def native(self) -> bool: ...

    def answer(self) -> Callable:
        """The answer, ready to be called; after `discard`, a new one. Raises AnswerFailed if there is none."""

    def discard(self) -> None:
        """Drop the present answer and the process it lives in."""

    def leave(self) -> None:
        """The judge is done with the answer."""


class Race(Protocol):
    """What measures the speed of kernels on a GPU."""

    def judge(
        self,
        workload: Workload,
        provider: Provider,
        verdict: CaseVerdict,
        seed: Callable[..., int],
        language: str,
    ) -> None:
        """Fill in the verdict: passed, message, speed, and whom it waits for."""


class PlannedExercise(Protocol):
    """What course.yml says of an exercise."""

    @property
    def name(self) -> str: ...
    @property
    def equation(self) -> str: ...
    @property
    def points(self) -> float: ...


def verdict_on(
    case: Case, language: str, *, passed: bool = False, message: str = "", speed: Speed | None = None
) -> CaseVerdict:
    """A verdict on a case, in a language."""
    return CaseVerdict(
        name=case.name,
        sentence=case.sentence(language),
        facet=case.facet,
        visible=case.visible,
        weight=case.weight,
        passed=passed,
        message=message,
        speed=speed,
    )


def blank(
    planned: PlannedExercise, cases: Iterable[Case], language: str, status: Status, *notes: str
) -> ExerciseVerdict:
    """A verdict on an answer that was not run."""
    return ExerciseVerdict(
        name=planned.name,
        equation=planned.equation,
        score=0.0,
        max_score=planned.points,
        status=status,
        cases=[verdict_on(case, language) for case in cases],
        notes=list(notes),
    )


@dataclass
class Local:
    """An answer in this process: the reference, a builtin, or a student's own on their own machine."""

    function: Callable
    native: bool = False

    def answer(self) -> Callable:
        return self.function

    def discard(self) -> None:
        pass

    def leave(self) -> None:
        pass


@dataclass
class Refused:
    """An answer that is not run: a provider that only says why."""

    failure: AnswerFailed
    native: bool = False

    def answer(self) -> Callable:
        raise self.failure

    def discard(self) -> None:
        pass

    def leave(self) -> None:
        pass


@dataclass
class Timed:
    """A provider's answer by the clock: `seconds` is how long the calls of the last one took."""

    provider: Provider
    _watch: Stopwatch | None = None

    @property
    def native(self) -> bool:
        return self.provider.native

    @property
    def seconds(self) -> float:
        return self._watch.seconds if self._watch else 0.0

    def answer(self) -> Callable:
        self._watch = Stopwatch(self.provider.answer())
        return self._watch

    def discard(self) -> None:
        self.provider.discard()

    def leave(self) -> None:
        self.provider.leave()


@dataclass
class Outcome:
    """What one run of a driver gave: a value, or a failure."""

    value: Any = None
    failure: AnswerFailed | None = None


@dataclass
class Run:
    """One judged run of a case: on which draw, what came, and what is wrong with it (None: nothing)."""

    case: Case
    seed: int
    dtype: torch.dtype
    outcome: Outcome
    difference: Difference | None


def run_driver(case: Case, implementation: Callable, seed: int, dtype: torch.dtype) -> Outcome:
    """One run of the case's driver on one implementation."""
    try:
        return Outcome(case.driver(implementation, Draw(seed, dtype)))
    except (JudgeError, MemoryError):
        raise
    except Exception as error:
        return Outcome(failure=local_failure(error))


@dataclass
class Judge:
    """Judges answers to one exercise.

    oracles: the reference and whatever else must agree with it; each case adds its builtin.
    secret, key: what the draws are made from: a secret of the course, and (chapter, student, attempt).
    workload: on what a kernel's speed is measured; race: what measures it, None where there is no GPU.
    known: what the oracles gave before, for many answers in this process that are judged on the same draws.
    """

    exercise: str
    cases: Sequence[Case]
    reference: Callable | None
    secret: str
    key: tuple[Any, ...] = ()
    wrong_answers: Sequence[Answer] = ()
    language: str = "en"
    rules: Rules = field(default_factory=Rules)
    workload: Workload | None = None
    race: Race | None = None
    known: dict[tuple[str, int, torch.dtype], list[Any]] | None = None
    runs: list[Run] = field(default_factory=list)
    _rehearsed: dict[tuple[int, torch.dtype], tuple[list[Any] | None, Any]] = field(default_factory=dict)

    def expected(self, case: Case, seed: int, dtype: torch.dtype, reference: Callable | None = None) -> list[Any]:
        """What a right answer gives on this draw, by each oracle.

        reference: stands in for `self.reference` when given.
        """
        found: list[Any] = []
        if case.expected is not MISSING:
            found.append(_cast(case.expected, dtype))
        oracles = (("the reference", reference or self.reference), ("the builtin", case.agrees_with))
        for name, oracle in oracles:
            if oracle is None:
                continue
            outcome = run_driver(case, oracle, seed, dtype)
            if outcome.failure:
                raise JudgeError(
                    f"{self.exercise}, case {case.name}: {name} raised {outcome.failure.words} (seed {seed})"
                )
            found.append(outcome.value)
        if not found:
            raise JudgeError(f"{self.exercise}, case {case.name}: nothing says what is right")
        return found

    def _require_agreement(self, case: Case, expected: list[Any], seed: int, dtype: torch.dtype) -> None:
        """What an answer differs from must not itself be in doubt. One that agrees with all oracles settles it too."""
        for other in expected[1:]:
            difference = compare(expected[0], other, case.rtol, case.atol)
            if difference:
                raise JudgeError(
                    f"{self.exercise}, case {case.name}: the reference and the builtin disagree (seed {seed}, "
                    f"{dtype}): {difference.message()}"
                )

    def judge_run(self, case: Case, answer: Callable, seed: int, dtype: torch.dtype) -> Run:
        """One run of one case, compared."""
        beside = getattr(answer, "_beside", None)  # an answer in the sandbox, which must not return what it should not
        if (seed, dtype) in self._rehearsed:
            expected, _ = self._rehearsed[seed, dtype]
        elif self.known is not None and not beside and not case.raises:
            key = case.name, seed, dtype
            if key not in self.known:
                self.known[key] = self.expected(case, seed, dtype)
            expected = self.known[key]
        else:
            reference = beside(self.reference) if beside and self.reference else self.reference
            expected = None if case.raises else self.expected(case, seed, dtype, reference)
        outcome = run_driver(case, answer, seed, dtype)
        if beside and case.raises and outcome.failure and outcome.failure.here:
            outcome = Outcome(failure=AnswerFailed("unusable", message=outcome.failure.words.get("message", "")))
        difference = self._difference(case, outcome, expected)
        if difference and expected:
            self._require_agreement(case, expected, seed, dtype)
        return Run(case, seed, dtype, outcome, difference)

    def _difference(self, case: Case, outcome: Outcome, expected: list[Any] | None) -> Difference | None:
        failure = outcome.failure
        if case.raises:
            accepted = ACCEPTED_ERRORS | {case.raises.__name__}
            if failure is None:
                words = {"expected": case.raises.__name__, "came": describe(outcome.value)}
                return Difference("should_raise", words)
            if failure.key not in ("raised", "raised_at"):
                return failure.difference
            if accepted.isdisjoint(failure.classes) or not REFUSED_ERRORS.isdisjoint(failure.classes):
                words = {**failure.words, "expected": case.raises.__name__}
                return Difference("wrong_error", words)
            return None
        if failure is not None:
            return failure.difference
        for value in expected or []:
            difference = compare_answer(outcome.value, value, case)
            if difference:
                return difference
        return None

    def rehearse(self, provider: Any) -> None:
        """Run all cases on the reference, then have a sandbox's provider do ahead what they will ask of the answer."""
        assert self.reference
        if not self._rehearsed:
            for case in self.cases:
                if case.faster_than:
                    continue  # what is done ahead cannot be timed
                for dtype, repetition in product(case.dtypes, range(case.draws)):
                    seed, traced = self._seed(case, repetition), provider.rehearsal(case, self.reference)
                    reference, expected = traced.remote(self.reference), None
                    if case.raises:
                        run_driver(case, reference, seed, dtype)
                    else:
                        expected = self.expected(case, seed, dtype, reference)
                    self._rehearsed[seed, dtype] = expected, traced.steps
        provider.ahead([steps for _, steps in self._rehearsed.values()])

    def _seed(self, case: Case, repetition: int) -> int:
        return seed_of(self.secret, *self.key, self.exercise, case.name, repetition)

    def judge_provided(self, case: Case, provider: Provider, seed: int, dtype: torch.dtype) -> Run:
        """One run of one case on the provider's answer, repeated while its process is lost to something else."""
        while True:
            try:
                answer = provider.answer()
            except AnswerFailed as failure:
                run = Run(case, seed, dtype, Outcome(failure=failure), failure.difference)
            else:
                if (seed, dtype) in self._rehearsed:
                    provider.follow(self._rehearsed[seed, dtype][1])  # type: ignore[attr-defined]
                run = self.judge_run(case, answer, seed, dtype)
            if run.outcome.failure is None or not run.outcome.failure.fatal:
                return run
            provider.discard()
            if not run.outcome.failure.again:
                return run

    def time_case(self, case: Case, provider: Provider, dtype: torch.dtype) -> tuple[Difference | None, Speed | None]:
        """The speed of an answer, and what is wrong with it or with a result on the way."""
        assert case.faster_than
        timed, ratios, repetition = Timed(provider), [], 0
        while True:
            for pair in range(-WARM_UP, PAIRS):
                seed, repetition = self._seed(case, repetition), repetition + 1
                run = self.judge_provided(case, timed, seed, dtype)
                if run.difference:
                    self.runs.append(run)
                    return run.difference, None
                baseline = Stopwatch(case.faster_than, PROCESSOR)
                slow = run_driver(case, baseline, seed, dtype)
                if slow.failure or compare_answer(slow.value, run.outcome.value, case):
                    raise JudgeError(f"{self.exercise}, case {case.name}: the baseline is wrong (seed {seed})")
                if pair >= 0:
                    ratios.append(baseline.seconds / timed.seconds)
            found = speed(ratios, case.times, case.faster_than.__name__)
            if settled(found):
                return None if found.ratio >= found.needed else Difference("too_slow", found.words), found

    def judge_case(self, case: Case, provider: Provider) -> CaseVerdict:
        """All runs of one case; the first that fails decides."""
        difference, fast = None, None
        for dtype in case.dtypes:
            if case.faster_than:
                difference, fast = self.time_case(case, provider, dtype)
                break
            for repetition in range(case.draws):
                run = self.judge_provided(case, provider, self._seed(case, repetition), dtype)
                self.runs.append(run)
                difference = run.difference
                if difference:
                    break
            if difference:
                break
        message = difference.message(self.language) if difference else ""
        return verdict_on(case, self.language, passed=difference is None, message=message, speed=fast)

    def judge(
        self, provider: Provider, points: float = 1.0, equation: str = "", until_failure: bool = False
    ) -> ExerciseVerdict:
        """The verdict on one answer. With `until_failure` the first failed case ends it, and no hints are sought."""
        self.runs = []
        verdicts: list[CaseVerdict] = []
        given_up: Difference | None = None
        try:
            for case in self.cases:
                if given_up:
                    verdicts.append(self._not_run(case, given_up))
                    continue
                verdicts.append(self.judge_case(case, provider))
                if until_failure and not verdicts[-1].passed:
                    break
                given_up = self._give_up()
            else:
                if self.workload:
                    verdicts.append(self.judge_speed(self.workload, verdicts, provider))
        finally:
            provider.leave()
        matches = [] if until_failure else self.matches()
        score, notes = self.score(verdicts, points)
        return ExerciseVerdict(
            name=self.exercise,
            equation=equation,
            score=score,
            max_score=points,
            status=self._status(verdicts),
            cases=verdicts,
            hints=[answer.hint(self.language) for answer in matches],
            misconceptions=[answer.name for answer in matches],
            notes=notes,
        )

    def judge_speed(self, workload: Workload, cases: Sequence[CaseVerdict], provider: Provider) -> CaseVerdict:
        """The speed of a kernel, which counts when its results are right."""
        verdict = CaseVerdict(
            name=workload.name,
            sentence=workload.sentence(self.language),
            facet="speed",
            visible=False,
            weight=workload.weight,
            passed=False,
        )
        if not all(case.passed for case in cases if case.facet not in GATED_FACETS):
            verdict.message = say("speed_later", self.language)
        elif self.race is None:
            verdict.waits_for, verdict.message = "gpu", say("speed_waits", self.language)
        else:
            self.race.judge(workload, provider, verdict, partial(seed_of, self.secret, *self.key), self.language)
            if verdict.passed and provider.native:
                verdict.passed, verdict.waits_for = False, "person"
                verdict.message = say("native", self.language)
        return verdict

    def _not_run(self, case: Case, why: Difference) -> CaseVerdict:
        return verdict_on(case, self.language, message=why.message(self.language))

    def _give_up(self) -> Difference | None:
        """The difference that makes running further cases pointless, if there is one."""
        failures = [run.outcome.failure for run in self.runs if run.outcome.failure]
        if failures and failures[-1].key in ("not_defined", "not_python", "forbidden_source", "reaches_around"):
            return failures[-1].difference
        fatal = [f for f in failures if f.fatal]
        slow = [f for f in fatal if f.key == "timed_out"]
        if len(slow) >= TIMEOUTS_PER_EXERCISE or len(fatal) >= DEATHS_PER_EXERCISE:
            return fatal[-1].difference
        return None

    def score(self, verdicts: Sequence[CaseVerdict], points: float) -> tuple[float, list[str]]:
        """Points by weight; nothing for good manners alone: without one right value the score is 0."""
        total = sum(v.weight for v in verdicts)
        gained = sum(v.weight for v in verdicts if v.passed)
        if gained and not self._right_value(verdicts):
            return 0.0, [say("no_value", self.language)]
        return (round(points * gained / total, 2) if total else 0.0), []

    def _right_value(self, verdicts: Sequence[CaseVerdict]) -> bool:
        """Whether some case passed that nothing but a right value passes."""
        return any(
            v.passed and v.facet not in GATED_FACETS and case.raises is None
            for v, case in zip(verdicts, self.cases, strict=False)
        )

    def _status(self, verdicts: Sequence[CaseVerdict]) -> Status:
        if all(v.passed for v in verdicts):
            return "passed"
        keys = {run.outcome.failure.key for run in self.runs if run.outcome.failure}
        waiting = {v.waits_for for v in verdicts}
        if waiting & {"gpu", "person"}:
            return "needs_person" if "person" in waiting else "pending_gpu"
        if self._right_value(verdicts):
            return "partial"
        if "timed_out" in keys:
            return "timed_out"
        if keys & {"crashed", "memory", "processes"}:
            return "crashed"
        return "failed"

    def matches(self) -> list[Answer]:
        """The known wrong answers that give what the student gave on every failing draw."""
        failing = [run for run in self.runs if run.difference]
        failures = [run.outcome.failure for run in failing if run.outcome.failure]
        if not failing or any(not f.classes and f.key != "changed_input" for f in failures):
            return []
        return [answer for answer in self.wrong_answers if self._same_mistake(answer, failing)]

    def _same_mistake(self, answer: Answer, failing: Sequence[Run]) -> bool:
        from autograder.watching import Watched

        function = Watched(load_answer(answer), self.rules)
        telling = False  # the class of an exception alone, such as TypeError, tells little
        for run in failing:
            outcome = run_driver(run.case, function, run.seed, run.dtype)
            theirs, known = run.outcome.failure, outcome.failure
            if theirs or known:
                if not (theirs and known and _same_failure(theirs, known)):
                    return False
                telling = telling or theirs.key == "changed_input" or _same_message(theirs, known)
            elif _differ(run.outcome.value, outcome.value, run.case):
                return False
            else:
                telling = True
        return telling


def _same_failure(a: AnswerFailed, b: AnswerFailed) -> bool:
    return a.classes[:1] == b.classes[:1] if a.classes else a.key == b.key


def _same_message(a: AnswerFailed, b: AnswerFailed) -> bool:
    """Whether two exceptions say the same, such as which shapes do not fit."""
    return bool(a.words.get("message")) and a.words["message"] == b.words.get("message")


def _differ(came: Any, expected: Any, case: Case) -> bool:
    try:
        return compare(came, expected, case.rtol, case.atol) is not None
    except Exception:
        return True


def compare_answer(came: Any, expected: Any, case: Case) -> Difference | None:
    """Compare what an answer gave. A value so odd that it cannot even be compared is the answer's fault.

    What the oracles gave has been compared before, so nothing of theirs can be the reason.
    """
    try:
        difference = compare(came, expected, case.rtol, case.atol)
        if difference:
            difference.message()
        return difference
    except Exception as error:
        return Difference("unusable", {"message": f"{type(error).__name__}: {error}"[:200]})


def load_answer(answer: Answer) -> Callable:
    """The function or class of an answer of the course's own, defined in this process."""
    namespace: dict[str, Any] = {"__name__": f"answer_{answer.name}"}
    label = f"<{answer.exercise} {answer.name}>"
    linecache.cache[label] = len(answer.source), None, answer.source.splitlines(True), label  # Triton reads it
    exec(compile(answer.source, label, "exec"), namespace)
    return namespace[answer.exercise]


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor) and value.dtype.is_floating_point:
        return value.to(dtype)
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(item, dtype) for item in value)
    return value


def count_hidden(cases: Iterable[Case], exercise: str, lab: bool) -> dict[str, int]:
    """How many hidden cases of each facet an exercise has, in the facets' order; the race on a GPU is a lab's last."""
    counts: dict[str, int] = {facet: 0 for facet in FACETS}
    for case in cases:
        counts[case.facet] += case.exercise == exercise
    return {facet: n for facet, n in counts.items() if n} | ({"speed": 1} if lab else {})
