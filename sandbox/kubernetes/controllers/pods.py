"""What controllers ask of a Pod: is it ready, is it going, does a selector choose it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.kubernetes.resources import resource

JsonObject = dict[str, Any]

PODS = resource("pods", "")


def is_active(pod: JsonObject) -> bool:
    """It runs or will run."""
    return not has_ended(pod) and "deletionTimestamp" not in pod["metadata"]


def is_terminating(pod: JsonObject) -> bool:
    """It was told to go and has not ended."""
    return not has_ended(pod) and "deletionTimestamp" in pod["metadata"]


def has_ended(pod: JsonObject) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def ready_since(pod: JsonObject) -> datetime | None:
    """When it became ready; None when it is not."""
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return datetime.strptime(condition["lastTransitionTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return None


def is_ready(pod: JsonObject) -> bool:
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions", ())
    )


def matches(selector: JsonObject, labels: dict[str, str]) -> bool:
    """Whether a label selector (matchLabels, matchExpressions) chooses an object with these labels."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions", ()))


def _holds(expression: JsonObject, labels: dict[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values", ())
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    exists: bool = operator == "Exists"
    return (key in labels) == exists
