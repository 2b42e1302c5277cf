"""The ReplicaSet controller: as many Pods as asked for, and which of them go first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.kubernetes.controllers import pods as pod
from sandbox.kubernetes.controllers.deployment import MANAGER, REPLICA_SETS, Controller
from sandbox.kubernetes.controllers.progress import condition
from sandbox.kubernetes.controllers.revisions import controller_uid, owner_of
from sandbox.kubernetes.controllers.rollout import replicas
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.store import timestamp

JsonObject = dict[str, Any]

RETRY_SECONDS = 1.0  # before Pods that were refused are tried again: a quota may have been raised
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def reconcile(controller: Controller, namespace: str, name: str) -> float | None:
    """Makes or deletes Pods of one ReplicaSet and counts them; returns when to look again, in seconds."""
    one = controller.store.find(REPLICA_SETS, namespace, name)
    if one is None:
        return None
    mine = _pods(controller, one)
    active = [each for each in mine if pod.is_active(each)]
    failure = None
    if "deletionTimestamp" not in one["metadata"]:
        failure = _manage(controller, one, active)
    # As in Kubernetes the status counts what was seen before: the new Pods come with the next look.
    status = _status(controller, one, mine, active, failure)
    if status != one.get("status"):
        controller.store.update(REPLICA_SETS, one | {"status": status}, "status", MANAGER)
    again = _seconds_until_available(one, active, controller.store.clock())
    return again if failure is None else min(again or RETRY_SECONDS, RETRY_SECONDS)


def _pods(controller: Controller, one: JsonObject) -> list[JsonObject]:
    """The Pods it owns, after taking in those that match and have no owner."""
    namespace, uid = one["metadata"]["namespace"], one["metadata"]["uid"]
    if "deletionTimestamp" not in one["metadata"]:
        for orphan in [each for each in controller.store.view(pod.PODS, namespace) if _is_orphan_of(each, one)]:
            references = [*orphan["metadata"].get("ownerReferences", ()), owner_of(one)]
            adopted = orphan | {"metadata": orphan["metadata"] | {"ownerReferences": references}}
            controller.store.update(pod.PODS, adopted, manager=MANAGER)
    return [each for kind, each in controller.store.dependents(uid) if kind == pod.PODS and controller_uid(each) == uid]


def _is_orphan_of(each: JsonObject, one: JsonObject) -> bool:
    return (
        controller_uid(each) is None
        and pod.is_active(each)
        and pod.matches(one["spec"]["selector"], each["metadata"].get("labels", {}))
    )


def _manage(controller: Controller, one: JsonObject, active: list[JsonObject]) -> ApiError | None:
    """Creates what is missing, deletes what is too much; the error when Pods are refused."""
    missing = replicas(one) - len(active)
    for _ in range(missing):
        try:
            made = controller.store.create(pod.PODS, _new_pod(one), MANAGER)
        except ApiError as error:
            controller.recorder.record(one, "Warning", "FailedCreate", f"Error creating: {error.message}")
            return error
        controller.recorder.record(one, "Normal", "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")
    for each in sorted(active, key=_rank)[: max(-missing, 0)]:
        name = each["metadata"]["name"]
        controller.store.delete(pod.PODS, one["metadata"]["namespace"], name)
        controller.recorder.record(one, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")
    return None


def _new_pod(one: JsonObject) -> JsonObject:
    template = one["spec"]["template"]
    name, namespace = one["metadata"]["name"], one["metadata"]["namespace"]
    template_metadata = {
        field: template["metadata"][field] for field in ("labels", "annotations") if field in template["metadata"]
    }
    metadata = {"generateName": f"{name}-", "namespace": namespace, "ownerReferences": [owner_of(one)]}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": template_metadata | metadata, "spec": template["spec"]}


def _rank(each: JsonObject) -> tuple[Any, ...]:
    """Which Pod goes first: not on a node, pending, not ready, cheap, lately ready, often restarted, young."""
    phases = {"Pending": 0, "Unknown": 1, "Running": 2}
    status = each.get("status", {})
    since = pod.ready_since(each)
    restarts = max((one["restartCount"] for one in status.get("containerStatuses", ())), default=0)
    created = datetime.strptime(each["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return (
        bool(each["spec"].get("nodeName")),
        phases.get(status.get("phase", "Pending"), 2),
        since is not None,
        int(each["metadata"].get("annotations", {}).get(DELETION_COST, 0)),
        -since.timestamp() if since else 0.0,
        -restarts,
        -created.timestamp(),
    )


def _status(
    controller: Controller, one: JsonObject, mine: list[JsonObject], active: list[JsonObject], failure: ApiError | None
) -> JsonObject:
    now = controller.store.clock()
    labels = one["spec"]["template"]["metadata"].get("labels", {})
    wait = timedelta(seconds=one["spec"].get("minReadySeconds", 0))
    ready = [since for each in active if (since := pod.ready_since(each)) is not None]
    counts = {
        "fullyLabeledReplicas": sum(labels.items() <= each["metadata"].get("labels", {}).items() for each in active),
        "readyReplicas": len(ready),
        "availableReplicas": sum(since + wait <= now or not wait for since in ready),
    }
    status: JsonObject = {"replicas": len(active)} | {name: count for name, count in counts.items() if count}
    status["terminatingReplicas"] = sum(pod.is_terminating(each) for each in mine)
    status["observedGeneration"] = one["metadata"]["generation"]
    if failure is not None:
        status["conditions"] = [_failure(one, failure, now)]
    return status


def _failure(one: JsonObject, failure: ApiError, now: datetime) -> JsonObject:
    known = condition(one.get("status", {}), "ReplicaFailure")
    if known is not None and known["message"] == failure.message:
        return known
    return {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": timestamp(now),
        "reason": "FailedCreate",
        "message": failure.message,
    }


def _seconds_until_available(one: JsonObject, active: list[JsonObject], now: datetime) -> float | None:
    wait = timedelta(seconds=one["spec"].get("minReadySeconds", 0))
    due = [since + wait for each in active if (since := pod.ready_since(each)) is not None and since + wait > now]
    return min(((when - now).total_seconds() for when in due), default=None)
