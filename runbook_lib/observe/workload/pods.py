"""The Pods of a Deployment as their status says they are, and the addresses of its Service."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.rollout import deployment, images, is_owned, selector, template_digest

ENDED = ("Succeeded", "Failed")
"""Phases of a Pod that does nothing any more: its ReplicaSet has made another one and never deletes it."""


@dataclass(frozen=True)
class PodState:
    """One Pod as its status says it is."""

    name: str
    address: str
    port: int
    ready: bool
    restarts: int
    oom: bool
    node: str
    images: tuple[str, ...]
    terminating: bool


def owned(cluster: Cluster, live: Object) -> list[tuple[str, Object]]:
    """Each Pod of a Deployment's ReplicaSets with the digest of its template, empty where that ReplicaSet is gone.

    What a Job or another Deployment labels alike is not its; a Pod that has ended still is.
    """
    sets = cluster.all("apps/v1", "ReplicaSet", selector(live))
    uid = live["metadata"]["uid"]
    others = {rs["metadata"]["uid"] for rs in sets if not is_owned(rs, uid)}
    templates = {rs["metadata"]["uid"]: template_digest(rs) for rs in sets}
    found = []
    for pod in cluster.all("v1", "Pod", selector(live)):
        owner = _replica_set(pod)
        if owner and owner not in others:
            found.append((templates.get(owner, ""), pod))
    return found


def _replica_set(pod: Object) -> str:
    owners = pod["metadata"].get("ownerReferences") or []
    return next((str(owner.get("uid")) for owner in owners if owner.get("kind") == "ReplicaSet"), "")


def pods_of(cluster: Cluster, live: Object) -> list[tuple[str, Object]]:
    """The same without the Pods that have ended: those that serve, may serve, or are on their way out."""
    return [(template, pod) for template, pod in owned(cluster, live) if not has_ended(pod)]


def has_ended(pod: Object) -> bool:
    """Whether it does nothing any more, and never will."""
    return (pod.get("status") or {}).get("phase") in ENDED


def pods(cluster: Cluster, name: str) -> list[PodState]:
    """The Deployment's Pods, those of every revision, by name."""
    found = [pod_state(pod) for _, pod in pods_of(cluster, deployment(cluster, name))]
    return sorted(found, key=lambda pod: pod.name)


def newest_pods(cluster: Cluster, name: str) -> dict[str, PodState]:
    """The Pods of the newest template that are not ending, by uid."""
    live = deployment(cluster, name)
    wanted = template_digest(live)
    mine = [pod for template, pod in pods_of(cluster, live) if template == wanted]
    found = {str(pod["metadata"].get("uid")): pod_state(pod) for pod in mine}
    return {uid: state for uid, state in found.items() if not state.terminating}


def pod_state(pod: Object) -> PodState:
    """One Pod's status in our words."""
    status, spec = pod.get("status") or {}, pod["spec"]
    containers = status.get("containerStatuses") or []
    ports = [p["containerPort"] for c in spec["containers"] for p in c.get("ports") or []]
    return PodState(
        name=pod["metadata"]["name"],
        address=status.get("podIP") or "",
        port=ports[0] if ports else 0,
        ready=is_ready(pod),
        restarts=sum(c.get("restartCount", 0) for c in containers),
        oom=any(_ended(c) == "OOMKilled" for c in containers),
        node=spec.get("nodeName") or "",
        images=images(spec),
        terminating="deletionTimestamp" in pod["metadata"],
    )


def is_ready(pod: Object) -> bool:
    """Whether users may reach it, as its own conditions say."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _ended(container: Object) -> str:
    for state in (container.get("state") or {}, container.get("lastState") or {}):
        if ended := state.get("terminated"):
            return str(ended.get("reason", ""))
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
