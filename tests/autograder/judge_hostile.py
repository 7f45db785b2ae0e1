"""Judges hostile notebooks in a container's own way; run by the Python that setup.sh made, not by pytest.

    python judge_hostile.py COURSE WORDS < ATTACKS > VERDICTS

ATTACKS is a JSON list of [name, softmax, extra cell or ""], WORDS what stands for {marker} and its kin. A line each:
[name, sandbox, softmax's verdict, relu's verdict, processes of the student's user that are left].
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import torch

from autograder.cases import Rules
from autograder.chapters import Chapter
from autograder.course import Limits
from autograder.judgement import judge_submission
from autograder.submissions import read_release, reassemble, submission_of
from autograder.worker.zygote import _tasks_of
from autograder.workshop import Workshop, student_account

CHAPTER = "ch04_activations"
LIMITS = Limits(cell_seconds=3, case_seconds=3, exercise_seconds=6, memory_mb=256, processes=16, tmp_mb=8, result_mb=4)


def main() -> None:
    torch.set_num_threads(1)
    root, words = Path(sys.argv[1]), json.loads(sys.argv[2])
    os.chdir(root)
    chapter = Chapter(root, CHAPTER)
    exercises = {name: replace(chapter.exercises[name], rules=Rules()) for name in ("softmax", "relu")}
    without_rules = SimpleNamespace(name=CHAPTER, exercises=exercises)
    plan = SimpleNamespace(exercises=[SimpleNamespace(name=name, equation="", points=4.0) for name in exercises])
    release = read_release(root / "assignments" / "en" / CHAPTER / f"{CHAPTER}.ipynb")
    uid = student_account().uid
    with Workshop("user", LIMITS) as workshop:
        for name, softmax, extra in json.load(sys.stdin):
            answers = {"softmax": softmax or chapter.solution("softmax"), "relu": chapter.solution("relu")}
            for key, value in words.items():
                answers["softmax"] = answers["softmax"].replace("{" + key + "}", value)
            submission = submission_of(reassemble(notebook(release, answers, extra), release), CHAPTER)
            verdict = judge_submission(
                without_rules, plan, submission, student="mallory", attempt="1", secret="of tests", workshop=workshop
            )
            judged = [exercise.model_dump() for exercise in verdict.exercises]
            print(json.dumps([name, verdict.sandbox, *judged, len(_tasks_of(uid))]), flush=True)


def notebook(release, answers, extra):
    from copy import deepcopy

    made = deepcopy(release)
    for cell in made.cells:
        atlas = cell.metadata.get("atlas", {})
        if atlas.get("origin") == "answer" and atlas["exercise"] in answers:
            cell.source = answers[atlas["exercise"]]
    if extra:
        from nbformat.v4 import new_code_cell

        made.cells.insert(1, new_code_cell(extra))
    return made


if __name__ == "__main__":
    main()
