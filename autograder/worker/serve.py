"""The process of an exercise, or of several in turn: runs the student's cells, then does what the judge asks.

It returns values. Nothing it says is a verdict, and nothing in it must be kept secret from the student.
"""

import ast
import base64
import linecache
import operator
import os
import pickle
import sys
import traceback
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch

from autograder.cases import Rules
from autograder.devices import on_device
from autograder.judging import AnswerFailed
from autograder.operations import OPERATIONS
from autograder.watching import Watch, guarded
from autograder.worker.arena import Arena, synchronize
from autograder.worker.frames import DTYPES, Channel, ChannelClosed, Decoder, Encoder, NotPlain, TooLarge

MESSAGE_LIMIT = 600

_seed = torch.default_generator.manual_seed

PRIMITIVES: dict[str, Callable] = {
    "call": lambda f, *args, **kwargs: f(*args, **kwargs),
    "getattr": getattr,
    "setattr": setattr,
    "getitem": operator.getitem,
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "pow", "neg", "matmul")},
    "radd": lambda a, b: b + a,
    "rsub": lambda a, b: b - a,
    "rmul": lambda a, b: b * a,
    "rtruediv": lambda a, b: b / a,
}


class Server:
    """Serves one exercise after another over one channel until the judge closes it."""

    def __init__(self, channel: Channel, arena: Arena | None = None):
        self.channel = channel
        self.arena = arena
        self.objects: dict[int, Any] = {}
        self.rules = Rules()
        self.device = "cpu"
        self.module = types.ModuleType("__main__")
        self.sources: dict[str, str] = {}

    def run(self) -> None:
        try:
            while True:
                header, blob = self.channel.receive()
                reply, data = self.answer(header, blob)
                self.channel.send({**reply, "nonce": header["nonce"]}, data)
        except ChannelClosed:
            pass

    def answer(self, header: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
        """The reply to one request. Whatever the student's code raises becomes part of the reply."""
        try:
            if header["do"] == "define":
                return self.define(header), b""
            if header["do"] == "adopt":
                self.objects[header["target"]] = pickle.loads(base64.b64decode(header["function"]))
                return {"adopted": True}, b""
            if header["do"] == "lap":
                return self.lap(header), b""
            if header["do"] == "several":
                return self.several(header["requests"], blob)
            return self.operate(header, blob)
        except AnswerFailed as failure:
            return {"failure": {"key": failure.key, "classes": failure.classes, "words": failure.words}}, b""
        except TooLarge:
            return {"failure": {"key": "too_large", "words": {"limit": self.channel.limit >> 20}}}, b""
        except NotPlain as error:
            return {"failure": {"key": "subclass", "words": {"came": str(error)}}}, b""
        except BaseException as error:
            return {"failure": self.describe(error)}, b""

    def define(self, header: dict[str, Any]) -> dict[str, Any]:
        """Run the cells in order; the answer is then what the exercise's name stands for."""
        self.rules = Rules(tuple(header["forbids"]), tuple(header["may_change"]))
        self.objects, self.sources, self.module = {}, {}, types.ModuleType("__main__")
        _seed(0)
        namespace = self.module.__dict__
        sys.modules["__main__"] = self.module
        name = header["name"]
        for index, cell in enumerate(header["cells"]):
            label = f"<answer {name}>" if cell["answer"] else f"<cell {index + 1}>"
            error = self.run_cell(cell["source"], cell["keep"], label)
            if error is not None and cell["answer"]:
                words = self.describe(error)["words"]
                raise AnswerFailed("not_defined", name=name, message=f"{words['error']}: {words['message']}")
        answer = namespace.get(name)
        if answer is None:
            raise AnswerFailed("not_defined", name=name, message=f"NameError: name '{name}' is not defined")
        if not callable(answer):
            raise AnswerFailed("not_defined", name=name, message=f"it is a {type(answer).__name__}, not callable")
        self.objects[0] = answer
        self.device = header["device"]
        return {"defined": True}

    def run_cell(self, source: str, keep: list[int], label: str) -> BaseException | None:
        """Run the kept statements of one cell; what they raised."""
        if "import triton" in source:
            import autograder.kernels  # noqa: F401
        self.sources[label] = source
        linecache.cache[label] = (len(source), None, source.splitlines(True), label)
        try:
            tree = ast.parse(source)
            tree.body = [tree.body[index] for index in keep]
            exec(compile(tree, label, "exec"), self.module.__dict__)
        except BaseException as error:
            return error
        return None

    def lap(self, header: dict[str, Any]) -> dict[str, Any]:
        """Call the answer on inputs that lie in the arena, and lay each result where the judge looks for it.

        Without places for the results the calls are only made, and the first result described.
        """
        arena, answer = self.arena, self.objects[header["target"]]
        assert arena is not None
        decoder = Decoder(b"", lambda tree: arena.tensor(tree["a"], tree["shape"], DTYPES[tree["dtype"]]))
        calls = [decoder.value(args) for args in header["calls"]]
        results = [leaves(answer(*args)) for args in calls]
        if header["places"]:
            for result, places in zip(results, header["places"], strict=True):
                for leaf, place in zip(result, places, strict=True):
                    decoder.value(place).copy_(leaf)
        synchronize(arena.device)
        described = [[list(leaf.shape), str(leaf.dtype).removeprefix("torch.")] for leaf in results[0]]
        return {"made": described}

    def several(self, requests: list[dict[str, Any]], blob: bytes) -> tuple[dict[str, Any], bytes]:
        """The replies to several requests, in order."""
        replies, results, at = [], [], 0
        for header in requests:
            reply, result = self.answer(header, blob[at : at + header["size"]])
            at += header["size"]
            replies.append({**reply, "size": len(result)})
            results.append(result)
        return {"replies": replies}, b"".join(results)

    def operate(self, header: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], bytes]:
        """Do one operation on the answer, or on an object that an earlier one returned."""
        decoder = Decoder(blob, self._object)
        target = self.objects[header["target"]]
        args = decoder.value(header["args"])
        kwargs = decoder.value(header["kwargs"])
        name = header["op"]
        function = PRIMITIVES.get(name) or OPERATIONS[name]
        if isinstance(target, types.FunctionType):
            placed = target if self.device == "cpu" else on_device(target, self.device)
            target = guarded(placed, self.rules.may_change)
        with Watch(self.rules) as watch:
            result = function(target, *args, **kwargs)
        if watch.forbidden:
            raise AnswerFailed("forbidden", name=watch.forbidden[0])
        encoder = Encoder(self._handle, self.channel.limit)
        return {"value": encoder.tree(result)}, encoder.blob()

    def _object(self, tree: dict[str, Any]) -> Any:
        if "p" in tree:  # a function from the judge, which this process may trust
            return pickle.loads(base64.b64decode(tree["p"]))
        return self.objects[tree["h"]]

    def _handle(self, value: Any) -> dict[str, Any]:
        key = len(self.objects)
        self.objects[key] = value
        return {"h": key, "n": type(value).__name__[:80]}

    def describe(self, error: BaseException) -> dict[str, Any]:
        """An exception as the judge is told of it, with the line of the student's code."""
        classes = [cls.__name__ for cls in type(error).__mro__ if cls is not object]
        try:
            message = str(error)
        except BaseException:
            message = ""
        message = message if len(message) <= MESSAGE_LIMIT else message[:MESSAGE_LIMIT] + " …"
        words: dict[str, Any] = {"error": classes[0], "message": message}
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename in self.sources and frame.lineno:
                lines = self.sources[frame.filename].splitlines()
                code = lines[frame.lineno - 1].strip() if frame.lineno <= len(lines) else ""
                return {
                    "key": "raised_at",
                    "classes": classes,
                    "words": {**words, "line": frame.lineno, "code": code[:200]},
                }
        return {"key": "raised", "classes": classes, "words": words}


def leaves(value: Any) -> list[torch.Tensor]:
    """The tensors of a result, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    return [leaf for item in value for leaf in leaves(item)]


def serve(channel: Channel, arena: Arena | None = None) -> None:
    """Serve until the judge hangs up, then leave at once: nothing a student registered runs afterwards."""
    leave = os._exit
    warnings.simplefilter("ignore")
    try:
        Server(channel, arena).run()
    finally:
        leave(0)
