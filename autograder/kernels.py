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
from triton._C.libtriton import ir as _ir
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import CUDAOptions, min_dot_size
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
        parameters = inspect.signature(self.fn).parameters
        options = {name: value for name, value in kwargs.items() if name not in parameters}
        _refuse_unknown(options)
        if _listeners:
            given = {name: value for name, value in kwargs.items() if name in parameters}
            arguments = inspect.signature(self.fn).bind(*args, **given)
            arguments.apply_defaults()
            told: dict[str, int] = {name: options[name] for name in ("num_warps", "num_stages") if name in options}
            for listener in _listeners:
                listener(self.fn, dict(arguments.arguments), self.constexprs, told)
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


def _refuse_unknown(options: dict[str, Any]) -> None:
    """Raise what Triton raises on a GPU for an option that it does not know, or that cannot be."""
    for name in options:
        if name not in CUDAOptions.__dataclass_fields__ and name not in ("grid", "warmup"):
            raise KeyError(f"Keyword argument {name} was specified but unrecognised")
    warps = options.get("num_warps")
    if warps is not None and (warps < 1 or warps & (warps - 1)):
        raise AssertionError(f"num_warps must be a power of 2, not {warps}")


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


def _rounded(data: np.ndarray) -> np.ndarray:
    """float32 numbers as the bits of the nearest bfloat16, ties to even: NumPy has no bfloat16."""
    bits = np.ascontiguousarray(data, dtype=np.float32).view(np.uint32)
    nearest = (bits + ((bits >> 16) & 1) + 0x7FFF) >> 16
    return np.where(np.isnan(data), 0x7FC0, nearest).astype(np.uint16).reshape(np.shape(data))


def _widened(handle: Any) -> Any:
    """bfloat16 as float32, which holds each of its numbers; anything else as it is."""
    if handle.dtype.scalar != tl.bfloat16:
        return handle
    wide = np.left_shift(handle.data, 16, dtype=np.uint32).view(np.float32)
    return interpreter.TensorHandle(wide, tl.float32)


def _narrowed(handle: Any) -> Any:
    """What came of float32 as bfloat16; what is true or false as it is."""
    data = handle.data if handle.data.dtype == bool else _rounded(handle.data)
    return interpreter.TensorHandle(data, tl.bfloat16)


def _undefined(pointers: Any) -> Any:
    """What nobody should use: NaN, or the integer that is furthest from 0."""
    dtype = pointers.get_element_ty()
    kind = interpreter._get_np_dtype(dtype)
    value: float = 0x7FC0 if dtype == tl.bfloat16 else np.nan
    if kind.kind != "f" and dtype != tl.bfloat16:
        value = np.iinfo(kind).min or np.iinfo(kind).max if kind.kind in "iu" else True
    return interpreter.TensorHandle(np.full(pointers.data.shape, value, dtype=kind), dtype)


class _Builder(interpreter.InterpreterBuilder):
    """The interpreter's operations, which refuse what a GPU does not check, and calculate as a GPU does.

    bfloat16 is calculated with as numbers, not as their bits, and rounded to, not cut off. The float32 factors of
    tl.dot are rounded to TF32 unless input_precision forbids it. What a mask keeps out of a load without `other` is
    undefined on a GPU, and NaN here.
    """

    def create_masked_load(self, ptrs: Any, mask: Any, other: Any, *rest: Any) -> Any:
        _refuse_outside("reads", self, ptrs, mask)
        if other is None and not mask.data.all():
            other = _undefined(ptrs)
        return super().create_masked_load(ptrs, mask, other, *rest)

    def create_masked_store(self, ptrs: Any, value: Any, mask: Any, *rest: Any) -> Any:
        _refuse_outside("writes", self, ptrs, mask)
        return super().create_masked_store(ptrs, value, mask, *rest)

    def create_atomic_rmw(self, operation: Any, ptr: Any, val: Any, mask: Any, *rest: Any) -> Any:
        _refuse_outside("writes", self, ptr, mask)
        return super().create_atomic_rmw(operation, ptr, val, mask, *rest)

    def cast_impl(self, src: Any, dst_type: Any) -> Any:
        wide = super().cast_impl(_widened(src), tl.float32) if dst_type.scalar == tl.bfloat16 else _widened(src)
        return _narrowed(wide) if dst_type.scalar == tl.bfloat16 else super().cast_impl(wide, dst_type)

    def binary_op(self, lhs: Any, rhs: Any, op: Any) -> Any:
        if lhs.dtype.scalar != tl.bfloat16:
            return super().binary_op(lhs, rhs, op)
        return _narrowed(super().binary_op(_widened(lhs), _widened(rhs), op))

    def unary_op(self, arg: Any, op: Any) -> Any:
        if arg.dtype.scalar != tl.bfloat16:
            return super().unary_op(arg, op)
        return _narrowed(super().unary_op(_widened(arg), op))

    def create_fma(self, x: Any, y: Any, z: Any) -> Any:
        if z.dtype.scalar != tl.bfloat16:
            return super().create_fma(x, y, z)
        return _narrowed(super().create_fma(_widened(x), _widened(y), _widened(z)))

    def create_dot(self, a: Any, b: Any, d: Any, input_precision: Any, *rest: Any) -> Any:
        if a.dtype.scalar == tl.float32 and input_precision == _ir.INPUT_PRECISION.TF32:
            a, b = (interpreter.TensorHandle(interpreter._round_f32_to_tf32(t.data), tl.float32) for t in (a, b))
        return super().create_dot(_widened(a), _widened(b), d, input_precision, *rest)


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
    interpreter.interpreter_builder.__class__ = _Builder
    # tl.dot wants as many places along k as on an NVIDIA GPU
    interpreter.interpreter_builder.codegen_fns["min_dot_size"] = min_dot_size(GPUTarget("cuda", 80, 32))
    _quicker()
