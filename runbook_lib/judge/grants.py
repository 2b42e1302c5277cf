"""Permissions and firewall rules that hang on a fixed address, and what takes their place once Pods change theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from runbook_lib.artefacts import Evidence, Node
from runbook_lib.judge.profile import place

Kind = Literal["grant", "firewall", "unknown", "source"]

POD_NETWORK = "let the Pod network in once; a NetworkPolicy for egress says which Pods may use it"
PASSWORD = "a password or a client certificate in a Secret, limited to the Pod network, in place of the address"
PER_POD = (
    "grant at the Pod's start and revoke at its stop: an init container names its address (status.podIP) to the "
    "service that grants, preStop takes it back; granting twice must be harmless, many Pods at once must not overrun "
    "it, and a grant must run out by itself, because a Pod that crashes or loses its node never runs preStop"
)
GATEWAY = "an egress gateway: its fixed address is let in, and Pods leave the cluster through it"
NAME = (
    "a DNS name in place of the address: a Service without selector with an EndpointSlice for it (an ExternalName "
    "takes names only), so that the target can move later without a change of code"
)
ASK = "ask its owner whether it lets callers in by their address; if it does: "
STORES = frozenset(
    (
        "database", "db", "sql", "mysql", "mariadb", "postgres", "postgresql", "oracle", "sqlserver", "mssql", "db2",
        "mongodb", "tidb", "oceanbase", "数据库",
    )
)  # fmt: skip
"""Kinds of a dependency that hold data of applications."""
SERVERS = STORES | frozenset(
    (
        "redis", "cache", "memcached", "queue", "mq", "kafka", "rabbitmq", "rocketmq", "message broker",
        "elasticsearch", "缓存", "消息队列",
    )
)  # fmt: skip
"""Kinds of a dependency that are no application, and that take a password."""
_ADDRESS = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)"
    r"|(?<![\w.:])(?=[\w:]*\d)(?:[\da-fA-F]{0,4}:){2,7}[\da-fA-F]{0,4}(?![\w:])"
)
_BETWEEN = re.compile(r"\s*(?:->|=>|→|>)\s*")
_SEVERAL = re.compile(r"\s*[;\n；]\s*")


@dataclass(frozen=True)
class Grant:
    """A permission that hangs on an address, and how Pods get theirs; ``instead`` is the way to try first.

    ``kind``: ``grant`` lets machines in, ``firewall`` is a rule of the network, ``unknown`` a dependency at a fixed
    address of which nobody says how it lets callers in, ``source`` an address that only the source knows.
    """

    dependency: str
    address: str
    origin: str
    instead: str
    kind: Kind = "grant"
    otherwise: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    """file:line where the source holds the address."""


def grants(stated: Node, evidence: Iterable[Evidence] = ()) -> tuple[Grant, ...]:
    """What hangs on addresses by the profile's dependencies, grants and firewall, and by addresses in the source.

    An address that both know is one entry; evidence that was suppressed with a reason is left out.
    """
    places = _held(evidence)
    found = [
        replace(one, source=tuple(dict.fromkeys(p for a in _addresses(one.address) for p in places.get(a, ()))))
        for one in (*_dependencies(stated), *_entries(stated.get("grants"), "grant"), *_rules(stated.get("firewall")))
    ]
    known = {address for one in found for address in _addresses(one.address)}
    known |= {a for item in stated.get("dependencies").elements() for a in _addresses(item.get("address").text())}
    own = {a for item in stated.get("operations", "instances").elements() for a in _addresses(item.text())}
    left = {address: held for address, held in places.items() if address not in known}
    return (*found, *(_of_source(address, held, address in own) for address, held in sorted(left.items())))


def _dependencies(stated: Node) -> Iterator[Grant]:
    for item in stated.get("dependencies").elements():
        by, address = item.get("grant").text().lower(), item.get("address").text()
        if "address" in by or re.search(r"\bip\b|白名单", by):
            yield _grant(item, "grant", address or "?")
        elif not by and _addresses(address):
            yield _grant(item, "unknown", address)


def _entries(node: Node, kind: Kind) -> Iterator[Grant]:
    """A list of mappings or of texts, or one text with several entries."""
    items = node.elements() or ((node,) if node.text() else ())
    for item in items:
        for text in _SEVERAL.split(item.text()) if item.text() else ():
            if text:
                yield _grant(item, kind, text)
        if isinstance(item.value, dict):
            yield _grant(item, kind, item.get("address").text() or _ends(item) or "?")


def _rules(node: Node) -> Iterator[Grant]:
    for rule in _entries(node, "firewall"):
        ends = _BETWEEN.split(rule.address)
        yield replace(rule, dependency=ends[-1]) if rule.dependency == rule.address and len(ends) > 1 else rule


def _ends(item: Node) -> str:
    """``10.0.0.1, 10.0.0.2 -> 10.9.0.1:443`` from the keys from and to."""
    ends = [", ".join(e.text() for e in end.elements()) or end.text() for end in (item.get("from"), item.get("to"))]
    return " -> ".join(end for end in ends if end)


def _grant(item: Node, kind: Kind, address: str) -> Grant:
    word = item.get("kind").text().lower()
    target = _BETWEEN.split(address)[-1]
    ways = _ways(word, target, kind)
    first = f"{ASK}{ways[0]}" if kind == "unknown" else ways[0]
    name = item.get("name").text() or item.get("to").text() or address
    return Grant(name, address, place(item), first, kind, tuple(ways[1:]))


def _ways(word: str, target: str, kind: Kind) -> list[str]:
    """The ways to let Pods in, the one to try first before the others."""
    outside = any(ip_address(address).is_global for address in _addresses(target))
    if outside:
        return [GATEWAY, "a client certificate or a signed request, where the other company takes one"]
    if kind != "firewall" and word in SERVERS:
        return [PASSWORD, PER_POD, POD_NETWORK]
    return [POD_NETWORK, GATEWAY, PER_POD]


def _of_source(address: str, places: tuple[str, ...], own: bool) -> Grant:
    if own:
        instead, name = "the application's own Service name: this is the address of one of its machines", "itself"
    else:
        instead, name = f"{NAME}; {ASK}{_ways('', address, 'source')[0]}", "not stated"
    return Grant(name, address, places[0], instead, "source", (), places)


def _held(evidence: Iterable[Evidence]) -> dict[str, tuple[str, ...]]:
    """Fixed address -> the places of the source that hold it."""
    found: dict[str, list[str]] = {}
    for item in evidence:
        if item.rule.topic == "fixed-address" and not item.suppressed:
            for address in _addresses(item.captured) or _addresses(item.text):
                found.setdefault(address, []).append(f"{item.file}:{item.line}")
    return {address: tuple(dict.fromkeys(places)) for address, places in found.items()}


def _addresses(text: str) -> tuple[str, ...]:
    """The addresses of machines in a text, each in its short form: no loopback, none that stands for any."""
    found = [address for address in map(_address, _ADDRESS.findall(text)) if address is not None]
    return tuple(str(a) for a in dict.fromkeys(found) if not (a.is_loopback or a.is_unspecified))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
