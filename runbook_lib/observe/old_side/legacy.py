"""The old side as it stands: which instances are alive, how many requests and connections still reach each."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runbook_lib.model import Measurement, now
from runbook_lib.observe.command import named, printed
from runbook_lib.observe.metrics import query
from runbook_lib.sections import LegacyInstance, Metrics

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

HISTORY = timedelta(weeks=2)
_POINTS = 2000
Connect = Callable[..., socket.socket]


@dataclass(frozen=True)
class InstanceState:
    """Whether something accepts connections at an instance's address; asked without sending a request."""

    name: str
    url: str
    answering: bool
    detail: str = ""


def look(instance: LegacyInstance, connect: Connect = socket.create_connection, patience: float = 2) -> InstanceState:
    """One instance; a request would itself be traffic, so only a connection is opened and closed."""
    parts = urlsplit(instance.url)
    address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        with closing(connect(address, timeout=patience)):
            return InstanceState(instance.name, instance.url, True)
    except OSError as error:
        return InstanceState(instance.name, instance.url, False, error.strerror or str(error))


def look_at_all(instances: Sequence[LegacyInstance]) -> list[InstanceState]:
    """Every instance, in the order of the parameters."""
    return [look(instance) for instance in instances]


def machine(label: str, instances: Sequence[LegacyInstance]) -> str:
    """The instance that a label of a series names: by name, by address, or by a host where only one is.

    Empty for any other: an exporter beside the application has a port of its own.
    """
    exact = [i.name for i in instances if label in (i.name, urlsplit(i.url).netloc)]
    host = (label.rpartition(":")[0] or label).strip("[]").lower()
    there = [i.name for i in instances if host in (i.name.lower(), urlsplit(i.url).hostname)]
    found = exact or there
    return found[0] if len(found) == 1 else ""


def busiest(
    prometheus: PrometheusConnect, metrics: Metrics, instances: Sequence[LegacyInstance], within: timedelta = HISTORY
) -> dict[str, float | None]:
    """Requests a second that each instance of the old side carried at its busiest; None where nothing is known."""
    rate, found = request_rate(metrics, " by (instance) "), dict[str, float]()
    for length, step in looks(metrics, within):
        for labels, value in query(prometheus, f"max_over_time(({rate})[{length}s:{step}s])"):
            name = machine(labels.get("instance", ""), instances)
            found[name] = max(value, found.get(name, 0.0))  # two peaks need not have been at one time
    return {one.name: found.get(one.name) for one in instances}


def request_rate(metrics: Metrics, by: str = "") -> str:
    """Expression of the old side's requests a second over ten scrapes, ``by`` what it is told apart."""
    return f"sum{by}(rate({metrics.requests}{{{metrics.selectors.legacy}}}[{_window(metrics)}s]))"


def looks(metrics: Metrics, within: timedelta) -> tuple[tuple[int, int], tuple[int, int]]:
    """Over how many seconds a peak is looked for, and how often: the last hour closely, the rest at 2000 points.

    A peak of minutes is seen, one of seconds may not be.
    """
    window, length = _window(metrics), round(within.total_seconds())
    return (3600, window), (length, max(window, length // _POINTS))


def _window(metrics: Metrics) -> int:
    return max(10, round(10 * metrics.scrape.total_seconds()))


def connections(instance: LegacyInstance, command: Sequence[str] | None, folder: Path) -> Measurement:
    """Client connections open at this moment: the lines that the command of ``legacy.connections`` prints.

    None without a command: it is then not known. Raises BadParameters when the command cannot be run or fails.
    """
    name, at = f"connections of {instance.name}", now()
    if not command:
        return Measurement(name, None, "connections", "legacy", at, "legacy.connections names no command")
    line = [named(word, instance) for word in command]
    count = sum(1 for text in printed("legacy.connections", line, folder).splitlines() if text.strip())
    return Measurement(name, float(count), "connections", "legacy", at, " ".join(line))
