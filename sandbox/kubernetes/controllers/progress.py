"""The status of a Deployment: its counts, and the conditions that say whether a rollout gets on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.kubernetes.controllers import rollout
from sandbox.kubernetes.store import timestamp

JsonObject = dict[str, Any]

COUNTS = (
    ("replicas", "replicas"),
    ("readyReplicas", "readyReplicas"),
    ("availableReplicas", "availableReplicas"),
)
NO_DEADLINE = 2**31 - 1


def condition(status: JsonObject, kind: str) -> JsonObject | None:
    """The condition of that type, or None."""
    return next((one for one in status.get("conditions", ()) if one["type"] == kind), None)


def with_condition(
    status: JsonObject, kind: str, truth: str, reason: str, message: str, now: datetime, *, refresh: bool = False
) -> JsonObject:
    """The status with a condition put last; unchanged when it says the same, unless `refresh` renews its time."""
    current = condition(status, kind)
    if current and (current["status"], current["reason"]) == (truth, reason) and not refresh:
        return status
    since = current["lastTransitionTime"] if current and current["status"] == truth else timestamp(now)
    fresh = {
        "type": kind,
        "status": truth,
        "lastUpdateTime": timestamp(now),
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    return status | {"conditions": [*_without(status, kind), fresh]}


def _without(status: JsonObject, kind: str) -> list[JsonObject]:
    return [one for one in status.get("conditions", ()) if one["type"] != kind]


def deadline(d: JsonObject) -> int | None:
    """Seconds within which a rollout must get on, or None."""
    seconds: int | None = d["spec"].get("progressDeadlineSeconds", 600)
    return None if seconds is None or seconds >= NO_DEADLINE else seconds


def counted(d: JsonObject, sets: list[JsonObject], new: JsonObject | None, now: datetime) -> JsonObject:
    """The new status with the counts of all ReplicaSets and the Available condition."""
    available = rollout.actual(sets, "availableReplicas")
    counts: JsonObject = {"observedGeneration": d["metadata"]["generation"]}
    numbers = {
        "replicas": rollout.actual(sets),
        "updatedReplicas": rollout.actual([new]) if new else 0,
        "readyReplicas": rollout.actual(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(rollout.total(sets) - available, 0),
    }
    counts |= {name: number for name, number in numbers.items() if number}
    counts["terminatingReplicas"] = rollout.actual(sets, "terminatingReplicas")
    old = d.get("status", {})
    counts |= {name: old[name] for name in ("collisionCount", "conditions") if name in old}
    enough = available >= rollout.replicas(d) - rollout.max_unavailable(d)
    truth, reason, words = (
        ("True", "MinimumReplicasAvailable", "has minimum availability")
        if enough
        else ("False", "MinimumReplicasUnavailable", "does not have minimum availability")
    )
    return with_condition(counts, "Available", truth, reason, f"Deployment {words}.", now)


def is_complete(d: JsonObject, status: JsonObject) -> bool:
    """All replicas are of the new template and available, and nothing else runs."""
    wanted = rollout.replicas(d)
    return (
        all(status.get(field, 0) == wanted for field in ("updatedReplicas", "replicas", "availableReplicas"))
        and status.get("observedGeneration", 0) >= d["metadata"]["generation"]
    )


def with_progress(d: JsonObject, status: JsonObject, new: JsonObject | None, now: datetime) -> JsonObject:
    """The status with the Progressing condition: complete, getting on, or timed out."""
    if deadline(d) is None:
        return status | {"conditions": _without(status, "Progressing")}
    current = condition(d.get("status", {}), "Progressing")
    if (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and current
        and current["reason"] == "NewReplicaSetAvailable"
    ):
        return status
    what = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{d["metadata"]["name"]}"'
    if is_complete(d, status):
        message = f"{what} has successfully progressed."
        return with_condition(status, "Progressing", "True", "NewReplicaSetAvailable", message, now)
    if _gets_on(d.get("status", {}), status):
        message = f"{what} is progressing."
        return with_condition(status, "Progressing", "True", "ReplicaSetUpdated", message, now, refresh=True)
    if _timed_out(d, now):
        message = f"{what} has timed out progressing."
        return with_condition(status, "Progressing", "False", "ProgressDeadlineExceeded", message, now)
    return status


def _gets_on(old: JsonObject, new: JsonObject) -> bool:
    def outdated(status: JsonObject) -> int:
        count: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return count

    grown = any(
        new.get(field, 0) > old.get(field, 0) for field in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return grown or outdated(new) < outdated(old)


def _timed_out(d: JsonObject, now: datetime) -> bool:
    left = seconds_left(d, now)
    current = condition(d.get("status", {}), "Progressing")
    if current is not None and current["reason"] == "ProgressDeadlineExceeded":
        return True
    return left is not None and left <= 0


def seconds_left(d: JsonObject, now: datetime) -> float | None:
    """Until the deadline is exceeded; None when it cannot be."""
    current, limit = condition(d.get("status", {}), "Progressing"), deadline(d)
    if limit is None or current is None or d["spec"].get("paused"):
        return None
    if current["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    updated = datetime.strptime(current["lastUpdateTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return (updated + timedelta(seconds=limit) - now).total_seconds()


def with_failures(status: JsonObject, sets: list[JsonObject], now: datetime) -> JsonObject:
    """The status with the ReplicaFailure condition of a ReplicaSet that cannot make its Pods, or without."""
    failure = next((found for one in sets if (found := condition(one.get("status", {}), "ReplicaFailure"))), None)
    if failure is not None:
        return with_condition(status, "ReplicaFailure", failure["status"], failure["reason"], failure["message"], now)
    if condition(status, "ReplicaFailure") is None:
        return status
    return status | {"conditions": _without(status, "ReplicaFailure")}
