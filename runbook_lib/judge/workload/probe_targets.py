"""Whom probes ask, and who may have any."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch_container
from runbook_lib.judge.workload.world import World

LINK = DOCS + "tasks/configure-pod-container/configure-liveness-readiness-startup-probes/"
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def asks_the_pod(world: World) -> Iterator[Seen]:
    """The kubelet asks from the node: its localhost is the node's, and another host says nothing about this Pod."""
    for workload, container in world.containers():
        for name in PROBES:
            for handler in ("httpGet", "tcpSocket"):
                asked = container.node.get(name, handler)
                host = asked.get("host")
                if not asked.exists:
                    continue
                if not host.text():
                    yield passed((workload, container), asked, f"{name} asks the Pod itself")
                    continue
                local = host.text() in ("localhost", "::1") or host.text().startswith("127.")
                harm = "that is the node, not the Pod" if local else "what it answers says nothing about this Pod"
                mend = patch_container(workload, container, {name: {handler: {"host": None}}})
                yield failed((workload, container), host, f"{name} asks {host.text()}: {harm}", mend)


def init_containers_end(world: World) -> Iterator[Seen]:
    """Only what runs on can be probed or stopped; the API server refuses it for an init container that ends."""
    for workload, container in world.containers():
        if container.kind != "init":
            continue
        given = [key for key in (*PROBES, "lifecycle") if container.node.get(key).exists]
        if given:
            mend = patch_container(workload, container, dict.fromkeys(given))
            message = (
                f"{', '.join(given)} of an init container: the API server refuses it unless restartPolicy is Always"
            )
            yield failed((workload, container), container.node.get(given[0]), message, mend)
        else:
            yield passed((workload, container), container.node, "no probes: it ends before the application starts")


CHECKS = (
    Check(
        "probe-host",
        "Probes ask the Pod itself",
        "blocking",
        "A probe taken over from the machine asks localhost, which is the node here.",
        LINK + "#http-probes",
        asks_the_pod,
    ),
    Check(
        "init-probes",
        "Init containers that end have no probes",
        "blocking",
        "The API server refuses the workload.",
        DOCS + "concepts/workloads/pods/init-containers/#differences-from-regular-containers",
        init_containers_end,
    ),
)
