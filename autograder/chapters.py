"""A chapter's test files, loaded: cases, rules, reference, wrong and right answers."""

import ast
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType

from autograder.cases import Answer, Case, Edit, Rules, import_lines
from autograder.course import load_course
from autograder.errors import CourseError
from autograder.stubs import is_kernel
from autograder.workloads import Workload


def load_module(path: Path, name: str) -> ModuleType:
    """A Python file as a module of the given name, so that `inspect` and pickling by value find it."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CourseError(f"{path}: no such file")
    if "import triton" in path.read_text(encoding="utf-8"):
        os.environ.setdefault("TRITON_INTERPRET", "1")  # what is right is asked of the interpreter, on the CPU
        import autograder.kernels  # noqa: F401
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CourseError(f"{path}: {type(error).__name__}: {error}") from error
    return module


def load_cases(path: Path, module_name: str, visible: bool) -> tuple[list[Case], dict[str, Rules]]:
    """The cases of a checks.py or hidden.py, in their order, and its RULES."""
    module = load_module(path, module_name)
    _no_name_twice(path)
    cases = [replace(value, visible=visible) for value in vars(module).values() if isinstance(value, Case)]
    return cases, dict(getattr(module, "RULES", {}))


def _no_name_twice(path: Path) -> None:
    """Of two definitions with one name Python keeps the last, and a case or an answer would be lost silently."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for name in {n for n in names if names.count(n) > 1}:
        raise CourseError(f"{path}: {name!r} is defined twice, and only the last one counts: rename one")


@dataclass
class Exercise:
    """One exercise with all that its judge needs."""

    name: str
    cases: list[Case] = field(default_factory=list)
    rules: Rules = field(default_factory=Rules)
    reference: Callable | None = None
    wrong: list[Answer] = field(default_factory=list)
    right: list[Answer] = field(default_factory=list)
    workload: Workload | None = None

    @property
    def visible(self) -> list[Case]:
        return [c for c in self.cases if c.visible]

    @property
    def hidden(self) -> list[Case]:
        return [c for c in self.cases if not c.visible]


@dataclass
class Chapter:
    """A chapter's files in every room below `root`, read when first asked for."""

    root: Path
    name: str

    @property
    def is_lab(self) -> bool:
        """Whether its answers are kernels."""
        return self.name.startswith("lab")

    @property
    def source(self) -> Path:
        return self.root / "source" / self.name

    @property
    def solutions(self) -> Path:
        return self.root / "solutions" / self.name

    @property
    def tests(self) -> Path:
        return self.root / "tests" / self.name

    def _module(self, path: Path) -> str:
        return f"atlas_{self.name}_{path.stem}"

    @cached_property
    def reference(self) -> ModuleType:
        path = self.solutions / "reference.py"
        return load_module(path, self._module(path))

    @cached_property
    def reference_source(self) -> str:
        return (self.solutions / "reference.py").read_text(encoding="utf-8")

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """Every exercise that a case names, in the order of the checks."""
        checks, rules = load_cases(self.source / "checks.py", self._module(self.source / "checks.py"), True)
        hidden, _ = load_cases(self.tests / "hidden.py", self._module(self.tests / "hidden.py"), False)
        answers = self._answers("wrong_answers.py") + self._answers("right_answers.py")
        exercises: dict[str, Exercise] = {}
        for case in checks + hidden:
            exercises.setdefault(case.exercise, Exercise(case.exercise)).cases.append(case)
        for name in [*rules, *(a.exercise for a in answers)]:
            if name not in exercises:
                raise CourseError(
                    f"{self.name}: rules or an answer name {name!r}, but no case does: check the spelling"
                )
        for exercise in exercises.values():
            exercise.rules = replace(rules.get(exercise.name, Rules()), native=self.is_lab)
            exercise.reference = getattr(self.reference, exercise.name, None)
            if exercise.reference is None:
                raise CourseError(f"{self.solutions / 'reference.py'}: define {exercise.name!r}, which a case names")
        self._set_speeds(exercises)
        for answer in answers:
            target = exercises[answer.exercise]
            (target.right if answer.right else target.wrong).append(answer)
        return exercises

    def _set_speeds(self, exercises: dict[str, Exercise]) -> None:
        """Give every case of speed, and every workload, the ratio that course.yml asks for."""
        for workload in self._workloads():
            if workload.exercise not in exercises:
                raise CourseError(f"{self.tests / 'speed.py'}: no case names {workload.exercise!r}: check the spelling")
            exercises[workload.exercise].workload = workload
        timed = {name: e for name, e in exercises.items() if e.workload or any(case.faster_than for case in e.cases)}
        entry = load_course(self.root).chapter(self.name) if timed else None
        for name, exercise in timed.items():
            times = entry.exercise(name).speed if entry else None
            if times is None:
                raise CourseError(f"{self.root / 'course.yml'}: give {name!r} its `speed`, since it is timed")
            exercise.cases = [replace(case, times=times) if case.faster_than else case for case in exercise.cases]
            if exercise.workload:
                exercise.workload = replace(exercise.workload, needed=times)

    def _workloads(self) -> list[Workload]:
        """What speed.py of a lab holds."""
        path = self.tests / "speed.py"
        if not path.exists():
            return []
        _no_name_twice(path)
        return [value for value in vars(load_module(path, self._module(path))).values() if isinstance(value, Workload)]

    def _answers(self, file: str) -> list[Answer]:
        path = self.tests / file
        found: list[Answer] = []
        module = load_module(path, self._module(path))
        _no_name_twice(path)
        for name, value in vars(module).items():
            if isinstance(value, Answer):
                found.append(replace(value, source=self.program(value.exercise, value.source)))
            elif isinstance(value, Edit):
                found.append(self._apply(name, value, path))
        return found

    def _apply(self, name: str, edit: Edit, path: Path) -> Answer:
        source = self.solution(edit.exercise)
        for old, new in edit.replace.items():
            if old not in source:
                raise CourseError(
                    f"{path}: {name} replaces {old!r}, which the reference of {edit.exercise!r} does not hold"
                )
            source = source.replace(old, new)
        return Answer(edit.exercise, name, self.program(edit.exercise, source), edit.hint, right=False)

    @cached_property
    def imports(self) -> str:
        """The imports that every answer of the chapter may rely on: those of reference.py."""
        return import_lines(self.reference_source)

    @cached_property
    def solutions_by_name(self) -> dict[str, str]:
        """The source of every function and class in reference.py; one that launches GPU kernels has them above it."""
        lines = self.reference_source.splitlines()
        found = {}
        kernels = ""
        for node in ast.parse(self.reference_source).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                source = "\n".join(lines[first - 1 : node.end_lineno]) + "\n"
                if is_kernel(node):
                    kernels += source + "\n\n"
                else:
                    found[node.name] = kernels + source
                    kernels = ""
        return found

    def solution(self, exercise: str) -> str:
        """The source of one exercise in reference.py."""
        try:
            return self.solutions_by_name[exercise]
        except KeyError:
            path = self.solutions / "reference.py"
            raise CourseError(f"{path}: no function or class {exercise!r}") from None

    def program(self, exercise: str, source: str) -> str:
        """An answer made whole: the chapter's imports, the other solutions that it names, and the answer."""
        needed: dict[str, str] = {}

        def need(text: str) -> None:
            for node in ast.walk(ast.parse(text)):
                name = node.id if isinstance(node, ast.Name) else None
                if name in self.solutions_by_name and name != exercise and name not in needed:
                    needed[name] = ""
                    need(self.solutions_by_name[name])
                    needed[name] = self.solutions_by_name[name]

        need(source)
        ordered = [text for name, text in self.solutions_by_name.items() if name in needed]
        return "\n\n".join([self.imports.rstrip() + "\n", *ordered, source])
