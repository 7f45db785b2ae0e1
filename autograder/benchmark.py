"""The same class graded by `atlas grade` and by stock `nbgrader autograde`, in turn.

    python -m autograder.benchmark [--students 40] [--pairs 3] [--chapter ch04_activations] [--record]

The stock course holds the same cases as hidden tests in its notebooks' cells, with torch imported in each kernel, and
no demonstrations to run. Both commands are timed as a user would start them, gradebook and all. What is quoted is the
median of the pairs' ratios; in each pair `atlas grade` runs before and after the other, which takes so much longer that
a machine may have changed its speed, and the mean of the two counts. Watching memory takes time, so it is watched in
one more run of each, on the first few of the class.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import nbformat
import psutil
import typer
from rich.console import Console
from rich.table import Table

from autograder.chapters import Chapter
from autograder.course import Course, find_root, load_course
from autograder.demo import copy_course
from autograder.figures import put_figures
from autograder.sample import Student, hand_in, notebook, students

STOCK_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ClearSolutions.enforce_metadata = False
"""

# runs in the kernel, beside the student's answers, as nbgrader's hidden tests do
STOCK_CHECKS = '''
"""The course's cases as plain assertions."""
import torch
from autograder.chapters import Chapter
from autograder.draws import Draw
from itertools import product
from pathlib import Path

chapter = Chapter(Path({root!r}), {chapter!r})


def run(name, answer):
    for case in chapter.exercises[name].cases:
        for dtype, seed in product(case.dtypes, range(case.draws)):
            if case.raises:
                try:
                    case.driver(answer, Draw(seed, dtype))
                except Exception:
                    continue
                raise AssertionError(case.name)
            came = case.driver(answer, Draw(seed, dtype))
            for oracle in (chapter.exercises[name].reference, case.agrees_with):
                if oracle is not None:
                    expected = case.driver(oracle, Draw(seed, dtype))
                    torch.testing.assert_close(came, expected, rtol=case.rtol, atol=case.atol, equal_nan=True)
'''


COMMANDS = {"atlas": ["atlas", "grade"], "stock": ["nbgrader", "autograde"]}
WATCHED = 6  # submissions of the run in which memory is watched


def timed(command: list[str], folder: Path) -> float:
    """Run a command to its end; its seconds."""
    started = time.monotonic()
    with _running(command, folder):
        pass
    return time.monotonic() - started


def peak_mb(command: list[str], folder: Path) -> float:
    """Run a command to its end; the most memory that all its processes held together (proportional set size)."""
    peak = 0.0
    with _running(command, folder) as process:
        while process.poll() is None:
            total = 0
            with suppress(psutil.Error):
                parent = psutil.Process(process.pid)
                for one in [parent, *parent.children(recursive=True)]:
                    with suppress(psutil.Error):
                        total += one.memory_full_info().pss
            peak = max(peak, total / 2**20)
            time.sleep(0.3)
    return peak


def _environment() -> dict[str, str]:
    """Ours, with the commands beside this Python first."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[subprocess.Popen]:
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=log)
        yield process
        if process.wait() not in (0, 1):
            log.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {log.read()[-2000:]}")


def sample(count: int) -> list[Student]:
    """The readable, honest students of the sample class, over and over under other names."""
    honest = [s for s in students() if s.readable and s.id not in ("mallory", "eve", "trudy", "hypatia", "niels")]
    return [
        Student(f"student{i:02d}", s.first_name, s.last_name, s.about, s.choose)
        for i, s in ((i, honest[i % len(honest)]) for i in range(count))
    ]


def make_atlas_course(course: Course, folder: Path, chapter: str, chosen: list[Student]) -> None:
    """A copy of the course with the class's submissions of one chapter."""
    folder.mkdir(parents=True)
    copy_course(course.root, folder)
    hand_in(load_course(folder), folder, chosen, [chapter])


def make_stock_course(course: Course, folder: Path, name: str, chosen: list[Student]) -> None:
    """A course as nbgrader's documentation has it: hidden tests in the notebook's cells."""
    folder.mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(STOCK_CONFIG, encoding="utf-8")
    chapter = Chapter(course.root, name)
    source = folder / "source" / name
    source.mkdir(parents=True)
    (source / "stock_checks.py").write_text(STOCK_CHECKS.format(root=str(course.root), chapter=name), encoding="utf-8")
    release = nbformat.read(course.root / "assignments" / "en" / name / f"{name}.ipynb", as_version=4)
    nbformat.write(_with_hidden_tests(release), source / f"{name}.ipynb")
    run = ["nbgrader", "generate_assignment", name, "--create", "--force"]
    subprocess.run(run, cwd=folder, env=_environment(), check=True, capture_output=True)
    for student in chosen:
        target = folder / "submitted" / student.id / name
        target.mkdir(parents=True)
        handed: Any = nbformat.reads(notebook(student, chapter, course.root / "assignments"), as_version=4)
        nbformat.write(_with_hidden_tests(handed, cleared=True), target / f"{name}.ipynb")


def _with_hidden_tests(nb: Any, cleared: bool = False) -> Any:
    """A released notebook whose checks hold the tests, without demonstrations, essays and the course's own data."""
    kept = []
    for cell in nb.cells:
        origin = cell.metadata.pop("atlas", {}).get("origin")
        if origin == "demo" or (cell.cell_type == "markdown" and "nbgrader" in cell.metadata):
            continue
        if origin == "setup":
            cell.source = "import torch\n" + cell.source.replace("from autograder import check", "")
            cell.metadata.pop("nbgrader", None)
        if origin == "check":
            name = cell.source.split("(")[1].split(")")[0]
            hidden = (
                f"### BEGIN HIDDEN TESTS\nfrom stock_checks import run\nrun({name!r}, {name})\n### END HIDDEN TESTS"
            )
            cell.source = f"assert callable({name})" if cleared else f"assert callable({name})\n{hidden}"
        kept.append(cell)
    nb.cells = kept
    nb.metadata.pop("atlas", None)
    return nb


def main(
    chapter: Annotated[str, typer.Option(help="The chapter that is graded")] = "ch04_activations",
    class_size: Annotated[int, typer.Option("--students", help="How many submissions")] = 40,
    pairs: Annotated[int, typer.Option(help="How many times each command runs")] = 3,
    record: Annotated[bool, typer.Option("--record", help="Write README.md and docs/benchmark.json")] = False,
) -> None:
    """Time both commands in turn and print the ratio, where the time goes and the peak memory."""
    console = Console()
    course = load_course(find_root(Path.cwd()))
    chosen = sample(class_size)
    rows: list[dict[str, Any]] = []
    for pair in range(pairs):
        with _two_courses(course, chapter, chosen) as folders:
            again = Path(f"{folders['atlas']}-again")
            shutil.copytree(folders["atlas"], again)
            before = timed([*COMMANDS["atlas"], chapter], folders["atlas"])
            stock = timed([*COMMANDS["stock"], chapter], folders["stock"])
            after = timed([*COMMANDS["atlas"], chapter], again)
            _same_right_answers(folders, chapter, chosen)
            phases = _phases(folders["atlas"])
        atlas = (before + after) / 2
        row = {"atlas_seconds": atlas, "stock_seconds": stock, "ratio": stock / atlas}
        rows.append({**row, "before": before, "after": after, **phases})
        console.print(
            f"pair {pair + 1}: {stock:.1f} s / {atlas:.1f} s ({before:.1f}, {after:.1f}) = {stock / atlas:.1f}"
        )
    with _two_courses(course, chapter, chosen[:WATCHED]) as folders:
        memory = {name: peak_mb([*COMMANDS[name], chapter], folder) for name, folder in folders.items()}
    _print(console, rows, memory, class_size, chapter)
    if record:
        figures = {"machine": machine(), "chapter": chapter, "students": class_size, "peak_mb": memory, "rows": rows}
        (course.root / "docs" / "benchmark.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        put_figures(course.root / "README.md", "bench", sentence(rows, memory, class_size, chapter))


@contextmanager
def _two_courses(course: Course, chapter: str, chosen: list[Student]) -> Iterator[dict[str, Path]]:
    """The same class twice: in a copy of the course, and in one as nbgrader's documentation has it."""
    with tempfile.TemporaryDirectory(prefix="atlas-bench-") as folder:
        folders = {name: Path(folder) / name for name in COMMANDS}
        make_atlas_course(course, folders["atlas"], chapter, chosen)
        make_stock_course(course, folders["stock"], chapter, chosen)
        yield folders


def sentence(rows: list[dict[str, Any]], memory: dict[str, float], class_size: int, chapter: str) -> str:
    """The figures in words, as the README has them."""
    seconds = {name: statistics.median(row[f"{name}_seconds"] for row in rows) for name in COMMANDS}
    ratios = sorted(row["ratio"] for row in rows)
    return (
        f"`atlas grade` grades {class_size} submissions of {chapter} {statistics.median(ratios):.1f} times as fast as "
        f"`nbgrader autograde` with the same cases as hidden tests ({ratios[0]:.1f} to {ratios[-1]:.1f} in "
        f"{len(rows)} pairs): {60 * class_size / seconds['atlas']:.0f} submissions a minute against "
        f"{60 * class_size / seconds['stock']:.0f}, with {memory['atlas']:.0f} MB of memory against "
        f"{memory['stock']:.0f}, on {machine()}."
    )


def machine() -> str:
    """The machine, in words."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _phases(folder: Path) -> dict[str, float]:
    """Where the time of the last `atlas grade` went, as it noted itself."""
    path = folder / "verdicts" / "summary.json"
    return json.loads(path.read_text(encoding="utf-8"))["seconds"] if path.exists() else {}


def _same_right_answers(folders: dict[str, Path], chapter: str, chosen: list[Student]) -> None:
    """Both must have graded: the all-right students have full marks in each gradebook."""
    from nbgrader.api import Gradebook

    for folder in folders.values():
        with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
            for student in chosen:
                found = gradebook.find_submission(chapter, student.id)
                if student.about.startswith("right, as the reference") and found.score < _code_points(found):
                    raise RuntimeError(f"{folder.name}: {student.id} is right and has {found.score}")


def _code_points(submission: Any) -> float:
    return sum(g.max_score for n in submission.notebooks for g in n.grades if g.cell.cell_type == "code")


def _print(
    console: Console, rows: list[dict[str, Any]], memory: dict[str, float], class_size: int, chapter: str
) -> None:
    def median(key: str) -> float:
        return statistics.median(row.get(key, 0.0) for row in rows)

    table = Table(title=f"{class_size} submissions of {chapter}; medians of {len(rows)} pairs; {machine()}")
    table.add_column("")
    table.add_column("atlas grade", justify="right")
    table.add_column("nbgrader autograde", justify="right")
    seconds = [median(f"{name}_seconds") for name in COMMANDS]
    table.add_row("seconds", *(f"{s:.1f}" for s in seconds))
    table.add_row("submissions a minute", *(f"{60 * class_size / s:.0f}" for s in seconds))
    table.add_row("peak memory, MB", *(f"{memory[name]:.0f}" for name in COMMANDS))
    console.print(table)
    console.print(f"ratio of submissions a minute: {median('ratio'):.1f}")
    for phase in sorted({k for row in rows for k in row} - {"ratio", "before", "after"}):
        if not phase.startswith(("atlas_", "stock_")):
            console.print(f"  {phase}: {median(phase):.1f} s")


if __name__ == "__main__":
    typer.run(main)
