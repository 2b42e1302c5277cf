"""What the server says about itself: versions, groups, resources, OpenAPI."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import Any

from sandbox.kubernetes.resources import RESOURCES, Resource

JsonObject = dict[str, Any]
Versions = dict[tuple[str, str], tuple[Resource, ...]]

VERSION: JsonObject = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "embedded",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none: this is the embedded API of the practice range",
    "compiler": "none",
    "platform": "linux/amd64",
}
_OF_OBJECT = ("get", "patch", "update")
_SUBRESOURCES: dict[str, tuple[JsonObject, tuple[str, ...]]] = {
    "scale": ({"group": "autoscaling", "version": "v1", "kind": "Scale"}, _OF_OBJECT),
    "eviction": ({"group": "policy", "version": "v1", "kind": "Eviction"}, ("create",)),
    "binding": ({"kind": "Binding"}, ("create",)),
    "token": ({"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"}, ("create",)),
    "log": ({}, ("get",)),
    "proxy": ({}, ("create", "delete", "get", "patch", "update")),
    "status": ({}, _OF_OBJECT),
}


@cache
def _versions(defined: tuple[Resource, ...] = ()) -> dict[tuple[str, str], tuple[Resource, ...]]:
    """Resources by group and version, in the order of the list; ``defined`` come from definitions in the store."""
    ordered = sorted((*RESOURCES, *defined), key=lambda item: (item.group != "", item.group, item.version))
    return {key: tuple(items) for key, items in groupby(ordered, key=lambda item: (item.group, item.version))}


def document(path: str, aggregated: bool, address: str, defined: tuple[Resource, ...] = ()) -> JsonObject | None:
    """The discovery document of a path, or None for a path that has none."""
    parts = path.strip("/").split("/")
    known = _versions(defined)
    match parts:
        case ["api"]:
            return _aggregated(known, core=True) if aggregated else _api(address)
        case ["apis"]:
            return _aggregated(known, core=False) if aggregated else _groups(known)
        case ["api", version]:
            return _resource_list(known, "", version)
        case ["apis", group]:
            return next(
                (
                    item | {"kind": "APIGroup", "apiVersion": "v1"}
                    for item in _all_groups(known)
                    if item["name"] == group
                ),
                None,
            )
        case ["apis", group, version]:
            return _resource_list(known, group, version)
        case ["version"]:
            return VERSION
        case ["openapi", "v2"]:
            return _openapi_v2()
        case ["openapi", "v3"]:
            return _openapi_v3_index()
        case ["openapi", "v3", *rest] if _gv(rest) in _versions():
            return _openapi_v3(*_gv(rest))
        case _:
            return None


def _api(address: str) -> JsonObject:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def _all_groups(known: Versions) -> list[JsonObject]:
    groups: dict[str, list[JsonObject]] = {}
    for group, version in known:
        if group:
            groups.setdefault(group, []).append({"groupVersion": f"{group}/{version}", "version": version})
    return [{"name": name, "versions": found, "preferredVersion": found[0]} for name, found in groups.items()]


def _groups(known: Versions) -> JsonObject:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": _all_groups(known)}


def _resource_list(known: Versions, group: str, version: str) -> JsonObject | None:
    if (group, version) not in known:
        return None
    resources = [entry for item in known[group, version] for entry in _entries(item)]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def _entries(item: Resource) -> list[JsonObject]:
    """One resource and its subresources, as the legacy documents list them."""
    base: JsonObject = {"name": item.plural, "singularName": item.kind.lower(), "namespaced": item.namespaced}
    base |= {"kind": item.kind, "verbs": list(item.verbs)}
    if item.short_names:
        base["shortNames"] = list(item.short_names)
    if item.categories:
        base["categories"] = list(item.categories)
    found = [base]
    for name in sorted(item.subresources):
        kind, verbs = _subresource(item, name)
        entry = {"name": f"{item.plural}/{name}", "singularName": "", "namespaced": item.namespaced}
        found.append(entry | {"kind": item.kind} | kind | {"verbs": list(verbs)})
    return found


def _subresource(item: Resource, name: str) -> tuple[JsonObject, tuple[str, ...]]:
    """What is sent to it, and the verbs."""
    kind, verbs = _SUBRESOURCES[name]
    return ({"kind": f"{item.kind}ProxyOptions"} if name == "proxy" else kind), verbs


def _aggregated(known: Versions, *, core: bool) -> JsonObject:
    items: list[JsonObject] = []
    for (group, version), resources in known.items():
        if (group == "") is core:
            listed = [_aggregated_entry(item) for item in resources]
            versions = [{"version": version, "resources": listed, "freshness": "Current"}]
            items.append({"metadata": {"name": group} if group else {}, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated_entry(item: Resource) -> JsonObject:
    own = {"group": item.group, "version": item.version} if item.custom else {"group": "", "version": ""}
    entry: JsonObject = {
        "resource": item.plural,
        "responseKind": own | {"kind": item.kind},
        "scope": "Namespaced" if item.namespaced else "Cluster",
        "singularResource": item.kind.lower(),
        "verbs": list(item.verbs),
    }
    if item.short_names:
        entry["shortNames"] = list(item.short_names)
    if item.categories:
        entry["categories"] = list(item.categories)
    if item.subresources:
        entry["subresources"] = [
            {
                "subresource": name,
                "responseKind": own | {"kind": item.kind} | _subresource(item, name)[0],
                "verbs": list(_subresource(item, name)[1]),
            }
            for name in sorted(item.subresources)
        ]
    return entry


# OpenAPI: what kubectl asks of it is whether the server checks fields itself


def _openapi_v2() -> JsonObject:
    return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]}, "paths": {}}


def _openapi_v3_index() -> JsonObject:
    names = [f"apis/{group}/{version}" if group else f"api/{version}" for group, version in _versions()]
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash=embedded"} for name in names}}


def _gv(parts: list[str]) -> tuple[str, str]:
    match parts:
        case ["api", version]:
            return "", version
        case ["apis", group, version]:
            return group, version
        case _:
            return "", ""


def _openapi_v3(group: str, version: str) -> JsonObject:
    """Paths with the parameters that kubectl looks for: fieldValidation and dryRun are understood."""
    paths: JsonObject = {}
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")]
    for item in _versions()[group, version]:
        space = "namespaces/{namespace}/" if item.namespaced else ""
        kind = {"group": group, "version": version, "kind": item.kind}
        operation = {"x-kubernetes-group-version-kind": kind, "parameters": parameters, "responses": {}}
        paths[f"{item.prefix}/{space}{item.plural}"] = {"post": operation}
        paths[f"{item.prefix}/{space}{item.plural}/{{name}}"] = {"patch": operation, "put": operation}
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}
