"""Applies a patch to a copy, as the API server's strategic merge does, and looks whether the finding is gone."""

from __future__ import annotations

import dataclasses
from typing import Any

from runbook_lib.artefacts import Resource, node_of
from runbook_lib.judge.workload.check import Check, Seen
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Outcome

# The key that makes two members of a list the same; lists without one are replaced.
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
}


def merge(base: Any, change: Any, field: str = "") -> Any:
    """The strategic merge of two plain values; null removes a key."""
    if isinstance(base, dict) and isinstance(change, dict):
        result = dict(base)
        for key, value in change.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merge(base.get(key), value, key)
        return result
    if isinstance(base, list) and isinstance(change, list) and field in MERGE_KEYS:
        return _merge_list(base, change, MERGE_KEYS[field])
    return change


def _merge_list(base: list[Any], change: list[Any], key: str) -> list[Any]:
    result = list(base)
    for item in change:
        position = next((n for n, old in enumerate(result) if _same(old, item, key)), None)
        if position is None:
            result.append(item)
        else:
            result[position] = merge(result[position], item)
    return result


def _same(one: Any, other: Any, key: str) -> bool:
    return isinstance(one, dict) and isinstance(other, dict) and key in other and one.get(key) == other[key]


def mended(world: World, mend: dict[str, Any]) -> World:
    """The world with one patch applied, or one object added."""
    kind, name = mend.get("kind"), mend.get("metadata", {}).get("name")
    resources: list[Resource] = []
    applied = False
    for resource in world.resources:
        if not applied and (resource.kind, resource.name) == (kind, name):
            plain = merge(resource.node.plain(), mend)
            resources.append(dataclasses.replace(resource, node=node_of(plain, resource.node.file, resource.node.line)))
            applied = True
        else:
            resources.append(resource)
    if not applied:
        node = node_of(mend)
        metadata = node.get("metadata")
        added = Resource(node.get("apiVersion").text(), str(kind), str(name), metadata.get("namespace").text(), node)
        resources.append(added)
    return dataclasses.replace(world, resources=tuple(resources))


def still_seen(world: World, check: Check, seen: Seen) -> bool:
    """Whether the check, put to the mended copy, still fails as often on the same object as before."""
    if seen.mend is None:
        return True
    return _failures(mended(world, seen.mend), check, seen) >= _failures(world, check, seen)


def _failures(world: World, check: Check, seen: Seen) -> int:
    return sum(item.outcome is Outcome.FAIL and item.object == seen.object for item in check.judge(world))
