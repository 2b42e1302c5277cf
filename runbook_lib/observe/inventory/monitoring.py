"""Asks Prometheus what the machines, and the processes on them, used."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from runbook_lib.artefacts import Node, node_of
from runbook_lib.judge.inventory.names import bare
from runbook_lib.model import Finding, Outcome
from runbook_lib.observe.inventory.usage import MIB, Usage, once
from runbook_lib.observe.metrics import Series, query, series_over
from runbook_lib.sections.assessment import Monitoring

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

STEP = timedelta(minutes=5)
ANSWER, MOST = 200_000, 5_000_000
"""So many points are asked for at a time, and in all: of a large fleet they are further apart."""
PROMETHEUS = "Prometheus"
Key = tuple[str, ...]
"""The machine, or the machine and the process."""


@dataclass(frozen=True)
class Java:
    """The heap that a machine's JVM may use (MiB) and its most threads; None where the exporter does not say."""

    heap_mib: float | None = None
    threads: float | None = None


@dataclass(frozen=True)
class _Look:
    """Where is asked, over which pieces of time, at which steps; ``keys`` number whatever was met."""

    prometheus: PrometheusConnect
    labels: Key
    pieces: tuple[tuple[datetime, datetime], ...]
    step: timedelta
    keys: dict[Key, int] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)


def ask_usage(prometheus: PrometheusConnect, wanted: Monitoring, until: datetime) -> Usage:
    """What machines used, as read_usage gives it. Raises Unreachable."""
    look = _look(prometheus, (wanted.label,), (wanted.cpu, wanted.memory), wanted.within, until)
    return _used(look, wanted.cpu, wanted.memory)


def ask_processes(prometheus: PrometheusConnect, wanted: Monitoring, until: datetime) -> Usage:
    """The same by machine and process, with one more column: ``process``. Raises Unreachable."""
    texts = (wanted.process_cpu, wanted.process_memory)
    labels = (wanted.label, wanted.process_label)
    return _used(_look(prometheus, labels, texts, wanted.within, until), *texts)


def ask_java(prometheus: PrometheusConnect, wanted: Monitoring, until: datetime) -> dict[str, Java]:
    """The most of each machine's JVM over the time looked at. Raises Unreachable."""
    heap = _most(prometheus, wanted, wanted.heap, until)
    threads = _most(prometheus, wanted, wanted.threads, until)
    return {
        name: Java(heap[name] / MIB if name in heap else None, threads.get(name)) for name in sorted({*heap, *threads})
    }


def monitored(application: str, instances: Collection[str], java: Mapping[str, Java]) -> Node:
    """What Prometheus knows of an application as a profile tree: runtime.heap_mib, runtime.threads.

    ``instances`` are all names and addresses that its machines go by.
    """
    own = [java[name] for name in {bare(name) for name in instances} if name in java]
    runtime = {
        "heap_mib": max((one.heap_mib for one in own if one.heap_mib is not None), default=None),
        "threads": max((one.threads for one in own if one.threads is not None), default=None),
    }
    known = {key: value for key, value in runtime.items() if value is not None}
    return node_of({"application": application, **({"runtime": known} if known else {})}, PROMETHEUS)


def _look(
    prometheus: PrometheusConnect,
    labels: Key,
    texts: tuple[str | None, ...],
    within: timedelta,
    until: datetime,
) -> _Look:
    """Steps and pieces of time such that no answer, and not the whole, is larger than is good for who reads it."""
    counts = [query(prometheus, f"count({text})", until) for text in texts if text]
    series = max((found[0][1] for found in counts if found), default=1.0)
    step = STEP * max(1, math.ceil(series * (within / STEP) / MOST))
    seconds = step.total_seconds()
    last = datetime.fromtimestamp(until.timestamp() // seconds * seconds, UTC)
    each = step * max(1, int(ANSWER // max(1.0, series)))
    pieces, since = [], last - within
    while since <= last:
        pieces.append((since, min(since + each - step, last)))
        since += each
    return _Look(prometheus, labels, tuple(pieces), step)


def _used(look: _Look, cpu: str | None, memory: str | None) -> Usage:
    """The points at which both are known."""
    columns = {"cpu_cores": cpu, "memory_mib": memory}
    for name, text in columns.items():
        if text is None:
            message = f"no query is given for {name}: nothing is known of what was used (assessment.monitoring)"
            return Usage(_empty(look), (_finding(message),))
    cores, mib = (_points(look, name, text or "") for name, text in columns.items())
    both = cores.merge(mib, on=["key", "at"])
    both["memory_mib"] /= MIB
    lonely = len(cores) + len(mib) - 2 * len(both)
    if lonely:
        _note(look, f"{lonely:,} points of {PROMETHEUS} are left out: of cores and memory only one is known")
    if both.empty:
        _note(look, f"{PROMETHEUS} has no machine of which both {cpu} and {memory} are known")
        return Usage(_empty(look), tuple(look.findings.values()))
    return Usage(_table(look, both), tuple(look.findings.values()))


def _table(look: _Look, both: pd.DataFrame) -> pd.DataFrame:
    key = both["key"].to_numpy()
    portion = {
        "at": both["at"].to_numpy(),
        **{name: pd.Categorical([one[place] for one in look.keys])[key] for place, name in enumerate(_columns(look))},
        "cpu_cores": both["cpu_cores"].to_numpy(),
        "memory_mib": both["memory_mib"].to_numpy(),
        "starting": np.zeros(len(both), dtype=bool),
    }
    return once([portion])[0]


def _columns(look: _Look) -> list[str]:
    return ["instance", "process"][: len(look.labels)]


def _empty(look: _Look) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in ["at", *_columns(look), "cpu_cores", "memory_mib", "starting"]})


def _points(look: _Look, column: str, text: str) -> pd.DataFrame:
    """Each point of an expression: number of its key, time, value."""
    keys: list[int] = []
    found: list[Series] = []
    for since, until in look.pieces:
        for key, several in _by_key(look, text, since, until).items():
            if len(several) == 1 and all(key):
                keys.append(look.keys.setdefault(key, len(look.keys)))
                found.append(several[0])
            else:
                _note(look, _unclear(look, text, key, len(several)))
    values = np.array([value for one in found for value in one.values.values()], dtype=float)
    times = np.array([at.timestamp() * 1e6 for one in found for at in one.values]).astype("datetime64[us]")
    number = np.repeat(np.array(keys, dtype=int), [len(one.values) for one in found])
    table = pd.DataFrame({"key": number, "at": times, column: values})
    cannot = table[column] < 0
    if cannot.any():
        of = list(look.keys)[table["key"][cannot].iloc[0]]
        _note(look, f"{int(cannot.sum()):,} points of {text} are left out: below zero, which cannot be ({of[0]})")
    return table[~cannot].drop_duplicates(["key", "at"])


def _by_key(look: _Look, text: str, since: datetime, until: datetime) -> dict[Key, list[Series]]:
    found: dict[Key, list[Series]] = {}
    for series in series_over(look.prometheus, text, since, until, look.step):
        machine, *process = (series.labels.get(label, "") for label in look.labels)
        found.setdefault((bare(machine), *process), []).append(series)
    return found


def _most(prometheus: PrometheusConnect, wanted: Monitoring, text: str | None, until: datetime) -> dict[str, float]:
    """The most of each machine over the time looked at; what is not above zero says nothing."""
    if text is None:
        return {}
    step = max(60, int(wanted.within.total_seconds() / 300))
    asked = f"max_over_time(({text})[{int(wanted.within.total_seconds())}s:{step}s]) or ({text})"
    found: dict[str, float] = {}
    for labels, value in query(prometheus, asked, until):
        name = bare(labels.get(wanted.label, ""))
        if name and value > 0:
            found[name] = max(value, found.get(name, 0.0))
    return found


def _unclear(look: _Look, text: str, key: Key, count: int) -> str:
    label = ", ".join(look.labels)
    if not all(key):
        return f"{text} has series without the label {label}: they are nobody's (assessment.monitoring.label)"
    return f"{text} gives {count} series of {' '.join(key)}: it is left out; write sum by ({label}) (…)"


def _note(look: _Look, message: str) -> None:
    """Each thing is said once, however many answers say it."""
    look.findings.setdefault(message, _finding(message))


def _finding(message: str) -> Finding:
    return Finding(
        check="usage-monitored",
        title="Prometheus tells what was used",
        outcome=Outcome.INCONCLUSIVE,
        severity="info",
        object=PROMETHEUS,
        message=message,
        reason="A size is only as good as what it is worked out from.",
    )
