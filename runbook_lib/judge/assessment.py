"""All that the assessment says of one application, from what was read of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runbook_lib.artefacts import Assessed, Evidence, Host, Node
from runbook_lib.judge.capacity import Sizing, size
from runbook_lib.judge.drift import Drift, compare_environments, compare_hosts
from runbook_lib.judge.gain import Gain, Measured, gains, measured_of
from runbook_lib.judge.grants import Grant, grants
from runbook_lib.judge.handover import handover
from runbook_lib.judge.inventory.merge import Conflict
from runbook_lib.judge.migration import Migration, decide, migration_verdict
from runbook_lib.judge.portability import Demand, demands, portability_findings
from runbook_lib.judge.profile import Known, agents, decided, figures, heap_is_open, java_needs, known, seconds
from runbook_lib.judge.risk import Around, around
from runbook_lib.model import Finding, Outcome, Verdict

if TYPE_CHECKING:
    import pandas as pd

OPEN_HEAP = (
    "nobody says how large its heap may be: without -Xmx a JVM takes a quarter of the limit, where it had a quarter of "
    "the machine; say it in the options before it moves"
)


@dataclass(frozen=True)
class Subject:
    """What was read of one application; ``usage`` has the columns of read_usage, None where nobody measured."""

    name: str
    stated: Node
    conflicts: tuple[Conflict, ...] = ()
    hosts: tuple[Host, ...] = ()
    environments: Mapping[str, tuple[Host, ...]] = field(default_factory=dict)
    usage: pd.DataFrame | None = None
    evidence: tuple[Evidence, ...] = ()
    files: int = 0
    """Source files that were read."""
    passed_over: Mapping[str, int] = field(default_factory=dict)
    """Why source files were not looked at (tests, vendored code), and how many."""
    left_out: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Assessment:
    """What came of it; the verdicts are those of the migration and of the size."""

    name: str
    verdicts: tuple[Verdict, ...]
    migration: Migration
    profile: tuple[Known, ...]
    conflicts: tuple[Conflict, ...]
    drifts: tuple[Drift, ...]
    between: tuple[Drift, ...]
    """Where its environments differ."""
    demands: tuple[Demand, ...]
    findings: tuple[Finding, ...]
    grants: tuple[Grant, ...]
    sizing: Sizing
    measured: Measured | None
    """What its machines have and use; None where not all of them were measured."""
    gains: tuple[Gain, ...]
    handed: Assessed
    around: Around
    files: int
    passed_over: Mapping[str, int]
    left_out: tuple[Finding, ...]
    """Files of its own that could not be read."""


def assess(subject: Subject) -> Assessment:
    """Everything that the sources allow to say of one application; what nobody measured has no number."""
    stated, hosts, drifts = subject.stated, subject.hosts, compare_hosts(subject.hosts)
    asked = demands(subject.evidence)
    sizing = _sizing(subject)
    homes, shared = decided(stated), stated.get("state", "sessions", "shared").is_true()
    beside = around(stated, drifts, sized=bool(sizing.sizes))
    kind, stateful = stated.get("kind").text(), stated.get("state", "class").text()
    measured = measured_of(hosts, sizing)
    migration = decide(asked, subject.files, kind, shared, homes, stateful, beside)
    return Assessment(
        name=subject.name,
        verdicts=(migration_verdict(migration), sizing.verdict),
        migration=migration,
        profile=known(stated, hosts, drifts, subject.conflicts),
        conflicts=subject.conflicts,
        drifts=drifts,
        between=compare_environments(subject.environments),
        demands=asked,
        findings=tuple(portability_findings(subject.evidence)),
        grants=grants(stated, subject.evidence),
        sizing=sizing,
        measured=measured,
        gains=gains(figures(stated), measured=measured, machines=[host.name for host in hosts]),
        handed=handover(stated, hosts, drifts, asked, sizing),
        around=beside,
        files=subject.files,
        passed_over=subject.passed_over,
        left_out=subject.left_out,
    )


def _sizing(subject: Subject) -> Sizing:
    if subject.usage is None:
        return Sizing(Verdict("size", Outcome.INCONCLUSIVE, "insufficient data: nobody measured what it uses"))
    stated, names = subject.stated, [host.name for host in subject.hosts]
    peak = seconds(stated.get("traffic", "requests_per_second", "peak"))
    sizing = size(subject.usage, java_needs(stated, subject.hosts), agents(stated), names, peak=peak)
    if not sizing.sizes or not heap_is_open(stated, subject.hosts):
        return sizing
    return replace(sizing, verdict=replace(sizing.verdict, message=f"{sizing.verdict.message}; {OPEN_HEAP}"))
