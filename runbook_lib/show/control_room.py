"""Every migration at one glance: where each application stands, which gates wait, what ran last."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from IPython.display import display
from pandas.io.formats.style import Styler

from runbook_lib.errors import RunbookError
from runbook_lib.gate import Gate, Kind, answer_gate, command, gates_folder, names_at_hand, open_gates, parameters_of
from runbook_lib.guard.heartbeat import last_seen
from runbook_lib.pages.words import moment, outcome_word
from runbook_lib.record.archive import Attempt, attempts
from runbook_lib.record.attempt import title
from runbook_lib.show.gate import show_gate

THEN = "A runner that waits goes on by itself; else run the gate's cell again, or `runbook resume PARAMETERS`."


def applications_table(records: Path) -> Styler:
    """One row an application: its last step, how it ended, how many gates wait, and who guards its users."""
    last: dict[str, Attempt] = {}
    for attempt in attempts(records):
        last[attempt.application] = attempt
    waiting = [gate.asked.application for gate in open_gates(records)]
    rows = [
        {"application": name, **_row(attempt), "gates": waiting.count(name), "guard": last_seen(records / name)}
        for name, attempt in last.items()
    ]
    return _table(rows, ["application", "step", "outcome", "started (UTC)", "message", "gates", "guard"])


def runs_table(records: Path, last: int = 20) -> Styler:
    """The youngest attempts first, with the folder that holds each."""
    found = list(reversed(attempts(records)))[:last]
    rows = [{"application": a.application, **_row(a), "folder": str(a.folder.relative_to(records))} for a in found]
    return _table(rows, ["started (UTC)", "application", "step", "outcome", "message", "folder"])


def show_open_gates(records: Path) -> int:
    """Show every gate that waits, is held or was approved and not used yet, with its buttons; how many there are."""
    found = open_gates(records)
    for gate in found:
        _show(gates_folder(records, gate.asked.application), gate)
    if not found:
        display("no gate waits")
    return len(found)


def _show(folder: Path, gate: Gate) -> None:
    """One gate, answered with the parameters under which it was asked; what cannot be read is told, not hidden."""
    try:
        p = parameters_of(folder, gate.asked)
        names, way = names_at_hand(p, gate.asked), command(p, gate.id)
    except RunbookError as error:
        display(f"{gate.id}: {gate.problem or error}")
        return

    def answer(kind: Kind, reason: str, name: str) -> Gate:
        return answer_gate(folder, gate.id, kind, reason, name, p)

    show_gate(gate, names, answer, way, THEN)


def _table(rows: list[dict[str, object]], columns: list[str]) -> Styler:
    """Sentences are read from the left, and to their end."""
    short = pd.Index([column for column in columns if column not in {"message", "folder"}])
    told = pd.DataFrame(rows, columns=columns).style.hide(axis="index").format(escape="html")
    return told.set_properties(subset=short, **{"white-space": "nowrap"}).set_table_styles(
        [{"selector": "th, td", "props": [("text-align", "left"), ("vertical-align", "top")]}]
    )


def _row(attempt: Attempt) -> dict[str, object]:
    facts = attempt.facts
    return {
        "step": title(*attempt.step),
        "outcome": outcome_word(attempt.outcome),
        "started (UTC)": moment(facts.get("started", "")),
        "message": facts.get("message", attempt.problem or ""),
    }
