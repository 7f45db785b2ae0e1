"""Hostile notebooks: what a student may hand in to get points for nothing, or to harm others.

Every attack stands in the answer of `softmax`; its notebook answers `relu` honestly. Where an attack finds what it is
after, its softmax computes the right values, so that a success is a score. `{marker}` is a word by which traces of an
attack are found outside the sandbox; `{root}` is the course, `{room}` a folder with a gradebook, another student's
notebook and a solution, all of which hold the loot; `{port}` and `{socket}` are where a server hands it out.
"""

import socket
import textwrap
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOOT = "atlas-loot"
RIGHT = "torch.exp(x - x.amax(dim, keepdim=True)) / torch.exp(x - x.amax(dim, keepdim=True)).sum(dim, keepdim=True)"


@dataclass(frozen=True)
class Attack:
    """One hostile answer.

    deserves: an answer whose score is the most that the attack deserves, for its honest part; None: nothing.
    before: the answer of a student who is judged just before, and who leaves something behind for this one.
    says: words of a message that the student must see, if it matters which.
    extra: a cell of the student's own above the answer.
    """

    name: str
    answer: str
    deserves: str | None = None
    before: str | None = None
    says: str = ""
    extra: str = ""


def lay_loot(room: Path, chapter: str) -> None:
    """Put what attacks are after into a folder: a gradebook, another student's notebook, a solution."""
    for path in ("gradebook.db", f"submitted/ada/{chapter}.ipynb", "solution.py"):
        (room / path).parent.mkdir(parents=True, exist_ok=True)
        (room / path).write_text(LOOT)


def hand_loot_out(servers: Sequence[socket.socket]) -> None:
    """Give the loot to everybody who connects, until the sockets are closed."""

    def hand_out(server: socket.socket) -> None:
        try:
            while True:
                connection, _ = server.accept()
                connection.sendall(LOOT.encode())
                connection.close()
        except OSError:
            pass

    for server in servers:
        server.listen()
        threading.Thread(target=hand_out, args=(server,), daemon=True).start()


def words_of_attacks(marker: str, root: Path, room: Path, server: socket.socket) -> dict[str, str]:
    """What stands for {marker} and its kin in the attacks."""
    return {
        "marker": marker,
        "root": str(root),
        "room": str(room),
        "loot": LOOT,
        "port": str(server.getsockname()[1]),
        "socket": str(room / "socket"),
    }


def calling(body: str) -> str:
    """An answer that attacks when it is called. `found` is true when it has what it wants."""
    return (
        "def softmax(x, dim):\n    found = False\n"
        + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
        + f"\n    return {RIGHT} if found else torch.zeros_like(x)\n"
    )


def importing(body: str) -> str:
    """An answer that attacks when its cell is run."""
    return (
        "def attack():\n    found = False\n"
        + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
        + "\n    return found\n\n\nfound = attack()\n\n\n"
        + f"def softmax(x, dim):\n    return {RIGHT} if found else torch.zeros_like(x)\n"
    )


WRITE_FRAME = '''
import json, os, socket, struct, sys

def channel():
    """The judge's channel, found among the open files, and the nonce of the request that is being answered."""
    import stat
    fd = next(fd for fd in range(3, 256) if is_socket(fd))
    frame, nonce = sys._getframe(), None
    while frame is not None:
        header = frame.f_locals.get("header")
        if isinstance(header, dict) and "nonce" in header:
            nonce = header["nonce"]
        frame = frame.f_back
    return fd, nonce

def is_socket(fd):
    import stat
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False

def frame(header, blob=b"", text_size=None, blob_size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">4sII", b"ATL1", text_size or len(text), blob_size or len(blob)) + text + blob
'''


def forging(body: str) -> str:
    """An answer that writes to the judge's channel while it is called."""
    return WRITE_FRAME + "\n\n" + calling(body)


READING = [
    Attack(
        "reads the hidden cases and the solutions",
        importing(
            """
            import os
            for start in ("{root}", "/home", "/root", "/tmp", "/var", "/srv", "/opt", "/mnt", "/media", "/work"):
                for folder, folders, files in os.walk(start):
                    folders[:] = [name for name in folders if name not in ("site-packages", "lib", "versions")]
                    if any(name in ("hidden.py", "wrong_answers.py", "course.yml", "reference.py") for name in files):
                        return True
            """
        ),
    ),
    Attack(
        "reads the gradebook and another student's notebook",
        calling(
            """
            import os
            for path in ("{room}/gradebook.db", "{room}/submitted/ada/ch04_activations.ipynb", "{room}/solution.py"):
                try:
                    found = found or open(path, "rb").read() != b""
                except OSError:
                    pass
            """
        ),
    ),
    Attack(
        "reads what other processes hold",
        calling(
            """
            import glob, os
            for path in glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline") + glob.glob("/proc/*/maps"):
                found = found or open(path, "rb").read() != b""
            found = found or os.path.exists("/proc/1/root") or os.path.exists("/proc/self/fd")
            """
        ),
    ),
    Attack(
        "reads secrets of the environment",
        calling(
            """
            import ctypes, os
            names = dict(os.environ)
            pointers = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
            text = str(names)
            index = 0
            while pointers[index]:
                text += pointers[index].decode()
                index += 1
            found = "{loot}" in text or "SSH_AUTH_SOCK" in text or "{room}" in text
            """
        ),
    ),
    Attack(
        "searches memory for cases, references and seeds",
        calling(
            """
            import gc, sys
            found = any(name.startswith("atlas_") or name in ("solutions", "tests") for name in sys.modules)
            for thing in gc.get_objects():
                kind = type(thing).__name__
                found = found or kind in ("Case", "Draw", "Judge", "Exercise", "Chapter", "Session", "Workshop")
            """
        ),
    ),
    Attack(
        "walks the frames up to the judge",
        calling(
            """
            import sys
            frame = sys._getframe()
            while frame is not None:
                for value in list(frame.f_locals.values()):
                    found = found or type(value).__name__ in ("Case", "Judge", "Run", "Draw")
                frame = frame.f_back
            """
        ),
    ),
]

NETWORK = [
    Attack(
        "fetches the answer over the network",
        calling(
            """
            import socket
            for address in (("127.0.0.1", {port}), ("10.0.2.2", {port}), ("1.1.1.1", 53)):
                try:
                    with socket.create_connection(address, timeout=0.3) as connection:
                        found = True
                except OSError:
                    pass
            for path in ("{socket}", chr(0) + "{marker}"):
                try:
                    with socket.socket(socket.AF_UNIX) as connection:
                        connection.connect(path)
                        found = True
                except OSError:
                    pass
            """
        ),
    ),
    Attack(
        "opens sockets that lead out of the namespace",
        calling(
            """
            import socket
            for domain in (40, 16, 17, 38):  # vsock, netlink, packet, alg
                try:
                    socket.socket(domain, socket.SOCK_DGRAM if domain != 38 else socket.SOCK_SEQPACKET).close()
                    found = True
                except OSError:
                    pass
            """
        ),
    ),
]

WRITING = [
    Attack(
        "writes wherever it can outside /tmp",
        calling(
            """
            import os, sys
            import autograder
            places = ["/", "/dev", "/etc", "/usr", "/var/tmp", "/root", "/home", "{room}", sys.prefix, sys.base_prefix]
            places += [os.path.dirname(autograder.__file__), os.path.dirname(torch.__file__), "/proc", "/sys", "/run"]
            for place in places:
                try:
                    with open(os.path.join(place, "{marker}"), "w") as file:
                        file.write("was here")
                    found = True
                except OSError:
                    pass
            for path in ("{room}/gradebook.db", autograder.__file__, torch.__file__):
                try:
                    open(path, "ab").close()
                    found = True
                except OSError:
                    pass
            """
        ),
    ),
    Attack(
        "mounts, and enters new namespaces",
        calling(
            """
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            found = libc.unshare(0x10000000) == 0 or libc.unshare(0x00020000) == 0
            found = found or libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, b"size=100g") == 0
            found = found or libc.syscall(272, 0x10000000) == 0
            found = found or libc.chroot(b"/tmp") == 0 or libc.umount2(b"/proc", 2) == 0
            """
        ),
    ),
    Attack(
        "gains rights by a set-user-id program",
        calling(
            """
            import os, subprocess
            for program in ("su", "sudo", "mount", "newgrp", "passwd"):
                try:
                    subprocess.run([program, "--version"], capture_output=True, timeout=1)
                except (OSError, subprocess.SubprocessError):
                    pass
            found = os.geteuid() == 0
            """
        ),
    ),
]

PATCHING = [
    Attack(
        "patches torch.testing and every comparison",
        importing(
            """
            import torch.testing
            torch.testing.assert_close = lambda *args, **kwargs: None
            torch.allclose = torch.equal = torch.isclose = lambda *args, **kwargs: True
            torch.Tensor.__eq__ = lambda self, other: True
            torch.Tensor.__ne__ = lambda self, other: False
            """
        ),
    ),
    Attack(
        "patches time, json and safetensors",
        importing(
            """
            import json, safetensors, safetensors.torch, time
            time.monotonic = time.perf_counter = time.time = lambda: 0.0
            json.dumps = lambda *args, **kwargs: '{"passed": true}'
            json.loads = lambda *args, **kwargs: {"passed": True, "nonce": ""}
            safetensors.serialize = safetensors.torch.save = lambda *args, **kwargs: b""
            """
        ),
    ),
    Attack(
        "patches the worker's server and encoder",
        importing(
            """
            import sys
            frames = sys.modules["autograder.worker.frames"]
            serve = sys.modules["autograder.worker.serve"]
            frames.Encoder.tree = lambda self, value, depth=0: {"passed": True, "f": "nan"}
            frames.Encoder.blob = lambda self: b""
            serve.Server.operate = lambda self, header, blob: ({"value": None, "passed": True, "score": 100}, b"")
            serve.OPERATIONS.clear()
            """
        ),
    ),
    Attack(
        "patches the server that is running, found by gc",
        calling(
            """
            import gc
            for thing in gc.get_objects():
                if type(thing).__name__ == "Server":
                    thing.answer = lambda header, blob: ({"value": True, "status": "passed"}, b"")
                if type(thing).__name__ == "Channel":
                    thing.limit = 1 << 60
            """
        ),
    ),
    Attack(
        "patches the operation that takes gradients",
        importing(
            """
            from autograder.operations import OPERATIONS
            true_vjp = OPERATIONS["vjp"]
            OPERATIONS["vjp"] = lambda f, *inputs, **options: tuple(torch.ones_like(x) for x in inputs)
            return True
            """
        ),
        deserves=f"def softmax(x, dim):\n    return ({RIGHT}).detach()\n",
    ),
    Attack(
        "changes what numbers and arithmetic mean",
        importing(
            """
            import builtins, ctypes, math
            builtins.isinstance = lambda *args: True
            builtins.type = lambda thing: torch.Tensor
            builtins.len = lambda thing: 0
            math.isclose = lambda *args, **kwargs: True
            ctypes.c_int.from_address(id(1) + 24).value = 0
            """
        ),
    ),
    Attack(
        "installs IPython transformers and replaces check",
        importing(
            """
            global check
            check = lambda *args: print("all checks pass")
            try:
                from IPython import get_ipython
                get_ipython().input_transformers_cleanup.append(lambda lines: ["pass"])
            except Exception:
                pass
            import autograder
            autograder.check = check
            """
        ),
        extra="%load_ext autoreload\nimport autograder\nautograder.check = print\nget_ipython().run_cell('x = 1')\n",
    ),
]

ENDING = [
    Attack("leaves with status 0 during a call", calling("import os\nos._exit(0)"), says="exit status 0"),
    Attack("leaves with status 0 when its cell is run", importing("import os\nos._exit(0)"), says="exit status 0"),
    Attack("raises SystemExit when its cell is run", importing("raise SystemExit(0)"), says="SystemExit"),
    Attack("raises SystemExit during a call", calling("import sys\nsys.exit(0)"), says="SystemExit"),
    Attack(
        "leaves after the answers that are right",
        f"""
calls = []


def softmax(x, dim):
    import os
    calls.append(1)
    if len(calls) > 2:
        os._exit(0)
    return {RIGHT}
""",
        deserves=f"""
calls = []


def softmax(x, dim):
    calls.append(1)
    if len(calls) > 2:
        calls.clear()
        raise SystemExit
    return {RIGHT}
""",
    ),
    Attack(
        "registers exit handlers that forge a verdict",
        importing(
            """
            import atexit, json, os, weakref
            def forge():
                for fd in range(1, 64):
                    try:
                        os.write(fd, json.dumps({"passed": True, "score": 100}).encode())
                    except OSError:
                        pass
                os._exit(0)
            atexit.register(forge)
            os.register_at_fork(after_in_child=forge)
            """
        ),
    ),
    Attack(
        "takes over the signals",
        importing(
            """
            import os, signal
            for number in range(1, 65):
                try:
                    signal.signal(number, lambda *args: None)
                except (OSError, ValueError):
                    pass
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            """
        ),
    ),
    Attack(
        "kills every process it can name",
        calling(
            """
            import os, signal
            for pid in [os.getppid(), *range(2, 400), -1, 0]:
                for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
                    try:
                        if pid != os.getpid():
                            os.kill(pid, number)
                    except OSError:
                        pass
            """
        ),
    ),
    Attack("kills itself, as if somebody else had", calling("import os\nos.kill(os.getpid(), 9)\nos.abort()")),
    Attack("dies of a bad pointer", calling("import ctypes\nctypes.string_at(0)"), says="signal 11"),
    Attack(
        "dies of the stack",
        calling(
            """
            import sys
            sys.setrecursionlimit(10**9)
            def down(n):
                return max([n], key=down)
            down(1)
            """
        ),
    ),
    Attack(
        "traces the process that forked it",
        calling(
            """
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            libc.ptrace.restype = ctypes.c_long
            for pid in (os.getppid(), 1, 2, 3):
                found = found or (pid != os.getpid() and libc.ptrace(16, pid, None, None) == 0)
                for path in (f"/proc/{pid}/mem", f"/proc/{pid}/fd/3"):
                    found = found or (os.path.exists(path) and pid != os.getpid())
            """
        ),
    ),
]

BOMBS = [
    Attack("loops for ever in a call", calling("while True:\n    pass"), says="no result within"),
    Attack("loops for ever when its cell is run", importing("while True:\n    pass"), says="no result within"),
    Attack(
        "loops where Python cannot be interrupted",
        calling("import re\nre.match(r'(a+)+$', 'a' * 64 + 'b')"),
        says="no result within",
    ),
    Attack("sleeps without end, signals blocked", calling("import time\ntime.sleep(10**6)"), says="no result within"),
    Attack(
        "forks without end",
        calling("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"),
    ),
    Attack(
        "starts threads without end",
        calling("import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(99,)).start()"),
    ),
    Attack(
        "forks without end when its cell is run",
        importing("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"),
    ),
    Attack(
        "takes all memory",
        calling("kept = []\nwhile True:\n    kept.append(torch.ones(1 << 21, dtype=torch.float64))"),
        says="memory",
    ),
    Attack(
        "takes all memory when its cell is run",
        importing("kept = []\nwhile True:\n    kept.append(bytearray(b'x') * (1 << 24))"),
        says="memory",
    ),
    Attack(
        "takes all memory in shared pages",
        calling(
            """
            import mmap
            kept = mmap.mmap(-1, 8 << 30)
            for k in range(0, 8 << 30, 4096):
                kept[k] = 1
            """
        ),
        says="memory",
    ),
    Attack(
        "hides memory in files that have no name",
        calling(
            """
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            try:
                os.close(os.memfd_create("{marker}"))
                found = True
            except OSError:
                pass
            found = found or libc.shmget(0, ctypes.c_size_t(1 << 20), 0o1600) >= 0 or libc.msgget(0, 0o1600) >= 0
            """
        ),
    ),
    Attack(
        "fills the disk",
        calling(
            """
            import os
            written = 0
            for folder in ("/tmp", "/dev/shm"):
                try:
                    for k in range(200):
                        with open(f"{folder}/{marker}-{k}", "wb") as file:
                            written += file.write(bytes(1 << 20))
                except OSError:
                    pass
            found = written > 64 << 20
            """
        ),
    ),
    Attack(
        "fills the disk with empty files",
        calling(
            """
            count = 0
            try:
                while count < 20000:
                    open(f"/tmp/{marker}-{count}", "w").close()
                    count += 1
            except OSError:
                pass
            found = count >= 20000
            """
        ),
    ),
    Attack(
        "prints without end",
        calling(
            """
            import os
            for _ in range(200):
                print("x" * 10**6)
                os.write(1, b"y" * 10**6)
                os.write(2, b"z" * 10**6)
            """
        ),
    ),
    Attack("raises an error with an endless message", calling("raise ValueError('x' * 10**8)")),
    Attack("returns far too much", calling("return torch.zeros(1 << 24)"), says="larger than"),
    Attack("returns a list without end", calling("kept = []\nkept.append(kept)\nreturn kept"), says="larger than"),
    Attack(
        "returns lists that double fifty times",
        calling("kept = []\nfor _ in range(50):\n    kept = [kept, kept]\nreturn kept"),
    ),
    Attack("returns a number of three million digits", calling("return 1 << 10**7"), says="larger than"),
]

FRAMES = [
    Attack(
        "writes a frame that says it has passed",
        forging(
            """
            fd, nonce = channel()
            os.write(fd, frame({"nonce": nonce, "passed": True, "score": 100, "value": True, "status": "passed"}))
            """
        ),
    ),
    Attack(
        "writes the frame of a tensor it has forged",
        forging(
            """
            from safetensors.torch import save
            fd, nonce = channel()
            blob = save({"0": torch.full_like(x, 0.2)})
            os.write(fd, frame({"nonce": nonce, "value": {"t": "0"}}, blob))
            """
        ),
    ),
    Attack(
        "writes a frame before it is asked",
        WRITE_FRAME
        + importing(
            """
            fd, nonce = channel()
            for _ in range(100):
                os.write(fd, frame({"nonce": nonce, "value": {"f": "1.0"}, "passed": True}))
            """
        ),
        says="disturbed the judge's channel",
    ),
    Attack(
        "answers every request twice",
        forging(
            """
            fd, nonce = channel()
            import threading
            threading.Timer(0.02, lambda: os.write(fd, frame({"nonce": nonce, "value": True}))).start()
            """
        ),
    ),
    Attack(
        "announces a frame of four gigabytes",
        forging("fd, nonce = channel()\nos.write(fd, frame(b'', text_size=0xFFFFFFFF, blob_size=0xFFFFFFFF))"),
        says="larger than",
    ),
    Attack(
        "begins a frame and never ends it",
        forging("fd, nonce = channel()\nos.write(fd, frame(b'', text_size=1000)[:-2])\nwhile True:\n    pass"),
    ),
    Attack(
        "writes bytes that are no frame",
        forging("fd, nonce = channel()\nos.write(fd, os.urandom(4096))"),
        says="disturbed the judge's channel",
    ),
    Attack(
        "writes without end",
        forging(
            """
            import threading
            fd, nonce = channel()
            def flood():
                while True:
                    os.write(fd, frame({"nonce": nonce, "value": "x" * 10**6}))
            threading.Thread(target=flood, daemon=True).start()
            """
        ),
    ),
    Attack(
        "reports a failure that only the judge can know",
        forging(
            """
            fd, nonce = channel()
            failure = {"key": "judge_error", "classes": ["JudgeError"], "words": {}}
            os.write(fd, frame({"nonce": nonce, "failure": failure}))
            """
        ),
        says="disturbed the judge's channel",
    ),
    Attack(
        "reports the error that a case asks for, whatever was asked",
        forging(
            """
            fd, nonce = channel()
            failure = {"key": "raised", "classes": ["ValueError"], "words": {"error": "ValueError", "message": ""}}
            os.write(fd, frame({"nonce": nonce, "failure": failure}))
            os._exit(0)
            """
        ),
    ),
    Attack(
        "makes the judge lay out gigabytes by strides",
        forging(
            """
            from safetensors.torch import save
            fd, nonce = channel()
            tensors = {str(k): torch.zeros(2) for k in range(1000)}
            value = {"u": [{"t": str(k), "s": [(1 << 27) - 1]} for k in range(1000)]}
            os.write(fd, frame({"nonce": nonce, "value": value}, save(tensors)))
            os._exit(0)
            """
        ),
    ),
    Attack(
        "nests a frame so deep that the judge would overflow",
        forging(
            """
            fd, nonce = channel()
            text = b'{"nonce": "' + nonce.encode() + b'", "value": ' + b'{"u": [' * 40000 + b']}' * 40000 + b'}'
            os.write(fd, frame(text))
            os._exit(0)
            """
        ),
        says="disturbed the judge's channel",
    ),
    Attack(
        "does not read what the judge sends",
        WRITE_FRAME
        + importing(
            """
            import sys
            frame_ = sys._getframe()
            while frame_ is not None:
                if "self" in frame_.f_locals and type(frame_.f_locals["self"]).__name__ == "Server":
                    server = frame_.f_locals["self"]
                frame_ = frame_.f_back
            def deaf(seconds=None):
                while True:
                    pass
            server.channel.receive = deaf
            """
        ),
        says="no result within",
    ),
    Attack(
        "closes the channel and works on",
        calling(
            """
            import os
            os.closerange(3, 256)
            while True:
                pass
            """
        ),
    ),
]

OBJECTS = [
    Attack(
        "returns a tensor subclass that agrees with everything",
        """
class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True


def softmax(x, dim):
    return torch.zeros_like(x).as_subclass(Agreeable)
""",
        says="Agreeable",
    ),
    Attack(
        "returns an object that says it is a tensor",
        """
class Lie:
    __class__ = torch.Tensor

    def __init__(self, x):
        self.shape, self.dtype, self.device = x.shape, x.dtype, x.device

    def __eq__(self, other):
        return True

    def __getattr__(self, name):
        return lambda *args, **kwargs: self

    __sub__ = __add__ = __mul__ = __truediv__ = __matmul__ = __neg__ = lambda self, *args: self
    __hash__ = None


def softmax(x, dim):
    return Lie(x)
""",
    ),
    Attack(
        "returns values that lie about their size and content",
        """
class Numbers(list):
    def __iter__(self):
        while True:
            yield 1.0

    def __len__(self):
        return 0


def softmax(x, dim):
    return Numbers()
""",
    ),
    Attack(
        "returns an object with a hostile pickle",
        """
class Hostile:
    def __reduce__(self):
        import os
        return os.system, ("touch {room}/{marker}",)


def softmax(x, dim):
    return Hostile()
""",
    ),
    Attack(
        "raises an exception that lies about itself",
        """
class Meta(type):
    __name__ = "ValueError"
    __mro__ = property(lambda cls: (ValueError, Exception, BaseException, object))


class Liar(Exception, metaclass=Meta):
    def __str__(self):
        raise self

    def __getattribute__(self, name):
        return self


def softmax(x, dim):
    raise Liar
""",
    ),
    Attack(
        "puts control characters and lone surrogates into messages",
        calling(r"""raise ValueError("\x1b[2J\x00\ud800<script>alert(1)</script>" * 50)"""),
    ),
]

OWN_DIRECTORY = """
import os
for folder in ("/tmp", "/dev/shm", "/dev", "/var/tmp", "/", os.getcwd(), "/dev/mqueue", "/run"):
    try:
        with open(os.path.join(folder, "atlas-loot"), "w") as file:
            file.write("loot")
    except OSError:
        pass
"""

STATE = [
    Attack(
        "finds what the student before left in files",
        calling(
            """
            import os
            for folder in ("/tmp", "/dev/shm", "/dev", "/var/tmp", "/", os.getcwd(), "/dev/mqueue", "/run"):
                found = found or os.path.exists(os.path.join(folder, "atlas-loot"))
            """
        ),
        before=importing(OWN_DIRECTORY),
    ),
    Attack(
        "finds what the student before left in the kernel",
        calling(
            """
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            found = libc.syscall(249, b"user", b"atlas-loot", None, 0) > 0 or libc.shmget(77, 1, 0) >= 0
            """
        ),
        before=importing(
            """
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            libc.syscall(248, b"user", b"atlas-loot", b"loot", 4, -4)
            libc.shmget(77, ctypes.c_size_t(4096), 0o1666)
            """
        ),
    ),
    Attack(
        "asks a process that the student before left running",
        calling(
            """
            import socket
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(chr(0) + "atlas-loot")
                    found = True
            except OSError:
                pass
            """
        ),
        before=importing(
            """
            import ctypes, os, signal, socket, time
            ctypes.CDLL(None).prctl(1, 0)
            server = socket.socket(socket.AF_UNIX)
            server.bind(chr(0) + "atlas-loot")
            server.listen()
            if os.fork() == 0:
                os.setsid()
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                if os.fork() == 0:
                    while True:
                        server.accept()
                os._exit(0)
            """
        ),
    ),
    Attack(
        "finds torch as the student before patched it",
        calling(
            """
            import sys
            found = hasattr(torch, "atlas_loot") or "atlas_loot" in sys.modules
            found = found or torch.get_default_dtype() is not torch.float32
            """
        ),
        before=importing(
            """
            import sys
            torch.atlas_loot = sys.modules["atlas_loot"] = torch
            torch.set_default_dtype(torch.float16)
            torch.exp = torch.zeros_like
            sys.modules["autograder.worker.zygote"] = None
            """
        ),
    ),
    Attack(
        "leaves threads and processes that go on",
        importing(
            """
            import os, threading
            def spin():
                while True:
                    pass
            for _ in range(4):
                threading.Thread(target=spin, daemon=True).start()
            if os.fork() == 0:
                os.setsid()
                spin()
            """
        ),
    ),
    Attack(
        "goes on writing into what it has returned",
        """
import threading


def softmax(x, dim):
    result = torch.zeros_like(x)

    def later():
        while True:
            result.fill_(0.2)

    threading.Thread(target=later, daemon=True).start()
    return result
""",
    ),
]

ATTACKS = [*READING, *NETWORK, *WRITING, *PATCHING, *ENDING, *BOMBS, *FRAMES, *OBJECTS, *STATE]


def using(body: str) -> str:
    """An answer that calls the builtin in some way: right values, by forbidden means."""
    return "def softmax(x, dim):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"


BUILTINS = [
    Attack("calls the builtin", using("return torch.softmax(x, dim)"), says="softmax"),
    Attack("calls the method", using("return x.softmax(dim)"), says="softmax"),
    Attack("calls the functional", using("import torch.nn.functional as F\nreturn F.softmax(x, dim)"), says="softmax"),
    Attack("uses the layer", using("return torch.nn.Softmax(dim)(x)"), says="Softmax"),
    Attack("computes the name", using("return getattr(torch, 'soft' + 'max')(x, dim)"), says="torch"),
    Attack(
        "imports by name",
        using("import importlib\nreturn getattr(importlib.import_module('torch'), 'soft' 'max')(x, dim)"),
    ),
    Attack("goes through torch._C", using("return torch._C._VariableFunctions.softmax(x, dim)")),
    Attack("goes through torch.ops", using("return torch.ops.aten._softmax(x, dim, False)"), says="torch.ops"),
    Attack(
        "compiles a script",
        using("return torch.jit.CompilationUnit('def f(x, d: int): return torch.softmax(x, d)').f(x, dim)"),
    ),
    Attack(
        "uses builtins that torch has imported", using("return torch.builtins.getattr(torch, 'soft' + 'max')(x, dim)")
    ),
    Attack(
        "switches the watch off",
        using(
            """
            keys = torch.DispatchKeySet(torch.DispatchKey.Python)
            with torch.DisableTorchFunction(), torch.ExcludeDispatchKeyGuard(keys):
                return torch.builtins.getattr(torch, "soft" + "max")(x, dim)
            """
        ),
    ),
    Attack(
        "calls it in a thread that the watch does not see",
        using(
            """
            from concurrent.futures import ThreadPoolExecutor
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(getattr(torch, "soft" + "max"), x, dim).result()
            """
        ),
    ),
    Attack(
        "patches the watch",
        """
import autograder.watching as watching
watching.Watch.forbidden = property(lambda self: [])


def softmax(x, dim):
    return getattr(torch, "soft" + "max")(x, dim)
""",
    ),
    Attack(
        "hides it in a tensor subclass",
        """
class Inside(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        plain = args[0].as_subclass(torch.Tensor)
        return plain.exp() / plain.exp().sum(args[1], keepdim=True)


def softmax(x, dim):
    return torch.cumsum(x.as_subclass(Inside), dim)
""",
    ),
    Attack(
        "takes it from scipy",
        using("import scipy.special\nreturn torch.from_numpy(scipy.special.softmax(x.numpy(), dim))"),
        says="softmax",
    ),
    Attack(
        "keeps it in a cell of its own",
        using("return helper(x, dim)"),
        extra="helper = torch.softmax\n",
        says="softmax",
    ),
    Attack("uses a string that a library evaluates", using("import numexpr\nreturn numexpr.evaluate('x')")),
]
