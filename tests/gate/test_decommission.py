"""The old side goes when two people say so: not one with two keys, not whoever asks, and once more after the first."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from keys import make_key, make_keys, signer_line

from runbook_lib.decommission import ask_again, goes_for_good
from runbook_lib.errors import BadParameters, GatePending, GateRejected
from runbook_lib.gate import answer_gate, gates_folder, open_gates
from runbook_lib.model import Change, Outcome, Verdict, now
from runbook_lib.observe.files.located import read_located
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run, journal
from runbook_lib.sections import LegacyInstance
from tests.gate.conftest import ask, begin, pending, say

REPOSITORY = Path(__file__).parents[2]
SEEN = (Verdict("retired vm-1", Outcome.PASS, "vm-1 is silent"),)


@pytest.fixture
def two_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of allowed signers in which anna has two keys, both at hand, and ben has one."""
    folder = tmp_path / "people"
    folder.mkdir()
    roles = {"olga": "runbook-operator", "anna": "runbook-approver", "ben": "runbook-approver"}
    signers = make_keys(folder, roles)
    second = make_key(folder, "anna-laptop")
    with signers.open("a", encoding="utf-8") as stream:
        stream.write(signer_line(second, "anna", "runbook-approver") + "\n")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    hands = ("olga", "anna", "anna-laptop", "ben")
    monkeypatch.setenv("RUNBOOK_SIGNING_KEY", os.pathsep.join(str(folder / name) for name in hands))
    return signers


def test_one_person_with_two_keys_is_one_person_and_who_asks_is_none(
    parameters: Parameters, two_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = parameters.gates.model_copy(update={"allowed_signers": str(two_keys), "keys": []})
    parameters = parameters.model_copy(update={"gates": gates})
    run = begin(parameters, "decommission", None)
    folder = gates_folder(parameters.path(parameters.records), parameters.application.name)
    with pytest.raises(GatePending, match="waits for 2 of anna, ben"):
        ask(run)
    (waiting,) = open_gates(parameters.path(parameters.records), parameters.application.name)
    answer_gate(folder, waiting.id, "approved", "seen", "anna", parameters)
    monkeypatch.setenv("RUNBOOK_SIGNING_KEY", str(two_keys.parent / "anna-laptop"))
    with pytest.raises(BadParameters, match="anna has already answered"):
        answer_gate(folder, waiting.id, "approved", "with my other key", "anna", parameters)
    with pytest.raises(BadParameters, match=r"olga asked .* and may not answer it"):
        answer_gate(folder, waiting.id, "approved", "mine", "olga", parameters)
    with pytest.raises(GatePending, match="waits for 1 of ben"):
        ask(run)


def asking(parameters: Parameters, how: str) -> Run:
    """A decommission whose parameters ask people again so often."""
    retention = parameters.retention.model_copy(update={"ask_again": how})
    return begin(parameters.model_copy(update={"retention": retention}), "decommission", None)


def test_people_are_asked_once_more_after_the_first_machine_and_a_no_ends_it(
    parameters: Parameters, folder: Path
) -> None:
    first, second = parameters.legacy.instances[:2]
    ask_again(asking(parameters, "never"), first, SEEN, 2)
    run = asking(parameters, "first")
    ask_again(run, second, SEEN, 1)
    with pytest.raises(GatePending, match=r"vm-1 of order-service is gone. Go on with the other 2\? waits for 2"):
        ask_again(run, first, SEEN, 2)
    (waiting,) = open_gates(folder.parent.parent, "order-service")
    say(folder, waiting.id, "anna approved", "ben rejected")
    with pytest.raises(GateRejected, match="ben said no"):
        ask_again(run, first, SEEN, 2)


def test_the_question_before_the_first_machine_and_those_after_are_answered_apart(
    parameters: Parameters, folder: Path
) -> None:
    run = asking(parameters, "each")
    say(folder, pending(run), "anna approved", "ben approved")
    assert ask(run).by == "anna, ben"
    with pytest.raises(GatePending, match="vm-1 of order-service is gone"):
        ask_again(run, parameters.legacy.instances[0], SEEN, 2)
    (waiting,) = open_gates(folder.parent.parent, "order-service")
    say(folder, waiting.id, "anna approved", "chloe approved")
    again = begin(run.parameters, "decommission", None, run)  # after a kill: both were answered, nobody is asked again
    assert ask(again).by == "anna, ben"
    ask_again(again, parameters.legacy.instances[0], SEEN, 2)


def test_a_cell_that_is_run_again_asks_about_the_machine_that_went_last_and_ends_with_every_one(
    parameters: Parameters,
) -> None:
    """As the gate tells people to: run this cell again."""
    cells = json.loads((REPOSITORY / "notebooks" / "07_decommission.ipynb").read_text(encoding="utf-8"))["cells"]
    first, others = ("".join(cell["source"]) for cell in cells if cell.get("id") in ("first", "others"))
    asked, answered, looked = list[tuple[str, str, int]](), set[str](), list[str]()

    def ask(run: object, before: LegacyInstance, seen: str, left: int) -> None:
        asked.append((before.name, seen, left))
        if before.name not in answered:
            raise GatePending(before.name)

    def go(run: object, clients: object, instance: LegacyInstance, *more: object) -> tuple[Change, str]:
        looked.append(instance.name)
        return Change(f"retire {instance.name}", None, None, True, now()), f"look at {instance.name}"

    names = {"run": None, "clients": None, "p": parameters, "retired": {}, "verdict_table": str}
    exec(without_imports(first), stubs := {**names, "let_go": go, "ask_again": ask})
    for name in ("vm-1", "vm-2"):
        with pytest.raises(GatePending, match=name):
            exec(without_imports(others), stubs)
        answered.add(name)
    exec(without_imports(others), stubs)
    assert set(asked) == {("vm-1", "look at vm-1", 2), ("vm-2", "look at vm-2", 1)}
    assert [change.what for change in stubs["changes"]] == ["retire vm-1", "retire vm-2", "retire vm-3"]


def without_imports(source: str) -> str:
    """A cell whose functions are the test's."""
    ours = [line for line in source.splitlines() if "runbook_lib.decommission" not in line]
    return "\n".join(ours)


def test_who_approves_reads_what_goes_for_good(parameters: Parameters) -> None:
    stated = read_located(parameters.path(parameters.assessment.profile), "profile")
    machines = parameters.legacy.instances
    told = goes_for_good(machines, stated, [])
    assert f"vm-1 ({machines[0].url})" in told
    assert "/data/orders/invoices (said to move to object store)" in told
    assert "no backup was looked at: retention.backups names none" in told
    saved = Verdict("backup: database", Outcome.PASS, "daily is 5 h old <= 24 h")
    assert "saved: daily is 5 h old <= 24 h" in goes_for_good(machines[:1], stated, [saved])


def test_a_page_is_kept_among_the_evidence_under_a_name_of_its_own(parameters: Parameters) -> None:
    run = begin(parameters, "decommission", None)
    paths = [run.keep("acceptance.html", "<p>one</p>"), run.keep("acceptance.html", "<p>two</p>")]
    assert [path.name for path in paths] == ["acceptance.html", "acceptance-2.html"]
    assert paths[0].read_text() == "<p>one</p>"
    noted = [e.data["path"] for e in journal.read(run.attempt) if e.kind == "evidence"]
    assert noted == ["evidence/acceptance.html", "evidence/acceptance-2.html"]
