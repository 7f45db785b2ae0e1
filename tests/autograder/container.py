"""A folder laid out as Gradescope's container, the zip file unpacked in it, and ways to judge a notebook there."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import psutil

from autograder.course import load_course
from autograder.gradescope_bundle import pinned, write_zip
from autograder.sample import SECRET
from autograder.workshop import STUDENT

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CHAPTER = "ch04_activations"
IN_DOCKER = [sys.executable, str(HERE / "as_in_docker.py")]
WITHOUT_LANDLOCK = [*IN_DOCKER, "--without-landlock"]


def open_python() -> str | None:
    """A Python of this version that every user of this machine can run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for path in (Path(sys._base_executable), Path("/usr/bin") / version, Path("/usr/local/bin") / version):
        if path.exists() and all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents):
            return str(path)
    return None


def why_not() -> str:
    """Why no container can be laid out here; empty where one can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "needs root, as Gradescope's autograder is"
    return "" if open_python() else "needs a Python of this version that other users can run"


class Container:
    """A scratch root: `autograder` is Gradescope's folder, `home` what setup.sh makes.

    by_setup: let setup.sh itself install, from the package index; else what this environment has is linked.
    """

    def __init__(self, by_setup: bool = False):
        self.scratch = Path(tempfile.mkdtemp(prefix="atlas-gradescope-"))
        self.scratch.chmod(0o755)
        self.root, self.home = self.scratch / "autograder", self.scratch / "home"
        os.environ["ATLAS_SECRET"] = SECRET
        course = load_course(ROOT)
        self.zip = write_zip(course, course.chapter(CHAPTER), self.scratch / "autograder.zip")
        del os.environ["ATLAS_SECRET"]
        self.source = self.root / "source"
        zipfile.ZipFile(self.zip).extractall(self.source)
        (self.root / "submission").mkdir()
        self.made_user = not has_student()
        if by_setup:
            self.setup()
        else:
            self.link(course)

    def setup(self) -> None:
        environment = {**os.environ, **self.places(), "ATLAS_TORCH_INDEX": os.environ.get("ATLAS_TORCH_INDEX", "")}
        subprocess.run(["bash", self.source / "setup.sh"], env=environment, check=True, capture_output=True)

    def link(self, course) -> None:
        """What setup.sh does, with the packages of this environment."""
        if self.made_user:
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", STUDENT]
            subprocess.run(command, check=True)
        venv = self.home / "venv"
        self.home.mkdir(mode=0o755)
        subprocess.run([open_python(), "-m", "venv", "--without-pip", venv], check=True)
        packages = next((venv / "lib").glob("python*")) / "site-packages"
        for line in pinned(ROOT, course.chapter(CHAPTER)):
            for file in distribution(line.partition("==")[0]).files or []:
                if ".." not in file.parts and not {"test", "tests", "include"} & set(file.parts):
                    link(Path(file.locate()), packages / file)
        shutil.copytree(self.source / "engine", self.home / "engine")
        (packages / "atlas.pth").write_text(f"{self.home / 'engine'}\n")
        subprocess.run(["chmod", "-R", "go+rX", self.home / "engine"], check=True)
        subprocess.run(["chmod", "-R", "go-rwx", self.source], check=True)

    def places(self) -> dict[str, str]:
        return {"ATLAS_ROOT": str(self.root), "ATLAS_HOME": str(self.home)}

    def hand_in(self, text: str, student: str = "ada", name: str = "my homework.ipynb") -> None:
        """Put a notebook where Gradescope puts what a student uploads."""
        shutil.rmtree(self.root / "submission")
        shutil.rmtree(self.root / "results", ignore_errors=True)
        (self.root / "submission").mkdir()
        (self.root / "submission" / name).write_text(text, encoding="utf-8")
        users = [{"email": f"{student}@example.edu", "id": 7, "name": student, "sid": "s7"}]
        metadata = {"id": 1, "users": users, "assignment": {"title": "x"}, "previous_submissions": []}
        (self.root / "submission_metadata.json").write_text(json.dumps(metadata))

    def start(self, within=IN_DOCKER, **environment: str) -> subprocess.Popen:
        command = [*within, "bash", str(self.source / "run_autograder")]
        variables = {"PATH": os.environ["PATH"], **self.places(), **environment}
        return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, within=IN_DOCKER, **environment: str) -> dict:
        """Judge what was handed in; results.json."""
        process = self.start(within, **environment)
        said = process.communicate(timeout=280)
        assert process.returncode == 0, said
        return self.results()

    def results(self) -> dict:
        return json.loads((self.root / "results" / "results.json").read_text(encoding="utf-8"))

    def close(self) -> None:
        shutil.rmtree(self.scratch)
        if self.made_user:
            subprocess.run(["userdel", STUDENT], check=True)


def link(file: Path, place: Path) -> None:
    if not file.is_file():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, place)
    except OSError:
        shutil.copy2(file, place)


def has_student() -> bool:
    try:
        return bool(pwd.getpwnam(STUDENT))
    except KeyError:
        return False


def students_processes() -> list[int]:
    """What the student's user runs now."""
    uid = pwd.getpwnam(STUDENT).pw_uid
    found = []
    for process in psutil.process_iter(["uids", "status"]):
        uids = process.info["uids"]
        if uids and uid in tuple(uids) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found
