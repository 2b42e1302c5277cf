"""What single Pods and machines did in a window, in a constant number of queries: CPU, memory, restarts, throttling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from runbook_lib.judge.exposure import Exposure
from runbook_lib.judge.resources import Use
from runbook_lib.judge.throttling import PodPeriods
from runbook_lib.model import SIDES, Side
from runbook_lib.observe.metrics import query
from runbook_lib.parameters import duration
from runbook_lib.sections import Instances, Metrics

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

_STEPS = 240  # at which the instances are counted: 15 s in an hour
_HOUR = 3600


@dataclass(frozen=True)
class Figures:
    """Of a window: ``cpu`` in seconds, ``memory`` in bytes x seconds, peaks and limits in bytes by Pod.

    None is what was not asked for, or what Prometheus does not have.
    """

    cpu: dict[Side, list[Use]]
    memory: dict[Side, list[Use]]
    memory_peaks: dict[str, float]
    memory_limits: dict[str, float] | None
    periods: list[PodPeriods] | None
    restarts: dict[Side, Exposure | None] | None


@dataclass(frozen=True)
class _Window:
    prometheus: PrometheusConnect
    kept: Instances
    text: str
    until: datetime

    def each(self, side: Side, function: str, series: str) -> dict[str, float]:
        """By instance."""
        label = getattr(self.kept.label, side)
        found = query(self.prometheus, f"sum by ({label}) ({function}({series}[{self.text}]))", self.until)
        return {labels[label]: value for labels, value in found if labels.get(label)}

    def one(self, expression: str) -> float | None:
        """A number; None where there is none."""
        found = query(self.prometheus, expression, self.until)
        return found[0][1] if len(found) == 1 else None


def figures(prometheus: PrometheusConnect, metrics: Metrics, kept: Instances, window: str, until: datetime) -> Figures:
    """What the instances did within ``window`` (as PromQL writes it) before ``until``.

    Raises Unreachable, and BadParameters for a window that is none.
    """
    seconds = duration(window, "window").total_seconds()
    asked = _Window(prometheus, kept, window, until)
    served = {side: asked.each(side, "increase", _requests(metrics, side)) for side in SIDES}
    cpu = {side: asked.each(side, "increase", getattr(kept.cpu, side)) for side in SIDES}
    memory = {side: asked.each(side, "avg_over_time", getattr(kept.memory, side)) for side in SIDES}
    step = max(seconds / _STEPS, metrics.scrape.total_seconds())
    return Figures(
        {side: _uses(cpu[side], served[side]) for side in SIDES},
        {side: _uses(memory[side], served[side], seconds) for side in SIDES},
        asked.each("kubernetes", "max_over_time", kept.memory.kubernetes),
        asked.each("kubernetes", "max_over_time", kept.memory_limit) if kept.memory_limit else None,
        _periods(asked) if kept.periods else None,
        {side: _restarts(asked, side, step) for side in SIDES} if kept.restarts else None,
    )


def _requests(metrics: Metrics, side: Side) -> str:
    return f"{metrics.requests}{{{getattr(metrics.selectors, side)}}}"


def _uses(amounts: dict[str, float], served: dict[str, float], times: float = 1.0) -> list[Use]:
    return [Use(name, amount * times, served.get(name, 0.0)) for name, amount in sorted(amounts.items())]


def _periods(asked: _Window) -> list[PodPeriods]:
    counted = asked.each("kubernetes", "increase", str(asked.kept.periods))
    throttled = asked.each("kubernetes", "increase", str(asked.kept.throttled))
    return [PodPeriods(pod, throttled.get(pod, 0.0), number) for pod, number in sorted(counted.items())]


def _restarts(asked: _Window, side: Side, step: float) -> Exposure | None:
    """Restarts, and the instance-hours in which they were counted."""
    assert asked.kept.restarts is not None
    series, label = getattr(asked.kept.restarts, side), getattr(asked.kept.label, side)
    # a container's counter goes on over restarts; a process that began again has another time of start
    function = "increase" if side == "kubernetes" else "changes"
    events = asked.one(f"sum({function}({series}[{asked.text}]))")
    alive = f"count(count by ({label}) ({series}))"
    seen = asked.one(f"sum_over_time({alive}[{asked.text}:{step * 1000:.0f}ms])")
    return None if events is None or not seen else Exposure(float(round(events)), seen * step / _HOUR)
