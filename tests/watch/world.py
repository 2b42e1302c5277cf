"""A world of counters, Pods and a knob whose second a test sets: what the watching reads of it is stubbed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.clients import Clients
from runbook_lib.errors import Unreachable
from runbook_lib.observe.counters import Labels, Reading
from runbook_lib.observe.workload.stability import Stability
from runbook_lib.parameters import Parameters, load
from runbook_lib.sections import Stage
from runbook_lib.watch import counting, split, watcher

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEMO = Path(__file__).parents[2] / "parameters" / "demo.yaml"
STAGE = Stage(weight=30, observe=timedelta(seconds=10), rule_out=0.01)


@dataclass
class World:
    """What the readings would be at the second it is now; a test turns its knobs, sleeping moves the time."""

    second: float = 0.0
    share: float = 0.3
    weight: int = 30
    pace: float = 300.0
    bad: float = 0.0
    looks_take: float = 0.0
    prometheus: str = ""
    cluster: str = ""
    pods: dict[str, int] = field(default_factory=lambda: {"a/app": 0, "b/app": 0})
    killed: dict[str, str] = field(default_factory=dict)
    ready: int = 2
    alerts: list[str] = field(default_factory=list)
    served: dict[str, list[float]] = field(default_factory=lambda: {"legacy": [1e6, 1e3], "kubernetes": [0.0, 0.0]})
    missing: str = ""
    plan: list[tuple[float, Callable[[World], None]]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    past: list[tuple[float, dict[str, tuple[float, ...]]]] = field(default_factory=list)
    dark: tuple[float, float] = (-1, -1)
    """From and until when Prometheus itself has nothing."""

    def at(self, second: float, change: Callable[[World], None]) -> World:
        self.plan.append((second, change))
        return self

    def clock(self) -> float:
        return self.second

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        while seconds > 1:  # so that any second of the past can be asked for
            self._pass(1)
            seconds -= 1
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        for side, share in (("legacy", 1 - self.share), ("kubernetes", self.share)):
            requests = round(self.pace * share * seconds)
            self.served[side][0] += requests
            self.served[side][1] += round(requests * self.bad) if side == "kubernetes" else 0
        self.second += seconds
        for _, change in [entry for entry in self.plan if entry[0] <= self.second]:
            change(self)
        self.plan = [entry for entry in self.plan if entry[0] > self.second]
        self.past.append((self.second, {side: tuple(counts) for side, counts in self.served.items()}))

    def now(self) -> datetime:
        return START + timedelta(seconds=self.second)

    def read(self, prometheus: object, metrics: object, bound: float, at: datetime | None = None) -> Reading:
        """What Prometheus says of now, or of a moment that is over."""
        if at is None:
            self.pass_time(self.looks_take)
        if self.prometheus:
            raise Unreachable(self.prometheus)
        second = self.second if at is None else (at - START).total_seconds()
        served: dict[str, Any] = dict(self.served)
        if at is not None:
            served = next((counts for when, counts in reversed(self.past) if when <= second + 1e-6), served)
        if self.dark[0] <= second < self.dark[1]:
            served = {}
        found: dict[Any, dict[Labels, float]] = {(k, s): {} for k in ("requests", "fast", "timed") for s in self.served}
        for side, (requests, bad) in served.items():
            if side == self.missing:
                continue
            who = (("instance", f"{side}-1"),)
            found["requests", side] = {(*who, ("status", "200")): requests - bad, (*who, ("status", "500")): bad}
            found["fast", side] = found["timed", side] = {who: requests}
        return Reading(at or self.now(), found)

    def stability(self, *_: object) -> Stability:
        if self.cluster:
            raise Unreachable(self.cluster)
        return Stability(self.now(), 2, self.ready, dict(self.pods), dict(self.killed))

    def knob(self, *_: object) -> int:
        return self.weight

    def firing(self, *_: object) -> list[str]:
        if self.prometheus:
            raise Unreachable(self.prometheus)
        return self.alerts


def stubbed(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that everything that watches looks at."""
    world = World()
    monkeypatch.setattr(counting, "now", world.now)
    monkeypatch.setattr(counting, "boundary", lambda *_: 0.5)
    monkeypatch.setattr(counting, "read", world.read)
    monkeypatch.setattr(counting, "scraped", lambda *_: {})
    monkeypatch.setattr(split, "read", world.read)
    monkeypatch.setattr(watcher, "read_stability", world.stability)
    monkeypatch.setattr(watcher, "firing_alerts", world.firing)
    monkeypatch.setattr(watcher, "read_weight", world.knob)
    return world


@dataclass
class FakeClients:
    """Clients whose answers are stubbed: they are only handed on."""

    parameters: Parameters
    prometheus: None = None
    kubernetes: None = None


def set_(**values: Any) -> Callable[[World], None]:
    """A change of the world."""

    def change(world: World) -> None:
        for key, value in values.items():
            setattr(world, key, value)

    return change


def demo_clients() -> Clients:
    """The demo's parameters without throttling, patient for 20 s."""
    p = load(DEMO)
    p = p.model_copy(
        update={
            "metrics": p.metrics.model_copy(update={"throttling": None}),
            "watch": p.watch.model_copy(update={"extend": timedelta(seconds=20)}),
        }
    )
    return FakeClients(p)  # type: ignore[return-value]
