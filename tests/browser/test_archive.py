"""The archive as an auditor opens it: files in a browser, with no server, and a notebook in JupyterLab."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from throwaway import make_project, write_record

from runbook_lib.pages import views
from tests.browser.conftest import Screen

STORY = (
    ("shop", "20261120t120000z-gray_stage-5", "passed", "8 of 8 criteria passed"),
    ("shop", "20261120t121000z-gray_stage-10", "rolled_back", "error rate <b>30 %</b> & rising"),
    ("billing", "20261120t122000z-gray_stage-5", "gate_pending", "waits for anna"),
)


def runbook(project: Path, *words: str) -> str:
    """What the command line says, which must end well."""
    argv = [sys.executable, "-m", "runbook_lib.cli", *words]
    done = subprocess.run(argv, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with one run that really ran, and short records of three others."""
    project = make_project(tmp_path_factory.mktemp("auditor") / "project")
    runbook(project, "run", "parameters/demo.yaml", "--phase", "assessment")
    for minute, (application, run, outcome, message) in enumerate(STORY):
        attempt = project / "records" / application / run / "attempt-1"
        attempt.mkdir(parents=True)
        write_record(attempt, outcome, minute, message=message)
    views.write(project / "records")
    return project / "records"


@pytest.fixture
def opened(records: Path, screen: Screen) -> Iterator[Screen]:
    """The list, open from the disk; whatever is done there, nothing is fetched and nothing is complained about."""
    screen.page.goto((records / "index.html").as_uri())
    expect(screen.page.locator("#rows tr")).to_have_count(4)
    yield screen
    assert [url for url in screen.requests if not url.startswith("file://")] == []
    assert screen.complaints == []


def test_the_list_shrinks_to_what_is_typed_and_chosen(opened: Screen) -> None:
    rows = opened.page.locator("#rows tr")
    opened.picture("list")
    opened.page.get_by_label("search").fill("rising")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("error rate <b>30 %</b> & rising")  # what a message says is text
    opened.page.get_by_label("search").fill("nobody wrote this")
    expect(rows).to_have_count(0)
    expect(opened.page.get_by_text("No attempt matches.")).to_be_visible()
    opened.page.get_by_role("button", name="clear filters").click()
    expect(rows).to_have_count(4)

    opened.page.get_by_label("outcome").select_option("passed")
    expect(rows).to_have_count(2)
    opened.page.get_by_label("application").fill("shop")
    expect(rows).to_have_count(1)
    opened.page.get_by_role("button", name="clear filters").click()
    opened.page.get_by_label("phase").select_option("assessment")
    expect(rows).to_have_count(1)
    opened.page.get_by_role("button", name="clear filters").click()
    opened.page.get_by_label("ran after (UTC)").fill("2026-11-20T12:01")
    opened.page.get_by_label("ran before (UTC)").fill("2026-11-20T12:01")
    expect(rows).to_have_count(1)


def test_a_run_has_a_page_that_leads_to_its_notebook_and_back(opened: Screen) -> None:
    page = opened.page
    page.get_by_label("phase").select_option("assessment")
    page.locator("#rows a").first.click()
    expect(page.get_by_text("error rate 0.1 % < limit 1.0 %").first).to_be_visible()
    opened.picture("run")
    page.get_by_role("link", name="notebook.html").first.click()
    expect(page.get_by_role("heading", name="assessment").first).to_be_visible()
    opened.picture("notebook")
    page.get_by_role("link", name="all records").click()
    expect(page.locator("#rows tr")).to_have_count(4)
