"""What the test files of an Otter bundle call: `grader.check("softmax")` runs the visible checks, as `check` does."""

from pathlib import Path
from typing import Any


def assert_visible(name: str, answer: Any) -> None:
    """Raise AssertionError, with what `check` says, unless the answer passes the exercise's visible checks."""
    from autograder.assignments import find
    from autograder.language import say

    assignment = find(name, Path.cwd())
    language = assignment.language
    if answer is None:
        raise AssertionError(say("check_undefined", language, name=name))

    from autograder.examining import examine
    from autograder.rendering import to_text

    listed = assignment.listed[name]
    verdict = examine(answer, listed, assignment.cases(name), assignment.rules(name), language).verdict
    if verdict.status != "passed":
        raise AssertionError(to_text(verdict, language, hidden=listed.hidden))
