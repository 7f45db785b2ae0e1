"""The course holds all that the Atlas prints, and says so when something is lost."""

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course import load_course
from autograder.coverage import TABLE, covered, lacking, load_atlas, page
from autograder.formulas import all_rows

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT)
ATLAS = load_atlas(ROOT)


@pytest.fixture(scope="module")
def rows():
    return list(all_rows(COURSE))


@pytest.fixture(scope="module")
def entries(rows):
    return covered(COURSE, rows)


def test_every_equation_and_every_function_that_the_atlas_prints_has_its_exercise(entries, rows):
    assert lacking(ATLAS, entries, rows) == []


def test_the_page_is_what_the_cases_make(entries):
    assert (ROOT / TABLE).read_text(encoding="utf-8") == page(entries), "run `make map`"


def test_the_atlas_numbers_its_equations_from_one_to_the_end_of_chapter_21():
    assert ATLAS.numbers[:6] == ["1.1", "1.2", "1.3", "1.4", "1.5", "2.1"]
    assert ATLAS.numbers[-1] == "21.3"


def test_an_equation_that_loses_its_exercise_is_missed(entries, rows):
    without = [entry for entry in entries if entry.equation != "5.2"]
    assert lacking(ATLAS, without, rows) == ["5.2: no exercise with hidden cases asks for it"]


def test_an_equation_without_hidden_cases_is_missed(entries, rows):
    emptied = [
        replace(entry, cases=[c for c in entry.cases if c.visible]) if entry.equation == "5.2" else entry
        for entry in entries
    ]
    assert lacking(ATLAS, emptied, rows) == ["5.2: no exercise with hidden cases asks for it"]


def test_a_row_of_the_map_that_is_lost_is_missed(entries, rows):
    without = [row for row in rows if row.formula.exercise != "gaussian_mle"]
    assert lacking(ATLAS, entries, without) == [
        "scipy.stats.fit: neither computed nor corrected in a row of the map for 'gaussian_mle'",
        "scipy.stats.norm.fit: neither computed nor corrected in a row of the map for 'gaussian_mle'",
        "gaussian_mle: its row of the map corrects nothing",
    ]
