"""A schedule as the CronJob controller reads it, which is not all that a crontab understands."""

from __future__ import annotations

import re

FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
EVERY = re.compile(r"@every (\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+")
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
PART = re.compile(r"(?P<first>\*|\?|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?")
ZONE = re.compile(r"[A-Za-z._0-9+][A-Za-z._0-9+-]{0,13}(/[A-Za-z._0-9+][A-Za-z._0-9+-]{0,13})*")
# Short forms that stand in no time zone database, though people and /etc/sysconfig use them.
NO_ZONES = ("LOCAL", "CST", "PST", "IST", "BST", "JST", "EDT", "CDT", "MDT", "PDT", "CEST", "AEST", "SGT", "HKT")


def wrong_schedule(text: str) -> str:
    """Why the API server refuses a schedule; empty when it takes it."""
    if "TZ" in text:
        return "the time zone belongs into spec.timeZone"
    if text.startswith("@"):
        known = text in SHORT or EVERY.fullmatch(text)
        return "" if known else f"{text} is known to crontab alone" if text == "@reboot" else f"{text} is not known"
    columns = text.split()
    if len(columns) == len(FIELDS) + 1:
        return "six columns: neither seconds nor the user of /etc/crontab have a place here"
    if len(columns) != len(FIELDS):
        return f"{len(columns)} columns in place of five"
    for column, field in zip(columns, FIELDS, strict=True):
        for part in filter(None, column.split(",")):
            wrong = _wrong_part(part, *field)
            if wrong:
                return wrong
    return ""


def _wrong_part(part: str, title: str, least: int, most: int, names: tuple[str, ...]) -> str:
    found = PART.fullmatch(part)
    if not found:
        return f"{title} {part!r} cannot be read"
    if found["step"] is not None and int(found["step"][:9]) == 0:
        return f"{title} {part}: a step of 0"
    if found["first"] in ("*", "?"):
        return ""
    first = number_in(found["first"], least, names)
    last = first if found["last"] is None else number_in(found["last"], least, names)
    if first is None or last is None:
        return f"{title} {part!r} cannot be read"
    if title == "day of the week" and 7 in (first, last):
        return "day of the week 7: Sunday is 0 here, 7 is crontab's alone"
    if first < least or last > most:
        return f"{title} {part} is not between {least} and {most}"
    return f"{title} {part} ends before it begins" if last < first else ""


def never_comes(text: str) -> bool:
    """Whether no month of a readable schedule has its days; days of the week beside them are enough of themselves."""
    columns = text.split()
    if len(columns) != len(FIELDS) or not every_day(columns[4]):
        return False
    days, months = (numbers(columns[position], *FIELDS[position][1:]) for position in (2, 3))
    return not any(day <= LONGEST[month - 1] for month in months for day in days)


def every_day(column: str) -> bool:
    """Whether it leaves the choice to the other column of days; a step makes it a choice of its own."""
    found = (PART.fullmatch(part) for part in column.split(","))
    return any(part and part["first"] in ("*", "?") and int((part["step"] or "1")[:9]) == 1 for part in found)


def numbers(column: str, least: int, most: int, names: tuple[str, ...]) -> set[int]:
    """All that a column names, in a schedule that can be read."""
    found: set[int] = set()
    for part in filter(None, map(PART.fullmatch, column.split(","))):
        begin = least if part["first"] in ("*", "?") else number_in(part["first"], least, names) or least
        open_end = part["first"] in ("*", "?") or (part["last"] is None and part["step"] is not None)
        last = most if open_end else number_in(part["last"] or part["first"], least, names) or least
        found |= set(range(begin, last + 1, int((part["step"] or "1")[:9])))
    return found


def number_in(text: str, least: int, names: tuple[str, ...]) -> int | None:
    """A name or a number of a column; None when it is neither."""
    if text.lower() in names:
        return names.index(text.lower()) + least
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def wrong_zone(text: str) -> str:
    """Why a time zone is refused, as far as its form tells; empty when nothing is wrong with it."""
    if text.upper() in NO_ZONES:
        return f"{text} is in no time zone database, Area/City is: Asia/Shanghai"
    return "" if ZONE.fullmatch(text) and ".." not in text.split("/") else f"{text!r} is no name of a time zone"
