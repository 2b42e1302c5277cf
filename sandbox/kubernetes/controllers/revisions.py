"""The ReplicaSets of a Deployment: which is the new one, its revision and its annotations."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.controllers import rollout
from sandbox.kubernetes.controllers.template import HASH_LABEL, same, template_hash

JsonObject = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
# What a Deployment does not hand down to its ReplicaSets.
OWN_ANNOTATIONS = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    HISTORY,
    rollout.DESIRED,
    rollout.MAXIMUM,
}


def revision(one: JsonObject) -> int:
    """The revision that a ReplicaSet or Deployment is annotated with, 0 without."""
    return int(one["metadata"].get("annotations", {}).get(REVISION, 0))


def split(d: JsonObject, sets: list[JsonObject]) -> tuple[JsonObject | None, list[JsonObject]]:
    """The ReplicaSet of the present template, and the others, oldest first."""
    ordered = sorted(
        sets, key=lambda one: (one["metadata"]["creationTimestamp"], revision(one), one["metadata"]["name"])
    )
    new = next((one for one in ordered if same(one["spec"]["template"], d["spec"]["template"])), None)
    return new, [one for one in ordered if one is not new]


def next_revision(old: list[JsonObject]) -> int:
    return max((revision(one) for one in old), default=0) + 1


def brought_up_to_date(d: JsonObject, new: JsonObject, number: int) -> JsonObject:
    """The new ReplicaSet with the Deployment's annotations, its revision, and where it had been before."""
    annotations: dict[str, str] = dict(new["metadata"].get("annotations", {}))
    annotations |= _handed_down(d)
    before = revision(new)
    if before < number:
        annotations[REVISION] = str(number)
        if before:
            history = [entry for entry in annotations.get(HISTORY, "").split(",") if entry]
            annotations[HISTORY] = ",".join([*history, str(before)])
    updated = new | {"metadata": new["metadata"] | {"annotations": annotations}}
    kept = {key: value for key, value in new["spec"].items() if key != "minReadySeconds"}
    return updated | {"spec": kept | _min_ready(d)}


def made(d: JsonObject, old: list[JsonObject]) -> JsonObject:
    """The ReplicaSet for a template that has none yet."""
    digest = template_hash(d["spec"]["template"], d.get("status", {}).get("collisionCount", 0))
    template = _labelled(d["spec"]["template"], digest)
    selector = dict(d["spec"]["selector"])
    selector["matchLabels"] = selector.get("matchLabels", {}) | {HASH_LABEL: digest}
    new: JsonObject = {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": f"{d['metadata']['name']}-{digest}",
            "namespace": d["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": _handed_down(d) | sized_annotations(d) | {REVISION: str(next_revision(old))},
            "ownerReferences": [owner_of(d)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template} | _min_ready(d),
    }
    new["spec"]["replicas"] = rollout.new_set_size(d, [*old, new], new)
    return new


def sized_annotations(d: JsonObject) -> dict[str, str]:
    """What a ReplicaSet remembers of the Deployment's size, for scaling in the middle of a rollout."""
    wanted = rollout.replicas(d)
    return {rollout.DESIRED: str(wanted), rollout.MAXIMUM: str(wanted + rollout.max_surge(d))}


def owner_of(obj: JsonObject) -> JsonObject:
    """The ownerReference to a controller."""
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_uid(obj: JsonObject) -> str | None:
    """The uid of the controller that owns an object, or None."""
    references = obj["metadata"].get("ownerReferences", ())
    return next((one["uid"] for one in references if one.get("controller")), None)


def surplus(d: JsonObject, old: list[JsonObject]) -> list[JsonObject]:
    """The old ReplicaSets that the history has no room for and that run nothing, oldest first."""
    limit = d["spec"].get("revisionHistoryLimit", 10)
    alive = [one for one in old if "deletionTimestamp" not in one["metadata"]]
    oldest = sorted(alive, key=revision)[: max(len(alive) - limit, 0)]
    return [
        one
        for one in oldest
        if not rollout.replicas(one)
        and not rollout.actual([one])
        and one.get("status", {}).get("observedGeneration", 0) >= one["metadata"]["generation"]
    ]


def _handed_down(d: JsonObject) -> dict[str, str]:
    annotations: dict[str, str] = d["metadata"].get("annotations", {})
    return {key: value for key, value in annotations.items() if key not in OWN_ANNOTATIONS}


def _min_ready(d: JsonObject) -> JsonObject:
    seconds = d["spec"].get("minReadySeconds", 0)
    return {"minReadySeconds": seconds} if seconds else {}


def _labelled(template: JsonObject, digest: str) -> JsonObject:
    metadata = template.get("metadata", {})
    return template | {"metadata": metadata | {"labels": metadata.get("labels", {}) | {HASH_LABEL: digest}}}
