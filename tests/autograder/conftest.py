"""What the tests of Otter and Gradescope share: one chapter of this course, and the sample class's scores in it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTER = "ch04_activations"


@pytest.fixture(scope="session")
def course():
    from autograder.course import load_course

    return load_course(ROOT)


@pytest.fixture(scope="session")
def chapter():
    from autograder.chapters import Chapter

    return Chapter(ROOT, CHAPTER)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """Each student's score in nbgrader's gradebook; graded once, since that takes ten seconds."""
    from graded_class import gradebook_scores

    return gradebook_scores(tmp_path_factory.mktemp("class"), CHAPTER)
