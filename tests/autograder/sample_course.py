"""A small course made by hand, its submissions, and damage done to them: for the tests of grading."""

import json
import random
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
from hypothesis import strategies as st
from sample_judge import EXERCISES, HALF, RIGHT, score_of

CHAPTER = "ch90_sample"
ESSAY = "why"
CELLS = {name: f"# exercise: {name}\ndef {name}(x):\n    raise NotImplementedError()" for name in EXERCISES}

CONFIG = (Path(__file__).parents[2] / "nbgrader_config.py").read_text(encoding="utf-8")

COURSE = """\
name: sample
title: {{en: A sample, zh: 样例}}
language: en
late: {{per_day: 0.1, at_most: 0.5, grace_minutes: 60}}
parts:
  - {{name: only, title: {{en: Only, zh: 唯一}}}}
chapters:
  - name: ch90_sample
    part: only
    title: {{en: Sample, zh: 样例}}
    written: true
    due: 2026-03-01T23:59:00+00:00
    exercises:
{exercises}
    essays:
      - {{name: why, points: 5}}
  - {{name: ch91_unwritten, part: only, title: {{en: Unwritten, zh: 未写}}}}
"""


def write_manifest(root: Path, points: dict[str, float] | None = None) -> None:
    lines = [
        f"      - {{name: {name}, points: {value}, difficulty: 1, minutes: 5}}"
        for name, value in {**EXERCISES, **(points or {})}.items()
    ]
    (root / "course.yml").write_text(COURSE.format(exercises="\n".join(lines)), encoding="utf-8")


def make_course(root: Path, points: dict[str, float] | None = None) -> Path:
    """The files that grading reads of a course, for one chapter of three exercises and an essay."""
    root.mkdir(parents=True, exist_ok=True)
    write_manifest(root, points)
    (root / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    for room, files in {"source": ["checks.py"], "solutions": ["reference.py"], "tests": ["hidden.py"]}.items():
        folder = root / room / CHAPTER
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file).write_text("# nothing that the sample's judge needs\n", encoding="utf-8")
    (root / ".secret").write_text("sample secret\n", encoding="utf-8")
    for language in ("en", "zh"):
        release(root, language).parent.mkdir(parents=True, exist_ok=True)
        text = nbformat.writes(nbformat.from_dict(release_notebook(language, points)))
        release(root, language).write_text(text, encoding="utf-8")
        (root / "build" / "source" / language / CHAPTER).mkdir(parents=True, exist_ok=True)
    (root / "submitted").mkdir(exist_ok=True)
    return root


def release(root: Path, language: str = "en") -> Path:
    return root / "assignments" / language / CHAPTER / f"{CHAPTER}.ipynb"


def release_notebook(language: str = "en", points: dict[str, float] | None = None) -> dict[str, Any]:
    """A release notebook as `atlas build` makes them, checksums included."""
    from nbgrader.utils import compute_checksum

    prose = {"en": "A section of prose, number {}.", "zh": "第 {} 节的正文。"}[language]
    here = {"en": "*Write your answer here.*", "zh": "*在此写下你的回答。*"}[language]
    cells = [
        _markdown(prose.format(0), "text-1", {"origin": "given"}),
        _code("import math\n\nfrom autograder import check", "setup-cell", {"origin": "setup"}, locked=True),
    ]
    for number, (name, value) in enumerate({**EXERCISES, **(points or {})}.items(), start=1):
        cells += [
            _markdown(prose.format(number), f"text-{number + 1}", {"origin": "given"}),
            _markdown(f"**{name}**", f"{name}-header", {"origin": "header", "exercise": name}, locked=True),
            _code(CELLS[name], name, {"origin": "answer", "exercise": name}, solution=True),
            _code(
                f"check({name})",
                f"{name}-check",
                {"origin": "check", "exercise": name},
                grade=True,
                locked=True,
                points=value,
            ),
            _code(f"print('demo {number}')", f"demo-{number}", {"origin": "demo"}),
        ]
    cells += [
        _markdown("Why?", f"{ESSAY}-question", {"origin": "header", "essay": ESSAY}, locked=True),
        _markdown(here, ESSAY, {"origin": "essay", "essay": ESSAY}, grade=True, solution=True, points=5),
    ]
    for cell in cells:
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["checksum"] = compute_checksum(nbformat.from_dict(cell))
    metadata = {
        "atlas": {"chapter": CHAPTER, "language": language, "schema": 1},
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    }
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def _markdown(source: str, cell_id: str, atlas: dict[str, Any], **nbgrader: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"atlas": atlas}
    if nbgrader:
        metadata["nbgrader"] = _nbgrader(cell_id, "markdown", nbgrader)
    return {"cell_type": "markdown", "id": cell_id, "metadata": metadata, "source": source}


def _code(source: str, cell_id: str, atlas: dict[str, Any], **nbgrader: Any) -> dict[str, Any]:
    cell = _markdown(source, cell_id, atlas, **nbgrader) | {"cell_type": "code", "outputs": [], "execution_count": None}
    if nbgrader:
        cell["metadata"]["nbgrader"] = _nbgrader(cell_id, "code", nbgrader)
    return cell


def _nbgrader(grade_id: str, cell_type: str, what: dict[str, Any]) -> dict[str, Any]:
    flags = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "cell_type": cell_type}
    return {**flags, "grade_id": grade_id, **what}


def answered(answers: dict[str, str], essay: str = "", language: str = "en") -> dict[str, Any]:
    """A submitted notebook with bodies of answers filled in."""
    notebook = release_notebook(language)
    for cell in notebook["cells"]:
        name = cell["metadata"]["atlas"].get("exercise")
        if cell["metadata"]["atlas"]["origin"] == "answer" and name in answers:
            cell["source"] = answer(name, answers[name])
        if cell["metadata"]["atlas"]["origin"] == "essay" and essay:
            cell["source"] = essay
    return notebook


def answer(name: str, body: str) -> str:
    return f"# exercise: {name}\ndef {name}(x):\n    {body}"


def hand_in(root: Path, student: str, notebook: Any, timestamp: str = "", chapter: str = CHAPTER) -> Path:
    """Put a notebook (or raw text or bytes) into submitted/."""
    folder = root / "submitted" / student / chapter
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chapter}.ipynb"
    if isinstance(notebook, bytes):
        path.write_bytes(notebook)
    else:
        path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook), encoding="utf-8")
    if timestamp:
        (folder / "timestamp.txt").write_text(timestamp, encoding="utf-8")
    return path


def find(notebook: dict[str, Any], cell_id: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell.get("id") == cell_id)


def without(notebook: dict[str, Any], *cell_ids: str) -> dict[str, Any]:
    made = deepcopy(notebook)
    made["cells"] = [cell for cell in made["cells"] if cell.get("id") not in cell_ids]
    return made


def judged(root: Path) -> list[str]:
    """The students in the order in which they were judged."""
    path = root / "judged.log"
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []


def scores(root: Path, chapter: str = CHAPTER) -> dict[str, dict[str, tuple[Any, ...]]]:
    """The whole of the gradebook's grades: {student: {cell: (auto, manual, needs a person)}}, and penalties."""
    from nbgrader.api import Gradebook

    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "sample") as gradebook:
        for submission in gradebook.assignment_submissions(chapter):
            grades = {
                g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in submission.notebooks[0].grades
            }
            penalty = submission.notebooks[0].late_submission_penalty
            found[submission.student.id] = {**grades, "penalty": (penalty,)}
    return found


def auto_scores(root: Path, student: str) -> dict[str, float | None]:
    grades = scores(root)[student]
    return {name: grades[f"{name}-check"][0] for name in EXERCISES}


def class_of(root: Path, count: int, seconds: Iterable[float] = ()) -> list[str]:
    """Hand in `count` different notebooks; the names of their students."""
    bodies = list(RIGHT)
    waits = list(seconds)
    students = [f"student{i:02}" for i in range(count)]
    for i, student in enumerate(students):
        answers = {name: RIGHT[name] for name in bodies[: i % 4]}
        if i % 3 == 2:
            answers["negate"] = f"return 0  {HALF}"
        answers["double"] = answers.get("double", "return x") + f"  # attempt {i}"
        if waits:
            answers["double"] += f"\n    # sleep {waits[i % len(waits)]}"
        hand_in(root, student, answered(answers))
    return students


BODIES = [*(f"return {f}" for f in ("2 * x", "x * x", "-x")), f"return 0  {HALF}", "return 0", ""]


DAMAGE = [
    "drop",
    "double",
    "move",
    "shuffle",
    "edit",
    "strip",
    "relabel",
    "points",
    "flags",
    "version",
    "type",
    "atlas",
    "junk",
]


@st.composite
def damaged_notebooks(draw) -> tuple[dict[str, float], dict]:
    """A notebook with some answers, then damaged, and what its answers deserved before."""
    bodies = {name: draw(st.sampled_from(BODIES)) for name in EXERCISES}
    answers = {name: body for name, body in bodies.items() if body}
    deserved = {name: score_of(name, answer(name, answers[name])) if name in answers else 0.0 for name in EXERCISES}
    notebook = answered(answers, essay=draw(st.sampled_from(["", "Because."])))
    chance = random.Random(draw(st.integers(0, 10**9)))
    for _ in range(draw(st.integers(1, 12))):
        _damage(notebook["cells"], draw(st.sampled_from(DAMAGE)), chance)
    return deserved, notebook


def _damage(cells: list[dict], how: str, chance: random.Random) -> None:
    if not cells:
        return
    i = chance.randrange(len(cells))
    cell = cells[i] if isinstance(cells[i], dict) else {}
    metadata = cell.get("metadata", {})
    nbgrader = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    ids = ["", "double", "square-check", ESSAY, "setup-cell", "nobody", "../x", 7, None]
    if how == "drop":
        del cells[i]
    elif how == "double":
        cells.insert(chance.randrange(len(cells)), deepcopy(cells[i]))
    elif how == "move":
        cells.insert(chance.randrange(len(cells)), cells.pop(i))
    elif how == "shuffle":
        chance.shuffle(cells)
    elif how == "edit":
        cell["source"] = chance.choice(
            ["", "x = 1", "# exercise: square", "def double(", "check(square)", "\x00\ud800"]
        )
    elif how == "strip":
        cell["metadata"] = {}
        cell.pop("id", None)
    elif how == "relabel":
        nbgrader["grade_id"] = chance.choice(ids)
        cell["id"] = chance.choice(ids)
    elif how == "points":
        nbgrader["points"] = chance.choice([99, -1, "all", None, 1e308])
    elif how == "flags":
        nbgrader[chance.choice(["grade", "solution", "locked", "task"])] = chance.choice([True, False, 1, "no", None])
    elif how == "version":
        nbgrader["schema_version"] = chance.choice([0, 1, 2, 3, 4, 99, "3", None])
    elif how == "type":
        cell["cell_type"] = chance.choice(["code", "markdown", "raw", "heading", "nothing", 4])
    elif how == "atlas":
        origin = chance.choice(["answer", "setup", "check", "extra", 0])
        cell.setdefault("metadata", {})["atlas"] = {"origin": origin, "exercise": "double"}
    elif how == "junk":
        cells.insert(i, chance.choice([None, 1, [], {}, {"metadata": {"nbgrader": "yes"}}, {"source": 3}]))
