"""A judge that needs neither torch nor a sandbox: it knows right answers by their text."""

import os
import re
import signal
import time
from pathlib import Path
from typing import Any

from autograder.judges import ChapterUnusable, JudgesUnusable
from autograder.verdicts import CaseVerdict, ExerciseVerdict, Verdict

EXERCISES = {"double": 2.0, "square": 3.0, "negate": 1.5}
RIGHT = {"double": "return 2 * x", "square": "return x * x", "negate": "return -x"}
HALF = "# half right"


def score_of(name: str, source: str | None, points: dict[str, float] | None = None) -> float:
    """What the sample's judge gives for one answer."""
    value = {**EXERCISES, **(points or {})}[name]
    if source is None:
        return 0.0
    body = re.sub(r"\s+", " ", source)
    if RIGHT[name] in body:
        return value
    return value / 2 if HALF in body else 0.0


class SampleJudge:
    """Looks for the right answer's text. An answer may also ask it for a misfortune, once or always."""

    def __init__(self, sandbox: str):
        self.sandbox = sandbox

    def prepare(self, root: Any, plan: Any, control: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def __call__(self, job: Any) -> Verdict:
        source = "\n".join(cell.source for cell in job.submission.cells)
        _keep_log(job)
        if found := re.search(r"# sleep ([\d.]+)", source):
            time.sleep(float(found.group(1)))
        if "# kill the worker" in source:
            os.kill(os.getpid(), signal.SIGKILL)
        if "# break the judge" in source:
            raise RuntimeError("the sample's judge breaks")
        if "# break the chapter" in source:
            raise ChapterUnusable("tests/ch90_sample/hidden.py: SyntaxError")
        if "# no sandbox" in source:
            raise JudgesUnusable("bubblewrap is not installed")
        if found := re.search(r"# die until (\S+)", source):
            flag = Path(found.group(1))
            if not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        exercises = [self._exercise(job, entry) for entry in job.plan.exercises]
        return Verdict(
            chapter=job.chapter,
            student=job.student,
            language=job.submission.language,
            score=sum(e.score for e in exercises),
            max_score=sum(e.max_score for e in exercises),
            sandbox="unsandboxed" if self.sandbox == "none" else "bubblewrap",
            exercises=exercises,
            notes=job.submission.notes,
        )

    def _exercise(self, job: Any, entry: Any) -> ExerciseVerdict:
        cell = job.submission.answer(entry.name)
        points = {e.name: e.points for e in job.plan.exercises}
        score = score_of(entry.name, cell.source if cell else None, points)
        status: Any = "passed" if score == entry.points else "partial" if score else "failed"
        if cell is None or "NotImplementedError" in cell.source:
            status = "not_attempted"
        if cell and "# judge error" in cell.source:
            status = "judge_error"
        if cell and "# needs a GPU" in cell.source:
            status, score = "pending_gpu", entry.points / 2
        if cell and "# nan" in cell.source:
            score = float("nan")
        if cell and "# too much" in cell.source:
            score = 1e9
        share = score / entry.points
        cases = [
            _case("a number of either sign", True, share > 0, entry),
            _case("large <numbers> & small", False, share == 1, entry),
            _case("its gradient", False, share == 1, entry, "gradient"),
        ]
        hints = ["Is it x · x & not x + x?"] if 0 < share < 1 else []
        return ExerciseVerdict(
            name=entry.name, score=score, max_score=entry.points, status=status, cases=cases, hints=hints
        )


def _case(sentence: str, visible: bool, passed: bool, entry: Any, facet: str = "value") -> CaseVerdict:
    name = f"hidden_inputs_of_{entry.name}_{re.sub(r'[^a-z]+', '_', sentence)}"
    message = "" if passed else "expected 4, came <b>5</b>"
    return CaseVerdict(name=name, sentence=sentence, facet=facet, visible=visible, passed=passed, message=message)


def _keep_log(job: Any) -> None:
    """One line a judgement, so that tests can count them."""
    with open(Path(job.root) / "judged.log", "a", encoding="utf-8") as log:
        log.write(f"{job.student}\n")
