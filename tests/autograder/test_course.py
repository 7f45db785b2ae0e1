"""course.yml: what is read, and what an error says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from autograder.course import Course, LatePenalty, find_root, load_course
from autograder.errors import CourseError

ROOT = Path(__file__).parents[2]

GOOD = """\
name: small-course
title: {en: Small course, zh: 小课程}
limits:
  memory_mb: 512
parts:
  - {name: foundations, title: {en: Foundations, zh: 基石篇}}
chapters:
  - name: ch01_sums
    part: foundations
    title: {en: Sums, zh: 求和}
    written: true
    due: 2026-03-01T23:59:00+08:00
    limits: {case_seconds: 3}
    exercises:
      - {name: add, equation: "1.1, 2.10", points: 2.5, difficulty: 1, minutes: 10}
      - {name: total, points: 3, difficulty: 2, minutes: 10}
    essays:
      - {name: why_sums, points: 4}
  - name: lab01_sums
    part: foundations
    title: {en: Sums again, zh: 再求和}
"""


def course_of(folder: Path, text: str) -> Course:
    (folder / "course.yml").write_text(text, encoding="utf-8")
    return load_course(folder)


def test_the_course_of_this_repository_is_read():
    course = load_course(ROOT)
    assert len(course.parts) == 8
    names = [entry.name for entry in course.chapters]
    assert [n[:4] for n in names[:21]] == [f"ch{i:02}" for i in range(1, 22)]
    assert [n[:5] for n in names[21:]] == [f"lab{i:02}" for i in range(1, 12)]
    for written in ("ch01_tensors", "ch04_activations", "ch11_optimizers", "ch13_attention"):
        assert course.chapter(written) in course.written
    assert course.chapter("ch04_activations").exercise("logsumexp").equation == "4.4, 9.3"


def test_chapters_carry_the_course_limits_with_their_own_laid_over_them(tmp_path):
    course = course_of(tmp_path, GOOD)
    first, lab = course.chapters
    assert (first.limits.case_seconds, first.limits.memory_mb, first.limits.cell_seconds) == (3, 512, 20)
    assert (lab.limits.case_seconds, lab.limits.memory_mb) == (10, 512)
    assert course.root == tmp_path.resolve()


def test_the_limits_of_a_part_stand_between(tmp_path):
    part = "name: foundations, limits: {case_seconds: 60, exercise_seconds: 90, memory_mb: 1024}, "
    first, lab = course_of(tmp_path, GOOD.replace("name: foundations, ", part, 1)).chapters
    assert (first.limits.case_seconds, first.limits.memory_mb, first.limits.exercise_seconds) == (3, 1024, 90)
    assert (lab.limits.case_seconds, lab.limits.memory_mb, lab.limits.exercise_seconds) == (60, 1024, 90)


def test_points_due_dates_and_titles(tmp_path):
    course = course_of(tmp_path, GOOD)
    chapter = course.chapter("ch01_sums")
    assert chapter.points == 9.5
    assert chapter.due == datetime(2026, 3, 1, 15, 59, tzinfo=UTC)
    assert (chapter.title.of("en"), chapter.title.of("zh")) == ("Sums", "求和")
    assert [entry.name for entry in course.written] == ["ch01_sums"]


def test_the_late_penalty_counts_days_begun_after_the_grace():
    late = LatePenalty(per_day=0.1, at_most=0.25, grace_minutes=60)
    day = 86400
    assert [late.share(s) for s in (-5, 0, 3600, 3601, 3600 + day, 3601 + day, 9 * day)] == [
        *(0, 0, 0),
        *(0.1, 0.1, 0.2, 0.25),
    ]


def test_the_root_is_the_nearest_folder_above(tmp_path):
    (tmp_path / "course.yml").write_text(GOOD, encoding="utf-8")
    inner = tmp_path / "source" / "ch01_sums"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path.resolve()


def test_no_root_is_an_error_that_says_where_it_looked(tmp_path):
    with pytest.raises(CourseError, match="run this inside the course's folder"):
        find_root(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("    part: foundations\n    title: {en: Sums,", "    prat: foundations\n    title: {en: Sums,", 9, "'part'?"),
        ("points: 2.5,", "points: 2.5, colour: red,", 15, "unknown key: there are name, equation, points"),
        ("points: 2.5", "points: -1", 15, "got -1: it is what a right answer is worth"),
        ("points: 2.5", "points: .nan", 15, "got nan"),
        ("points: 2.5", 'points: "2"', 15, "got '2'"),
        ("difficulty: 1", "difficulty: 6", 15, "whole number from 1 to 5"),
        ("minutes: 10}\n      - {name: total", "minutes: true}\n      - {name: total", 15, "got True"),
        ('equation: "1.1, 2.10"', "equation: 2.10", 15, "quoted string"),
        ("points: 3, ", "", 16, "points: missing: add it"),
        ("name: total", "name: add", 16, "'add' stands here twice"),
        ("name: why_sums", "name: add", 18, "rename the essay"),
        ("name: lab01_sums", "name: ch01_sums", 19, "'ch01_sums' stands here twice"),
        ("name: lab01_sums", "name: Lab 1", 19, "folder's name"),
        (
            "part: foundations\n    title: {en: Sums again",
            "part: foundation\n    title: {en: Sums again",
            20,
            "did you",
        ),
        ("+08:00", "", 12, "with its zone"),
        ("due: 2026-03-01T23:59:00+08:00", "due: tomorrow", 12, "got 'tomorrow'"),
        ("written: true", "written: perhaps", 11, "got 'perhaps'"),
        ("memory_mb: 512", "memory_mb: lots", 4, "limits.memory_mb: got 'lots'"),
        ("limits: {case_seconds: 3}", "limits: {case_second: 3}", 13, "did you mean 'case_seconds'?"),
        ("limits: {case_seconds: 3}", "limits: 3", 13, "expected the keys cell_seconds"),
        ("{en: Sums, zh: 求和}", "{en: Sums}", 10, "it is the Chinese title"),
        ("title: {en: Small course, zh: 小课程}\n", "", 1, "title: missing"),
        ("name: small-course\n", "name: small-course\nname: other\n", 2, "name: given twice"),
        ("name: small-course\n", "name: [small-course\n", 2, "not YAML"),
        ("    limits: {case_seconds: 3}\n", "\tlimits: {case_seconds: 3}\n", 13, "not YAML"),
    ],
)
def test_an_error_names_file_line_and_key_and_says_what_to_do(tmp_path, old, new, line, says):
    assert old in GOOD
    with pytest.raises(CourseError) as caught:
        course_of(tmp_path, GOOD.replace(old, new, 1))
    place = f"{tmp_path / 'course.yml'}:{line}: "
    assert any(row.startswith(place) and says in row for row in str(caught.value).splitlines())


def test_a_key_is_named_with_its_chapter_and_exercise(tmp_path):
    with pytest.raises(CourseError, match=r"chapters\[ch01_sums\]\.exercises\[total\]\.points: got 0"):
        course_of(tmp_path, GOOD.replace("points: 3", "points: 0"))


def test_every_problem_is_reported_at_once(tmp_path):
    with pytest.raises(CourseError) as caught:
        course_of(tmp_path, GOOD.replace("points: 3", "points: 0").replace("memory_mb: 512", "memory_mb: 0"))
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["4", "16"]


def test_a_written_chapter_needs_exercises(tmp_path):
    with pytest.raises(CourseError, match="a written chapter needs exercises"):
        course_of(tmp_path, GOOD + "    written: true\n")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n"])
def test_a_file_that_is_not_a_mapping(tmp_path, text):
    with pytest.raises(CourseError, match=r"course\.yml:1: expected keys such as `title:`"):
        course_of(tmp_path, text)


def test_a_missing_file(tmp_path):
    with pytest.raises(CourseError, match=r"course\.yml: no such file: run this inside the course's folder"):
        load_course(tmp_path)


def test_a_file_that_is_not_text(tmp_path):
    (tmp_path / "course.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CourseError, match="cannot be read as UTF-8 text"):
        load_course(tmp_path)


def test_an_unknown_chapter_or_exercise_suggests_the_nearest(tmp_path):
    course = course_of(tmp_path, GOOD)
    with pytest.raises(CourseError, match="did you mean 'ch01_sums'"):
        course.chapter("ch01_sum")
    with pytest.raises(CourseError, match="there are add, total"):
        course.chapter("ch01_sums").exercise("zzz")
