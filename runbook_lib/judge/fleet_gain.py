"""What the move of a fleet brings: the sum of its applications', what was assumed apart from what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.judge.capacity import Nodes, NodeShape
from runbook_lib.judge.gain import CORES, Gain, Measured, Range


@dataclass(frozen=True)
class Part:
    """A sum over so many applications; None where there is none."""

    value: Range | None
    applications: int

    def text(self, unit: str) -> str:
        return "" if self.value is None else f"{self.value.text(unit)} ({self.applications} applications)"


@dataclass(frozen=True)
class FleetGain:
    """One benefit of all: ``known`` rests on what was stated or measured alone, ``assumed`` is beside it, never in it.

    ``left_out`` are applications of which nothing can be added, and why.
    """

    name: str
    formula: str
    unit: str
    known: Part
    assumed: Part
    left_out: str = ""


NOTHING = Part(None, 0)


def fleet_gains(
    by: Mapping[str, Sequence[Gain]],
    measured: Mapping[str, Measured | None] | None = None,
    cluster: tuple[Nodes, NodeShape] | None = None,
) -> tuple[FleetGain, ...]:
    """The gains of all applications; ``cluster`` are the nodes that carry the Pods of the ``measured`` ones.

    One of which a Pod fits on no node frees no machine, and is left out there. Ratios are of sums and never sums of
    ratios; a machine that two applications share is counted once.
    """
    names = dict.fromkeys(gain.name for gains in by.values() for gain in gains if gain.value and gain.unit != CORES)
    summed = [_summed(name, by) for name in names]
    too_large = cluster[0].too_large if cluster else ()
    some = [one for name, one in (measured or {}).items() if name not in too_large]
    sure = [one for one in some if one is not None and one.cores > 0]
    if not sure:
        return tuple(summed)
    missing = len(by) - len(sure)
    also = ", or with a Pod that fits on no node" if too_large else ""
    left_out = f"{missing} applications without a size or without facts of a host{also}" if missing > 0 else ""
    return (*summed, *_ratios(sure, cluster, left_out))


def _summed(name: str, by: Mapping[str, Sequence[Gain]]) -> FleetGain:
    every = [gain for gains in by.values() for gain in gains if gain.name == name and gain.value is not None]
    added = [gain for gain in every if not gain.overlaps]
    overlapping = len(every) - len(added)
    why = f"{overlapping} applications whose figures count machines of others" if overlapping else ""
    missing = len(by) - len(every)
    also = f"{missing} applications of which nothing is known" if missing else ""
    known, assumed = ([g for g in added if bool(g.assumed) is flag] for flag in (False, True))
    owners = Counter(machine for gain in added for machine in gain.machines)
    first = (added or every)[0]
    left_out = "; ".join(text for text in (why, also) if text)
    return FleetGain(name, f"sum of: {first.formula}", first.unit, _sum(known, owners), _sum(assumed, owners), left_out)


def _sum(gains: Sequence[Gain], owners: Mapping[str, int]) -> Part:
    """Of a machine that several applications share each has its part."""
    total = Range(0.0, 0.0)
    for gain in gains:
        own = sum(1 / owners[machine] for machine in gain.machines) / len(gain.machines) if gain.machines else 1.0
        total += (gain.value or Range(0.0, 0.0)) * Range(own, own)
    return Part(total, len(gains)) if gains else NOTHING


def _ratios(sure: Sequence[Measured], cluster: tuple[Nodes, NodeShape] | None, left_out: str) -> Iterable[FleetGain]:
    """Processors, utilisation and density: all measured, so that nothing of them is assumed."""
    machines = {machine.name: machine.cores for one in sure for machine in one.machines}
    before, used = sum(machines.values()), sum(one.used for one in sure)
    requested = sum((one.requested for one in sure[1:]), sure[0].requested)
    count = len(sure)
    after, what = requested, "cores requested (mean to peak)"
    if cluster is not None:
        nodes, node = cluster
        after, what = Range(*2 * (nodes.nodes * node.cores,)), f"cores of {nodes.nodes} nodes"

    def told(name: str, formula: str, unit: str, low: float, high: float) -> FleetGain:
        return FleetGain(name, formula, unit, Part(Range(low, high), count), NOTHING, left_out)

    yield told("processors freed", f"cores of the VMs - {what}", CORES, before - after.high, before - after.low)
    yield told("use of the processors today", "mean cores used / cores of the VMs", "%", *2 * (100 * used / before,))
    if after.low <= 0:
        return
    yield told(
        "use of the processors then", f"mean cores used / {what}", "%", 100 * used / after.high, 100 * used / after.low
    )
    pods = Range(sum(one.replicas_usual for one in sure), sum(one.replicas for one in sure))
    per_vm = len(machines) / before
    formula = f"(Pods / {what}) / (VMs / cores of the VMs)"
    dense = sorted((pods.low / after.low / per_vm, pods.high / after.high / per_vm))
    yield told("density", formula, "x as many instances on the same processors", *dense)
