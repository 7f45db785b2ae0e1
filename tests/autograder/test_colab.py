"""The first cell on Colab: a Python without the course, which clones it, installs it with pip and finds the checks.

Colab itself is played by an empty module of its name; git, pip and the notebook's kernel are the real ones.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell
from small_course import edit, make_course

from autograder.building import build
from autograder.course import load_course

ROOT = Path(__file__).parents[2]
AS_COLAB = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')"


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A course that says where it can be cloned, with the autograder, in a repository."""
    root = make_course(tmp_path / "published")
    edit(root, "course.yml", "parts:", f"repository: file://{root}\nparts:")
    list(build(load_course(root)))
    shutil.copyfile(ROOT / "pyproject.toml", root / "pyproject.toml")
    for name in ("README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, root / name)
    shutil.copytree(ROOT / "autograder", root / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    git(root, "init", "--quiet")
    git(root, "add", "course.yml", "pyproject.toml", "README.md", "LICENSE", "autograder", "assignments")
    git(root, "commit", "--quiet", "-m", "a course")
    return root


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python that has all libraries of this one, but not the course."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv/bin/python"
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    (Path(packages.stdout.strip()) / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    assert subprocess.run([python, "-c", "import autograder"], cwd=tmp_path, capture_output=True).returncode == 1
    return python


def test_the_first_cell_fetches_the_course_and_check_works(published, bare_python, tmp_path, monkeypatch):
    notebook = nbformat.read(published / "assignments/en/ch01_sums/ch01_sums.ipynb", as_version=4)
    setup = next(cell for cell in notebook.cells if cell.id == "setup-cell")
    assert setup.source.startswith("import sys")
    notebook.cells = [
        new_code_cell(AS_COLAB),
        setup,
        new_code_cell("def add(a, b):\n    return a.clone() + b.clone().to(a.dtype)"),
        new_code_cell("check(add)"),
        setup.copy(),  # run again, it fetches nothing
        new_code_cell("import os, autograder\nprint(os.getcwd(), autograder.__file__)"),
    ]
    kernels = tmp_path / "jupyter/kernels/colab"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(
        f'{{"argv": ["{bare_python}", "-m", "ipykernel_launcher", "-f", "{{connection_file}}"], '
        '"display_name": "colab", "language": "python"}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    for name, value in {"HOME": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}.items():
        monkeypatch.setenv(name, value)  # pip finds all it needs in the libraries, setuptools too
    content = tmp_path / "content"
    content.mkdir()
    NotebookClient(notebook, timeout=240, kernel_name="colab", resources={"metadata": {"path": str(content)}}).execute()
    checked = "".join(output.get("data", {}).get("text/plain", "") for output in notebook.cells[3].outputs)
    assert "passed" in checked and "failed" not in checked, notebook.cells[3].outputs
    folder, file = notebook.cells[5].outputs[0]["text"].split()
    assert folder == str(tmp_path / "atlas/assignments/en/ch01_sums")
    assert file.startswith(str(bare_python.parents[1]))


def test_elsewhere_the_first_cell_fetches_nothing(published, tmp_path):
    notebook = nbformat.read(published / "assignments/zh/ch01_sums/ch01_sums.ipynb", as_version=4)
    setup = next(cell for cell in notebook.cells if cell.id == "setup-cell")
    assert "# 在 Colab 上先取来课程" in setup.source
    here = published / "assignments/zh/ch01_sums"
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": ""}  # without git and pip
    ran = subprocess.run(
        [sys.executable, "-c", f"{setup.source}\nimport os\nprint(os.getcwd())"],
        cwd=here,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.strip() == str(here) and not (tmp_path / "atlas").exists()
