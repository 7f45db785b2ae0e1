"""`atlas bench`, with the interpreter in place of a GPU and clocks that say what they are told to."""

import json
import shutil
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder import kernel_speeds
from autograder.chapters import Chapter
from autograder.cli import app
from autograder.course import load_course
from autograder.errors import CourseError
from autograder.workshop import has_gpu

ROOT = Path(__file__).parents[2]
LAB = "lab01_elementwise"


@pytest.fixture
def lab(tmp_path):
    """Lab 1 with sizes that the interpreter can do."""
    for room in ("source", "solutions", "tests"):
        shutil.copytree(ROOT / room / LAB, tmp_path / room / LAB)
    shutil.copy(ROOT / "course.yml", tmp_path)
    speed = tmp_path / "tests" / LAB / "speed.py"
    text = speed.read_text(encoding="utf-8")
    text = text.replace("(1 << 20, 1 << 24, 1 << 27)", "(1 << 8, 1 << 10, 1 << 12)").replace(
        "256, 2048, 16384", "1, 2, 3"
    )
    speed.write_text(text, encoding="utf-8")
    return Chapter(tmp_path, LAB)


def clock():
    """Every measurement takes a millisecond more than the one before."""
    ticks = count(1)

    def seconds(call):
        call()
        tick = next(ticks) * 1e-3
        return tick, 0.9 * tick, 1.2 * tick

    return seconds


def test_every_contender_is_timed_at_every_size(lab):
    found = kernel_speeds.measured(lab, "cpu", "a card", {"bytes": 1e9, "flops": 1e12}, clock())
    assert [(t.exercise, t.size, t.contender) for t in found.timings[:4]] == [
        ("fused_hadamard_add", 256, "reference"),
        ("fused_hadamard_add", 256, "naive"),
        ("fused_hadamard_add", 256, "builtin"),
        ("fused_hadamard_add", 1024, "reference"),
    ]
    assert len(found.timings) == 2 * 3 * 3
    first = found.timings[0]
    assert (first.milliseconds, first.p20, first.p80) == pytest.approx((1, 0.9, 1.2))
    assert first.rate == pytest.approx(4 * 256 * 4 / 1e-3) and first.share == pytest.approx(first.rate / 1e9)


def test_a_kernel_that_is_wrong_is_not_timed(lab):
    lab.exercises["fused_swiglu"].reference = lambda x: x[:, : x.shape[1] // 2].clone()
    with pytest.raises(CourseError, match="fused_swiglu: reference differs from the builtin"):
        kernel_speeds.measured(lab, "cpu", "a card", {"bytes": 1e9, "flops": 1e12}, clock())


def test_json_and_pictures_are_written(lab, tmp_path):
    found = kernel_speeds.measured(lab, "cpu", "a card", {"bytes": 1e9, "flops": 1e12}, clock())
    paths = list(kernel_speeds.record(tmp_path, found))
    assert [path.name for path in paths] == [
        f"{LAB}.json",
        f"{LAB}-fused_hadamard_add.png",
        f"{LAB}-fused_swiglu.png",
    ]
    told = json.loads(paths[0].read_text(encoding="utf-8"))
    assert told["machine"] == "a card" and len(told["timings"]) == 18
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths[1:])


@pytest.mark.skipif(has_gpu(), reason="says what to do where there is no GPU")
def test_without_a_gpu_it_says_so_and_invents_nothing(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["bench", LAB])
    assert result.exit_code == 1 and "this machine has none" in result.output
    assert CliRunner().invoke(app, ["bench", "ch04_activations"]).exit_code == 2


def test_figures_in_the_docs_name_their_machine():
    for path in (ROOT / kernel_speeds.FOLDER).glob("*.json"):
        found = kernel_speeds.Bench.model_validate_json(path.read_text(encoding="utf-8"))
        assert "driver" in found.machine and found.lab in {e.name for e in load_course(ROOT).written}
