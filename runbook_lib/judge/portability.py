"""Turns source evidence into findings, and into the list of controls that the manifests have to hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from runbook_lib.artefacts import Evidence
from runbook_lib.model import Finding, Outcome

ORDER = ("blocking", "warning", "info")


@dataclass(frozen=True)
class Demand:
    """What the source asks of the manifests: a topic, the control, where it comes from, what was captured there."""

    topic: str
    severity: str
    control: str
    places: tuple[str, ...]
    captured: tuple[str, ...] = ()


def portability_findings(evidence: Iterable[Evidence]) -> list[Finding]:
    """A finding for each place, the gravest first; a suppressed one is listed as passed with its reason."""
    found = [_finding(item) for item in evidence]
    return sorted(found, key=lambda f: (f.outcome is Outcome.PASS, ORDER.index(f.severity), f.check, f.file, f.line))


def demands(evidence: Iterable[Evidence]) -> tuple[Demand, ...]:
    """One demand a topic, gravest first; what was suppressed with a reason demands nothing."""
    topics: dict[str, list[Evidence]] = {}
    for item in evidence:
        if not item.suppressed:
            topics.setdefault(item.rule.topic, []).append(item)
    made = [
        Demand(
            topic=topic,
            severity=_gravest(items).rule.severity,
            control=_gravest(items).rule.control,
            places=tuple(f"{item.file}:{item.line}" for item in items),
            captured=tuple(dict.fromkeys(item.captured for item in items if item.captured)),
        )
        for topic, items in topics.items()
    ]
    return tuple(sorted(made, key=lambda demand: (ORDER.index(demand.severity), demand.topic)))


def _gravest(items: list[Evidence]) -> Evidence:
    """The first of the gravest: what answers it answers the lesser ones, too."""
    return min(items, key=lambda item: ORDER.index(item.rule.severity))


def _finding(item: Evidence) -> Finding:
    rule = item.rule
    message = f"{rule.title}: {item.text}"
    if item.suppressed:
        message += f" (suppressed: {item.suppressed})"
    return Finding(
        check=rule.id,
        title=rule.title,
        outcome=Outcome.PASS if item.suppressed else Outcome.FAIL,
        severity=cast(Literal["blocking", "warning", "info"], rule.severity),
        object=rule.topic,
        message=message,
        reason=f"{rule.reason} In code: {rule.change}",
        file=item.file,
        line=item.line,
        mend=rule.control,
    )
