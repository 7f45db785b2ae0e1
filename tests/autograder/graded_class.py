"""The sample class's submissions of one chapter, judged and recorded by `atlas grade`."""

from pathlib import Path

from nbgrader.api import Gradebook

from autograder.course import load_course
from autograder.demo import copy_course
from autograder.grading import grade
from autograder.sample import SECRET, hand_in, students
from autograder.store import SECRET_FILE

ROOT = Path(__file__).parents[2]
STUDENTS = {student.id: student for student in students()}


def gradebook_scores(folder: Path, chapter: str) -> dict[str, float]:
    """Grade the class in an empty folder; each student's score in nbgrader's gradebook."""
    copy_course(ROOT, folder)
    (folder / SECRET_FILE).write_text(SECRET, encoding="utf-8")
    (folder / SECRET_FILE).chmod(0o600)
    course = load_course(folder)
    handed = hand_in(course, folder, chapters=[chapter])
    grade(folder, [chapter], workers=2)
    found = {}
    with Gradebook(f"sqlite:///{folder}/gradebook.db", course.name) as gradebook:
        for student in handed:
            notebooks = gradebook.find_submission(chapter, student.id).notebooks
            grades = [g for notebook in notebooks for g in notebook.grades if g.cell.cell_type == "code"]
            found[student.id] = round(sum(g.score or 0 for g in grades), 2)
    return found
