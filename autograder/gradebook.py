"""The gradebook: chapters registered in it, submissions recorded in it one after another, by nbgrader's own code."""

import io
import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbgrader.api
from alembic.script import ScriptDirectory
from nbconvert.exporters.exporter import ResourcesDict
from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    InvalidEntry,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import Autograde, BaseConverter
from nbgrader.coursedir import CourseDirectory
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import SaveCells
from nbgrader.utils import parse_utc
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.orm import Session
from traitlets.config import Config, PyFileConfigLoader

from autograder.course import ChapterEntry, Course
from autograder.store import StoreError
from autograder.submissions import read_release

CONFIG = "nbgrader_config.py"
BACKUPS = 5


class GradebookError(StoreError):
    """The gradebook cannot be read or written; the message names the file and what to do."""


class GradingDirectory(CourseDirectory):
    """A CourseDirectory for which a timestamp that nobody can read is no timestamp."""

    def get_existing_timestamp(self, dest_path: str) -> datetime | None:
        path = Path(dest_path) / "timestamp.txt"
        if not path.is_file():  # a pipe would block
            return None
        try:
            return super().get_existing_timestamp(dest_path)
        except Exception:
            self.log.warning("%s: no date and time: taken as handed in on time", path)
            return None


class AutogradeOne(Autograde):
    """Autograde for one submission, whose folder is named instead of sought by a pattern, in one pass.

    Autograde writes the sanitized notebook and reads it again, because what it executes may have been changed.
    """

    def init_notebooks(self) -> None:
        folder = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments = {folder: [os.path.join(folder, f"{self.coursedir.assignment_id}.ipynb")]}

    def _init_preprocessors(self) -> None:
        self.exporter._preprocessors = []
        for preprocessor in self.sanitize_preprocessors + self.autograde_preprocessors:
            self.exporter.register_preprocessor(preprocessor)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        self._init_preprocessors()
        BaseConverter.convert_single_notebook(self, notebook_filename)


class HeldSession(Session):
    """A session whose commits are held back until the whole submission is recorded."""

    def commit(self) -> None:
        if self.new or self.deleted:  # changed rows can wait until somebody asks for them
            self.flush()

    def let_go(self) -> None:
        """What closing a gradebook does: the next one reads its rows anew."""
        self.flush()
        self.expire_all()

    def commit_all(self) -> None:
        super().commit()


class Recorder:
    """Records submissions in a course's gradebook, in this process.

    Autograde opens the gradebook seven times for a notebook and commits after every cell. Here one connection serves
    them all and one transaction holds a submission: it is recorded whole or not at all, in half of the time.
    """

    def __init__(self, root: Path, course: Course, sandbox: str, judge: str):
        self.root = root
        self.course = course
        config = load_config(root)
        config.JudgeExecute.sandbox = sandbox
        config.JudgeExecute.judge = judge
        config.JudgeExecute.retry = False
        config.JudgeSaveAutoGrades.mark = False
        config.Autograde.pop("pre_convert_hook", None)
        config.NotebookExporter.optimistic_validation = True
        self.coursedir = GradingDirectory(config=config)
        self.autograde = AutogradeOne(coursedir=self.coursedir, config=config)
        self.autograde.force = True
        self.autograde.log = self.coursedir.log = _quiet_log()
        self.gradebook = self._opened()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.gradebook.close()

    @property
    def path(self) -> Path | None:
        """The file of the gradebook, None when it is on a database server."""
        url = self.coursedir.db_url
        return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None

    def _opened(self) -> Gradebook:
        try:
            with _patched(nbgrader.api, "get_alembic_version", _alembic_version):
                return Gradebook(self.coursedir.db_url, self.course.name)
        except (SQLAlchemyError, OSError) as error:
            raise GradebookError(
                f"{self.coursedir.db_url}: cannot be opened: {error}. Restore it from one of its backups beside it, or "
                "run `nbgrader db upgrade` if nbgrader was upgraded"
            ) from error

    def record(self, chapter: str, student: str) -> None:
        """Record one submission. Raises GradebookError with what nbgrader logged."""
        self.coursedir.assignment_id = chapter
        self.coursedir.student_id = student
        with self._one_transaction() as session, self._log() as log:
            try:
                self.autograde.start()
                session.commit_all()
            except Exception as error:
                session.rollback()
                raise GradebookError(_last_error(log.getvalue()) or repr(error)) from error

    @contextmanager
    def _log(self) -> Iterator[io.StringIO]:
        """What nbgrader says while this lasts; nobody else hears it."""
        said = io.StringIO()
        handler = logging.StreamHandler(said)
        handler.setLevel(logging.ERROR)
        self.autograde.log.addHandler(handler)
        try:
            yield said
        finally:
            self.autograde.log.removeHandler(handler)

    @contextmanager
    def _one_transaction(self) -> Iterator[HeldSession]:
        """While this lasts every Gradebook of this process is the same connection, and its commits are held back."""
        engine = self.gradebook.engine

        def opened(
            gradebook: Gradebook, db_url: str, course_id: str = "default_course", authenticator: Any = None
        ) -> None:
            gradebook.engine, gradebook.db = engine, session
            gradebook.course_id, gradebook.authenticator = course_id, authenticator

        with (
            HeldSession(engine) as session,
            _patched(Gradebook, "__init__", opened),
            _patched(Gradebook, "close", lambda gradebook: session.let_go()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's, on how it makes a submission's rows
            yield session

    def register(self, entry: ChapterEntry, release: Path) -> None:
        """Enter a chapter's cells, points and due date, as `nbgrader generate_assignment` would."""
        resources = ResourcesDict()
        resources["nbgrader"] = {"notebook": entry.name, "assignment": entry.name, "db_url": self.coursedir.db_url}
        with self._one_transaction() as session:
            try:
                with Gradebook(self.coursedir.db_url, self.course.name) as gradebook:
                    gradebook.update_or_create_assignment(entry.name, duedate=entry.due, course_id=self.course.name)
                SaveCells(parent=self.autograde).preprocess(read_release(release), resources)
            except (SQLAlchemyError, InvalidEntry) as error:
                session.rollback()
                raise GradebookError(f"{self.coursedir.db_url}: {entry.name} cannot be registered: {error}") from error
            except RuntimeError as error:
                session.rollback()
                raise GradebookError(
                    f"{self.coursedir.db_url}: {entry.name} has submissions, and cells of it were added or removed "
                    "since. nbgrader keeps grades only while the cells stay the same: restore them, or keep a copy of "
                    f"the gradebook, run `nbgrader db assignment remove {entry.name} --force` and grade again"
                ) from error
            session.commit_all()

    def registered(self, entry: ChapterEntry, release: Path) -> bool:
        """Whether the gradebook has the chapter's cells, points and due date as they are now."""
        wanted = {}
        for cell in read_release(release).cells:
            nbgrader = cell.metadata.get("nbgrader")
            if nbgrader:
                worth = float(nbgrader["points"]) if nbgrader["grade"] else None
                wanted[nbgrader["grade_id"]] = (worth, cell.cell_type, nbgrader.get("checksum"))
        session = self.gradebook.db
        try:
            assignment = self.gradebook.find_assignment(entry.name)
            notebook = self.gradebook.find_notebook(entry.name, entry.name)
            points = {cell.name: cell.max_score for cell in notebook.grade_cells}
            held = {c.name: (points.get(c.name), c.cell_type, c.checksum) for c in notebook.source_cells}
            return held == wanted and assignment.duedate == parse_utc(entry.due)
        except MissingEntry:
            return False
        finally:
            session.remove()

    def grades(self, chapter: str) -> dict[str, dict[str, float | None]]:
        """The scores that the gradebook holds of a chapter's checks: by student, by cell."""
        found: dict[str, dict[str, float | None]] = {}
        session = self.gradebook.db
        rows = (
            session.query(SubmittedAssignment.student_id, BaseCell.name, Grade.auto_score)
            .select_from(Grade)
            .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .filter(Assignment.name == chapter)
        )
        for student, cell, score in rows:
            found.setdefault(student, {})[cell] = score
        session.remove()
        return found

    def extensions(self, chapter: str) -> dict[str, timedelta]:
        """The extensions granted for a chapter, by student."""
        rows = (
            self.gradebook.db.query(SubmittedAssignment.student_id, SubmittedAssignment.extension)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .filter(Assignment.name == chapter, SubmittedAssignment.extension.is_not(None))
        )
        found = {student: extension for student, extension in rows}
        self.gradebook.db.remove()
        return found

    def autograded(self, chapter: str, student: str) -> Path:
        """Where the recorded notebook of a submission lies."""
        folder = Path(self.coursedir.format_path(self.coursedir.autograded_directory, student, chapter))
        return folder / f"{chapter}.ipynb"

    def students(self) -> set[str]:
        """The students whom the gradebook knows."""
        known = {row.id for row in self.gradebook.db.query(Student.id)}
        self.gradebook.db.remove()
        return known

    def unsettle(self, chapter: str, student: str) -> None:
        """Leave every grade of a submission to a person: what was handed in last is not what was graded."""
        with self._one_transaction() as session, Gradebook(self.coursedir.db_url) as gradebook:
            try:
                submission = gradebook.find_submission(chapter, student)
            except MissingEntry:
                return
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    grade.auto_score, grade.needs_manual_grade = None, True
            session.commit_all()

    def back_up(self) -> Path | None:
        """A copy of the gradebook beside it; the last few are kept."""
        path = self.path
        if path is None or not path.exists():
            return None
        copy = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
        try:
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        except sqlite3.Error as error:
            copy.unlink(missing_ok=True)
            raise GradebookError(
                f"{path}: cannot be backed up to {copy.name}: {error}. Free space on its disk, or restore it if damaged"
            ) from error
        for old in sorted(path.parent.glob(f"{path.name}.2*T*"))[:-BACKUPS]:
            old.unlink(missing_ok=True)
        return copy


@contextmanager
def _patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _quiet_log() -> logging.Logger:
    log = logging.getLogger(__name__)
    log.setLevel(logging.WARNING)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log


def _last_error(log: str) -> str:
    """The last line of the last traceback in a log of nbgrader's."""
    _, found, after = log.rpartition("Traceback (most recent call last):")
    lines = [line for line in after.splitlines() if line and not line.startswith(" ")] if found else []
    return lines[0] if lines else ""


def _alembic_version() -> str | None:
    """The version of a new gradebook's tables, which nbgrader asks a subprocess for."""
    return ScriptDirectory(ALEMBIC_DIR).get_current_head()


def load_config(root: Path) -> Config:
    """nbgrader_config.py of a course."""
    try:
        return PyFileConfigLoader(CONFIG, path=str(root)).load_config()
    except Exception as error:
        raise GradebookError(f"{root / CONFIG}: {error}. nbgrader reads this file too: mend it") from error
