"""Compares the hosts of one application: where they differ, and what that difference means for the move."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.artefacts import Host
from runbook_lib.model import Finding, Outcome


@dataclass(frozen=True)
class Aspect:
    """One thing hosts can differ in. ``weight`` 3: the image must decide it; 2: the Pod; 1: the node brings its own."""

    name: str
    weight: int
    reason: str
    read: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Drift:
    """One aspect over all hosts; ``values`` are by host, None where the facts say nothing."""

    aspect: str
    weight: int
    reason: str
    values: dict[str, str | None]
    usual: str
    odd: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return bool(self.odd)


RUNTIMES = re.compile(r"(?i)^(java|jdk|jre|python|node|nodejs|php|go|ruby|dotnet|tomcat|openjdk)")
LIBRARIES = re.compile(r"(?i)^(openssl|libssl|glibc|libc6|ca-certificates|fontconfig|imagemagick|ffmpeg|tzdata)")


def compare_hosts(hosts: Iterable[Host]) -> tuple[Drift, ...]:
    """Every aspect any host knows something of: what matters for the move first, differences before agreement."""
    machines = tuple(hosts)
    rows = [_drift(aspect, machines) for aspect in (*ASPECTS, *_packages(machines))]
    known = [row for row in rows if any(value is not None for value in row.values.values())]
    names = {row.aspect for row in known}
    known = [row for row in known if not _said_already(row.aspect, names)]
    return tuple(sorted(known, key=lambda row: (not row.differs, -row.weight, row.aspect)))


def _said_already(aspect: str, names: set[str]) -> bool:
    """A package that another aspect speaks of: the JDK itself says more than the package it came in."""
    same = {"package java": "JDK", "package python3": "Python", "package glibc": "C library"}
    return any(aspect.startswith(package) and name in names for package, name in same.items())


def drift_findings(drifts: Iterable[Drift], hosts: Iterable[Host]) -> list[Finding]:
    """A finding for each difference; with fewer than two hosts nothing can be compared."""
    files = {host.name: host.file for host in hosts}
    if len(files) < 2:
        return [
            _finding("Hosts agree", Outcome.INCONCLUSIVE, "warning", "fewer than two hosts: nothing to compare", "")
        ]
    return [
        Finding(
            check="drift",
            title=f"{row.aspect} differs between hosts",
            outcome=Outcome.FAIL,
            severity="warning" if row.weight >= 2 else "info",
            object=", ".join(row.odd),
            message=f"{row.aspect}: usually {row.usual}, but "
            + ", ".join(f"{host} has {row.values[host] or 'nothing on record'}" for host in row.odd),
            reason=row.reason,
            file=files.get(row.odd[0], ""),
            mend=f"decide which one the image gets: {row.aspect} = {row.usual}",
        )
        for row in drifts
        if row.differs
    ]


def usual(drifts: Iterable[Drift], aspect: str) -> str:
    """The value most hosts have; empty when it is not known."""
    return next((row.usual for row in drifts if row.aspect == aspect), "")


def _drift(aspect: Aspect, hosts: tuple[Host, ...]) -> Drift:
    values = {host.name: _text(aspect.read(host.facts)) for host in hosts}
    known = Counter(value for value in values.values() if value is not None)
    common = known.most_common(1)[0][0] if known else ""
    odd = tuple(name for name, value in values.items() if value != common) if known else ()
    return Drift(aspect.name, aspect.weight, aspect.reason, values, common, odd)


def _text(value: Any) -> str | None:
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, list | tuple):
        return ", ".join(sorted(str(item) for item in value))
    return str(value)


def _at(*keys: str) -> Callable[[Mapping[str, Any]], Any]:
    """Reads the first of several dotted paths that is there."""

    def read(facts: Mapping[str, Any]) -> Any:
        for key in keys:
            value: Any = facts
            for part in key.split("/"):
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is not None:
                return value
        return None

    return read


def _operating_system(facts: Mapping[str, Any]) -> str | None:
    if not facts.get("distribution"):
        return None
    return f"{facts['distribution']} {facts.get('distribution_version', '')}".strip()


def _mounts(facts: Mapping[str, Any]) -> list[str] | None:
    mounts = facts.get("mounts")
    if not isinstance(mounts, list):
        return None
    found = [
        item for item in mounts if isinstance(item, Mapping) and item.get("mount") not in ("/", "/boot", "/boot/efi")
    ]
    return [f"{item.get('mount')} ({item.get('fstype', '?')})" for item in found] or ["none"]


def _jobs(facts: Mapping[str, Any]) -> list[str] | None:
    found = _at("local/cron", "local/crontab", "cron", "crontab", "local/application/cron")(facts)
    if found is None:
        return None
    if isinstance(found, Mapping):
        found = list(found.values())
    lines = found.splitlines() if isinstance(found, str) else found
    return [str(line) for line in lines] if isinstance(lines, list) and lines else ["none"]


def _packages(hosts: tuple[Host, ...]) -> list[Aspect]:
    """An aspect for each runtime or library package that any host lists."""
    names: set[str] = set()
    for host in hosts:
        packages = host.facts.get("packages")
        if isinstance(packages, Mapping):
            names |= {str(name) for name in packages if RUNTIMES.match(str(name)) or LIBRARIES.match(str(name))}
    return [
        Aspect(
            name=f"package {name}",
            weight=3 if RUNTIMES.match(name) else 2,
            reason="The image holds one version; the hosts with another one have been running something else.",
            read=_package(name),
        )
        for name in sorted(names)
    ]


def _package(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(facts: Mapping[str, Any]) -> Any:
        packages = facts.get("packages")
        if not isinstance(packages, Mapping) or name not in packages:
            return None
        found = packages[name]
        if isinstance(found, list):
            found = found[-1] if found else None
        return found.get("version") if isinstance(found, Mapping) else found

    return read


def _sysctl(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def read(facts: Mapping[str, Any]) -> Any:
        table = _at("local/sysctl", "sysctl", "local/application/sysctl")(facts)
        return table.get(name) if isinstance(table, Mapping) else None

    return read


ASPECTS: tuple[Aspect, ...] = (
    Aspect(
        "JDK",
        3,
        "Before 8u191 a JVM sees the node's memory, not the container's limit; the image holds one version.",
        _at("local/java/version", "local/jdk/version", "java_version", "jdk", "local/jdk", "local/runtime/java"),
    ),
    Aspect(
        "Python",
        3,
        "The image holds one version.",
        _at("local/python/version", "local/runtime/python", "python/version_string", "python_version"),
    ),
    Aspect(
        "time zone",
        3,
        "A container runs in UTC unless TZ says otherwise: cut-off times and reports would shift.",
        _at("date_time/tz_name", "local/timezone", "timezone", "date_time/tz"),
    ),
    Aspect(
        "locale",
        3,
        "Encodings and number formats follow it; an image has POSIX.",
        _at("env/LANG", "locale", "local/locale"),
    ),
    Aspect(
        "open files (nofile)",
        3,
        "No Pod field sets it: the node's container runtime decides.",
        _at("local/limits/nofile", "local/ulimit/nofile", "ulimit_nofile", "nofile", "local/application/nofile"),
    ),
    Aspect(
        "scheduled jobs", 3, "A job on one host only runs once today; in every replica it would run many times.", _jobs
    ),
    Aspect("mounts", 2, "Data outside the root disk has to become a volume or an object store.", _mounts),
    Aspect(
        "processors",
        2,
        "Hosts of different size blur what one instance needs.",
        _at("processor_vcpus", "processor_nproc"),
    ),
    Aspect("memory (MiB)", 2, "Hosts of different size blur what one instance needs.", _at("memtotal_mb")),
    Aspect(
        "DNS servers", 2, "The cluster's DNS answers in a Pod; search domains and ndots differ.", _at("dns/nameservers")
    ),
    Aspect(
        "operating system",
        2,
        "The base image replaces it; libraries built for one may not run on the other.",
        _operating_system,
    ),
    Aspect("C library", 2, "Native libraries are bound to it.", _at("local/glibc", "glibc")),
    Aspect(
        "net.core.somaxconn",
        2,
        "A Pod starts with the default of its own network namespace.",
        _sysctl("net.core.somaxconn"),
    ),
    Aspect(
        "net.ipv4.tcp_tw_reuse",
        1,
        "A Pod starts with the default of its own network namespace.",
        _sysctl("net.ipv4.tcp_tw_reuse"),
    ),
    Aspect(
        "net.ipv4.ip_local_port_range",
        1,
        "A Pod starts with the default of its own network namespace.",
        _sysctl("net.ipv4.ip_local_port_range"),
    ),
    Aspect("vm.swappiness", 1, "Nodes run without swap.", _sysctl("vm.swappiness")),
    Aspect("fs.file-max", 1, "The node decides.", _sysctl("fs.file-max")),
    Aspect("SELinux", 1, "The node decides; volumes may need labels.", _at("selinux/status")),
    Aspect("architecture", 3, "An image is built for one processor architecture.", _at("architecture")),
    Aspect("kernel", 1, "Containers use the node's kernel.", _at("kernel")),
)


def _finding(title: str, outcome: Outcome, severity: Any, message: str, reason: str) -> Finding:
    return Finding("drift", title, outcome, severity, "hosts", message, reason)
