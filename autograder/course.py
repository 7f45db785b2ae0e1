"""The manifest, course.yml: which chapters and exercises there are, their points, due dates and limits.

Everything that is read from it is checked here, and an error names file, line and key and says what to do.
"""

import difflib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PrivateAttr, Strict, ValidationError

from autograder.errors import refuse
from autograder.yaml_text import Document, Location, shown

FILE = "course.yml"
Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
SECONDS_PER_DAY = 86400


class Entry(BaseModel):
    """A mapping of a YAML file of the course. Every field's description completes the sentence "`key` is …"."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


AnEntry = TypeVar("AnEntry", bound=Entry)


class Title(Entry):
    """A title in both languages."""

    en: str = Field(min_length=1, description="the English title")
    zh: str = Field(min_length=1, description="the Chinese title")

    def of(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class Limits(Entry):
    """What one student's code may use. A chapter may set some of them anew."""

    cell_seconds: float = Field(default=20, gt=0, description="the wall-clock limit of one notebook cell, in seconds")
    case_seconds: float = Field(default=10, gt=0, description="the wall-clock limit of one case, in seconds")
    exercise_seconds: float = Field(
        default=60, gt=0, description="the wall-clock limit of all cases of one exercise, in seconds"
    )
    memory_mb: int = Field(default=2048, gt=0, description="the resident memory of all processes together, in MB")
    processes: int = Field(default=32, gt=0, description="the number of processes and threads")
    tmp_mb: int = Field(default=64, gt=0, description="the size of the private /tmp, in MB")
    result_mb: int = Field(default=64, gt=0, description="the size of what one call may return, in MB")


class LatePenalty(Entry):
    """What a late submission loses."""

    per_day: float = Field(
        default=0.0, ge=0, le=1, description="the share of the score lost for each day begun, 0 to 1"
    )
    at_most: float = Field(default=1.0, ge=0, le=1, description="the greatest share that can be lost, 0 to 1")
    grace_minutes: int = Field(default=0, ge=0, description="the minutes after the due date that cost nothing")

    def share(self, seconds_late: float) -> float:
        """The share of the score that a submission so late loses."""
        late = seconds_late - 60 * self.grace_minutes
        if late <= 0:
            return 0.0
        return min(self.at_most, self.per_day * math.ceil(late / SECONDS_PER_DAY))


class Gradescope(Entry):
    """How submissions are judged and shown on Gradescope; see docs/otter_gradescope.md."""

    student: Literal["email_name", "email", "sid", "id", "name"] = Field(
        default="email_name",
        description="what of Gradescope's is a student's id here: email_name (before the @), email, sid, id or name",
    )
    hidden_detail: Literal["after_published", "hidden"] = Field(
        default="after_published", description="when students see each hidden case: after_published, or hidden (never)"
    )
    minutes: float = Field(default=10, ge=2, le=40, description="the time limit that is set on Gradescope, in minutes")
    allow_unsandboxed: bool = Field(
        default=False, description="true to judge without any sandbox where none can be had, for a class that you trust"
    )


class Part(Entry):
    """A part of the course, such as Foundations."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="a short name in lower case, such as foundations")
    title: Title = Field(description="{en: …, zh: …}")
    limits: Limits = Field(default=Limits(), description="limits that differ from the course's")


class ExerciseEntry(Entry):
    """One exercise: a function or class that a student writes."""

    name: str = Field(pattern=NAME, description="the name of the function or class in reference.py")
    equation: str = Field(
        default="",
        pattern=r"^(\d+\.\d+(, \d+\.\d+)*)?$",
        description='the Atlas equations as a quoted string, such as "4.4" or "4.4, 9.3"',
    )
    points: float = Field(gt=0, allow_inf_nan=False, description="what a right answer is worth, a number above 0")
    difficulty: int = Field(ge=1, le=5, description="a whole number from 1 to 5")
    minutes: int = Field(gt=0, description="how long a student needs, in whole minutes")
    speed: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="how many times as fast as the baseline it must be"
    )


class EssayEntry(Entry):
    """One question that a person grades."""

    name: str = Field(pattern=NAME, description="the name after `+++` in en.md and zh.md")
    points: float = Field(gt=0, allow_inf_nan=False, description="what a full answer is worth, a number above 0")


class ChapterEntry(Entry):
    """One chapter or lab."""

    name: str = Field(
        pattern=r"^(ch|lab)\d\d_[a-z0-9_]+$", description="the folder's name, such as ch04_activations or lab02_softmax"
    )
    part: str = Field(description="the name of one of the parts")
    title: Title = Field(description="{en: …, zh: …}")
    written: bool = Field(default=False, description="true once en.md and zh.md exist; builds leave out the others")
    due: Annotated[AwareDatetime, Strict(False)] | None = Field(
        default=None, description="a date and time with its zone, such as 2026-03-01T23:59:00+08:00"
    )
    limits: Limits = Field(default=Limits(), description="limits that differ from the part's and the course's")
    exercises: list[ExerciseEntry] = Field(
        default=[], description="a list of {name, equation, points, difficulty, minutes}"
    )
    essays: list[EssayEntry] = Field(default=[], description="a list of {name, points}")

    @property
    def points(self) -> float:
        return sum(e.points for e in self.exercises) + sum(e.points for e in self.essays)

    @property
    def is_lab(self) -> bool:
        """Whether its answers are kernels."""
        return self.name.startswith("lab")

    def exercise(self, name: str) -> ExerciseEntry:
        for entry in self.exercises:
            if entry.name == name:
                return entry
        refuse(
            f"{FILE}: chapter {self.name} has no exercise {name!r}{_nearest(name, [e.name for e in self.exercises])}"
        )


class Course(Entry):
    """course.yml as a whole. Chapters carry the course's limits, their part's laid over them, their own over both."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$", description="the course's id for nbgrader, in lower case")
    title: Title = Field(description="{en: …, zh: …}")
    language: Language = Field(default="en", description="the language of the class, en or zh")
    repository: str = Field(
        default="",
        pattern=r"^((https|file)://[^\s\"\\]+)?$",
        description="where git can clone the course without a password, such as https://host/name.git; for Colab",
    )
    late: LatePenalty = Field(default=LatePenalty(), description="what a late submission loses")
    limits: Limits = Field(default=Limits(), description="what one student's code may use")
    gradescope: Gradescope = Field(default=Gradescope(), description="how submissions are judged on Gradescope")
    parts: list[Part] = Field(min_length=1, description="a list of {name, title}")
    chapters: list[ChapterEntry] = Field(min_length=1, description="a list of chapters and labs, in order")
    _root: Path = PrivateAttr(Path())

    @property
    def root(self) -> Path:
        """The folder that holds course.yml."""
        return self._root

    @property
    def written(self) -> list[ChapterEntry]:
        """The chapters that a build makes, in order."""
        return [entry for entry in self.chapters if entry.written]

    def chapter(self, name: str) -> ChapterEntry:
        for entry in self.chapters:
            if entry.name == name:
                return entry
        refuse(f"{FILE} has no chapter {name!r}{_nearest(name, [entry.name for entry in self.chapters])}")

    def release(self, chapter: str, language: str) -> Path:
        """Where `atlas build` puts a chapter's stub notebook."""
        return self.root / "assignments" / language / chapter / f"{chapter}.ipynb"

    def releases(self, chapter: str) -> dict[str, Path]:
        """The same by language."""
        return {language: self.release(chapter, language) for language in LANGUAGES}


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds course.yml."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    refuse(f"no {FILE} in {start} or in a folder above it: run this inside the course's folder")


def load_course(root: Path) -> Course:
    """course.yml of a folder, checked. Raises CourseError with every problem found."""
    path = Path(root) / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        refuse(f"{path}: no such file: run this inside the course's folder")
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{path}: cannot be read as UTF-8 text: {error}")
    document = Document(path, text)
    course = validated(document, Course)
    document.refuse(list(_inconsistencies(course)))
    course._root = Path(root).resolve()
    parts = {part.name: part.limits for part in course.parts}
    course.chapters[:] = [_with_limits(entry, course.limits, parts[entry.part]) for entry in course.chapters]
    return course


def validated(document: Document, model: type[AnEntry]) -> AnEntry:
    """What a document holds. Raises CourseError with every problem found."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        document.refuse([(e["loc"], _explain(e, model)) for e in error.errors()])
        raise


def _with_limits(entry: ChapterEntry, limits: Limits, of_part: Limits) -> ChapterEntry:
    own = of_part.model_dump(exclude_unset=True) | entry.limits.model_dump(exclude_unset=True)
    return entry.model_copy(update={"limits": limits.model_copy(update=own)})


def _model(location: Location, model: type[BaseModel]) -> type[BaseModel]:
    """The model whose keys stand at a location."""
    for step in location:
        if isinstance(step, str):
            annotation = model.model_fields[step].annotation
            candidates = [annotation, *get_args(annotation)]
            model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return model


def _explain(error: Any, top: type[BaseModel]) -> str:
    """What is wrong at one place, and what to write there."""
    location, kind, got = error["loc"], error["type"], shown(error["input"])
    if kind == "extra_forbidden":
        keys = list(_model(location[:-1], top).model_fields)
        return f"unknown key{_nearest(str(location[-1]), keys)}"
    if kind == "missing":
        description = _model(location[:-1], top).model_fields[str(location[-1])].description
        return f"missing: add it; it is {description}"
    if kind in ("model_type", "model_attributes_type"):
        return f"expected the keys {', '.join(_model(location, top).model_fields)}, got {got}"
    fields = (_model(location[:i], top).model_fields.get(str(location[i])) for i in range(len(location) - 1, -1, -1))
    field = next(field for field in fields if field)
    return f"got {got}: it is {field.description}"


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f": did you mean {near[0]!r}?"
    return f": there are {', '.join(known)}" if known else ""


def _inconsistencies(course: Course) -> Iterator[tuple[Location, str]]:
    """What is wrong between entries that are each well formed."""
    yield from _twice(("parts",), [part.name for part in course.parts])
    yield from _twice(("chapters",), [entry.name for entry in course.chapters])
    parts = [part.name for part in course.parts]
    for i, chapter in enumerate(course.chapters):
        here: Location = ("chapters", i)
        if chapter.part not in parts:
            yield (*here, "part"), f"no part is called {chapter.part!r}{_nearest(chapter.part, parts)}"
        exercises = [e.name for e in chapter.exercises]
        yield from _twice((*here, "exercises"), exercises)
        yield from _twice((*here, "essays"), [e.name for e in chapter.essays])
        for j, essay in enumerate(chapter.essays):
            if essay.name in exercises:
                yield (
                    (*here, "essays", j, "name"),
                    f"{essay.name!r} is an exercise of this chapter too: rename the essay",
                )
        if chapter.written and not exercises:
            yield (*here, "written"), "a written chapter needs exercises: list them, or say `written: false`"


def _twice(where: Location, names: list[str]) -> Iterator[tuple[Location, str]]:
    for i, name in enumerate(names):
        if name in names[:i]:
            yield (*where, i, "name"), f"{name!r} stands here twice: rename or remove one"
