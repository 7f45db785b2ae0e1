"""What a student handed in, as cells, and the part of it that one exercise needs."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Cell:
    """One code cell of a submission.

    origin: "given" stands in the release notebook and is taken from there; "answer" is the student's answer to
        `exercise`; "extra" is a cell of the student's own.
    """

    source: str
    origin: Literal["given", "answer", "extra"]
    exercise: str | None = None


@dataclass
class Submission:
    """A student's notebook of one chapter, taken apart: its code cells in order, and what was odd about it."""

    chapter: str
    cells: list[Cell]
    language: str = "en"
    notes: list[str] = field(default_factory=list)

    def answer(self, exercise: str) -> Cell | None:
        """The cell that answers an exercise."""
        return next((c for c in self.cells if c.exercise == exercise), None)
