"""A runner that waits for the answer to a gate goes on with it, in the passage and with one step alone."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from rich.console import Console
from throwaway import PASSES, demo, make_project

from runbook_lib.gate import answer_gate, gates_folder, open_gates
from runbook_lib.record import archive
from runbook_lib.runner import run
from runbook_lib.runner.passage import Step
from runbook_lib.runner.progress import Screen

ASKS = (
    "from runbook_lib.gate import gate\nfrom runbook_lib.model import Outcome, Verdict\n"
    "gate(run, 'Send 1 %?', [Verdict('errors', Outcome.PASS, '0.1 % < 1 %')], 'nginx: 1 %', 'runbook rollback')"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path / "project", gray_stage=(ASKS, *PASSES)))
    return tmp_path / "project"


def say_yes_once_asked(project: Path) -> threading.Thread:
    def work() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for gate in open_gates(project / "records"):
                answer_gate(gates_folder(project / "records", "order-service"), gate.id, "approved", "seen", None)
                return
            time.sleep(0.1)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_one_step_alone_waits_for_its_answer_and_goes_on(project: Path) -> None:
    answering = say_yes_once_asked(project)
    assert run.single(demo(project), Step("gray_stage", 1), Screen(Console(quiet=True)), patience=60) == 0
    answering.join()
    attempts = archive.attempts(project / "records")
    assert [attempt.outcome for attempt in attempts] == ["gate_pending", "passed"]
    assert len({attempt.run_id for attempt in attempts}) == 1


def test_one_step_alone_whose_patience_is_over_says_that_it_waits(project: Path) -> None:
    assert run.single(demo(project), Step("gray_stage", 1), Screen(Console(quiet=True)), patience=0.1) == 75
