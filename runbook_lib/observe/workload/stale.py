"""Pods that still run with an environment that is no longer so: what they read at their start was written later."""

from __future__ import annotations

from datetime import UTC, datetime

from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.workload.kept import read_at_start
from runbook_lib.observe.workload.pods import pods_of
from runbook_lib.observe.workload.rollout import deployment


def stale(cluster: Cluster, name: str, same_second: bool = False) -> tuple[str, ...]:
    """The Deployment's Pods that are older than the last write of a ConfigMap or Secret that they read when they start.

    Both times are the API server's, in whole seconds; ``same_second`` counts a Pod of that same second, too.
    """
    live = deployment(cluster, name)
    found = [cluster.get("v1", kind, one) for kind, one in read_at_start(live)]
    written = max((_written(item) for item in found if item is not None), default=None)
    if written is None:
        return ()
    pods = [pod["metadata"] for _, pod in pods_of(cluster, live)]
    old = [one for one in pods if "deletionTimestamp" not in one and _older(one, written, same_second)]
    return tuple(sorted(str(one["name"]) for one in old))


def _older(metadata: Object, written: datetime, same_second: bool) -> bool:
    made = _moment(metadata["creationTimestamp"])
    return made <= written if same_second else made < written


def _written(item: Object) -> datetime:
    """When an object was last written; its managers' times say so, since the server notes each write of a value."""
    metadata = item["metadata"]
    times = [entry["time"] for entry in metadata.get("managedFields") or [] if entry.get("time")]
    return max(_moment(one) for one in [metadata["creationTimestamp"], *times])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)
