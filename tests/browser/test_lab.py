"""What a person does in JupyterLab and leaves in the archive; on notebooks of a few cells, with no range."""

from __future__ import annotations

import json
import os

import lab
import pytest
from playwright.sync_api import expect

from runbook_lib.record import archive
from runbook_lib.record.archive import attempts
from tests.browser.conftest import Screen, Workplace

pytestmark = pytest.mark.timeout(300)

REASON = "seen, and good"


def test_a_click_without_a_reason_files_nothing_and_one_with_a_reason_lets_the_run_go_on(
    small: Workplace, screen: Screen
) -> None:
    notebook = small.open(screen, "notebooks/04_gray_stage.ipynb")
    notebook.run_all()
    cell = notebook.cell("gate(run")
    expect(cell).to_contain_text("GatePending")
    cell.locator("button.runbook-approve").click()
    expect(cell.locator(".runbook-state")).to_contain_text("reason")
    assert small.answers() == []

    lab.approve(cell, REASON)
    (answer,) = small.answers()
    assert (answer["answer"], answer["by"], answer["signed_by"]) == (
        "approved",
        "practice-approver",
        "practice-approver",
    )

    notebook.run_from(cell)
    (attempt,) = attempts(small.records)
    assert attempt.outcome == "passed"


@pytest.mark.heavy
def test_the_keyboard_alone_answers_and_run_all_again_goes_on_in_the_same_run(small: Workplace, screen: Screen) -> None:
    notebook = small.open(screen, "notebooks/04_gray_stage.ipynb")
    notebook.run_all()
    cell = notebook.cell("gate(run")
    notebook.go_up_to(cell)
    lab.press_tab_until(screen.page, cell.locator(".runbook-reason input"))
    screen.page.keyboard.type(REASON)
    lab.press_tab_until(screen.page, cell.locator("button.runbook-approve"))
    screen.picture("focus", cell)
    screen.page.keyboard.press("Enter")
    expect(cell.locator(".runbook-state")).to_contain_text("approved at")
    assert [answer["by"] for answer in small.answers()] == ["practice-approver"]

    notebook.run_all()
    asked, passed = attempts(small.records)
    assert (asked.outcome, passed.outcome) == ("gate_pending", "passed")
    assert asked.run_id == passed.run_id


@pytest.mark.heavy
def test_an_archived_notebook_that_is_opened_trusted_and_saved_raises_no_alarm(
    small: Workplace, screen: Screen
) -> None:
    small.said("run", str(small.file), "--phase", "assessment")
    small.said("seal")
    before = small.said("verify", "--json")
    (attempt,) = attempts(small.records)
    path = attempt.folder / archive.NOTEBOOK

    notebook = small.open(screen, str(path.relative_to(small.project)))
    expect(screen.page.locator(".jp-Notebook")).to_contain_text("error rate 0.1 % < limit 1.0 %")
    notebook.command("Trust Notebook")
    screen.page.locator(".jp-Dialog").get_by_role("button", name="Trust").click()
    expect(
        screen.page.locator(".jp-StatusBar-Widget [title='Notebook trusted: 6 of 6 code cells trusted.']")
    ).to_be_visible()
    closed = path.stat().st_mtime_ns
    screen.page.keyboard.press("Control+s")
    if os.access(path, os.W_OK):  # root writes to files that are closed to writing
        lab.wait_for(lambda: path.stat().st_mtime_ns > closed)
    screen.picture("trusted")

    after = json.loads(small.said("verify", "--json"))
    assert after["faults"] == json.loads(before)["faults"] == []
    assert after["accepted"] == json.loads(before)["accepted"] != []
