"""The self-learner's path: a working copy that is never overwritten, progress from verdicts, hints, solutions."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from autograder.chapters import Chapter
from autograder.cli import app
from autograder.course import find_root

ROOT = find_root(Path(__file__))
CHAPTER = "ch04_activations"


@pytest.fixture
def atlas(tmp_path, monkeypatch):
    """Run `atlas …` in a copy of the course that has one chapter and one lab."""
    for name in (CHAPTER, "lab01_elementwise"):
        for room in ("source", "solutions", "tests", "assignments/en", "assignments/zh"):
            shutil.copytree(ROOT / room / name, tmp_path / room / name, ignore=shutil.ignore_patterns("__pycache__"))
    lines, keep = [], True
    for line in (ROOT / "course.yml").read_text(encoding="utf-8").splitlines():
        if line.startswith("  - name: ch") or line.startswith("  - name: lab"):
            keep = line.split()[-1] in (CHAPTER, "lab01_elementwise")
        lines += [line] if keep else []
    (tmp_path / "course.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(app, words)

    return run


def answer(name, source, chapter=CHAPTER):
    """Write an answer into the working copy."""
    path = Path("work") / chapter / f"{chapter}.ipynb"
    nb = nbformat.read(path, as_version=4)
    (cell,) = [c for c in nb.cells if c.source.startswith(f"# exercise: {name}\n")]
    cell.source = f"# exercise: {name}\n{source}"
    nbformat.write(nb, path)


def solution_of(name, chapter=CHAPTER):
    return Chapter(ROOT, chapter).solution(name)


def wrong_one(name):
    return next(a for a in Chapter(ROOT, CHAPTER).exercises[name].wrong)


def test_a_working_copy_is_made_once_and_work_in_it_stays(atlas):
    assert "2 new notebooks, 0 kept" in atlas("start").output
    answer("softmax", solution_of("softmax"))
    checks = Path("work") / CHAPTER / "checks.py"
    checks.write_text("# an old release\n")
    before = (Path("work") / CHAPTER / f"{CHAPTER}.ipynb").read_bytes()
    assert "0 new notebooks, 2 kept as they were" in atlas("start").output
    assert (Path("work") / CHAPTER / f"{CHAPTER}.ipynb").read_bytes() == before
    assert checks.read_bytes() == (ROOT / "assignments/en" / CHAPTER / "checks.py").read_bytes()


def test_another_place_another_language_one_chapter(atlas):
    assert "1 new notebooks" in atlas("start", "mine", "--language", "zh", "--chapter", CHAPTER).output
    assert "第 4 章" in (Path("mine") / CHAPTER / f"{CHAPTER}.ipynb").read_text(encoding="utf-8")
    assert not (Path("mine") / "lab01_elementwise").exists()


def test_progress_is_what_the_verdicts_say(atlas):
    assert "holds no notebook" in atlas("progress").output
    atlas("start")
    assert "0 of 11 exercises are right" in atlas("progress").output
    answer("softmax", solution_of("softmax"))
    answer("sigmoid", wrong_one("sigmoid").source)
    shown = atlas("progress", "--picture", "atlas.png").output
    assert "1 of 11 exercises are right" in shown and "1/9" in shown
    assert Path("atlas.png").read_bytes().startswith(b"\x89PNG")
    (verdict,) = json.loads(atlas("progress", "--json").stdout)
    statuses = {e["name"]: e["status"] for e in verdict["exercises"]}
    assert statuses["softmax"] == "passed" and statuses["sigmoid"] in ("failed", "partial")
    assert statuses["relu"] == "not_attempted"


def test_nothing_is_judged_twice_and_nothing_old_is_believed(atlas, monkeypatch):
    from autograder import learner

    atlas("start")
    judged = []
    honest = learner._judged
    monkeypatch.setattr(learner, "_judged", lambda *a: judged.append(a[1].name) or honest(*a))
    answer("softmax", solution_of("softmax"))
    atlas("progress")
    atlas("progress")
    assert judged == [CHAPTER]
    kept = Path("work/.verdicts") / CHAPTER / "me.json"
    kept.write_text(kept.read_text().replace('"passed"', '"failed"', 1))
    assert "1 of 11" in atlas("progress").output and judged == [CHAPTER] * 2
    answer("softmax", "def softmax(x, dim):\n    return x\n")
    assert "0 of 11" in atlas("progress").output and judged == [CHAPTER] * 3


def test_a_lab_whose_speed_waits_counts_as_right(atlas):
    atlas("start")
    answer("fused_swiglu", solution_of("fused_swiglu", "lab01_elementwise"), "lab01_elementwise")
    assert "1 of 11 exercises are right" in atlas("progress").output


def test_hints_come_in_layers(atlas):
    atlas("start")
    untouched = atlas("hint", CHAPTER, "softmax").output
    assert "each row becomes probabilities" in untouched and "--level 2" in untouched
    mistake = wrong_one("softmax")
    answer("softmax", mistake.source)
    first = atlas("hint", CHAPTER, "softmax").output
    assert "expected" in first or "came" in first or "nan" in first.lower()
    assert mistake.hint("en") not in first
    assert mistake.hint("en") in atlas("hint", CHAPTER, "softmax", "--level", "2").output
    every = atlas("hint", CHAPTER, "softmax", "--level", "3").output
    assert all(a.hint("en") in every for a in Chapter(ROOT, CHAPTER).exercises["softmax"].wrong)
    last = atlas("hint", CHAPTER, "softmax", "--level", "4").output
    assert "torch.softmax" in last and "more:" not in last
    answer("softmax", solution_of("softmax"))
    assert "is right" in atlas("hint", CHAPTER, "softmax").output


def test_the_solution_comes_after_an_attempt_or_when_asked_for(atlas):
    atlas("start")
    refused = atlas("solution", CHAPTER, "softmax")
    assert refused.exit_code == 1 and "no attempt at softmax yet" in refused.output
    assert "def softmax" in atlas("solution", CHAPTER, "softmax", "--now").output
    answer("softmax", "def softmax(x, dim):\n    return x\n")
    shown = atlas("solution", CHAPTER, "softmax")
    assert shown.exit_code == 0 and "amax" in shown.output and "Also right" in shown.output


def test_bad_calls_say_what_to_do(atlas):
    assert "did you mean 'softmax'" in atlas("hint", CHAPTER, "sofmax").output
    assert atlas("hint", "ch99_nothing", "softmax").exit_code == 2
