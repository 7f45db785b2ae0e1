"""Does a result agree with what is expected, and if not, where and how.

`torch.testing.assert_close` decides; this module finds the words.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.language import say


@dataclass
class Difference:
    """The first thing in which a result differs from what was expected."""

    key: str
    words: dict[str, Any] = field(default_factory=dict)
    look: tuple[str, dict[str, Any]] | None = None
    expected: Any = None
    came: Any = None

    def message(self, language: str = "en") -> str:
        """One or two sentences: what was expected, what came, where, and what to look at next."""
        words = {k: _word(v, language) for k, v in self.words.items()}
        text = say(self.key, language, **words)
        if self.look:
            key, look_words = self.look
            text += "\n" + say(key, language, **look_words)
        return text


@dataclass(frozen=True)
class Word:
    """A word of a message that is itself translated."""

    key: str
    words: tuple[tuple[str, Any], ...] = ()


def _word(value: Any, language: str) -> Any:
    if isinstance(value, Word):
        return say(value.key, language, **dict(value.words))
    return value


def describe(value: Any) -> Any:
    """What a value is, in a word for a message."""
    if isinstance(value, Tensor):
        return Word("tensor")
    if value is None:
        return Word("nothing")
    if isinstance(value, (bool, str)):
        return repr(value)
    if isinstance(value, Number):
        return Word("a_number")
    if isinstance(value, (list, tuple)):
        return Word("a_sequence", (("count", len(value)),))
    if isinstance(value, Mapping):
        return Word("a_dict")
    return getattr(value, "type_name", type(value).__name__)


def number(value: Any) -> str:
    """A number as a message shows it."""
    value = value.item() if isinstance(value, (Tensor, np.generic)) else value
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def compare(
    came: Any, expected: Any, rtol: float | None = None, atol: float | None = None, where: str = ""
) -> Difference | None:
    """None when `came` agrees with `expected`, else the first difference, depth first."""
    at = f"{where}: " if where else ""
    if isinstance(expected, Tensor):
        if not isinstance(came, Tensor):
            look = ("look_none", {}) if came is None else None
            return Difference(
                "type",
                {"where": at, "expected": Word("tensor"), "came": describe(came)},
                look,
                expected,
                came,
            )
        return _compare_tensors(came, expected, rtol, atol, at)
    if expected is None or isinstance(expected, (bool, str)):
        same = (came is None) if expected is None else (_plain(came) == expected)
        if same and (expected is None or isinstance(_plain(came), type(expected))):
            return None
        return Difference(
            "type",
            {"where": at, "expected": describe(expected), "came": describe(came)},
            None,
            expected,
            came,
        )
    if isinstance(expected, Number):
        return _compare_numbers(came, expected, rtol, atol, at)
    if isinstance(expected, (list, tuple)):
        if not isinstance(came, (list, tuple)):
            words = {"where": at, "expected": describe(expected), "came": describe(came)}
            return Difference("type", words, None, expected, came)
        if len(came) != len(expected):
            words = {"where": at, "expected": len(expected), "came": len(came)}
            return Difference("length", words, None, expected, came)
        pairs: Any = enumerate(zip(came, expected, strict=True))
    elif isinstance(expected, Mapping):
        if not isinstance(came, Mapping):
            words = {"where": at, "expected": describe(expected), "came": describe(came)}
            return Difference("type", words, None, expected, came)
        if set(came) != set(expected):
            words = {"where": at, "expected": sorted(map(str, expected)), "came": sorted(map(str, came))}
            return Difference("keys", words, None, expected, came)
        pairs = ((key, (came[key], expected[key])) for key in expected)
    else:
        raise TypeError(f"a reference returned a {type(expected).__name__}, which cannot be compared")
    for key, (a, b) in pairs:
        difference = compare(a, b, rtol, atol, f"{where}[{key!r}]" if where else f"[{key!r}]")
        if difference:
            return difference
    return None


def _plain(value: Any) -> Any:
    """A NumPy scalar or a tensor of one element as the Python number it holds."""
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.dim() == 0):
        return value.item()
    return value


def _compare_numbers(came: Any, expected: Any, rtol: Any, atol: Any, at: str) -> Difference | None:
    came = _plain(came)
    if not isinstance(came, Number) or isinstance(came, bool):
        words = {"where": at, "expected": Word("a_number"), "came": describe(came)}
        return Difference("type", words, None, expected, came)
    if isinstance(expected, int):
        close = came == expected
    else:
        close = _close(torch.tensor(came, dtype=torch.float64), torch.tensor(expected, dtype=torch.float64), rtol, atol)
    if close:
        return None
    words = {"where": at, "expected": number(expected), "came": number(came)}
    return Difference("number", words, None, expected, came)


def _close(came: Tensor, expected: Tensor, rtol: float | None, atol: float | None) -> bool:
    try:
        torch.testing.assert_close(came, expected, rtol=rtol, atol=atol, equal_nan=True)
    except AssertionError:
        return False
    return True


def _compare_tensors(came: Tensor, expected: Tensor, rtol: Any, atol: Any, at: str) -> Difference | None:
    came, expected = came.detach(), expected.detach()
    if came.shape != expected.shape:
        look = ("look_broadcast", {}) if came.numel() == expected.numel() else None
        words = {"where": at, "expected": tuple(expected.shape), "came": tuple(came.shape)}
        return Difference("shape", words, look, expected, came)
    if came.dtype != expected.dtype:
        words = {"where": at, "expected": _dtype(expected), "came": _dtype(came)}
        return Difference("dtype", words, None, expected, came)
    if _close(came, expected, rtol, atol):
        return None
    a, b = came.to(torch.float64), expected.to(torch.float64)
    error = (a - b).abs()
    error[a == b] = 0
    error[a.isnan() & b.isnan()] = 0
    error = torch.nan_to_num(error, nan=math.inf, posinf=math.inf)
    wrong = ~torch.isclose(a, b, rtol=rtol or _rtol(expected), atol=atol or _atol(expected), equal_nan=True)
    flat = int(error.argmax())
    index = tuple(int(i) for i in np.unravel_index(flat, tuple(error.shape))) if error.dim() else ()
    words = {
        "where": at,
        "wrong": max(int(wrong.sum()), 1),
        "total": wrong.numel(),
        "index": list(index),
        "expected": number(expected.reshape(-1)[flat]),
        "came": number(came.reshape(-1)[flat]),
    }
    key = "value" if expected.numel() > 1 else "scalar"
    return Difference(key, words, _look(a, b), expected, came)


def _dtype(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def _rtol(x: Tensor) -> float:
    return {torch.float16: 1e-3, torch.bfloat16: 1.6e-2, torch.float32: 1.3e-6}.get(x.dtype, 1e-7)


def _atol(x: Tensor) -> float:
    return 1e-7 if x.dtype == torch.float64 else 1e-5 if x.dtype.is_floating_point else 0.0


def _look(came: Tensor, expected: Tensor) -> tuple[str, dict[str, Any]] | None:
    """A line of thought to try: the simplest relation between what came and what was expected."""
    nan = int((came.isnan() & ~expected.isnan()).sum())
    if nan:
        return "look_nan", {"count": nan}
    infinite = int((came.isinf() & ~expected.isinf()).sum())
    if infinite:
        return "look_inf", {"count": infinite}
    finite = came.isfinite() & expected.isfinite()
    a, b = came[finite], expected[finite]
    if a.numel() == 0:
        return None
    if bool((a == 0).all()):
        return "look_zeros", {}
    scale = float(b.abs().max())
    worst = float((a - b).abs().max())
    if scale > 0 and 0 < worst < 1e-3 * scale:
        return "look_precision", {"digits": max(int(-math.log10(worst / scale)), 1)}
    if a.numel() > 1 and scale > 0:
        factor = float((a * b).sum() / (b * b).sum())
        if torch.allclose(a, factor * b, rtol=1e-4, atol=1e-5 * scale):
            if abs(factor + 1) < 1e-4:
                return "look_sign", {}
            return "look_factor", {"factor": f"{factor:.6g}"}
        offset = a - b
        if float(offset.std()) < 1e-4 * float(offset.abs().max()):
            return "look_offset", {"offset": f"{float(offset.mean()):.6g}"}
    if came.dim() >= 2 and came.shape[-1] == came.shape[-2] and torch.allclose(came.mT, expected, rtol=1e-4):
        return "look_transposed", {}
    return None
