"""What the archive knows of a passage: since when all users are on the new side, and which drills were done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

RETIRE = "retire "
"""How the change begins that ends a machine; its name follows."""
FAILED = frozenset({"failed", "rolled_back", "crashed", "interrupted"})


class Attempt(Protocol):
    """One filed attempt, as the archive gives them: oldest first."""

    @property
    def step(self) -> tuple[str, int | None, str | None]: ...
    @property
    def outcome(self) -> str: ...
    @property
    def facts(self) -> dict[str, Any]: ...
    @property
    def run_id(self) -> str: ...
    @property
    def folder(self) -> Path: ...


@dataclass(frozen=True)
class Drill:
    """A way back that was walked on purpose: the rollback of the pilot, or a drill of 06_rollback."""

    run: str
    kind: str
    at: datetime


def this_passage(attempts: Iterable[Attempt]) -> list[Attempt]:
    """The attempts since the passage was last begun anew; those before stay on file and say nothing of this one."""
    found: list[Attempt] = []
    for attempt in attempts:
        if attempt.facts.get("anew"):
            found = []
        found.append(attempt)
    return found


def full_since(attempts: Iterable[Attempt]) -> datetime | None:
    """When the last users left the old side; None when the stage at 100 % never passed or they went back since."""
    since: datetime | None = None
    passed = False
    for attempt in attempts:
        phase, weight, mode = attempt.step
        if attempt.facts.get("dry_run"):
            continue
        if phase == "gray_stage" and weight == 100:
            passed = passed or attempt.outcome == "passed"
            since = since or _moved(attempt) or (_ended(attempt) if passed else None)
        # a rollback brought them back, and a pilot deploy passes only with no user on the new side
        at_nought = phase == "pilot_deploy" or (phase == "rollback" and mode != "drill")
        went_back = attempt.outcome == "rolled_back" or (at_nought and attempt.outcome == "passed")
        if went_back or (phase == "gray_stage" and weight != 100):
            since, passed = None, False
    return since if passed else None


def first_moved(attempts: Iterable[Attempt]) -> datetime | None:
    """When the first users left the old side; until then its figures are those of before the move."""
    times = [
        datetime.fromisoformat(change["at"])
        for attempt in attempts
        if attempt.step[0] == "gray_stage" and not attempt.facts.get("dry_run")
        for change in attempt.facts.get("changes") or []
        if change.get("what") == "traffic weight" and change.get("done") and change.get("after")
    ]
    return min(times, default=None)


def _moved(attempt: Attempt) -> datetime | None:
    """When this attempt sent all users to the new side."""
    changes = attempt.facts.get("changes") or []
    times = [c["at"] for c in changes if c.get("what") == "traffic weight" and c.get("after") == 100 and c.get("done")]
    return datetime.fromisoformat(times[0]) if times else None


def drills(attempts: Iterable[Attempt]) -> list[Drill]:
    """Every drill on record that passed, oldest first."""
    found = []
    for attempt in attempts:
        phase, _, mode = attempt.step
        if attempt.outcome != "passed" or attempt.facts.get("dry_run"):
            continue
        if phase == "pilot_deploy":
            found.append(Drill(attempt.run_id, "rollback of the release", _ended(attempt)))
        if phase == "rollback" and mode == "drill":
            found.append(Drill(attempt.run_id, "traffic back to the old side", _ended(attempt)))
    return found


def failed_drills(attempts: Iterable[Attempt]) -> list[Drill]:
    """Every drill that was begun in earnest and did not pass, oldest first."""
    return [
        Drill(attempt.run_id, "traffic back to the old side", _ended(attempt))
        for attempt in attempts
        if attempt.step[0] == "rollback"
        and attempt.step[2] == "drill"
        and attempt.outcome in FAILED
        and not attempt.facts.get("dry_run")
    ]


def retired(attempts: Iterable[Attempt]) -> dict[str, datetime]:
    """The machines that attempts of this passage ended and saw silent, with when each went."""
    return ended(change for attempt in attempts for change in attempt.facts.get("changes") or [])


def ended(changes: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    """The machines that changes on record ended, with when each went."""
    return {
        str(change["what"]).removeprefix(RETIRE): datetime.fromisoformat(change["at"])
        for change in changes
        if str(change.get("what")).startswith(RETIRE) and change.get("done")
    }


def evidence(attempts: Iterable[Attempt], phase: str, name: str) -> Any:
    """A piece of evidence of the newest attempt at a phase that passed and has it; None when there is none."""
    for attempt in reversed(list(attempts)):
        path = attempt.folder / "evidence" / f"{name}.json"
        if attempt.step[0] == phase and attempt.outcome == "passed" and path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))
    return None


def _ended(attempt: Attempt) -> datetime:
    return datetime.fromisoformat(str(attempt.facts["ended"]))
