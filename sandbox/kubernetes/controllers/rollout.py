"""How many Pods each ReplicaSet may have during a rollout: the arithmetic of the Deployment controller.

Counts come from `spec.replicas` and `status` of Deployments (`d`) and ReplicaSets, as plain dicts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

JsonObject = dict[str, Any]

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"


def replicas(obj: JsonObject) -> int:
    """The replicas asked for."""
    count: int = obj["spec"].get("replicas", 1)
    return count


def total(sets: Iterable[JsonObject]) -> int:
    """The replicas asked for by all of them."""
    return sum(replicas(one) for one in sets)


def actual(sets: Iterable[JsonObject], field: str = "replicas") -> int:
    """The sum of one field of their status."""
    return sum(one.get("status", {}).get(field, 0) for one in sets)


def is_rolling(d: JsonObject) -> bool:
    return bool(d["spec"].get("strategy", {}).get("type", "RollingUpdate") == "RollingUpdate")


def scaled(value: int | str, of: int, *, up: bool) -> int:
    """An int-or-percent of a number, rounded up or down."""
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        return int(value)
    share = int(value[:-1]) * of
    return math.ceil(share / 100) if up else share // 100


def max_surge(d: JsonObject) -> int:
    """Pods above the wanted number during a rolling update; a share rounds up."""
    return _fenceposts(d)[0] if is_rolling(d) else 0


def max_unavailable(d: JsonObject) -> int:
    """Pods that may be missing during a rolling update; a share rounds down, and both cannot be zero."""
    if not is_rolling(d) or replicas(d) == 0:
        return 0
    return min(_fenceposts(d)[1], replicas(d))


def _fenceposts(d: JsonObject) -> tuple[int, int]:
    rolling = d["spec"].get("strategy", {}).get("rollingUpdate", {})
    surge = scaled(rolling.get("maxSurge", "25%"), replicas(d), up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas(d), up=False)
    return surge, unavailable if surge or unavailable else 1


def new_set_size(d: JsonObject, sets: Iterable[JsonObject], new: JsonObject) -> int:
    """How far the new ReplicaSet may grow now."""
    if not is_rolling(d):
        return replicas(d)
    free = replicas(d) + max_surge(d) - total(sets)
    if free <= 0:
        return replicas(new)
    return replicas(new) + min(free, replicas(d) - replicas(new))


def old_set_sizes(d: JsonObject, old: list[JsonObject], new: JsonObject | None) -> dict[str, int]:
    """The sizes that old ReplicaSets (oldest first) shrink to now, by name: unhealthy Pods go first.

    A status may still count Pods that were told to go: no more are taken as available than are asked for.
    """
    everything = [*old, *([new] if new else [])]
    minimum = replicas(d) - max_unavailable(d)
    waiting = replicas(new) - actual([new], "availableReplicas") if new else 0
    spare = total(everything) - minimum - waiting
    if total(old) == 0 or spare <= 0:
        return {}
    sizes = {one["metadata"]["name"]: replicas(one) for one in old if replicas(one)}
    for one in old:
        unhealthy = max(replicas(one) - actual([one], "availableReplicas"), 0)
        less = min(spare, unhealthy)
        if less:
            sizes[one["metadata"]["name"]] -= less
            spare -= less
    spare = sum(min(actual([one], "availableReplicas"), replicas(one)) for one in everything) - minimum
    for one in old:
        less = min(max(spare, 0), sizes.get(one["metadata"]["name"], 0))
        if less:
            sizes[one["metadata"]["name"]] -= less
            spare -= less
    return {
        one["metadata"]["name"]: size for one in old if (size := sizes.get(one["metadata"]["name"], 0)) != replicas(one)
    }


def proportional_sizes(d: JsonObject, sets: list[JsonObject]) -> dict[str, int]:
    """The sizes of active ReplicaSets after a scale in the middle of a rollout, by name.

    Each gets its share of the change; what rounding leaves goes to the largest.
    """
    allowed = replicas(d) + max_surge(d) if replicas(d) > 0 else 0
    change = allowed - total(sets)
    created = {one["metadata"]["name"]: one["metadata"]["creationTimestamp"] for one in sets}
    ordered = sorted(sets, key=lambda one: created[one["metadata"]["name"]], reverse=change > 0)
    ordered.sort(key=lambda one: -replicas(one))
    sizes: dict[str, int] = {}
    added = 0
    for one in ordered:
        share = _share(one, d, change, added) if change else 0
        sizes[one["metadata"]["name"]] = replicas(one) + share
        added += share
    if ordered and change:
        largest = ordered[0]["metadata"]["name"]
        sizes[largest] = max(sizes[largest] + change - added, 0)
    return sizes


def _share(one: JsonObject, d: JsonObject, change: int, added: int) -> int:
    if replicas(one) == 0 or change in (0, added):
        return 0
    fraction, left = _fraction(one, d), change - added
    return min(fraction, left) if change > 0 else max(fraction, left)


def _fraction(one: JsonObject, d: JsonObject) -> int:
    if replicas(d) == 0:
        return -replicas(one)
    before = int(one["metadata"].get("annotations", {}).get(MAXIMUM, 0)) or actual([d])
    if not before:
        return 0
    return round(replicas(one) * (replicas(d) + max_surge(d)) / before) - replicas(one)
