"""A JupyterLab server of its own for a test, and the hands of somebody who works in it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests
import yaml
from playwright.sync_api import Locator, Page, expect

from sandbox.plan import Address, project_root

READY_WITHIN = 60.0  # seconds; the first start on a cold disk takes its time
ENDS_WITHIN = 60.0
STEP = 30_000  # milliseconds that a click or a page may take
STAGE = 150_000  # milliseconds that a stage may take to be decided


@dataclass(frozen=True)
class Server:
    """A running JupyterLab that shows what is below ``root``."""

    url: str
    token: str
    root: Path
    process: psutil.Process

    def ask(self, method: str, path: str) -> requests.Response:
        """One request to the server's API."""
        header = {"Authorization": f"token {self.token}"}
        answer = requests.request(method, f"{self.url}/api/{path}", headers=header, timeout=30)
        answer.raise_for_status()
        return answer


def copy_project(folder: Path, parameters: dict[str, Any]) -> None:
    """What an operator has before him; the parameters are those that a notebook takes by itself."""
    shutil.copytree(project_root() / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (folder / "parameters").mkdir()
    (folder / "parameters" / "demo.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")
    (folder / "sandbox").symlink_to(project_root() / "sandbox")  # the sample that the parameters name


@contextmanager
def serving(root: Path, home: Path) -> Iterator[Server]:
    """JupyterLab with settings and data of its own; it and its kernels are gone at the end."""
    token, address = secrets.token_hex(16), _free_address()
    options = [f"--ServerApp.ip={address.host}", f"--ServerApp.port={address.port}", "--ServerApp.port_retries=0"]
    options += ["--no-browser", f"--ServerApp.root_dir={root}", *(["--allow-root"] if os.geteuid() == 0 else [])]
    with (home / "lab.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=root,
            env=os.environ | _environment(home) | {"JUPYTER_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    server = Server(address.url, token, root, psutil.Process(process.pid))
    try:
        _await_server(server, home / "lab.log")
        yield server
        assert _end(server, process) == [], "JupyterLab did not end what it started"
    finally:
        _end(server, process)


def _end(server: Server, process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """End the server; what it left running is killed and named."""
    if process.poll() is not None:
        return []
    family = [server.process, *server.process.children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(family, ENDS_WITHIN)
    for one in left:
        one.kill()
    process.wait()
    return left


def _free_address() -> Address:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Address(*probe.getsockname())


def _environment(home: Path) -> dict[str, str]:
    """Nothing of whoever runs the tests is read or changed; no news are asked for."""
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    return {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }


def _await_server(server: Server, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and server.process.is_running():
        try:
            server.ask("GET", "status")
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"JupyterLab does not answer: {log.read_text(errors='replace')[-2000:]}")


def end_kernels(server: Server) -> None:
    """End what runs in the server, as its "Shut Down All" does."""
    for session in server.ask("GET", "sessions").json():
        server.ask("DELETE", f"sessions/{session['id']}")


@dataclass(frozen=True)
class Notebook:
    """A notebook open in JupyterLab."""

    page: Page

    def run_all(self) -> None:
        """Run > Run All Cells, and wait until the kernel has nothing more to do."""
        self.choose("Run", "Run All Cells")
        self.await_idle()

    def run_from(self, cell: Locator) -> None:
        """Select a cell, run it and all below it, and wait."""
        cell.locator(".jp-InputPrompt").click()
        self.choose("Run", "Run Selected Cell and All Below")
        self.await_idle()

    def choose(self, menu: str, entry: str) -> None:
        """Click an entry of the menu bar."""
        self.page.locator("#jp-MainMenu").get_by_text(menu, exact=True).click()
        self.page.locator(".lm-Menu").get_by_text(re.compile(f"^{re.escape(entry)}$")).click()

    def command(self, label: str) -> None:
        """Find a command in the palette, and run it."""
        self.page.keyboard.press("Control+Shift+c")
        palette = self.page.locator(".lm-CommandPalette")
        palette.locator("input").fill(label)
        palette.locator(".lm-CommandPalette-item").filter(has_text=label).first.click()

    def await_idle(self) -> None:
        """Wait until every cell that was to run has run."""
        self.page.wait_for_function(
            """() => document.querySelector(".jp-Notebook-ExecutionIndicator[data-status='idle']")
                && ![...document.querySelectorAll(".jp-InputArea-prompt")]
                    .some((prompt) => prompt.textContent.includes("[*]"))""",
            timeout=STAGE,
        )

    def go_up_to(self, cell: Locator) -> None:
        """Select a cell with the arrow keys, from below."""
        for _ in range(40):
            if "jp-mod-active" in (cell.get_attribute("class") or "").split():
                return
            self.page.keyboard.press("ArrowUp")
        raise AssertionError("40 times arrow up do not lead to the cell")

    def bring_up(self, part: Locator) -> None:
        """Scroll so that a part of the notebook begins at the top of the window."""
        part.evaluate("element => element.scrollIntoView({block: 'start', behavior: 'instant'})")

    def cell(self, text: str) -> Locator:
        """The code cell that holds that text."""
        return self.page.locator(".jp-CodeCell").filter(has_text=text)


def open_notebook(page: Page, server: Server, path: str) -> Notebook:
    """Open a notebook of the project in a workspace of its own, and wait for its kernel."""
    page.goto(f"{server.url}/lab/workspaces/{secrets.token_hex(4)}/tree/{path}?token={server.token}")
    expect(page.locator(".jp-NotebookPanel")).to_be_visible(timeout=60_000)
    # before that, a click on Run would ask which kernel to take
    expect(page.locator(".jp-Toolbar-kernelName")).to_have_text("Python 3 (ipykernel)", timeout=STEP)
    notebook = Notebook(page)
    notebook.await_idle()
    page.keyboard.press("Control+b")  # the list of files goes, the notebook gets its room
    return notebook


def wait_for(condition: Callable[[], bool], seconds: float = STAGE / 1000) -> None:
    """Wait until something has become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {seconds:g} s"
        time.sleep(0.1)


def approve(cell: Locator, reason: str) -> None:
    """Give the reason under a gate, click, and see that it was taken."""
    cell.locator(".runbook-reason input").fill(reason)
    cell.locator("button.runbook-approve").click()
    expect(cell.locator(".runbook-state")).to_contain_text("approved at")


def press_tab_until(page: Page, wanted: Locator, most: int = 30) -> None:
    """Go on with Tab until the focus is there."""
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab do not reach {wanted}")
