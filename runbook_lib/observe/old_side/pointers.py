"""Objects of the cluster that still name a machine of the old side by its address or its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from kubernetes.client import ApiClient

from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.old_side.leftovers import ALL, Leftover
from runbook_lib.sections import LegacyInstance

# Where an address or a name may stand; a Secret is never read for this.
KINDS = (
    ("v1", "ConfigMap"),
    ("v1", "Endpoints"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("v1", "Service"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
)


def in_cluster(api: ApiClient, namespace: str, instances: Sequence[LegacyInstance]) -> list[Leftover]:
    """What names a machine, one line an object and machine; a kind that we may not list is for a person to look at."""
    cluster = Cluster(api, namespace)
    hosts = {i.name: str(urlsplit(i.url).hostname) for i in instances}
    found: list[Leftover] = []
    for version, kind in KINDS:
        try:
            objects = cluster.all(version, kind)
        except (BadParameters, CriterionFailed):
            found.append(
                Leftover("object in the cluster", f"{kind} in {namespace}: they may not be listed", ALL, False)
            )
            continue
        for one in objects:
            words = set(_words({key: value for key, value in one.items() if key not in ("metadata", "status")}))
            place = f"{kind} {namespace}/{one['metadata']['name']}"
            named = [name for name, host in hosts.items() if any(_names(word, host) for word in words)]
            found += [Leftover("object in the cluster", place, name, True) for name in named]
    return found


def _words(value: Any) -> Iterator[str]:
    """Every text inside an object."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, str):
        yield value


def _names(text: str, host: str) -> bool:
    """Whether a text names a host: as an address, as a part of a longer text, or within a block of few addresses."""
    at = text.find(host)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(host) : at + len(host) + 1]
        if not any(letter.isalnum() or letter in ".-" for letter in around):
            return True
        at = text.find(host, at + 1)
    return _in_block(text, host)


def _in_block(text: str, host: str) -> bool:
    """A block that lets the whole network in is nobody's rule for this machine."""
    try:
        block = ip_network(text, strict=False)
        return "/" in text and block.num_addresses <= 256 and ip_address(host) in block
    except ValueError:
        return False
