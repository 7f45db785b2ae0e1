"""The instructor notebook of a chapter: its text, with setup, answers and checks put in.

Cells carry what nbgrader needs under `nbgrader`, and what the course knows of them under `atlas`: `origin` is
setup, header, answer, check, demo, essay or given (prose), and `exercise` or `essay` its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.cases import Rules
from autograder.chapters import Chapter
from autograder.course import ChapterEntry, EssayEntry, ExerciseEntry, Language
from autograder.stubs import WRITE_HERE, mark_solution
from autograder.texts import TextCell

SCHEMA = 1

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "exercise": "Exercise",
        "question": "Question",
        "equation": "equation",
        "minutes": "{} min",
        "point": "1 point",
        "points": "{} points",
        "without": "Write it without calling {}.",
        "any": " `*` stands for any letters.",
        "by_a_person": "graded by a person",
        "comma": ", ",
        "colab": "on Colab, fetch the course first: some minutes, once a session",
    },
    "zh": {
        "exercise": "练习",
        "question": "问答",
        "equation": "公式",
        "minutes": "约 {} 分钟",
        "point": "1 分",
        "points": "{} 分",
        "without": "请自己实现，不调用 {}。",
        "any": "`*` 代表任意字符。",
        "by_a_person": "人工评分",
        "comma": "、",
        "colab": "在 Colab 上先取来课程：每次会话一次，需要几分钟",
    },
}

ON_COLAB = """\
import sys

if "google.colab" in sys.modules:  # {why}
    import importlib.util
    import os
    import subprocess

    atlas = os.path.expanduser("~/atlas")
    if not os.path.isdir(atlas):
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", "{repository}", atlas], check=True)
    if importlib.util.find_spec("autograder") is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", atlas{extra}], check=True)
        importlib.invalidate_caches()
    os.chdir(f"{{atlas}}/assignments/{language}/{chapter}")

"""


def number(points: float) -> int | float:
    """Points as people write them: 2, not 2.0."""
    return int(points) if float(points).is_integer() else points


def instructor_notebook(
    chapter: Chapter,
    entry: ChapterEntry,
    cells: Sequence[TextCell],
    language: Language,
    rules: Mapping[str, Rules],
    repository: str = "",
) -> NotebookNode:
    """The notebook that nbgrader makes the students' one from; solutions stand between markers.

    With the address of a repository, its first cell fetches and installs the course on Colab.
    """
    notebook = new_notebook(
        metadata={
            "atlas": {"chapter": entry.name, "language": language, "schema": SCHEMA},
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    essays = {essay.name: essay for essay in entry.essays}
    counts = {"text": 0, "demo": 0}
    for cell in cells:
        if cell.kind == "setup":
            notebook.cells.append(_setup(chapter, entry, language, repository))
        elif cell.kind == "exercise":
            exercise = entry.exercise(cell.name)
            notebook.cells += _exercise(chapter, exercise, rules.get(cell.name, Rules()), language)
        elif cell.kind == "essay":
            notebook.cells += _essay(cell, essays[cell.name], language)
        else:
            counts[cell.kind] += 1
            notebook.cells.append(_plain(cell, counts[cell.kind]))
    nbformat.validate(notebook)
    return notebook


def _nbgrader(grade_id: str, **what: Any) -> dict[str, Any]:
    return {"schema_version": 3, "grade_id": grade_id, "grade": False, "solution": False, "locked": False, **what}


def _setup(chapter: Chapter, entry: ChapterEntry, language: Language, repository: str) -> NotebookNode:
    source = f"{chapter.imports.rstrip()}\n\nfrom autograder import check".lstrip()
    if "import triton" in source:
        source = f"import autograder.kernels\n{source}"
    if repository:
        extra = ' + "[kernels]"' if entry.is_lab else ""
        why = WORDS[language]["colab"]
        fetch = ON_COLAB.format(why=why, repository=repository, extra=extra, language=language, chapter=entry.name)
        source = fetch + source
    metadata = {"atlas": {"origin": "setup"}, "nbgrader": _nbgrader("setup-cell", locked=True)}
    return new_code_cell(source, id="setup-cell", metadata=metadata)


def _plain(cell: TextCell, position: int) -> NotebookNode:
    if cell.kind == "text":
        return new_markdown_cell(cell.source, id=f"text-{position}", metadata={"atlas": {"origin": "given"}})
    metadata: dict[str, Any] = {"atlas": {"origin": "demo"}}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    return new_code_cell(cell.source, id=f"demo-{position}", metadata=metadata)


def _exercise(chapter: Chapter, exercise: ExerciseEntry, rules: Rules, language: Language) -> list[NotebookNode]:
    name = exercise.name
    answer = mark_solution(chapter.solution(name), f"{chapter.solutions / 'reference.py'}: {name}")

    def metadata(origin: str, grade_id: str, **what: Any) -> dict[str, Any]:
        return {"atlas": {"exercise": name, "origin": origin}, "nbgrader": _nbgrader(grade_id, **what)}

    header_id, check_id = f"{name}-header", f"{name}-check"
    points = number(exercise.points)
    return [
        new_markdown_cell(
            exercise_header(exercise, rules, language),
            id=header_id,
            metadata=metadata("header", header_id, locked=True),
        ),
        new_code_cell(
            f"# exercise: {name}\n{answer.rstrip()}", id=name, metadata=metadata("answer", name, solution=True)
        ),
        new_code_cell(
            f"check({name})",
            id=check_id,
            metadata=metadata("check", check_id, grade=True, locked=True, points=points),
        ),
    ]


def exercise_header(exercise: ExerciseEntry, rules: Rules, language: Language) -> str:
    """The lines above an exercise: what it is, how hard, how long, what it is worth, what it may not call."""
    words = WORDS[language]
    facts = [f"**{words['exercise']}** `{exercise.name}`"]
    if exercise.equation:
        numbers = words["comma"].join(f"({number})" for number in exercise.equation.split(", "))
        facts.append(f"{words['equation']} {numbers}")
    facts.append("●" * exercise.difficulty + "○" * (5 - exercise.difficulty))
    facts.append(words["minutes"].format(exercise.minutes))
    facts.append(_points(exercise.points, language))
    header = " · ".join(facts)
    if rules.forbids:
        header += "\n\n" + words["without"].format(words["comma"].join(f"`{name}`" for name in rules.forbids))
        if any("*" in name for name in rules.forbids):
            header += words["any"]
    return header


def _points(points: float, language: Language) -> str:
    return WORDS[language]["point" if points == 1 else "points"].format(number(points))


def _essay(cell: TextCell, essay: EssayEntry, language: Language) -> list[NotebookNode]:
    """The question, locked, and the cell for the answer, which a person grades."""
    words = WORDS[language]
    question_id = f"{essay.name}-question"
    header = f"**{words['question']}** · {_points(essay.points, language)} · {words['by_a_person']}"
    atlas = {"essay": essay.name, "origin": "header"}
    answer = _nbgrader(essay.name, grade=True, solution=True, points=number(essay.points))
    return [
        new_markdown_cell(
            f"{header}\n\n{cell.source}",
            id=question_id,
            metadata={"atlas": atlas, "nbgrader": _nbgrader(question_id, locked=True)},
        ),
        new_markdown_cell(
            WRITE_HERE[language],
            id=essay.name,
            metadata={"atlas": {**atlas, "origin": "essay"}, "nbgrader": answer},
        ),
    ]
