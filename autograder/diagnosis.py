"""A line of thought to try: the simplest relation between a wrong result and the expected one.

A relation is named only when it holds to about four digits on every value, so that a hint is rarely a coincidence.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Look = tuple[str, dict[str, Any]]

RELATIVE = 1e-4
SCALAR_RELATIVE = 1e-5
PRECISION = 1e-3
LARGEST_NAMED = 512
LARGEST_DENOMINATOR = 16
TELLING_LENGTH = 8

RELATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "look_square": torch.square,
    "look_root": torch.sqrt,
    "look_log": torch.log,
    "look_exp": torch.exp,
    "look_reciprocal": torch.reciprocal,
    "look_complement": lambda b: 1 - b,
}


def look_at_shape(came: tuple[int, ...], expected: tuple[int, ...]) -> Look | None:
    """What explains a shape."""
    if [n for n in came if n != 1] == [n for n in expected if n != 1]:
        return "look_keepdim", {}
    if came == ():
        return "look_reduced", {}
    if sorted(came) == sorted(expected):
        return "look_permuted", {}
    if math.prod(came) == math.prod(expected):
        return "look_reshape", {}
    if came == (*expected, *expected[-1:]) and expected:
        return "look_outer", {"n": expected[-1]}
    for longer, shorter, key in ((expected, came, "look_lost_dim"), (came, expected, "look_kept_dim")):
        if len(longer) == len(shorter) + 1:
            for dim in range(len(longer)):
                if longer[:dim] + longer[dim + 1 :] == shorter:
                    return key, {"dim": dim, "size": longer[dim]}
    return None


def look_at_values(came: Tensor, expected: Tensor, wrong: Tensor) -> Look | None:
    """What explains the values; `wrong` marks those that differ. Both tensors are float64."""
    special = _look_at_special(came, expected)
    if special:
        return special
    finite = came.isfinite() & expected.isfinite()
    a, b = came[finite], expected[finite]
    if a.numel() == 0:
        return None
    if a.numel() == 1:
        return _look_at_scalar(float(a), float(b))
    if bool((a == 0).all()):
        return "look_zeros", {}
    scale = float(b.abs().max())
    worst = float((a - b).abs().max())
    if 0 < worst < PRECISION * scale:
        return "look_precision", {"digits": max(int(-math.log10(worst / scale)), 1)}
    if bool((a == a[0]).all()) and not bool((b == b[0]).all()):
        return "look_constant", {"value": f"{float(a[0]):.6g}"}
    if scale > 0 and (found := _look_at_whole(a, b)):
        return found
    if came.dim() == 0 or not bool(finite.all()):
        return None
    return _look_at_layout(came, expected) or _look_at_place(wrong) or _look_at_dims(came, expected)


def name_of_factor(factor: float, fractions: bool = True) -> str:
    """A factor as a person writes it: 2.82843 (√8), 0.2 (1/5), 1.5 (3/2), -3."""
    text = f"{factor:.6g}"
    size = abs(factor)
    if not LARGEST_NAMED**-2 < size < LARGEST_NAMED**2:
        return text
    sign = "−" if factor < 0 else ""
    for base, name in ((size, "{}"), (1 / size if size else 0.0, "1/{}")):
        for value, form in ((base, "{}"), (base * base, "√{}")):
            n = round(value)
            if 2 <= n <= LARGEST_NAMED and abs(value - n) < SCALAR_RELATIVE * n:
                written = sign + name.format(form.format(n))
                return text if written in (text, text.replace("-", "−")) else f"{text} ({written})"
        for constant, form in ((math.log(2), "ln 2"), (math.log(10), "ln 10"), (math.pi, "π"), (2 * math.pi, "2π")):
            if abs(base - constant) < SCALAR_RELATIVE * constant:
                return f"{text} ({sign}{name.format(form)})"
    for q in range(2, LARGEST_DENOMINATOR + 1 if fractions else 2):
        p = round(size * q)
        if p > 1 and math.gcd(p, q) == 1 and abs(size * q - p) < SCALAR_RELATIVE * p:
            return f"{text} ({sign}{p}/{q})"
    return text


def _look_at_special(came: Tensor, expected: Tensor) -> Look | None:
    """NaN and infinities that are on one side only."""
    if nan := int((came.isnan() & ~expected.isnan()).sum()):
        return "look_nan", {"count": nan}
    if infinite := int((came.isinf() & ~expected.isinf()).sum()):
        return "look_inf", {"count": infinite}
    if lost := int((expected.isnan() & ~came.isnan()).sum()):
        return "look_lost_nan", {"count": lost}
    if lost := int((expected.isinf() & ~came.isinf()).sum()):
        return "look_lost_inf", {"count": lost}
    if bool(((came == -expected) | (came == expected) | came.isnan())[expected.isinf()].all()) and bool(
        (came != expected)[expected.isinf()].any()
    ):
        return "look_inf_sign", {}
    return None


def _look_at_scalar(a: float, b: float) -> Look | None:
    """The relation of two numbers, where it is simple enough not to be a coincidence."""
    if a == 0:
        return "look_zero", {}
    if b == 0:
        return None
    factor = a / b
    if abs(factor - 1) < PRECISION:
        return "look_precision", {"digits": max(int(-math.log10(abs(factor - 1))), 1) if factor != 1 else 16}
    if abs(factor + 1) < SCALAR_RELATIVE:
        return "look_sign", {}
    name = name_of_factor(factor, fractions=False)
    whole = round(factor)
    if "(" in name or (0 < abs(whole) <= LARGEST_NAMED and abs(factor - whole) < SCALAR_RELATIVE):
        return "look_factor", {"factor": name}
    for key, relation in RELATIONS.items():
        value = float(relation(torch.tensor(b, dtype=torch.float64)))
        if math.isclose(a, value, rel_tol=SCALAR_RELATIVE):
            return key, {}
    return None


def _close(a: Tensor, b: Tensor) -> bool:
    scale = float(b.abs().max()) if b.numel() else 0.0
    return bool(torch.allclose(a, b, rtol=RELATIVE, atol=0.1 * RELATIVE * scale))


def _look_at_whole(a: Tensor, b: Tensor) -> Look | None:
    """One relation that holds for every value, wherever it stands."""
    factor = float((a * b).sum() / (b * b).sum())
    if factor and _close(a / factor, b):
        if abs(factor + 1) < RELATIVE:
            return "look_sign", {}
        return "look_factor", {"factor": name_of_factor(factor)}
    offset = a - b
    if _close(offset, offset.mean().expand_as(offset)):
        return "look_offset", {"offset": f"{float(offset.mean()):.6g}"}
    if _close(a.abs(), b.abs()):
        return "look_some_signs", {}
    for key, relation in RELATIONS.items():
        value = relation(b)
        if bool(value.isfinite().all()) and _close(a, value):
            return key, {}
    return None


def _look_at_layout(came: Tensor, expected: Tensor) -> Look | None:
    """The right values in the wrong places."""
    if bool((expected == expected.reshape(-1)[0]).all()):
        return None
    if came.dim() >= 2 and came.shape[-1] == came.shape[-2] and _close(came.mT, expected):
        return "look_transposed", {}
    for dim, size in enumerate(came.shape):
        if size < 2:
            continue
        if _close(came.flip(dim), expected):
            return "look_reversed", {"dim": dim}
        if size < 4:
            continue
        ahead = _close(came.narrow(dim, 0, size - 1), expected.narrow(dim, 1, size - 1))
        behind = _close(came.narrow(dim, 1, size - 1), expected.narrow(dim, 0, size - 1))
        if ahead or behind:
            return "look_shifted", {"dim": dim}
    if came.numel() >= 4 and _close(came.reshape(-1).sort().values, expected.reshape(-1).sort().values):
        return "look_order", {}
    return None


def _look_at_dims(came: Tensor, expected: Tensor) -> Look | None:
    """A normaliser, a factor or a term that is wrong for each row of some dimension."""

    def normalised(x: Tensor) -> list[int]:
        sums = [(dim, x.sum(dim)) for dim, size in enumerate(x.shape) if size > 1]
        return [dim for dim, total in sums if _close(total, torch.ones_like(total))]

    should, does = normalised(expected), normalised(came)
    if should and does and not set(should) & set(does):
        return "look_normalised", {"came": does[0], "expected": should[0]}
    for key, relative in (("look_row_factor", True), ("look_row_offset", False)):
        for dim, size in enumerate(came.shape):
            if size < 3 or came.numel() == size or (relative and bool((expected == 0).any())):
                continue
            change = came / expected if relative else came - expected
            first = change.narrow(dim, 0, 1).expand_as(change)
            right = first * expected if relative else first + expected
            if _close(came, right):
                return key, {"dim": dim}
    return None


def _look_at_place(wrong: Tensor) -> Look | None:
    """Differences that all stand in one part of the result."""
    if bool(wrong.all()):
        return None
    for dim, size in enumerate(wrong.shape):
        others = [d for d in range(wrong.dim()) if d != dim]
        where = (wrong.any(dim=others) if others else wrong).nonzero().reshape(-1).tolist()
        telling = int(wrong.sum()) >= 2 if others else size >= TELLING_LENGTH
        if size >= 3 and telling and len(where) == 1 and where[0] in (0, size - 1):
            return ("look_first" if where[0] == 0 else "look_last"), {"dim": dim}
    if wrong.dim() >= 2 and min(wrong.shape[-2:]) >= 3:
        rows, columns = wrong.shape[-2:]
        above = torch.ones(rows, columns, dtype=torch.bool).triu(1)
        below = torch.ones(rows, columns, dtype=torch.bool).tril(-1)
        for region, key in ((above, "look_above"), (below, "look_below"), (~(above | below), "look_diagonal")):
            if not bool((wrong & ~region).any()):
                return key, {}
    return None
