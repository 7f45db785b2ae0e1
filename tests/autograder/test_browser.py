"""JupyterLab, nbgrader and the check in a real browser: what a student does, what a TA does, and how it looks."""

import getpass
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="the browser tests need the extra `dev`")

from driver import (
    CHAPTER,
    LAB,
    ROOT,
    SLOW,
    WAIT,
    WINDOW,
    WRONG,
    Notebook,
    Server,
    browser,
    jupyterlab,
    make_course,
    nbgrader,
    open_assignments,
    open_formgrader,
    write_answers,
)
from nbgrader.api import Gradebook
from playwright.sync_api import Browser, Page, expect

from autograder.building import build
from autograder.chapters import Chapter
from autograder.course import load_course

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

CHAPTERS = (CHAPTER, LAB)
SOLUTIONS = {name: Chapter(ROOT, CHAPTER).solution(name) for name in Chapter(ROOT, CHAPTER).solutions_by_name}
ANSWERS = {
    CHAPTER: SOLUTIONS | {"softmax": WRONG.split("\n", 1)[1]},
    LAB: {name: Chapter(ROOT, LAB).solution(name) for name in Chapter(ROOT, LAB).solutions_by_name},
}
RIGHT = f"# exercise: softmax\n{SOLUTIONS['softmax']}"


@dataclass
class Sides:
    """The two sides of a class."""

    ta: Server
    ta_scratch: Path
    student: Server


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chrome: Browser) -> Iterator[Page]:
    page = chrome.new_page(viewport=WINDOW)
    page.set_default_timeout(WAIT)
    yield page
    page.close()


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A student's JupyterLab, with the chapter in both languages."""
    base = tmp_path_factory.mktemp("student")
    for language in ("en", "zh"):
        shutil.copytree(ROOT / "assignments" / language / CHAPTER, base / "work" / language / CHAPTER)
    with jupyterlab(base / "work", base / "scratch") as server:
        yield server


def notebook(server: Server, page: Page, language: str = "en") -> Notebook:
    server.open(page, f"{language}/{CHAPTER}/{CHAPTER}.ipynb")
    return Notebook(page)


def test_a_student_writes_an_answer_checks_it_and_mends_it(student: Server, page: Page):
    book = notebook(student, page)
    book.run("from autograder import check")
    book.run("# exercise: softmax")
    assert "not attempted" in book.run("check(softmax)").inner_text()
    book.write("# exercise: softmax", WRONG)
    book.run("# exercise: softmax")
    told = book.run("check(softmax)")
    expect(told).to_contain_text("failed")
    expect(told).to_contain_text("expected")
    assert "dimension" in told.inner_text()  # the hint of the misconception
    book.write("# exercise: softmax", RIGHT)
    book.run("# exercise: softmax")
    expect(book.run("check(softmax)")).to_contain_text("visible checks pass")


def test_validate_says_which_checks_fail_and_that_all_pass(student: Server, page: Page):
    file = student.root / "en" / CHAPTER / f"{CHAPTER}.ipynb"
    write_answers(file, ANSWERS[CHAPTER])
    notebook(student, page)
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog-content")
    expect(dialog).to_be_visible(timeout=SLOW)
    expect(dialog).to_contain_text("check(softmax)")
    dialog.get_by_role("button").last.click()
    write_answers(file, SOLUTIONS)
    notebook(student, page)
    page.get_by_role("button", name="Validate").click()
    expect(page.locator(".jp-Dialog-content")).to_contain_text("passes all the tests", timeout=SLOW)


# of the element with the lowest contrast between its text and what lies behind it: WCAG asks for 4.5
LOWEST_CONTRAST = """root => {
    const pixel = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true})
    const rgba = color => {
        pixel.clearRect(0, 0, 1, 1)
        pixel.fillStyle = color
        pixel.fillRect(0, 0, 1, 1)
        const [r, g, b, alpha] = pixel.getImageData(0, 0, 1, 1).data
        return [r, g, b, alpha / 255]
    }
    const luminance = ([r, g, b]) => [r, g, b]
        .map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const found = rgba(getComputedStyle(e).backgroundColor)
            if (found[3] > 0) return found
        }
        return [255, 255, 255]
    }
    const elements = [...root.querySelectorAll("*")].filter(e =>
        e.checkVisibility() && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    return elements.map(e => {
        const [text, back] = [rgba(getComputedStyle(e).color), behind(e)]
        const seen = [0, 1, 2].map(i => back[i] + (text[i] - back[i]) * text[3])
        const [a, b] = [luminance(seen), luminance(back)]
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.textContent.trim().slice(0, 40)]
    }).sort((x, y) => x[0] - y[0])[0]
}"""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_of_a_check_reads_well_in_both_themes_and_languages(student: Server, page: Page, language: str):
    book = notebook(student, page, language)
    book.run("from autograder import check")
    book.write("# exercise: softmax", WRONG)
    book.run("# exercise: softmax")
    told = book.run("check(softmax)")
    expect(told).to_contain_text({"en": "failed", "zh": "未通过"}[language])
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        book.choose_theme(theme)
        contrast, text = told.evaluate(LOWEST_CONTRAST)
        assert contrast >= 4.5, (theme, text)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """A TA's JupyterLab on a course and a student's on an empty folder, with one exchange."""
    base = tmp_path_factory.mktemp("class")
    course = make_course(base / "course")
    list(build(load_course(course)))
    (base / "work").mkdir()
    with (
        jupyterlab(course, base / "ta", base / "exchange") as ta,
        jupyterlab(base / "work", base / "student", base / "exchange") as student,
    ):
        yield Sides(ta, base / "ta", student)


def press(page: Page, column: str) -> None:
    """Press the icon of a column of the only submission, and read what formgrader says of it."""
    page.locator(f"td.{column} a").first.click()
    expect(page.locator(".modal-title")).to_have_text("Success", timeout=SLOW)
    page.locator(".modal-footer button").click()
    expect(page.locator(".modal.in")).to_have_count(0)


def grade_of(sides: Sides, chapter: str, exercise: str) -> Any:
    with Gradebook(f"sqlite:///{sides.ta.root}/gradebook.db") as gradebook:
        (notebook,) = gradebook.find_submission(chapter, getpass.getuser()).notebooks
        (grade,) = [grade for grade in notebook.grades if grade.cell.name == f"{exercise}-check"]
        return grade.score, grade.needs_manual_grade


def test_a_chapter_goes_through_the_exchange(sides: Sides, page: Page):
    for chapter in CHAPTERS:
        nbgrader(sides.ta_scratch, sides.ta.root, "release_assignment", chapter)
    open_assignments(sides.student, page)
    for chapter in CHAPTERS:
        page.locator(".list_item", has_text=chapter).get_by_role("button", name="Fetch").click()
        expect(page.locator(".list_item", has_text=chapter).get_by_role("button", name="Submit")).to_be_visible()
        write_answers(sides.student.root / chapter / f"{chapter}.ipynb", ANSWERS[chapter])
    for chapter in CHAPTERS:
        page.locator(".list_item", has_text=chapter).get_by_role("button", name="Submit").click()
        expect(page.locator(".list_item", has_text=chapter).get_by_role("button", name="Feedback")).to_be_visible()
        nbgrader(sides.ta_scratch, sides.ta.root, "collect", chapter)
        handed = sides.ta.root / "submitted" / getpass.getuser() / chapter
        assert {file.name for file in handed.iterdir()} >= {f"{chapter}.ipynb", "timestamp.txt"}


def test_a_ta_autogrades_reads_what_the_judge_said_and_sends_feedback(sides: Sides, page: Page):
    open_formgrader(sides.ta, page, f"manage_submissions/{CHAPTER}")
    press(page, "autograde")
    assert grade_of(sides, CHAPTER, "relu") == (2, False)
    score, _ = grade_of(sides, CHAPTER, "softmax")
    assert 0 < score < 6
    open_formgrader(sides.ta, page, f"gradebook/{CHAPTER}/{CHAPTER}")
    page.get_by_role("link", name=re.compile("Submission")).first.click()
    expect(page.get_by_text("normalises").or_(page.get_by_text("dimension")).first).to_be_visible()
    open_formgrader(sides.ta, page, f"manage_submissions/{CHAPTER}")
    press(page, "generate-feedback")
    press(page, "release-feedback")


def test_a_ta_settles_what_waits_for_a_person(sides: Sides, page: Page):
    open_formgrader(sides.ta, page, f"manage_submissions/{LAB}")
    press(page, "autograde")
    assert grade_of(sides, LAB, "fused_swiglu")[1]
    open_formgrader(sides.ta, page, f"gradebook/{LAB}/{LAB}")
    page.get_by_role("link", name=re.compile("Submission")).first.click()
    given = page.locator("#fused_swiglu-check")
    expect(given).to_have_class(re.compile("needs_manual_grade"))
    given.fill("7")
    with page.expect_response(lambda response: "/api/grade/" in response.url and response.request.method == "PUT"):
        given.press("Tab")
    assert grade_of(sides, LAB, "fused_swiglu") == (7, False)
    assert grade_of(sides, LAB, "fused_hadamard_add")[1]


def test_the_student_finds_the_feedback(sides: Sides, page: Page):
    open_assignments(sides.student, page)
    page.locator(".list_item", has_text=CHAPTER).get_by_role("button", name="Fetch Feedback").click()
    expect(page.get_by_text("view feedback").first).to_be_visible()
    (feedback,) = sides.student.root.glob(f"{CHAPTER}/feedback/*/{CHAPTER}.html")
    assert "softmax" in feedback.read_text(encoding="utf-8")
