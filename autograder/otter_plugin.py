"""The course's judge inside Otter: `otter run` gives the scores of `atlas grade`.

Otter would run a submission, its tests and the writing of its results in one process, and unpickle what comes out.
With this plug-in none of a student's code runs there: Otter gets an empty notebook, and the scores are the judge's.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat.v4 import new_notebook
from otter.plugins import AbstractOtterPlugin
from otter.run.run_autograder.utils import OtterRuntimeError
from otter.test_files import GradingResults, TestCase, TestCaseResult
from otter.test_files.exception_test import ExceptionTestFile

from autograder.course import FILE
from autograder.gradescope import student_in
from autograder.judges import Failure, Judges, course_of, make_job
from autograder.language import say
from autograder.submissions import SubmissionError, read_in_language
from autograder.verdicts import ExerciseVerdict, Verdict

COURSE_VARIABLE, STUDENT_VARIABLE = "ATLAS_COURSE", "ATLAS_STUDENT"


class Judge(AbstractOtterPlugin):
    """Replaces what Otter found by the verdicts of the course's judge.

    Its configuration in otter_config.json: `chapter`; `course`, the course's folder, unless $ATLAS_COURSE names it;
    `sandbox`, bwrap unless given. $ATLAS_STUDENT is the student, whom `otter run` does not know.
    """

    def before_execution(self, submission: Any) -> Any:
        """An empty notebook in place of the student's."""
        return new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})

    def after_grading(self, results: GradingResults) -> None:
        """Put the judge's verdicts in the place of Otter's. Raises OtterRuntimeError where there is no score."""
        verdict = self._verdict()
        results.clear_results()
        results.results.update({exercise.name: test_file(exercise) for exercise in verdict.exercises})
        waiting = [exercise for exercise in verdict.exercises if not exercise.settled]
        said = [f"{e.name}: {say(f'status_{e.status}', verdict.language)}" for e in waiting]
        if said or verdict.notes:
            results.set_output("\n".join([*said, *verdict.notes]))

    def _verdict(self) -> Verdict:
        root, chapter = self._course(), self.plugin_config["chapter"]
        course = course_of(root)
        try:
            submission = read_in_language(Path(self.submission_path), course.releases(chapter), chapter)
        except SubmissionError as error:
            raise OtterRuntimeError(str(error)) from error
        student = os.environ.get(STUDENT_VARIABLE, "")
        if not student and isinstance(self.submission_metadata, Mapping):
            student = student_in(self.submission_metadata, course.gradescope.student)
        job = make_job(root, submission, student, self.plugin_config.get("sandbox", "bwrap"))
        with Judges(1) as judges:
            _, outcome = next(iter(judges.run([job])))
        if isinstance(outcome, Failure):
            raise OtterRuntimeError(f"the judge failed, so there is no score: {outcome.message}")
        if failed := [e.name for e in outcome.exercises if not e.judged]:
            raise OtterRuntimeError(f"the judge failed at {', '.join(failed)}: a person must look, or run it again")
        return outcome

    def _course(self) -> Path:
        root = Path(os.environ.get(COURSE_VARIABLE) or self.plugin_config.get("course", ""))
        if not (root / FILE).is_file():
            raise OtterRuntimeError(
                f"{root}: no {FILE} there: set ${COURSE_VARIABLE} to the folder of the course, without which no score "
                "can be given"
            )
        return root.resolve()


def test_file(verdict: ExerciseVerdict) -> ExceptionTestFile:
    """An exercise's verdict as Otter knows results: every case with its share of the points."""
    total = sum(case.weight for case in verdict.cases) or 1
    results = []
    for case in verdict.cases:
        points = verdict.max_score * case.weight / total
        body = TestCase(case.sentence, None, not case.visible, points, None, None)
        results.append(TestCaseResult(body, case.message or ("✅" if case.passed else "❌"), case.passed))
    made = ExceptionTestFile(verdict.name, "", [result.test_case for result in results], all_or_nothing=False)
    made.test_case_results = results
    made.update_score(verdict.score)
    return made
