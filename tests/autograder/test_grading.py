"""`atlas grade`: right scores, every failure a recorded result, and the same gradebook after any interruption."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from nbgrader.api import Gradebook
from sample_course import (
    CHAPTER,
    EXERCISES,
    HALF,
    RIGHT,
    answered,
    auto_scores,
    class_of,
    damaged_notebooks,
    find,
    hand_in,
    judged,
    make_course,
    release,
    scores,
    without,
    write_manifest,
)

from autograder import grading, judges
from autograder import store as store_module
from autograder.grading import GradingError, Summary, find_submissions, grade
from autograder.store import Store

JUDGE = "sample_judge.SampleJudge"
ALL_RIGHT = dict(EXERCISES)
NOTHING = dict.fromkeys(EXERCISES)


@pytest.fixture
def course(tmp_path) -> Path:
    return make_course(tmp_path / "course")


def run(root: Path, **options) -> Summary:
    """Grade in this process: quick, and all that a run does except for its judging processes."""
    with ThreadPoolExecutor(2) as executor:
        return grade(root, executor=executor, workers=2, judge=JUDGE, **options)


def outcomes(summary: Summary) -> dict[str, str]:
    return {result.student: result.outcome for result in summary.results}


def problem(summary: Summary, student: str) -> str:
    return str(next(result.problem for result in summary.results if result.student == student))


def gradebook(root: Path) -> Gradebook:
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}", "sample")


def test_a_class_is_graded_once_and_right(course):
    hand_in(course, "right", answered(RIGHT, essay="Because."))
    hand_in(course, "half", answered({**RIGHT, "square": f"return 0  {HALF}"}))
    hand_in(course, "stub", answered({}))
    hand_in(course, "chinese", answered(RIGHT, language="zh"))
    summary = run(course)
    assert set(outcomes(summary).values()) == {"graded"} and summary.passed
    assert {r.student: (r.score, r.max_score) for r in summary.results} == {
        "right": (6.5, 6.5),
        "half": (5.0, 6.5),
        "stub": (0.0, 6.5),
        "chinese": (6.5, 6.5),
    }
    found = scores(course)
    assert found["right"] == {
        "double-check": (2.0, None, False),
        "square-check": (3.0, None, False),
        "negate-check": (1.5, None, False),
        "why": (None, None, True),
        "penalty": (None,),
    }
    assert found["half"]["square-check"] == (1.5, None, False)
    assert found["stub"]["why"] == (0.0, None, False)
    assert auto_scores(course, "chinese") == ALL_RIGHT
    again = run(course)
    assert sorted(judged(course)) == ["chinese", "half", "right", "stub"]
    assert not any(r.judged or r.recorded for r in again.results)
    assert [(r.student, r.score) for r in again.results] == [(r.student, r.score) for r in summary.results]
    report = json.loads((course / "verdicts" / "summary.json").read_text())
    assert [r["student"] for r in report["results"]] == ["chinese", "half", "right", "stub"]


def test_only_what_was_handed_in_anew_is_judged_again(course):
    students = class_of(course, 3)
    run(course)
    hand_in(course, students[0], answered(RIGHT))
    summary = run(course)
    assert [r.student for r in summary.results if r.judged] == [students[0]]
    assert [r.student for r in summary.results if r.recorded] == [students[0]]
    assert auto_scores(course, students[0]) == ALL_RIGHT


def test_a_resubmission_without_an_exercise_loses_its_score(course):
    hand_in(course, "ada", answered(RIGHT))
    run(course)
    hand_in(course, "ada", without(answered(RIGHT), "square", "square-check"))
    run(course)
    assert auto_scores(course, "ada") == {**ALL_RIGHT, "square": 0.0}


def test_one_student_alone(course):
    class_of(course, 3)
    assert outcomes(run(course, student="student01")) == {"student01": "graded"}
    assert list(scores(course)) == ["student01"]


@pytest.mark.parametrize("student", ["a [b] *", "Émilie 李", "o'hara; drop table", "x{y}z", "-rf", "a.b+c"])
def test_any_name_of_a_folder_is_a_student(course, student):
    hand_in(course, student, answered(RIGHT))
    hand_in(course, "ab", answered({}))
    assert outcomes(run(course)) == {student: "graded", "ab": "graded"}
    assert auto_scores(course, student) == ALL_RIGHT
    assert auto_scores(course, "ab") != ALL_RIGHT


# what can be wrong with a submission


BAD = {
    "broken": (b"{not json", "is not JSON"),
    "empty": (b"", "is empty"),
    "format": (json.dumps({**answered(RIGHT), "nbformat": 99}).encode(), "notebook format 99"),
    "large": (json.dumps({**answered(RIGHT), "metadata": {"x": "a" * 50_000_000}}).encode(), "has 50"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), "is not UTF-8 text"),
}


def test_bad_submissions_are_results_and_stop_nobody(course):
    hand_in(course, "right", answered(RIGHT))
    for student, (content, _) in BAD.items():
        hand_in(course, student, content)
    os.mkfifo(hand_in(course, "pipe", b"x").with_name("other.txt"))
    pipe = course / "submitted" / "pipe" / CHAPTER / f"{CHAPTER}.ipynb"
    pipe.unlink()
    os.mkfifo(pipe)
    summary = run(course)
    assert outcomes(summary) == {**dict.fromkeys([*BAD, "pipe"], "unreadable"), "right": "graded"} | {
        "pipe": "not_graded"
    }
    assert auto_scores(course, "right") == ALL_RIGHT
    for student, (_, words) in BAD.items():
        said = problem(summary, student)
        assert said.startswith(f"submitted/{student}/{CHAPTER}/{CHAPTER}.ipynb: ") and words in said
        assert str(Store(course / "verdicts").read(CHAPTER, student).problem) == said
        found = scores(course)[student]
        assert all(found[f"{name}-check"] == (None, None, True) for name in EXERCISES) and found["why"][2]
        assert (course / "autograded" / student / CHAPTER / f"{CHAPTER}.ipynb").is_file()


def test_an_unreadable_resubmission_does_not_keep_the_former_score(course):
    hand_in(course, "ada", answered(RIGHT))
    run(course)
    hand_in(course, "ada", b"")
    run(course)
    assert auto_scores(course, "ada") == NOTHING
    hand_in(course, "ada", answered(RIGHT))
    run(course)
    assert auto_scores(course, "ada") == ALL_RIGHT
    assert judged(course) == ["ada", "ada"]


def test_stray_files_unknown_folders_and_missing_notebooks_are_reported(course):
    hand_in(course, "ada", answered(RIGHT))
    submitted = course / "submitted"
    (submitted / "readme.txt").write_text("x")
    (submitted / ".DS_Store").write_text("x")
    (submitted / "ada" / "notes.txt").write_text("x")
    (submitted / "ada" / "ch90_smaple").mkdir()
    (submitted / "bob" / CHAPTER).mkdir(parents=True)
    (submitted / "eve" / CHAPTER).mkdir(parents=True)
    (submitted / "eve" / CHAPTER / f"{CHAPTER} (1).ipynb").write_text(json.dumps(answered(RIGHT)))
    (submitted / "max" / "ch91_unwritten").mkdir(parents=True)
    summary = run(course)
    said = [str(p) for p in summary.problems]
    assert said == [
        "submitted/ada/ch90_smaple: the course has no chapter of this name. Rename the folder to ch90_sample",
        "submitted/ada/notes.txt: is a stray file. Move it to ada/<chapter>/, or delete it",
        "submitted/readme.txt: is a stray file. Move it to submitted/<student>/<chapter>/, or delete it",
    ]
    assert outcomes(summary) == {"ada": "graded", "bob": "absent", "eve": "absent"}
    assert "Ask for the notebook" in problem(summary, "bob")
    assert f"there is {CHAPTER} (1).ipynb. Rename that file" in problem(summary, "eve")
    assert not summary.passed


def test_a_notebook_that_was_taken_away_does_not_keep_its_grade(course):
    hand_in(course, "ada", answered(RIGHT))
    run(course)
    (course / "submitted" / "ada" / CHAPTER / f"{CHAPTER}.ipynb").unlink()
    assert outcomes(run(course)) == {"ada": "absent"}
    assert auto_scores(course, "ada") == NOTHING


def test_a_student_who_is_not_there(course):
    hand_in(course, "ada", answered(RIGHT))
    summary = run(course, student="adda")
    assert [str(p) for p in summary.problems] == [
        "submitted/adda: there is no such student's folder. Did you mean ada?"
    ]
    shutil.rmtree(course / "submitted")
    with pytest.raises(GradingError, match="zip_collect"):
        run(course)


def test_new_names_are_said_once_a_class_is_known(course):
    hand_in(course, "ada", answered(RIGHT))
    assert run(course).notices == []
    hand_in(course, "adda", answered(RIGHT))
    assert "added to it: adda" in run(course).notices[0]


def test_links_and_pipes_beside_a_notebook_are_not_followed(course):
    folder = hand_in(course, "ada", answered(RIGHT)).parent
    (folder / "data.csv").write_text("1,2")
    (folder / "stolen.txt").symlink_to(course / "tests" / CHAPTER / "hidden.py")
    summary = run(course)
    assert outcomes(summary) == {"ada": "graded"}
    assert "stolen.txt: is a link out of the submission's folder" in str(summary.problems[0])
    kept = {path.name for path in (course / "autograded" / "ada" / CHAPTER).iterdir()}
    assert kept == {f"{CHAPTER}.ipynb", "data.csv"}


def test_timestamps_that_nobody_can_read_are_no_timestamps(course):
    hand_in(course, "late", answered(RIGHT), timestamp="2026-03-03 12:00:00 UTC")
    hand_in(course, "odd", answered(RIGHT), timestamp="the day before yesterday")
    hand_in(course, "bytes", answered(RIGHT))
    (course / "submitted" / "bytes" / CHAPTER / "timestamp.txt").write_bytes(b"\xff\xfe")
    assert set(outcomes(run(course)).values()) == {"graded"}
    found = scores(course)
    assert found["late"]["penalty"] == (pytest.approx(1.3),)
    assert found["odd"]["penalty"] == found["bytes"]["penalty"] == (None,)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged=damaged_notebooks())
def test_no_damaged_notebook_stops_the_batch_or_gains_by_it(course, damaged):
    deserved, notebook = damaged
    hand_in(course, "ada", answered(RIGHT))
    hand_in(course, "eve", json.dumps(notebook))
    summary = run(course)
    assert outcomes(summary) == {"ada": "graded", "eve": "graded"}
    assert auto_scores(course, "ada") == ALL_RIGHT
    assert all(score <= deserved[name] for name, score in auto_scores(course, "eve").items())


# what can go wrong with judging


def test_a_judges_failure_is_nobodys_zero_and_is_tried_again(course):
    hand_in(course, "ada", answered({**RIGHT, "square": "return x * x  # judge error"}))
    hand_in(course, "bob", answered({**RIGHT, "square": "return x * x  # break the judge"}))
    hand_in(course, "gpu", answered({**RIGHT, "square": "return x * x  # needs a GPU"}))
    hand_in(course, "eve", answered(RIGHT))
    summary = run(course)
    assert outcomes(summary) == {**dict.fromkeys(["ada", "bob", "gpu"], "needs_a_person"), "eve": "graded"}
    found = scores(course)
    assert found["ada"]["square-check"] == (None, None, True)
    assert found["gpu"]["square-check"] == (
        ALL_RIGHT["square"] / 2,
        None,
        True,
    )  # what is decided so far, and a person or a GPU is needed
    assert found["ada"]["double-check"] == (2.0, None, False)
    assert auto_scores(course, "bob") == NOTHING and auto_scores(course, "eve") == ALL_RIGHT
    assert "the judge failed 3 times, at last with RuntimeError" in problem(summary, "bob")
    assert judged(course).count("bob") == judged(course).count("ada") == 3
    run(course)
    assert judged(course).count("bob") == judged(course).count("ada") == 6
    assert judged(course).count("eve") == 1


def test_numbers_that_are_no_scores_are_clamped(course):
    hand_in(course, "nan", answered({**RIGHT, "square": "return x * x  # nan"}))
    hand_in(course, "much", answered({**RIGHT, "square": "return x * x  # too much"}))
    run(course)
    assert auto_scores(course, "nan") == {**ALL_RIGHT, "square": 0.0}
    assert auto_scores(course, "much") == ALL_RIGHT


def test_a_killed_judging_process_is_replaced_and_spoils_nobody(course, tmp_path):
    hand_in(course, "unlucky", answered({**RIGHT, "double": f"return 2 * x  # die until {tmp_path / 'flag'}"}))
    hand_in(course, "killer", answered({**RIGHT, "double": "return 2 * x  # kill the worker"}))
    students = class_of(course, 4)
    summary = grade(course, workers=2, judge=JUDGE)
    assert outcomes(summary) == {"unlucky": "graded", "killer": "needs_a_person", **dict.fromkeys(students, "graded")}
    assert auto_scores(course, "unlucky") == ALL_RIGHT
    assert auto_scores(course, "killer") == NOTHING
    assert "the judging process died or hung 3 times" in problem(summary, "killer")
    assert judged(course).count("killer") == 3 and judged(course).count("unlucky") == 2
    assert all(judged(course).count(student) == 1 for student in students)


def test_a_hung_judging_process_is_ended(course, monkeypatch):
    from autograder.judges import Job

    hand_in(course, "hangs", answered({**RIGHT, "double": "return 2 * x  # sleep 600"}))
    hand_in(course, "ada", answered(RIGHT))
    monkeypatch.setattr(Job, "seconds", property(lambda job: 1.0 if job.student == "hangs" else 300))
    monkeypatch.setattr("autograder.judges.TRIES", 1)
    summary = grade(course, workers=2, judge=JUDGE)
    assert outcomes(summary) == {"hangs": "needs_a_person", "ada": "graded"}


def test_a_chapter_whose_files_are_wrong_keeps_its_grades(course):
    hand_in(course, "ada", answered(RIGHT))
    run(course)
    hand_in(course, "ada", answered({**RIGHT, "square": "return x * x  # break the chapter"}))
    hand_in(course, "bob", answered({**RIGHT, "square": "return x * x  # break the chapter"}))
    summary = run(course)
    assert [str(p) for p in summary.problems] == [
        f"{CHAPTER}: tests/ch90_sample/hidden.py: SyntaxError. Mend the file, then run again"
    ]
    assert auto_scores(course, "ada") == ALL_RIGHT


def test_without_a_sandbox_nothing_is_graded(course):
    hand_in(course, "ada", answered({**RIGHT, "square": "return x * x  # no sandbox"}))
    with pytest.raises(GradingError, match="bubblewrap is not installed"):
        run(course)


def test_what_was_graded_without_a_sandbox_says_so(course):
    hand_in(course, "ada", answered(RIGHT))
    summary = run(course, sandbox="none")
    assert summary.sandbox == "none"
    assert Store(course / "verdicts").read(CHAPTER, "ada").verdict.sandbox == "unsandboxed"
    run(course)
    assert Store(course / "verdicts").read(CHAPTER, "ada").verdict.sandbox == "bubblewrap"
    assert judged(course) == ["ada", "ada"]


def test_bubblewrap_that_is_missing_is_said_before_anything_is_judged(course, monkeypatch):
    hand_in(course, "ada", answered(RIGHT))
    monkeypatch.setenv("PATH", str(course))
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(GradingError, match=r"bubblewrap is not installed.*--sandbox none"),
    ):
        grade(course, executor=executor)
    assert not (course / "verdicts" / CHAPTER).exists()


# the course


def test_a_chapter_that_cannot_be_graded_is_a_problem(course):
    hand_in(course, "ada", answered(RIGHT))
    (course / "submitted" / "ada" / "ch91_unwritten").mkdir()
    summary = run(course, chapters=["ch91_unwritten"])
    assert "ch91_unwritten says `written: false`" in str(summary.problems[0])
    write_manifest(course, {"double": 7.0})
    summary = run(course)
    assert "its exercises or points are not those of course.yml. Run `atlas build" in str(summary.problems[0])
    release(course).unlink()
    assert "there is no release notebook of this chapter" in str(run(course).problems[0])
    assert judged(course) == []


def test_points_and_due_dates_may_change_after_submissions(course):
    hand_in(course, "ada", answered(RIGHT), timestamp="2026-03-03 12:00:00 UTC")
    run(course)
    make_course(course, {"double": 4.0})
    run(course)
    assert auto_scores(course, "ada") == {**ALL_RIGHT, "double": 4.0}
    with gradebook(course) as book:
        assert book.find_assignment(CHAPTER).max_score == 13.5
    manifest = course / "course.yml"
    manifest.write_text(manifest.read_text().replace("due: 2026-03-01", "due: 2026-03-09"))
    summary = run(course)
    assert scores(course)["ada"]["penalty"] == (None,)
    assert [r.recorded for r in summary.results] == [True] and not summary.results[0].judged


def test_an_extension_takes_the_penalty_back(course):
    hand_in(course, "ada", answered(RIGHT), timestamp="2026-03-03 12:00:00 UTC")
    run(course)
    assert scores(course)["ada"]["penalty"] == (pytest.approx(1.3),)
    with gradebook(course) as book:
        book.grant_extension(CHAPTER, "ada", days=7)
    run(course)
    assert scores(course)["ada"]["penalty"] == (None,)


def test_cells_cannot_be_added_once_there_are_grades(course):
    hand_in(course, "ada", answered(RIGHT))
    run(course)
    for language in ("en", "zh"):
        notebook = json.loads(release(course, language).read_text())
        find(notebook, "text-2")["metadata"]["nbgrader"] = {
            **find(notebook, "setup-cell")["metadata"]["nbgrader"],
            "grade_id": "new",
            "cell_type": "markdown",
        }
        release(course, language).write_text(json.dumps(notebook))
    summary = run(course)
    assert "nbgrader db assignment remove ch90_sample --force" in str(summary.problems[0])
    assert auto_scores(course, "ada") == ALL_RIGHT


def test_a_gradebook_that_was_deleted_or_restored_is_written_again_without_judging(course):
    students = class_of(course, 3)
    run(course)
    before = scores(course)
    (course / "gradebook.db").unlink()
    run(course)
    assert scores(course) == before
    shutil.copy(course / "gradebook.db", course / "old.db")
    hand_in(course, students[0], answered(RIGHT))
    run(course)
    after = scores(course)
    shutil.copy(course / "old.db", course / "gradebook.db")
    run(course)
    assert scores(course) == after != before
    assert len(judged(course)) == 4


def test_the_gradebook_is_backed_up_before_it_changes(course):
    hand_in(course, "ada", answered({}))
    run(course)
    before = scores(course)
    hand_in(course, "ada", answered(RIGHT))
    run(course)
    run(course)
    backups = sorted(course.glob("gradebook.db.*"))
    assert len(backups) == 2
    shutil.copy(backups[-1], course / "gradebook.db")
    assert scores(course) == before
    for _ in range(7):
        hand_in(course, "ada", answered({"double": f"return {len(judged(course))}"}))
        run(course)
    assert len(list(course.glob("gradebook.db.*"))) == 5


# interruptions


@pytest.fixture
def settled_engine(monkeypatch):
    """The engine's files may be edited while its tests run; here they count as the same."""
    monkeypatch.setattr(store_module, "engine_digest", lambda: "the engine")


def program(root: Path, chapter: str = CHAPTER, judge: str = JUDGE) -> list[str]:
    """The command of a process that grades a course."""
    script = root / "run_grading.py"
    script.write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from autograder import store\nfrom autograder.grading import grade\n"
        "store.engine_digest = lambda: 'the engine'\n"
        f"if __name__ == '__main__':\n    grade({str(root)!r}, [{chapter!r}], workers=2, judge={judge!r})\n"
    )
    return [sys.executable, str(script)]


def kill(process: subprocess.Popen, number: int = signal.SIGKILL) -> None:
    """Kill a process, and see that all it started ends by itself."""
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(number)
    process.wait(30)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def hears_interrupts() -> None:
    """In a new process: as at a terminal, also where the tests run in a shell's background, which ignores SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def undisturbed(root: Path, tmp_path: Path) -> dict:
    """The gradebook of the same class, graded without interruption."""
    other = tmp_path / "undisturbed"
    shutil.copytree(root, other, ignore=shutil.ignore_patterns("verdicts", "autograded", "gradebook.db*", "judged.log"))
    run(other)
    return scores(other)


@pytest.mark.parametrize("stored", [0, 4])
def test_after_kill_9_a_second_run_ends_as_if_nothing_had_been(course, tmp_path, settled_engine, stored):
    students = class_of(course, 8, seconds=[0.05])
    process = subprocess.Popen(program(course), stderr=subprocess.PIPE)
    store = Store(course / "verdicts")
    wait_until(lambda: len(list(store.folder.glob("*/*.json"))) >= stored and (course / "gradebook.db").exists())
    kill(process)
    kept = {path.stem for path in store.folder.glob("*/*.json")}
    assert len(kept) < len(students), "the run ended before it was killed"
    before = judged(course)
    summary = run(course)
    assert set(outcomes(summary).values()) == {"graded"} and len(summary.results) == 8
    assert any("going on where it stopped" in notice for notice in summary.notices)
    assert not any(student in judged(course)[len(before) :] for student in kept), "judged twice"
    assert scores(course) == undisturbed(course, tmp_path)


@pytest.mark.parametrize("moment", ["before the commit", "after the commit", "while converting"])
def test_a_submission_half_recorded_is_recorded_again(course, tmp_path, monkeypatch, moment):
    class_of(course, 3)
    from autograder.gradebook import HeldSession
    from autograder.nbgrader_plugins import JudgeExecute

    class Stopped(BaseException):
        pass

    commit, execute, count = HeldSession.commit_all, JudgeExecute.preprocess, [0]

    def stop_at_the_second() -> None:
        count[0] += 1
        if count[0] == (3 if "commit" in moment else 2):  # the first commit is the registration's
            raise Stopped

    def stopped_commit(session) -> None:
        if moment == "after the commit":
            commit(session)
        stop_at_the_second()
        if moment == "before the commit":
            commit(session)

    def stopped_execute(self, nb, resources):
        stop_at_the_second()
        return execute(self, nb, resources)

    with monkeypatch.context() as patch:
        if moment == "while converting":
            patch.setattr(JudgeExecute, "preprocess", stopped_execute)
        else:
            patch.setattr(HeldSession, "commit_all", stopped_commit)
        with pytest.raises(Stopped):
            run(course)
    kept = {path.stem for path in (course / "verdicts" / CHAPTER).glob("*.json")}
    before = judged(course)
    assert set(outcomes(run(course)).values()) == {"graded"}
    assert not any(student in judged(course)[len(before) :] for student in kept)
    assert scores(course) == undisturbed(course, tmp_path)


def test_a_full_disk_stops_the_run_and_loses_nothing(course, tmp_path, monkeypatch):
    class_of(course, 6)
    write, count = os.write, [0]

    def full_after_three(descriptor, data):
        count[0] += 1
        if count[0] > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(store_module.os, "write", full_after_three)
        with pytest.raises(GradingError, match=r"not written: No space left on device\. Free space"):
            run(course)
    kept = {path.stem for path in (course / "verdicts" / CHAPTER).glob("*.json")}
    before = judged(course)
    assert 0 < len(kept) < 6
    assert set(outcomes(run(course)).values()) == {"graded"}
    assert not any(student in judged(course)[len(before) :] for student in kept)
    assert scores(course) == undisturbed(course, tmp_path)


def test_a_really_full_disk_too(course, tmp_path):
    (course / "verdicts").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(course / "verdicts")], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        class_of(course, 12)
        with pytest.raises(GradingError, match="No space left on device"):
            run(course)
        subprocess.run(["mount", "-o", "remount,size=4m", str(course / "verdicts")], check=True)
        assert set(outcomes(run(course)).values()) == {"graded"}
        assert scores(course) == undisturbed(course, tmp_path)
    finally:
        subprocess.run(["umount", str(course / "verdicts")], check=True)


def test_a_damaged_verdict_is_said_and_judged_again(course):
    students = class_of(course, 3)
    run(course)
    before = scores(course)
    path = Store(course / "verdicts").path(CHAPTER, students[1])
    path.write_text(path.read_text().replace('"score": 2.0', '"score": 0.0'))
    summary = run(course)
    assert any(f"{students[1]}.json: truncated or changed" in notice for notice in summary.notices)
    assert judged(course).count(students[1]) == 2 and len(judged(course)) == 4
    assert scores(course) == before


def test_two_runs_at_once_are_refused_and_a_dead_ones_lock_is_taken_over(course):
    hand_in(course, "ada", answered(RIGHT))
    (course / "verdicts").mkdir()
    lock = course / "verdicts" / grading.LOCK
    with open(lock, "w") as file:
        file.write("process 4711 on here since 2026-01-01 00:00:00 UTC")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(GradingError, match=r"another `atlas grade` is at work here: process 4711 on here"):
            run(course)
    assert judged(course) == []
    summary = run(course)
    assert summary.notices == [
        "The last run (process 4711 on here since 2026-01-01 00:00:00 UTC) ended before its work was done: "
        "going on where it stopped"
    ]
    assert run(course).notices == []


def test_an_interrupt_ends_the_judging_processes(course):
    class_of(course, 6, seconds=[5])
    process = subprocess.Popen(program(course), stderr=subprocess.PIPE, preexec_fn=hears_interrupts)
    wait_until(lambda: judged(course))
    kill(process, signal.SIGINT)
    assert process.returncode != 0, process.stderr.read().decode()


def test_a_process_that_froze_triton_ends_without_a_word():
    program = "import triton.language; from autograder.judges import freeze; freeze()"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout + ended.stderr == ""


def test_every_way_that_a_folder_can_look_is_read(course):
    from autograder.course import load_course

    loaded = load_course(course)
    (course / "submitted" / " ada").mkdir()
    found, absent, problems = find_submissions(course, loaded, loaded.written)
    assert (found, absent) == ([], []) and "begins or ends with a space" in str(problems[0])


# the same with the course's own judge


REAL = "ch04_activations"


@pytest.fixture
def real_course(tmp_path) -> Path:
    """The repository's course with a few students of the sample class."""
    from autograder.course import load_course
    from autograder.demo import copy_course
    from autograder.sample import hand_in, students

    root = tmp_path / "course"
    root.mkdir()
    copy_course(Path(__file__).parents[2], root)
    (root / ".secret").write_text("a secret\n")
    chosen = [s for s in students() if s.id in ("ada", "colette", "hypatia", "kurt", "rosa", "pierre")]
    hand_in(load_course(root), root, chosen, [REAL])
    return root


def verdict_files(root: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (root / "verdicts" / REAL).glob("*.json")}


@pytest.mark.slow
def test_the_courses_own_judge_survives_the_same(real_course, tmp_path, settled_engine):
    other = tmp_path / "undisturbed"
    shutil.copytree(real_course, other)
    grade(other, [REAL], workers=2)
    process = subprocess.Popen(program(real_course, REAL, judges.JUDGE), stderr=subprocess.PIPE)
    wait_until(lambda: len(verdict_files(real_course)) >= 2, 120)
    kill(process)
    kept = verdict_files(real_course)
    assert len(kept) < 6, "the run ended before it was killed"

    began = time.monotonic()
    victims = iter([0.5, 2.0])

    def kill_a_process_of_ours() -> None:
        """A judging process or a sandbox, while they work."""
        for moment in victims:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            children = psutil.Process().children(recursive=True)
            with suppress(psutil.Error):  # one that is just ending
                ours = [c for c in children if "zygote" in " ".join(c.cmdline()) or "forkserver" in c.name()]
                for child in ours[-1:]:
                    child.kill()

    killer = threading.Thread(target=kill_a_process_of_ours)
    killer.start()
    summary = grade(real_course, [REAL], workers=2)
    killer.join()
    assert outcomes(summary) == {
        **dict.fromkeys(["ada", "colette", "hypatia", "kurt", "rosa"], "graded"),
        "pierre": "unreadable",
    }
    assert {name: text for name, text in verdict_files(real_course).items() if name in kept} == kept, "judged twice"
    assert scores(real_course, REAL) == scores(other, REAL)
    assert [r.score for r in summary.results if r.student in ("ada", "colette", "hypatia", "rosa")] == [34.0] * 4
