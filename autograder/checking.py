"""What a student sees on pressing check, in a notebook, a terminal or a pipe, and what `atlas check` says.

Nothing here raises for a wrong answer or a wrong argument, so that a notebook runs on to its end. Where nbgrader
validates a notebook, what did not pass is said on stderr too.
"""

import difflib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.answers import Submission
from autograder.assignments import (
    CHECKS,
    FACTS,
    Assignment,
    NotFound,
    find,
    of_folder,
    of_repository,
    repository_above,
)
from autograder.comparison import Difference, describe
from autograder.errors import CourseError, SandboxError
from autograder.examining import Examined, Refused, Stopped, code_of, examine, judge_visible, library_named
from autograder.judging import AnswerFailed, blank
from autograder.language import say
from autograder.rendering import (
    note_html,
    overview_html,
    overview_rich,
    overview_text,
    plain,
    to_html,
    to_rich,
    to_text,
)
from autograder.slicing import is_stub
from autograder.verdicts import Verdict

NOTHING: Any = object()


class Misuse(Exception):
    """check was given something that it cannot judge; the lines say what to give it."""

    def __init__(self, *lines: str):
        super().__init__(*lines)
        self.lines = lines


def check_in_notebook(answer: Any = NOTHING, namespace: Mapping[str, Any] | None = None) -> None:
    """Show what the visible checks say of one answer, or of all."""
    namespace = vars(sys.modules["__main__"]) if namespace is None else namespace
    language = "en"
    try:
        assignment = find(_name_given(answer), Path.cwd())
        language = assignment.language
        if answer is NOTHING:
            show_overview(all_examined(assignment, namespace), assignment)
            return
        name, function = identify(answer, assignment, namespace)
        cases, rules = assignment.cases(name), assignment.rules(name)
        show(examine(function, assignment.listed[name], cases, rules, language), assignment)
    except Misuse as misuse:
        show_note(misuse.lines, language)
    except CourseError as error:
        show_note(str(error).split("\n"), language)
    except KeyboardInterrupt as interrupt:
        if isinstance(interrupt, Stopped):
            show_note([interrupt.sentence(language)], language)
        raise _quiet(KeyboardInterrupt()) from None


def _quiet(error: BaseException) -> BaseException:
    """The exception, of which IPython shows the name and no traceback: it still ends Run All."""
    error._render_traceback_ = lambda: [type(error).__name__]  # type: ignore[attr-defined]
    return error


def _name_given(answer: Any) -> str | None:
    if isinstance(answer, str):
        return answer
    return getattr(answer, "__name__", None) if callable(answer) else None


def identify(answer: Any, assignment: Assignment, namespace: Mapping[str, Any]) -> tuple[str, Callable]:
    """The exercise that an argument of check means, and the answer to it. Raises Misuse with what to write instead."""
    language, names = assignment.language, assignment.names
    example = next((n for n in names if n in namespace), names[0] if names else "softmax")
    if isinstance(answer, str):
        if answer not in names:
            raise _unknown(answer, assignment)
        if answer not in namespace:
            raise Misuse(say("check_undefined", language, name=answer))
        return identify(namespace[answer], assignment, namespace)
    bound = [name for name in names if name in namespace and namespace[name] is answer]
    if type(answer).__name__ in names and not isinstance(answer, type):
        raise Misuse(say("check_instance", language, name=type(answer).__name__))
    if not callable(answer):
        words = {"came": describe(answer), "example": bound[0] if bound else example}
        raise Misuse(Difference("check_value", words).message(language))
    name = bound[0] if bound else getattr(answer, "__name__", type(answer).__name__)
    library = library_of(answer)
    if library:
        own = name if name in names else example
        raise Misuse(say("check_library", language, name=name, library=library, example=own))
    if name in names:
        return name, answer
    if name == "<lambda>":
        raise Misuse(say("check_lambda", language, example=example))
    raise _unknown(name, assignment)


def library_of(answer: Any) -> str | None:
    """The library that a function or class comes from, when it is none of the student's own."""
    answer = getattr(answer, "func", answer)
    code = code_of(answer)
    module = code.__globals__.get("__name__") if code else getattr(answer, "__module__", None)
    if module is None:
        module = getattr(getattr(answer, "__objclass__", None), "__module__", None)
    return library_named(module)


def _unknown(name: str, assignment: Assignment) -> Misuse:
    language, names = assignment.language, assignment.names
    near = difflib.get_close_matches(name, names, n=1)
    line = say("check_unknown", language, name=name, chapter=assignment.chapter)
    if near:
        return Misuse(line, say("check_nearest", language, name=f"check({near[0]})"))
    return Misuse(line, say("check_names", language, names=say("comma", language).join(names)))


def all_examined(assignment: Assignment, namespace: Mapping[str, Any]) -> list[Examined]:
    """The visible checks of every exercise; one that is not defined is not attempted."""
    found = []
    for name, listed in assignment.listed.items():
        cases, rules, language = assignment.cases(name), assignment.rules(name), assignment.language
        answer = namespace.get(name)
        if not callable(answer) or library_of(answer):
            found.append(Examined(blank(listed, cases, language, "not_attempted")))
        else:
            found.append(examine(answer, listed, cases, rules, language))
    return found


def _in_kernel() -> bool:
    """Whether a notebook's front end shows what is displayed."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _validating() -> bool:
    """Whether nbgrader's Validate runs this notebook: it reads what comes to stderr as a failure, and shows it."""
    return os.environ.get("NBGRADER_EXECUTION") == "validate"


def _emit(
    html: Callable[[], str],
    text: Callable[[], str],
    rich: Callable[[], Any],
    data: Mapping[str, Any],
    passed: bool = False,
) -> None:
    """One output, in the best form that this place can show."""
    if _in_kernel():
        if _validating() and not passed:
            print(text(), file=sys.stderr)
        from IPython.display import display

        bundle = {"text/html": html(), "text/plain": text()}
        display(bundle, raw=True, metadata={"atlas": dict(data)})
    elif sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False, markup=False).print(rich())
    else:
        encoding = sys.stdout.encoding or "utf-8"
        print(text().encode(encoding, "replace").decode(encoding))


def show(examined: Examined, assignment: Assignment, judged_whole: bool = False) -> None:
    """One exercise's checks, and what remains hidden unless that was judged too."""
    language, verdict, printed = assignment.language, examined.verdict, examined.printed
    hidden = None if judged_whole else assignment.listed[verdict.name].hidden
    _emit(
        lambda: to_html(verdict, language, hidden=hidden, evidence=examined.evidence, printed=printed),
        lambda: to_text(verdict, language, hidden=hidden, printed=printed),
        lambda: to_rich(verdict, language, hidden=hidden, printed=printed),
        {"exercise": verdict.name, "status": verdict.status},
        verdict.status == "passed",
    )


def show_overview(examined: Iterable[Examined], assignment: Assignment, judged_whole: bool = False) -> None:
    """All exercises of a chapter, one line each."""
    verdicts, language = [e.verdict for e in examined], assignment.language
    hidden = None if judged_whole else {name: listed.hidden for name, listed in assignment.listed.items()}
    _emit(
        lambda: overview_html(verdicts, language, hidden),
        lambda: overview_text(verdicts, language, hidden),
        lambda: overview_rich(verdicts, language, hidden),
        {"exercises": {verdict.name: verdict.status for verdict in verdicts}},
        all(verdict.status == "passed" for verdict in verdicts),
    )


def show_note(lines: Iterable[str], language: str) -> None:
    """What to do, where there is nothing to judge."""
    head, *rest = lines
    text = plain("\n".join([head, *rest]))
    _emit(lambda: note_html(head, language, rest), lambda: text, lambda: text, {"note": text})


@dataclass
class Checked:
    """What `atlas check` found. examined: the exercises with what stands beside them; hidden: whether all cases ran."""

    verdict: Verdict
    examined: list[Examined]
    assignment: Assignment
    hidden: bool

    @property
    def exit_status(self) -> int:
        return 0 if self.verdict.passed else 1

    def show(self) -> None:
        """Every exercise that was attempted, then the chapter at a glance."""
        for examined in self.examined:
            if examined.verdict.status != "not_attempted":
                show(examined, self.assignment, judged_whole=self.hidden)
        show_overview(self.examined, self.assignment, judged_whole=self.hidden)


def check_answers(
    folder: Path,
    chapter: str,
    answers: Path | None = None,
    hidden: bool = False,
    sandbox: str = "bwrap",
    language: str = "en",
) -> Checked:
    """What `atlas check` says of the answers in a file.

    folder: the chapter's folder as a student has it, or one above it, or the course's repository.
    answers: a .py file or a notebook; the chapter's own notebook unless given.
    hidden: judge the hidden cases too, in the sandbox; needs the repository.
    Raises CourseError for a bad call, such as a chapter or file that is not there.
    """
    from autograder.answer_files import read_answers

    assignment = _assignment_of(folder, chapter, language)
    path = answers or assignment.notebook
    if not path.is_file():
        raise CourseError(f"{path}: no such file: name the file with your answers, --answers FILE")
    submission = read_answers(path, chapter, assignment.names, assignment.language)
    if hidden:
        verdict = _judged(folder, chapter, submission, sandbox)
        return Checked(verdict, [Examined(v) for v in verdict.exercises], assignment, hidden=True)
    examined = [_examined(submission, assignment, name) for name in assignment.names]
    verdict = Verdict(
        chapter=chapter,
        language=assignment.language,
        score=round(sum(e.verdict.score for e in examined), 4),
        max_score=sum(e.verdict.max_score for e in examined),
        sandbox="unsandboxed",
        exercises=[e.verdict for e in examined],
    )
    return Checked(verdict, examined, assignment, hidden=False)


def _assignment_of(folder: Path, chapter: str, language: str) -> Assignment:
    """A chapter's visible side below or at a folder."""
    folder = folder.resolve()
    for place in (folder, folder / chapter):
        if (place / CHECKS).is_file() and (place / FACTS).is_file():
            assignment = of_folder(place)
            if assignment.chapter == chapter:
                return assignment
    if root := repository_above(folder):
        return of_repository(root, chapter, language)
    raise NotFound(say("check_no_files", language, folder=folder))


def _examined(submission: Submission, assignment: Assignment, name: str) -> Examined:
    """The visible checks of one exercise on the answer in a file."""
    from autograder.answer_files import load

    listed, cases, rules = assignment.listed[name], assignment.cases(name), assignment.rules(name)
    language, cell = assignment.language, submission.answer(name)
    if cell is None or is_stub(cell.source, name):
        return Examined(blank(listed, cases, language, "not_attempted"))
    try:
        answer = load(submission, name, rules)
    except AnswerFailed as failure:
        return judge_visible(Refused(failure), listed, cases, language)
    return examine(answer, listed, cases, rules, language)


def _judged(folder: Path, chapter: str, submission: Submission, sandbox: str) -> Verdict:
    """All cases, judged as for a grade, on public draws."""
    from autograder.chapters import Chapter
    from autograder.course import find_root, load_course
    from autograder.draws import PUBLIC_SECRET
    from autograder.judgement import judge_submission
    from autograder.workshop import Workshop

    root = find_root(folder)
    plan = load_course(root).chapter(chapter)
    try:
        with Workshop(sandbox, plan.limits, lab=plan.is_lab) as workshop:
            return judge_submission(
                Chapter(root, chapter),
                plan,
                submission,
                student="",
                attempt="",
                secret=PUBLIC_SECRET,
                workshop=workshop,
            )
    except SandboxError as error:
        raise CourseError(str(error)) from error
