"""Which manager owns which field: `metadata.managedFields`."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]


def updated(
    resource: Resource,
    previous: JsonObject | None,
    obj: JsonObject,
    manager: str,
    now: str,
    subresource: str | None = None,
) -> list[JsonObject]:
    """The managedFields after a write that was not an apply."""
    return list(obj["metadata"].get("managedFields", []))


def without_times(entries: list[JsonObject]) -> list[JsonObject]:
    """Entries to compare: when they were written does not matter."""
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]
