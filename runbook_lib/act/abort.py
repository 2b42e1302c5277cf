"""Takes a release back that has not arrived, so that no Pod of it may become ready later; compare, write, read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.act.rewrite import rewrite
from runbook_lib.act.rollout import annotate, let_go, standing
from runbook_lib.model import Change, now, plain
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.pods import pods_of
from runbook_lib.observe.workload.rollout import (
    ABORTED,
    BATCHES,
    clean_template,
    deployment,
    note,
    progress,
    replica_sets,
    revision_number,
    taken_back,
    template_digest,
)


@dataclass(frozen=True)
class Target:
    """What an abort goes back to; ``replica_set`` None: there was nothing before, so that nothing is to run."""

    aborted: str
    replica_set: Object | None


def abort(cluster: Cluster, name: str, by: str) -> Change:
    """Take a release back that has not arrived: the template before, in one write, or no Pods where there is none.

    Done again it does nothing: the annotation says which template was taken back. A release that stands whole is not
    aborted; that is an undo. ``after`` is what the annotation says, empty when nothing was taken back.
    """
    live = deployment(cluster, name)
    before, what = standing(live), f"abort the rollout of Deployment/{name}"
    if told := taken_back(live):
        return Change(what, before, told, False, now(), "its template was taken back already")
    batches = note(live, BATCHES)
    if batches.get("before") == before["template"]:
        rewrite(cluster, name, let_go)
        return Change(what, before, {}, True, now(), "no new template was applied: it is only let go")
    if progress(live).complete and not batches and before["replicas"]:
        said = (
            f"revision {before['revision']} stands whole: nothing is to be aborted; to leave it, undo it (06_rollback)"
        )
        return Change(what, before, {}, False, now(), said)
    back = target(cluster, live)
    mark = _mark(live, back, by)
    written = rewrite(cluster, name, lambda current: _take_back(current, back, mark))
    found = back.replica_set
    to = f"revision {revision_number(found)}" if found else "no Pods: no revision before it is kept"
    return Change(what, before, note(written, ABORTED), True, now(), f"back to {to}")


def target(cluster: Cluster, live: Object) -> Target:
    """The revision that still serves, else the one before: that is where an abort goes.

    Whose Pods are available is asked first: the revision before may be a release that never arrived either.
    """
    wanted = template_digest(live)
    others = [rs for rs in replica_sets(cluster, live) if template_digest(rs) != wanted]
    serving = [rs for rs in others if _available(rs)]
    return Target(wanted, max(serving or others, key=lambda rs: (_available(rs), revision_number(rs)), default=None))


def _available(replica_set: Object) -> int:
    return (replica_set.get("status") or {}).get("availableReplicas") or 0


def _mark(live: Object, back: Target, by: str) -> dict[str, Any]:
    mark = {"template": back.aborted, "revision": revision_number(live), "by": by, "at": plain(now())}
    if back.replica_set is not None:
        return mark | {"to": template_digest(back.replica_set)}
    return mark | {"to": back.aborted, "replicas": 0, "had": live["spec"].get("replicas", 1)}


def _take_back(current: Object, back: Target, mark: Mapping[str, Any]) -> None:
    let_go(current, back=True)
    if back.replica_set is None:
        current["spec"]["replicas"] = 0
    else:
        current["spec"]["template"] = clean_template(back.replica_set)
    annotate(current, ABORTED, mark)


def settle(cluster: Cluster, name: str) -> Change:
    """Before the next release: forget an abort, and give the Pods back that the abort of a first release took away."""
    live = deployment(cluster, name)
    told, before = note(live, ABORTED), standing(live)
    what = f"forget the abort of Deployment/{name}"
    emptied = told.get("replicas") == 0 and not before["replicas"]
    if not told or (told.get("to") == before["template"] and not emptied):
        return Change(what, before, before, False, now(), "there is none")

    def write(current: Object) -> None:
        if emptied:
            current["spec"]["replicas"] = told.get("had", 1)
        annotate(current, ABORTED, None)

    return Change(what, before, standing(rewrite(cluster, name, write)), True, now())


def left(cluster: Cluster, name: str) -> list[str]:
    """The Pods that are not of the template that stands: after an abort there must be none, and none at 0 replicas."""
    live = deployment(cluster, name)
    wanted = template_digest(live) if live["spec"].get("replicas", 1) else "none"
    return sorted(pod["metadata"]["name"] for template, pod in pods_of(cluster, live) if template != wanted)
