"""Puts together what is known of an application: each value with its origin, and where two sources disagree."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.artefacts import Host, Node
from runbook_lib.judge.capacity import Jvm
from runbook_lib.judge.drift import Drift
from runbook_lib.judge.gain import Input, Range
from runbook_lib.judge.inventory.merge import Conflict, origin
from runbook_lib.judge.inventory.names import Names
from runbook_lib.judge.risk import share


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
    ("basics", "business line", ("business_line",), ""),
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
    ("releases", "rollbacks last year", ("releases", "rollbacks_last_year"), ""),
    ("environment", "environment", ("environment",), "local/application/environment"),
)
UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
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


def known(
    stated: Node, hosts: Iterable[Host], drifts: Iterable[Drift], conflicts: Iterable[Conflict] = ()
) -> tuple[Known, ...]:
    """Everything known, in the order people ask; what nobody knows is a row that says so.

    ``conflicts`` are those between the sources: each stands beside its value.
    """
    machines, differences = tuple(hosts), tuple(drifts)
    against = {conflict.key: f"{conflict.other_origin} says {conflict.other}" for conflict in conflicts}
    rows = [
        _row(topic, name, stated.get(*keys), fact, machines, against.pop(".".join(keys), ""))
        for topic, name, keys, fact in ROWS
    ]
    rows.append(_instances(stated, machines, against.pop("operations.instances", "")))
    rows.append(_time_zone(stated, differences, against.pop("runtime.time_zone", "")))
    for topic, aspect in DRIFTS:
        rows += [_of_drift(topic, row, len(machines)) for row in differences if row.aspect == aspect]
    for dependency in stated.get("dependencies").elements():
        text = " at ".join(filter(None, (dependency.get("kind").text(), dependency.get("address").text()))) or "?"
        rows.append(Known("depends on", dependency.get("name").text("?"), text, place(dependency)))
    for database in stated.get("databases").elements():
        rows.append(Known("depends on", database.text("?"), "database", place(database)))
    for key, conflict in against.items():
        node = stated.get(*key.split("."))
        topic = next((topic for start, topic in OTHERS.items() if key.startswith(start)), "basics")
        rows.append(Known(topic, key, node.text(f"{len(node.elements())} of them"), place(node), conflict))
    return tuple(sorted(rows, key=lambda row: TOPICS.index(row.topic)))


# What an option of java gives a part of a Jvm; the last of several counts.
OPTIONS = {
    "heap": re.compile(r"(?i)-(?:Xmx|XX:MaxHeapSize=)(\d+)([kmgt]?)\b"),
    "metaspace": re.compile(r"(?i)-XX:MaxMetaspaceSize=(\d+)([kmgt]?)\b"),
    "direct": re.compile(r"(?i)-XX:MaxDirectMemorySize=(\d+)([kmgt]?)\b"),
    "code_cache": re.compile(r"(?i)-XX:ReservedCodeCacheSize=(\d+)([kmgt]?)\b"),
    "stack": re.compile(r"(?i)-(?:Xss|XX:ThreadStackSize=)(\d+)([kmgt])\b"),
}
MIB = {"": 2**-20, "k": 2**-10, "m": 1.0, "g": 2.0**10, "t": 2.0**20}
JAVA = re.compile(r"java(?!script)|jvm|kotlin|scala|groovy|spring")
TOPICS = ("basics", "runtime", "state", "environment", "depends on", "traffic", "objectives", "releases")
# The topic of a conflict about what has no row of its own, by how its key begins.
OTHERS = {
    "runtime": "runtime",
    "state": "state",
    "operations": "environment",
    "depend": "depends on",
    "databases": "depends on",
    "traffic": "traffic",
    "objectives": "objectives",
    "releases": "releases",
}


def figures(stated: Node) -> dict[str, Input]:
    """What the profile says for the gain formulas; a list of two numbers is a range."""
    found: dict[str, Input] = {}
    for keys, name in FIGURES.items():
        node = stated.get(*keys)
        read = share if name == "release success before" else seconds
        values = [read(item) for item in node.elements() or (node,)]
        numbers = [value for value in values if value is not None]
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
    """A stated number of seconds, or of anything else that is not below zero; None when there is none."""
    return number(node.value)


def span(node: Node) -> float | None:
    """The seconds of a length of time such as 0s, 15min, 24h or 7d, as the parameters write them; None for all else."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|min|m|h|d|w)", node.text().strip())
    return float(found[1]) * UNITS[found[2]] if found else None


def number(value: object) -> float | None:
    """What is a number and not NaN, infinite or below zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return None
    return float(value)


def ports(stated: Node, hosts: Iterable[Host]) -> tuple[int, ...]:
    """The ports the application listens on, by the hosts' facts and the profile."""
    found = [host_fact(host, "local/application/port") for host in hosts]
    found.append(stated.get("port").text())
    return tuple(sorted({int(text) for text in found if text.isdecimal() and 0 < int(text[:9]) < 65536}))


def agents(stated: Node) -> tuple[float, float]:
    """Cores and MiB that agents of the machine take, which stay behind with it; 0 where nobody states them."""
    node = stated.get("host_agents")
    return seconds(node.get("cpu_cores")) or 0.0, seconds(node.get("memory_mib")) or 0.0


def java_needs(stated: Node, hosts: Iterable[Host]) -> Jvm | None:
    """What a JVM may take, by its options in the profile, else the largest in the hosts' facts, else by monitoring.

    None when it is no Java, or nobody knows its heap.
    """
    runtime = stated.get("runtime")
    language = runtime.get("language").text().lower()
    if language and not JAVA.search(language):
        return None
    options = runtime.get("options").text()
    texts = [options] if options else [host_fact(host, "local/java/options") for host in hosts]
    given = [{part: found for part in OPTIONS if (found := _option(part, text))} for text in texts]
    parts: dict[str, float] = {part: max(one.get(part, 0.0) for one in given) for part in OPTIONS} if given else {}
    heap = parts.pop("heap", 0.0) or seconds(runtime.get("heap_mib"))
    if not heap:
        return None
    threads = seconds(runtime.get("threads"))
    known = {part: value for part, value in parts.items() if value}
    return Jvm(heap=heap, threads=Jvm.threads if threads is None else math.ceil(threads), **known)


def heap_is_open(stated: Node, hosts: Iterable[Host]) -> bool:
    """Whether it runs in a JVM that nobody gives a heap, so that the JVM takes one by the memory that it finds."""
    machines, runtime = tuple(hosts), stated.get("runtime")
    language, options = runtime.get("language").text().lower(), runtime.get("options").text()
    java = JAVA.search(language) if language else any(host_fact(host, "local/java/version") for host in machines)
    texts = [options, *(host_fact(host, "local/java/options") for host in machines)]
    return bool(java) and not java_needs(stated, machines) and not any("RAMPercentage" in text for text in texts)


def _option(part: str, text: str) -> float:
    """MiB that an option gives; 0 when it is not there."""
    found = OPTIONS[part].findall(text)
    return int(found[-1][0]) * MIB[found[-1][1].lower()] if found else 0.0


def processors(hosts: Iterable[Host]) -> float | None:
    """How many processors a host has on average; None when the facts say nothing."""
    found = [text for host in hosts if (text := host_fact(host, "processor_vcpus")).isdecimal()]
    return sum(map(int, found)) / len(found) if found else None


def place(node: Node) -> str:
    """profile.yaml:12, or Prometheus, which has no lines."""
    return origin(node)


def host_fact(host: Host, path: str) -> str:
    """A fact as text; empty when there is none."""
    value: object = host.facts
    for part in path.split("/"):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _row(topic: str, name: str, node: Node, fact: str, hosts: tuple[Host, ...], against: str = "") -> Known:
    facts = sorted({text for host in hosts if fact and (text := host_fact(host, fact))})
    observed = ", ".join(facts)
    if node.text():
        conflict = f"hosts say {observed}" if facts and facts != [node.text()] else ""
        return Known(topic, name, node.text(), place(node), _also(conflict, against))
    if facts:
        return Known(topic, name, observed, f"facts of {len(hosts)} hosts", "hosts disagree" if len(facts) > 1 else "")
    return Known(topic, name, "not known", "nobody says")


def _also(*conflicts: str) -> str:
    return "; ".join(filter(None, conflicts))


def _instances(stated: Node, hosts: tuple[Host, ...], against: str) -> Known:
    """The hosts whose facts are known, held against those that are stated by any of their names."""
    node, names = stated.get("operations", "instances"), Names(hosts)
    stands = {text: names.find(text) for item in node.elements() if (text := item.text() or item.get("name").text())}
    seen, meant = {host.name for host in hosts}, {host.name for found in stands.values() for host in found}
    agreed = not stands or (all(stands.values()) and meant == seen)
    conflict = "" if agreed else f"{place(node)} names {', '.join(sorted(stands))}"
    if not seen:
        told = f"{len(stands)}: {', '.join(sorted(stands))}" if stands else "not known"
        return Known("environment", "instances", told, place(node) if stands else "nobody says", against)
    return Known("environment", "instances", f"{len(seen)}: {_first(seen)}", "host facts", _also(conflict, against))


def _first(names: Iterable[str], most: int = 12) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:most]) + (f" and {len(ordered) - most} more" if len(ordered) > most else "")


def _time_zone(stated: Node, drifts: tuple[Drift, ...], against: str) -> Known:
    """The profile decides, the hosts may say otherwise; one whose facts say nothing does not."""
    node = stated.get("runtime", "time_zone")
    row = next((drift for drift in drifts if drift.aspect == "time zone"), None)
    if row is None:
        origin_ = place(node) if node.text() else "nobody says"
        return Known("environment", "time zone", node.text("not known"), origin_, against)
    hosts = ", ".join(f"{host} {value or '?'}" for host, value in row.values.items())
    if not node.text():
        return Known("environment", "time zone", row.usual, row.by, hosts if row.differs else "")
    agreed = {value for value in row.values.values() if value} <= {node.text()}
    conflict = "" if agreed else f"hosts say {hosts}"
    return Known("environment", "time zone", node.text(), place(node), _also(conflict, against))


def _of_drift(topic: str, row: Drift, count: int) -> Known:
    same = count - len(row.odd) - len(row.unknown)
    conflict = ", ".join(f"{host} {row.values[host] or '?'}" for host in (*row.odd, *row.unknown))
    return Known(topic, row.aspect, row.usual, f"{same} of {count} hosts", conflict)
