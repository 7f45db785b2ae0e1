"""Figures in the README, each written between its marks by the command that measured it."""

from pathlib import Path

from autograder.errors import CourseError


def put_figures(readme: Path, command: str, text: str) -> None:
    """Replace what stands between the marks of `make <command>`."""
    start, end = f"<!-- {command}: written by `make {command}` -->", f"<!-- /{command} -->"
    before = readme.read_text(encoding="utf-8")
    if start not in before or end not in before:
        raise CourseError(f"{readme}: put the marks {start} and {end} where the figures belong")
    head, rest = before.split(start, 1)
    readme.write_text(f"{head}{start}\n{text}\n{end}{rest.split(end, 1)[1]}", encoding="utf-8")
