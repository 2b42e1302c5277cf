"""record.json: an in-toto Statement v1 over everything an attempt left behind, composed from its folder alone.

The subjects are the sha256 of the source notebook, the executed notebook (as a file, and of its content, which survives
that JupyterLab rewrites a notebook it trusts), the parameters, the journal, the evidence, whatever else lies in the
folder, and the gates. The predicate (attempt.v1.schema.json says the same for programs):

- application, run, attempt, phase, weight, mode, dry_run, anew: what was attempted; anew begins a new passage
- outcome: passed | failed | rolled_back | gate_pending | observing | refused | interrupted | crashed, with exit_code,
  error (class name), message, cell (its index) and next_notebook (what to open now)
- started, ended (UTC, ISO 8601), seconds
- who: name, source (where the name comes from), host, account, signed; who started it
- filed_by: name and key of whoever signed the record; None when nobody did
- previous: run, attempt and sha256 of the application's last record when this attempt was opened; None for the first
- code: commit, dirty; versions: python, system, packages
- cluster: uid of the namespace kube-system, server; None when no cluster was used
- changes: what, before, after, done, at; failed_changes; open_intents: acts whose result is not known;
  recovered: what became of acts that an earlier attempt left so, by the world
- verdicts: the last of each name; gates: what people answered; questions: the Prometheus queries, each once
- cells: id, index, status (completed | failed | not-run), start_time, end_time, exception, message
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import by_name
from runbook_lib.model import Event, now, plain
from runbook_lib.record import archive, journal
from runbook_lib.record.content import read_notebook
from runbook_lib.runner.cells import cell_results

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:kubernetes-migration-runbooks:attempt:v1"
OUTCOMES = {
    "RolledBack": "rolled_back",
    "GatePending": "gate_pending",
    "Held": "observing",
    "Observing": "observing",
    "GateRejected": "refused",
    "Busy": "refused",
}
CRASHED = 70
BEGUN: dict[str, Any] = {"phase": "", "weight": None, "mode": None, "dry_run": False, "anew": False}
TOLD = ("who", "code", "versions", "previous")
CHECKPOINTS = ".ipynb_checkpoints"
CONTENT = "content:notebook.ipynb"


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


def ending_of(events: Sequence[Event]) -> Ending:
    """The ending that a journal tells of; a process that could not write how it ended was killed."""
    ended = next((event.data for event in events if event.kind == "ended"), None)
    if ended is not None:
        said = ended.get("error"), ended.get("message", ""), ended.get("cell"), ended.get("signal")
        return ending(*said, events)
    last = events[-1] if events else None
    if last is not None and last.kind == "cell_failed":
        return ending(last.data["error"], last.data["message"], None, None, events)
    if last is not None and last.kind == "finished":
        return ending(None, "", None, None, events)
    intents = ", ".join(str(event.data["what"]) for event in journal.open_intents(events))
    unknown = f"; not known whether this was done: {intents}" if intents else ""
    return ending("Killed", f"the process that ran it was killed or its machine stopped{unknown}", None, None, events)


def compose(
    attempt: Path,
    end: Ending,
    next_notebook: str = "",
    at: datetime | None = None,
    filed_by: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The statement over what lies in an attempt's folder now."""
    events = journal.read(attempt)
    started = next((event for event in events if event.kind == "started"), None)
    ended = at or now()
    begun, first = (started.data, started.at) if started else ({}, ended)
    notebook, content = read_notebook(attempt / archive.NOTEBOOK) or (None, None)
    predicate = {
        **archive.place(attempt),
        **{key: begun.get(key, default) for key, default in BEGUN.items()},
        **plain(end),
        "next_notebook": next_notebook,
        "started": first,
        "ended": ended,
        "seconds": round((ended - first).total_seconds(), 3),
        **{key: begun.get(key) for key in TOLD},
        "filed_by": filed_by,
        "cluster": next((event.data for event in events if event.kind == "cluster"), None),
        **_told(events),
        "cells": cell_results(notebook) if notebook is not None else [],
    }
    return {
        "_type": TYPE,
        "subject": _subjects(attempt, begun, content, predicate["gates"]),
        "predicateType": PREDICATE,
        "predicate": plain(predicate),
    }


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
        "recovered": [{"at": e.at, **e.data} for e in events if e.kind == "recovered"],
        "verdicts": list(verdicts.values()),
        "gates": [{"event": e.kind, "at": e.at, **e.data} for e in events if e.kind.startswith("gate_")],
        "questions": sorted({event.data["query"] for event in events if event.kind == "asked"}),
    }


def files_of(attempt: Path) -> Iterator[Path]:
    """What the record speaks for: every file of the folder but the record, its signature, and JupyterLab's copies."""
    own = {attempt / archive.RECORD, attempt / archive.SIGNATURE}
    for path in sorted(attempt.rglob("*")):
        if path not in own and CHECKPOINTS not in path.relative_to(attempt).parts and not path.is_dir():
            yield path


def files_of_gate(folder: Path, gate: str) -> list[Path]:
    """A gate's question, its answers with their signatures, and the note of its use, as far as they are there."""
    return [path for path in (folder / f"{gate}.json", *sorted(folder.glob(f"{gate}.*"))) if path.is_file()]


def _subjects(
    attempt: Path, begun: dict[str, Any], content: str | None, gates: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    source = begun.get("source") or {}
    subjects = [_subject(f"source:{source['name']}", source["sha256"])] if source.get("sha256") else []
    if content is not None:
        subjects.append(_subject(CONTENT, content))
    subjects += [_subject(path.relative_to(attempt).as_posix(), sha256(path)) for path in files_of(attempt)]
    folder = attempt.parent.parent / "gates"
    named = sorted({str(gate["gate"]) for gate in gates if gate.get("gate")})
    files = {path for gate in named for path in files_of_gate(folder, gate)}
    return subjects + [_subject(f"gates/{path.name}", sha256(path)) for path in sorted(files)]


def _subject(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}}
