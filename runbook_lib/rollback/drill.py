"""The way back walked on purpose: a harmless change rolled out whole, then taken back from the snapshot set, timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.act import configuration, snapshot, workload
from runbook_lib.act.level import Wanted
from runbook_lib.act.put_back import put_back
from runbook_lib.clients import Clients
from runbook_lib.errors import CriterionFailed
from runbook_lib.model import now
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.rollout import deployment
from runbook_lib.observe.workload.snapshots import DRILL, SnapshotSet, essence, snapshot_sets, workload_of
from runbook_lib.observe.workload.wait import Show
from runbook_lib.record import Run
from runbook_lib.rollout.arrive import arrive


@dataclass(frozen=True)
class Walked:
    """A drill: digests of the template before, changed and after, and when each step was done."""

    before: str
    changed: str
    after: str
    moments: tuple[tuple[str, datetime], ...]
    ignored: int = 0
    """Failed Pods that are left for later at its end."""

    @property
    def release_seconds(self) -> float:
        """How long the change took to be rolled out."""
        return (self.moments[1][1] - self.moments[0][1]).total_seconds()

    @property
    def seconds(self) -> float:
        """How long the way back took, all levels of it."""
        return (self.moments[-1][1] - self.moments[1][1]).total_seconds()

    @property
    def evidence(self) -> dict[str, object]:
        """What the record keeps of it."""
        named = {"before": self.before, "changed": self.changed, "after": self.after, "moments": self.moments}
        return named | {"release_seconds": self.release_seconds, "seconds": self.seconds}


def _silent(title: str) -> Show:
    return lambda progress, why: None


def walk(
    run: Run, clients: Clients, level: Wanted, objects: Sequence[Object] = (), show: Callable[[str], Show] = _silent
) -> Walked:
    """Change, and take back: the workload from the snapshot set of this moment, the configuration from its copies.

    It shows that the set serves even where no ReplicaSet is left. Nothing of it concerns data but the dry run of the
    registered script. Raises what the acts raise; begun again after a crash it takes the mark of the first time away.
    """
    wanted = run.parameters.kubernetes
    cluster, name = Cluster(clients.kubernetes, wanted.namespace), wanted.deployment

    def reach(title: str) -> tuple[str, int]:
        state = arrive(run, cluster, show(title))
        return essence(deployment(cluster, name), with_drill=True), state.ignored

    run.change("drill: clear", lambda: workload.annotate(cluster, name, {DRILL: None}))
    before, _ = reach("drill: before")
    run.change("drill: keep", lambda: snapshot.keep(cluster, name, objects, run.run_id, "after"))
    aim = _kept(cluster, name, run.run_id)
    moments = [("begin", now())]
    run.change("drill: change", lambda: workload.annotate(cluster, name, {DRILL: run.run_id}))
    changed, _ = reach("drill: a harmless change")
    moments.append(("change rolled out", now()))
    if level.reaches("configuration"):
        run.change("drill: restore configuration", lambda: configuration.restore(cluster, aim.configuration))
        moments.append(("configuration restored", now()))
    source = workload_of(cluster, aim.name)
    run.change("drill: undo", lambda: put_back(cluster, name, source, f"ConfigMap/{aim.name}", noted=False))
    after, ignored = reach("drill: undo")
    return Walked(before, changed, after, (*moments, ("undone", now())), ignored)


def _kept(cluster: Cluster, name: str, run: str) -> SnapshotSet:
    """The set of this moment; reading it back is part of the drill."""
    mine = [one for one in snapshot_sets(cluster, name) if one.run == run and one.moment == "after"]
    if not mine or mine[-1].problem:
        why = mine[-1].problem if mine else "it is not there"
        raise CriterionFailed(f"the snapshot set that was kept just now cannot be used: {why}")
    return mine[-1]
