"""What a request asks for: the resource that its path names, its options, its body."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from aiohttp import web

from sandbox.kubernetes import protobuf
from sandbox.kubernetes.errors import ApiError, bad_request
from sandbox.kubernetes.resources import Resource, by_path

JsonObject = dict[str, Any]

JSON_TYPES = ("application/json", "", "application/octet-stream")
YAML_TYPES = ("application/yaml", "application/apply-patch+yaml")
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)


@dataclass(frozen=True)
class Target:
    """The objects that a path names: all of a resource, those of a namespace, or one with its subresource."""

    resource: Resource
    namespace: str | None
    name: str | None
    subresource: str | None


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: a time stays text."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def target(path: str, defined: Sequence[Resource] = ()) -> Target | None:
    """What the path names, or None when the server knows no such resource; ``defined`` are kinds beside its own."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2 and not (group == "" and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    own = by_path(group, version, rest[0])
    resource = own or next(
        (one for one in defined if (one.group, one.version, one.plural) == (group, version, rest[0])), None
    )
    if resource is None or len(rest) > 3 or (namespace is not None and not resource.namespaced):
        return None
    subresource = rest[2] if len(rest) > 2 else None
    if subresource is not None and subresource not in resource.subresources:
        return None
    return Target(resource, namespace, rest[1] if len(rest) > 1 else None, subresource)


def flag(request: web.Request, name: str) -> bool:
    """A boolean parameter of the query."""
    return request.query.get(name, "").lower() in ("1", "true")


def number(request: web.Request, name: str) -> int | None:
    """A whole number of the query, or None; ApiError 400 for anything else."""
    text = request.query.get(name, "")
    try:
        return int(text) if text else None
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error


def is_dry_run(request: web.Request, options: JsonObject | None = None) -> bool:
    """Whether nothing is to be stored."""
    return "All" in request.query.getall("dryRun", []) or "All" in ((options or {}).get("dryRun") or [])


def manager(request: web.Request) -> str:
    """Who writes: the fieldManager, or the first word of the user agent."""
    given = request.query.get("fieldManager")
    return given or request.headers.get("User-Agent", "unknown").split("/")[0]


async def read_object(request: web.Request, kind: str) -> JsonObject:
    """The object in the body, JSON, YAML or protobuf; ApiError 400 or 415."""
    body = await request.read()
    if request.content_type == protobuf.CONTENT_TYPE:
        return protobuf.decode(body)
    text = body.decode("utf-8", "replace")
    if request.content_type in YAML_TYPES:
        return _mapping(_yaml(text))
    if request.content_type not in JSON_TYPES:
        supported = "application/json, application/yaml"
        message = f"the body of the request was in an unknown format - accepted media types include: {supported}"
        raise ApiError(415, message)
    try:
        return _mapping(json.loads(text))
    except json.JSONDecodeError as error:
        raise bad_request(_unreadable(text, kind, error)) from error


async def read_patch(request: web.Request) -> Any:
    """The patch in the body; ApiError 400 or 415."""
    if request.content_type not in PATCH_TYPES:
        raise ApiError(415, "415: Unsupported Media Type", details={})
    text = (await request.read()).decode("utf-8", "replace")
    if request.content_type in YAML_TYPES:
        return _mapping(_yaml(text))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise bad_request(f"error decoding patch: {error}") from error


async def read_options(request: web.Request) -> JsonObject:
    """DeleteOptions of body and query."""
    body = await request.read()
    text = body.decode("utf-8", "replace")
    try:
        if request.content_type == protobuf.CONTENT_TYPE and body:
            options = protobuf.decode(body)
        else:
            options = _mapping(json.loads(text)) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise bad_request(_unreadable(text, "DeleteOptions", error)) from error
    if "propagationPolicy" in request.query:
        options["propagationPolicy"] = request.query["propagationPolicy"]
    seconds = number(request, "gracePeriodSeconds")
    if seconds is not None:
        options["gracePeriodSeconds"] = seconds
    if options.get("orphanDependents") or flag(request, "orphanDependents"):
        options.setdefault("propagationPolicy", "Orphan")
    return options


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from error


def _mapping(value: Any) -> JsonObject:
    if not isinstance(value, dict):
        raise bad_request(
            f"json: cannot unmarshal {type(value).__name__} into Go value of type map[string]interface {{}}"
        )
    return value


def _unreadable(text: str, kind: str, error: json.JSONDecodeError) -> str:
    """The words of the Go decoder, as near as they can be."""
    found = text[error.pos : error.pos + 1]
    reason = "unexpected end of JSON input"
    if found:
        place = "object key string" if "property name" in error.msg else "value"
        reason = f"invalid character '{found}' looking for beginning of {place}"
    return (
        f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
        f"json parse error: {reason} ({text})"
    )
