"""Which program of a kernel touches which element: a picture of accesses that were recorded in the interpreter."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from autograder.kernels import Access

COLUMNS = 64  # a vector is shown in rows of so many
NUMBERS = 32  # and programs bear their numbers if there are no more


def programs_of(accesses: Sequence["Access"], tensor: Tensor, verb: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """For every element of a tensor the number of the program that touched it last (−1: none), and how often it was.

    A program's number is its place in the order in which the programs ran. verb: "reads" or "writes" only.
    """
    order = {program: number for number, program in enumerate(dict.fromkeys(a.program for a in accesses))}
    last = np.full(tensor.shape, -1)
    times = np.zeros(tensor.shape, dtype=int)
    for access in accesses:
        if verb in (None, access.verb):
            touched = access.elements(tensor)
            last[touched > 0] = order[access.program]
            times += touched
    return last, times


def show_programs(accesses: Sequence["Access"], **tensors: Tensor) -> Any:
    """A panel a tensor: every element in the colour of the program that touched it last, and how often each was.

    A tensor of more than two dimensions is shown as a table of its rows; a vector in rows of 64.
    """
    import matplotlib.pyplot as plt
    from scipy.ndimage import center_of_mass, label

    if not accesses:
        print("Accesses are recorded in Triton's interpreter only: set TRITON_INTERPRET=1 before the first cell.")
        return None
    widths = [max(1.0, min(_table(np.zeros(t.shape)).shape[1] / 16, 5)) for t in tensors.values()]
    size = (min(2.5 + sum(widths), 7.5), 2.6)
    figure, axes = plt.subplots(1, len(tensors), figsize=size, width_ratios=widths, squeeze=False, layout="constrained")
    for axis, (name, tensor) in zip(axes[0], tensors.items(), strict=True):
        last, _ = programs_of(accesses, tensor)
        colours = plt.get_cmap("tab20")(last % 20)
        colours[last < 0] = (1, 1, 1, 1)
        table = _table(last)
        image = np.stack([_table(channel, fill=1.0) for channel in np.moveaxis(colours, -1, 0)], axis=-1)
        axis.imshow(image, aspect="auto", interpolation="none")
        if 0 <= last.max() < NUMBERS:
            for number in np.unique(table[table >= 0]):
                regions, count = label(table == number)
                for row, column in center_of_mass(regions, regions, range(1, count + 1)):
                    axis.text(column, row, str(number), ha="center", va="center", fontsize=9, color="k")
        said = []
        for verb, done in (("reads", "read"), ("writes", "written")):
            times = programs_of(accesses, tensor, verb)[1]
            if times.any():
                least, most = times.min(), times.max()
                said.append(f"{done} {least}" + (f" to {most}" if most > least else "") + "×")
        axis.set_title(f"{name}: " + (", ".join(said) or "untouched"), fontsize=10)
        axis.grid(False)
        axis.set_xticks([])
        axis.set_yticks([])
    return figure


def _table(values: np.ndarray, fill: float = -1) -> np.ndarray:
    """Two dimensions to draw."""
    if values.ndim > 1:
        return values.reshape(-1, values.shape[-1])
    if values.size <= COLUMNS:
        return values.reshape(1, -1)
    padded = np.full(-(-values.size // COLUMNS) * COLUMNS, fill, dtype=values.dtype)
    padded[: values.size] = values
    return padded.reshape(-1, COLUMNS)
