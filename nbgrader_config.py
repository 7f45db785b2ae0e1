"""nbgrader's settings for this course: where its steps find their folders, and how submissions are graded."""

import os
import sys
from pathlib import Path

from autograder.course import load_course
from autograder.stubs import stub_config

root = Path(__file__).resolve().parent
course = load_course(root)

c = get_config()
c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = course.name
c.CourseDirectory.source_directory = f"build/source/{course.language}"
c.CourseDirectory.release_directory = f"assignments/{course.language}"
c.CourseDirectory.solution_directory = f"build/solution/{course.language}"
c.merge(stub_config(course.language))

plugins = "autograder.nbgrader_plugins"
c.Autograde.exporter_class = f"{plugins}.SubmissionExporter"
c.Autograde.pre_convert_hook = f"{plugins}.register_chapter.register_chapter"
c.Autograde.sanitize_preprocessors = [f"{plugins}.Reassemble"]
c.Autograde.autograde_preprocessors = [
    f"{plugins}.JudgeExecute",
    f"{plugins}.JudgeSaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
]
c.AssignLatePenalties.plugin_class = f"{plugins}.LatePenaltyByDay"
c.LatePenaltyByDay.per_day = course.late.per_day
c.LatePenaltyByDay.at_most = course.late.at_most
c.LatePenaltyByDay.grace_minutes = course.late.grace_minutes
c.GenerateFeedback.exporter_class = f"{plugins}.feedback.FeedbackExporter"
c.HTMLExporter.filters = {"markdown2html": f"{plugins}.escaped_markdown2html"}

# zip_collect: the names that Canvas, Moodle and Blackboard give, and `<student>_<chapter>.ipynb`; see docs/lms.md
c.ZipCollectApp.extractor_plugin = f"{plugins}.collect.LmsExtractor"
c.ZipCollectApp.collector_plugin = f"{plugins}.collect.LmsCollector"

# for a new gradebook nbgrader calls alembic, which lies beside this Python
folder = str(Path(sys.executable).parent)
if folder not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])
