"""The course's own chapters: their notebooks run with the solutions in them, and say nothing that is an error."""

import time
from pathlib import Path

import nbformat
import pytest

from autograder.building import run_solution_notebook
from autograder.chapters import Chapter
from autograder.course import LANGUAGES, load_course

ROOT = Path(__file__).parents[2]
WRITTEN = [entry.name for entry in load_course(ROOT).written]
SECONDS = 60


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chapter", WRITTEN)
def test_a_chapters_notebook_runs_in_under_a_minute_and_every_check_in_it_passes(chapter, language, tmp_path):
    out = tmp_path / f"{chapter}.ipynb"
    began = time.monotonic()
    run_solution_notebook(Chapter(ROOT, chapter), language, out)
    seconds = time.monotonic() - began
    outputs = [o for cell in nbformat.read(out, as_version=4).cells for o in cell.get("outputs", [])]
    errors = [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert errors == []
    assert any(o.get("data", {}).get("image/png") for o in outputs), "a chapter without a figure"
    assert seconds < SECONDS, f"{chapter} in {language} took {seconds:.0f} s"
