"""Says what of the machines' use is whose, where several applications share a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from runbook_lib.artefacts import Host, Node
from runbook_lib.judge.inventory.assign import instances_of
from runbook_lib.judge.inventory.merge import folded
from runbook_lib.judge.inventory.names import Names, bare, is_address
from runbook_lib.model import Finding, Outcome

CORES, MEMORY = 1.25, 1.05
"""A point beyond so many times what the machine has cannot be: a mean over minutes is never quite exact."""
SHOWN = 50


@dataclass(frozen=True)
class Shares:
    """The use of each application (columns as read_usage gives them); none where it cannot be told apart.

    Where some of it is a process's, ``process`` names it: agents of the machine are not in that.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Points:
    """A table of use, and which of its rows are a host's (a host and its process's), in the order of time."""

    table: pd.DataFrame
    rows: Mapping[Any, Any]

    def of(self, key: Any) -> np.ndarray[Any, Any] | None:
        """The numbers of the rows, each time once; None when there are none."""
        rows = self.rows.get(key)
        if rows is None:
            return None
        at = self.table["at"].array[rows]
        if (at[1:] > at[:-1]).all():
            return np.asarray(rows)
        order = pd.Series(at).drop_duplicates().sort_values().index  # measured under its name and its address, too
        once: np.ndarray[Any, Any] = np.asarray(rows)[order.to_numpy()]
        return once


Piece = tuple[str, pd.DataFrame, "np.ndarray[Any, Any]"]
"""A host, a table of use, and the rows that are the host's."""


def share(
    hosts: Mapping[str, tuple[Host, ...]],
    machines: pd.DataFrame,
    processes: pd.DataFrame | None = None,
    stated: Iterable[Node] = (),
) -> Shares:
    """The use of each application: of its machines, or of its process where it is not alone on one.

    A table's ``instance`` may be any name or address of a host; in what comes out it is the host's name. A machine
    that a tree in ``stated`` names counts even where it has no facts: without it the peak of all would be too low.
    """
    hosts = _with_stated(hosts, stated)
    every = {host.name: host for own in hosts.values() for host in own}
    names = Names(every.values())
    count: dict[str, int] = {}
    for own in hosts.values():
        for host in own:
            count[host.name] = count.get(host.name, 0) + 1
    findings: list[Finding] = []
    whole = _by_host(machines, names, findings)
    parts = _by_process(processes, names) if processes is not None else None
    tables: dict[str, pd.DataFrame] = {}
    for application, own in hosts.items():
        pieces = list(_pieces(application, own, count, whole, parts, findings))
        if pieces:
            tables[application] = _together(pieces)
    return Shares(tables, tuple(findings))


def _with_stated(hosts: Mapping[str, tuple[Host, ...]], stated: Iterable[Node]) -> dict[str, tuple[Host, ...]]:
    """The hosts and, for stated machines of which there are no facts, hosts of which nothing else is known."""
    names = Names({host.name: host for own in hosts.values() for host in own}.values())
    found = dict(hosts)
    for tree in stated:
        application = tree.get("application").text().strip()
        told = dict.fromkeys(bare(instance.text()) for instance in instances_of(tree))
        if application in found:
            bodiless = (_bodiless(name) for name in told if name and not names.find(name))
            found[application] = (*found[application], *bodiless)
    return found


def _bodiless(name: str) -> Host:
    return Host(name, {} if is_address(name) else {"hostname": name.partition(".")[0]}, "")


def _pieces(
    application: str,
    own: Iterable[Host],
    count: Mapping[str, int],
    whole: _Points,
    parts: _Points | None,
    findings: list[Finding],
) -> Iterator[Piece]:
    for host in own:
        shared = count[host.name] > 1
        points, key = (parts, (host.name, _process(application))) if shared else (whole, host.name)
        rows = points.of(key) if points else None
        if points is None or rows is None:
            if shared:
                findings.append(_not_told_apart(application, host))
            continue
        cannot = _cannot_be(points.table, rows, host)
        if cannot.any():
            findings.append(_too_much(host, points.table.take(rows[cannot]), len(rows)))
        if not cannot.all():
            yield host.name, points.table, rows[~cannot]


def _by_host(machines: pd.DataFrame, names: Names, findings: list[Finding]) -> _Points:
    """The rows of each host; a machine that no host is known by is named."""
    instances = machines["instance"].astype("category")
    meant = {name: _one(names, str(name)) for name in instances.cat.categories}
    unknown = [str(name) for name, host in meant.items() if not host]
    if unknown:
        findings.append(_nobodys(unknown))
    hosts = instances.map({name: host for name, host in meant.items() if host})
    return _Points(machines, machines.groupby(hosts.astype("category"), observed=True).indices)


def _by_process(processes: pd.DataFrame, names: Names) -> _Points:
    instances, kinds = processes["instance"].astype("category"), processes["process"].astype("category")
    hosts = instances.map({name: _one(names, str(name)) or None for name in instances.cat.categories})
    kinds = kinds.map({name: _process(str(name)) for name in kinds.cat.categories})
    by = [hosts.astype("category"), kinds.astype("category")]
    return _Points(processes, processes.groupby(by, observed=True).indices)


def _one(names: Names, instance: str) -> str:
    """The name of the one host meant; empty when there is none or more than one."""
    found = names.find(instance)
    return found[0].name if len(found) == 1 else ""


def _process(name: str) -> str:
    """An application's name as process exporter's groups are compared with it."""
    return folded(name).replace("_", "-").replace(" ", "-")


def _together(pieces: list[Piece]) -> pd.DataFrame:
    pieces = sorted(pieces, key=lambda piece: piece[0])
    names = [name for name, _, _ in pieces]
    codes = np.repeat(np.arange(len(pieces)), [len(rows) for _, _, rows in pieces])
    if len({id(table) for _, table, _ in pieces}) == 1:
        found = pieces[0][1].take(np.concatenate([rows for _, _, rows in pieces]))
    else:
        found = pd.concat([table.take(rows) for _, table, rows in pieces])
    instance = pd.Categorical.from_codes(codes, categories=pd.Index(names))
    return found.assign(instance=instance).reset_index(drop=True)


def _cannot_be(table: pd.DataFrame, rows: np.ndarray[Any, Any], host: Host) -> np.ndarray[Any, Any]:
    """Which points are more than the machine has."""
    cores, memory = host.facts.get("processor_vcpus"), host.facts.get("memtotal_mb")
    found = np.zeros(len(rows), dtype=bool)
    for column, most, margin in (("cpu_cores", cores, CORES), ("memory_mib", memory, MEMORY)):
        if isinstance(most, int | float) and most > 0:
            found |= table[column].to_numpy()[rows] > most * margin
    return found


def _too_much(host: Host, beyond: pd.DataFrame, count: int) -> Finding:
    cores, memory = beyond["cpu_cores"].max(), beyond["memory_mib"].max()
    has = f"{host.facts.get('processor_vcpus', '?')} processors and {host.facts.get('memtotal_mb', '?')} MiB"
    message = (
        f"{len(beyond):,} of {count:,} points of {host.name} are more than it has: up to {cores:.1f} cores and "
        f"{memory:,.0f} MiB, but it has {has}; they are left out. Is a column in percent, or in another unit?"
    )
    return _finding(host.name, message, "warning", host.file)


def _not_told_apart(application: str, host: Host) -> Finding:
    message = (
        f"{host.name} is shared, and no process {application} is measured on it: what it uses there is not known; "
        "ask process exporter (assessment.monitoring.process_cpu)"
    )
    return _finding(application, message, "warning", host.file)


def _nobodys(names: list[str]) -> Finding:
    told = ", ".join(names[:10]) + (f" and {len(names) - 10:,} more" if len(names) > 10 else "")
    return _finding("usage", f"what {told} used is nobody's: no host of an application goes by that name", "info", "")


def _finding(about: str, message: str, severity: Literal["warning", "info"], file: str) -> Finding:
    return Finding(
        check="usage-assigned",
        title="What was used has a user",
        outcome=Outcome.INCONCLUSIVE,
        severity=severity,
        object=about,
        message=message,
        reason="A size is only as good as what it is worked out from.",
        file=file,
    )
