"""Answers in a file of one's own: a Python file or a notebook, read as a submission and run in this process."""

import ast
import linecache
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType

from autograder.answers import Cell, Submission
from autograder.cases import Rules
from autograder.errors import CourseError
from autograder.examining import Recorder, raised
from autograder.forbidden import read
from autograder.judging import AnswerFailed
from autograder.slicing import CannotRead, python_source, slice_of
from autograder.submissions import SubmissionError, read_notebook

MODULE = "atlas_answers"


def read_answers(path: Path, chapter: str, names: Iterable[str], language: str = "en") -> Submission:
    """The answers in a .py or .ipynb file, found by the names that it defines."""
    names = set(names)
    if path.suffix == ".py":
        cells = _python_cells(path)
    elif path.suffix == ".ipynb":
        try:
            cells = [cell.source for cell in read_notebook(path).cells if cell.cell_type == "code"]
        except SubmissionError as error:
            raise CourseError(str(error)) from error
    else:
        raise CourseError(f"{path}: neither a .py file nor a notebook: give one with --answers")
    found: list[Cell] = []
    places: dict[str, int] = {}
    for source in cells:
        for name in _defined(source) & names:
            places[name] = len(found)
        found.append(Cell(source, "extra"))
    for name, place in places.items():
        if found[place].exercise is None:
            found[place] = Cell(found[place].source, "answer", name)
        else:  # a cell with two answers: the second is found there by its name
            found.append(Cell(found[place].source, "answer", name))
    return Submission(chapter, found, language)


def _python_cells(path: Path) -> list[str]:
    """The top-level statements of a file, each at its line."""
    try:
        text = path.read_text(encoding="utf-8")
        body = ast.parse(text).body
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: cannot be read: {error}") from error
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise CourseError(f"{path}{line}: not Python: {error}") from error
    lines = text.splitlines(keepends=True)
    cells = []
    for node in body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        cells.append("#\n" * (first - 1) + "".join(lines[first - 1 : node.end_lineno]))
    return cells


def _defined(source: str) -> set[str]:
    """The functions, classes and names that a cell defines."""
    try:
        body = ast.parse(python_source(source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {line.split(":")[1].strip() for line in source.splitlines() if line.startswith("# exercise:")}
    found = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    targets = [t for node in body if isinstance(node, ast.Assign) for t in node.targets]
    return found | {t.id for t in targets if isinstance(t, ast.Name)}


def load(submission: Submission, exercise: str, rules: Rules) -> Callable:
    """The answer to one exercise, defined in this process with what it needs. Raises AnswerFailed."""
    try:
        pieces = slice_of(submission.cells, exercise)
    except CannotRead as error:
        raise AnswerFailed(error.key, **error.words) from error
    if refusal := read(pieces, rules):
        raise refusal
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module
    for index, piece in enumerate(pieces):
        label = f"<answers to {exercise}, {index + 1}>"
        linecache.cache[label] = (len(piece.source), None, piece.source.splitlines(True), label)
        tree = ast.parse(piece.source)
        tree.body = [tree.body[i] for i in piece.keep]
        try:
            with redirect_stdout(Recorder()), redirect_stderr(Recorder()):
                exec(compile(tree, label, "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            if piece.answer:
                words = raised(error, module.__dict__).words
                message = f"{words['error']}: {words['message']}"
                raise AnswerFailed("not_defined", name=exercise, message=message) from error
    answer = module.__dict__.get(exercise)
    if not callable(answer):
        raise AnswerFailed("not_defined", name=exercise, message=f"NameError: name '{exercise}' is not defined")
    return answer
