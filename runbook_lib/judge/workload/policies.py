"""NetworkPolicies: who may come, whether users and DNS get through, whether they apply to anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, free_name, new_object, own_pods, passed, unknown
from runbook_lib.judge.workload.peers import peers_are_there, takes_namespace
from runbook_lib.judge.workload.pod import routed
from runbook_lib.judge.workload.world import LONG_RUNNING, Workload, World, selects

DNS_PORTS = {"53", "dns", "dns-udp", "domain"}
POLICIES = DOCS + "concepts/services-networking/network-policies/"


def isolated(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*LONG_RUNNING):
        policies = _policies(world, workload, "Ingress")
        if policies:
            yield passed(workload, policies[0].node, f"{', '.join(p.title for p in policies)} names who may come")
        else:
            ports = [port for c in workload.containers if c.runs_on for port in c.node.get("ports").elements()]
            mend = _opening(world, workload, [_port(p.get("containerPort").value, p) for p in ports])
            yield failed(
                workload, workload.resource.node, "no NetworkPolicy: the VMs' firewall rules have no successor", mend
            )


def _port(number: Any, port: Node) -> dict[str, Any]:
    return {"protocol": port.get("protocol").text("TCP"), "port": number}


def _opening(world: World, workload: Workload, ports: list[dict[str, Any]], suffix: str = "") -> dict[str, Any]:
    """A policy more: what it opens is added to what the others of the Pods do."""
    rule = {"from": [{"namespaceSelector": {}}], "ports": ports} if ports else {}
    spec = {"podSelector": own_pods(workload), "policyTypes": ["Ingress"], "ingress": [rule]}
    name = free_name(world, "NetworkPolicy", workload.resource, suffix)
    return new_object("networking.k8s.io/v1", "NetworkPolicy", workload.resource, spec, name)


def _for_dns(world: World, workload: Workload) -> dict[str, Any]:
    system = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    ports = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    spec = {
        "podSelector": own_pods(workload),
        "policyTypes": ["Egress"],
        "egress": [{"to": [system], "ports": ports}],
    }
    name = free_name(world, "NetworkPolicy", workload.resource, "-dns")
    return new_object("networking.k8s.io/v1", "NetworkPolicy", workload.resource, spec, name)


def policies_let_users_in(world: World) -> Iterator[Seen]:
    """Policies of one Pod add up: a port that a Service uses must be open in at least one of them.

    Who comes by a route comes from the Pods of its controller, mostly in a namespace of their own.
    """
    routes = routed(world)
    for workload in world.workloads(*LONG_RUNNING):
        policies = _policies(world, workload, "Ingress")
        for service in world.services(workload) if policies else ():
            route, _ = routes.get((world.space(service), service.name), ("", False))
            for port in service.node.get("spec", "ports").elements():
                yield _let_in(world, workload, policies, service, port, route)


def _let_in(
    world: World, workload: Workload, policies: list[Resource], service: Resource, port: Node, route: str
) -> Seen:
    aim = port.get("targetPort") if port.get("targetPort").exists else port.get("port")
    target, spec, protocol = aim.text(), policies[0].node.get("spec"), port.get("protocol").text("TCP")
    same = _called(workload, target)
    rules = [rule for policy in policies for rule in _opening_rules(policy, same, protocol)]
    if route and rules and not any(_reaches_out(rule) for rule in rules):
        message = f"port {target} is open to Pods of this namespace alone, and users come by {route}"
        message += ": make sure that its controller runs here, or let its namespace in"
        return unknown(workload, spec, message, "warning")
    if rules:
        return passed(workload, spec, f"port {target} of {service.title} is open to somebody")
    message = f"{', '.join(policy.title for policy in policies)} lets nobody in at port {target}"
    mend = _opening(world, workload, [_port(aim.value, port)], f"-{target.lower()}")
    return failed(workload, spec, f"{message}, which {service.title} uses", mend)


def _called(workload: Workload, target: str) -> set[str]:
    """The number and the name of a port, whichever of both is asked for."""
    ports = [port for c in workload.containers if c.runs_on for port in c.node.get("ports").elements()]
    names = {port.get("containerPort").text(): port.get("name").text() for port in ports}
    return {target, names.get(target, target)} | {number for number, name in names.items() if name == target}


def names_resolve(world: World) -> Iterator[Seen]:
    """Whoever restricts what goes out has to let DNS out, or no name resolves."""
    for workload in world.workloads(*LONG_RUNNING):
        policies = _policies(world, workload, "Egress")
        if not policies:
            continue
        rules = [rule for p in policies for rule in p.node.get("spec", "egress").elements()]
        answers = [_lets_dns_out(world, rule) for rule in rules]
        node = policies[0].node.get("spec", "egress")
        if True in answers:
            yield passed(workload, node, "DNS may go out")
        elif None in answers:
            shown = ", ".join(policy.title for policy in policies)
            message = f"whether DNS is among those whom {shown} lets out to is not known: name it, port 53 by UDP"
            yield unknown(workload, node, message, "warning")
        else:
            message = "egress is restricted and port 53 is not open by UDP: no name resolves"
            yield failed(workload, node, message, _for_dns(world, workload))


def _lets_dns_out(world: World, rule: Node) -> bool | None:
    """None when it depends on labels and addresses in the cluster."""
    ports, peers = rule.get("ports").elements(), rule.get("to").elements()
    if ports and not _any_port(rule, DNS_PORTS, "UDP"):
        return False
    answers = [_is_dns(world, peer, bool(ports)) for peer in peers]
    return not peers or True in answers or (None if None in answers else False)


def _is_dns(world: World, peer: Node, asked: bool) -> bool | None:
    """``asked``: the rule names the port of DNS. Pods beside the workload are no DNS."""
    block, spaces, pods = peer.get("ipBlock"), peer.get("namespaceSelector"), peer.get("podSelector")
    if block.exists:
        return asked or block.get("cidr").text().endswith("/0") or None
    if not spaces.exists:
        return False
    taken = takes_namespace(world, "kube-system", spaces)
    return (not pods.exists or selects(pods, {"k8s-app": "kube-dns"}) or None) if taken else taken


def policies_apply(world: World) -> Iterator[Seen]:
    for policy in world.of_kind("NetworkPolicy"):
        selector = policy.node.get("spec", "podSelector")
        everybody = selector.value in ({}, None)
        found = () if everybody else world.taken_in(policy, selector)
        if found or everybody:
            shown = ", ".join(w.title for w in found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
            yield passed(policy, selector, f"applies to {shown or 'the whole namespace'}")
        elif others := world.unjudged(policy, selector):
            names = ", ".join(resource.title for resource in others[:5])
            yield unknown(policy, selector, f"selects Pods of {names}, which no check looks at", "warning")
        else:
            yield failed(policy, selector, "selects no Pod among the objects given: it protects nothing")


def _policies(world: World, workload: Workload, direction: str) -> list[Resource]:
    """The policies over the workload's Pods that restrict this direction."""
    return [p for p in world.selecting("NetworkPolicy", "podSelector", workload) if direction in _types(p)]


def _types(policy: Resource) -> set[str]:
    """Ingress always unless the types say otherwise; Egress when there is a rule for it."""
    given = {item.text() for item in policy.node.get("spec", "policyTypes").elements()}
    return given or ({"Ingress", "Egress"} if policy.node.get("spec", "egress").elements() else {"Ingress"})


def _opening_rules(policy: Resource, same: set[str], protocol: str) -> list[Node]:
    rules = policy.node.get("spec", "ingress").elements()
    return [rule for rule in rules if not rule.get("ports").elements() or _any_port(rule, same, protocol)]


def _reaches_out(rule: Node) -> bool:
    """Whether it lets in anybody from beyond the policy's namespace."""
    peers = rule.get("from").elements()
    return not peers or any(peer.get("namespaceSelector").exists or peer.get("ipBlock").exists for peer in peers)


def _any_port(rule: Node, same: set[str], protocol: str) -> bool:
    return any(_port_in(port, same, protocol) for port in rule.get("ports").elements())


def _port_in(port: Node, same: set[str], protocol: str) -> bool:
    if port.get("protocol").text("TCP") != protocol:
        return False
    first, last = port.get("port").integer(), port.get("endPort").integer()
    if first is not None and last is not None:
        return any(text.isdecimal() and first <= int(text[:6]) <= last for text in same)
    return not port.get("port").exists or port.get("port").text() in same


CHECKS = (
    Check(
        "network-policy",
        "A NetworkPolicy names who may come",
        "warning",
        "The VMs had firewall rules.",
        POLICIES,
        isolated,
    ),
    Check(
        "network-policy-ingress",
        "Policies let users in",
        "blocking",
        "The first percent of users would time out.",
        POLICIES,
        policies_let_users_in,
    ),
    Check(
        "network-policy-dns",
        "Policies let DNS out",
        "blocking",
        "The service cannot find its database.",
        POLICIES,
        names_resolve,
    ),
    Check(
        "network-policy-target",
        "Policies apply to something",
        "warning",
        "A slip in a label leaves the Pods open.",
        POLICIES,
        policies_apply,
    ),
    Check(
        "network-policy-peer",
        "Peers of a policy have a valid form",
        "warning",
        "Firewall rules named addresses; a policy that names nobody lets nobody in.",
        POLICIES,
        peers_are_there,
    ),
)
