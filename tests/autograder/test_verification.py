"""Verifying finds tests that do not bite: each defect that it exists for is made once here, and found."""

import signal
import subprocess
import sys
import textwrap
import time
from functools import partial

import psutil
import pytest

from autograder.chapters import Chapter
from autograder.errors import CourseError
from autograder.verification import Report, Verifier, code_digest, other_figures, record, summarize

REFERENCE = '''
def double(x):
    """2x."""
    return 2 * x
'''
CHECKS = '''
from autograder.cases import Rules, case

@case("double", agrees_with=lambda x: x + x)
def values(double, draw):
    """值"""
    return double(draw.normal(3))
'''
HIDDEN = '''
from autograder.cases import case
from autograder.operations import vjp

@case("double", agrees_with=lambda x: x + x)
def more_values(double, draw):
    """更多的值"""
    return double(draw.normal(2, 3))

@case("double", facet="gradient", agrees_with=lambda x: x + x)
def gradients(double, draw):
    """梯度"""
    return vjp(double, draw.normal(3), cotangent=draw)
'''
WRONG = """
from autograder.cases import edited
triples = edited("double", {"2": "3"}, "Count.\\n\\n数一数。")
negates = edited("double", {"2": "-1"}, "Sign.\\n\\n符号。")
squares = edited("double", {"2 *": "x *"}, "Square.\\n\\n平方。")
"""
RIGHT = """
from autograder.cases import right

@right("double")
def adds(x):
    "By a sum."
    return x + x
"""


def chapter_at(tmp_path, reference=REFERENCE, checks=CHECKS, hidden=HIDDEN, wrong=WRONG, right=RIGHT, equivalent=None):
    files = {
        "solutions/ch00_tiny/reference.py": reference,
        "source/ch00_tiny/checks.py": checks,
        "tests/ch00_tiny/hidden.py": hidden,
        "tests/ch00_tiny/wrong_answers.py": wrong,
        "tests/ch00_tiny/right_answers.py": right,
    }
    if equivalent:
        files["tests/ch00_tiny/equivalent_mutants.yml"] = equivalent
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return Chapter(tmp_path, "ch00_tiny")


def report(tmp_path, **files):
    chapter = chapter_at(tmp_path, **files)
    return Verifier(chapter, chapter.exercises["double"]).run()


def test_a_sound_exercise_is_clean(tmp_path):
    found = report(tmp_path)
    assert found.problems == []
    assert (found.wrong_failed, found.right_passed) == (3, 1)
    assert found.killed == found.mutants >= 2
    assert found.stock_killed == found.stock > 5


DEFECTS = {
    "a case that compares nothing": (
        {"checks": CHECKS.replace("double(draw.normal(3))", "double(draw.normal(3)) * 0"),
         "hidden": "from autograder.cases import case\n@case('double')\ndef none(double, draw):\n"
                   "    '''无'''\n    return double(draw.normal(3)) * 0\n"},
        "is accepted",
    ),
    "a draw of zeros": (
        {"hidden": HIDDEN.replace("double(draw.normal(2, 3))", "double(0 * draw.normal(2, 3))")},
        "'zeros' passes more_values",
    ),
    "a wrong answer that is right": ({"wrong": WRONG.replace('"2": "3"', '"2": "2.0"')}, "triples is accepted"),
    "a wrong answer that is not even run": (
        {"wrong": WRONG.replace('"2 *": "x *"', '"return 2 *": "return vars() and 3 *"'),
         "checks": CHECKS + "\nRULES = {'double': Rules(forbids=('doubled',))}\n"},
        "squares is refused before it runs, so no case tells",
    ),
    "a wrong answer that only some draws tell": (
        {"wrong": WRONG.replace('"2 *": "x *"', '"return 2 *": "return (2 if x.sum() > 0 else 3) *"')},
        "squares is accepted on some draws (secret 'wrong ",
    ),
    "a right answer that is wrong": ({"right": RIGHT.replace("x + x", "x - x")}, "adds is refused"),
    "no gradient asked for": (
        {"hidden": HIDDEN.replace("vjp(double, draw.normal(3), cotangent=draw)", "double(draw.normal(3))")},
        "'detached' is accepted",
    ),
    "a builtin that disagrees": ({"checks": CHECKS.replace("x + x", "x + 1")}, "disagree"),
    "too few wrong answers": ({"wrong": WRONG.rsplit("squares", 1)[0]}, "has 2 wrong answers"),
    "no Chinese sentence": ({"checks": CHECKS.replace('"""值"""', "")}, "has no Chinese sentence"),
    "no Chinese hint": ({"wrong": WRONG.replace("数一数。", "")}, "needs its hint in English and in Chinese"),
    "a builtin that may not be called but is not refused": (
        {"checks": CHECKS + "\nRULES = {'double': Rules(forbids=('doubled',))}\n"},
        "'calls the builtin' is accepted",
    ),
    "an equivalent that is not": (
        {"equivalent": "- {exercise: double, was: 'return 2 * x', becomes: 'return 3 * x', reason: none}\n"},
        "listed as equivalent, but fails",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_found(tmp_path, defect):
    files, message = DEFECTS[defect]
    problems = report(tmp_path, **files).problems
    assert any(message in problem for problem in problems), problems


def test_a_survivor_is_named_with_its_change(tmp_path):
    reference = REFERENCE.replace("return 2 * x", "y = 2 * x\n    z = 0\n    return y")
    problems = report(tmp_path, reference=reference).problems
    assert "survives: z = 0  →  z = None" in problems


def test_the_rate_is_written_between_its_marks(tmp_path):
    (tmp_path / "docs").mkdir()
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- verify: written by `make verify` -->\nold\n<!-- /verify -->\nafter\n")
    found = report(tmp_path)
    record(tmp_path, [(found.chapter, found.exercise)], [found])
    text = readme.read_text()
    assert "old" not in text
    assert summarize([found]).sentence() in text
    assert text.startswith("before") and text.endswith("after\n")
    assert "kill rate of 100.00 %" in text


def test_what_is_recorded_is_kept_until_its_exercise_is_verified_again(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("<!-- verify: written by `make verify` -->\n<!-- /verify -->\n")
    one, two, gone = (Report("ch01", x, wrong=3, wrong_failed=3, mutants=5, killed=5, with_mutants=True) for x in "abc")
    written = [("ch01", "a"), ("ch01", "b")]
    record(tmp_path, written, [one, two, gone])
    assert "2 exercises" in (tmp_path / "README.md").read_text()
    assert other_figures(tmp_path, [one, two]) == [] and other_figures(tmp_path, [gone]) == ["ch01 c"]
    better = Report("ch01", "b", wrong=4, wrong_failed=4, mutants=7, killed=6, with_mutants=True)
    assert other_figures(tmp_path, [one, better]) == ["ch01 b"]
    record(tmp_path, written, [better])
    text = (tmp_path / "README.md").read_text()
    assert "7 of 7 wrong answers fail" in text and "11 of 12 syntactic mutants fail" in text
    without = Report("ch01", "b", wrong=4, wrong_failed=4)
    assert other_figures(tmp_path, [without]) == []  # no mutants were judged, so nothing is said of them
    worse = Report("ch01", "b", wrong=4, wrong_failed=3)
    assert other_figures(tmp_path, [worse]) == ["ch01 b"]
    record(tmp_path, written, [worse])  # the mutants' figures stay: they are of the same code
    text = (tmp_path / "README.md").read_text()
    assert "6 of 7 wrong answers fail" in text and "11 of 12 syntactic mutants fail" in text
    other_code = Report("ch01", "b", code="another", wrong=4, wrong_failed=4)
    assert other_figures(tmp_path, [other_code]) == ["ch01 b"]
    for found in (other_code, Report("ch01", "a new one", wrong=3, wrong_failed=3)):
        with pytest.raises(CourseError, match="run `atlas verify --record ch01`, with mutants"):
            record(tmp_path, written, [found])


def test_the_code_that_mutants_depend_on_is_told_from_what_is_said_of_it(tmp_path):
    before = code_digest(chapter_at(tmp_path, REFERENCE))
    said = REFERENCE.replace('"""', '"""Otherwise: ', 1).replace("\n", "  # so\n", 1)
    assert said != REFERENCE and code_digest(chapter_at(tmp_path, said)) == before
    assert code_digest(chapter_at(tmp_path, REFERENCE.replace("2 * x", "x * 2"))) != before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_goes_on_when_verifying_is_stopped(tmp_path, number):
    slow = """
import multiprocessing, pathlib, time
if multiprocessing.parent_process():
    pathlib.Path("begun").touch()
    time.sleep(60)
"""
    chapter_at(tmp_path, hidden=slow + HIDDEN)
    script = tmp_path / "verifying.py"
    script.write_text(
        "from pathlib import Path\nfrom autograder.verification import verify_course\n"
        "if __name__ == '__main__':\n    list(verify_course(Path.cwd(), ['ch00_tiny']))\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.1)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    assert process.wait(30) != 0
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
