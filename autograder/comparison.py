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
from torch.testing._comparison import ErrorMeta, TensorLikePair, default_tolerances

from autograder.diagnosis import Look, look_at_shape, look_at_values
from autograder.language import say

LONG_TEXT = 200
LONG_INTEGER = 200
ALLCLOSE_DTYPES = {torch.float64, torch.float32, torch.float16, torch.bfloat16}


@dataclass
class Difference:
    """The first thing in which a result differs from what was expected.

    key, words: the sentence that says so (see `language.SENTENCES`).
    look: the sentence that says what to look at next, where it is not read off the values.
    expected, came: the parts of the two results that differ.
    """

    key: str
    words: dict[str, Any] = field(default_factory=dict)
    look: Look | None = None
    expected: Any = None
    came: Any = None
    wrong: Tensor | None = None

    def message(self, language: str = "en") -> str:
        """One or two sentences: what was expected, what came, where, and what to look at next."""
        words = {k: _word(v, language) for k, v in self.words.items()}
        text = say(self.key, language, **words)
        if self.look is None and self.wrong is not None and not self.expected.is_complex():
            self.look = look_at_values(self.came.to(torch.float64), self.expected.to(torch.float64), self.wrong)
        return text + "\n" + say(self.look[0], language, **self.look[1]) if self.look else text


@dataclass(frozen=True)
class Word:
    """A word of a message that is itself translated."""

    key: str
    words: tuple[tuple[str, Any], ...] = ()


def _word(value: Any, language: str) -> Any:
    if isinstance(value, Word):
        return say(value.key, language, **dict(value.words))
    if isinstance(value, str):  # a message of torch's may have many lines; a sentence has one
        return " ".join(value.split())
    return value


def describe(value: Any) -> Any:
    """What a value is, in a word for a message."""
    if isinstance(value, Tensor):
        return Word("tensor")
    if value is None:
        return Word("nothing")
    if isinstance(value, (bool, str)):
        return shorten(repr(value))
    if isinstance(value, Number):
        return Word("a_number")
    if isinstance(value, (list, tuple)):
        return Word("a_sequence", (("count", len(value)),))
    if isinstance(value, Mapping):
        return Word("a_dict")
    return getattr(value, "type_name", type(value).__name__)


def shorten(text: str, limit: int = LONG_TEXT) -> str:
    """The text, cut where it is longer than a message should be."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _keys(value: Mapping) -> str:
    return shorten(", ".join(sorted(repr(key) for key in value)))


def number(value: Any, digits: int = 6) -> str:
    """A number as a message shows it."""
    value = _plain(value)
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, int) and value.bit_length() > LONG_INTEGER:  # Python refuses to print the longest ones
        return f"{'−' if value < 0 else ''}2**{value.bit_length() - 1}…"
    return str(value)


def numbers(expected: Any, came: Any) -> dict[str, str]:
    """Two numbers with as many digits as it takes to tell them apart."""
    expected, came = _plain(expected), _plain(came)
    for digits in (6, 9, 12, 17):
        words = {"expected": number(expected, digits), "came": number(came, digits)}
        if words["expected"] != words["came"]:
            break
    return words


def compare(
    came: Any, expected: Any, rtol: float | None = None, atol: float | None = None, where: str = ""
) -> Difference | None:
    """None when `came` agrees with `expected`, else the first difference, depth first."""
    at: Any = Word("at", (("path", where),)) if where else ""
    if isinstance(expected, Tensor):
        if not isinstance(came, Tensor):
            return _wrong_type(came, expected, Word("tensor"), at)
        return _compare_tensors(came, expected, rtol, atol, at)
    if expected is None or isinstance(expected, (bool, str)):
        plain = _plain(came)
        if type(plain) is type(expected) and plain == expected:
            return None
        if isinstance(expected, bool) and isinstance(plain, bool):
            return _untrue(plain, expected, at)
        return _wrong_type(came, expected, describe(expected), at)
    if isinstance(expected, Number):
        return _compare_numbers(came, expected, rtol, atol, at)
    if isinstance(expected, (list, tuple)):
        if not isinstance(came, (list, tuple)):
            return _wrong_type(came, expected, describe(expected), at)
        if len(came) != len(expected):
            words = {"where": at, "expected": len(expected), "came": len(came)}
            return Difference("length", words, None, expected, came)
        pairs: Any = enumerate(zip(came, expected, strict=True))
    elif isinstance(expected, Mapping):
        if not isinstance(came, Mapping):
            return _wrong_type(came, expected, describe(expected), at)
        if set(came) != set(expected):
            words = {"where": at, "expected": _keys(expected), "came": _keys(came)}
            return Difference("keys", words, None, expected, came)
        pairs = ((key, (came[key], expected[key])) for key in expected)
    else:
        raise TypeError(f"a reference returned a {type(expected).__name__}, which cannot be compared")
    for key, (a, b) in pairs:
        difference = compare(a, b, rtol, atol, f"{where}[{key!r}]")
        if difference:
            return difference
    return None


def _untrue(came: bool, expected: bool, at: Any) -> Difference:
    """A truth value that is the other one: the case's own sentence says of what."""
    words = {"where": at, "expected": expected, "came": came}
    return Difference("untrue", words, None, expected, came)


def _wrong_type(came: Any, expected: Any, should_be: Any, at: Any) -> Difference:
    """Something of another kind than what was expected."""
    look: Look | None = None
    if came is None:
        look = ("look_none", {}) if at else ("look_return", {})
    elif isinstance(expected, Tensor) and isinstance(came, (Number, np.generic)):
        look = ("look_item", {})
    elif isinstance(expected, Tensor) and isinstance(came, np.ndarray):
        look = ("look_numpy", {})
    words = {"where": at, "expected": should_be, "came": describe(came)}
    return Difference("type", words, look, expected, came)


def _plain(value: Any) -> Any:
    """A NumPy scalar or a tensor of one element as the Python number it holds."""
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.dim() == 0):
        return value.item()
    return value


def _compare_numbers(came: Any, expected: Any, rtol: Any, atol: Any, at: Any) -> Difference | None:
    came = _plain(came)
    if not isinstance(came, Number) or isinstance(came, bool):
        return _wrong_type(came, expected, Word("a_number"), at)
    words = {"where": at, **numbers(expected, came)}
    if isinstance(expected, int):
        return None if came == expected else Difference("number", words, None, expected, came)
    try:
        a, b = (torch.tensor(float(x), dtype=torch.float64) for x in (came, expected))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):  # complex, or an integer that no float holds
        return Difference("number", words, None, expected, came)
    if _close(a, b, rtol, atol):
        return None
    return Difference("number", words, None, b, a, torch.tensor(True))


def _close(came: Tensor, expected: Tensor, rtol: float | None, atol: float | None) -> bool:
    """What `torch.testing.assert_close` decides, without the second that its first call spends importing DTensor."""
    if torch.equal(came, expected):
        return True
    if came.dtype in ALLCLOSE_DTYPES:  # where it comes down to this
        tolerances = default_tolerances(expected.dtype) if rtol is None else (rtol, atol)
        rtol, atol = tolerances  # type: ignore[assignment]
        if bool(((came - expected).abs() < atol + rtol * expected.abs()).all()):  # type: ignore[operator]
            return True  # a third of allclose's time, and never where allclose says no
        return torch.allclose(came, expected, rtol, atol, equal_nan=True)  # type: ignore[arg-type]
    try:
        TensorLikePair(came, expected, rtol=rtol, atol=atol, equal_nan=True).compare()
    except ErrorMeta:
        return False
    return True


def _compare_tensors(came: Tensor, expected: Tensor, rtol: Any, atol: Any, at: Any) -> Difference | None:
    came, expected = came.detach(), expected.detach()
    if came.layout != expected.layout:
        words = {"where": at, "expected": Word("tensor"), "came": str(came.layout).removeprefix("torch.")}
        return Difference("type", words, None, expected, came)
    if came.shape != expected.shape:
        shapes = {"expected": tuple(expected.shape), "came": tuple(came.shape)}
        return Difference("shape", {"where": at, **shapes}, look_at_shape(**shapes), expected, came)
    if came.dtype != expected.dtype:
        floating = came.dtype.is_floating_point and expected.dtype.is_floating_point
        words = {"where": at, "expected": _dtype(expected), "came": _dtype(came)}
        return Difference("dtype", words, ("look_dtype", {}) if floating else None, expected, came)
    if came.device != expected.device:
        words = {"where": at, "expected": str(expected.device), "came": str(came.device)}
        return Difference("device", words, None, expected, came)
    if _close(came, expected, rtol, atol):
        return None
    if expected.dtype == torch.bool and expected.dim() == 0:
        return _untrue(bool(came), bool(expected), at)
    came = came.clone()  # an answer may go on writing into what it returned
    error, wrong = errors(came, expected, rtol, atol)
    flat = int(error.argmax())
    words = {
        "where": at,
        "wrong": int(wrong.sum()),
        "total": wrong.numel(),
        "index": [int(i) for i in np.unravel_index(flat, tuple(error.shape))] if error.dim() else [],
        **numbers(expected.reshape(-1)[flat], came.reshape(-1)[flat]),
    }
    key = "value" if expected.numel() > 1 else "scalar"
    return Difference(key, words, None, expected, came, wrong)


def errors(came: Tensor, expected: Tensor, rtol: Any = None, atol: Any = None) -> tuple[Tensor, Tensor]:
    """|came − expected| where the two differ and 0 elsewhere, infinite where one is NaN; and where they differ."""
    if rtol is None:
        rtol, atol = default_tolerances(expected.dtype)
    wide = torch.complex128 if expected.dtype.is_complex else torch.float64
    a, b = came.to(wide), expected.to(wide)
    wrong = ~torch.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
    if not bool(wrong.any()):  # integers so large that float64 does not tell them apart
        wrong = came != expected
    error = torch.nan_to_num((a - b).abs(), nan=math.inf, posinf=math.inf)
    error[~wrong] = 0
    return error, wrong


def _dtype(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")
