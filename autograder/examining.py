"""Runs an exercise's visible cases on an answer in this process: on the student's own machine, for the student alone.

Nothing here is a defence. It survives what honest code does by mistake: printing without end, raising anything,
leaving with exit().
"""

import ast
import inspect
import io
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import wraps
from types import FunctionType, TracebackType
from typing import Any

import torch

from autograder.answers import Cell
from autograder.assignments import Listed
from autograder.cases import Case, Rules
from autograder.comparison import shorten
from autograder.devices import on_device
from autograder.draws import PUBLIC_SECRET
from autograder.errors import JudgeError
from autograder.forbidden import read
from autograder.judging import AnswerFailed, Judge, Local, Provider, Refused, Run, blank
from autograder.language import say
from autograder.pictures import picture
from autograder.rendering import PRINTED_CHARACTERS, Evidence, Printed
from autograder.slicing import CannotRead, is_stub, slice_of
from autograder.verdicts import ExerciseVerdict
from autograder.watching import Watched

MESSAGE_CHARACTERS = 600
LONGEST_CHAIN = 10
LIBRARIES = {"torch", "numpy", "scipy", "sklearn", "math", "builtins", "torchvision", "triton"}


@dataclass
class Examined:
    """What the visible cases say of an answer, and what stands beside it."""

    verdict: ExerciseVerdict
    evidence: dict[str, Evidence] = field(default_factory=dict)
    printed: Printed = field(default_factory=Printed)


class Stopped(KeyboardInterrupt):
    """The person stopped the check: during which case, and at which line of the answer."""

    def __init__(self, case: Case, line: int | None, code: str):
        super().__init__(case.name)
        self.case = case
        self.line = line
        self.code = code

    def sentence(self, language: str) -> str:
        words = {"sentence": self.case.sentence(language), "name": self.case.exercise}
        if self.line is None:
            return say("check_stopped", language, **words)
        return say("check_stopped_at", language, **words, line=self.line, code=self.code)


class Recorder(io.TextIOBase):
    """A stream that keeps the beginning of what is written, and counts the rest."""

    def __init__(self, limit: int = PRINTED_CHARACTERS):
        self.limit = limit
        self.kept = ""
        self.characters = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.characters += len(text)
        if len(self.kept) < self.limit:
            self.kept += text[: self.limit - len(self.kept)]
        return len(text)

    @property
    def printed(self) -> Printed:
        return Printed(self.kept, self.characters)


def examine(answer: Callable, listed: Listed, cases: Sequence[Case], rules: Rules, language: str = "en") -> Examined:
    """The visible cases of one exercise, judged on an answer. Raises Stopped when the person interrupts."""
    name = listed.name
    source = source_of(answer)
    if source and is_stub(source, name):
        return Examined(blank(listed, cases, language, "not_attempted"))
    refusal = refused(source, name, rules)
    here = on_device(answer, "cuda") if _runs_on_gpu() else answer
    return judge_visible(Refused(refusal) if refusal else Local(Watched(here, rules)), listed, cases, language, answer)


def _runs_on_gpu() -> bool:
    """Whether the notebook's kernels are compiled for a GPU, where the tensors of a case must go first."""
    kernels = sys.modules.get("autograder.kernels")
    return kernels is not None and not kernels.INTERPRETED


def judge_visible(
    provider: Provider, listed: Listed, cases: Sequence[Case], language: str = "en", answer: Callable | None = None
) -> Examined:
    """The visible cases on whatever gives the answer. Raises Stopped when the person interrupts."""
    watched = [_traced(case, globals_of(answer)) for case in cases]
    judge = Judge(listed.name, watched, None, PUBLIC_SECRET, language=language)
    recorder = Recorder()
    try:
        with _own_state(), redirect_stdout(recorder), redirect_stderr(recorder):
            verdict = judge.judge(provider, listed.points, listed.equation)
    except JudgeError as error:
        note = say("check_failed", language, message=error)
        return Examined(blank(listed, cases, language, "judge_error", note))
    failures = [run.outcome.failure for run in judge.runs if run.outcome.failure]
    unwritten = [f for f in failures if "NotImplementedError" in f.classes[:1]]
    if not source_of(answer) and len(unwritten) == len(judge.runs):
        return Examined(blank(listed, cases, language, "not_attempted"), printed=recorder.printed)
    evidence = {r.case.name: _evidence(r, listed.name, language) for r in judge.runs if r.difference}
    return Examined(verdict, evidence, recorder.printed)


@contextmanager
def _own_state() -> Iterator[None]:
    """The caller's random numbers, gradient mode and default device stay as they are, and do not change a verdict."""
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


def code_of(answer: Any) -> FunctionType | None:
    """The innermost Python function of an answer that is the student's own; of a class, its first method."""
    if isinstance(answer, type):
        answer = next((f for f in vars(answer).values() if isinstance(f, FunctionType)), None)
    chain = [getattr(answer, "func", answer)]
    while len(chain) < LONGEST_CHAIN and hasattr(chain[-1], "__wrapped__"):
        chain.append(chain[-1].__wrapped__)
    functions = [f for f in chain if isinstance(f, FunctionType)]
    own = [f for f in functions if library_named(f.__globals__.get("__name__")) is None]
    return next(reversed(own or functions), None)


def library_named(module: Any) -> str | None:
    """The library that a module belongs to, when it is one that answers are compared with."""
    top = str(module).split(".")[0]
    return top if top in LIBRARIES else None


def globals_of(answer: Any) -> dict[str, Any]:
    """The namespace that an answer was written in."""
    function = code_of(answer)
    return function.__globals__ if function else {}


def source_of(answer: Any) -> str:
    """The whole cell or file that an answer was written in; empty when that is not known."""
    function = code_of(answer)
    return "".join(linecache.getlines(function.__code__.co_filename, function.__globals__)) if function else ""


def refused(source: str, exercise: str, rules: Rules) -> AnswerFailed | None:
    """Why the source alone refuses an answer."""
    if not source:
        return None
    try:
        return read(slice_of([Cell(source, "answer", exercise)], exercise), rules)
    except CannotRead:  # the cell ran, so this is the reader's weakness
        return None


def _traced(case: Case, namespace: Mapping[str, Any]) -> Case:
    """The case, with exceptions that name the line of the answer they came from."""

    @wraps(case.driver)
    def driver(*args: Any) -> Any:
        try:
            return case.driver(*args)
        except (AnswerFailed, JudgeError):
            raise
        except KeyboardInterrupt as error:
            raise Stopped(case, *_place(error.__traceback__, namespace)) from None
        except BaseException as error:
            raise raised(error, namespace) from error

    return replace(case, driver=driver)


def raised(error: BaseException, namespace: Mapping[str, Any]) -> AnswerFailed:
    """What a student is told of an exception: its class, its message, and the line of theirs that it came from."""
    classes = [cls.__name__ for cls in type(error).__mro__ if cls is not object]
    try:
        message = shorten(str(error), MESSAGE_CHARACTERS)
    except Exception:
        message = "…"
    line, code = _place(error.__traceback__, namespace)
    if line is None:
        return AnswerFailed("raised", classes, error=classes[0], message=message)
    key = "still_stub" if isinstance(error, NotImplementedError) and code.startswith("raise") else "raised_at"
    return AnswerFailed(key, classes, error=classes[0], message=message, line=line, code=code)


def _place(trace: TracebackType | None, namespace: Mapping[str, Any]) -> tuple[int | None, str]:
    """The innermost line that was written in the answer's namespace."""
    line, code = None, ""
    while trace is not None:
        if trace.tb_frame.f_globals is namespace:
            line = trace.tb_lineno
            code = linecache.getline(trace.tb_frame.f_code.co_filename, line, trace.tb_frame.f_globals).strip()
        trace = trace.tb_next
    return line, shorten(code)


def _evidence(run: Run, exercise: str, language: str) -> Evidence:
    assert run.difference
    if run.difference.key in ("forbidden_source", "reaches_around", "not_python"):  # nothing was run
        return Evidence()
    try:
        drawn = picture(run.difference, language)
    except Exception:  # a picture that cannot be drawn must not hide the verdict
        drawn = ""
    return Evidence(drawn, call_of(run, exercise, language))


def call_of(run: Run, exercise: str, language: str = "en") -> str:
    """Python that repeats a run of a case: the same draw, the same call. Empty when the driver is not a plain one."""
    driver = inspect.unwrap(run.case.driver)
    linecache.checkcache(driver.__code__.co_filename)
    source = linecache.getlines(driver.__code__.co_filename)
    module = ast.parse("".join(source))
    node = next((n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == driver.__name__), None)
    if node is None or len(node.args.args) < 2:
        return ""
    answer, draw = (argument.arg for argument in node.args.args[:2])
    lines = [*_imports(module, node), "from autograder.draws import Draw", ""]
    lines.append(f"{draw} = Draw({run.seed}, {run.dtype})")
    if answer != exercise:
        lines.append(f"{answer} = {exercise}")
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    returns = [n for part in body for n in ast.walk(part) if isinstance(n, ast.Return)]
    text = textwrap.dedent("".join(source[body[0].lineno - 1 : node.end_lineno])).rstrip()
    if len(returns) == 1 and returns[0] is body[-1] and returns[0].value is not None:
        first = body[-1].lineno - body[0].lineno
        kept = text.splitlines()
        value = "\n".join(kept[first:]).removeprefix("return ")
        lines += [*kept[:first], value]
    else:
        lines += [
            f"def {node.name}({answer}, {draw}):",
            textwrap.indent(text, "    "),
            f"{node.name}({answer}, {draw})",
        ]
    builtin = _builtin(node)
    if builtin:
        lines += ["", "# " + say("right_result", language, name=answer, builtin=builtin)]
    return "\n".join(lines)


def _imports(module: ast.Module, node: ast.FunctionDef) -> list[str]:
    """The lines that bring in the names that a driver uses, besides the answer's own."""
    used = {n.id for part in node.body for n in ast.walk(part) if isinstance(n, ast.Name)} | {"torch"}
    lines = []
    for statement in module.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            names = [a for a in statement.names if (a.asname or a.name).split(".")[0] in used]
            if names:
                kept = (
                    ast.Import(names)
                    if isinstance(statement, ast.Import)
                    else ast.ImportFrom(statement.module, names, statement.level)
                )
                lines.append(ast.unparse(kept))
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)) and statement.name in used:
            lines.append(f"from checks import {statement.name}")
        elif isinstance(statement, ast.Assign):
            targets = [t.id for t in statement.targets if isinstance(t, ast.Name) and t.id in used]
            lines += [f"from checks import {name}" for name in targets]
    return lines


def _builtin(node: ast.FunctionDef) -> str:
    """The builtin that a case agrees with, as its decorator names it."""
    for decorator in node.decorator_list:
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if keyword.arg == "agrees_with" and isinstance(keyword.value, ast.Attribute):
                return ast.unparse(keyword.value)
    return ""
