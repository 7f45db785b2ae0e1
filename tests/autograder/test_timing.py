"""Speed by the judge's clock: what is fast passes, what is slow does not, and no cheat earns anything."""

import ast
from pathlib import Path

import pytest
import torch

from autograder.cases import case
from autograder.chapters import Chapter, Exercise
from autograder.course import load_course
from autograder.errors import CourseError, JudgeError
from autograder.judging import Judge, Local
from autograder.sandbox import Session
from autograder.slicing import Piece
from autograder.timing import PAIRS, ROUNDS, Stopwatch, settled, speed
from autograder.workshop import Workshop

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT)
CH08 = Chapter(ROOT, "ch08_distances")

A_DOUBLE_LOOP = """
def pairwise_distances(x, y):
    return torch.stack([torch.stack([(a - b).square().sum().sqrt() for b in y]) for a in x])
"""
FAST = "(x[..., :, None, :] - y[..., None, :, :]).square().sum(-1).sqrt()"

CHEATS = {
    "keeps its results by the address of the input": """
results = {}
def pairwise_distances(x, y):
    if x.data_ptr() not in results:
        results[x.data_ptr()] = SLOW(x, y)
    return results[x.data_ptr()]
""",
    "keeps its results by the shape of the input": """
results = {}
def pairwise_distances(x, y):
    if "any" not in results:
        results["any"] = SLOW(x, y)
    return results["any"][: len(x), : len(y)]
""",
    "works in every other call only": """
results = []
def pairwise_distances(x, y):
    results.append(SLOW(x, y) if len(results) % 2 == 0 else results[-1])
    return results[-1]
""",
    "is right while it thinks that it is being warmed up": f"""
calls = []
def pairwise_distances(x, y):
    calls.append(1)
    return {FAST} if len(calls) < 3 else torch.ones(len(x), len(y), dtype=x.dtype)
""",
    "returns memory that was not written": """
def pairwise_distances(x, y):
    return torch.empty(len(x), len(y), dtype=x.dtype)
""",
    "lets a thread do the work after it has returned": """
import threading
def pairwise_distances(x, y):
    out = torch.zeros(len(x), len(y), dtype=x.dtype)
    threading.Thread(target=lambda: out.copy_(SLOW(x, y))).start()
    return out
""",
    "returns a tensor that does the work when it is read": """
class Later(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunction():
            return function(*[SLOW(*a.inputs) if isinstance(a, Later) else a for a in args], **(kwargs or {}))
def pairwise_distances(x, y):
    later = torch.empty(len(x), len(y), dtype=x.dtype).as_subclass(Later)
    later.inputs = (x, y)
    return later
""",
    "stops the clocks of its own process": """
import time
time.perf_counter = time.process_time = time.monotonic = lambda: 0.0
pairwise_distances = lambda x, y: SLOW(x, y)
""",
    "keeps the other core busy while the baseline runs": """
import os
burners = []
def pairwise_distances(x, y):
    if not burners:
        burners.append(os.fork())
        while burners[0] == 0:
            pass
    return SLOW(x, y)
""",
    "computes in half precision": """
def pairwise_distances(x, y):
    x, y = x.half(), y.half()
    return FAST_.double()
""".replace("FAST_", FAST),
    "is made for one shape": f"""
def pairwise_distances(x, y):
    return {FAST} if len(x) == 96 else torch.zeros(len(x), len(y), dtype=x.dtype)
""",
    "calls the builtin": """
def pairwise_distances(x, y):
    return torch.cdist(x, y)
""",
    "tries the builtin, and falls back on the loop": """
def pairwise_distances(x, y):
    try:
        return torch.cdist(x, y)
    except Exception:
        return SLOW(x, y)
""",
    "makes its inputs zero, so that the work is easy": """
def pairwise_distances(x, y):
    x.zero_(), y.zero_()
    return torch.zeros(len(x), len(y), dtype=x.dtype)
""",
    "expects the draws of a known seed": """
torch.manual_seed(0)
guess = torch.randn(95, 8, dtype=torch.float64), torch.randn(70, 8, dtype=torch.float64)
known = SLOW(*guess)
def pairwise_distances(x, y):
    return known[: len(x)]
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def workshop():
    with Workshop(limits=COURSE.chapter("ch08_distances").limits) as made:
        yield made


def timed(exercise: Exercise):
    return [c for c in exercise.cases if c.faster_than]


def verdict(workshop, source):
    """The verdict on a program that nobody has read for what it may not do: the clock alone must find it out."""
    exercise = CH08.exercises["pairwise_distances"]
    judge = Judge(exercise.name, timed(exercise), exercise.reference, "a secret", rules=exercise.rules)
    program = f"{CH08.imports}\n{source}"
    pieces = [Piece(program, tuple(range(len(ast.parse(program).body))), "answer", True)]
    (found,) = judge.judge(Session(workshop, exercise.name, pieces, exercise.rules)).cases
    return found


def test_the_reference_is_fast_enough_and_the_verdict_says_how_fast(workshop):
    found = verdict(workshop, CH08.solution("pairwise_distances"))
    assert found.passed, found.message
    assert found.speed
    assert found.speed.p20 <= found.speed.ratio <= found.speed.p80
    assert (
        found.speed.ratio >= found.speed.needed == COURSE.chapter("ch08_distances").exercise("pairwise_distances").speed
    )


def test_the_loop_is_right_but_too_slow(workshop):
    found = verdict(workshop, A_DOUBLE_LOOP)
    assert not found.passed
    assert "times as fast as a double loop: at least 4 times is asked for" in found.message


@pytest.mark.parametrize("cheat", CHEATS)
def test_no_cheat_earns_speed_points(workshop, cheat):
    slow = A_DOUBLE_LOOP.replace("pairwise_distances", "SLOW")
    found = verdict(workshop, slow + CHEATS[cheat])
    assert not found.passed
    assert found.speed is None or found.speed.ratio < found.speed.needed


def twice(x):
    return 2 * x


def judged_speed(answer, baseline=twice, times=3.0):
    @case("twice", facet="speed", faster_than=baseline)
    def of_a_vector(answer, draw):
        """向量"""
        return answer(draw.normal(5))

    object.__setattr__(of_a_vector, "times", times)
    (found,) = Judge("twice", [of_a_vector], twice, "a secret").judge(Local(answer)).cases
    return found


def slowly(x):
    for _ in range(3000):
        torch.add(x, x)
    return 2 * x


def test_what_is_as_fast_as_its_baseline_is_not_three_times_as_fast():
    found = judged_speed(slowly, baseline=slowly)
    assert not found.passed
    assert 0.3 < found.speed.ratio < 2
    assert judged_speed(twice, baseline=slowly).passed


def test_a_fast_answer_that_is_wrong_once_is_not_fast():
    calls = []

    def wrong_once(x):
        calls.append(x)
        return 2 * x + (len(calls) == PAIRS)

    found = judged_speed(wrong_once, baseline=slowly)
    assert not found.passed
    assert found.speed is None


def test_a_baseline_that_is_wrong_is_the_judges_error():
    with pytest.raises(JudgeError, match="the baseline is wrong"):
        judged_speed(twice, baseline=lambda x: 3 * x)


def test_a_ratio_near_the_threshold_is_measured_again():
    assert settled(speed([10.0] * PAIRS, 3.0, "loop"))
    assert settled(speed([1.0] * PAIRS, 3.0, "loop"))
    assert not settled(speed([3.1] * PAIRS, 3.0, "loop"))
    assert settled(speed([3.1] * (ROUNDS * PAIRS), 3.0, "loop"))


def test_a_stopwatch_counts_what_a_call_takes_even_if_it_fails():
    ticks = iter([1.0, 3.5])

    def fails():
        raise ValueError

    watch = Stopwatch(fails, lambda: next(ticks))
    with pytest.raises(ValueError):
        watch()
    assert watch.seconds == 2.5


def test_only_a_case_of_speed_is_timed():
    with pytest.raises(ValueError, match="its facet is speed"):
        case("twice", faster_than=twice)


def test_a_timed_exercise_without_a_speed_in_the_manifest_is_refused(tmp_path):
    (tmp_path / "course.yml").write_text((ROOT / "course.yml").read_text().replace(", speed: 4", ""))
    for room in ("source", "solutions", "tests"):
        (tmp_path / room).mkdir()
        (tmp_path / room / CH08.name).symlink_to(ROOT / room / CH08.name)
    with pytest.raises(CourseError, match="give 'pairwise_distances' its `speed`"):
        _ = Chapter(tmp_path, CH08.name).exercises
