"""One submission judged: every exercise of a chapter, each on its own slice in the sandbox."""

from collections.abc import Iterable
from typing import Any, Protocol

from autograder.answers import Submission
from autograder.chapters import Chapter, Exercise
from autograder.forbidden import read
from autograder.judging import AnswerFailed, Judge, JudgeError
from autograder.language import say
from autograder.sandbox import SandboxError, Session, Workshop
from autograder.slicing import CannotRead, Piece, is_stub, slice_of
from autograder.verdicts import CaseVerdict, ExerciseVerdict, Verdict


class PlannedExercise(Protocol):
    """What course.yml says of an exercise."""

    name: str
    equation: str
    points: float


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
) -> Verdict:
    """The verdict on a whole submission; a failure of the judge spoils one exercise and is said so."""
    key = (chapter.name, student, attempt)
    exercises = [
        judge_exercise(chapter.exercises[planned.name], planned, submission, key, secret, workshop)
        for planned in plan.exercises
    ]
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
    workshop: Workshop,
) -> ExerciseVerdict:
    """The verdict on one exercise of a submission."""
    language = submission.language

    def blank(status: Any, message: str) -> ExerciseVerdict:
        cases = [
            CaseVerdict(
                name=case.name,
                sentence=case.sentence(language),
                facet=case.facet,
                visible=case.visible,
                weight=case.weight,
                passed=False,
            )
            for case in exercise.cases
        ]
        return ExerciseVerdict(
            name=planned.name,
            equation=planned.equation,
            score=0.0,
            max_score=planned.points,
            status=status,
            cases=cases,
            notes=[message],
        )

    cell = submission.answer(exercise.name)
    if cell is None:
        return blank("not_attempted", say("missing_answer", language, name=exercise.name))
    if is_stub(cell.source, exercise.name):
        return blank("not_attempted", say("not_attempted", language))
    judge = Judge(
        exercise.name,
        exercise.cases,
        exercise.reference,
        secret,
        key,
        wrong_answers=exercise.wrong,
        language=language,
        rules=exercise.rules,
    )
    try:
        provider = provide(exercise, submission, workshop)
        return judge.judge(provider, planned.points, planned.equation)
    except SandboxError:
        raise
    except JudgeError as error:
        return blank("judge_error", f"{say('judge_error', language)} ({error})")
    except Exception as error:  # a failure of the judge that nobody foresaw costs this exercise a look, and no other
        return blank("judge_error", f"{say('judge_error', language)} ({type(error).__name__}: {error})")


def provide(exercise: Exercise, submission: Submission, workshop: Workshop) -> "Session | Refused":
    """The student's answer in the sandbox, or the reason why it is not run at all."""
    try:
        pieces = slice_of(submission.cells, exercise.name)
    except CannotRead as error:
        return Refused(AnswerFailed("not_defined", name=exercise.name, message=str(error)))
    watched = any(case.facet in ("memory", "speed") for case in exercise.cases)
    refusal = read(pieces, exercise.rules, watched)
    return Refused(refusal) if refusal else Session(workshop, exercise.name, pieces, exercise.rules)


def program_pieces(source: str) -> list[Piece]:
    """A whole program of the course's own as one piece."""
    import ast

    return [Piece(source, tuple(range(len(ast.parse(source).body))), "answer", True)]


class Refused:
    """An answer that is not run: a `judging.Provider` that only says why."""

    def __init__(self, failure: AnswerFailed):
        self.failure = failure

    def answer(self) -> Any:
        raise self.failure

    def discard(self) -> None:
        pass
