"""A gate asks on passing evidence only, goes on with enough answers of others, and uses them once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.errors import BadParameters, CannotSign, CriterionFailed, GatePending, GateRejected
from runbook_lib.gate import all_gates, answer_gate, current, filed, gate, open_gates, read_gate
from runbook_lib.gate import ask as asking
from runbook_lib.model import Outcome, Verdict
from runbook_lib.parameters import Parameters
from runbook_lib.record import journal
from runbook_lib.record.attempt import Run
from tests.gate.conftest import GOOD, Hands, ask, begin, kinds, pending, say, with_gates


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    for module in (asking, filed, current):
        monkeypatch.setattr(module, "now", lambda: datetime.now(UTC) + by)
    monkeypatch.setattr("runbook_lib.gate.answer.now", lambda: datetime.now(UTC) + by)


def test_no_answer_is_pending_an_approval_is_a_decision(run: Run, folder: Path) -> None:
    with pytest.raises(GatePending, match=r"waits for 1 of .*anna, ben, chloe; .* runbook approve gray_stage-1-"):
        ask(run)
    gate_id = pending(run)
    assert len(all_gates(folder.parents[1])) == 1  # asking again does not file again
    answer_gate(folder, gate_id, "approved", " looks good ", "anna")
    decision = ask(run)
    assert (decision.allowed, decision.by, decision.reason, decision.gate) == (True, "anna", "looks good", gate_id)
    assert kinds(run) == ["gate_opened", "gate_decided"]
    assert read_gate(folder, gate_id).state == "used"


def test_the_cell_may_be_run_again_after_the_decision_also_by_the_next_attempt(run: Run, folder: Path) -> None:
    say(folder, pending(run), "anna approved")
    assert ask(run).gate == ask(run).gate == ask(begin(run.parameters, again=run)).gate


def test_who_asked_cannot_answer(parameters: Parameters, hands: Hands, folder: Path) -> None:
    hands("oscar", "anna")  # oscar may run and approve
    run = begin(parameters)
    gate_id = pending(run)
    assert read_gate(folder, gate_id).asked.initiator == "oscar"
    assert "oscar" not in read_gate(folder, gate_id).asked.approvers
    with pytest.raises(BadParameters, match=r"oscar asked .* may not answer it"):
        say(folder, gate_id, "oscar approved")
    hands("oscar")
    with pytest.raises(CannotSign, match=r"oscar asked .*, others answer it"):
        answer_gate(folder, gate_id, "approved", "go")


def test_who_approved_cannot_run_what_was_approved(run: Run, hands: Hands, folder: Path) -> None:
    hands("olga", "oscar")
    say(folder, pending(run), "oscar approved")
    hands("oscar", "anna")  # the next attempt is oscar's own
    second = begin(run.parameters, again=run)
    with pytest.raises(GatePending, match="oscar approved it and runs this attempt, so that does not count"):
        ask(second)
    say(folder, pending(second), "anna approved")
    assert ask(second).by == "anna"


def test_a_used_gate_carries_nobody_who_approved_it(run: Run, hands: Hands, folder: Path) -> None:
    hands("olga", "oscar")
    gate_id = pending(run)
    say(folder, gate_id, "oscar approved")
    assert ask(run).by == "oscar"
    hands("oscar", "anna")
    second = begin(run.parameters, again=run)
    with pytest.raises(GatePending, match=f"asked anew: {gate_id} was approved by oscar, who runs this attempt"):
        ask(second)
    say(folder, pending(second), "anna approved")
    assert ask(second).by == "anna"


def test_a_no_is_final_for_the_run_and_says_who_and_why(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    answer_gate(folder, gate_id, "rejected", "not on a Friday", "ben")
    for verdict in (GOOD, GOOD, Verdict("memory", Outcome.PASS, "1 of 2")):  # also when something else is asked now
        with pytest.raises(GateRejected, match=f"ben said no to {gate_id}: not on a Friday"):
            ask(run, verdict)
    with pytest.raises(BadParameters, match="already rejected"):
        say(folder, gate_id, "anna approved")
    assert pending(begin(run.parameters)) != gate_id


def test_a_hold_stops_an_approved_gate_and_says_who_and_why(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    answer_gate(folder, gate_id, "held", "the database is being moved", "ben")
    with pytest.raises(GatePending, match=r"held by ben \(the database is being moved\); .* runbook withdraw") as held:
        ask(run)
    assert held.value.exit_code == 75
    say(folder, gate_id, "ben withdrawn")
    assert ask(run).by == "anna"


def test_a_withdrawn_approval_is_none(run: Run, folder: Path) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved", "anna withdrawn")
    with pytest.raises(GatePending, match="waits for 1 of"):
        ask(run)
    say(folder, gate_id, "anna approved")
    assert ask(run).by == "anna"


def test_two_people_are_two_people(parameters: Parameters, folder: Path) -> None:
    run = begin(with_gates(parameters, people={"gray_stage": 2}))
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    with pytest.raises(BadParameters, match="anna has already answered"):
        say(folder, gate_id, "anna approved")
    with pytest.raises(GatePending, match="waits for 1 of oscar, ben, chloe"):
        ask(run)
    say(folder, gate_id, "chloe approved")
    assert ask(run).by == "anna, chloe"


def test_a_decommission_needs_two(parameters: Parameters, folder: Path) -> None:
    run = begin(parameters, "decommission", None)
    with pytest.raises(GatePending, match="waits for 2 of"):
        ask(run)
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    assert pending(run) == gate_id
    say(folder, gate_id, "ben approved")
    assert ask(run).by == "anna, ben"


def test_of_two_people_one_no_is_enough(parameters: Parameters, folder: Path) -> None:
    run = begin(with_gates(parameters, people={"gray_stage": 2}))
    say(folder, pending(run), "anna approved", "ben rejected")
    with pytest.raises(GateRejected, match="ben said no"):
        ask(run)


def test_a_gate_that_nobody_could_answer_is_not_asked(parameters: Parameters, folder: Path) -> None:
    lonely = with_gates(parameters, roles={"gray_stage": "release-board"}, people={"gray_stage": 2})
    with pytest.raises(BadParameters, match=r"needs 2 in the role release-board beside olga, .* names dora"):
        ask(begin(lonely))
    assert not list(folder.glob("*.json"))


def test_another_role_answers_where_the_parameters_say_so(parameters: Parameters, folder: Path) -> None:
    run = begin(with_gates(parameters, roles={"gray_stage": "release-board"}))
    gate_id = pending(run)
    with pytest.raises(CannotSign, match="anna as release-board"):
        say(folder, gate_id, "anna approved")
    say(folder, gate_id, "dora approved")
    assert ask(run).by == "dora"


def test_an_expired_gate_takes_no_answer_and_is_asked_anew(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pending(run)
    later(monkeypatch, timedelta(hours=1, seconds=1))
    with pytest.raises(BadParameters, match="expired at"):
        say(folder, first, "anna approved")
    assert read_gate(folder, first).state == "expired"
    with pytest.raises(GatePending, match=f"asked anew: {first} expired at"):
        ask(run)
    assert pending(run) != first


def test_an_approval_that_nobody_used_expires(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pending(run)
    say(folder, first, "anna approved")
    later(monkeypatch, timedelta(hours=1, seconds=1))
    assert pending(run) != first


OTHERS: list[Callable[[Run], Run]] = [
    lambda run: begin(run.parameters),
    lambda run: begin(run.parameters, stage=100),
    lambda run: begin(run.parameters, "decommission", None),
    lambda run: begin(with_gates(run.parameters, expires=timedelta(hours=2)), again=run),
]


@pytest.mark.parametrize("other", OTHERS, ids=["run", "stage", "phase", "parameters"])
def test_an_approval_is_for_one_run_one_step_and_one_set_of_parameters(
    run: Run, folder: Path, other: Callable[[Run], Run]
) -> None:
    gate_id = pending(run)
    say(folder, gate_id, "anna approved")
    with pytest.raises(GatePending):
        ask(other(run))
    assert ask(run).gate == gate_id


def test_other_criteria_than_those_approved_are_asked_anew(run: Run, folder: Path) -> None:
    first = pending(run)
    say(folder, first, "anna approved")
    memory = Verdict("memory", Outcome.PASS, "1 of 2")
    with pytest.raises(GatePending, match=f"asked anew: {first} was asked on other criteria; different now: memory"):
        ask(run, GOOD, memory)
    (second,) = (found.id for found in open_gates(folder.parents[1]))  # the first one matters no longer
    say(folder, second, "anna approved")
    assert ask(run, GOOD, memory).gate == second
    opened = [e.data for e in journal.read(run.attempt) if e.kind == "gate_opened"]
    assert [data["instead_of"].split(" ")[0] for data in opened] == ["", first]


def test_the_record_says_what_was_approved_and_what_is_measured_now(run: Run, folder: Path) -> None:
    say(folder, pending(run), "anna approved")
    now = Verdict("errors", Outcome.PASS, "0.2 % <= limit 1 %")
    decision = ask(run, now)
    (decided,) = (e.data for e in journal.read(run.attempt) if e.kind == "gate_decided")
    assert decided["evidence_digest"] == decision.evidence_digest != decided["evidence_now"]
    assert [answer["by"] for answer in decided["answers"]] == ["anna"]
    assert decided["answers"][0]["key"].startswith("SHA256:")


@pytest.mark.parametrize("outcome", [Outcome.INCONCLUSIVE, Outcome.FAIL])
def test_nobody_is_asked_on_evidence_that_does_not_pass(run: Run, folder: Path, outcome: Outcome) -> None:
    with pytest.raises(CriterionFailed, match="memory: 3 of 2"):
        ask(run, GOOD, Verdict("memory", outcome, "3 of 2"))
    assert not folder.exists()


def test_nobody_is_asked_on_no_evidence(run: Run) -> None:
    with pytest.raises(CriterionFailed, match="nothing was measured"):
        gate(run, "?", [], "", "")


def test_evidence_that_no_longer_passes_stops_an_approved_step(run: Run, folder: Path) -> None:
    say(folder, pending(run), "anna approved")
    with pytest.raises(CriterionFailed):
        ask(run, Verdict("errors", Outcome.FAIL, "9 %"))


def test_a_step_that_asks_nobody_and_a_dry_run_need_no_key_and_say_so(
    parameters: Parameters, hands: Hands, folder: Path
) -> None:
    free = begin(parameters, stage=5)
    hands()
    decision = ask(free)
    assert (decision.allowed, decision.by) == (True, "nobody was asked")
    assert "gates.ask does not name" in decision.reason
    dry = ask(begin(parameters.model_copy(update={"dry_run": True})))
    assert (dry.allowed, dry.by, dry.reason) == (True, "nobody was asked", "dry run, nothing will be changed")
    assert not folder.exists()


def test_nobody_can_ask_whose_key_does_not_stand_behind_the_attempt(run: Run, folder: Path) -> None:
    path = run.attempt / journal.NAME
    path.write_text(path.read_text().replace('"signed":true', '"signed":false'))
    with pytest.raises(CannotSign, match="no key stands behind"):
        ask(run)
    assert not folder.exists()


def test_all_gates_are_listed_oldest_first_and_open_ones_are_those_that_matter(run: Run, folder: Path) -> None:
    first = pending(run)
    say(folder, first, "anna approved")
    other = pending(begin(run.parameters, stage=100))
    records = folder.parents[1]
    assert [g.id for g in all_gates(records)] == [g.id for g in all_gates(records, "order-service")] == [first, other]
    assert all_gates(records, "other-service") == []
    assert [(g.id, g.state) for g in open_gates(records)] == [(first, "approved"), (other, "pending")]
    ask(run)
    assert [g.id for g in open_gates(records)] == [other]


def test_every_file_of_a_gate_is_made_once_and_read_only(run: Run, folder: Path) -> None:
    say(folder, pending(run), "anna approved")
    ask(run)
    files = sorted(folder.iterdir())
    assert [path.name.partition(".")[2] for path in files] == [
        "answer-1.json",
        "answer-1.json.sig",
        "json",
        "used.json",
    ]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o444}


def test_one_gate_that_cannot_be_read_does_not_hide_the_others(run: Run, folder: Path) -> None:
    good = pending(run)
    (folder / "gray_stage-100-torn.json").write_text("{")
    states = {gate.id: gate.state for gate in all_gates(folder.parents[1])}
    assert states == {good: "pending", "gray_stage-100-torn": "unreadable"}
    assert "it is no JSON any more" in all_gates(folder.parents[1])[0].problem


def test_an_old_question_is_unreadable_and_not_a_traceback(folder: Path, run: Run) -> None:
    gate_id = pending(run)
    old = {k: v for k, v in json.loads((folder / f"{gate_id}.json").read_bytes()).items() if k != "initiator"}
    (folder / "old.json").write_text(json.dumps({**old, "id": "old"}))
    assert {gate.state for gate in all_gates(folder.parents[1])} == {"pending", "unreadable"}
