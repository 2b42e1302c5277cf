"""How a Deployment stands: how far its rollout is, who holds it, and the ReplicaSets of its revisions."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.errors import CriterionFailed, Held, RunbookError
from runbook_lib.judge.batches import Fences, fences
from runbook_lib.model import digest
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.author import author

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
BATCHES = "runbook/rollout"
"""Annotation: what a release in batches found and puts back, and how far it is."""
HELD = "runbook/paused"
"""Annotation: who paused the rollout, and when."""
ABORTED = "runbook/aborted"
"""Annotation: which template was taken back, and what stands instead."""


@dataclass(frozen=True)
class Progress:
    """The numbers `kubectl rollout status` looks at; ``wanted`` is spec.replicas."""

    name: str
    revision: int
    wanted: int
    total: int
    updated: int
    ready: int
    available: int
    observed: bool
    paused: bool
    stalled: str
    resource_version: str
    uid: str = ""
    template: str = ""
    """Digest of the Pod template: a release is known by it."""
    author: str = ""
    """Who wrote the template last, and when."""
    ignored: int = 0
    """Failed Pods that are left for later."""
    batched: bool = False
    """It goes in batches: what is new does not count as available until the last one is done."""
    new_ready: int | None = None
    """Of the updated Pods, those that are ready; None where only the Deployment was asked, which does not tell."""
    fences: Fences | None = None
    """Pods that may be there beyond the wanted ones, or be missing; None where all old ones end first (Recreate)."""
    aborted: str = ""
    """Who took the release back, and when, while the Deployment stands as that left it."""
    held: str = ""
    """Who paused it, and when; empty where nobody did, and between two batches."""

    @property
    def complete(self) -> bool:
        """Every wanted Pod is of the newest template and available, and no older one is left."""
        return self.observed and self.updated == self.available == self.total == self.wanted

    @property
    def counts(self) -> str:
        """How many of the new Pods are ready, and how many old ones serve meanwhile."""
        old, wanted = max(0, self.total - self.updated), self.wanted
        if self.complete:
            return f"all {wanted} Pods new, ready and available" if wanted else "no Pod is wanted, and none is there"
        if not self.observed:
            return f"its controller has not looked at it yet; {self.ready} Pods ready, none of them new"
        if self.new_ready is None:
            left = f"; {old} old still there" if old else ""
            return f"{self.updated} of {wanted} new Pods made; {self.ready} Pods ready, new or old{left}"
        made = f" ({self.updated} made)" if self.updated < wanted else ""
        serve = min(old, max(0, self.ready - self.new_ready))
        left = (f", {serve} old still serve" if serve else "") + (f", {old - serve} not" if old > serve else "")
        late = f", {self.available} of them available yet" if not old and self.available < self.new_ready else ""
        return f"{self.new_ready} of {wanted} new Pods ready{made}{left}{late}"

    def __str__(self) -> str:
        return f"Deployment/{self.name} revision {self.revision}: {self.counts}"


def deployment(cluster: Cluster, name: str) -> Object:
    """The live Deployment; CriterionFailed when there is none."""
    found = cluster.get("apps/v1", "Deployment", name)
    if found is None:
        raise CriterionFailed(
            f"there is no Deployment/{name} in namespace {cluster.namespace} of {cluster.server}; "
            "run 03_pilot_deploy first or correct kubernetes.deployment"
        )
    return found


def progress(live: Object) -> Progress:
    """Where a Deployment's rollout is."""
    spec, status, metadata = live["spec"], live.get("status") or {}, live["metadata"]
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    stalled = ""
    observed = (status.get("observedGeneration") or 0) >= metadata["generation"]
    if observed and (conditions.get("Progressing") or {}).get("reason") == "ProgressDeadlineExceeded":
        stalled = conditions["Progressing"]["message"]
    if observed and (conditions.get("ReplicaFailure") or {}).get("status") == "True":
        stalled = conditions["ReplicaFailure"]["message"]
    return Progress(
        name=metadata["name"],
        revision=int((metadata.get("annotations") or {}).get(REVISION, 0)),
        wanted=spec.get("replicas", 1),
        total=status.get("replicas") or 0,
        updated=status.get("updatedReplicas") or 0,
        ready=status.get("readyReplicas") or 0,
        available=status.get("availableReplicas") or 0,
        observed=observed,
        paused=bool(spec.get("paused")),
        stalled=stalled,
        resource_version=metadata["resourceVersion"],
        uid=metadata.get("uid", ""),
        template=template_digest(live) if "template" in spec else "",
        author=str(author(live)),
        batched=BATCHES in (metadata.get("annotations") or {}),
        fences=_fences(spec),
        aborted="{by} at {at}".format_map(told) if (told := taken_back(live)) else "",
        held=_held(live),
    )


def _held(live: Object) -> str:
    if not live["spec"].get("paused"):
        return ""
    if told := note(live, HELD):
        return f"{told.get('by')} at {told.get('at')}"
    return "" if note(live, BATCHES) else "somebody"


def refuse_if_held(state: Progress) -> None:
    """Held where a person paused it: that is no failure, and nobody goes on over it."""
    if state.held:
        raise Held(
            f"Deployment/{state.name} was paused by {state.held}: no further Pod is made or ended; let it go on with "
            "`runbook rollout resume PARAMETERS` and run this again, or take it back with `runbook rollout abort`"
        )


def with_new(cluster: Cluster, state: Progress) -> Progress:
    """The same with how many of the new Pods are ready; as it was where that cannot be read."""
    if state.complete:
        return replace(state, new_ready=state.ready)
    try:
        sets = replica_sets(cluster, deployment(cluster, state.name))
    except RunbookError:
        return state
    mine = [rs for rs in sets if template_digest(rs) == state.template]
    return replace(state, new_ready=sum((rs.get("status") or {}).get("readyReplicas") or 0 for rs in mine))


def _fences(spec: Object) -> Fences | None:
    strategy = spec.get("strategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return None
    rolling = strategy.get("rollingUpdate") or {}
    return fences(rolling.get("maxSurge"), rolling.get("maxUnavailable"), spec.get("replicas", 1))


def taken_back(live: Object) -> dict[str, Any]:
    """What an abort wrote down, while the Deployment still stands as it left it; else nothing."""
    if not (told := note(live, ABORTED)):
        return {}
    replicas = live["spec"].get("replicas", 1)
    stands = told.get("to") == template_digest(live) and told.get("replicas", replicas) == replicas
    # a later rollout to the same template is another one: going back makes the next revision, and no more
    return told if stands and revision_number(live) <= told.get("revision", 0) + 1 else {}


def note(live: Object, key: str) -> dict[str, Any]:
    """What one of our annotations on a Deployment says; empty when it is not there or cannot be read."""
    try:
        found = json.loads((live["metadata"].get("annotations") or {}).get(key) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def template_digest(owner: Object) -> str:
    """Digest of a Pod template: equal for a Deployment and the ReplicaSet that the controller made of it."""
    return digest(clean_template(owner))


def clean_template(owner: Object) -> Object:
    """The Pod template of a Deployment or ReplicaSet without the controller's own label and without nulls."""
    template: Object = _without_nulls(owner["spec"]["template"])
    metadata = template.setdefault("metadata", {})
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH}
    return template | {"metadata": metadata | {"labels": labels}}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def selector(owner: Object) -> str:
    """A Deployment's matchLabels as a label selector."""
    labels = owner["spec"]["selector"].get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def replica_sets(cluster: Cluster, live: Object) -> list[Object]:
    """The ReplicaSets that this Deployment owns, oldest revision first."""
    found = cluster.all("apps/v1", "ReplicaSet", selector(live))
    mine = [rs for rs in found if is_owned(rs, live["metadata"]["uid"])]
    return sorted(mine, key=revision_number)


def revision_number(owner: Object) -> int:
    """The revision a ReplicaSet or Deployment carries; 0 before the controller has seen it."""
    return int((owner["metadata"].get("annotations") or {}).get(REVISION, 0))


def images(spec: Object) -> tuple[str, ...]:
    """The images of a Pod spec's containers, in order."""
    return tuple(container["image"] for container in spec["containers"])


def is_owned(item: Object, uid: str) -> bool:
    """Whether the object with this uid made it."""
    return any(owner.get("uid") == uid for owner in item["metadata"].get("ownerReferences") or [])
