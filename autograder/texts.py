"""A chapter's prose in one language, en.md or zh.md, as cells with their lines; and whether two texts match."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jupytext.myst import MystMetadataParsingError, myst_to_notebook
from nbformat import ValidationError

from autograder.errors import refuse
from autograder.stubs import MARKER

Kind = Literal["text", "demo", "setup", "exercise", "essay"]
OPTIONS = ("exercise", "role", "tags")


@dataclass(frozen=True)
class TextCell:
    """One cell of en.md or zh.md.

    kind: text is prose; demo is code shown as it stands; setup, exercise and essay are filled in by the build.
    name: of the exercise or essay.
    line: where the cell begins.
    """

    kind: Kind
    source: str
    line: int
    name: str = ""
    tags: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else f"a {self.kind} cell"


def read_text(path: Path) -> list[TextCell]:
    """The cells of a MyST notebook."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        notebook = myst_to_notebook("\n".join(lines), add_source_map=True)
    except FileNotFoundError:
        refuse(f"{path}: no such file: write it, or say `written: false` in course.yml")
    except MystMetadataParsingError as error:
        refuse(f"{path}: {error}: options of a code cell are lines such as `:role: setup`, of prose +++ and JSON")
    except ValidationError as error:
        message = str(error).splitlines()[0]
        refuse(f"{path}: {message}: kernelspec (or nothing) needs display_name and name; :tags: a list such as [a, b]")
    cells = []
    for cell, start in zip(notebook.cells, notebook.metadata["source_map"], strict=True):
        line = start
        if cell.cell_type == "markdown":  # counted from 0 and from the blank lines above
            line = next(i for i, text in enumerate(lines[start:], start + 1) if text.strip())
        cells.append(_text_cell(cell, line, path))
    _check_setup(cells, path)
    return cells


def _text_cell(cell: Any, line: int, path: Path) -> TextCell:
    options = dict(cell.metadata)
    source = cell.source.rstrip()
    here = f"{path}:{line}"
    if MARKER.search(source):
        refuse(f"{here}: the cell holds a marker of nbgrader's: the build marks the solutions, so take it out")
    if cell.cell_type == "markdown":
        if not options:
            return TextCell("text", source, line)
        if set(options) != {"essay"} or not isinstance(options["essay"], str):
            refuse(f'{here}: +++ takes {{"essay": "name"}} or nothing, got {json.dumps(options, ensure_ascii=False)}')
        return TextCell("essay", source, line, options["essay"])
    if cell.cell_type != "code":
        refuse(f"{here}: a {cell.cell_type} cell: use prose or {{code-cell}}")
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        refuse(f"{here}: unknown option :{unknown[0]}: of a code cell: use {', '.join(OPTIONS)}")
    if "role" in options and options["role"] != "setup":
        refuse(f"{here}: :role: takes setup, got {options['role']!r}")
    kind: Kind = "exercise" if "exercise" in options else "setup" if "role" in options else "demo"
    if kind != "demo" and source:
        refuse(f"{here}: a cell with :{'role' if kind == 'setup' else kind}: is filled in by the build: leave it empty")
    if kind == "demo" and not source:
        refuse(f"{here}: an empty code cell: remove it, or name its exercise with :exercise:")
    return TextCell(kind, source, line, str(options.get("exercise", "")), tuple(options.get("tags", ())))


def _check_setup(cells: list[TextCell], path: Path) -> None:
    code = [cell for cell in cells if cell.kind in ("demo", "setup", "exercise")]
    if not code or code[0].kind != "setup":
        line = code[0].line if code else 1
        refuse(f"{path}:{line}: the first code cell must be empty with `:role: setup`: add it above")
    for cell in code[1:]:
        if cell.kind == "setup":
            refuse(f"{path}:{cell.line}: a second cell with `:role: setup`: remove it")


def differences(first: list[TextCell], second: list[TextCell], paths: tuple[Path, Path]) -> list[str]:
    """Where two texts have different cells; prose may differ, code may not by a letter."""
    for a, b in zip(first, second, strict=False):
        if (a.kind, a.name, a.tags) != (b.kind, b.name, b.tags):
            return [
                f"{paths[0]}:{a.line} and {paths[1]}:{b.line}: the cells part here: {_full(a)} against {_full(b)}: "
                "give both languages the same cells in the same order"
            ]
    if len(first) != len(second):
        shorter, longer = sorted(((first, paths[0]), (second, paths[1])), key=lambda pair: len(pair[0]))
        extra = longer[0][len(shorter[0])]
        return [f"{longer[1]}:{extra.line}: {extra} stands at the end here and not in {shorter[1]}: add it there"]
    return [
        f"{paths[0]}:{a.line} and {paths[1]}:{b.line}: the code differs: {_first_difference(a.source, b.source)}: "
        "make it the same to the letter"
        for a, b in zip(first, second, strict=True)
        if a.kind == "demo" and a.source != b.source
    ]


def _full(cell: TextCell) -> str:
    return f"{cell} tagged {', '.join(cell.tags)}" if cell.tags else str(cell)


def _first_difference(a: str, b: str) -> str:
    lines = zip([*a.splitlines(), ""], [*b.splitlines(), ""], strict=False)
    one, other = next(((x, y) for x, y in lines if x != y), ("", ""))
    return f"`{one.strip()}` against `{other.strip()}`"
