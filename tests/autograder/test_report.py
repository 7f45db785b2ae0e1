"""`atlas report`: what it counts, at a class of a few and of a thousand, and that the page needs no network."""

import csv
import io
import json
import re
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import find_root, load_course
from autograder.report import as_csv, as_html, report
from autograder.store import Problem, Record, Store
from autograder.verdicts import CaseVerdict, ExerciseVerdict, Speed, Verdict

ROOT = find_root(Path(__file__))
CHAPTER = "ch04_activations"


@pytest.fixture
def course(tmp_path):
    (tmp_path / "course.yml").write_text((ROOT / "course.yml").read_text(encoding="utf-8"), encoding="utf-8")
    return load_course(tmp_path)


def exercise(entry, status, **what):
    share = {"passed": 1.0, "partial": 0.5, "pending_gpu": 0.5}.get(status, 0.0)
    case = CaseVerdict(
        name="a_row_of_minus_infinity", sentence="s", facet="numerics", visible=False, passed=status == "passed"
    )
    told = {"cases": [case], **what}
    return ExerciseVerdict(name=entry.name, score=share * entry.points, max_score=entry.points, status=status, **told)


def hand_in(course, student, chapter=CHAPTER, status="passed", problem=None, **what):
    entry = course.chapter(chapter)
    exercises = [exercise(e, status, **what) for e in entry.exercises]
    score = sum(e.score for e in exercises)
    verdict = Verdict(chapter=chapter, student=student, sandbox="bubblewrap", score=score, exercises=exercises)
    record = Record(chapter=chapter, student=student, key="k", verdict=None if problem else verdict, problem=problem)
    Store(course.root / "verdicts").write(record)


def test_scores_statuses_cases_and_misconceptions_are_counted(course):
    hand_in(course, "ada")
    hand_in(course, "bob", status="partial", misconceptions=["forgets_the_shift"], hints=["What can be <subtracted>?"])
    hand_in(course, "eve", status="partial", misconceptions=["forgets_the_shift"], hints=["What can be <subtracted>?"])
    hand_in(course, "joe", status="not_attempted")
    hand_in(course, "tim", status="timed_out")
    torn = Problem(path="submitted/zed", message="is cut off", remedy="ask for it again")
    hand_in(course, "zed", problem=torn)
    (found,) = report(course).chapters
    worth = found.max_score
    assert found.scores == [worth, worth / 2, worth / 2, 0, 0] and found.median == worth / 2
    first = found.exercises[0]
    assert first.statuses == {"passed": 1, "partial": 2, "not_attempted": 1, "timed_out": 1}
    assert first.mean_share == pytest.approx(2 / 5)
    top = found.misconceptions[0]
    assert (top.name, top.students, top.of) == ("forgets_the_shift", 2, 4)
    failing = found.failing_cases[0]
    assert (failing.name, failing.students, failing.of) == ("a_row_of_minus_infinity", 3, 4)
    assert found.stopped[0].name == "timed_out"
    page = as_html(report(course))
    assert "forgets the shift" in page and "What can be &lt;subtracted&gt;?" in page
    assert "is cut off" in page and 'id="ch04_activations-bob"' in page


def test_who_waits_and_how_fast_kernels_are(course):
    lab = "lab01_elementwise"
    hand_in(course, "ada", lab, "pending_gpu")
    fast = Speed(ratio=1.31, p20=1.2, p80=1.4, needed=1.2, pairs=5, baseline="b", machine="a card")
    timed = CaseVerdict(name="t", sentence="t", facet="speed", visible=False, passed=True, speed=fast)
    hand_in(course, "bob", lab, "passed", cases=[timed])
    (found,) = report(course, [lab]).chapters
    assert {w.student for w in found.waiting} == {"ada"}
    assert [(s.student, s.ratio, s.machine) for s in found.speeds] == [("bob", 1.31, "a card")] * len(found.exercises)
    page = as_html(report(course, [lab]))
    assert "wait for a GPU that measures their speed" in page and "a card" in page


def test_a_thousand_students_make_a_page_that_loads(course):
    for number in range(1000):
        status = ("passed", "partial", "failed")[number % 3]
        hand_in(course, f"student{number:04}", status=status)
    began = time.perf_counter()
    page = as_html(report(course))
    assert time.perf_counter() - began < 30
    assert len(page) < 8_000_000
    assert page.count("<details id=") == 1000


def test_the_page_needs_nothing_from_elsewhere(course):
    hand_in(course, "ada")
    page = as_html(report(course))
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "<script" not in page and "@import" not in page


def test_csv_and_json_say_the_same(course):
    hand_in(course, "ada")
    hand_in(course, "o'brien, jr", status="partial")
    rows = list(csv.DictReader(io.StringIO(as_csv(report(course)))))
    assert len(rows) == 2 * len(course.chapter(CHAPTER).exercises)
    assert rows[0]["chapter"] == CHAPTER and float(rows[0]["score"]) == float(rows[0]["max_score"])
    assert {row["student"] for row in rows} == {"ada", "o'brien, jr"}
    told = json.loads(report(course).model_dump_json())
    assert [s["student"] for s in told["chapters"][0]["students"]] == ["ada", "o'brien, jr"]


def test_the_command_writes_what_the_name_asks_for(course, monkeypatch):
    monkeypatch.chdir(course.root)
    run = CliRunner().invoke
    assert "no verdict yet" in run(app, ["report"]).output
    hand_in(course, "ada")
    for name in ("r.html", "r.json", "r.csv"):
        assert run(app, ["report", CHAPTER, "--out", name]).exit_code == 0
        assert (course.root / name).stat().st_size > 100
    assert run(app, ["report", "--out", "r.pdf"]).exit_code == 2
