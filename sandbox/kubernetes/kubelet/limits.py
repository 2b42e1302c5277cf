"""Limits on processes without cgroups: memory is watched, CPU is taken away by stopping."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sandbox.kubernetes.kubelet.container import Container
from sandbox.kubernetes.quantity import amount

JsonObject = dict[str, Any]

IDLE_SECONDS = 0.5


async def enforce(containers: Callable[[], Iterable[Container]], faults: Path, tick: float) -> None:
    """Kills what uses more memory than its limit, and throttles while the fault says so, until cancelled."""
    share = Throttle(faults)
    while True:
        running = [one for one in containers() if one.process is not None]
        limited = [one for one in running if memory_limit(one) is not None]
        for container in limited:
            _check_memory(container)
        part = share.read()
        if part and running:
            await _throttle(running, part, tick)
        else:
            await asyncio.sleep(tick if limited else IDLE_SECONDS)


def memory_limit(container: Container) -> int | None:
    """Bytes that a container may use, or None."""
    limit = container.record.spec.get("resources", {}).get("limits", {}).get("memory")
    return None if limit is None else int(amount(limit))


def _check_memory(container: Container) -> None:
    limit, process = memory_limit(container), container.process
    if process is not None and limit is not None and process.memory() > limit:
        container.out_of_memory = True
        container.kills += 1
        process.send_all(signal.SIGKILL)


async def _throttle(running: list[Container], share: float, tick: float) -> None:
    """One CPU period: stopped for its first part, running for the rest."""
    stopped = share * tick
    try:
        for container in running:
            _signal(container, signal.SIGSTOP)
        await asyncio.sleep(stopped)
    finally:  # also when the kubelet ends in between
        for container in running:
            _signal(container, signal.SIGCONT)
    for container in running:
        container.throttling.periods += 1
        container.throttling.throttled_periods += 1
        container.throttling.throttled_seconds += stopped
    await asyncio.sleep(tick - stopped)


def _signal(container: Container, number: signal.Signals) -> None:
    if container.process is not None:
        container.process.send_all(number)


class Throttle:
    """The share of each CPU period that the `throttle` fault takes, read again when the file changes."""

    def __init__(self, faults: Path) -> None:
        self._faults = faults
        self._seen: tuple[int, int] | None = None
        self._share = 0.0

    def read(self) -> float:
        """0 to 0.95; 0 without a fault."""
        try:
            found = self._faults.stat()
        except FileNotFoundError:
            return 0.0
        seen = (found.st_mtime_ns, found.st_ino)
        if seen != self._seen:
            self._seen = seen
            self._share = _share(self._faults)
        return self._share


def _share(faults: Path) -> float:
    try:
        content = json.loads(faults.read_text())
        return min(max(float(content.get("kubernetes", {}).get("throttle", 0)), 0.0), 0.95)
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return 0.0
