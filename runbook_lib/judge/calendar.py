"""When users may be moved: not in peak hours, not in a freeze; and how long a stage lasts that must cover a weekend."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from runbook_lib.model import Outcome, Verdict

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WINDOW = r"(?:(?P<days>[A-Za-z,-]+) )?(?P<begin>\d\d:\d\d)-(?P<end>\d\d:\d\d)"
_SATURDAY = 5
_HORIZON = 370  # days; who freezes for longer than a year has no next opening to be told


@dataclass(frozen=True)
class Window:
    """Hours of the week, in local time: on these ``days`` (0 is Monday) from ``begin`` to ``end``.

    One that ends before it begins runs over midnight; one that ends at 00:00 (or 24:00) runs to the end of the day.
    """

    text: str
    days: frozenset[int]
    begin: time
    end: time

    def ends(self, at: datetime) -> datetime | None:
        """When the window that covers this local time is over; None when none does."""
        for day in (at.date(), at.date() - timedelta(days=1)):
            if day.weekday() not in self.days:
                continue
            begin, end = (datetime.combine(day, t, at.tzinfo) for t in (self.begin, self.end))
            end += timedelta(days=1) if end <= begin else timedelta()
            if begin <= at < end:
                return end
        return None


@dataclass(frozen=True)
class Freeze:
    """A stretch of time in which nothing is moved, and why."""

    since: datetime
    until: datetime
    reason: str


def read_window(text: str) -> Window:
    """``09:30-11:30``, ``Mon-Fri 09:30-11:30`` or ``Sat,Sun 00:00-24:00``; ValueError says what is wrong."""
    found = re.fullmatch(_WINDOW, text.strip())
    if not found:
        raise ValueError(
            f"{text!r} is no window; write it like 09:30-11:30, Mon-Fri 09:30-11:30 or Sat,Sun 00:00-24:00"
        )
    begin, end = _time(found["begin"], text), _time(found["end"], text)
    if found["begin"] == found["end"]:
        raise ValueError(f"{text!r} is empty; a whole day is 00:00-24:00")
    return Window(text, _days(found["days"], text), begin, end)


def judge_calendar(at: datetime, zone: tzinfo, peaks: Iterable[Window], freezes: Iterable[Freeze]) -> Verdict:
    """PASS when users may be moved at ``at``; else INCONCLUSIVE, with the reason and when they may be moved again."""
    peaks, freezes = tuple(peaks), tuple(freezes)
    reason, _ = _closed(at.astimezone(zone), peaks, freezes)
    if not reason:
        return Verdict("calendar", Outcome.PASS, "no peak hours and no freeze now")
    opens = next_open(at, zone, peaks, freezes)
    said = f"{reason}; users may be moved again from {opens:%a %Y-%m-%d %H:%M %Z}" if opens else reason
    wait = {"seconds_to_wait": _between(at, opens).total_seconds()} if opens else {}
    return Verdict("calendar", Outcome.INCONCLUSIVE, said, wait)


def next_open(at: datetime, zone: tzinfo, peaks: Iterable[Window], freezes: Iterable[Freeze]) -> datetime | None:
    """The first local time from ``at`` on at which users may be moved; None when there is none within a year."""
    moment, peaks, freezes = at.astimezone(zone), tuple(peaks), tuple(freezes)
    horizon = moment + timedelta(days=_HORIZON)
    while moment < horizon:
        reason, end = _closed(moment, peaks, freezes)
        if not reason:
            return moment
        moment = end
    return None


def needed(begun: datetime, observe: timedelta, weekend: bool, zone: tzinfo) -> timedelta:
    """How long a stage is watched at the least: ``observe``, and where asked until a whole weekend is over."""
    if not weekend:
        return observe
    local = begun.astimezone(zone)
    midnight = datetime.combine(local.date(), time(), zone)
    ahead = (_SATURDAY - local.weekday()) % 7
    if ahead == 0 and local > midnight:
        ahead = 7  # this Saturday has begun already
    # days are added to the date, not to the moment: one of them may have 23 or 25 hours
    monday = datetime.combine(local.date() + timedelta(days=ahead + 2), time(), zone)
    return max(observe, _between(begun, monday))


def _between(begin: datetime, end: datetime) -> timedelta:
    """The time that passes; two local times are subtracted by Python as if no clock were ever changed."""
    return end.astimezone(UTC) - begin.astimezone(UTC)


def _closed(at: datetime, peaks: Iterable[Window], freezes: Iterable[Freeze]) -> tuple[str, datetime]:
    """Why nobody may be moved at this local time, and when that reason ends; empty when nothing speaks against it."""
    for freeze in freezes:
        if freeze.since <= at < freeze.until:
            return f"freeze: {freeze.reason}", freeze.until.astimezone(at.tzinfo)
    for peak in peaks:
        if (end := peak.ends(at)) is not None:
            return f"peak hours {peak.text}", end
    return "", at


def _time(text: str, window: str) -> time:
    hour, minute = (int(part) for part in text.split(":"))
    if (hour, minute) == (24, 0):
        return time()
    if hour > 23 or minute > 59:
        raise ValueError(f"{window!r}: {text} is no time of the day")
    return time(hour, minute)


def _days(text: str | None, window: str) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"{window!r}: {part!r} is no day; days are {', '.join(DAYS)}")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    return frozenset(found)
