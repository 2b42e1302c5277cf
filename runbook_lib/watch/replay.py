"""Judge the stored observations of an attempt anew: the verdicts must be those that were recorded."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runbook_lib.errors import BadParameters
from runbook_lib.judge.stage import StageLimits, judge_stage
from runbook_lib.model import Verdict
from runbook_lib.record import journal
from runbook_lib.record.archive import Attempt
from runbook_lib.watch.history import Sources, read_history
from runbook_lib.watch.log import EARLIER, NAME, read_observations

EVIDENCE = "limits"
"""Name of the evidence that says what a stage was judged by: its limits, and the attempts that it went on from."""


@dataclass(frozen=True)
class Replayed:
    """What became of one attempt: how many observations and verdicts, what is not as recorded, why nothing is."""

    attempt: str
    observations: int = 0
    verdicts: tuple[Verdict, ...] = ()
    differences: tuple[str, ...] = ()
    untold: str = ""
    """Why there is nothing to compare; empty when there is."""


@dataclass(frozen=True)
class _JudgedBy:
    limits: StageLimits
    sources: Sources


def replay(attempt: Attempt) -> Replayed:
    """The verdicts of an attempt's observations beside those in its journal; BadParameters when a file is spoilt."""
    name = f"{attempt.run_id}/{attempt.folder.name}"
    if not (attempt.folder / NAME).is_file():
        return Replayed(name, untold="it has no observations")
    own, _ = read_observations(attempt.folder)
    events = journal.read(attempt.folder)
    recorded: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.kind == "verdict":
            recorded.setdefault(str(event.data.get("name")), event.data)  # a rollback notes another one of that name
    kept = [str(e.data["path"]) for e in events if e.kind == "evidence" and e.data.get("name") == EVIDENCE]
    if not kept or not recorded:
        return Replayed(name, len(own), untold="it was broken off before it was judged")
    judged = _judged_by(attempt, kept[-1])
    before = read_history(attempt.folder.parent.parent, judged.sources)
    lower, _ = read_observations(attempt.folder, EARLIER)
    verdicts = judge_stage([*before.observations, *own], judged.limits, [*before.earlier, *lower])
    return Replayed(name, len(before.observations) + len(own), verdicts, tuple(_differences(verdicts, recorded)))


def _judged_by(attempt: Attempt, path: str) -> _JudgedBy:
    place = attempt.folder / path
    try:
        return TypeAdapter(_JudgedBy).validate_python(json.loads(place.read_bytes()))
    except (OSError, ValueError, ValidationError) as error:
        raise BadParameters(
            f"{place} does not say what the stage was judged by: {str(error).splitlines()[0]}"
        ) from None


def _differences(found: tuple[Verdict, ...], recorded: dict[str, dict[str, Any]]) -> list[str]:
    names = {verdict.name for verdict in found}
    said = [f"{name}: recorded, and not found anew" for name in recorded if name not in names]
    for verdict in found:
        noted = recorded.get(verdict.name)
        if noted is None:
            said.append(f"{verdict.name}: {verdict.outcome.name} found anew, and not recorded")
        elif wrong := _wrong(verdict, noted):
            said.append(f"{verdict.name}: {wrong}")
    return said


def _wrong(verdict: Verdict, noted: dict[str, Any]) -> str:
    """What is not the same; the wording may change from version to version, outcome and numbers may not."""
    if (verdict.outcome.name, verdict.trigger) != (noted.get("outcome"), bool(noted.get("trigger"))):
        return f"recorded as {noted.get('outcome')}, found anew as {verdict.outcome.name} ({verdict.message})"
    numbers = noted.get("numbers") or {}
    for key in sorted({*verdict.numbers, *numbers}):
        if not _same(verdict.numbers.get(key), numbers.get(key)):
            return f"{key} is recorded as {numbers.get(key)}, found anew as {verdict.numbers.get(key)}"
    return ""


def _same(found: float | None, noted: Any) -> bool:
    if found is not None and not math.isfinite(found):
        found = None  # JSON has no such number
    if isinstance(noted, float) and not math.isfinite(noted):
        noted = None
    if not isinstance(found, int | float) or not isinstance(noted, int | float):
        return found is noted
    return math.isclose(found, noted, rel_tol=1e-9, abs_tol=1e-12)
