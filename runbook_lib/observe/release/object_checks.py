"""What no API server should be asked to store: pure checks of one object, each answer the rest of a sentence."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

from runbook_lib.artefacts import Node

LARGEST_OBJECT = 200_000  # values; aliases of aliases make millions out of a few lines
_SERVERS_OWN = ("managedFields", "resourceVersion", "uid")
_HELMS_OWN = re.compile(r"\{\{[^{}]*(?:\.(?:Values|Release|Chart|Capabilities|Template|Files)\b|\b(?:include|tpl) )")


def expanded(node: Node) -> str:
    """What is wrong with the size of an object once its aliases are written out; empty for a usable one."""
    return "has more values than any object can" if _count(node, {}) > LARGEST_OBJECT else ""


def _count(node: Node, known: dict[int, int]) -> int:
    value = node.value
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = 1 + sum(
            _count(child, known) for child in (value.values() if isinstance(value, dict) else value)
        )
    return known[id(value)]


def problem_of(item: dict[str, Any], namespace: str) -> str:
    """The first thing that is wrong with an object as it would be sent; empty for a good one."""
    return (
        _metadata(item.get("metadata"), item["kind"], namespace)
        or (_secret(item) if item["kind"] == "Secret" else "")
        or next((found for path, value in _leaves(item) if (found := _leaf(item, path, value))), "")
    )


def _metadata(metadata: Any, kind: str, namespace: str) -> str:
    if not isinstance(metadata, dict) or metadata.get("name") in (None, ""):
        return "has no metadata.name; what is applied must have a name"
    for key in ("name", "namespace"):
        if not isinstance(metadata.get(key, ""), str | None):
            return f"has a metadata.{key} that is no text but {_type(metadata[key])}; put it in quotes"
    own = metadata.get("namespace") or namespace
    if own != namespace:
        return f"is for namespace {own}, kubernetes.namespace is {namespace}; make them one"
    if kind == "Namespace" and metadata["name"] != namespace:
        return f"is another namespace than kubernetes.namespace, which is {namespace}; leave it out"
    if exported := [key for key in _SERVERS_OWN if metadata.get(key)]:
        return f"was copied from a cluster (metadata.{exported[0]}); take out what the server wrote, and its status"
    return ""


def _secret(item: dict[str, Any]) -> str:
    """Values of another type are refused here: the API server would repeat them in its complaint."""
    for part in ("data", "stringData"):
        values = item.get(part) or {}
        if not isinstance(values, dict):
            return f"has a {part} that is no mapping but {_type(values)}"
        for key, value in values.items():
            if not isinstance(value, str):
                return f"has {part}.{key} that is no text but {_type(value)}; put it in quotes"
            if part == "data" and not _is_base64(value):
                return f"has data.{key} that is not base64; encode it, or write it under stringData"
    return ""


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def _leaf(item: dict[str, Any], path: str, value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"has {path}, which is no finite number"
    is_file = item["kind"] in ("ConfigMap", "Secret") and isinstance(value, str) and "\n" in value
    if isinstance(value, str) and not is_file and _HELMS_OWN.search(value):
        return f"holds a template expression at {path}: render it first (helm template)"
    return ""


def _type(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", dict: "a mapping", list: "a list"}
    return names.get(type(value), "nothing")
