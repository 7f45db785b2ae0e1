"""Otter bundles: `grader.check` in the notebook, and `otter run` with the scores of `atlas grade`."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from graded_class import STUDENTS
from nbclient import NotebookClient

from autograder.course import LANGUAGES, find_root, load_course
from autograder.errors import CourseError
from autograder.otter_bundle import AUTOGRADER, bundle
from autograder.sample import SECRET, notebook

ROOT = find_root(Path(__file__))
CHAPTER = "ch04_activations"


@pytest.fixture(scope="module")
def out(course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("otter")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATLAS_SECRET", SECRET)
        list(bundle(course, [CHAPTER], folder))
    return folder


def run_otter(out: Path, room: Path, text: str, student: str) -> subprocess.CompletedProcess:
    """`otter run` on a notebook; its results.json comes to lie in the room."""
    (room / f"{CHAPTER}.ipynb").write_text(text, encoding="utf-8")
    command = [str(Path(sys.executable).parent / "otter"), "run", f"{CHAPTER}.ipynb", "--no-logo"]
    command += ["-a", str(out / "en" / CHAPTER / AUTOGRADER), "-o", str(room)]
    variables = {"ATLAS_SECRET": SECRET, "ATLAS_STUDENT": student, "OMP_NUM_THREADS": "1", "HOME": str(room)}
    variables["PATH"] = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    return subprocess.run(command, cwd=room, env=variables, capture_output=True, text=True, timeout=280)


def otter_scores(room: Path) -> dict[str, float]:
    tests = json.loads((room / "results.json").read_text(encoding="utf-8"))["tests"]
    return {test["name"]: test["score"] for test in tests if "score" in test}


def assert_as_recorded(out, room, chapter, recorded, student):
    ran = run_otter(out, room, notebook(STUDENTS[student], chapter, ROOT / "assignments"), student)
    if not STUDENTS[student].readable:
        assert ran.returncode != 0 and not (room / "results.json").exists()
        return
    assert ran.returncode == 0, ran.stderr
    scores = otter_scores(room)
    assert sum(scores.values()) == pytest.approx(recorded[student], abs=1e-6)
    assert list(scores) == [exercise.name for exercise in load_course(ROOT).chapter(CHAPTER).exercises]


@pytest.mark.parametrize("student", ["ada", "kurt", "blaise"])  # right, wrong, empty
def test_otter_run_gives_the_score_in_nbgraders_gradebook(out, tmp_path, chapter, recorded, student):
    assert_as_recorded(out, tmp_path, chapter, recorded, student)


@pytest.mark.slow
@pytest.mark.parametrize("student", sorted(set(STUDENTS) - {"ada", "kurt", "blaise"}))
def test_otter_run_gives_the_rest_of_the_class_the_scores_in_nbgraders_gradebook(
    out, tmp_path, chapter, recorded, student
):
    assert_as_recorded(out, tmp_path, chapter, recorded, student)


def test_students_code_does_not_run_in_otters_own_process(out, tmp_path, chapter):
    """Otter's results are made in the kernel that runs the submission; here nothing of the submission runs there."""
    made = nbformat.reads(notebook(STUDENTS["blaise"], chapter, ROOT / "assignments"), as_version=4)
    mark = tmp_path / "was here"
    forge = "from otter.test_files import TestFile\nTestFile.score = property(lambda self: 4)"
    made.cells.insert(0, nbformat.v4.new_code_cell(f"open({str(mark)!r}, 'w').close()\n{forge}"))
    ran = run_otter(out, tmp_path, nbformat.writes(made), "mallory")
    assert ran.returncode == 0, ran.stderr
    assert sum(otter_scores(tmp_path).values()) == 0 and not mark.exists()


def test_without_the_course_there_is_no_score(out, tmp_path, chapter):
    other = tmp_path / "moved"
    other.mkdir()
    archive = zipfile.ZipFile(out / "en" / CHAPTER / AUTOGRADER)
    (other / "en" / CHAPTER).mkdir(parents=True)
    with zipfile.ZipFile(other / "en" / CHAPTER / AUTOGRADER, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name).decode()
            copy.writestr(name, content.replace(str(ROOT), "/nowhere") if name == "otter_config.json" else content)
    ran = run_otter(other, tmp_path, notebook(STUDENTS["ada"], chapter, ROOT / "assignments"), "ada")
    assert ran.returncode != 0 and "ATLAS_COURSE" in ran.stderr
    assert not (tmp_path / "results.json").exists()


@pytest.mark.parametrize(
    "language, answer, says",
    [
        ("en", None, "All test cases passed!"),
        ("zh", None, "All test cases passed!"),
        ("en", "def softmax(x, dim):\n    return torch.exp(x)", "Test case failed"),
        ("zh", "", "Test case failed"),
    ],
)
def test_grader_check_runs_the_visible_checks_in_the_notebook(out, chapter, language, answer, says):
    folder = out / language / CHAPTER
    built = nbformat.read(folder / f"{CHAPTER}.ipynb", as_version=4)
    kept = [cell for cell in built.cells if cell.get("id") in ("otter", "setup-cell", "softmax", "otter-softmax")]
    assert [cell.id for cell in kept] == ["otter", "setup-cell", "softmax", "otter-softmax"]
    kept[2].source = chapter.solution("softmax") if answer is None else answer
    made = nbformat.v4.new_notebook(cells=kept, metadata=built.metadata)
    NotebookClient(made, resources={"metadata": {"path": str(folder)}}, timeout=120).execute()
    shown = made.cells[-1].outputs[-1]["data"]["text/plain"]
    assert says in shown
    if answer:
        remaining = len(chapter.exercises["softmax"].hidden)
        assert "✗ failed" in shown and f"{remaining} hidden remain" in shown


def test_the_notebook_of_a_bundle_is_reassembled_as_the_released_one(out, chapter, tmp_path):
    from autograder.submissions import read_submission

    release = ROOT / "assignments" / "en" / CHAPTER / f"{CHAPTER}.ipynb"
    path = out / "en" / CHAPTER / f"{CHAPTER}.ipynb"
    read = read_submission(path, release, CHAPTER)
    assert [cell.exercise for cell in read.cells if cell.exercise] == list(chapter.exercises)
    assert read.notes == []


def test_a_bundle_holds_the_visible_side_alone(out, chapter):
    hidden = [case.name for exercise in chapter.exercises.values() for case in exercise.hidden]
    for language in LANGUAGES:
        folder = out / language / CHAPTER
        texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in (".py", ".ipynb")]
        with zipfile.ZipFile(folder / AUTOGRADER) as archive:
            texts += [archive.read(name).decode() for name in archive.namelist()]
        assert not [name for name in hidden if any(name in text for text in texts)]
        assert {path.stem for path in (folder / "tests").iterdir()} == set(chapter.exercises)


def test_building_again_replaces_what_was_built_and_nothing_that_was_changed(out, course):
    list(bundle(course, [CHAPTER], out))
    path = out / "en" / CHAPTER / f"{CHAPTER}.ipynb"
    built = path.read_text(encoding="utf-8")
    path.write_text(built + " ", encoding="utf-8")
    try:
        with pytest.raises(CourseError, match="was changed since it was built"):
            list(bundle(course, [CHAPTER], out))
        assert path.read_text(encoding="utf-8") == built + " "
    finally:
        path.write_text(built, encoding="utf-8")


def test_the_command_builds_a_chapters_bundles(tmp_path):
    atlas = Path(sys.executable).parent / "atlas"
    command = [str(atlas), "build", "--otter", "--chapter", CHAPTER, "--out", str(tmp_path / "bundles")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "bundles" / "zh" / CHAPTER / AUTOGRADER).is_file()
    assert (tmp_path / "bundles" / "gradescope" / f"{CHAPTER}.zip").is_file()
    refused = subprocess.run([str(atlas), "build", "--otter", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 2 and "leave out --otter" in refused.stderr
