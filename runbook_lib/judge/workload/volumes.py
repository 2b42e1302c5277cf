"""State and the host: paths of the node, mounts without a volume, scratch space that has a bound."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_pod
from runbook_lib.judge.workload.world import Container, Workload, World

LINK = DOCS + "concepts/storage/volumes/"
SOCKETS = ("docker.sock", "containerd.sock", "crio.sock")


def no_host_path(world: World) -> Iterator[Seen]:
    for workload in world.workloads():
        found = 0
        for volume in workload.pod.get("volumes").elements():
            path = volume.get("hostPath", "path")
            if not volume.get("hostPath").exists:
                continue
            found += 1
            harm = (
                "whoever enters owns the node"
                if path.text().endswith(SOCKETS)
                else "the data stay on one node when the Pod moves"
            )
            yield failed(workload, path, f"hostPath {path.text()}: {harm}")
        if not found:
            yield passed(workload, workload.pod, "no path of the node")


def mounts_have_volumes(world: World) -> Iterator[Seen]:
    for workload, container in world.containers():
        names = {volume.get("name").text() for volume in workload.pod.get("volumes").elements()}
        names |= {
            claim.get("metadata", "name").text() for claim in workload.spec.get("volumeClaimTemplates").elements()
        }
        paths: dict[str, Node] = {}
        for mount in container.node.get("volumeMounts").elements():
            name, path = mount.get("name"), mount.get("mountPath")
            if name.text() not in names:
                yield failed(
                    (workload, container),
                    name if name.exists else mount,
                    f"mounts {name.text('(no name)')}, but no volume has that name",
                )
            elif path.text() in paths:
                yield failed(
                    (workload, container), path, f"{path.text()} is mounted twice (line {paths[path.text()].line})"
                )
            else:
                yield passed((workload, container), mount, f"{name.text()} at {path.text()}")
            paths[path.text()] = path


def scratch_is_bounded(world: World) -> Iterator[Seen]:
    for workload in world.workloads():
        for volume in workload.pod.get("volumes").elements():
            empty = volume.get("emptyDir")
            if not isinstance(empty.value, dict):
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
    for workload, container in world.containers("Deployment", "StatefulSet"):
        if container.kind != "app":
            continue
        for path, demand in written:
            volume = volume_at(workload, container, path)
            if volume is None or not path.startswith("/"):
                continue
            if volume.get("emptyDir").exists:
                message = (
                    f"{path} is written by the source ({demand.places[0]}) and lies in the emptyDir "
                    f"{volume.get('name').text()}: gone with the Pod"
                )
                yield failed((workload, container), volume, message)
            else:
                yield passed((workload, container), volume, f"{path} lies in {volume.get('name').text()}")


def volume_at(workload: Workload, container: Container, path: str) -> Node | None:
    """The volume that the longest matching mountPath brings to a path; None when the image's own disk is written."""
    best = ""
    name = ""
    for mount in container.node.get("volumeMounts").elements():
        root = mount.get("mountPath").text().rstrip("/")
        if root and (path == root or path.startswith(root + "/")) and len(root) > len(best):
            best, name = root, mount.get("name").text()
    volumes = workload.pod.get("volumes").elements() + workload.spec.get("volumeClaimTemplates").elements()
    for volume in volumes:
        if name and name in (volume.get("name").text(), volume.get("metadata", "name").text()):
            return volume
    return None


CHECKS = (
    Check(
        "host-path",
        "No path of the node is mounted",
        "blocking",
        "It ties the service to a node, as it was tied to a VM.",
        LINK + "#hostpath",
        no_host_path,
    ),
    Check(
        "mounts",
        "Every mount has a volume",
        "blocking",
        "The API server refuses the workload.",
        LINK,
        mounts_have_volumes,
    ),
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
)
