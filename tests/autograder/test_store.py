"""The verdict store: nothing half written, nothing believed that was not written so."""

import errno
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sample_course import CHAPTER, answered, hand_in, make_course, release

from autograder import store as store_module
from autograder.answers import Cell, Submission
from autograder.course import load_course
from autograder.store import (
    CorruptRecord,
    Mark,
    Problem,
    Record,
    Store,
    StoreError,
    answers_digest,
    attempt_of,
    course_secret,
    pack_digest,
    verdict_key,
)
from autograder.submissions import read_submission
from autograder.verdicts import ExerciseVerdict, Verdict


def record(student: str = "ada", status: str = "passed", message: str = "", score: float = 2.0) -> Record:
    exercise = ExerciseVerdict(name="double", score=score, max_score=2, status=status, notes=[message])
    verdict = Verdict(chapter=CHAPTER, student=student, sandbox="bubblewrap", exercises=[exercise])
    return Record(chapter=CHAPTER, student=student, key="the key", verdict=verdict)


def test_what_was_written_is_read(tmp_path):
    store = Store(tmp_path)
    assert store.read(CHAPTER, "ada") is None
    store.write(record(message="提示 <b> \ud800 half a character"))
    assert store.read(CHAPTER, "ada") == record(message="提示 <b> \ud800 half a character")
    problem = Record(chapter=CHAPTER, student="bob", key="", problem=Problem(path="a.ipynb", message="is empty"))
    store.write(problem)
    assert store.read(CHAPTER, "bob") == problem
    store.write(record(score=float("nan")))
    assert store.read(CHAPTER, "ada").verdict.exercises[0].score != 0


def truncated(text: str) -> str:
    return text[: len(text) // 2]


def better(text: str) -> str:
    return text.replace('"score": 2.0', '"score": 3.0')


def without_its_digest(text: str) -> str:
    return json.dumps(json.loads(text)["record"])


def of_another_shape(text: str) -> str:
    return json.dumps({"digest": store_module._digest({"verdict": 1}), "record": {"verdict": 1}})


DAMAGES = [truncated, better, without_its_digest, of_another_shape, lambda text: "", lambda text: "[" * 100_000]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_changed_file_is_refused_with_its_name(tmp_path, damage):
    store = Store(tmp_path)
    store.write(record())
    path = store.path(CHAPTER, "ada")
    text = path.read_text()
    assert damage(text) != text
    path.write_text(damage(text))
    with pytest.raises(CorruptRecord, match=r"ada\.json.*judged again"):
        store.read(CHAPTER, "ada")


def test_a_file_of_bytes_or_of_another_student_is_refused(tmp_path):
    store = Store(tmp_path)
    store.write(record())
    store.path(CHAPTER, "bob").write_bytes(store.path(CHAPTER, "ada").read_bytes())
    with pytest.raises(CorruptRecord, match="belongs to ada"):
        store.read(CHAPTER, "bob")
    store.path(CHAPTER, "bob").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptRecord, match="cannot be read"):
        store.read(CHAPTER, "bob")


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_the_former_record_and_says_what_to_do(tmp_path, monkeypatch, call):
    store = Store(tmp_path)
    store.write(record())

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(store_module.os, call, full)
        with pytest.raises(
            StoreError, match=r"ada\.json: not written: No space left on device\. Free space on the disk"
        ):
            store.write(record(score=0.0))
    assert store.read(CHAPTER, "ada") == record()
    assert [path.name for path in (tmp_path / CHAPTER).iterdir()] == ["ada.json"]


def test_a_short_write_is_carried_on(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(store_module.os, "write", lambda descriptor, data: write(descriptor, bytes(data[:7])))
    Store(tmp_path).write(record())
    assert Store(tmp_path).read(CHAPTER, "ada") == record()


def test_what_a_killed_process_left_is_swept(tmp_path):
    store = Store(tmp_path)
    store.write(record())
    (tmp_path / CHAPTER / ".writing-0123").write_text("{")
    store.sweep()
    assert [path.name for path in (tmp_path / CHAPTER).iterdir()] == ["ada.json"]


def test_marks_that_cannot_be_read_are_no_marks(tmp_path):
    store = Store(tmp_path)
    assert store.marked(CHAPTER, "ada") is None
    store.mark(CHAPTER, "ada", Mark(stamp="s", answers={"double": "d"}))
    assert store.marked(CHAPTER, "ada") == Mark(stamp="s", answers={"double": "d"})
    (tmp_path / CHAPTER / "ada.recorded").write_text('{"stamp": ')
    assert store.marked(CHAPTER, "ada") is None


def test_the_judges_own_failures_do_not_settle_anything():
    assert record().settled()
    assert record(status="failed").settled()
    assert not record(status="judge_error").settled()
    assert record(status="pending_gpu").settled()
    assert not record(status="pending_gpu").settled(gpu=True)
    assert not Record(chapter=CHAPTER, student="ada", key="k").settled()


@pytest.fixture
def course(tmp_path) -> Path:
    return make_course(tmp_path / "course")


def submission(root: Path, body: str = "return 2 * x") -> Submission:
    return read_submission(hand_in(root, "ada", answered({"double": body})), release(root), CHAPTER)


def key(root: Path, body: str = "return 2 * x", student: str = "ada", secret: str = "s", sandbox: str = "bwrap") -> str:
    pack = pack_digest(root, load_course(root).chapter(CHAPTER))
    return verdict_key(submission(root, body), student, pack, secret, sandbox)


def test_a_verdict_is_valid_under_its_key_only(course, monkeypatch):
    original = key(course)
    assert key(course) == original
    others = {
        "answers": key(course, body="return x + x"),
        "student": key(course, student="bob"),
        "secret": key(course, secret="t"),
        "sandbox": key(course, sandbox="none"),
    }
    for file in ("source", "solutions", "tests"):
        path = next((course / file / CHAPTER).glob("*.py"))
        text = path.read_text()
        path.write_text(text + "# changed\n")
        others[file] = key(course)
        path.write_text(text)
    (course / "tests" / CHAPTER / "more.py").write_text("")
    others["a new test file"] = key(course)
    (course / "tests" / CHAPTER / "more.py").unlink()
    make_course(course, {"double": 4.0})
    others["points"] = key(course)
    make_course(course)
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "engine_digest", lambda: "another engine")
        others["engine"] = key(course)
    assert key(course) == original
    assert len({original, *others.values()}) == len(others) + 1


def test_compiled_files_and_notes_do_not_change_the_key(course):
    original = key(course)
    cache = course / "tests" / CHAPTER / "__pycache__"
    cache.mkdir()
    (cache / "hidden.pyc").write_bytes(b"0")
    assert key(course) == original
    one = submission(course)
    assert answers_digest(replace(one, notes=["odd"])) == answers_digest(one)


def test_another_attempt_draws_other_inputs():
    one = Submission(CHAPTER, [Cell("def f(): pass", "answer", "f")])
    other = Submission(CHAPTER, [Cell("def f(): ...", "answer", "f")])
    assert attempt_of(one) == attempt_of(replace(one, notes=["odd"])) != attempt_of(other)


def test_the_secret_is_made_once_and_for_the_owner_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("ATLAS_SECRET", raising=False)
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: course_secret(tmp_path), range(32)))
    assert len(secrets) == 1 and len(secrets.pop()) == 64
    assert stat.S_IMODE((tmp_path / ".secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".secret"]
    monkeypatch.setenv("ATLAS_SECRET", "from the environment")
    assert course_secret(tmp_path) == "from the environment"


def test_a_lost_secret_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("ATLAS_SECRET", raising=False)
    (tmp_path / ".secret").write_text("\n")
    with pytest.raises(StoreError, match="is empty"):
        course_secret(tmp_path)
