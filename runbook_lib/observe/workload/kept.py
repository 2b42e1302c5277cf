"""ConfigMaps and Secrets as names and digests: which of them a Pod template reads, and what a copy must hold."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from runbook_lib.errors import CriterionFailed
from runbook_lib.model import digest
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.release.keyed_digest import DigestKey

Kind = Literal["ConfigMap", "Secret"]
Name = tuple[Kind, str]
COPY_OF = "runbook/copy-of"


@dataclass(frozen=True)
class Kept:
    """One ConfigMap or Secret as it stood: where the copy is in the cluster, and keyed digests only."""

    kind: Kind
    name: str
    copy: str
    digest: str
    keys: dict[str, str]

    @property
    def title(self) -> str:
        """``ConfigMap/name``."""
        return f"{self.kind}/{self.name}"


def referenced(workload: Object) -> list[Name]:
    """The ConfigMaps and Secrets that a Pod template reads, as environment or as files."""
    spec = workload["spec"]["template"]["spec"]
    volumes = list(spec.get("volumes") or [])
    inner = [source for volume in volumes for source in (volume.get("projected") or {}).get("sources") or []]
    return sorted({*read_at_start(workload), *_names([*volumes, *inner], "configMap", "secret")})


def read_at_start(workload: Object) -> list[Name]:
    """Those that a container reads once, when it starts: as environment, or as a file mounted by its subPath."""
    spec = workload["spec"]["template"]["spec"]
    found: set[Name] = set()
    fixed: set[str] = set()
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        sources = [*(container.get("envFrom") or []), *(e.get("valueFrom") or {} for e in container.get("env") or [])]
        found |= set(_names(sources, "configMapRef", "configMapKeyRef", "secretRef", "secretKeyRef"))
        fixed |= {m["name"] for m in container.get("volumeMounts") or [] if m.get("subPath") or m.get("subPathExpr")}
    for volume in spec.get("volumes") or []:
        if volume["name"] in fixed:
            inner = (volume.get("projected") or {}).get("sources") or []
            found |= set(_names([volume, *inner], "configMap", "secret"))
    return sorted(found)


def concerned(workloads: Iterable[Object], objects: Iterable[Object]) -> list[Name]:
    """Everything that a release may change: what the workloads read, and what the objects to be applied are."""
    found = {reference for workload in workloads for reference in referenced(workload)}
    for item in objects:
        if item["kind"] in ("ConfigMap", "Secret"):
            found.add((item["kind"], item["metadata"]["name"]))
    return sorted(found)


def describe(kind: Kind, name: str, live: Object, key: DigestKey) -> Kept:
    """What is kept of one object: a keyed digest of each value, and the name of the copy, which tells the content."""
    keys = {one: key.of_encoded(value) for one, value in sorted(encoded(kind, live).items())}
    whole = digest({"keys": keys, "type": live.get("type", "")})
    return Kept(kind, name, f"{name[:230]}.runbook-{whole[:8]}", whole, keys)


def read_copy(cluster: Cluster, one: Kept, key: DigestKey | None) -> Object:
    """The copy, held against what was kept; CriterionFailed when it is gone or altered.

    Where the key of the digests is gone, that it is the copy of this object, with these keys, is enough.
    """
    found = cluster.get("v1", "Secret", one.copy)
    if found is None:
        raise CriterionFailed(f"the copy Secret/{one.copy} of {one.title} is gone; restore it from a backup")
    values = found.get("data") or {}
    copied = (found["metadata"].get("annotations") or {}).get(COPY_OF)
    altered = values.keys() != one.keys.keys() or copied != one.title
    if altered or (key is not None and key.made(one.keys) and key.like(one.keys, values) != one.keys):
        raise CriterionFailed(f"the copy Secret/{one.copy} of {one.title} was altered; it is not used")
    return found


def holds(one: Kept, live: Object, copy: Object) -> bool:
    """True when the live object has the values and the type of the copy: compared themselves, not by digest."""
    kind = (copy["metadata"].get("annotations") or {}).get(f"{COPY_OF}-type", "")
    return encoded(one.kind, live) == (copy.get("data") or {}) and live.get("type", "") == kind


def encoded(kind: Kind, live: Object) -> dict[str, str]:
    """All values in base64, whichever field they stand in."""
    data = live.get("data") or {}
    if kind == "Secret":
        return dict(data)
    text = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return text | (live.get("binaryData") or {})


def _names(sources: Iterable[Object], *keys: str) -> Iterable[Name]:
    for source in sources:
        for key in keys:
            reference = source.get(key) or {}
            if name := reference.get("name") or reference.get("secretName"):
                yield ("ConfigMap" if key.startswith("configMap") else "Secret"), name
