"""A gate as the person meets it who answers it: in JupyterLab, by mouse and by keyboard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from runbook_lib.act.traffic.nginx import read_weight
from runbook_lib.model import now
from runbook_lib.record.archive import Attempt, attempts
from runbook_lib.trust.signature import verify
from runbook_lib.trust.signers import APPROVER, read_signers
from tests.browser.conftest import Screen, Workplace

pytestmark = [pytest.mark.range, pytest.mark.heavy, pytest.mark.timeout(400)]

GATE = "decision = gate("
REASON = "the evidence is good, and I am here to watch"


def weight(workplace: Workplace) -> int:
    return read_weight(workplace.world.parameters.traffic.nginx)


def signed_answers(workplace: Workplace) -> list[dict[str, Any]]:
    """The answers in the archive, each with the person whose signature it bears."""
    gates = workplace.world.parameters.gates
    signers = read_signers(workplace.world.parameters.path(gates.allowed_signers))
    found = []
    for file in sorted((workplace.records / "order-service" / "gates").glob("*.answer-*.json")):
        proof = verify(file.read_bytes(), Path(f"{file}.sig"), signers, APPROVER, now())
        found.append({**json.loads(file.read_bytes()), "signed_by": proof.name})
    return found


def the_only_attempt(workplace: Workplace) -> Attempt:
    (attempt,) = attempts(workplace.records)
    return attempt


def press_tab_until(page: Page, wanted: Locator, most: int = 30) -> None:
    """Go on with Tab until the focus is there."""
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab do not reach {wanted}")


def test_a_click_approves_with_a_reason_and_the_stage_goes_on(workplace: Workplace, screen: Screen) -> None:
    notebook = workplace.open(screen, "notebooks/04_gray_stage.ipynb")
    notebook.run_all()
    cell = notebook.cell(GATE)
    expect(cell.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")).to_contain_text(
        "GatePending"
    )
    expect(cell.get_by_text("Send 1 % of the users of order-service to Kubernetes?").first).to_be_visible()
    assert weight(workplace) == 0
    screen.picture("asked")

    cell.locator("button.runbook-approve").click()
    expect(cell.locator(".runbook-state")).to_contain_text("reason")
    assert signed_answers(workplace) == []

    cell.locator(".runbook-reason input").fill(REASON)
    cell.locator("button.runbook-approve").click()
    expect(cell.locator(".runbook-state")).to_contain_text("approved")
    screen.picture("approved")
    (answer,) = signed_answers(workplace)
    assert (answer["answer"], answer["reason"]) == ("approved", REASON)
    assert answer["by"] == answer["signed_by"] == "practice-approver"

    notebook.run_from(cell)
    expect(cell).to_contain_text(f"practice-approver: {REASON}")
    screen.picture("passed")
    attempt = the_only_attempt(workplace)
    assert (attempt.outcome, weight(workplace)) == ("passed", 1)


def test_the_keyboard_alone_approves_and_run_all_again_goes_on(workplace: Workplace, screen: Screen) -> None:
    notebook = workplace.open(screen, "notebooks/04_gray_stage.ipynb")
    notebook.run_all()
    cell = notebook.cell(GATE)
    cell.locator(".jp-InputPrompt").click()  # where the arrow keys lead as well
    press_tab_until(screen.page, cell.locator(".runbook-reason input"))
    screen.page.keyboard.type(REASON)
    press_tab_until(screen.page, cell.locator("button.runbook-approve"))
    screen.picture("focus")
    screen.page.keyboard.press("Enter")
    expect(cell.locator(".runbook-state")).to_contain_text("approved")
    (answer,) = signed_answers(workplace)
    assert (answer["answer"], answer["by"], answer["reason"]) == ("approved", "practice-approver", REASON)

    notebook.run_all()
    screen.picture("passed")
    asked, passed = attempts(workplace.records)
    assert (asked.outcome, passed.outcome) == ("gate_pending", "passed")
    assert asked.run_id == passed.run_id
    assert weight(workplace) == 1


def test_the_control_room_answers_for_a_run_that_waits(
    workplace: Workplace, screen: Screen, until: Callable[[Callable[[], bool]], None]
) -> None:
    words = ("run", str(workplace.file), "--phase", "gray_stage", "--weight", "1", "--wait", "3min")
    with subprocess.Popen(
        [sys.executable, "-m", "runbook_lib.cli", *words], cwd=workplace.project, env=os.environ | {"COLUMNS": "200"}
    ) as run:
        try:
            until(lambda: any((workplace.records / "order-service").glob("gates/*.json")))
            notebook = workplace.open(screen, "notebooks/00_control_room.ipynb")
            notebook.run_all()
            cell = notebook.cell("show_open_gates(folder)")
            screen.picture("waits")
            cell.locator(".runbook-reason input").fill(REASON)
            cell.locator("button.runbook-approve").click()
            expect(cell.locator(".runbook-state")).to_contain_text("approved")
            screen.picture("approved")
            assert run.wait(120) == 0
        finally:
            run.terminate()
    (answer,) = signed_answers(workplace)
    assert (answer["answer"], answer["by"], answer["reason"]) == ("approved", "practice-approver", REASON)
    assert attempts(workplace.records)[-1].outcome == "passed"
    assert weight(workplace) == 1
    notebook.run_all()
    expect(cell).to_contain_text("no gate waits")
    screen.picture("afterwards")
