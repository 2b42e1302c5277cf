"""Counts of both sides from Prometheus, over disjoint intervals, with counter resets and vanished Pods handled.

One query returns the requests of both sides, one the fast ones: the number of queries does not grow with the replicas.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import requests

from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.judge.rates import Interval
from runbook_lib.model import SIDES, Measurement, Side, now
from runbook_lib.sections import Metrics, Selectors

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Reading:
    """The counters as they stood at one moment, by kind (requests, fast), side and series."""

    at: datetime
    counters: dict[tuple[str, Side], dict[Labels, float]]
    queries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delta:
    """What happened between two readings: an Interval of failed and one of slow requests."""

    at: datetime
    errors: Interval
    slow: Interval
    notes: tuple[str, ...] = field(default=())


def query(prometheus: PrometheusConnect, text: str, at: datetime | None = None) -> list[tuple[dict[str, str], float]]:
    """An instant query's series and values, without NaN; Unreachable when Prometheus does not answer or refuses."""
    from prometheus_api_client.exceptions import PrometheusApiClientException

    params = {"time": str(at.timestamp())} if at else None
    try:
        result: list[dict[str, Any]] = prometheus.custom_query(text, params=params)
    except requests.RequestException as error:
        cause = "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
        raise Unreachable(f"Prometheus at {prometheus.url} does not answer ({cause}); nothing is known") from None
    except PrometheusApiClientException as error:
        raise Unreachable(f"Prometheus at {prometheus.url} refused {text!r}: {' '.join(str(error).split())}") from None
    values = [(dict(series["metric"]), float(series["value"][1])) for series in result]
    return [(labels, value) for labels, value in values if math.isfinite(value)]


def measure(
    prometheus: PrometheusConnect, name: str, unit: str, texts: Selectors, at: datetime | None = None
) -> list[Measurement]:
    """One number for each side from a whole expression; None where it gives nothing or more than one series."""
    found = []
    for side in SIDES:
        text = getattr(texts, side)
        series = query(prometheus, text, at)
        value = series[0][1] if len(series) == 1 else None
        found.append(Measurement(name, value, unit, side, at or now(), text))
    return found


def boundary(prometheus: PrometheusConnect, metrics: Metrics, slow: float) -> float:
    """The smallest bucket boundary at or above ``slow`` seconds; BadParameters when there is none."""
    text = f"group by (le) ({_both(metrics.duration + '_bucket', metrics, ('le',))})"
    bounds = sorted(float(labels["le"]) for labels, _ in query(prometheus, text) if labels["le"] != "+Inf")
    for bound in bounds:
        if bound >= slow:
            return bound
    raise BadParameters(
        f"thresholds.latency: no bucket of {metrics.duration} ends at or above {slow:g} s; there are {bounds or 'none'}"
    )


def read(prometheus: PrometheusConnect, metrics: Metrics, bound: float) -> Reading:
    """All counters of both sides as they stand now."""
    status, le = metrics.status_label, f'le=~"{bound:g}|{bound}"'
    texts = {
        "requests": _both(metrics.requests, metrics, (status,)),
        "fast": _both(metrics.duration + "_bucket", metrics, (), le),
        "timed": _both(metrics.duration + "_count", metrics, ()),
    }
    at = now()
    counters: dict[tuple[str, Side], dict[Labels, float]] = {(k, s): {} for k in texts for s in SIDES}
    for kind, text in texts.items():
        for labels, value in query(prometheus, text, at):
            side: Side = "kubernetes" if labels.pop("runbook_side") == "kubernetes" else "legacy"
            counters[kind, side][tuple(sorted(labels.items()))] = value
    return Reading(at, counters, tuple(texts.values()))


def delta(before: Reading, after: Reading, metrics: Metrics) -> Delta:
    """The requests between two readings; a counter that fell was reset and counts from zero."""
    grown: dict[tuple[str, Side], dict[Labels, float]] = {}
    notes = []
    for key, series in after.counters.items():
        earlier = before.counters[key]
        grown[key] = {}
        for labels, value in series.items():
            start = earlier.get(labels, 0.0)
            if value < start:
                notes.append(f"{key[1]} {dict(labels).get('instance', '')}: counter was reset")
                start = 0.0
            grown[key][labels] = value - start
        notes += [f"{key[1]} {dict(labels).get('instance', '')}: gone" for labels in earlier.keys() - series.keys()]
    seconds = (after.at - before.at).total_seconds()
    return Delta(after.at, _errors(grown, metrics, seconds), _slow(grown, seconds), tuple(sorted(set(notes))))


def _errors(grown: dict[tuple[str, Side], dict[Labels, float]], metrics: Metrics, seconds: float) -> Interval:

    bad = re.compile(metrics.error_status)
    counts = []
    for side in SIDES:
        series = grown["requests", side]
        failed = sum(v for labels, v in series.items() if bad.fullmatch(dict(labels).get(metrics.status_label, "")))
        counts += [sum(series.values()), failed]
    return Interval(seconds, *counts)


def _slow(grown: dict[tuple[str, Side], dict[Labels, float]], seconds: float) -> Interval:
    counts = []
    for side in SIDES:
        timed, fast = sum(grown["timed", side].values()), sum(grown["fast", side].values())
        counts += [timed, min(timed, max(0.0, timed - fast))]
    return Interval(seconds, *counts)


def _both(metric: str, metrics: Metrics, by: Sequence[str], more: str = "") -> str:
    """One expression for both sides, told apart by the label runbook_side."""
    labels = ", ".join(("instance", "pod", *by))
    parts = []
    for side in SIDES:
        matchers = ",".join(filter(None, (getattr(metrics.selectors, side), more)))
        inner = f"sum by ({labels}) ({metric}{{{matchers}}})"
        parts.append(f'label_replace({inner}, "runbook_side", "{side}", "", "")')
    return " or ".join(parts)


def quantiles(metrics: Metrics, quantile: float, window: str) -> Selectors:
    """Expressions of a latency quantile, per side; shown, never judged."""
    texts = {
        side: f"histogram_quantile({quantile:g}, sum by (le) "
        f"(rate({metrics.duration}_bucket{{{getattr(metrics.selectors, side)}}}[{window}])))"
        for side in SIDES
    }
    return Selectors(**texts)


def firing_alerts(prometheus: PrometheusConnect, metrics: Metrics) -> list[str]:
    """Names of the alerts that fire now."""
    return sorted({labels.get("alertname", "?") for labels, _ in query(prometheus, metrics.alerts)})
