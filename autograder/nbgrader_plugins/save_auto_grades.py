from dataclasses import dataclass

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import BaseCell, Comment, Grade
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import compute_checksum, is_task
from traitlets import Bool

from autograder.answers import Submission
from autograder.judges import clamped
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
        """The verdict on one exercise, None when there is no score at all."""
        found = next((e for e in self.verdict.exercises if e.name == name), None) if self.verdict else None
        return found if found and found.judged else None


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
        self.grades: dict[str, Grade] = {}
        self.comments: dict[str, Comment] = {}
        self.begun = False
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
        self._begin()
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
            by_hand = grade.manual_score is not None
            grade.needs_manual_grade = not unchanged if by_hand else not verdict.settled
        self.gradebook.db.commit()

    def _add_comment(self, cell: NotebookNode, resources: ResourcesDict) -> None:
        """As SaveAutoGrades does it, without asking the gradebook for each cell."""
        self._begin()
        comment = self.comments.get(cell.metadata.nbgrader.grade_id)
        if comment is None:
            super()._add_comment(cell, resources)
            return
        untouched = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
        comment.auto_comment = "No response." if untouched and not is_task(cell) else None
        self.gradebook.db.commit()

    def _grade(self, cell: NotebookNode) -> Grade:
        grade_id = cell.metadata.nbgrader.grade_id
        if grade_id in self.grades:
            return self.grades[grade_id]
        return self.gradebook.find_grade(grade_id, self.notebook_id, self.assignment_id, self.student_id)

    def _begin(self) -> None:
        """Before the first cell: fetch the rows of this submission at once, and reset those of its checks."""
        if self.begun:
            return
        self.begun = True
        notebook = self.gradebook.find_submission_notebook(self.notebook_id, self.assignment_id, self.student_id)
        rows = self.gradebook.db.query
        grades = rows(Grade, BaseCell.name).join(BaseCell, BaseCell.id == Grade.cell_id)
        comments = rows(Comment, BaseCell.name).join(BaseCell, BaseCell.id == Comment.cell_id)
        self.grades = {name: grade for grade, name in grades.filter(Grade.notebook_id == notebook.id)}
        self.comments = {name: comment for comment, name in comments.filter(Comment.notebook_id == notebook.id)}
        checks = {cell.name for cell in notebook.notebook.grade_cells if cell.cell_type == "code"}
        for name in checks & self.grades.keys():
            self.grades[name].auto_score, self.grades[name].needs_manual_grade = 0.0, False
        self.gradebook.db.commit()
