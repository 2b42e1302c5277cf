"""Compares the hosts of one application: where they differ, and what that difference means for the move."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.artefacts import Host
from runbook_lib.judge.drift import packages, read, sysctls
from runbook_lib.judge.drift.aspects import ASPECTS, SPOKEN_OF, Aspect

TABLES = ("local/sysctl", "sysctl", "local/application/sysctl")
UNDECIDED = "no majority"
BETWEEN = "\n"  # between the members of a set; what stands in a line of a crontab never holds it


@dataclass(frozen=True)
class Drift:
    """One aspect over all hosts, or over all environments; a value is None where the facts say nothing.

    ``usual`` is what ``by`` has; ``odd`` are those known to have something else, which the unknown ones are not.
    A value that is a set has a member a line.
    """

    aspect: str
    weight: int
    reason: str
    values: dict[str, str | None]
    usual: str
    odd: tuple[str, ...]
    by: str = "most hosts"

    @property
    def differs(self) -> bool:
        return bool(self.odd)

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(name for name, value in self.values.items() if value is None)

    def said(self, name: str) -> str:
        """What one has instead of the usual; of a set what it has more and what it lacks."""
        value = self.values[name]
        if value is None:
            return "nothing on record"
        if BETWEEN not in value and BETWEEN not in self.usual:
            return value
        own, usual = set(value.split(BETWEEN)), set(self.usual.split(BETWEEN))
        more, less = sorted(own - usual - {"none"}), sorted(usual - own - {"none"})
        return "; ".join(
            [*([f"also {', '.join(more)}"] if more else []), *([f"without {', '.join(less)}"] if less else [])]
        )


def compare_hosts(hosts: Iterable[Host]) -> tuple[Drift, ...]:
    """Every aspect any host knows something of: differences first, of those what matters for the move first."""
    machines = tuple(hosts)
    rows = (_drift(aspect, machines) for aspect in aspects_of(machines))
    known = {row.aspect: row for row in rows if row is not None}
    kept = [row for row in known.values() if not said_already(row.aspect, known)]
    return in_order(kept)


def in_order(rows: Iterable[Drift]) -> tuple[Drift, ...]:
    """Differences, then what is not known of all, then agreement; within each the heaviest first."""
    return tuple(sorted(rows, key=lambda row: (0 if row.differs else 1 if row.unknown else 2, -row.weight)))


def usual(drifts: Iterable[Drift], aspect: str) -> str:
    """The value most hosts have; empty when it is not known."""
    return next((row.usual for row in drifts if row.aspect == aspect), "")


def aspects_of(hosts: Iterable[Host]) -> tuple[Aspect, ...]:
    """The fixed aspects, and one for each package and kernel setting that matters and that any host lists."""
    installed: set[str] = set()
    settings: set[str] = set()
    for host in hosts:
        if isinstance(found := host.facts.get("packages"), dict):
            installed.update(filter(packages.matters, found))
        for path in TABLES:
            if isinstance(table := read.look(host.facts, path), dict):
                settings.update(filter(sysctls.matters, table))
    return (*ASPECTS, *map(_package, sorted(installed)), *map(_sysctl, sorted(settings)))


def value_of(aspect: Aspect, host: Host) -> str | None:
    """What a host has, as text; None where its facts say nothing."""
    value: Any = aspect.read(host.facts)
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, list | tuple):
        return BETWEEN.join(" ".join(str(item).split()) for item in value)
    return " ".join(str(value).split())


def commonest(values: Iterable[str | None]) -> tuple[str, bool]:
    """What most have, and whether that is more than any other; of equally many the newest, whatever their order."""
    known = [value for value in values if value is not None]
    if len({*known}) < 2:
        return (known[0], True) if known else ("", False)
    counted = Counter(known)
    most = max(counted.values())
    first = [value for value, count in counted.items() if count == most]
    return (first[0], True) if len(first) == 1 else (max(first, key=_by_number), False)


def _by_number(text: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d{1,15}", text)], text


def _drift(aspect: Aspect, hosts: tuple[Host, ...]) -> Drift | None:
    values = {host.name: value_of(aspect, host) for host in hosts}
    common, clear = commonest(values.values())
    if not common:
        return None
    odd = tuple(name for name, value in values.items() if value is not None and value != common)
    by = "most hosts" if clear else UNDECIDED
    return Drift(aspect.name, aspect.weight, aspect.reason, values, common, odd, by)


def said_already(aspect: str, known: Mapping[str, Drift]) -> bool:
    """A package whose version another aspect tells."""
    return any(aspect.startswith(package) and name in known for package, name in SPOKEN_OF.items())


def _package(name: str) -> Aspect:
    kind = packages.kind(name)
    weight, reason = packages.MEANING[kind or "library"]
    return Aspect(f"package {name}", weight, reason, lambda facts: packages.version(facts, name))


def _sysctl(name: str) -> Aspect:
    def look(facts: Mapping[str, Any]) -> Any:
        tables = (read.look(facts, path) for path in TABLES)
        return next((table[name] for table in tables if isinstance(table, dict) and name in table), None)

    return Aspect(name, sysctls.weight(name), sysctls.reason(name), look)
