"""Scratch space: it has a bound, fits the memory it takes, and holds nothing that is missed later."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.judge.quantity import number_of
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_pod
from runbook_lib.judge.workload.volumes import volume_at
from runbook_lib.judge.workload.world import World

LINK = DOCS + "concepts/storage/volumes/"
MIB = 2**20


def scratch_is_bounded(world: World) -> Iterator[Seen]:
    """On the disk; what lies in memory is counted by another check."""
    for workload in world.workloads():
        for volume in workload.volumes:
            empty = volume.get("emptyDir")
            if not isinstance(empty.value, dict) or empty.get("medium").text() == "Memory":
                continue
            limit, name = empty.get("sizeLimit"), volume.get("name").text()
            if limit.exists:
                yield passed(workload, limit, f"emptyDir {name} up to {limit.text()}")
            else:
                mend = patch_pod(workload, {"volumes": [{"name": name, "emptyDir": {"sizeLimit": "256Mi"}}]})
                yield failed(
                    workload,
                    volume,
                    f"emptyDir {name} has no sizeLimit: it fills the node's disk until Pods are evicted",
                    mend,
                )


def no_state_in_scratch(world: World) -> Iterator[Seen]:
    """A path that the source writes to and that only an emptyDir answers is lost with the Pod."""
    written = [
        (path, demand) for demand in world.assessed.demands if demand.topic == "local-file" for path in demand.captured
    ]
    own = {id(workload) for workload, _ in world.applications}
    for workload, container in world.containers("Deployment", "StatefulSet"):
        if container.kind != "app" or id(workload) not in own:
            continue
        for path, demand in written:
            volume = volume_at(workload, container, path)
            if volume is None or not path.startswith("/"):
                continue
            kind = next((kind for kind in ("emptyDir", "ephemeral") if volume.get(kind).exists), "")
            if kind:
                place = f" ({demand.places[0]})" if demand.places else ""
                lies = f"lies in the {kind} {volume.get('name').text()}"
                message = f"{path} is written by the source{place} and {lies}: gone with the Pod"
                yield failed((workload, container), volume, message)
            else:
                yield passed((workload, container), volume, f"{path} lies in {volume.get('name').text()}")


def scratch_in_memory(world: World) -> Iterator[Seen]:
    """What lies in a volume of memory counts as memory of the container that wrote it."""
    for workload, container in world.containers():
        most = number_of(container.node.get("resources", "limits", "memory"))
        mounted = {mount.get("name").text() for mount in container.node.get("volumeMounts").elements()}
        for volume in workload.volumes:
            empty, name = volume.get("emptyDir"), volume.get("name").text()
            if name not in mounted or empty.get("medium").text() != "Memory":
                continue
            limit = empty.get("sizeLimit")
            size = number_of(limit)
            if size is None:
                message = f"emptyDir {name} lies in memory and has no sizeLimit: what is written kills the container"
                mend = patch_pod(workload, {"volumes": [{"name": name, "emptyDir": {"sizeLimit": "64Mi"}}]})
                yield failed(
                    (workload, container), volume, message, mend if most is None or most >= 128 * MIB else None
                )
            elif most is not None and size > most / 2:
                sums = f"{limit.text()} of {most / MIB:g} Mi"
                message = f"emptyDir {name} lies in memory and may take {sums}: it counts against the limit"
                yield failed((workload, container), limit, message)
            else:
                yield passed((workload, container), limit, f"emptyDir {name} in memory, up to {limit.text()}")


CHECKS = (
    Check(
        "scratch-bounded",
        "Scratch space has a bound",
        "warning",
        "On a VM a full disk hurt one service; on a node it hurts all.",
        LINK + "#emptydir",
        scratch_is_bounded,
    ),
    Check(
        "scratch-no-state",
        "No state lies in scratch space",
        "blocking",
        "It survives a crash of the process, and is gone when the Pod is moved.",
        LINK + "#emptydir",
        no_state_in_scratch,
    ),
    Check(
        "scratch-memory",
        "Scratch space in memory fits the limit",
        "blocking",
        "The container is killed for files, and the heap is searched for the leak.",
        LINK + "#emptydir",
        scratch_in_memory,
    ),
)
