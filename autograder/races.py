"""The speed of a kernel, measured so that it cannot be forged: an answer races the builtin, lap by lap in turn.

Each of the two lives in a process of its own and shares memory with the judge (`worker/arena.py`). For every lap the
judge draws fresh inputs, lays them into the memory of both, fills the places of the results with NaN, empties the
cache, and starts its clock; it stops it when all results of the lap lie in memory that nobody else can reach. So
nothing that a process says of time counts, work that is put off is missing from the result, and an input whose
address is known holds other numbers. Every result of every lap is compared with the builtin's.

What both pay alike, the messages and the copying of the results, is measured with a runner that only hands over
finished results, and taken off. What is then faster than the memory or the arithmetic of the card allows goes to a
person; so does an answer beside whose process the builtin takes longer than alone.
"""

import base64
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import Any

import cloudpickle
import torch

from autograder.cases import Rules
from autograder.comparison import compare
from autograder.draws import Draw
from autograder.errors import JudgeError
from autograder.judging import AnswerFailed, Provider
from autograder.language import say
from autograder.sandbox import Session
from autograder.slicing import Piece
from autograder.timing import PAIRS, WARM_UP, settled, speed
from autograder.verdicts import CaseVerdict
from autograder.worker.arena import ALIGNMENT, Arena, synchronize
from autograder.worker.frames import DTYPES, Encoder
from autograder.workloads import Workload
from autograder.workshop import Workshop

CALLS = 4  # a lap makes so many, each on inputs of its own
CACHE = 256 << 20  # bytes, more than any card's L2
CREDIBLE = 1.1  # times the best that was measured on this device
DISTURBED = 1.5  # times what the builtin takes alone
LAP_SECONDS = 120.0  # the first lap compiles


class _Places(Encoder):
    """Lays the tensors of arguments into an arena; the tree says where they are."""

    def __init__(self, arena: Arena, at: int):
        super().__init__(_refused, sys.maxsize)
        self.arena = arena
        self.at = at
        self.laid: list[tuple[torch.Tensor, torch.Tensor]] = []

    def _tensor(self, t: torch.Tensor) -> Any:
        place = self.place(t.shape, t.dtype)
        there = self.arena.tensor(place["a"], place["shape"], t.dtype)
        there.copy_(t)
        self.laid.append((there, t))
        return place

    def place(self, shape: Sequence[int], dtype: torch.dtype) -> dict[str, Any]:
        """Room for a tensor."""
        found = {"a": self.at, "shape": list(shape), "dtype": str(dtype).removeprefix("torch.")}
        size = dtype.itemsize
        for n in shape:
            size *= n
        self.at += -(-size // ALIGNMENT) * ALIGNMENT
        if self.at > len(self.arena.bytes):
            raise JudgeError("the workload's tensors do not fit into the memory that judge and answer share")
        return found


def _refused(value: Any) -> Any:
    raise JudgeError(f"a workload's arguments are tensors and plain values, not {type(value).__name__}")


@dataclass
class Lap:
    """What one lap took and gave.

    results: of each call, in the judge's own memory. changed: whether an input is no longer what it was.
    """

    seconds: float
    results: list[list[torch.Tensor]]
    changed: bool


@dataclass
class Runner:
    """One function in a process of its own, on a track of its own."""

    session: Session
    arena: Arena
    layout: list[tuple[list[int], torch.dtype]] = field(default_factory=list)

    def adopt(self, function: Callable, target: int = 0) -> None:
        """Have the process run the judge's own function."""
        module = sys.modules.get(getattr(function, "__module__", None) or "")
        if module is not None and module.__name__.startswith("atlas_"):
            cloudpickle.register_pickle_by_value(module)
        sent = base64.b64encode(cloudpickle.dumps(function)).decode("ascii")
        self.session.request({"do": "adopt", "target": target, "function": sent}, b"", LAP_SECONDS)

    def describe(self, arguments: tuple[Any, ...]) -> list[tuple[list[int], torch.dtype]]:
        """Make one call that is not timed, which compiles; the shapes and dtypes of its result."""
        laid = _Places(self.arena, 0)
        call = laid.tree(arguments)
        reply, _ = self.session.request({"do": "lap", "target": 0, "calls": [call], "places": []}, b"", LAP_SECONDS)
        try:
            return [([int(n) for n in shape], DTYPES[dtype]) for shape, dtype in reply["made"]]
        except Exception as error:
            raise AnswerFailed("protocol", fatal=True) from error

    def lap(self, draws: Sequence[tuple[Any, ...]], target: int = 0) -> Lap:
        """All calls of a lap, by the judge's clock."""
        laid = _Places(self.arena, 0)
        calls = [laid.tree(arguments) for arguments in draws]
        first = laid.at
        places = [[laid.place(shape, dtype) for shape, dtype in self.layout] for _ in draws]
        outputs = self.arena.bytes[first : laid.at]
        outputs.fill_(255)  # NaN in every floating-point format
        taken = torch.empty_like(outputs)
        if self.arena.device == "cuda":
            torch.empty(CACHE, dtype=torch.uint8, device="cuda").zero_()
        header = {"do": "lap", "target": target, "calls": calls, "places": places}
        synchronize(self.arena.device)
        began = time.perf_counter()
        self.session.request(header, b"", LAP_SECONDS)
        taken.copy_(outputs)
        synchronize(self.arena.device)
        seconds = time.perf_counter() - began
        results = [
            [
                taken[p["a"] - first :][: _size(p)].view(DTYPES[p["dtype"]]).view(p["shape"]).cpu()
                for p in places_of_call
            ]
            for places_of_call in places
        ]
        changed = any(not _same(there, given) for there, given in laid.laid)
        return Lap(seconds, results, changed)


def _size(place: dict[str, Any]) -> int:
    size = DTYPES[place["dtype"]].itemsize
    for n in place["shape"]:
        size *= n
    return size


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.contiguous().view(-1).view(torch.uint8), b.contiguous().view(-1).view(torch.uint8))


@dataclass
class Stadium:
    """Where kernels race: a device, a sandbox for the answer, and one for the builtin.

    best: the most bytes and operations a second that were measured on this device; `measure_best` fills it in.
    machine: the card, its driver, torch and Triton, as a verdict names them.
    size: how many bytes a runner shares with the judge.
    """

    device: str
    answers: Workshop
    builtins: Workshop
    best: dict[str, float]
    machine: str
    size: int = 4 << 30
    draw_on: str = "cpu"

    def judge(
        self,
        workload: Workload,
        provider: Provider,
        verdict: CaseVerdict,
        seed: Callable[..., int],
        language: str,
    ) -> None:
        """Race an answer against the workload's builtin (see `judging.Race`)."""
        if not isinstance(provider, Session):
            raise JudgeError("only an answer in the sandbox can race")
        provider.discard()  # one process of the answer's at a time
        nothing = Piece(f"def {workload.exercise}(*args):\n    pass\n", (0,), "given", False)
        try:
            with (
                only_one(self.device),
                self._runner(self.builtins, workload.exercise, [nothing], Rules()) as theirs,
            ):
                draws = self._draws(workload, seed)
                alone = Alone(theirs, workload, draws, self.device)
                with self._runner(self.answers, provider.name, provider.pieces, provider.rules) as mine:
                    self._race(workload, mine, theirs, alone, draws, bool(provider.rules.may_change), verdict, language)
        except AnswerFailed as failure:
            verdict.message = failure.difference.message(language)

    @contextmanager
    def _runner(self, workshop: Workshop, name: str, pieces: Sequence[Piece], rules: Rules) -> Iterator[Runner]:
        arena = Arena(self.size, self.device)
        session = Session(workshop, name, pieces, rules, arena=arena)
        try:
            session.answer()
            yield Runner(session, arena)
        finally:
            session.discard()
            arena.close()

    def _draws(self, workload: Workload, seed: Callable[..., int]) -> Iterator[list[tuple[Any, ...]]]:
        """The arguments of all calls of a lap, lap after lap."""
        for lap in count():
            numbers = (seed(workload.exercise, workload.name, "race", lap, call) for call in range(CALLS))
            yield [
                workload.inputs(Draw(number, workload.dtype, self.draw_on), workload.sizes[-1]) for number in numbers
            ]

    def _race(
        self,
        workload: Workload,
        mine: Runner,
        theirs: Runner,
        alone: "Alone",
        draws: Iterator[list[tuple[Any, ...]]],
        in_place: bool,
        verdict: CaseVerdict,
        language: str,
    ) -> None:
        if mine.describe(next(draws)[0]) != theirs.layout:
            verdict.message = say("race_layout", language)
            return
        mine.layout = theirs.layout
        taken: list[float] = []
        builtin: list[float] = []
        while True:
            for pair in range(-WARM_UP, PAIRS):
                drawn = next(draws)
                runners = (theirs, mine) if pair % 2 else (mine, theirs)
                laps = {id(runner): runner.lap(drawn) for runner in runners}
                given, expected = laps[id(mine)], laps[id(theirs)]
                if given.changed and not in_place:
                    verdict.message = say("race_changed", language)
                    return
                for came, right in zip(given.results, expected.results, strict=True):
                    difference = compare(came, right, workload.rtol, workload.atol)
                    if difference:
                        verdict.message = say("race_wrong", language, found=difference.message(language))
                        return
                if pair >= 0:
                    taken.append(max(given.seconds - alone.overhead, 1e-9))
                    builtin.append(max(expected.seconds - alone.overhead, 1e-9))
            found = speed([b / t for b, t in zip(builtin, taken, strict=True)], workload.needed, "the builtin")
            if settled(found):
                break
        found.machine = self.machine
        verdict.speed = found
        kind, work = workload.work(*drawn[0])
        too_fast = CALLS * work / min(taken) > CREDIBLE * self.best[kind]
        disturbed = median(builtin) > DISTURBED * alone.seconds
        if found.ratio < found.needed:
            verdict.message = say("too_slow", language, **found.words)
        elif too_fast or disturbed:
            verdict.waits_for, verdict.message = "person", say("not_credible" if too_fast else "disturbed", language)
        else:
            verdict.passed = True


class Alone:
    """What the builtin takes while no answer's process is alive that could keep the device busy beside it.

    overhead: of a lap in which nothing is calculated. seconds: of a lap of the builtin's, less the overhead.
    """

    def __init__(self, runner: Runner, workload: Workload, draws: Iterator[list[tuple[Any, ...]]], device: str) -> None:
        runner.adopt(workload.builtin)
        runner.layout = runner.describe(next(draws)[0])
        runner.adopt(Finished(runner.layout, device), target=1)
        laps = [(runner.lap(drawn, target=1).seconds, runner.lap(drawn).seconds) for drawn in islice(draws, PAIRS)]
        self.overhead = min(overhead for overhead, _ in laps)
        self.seconds = max(median(seconds for _, seconds in laps) - self.overhead, 1e-9)


class Finished:
    """A function whose results are there before it is called."""

    def __init__(self, layout: Sequence[tuple[list[int], torch.dtype]], device: str):
        self.layout = layout
        self.device = device
        self.results: list[torch.Tensor] | None = None

    def __call__(self, *args: Any) -> list[torch.Tensor]:
        if self.results is None:
            self.results = [torch.zeros(shape, dtype=dtype, device=self.device) for shape, dtype in self.layout]
        return self.results


def gpu_stadium(answers: Workshop) -> Stadium:
    """Where kernels race on this machine's GPU, beside a sandbox that is there for the answers."""
    builtins = Workshop(answers.kind, answers.limits, lab=True)
    builtins.start()
    return Stadium("cuda", answers, builtins, measure_best("cuda"), card(), draw_on="cuda")


def card() -> str:
    """The GPU, its driver, torch and Triton."""
    from triton import __version__ as triton

    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(asked, capture_output=True, text=True).stdout.split("\n")[0].strip()
    return f"{torch.cuda.get_device_name()}, driver {driver}, torch {torch.__version__}, Triton {triton}"


@contextmanager
def only_one(device: str) -> Iterator[None]:
    """One race a device at a time, whatever else is graded on this machine."""
    index = torch.cuda.current_device() if device == "cuda" else 0
    descriptor = os.open(Path(tempfile.gettempdir()) / f"atlas-{device}{index}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def measure_best(device: str, megabytes: int = 1024) -> dict[str, float]:
    """The bytes a second that a copy moves here, and the operations a second of the fastest matrix product."""

    def seconds(function: Callable) -> float:
        taken = []
        for _ in range(10):
            synchronize(device)
            began = time.perf_counter()
            function()
            synchronize(device)
            taken.append(time.perf_counter() - began)
        return median(taken[2:])

    source = torch.zeros(megabytes << 20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = 2 * source.nbytes / seconds(lambda: target.copy_(source))
    n, dtype = (8192, torch.bfloat16) if device == "cuda" else (1024, torch.float32)
    a, b = torch.randn(2, n, n, device=device, dtype=dtype)
    return {"bytes": copied, "flops": 2 * n**3 / seconds(lambda: a @ b)}
