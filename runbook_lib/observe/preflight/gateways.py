"""The Gateway that a route hangs on: is it there, is it accepted, and has it a listener that takes this route."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_lib.judge.preflight.seen import Reference, Unknown
from runbook_lib.observe.cluster import Cluster, Object
from runbook_lib.observe.listing import one

API = "gateway.networking.k8s.io/v1"


def gateway_of(
    cluster: Cluster, route: Object, reference: Object, objects: Sequence[Object], classes: Sequence[Object] | Unknown
) -> Reference:
    """What carries a route by this parentRef."""
    place, name = reference.get("namespace") or cluster.namespace, reference["name"]
    user, needs = f"{route['kind']}/{route['metadata']['name']}", f"Gateway {place}/{name}"
    ours = [item for item in objects if item["kind"] == "Gateway" and item["metadata"]["name"] == name]
    found = ours[0] if ours and place == cluster.namespace else one(cluster, API, "Gateway", place, name)
    if found is None:
        return Reference(user, needs, "absent")
    if isinstance(found, Unknown):
        return Reference(user, needs, "unknown", found.why)
    if said := _not_accepted(found, classes):
        return Reference(user, needs, "refused", said)
    taking = [listener for listener in found["spec"].get("listeners") or [] if _named(listener, reference)]
    if not taking:
        wanted = reference.get("sectionName") or reference.get("port")
        return Reference(user, needs, "refused", f"it has no listener {wanted}")
    reasons = [_against(listener, route, place, cluster) for listener in taking]
    if all(reasons):
        return Reference(user, needs, "refused", str(reasons[0]))
    good = ", ".join(listener["name"] for listener, why in zip(taking, reasons, strict=True) if not why)
    return Reference(user, needs, "there", f"listener {good}")


def _not_accepted(gateway: Object, classes: Sequence[Object] | Unknown) -> str:
    """Why nobody serves this Gateway; a condition that is not written yet is no reason."""
    if said := _false(gateway, "Accepted") or _false(gateway, "Programmed"):
        return said
    name = gateway["spec"].get("gatewayClassName", "")
    if isinstance(classes, Unknown):
        return ""
    known = {item["metadata"]["name"]: item for item in classes}
    if name not in known:
        return f"its GatewayClass/{name} is not there"
    said = _false(known[name], "Accepted")
    return f"its GatewayClass/{name}: {said}" if said else ""


def _false(item: Object, kind: str) -> str:
    for condition in (item.get("status") or {}).get("conditions") or []:
        if condition.get("type") == kind and condition.get("status") == "False":
            return f"{kind} is False, {condition.get('reason', '')}: {condition.get('message', '')}".rstrip(": ")
    return ""


def _named(listener: Object, reference: Object) -> bool:
    section, port = reference.get("sectionName"), reference.get("port")
    return (section is None or listener["name"] == section) and (port is None or listener.get("port") == port)


def _against(listener: Object, route: Object, place: str, cluster: Cluster) -> str:
    """Why a listener does not take a route, or nothing."""
    name, allowed = listener["name"], listener.get("allowedRoutes") or {}
    kinds = [one["kind"] for one in allowed.get("kinds") or []]
    if kinds and route["kind"] not in kinds:
        return f"listener {name} takes {', '.join(kinds)} only"
    hosts = (route.get("spec") or {}).get("hostnames") or []
    own = listener.get("hostname")
    if own and hosts and not any(_meet(own, host) for host in hosts):
        return f"listener {name} is for {own}, the route for {', '.join(hosts)}"
    spaces = (allowed.get("namespaces") or {}).get("from", "Same")
    if spaces == "Same" and place != cluster.namespace:
        return f"listener {name} takes routes of its own namespace {place} only"
    if spaces == "Selector" and not _chosen(allowed["namespaces"].get("selector") or {}, cluster):
        return f"listener {name} takes no routes of namespace {cluster.namespace}: its labels are not chosen"
    return ""


def _meet(one_name: str, other: str) -> bool:
    """Two hostnames of which each may begin with a wildcard for one or more labels."""
    if one_name == other:
        return True
    wide, narrow = (one_name, other) if one_name.startswith("*.") else (other, one_name)
    return wide.startswith("*.") and narrow.endswith(wide[1:])


def _chosen(selector: Object, cluster: Cluster) -> bool:
    """Whether matchLabels choose our namespace; True where that cannot be told from here."""
    labels = selector.get("matchLabels") or {}
    home = one(cluster, "v1", "Namespace", "", cluster.namespace)
    if not isinstance(home, dict):
        return True
    own: dict[str, str] = home["metadata"].get("labels") or {}
    return labels.items() <= own.items()
