"""When waves begin and end: at a steady pace, and never on a day on which nothing is moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from runbook_lib.errors import BadParameters
from runbook_lib.judge.waves.candidate import WaveRules

DAY = timedelta(days=1)
LEAST = 3
"""A third of the usual time is the least that a wave is given; of a slot with less nothing is used."""
_SATURDAY = 5


@dataclass(frozen=True)
class Span:
    """The days of one wave, both included; ``note`` says what a blackout took."""

    begins: date
    ends: date
    note: str = ""


def spans(rules: WaveRules) -> Iterator[Span]:
    """The days of one wave after the other. BadParameters when the calendar ends before there is a free day."""
    length, slot, skipped = max(rules.every.days, 1), 0, ""
    blackouts = sorted(rules.blackouts)
    while True:
        try:
            first = rules.begin + slot * length * DAY
            whole = Span(first, first + (length - 1) * DAY)
            found = _longest(whole, blackouts)
        except OverflowError:
            raise BadParameters(f"waves: blackouts leave no free day after {rules.begin}") from None
        reasons = ", ".join(dict.fromkeys(why for since, until, why in blackouts if _touch(whole, since, until)))
        slot += 1
        if found is None or (found.ends - found.begins).days + 1 < length / LEAST:
            skipped = skipped or (f"later than planned: {reasons}" if reasons else "")
            slot = max(slot, *(((u - rules.begin).days + 1) // length for s, u, _ in blackouts if s <= first), 0)
            continue
        short = f"shorter than usual: {reasons}" if reasons and found != _working(whole) else ""
        yield Span(found.begins, found.ends, "; ".join(filter(None, (skipped, short))))
        skipped = ""


def _touch(span: Span, since: date, until: date) -> bool:
    return since <= span.ends and until >= span.begins


def _longest(slot: Span, blackouts: Sequence[tuple[date, date, str]]) -> Span | None:
    """The longest free stretch that begins on a working day; the first of several."""
    free: list[Span] = []
    day, after = slot.begins, slot.ends + DAY
    for since, until, _ in (*blackouts, (after, after, "")):
        if until < day or since > after:
            continue
        if since > day:
            free.append(Span(day, since - DAY))
        day = max(day, until + DAY)
    working = [span for span in map(_working, free) if span is not None]
    return max(working, key=lambda span: (span.ends - span.begins, -span.begins.toordinal()), default=None)


def _working(span: Span) -> Span | None:
    """The same from its first to its last working day; None for a stretch of a weekend only."""
    begins, ends = span.begins, span.ends
    while begins <= ends and begins.weekday() >= _SATURDAY:
        begins += DAY
    while begins <= ends and ends.weekday() >= _SATURDAY:
        ends -= DAY
    return Span(begins, ends) if begins <= ends else None
