"""The Pods of a Deployment as their status says they are, and the addresses of its Service."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.rollout import deployment, images, replica_sets, selector, template_digest


@dataclass(frozen=True)
class PodState:
    """One Pod as its status says it is; ``trouble`` is empty when nothing is wrong."""

    name: str
    address: str
    port: int
    ready: bool
    restarts: int
    oom: bool
    node: str
    images: tuple[str, ...]
    trouble: str
    terminating: bool


def pods(cluster: Cluster, name: str) -> list[PodState]:
    """The Deployment's Pods, those of every revision, by name."""
    found = cluster.all("v1", "Pod", selector(deployment(cluster, name)))
    return sorted((pod_state(pod) for pod in found), key=lambda pod: pod.name)


def newest_pods(cluster: Cluster, name: str) -> dict[str, PodState]:
    """The Pods of the newest template that are not ending, by uid."""
    live = deployment(cluster, name)
    wanted = template_digest(live)
    mine = {rs["metadata"]["uid"] for rs in replica_sets(cluster, live) if template_digest(rs) == wanted}
    found = {
        str(pod["metadata"].get("uid")): pod_state(pod)
        for pod in cluster.all("v1", "Pod", selector(live))
        if any(owner.get("uid") in mine for owner in pod["metadata"].get("ownerReferences") or [])
    }
    return {uid: state for uid, state in found.items() if not state.terminating}


def pod_state(pod: Object) -> PodState:
    """One Pod's status in our words."""
    status, spec = pod.get("status") or {}, pod["spec"]
    containers = status.get("containerStatuses") or []
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    ports = [p["containerPort"] for c in spec["containers"] for p in c.get("ports") or []]
    return PodState(
        name=pod["metadata"]["name"],
        address=status.get("podIP") or "",
        port=ports[0] if ports else 0,
        ready=(conditions.get("Ready") or {}).get("status") == "True",
        restarts=sum(c.get("restartCount", 0) for c in containers),
        oom=any(_ended(c) == "OOMKilled" for c in containers),
        node=spec.get("nodeName") or "",
        images=images(spec),
        trouble=_trouble(status, conditions),
        terminating="deletionTimestamp" in pod["metadata"],
    )


def _ended(container: Object) -> str:
    for state in (container.get("state") or {}, container.get("lastState") or {}):
        if ended := state.get("terminated"):
            return str(ended.get("reason", ""))
    return ""


def _trouble(status: Object, conditions: dict[str, Object]) -> str:
    """The first thing that keeps a Pod from being ready, in the order in which a Pod comes up."""
    if (scheduled := conditions.get("PodScheduled") or {}).get("status") == "False":
        return f"{scheduled.get('reason')}: {scheduled.get('message')}"
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in statuses:
        state, last = container.get("state") or {}, (container.get("lastState") or {}).get("terminated") or {}
        ended = state.get("terminated") or last
        died = f" (last exit {ended.get('exitCode')}, {ended.get('reason')})" if ended else ""
        waiting = state.get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{container['name']}: {waiting['reason']}: {waiting.get('message', '')}{died}"
        if (gone := state.get("terminated")) and gone.get("exitCode"):
            return f"{container['name']}: ended with {gone['exitCode']}, {gone.get('reason')}"
    return ""


def endpoints(cluster: Cluster, service: str) -> dict[str, bool]:
    """Address -> ready, of every EndpointSlice of a Service."""
    slices = cluster.all("discovery.k8s.io/v1", "EndpointSlice", f"kubernetes.io/service-name={service}")
    return {
        address: bool((point.get("conditions") or {}).get("ready"))
        for piece in slices
        for point in piece.get("endpoints") or []
        for address in point.get("addresses") or []
    }
