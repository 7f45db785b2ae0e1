"""`nbgrader zip_collect`: the names that Canvas, Moodle and Blackboard give, whose they are, which is the last."""

import csv
import io
import json
import logging
import os
import shutil
import string
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook
from nbgrader.apps import ZipCollectApp
from sample_course import CHAPTER, RIGHT, answered, make_course

from autograder.course import load_course
from autograder.lms import Person, Roster, chapter_of, parse, squeezed

ROOT = Path(__file__).parents[2]
CHAPTERS = [entry.name for entry in load_course(ROOT).chapters]
ROSTER = [
    ("jdoe", "Jane", "Doe", "jane.doe@example.edu", "12345"),
    ("xs", "生", "学", "xs@example.edu", "12346"),
    ("o_brien", "Aoife", "O'Brien", "aob@example.edu", ""),
    ("jsmith1", "John", "Smith", "js1@example.edu", ""),
    ("jsmith2", "John", "Smith", "js2@example.edu", ""),
    ("mlp", "Mary-Lou", "de la Pérez", "mlp@example.edu", "20001"),
]


def notebook(mark: str = "") -> str:
    return json.dumps(answered({**RIGHT, "double": f"return 2 * x  # {mark}"}))


def zipped(path: Path, files: dict[str, str | bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory) -> Path:
    """A gradebook that knows the class; to make one takes seconds."""
    path = tmp_path_factory.mktemp("class") / "gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")  # alembic's
        with Gradebook(f"sqlite:///{path}", "sample") as made:
            for key, first, last, email, number in ROSTER:
                made.add_student(key, first_name=first, last_name=last, email=email, lms_user_id=number)
    return path


@pytest.fixture
def course(tmp_path, gradebook) -> Path:
    root = make_course(tmp_path / "course")
    shutil.copy(gradebook, root / "gradebook.db")
    return root


def command(root: Path, *words: str) -> str:
    """Run nbgrader's command; what it says."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def place(root: Path, files: dict[str, str | bytes], beside: dict[str, str] | None = None) -> None:
    """Put an archive, and what lies beside it, where zip_collect looks."""
    archive = root / "downloaded" / CHAPTER / "archive"
    zipped(archive / "submissions.zip", files)
    for name, text in (beside or {}).items():
        (archive / name).write_text(text, encoding="utf-8")


def collect(root: Path, files: dict[str, str | bytes], *options: str, beside: dict[str, str] | None = None) -> str:
    """What the command does, in this process, which saves seconds; what it said."""
    place(root, files, beside)
    said = io.StringIO()
    before = Path.cwd()
    os.chdir(root)
    try:
        app = ZipCollectApp()
        app.initialize([CHAPTER, *options])
        app.log.addHandler(logging.StreamHandler(said))
        app.start()
    finally:
        os.chdir(before)
    return said.getvalue()


def collected(root: Path) -> dict[str, str]:
    """The notebooks by student."""
    found = (root / "submitted").glob(f"*/{CHAPTER}/{CHAPTER}.ipynb")
    return {path.parts[-3]: path.read_text(encoding="utf-8") for path in found}


def stamp(root: Path, student: str) -> str | None:
    path = root / "submitted" / student / CHAPTER / "timestamp.txt"
    return path.read_text() if path.exists() else None


def not_collected(root: Path) -> list[str]:
    path = root / "downloaded" / CHAPTER / "not_collected.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_canvas(course):
    said = collect(
        course,
        {
            f"doejane_12345_678901_{CHAPTER}.ipynb": notebook("first"),
            f"doejane_12345_678950_{CHAPTER}-1.ipynb": notebook("second"),
            f"doejane_12345_678990_{CHAPTER}-2.ipynb": notebook("third"),
            f"学生_LATE_12346_678902_{CHAPTER}.ipynb": notebook("late"),
            f"obrienaoife_30003_678903_Copy of {CHAPTER} (1).ipynb": notebook("renamed"),
            "delaperezmarylou_20001_678904_homework.ipynb": notebook("which?"),
            f"smithjohn_40001_678905_{CHAPTER}.ipynb": notebook("two"),
            f"stranger_99999_678906_{CHAPTER}.ipynb": notebook("nobody"),
        },
    )
    assert collected(course) == {"jdoe": notebook("third"), "xs": notebook("late"), "o_brien": notebook("renamed")}
    assert stamp(course, "jdoe") is None
    assert "xs: late, says Canvas, but not how late" in said
    lines = {line.partition(": ")[0].rpartition("_")[2]: line for line in not_collected(course)}
    assert len(not_collected(course)) == 3
    assert "does not say which chapter it is" in lines["homework.ipynb"]
    (two, nobody) = (next(x for x in not_collected(course) if name in x) for name in ("smithjohn", "stranger"))
    assert "could be jsmith1, jsmith2: give each a lms_user_id" in two
    assert "nobody in the gradebook is stranger (Canvas user 99999)" in nobody
    assert all(line in said for line in not_collected(course))


def test_moodle_folders_and_flat_names(course):
    said = collect(
        course,
        {
            f"Jane Doe_501_assignsubmission_file_/{CHAPTER}.ipynb": notebook("folder"),
            "Jane Doe_501_assignsubmission_file_/checks.py": "",
            f"Aoife OBrien_502_assignsubmission_file_{CHAPTER}.ipynb": notebook("flat"),
            f"Group B-Mary-Lou de la Pérez_503_assignsubmission_file/{CHAPTER}_final.ipynb": notebook("group"),
            f"John Smith_504_assignsubmission_file_/{CHAPTER}.ipynb": notebook("which John?"),
            f"学 生_505_assignsubmission_file_/{CHAPTER}.ipynb": notebook("one"),
            f"学 生_505_assignsubmission_file_/{CHAPTER} (1).ipynb": notebook("another"),
        },
    )
    assert collected(course) == {"jdoe": notebook("folder"), "o_brien": notebook("flat"), "mlp": notebook("group")}
    assert "put Moodle's grading worksheet into archive/" in said
    assert sum("nothing says which is the last" in line for line in not_collected(course)) == 2


def test_moodles_worksheet_tells_two_of_one_name_apart_and_gives_the_time(course):
    worksheet = (
        "Identifier,Full name,Email address,Status,Grade,Maximum grade,Last modified (submission)\n"
        'Participant 504,John Smith,js2@example.edu,Submitted,,100.00,"Monday, 2 March 2026, 11:59 PM"\n'
        "Participant 505,John Smith,js1@example.edu,Submitted,,100.00,-\n"
    )
    collect(
        course,
        {
            f"John Smith_504_assignsubmission_file_/{CHAPTER}.ipynb": notebook("two"),
            f"John Smith_505_assignsubmission_file_/{CHAPTER}.ipynb": notebook("one"),
        },
        "--LmsCollector.timezone=Asia/Shanghai",
        beside={"Grades.csv": worksheet},
    )
    assert collected(course) == {"jsmith2": notebook("two"), "jsmith1": notebook("one")}
    assert stamp(course, "jsmith2") == "2026-03-02 15:59:00"
    assert stamp(course, "jsmith1") is None


def test_blackboard(course):
    early, late = "2026-03-01-10-11-12", "2026-03-02-09-00-00"
    collect(
        course,
        {
            f"Homework 4_jdoe_attempt_{early}_{CHAPTER}.ipynb": notebook("early"),
            f"Homework 4_jdoe_attempt_{early}.txt": "Name: Jane Doe (jdoe)\nAssignment: Homework 4\n",
            f"Homework 4_jdoe_attempt_{late}_{CHAPTER}.ipynb": notebook("late"),
            f"Homework 4_jdoe_attempt_{late}.txt": "Name: Jane Doe (jdoe)\nAssignment: Homework 4\n",
            f"Homework 4_o_brien_attempt_{early}_{CHAPTER}.ipynb": notebook("underscore"),
            f"Homework 4_mlp_attempt_{early}_essay.pdf": b"%PDF",
            f"Homework 4_mallory_attempt_{early}_{CHAPTER}.ipynb": notebook("nobody"),
        },
    )
    assert collected(course) == {"jdoe": notebook("late"), "o_brien": notebook("underscore")}
    assert stamp(course, "jdoe") == "2026-03-02 09:00:00"
    pdf, nobody = sorted(not_collected(course), key=lambda line: "mallory" in line)
    assert "mlp handed in no other" in pdf and "nobody in the gradebook" in nobody


def test_names_by_hand_and_a_collected_penalty(course):
    collect(course, {f"o_brien_{CHAPTER}.ipynb": notebook("a"), f"ada_late_4711_{CHAPTER}.ipynb": notebook("b")})
    assert collected(course) == {"o_brien": notebook("a"), "ada": notebook("b")}
    assert not_collected(course) == []


def test_nobody_passes_for_another_by_what_is_in_an_archive(course, tmp_path):
    zipped(tmp_path / "own.zip", {f"x/doejane_12345_999999_{CHAPTER}.ipynb": notebook("forged")})
    collect(
        course,
        {
            f"doejane_12345_678901_{CHAPTER}.ipynb": notebook("honest"),
            "学生_12346_678902_work.zip": (tmp_path / "own.zip").read_bytes(),
            f"delaperezmarylou_20001_678904_HW_jdoe_attempt_2027-01-01-00-00-00_{CHAPTER}.ipynb": notebook("mine"),
        },
    )
    assert collected(course) == {"jdoe": notebook("honest"), "xs": notebook("forged"), "mlp": notebook("mine")}


def test_a_broken_archive_of_one_student_stops_nobody(course):
    said = collect(
        course,
        {
            "学生_12346_678902_work.zip": b"PK\x03\x04 cut off",
            f"doejane_12345_678901_{CHAPTER}.ipynb": notebook("honest"),
        },
    )
    assert collected(course) == {"jdoe": notebook("honest")}
    assert "cannot be unpacked" in said
    assert "xs handed in no other" in "".join(not_collected(course))


def test_what_is_newer_stays_also_with_force(course):
    name = f"Homework 4_jdoe_attempt_2026-03-01-10-11-12_{CHAPTER}.ipynb"
    folder = course / "submitted" / "jdoe" / CHAPTER
    folder.mkdir(parents=True)
    (folder / f"{CHAPTER}.ipynb").write_text("newer", encoding="utf-8")
    (folder / "timestamp.txt").write_text("2026-03-05 00:00:00 UTC", encoding="utf-8")
    collect(course, {name: notebook("older")}, "--force")
    assert collected(course) == {"jdoe": "newer"}
    assert "is newer (2026-03-05 00:00 UTC)" in "".join(not_collected(course))


def test_only_the_systems_names_that_are_said(course):
    name = f"Lab_1_2_jdoe_attempt_2026-03-01-10-11-12_{CHAPTER}.ipynb"
    collect(course, {name: notebook()}, "--LmsCollector.system=blackboard")
    assert list(collected(course)) == ["jdoe"]


NAMES = st.text(st.characters(whitelist_categories=["L", "Nd"], whitelist_characters=" '-_."), min_size=1, max_size=30)
NUMBERS = st.integers(1, 10**9)
CHAPTER_NAMES = st.sampled_from(CHAPTERS)
LOCAL = st.sampled_from(
    ["{}.ipynb", "{} (1).ipynb", "Copy of {}.ipynb", "{}_final.ipynb", "{}-2.ipynb", "我的{}.ipynb"]
)


@given(NAMES, NUMBERS, NUMBERS, CHAPTER_NAMES, LOCAL, st.booleans())
def test_every_name_of_canvas_parses_back(student, user, upload, chapter, local, late):
    shown = squeezed(student) or "x"
    path = PurePath("submissions", f"{shown}{'_LATE' if late else ''}_{user}_{upload}_{local.format(chapter)}")
    name = parse(path)
    assert (name.system, name.student, name.number, name.order) == ("canvas", shown, str(user), upload)
    assert name.late == late and name.copy == (2 if "-2" in local else 0)
    assert chapter_of(name.file, CHAPTERS) == chapter


@given(NAMES, NUMBERS, CHAPTER_NAMES, LOCAL, st.sampled_from(["_/", "/", "_"]))
def test_every_name_of_moodle_parses_back(student, participant, chapter, local, separator):
    shown = student.replace("_", " ")
    path = PurePath(f"{shown}_{participant}_assignsubmission_file{separator}{local.format(chapter)}")
    name = parse(path)
    assert (name.system, name.student, name.number) == ("moodle", shown, str(participant))
    assert chapter_of(name.file, CHAPTERS) == chapter


USERS = st.text(string.ascii_lowercase + string.digits + "._-", min_size=1, max_size=20).filter(
    lambda s: s.strip("._-")
)
TITLES = st.text(string.ascii_letters + " -", min_size=1, max_size=20)


@given(TITLES, USERS, st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), CHAPTER_NAMES, LOCAL)
def test_every_name_of_blackboard_parses_back(title, user, time, chapter, local):
    time = time.replace(microsecond=0)
    path = PurePath(f"{title}_{user}_attempt_{time:%Y-%m-%d-%H-%M-%S}_{local.format(chapter)}")
    name = parse(path, "blackboard")
    assert (name.system, name.student, name.time) == ("blackboard", f"{title}_{user}", time)
    assert Roster([Person(user), Person("somebody else")]).on_blackboard(name.student) == [Person(user)]
    assert chapter_of(name.file, CHAPTERS) == chapter


@pytest.mark.parametrize(
    ("text", "chapter"),
    [
        ("ch04 final.ipynb", "ch04_activations"),
        ("CH04_Activations.IPYNB", "ch04_activations"),
        ("ch04_attention.ipynb", None),
        ("ch04_activations and ch13_attention.ipynb", None),
        ("activations.ipynb", None),
        ("ch99.ipynb", None),
        ("Lab 2: lab02 softmax (4711)", "lab02_softmax"),
    ],
)
def test_a_chapter_is_meant_or_not(text, chapter):
    assert chapter_of(text, CHAPTERS) == chapter


@pytest.mark.slow
def test_the_commands_themselves(tmp_path):
    """A roster by `nbgrader db student import`, an archive by `nbgrader zip_collect`."""
    root = make_course(tmp_path / "course")
    with (root / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "first_name", "last_name", "email", "lms_user_id"), *ROSTER])
    command(root, "db", "student", "import", "roster.csv")
    place(root, {f"doejane_LATE_12345_678901_{CHAPTER}-1.ipynb": notebook(), f"ann_1_2_{CHAPTER}.ipynb": notebook()})
    said = command(root, "zip_collect", CHAPTER)
    assert list(collected(root)) == ["jdoe"]
    assert "NOT COLLECTED" in said and "nobody in the gradebook is ann (Canvas user 1)" in said
