"""Errors in the course's own files, in a module that imports nothing, since the commands must start fast."""

from typing import NoReturn


class CourseError(Exception):
    """Something in the course's own files is wrong; the message names the file and what to do."""


def refuse(message: str) -> NoReturn:
    """Raise CourseError."""
    raise CourseError(message)


class JudgeError(Exception):
    """The judge's own failure: never a student's zero."""


class SandboxError(Exception):
    """The sandbox cannot be used on this machine; the message says what to do."""
