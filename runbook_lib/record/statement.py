"""record.json: an in-toto Statement v1 over everything an attempt left behind, composed from its folder alone.

The subjects are the sha256 of the source notebook, the executed notebook (as a file, and of its content, which survives
that JupyterLab rewrites a notebook it trusts), the parameters, the journal, the evidence and the gates. The predicate:

- application, run, attempt, phase, weight, mode, dry_run, anew: what was attempted; anew begins a new passage
- outcome: passed | failed | rolled_back | gate_pending | observing | refused | interrupted | crashed, with exit_code,
  error (class name), message, cell (its index) and next_notebook (what to open now)
- started, ended (UTC, ISO 8601), seconds
- who: name, source (where the name comes from), host, signed
- code: commit, dirty; versions: python, system, packages
- cluster: uid of the namespace kube-system, server; None when no cluster was used
- changes: what, before, after, done, at; open_intents: acts whose result is not known
- verdicts: the last of each name; gates: what people answered; questions: the Prometheus queries, each once
- cells: id, index, status (completed | failed | not-run), start_time, end_time, exception, message
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.durable import write_json
from runbook_lib.errors import by_name
from runbook_lib.model import Event, canonical, now, plain
from runbook_lib.record import archive, journal
from runbook_lib.runner.cells import cell_results

if TYPE_CHECKING:
    from nbformat import NotebookNode

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:kubernetes-migration-runbooks:attempt:v1"
OUTCOMES = {
    "RolledBack": "rolled_back",
    "GatePending": "gate_pending",
    "Held": "observing",
    "GateRejected": "refused",
    "Busy": "refused",
}
CRASHED = 70


@dataclass(frozen=True)
class Ending:
    """How an attempt ended, in the words of the record."""

    outcome: str
    exit_code: int
    message: str
    error: str | None = None
    cell: int | None = None


def ending(error: str | None, message: str, cell: int | None, number: int | None, events: Sequence[Event]) -> Ending:
    """The ending for an exception's class name, a signal's number, or neither; only a judged run has passed."""
    if number is not None:
        return Ending("interrupted", 128 + number, message, error, cell)
    if error is None:
        finished = [event for event in events if event.kind == "finished"]
        if not finished:
            return Ending("failed", CRASHED, "the notebook ended without run.finish(): nothing was judged")
        return Ending("passed", 0, str(finished[-1].data.get("message", "")))
    known = by_name(error)
    if known is None:
        return Ending("crashed", CRASHED, f"{error}: {message}", error, cell)
    return Ending(OUTCOMES.get(error, "failed"), known.exit_code, message, error, cell)


def compose(attempt: Path, end: Ending, next_notebook: str = "", at: datetime | None = None) -> dict[str, Any]:
    """The statement over what lies in an attempt's folder now."""
    events = journal.read(attempt)
    started = next((event for event in events if event.kind == "started"), None)
    begun = started.data if started else {}
    first, ended = (started.at if started else now()), at or now()
    notebook = _notebook(attempt)
    predicate = {
        **{
            key: begun.get(key)
            for key in ("application", "run", "attempt", "phase", "weight", "mode", "dry_run", "anew")
        },
        **plain(end),
        "next_notebook": next_notebook,
        "started": first,
        "ended": ended,
        "seconds": round((ended - first).total_seconds(), 3),
        **{key: begun.get(key) for key in ("who", "code", "versions")},
        "cluster": next((event.data for event in events if event.kind == "cluster"), None),
        **_told(events),
        "cells": cell_results(notebook) if notebook is not None else [],
    }
    return {
        "_type": TYPE,
        "subject": _subjects(attempt, begun, notebook, predicate["gates"]),
        "predicateType": PREDICATE,
        "predicate": plain(predicate),
    }


def file(attempt: Path, statement: dict[str, Any]) -> None:
    """Write record.json, whole; it is the last thing that is written of an attempt."""
    write_json(attempt / archive.RECORD, statement)


def content_digest(notebook: NotebookNode) -> str:
    """sha256 over what a notebook says and how each cell ended, whatever its JSON looks like."""
    cells = [
        {
            "id": cell.get("id"),
            "type": cell.cell_type,
            "source": cell.source,
            "outputs": cell.get("outputs", []),
            "count": cell.get("execution_count"),
            "tags": cell.metadata.get("tags", []),
            "papermill": cell.metadata.get("papermill"),
        }
        for cell in notebook.cells
    ]
    return hashlib.sha256(canonical({"cells": cells, "papermill": notebook.metadata.get("papermill")})).hexdigest()


def sha256(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _told(events: Sequence[Event]) -> dict[str, Any]:
    """What the journal tells of changes, verdicts, gates and questions."""
    verdicts = {event.data["name"]: event.data for event in events if event.kind == "verdict"}
    results = [event.data for event in events if event.kind == "result" and event.data.get("change")]
    return {
        "changes": [data["change"] for data in results],
        "failed_changes": [e.data for e in events if e.kind == "result" and not e.data.get("change")],
        "open_intents": [event.data for event in journal.open_intents(events)],
        "verdicts": list(verdicts.values()),
        "gates": [{"event": e.kind, "at": e.at, **e.data} for e in events if e.kind.startswith("gate_")],
        "questions": sorted({event.data["query"] for event in events if event.kind == "asked"}),
    }


def _subjects(
    attempt: Path, begun: dict[str, Any], notebook: NotebookNode | None, gates: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    source = begun.get("source") or {}
    subjects = [_subject(f"source:{source['name']}", source["sha256"])] if source.get("sha256") else []
    if notebook is not None:
        subjects.append(_subject("content:notebook.ipynb", content_digest(notebook)))
    left = [path for path in sorted(attempt.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    subjects += [
        _subject(path.relative_to(attempt).as_posix(), sha256(path)) for path in left if path.name != archive.RECORD
    ]
    folder = attempt.parent.parent / "gates"
    for gate_id in sorted({str(gate.get("gate")) for gate in gates if gate.get("gate")}):
        subjects += [_subject(f"gates/{path.name}", sha256(path)) for path in sorted(folder.glob(f"{gate_id}*.json"))]
    return subjects


def _subject(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}}


def _notebook(attempt: Path) -> NotebookNode | None:
    path = attempt / archive.NOTEBOOK
    if not path.is_file():
        return None  # a kernel that files alone: it does not know where its notebook is saved
    import nbformat  # a second of imports, which a kernel is spared

    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook
