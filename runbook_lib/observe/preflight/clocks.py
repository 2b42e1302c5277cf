"""What time it is: here, at the API server (its Date header), at the nodes (the Leases that they renew)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runbook_lib.judge.preflight.seen import Clocks, Unknown
from runbook_lib.model import now
from runbook_lib.observe.cluster import PATIENCE, Cluster, Object, speaking
from runbook_lib.observe.listing import listed
from runbook_lib.observe.room import is_ready

LEASES = "kube-node-lease"


def clocks(cluster: Cluster, nodes: Sequence[Object] | Unknown, clock: Callable[[], datetime] = now) -> Clocks:
    """Differences in seconds; what is ready and not heard of for long is behind, or not alive any more."""
    before = clock()
    server = server_time(cluster)
    after = clock()
    if server is None:
        return Clocks(None, Unknown("the API server does not say what time it is"))
    # a Date has whole seconds, cut off: on the average half of one is missing
    ours = (before + (after - before) / 2 - server).total_seconds() - 0.5
    return Clocks(ours, _heartbeats(cluster, nodes, server))


def server_time(cluster: Cluster) -> datetime | None:
    """The Date header of an answer of the API server."""
    with speaking(cluster, "its time"):
        answer = cluster.api.call_api(
            *cluster.api.param_serialize(method="GET", resource_path="/version", auth_settings=["BearerToken"]),
            _request_timeout=PATIENCE,
        )
        answer.read()
    try:
        return parsedate_to_datetime(answer.getheader("Date") or "").astimezone(UTC)
    except ValueError:
        return None


def _heartbeats(cluster: Cluster, nodes: Sequence[Object] | Unknown, server: datetime) -> dict[str, float] | Unknown:
    if isinstance(nodes, Unknown):
        return nodes
    leases = listed(cluster, "coordination.k8s.io/v1", "Lease", namespace=LEASES)
    if isinstance(leases, Unknown):
        return leases
    ready = {node["metadata"]["name"] for node in nodes if is_ready(node)}
    renewed = {item["metadata"]["name"]: str((item.get("spec") or {}).get("renewTime") or "") for item in leases}
    moments = {name: _moment(text) for name, text in renewed.items() if name in ready}
    known = {name: (server - at).total_seconds() for name, at in moments.items() if at is not None}
    return known or Unknown(f"no node keeps a Lease in {LEASES}")


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
