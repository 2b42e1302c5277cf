"""Disruption budgets and autoscalers, against the number of Pods there really are."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Resource
from runbook_lib.judge.quantity import rounded
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, new_object, passed, patch, unknown
from runbook_lib.judge.workload.world import REPLICATED, Workload, World

BUDGETS = DOCS + "tasks/run-application/configure-pdb/"
SCALING = DOCS + "concepts/workloads/autoscaling/horizontal-pod-autoscale/"


def has_budget(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*REPLICATED):
        budgets, replicas = _budgets(world, workload), world.replicas(workload)
        if len(budgets) > 1:
            names = ", ".join(budget.name for budget in budgets)
            yield failed(
                workload,
                budgets[1].node,
                f"{len(budgets)} budgets take in the same Pods ({names}): every eviction is refused",
                severity="blocking",
            )
        elif budgets:
            yield passed(workload, budgets[0].node, f"{budgets[0].title} protects it")
        elif replicas > 1:
            selector = workload.spec.get("selector").plain()
            mend = new_object(
                "policy/v1", "PodDisruptionBudget", workload.resource, {"maxUnavailable": 1, "selector": selector}
            )
            yield failed(
                workload,
                workload.resource.node,
                f"no PodDisruptionBudget: a node drain may take all {replicas} Pods at once",
                mend,
            )


def budget_lets_go(world: World) -> Iterator[Seen]:
    """At the smallest number of replicas at least one Pod may go; a budget on one replica blocks every drain."""
    for budget in world.of_kind("PodDisruptionBudget"):
        for workload in world.selected(budget, budget.node.get("spec", "selector")):
            yield _allowance(budget, workload, world.replicas(workload))


def _allowance(budget: Resource, workload: Workload, replicas: int) -> Seen:
    spec = budget.node.get("spec")
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least.exists and most.exists:
        return failed(budget, least, "minAvailable and maxUnavailable are both set: the API server refuses it")
    node = least if least.exists else most
    # For disruption budgets both percentages round up, unlike a Deployment's maxUnavailable.
    number = rounded(node, replicas, "1", up=True)
    if number is None:
        return failed(budget, node, f"{node.text()!r} is neither a number nor a percentage")
    may_go = replicas - number if least.exists else number
    name = "minAvailable" if least.exists else "maxUnavailable"
    sums = f"{name} {node.text('not set')} at {replicas} replicas of {workload.title}"
    if may_go >= 1:
        return passed(budget, node, f"{sums}: {may_go} may go at a time")
    mend = patch(budget, {"spec": {"maxUnavailable": 1, "minAvailable": None}}) if replicas > 1 else None
    return failed(budget, node, f"{sums}: none may ever go, every node drain hangs", mend)


def scaler_has_target(world: World) -> Iterator[Seen]:
    for scaler in world.of_kind("HorizontalPodAutoscaler"):
        target = scaler.node.get("spec", "scaleTargetRef")
        kind, name = target.get("kind").text(), target.get("name").text()
        if kind and world.named(kind, name, scaler):
            yield passed(scaler, target, f"scales {kind}/{name}")
        else:
            yield failed(scaler, target, f"{kind or 'nothing'}/{name} is not among the objects given")


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
    for workload in world.workloads(*REPLICATED):
        scaler = world.scaler(workload)
        for metric in scaler.node.get("spec", "metrics").elements() if scaler else ():
            name = metric.get("resource", "name").text()
            if not name or not metric.get("resource", "target", "averageUtilization").exists or scaler is None:
                continue
            lacking = [
                c.name
                for c in workload.containers
                if c.runs_on
                and not (
                    c.node.get("resources", "requests", name).exists or c.node.get("resources", "limits", name).exists
                )
            ]
            if lacking:
                yield failed(
                    scaler,
                    metric,
                    f"utilisation of {name}, but {', '.join(lacking)} in "
                    f"{workload.title} requests none: it never scales",
                )
            else:
                yield passed(scaler, metric, f"every container of {workload.title} requests {name}")


def enough_for_the_peak(world: World) -> Iterator[Seen]:
    """Start with more Pods than needed, then let the HPA take them away."""
    needed = world.assessed.replicas
    for workload in world.workloads("Deployment", "StatefulSet"):
        scaler, count = world.scaler(workload), world.replicas(workload)
        node = scaler.node.get("spec", "maxReplicas") if scaler else workload.spec.get("replicas")
        most = node.integer(count) if scaler else count
        if needed is None:
            yield unknown(
                workload, node, "how many replicas the peak needs was not measured: run 01_assessment", severity="info"
            )
        elif most is not None and most >= needed:
            yield passed(workload, node, f"up to {most} replicas, the measured peak needs {needed}")
        else:
            mend = None if scaler else patch(workload.resource, {"spec": {"replicas": needed}})
            yield failed(workload, node, f"at most {most} replicas, the measured peak needs {needed}", mend)


def spread(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*REPLICATED):
        constraints = workload.pod.get("topologySpreadConstraints")
        affinity = workload.pod.get("affinity", "podAntiAffinity")
        if world.replicas(workload) < 2:
            continue
        if constraints.elements() or affinity.exists:
            yield passed(workload, constraints if constraints.exists else affinity, "Pods are spread over nodes")
        else:
            rule = {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": workload.spec.get("selector").plain(),
            }
            mend = patch(workload.resource, {"spec": {"template": {"spec": {"topologySpreadConstraints": [rule]}}}})
            yield failed(workload, workload.pod, "nothing spreads the Pods: all may share one node", mend)


def _budgets(world: World, workload: Workload) -> list[Resource]:
    return list(world.selecting("PodDisruptionBudget", "selector", workload))


CHECKS = (
    Check(
        "pdb",
        "One disruption budget protects the Pods",
        "warning",
        "Nodes are drained far more often than VM hosts were.",
        BUDGETS,
        has_budget,
    ),
    Check(
        "pdb-allows",
        "The disruption budget lets one Pod go",
        "blocking",
        "Node upgrades stop at it.",
        BUDGETS,
        budget_lets_go,
    ),
    Check(
        "hpa-target",
        "The autoscaler has a target",
        "blocking",
        "Nothing scales when the last weight arrives.",
        SCALING,
        scaler_has_target,
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
    Check(
        "spread",
        "Pods are spread over nodes",
        "warning",
        "VMs stood on several hosts; Pods may share one.",
        DOCS + "concepts/scheduling-eviction/topology-spread-constraints/",
        spread,
    ),
)
