"""Debian's Chromium, and a JupyterLab on a practice range with users, for tests that look and click as people do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import chromium
import lab
import pytest
from playwright.sync_api import Browser, Locator, Page

from sandbox.plan import Address
from tests.notebooks.conftest import World, users, world

__all__ = ["users", "world"]  # the range with users on it is the one that the notebooks are played on

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
VIEW = {"width": 1280, "height": 1000}


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
    name = request.node.name.removeprefix("test_")
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
    """An operator's JupyterLab, the project that it shows, and where the users are."""

    server: lab.Server
    project: Path
    world: World

    @property
    def file(self) -> Path:
        return self.project / "parameters" / "demo.yaml"

    @property
    def records(self) -> Path:
        return self.project / "records"

    def open(self, screen: Screen, path: str) -> lab.Notebook:
        """A notebook of the project, with a kernel."""
        return lab.open_notebook(screen.page, self.server, f"{self.project.name}/{path}")


@pytest.fixture(scope="module")
def server(users: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    """One JupyterLab a module, at an address of the range's network, where nobody else listens."""
    root, home = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")
    with lab.serving(root, home, Address(users.plan.host(0, 60), 8888)) as started:
        yield started


@pytest.fixture
def workplace(server: lab.Server, world: World) -> Iterator[Workplace]:
    """A copy of the project with an empty archive, in which the stage of 1 % asks; its kernels end with the test."""
    gates = {**world.values["gates"], "ask": ["gray_stage:1"]}
    project = server.root / f"project-{len(list(server.root.iterdir())) + 1}"
    lab.copy_project(project, {**world.values, "records": "records", "gates": gates})
    yield Workplace(server, project, world)
    lab.end_kernels(server)
