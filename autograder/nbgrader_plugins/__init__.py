"""What makes nbgrader grade with the course's judge; nbgrader_config.py names each."""

from autograder.nbgrader_plugins.exporter import SubmissionExporter
from autograder.nbgrader_plugins.judge_execute import JudgeExecute
from autograder.nbgrader_plugins.late_penalty import LatePenaltyByDay
from autograder.nbgrader_plugins.markdown import escaped_markdown2html
from autograder.nbgrader_plugins.reassemble import Reassemble
from autograder.nbgrader_plugins.save_auto_grades import JudgeSaveAutoGrades

__all__ = [
    "JudgeExecute",
    "JudgeSaveAutoGrades",
    "LatePenaltyByDay",
    "Reassemble",
    "SubmissionExporter",
    "escaped_markdown2html",
]
