"""Races between an answer and the builtin, by the judge's clock, on a CPU: the same code as on a GPU, but for memory.

Every cheat is one that was seen in benchmarks of GPU kernels. None of them earns anything, or a person is asked.
"""

import sys
import textwrap
from functools import partial

import cloudpickle
import pytest
import torch

from autograder.answers import Cell, Submission
from autograder.cases import Rules
from autograder.course import Limits
from autograder.draws import seed_of
from autograder.races import CALLS, Stadium, measure_best
from autograder.sandbox import Session
from autograder.slicing import slice_of
from autograder.verdicts import CaseVerdict
from autograder.workloads import workload
from autograder.workshop import Workshop, has_gpu

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a sandbox does not know this file

pytestmark = pytest.mark.alone

ANY = {"bytes": 1e18, "flops": 1e18}


def _bent(x):
    return torch.erf(torch.exp(torch.sin(x)))


@workload(
    "bent",
    builtin=_bent,
    naive=_bent,
    sizes=(1 << 10, 1 << 14, 1 << 19),
    dtype=torch.float32,
    bytes_moved=lambda x: 2 * x.nbytes,
)
def a_vector(draw, elements):
    """一个向量"""
    return (draw.normal(elements),)


WORK = a_vector.__class__(**{**vars(a_vector), "needed": 0.6})


@pytest.fixture(
    scope="module",
    params=["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not has_gpu(), reason="needs an NVIDIA GPU"))],
)
def workshops(request):
    limits = Limits(exercise_seconds=300, case_seconds=60, memory_mb=8192, processes=128)
    lab = request.param == "cuda"
    with Workshop(limits=limits, lab=lab) as answers, Workshop(limits=limits, lab=lab) as builtins:
        yield answers, builtins


@pytest.fixture
def race(workshops):
    def run(body, best=ANY, work=WORK, prelude="", may_change=()):
        source = f"import torch\n{prelude}\n\ndef bent(x):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        pieces = slice_of(Submission("lab", [Cell(source, "answer", "bent")]).cells, "bent")
        session = Session(workshops[0], "bent", pieces, Rules(may_change=may_change))
        verdict = CaseVerdict(name="v", sentence="v", facet="speed", visible=False, passed=False)
        device = workshops[0].device
        stadium = Stadium(device, *workshops, best, "a machine", size=64 << 20, draw_on=device)
        stadium.judge(work, session, verdict, partial(seed_of, "a secret"), "en")
        return verdict

    return run


def test_an_answer_as_fast_as_the_builtin_passes(race):
    found = race("return torch.erf(torch.exp(torch.sin(x)))")
    assert found.passed, found.message
    assert 0.6 < found.speed.ratio < 1.7
    assert found.speed.machine == "a machine" and found.speed.pairs >= 5


def test_one_that_does_the_work_six_times_does_not(race):
    found = race("for _ in range(6):\n    y = torch.erf(torch.exp(torch.sin(x)))\nreturn y")
    assert not found.passed and not found.waits_for
    assert found.speed.ratio < WORK.needed and "as fast" in found.message


HONEST = "torch.erf(torch.exp(torch.sin(x)))"
CHEATS = {
    "keeps the result under the address of the input": (
        f"""
        if x.data_ptr() not in kept:
            kept[x.data_ptr()] = {HONEST}
        return kept[x.data_ptr()]
        """,
        "kept = {}",
    ),
    "keeps the result under the shape of the input": (
        f"""
        if x.shape not in kept:
            kept[x.shape] = {HONEST}
        return kept[x.shape]
        """,
        "kept = {}",
    ),
    "works at the first of several calls only": (
        f"""
        calls.append(1)
        if len(calls) % {CALLS} == 1:
            kept[0] = {HONEST}
        return kept[0]
        """,
        "calls, kept = [], {}",
    ),
    "hands over memory in which a result once lay": ("return torch.empty_like(x)", ""),
    "works after it has answered, in a thread": (
        f"""
        out = torch.empty_like(x)
        copy = x.clone()
        def later():
            import time
            time.sleep(0.02)
            x = copy
            out.copy_({HONEST})
        threading.Thread(target=later).start()
        return out
        """,
        "import threading",
    ),
    "makes the check trivial by changing the input": ("x.zero_()\nreturn torch.full_like(x, 0.8427007929497149)", ""),
    "calculates in half precision": ("h = x.bfloat16()\nreturn torch.erf(torch.exp(torch.sin(h))).float()", ""),
    "calculates a part only": (
        f"n = len(x) // 2\nx, rest = x[:n], x[n:]\nreturn torch.cat([{HONEST}, torch.full_like(rest, 0.9)])",
        "",
    ),
    "gives a constant": ("return torch.full_like(x, 0.8427)", ""),
    "gives another dtype": ("return torch.erf(torch.exp(torch.sin(x.half())))", ""),
    "gives nothing": ("pass", ""),
    "gives half of the shape": (f"x = x[::2]\nreturn {HONEST}", ""),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_earns_nothing(race, name):
    body, prelude = CHEATS[name]
    found = race(body, prelude=prelude)
    assert not found.passed
    assert found.message


ON_STREAMS = {
    "works on another stream and does not wait": "with torch.cuda.stream(torch.cuda.Stream()):\n    {slow}\nreturn y",
    "replays a graph of its first call": """
        if not graphs:
            graphs.append(torch.cuda.CUDAGraph())
            with torch.cuda.graph(graphs[0]):
                kept[0] = {honest}
        graphs[0].replay()
        return kept[0]
        """,
}


@pytest.mark.skipif(not has_gpu(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("name", ON_STREAMS)
def test_a_cheat_that_only_a_gpu_knows_earns_nothing(race, name):
    slow = f"y = {HONEST}; y = {HONEST}; y = {HONEST}"
    found = race(ON_STREAMS[name].format(slow=slow, honest=HONEST), prelude="graphs, kept = [], {}")
    assert not found.passed


SLOW = f"for _ in range(6):\n    y = {HONEST}\nreturn y"
CLOCKS = {
    "stops every clock in its process": "import time\nfor name in ('time', 'perf_counter', 'monotonic', "
    "'process_time'):\n    setattr(time, name, lambda: 0.0)",
    "makes waiting for the device a no-op": "torch.cuda.synchronize = lambda *a: None",
    "patches the arena's own wait": "import autograder.worker.serve as s\ns.synchronize = lambda device: None",
    "patches how results are laid out": "import autograder.worker.serve as s\ns.leaves = lambda value: [value]",
}


@pytest.mark.parametrize("name", CLOCKS)
def test_nothing_that_a_process_does_to_clocks_makes_a_slow_answer_fast(race, name):
    found = race("patch()\n" + SLOW, prelude="def patch():\n" + textwrap.indent(CLOCKS[name], "    "))
    assert not found.passed
    assert found.speed is None or found.speed.ratio < WORK.needed


def test_warm_up_cannot_be_told_from_what_is_timed(race):
    found = race(f"calls.append(1)\nif len(calls) <= {CALLS + 1}:\n    return {HONEST}\nreturn x", prelude="calls = []")
    assert not found.passed and "while it was timed its result was wrong" in found.message


def test_a_reply_that_comes_before_the_work_is_done_brings_nothing(race):
    prelude = """
import threading
import autograder.worker.serve as s

honest = s.Server.lap


def early(self, header):
    threading.Thread(target=honest, args=(self, header)).start()
    return {"made": []}


def patch():
    s.Server.lap = early
"""
    found = race(f"patch()\nreturn {HONEST}", prelude=prelude)
    assert not found.passed and "while it was timed its result was wrong" in found.message


def test_an_answer_that_slows_the_builtin_down_goes_to_a_person(race):
    prelude = """
import os


def burn():
    for _ in range(8 * os.cpu_count()):
        if os.fork() == 0:
            os.setsid()  # the scheduler gives each session a share of its own
            while True:
                pass


started = []
"""
    body = f"""
    if not started:
        started.append(1)
        burn()
    return {HONEST}
    """
    found = race(body, prelude=prelude)
    assert not found.passed
    assert found.waits_for == "person" or found.speed.ratio < found.speed.needed


def test_what_is_faster_than_the_device_goes_to_a_person(race):
    found = race(f"return {HONEST}", best={"bytes": 1e6, "flops": 1e6})
    assert not found.passed and found.waits_for == "person"
    assert "faster than this device can be" in found.message


def test_an_answer_in_place_may_change_its_inputs_and_no_other(race):
    body = f"return x.copy_({HONEST})"
    assert "changed its inputs" in race(body).message
    assert race(body, may_change=("x",)).speed is not None


def test_an_answer_that_dies_or_raises_while_it_is_timed_says_so(race):
    assert "ValueError" in race("raise ValueError('no')").message
    assert race("import os\nos._exit(0)").message


def test_the_best_of_this_device_is_measured():
    best = measure_best("cpu", megabytes=64)
    assert 1e8 < best["bytes"] < 1e12 and 1e8 < best["flops"] < 1e13
