"""`atlas build`: source/ and solutions/ become build/source (for instructors) and assignments/ (for students).

Everything is made anew in a temporary folder, by nbgrader's own GenerateAssignment, and compared with or copied
to its place, so a build that fails changes nothing and the same sources give the same bytes.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions
from nbgrader.utils import capture_log

from autograder.cases import Case, Rules
from autograder.chapters import Chapter, load_cases
from autograder.course import FILE, LANGUAGES, ChapterEntry, Course, Language, load_course
from autograder.errors import CourseError
from autograder.judging import count_hidden
from autograder.leaks import Secrets
from autograder.notebooks import SCHEMA, instructor_notebook, number
from autograder.stubs import BEGIN, END, stub_config
from autograder.texts import TextCell, differences, read_text

ROOMS = {"build/source": "source", "assignments": "release"}
IGNORED = ("__pycache__", ".ipynb_checkpoints")


class BuildError(CourseError):
    """A chapter cannot be built; the message has one problem a line."""

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass
class Built:
    """What a build of one chapter did."""

    chapter: str
    exercises: int
    points: float
    changed: list[Path]


def build(course: Course, chapters: Sequence[str] = ()) -> Iterator[Built]:
    """Build the named chapters, or all written ones; a file is written only where its bytes change."""
    for entry in _entries(course, chapters):
        with tempfile.TemporaryDirectory() as scratch:
            _make(course, entry, Path(scratch))
            changed = []
            for language in LANGUAGES:
                for room, made in ROOMS.items():
                    target = course.root / room / language / entry.name
                    changed += _copy(Path(scratch) / made / language / entry.name, target)
        yield Built(entry.name, len(entry.exercises), entry.points, [p.relative_to(course.root) for p in changed])


def check(course: Course, chapters: Sequence[str] = ()) -> list[str]:
    """What is wrong with the sources or out of date in assignments/, one sentence each; nothing is written."""
    problems: list[str] = []
    for entry in _entries(course, chapters):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                _make(course, entry, Path(scratch))
            except BuildError as error:
                problems += error.problems
                continue
            except CourseError as error:
                problems.append(str(error))
                continue
            for language in LANGUAGES:
                made = Path(scratch) / "release" / language / entry.name
                problems += _out_of_date(course, made, Path("assignments") / language / entry.name)
    if not chapters:
        problems += _left_over(course)
    return problems


def run_solution_notebook(chapter: Chapter, language: Language = "en", out: Path | None = None) -> NotebookNode:
    """Run a chapter's notebook with the solutions in it, in a fresh kernel, beside what students get.

    Written to `out` (.ipynb, or .html to look at), also when a cell fails. Raises nbclient's CellExecutionError for a
    cell that fails, and CourseError for a check that the solution does not pass.
    """
    from nbclient import NotebookClient

    course = load_course(chapter.root)
    entry = course.chapter(chapter.name)
    with tempfile.TemporaryDirectory() as scratch:
        notebook = _make(course, entry, Path(scratch), (language,))[language]
        for cell in notebook.cells:
            cell.source = _without_markers(cell.source)
        folder = Path(scratch) / "release" / language / entry.name
        client = NotebookClient(
            notebook,
            timeout=10 * entry.limits.cell_seconds,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            client.execute()
        finally:
            if out is not None:
                write_notebook(notebook, out)
    failed = [cell.source for cell in notebook.cells if cell.metadata.atlas.origin == "check" and not _passed(cell)]
    if failed:
        raise CourseError(f"{chapter.name}: with the solutions in it, these say no: {', '.join(failed)}: see {out}")
    return notebook


def _passed(cell: NotebookNode) -> bool:
    """Whether a check that was run says that the answer passed."""
    statuses = [output.get("metadata", {}).get("atlas", {}).get("status") for output in cell.outputs]
    return statuses == ["passed"]


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """A notebook as .ipynb, or rendered as .html."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".html":
        from nbconvert import HTMLExporter

        path.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    else:
        nbformat.write(notebook, path)


def _entries(course: Course, names: Sequence[str]) -> list[ChapterEntry]:
    if not names:
        return course.written
    entries = [course.chapter(name) for name in names]
    for entry in entries:
        if not entry.written:
            raise CourseError(f"{entry.name} says `written: false` in {FILE}: nothing to build")
    return entries


def _make(
    course: Course, entry: ChapterEntry, scratch: Path, languages: Sequence[Language] = LANGUAGES
) -> dict[Language, NotebookNode]:
    """Make source/<language>/<chapter> and release/<language>/<chapter> below `scratch`, and check them."""
    chapter = Chapter(course.root, entry.name)
    reference = chapter.solutions / "reference.py"
    try:
        _ = chapter.solutions_by_name
    except FileNotFoundError:
        raise CourseError(f"{reference}: no such file: write it, or say `written: false` in {FILE}") from None
    except SyntaxError as error:
        raise CourseError(f"{reference}:{error.lineno}: {error.msg}") from None
    texts = {language: read_text(chapter.source / f"{language}.md") for language in languages}
    checks, rules = load_cases(chapter.source / "checks.py", f"atlas_{entry.name}_checks", True)
    hidden, _ = load_cases(chapter.tests / "hidden.py", f"atlas_{entry.name}_hidden", False)
    problems = list(_disagreements(chapter, entry, texts, checks))
    if problems:
        raise BuildError(problems)
    notebooks: dict[Language, NotebookNode] = {}
    for language, cells in texts.items():
        notebook = instructor_notebook(chapter, entry, cells, language, rules, course.repository)
        stubs = _stubs(notebook, language)
        folder = scratch / "source" / language / entry.name
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{entry.name}.ipynb")
        shutil.copyfile(chapter.source / "checks.py", folder / "checks.py")
        facts = _facts(entry, language, rules, stubs, hidden)
        text = json.dumps(facts, ensure_ascii=False, indent=1) + "\n"
        (folder / "exercises.json").write_text(text, encoding="utf-8")
        _generate(scratch, entry.name, language)
        secrets = Secrets(
            chapter.solutions_by_name,
            stubs,
            frozenset(case.name for case in hidden),
            frozenset(case.name for case in checks) | frozenset(chapter.solutions_by_name),
        )
        problems += _leaks(secrets, scratch / "release" / language / entry.name, f"assignments/{language}/{entry.name}")
        notebooks[language] = notebook
    if problems:
        raise BuildError(problems)
    return notebooks


def _disagreements(
    chapter: Chapter, entry: ChapterEntry, texts: dict[Language, list[TextCell]], checks: list[Case]
) -> Iterator[str]:
    """Where course.yml, the texts, reference.py and checks.py do not name the same things."""
    reference = chapter.solutions / "reference.py"
    listed = {"exercise": [e.name for e in entry.exercises], "essay": [e.name for e in entry.essays]}
    for language, cells in texts.items():
        path = chapter.source / f"{language}.md"
        for kind, names in listed.items():
            seen: set[str] = set()
            for cell in cells:
                if cell.kind != kind:
                    continue
                if cell.name in seen:
                    yield f"{path}:{cell.line}: a second cell of {kind} {cell.name}: remove one"
                elif cell.name not in names:
                    yield f"{path}:{cell.line}: {FILE} lists no {kind} {cell.name!r} in {entry.name}: add it there"
                seen.add(cell.name)
            missing = [name for name in names if name not in seen]
            for name in missing:
                yield f"{path}: no cell for {kind} {name!r}, which {FILE} lists in {entry.name}: add one"
            order = [cell.name for cell in cells if cell.kind == kind]
            if not missing and len(order) == len(names) and order != names:
                first = next(cell for cell, name in zip(order, names, strict=True) if cell != name)
                yield f"{path}: the {kind} {first} stands in another place than in {FILE}: list them in this order"
    if len(texts) == 2:
        yield from differences(texts["en"], texts["zh"], (chapter.source / "en.md", chapter.source / "zh.md"))
    for name in listed["exercise"]:
        if name not in chapter.solutions_by_name:
            yield f"{reference}: no function or class {name!r}, which {FILE} lists in {entry.name}: write it"
        if not any(case.exercise == name for case in checks):
            yield f"{chapter.source / 'checks.py'}: no case of {name!r}: write a visible check"
    for name in chapter.solutions_by_name:
        if name not in listed["exercise"]:
            yield f"{reference}: {name!r} is no exercise of {entry.name}, so the notebook would lack it: inline it"


def _stubs(notebook: NotebookNode, language: Language) -> dict[str, str]:
    """What nbgrader leaves of every answer."""
    cleared, _ = ClearSolutions(config=stub_config(language)).preprocess(deepcopy(notebook), ResourcesDict())
    return {
        cell.metadata.atlas.exercise: cell.source for cell in cleared.cells if cell.metadata.atlas.origin == "answer"
    }


def _facts(
    entry: ChapterEntry, language: Language, rules: dict[str, Rules], stubs: dict[str, str], hidden: list[Case]
) -> dict[str, Any]:
    """exercises.json: what `check` needs on a student's machine."""
    exercises = []
    for exercise in entry.exercises:
        rule = rules.get(exercise.name, Rules())
        exercises.append(
            {
                "name": exercise.name,
                "equation": exercise.equation,
                "points": number(exercise.points),
                "difficulty": exercise.difficulty,
                "minutes": exercise.minutes,
                "forbids": list(rule.forbids),
                "may_change": list(rule.may_change),
                "hidden": count_hidden(hidden, exercise.name, entry.is_lab),
                "stub": stubs[exercise.name],
            }
        )
    return {
        "schema": SCHEMA,
        "chapter": entry.name,
        "language": language,
        "title": entry.title.of(language),
        "exercises": exercises,
        "essays": [{"name": essay.name, "points": number(essay.points)} for essay in entry.essays],
    }


def _generate(scratch: Path, name: str, language: Language) -> None:
    """nbgrader's generate_assignment from source/ to release/, without a database."""
    config = stub_config(language)
    config.SaveCells.enabled = False
    config.CourseDirectory.root = str(scratch)
    config.CourseDirectory.source_directory = f"source/{language}"
    config.CourseDirectory.release_directory = f"release/{language}"
    config.CourseDirectory.assignment_id = name
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, no_database=True)
    result = capture_log(converter)
    if not result["success"]:
        raise CourseError(f"{name} ({language}): nbgrader could not make the assignment:\n{result.get('log', '')}")


def _leaks(secrets: Secrets, folder: Path, shown_as: str) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        yield from secrets.found_in(f"{shown_as}/{path.name}", path.read_text(encoding="utf-8"))


def _copy(made: Path, target: Path) -> list[Path]:
    changed = []
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(made.iterdir()):
        place = target / path.name
        if not place.is_file() or not _same(place, path):
            shutil.copyfile(path, place)
            changed.append(place)
    return changed


def _same(one: Path, other: Path) -> bool:
    """Whether two files hold the same text, whatever ends its lines."""
    return one.read_text(encoding="utf-8", errors="replace") == other.read_text(encoding="utf-8", errors="replace")


def _out_of_date(course: Course, made: Path, folder: Path) -> Iterator[str]:
    """Where a chapter's folder in assignments/ is not what the sources make."""
    mend = f"run `atlas build --chapter {made.name}`"
    names = {path.name for path in made.iterdir()}
    for name in sorted(names):
        place = course.root / folder / name
        if not place.is_file():
            yield f"{folder / name} is missing: {mend}"
        elif not _same(place, made / name):
            yield f"{folder / name} is out of date: {mend}"
    if (course.root / folder).is_dir():
        for path in sorted((course.root / folder).iterdir()):
            if path.name not in names and path.name not in IGNORED:
                yield f"{folder / path.name} is not made by the build: remove it"


def _left_over(course: Course) -> Iterator[str]:
    """Folders in assignments/ of chapters that are not built."""
    written = {entry.name for entry in course.written}
    for language in LANGUAGES:
        folder = Path("assignments") / language
        for path in sorted((course.root / folder).glob("*")):
            if path.name not in written:
                yield f"{folder / path.name} is no written chapter of {FILE}: remove it"


def _without_markers(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if line.strip() not in (BEGIN, END))
