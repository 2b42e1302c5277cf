"""What a replacement of an object keeps of the stored one, and whether it changes anything."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import ownership
from sandbox.kubernetes.clone import clone
from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]


def with_server_fields(resource: Resource, obj: JsonObject, previous: JsonObject) -> JsonObject:
    """The object with what only the server writes taken from the stored one."""
    old = previous["metadata"]
    updated: JsonObject = clone(obj)
    metadata = updated["metadata"]
    for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata.pop(field, None)
        if field in old:
            metadata[field] = old[field]
    if "generateName" in old:
        metadata["generateName"] = old["generateName"]
    metadata["resourceVersion"] = old["resourceVersion"]
    if "status" in resource.subresources:
        updated.pop("status", None)
        if "status" in previous:
            updated["status"] = clone(previous["status"])
    return updated


def with_new_status(obj: JsonObject, previous: JsonObject) -> JsonObject:
    """The stored object with the status and the annotations that were given."""
    updated: JsonObject = clone(previous)
    if "status" in obj:
        updated["status"] = clone(obj["status"])
    if "annotations" in obj["metadata"]:
        updated["metadata"]["annotations"] = clone(obj["metadata"]["annotations"])
    return updated


def same(updated: JsonObject, previous: JsonObject, *, compare_managed: bool) -> bool:
    """Equal, leaving aside the bookkeeping of owners, or only its times."""
    left, right = dict(updated), dict(previous)
    left["metadata"], right["metadata"] = dict(left["metadata"]), dict(right["metadata"])
    mine, theirs = left["metadata"].pop("managedFields", []), right["metadata"].pop("managedFields", [])
    if left != right:
        return False
    return not compare_managed or ownership.without_times(mine) == ownership.without_times(theirs)


def spec_differs(resource: Resource, updated: JsonObject, previous: JsonObject) -> bool:
    """Whether the generation counts the change; of a Deployment it counts the annotations, too."""
    if resource.kind == "Deployment":
        annotations = [side["metadata"].get("annotations") or {} for side in (updated, previous)]
        if annotations[0] != annotations[1]:
            return True
    outside = ("metadata", "status")
    return {key: value for key, value in updated.items() if key not in outside} != {
        key: value for key, value in previous.items() if key not in outside
    }
