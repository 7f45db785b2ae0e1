"""`atlas demo`: a sample class graded end to end, then the gradebook, what the class gets wrong, and the feedback."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from rich.console import Console
from rich.table import Table

from autograder.building import build
from autograder.chapters import Chapter
from autograder.course import Course, load_course
from autograder.gradebook import load_config
from autograder.grading import GradingError, Summary, grade
from autograder.judges import VERDICTS
from autograder.sample import DUE, SECRET, Student, deserved, hand_in
from autograder.store import SECRET_FILE, Store

MISCONCEPTIONS = 8
NAME_WIDTH, CHAPTER_WIDTH = 24, 11  # of the gradebook's columns in a terminal
MARK = ".atlas-demo"
LATER_LABS = re.compile(r"(- name: lab(?!01_).*\n(?:    .*\n)*?)    written: true\n")  # one lab shows what labs are


def copy_course(root: Path, folder: Path) -> None:
    """A course of its own in `folder`: the rooms that grading reads, and nothing of a real class."""
    for name in ("course.yml", "nbgrader_config.py"):
        shutil.copy(root / name, folder / name)
    for room in ("source", "solutions", "assignments", "tests"):
        ignored = shutil.ignore_patterns("autograder", "__pycache__")
        shutil.copytree(root / room, folder / room, dirs_exist_ok=True, ignore=ignored)


def prepare(root: Path, folder: Path) -> tuple[Course, list[Student]]:
    """A fresh demo course with the sample class's submissions in it."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise GradingError(f"{folder}: is not empty, and no earlier demo: name another folder")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    copy_course(root, folder)
    manifest = folder / "course.yml"
    text = LATER_LABS.sub(r"\1", manifest.read_text(encoding="utf-8"))
    manifest.write_text(text.replace("written: true", f"written: true\n    due: {DUE}"), encoding="utf-8")
    (folder / SECRET_FILE).write_text(SECRET, encoding="utf-8")
    (folder / SECRET_FILE).chmod(0o600)
    course = load_course(folder)
    list(build(course))  # formgrader lists the assignments that it finds in build/source
    return course, hand_in(course, folder)


def demo(root: Path, folder: Path, console: Console, workers: int | None = None, sandbox: str = "bwrap") -> bool:
    """Grade the sample class in `folder` and show what came of it; whether every score is the deserved one."""
    console.print(f"A sample class in [bold]{folder}[/]: real notebooks, real grading.")
    course, handed = prepare(root, folder)
    summary = grade(folder, workers=workers, sandbox=sandbox, console=console)
    name_students(folder, course, handed)
    scores = code_scores(folder, course, handed)
    wanted = wanted_scores(folder, course, handed)
    late = penalties(folder, course, handed)
    for table in gradebook_tables(course, handed, scores, wanted, late, console.width):
        console.print(table)
    console.print(misconception_table(folder, course, handed))
    feedback = generate_feedback(folder, course, handed)
    _say_what_else(console, folder, summary, feedback)
    wrong = [key for key in wanted if abs(scores.get(key, -1) - wanted[key]) > 0.01]
    for student, chapter in wrong:
        console.print(
            f"[red]{student}, {chapter}: {scores.get((student, chapter))} instead of {wanted[student, chapter]}"
        )
    if not wrong:
        console.print(f"All {len(wanted)} scores are exactly the ones that these answers deserve.")
    return not wrong


def wanted_scores(folder: Path, course: Course, handed: list[Student]) -> dict[tuple[str, str], float]:
    """What each submission deserves on the draws that it was judged on, which its verdict names."""
    store = Store(folder / VERDICTS)
    wanted = {}
    for entry in course.written:
        chapter = Chapter(folder, entry.name)
        for student in handed:
            record = store.read(entry.name, student.id)
            attempt = record.verdict.seed if record and record.verdict else ""
            wanted[student.id, entry.name] = deserved(student, chapter, entry, attempt)
    return wanted


def code_scores(folder: Path, course: Course, handed: list[Student]) -> dict[tuple[str, str], float]:
    """The score of each submission's exercises in nbgrader's gradebook, without essays and penalties."""
    found = {}
    with Gradebook(f"sqlite:///{folder}/gradebook.db", course.name) as gradebook:
        for student in handed:
            for entry in course.written:
                submission: Any = gradebook.find_submission(entry.name, student.id)
                grades = [g for n in submission.notebooks for g in n.grades if g.cell.cell_type == "code"]
                found[student.id, entry.name] = round(sum(g.score or 0 for g in grades), 2)
    return found


def name_students(folder: Path, course: Course, handed: list[Student]) -> None:
    """Give the gradebook the class's names, as importing a roster would."""
    with Gradebook(f"sqlite:///{folder}/gradebook.db", course.name) as gradebook:
        for s in handed:
            gradebook.update_or_create_student(s.id, first_name=s.first_name, last_name=s.last_name)


def penalties(folder: Path, course: Course, handed: list[Student]) -> dict[str, float]:
    """What each student loses for being late, over all chapters."""
    with Gradebook(f"sqlite:///{folder}/gradebook.db", course.name) as gradebook:
        return {
            s.id: sum(
                gradebook.find_submission(entry.name, s.id).late_submission_penalty or 0.0 for entry in course.written
            )
            for s in handed
        }


def gradebook_tables(
    course: Course,
    handed: list[Student],
    scores: dict[tuple[str, str], float],
    wanted: dict[tuple[str, str], float],
    late: dict[str, float],
    width: int,
) -> Iterator[Table]:
    """The gradebook: a row a student, first the sums, then as many chapters a table as a terminal of `width` holds."""
    worth = {entry.name: sum(e.points for e in entry.exercises) for entry in course.written}
    sums = Table(title="The gradebook: points for exercises. Essays wait for a person")
    sums.add_column("student")
    sums.add_column("handed in")
    sums.add_column(f"points /{sum(worth.values()):g}", justify="right")
    sums.add_column("late", justify="right")
    for student in handed:
        points = sum(scores[student.id, name] for name in worth)
        lost = f"−{late[student.id]:.2f}" if late[student.id] else ""
        sums.add_row(_name(student), student.about, f"{points:.2f}", lost)
    yield sums
    names = list(worth)
    at_once = max(1, (width - NAME_WIDTH) // CHAPTER_WIDTH)
    for start in range(0, len(names), at_once):
        table = Table("student")
        for name in names[start : start + at_once]:
            table.add_column(f"{name.split('_')[0]} /{worth[name]:g}", justify="right")
        for student in handed:
            keys = [(student.id, name) for name in names[start : start + at_once]]
            table.add_row(_name(student), *(_score(scores[key], wanted[key]) for key in keys))
        yield table


def _name(student: Student) -> str:
    return f"{student.first_name} {student.last_name}"


def _score(score: float, wanted: float) -> str:
    return f"{score:.2f}" if abs(score - wanted) <= 0.01 else f"[red]{score:.2f} ≠ {wanted:.2f}[/]"


def misconception_table(folder: Path, course: Course, handed: list[Student]) -> Table:
    """The wrong answers that most submissions match."""
    counts: Counter[tuple[str, str]] = Counter()
    hints: dict[tuple[str, str], str] = {}
    store = Store(folder / VERDICTS)
    read = (store.read(entry.name, student.id) for entry in course.written for student in handed)
    for verdict in (record.verdict for record in read if record and record.verdict):
        for exercise in verdict.exercises:
            for name, hint in zip(exercise.misconceptions, exercise.hints, strict=True):
                counts[exercise.name, name] += 1
                if verdict.language == "en":
                    hints[exercise.name, name] = hint
    table = Table(title="The most common misconceptions, and the hint that each student got")
    table.add_column("students", justify="right")
    table.add_column("exercise")
    table.add_column("misconception")
    table.add_column("hint")
    for key, count in counts.most_common(MISCONCEPTIONS):
        table.add_row(str(count), key[0], key[1].replace("_", " "), hints.get(key, ""))
    return table


def generate_feedback(folder: Path, course: Course, handed: list[Student]) -> list[Path]:
    """nbgrader's own generate_feedback for two students, whose pages are worth a look."""
    from nbgrader.converters import GenerateFeedback
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    config = load_config(folder)
    pages = []
    for student, entry in ((handed[4], course.written[0]), (handed[2], course.written[0])):
        coursedir = CourseDirectory(config=config, assignment_id=entry.name, student_id=student.id)
        result = capture_log(GenerateFeedback(coursedir=coursedir, config=config))
        if not result["success"]:
            raise GradingError(result.get("log") or result["error"])
        pages.append(folder / "feedback" / student.id / entry.name / f"{entry.name}.html")
    return pages


def _say_what_else(console: Console, folder: Path, summary: Summary, feedback: list[Path]) -> None:
    for result in summary.results:
        if result.problem and result.chapter == summary.results[0].chapter:
            console.print(f"[yellow]{result.student}[/]: {result.problem}")
    console.print("Feedback, as students get it:")
    for page in feedback:
        console.print(f"  {page}")
    console.print(f"Verdicts as JSON: {folder / 'verdicts'}; the gradebook: {folder / 'gradebook.db'}")
    console.print(
        f"formgrader: cd {folder} && jupyter lab, then Nbgrader ▸ Formgrader; all feedback: nbgrader "
        "generate_feedback CHAPTER"
    )
