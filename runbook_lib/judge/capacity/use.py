"""What the instances used, as the few figures that a size follows from; or what is missing for that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runbook_lib.judge.capacity.points import DAY, Numbers, Points

POINTS_NEEDED = 100
DAYS_NEEDED = 14.0
UNTRUE_BORNE = 0.05
UNTRUE = "negative, no number, or without a time or an instance"
HOUR = 3600
BIN = 300


@dataclass(frozen=True)
class Use:
    """What one instance used once it had started, agents of the host taken off; cores and MiB.

    ``together`` is of all instances at the same time; ``memory_peak`` counts starts too, because a limit kills then.
    """

    points: int
    days: float
    instances: int
    cpu_mean: float
    cpu_p95: float
    cpu_peak: float
    cpu_peak_together: float
    cpu_mean_together: float
    memory_peak: float
    start_cpu_peak: float | None
    starts: int
    busiest: str
    step_minutes: float
    requests_peak: float | None = None
    partial: float = 0.0
    """The share of the time in which not all instances were measured: what they used together may be more."""


def lacking(points: Points, hosts: Iterable[str] = ()) -> str:
    """What is missing before a size can be named; empty when there is enough of every instance."""
    needed = f"at least {POINTS_NEEDED} points and {DAYS_NEEDED:.0f} days an instance are needed"
    if points.untrue > UNTRUE_BORNE * points.given:
        return f"{points.untrue} of {points.given} points are {UNTRUE}: find out why, no size is named"
    seen = [(count, days, name) for name, count, days in _covered(points)]
    if not seen:
        return f"no point of use, {needed}: no size is named"
    if points.silent:
        return f"CPU or memory of {', '.join(points.silent)} is 0 at every point: is the metric right? No size is named"
    missing = sorted({*hosts} - {name for _, _, name in seen})
    if missing:
        return f"no point of use of {', '.join(missing)}: no size is named"
    short = [one for one in seen if one[0] < POINTS_NEEDED or one[1] < DAYS_NEEDED - 1e-6]
    if not short:
        return ""
    count, days, name = min(short)
    more = f" (and {len(short) - 1} more like it)" if len(short) > 1 else ""
    return f"{name}{more} has {count} points over {days:.1f} days, {needed}: no size is named"


def _covered(points: Points) -> Iterable[tuple[str, int, float]]:
    """Name, running points and days of each instance; a gap of more than a day does not count, an hour is forgiven."""
    for number, name in enumerate(points.names):
        part = points.of(number)
        steps = np.diff(points.at[part])
        yield name, int((~points.starting[part]).sum()), float(steps[steps <= DAY].sum() + HOUR) / DAY


def use_of(points: Points) -> tuple[Use, Numbers]:
    """The figures, and the cores of every running point."""
    running = ~points.starting
    instance, at, cpu = points.instance[running], points.at[running], points.cpu[running]
    steps = np.diff(at)[np.diff(instance) == 0]
    step = float(np.median(steps)) if len(steps) else float(BIN)
    p95 = {name: _quantile(cpu[_part(instance, number)], 0.95) for number, name in enumerate(points.names)}
    together = _together(instance, at, cpu, step)
    measured = _together(points.instance, points.at, np.ones(len(points.at)), step)
    requests = points.requests[running] if points.requests is not None else None
    starts = points.cpu[points.starting]
    busiest = max(p95, key=lambda name: p95[name])
    use = Use(
        points=len(cpu),
        days=float(at.max() - at.min()) / DAY,
        instances=len(points.names),
        cpu_mean=float(cpu.mean()),
        cpu_p95=p95[busiest],
        cpu_peak=float(cpu.max()),
        cpu_peak_together=float(together.max()),
        cpu_mean_together=float(together.mean()),
        memory_peak=float(points.memory.max()),
        start_cpu_peak=float(starts.max()) if len(starts) else None,
        starts=len(starts),
        busiest=busiest,
        step_minutes=step / 60,
        requests_peak=_peak(instance, at, requests, step),
        partial=float((measured < len(points.names)).mean()),
    )
    return use, cpu


def _peak(instance: NDArray[np.int64], at: NDArray[np.int64], requests: Numbers | None, step: float) -> float | None:
    """Requests a second of all at their busiest; None when they were not measured."""
    if requests is None:
        return None
    known = np.isfinite(requests) & (requests >= 0)
    if not known.any():
        return None
    return float(_together(instance[known], at[known], requests[known], step).max())


def _together(instance: NDArray[np.int64], at: NDArray[np.int64], values: Numbers, step: float) -> Numbers:
    """The sum over all instances in each interval as long as a step; the greatest of an instance's points in it."""
    width = max(BIN, int(step))
    moment = at // width
    moment -= moment.min()
    order = np.lexsort((values, instance, moment))
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (np.diff(moment[order]) != 0) | (np.diff(instance[order]) != 0)
    kept = order[last]
    places = np.unique(moment[kept], return_inverse=True)[1]
    return np.asarray(np.bincount(places, weights=values[kept]), dtype=np.float64)


def _part(instance: NDArray[np.int64], number: int) -> slice:
    low, high = np.searchsorted(instance, (number, number + 1))
    return slice(int(low), int(high))


def _quantile(values: Numbers, part: float) -> float:
    """Between the two nearest, as pandas does it."""
    place = part * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    ordered = np.partition(values, (low, high))
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))
