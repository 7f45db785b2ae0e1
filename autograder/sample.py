"""A sample class: students whose answers we chose, so that we know what each deserves.

It grades the grader. The demo shows it, the tests check every score, the benchmark times it.
"""

import ast
import copy
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat

from autograder.cases import Answer
from autograder.chapters import Chapter, Exercise
from autograder.course import ChapterEntry, Course
from autograder.judging import Judge, Local, load_answer
from autograder.watching import Watched
from autograder.workshop import has_gpu

SECRET = "the sample class"

DUE = "2026-03-01T23:59:00+00:00"

ESSAY = "A sum of e products has variance e; without the root one weight is nearly 1 and softmax has no gradient left."

# what hostile students put above an otherwise honest notebook's first answer
ATTACKS = {
    "reads the hidden cases": """
import glob
found = glob.glob("/**/hidden.py", recursive=True) + glob.glob("/**/reference.py", recursive=True)
raise SystemExit(open(found[0]).read())
""",
    "leaves with status 0": """
import os, atexit
atexit.register(lambda: os._exit(0))
os._exit(0)
""",
    "forges a verdict": """
import os, json
verdict = json.dumps({"passed": True, "score": 100, "status": "passed"}).encode()
for fd in range(3, 64):
    try:
        os.write(fd, verdict)
    except OSError:
        pass
""",
}


@dataclass(frozen=True)
class Student:
    """One student of the sample class.

    choose: for the k-th exercise of a chapter, which answer stands in the notebook.
    share: what part of the points each chosen answer deserves is computed from it; see `deserved`.
    damage: what happens to the notebook's text afterwards, and whether anything can still be read of it.
    """

    id: str
    first_name: str
    last_name: str
    about: str
    choose: Callable[[Chapter, int, str], "Choice"]
    language: str = "en"
    damage: Callable[[dict], str] = field(default=lambda nb: json.dumps(nb, ensure_ascii=False, indent=1))
    readable: bool = True
    days_late: int = 0
    essay: str = ""


@dataclass(frozen=True)
class Choice:
    """One answer: its source, or None for the untouched stub; `fails` where it deserves nothing by itself."""

    source: str | None
    answer: Answer | None = None
    fails: bool = False


def _reference(chapter: Chapter, k: int, name: str) -> Choice:
    return Choice(chapter.solution(name))


def _whole(chapter: Chapter, k: int, name: str) -> Choice:
    """The reference with the other solutions that it calls, so that it stands without the student's other answers."""
    return Choice(chapter.program(name, chapter.solution(name)))


def _stub(chapter: Chapter, k: int, name: str) -> Choice:
    return Choice(None)


def _right(chapter: Chapter, k: int, name: str) -> Choice:
    right = chapter.exercises[name].right
    return Choice(right[k % len(right)].source)


def _without_hint(answer: Answer) -> str:
    """A wrong answer's source without its docstring, which is the hint."""
    lines = answer.source.splitlines()
    for node in ast.parse(answer.source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) == answer.note:
            if len(node.body) > 1:
                del lines[node.body[0].lineno - 1 : node.body[0].end_lineno]
            break
    return "\n".join(lines) + "\n"


def _wrong(which: int) -> Callable[[Chapter, int, str], Choice]:
    def choose(chapter: Chapter, k: int, name: str) -> Choice:
        wrong = chapter.exercises[name].wrong
        answer = wrong[which % len(wrong)]
        return Choice(_without_hint(answer), answer)

    return choose


def _alternating(*choices: Callable[[Chapter, int, str], Choice]) -> Callable[[Chapter, int, str], Choice]:
    return lambda chapter, k, name: choices[k % len(choices)](chapter, k, name)


def _first_half(chapter: Chapter, k: int, name: str) -> Choice:
    half = len(chapter.exercises) // 2
    return _whole(chapter, k, name) if k < half else _stub(chapter, k, name)


def _attack(source: str) -> Callable[[Chapter, int, str], Choice]:
    """The first answer attacks when it is called; the rest are honest."""

    def choose(chapter: Chapter, k: int, name: str) -> Choice:
        if k:
            return _whole(chapter, k, name)
        body = "\n".join("    " + line for line in source.strip().splitlines())
        return Choice(f"def {name}(*args, **kwargs):\n{body}\n    return args[0]\n", fails=True)

    return choose


def _calls_the_builtin(chapter: Chapter, k: int, name: str) -> Choice:
    """Every second answer calls torch's own function of that name, if the exercise forbids it."""
    forbids = chapter.exercises[name].rules.forbids
    if k % 2 or name not in forbids:
        return _whole(chapter, k, name)
    return Choice(f"def {name}(*args, **kwargs):\n    return torch.{name}(*args, **kwargs)\n", fails=True)


def _misspelt(chapter: Chapter, k: int, name: str) -> Choice:
    """The second answer is not Python."""
    if k != 1:
        return _whole(chapter, k, name)
    return Choice(chapter.solution(name).replace(":\n", "\n", 1), fails=True)


def _without_metadata(nb: dict) -> str:
    """What Colab saves."""
    nb = copy.deepcopy(nb)
    nb["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for cell in nb["cells"]:
        cell["metadata"] = {}
    return json.dumps(nb)


def _rearranged(nb: dict) -> str:
    """Check cells deleted, an answer cell doubled, a locked cell edited."""
    nb = copy.deepcopy(nb)
    cells = [c for c in nb["cells"] if not c["metadata"].get("nbgrader", {}).get("grade_id", "").endswith("-check")]
    answers = [c for c in cells if c["metadata"].get("nbgrader", {}).get("solution")]
    cells.insert(0, copy.deepcopy(answers[0]))
    for cell in cells:
        if cell["metadata"].get("nbgrader", {}).get("locked"):
            cell["source"] = "nothing to see here"
    nb["cells"] = cells
    return json.dumps(nb)


def students() -> list[Student]:
    """The sample class."""
    as_is = json.dumps
    return [
        Student("ada", "Ada", "Lovelace", "right, as the reference has it", _reference),
        Student("emmy", "Emmy", "Noether", "right, in another way; answers the essay", _right, essay=ESSAY),
        Student("hypatia", "Hypatia", "of Alexandria", "right, in the Chinese notebook", _right, language="zh"),
        Student("carl", "Carl Friedrich", "Gauß", "right, two days late", _reference, days_late=2),
        Student("kurt", "Kurt", "Gödel", "every answer wrong", _wrong(0)),
        Student("grace", "Grace", "Hopper", "every answer wrong in another way", _wrong(1)),
        Student("niels", "Niels Henrik", "Abel", "wrong in a third way, in Chinese", _wrong(2), language="zh"),
        Student("sofia", "Sofia", "Kovalevskaya", "right and wrong in turn", _alternating(_whole, _wrong(1))),
        Student("alan", "Alan", "Turing", "the first half only", _first_half),
        Student("blaise", "Blaise", "Pascal", "nothing attempted", _stub),
        Student("donald", "Donald", "Knuth", "a syntax error in one answer", _misspelt),
        Student("omar", "Omar", "Khayyam", "calls the builtin where it is forbidden", _calls_the_builtin),
        Student("colette", "Colette", "Lab", "right, saved without metadata", _reference, damage=_without_metadata),
        Student("rosa", "Rosa", "Reshuffle", "right, but cells moved, doubled, deleted", _right, damage=_rearranged),
        Student("mallory", "Mallory", "Malice", "reads the hidden cases", _attack(ATTACKS["reads the hidden cases"])),
        Student("eve", "Eve", "Exit", "leaves with status 0", _attack(ATTACKS["leaves with status 0"])),
        Student("trudy", "Trudy", "Forge", "forges a verdict", _attack(ATTACKS["forges a verdict"])),
        Student(
            "evariste", "Évariste", "Galois", "a file cut in the middle", _reference,
            damage=lambda nb: as_is(nb)[: len(as_is(nb)) // 2], readable=False,
        ),
        Student("pierre", "Pierre", "de Fermat", "an empty file", _reference, damage=lambda nb: "", readable=False),
    ]  # fmt: skip


def notebook(student: Student, chapter: Chapter, assignments: Path) -> str:
    """The text of the notebook that a student hands in."""
    release = assignments / student.language / chapter.name / f"{chapter.name}.ipynb"
    nb: Any = nbformat.read(release, as_version=4)
    answers = [c for c in nb.cells if c.metadata.get("atlas", {}).get("origin") == "answer"]
    for k, cell in enumerate(answers):
        name = cell.metadata["atlas"]["exercise"]
        source = student.choose(chapter, k, name).source
        if source is not None:
            cell.source = f"# exercise: {name}\n{source}"
    for cell in nb.cells:
        if student.essay and cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = student.essay
    return student.damage(json.loads(nbformat.writes(nb)))


def deserved(student: Student, chapter: Chapter, plan: ChapterEntry, attempt: str = "") -> float:
    """What a student's exercises deserve in a chapter, before any penalty and without essays.

    Right answers deserve all that this machine can decide; stubs, attacks, syntax errors and unreadable files nothing,
    on whatever draws. A wrong answer deserves the share of its cases that it passes on the draws of this attempt,
    judged here as a plain function: no notebook, no sandbox, no gradebook.
    """
    if not student.readable:
        return 0.0
    total = 0.0
    for k, entry in enumerate(plan.exercises):
        choice = student.choose(chapter, k, entry.name)
        if choice.source is None or choice.fails:
            continue
        key = (chapter.name, student.id, attempt)
        exercise = chapter.exercises[entry.name]
        total += (
            round(entry.points * _decided(exercise), 2)
            if choice.answer is None
            else _gained(exercise, choice.answer, entry.points, key)
        )
    return round(total, 2)


def _decided(exercise: Exercise) -> float:
    """The share of an exercise's points that this machine can give: without a GPU a kernel's speed waits."""
    if exercise.workload is None or has_gpu():
        return 1.0
    weight = sum(case.weight for case in exercise.cases)
    return weight / (weight + exercise.workload.weight)


def _gained(exercise: Exercise, answer: Answer, points: float, key: tuple[str, ...]) -> float:
    """The points that a wrong answer gains: never all."""
    judge = Judge(
        exercise.name, exercise.cases, exercise.reference, SECRET, key, rules=exercise.rules, workload=exercise.workload
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of what a wrong answer does
        return judge.judge(Local(Watched(load_answer(answer), exercise.rules)), points).score


def hand_in(
    course: Course, root: Path, chosen: Iterable[Student] | None = None, chapters: Sequence[str] | None = None
) -> list[Student]:
    """Write the class's submissions below `root/submitted`, as nbgrader collects them."""
    handed = list(chosen if chosen is not None else students())
    for entry in course.written:
        if chapters is not None and entry.name not in chapters:
            continue
        chapter = Chapter(course.root, entry.name)
        for student in handed:
            folder = root / "submitted" / student.id / entry.name
            folder.mkdir(parents=True, exist_ok=True)
            text = notebook(student, chapter, course.root / "assignments")
            (folder / f"{entry.name}.ipynb").write_text(text, encoding="utf-8")
            due = entry.due or datetime.fromisoformat(DUE)
            handed_in = due - timedelta(hours=1) + timedelta(days=student.days_late)
            stamp = handed_in.strftime("%Y-%m-%d %H:%M:%S.%f %Z")
            (folder / "timestamp.txt").write_text(stamp, encoding="utf-8")
    return handed
