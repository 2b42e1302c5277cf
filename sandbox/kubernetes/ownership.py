"""Which manager owns which field: `metadata.managedFields`, as the API server's field managers keep it.

A field is a path of elements as FieldsV1 writes them: `f:spec`, `k:{"name":"c"}`, `v:"x"`. A set of fields is a set of
paths; a map or an item of a list is a member of its own (`.` in FieldsV1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.kubernetes import fields
from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]
FieldPath = tuple[str, ...]
FieldSet = set[FieldPath]

_NOBODYS = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
_NOTHING: Any = object()


def updated(
    resource: Resource,
    previous: JsonObject | None,
    obj: JsonObject,
    manager: str,
    now: str,
    subresource: str | None = None,
) -> list[JsonObject]:
    """The managedFields after a write that was not an apply: who changed a field owns it.

    An object that nobody owns a field of (it was created empty) stays so until it is applied.
    """
    entries = (previous or {}).get("metadata", {}).get("managedFields", [])
    if previous is not None and not entries:
        return []
    changed, removed = difference(resource, previous, obj, with_status=subresource == "status")
    mine = {"manager": manager, "operation": "Update", "apiVersion": resource.api_version}
    if subresource in ("status", "scale"):
        mine["subresource"] = subresource
    return rewritten(entries, mine, changed, removed, now)


def rewritten(
    entries: list[JsonObject], mine: JsonObject, changed: FieldSet, removed: FieldSet, now: str
) -> list[JsonObject]:
    """Entries after one manager changed some fields and removed others."""
    result, found = [], False
    for entry in entries:
        own = same_manager(entry, mine)
        found = found or own
        before = from_json(entry.get("fieldsV1", {}))
        after = (before | changed if own else before - changed) - removed
        if after == before and not (own and changed):  # a new value of a field that was its own is noted, too
            result.append(entry)
        elif after:
            result.append(entry | {"fieldsV1": to_json(after)} | ({"time": now} if own else {}))
    if mine and not found and changed:  # nobody in particular: the fields are only taken from the others
        result.append(entry_of(mine, changed, now))
    return ordered(result)


def entry_of(mine: JsonObject, owned: FieldSet, now: str) -> JsonObject:
    """One entry of managedFields; a write to /scale leaves no time."""
    time = {} if mine.get("subresource") == "scale" else {"time": now}
    return mine | time | {"fieldsType": "FieldsV1", "fieldsV1": to_json(owned)}


def ordered(entries: list[JsonObject]) -> list[JsonObject]:
    """Entries in the order of the API server."""
    return sorted(entries, key=lambda entry: (entry["operation"], entry.get("time", ""), entry["manager"]))


def same_manager(left: JsonObject, right: JsonObject) -> bool:
    return all(left.get(key) == right.get(key) for key in ("manager", "operation", "apiVersion", "subresource"))


def without_times(entries: list[JsonObject]) -> list[JsonObject]:
    """Entries to compare: when they were written does not matter."""
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]


# between sets of paths and FieldsV1


def to_json(paths: Iterable[FieldPath]) -> JsonObject:
    """FieldsV1 of a set of fields."""
    root: JsonObject = {}
    members = sorted(paths)
    for path in members:
        node = root
        for element in path:
            node = node.setdefault(element, {})
    for path in members:
        node = root
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return root


def from_json(value: JsonObject, path: FieldPath = ()) -> FieldSet:
    """The set of fields that FieldsV1 says."""
    found: FieldSet = set()
    for element, inner in value.items():
        if element == ".":
            found.add(path)
        elif inner:
            found |= from_json(inner, (*path, element))
        else:
            found.add((*path, element))
    return found


# fields of objects


def difference(
    resource: Resource, old: JsonObject | None, new: JsonObject, *, with_status: bool
) -> tuple[FieldSet, FieldSet]:
    """Fields that `new` sets or changes, and fields that it no longer has."""
    changed: FieldSet = set()
    removed: FieldSet = set()
    for key in _owned_keys(resource, {**(old or {}), **new}, with_status):
        before = _tracked(key, (old or {}).get(key, _NOTHING))
        after = _tracked(key, new.get(key, _NOTHING))
        for sort, path in _compare(resource, before, after, (f"f:{key}",), (key,)):
            (changed if sort else removed).add(path)
    return changed, removed


def _owned_keys(resource: Resource, obj: JsonObject, with_status: bool) -> Iterator[str]:
    for key in obj:
        hidden = key == "status" and "status" in resource.subresources and not with_status
        if key not in ("apiVersion", "kind") and not hidden:
            yield key


def _tracked(key: str, value: Any) -> Any:
    """Metadata without what only the server writes."""
    if key != "metadata" or not isinstance(value, dict):
        return value
    return {name: inner for name, inner in value.items() if name not in _NOBODYS}


def _compare(
    resource: Resource, old: Any, new: Any, path: FieldPath, names: fields.Path
) -> Iterator[tuple[bool, FieldPath]]:
    """Pairs (changed, path), where `changed` False means removed."""
    if (old is _NOTHING and new is _NOTHING) or old == new:
        return
    if old is _NOTHING and new in (None, "") and not resource.custom:
        return  # the zero value of a member that is always written
    present = fields.is_present(resource, names) and not any(part[0] == "k" for part in path)
    if present:
        empty: Any = [] if isinstance(old if new is _NOTHING else new, list) else {}
        old, new = (empty if side is _NOTHING else side for side in (old, new))
    before, after = (children(resource, side, path, names) for side in (old, new))
    if before is None or after is None or (old is not _NOTHING and new is not _NOTHING and not _alike(old, new)):
        yield new is not _NOTHING, path
        return
    if old is _NOTHING or new is _NOTHING:
        yield new is not _NOTHING, path
    for element, (inner_names, value) in {**before, **after}.items():
        left = before[element][1] if element in before else _NOTHING
        right = value if element in after else _NOTHING
        yield from _compare(resource, left, right, (*path, element), inner_names)


def _alike(old: Any, new: Any) -> bool:
    return isinstance(old, dict) == isinstance(new, dict)


def children(
    resource: Resource, value: Any, path: FieldPath, names: fields.Path
) -> dict[str, tuple[fields.Path, Any]] | None:
    """The owned parts of a map or list by their path element; None when the value is one field."""
    if value is _NOTHING:
        return {}
    if isinstance(value, dict):
        in_list = path[-1][0] == "k"
        if not in_list and fields.is_atomic(resource, names):
            return None
        return {f"f:{key}": ((*names, key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return _items(resource, value, names)
    return None


def _items(resource: Resource, value: list[Any], names: fields.Path) -> dict[str, tuple[fields.Path, Any]] | None:
    if fields.is_set(names):
        return {f"v:{json.dumps(item)}": (names, item) for item in value}
    keys = fields.list_keys(resource, names)
    if not keys or not all(isinstance(item, dict) for item in value):
        return None
    return {item_element(item, keys): (names, item) for item in value}


def item_element(item: JsonObject, keys: tuple[str, ...]) -> str:
    """The path element of an item that is known by keys."""
    known = {key: item.get(key, "TCP" if key == "protocol" else None) for key in sorted(keys)}
    known = {key: value for key, value in known.items() if value is not None}
    return "k:" + json.dumps(known, separators=(",", ":"))
