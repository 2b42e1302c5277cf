"""What each instance of the old side did, stretch by stretch: the counts with which it is held against itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from runbook_lib.judge.calibration import Served
from runbook_lib.observe.metrics import Series, series_over
from runbook_lib.sections import Metrics

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

_POINTS = 2000  # of an answer; below what Prometheus refuses


def served(
    prometheus: PrometheusConnect, metrics: Metrics, since: datetime, until: datetime
) -> dict[str, tuple[Served, ...]]:
    """By instance, what it did from scrape to scrape, or in stretches so long that 2000 of them cover the time.

    Stretches in which one of the instances has no sample are left out for all. Raises Unreachable.
    """
    step = max(metrics.scrape, (until - since) / _POINTS)
    text = f"sum by (instance, {metrics.status_label}) ({metrics.requests}{{{metrics.selectors.legacy}}})"
    found = series_over(prometheus, text, since, until, step)
    by_instance: dict[str, list[Series]] = {}
    for one in found:
        by_instance.setdefault(one.labels.get("instance", ""), []).append(one)
    moments = [{at for one in own for at in one.values} for own in by_instance.values()]
    common = sorted(set.intersection(*moments)) if moments else []
    stretches = [(a, b) for a, b in pairwise(common) if b - a <= 1.5 * step]
    return {name: tuple(_served(own, metrics, stretches)) for name, own in by_instance.items()}


def _served(own: Sequence[Series], metrics: Metrics, stretches: Sequence[tuple[datetime, datetime]]) -> list[Served]:
    bad = re.compile(metrics.error_status)
    failed = [one for one in own if bad.fullmatch(one.labels.get(metrics.status_label, ""))]
    return [
        Served((b - a) / timedelta(seconds=1), sum(_grown(o, a, b) for o in own), sum(_grown(o, a, b) for o in failed))
        for a, b in stretches
    ]


def _grown(series: Series, begin: datetime, end: datetime) -> float:
    """What a counter grew by; one that fell was reset, and one that was not there before began at zero."""
    before, after = series.values.get(begin, 0.0), series.values.get(end, 0.0)
    return after - before if after >= before else after
