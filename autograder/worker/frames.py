"""Frames between judge and worker: a JSON header and tensors as safetensors. Nothing is ever unpickled here.

The functions used for encoding are bound when this module is imported, before any student code runs, so that
patching json, torch or safetensors later changes nothing here.
"""

import base64
import json
import socket
import struct
import time
from collections.abc import Callable
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]
from typing import Any

import numpy as np
import torch
from safetensors import TensorSpec, serialize
from safetensors.torch import load

HEADER = struct.Struct(">4sII")
MAGIC = b"ATL1"
REQUEST_TEXT, REPLY_TEXT = 32 << 20, 4 << 20
LONGEST_INTEGER = 10_000  # bits; Python refuses to print much longer ones
MOST_NESTED = 50

_detach = torch.Tensor.detach
_contiguous = torch.Tensor.contiguous
_data_ptr = torch.Tensor.data_ptr
_stride = torch.Tensor.stride
_resolve_conj = torch.Tensor.resolve_conj
_resolve_neg = torch.Tensor.resolve_neg
_tensor_types = (torch.Tensor, torch.nn.Parameter)
_strided = torch.strided
_json = c_make_encoder(None, None, encode_basestring_ascii, None, ":", ",", False, False, True)
_dtype_names = {
    getattr(torch, name): name
    for name in (
        [
            "float64",
            "float32",
            "float16",
            "bfloat16",
            "int64",
            "int32",
            "int16",
            "int8",
            "uint8",
            "bool",
            "complex64",
            "float8_e4m3fn",
            "float8_e5m2",
        ]
    )
}
DTYPES = {name: dtype for dtype, name in _dtype_names.items()}


class FrameError(Exception):
    """What came is not a frame, or not the one that was due."""


class ChannelClosed(Exception):
    """The other side is gone."""


class TooLarge(Exception):
    """A value is larger than a frame may be."""


class NotPlain(Exception):
    """A tensor that is not a plain dense one: a subclass, sparse, or on another device."""


class Encoder:
    """Turns a value into a JSON tree and tensors.

    opaque: what to do with an object that is neither; returns a JSON tree.
    """

    def __init__(self, opaque: Callable[[Any], Any], limit: int):
        self.opaque = opaque
        self.limit = limit
        self.size = 0
        self.tensors: dict[str, torch.Tensor] = {}

    def tree(self, value: Any, depth: int = 0) -> Any:
        kind = type(value)
        if depth > MOST_NESTED:
            raise TooLarge
        if value is None or kind is bool:
            return value
        if kind is str:
            self._grow(len(value))
            return value
        if kind is int:
            if value.bit_length() > LONGEST_INTEGER:
                raise TooLarge
            return value
        if kind is float:
            return {"f": float.__repr__(value)}
        if kind in _tensor_types:
            return self._tensor(value)
        if isinstance(value, torch.Tensor):
            raise NotPlain(kind.__name__)
        if kind is torch.dtype:
            return {"y": str(value).removeprefix("torch.")}
        if isinstance(value, np.generic):
            return self.tree(value.item(), depth)
        if isinstance(value, (tuple, list)):
            self._grow(8 * len(value))
            return {"u" if isinstance(value, tuple) else "l": [self.tree(v, depth + 1) for v in value]}
        if isinstance(value, dict):
            self._grow(8 * len(value))
            return {"d": [[self.tree(k, depth + 1), self.tree(v, depth + 1)] for k, v in value.items()]}
        return self.opaque(value)

    def _grow(self, size: int) -> None:
        self.size += size
        if self.size > self.limit:
            raise TooLarge

    def _tensor(self, t: torch.Tensor) -> Any:
        t = _detach(t)
        if t.layout is not _strided or t.device.type != "cpu" or t.dtype not in _dtype_names:
            raise NotPlain(f"{t.layout} tensor of {t.dtype} on {t.device}".replace("torch.", ""))
        key = str(len(self.tensors))
        self._grow(t.numel() * t.element_size())
        self.tensors[key] = _contiguous(_resolve_neg(_resolve_conj(t)))
        return {"t": key} if t.is_contiguous() else {"t": key, "s": list(_stride(t))}

    def blob(self) -> bytes:
        """The tensors as safetensors; call it while the encoded value is still unchanged."""
        if not self.tensors:
            return b""
        specs = {
            key: TensorSpec(
                dtype=_dtype_names[t.dtype],
                shape=list(t.shape),
                data_ptr=_data_ptr(t),
                data_len=t.numel() * t.element_size(),
            )
            for key, t in self.tensors.items()
        }
        return bytes(serialize(specs))


class Decoder:
    """Turns a JSON tree and tensors back into a value.

    opaque: what to do with a tree that stands for an object; without it such trees are errors.
    limit: how many bytes all tensors together may take once they are laid out with their strides.
    """

    def __init__(self, blob: bytes, opaque: Callable[[dict], Any] | None = None, limit: int = 1 << 30):
        self.tensors = load(blob) if blob else {}
        self.opaque = opaque
        self.left = limit

    def value(self, tree: Any, depth: int = 0) -> Any:
        if tree is None or isinstance(tree, (bool, int, str)):
            return tree
        if not isinstance(tree, dict) or depth > MOST_NESTED + 1:
            raise FrameError("a tree that is no value")
        if "f" in tree:
            return float(tree["f"])
        if "t" in tree:
            return self._restride(self.tensors[tree["t"]], tree.get("s"))
        if "u" in tree:
            return tuple([self.value(v, depth + 1) for v in tree["u"]])
        if "l" in tree:
            return [self.value(v, depth + 1) for v in tree["l"]]
        if "d" in tree:
            return {self.value(k, depth + 1): self.value(v, depth + 1) for k, v in tree["d"]}
        if "y" in tree:
            return DTYPES[tree["y"]]
        if self.opaque is None:
            raise FrameError("an object where a value was due")
        return self.opaque(tree)

    def _restride(self, t: torch.Tensor, stride: list[int] | None) -> torch.Tensor:
        """The same numbers laid out with the given strides, where that takes no more memory than is left."""
        if stride is None:
            return t
        if len(stride) != t.dim() or any(type(s) is not int or s < 0 for s in stride):
            raise FrameError("strides that are none")
        if t.numel() == 0:
            return t
        extent = 1 + sum((n - 1) * s for n, s in zip(t.shape, stride, strict=True))
        if extent * t.element_size() > self.left:
            return t
        self.left -= extent * t.element_size()
        laid_out = torch.zeros(extent, dtype=t.dtype).as_strided(t.shape, stride)
        if any(s == 0 and n > 1 for n, s in zip(t.shape, stride, strict=True)):  # an expanded tensor
            first = tuple(slice(0, 1) if s == 0 else slice(None) for s in stride)
            laid_out[first].copy_(t[first])
        else:
            laid_out.copy_(t)
        return laid_out


class Channel:
    """Frames over a stream socket, each side with its own time limit.

    limit: how many bytes the tensors of a frame may take. text_limit: how many its header may take.
    """

    def __init__(self, sock: socket.socket, limit: int, text_limit: int = REQUEST_TEXT):
        self.sock = sock
        self.limit = limit
        self.text_limit = text_limit
        self._buffer = bytearray()

    def send(self, header: dict[str, Any], blob: bytes = b"", seconds: float | None = None) -> None:
        """Send a frame; TimeoutError when the other side has not read it within `seconds`."""
        text = "".join(_json(header, 0)).encode("ascii")
        try:
            self.sock.settimeout(seconds)
            self.sock.sendall(HEADER.pack(MAGIC, len(text), len(blob)) + text + blob)
        except TimeoutError:
            raise
        except OSError as error:
            raise ChannelClosed from error

    def receive(self, seconds: float | None = None) -> tuple[dict[str, Any], bytes]:
        """The next frame; TimeoutError after `seconds`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        magic, text_size, blob_size = HEADER.unpack(self._exactly(HEADER.size, deadline))
        if magic != MAGIC:
            raise FrameError("bytes that are no frame")
        if text_size > self.text_limit or blob_size > self.limit + (1 << 20):
            raise TooLarge
        text = self._exactly(text_size, deadline)
        blob = self._exactly(blob_size, deadline)
        try:
            header = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FrameError("a header that is not JSON") from error
        if not isinstance(header, dict):
            raise FrameError("a header that is not an object")
        return header, blob

    def pending(self) -> bool:
        """Whether bytes lie here that nobody asked for."""
        if self._buffer:
            return True
        self.sock.settimeout(0)
        try:
            return bool(self.sock.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        except OSError:
            return False

    def _exactly(self, size: int, deadline: float | None) -> bytes:
        while len(self._buffer) < size:
            if deadline is None:
                self.sock.settimeout(None)
            else:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self.sock.settimeout(left)
            try:
                chunk = self.sock.recv(min(1 << 20, max(size - len(self._buffer), 1 << 16)))
            except TimeoutError:
                raise
            except OSError as error:
                raise ChannelClosed from error
            if not chunk:
                raise ChannelClosed
            self._buffer += chunk
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def close(self) -> None:
        self.sock.close()


def pickled(function: bytes) -> dict[str, str]:
    """The tree of a function that the judge sends to a worker; never the other way."""
    return {"p": base64.b64encode(function).decode("ascii")}
