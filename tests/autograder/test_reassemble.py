"""nbgrader's own commands with the course's plug-ins: what stands in the gradebook, in feedback, in formgrader."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from nbgrader.utils import determine_grade
from sample_course import (
    CHAPTER,
    EXERCISES,
    HALF,
    RIGHT,
    answered,
    auto_scores,
    find,
    hand_in,
    judged,
    make_course,
    release,
    release_notebook,
    scores,
    without,
)

from autograder import judges
from autograder.gradebook import load_config
from autograder.judges import Judges
from autograder.nbgrader_plugins import LatePenaltyByDay
from autograder.store import Store

ALL_RIGHT = dict(EXERCISES)

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own


@pytest.fixture
def course(tmp_path, monkeypatch) -> Path:
    """A course whose nbgrader commands judge in threads of this process."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        monkeypatch.setattr(judges, "_judges_here", lambda judge: Judges(1, executor, judge))
        yield make_course(tmp_path / "course")


def api_of(root: Path) -> NbGraderAPI:
    config = load_config(root)
    config.JudgeExecute.judge = "sample_judge.SampleJudge"
    config.Exchange.root = str(root.parent / "exchange")
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def autograde(root: Path, student: str) -> dict:
    """What the button of formgrader does."""
    return api_of(root).autograde(CHAPTER, student)


def autograded(root: Path, student: str):
    return nbformat.read(root / "autograded" / student / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)


def outputs(root: Path, student: str, name: str) -> list:
    return next(cell for cell in autograded(root, student).cells if cell.id == f"{name}-check").outputs


def gradebook(root: Path) -> Gradebook:
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}", "sample")


def test_the_first_autograde_of_a_new_gradebook_registers_the_chapter(course):
    hand_in(course, "ada", answered(RIGHT, essay="Because."), timestamp="2026-03-03 12:00:00 UTC")
    result = autograde(course, "ada")
    assert result["success"], result
    assert auto_scores(course, "ada") == ALL_RIGHT
    assert scores(course)["ada"]["why"] == (None, None, True)
    assert scores(course)["ada"]["penalty"] == (pytest.approx(1.3),)
    with gradebook(course) as book:
        assignment = book.find_assignment(CHAPTER)
        assert assignment.max_score == 11.5 and str(assignment.duedate) == "2026-03-01 23:59:00"
        assert book.find_submission(CHAPTER, "ada").max_code_score == 6.5
    assert autograde(course, "ada")["success"] and judged(course) == ["ada"]


def test_verdicts_are_shown_below_the_checks(course):
    hand_in(course, "ada", answered({**RIGHT, "square": f"return 0  {HALF}", "negate": "return 1"}))
    assert autograde(course, "ada")["success"]
    right, half, wrong = (outputs(course, "ada", name) for name in EXERCISES)
    assert [o.output_type for o in right] == [o.output_type for o in half] == ["display_data"]
    assert [o.output_type for o in wrong] == ["display_data", "error"]
    for output in (*right, *half, wrong[0]):
        assert set(output.data) == {"text/plain", "text/html"}
    html, text = half[0].data["text/html"], half[0].data["text/plain"]
    for words in ("a number of either sign", "its gradient", "expected 4, came", "Is it x · x", "1.5"):
        assert words in html and words in text
    assert "large &lt;numbers&gt; &amp; small" in html and "came &lt;b&gt;5" in html and "<b>5" not in html
    assert "hidden_inputs_of" not in json.dumps(autograded(course, "ada"))
    assert "0" in wrong[1].evalue and wrong[1].ename == "NotPassed"


def test_nbgraders_own_reading_of_the_outputs_agrees_where_it_can(course):
    """display_data is no partial credit, and an error is none at all."""
    hand_in(course, "ada", answered({**RIGHT, "negate": "return 1"}))
    autograde(course, "ada")
    cells = {c.metadata.nbgrader.grade_id: c for c in autograded(course, "ada").cells if "nbgrader" in c.metadata}
    assert determine_grade(cells["double-check"])[0] == 2.0
    assert determine_grade(cells["negate-check"])[0] == 0


def test_a_chinese_notebook_gets_chinese_feedback(course):
    hand_in(course, "ada", without(answered({"double": "return 1"}, language="zh"), "square"))
    autograde(course, "ada")
    cells = autograded(course, "ada").cells
    assert "这份提交的异常之处" in cells[0].source and "square" in cells[0].source
    assert re.search("[\u4e00-\u9fff]", outputs(course, "ada", "double")[0].data["text/plain"])
    assert "第 1 节的正文。" in [cell.source for cell in cells]


def test_the_notebook_shown_is_whole_whatever_was_handed_in(course):
    notebook = without(answered(RIGHT), *(f"{name}-check" for name in EXERCISES), "text-1", "setup-cell")
    find(notebook, "square")["metadata"]["nbgrader"]["grade_id"] = "double"
    notebook["cells"].append({"cell_type": "raw", "metadata": {}, "source": "<script>alert(1)</script>"})
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "1 + 1", "outputs": [{"x": "y"}]})
    hand_in(course, "ada", notebook)
    assert autograde(course, "ada")["success"]
    cells = autograded(course, "ada").cells
    assert [c.id for c in cells[1:-1]] == [cell["id"] for cell in release_notebook()["cells"]]
    assert cells[-1].source == "1 + 1" and cells[-1].outputs == []
    assert auto_scores(course, "ada") == ALL_RIGHT


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", json.dumps({"nbformat": 99}).encode()])
def test_what_cannot_be_read_is_left_to_a_person(course, content):
    hand_in(course, "ada", answered(RIGHT))
    autograde(course, "ada")
    hand_in(course, "ada", content)
    assert autograde(course, "ada")["success"]
    found = scores(course)["ada"]
    assert all(found[f"{name}-check"] == (None, None, True) for name in EXERCISES) and found["why"] == (
        None,
        None,
        True,
    )
    assert f"{CHAPTER}.ipynb: " in autograded(course, "ada").cells[0].source
    assert "could not be read" in outputs(course, "ada", "double")[0].data["text/plain"]


def test_the_notebook_of_another_chapter_is_left_to_a_person(course):
    notebook = answered(RIGHT)
    notebook["metadata"]["atlas"]["chapter"] = "ch91_other"
    hand_in(course, "ada", notebook)
    assert autograde(course, "ada")["success"]
    assert auto_scores(course, "ada") == dict.fromkeys(EXERCISES)
    assert "is the notebook of ch91_other" in autograded(course, "ada").cells[0].source


def test_a_judge_that_breaks_is_nobodys_zero_and_never_raises(course, monkeypatch):
    hand_in(course, "ada", answered({**RIGHT, "square": "return x * x  # break the judge"}))
    hand_in(course, "bob", answered({**RIGHT, "square": "return x * x  # judge error"}))
    hand_in(course, "eve", answered({**RIGHT, "square": "return x * x  # no sandbox"}))
    for student in ("ada", "bob", "eve"):
        assert autograde(course, student)["success"]
    assert auto_scores(course, "ada") == auto_scores(course, "eve") == dict.fromkeys(EXERCISES)
    assert auto_scores(course, "bob") == {**ALL_RIGHT, "square": None}
    assert scores(course)["bob"]["square-check"] == (None, None, True)
    assert "not your mistake" in outputs(course, "eve", "square")[0].data["text/plain"]
    assert not [o for o in outputs(course, "bob", "square") if o.output_type == "error"]


def test_a_full_disk_does_not_stop_autograde(course, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    hand_in(course, "ada", answered(RIGHT))
    monkeypatch.setattr("autograder.store.os.fsync", full)
    assert autograde(course, "ada")["success"]
    assert auto_scores(course, "ada") == ALL_RIGHT


def test_a_graders_score_stays_and_is_looked_at_again_if_the_answer_changed(course):
    hand_in(course, "ada", answered({**RIGHT, "square": "return 0", "negate": "return 0"}))
    autograde(course, "ada")
    with gradebook(course) as book:
        for name in ("square", "negate"):
            grade = book.find_grade(f"{name}-check", CHAPTER, CHAPTER, "ada")
            grade.manual_score, grade.needs_manual_grade = 1.0, False
        book.db.commit()
    autograde(course, "ada")
    assert scores(course)["ada"]["square-check"] == (0.0, 1.0, False)
    hand_in(course, "ada", answered({**RIGHT, "negate": "return 0"}))
    autograde(course, "ada")
    assert scores(course)["ada"]["square-check"] == (3.0, 1.0, True)
    assert scores(course)["ada"]["negate-check"] == (0.0, 1.0, False)
    with gradebook(course) as book:
        grade = book.find_grade("square-check", CHAPTER, CHAPTER, "ada")
        grade.needs_manual_grade = False
        book.db.commit()
    hand_in(course, "ada", without(answered(RIGHT), "square"))
    autograde(course, "ada")
    assert scores(course)["ada"]["square-check"] == (0.0, 1.0, True)


def test_grades_of_a_submission_never_outlive_it(course):
    hand_in(course, "ada", answered(RIGHT, essay="Because."))
    autograde(course, "ada")
    hand_in(course, "ada", without(answered({}), *EXERCISES, "why"))
    autograde(course, "ada")
    assert auto_scores(course, "ada") == dict.fromkeys(EXERCISES, 0.0)
    assert scores(course)["ada"]["why"] == (0.0, None, False)


def test_essays_are_nbgraders_affair(course):
    hand_in(course, "ada", answered({}, essay="Because."))
    hand_in(course, "bob", answered({}))
    for student in ("ada", "bob"):
        autograde(course, student)
    assert scores(course)["ada"]["why"] == (None, None, True)
    assert scores(course)["bob"]["why"] == (0.0, None, False)
    with gradebook(course) as book:
        assert book.find_comment("why", CHAPTER, CHAPTER, "bob").comment == "No response."
        assert book.find_comment("square", CHAPTER, CHAPTER, "bob").comment == "No response."


@pytest.mark.parametrize(
    ("hours", "share"), [(0.0, None), (0.9, None), (1.5, 0.1), (24.9, 0.1), (25.5, 0.2), (24 * 30, 0.5)]
)
def test_each_day_begun_costs_its_share(hours, share):
    plugin = LatePenaltyByDay(per_day=0.1, at_most=0.5, grace_minutes=60)
    penalty = plugin.late_submission_penalty("ada", 6.0, hours * 3600)
    assert penalty == (None if share is None else pytest.approx(6.0 * share))


def test_feedback_holds_the_verdict_and_no_script_of_a_student(course):
    notebook = answered({**RIGHT, "square": "return 0"}, essay="**bold** $a<b$\n\n<script>alert('essay')</script>")
    own = {
        "cell_type": "markdown",
        "metadata": {},
        "source": "<img src=x onerror=alert('own')> [a](javascript:alert(2))",
    }
    notebook["cells"].append(own)
    hand_in(course, "ada", notebook)
    autograde(course, "ada")
    result = api_of(course).generate_feedback(CHAPTER, "ada")
    assert result["success"], result
    page = (course / "feedback" / "ada" / CHAPTER / f"{CHAPTER}.html").read_text()
    assert "Test cell" not in page
    assert "its gradient" in page and "(Score: 3.5 / 11.5)" in re.sub(r"\s+", " ", page)
    assert "<strong>bold</strong>" in page and "hidden_inputs_of" not in page
    body = page[page.index("<body") :]
    assert "alert('essay')</script>" not in body.replace("&lt;/script&gt;", "")
    assert "<img src=x" not in body and 'href="javascript:' not in body


def test_the_gradebook_is_exported(course):
    for student, answers in (("ada", RIGHT), ("bob", {"double": RIGHT["double"]})):
        hand_in(course, student, answered(answers))
        autograde(course, student)
    with gradebook(course) as book:
        CsvExportPlugin(to=str(course / "grades.csv")).export(book)
    rows = (course / "grades.csv").read_text().splitlines()
    header = rows[0].split(",")
    found = {row.split(",")[header.index("student_id")]: row.split(",")[header.index("score")] for row in rows[1:]}
    assert found == {"ada": "6.5", "bob": "2.0"}


def test_the_command_line_grades_a_class(course):
    """`nbgrader autograde`, as a TA types it, in a folder with nothing but the course."""
    hand_in(course, "ada", answered(RIGHT))
    hand_in(course, "bob", b"{")
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + '\nc.JudgeExecute.judge = "sample_judge.SampleJudge"\n')
    command = [sys.executable, "-m", "nbgrader", "autograde", CHAPTER]
    path = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parent), "HOME": str(course)}
    done = subprocess.run(command, cwd=course, env=path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert auto_scores(course, "ada") == ALL_RIGHT and auto_scores(course, "bob") == dict.fromkeys(EXERCISES)
    assert Store(course / "verdicts").read(CHAPTER, "ada").verdict.score == 6.5


def test_a_release_notebook_that_is_missing_is_said(course):
    hand_in(course, "ada", answered(RIGHT))
    autograde(course, "ada")
    for language in ("en", "zh"):
        release(course, language).unlink()
    result = autograde(course, "ada")
    assert not result["success"] and "Run `atlas build --chapter ch90_sample`" in result["log"]


@pytest.fixture
def server(tmp_path):
    """Formgrader in a Jupyter server: a function that calls it."""
    root = make_course(tmp_path / "course")
    config = root / "nbgrader_config.py"
    config.write_text(config.read_text() + '\nc.JudgeExecute.judge = "sample_judge.SampleJudge"\n')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--ServerApp.port={port}", "--ServerApp.token=t", "--ServerApp.disable_check_xsrf=True", "--allow-root"]
    extension = "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}"
    path = {"PYTHONPATH": str(Path(__file__).parent), "HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "server", "--no-browser", *options, extension],
        cwd=root,
        env={**os.environ, **path},
        stderr=subprocess.DEVNULL,
    )

    def call(path: str, method: str = "GET") -> str:
        headers = {"Authorization": "token t"}
        data = b"" if method == "POST" else None
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
        return urllib.request.urlopen(request, timeout=120).read().decode()

    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                call("/api/status")
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.2)
        yield root, call
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_formgraders_autograde_button(server):
    root, call = server
    hand_in(root, "ada", answered({**RIGHT, "square": "return 0"}))
    hand_in(root, "bob", b"{")
    for student in ("ada", "bob", "ada"):
        answer = json.loads(call(f"/formgrader/api/submission/{CHAPTER}/{student}/autograde", "POST"))
        assert answer["success"], answer
    assert judged(root) == ["ada"]
    found = {entry["student"]: entry for entry in json.loads(call(f"/formgrader/api/submissions/{CHAPTER}"))}
    assert found["ada"]["score"] == 3.5 and not found["ada"]["needs_manual_grade"]
    assert found["bob"]["needs_manual_grade"]
    submitted = json.loads(call(f"/formgrader/api/submitted_notebooks/{CHAPTER}/{CHAPTER}"))
    pages = [call(f"/formgrader/submissions/{entry['id']}/") for entry in submitted]
    assert any("its gradient" in page for page in pages) and any("could not be read" in page for page in pages)
    feedback = json.loads(call(f"/formgrader/api/assignment/{CHAPTER}/generate_feedback", "POST"))
    assert feedback["success"], feedback
    assert (root / "feedback" / "ada" / CHAPTER / f"{CHAPTER}.html").is_file()
