"""What of the file system a process may touch, kept by Landlock, which needs no rights and no namespace.

It is the second wall of the sandbox that separates by user, where the kernel has it (5.13 on). From Landlock's later
versions come: no TCP (6.7), no signal to a process outside and no abstract socket of one (6.12).
"""

import ctypes
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on x86_64 and aarch64
ONLY_VERSION = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
READ = EXECUTE | READ_FILE | READ_DIR
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # from a version on: how many rights there are
TCP, SCOPES = 0b11, 0b11

libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """The kernel's version of Landlock; 0 where it has none, or a container's filter refuses it."""
    return max(0, libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ONLY_VERSION))


def restrict(shown: Iterable[str], own: Sequence[str]) -> bool:
    """From now on, for this process and all it starts: `shown` can be read, `own` read and written, nothing else.

    Whether the kernel does it. Needs PR_SET_NO_NEW_PRIVS.
    """
    known = version()
    if not known:
        return False
    every = (1 << max(count for since, count in FILE_RIGHTS.items() if since <= known)) - 1
    rules = _Ruleset(every, TCP if known >= 4 else 0, SCOPES if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = _checked(libc.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0))
    for paths, rights in ((shown, READ), (own, every)):
        for path in paths:
            with suppress(FileNotFoundError):
                _allow(ruleset, path, rights & every)
    _checked(libc.syscall(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    return True


def _allow(ruleset: int, path: str, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _Beneath(rights if os.path.isdir(path) else rights & OF_FILES, parent)
        _checked(libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(parent)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
