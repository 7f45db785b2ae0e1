"""A small picture of where a result is wrong: inline SVG that follows the page's text colour, in light and in dark.

Small arrays are shown as their numbers, long vectors as two lines, everything else as heat maps. All text in a
picture is numbers, indices and our own words.
"""

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.comparison import Difference, errors
from autograder.language import say

ERROR = "var(--jp-error-color1,var(--vscode-errorForeground,#d1242f))"
MUTED = 'fill="currentColor" fill-opacity=".62"'
MONO = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);font-size:11px"

COLUMNS_AS_NUMBERS = 8
ROWS_AS_NUMBERS = 16
CELLS_AS_NUMBERS = 64
CELLS_A_SIDE = 24
POINTS = 200
LEVELS = 8
GAP = 28
WIDEST = 700


def picture(difference: Difference, language: str = "en") -> str:
    """The SVG of a difference between two arrays; empty when a picture would tell nothing."""
    came, expected = difference.came, difference.expected
    if difference.wrong is None or expected.numel() < 2 or expected.dtype.is_complex:
        return ""
    error, _ = errors(came, expected)
    error[~difference.wrong] = 0
    worst = tuple(int(i) for i in np.unravel_index(int(error.argmax()), tuple(error.shape)))
    view = _View.of(expected, came, error, worst)
    rows, columns = view.error.shape
    if rows <= ROWS_AS_NUMBERS and columns <= COLUMNS_AS_NUMBERS and rows * columns <= CELLS_AS_NUMBERS:
        return _numbers(view, language)
    if rows == 1:
        return _lines(view, language)
    return _heat(view, language)


class _View:
    """The two dimensions of a difference that are drawn: those through the worst entry."""

    def __init__(self, expected: Tensor, came: Tensor, error: Tensor, worst: tuple[int, ...], of: Sequence[int]):
        self.worst = worst
        self.drawn = tuple(of)
        index = tuple(slice(None) if d in self.drawn else worst[d] for d in range(error.dim()))
        self.whole = error.dim() == len(self.drawn) or math.prod(error.shape) == math.prod(error[index].shape)
        self.slice = "[" + ", ".join(":" if d in self.drawn else str(i) for d, i in enumerate(worst)) + "]"
        self.exact = expected.dtype if not expected.dtype.is_floating_point else None
        self.expected, self.came, self.error = (
            x[index].detach().to(torch.float64).numpy().reshape(-1, error.shape[self.drawn[-1]])
            for x in (expected, came, error)
        )
        self.row = worst[self.drawn[0]] if len(self.drawn) == 2 else 0
        self.column = worst[self.drawn[-1]]

    @classmethod
    def of(cls, expected: Tensor, came: Tensor, error: Tensor, worst: tuple[int, ...]) -> "_View":
        """The last two dimensions that are longer than 1, or the only one."""
        long = [d for d, size in enumerate(error.shape) if size > 1]
        return cls(expected, came, error, worst, long[-2:])


def _svg(width: float, height: float, body: str, view: _View, language: str) -> str:
    words = say("picture_worst", language, index=list(view.worst))
    caption = ""
    if not view.whole:
        shown = say("picture_slice", language, slice=view.slice)
        words += say("and", language) + shown
        caption = f'<text x="0" y="{height + 10:g}" {MUTED}>{escape(shown)}</text>'
        height += 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(words)}" '
        f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" '
        f'style="display:block;max-width:100%;height:auto;margin:6px 0 2px;{MONO}">{body}{caption}</svg>'
    )


def _title(x: float, y: float, key: str, language: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" {MUTED}>{escape(say(key, language))}</text>'


def _texts(values: np.ndarray, digits: int, exact: Any) -> list[list[str]]:
    def text(value: float) -> str:
        if exact is torch.bool:
            return str(bool(value))
        return f"{value:.{digits}g}" if exact is None or not math.isfinite(value) else f"{value:.0f}"

    return [[text(v) for v in row] for row in values.tolist()]


def _numbers(view: _View, language: str) -> str:
    """Two tables of numbers, the wrong ones tinted by how wrong they are, the worst framed."""
    at = (view.row, view.column)
    for digits in (4, 7, 10, 17):
        sides = [_texts(x, digits, view.exact) for x in (view.expected, view.came)]
        if sides[0][at[0]][at[1]] != sides[1][at[0]][at[1]]:
            break
    rows, columns = view.error.shape
    widths = [max(len(side[i][j]) for side in sides for i in range(rows)) * 6.7 + 14 for j in range(columns)]
    margin, top, high = (16.0 if rows > 1 else 0.0), 32.0, 20.0
    panel = margin + sum(widths)
    stacked = 2 * panel + GAP > WIDEST
    finite = view.error[np.isfinite(view.error)]
    largest = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    body = []
    for number, (side, key) in enumerate(zip(sides, ("picture_expected", "picture_came"), strict=True)):
        left = 1 if stacked else 1 + number * (panel + GAP)
        above = number * (top + rows * high + 8) if stacked else 0
        body.append(_title(left + margin, above + 12, key, language))
        y0 = above + top
        body += [_index(left + 6, y0 + i * high + 14, i) for i in range(rows) if rows > 1]
        for j, cell in enumerate(widths):
            x = left + margin + sum(widths[:j])
            body.append(_index(x + cell - 7, y0 - 5, j, "end"))
            for i in range(rows):
                y, error = y0 + i * high, view.error[i, j]
                if number == 1 and error > 0:
                    share = 1.0 if not math.isfinite(error) else math.sqrt(error / largest)
                    body.append(
                        f'<rect x="{x + 1:g}" y="{y + 1:g}" width="{cell - 2:g}" height="{high - 2:g}" rx="3" '
                        f'style="fill:{ERROR};fill-opacity:{0.10 + 0.30 * share:.2f}"/>'
                    )
                body.append(
                    f'<text x="{x + cell - 7:g}" y="{y + 14:g}" text-anchor="end" fill="currentColor">'
                    f"{escape(side[i][j])}</text>"
                )
                if (i, j) == at:
                    body.append(_frame(x, y, cell, high, 1.6 if number else 0.8))
    width = panel if stacked else 2 * panel + GAP
    height = (2 if stacked else 1) * (top + rows * high + 8)
    return _svg(max(width + 2, 180), height, "".join(body), view, language)


def _index(x: float, y: float, index: int, anchor: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" style="font-size:9px" {MUTED}>{index}</text>'


def _frame(x: float, y: float, width: float, height: float, stroke: float) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3" '
        f'style="fill:none;stroke:currentColor;stroke-width:{stroke:g}"/>'
    )


def _lines(view: _View, language: str) -> str:
    """Expected and came as two lines over the index, the worst entry joined by a stroke."""
    expected, came, error = view.expected[0], view.came[0], view.error[0]
    keep = _thinned(error, POINTS)
    finite = np.concatenate([expected, came])
    finite = finite[np.isfinite(finite)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    high = high if high > low else low + 1
    left, top, width, height = 62.0, 24.0, 440.0, 110.0

    def at(index: int, value: float) -> tuple[float, float]:
        x = left + width * index / max(len(error) - 1, 1)
        return x, top + height * (high - value) / (high - low)

    body = [
        f'<line x1="{left:g}" y1="{y:g}" x2="{left + width:g}" y2="{y:g}" stroke="currentColor" stroke-opacity=".2"/>'
        for y in (top, top + height)
    ]
    for y, value in ((top + 4, high), (top + height + 4, low)):
        text = escape(f"{value:.4g}")
        body.append(f'<text x="{left - 8:g}" y="{y:g}" text-anchor="end" {MUTED}>{text}</text>')
    ticks = {0, view.column, len(error) - 1}
    if 0 < view.column < 0.05 * len(error):
        ticks.remove(0)
    if 0.95 * len(error) < view.column + 1 < len(error):
        ticks.remove(len(error) - 1)
    body += [_index(at(index, low)[0], top + height + 14, index) for index in sorted(ticks)]
    styles = (
        (expected, "stroke:currentColor;stroke-opacity:.55;stroke-width:1.5", "picture_expected", 0.0),
        (came, f"stroke:{ERROR};stroke-width:1.5;stroke-dasharray:5 3", "picture_came", 110.0),
    )
    for values, style, key, shift in styles:
        path, pen = "", "M"
        for index in keep:
            if not math.isfinite(values[index]):
                pen = "M"
                continue
            x, y = at(index, values[index])
            path += f"{pen}{x:.1f} {y:.1f}"
            pen = "L"
        body.append(f'<path d="{path}" style="fill:none;{style}"/>')
        x = left + shift
        body.append(f'<line x1="{x:g}" y1="8" x2="{x + 24:g}" y2="8" style="{style}"/>')
        body.append(_title(x + 30, 12, key, language))
    j = view.column
    ends = [at(j, v[j]) for v in (expected, came) if math.isfinite(v[j])]
    x = at(j, low)[0]
    y1, y2 = (ends[0][1], ends[-1][1]) if len(ends) == 2 else (top, top + height)
    body.append(f'<line x1="{x:.1f}" y1="{y1:.1f}" x2="{x:.1f}" y2="{y2:.1f}" style="stroke:{ERROR};stroke-width:2"/>')
    for x, y in ends:
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" style="fill:none;stroke:{ERROR};stroke-width:1.5"/>')
    return _svg(left + width + 20, top + height + 22, "".join(body), view, language)


def _thinned(error: np.ndarray, points: int) -> list[int]:
    """At most so many indices, evenly spread, with the worst of each stretch kept."""
    if len(error) <= points:
        return list(range(len(error)))
    edges = np.linspace(0, len(error), points + 1).astype(int)
    return [int(a + error[a:b].argmax()) for a, b in pairwise(edges) if b > a]


def _heat(view: _View, language: str) -> str:
    """Three maps: expected and came on one scale, and their distance; the worst entry framed in each."""
    rows, columns = view.error.shape
    row_edges, column_edges = _edges(rows), _edges(columns)
    at = [
        [_worst_of(view.error, r0, r1, c0, c1) for c0, c1 in pairwise(column_edges)] for r0, r1 in pairwise(row_edges)
    ]
    m, n = len(at), len(at[0])
    cell = max(4, min(14, 190 // max(m, n)))
    i = int(np.searchsorted(row_edges, view.row, side="right")) - 1
    j = int(np.searchsorted(column_edges, view.column, side="right")) - 1
    known = view.expected[np.isfinite(view.expected)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    wrong = view.error[np.isfinite(view.error)]
    largest = float(wrong.max()) if wrong.size else 0.0
    top, margin = 32.0, 26.0
    panel = max(n * cell, 118)
    body = []
    sides = (
        (view.expected, "currentColor", "picture_expected", low, high),
        (view.came, "currentColor", "picture_came", low, high),
        (view.error, ERROR, "picture_error", 0.0, largest),
    )
    for number, (values, colour, key, bottom, ceiling) in enumerate(sides):
        left = margin + number * (panel + GAP)
        grid = [[values[r, c] for r, c in line] for line in at]
        body.append(_title(left, 12, key, language))
        body.append(
            f'<g transform="translate({left:g} {top:g}) scale({cell})">{_map(grid, colour, bottom, ceiling)}</g>'
        )
        body.append(
            f'<rect x="{left - 0.5:g}" y="{top - 0.5:g}" width="{n * cell + 1:g}" height="{m * cell + 1:g}" '
            'style="fill:none;stroke:currentColor;stroke-opacity:.35"/>'
        )
        body.append(_frame(left + j * cell - 1, top + i * cell - 1, cell + 2, cell + 2, 1.8))
        body.append(_index(left + (j + 0.5) * cell, top - 5, view.column))
    body.append(_index(margin - 12, top + (i + 0.5) * cell + 3, view.row))
    return _svg(margin + 3 * panel + 2 * GAP + 2, top + m * cell + 8, "".join(body), view, language)


def _edges(size: int) -> list[int]:
    """Where the blocks begin and end that a side of this size is drawn in."""
    return np.linspace(0, size, min(size, CELLS_A_SIDE) + 1).astype(int).tolist()


def _worst_of(error: np.ndarray, r0: int, r1: int, c0: int, c1: int) -> tuple[int, int]:
    row, column = np.unravel_index(int(error[r0:r1, c0:c1].argmax()), (r1 - r0, c1 - c0))
    return r0 + int(row), c0 + int(column)


def _map(grid: list[list[float]], colour: str, low: float, high: float) -> str:
    """Unit squares, one path for each shade; what is not finite is crossed."""
    shades: dict[int, str] = {}
    crosses = ""
    for i, line in enumerate(grid):
        for j, value in enumerate(line):
            if not math.isfinite(value):
                crosses += f"M{j}.2 {i}.2l.6 .6m-.6 0l.6-.6"
                continue
            share = (value - low) / (high - low) if high > low else 0.0
            shade = round(LEVELS * min(max(share, 0.0), 1.0))
            if shade:
                shades[shade] = shades.get(shade, "") + f"M{j} {i}h1v1h-1z"
    paths = [
        f'<path d="{path}" style="fill:{colour};fill-opacity:{0.9 * shade / LEVELS:.2f}"/>'
        for shade, path in sorted(shades.items())
    ]
    if crosses:
        paths.append(f'<path d="{crosses}" style="fill:none;stroke:{ERROR};stroke-width:.18"/>')
    return "".join(paths)
