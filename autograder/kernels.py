"""Triton on any machine: on the GPU, or in Triton's interpreter where there is none. Import it before triton.

In the interpreter every access is looked at: one outside the tensors that the kernel was given is an error that says
where, not a wrong number or a broken process.
"""

import inspect
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch._C import DisableTorchFunction, _DisableTorchDispatch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

import triton.language as tl
from triton.runtime import interpreter  # which reads the environment

from autograder.programs import programs_of, show_programs

__all__ = ["DEVICE", "INTERPRETED", "Access", "addresses", "programs_of", "show_programs", "watch"]

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = torch.device("cpu" if INTERPRETED else "cuda")


GUARD = 1 << 20  # bytes on either side of a tensor in which no other lies


@dataclass(frozen=True)
class Access:
    """One load or store of one program: the bytes of a storage at which the elements begin."""

    program: tuple[int, int, int]
    verb: Literal["reads", "writes"]
    storage: int
    places: np.ndarray

    def elements(self, tensor: torch.Tensor) -> np.ndarray:
        """How often every element of a tensor was accessed, in the tensor's shape."""
        if tensor.untyped_storage().data_ptr() != self.storage:
            return np.zeros(tensor.shape, dtype=int)
        first = torch.arange(tensor.untyped_storage().nbytes() // tensor.element_size())
        where = first.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset()).numpy()
        return np.bincount(self.places // tensor.element_size(), minlength=len(first))[where]


_watchers: list[list[Access]] = []
_listeners: list[Callable[[Any, dict[str, Any], list[str], dict[str, int]], None]] = []


@contextmanager
def watch() -> Iterator[list[Access]]:
    """Every access of the kernels launched inside, in order, one program after the other; empty on a GPU.

    with watch() as accesses:
        fused_softmax(x)
    show_programs(accesses, x=x)
    """
    accesses: list[Access] = []
    _watchers.append(accesses)
    try:
        yield accesses
    finally:
        _watchers.remove(accesses)


def addresses(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Where each tensor begins, as an int64 tensor that a kernel can be given instead of so many pointers.

    A kernel loads an address and makes a pointer of it: `tl.load(table + i).to(tl.pointer_type(tl.float32))`. In the
    interpreter the tensors count as given to every launch that is given this very table, not a copy or a view of it.
    """
    device = tensors[0].device if tensors else DEVICE
    table = torch.tensor([tensor.data_ptr() for tensor in tensors], dtype=torch.int64, device=device)
    table.addressed = tuple(tensors)  # type: ignore[attr-defined]
    return table


@contextmanager
def on_launch(listener: Callable[[Any, dict[str, Any], list[str], dict[str, int]], None]) -> Iterator[None]:
    """Tell the listener of every launch: kernel, arguments, the names of the constexpr ones, the compiler's options."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def _unseen() -> Iterator[None]:
    """What the interpreter does with torch is not the answer's doing, and no mode sees it."""
    with DisableTorchFunction(), _DisableTorchDispatch():
        yield


class _Launch(interpreter.GridExecutor):
    """One launch of a kernel. Its tensors are copied to places far from each other, and back when it has run."""

    patched: ClassVar[set[int]] = set()  # the globals in which this launch has put the interpreter's functions
    spans: tuple[tuple[int, int], ...] = ()
    storages: tuple[tuple[int, int, int], ...] = ()  # where a copy begins and ends, and the storage it is of

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        _Launch.patched.clear()
        if _listeners:
            parameters = inspect.signature(self.fn).parameters
            given = {name: value for name, value in kwargs.items() if name in parameters}
            arguments = inspect.signature(self.fn).bind(*args, **given)
            arguments.apply_defaults()
            options: dict[str, int] = {name: kwargs[name] for name in ("num_warps", "num_stages") if name in kwargs}
            for listener in _listeners:
                listener(self.fn, dict(arguments.arguments), self.constexprs, options)
        super().__call__(*args, **kwargs)

    def _init_args_hst(self, args_dev: Any, kwargs: Any) -> Any:
        with _unseen():
            return self._given(args_dev, kwargs)

    def _given(self, args_dev: Any, kwargs: Any) -> Any:
        self.copies: dict[int, tuple[torch.UntypedStorage, torch.Tensor]] = {}
        self.addressed: list[torch.Tensor] = []
        args = tuple(self._copied(value) for value in args_dev)
        options = {name: self._copied(value) for name, value in kwargs.items()}
        given = [value for value in (*args, *options.values(), *self.addressed) if isinstance(value, torch.Tensor)]
        _Launch.spans = tuple({_span(tensor) for tensor in given if tensor.numel()})
        _Launch.storages = tuple(
            (copy.data_ptr() + GUARD, copy.data_ptr() + GUARD + storage.nbytes(), pointer)
            for pointer, (storage, copy) in self.copies.items()
        )
        return super()._init_args_hst(args, options)

    def _restore_args_dev(self, args_dev: Any, args_hst: Any, kwargs: Any, kwargs_hst: Any) -> None:
        with _unseen():
            for storage, copy in self.copies.values():
                _bytes(storage).copy_(copy[GUARD:-GUARD])

    def _copied(self, value: Any) -> Any:
        if type(value) is not torch.Tensor or value.device.type != "cpu":
            return value
        if hasattr(value, "addressed"):
            there = [self._copied(tensor) for tensor in value.addressed]
            self.addressed += there
            return torch.tensor([tensor.data_ptr() for tensor in there], dtype=torch.int64)
        storage = value.untyped_storage()
        if storage.data_ptr() not in self.copies:
            copy = torch.empty(storage.nbytes() + 2 * GUARD, dtype=torch.uint8)
            copy[GUARD:-GUARD].copy_(_bytes(storage))
            self.copies[storage.data_ptr()] = storage, copy
        offset = GUARD // value.element_size() + value.storage_offset()
        buffer = self.copies[storage.data_ptr()][1].untyped_storage()
        return torch.empty(0, dtype=value.dtype).set_(buffer, offset, value.shape, value.stride())


def _bytes(storage: torch.UntypedStorage) -> torch.Tensor:
    return torch.empty(0, dtype=torch.uint8).set_(storage)


def _span(tensor: torch.Tensor) -> tuple[int, int]:
    """The addresses from a tensor's first element to behind its last."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (last + 1) * tensor.element_size()


def _refuse_outside(verb: str, builder: Any, pointers: Any, mask: Any) -> None:
    """Raise IndexError if an element that the mask lets through lies in none of the tensors."""
    addresses = np.asarray(pointers.data)[np.asarray(mask.data, dtype=bool)].astype(np.uint64)
    inside = np.zeros(addresses.shape, dtype=bool)
    for start, end in _Launch.spans:
        inside |= (addresses >= start) & (addresses < end)
    if not inside.all():
        raise IndexError(
            f"program {tuple(builder.grid_idx)} {verb} {int((~inside).sum())} elements outside the tensors that the "
            "kernel was given: is a mask missing, or one place off?"
        )
    if _watchers:
        _record(verb, builder, addresses)


def _record(verb: Any, builder: Any, addresses: np.ndarray) -> None:
    for start, end, storage in _Launch.storages:
        places = (addresses[(addresses >= start) & (addresses < end)] - np.uint64(start)).astype(np.int64)
        if places.size:
            for accesses in _watchers:
                accesses.append(Access(tuple(builder.grid_idx), verb, storage, places))


def _checked(name: str, verb: str, mask_at: int) -> None:
    original = getattr(interpreter.InterpreterBuilder, name)

    def checked(self: Any, pointers: Any, *rest: Any) -> Any:
        _refuse_outside(verb, self, pointers, rest[mask_at])
        return original(self, pointers, *rest)

    setattr(interpreter.InterpreterBuilder, name, checked)


def _dot_of_bfloat16() -> None:
    """NumPy has no bfloat16: the interpreter multiplies its bits as integers. In float32 the products are exact."""
    original = interpreter.InterpreterBuilder.create_dot

    def create_dot(self: Any, a: Any, b: Any, *rest: Any) -> Any:
        a, b = (self.cast_impl(t, tl.float32) if t.dtype.scalar == tl.bfloat16 else t for t in (a, b))
        return original(self, a, b, *rest)

    interpreter.InterpreterBuilder.create_dot = create_dot


def _quicker() -> None:
    """The interpreter spends half of its time on looking up the same things again; remember them."""
    dtype_of = interpreter._get_np_dtype
    known = cache(dtype_of)
    interpreter._get_np_dtype = lambda kind: dtype_of(kind) if kind.is_ptr() else known(kind.scalar)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if id(self.fn.__globals__) not in _Launch.patched:  # once a launch, not at every call of a function in a kernel
            interpreter._patch_lang(self.fn)
            _Launch.patched.add(id(self.fn.__globals__))
        try:
            return self.rewrite()(*args, **kwargs)
        except Exception as error:
            raise interpreter.InterpreterError(repr(error)) from error

    interpreter.InterpretedFunction.__call__ = call


if INTERPRETED:
    # an overflow in NumPy is one in the kernel, where it is silent
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"triton\.runtime\.interpreter")
    interpreter.GridExecutor = _Launch
    _checked("create_masked_load", "reads", 0)
    _checked("create_masked_store", "writes", 1)
    _dot_of_bfloat16()
    _quicker()
