"""What a rollback beyond the traffic will do: decided and checked before anything is written."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.act.level import Level, Wanted
from runbook_lib.clients import Clients
from runbook_lib.errors import CriterionFailed
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.rollout import images, replica_sets, revision_number
from runbook_lib.observe.workload.snapshots import (
    BACK_AT,
    SnapshotSet,
    configuration_now,
    essence,
    snapshot_sets,
    workload_of,
)
from runbook_lib.rollback.data import Rehearsal, tried
from runbook_lib.rollback.target import Past, Standing, Target, choose, left

HISTORY = "deployment.kubernetes.io/revision-history"


@dataclass(frozen=True)
class Plan:
    """What stands, what is gone back to, and why this one; it holds digests and names, no template and no value.

    ``standing`` and ``target`` are digests of Pod templates (`snapshots.essence`), ``standing`` is empty when the
    Deployment is gone. ``source`` is where the template comes from: ``ReplicaSet/x`` or ``ConfigMap/x`` (a snapshot
    set). ``snapshot`` is the set whose configuration is restored, None below that level. ``configuration`` says for
    each ConfigMap and Secret whether it is the same, differs or is gone.
    """

    wanted: Wanted
    deployment: str
    revision: int
    standing: str
    to_revision: int
    target: str
    source: str
    images: tuple[str, ...]
    why: tuple[str, ...]
    snapshot: SnapshotSet | None = None
    configuration: tuple[tuple[str, str], ...] = ()
    script: Rehearsal | None = None
    """The dry run that allows the data script: its path, digest and when it passed."""
    left: tuple[str, ...] = ()
    """What will not be as it was then."""


def plan(clients: Clients, asked: Wanted) -> Plan:
    """What will be done, after every copy that it needs was read and compared; writes nothing.

    Raises BadParameters for a revision that nothing is left of, CriterionFailed for a snapshot that is gone or altered
    or a data script that changed since its dry run passed, Unreachable when the cluster does not answer.
    """
    p = clients.parameters.kubernetes
    cluster = Cluster(clients.kubernetes, p.namespace)
    live = cluster.get("apps/v1", "Deployment", p.deployment)
    sets, standing = snapshot_sets(cluster, p.deployment), _standing(cluster, live)
    target = choose(standing, sets, asked.to_revision)
    source = fetch(cluster, target.source, target.template)
    snapshot: SnapshotSet | None = None
    states: tuple[tuple[str, str], ...] = ()
    if asked.reaches("configuration"):
        snapshot = _belonging(target, standing, sets)
        states = configuration_now(cluster, snapshot.configuration)
    rehearsal = tried(clients) if asked.reaches("data") else None
    return Plan(
        asked,
        p.deployment,
        standing.revision,
        standing.template,
        target.revision,
        target.template,
        target.source,
        target.images,
        target.why,
        snapshot,
        states,
        rehearsal,
        _left(live, source, asked),
    )


def fetch(cluster: Cluster, source: str, template: str) -> Object:
    """The object that holds the template, read now; CriterionFailed when it is gone or is another one."""
    kind, _, name = source.partition("/")
    if kind == "ConfigMap":
        return workload_of(cluster, name)
    found = cluster.all("apps/v1", kind, fields=f"metadata.name={name}")  # to list them is a right that is asked for
    if not found or essence(found[0]) != template:
        raise CriterionFailed(f"{source} is gone or was changed just now; nothing was changed, begin again")
    return found[0]


def _standing(cluster: Cluster, live: Object | None) -> Standing:
    if live is None:
        return Standing(0, "", ())
    noted = str((live["metadata"].get("annotations") or {}).get(BACK_AT, "")).partition(" ")
    back = None
    with contextlib.suppress(ValueError):  # somebody wrote something else there
        back = (noted[0], datetime.fromisoformat(noted[2]))
    past = tuple(_past(one) for one in replica_sets(cluster, live))
    return Standing(revision_number(live), essence(live), past, back)


def _past(one: Object) -> Past:
    history = str((one["metadata"].get("annotations") or {}).get(HISTORY, ""))
    earlier = tuple(int(number) for number in history.split(",") if number.strip().isdigit())
    return Past(
        one["metadata"]["name"],
        (revision_number(one), *reversed(earlier)),
        essence(one),
        images(one["spec"]["template"]["spec"]),
    )


def _belonging(target: Target, standing: Standing, sets: Sequence[SnapshotSet]) -> SnapshotSet:
    """The set of the target; its configuration is not known without one."""
    if target.snapshot is None:
        raise CriterionFailed(
            f"no snapshot set belongs to revision {target.revision} ({left(standing, sets)}): its configuration is not "
            "known; nothing was changed. Level workload brings the template back alone"
        )
    if target.snapshot.problem:
        raise CriterionFailed(f"{target.snapshot.problem}; nothing was changed. Level workload needs no set")
    return target.snapshot


def _left(live: Object | None, source: Object, asked: Wanted) -> tuple[str, ...]:
    """What will not be as it was then, in sentences."""
    words: dict[Level, str] = {
        "workload": "the Pods keep the template that they have",
        "configuration": "ConfigMaps and Secrets stay as they are",
        "data": "data that were written meanwhile stay",
    }
    said = [text for level, text in words.items() if not asked.reaches(level)]
    before, after = (live or {}).get("spec") or {}, source["spec"]
    if live is not None and "strategy" in after:
        other = sorted(k for k in {*before, *after} - {"template", "paused"} if before.get(k) != after.get(k))
        said += [f"fields of the Deployment stay as they are: {', '.join(other)}"] if other else []
    return (*said, "Services, routes, autoscalers and whatever else the release brought stay as they are")
