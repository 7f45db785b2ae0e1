"""`atlas bench`: the labs' reference kernels, naive torch, `torch.compile` and the builtin, timed side by side.

This is for reading, with trusted code in one process, by CUDA events and with the L2 cache emptied between calls; what
an answer is graded by is `races.py`.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.table import Table

from autograder.course import ChapterEntry, Course
from autograder.errors import CourseError
from autograder.workshop import has_gpu

FOLDER = Path("docs/kernels")
CONTENDERS = ("reference", "naive", "compiled", "builtin")


class Timing(BaseModel):
    """How long one contender takes for a call of one size.

    milliseconds: the median, with the 20th and the 80th percentile. rate: bytes or operations a second, of what a call
    must move or calculate. share: of the best that was measured on this device.
    """

    exercise: str
    size: int
    contender: str
    milliseconds: float
    p20: float
    p80: float
    rate: float
    share: float


class Bench(BaseModel):
    """What was measured of a lab, and on what."""

    lab: str
    machine: str
    best: dict[str, float]
    bound_by: dict[str, str]
    timings: list[Timing]

    def of(self, exercise: str, contender: str) -> list[Timing]:
        return [t for t in self.timings if t.exercise == exercise and t.contender == contender]


def bench(course: Course, entry: ChapterEntry) -> Bench:
    """Time a lab on this machine's GPU. Raises CourseError where there is none."""
    if not has_gpu():
        raise CourseError(
            "`atlas bench` times kernels on an NVIDIA GPU, and this machine has none. On one that has, install the "
            "CUDA build of torch (https://pytorch.org/get-started) and run it there"
        )
    os.environ["TRITON_INTERPRET"] = "0"
    from triton.testing import do_bench

    from autograder.chapters import Chapter
    from autograder.races import card, measure_best

    def seconds(call: Callable[[], Any]) -> tuple[float, float, float]:
        median, p20, p80 = do_bench(call, quantiles=[0.5, 0.2, 0.8])
        return median / 1e3, p20 / 1e3, p80 / 1e3

    return measured(Chapter(course.root, entry.name), "cuda", card(), measure_best("cuda"), seconds)


def measured(
    chapter: Any,
    device: str,
    machine: str,
    best: dict[str, float],
    seconds: Callable[[Callable[[], Any]], tuple[float, float, float]],
) -> Bench:
    """Time every workload of a lab at every size; each result is compared with the builtin's first."""
    import torch

    from autograder.comparison import compare
    from autograder.draws import Draw

    timings: list[Timing] = []
    bound_by: dict[str, str] = {}
    for exercise in chapter.exercises.values():
        work = exercise.workload
        if work is None:
            continue
        functions = {"reference": exercise.reference, "naive": work.naive, "builtin": work.builtin}
        if device == "cuda":
            functions["compiled"] = torch.compile(work.naive)
        for size in work.sizes:
            expected = work.builtin(*work.inputs(Draw(0, work.dtype, device), size))
            for contender in (name for name in CONTENDERS if name in functions):
                function = functions[contender]
                inputs = work.inputs(Draw(0, work.dtype, device), size)
                difference = compare(_plain(function(*inputs)), _plain(expected), work.rtol, work.atol)
                if difference:
                    raise CourseError(
                        f"{chapter.name}, {exercise.name}: {contender} differs from the builtin at size {size}: "
                        f"{difference.message()}"
                    )
                median, p20, p80 = seconds(partial(function, *inputs))
                bound_by[exercise.name], amount = work.work(*inputs)
                rate = amount / median
                share = rate / best[bound_by[exercise.name]]
                told = {"milliseconds": median * 1e3, "p20": p20 * 1e3, "p80": p80 * 1e3, "rate": rate, "share": share}
                timings.append(Timing(exercise=exercise.name, size=size, contender=contender, **told))
    return Bench(lab=chapter.name, machine=machine, best=best, bound_by=bound_by, timings=timings)


def _plain(value: Any) -> Any:
    """Results as the comparison takes them: on the CPU, copied before anything can change them."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.detach().cpu().clone()


def table(found: Bench) -> Table:
    """A row a contender and size."""
    shown = Table(title=f"{found.lab}, {found.machine}")
    for column in ("exercise", "size", "", "ms", "20 to 80 %", "rate", "of the best"):
        shown.add_column(column, justify="left" if column in ("exercise", "") else "right")
    for t in found.timings:
        unit = "GB/s" if found.bound_by[t.exercise] == "bytes" else "GFLOP/s"
        spread = f"{t.p20:.3g} to {t.p80:.3g}"
        shown.add_row(
            t.exercise,
            str(t.size),
            t.contender,
            f"{t.milliseconds:.3g}",
            spread,
            f"{t.rate / 1e9:.0f} {unit}",
            f"{t.share:.0%}",
        )
    return shown


def record(root: Path, found: Bench) -> Iterator[Path]:
    """Write what was measured as JSON, and a picture an exercise."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.lab}.json"
    path.write_text(json.dumps(found.model_dump(), indent=1) + "\n", encoding="utf-8")
    yield path
    for exercise in found.bound_by:
        yield picture(found, exercise, folder / f"{found.lab}-{exercise}.png")


def picture(found: Bench, exercise: str, path: Path) -> Path:
    """Time against size, and below the line that no contender can cross."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4), dpi=130, layout="constrained")
    axis = figure.subplots()
    for contender in CONTENDERS:
        points: Sequence[Timing] = found.of(exercise, contender)
        if points:
            below = [t.milliseconds - t.p20 for t in points]
            above = [t.p80 - t.milliseconds for t in points]
            times = [t.milliseconds for t in points]
            axis.errorbar([t.size for t in points], times, yerr=[below, above], fmt="o-", capsize=3, label=contender)
    reference = found.of(exercise, "reference")
    least = [t.milliseconds * t.share for t in reference]
    axis.plot([t.size for t in reference], least, "k--", lw=1, label="the device's best")
    axis.set(xscale="log", yscale="log", xlabel="size", ylabel="milliseconds", title=f"{found.lab}: {exercise}")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    figure.text(0.99, 0.005, found.machine, ha="right", va="bottom", fontsize=6, color="grey")
    figure.savefig(path)
    return path
