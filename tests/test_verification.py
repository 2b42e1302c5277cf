"""Who is asked, and that a case that writes is sent once a run, with consent, on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from throwaway import demo, make_project

from runbook_lib.observe.reach import Reply, Sender, Target
from runbook_lib.record.attempt import Run
from runbook_lib.record.journal import read
from runbook_lib.sections import Request
from runbook_lib.verification import NO_CONSENT, ask_everybody

POD, OTHER = Target("web-a", "http://127.0.0.1:1"), Target("web-b", "http://127.0.0.1:2")
READS = {"name": "orders", "path": "/orders"}
WRITES = {"name": "an order", "method": "POST", "path": "/orders", "status": 201, "writes": True}


class Wire(Sender):
    """Answers every request, and remembers it; ``dies`` before the answer to what writes comes."""

    def __init__(self, dies: bool = False) -> None:
        super().__init__(requests.Session())
        self.sent: list[tuple[str, str]] = []
        self.dies = dies

    def send(self, target: Target, request: Request, timeout: float, cookies: Any = None) -> Reply:
        self.sent.append((target.name, request.method))
        if self.dies and request.method == "POST":
            raise KeyboardInterrupt
        return Reply(201 if request.method == "POST" else 200, (("X", "y"),), b"{}")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path / "project"))
    return tmp_path / "project"


def run_with(project: Path, attempt: int = 1, consent: bool = True, dry_run: bool = False) -> Run:
    values = demo(project).model_dump(mode="json")
    values["kubernetes"] |= {"smoke": [READS, WRITES], "smoke_writes": consent}
    p = type(demo(project)).model_validate(values | {"dry_run": dry_run})
    folder = project / "records" / "run" / f"attempt-{attempt}"
    folder.mkdir(parents=True)
    return Run(p, folder, ("pilot_deploy", None, None))


def test_a_case_that_writes_is_sent_to_one_pod_and_stands_in_the_journal(project: Path) -> None:
    run, wire = run_with(project), Wire()
    answers = ask_everybody(run, wire, [POD, OTHER])
    assert wire.sent == [("web-a", "GET"), ("web-b", "GET"), ("web-a", "POST")]
    assert [(a.target, a.status) for a in answers] == [("web-a", 200), ("web-b", 200), ("web-a", 201)]
    assert [event.kind for event in read(run.attempt)] == ["intent", "result"]


def test_without_consent_it_is_not_sent_and_the_answer_says_so(project: Path) -> None:
    wire = Wire()
    answer = ask_everybody(run_with(project, consent=False), wire, [POD])[-1]
    assert (answer.case, answer.unasked, wire.sent) == ("an order", NO_CONSENT, [("web-a", "GET")])


def test_the_next_attempt_of_the_same_run_does_not_send_it_again(project: Path) -> None:
    first = ask_everybody(run_with(project), Wire(), [POD])[-1]
    wire = Wire()
    again = ask_everybody(run_with(project, attempt=2), wire, [POD])[-1]
    assert again == first
    assert wire.sent == [("web-a", "GET")]


def test_a_case_that_died_on_its_way_is_not_sent_again_and_is_not_known(project: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask_everybody(run_with(project), Wire(dies=True), [POD])
    wire = Wire()
    answer = ask_everybody(run_with(project, attempt=2), wire, [POD])[-1]
    assert wire.sent == [("web-a", "GET")]
    assert "nobody knows what came back" in answer.unasked


def test_a_dry_run_sends_nothing_that_writes(project: Path) -> None:
    wire = Wire()
    answer = ask_everybody(run_with(project, dry_run=True), wire, [POD])[-1]
    assert (wire.sent, answer.unasked) == ([("web-a", "GET")], "dry run: nothing was changed")
