"""Puts together what is known of an application: each value with its origin, and where two sources disagree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.artefacts import Host, Node
from runbook_lib.judge.capacity import Jvm
from runbook_lib.judge.drift import Drift
from runbook_lib.judge.gain import Input, Range


@dataclass(frozen=True)
class Known:
    """One value of the profile; ``conflict`` is what another source says instead."""

    topic: str
    name: str
    value: str
    origin: str
    conflict: str = ""


# Topic, name, and where a person states it; the fact of the hosts that says the same, if there is one.
ROWS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("basics", "application", ("application",), ""),
    ("basics", "owner", ("owner",), "local/application/owner"),
    ("basics", "kind", ("kind",), ""),
    ("basics", "criticality", ("criticality",), ""),
    ("basics", "version", ("version",), "local/application/version"),
    ("basics", "port", ("port",), "local/application/port"),
    ("runtime", "language", ("runtime", "language"), ""),
    ("runtime", "language version", ("runtime", "version"), ""),
    ("runtime", "start (s)", ("runtime", "start_seconds"), ""),
    ("runtime", "drain (s)", ("runtime", "drain_seconds"), ""),
    ("state", "class, as stated", ("state", "class"), ""),
    ("state", "session store", ("state", "sessions", "store"), ""),
    ("state", "sessions shared", ("state", "sessions", "shared"), ""),
    ("objectives", "availability", ("objectives", "availability"), ""),
    ("objectives", "RPO", ("objectives", "rpo"), ""),
    ("objectives", "RTO", ("objectives", "rto"), ""),
    ("traffic", "requests a second, usual", ("traffic", "requests_per_second", "usual"), ""),
    ("traffic", "requests a second, peak", ("traffic", "requests_per_second", "peak"), ""),
    ("traffic", "peak hours", ("traffic", "peak_hours"), ""),
    ("releases", "a month", ("releases", "per_month"), ""),
    ("releases", "success rate", ("releases", "success_rate"), ""),
)
DRIFTS = (("environment", "operating system"), ("environment", "JDK"), ("environment", "C library"))
# The profile's key -> the name in the gain formulas.
FIGURES = {
    ("operations", "physical_hosts"): "physical hosts",
    ("operations", "vms_per_host"): "VMs per host",
    ("operations", "owners_per_vm"): "owners per VM",
    ("operations", "minutes_per_owner"): "minutes per owner",
    ("operations", "maintenances_per_year"): "maintenances per year",
    ("releases", "per_month"): "releases per month",
    ("releases", "minutes_before"): "minutes per release before",
    ("releases", "minutes_after"): "minutes per release after",
    ("releases", "success_rate"): "release success before",
}


def known(stated: Node, hosts: Iterable[Host], drifts: Iterable[Drift]) -> tuple[Known, ...]:
    """Everything known, in the order people ask; what nobody knows is a row that says so."""
    machines, differences = tuple(hosts), tuple(drifts)
    rows = [_row(topic, name, stated.get(*keys), fact, machines) for topic, name, keys, fact in ROWS]
    rows.append(_instances(stated, machines))
    rows.append(_time_zone(stated, differences))
    for topic, aspect in DRIFTS:
        rows += [_of_drift(topic, row, len(machines)) for row in differences if row.aspect == aspect]
    for dependency in stated.get("dependencies").elements():
        text = f"{dependency.get('kind').text()} at {dependency.get('address').text('?')}"
        rows.append(Known("depends on", dependency.get("name").text("?"), text, place(dependency)))
    return tuple(sorted(rows, key=lambda row: TOPICS.index(row.topic)))


HEAP = re.compile(r"-Xmx(\d+)([kmgKMG])\b")
METASPACE = re.compile(r"-XX:MaxMetaspaceSize=(\d+)([kmgKMG])\b")
DIRECT = re.compile(r"-XX:MaxDirectMemorySize=(\d+)([kmgKMG])\b")
TOPICS = ("basics", "runtime", "state", "environment", "depends on", "traffic", "objectives", "releases")


def figures(stated: Node) -> dict[str, Input]:
    """What the profile says for the gain formulas; a list of two numbers is a range."""
    found: dict[str, Input] = {}
    for keys, name in FIGURES.items():
        node = stated.get(*keys)
        values = [item.value for item in node.elements()] or [node.value]
        numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if numbers:
            found[name] = Input(Range(min(numbers), max(numbers)), place(node))
    return found


def decided(stated: Node) -> dict[str, str]:
    """Paths that are written today -> where the profile sends them."""
    return {
        item.get("path").text(): item.get("goes to").text()
        for item in stated.get("state", "files").elements()
        if item.get("path").text() and item.get("goes to").text()
    }


def seconds(node: Node) -> float | None:
    """A stated number of seconds; None when there is none."""
    value = node.value
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def ports(stated: Node, hosts: Iterable[Host]) -> tuple[int, ...]:
    """The ports the application listens on, by the hosts' facts and the profile."""
    found = [host_fact(host, "local/application/port") for host in hosts]
    found.append(stated.get("port").text())
    return tuple(sorted({int(text) for text in found if text.isdigit()}))


def agents(stated: Node) -> tuple[float, float]:
    """Cores and MiB that agents of the machine take, which stay behind with it; 0 where nobody states them."""
    node = stated.get("host_agents")
    return seconds(node.get("cpu_cores")) or 0.0, seconds(node.get("memory_mib")) or 0.0


def java_needs(stated: Node, hosts: Iterable[Host]) -> Jvm | None:
    """What a JVM may take, by its options in the profile or in the hosts' facts; None when it is no Java."""
    language = stated.get("runtime", "language").text().lower()
    options = stated.get("runtime", "options").text()
    if not options:
        options = next((text for host in hosts if (text := host_fact(host, "local/java/options"))), "")
    heap = HEAP.search(options)
    if language not in ("", "java") or heap is None:
        return None
    metaspace, direct = METASPACE.search(options), DIRECT.search(options)
    return Jvm(
        heap=_mib(heap),
        metaspace=_mib(metaspace) if metaspace else Jvm.metaspace,
        direct=_mib(direct) if direct else Jvm.direct,
    )


def _mib(found: re.Match[str]) -> float:
    return float(found.group(1)) * {"k": 1 / 1024, "m": 1, "g": 1024}[found.group(2).lower()]


def processors(hosts: Iterable[Host]) -> float | None:
    """How many processors a host has on average; None when the facts say nothing."""
    found = [text for host in hosts if (text := host_fact(host, "processor_vcpus")).isdigit()]
    return sum(map(int, found)) / len(found) if found else None


def place(node: Node) -> str:
    """profile.yaml:12"""
    return f"{node.file.rpartition('/')[2]}:{node.line}"


def host_fact(host: Host, path: str) -> str:
    """A fact as text; empty when there is none."""
    value: object = host.facts
    for part in path.split("/"):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _row(topic: str, name: str, node: Node, fact: str, hosts: tuple[Host, ...]) -> Known:
    facts = sorted({text for host in hosts if fact and (text := host_fact(host, fact))})
    observed = ", ".join(facts)
    if node.text():
        conflict = f"hosts say {observed}" if facts and facts != [node.text()] else ""
        return Known(topic, name, node.text(), place(node), conflict)
    if facts:
        return Known(topic, name, observed, f"facts of {len(hosts)} hosts", "hosts disagree" if len(facts) > 1 else "")
    return Known(topic, name, "not known", "nobody says")


def _instances(stated: Node, hosts: tuple[Host, ...]) -> Known:
    node = stated.get("operations", "instances")
    named, seen = {item.text() for item in node.elements()}, {host.name for host in hosts}
    text = f"{len(seen)}: {', '.join(sorted(seen))}"
    conflict = f"{place(node)} names {', '.join(sorted(named))}" if named and named != seen else ""
    return Known("environment", "instances", text, "host facts", conflict)


def _time_zone(stated: Node, drifts: tuple[Drift, ...]) -> Known:
    """The profile decides, the hosts may say otherwise."""
    node = stated.get("runtime", "time_zone")
    row = next((drift for drift in drifts if drift.aspect == "time zone"), None)
    if row is None:
        return Known("environment", "time zone", node.text("not known"), place(node) if node.text() else "nobody says")
    hosts = ", ".join(f"{host} {value or '?'}" for host, value in row.values.items())
    if not node.text():
        return Known("environment", "time zone", row.usual, "most hosts", hosts if row.differs else "")
    agreed = set(row.values.values()) == {node.text()}
    return Known("environment", "time zone", node.text(), place(node), "" if agreed else f"hosts say {hosts}")


def _of_drift(topic: str, row: Drift, count: int) -> Known:
    same = count - len(row.odd) - len(row.unknown)
    conflict = ", ".join(f"{host} {row.values[host] or '?'}" for host in (*row.odd, *row.unknown))
    return Known(topic, row.aspect, row.usual, f"{same} of {count} hosts", conflict)
