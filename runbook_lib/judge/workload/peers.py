"""Whom a NetworkPolicy names: addresses, Pods, namespaces, in a form that the API server takes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.check import Seen, failed, passed, unknown
from runbook_lib.judge.workload.labels import Labelled
from runbook_lib.judge.workload.world import World, selects

OWN_NAME = "kubernetes.io/metadata.name"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def peers_are_there(world: World) -> Iterator[Seen]:
    """Each peer has a form that the API server takes; who is not among the objects given may still be there."""
    given = Labelled(("", _labels(one), one) for one in world.of_kind("Namespace"))
    for policy in world.of_kind("NetworkPolicy"):
        for part, field in (("ingress", "from"), ("egress", "to")):
            for rule in policy.node.get("spec", part).elements():
                for peer in rule.get(field).elements():
                    yield _peer(world, given, policy, peer)


def _peer(world: World, given: Labelled[Resource], policy: Resource, peer: Node) -> Seen:
    block, pods, spaces = peer.get("ipBlock"), peer.get("podSelector"), peer.get("namespaceSelector")
    if block.exists and (pods.exists or spaces.exists):
        return failed(policy, peer, "an ipBlock beside a selector: the API server refuses it, make two peers of it")
    if block.exists:
        wrong = _outside(block)
        return failed(policy, block, wrong) if wrong else passed(policy, block, f"addresses {block.get('cidr').text()}")
    if not pods.exists and not spaces.exists:
        return failed(policy, peer, "a peer that names nobody: the API server refuses it")
    if spaces.exists:
        return _spaces(given, policy, spaces)
    if pods.value == {}:
        return passed(policy, pods, "all Pods of the namespace")
    found = world.taken_in(policy, pods)
    if found:
        return passed(policy, pods, f"Pods of {', '.join(w.title for w in found[:3])}")
    return unknown(policy, pods, "selects no Pod among the objects given: make sure the cluster has them")


def _spaces(given: Labelled[Resource], policy: Resource, spaces: Node) -> Seen:
    if asked_by_name(spaces):
        return passed(policy, spaces, "namespaces by their names" if spaces.value else "every namespace")
    name, found = spaces.get("matchLabels", "name").text(), given.selected("", spaces)
    if given.included("", {OWN_NAME: name}) and name not in {one.name for one in found}:
        return failed(policy, spaces, f"Namespace/{name} has no label name: use {OWN_NAME}")
    if found:
        return passed(policy, spaces, ", ".join(one.title for one in found[:3]))
    return unknown(
        policy, spaces, "no namespace among the objects given has these labels: make sure those of the cluster have"
    )


def asked_by_name(selector: Node) -> bool:
    """Whether it looks at no label but the one that the API server gives to every namespace, its own name."""
    keys = {key for key, _ in selector.get("matchLabels").entries()}
    return keys | {one.get("key").text() for one in selector.get("matchExpressions").elements()} <= {OWN_NAME}


def takes_namespace(world: World, name: str, selector: Node) -> bool | None:
    """Whether the selector takes in the namespace of that name; None where that hangs on labels that nobody gave."""
    given = world.clusterwide("Namespace", name)
    if selects(selector, {OWN_NAME: name} if given is None else _labels(given)):
        return True
    return False if given is not None or asked_by_name(selector) else None


def _labels(namespace: Resource) -> dict[str, str]:
    return namespace.node.get("metadata", "labels").labels() | {OWN_NAME: namespace.name}


def _outside(block: Node) -> str:
    """Why the API server refuses the addresses; empty when it does not."""
    given = [block.get("cidr").text(), *(hole.text() for hole in block.get("except").elements())]
    try:
        # an address alone is a network to Python, and none to the API server
        network, *holes = (ipaddress.ip_network(text if "/" in text else "", strict=False) for text in given)
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
