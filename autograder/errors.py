"""Errors in the course's own files, in a module that imports nothing, since the commands must start fast."""

from typing import NoReturn


class CourseError(Exception):
    """Something in the course's own files is wrong; the message names the file and what to do."""


def refuse(message: str) -> NoReturn:
    """Raise CourseError."""
    raise CourseError(message)
