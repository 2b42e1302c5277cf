"""A fleet as a whole: what its applications are to each other, the waves they go in, what all of it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.artefacts import Node
from runbook_lib.errors import BadParameters
from runbook_lib.judge.assessment import Assessment
from runbook_lib.judge.capacity import Nodes, NodeShape, Wanted, nodes_for
from runbook_lib.judge.fleet_gain import FleetGain, fleet_gains
from runbook_lib.judge.migration import LEVELS, migration_verdict
from runbook_lib.judge.risk import judge_risk, with_fleet
from runbook_lib.judge.waves import Links, Plan, WaveRules, candidate, links, plan_waves
from runbook_lib.model import Finding, Outcome, Verdict


@dataclass(frozen=True)
class Fleet:
    """Applications in the order of the sources, the plan, and what was found that concerns no one of them alone."""

    applications: tuple[Assessment, ...]
    plan: Plan
    nodes: Nodes
    """What carries the Pods of all that have a size."""
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
        first = next((wave.members[0] for wave in self.plan.waves), self.applications[0].name)
        found = next((one for one in self.applications if one.name == (name or first)), None)
        if found is None:
            raise BadParameters(f"detail: {name!r} is no application of this fleet; take a name of fleet.csv")
        return found


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
    sized = [(one.name, one.sizing.sizes[0]) for one in judged if one.sizing.sizes]
    nodes = nodes_for([Wanted(name, s.cpu_request, s.memory_request, s.replicas) for name, s in sized], shape)
    measured = {one.name: one.measured for one in judged}
    gained = fleet_gains({one.name: one.gains for one in judged}, measured, (nodes, shape))
    return Fleet(judged, plan_waves(candidates, rules), nodes, gained, tuple(findings))


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
    said = f"{planned} of {len(fleet.applications)} applications in {len(plan.waves)} waves until {until}; {levels}"
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
