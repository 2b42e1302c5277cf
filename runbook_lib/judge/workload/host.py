"""The node itself: its paths, its view of processes, its kernel's settings."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.kernel_settings import dotted, namespace_of, set_by
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_container
from runbook_lib.judge.workload.world import Workload, World

LINK = DOCS + "concepts/storage/volumes/"
SOCKETS = ("docker.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock")
GRAVE = ("/", "/boot", "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/usr", "/var", "/var/lib", "/var/run")
GRAVE_BELOW = ("/etc/kubernetes", "/proc/", "/sys/", "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/docker")


def no_host_path(world: World) -> Iterator[Seen]:
    """An agent on each node, a DaemonSet that only reads, is what these volumes are for; all else is tied to a node."""
    for workload in world.workloads():
        found = 0
        for volume in workload.volumes:
            path = volume.get("hostPath", "path")
            if not volume.get("hostPath").exists:
                continue
            found += 1
            grave, harm = _harm(path.text())
            agent = workload.kind == "DaemonSet" and not grave and _only_read(workload, volume)
            message = f"hostPath {path.text()}: {harm}"
            yield failed(workload, path, message, severity="warning" if agent else None)
        if not found:
            yield passed(workload, workload.pod, "no path of the node")
    for kept in world.of_kind("PersistentVolume"):
        spec = kept.node.get("spec")
        kinds = [kind for kind in ("hostPath", "local") if spec.get(kind).exists]
        if kinds:
            path = spec.get(kinds[0], "path")
            yield failed(kept, path, f"{path.text()} of one node: the data stay there when the Pod moves")
        else:
            yield passed(kept, spec, "it lies on no node")


def _harm(path: str) -> tuple[bool, str]:
    root = path.rstrip("/") or "/"
    if root.endswith(SOCKETS) or root in GRAVE or (root + "/").startswith(GRAVE_BELOW):
        return True, "whoever enters owns the node"
    return False, "the data stay on one node when the Pod moves"


def _only_read(workload: Workload, volume: Node) -> bool:
    mounts = [m for c in workload.containers for m in c.node.get("volumeMounts").elements()]
    return all(m.get("readOnly").is_true() for m in mounts if m.get("name").text() == volume.get("name").text())


def own_view(world: World) -> Iterator[Seen]:
    """Unmasked shows and lets change what the runtime hides; without a user namespace the API server refuses it."""
    for workload, container in world.containers():
        node = container.node.get("securityContext", "procMount")
        if node.text("Default") == "Default":
            yield passed((workload, container), node, "what the runtime hides in /proc stays hidden")
        else:
            mend = patch_container(workload, container, {"securityContext": {"procMount": None}})
            message = f"procMount {node.text()}: settings of the node's kernel lie open"
            yield failed((workload, container), node, message, mend)


def settings_of_the_kernel(world: World) -> Iterator[Seen]:
    """Tuning that the machines had: what is not of the Pod's own namespaces no Pod can set."""
    for workload in world.workloads():
        for entry in workload.pod.get("securityContext", "sysctls").elements():
            if entry.get("name").text():  # of one without a name the schema speaks
                yield _setting(workload, entry.get("name"))


def _setting(workload: Workload, node: Node) -> Seen:
    name = dotted(node.text())
    kind, setter = namespace_of(name), set_by(name)
    shares = {"network": "hostNetwork", "ipc": "hostIPC"}.get(kind, "")
    elsewhere = "take it out, and set it where nodes are set up"
    if not kind:
        return failed(workload, node, f"{name} belongs to the node: the kubelet refuses the Pod; {elsewhere}")
    if workload.pod.get(shares).is_true():
        return failed(workload, node, f"{name} beside {shares}: the API server refuses it; {elsewhere}")
    if setter == "node":
        harm = "the kubelet refuses the Pod, and where its name is allowed the Pod's network has nothing to write to"
        return failed(workload, node, f"{name} belongs to the node: {harm}; {elsewhere}")
    if setter == "pod":
        return passed(workload, node, f"{name} is the Pod's own")
    message = f"{name} is no safe one: the Pod starts only where the kubelet has --allowed-unsafe-sysctls"
    message += " (allowedUnsafeSysctls) with it; ask for it on the nodes where the Pod may run"
    return failed(workload, node, message, severity="warning")


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
        "proc-mount",
        "The Pod sees only its own processes",
        "blocking",
        "It could change the node for all who live there.",
        DOCS + "concepts/security/pod-security-standards/",
        own_view,
    ),
    Check(
        "sysctls",
        "Settings of the kernel are ones a Pod can have",
        "blocking",
        "The machines were tuned; here the Pod is refused, or runs as if nothing had been tuned.",
        DOCS + "tasks/administer-cluster/sysctl-cluster/",
        settings_of_the_kernel,
    ),
)
