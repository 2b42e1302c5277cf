"""Keeps a snapshot set in the cluster: the Deployment and what it reads, bound together at one moment."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runbook_lib.act import configuration
from runbook_lib.act.create import create
from runbook_lib.errors import ChangeFailed
from runbook_lib.model import Change, now, plain
from runbook_lib.observe.cluster import LAST_APPLIED, Cluster, Object
from runbook_lib.observe.release.difference import MANAGER
from runbook_lib.observe.release.keyed_digest import read_key
from runbook_lib.observe.workload.kept import Kept, Name, concerned, describe
from runbook_lib.observe.workload.rollout import REVISION, progress, revision_number
from runbook_lib.observe.workload.snapshots import KEY, LABEL, Moment, SnapshotSet, essence, name_for, snapshot_sets

_OTHERS = (REVISION, LAST_APPLIED)


def keep(cluster: Cluster, deployment: str, objects: Sequence[Object], run: str, moment: Moment = "before") -> Change:
    """Keep copies of what the Deployment reads and of what ``objects`` are about to change, and the set over them.

    ``after`` is a list of Kept. Where there is no Deployment yet only the copies are made; a run keeps what stood
    before its release once, and what stands after it once for each state. ChangeFailed when it changes meanwhile.
    """
    live = cluster.get("apps/v1", "Deployment", deployment)
    names = concerned([live] if live else [], objects)
    kept = configuration.snapshot(cluster, names)
    if live is None:
        return Change(kept.what, None, kept.after, kept.done, kept.at, kept.note)
    _still_so(cluster, names, kept.after)
    found = _same(snapshot_sets(cluster, deployment), live, kept.after, run, moment)
    name = found or _write(cluster, deployment, live, kept.after, run, moment)
    note = "; ".join(filter(None, (f"snapshot set ConfigMap/{name}", kept.note)))
    what = (
        f"keep Deployment/{deployment} revision {revision_number(live)} and {kept.what.removeprefix('keep a copy of ')}"
    )
    return Change(what, None, kept.after, kept.done or found is None, now(), note)


def _still_so(cluster: Cluster, names: Sequence[Name], kept: Sequence[Kept]) -> None:
    """What is bound together must have stood together: somebody may write while one copy is made after the other."""
    key = read_key(cluster)
    wanted = {one.title: one.digest for one in kept}
    for kind, name in names:
        live = cluster.get("v1", kind, name)
        found = describe(kind, name, live, key).digest if live and key else None
        if found != wanted.get(f"{kind}/{name}"):
            raise ChangeFailed(
                f"{kind}/{name} was changed while its copy was made; nothing else was changed, run this cell again"
            )


def _same(sets: Sequence[SnapshotSet], live: Object, kept: Sequence[Kept], run: str, moment: Moment) -> str | None:
    """The set that this run kept already: before its release once, whatever was begun since; after it each state."""
    mine = [one for one in sets if one.run == run and one.moment == moment and not one.problem]
    if moment == "after":
        state = (revision_number(live), essence(live), tuple(kept))
        mine = [one for one in mine[-1:] if (one.revision, one.template, one.configuration) == state]
    return mine[0].name if mine else None


def _write(cluster: Cluster, deployment: str, live: Object, kept: Sequence[Kept], run: str, moment: Moment) -> str:
    found = live["metadata"]
    annotations = {key: value for key, value in (found.get("annotations") or {}).items() if key not in _OTHERS}
    content = {
        "version": 1,
        "at": now(),
        "run": run,
        "moment": moment,
        "stood": progress(live).complete and not live["spec"].get("paused"),
        "deployment": deployment,
        "uid": found["uid"],
        "revision": revision_number(live),
        "workload": {
            "metadata": {"labels": found.get("labels") or {}, "annotations": annotations},
            "spec": live["spec"],
        },
        "configuration": list(kept),
    }
    text = json.dumps(plain(content), sort_keys=True, ensure_ascii=False)
    name = name_for(deployment, text)
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": MANAGER, LABEL: "v1"}},
        "immutable": True,
        "data": {KEY: text},
    }
    create(cluster, body)  # it is named for its content: one that is there already is the same
    return name
