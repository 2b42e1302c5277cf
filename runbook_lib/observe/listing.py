"""Lists for a look around: what may not be read is not known, and stops nobody."""

from __future__ import annotations

from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.judge.preflight.seen import Unknown
from runbook_lib.observe.cluster import Cluster, Missing, Object


def listed(
    cluster: Cluster, api_version: str, kind: str, *, namespace: str = "", everywhere: bool = False
) -> list[Object] | Unknown:
    """Every object of a kind, of the cluster's own namespace unless said otherwise; Unreachable when nobody answers."""
    try:
        return cluster.all(api_version, kind, namespace="" if everywhere else namespace or None)
    except CriterionFailed:
        return Unknown(f"{kind} may not be listed by us")
    except (BadParameters, Missing):
        return Unknown(f"the cluster knows no {kind}")


def one(cluster: Cluster, api_version: str, kind: str, namespace: str, name: str) -> Object | Unknown | None:
    """One object of any namespace; None when it is not there."""
    try:
        return cluster.get(api_version, kind, name, namespace)
    except CriterionFailed:
        return Unknown(f"{kind} {namespace}/{name} may not be read by us")
    except BadParameters:
        return Unknown(f"the cluster knows no {kind}")
