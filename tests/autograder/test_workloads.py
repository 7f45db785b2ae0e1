"""The speed of kernels: what it is measured on, when it counts, and what becomes of its points without a GPU."""

from pathlib import Path

import pytest
import torch

from autograder.answers import Cell, Submission
from autograder.chapters import Chapter
from autograder.course import load_course
from autograder.draws import Draw
from autograder.judgement import judge_submission
from autograder.judging import Judge, Local
from autograder.verdicts import Speed
from autograder.workloads import workload
from autograder.workshop import Workshop

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT)
LABS = [entry.name for entry in COURSE.written if entry.part == "kernels"]
LAB = Chapter(ROOT, "lab01_elementwise")
SWIGLU = LAB.exercises["fused_swiglu"]


def judged(answer, race=None, native=False):
    judge = Judge(
        SWIGLU.name,
        SWIGLU.visible,
        SWIGLU.reference,
        "a secret",
        workload=SWIGLU.workload,
        rules=SWIGLU.rules,
        race=race,
    )
    return judge.judge(Local(answer, native), 6)


class Stopped:
    """A race that says what it is told to."""

    def __init__(self, **found):
        self.found = found

    def judge(self, workload, provider, verdict, seed, language):
        for name, value in self.found.items():
            setattr(verdict, name, value)


def test_without_a_gpu_speed_waits_and_the_rest_is_graded():
    found = judged(SWIGLU.reference)
    *values, speed = found.cases
    assert found.status == "pending_gpu" and not found.settled
    assert all(case.passed for case in values)
    assert speed.waits_for == "gpu" and not speed.passed and "neither given nor lost" in speed.message
    assert found.score == 2  # of six: two cases of weight 1 beside a workload of weight 4


def test_a_wrong_kernel_waits_for_nothing():
    found = judged(lambda x: x[:, : x.shape[1] // 2].clone())
    assert found.status == "failed" and found.score == 0
    assert found.cases[-1].waits_for == "" and "when all results are right" in found.cases[-1].message


def test_with_a_gpu_the_race_decides():
    fast = Speed(ratio=1.6, p20=1.5, p80=1.7, needed=1.2, pairs=9, baseline="builtin")
    assert judged(SWIGLU.reference, Stopped(passed=True, speed=fast)).status == "passed"
    slow = judged(SWIGLU.reference, Stopped(message="too slow"))
    assert (slow.status, slow.score) == ("partial", 2)
    doubtful = judged(SWIGLU.reference, Stopped(waits_for="person"))
    assert doubtful.status == "needs_person" and not doubtful.settled


def test_whether_native_code_is_the_builtin_a_person_says():
    fast = Stopped(passed=True, speed=Speed(ratio=1.6, p20=1.5, p80=1.7, needed=1.2, pairs=9, baseline="builtin"))
    found = judged(SWIGLU.reference, fast, native=True)
    assert found.status == "needs_person" and found.score == 2
    assert "compiled from C++ or CUDA" in found.cases[-1].message
    assert judged(SWIGLU.reference, Stopped(message="too slow"), native=True).status == "partial"


def test_a_lab_that_is_handed_in_here_is_pending():
    entry = COURSE.chapter(LAB.name)
    cells = [Cell(LAB.program(e.name, LAB.solution(e.name)), "answer", e.name) for e in entry.exercises]
    told = {"student": "ada", "attempt": "1", "secret": "a secret"}
    with Workshop(limits=entry.limits) as workshop:
        found = judge_submission(LAB, entry, Submission(LAB.name, cells), workshop=workshop, **told)
    for exercise in found.exercises:
        assert exercise.status == "pending_gpu"
        assert [case.name for case in exercise.cases if not case.passed] == [LAB.exercises[exercise.name].workload.name]
        assert 0 < exercise.score < exercise.max_score


@pytest.mark.parametrize("name", LABS)
def test_every_exercise_of_a_lab_has_a_workload_whose_builtin_is_right(name):
    lab = Chapter(ROOT, name)
    for exercise in lab.exercises.values():
        work = exercise.workload
        assert work is not None and work.needed > 0, exercise.name
        kind, amount = work.work(*work.inputs(Draw(0, work.dtype), 16))
        assert amount > 0 and kind in ("bytes", "flops")
        assert work.sentence("zh") != work.sentence("en")


def test_a_workload_says_what_bounds_it_and_has_three_sizes():
    told = {"builtin": torch.exp, "naive": torch.exp}
    with pytest.raises(ValueError, match="bytes_moved or flops"):
        workload("exp", sizes=(1, 2, 3), **told)
    with pytest.raises(ValueError, match="three sizes"):
        workload("exp", sizes=(3, 2), bytes_moved=lambda x: 1, **told)
    with pytest.raises(ValueError, match="both or neither"):
        workload("exp", sizes=(1, 2, 3), bytes_moved=lambda x: 1, rtol=1e-3, **told)
