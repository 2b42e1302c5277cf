"""Autoscalers: have they a target of their own, room, a floor, and something to compute with."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch, unknown
from runbook_lib.judge.workload.resources import defaults
from runbook_lib.judge.workload.world import REPLICATED, Container, World

SCALING = DOCS + "concepts/workloads/autoscaling/horizontal-pod-autoscale/"
NOT_SCALED = ("DaemonSet", "Job", "CronJob", "Pod")


def scaler_has_target(world: World) -> Iterator[Seen]:
    """By kind, name and group: without apiVersion, or with v1, the HPA looks for another kind of that name."""
    for scaler in world.of_kind("HorizontalPodAutoscaler"):
        target = scaler.node.get("spec", "scaleTargetRef")
        kind, name = target.get("kind").text(), target.get("name").text()
        group = target.get("apiVersion").text("(not set)")
        found = world.named(kind, name, scaler) if kind else None
        if found is None:
            yield failed(scaler, target, f"{kind or 'nothing'}/{name} is not among the objects given")
        elif kind in NOT_SCALED:
            yield failed(scaler, target.get("kind"), f"a {kind} cannot be scaled")
        elif group.rpartition("/")[0] != found.api_version.rpartition("/")[0]:
            mend = patch(scaler, {"spec": {"scaleTargetRef": {"apiVersion": found.api_version}}})
            message = f"apiVersion {group} knows no {kind}, it is {found.api_version}: the HPA does nothing"
            yield failed(scaler, target, message, mend)
        else:
            yield passed(scaler, target, f"scales {kind}/{name}")


def scaler_is_alone(world: World) -> Iterator[Seen]:
    """Two autoscalers over the same Pods: both stop, with the condition AmbiguousSelector."""
    found: dict[tuple[str, str, str], Resource] = {}
    for scaler in (*world.of_kind("HorizontalPodAutoscaler"), *world.of_kind("ScaledObject")):
        target = scaler.node.get("spec", "scaleTargetRef")
        default = "Deployment" if scaler.kind == "ScaledObject" else ""  # KEDA makes an HPA of it
        key = (world.space(scaler), target.get("kind").text(default), target.get("name").text())
        first = found.setdefault(key, scaler)
        if first is scaler:
            yield passed(scaler, target, f"the first that scales {key[1]}/{key[2]}")
        else:
            message = f"{first.title} scales {key[1]}/{key[2]}, too (line {first.node.line}): both of them stop"
            yield failed(scaler, target, message)


def scaler_bounds(world: World) -> Iterator[Seen]:
    for scaler in world.of_kind("HorizontalPodAutoscaler"):
        spec = scaler.node.get("spec")
        least, most = spec.get("minReplicas").integer(1) or 1, spec.get("maxReplicas").integer()
        if most is None or most < least:
            yield failed(
                scaler,
                spec.get("maxReplicas"),
                f"maxReplicas {spec.get('maxReplicas').text('not set')} < minReplicas {least}",
            )
        elif least < 2:
            mend = patch(scaler, {"spec": {"minReplicas": 2}})
            yield failed(
                scaler, spec.get("minReplicas"), f"minReplicas {least}: at night one Pod is all there is", mend
            )
        elif most == least:
            yield failed(
                scaler,
                spec.get("maxReplicas"),
                f"minReplicas = maxReplicas = {least}: it never scales",
                severity="warning",
            )
        else:
            yield passed(scaler, spec.get("minReplicas"), f"between {least} and {most}")


def scaler_can_compute(world: World) -> Iterator[Seen]:
    """A share of a request that does not exist cannot be computed: the HPA does nothing."""
    ranges = defaults(world)
    for workload in world.workloads(*REPLICATED):
        scaler = world.scaler(workload)
        if scaler is None:
            continue
        for node, name, only in _shares(scaler):
            filled = ranges.get(world.space(workload.resource), {}).get(("requests", name)) is not None
            counted = [c for c in workload.containers if c.runs_on and only in ("", c.name)]
            lacking = [c.name for c in counted if not (filled or _requests(c, name))]
            if not counted:
                message = f"utilisation of {name} in container {only}, which {workload.title} has not: it never scales"
                yield failed(scaler, node, message)
            elif lacking:
                message = f"utilisation of {name}, but {', '.join(lacking)} in {workload.title} requests none"
                yield failed(scaler, node, f"{message}: it never scales")
            else:
                whose = f"{only} in" if only else "every container of"
                yield passed(scaler, node, f"{whose} {workload.title} requests {name}")


def _shares(scaler: Resource) -> Iterator[tuple[Node, str, str]]:
    """Where, of which resource, of which container or of all; without any metric it is 80 % of the processors."""
    spec = scaler.node.get("spec")
    older = spec.get("targetCPUUtilizationPercentage")
    if older.exists or not spec.get("metrics").elements():
        yield older if older.exists else spec, "cpu", ""
    for metric in spec.get("metrics").elements():
        for kind in ("resource", "containerResource"):
            name, target = metric.get(kind, "name").text(), metric.get(kind, "target")
            if name and target.get("averageUtilization").exists:
                yield metric, name, metric.get(kind, "container").text()


def _requests(container: Container, name: str) -> bool:
    return any(container.node.get("resources", part, name).exists for part in ("requests", "limits"))


def enough_for_the_peak(world: World) -> Iterator[Seen]:
    """Start with more Pods than needed, then let the HPA take them away."""
    for workload in world.workloads("Deployment", "StatefulSet"):
        needed = world.assessed_of(workload).replicas
        scaler, count = world.scaler(workload), world.replicas(workload)
        node = scaler.node.get("spec", "maxReplicas") if scaler else workload.spec.get("replicas")
        most = node.integer(count) if scaler else count
        events = None if scaler else world.scaled_by_events(workload)
        if events is not None:
            scaler, node = events, events.node.get("spec", "maxReplicaCount")
            most = node.integer(100)
        if needed is None:
            message = f"how many replicas the peak needs was not measured: {world.how_to_measure(workload)}"
            yield unknown(workload, node, message, severity="info")
        elif most is not None and most >= needed:
            yield passed(workload, node, f"up to {most} replicas, the measured peak needs {needed}")
        else:
            field = "maxReplicaCount" if events else "maxReplicas" if scaler else "replicas"
            mend = patch(scaler or workload.resource, {"spec": {field: needed}})
            yield failed(workload, node, f"at most {most} replicas, the measured peak needs {needed}", mend)


CHECKS = (
    Check(
        "hpa-target",
        "The autoscaler has a target",
        "blocking",
        "Nothing scales when the last weight arrives.",
        SCALING,
        scaler_has_target,
    ),
    Check(
        "hpa-alone",
        "One autoscaler scales the Pods",
        "blocking",
        "With two of them nothing scales.",
        SCALING,
        scaler_is_alone,
    ),
    Check(
        "hpa-bounds",
        "The autoscaler has room and a floor",
        "warning",
        "The old side always had several instances.",
        SCALING,
        scaler_bounds,
    ),
    Check(
        "hpa-requests",
        "The autoscaler can compute its share",
        "blocking",
        "It stays at its minimum while the load grows.",
        SCALING,
        scaler_can_compute,
    ),
    Check(
        "replicas-for-peak",
        "The peak finds enough replicas",
        "warning",
        "At 100 % the Pods carry what the VMs carried.",
        SCALING,
        enough_for_the_peak,
    ),
)
