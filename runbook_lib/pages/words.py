"""What a record says, in the words of its pages: times, durations, outcomes, exit codes."""

from __future__ import annotations

import inspect
import json
import signal
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from runbook_lib.errors import RunbookError

OUTCOMES = {
    "passed": "every criterion was met",
    "failed": "a criterion was not met, or a cell broke; nothing was handed over",
    "rolled_back": "a trigger fired: all users were brought back to the old side, and seen to be back",
    "gate_pending": "a person was asked and had not answered when it ended",
    "observing": "not decided yet: everything stayed where it was, to be looked at again later",
    "refused": "a person said no, or somebody else was at work on the application",
    "interrupted": "somebody stopped it",
    "crashed": "the notebook or the process that ran it broke off",
    "unreadable": "its record cannot be read; `runbook verify` says what is wrong",
    "open": "not filed: it runs, or its process died; `runbook resume` reads the world and goes on",
}
PHASES = {
    "assessment": "can the application move, how, and what would it gain",
    "containerization_checks": "are its image and its manifests fit for production",
    "pilot_deploy": "does it run on the cluster while no user is on it, and can that be undone",
    "gray_stage": "a share of the users is sent to the new side; both sides are watched and judged",
    "comparison": "do both sides do the same thing: requests, sessions, data, business figures",
    "rollback": "the users are brought back to the old side, and seen to be back",
    "decommission": "may the old machines go, and what did the move bring",
}


def outcome_word(outcome: str) -> str:
    """``gate_pending`` as people write it."""
    return outcome.replace("_", " ")


def instant(value: Any) -> str:
    """A recorded time as ISO 8601 in UTC, for comparing; empty when it is none."""
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return ""


def moment(value: Any) -> str:
    """A recorded time for people: ``2026-11-21 10:48:05``, in UTC."""
    return instant(value)[:19].replace("T", " ") or "unknown"


def duration(seconds: Any) -> str:
    """``15.5 s``, ``3 min 20 s``, ``2 h 5 min``, ``14 d 2 h``; empty when it is no number."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1e10:
        return ""
    if seconds < 120:
        return f"{seconds:.1f} s"
    for unit, size, part, below in (("min", 60, "s", 7200), ("h", 3600, "min", 172800), ("d", 86400, "h", 1e11)):
        if seconds < below:
            rest = int(seconds % size) // {"s": 1, "min": 60, "h": 3600}[part]
            return f"{int(seconds // size)} {unit}" + (f" {rest} {part}" if rest else "")
    return ""


def exit_words(code: Any) -> str:
    """What an exit code means, in the sentence of the error that has it."""
    if code == 0:
        return "it ended as it should"
    if isinstance(code, int) and 128 < code < 128 + signal.NSIG:
        return f"it was ended by signal {code - 128}"
    kinds = [RunbookError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    meant = next((kind for kind in kinds[1:] if kind.exit_code == code), RunbookError)
    return "it broke off" if meant is RunbookError else (inspect.getdoc(meant) or "").split("\n")[0]


def short(value: Any, limit: int = 400) -> str:
    """A recorded value on one line, cut at ``limit``."""
    if isinstance(value, dict) and value:
        value = ", ".join(f"{key}: {short(inner, limit) or 'nothing'}" for key, inner in value.items())
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def address(*names: str) -> str:
    """The link to a file by the names on the way to it, whatever letters they are made of."""
    return "/".join(quote(name, safe="", errors="replace") for name in names)
