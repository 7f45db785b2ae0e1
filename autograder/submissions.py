"""Reads what a student handed in, whatever it is, and puts it back onto the released notebook.

A submitted notebook is never believed beyond its text. Its cells are matched with the release notebook's; what was
given is taken from the release, and only answers, essays and cells of the student's own from the submission. So cells
that were deleted, doubled, moved, edited or re-labelled change nothing that they should not, and what was odd is noted.
"""

import errno
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NoReturn

import nbformat
from nbformat import NotebookNode, from_dict

from autograder.answers import Cell, Submission

LIMIT_MB = 20
SOURCE_LIMIT_MB = 2
CELL_LIMIT = 2000
METADATA_DEPTH = 6

# what stood in the way of reading: (English, Chinese) of what is wrong, and of what to do
ERRORS: dict[str, tuple[str, str, str, str]] = {
    "absent": (
        "there is no such file",
        "没有这个文件",
        "Hand in the notebook under this name",
        "请用这个文件名提交 notebook",
    ),
    "no_file": (
        "is not a file",
        "不是文件",
        "Hand in the notebook itself, under this name",
        "请用这个文件名提交 notebook 本身",
    ),
    "outside": (
        "is a link that leads out of the submission's folder",
        "是指向提交文件夹之外的链接",
        "Hand in the notebook itself instead of a link",
        "请提交 notebook 本身，而不是链接",
    ),
    "unreadable": (
        "cannot be read: {reason}",
        "无法读取：{reason}",
        "Look at the file's permissions, or hand it in again",
        "请检查文件权限，或重新提交",
    ),
    "too_large": (
        "has {size} MB; {limit} MB are accepted",
        "有 {size} MB，上限是 {limit} MB",
        "Clear the outputs of all cells, save the notebook and hand it in again",
        "请清除所有单元的输出，保存后重新提交",
    ),
    "empty": (
        "is empty",
        "是空文件",
        "Save the notebook in Jupyter, look that the file is not empty, and hand it in again",
        "请在 Jupyter 中保存，确认文件不为空，再重新提交",
    ),
    "no_text": (
        "is not UTF-8 text (at byte {position})",
        "不是 UTF-8 文本（在第 {position} 字节）",
        "Open the notebook in Jupyter, save it and hand it in again",
        "请用 Jupyter 打开，保存后重新提交",
    ),
    "no_json": (
        "is not JSON: {reason}",
        "不是 JSON：{reason}",
        "The file is cut off or was edited as text: open it in Jupyter, save it and hand it in again",
        "文件不完整，或被当作文本改动过：请用 Jupyter 打开，保存后重新提交",
    ),
    "no_notebook": (
        "is JSON, but no notebook: {reason}",
        "是 JSON，但不是 notebook：{reason}",
        "Hand in the .ipynb file that Jupyter saved",
        "请提交 Jupyter 保存的 .ipynb 文件",
    ),
    "wrong_version": (
        "says that it is of notebook format {version}, which does not exist",
        "声称自己是不存在的 notebook 格式 {version}",
        "Save it in a current Jupyter (format 4) and hand it in again",
        "请用当前版本的 Jupyter（格式 4）保存后重新提交",
    ),
    "other_chapter": (
        "is the notebook of {came}, not of {expected}",
        "是 {came} 的 notebook，而不是 {expected} 的",
        "Hand in the notebook of this chapter",
        "请提交本章的 notebook",
    ),
    "too_many_cells": (
        "has {count} cells; {limit} are accepted",
        "有 {count} 个单元，上限是 {limit} 个",
        "Delete the cells that no answer needs and hand it in again",
        "请删去与答案无关的单元后重新提交",
    ),
    "too_much_source": (
        "holds {size} MB of text in its cells; {limit} MB are accepted",
        "单元里的文本有 {size} MB，上限是 {limit} MB",
        "Delete data pasted into cells and hand it in again",
        "请删去粘贴在单元里的数据后重新提交",
    ),
}

# what was odd about a notebook that could be read
NOTES: dict[str, tuple[str, str]] = {
    "unlabelled": (
        "The notebook lost its cells' labels (Colab drops them); answers were found by their comments and names",
        "notebook 丢失了单元的标记（Colab 会丢弃它们）；答案按注释和名称找到",
    ),
    "found_by_comment": (
        "Found by the comment `# exercise: …`: {names}",
        "按注释 `# exercise: …` 找到：{names}",
    ),
    "found_by_definition": (
        "Found in another cell, by its definition: {names}",
        "在别的单元里按定义找到：{names}",
    ),
    "doubled": (
        "Answered in several cells, of which the last counts: {names}",
        "在多个单元里作答，以最后一个为准：{names}",
    ),
    "missing": (
        "The cell of this exercise is not in the notebook: {names}",
        "notebook 里没有这些练习的单元：{names}",
    ),
    "changed": (
        "Locked cells were changed; the course's own were used: {names}",
        "锁定的单元被改动；评测使用课程原有的单元：{names}",
    ),
    "deleted": (
        "Locked cells were deleted and are put back: {names}",
        "锁定的单元被删除，已恢复：{names}",
    ),
    "relabelled": (
        "The labels of these cells were changed; the course's own were used: {names}",
        "这些单元的标记被改动；评测使用课程原有的标记：{names}",
    ),
    "retyped": (
        "The cell's type was changed; its text was taken as it stands: {names}",
        "单元的类型被改动；文本按原样采用：{names}",
    ),
    "setup": (
        "The first cell was changed; it is run after the course's own",
        "第一个单元被改动；它会在课程原有的单元之后运行",
    ),
}


class SubmissionError(Exception):
    """A submitted file that cannot be read as a notebook: which file, what is wrong, what to do."""

    def __init__(self, path: Path, key: str, **words: Any):
        super().__init__(path, key, words)
        self.path = Path(path)
        self.key = key
        self.words = words

    def message(self, language: str = "en") -> str:
        """What is wrong with the file."""
        english, chinese, _, _ = ERRORS[self.key]
        return (chinese if language == "zh" else english).format(**self.words)

    def remedy(self, language: str = "en") -> str:
        """What to do about it."""
        _, _, english, chinese = ERRORS[self.key]
        return chinese if language == "zh" else english

    def __str__(self) -> str:
        return f"{self.path}: {self.message()}. {self.remedy()}"


@dataclass(frozen=True)
class Note:
    """Something odd about a submission that did not stop it from being read."""

    key: str
    names: tuple[str, ...] = ()

    def sentence(self, language: str = "en") -> str:
        english, chinese = NOTES[self.key]
        separator = "、" if language == "zh" else ", "
        return (chinese if language == "zh" else english).format(names=separator.join(self.names))


def read_submission(path: Path, release_notebook: Path, chapter: str, within: Path | None = None) -> Submission:
    """A student's notebook of one chapter, taken apart.

    within: the folder that the file must lie in, the file's own unless given. Raises SubmissionError, and nothing else,
    for what a student can hand in.
    """
    handed = read_notebook(path, within)
    release = read_release(release_notebook)
    check_chapter(handed, release, path)
    return submission_of(reassemble(handed, release), chapter)


def read_in_language(path: Path, releases: Mapping[str, Path], chapter: str, within: Path | None = None) -> Submission:
    """The same for a chapter that is released in several languages: the one that the student's notebook was made from.

    releases: the release notebooks by language, of which the first serves where nothing tells.
    """
    handed = read_notebook(path, within)
    read: dict[str, NotebookNode] = {language: read_release(p) for language, p in releases.items() if p.is_file()}
    release = read[fitting_release(handed, read, next(iter(releases)))]
    check_chapter(handed, release, path)
    return submission_of(reassemble(handed, release), chapter)


def read_notebook(path: Path, within: Path | None = None, limit_mb: float = LIMIT_MB) -> NotebookNode:
    """Any notebook file as a valid notebook of format 4.5, without outputs. Raises SubmissionError."""
    return _Reader(Path(path)).read(within, limit_mb)


def unsafe_files(folder: Path) -> list[Path]:
    """What lies in a submission's folder and must not be followed: links that lead out of it, pipes, devices."""
    base = folder.resolve()
    found = []
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent) / name for name in [*folders, *files]):
            if path.is_symlink():
                if not path.resolve().is_relative_to(base):
                    found.append(path)
            elif not (path.is_file() or path.is_dir()):
                found.append(path)
    return sorted(found)


def check_chapter(handed: NotebookNode, release: NotebookNode, path: Path) -> None:
    """Raise SubmissionError when a notebook says that it is another chapter's."""
    came, expected = (_course_label(notebook, "chapter") for notebook in (handed, release))
    if came and expected and came != expected:
        raise SubmissionError(path, "other_chapter", came=came[:80], expected=expected)


@dataclass
class _Reader:
    path: Path

    def read(self, within: Path | None, limit_mb: float) -> NotebookNode:
        document = self._document(self._text(within or self.path.parent, limit_mb))
        cells = self._cells(document)
        if len(cells) > CELL_LIMIT:
            self._refuse("too_many_cells", count=len(cells), limit=CELL_LIMIT)
        kept = [_cell(cell, index) for index, cell in enumerate(cells) if isinstance(cell, dict)]
        size = sum(len(cell["source"]) for cell in kept) / 1e6
        if size > SOURCE_LIMIT_MB:
            self._refuse("too_much_source", size=f"{size:.1f}", limit=SOURCE_LIMIT_MB)
        _make_ids_unique(kept)
        metadata = _plain(document.get("metadata"), METADATA_DEPTH)
        return from_dict(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "metadata": metadata if isinstance(metadata, dict) else {},
                "cells": kept,
            }
        )

    def _refuse(self, key: str, **words: Any) -> NoReturn:
        raise SubmissionError(self.path, key, **words) from None

    def _text(self, within: Path, limit_mb: float) -> str:
        try:
            resolved = self.path.resolve(strict=True)
            if not resolved.is_relative_to(within.resolve()):
                self._refuse("outside")
            # a pipe must not block, and what is opened must be what was looked at
            descriptor = os.open(resolved, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
            with open(descriptor, "rb") as file:
                state = os.fstat(file.fileno())
                if not stat.S_ISREG(state.st_mode):
                    self._refuse("no_file")
                if state.st_size > limit_mb * 1e6:
                    self._refuse("too_large", size=f"{state.st_size / 1e6:.1f}", limit=f"{limit_mb:g}")
                content = file.read(int(limit_mb * 1e6) + 1)
        except FileNotFoundError:
            self._refuse("outside" if self.path.is_symlink() else "absent")
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            number = getattr(error, "errno", None)
            if number in (errno.EISDIR, errno.ENXIO):
                self._refuse("no_file")
            self._refuse("outside" if number in (errno.ELOOP, None) else "unreadable", reason=_reason(error))
        if not content.strip():
            self._refuse("empty")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._refuse("no_text", position=error.start)

    def _document(self, text: str) -> dict[str, Any]:
        try:
            document = json.loads(text)
        except RecursionError:
            self._refuse("no_json", reason="too many brackets inside one another")
        except ValueError as error:
            self._refuse("no_json", reason=_reason(error))
        if not isinstance(document, dict):
            self._refuse("no_notebook", reason=f"a {type(document).__name__}")
        version = document.get("nbformat")
        if not isinstance(version, int) or isinstance(version, bool):
            self._refuse("no_notebook", reason="the key nbformat is missing or no number")
        if not 1 <= version <= 4:
            self._refuse("wrong_version", version=str(version)[:20])
        return document

    def _cells(self, document: dict[str, Any]) -> list[Any]:
        """The cells of a notebook of any format; before 4 they stand in worksheets."""
        cells = document.get("cells")
        if cells is None and isinstance(document.get("worksheets"), list):
            cells = []
            for sheet in document["worksheets"]:
                found = sheet.get("cells") if isinstance(sheet, dict) else None
                cells += found if isinstance(found, list) else []
        if not isinstance(cells, list):
            self._refuse("no_notebook", reason="the key cells is missing or no list")
        return cells


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0][:200] if str(error) else type(error).__name__


def _cell(cell: dict[Any, Any], index: int) -> dict[str, Any]:
    """One cell of any format as a valid cell of format 4.5."""
    kind = cell.get("cell_type")
    source = _joined(cell.get("source", cell.get("input")))
    if kind == "heading":
        level = cell.get("level")
        source = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + source
    kind = {"code": "code", "raw": "raw"}.get(kind, "markdown") if isinstance(kind, str) else "markdown"
    metadata = _plain(cell.get("metadata"), METADATA_DEPTH)
    cell_id = cell.get("id")
    made: dict[str, Any] = {
        "cell_type": kind,
        "id": cell_id
        if isinstance(cell_id, str) and re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell_id)
        else f"cell-{index}",
        "metadata": metadata if isinstance(metadata, dict) else {},
        "source": source,
    }
    for key in [key for key in ("nbgrader", "atlas") if not isinstance(made["metadata"].get(key, {}), dict)]:
        del made["metadata"][key]
    if kind == "code":
        made |= {"outputs": [], "execution_count": None}
    elif kind == "markdown" and (attachments := _attachments(cell.get("attachments"))):
        made["attachments"] = attachments
    return made


def _joined(source: Any) -> str:
    """A source, which may be a list of lines, as text that can be written as UTF-8."""
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source.encode("utf-8", "replace").decode() if isinstance(source, str) else ""


def _plain(value: Any, depth: int) -> Any:
    """JSON without what is nested too deep, not finite, or not text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if depth == 0 and isinstance(value, (dict, list)):
        return None
    if isinstance(value, dict):
        return {_plain(key, 0): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    return value


PICTURE = re.compile(r"image/(png|jpeg|gif|webp)")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def _attachments(value: Any) -> dict[str, dict[str, str]]:
    """The pictures in a markdown cell, as far as they are pictures."""
    found: dict[str, dict[str, str]] = {}
    for name, bundle in value.items() if isinstance(value, dict) else ():
        if isinstance(bundle, dict) and all(
            isinstance(data, str) and PICTURE.fullmatch(kind) and BASE64.fullmatch(data)
            for kind, data in bundle.items()
        ):
            found[_plain(name, 0)] = bundle
    return found


def _make_ids_unique(cells: Iterable[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for index, cell in enumerate(cells):
        if cell["id"] in seen:
            cell["id"] = f"again-{index}"
        while cell["id"] in seen:
            cell["id"] += "-"
        seen.add(cell["id"])


def read_release(path: Path) -> NotebookNode:
    """A release notebook of the course, read once while it does not change. Do not change what this returns."""
    state = os.stat(path)
    return _read_release(Path(path), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _read_release(path: Path, mtime: int, size: int) -> NotebookNode:
    return nbformat.read(path, as_version=4)


Origin = Literal["setup", "header", "answer", "check", "demo", "essay", "given", "extra"]

EXERCISE_COMMENT = re.compile(r"^[ \t]*#[ \t]*exercise:[ \t]*([A-Za-z_]\w*)", re.MULTILINE | re.IGNORECASE)
DEFINITION = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+([A-Za-z_]\w*)|^([A-Za-z_]\w*)[ \t]*=(?!=)", re.MULTILINE)


def label(cell: NotebookNode, key: str, default: Any = None) -> Any:
    """One entry of the course's own metadata of a cell."""
    return cell.metadata.get("atlas", {}).get(key, default)


def origin_of(cell: NotebookNode) -> Origin:
    """What a cell of a release notebook, or of one put back onto it, is: see `autograder.notebooks`; or "extra"."""
    return label(cell, "origin", "given")


def language_of(notebook: NotebookNode) -> str | None:
    """The language that a notebook says it is written in."""
    return _course_label(notebook, "language")


def _course_label(notebook: NotebookNode, key: str) -> str | None:
    atlas = notebook.metadata.get("atlas")
    value = atlas.get(key) if isinstance(atlas, Mapping) else None
    return value if isinstance(value, str) else None


def fitting_release(handed: NotebookNode, releases: Mapping[str, NotebookNode], default: str) -> str:
    """The language of the release notebook that a submitted one was made from."""
    said = language_of(handed)
    if said in releases:
        return str(said)
    sources = {_normal(cell.source) for cell in handed.cells if cell.cell_type == "markdown"}
    matches = {
        language: sum(cell.cell_type == "markdown" and _normal(cell.source) in sources for cell in release.cells)
        for language, release in releases.items()
    }
    return max(matches, key=lambda language: (matches[language], language == default))


def _normal(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


@dataclass
class _Match:
    """Where one submitted cell belongs.

    place: the index in the release notebook of the cell that it is a copy of.
    answer: the exercise that it answers by its label (`rank` 1) or by its comment (2).
    defines: the exercises that it defines, which is the least sure sign.
    """

    place: int | None = None
    answer: str | None = None
    rank: int = 3
    defines: tuple[str, ...] = ()

    def answers(self, exercise: str, rank: int) -> bool:
        return exercise in self.defines if rank == 3 else self.rank == rank and self.answer == exercise


class _Matcher:
    """Knows a release notebook, and matches submitted cells with its cells."""

    def __init__(self, release: NotebookNode):
        self.cells = release.cells
        self.origins = [origin_of(cell) for cell in self.cells]
        self.by_grade_id: dict[str, int] = {}
        self.by_id: dict[str, int] = {}
        self.by_source: dict[tuple[str, str], int] = {}
        self.exercises: dict[str, int] = {}
        self.exercise_at: dict[int, str] = {}
        for index, cell in enumerate(self.cells):
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id:
                self.by_grade_id[grade_id] = index
            if cell.get("id"):
                self.by_id[cell["id"]] = index
            self.by_source.setdefault((cell.cell_type, _normal(cell.source)), index)
            if self.origins[index] == "answer":
                self.exercises[label(cell, "exercise")] = index
                self.exercise_at[index] = label(cell, "exercise")

    def unchanged(self, cell: NotebookNode, place: int) -> bool:
        return _normal(cell.source) == _normal(self.cells[place].source)

    def match(self, cell: NotebookNode) -> _Match:
        labelled = self._labelled(cell)
        if labelled is not None and self.unchanged(cell, labelled):
            return self._copy(labelled)
        comment = EXERCISE_COMMENT.search(cell.source)
        named = comment.group(1) if comment and comment.group(1) in self.exercises else None
        defined = tuple(name for pair in DEFINITION.findall(cell.source) for name in pair if name in self.exercises)
        if labelled is not None and self.origins[labelled] == "answer":
            exercise = self.exercise_at[labelled]
            if exercise in defined or (not defined and named in (None, exercise)):
                return _Match(labelled, exercise, 1, defined)
        elif labelled is not None and not named and not defined:
            return _Match(labelled)
        if named and (named in defined or not defined):
            return _Match(self.exercises[named], named, 2, defined)
        if defined:
            return _Match(defines=defined)
        same = self.by_source.get((cell.cell_type, _normal(cell.source)))
        return self._copy(same) if same is not None else _Match()

    def _copy(self, place: int) -> _Match:
        exercise = self.exercise_at.get(place)
        return _Match(place, exercise, 1, (exercise,) if exercise else ())

    def _labelled(self, cell: NotebookNode) -> int | None:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if isinstance(grade_id, str) and grade_id in self.by_grade_id:
            return self.by_grade_id[grade_id]
        return self.by_id.get(cell.get("id", ""))


def reassemble(handed: NotebookNode, release: NotebookNode) -> NotebookNode:
    """The release notebook with the student's answers, essays and own cells in it, and notes on what was odd.

    The notes stand in `metadata.atlas.notes`, in the notebook's language.
    """
    return _Reassembly(handed, release).notebook()


class _Reassembly:
    def __init__(self, handed: NotebookNode, release: NotebookNode):
        self.handed = handed.cells
        self.release = release
        self.matcher = _Matcher(release)
        self.matches = [self.matcher.match(cell) for cell in self.handed]
        self.taken: dict[int, NotebookNode] = {}  # the submitted cell whose text goes into a place of the release
        self.used: set[int] = set()  # the submitted cells that are no cells of the student's own
        self.noted: dict[str, list[str]] = {}

    def notebook(self) -> NotebookNode:
        for exercise, place in self.matcher.exercises.items():
            self._choose_answer(exercise, place)
        self._choose_essays()
        own = self._own_cells()
        self._look_at_given()
        language = language_of(self.release) or "en"
        made = from_dict({**self.release, "cells": []})
        cells = list(own.get(-1, []))
        for place, cell in enumerate(self.matcher.cells):
            cells.append(self._filled(place, cell))
            cells.extend(own.get(place, []))
        made.cells = cells
        notes = [Note(key, tuple(dict.fromkeys(self.noted[key]))) for key in NOTES if key in self.noted]
        atlas = dict(made.metadata.get("atlas", {}))
        made.metadata["atlas"] = from_dict({**atlas, "notes": [note.sentence(language) for note in notes]})
        return made

    def _note(self, key: str, *names: str) -> None:
        self.noted.setdefault(key, []).extend(names)

    def _choose_answer(self, exercise: str, place: int) -> None:
        """The last copy that differs from the stub, among those found in the surest way."""
        present = False
        for rank, how in ((1, ""), (2, "found_by_comment"), (3, "found_by_definition")):
            copies = [i for i, match in enumerate(self.matches) if match.answers(exercise, rank)]
            if rank < 3:
                present = present or bool(copies)
                self.used.update(copies)
            written = [i for i in copies if not self.matcher.unchanged(self.handed[i], place)]
            if not written:
                continue
            chosen = written[-1]
            self.used.add(chosen)
            self.taken[place] = self.handed[chosen]
            if how:
                self._note(how, exercise)
            if len(written) > 1:
                self._note("doubled", exercise)
            if self.handed[chosen].cell_type != "code":
                self._note("retyped", exercise)
            return
        if not present:
            self._note("missing", exercise)

    def _choose_essays(self) -> None:
        for place, origin in enumerate(self.matcher.origins):
            if origin != "essay":
                continue
            name = self._name(place)
            copies = [i for i, match in enumerate(self.matches) if match.place == place]
            written = [i for i in copies if not self.matcher.unchanged(self.handed[i], place)]
            if not copies and (found := self._unlabelled_essay(place)):
                self.used.update(found)
                joined = [self.handed[i] for i in found]
                pictures = {k: v for cell in joined for k, v in cell.get("attachments", {}).items()}
                source = "\n\n".join(cell.source for cell in joined)
                self.taken[place] = from_dict({"cell_type": "markdown", "source": source, "attachments": pictures})
            elif written:
                self.taken[place] = self.handed[written[-1]]
                if len(written) > 1:
                    self._note("doubled", name)
                if self.taken[place].cell_type != "markdown":
                    self._note("retyped", name)
            elif not copies:
                self._note("missing", name)

    def _unlabelled_essay(self, place: int) -> list[int]:
        """The markdown cells of the student's own that stand where the essay should."""
        present = {match.place for match in self.matches}
        before = max((p for p in range(place) if p in present), default=-1)
        current, found = -1, []
        for i, match in enumerate(self.matches):
            if match.place is not None:
                current = match.place
            elif current == before and self.handed[i].cell_type == "markdown" and i not in self.used:
                found.append(i)
        return found

    def _own_cells(self) -> dict[int, list[NotebookNode]]:
        """The student's own cells by the place in the release notebook that they follow."""
        own: dict[int, list[NotebookNode]] = {}
        current, count = -1, 0
        for i, (cell, match) in enumerate(zip(self.handed, self.matches, strict=True)):
            if match.place is not None:
                current = match.place
                edited = self.matcher.origins[current] == "setup" and not self.matcher.unchanged(cell, current)
                if not edited:
                    continue
                self._note("setup")
            if i in self.used or cell.cell_type == "raw" or not cell.source.strip():
                continue
            count += 1
            own.setdefault(current, []).append(_own_cell(cell, count))
        return own

    def _look_at_given(self) -> None:
        """Note locked cells that were changed or deleted, and labels that were."""
        labelled = False
        seen: set[int] = set()
        for cell, match in zip(self.handed, self.matches, strict=True):
            nbgrader = cell.metadata.get("nbgrader", {})
            labelled = labelled or bool(nbgrader)
            if match.place is None:
                continue
            seen.add(match.place)
            locked = self.matcher.origins[match.place] not in ("answer", "essay")
            ours = self.matcher.cells[match.place].metadata.get("nbgrader")
            if not ours:
                continue
            if locked and not self.matcher.unchanged(cell, match.place):
                self._note("changed", self._name(match.place))
            flags = ("grade_id", "grade", "solution", "locked", "points", "schema_version")
            if nbgrader and any(nbgrader.get(key) != ours.get(key) for key in flags):
                self._note("relabelled", self._name(match.place))
        if not labelled and seen:
            self._note("unlabelled")
            self.noted.pop("found_by_comment", None)
        deleted = [
            p for p, origin in enumerate(self.matcher.origins) if origin not in ("answer", "essay") and p not in seen
        ]
        names = [self._name(p) for p in deleted if self.matcher.cells[p].metadata.get("nbgrader", {}).get("locked")]
        if names:
            self._note("deleted", *names)

    def _name(self, place: int) -> str:
        cell = self.matcher.cells[place]
        return (
            self.matcher.exercise_at.get(place) or cell.metadata.get("nbgrader", {}).get("grade_id") or str(place + 1)
        )

    def _filled(self, place: int, cell: NotebookNode) -> NotebookNode:
        """A cell of the release notebook with the student's text in it."""
        made = NotebookNode(cell)
        made.metadata = from_dict(cell.metadata)
        if made.cell_type == "code":
            made.outputs, made.execution_count = [], None
        if place in self.taken:
            made.source = self.taken[place].source
            if made.cell_type == "markdown" and self.taken[place].get("attachments"):
                made.attachments = self.taken[place].attachments
        elif self._name(place) in self.noted.get("missing", []):
            made.metadata["atlas"] = from_dict({**made.metadata.get("atlas", {}), "missing": True})
        return made


def _own_cell(cell: NotebookNode, count: int) -> NotebookNode:
    made: dict[str, Any] = {
        "cell_type": cell.cell_type,
        "id": f"own-cell-{count}",
        "metadata": {"atlas": {"origin": "extra"}},
        "source": cell.source,
    }
    if cell.cell_type == "code":
        made |= {"outputs": [], "execution_count": None}
    elif cell.get("attachments"):
        made["attachments"] = cell.attachments
    return from_dict(made)


def submission_of(notebook: NotebookNode, chapter: str) -> Submission:
    """The cells that are run to judge a reassembled notebook: setup, answers, and the student's own."""
    cells = []
    for cell in notebook.cells:
        origin = origin_of(cell)
        if cell.cell_type != "code" or label(cell, "missing"):
            continue
        if origin == "setup":
            cells.append(Cell(cell.source, "given"))
        elif origin == "answer":
            cells.append(Cell(cell.source, "answer", label(cell, "exercise")))
        elif origin == "extra":
            cells.append(Cell(cell.source, "extra"))
    notes = notebook.metadata.get("atlas", {}).get("notes", [])
    return Submission(chapter, cells, language_of(notebook) or "en", list(notes))
