"""One look around a release before it is applied; the number of questions does not grow with the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.judge.preflight.seen import Surroundings, Unknown
from runbook_lib.observe import room
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.listing import listed
from runbook_lib.observe.preflight import monitoring, platform
from runbook_lib.observe.preflight.clocks import clocks
from runbook_lib.observe.preflight.images import images
from runbook_lib.observe.preflight.names import names


def look_around(clients: Clients, cluster: Cluster, objects: Sequence[Object]) -> Surroundings:
    """What the release adds, what there is, and what it stands on; Unreachable when the cluster does not answer."""
    p = clients.parameters
    nodes = listed(cluster, "v1", "Node")
    ranges = listed(cluster, "v1", "LimitRange")
    demand = room.demand(objects, live_of(cluster, objects), [] if isinstance(ranges, Unknown) else ranges)
    return Surroundings(
        demand=demand,
        quotas=room.quotas(cluster),
        nodes=room.nodes(cluster, nodes),
        images=images(cluster, clients.http, objects, nodes),
        storage=platform.storage(cluster, objects),
        routes=platform.routes(cluster, objects),
        versions=platform.older_versions(cluster, objects),
        service=platform.service(cluster, p.kubernetes.service, p.kubernetes.deployment, objects),
        names=names(p, objects),
        clocks=clocks(cluster, nodes),
        series=monitoring.series(clients.prometheus, p, "legacy"),
        rules=monitoring.rules(clients.prometheus, p),
        contacts=tuple(f"{one.name} ({one.reach})" for one in p.application.contacts),
        owner=p.application.owner,
    )


def live_of(cluster: Cluster, objects: Sequence[Object]) -> dict[str, Object]:
    """The objects of the release that are there already, by ``Kind/name``."""
    found = {}
    for item in objects:
        try:
            live = cluster.get(item["apiVersion"], item["kind"], item["metadata"]["name"])
        except (BadParameters, CriterionFailed):  # a kind that comes with the release, or that we may not read
            continue
        if live is not None:
            found[f"{item['kind']}/{item['metadata']['name']}"] = live
    return found
