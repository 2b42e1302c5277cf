"""Marks the Pod template of a Deployment: compare, write, read back."""

from __future__ import annotations

from collections.abc import Mapping

from runbook_lib.act.rewrite import rewrite
from runbook_lib.act.rollout import standing
from runbook_lib.model import Change, now
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.rollout import deployment


def annotate(cluster: Cluster, name: str, annotations: Mapping[str, str | None]) -> Change:
    """Set annotations on the Pod template, or with None take them away: the smallest change that starts a rollout."""
    what = f"annotate the template of Deployment/{name} with {', '.join(annotations)}"
    live = deployment(cluster, name)
    found = (live["spec"]["template"].get("metadata") or {}).get("annotations") or {}
    if all(found.get(key) == value for key, value in annotations.items()):
        return Change(what, standing(live), standing(live), False, now(), "the template is as it should be")

    def write(current: Object) -> None:
        metadata = current["spec"]["template"].setdefault("metadata", {})
        wanted = {**(metadata.pop("annotations", None) or {}), **annotations}
        if kept := {key: value for key, value in wanted.items() if value is not None}:
            metadata["annotations"] = kept

    return Change(what, standing(live), standing(rewrite(cluster, name, write)), True, now())
