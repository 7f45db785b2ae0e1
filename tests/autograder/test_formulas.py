"""The map: every row is run, and a row that names the wrong function is found out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import load_course
from autograder.errors import CourseError
from autograder.formulas import TABLE, Formula, Row, all_rows, function_of, load_formulas, page, verify

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT)


def row(*libraries, exercise="softmax", ours="softmax(x, dim=-1)", x="draw.normal(3, 5)"):
    title = {"en": "a formula", "zh": "公式"}
    given = {"x": x}
    formula = {"exercise": exercise, "title": title, "formula": "x", "given": given, "ours": ours}
    return Row("ch04_activations", "4.4", Formula.model_validate(formula | {"libraries": list(libraries)}))


@pytest.mark.parametrize("chapter", [entry.name for entry in COURSE.written])
def test_every_function_of_the_map_computes_what_the_reference_computes(chapter):
    assert [problem for row in all_rows(COURSE, [chapter]) for problem in verify(ROOT, row)] == []


def test_every_exercise_and_so_every_equation_has_a_row():
    rows = list(all_rows(COURSE))
    assert {(r.chapter, r.formula.exercise) for r in rows} == {
        (entry.name, exercise.name) for entry in COURSE.written for exercise in entry.exercises
    }
    assert sum(bool(r.formula.libraries) for r in rows) > 0.8 * len(rows)


def test_the_page_is_what_the_rows_make():
    assert (ROOT / TABLE).read_text(encoding="utf-8") == page(list(all_rows(COURSE))), "run `make map`"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("torch.softmax(x, dim=0)", "values differ"),
        ("torch.log_softmax(x, dim=-1)", "values differ"),
        ("scipy.interpolate.taylor(x)", "AttributeError"),
        ("scipy.stats.fit(x)", "TypeError"),
        ({"numpy.ndarray.nothing": "numpy.exp(x)"}, "AttributeError"),
    ],
)
def test_a_function_that_computes_otherwise_or_does_not_exist_is_found_out(call, said):
    (problem,) = verify(ROOT, row(call))
    assert problem.startswith("source/ch04_activations/formulas.yml: softmax: ")
    assert said in problem


def test_a_row_whose_own_call_fails_says_so():
    (problem,) = verify(ROOT, row("torch.softmax(x, dim=-1)", ours="softmax(x)"))
    assert "softmax(x): TypeError" in problem


def test_libraries_on_arrays_get_arrays():
    assert (
        verify(
            ROOT,
            row(
                "scipy.special.softmax(x, axis=-1)",
                {"numpy.exp": "numpy.exp(x - numpy.log(numpy.exp(x).sum(-1, keepdims=True)))"},
            ),
        )
        == []
    )


@pytest.mark.parametrize(
    ("call", "function"),
    [
        ("torch.linalg.svd(a)[1]", "torch.linalg.svd"),
        ("loaded(torch.nn.LSTM(3, 5), w)(x)[0]", "torch.nn.LSTM"),
        ("x * scipy.stats.norm.cdf(x)", "scipy.stats.norm.cdf"),
    ],
)
def test_the_function_that_a_call_is_about(call, function):
    assert function_of(call) == function


@pytest.mark.parametrize(
    ("call", "said"), [("svd(a)", "in full, such as"), ("x + 1", "in full"), ("torch.exp(x", "is no Python expression")]
)
def test_a_call_without_a_full_name_is_refused(call, said):
    with pytest.raises(CourseError, match=said):
        function_of(call)


def test_a_row_that_is_missing_or_of_no_exercise_is_named_with_its_line(tmp_path):
    entry = COURSE.chapter("ch04_activations")
    folder = tmp_path / "source" / entry.name
    folder.mkdir(parents=True)
    with pytest.raises(CourseError, match=r"formulas\.yml: no such file"):
        load_formulas(tmp_path, entry)
    text = (ROOT / "source" / entry.name / "formulas.yml").read_text(encoding="utf-8")
    (folder / "formulas.yml").write_text(text.replace("exercise: relu", "exercise: rellu"), encoding="utf-8")
    with pytest.raises(CourseError) as error:
        load_formulas(tmp_path, entry)
    assert "formulas.yml:3: formulas[1].exercise: the chapter has no exercise 'rellu'" in str(error.value)
    assert "no row for the exercise 'relu'" in str(error.value)
    (folder / "formulas.yml").write_text(text.replace("formula: '\\max(0, x)'", "formular: x"), encoding="utf-8")
    with pytest.raises(CourseError, match=r"unknown key: did you mean 'formula'\?"):
        load_formulas(tmp_path, entry)
    (folder / "formulas.yml").write_text(text.replace('x: "draw.normal(3, 5)"', "x: 3", 1), encoding="utf-8")
    with pytest.raises(CourseError, match="got 3: it is the arguments"):
        load_formulas(tmp_path, entry)


def test_the_command_shows_rows_and_writes_json(monkeypatch):
    monkeypatch.chdir(ROOT)
    shown = CliRunner().invoke(app, ["map", "ch13_attention", "--check", "--language", "zh"])
    assert shown.exit_code == 0, shown.output
    assert "缩放点积注意力" in shown.stdout
    rows = json.loads(CliRunner().invoke(app, ["map", "ch01_tensors", "--json"]).stdout)
    (norm,) = (r for r in rows if r["exercise"] == "l2_norm")
    assert norm["equation"] == "1.5"
    assert norm["corrects"][0]["printed"] == "torch.norm(x)"
    assert {"function": "torch.linalg.vector_norm", "call": "torch.linalg.vector_norm(x)"} in norm["functions"]
