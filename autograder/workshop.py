"""The workshop: a warm sandbox, made by bubblewrap, in which student code runs.

In a container that forbids namespaces, root may separate student code by a user of its own instead.

What the sandbox promises is in docs/security.md. Nothing here needs torch, so that a batch can start its workshops
before anything else; what is done in them is in `sandbox.py`, and their inside in `worker/`.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.course import Limits
from autograder.errors import JudgeError, SandboxError
from autograder.worker import landlock

if TYPE_CHECKING:
    from autograder.worker.arena import Arena
    from autograder.worker.frames import Channel

PACKAGE = Path(__file__).resolve().parent
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
START_SECONDS = 120
CONTROL_SECONDS = 30
LOCK_SECONDS = 60

KINDS = {"bwrap": "bubblewrap", "user": "separate user", "none": "unsandboxed"}
STUDENT = "atlas-student"
READABLE_DEVICES = ("/dev/zero", "/dev/random", "/dev/urandom")


def has_gpu() -> bool:
    """Whether this machine has a GPU that torch may know, without asking torch."""
    return any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/kfd"))


def bwrap_command(python: str, gpu: bool = False) -> list[str]:
    """bubblewrap with nothing in it but the system's libraries, this Python's packages and the engine, read-only.

    gpu: and the devices of NVIDIA's driver.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxError(
            "bubblewrap is not installed: `apt-get install bubblewrap` (Debian, Ubuntu) or `dnf install bubblewrap` "
            "(Fedora). To grade without a sandbox, for code that you trust, say `--sandbox none`."
        )
    command = [bwrap, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--clearenv"]
    command += ["--cap-drop", "ALL", "--uid", "1000", "--gid", "1000", "--hostname", "atlas"]
    command += ["--tmpfs", "/tmp"]
    system = [Path(name) for name in SYSTEM]
    for path in system:
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            command += ["--ro-bind", str(path), str(path)]
    shown = _python_paths()
    outer = [path for path in shown if not _is_below(path, *shown, *system)]
    for path in outer:
        command += ["--ro-bind", str(path), str(path)]
    for root in _course_roots():  # one that lies in what is shown: nothing of it may be seen but this Python
        if _is_below(root, *outer, *system):
            command += ["--tmpfs", str(root)]
            for path in shown:
                if _is_below(path, root):
                    command += ["--ro-bind", str(path), str(path)]
            command += ["--remount-ro", str(root)]
    if private_folder() != "/tmp":
        command += ["--dir", private_folder(), "--remount-ro", "/tmp"]
    command += ["--proc", "/proc", "--dev", "/dev", "--chdir", "/tmp"]
    for device in sorted(Path("/dev").glob("nvidia*")) if gpu else []:
        command += ["--dev-bind", str(device), str(device)]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in _environment(gpu).items():
        command += ["--setenv", name, value]
    return [*command, "--", python]


def _is_below(path: Path, *folders: Path) -> bool:
    return any(folder in path.parents for folder in folders)


def _course_roots() -> list[Path]:
    """The folders of courses that this process knows: with solutions, submissions and the gradebook in them."""
    near = {PACKAGE.parent, Path.cwd().resolve()}
    return sorted(path for path in near if (path / "course.yml").exists())


def _python_paths() -> list[Path]:
    """The folders that this interpreter and the engine need."""
    prefixes = (Path(sys.base_prefix).resolve(), Path(sys.prefix))
    return sorted({*prefixes, Path(sysconfig.get_path("purelib")), PACKAGE})


@dataclass(frozen=True)
class Account:
    """A user of this machine, by number."""

    uid: int
    gid: int


def student_account() -> Account:
    """The user who runs student code where nothing but users keeps it apart. Raises SandboxError where that fails."""
    import pwd  # no Windows has it

    if os.geteuid() != 0:
        raise SandboxError("only root can let another user run student code: bubblewrap is for everybody else")
    try:
        found = pwd.getpwnam(STUDENT)
    except KeyError:
        raise SandboxError(
            f"there is no user {STUDENT}: `useradd --system --no-create-home --shell /usr/sbin/nologin {STUDENT}`"
        ) from None
    return Account(found.pw_uid, found.pw_gid)


def refuse_open_courses() -> None:
    """Raise SandboxError when every user of this machine can read a course that this process knows."""
    for root in _course_roots():
        if all(path.stat().st_mode & 0o001 for path in (root, *root.parents)):
            raise SandboxError(f"{root}: every user can enter this folder with the solutions: `chmod 700 {root}`")


class UserRoom:
    """The student's user, held for one sandbox, and a folder that this user may write.

    Two sandboxes of one user would end each other's processes, so the second waits. Raises SandboxError.
    """

    def __init__(self) -> None:
        self.account = student_account()
        refuse_open_courses()
        self._lock = _lock(Path("/run") / f"{STUDENT}.lock")
        self._folder = tempfile.TemporaryDirectory(prefix="atlas-")
        os.chmod(self._folder.name, 0o711)
        self.private = os.path.join(self._folder.name, "private")
        os.mkdir(self.private, 0o700)
        os.chown(self.private, self.account.uid, self.account.gid)

    def close(self) -> None:
        """End what the user still runs, remove its files and let go of it."""
        from autograder.worker.zygote import kill_user, remove_as

        kill_user(self.account.uid)
        remove_as(self.account.uid, self.account.gid, self.private)
        self._folder.cleanup()
        self._lock.close()


def _lock(path: Path) -> Any:
    """A file that this process holds alone. Raises SandboxError when another process does not let go of it."""
    import fcntl

    file = open(path, "w")  # noqa: SIM115 - held as long as the sandbox
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > end:
                raise SandboxError(f"another judge here uses the user {STUDENT}: wait for it, or end it") from None
            time.sleep(0.1)


def private_folder() -> str:
    """Where a worker has its private files: /tmp, or a folder below it where this Python itself lies in /tmp."""
    tmp = Path("/tmp")
    return "/tmp/private" if any(_is_below(path, tmp) for path in _python_paths()) else "/tmp"


def _environment(gpu: bool = False, private: str = "") -> dict[str, str]:
    """The whole environment of a worker: nothing of the caller's."""
    private = private or private_folder()
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": private,
        "TMPDIR": private,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": private,
        "TRITON_INTERPRET": "0" if gpu else "1",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # a zygote that has touched CUDA could not fork
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(PACKAGE.parent) if not _installed() else "",
        "NBGRADER_EXECUTION": "autograde",
    }


def _installed() -> bool:
    return PACKAGE.parent == Path(sysconfig.get_path("purelib"))


@dataclass
class Launched:
    """A sandbox on its way: its process, the judges' ends of its controls, and what it says if it fails.

    room: what was made for the user who runs student code, where only a user keeps it apart.
    """

    process: subprocess.Popen
    controls: list[socket.socket]
    log: Any
    room: "UserRoom | None" = None

    @property
    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()[-2000:].decode(errors="replace").strip()

    def end(self) -> None:
        """End the sandbox and remove what was made for it."""
        self.process.kill()
        self.process.wait()
        self.log.close()
        if self.room is not None:
            self.room.close()


def launch(kind: str, limits: Limits, count: int = 1, cores: Sequence[int] = (), lab: bool = False) -> Launched:
    """Start a zygote for each of `count` judges, without waiting for them. They die with the thread that calls this.

    kind: "bwrap"; "user" for root in a container that forbids namespaces; or "none" for code that one trusts. cores:
    the one that each keeps to. lab: with Triton imported, and with this machine's GPU, if it has one.
    """
    if kind not in KINDS:
        raise SandboxError(f"no sandbox is called {kind!r}: use bwrap or none, or user in a container")
    gpu = lab and has_gpu()
    if kind == "user" and count != 1:
        raise SandboxError("a sandbox that separates by user serves one judge: judge with one worker")
    command = bwrap_command(sys.executable, gpu) if kind == "bwrap" else [sys.executable]
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(count)]
    numbers = [theirs.fileno() for _, theirs in pairs]
    told = limits.model_dump() | {"sandbox": kind, "private": private_folder(), "cores": list(cores)}
    told |= {"modules": ["autograder.kernels"] if lab else [], "gpu": gpu}
    environment = None if kind == "bwrap" else {**os.environ, **_environment(gpu), "PATH": os.environ["PATH"]}
    room = UserRoom() if kind == "user" else None
    if room is not None:
        shown = [*SYSTEM, *READABLE_DEVICES, *map(str, _python_paths())]
        told |= {"private": room.private, "user": {**vars(room.account), "shown": shown}}
        environment = _environment(gpu, room.private)
    command += ["-m", "autograder.worker.zygote", ",".join(map(str, numbers)), json.dumps(told)]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
    try:
        process = subprocess.Popen(
            command,
            pass_fds=numbers,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    finally:
        for _, theirs in pairs:
            theirs.close()
    return Launched(process, [ours for ours, _ in pairs], log, room)


class Workshop:
    """A warm sandbox; `session` gives an answer a process of its own in it.

    kind: "bwrap", "user", or "none" for code that one trusts (then only limits hold, and the verdict says unsandboxed).
    control: of a sandbox that another process has launched for this one.
    lab: for kernels, which run on this machine's GPU, if it has one.
    """

    def __init__(
        self,
        kind: str = "bwrap",
        limits: Limits | None = None,
        control: socket.socket | None = None,
        lab: bool = False,
    ):
        self.kind = kind
        self.limits = limits or Limits()
        self.lab = lab
        self.device = "cuda" if lab and has_gpu() else "cpu"
        self._given = control
        self._launched: Launched | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> "Workshop":
        self.start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    @property
    def label(self) -> str:
        """How a verdict names the sandbox."""
        if self.kind == "user" and not landlock.version():
            return f"{KINDS[self.kind]} without Landlock"
        return KINDS[self.kind]

    def start(self) -> None:
        """Have a zygote that has imported torch: the one launched for this workshop, or a new one."""
        self.close()
        if self._given is not None:
            self._control, self._given = self._given, None
            if self._report(START_SECONDS).get("ready"):
                return
            self.close()
        self._launched = launch(self.kind, self.limits, lab=self.lab)
        self._control = self._launched.controls[0]
        hello = self._report(START_SECONDS)
        if not hello.get("ready"):
            message = hello.get("error") or self._launched.said
            self.close()
            raise SandboxError(
                f"the sandbox does not start: {message}. Run `atlas doctor`; on a machine without user namespaces, "
                "grade elsewhere, or say `--sandbox none` for code that you trust."
            )

    def close(self) -> None:
        """End the sandbox and everything in it."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._launched is not None:
            self._launched.end()
            self._launched = None

    @property
    def _is_dead(self) -> bool:
        return self._control is None or (self._launched is not None and self._launched.process.poll() is not None)

    def _report(self, seconds: float) -> dict[str, Any]:
        assert self._control is not None
        self._control.settimeout(seconds)
        try:
            message = self._control.recv(65536)
        except OSError:
            message = b""
        return json.loads(message) if message else {}

    def open_channel(self, arena: "Arena | None" = None) -> "Channel":
        """A new process in the sandbox, at the other end of the channel. A dead zygote is replaced once.

        arena: memory that it shares with this process.
        """
        from autograder.worker.frames import REPLY_TEXT, Channel  # torch, which is not needed to launch

        for attempt in (1, 2):
            if self._is_dead:
                self.start()
            assert self._control is not None
            ours, theirs = socket.socketpair()
            try:
                self._control.settimeout(CONTROL_SECONDS)
                told: dict[str, Any] = {"do": "fork"}
                descriptors = [theirs.fileno()]
                if arena is not None:
                    told["arena"] = {"size": len(arena.bytes), "device": arena.device}
                    descriptors.append(arena.descriptor)
                socket.send_fds(self._control, [json.dumps(told).encode()], descriptors)
                return Channel(ours, self.limits.result_mb << 20, REPLY_TEXT)
            except OSError as error:
                ours.close()
                self.close()
                if attempt == 2:
                    raise JudgeError("the sandbox died and could not be started again") from error
            finally:
                theirs.close()
        raise AssertionError

    def end_process(self, grace: float = 0) -> dict[str, Any]:
        """End the present process; how it ended: its exit status and the limit it was killed for, if any.

        Empty when the sandbox itself has died.
        """
        if self._control is None:
            return {}
        try:
            self._control.settimeout(CONTROL_SECONDS)
            self._control.send(json.dumps({"do": "kill", "grace": grace}).encode())
        except OSError:
            self.close()
            return {}
        report = self._report(CONTROL_SECONDS)
        if not report:
            self.close()
        return report
