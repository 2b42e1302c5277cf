"""Lists for a look around: what may not be read is not known, and stops nobody."""

from __future__ import annotations

from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.judge.preflight.seen import Unknown
from runbook_lib.observe.cluster import PATIENCE, Cluster, Missing, Object, plain_object, speaking


def listed(
    cluster: Cluster, api_version: str, kind: str, *, namespace: str = "", everywhere: bool = False
) -> list[Object] | Unknown:
    """Every object of a kind, of the cluster's own namespace unless said otherwise; Unreachable when nobody answers."""
    try:
        resource = cluster.resource(api_version, kind)
        place = None if everywhere or not resource.namespaced else namespace or cluster.namespace
        with speaking(cluster, f"the list of {kind}"):
            found = plain_object(resource.get(namespace=place, _request_timeout=PATIENCE))
    except CriterionFailed:
        return Unknown(f"{kind} may not be listed by us")
    except (BadParameters, Missing):
        return Unknown(f"the cluster knows no {kind}")
    return [{"apiVersion": api_version, "kind": kind, **item} for item in found.get("items") or []]


def one(cluster: Cluster, api_version: str, kind: str, namespace: str, name: str) -> Object | Unknown | None:
    """One object of any namespace; None when it is not there."""
    try:
        resource = cluster.resource(api_version, kind)
        with speaking(cluster, f"{kind}/{name}"):
            place = namespace if resource.namespaced else None
            return plain_object(resource.get(name=name, namespace=place, _request_timeout=PATIENCE))
    except Missing:
        return None
    except CriterionFailed:
        return Unknown(f"{kind} {namespace}/{name} may not be read by us")
    except BadParameters:
        return Unknown(f"the cluster knows no {kind}")
