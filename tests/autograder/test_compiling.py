"""Kernels compiled for a GPU without one: the interpreter takes more than the compiler does."""

from pathlib import Path

import pytest
import torch

from autograder import kernels
from autograder.chapters import Chapter
from autograder.compiling import ARCHITECTURES, compiled, launch_of, table
from autograder.course import load_course

ROOT = Path(__file__).parents[2]
LABS = [entry.name for entry in load_course(ROOT).written if entry.part == "kernels"]

interpreted = pytest.mark.skipif(not kernels.INTERPRETED, reason="launches are noted in the interpreter")

REFERENCE = """
import torch
import triton
import triton.language as tl


@triton.jit
def twice_kernel(x_ptr, count, BLOCK: tl.constexpr):
    place = tl.arange(0, BLOCK)
    {line}
    tl.store(x_ptr + place, 2 * x, mask=place < count)


def twice(x):
    twice_kernel[(1,)](x, x.numel(), BLOCK=16, num_warps=2)
    return x
"""
CASES = """
from autograder.cases import case


@case("twice", agrees_with=lambda x: 2 * x)
def a_few(twice, draw):
    return twice(draw.normal(3))
"""


def lab(folder: Path, line: str) -> Chapter:
    chapter = Chapter(folder, "lab99_twice")
    for path in (chapter.source, chapter.solutions, chapter.tests):
        path.mkdir(parents=True)
    (chapter.solutions / "reference.py").write_text(REFERENCE.format(line=line))
    (chapter.source / "checks.py").write_text(CASES)
    (chapter.tests / "hidden.py").write_text("")
    (chapter.tests / "wrong_answers.py").write_text("")
    (chapter.tests / "right_answers.py").write_text("")
    return chapter


@interpreted
def test_a_kernel_is_compiled_for_every_way_in_which_it_is_launched(tmp_path):
    found = compiled(lab(tmp_path, "x = tl.load(x_ptr + place, mask=place < count)"))
    assert not any(one.problem for one in found)
    assert {(one.architecture, dict(one.launch.types)["x_ptr"]) for one in found} == {
        (architecture, pointer) for architecture in ARCHITECTURES for pointer in ("*fp64", "*fp32")
    }
    assert all(one.registers > 0 and dict(one.launch.options) == {"num_warps": 2} for one in found)


@interpreted
def test_what_only_the_interpreter_takes_is_said(tmp_path):
    found = compiled(
        lab(tmp_path, "x = tl.load(x_ptr + place, mask=place < count)\n    for _ in range(2):\n        break")
    )
    assert all("Break" in one.problem for one in found)
    assert "failed" in "\n".join(table(found))


def test_a_launch_is_what_tritons_launcher_makes_of_the_arguments():
    given = {"x": torch.zeros(2, dtype=torch.bfloat16), "n": 7, "one": 1, "far": 1 << 40, "eps": 1e-6, "none": None}
    launch = launch_of("kernel", given | {"BLOCK": 64}, ["BLOCK"], {})
    assert dict(launch.types) == {
        "x": "*bf16",
        "n": "i32",
        "one": "constexpr",
        "far": "i64",
        "eps": "fp32",
        "none": "constexpr",
        "BLOCK": "constexpr",
    }
    assert dict(launch.constants) == {"one": 1, "none": None, "BLOCK": 64}


@interpreted
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", LABS)
def test_every_reference_kernel_compiles_for_every_architecture(name):
    found = compiled(Chapter(ROOT, name))
    assert found
    assert not any(one.problem for one in found), "\n".join(table(found))
