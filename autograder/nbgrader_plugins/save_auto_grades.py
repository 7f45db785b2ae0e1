import math
from dataclasses import dataclass

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Grade
from nbgrader.preprocessors import SaveAutoGrades
from traitlets import Bool

from autograder.answers import Submission
from autograder.store import Mark, Store, StoreError, digests_by_exercise
from autograder.submissions import label, origin_of
from autograder.verdicts import ExerciseVerdict, Verdict


@dataclass
class Judged:
    """What JudgeExecute leaves for JudgeSaveAutoGrades in `resources["atlas"]`.

    submission: None when nothing could be read; verdict: None when nothing could be judged.
    """

    store: Store
    submission: Submission | None = None
    verdict: Verdict | None = None

    def exercise(self, name: str) -> ExerciseVerdict | None:
        """The verdict on one exercise, None when a person must decide."""
        found = next((e for e in self.verdict.exercises if e.name == name), None) if self.verdict else None
        return found if found and found.settled else None


def clamped(score: float, points: float) -> float:
    """A score as it may stand in a gradebook: from 0 to the cell's points, and 0 if it is no number."""
    return 0.0 if math.isnan(score) else min(float(points), max(0.0, float(score)))


class JudgeSaveAutoGrades(SaveAutoGrades):
    """A preprocessor that saves the judge's scores in the gradebook.

    SaveAutoGrades reads scores from the outputs of cells, and leaves the grades of cells that vanished as they were.
    Here they come from the verdict alone, and the grades of all other checks of the submission are reset.
    """

    mark = Bool(
        True,
        help="Whether to note, beside the verdict, which answers were recorded. `atlas grade` does it by itself, later",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        self.judged: Judged = resources["atlas"]
        student, assignment = resources["nbgrader"]["student"], resources["nbgrader"]["assignment"]
        mark = self.judged.store.marked(assignment, student)
        self.before = mark.answers if mark else {}
        self.now = digests_by_exercise(self.judged.submission) if self.judged.submission else {}
        self.reset = False
        made = super().preprocess(nb, resources)
        if self.mark:
            try:
                self.judged.store.mark(assignment, student, Mark(answers=self.now))
            except StoreError as error:
                self.log.warning("%s", error)
        return made

    def _add_score(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        """Save what the verdict says of this check. A grader's own score stays, to be looked at again if the answer is
        another one than before."""
        if not self.reset:
            self._reset_checks()
        if origin_of(cell) != "check" and self.judged.submission is not None:
            super()._add_score(cell, resources)
            return
        grade = self._grade(cell)
        name = label(cell, "exercise")
        verdict = self.judged.exercise(name)
        if verdict is None:
            grade.auto_score, grade.needs_manual_grade = None, True
        else:
            grade.auto_score = clamped(verdict.score, cell.metadata.nbgrader.points)
            unchanged = self.now.get(name) is not None and self.now.get(name) == self.before.get(name)
            grade.needs_manual_grade = grade.manual_score is not None and not unchanged
        self.gradebook.db.commit()

    def _grade(self, cell: NotebookNode) -> Grade:
        return self.gradebook.find_grade(
            cell.metadata.nbgrader.grade_id, self.notebook_id, self.assignment_id, self.student_id
        )

    def _reset_checks(self) -> None:
        notebook = self.gradebook.find_submission_notebook(self.notebook_id, self.assignment_id, self.student_id)
        for grade in notebook.grades:
            if grade.cell.cell_type == "code":
                grade.auto_score, grade.needs_manual_grade = 0.0, False
        self.gradebook.db.commit()
        self.reset = True
