"""JupyterLab as students and staff use it, in headless Chromium: for the browser tests and the docs' pictures."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from autograder.course import load_course
from autograder.demo import copy_course

ROOT = Path(__file__).parents[2]
CHAPTER = "ch04_activations"
LAB = "lab01_elementwise"
START_SECONDS = 60
WAIT = 30_000  # ms, for what a kernel or nbgrader has to do first
SLOW = 120_000  # ms, for what runs a whole notebook
WINDOW = {"width": 1280, "height": 900}
SETTINGS = "@jupyterlab/apputils-extension"
WRONG = """# exercise: softmax
def softmax(x, dim):
    e = torch.exp(x - x.max())
    return e / e.sum(-1, keepdim=True)"""


def chromium() -> str:
    """Debian's Chromium, or any other that is on the path."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("the browser tests need Chromium: apt-get install chromium")


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


def make_course(folder: Path) -> Path:
    """A course of two chapters, as a TA has it after `atlas build`."""
    folder.mkdir(parents=True)
    copy_course(ROOT, folder)
    manifest = folder / "course.yml"
    text = manifest.read_text(encoding="utf-8").replace("    written: true\n", "")
    for name in (CHAPTER, LAB):
        text = re.sub(rf"(- name: {name}\n(?:    .*\n)*?    title: .*\n)", r"\1    written: true\n", text)
    manifest.write_text(text, encoding="utf-8")
    (folder / ".secret").write_text("the browser's secret\n", encoding="utf-8")
    (folder / ".secret").chmod(0o600)
    return folder


@dataclass
class Server:
    """A running JupyterLab."""

    url: str
    token: str
    root: Path

    def open(self, page: Page, path: str = "") -> Page:
        """JupyterLab in a fresh workspace, with a notebook open."""
        tree = f"/tree/{path}" if path else ""
        workspace = secrets.token_hex(4)
        page.goto(f"{self.url}/lab/workspaces/{workspace}{tree}?token={self.token}")
        page.wait_for_selector(".jp-NotebookPanel" if path else ".jp-Launcher", timeout=WAIT)
        if path:
            expect(page.get_by_text("| Idle")).to_be_visible(timeout=WAIT)
        return page


@contextmanager
def jupyterlab(root: Path, scratch: Path, exchange: Path | None = None, **settings: str) -> Iterator[Server]:
    """JupyterLab on a folder, with settings of its own. theme: the name of one; exchange: nbgrader's."""
    config = scratch / "config"
    config.mkdir(parents=True, exist_ok=True)
    exchange = exchange or scratch / "exchange"
    exchange.mkdir(parents=True, exist_ok=True)
    exchange.chmod(0o777)
    course = load_course(ROOT).name
    (config / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\nc.CourseDirectory.course_id = {course!r}\n",
        encoding="utf-8",
    )
    overrides = {
        f"{SETTINGS}:themes": {"theme": settings.get("theme", "JupyterLab Light")},
        f"{SETTINGS}:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # every cell is in the page
    }
    (config / "labconfig").mkdir(exist_ok=True)
    (config / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(overrides), encoding="utf-8")
    token = secrets.token_hex(8)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = surroundings(scratch) | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"]
    with (scratch / "jupyterlab.log").open("w") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
    server = Server(f"http://127.0.0.1:{port}", token, root)
    try:
        _wait(process, server, scratch / "jupyterlab.log")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def surroundings(scratch: Path) -> dict[str, str]:
    """The environment in which Jupyter and nbgrader find the settings of `jupyterlab`, and nobody else's."""
    return os.environ | {
        "JUPYTER_CONFIG_DIR": str(scratch / "config"),
        "JUPYTER_DATA_DIR": str(scratch / "data"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "HOME": str(scratch),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def nbgrader(server_scratch: Path, course: Path, *arguments: str) -> None:
    """One of nbgrader's commands, as a TA types it in the course's folder."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, env=surroundings(server_scratch), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


def write_answers(notebook: Path, answers: dict[str, str]) -> None:
    """Put answers into the cells of their exercises, as a student would."""
    book = nbformat.read(notebook, as_version=4)
    for cell in book.cells:
        name = cell.metadata.get("atlas", {}).get("exercise")
        if cell.metadata.get("atlas", {}).get("origin") == "answer" and name in answers:
            cell.source = f"# exercise: {name}\n{answers[name]}"
    nbformat.write(book, notebook)


def _wait(process: subprocess.Popen, server: Server, log: Path) -> None:
    began = time.monotonic()
    while time.monotonic() - began < START_SECONDS:
        try:
            with urllib.request.urlopen(f"{server.url}/api/status?token={server.token}", timeout=5):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")


def open_assignments(server: Server, page: Page) -> Page:
    server.open(page)
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Assignment List").click()
    expect(page.get_by_text("Submitted assignments", exact=True)).to_be_visible(timeout=WAIT)
    return page


def open_formgrader(server: Server, page: Page, path: str) -> Page:
    page.goto(f"{server.url}/formgrader?token={server.token}")
    page.goto(f"{server.url}/formgrader/{path}")
    return page


class Notebook:
    """The notebook in front, by its cells."""

    def __init__(self, page: Page):
        self.page = page
        self.panel = page.locator(".jp-NotebookPanel:visible").first

    def cell(self, text: str) -> Locator:
        """The code cell in which a text stands."""
        holds = self.page.locator(".cm-content", has_text=text)
        return self.panel.locator(".jp-CodeCell").filter(has=holds).first

    def write(self, text: str, source: str) -> None:
        """Replace the source of the cell in which a text stands."""
        editor = self.cell(text).locator(".cm-content")
        editor.scroll_into_view_if_needed()
        editor.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(source)

    def run(self, text: str) -> Locator:
        """Run the cell in which a text stands, wait until it has run; its output."""
        cell = self.cell(text)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+Enter")
        expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=WAIT)
        return cell.locator(".jp-OutputArea-output").last

    def save(self) -> None:
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("ControlOrMeta+s")
        expect(self.page.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0, timeout=WAIT)

    def choose_theme(self, name: str) -> None:
        self.page.get_by_role("menuitem", name="Settings").click()
        for label in ("Theme", name):
            self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{label}$")).click()
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-name", name, timeout=WAIT)
