"""Scheduling onto the one node: what fits, and the words for what does not."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sandbox.kubernetes.quantity import amount

JsonObject = dict[str, Any]

SIZES = ("cpu", "memory", "ephemeral-storage")


def requests(spec: JsonObject) -> dict[str, Decimal]:
    """What a Pod asks of a node: its containers together, or the largest init container."""
    totals: dict[str, Decimal] = {}
    for container in [*spec["containers"], *_sidecars(spec)]:
        for name, size in _wanted(container).items():
            totals[name] = totals.get(name, Decimal(0)) + size
    for container in spec.get("initContainers", ()):
        for name, size in _wanted(container).items():
            totals[name] = max(totals.get(name, Decimal(0)), size)
    return totals


def _sidecars(spec: JsonObject) -> list[JsonObject]:
    return [one for one in spec.get("initContainers", ()) if one.get("restartPolicy") == "Always"]


def _wanted(container: JsonObject) -> dict[str, Decimal]:
    resources = container.get("resources", {})
    asked = resources.get("limits", {}) | resources.get("requests", {})
    return {name: amount(size) for name, size in asked.items()}


def refusal(pod: JsonObject, node: JsonObject, others: Iterable[JsonObject]) -> str | None:
    """Why a Pod cannot be bound to the node, as the scheduler says it; None when it can.

    `others`: the Pods that the node has and that have not ended.
    """
    allocatable = {name: amount(size) for name, size in node["status"]["allocatable"].items()}
    present = [requests(other["spec"]) for other in others]
    reasons, helpless = [], False
    if node["spec"].get("unschedulable"):
        reasons.append("1 node(s) were unschedulable")
        helpless = True
    labels = node["metadata"].get("labels", {})
    if not pod["spec"].get("nodeSelector", {}).items() <= labels.items():
        reasons.append("1 node(s) didn't match Pod's node affinity/selector")
        helpless = True
    if len(present) >= allocatable["pods"]:
        reasons.append("1 Too many pods")
    for name, wanted in sorted(requests(pod["spec"]).items()):
        used = sum((one.get(name, Decimal(0)) for one in present), Decimal(0))
        if wanted + used > allocatable.get(name, Decimal(0)):
            reasons.append(f"1 Insufficient {name}")
            helpless = helpless or wanted > allocatable.get(name, Decimal(0))
    if not reasons:
        return None
    why = "Preemption is not helpful for scheduling" if helpless else "No preemption victims found for incoming pod"
    return (
        f"0/1 nodes are available: {', '.join(reasons)}. no new claims to deallocate, "
        f"preemption: 0/1 nodes are available: 1 {why}."
    )
