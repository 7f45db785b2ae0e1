"""Sessions with one answer each, in a workshop's sandbox: the judge's side of it; the other is in `worker/`."""

import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import cloudpickle
import numpy as np
import torch

from autograder.cases import Case, Rules
from autograder.comparison import describe
from autograder.draws import Draw
from autograder.errors import JudgeError
from autograder.forbidden import is_native
from autograder.judging import AnswerFailed
from autograder.operations import OPERATIONS
from autograder.slicing import Piece
from autograder.worker.arena import Arena
from autograder.worker.frames import Channel, ChannelClosed, Decoder, Encoder, FrameError, TooLarge, pickled
from autograder.worker.serve import PRIMITIVES
from autograder.workshop import Workshop

LOST_ANSWERS = 3
LEAVING_SECONDS = 1
AHEAD_SECONDS = 1
AHEAD_BYTES = 4 << 20

# the failures that a worker may report; the others are the judge's own to find
REPORTED = {"raised", "raised_at", "not_defined", "forbidden", "changed_input", "subclass", "too_large"}

VALUES = (type(None), bool, int, float, str, torch.Tensor, torch.dtype, np.generic)


class Lease:
    """A process that several answers of one submission use, one after another.

    Only answers that the source reader finds nothing in share a process (`judgement.is_tame`): they cannot reach what
    is not theirs. What one of them may still change, such as the state of a library, costs nobody anything, because an
    answer that fails in a process that others used before it is judged again in one of its own.

    forbidden: what any of these answers may not call; none of them may leave it behind for another.
    """

    def __init__(self, workshop: Workshop, forbidden: Sequence[str] = ()):
        self.workshop = workshop
        self.forbidden = forbidden
        self.channel: Channel | None = None

    def end(self) -> None:
        """End the process, if there is one."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
            self.workshop.end_process()


class Session:
    """One answer in the sandbox: a `judging.Provider`.

    An answer whose process dies is started again for the next case. A death that only the sandbox's own end
    explains is the judge's misfortune, not the student's: it is tried again, then becomes a JudgeError.
    """

    def __init__(
        self,
        workshop: Workshop,
        name: str,
        pieces: Sequence[Piece],
        rules: Rules,
        lease: Lease | None = None,
        arena: Arena | None = None,
    ):
        self.workshop = workshop
        self.arena = arena
        self.lease = lease
        self.name = name
        self.pieces = list(pieces)
        self.native = is_native(self.pieces)
        self.rules = rules
        self._channel: Channel | None = None
        self._remote: Remote | None = None
        self._refused: AnswerFailed | None = None
        self._lost = 0
        self._end: dict[str, Any] = {}
        self._deadline = time.monotonic() + workshop.limits.exercise_seconds
        self._steps: list[Step] = []
        self._step = 0
        self._answered: dict[int, tuple[Step, tuple[dict[str, Any], bytes]]] = {}

    def answer(self) -> "Remote":
        if self._refused:
            raise self._refused
        if self._remote is None:
            self._start()
        assert self._remote is not None
        return self._remote

    def _start(self) -> None:
        if self.lease and self.lease.channel:
            self._channel = self.lease.channel
        else:
            began = time.monotonic()
            self._channel = self.workshop.open_channel(self.arena) if self.arena else self.workshop.open_channel()
            self._deadline += time.monotonic() - began  # the sandbox's time, not the answer's
        if self.lease:
            self.lease.channel = self._channel
        cells = [{"source": p.source, "keep": list(p.keep), "answer": p.answer} for p in self.pieces]
        header = {
            "do": "define",
            "name": self.name,
            "cells": cells,
            "forbids": list(self.rules.forbids),
            "may_change": list(self.rules.may_change),
            "device": self.workshop.device,
        }
        try:
            self.request(header, b"", self.workshop.limits.cell_seconds)
        except AnswerFailed as failure:
            if not failure.again:
                self._refused = failure
            raise
        self._remote = Remote(self, 0, self.name)

    def discard(self, grace: float = 0) -> None:
        if self._channel is not None:
            self._end = self.workshop.end_process(grace)
            self._channel.close()
            self._channel = None
        self._remote = None
        if self.lease:
            self.lease.channel = None

    def leave(self) -> None:
        """Leave the process to the next answer, if it has a lease and nothing was wrong with it."""
        if self.lease is None or self.lease.channel is None:
            self.discard()
        self._channel = None
        self._remote = None

    def beside(self, reference: Callable) -> "Remote":
        """The reference behind an answer's interface; what it returns says where an answer may return an object."""
        traced = Traced()
        self.follow(traced.steps)
        return traced.remote(reference)

    def rehearsal(self, case: Case, reference: Callable) -> "Traced":
        """What a case's driver is first run on, so that its requests can be made `ahead`."""
        return Traced(ahead=asks_the_same_whatever_comes(case.driver, reference, case.dtypes[0]))

    def follow(self, steps: "list[Step]") -> None:
        """The next run of a driver takes the steps that it took on the reference."""
        self._steps, self._step = steps, 0

    def ahead(self, runs: "Sequence[list[Step]]") -> None:
        """Do at once what the runs will ask of the answer, so that the two processes do not wait for each other.

        What is not done within a second, or at all, is left to the runs themselves, in a new process.
        """
        chosen: list[Step] = []
        size = 0
        for steps in runs:
            asked = [step.asked for step in steps]
            if all(asked):
                size += sum(request.size for request in asked if request)
                if size > AHEAD_BYTES:
                    break
                chosen += steps
        if not chosen:
            return
        requests = [step.asked for step in chosen if step.asked]
        header = {"do": "several", "requests": [{**r.header, "size": len(r.data)} for r in requests]}
        began = time.monotonic()
        try:
            self.answer()
            began = time.monotonic()
            seconds = min(AHEAD_SECONDS, self.workshop.limits.case_seconds)
            reply, data = self.request(header, b"".join(r.data for r in requests), seconds)
            for step, answered in zip(chosen, _taken_apart(reply, data, len(chosen)), strict=True):
                self._answered[id(step)] = step, answered
        except AnswerFailed as failure:
            if failure.fatal:
                self.discard()
            self._deadline += time.monotonic() - began  # the answer has all its time again

    def operate(self, target: int, operation: str, args: tuple, kwargs: dict) -> Any:
        """One operation in the worker; its value, or AnswerFailed."""
        limits = self.workshop.limits
        try:
            request = Request.of(target, operation, args, kwargs, _outgoing, limits.result_mb << 20)
        except TooLarge:  # an earlier result of the answer's own
            raise AnswerFailed("too_large", limit=limits.result_mb) from None
        except Exception as error:
            raise JudgeError(f"{self.name}: the arguments of {operation} cannot be sent: {error}") from error
        step = self._steps[self._step] if self._step < len(self._steps) else None
        self._step += 1
        if id(step) in self._answered and self._answered[id(step)][0].asked == request:
            reply, blob = self._unless_failed(*self._answered[id(step)][1])
        else:
            reply, blob = self.request(request.header, request.data, limits.case_seconds)
        value_due = operation in OPERATIONS or (step is not None and step.operation == operation and step.value)

        def opaque(tree: dict[str, Any]) -> Remote:
            key, name = tree["h"], tree["n"]
            if type(key) is not int or not isinstance(name, str):
                raise FrameError("a tree that is no value")
            if value_due:
                expected = step.described if step and step.value else describe(())
                raise AnswerFailed("not_a_result", came=printable(name, 80), expected=expected)
            return Remote(self, key, printable(name, 80))

        try:
            return Decoder(blob, opaque, limits.result_mb << 21).value(reply["value"])
        except AnswerFailed:
            raise
        except Exception as error:
            raise AnswerFailed("protocol", fatal=True) from error

    def request(self, header: dict[str, Any], blob: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        """One frame there and one back, bound to a nonce."""
        channel = self._channel
        if channel is None:
            raise AnswerFailed("crashed", fatal=True, reason="gone")
        if channel.pending():  # a frame that nobody asked for
            raise AnswerFailed("protocol", fatal=True)
        nonce = secrets.token_hex(16)
        left = min(seconds, self._deadline - time.monotonic())
        if left <= 0:
            raise AnswerFailed("timed_out", fatal=True, seconds=f"{self.workshop.limits.exercise_seconds:g}")
        try:
            due = time.monotonic() + left
            channel.send({**header, "nonce": nonce}, blob, left)
            reply, data = channel.receive(max(0.0, due - time.monotonic()))
        except TimeoutError:
            raise self._timed_out(left) from None
        except ChannelClosed:
            raise self._ended() from None
        except TooLarge:
            limit = self.workshop.limits.result_mb
            raise AnswerFailed("too_large", fatal=True, limit=limit) from None
        except FrameError:
            raise AnswerFailed("protocol", fatal=True) from None
        if reply.get("nonce") != nonce:
            raise AnswerFailed("protocol", fatal=True)
        return self._unless_failed(reply, data)

    def _unless_failed(self, reply: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        if "failure" in reply:
            raise self._failure(reply["failure"])
        return reply, data

    def _failure(self, failure: Any) -> AnswerFailed:
        """What the worker says went wrong, as far as it is well-formed."""
        try:
            key, words = failure["key"], failure["words"]
            if key not in REPORTED or len(words) > 10:
                raise FrameError("a failure that a worker cannot know of")
            classes = [printable(name, 80) for name in failure.get("classes", [])[:20]]
            words = {
                str(k)[:40]: v if isinstance(v, (int, float)) else printable(str(v), 1000) for k, v in words.items()
            }
            built = AnswerFailed(key, classes, **words)
            built.difference.message()
            return built
        except Exception:
            return AnswerFailed("protocol", fatal=True)

    def _timed_out(self, seconds: float) -> AnswerFailed:
        """No reply in time: because of another limit, if the zygote was just about to end the process for it."""
        self.discard()
        return self._over_limit(self._end) or AnswerFailed("timed_out", fatal=True, seconds=f"{seconds:.3g}")

    def _over_limit(self, end: dict[str, Any]) -> AnswerFailed | None:
        limits = self.workshop.limits
        if end.get("why") == "memory":
            return AnswerFailed("memory", fatal=True, limit=limits.memory_mb)
        if end.get("why") == "processes":
            return AnswerFailed("processes", fatal=True, limit=limits.processes)
        if end.get("why") == "disk":
            return AnswerFailed("disk", fatal=True, limit=limits.tmp_mb)
        return None

    def _ended(self) -> AnswerFailed:
        """The process is gone: why, as the zygote saw it."""
        self.discard(grace=LEAVING_SECONDS)
        end = self._end
        if end.get("error"):
            raise JudgeError(f"the sandbox could not be set up for {self.name}: {end['error']}")
        if failure := self._over_limit(end):
            return failure
        if end.get("why") == "stayed":  # it closed its channel and went on
            return AnswerFailed("protocol", fatal=True)
        status = end.get("exit")
        if status is None or status == -signal.SIGKILL:
            # Somebody killed it, or the sandbox, and that will not repeat; or the student's code killed itself.
            self._lost += 1
            if status is None and self._lost >= LOST_ANSWERS:
                raise JudgeError(f"the sandbox died {self._lost} times while it ran {self.name}")
            return AnswerFailed("crashed", fatal=True, again=self._lost < LOST_ANSWERS, reason="signal 9")
        reason = f"exit status {status}" if status >= 0 else f"signal {-status}"
        return AnswerFailed("crashed", fatal=True, reason=reason)


def _outgoing(value: Any) -> dict[str, Any]:
    """What the judge may send besides values: a function of the case's file, or an object that came from there."""
    if isinstance(value, Remote):
        return {"h": value._key}
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if callable(value):
        if module is not None and module.__name__.startswith("atlas_"):
            cloudpickle.register_pickle_by_value(module)
        return pickled(cloudpickle.dumps(value))
    raise TypeError(f"a driver passed a {type(value).__name__}, which cannot be sent to the sandbox")


def _no_object(value: Any) -> Any:
    raise TypeError(f"a {type(value).__name__} is no value")


def printable(text: str, limit: int) -> str:
    """Text of a student's as messages, databases and terminals can take it."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text[:limit])


def _taken_apart(reply: dict[str, Any], data: bytes, count: int) -> list[tuple[dict[str, Any], bytes]]:
    """The replies to several requests."""
    found, at = [], 0
    try:
        replies = reply["replies"]
        if len(replies) != count:
            raise FrameError("not as many replies as there were requests")
        for one in replies:
            found.append((dict(one), data[at : at + one["size"]]))
            at += one["size"]
    except Exception as error:
        raise AnswerFailed("protocol", fatal=True) from error
    return found


@dataclass(frozen=True)
class Request:
    """One operation as it is sent to a worker."""

    header: dict[str, Any]
    data: bytes

    @classmethod
    def of(
        cls, target: int, operation: str, args: tuple, kwargs: dict, opaque: Callable[[Any], Any], limit: int
    ) -> "Request":
        encoder = Encoder(opaque, limit)
        header = {"do": "operate", "op": operation, "target": target}
        header |= {"args": encoder.tree(list(args)), "kwargs": encoder.tree(kwargs)}
        return cls(header, encoder.blob())

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass
class Step:
    """One operation of a driver on the reference: what was done, and what came unless it was an object.

    asked: the same as a request to a worker, where it can be made before the run.
    """

    operation: str
    asked: Request | None = None
    value: bool = False
    described: Any = None


class Traced:
    """Runs operations on an object in this process, as a session does on an answer, and notes what came of each.

    ahead: note also what an answer would have been asked. disturbed: return other values than came.
    """

    def __init__(self, ahead: bool = False, disturbed: bool = False) -> None:
        self.steps: list[Step] = []
        self._ahead = ahead
        self._disturbed = disturbed
        self._objects: list[Any] = []

    def remote(self, value: Any) -> "Remote":
        self._objects.append(value)
        return Remote(self, len(self._objects) - 1, type(value).__name__)

    def operate(self, target: int, operation: str, args: tuple, kwargs: dict) -> Any:
        function = PRIMITIVES.get(operation) or OPERATIONS[operation]
        step = Step(operation, self._asked(target, operation, args, kwargs))
        self.steps.append(step)
        result = function(self._objects[target], *self._local(args), **self._local(kwargs))
        held = len(self._objects)
        value = self._wrapped(result)
        step.value, step.described = len(self._objects) == held, describe(result)
        return _disturbed(value) if self._disturbed else value

    def _asked(self, target: int, operation: str, args: tuple, kwargs: dict) -> Request | None:
        """The request to a worker; None where objects are involved, which it does not have yet."""
        if not self._ahead or target != 0:
            return None
        try:
            return Request.of(target, operation, args, kwargs, _no_object, AHEAD_BYTES)
        except Exception:  # the run itself will say so
            return None

    def beside(self, reference: Callable) -> "Remote":
        return self.remote(reference)

    def _local(self, value: Any) -> Any:
        if isinstance(value, Remote):
            return self._objects[value._key]
        if type(value) in (list, tuple):
            return type(value)(self._local(item) for item in value)
        if type(value) is dict:
            return {key: self._local(item) for key, item in value.items()}
        return value

    def _wrapped(self, value: Any) -> Any:
        """The value, with a remote in the place of everything in it that a frame would not hold as a value."""
        if isinstance(value, VALUES):
            return value
        if isinstance(value, (list, tuple, dict)):
            items = value.values() if isinstance(value, dict) else value
            wrapped = [self._wrapped(item) for item in items]
            if all(a is b for a, b in zip(wrapped, items, strict=True)):
                return value
            if isinstance(value, dict):
                return dict(zip(value, wrapped, strict=True))
            return wrapped if isinstance(value, list) else tuple(wrapped)
        return self.remote(value)


@cache
def asks_the_same_whatever_comes(driver: Callable, reference: Callable, dtype: torch.dtype) -> bool:
    """Whether a driver passes an answer nothing that came from it.

    Otherwise a request that is made ahead would hold a right result, and before the answer has given its own.
    """
    asked = []
    for disturbed in (False, True):
        traced = Traced(ahead=True, disturbed=disturbed)
        with suppress(Exception):
            driver(traced.remote(reference), Draw(0, dtype))
        asked.append([step.asked for step in traced.steps])
    return asked[0] == asked[1]


def _disturbed(value: Any) -> Any:
    """A value of the same kind with other numbers in it."""
    if isinstance(value, torch.Tensor):
        return ~value if value.dtype == torch.bool else value + 1
    if isinstance(value, (bool, np.bool_)):
        return not value
    if isinstance(value, (int, float, np.number)):
        return value + 1
    if isinstance(value, (list, tuple)):
        return type(value)(_disturbed(item) for item in value)
    if isinstance(value, dict):
        return {key: _disturbed(item) for key, item in value.items()}
    return value


class Remote:
    """An object that lives in the sandbox: the answer, or something that it returned."""

    def __init__(self, session: "Session | Traced", key: int, type_name: str):
        self._session = session
        self._key = key
        self.type_name = type_name

    def _operate(self, operation: str, args: tuple, kwargs: dict) -> Any:
        return self._session.operate(self._key, operation, args, kwargs)

    def _beside(self, reference: Callable) -> "Remote":
        return self._session.beside(reference)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._operate("call", args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._operate("getattr", (name,), {})

    def __getitem__(self, key: Any) -> Any:
        return self._operate("getitem", (key,), {})

    def __neg__(self) -> Any:
        return self._operate("neg", (), {})


def _operator(name: str) -> Any:
    return lambda self, other: self._operate(name, (other,), {})


for _name in ("add", "sub", "mul", "truediv", "pow", "matmul", "radd", "rsub", "rmul", "rtruediv"):
    setattr(Remote, f"__{_name}__", _operator(_name))
