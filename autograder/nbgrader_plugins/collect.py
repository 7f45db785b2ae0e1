"""`nbgrader zip_collect` for what Canvas, Moodle and Blackboard let one download."""

import csv
import os
import re
import shutil
import tarfile
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import parser as dates
from nbgrader.api import Gradebook
from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from nbgrader.utils import parse_utc, unzip
from traitlets import Enum, Float, Unicode

from autograder.course import Course, load_course
from autograder.errors import refuse
from autograder.lms import SYSTEMS, FileName, Person, Roster, chapter_of, parse

PARTICIPANT = re.compile(r"\d+")
HANDED_OUT = {"checks.py", "exercises.json"}


def read_roster(db_url: str, course_id: str) -> Roster:
    """The students of a gradebook; nobody if it does not exist yet."""
    path = Path(db_url.removeprefix("sqlite:///"))
    if db_url.startswith("sqlite:///") and not path.exists():
        return Roster([])
    with Gradebook(db_url, course_id) as gradebook:
        return Roster(map(Person.of, gradebook.students))


@dataclass(frozen=True)
class Candidate:
    """A notebook of the chapter that is collected, and whose it is. time: when it was handed in, if that is known."""

    path: Path
    student: str
    name: FileName | None
    time: datetime | None = None

    @property
    def rank(self) -> tuple[float, int, int]:
        """The latest has the highest."""
        time = self.time.timestamp() if self.time else 0.0
        return (time, self.name.order, self.name.copy) if self.name else (time, 0, 0)


@dataclass
class Plan:
    """Which files are collected, and for all others why not."""

    taken: dict[Path, Candidate] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Planner:
    """Decides over all files of one chapter's archive together."""

    def __init__(self, course: Course, chapter: str, extracted: Path, submitted: str, roster: Roster, system: str = ""):
        self.course = course
        self.chapters = [entry.name for entry in course.chapters]
        self.chapter = chapter
        self.extracted = extracted
        self.submitted = submitted
        self.roster = roster
        self.system: Any = system or None
        due = course.chapter(chapter).due
        self.zone: tzinfo = due.tzinfo if due and due.tzinfo else UTC
        self.worksheet: dict[str, dict[str, str]] = {}
        self.users: dict[str, str] = {}
        self.result = Plan()

    def plan(self) -> Plan:
        """Look at every file. Nothing is left out without a line that says so."""
        files = sorted(path for path in self.extracted.rglob("*") if path.is_symlink() or not path.is_dir())
        self.worksheet = self._worksheet(files)
        self.users = self._blackboard_users(files)
        by_student: dict[str, list[Candidate]] = defaultdict(list)
        others: dict[str, list[Path]] = defaultdict(list)
        for path in files:
            if path.is_symlink() or not path.is_file():
                self._problem(path, "is a link or no plain file: ask the student for the notebook itself")
            elif path.suffix.lower() == ".ipynb":
                if found := self._candidate(path):
                    by_student[found.student].append(found)
            elif path.name not in HANDED_OUT and (name := parse(path.relative_to(self.extracted), self.system)):
                people, _ = self._people(name)
                if len(people) == 1 and not (name.system == "blackboard" and path.suffix == ".txt"):
                    others[people[0].id].append(path)
        for student, candidates in by_student.items():
            self._choose(student, candidates)
        for student in others.keys() - by_student.keys():
            for path in others[student]:
                self._problem(path, f"is no notebook, and {student} handed in no other: ask for {self.chapter}.ipynb")
        return self.result

    def _problem(self, path: Path, what: str) -> None:
        self.result.problems.append(f"{path.relative_to(self.extracted)}: {what}")

    def _candidate(self, path: Path) -> Candidate | None:
        relative = path.relative_to(self.extracted)
        name = parse(relative, self.system)
        if name is None:
            return self._plain(path)
        if not self._is_of_chapter(path, name.file):
            return None
        people, who = self._people(name)
        if len(people) == 1:
            return Candidate(path, people[0].id, name, self._time(name))
        if not people and name.system == "blackboard" and not len(self.roster):
            user = self.users.get(_attempt(name), name.student.rpartition("_")[2])
            if _is_id(user):
                return Candidate(path, user, name, self._time(name))
        if people:
            ids = ", ".join(person.id for person in people)
            self._problem(
                path,
                f"{who} could be {ids}: give each a lms_user_id or an email by `nbgrader db student import`"
                + (", or put Moodle's grading worksheet into archive/" if name.system == "moodle" else ""),
            )
        else:
            self._problem(
                path,
                f"nobody in the gradebook is {who}: add the student by `nbgrader db student import` (columns id, "
                "first_name, last_name, email, lms_user_id)",
            )
        return None

    def _is_of_chapter(self, path: Path, file: str) -> bool:
        meant = chapter_of(file, self.chapters)
        if meant == self.chapter:
            return True
        if meant:
            self._problem(path, f"is {meant}, and {self.chapter} is collected: put it into downloaded/{meant}/archive")
        else:
            self._problem(
                path,
                f"does not say which chapter it is: if it is this one, put it into archive/ as "
                f"STUDENT_{self.chapter}.ipynb",
            )
        return False

    def _plain(self, path: Path) -> Candidate | None:
        """`<student>_<chapter>.ipynb`, with anything between them, as one names files by hand."""
        known = [p.id for p in self.roster.people if path.name.startswith(f"{p.id}_")]
        student = max(known, key=len) if known else path.name.partition("_")[0]
        rest = path.name[len(student) + 1 :]
        if chapter_of(rest, self.chapters) is None and chapter_of(path.name, self.chapters) == self.chapter:
            self._problem(path, f"does not say whose it is: rename it STUDENT_{self.chapter}.ipynb")
            return None
        if not self._is_of_chapter(path, rest):
            return None
        if not _is_id(student):
            self._problem(path, f"{student!r} cannot be a student's id: rename it STUDENT_{self.chapter}.ipynb")
            return None
        if not known and len(self.roster):
            self.result.notes.append(f"{path.name}: {student} is new to the gradebook")
        return Candidate(path, student, None)

    def _people(self, name: FileName) -> tuple[list[Person], str]:
        """Who can be meant, and how the system calls them."""
        if name.system == "canvas":
            return self.roster.on_canvas(name.student, name.number), f"{name.student} (Canvas user {name.number})"
        if name.system == "moodle":
            row = self.worksheet.get(name.number)
            return self.roster.on_moodle(name.student, row), f"{name.student} (Moodle participant {name.number})"
        if user := self.users.get(_attempt(name)):
            return self.roster.by_key(user), f"{user} (Blackboard)"
        return self.roster.on_blackboard(name.student), f"{name.student} (Blackboard)"

    def _time(self, name: FileName) -> datetime | None:
        if name.time:
            return name.time.replace(tzinfo=self.zone)
        said = (self.worksheet.get(name.number) or {}).get("Last modified (submission)", "")
        if name.system != "moodle" or not re.search(r"\d", said):
            return None
        try:
            return dates.parse(said).replace(tzinfo=self.zone)
        except (ValueError, OverflowError):
            self.result.notes.append(f"the worksheet's time {said!r} cannot be read: taken as handed in on time")
            return None

    def _choose(self, student: str, candidates: list[Candidate]) -> None:
        """The latest counts; where nothing says which is the latest, none does."""
        latest = max(candidates, key=lambda found: found.rank)
        rivals = [
            c
            for c in candidates
            if c is not latest and (c.rank == latest.rank or (c.time is None) != (latest.time is None))
        ]
        if any(rival.path.read_bytes() != latest.path.read_bytes() for rival in rivals):
            for found in candidates:
                self._problem(found.path, f"{student} handed in several, and nothing says which is the last: leave one")
            return
        if (held := self._held_since(student)) and latest.time and held > latest.time:
            self._problem(latest.path, f"what is collected of {student} already is newer ({held:%Y-%m-%d %H:%M} UTC)")
            return
        self.result.taken[latest.path] = latest
        for older in candidates:
            if older is not latest:
                path = older.path.relative_to(self.extracted)
                self.result.notes.append(f"{path}: not taken, {latest.path.name} of {student}'s is later or the same")
        if latest.name and latest.name.late and latest.time is None:
            folder = self.submitted.replace("{student}", student)
            self.result.notes.append(
                f"{student}: late, says Canvas, but not how late. For a penalty write the time into "
                f"{folder}/timestamp.txt, such as 2026-03-02 10:00:00 UTC"
            )

    def _held_since(self, student: str) -> datetime | None:
        path = Path(self.submitted.replace("{student}", student)) / "timestamp.txt"
        try:
            return parse_utc(path.read_text(encoding="utf-8").strip()).replace(tzinfo=UTC)
        except (OSError, ValueError):
            return None

    def _worksheet(self, files: list[Path]) -> dict[str, dict[str, str]]:
        """Moodle's grading worksheet by participant number, if staff put it into archive/ itself."""
        rows = {}
        for path in files:
            if path.suffix.lower() == ".csv" and path.parent == self.extracted and not parse(Path(path.name)):
                with path.open(encoding="utf-8-sig", newline="") as file:
                    for row in csv.DictReader(file):
                        if found := PARTICIPANT.search(row.get("Identifier") or ""):
                            rows[found.group()] = row
        return rows

    def _blackboard_users(self, files: list[Path]) -> dict[str, str]:
        """The user names that Blackboard's text files give, by attempt: `Name: Jane Doe (jdoe)`."""
        users = {}
        for path in files:
            name = parse(path.relative_to(self.extracted), self.system) if path.suffix == ".txt" else None
            if name and name.system == "blackboard" and not name.file and path.is_file():
                first = path.read_text(encoding="utf-8-sig", errors="replace").partition("\n")[0]
                if (found := re.fullmatch(r"Name: .*\(([^()]+)\)\s*", first)) and name.student.endswith(found.group(1)):
                    users[_attempt(name)] = found.group(1)
        return users


def _attempt(name: FileName) -> str:
    return f"{name.student}@{name.time}"


def _is_id(text: str) -> bool:
    """Whether a text can be a student's id, which is a folder's name too."""
    return bool(text) and not text.startswith(".") and not re.search(r"[/\\\x00]", text)


class LmsCollector(FileNameCollectorPlugin):
    """Finds the student, the chapter and the time in the names that Canvas, Moodle and Blackboard give.

    All files are looked at together: of one student's the latest is collected, and every file that is not gets a line
    in the log and in `downloaded/<chapter>/not_collected.txt`.
    """

    system = Enum(
        ["", *SYSTEMS], "", help="Whose names these are: canvas, moodle, blackboard; found out if not given"
    ).tag(config=True)

    timezone = Unicode(
        "", help="The time zone of Blackboard's and Moodle's times, such as Asia/Shanghai; the due date's if not given"
    ).tag(config=True)

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._plan: Plan | None = None
        self._left: set[str] = set()

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """The student, chapter and time of a file; None for one that is not collected."""
        if self._plan is None:
            self._plan = self._planned()
        self._left.discard(submitted_file)
        if not self._left:
            self._tell(self._plan)
        found = self._plan.taken.get(Path(submitted_file))
        if found is None:
            return None
        info = {"student_id": found.student, "file_id": self.parent.coursedir.assignment_id}
        return info | ({"timestamp": found.time.isoformat()} if found.time else {})

    def _planned(self) -> Plan:
        coursedir, app = self.parent.coursedir, self.parent
        extracted = Path(app._format_collect_path(app.extracted_directory))
        self._left = {os.path.join(root, name) for root, _, names in os.walk(extracted) for name in names}
        course = load_course(Path(coursedir.root))
        chapter = coursedir.assignment_id
        submitted = coursedir.format_path(coursedir.submitted_directory, "{student}", chapter)
        roster = read_roster(coursedir.db_url, coursedir.course_id)
        planner = Planner(course, chapter, extracted, submitted, roster, self.system)
        if self.timezone:
            try:
                planner.zone = ZoneInfo(self.timezone)
            except (ZoneInfoNotFoundError, ValueError):
                refuse(f"LmsCollector.timezone: no zone {self.timezone!r}: write one such as Asia/Shanghai")
        return planner.plan()

    def _tell(self, plan: Plan) -> None:
        for line in plan.notes:
            self.log.info("%s", line)
        for line in plan.problems:
            self.log.warning("NOT COLLECTED %s", line)
        app = self.parent
        listed = Path(app._format_collect_path(app.extracted_directory)).parent / "not_collected.txt"
        if plan.problems:
            listed.write_text("\n".join(plan.problems) + "\n", encoding="utf-8")
            self.log.warning("not collected: %d. %s lists them", len(plan.problems), listed)
        else:
            listed.unlink(missing_ok=True)


class LmsExtractor(ExtractorPlugin):
    """Unpacks what was downloaded; an archive of a student's that is broken or too large stays as it is."""

    limit_mb = Float(500, help="What a student's own archive may hold, in MB").tag(config=True)
    depth = 3

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack the archives of a folder, then those that students handed in."""
        top = Path(archive_path)
        for path in sorted(path for path in top.rglob("*") if path.is_file()):
            target = Path(extracted_path) / path.parent.relative_to(top)
            target.mkdir(parents=True, exist_ok=True)
            if path.suffix in self.zip_ext:
                unzip(str(path), str(target), zip_ext=self.zip_ext, create_own_folder=True)
            else:
                shutil.copy(path, target / path.name)
        seen: set[Path] = set()
        for _ in range(self.depth):
            for path in sorted(Path(extracted_path).rglob("*")):
                if path.suffix in self.zip_ext and path.is_file() and path not in seen:
                    seen.add(path)
                    self._unpack(path)

    def _unpack(self, path: Path) -> None:
        try:
            if (size := _unpacked_mb(path)) > self.limit_mb:
                self.log.warning("%s: would unpack to %.0f MB: left as it is", path, size)
                return
            unzip(str(path), str(path.parent), zip_ext=self.zip_ext, create_own_folder=True)
        except Exception as error:  # whatever a student handed in must not stop the others
            self.log.warning("%s: cannot be unpacked, left as it is: %s", path, error)


def _unpacked_mb(path: Path) -> float:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return sum(info.file_size for info in archive.infolist()) / 1e6
    with tarfile.open(path) as archive:
        return sum(member.size for member in archive) / 1e6
