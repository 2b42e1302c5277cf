"""The whole way in a real browser: a person is asked in JupyterLab or in the control room, and then the users move."""

from __future__ import annotations

import lab
import pytest
from playwright.sync_api import expect

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.record.archive import attempts
from tests.browser.conftest import Screen, Workplace
from tests.notebooks.conftest import World

pytestmark = [pytest.mark.range, pytest.mark.heavy, pytest.mark.timeout(400)]

GATE = "decision = gate("
REASON = "the evidence is good, and I am here to watch"


def weight(world: World) -> int:
    return read_weight(connect(world.parameters))


def assert_approved_by_signature(workplace: Workplace) -> None:
    (answer,) = workplace.answers()
    assert (answer["answer"], answer["reason"]) == ("approved", REASON)
    assert answer["by"] == answer["signed_by"] == "practice-approver"


def test_gray_stage(workplace: Workplace, world: World, screen: Screen) -> None:
    notebook = workplace.open(screen, "notebooks/04_gray_stage.ipynb")
    notebook.run_all()
    cell = notebook.cell(GATE)
    expect(cell.get_by_text("Send 1 % of the users of order-service to Kubernetes?").first).to_be_visible()
    expect(cell).to_contain_text("GatePending")
    notebook.bring_up(cell)
    screen.picture("asked")
    assert weight(world) == 0

    lab.approve(cell, REASON)
    screen.picture("approved")
    assert_approved_by_signature(workplace)

    notebook.run_from(cell)
    expect(cell).to_contain_text(f"practice-approver: {REASON}")
    screen.picture("passed")
    (attempt,) = attempts(workplace.records)
    assert (attempt.outcome, weight(world)) == ("passed", 1)


def test_control_room(workplace: Workplace, world: World, screen: Screen) -> None:
    words = ("run", str(workplace.file), "--phase", "gray_stage", "--weight", "1", "--wait", "5min")
    with workplace.runbook(*words) as run:
        try:
            lab.wait_for(lambda: run.poll() is not None or any(workplace.records.glob("*/gates/*.json")))
            notebook = workplace.open(screen, "notebooks/00_control_room.ipynb")
            notebook.run_all()
            cell = notebook.cell("show_open_gates(folder)")
            notebook.bring_up(screen.page.get_by_role("heading", name="Where every application stands"))
            screen.picture("waits")
            lab.approve(cell, REASON)
            screen.picture("approved")
            said, _ = run.communicate(timeout=200)
        finally:
            run.terminate()
    assert (run.returncode, weight(world)) == (0, 1), said
    assert_approved_by_signature(workplace)
    assert attempts(workplace.records)[-1].outcome == "passed"
    notebook.run_all()
    expect(cell).to_contain_text("no gate waits")
    screen.picture("afterwards")
