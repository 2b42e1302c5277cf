"""NetworkPolicies: who may come, whether users and DNS get through, whether they apply to anything."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import DOCS, Check, Seen, failed, new_object, passed, unknown
from runbook_lib.judge.workload.world import LONG_RUNNING, Workload, World, selects

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DNS_PORTS = {"53", "dns", "dns-udp", "domain"}
POLICIES = DOCS + "concepts/services-networking/network-policies/"


def isolated(world: World) -> Iterator[Seen]:
    for workload in world.workloads(*LONG_RUNNING):
        policies = _policies(world, workload, "Ingress")
        if policies:
            yield passed(workload, policies[0].node, f"{', '.join(p.title for p in policies)} names who may come")
        else:
            ports = [
                {"protocol": "TCP", "port": p.get("containerPort").value}
                for c in workload.containers
                for p in c.node.get("ports").elements()
            ]
            spec = {
                "podSelector": workload.spec.get("selector").plain(),
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"namespaceSelector": {}}], "ports": ports}] if ports else [{}],
            }
            mend = new_object("networking.k8s.io/v1", "NetworkPolicy", workload.resource, spec)
            yield failed(
                workload, workload.resource.node, "no NetworkPolicy: the VMs' firewall rules have no successor", mend
            )


def policies_let_users_in(world: World) -> Iterator[Seen]:
    """Policies of one Pod add up: a port that a Service uses must be open in at least one of them."""
    for workload in world.workloads(*LONG_RUNNING):
        policies = _policies(world, workload, "Ingress")
        if not policies or not world.services(workload):
            continue
        names = {
            p.get("containerPort").text(): p.get("name").text()
            for c in workload.containers
            if c.runs_on
            for p in c.node.get("ports").elements()
        }
        for service in world.services(workload):
            for port in service.node.get("spec", "ports").elements():
                target = (port.get("targetPort") if port.get("targetPort").exists else port.get("port")).text()
                same = (
                    {target}
                    | {number for number, name in names.items() if name == target}
                    | {names.get(target, target)}
                )
                protocol = port.get("protocol").text("TCP")
                if any(_opens(policy, same, protocol) for policy in policies):
                    yield passed(
                        workload, policies[0].node.get("spec"), f"port {target} of {service.title} is open to somebody"
                    )
                else:
                    shown = ", ".join(policy.title for policy in policies)
                    yield failed(
                        workload,
                        policies[0].node.get("spec"),
                        f"{shown} lets nobody in at port {target}, which {service.title} uses",
                    )


def names_resolve(world: World) -> Iterator[Seen]:
    """Whoever restricts what goes out has to let DNS out, or no name resolves."""
    for workload in world.workloads(*LONG_RUNNING):
        policies = _policies(world, workload, "Egress")
        if not policies:
            continue
        rules = [rule for p in policies for rule in p.node.get("spec", "egress").elements() if _reaches_dns(rule)]
        node = policies[0].node.get("spec", "egress")
        if any(not rule.get("ports").elements() or _any_port(rule, DNS_PORTS, "UDP") for rule in rules):
            yield passed(workload, node, "DNS may go out")
        else:
            yield failed(workload, node, "egress is restricted and port 53 is not open by UDP: no name resolves")


def _reaches_dns(rule: Node) -> bool:
    """To everybody, to an address, or to a namespace that may be kube-system; Pods beside it are no DNS."""
    peers = rule.get("to").elements()
    return not peers or any(peer.get("ipBlock").exists or _may_be_system(peer) for peer in peers)


def _may_be_system(peer: Node) -> bool:
    selector = peer.get("namespaceSelector")
    name = selector.get("matchLabels", "kubernetes.io/metadata.name").text("kube-system")
    return selector.exists and name == "kube-system"


def policies_apply(world: World) -> Iterator[Seen]:
    for policy in world.of_kind("NetworkPolicy"):
        selector = policy.node.get("spec", "podSelector")
        found = () if selector.value == {} else world.taken_in(policy, selector)
        if found or selector.value == {}:
            shown = ", ".join(w.title for w in found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
            yield passed(policy, selector, f"applies to {shown or 'the whole namespace'}")
        else:
            yield failed(policy, selector, "selects no Pod among the objects given: it protects nothing")


def peers_are_there(world: World) -> Iterator[Seen]:
    """Each peer has a form that the API server takes; who is not among the objects given may still be there."""
    for policy in world.of_kind("NetworkPolicy"):
        for part, field in (("ingress", "from"), ("egress", "to")):
            for rule in policy.node.get("spec", part).elements():
                for peer in rule.get(field).elements():
                    yield _peer(world, policy, peer)


def _peer(world: World, policy: Resource, peer: Node) -> Seen:
    block, pods, spaces = peer.get("ipBlock"), peer.get("podSelector"), peer.get("namespaceSelector")
    if block.exists and (pods.exists or spaces.exists):
        return failed(policy, peer, "an ipBlock beside a selector: the API server refuses it, make two peers of it")
    if block.exists:
        wrong = _outside(block)
        return failed(policy, block, wrong) if wrong else passed(policy, block, f"addresses {block.get('cidr').text()}")
    if not pods.exists and not spaces.exists:
        return failed(policy, peer, "a peer that names nobody: the API server refuses it")
    if spaces.exists:
        name = spaces.get("matchLabels", "name").text()
        meant = [one for one in world.of_kind("Namespace") if name and one.name == name]
        if meant and not _is(meant[0], spaces):
            return failed(policy, spaces, f"Namespace/{name} has no label name: use kubernetes.io/metadata.name")
        return passed(policy, spaces, "namespaces by their labels")
    if pods.value == {}:
        return passed(policy, pods, "all Pods of the namespace")
    found = world.taken_in(policy, pods)
    if found:
        return passed(policy, pods, f"Pods of {', '.join(w.title for w in found[:3])}")
    return unknown(policy, pods, "selects no Pod among the objects given: make sure the cluster has them")


def _is(namespace: Resource, selector: Node) -> bool:
    """The API server labels every namespace with its own name."""
    labels = namespace.node.get("metadata", "labels").labels()
    return selects(selector, labels | {"kubernetes.io/metadata.name": namespace.name})


def _outside(block: Node) -> str:
    """Why the API server refuses the addresses; empty when it does not."""
    try:
        network = ipaddress.ip_network(block.get("cidr").text(), strict=False)
        holes = [ipaddress.ip_network(hole.text(), strict=False) for hole in block.get("except").elements()]
    except ValueError:
        return f"{block.get('cidr').text('(no cidr)')[:60]} or one of its exceptions is no network"
    beside = [str(hole) for hole in holes if hole == network or not _inside(hole, network)]
    return f"{beside[0]} is not a part of {network}, the API server refuses it" if beside else ""


def _inside(hole: Network, network: Network) -> bool:
    if isinstance(hole, ipaddress.IPv4Network) and isinstance(network, ipaddress.IPv4Network):
        return hole.subnet_of(network)
    if isinstance(hole, ipaddress.IPv6Network) and isinstance(network, ipaddress.IPv6Network):
        return hole.subnet_of(network)
    return False


def _policies(world: World, workload: Workload, direction: str) -> list[Resource]:
    """The policies over the workload's Pods that restrict this direction."""
    return [p for p in world.selecting("NetworkPolicy", "podSelector", workload) if direction in _types(p)]


def _types(policy: Resource) -> set[str]:
    """Ingress always unless the types say otherwise; Egress when there is an egress section."""
    given = {item.text() for item in policy.node.get("spec", "policyTypes").elements()}
    return given or ({"Ingress", "Egress"} if policy.node.get("spec", "egress").exists else {"Ingress"})


def _opens(policy: Resource, same: set[str], protocol: str) -> bool:
    rules = policy.node.get("spec", "ingress").elements()
    return any(not rule.get("ports").elements() or _any_port(rule, same, protocol) for rule in rules)


def _any_port(rule: Node, same: set[str], protocol: str) -> bool:
    return any(_port_in(port, same, protocol) for port in rule.get("ports").elements())


def _port_in(port: Node, same: set[str], protocol: str) -> bool:
    if port.get("protocol").text("TCP") != protocol:
        return False
    first, last = port.get("port").integer(), port.get("endPort").integer()
    if first is not None and last is not None:
        return any(text.isdigit() and first <= int(text[:6]) <= last for text in same)
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
