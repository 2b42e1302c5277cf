"""A runner that waits until a gate is answered, and reminds people of it meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

from runbook_lib.clients import connect
from runbook_lib.gate import gate_of, gates_folder, may_go_on, read_gate
from runbook_lib.gate.remind import remind
from runbook_lib.parameters import Parameters
from runbook_lib.record.archive import read_attempt
from runbook_lib.runner.progress import Screen

LOOK_EVERY = 0.5  # seconds


def answered(parameters: Parameters, attempt: Path, screen: Screen, patience: float) -> bool:
    """True once the gate for which an attempt stopped lets its run go on, or ends it; False when patience is over."""
    folder = gates_folder(parameters.path(parameters.records), parameters.application.name)
    gate, runner = gate_of(folder, attempt.parent.name), _runner(attempt)
    clients, deadline = connect(parameters), time.monotonic() + patience
    while gate is not None and time.monotonic() < deadline:
        if may_go_on(gate, runner):
            return True
        told = remind(clients, folder, gate)
        if told is not None:
            word = "people were told" if told["delivered"] else f"people could not be told ({told['problem']})"
            screen.say(f"{gate.id} expires soon: {word}")
        time.sleep(LOOK_EVERY)
        gate = read_gate(folder, gate.id)
    return False


def _runner(attempt: Path) -> str:
    who = read_attempt(attempt).facts.get("who") or {}
    return str(who.get("name", ""))
