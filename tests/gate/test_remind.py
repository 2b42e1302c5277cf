"""People are told when a gate opens and once before it expires; the deaf stop nothing, and no address is written."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.clients import connect
from runbook_lib.gate import read_gate
from runbook_lib.gate.remind import remind
from runbook_lib.parameters import Parameters
from runbook_lib.record import journal
from runbook_lib.record.attempt import Run
from runbook_lib.runner import waiting
from runbook_lib.runner.progress import Screen
from tests.gate.conftest import ask, begin, pending, say, with_gates

SECRET = "very-secret"


class Chat(ThreadingHTTPServer):
    """A webhook that keeps what it hears; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.status = 200
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                chat.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(chat.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    server = Chat()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setenv("GATE_WEBHOOK", f"http://127.0.0.1:{server.server_port}/hooks/{SECRET}")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(parameters: Parameters, chat: Chat) -> Run:
    return begin(with_gates(parameters, webhook="env:GATE_WEBHOOK"))


def soon(monkeypatch: pytest.MonkeyPatch, minutes: int = 55) -> None:
    monkeypatch.setattr(
        "runbook_lib.gate.remind.now", lambda: datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)
    )


def noted(run: Run) -> list[tuple[str, bool]]:
    events = [event.data for event in journal.read(run.attempt) if event.kind == "notified"]
    return [(data["event"], data["delivered"]) for data in events]


def test_the_webhook_hears_once_all_that_is_needed_to_answer(told: Run, chat: Chat, folder: Path) -> None:
    gate_id = pending(told)
    pending(told)
    (heard,) = chat.heard
    asked = read_gate(folder, gate_id).asked
    assert heard == {
        "text": heard["text"],
        "event": "gate_opened",
        "application": "order-service",
        "phase": "gray_stage",
        "stage": 1,
        "gate": gate_id,
        "question": "May 1 % go?",
        "expires_at": asked.expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "approvers": ["oscar", "anna", "ben", "chloe"],
        "answer_with": f"runbook approve {gate_id} --reason WHY --records {told.parameters.records}",
    }
    assert heard["text"].startswith("May 1 % go? It waits for an answer, until ")
    assert heard["answer_with"] in heard["text"]
    assert noted(told) == [("opened", True)]


def test_a_gate_that_still_waits_shortly_before_it_expires_is_told_once_more(
    told: Run, chat: Chat, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate_id = pending(told)
    soon(monkeypatch)
    pending(told)
    pending(begin(told.parameters, again=told))
    assert [heard["event"] for heard in chat.heard] == ["gate_opened", "gate_expires"]
    mark = folder / f"{gate_id}.reminded.json"
    assert json.loads(mark.read_bytes())["delivered"] is True
    assert mark.stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize(
    ("said", "minutes", "reminded"),
    [("", 45, False), ("", 55, True), ("ben held", 55, True), ("anna approved", 55, False)],
)
def test_people_are_reminded_of_what_waits_and_not_too_early(
    told: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, said: str, minutes: int, reminded: bool
) -> None:
    gate_id = pending(told)
    say(folder, gate_id, *([said] if said else []))
    soon(monkeypatch, minutes)
    assert (remind(connect(told.parameters), folder, read_gate(folder, gate_id)) is not None) is reminded


def test_a_gate_that_is_open_for_less_than_the_reminder_is_told_once(
    parameters: Parameters, chat: Chat, folder: Path
) -> None:
    run = begin(with_gates(parameters, webhook="env:GATE_WEBHOOK", remind=timedelta(hours=1)))
    pending(run)
    pending(run)
    assert len(chat.heard) == 1


@pytest.mark.parametrize(
    ("webhook", "status", "problem"),
    [
        ("env:GATE_WEBHOOK", 500, "it answered with status 500"),
        ("env:NOWHERE", 200, "the secret 'env:NOWHERE' is not there"),
        (f"http://127.0.0.1:9/{SECRET}", 200, "ConnectionError"),
    ],
)
def test_a_deaf_webhook_stops_nothing_and_is_noted_without_its_address(
    parameters: Parameters, chat: Chat, folder: Path, webhook: str, status: int, problem: str
) -> None:
    chat.status = status
    run = begin(with_gates(parameters, webhook=webhook))
    gate_id = pending(run)
    (data,) = (event.data for event in journal.read(run.attempt) if event.kind == "notified")
    assert data["delivered"] is False and problem in data["problem"]
    assert SECRET not in (run.attempt / journal.NAME).read_text()
    say(folder, gate_id, "anna approved")
    assert ask(run).by == "anna"


def test_no_file_of_a_told_gate_holds_the_address(
    told: Run, chat: Chat, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending(told)
    soon(monkeypatch)
    pending(told)
    assert len(chat.heard) == 2
    written = [path for path in folder.parent.rglob("*") if path.is_file()]
    assert len(written) > 3
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


def test_a_runner_that_waits_reminds_people_and_goes_on_when_somebody_answers(
    told: Run, chat: Chat, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gate_id = pending(told)
    soon(monkeypatch)
    monkeypatch.setattr(waiting, "LOOK_EVERY", 0.05)
    assert not waiting.answered(told.parameters, told.attempt, Screen(), 0.3)
    assert [heard["event"] for heard in chat.heard] == ["gate_opened", "gate_expires"]
    assert "expires soon: people were told" in capsys.readouterr().out
    threading.Timer(0.2, lambda: say(folder, gate_id, "anna approved")).start()
    assert waiting.answered(told.parameters, told.attempt, Screen(), 20)


@pytest.mark.parametrize(("said", "goes_on"), [("ben held", False), ("ben rejected", True), ("anna approved", True)])
def test_a_runner_waits_at_a_held_gate_and_goes_on_to_say_no(run: Run, folder: Path, said: str, goes_on: bool) -> None:
    say(folder, pending(run), said)
    assert waiting.answered(run.parameters, run.attempt, Screen(), 0.1) is goes_on
