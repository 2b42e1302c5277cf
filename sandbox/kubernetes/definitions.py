"""Kinds that CustomResourceDefinitions in the store define: served from the moment that they are established."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.kubernetes.resources import Resource, Subresource, by_path, resource

if TYPE_CHECKING:
    from sandbox.kubernetes.store import Store

JsonObject = dict[str, Any]
DEFINITIONS = resource("customresourcedefinitions", "apiextensions.k8s.io")


def establish(store: Store, definition: JsonObject) -> None:
    """What the API server says of a definition whose names nobody else has; one that names no kind stays as it is."""
    if not _is_whole(definition):
        return
    messages = {"NamesAccepted": "no conflicts found", "Established": "the initial names have been accepted"}
    reasons = {"NamesAccepted": "NoConflicts", "Established": "InitialNamesAccepted"}
    conditions = [
        {"type": kind, "status": "True", "reason": reasons[kind], "message": said} for kind, said in messages.items()
    ]
    status = {"conditions": conditions, "acceptedNames": definition["spec"]["names"]}
    store.update(DEFINITIONS, {**definition, "status": status}, "status", "kube-apiserver")


def served(store: Store) -> tuple[Resource, ...]:
    """The kinds of all established definitions, but for those that the embedded API knows anyway."""
    found = [one for definition in store.view(DEFINITIONS) if _established(definition) for one in _kinds(definition)]
    return tuple(one for one in found if by_path(one.group, one.version, one.plural) is None)


def _is_whole(definition: JsonObject) -> bool:
    spec = definition.get("spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("names"), dict) or not isinstance(spec.get("group"), str):
        return False
    versions = spec.get("versions")
    named = isinstance(versions, list) and all(isinstance(one, dict) and "name" in one for one in versions)
    return named and all(isinstance(spec["names"].get(key), str) for key in ("kind", "plural"))


def _established(definition: JsonObject) -> bool:
    conditions = definition.get("status", {}).get("conditions", [])
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def _kinds(definition: JsonObject) -> list[Resource]:
    spec = definition["spec"]
    names, namespaced = spec["names"], spec.get("scope") == "Namespaced"
    found = []
    for version in spec["versions"]:
        below: tuple[Subresource, ...] = ("status",) if "status" in version.get("subresources", {}) else ()
        if version.get("served", True):
            found.append(
                Resource(
                    spec["group"],
                    version["name"],
                    names["kind"],
                    names["plural"],
                    namespaced,
                    tuple(names.get("shortNames", ())),
                    below,
                    generation=True,
                    custom=True,
                )
            )
    return found
