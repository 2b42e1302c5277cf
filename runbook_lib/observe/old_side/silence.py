"""Who used the old side since all users left: its counters over the whole time, from Prometheus and from records."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runbook_lib.judge.silence import Course, Period, Point, Span, stretches
from runbook_lib.observe.history import Attempt
from runbook_lib.observe.metrics import query, series_over
from runbook_lib.observe.old_side.legacy import machine
from runbook_lib.parameters import Parameters
from runbook_lib.sections import LegacyInstance, Metrics
from runbook_lib.sections.traffic import Dns

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

POINTS = 1500  # Prometheus gives up to 11 000
FINE_POINTS = 5000
EVIDENCE = "period"
FOLLOWED = 10  # times a record's TTL, until nobody follows it any more

Found = dict[str, dict[datetime, float]]


def period_of(p: Parameters, attempts: Iterable[Attempt], since: datetime, at: datetime) -> Period:
    """From when all users had left, without drills and what the parameters explain, each with time to drain."""
    drain = max(p.traffic.settle, 2 * p.metrics.scrape, p.retention.drained or timedelta(0))
    if isinstance(p.traffic.knob, Dns):
        drain = max(drain, FOLLOWED * p.traffic.knob.ttl)
    drills = [
        Span(datetime.fromisoformat(a.facts["started"]), datetime.fromisoformat(a.facts["ended"]) + drain, "drills")
        for a in attempts
        if a.step[0] == "rollback" and a.step[2] == "drill" and not a.facts.get("dry_run")
    ]
    explained = [Span(one.since, one.until, f"explained: {one.reason}") for one in p.retention.explained]
    begin = min(since + drain, at)
    inside = [span for span in (*drills, *explained) if span.until > begin and span.since < at]
    return Period(begin, at, tuple(inside), p.retention.unseen)


def requests_asked(metrics: Metrics, without: str) -> str:
    """The question for the request counter of each instance, ``without`` what is no user's."""
    matchers = ",".join(part for part in (metrics.selectors.legacy, without) if part)
    return f"sum by (instance) ({metrics.requests}{{{matchers}}})"


def requests_over(
    prometheus: PrometheusConnect,
    text: str,
    scrape: timedelta,
    instances: Sequence[LegacyInstance],
    period: Period,
    recorded: Mapping[str, Sequence[Point]],
) -> list[Course]:
    """The request counter of each instance over the period, finely where it began anew.

    ``recorded`` are points that earlier attempts kept, for what Prometheus has forgotten. Raises Unreachable.
    """
    found: Found = {i.name: {p.at: p.value for p in recorded.get(i.name, ())} for i in instances}
    _merge(found, _over(prometheus, text, instances, period.since, period.until, step_of(period, scrape)))
    for moment in {period.since, period.until, *(t for s in period.left_out for t in (s.since, s.until))}:
        if period.since <= moment <= period.until:
            _merge(found, _at(prometheus, text, instances, moment))
    for since, until in _anew(found):
        fine = max(scrape, (until - since) / FINE_POINTS)
        _merge(found, _over(prometheus, text, instances, since, until, fine))
    return [_course(name, points) for name, points in found.items()]


def connections_over(
    prometheus: PrometheusConnect, metrics: Metrics, instances: Sequence[LegacyInstance], text: str, period: Period
) -> list[Course]:
    """The most connections open at once in each step of what is judged of the period, by instance. Raises Unreachable.

    A point is the maximum of the step before it, or of what is left of that to where its stretch begins.
    """
    step = step_of(period, metrics.scrape)
    found: Found = {i.name: {} for i in instances}
    whole = f"sum by (instance) ({text})"
    for since, until in stretches(period):
        # the client asks a range at whole seconds only: what is left over at either end is asked for itself
        last = max(until.replace(microsecond=0), since)
        first = last - (last - since) // step * step
        inner = _maximum(whole, step, metrics.scrape)
        _merge(found, _over(prometheus, inner, instances, first + step, last, step))
        for moment, length in ((first, first - since), (until, until - last)):
            if length:
                asked = _maximum(whole, length, metrics.scrape)
                _merge(found, _at(prometheus, asked, instances, moment))
    return [_course(name, points) for name, points in found.items()]


def _maximum(text: str, span: timedelta, scrape: timedelta) -> str:
    """The largest value within a span; looked at as often as it is scraped, and once in what is shorter."""
    length = max(1, round(span / timedelta(milliseconds=1)))
    return f"max_over_time(({text})[{length}ms:{min(length, round(scrape / timedelta(milliseconds=1)))}ms])"


def step_of(period: Period, scrape: timedelta) -> timedelta:
    """How finely a period is looked at, in whole seconds."""
    wanted = max(2 * scrape, (period.until - period.since) / POINTS)
    return timedelta(seconds=max(1, round(wanted.total_seconds())))


def kept_points(attempts: Iterable[Attempt], text: str) -> dict[str, list[Point]]:
    """The points that earlier attempts at the decommission kept of this question, by instance.

    What was counted under another one is not of the same counter; a file that is spoilt gives none.
    """
    found: dict[str, list[Point]] = {}
    for attempt in attempts:
        path = attempt.folder / "evidence" / f"{EVIDENCE}.json"
        if attempt.step[0] != "decommission" or not path.is_file():
            continue
        try:
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            courses = kept["requests"] if kept["queries"][0] == text else []
            points = {c["instance"]: [_point(p) for p in c["points"]] for c in courses}
        except (ValueError, KeyError, TypeError, IndexError):
            continue
        for name, more in points.items():
            found.setdefault(name, []).extend(more)
    return found


def samples(attempts: Iterable[Attempt]) -> list[tuple[datetime, float]]:
    """At which moments earlier attempts counted connections, and how many there were in all."""
    found = []
    for attempt in attempts:
        path = attempt.folder / "evidence" / "silence.json"
        over = attempt.facts.get("ended")  # the one that asks is no earlier one
        if attempt.step[0] == "decommission" and over and path.is_file():
            counted = json.loads(path.read_text(encoding="utf-8")).get("connections") or []
            values = [float(one["value"]) for one in counted if one.get("value") is not None]
            if values and len(values) == len(counted):
                found.append((datetime.fromisoformat(counted[0]["at"]), sum(values)))
    return found


def _over(
    prometheus: PrometheusConnect,
    text: str,
    instances: Sequence[LegacyInstance],
    since: datetime,
    until: datetime,
    step: timedelta,
) -> Found:
    if until < since:
        return {}
    series = series_over(prometheus, text, since, until, step)
    return _by_machine(((s.labels, s.values) for s in series), instances)


def _at(prometheus: PrometheusConnect, text: str, instances: Sequence[LegacyInstance], moment: datetime) -> Found:
    found = query(prometheus, text, moment)
    return _by_machine(((labels, {moment: value}) for labels, value in found), instances)


def _by_machine(
    series: Iterable[tuple[Mapping[str, str], Mapping[datetime, float]]], instances: Sequence[LegacyInstance]
) -> Found:
    """The values of each machine; where it stands in several series they are added up."""
    found: Found = {}
    for labels, values in series:
        if name := machine(labels.get("instance", ""), instances):
            points = found.setdefault(name, {})
            points.update({at: points.get(at, 0.0) + value for at, value in values.items()})
    return found


def _merge(into: Found, more: Found) -> None:
    for name, points in more.items():
        into.setdefault(name, {}).update(points)


def _anew(found: Found) -> list[tuple[datetime, datetime]]:
    """The steps in which a counter began anew."""
    courses = (sorted(points.items()) for points in found.values())
    pairs = (pair for course in courses for pair in itertools.pairwise(course))
    return [(before, after) for (before, high), (after, low) in pairs if low < high]


def _course(name: str, points: Mapping[datetime, float]) -> Course:
    return Course(name, tuple(Point(at, value) for at, value in sorted(points.items())))


def _point(value: Mapping[str, Any]) -> Point:
    return Point(datetime.fromisoformat(value["at"]), float(value["value"]))
