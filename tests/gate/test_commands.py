"""`runbook approve`, `reject`, `hold`, `withdraw` and `status`: the same answers as the buttons, in sentences."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runbook_lib.cli import app
from runbook_lib.errors import BadParameters, CannotSign, GatePending
from runbook_lib.gate import read_gate
from runbook_lib.record.attempt import Run
from tests.gate.conftest import Hands, ask, pending, say


def runbook(run: Run, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--records", run.parameters.records])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


@pytest.mark.parametrize(
    ("command", "state", "says"),
    [
        ("approve", "approved", "anna approved at .* UTC. Approved by anna. Go on with: runbook resume"),
        ("reject", "rejected", "anna rejected at .* UTC. Rejected by anna: because. This is final for the run"),
        ("hold", "held", "anna held at .* UTC. Held by anna .because.. Approvals do not carry until anna withdraws"),
    ],
)
def test_an_answer_is_filed_and_said_in_words(run: Run, folder: Path, command: str, state: str, says: str) -> None:
    gate_id = pending(run)
    said = runbook(run, command, gate_id, "--reason", "because", "--as", "anna")
    assert re.search(says, said)
    assert read_gate(folder, gate_id).state == state


def test_ones_own_answer_is_taken_back(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    said = runbook(run, "withdraw", gate_id, "--reason", "too early", "--as", "anna")
    assert "anna withdrawn" in said and "Waits for one approval" in said


def test_the_key_at_hand_decides_who_answers(run: Run, hands: Hands, folder: Path) -> None:
    gate_id = pending(run)
    hands("olga", "chloe")
    assert runbook(run, "approve", gate_id, "--reason", "go").startswith("chloe approved")
    with pytest.raises(CannotSign, match="no key at hand signs as ben as approver"):
        runbook(run, "approve", gate_id, "--reason", "go", "--as", "ben")


@pytest.mark.parametrize("gate_id", ["nothing", "*", "../x", "x.used"])
def test_what_is_no_gate_is_one_sentence(run: Run, folder: Path, gate_id: str) -> None:
    pending(run)
    with pytest.raises(BadParameters, match="there is no gate"):
        runbook(run, "approve", gate_id, "--reason", "go", "--as", "anna")


def test_the_command_that_a_pending_run_prints_can_be_typed(run: Run, folder: Path) -> None:
    with pytest.raises(GatePending, match="runbook approve") as stopped:
        ask(run)
    words = str(stopped.value).partition("answer with: runbook ")[2].replace("WHY", "fine").split()
    CliRunner().invoke(app, words, catch_exceptions=False)
    assert ask(run).allowed


def test_status_shows_open_and_held_gates_with_what_was_said(run: Run, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(json.dumps(run.parameters.model_dump(mode="json")))
    gate_id = pending(run)
    say(folder, gate_id, "anna approved", "ben held")
    path = folder / f"{gate_id}.answer-1.json.sig"
    path.chmod(0o644)
    path.write_text("forged")
    shown = CliRunner().invoke(app, ["status", str(file)], catch_exceptions=False).output
    assert f"held: May 1 % go?\n  {gate_id}\n  Held by ben (ben has her reasons)" in shown
    assert "ben held at " in shown
    assert "answer 1 does not count: " in shown and "is no SSH signature" in shown
