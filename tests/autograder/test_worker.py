"""Frames between judge and worker, a session with an answer, the limits, and what happens when something dies."""

import ast
import errno
import json
import math
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

import autograder.workshop as workshop_module
from autograder.cases import Rules, case
from autograder.comparison import compare
from autograder.course import Limits
from autograder.errors import JudgeError, SandboxError
from autograder.judging import AnswerFailed, Judge
from autograder.operations import vjp
from autograder.sandbox import Lease, Session
from autograder.slicing import Piece
from autograder.worker import calls
from autograder.worker.frames import (
    HEADER,
    LONGEST_INTEGER,
    MAGIC,
    Channel,
    ChannelClosed,
    Decoder,
    Encoder,
    FrameError,
    NotPlain,
    TooLarge,
)
from autograder.workshop import Workshop, bwrap_command, private_folder


def can_sandbox() -> bool:
    try:
        with Workshop():
            return True
    except SandboxError:
        return False


boxed = pytest.mark.skipif(not can_sandbox(), reason="needs bubblewrap")


def program_pieces(source: str) -> list[Piece]:
    """A whole program as one piece."""
    return [Piece(source, tuple(range(len(ast.parse(source).body))), "answer", True)]


# values


def refuse(value):
    raise FrameError(type(value).__name__)


def through(value, limit=1 << 20):
    """The value as it comes out at the other end."""
    encoder = Encoder(refuse, limit)
    tree = json.loads(json.dumps(encoder.tree(value)))
    return Decoder(encoder.blob()).value(tree)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return (
            isinstance(b, torch.Tensor)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and torch.equal(a.reshape(-1).contiguous().view(torch.uint8), b.reshape(-1).contiguous().view(torch.uint8))
        )
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return type(a) is type(b) and a == b


tensors = st.builds(
    lambda shape, dtype, seed: (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 9).to(dtype),
    st.lists(st.integers(0, 4), max_size=4),
    st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64]),
    st.integers(0, 99),
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([torch.float32, torch.int64])
    | tensors,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(-9, 9), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_a_value_comes_back_as_it_was(value):
    assert same(value, through(value))


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([math.nan, -0.0, math.inf, -math.inf]),
        torch.randn(3, 4).mT,
        torch.randn(4, 6)[::2, 1::2],
        torch.randn(3, 1).expand(3, 4),
        torch.arange(6.0).unfold(0, 3, 1),
        torch.zeros(0, 3),
        torch.zeros(()),
        torch.randn(3, dtype=torch.complex64).conj(),
        torch.randn(3, dtype=torch.complex64).conj().imag,
        torch.randn(3, requires_grad=True) * 2,
        torch.nn.Parameter(torch.ones(2)),
    ],
)
def test_tensors_keep_their_numbers_shape_and_strides(value):
    result = through(value)
    assert result.shape == value.shape and result.dtype == value.dtype
    assert compare(result, value.detach().resolve_conj().resolve_neg(), 0, 0) is None
    if value.numel():
        assert result.stride() == value.stride()


def test_numpy_scalars_and_sizes_come_back_as_python():
    assert same(through(np.float64(1.5)), 1.5)
    assert same(through(np.int32(3)), 3)
    assert same(through(torch.Size([2, 3])), (2, 3))


class Subclass(torch.Tensor):
    pass


@pytest.mark.parametrize(
    "value",
    [torch.ones(2).as_subclass(Subclass), torch.ones(2, 2).to_sparse(), torch.ones(2, device="meta")],
    ids=["subclass", "sparse", "meta"],
)
def test_a_tensor_that_is_not_plain_is_refused(value):
    with pytest.raises(NotPlain):
        through([value])


def endless():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [torch.zeros(1 << 20), "x" * (2 << 20), endless(), [[0] * 2000] * 200, 1 << (LONGEST_INTEGER + 1)],
    ids=["tensor", "text", "endless", "wide", "integer"],
)
def test_a_value_that_is_too_large_is_refused(value):
    with pytest.raises(TooLarge):
        through(value)


def test_an_object_is_refused_unless_somebody_takes_it():
    with pytest.raises(FrameError):
        through({"a": object()})
    with pytest.raises(FrameError):
        Decoder(b"").value({"h": 1, "n": "Thing"})
    assert Decoder(b"", lambda tree: tree["n"]).value({"u": [{"h": 1, "n": "Thing"}]}) == ("Thing",)


# what a hostile worker may write

trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["f", "t", "s", "u", "l", "d", "y", "h", "n", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(trees)
def test_no_tree_does_more_than_fail(tree):
    decoder = Decoder(save({"0": torch.ones(2, 2)}), limit=1 << 16)
    with suppress(Exception):
        decoder.value(tree)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 150))
def test_no_bytes_in_the_place_of_tensors_do_more_than_fail(noise, at):
    blob = bytearray(save({"0": torch.ones(2, 3), "1": torch.zeros(0, dtype=torch.int64)}))
    blob[at : at + len(noise)] = noise
    with suppress(Exception):
        Decoder(bytes(blob)).value({"t": "0"})


@pytest.mark.parametrize(
    "strides", [[1 << 40, 1], [(1 << 62) - 1, 1 << 62], [1 << 27, 1 << 27]], ids=["vast", "overflowing", "large"]
)
def test_strides_cannot_make_the_judge_allocate(strides):
    decoder = Decoder(save({"0": torch.ones(2, 2)}), limit=1 << 20)
    result = [decoder.value({"t": "0", "s": strides}) for _ in range(1000)]
    assert all(torch.equal(t, torch.ones(2, 2)) for t in result)
    assert sum(t.untyped_storage().nbytes() for t in result) < 2 << 20


@pytest.mark.parametrize("strides", [[1], [1, -1], [True, 1], [1.0, 1], "ab", [[1], 1]])
def test_strides_that_are_none_are_refused(strides):
    with pytest.raises((FrameError, TypeError)):
        Decoder(save({"0": torch.ones(2, 2)})).value({"t": "0", "s": strides})


def test_a_tree_that_is_too_deep_is_refused():
    tree = {"f": "1"}
    for _ in range(5000):
        tree = {"u": [tree]}
    with pytest.raises(FrameError):
        Decoder(b"").value(tree)


# frames


@contextmanager
def channels(limit=1 << 20, text_limit=1 << 16):
    ours, theirs = socket.socketpair()
    try:
        yield Channel(ours, limit, text_limit), theirs
    finally:
        ours.close()
        theirs.close()


def test_a_frame_comes_back_as_it_was():
    with channels() as (channel, other):
        Channel(other, 1 << 20).send({"a": [1, None, "é\ud800"]}, b"\0\1")
        assert channel.receive(1) == ({"a": [1, None, "é\ud800"]}, b"\0\1")
        assert not channel.pending()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.dictionaries(st.text(max_size=5), st.integers()), st.binary(max_size=50)), max_size=5))
def test_frames_come_in_order_whatever_the_pieces_they_come_in(frames):
    with channels() as (channel, other):
        for header, blob in frames:
            Channel(other, 1 << 20).send(header, blob)
        assert [channel.receive(1) for _ in frames] == frames


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (b"x" * 64, FrameError),
        (HEADER.pack(b"ATL2", 2, 0) + b"{}", FrameError),
        (HEADER.pack(MAGIC, 3, 0) + b"{x}", FrameError),
        (HEADER.pack(MAGIC, 2, 0) + b"[]", FrameError),
        (HEADER.pack(MAGIC, 4, 0) + b"\xff\xfe{}", FrameError),
        (HEADER.pack(MAGIC, 60000, 0) + b"[" * 60000, FrameError),
        (HEADER.pack(MAGIC, 10004, 0) + b"[" + b"9" * 10002 + b"]", FrameError),
        (HEADER.pack(MAGIC, 0, 0), FrameError),
        (HEADER.pack(MAGIC, 1 << 17, 0), TooLarge),
        (HEADER.pack(MAGIC, 2, 1 << 30) + b"{}", TooLarge),
        (struct.pack(">4sII", MAGIC, 0xFFFFFFFF, 0xFFFFFFFF), TooLarge),
        (HEADER.pack(MAGIC, 10, 0) + b"{}", TimeoutError),
        (HEADER.pack(MAGIC, 2, 10) + b"{}", TimeoutError),
        (HEADER.pack(MAGIC, 2, 0)[:5], TimeoutError),
        (b"", TimeoutError),
    ],
)
def test_what_is_no_frame_is_refused(written, error):
    with channels() as (channel, other):
        other.sendall(written)
        with pytest.raises(error):
            channel.receive(0.05)


def test_a_frame_that_comes_by_drops_is_waited_for_no_longer_than_allowed():
    with channels() as (channel, other):
        frame = HEADER.pack(MAGIC, 1000, 0)

        def drip():
            try:
                for byte in frame + b" " * 1000:
                    other.sendall(bytes([byte]))
                    time.sleep(0.02)
            except OSError:
                pass

        threading.Thread(target=drip, daemon=True).start()
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            channel.receive(0.2)
        assert time.monotonic() - started < 2


def test_a_reader_that_does_not_read_is_waited_for_no_longer_than_allowed():
    with channels(limit=1 << 26) as (channel, _):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            channel.send({}, bytes(1 << 25), 0.2)
        assert time.monotonic() - started < 2


def test_a_channel_that_is_closed_is_said_to_be():
    with channels() as (channel, other):
        other.close()
        with pytest.raises(ChannelClosed):
            channel.receive(1)
        with pytest.raises(ChannelClosed):
            channel.send({}, bytes(1 << 20), 1)


# a session with a worker whose replies are written by hand


class ByHand:
    """A workshop whose worker answers what a function says."""

    limits = Limits(cell_seconds=1, case_seconds=0.3, exercise_seconds=5, result_mb=1)
    device = "cpu"

    def __init__(self, reply):
        self.reply = reply
        self.ends = 0

    def open_channel(self):
        ours, theirs = socket.socketpair()

        def serve():
            channel = Channel(theirs, 1 << 20)
            try:
                while True:
                    header, _ = channel.receive()
                    if header["do"] == "define":
                        channel.send({"nonce": header["nonce"], "defined": True})
                    else:
                        self.reply(channel, header)
            except (ChannelClosed, OSError):
                pass

        threading.Thread(target=serve, daemon=True).start()
        return Channel(ours, 1 << 20, 1 << 16)

    def end_process(self, grace=0):
        self.ends += 1
        return {"exit": 0, "why": ""}


def by_hand(reply, calls=1):
    """What the session makes of the last of some calls of an answer that replies like this."""
    session = Session(ByHand(reply), "f", program_pieces("def f(x): return x"), Rules())
    for _ in range(calls - 1):
        session.answer()(1)
    return session.answer()(1)


@pytest.mark.parametrize(
    ("reply", "key"),
    [
        (lambda c, h: c.send({"nonce": h["nonce"] + "0", "value": 1}), "protocol"),
        (lambda c, h: c.send({"value": 1, "passed": True}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"]}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "value": {"t": "0"}}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "value": {"t": "0"}}, b"noise"), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "value": {"h": "0", "n": 1}}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "value": {"p": "gASVAAAA"}}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "value": [1]}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "failure": {"key": "passed", "words": {}}}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "failure": {"key": "timed_out", "words": {}}}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "failure": {"key": "raised", "words": {}}}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "failure": None}), "protocol"),
        (lambda c, h: c.send({"nonce": h["nonce"], "failure": {"key": ["raised"], "words": 3}}), "protocol"),
        (lambda c, h: c.sock.sendall(b"GET / HTTP/1.1\r\n\r\n"), "protocol"),
        (lambda c, h: c.sock.sendall(HEADER.pack(MAGIC, 1 << 30, 0)), "too_large"),
        (lambda c, h: c.send({"nonce": h["nonce"], "value": "x" * (1 << 17)}), "too_large"),
        (lambda c, h: c.send({"nonce": h["nonce"]}, bytes(3 << 20)), "too_large"),
        (lambda c, h: None, "timed_out"),
        (lambda c, h: c.close(), "crashed"),
    ],
)
def test_a_reply_that_is_none_fails_the_call(reply, key):
    with pytest.raises(AnswerFailed) as failure:
        by_hand(reply)
    assert (failure.value.key, failure.value.fatal) == (key, True)


def test_a_frame_that_nobody_asked_for_fails_the_next_call():
    def twice(channel, header):
        channel.send({"nonce": header["nonce"], "value": 1})
        channel.send({"nonce": header["nonce"], "value": 2})
        time.sleep(0.01)

    assert by_hand(twice) == 1
    with pytest.raises(AnswerFailed) as failure:
        session = Session(ByHand(twice), "f", program_pieces("def f(x): return x"), Rules())
        session.answer()(1)
        time.sleep(0.05)
        session.answer()(1)
    assert failure.value.key == "protocol"


def test_a_reply_to_an_earlier_request_is_no_reply():
    nonces = []

    def late(channel, header):
        nonces.append(header["nonce"])
        channel.send({"nonce": nonces[0], "value": len(nonces)})

    with pytest.raises(AnswerFailed) as failure:
        by_hand(late, calls=2)
    assert failure.value.key == "protocol"


def test_what_a_worker_says_of_a_failure_is_cut_and_cleaned():
    words = {"error": "E\x1b[0m" * 500, "message": "\ud800\0x" * 2000}
    failure = {"key": "raised", "classes": ["E\n" * 99, *["C"] * 99], "words": words}
    with pytest.raises(AnswerFailed) as caught:
        by_hand(lambda c, h: c.send({"nonce": h["nonce"], "failure": failure}))
    message = caught.value.difference.message()
    assert caught.value.key == "raised" and len(message) < 2500 and len(caught.value.classes) == 20
    message.encode()
    assert "\0" not in message and "\x1b" not in message


# an answer in a real sandbox

LIMITS = Limits(cell_seconds=5, case_seconds=5, exercise_seconds=20, memory_mb=256, processes=16, tmp_mb=4, result_mb=1)


@pytest.fixture(scope="module")
def workshop():
    with Workshop(limits=LIMITS) as made:
        yield made


@contextmanager
def answering(workshop, source, rules=Rules()):  # noqa: B008 - it never changes
    session = Session(workshop, "f", program_pieces(source), rules)
    try:
        yield session.answer()
    finally:
        session.discard()


def failure_of(workshop, source, *args, rules=Rules()):  # noqa: B008
    with pytest.raises(AnswerFailed) as failure, answering(workshop, source, rules) as f:
        f(*args)
    return failure.value


@boxed
def test_values_objects_and_functions_go_there_and_back(workshop):
    source = """
import torch
class f(torch.nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k = torch.nn.Parameter(torch.full((2,), float(k)))
    def forward(self, x):
        return {"scaled": self.k * x, "pair": (1, [None, "a"])}
    def apply_to(self, g):
        return g(self.k)
"""
    with answering(workshop, source) as f:
        module = f(3)
        assert module.type_name == "f"
        result = module(torch.ones(2))
        assert same(result["scaled"], torch.full((2,), 3.0)) and result["pair"] == (1, [None, "a"])
        assert same(module.k, torch.full((2,), 3.0))
        assert same(module.apply_to(lambda k: k + 1), torch.full((2,), 4.0))
        assert same(module.state_dict()["k"], torch.full((2,), 3.0))
        module.load_state_dict({"k": torch.zeros(2)})
        assert same(module(torch.ones(2))["scaled"], torch.zeros(2))


@boxed
def test_an_exception_comes_back_with_the_line_of_the_answer(workshop):
    failure = failure_of(workshop, "def g(x):\n    raise KeyError('no')\ndef f(x):\n    return g(x)\n", 1)
    assert failure.key == "raised_at" and failure.classes[:2] == ["KeyError", "LookupError"]
    assert (failure.words["line"], failure.words["code"]) == (2, "raise KeyError('no')")


@boxed
@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise SystemExit(0)\ndef f(x): pass", "SystemExit: 0"),
        ("g = undefined\ndef f(x): pass", "NameError: name 'undefined'"),
        ("f = 3", "it is a int, not callable"),
        ("g = 3", "name 'f' is not defined"),
    ],
)
def test_a_cell_that_defines_nothing_says_why(workshop, source, says):
    failure = failure_of(workshop, source)
    assert failure.key == "not_defined" and says in failure.words["message"]


@boxed
def test_inputs_that_a_call_changes_are_noticed(workshop):
    source = "def f(x):\n    return x.add_(1)\n"
    assert failure_of(workshop, source, torch.ones(2)).key == "changed_input"
    with answering(workshop, source, Rules(may_change=("x",))) as f:
        assert same(f(torch.ones(2)), torch.full((2,), 2.0))


@boxed
@pytest.mark.parametrize("call", ["torch.exp(x)", "x.exp()", "x.exp_()", "torch.Tensor.exp(x)", "g(x)"])
def test_a_forbidden_function_is_noticed_when_it_runs(workshop, call):
    source = f"import torch\ng = getattr(torch, 'ex' + 'p')\ndef f(x):\n    x = x.clone()\n    return {call}\n"
    failure = failure_of(workshop, source, torch.ones(2), rules=Rules(forbids=("exp",)))
    assert (failure.key, failure.words["name"]) == ("forbidden", "exp")


@boxed
def test_a_forbidden_function_is_noticed_in_the_backward_pass_and_inside_a_subclass(workshop):
    source = """
import torch
class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    @staticmethod
    def backward(ctx, g):
        return g.exp()
class Inside(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return args[0].as_subclass(torch.Tensor).exp()
def f(x):
    return Exp.apply(x) if x.requires_grad else torch.sum(x.as_subclass(Inside))
"""
    rules = Rules(forbids=("exp",))
    with answering(workshop, source, rules) as f, pytest.raises(AnswerFailed) as failure:
        vjp(f, torch.ones(2), cotangent=1)
    assert failure.value.words["name"] == "exp"
    assert failure_of(workshop, source, torch.ones(2), rules=rules).key == "forbidden"


@case("f")
def sums(f, draw):
    """和"""
    return f(draw.normal(3, 3)).sum(-1)


@case("f", facet="interface", raises=ValueError)
def refuses(f, draw):
    """拒绝"""
    return f(draw.normal(3))[0] + f(draw.normal(3))["x"]


def judged(workshop, source, *cases, reference=lambda x: torch.softmax(x, -1), points=2):
    session = Session(workshop, "f", program_pieces(source), Rules())
    return Judge("f", cases, reference, "secret").judge(session, points=points)


@boxed
def test_an_object_that_answers_a_drivers_own_arithmetic_is_no_value(workshop):
    lie = "import torch\nclass Lie:\n    def sum(self, dim):\n        return torch.ones(3, dtype=self.dtype)\n"
    lie += "def f(x):\n    lie = Lie()\n    lie.dtype = x.dtype\n    return lie\n"
    verdict = judged(workshop, lie, sums)
    assert verdict.score == 0
    assert "Lie" in verdict.cases[0].message
    assert judged(workshop, "import torch\ndef f(x):\n    return torch.softmax(x, -1)\n", sums).status == "passed"


@boxed
def test_an_error_of_the_driver_is_not_the_error_that_the_answer_should_raise(workshop):
    def reference(x):
        raise ValueError

    broken = judged(workshop, "def f(x):\n    return None\n", refuses, reference=reference)
    assert not broken.cases[0].passed
    raising = judged(workshop, "def f(x):\n    raise ValueError\n", refuses, reference=reference)
    assert raising.cases[0].passed


@case("f", raises=ValueError)
def refuses_as_a_value(f, draw):
    """拒绝"""
    return f(draw.normal(3))


@boxed
def test_an_error_alone_earns_nothing_whatever_its_facet(workshop):
    def reference(x):
        if x.dim() == 1:
            raise ValueError
        return torch.softmax(x, -1)

    assert (
        judged(workshop, "def f(x):\n    raise ValueError\n", sums, refuses_as_a_value, reference=reference).score == 0
    )


# limits


@boxed
@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("kept = []\n    while True: kept.append(torch.ones(1 << 20))", "memory"),
        ("import mmap\n    m = mmap.mmap(-1, 1 << 30)\n    for k in range(0, 1 << 30, 4096): m[k] = 1", "memory"),
        (
            "import mmap\n    m = mmap.mmap(-1, 1 << 42, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)\n"
            "    for k in range(0, 1 << 42, 1 << 21): m[k]",
            "memory",
        ),
        ("import os\n    while True: os.fork()", "processes"),
        (
            "import threading, time\n    while True: threading.Thread(target=time.sleep, args=(60,)).start()",
            "processes",
        ),
        ("while True: pass", "timed_out"),
        ("return torch.ones(1 << 20)", "too_large"),
        ("import os\n    os._exit(3)", "crashed"),
        ("import os\n    os.closerange(3, 99)\n    while True: pass", "protocol"),
    ],
    ids=["memory", "shared memory", "page tables", "processes", "threads", "time", "result", "exit", "hangs up"],
)
def test_a_limit_is_kept_and_named(workshop, body, key):
    failure = failure_of(workshop, f"import torch\ndef f(x):\n    {body}\n", 1)
    assert failure.key == key
    failure.difference.message()


@boxed
def test_all_cases_of_an_exercise_together_have_a_limit():
    limits = LIMITS.model_copy(update={"case_seconds": 1, "exercise_seconds": 1.5})
    with Workshop(limits=limits) as workshop, answering(workshop, "import time\ndef f(x):\n    time.sleep(x)") as f:
        f(0.8)
        started = time.monotonic()
        with pytest.raises(AnswerFailed) as failure:
            f(0.9)
        assert failure.value.key == "timed_out" and time.monotonic() - started < 0.8


@boxed
def test_files_have_a_size_a_number_and_a_place(workshop):
    source = """
import os
def f(place):
    written = 0
    try:
        for k in range(10000):
            with open(f"{place}/{k}", "wb") as file:
                written += file.write(bytes(1 << 16)) if place.startswith("/tmp") else 1
    except OSError as error:
        return written, type(error).__name__
    return written, ""
"""
    with answering(workshop, source) as f:
        written, error = f(private_folder())
        assert error and 1 << 21 < written <= LIMITS.tmp_mb << 20
        written, error = f("/dev/shm")
        assert error and written < 1000
        for place in ("/", "/dev", "/proc", "/usr", "/var/tmp", os.path.dirname(torch.__file__)):
            assert f(place)[0] == 0


@boxed
def test_a_worker_sees_nothing_of_its_surroundings(workshop, monkeypatch):
    source = """
import os, socket, stat
def f(what):
    if what == "files":
        kinds = []
        for fd in range(256):
            try:
                mode = os.fstat(fd).st_mode
            except OSError:
                continue
            kinds.append((fd, "socket" if stat.S_ISSOCK(mode) else "device" if stat.S_ISCHR(mode) else oct(mode)))
        return kinds
    if what == "environment":
        return sorted(os.environ)
    if what == "ids":
        return os.getpid(), os.getppid(), os.getsid(0), os.getpgid(0), socket.gethostname()
    if what == "proc":
        return os.listdir("/proc"), os.listdir("/tmp"), os.listdir("/dev/shm"), os.getcwd()
"""
    with answering(workshop, source) as f:
        kinds = f("files")
        assert [kind for _, kind in kinds] == ["device"] * 3 + ["socket"]
        assert set(f("environment")) <= {*workshop_module._environment(), "PWD"}
        assert f("ids") == (1, 0, 1, 1, "atlas")
        assert f("proc") == ([], [], [], "/tmp")


@boxed
def test_a_worker_has_no_rights_and_no_system_calls_but_ordinary_ones(workshop):
    source = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def f(what, number):
    if what == "call":
        ctypes.set_errno(0)
        return libc.syscall(number, 0, 0, 0, 0, 0, 0), ctypes.get_errno()
    try:
        socket.socket(number, socket.SOCK_STREAM).close()
        return True
    except OSError:
        return False
"""
    column = calls.ARCHITECTURES[os.uname().machine][0]
    with answering(workshop, source) as f:
        for name, numbers in calls.REFUSED.items():
            if numbers[column] is not None:
                assert f("call", numbers[column]) == (-1, errno.EPERM), name
        assert f("call", calls.CLONE3[column]) == (-1, errno.ENOSYS)
        assert [domain for domain in range(1, 46) if f("socket", domain)] == list(calls.DOMAINS)
    source = "import ctypes\ndef f(flag):\n    return ctypes.CDLL(None).syscall(%d, flag | 17, 0, 0, 0, 0)\n"
    with answering(workshop, source % calls.CLONE[column]) as f:
        for bit in range(25, 31):
            assert f(1 << bit) == -1
        assert f(0x00020000) == -1


def test_the_filter_is_a_program_that_ends_in_every_branch():
    lines = [struct.unpack("=HBBI", calls.program()[k : k + 8]) for k in range(0, len(calls.program()), 8)]
    for at, (code, yes, no, _) in enumerate(lines):
        if code in (calls.EQUAL, calls.AT_LEAST, calls.ANY_BIT):
            assert at + 1 + max(yes, no) < len(lines)
    assert lines[-1] == (calls.RETURN, 0, 0, calls.ALLOW)


# what dies


def below(workshop):
    """The processes of the sandbox: bubblewrap's, the zygote and its first parent, and then the worker's."""
    process = workshop._launched and workshop._launched.process
    try:
        return psutil.Process(process.pid).children(recursive=True) if process else []
    except psutil.NoSuchProcess:
        return []


def wait_until(condition, seconds=10):
    """What the condition says once it is true, or at the end."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return found


RIGHT = "import torch, time\ndef f(x):\n    time.sleep(0.2)\n    return torch.softmax(x, -1)\n"


@boxed
@pytest.mark.parametrize("victim", ["worker", "zygote", "bubblewrap"])
def test_what_somebody_else_kills_costs_an_honest_answer_nothing(victim):
    with Workshop(limits=LIMITS) as workshop:
        resting = {p.pid for p in below(workshop)}

        def kill():
            worker = wait_until(lambda: next((p for p in below(workshop) if p.pid not in resting), None))
            time.sleep(0.05)
            target = {
                "worker": worker,
                "zygote": worker.parent(),
                "bubblewrap": psutil.Process(workshop._launched.process.pid),
            }
            target[victim].send_signal(signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        verdict = judged(workshop, RIGHT, sums)
        killer.join()
        assert (verdict.status, verdict.score) == ("passed", 2.0)
        assert judged(workshop, RIGHT, sums).status == "passed"


@boxed
def test_what_is_killed_while_it_is_being_defined_is_defined_again():
    with Workshop(limits=LIMITS) as workshop:
        resting = {p.pid for p in below(workshop)}

        def kill():
            worker = wait_until(lambda: next((p for p in below(workshop) if p.pid not in resting), None))
            time.sleep(0.1)
            worker.send_signal(signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        verdict = judged(workshop, RIGHT.replace("def f", "time.sleep(0.5)\ndef f"), sums)
        killer.join()
        assert (verdict.status, verdict.score) == ("passed", 2.0)


@boxed
def test_a_sandbox_that_dies_again_and_again_is_the_judges_failure(monkeypatch):
    monkeypatch.setattr(workshop_module, "START_SECONDS", 30)
    with Workshop(limits=LIMITS) as workshop:
        stop = threading.Event()

        def kill():
            while not stop.is_set():
                process = workshop._launched and workshop._launched.process
                try:
                    known = psutil.Process(process.pid) if process else None
                    if known and len(known.children(recursive=True)) > 3:
                        known.kill()
                except psutil.NoSuchProcess:
                    pass
                time.sleep(0.02)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            with pytest.raises(JudgeError, match="the sandbox died 3 times while it ran f"):
                judged(workshop, RIGHT, sums)
        finally:
            stop.set()
            killer.join()
        assert judged(workshop, RIGHT, sums).status == "passed"


@boxed
def test_an_answer_that_kills_itself_again_and_again_has_crashed(workshop):
    source = "import ctypes, os\ndef f(x):\n    os.closerange(3, 99)\n    ctypes.string_at(0)\n"
    verdict = judged(workshop, source, sums)
    assert (verdict.status, verdict.score) == ("crashed", 0)


@boxed
def test_a_box_that_cannot_be_set_up_is_the_judges_failure():
    with Workshop(limits=LIMITS.model_copy(update={"tmp_mb": -1})) as workshop:
        session = Session(workshop, "f", program_pieces("def f(x): return x"), Rules())
        with pytest.raises(JudgeError, match=r"could not be set up for f: OSError.*mount"):
            session.answer()
        session.discard()


@boxed
def test_nothing_of_a_workshop_is_left_when_it_is_closed():
    workshop = Workshop(limits=LIMITS)
    workshop.start()
    session = Session(workshop, "f", program_pieces("import os\nos.fork()\ndef f(x): return x"), Rules())
    session.answer()
    processes = [psutil.Process(workshop._launched.process.pid), *below(workshop)]
    assert len(processes) > 4
    workshop.close()
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive


@boxed
@pytest.mark.parametrize("dead", [False, True])
def test_a_sandbox_launched_ahead_is_used_and_replaced_if_it_has_died(dead):
    launched = workshop_module.launch("bwrap", LIMITS)
    if dead:
        wait_until(lambda: select.select([launched.controls[0]], [], [], 0)[0], 60)
        launched.process.kill()
    with Workshop("bwrap", LIMITS, launched.controls[0]) as workshop:
        assert judged(workshop, RIGHT, sums).status == "passed"
        assert (workshop._launched is not None) == dead
        launched.process.kill()
        assert judged(workshop, RIGHT, sums).status == "passed"
    launched.process.wait()


@boxed
def test_the_zygotes_of_one_sandbox_share_nothing_but_their_import():
    launched = workshop_module.launch("bwrap", LIMITS, 2)
    listens = "import socket\nkept = socket.socket(socket.AF_UNIX)\nkept.bind('\\0here')\nkept.listen()\n"
    listens += f"held = b'x' * ({LIMITS.memory_mb * 6 // 10} << 20)\ndef f(x):\n    return x\n"
    calls = "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0here')\ndef f(x):\n    return x\n"
    with Workshop("bwrap", LIMITS, launched.controls[1]) as two:
        with Workshop("bwrap", LIMITS, launched.controls[0]) as one:
            with answering(one, listens) as f, answering(two, listens) as g:  # more memory than one of them may have
                time.sleep(0.1)
                assert f(1) == g(1) == 1
            with answering(one, listens):
                assert "ConnectionRefused" in failure_of(two, calls, 1).words["message"]
        assert judged(two, RIGHT, sums).status == "passed"
        assert two._launched is None
    assert launched.process.wait(10) == 0


@boxed
def test_a_lease_gives_several_answers_one_process_and_a_fresh_namespace_each(workshop):
    lease = Lease(workshop)
    pids = []
    for k in range(3):
        source = (
            f"import os\nseen = 'other' in globals()\nother = {k}\ndef f(x):\n    return os.getpid(), seen, other\n"
        )
        session = Session(workshop, "f", program_pieces(source), Rules(), lease)
        pids.append([p.pid for p in below(workshop)])
        assert session.answer()(1) == (1, False, k)
        session.leave()
    assert pids[1] == pids[2]
    lease.end()
    assert wait_until(lambda: len(below(workshop)) == len(pids[0]))


@boxed
def test_a_frame_left_behind_in_a_shared_process_does_not_reach_the_next_answer(workshop):
    lease = Lease(workshop)
    source = "import os\ndef f(x):\n    os.write(3, b'noise')\n    return 1\n"
    first = Session(workshop, "f", program_pieces(source), Rules(), lease)
    with pytest.raises(AnswerFailed):
        first.answer()(1)
        first.answer()(1)
    first.leave()
    lease.end()
    second = Session(workshop, "f", program_pieces("def f(x): return 2"), Rules(), lease)
    assert second.answer()(1) == 2
    second.leave()
    lease.end()


# what is done ahead


@case("f")
def values_and_gradients(f, draw):
    """值与梯度"""
    x = draw.normal(3)
    return f(x), f(x.repeat(2)), vjp(f, x, cotangent=draw)


@case("f")
def a_chain(f, draw):
    """复合"""
    x = draw.normal(3)
    return f(x), f(f(x))


@case("f", raises=ValueError)
def refuses_three_rows(f, draw):
    """拒绝三行"""
    return f(draw.normal(3, 2))


def exponential(x):
    if x.dim() == 2:
        raise ValueError("two dimensions")
    return torch.exp(x)


EXPONENTIAL = "import torch\ndef f(x):\n    if x.dim() == 2:\n        raise ValueError\n    return {}\n"


def judged_ahead(workshop, source, *cases):
    """The verdict with all requests made ahead, and what was asked for, frame by frame."""
    session = Session(workshop, "f", program_pieces(source), Rules(), Lease(workshop))
    frames = []
    request = session.request
    session.request = lambda header, *rest: (frames.append(header["do"]), request(header, *rest))[1]
    judge = Judge("f", cases, exponential, "secret")
    judge.rehearse(session)
    verdict = judge.judge(session)
    session.lease.end()
    return verdict, frames


@boxed
def test_all_that_the_drivers_ask_of_an_answer_is_asked_in_one_frame(workshop):
    verdict, frames = judged_ahead(
        workshop, EXPONENTIAL.format("torch.exp(x)"), values_and_gradients, refuses_three_rows
    )
    assert verdict.status == "passed"
    assert frames == ["define", "several"]


@boxed
@pytest.mark.parametrize(
    "returned",
    [
        "torch.exp(x)",
        "torch.exp(x * (1 + 1e-9))",
        "torch.exp(x) + 1",
        "x.undefined",
        "__import__('os')._exit(3)",
        "[x]",
        "type('Lie', (), {})()",
        "torch.exp(x) if x.sum() > 0 else None",
    ],
)
def test_an_answer_gets_the_same_verdict_whether_it_is_asked_ahead_or_run_by_run(workshop, returned):
    source = EXPONENTIAL.format(returned)
    cases = (values_and_gradients, a_chain, refuses_three_rows)
    run_by_run = judged(workshop, source, *cases, reference=exponential, points=1)
    assert judged_ahead(workshop, source, *cases)[0] == run_by_run


@boxed
def test_nothing_that_depends_on_results_is_asked_ahead_since_it_would_hold_the_right_ones(workshop):
    verdict, frames = judged_ahead(workshop, EXPONENTIAL.format("torch.exp(x)"), a_chain)
    assert verdict.status == "passed"
    assert frames == ["define"] + ["operate"] * 6


@boxed
def test_a_request_that_turns_out_otherwise_is_made_once_more(workshop):
    @case("f", dtypes=[torch.float64])
    def asks_for_more_when_it_gets_little(f, draw):
        """得到的少就再问"""
        x = draw.normal(3)
        return f(x), f(x + 1 if f(x).max() < 100 else x)

    source = EXPONENTIAL.format("torch.exp(x) + 1000")
    verdict, frames = judged_ahead(workshop, source, asks_for_more_when_it_gets_little)
    assert not verdict.cases[0].passed
    assert frames == ["define", "several", "operate"]


@boxed
def test_an_answer_that_never_comes_back_is_told_from_one_that_is_slow_by_its_own_limits(workshop):
    slow = EXPONENTIAL.format("(__import__('time').sleep(0.4), torch.exp(x))[1]")
    verdict, frames = judged_ahead(workshop, slow, values_and_gradients)
    assert verdict.status == "passed"
    assert frames[:3] == ["define", "several", "define"]
    verdict, _ = judged_ahead(workshop, EXPONENTIAL.format("exec('while True: pass')"), values_and_gradients)
    assert verdict.status == "timed_out"


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"replies": []},
        {"replies": [1]},
        {"replies": [{"value": 1}]},
        {"replies": [{"value": 1, "size": "1"}]},
        {"replies": [{"value": {"t": "0"}, "size": 9}]},
        {"replies": [{"failure": {"key": "passed", "words": {}}, "size": 0}]},
    ],
)
def test_replies_that_are_none_are_no_results(reply):
    session = Session(
        ByHand(lambda c, h: c.send({"nonce": h["nonce"], **reply})), "f", program_pieces("def f(x): return x"), Rules()
    )
    traced = session.rehearsal(values_and_gradients, exponential)
    traced.remote(lambda x: x)(1)
    session.ahead([traced.steps])
    session.follow(traced.steps)
    with pytest.raises(AnswerFailed) as failure:
        session.answer()(1)
    assert (failure.value.key, failure.value.fatal) == ("protocol", True)


# where there is no sandbox


def test_without_bubblewrap_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SandboxError, match=r"apt-get install bubblewrap.*--sandbox none"):
        bwrap_command("python")
    with pytest.raises(SandboxError, match="bubblewrap is not installed"):
        Workshop().start()


def test_a_sandbox_that_does_not_start_says_why(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: no permission to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match=r"no permission to create new namespace.*atlas doctor"):
        Workshop().start()


@boxed
def test_a_course_within_what_the_sandbox_shows_is_hidden(monkeypatch, tmp_path):
    shown, root = tmp_path / "shown", tmp_path / "shown" / "course"
    (root / "solutions").mkdir(parents=True)
    (root / "venv").mkdir()
    for path in (shown / "library", root / "course.yml", root / "solutions" / "reference.py", root / "venv" / "python"):
        path.write_text("loot")
    monkeypatch.chdir(root)
    paths = workshop_module._python_paths()
    monkeypatch.setattr(workshop_module, "_python_paths", lambda: [*paths, shown, root / "venv"])
    # what is shown below /tmp would be covered by the worker's own
    command = [part if part != "/tmp" else "/run" for part in bwrap_command(shutil.which("find"))]
    found = subprocess.run([*command, str(shown)], capture_output=True, text=True, check=True).stdout.split()
    names = {str(Path(name).relative_to(shown)) for name in found}
    assert names == {".", "library", "course", "course/venv", "course/venv/python"}
    touched = subprocess.run([*command[:-1], shutil.which("touch"), str(root / "here")], capture_output=True)
    assert touched.returncode != 0


def test_a_sandbox_of_another_name_is_refused():
    with pytest.raises(SandboxError, match="use bwrap or none"):
        Workshop("docker").start()


def test_without_a_sandbox_code_that_one_trusts_is_judged_and_the_verdict_says_so():
    with Workshop("none", LIMITS) as workshop:
        assert workshop.label == "unsandboxed"
        with answering(workshop, f"held = b'x' * ({LIMITS.memory_mb * 6 // 10} << 20)\ndef f(x): return x\n") as f:
            time.sleep(0.1)  # in which its memory is counted, once
            assert f(1) == 1
        assert judged(workshop, RIGHT, sums).status == "passed"
        assert failure_of(workshop, "import os\ndef f(x):\n    os._exit(0)\n", 1).key == "crashed"
