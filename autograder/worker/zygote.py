"""The process in the sandbox that has torch imported and forks one process an exercise.

It holds the control channel, which student code never sees: each exercise's process has its own pid, mount
and ipc namespaces, a fresh /tmp and /dev/shm, an empty /proc, one open file besides /dev/null, no capabilities and
no system call that an answer has no use for; it dies with everything it started when the zygote kills it. The zygote
also watches the memory and the number of processes below it.

Where there are no namespaces, an exercise's process may be kept apart by a user of its own instead: the zygote, which
is root there and runs nothing of a student's, lets it become that user, and afterwards kills whatever that user runs.

    python -m autograder.worker.zygote CONTROL_FD LIMITS_JSON
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import re
import resource
import select
import signal
import socket
import sys
import time
from typing import Any, NamedTuple

from autograder.worker import calls, landlock

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MADV_COLLAPSE = 25
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE = 1, 24, 38, 4
PR_SET_CHILD_SUBREAPER = 36

POLL_SECONDS = 0.02
SETUP_FAILED = 70
FILES_PER_MB = 64
SPARE_PROCESSES = 16  # the zygote's own, and room in which the watch sees that there are too many
DISK_POLLS = 10  # how many looks at the processes come between two at the disk
NOBODY_ELSE = 65533  # a user id that no account has
END_SECONDS = 10
EVERYBODYS_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")

# what a process holds in memory that is no file's
HELD = ("RssAnon:", "RssShmem:", "VmPTE:", "VmSwap:")

libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *args: Any) -> None:
    if getattr(libc, name)(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    _call("mount", source.encode(), target.encode(), kind.encode() if kind else None, flags, data.encode())


def enter_namespaces() -> bool:
    """Own user, pid and mount namespaces, of which this process becomes the first; False where they are refused."""
    uid, gid = os.getuid(), os.getgid()
    try:
        _call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID)
    except OSError:
        return False
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{file}", "w") as f:
            f.write(text)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    child = os.fork()
    if child:  # only waits, so that the zygote is the first process of its pid namespace
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return True


def enter_box(tmp_mb: int, private: str, hide_proc: bool = True) -> None:
    """A fresh /tmp and /dev/shm and no /proc for one exercise, and no capability to change them again.

    hide_proc: not where CUDA runs, whose driver asks /proc what it may do.
    """
    go_first()
    _call("unshare", CLONE_NEWNS | CLONE_NEWIPC)
    plain = MS_NOSUID | MS_NODEV
    for folder in (private, "/dev/shm"):
        _mount("tmpfs", folder, "tmpfs", plain, f"size={tmp_mb}m,nr_inodes={FILES_PER_MB * tmp_mb},mode=1777")
    if hide_proc:
        _mount("tmpfs", "/proc", "tmpfs", plain | MS_NOEXEC | MS_RDONLY, "size=4k")
    drop_capabilities()


def go_first() -> None:
    """Where memory runs out, this process goes first, not the zygote."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as f:
        f.write("1000")


def drop_capabilities() -> None:
    """No capability now or after an exec."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def become_user(uid: int, gid: int) -> None:
    """Be this user for good, without any capability or group."""
    os.setgroups([])
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # which a change of user takes away
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def kill_user(uid: int) -> None:
    """Kill every process of a user, however fast it forks; raises TimeoutError if one stays."""
    end = time.monotonic() + END_SECONDS
    while _tasks_of(uid):
        if time.monotonic() > end:
            raise TimeoutError(f"processes of user {uid} cannot be ended")
        killer = os.fork()
        if killer == 0:
            try:
                os.setgroups([])
                os.setresuid(NOBODY_ELSE, uid, NOBODY_ELSE)  # it may signal them, and they may not signal it
                os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        os.waitpid(killer, 0)
        time.sleep(0.001)


def bury_orphans() -> None:
    """Take leave of the dead that fell to this process as their subreaper, since they count as the user's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def remove_as(uid: int, gid: int, private: str) -> None:
    """Remove all that a user has in its folder, with its rights; without Landlock, wherever all may write, too."""
    folders = [".", *(() if landlock.version() else EVERYBODYS_FOLDERS)]
    remover = os.fork()
    if remover == 0:
        try:
            become_user(uid, gid)
            os.chdir(private)
            os.dup2(os.open("/dev/null", os.O_RDWR), 2)
            what = ["-xdev", "-mindepth", "1", "-user", str(uid), "-delete"]
            os.execv("/usr/bin/find", ["find", *folders, *what])
        finally:
            os._exit(1)
    os.waitpid(remover, 0)


def disk_use(folder: str, most_files: int) -> tuple[int, int]:
    """The bytes on disk and the number of files below a folder, counted no further than `most_files`."""
    size = count = 0
    folders = [folder]
    while folders and count <= most_files:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                count += 1
                with contextlib.suppress(OSError):
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                if count > most_files:
                    break
    return size, count


def close_files(*kept: int) -> None:
    """Close every open file but these."""
    limit = max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 16)
    below = 0
    for fd in sorted(kept):
        if below < fd:  # an empty range would close everything
            os.closerange(below, fd)
        below = fd + 1
    os.closerange(below, limit)


def set_limits(limits: dict[str, Any]) -> None:
    """Limits of one process. Never RLIMIT_AS, which CUDA needs: memory is watched from the zygote."""
    values = {
        resource.RLIMIT_CPU: int(limits["exercise_seconds"]) + 5,
        resource.RLIMIT_FSIZE: int(limits["tmp_mb"]) << 20,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
    }
    if limits["sandbox"] == "user" or (limits["sandbox"] == "bwrap" and counts_by_namespace()):
        values[resource.RLIMIT_NPROC] = int(limits["processes"]) + SPARE_PROCESSES
    for kind, value in values.items():
        resource.setrlimit(kind, (value, value))


def counts_by_namespace() -> bool:
    """Whether the kernel counts the processes of a user by user namespace, not those of the whole machine."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int(re.match(r"\d*", minor).group() or 0)) >= (5, 14)  # type: ignore[union-attr]


class Zygote:
    """Forks an exercise's process when the judge asks, watches it, and reports its end."""

    def __init__(self, control: socket.socket, limits: dict[str, Any], namespaces: bool):
        self.control = control
        self.limits = limits
        self.namespaces = namespaces
        self.child = 0
        self.setup = -1
        self.user: dict[str, Any] | None = limits.get("user")
        self.refused_calls = b""
        if namespaces or self.user:
            self.refused_calls = calls.program() if namespaces else calls.program(domains=())
        self.polls = 0
        self.baseline = _held_kb("self")
        self.own = os.readlink("/proc/self") if namespaces else ""
        self.others = set(_processes()) if namespaces else set()
        self.pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY) if namespaces else -1

    def run(self) -> None:
        self.control.send(json.dumps({"ready": True, "namespaces": self.namespaces}).encode())
        while True:
            ready, _, _ = select.select([self.control], [], [], POLL_SECONDS if self.child else None)
            if ready:
                message, fds, _, _ = socket.recv_fds(self.control, 4096, 2)
                if not message:
                    self.kill()
                    return
                request = json.loads(message)
                if request["do"] == "fork":
                    self.kill()
                    self.fork(fds[0], fds[1] if len(fds) > 1 else -1, request.get("arena"))
                else:
                    self.report(self.kill(request.get("grace", 0)))
            elif self.child:
                why = self.over_limit()
                if why:
                    self.killed_for = why
                    self.signal_all()

    killed_for = ""

    def fork(self, channel: int, shared: int = -1, arena: dict[str, Any] | None = None) -> None:
        """One exercise's process, the first of a pid namespace of its own.

        shared: the descriptor of the memory that it shares with the judge, if `arena` says that it does.
        """
        self.killed_for = ""
        self.setup, told = os.pipe()
        if self.namespaces:
            _call("unshare", CLONE_NEWPID)
        self.child = os.fork()
        if self.child == 0:
            try:
                self.become_worker(channel, told, shared, arena)
            except BaseException as error:
                os.write(told, f"{type(error).__name__}: {error}".encode()[:1000])
            finally:
                os._exit(SETUP_FAILED)
        for fd in (told, channel, shared):
            if fd >= 0:
                os.close(fd)
        if self.namespaces:
            _call("setns", self.pid_namespace, CLONE_NEWPID)

    def become_worker(self, channel: int, told: int, shared: int, arena: dict[str, Any] | None) -> None:
        """Box this process in and serve; `told` stays open until that is done and student code may run."""
        from autograder.worker.arena import Arena
        from autograder.worker.frames import Channel
        from autograder.worker.serve import serve

        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()  # no pid namespace keeps kill(0, …) from the zygote, if it is of the same process group
        if self.namespaces:
            enter_box(int(self.limits["tmp_mb"]), self.limits["private"], hide_proc=not self.limits["gpu"])
        os.chdir("/tmp" if self.limits["sandbox"] == "none" else self.limits["private"])
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        close_files(0, 1, 2, channel, told, *([shared] if arena else []))
        set_limits(self.limits)
        if self.user:
            go_first()
            become_user(self.user["uid"], self.user["gid"])
            landlock.restrict(self.user["shown"], [self.limits["private"], "/dev/null"])
        if self.refused_calls:
            calls.install(self.refused_calls)
        served = Channel(socket.socket(fileno=channel), int(self.limits["result_mb"]) << 20)
        os.close(told)
        serve(served, Arena(arena["size"], arena["device"], shared) if arena else None)

    def kill(self, grace: float = 0) -> dict[str, Any]:
        """End the exercise's process and all it started; how it ended.

        grace: how long to wait for a process that has closed its channel to leave by itself.
        """
        if not self.child:
            return {"exit": None, "why": ""}
        end = time.monotonic() + grace
        pid = 0
        while grace and not pid and time.monotonic() < end:
            pid, status = os.waitpid(self.child, os.WNOHANG)
            if not pid:
                time.sleep(0.002)
        why = self.killed_for
        if not pid:
            why = why or ("stayed" if grace else "")
            self.signal_all()
            _, status = os.waitpid(self.child, 0)
        self.child = 0
        if self.user:
            kill_user(self.user["uid"])
            bury_orphans()
            remove_as(self.user["uid"], self.user["gid"], self.limits["private"])
        return {"exit": os.waitstatus_to_exitcode(status), "why": why, "error": self.setup_error()}

    def setup_error(self) -> str:
        """Why the process that has ended never came to serve; empty when it did."""
        try:
            return os.read(self.setup, 1000).decode(errors="replace")
        finally:
            os.close(self.setup)
            self.setup = -1

    def signal_all(self) -> None:
        """Kill the exercise's process and all it started: the first process of a pid namespace takes all along."""
        if self.namespaces:
            os.kill(self.child, signal.SIGKILL)
        elif self.user:
            os.kill(self.child, signal.SIGKILL)  # which may not have become that user yet
            kill_user(self.user["uid"])
        else:
            for entry in self.below():
                with contextlib.suppress(OSError):
                    os.kill(int(entry), signal.SIGKILL)

    def report(self, end: dict[str, Any]) -> None:
        self.control.send(json.dumps(end).encode())

    def over_limit(self) -> str:
        """Which limit all processes below the zygote exceed together."""
        held = tasks = 0
        entries = self.below()
        if len(entries) > int(self.limits["processes"]):
            return "processes"
        for entry in entries:
            try:
                tasks += len(os.listdir(f"/proc/{entry}/task"))
                held += max(0, _held_kb(entry) - self.baseline)
            except OSError:
                continue
        if held > int(self.limits["memory_mb"]) << 10:
            return "memory"
        if tasks > int(self.limits["processes"]):
            return "processes"
        self.polls += 1
        return "disk" if self.user and self.polls % DISK_POLLS == 0 and self.disk_is_full() else ""

    def disk_is_full(self) -> bool:
        """Whether the answer's files are more than fit into the /tmp of the other sandbox."""
        tmp_mb = int(self.limits["tmp_mb"])
        size, count = disk_use(self.limits["private"], FILES_PER_MB * tmp_mb)
        return size > tmp_mb << 20 or count > FILES_PER_MB * tmp_mb

    def below(self) -> list[str]:
        """The processes that belong to the exercise."""
        if self.user:
            return sorted({str(self.child), *_tasks_of(self.user["uid"])})
        if not self.namespaces:
            own = (entry for entry, at in _processes().items() if at.session == self.child)
            return sorted({str(self.child), *own})  # the child itself where there is no /proc
        processes = _processes()

        def first_known(entry: str) -> str:
            while entry in processes and entry not in self.others:
                entry = processes[entry].parent
            return entry

        return [entry for entry in processes if entry not in self.others and first_known(entry) == self.own]


def _held_kb(entry: str) -> int:
    """The memory that a process holds and that is no file's: pages, shared pages, page tables, swap."""
    try:
        with open(f"/proc/{entry}/status") as f:
            return sum(int(line.split()[1]) for line in f if line.startswith(HELD))
    except OSError:
        return 0


def _tasks_of(uid: int) -> list[str]:
    """The processes of a user that are not dead yet."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/status") as f:
            fields = dict(line.split(":", 1) for line in f if line.startswith(("State:", "Uid:")))
            if str(uid) in fields["Uid"].split() and fields["State"].split()[0] not in "ZX":
                found.append(entry)
    return found


class Place(NamedTuple):
    """Where a process belongs."""

    parent: str
    session: int


def _processes() -> dict[str, Place]:
    """All processes, where there is a /proc to ask."""
    found: dict[str, Place] = {}
    with contextlib.suppress(OSError):
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat") as f:
                _, parent, _, session = f.read().rsplit(")", 1)[1].split()[:4]
                found[entry] = Place(parent, int(session))
    return found


def warm_up() -> None:
    """Import what torch imports at its first use, so that no worker pays for it."""
    import torch
    from jaxtyping import Float

    from autograder.cases import Rules
    from autograder.operations import vjp
    from autograder.watching import Watch

    Float[torch.Tensor, "..."]
    torch.manual_seed(0)
    with Watch(Rules(forbids=("nothing",))):
        vjp(lambda x: torch.exp(x @ x.mT).sum(-1), torch.ones(2, 2), cotangent=0)


def use_huge_pages() -> None:
    """Hold this process's memory in huge pages where the kernel can (6.1 on): a fork then copies far less."""
    with contextlib.suppress(OSError), open("/proc/self/maps") as f:
        for line in f:
            addresses, rights, _, _, inode, *name = line.split(maxsplit=5)
            if rights == "rw-p" and inode == "0" and (not name or name[0].strip() == "[heap]"):
                start, end = (int(address, 16) for address in addresses.split("-"))
                libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_COLLAPSE)


def main() -> None:
    gc.disable()  # nothing of what is imported is ever garbage
    controls = [socket.socket(fileno=int(fd)) for fd in sys.argv[1].split(",")]
    limits = json.loads(sys.argv[2])
    namespaces = limits["sandbox"] == "bwrap"
    if namespaces and not enter_namespaces():
        refusal = {"ready": False, "error": "user namespaces are refused inside the sandbox"}
        for control in controls:
            control.send(json.dumps(refusal).encode())
        return
    import torch  # not before: a process with threads cannot enter a user namespace

    import autograder
    import autograder.worker.serve

    torch.set_num_threads(1)
    for module in limits["modules"]:
        importlib.import_module(module)
    warm_up()
    autograder.check = lambda *args, **kwargs: None  # type: ignore[attr-defined]
    gc.collect()
    gc.freeze()
    gc.enable()
    use_huge_pages()
    twins = [become_twin(controls, k, limits, namespaces) for k in range(1, len(controls))]
    for control in controls[1:]:
        control.close()
    keep_to_core(limits, 0)
    if limits.get("user"):
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    Zygote(controls[0], limits, namespaces).run()
    for twin in twins:  # they would end with this process, the first of their pid namespace
        os.waitpid(twin, 0)


def keep_to_core(limits: dict[str, Any], k: int) -> None:
    """Run where this zygote's judge runs: the two wait for each other all the time."""
    if limits["cores"]:
        os.sched_setaffinity(0, {limits["cores"][k]})


def become_twin(controls: list[socket.socket], k: int, limits: dict[str, Any], namespaces: bool) -> int:
    """Fork a zygote for another judge, so that torch is imported once for all; its pid."""
    twin = os.fork()
    if twin:
        return twin
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if namespaces:
            _call("unshare", CLONE_NEWNET)  # the one thing that workers of both would share
        for other in controls[:k] + controls[k + 1 :]:
            other.close()
        keep_to_core(limits, k)
        Zygote(controls[k], limits, namespaces).run()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
