"""What applying a release would change: the server's own dry run held against the live objects."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kubernetes.client.exceptions import ApiException

from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.observe.cluster import LAST_APPLIED, Cluster, Missing, Object
from runbook_lib.observe.release.bundle import Manifest
from runbook_lib.observe.release.field_owners import MANAGER as MANAGER
from runbook_lib.observe.release.field_owners import Conflict, is_decided, taking, without_left
from runbook_lib.observe.release.keyed_digest import DigestKey, new_key, read_key
from runbook_lib.observe.release.server_side_apply import reason, try_out
from runbook_lib.sections.release import FieldRule

_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")
_SERVERS_ANNOTATIONS = ("deployment.kubernetes.io/revision", LAST_APPLIED)
NOTHING_YET = "nothing was applied"


@dataclass(frozen=True)
class FieldChange:
    """One field; ``before`` None means it is new, ``after`` None means it goes."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Difference:
    """What would happen to one object.

    ``conflicts`` names fields that another manager owns and nobody decided about; ``taken`` and ``left`` those that a
    rule takes over or leaves, with its reason. ``version`` is the resourceVersion that was looked at.
    """

    object: str
    file: str
    action: Literal["create", "change", "same"]
    fields: tuple[FieldChange, ...] = ()
    conflicts: tuple[str, ...] = ()
    note: str = ""
    taken: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    version: str = ""


def compare(
    cluster: Cluster, manifests: Iterable[Manifest], rules: Sequence[FieldRule] = (), stands: str = NOTHING_YET
) -> list[Difference]:
    """One Difference an object, in the given order; writes nothing.

    Raises BadParameters when the API server refuses one, CriterionFailed when one is being deleted; ``stands`` ends
    these sentences.
    """
    manifests = list(manifests)
    comes = {m.object["metadata"]["name"] for m in manifests if m.object["kind"] == "Namespace"}
    kinds = dict(kind for m in manifests if m.object["kind"] == "CustomResourceDefinition" for kind in _defined(m))
    is_there = cluster.namespace not in comes or cluster.get("v1", "Namespace", cluster.namespace) is not None
    key = (read_key(cluster) if is_there else None) or new_key()
    found = []
    for manifest in manifests:
        note = _to_come(cluster, manifest, is_there, kinds)
        _refuse_unknown(cluster, manifest, note, stands)
        if note:
            found.append(Difference(manifest.name, manifest.file, "create", note=note))
        else:
            found.append(compare_one(cluster, manifest, key, rules, stands))
    return found


def _defined(crd: Manifest) -> list[tuple[tuple[str, str], str]]:
    """The kinds that a definition brings, as (apiVersion, kind), each with the definition's name."""
    spec = crd.object.get("spec") or {}
    kind = (spec.get("names") or {}).get("kind", "")
    versions = [version.get("name", "") for version in spec.get("versions") or []]
    return [((f"{spec.get('group')}/{version}", kind), crd.name) for version in versions]


def _to_come(cluster: Cluster, manifest: Manifest, is_there: bool, kinds: Mapping[tuple[str, str], str]) -> str:
    """Why an object cannot be tried yet: the server cannot try what stands on another object of the same release."""
    body = manifest.object
    definition = kinds.get((body["apiVersion"], body["kind"]))
    if definition and not cluster.knows(body["apiVersion"], body["kind"]):
        return f"not tried: its kind comes with {definition}"
    if not is_there and cluster.resource(body["apiVersion"], body["kind"]).namespaced:
        return "not tried: its namespace is not there yet"
    return ""


def _refuse_unknown(cluster: Cluster, manifest: Manifest, note: str, stands: str) -> None:
    version, kind = manifest.object["apiVersion"], manifest.object["kind"]
    if note or cluster.knows(version, kind):
        return
    others = ", ".join(cluster.versions_of(kind))
    known = f"it knows {kind} in {others}" if others else "install its definition first, or put that into the release"
    raise BadParameters(
        f"{manifest.file}: the cluster at {cluster.server} knows no {kind} in {version}: {known}; {stands}"
    )


def compare_one(
    cluster: Cluster,
    manifest: Manifest,
    key: DigestKey,
    rules: Sequence[FieldRule] = (),
    stands: str = NOTHING_YET,
) -> Difference:
    """What would happen to one object now."""
    body, name = manifest.object, manifest.name
    live = cluster.get(body["apiVersion"], body["kind"], body["metadata"]["name"])
    _refuse_deleted(manifest, live, stands)
    wanted, conflicts = _tried(cluster, manifest, rules, stands)
    _, left = without_left(body, name, rules)
    if live is None:
        return Difference(name, manifest.file, "create", left=left)
    fields = tuple(fields_between(comparable(live, key), comparable(wanted, key)))
    taken = tuple(f"{one}: {rule.reason}" for one in conflicts if (rule := taking(rules, name, one)))
    open_ones = tuple(one.told for one in conflicts if not is_decided(rules, name, one))
    version = str(live["metadata"].get("resourceVersion", ""))
    return Difference(name, manifest.file, "change" if fields else "same", fields, open_ones, "", taken, left, version)


def _tried(
    cluster: Cluster, manifest: Manifest, rules: Sequence[FieldRule], stands: str
) -> tuple[Object, tuple[Conflict, ...]]:
    """What the server would store, and every field of it that is another manager's."""
    try:
        return try_out(cluster, manifest, rules)
    except Missing as error:
        raise BadParameters(f"{error}; create the namespace or put it in the manifests; {stands}") from None
    except CriterionFailed as error:
        raise CriterionFailed(f"{error}; {stands}") from None
    except ApiException as error:
        said = reason(manifest, error)
        raise BadParameters(f"{manifest.file}: the API server refuses {manifest.name}: {said}; {stands}") from None


def _refuse_deleted(manifest: Manifest, live: Object | None, stands: str) -> None:
    metadata = (live or {}).get("metadata") or {}
    if since := metadata.get("deletionTimestamp"):
        held = metadata.get("finalizers") or ((live or {}).get("spec") or {}).get("finalizers") or ["what is in it"]
        raise CriterionFailed(
            f"{manifest.name} is being deleted since {since} (waiting for {', '.join(map(str, held))}): what is "
            f"applied now would go with it; run this again when it is gone; {stands}"
        )


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
