"""Speed by the judge's clock: an answer against a baseline, on the same fresh inputs, call by call in turn.

An answer in the sandbox is timed from the moment its inputs leave the judge to the moment its whole result is in the
judge's hands, so nothing that its process does to clocks, threads or results can shorten the time. The baseline runs
in the judge's own process, and its time is the processor's, so nothing that other processes do can lengthen it. Every
timed result is compared, every call has a draw of its own, and the calls that warm up look like all others.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from autograder.verdicts import Speed

WARM_UP = 1
PAIRS = 5
ROUNDS = 5
NEAR = 1.5  # a ratio within this factor of the threshold is measured again

CLOCK = time.perf_counter
PROCESSOR = time.process_time


@dataclass
class Stopwatch:
    """A function whose calls are timed."""

    function: Callable
    clock: Callable[[], float] = CLOCK
    seconds: float = field(default=0.0, init=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        began = self.clock()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.seconds += self.clock() - began


def speed(ratios: Sequence[float], needed: float, baseline: str) -> Speed:
    """How many times as fast as the baseline an answer is: the median over pairs of calls, and how far they spread."""
    fifths = quantiles(ratios, n=5, method="inclusive")
    return Speed(
        ratio=round(median(ratios), 3),
        p20=round(fifths[0], 3),
        p80=round(fifths[-1], 3),
        needed=needed,
        pairs=len(ratios),
        baseline=baseline,
    )


def settled(found: Speed) -> bool:
    """Whether the ratio is so far from the threshold, or was measured so often, that it decides."""
    near = found.needed / NEAR < found.ratio < found.needed * NEAR
    return not near or found.pairs >= ROUNDS * PAIRS
