"""What several objects together leave over: Pods at the peak while some are replaced, ports that nobody serves."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.quantity import rounded
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch
from runbook_lib.judge.workload.world import Workload, World

DISRUPTIONS = DOCS + "concepts/workloads/pods/disruptions/"


def enough_while_replaced(world: World) -> Iterator[Seen]:
    """At the most that the HPA may make: what a rollout or a drain takes away at a time, against the measured peak.

    A rollout asks no budget, a drain no strategy; each sees the Pods that the other has taken, so the larger counts.
    """
    for workload in world.workloads("Deployment", "StatefulSet"):
        needed = world.assessed_of(workload).replicas
        most = _most(world, workload)
        if needed is None or most is None or most < needed or _all_at_once(workload, most):
            continue  # not measured, too few in any case, or none that stay: each is said elsewhere
        rollout, rolling = _by_rollout(workload, most)
        drain, budget = _by_drain(world, workload, most)
        taken, node, who = (rollout, rolling, "a rollout") if rollout >= drain else (drain, budget, "a drain")
        sums = (
            f"{most} replicas at most, {who} takes {taken}: {most - taken} are left, the measured peak needs {needed}"
        )
        if most - taken >= needed:
            yield passed(workload, node, sums)
        else:
            change = {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}}
            mend = patch(workload.resource, change) if who == "a rollout" and workload.kind == "Deployment" else None
            yield failed(workload, node, sums, mend)


def _most(world: World, workload: Workload) -> int | None:
    scaler = world.scaler(workload)
    return scaler.node.get("spec", "maxReplicas").integer() if scaler else world.replicas(workload)


def _all_at_once(workload: Workload, replicas: int) -> bool:
    strategy = workload.spec.get("strategy")
    away = rounded(strategy.get("rollingUpdate", "maxUnavailable"), replicas, "25%", up=False)
    return strategy.get("type").text() == "Recreate" or (away or 0) >= replicas


def _by_rollout(workload: Workload, replicas: int) -> tuple[int, Node]:
    if workload.kind == "StatefulSet":
        rolling = workload.spec.get("updateStrategy", "rollingUpdate", "maxUnavailable")
        return max(1, rounded(rolling, replicas, "1", up=True) or 1), rolling
    node = workload.spec.get("strategy", "rollingUpdate", "maxUnavailable")
    return rounded(node, replicas, "25%", up=False) or 0, node


def _by_drain(world: World, workload: Workload, replicas: int) -> tuple[int, Node]:
    """What all budgets over the Pods let go at a time; without one a drain is a finding of its own."""
    found: list[tuple[int, Node]] = []
    for budget in world.selecting("PodDisruptionBudget", "selector", workload):
        least, most = (budget.node.get("spec", key) for key in ("minAvailable", "maxUnavailable"))
        node = least if least.exists else most
        number = rounded(node, replicas, "0", up=True)
        if node.exists and number is not None:
            found.append((max(0, replicas - number if least.exists else number), node))
    return min(found, key=lambda pair: pair[0], default=(0, workload.spec))


def every_port_is_served(world: World) -> Iterator[Seen]:
    """A second port, of a console or of another protocol, is what is forgotten in a Service.

    Where Services lead to none of them something else is wrong with these, which their own checks say.
    """
    targets: dict[int, tuple[str, Node]] = {}
    for service in world.of_kind("Service"):
        for workload in world.pods(service):
            numbers = _numbers(workload)
            for port in service.node.get("spec", "ports").elements():
                target = port.get("targetPort") if port.get("targetPort").exists else port.get("port")
                number = target.integer(numbers.get(target.text()))
                if number is not None:
                    targets.setdefault(number, (service.title, target))
    application = next(iter(world.applications), None)
    judged = any(number in targets for number in world.assessed.ports) or not world.of_kind("Service")
    for number in world.assessed.ports if judged else ():
        if application is not None and number not in targets:
            message = f"the VMs listen on port {number}, and no Service leads to it"
            yield failed(application, application[1].node, message)
        elif application is not None:
            title, node = targets[number]
            yield passed(application, node, f"port {number} of the VMs is served by {title}")


def _numbers(workload: Workload) -> dict[str, int]:
    """Numbers of the ports by their names, of all containers that run on."""
    ports = (port for c in workload.containers if c.runs_on for port in c.node.get("ports").elements())
    return {port.get("name").text(): port.get("containerPort").integer(0) or 0 for port in ports}


CHECKS = (
    Check(
        "capacity-kept",
        "The peak is carried while Pods are replaced",
        "warning",
        "A release or a node's upgrade in the busy hour would be felt.",
        DISRUPTIONS,
        enough_while_replaced,
    ),
    Check(
        "ports-served",
        "Every port of the VMs is served",
        "warning",
        "Those who use the other port find nobody.",
        DOCS + "concepts/services-networking/service/#multi-port-services",
        every_port_is_served,
    ),
)
