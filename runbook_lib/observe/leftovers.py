"""What still points at the old side: found where it can be read, and named where somebody has to look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import crossplane

from runbook_lib.judge.profile import Grant
from runbook_lib.observe.metrics import query
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.traffic import Knob, Nginx

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect


@dataclass(frozen=True)
class Leftover:
    """One thing to be taken away after an instance went; ``found`` is False where only a person can look."""

    what: str
    where: str
    concerns: str
    found: bool


def behind(knob: Knob, path: Callable[[str], Path], instances: Sequence[LegacyInstance]) -> list[Leftover]:
    """The instances as what moves the users knows them: read from an nginx file of this machine, else to be looked for.

    ``path`` makes a path of the parameters absolute.
    """
    if isinstance(knob, Nginx) and knob.machine is None:
        return upstreams(path(knob.config), instances)
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
    """What the application's profile says lets the machines in by their address."""
    return [
        Leftover("grant by address", f"{one.dependency} at {one.address} ({one.origin})", "all instances", True)
        for one in grants
    ]


def to_be_asked(instances: Sequence[LegacyInstance]) -> list[Leftover]:
    """What no runbook can read: it is on the list so that somebody looks."""
    addresses = ", ".join(str(urlsplit(i.url).hostname) for i in instances)
    return [
        Leftover("firewall rules", f"ask the network people for {addresses}", "all instances", False),
        Leftover(
            "DNS records", f"ask for names that point to {addresses}; wait ten times their TTL", "all instances", False
        ),
        Leftover("backups", "ask whether the last one was verified and how long it is kept", "all instances", False),
    ]
