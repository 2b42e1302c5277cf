"""How large a Pod has to be, from what the virtual machines used; refuses when too little was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runbook_lib.judge.capacity.jvm import HEAP_SHARE, Jvm
from runbook_lib.judge.capacity.points import Points, points_of
from runbook_lib.judge.capacity.profiles import Load, Size, sizes_of
from runbook_lib.judge.capacity.use import UNTRUE, Use, lacking, use_of
from runbook_lib.model import Outcome, Verdict

if TYPE_CHECKING:
    import pandas as pd

STEP_WANTED = 5.0
PARTIAL_BORNE = 0.2
"""Beyond so much of the time in which some machine was not measured, their sum is doubted."""


@dataclass(frozen=True)
class Sizing:
    """Use and sizes, the default first; both empty when the verdict is INCONCLUSIVE."""

    verdict: Verdict
    use: Use | None = None
    sizes: tuple[Size, ...] = ()


def size(
    usage: pd.DataFrame,
    jvm: Jvm | None = None,
    agents: tuple[float, float] = (0.0, 0.0),
    hosts: Iterable[str] = (),
    carried: float | None = None,
    peak: float | None = None,
) -> Sizing:
    """Sizes from samples of use, a 5-min rate each: columns at, instance, cpu_cores, memory_mib, starting.

    ``agents`` are cores and MiB of host agents to subtract; ``hosts`` those that must be among the instances. With
    ``carried``, the requests a second that one Pod was measured to carry, the replicas follow from that and from
    ``peak``, or the peak in a column ``requests``. Rules: CPU request P95 of the busiest instance, no limit; memory
    peak x 1.15, for Java at least heap and everything beside it.
    """
    points = points_of(usage, agents)
    missing = lacking(points, hosts)
    if missing:
        return Sizing(Verdict("size", Outcome.INCONCLUSIVE, f"insufficient data: {missing}"))
    use, cpu = use_of(points)
    sizes = sizes_of(use, cpu, jvm, _load(carried, peak or use.requests_peak))
    first = sizes[0]
    message = (
        f"CPU request {first.cpu_request * 1000:.0f}m (P95 of {use.busiest}, {use.points} points over "
        f"{use.days:.1f} days), memory {first.memory_request} MiB ({first.memory_by}), {first.replicas} replicas "
        f"({first.replicas_by})"
    )
    numbers = {"cpu_request": first.cpu_request, "memory_mib": float(first.memory_request), "points": float(use.points)}
    said = "; ".join((message, *_notes(points, use, first, jvm)))
    return Sizing(Verdict("size", Outcome.PASS, said, numbers), use, sizes)


def _load(carried: float | None, peak: float | None) -> Load | None:
    if carried is None or peak is None or not (0 < carried < math.inf and 0 < peak < math.inf):
        return None
    return Load(peak, carried)


def _notes(points: Points, use: Use, first: Size, jvm: Jvm | None) -> list[str]:
    """What changed the numbers, or may make them wrong: nothing of that is silent."""
    notes = []
    if use.step_minutes > STEP_WANTED:
        notes.append(
            f"the points are {use.step_minutes:.0f} min apart, shorter peaks do not show: load-test before the HPA"
        )
    if use.partial > PARTIAL_BORNE:
        notes.append(
            f"in {use.partial:.0%} of the time not all machines were measured: together they may have used more, and "
            "need more replicas"
        )
    if points.untrue:
        notes.append(f"{points.untrue} points left out: {UNTRUE}")
    if points.twice:
        notes.append(f"{points.twice} points were there twice: the greater counts")
    if points.below_agents:
        notes.append(f"at {points.below_agents} points the host agents are said to take more than was used")
    if points.restless:
        notes.append(f"memory of {', '.join(points.restless)} falls too often to tell restarts: all of its CPU counts")
    if jvm and jvm.heap > HEAP_SHARE * first.memory_limit:
        asked = math.ceil(jvm.heap / HEAP_SHARE / 16) * 16
        share = jvm.heap / first.memory_limit
        notes.append(
            f"the heap is {share:.0%} of the limit, {HEAP_SHARE:.0%} at most are asked for: {asked} MiB, or less heap"
        )
    return notes


def startup_budget(start_seconds: float | None, margin: float = 2.0) -> int | None:
    """Seconds a Pod should be given to start: twice the longest start, in steps of five; None if unmeasured."""
    return None if start_seconds is None else max(10, math.ceil(start_seconds * margin / 5) * 5)
