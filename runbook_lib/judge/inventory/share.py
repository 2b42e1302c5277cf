"""Says what of the machines' use is whose, where several applications share a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from runbook_lib.artefacts import Host
from runbook_lib.judge.inventory.merge import folded
from runbook_lib.judge.inventory.names import Names
from runbook_lib.model import Finding, Outcome

CORES, MEMORY = 1.25, 1.05
"""A point beyond so many times what the machine has cannot be: a mean over minutes is never quite exact."""
SHOWN = 50


@dataclass(frozen=True)
class Shares:
    """The use of each application (columns as read_usage gives them); none where it cannot be told apart."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Points:
    """A table of use, and which of its rows are a host's (a host and its process's)."""

    table: pd.DataFrame
    rows: Mapping[Any, Any]


def share(
    hosts: Mapping[str, tuple[Host, ...]], machines: pd.DataFrame, processes: pd.DataFrame | None = None
) -> Shares:
    """The use of each application: of its machines, or of its process where it is not alone on one.

    A table's ``instance`` may be any name or address of a host; in what comes out it is the host's name.
    """
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


def _pieces(
    application: str,
    own: Iterable[Host],
    count: Mapping[str, int],
    whole: _Points,
    parts: _Points | None,
    findings: list[Finding],
) -> Iterator[tuple[str, pd.DataFrame]]:
    for host in own:
        shared = count[host.name] > 1
        points, key = (parts, (host.name, _process(application))) if shared else (whole, host.name)
        rows = points.rows.get(key) if points else None
        if rows is None:
            if shared:
                findings.append(_not_told_apart(application, host))
            continue
        assert points is not None
        piece = points.table.take(rows)
        cannot = _cannot_be(piece, host)
        if cannot.any():
            findings.append(_too_much(host, piece[cannot], len(piece)))
        if not cannot.all():
            yield host.name, piece[~cannot]


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
    return _Points(processes.drop(columns="process"), processes.groupby(by, observed=True).indices)


def _one(names: Names, instance: str) -> str:
    """The name of the one host meant; empty when there is none or more than one."""
    found = names.find(instance)
    return found[0].name if len(found) == 1 else ""


def _process(name: str) -> str:
    """An application's name as process exporter's groups are compared with it."""
    return folded(name).replace("_", "-").replace(" ", "-")


def _together(pieces: list[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    names = [name for name, _ in pieces]
    codes = np.repeat(np.arange(len(pieces)), [len(piece) for _, piece in pieces])
    table = pd.concat([piece for _, piece in pieces], ignore_index=True)
    table = table.assign(instance=pd.Categorical.from_codes(codes, categories=pd.Index(names)))
    again = table.duplicated(["instance", "at"])  # a host that is measured under its name and its address
    return table[~again].sort_values(["instance", "at"], ignore_index=True)


def _cannot_be(piece: pd.DataFrame, host: Host) -> np.ndarray[Any, Any]:
    """Which points are more than the machine has."""
    cores, memory = host.facts.get("processor_vcpus"), host.facts.get("memtotal_mb")
    limits = (("cpu_cores", cores, CORES), ("memory_mib", memory, MEMORY))
    found = np.zeros(len(piece), dtype=bool)
    for column, most, margin in limits:
        if isinstance(most, int | float) and most > 0:
            found |= (piece[column] > most * margin).to_numpy()
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
