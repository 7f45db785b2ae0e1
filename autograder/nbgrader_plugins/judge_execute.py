import os
import traceback
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum, Unicode, default

from autograder.judges import JUDGE, VERDICTS, clamped, make_job, verdict_for
from autograder.nbgrader_plugins.feedback import message_outputs, verdict_outputs
from autograder.nbgrader_plugins.save_auto_grades import Judged
from autograder.store import Store
from autograder.submissions import label, language_of, origin_of, submission_of


class JudgeExecute(NbGraderPreprocessor):
    """A preprocessor that has the judge run the answers in a sandbox, and writes its verdict below each check.

    It replaces Execute. Nothing of the student's runs in this process or in a kernel. The verdict comes from the
    store if these very answers were judged before. It never raises: what cannot be judged is left to a person.
    """

    root = Unicode(help="The course's folder; the folder that nbgrader works in unless given").tag(config=True)

    sandbox = Enum(
        ("bwrap", "none"),
        default_value="bwrap",
        help="What student code runs in. 'none' is for code that one trusts; the verdict then says unsandboxed",
    ).tag(config=True)

    judge = Unicode(JUDGE, help="The class that judges; see autograder.judges").tag(config=True)

    retry = Bool(True, help="Whether to judge again what the judge itself failed at before").tag(config=True)

    @default("root")
    def _root_default(self) -> str:
        return os.getcwd()

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        judged = self._judge(nb, resources)
        resources["atlas"] = judged
        language = language_of(nb) or "en"
        otherwise = "unjudged" if judged.submission else "unreadable"
        verdicts = {e.name: e for e in judged.verdict.exercises} if judged.verdict else {}
        for count, cell in enumerate((cell for cell in nb.cells if origin_of(cell) == "check"), start=1):
            cell.execution_count = count
            exercise = verdicts.get(label(cell, "exercise"))
            if exercise is None:
                cell.outputs = message_outputs(otherwise, language)
            else:
                score = clamped(exercise.score, cell.metadata.nbgrader.points)
                cell.outputs = verdict_outputs(exercise.model_copy(update={"score": score}), language)
        return nb, resources

    def _judge(self, nb: NotebookNode, resources: ResourcesDict) -> Judged:
        assignment, student = resources["nbgrader"]["assignment"], resources["nbgrader"]["student"]
        judged = Judged(Store(Path(self.root) / VERDICTS))
        try:
            if nb.metadata.atlas.get("unreadable"):
                return judged
            judged.submission = submission_of(nb, assignment)
            job = make_job(Path(self.root), judged.submission, student, self.sandbox, self.judge)
            judged.verdict = verdict_for(job, self.retry, self.log.warning).verdict
        except Exception:
            self.log.error("%s, %s: the judge failed:\n%s", assignment, student, traceback.format_exc())
        return judged
