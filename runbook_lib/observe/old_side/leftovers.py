"""What still points at the old side: found where it can be read, and named where somebody has to look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import crossplane

from runbook_lib.judge.grants import Grant
from runbook_lib.observe.metrics import query
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.traffic import Dns, HAProxy, HttpRoute, Knob, Nginx, VirtualService

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect


@dataclass(frozen=True)
class Leftover:
    """One thing to be taken away after a machine went; ``found`` is False where only a person can look.

    ``owner`` is who takes it away, empty where nobody is named.
    """

    what: str
    where: str
    concerns: str
    found: bool
    owner: str = ""


ALL = "all instances"


def owned(leftovers: Sequence[Leftover], owners: Mapping[str, str]) -> list[Leftover]:
    """The same with the owner that the parameters name for its kind."""
    return [replace(one, owner=owners.get(one.what, "")) for one in leftovers]


def behind(knob: Knob, path: Callable[[str], Path], instances: Sequence[LegacyInstance]) -> list[Leftover]:
    """The machines as what moves the users knows them: read from nginx or from the parameters, else to be looked for.

    ``path`` makes a path of the parameters absolute.
    """
    if isinstance(knob, Nginx) and knob.machine is None:
        return upstreams(path(knob.config), instances)
    match knob:
        case HAProxy():
            return [
                Leftover("backend entry", f"{knob.backend}, HAProxy at {knob.socket}", n, True) for n in knob.legacy
            ]
        case HttpRoute() | VirtualService():
            place = f"{knob.kind} {knob.namespace}/{knob.name}: {knob.legacy}"
            return [Leftover("route backend", place, ALL, True)]
        case Dns():
            where = f"{knob.name} in {knob.zone} at {knob.server}, {knob.record}"
            return [Leftover("DNS records", where, value, True) for value in knob.legacy]
    return [Leftover("backend entry", f"what the knob of kind {knob.kind} turns", i.name, False) for i in instances]


def upstreams(config: Path, instances: Sequence[LegacyInstance]) -> list[Leftover]:
    """The servers of nginx' upstreams that are instances of the old side."""
    hosts = {urlsplit(i.url).netloc: i.name for i in instances}
    parsed = crossplane.parse(str(config), catch_errors=True, combine=True)
    return [
        Leftover("upstream entry", f"{config.name}:{server['line']} in upstream {name}", hosts[server["args"][0]], True)
        for part in parsed["config"]
        for name, server in _servers(part["parsed"])
        if server["args"] and server["args"][0] in hosts
    ]


def _servers(block: Sequence[Mapping[str, Any]], upstream: str = "") -> list[tuple[str, Mapping[str, Any]]]:
    found = []
    for directive in block:
        if directive["directive"] == "server" and upstream:
            found.append((upstream, directive))
        inside = directive["args"][0] if directive["directive"] == "upstream" else ""
        found += _servers(directive.get("block") or [], inside)
    return found


def monitoring(prometheus: PrometheusConnect, selector: str) -> list[Leftover]:
    """The jobs that scrape the old side, as Prometheus' own ``up`` series name them."""
    rows = query(prometheus, f"count by (job, instance) (up{{{selector}}})")
    return [
        Leftover("scrape target", f"job {labels.get('job', '?')}", labels.get("instance", "?"), True)
        for labels, _ in rows
    ]


def granted(grants: Sequence[Grant]) -> list[Leftover]:
    """What the application's profile says lets the machines in by their address, or may: that has to be looked at."""
    return [
        Leftover(
            "firewall rules" if one.kind == "firewall" else "grant by address",
            f"{one.dependency} at {one.address} ({one.origin})",
            ALL,
            found=one.kind != "unknown",
        )
        for one in grants
    ]


def jobs(scheduled: Mapping[str, Sequence[str]], settled: Sequence[str]) -> list[Leftover]:
    """Scheduled jobs that the host facts of the assessment know, without those that the parameters call settled."""
    return [
        Leftover("scheduled job", f"{line} (host facts of the assessment)", name, True)
        for name, lines in scheduled.items()
        for line in lines
        if not any(word in line for word in settled)
    ]


def to_be_asked(instances: Sequence[LegacyInstance], saved: bool = False) -> list[Leftover]:
    """What no runbook can read: it is on the list so that somebody looks; ``saved`` when backups were looked at."""
    addresses = ", ".join(str(urlsplit(i.url).hostname) for i in instances)
    found = [
        Leftover("firewall rules", f"ask the network people for {addresses}", ALL, False),
        Leftover("DNS records", f"ask for names that point to {addresses}; wait ten times their TTL", ALL, False),
        Leftover("backups", "ask whether the last one was verified and how long it is kept", ALL, False),
    ]
    return found[:2] if saved else found
