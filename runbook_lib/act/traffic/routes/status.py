"""What the controllers of a Gateway API route say of it: whether they took the last change, and what they refuse."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.errors import Unreachable

Object = dict[str, Any]

WITHIN = 15.0  # seconds that a controller may take to say what it thinks of a change
LOOK_EVERY = 0.1
MUST_HOLD = ("Accepted", "ResolvedRefs")


@dataclass(frozen=True)
class Acceptance:
    """``reports``: some controller writes the status; ``current``: all of them have seen the present generation."""

    reports: bool
    current: bool
    refusals: dict[str, str] = field(default_factory=dict)
    """What is refused: by whom and for which reason -> the whole sentence."""

    @property
    def problem(self) -> str:
        """Nothing, or why the object does not hold yet."""
        if self.refusals:
            return "; ".join(self.refusals.values())
        return "" if self.current or not self.reports else "its controller has not looked at the change"


@dataclass(frozen=True)
class Settled:
    """``problem``: why the change does not hold, or nothing; ``note``: what has to be known though it holds."""

    problem: str
    note: str = ""


def acceptance(found: Object) -> Acceptance:
    """The conditions Accepted and ResolvedRefs of every parent."""
    generation = found["metadata"].get("generation", 0)
    parents = (found.get("status") or {}).get("parents") or []
    reported = [
        (str(parent.get("controllerName", "the controller")), condition)
        for parent in parents
        for condition in parent.get("conditions") or []
        if condition.get("type") in MUST_HOLD
    ]
    current = [(who, c) for who, c in reported if c.get("observedGeneration", generation) >= generation]
    refusals = {
        f"{who} {c['type']} {c.get('reason')}": f"{who} refuses it ({c['type']} is {c.get('status')}, "
        f"{c.get('reason')}: {c.get('message') or 'no message'})"
        for who, c in current
        if c.get("status") != "True"
    }
    return Acceptance(bool(reported), len(current) == len(reported), refusals)


def settled(live: Callable[[], Object], read: Callable[[Object], Acceptance], before: Acceptance) -> Settled:
    """Wait until the controllers have spoken; what they refused before already is only told."""
    if not before.reports:
        return Settled("", "no controller reports whether it takes this route")
    deadline, problem = time.monotonic() + WITHIN, ""
    while True:
        try:
            said = read(live())
            problem = f"its controller has not looked at the change within {WITHIN:g} s"
            if said.current:
                new = [text for key, text in said.refusals.items() if key not in before.refusals]
                return Settled("; ".join(new), "; ".join(said.refusals.values()))
        except Unreachable:
            problem = "the API stopped answering before it was seen whether the controller takes it"
        if time.monotonic() > deadline:
            return Settled(problem)
        time.sleep(LOOK_EVERY)
