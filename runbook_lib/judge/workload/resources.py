"""Requests and limits: are they there, are they numbers, do they fit what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.quantity import number_of
from runbook_lib.judge.workload.check import DOCS, Check, Seen, Severity, failed, passed, patch_container
from runbook_lib.judge.workload.world import LONG_RUNNING, Container, Workload, World

LINK = DOCS + "concepts/configuration/manage-resources-containers/"
MIB = 2**20
KNOWN = ("cpu", "memory", "ephemeral-storage")
CORES = 100
"""So many cores at once hardly a machine has; a number without m is what it mostly is."""


def cpu_request(world: World) -> Iterator[Seen]:
    yield from _given(
        world, "requests", "cpu", "the scheduler counts it as nothing, and the HPA cannot compute a share"
    )


def memory_request(world: World) -> Iterator[Seen]:
    yield from _given(world, "requests", "memory", "the scheduler packs the node until Pods are evicted")


def memory_limit(world: World) -> Iterator[Seen]:
    yield from _given(world, "limits", "memory", "a leak takes the whole node with it")


def _given(world: World, part: str, name: str, harm: str) -> Iterator[Seen]:
    """For everything that runs beside others; what ends by itself is a lesser evil, what ends before the start none.

    Zero is as good as nothing; a LimitRange fills in what nobody says.
    """
    ranges = defaults(world)
    for workload, container in world.containers():
        if not container.runs_on:
            continue
        node, whole = resource(container, part, name), workload.pod.get("resources", part, name)
        filled = ranges.get(world.space(workload.resource), {}).get((part, name))
        subject, what = (workload, container), f"{name} {part[:-1]}"
        if node.exists and number_of(node) != 0:
            yield passed(subject, node, f"{what} {node.text()}")
        elif not node.exists and part == "requests" and resource(container, "limits", name).exists:
            yield passed(subject, node, f"{what} equals the limit")
        elif not node.exists and whole.exists:
            yield passed(subject, whole, f"{what} of the whole Pod: {whole.text()}")
        elif not node.exists and filled is not None:
            yield passed(subject, filled, f"{what} {filled.text()}, from a LimitRange")
        else:
            mend = _sized(world, workload, container, part, name)
            severity: Severity | None = None if workload.kind in LONG_RUNNING else "warning"
            none = f"{what} {node.text()} is none" if node.exists else f"no {what}"
            where = node if node.exists else container.node.get("resources")
            yield failed(subject, where, f"{none}: {harm}", mend, severity)


def defaults(world: World) -> dict[str, dict[tuple[str, str], Node]]:
    """By namespace: what LimitRanges give to containers that say nothing; without a request the limit is one, too."""
    found: dict[str, dict[tuple[str, str], Node]] = {}
    for limits in world.of_kind("LimitRange"):
        own = found.setdefault(world.space(limits), {})
        for entry in limits.node.get("spec", "limits").elements():
            if entry.get("type").text() == "Container":
                own |= {("requests", name): node for name, node in entry.get("default").entries()}
                own |= {("limits", name): node for name, node in entry.get("default").entries()}
                own |= {("requests", name): node for name, node in entry.get("defaultRequest").entries()}
    return found


def well_formed(world: World) -> Iterator[Seen]:
    """Every quantity must be one, and of a sensible size: memory 512m is half a byte."""
    for workload, container in world.containers():
        for part in ("requests", "limits"):
            for name, node in container.node.get("resources", part).entries():
                wrong = _no_quantity(name, part[:-1], node)
                if wrong:
                    yield failed((workload, container), node, wrong)
                else:
                    yield passed((workload, container), node, f"{name} {part[:-1]} {node.text()}")


def _no_quantity(name: str, part: str, node: Node) -> str:
    """What is wrong with an amount of a resource; empty when nothing is."""
    value = number_of(node)
    if value is None or value < 0:
        return f"{name} {part} {node.text()!r} is no quantity: the API server refuses it"
    if name not in KNOWN and "/" not in name and not name.startswith("hugepages-"):
        return f"{name} is no resource of a container, these are {', '.join(KNOWN)}: it is refused"
    if "/" in name and value % 1:
        return f"{name} {node.text()} is not whole: the API server refuses it"
    if name == "memory" and 0 < value < MIB:
        return f"memory {node.text()} is {value:g} bytes: Mi or Gi is meant"
    if name == "cpu" and value >= CORES:
        return f"cpu {node.text()} is {value:g} cores: m is missing"
    return ""


def in_order(world: World) -> Iterator[Seen]:
    """Processors, memory and storage may be lent; of devices and large pages the limit is what is asked for."""
    for workload, container in world.containers():
        names = [name for name, _ in container.node.get("resources", "requests").entries()]
        for name in names:
            request, limit = resource(container, "requests", name), resource(container, "limits", name)
            asked, most = number_of(request), number_of(limit)
            if name not in KNOWN and asked is not None and asked != most:
                message = f"{name} request {request.text()}, limit {limit.text('not set')}: they must be the same"
                mend = patch_container(workload, container, {"resources": {"limits": {name: request.text()}}})
                yield failed((workload, container), request, message, mend)
                continue
            if asked is None or most is None:
                continue
            if asked > most:
                yield failed(
                    (workload, container),
                    request,
                    f"{name} request {request.text()} > limit {limit.text()}: the API server refuses it",
                )
            else:
                yield passed((workload, container), request, f"{name} request {request.text()} <= limit {limit.text()}")


def quality(world: World) -> Iterator[Seen]:
    """Names the QoS class: what is evicted first when a node runs short."""
    ranges = defaults(world)
    for workload in world.workloads(*LONG_RUNNING):
        name = quality_class(workload)
        if not workload.containers:
            continue
        if name == "BestEffort" and ranges.get(world.space(workload.resource)):
            yield passed(workload, workload.pod, "requests or limits come from a LimitRange")
        elif name == "BestEffort":
            yield failed(workload, workload.pod, "QoS class BestEffort: these Pods are evicted first")
        else:
            yield passed(workload, workload.pod, f"QoS class {name}")


def quality_class(workload: Workload) -> str:
    """Guaranteed, Burstable or BestEffort, as Kubernetes works it out: nothing and 0 are the same, 1 and 1000m too.

    Where the Pod as a whole has requests or limits they decide alone.
    """
    whole = workload.pod.get("resources")
    every = []
    for owner in [whole] if _counted(whole) else [c.node.get("resources") for c in workload.containers]:
        for name in ("cpu", "memory"):
            most = number_of(owner.get("limits", name)) or 0
            asked = owner.get("requests", name)
            every.append(((number_of(asked) or 0) if asked.exists else most, most))
    if not any(asked or most for asked, most in every):
        return "BestEffort"
    return "Guaranteed" if all(most and asked == most for asked, most in every) else "Burstable"


def _counted(node: Node) -> bool:
    return any(node.get(part, name).exists for part in ("requests", "limits") for name in ("cpu", "memory"))


def fits_the_size(world: World) -> Iterator[Seen]:
    """Requests against what 01_assessment measured: not under it, and not three times over it."""
    for workload, container in world.containers("Deployment", "StatefulSet"):
        assessed = world.assessed_of(workload)
        wanted = {"cpu": assessed.cpu_request, "memory": assessed.memory_mib and assessed.memory_mib * MIB}
        if container.kind != "app" or sum(c.kind == "app" for c in workload.containers) != 1:
            continue
        for name, needed in wanted.items():
            node = resource(container, "requests", name)
            asked = number_of(node)
            if not needed or asked is None:
                continue
            sums = f"{name} request {node.text()}, measured {shown(name, needed)}"
            mend = patch_container(workload, container, {"resources": {"requests": {name: shown(name, needed)}}})
            if asked < 0.9 * needed:
                yield failed((workload, container), node, f"{sums}: {asked / needed:.0%} of what the VMs needed", mend)
            elif asked > 3 * needed:
                yield failed(
                    (workload, container), node, f"{sums}: {asked / needed:.1f} times as much as needed", mend, "info"
                )
            else:
                yield passed((workload, container), node, f"{sums}: {asked / needed:.0%}")
        limit = resource(container, "limits", "memory")
        most, need = number_of(limit), wanted["memory"]
        if need and most is not None and most < need:
            message = (
                f"memory limit {limit.text()}, measured {shown('memory', need)}: the Pod "
                "would be killed (OOMKilled) at its peak"
            )
            yield failed((workload, container), limit, message, severity="blocking")


def memory_limit_of(workload: Workload, container: Container, filled: Node | None) -> Node:
    """The limit that the kernel holds a container to: the lesser of its own and the Pod's, else a LimitRange's."""
    own, whole = resource(container, "limits", "memory"), workload.pod.get("resources", "limits", "memory")
    both = [(number_of(node) or math.inf, node) for node in (own, whole) if node.exists]
    return min(both, key=lambda pair: pair[0])[1] if both else filled or own


def resource(container: Container, part: str, name: str) -> Node:
    return container.node.get("resources", part, name)


def shown(name: str, value: float) -> str:
    """Cores as millicores, bytes as MiB: the form a manifest holds."""
    return f"{math.ceil(value * 1000 - 1e-6)}m" if name == "cpu" else f"{math.ceil(value / MIB)}Mi"


def _sized(world: World, workload: Workload, container: Container, part: str, name: str) -> dict[str, object] | None:
    """A patch with the measured size; none when nothing was measured, because a guess is worse than a question."""
    assessed = world.assessed_of(workload)
    needed = assessed.cpu_request if name == "cpu" else assessed.memory_mib and assessed.memory_mib * MIB
    if not needed or container.kind != "app" or workload.kind not in LONG_RUNNING:
        return None
    return patch_container(workload, container, {"resources": {part: {name: shown(name, needed)}}})


CHECKS = (
    Check(
        "cpu-request",
        "A CPU request is set",
        "blocking",
        "A VM had its processors to itself; without a request a Pod gets what is left.",
        LINK,
        cpu_request,
    ),
    Check(
        "memory-request", "A memory request is set", "blocking", "A VM had its memory to itself.", LINK, memory_request
    ),
    Check(
        "memory-limit",
        "A memory limit is set",
        "blocking",
        "One leaking application must not evict its neighbours.",
        LINK,
        memory_limit,
    ),
    Check(
        "quantity",
        "Quantities are valid and sensible",
        "blocking",
        "The API server refuses them, or the Pod can never run.",
        DOCS + "reference/kubernetes-api/common-definitions/quantity/",
        well_formed,
    ),
    Check(
        "request-limit-order", "Requests do not exceed limits", "blocking", "The API server refuses it.", LINK, in_order
    ),
    Check(
        "qos-class",
        "The QoS class is not BestEffort",
        "warning",
        "It decides who is evicted first.",
        DOCS + "concepts/workloads/pods/pod-qos/",
        quality,
    ),
    Check(
        "size-fits",
        "Requests fit what the VMs used",
        "warning",
        "Too little starves the service at its peak, too much wastes what the move should save.",
        LINK,
        fits_the_size,
    ),
)
