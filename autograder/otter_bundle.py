"""`atlas build --otter`: what Otter-Grader and Gradescope need of every chapter, made from assignments/.

OUT/LANGUAGE/CHAPTER/    for students: the notebook, checks.py, exercises.json, tests/; and Otter's autograder.zip
OUT/gradescope/CHAPTER.zip    for Gradescope and staff alone
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.assignments import CHECKS, FACTS
from autograder.course import LANGUAGES, ChapterEntry, Course
from autograder.errors import CourseError
from autograder.gradescope_bundle import write_zip

MANIFEST = ".atlas-otter.json"
AUTOGRADER = "autograder.zip"
GRADESCOPE = "gradescope"

TEST_FILE = """OK_FORMAT = False

from otter.test_files import test_case

name = "{name}"
points = {points!r}


@test_case(name="visible checks")
def visible_checks({name}):
    from autograder.otter_checks import assert_visible

    assert_visible("{name}", {name})
"""


@dataclass(frozen=True)
class Bundled:
    """One chapter's bundles: the students' folder in each language, and Gradescope's zip file."""

    chapter: str
    folders: list[Path]
    gradescope: Path


def bundle(course: Course, chapters: Sequence[str], out: Path) -> Iterator[Bundled]:
    """Write the bundles of some chapters, or of all written ones, below `out`.

    What somebody has changed there is never overwritten. Raises CourseError.
    """
    for entry in [course.chapter(name) for name in chapters] or course.written:
        folders = []
        for language in LANGUAGES:
            with tempfile.TemporaryDirectory() as scratch:
                _make(course, entry, language, Path(scratch))
                folders.append(out / language / entry.name)
                _put(Path(scratch), folders[-1])
        yield Bundled(entry.name, folders, write_zip(course, entry, out / GRADESCOPE / f"{entry.name}.zip"))


def _make(course: Course, entry: ChapterEntry, language: str, folder: Path) -> None:
    """One chapter's folder in one language."""
    source = course.root / "assignments" / language / entry.name
    try:
        notebook = nbformat.read(source / f"{entry.name}.ipynb", as_version=4)
        for name in (CHECKS, FACTS):
            shutil.copyfile(source / name, folder / name)
    except FileNotFoundError as error:
        raise CourseError(f"{error.filename}: no such file: run `atlas build --chapter {entry.name}`") from error
    nbformat.write(otter_notebook(notebook, entry.name), folder / f"{entry.name}.ipynb")
    (folder / "tests").mkdir()
    for exercise in entry.exercises:
        text = TEST_FILE.format(name=exercise.name, points=exercise.points)
        (folder / "tests" / f"{exercise.name}.py").write_text(text, encoding="utf-8")
    write_autograder(folder, {"course": str(course.root), "chapter": entry.name})


def otter_notebook(notebook: NotebookNode, chapter: str) -> NotebookNode:
    """A release notebook in which `grader` is there from the first cell on, and follows each check."""
    cells = [_otter_cell("otter", f'import otter\n\ngrader = otter.Notebook("{chapter}.ipynb")')]
    for cell in notebook.cells:
        cells.append(cell)
        atlas = cell.metadata.get("atlas", {})
        if atlas.get("origin") == "check":
            cells.append(_otter_cell(f"otter-{atlas['exercise']}", f'grader.check("{atlas["exercise"]}")'))
    made = nbformat.from_dict({**notebook, "cells": cells})
    nbformat.validate(made)
    return made


def _otter_cell(name: str, source: str) -> NotebookNode:
    return new_code_cell(source, id=name, metadata={"atlas": {"origin": "otter"}})


def write_autograder(folder: Path, judge: dict[str, Any]) -> None:
    """Otter's autograder.zip for the tests of a folder, whose scores are those of the course's judge."""
    from otter.generate import main

    config = {"lang": "python", "plugins": [{"autograder.otter_plugin.Judge": judge}]}
    with tempfile.TemporaryDirectory() as empty, chdir(empty):  # Otter takes up what it finds in the current folder
        Path("otter_config.json").write_text(json.dumps(config), encoding="utf-8")
        for name in (CHECKS, FACTS):
            shutil.copyfile(folder / name, name)
        main(
            tests_dir=str(folder / "tests"),
            output_path=str(folder / AUTOGRADER),
            config="otter_config.json",
            files=[CHECKS, FACTS],
            no_requirements=True,
            no_environment=True,
        )


def _put(made: Path, target: Path) -> None:
    """Copy a made folder to its place, unless a file there is neither absent nor as an earlier build left it."""
    manifest = target / MANIFEST
    known: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    files = {path.relative_to(made).as_posix(): path for path in sorted(made.rglob("*")) if path.is_file()}
    for name, path in files.items():
        place = target / name
        if place.exists() and _digest(place) not in (known.get(name), _digest(path)):
            raise CourseError(f"{place}: was changed since it was built: move it away, or name another folder (--out)")
    for name, path in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
    digests = {name: _digest(path) for name, path in files.items()}
    manifest.write_text(json.dumps(digests, indent=1), encoding="utf-8")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
