"""Changes what runs on the cluster: undo to a revision, annotate, scale; compare, write, read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.act.rewrite import rewrite
from runbook_lib.act.rollout import let_go
from runbook_lib.errors import BadParameters, ChangeFailed, CriterionFailed
from runbook_lib.model import Change, now
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.rollout import (
    BATCHES,
    HELD,
    clean_template,
    deployment,
    note,
    replica_sets,
    revision_number,
    template_digest,
)


def undo(cluster: Cluster, name: str, to_revision: int | None = None) -> Change:
    """Put an earlier revision's Pod template back (`kubectl rollout undo`); None means the one before the newest.

    A pause of ours and the batches of a release end with it: they hold up no rollback. Raises BadParameters when that
    ReplicaSet is gone or there is no earlier one, CriterionFailed for a rollout that somebody else paused.
    """
    what = f"undo Deployment/{name} to revision {to_revision or 'before'}"
    live = deployment(cluster, name)
    ours = bool(note(live, BATCHES) or note(live, HELD))
    if live["spec"].get("paused") and not ours:
        raise CriterionFailed(f"Deployment/{name} is paused; resume it first: kubectl rollout resume deployment/{name}")
    target = _target(cluster, live, to_revision)
    what = f"undo Deployment/{name} to revision {revision_number(target)}"
    before, wanted = _state(live), template_digest(target)
    if template_digest(live) == wanted and not ours:
        return Change(what, before, before, False, now(), "it already has this template")

    def put_back(current: Object) -> None:
        if ours:
            let_go(current)
        current["spec"]["template"] = clean_template(target)

    written = rewrite(cluster, name, put_back)
    if template_digest(written) != wanted:
        raise ChangeFailed(f"Deployment/{name} does not show the template of revision {revision_number(target)}")
    return Change(what, before, _state(written), True, now(), "ConfigMaps and Secrets are not part of a revision")


def _target(cluster: Cluster, live: Object, to_revision: int | None) -> Object:
    name = live["metadata"]["name"]
    sets = replica_sets(cluster, live)
    numbers = [revision_number(rs) for rs in sets]
    kept = f"kept are {', '.join(map(str, numbers)) or 'none'}"
    limit = f"revisionHistoryLimit is {live['spec'].get('revisionHistoryLimit', 10)}"
    if to_revision is None:
        if len(sets) < 2:
            raise BadParameters(f"Deployment/{name} has no earlier revision to go back to ({kept}, {limit})")
        return sets[-2]
    if to_revision not in numbers:
        raise BadParameters(
            f"revision {to_revision} of Deployment/{name} cannot be undone to: its ReplicaSet is gone "
            f"({kept}, {limit}); apply that release's manifests instead"
        )
    return sets[numbers.index(to_revision)]


def annotate(cluster: Cluster, name: str, annotations: Mapping[str, str | None]) -> Change:
    """Set annotations on the Pod template, or with None take them away: the smallest change that starts a rollout."""
    what = f"annotate the template of Deployment/{name} with {', '.join(annotations)}"
    live = deployment(cluster, name)
    found = (live["spec"]["template"].get("metadata") or {}).get("annotations") or {}
    if all(found.get(key) == value for key, value in annotations.items()):
        return Change(what, _state(live), _state(live), False, now(), "the template is as it should be")

    def write(current: Object) -> None:
        metadata = current["spec"]["template"].setdefault("metadata", {})
        wanted = {**(metadata.pop("annotations", None) or {}), **annotations}
        if kept := {key: value for key, value in wanted.items() if value is not None}:
            metadata["annotations"] = kept

    return Change(what, _state(live), _state(rewrite(cluster, name, write)), True, now())


def scale(cluster: Cluster, name: str, replicas: int) -> Change:
    """Set the number of Pods; an HPA that targets the Deployment sets it again."""
    if replicas < 0:
        raise BadParameters(f"Deployment/{name} cannot have {replicas} replicas")
    what = f"scale Deployment/{name} to {replicas}"
    live = deployment(cluster, name)
    before = {"replicas": live["spec"].get("replicas", 1)}
    if before["replicas"] == replicas:
        return Change(what, before, before, False, now(), "it already has them")

    def write(current: Object) -> None:
        current["spec"]["replicas"] = replicas

    written = rewrite(cluster, name, write)
    return Change(what, before, {"replicas": written["spec"].get("replicas")}, True, now())


def _state(live: Object) -> dict[str, Any]:
    spec = live["spec"]["template"]["spec"]
    return {
        "revision": revision_number(live),
        "template": template_digest(live),
        "images": [container["image"] for container in spec["containers"]],
        "annotations": (live["spec"]["template"].get("metadata") or {}).get("annotations") or {},
    }
