"""Whether a route's parents take it: the Gateway is there, has the listener, and lets the route's namespace in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import Seen, failed, passed, unknown
from runbook_lib.judge.workload.kinds import GATEWAY, ROUTES
from runbook_lib.judge.workload.peers import takes_namespace
from runbook_lib.judge.workload.world import World


def routes_have_parents(world: World) -> Iterator[Seen]:
    """A gateway ignores a route that it does not let in, and so does the API server: nothing is refused."""
    gateways: dict[str, Resource] = {}
    for gateway in world.of_kind("Gateway"):
        gateways.setdefault(gateway.name, gateway)
    for route in world.of_kind(*ROUTES):
        parents = route.node.get("spec", "parentRefs").elements()
        for parent in parents:
            yield _taken(world, gateways, route, parent)
        if not parents:
            yield failed(
                route, route.node.get("spec"), "no parentRefs: no gateway takes this route", severity="blocking"
            )


def _taken(world: World, gateways: dict[str, Resource], route: Resource, parent: Node) -> Seen:
    """``gateways`` are those of each name, wherever they are: it may be that of another namespace."""
    kind, name = parent.get("kind").text("Gateway"), parent.get("name").text("(no name)")
    space = parent.get("namespace").text(world.space(route))
    if (kind, parent.get("group").text(GATEWAY)) != ("Gateway", GATEWAY):
        return passed(route, parent, f"belongs to {kind}/{name}, which is no Gateway")
    gateway = world.named("Gateway", name, dataclasses.replace(route, namespace=space))
    if gateway is not None:
        return _admitted(world, gateway, route, parent)
    elsewhere = gateways.get(name)
    if elsewhere is not None:
        message = f"{elsewhere.title} is in {world.space(elsewhere)}, the parentRef means {space}: no gateway takes it"
        return failed(route, parent, message, severity="blocking")
    message = f"Gateway/{name} of namespace {space} is not among the objects given: make sure that it takes the route"
    return unknown(route, parent, message, "info")


def _admitted(world: World, gateway: Resource, route: Resource, parent: Node) -> Seen:
    section, port = parent.get("sectionName").text(), parent.get("port").text()
    hosts = [host.text() for host in route.node.get("spec", "hostnames").elements()]
    listeners = gateway.node.get("spec", "listeners").elements()
    meant = [
        one for one in listeners if section in ("", one.get("name").text()) and port in ("", one.get("port").text())
    ]
    near = [one for one in meant if _for_one_of(one.get("hostname").text(), hosts)]
    answers = [_allows(world, gateway, listener, route) for listener in near]
    if True in answers:
        return passed(route, parent, f"belongs to {gateway.title}")
    whom = f"{gateway.title} allows {route.kind}s of {world.space(route)}"
    if None in answers:
        return unknown(route, parent, f"whether {whom} depends on the labels of that namespace", "warning")
    message = f"no listener of {whom} (allowedRoutes)"
    if not meant:
        shown = ", ".join(f"{one.get('name').text()} ({one.get('port').text()})" for one in listeners)
        wanted = f" {section}" * bool(section) + f" at port {port}" * bool(port)
        message = f"{gateway.title} has no listener{wanted}" + f", it has {shown}" * bool(listeners)
    elif not near:
        message = f"no listener of {gateway.title} is for {', '.join(hosts)}"
    return failed(route, parent, f"{message}: no gateway takes it", severity="blocking")


def _for_one_of(hostname: str, hosts: list[str]) -> bool:
    """Without a name on one side all are meant; a wildcard stands for any number of labels."""
    pairs = [(hostname, host) for host in hosts] + [(host, hostname) for host in hosts]
    return not hostname or not hosts or any(a == b or (a.startswith("*.") and b.endswith(a[1:])) for a, b in pairs)


def _allows(world: World, gateway: Resource, listener: Node, route: Resource) -> bool | None:
    """Only routes of the gateway's own namespace, unless the listener says otherwise; None: nobody here knows."""
    kinds = {kind.get("kind").text() for kind in listener.get("allowedRoutes", "kinds").elements()}
    if kinds and route.kind not in kinds:
        return False
    space, allowed = world.space(route), listener.get("allowedRoutes", "namespaces")
    who = allowed.get("from").text("Same")
    if who != "Selector":
        return who == "All" or (who == "Same" and space == world.space(gateway))
    return takes_namespace(world, space, allowed.get("selector"))
