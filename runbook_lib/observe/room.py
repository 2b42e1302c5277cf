"""What a release asks of the nodes while it is rolled out, and what the nodes have left."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from kubernetes.utils import parse_quantity

from runbook_lib.errors import CriterionFailed
from runbook_lib.observe.bundle import Manifest
from runbook_lib.observe.cluster import PATIENCE, Cluster, Object, plain_object, speaking


@dataclass(frozen=True)
class Room:
    """Processor cores and bytes of memory."""

    cores: float
    memory: float

    def __add__(self, other: Room) -> Room:
        return Room(self.cores + other.cores, self.memory + other.memory)

    def times(self, factor: int) -> Room:
        """So much for each of several Pods."""
        return Room(self.cores * factor, self.memory * factor)


NOTHING = Room(0, 0)


def asked_for(manifests: Iterable[Manifest]) -> Room:
    """The requests of every Pod that may run at once: the replicas and what maxSurge adds, rounded up."""
    found = NOTHING
    for item in (manifest.object for manifest in manifests):
        if item["kind"] in ("Deployment", "StatefulSet"):
            replicas = item["spec"].get("replicas", 1)
            pods = replicas + (_surge(item, replicas) if item["kind"] == "Deployment" else 0)
            found += requests_of(item["spec"]["template"]["spec"]).times(pods)
    return found


def _surge(item: Object, replicas: int) -> int:
    strategy = item["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    surge = (strategy.get("rollingUpdate") or {}).get("maxSurge", "25%")
    return math.ceil(replicas * float(surge[:-1]) / 100) if isinstance(surge, str) else int(surge)


def requests_of(spec: Object) -> Room:
    """What the containers of a Pod ask for together; none asked is none."""
    found = NOTHING
    for container in spec.get("containers") or []:
        found += _room((container.get("resources") or {}).get("requests") or {})
    return found


def free(cluster: Cluster) -> Room | None:
    """What the ready nodes have left for requests; None when nodes or Pods may not be listed."""
    try:
        nodes = [node for node in _everywhere(cluster, "Node") if _takes_pods(node)]
        pods = [pod for pod in _everywhere(cluster, "Pod") if (pod.get("status") or {}).get("phase") in _HOLDING]
    except CriterionFailed:
        return None
    if not nodes:
        return None
    whole, taken = NOTHING, NOTHING
    for node in nodes:
        whole += _room(node["status"].get("allocatable") or {})
    names = {node["metadata"]["name"] for node in nodes}
    for pod in pods:
        if pod["spec"].get("nodeName") in names:
            taken += requests_of(pod["spec"])
    return Room(whole.cores - taken.cores, whole.memory - taken.memory)


_HOLDING = ("Pending", "Running")


def _everywhere(cluster: Cluster, kind: str) -> list[Object]:
    with speaking(cluster, f"the list of every {kind}"):
        found = plain_object(cluster.resource("v1", kind).get(_request_timeout=PATIENCE))
    return list(found.get("items") or [])


def _takes_pods(node: Object) -> bool:
    conditions = {c["type"]: c["status"] for c in (node.get("status") or {}).get("conditions") or []}
    return conditions.get("Ready") == "True" and not node["spec"].get("unschedulable")


def _room(quantities: Object) -> Room:
    return Room(float(parse_quantity(quantities.get("cpu", 0))), float(parse_quantity(quantities.get("memory", 0))))
