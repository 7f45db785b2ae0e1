"""The sample class: every score in nbgrader's gradebook is the one that its makers know it deserves."""

import json
from io import StringIO
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.chapters import Chapter
from autograder.course import find_root, load_course
from autograder.demo import code_scores, demo, penalties, prepare, wanted_scores
from autograder.grading import GradingError, grade
from autograder.sample import deserved, notebook, students
from autograder.workshop import has_gpu

ROOT = find_root(Path(__file__))


def test_the_class_has_right_wrong_half_finished_damaged_and_hostile_students():
    made = students()
    assert len(made) >= 12
    assert len({s.id for s in made}) == len(made)
    assert {s.language for s in made} == {"en", "zh"}
    assert sum(not s.readable for s in made) >= 2


def share_without_speed(exercise):
    """What is left of a lab's points where no GPU measures speed."""
    weights = [case.weight for case in exercise.cases]
    waits = exercise.workload.weight if exercise.workload and not has_gpu() else 0
    return sum(weights) / (sum(weights) + waits)


def test_right_students_deserve_all_and_the_idle_nothing():
    course = load_course(ROOT)
    by_id = {s.id: s for s in students()}
    for entry in course.written:
        chapter = Chapter(ROOT, entry.name)
        decided = {e.name: e.points * share_without_speed(chapter.exercises[e.name]) for e in entry.exercises}
        points, first = sum(decided.values()), decided[entry.exercises[0].name]
        assert deserved(by_id["ada"], chapter, entry) == pytest.approx(points, abs=0.01)
        assert deserved(by_id["blaise"], chapter, entry) == 0
        assert deserved(by_id["mallory"], chapter, entry) == pytest.approx(points - first, abs=0.01)


def test_a_wrong_students_notebook_holds_the_wrong_answers_and_the_checks():
    kurt = next(s for s in students() if s.id == "kurt")
    chapter = Chapter(ROOT, "ch04_activations")
    nb = nbformat.reads(notebook(kurt, chapter, ROOT / "assignments"), as_version=4)
    sources = [c.source for c in nb.cells]
    wrong = chapter.exercises["softmax"].wrong[0]
    (cell,) = [s for s in sources if s.startswith("# exercise: softmax\n")]
    assert cell.rstrip().endswith(wrong.source.rstrip().splitlines()[-1])
    assert wrong.hint("en") not in cell
    assert "check(softmax)" in sources


def test_a_folder_with_something_in_it_is_not_overwritten(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(GradingError, match="is not empty"):
        prepare(ROOT, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.slow
def test_every_submission_gets_exactly_what_it_deserves(tmp_path):
    out = StringIO()
    assert demo(ROOT, tmp_path / "demo", Console(file=out, width=200)), out.getvalue()
    text = out.getvalue()
    assert "The most common misconceptions" in text
    course = load_course(tmp_path / "demo")
    handed = students()
    scores = code_scores(tmp_path / "demo", course, handed)
    wanted = wanted_scores(tmp_path / "demo", course, handed)
    assert scores == pytest.approx(wanted, abs=0.01)
    for entry in course.written:
        exercises = Chapter(ROOT, entry.name).exercises
        points = sum(e.points * share_without_speed(exercises[e.name]) for e in entry.exercises)
        assert scores["ada", entry.name] == scores["emmy", entry.name] == pytest.approx(points, abs=0.01)
        assert scores["blaise", entry.name] == 0
        assert scores["kurt", entry.name] < 0.7 * points

    late = penalties(tmp_path / "demo", course, handed)
    carl = sum(scores["carl", entry.name] for entry in course.written)
    assert late.pop("carl") == pytest.approx(0.2 * carl, abs=0.05)
    assert set(late.values()) == {0.0}

    with Gradebook(f"sqlite:///{tmp_path}/demo/gradebook.db") as gradebook:
        assert gradebook.find_student("emmy").last_name == "Noether"
        assert gradebook.find_submission("ch13_attention", "emmy").needs_manual_grade
        assert not gradebook.find_submission("ch13_attention", "kurt").needs_manual_grade

    pages = list((tmp_path / "demo" / "feedback").rglob("*.html"))
    assert len(pages) == 2
    for page in pages:
        html = page.read_text(encoding="utf-8")
        assert "passed" in html or "通过" in html
        assert "hidden.py" not in html

    again = grade(tmp_path / "demo")
    assert not any(result.judged or result.recorded for result in again.results)
    assert code_scores(tmp_path / "demo", course, handed) == scores
    summary = json.loads((tmp_path / "demo" / "verdicts" / "summary.json").read_text(encoding="utf-8"))
    assert len(summary["results"]) == len(handed) * len(course.written)
