"""The form of every object, held against the schema of the cluster's version as its API server does it strictly."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from runbook_lib.artefacts import Node, Schemas
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, passed, unknown
from runbook_lib.judge.workload.choices import CHOICES
from runbook_lib.judge.workload.world import World

Wrong = tuple[Node, str]
KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "array": list,
}
WORDS = {"string": "text", "boolean": "true or false", "integer": "a whole number", "number": "a number",
         "object": "a mapping", "array": "a list"}  # fmt: skip
SIZES = {"int32": 2**31, "int64": 2**63}
# Older schemas ask for them; the API server validates each object itself, and takes nothing there for the empty value.
OPTIONAL = {("NetworkPolicySpec", "podSelector"), ("StatefulSetSpec", "serviceName")}
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def strict_form(world: World) -> Iterator[Seen]:
    """One finding for each field that the API server would refuse; kinds that it does not serve are another check's."""
    schemas = world.schemas
    if schemas is None:
        return
    if not schemas.used:
        for resource in world.resources[:1]:
            message = f"no schema of Kubernetes {schemas.version} is there, the oldest is {schemas.known[0]}: not held"
            yield unknown(resource, resource.node, f"{message} against any")
        return
    if schemas.used != schemas.version:
        for resource in world.resources[:1]:
            message = (
                f"no schema of Kubernetes {schemas.version} is there: held against {schemas.used}, the newest known"
            )
            yield unknown(resource, resource.node, message, "info")
    for resource in world.resources:
        served = schemas.kinds.get((resource.api_version, resource.kind))
        if served is None or served.form is None:
            continue
        wrong = list(mismatches(resource.node, served.form, schemas, resource.kind))
        for node, message in wrong:
            yield failed(resource, node, message)
        if not wrong:
            yield passed(resource, resource.node, f"it has the form of {resource.api_version} in {schemas.used}")


def mismatches(node: Node, form: dict[str, Any], schemas: Schemas, kind: str) -> Iterator[Wrong]:
    """What a value has that its schema does not allow, each at its own line; nothing is the same as not given."""
    name = kind
    while "$ref" in form:
        name = form["$ref"].rpartition("/")[2]
        form = schemas.definitions.get(name, {})
    if not node.exists:
        return
    wrong = _type(node, form) or _size(node, form)
    if wrong:
        yield node, f"{_named(node, kind)} {wrong}"
    elif isinstance(node.value, dict):
        yield from _fields(node, form, schemas, name.rpartition(".")[2])
    elif isinstance(node.value, list):
        for position, item in enumerate(node.value):
            if item.exists:
                yield from mismatches(item, form.get("items", {}), schemas, kind)
            else:
                yield item, f"{_named(node, kind)}[{position}] is empty"


def _fields(node: Node, form: dict[str, Any], schemas: Schemas, kind: str) -> Iterator[Wrong]:
    known = form.get("properties", {})
    others = form.get("additionalProperties")
    for key, value in node.entries():
        if key in known:
            found = list(mismatches(value, known[key], schemas, kind))
            yield from found or _unknown_words(value, CHOICES.get(f"{kind}.{key}"))
        elif isinstance(others, dict):
            yield from mismatches(value, others, schemas, kind)
        elif others is False:
            near = difflib.get_close_matches(key, known, 1, 0.7)
            meant = f", is {near[0]} meant?" if near else ""
            yield value, f"{_named(node, kind)} has no field {key} in Kubernetes {schemas.used}{meant}"
    for key in form.get("required", ()):
        if not node.get(key).exists and (kind, key) not in OPTIONAL:
            yield node, f"{_named(node, kind)} needs {key}"


def _type(node: Node, form: dict[str, Any]) -> str:
    given = [form] if "type" in form else form.get("oneOf", [])
    names = [name for one in given for name in _types(one)]
    if not names or any(_is(node.value, name) for name in names):
        return ""
    quotes = ": put it in quotes" if "string" in names and isinstance(node.value, bool | int | float) else ""
    return f"is {_shown(node)}, it must be {' or '.join(dict.fromkeys(WORDS[name] for name in names))}{quotes}"


def _types(form: dict[str, Any]) -> list[str]:
    names = form.get("type", [])
    return [name for name in ([names] if isinstance(names, str) else names) if name != "null"]


def _is(value: Any, name: str) -> bool:
    """As the API server reads JSON: a boolean is no number, 3.0 is a whole one."""
    if isinstance(value, bool):
        return name == "boolean"
    if isinstance(value, float) and name == "integer":
        return value.is_integer()
    return isinstance(value, KINDS[name])


def _size(node: Node, form: dict[str, Any]) -> str:
    size = SIZES.get(form.get("format", ""))
    if size and isinstance(node.value, int | float) and not -size <= node.value < size:
        return f"is {_shown(node)}, which is no {form['format']}"
    if form.get("format") == "date-time" and not TIME.fullmatch(str(node.value)):
        return f"is {_shown(node)}, it must be a time such as 2026-01-31T12:00:00Z"
    return ""


def _unknown_words(node: Node, choice: tuple[str, ...] | None) -> Iterator[Wrong]:
    """An empty text is not given at all to the API server, which then fills in its default or refuses it as missing."""
    for word in (node.elements() or (node,)) if choice else ():
        if choice and word.value and word.text() not in choice:
            near = next((one for one in choice if one.lower() == word.text().lower()), "")
            meant = f", is {near} meant?" if near else ""
            yield word, f"{word.path} is {_shown(word)}, it must be one of {', '.join(choice)}{meant}"


def _named(node: Node, kind: str) -> str:
    return node.path or kind


def _shown(node: Node) -> str:
    if isinstance(node.value, dict | list):
        return "a mapping" if isinstance(node.value, dict) else "a list"
    written = repr(node.value) if isinstance(node.value, str) else node.text()
    return written if len(written) <= 60 else f"{written[:57]}..."


CHECKS = (
    Check(
        "schema",
        "The API server of the cluster's version takes every field",
        "blocking",
        "What kubectl refuses is not applied; a misspelt field, where it is let through, is dropped without a word.",
        DOCS + "reference/using-api/api-concepts/#field-validation",
        strict_form,
    ),
)
