"""Tell people that a gate waits: when it opens, and once more before it expires."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any, Literal

from runbook_lib.act.notify import post
from runbook_lib.clients import Clients
from runbook_lib.gate.answer import command
from runbook_lib.gate.create import as_json, create, locked
from runbook_lib.gate.states import WAITING, Gate, moment
from runbook_lib.model import now, plain

Occasion = Literal["opened", "expires"]


def tell(clients: Clients, gate: Gate, event: Occasion) -> dict[str, Any] | None:
    """Post to gates.webhook; what is to be noted of it, None where no webhook is named."""
    address = clients.parameters.gates.webhook
    if address is None:
        return None
    problem = post(clients, address, notice(gate, event, command(clients.parameters, gate.id)))
    return {"event": event, "delivered": not problem, "problem": problem, "at": plain(now())}


def remind(clients: Clients, folder: Path, gate: Gate) -> dict[str, Any] | None:
    """Tell people once that a gate still waits and will expire soon; None when it is not time, or was done.

    It is marked only when it was done: of several who find the gate waiting, one posts while the others pass by.
    """
    asked, mark = gate.asked, folder / f"{gate.id}.reminded.json"
    before = clients.parameters.gates.remind
    early = now() < asked.expires_at - before or asked.expires_at - before <= asked.opened_at
    if gate.state not in WAITING or early or clients.parameters.gates.webhook is None:
        return None
    with (folder / f"{gate.id}.json").open("rb") as question:
        try:
            fcntl.flock(question, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        if mark.exists():
            return None
        told = tell(clients, gate, "expires")
        with locked(folder):
            create(mark, as_json({"gate": gate.id, **(told or {})}))
        return told


def notice(gate: Gate, event: Occasion, way: str) -> dict[str, Any]:
    """What the webhook gets: a sentence for people, and the same in parts for programs."""
    asked = gate.asked
    until = moment(asked.expires_at)
    word = "waits for an answer" if event == "opened" else "still waits and will expire"
    text = f"{asked.question} It {word}, until {until}; {asked.people} of {', '.join(asked.approvers)}: {way}"
    return {
        "text": text,
        "event": f"gate_{event}",
        **{key: getattr(asked, key) for key in ("application", "phase", "stage", "question")},
        "gate": asked.id,
        "expires_at": plain(asked.expires_at),
        "approvers": list(asked.approvers),
        "answer_with": way,
    }
