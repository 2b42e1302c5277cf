"""Counts of both sides from Prometheus, over disjoint intervals, with counter resets and vanished Pods handled.

One query returns the requests of both sides, two the fast ones: the number of queries does not grow with the replicas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runbook_lib.errors import BadParameters
from runbook_lib.judge.rates import Interval
from runbook_lib.model import SIDES, Side, now
from runbook_lib.observe.metrics import query
from runbook_lib.sections import Metrics

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

Labels = tuple[tuple[str, str], ...]
_KNOWN = "1h"  # so far back a target is looked for that was not scraped at some moment


@dataclass(frozen=True)
class Reading:
    """The counters as they stood at one moment, by kind (requests, fast), side and series."""

    at: datetime
    counters: dict[tuple[str, Side], dict[Labels, float]]
    queries: tuple[str, ...] = ()
    missed: frozenset[tuple[str, Side, Labels]] = frozenset()
    """Series that this reading only remembers from an earlier one."""


@dataclass(frozen=True)
class Delta:
    """What happened between two readings: an Interval of failed and one of slow requests."""

    at: datetime
    errors: Interval
    slow: Interval
    notes: tuple[str, ...] = field(default=())


def boundary(prometheus: PrometheusConnect, metrics: Metrics, slow: float) -> float:
    """The smallest bucket boundary at or above ``slow`` seconds; BadParameters when there is none."""
    text = f"group by (le) ({_both(metrics.duration + '_bucket', metrics, ('le',))})"
    found = [labels.get("le", "+Inf") for labels, _ in query(prometheus, text)]
    bounds = sorted(float(le) for le in found if le != "+Inf")
    for bound in bounds:
        if bound >= slow:
            return bound
    raise BadParameters(
        f"thresholds.latency: no bucket of {metrics.duration} ends at or above {slow:g} s; there are {bounds or 'none'}"
    )


def read(
    prometheus: PrometheusConnect, metrics: Metrics, bound: float, at: datetime | None = None, last: str = ""
) -> Reading:
    """All counters of both sides as they stood at that moment, or now; with ``last`` as they last did in so long."""
    status, le = metrics.status_label, f'le=~"{bound:g}|{bound}"'
    texts = {
        "requests": _both(metrics.requests, metrics, (status,), last=last),
        "fast": _both(metrics.duration + "_bucket", metrics, (), le, last),
        "timed": _both(metrics.duration + "_count", metrics, (), last=last),
    }
    at = at or now()
    counters: dict[tuple[str, Side], dict[Labels, float]] = {(k, s): {} for k in texts for s in SIDES}
    for kind, text in texts.items():
        for labels, value in query(prometheus, text, at):
            side: Side = "kubernetes" if labels.pop("runbook_side", "") == "kubernetes" else "legacy"
            counters[kind, side][tuple(sorted(labels.items()))] = value
    return Reading(at, counters, tuple(texts.values()))


def scraped(prometheus: PrometheusConnect, metrics: Metrics, at: datetime) -> dict[Side, datetime]:
    """When the youngest request counter of each side was scraped: Prometheus repeats an old one for five minutes."""
    text = " or ".join(
        f"label_replace(max(timestamp({metrics.requests}{{{getattr(metrics.selectors, side)}}})),"
        f' "runbook_side", "{side}", "", "")'
        for side in SIDES
    )
    found = {labels.get("runbook_side"): value for labels, value in query(prometheus, text, at)}
    return {side: datetime.fromtimestamp(found[side], UTC) for side in SIDES if side in found}


def delta(before: Reading, after: Reading, metrics: Metrics) -> Delta:
    """The requests between two readings; a counter that fell was reset and counts from zero, like that of a new Pod.

    Old instances are not born during the passage: one that shows up late was not scraped before, and what it counted
    in its life is not of this interval.
    """
    grown: dict[tuple[str, Side], dict[Labels, float]] = {}
    notes = []
    for (kind, side), series in after.counters.items():
        earlier = before.counters[kind, side]
        known = {_instance(labels) for labels in earlier}
        grown[kind, side] = {}
        for labels, value in series.items():
            start, who = earlier.get(labels, 0.0), f"{side} {_instance(labels)}"
            if value < start:
                notes.append(f"{who}: counter was reset")
                start = 0.0
            elif side == "legacy" and _instance(labels) not in known:
                notes.append(f"{who}: seen for the first time, counted from now on")
                start = value
            grown[kind, side][labels] = value - start
        gone = {labels for labels in earlier.keys() - series.keys() if (kind, side, labels) not in before.missed}
        notes += [f"{side} {_instance(labels)}: gone" for labels in gone]
    seconds = (after.at - before.at).total_seconds()
    return Delta(after.at, _errors(grown, metrics, seconds), _slow(grown, seconds), tuple(sorted(set(notes))))


def remembering(before: Reading, after: Reading) -> Reading:
    """``after``, and the series that only ``before`` has: a target that misses a scrape must not be counted anew."""
    counters = {key: {**before.counters[key], **series} for key, series in after.counters.items()}
    missed = {
        (*key, labels) for key, series in counters.items() for labels in series.keys() - after.counters[key].keys()
    }
    return Reading(after.at, counters, after.queries, frozenset(missed))


def completed(
    prometheus: PrometheusConnect, metrics: Metrics, bound: float, before: Reading, after: Reading
) -> Reading:
    """``before``, with what Prometheus last knew until then of the series that only ``after`` has.

    A Pod that is not in it is new, and counts from zero; one that was only not scraped at that moment is not: after an
    outage of Prometheus what it counted in its life is not of this interval. It asks only where such series are.
    """
    fresh = {key: series.keys() - before.counters[key].keys() for key, series in after.counters.items()}
    if not any(fresh[kind, side] for kind, side in fresh if side == "kubernetes"):
        return before
    known = read(prometheus, metrics, bound, before.at, _KNOWN).counters
    found = {key: {labels: known[key][labels] for labels in fresh[key] & known[key].keys()} for key in fresh}
    counters = {key: {**before.counters[key], **found[key]} for key in before.counters}
    return Reading(before.at, counters, before.queries, before.missed)


def _instance(labels: Labels) -> str:
    return dict(labels).get("pod") or dict(labels).get("instance", "")


def between(prometheus: PrometheusConnect, metrics: Metrics, since: datetime, until: datetime) -> Delta:
    """What happened in [since, until), as two readings say; slow requests are not counted."""
    before, after = (read(prometheus, metrics, 0.0, at) for at in (since, until))
    return delta(completed(prometheus, metrics, 0.0, before, after), after, metrics)


def recent(prometheus: PrometheusConnect, metrics: Metrics, span: timedelta) -> Delta:
    """What happened in the last ``span``."""
    end = now()
    return between(prometheus, metrics, end - span, end)


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


def _both(metric: str, metrics: Metrics, by: Sequence[str], more: str = "", last: str = "") -> str:
    """One expression for both sides, told apart by the label runbook_side; ``last``: how old a sample may be."""
    labels = ", ".join(("instance", "pod", *by))
    parts = []
    for side in SIDES:
        matchers = ",".join(filter(None, (getattr(metrics.selectors, side), more)))
        series = f"last_over_time({metric}{{{matchers}}}[{last}])" if last else f"{metric}{{{matchers}}}"
        inner = f"sum by ({labels}) ({series})"
        parts.append(f'label_replace({inner}, "runbook_side", "{side}", "", "")')
    return " or ".join(parts)
