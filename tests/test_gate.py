"""A gate asks on passing evidence only, takes answers from those who may give them, and uses each once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib import gate as gates
from runbook_lib.errors import BadParameters, CriterionFailed, GatePending, GateRejected
from runbook_lib.gate import all_gates, answer_gate, gate, gates_folder, read_gate
from runbook_lib.model import Decision, Outcome, Verdict
from runbook_lib.parameters import Parameters, load

REPOSITORY = Path(__file__).parents[1]
GOOD = Verdict("errors", Outcome.PASS, "0.1 % <= limit 1 %")
APPROVERS = ["anna", "ben", "chloe"]


@dataclass
class FakeRun:
    """What a gate needs of a run."""

    parameters: Parameters
    phase: str = "gray_stage"
    stage: int | None = 1
    run_id: str = "run-1"
    events: list[str] = field(default_factory=list)

    def event(self, kind: str, **_: Any) -> None:
        self.events.append(kind)


def ask(run: FakeRun, *verdicts: Verdict) -> Decision:
    return gate(run, "May 1 % go?", verdicts or [GOOD], "1 % of the users go", "06_rollback")  # type: ignore[arg-type]


@pytest.fixture
def parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parameters:
    monkeypatch.setattr(gates, "show_gate", lambda *_: None)
    monkeypatch.chdir(REPOSITORY)
    p = load(REPOSITORY / "parameters" / "demo.yaml")
    approvers = [p.gates.approvers[0].model_copy(update={"name": name}) for name in APPROVERS]
    return p.model_copy(
        update={"records": str(tmp_path), "gates": p.gates.model_copy(update={"approvers": approvers, "people": {}})}
    )


@pytest.fixture
def run(parameters: Parameters) -> FakeRun:
    return FakeRun(parameters)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return gates_folder(tmp_path, "order-service")


def pending(run: FakeRun, folder: Path) -> str:
    """The id of the gate that the run now waits for."""
    with pytest.raises(GatePending):
        ask(run)
    ids = [g["id"] for g in all_gates(folder.parents[1]) if g["state"] == "pending"]
    return str(ids[-1])


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(gates, "now", lambda: datetime.now(UTC) + by)


def test_no_answer_is_pending_an_approval_is_a_decision(run: FakeRun, folder: Path) -> None:
    with pytest.raises(GatePending, match=r"waits for 1 of anna, ben, chloe; .* runbook approve gray_stage-1-"):
        ask(run)
    gate_id = pending(run, folder)
    assert len(all_gates(folder.parents[1])) == 1  # asking again does not file again
    answer_gate(folder, gate_id, "approved", "anna", " looks good ")
    decision = ask(run)
    assert (decision.allowed, decision.by, decision.reason, decision.gate) == (True, "anna", "looks good", gate_id)
    assert run.events == ["gate_opened", "gate_decided"]
    assert read_gate(folder, gate_id)["state"] == "used"


def test_the_cell_may_be_run_again_after_the_decision(run: FakeRun, folder: Path) -> None:
    answer_gate(folder, pending(run, folder), "approved", "anna", "go")
    assert ask(run).gate == ask(run).gate


def test_a_no_is_final_for_the_run_and_says_who_and_why(run: FakeRun, folder: Path) -> None:
    gate_id = pending(run, folder)
    answer_gate(folder, gate_id, "rejected", "ben", "not on a Friday")
    for _ in range(2):
        with pytest.raises(GateRejected, match=f"ben said no to {gate_id}: not on a Friday"):
            ask(run)
    with pytest.raises(BadParameters, match="already rejected"):
        answer_gate(folder, gate_id, "approved", "anna", "yes")


@pytest.mark.parametrize(
    ("by", "reason", "says"),
    [
        ("mallory", "go", "'mallory' may not answer .*; allowed are anna, ben, chloe"),
        ("", "go", "may not answer"),
        ("Anna", "go", "may not answer"),
        ("anna", "", "needs a reason"),
        ("anna", " \n", "needs a reason"),
    ],
)
def test_the_wrong_person_and_no_reason_are_refused(
    run: FakeRun, folder: Path, by: str, reason: str, says: str
) -> None:
    gate_id = pending(run, folder)
    with pytest.raises(BadParameters, match=says):
        answer_gate(folder, gate_id, "approved", by, reason)
    assert pending(run, folder) == gate_id


def test_a_gate_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(BadParameters, match="there is no gate nothing in"):
        answer_gate(folder, "nothing", "approved", "anna", "go")


def test_two_people_are_two_people(parameters: Parameters, folder: Path) -> None:
    both = parameters.gates.model_copy(update={"people": {"gray_stage": 2}})
    run = FakeRun(parameters.model_copy(update={"gates": both}))
    gate_id = pending(run, folder)
    answer_gate(folder, gate_id, "approved", "anna", "go")
    with pytest.raises(BadParameters, match="'anna' has already answered"):
        answer_gate(folder, gate_id, "approved", "anna", "go, I said")
    with pytest.raises(GatePending, match="waits for 1 of"):
        ask(run)
    answer_gate(folder, gate_id, "approved", "chloe", "yes")
    assert ask(run).by in {"anna, chloe", "chloe, anna"}


def test_of_two_people_one_no_is_enough(parameters: Parameters, folder: Path) -> None:
    both = parameters.gates.model_copy(update={"people": {"gray_stage": 2}})
    run = FakeRun(parameters.model_copy(update={"gates": both}))
    gate_id = pending(run, folder)
    answer_gate(folder, gate_id, "approved", "anna", "go")
    answer_gate(folder, gate_id, "rejected", "ben", "no")
    with pytest.raises(GateRejected, match="ben said no"):
        ask(run)


def test_an_answered_gate_takes_no_second_answer(run: FakeRun, folder: Path) -> None:
    gate_id = pending(run, folder)
    answer_gate(folder, gate_id, "approved", "anna", "go")
    with pytest.raises(BadParameters, match="already approved"):
        answer_gate(folder, gate_id, "rejected", "ben", "wait")
    assert ask(run).allowed


def test_an_expired_gate_takes_no_answer_and_is_asked_anew(
    run: FakeRun, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pending(run, folder)
    later(monkeypatch, timedelta(hours=1, seconds=1))
    with pytest.raises(BadParameters, match="expired at"):
        answer_gate(folder, first, "approved", "anna", "go")
    assert read_gate(folder, first)["state"] == "expired"
    assert pending(run, folder) != first


def test_an_approval_that_nobody_used_expires(run: FakeRun, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pending(run, folder)
    answer_gate(folder, first, "approved", "anna", "go")
    later(monkeypatch, timedelta(hours=1, seconds=1))
    assert pending(run, folder) != first


OTHERS: list[Callable[[FakeRun], FakeRun]] = [
    lambda run: FakeRun(run.parameters, run_id="run-2"),
    lambda run: FakeRun(run.parameters, stage=100),
    lambda run: FakeRun(run.parameters, phase="decommission", stage=None),
    lambda run: FakeRun(
        run.parameters.model_copy(
            update={"thresholds": run.parameters.thresholds.model_copy(update={"error_rate": 0.5})}
        )
    ),
]


@pytest.mark.parametrize("other", OTHERS, ids=["run", "stage", "phase", "parameters"])
def test_an_approval_is_for_one_run_one_step_and_one_set_of_parameters(
    run: FakeRun, folder: Path, other: Callable[[FakeRun], FakeRun]
) -> None:
    gate_id = pending(run, folder)
    answer_gate(folder, gate_id, "approved", "anna", "go")
    with pytest.raises(GatePending):
        ask(other(run))
    assert ask(run).gate == gate_id


def test_a_changed_gate_file_makes_its_answers_worthless(run: FakeRun, folder: Path) -> None:
    gate_id = pending(run, folder)
    answer_gate(folder, gate_id, "approved", "anna", "go")
    path = folder / f"{gate_id}.json"
    path.write_text(path.read_text().replace("0.1 %", "0.0 %"))
    with pytest.raises(GatePending):
        ask(run)


def test_a_gate_file_that_is_no_json_any_more_is_one_sentence(run: FakeRun, folder: Path) -> None:
    path = folder / f"{pending(run, folder)}.json"
    path.write_text("{")
    with pytest.raises(BadParameters, match="is not what was filed"):
        ask(run)


def test_an_answer_file_of_somebody_who_may_not_answer_does_not_count(run: FakeRun, folder: Path) -> None:
    gate_id = pending(run, folder)
    answer_gate(folder, gate_id, "approved", "anna", "go")
    (path,) = folder.glob(f"{gate_id}.answer-*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "by": "mallory"}))
    with pytest.raises(GatePending):
        ask(run)


@pytest.mark.parametrize("outcome", [Outcome.INCONCLUSIVE, Outcome.FAIL])
def test_nobody_is_asked_on_evidence_that_does_not_pass(run: FakeRun, folder: Path, outcome: Outcome) -> None:
    with pytest.raises(CriterionFailed, match="memory: 3 of 2"):
        ask(run, GOOD, Verdict("memory", outcome, "3 of 2"))
    assert not folder.exists()


def test_nobody_is_asked_on_no_evidence(run: FakeRun) -> None:
    with pytest.raises(CriterionFailed, match="nothing was measured"):
        gate(run, "?", [], "", "")  # type: ignore[arg-type]


def test_evidence_that_no_longer_passes_stops_an_approved_step(run: FakeRun, folder: Path) -> None:
    answer_gate(folder, pending(run, folder), "approved", "anna", "go")
    with pytest.raises(CriterionFailed):
        ask(run, Verdict("errors", Outcome.FAIL, "9 %"))


def test_a_step_that_asks_nobody_and_a_dry_run_pass_and_say_so(parameters: Parameters, folder: Path) -> None:
    decision = ask(FakeRun(parameters, stage=5))
    assert (decision.allowed, decision.by) == (True, "nobody was asked")
    assert "gates.ask does not name" in decision.reason
    dry = ask(FakeRun(parameters.model_copy(update={"dry_run": True})))
    assert (dry.allowed, dry.by, dry.reason) == (True, "nobody was asked", "dry run, nothing will be changed")
    assert not folder.exists()


def test_all_gates_are_listed_oldest_first(run: FakeRun, folder: Path) -> None:
    first = pending(run, folder)
    answer_gate(folder, first, "approved", "anna", "go")
    with pytest.raises(GatePending):
        ask(FakeRun(run.parameters, stage=100))
    listed = [g["id"] for g in all_gates(folder.parents[1])]
    assert listed[0] == first
    assert [g["id"] for g in all_gates(folder.parents[1], "order-service")] == listed
    assert all_gates(folder.parents[1], "other-service") == []
