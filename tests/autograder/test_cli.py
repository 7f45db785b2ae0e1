"""The command `atlas`: exit status and messages."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from small_course import edit, make_course
from typer.testing import CliRunner

from autograder import doctor
from autograder.cli import app
from autograder.doctor import Finding, examine, report


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_course(tmp_path)


@pytest.fixture
def atlas(root, monkeypatch):
    """Run `atlas …` inside the small course."""
    monkeypatch.chdir(root)
    return lambda *words: CliRunner().invoke(app, words)


class TestBuild:
    def test_says_what_was_built(self, atlas):
        result = atlas("build")
        assert result.exit_code == 0
        assert result.output.startswith("ch01_sums: 2 exercises, 7.5 points; wrote assignments/en/ch01_sums/")
        assert atlas("build").output == "ch01_sums: 2 exercises, 7.5 points; unchanged\n"

    def test_works_from_a_folder_inside_the_course(self, atlas, root, monkeypatch):
        monkeypatch.chdir(root / "source" / "ch01_sums")
        assert atlas("build", "--chapter", "ch01_sums").exit_code == 0
        assert (root / "assignments/en/ch01_sums/ch01_sums.ipynb").is_file()

    def test_check_passes_after_a_build_and_fails_after_an_edit(self, atlas, root):
        atlas("build")
        assert atlas("build", "--check").exit_code == 0
        edit(root, "source/ch01_sums/en.md", "A sum adds.", "A sum adds up.")
        result = atlas("build", "--check")
        assert result.exit_code == 1
        assert result.stderr == (
            "assignments/en/ch01_sums/ch01_sums.ipynb is out of date: run `atlas build --chapter ch01_sums`\n"
        )

    def test_an_unknown_chapter_is_a_bad_call(self, atlas):
        result = atlas("build", "--chapter", "ch01_sum")
        assert result.exit_code == 2
        assert "no chapter 'ch01_sum'" in result.stderr

    def test_an_unknown_option_is_a_bad_call(self, atlas):
        assert atlas("build", "--chekc").exit_code == 2

    def test_a_course_error_is_one_message_without_a_traceback(self, atlas, root):
        edit(root, "course.yml", "points: 2.5", "points: -2.5")
        result = atlas("build")
        assert result.exit_code == 1
        assert result.stderr.startswith(
            f"{root / 'course.yml'}:11: chapters[ch01_sums].exercises[add].points: got -2.5"
        )
        assert "Traceback" not in result.output and len(result.stderr.splitlines()) == 1

    def test_a_folder_without_a_course(self, tmp_path_factory, monkeypatch):
        monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
        result = CliRunner().invoke(app, ["build"])
        assert result.exit_code == 1
        assert "run this inside the course's folder" in result.stderr

    def test_another_error_is_not_hidden(self, atlas, monkeypatch):
        monkeypatch.setattr("autograder.building.build", lambda *_: 1 / 0)
        assert isinstance(atlas("build").exception, ZeroDivisionError)

    def test_a_package_for_staff_that_is_missing(self, atlas, monkeypatch):
        def import_nbgrader(*_):
            raise ModuleNotFoundError("No module named 'nbgrader'", name="nbgrader.converters")

        monkeypatch.setattr("autograder.building.build", import_nbgrader)
        result = atlas("build")
        assert result.exit_code == 1
        assert "nbgrader.converters is not installed: " in result.stderr and '".[staff]"' in result.stderr


class TestOthersCommands:
    """That a call reaches the module that does the work, and that its outcome becomes the exit status."""

    def test_check_of_answers_in_a_file(self, atlas, root):
        atlas("build")
        answers = root / "mine.py"
        answers.write_text("def add(a, b):\n    return a + b\n", encoding="utf-8")
        result = atlas("check", "ch01_sums", "--answers", str(answers), "--json")
        verdict = json.loads(result.stdout)
        assert result.exit_code == 1  # Running is not attempted
        assert [(e["name"], e["status"]) for e in verdict["exercises"]] == [
            ("add", "passed"),
            ("Running", "not_attempted"),
        ]
        text = root / "solutions/ch01_sums/reference.py"
        assert atlas("check", "ch01_sums", "--answers", str(text)).exit_code == 0

    def test_check_of_a_file_that_is_not_there(self, atlas):
        atlas("build")
        result = atlas("check", "ch01_sums", "--answers", "nowhere.py")
        assert result.exit_code == 1
        assert result.stderr.startswith("nowhere.py: no such file")

    def test_grade_without_submissions_says_where_they_belong(self, atlas):
        result = atlas("grade")
        assert result.exit_code == 1
        assert "submitted: no such folder. Collect submissions with" in result.stderr
        assert "Traceback" not in result.output

    @pytest.mark.parametrize(("passed", "status"), [(True, 0), (False, 1)])
    def test_grade_passes_its_options_on(self, atlas, root, monkeypatch, passed, status):
        calls = []

        def grade(*arguments):
            calls.append(arguments[:-1])
            return SimpleNamespace(passed=passed, as_json=lambda: {"results": []})

        monkeypatch.setattr("autograder.grading.grade", grade)
        words = ("grade", "ch01_sums", "--student", "ada", "--workers", "2", "--sandbox", "none", "--json")
        result = atlas(*words)
        assert result.exit_code == status
        assert json.loads(result.stdout) == {"results": []}
        assert calls == [(root, ["ch01_sums"], "ada", 2, "none", None)]

    @pytest.mark.parametrize(
        "words",
        [
            ("grade", "ch09_none"),
            ("grade", "--sandbox", "docker"),
            ("grade", "--workers", "0"),
            ("verify", "ch09_none"),
            ("check",),
            ("check", "ch01_sums", "--language", "de"),
            ("run",),
        ],
    )
    def test_a_bad_call(self, atlas, words):
        assert atlas(*words).exit_code == 2

    @pytest.mark.parametrize(("problems", "status"), [([], 0), (["is accepted"], 1)])
    def test_verify_fails_for_a_problem(self, atlas, monkeypatch, problems, status):
        from autograder.verification import Report

        report = Report("ch01_sums", "add", wrong=3, wrong_failed=3, right=1, right_passed=1, problems=problems)
        monkeypatch.setattr("autograder.verification.verify_course", lambda *_, **__: iter([report]))
        result = atlas("verify", "--json")
        assert result.exit_code == status
        assert json.loads(result.stdout)["summary"]["wrong_failed"] == 3
        assert ("add: is accepted" in result.stderr) == bool(problems)

    def test_verify_check_compares_with_what_was_recorded(self, atlas, root, monkeypatch):
        from autograder.verification import Report

        def verified(right, mutants=True):
            found = Report("ch01_sums", "add", right=right, right_passed=right, with_mutants=mutants)
            return lambda *_, **__: iter([found])

        (root / "docs").mkdir()
        marks = "<!-- verify: written by `make verify` -->\n<!-- /verify -->\n"
        (root / "README.md").write_text(marks, encoding="utf-8")
        monkeypatch.setattr("autograder.verification.verify_course", verified(1, mutants=False))
        result = atlas("verify", "--no-mutants", "--record")
        assert result.exit_code == 1 and "run `atlas verify --record ch01_sums`, with mutants" in result.stderr
        monkeypatch.setattr("autograder.verification.verify_course", verified(1))
        assert atlas("verify", "--check").exit_code == 1
        assert atlas("verify", "--record").exit_code == 0
        assert atlas("verify", "--check").exit_code == 0
        monkeypatch.setattr("autograder.verification.verify_course", verified(2))
        result = atlas("verify", "--check")
        assert result.exit_code == 1
        assert "docs/verification.json has other figures of ch01_sums add" in result.stderr

    @pytest.mark.parametrize(("right", "status"), [(True, 0), (False, 1)])
    def test_demo_fails_when_a_score_is_not_the_deserved_one(self, atlas, root, monkeypatch, right, status):
        calls = []
        monkeypatch.setattr("autograder.demo.demo", lambda *words: calls.append(words) or right)
        assert atlas("demo", "there").exit_code == status
        assert calls[0][:2] == (root, root / "there")


class TestStart:
    def test_no_command_shows_the_commands(self):
        result = CliRunner().invoke(app, [])
        assert result.exit_code == 2
        for command in ("build", "check", "grade", "verify", "demo", "doctor", "run"):
            assert f" {command} " in result.output

    def test_starting_imports_neither_torch_nor_nbgrader(self):
        code = "import sys, autograder.cli; print({'torch', 'nbgrader', 'nbconvert'} & set(sys.modules))"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert ran.stdout.strip() == "set()", ran.stderr


class TestDoctor:
    def find(self, name: str, folder: Path) -> Finding:
        return next(finding for finding in examine(folder) if finding.name == name)

    def shown(self, *findings: Finding) -> tuple[bool, str]:
        out = StringIO()
        good = report(list(findings), Console(file=out, width=100))
        return good, out.getvalue()

    def test_what_is_needed_and_missing_fails_with_the_command_that_mends_it(self):
        good, text = self.shown(Finding("Python", True, "3.11"), Finding("bubblewrap", False, "not installed", "apt x"))
        assert not good
        assert "missing" in text and "bubblewrap (needed for grading):\n    apt x" in text

    def test_what_is_optional_and_missing_does_not_fail(self):
        good, text = self.shown(Finding("triton", False, "not installed", "pip install triton", needed=False))
        assert good
        assert "absent" in text and "triton (optional):" in text

    def test_all_there(self):
        good, text = self.shown(Finding("Python", True, "3.11", "install it"))
        assert good and "install it" not in text

    def test_alembic_is_found_beside_this_python_too(self, monkeypatch, root):
        monkeypatch.setenv("PATH", "/nowhere")
        assert self.find("alembic", root).present
        monkeypatch.setattr(doctor.sys, "executable", "/nowhere/python")
        assert self.find("alembic", root).state == "missing"

    def test_a_program_that_is_not_on_the_path(self, monkeypatch, root):
        monkeypatch.setenv("PATH", "/nowhere")
        sandbox = self.find("bubblewrap", root)
        assert (sandbox.state, sandbox.mend) == ("missing", "apt-get install bubblewrap")

    def test_a_bubblewrap_that_may_not_make_namespaces(self, monkeypatch, tmp_path, root):
        fake = tmp_path / "bin" / "bwrap"
        fake.parent.mkdir()
        fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
        sandbox = self.find("bubblewrap", root)
        assert sandbox.state == "missing"
        assert "No permissions to create new namespace" in sandbox.found
        assert sandbox.mend

    def test_another_system_than_linux(self, monkeypatch, root):
        monkeypatch.setattr(doctor.sys, "platform", "darwin")
        assert "--sandbox none" in self.find("bubblewrap", root).mend

    def test_a_package_in_another_version_than_asked_for(self, monkeypatch, root):
        monkeypatch.setattr(doctor, "version", lambda name: "0.8.0")
        finding = self.find("nbgrader", root)
        assert finding.state == "missing"
        assert finding.found.startswith("0.8.0, but the course needs ==0.9.6")

    def test_the_course_file_is_read_too(self, root):
        assert self.find("course.yml", root).found.endswith("1 written chapters")
        edit(root, "course.yml", "points: 2.5", "points: -2.5")
        broken = self.find("course.yml", root)
        assert broken.state == "missing" and "points: got -2.5" in broken.found

    def test_without_torch_it_still_says_what_is_missing(self, monkeypatch, root):
        monkeypatch.setitem(sys.modules, "torch", None)
        monkeypatch.setitem(sys.modules, "autograder.chapters", None)
        assert self.find("course.yml", root).state == "ok"
        assert self.find("NVIDIA GPU", root).found == "torch is not installed"

    def test_exit_status_follows(self, atlas, monkeypatch):
        monkeypatch.setattr(doctor, "examine", lambda folder: [Finding("x", True, "here")])
        assert atlas("doctor").exit_code == 0
        monkeypatch.setattr(doctor, "examine", lambda folder: [Finding("x", False, "gone", "get it")])
        assert atlas("doctor").exit_code == 1


@pytest.mark.slow
def test_run_writes_the_notebook_and_says_which_cell_failed(atlas, root):
    result = atlas("run", "ch01_sums")
    assert result.exit_code == 0, result.output
    assert (root / "build/run/en/ch01_sums.html").is_file()
    for language in ("en", "zh"):
        edit(root, f"source/ch01_sums/{language}.md", "print(torch.ones(2))", "print(torch.ones(2)[5])")
    result = atlas("run", "ch01_sums", "--language", "zh", "--out", str(root / "ran.ipynb"))
    assert result.exit_code == 1
    assert "IndexError" in result.stderr and (root / "ran.ipynb").is_file()
