"""How Pods are replaced: who makes them again, whether a release reaches all of them, whose they are."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, patch
from runbook_lib.judge.workload.world import LONG_RUNNING, Workload, World

CONTROLLERS = DOCS + "concepts/workloads/controllers/"


def not_paused(world: World) -> Iterator[Seen]:
    for workload in world.workloads("Deployment"):
        node = workload.spec.get("paused")
        if node.is_true():
            mend = patch(workload.resource, {"spec": {"paused": None}})
            yield failed(workload, node, "paused: a release and a rollback are written down and never happen", mend)
        else:
            yield passed(workload, workload.spec, "not paused")


def reaches_all(world: World) -> Iterator[Seen]:
    """OnDelete and partition leave Pods at their old revision until a person comes by."""
    for workload in world.workloads("StatefulSet", "DaemonSet"):
        strategy = workload.spec.get("updateStrategy")
        kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
        partition = rolling.get("partition")
        mend = patch(workload.resource, {"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": None}}})
        replicas = world.replicas(workload)
        if kind.text("RollingUpdate") == "OnDelete":
            yield failed(workload, kind, "OnDelete: a release reaches a Pod only when somebody deletes it", mend)
        elif workload.kind == "StatefulSet" and (partition.integer(0) or 0) > 0:
            kept = min(partition.integer(0) or 0, replicas)
            message = f"partition {partition.text()} at {replicas} replicas: {kept} Pods keep their old revision"
            none = kept == replicas and world.scaler(workload) is None and world.scaled_by_events(workload) is None
            yield failed(workload, partition, message, mend, "blocking" if none else None)
        else:
            yield passed(workload, kind if kind.exists else workload.spec, "a release reaches every Pod")


def made_again(world: World) -> Iterator[Seen]:
    for workload in world.workloads("Pod", "ReplicaSet"):
        metadata = workload.resource.node.get("metadata")
        owners, hook = metadata.get("ownerReferences"), metadata.get("annotations", "helm.sh/hook")
        if owners.elements():
            yield passed(workload, owners, f"{owners.elements()[0].get('kind').text('another object')} makes it")
        elif hook.exists:
            yield passed(workload, hook, f"runs once, as the hook {hook.text()}")
        elif workload.kind == "Pod":
            yield failed(workload, workload.resource.node, "a Pod on its own: it is gone with its node, for good")
        else:
            message = "a ReplicaSet on its own: a new image reaches no Pod, and there is no revision to go back to"
            yield failed(workload, workload.resource.node, message)


def only_its_own(world: World) -> Iterator[Seen]:
    """Selectors of two controllers must not overlap: each counts the other's Pods."""
    for workload in world.workloads(*LONG_RUNNING):
        selector = workload.spec.get("selector")
        taken = world.selected(workload.resource, selector)
        others = [w.title for w in taken if w.resource is not workload.resource and not _owned(w)]
        if others:
            yield failed(workload, selector, f"the selector takes in the Pods of {', '.join(others[:3])}, too")
        elif taken:
            yield passed(workload, selector, "the selector takes in nobody else's Pods")


def _owned(workload: Workload) -> bool:
    return bool(workload.resource.node.get("metadata", "ownerReferences").elements())


def bounded_strategy(world: World) -> Iterator[Seen]:
    """Percentages, surge and fences belong to RollingUpdate; with another type the API server refuses them."""
    for workload in world.workloads("Deployment", "StatefulSet", "DaemonSet"):
        field = "strategy" if workload.kind == "Deployment" else "updateStrategy"
        strategy = workload.spec.get(field)
        kind, rolling = strategy.get("type").text("RollingUpdate"), strategy.get("rollingUpdate")
        known = ("RollingUpdate", "Recreate") if workload.kind == "Deployment" else ("RollingUpdate", "OnDelete")
        if not strategy.exists:
            continue
        if kind not in known:
            mend = patch(workload.resource, {"spec": {field: {"type": "RollingUpdate"}}})
            message = f"{field} {kind}: a {workload.kind} knows {' and '.join(known)}"
            yield failed(workload, strategy.get("type"), message, mend)
        elif kind != "RollingUpdate" and rolling.exists and workload.kind != "DaemonSet":
            mend = patch(workload.resource, {"spec": {field: {"rollingUpdate": None}}})
            yield failed(workload, rolling, f"rollingUpdate beside type {kind}: the API server refuses it", mend)
        elif workload.kind == "DaemonSet" and kind == "RollingUpdate" and _one_of_two(rolling):
            mend = patch(workload.resource, {"spec": {field: {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}})
            yield failed(workload, rolling, f"{_one_of_two(rolling)}: the API server refuses it", mend)
        else:
            yield passed(workload, strategy, f"{field} {kind}")


def _one_of_two(rolling: Node) -> str:
    """Of a DaemonSet either a Pod goes first or a new one comes first: one of the two is zero, and not both."""
    surge, away = rolling.get("maxSurge").text("0"), rolling.get("maxUnavailable").text("1")
    if (surge.strip("0%") == "") != (away.strip("0%") == ""):
        return ""
    told = "" if rolling.get("maxUnavailable").exists else " (not set)"
    return f"maxSurge {surge} beside maxUnavailable {away}{told}"


CHECKS = (
    Check(
        "not-paused",
        "Rollouts are not paused",
        "blocking",
        "Neither the release nor the way back would move a Pod.",
        CONTROLLERS + "deployment/#pausing-and-resuming-a-deployment",
        not_paused,
    ),
    Check(
        "update-strategy",
        "A release reaches every Pod",
        "warning",
        "Users would meet two versions for as long as nobody looks.",
        CONTROLLERS + "statefulset/#update-strategies",
        reaches_all,
    ),
    Check(
        "strategy-form",
        "The strategy has a valid form",
        "blocking",
        "The API server refuses the workload.",
        CONTROLLERS + "deployment/#strategy",
        bounded_strategy,
    ),
    Check(
        "made-again",
        "Something makes the Pods again",
        "warning",
        "A machine was started again after a power cut; a Pod on its own is not.",
        DOCS + "concepts/workloads/pods/#working-with-pods",
        made_again,
    ),
    Check(
        "selector-alone",
        "No two controllers share Pods",
        "warning",
        "Budgets, autoscalers and rollouts count Pods that are not theirs.",
        CONTROLLERS + "deployment/#selector",
        only_its_own,
    ),
)
