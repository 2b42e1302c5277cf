"""Puts an earlier Pod template back, from whatever still holds it; a Deployment that is gone is made anew."""

from __future__ import annotations

from runbook_lib.act.create import create
from runbook_lib.act.rewrite import rewrite
from runbook_lib.act.rollout import let_go, standing
from runbook_lib.errors import BadParameters, ChangeFailed
from runbook_lib.model import Change, now, plain
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.rollout import BATCHES, note
from runbook_lib.observe.workload.snapshots import BACK_AT, essence, essential_template


def put_back(cluster: Cluster, name: str, wanted: Object, source: str, noted: bool = True) -> Change:
    """Make the Pod template that of ``wanted`` (a Deployment or ReplicaSet), and let a held rollout go on.

    Where it went back to is noted at the Deployment, so that going back a second time does not go forward; a drill,
    which goes back to what stands, does not have it ``noted``: a rollback after it still has its way to go. Raises
    BadParameters when the Deployment is gone and only a template is left of it, ChangeFailed when the server refuses.
    """
    what = f"Deployment/{name} back to the template of {source}"
    live, aim = cluster.get("apps/v1", "Deployment", name), essence(wanted)
    mark = {BACK_AT: f"{aim} {plain(now())}"} if noted else {}
    if live is None:
        return _made_anew(cluster, name, wanted, what, mark)
    before, held = standing(live), bool(live["spec"].get("paused") or note(live, BATCHES))
    if essence(live, with_drill=True) == aim and not held:
        return Change(what, before, before, False, now(), "it already has this template")

    def write(current: Object) -> None:
        let_go(current, back=True)
        if essence(current, with_drill=True) != aim:
            current["spec"]["template"] = essential_template(wanted)
        current["metadata"]["annotations"] |= mark

    written = rewrite(cluster, name, write)
    if essence(written, with_drill=True) != aim:
        raise ChangeFailed(f"Deployment/{name} was written but does not show the template of {source}")
    said = "its rollout was held, and goes on" if held else ""
    return Change(what, before, standing(written), True, now(), said)


def _made_anew(cluster: Cluster, name: str, wanted: Object, what: str, mark: dict[str, str]) -> Change:
    """The whole Deployment as it was kept: a template alone does not say how many Pods, and how they are replaced."""
    if "strategy" not in wanted["spec"]:
        raise BadParameters(f"Deployment/{name} is gone, and no snapshot set holds it; run 03_pilot_deploy")
    spec = {**wanted["spec"], "template": essential_template(wanted)}
    spec.pop("paused", None)
    kept = wanted.get("metadata") or {}
    annotations = {**(kept.get("annotations") or {}), **mark}
    metadata = {"name": name, "labels": kept.get("labels") or {}, "annotations": annotations}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    written = create(cluster, body)
    if written is None:
        raise ChangeFailed(f"Deployment/{name} was gone, and somebody else made it just now; run this again")
    return Change(what, None, standing(written), True, now(), "it was gone and was made anew")
