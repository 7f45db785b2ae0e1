"""What a released file must not hold: a line of a solution, the name of a hidden case, a marker of nbgrader's."""

import json
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from autograder.stubs import MARKER

TELLING = 4


@dataclass
class Secrets:
    """What the students of a chapter must not see.

    solutions, stubs: exercise → source. A solution's line is secret if no stub has it and it tells something.
    hidden: names of hidden cases.
    public: names that are no secret though a hidden case has them too.
    """

    solutions: Mapping[str, str]
    stubs: Mapping[str, str]
    hidden: frozenset[str] = frozenset()
    public: frozenset[str] = frozenset()
    lines: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        shown = {_plain(line) for stub in self.stubs.values() for line in stub.splitlines()}
        for name, source in self.solutions.items():
            for line in map(_plain, source.splitlines()):
                if line not in shown and tells(line):
                    self.lines.setdefault(line, name)

    def found_in(self, name: str, text: str) -> list[str]:
        """What a file of this name and text gives away, as sentences."""
        found: dict[str, None] = {}
        # one word, such as `zeros`, is no case's name alone; a sentence joined by underscores is
        hidden = {case for case in self.hidden - self.public if "_" in case}
        for place, line in _lines(name, text):
            marker = MARKER.search(line)
            if marker:
                found[f"{place} holds nbgrader's marker {marker.group()!r}: take it out of the source"] = None
            for word in hidden.intersection(re.findall(r"\w+", line)):
                found[f"{place} names the hidden case {word!r}: take the name out of the source"] = None
            for part in (line, *re.findall(r"`([^`]+)`", line)):
                exercise = self.lines.get(_plain(part))
                if exercise:
                    found[f"{place} holds a line of {exercise}'s solution, `{_plain(part)}`: write it otherwise"] = None
        return list(found)


def tells(line: str) -> bool:
    """Whether a line is worth hiding: it has enough names, numbers and operators; `else:` and `i += 1` have not."""
    words = re.findall(r"[^\W\d]\w*|\d+(?:\.\d+)?|[-+*/@<>&|%]+", line)
    return len([word for word in words if not keyword.iskeyword(word)]) >= TELLING


def _plain(line: str) -> str:
    """A line without its indent, its spacing and its `return`."""
    return " ".join(line.split()).removeprefix("return ")


def _lines(name: str, text: str) -> Iterator[tuple[str, str]]:
    """Every line of a file with its place in words; in JSON, every line of every string."""
    if PurePath(name).suffix not in (".ipynb", ".json"):
        yield from ((f"{name}:{i}", line) for i, line in enumerate(text.splitlines(), 1))
        return
    data = json.loads(text)
    for cell in data.get("cells", []) if isinstance(data, dict) else []:
        yield from ((f"{name}, cell {cell.get('id')},", line) for line in _strings(cell))
    rest = {key: value for key, value in data.items() if key != "cells"} if isinstance(data, dict) else data
    yield from ((f"{name}", line) for line in _strings(rest))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.splitlines()
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
