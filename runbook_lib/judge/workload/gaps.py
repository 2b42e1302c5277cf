"""The longest time between two runs of a schedule, as cron's library of Kubernetes and Velero reads it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from runbook_lib.judge.workload.schedule import FIELDS, SHORT, every_day, numbers, wrong_schedule

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
LENGTH = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,9})?)(ns|us|µs|ms|s|m|h)")
ZONE = re.compile(r"(CRON_)?TZ=\S+\s+")
# Eight years, so that a 29th of February comes twice.
FIRST, DAYS = date(2023, 1, 1), 3000


def length(text: str) -> timedelta | None:
    """A length of time as Go writes it, 1h30m or 720h0m0s; None when it is none."""
    parts = LENGTH.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    return timedelta(seconds=seconds) if seconds < timedelta.max.total_seconds() else None


@lru_cache(maxsize=1 << 10)
def longest_gap(text: str) -> timedelta | None:
    """None for a schedule that cannot be read, or that never comes."""
    plain = ZONE.sub("", text.strip(), count=1)
    if wrong_schedule(plain):
        return None
    if plain.startswith("@every "):
        every = length(plain.partition(" ")[2])
        return None if every is None else max(every, timedelta(seconds=1))
    columns = SHORT.get(plain, plain).split()
    named = [numbers(column, *field[1:]) for column, field in zip(columns, FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = named
    times = sorted(60 * hour + minute for hour in hours for minute in minutes)
    either = not (every_day(columns[2]) or every_day(columns[4]))
    runs = [n for n in range(DAYS) if _runs(FIRST + timedelta(n), days, months, weekdays, either)]
    if len(runs) < 2 or not times:
        return None
    within = [later - earlier for earlier, later in pairwise(times)]
    between = max(later - earlier for earlier, later in pairwise(runs)) * 1440 - times[-1] + times[0]
    return timedelta(minutes=max([between, *within]))


def _runs(day: date, days: set[int], months: set[int], weekdays: set[int], either: bool) -> bool:
    """Where day of the month and of the week are both named, either will do."""
    of_month, of_week = day.day in days, day.isoweekday() % 7 in weekdays
    return day.month in months and (of_month or of_week if either else of_month and of_week)
