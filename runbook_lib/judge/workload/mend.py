"""Applies a patch to a copy, as the API server's strategic merge does, and looks whether the finding is gone."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from runbook_lib.artefacts import Node, Resource, node_of
from runbook_lib.judge.workload.check import Check, Seen
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Outcome

# The keys that make two members of a list the same, the first that the patch has; lists without one are replaced.
MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
}
MOST = 50
"""Patches of one object that a check may have tried: each is another look at everything."""
Place = tuple[str, str, int]


def merge(base: Any, change: Any, field: str = "") -> Any:
    """The strategic merge of two plain values; null removes a key."""
    return merge_node(node_of(base), change, field).plain()


def merge_node(base: Node, change: Any, field: str = "") -> Node:
    """The same of a Node: what the patch does not touch keeps its line, and is not copied."""
    if isinstance(base.value, dict) and isinstance(change, dict):
        result = dict(base.value)
        for key, value in change.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merge_node(base.get(key), value, key)
        return dataclasses.replace(base, value=result)
    if isinstance(base.value, list) and isinstance(change, list) and field in MERGE_KEYS:
        return dataclasses.replace(base, value=_merge_list(base, change, MERGE_KEYS[field]))
    return node_of(_without_nulls(change), base.file, base.line, base.path)


def _merge_list(base: Node, change: list[Any], keys: tuple[str, ...]) -> list[Node]:
    result = list(base.elements())
    for item in change:
        key = next((key for key in keys if isinstance(item, dict) and key in item), "")
        position = next((n for n, old in enumerate(result) if key and old.get(key).value == item[key]), None)
        if position is None:
            result.append(node_of(_without_nulls(item), base.file, base.line, f"{base.path}[{len(result)}]"))
        else:
            result[position] = merge_node(result[position], item)
    return result


def _without_nulls(change: Any) -> Any:
    if isinstance(change, dict):
        return {key: _without_nulls(value) for key, value in change.items() if value is not None}
    return [_without_nulls(item) for item in change] if isinstance(change, list) else change


def mended(world: World, *mends: dict[str, Any]) -> World:
    """The world with patches applied, each to the object that it names; one that is not there is added."""
    resources = list(world.resources)
    added: dict[tuple[str, str, str], int] = {}
    for mend in mends:
        there = world.positions.get(target(mend), added.get(target(mend)))
        if there is None:
            added[target(mend)] = len(resources)
            resources.append(_added(mend))
        else:
            changed = merge_node(resources[there].node, mend)
            resources[there] = dataclasses.replace(resources[there], node=changed)
    return dataclasses.replace(world, resources=tuple(resources), made=dict(world.made))


def target(mend: dict[str, Any]) -> tuple[str, str, str]:
    """Kind, namespace and name of the object that a patch is for."""
    metadata = mend.get("metadata") or {}
    return str(mend.get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name"))


def _added(mend: dict[str, Any]) -> Resource:
    node = node_of(mend)
    kind, namespace, name = target(mend)
    return Resource(node.get("apiVersion").text(), kind, name, namespace, node)


def working(world: World, check: Check, found: Sequence[Seen]) -> set[int]:
    """Positions of the findings whose patch, applied to a copy, makes the check fail less often on their object.

    Patches of different objects are tried together, those of one object one after the other: the check is put to as
    many copies as the object with most patches has, not to one for every patch. Beyond the first MOST of one object
    none is tried, and none is offered.
    """
    rounds: dict[int, list[int]] = defaultdict(list)
    tried: Counter[tuple[str, str, str]] = Counter()
    for position, seen in enumerate(found):
        if seen.mend is not None and seen.outcome is Outcome.FAIL and tried[target(seen.mend)] < MOST:
            rounds[tried[target(seen.mend)]].append(position)
            tried[target(seen.mend)] += 1
    if not rounds:
        return set()
    before = _failures(world, found)
    result: set[int] = set()
    for positions in rounds.values():
        copy = mended(world, *(found[position].mend or {} for position in positions))
        after = _failures(world, check.judge(copy))
        places = {position: _place(world, found[position]) for position in positions}
        result |= {position for position, place in places.items() if after[place] < before[place]}
    return result


def _failures(world: World, found: Iterable[Seen]) -> Counter[Place]:
    return Counter(_place(world, seen) for seen in found if seen.outcome is Outcome.FAIL)


def _place(world: World, seen: Seen) -> Place:
    """Which object a finding is about: its title, and where it begins when several namespaces have that title."""
    if seen.object.partition(", ")[0] not in world.homonyms:
        return seen.object, "", 0
    lines = world.beginnings.get(seen.node.file, [])
    position = bisect_right(lines, seen.node.line)
    return seen.object, seen.node.file, lines[position - 1] if position else 0
