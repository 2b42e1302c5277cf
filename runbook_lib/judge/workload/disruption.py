"""Disruption budgets and spread, against the number of Pods there really are."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Resource
from runbook_lib.judge.quantity import rounded
from runbook_lib.judge.workload.check import (
    DOCS,
    Check,
    Seen,
    failed,
    free_name,
    new_object,
    own_pods,
    passed,
    patch,
    unknown,
)
from runbook_lib.judge.workload.scheduling import rules
from runbook_lib.judge.workload.world import REPLICATED, World, selects

BUDGETS = DOCS + "tasks/run-application/configure-pdb/"


def has_budget(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*REPLICATED):
        budgets = world.selecting("PodDisruptionBudget", "selector", workload)
        replicas = world.replicas(workload)
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
            spec = {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": own_pods(workload)}
            name = free_name(world, "PodDisruptionBudget", workload.resource)
            mend = new_object("policy/v1", "PodDisruptionBudget", workload.resource, spec, name)
            yield failed(
                workload,
                workload.resource.node,
                f"no PodDisruptionBudget: a node drain may take all {replicas} Pods at once",
                mend,
            )


def budget_lets_go(world: World) -> Iterator[Seen]:
    """At the smallest number of replicas at least one Pod may go; a budget on one replica blocks every drain."""
    for budget in world.of_kind("PodDisruptionBudget"):
        taken = world.selected(budget, budget.node.get("spec", "selector"))
        workloads = [workload for workload in taken if workload.kind in REPLICATED]
        replicas = sum(world.replicas(workload) for workload in workloads)
        if replicas:
            yield _allowance(budget, " and ".join(w.title for w in workloads), replicas)


def _allowance(budget: Resource, pods: str, replicas: int) -> Seen:
    """A budget counts all Pods that its selector takes in together, whoever made them."""
    spec = budget.node.get("spec")
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    mend = patch(budget, {"spec": {"maxUnavailable": 1, "minAvailable": None}}) if replicas > 1 else None
    if least.exists and most.exists:
        return failed(budget, least, "minAvailable and maxUnavailable are both set: the API server refuses it", mend)
    if not least.exists and not most.exists:
        return failed(budget, spec, "neither minAvailable nor maxUnavailable: it protects nothing", mend)
    node = least if least.exists else most
    # For disruption budgets both percentages round up, unlike a Deployment's maxUnavailable.
    number = rounded(node, replicas, "1", up=True)
    if number is None:
        return failed(budget, node, f"{node.text()!r} is neither a number nor a percentage", mend)
    may_go = replicas - number if least.exists else number
    sums = f"{'minAvailable' if least.exists else 'maxUnavailable'} {node.text()} at {replicas} replicas of {pods}"
    if may_go >= 1:
        return passed(budget, node, f"{sums}: {min(may_go, replicas)} may go at a time")
    return failed(budget, node, f"{sums}: none may ever go, every node drain hangs", mend)


def budget_applies(world: World) -> Iterator[Seen]:
    """A drain leaves the Pods of a DaemonSet alone, and of a bare Pod only minAvailable as a number can be counted."""
    for budget in world.of_kind("PodDisruptionBudget"):
        selector = budget.node.get("spec", "selector")
        taken = world.taken_in(budget, selector)
        counted = [w.title for w in taken if w.kind in REPLICATED]
        bare = [w.title for w in taken if w.kind in ("Pod", "Job", "CronJob")]
        whole = budget.node.get("spec", "minAvailable").integer() is not None
        if counted or (bare and whole):
            yield passed(budget, selector, f"takes in {', '.join(counted or bare)}")
        elif bare:
            message = (
                f"of {', '.join(bare[:3])} nobody knows how many there should be: only minAvailable as a number works"
            )
            yield failed(budget, selector, message)
        elif taken:
            yield failed(budget, selector, f"a drain leaves the Pods of {taken[0].title} alone: it has no effect")
        elif others := world.unjudged(budget, selector):
            names = ", ".join(resource.title for resource in others[:5])
            yield unknown(budget, selector, f"selects Pods of {names}, which no check looks at", "warning")
        else:
            yield failed(budget, selector, "selects no Pod among the objects given: it protects nothing")


def unhealthy_may_go(world: World) -> Iterator[Seen]:
    """By default a Pod that is not ready counts as one that must not go: a crash loop stops every drain."""
    for budget in world.of_kind("PodDisruptionBudget"):
        node = budget.node.get("spec", "unhealthyPodEvictionPolicy")
        if node.text() == "AlwaysAllow":
            yield passed(budget, node, "Pods that are not ready may always go")
        else:
            mend = patch(budget, {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}})
            message = (
                f"unhealthyPodEvictionPolicy {node.text('not set, so IfHealthyBudget')}: a crash loop stops a drain"
            )
            yield failed(budget, node, message, mend)


def spread(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*REPLICATED):
        constraints = workload.pod.get("topologySpreadConstraints")
        affinity = workload.pod.get("affinity", "podAntiAffinity")
        found = list(rules(workload))
        own = any(selects(selector, workload.labels) for _, selector, _ in found)
        if world.replicas(workload) < 2 or (found and not own):
            continue  # a rule about other Pods is a finding of spread-own
        if own:
            yield passed(workload, constraints if constraints.exists else affinity, "Pods are spread over nodes")
        else:
            rule = {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": own_pods(workload),
            }
            mend = patch(workload.resource, {"spec": {"template": {"spec": {"topologySpreadConstraints": [rule]}}}})
            yield failed(workload, workload.pod, "nothing spreads the Pods: all may share one node", mend)


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
        "pdb-target",
        "The disruption budget applies to something",
        "warning",
        "A slip in a label leaves the Pods without protection.",
        BUDGETS + "#arbitrary-controllers-and-selectors",
        budget_applies,
    ),
    Check(
        "pdb-unhealthy",
        "Unhealthy Pods do not block a drain",
        "warning",
        "Nodes cannot be emptied just when something is wrong.",
        BUDGETS + "#unhealthy-pod-eviction-policy",
        unhealthy_may_go,
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
