"""The control room answers with the same form as the gate's cell, for every application whose gates wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runbook_lib.gate import read_gate
from runbook_lib.record.attempt import Run
from runbook_lib.show import control_room
from tests.gate.conftest import ask, folder, hands, parameters, pending, run, say, signers

__all__ = ["folder", "hands", "parameters", "run", "signers"]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the room shows: the arguments of each form, and each sentence."""
    things: list[Any] = []
    monkeypatch.setattr(control_room, "show_gate", lambda *form: things.append(form))
    monkeypatch.setattr(control_room, "display", things.append)
    return things


def test_an_answer_in_the_room_is_the_answer_that_the_run_waits_for(run: Run, folder: Path, shown: list[Any]) -> None:
    gate_id = pending(run)
    assert control_room.show_open_gates(folder.parents[1]) == 1
    ((gate, names, answer, way, then),) = shown
    assert gate.id == gate_id
    assert names == ("anna", "ben", "chloe") and "runbook approve" in way and "goes on by itself" in then
    assert answer("approved", "seen in the room", "ben").state == "approved"
    assert ask(run).by == "ben"


def test_held_and_approved_gates_are_shown_until_they_are_used(run: Run, folder: Path, shown: list[Any]) -> None:
    gate_id = pending(run)
    for word, state in (("anna held", "held"), ("anna approved", "approved")):
        say(folder, gate_id, word)
        control_room.show_open_gates(folder.parents[1])
        assert shown[-1][0].state == state
    ask(run)
    assert control_room.show_open_gates(folder.parents[1]) == 0
    assert shown[-1] == "no gate waits"


def test_a_gate_that_cannot_be_read_is_told_beside_the_others(run: Run, folder: Path, shown: list[Any]) -> None:
    gate_id = pending(run)
    (folder / "gray_stage-100-torn.json").write_text("{")
    assert control_room.show_open_gates(folder.parents[1]) == 2
    torn, form = shown
    assert torn.startswith("gray_stage-100-torn: ") and "is no JSON any more" in torn
    assert form[0].id == gate_id and read_gate(folder, gate_id).state == "pending"
