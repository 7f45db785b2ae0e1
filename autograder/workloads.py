"""On what the kernels of a lab are timed where there is a GPU: `tests/<lab>/speed.py`.

    @workload("fused_softmax", builtin=lambda x: torch.softmax(x, dim=1), naive=_softmax, sizes=(1024, 8192, 32768),
              dtype=torch.float16, bytes_moved=lambda x: 2 * x.nbytes)
    def a_table_of_4096_rows(draw, columns):
        \"\"\"4096 行的表\"\"\"
        return (draw.normal(4096, columns),)

The function draws the arguments of one call of a size. An answer is timed against the builtin, at the largest size;
`speed` of the exercise in course.yml is the ratio that is asked for. `atlas bench` shows reference, naive torch and
builtin at all sizes.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.draws import Draw


@dataclass(frozen=True)
class Workload:
    """What one exercise's kernel is timed on.

    builtin: what it is compared with, by its result and by its time; naive: the same in plain torch, step by step.
    sizes: three, from small to large; the largest is graded.
    bytes_moved, flops: what a call on these arguments moves or calculates at the least; one of them is given.
    rtol, atol: as a case's. weight: in the exercise's points, beside its cases.
    """

    exercise: str
    inputs: Callable[[Draw, int], tuple[Any, ...]]
    builtin: Callable
    naive: Callable
    sizes: Sequence[int]
    dtype: torch.dtype
    bytes_moved: Callable[..., int] | None
    flops: Callable[..., int] | None
    rtol: float | None
    atol: float | None
    weight: float
    needed: float = field(default=0.0, compare=False)  # what course.yml says, put in when the lab is loaded

    @property
    def name(self) -> str:
        return self.inputs.__name__

    def sentence(self, language: str = "en") -> str:
        """The workload in words: its name in English, its docstring in Chinese."""
        chinese = inspect.getdoc(self.inputs)
        if language == "zh" and chinese:
            return chinese.strip()
        return self.name.replace("_", " ")

    def work(self, *args: Any) -> tuple[str, int]:
        """What bounds a call, "bytes" or "flops", and how many of them it takes."""
        if self.bytes_moved:
            return "bytes", int(self.bytes_moved(*args))
        assert self.flops
        return "flops", int(self.flops(*args))


def workload(
    exercise: str,
    *,
    builtin: Callable,
    naive: Callable,
    sizes: Sequence[int],
    dtype: torch.dtype = torch.float16,
    bytes_moved: Callable[..., int] | None = None,
    flops: Callable[..., int] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    weight: float = 4.0,
) -> Callable[[Callable], Workload]:
    """Make a function `(draw, size) -> arguments` the workload of `exercise`."""
    if (bytes_moved is None) == (flops is None):
        raise ValueError(f"the workload of {exercise!r} is bound by memory or by arithmetic: give bytes_moved or flops")
    if (rtol is None) != (atol is None):
        raise ValueError(f"the workload of {exercise!r} gives one of rtol and atol: give both or neither")
    if list(sizes) != sorted(set(sizes)) or len(sizes) < 3:
        raise ValueError(f"the workload of {exercise!r} needs three sizes or more, from small to large")

    def decorate(inputs: Callable) -> Workload:
        rest = (sizes, dtype, bytes_moved, flops, rtol, atol, weight)
        return Workload(exercise, inputs, builtin, naive, *rest)

    return decorate
