"""The verdict store: what was judged, kept so that no crash and no full disk can leave half a verdict behind.

One file a submission, `verdicts/<chapter>/<student>.json`. It is replaced whole or not at all, carries its own
digest, and is believed only under the key that it was judged under: the answers, the test pack, the engine, the
student and the course's secret. Anything else is judged again.
"""

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from autograder.answers import Submission
from autograder.course import ChapterEntry
from autograder.verdicts import Verdict

PACKAGE = Path(__file__).resolve().parent
SECRET_FILE = ".secret"
SECRET_VARIABLE = "ATLAS_SECRET"


class StoreError(Exception):
    """The store cannot be read or written; the message names the file and what to do."""


class CorruptRecord(StoreError):
    """A stored file that is not what was written: it is judged again, never trusted."""


class Problem(BaseModel):
    """Why a submission has no verdict, or what else a person should see to: the file, what is wrong, what to do."""

    model_config = ConfigDict(frozen=True)

    path: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f". {self.remedy}" if self.remedy else "")


class Record(BaseModel):
    """What the store holds on one submission: its verdict, or the problem that stood in the way."""

    chapter: str
    student: str
    key: str
    verdict: Verdict | None = None
    problem: Problem | None = None

    def settled(self, gpu: bool = False) -> bool:
        """Whether the verdict may stand. The judge's own failures are tried again; so is what waited for a GPU."""
        if self.verdict is None:
            return False
        statuses = {exercise.status for exercise in self.verdict.exercises}
        return "judge_error" not in statuses and not (gpu and "pending_gpu" in statuses)


class Mark(BaseModel):
    """What the gradebook holds of a submission.

    stamp: the state of everything that went into it; empty while it is being recorded.
    answers: the digest of each answer that was recorded last, by exercise.
    """

    stamp: str = ""
    answers: dict[str, str] = {}


class Store:
    """The records of one course, below `folder`."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def path(self, chapter: str, student: str) -> Path:
        return self.folder / chapter / f"{student}.json"

    def read(self, chapter: str, student: str) -> Record | None:
        """The record, None if there is none. Raises CorruptRecord for a file that cannot be believed."""
        path = self.path(chapter, student)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise CorruptRecord(f"{path}: cannot be read ({error}): the submission is judged again") from error
        try:
            document = json.loads(text)
            if document["digest"] != _digest(document["record"]):
                raise ValueError("its digest does not fit its content")
            record = Record.model_validate(document["record"])
            if (record.chapter, record.student) != (chapter, student):
                raise ValueError(f"it belongs to {record.student} in {record.chapter}")
        except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise CorruptRecord(f"{path}: truncated or changed ({reason}): the submission is judged again") from error
        return record

    def write(self, record: Record) -> None:
        """Replace the record. Raises StoreError, with the former record in place, when it cannot be written."""
        content = record.model_dump()
        document = {"digest": _digest(content), "record": content}
        self._replace(self.path(record.chapter, record.student), json.dumps(document, ensure_ascii=False))

    def write_report(self, name: str, report: Any) -> Path:
        """A file for people beside the records, such as the summary of a run."""
        path = self.folder / f"{name}.json"
        self._replace(path, json.dumps(report, ensure_ascii=False, indent=1))
        return path

    def mark(self, chapter: str, student: str, mark: Mark) -> None:
        """Note what the gradebook holds of a submission."""
        self._replace(self._mark_path(chapter, student), mark.model_dump_json())

    def marked(self, chapter: str, student: str) -> Mark | None:
        """What was noted last; None if that is nothing, or cannot be believed."""
        try:
            return Mark.model_validate_json(self._mark_path(chapter, student).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def sweep(self) -> None:
        """Remove what a killed process left half written. Only for the one process that holds the course's lock."""
        for path in self.folder.glob("**/.writing-*"):
            path.unlink(missing_ok=True)

    def _mark_path(self, chapter: str, student: str) -> Path:
        return self.folder / chapter / f"{student}.recorded"

    def _replace(self, path: Path, text: str) -> None:
        temporary = path.parent / f".writing-{secrets.token_hex(8)}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                write_durably(temporary, text.encode("utf-8", "backslashreplace"))
                os.replace(temporary, path)
                _sync_folder(path.parent)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: not written: {error.strerror or error}. {_remedy(error, path)}") from error


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """A new file that is on the disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remedy(error: OSError, path: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"Free space on the disk of {path.parent}, then run again: nothing that was judged is lost"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"Make {path.parent} writable for you, then run again"
    return "Mend this, then run again"


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def course_secret(root: Path) -> str:
    """The secret that the hidden draws come from: $ATLAS_SECRET, or the file `.secret`, made on first use."""
    if os.environ.get(SECRET_VARIABLE):
        return os.environ[SECRET_VARIABLE]
    path = Path(root) / SECRET_FILE
    for _ in range(2):
        try:
            secret = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            _make_secret(path)
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(
                f"{path}: cannot be read ({error}). Restore it from a copy, or set $ATLAS_SECRET"
            ) from error
        else:
            if not secret:
                raise StoreError(f"{path}: is empty. Restore it from a copy, or delete it to draw a new secret")
            return secret
    raise StoreError(f"{path}: vanishes again and again. Look at what deletes it")


def _make_secret(path: Path) -> None:
    """Write a new secret, unless somebody else has just done so."""
    temporary = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
    try:
        write_durably(temporary, f"{secrets.token_hex(32)}\n".encode(), mode=0o600)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: the course's secret cannot be written: {error.strerror or error}") from error


def digests_by_exercise(submission: Submission) -> dict[str, str]:
    """Each answer's digest: which answers changed since they were recorded last."""
    return {cell.exercise: _digest(cell.source) for cell in submission.cells if cell.exercise}


def answers_digest(submission: Submission) -> str:
    """What was handed in, and nothing of how it was found."""
    cells = [[cell.origin, cell.exercise, cell.source] for cell in submission.cells]
    return _digest([submission.chapter, submission.language, cells])


def pack_digest(root: Path, entry: ChapterEntry) -> str:
    """The test pack of a chapter: its checks, hidden cases, solutions, points and limits."""
    name = entry.name
    files = [root / "source" / name / "checks.py"]
    for room in ("solutions", "tests"):
        files += [path for path in (root / room / name).rglob("*") if "__pycache__" not in path.parts]
    exercises = [[e.name, e.equation, e.points, e.speed] for e in entry.exercises]
    return _digest([_files(root, files), exercises, entry.limits.model_dump()])


@cache
def engine_digest() -> str:
    """The engine as this process runs it, and the torch beneath it."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = ""
    return _digest([_files(PACKAGE, PACKAGE.rglob("*.py")), torch])


def _files(root: Path, paths: Iterable[Path]) -> list[list[str]]:
    return [
        [path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()]
        for path in sorted(paths)
        if path.is_file()
    ]


def verdict_key(submission: Submission, student: str, pack: str, secret: str, sandbox: str) -> str:
    """What a verdict depends on: under the same key it need not be judged again."""
    hidden = hashlib.sha256(secret.encode()).hexdigest()
    return _digest([answers_digest(submission), student, pack, engine_digest(), hidden, sandbox])


def attempt_of(submission: Submission) -> str:
    """The name of an attempt: other answers draw other inputs, the same answers the same ones."""
    return answers_digest(submission)[:16]
