"""Was nobody on the old side, over the whole time since all users left: counters and gauges as courses over time.

A counter is held against itself: where it stands as high after a gap as before, nothing came in between, whoever
looked away. Where it began anew in a gap, or nothing is known before its first sample, nobody can say; that is a gap
with a beginning and an end, and never a zero.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.judge.retention import words
from runbook_lib.model import Outcome, Verdict

NOTHING = timedelta(0)
SHOWN = 3


@dataclass(frozen=True)
class Point:
    """A value as it stood at a moment."""

    at: datetime
    value: float


@dataclass(frozen=True)
class Course:
    """What one machine's counter or gauge was, in order of time."""

    instance: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Span:
    """A stretch of time, and why it is left out."""

    since: datetime
    until: datetime
    why: str

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since


@dataclass(frozen=True)
class Stretch:
    """What one machine did in a stretch; ``amount`` is None where nobody knows."""

    instance: str
    since: datetime
    until: datetime
    amount: float | None

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    @property
    def told(self) -> str:
        """Who, how much, when."""
        amount = "" if self.amount is None else f" {self.amount:.0f}"
        return f"{self.instance}{amount} between {self.since:%d %b %H:%M:%S} and {self.until:%d %b %H:%M:%S}"


@dataclass(frozen=True)
class Period:
    """The time that is judged: from when to when, what is left out of it, and how much may be unknown in all."""

    since: datetime
    until: datetime
    left_out: tuple[Span, ...] = ()
    unseen: timedelta = NOTHING


def counted(course: Course, period: Period) -> list[Stretch]:
    """The stretches in which a counter rose, or in which nobody knows whether it did."""
    inside = [p for p in course.points if period.since <= p.at <= period.until]
    if not inside:
        return _unknown(course.instance, period.since, period.until, period)
    found = _unknown(course.instance, period.since, inside[0].at, period)
    for before, after in itertools.pairwise(inside):
        risen = after.value - before.value
        if risen < 0:  # it began anew: what came just before that is lost
            found += _unknown(course.instance, before.at, after.at, period)
        amount = after.value if risen < 0 else risen
        if amount > 0:
            found += _busy(course.instance, before.at, after.at, amount, period)
    return found + _unknown(course.instance, inside[-1].at, period.until, period)


def gauged(course: Course, period: Period, step: timedelta, always: float) -> list[Stretch]:
    """The stretches in which a gauge was above ``always``, or unknown.

    A point is the maximum of the step before it, as far as that is of the same stretch of the period.
    """
    found: list[Stretch] = []
    for since, until in stretches(period):
        reached = since
        for point in (p for p in course.points if since < p.at <= until):
            begin = max(point.at - step, reached)
            if begin > reached:
                found.append(Stretch(course.instance, reached, begin, None))
            if point.value > always:
                found.append(Stretch(course.instance, begin, point.at, point.value - always))
            reached = point.at
        if reached < until:
            found.append(Stretch(course.instance, reached, until, None))
    return found


def silent(name: str, what: str, found: Sequence[Stretch], period: Period, instances: int) -> Verdict:
    """Zero over the whole period; unknown stretches longer than allowed in all are no silence."""
    busy = [s for s in found if s.amount is not None]
    gaps = sorted((s for s in found if s.amount is None), key=lambda s: s.length, reverse=True)
    unknown = _together(gaps)
    total = sum(s.amount or 0.0 for s in busy)
    numbers = {what: total, "unknown_seconds": unknown.total_seconds(), "instances": float(instances)}
    length = words(period.until - period.since)
    named = f"; not seen: {words(unknown)} ({_listed(gaps)})" if gaps else ""
    left_out = f"; left out: {_reasons(period)}" if period.left_out else ""
    if period.until <= period.since:
        return Verdict(name, Outcome.INCONCLUSIVE, f"{what}: no time has passed since all users had left", numbers)
    if total >= 0.5:
        return Verdict(name, Outcome.FAIL, f"{total:.0f} {what} in {length} > 0: {_listed(busy)}{left_out}", numbers)
    if not instances:
        return Verdict(name, Outcome.INCONCLUSIVE, f"{what} in {length} are not known: no machine to ask", numbers)
    may_be = min(period.unseen, (period.until - period.since) / 2)  # a short period is not passed by not looking at it
    if unknown > may_be:
        allowed = f" > {words(may_be)} that may be unknown" if may_be else ""
        said = f"{what} in {length}: 0 where somebody counted{named}{allowed}{left_out}"
        return Verdict(name, Outcome.INCONCLUSIVE, said, numbers)
    return Verdict(name, Outcome.PASS, f"0 {what} in {length} on {instances} machines{named}{left_out}", numbers)


def stretches(period: Period) -> list[tuple[datetime, datetime]]:
    """What remains of the period without what is left out, in order of time."""
    return list(_pieces(period.since, period.until, period.left_out))


def _pieces(since: datetime, until: datetime, left_out: Sequence[Span]) -> Iterator[tuple[datetime, datetime]]:
    at = since
    for span in sorted(left_out, key=lambda s: s.since):
        if span.since > at and at < until:
            yield at, min(span.since, until)
        at = max(at, span.until)
    if at < until:
        yield at, until


def _unknown(instance: str, since: datetime, until: datetime, period: Period) -> list[Stretch]:
    return [Stretch(instance, begin, end, None) for begin, end in _pieces(since, until, period.left_out)]


def _busy(instance: str, since: datetime, until: datetime, amount: float, period: Period) -> list[Stretch]:
    """Nothing where all of it is left out; where a part is, the requests may be that part's, and nobody can say."""
    rest = list(_pieces(since, until, period.left_out))
    if not rest:
        return []
    if rest == [(since, until)]:
        return [Stretch(instance, since, until, amount)]
    return [Stretch(instance, begin, end, None) for begin, end in rest]


def _together(gaps: Sequence[Stretch]) -> timedelta:
    """How long at least one machine was not seen."""
    total, reached = NOTHING, None
    for gap in sorted(gaps, key=lambda s: s.since):
        begin = gap.since if reached is None else max(gap.since, reached)
        total += max(gap.until - begin, NOTHING)
        reached = gap.until if reached is None else max(reached, gap.until)
    return total


def _listed(found: Sequence[Stretch]) -> str:
    shown = "; ".join(s.told for s in found[:SHOWN])
    return shown + (f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def _reasons(period: Period) -> str:
    """What is left out, by its reason: how often, how long together."""
    inside = [s for s in period.left_out if s.until > period.since and s.since < period.until]
    reasons = {s.why: [t for t in inside if t.why == s.why] for s in inside}
    told = (
        f"{why} ({len(found)} times, {words(sum((s.length for s in found), NOTHING))})"
        for why, found in reasons.items()
    )
    return "; ".join(told) or "nothing within it"
