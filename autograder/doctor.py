"""`atlas doctor`: what this machine has and lacks for the course, and the command that mends each lack."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version
from rich.console import Console
from rich.table import Table

PROJECT = "deep-learning-mathematics-atlas"
OLDEST_PYTHON = (3, 11)
PROBE_SECONDS = 20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for.

    found: what is there, or what went wrong.
    mend: the command that provides it.
    needed: whether grading other people's code fails without it.
    """

    name: str
    present: bool
    found: str
    mend: str = ""
    needed: bool = True

    @property
    def state(self) -> str:
        if self.present:
            return "ok"
        return "missing" if self.needed else "absent"


def examine(folder: Path) -> Iterator[Finding]:
    """Look for everything; `folder` is where course.yml should be found."""
    yield _python()
    yield _package("torch", f"{sys.executable} -m pip install torch")
    yield _package("nbgrader", _staff())
    yield _alembic()
    yield _package("jupyterlab", _staff())
    yield _package("cloudpickle", _staff())
    yield _package("psutil", _staff())
    yield _sandbox()
    yield _course(folder)
    yield _gpu()
    yield _package("triton", f"{sys.executable} -m pip install triton", needed=False)


def report(findings: list[Finding], console: Console) -> bool:
    """Print findings as a table; whether nothing needed is missing."""
    colours = {"ok": "green", "missing": "red", "absent": "yellow"}
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("", "looked for", "found"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        table.add_row(f"[{colours[finding.state]}]{finding.state}[/]", finding.name, finding.found)
    console.print(table)
    lacking = [finding for finding in findings if not finding.present and finding.mend]
    if lacking:
        console.print()
    for finding in lacking:
        without = "needed for grading" if finding.needed else "optional"
        console.print(f"{finding.name} ({without}):")
        console.print(f"    {finding.mend}", markup=False, highlight=False, soft_wrap=True)
    return not any(finding.state == "missing" for finding in findings)


def _staff() -> str:
    return f'{sys.executable} -m pip install -c constraints.txt -e ".[staff]"'


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    oldest = ".".join(map(str, OLDEST_PYTHON))
    mend = f"install Python {oldest} or newer, then: python3 -m venv .venv"
    return Finding("Python", sys.version_info >= OLDEST_PYTHON, f"{found}, {sys.executable}", mend)


def _package(name: str, mend: str, needed: bool = True) -> Finding:
    """A Python package in the version that pyproject.toml asks for."""
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(name, False, "not installed", mend, needed)
    asked = _asked(name)
    if asked and not asked.specifier.contains(Version(found), prereleases=True):
        return Finding(name, False, f"{found}, but the course needs {asked.specifier}", mend, needed)
    return Finding(name, True, found, mend, needed)


def _asked(name: str) -> Requirement | None:
    """What the course's own metadata ask of a package."""
    try:
        listed = [Requirement(line) for line in requires(PROJECT) or []]
    except PackageNotFoundError:
        return None
    return next((requirement for requirement in listed if requirement.name == name), None)


def _alembic() -> Finding:
    """nbgrader makes a gradebook with it, and nbgrader_config.py puts the folder of this Python on PATH."""
    path = shutil.which("alembic") or shutil.which("alembic", path=str(Path(sys.executable).parent))
    found = path or "neither on PATH nor beside this Python; nbgrader makes a gradebook with it"
    return Finding("alembic", path is not None, found, _staff())


def _sandbox() -> Finding:
    """bubblewrap, tried out: it needs user namespaces, which some systems forbid."""
    name = "bubblewrap"
    if not sys.platform.startswith("linux"):
        return Finding(
            name,
            False,
            f"not on {sys.platform}",
            "grade on Linux; or trust the code and say: atlas grade --sandbox none",
        )
    path = shutil.which("bwrap")
    if path is None:
        return Finding(name, False, "not installed", "apt-get install bubblewrap")
    command = [
        path,
        "--unshare-all",
        "--unshare-user",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "true",
    ]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, False, f"does not run: {error}", "apt-get install --reinstall bubblewrap")
    if ran.returncode != 0:
        reason = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        return Finding(name, False, f"cannot make a sandbox: {reason}", _allow_user_namespaces())
    return Finding(name, True, f"{path}; user namespaces work")


def _allow_user_namespaces() -> str:
    """The setting that forbids user namespaces here; in a container it is the host's."""
    settings = {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        "/proc/sys/kernel/unprivileged_userns_clone": ("0", "kernel.unprivileged_userns_clone=1"),
        "/proc/sys/user/max_user_namespaces": ("0", "user.max_user_namespaces=10000"),
    }
    for path, (forbidding, setting) in settings.items():
        try:
            value = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if value == forbidding:
            return f"sudo sysctl -w {setting}"
    return "in a container: start it with --security-opt seccomp=unconfined, or grade outside it"


def _course(folder: Path) -> Finding:
    try:
        from autograder.course import find_root, load_course
        from autograder.errors import CourseError
    except ImportError as error:
        return Finding("course.yml", False, f"cannot be read before the packages are there: {error}")
    try:
        course = load_course(find_root(folder))
    except CourseError as error:
        lines = str(error).splitlines()
        return Finding("course.yml", False, lines[0], "mend the lines named above, or change into the course's folder")
    return Finding("course.yml", True, f"{course.root}; {len(course.written)} written chapters")


def _gpu() -> Finding:
    name = "NVIDIA GPU"
    try:
        import torch
    except ImportError:
        return Finding(name, False, "torch is not installed", needed=False)
    if not torch.cuda.is_available():
        return Finding(name, False, "none: answers are judged on the CPU, and speed points wait", needed=False)
    return Finding(name, True, torch.cuda.get_device_name(), needed=False)
