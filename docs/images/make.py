"""Makes the pictures of the docs from the running programs: `make images` (needs chromium; a few minutes)."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nbgrader.api import Gradebook
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "autograder"))

from driver import (  # noqa: E402
    CHAPTER,
    WRONG,
    Notebook,
    browser,
    jupyterlab,
    make_course,
    nbgrader,
    open_assignments,
    open_formgrader,
    write_answers,
)

from autograder.building import build  # noqa: E402
from autograder.chapters import Chapter  # noqa: E402
from autograder.course import load_course  # noqa: E402
from autograder.demo import name_students  # noqa: E402
from autograder.grading import grade  # noqa: E402
from autograder.sample import SECRET, hand_in  # noqa: E402

COLOURS = 256
MINUTE = 60_000


def keep(picture: Path | bytes, name: str) -> None:
    """Write a picture with few colours, which text and tables do not need more of."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        if isinstance(picture, bytes):
            Path(file.name).write_bytes(picture)
        image = Image.open(file.name if isinstance(picture, bytes) else picture).convert("RGB")
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(HERE / f"{name}.png", optimize=True)
    size = (HERE / f"{name}.png").stat().st_size
    print(f"{name}.png: {image.size[0]} × {image.size[1]}, {size / 1000:.0f} kB")


def fresh(started: Browser, width: int, height: int) -> Page:
    page = started.new_context(viewport={"width": width, "height": height}, device_scale_factor=2).new_page()
    page.set_default_timeout(MINUTE)
    return page


def checked(book: Notebook) -> Locator:
    """Write the answer that divides by the wrong sum, and check it; the table."""
    book.run("from autograder import check")
    book.write("# exercise: softmax", WRONG)
    book.run("# exercise: softmax")
    table = book.run("check(softmax)")
    expect(table.locator(".atlas-check")).to_be_visible()
    return table


def of_a_student(started: Browser, scratch: Path) -> None:
    for language in ("en", "zh"):
        shutil.copytree(ROOT / "assignments" / language / CHAPTER, scratch / "work" / language / CHAPTER)
    path = f"{CHAPTER}/{CHAPTER}.ipynb"
    with jupyterlab(scratch / "work", scratch / "student") as server:
        page = fresh(started, 1180, 860)
        book = Notebook(server.open(page, f"en/{path}"))
        table = checked(book)
        book.cell("# exercise: softmax").scroll_into_view_if_needed()
        book.cell("# exercise: softmax").evaluate("e => e.scrollIntoView({block: 'start'})")
        keep(page.screenshot(), "jupyterlab")
        keep(table.screenshot(), "check")
        book.choose_theme("JupyterLab Dark")
        keep(table.screenshot(), "check-dark")
        book.choose_theme("JupyterLab Light")
        write_answers(scratch / "work" / "en" / path, solutions() | {"softmax": WRONG.split("\n", 1)[1]})
        page = fresh(started, 1180, 860)
        server.open(page, f"en/{path}")
        page.get_by_role("button", name="Validate").click()
        dialog = page.locator(".jp-Dialog-content")
        expect(dialog).to_be_visible(timeout=3 * MINUTE)
        keep(dialog.screenshot(), "validate")
        page = fresh(started, 1180, 860)
        keep(checked(Notebook(server.open(page, f"zh/{path}"))).screenshot(), "check-zh")


def solutions() -> dict[str, str]:
    chapter = Chapter(ROOT, CHAPTER)
    return {name: chapter.solution(name) for name in chapter.solutions_by_name}


def of_a_class(started: Browser, scratch: Path) -> None:
    course = make_course(scratch / "course")
    (course / ".secret").write_text(SECRET, encoding="utf-8")
    list(build(load_course(course)))
    handed = hand_in(load_course(course), course, chapters=[CHAPTER])
    grade(course, [CHAPTER])
    name_students(course, load_course(course), handed)
    report = scratch / "report.html"
    atlas = Path(sys.executable).parent / "atlas"
    subprocess.run([atlas, "report", CHAPTER, "--out", report], cwd=course, check=True, stdout=subprocess.DEVNULL)
    page = fresh(started, 1080, 1500)
    page.goto(report.as_uri())
    keep(page.screenshot(), "report")
    (scratch / "home").mkdir()
    with jupyterlab(course, scratch / "ta", scratch / "exchange") as ta:
        nbgrader(scratch / "ta", course, "release_assignment", CHAPTER)
        page = fresh(started, 1180, 620)
        open_formgrader(ta, page, f"manage_submissions/{CHAPTER}")
        expect(page.locator("td.autograde").first).to_be_visible()
        keep(page.screenshot(), "class")
        open_formgrader(ta, page, f"submissions/{with_half_a_softmax(course)}")
        cell = page.locator("#softmax-check").locator("xpath=ancestor::*[contains(@class, 'panel')][1]")
        page.set_viewport_size({"width": 1180, "height": 900})
        cell.scroll_into_view_if_needed()
        keep(page.screenshot(), "formgrader")
        with jupyterlab(scratch / "home", scratch / "student", scratch / "exchange") as student:
            page = fresh(started, 1180, 480)
            open_assignments(student, page)
            item = page.locator(".list_item", has_text=CHAPTER)
            item.get_by_role("button", name="Fetch").click()
            item.get_by_role("button", name="Submit").click()
            expect(item.get_by_role("button", name="Feedback")).to_be_visible()
            keep(page.screenshot(), "assignment-list")


def with_half_a_softmax(course: Path) -> str:
    """formgrader's number of a notebook whose softmax is right in part."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        for notebook in gradebook.notebook_submissions(CHAPTER, CHAPTER):
            for grade in notebook.grades:
                if grade.cell.name == "softmax-check" and 0 < grade.score < grade.max_score:
                    return notebook.id
    raise LookupError("nobody in the sample class has softmax right in part")


def of_progress(scratch: Path) -> None:
    atlas = Path(sys.executable).parent / "atlas"
    work = scratch / "learner"
    subprocess.run([atlas, "start", work], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for name in ("ch01_tensors", CHAPTER):
        chapter = Chapter(ROOT, name)
        known = list(chapter.solutions_by_name)
        answers = {exercise: chapter.solution(exercise) for exercise in known[: 2 * len(known) // 3]}
        write_answers(work / name / f"{name}.ipynb", answers)
    picture = scratch / "progress.png"
    subprocess.run([atlas, "progress", work, "--picture", picture], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    keep(picture, "progress")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        for name, make in (("student", of_a_student), ("class", of_a_class)):
            (Path(folder) / name).mkdir()
            make(started, Path(folder) / name)
        of_progress(Path(folder))


if __name__ == "__main__":
    main()
