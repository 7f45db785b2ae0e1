"""Errors in the course's own files, raised by modules that must start fast."""

from typing import NoReturn


def refuse(message: str) -> NoReturn:
    """Raise CourseError; imported only now, because `autograder.chapters` imports torch, which takes seconds."""
    from autograder.chapters import CourseError

    raise CourseError(message)
