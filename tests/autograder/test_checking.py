"""check in a notebook, a terminal or a pipe, and `atlas check`: what a student sees, whatever they pass and write."""

import json
import os
import sys
import time
import types
import warnings
from functools import partial

import numpy as np
import pytest
import torch

from autograder import check
from autograder.assignments import find, of_folder
from autograder.checking import check_answers, check_in_notebook, identify
from autograder.errors import CourseError
from autograder.examining import examine

CHECKS = '''
"""Visible checks."""
import torch
import torch.nn.functional as F

from autograder.cases import Rules, case
from autograder.operations import trajectory, vjp

RULES = {"softmax": Rules(forbids=("softmax",))}
TEMPERATURE = 2.0


@case("softmax", agrees_with=torch.softmax)
def each_row_becomes_probabilities(softmax, draw):
    """每一行变成概率"""
    return softmax(draw.normal(3, 5), dim=-1)


@case("softmax", agrees_with=torch.softmax)
def the_dimension_is_the_one_asked_for(answer, draw):
    """沿指定的维度归一化"""
    x = draw.normal(4, 3) / TEMPERATURE
    return answer(
        x,
        dim=0,
    )


@case("softmax", facet="gradient", agrees_with=torch.softmax)
def the_gradient_reaches_the_logits(softmax, draw):
    """梯度传到 logits"""
    return vjp(softmax, draw.normal(3, 4), cotangent=draw, dim=-1)


@case("softmax", facet="interface", raises=IndexError)
def a_dimension_that_does_not_exist_is_refused(softmax, draw):
    """拒绝不存在的维度"""
    return softmax(draw.normal(3, 5), dim=7)


@case("relu", agrees_with=torch.relu)
def negative_numbers_become_zero(relu, draw):
    """负数变成 0"""
    return relu(draw.normal(4, 4))


@case("SGD", agrees_with=torch.optim.SGD)
def three_steps_with_momentum(SGD, draw):
    """带动量的三步"""
    parameters = [draw.normal(3), draw.normal(2, 2)]
    gradients = [[draw.normal(3), draw.normal(2, 2)] for _ in range(3)]
    return trajectory(SGD, parameters, gradients, lr=0.1, momentum=0.9)


@case("unfinished")
def nothing_says_what_is_right(unfinished, draw):
    """没有标准"""
    return unfinished(draw.normal(2))
'''

SETUP = "import torch\nimport torch.nn.functional as F\n"
STUB = 'def {}(*args, **options):\n    """The task."""\n    raise NotImplementedError()\n'
RIGHT = """
def softmax(x, dim):
    if not -x.dim() <= dim < x.dim():
        raise IndexError(f"no dimension {dim}")
    e = torch.exp(x - x.amax(dim, keepdim=True))
    return e / e.sum(dim, keepdim=True)
"""
WRONG_DIM = """
def softmax(x, dim):
    e = torch.exp(x)
    return e / e.sum(-1, keepdim=True)
"""
SGD = """
class SGD:
    def __init__(self, params, lr, momentum=0.0):
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.buffers = [None] * len(self.params)

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            b = self.buffers[i]
            self.buffers[i] = p.grad if b is None else self.momentum * b + p.grad
            p -= self.lr * self.buffers[i]
"""


def facts(language="en"):
    names = {"softmax": ("4.4", {"value": 2, "gradient": 3, "numerics": 2}), "relu": ("4.1", {"gradient": 1})}
    names |= {"SGD": ("11.1", {}), "unfinished": ("", {})}
    exercises = [
        {"name": n, "equation": e, "points": 2, "difficulty": 1, "minutes": 5, "forbids": [], "may_change": []}
        | {"hidden": hidden, "stub": STUB.format(n)}
        for n, (e, hidden) in names.items()
    ]
    return {"schema": 1, "chapter": "ch98_sample", "language": language, "exercises": exercises, "essays": []}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A student's folder of one chapter, in which Python runs."""
    write_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_folder(path, language="en"):
    path.mkdir(exist_ok=True)
    (path / "checks.py").write_text(CHECKS, encoding="utf-8")
    (path / "exercises.json").write_text(json.dumps(facts(language)), encoding="utf-8")


class Notebook:
    """Cells that run in one namespace, as IPython keeps them: each in a file of its own that linecache knows."""

    def __init__(self):
        self.namespace = {"__name__": "__main__"}
        self.count = 0
        self.run(SETUP)

    def run(self, source):
        import linecache

        self.count += 1
        name = f"/tmp/ipykernel_1/{self.count}.py"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), self.namespace)
        return self

    def check(self, answer):
        check_in_notebook(answer, self.namespace)

    def __getitem__(self, name):
        return self.namespace[name]


@pytest.fixture
def notebook(folder):
    return Notebook()


@pytest.fixture
def said(notebook, capsys):
    """What check prints of a cell's answer."""

    def run(source, name="softmax"):
        notebook.run(source)
        notebook.check(notebook[name])
        return capsys.readouterr().out

    return run


class TestOneAnswer:
    def test_a_right_answer(self, said):
        out = said(RIGHT)
        assert out.startswith(
            "softmax (4.4)  ✓ visible checks pass; 7 hidden remain: 3 gradient, 2 numerics, 2 value\n"
            "  ✓ passed  each row becomes probabilities\n"
        )
        assert "✗" not in out

    def test_a_wrong_answer(self, said):
        out = said(WRONG_DIM)
        assert "softmax (4.4)  ◐ 2 of 4 visible checks pass; 7 hidden remain" in out
        assert "✗ failed  the dimension is the one asked for\n      12 of 12 values differ. The worst is at" in out
        assert "Look next: The result sums to 1 along dim 1; it should along dim 0: look at dim" in out
        assert "this call is not legal and must raise IndexError; it returned a tensor" in out

    def test_in_chinese(self, said, folder):
        write_folder(folder, "zh")
        out = said(WRONG_DIM)
        assert (
            "softmax (4.4)  ◐ 可见检查 4 项，通过 2 项；还有 7 个隐藏用例：梯度 3 个、数值稳定性 2 个、数值 2 个" in out
        )
        assert "✗ 未通过  沿指定的维度归一化" in out
        assert "接下来看：结果沿 dim=1 的和为 1，而应当沿 dim=0：检查 dim" in out

    def test_a_stateful_class(self, said):
        assert "SGD (11.1)  ✓ visible checks pass\n" in said(SGD, "SGD")
        out = said(SGD.replace("self.momentum * b + p.grad", "p.grad"), "SGD")
        assert "in [1][0] of the result: 3 of 3 values differ" in out

    def test_an_exception_names_the_line_of_the_cell(self, said):
        out = said("# exercise: softmax\ndef softmax(x, dim):\n\n    return helper(x)\n")
        sentence = "the call raised NameError: name 'helper' is not defined (line 4 of your answer: `return helper(x)`)"
        assert sentence in out

    def test_an_exception_in_a_method_or_inside_torch_names_the_student_s_own_line(self, said):
        out = said(SGD.replace("    @torch.no_grad()\n", ""), "SGD")
        assert "a leaf Variable that requires grad is being used in an in-place operation" in out
        assert "(line 11 of your answer: `p -= self.lr * self.buffers[i]`)" in out
        out = said("def softmax(x, dim):\n    return F.softmin(x.numpy(), dim)\n")
        assert "(line 2 of your answer: `return F.softmin(x.numpy(), dim)`)" in out

    def test_a_helper_in_another_cell_counts_as_the_student_s(self, said, notebook):
        notebook.run("def helper(x):\n    raise ValueError('no')\n")
        assert "(line 2 of your answer: `raise ValueError('no')`)" in said(
            "def relu(x):\n    return helper(x)\n", "relu"
        )

    def test_a_forbidden_builtin_is_refused_by_its_source(self, said):
        out = said("def softmax(x, dim):\n    return torch.softmax(x, dim)\n")
        assert "line 2 of the answer uses `softmax`, which this exercise asks you to write yourself" in out
        assert out.count("line 2 of the answer") == 1
        assert out.count("✗ failed") == 4

    def test_a_changed_input_is_named(self, said):
        assert "the call changed its input x" in said("def relu(x):\n    return x.clamp_(min=0)\n", "relu")

    def test_a_case_that_nothing_decides_is_not_the_student_s_mistake(self, said):
        out = said("def unfinished(x):\n    return x\n", "unfinished")
        assert "unfinished  ○ could not be judged" in out
        assert "The check itself failed, which is not your mistake. Tell the course's staff: " in out


class TestNotAttempted:
    def test_an_untouched_stub(self, said):
        out = said(STUB.format("softmax"))
        assert out.startswith("softmax (4.4)  ○ not attempted yet; 7 hidden remain: ")
        assert "  ○ to do  each row becomes probabilities" in out

    def test_a_stub_with_another_signature_comment_or_docstring(self, said):
        source = 'def softmax(x, dim: int):\n    """Mine."""\n    # soon\n    raise NotImplementedError\n'
        assert "○ not attempted yet" in said(source)

    def test_a_stub_class(self, said):
        methods = "class SGD:\n    def __init__(self, params):\n        raise NotImplementedError()\n\n"
        assert "○ not attempted yet" in said(
            methods + "    def step(self):\n        raise NotImplementedError()\n", "SGD"
        )

    def test_a_stub_whose_source_is_lost(self, notebook, capsys):
        exec("def relu(x):\n    raise NotImplementedError()\n", notebook.namespace)
        notebook.check(notebook["relu"])
        assert "○ not attempted yet" in capsys.readouterr().out

    def test_an_answer_above_which_the_stub_s_line_was_left(self, said):
        out = said("def relu(x):\n    raise NotImplementedError()\n    return x.clamp(min=0)\n", "relu")
        assert "line 2 of your answer still raises NotImplementedError: put the formula in its place" in out
        assert "not attempted" not in out


class TestStudentCodeDoesItsWorst:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("raise SystemExit(3)", "the call raised SystemExit: 3"),
            ("exit()", "the call raised SystemExit"),
            ("raise BaseException('odd')", "the call raised BaseException: odd"),
            ("raise GeneratorExit", "the call raised GeneratorExit"),
            ("return relu(x)", "the call raised RecursionError"),
            ("raise type('E', (Exception,), {'__str__': lambda self: 1 / 0})()", "the call raised E: …"),
            ("raise ValueError('x' * 10**7)", "the call raised ValueError: xxx"),
            ("assert False, '<b>{expected}</b>\\n\\x1b[31m'", "the call raised AssertionError: <b>{expected}</b>"),
            ("return print", "expected a tensor, got builtin_function_or_method"),
            ("return [x] * 3", "expected a tensor, got a tuple of 3"),
            ("return x.to_sparse()", "expected a tensor, got sparse_coo"),
            ("return x.to('meta')", "expected a tensor on cpu, got one on meta"),
            ("return x.numpy()", "expected a tensor, got ndarray"),
            ("pass", "Nothing was returned: is there a return?"),
        ],
    )
    def test_it_becomes_a_sentence(self, said, body, words):
        out = said(f"def relu(x):\n    {body}\n", "relu")
        assert words in out
        assert "✗ 0 of 1 visible checks pass" in out
        assert "\x1b" not in out
        assert len(out) < 2500

    def test_what_it_prints_is_kept_short_and_apart(self, said):
        out = said(
            "import sys\ndef relu(x):\n    for i in range(50_000): print('line', i)\n    return x.clamp(min=0)\n",
            "relu",
        )
        assert out.startswith("relu (4.1)  ✓ visible checks pass")
        assert "    line 0\n    line 1\n" in out
        assert "more characters" in out
        assert len(out) < 5000
        assert "to stderr" in said("def relu(x):\n    print('to stderr', file=sys.stderr)\n    return x\n", "relu")

    def test_an_interrupt_says_where_and_goes_on_as_an_interrupt(self, notebook, capsys):
        notebook.run("def relu(x):\n    while True:\n        raise KeyboardInterrupt\n")
        with pytest.raises(KeyboardInterrupt) as stopped:
            notebook.check(notebook["relu"])
        out = capsys.readouterr().out
        assert "Stopped during the check “negative numbers become zero” of `relu`, at line 3 of your answer: " in out
        assert stopped.value._render_traceback_() == ["KeyboardInterrupt"]

    def test_the_notebook_s_own_state_stays(self, said):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        with torch.no_grad():
            out = said(RIGHT + "    torch.rand(7)\n")
        assert "✓ visible checks pass" in out
        assert torch.equal(torch.rand(3), expected)

    def test_another_default_device_does_not_change_a_verdict(self, said):
        try:
            torch.set_default_device("meta")
            assert "✓ visible checks pass" in said(RIGHT)
        finally:
            torch.set_default_device(None)

    def test_warnings_and_streams_come_back(self, said):
        streams = sys.stdout, sys.stderr
        with warnings.catch_warnings():
            said("def relu(x):\n    raise SystemExit\n", "relu")
        assert (sys.stdout, sys.stderr) == streams


class TestWrongArguments:
    def test_each_is_told_what_to_pass(self, notebook, capsys):
        notebook.run(RIGHT + SGD + "relu = lambda x: x.clamp(min=0)\nmine = lambda x: x\n")
        notebook.run("def sofmax(x, dim): pass\ndef other(): pass\n")
        softmax = notebook["softmax"]
        own = "This `{0}` is torch's own, not your answer: run the cell of the exercise, then check({0})"
        for argument, words in [
            (
                softmax(torch.ones(2, 2), 0),
                "check takes the function itself, not what it returns. It was given a tensor",
            ),
            (3, "It was given a number: write check(softmax)"),
            (None, "It was given None: write check(softmax)"),
            ([softmax], "It was given a tuple of 1"),
            (notebook["SGD"]([torch.ones(1)], 0.1), "check takes the class itself, not an object made from it"),
            (torch.softmax, own.format("softmax")),
            (torch.nn.functional.softmax, "is torch's own"),
            (torch.Tensor.softmax, "is torch's own"),
            (torch.optim.SGD, own.format("SGD")),
            (partial(torch.softmax, dim=0), "is torch's own"),
            (np.exp, "This `exp` is numpy's own"),
            (notebook["mine"], "A lambda has no name, so nothing says which exercise it answers"),
            (notebook["sofmax"], "`sofmax` is not an exercise of ch98_sample\nDid you mean check(softmax)?"),
            (notebook["other"], "`other` is not an exercise of ch98_sample\nThe exercises are softmax, relu, SGD"),
            ("tanh", "`tanh` is not an exercise of ch98_sample"),
            ("unfinished", "`unfinished` is not defined yet: run the cell of this exercise first"),
        ]:
            notebook.check(argument)
            assert words in capsys.readouterr().out, argument

    def test_in_chinese(self, folder, notebook, capsys):
        write_folder(folder, "zh")
        notebook.check(torch.softmax)
        assert "这个 `softmax` 是 torch 自带的，不是你的答案" in capsys.readouterr().out

    def test_a_builtin_under_the_exercise_s_name_is_no_answer(self, notebook, capsys):
        notebook.run("softmax = torch.softmax")
        notebook.check(notebook["softmax"])
        assert "is torch's own" in capsys.readouterr().out

    def test_what_is_still_an_answer(self, notebook):
        assignment = of_folder(notebook_folder())
        notebook.run("relu = lambda x: x.clamp(min=0)\nimport functools\n")
        notebook.run(
            "def times(f): return functools.wraps(torch.softmax)(lambda *a: f(*a))\n@times\ndef softmax(x, dim): ..."
        )
        notebook.run("clamp = lambda x, low: x.clamp(min=low)\nhalf = functools.partial(clamp, low=0)")
        for name in ("relu", "softmax"):
            assert identify(notebook[name], assignment, notebook.namespace)[0] == name
            assert identify(name, assignment, notebook.namespace)[1] is notebook[name]
        notebook.namespace["relu"] = notebook["half"]
        assert identify(notebook["half"], assignment, notebook.namespace)[0] == "relu"

    def test_nothing_shows_every_exercise(self, notebook, capsys):
        notebook.run(WRONG_DIM + STUB.format("SGD") + "def relu(x):\n    return x.clamp(min=0)\n")
        from autograder.checking import NOTHING

        notebook.check(NOTHING)
        out = capsys.readouterr().out
        assert out.splitlines() == [
            "1 of 4 exercises pass their visible checks",
            "  softmax     ◐ 2 of 4 visible checks pass",
            "  relu        ✓ visible checks pass",
            "  SGD         ○ not attempted yet",
            "  unfinished  ○ not attempted yet",
        ]


def notebook_folder():
    from pathlib import Path

    return Path.cwd()


class TestFiles:
    def test_checks_that_changed_are_loaded_again(self, said, folder):
        assert "✓ visible checks pass" in said(RIGHT)
        changed = CHECKS.replace("each_row_becomes", "every_single_row_becomes")
        (folder / "checks.py").write_text(changed, encoding="utf-8")
        assert "every single row becomes probabilities" in said(RIGHT)

    def test_no_files(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        check_in_notebook(len)
        out = capsys.readouterr().out
        assert "check needs checks.py and exercises.json, which come with the notebook" in out
        assert str(tmp_path) in out

    @pytest.mark.parametrize("text", ["", "[]", "{", '{"exercises": [{"name": "x"}]}', '{"exercises": []}'])
    def test_a_damaged_exercises_json(self, said, folder, text):
        (folder / "exercises.json").write_text(text)
        out = said(RIGHT)
        assert "exercises.json: not what the build writes" in out
        assert "get the file again from the course" in out

    def test_damaged_checks(self, said, folder):
        (folder / "checks.py").write_text("def f(:\n")
        assert "checks.py: SyntaxError" in said(RIGHT)

    def test_in_the_repository_the_chapter_is_found_by_the_exercise(self, tmp_path, monkeypatch, capsys):
        root = tmp_path / "course"
        write_folder(root)
        (root / "course.yml").write_text("x: 1\n")
        for chapter in ("ch97_other", "ch98_sample"):
            (root / "source" / chapter).mkdir(parents=True)
            built = root / "assignments" / "zh" / chapter
            built.mkdir(parents=True)
            (built / "exercises.json").write_text(json.dumps(facts("zh") | {"exercises": [], "chapter": chapter}))
        (root / "checks.py").rename(root / "source" / "ch98_sample" / "checks.py")
        other = CHECKS.replace('"SGD"', '"Adam"').replace('"relu"', '"gelu"')
        (root / "source" / "ch97_other" / "checks.py").write_text(other, encoding="utf-8")
        assert find("SGD", root, "zh").chapter == "ch98_sample"
        assert find("gelu", root, "zh").chapter == "ch97_other"
        assert find("anything", root / "source" / "ch97_other", "zh").chapter == "ch97_other"
        assert find("SGD", root / "assignments" / "zh", None).language == "zh"
        monkeypatch.chdir(root / "assignments" / "zh")
        check_in_notebook("softmax")
        assert "有多个章节含有练习 `softmax`：ch97_other, ch98_sample" in capsys.readouterr().out


class TestCallAgain:
    """The code under "Run this call yourself" gives what the check saw."""

    def test_it_runs_and_gives_what_came(self, notebook, folder, monkeypatch):
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, "checks", raising=False)
        notebook.run(WRONG_DIM)
        assignment = of_folder(folder)
        examined = examine(
            notebook["softmax"], assignment.listed["softmax"], assignment.cases("softmax"), assignment.rules("softmax")
        )
        code = examined.evidence["the_dimension_is_the_one_asked_for"].call
        assert "from checks import TEMPERATURE" in code
        assert "answer = softmax\n" in code
        assert code.endswith("# the right result: the same call with answer = torch.softmax")
        *statements, last = [part for part in split(code)]
        namespace = dict(notebook.namespace)
        exec("\n".join(statements), namespace)
        came = eval(last, namespace)
        namespace["answer"] = torch.softmax
        right = eval(last, namespace)
        message = next(c.message for c in examined.verdict.cases if c.name == "the_dimension_is_the_one_asked_for")
        i, j = (int(n) for n in message.split("index [")[1].split("]")[0].split(","))
        assert f"expected {float(right[i, j]):.6g}, got {float(came[i, j]):.6g}" in message

    def test_imports_come_with_it(self, notebook, folder):
        notebook.run("def softmax(x, dim):\n    return x * 2\n")
        assignment = of_folder(folder)
        examined = examine(
            notebook["softmax"], assignment.listed["softmax"], assignment.cases("softmax"), assignment.rules("softmax")
        )
        code = examined.evidence["the_gradient_reaches_the_logits"].call
        assert "from autograder.operations import vjp\nfrom autograder.draws import Draw\n" in code
        assert "trajectory" not in code
        assert "vjp(softmax, draw.normal(3, 4), cotangent=draw, dim=-1)" in code


def split(code):
    import ast

    return [ast.get_source_segment(code, node) for node in ast.parse(code).body]


class TestAtlasCheck:
    ANSWERS = SETUP + "from collections import OrderedDict\n\nHALF = 0.5\n" + RIGHT + STUB.format("SGD")

    def write(self, folder, source, name="mine.py"):
        path = folder / name
        path.write_text(source, encoding="utf-8")
        return path

    def test_a_python_file(self, folder, capsys):
        source = self.ANSWERS + "def relu(x):\n    return helper(x)\n\n\ndef helper(x):\n    return x.nothing\n"
        checked = check_answers(folder, "ch98_sample", self.write(folder, source))
        statuses = {e.name: e.status for e in checked.verdict.exercises}
        assert statuses == {
            "softmax": "passed",
            "relu": "failed",
            "SGD": "not_attempted",
            "unfinished": "not_attempted",
        }
        assert checked.exit_status == 1
        line = source.splitlines().index("    return x.nothing") + 1
        assert f"(line {line} of your answer: `return x.nothing`)" in checked.verdict.exercises[1].cases[0].message
        checked.show()
        out = capsys.readouterr().out
        assert "softmax (4.4)  ✓ visible checks pass; 7 hidden remain" in out
        assert "1 of 4 exercises pass their visible checks" in out

    def test_the_json_that_the_design_promises(self, folder):
        checked = check_answers(folder, "ch98_sample", self.write(folder, self.ANSWERS))
        data = json.loads(checked.verdict.model_dump_json())
        assert {"chapter", "score", "max_score", "sandbox", "exercises"} <= set(data)
        assert (data["chapter"], data["score"], data["max_score"]) == ("ch98_sample", 2, 8)
        exercise = data["exercises"][0]
        assert {"name", "equation", "score", "max_score", "status", "cases", "hints"} <= set(exercise)
        assert {"name", "facet", "visible", "passed", "message"} <= set(exercise["cases"][0])

    def test_a_notebook_is_read_by_names_and_its_other_cells_are_not_run(self, folder):
        from nbformat import write
        from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

        cells = [
            SETUP + "from autograder import check",
            "%matplotlib inline\nFACTOR = 1.0\nraise SystemExit",
            "# exercise: softmax\n" + STUB.format("softmax"),
            "check(softmax)\nopen('/nowhere/at/all')",
            "%%time\n" + RIGHT.replace("return e /", "return FACTOR * e /"),
            "def relu(x:\n    broken",
        ]
        nb = new_notebook(cells=[new_markdown_cell("# Title"), *map(new_code_cell, cells)])
        write(nb, folder / "ch98_sample.ipynb")
        verdict = check_answers(folder.parent if folder.name == "ch98_sample" else folder, "ch98_sample").verdict
        assert verdict.exercises[0].status == "passed"

    def test_a_file_that_cannot_define_the_answer(self, folder):
        source = SETUP + "print('aloud')\n@undefined\ndef relu(x):\n    return x\n"
        verdict = check_answers(folder, "ch98_sample", self.write(folder, source)).verdict
        message = verdict.exercises[1].cases[0].message
        assert "running the answer's cell did not define `relu`: NameError: name 'undefined' is not defined" in message

    def test_an_answer_that_is_not_python_shows_the_line_once(self, folder, capsys):
        from nbformat import write
        from nbformat.v4 import new_code_cell, new_notebook

        source = "# exercise: softmax\ndef softmax(x, dim)\n    return x\n"
        write(new_notebook(cells=[new_code_cell(source)]), folder / "ch98_sample.ipynb")
        check_answers(folder, "ch98_sample").show()
        out = capsys.readouterr().out
        assert out.count("line 2 of the answer is not Python: expected ':' (`def softmax(x, dim)`)") == 1
        assert "✗ failed  each row becomes probabilities\n  ✗ failed  the dimension is the one asked for\n" in out

    def test_a_forbidden_builtin_in_a_helper(self, folder):
        source = (
            SETUP
            + "def helper(x, dim):\n    return F.softmax(x, dim)\n\ndef softmax(x, dim):\n    return helper(x, dim)\n"
        )
        verdict = check_answers(folder, "ch98_sample", self.write(folder, source)).verdict
        assert "uses `softmax`, which this exercise asks you to write yourself" in verdict.exercises[0].cases[0].message

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("absent.py", None, "absent.py: no such file: name the file with your answers"),
            ("broken.py", "def f(:\n", "broken.py:1: not Python"),
            ("broken.ipynb", "{", "broken.ipynb: is not JSON"),
            ("answers.txt", "x", "answers.txt: neither a .py file nor a notebook"),
        ],
    )
    def test_a_bad_call_is_one_clear_message(self, folder, name, text, words):
        if text is not None:
            self.write(folder, text, name)
        with pytest.raises(CourseError) as error:
            check_answers(folder, "ch98_sample", folder / name)
        assert words in str(error.value)

    def test_no_such_chapter(self, folder):
        with pytest.raises(CourseError, match=r"check needs checks\.py and exercises\.json"):
            check_answers(folder, "ch99_absent")


def test_importing_check_is_light():
    """`from autograder import check` neither imports torch nor starts anything outside a notebook's kernel."""
    import subprocess

    code = "import sys; from autograder import check; sys.exit('torch' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_check_finds_the_answer_in_main(folder, monkeypatch, capsys):
    main = types.ModuleType("__main__")
    exec(SETUP + "def relu(x):\n    return x.clamp(min=0)\n", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert check("relu") is None
    assert "relu (4.1)  ✓ visible checks pass; 1 hidden remains: 1 gradient" in capsys.readouterr().out
    check()
    assert "1 of 4 exercises pass" in capsys.readouterr().out


def test_a_terminal_gets_a_table_in_colour(notebook, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    notebook.run(WRONG_DIM)
    notebook.check(notebook["softmax"])
    out = capsys.readouterr().out
    assert "\x1b[" in out
    assert "each row becomes probabilities" in out


def test_an_output_that_cannot_hold_the_signs_still_gets_the_words(notebook, monkeypatch):
    import io

    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    notebook.run(RIGHT)
    monkeypatch.setattr(sys, "stdout", stream)
    notebook.check(notebook["softmax"])
    stream.flush()
    assert b"passed  each row becomes probabilities" in stream.buffer.getvalue()


def test_in_a_kernel_one_mime_bundle_a_check_and_the_notebook_runs_on(tmp_path):
    """A real kernel: HTML and text in one output, wrong answers and wrong arguments do not stop Run All."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    folder = tmp_path / "ch98_sample"
    write_folder(folder)
    evil = "def relu(x):\n    raise ValueError('<script>alert(1)</script>')\n"
    cells = [
        SETUP + "from autograder import check",
        WRONG_DIM + "check(softmax)",
        evil + "check(relu); check(SGD := 3)",
        "check()",
        RIGHT.strip() + "\nimport time; start = time.perf_counter()\ncheck(softmax)\n",
        "print(round(time.perf_counter() - start, 3))",
    ]
    nb = new_notebook(cells=[new_code_cell(c) for c in cells])
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(nb, kernel_name="python3", resources=resources, timeout=120).execute()
    outputs = [cell.outputs for cell in nb.cells]
    assert [len(o) for o in outputs] == [0, 1, 2, 1, 1, 1]
    wrong = outputs[1][0]
    assert wrong.output_type == "display_data"
    assert set(wrong.data) == {"text/html", "text/plain"}
    assert wrong.metadata.atlas == {"exercise": "softmax", "status": "partial"}
    assert "<svg" in wrong.data["text/html"]
    assert "2 of 4 visible checks pass; 7 hidden remain" in wrong.data["text/plain"]
    raised = outputs[2][0].data["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in raised
    assert "<script" not in raised
    assert "(line 2 of your answer:" in raised
    assert outputs[3][0].metadata.atlas.exercises == {
        "softmax": "partial",
        "relu": "failed",
        "SGD": "not_attempted",
        "unfinished": "not_attempted",
    }
    assert outputs[4][0].metadata.atlas.status == "passed"
    print("a check in a kernel took", outputs[5][0].text.strip(), "s")


def test_how_long_a_check_takes(notebook, capsys, record_property):
    """Measured, not asserted: the machine decides."""
    notebook.run(WRONG_DIM)
    notebook.check(notebook["softmax"])
    start = time.perf_counter()
    notebook.check(notebook["softmax"])
    record_property("seconds", time.perf_counter() - start)
    with capsys.disabled():
        if os.environ.get("ATLAS_TIMES"):
            print(f"\na check with two failures and two pictures: {time.perf_counter() - start:.3f} s")


@pytest.mark.slow
def test_nbgraders_validate_fails_what_check_does_not_pass(folder):
    from nbformat import write
    from nbformat.v4 import new_code_cell, new_notebook
    from nbgrader.validator import Validator

    def test_cell(name, argument):
        nbgrader = {"grade": True, "solution": False, "locked": True, "points": 2, "grade_id": name}
        nbgrader |= {"schema_version": 3, "task": False, "cell_type": "code"}
        return new_code_cell(f"check({argument})  # {name}", metadata={"nbgrader": nbgrader})

    answers = [SETUP + "from autograder import check", RIGHT, "def relu(x):\n    return x", STUB.format("SGD")]
    checks = {"right": "softmax", "wrong": "relu", "stub": "SGD", "misuse": "relu(torch.ones(2))"}
    cells = [*map(new_code_cell, answers), *(test_cell(name, argument) for name, argument in checks.items())]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    write(new_notebook(cells=cells, metadata=metadata), folder / "ch98_sample.ipynb")
    found = Validator().validate(str(folder / "ch98_sample.ipynb"))
    errors = {cell["source"].split("# ")[1]: cell["raw_error"] for cell in found["failed"]}
    assert set(errors) == {"wrong", "stub", "misuse"}
    assert "relu (4.1)  ✗ 0 of 1 visible checks pass" in errors["wrong"]
    assert "expected 0, got -" in errors["wrong"]
    assert "SGD (11.1)  ○ not attempted yet" in errors["stub"]
    assert "check takes the function itself" in errors["misuse"]
