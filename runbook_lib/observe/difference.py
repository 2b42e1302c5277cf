"""What applying a release would change: the server's own dry run held against the live objects."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import BadParameters
from runbook_lib.observe.bundle import Manifest
from runbook_lib.observe.cluster import PATIENCE, Cluster, Missing, plain_object, sentence, speaking
from runbook_lib.observe.keyed_digest import DigestKey, new_key, read_key

MANAGER = "runbook"
_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")
# last-applied repeats the whole object, Secret values included
_SERVERS_ANNOTATIONS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")


@dataclass(frozen=True)
class FieldChange:
    """One field; ``before`` None means it is new, ``after`` None means it goes."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Difference:
    """What would happen to one object; ``conflicts`` names fields that another manager owns."""

    object: str
    file: str
    action: Literal["create", "change", "same"]
    fields: tuple[FieldChange, ...] = ()
    conflicts: tuple[str, ...] = ()
    note: str = ""


def compare(cluster: Cluster, manifests: Iterable[Manifest]) -> list[Difference]:
    """One Difference an object, in the given order; BadParameters when the API server refuses one. Writes nothing."""
    manifests = list(manifests)
    comes = {m.object["metadata"]["name"] for m in manifests if m.object["kind"] == "Namespace"}
    key = (read_key(cluster) if cluster.namespace not in comes else None) or new_key()
    return [_compare_one(cluster, manifest, comes, key) for manifest in manifests]


def _compare_one(cluster: Cluster, manifest: Manifest, namespaces_to_come: set[str], key: DigestKey) -> Difference:
    body = manifest.object
    live = cluster.get(body["apiVersion"], body["kind"], body["metadata"]["name"])
    try:
        wanted = send(cluster, manifest, dry_run=True)
    except Missing as error:
        if cluster.namespace in namespaces_to_come:
            # the server cannot try an object whose namespace comes with the same release
            return Difference(
                manifest.name, manifest.file, "create", (), (), "not tried: its namespace is not there yet"
            )
        raise BadParameters(f"{error}; create the namespace or put it in the manifests") from None
    except ApiException as error:
        if error.status == 409 and (conflicts := conflicts_of(error)):
            return Difference(manifest.name, manifest.file, "change", (), conflicts)
        raise refused(manifest, error) from None
    if live is None:
        return Difference(manifest.name, manifest.file, "create")
    fields = tuple(fields_between(comparable(live, key), comparable(wanted, key)))
    return Difference(manifest.name, manifest.file, "change" if fields else "same", fields)


def send(cluster: Cluster, manifest: Manifest, *, dry_run: bool) -> dict[str, Any]:
    """Server-side apply of one object as our field manager; raises ApiException for 409 and 422.

    Fields that we own through an earlier undo or scale (same manager, other operation) are taken over silently;
    anybody else's are not.
    """
    body = manifest.object
    resource = cluster.resource(body["apiVersion"], body["kind"])
    options: dict[str, Any] = {"field_manager": MANAGER, "_request_timeout": PATIENCE}
    if resource.namespaced:
        options["namespace"] = cluster.namespace
    if dry_run:
        options["dry_run"] = "All"
    with speaking(cluster, manifest.name):
        try:
            found = resource.server_side_apply(body=body, **options)
        except ApiException as error:
            if error.status != 409 or not _only_ours(error):
                raise
            found = resource.server_side_apply(body=body, force_conflicts=True, **options)
    return plain_object(found)


def refused(manifest: Manifest, error: ApiException) -> BadParameters:
    """The API server's reason why this object cannot be."""
    return BadParameters(
        f"{manifest.file}: the API server refuses {manifest.name}: {sentence(error)}; nothing was applied"
    )


def conflicts_of(error: ApiException) -> tuple[str, ...]:
    """``.spec.replicas (kubectl)`` for every field that another manager owns; empty for any other 409."""
    causes = _causes(error)
    return tuple(f"{c.get('field', '?')} ({_manager(c)})" for c in causes if c.get("reason") == "FieldManagerConflict")


def _only_ours(error: ApiException) -> bool:
    causes = _causes(error)
    return bool(causes) and all(_manager(cause) == MANAGER for cause in causes)


def _manager(cause: dict[str, Any]) -> str:
    found = re.search(r'conflict with "([^"]+)"', str(cause.get("message", "")))
    return found[1] if found else str(cause.get("message", "?"))


def _causes(error: ApiException) -> list[dict[str, Any]]:
    try:
        return list((json.loads(error.body or "{}").get("details") or {}).get("causes") or [])
    except ValueError:
        return []


def comparable(item: dict[str, Any], key: DigestKey) -> dict[str, Any]:
    """An object without what the server writes itself and with every Secret value as a keyed digest."""
    value = copy.deepcopy(item)
    value.pop("status", None)
    metadata = value.get("metadata", {})
    for name in _SERVERS_OWN:
        metadata.pop(name, None)
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _SERVERS_ANNOTATIONS}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    return without_secrets(value, key)


def without_secrets(item: dict[str, Any], key: DigestKey) -> dict[str, Any]:
    """The same object; of a Secret only the keyed digests of the values are left."""
    if item.get("kind") != "Secret":
        return item
    data = {name: key.of_encoded(value) for name, value in (item.get("data") or {}).items()}
    text = {name: key.of(str(value).encode()) for name, value in (item.get("stringData") or {}).items()}
    rest = {name: value for name, value in item.items() if name not in ("data", "stringData")}
    return rest | {"data": data | text}


def fields_between(before: Any, after: Any, path: str = "") -> Iterator[FieldChange]:
    """Every leaf that differs; list items are matched by their name where they all have one."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            step = f".{key}" if re.fullmatch(r"[\w-]+", str(key)) else f"[{key}]"
            yield from fields_between(before.get(key), after.get(key), path + step)
    elif _named(before) and _named(after):
        old, new = ({item["name"]: item for item in items} for items in (before, after))
        for name in sorted(old.keys() | new.keys()):
            yield from fields_between(old.get(name), new.get(name), f"{path}[name={name}]")
        if (was := [n for n in old if n in new]) != (then := [n for n in new if n in old]):
            yield FieldChange(f"{path} (order)", was, then)  # initContainers run, and env expands, in order
    else:
        yield FieldChange(path, before, after)


def _named(value: Any) -> bool:
    """True for a list whose items have a name each; two mounts of one volume share theirs."""
    if not (isinstance(value, list) and value and all(isinstance(i, dict) and "name" in i for i in value)):
        return False
    names = [str(item["name"]) for item in value]
    return len(set(names)) == len(names)
