"""Cases, answers and draws as chapters write them."""

import pytest
import torch

from autograder.cases import Answer, case, edited, import_lines, right, wrong
from autograder.chapters import Chapter
from autograder.draws import Draw, seed_of
from autograder.errors import CourseError


def test_a_case_reads_as_a_sentence_in_both_languages():
    @case("f")
    def more_keys_than_queries(f, draw):
        """键比查询多"""

    assert more_keys_than_queries.sentence() == "more keys than queries"
    assert more_keys_than_queries.sentence("zh") == "键比查询多"


def test_gradient_cases_run_in_float64_and_others_in_both():
    assert case("f", facet="gradient")(lambda f, d: None).dtypes == (torch.float64,)
    assert case("f")(lambda f, d: None).dtypes == (torch.float64, torch.float32)


@pytest.mark.parametrize("options", [{"facet": "speediness"}, {"rtol": 1e-3}])
def test_a_case_refuses_what_it_cannot_mean(options):
    with pytest.raises(ValueError, match="'f'"):
        case("f", **options)


@wrong("softmax")
def forgets_everything(x):
    """What is missing?

    少了什么？
    """
    return forgets_everything


def test_a_wrong_answer_carries_its_source_under_the_exercises_name_and_its_hint():
    assert forgets_everything.name == "forgets_everything"
    assert "def softmax(x):" in forgets_everything.source
    assert "return softmax" in forgets_everything.source
    assert "@wrong" not in forgets_everything.source
    assert forgets_everything.hint("en") == "What is missing?"
    assert forgets_everything.hint("zh") == "少了什么？"


def test_an_answer_without_a_docstring_is_refused():
    def nameless(x):
        return x

    with pytest.raises(ValueError, match="has no docstring"):
        right("softmax")(nameless)


def test_imports_are_taken_along_but_not_the_engines_own():
    assert import_lines("import torch\nfrom autograder.cases import wrong\nx = 1\n") == "import torch\n\n\n"
    kernels = "from autograder.kernels import addresses\n"
    assert import_lines(kernels) == kernels + "\n\n"


def make_chapter(tmp_path, wrong_answers, checks=""):
    for folder in ("source", "solutions", "tests"):
        (tmp_path / folder / "ch00_tiny").mkdir(parents=True)
    (tmp_path / "solutions/ch00_tiny/reference.py").write_text(
        "def double(x):\n    return 2 * x\n\n\ndef quadruple(x):\n    return double(double(x))\n"
    )
    (tmp_path / "source/ch00_tiny/checks.py").write_text(
        "from autograder.cases import case\n"
        "@case('double', agrees_with=lambda x: x + x)\ndef values(double, draw):\n    return double(draw.normal(2))\n"
        "@case('quadruple', agrees_with=lambda x: 4 * x)\ndef more(quadruple, draw):\n"
        "    return quadruple(draw.normal(2))\n" + checks
    )
    (tmp_path / "tests/ch00_tiny/hidden.py").write_text("")
    (tmp_path / "tests/ch00_tiny/wrong_answers.py").write_text("from autograder.cases import edited\n" + wrong_answers)
    (tmp_path / "tests/ch00_tiny/right_answers.py").write_text("")
    return Chapter(tmp_path, "ch00_tiny")


def test_an_edit_is_applied_to_the_reference(tmp_path):
    chapter = make_chapter(tmp_path, "triples = edited('double', {'2 *': '3 *'}, 'Count.')\n")
    (answer,) = chapter.exercises["double"].wrong
    assert answer.name == "triples"
    assert "return 3 * x" in answer.source


def test_an_edit_of_text_that_is_not_there_is_an_error_that_names_it(tmp_path):
    chapter = make_chapter(tmp_path, "triples = edited('double', {'5 *': '3 *'}, 'Count.')\n")
    with pytest.raises(CourseError, match=r"triples replaces '5 \*', which the reference of 'double' does not hold"):
        _ = chapter.exercises


def test_an_answer_brings_the_other_solutions_that_it_names(tmp_path):
    chapter = make_chapter(tmp_path, "")
    program = chapter.program("quadruple", chapter.solution("quadruple"))
    assert program.index("def double") < program.index("def quadruple")
    assert "def quadruple" not in chapter.program("double", chapter.solution("double"))


def test_a_case_for_a_function_that_the_reference_lacks_is_an_error(tmp_path):
    chapter = make_chapter(tmp_path, "", "@case('triple')\ndef third(triple, draw):\n    return 1\n")
    with pytest.raises(CourseError, match="define 'triple'"):
        _ = chapter.exercises


def test_edited_keeps_its_hint():
    assert edited("f", {}, "  A hint.\n\n  提示。").hint == "A hint.\n\n提示。"


def test_a_draw_is_the_same_numbers_in_every_dtype():
    a, b = Draw(5, torch.float64), Draw(5, torch.float32)
    x, y = a.normal(3, 4), b.normal(3, 4)
    assert y.dtype == torch.float32
    torch.testing.assert_close(x.float(), y)
    assert a.integer(0, 1000) == b.integer(0, 1000)


def test_a_strided_copy_has_the_same_numbers_elsewhere():
    x = Draw(1).normal(3, 5)
    y = Draw(1).strided(x)
    assert not y.is_contiguous()
    assert torch.equal(x, y)


def test_seeds_keep_their_parts_apart():
    assert seed_of("s", "ab", "c") != seed_of("s", "a", "bc")
    assert 0 <= seed_of("s", 1) < 2**63


def test_two_answers_of_one_name_are_refused_since_one_would_be_lost(tmp_path):
    twice = "from autograder.cases import wrong\n" + "@wrong('double')\ndef a(x):\n    'A hint.'\n    return x\n" * 2
    with pytest.raises(CourseError, match="'a' is defined twice"):
        _ = make_chapter(tmp_path, twice).exercises


def test_a_chinese_hint_over_two_lines_has_no_space_at_the_break():
    answer = Answer("f", "f", "", "One\nline.\n\n两行，\n一句。", right=False)
    assert answer.hint("zh") == "两行，一句。"
    assert answer.hint("en") == "One line."
