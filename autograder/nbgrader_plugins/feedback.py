"""The outputs that stand below the checks of a graded notebook, and the page that is made from it."""

from collections.abc import Sequence
from html import escape

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from traitlets import default

from autograder.verdicts import ExerciseVerdict

# English, Chinese
MESSAGES: dict[str, tuple[str, str]] = {
    "notes": ("What was odd about this submission", "这份提交的异常之处"),
    "unreadable": (
        "The notebook that was handed in could not be read, so nothing was judged; a person will look at it.",
        "提交的 notebook 无法读取，因此没有评测；会有人处理。",
    ),
    "unjudged": (
        "This exercise could not be judged. That is not your mistake; a person will look at it.",
        "这道练习没能评测。这不是你的错误；会有人处理。",
    ),
}


# upon the template that nbgrader's feedback names, whose own list is one block with the whole page
CONTENTS = """\
{%- extends "index.html.j2" -%}
{%- block body -%}
  {%- set page = namespace(html=super()) -%}
  {%- for cell in nb.cells if cell.metadata.nbgrader and cell.metadata.atlas and cell.metadata.atlas.exercise -%}
    {%- set link = '<a href="#' ~ cell.metadata.nbgrader.grade_id ~ '">' -%}
    {%- set page.html = page.html | replace(link ~ "Test cell<", link ~ (cell.metadata.atlas.exercise | e) ~ "<") -%}
  {%- endfor -%}
  {{ page.html }}
{%- endblock body -%}
"""


class FeedbackExporter(HTMLExporter):
    """An HTMLExporter whose contents list names each exercise, where nbgrader's says "Test cell" for all."""

    @default("raw_template")
    def _raw_template_default(self) -> str:
        return CONTENTS


def message(key: str, language: str) -> str:
    english, chinese = MESSAGES[key]
    return chinese if language == "zh" else english


def verdict_outputs(exercise: ExerciseVerdict, language: str) -> list[NotebookNode]:
    """The verdict, and an error when it scored nothing, which nbgrader shows in red.

    It is display_data: nbgrader reads an execute_result as partial credit and a stream to stderr as failure.
    """
    from autograder.rendering import headline, to_html, to_text

    data = {"text/plain": to_text(exercise, language), "text/html": to_html(exercise, language)}
    made = [new_output("display_data", data={kind: _writable(text) for kind, text in data.items()})]
    if exercise.settled and exercise.score == 0:
        line = f"{exercise.name}: {headline(exercise, language)}"
        made.append(new_output("error", ename="NotPassed", evalue=line, traceback=[line]))
    return made


def message_outputs(key: str, language: str) -> list[NotebookNode]:
    """What stands below a check that no verdict belongs to."""
    text = message(key, language)
    return [new_output("display_data", data={"text/plain": text, "text/html": f"<p>{escape(text)}</p>"})]


def notes_cell(notes: Sequence[str], language: str) -> NotebookNode:
    """A cell for the top of a notebook that says what was odd about it."""
    lines = [f"- {escape(note, quote=False)}" for note in notes]
    source = "\n".join([f"**{message('notes', language)}**", "", *lines])
    return new_markdown_cell(_writable(source), id="atlas-notes", metadata={"atlas": {"origin": "notes"}})


def _writable(text: str) -> str:
    """Text that can be written as UTF-8: a student's error message may hold half a character."""
    return text.encode("utf-8", "replace").decode()
