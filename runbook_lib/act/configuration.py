"""Keeps and restores ConfigMaps and Secrets, which no `rollout undo` brings back; no value leaves the cluster."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kubernetes.client.exceptions import ApiException

from runbook_lib.act.digest_key import digest_key
from runbook_lib.errors import ChangeFailed, CriterionFailed
from runbook_lib.model import Change, digest, now
from runbook_lib.observe.cluster import PATIENCE, Cluster, Object, plain_object, sentence, speaking
from runbook_lib.observe.difference import MANAGER
from runbook_lib.observe.keyed_digest import DigestKey

Kind = Literal["ConfigMap", "Secret"]
COPY_OF = "runbook/copy-of"
_VALUES = ("data", "binaryData")


@dataclass(frozen=True)
class Kept:
    """One ConfigMap or Secret as it stood: where the copy is in the cluster, and keyed digests only."""

    kind: Kind
    name: str
    copy: str
    digest: str
    keys: dict[str, str]


def referenced(workload: Object) -> list[tuple[Kind, str]]:
    """The ConfigMaps and Secrets that a Pod template reads, as environment or as files."""
    spec = workload["spec"]["template"]["spec"]
    found: set[tuple[Kind, str]] = set()
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        sources = [*(container.get("envFrom") or []), *(e.get("valueFrom") or {} for e in container.get("env") or [])]
        found |= set(_names(sources, "configMapRef", "configMapKeyRef", "secretRef", "secretKeyRef"))
    volumes = list(spec.get("volumes") or [])
    inner = [source for volume in volumes for source in (volume.get("projected") or {}).get("sources") or []]
    found |= set(_names([*volumes, *inner], "configMap", "secret"))
    return sorted(found)


def concerned(workloads: Iterable[Object], objects: Iterable[Object]) -> list[tuple[Kind, str]]:
    """Everything that a release may change: what the workloads read, and what the objects to be applied are."""
    found = {reference for workload in workloads for reference in referenced(workload)}
    for item in objects:
        if item["kind"] in ("ConfigMap", "Secret"):
            found.add((item["kind"], item["metadata"]["name"]))
    return sorted(found)


def _names(sources: Iterable[Object], *keys: str) -> Iterable[tuple[Kind, str]]:
    for source in sources:
        for key in keys:
            reference = source.get(key) or {}
            if name := reference.get("name") or reference.get("secretName"):
                yield ("ConfigMap" if key.startswith("configMap") else "Secret"), name


def snapshot(cluster: Cluster, names: Sequence[tuple[Kind, str]]) -> Change:
    """Copy what is there into Secrets of the same namespace; ``after`` is a list of Kept, what is absent is named.

    A copy is named for its content, so the same content is never copied twice.
    """
    kept: list[Kept] = []
    made = 0
    found = [(kind, name, cluster.get("v1", kind, name)) for kind, name in names]
    absent = [f"{kind}/{name}" for kind, name, live in found if live is None]
    there = [(kind, name, live) for kind, name, live in found if live is not None]
    if there:  # else not even the namespace may be there yet
        key = digest_key(cluster)
        kept = [_describe(kind, name, live, key) for kind, name, live in there]
        made = sum(_keep(cluster, one, live, key) for one, (_, _, live) in zip(kept, there, strict=True))
    note = f"not there yet: {', '.join(absent)}" if absent else ""
    return Change(f"keep a copy of {len(kept)} ConfigMaps and Secrets", None, kept, made > 0, now(), note)


def restore(cluster: Cluster, kept: Sequence[Kept]) -> Change:
    """Bring each ConfigMap and Secret back to its copy; Pods that read them as environment need a new rollout.

    Raises CriterionFailed when a copy is gone or altered, before anything is written.
    """
    key = digest_key(cluster)
    copies = [(one, _copy(cluster, one, key)) for one in kept]
    before, wrong = [], []
    for one, copy in copies:
        live = cluster.get("v1", one.kind, one.name)
        before.append({"name": f"{one.kind}/{one.name}", "digest": _digest_of(one, live, key) if live else None})
        kind = copy["metadata"]["annotations"].get(f"{COPY_OF}-type", "")
        if live is None or not _holds(one, live, copy) or live.get("type", "") != kind:
            wrong.append((one, copy, live))
    for one, copy, live in wrong:
        _put_back(cluster, one, copy, live)
    after = [{"name": f"{one.kind}/{one.name}", "digest": one.digest} for one in kept]
    what = f"restore {len(kept)} ConfigMaps and Secrets"
    changed = ", ".join(f"{one.kind}/{one.name}" for one, _, _ in wrong)
    return Change(
        what, before, after, bool(wrong), now(), f"restored {changed}" if changed else "all as they were kept"
    )


def _describe(kind: Kind, name: str, live: Object, key: DigestKey) -> Kept:
    values = _encoded(kind, live)
    keys = {name: key.of_encoded(value) for name, value in sorted(values.items())}
    whole = digest({"keys": keys, "type": live.get("type", "")})
    return Kept(kind, name, f"{name[:230]}.runbook-{whole[:8]}", whole, keys)


def _digest_of(one: Kept, live: Object, key: DigestKey) -> str:
    """The digest of what stands, made as the one that was kept."""
    keys = key.like(one.keys, dict(sorted(_encoded(one.kind, live).items())))
    return digest({"keys": keys, "type": live.get("type", "")})


def _holds(one: Kept, live: Object, copy: Object) -> bool:
    """True when the live object has the values of the copy: compared themselves, not by digest."""
    return _encoded(one.kind, live) == (copy.get("data") or {})


def _encoded(kind: Kind, live: Object) -> dict[str, str]:
    """All values in base64, whichever field they stand in."""
    data = live.get("data") or {}
    if kind == "Secret":
        return dict(data)
    text = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return text | (live.get("binaryData") or {})


def _keep(cluster: Cluster, one: Kept, live: Object, key: DigestKey) -> bool:
    """Write the copy; False when it is already there."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        # the type stays Opaque: a copy of a token or of registry credentials must not act as one
        "type": "Opaque",
        "metadata": {
            "name": one.copy,
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
            "annotations": {COPY_OF: f"{one.kind}/{one.name}", f"{COPY_OF}-type": live.get("type", "")},
        },
        "immutable": True,
        "data": _encoded(one.kind, live),
    }
    with speaking(cluster, f"Secret/{one.copy}"):
        try:
            _secrets(cluster).create(
                body=body, namespace=cluster.namespace, field_manager=MANAGER, _request_timeout=PATIENCE
            )
        except ApiException as error:
            if error.status != 409:
                raise ChangeFailed(f"the copy Secret/{one.copy} was not written: {sentence(error)}") from None
            _copy(cluster, one, key)
            return False
    return True


def _copy(cluster: Cluster, one: Kept, key: DigestKey) -> Object:
    """The copy, held against the record; where the key of the record's digests is gone, that it is one is enough."""
    found = cluster.get("v1", "Secret", one.copy)
    if found is None:
        raise CriterionFailed(f"the copy Secret/{one.copy} of {one.kind}/{one.name} is gone; restore it from a backup")
    values = found.get("data") or {}
    copied = (found["metadata"].get("annotations") or {}).get(COPY_OF)
    altered = values.keys() != one.keys.keys() or copied != f"{one.kind}/{one.name}"
    if altered or (key.made(one.keys) and key.like(one.keys, values) != one.keys):
        raise CriterionFailed(f"the copy Secret/{one.copy} of {one.kind}/{one.name} was altered; it is not used")
    return found


def _put_back(cluster: Cluster, one: Kept, copy: Object, live: Object | None) -> None:
    body = _restored(one, copy, live)
    resource = cluster.resource("v1", one.kind)
    write = resource.replace if live else resource.create
    with speaking(cluster, f"{one.kind}/{one.name}"):
        try:
            written = write(body=body, namespace=cluster.namespace, field_manager=MANAGER, _request_timeout=PATIENCE)
        except ApiException as error:
            raise ChangeFailed(f"{one.kind}/{one.name} was not restored: {sentence(error)}") from None
    if not _holds(one, plain_object(written), copy):
        raise ChangeFailed(f"{one.kind}/{one.name} was written but does not read back as it was kept")


def _restored(one: Kept, copy: Object, live: Object | None) -> Object:
    fresh: dict[str, Any] = {"apiVersion": "v1", "kind": one.kind, "metadata": {"name": one.name}}
    body = {key: value for key, value in (live or fresh).items() if key not in _VALUES}
    body |= {"apiVersion": "v1", "kind": one.kind}
    values: dict[str, str] = copy.get("data") or {}
    if one.kind == "Secret":
        if not live and (kind := copy["metadata"]["annotations"].get(f"{COPY_OF}-type")):
            body["type"] = kind
        return body | {"data": values}
    text, binary = {}, {}
    for key, value in values.items():
        raw = base64.b64decode(value)
        try:
            text[key] = raw.decode()
        except UnicodeDecodeError:
            binary[key] = value
    return body | {"data": text} | ({"binaryData": binary} if binary else {})


def _secrets(cluster: Cluster) -> Any:
    return cluster.resource("v1", "Secret")
