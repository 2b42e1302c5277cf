"""The least strategic merge patch that makes one object of another, as kustomize and kubectl read it."""

from __future__ import annotations

from typing import Any

from runbook_lib.judge.workload.mend import MERGE_KEYS

BUILT_IN = ("apps", "autoscaling", "batch", "policy")
FORGOTTEN = ("extensions/v1beta1", "apps/v1beta1", "apps/v1beta2")
"""Versions whose kinds are in no schema of today's kustomize: it replaces their lists whole."""
NOT_BUILT_IN = ("gateway.networking.k8s.io", "snapshot.storage.k8s.io", "metrics.k8s.io")


def is_built_in(api_version: str) -> bool:
    """Whether kustomize knows by which keys the lists of this object are merged; those of others are replaced whole."""
    group = api_version.rpartition("/")[0]
    if api_version in FORGOTTEN:
        return False
    return group in ("", *BUILT_IN) or (group.endswith(".k8s.io") and group not in NOT_BUILT_IN)


def difference(before: Any, after: Any, keyed: bool, field: str = "") -> Any:
    """What merged into ``before`` gives ``after``; None takes a key away, an empty mapping changes nothing."""
    if isinstance(before, dict) and isinstance(after, dict):
        changed: dict[str, Any] = {key: None for key in before if key not in after}
        for key, value in after.items():
            if key not in before:
                changed[key] = value
            elif before[key] != value:
                changed[key] = difference(before[key], value, keyed, key)
        return changed
    if keyed and field in MERGE_KEYS and isinstance(before, list) and isinstance(after, list):
        return _members(before, after, MERGE_KEYS[field])
    return after


def _has(one: Any, key: str) -> bool:
    return isinstance(one, dict) and isinstance(one.get(key), str | int | float)


def _members(before: list[Any], after: list[Any], keys: tuple[str, ...]) -> list[Any]:
    """The members that differ, each with its key; the whole list where a key does not tell them apart."""
    key = next((key for key in keys if all(_has(one, key) for one in [*before, *after])), "")
    old = {one[key]: one for one in before} if key else {}
    new = {one[key] for one in after} if key else set()
    if not key or len(old) < len(before) or len(new) < len(after) or not set(old) <= new:
        return [{"$patch": "replace"}, *after]
    changed = []
    for one in after:
        if one[key] not in old:
            changed.append(one)
        elif old[one[key]] != one:
            changed.append({key: one[key], **difference(old[one[key]], one, keyed=True)})
    return changed
