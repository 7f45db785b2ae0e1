"""Building a small made-up course: what comes out, and everything that must be refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from small_course import (
    CHECKS,
    CHECKS_PY,
    EN_MD,
    HIDDEN,
    REFERENCE_PY,
    ZH_MD,
    edit,
    edit_both,
    make_course,
)

from autograder.building import build, check, run_solution_notebook
from autograder.chapters import Chapter
from autograder.course import Course, load_course
from autograder.errors import CourseError
from autograder.leaks import Secrets, tells
from autograder.stubs import mark_solution

ROOT = Path(__file__).parents[2]
RELEASED = {"ch01_sums.ipynb", "checks.py", "exercises.json"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_course(tmp_path)


def course_at(root: Path) -> Course:
    return load_course(root)


def built(root: Path) -> None:
    list(build(course_at(root)))


def notebook(root: Path, language: str = "en", room: str = "assignments") -> nbformat.NotebookNode:
    return nbformat.read(root / room / language / "ch01_sums" / "ch01_sums.ipynb", as_version=4)


def cells(root: Path, **where: str) -> dict[str, nbformat.NotebookNode]:
    return {cell.id: cell for cell in notebook(root, **where).cells}


class TestWhatComesOut:
    def test_a_folder_for_each_language_with_three_files(self, root):
        (done,) = build(course_at(root))
        assert (done.chapter, done.exercises, done.points) == ("ch01_sums", 2, 7.5)
        for language in ("en", "zh"):
            assert {p.name for p in (root / "assignments" / language / "ch01_sums").iterdir()} == RELEASED
            assert {p.name for p in (root / "build/source" / language / "ch01_sums").iterdir()} == RELEASED
        assert not (root / "assignments/en/ch02_later").exists()

    def test_the_notebook_is_valid_for_nbformat_and_nbgrader(self, root):
        built(root)
        for language in ("en", "zh"):
            released = notebook(root, language)
            nbformat.validate(released)
            MetadataValidator().validate_nb(released)
            assert released.metadata.atlas == {"chapter": "ch01_sums", "language": language, "schema": 1}

    def test_the_cells_in_order_with_what_the_course_knows_of_them(self, root):
        built(root)
        assert [(cell.id, dict(cell.metadata.atlas)) for cell in notebook(root).cells] == [
            ("text-1", {"origin": "given"}),
            ("setup-cell", {"origin": "setup"}),
            ("demo-1", {"origin": "demo"}),
            ("add-header", {"exercise": "add", "origin": "header"}),
            ("add", {"exercise": "add", "origin": "answer"}),
            ("add-check", {"exercise": "add", "origin": "check"}),
            ("why_sums-question", {"essay": "why_sums", "origin": "header"}),
            ("why_sums", {"essay": "why_sums", "origin": "essay"}),
            ("text-2", {"origin": "given"}),
            ("Running-header", {"exercise": "Running", "origin": "header"}),
            ("Running", {"exercise": "Running", "origin": "answer"}),
            ("Running-check", {"exercise": "Running", "origin": "check"}),
        ]

    def test_the_setup_cell_imports_what_the_reference_does_and_check(self, root):
        built(root)
        setup = cells(root)["setup-cell"]
        assert setup.source == "import math\nimport torch\nfrom torch import Tensor\n\nfrom autograder import check"
        assert setup.metadata.nbgrader.locked

    def test_a_function_keeps_signature_and_docstring(self, root):
        built(root)
        assert cells(root)["add"].source == (
            "# exercise: add\n"
            "def add(a: Tensor, b: Tensor) -> Tensor:\n"
            '    """Add two tensors.\n'
            "\n"
            "    a + b                                                          (1.1)\n"
            '    """\n'
            "    # YOUR CODE HERE\n"
            "    raise NotImplementedError()"
        )

    def test_a_class_keeps_signatures_docstrings_and_decorators(self, root):
        built(root)
        assert cells(root)["Running"].source == (
            "# exercise: Running\n"
            "class Running:\n"
            '    """A running sum."""\n'
            "\n"
            "    def __init__(self, start: float = 0.0):\n"
            '        """Begin at `start`."""\n'
            "        # YOUR CODE HERE\n"
            "        raise NotImplementedError()\n"
            "\n"
            "    @property\n"
            "    def total(self) -> float:\n"
            "        # YOUR CODE HERE\n"
            "        raise NotImplementedError()"
        )

    def test_what_nbgrader_is_told(self, root):
        built(root)
        found = cells(root)

        def told(name: str) -> tuple:
            data = found[name].metadata.nbgrader
            return data.grade_id, data.grade, data.solution, data.locked, data.get("points")

        assert told("add-header") == ("add-header", False, False, True, None)
        assert told("add") == ("add", False, True, False, None)
        assert told("add-check") == ("add-check", True, False, True, 2.5)
        assert told("why_sums") == ("why_sums", True, True, False, 4)
        assert told("why_sums-question") == ("why_sums-question", False, False, True, None)
        assert found["add-check"].source == "check(add)"
        assert "nbgrader" not in found["text-1"].metadata
        assert found["demo-1"].metadata.tags == ["hide-input"]

    def test_the_line_above_an_exercise(self, root):
        built(root)
        english, chinese = cells(root), cells(root, language="zh")
        assert english["add-header"].source == (
            "**Exercise** `add` · equation (1.1), (2.10) · ●●○○○ · 10 min · 2.5 points\n\n"
            "Write it without calling `sum`, `addmm*`. `*` stands for any letters."
        )
        assert english["Running-header"].source == "**Exercise** `Running` · ●●●●● · 20 min · 1 point"
        assert chinese["add-header"].source.startswith("**练习** `add` · 公式 (1.1)、(2.10) · ●●○○○ · 约 10 分钟")

    def test_an_essay_shows_its_question_and_a_cell_to_write_in(self, root):
        built(root)
        assert cells(root)["why_sums-question"].source.endswith("Why do sums add?")
        assert cells(root)["why_sums"].source == "*Write your answer here.*"
        assert cells(root, language="zh")["why_sums"].source == "*在此写下你的回答。*"

    def test_the_facts_that_check_needs(self, root):
        built(root)
        facts = json.loads((root / "assignments/zh/ch01_sums/exercises.json").read_text(encoding="utf-8"))
        add, running = facts["exercises"]
        assert (facts["chapter"], facts["language"], facts["title"]) == ("ch01_sums", "zh", "求和")
        assert add | {"stub": ""} == {
            "name": "add",
            "equation": "1.1, 2.10",
            "points": 2.5,
            "difficulty": 2,
            "minutes": 10,
            "forbids": ["sum", "addmm*"],
            "may_change": [],
            "hidden": {"value": 1, "gradient": 1},
            "stub": "",
        }
        assert add["stub"] == cells(root, language="zh")["add"].source
        assert running["hidden"] == {"value": 1}
        assert facts["essays"] == [{"name": "why_sums", "points": 4}]

    def test_the_instructor_notebook_holds_the_solution_between_markers(self, root):
        built(root)
        source = cells(root, room="build/source")["add"].source
        assert "    ### BEGIN SOLUTION\n    # numbers move to the left operand\n" in source
        assert source.endswith("    return a.clone() + moved\n    ### END SOLUTION")

    def test_building_twice_gives_the_same_bytes_and_writes_nothing(self, root, tmp_path_factory):
        built(root)
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "course"
        shutil.copytree(root, elsewhere, ignore=shutil.ignore_patterns("assignments", "build"))
        built(elsewhere)
        files = sorted(p for room in ("assignments", "build") for p in (root / room).rglob("*.*"))
        assert len(files) == 12
        for path in files:
            assert path.read_bytes() == (elsewhere / path.relative_to(root)).read_bytes()
        (again,) = build(course_at(root))
        assert again.changed == []

    def test_no_gradebook_is_made(self, root):
        built(root)
        assert not list(root.rglob("*.db"))

    def test_only_what_changed_is_written(self, root):
        built(root)
        edit(root, EN_MD, "A sum adds.", "A sum adds up.")
        (again,) = build(course_at(root))
        assert [str(p) for p in again.changed] == [
            "build/source/en/ch01_sums/ch01_sums.ipynb",
            "assignments/en/ch01_sums/ch01_sums.ipynb",
        ]


class TestOutOfDate:
    def test_a_fresh_build_is_up_to_date(self, root):
        built(root)
        assert check(course_at(root)) == []

    def test_checking_writes_nothing(self, root):
        check(course_at(root))
        assert not (root / "assignments").exists() and not (root / "build").exists()

    def test_nothing_built_yet(self, root):
        problems = check(course_at(root))
        assert "assignments/en/ch01_sums/ch01_sums.ipynb is missing: run `atlas build --chapter ch01_sums`" in problems
        assert len(problems) == 6

    @pytest.mark.parametrize("name", sorted(RELEASED))
    def test_a_released_file_edited_by_hand(self, root, name):
        built(root)
        edit(root, f"assignments/zh/ch01_sums/{name}", "add", "ad")
        assert check(course_at(root)) == [
            f"assignments/zh/ch01_sums/{name} is out of date: run `atlas build --chapter ch01_sums`"
        ]

    @pytest.mark.parametrize(
        ("name", "old", "new"),
        [
            (EN_MD, "A sum adds.", "A sum adds up."),
            (REFERENCE_PY, "Add two tensors.", "Add two tensors of any shape."),
            ("course.yml", "points: 2.5", "points: 3"),
            ("tests/ch01_sums/hidden.py", 'facet="gradient"', 'facet="numerics"'),
            (CHECKS_PY, '"sum", ', ""),
        ],
    )
    def test_a_source_edited_after_the_build(self, root, name, old, new):
        built(root)
        edit(root, name, old, new)
        problems = check(course_at(root))
        assert problems and all("is out of date" in p for p in problems)

    def test_a_solution_left_in_the_students_folder(self, root):
        built(root)
        shutil.copy(root / REFERENCE_PY, root / "assignments/en/ch01_sums/reference.py")
        assert check(course_at(root)) == ["assignments/en/ch01_sums/reference.py is not made by the build: remove it"]

    def test_a_chapter_that_is_no_longer_written(self, root):
        built(root)
        shutil.copytree(root / "assignments/en/ch01_sums", root / "assignments/en/ch02_later")
        assert check(course_at(root)) == ["assignments/en/ch02_later is no written chapter of course.yml: remove it"]


class TestTwoLanguages:
    def refused(self, root: Path) -> str:
        problems = check(course_at(root))
        with pytest.raises(CourseError) as caught:
            built(root)
        assert str(caught.value) == "\n".join(problems)
        assert not (root / "assignments").exists()
        return str(caught.value)

    def test_code_that_differs_by_a_letter(self, root):
        edit(root, ZH_MD, "torch.ones(2)", "torch.ones(3)")
        assert "the code differs: `print(torch.ones(2))` against `print(torch.ones(3))`" in self.refused(root)

    def test_prose_that_one_language_lacks(self, root):
        edit(root, ZH_MD, "累加。", "")
        assert "the cells part here: a text cell against exercise Running" in self.refused(root)

    def test_a_cell_at_the_end_that_one_language_lacks(self, root):
        path = root / EN_MD
        path.write_text(path.read_text(encoding="utf-8") + "\nThe end.\n", encoding="utf-8")
        message = self.refused(root)
        assert "en.md:36: a text cell stands at the end here and not in " in message

    def test_exercises_in_another_order(self, root):
        edit(root, ZH_MD, ":exercise: add", ":exercise: Running")
        edit(root, ZH_MD, ":exercise: Running\n```\n", ":exercise: add\n```\n")
        edit(root, ZH_MD, ":exercise: add", ":exercise: Running")
        edit(
            root,
            ZH_MD,
            "累加。\n\n```{code-cell} python\n:exercise: Running",
            "累加。\n\n```{code-cell} python\n:exercise: add",
        )
        assert "the cells part here: exercise add against exercise Running" in self.refused(root)

    def test_tags_that_differ(self, root):
        edit(root, ZH_MD, ":tags: [hide-input]\n", "")
        assert "a demo cell tagged hide-input against a demo cell" in self.refused(root)

    def test_a_language_that_is_missing(self, root):
        (root / ZH_MD).unlink()
        assert "zh.md: no such file: write it, or say `written: false` in course.yml" in self.refused(root)


class TestWhatTheFilesMustAgreeOn:
    def problems(self, root: Path) -> str:
        problems = check(course_at(root))
        assert problems
        assert not any("out of date" in p or "is missing" in p for p in problems)
        return "\n".join(problems)

    def test_an_exercise_of_the_course_without_a_cell(self, root):
        edit_both(root, "```{code-cell} python\n:exercise: Running\n```\n", "")
        assert "en.md: no cell for exercise 'Running', which course.yml lists" in self.problems(root)

    def test_a_cell_of_no_exercise_of_the_course(self, root):
        edit(root, "course.yml", "      - {name: Running, points: 1, difficulty: 5, minutes: 20}\n", "")
        text = self.problems(root)
        assert "en.md:32: course.yml lists no exercise 'Running' in ch01_sums: add it there" in text
        assert "reference.py: 'Running' is no exercise of ch01_sums" in text

    def test_exercises_listed_in_another_order_than_their_cells(self, root):
        line = "      - {name: Running, points: 1, difficulty: 5, minutes: 20}\n"
        edit(root, "course.yml", line, "")
        edit(root, "course.yml", "    exercises:\n", "    exercises:\n" + line)
        text = self.problems(root)
        assert "en.md: the exercise add stands in another place than in course.yml: list them in this order" in text

    def test_an_exercise_with_two_cells(self, root):
        edit_both(root, ":exercise: Running", ":exercise: add")
        assert "a second cell of exercise add: remove one" in self.problems(root)

    def test_an_essay_without_a_cell_and_a_cell_without_an_essay(self, root):
        edit_both(root, "why_sums", "why_not")
        text = self.problems(root)
        assert "no cell for essay 'why_sums'" in text
        assert "course.yml lists no essay 'why_not'" in text

    def test_an_exercise_without_a_reference(self, root):
        edit(root, REFERENCE_PY, "class Running:", "class Walking:")
        text = self.problems(root)
        assert "no function or class 'Running'" in text
        assert "'Walking' is no exercise of ch01_sums" in text

    def test_an_exercise_without_a_visible_check(self, root):
        edit(root, CHECKS_PY, '@case("Running"', '@case("add"')
        assert "checks.py: no case of 'Running': write a visible check" in self.problems(root)

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            (":role: setup\n", "import torch\n", "the first code cell must be empty with `:role: setup`"),
            (":role: setup\n", ":role: setup\nimport torch\n", "a cell with :role: is filled in by the build"),
            (":role: setup\n", ":role: start\n", ":role: takes setup, got 'start'"),
            (":tags: [hide-input]\n", ":role: setup\n:tags: [x]\n", "filled in by the build"),
            ("print(torch.ones(2))\n", "", "an empty code cell"),
            (":tags: [hide-input]\n", ":tag: x\n", "unknown option :tag: of a code cell"),
            (":tags: [hide-input]\n", ":tags: x\n", ":tags: a list such as"),
            (":exercise: add\n", ":exercise: add\npass\n", "a cell with :exercise: is filled in by the build"),
            ('{"essay": "why_sums"}', '{"assay": "why_sums"}', '+++ takes {"essay": "name"} or nothing'),
            (", display_name: Python 3", "", "kernelspec (or nothing) needs display_name and name"),
            ('{"essay": "why_sums"}', '{"essay": why_sums}', "options of a code cell are lines such as"),
        ],
    )
    def test_a_cell_that_is_written_wrongly(self, root, old, new, says):
        edit_both(root, old, new)
        assert says in self.problems(root)

    def test_a_reference_that_is_not_python(self, root):
        edit(root, REFERENCE_PY, "class Running:", "class Running")
        assert "reference.py:21: expected ':'" in self.problems(root)

    @pytest.mark.parametrize("name", [CHECKS_PY, REFERENCE_PY, "tests/ch01_sums/hidden.py"])
    def test_a_file_that_is_missing(self, root, name):
        (root / name).unlink()
        assert "no such file" in self.problems(root)

    def test_a_chapter_that_is_not_written(self, root):
        with pytest.raises(CourseError, match="ch02_later says `written: false`"):
            check(course_at(root), ["ch02_later"])

    def test_a_chapter_that_is_not_there(self, root):
        with pytest.raises(CourseError, match="did you mean 'ch01_sums'"):
            check(course_at(root), ["ch01_sum"])


class TestLeaks:
    def refused(self, root: Path) -> str:
        with pytest.raises(CourseError) as caught:
            built(root)
        assert not (root / "assignments").exists()
        return str(caught.value)

    def test_a_solution_line_in_a_demo(self, root):
        edit_both(root, "print(torch.ones(2))", "a = b = torch.ones(2)\nmoved = b.clone().to(a.dtype)")
        text = self.refused(root)
        assert "assignments/en/ch01_sums/ch01_sums.ipynb, cell demo-1, holds a line of add's solution" in text
        assert "assignments/zh" in text

    def test_a_solution_line_without_its_return_in_the_prose(self, root):
        edit(root, EN_MD, "A sum adds.", "Write `math.fsum([self.total_so_far,  0.0])` there.")
        assert "cell text-1, holds a line of Running's solution" in self.refused(root)

    def test_a_comment_of_a_solution_in_the_checks(self, root):
        edit(root, CHECKS_PY, "RULES", "# numbers move to the left operand\nRULES")
        assert "assignments/en/ch01_sums/checks.py:7 holds a line of add's solution" in self.refused(root)

    def test_a_solution_line_in_a_docstring_of_another_stub_is_public(self, root):
        edit(root, REFERENCE_PY, "Begin at `start`.", "Begin.\n\n        moved = b.clone().to(a.dtype)\n        ")
        built(root)

    def test_the_name_of_a_hidden_case_in_the_prose(self, root):
        edit(root, ZH_MD, "和就是相加。", "见 a_secret_pair_of_matrices。")
        assert "names the hidden case 'a_secret_pair_of_matrices'" in self.refused(root)

    def test_the_name_of_a_hidden_case_in_the_checks(self, root):
        edit(root, CHECKS_PY, '"""Visible checks."""', '"""Visible checks; an_untold_beginning is hidden."""')
        assert "checks.py:1 names the hidden case 'an_untold_beginning'" in self.refused(root)

    def test_a_name_that_a_visible_check_has_too_is_public(self, root):
        assert "def two_vectors" in HIDDEN and "def two_vectors" in CHECKS
        built(root)

    @pytest.mark.parametrize("marker", ["### BEGIN HIDDEN TESTS", "# END MARK SCHEME", "# AUTOTEST torch.ones(2)"])
    def test_a_marker_of_nbgraders_in_the_checks(self, root, marker):
        edit(root, CHECKS_PY, "RULES", f"{marker}\nRULES")
        assert "checks.py:7 holds nbgrader's marker" in self.refused(root)

    def test_a_solution_marker_in_a_demo(self, root):
        edit_both(root, "print(torch.ones(2))", "### BEGIN SOLUTION\nprint(torch.ones(2))\n### END SOLUTION")
        assert "en.md:15: the cell holds a marker of nbgrader's" in self.refused(root)

    def test_a_marker_in_the_reference(self, root):
        edit(root, REFERENCE_PY, "    # numbers", "    ### BEGIN SOLUTION\n    # numbers")
        assert "reference.py: add: holds a marker of nbgrader's" in self.refused(root)

    def test_a_build_that_forgot_to_cut_would_be_seen(self, root):
        built(root)
        text = (root / "build/source/en/ch01_sums/ch01_sums.ipynb").read_text(encoding="utf-8")
        chapter = Chapter(root, "ch01_sums")
        secrets = Secrets(chapter.solutions_by_name, {"add": "", "Running": ""})
        found = "\n".join(secrets.found_in("ch01_sums.ipynb", text))
        assert "holds nbgrader's marker 'BEGIN SOLUTION'" in found
        assert "cell add, holds a line of add's solution, `a.clone() + moved`" in found
        assert "cell Running, holds a line of Running's solution" in found

    @pytest.mark.parametrize("line", ["else:", "return x", "i += 1", "for i in range(n):", "", "raise ValueError()"])
    def test_lines_that_tell_nothing(self, line):
        assert not tells(line)

    @pytest.mark.parametrize("line", ["x * sigmoid(x)", "shifted = x - x.amax(dim)", "# subtract the largest first"])
    def test_lines_that_tell(self, line):
        assert tells(line)


class TestStubs:
    def test_comments_decorated_functions_and_odd_layouts_go_with_the_body(self):
        source = (
            "class A:\n"
            "    rate: float = 1.0\n"
            "\n"
            "    def first(\n"
            "        self,\n"
            "    ) -> int:\n"
            "        # before\n"
            "        @cache\n"
            "        def inner():\n"
            "            return 1\n"
            "\n"
            "        return inner()\n"
            "        # after\n"
            "\n"
            "    # about the second\n"
            "    async def second(self):\n"
            '        """Doc."""\n'
            "        return 2\n"
            "\n"
            "    def documented(self):\n"
            '        """Only this."""\n'
        )
        assert mark_solution(source, "x.py") == (
            "class A:\n"
            "    rate: float = 1.0\n"
            "\n"
            "    def first(\n"
            "        self,\n"
            "    ) -> int:\n"
            "        ### BEGIN SOLUTION\n"
            "        # before\n"
            "        @cache\n"
            "        def inner():\n"
            "            return 1\n"
            "\n"
            "        return inner()\n"
            "        # after\n"
            "        ### END SOLUTION\n"
            "\n"
            "    # about the second\n"
            "    async def second(self):\n"
            '        """Doc."""\n'
            "        ### BEGIN SOLUTION\n"
            "        return 2\n"
            "        ### END SOLUTION\n"
            "\n"
            "    def documented(self):\n"
            '        """Only this."""\n'
        )

    @pytest.mark.parametrize("source", ["def f(x): return x\n", 'def f(x):\n    """Doc."""; return x\n'])
    def test_a_body_that_shares_a_line_cannot_be_cut(self, source):
        with pytest.raises(CourseError, match=r"x\.py: f: put the body on lines of its own"):
            mark_solution(source, "x.py")


@pytest.mark.slow
class TestRunning:
    def test_the_solution_notebook_runs_beside_the_students_files(self, root, tmp_path):
        edit_both(
            root,
            ":exercise: Running\n```\n",
            ":exercise: Running\n```\n\n```{code-cell} python\n"
            "from pathlib import Path\n\nprint(sorted(p.name for p in Path().iterdir()))\n"
            "print(add(torch.ones(1), torch.ones(1)).item(), Running(2).total)\n```\n",
        )
        out = tmp_path / "run" / "ch01_sums.html"
        ran = run_solution_notebook(Chapter(root, "ch01_sums"), "zh", out)
        last = ran.cells[-1].outputs[0].text
        assert last.splitlines() == [str(sorted(RELEASED)), "2.0 2.0"]
        assert "求和" in out.read_text(encoding="utf-8")
        assert not (root / "assignments").exists()

    def test_a_solution_that_its_checks_refuse_is_an_error(self, root, tmp_path):
        edit(root, CHECKS_PY, "expected=1.5", "expected=2.5")
        with pytest.raises(CourseError, match=r"these say no: check\(Running\): see .*ran\.ipynb"):
            run_solution_notebook(Chapter(root, "ch01_sums"), "en", tmp_path / "ran.ipynb")

    def test_nbgraders_own_command_makes_the_same_assignment(self, root):
        built(root)
        shutil.copy(ROOT / "nbgrader_config.py", root)
        folder = root / "assignments/en/ch01_sums"
        made = {path.name: path.read_bytes() for path in folder.iterdir()}
        shutil.rmtree(folder)
        command = [sys.executable, "-m", "nbgrader", "generate_assignment", "ch01_sums", "--no-db"]
        ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == made

    def test_a_cell_that_fails_is_an_error_and_the_notebook_is_still_written(self, root, tmp_path):
        from nbclient.exceptions import CellExecutionError

        edit_both(root, "print(torch.ones(2))", "print(torch.ones(2)[5])")
        out = tmp_path / "ran.ipynb"
        with pytest.raises(CellExecutionError, match="IndexError"):
            run_solution_notebook(Chapter(root, "ch01_sums"), "en", out)
        assert out.is_file()
