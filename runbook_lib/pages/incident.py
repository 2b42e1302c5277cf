"""The post-incident page of a run that brought users back: a view of its records, never evidence itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.pages import page, story
from runbook_lib.pages.shape import mapping, mappings, text
from runbook_lib.pages.words import address, duration, instant, moment
from runbook_lib.record.archive import Attempt
from runbook_lib.record.incident import Incident, Step, incident_of

NAME = "incident.html"
WIDTH, ROW = 640.0, 26.0  # of the figure, in its own units
KINDS = ("detected", "decided", "acted", "drained", "restored", "failed")


@dataclass(frozen=True)
class Mark:
    """One moment in the figure: how far from the left, in which row, and how long after the first."""

    x: float
    y: float
    kind: str
    after: str


@dataclass(frozen=True)
class Sheet:
    """Everything the page says."""

    application: str
    run_id: str
    title: str
    message: str
    incident: Incident
    steps: tuple[tuple[Step, str], ...]
    effect: tuple[str, ...]
    times: tuple[tuple[str, str], ...]
    marks: tuple[Mark, ...]
    height: float
    changes: tuple[tuple[str, str, str], ...]
    following: tuple[str, ...]
    source: tuple[str, str] | None


def render(run: Path, known: Sequence[Attempt]) -> str | None:
    """The page of a run from its attempts; None when no users were brought back in it."""
    found = incident_of(known)
    if found is None:
        return None
    filed = [one for one in known if one.statement is not None]
    sheet = Sheet(
        run.parent.name,
        run.name,
        "users were brought back to the old side",
        text(filed[-1].facts.get("message")),
        found,
        tuple((step, _between(found.steps[0].at, step.at)) for step in found.steps),
        _effect(found),
        tuple(_times(found)),
        tuple(_marks(found.steps)),
        ROW * (len(KINDS) + 1),
        tuple(_changes(filed)),
        tuple(_following(filed[-1], found)),
        _source(found.source),
    )
    return page.rendered(NAME, sheet=sheet, kinds=KINDS, row=ROW, width=WIDTH)


def _effect(found: Incident) -> tuple[str, ...]:
    """Failed requests, seconds and share, in sentences; what nobody counted is said to be unknown."""
    effect = found.effect
    if effect is None:
        return ("Nobody counted requests while users were on the new side: how many failed is not on record.",)
    share = "" if effect.share is None else f", {effect.share:.2%} of all requests of all users"
    said = [
        f"{effect.failed:,.0f} of {effect.requests:,.0f} requests on the new side failed while it was watched"
        f"{f' ({effect.failed / effect.requests:.2%})' if effect.requests else ''}{share}.",
        f"On the old side {effect.old_failed:,.0f} of {effect.old_requests:,.0f} failed in the same time"
        f"{f' ({effect.old_failed / effect.old_requests:.2%})' if effect.old_requests else ''}.",
    ]
    if long := _between(effect.first, found.at("acted")):
        said.append(
            f"From the first failed request that was counted to the change that brought the users back: {long}."
        )
    return tuple(said)


def _times(found: Incident) -> list[tuple[str, str]]:
    """How long each part of the way took."""
    pairs = (
        ("detected to decided", found.at("detected"), found.at("decided")),
        ("decided to users sent back", found.at("decided"), found.at("acted")),
        ("sent back to seen in the requests", found.at("acted"), found.at("drained")),
        ("detected to all that was asked for restored", found.at("detected"), found.at("restored", last=True)),
    )
    return [(name, long) for name, first, last in pairs if (long := _between(first, last))]


def _marks(steps: Sequence[Step]) -> list[Mark]:
    moments = [(step, _moment(step.at)) for step in steps]
    known = [(step, at) for step, at in moments if at is not None and step.kind in KINDS]
    if not known:
        return []
    begin = min(at for _, at in known)
    whole = max((at - begin).total_seconds() for _, at in known) or 1.0
    return [
        Mark(
            round(110 + (WIDTH - 190) * (at - begin).total_seconds() / whole, 1),
            ROW * (KINDS.index(step.kind) + 0.8),
            step.kind,
            duration((at - begin).total_seconds()),
        )
        for step, at in known
    ]


def _changes(filed: Sequence[Attempt]) -> list[tuple[str, str, str]]:
    """When, what, and by whom: each change that was made."""
    found = []
    for attempt in filed:
        facts = story.facts_of(attempt)
        name = text(mapping(facts.get("who")).get("name")) or "not known"
        for one in mappings(facts.get("changes")):
            if one.get("done"):
                found.append((moment(one.get("at")), _change(one), name))
    return found


def _change(one: dict[str, Any]) -> str:
    """What was changed; of a share of the users from where to where."""
    what, before, after = text(one.get("what")), one.get("before"), one.get("after")
    return f"{what} {before} % → {after} %" if isinstance(before, int) and isinstance(after, int) else what


def _following(last: Attempt, found: Incident) -> list[str]:
    facts = story.facts_of(last)
    said = []
    if last.outcome not in ("passed", "rolled_back"):
        said.append(f"It ended as {last.outcome.replace('_', ' ')}: {text(facts.get('message'))}")
        said.append("Run the same `runbook rollback` again, or `runbook resume`: it goes on where it broke off.")
    if not found.at("drained"):
        said.append("See in the requests of both sides that nobody is on the new side: it was not confirmed.")
    if name := text(facts.get("next_notebook")):
        said.append(f"Find the cause: open {name}. Nothing is mended inside a stage.")
    said.append("Mend it, deploy it with 03_pilot_deploy, and begin with the first weight again.")
    return said


def _source(place: str) -> tuple[str, str] | None:
    run, _, attempt = place.partition("/")
    if not run or run in {".", ".."} or "/" in attempt:
        return None
    return place, f"../{address(run)}/index.html#{address(attempt)}"


def _between(first: str, last: str) -> str:
    begin, end = _moment(first), _moment(last)
    return duration((end - begin).total_seconds()) if begin is not None and end is not None else ""


def _moment(value: str) -> datetime | None:
    known = instant(value)
    return datetime.fromisoformat(known) if known else None
