"""Every hostile notebook gets what its honest part deserves, and harms nothing and nobody.

The attacks are in `hostile.py`; docs/security.md says which promise each of them tries to break. Those on the sandbox
are judged without the exercise's rules, so that the reading of their source does not stop them before they run.
"""

import copy
import json
import os
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from hostile import ATTACKS, BUILTINS, LOOT, Attack, hand_loot_out, lay_loot, words_of_attacks

from autograder.cases import Rules
from autograder.chapters import Chapter
from autograder.course import Limits
from autograder.errors import SandboxError
from autograder.judgement import judge_submission
from autograder.submissions import read_submission
from autograder.verdicts import ExerciseVerdict
from autograder.workshop import Workshop

ROOT = Path(__file__).parents[2]
CHAPTER = "ch04_activations"
RELEASE = ROOT / "assignments" / "en" / CHAPTER / f"{CHAPTER}.ipynb"
EXERCISES = ("softmax", "relu")
LIMITS = Limits(
    cell_seconds=1.5, case_seconds=1, exercise_seconds=3, memory_mb=256, processes=16, tmp_mb=8, result_mb=4
)
# both exercises at their limit, a process that must be cleared away after each death, and a slow machine
LONGEST_SECONDS = 4 * LIMITS.exercise_seconds + 10
MARKER = f"atlas-attack-{os.getpid()}"


def can_sandbox() -> bool:
    try:
        with Workshop():
            return True
    except SandboxError:
        return False


pytestmark = pytest.mark.skipif(not RELEASE.exists() or not can_sandbox(), reason="needs bubblewrap and a built course")


@dataclass
class Grounds:
    """Where the attacks happen: a warm sandbox, and outside of it what they are after."""

    workshop: Workshop
    room: Path
    words: dict[str, str]
    solutions: dict[str, str]
    chapters: dict[bool, SimpleNamespace]
    plan: SimpleNamespace
    trusted: frozenset[int]

    def fill(self, source: str) -> str:
        for key, value in self.words.items():
            source = source.replace("{" + key + "}", value)
        return source

    def judge(self, softmax: str, extra: str = "", rules: bool = False) -> list[ExerciseVerdict]:
        """The verdicts on softmax and relu of a notebook with this softmax, and our own relu."""
        notebook = json.loads(RELEASE.read_text(encoding="utf-8"))
        answers = {"softmax": self.fill(softmax), "relu": self.solutions["relu"]}
        for cell in notebook["cells"]:
            label = cell["metadata"].get("atlas", {})
            if label.get("origin") == "answer" and label["exercise"] in answers:
                cell["source"] = answers[label["exercise"]]
        if extra:
            cell = {"cell_type": "code", "id": "own", "metadata": {}, "outputs": [], "execution_count": None}
            notebook["cells"].insert(1, {**cell, "source": extra})
        path = self.room / "submitted" / "mallory" / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        verdict = judge_submission(
            self.chapters[rules],
            self.plan,
            read_submission(path, RELEASE, CHAPTER),
            student="mallory",
            attempt="1",
            secret="the secret of these tests",
            workshop=self.workshop,
        )
        return verdict.exercises

    def processes(self) -> set[int]:
        """The processes in the sandbox."""
        try:
            outer = psutil.Process(self.workshop._launched.process.pid)
            return {outer.pid, *(p.pid for p in outer.children(recursive=True))}
        except psutil.NoSuchProcess:
            return set()

    def settled(self) -> bool:
        """Whether nothing runs in the sandbox but the zygote, soon after a verdict."""
        end = time.monotonic() + 3
        while len(self.processes()) > len(self.trusted) and time.monotonic() < end:
            time.sleep(0.01)
        return len(self.processes()) <= len(self.trusted)

    def traces(self) -> list[Path]:
        """What an attack has left outside the sandbox."""
        places = [Path("/tmp"), Path("/dev/shm"), Path("/dev"), Path("/var/tmp"), Path.home(), Path("/etc"), Path("/")]
        places += [self.room, ROOT, ROOT / "autograder", Path(torch.__file__).parent, Path("/run"), Path("/usr")]
        return [path for place in places if place.is_dir() for path in place.glob(f"*{MARKER}*")]


def contents(room: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(room.rglob("*")) if p.is_file() and "mallory" not in p.parts}


@pytest.fixture(scope="module")
def grounds(tmp_path_factory):
    chapter = Chapter(ROOT, CHAPTER)
    exercises = {name: chapter.exercises[name] for name in EXERCISES}
    without_rules = {name: replace(copy.copy(exercise), rules=Rules()) for name, exercise in exercises.items()}
    room = tmp_path_factory.mktemp("room")
    lay_loot(room, CHAPTER)
    servers = [
        socket.create_server(("127.0.0.1", 0)),
        socket.socket(socket.AF_UNIX),
        socket.socket(socket.AF_UNIX),
    ]
    servers[1].bind(str(room / "socket"))
    servers[2].bind("\0" + MARKER)
    hand_loot_out(servers)
    words = words_of_attacks(MARKER, ROOT, room, servers[0])
    os.environ["ATLAS_SECRET_OF_TESTS"] = LOOT
    with Workshop(limits=LIMITS) as workshop:
        made = Grounds(
            workshop,
            room,
            words,
            {name: chapter.solution(name) for name in EXERCISES},
            {
                True: SimpleNamespace(name=CHAPTER, exercises=exercises),
                False: SimpleNamespace(name=CHAPTER, exercises=without_rules),
            },
            SimpleNamespace(exercises=[SimpleNamespace(name=name, equation="", points=4.0) for name in EXERCISES]),
            frozenset(),
        )
        made.trusted = frozenset(made.processes())
        yield made
        inside = [psutil.Process(pid) for pid in made.processes()]
    _, alive = psutil.wait_procs(inside, timeout=5)
    del os.environ["ATLAS_SECRET_OF_TESTS"]
    for server in servers:
        server.close()
    assert not alive, "processes of the sandbox outlived it"


@pytest.fixture(autouse=True)
def nothing_outside_changes(grounds):
    before = contents(grounds.room)
    yield
    assert grounds.settled(), "something still runs in the sandbox"
    assert grounds.processes() == grounds.trusted, "the sandbox itself died"
    assert contents(grounds.room) == before
    assert grounds.traces() == []


def assert_honest(verdicts: list[ExerciseVerdict]) -> None:
    for verdict in verdicts:
        assert (verdict.status, verdict.score) == ("passed", 4.0), [c.message for c in verdict.cases if not c.passed][
            :1
        ]


def assert_deserved(grounds: Grounds, attack: Attack, softmax: ExerciseVerdict) -> None:
    messages = [case.message for case in softmax.cases]
    assert softmax.status not in ("judge_error", "not_attempted"), softmax.notes
    deserved = grounds.judge(attack.deserves)[0].score if attack.deserves else 0
    assert softmax.score <= deserved, [c.name for c in softmax.cases if c.passed]
    assert softmax.score > 0 or not deserved, messages
    assert any(attack.says in message for message in messages), messages


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name.replace(" ", "_"))
def test_the_sandbox_withstands_one_who(grounds, attack):
    started = time.monotonic()
    if attack.before:
        grounds.judge(attack.before)
    softmax, relu = grounds.judge(attack.answer, attack.extra)
    assert time.monotonic() - started < LONGEST_SECONDS * (1 + bool(attack.before))
    assert_deserved(grounds, attack, softmax)
    assert_honest([relu])
    assert_honest(grounds.judge(grounds.solutions["softmax"]))


@pytest.mark.parametrize("attack", BUILTINS, ids=lambda attack: attack.name.replace(" ", "_"))
def test_the_rules_refuse_one_who(grounds, attack):
    softmax, relu = grounds.judge(attack.answer, attack.extra, rules=True)
    assert_deserved(grounds, attack, softmax)
    assert_honest([relu])


def test_what_a_student_reads_of_an_attack_can_be_stored_and_shown(grounds):
    attack = next(a for a in ATTACKS if a.name.startswith("puts control characters"))
    softmax, _ = grounds.judge(attack.answer)
    stored = softmax.model_dump_json()
    assert ExerciseVerdict.model_validate_json(stored) == softmax
    assert not any(ord(c) < 32 and c not in "\n\t" for case in softmax.cases for c in case.message)


def test_the_honest_notebook_of_these_tests_gets_full_marks_under_the_rules(grounds):
    assert_honest(grounds.judge(grounds.solutions["softmax"], rules=True))
