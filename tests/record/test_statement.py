"""The statement says what happened and its digests find what was changed."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from runbook_lib.model import Event, now
from runbook_lib.record import statement
from runbook_lib.record.journal import Journal

FINISHED = [Event(now(), "finished", {"message": "3 of 3 criteria passed"})]


@pytest.mark.parametrize(
    ("error", "number", "events", "outcome", "exit_code"),
    [
        (None, None, FINISHED, "passed", 0),
        (None, None, [], "failed", 70),
        ("CriterionFailed", None, [], "failed", 10),
        ("ChangeFailed", None, [], "failed", 30),
        ("RolledBack", None, [], "rolled_back", 20),
        ("GatePending", None, [], "gate_pending", 75),
        ("Held", None, [], "observing", 76),
        ("Observing", None, [], "observing", 80),
        ("GateRejected", None, [], "refused", 77),
        ("BadParameters", None, [], "failed", 78),
        ("Unreachable", None, [], "failed", 69),
        ("ZeroDivisionError", None, FINISHED, "crashed", 70),
        ("SystemExit", None, [], "crashed", 70),
        ("KernelDied", None, FINISHED, "crashed", 70),
        ("CellTimeout", None, [], "crashed", 70),
        ("Interrupted", signal.SIGINT, FINISHED, "interrupted", 130),
        ("Terminated", signal.SIGTERM, [], "interrupted", 143),
    ],
)
def test_the_ending_follows_from_the_name_of_what_was_raised(
    error: str | None, number: int | None, events: list[Event], outcome: str, exit_code: int
) -> None:
    end = statement.ending(error, "why", 4, number, events)
    assert (end.outcome, end.exit_code) == (outcome, exit_code)


def _attempt(folder: Path) -> Path:
    attempt = folder / "app" / "run" / "attempt-1"
    (attempt / "evidence").mkdir(parents=True)
    book = Journal(attempt)
    book.write("started", application="app", run="run", attempt=1, phase="gray_stage", weight=5, source=None)
    book.write("gate_opened", gate="gate-1", question="go?")
    book.close()
    (attempt / "parameters.json").write_text("{}")
    (attempt / "evidence" / "counts.json").write_text("[]")
    (attempt / "evidence" / "record.json").write_text("[]")
    (attempt / ".ipynb_checkpoints").mkdir()
    (attempt / ".ipynb_checkpoints" / "notebook-checkpoint.ipynb").write_text("{}")
    (folder / "app" / "gates").mkdir()
    (folder / "app" / "gates" / "gate-1.json").write_text("{}")
    (folder / "app" / "gates" / "gate-1.answer-1.json").write_text("{}")
    (folder / "app" / "gates" / "gate-1.answer-1.json.sig").write_text("signature")
    (folder / "app" / "gates" / "gate-12.json").write_text("{}")
    (folder / "app" / "gates" / "gate-2.json").write_text("{}")
    cell = new_code_cell("1", outputs=[new_output("stream", text="a\nb\n")], execution_count=1)
    nbformat.write(new_notebook(cells=[cell]), attempt / "notebook.ipynb")
    return attempt


def _digests(attempt: Path) -> dict[str, str]:
    composed = statement.compose(attempt, statement.Ending("passed", 0, "well"))
    return {subject["name"]: subject["digest"]["sha256"] for subject in composed["subject"]}


def test_everything_that_an_attempt_left_is_a_subject(tmp_path: Path) -> None:
    assert set(_digests(_attempt(tmp_path))) == {
        "content:notebook.ipynb",
        "notebook.ipynb",
        "journal.jsonl",
        "parameters.json",
        "evidence/counts.json",
        "gates/gate-1.json",
        "gates/gate-1.answer-1.json",
        "gates/gate-1.answer-1.json.sig",
        "evidence/record.json",
    }


@pytest.mark.parametrize("name", ["notebook.ipynb", "journal.jsonl", "parameters.json", "evidence/counts.json"])
def test_a_changed_byte_changes_its_digest_only(tmp_path: Path, name: str) -> None:
    attempt = _attempt(tmp_path)
    before = _digests(attempt)
    path = attempt / name
    path.write_bytes(path.read_bytes() + b" ")
    after = _digests(attempt)
    assert {key for key in before if before[key] != after[key]} == {name}


def test_it_is_an_in_toto_statement_that_names_the_gates(tmp_path: Path) -> None:
    composed: dict[str, Any] = statement.compose(
        _attempt(tmp_path), statement.Ending("passed", 0, "well"), "next.ipynb"
    )
    assert composed["_type"] == "https://in-toto.io/Statement/v1"
    assert composed["predicateType"] == statement.PREDICATE
    assert composed["predicate"]["gates"][0]["gate"] == "gate-1"
    assert composed["predicate"]["next_notebook"] == "next.ipynb"
    assert composed["predicate"]["ended"].endswith("Z")
