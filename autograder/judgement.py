"""One submission judged: every exercise of a chapter, each on its own slice in the sandbox."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from autograder.answers import Submission
from autograder.cases import Rules
from autograder.chapters import Chapter, Exercise
from autograder.errors import JudgeError, SandboxError
from autograder.forbidden import read
from autograder.judging import AnswerFailed, Judge, PlannedExercise, Race, Refused, blank
from autograder.language import say
from autograder.sandbox import Lease, Session
from autograder.slicing import CannotRead, Piece, is_stub, slice_of
from autograder.verdicts import ExerciseVerdict, Verdict
from autograder.workshop import Workshop


class Plan(Protocol):
    """What course.yml says of a chapter."""

    @property
    def exercises(self) -> Iterable[Any]: ...


def judge_submission(
    chapter: Chapter,
    plan: Plan,
    submission: Submission,
    *,
    student: str,
    attempt: str,
    secret: str,
    workshop: Workshop,
    race: Race | None = None,
    judged: Callable[[ExerciseVerdict], None] = lambda verdict: None,
) -> Verdict:
    """The verdict on a whole submission; a failure of the judge spoils one exercise and is said so.

    judged: is told of each exercise as soon as its verdict is there.
    """
    key = (chapter.name, student, attempt)
    forbidden = {pattern for planned in plan.exercises for pattern in chapter.exercises[planned.name].rules.forbids}
    lease = Lease(workshop, sorted(forbidden))
    exercises = []
    try:
        for planned in plan.exercises:
            exercise = chapter.exercises[planned.name]
            exercises.append(judge_exercise(exercise, planned, submission, key, secret, lease, race))
            judged(exercises[-1])
    finally:
        lease.end()
    return Verdict(
        chapter=chapter.name,
        student=student,
        language=submission.language,
        score=round(sum(e.score for e in exercises), 2),
        max_score=sum(e.max_score for e in exercises),
        sandbox=workshop.label,
        seed=attempt,
        exercises=exercises,
        notes=submission.notes,
    )


def judge_exercise(
    exercise: Exercise,
    planned: PlannedExercise,
    submission: Submission,
    key: tuple[str, ...],
    secret: str,
    lease: Lease,
    race: Race | None = None,
) -> ExerciseVerdict:
    """The verdict on one exercise of a submission."""
    language = submission.language

    not_judged = partial(blank, planned, exercise.cases, language)
    cell = submission.answer(exercise.name)
    if cell is None:
        return not_judged("not_attempted", say("missing_answer", language, name=exercise.name))
    if is_stub(cell.source, exercise.name):
        return not_judged("not_attempted", say("not_attempted", language))
    judge = Judge(
        exercise.name,
        exercise.cases,
        exercise.reference,
        secret,
        key,
        wrong_answers=exercise.wrong,
        language=language,
        rules=exercise.rules,
        workload=exercise.workload,
        race=race,
    )
    try:
        return judge_provided(judge, exercise, submission, planned, lease)
    except SandboxError:
        raise
    except JudgeError as error:
        lease.end()
        return not_judged("judge_error", f"{say('judge_error', language)} ({error})")
    except Exception as error:  # a failure of the judge that nobody foresaw costs this exercise a look, and no other
        lease.end()
        return not_judged("judge_error", f"{say('judge_error', language)} ({type(error).__name__}: {error})")


def judge_provided(
    judge: Judge, exercise: Exercise, submission: Submission, planned: PlannedExercise, lease: Lease
) -> ExerciseVerdict:
    """Judge in the process that the submission's other answers used, if it may; if it fails there, in a new one."""
    while True:
        provider = provide(exercise, submission, lease.workshop, lease)
        if not (isinstance(provider, Session) and provider.lease):
            lease.end()  # there is one process at a time
            return judge.judge(provider, planned.points, planned.equation)
        shared = lease.channel is not None
        judge.rehearse(provider)
        verdict = judge.judge(provider, planned.points, planned.equation, until_failure=shared)
        if verdict.status in ("passed", "pending_gpu"):
            return verdict
        lease.end()
        if not shared:
            return verdict


def provide(
    exercise: Exercise, submission: Submission, workshop: Workshop, lease: Lease | None = None
) -> "Session | Refused":
    """The student's answer in the sandbox, or the reason why it is not run at all. A tame one may use the lease."""
    try:
        pieces = slice_of(submission.cells, exercise.name)
    except CannotRead as error:
        return Refused(AnswerFailed(error.key, **error.words))
    if lease is not None and is_tame(pieces, exercise.rules, lease.forbidden):  # which refuses more than what follows
        return Session(workshop, exercise.name, pieces, exercise.rules, lease)
    watched = any(case.facet in ("memory", "speed") for case in exercise.cases)
    refusal = read(pieces, exercise.rules, watched)
    return Refused(refusal) if refusal else Session(workshop, exercise.name, pieces, exercise.rules)


def is_tame(pieces: Sequence[Piece], rules: Rules, forbidden: Sequence[str]) -> bool:
    """Whether the reader finds no way in these statements to reach what is not the answer's own.

    forbidden: what the rules of other answers in the same process forbid.
    """
    return read(pieces, rules, beside=forbidden) is None
