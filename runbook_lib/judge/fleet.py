"""A fleet as a whole: what its applications are to each other, the waves they go in, what all of it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from runbook_lib.artefacts import Node
from runbook_lib.errors import BadParameters
from runbook_lib.judge.assessment import Assessment
from runbook_lib.judge.capacity import Nodes, NodeShape, Wanted, nodes_for
from runbook_lib.judge.fleet_gain import FleetGain, fleet_gains
from runbook_lib.judge.migration import LEVELS, STAYS, migration_verdict
from runbook_lib.judge.risk import judge_risk, named, with_fleet
from runbook_lib.judge.waves import Links, Plan, WaveRules, candidate, links, plan_waves
from runbook_lib.model import Finding, Outcome, Verdict


@dataclass(frozen=True)
class Fleet:
    """Applications in the order of the sources, the plan, and what was found that concerns no one of them alone."""

    applications: tuple[Assessment, ...]
    plan: Plan
    nodes: Nodes
    """What carries the Pods of all that have a size and do not stay outside."""
    gains: tuple[FleetGain, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def left_out(self) -> tuple[Finding, ...]:
        """What there is to say of what was read, of all applications."""
        return (*self.findings, *(finding for one in self.applications for finding in one.left_out))

    @property
    def unread(self) -> tuple[Finding, ...]:
        """What could not be read or placed, without remarks on what could be all the same."""
        return tuple(finding for finding in self.left_out if finding.outcome is not Outcome.PASS)

    def application(self, name: str | None) -> Assessment:
        """The one of that name, or the first that goes; BadParameters when there is none."""
        by = {one.name: one for one in self.applications}
        wanted = name or next((wave.members[0] for wave in self.plan.waves), next(iter(by), ""))
        if not by:
            raise BadParameters("assessment: no source names an application; check hosts, cmdb and profile")
        if wanted not in by:
            like = named(get_close_matches(wanted, by) or by)
            raise BadParameters(f"detail: {wanted!r} is no application of this fleet; there is {like}")
        return by[wanted]


def judge_fleet(
    applications: Iterable[Assessment],
    trees: Mapping[str, Node],
    rules: WaveRules,
    shape: NodeShape,
    findings: Iterable[Finding] = (),
) -> Fleet:
    """The plan of the fleet, and each application's risk with what only the others' profiles tell of it.

    ``trees`` are the merged profiles by application, ``shape`` is one node of the cluster. Raises BadParameters when an
    application is there twice.
    """
    known = links(trees)
    judged = tuple(_among_others(one, known) for one in applications)
    candidates = [candidate(one.name, trees[one.name], one.migration, known) for one in judged]
    moving = [one for one in judged if one.migration.mode != STAYS]
    plan, nodes = plan_waves(candidates, rules), nodes_for(_pods(moving), shape)
    return Fleet(judged, plan, nodes, _gained(moving, shape), tuple(findings))


def _pods(applications: Iterable[Assessment]) -> list[Wanted]:
    sized = [(one.name, one.sizing.sizes[0]) for one in applications if one.sizing.sizes]
    return [Wanted(name, size.cpu_request, size.memory_request, size.replicas) for name, size in sized]


def _gained(moving: Sequence[Assessment], shape: NodeShape) -> tuple[FleetGain, ...]:
    """Machines are held against the nodes for the Pods of the same applications, which are not all that have a size."""
    nodes = nodes_for(_pods(one for one in moving if one.measured), shape)
    measured = {one.name: one.measured for one in moving}
    return fleet_gains({one.name: one.gains for one in moving}, measured, (nodes, shape))


def fleet_verdict(fleet: Fleet) -> Verdict:
    """PASS when at least one application can be planned; those that cannot are left out by name, never passed."""
    plan, counted = fleet.plan, by_level(fleet.applications)
    planned = sum(len(wave.members) for wave in plan.waves)
    levels = ", ".join(f"{count} {level}" for level, count in counted.items() if count)
    numbers = {
        "applications": float(len(fleet.applications)),
        "planned": float(planned),
        "waves": float(len(plan.waves)),
    }
    if not planned:
        return Verdict(
            "fleet", Outcome.INCONCLUSIVE, f"no application can be planned: {levels or 'there is none'}", numbers
        )
    until = plan.waves[-1].ends
    waves = f"{len(plan.waves)} wave{'s' * (len(plan.waves) > 1)}"
    said = f"{planned} of {len(fleet.applications)} applications in {waves} until {until}; {levels}"
    return Verdict("fleet", Outcome.PASS, said, numbers)


def by_level(applications: Iterable[Assessment]) -> dict[str, int]:
    """How many applications have each level, the best first."""
    counted = Counter(one.migration.level for one in applications)
    return {level: counted[level] for level in LEVELS}


def effort(applications: Sequence[Assessment]) -> tuple[float, float]:
    """Working days of all of them, low and high."""
    days = [one.migration.effort for one in applications]
    return sum(low for low, _ in days), sum(high for _, high in days)


def _among_others(one: Assessment, known: Links) -> Assessment:
    """The assessment with the risk that the fleet shows."""
    around = with_fleet(one.around, known.dependents_of(one.name), known.sharing(one.name))
    migration = replace(one.migration, risk=judge_risk(one.migration.state, around))
    verdicts = (migration_verdict(migration), *one.verdicts[1:])
    return replace(one, migration=migration, verdicts=verdicts, around=around)
