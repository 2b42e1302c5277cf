"""Rollout arithmetic at the real number of replicas, and whether there is a way back."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.artefacts import Node
from runbook_lib.judge.quantity import rounded
from runbook_lib.judge.workload.check import DOCS, Check, Seen, Severity, failed, passed, patch, unknown
from runbook_lib.judge.workload.probes import allowed
from runbook_lib.judge.workload.world import REPLICATED, Workload, World

LINK = DOCS + "concepts/workloads/controllers/deployment/"


def more_than_one(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*REPLICATED):
        count, node = world.replicas(workload), workload.spec.get("replicas")
        scaler = world.scaler(workload) or world.scaled_by_events(workload)
        least = "minReplicas" if world.scaler(workload) else "minReplicaCount"
        source = f"{least} of {scaler.title}" if scaler else "replicas" if node.exists else "replicas is not set, so 1"
        if count >= 2:
            yield passed(workload, node, f"{count} replicas ({source})")
        else:
            mend = None if scaler else patch(workload.resource, {"spec": {"replicas": 2}})
            yield failed(workload, node, f"{count} replica ({source}): every node drain is an outage", mend)


def arithmetic(world: World) -> Iterator[Seen]:
    """maxSurge rounds up, maxUnavailable rounds down; both zero is refused, all unavailable is an outage."""
    for workload in world.workloads("Deployment"):
        strategy = workload.spec.get("strategy")
        if strategy.get("type").text("RollingUpdate") != "RollingUpdate":
            continue
        replicas, rolling = world.replicas(workload), strategy.get("rollingUpdate")
        surge = rounded(rolling.get("maxSurge"), replicas, "25%", up=True)
        away = rounded(rolling.get("maxUnavailable"), replicas, "25%", up=False)
        node = rolling if rolling.exists else workload.spec
        mend = patch(workload.resource, {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}})
        if surge is None or away is None:
            yield failed(workload, node, "maxSurge and maxUnavailable must be numbers or percentages", mend)
            continue
        # where rounding leaves no room at all the controller takes one Pod away first
        away = 1 if surge == 0 and away == 0 else away
        sums = (
            f"at {replicas} replicas maxSurge {rolling.get('maxSurge').text('25%')} = {surge}, "
            f"maxUnavailable {rolling.get('maxUnavailable').text('25%')} = {away}"
        )
        if _zero(rolling.get("maxSurge").text("25%")) and _zero(rolling.get("maxUnavailable").text("25%")):
            yield failed(workload, node, "maxSurge and maxUnavailable are both zero: the API server refuses it", mend)
        elif replicas and away >= replicas:
            yield failed(workload, node, f"{sums}: no Pod has to stay, the rollout is an outage", mend)
        else:
            yield passed(workload, node, f"{sums}: at least {max(replicas - away, 0)} stay available")
    yield from _of_sets(world)


def _of_sets(world: World) -> Iterator[Seen]:
    """Only where maxUnavailable is given: without it one Pod goes after the other."""
    for workload in world.workloads("StatefulSet", "DaemonSet"):
        strategy = workload.spec.get("updateStrategy")
        node = strategy.get("rollingUpdate", "maxUnavailable")
        if node.exists and strategy.get("type").text("RollingUpdate") == "RollingUpdate":
            yield (_of_set if workload.kind == "StatefulSet" else _of_nodes)(world, workload, node)


def _of_set(world: World, workload: Workload, node: Node) -> Seen:
    """Rounded up and never zero; the field counts by default from 1.35, and what a partition keeps stays anyhow."""
    replicas, mend = world.replicas(workload), _by_one(workload)
    away = rounded(node, replicas, "1", up=True)
    if away is None or _zero(node.text()) or _over(node):
        return failed(
            workload, node, f"maxUnavailable {node.text()} is refused: a number from 1 on, or 1% to 100%", mend
        )
    kept = workload.spec.get("updateStrategy", "rollingUpdate", "partition").integer(0) or 0
    sums = f"at {replicas} replicas maxUnavailable {node.text()} = {away}"
    if away >= replicas > 1 and not kept:
        message = f"{sums}: from Kubernetes 1.35 on every Pod is away at once, the rollout is an outage"
        older = world.schemas is not None and int(world.schemas.version.partition(".")[2]) < 35
        return failed(workload, node, message, mend, "info" if older else None)
    return passed(workload, node, f"{sums} at a time")


def _of_nodes(world: World, workload: Workload, node: Node) -> Seen:
    """Rounded up, too; how many nodes there are no manifest says. Without a Service it is no outage of users."""
    share, mend = rounded(node, 100, "1", up=True), _by_one(workload)
    if share is None or _over(node):
        return failed(workload, node, f"maxUnavailable {node.text()} is refused: a number, or 0% to 100%", mend)
    severity: Severity | None = None if world.services(workload) else "warning"
    percent = node.text().endswith("%")
    if percent and share == 100:
        return failed(workload, node, "maxUnavailable 100%: on all nodes the Pod is away at once", mend, severity)
    few = -(-100 // (100 - share)) - 1 if percent else share
    if few > 1:
        message = f"maxUnavailable {node.text()} is every Pod where there are {few} nodes or fewer"
        return unknown(workload, node, f"{message}: make sure that there are more", "info")
    return passed(workload, node, f"maxUnavailable {node.text()} of the nodes at a time")


def _by_one(workload: Workload) -> dict[str, object]:
    return patch(workload.resource, {"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}}}})


def _over(node: Node) -> bool:
    return node.text().endswith("%") and int(node.text()[:-1]) > 100


def keeps_running(world: World) -> Iterator[Seen]:
    """Recreate stops everything first; RollingUpdate on a ReadWriteOnce volume waits for itself.

    Not without a surge: then the old Pod is gone before the new one starts, and rollout-arithmetic asks what is left.
    """
    for workload in world.workloads("Deployment"):
        kind = workload.spec.get("strategy", "type")
        single = _single_node_claims(world, workload)
        if kind.text("RollingUpdate") == "Recreate":
            message = "Recreate stops all Pods before it starts new ones"
            if single:
                yield passed(workload, kind, f"{message}; right here, because {single} is ReadWriteOnce")
            else:
                yield failed(
                    workload, kind, message, patch(workload.resource, {"spec": {"strategy": {"type": "RollingUpdate"}}})
                )
        elif single and rounded(workload.spec.get("strategy", "rollingUpdate", "maxSurge"), 100, "25%", up=True) != 0:
            message = (
                f"RollingUpdate with {single}, which one node mounts at a time: the new Pod waits "
                "for the old one, and the old one for the new"
            )
            yield failed(workload, workload.spec, message)
        else:
            yield passed(workload, workload.spec, f"RollingUpdate{'' if kind.exists else ' (unset, so the default)'}")


def way_back(world: World) -> Iterator[Seen]:
    for workload in world.workloads("Deployment", "StatefulSet", "DaemonSet"):
        node = workload.spec.get("revisionHistoryLimit")
        kept = node.integer(10)
        if kept == 0:
            mend = patch(workload.resource, {"spec": {"revisionHistoryLimit": 10}})
            yield failed(workload, node, "revisionHistoryLimit 0: rollout undo has nothing to go back to", mend)
        elif kept is not None:
            yield passed(workload, node, f"{kept} revisions are kept")


def deadline(world: World) -> Iterator[Seen]:
    """A rollout must not be called failed while Pods start as they did on the machines, or are still allowed to."""
    for workload in world.workloads("Deployment"):
        node = workload.spec.get("progressDeadlineSeconds")
        given, settle = node.integer(600) or 600, workload.spec.get("minReadySeconds").integer(0) or 0
        probes = [c.node.get("startupProbe") for c in workload.containers if c.node.get("startupProbe").exists]
        measured = world.assessed_of(workload).start_seconds
        start = max([measured or 0, *(allowed(probe)[0] for probe in probes)])
        needed = start + settle
        if given > needed and measured is None and not probes:
            message = f"deadline {given} s, minReadySeconds {settle} s, but the start-up time was not measured"
            yield unknown(workload, node, f"{message}: {world.how_to_measure(workload)}", "info")
        elif given > needed:
            yield passed(workload, node, f"deadline {given} s > start {start:g} s + minReadySeconds {settle} s")
        else:
            mend = patch(workload.resource, {"spec": {"progressDeadlineSeconds": int(needed) + 120}})
            yield failed(
                workload,
                node,
                f"deadline {given} s is not longer than start {start:g} s + minReadySeconds {settle} s",
                mend,
            )


def settles(world: World) -> Iterator[Seen]:
    for workload in world.workloads("Deployment"):
        node = workload.spec.get("minReadySeconds")
        seconds = node.integer(0) or 0
        if seconds > 0:
            yield passed(workload, node, f"a Pod must stay ready for {seconds} s before the next one follows")
        else:
            mend = patch(workload.resource, {"spec": {"minReadySeconds": 10}})
            yield failed(
                workload, node, "minReadySeconds is 0: a Pod that crashes after a second counts as available", mend
            )


def one_hand_on_replicas(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*REPLICATED):
        scaler, node = world.scaler(workload) or world.scaled_by_events(workload), workload.spec.get("replicas")
        if scaler is None:
            continue
        if node.exists:
            mend = patch(workload.resource, {"spec": {"replicas": None}})
            message = f"replicas {node.text()} is set while {scaler.title} scales: every apply throws its work away"
            yield failed(workload, node, message, mend)
        else:
            yield passed(workload, workload.spec, f"{scaler.title} alone decides on the replicas")


def _single_node_claims(world: World, workload: Workload) -> str:
    for volume in workload.volumes:
        name = volume.get("persistentVolumeClaim", "claimName").text()
        claim = world.named("PersistentVolumeClaim", name, workload.resource) if name else None
        modes = [mode.text() for mode in claim.node.get("spec", "accessModes").elements()] if claim else []
        if claim and modes and set(modes) <= {"ReadWriteOnce", "ReadWriteOncePod"}:
            return claim.title
    return ""


def _zero(text: str) -> bool:
    return text.rstrip("%") in ("0", "00")


CHECKS = (
    Check(
        "replicas",
        "More than one replica",
        "blocking",
        "One Pod is less than the several VMs the service comes from.",
        LINK,
        more_than_one,
    ),
    Check(
        "rollout-arithmetic",
        "A rollout can move and keeps enough Pods",
        "blocking",
        "Percentages are rounded at the real number of replicas, not at the one in mind.",
        LINK + "#rolling-update-deployment",
        arithmetic,
    ),
    Check(
        "rollout-strategy",
        "A rollout does not stop the service",
        "blocking",
        "A release during the gray stages would be an outage.",
        LINK + "#strategy",
        keeps_running,
    ),
    Check(
        "revision-history",
        "There is a revision to go back to",
        "blocking",
        "The rollback runbook uses it.",
        LINK + "#rolling-back-a-deployment",
        way_back,
    ),
    Check(
        "progress-deadline",
        "The deadline is longer than a start",
        "warning",
        "A healthy rollout would be called failed.",
        LINK + "#progress-deadline-seconds",
        deadline,
    ),
    Check(
        "min-ready",
        "A Pod has to stay ready for a while",
        "info",
        "A late crash would be noticed only after all Pods are replaced.",
        LINK + "#min-ready-seconds",
        settles,
    ),
    Check(
        "replicas-and-hpa",
        "Only one hand sets the replicas",
        "warning",
        "The next apply sets them back in the middle of a stage.",
        DOCS + "concepts/workloads/autoscaling/horizontal-pod-autoscale/",
        one_hand_on_replicas,
    ),
)
