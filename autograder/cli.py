"""The command `atlas`. Every command imports what it needs when it runs: torch alone takes seconds.

Exit status: 0 when everything asked for passed, 1 when something failed, 2 for a bad call.
"""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from autograder.course import Course, Language, find_root, load_course

# nbformat's schema validator would import this to check IRIs, of which a notebook has none; it takes over a second
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


class Sandbox(StrEnum):
    bwrap = "bwrap"
    none = "none"


# the course's own errors, whose messages say what to do; where a module is not loaded, none of its was raised
MESSAGES = [
    ("autograder.errors", "CourseError"),
    ("autograder.errors", "SandboxError"),
    ("autograder.grading", "GradingError"),
    ("autograder.gradebook", "GradebookError"),
]
EXTRAS = {
    "nbgrader": "staff",
    "nbclient": "staff",
    "cloudpickle": "staff",
    "psutil": "staff",
    "distributed": "cluster",
    "otter": "otter",
}


class Commands(TyperGroup):
    """Prints the course's own errors as messages instead of tracebacks."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").split(".")[0])
            if extra is None:
                raise
            fail(f'{error.name} is not installed: {sys.executable} -m pip install -c constraints.txt -e ".[{extra}]"')
        except Exception as error:
            if not any(isinstance(error, kind) for kind in _own_errors()):
                raise
            fail(str(error))


def _own_errors() -> list[type[Exception]]:
    return [getattr(sys.modules[module], name) for module, name in MESSAGES if module in sys.modules]


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
    otter: Annotated[bool, typer.Option("--otter", help="And bundles for Otter-Grader and Gradescope.")] = False,
    out: Annotated[Path, typer.Option(help="Where the bundles go.")] = Path("build/otter"),
) -> None:
    """Make assignments/en and assignments/zh from source/ and solutions/."""
    course = course_with(chapter)
    if check and otter:
        raise typer.BadParameter("--check looks at assignments/ alone: leave out --otter")
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
    if otter:
        from autograder.otter_bundle import bundle

        for bundled in bundle(course, chapter or (), out.resolve()):
            typer.echo(f"{bundled.chapter}: {', '.join(map(str, [*bundled.folders, bundled.gradescope]))}")


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
def check(
    chapter: OneChapter,
    answers: Annotated[Path | None, typer.Option(help="A .py file or a notebook; else the chapter's notebook.")] = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="The hidden cases too; needs the repository.")] = False,
    sandbox: Annotated[Sandbox, typer.Option(help="Where the hidden cases run.")] = Sandbox.bwrap,
    language: Annotated[Language, typer.Option(help="en or zh.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="The verdict as JSON.")] = False,
) -> None:
    """Check your own answers to a chapter."""
    from autograder.checking import check_answers

    checked = check_answers(Path.cwd(), chapter, answers, hidden, sandbox.value, language)
    if as_json:
        typer.echo(checked.verdict.model_dump_json(indent=1))
    else:
        checked.show()
    raise typer.Exit(checked.exit_status)


@app.command()
def grade(
    chapters: Chapters = None,
    student: Annotated[str | None, typer.Option(help="Only this student's submissions.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many are judged at once; one a core if not given.")
    ] = None,
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Judge on a Dask cluster.")] = None,
    sandbox: Annotated[Sandbox, typer.Option(help="none: for code that you trust; reports say so.")] = Sandbox.bwrap,
    as_json: Annotated[bool, typer.Option("--json", help="The results as JSON.")] = False,
) -> None:
    """Judge every submission and record it in nbgrader's gradebook; a run that was cut off goes on where it stopped."""
    course = course_with(chapters)
    from contextlib import ExitStack

    from rich.console import Console

    from autograder import grading

    console = Console(stderr=as_json)
    with ExitStack() as stack:
        executor = None
        if cluster is not None:
            from distributed import Client

            executor = stack.enter_context(Client(cluster)).get_executor()
        summary = grading.grade(course.root, chapters, student, workers, sandbox.value, executor, console)
    if as_json:
        typer.echo(json.dumps(summary.as_json(), ensure_ascii=False, indent=1))
    else:
        grading.show(summary, console)
    raise typer.Exit(0 if summary.passed else 1)


@app.command()
def verify(
    chapters: Chapters = None,
    mutants: Annotated[bool, typer.Option(help="Whether to judge every one-step mutant of the references.")] = True,
    lab_mutants: Annotated[bool, typer.Option(help="Those of the labs too.")] = True,
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many exercises at once; one a core if not given.")
    ] = None,
    sandbox: Annotated[Sandbox, typer.Option(help="Where the answers run.")] = Sandbox.bwrap,
    record: Annotated[bool, typer.Option("--record", help="Write the figures into README.md and docs/.")] = False,
    against: Annotated[bool, typer.Option("--check", help="Fail if the recorded figures are others.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The reports as JSON.")] = False,
) -> None:
    """Test the tests: right answers must pass; wrong answers and mutants must fail."""
    course = course_with(chapters)
    from dataclasses import asdict

    from autograder import verification

    names = chapters or [entry.name for entry in course.written]
    reports = []
    for report in verification.verify_course(
        course.root, names, sandbox=sandbox.value, mutants=mutants, lab_mutants=lab_mutants, workers=workers
    ):
        reports.append(report)
        problems = f": {len(report.problems)} problems" if report.problems else ""
        typer.echo(
            f"{report.chapter} {report.exercise}: {report.right + report.wrong} answers, "
            f"{report.stock + report.mutants} mutants, {report.seconds:.0f} s{problems}",
            err=True,
        )
    summary = verification.summarize(reports)
    for report in reports:
        for problem in report.problems:
            typer.echo(f"{report.chapter} {report.exercise}: {problem}", err=True)
    if as_json:
        data = {"summary": asdict(summary), "exercises": [asdict(report) for report in reports]}
        typer.echo(json.dumps(data, ensure_ascii=False, indent=1))
    else:
        typer.echo(summary.sentence())
    if record:
        verification.record(course.root, ((c.name, e.name) for c in course.written for e in c.exercises), reports)
    if against and (others := verification.other_figures(course.root, reports)):
        fail(f"{verification.FIGURES} has other figures of {', '.join(others)}: run `atlas verify --record`")
    raise typer.Exit(1 if summary.problems else 0)


@app.command()
def bench(
    labs: Annotated[list[str] | None, typer.Argument(help="Labs, such as lab02_softmax; all if none.")] = None,
    save: Annotated[bool, typer.Option("--record", help="Write JSON and pictures into docs/kernels/.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The timings as JSON.")] = False,
) -> None:
    """Time the labs' kernels on this machine's NVIDIA GPU beside naive torch, torch.compile and the builtin."""
    course = course_with(labs)
    entries = [course.chapter(name) for name in labs] if labs else [entry for entry in course.written if entry.is_lab]
    if wrong := [entry.name for entry in entries if not entry.is_lab]:
        raise typer.BadParameter(f"{', '.join(wrong)}: no lab, so there is no kernel to time")
    from rich.console import Console

    from autograder import kernel_speeds

    for entry in entries:
        found = kernel_speeds.bench(course, entry)
        if as_json:
            typer.echo(found.model_dump_json(indent=1))
        else:
            Console().print(kernel_speeds.table(found))
        for path in kernel_speeds.record(course.root, found) if save else []:
            typer.echo(f"wrote {path.relative_to(course.root)}", err=True)


@app.command(name="map")
def show_map(
    chapters: Chapters = None,
    check: Annotated[
        bool, typer.Option("--check", help="Run every row; fail if a function computes otherwise.")
    ] = False,
    record: Annotated[bool, typer.Option("--record", help="Write docs/map.md and docs/coverage.md.")] = False,
    language: Annotated[Language, typer.Option(help="en or zh.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="The rows as JSON.")] = False,
) -> None:
    """Which exercise asks for a formula, and which library functions compute it."""
    course = course_with(chapters)
    if record and chapters:
        raise typer.BadParameter("--record is about all chapters")
    from autograder import coverage, formulas

    rows = list(formulas.all_rows(course, chapters))
    problems = [problem for row in rows for problem in formulas.verify(course.root, row)] if check or record else []
    if problems:
        fail("\n".join(problems))
    if record:
        (course.root / formulas.TABLE).write_text(formulas.page(rows), encoding="utf-8")
        (course.root / coverage.TABLE).write_text(coverage.page(coverage.covered(course, rows)), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=1))
    else:
        from rich.console import Console

        Console().print(formulas.table(rows, language))


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to make the sample class's course.")] = Path(
        "demo"
    ),
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many are judged at once; one a core if not given.")
    ] = None,
    sandbox: Annotated[Sandbox, typer.Option(help="none: without isolation; reports say so.")] = Sandbox.bwrap,
) -> None:
    """Grade a sample class end to end: real notebooks, real grading, hostile submissions included."""
    course = course_with()
    from rich.console import Console

    from autograder.demo import demo as run_demo

    if not run_demo(course.root, folder.resolve(), Console(), workers, sandbox.value):
        raise typer.Exit(1)


@app.command()
def report(
    chapters: Chapters = None,
    out: Annotated[Path, typer.Option(help="Where to write it: .html, .json or .csv.")] = Path("report.html"),
) -> None:
    """What the class's verdicts say: scores, misconceptions, failing cases, who waits; one page, no network needed."""
    course = course_with(chapters)
    from autograder import report as reports

    found = reports.report(course, chapters or ())
    if not any(chapter.students for chapter in found.chapters):
        fail("no verdict yet: grade first, with `atlas grade`")
    if out.suffix == ".html":
        text = reports.as_html(found)
    elif out.suffix == ".json":
        text = found.model_dump_json(indent=1)
    elif out.suffix == ".csv":
        text = reports.as_csv(found)
    else:
        raise typer.BadParameter(f"{out}: name a file that ends in .html, .json or .csv")
    out.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {out}")


class Lms(StrEnum):
    canvas = "canvas"
    moodle = "moodle"


@app.command()
def export(
    to: Annotated[Lms, typer.Option(help="Whose import reads the file.")],
    out: Annotated[Path, typer.Option(help="Where to write it, a new .csv file.")],
    template: Annotated[
        Path | None, typer.Option(help="Canvas' gradebook or Moodle's grading worksheet, to be filled in.")
    ] = None,
    chapter: Annotated[list[str] | None, typer.Option(help="Only this chapter; may be given several times.")] = None,
    column: Annotated[
        str | None, typer.Option(help="Which of Canvas' columns, if it does not name the chapter.")
    ] = None,
    excused: Annotated[Path | None, typer.Option(help="YAML, such as `ch04_activations: [ada, bob]`.")] = None,
    missing_as_zero: Annotated[
        bool, typer.Option("--missing-as-zero", help="0 for who handed nothing in, else empty.")
    ] = False,
) -> None:
    """The gradebook's scores as CSV that Canvas or Moodle imports; `nbgrader export` writes nbgrader's own."""
    course = course_with(chapter)
    if column is not None and (to is not Lms.canvas or template is None):
        raise typer.BadParameter("--column is about a --template of Canvas'")
    from autograder import exporting

    grades = exporting.read_grades(course, chapter or (), excused, missing_as_zero)
    found = exporting.export(grades, to.value, out, template, column)
    for note in found.notes:
        typer.echo(note, err=True)
    typer.echo(f"wrote {out}: {found.filled} scores")


Work = Annotated[Path, typer.Option("--folder", help="Where your notebooks are.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="An exercise, such as softmax.")]
Spoken = Annotated[Language, typer.Option(help="en or zh.")]


@app.command()
def start(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to put the notebooks.")] = Path("work"),
    language: Spoken = "en",
    chapter: Annotated[list[str] | None, typer.Option(help="Only this chapter; may be given several times.")] = None,
) -> None:
    """Put the notebooks where you want to work on them; yours are never overwritten."""
    course = course_with(chapter)
    from collections import Counter

    from autograder.learner import start as put

    placed = put(course, folder.resolve(), language, chapter or ())
    counts = Counter(file.state for file in placed if file.path.suffix == ".ipynb")
    typer.echo(f"{folder}: {counts['new']} new notebooks, {counts['kept']} kept as they were")
    typer.echo(f"open them with `jupyter lab {folder}`, and see how far you are with `atlas progress {folder}`")


@app.command()
def progress(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where your notebooks are.")] = Path("work"),
    picture: Annotated[Path | None, typer.Option(help="Write a picture of the Atlas too, as PNG or SVG.")] = None,
    sandbox: Annotated[Sandbox, typer.Option(help="none: for your own code, without bubblewrap.")] = Sandbox.bwrap,
    language: Spoken = "en",
    as_json: Annotated[bool, typer.Option("--json", help="The verdicts as JSON.")] = False,
) -> None:
    """How far you are: every chapter judged, hidden cases included, where its notebook has changed."""
    course = course_with()
    from rich.console import Console

    from autograder import learner

    console = Console(stderr=as_json)
    found = []
    with console.status("judging what has changed") as status:
        for standing in learner.standings(course, folder.resolve(), language, sandbox.value):
            found.append(standing)
            status.update(f"judging what has changed: {standing.entry.name} is done")
    if as_json:
        verdicts = [standing.verdict.model_dump() for standing in found if standing.verdict]
        typer.echo(json.dumps(verdicts, ensure_ascii=False, indent=1))
    else:
        console.print(learner.progress_table(found, language))
    if picture:
        learner.progress_picture(course, found, picture)
        typer.echo(f"wrote {picture}", err=True)


@app.command()
def hint(
    chapter: OneChapter,
    name: Name,
    level: Annotated[int, typer.Option(min=1, max=4, help="How much: 1 says least, 4 most.")] = 1,
    folder: Work = Path("work"),
    sandbox: Annotated[Sandbox, typer.Option(help="none: for your own code, without bubblewrap.")] = Sandbox.bwrap,
    language: Spoken = "en",
) -> None:
    """Help with one exercise, a layer at a time."""
    course = course_with([chapter])
    entry = course.chapter(chapter)
    entry.exercise(name)
    from autograder import learner

    found = None
    if learner.is_attempted(learner.answers_in(folder.resolve(), entry, language), name):
        (standing,) = learner.standings(course, folder.resolve(), language, sandbox.value, [chapter])
        found = standing.exercise(name)
    if found and found.status in ("passed", "pending_gpu"):
        typer.echo(f"{name} is right: there is nothing left to hint at")
        return
    for line in learner.hint(course, entry, name, found, level, language):
        typer.echo(f"- {line}")
    if level < learner.DEEPEST:
        typer.echo(f"more: atlas hint {chapter} {name} --level {level + 1}")


@app.command()
def solution(
    chapter: OneChapter,
    name: Name,
    now: Annotated[bool, typer.Option("--now", help="Even if you have not tried it.")] = False,
    folder: Work = Path("work"),
    language: Spoken = "en",
) -> None:
    """The reference solution of an exercise that you have attempted."""
    course = course_with([chapter])
    entry = course.chapter(chapter)
    entry.exercise(name)
    from rich.console import Console

    from autograder import learner

    if not now and not learner.is_attempted(learner.answers_in(folder.resolve(), entry, language), name):
        place = learner.notebook_of(folder, entry)
        fail(f"{place}: no attempt at {name} yet: write one, ask `atlas hint {chapter} {name}`, or say --now")
    Console().print(learner.solution(course, entry, name))


@app.command()
def doctor() -> None:
    """What this machine has and lacks, and the command that mends it."""
    from rich.console import Console

    from autograder.doctor import examine, report

    if not report(list(examine(Path.cwd())), Console()):
        raise typer.Exit(1)
