"""Asks Prometheus what the machines, and the processes on them, used."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from runbook_lib.artefacts import Node
from runbook_lib.observe.inventory.usage import Usage
from runbook_lib.sections.assessment import Monitoring

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

STEP = timedelta(minutes=5)


@dataclass(frozen=True)
class Java:
    """The heap that a machine's JVM may use (MiB) and its most threads; None where the exporter does not say."""

    heap_mib: float | None = None
    threads: float | None = None


def ask_usage(
    prometheus: PrometheusConnect,
    wanted: Monitoring,
    until: datetime,
    instances: Collection[str] | None = None,
    step: timedelta = STEP,
) -> Usage:
    """What machines used, as read_usage gives it; of all machines, or of the named. Raises Unreachable."""
    raise NotImplementedError


def ask_processes(
    prometheus: PrometheusConnect,
    wanted: Monitoring,
    until: datetime,
    instances: Collection[str] | None = None,
    step: timedelta = STEP,
) -> Usage:
    """The same by machine and process, with one more column: ``process``. Raises Unreachable."""
    raise NotImplementedError


def ask_java(prometheus: PrometheusConnect, wanted: Monitoring, until: datetime) -> dict[str, Java]:
    """The most of each machine's JVM over the time looked at. Raises Unreachable."""
    raise NotImplementedError


def monitored(application: str, instances: Collection[str], java: dict[str, Java]) -> Node:
    """What Prometheus knows of an application as a profile tree: runtime.heap_mib, runtime.threads."""
    raise NotImplementedError
