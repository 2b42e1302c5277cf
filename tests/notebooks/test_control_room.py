"""00: what waits is shown, and only shown."""

from __future__ import annotations

import papermill
import pytest

from runbook_lib.gate import all_gates
from tests.notebooks.conftest import REPOSITORY, Play, World

pytestmark = [pytest.mark.range, pytest.mark.timeout(400)]


def test_the_control_room_shows_the_gate_that_waits(world: World, play: Play, tmp_path: object) -> None:
    asked = play("04_gray_stage.ipynb", {"gates": {**world.values["gates"], "ask": ["gray_stage:1"]}}, weight=1)
    assert asked.error == "GatePending", asked.message
    (gate,) = all_gates(world.parameters.path(world.parameters.records))
    notebook = papermill.execute_notebook(
        str(REPOSITORY / "notebooks" / "00_control_room.ipynb"),
        f"{tmp_path}/00.ipynb",
        parameters=world.values,
        progress_bar=False,
    )
    assert gate.id in str(notebook.cells)
    assert gate.asked.question in str(notebook.cells)
    assert all_gates(world.parameters.path(world.parameters.records))[0].state == "pending"


def test_an_empty_archive_is_an_empty_room(world: World, tmp_path: object) -> None:
    notebook = papermill.execute_notebook(
        str(REPOSITORY / "notebooks" / "00_control_room.ipynb"),
        f"{tmp_path}/00.ipynb",
        parameters=world.values,
        progress_bar=False,
    )
    assert "no gate waits" in str(notebook.cells)
