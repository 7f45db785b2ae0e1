"""Verdicts as HTML, rich tables and text: what they say, that no word becomes markup, that pictures are true."""

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
import torch

from autograder.comparison import compare
from autograder.pictures import picture
from autograder.rendering import (
    Evidence,
    Printed,
    held_back,
    note_html,
    overview_html,
    overview_rich,
    overview_text,
    summary,
    to_html,
    to_rich,
    to_text,
)
from autograder.verdicts import CaseVerdict, ExerciseVerdict

EVIL = "<script>alert(1)</script> <b>&amp;\" onmouseover='x' $\\href{javascript:x}{y}$ \x1b[31m\x07 [red]x[/red]"


class Page(HTMLParser):
    """The text, tags and attributes of some HTML; fails where tags do not close in order."""

    VOID = frozenset({"br"})
    INLINE = frozenset({"span", "strong", "code"})

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.words = [], set(), [], []
        self.feed(html)
        self.close()
        assert not self.open
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.words.append("" if tag in self.INLINE else " ")
        self.attributes += [(tag, *a) for a in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, *a) for a in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.words.append("" if tag in self.INLINE else " ")

    def handle_data(self, data):
        self.words.append(data)


def case(name, passed=True, message="", visible=True, facet="value"):
    return CaseVerdict(
        name=name,
        sentence=name.replace("_", " "),
        facet=facet,
        visible=visible,
        passed=passed,
        message=message,
    )


def verdict(*cases, status=None, **what):
    passed = sum(c.passed for c in cases)
    status = status or ("passed" if passed == len(cases) else "partial" if passed else "failed")
    what = {"name": "softmax", "equation": "4.4", "score": 2.0, "max_score": 4.0, **what}
    return ExerciseVerdict(status=status, cases=list(cases), **what)


def rich_text(renderable):
    from rich.console import Console

    console = Console(width=100, record=True, file=open("/dev/null", "w"), force_terminal=True)  # noqa: SIM115
    console.print(renderable)
    return " ".join(console.export_text().split())


HALF = verdict(
    case("each_row_sums_to_1"),
    case("the_gradient", passed=False, message="3 of 4 values differ\nEvery value is 0", facet="gradient"),
)
HIDDEN = {"value": 2, "gradient": 3, "numerics": 2}


def forms(v, language="en", **options):
    """The same verdict in its three forms, as plain words."""
    evidence = options.pop("evidence", None)
    return [
        Page(to_html(v, language, evidence=evidence, **options)).text,
        " ".join(to_text(v, language, **options).split()),
        rich_text(to_rich(v, language, **options)),
    ]


class TestWords:
    def test_passed_and_failed_are_said_by_sign_and_word(self):
        for text in forms(HALF, hidden={}):
            assert "✓ passed each row sums to 1" in text
            assert "✗ failed the gradient" in text
            assert text.startswith("softmax (4.4) ◐ 1 of 2 visible checks pass")

    def test_a_failure_says_what_came_and_what_to_look_at_next(self):
        for text in forms(HALF, hidden={}):
            assert "3 of 4 values differ Look next: Every value is 0" in text

    def test_what_was_held_back(self):
        assert held_back(HIDDEN) == "7 hidden remain: 3 gradient, 2 numerics, 2 value"
        assert held_back(HIDDEN, "zh") == "还有 7 个隐藏用例：梯度 3 个、数值稳定性 2 个、数值 2 个"
        assert held_back({"memory": 1, "speed": 0}) == "1 hidden remains: 1 memory"
        assert held_back({}) == held_back(None) == ""
        whole = verdict(case("a"))
        assert summary(whole, hidden=HIDDEN) == "visible checks pass; 7 hidden remain: 3 gradient, 2 numerics, 2 value"
        assert summary(whole, "zh", HIDDEN).startswith("可见检查全部通过；还有 7 个隐藏用例：")
        for text in forms(whole, hidden=HIDDEN):
            assert "✓ visible checks pass; 7 hidden remain: 3 gradient, 2 numerics, 2 value" in text

    def test_in_chinese(self):
        for text in forms(HALF, "zh", hidden=HIDDEN):
            assert "可见检查 2 项，通过 1 项；还有 7 个隐藏用例" in text
            assert "✓ 通过" in text
            assert "✗ 未通过" in text
            assert "接下来看：" in text
        assert 'lang="zh-Hans"' in to_html(HALF, "zh")

    def test_not_attempted_lists_what_will_be_checked(self):
        waiting = verdict(case("rows", passed=False), case("columns", passed=False), status="not_attempted")
        for text in forms(waiting, hidden=HIDDEN):
            assert "○ not attempted yet; 7 hidden remain" in text
            assert "○ to do rows ○ to do columns" in text
            assert "failed" not in text

    def test_a_grade_shows_points_hints_notes_and_which_cases_were_hidden(self):
        graded = verdict(
            case("rows"),
            case("large_logits", passed=False, message="came nan", visible=False),
            hints=["exp(1000) is inf"],
            notes=["numerics count once a value is right"],
        )
        for text in forms(graded):
            assert "◐ partly right, 2 of 4 points, 1 of 2 cases pass" in text
            assert "large logits (hidden)" in text
            assert "Hint: exp(1000) is inf" in text
            assert text.index("1 of 2 cases pass") < text.index("Hint: ") < text.index("rows")
            assert "numerics count once a value is right" in text
            assert "remain" not in text

    def test_a_message_that_was_said_is_not_said_again(self):
        same = [case(name, passed=False, message="line 2 raises") for name in ("rows", "columns", "huge")]
        for text in forms(verdict(case("empty"), *same), evidence={c.name: Evidence("", "f()") for c in same}):
            assert text.count("line 2 raises") == 1
            assert text.count("the same as above") == 2

    def test_a_message_of_all_cases_is_said_once_above_their_list(self):
        same = [case(name, passed=False, message="line 2 raises\nA line") for name in ("rows", "columns")]
        for text in forms(verdict(*same, hints=["Divide"]), evidence={c.name: Evidence("", "f()") for c in same}):
            assert "Hint: Divide line 2 raises Look next: A line" in text
            assert text.endswith("✗ failed rows ✗ failed columns")
        assert to_html(verdict(*same), evidence={c.name: Evidence("", "f()") for c in same}).count("f()") == 1
        for text in forms(verdict(same[0])):
            assert text.endswith("✗ failed rows line 2 raises Look next: A line")

    def test_a_hint_is_bold(self):
        html = to_html(verdict(case("rows", passed=False, message="m"), hints=["Divide by the sum"]))
        assert re.search(r"font-weight:600[^<>]*>Hint: Divide by the sum</div>", html)

    def test_a_result_that_is_only_false_says_what_does_not_hold(self):
        for language, sentence in (("en", "this does not hold: {}"), ("zh", "这一条不成立：{}")):
            message = compare((True, False), (True, True)).message(language)
            both = [case(name, passed=False, message=message, facet="memory") for name in ("leaves", "views")]
            for text in forms(verdict(*both), language):
                assert sentence.format("leaves") in text and sentence.format("views") in text
                assert text.count("[1]") == 2

    def test_backticks_are_code_in_html_and_stay_elsewhere(self):
        said = verdict(
            case("rows", passed=False, message="write `a < b`, not `<b>` or `"), hints=["`x`"], notes=["`y`"]
        )
        html = to_html(said)
        codes = re.findall(r"<code[^<>]*>(.*?)</code>", html)
        assert codes == ["x", "a &lt; b", "&lt;b&gt;", "y"]
        assert Page(html).text.count("`") == 1
        for text in (to_text(said), rich_text(to_rich(said))):
            assert "write `a < b`, not `<b>` or `" in text
        assert "<code" in note_html("`f` is not defined", lines=["write `g`"])

    @pytest.mark.parametrize(
        "status", ["timed_out", "crashed", "pending_gpu", "needs_person", "judge_error", "not_attempted"]
    )
    def test_every_status_has_words_in_both_languages(self, status):
        for language in ("en", "zh"):
            for text in forms(verdict(status=status), language):
                assert "_" not in text
                assert len(text) > len("softmax (4.4) ✗ ")

    def test_what_waits_for_a_gpu_has_neither_passed_nor_failed(self):
        waiting = case("rows_of_a_table", False, "needs a GPU", facet="speed").model_copy(update={"waits_for": "gpu"})
        found = verdict(case("one_row"), waiting, status="pending_gpu", score=3.0, max_score=5.0)
        for text in forms(found):
            assert "waits for a GPU, 3 of 5 points, 1 of 2 cases pass" in text
            assert "○" in text and "needs a GPU" in text
            assert "failed" not in text and "✗" not in text

    def test_what_was_printed_is_folded_away_and_cut(self):
        printed = Printed("x is 1\n" * 300, characters=5_000_000)
        html = to_html(HALF, printed=printed)
        assert "<details" in html
        for text in (Page(html).text, to_text(HALF, printed=printed)):
            assert "Your code printed 5000000 characters" in text
            assert "… and 4998000 more characters" in text
        assert "printed" not in to_html(HALF, printed=Printed())

    def test_the_call_stands_in_the_html_to_be_run_again(self):
        page = Page(to_html(HALF, evidence={"the_gradient": Evidence("<svg></svg>", "softmax(draw.normal(3) < 2)")}))
        assert "Run this call yourself softmax(draw.normal(3) < 2)" in page.text
        assert {"svg", "details", "pre"} <= page.tags


class TestNothingBecomesMarkup:
    def evil(self):
        wrong = case(EVIL, passed=False, message=f"{EVIL}\n{EVIL}")
        return verdict(wrong, name=EVIL, equation=EVIL, hints=[EVIL], notes=[EVIL])

    def test_html(self):
        html = to_html(
            self.evil(), evidence={EVIL: Evidence("", EVIL)}, printed=Printed(EVIL, len(EVIL)), hidden={EVIL: 1}
        )
        page = Page(html)
        assert page.tags <= {
            "div",
            "span",
            "strong",
            "code",
            "table",
            "tbody",
            "tr",
            "td",
            "details",
            "summary",
            "pre",
            "br",
        }
        assert {name for _, name, _ in page.attributes} <= {"class", "lang", "style"}
        assert page.text.count("<script>alert(1)</script>") == 10
        assert "\x1b" not in html
        assert "\x07" not in html

    def test_mathjax_leaves_it_alone(self):
        for html in (to_html(self.evil()), note_html(EVIL), overview_html([self.evil()])):
            assert html.startswith('<div class="atlas-check tex2jax_ignore mathjax_ignore"')

    def test_nothing_is_loaded_from_elsewhere(self):
        html = to_html(HALF, evidence={"the_gradient": Evidence(heat(), "f()")}, hidden=HIDDEN)
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import|<style|<link|<img|src=", html)

    def test_the_terminal(self):
        for text in (to_text(self.evil()), overview_text([self.evil()]), rich_text(to_rich(self.evil()))):
            assert "\x1b[31m" not in text
            assert "[red]x[/red]" in text

    def test_a_lone_half_of_a_character_can_be_written(self):
        to_html(verdict(case("\ud800", passed=False, message="\ud800"))).encode()


class TestOverview:
    VERDICTS = (HALF, verdict(case("a"), name="relu", equation="4.1"))

    def test_visible(self):
        hidden = {"softmax": HIDDEN, "relu": {}}
        for text in self.forms("en", hidden):
            assert text.startswith("1 of 2 exercises pass their visible checks")
            assert "relu" in text
            assert "✓ visible checks pass" in text
            assert "points" not in text

    def test_graded(self):
        for text in self.forms("zh", None):
            assert text.startswith("练习 2 个，通过 1 个，4 / 8 分")

    def forms(self, language, hidden):
        return [
            Page(overview_html(self.VERDICTS, language, hidden)).text,
            overview_text(self.VERDICTS, language, hidden),
            rich_text(overview_rich(self.VERDICTS, language, hidden)),
        ]


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def svg(came, expected, language="en"):
    return picture(compare(came, expected), language)


def heat():
    expected = draw(2, 30, 12)
    came = expected.clone()
    came[1, 20, 7] += 9
    return svg(came, expected)


def texts(drawn):
    return [t.text for t in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]


class TestPictures:
    def test_a_small_array_shows_its_numbers_and_tints_the_wrong_ones(self):
        expected = draw(3, 4)
        came = expected.clone()
        came[2, 1] = 7.125
        drawn = svg(came, expected)
        said = texts(drawn)
        assert said[:1] == ["expected"]
        assert "7.125" in said
        assert said.count(f"{float(expected[0, 0]):.4g}") == 2
        assert drawn.count("fill-opacity:0.") == 1
        assert 'aria-label="worst at [2, 1]"' in drawn

    def test_digits_grow_until_the_worst_differs(self):
        expected = torch.tensor([1.0, 2.0], dtype=torch.float64)
        assert "1.000001" in texts(svg(expected + torch.tensor([1e-6, 0.0]), expected))

    def test_integers_and_booleans(self):
        assert texts(svg(torch.tensor([12345678, 2]), torch.tensor([12345679, 2]))).count("12345678") == 1
        assert "False" in texts(svg(torch.tensor([True, True]), torch.tensor([True, False])))

    def test_a_long_vector_is_two_lines_with_the_worst_joined(self):
        expected = draw(60)
        came = expected.clone()
        came[30] += 4
        drawn = svg(came, expected, "zh")
        assert drawn.count("<path") == 2
        assert drawn.count("<circle") == 2
        assert {"应为", "得到", "30", "0", "59"} <= set(texts(drawn))

    def test_a_very_long_vector_stays_small_and_keeps_its_worst(self):
        expected = torch.zeros(100_000)
        came = expected.clone()
        came[77_777] = 5
        drawn = svg(came, expected)
        assert "77777" in texts(drawn)
        assert len(drawn) < 12_000

    def test_a_heat_map_shows_the_slice_through_the_worst(self):
        drawn = heat()
        assert {"expected", "got", "|got − expected|", "20", "7", "shown: [1, :, :]"} <= set(texts(drawn))
        assert 'aria-label="worst at [1, 20, 7]; shown: [1, :, :]"' in drawn
        assert drawn.count("<g ") == 3

    def test_a_large_map_is_drawn_in_blocks_and_stays_small(self):
        expected = draw(1000, 700)
        came = expected + draw(1000, 700, seed=1)
        drawn = svg(came, expected)
        assert len(drawn) < 40_000
        ET.fromstring(drawn)

    def test_values_that_are_not_finite_are_crossed(self):
        expected = draw(20, 20)
        came = expected.clone()
        came[3, 4] = torch.nan
        drawn = svg(came, expected)
        assert "M4.2 3.2l.6 .6" in drawn
        assert "nan" not in drawn
        vector = draw(50)
        line = vector.clone()
        line[10:20] = torch.inf
        drawn = svg(line, vector)
        assert "inf" not in drawn
        assert "nan" not in drawn

    @pytest.mark.parametrize(
        ("came", "expected"),
        [
            (torch.ones(2, 3), torch.ones(3, 2)),
            (torch.tensor(1.0), torch.tensor(2.0)),
            (torch.ones(2), torch.ones(2).double()),
            (None, torch.ones(3)),
            (1.0, 2.0),
            ("a", "b"),
            (torch.ones(1), torch.zeros(1)),
        ],
    )
    def test_no_picture_where_it_would_tell_nothing(self, came, expected):
        assert svg(came, expected) == ""

    @pytest.mark.parametrize("shape", [(2,), (8,), (9,), (1, 9), (9, 1), (1, 1, 3), (3, 9), (2, 1, 40), (5, 4, 3, 2)])
    def test_every_shape_gives_well_formed_svg(self, shape):
        expected = draw(*shape)
        ET.fromstring(svg(expected + draw(*shape, seed=1), expected))

    def test_colours_follow_the_page(self):
        for drawn in (heat(), svg(draw(50), draw(50, seed=1)), svg(draw(3), draw(3, seed=1))):
            colours = set(re.findall(r'(?:fill|stroke)[=:]"?([a-z#][^;"]*)', drawn))
            allowed = {"none", "currentColor", "var(--jp-error-color1,var(--vscode-errorForeground,#d1242f))"}
            assert colours <= allowed


def test_the_contents_of_a_feedback_page_name_the_exercises():
    from nbformat.v4 import new_code_cell, new_notebook
    from nbgrader.converters import GenerateFeedback
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    def graded(name, **metadata):
        nbgrader = {"grade": True, "solution": False, "grade_id": f"{name}-check", "score": 1.0, "points": 2}
        return new_code_cell(f"check({name})", metadata={"nbgrader": nbgrader, **metadata})

    cells = [graded(name, atlas={"exercise": name}) for name in ("relu", "softmax")]
    nbgrader = {"notebook": "ch98", "score": 3, "max_score": 6, "late_penalty": 0}
    config = Config({"GenerateFeedback": {"exporter_class": "autograder.nbgrader_plugins.feedback.FeedbackExporter"}})
    converter = GenerateFeedback(coursedir=CourseDirectory(), config=config)
    exporter = converter.exporter_class(parent=converter, config=converter.config)
    html, _ = exporter.from_notebook_node(
        new_notebook(cells=[*cells, graded("other")]), {"nbgrader": nbgrader, "metadata": {"name": "ch98"}}
    )
    listed = re.findall(r'<li><a href="#(\S+)">(.*?)</a> \(Score: 1.0 / 2.0\)</li>', html)
    assert listed == [("relu-check", "relu"), ("softmax-check", "softmax"), ("other-check", "Test cell")]
    assert 'name="softmax-check"' in html
