"""The command `atlas`. Every command imports what it needs when it runs: torch alone takes seconds.

Exit status: 0 when everything asked for passed, 1 when something failed, 2 for a bad call.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from autograder.course import Course, Language, find_root, load_course


class Sandbox(StrEnum):
    bwrap = "bwrap"
    none = "none"


class Commands(TyperGroup):
    """Prints the course's own errors as messages instead of tracebacks."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] not in ("nbgrader", "nbclient", "cloudpickle", "psutil"):
                raise
            fail(f'{error.name} is not installed: {sys.executable} -m pip install -c constraints.txt -e ".[staff]"')
        except Exception as error:
            if not _is_course_error(error):
                raise
            fail(str(error))


def _is_course_error(error: Exception) -> bool:
    """Whether it is a CourseError, without importing its module: where that is not loaded, none was raised."""
    chapters = sys.modules.get("autograder.chapters")
    return chapters is not None and isinstance(error, chapters.CourseError)


def fail(message: str) -> None:
    """Print a message to stderr and exit with status 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Deep Learning Mathematics Atlas: build, check and grade the course.",
)

Chapters = Annotated[
    list[str] | None, typer.Argument(help="Chapters, such as ch04_activations; all written ones if none.")
]
OneChapter = Annotated[str, typer.Argument(metavar="CHAPTER", help="A chapter, such as ch04_activations.")]


def course_with(chapters: list[str] | None = None) -> Course:
    """The course of the current folder; a chapter that it does not have is a bad call."""
    course = load_course(find_root(Path.cwd()))
    known = [entry.name for entry in course.chapters]
    for name in chapters or []:
        if name not in known:
            raise typer.BadParameter(f"no chapter {name!r}: course.yml has {', '.join(known)}")
    return course


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail if anything is out of date.")] = False,
    chapter: Annotated[list[str] | None, typer.Option(help="Only this chapter; may be given several times.")] = None,
) -> None:
    """Make assignments/en and assignments/zh from source/ and solutions/."""
    course = course_with(chapter)
    from autograder import building

    if check:
        problems = building.check(course, chapter or ())
        if problems:
            fail("\n".join(problems))
        typer.echo("assignments/ is what the sources make")
        return
    for built in building.build(course, chapter or ()):
        exercises = f"{built.exercises} exercise{'s' if built.exercises != 1 else ''}, {built.points:g} points"
        written = [str(path) for path in built.changed if path.parts[0] == "assignments"]
        typer.echo(f"{built.chapter}: {exercises}; {'wrote ' + ', '.join(written) if written else 'unchanged'}")


@app.command()
def run(
    chapter: OneChapter,
    language: Annotated[Language, typer.Option(help="en or zh.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Where to write it, .ipynb or .html.")] = None,
) -> None:
    """Run a chapter's notebook with the solutions in it, to see that it runs and how it looks."""
    course = course_with([chapter])
    from nbclient.exceptions import CellExecutionError

    from autograder.building import run_solution_notebook
    from autograder.chapters import Chapter

    out = out or course.root / "build" / "run" / language / f"{chapter}.html"
    try:
        run_solution_notebook(Chapter(course.root, chapter), language, out)
    except CellExecutionError as error:
        fail(f"{error}\nthe notebook up to there: {out}")
    typer.echo(f"every cell ran: {out}")


@app.command()
def doctor() -> None:
    """What this machine has and lacks, and the command that mends it."""
    from rich.console import Console

    from autograder.doctor import examine, report

    if not report(list(examine(Path.cwd())), Console()):
        raise typer.Exit(1)
