"""Server-side apply: a manager says all the fields that it wants to own."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import defaults, fields, ownership
from sandbox.kubernetes.clone import clone
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.ownership import FieldPath, FieldSet
from sandbox.kubernetes.resources import Resource

JsonObject = dict[str, Any]


def apply(
    resource: Resource, live: JsonObject | None, config: JsonObject, manager: str, now: str, *, force: bool
) -> tuple[JsonObject, list[JsonObject]]:
    """The object after an apply and its managedFields; ApiError 409 when another manager owns what would change."""
    config = _without_server_fields(resource, defaults.pruned(config))
    wanted = _fields_of(resource, config)
    entries = (live or {}).get("metadata", {}).get("managedFields", [])
    mine = {"manager": manager, "operation": "Apply", "apiVersion": resource.api_version}
    merged: JsonObject = _merge(resource, live, config, (), ()) if live else clone(config)
    if live is not None:
        changed = wanted & ownership.difference(resource, live, _defaulted(resource, merged), with_status=False)[0]
        conflicts = _conflicts(entries, mine, changed)
        if conflicts and not force:
            raise _conflict(conflicts)
        merged = _without_abandoned(resource, merged, entries, mine, wanted)
    else:
        changed = set()
    others = [entry for entry in entries if not ownership.same_manager(entry, mine)]
    kept = ownership.rewritten(others, {}, changed, set(), now) if changed else others
    own = next((entry for entry in entries if ownership.same_manager(entry, mine)), None)
    if own is not None and ownership.from_json(own["fieldsV1"]) == wanted and not changed:
        kept = [*kept, own]
    elif wanted:
        kept = [*kept, ownership.entry_of(mine, wanted, now)]
    return merged, ownership.ordered([entry for entry in kept if entry.get("manager")])


def _defaulted(resource: Resource, obj: JsonObject) -> JsonObject:
    filled: JsonObject = defaults.pruned(obj)
    defaults.fill(resource, filled)
    return filled


def _without_server_fields(resource: Resource, config: JsonObject) -> JsonObject:
    """What an applied object can set."""
    metadata = config.setdefault("metadata", {})
    for field in ("managedFields", "creationTimestamp", "generation", "uid"):
        metadata.pop(field, None)
    if "status" in resource.subresources:
        config.pop("status", None)
    return config


def _fields_of(resource: Resource, config: JsonObject) -> FieldSet:
    """The fields that an applied object sets; a struct or list is not one of them, an item of a list is."""
    everything, _ = ownership.difference(resource, None, config, with_status=False)
    inner = {path[:length] for path in everything for length in range(1, len(path))}
    return {path for path in everything if path not in inner or path[-1][0] == "k"}


def _merge(resource: Resource, live: Any, config: Any, path: FieldPath, names: fields.Path) -> Any:
    """The live value with the applied one laid over it, as the types say."""
    if isinstance(config, dict) and isinstance(live, dict):
        if names and not path[-1].startswith("k:") and fields.is_atomic(resource, names):
            return clone(config)
        merged = dict(live)
        for key, value in config.items():
            element, inner = (*path, f"f:{key}"), (*names, key)
            merged[key] = _merge(resource, live[key], value, element, inner) if key in live else clone(value)
        return merged
    if isinstance(config, list) and isinstance(live, list):
        if fields.is_set(names):
            return [*live, *(item for item in config if item not in live)]
        keys = fields.list_keys(resource, names)
        if keys and all(isinstance(item, dict) for item in config):
            return _merge_items(resource, live, config, keys, path, names)
    return clone(config)


def _merge_items(
    resource: Resource, live: list[Any], config: list[Any], keys: tuple[str, ...], path: FieldPath, names: fields.Path
) -> list[Any]:
    there = {ownership.item_element(item, keys): item for item in live}
    wanted = {ownership.item_element(item, keys): item for item in config}
    kept = {key: item for key, item in there.items() if key not in wanted}
    applied = {
        key: _merge(resource, there[key], item, (*path, key), names) if key in there else clone(item)
        for key, item in wanted.items()
    }
    if set(there) >= set(wanted):  # nothing new: the order stays
        return [applied.get(key, item) for key, item in there.items()]
    return [*kept.values(), *applied.values()]


def _conflicts(entries: list[JsonObject], mine: JsonObject, changed: FieldSet) -> list[tuple[JsonObject, FieldPath]]:
    found = []
    for entry in entries:
        if not ownership.same_manager(entry, mine):
            owned = ownership.from_json(entry["fieldsV1"])
            found += [(entry, path) for path in sorted(owned & changed)]
    return found


def _conflict(conflicts: list[tuple[JsonObject, FieldPath]]) -> ApiError:
    """409 that names every field and its owner."""
    causes = []
    for entry, path in conflicts:
        update = f" using {entry['apiVersion']}" if entry["operation"] == "Update" else ""
        if entry.get("subresource"):
            update = f' with subresource "{entry["subresource"]}"{update}'
        message = f'conflict with "{entry["manager"]}"{update}'
        causes.append({"reason": "FieldManagerConflict", "message": message, "field": _readable(path)})
    return ApiError(409, f"Apply failed with {_told(causes)}", details={"causes": causes})


def _told(causes: list[JsonObject]) -> str:
    if len(causes) == 1:
        return f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    lines: list[str] = []
    for message in dict.fromkeys(cause["message"] for cause in causes):
        lines.append(message.replace("conflict", "conflicts", 1) + ":")
        lines += [f"- {cause['field']}" for cause in causes if cause["message"] == message]
    return f"{len(causes)} conflicts: " + "\n".join(lines)


def _readable(path: FieldPath) -> str:
    """A path as messages write it: .spec.containers[name="c"].image"""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += "." + element[2:]
        elif element.startswith("k:"):
            inner = element[3:-1].split(",")
            text += (
                "[" + ",".join(part.split(":", 1)[0].strip('"') + "=" + part.split(":", 1)[1] for part in inner) + "]"
            )
        else:
            text += "[=" + element[2:] + "]"
    return text


def _without_abandoned(
    resource: Resource, merged: JsonObject, entries: list[JsonObject], mine: JsonObject, wanted: FieldSet
) -> JsonObject:
    """The object without the fields that this manager applied before, applies no more, and nobody else owns."""
    own = next((entry for entry in entries if ownership.same_manager(entry, mine)), None)
    if own is None:
        return merged
    others: FieldSet = set()
    for entry in entries:
        if entry is not own:
            others |= ownership.from_json(entry["fieldsV1"])
    gone = _with_parents(ownership.from_json(own["fieldsV1"])) - _with_parents(wanted) - _with_parents(others)
    return _removed(resource, merged, gone, (), ()) if gone else merged


def _with_parents(paths: FieldSet) -> FieldSet:
    return {path[:length] for path in paths for length in range(1, len(path) + 1)}


def _removed(resource: Resource, value: Any, gone: FieldSet, path: FieldPath, names: fields.Path) -> Any:
    if isinstance(value, dict):
        return {
            key: _removed(resource, inner, gone, (*path, f"f:{key}"), (*names, key))
            for key, inner in value.items()
            if (*path, f"f:{key}") not in gone
        }
    keys = fields.list_keys(resource, names) if names else ()
    if isinstance(value, list) and keys:
        kept = [(ownership.item_element(item, keys), item) for item in value]
        return [_removed(resource, item, gone, (*path, key), names) for key, item in kept if (*path, key) not in gone]
    if isinstance(value, list) and names and fields.is_set(names):
        return [item for item in value if (*path, f'v:"{item}"') not in gone]
    return value
