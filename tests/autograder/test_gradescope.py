"""Gradescope's autograder: the zip file unpacked in a scratch root, as root of a container by Docker's defaults.

Judge and student are kept apart there by a user, since no namespace can be had.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import zipfile
from pathlib import Path

import jsonschema
import nbformat
import pytest
from container import CHAPTER, IN_DOCKER, ROOT, WITHOUT_LANDLOCK, Container, students_processes, why_not
from graded_class import STUDENTS
from hostile import ATTACKS, LOOT, RIGHT, Attack, calling, hand_loot_out, lay_loot, words_of_attacks

from autograder.errors import CourseError
from autograder.gradescope import (
    NoNotebook,
    Outcome,
    find_notebook,
    memory_for_answers,
    results,
    student_of,
    write_atomically,
)
from autograder.gradescope_bundle import pinned, write_zip
from autograder.sample import deserved, notebook
from autograder.verdicts import CaseVerdict, ExerciseVerdict, Speed

SCHEMA = json.loads((Path(__file__).parent / "gradescope_results.schema.json").read_text(encoding="utf-8"))
MARKER = f"atlas-gradescope-attack-{os.getpid()}"  # the attacks of test_security.py may run in this process too


@pytest.fixture(scope="module")
def container():
    if reason := why_not():
        pytest.skip(reason)
    made = Container()
    yield made
    made.close()


def valid(found: dict) -> dict:
    jsonschema.validate(found, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


def handed_in(container, chapter, student: str) -> str:
    text = notebook(STUDENTS[student], chapter, ROOT / "assignments")
    container.hand_in(text, student)
    return text


def visible_text(found: dict) -> str:
    shown = [test for test in found["tests"] if test["visibility"] == "visible"]
    return "\n".join([found["output"], *(test["output"] for test in shown)])


# what results.json says


def assert_as_recorded(container, chapter, course, recorded, student):
    handed_in(container, chapter, student)
    found = valid(container.run())
    attempt = found["extra_data"].get("attempt", "")
    assert found["score"] == recorded[student]
    assert found["score"] == pytest.approx(deserved(STUDENTS[student], chapter, course.chapter(CHAPTER), attempt))
    assert sum(test.get("score", 0) for test in found["tests"]) == pytest.approx(found["score"])
    assert sum(test.get("max_score", 0) for test in found["tests"]) == 34
    assert students_processes() == []
    return found


@pytest.mark.parametrize("student", ["hypatia", "kurt", "trudy", "evariste"])
def test_the_score_is_the_one_in_nbgraders_gradebook(container, chapter, course, recorded, student):
    found = assert_as_recorded(container, chapter, course, recorded, student)
    if STUDENTS[student].readable:
        assert found["extra_data"]["sandbox"] == "separate user"
        assert found["extra_data"]["student"] == student
    assert not found["extra_data"]["needs_person"]


@pytest.mark.slow
@pytest.mark.parametrize("student", sorted(set(STUDENTS) - {"hypatia", "kurt", "trudy", "evariste"}))
def test_the_score_of_the_rest_of_the_class_is_that_in_nbgraders_gradebook(
    container, chapter, course, recorded, student
):
    assert_as_recorded(container, chapter, course, recorded, student)


def test_a_student_sees_visible_checks_and_hints_and_of_hidden_cases_how_many_passed(container, chapter):
    handed_in(container, chapter, "kurt")
    found = valid(container.run())
    shown = visible_text(found)
    hidden = [case for exercise in chapter.exercises.values() for case in exercise.hidden]
    assert "passed  negative numbers become zero" in shown and "Hint:" in shown
    assert "hidden cases: 5 of 6 passed" in shown
    assert not [case.name for case in hidden if case.sentence("en") in shown]
    later = [test for test in found["tests"] if test["visibility"] == "after_published"]
    assert len(later) == 9 and not any("score" in test for test in later)
    assert any(case.sentence("en") in test["output"] for case in hidden for test in later)


def outcome_of(course, name: str, *verdicts: ExerciseVerdict) -> Outcome:
    return Outcome(course.chapter(name), "hidden", verdicts={verdict.name: verdict for verdict in verdicts})


def verdict_of(entry, status="passed", score=None, **what) -> ExerciseVerdict:
    case = CaseVerdict(name="a_case", sentence="a case", facet="value", visible=True, passed=status == "passed")
    score = entry.points if score is None else score
    return ExerciseVerdict(
        name=entry.name, score=score, max_score=entry.points, status=status, **{"cases": [case], **what}
    )


def test_what_the_judge_failed_at_has_no_score_and_a_person_is_called(course):
    entry = course.chapter(CHAPTER)
    verdicts = [verdict_of(exercise) for exercise in entry.exercises[1:]]
    failed = verdict_of(entry.exercises[0], "judge_error", 0, notes=["the judge itself failed here"])
    found = valid(results(outcome_of(course, CHAPTER, failed, *verdicts), 1.0))
    assert "score" not in found["tests"][0] and "status" not in found["tests"][0]
    assert found["tests"][0]["output"] == "the judge itself failed here"
    assert found["score"] == 32 and found["extra_data"]["needs_person"]
    assert found["output"].startswith("A person must look at this submission.")


def test_an_exercise_that_was_not_judged_has_no_score(course):
    entry = course.chapter(CHAPTER)
    found = valid(results(outcome_of(course, CHAPTER, verdict_of(entry.exercises[0])), 1.0))
    assert [test.get("score") for test in found["tests"]] == [2.0] + [None] * 8
    assert "run the autograder again" in found["output"]


def test_a_lab_has_a_leaderboard_and_its_speed_waits_for_a_gpu(course):
    entry = course.chapter("lab02_softmax")
    speed = Speed(ratio=1.23456, p20=1.1, p80=1.3, needed=1.0, pairs=9, baseline="torch_softmax")
    fast = CaseVerdict(name="speed", sentence="fast", facet="speed", visible=False, passed=True, speed=speed)
    timed = verdict_of(entry.exercises[0], cases=[fast])
    waits = [verdict_of(exercise, "pending_gpu", 1.5) for exercise in entry.exercises[1:]]
    found = valid(results(outcome_of(course, entry.name, timed, *waits), 1.0))
    assert found["leaderboard"][0] == {"name": "points", "value": found["score"], "order": "desc"}
    assert found["leaderboard"][1]["value"] == 1.235 and "torch softmax" in found["leaderboard"][1]["name"]
    assert waits and found["extra_data"]["needs_person"] and "GPU" in found["output"]
    assert found["tests"][-1]["score"] == 1.5 and "status" not in found["tests"][-1]
    assert found["tests"][1]["visibility"] == "hidden"


def test_a_chapter_has_no_leaderboard(course):
    assert "leaderboard" not in results(outcome_of(course, CHAPTER), 1.0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found.pop("score"),
        lambda found: found["tests"][0].update(status="pending_gpu"),
        lambda found: found.update(visibility="staff"),
        lambda found: found["tests"][0].update(points=3),
    ],
)
def test_the_schema_refuses_what_gradescope_would(course, spoil):
    found = valid(results(outcome_of(course, CHAPTER), 1.0))
    spoil(found)
    with pytest.raises(jsonschema.ValidationError):
        valid(found)


def test_results_are_replaced_whole(tmp_path):
    path = tmp_path / "results" / "results.json"
    write_atomically(path, {"score": 1})
    with pytest.raises(ValueError):
        write_atomically(path, {"score": float("nan")})
    assert json.loads(path.read_text()) == {"score": 1}
    assert len(list(path.parent.glob("results*"))) == 1


# what is read


def test_the_notebook_is_found_whatever_its_name(tmp_path):
    release = nbformat.read(ROOT / "assignments" / "en" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)
    with pytest.raises(NoNotebook, match=r"\.ipynb"):
        find_notebook(tmp_path, CHAPTER, "en")
    (tmp_path / "deep").mkdir()
    nbformat.write(release, tmp_path / "deep" / "作业 4.ipynb")
    assert find_notebook(tmp_path, CHAPTER, "en").name == "作业 4.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "scratch.ipynb")
    assert find_notebook(tmp_path, CHAPTER, "en").name == "作业 4.ipynb"
    nbformat.write(release, tmp_path / "another.ipynb")
    with pytest.raises(NoNotebook, match=r"another\.ipynb"):
        find_notebook(tmp_path, CHAPTER, "en")
    nbformat.write(release, tmp_path / f"{CHAPTER}.ipynb")
    assert find_notebook(tmp_path, CHAPTER, "en").name == f"{CHAPTER}.ipynb"


@pytest.mark.parametrize(
    "which, expected", [("email_name", "ada"), ("email", "ada@example.edu"), ("sid", "s1"), ("id", "12")]
)
def test_the_student_is_whom_gradescope_names(tmp_path, which, expected):
    path = tmp_path / "submission_metadata.json"
    assert student_of(path, which) == ""
    path.write_text(json.dumps({"users": [{"email": "ada@example.edu", "sid": "s1", "id": 12, "name": "Ada"}]}))
    assert student_of(path, which) == expected
    path.write_text("[]")
    assert student_of(path, which) == ""


def test_an_answer_gets_no_more_memory_than_the_container_leaves():
    assert memory_for_answers(64) == 64


# whatever happens, the results are valid


def test_without_a_notebook_the_student_is_told(container):
    container.hand_in("print(1)", name="answers.py")
    found = valid(container.run())
    assert found["score"] == 0 and "no notebook" in found["output"] and not found["extra_data"]["needs_person"]


def test_an_unreadable_notebook_is_named_with_the_remedy(container, chapter):
    handed_in(container, chapter, "pierre")
    found = valid(container.run())
    assert found["score"] == 0 and "is empty. Save the notebook" in visible_text(found)
    assert all(test["status"] == "failed" and test["score"] == 0 for test in found["tests"])


def test_a_judge_that_is_killed_leaves_no_silent_zero(container, chapter):
    handed_in(container, chapter, "ada")
    process = container.start()
    deadline = time.monotonic() + 60
    while not (path := container.root / "results" / "results.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert path.exists()
    judges = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    for judge in judges:
        os.kill(int(judge), signal.SIGKILL)
    process.communicate(timeout=60)
    found = valid(container.results())
    assert found["extra_data"]["needs_person"] and "A person must look" in found["output"]
    assert len([test for test in found["tests"] if "score" not in test]) == 9
    assert students_processes() == []


def test_a_judge_that_cannot_start_leaves_no_silent_zero(container, chapter):
    handed_in(container, chapter, "ada")
    found = valid(container.run(ATLAS_HOME="/nowhere"))
    assert found["extra_data"]["needs_person"] and "A person must look" in found["output"]


def test_when_time_is_nearly_up_what_is_judged_counts_and_a_person_is_called_for_the_rest(container, chapter):
    text = handed_in(container, chapter, "ada")
    answer = "def softmax_backward(*args):\n    while True:\n        pass\n"
    made = nbformat.reads(text, as_version=4)
    for cell in made.cells:
        atlas = cell.metadata.get("atlas", {})
        if (atlas.get("exercise"), atlas.get("origin")) == ("softmax_backward", "answer"):
            cell.source = f"# exercise: softmax_backward\n{answer}"
    container.hand_in(nbformat.writes(made))
    manifest = container.source / "course" / "course.yml"
    original = manifest.read_text(encoding="utf-8")
    program = "import autograder.gradescope as g; g.RESERVE_SECONDS = 90; g.main()"  # 2 minutes less 90 seconds
    try:
        patient = original.replace("case_seconds: 10", "case_seconds: 60")
        manifest.write_text(patient + "\ngradescope: {minutes: 2}\n", encoding="utf-8")
        where = ["--root", str(container.root), "--course", str(container.source / "course"), "--chapter", CHAPTER]
        command = [*IN_DOCKER, str(container.home / "venv/bin/python"), "-P", "-c", program, *where]
        began = time.monotonic()
        subprocess.run(command, check=True, timeout=120, capture_output=True)
    finally:
        manifest.write_text(original, encoding="utf-8")
    assert time.monotonic() - began < 55  # the loop alone would take 60
    found = valid(container.results())
    assert "Gradescope's time was nearly up" in found["output"] and found["extra_data"]["needs_person"]
    assert found["score"] == 29 and "score" not in found["tests"][-1]
    end = time.monotonic() + 5
    while students_processes() and time.monotonic() < end:
        time.sleep(0.05)
    assert students_processes() == []


def test_where_no_sandbox_can_be_had_nothing_is_judged_and_the_message_says_what_to_do(container, chapter, tmp_path):
    """As neither root nor with bubblewrap: the program alone, as a user of no account, on copies that it may read."""
    handed_in(container, chapter, "ada")
    room = container.scratch / "room"
    shutil.copytree(container.root, room, dirs_exist_ok=True)
    subprocess.run(["chown", "-R", "65532", str(room)], check=True)
    command = [str(container.home / "venv/bin/python"), "-P", "-m", "autograder.gradescope", "--chapter", CHAPTER]
    command += ["--root", str(room), "--course", str(room / "source" / "course")]
    ran = subprocess.run(
        [*IN_DOCKER, "setpriv", "--reuid", "65532", "--clear-groups", *command], capture_output=True, text=True
    )
    shutil.copytree(room / "results", container.root / "results", dirs_exist_ok=True)
    shutil.rmtree(room)
    found = valid(container.results())
    assert "no sandbox can be had here" in ran.stderr and "allow_unsandboxed" in ran.stderr
    assert found["extra_data"]["needs_person"] and "A person must look" in found["output"]


def test_the_folder_with_the_solutions_must_be_closed_to_students(container, chapter):
    handed_in(container, chapter, "ada")
    program = "from autograder.workshop import Workshop; Workshop('user').start()"
    python = str(container.home / "venv/bin/python")
    container.source.chmod(0o755)
    folders = [container.source / "course"]
    for folder in folders:
        folder.chmod(0o755)
    try:
        ran = subprocess.run(
            [*IN_DOCKER, python, "-P", "-c", program], cwd=folders[0], capture_output=True, text=True, timeout=60
        )
    finally:
        for folder in [container.source, *folders]:
            folder.chmod(0o700)
    assert ran.returncode != 0 and "every user can enter this folder with the solutions: `chmod 700" in ran.stderr


# the zip file


def test_the_zip_file_holds_one_chapter_and_is_the_same_each_time(course, tmp_path, monkeypatch):
    monkeypatch.setenv("ATLAS_SECRET", "a secret")
    entry = course.chapter(CHAPTER)
    one, other = (write_zip(course, entry, tmp_path / name) for name in ("one.zip", "other.zip"))
    assert one.read_bytes() == other.read_bytes() and one.stat().st_mode & 0o077 == 0
    archive = zipfile.ZipFile(one)
    names = archive.namelist()
    of_course = [name for name in names if name.startswith("course/") and name.count("/") > 1]
    assert {"setup.sh", "run_autograder", "requirements.txt", "engine/autograder/gradescope.py"} < set(names)
    assert f"course/tests/{CHAPTER}/hidden.py" in names and all(f"/{CHAPTER}/" in name for name in of_course)
    assert archive.getinfo("run_autograder").external_attr >> 16 & 0o111
    assert f"--chapter {CHAPTER}\n" in archive.read("run_autograder").decode()
    assert archive.read("course/.secret") == b"a secret\n"


def test_what_setup_installs_is_pinned_and_torch_is_the_cpu_build(course):
    lines = pinned(ROOT, course.chapter(CHAPTER))
    constraints = set((ROOT / "constraints.txt").read_text().split())
    torch = [line for line in lines if line.startswith("torch==")]
    assert torch and torch[0].endswith("+cpu")
    assert set(lines) - set(torch) <= constraints
    assert not [line for line in lines if line.startswith(("triton", "nbgrader", "jupyterlab", "nvidia"))]
    assert [line for line in pinned(ROOT, course.chapter("lab02_softmax")) if line.startswith("triton")]


def test_a_package_without_a_pin_is_named(course, tmp_path):
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\n")
    with pytest.raises(CourseError, match=r"does not pin .*numpy"):
        pinned(tmp_path, course.chapter(CHAPTER))


# hostile notebooks


PROC = Attack(
    "reads what other processes hold",
    calling(
        """
        import os
        for pid in [1, os.getppid(), *range(max(1, os.getppid() - 50), os.getppid() + 50)]:
            for name in ("environ", "maps", "mem", "cmdline", "fd/3", "root/etc/passwd"):
                if pid != os.getpid():
                    try:
                        with open(f"/proc/{pid}/{name}", "rb") as file:
                            found = found or file.read(1) != b""
                    except OSError:
                        pass
        """
    ),
)
TRACES = Attack(
    "traces the process that forked it",
    calling(
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.restype = ctypes.c_long
        for pid in (os.getppid(), 1, 2, 3):
            found = found or (pid != os.getpid() and libc.ptrace(16, pid, None, None) == 0)
        """
    ),
)
# these two see that a process exists, which /proc tells everybody: here they must read or trace it
SEES_NUMBERS = {attack.name: attack for attack in (PROC, TRACES)}
QUICK = {
    "reads the hidden cases and the solutions",
    "reads the gradebook and another student's notebook",
    "reads what other processes hold",
    "reads secrets of the environment",
    "opens sockets that lead out of the namespace",
    "kills every process it can name",
    "forks without end",
    "takes all memory",
    "fills the disk",
    "writes a frame that says it has passed",
    "finds what the student before left in files",
    "leaves threads and processes that go on",
}


def hostile_verdicts(container: Container, attacks: list[Attack], within: list[str]) -> dict[str, list]:
    """What each attack got, and what it deserves, by its name."""
    servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
    servers[1].bind(f"\0{MARKER}")
    hand_loot_out(servers)
    room = container.root / "submission"
    container.hand_in("{}")
    lay_loot(room, CHAPTER)
    room.chmod(0o700)
    words = words_of_attacks(MARKER, container.source / "course", room, servers[0])
    todo = []
    for attack in attacks:
        todo += [["before", attack.before, ""]] if attack.before else []
        todo += [[attack.name, attack.answer, attack.extra]]
        todo += [[f"deserved by {attack.name}", attack.deserves, ""]] if attack.deserves else []
    driver = Path(__file__).parent / "judge_hostile.py"
    command = [*within, str(container.home / "venv/bin/python"), "-P", str(driver), str(container.source / "course")]
    environment = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "ATLAS_SECRET_OF_TESTS": LOOT}
    try:
        ran = subprocess.run(
            [*command, json.dumps(words)], input=json.dumps(todo), env=environment, capture_output=True, text=True
        )
    finally:
        for server in servers:
            server.shutdown(socket.SHUT_RDWR)  # which wakes the thread that waits for somebody
            server.close()
    assert ran.returncode == 0, ran.stderr
    found = {row[0]: row[1:] for row in map(json.loads, ran.stdout.splitlines())}
    assert {attack.name for attack in attacks} <= set(found)
    return found


def wrongs(attack: Attack, found: dict[str, list], kind: str = "separate user") -> list[str]:
    """What an attack achieved, in words; nothing if the honest part got what it deserves and no more."""
    sandbox, softmax, relu, left = found[attack.name]
    deserves = found[f"deserved by {attack.name}"][1]["score"] if attack.deserves else 0
    messages = [case["message"] for case in softmax["cases"]]
    wrong = [] if sandbox == kind else [f"judged in {sandbox}"]
    if softmax["score"] > deserves or (deserves and not softmax["score"]):
        wrong.append(f"{softmax['score']} points instead of {deserves}")
    if softmax["status"] in ("judge_error", "not_attempted"):
        wrong.append(f"{softmax['status']}: {softmax['notes']}")
    if not any(attack.says in message for message in messages):
        wrong.append(f"said {messages[:1]}")
    if (relu["status"], relu["score"]) != ("passed", 4.0):
        wrong.append(
            f"the honest answer: {relu['status']}, {[c['message'] for c in relu['cases'] if not c['passed']][:1]}"
        )
    if left:
        wrong.append(f"{left} processes are left")
    return wrong


def traces() -> list[Path]:
    places = [Path(name) for name in ("/tmp", "/dev/shm", "/dev", "/var/tmp", "/etc", "/", "/run", "/usr", "/root")]
    return [path for place in places if place.is_dir() for path in place.glob(f"*{MARKER}*")]


def as_applies(attacks: list[Attack]) -> list[Attack]:
    return [SEES_NUMBERS.get(attack.name, attack) for attack in attacks]


def assert_withstood(
    container: Container, attacks: list[Attack], within: list[str], kind: str = "separate user"
) -> None:
    found = hostile_verdicts(container, attacks, within)
    wrong = {attack.name: said for attack in attacks if (said := wrongs(attack, found, kind))}
    assert not wrong
    assert traces() == [] and students_processes() == []


def test_separation_by_user_withstands_hostile_notebooks(container):
    chosen = [attack for attack in as_applies(ATTACKS) if attack.name in QUICK]
    assert {attack.name for attack in chosen} == QUICK
    assert_withstood(container, chosen, IN_DOCKER)


@pytest.mark.slow
def test_separation_by_user_withstands_every_hostile_notebook(container):
    assert_withstood(container, as_applies(ATTACKS), IN_DOCKER)


def test_these_tests_see_an_attack_that_succeeds(container):
    """An attack that finds what is there for everybody scores, and is seen to."""
    finds = Attack("finds its own folder", calling("import os\nfound = os.access(os.getcwd(), os.W_OK)"))
    found = hostile_verdicts(container, [finds], IN_DOCKER)
    assert wrongs(finds, found) == ["4.0 points instead of 0"]
    assert "amax" in RIGHT


@pytest.mark.slow
def test_setup_installs_by_itself_and_bubblewrap_is_used_where_it_works(chapter, course):
    if reason := why_not():
        pytest.skip(reason)
    container = Container(by_setup=True)
    try:
        handed_in(container, chapter, "kurt")
        by_user = valid(container.run())
        by_namespaces = valid(container.run(within=[]))
        assert by_user["extra_data"]["sandbox"] == "separate user"
        assert by_namespaces["extra_data"]["sandbox"] == "bubblewrap"
        assert by_user["score"] == by_namespaces["score"] == 20.93
        assert container.source.stat().st_mode & 0o077 == 0
    finally:
        container.close()


# without Landlock everybody's files and folders are a student's too, and this repository may be everybody's
EVERYBODYS = {
    "reads the hidden cases and the solutions",
    "reads what other processes hold",
    "writes wherever it can outside /tmp",
    "fills the disk",
    "fills the disk with empty files",
}


@pytest.mark.slow
def test_without_landlock_the_rest_of_the_hostile_notebooks_is_withstood_by_the_user_alone(container):
    attacks = [attack for attack in as_applies(ATTACKS) if attack.name not in EVERYBODYS]
    assert_withstood(container, attacks, WITHOUT_LANDLOCK, "separate user without Landlock")
