"""Debian's Chromium, and a JupyterLab on a practice range with users, for tests that look and click as people do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chromium
import lab
import pytest
import throwaway
from playwright.sync_api import Browser, Locator, Page

from runbook_lib.model import now
from runbook_lib.parameters import load
from runbook_lib.trust.signature import verify
from runbook_lib.trust.signers import APPROVER, read_signers
from tests.notebooks.conftest import World, users, world

__all__ = ["users", "world"]  # the range with users on it is the one that the notebooks are played on

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
RUNBOOK = (sys.executable, "-m", "runbook_lib.cli")
VIEW = {"width": 1280, "height": 1400}  # a gate of the control room is seen whole


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser a module: while it is open, no asyncio of somebody else can run in this process."""
    with chromium.browser() as opened:
        yield opened


@dataclass(frozen=True)
class Screen:
    """A page, with all that it asked for and complained about."""

    page: Page
    complaints: list[str]
    requests: list[str]
    name: str

    def picture(self, what: str, part: Locator | None = None) -> Path:
        """Keep a screenshot in build/screenshots, of the whole view or of a part of the page."""
        file = PICTURES / f"{self.name}-{what}.png"
        (part or self.page).screenshot(path=file, animations="disabled")
        return file


@pytest.fixture
def screen(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """A window of a person who was never here before; where a test fails, what it saw last is kept."""
    context = browser.new_context(viewport=VIEW, timezone_id="UTC", locale="en-US")
    context.set_default_timeout(lab.STEP)
    page = context.new_page()
    name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_"))
    opened = Screen(page, [], [], name)
    page.on("console", lambda said: opened.complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.on("request", lambda asked: opened.requests.append(asked.url))
    for old in PICTURES.glob(f"{name}-*.png"):
        old.unlink()
    yield opened
    opened.picture("end")
    context.close()


@dataclass(frozen=True)
class Workplace:
    """A project as JupyterLab shows it, with an archive of its own."""

    server: lab.Server
    project: Path

    @property
    def file(self) -> Path:
        return self.project / "parameters" / "demo.yaml"

    @property
    def records(self) -> Path:
        return self.project / "records"

    def open(self, screen: Screen, path: str) -> lab.Notebook:
        """A notebook of the project, with a kernel."""
        return lab.open_notebook(screen.page, self.server, f"{self.project.name}/{path}")

    def answers(self) -> list[dict[str, Any]]:
        """Every answer in the archive with ``signed_by``: whose signature lies beside it."""
        signers = read_signers(self.project / load(self.file).gates.allowed_signers)
        files = sorted(self.records.glob("*/gates/*.answer-*.json"))
        proofs = [verify(file.read_bytes(), Path(f"{file}.sig"), signers, APPROVER, now()) for file in files]
        return [
            {**json.loads(file.read_bytes()), "signed_by": proof.name}
            for file, proof in zip(files, proofs, strict=True)
        ]

    def said(self, *words: str) -> str:
        """What the command line says, which must end well."""
        done = subprocess.run(
            [*RUNBOOK, *words],
            cwd=self.project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def runbook(self, *words: str) -> subprocess.Popen[str]:
        """The command line, begun in the project; the caller waits for it."""
        return subprocess.Popen(
            [*RUNBOOK, *words], cwd=self.project, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    """One JupyterLab a module, which shows every project of its tests."""
    with lab.serving(tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")) as started:
        yield started


@pytest.fixture
def folder(server: lab.Server) -> Iterator[Path]:
    """Where a test makes its project; the kernels that it had end with the test."""
    yield server.root / f"project-{len(list(server.root.iterdir())) + 1}"
    lab.end_kernels(server)


@pytest.fixture
def small(server: lab.Server, folder: Path) -> Workplace:
    """A project of a few cells a notebook, whose stage of 1 % asks; no range, nothing outside is changed."""
    gate = (
        "from runbook_lib.gate import gate\nfrom runbook_lib.model import Outcome, Verdict\n"
        "gate(run, question='Send 1 %?', verdicts=[Verdict('errors', Outcome.PASS, 'error rate 0.1 % < 1 %')], "
        "on_yes='1 %', way_back='runbook rollback')"
    )
    throwaway.make_project(folder, gray_stage=(gate, *throwaway.PASSES))
    return Workplace(server, folder)


@pytest.fixture
def workplace(server: lab.Server, folder: Path, world: World) -> Workplace:
    """The notebooks on the practice range with users, where the stage of 1 % asks."""
    gates = {**world.values["gates"], "ask": ["gray_stage:1"]}
    lab.copy_project(folder, {**world.values, "records": "records", "gates": gates})
    return Workplace(server, folder)
