"""Memory that the judge and one worker share, so that no tensor has to travel while a kernel is timed.

On a GPU it is memory of the card: allocated by the judge, handed over as a file descriptor, mapped by both (CUDA's
virtual memory management, which unlike CUDA's IPC needs no common namespace). On a CPU it is a memfd.
"""

import ctypes
import mmap
import os
from collections.abc import Sequence
from typing import Any

import torch

ALIGNMENT = 256  # bytes, as torch's own allocator aligns


class Arena:
    """Bytes that two processes see.

    descriptor: what the other process attaches to; it stays open until `close`.
    """

    def __init__(self, size: int, device: str, descriptor: int = -1):
        self.device = device
        made: tuple[torch.Tensor, int, Any] = (_on_gpu if device == "cuda" else _in_memory)(size, descriptor)
        self.bytes, self.descriptor, self._held = made

    def tensor(self, at: int, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """The contiguous tensor that begins at a byte."""
        count = 1
        for n in shape:
            count *= n
        return self.bytes[at : at + count * dtype.itemsize].view(dtype).view(tuple(shape))

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def synchronize(device: str) -> None:
    """Wait for all that was launched on the device."""
    if device == "cuda":
        torch.cuda.synchronize()


def _in_memory(size: int, descriptor: int) -> tuple[torch.Tensor, int, Any]:
    if descriptor < 0:
        descriptor = os.memfd_create("arena")
        os.ftruncate(descriptor, size)
    held = mmap.mmap(descriptor, size)
    return torch.frombuffer(held, dtype=torch.uint8), descriptor, held


class _Location(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("id", ctypes.c_int)]


class _Flags(ctypes.Structure):
    _fields_ = [
        ("compressionType", ctypes.c_ubyte),
        ("gpuDirectRDMACapable", ctypes.c_ubyte),
        ("usage", ctypes.c_ushort),
        ("reserved", ctypes.c_ubyte * 4),
    ]


class _Allocation(ctypes.Structure):
    """CUmemAllocationProp"""

    _fields_ = [
        ("type", ctypes.c_int),
        ("requestedHandleTypes", ctypes.c_int),
        ("location", _Location),
        ("win32HandleMetaData", ctypes.c_void_p),
        ("allocFlags", _Flags),
    ]


class _Access(ctypes.Structure):
    """CUmemAccessDesc"""

    _fields_ = [("location", _Location), ("flags", ctypes.c_int)]


PINNED = DEVICE = POSIX_FILE_DESCRIPTOR = 1
READ_AND_WRITE = 3


class _OnCard:
    """What torch needs to know of memory that is not its own."""

    def __init__(self, address: int, size: int):
        self.__cuda_array_interface__ = {
            "shape": (size,),
            "typestr": "|u1",
            "data": (address, False),
            "strides": None,
            "version": 3,
        }


def _on_gpu(size: int, descriptor: int) -> tuple[torch.Tensor, int, Any]:
    torch.cuda.init()
    torch.cuda.current_stream().synchronize()  # the context exists
    driver = ctypes.CDLL("libcuda.so.1")

    def call(name: str, *args: Any) -> None:
        error = getattr(driver, name)(*args)
        if error:
            said = ctypes.c_char_p()
            driver.cuGetErrorString(error, ctypes.byref(said))
            raise RuntimeError(f"{name}: {(said.value or b'error').decode()} ({error})")

    location = _Location(DEVICE, torch.cuda.current_device())
    kind = _Allocation(PINNED, POSIX_FILE_DESCRIPTOR, location, None, _Flags())
    grain = ctypes.c_size_t()
    call("cuMemGetAllocationGranularity", ctypes.byref(grain), ctypes.byref(kind), 0)
    whole = ctypes.c_size_t(-(-size // grain.value) * grain.value)
    handle, address = ctypes.c_uint64(), ctypes.c_uint64()
    if descriptor < 0:
        exported = ctypes.c_int()
        call("cuMemCreate", ctypes.byref(handle), whole, ctypes.byref(kind), ctypes.c_uint64(0))
        call("cuMemExportToShareableHandle", ctypes.byref(exported), handle, POSIX_FILE_DESCRIPTOR, ctypes.c_uint64(0))
        descriptor = exported.value
    else:
        call("cuMemImportFromShareableHandle", ctypes.byref(handle), ctypes.c_void_p(descriptor), POSIX_FILE_DESCRIPTOR)
    none = ctypes.c_uint64(0)
    call("cuMemAddressReserve", ctypes.byref(address), whole, ctypes.c_size_t(0), none, none)
    call("cuMemMap", address, whole, ctypes.c_size_t(0), handle, none)
    access = _Access(location, READ_AND_WRITE)
    call("cuMemSetAccess", address, whole, ctypes.byref(access), ctypes.c_size_t(1))
    call("cuMemRelease", handle)  # the mapping keeps it
    return torch.as_tensor(_OnCard(address.value, size), device="cuda"), descriptor, address
