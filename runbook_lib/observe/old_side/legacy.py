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
    prometheus: PrometheusConnect,
    metrics: Metrics,
    instances: Sequence[LegacyInstance],
    within: timedelta = timedelta(weeks=2),
) -> dict[str, float | None]:
    """Requests a second that each instance of the old side carried at its busiest; None where nothing is known.

    The last hour is looked at closely, the rest at 2000 points: a peak of minutes is seen, one of seconds may not be.
    """
    window = max(10, round(10 * metrics.scrape.total_seconds()))
    rate = f"sum by (instance) (rate({metrics.requests}{{{metrics.selectors.legacy}}}[{window}s]))"
    stretches = ((3600, window), (round(within.total_seconds()), max(window, round(within.total_seconds() / 2000))))
    found = [_by_instance(prometheus, f"max_over_time(({rate})[{length}s:{step}s])") for length, step in stretches]
    return {
        one.name: max(
            (part[known] for part in found for known in (one.name, urlsplit(one.url).netloc) if known in part),
            default=None,
        )
        for one in instances
    }


def _by_instance(prometheus: PrometheusConnect, text: str) -> dict[str, float]:
    return {labels.get("instance", ""): value for labels, value in query(prometheus, text)}


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
