"""What happened when users were brought back, from the records alone: moments, cause, effect on users, what is left.

A run that brought users back tells this by itself. A rollback that somebody asked for names, as evidence, the record of
what was going on before it (`note_source`), so that its page needs no other run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from runbook_lib.model import BY_HAND, Event, plain
from runbook_lib.record import archive, journal
from runbook_lib.record.archive import Attempt
from runbook_lib.record.attempt import Run

SOURCE = "what was going on"
SOURCE_FILE = "evidence/what-was-going-on.json"
PLAN_FILE = "evidence/rollback-plan.json"
OBSERVATIONS = "observations.jsonl"


@dataclass(frozen=True)
class Step:
    """One moment of the way back; ``kind``: detected, decided, acted, drained, restored, or failed."""

    at: str
    kind: str
    said: str
    by: str = ""


@dataclass(frozen=True)
class Effect:
    """What users got while it was watched: requests of each side and how many of them failed; None: nobody counted.

    ``first`` is the end of the first interval in which requests of the new side failed.
    """

    requests: float
    failed: float
    old_requests: float
    old_failed: float
    first: str = ""

    @property
    def share(self) -> float | None:
        """Failed requests of the new side among all requests of both sides."""
        whole = self.requests + self.old_requests
        return self.failed / whole if whole else None


@dataclass(frozen=True)
class Incident:
    """A rollback as its records tell it; ``source`` is the place of the record that detected it, if another."""

    cause: str
    by: str
    steps: tuple[Step, ...]
    effect: Effect | None
    left: tuple[str, ...]
    source: str = ""

    def at(self, kind: str, last: bool = False) -> str:
        """When the first, or the last, moment of a kind was; empty when there was none."""
        found = [step.at for step in self.steps if step.kind == kind]
        return found[-1 if last else 0] if found else ""


def is_incident(attempt: Attempt) -> bool:
    """True when users were brought back in earnest, by its record."""
    if attempt.statement is None or attempt.facts.get("dry_run"):
        return False
    phase, _, mode = attempt.step
    return attempt.outcome == "rolled_back" or (phase == "rollback" and mode in ("rollback", "previous"))


def incident_of(attempts: Sequence[Attempt]) -> Incident | None:
    """The story of a run that brought users back, from its attempts; None when it did not."""
    known = [one for one in attempts if one.statement is not None]
    if not any(is_incident(one) for one in known):
        return None
    return told([one.folder for one in known])


def told(folders: Sequence[Path]) -> Incident:
    """The same from the folders of the attempts, one of which may still be open."""
    steps = [step for folder in folders for step in _steps(journal.read(folder))]
    causes = [step.said for step in steps if step.kind == "detected"]
    before = _read(folders[-1] / SOURCE_FILE) or next(filter(None, (_read(one / SOURCE_FILE) for one in folders)), {})
    listed = before.get("steps")
    earlier = tuple(_step(one) for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
    effect = _effect(folders) or _effect_of(before.get("effect"))
    cause = next(iter(causes), "")
    if cause.startswith(BY_HAND) and before.get("cause"):
        cause = f"{before['cause']} ({cause})"
    return Incident(
        cause or "not on record",
        next((step.by for step in steps if step.by), ""),
        tuple(sorted((*earlier, *steps), key=lambda step: step.at)),
        effect,
        _left(folders),
        str(before.get("place", "")),
    )


def note_source(run: Run) -> None:
    """Keep as evidence what was going on when this rollback was asked for: the stage or guard before it."""
    here = run.attempt
    known = archive.attempts(here.parent.parent.parent, here.parent.parent.name)
    before = [one for one in known if one.folder.parent != here.parent and _could_be(one)]
    if not before:
        return
    last = before[-1]
    story = told([one.folder for one in known if one.run_id == last.run_id])
    place = f"{last.run_id}/{last.folder.name}"
    facts = {"place": place, "cause": _cause(last, story), "steps": [asdict(step) for step in story.steps]}
    run.evidence(SOURCE, facts | {"effect": asdict(story.effect) if story.effect else None})


def _could_be(attempt: Attempt) -> bool:
    phase, _, mode = attempt.step
    if attempt.problem or attempt.facts.get("dry_run"):
        return False
    return phase == "gray_stage" or (phase == "rollback" and mode in ("rollback", "previous"))


def _cause(attempt: Attempt, story: Incident) -> str:
    """Why users were in danger: what was detected, or what was judged as failed; empty when nothing was."""
    if story.at("detected"):
        return story.cause
    verdicts = attempt.facts.get("verdicts") or []
    failed = [str(one.get("message")) for one in verdicts if isinstance(one, dict) and one.get("outcome") == "FAIL"]
    return "; ".join(failed)


def _steps(events: Iterable[Event]) -> Iterable[Step]:
    """The moments of one attempt from where a reason was found; what was done before that is another story."""
    by, found = "", False
    for event in events:
        at, data = str(plain(event.at)), event.data
        if event.kind == "started":
            by = _who(data)
        elif event.kind == "detected":
            found = True
            yield Step(at, "detected", str(data.get("cause", "")), by)
        elif found and (step := _step_of(event.kind, data, at)) is not None:
            yield replace(step, by=by)


def _step_of(kind: str, data: dict[str, Any], at: str) -> Step | None:
    what = str(data.get("what", ""))
    if kind == "intent" and data.get("after") is not None:
        return Step(at, "decided", f"to bring the users back: {what}")
    if kind == "decided":
        return Step(at, "decided", f"level {data.get('level')}: {data.get('why')}")
    if kind == "result" and "error" in data:
        return Step(at, "failed", f"{what}: {data.get('message')}")
    if kind == "result" and isinstance(change := data.get("change"), dict):
        done = "" if change.get("done") else ": nothing was left to do"
        return Step(at, "acted", "; ".join(filter(None, (f"{what}{done}", str(change.get("note") or "")))))
    if kind == "verified":
        seen = data.get("outcome") == "PASS"
        return Step(at, "drained" if seen else "failed", str(data.get("message", "")))
    return Step(at, "restored", f"{data.get('level')}: {data.get('message')}") if kind == "restored" else None


def _who(data: dict[str, Any]) -> str:
    who = data.get("who")
    name = str(who.get("name") or "") if isinstance(who, dict) else ""
    return " of ".join(filter(None, (str(data.get("by") or ""), name)))


def _effect(folders: Sequence[Path]) -> Effect | None:
    """The counts of all observations of a run; a line that cannot be read is left out."""
    lines = [line for folder in folders for line in _lines(folder / OBSERVATIONS)]
    counted = [(str(line.get("at", "")), line["errors"]) for line in lines if isinstance(line.get("errors"), dict)]
    if not counted:
        return None
    names = ("kubernetes_requests", "kubernetes_bad", "legacy_requests", "legacy_bad")
    requests, failed, old, old_failed = (sum(_number(one.get(name)) for _, one in counted) for name in names)
    first = next((at for at, one in counted if _number(one.get("kubernetes_bad")) > 0), "")
    return Effect(requests, failed, old, old_failed, first)


def _effect_of(value: Any) -> Effect | None:
    if not isinstance(value, dict):
        return None
    names = ("requests", "failed", "old_requests", "old_failed")
    requests, failed, old, old_failed = (_number(value.get(name)) for name in names)
    return Effect(requests, failed, old, old_failed, str(value.get("first", "")))


def _left(folders: Sequence[Path]) -> tuple[str, ...]:
    """What the last plan said would not be as it was; without one only the users were moved."""
    for folder in reversed(folders):
        found = _read(folder / PLAN_FILE).get("left")
        if isinstance(found, list):
            return tuple(str(one) for one in found)
    return (
        "the Pods still run the version that was there, without users",
        "ConfigMaps and Secrets stay as they are",
        "data that were written meanwhile stay: nothing to do where both sides share them",
    )


def _step(value: dict[str, Any]) -> Step:
    return Step(*(str(value.get(name, "")) for name in ("at", "kind", "said", "by")))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    found = []
    try:
        texts = path.read_bytes().split(b"\n")
    except OSError:
        return []
    for text in texts:
        try:
            one = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(one, dict):
            found.append(one)
    return found
