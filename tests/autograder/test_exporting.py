"""`atlas export`: what Canvas and Moodle import, from a gradebook that was really graded."""

import csv
import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import ExportApp
from sample_course import CHAPTER, HALF, RIGHT, answered, hand_in, make_course
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import load_course
from autograder.errors import CourseError
from autograder.exporting import export, plain, read_grades
from autograder.grading import grade

WORTH = 11.5  # 6.5 for the exercises, 5 for the essay
LATE = 6.5 * 0.9

CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Quiz (111),ch90_sample (123456),Final Score\r\n"
    ",,,,,Manual Posting,,\r\n"
    "    Points Possible,,,,,10.00,11.50,(read only)\r\n"
    '"Doe, Jane",12345,,x1,"Section ""A"", evening",7.5,,81\r\n'
    '"Late, Lee",22222,lee,,A,=1+1,3.25,\r\n'
    '"Essay, Eve",33333,,eve,A,,2,\r\n'
    '"GPU, Gus",44444,gus,,A,,4,\r\n'
    '"Absent, Ann",55555,ann,,A,,1,\r\n'
    '"Ill, Ivo",66666,ivo,,A,,,\r\n'
    '"Waived, Wim",77777,wim,,A,,EX,\r\n'
    '"Nobody, Ned",99999,ned,,A,,5,\r\n'
    '"Student, Test",88888,,t,A,,9,\r\n'
)

MOODLE = (
    "Identifier,Full name,ID number,Email address,Status,Grade,Maximum grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 501,Jane Doe,,jane@example.edu,Submitted for grading,,11.50,Yes,"Sunday, 1 March 2026, 9:00 PM",-,\n'
    "Participant 502,Lee Late,lee,,Submitted for grading,2.00,11.50,Yes,-,-,Nice\n"
    "Participant 503,Eve Essay,eve,,Submitted for grading,,11.50,Yes,-,-,\n"
    "Participant 504,Ann Absent,ann,,No submission,,11.50,Yes,-,-,\n"
    "Participant 505,Ivo Ill,ivo,,No submission,,11.50,Yes,-,-,\n"
    "Participant 506,Gus GPU,gus,,Submitted for grading,,11.50,No,-,-,\n"
)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class that was graded: on time, late, an essay and a kernel that wait, nothing handed in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # alembic's
        root = make_course(tmp_path_factory.mktemp("export") / "course")
        hand_in(root, "jdoe", answered({**RIGHT, "square": f"return 0  {HALF}"}), "2026-03-01 20:00:00 UTC")
        hand_in(root, "lee", answered(RIGHT), "2026-03-02 11:59:00 UTC")
        hand_in(root, "eve", answered(RIGHT, essay="Because."), "2026-03-01 20:00:00 UTC")
        hand_in(root, "gus", answered({**RIGHT, "double": "return 2 * x  # needs a GPU"}), "2026-03-01 20:00:00 UTC")
        with ThreadPoolExecutor(2) as executor:
            grade(root, executor=executor, workers=2, judge="sample_judge.SampleJudge")
        with Gradebook(f"sqlite:///{root}/gradebook.db", "sample") as gradebook:
            gradebook.update_or_create_student("jdoe", first_name="Jane", last_name="Doe", lms_user_id="12345")
            gradebook.update_or_create_student("jdoe", email="jane@example.edu")
            for name in ("ann", "ivo", "wim"):
                gradebook.add_student(name)
            gradebook.update_or_create_student("ann", first_name='=HYPERLINK("x")', last_name="")
        (root / "excused.yml").write_text(f"{CHAPTER}: [ivo]\n", encoding="utf-8")
        yield root


def template(folder: Path, text: str) -> Path:
    path = folder / "template.csv"
    path.write_bytes(text.encode("utf-8"))
    return path


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def run(root: Path, *words: str):
    """`atlas export` in a course's folder."""
    before = Path.cwd()
    os.chdir(root)
    try:
        return CliRunner().invoke(app, ["export", *words])
    finally:
        os.chdir(before)


def test_canvas_gets_its_column_filled_and_nothing_else_changed(course, tmp_path):
    out = tmp_path / "out.csv"
    path = template(tmp_path, CANVAS)
    done = run(course, "--to", "canvas", "--template", str(path), "--out", str(out), "--excused", "excused.yml")
    assert done.exit_code == 0, done.output
    before, after = table(path), table(out)
    column = before[0].index("ch90_sample (123456)")
    filled = {row[0]: row[column] for row in after[3:]}
    assert filled == {
        "Doe, Jane": "5",
        "Late, Lee": f"{LATE:g}",
        "Essay, Eve": "",
        "GPU, Gus": "",
        "Absent, Ann": "",
        "Ill, Ivo": "EX",
        "Waived, Wim": "EX",
        "Nobody, Ned": "5",
        "Student, Test": "9",
    }
    for row in before + after:
        row[column] = ""
    assert after == before
    raw = out.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfStudent,ID") and raw.count(b"\r\n") == raw.count(b"\n") == 12
    for student in ("eve", "gus"):
        assert f"{CHAPTER}, {student}: left empty, because a person" in done.output
    assert "Nobody, Ned: is nobody in the gradebook" in done.output
    assert f"{CHAPTER}, wim: stays EX" in done.output


def test_missing_is_zero_only_if_asked(course, tmp_path):
    out = tmp_path / "out.csv"
    path = template(tmp_path, CANVAS)
    run(course, "--to", "canvas", "--template", str(path), "--out", str(out), "--missing-as-zero")
    found = {row[0]: row[6] for row in table(out)}
    assert (found["Absent, Ann"], found["Essay, Eve"], found["GPU, Gus"]) == ("0", "", "")


def test_other_points_are_refused_with_both_numbers(course, tmp_path):
    path = template(tmp_path, CANVAS.replace("11.50", "100.00"))
    done = run(course, "--to", "canvas", "--template", str(path), "--out", str(tmp_path / "out.csv"))
    assert done.exit_code == 1
    assert "is worth 100 points there" in done.output and f"{CHAPTER} {WORTH:g} in course.yml" in done.output
    worksheet = template(tmp_path, MOODLE.replace("11.50", '"20,00"'))
    done = run(course, "--to", "moodle", "--template", str(worksheet), "--out", str(tmp_path / "out.csv"))
    assert done.exit_code == 1 and "worth 20 points" in done.output
    assert not (tmp_path / "out.csv").exists()


def test_a_column_that_does_not_name_its_chapter_is_said(course, tmp_path):
    path = template(tmp_path, CANVAS.replace("ch90_sample (123456)", "Homework 4 (123456)"))
    out = tmp_path / "out.csv"
    words = ["--to", "canvas", "--template", str(path), "--out", str(out)]
    done = run(course, *words)
    assert done.exit_code == 1 and "no column names ch90_sample" in done.output
    assert run(course, *words, "--column", "Homework 4 (123456)", "--chapter", CHAPTER).exit_code == 0
    assert table(out)[3][6] == "5"


def test_moodles_worksheet(course, tmp_path):
    out = tmp_path / "out.csv"
    path = template(tmp_path, MOODLE)
    done = run(course, "--to", "moodle", "--template", str(path), "--out", str(out), "--excused", "excused.yml")
    assert done.exit_code == 0, done.output
    before, after = table(path), table(out)
    assert [(row[5], row[10]) for row in after[1:]] == [
        ("5", ""),
        (f"{LATE:g}", "Nice Handed in 12.0 hours late: 0.65 points lost"),
        ("", ""),
        ("", ""),
        ("", "Excused"),
        ("", ""),
    ]
    for row in before + after:
        row[5] = row[10] = ""
    assert after == before
    assert "gus: Moodle says that this grade cannot be changed" in done.output


def test_decimal_commas_stay_commas(course, tmp_path):
    path = template(tmp_path, MOODLE.replace("11.50", '"11,50"'))
    out = tmp_path / "out.csv"
    assert run(course, "--to", "moodle", "--template", str(path), "--out", str(out)).exit_code == 0
    assert table(out)[2][5] == f"{LATE:g}".replace(".", ",")


def test_without_a_template(course, tmp_path):
    canvas, moodle = tmp_path / "canvas.csv", tmp_path / "moodle.csv"
    assert run(course, "--to", "canvas", "--out", str(canvas), "--excused", "excused.yml").exit_code == 0
    assert run(course, "--to", "moodle", "--out", str(moodle)).exit_code == 0
    rows = table(canvas)
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", CHAPTER]
    assert rows[1] == ["    Points Possible", "", "", "", "", "11.5"]
    by_login = {row[3]: row for row in rows[2:]}
    assert by_login["jdoe"] == ["Doe, Jane", "12345", "", "jdoe", "", "5"]
    assert by_login["ivo"][5] == "EX" and by_login["eve"][5] == ""
    assert by_login["ann"][0] == '\'=HYPERLINK("x")'
    head, *rows = table(moodle)
    assert head == ["First name", "Last name", "ID number", "Email address", CHAPTER, f"{CHAPTER} (feedback)"]
    by_number = {row[2]: row for row in rows}
    assert by_number["12345"] == ["Jane", "Doe", "12345", "jane@example.edu", "5", ""]
    assert by_number["lee"][4:] == [f"{LATE:g}", "Handed in 12.0 hours late: 0.65 points lost"]


def test_nothing_is_overwritten_and_a_wrong_file_is_named(course, tmp_path):
    path = template(tmp_path, CANVAS)
    done = run(course, "--to", "canvas", "--template", str(path), "--out", str(path))
    assert done.exit_code == 1 and "is there already" in done.output
    assert path.read_bytes() == CANVAS.encode("utf-8")
    done = run(course, "--to", "moodle", "--template", str(path), "--out", str(tmp_path / "out.csv"))
    assert done.exit_code == 1 and "has no column Identifier" in done.output
    path.write_bytes("学生".encode("gbk"))
    done = run(course, "--to", "canvas", "--template", str(path), "--out", str(tmp_path / "out.csv"))
    assert done.exit_code == 1 and "UTF-8" in done.output


def test_without_a_gradebook_it_says_what_to_do(tmp_path):
    with pytest.raises(CourseError, match="atlas grade"):
        read_grades(load_course(make_course(tmp_path / "empty")))


def test_an_excuse_for_nobody_is_refused(course, tmp_path):
    path = tmp_path / "excused.yml"
    path.write_text(f"{CHAPTER}: [mallory]\n", encoding="utf-8")
    with pytest.raises(CourseError, match="no student 'mallory'"):
        read_grades(load_course(course), excused=path)
    path.write_text("ivo\n", encoding="utf-8")
    with pytest.raises(CourseError, match="one line a chapter"):
        read_grades(load_course(course), excused=path)


def test_what_a_person_graded_is_exported(course, tmp_path):
    with Gradebook(f"sqlite:///{course}/gradebook.db", "sample") as gradebook:
        essay = gradebook.find_grade("why", CHAPTER, CHAPTER, "eve")
        essay.manual_score, essay.needs_manual_grade = 4.25, False
        gradebook.db.commit()
        found = read_grades(load_course(course)).cell(CHAPTER, "eve")
        essay.manual_score, essay.needs_manual_grade = None, True
        gradebook.db.commit()
    assert found == "10.75"


def test_nbgraders_own_export_works_beside(course, monkeypatch):
    monkeypatch.chdir(course)
    own = ExportApp()
    own.initialize(["--to=grades.csv"])
    own.start()
    rows = {row[3]: row for row in table(course / "grades.csv")[1:]}
    assert float(rows["lee"][9]) == pytest.approx(LATE) and float(rows["jdoe"][9]) == 5


def test_a_cell_is_no_formula():
    assert [plain(text) for text in ("=1", "+1", "-1", "@x", "Ada")] == ["'=1", "'+1", "'-1", "'@x", "Ada"]


def test_the_comment_is_in_the_language_of_the_class(course, tmp_path):
    grades = read_grades(load_course(course))
    assert grades.of(CHAPTER, "lee").comment("zh") == "迟交 12.0 小时，扣 0.65 分"
    assert export(grades, "moodle", tmp_path / "m.csv").filled == 2
