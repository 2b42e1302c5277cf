"""Changes what runs on the cluster: apply a release, undo to a revision, scale; compare, write, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubernetes.client.exceptions import ApiException

from runbook_lib.act.rewrite import rewrite
from runbook_lib.errors import BadParameters, ChangeFailed, CriterionFailed, RunbookError
from runbook_lib.model import Change, now, plain
from runbook_lib.observe.bundle import Manifest
from runbook_lib.observe.cluster import PATIENCE, Cluster, Object, plain_object, sentence, speaking
from runbook_lib.observe.difference import MANAGER, Difference, compare, send
from runbook_lib.observe.rollout import (
    clean_template,
    deployment,
    replica_sets,
    revision_number,
    template_digest,
)
from runbook_lib.observe.snapshots import BACK_AT, essence, essential_template


def apply(cluster: Cluster, manifests: Sequence[Manifest]) -> Change:
    """Server-side apply of a whole release; nothing is written unless the server accepts every object in a dry run.

    Raises BadParameters for an object that the server refuses, CriterionFailed where somebody else owns a field,
    ChangeFailed when it breaks off in the middle, naming what stands now.
    """
    what = f"apply {len(manifests)} objects to namespace {cluster.namespace}"
    differences = compare(cluster, manifests)
    if any(d.note for d in differences):
        # what lives in a namespace can only be tried once it is there; an empty namespace does no harm
        _write(cluster, [m for m in manifests if m.object["kind"] == "Namespace"])
        compare(cluster, manifests)
    _refuse_conflicts(differences)
    before, after = _before(differences), _after(differences)
    todo = [m for m, d in zip(manifests, differences, strict=True) if d.action != "same"]
    if not todo:
        return Change(what, before, before, False, now(), "the cluster already has them all")
    _write(cluster, todo)
    if left := [d.object for d in compare(cluster, todo) if d.action != "same"]:
        raise ChangeFailed(f"{', '.join(left)} was written but reads back otherwise; another controller may change it")
    return Change(what, before, after, True, now(), f"changed: {', '.join(m.name for m in todo)}")


def _refuse_conflicts(differences: Sequence[Difference]) -> None:
    owned = [f"{d.object} {conflict}" for d in differences for conflict in d.conflicts]
    if owned:
        raise CriterionFailed(
            f"other field managers own {', '.join(owned)}; nothing was applied. "
            "Leave these fields out of the manifests, or let their owner give them up"
        )


def _write(cluster: Cluster, manifests: Sequence[Manifest]) -> None:
    written: list[str] = []
    for manifest in manifests:
        try:
            send(cluster, manifest, dry_run=False)
        except (ApiException, RunbookError) as error:
            reason = sentence(error) if isinstance(error, ApiException) else str(error)
            raise ChangeFailed(
                f"{manifest.name} ({manifest.file}) was refused after the dry run had passed: {reason}. "
                f"Applied so far: {', '.join(written) or 'nothing'}; "
                "run 03_pilot_deploy again, it goes on where it broke off"
            ) from None
        written.append(manifest.name)


def _before(differences: Sequence[Difference]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for d in differences:
        found[d.object] = None if d.action == "create" else {f.path: f.before for f in d.fields}
    return found


def _after(differences: Sequence[Difference]) -> dict[str, Any]:
    return {d.object: "created" if d.action == "create" else {f.path: f.after for f in d.fields} for d in differences}


def undo(cluster: Cluster, name: str, to_revision: int | None = None) -> Change:
    """Put an earlier revision's Pod template back (`kubectl rollout undo`); None means the one before the newest.

    Raises BadParameters when that ReplicaSet is gone or there is no earlier one, CriterionFailed for a paused rollout.
    """
    what = f"undo Deployment/{name} to revision {to_revision or 'before'}"
    live = deployment(cluster, name)
    if live["spec"].get("paused"):
        raise CriterionFailed(f"Deployment/{name} is paused; resume it first: kubectl rollout resume deployment/{name}")
    target = _target(cluster, live, to_revision)
    what = f"undo Deployment/{name} to revision {revision_number(target)}"
    before, wanted = _state(live), template_digest(target)
    if template_digest(live) == wanted:
        return Change(what, before, before, False, now(), "it already has this template")

    def put_back(current: Object) -> None:
        current["spec"]["template"] = clean_template(target)

    written = rewrite(cluster, name, put_back)
    if template_digest(written) != wanted:
        raise ChangeFailed(f"Deployment/{name} does not show the template of revision {revision_number(target)}")
    return Change(what, before, _state(written), True, now(), "ConfigMaps and Secrets are not part of a revision")


def put_back(cluster: Cluster, name: str, wanted: Object, source: str) -> Change:
    """Make the Pod template that of ``wanted`` (a Deployment or ReplicaSet), and let a paused rollout go on.

    A Deployment that is gone is made anew from a whole one. Where it went back to is noted at the Deployment, so that
    going back a second time does not go forward. Raises BadParameters when only a template is left of a Deployment that
    is gone, ChangeFailed when the server refuses.
    """
    what = f"Deployment/{name} back to the template of {source}"
    live, aim = cluster.get("apps/v1", "Deployment", name), essence(wanted)
    if live is None:
        return _made_anew(cluster, name, wanted, what)
    before = _state(live)
    if essence(live) == aim and not live["spec"].get("paused"):
        return Change(what, before, before, False, now(), "it already has this template")

    def write(current: Object) -> None:
        if essence(current) != aim:
            current["spec"]["template"] = essential_template(wanted)
        current["spec"].pop("paused", None)
        noted = {**(current["metadata"].get("annotations") or {}), BACK_AT: f"{aim} {plain(now())}"}
        current["metadata"]["annotations"] = noted

    written = rewrite(cluster, name, write)
    if essence(written) != aim:
        raise ChangeFailed(f"Deployment/{name} was written but does not show the template of {source}")
    resumed = "its rollout was paused and goes on" if live["spec"].get("paused") else ""
    return Change(what, before, _state(written), True, now(), resumed)


def _made_anew(cluster: Cluster, name: str, wanted: Object, what: str) -> Change:
    """The whole Deployment as it was kept: its template alone does not say how many Pods and which selector."""
    if "selector" not in wanted["spec"] or "strategy" not in wanted["spec"]:
        raise BadParameters(f"Deployment/{name} is gone, and no snapshot set holds it; run 03_pilot_deploy")
    spec = {**wanted["spec"], "template": essential_template(wanted)}
    spec.pop("paused", None)
    kept = wanted.get("metadata") or {}
    noted = {**(kept.get("annotations") or {}), BACK_AT: f"{essence(wanted)} {plain(now())}"}
    metadata = {"name": name, "labels": kept.get("labels") or {}, "annotations": noted}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    with speaking(cluster, f"Deployment/{name}"):
        try:
            written = cluster.resource("apps/v1", "Deployment").create(
                body=body, namespace=cluster.namespace, field_manager=MANAGER, _request_timeout=PATIENCE
            )
        except ApiException as error:
            raise ChangeFailed(f"Deployment/{name} was not made anew: {sentence(error)}") from None
    return Change(what, None, _state(plain_object(written)), True, now(), "it was gone and was made anew")


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
