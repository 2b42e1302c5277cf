"""Why a rollout does not go on: the Deployment, its ReplicaSets, its Pods and their Events, one sentence each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from runbook_lib.errors import RunbookError
from runbook_lib.observe.cluster import PATIENCE, Cluster, Object
from runbook_lib.observe.workload.containers import Words, container_trouble
from runbook_lib.observe.workload.pods import has_ended, is_ready, owned
from runbook_lib.observe.workload.refusals import uncreated, unmounted, unscheduled
from runbook_lib.observe.workload.rollout import deployment, progress, replica_sets, template_digest
from runbook_lib.observe.workload.trouble import Trouble

LOGS = 3  # Pods whose logs are read at one look: what a hundred others say is the same
LINES = 5


def troubles(cluster: Cluster, name: str) -> list[Trouble]:
    """What keeps each Pod that is not ready, and what keeps Pods from being made.

    Without a uid, so that nothing is done about it, stands what is on its way out by itself: a Pod of a template before
    the present one, and one of the present that has ended and was replaced.
    """
    live = deployment(cluster, name)
    refused = [found for rs in replica_sets(cluster, live) if (found := uncreated(rs))]
    mine, wanted = owned(cluster, live), template_digest(live)
    unready = [
        (template, pod)
        for template, pod in mine
        if not (is_ready(pod) or has_ended(pod) or "deletionTimestamp" in pod["metadata"])
    ]
    said, reader = _events(cluster) if unready else {}, _Logs(cluster)
    kept = []
    for template, pod in unready:
        if found := pod_trouble(pod, said.get(str(pod["metadata"].get("uid")), []), reader):
            kept.append(found if template == wanted else replace(found, uid=""))
    ended = [_failed(pod) for template, pod in mine if template == wanted and has_ended(pod)]
    return [*_paused(live), *refused, *kept, *ended]


def quietly(cluster: Cluster, name: str) -> list[Trouble]:
    """The same, or nothing when even the reasons cannot be read: the rollout's own state matters more."""
    try:
        return troubles(cluster, name)
    except RunbookError:
        return []


def pod_trouble(pod: Object, events: Sequence[Object], logs: _Logs | None = None) -> Trouble | None:
    """What keeps one Pod from being ready, in the order in which a Pod comes up; ``events`` are those about it."""
    found = _first(pod, events, logs)
    metadata = pod["metadata"]
    return found and replace(found, pod=metadata["name"], uid=metadata.get("uid", ""))


def _first(pod: Object, events: Sequence[Object], logs: _Logs | None) -> Trouble | None:
    status, name = pod.get("status") or {}, pod["metadata"]["name"]
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    if (scheduled := conditions.get("PodScheduled") or {}).get("status") == "False":
        return unscheduled(pod, scheduled)
    if has_ended(pod) or status.get("reason") == "NodeLost":
        return _failed(pod)
    if found := container_trouble(pod, events, logs.of(name) if logs else _silent):
        return found
    mounts = [event for event in events if event.get("reason") in ("FailedMount", "FailedAttachVolume")]
    if mounts and not any("running" in (c.get("state") or {}) for c in status.get("containerStatuses") or []):
        return unmounted(pod, mounts[-1])
    if (conditions.get("Ready") or {}).get("reason") == "ReadinessGatesNotReady":
        return Trouble(
            "other", f"Pod/{name}", str(conditions["Ready"]["message"]), "look at who sets the readiness gate"
        )
    return None


def _failed(pod: Object) -> Trouble:
    status = pod.get("status") or {}
    what = f"it failed: {status.get('reason') or status.get('phase')} {status.get('message') or ''}".strip()
    return Trouble("node", f"Pod/{pod['metadata']['name']}", what, "look at its node (kubectl describe node)")


def _silent(container: str, before: bool) -> list[str]:
    return []


def _paused(live: Object) -> list[Trouble]:
    """A pause that somebody has to end; between two batches the watch ends it."""
    if not (by := progress(live).held):
        return []
    what = f"it is paused by {by}: no further Pod is made or ended"
    return [
        Trouble("paused", f"Deployment/{live['metadata']['name']}", what, "go on: runbook rollout resume PARAMETERS")
    ]


def _events(cluster: Cluster) -> dict[str, list[Object]]:
    """The Events that tell of trouble, oldest first, by the uid of what they are about."""
    found: dict[str, list[Object]] = defaultdict(list)
    # a container that its probe ended is told of in a normal Event
    for fields in ("type=Warning", "reason=Killing"):
        for event in sorted(cluster.all("v1", "Event", fields=fields), key=_when):
            found[str(event["involvedObject"].get("uid") or "")].append(event)
    return found


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


class _Logs:
    """The last lines of a few containers; what may not be read is left out."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.left = LOGS

    def of(self, pod: str) -> Words:
        """What reads the last lines of a container of that Pod."""

        def read(container: str, before: bool) -> list[str]:
            if not self.left:
                return []
            self.left -= 1
            try:
                text = CoreV1Api(self.cluster.api).read_namespaced_pod_log(
                    pod,
                    self.cluster.namespace,
                    container=container,
                    previous=before,
                    tail_lines=LINES,
                    _request_timeout=PATIENCE,
                )
            except (ApiException, HTTPError, OSError):
                return []
            return [line.strip()[:200] for line in str(text).splitlines() if line.strip()]

        return read
