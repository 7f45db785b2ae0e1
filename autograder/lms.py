"""What Canvas, Moodle and Blackboard call students, files and assignments, and which of ours is meant.

Nothing here reads or writes a file: names go in, and what they mean comes out.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any, Literal, get_args

System = Literal["canvas", "moodle", "blackboard"]
SYSTEMS: tuple[System, ...] = get_args(System)

# Moodle writes no `_` into a name, and Canvas writes no `_digits_` into one: so a student's own file name, which comes
# last, cannot pass for the system's part of the name.
MOODLE = re.compile(r"(?P<student>[^_]+)_(?P<number>\d+)_assignsubmission_file(?:_(?P<file>.*))?", re.S)
CANVAS = re.compile(
    r"(?P<student>.+?)(?P<late>_LATE)?_(?P<number>\d+)_(?P<order>\d+)_(?!attempt_\d{4}-)(?P<file>.+)", re.S
)
BLACKBOARD = re.compile(r"(?P<student>.+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)?", re.S)
PATTERNS: dict[System, re.Pattern[str]] = {"moodle": MOODLE, "canvas": CANVAS, "blackboard": BLACKBOARD}
TIME = "%Y-%m-%d-%H-%M-%S"


@dataclass(frozen=True)
class FileName:
    """What the name of a downloaded file says.

    student: as the system writes the student; for Blackboard the assignment's title, `_` and the user name.
    number: Canvas' user id, Moodle's participant number.
    file: what the student called the file.
    order: Canvas' number of the upload, which grows with time.
    time: Blackboard's time of the attempt, on its own clock.
    late: whether Canvas says so.
    """

    system: System
    student: str
    number: str
    file: str
    order: int = 0
    time: datetime | None = None
    late: bool = False

    @property
    def copy(self) -> int:
        """The `-1`, `-2` that Canvas puts before the extension of a file that is handed in again."""
        found = re.search(r"-(\d{1,4})(?:\.[^.]*)?$", self.file)
        return int(found.group(1)) if found and self.system == "canvas" else 0


def parse(path: PurePath, system: System | None = None) -> FileName | None:
    """What a file's path below the unpacked archive says; None if no system makes such a name.

    The outermost folder or file with such a name counts, because what lies within may be named by a student.
    """
    for part in path.parts:
        for kind, pattern in PATTERNS.items():
            found = pattern.fullmatch(part) if system in (None, kind) else None
            if found and (name := _file_name(kind, found, path, part)):
                return name
    return None


def _file_name(kind: System, found: re.Match[str], path: PurePath, part: str) -> FileName | None:
    said = found.groupdict()
    file = (said.get("file") or "") if part == path.name else path.name
    time = None
    if kind == "blackboard":
        try:
            time = datetime.strptime(said["time"], TIME)
        except ValueError:
            return None
    order = int(said.get("order") or 0)
    return FileName(kind, said["student"], said.get("number") or "", file, order, time, bool(said.get("late")))


def words(text: str) -> str:
    """A text as its words in lower case with `_` before, between and after them."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "_" + re.sub(r"[^0-9a-z]+", "_", plain).strip("_") + "_"


def chapter_of(text: str, chapters: Sequence[str]) -> str | None:
    """The one chapter that a file's name or a column's head can mean; None if it could be none or several.

    The whole name of a chapter decides (`Copy of ch04_activations (1)`); else its number alone (`ch04 final`), if no
    other chapter is named beside it.
    """
    said = words(text)
    whole = [name for name in chapters if f"_{name}_" in said]
    whole = [name for name in whole if not any(name != other and name in other for other in whole)]
    if whole:
        return whole[0] if len(whole) == 1 else None
    numbered = [name for name in chapters if f"_{name.split('_')[0]}_" in said]
    if len(numbered) != 1:
        return None
    others = (name.split("_", 1)[1] for name in chapters if name != numbered[0])
    return None if any(f"_{other}_" in said for other in others) else numbered[0]


def squeezed(text: str) -> str:
    """A name without what the systems drop or change: case, spaces, hyphens, apostrophes, underscores."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


@dataclass(frozen=True)
class Person:
    """A student as nbgrader's gradebook has them."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""

    @classmethod
    def of(cls, row: Any) -> "Person":
        """A row of the gradebook's students, whose empty fields are None."""
        return cls(row.id, row.first_name or "", row.last_name or "", row.email or "", row.lms_user_id or "")

    @property
    def names(self) -> set[str]:
        """The squeezed name in either order; empty if the gradebook has no name."""
        first, last = squeezed(self.first_name), squeezed(self.last_name)
        return {first + last, last + first} - {""}

    @property
    def keys(self) -> set[str]:
        """What identifies the student beside the name, in lower case."""
        own = {self.id, self.lms_user_id, self.email, self.email.split("@")[0]}
        return {key.strip().casefold() for key in own} - {""}


class Roster:
    """The class, and who of it is meant. Every search gives all who fit: none, one, or too many."""

    def __init__(self, people: Iterable[Person]):
        self.people = list(people)

    def __len__(self) -> int:
        return len(self.people)

    def by_key(self, key: str) -> list[Person]:
        """Those with this id, number in the LMS, address, or address before the @; an id goes before the rest."""
        key = key.strip().casefold()
        exact = [p for p in self.people if key and key in (p.id.casefold(), p.lms_user_id.casefold())]
        return exact or [p for p in self.people if key in p.keys]

    def by_name(self, name: str) -> list[Person]:
        """Those with this name, first or last name first, however it is spaced and hyphenated."""
        return [p for p in self.people if squeezed(name) in p.names]

    def on_canvas(self, name: str, number: str) -> list[Person]:
        """Those with this user id on Canvas; else those of this name who have no other user id."""
        known = [p for p in self.people if number and number in (p.lms_user_id, p.id)]
        return known or [p for p in self.by_name(name) if p.lms_user_id in ("", number)]

    def on_moodle(self, name: str, row: dict[str, str] | None) -> list[Person]:
        """Those whom the grading worksheet's row names by address or ID number; else those of this full name.

        A group's name and a hyphen may stand before the name: `Group A-Jane Doe`.
        """
        for column in ("Email address", "ID number"):
            if row and (found := self.by_key(row.get(column) or "")):
                return found
        if row and row.get("Full name"):
            name = row["Full name"]
        parts = name.split("-")
        for start in range(len(parts)):
            if found := self.by_name("-".join(parts[start:])):
                return found
        return []

    def on_blackboard(self, title_and_user: str) -> list[Person]:
        """Those whose user name ends `Homework 4_jdoe`; the longest counts, since user names may hold `_`."""
        parts = title_and_user.split("_")
        for start in range(1, len(parts)):
            if found := self.by_key("_".join(parts[start:])):
                return found
        return []
