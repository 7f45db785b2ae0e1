"""The zip file that Gradescope makes an autograder from: one chapter, this engine, and what judging needs.

It holds the solutions, the hidden cases and the course's secret: it is for Gradescope and staff alone.
"""

import re
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

from autograder.course import FILE, ChapterEntry, Course
from autograder.errors import CourseError
from autograder.store import SECRET_FILE, course_secret

PACKAGE = Path(__file__).resolve().parent
TEMPLATES = PACKAGE / "templates"
CONSTRAINTS = "constraints.txt"
# of the engine itself, of the chapters' checks and hidden cases, and of what a student's answer may import
JUDGING = (
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "networkx",
    "jaxtyping",
    "safetensors",
    "pydantic",
    "pyyaml",
    "nbformat",
    "cloudpickle",
    "rich",
)
LABS = ("triton",)
EPOCH = (1980, 1, 1, 0, 0, 0)


def write_zip(course: Course, entry: ChapterEntry, path: Path) -> Path:
    """Write a chapter's zip file; the same course makes the same bytes. Raises CourseError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content, mode in sorted(_contents(course, entry)):
                info = zipfile.ZipInfo(name, EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (0o100000 | mode) << 16
                archive.writestr(info, content)
        temporary.chmod(0o600)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _contents(course: Course, entry: ChapterEntry) -> Iterator[tuple[str, bytes, int]]:
    """What lies in the zip file: name, content, permissions."""
    run = (TEMPLATES / "gradescope_run.sh").read_text(encoding="utf-8").replace("@CHAPTER@", entry.name)
    yield "setup.sh", (TEMPLATES / "gradescope_setup.sh").read_bytes(), 0o755
    yield "run_autograder", run.encode(), 0o755
    yield "requirements.txt", "\n".join([*pinned(course.root, entry), ""]).encode(), 0o644
    yield f"course/{SECRET_FILE}", f"{course_secret(course.root)}\n".encode(), 0o600
    for file in _course_files(course, entry.name):
        yield f"course/{file.relative_to(course.root).as_posix()}", file.read_bytes(), 0o600
    for file in PACKAGE.rglob("*.py"):
        yield f"engine/{file.relative_to(PACKAGE.parent).as_posix()}", file.read_bytes(), 0o644


def _course_files(course: Course, chapter: str) -> Iterator[Path]:
    root = course.root
    yield root / FILE
    yield root / "source" / chapter / "checks.py"
    for release in course.releases(chapter).values():
        if not release.is_file():
            raise CourseError(f"{release}: no such file: run `atlas build --chapter {chapter}`")
        yield release
    for room in ("solutions", "tests"):
        for path in (root / room / chapter).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def pinned(root: Path, entry: ChapterEntry) -> list[str]:
    """The packages that judging needs, and what they need, at the versions of constraints.txt; torch for the CPU."""
    path = root / CONSTRAINTS
    try:
        lines = path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise CourseError(f"{path}: cannot be read: {error.strerror}") from error
    versions = {_normal(line.partition("==")[0]): line for line in lines}
    names = sorted(closure([*JUDGING, *(LABS if entry.is_lab else ())]) - {"setuptools"})
    if missing := [name for name in names if name not in versions]:
        raise CourseError(f"{path}: does not pin {', '.join(missing)}, which judging needs: add them")
    return [f"{versions[name]}+cpu" if name == "torch" else versions[name] for name in names]


def closure(names: Iterable[str]) -> set[str]:
    """These packages and, as far as they are installed here, all that they need on a machine like this one."""
    found: set[str] = set()
    left = [_normal(name) for name in names]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needed = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            raise CourseError(f"{name} is not installed, so what it needs is not known: pip install {name}") from None
        left += [_normal(r.name) for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
