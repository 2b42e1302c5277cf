"""From what one Pod carries to an autoscaler: its threshold and its numbers of replicas, as a proposal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from runbook_lib.judge.capacity import HPA_TARGET
from runbook_lib.judge.knee import Cost, Knee
from runbook_lib.model import Outcome, Verdict

FEWEST = 2


@dataclass(frozen=True)
class Demand:
    """Requests a second of the old side: at its busiest, in the middle, and over how long that was seen."""

    peak: float
    usual: float
    seen: str


@dataclass(frozen=True)
class Standing:
    """What is there now: replicas of the Deployment, the autoscaler's name and bounds, cores that a Pod requests."""

    replicas: int
    cores: float | None
    autoscaler: str | None = None
    least: int | None = None
    most: int | None = None
    threshold: int | None = None

    @property
    def reach(self) -> int:
        """As many Pods as there can be."""
        return self.most or self.replicas


@dataclass(frozen=True)
class Proposal:
    """``target``: requests a second at which a Pod is held; ``threshold`` in percent of its CPU request."""

    target: float
    threshold: int | None
    least: int
    most: int
    why: str


def propose(found: Knee, cost: Cost | None, demand: Demand, now: Standing, head_room: float) -> Proposal | None:
    """A Pod is held at 70 % of what it is sure to carry; None where that is not known.

    A threshold follows only from a Pod that gave way: of one that could carry more it would be too low.
    The least replicas carry a usual hour with one of them lost, the most carry the peak with head room.
    """
    if found.low is None or demand.peak <= 0:
        return None
    target = HPA_TARGET * found.low
    least = max(FEWEST, math.ceil(demand.usual / target) + 1)
    most = max(least + 1, math.ceil(head_room * demand.peak / target))
    part = None if cost is None or not now.cores else (cost.idle + cost.request * target) / now.cores
    threshold = None if part is None or found.high is None else max(1, math.floor(100 * part))
    why = [f"{target:.0f} requests/s a Pod ({HPA_TARGET:.0%} of {found.low:g})"]
    if cost is None or part is None:
        why.append("its CPU is not known: the threshold stays as it is")
    else:
        error = 1000 * 1.96 * cost.error
        why.append(f"{1000 * cost.request:.2f} ± {error:.2f} ms of CPU a request, {part:.0%} of its request then")
    if found.high is None:
        why.append("it never gave way: for a threshold raise load_test.most")
    why.append(f"old side {demand.usual:.0f} requests/s usually, {demand.peak:.0f} at its peak ({demand.seen})")
    return Proposal(target, threshold, least, most, "; ".join(why))


def judge_reach(found: Knee, demand: Demand | None, now: Standing) -> Verdict:
    """Can as many Pods as there may be carry the old side's peak?"""
    name = "capacity for the peak"
    if demand is None or demand.peak <= 0:
        return Verdict(name, Outcome.INCONCLUSIVE, "Prometheus knows no peak of the old side")
    if found.low is None and found.high is None:
        return Verdict(name, Outcome.INCONCLUSIVE, "it is not known what one Pod carries")
    sure, most = now.reach * (found.low or 0.0), now.reach * found.high if found.high else math.inf
    said = f"{now.reach} Pods at {found}: {sure:.0f} requests/s for sure, peak of the old side {demand.peak:.0f}"
    numbers = {"sure": sure, "peak": demand.peak, "pods": float(now.reach)}
    if sure >= demand.peak:
        return Verdict(name, Outcome.PASS, said, numbers)
    return Verdict(name, Outcome.FAIL if most < demand.peak else Outcome.INCONCLUSIVE, said, numbers)


def patch(proposal: Proposal, now: Standing, deployment: str, namespace: str) -> dict[str, Any]:
    """The autoscaler as it would be applied; without a threshold only its bounds."""
    spec: dict[str, Any] = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
        "minReplicas": proposal.least,
        "maxReplicas": proposal.most,
    }
    if proposal.threshold is not None:
        target = {"type": "Utilization", "averageUtilization": proposal.threshold}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    metadata = {"name": now.autoscaler or deployment, "namespace": namespace}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
