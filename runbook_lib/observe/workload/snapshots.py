"""The snapshot sets of a Deployment: what ran and what it read, bound together at one moment, kept in the cluster.

A set is an immutable ConfigMap that is named for its content: the Deployment as it stood, and which copies of its
ConfigMaps and Secrets belong to it, by name and digest. No Secret value is in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from runbook_lib.errors import CriterionFailed
from runbook_lib.model import digest
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.release.keyed_digest import read_key
from runbook_lib.observe.workload.kept import Kept, holds, read_copy
from runbook_lib.observe.workload.rollout import clean_template

Moment = Literal["before", "after"]
LABEL = "runbook/snapshot-set"
KEY = "set.json"
BACK_AT = "runbook/rolled-back-to"
"""Annotation of a Deployment: the template that a rollback went back to, and when."""
RESTARTED, DRILL = "runbook/restarted", "runbook/drill"
"""Annotations of a Pod template that are ours and no part of a release: a restart, and the change of a drill."""


@dataclass(frozen=True)
class SnapshotSet:
    """One moment of a Deployment; ``moment``: before a release was applied, or after it stood.

    ``stood``: its rollout was complete then. ``template`` is the digest of the Pod template (`essence`); ``problem``
    says why the set may not be used.
    """

    name: str
    deployment: str
    at: datetime
    run: str
    moment: Moment
    stood: bool
    revision: int
    template: str
    images: tuple[str, ...]
    configuration: tuple[Kept, ...]
    problem: str = ""


def snapshot_sets(cluster: Cluster, deployment: str) -> list[SnapshotSet]:
    """The sets of a Deployment, oldest first; one that was altered is there, too, and says so."""
    head = name_for(deployment, "").rpartition("-")[0]  # by its name: what an altered one says is not believed
    items = [one for one in cluster.all("v1", "ConfigMap", LABEL) if str(one["metadata"]["name"]).startswith(head)]
    return sorted((_read(item, deployment) for item in items), key=lambda one: one.at)


def workload_of(cluster: Cluster, name: str) -> Object:
    """The Deployment that a set holds, read and compared now; CriterionFailed when it is gone or altered."""
    found = cluster.get("v1", "ConfigMap", name)
    if found is None:
        raise CriterionFailed(
            f"the snapshot set ConfigMap/{name} is gone; restore it from a backup, or name another revision"
        )
    if problem := _problem(found):
        raise CriterionFailed(problem)
    workload: Object = json.loads(found["data"][KEY])["workload"]
    return workload


def configuration_now(cluster: Cluster, kept: Sequence[Kept]) -> tuple[tuple[str, str], ...]:
    """``ConfigMap/name`` and how it stands to its copy: same, differs, gone. CriterionFailed for a spoilt copy."""
    key = read_key(cluster)
    copies = [(one, read_copy(cluster, one, key)) for one in kept]
    return tuple((one.title, _standing(one, cluster.get("v1", one.kind, one.name), copy)) for one, copy in copies)


def _standing(one: Kept, live: Object | None, copy: Object) -> str:
    return "gone" if live is None else "same" if holds(one, live, copy) else "differs"


def essence(owner: Object, with_drill: bool = False) -> str:
    """Digest of the Pod template of a Deployment or ReplicaSet without our own marks, or with that of a drill."""
    return digest(essential_template(owner, with_drill))


def essential_template(owner: Object, with_drill: bool = False) -> Object:
    """The Pod template without what the controller and we put there."""
    template, ours = clean_template(owner), {RESTARTED} if with_drill else {RESTARTED, DRILL}
    metadata = dict(template["metadata"])
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k not in ours}
    return template | {"metadata": metadata | ({"annotations": annotations} if annotations else {})}


def name_for(deployment: str, text: str) -> str:
    """The name of the set with this content."""
    return f"{deployment[:220]}.runbook-set-{digest(text.encode())[:16]}"


def _read(item: Object, deployment: str) -> SnapshotSet:
    name, problem = str(item["metadata"]["name"]), _problem(item)
    try:
        value: dict[str, Any] = json.loads((item.get("data") or {}).get(KEY, ""))
        return SnapshotSet(
            name,
            deployment,
            datetime.fromisoformat(value["at"]),
            value["run"],
            value["moment"],
            value["stood"],
            value["revision"],
            essence(value["workload"]),
            tuple(container["image"] for container in value["workload"]["spec"]["template"]["spec"]["containers"]),
            tuple(Kept(**one) for one in value["configuration"]),
            problem,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        made = datetime.fromisoformat(str(item["metadata"]["creationTimestamp"]))
        return SnapshotSet(name, deployment, made, "", "before", True, 0, "", (), (), problem)


def _problem(item: Object) -> str:
    """Why a set may not be used; its name tells what its content must be."""
    name, text = str(item["metadata"]["name"]), str((item.get("data") or {}).get(KEY, ""))
    if name.rpartition("-")[2] != digest(text.encode())[:16]:
        return f"the snapshot set ConfigMap/{name} was altered; it is not used"
    return ""
