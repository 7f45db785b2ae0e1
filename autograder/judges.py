"""Judging many submissions in parallel: jobs, the processes that do them, and what happens when one of those dies."""

import atexit
import gc
import importlib
import math
import multiprocessing
import os
import random
import signal
import socket
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Protocol

from autograder.answers import Submission
from autograder.course import ChapterEntry, Course, load_course
from autograder.errors import CourseError, SandboxError
from autograder.language import say
from autograder.store import (
    CorruptRecord,
    Problem,
    Record,
    Store,
    StoreError,
    attempt_of,
    course_secret,
    engine_digest,
    pack_digest,
    verdict_key,
)
from autograder.verdicts import ExerciseVerdict, Verdict
from autograder.workshop import Launched, Workshop, has_gpu, launch

JUDGE = "autograder.judges.SandboxedJudge"
VERDICTS = "verdicts"

TRIES = 3
START_SECONDS = 300


def freeze() -> None:
    """What is imported by now is never garbage, until the end, when Triton's bindings complain of what is left."""
    gc.freeze()
    atexit.register(gc.unfreeze)


class JudgesUnusable(Exception):
    """No submission at all can be judged here; the message says what to do."""


class ChapterUnusable(Exception):
    """No submission of this chapter can be judged; the message names the course's file."""


@dataclass(frozen=True)
class Job:
    """One submission to judge, with all that a process elsewhere needs for it."""

    root: str
    chapter: str
    plan: ChapterEntry
    submission: Submission
    student: str
    secret: str
    sandbox: str
    pack: str
    judge: str = JUDGE

    @property
    def attempt(self) -> str:
        return attempt_of(self.submission)

    @property
    def key(self) -> str:
        return verdict_key(self.submission, self.student, self.pack, self.secret, self.sandbox)

    @property
    def seconds(self) -> float:
        """The time after which its process can only be stuck: every limit reached, and as much again."""
        limits = self.plan.limits
        return 2 * (limits.cell_seconds + limits.exercise_seconds) * (1 + len(self.plan.exercises)) + START_SECONDS


class Judge(Protocol):
    """What `Job.judge` names: made once in a judging process for one kind of sandbox."""

    def __init__(self, sandbox: str): ...

    def prepare(self, root: Path, plan: ChapterEntry, control: socket.socket) -> None:
        """Make ready for the jobs of a chapter, in the sandbox that was launched for them."""

    def __call__(self, job: Job) -> Verdict: ...

    def close(self) -> None: ...


class SandboxedJudge:
    """The course's judge with a warm sandbox, which lasts as long as the chapter does."""

    def __init__(self, sandbox: str):
        import torch

        torch.set_num_threads(1)
        warnings.simplefilter("ignore")  # torch's, of what the known wrong answers do
        self.sandbox = sandbox
        self._chapter: tuple[str, Any] = ("", None)
        self._workshop: tuple[str, Any] = ("", None)
        self._stadium: Any = None

    def prepare(self, root: Path, plan: ChapterEntry, control: socket.socket) -> None:
        self._workshop_of(plan, control)
        self._chapter_of(root, plan.name, pack_digest(root, plan))

    def __call__(self, job: Job) -> Verdict:
        from autograder.judgement import judge_submission

        try:
            return judge_submission(
                self._chapter_of(Path(job.root), job.chapter, job.pack),
                job.plan,
                job.submission,
                student=job.student,
                attempt=job.attempt,
                secret=job.secret,
                workshop=self._workshop_of(job.plan),
                race=self._stadium_of(job.plan),
            )
        except SandboxError as error:
            raise JudgesUnusable(str(error)) from error
        except CourseError as error:
            raise ChapterUnusable(str(error)) from error

    def close(self) -> None:
        if self._workshop[1] is not None:
            self._workshop[1].close()
        self._workshop = ("", None)
        if self._stadium is not None:
            self._stadium.builtins.close()
            self._stadium = None

    def _stadium_of(self, plan: ChapterEntry) -> Any:
        """Where a lab's kernels race; None on a machine without a GPU."""
        if not plan.is_lab or not has_gpu():
            return None
        if self._stadium is None:
            from autograder.races import gpu_stadium

            self._stadium = gpu_stadium(self._workshop_of(plan))
        return self._stadium

    def _chapter_of(self, root: Path, name: str, pack: str) -> Any:
        from autograder.chapters import Chapter

        key = f"{root} {name} {pack}"
        if self._chapter[0] != key:
            self._chapter = (key, Chapter(root, name))
            freeze()  # what torch and the chapter are made of
        return self._chapter[1]

    def _workshop_of(self, plan: ChapterEntry, control: socket.socket | None = None) -> Any:
        key = f"{plan.limits.model_dump_json()} {plan.is_lab}"
        if self._workshop[0] != key:
            self.close()
            workshop = Workshop(self.sandbox, plan.limits, control, plan.is_lab)
            workshop.start()
            self._workshop = (key, workshop)
        return self._workshop[1]


_judges: dict[tuple[str, str], Judge] = {}


def run_job(job: Job) -> Verdict:
    """Judge one submission in this process, which keeps its judge for the next one."""
    return _judge_here(job.judge, job.sandbox)(job)


def prepare(judge: str, sandbox: str, root: Any, plan: Any, control: socket.socket, core: int | None) -> None:
    """Make this process ready for a chapter's jobs, in the sandbox that was launched for it, on one core."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    _judge_here(judge, sandbox).prepare(root, plan, control)


def _judge_here(judge: str, sandbox: str) -> Judge:
    key = (judge, sandbox)
    if key not in _judges:
        module, _, name = judge.rpartition(".")
        _judges[key] = getattr(importlib.import_module(module), name)(sandbox)
        Finalize(_judges[key], _judges[key].close, exitpriority=10)
    return _judges[key]


def begin_process() -> None:
    """In a new judging process: leave interrupts to the parent, do not outlive it, and print nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where MKL reports the NaN that a wrong answer gave it
    end_with_parent()


def end_with_parent() -> None:
    """End this process when the one that asked for it has ended, whatever it is at."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _context(judge: str) -> Any:
    """Fresh processes that share one import of torch where the system can; never a copy of this process."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    if judge == JUDGE:
        # the second is what torch imports at the first gradient
        context.set_forkserver_preload(["torch", "torch.fx.experimental.symbolic_shapes", "autograder.judgement"])
    return context


@contextmanager
def _without_main() -> Iterator[None]:
    """Processes that start meanwhile do not run the script again that this one was started with."""
    main: dict[str, Any] = vars(sys.modules["__main__"])
    before: dict[str, Any] = {name: main.pop(name) for name in ("__file__", "__spec__") if name in main}
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(before)


@dataclass
class Failure:
    """Why a job has no verdict: what happened on its last try, in a sentence.

    of_chapter: the course's own files are at fault, so no other submission of the chapter can be judged either.
    """

    message: str
    of_chapter: bool = False


@dataclass
class _Task:
    job: Job
    failures: int = 0


@dataclass
class _Slot:
    """A place for one job at a time: a process of ours, or a share of an executor that was given."""

    executor: Executor
    own: bool
    pid: Future | None = None
    task: _Task | None = None
    future: Future | None = None
    since: float = 0.0

    def give(self, task: _Task) -> None:
        self.future = self.executor.submit(run_job, task.job)
        self.task = task
        self.since = time.monotonic()

    @property
    def stuck(self) -> bool:
        return self.own and self.task is not None and time.monotonic() - self.since > self.task.job.seconds

    def kill(self) -> None:
        """End the process; what it was doing fails with BrokenExecutor."""
        if self.pid is not None and self.pid.done() and not self.pid.exception():
            with suppress(ProcessLookupError):
                os.kill(self.pid.result(), signal.SIGKILL)

    def close(self) -> None:
        """End the process, whatever it is doing; its sandbox ends with it."""
        if self.own:
            self.executor.shutdown(wait=False, cancel_futures=True)
            self.kill()


class Judges:
    """Processes that judge, one job at a time each, or any executor instead.

    A job whose process dies, hangs or raises is tried again, three times in all, and then fails; no other job is
    touched by it. An executor that is given keeps its own processes alive.
    """

    def __init__(self, workers: int, executor: Executor | None = None, judge: str = JUDGE):
        self.judge = judge
        self.given = executor
        self.workers = max(1, workers)
        self.slots: list[_Slot] = []
        self.launched: Launched | None = None
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        self.cores = random.sample(sorted(cores), self.workers) if len(cores) >= self.workers else []

    def __enter__(self) -> "Judges":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        for slot in self.slots:
            slot.close()
        if self.launched is not None:
            self.launched.end()

    def begin(self, sandbox: str = "", root: Path | None = None, plan: ChapterEntry | None = None) -> None:
        """Start the processes, and beside them the sandbox that the first jobs of a chapter will need.

        The sandbox dies with the thread that calls this.
        """
        if self.slots:
            return
        if plan is not None and self.given is None and self.judge == JUDGE:
            with suppress(SandboxError, OSError):  # where there can be none, the judges themselves will say so
                self.launched = launch(sandbox, plan.limits, self.workers, self.cores, plan.is_lab)
        self.slots = [self._slot() for _ in range(self.workers)]
        if self.launched is None:
            return
        for k, (slot, control) in enumerate(zip(self.slots, self.launched.controls, strict=True)):
            core = self.cores[k] if self.cores else None
            begun = slot.executor.submit(prepare, self.judge, sandbox, root, plan, control, core)
            begun.add_done_callback(lambda _, control=control: control.close())  # type: ignore[misc]

    def _slot(self) -> _Slot:
        if self.given is not None:
            return _Slot(self.given, own=False)
        executor = ProcessPoolExecutor(1, mp_context=_context(self.judge), initializer=begin_process)
        try:
            with _without_main():
                return _Slot(executor, own=True, pid=executor.submit(os.getpid))
        except (OSError, EOFError) as error:
            raise JudgesUnusable(f"no judging process can be started: {error!r}. Run `atlas doctor`") from error

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Verdict | Failure]]:
        """Judge all jobs; each with its outcome as soon as it is there, in no order. Raises JudgesUnusable.

        The processes are given their next jobs before the caller gets an outcome, so they work while it is dealt with.
        """
        source = iter(jobs)
        first = next(source, None)
        if first is None:
            return
        self.begin()
        waiting = deque([_Task(first)])
        ended: deque[tuple[Job, Verdict | Failure]] = deque()
        while True:
            for index in range(len(self.slots)):
                if (task := self._ended(index)) is not None:
                    outcome = self._outcome(*task)
                    if outcome is None:
                        waiting.append(task[0])
                    else:
                        ended.append((task[0].job, outcome))
                if self.slots[index].task is None:
                    if not waiting and (job := next(source, None)) is not None:
                        waiting.append(_Task(job))
                    if waiting:
                        self._give(index, waiting.popleft())
            if ended:
                yield ended.popleft()
                continue
            futures = [slot.future for slot in self.slots if slot.future is not None]
            if not futures:
                return
            wait(futures, timeout=5, return_when=FIRST_COMPLETED)

    def _give(self, index: int, task: _Task) -> None:
        try:
            self.slots[index].give(task)
        except (BrokenExecutor, RuntimeError) as error:
            if self.given is not None:
                raise JudgesUnusable(f"the executor takes no more work: {error}. Look at its cluster") from error
            self.slots[index] = self._slot()  # the process died while it had nothing to do
            self.slots[index].give(task)

    def _ended(self, index: int) -> tuple[_Task, Future] | None:
        """The task of a slot if it has ended, with its future; a process that is dead or stuck is replaced."""
        slot = self.slots[index]
        if slot.task is None or slot.future is None:
            return None
        if not slot.future.done():
            if slot.stuck:
                slot.kill()
            return None
        task, future = slot.task, slot.future
        slot.task = slot.future = None
        if slot.own and isinstance(_error(future), BrokenExecutor):
            slot.close()
            self.slots[index] = self._slot()
        return task, future

    def _outcome(self, task: _Task, future: Future) -> Verdict | Failure | None:
        """The verdict; None when the job is to be tried again; Failure when it has been tried often enough."""
        error = _error(future)
        if isinstance(error, ChapterUnusable):
            return Failure(str(error), of_chapter=True)
        if error is None:
            verdict = future.result()
            if task.failures + 1 >= TRIES or not any(e.status == "judge_error" for e in verdict.exercises):
                return verdict
        task.failures += 1
        if task.failures < TRIES:
            return None
        if isinstance(error, JudgesUnusable):
            raise error
        if isinstance(error, BrokenExecutor):
            return Failure(f"the judging process died or hung {TRIES} times")
        return Failure(f"the judge failed {TRIES} times, at last with {type(error).__name__}: {error}")


def make_job(root: Path, submission: Submission, student: str, sandbox: str, judge: str = JUDGE) -> Job:
    """The job for one submission of the course in `root`."""
    entry = course_of(root).chapter(submission.chapter)
    pack = pack_digest(root, entry)
    return Job(str(root), entry.name, entry, submission, student, course_secret(root), sandbox, pack, judge)


def course_of(root: Path) -> Course:
    """course.yml, read once for as long as it does not change."""
    state = os.stat(root / "course.yml")
    return _course_of(root, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _course_of(root: Path, mtime: int, size: int) -> Course:
    return load_course(root)


def record_of(job: Job, outcome: Verdict | Failure) -> Record:
    """What the store keeps of an outcome. A failure leaves every exercise to a person, and says why."""
    record = Record(chapter=job.chapter, student=job.student, key=job.key)
    if isinstance(outcome, Verdict):
        record.verdict = outcome.model_copy(update={"engine": engine_digest()[:16]})
        return record
    language = job.submission.language
    exercises = [
        ExerciseVerdict(
            name=e.name,
            equation=e.equation,
            score=0,
            max_score=e.points,
            status="judge_error",
            notes=[say("judge_error", language)],
        )
        for e in job.plan.exercises
    ]
    record.verdict = Verdict(
        chapter=job.chapter,
        student=job.student,
        language=language,
        max_score=sum(e.max_score for e in exercises),
        sandbox=job.sandbox,
        seed=job.attempt,
        engine=engine_digest()[:16],
        exercises=exercises,
        notes=job.submission.notes,
    )
    remedy = "Run again; if it stays, look at the answers, grade by hand, and report the judge's failure"
    record.problem = Problem(path=f"submitted/{job.student}/{job.chapter}", message=outcome.message, remedy=remedy)
    return record


def stored(store: Store, job: Job, warn: Callable[[str], None]) -> Record | None:
    """The record of this very submission, if there is one that can be believed."""
    try:
        record = store.read(job.chapter, job.student)
    except CorruptRecord as error:
        warn(str(error))
        return None
    return record if record is not None and record.key == job.key else None


def clamped(score: float, points: float) -> float:
    """A score as it may stand in a gradebook: from 0 to the cell's points, and 0 if it is no number."""
    return 0.0 if math.isnan(score) else min(float(points), max(0.0, float(score)))


def verdict_for(job: Job, retry: bool, warn: Callable[[str], None]) -> Record:
    """The record of one submission: from the store, or judged now, in a process kept for the next one.

    retry: judge again what the judge itself failed at.
    """
    store = Store(Path(job.root) / VERDICTS)
    record = stored(store, job, warn)
    if record is not None and (not retry or record.settled(has_gpu())):
        return record
    _, outcome = next(iter(_judges_here(job.judge).run([job])))
    record = record_of(job, outcome)
    try:
        store.write(record)
    except StoreError as error:
        warn(str(error))
    return record


@cache
def _judges_here(judge: str) -> Judges:
    judges = Judges(1, judge=judge)
    atexit.register(judges.close)
    return judges


def _error(future: Future) -> BaseException | None:
    if future.cancelled():
        return BrokenExecutor("cancelled")
    return future.exception()
