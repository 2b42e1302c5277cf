"""Every migration at one glance: where each application stands, which gates wait, what ran last."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from IPython.display import display

from runbook_lib.gate import all_gates, answer_gate, gates_folder
from runbook_lib.record.archive import Attempt, attempts
from runbook_lib.record.attempt import title
from runbook_lib.show.gate import show_gate


def applications_table(records: Path) -> pd.DataFrame:
    """One row an application: its last step, how it ended, and how many gates wait."""
    last: dict[str, Attempt] = {}
    for attempt in attempts(records):
        last[attempt.application] = attempt
    waiting = [g["application"] for g in all_gates(records) if g["state"] == "pending"]
    rows = [{"application": name, **_row(attempt), "gates": waiting.count(name)} for name, attempt in last.items()]
    return pd.DataFrame(rows, columns=["application", "step", "outcome", "started", "message", "gates"])


def runs_table(records: Path, last: int = 20) -> pd.DataFrame:
    """The youngest attempts first, with the folder that holds each."""
    found = list(reversed(attempts(records)))[:last]
    rows = [{"application": a.application, **_row(a), "folder": str(a.folder.relative_to(records))} for a in found]
    return pd.DataFrame(rows, columns=["started", "application", "step", "outcome", "message", "folder"])


def show_open_gates(records: Path) -> int:
    """Show every gate that waits, with its evidence and buttons; how many there are."""
    waiting = [g for g in all_gates(records) if g["state"] == "pending"]
    for gate in waiting:
        folder, gate_id = gates_folder(records, gate["application"]), gate["id"]
        show_gate(gate, lambda said, by, why, f=folder, i=gate_id: answer_gate(f, i, said, by, why))  # type: ignore[misc]
    if not waiting:
        display("no gate waits")
    return len(waiting)


def _row(attempt: Attempt) -> dict[str, object]:
    facts = attempt.facts
    return {
        "step": title(*attempt.step),
        "outcome": attempt.outcome,
        "started": facts.get("started", ""),
        "message": facts.get("message", attempt.problem or ""),
    }
