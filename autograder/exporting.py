"""`atlas export`: the grades of nbgrader's gradebook as CSV that Canvas and Moodle import.

A template is the file that the system itself exports: its column of a chapter is filled, every other cell stays. What
a person has yet to grade is left empty and told, and so is what nobody handed in.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory

from autograder.course import ChapterEntry, Course
from autograder.errors import refuse
from autograder.gradebook import load_config
from autograder.lms import Person, Roster, chapter_of

To = Literal["canvas", "moodle"]
EXCUSED = "EX"  # Canvas' mark
POSSIBLE = "Points Possible"
CANVAS_COLUMNS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
WORKSHEET = ["Identifier", "Grade", "Maximum grade"]
COMMENTS = "Feedback comments"
TEST_STUDENT = "Student, Test"
HOURS = 3600


@dataclass(frozen=True)
class Mark:
    """One student's result in one chapter.

    score: the points after the penalty for lateness; None if there is nothing to export.
    seconds_late, penalty: after the due date and the student's extension; points lost.
    waits: whether a person has to grade something first.
    """

    score: float | None = None
    seconds_late: float = 0
    penalty: float = 0
    waits: bool = False
    excused: bool = False

    def cell(self, missing_as_zero: bool = False) -> str:
        """The score as text, with at most two places; empty if there is none."""
        if self.excused or self.waits:
            return ""
        if self.score is None:
            return "0" if missing_as_zero else ""
        return f"{self.score:.2f}".rstrip("0").rstrip(".")

    def comment(self, language: str) -> str:
        """How late it was and what that cost; empty if it was not."""
        if self.excused:
            return "免交" if language == "zh" else "Excused"
        if self.score is None or self.waits or self.seconds_late <= 0:
            return ""
        hours = self.seconds_late / HOURS
        if language == "zh":
            return f"迟交 {hours:.1f} 小时，扣 {self.penalty:.2f} 分"
        return f"Handed in {hours:.1f} hours late: {self.penalty:.2f} points lost"


@dataclass
class Exported:
    """The text of a CSV, and what a person should know about it. filled: how many scores it has."""

    text: str = ""
    filled: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class Grades:
    """The marks of some chapters: by chapter, by student."""

    course: Course
    roster: Roster
    marks: dict[str, dict[str, Mark]]
    missing_as_zero: bool = False

    def of(self, chapter: str, student: str) -> Mark:
        return self.marks[chapter].get(student, Mark())

    def cell(self, chapter: str, student: str) -> str:
        return self.of(chapter, student).cell(self.missing_as_zero)

    def notes(self) -> Iterator[str]:
        """What stays empty although there is a submission, and who is excused."""
        for chapter, marks in self.marks.items():
            for student, mark in sorted(marks.items()):
                if mark.excused:
                    yield f"{chapter}, {student}: excused"
                elif mark.waits:
                    yield f"{chapter}, {student}: left empty, because a person has to grade something first"


def read_grades(
    course: Course, chapters: Sequence[str] = (), excused: Path | None = None, missing_as_zero: bool = False
) -> Grades:
    """What the gradebook holds of some chapters, or of all that it has. Raises CourseError if it has none."""
    url = CourseDirectory(config=load_config(course.root)).db_url
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not path.exists():
        refuse(f"{path}: no such file: grade first, with `atlas grade`")
    excuses = _read_excused(excused, course) if excused else {}
    with Gradebook(url, course.name) as gradebook:
        people = [Person.of(student) for student in gradebook.students]
        marks = {}
        for entry in course.written:
            if chapters and entry.name not in chapters:
                continue
            try:
                worth = gradebook.find_assignment(entry.name).max_score
            except MissingEntry:
                if chapters:
                    refuse(f"{entry.name}: the gradebook has no grades of it: grade first, with `atlas grade`")
                continue
            if abs(worth - entry.points) > 1e-6:
                refuse(
                    f"{entry.name}: worth {entry.points:g} points in course.yml, {worth:g} in the gradebook: run "
                    f"`atlas build` and `atlas grade {entry.name}`"
                )
            marks[entry.name] = {
                s.student.id: Mark(
                    max(0.0, s.score - (s.late_submission_penalty or 0.0)),
                    s.total_seconds_late,
                    s.late_submission_penalty or 0.0,
                    bool(s.needs_manual_grade),
                )
                for s in gradebook.assignment_submissions(entry.name)
            }
    known = {person.id for person in people}
    for chapter, students in excuses.items():
        for student in students:
            if student not in known:
                refuse(f"{excused}: the gradebook has no student {student!r}: write the id that nbgrader knows")
            if chapter in marks:
                marks[chapter][student] = Mark(excused=True)
    if not marks:
        refuse("the gradebook has no chapter of this course: grade first, with `atlas grade`")
    return Grades(course, Roster(people), marks, missing_as_zero)


def _read_excused(path: Path, course: Course) -> dict[str, list[str]]:
    """The students excused of each chapter: `ch04_activations: [ada, bob]`."""
    how = "write one line a chapter, such as `ch04_activations: [ada, bob]`"
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        refuse(f"{path}: cannot be read: {error}: {how}")
    if not isinstance(data, dict) or not all(isinstance(value, list) for value in data.values()):
        refuse(f"{path}: {how}")
    for chapter in data:
        course.chapter(str(chapter))
    return {str(chapter): [str(student) for student in students] for chapter, students in data.items()}


@dataclass
class Sheet:
    """A CSV file as its system wrote it: rows of cells, and how they are separated."""

    path: Path
    rows: list[list[str]]
    delimiter: str
    newline: str
    marked: bool

    @property
    def head(self) -> list[str]:
        return self.rows[0]

    def column(self, name: str) -> int | None:
        names = [cell.strip() for cell in self.head]
        return names.index(name) if name in names else None

    def cell(self, row: list[str], name: str) -> str:
        index = self.column(name)
        return row[index].strip() if index is not None and index < len(row) else ""

    def text(self) -> str:
        return ("\ufeff" if self.marked else "") + _written(self.rows, self.delimiter, self.newline)


def read_sheet(path: Path, needed: Sequence[str], whence: str) -> Sheet:
    """A template. Raises CourseError if it is none, or lacks a column. whence: where one gets it."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{path}: cannot be read as CSV in UTF-8: {error}. {whence}")
    marked, text = text.startswith("\ufeff"), text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    newline = "\r\n" if first.endswith("\r") else "\n"
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    sheet = Sheet(path, rows or [[]], delimiter, newline, marked)
    if lacking := [name for name in needed if sheet.column(name) is None]:
        refuse(f"{path}: has no column {', '.join(lacking)}. {whence}")
    for row in sheet.rows[1:]:
        if row:
            row += [""] * (len(sheet.head) - len(row))
    return sheet


def to_canvas(grades: Grades, template: Path | None = None, column: str | None = None) -> Exported:
    """A gradebook for Canvas. column: the template's head of the one chapter exported, if it does not name it."""
    if template is None:
        return _new_canvas(grades)
    sheet = read_sheet(
        template, ["Student", "ID"], "Take the file that Canvas' gradebook exports (Export, Entire Gradebook)"
    )
    columns = _chapter_columns(sheet, grades, column)
    found = Exported(notes=list(grades.notes()))
    possible = [row for row in sheet.rows[1:4] if row and row[0].strip() == POSSIBLE]
    for chapter, index in columns.items():
        for row in possible:
            _same_points(template, sheet.head[index], row[index], grades.course.chapter(chapter))
    for row in sheet.rows[1:]:
        if not row or row in possible or not sheet.cell(row, "ID") or sheet.cell(row, "Student") == TEST_STUDENT:
            continue
        person = _one(found, sheet.cell(row, "Student"), _canvas_people(sheet, row, grades.roster))
        if person is None:
            continue
        for chapter, index in columns.items():
            mark = grades.of(chapter, person.id)
            if row[index].strip() == EXCUSED and not mark.excused:
                found.notes.append(f"{chapter}, {person.id}: stays {EXCUSED}, as in {template.name}")
                continue
            row[index] = EXCUSED if mark.excused else grades.cell(chapter, person.id)
            found.filled += bool(row[index])
    found.text = sheet.text()
    return found


def _chapter_columns(sheet: Sheet, grades: Grades, column: str | None) -> dict[str, int]:
    """Which column holds each chapter."""
    if column is not None:
        index = sheet.column(column)
        if index is None or len(grades.marks) != 1:
            refuse(f"--column {column!r}: name one of the heads of {sheet.path}, and one --chapter")
        return {next(iter(grades.marks)): index}
    names = [entry.name for entry in grades.course.chapters]
    columns: dict[str, int] = {}
    for index, head in enumerate(sheet.head):
        chapter = chapter_of(re.sub(r"\(\d+\)\s*$", "", head), names)
        if chapter in columns:
            refuse(f"{sheet.path}: both {sheet.head[columns[chapter]]!r} and {head!r} mean {chapter}: say --column")
        if chapter in grades.marks:
            columns[chapter] = index
    if not columns:
        refuse(
            f"{sheet.path}: no column names {' or '.join(grades.marks)}: say which it is with --chapter and --column, "
            "or call the assignment on Canvas as the chapter"
        )
    return columns


def _canvas_people(sheet: Sheet, row: list[str], roster: Roster) -> list[Person]:
    number = sheet.cell(row, "ID")
    if found := [p for p in roster.people if p.lms_user_id == number]:
        return found
    for name in ("SIS User ID", "SIS Login ID"):
        if found := roster.by_key(sheet.cell(row, name)):
            return found
    return roster.on_canvas(sheet.cell(row, "Student"), number)


def _one(found: Exported, called: str, people: list[Person]) -> Person | None:
    """The one student meant; otherwise a note, and the row stays as it is."""
    if len(people) == 1:
        return people[0]
    who = f"could be {', '.join(p.id for p in people)}" if people else "is nobody in the gradebook"
    found.notes.append(f"{called}: {who}: the row stays as it is; `nbgrader db student import` tells who is who")
    return None


def _same_points(template: Path, head: str, said: str, entry: ChapterEntry) -> None:
    number = _number(said)
    if number is not None and abs(number - entry.points) > 1e-6:
        refuse(
            f"{template}: {head!r} is worth {number:g} points there, and {entry.name} {entry.points:g} in course.yml: "
            "make them the same"
        )


def _number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _written(rows: list[list[str]], delimiter: str = ",", newline: str = "\n") -> str:
    made = io.StringIO()
    csv.writer(made, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return made.getvalue()


def _new_canvas(grades: Grades) -> Exported:
    found = Exported(notes=list(grades.notes()))
    chapters = list(grades.marks)
    worth = [f"{grades.course.chapter(name).points:g}" for name in chapters]
    rows = [[*CANVAS_COLUMNS, *chapters], [f"    {POSSIBLE}", "", "", "", "", *worth]]
    for p in grades.roster.people:
        cells = [EXCUSED if grades.of(c, p.id).excused else grades.cell(c, p.id) for c in chapters]
        name = ", ".join(filter(None, (p.last_name, p.first_name))) or p.id
        rows.append([plain(name), plain(p.lms_user_id), "", plain(p.id), "", *cells])
        found.filled += sum(map(bool, cells))
        if not p.lms_user_id:
            found.notes.append(f"{p.id}: has no lms_user_id: Canvas will look for the login {p.id}")
    found.text = "\ufeff" + _written(rows)
    return found


def to_moodle(grades: Grades, template: Path | None = None) -> Exported:
    """The grading worksheet of one assignment filled in; without it, a CSV for the import of Moodle's gradebook."""
    if template is None:
        return _new_moodle(grades)
    if len(grades.marks) != 1:
        refuse("a grading worksheet of Moodle's is about one assignment: say which chapter it is with --chapter")
    sheet = read_sheet(
        template, WORKSHEET, "Take the assignment's grading worksheet (Download grading worksheet), in English"
    )
    (chapter,) = grades.marks
    entry = grades.course.chapter(chapter)
    grade = [cell.strip() for cell in sheet.head].index("Grade")
    comments = sheet.column(COMMENTS)
    found = Exported(notes=list(grades.notes()))
    for row in filter(None, sheet.rows[1:]):
        worth = sheet.cell(row, "Maximum grade")
        _same_points(template, "Maximum grade", worth, entry)
        called = sheet.cell(row, "Full name") or sheet.cell(row, "Identifier")
        said = {name: sheet.cell(row, name) for name in ("Email address", "ID number", "Full name")}
        person = _one(found, called, grades.roster.on_moodle(called, said))
        if person is None:
            continue
        if sheet.cell(row, "Grade can be changed") == "No":
            found.notes.append(f"{person.id}: Moodle says that this grade cannot be changed: the row stays as it is")
            continue
        mark = grades.of(chapter, person.id)
        cell = grades.cell(chapter, person.id)
        row[grade] = cell.replace(".", ",") if "," in worth else cell
        found.filled += bool(cell)
        comment = mark.comment(grades.course.language)
        if comment and comments is not None and comment not in row[comments]:
            row[comments] = f"{row[comments]} {comment}".strip()
    found.text = sheet.text()
    return found


def _new_moodle(grades: Grades) -> Exported:
    found = Exported(notes=list(grades.notes()))
    chapters = list(grades.marks)
    language = grades.course.language
    late = [c for c in chapters if any(mark.comment(language) for mark in grades.marks[c].values())]
    rows = [["First name", "Last name", "ID number", "Email address", *chapters, *(f"{c} (feedback)" for c in late)]]
    for p in grades.roster.people:
        cells = [grades.cell(c, p.id) for c in chapters]
        said = [grades.of(c, p.id).comment(language) for c in late]
        who = [p.first_name, p.last_name, p.lms_user_id or p.id, p.email]
        rows.append([*map(plain, who), *cells, *said])
        found.filled += sum(map(bool, cells))
    found.text = _written(rows)
    return found


def export(grades: Grades, to: To, out: Path, template: Path | None = None, column: str | None = None) -> Exported:
    """Write the CSV. Raises CourseError if `out` exists: a gradebook is never overwritten."""
    if out.exists():
        refuse(f"{out}: is there already: name another file with --out, or remove it")
    found = to_canvas(grades, template, column) if to == "canvas" else to_moodle(grades, template)
    with out.open("x", encoding="utf-8", newline="") as file:
        file.write(found.text)
    return found
