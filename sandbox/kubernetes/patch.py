"""The three patches that need no owner of fields: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes import fields
from sandbox.kubernetes.clone import clone
from sandbox.kubernetes.errors import ApiError, bad_request

JsonObject = dict[str, Any]

DIRECTIVE = "$patch"
RETAIN = "$retainKeys"
DELETE_ITEMS = "$deleteFromPrimitiveList/"
ORDER = "$setElementOrder/"


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: maps are merged, null takes away, everything else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


# JSON patch


def json_patch(document: JsonObject, operations: Any) -> JsonObject:
    """RFC 6902; ApiError 422 when an operation cannot be carried out."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: a JSON patch is a list of operations")
    result: Any = clone(document)
    for operation in operations:
        try:
            result = _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            message = f"the server rejected our request due to an error in our request: {operation}: {error}"
            raise ApiError(422, message, reason="Invalid", details={}) from error
    if not isinstance(result, dict):
        raise bad_request("a JSON patch must leave an object")
    return result


def _operate(document: Any, operation: JsonObject) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _add(document, path, clone(operation["value"]))
        case "remove":
            return _remove(document, path)
        case "replace":
            _at(document, path)
            return _add(_remove(document, path), path, clone(operation["value"])) if path else operation["value"]
        case "move":
            source = _pointer(operation["from"])
            value = _at(document, source)
            return _add(_remove(document, source), path, value)
        case "copy":
            return _add(document, path, clone(_at(document, _pointer(operation["from"]))))
        case "test":
            if _at(document, path) != operation.get("value"):
                raise ValueError("test failed")
            return document
        case unknown:
            raise ValueError(f"unexpected kind: {unknown}")


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(f"{text!r} is no JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        position = len(parent) if last == "-" else int(last)
        if not 0 <= position <= len(parent):
            raise IndexError(f"index {last} is outside the list")
        parent.insert(position, value)
    else:
        parent[last] = value
    return document


def _remove(document: Any, path: list[str]) -> Any:
    parent, last = _at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[int(last)]
    else:
        del parent[last]
    return document


# strategic merge patch


def strategic_merge(target: JsonObject, patch: JsonObject) -> JsonObject:
    """Merges a patch whose lists are merged by the key of their type, with its `$patch` directives."""
    return _strategic_map(target, patch, ())


def _strategic_map(target: Any, patch: JsonObject, path: fields.Path) -> JsonObject:
    if patch.get(DIRECTIVE) == "replace":
        return {key: clone(value) for key, value in patch.items() if key != DIRECTIVE}
    if patch.get(DIRECTIVE) == "delete":
        return {}
    merged: JsonObject = dict(target) if isinstance(target, dict) else {}
    if RETAIN in patch:
        merged = {key: value for key, value in merged.items() if key in patch[RETAIN]}
    for key, value in patch.items():
        if key.startswith(DELETE_ITEMS):
            name = key.removeprefix(DELETE_ITEMS)
            merged[name] = [item for item in merged.get(name, []) if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = _strategic_value(merged.get(key), value, (*path, key), patch.get(ORDER + key))
    return merged


def _strategic_value(target: Any, value: Any, path: fields.Path, order: list[Any] | None) -> Any:
    if isinstance(value, dict):
        return _strategic_map(target, value, path)
    if not isinstance(value, list):
        return value
    current = target if isinstance(target, list) else []
    key = fields.merge_key(path)
    if key is not None and all(isinstance(item, dict) for item in value):
        return _strategic_list(current, value, key, path, order)
    if fields.merges_as_set(path):
        return [*current, *(item for item in value if item not in current)]
    return clone(value)


def _strategic_list(
    target: list[Any], patch: list[JsonObject], key: str, path: fields.Path, order: list[Any] | None
) -> list[Any]:
    if any(item.get(DIRECTIVE) == "replace" for item in patch):
        return [clone(item) for item in patch if item.get(DIRECTIVE) != "replace"]
    merged = list(target)
    for item in patch:
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        place = next((at for at, old in enumerate(merged) if old.get(key) == item[key]), None)
        if item.get(DIRECTIVE) == "delete":
            merged = [old for old in merged if old.get(key) != item[key]]
        elif place is None:
            merged.append(_strategic_map({}, item, path))
        else:
            merged[place] = _strategic_map(merged[place], item, path)
    return _ordered(merged, key, order)


def _ordered(items: list[Any], key: str, order: list[Any] | None) -> list[Any]:
    """The items in the order of `$setElementOrder`; those that it does not name stay behind them."""
    if not order:
        return items
    places = {entry.get(key): at for at, entry in enumerate(order) if isinstance(entry, dict)}
    return sorted(items, key=lambda item: places.get(item.get(key), len(places)))
