"""Judges one submission inside Gradescope's container and writes results.json.

    python -m autograder.gradescope --root /autograder --course /autograder/source/course --chapter ch04_activations

results.json is there from the first moment on, says of every exercise that is not judged yet that a person must look,
and is replaced whole after each exercise: whatever ends this process, what Gradescope finds is valid and true.
"""

import argparse
import contextlib
import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder.answers import Submission
from autograder.course import ChapterEntry, Course, ExerciseEntry, load_course
from autograder.errors import SandboxError
from autograder.judges import TRIES, clamped
from autograder.rendering import to_text
from autograder.store import attempt_of, course_secret, engine_digest
from autograder.submissions import SubmissionError, read_in_language, read_notebook
from autograder.verdicts import ExerciseVerdict
from autograder.workshop import Workshop

RESERVE_SECONDS = 30  # of Gradescope's time, for what comes before this program and after it
JUDGE_MB = 450  # what judge and zygote hold before any answer runs
LEAST_MB = 192

# (English, Chinese)
WORDS: dict[str, tuple[str, str]] = {
    "person": ("A person must look at this submission.", "这份提交需要人工查看。"),
    "unfinished": (
        "The judge did not get to the end. What is not judged is no zero: staff can run the autograder again.",
        "评测没有进行到底。未评测的部分不是零分：教师可以重新运行评测。",
    ),
    "time": (
        "Gradescope's time was nearly up. What is not judged is no zero: staff can give it more time and run it again.",
        "Gradescope 的时间即将用完。未评测的部分不是零分：教师可以延长时间后重新运行。",
    ),
    "not_judged": ("not judged: a person must look", "未评测：需要人工查看"),
    "waiting": ("Some points wait for a person or a GPU.", "部分分数等待人工评定或 GPU 评测。"),
    "hidden": ("hidden cases", "隐藏用例"),
    "hidden_count": ("hidden cases: {passed} of {total} passed", "隐藏用例：{total} 个中通过 {passed} 个"),
    "score": ("{score} of {most} points for the exercises", "练习得分 {score}，满分 {most}"),
    "unsandboxed": ("judged without a sandbox, as staff allowed", "未使用沙箱评测（教师已允许）"),
    "no_notebook": ("There is no notebook (.ipynb) in this submission.", "提交中没有 notebook（.ipynb）。"),
    "which": (
        "There are several notebooks, and none is the only one of {chapter}: {names}. Hand in one.",
        "提交中有多个 notebook，无法确定哪个属于 {chapter}：{names}。请只提交一个。",
    ),
    "points": ("points", "得分"),
    "faster": ("{name}: times as fast as {baseline}", "{name}：相对 {baseline} 的倍速"),
}


def words(key: str, language: str, **what: Any) -> str:
    english, chinese = WORDS[key]
    return (chinese if language == "zh" else english).format(**what)


class NoNotebook(Exception):
    """A submission without the one notebook that can be judged; the message is for the student."""


@dataclass
class Outcome:
    """What is known of a submission so far, and all that results.json is made from.

    unreadable: why no answer could be read, for the student: then all exercises have no points.
    problem: why not all is judged, if that is known.
    """

    entry: ChapterEntry
    hidden_detail: str
    language: str = "en"
    verdicts: dict[str, ExerciseVerdict] = field(default_factory=dict)
    notes: Sequence[str] = ()
    unreadable: str = ""
    problem: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_person(self) -> bool:
        """Whether anything is not decided."""
        found = [self.verdicts.get(exercise.name) for exercise in self.entry.exercises]
        return not self.unreadable and any(verdict is None or not verdict.settled for verdict in found)

    @property
    def score(self) -> float:
        """The points that are decided."""
        points = {exercise.name: exercise.points for exercise in self.entry.exercises}
        return round(sum(clamped(v.score, points[v.name]) for v in self.verdicts.values() if v.judged), 2)


def results(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """results.json, as Gradescope's "Autograder Specifications" describe it."""
    tests: list[dict[str, Any]] = []
    for number, exercise in enumerate(outcome.entry.exercises, 1):
        tests += _tests(outcome, exercise, number)
    made: dict[str, Any] = {
        "score": outcome.score,
        "execution_time": round(seconds, 2),
        "output": _headline(outcome),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "chapter": outcome.entry.name,
            "needs_person": outcome.needs_person,
            **outcome.extra,
        },
        "tests": tests,
    }
    if outcome.entry.is_lab:
        made["leaderboard"] = _leaderboard(outcome)
    return made


def _headline(outcome: Outcome) -> str:
    language = outcome.language
    if outcome.unreadable:
        return outcome.unreadable
    most = sum(exercise.points for exercise in outcome.entry.exercises)
    lines = [words("score", language, score=f"{outcome.score:g}", most=f"{most:g}")]
    if outcome.needs_person:
        waiting = all(e.name in outcome.verdicts and outcome.verdicts[e.name].judged for e in outcome.entry.exercises)
        why = words("waiting", language) if waiting else outcome.problem or words("unfinished", language)
        lines = [words("person", language), why, *lines]
    if outcome.extra.get("sandbox") == "unsandboxed":
        lines.append(words("unsandboxed", language))
    return "\n".join([*lines, *outcome.notes])


def _tests(outcome: Outcome, exercise: ExerciseEntry, number: int) -> list[dict[str, Any]]:
    """One exercise: what its student sees at once, with the points, and the hidden cases for later or never."""
    language, verdict = outcome.language, outcome.verdicts.get(exercise.name)
    test: dict[str, Any] = {
        "name": f"{exercise.name} ({exercise.equation})" if exercise.equation else exercise.name,
        "number": str(number),
        "max_score": exercise.points,
        "visibility": "visible",
        "output_format": "text",
        "extra_data": {"exercise": exercise.name, "status": verdict.status if verdict else "not_judged"},
    }
    if outcome.unreadable:
        return [{**test, "score": 0.0, "status": "failed", "output": outcome.unreadable}]
    if verdict is None or not verdict.judged:
        said = "\n".join(verdict.notes) if verdict else words("not_judged", language)
        return [{**test, "tags": ["needs a person"], "output": said}]
    hidden = [case for case in verdict.cases if not case.visible]
    visible = verdict.model_copy(update={"cases": [case for case in verdict.cases if case.visible]})
    _, *cases = to_text(visible, language).splitlines()  # whose headline knows the visible cases alone
    output = "\n".join([to_text(verdict, language).splitlines()[0], *cases])
    if hidden and verdict.status != "not_attempted":
        count = words("hidden_count", language, passed=sum(case.passed for case in hidden), total=len(hidden))
        output = f"{output}\n  {count}"
    test |= {"score": clamped(verdict.score, exercise.points), "output": output}
    if verdict.settled:
        test["status"] = "passed" if verdict.status == "passed" else "failed"
    else:
        test["tags"] = ["needs a person"]
    if not hidden or verdict.status == "not_attempted":
        return [test]
    later = verdict.model_copy(update={"cases": hidden, "hints": [], "notes": []})
    return [
        test,
        {
            "name": f"{exercise.name}: {words('hidden', language)}",
            "number": f"{number}.1",
            "visibility": outcome.hidden_detail,
            "output_format": "text",
            "output": to_text(later, language),
        },
    ]


def _leaderboard(outcome: Outcome) -> list[dict[str, Any]]:
    """The points, and how fast each kernel is where that was measured."""
    board: list[dict[str, Any]] = [
        {"name": words("points", outcome.language), "value": outcome.score, "order": "desc"},
    ]
    for verdict in outcome.verdicts.values():
        for case in verdict.cases:
            if case.speed and case.passed:
                baseline = case.speed.words["baseline"]
                name = words("faster", outcome.language, name=verdict.name, baseline=baseline)
                board.append({"name": name, "value": round(case.speed.ratio, 3), "order": "desc"})
    return board


def write_atomically(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file: whoever reads it finds the former content or this one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    temporary.write_text(text, encoding="utf-8", errors="replace")
    os.replace(temporary, path)


def find_notebook(folder: Path, chapter: str, language: str) -> Path:
    """The notebook to judge among whatever was handed in. Raises NoNotebook."""
    found = [path for path in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts]
    if not found:
        raise NoNotebook(words("no_notebook", language))
    if len(found) > 1:
        found = [path for path in found if _is_of(path, chapter)] or found
    if len(found) > 1:
        found = [path for path in found if path.stem == chapter] or found
    if len(found) > 1:
        names = ", ".join(path.relative_to(folder).as_posix()[:80] for path in found[:10])
        raise NoNotebook(words("which", language, chapter=chapter, names=names))
    return found[0]


def _is_of(path: Path, chapter: str) -> bool:
    """Whether a notebook says that it is this chapter's."""
    try:
        atlas = read_notebook(path).metadata.get("atlas")
    except SubmissionError:
        return False
    return isinstance(atlas, Mapping) and atlas.get("chapter") == chapter


def student_of(metadata: Path, which: str) -> str:
    """The student's id in this course, from Gradescope's submission_metadata.json; empty where that says nothing.

    which: as `gradescope.student` in course.yml. Of a group the first one stands for all.
    """
    try:
        return student_in(json.loads(metadata.read_text(encoding="utf-8")), which)
    except (OSError, ValueError):
        return ""


def student_in(metadata: Any, which: str) -> str:
    """The same from the content of the file."""
    try:
        user = metadata["users"][0]
        return str(user["email"]).partition("@")[0] if which == "email_name" else str(user[which])
    except (LookupError, TypeError):
        return ""


def close_folders(root: Path) -> None:
    """Let root alone see the course, the submission, what Gradescope tells of the student, and the results."""
    if os.geteuid() != 0:
        return
    for name in ("source", "submission", "results"):
        with contextlib.suppress(FileNotFoundError):
            os.chmod(root / name, 0o700)
    with contextlib.suppress(FileNotFoundError):
        os.chmod(root / "submission_metadata.json", 0o600)


def open_workshop(entry: ChapterEntry, allow_unsandboxed: bool) -> Workshop:
    """The best sandbox that this container lets us have, started. Raises SandboxError."""
    limits = entry.limits.model_copy(update={"memory_mb": memory_for_answers(entry.limits.memory_mb)})
    tried = []
    for kind in ("bwrap", "user", *(["none"] if allow_unsandboxed else [])):
        workshop = Workshop(kind, limits, lab=entry.is_lab)
        try:
            workshop.start()
            return workshop
        except SandboxError as error:
            tried.append(f"{kind}: {error}")
    raise SandboxError(
        "no sandbox can be had here, so nothing was judged. " + " | ".join(tried) + " | For a class that you trust, "
        "`allow_unsandboxed: true` under `gradescope` in course.yml judges without one."
    )


def memory_for_answers(wanted_mb: int) -> int:
    """What an answer may use where the container's own limit leaves less than the course allows, in MB."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            return min(wanted_mb, max(LEAST_MB, (int(Path(file).read_text()) >> 20) - JUDGE_MB))
    return wanted_mb


class Run:
    """One submission judged in a container whose folders lie below `root`."""

    def __init__(self, root: Path, course: Course, chapter: str):
        self.root = root
        self.course = course
        self.began = time.monotonic()
        entry = course.chapter(chapter)
        self.outcome = Outcome(entry, course.gradescope.hidden_detail, course.language)
        self.writing = threading.Lock()

    def write(self) -> None:
        with self.writing:
            content = results(self.outcome, time.monotonic() - self.began)
            write_atomically(self.root / "results" / "results.json", content)

    def run(self) -> None:
        """Judge, and leave valid results whatever happens."""
        self.write()
        left = 60 * self.course.gradescope.minutes - RESERVE_SECONDS
        watch = threading.Timer(left, self.out_of_time)
        watch.daemon = True
        watch.start()
        try:
            self.judge()
        except (SubmissionError, NoNotebook) as error:
            self.outcome.unreadable = self.sentence(error)
        except Exception as error:
            print(f"the judge failed: {type(error).__name__}: {error}", file=sys.stderr)  # which staff alone can read
        watch.cancel()
        self.write()

    def out_of_time(self) -> None:
        """Say what is not judged, and end: the sandbox ends with this process."""
        self.outcome.problem = words("time", self.outcome.language)
        self.write()
        os._exit(0)

    def sentence(self, error: SubmissionError | NoNotebook) -> str:
        """What a student is told of a submission that cannot be read."""
        if isinstance(error, NoNotebook):
            return str(error)
        language = self.outcome.language
        stop = "。" if language == "zh" else ". "
        return f"{error.path.name}: {error.message(language)}{stop}{error.remedy(language)}"

    def judge(self) -> None:
        close_folders(self.root)
        submission = self.read()
        self.outcome.language, self.outcome.notes = submission.language, submission.notes
        self.write()
        self.judge_all(submission, student_of(self.root / "submission_metadata.json", self.course.gradescope.student))

    def read(self) -> Submission:
        folder, chapter = self.root / "submission", self.outcome.entry.name
        path = find_notebook(folder, chapter, self.outcome.language)
        return read_in_language(path, self.course.releases(chapter), chapter, within=folder)

    def judge_all(self, submission: Submission, student: str) -> None:
        """Judge every exercise; again, in a new sandbox, those at which the judge itself failed."""
        from autograder.chapters import Chapter
        from autograder.judgement import judge_submission

        entry, attempt = self.outcome.entry, attempt_of(submission)
        chapter, secret = Chapter(self.course.root, entry.name), course_secret(self.course.root)
        self.outcome.extra = {"student": student, "attempt": attempt, "engine": engine_digest()[:16]}
        for _ in range(TRIES):
            left = [e for e in entry.exercises if e.name not in self.outcome.verdicts or self.failed_at(e)]
            if not left:
                return
            with contextlib.closing(open_workshop(entry, self.course.gradescope.allow_unsandboxed)) as workshop:
                self.outcome.extra["sandbox"] = workshop.label
                judge_submission(
                    chapter,
                    SimpleNamespace(exercises=left),
                    submission,
                    student=student,
                    attempt=attempt,
                    secret=secret,
                    workshop=workshop,
                    judged=self.judged,
                )

    def failed_at(self, exercise: ExerciseEntry) -> bool:
        return self.outcome.verdicts[exercise.name].status == "judge_error"

    def judged(self, verdict: ExerciseVerdict) -> None:
        self.outcome.verdicts[verdict.name] = verdict
        self.write()


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge what Gradescope has put below --root."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("/autograder"), help="Gradescope's folder")
    parser.add_argument("--course", type=Path, required=True, help="the course as the zip file holds it")
    parser.add_argument("--chapter", required=True, help="the chapter to judge")
    told = parser.parse_args(arguments)
    os.chdir(told.course)  # which a sandbox then hides
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # torch's, of what the known wrong answers do
    Run(told.root.resolve(), load_course(told.course.resolve()), told.chapter).run()


if __name__ == "__main__":
    main()
