"""What a container may take beyond its request: memory that is lent, CPU that is cut off, disk of the node."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.judge.quantity import number_of
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_container, unknown
from runbook_lib.judge.workload.world import LONG_RUNNING, Container, Workload, World

LINK = DOCS + "concepts/configuration/manage-resources-containers/"


def memory_is_requested(world: World) -> Iterator[Seen]:
    """Memory over the request is lent: when the node runs short, its Pods are the first to be evicted."""
    for workload, container in world.containers(*LONG_RUNNING):
        request, limit = (container.node.get("resources", part, "memory") for part in ("requests", "limits"))
        asked, most = number_of(request), number_of(limit)
        if not container.runs_on or most is None:
            continue
        if asked is None or asked >= most:
            yield passed((workload, container), limit, f"memory {limit.text()} is requested in full")
        else:
            mend = patch_container(workload, container, {"resources": {"requests": {"memory": limit.value}}})
            message = f"memory request {request.text()} < limit {limit.text()}: what lies between is lent, not given"
            yield failed((workload, container), request, message, mend)


def cpu_is_not_cut_off(world: World) -> Iterator[Seen]:
    """A limit cuts off within each tenth of a second, long before the average over minutes reaches it."""
    for workload, container in world.containers("Deployment", "StatefulSet"):
        if container.kind != "app" or sum(c.kind == "app" for c in workload.containers) != 1:
            continue
        node, needed = container.node.get("resources", "limits", "cpu"), world.assessed_of(workload).cpu_request
        headroom = world.policy.cpu_headroom
        most = number_of(node)
        if not node.exists:
            yield passed((workload, container), container.node, "no CPU limit: it may use what the node has idle")
        elif most is None:
            continue  # no quantity: that is a finding of its own
        elif not needed:
            how = world.how_to_measure(workload)
            message = f"whether the CPU limit {node.text()} throttles was not measured: {how}"
            yield unknown((workload, container), node, message)
        elif most >= headroom * needed:
            yield passed((workload, container), node, f"CPU limit {node.text()} for a measured {needed:g} cores")
        else:
            mend = patch_container(workload, container, {"resources": {"limits": {"cpu": None}}})
            message = f"CPU limit {node.text()} < {headroom:g} x the measured {needed:g} cores: throttled at every peak"
            yield failed((workload, container), node, message, mend)


def disk_is_bounded(world: World) -> Iterator[Seen]:
    """Layers, logs and scratch space of a container lie on the node's disk: bounded, or not written at all."""
    for workload, container in world.containers(*LONG_RUNNING):
        limit = container.node.get("resources", "limits", "ephemeral-storage")
        if not container.runs_on:
            continue
        if limit.exists:
            yield passed((workload, container), limit, f"up to {limit.text()} of the node's disk")
        elif _writes_nothing(workload, container):
            yield passed((workload, container), container.node, "read-only root, and its scratch space has a bound")
        else:
            mend = patch_container(workload, container, {"resources": {"limits": {"ephemeral-storage": "1Gi"}}})
            message = "no ephemeral-storage limit: what it writes fills the disk that all Pods of the node share"
            yield failed((workload, container), container.node.get("resources"), message, mend)


def _writes_nothing(workload: Workload, container: Container) -> bool:
    mounted = {mount.get("name").text() for mount in container.node.get("volumeMounts").elements()}
    scratch = [
        volume.get("emptyDir")
        for volume in workload.volumes
        if volume.get("name").text() in mounted and volume.get("emptyDir").exists
    ]
    read_only = container.node.get("securityContext", "readOnlyRootFilesystem").is_true()
    return read_only and all(empty.get("sizeLimit").exists for empty in scratch)


CHECKS = (
    Check(
        "memory-lent",
        "The memory limit is requested, too",
        "info",
        "A machine's memory was its own; what is lent is taken back when a neighbour needs it.",
        DOCS + "concepts/scheduling-eviction/node-pressure-eviction/",
        memory_is_requested,
    ),
    Check(
        "cpu-limit",
        "No CPU limit throttles the peak",
        "warning",
        "Requests wait in the middle of a second that the average calls idle.",
        LINK + "#how-pods-with-resource-limits-are-run",
        cpu_is_not_cut_off,
    ),
    Check(
        "ephemeral-storage",
        "What is written to the node has a bound",
        "info",
        "On a machine a full disk hurt one service; on a node it hurts all.",
        LINK + "#local-ephemeral-storage",
        disk_is_bounded,
    ),
)
