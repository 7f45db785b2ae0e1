"""The system calls that student code may not make, as a seccomp filter.

They are the ways to hold memory that the watch on resident pages does not see, to leave something behind for the
next process, to gain rights in new namespaces, and to reach parts of the kernel that no answer has a use for.
"""

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Sequence

# name: (x86_64, aarch64), None where the machine has no such call
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # memory that belongs to no process
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    # the kernel's keys outlive the process that stored them
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # calls made by the kernel on behalf of a process, past this filter
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # parts of the kernel with a history of holes, and the machine itself
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "vmsplice": (278, 75),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
}
CLONE = (56, 220)
CLONE3 = (435, 435)
SOCKET = (41, 198)

NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW… flags
DOMAINS = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6: vsock reaches past a network namespace
X32 = 0x40000000

ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16


class Unsupported(Exception):
    """This machine has no system call filter that is written here."""


def program(domains: Sequence[int] = DOMAINS) -> bytes:
    """The filter for this machine: refused calls fail with EPERM, those of another architecture are fatal.

    domains: of the sockets that may be made; a pair of connected ones may always be.
    """
    if sys.platform != "linux" or platform.machine() not in ARCHITECTURES or sys.maxsize < 2**32:
        raise Unsupported(f"{sys.platform} on {platform.machine()}: the sandbox knows Linux on x86_64 and aarch64")
    column, architecture = ARCHITECTURES[platform.machine()]
    lines: list[tuple[int, int, int, int]] = []

    def add(code: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        lines.append((code, if_true, if_false, value))

    def refuse(number: int = errno.EPERM) -> None:
        add(RETURN, ERRNO | number)

    add(LOAD, ARCHITECTURE)
    add(EQUAL, architecture, if_true=1)
    add(RETURN, KILL)
    add(LOAD, NUMBER)
    if column == 0:
        add(AT_LEAST, X32, if_false=1)
        refuse()
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            add(EQUAL, number, if_false=1)
            refuse()
    add(EQUAL, CLONE3[column], if_false=1)  # its flags lie in memory, which no filter can read; libc falls back
    refuse(errno.ENOSYS)
    add(EQUAL, CLONE[column], if_false=3)
    add(LOAD, FIRST_ARGUMENT)
    add(ANY_BIT, NEW_NAMESPACES, if_false=1)
    refuse()
    add(LOAD, NUMBER)
    add(EQUAL, SOCKET[column], if_false=2 + len(domains))
    add(LOAD, FIRST_ARGUMENT)
    for index, domain in enumerate(domains):
        add(EQUAL, domain, if_true=len(domains) - index)
    refuse(errno.EAFNOSUPPORT)
    add(RETURN, ALLOW)
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install(filter_program: bytes) -> None:
    """From now on, for this thread and all it starts. Needs PR_SET_NO_NEW_PRIVS."""
    buffer = ctypes.create_string_buffer(filter_program, len(filter_program))
    loaded = _Program(len(filter_program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(loaded), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "the kernel refuses the system call filter")
