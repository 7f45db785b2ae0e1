"""The count of a statistical case's false alarms."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from autograder.cases import Answer, case
from autograder.chapters import Chapter, Exercise
from autograder.course import load_course
from autograder.false_alarms import TABLE, count, page

ROOT = Path(__file__).parents[2]


def identity(x):
    return x


@dataclass
class FakeChapter:
    name: str
    exercises: dict[str, Exercise]


def chapter_with(far: float) -> FakeChapter:
    """A case that fails where one of a hundred normal draws is further than `far` from 0."""

    @case("identity", expected=True, dtypes=[torch.float64], false_alarm=1e-7)
    def no_draw_is_far_away(answer, draw):
        return bool((answer(draw.normal(100)).abs() < far).all())

    also_right = Answer("identity", "copies", "def identity(x):\n    return x.clone()\n", "", right=True)
    return FakeChapter(
        "ch", {"identity": Exercise("identity", [no_draw_is_far_away], reference=identity, right=[also_right])}
    )


def test_a_case_that_chance_fails_is_counted():
    reference, copies = count(chapter_with(far=2.5), runs=100)
    assert 50 < reference.failed < 90  # 1 − (1 − 0.0124)¹⁰⁰ is 0.71
    assert copies.failed == reference.failed


def test_a_case_that_chance_does_not_fail_is_counted_too():
    assert [c.failed for c in count(chapter_with(far=8), runs=100)] == [0, 0]


def test_a_case_may_not_state_a_chance_that_a_class_would_meet():
    with pytest.raises(ValueError, match="below 1e-6"):
        case("identity", false_alarm=1e-5)


def test_the_page_counts_every_statistical_case_of_the_course_and_none_has_failed():
    recorded = (ROOT / TABLE).read_text(encoding="utf-8")
    course = load_course(ROOT)
    for entry in course.written:
        for found in count(Chapter(ROOT, entry.name), runs=0):
            found.runs = 1000
            assert page([found]).splitlines()[-1] in recorded, "run `make statistics`"
