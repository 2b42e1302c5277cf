"""Whom a NetworkPolicy names: addresses, Pods, namespaces, in a form that the API server takes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import Seen, failed, passed, unknown
from runbook_lib.judge.workload.world import World, selects

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
