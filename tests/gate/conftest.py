"""People with keys of their own, and a run that asks them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from keys import make_keys

from runbook_lib.errors import GatePending
from runbook_lib.gate import Gate, answer_gate, gate, gates_folder, open_gates, read_gate
from runbook_lib.model import Decision, Outcome, Verdict
from runbook_lib.parameters import Parameters, load
from runbook_lib.record import journal
from runbook_lib.record.attempt import Run
from runbook_lib.record.begin import open_attempt

REPOSITORY = Path(__file__).parents[2]
GOOD = Verdict("errors", Outcome.PASS, "0.1 % <= limit 1 %")
Hands = Callable[..., None]


@pytest.fixture(scope="session")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The allowed_signers file; the private keys lie beside it under the people's names."""
    roles = {
        "olga": "runbook-operator",
        "oscar": "runbook-operator,runbook-approver",
        "anna": "runbook-approver",
        "ben": "runbook-approver",
        "chloe": "runbook-approver",
        "dora": "runbook-release-board",
        "selma": "runbook-sealer",
    }
    return make_keys(tmp_path_factory.mktemp("keys"), roles)


@pytest.fixture
def hands(signers: Path, monkeypatch: pytest.MonkeyPatch) -> Hands:
    """Whose keys are at hand: ``hands("olga", "anna")``."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(signers.parent))

    def hold(*names: str) -> None:
        monkeypatch.setenv("RUNBOOK_SIGNING_KEY", os.pathsep.join(str(signers.parent / name) for name in names))

    hold("olga", "anna", "ben", "chloe", "dora", "selma")
    return hold


@cache
def practice() -> Parameters:
    """The parameters of the practice range, read once."""
    return load(REPOSITORY / "parameters" / "demo.yaml")


@pytest.fixture
def parameters(tmp_path: Path, signers: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    """One gate in gray stage 1, 100 and the decommission; an archive of its own."""
    monkeypatch.setattr("runbook_lib.show.gate.show_gate", lambda *_: None)
    monkeypatch.chdir(REPOSITORY)
    p = practice()
    who = {"allowed_signers": str(signers), "keys": [], "expires": timedelta(hours=1), "remind": timedelta(minutes=10)}
    return p.model_copy(update={"records": str(tmp_path / "records"), "gates": p.gates.model_copy(update=who)})


@pytest.fixture
def folder(parameters: Parameters) -> Path:
    return gates_folder(Path(parameters.records), parameters.application.name)


@pytest.fixture
def run(parameters: Parameters) -> Run:
    return begin(parameters)


def begin(parameters: Parameters, phase: str = "gray_stage", stage: int | None = 1, again: Run | None = None) -> Run:
    """A run, or with ``again`` its next attempt."""
    step = (phase, stage, None)
    into = again.attempt.with_name(f"attempt-{again.number + 1}") if again else None
    return Run(parameters, open_attempt(parameters, step, None, "runner", into), step)


def with_gates(parameters: Parameters, **changes: Any) -> Parameters:
    return parameters.model_copy(update={"gates": parameters.gates.model_copy(update=changes)})


def ask(run: Run, *verdicts: Verdict) -> Decision:
    """What the gate cell of a notebook does."""
    return gate(run, "May 1 % go?", verdicts or [GOOD], "1 % of the users go", "06_rollback")


def pending(run: Run) -> str:
    """Ask, and see that an answer is awaited; the id of the gate."""
    with pytest.raises(GatePending):
        ask(run)
    p = run.parameters
    return [g.id for g in open_gates(Path(p.records), p.application.name) if g.asked.run == run.run_id][-1]


def say(folder: Path, gate_id: str, *words: str) -> Gate:
    """``"anna approved"``, one after the other, each with a reason."""
    for word in words:
        name, kind = word.split()
        answer_gate(folder, gate_id, kind, f"{name} has her reasons", name)  # type: ignore[arg-type]
    return read_gate(folder, gate_id)


def kinds(run: Run) -> list[str]:
    """What the journal holds of gates."""
    return [event.kind for event in journal.read(run.attempt) if event.kind.startswith(("gate_", "notified"))]
