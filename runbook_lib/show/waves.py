"""The plan of a fleet: waves over time, rings and how they are broken, databases that are shared, who is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from unicodedata import east_asian_width

import pandas as pd
from IPython.display import HTML
from pandas.io.formats.style import Styler

from runbook_lib.judge.migration import LEVELS
from runbook_lib.judge.waves import Candidate, Plan, Wave
from runbook_lib.show.checks import quiet

COLOURS = {"pilot": "#1f6feb", "core": "#8250df", "rest": "#6e7781"}
CLOSED = "#e4e7eb"
ROWS = 36
"""More waves than these are folded: a line is several waves of one phase."""
WIDTH = 92
"""So many letters of names fit beside a bar; a Chinese one counts twice."""
TICKS = 7
SHOWN = 30
_LINE = "border-top:1px solid #d8dee4;padding:3px 10px 3px 0;vertical-align:middle;text-align:left"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """One line of the picture: a wave, or consecutive ones of one phase."""

    waves: tuple[Wave, ...]

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(name for wave in self.waves for name in wave.members)

    @property
    def name(self) -> str:
        first, last = self.waves[0].name, self.waves[-1].name
        return first if first == last else f"{first} to {last.removeprefix('wave-')}"


@dataclass(frozen=True)
class Scale:
    """The days of the whole picture, both included."""

    since: date
    until: date

    def at(self, day: date) -> float:
        """Where a day begins, in percent of the width; what lies outside is at the edge."""
        share = (day - self.since) / (self.until - self.since + _DAY)
        return round(100 * min(max(share, 0), 1), 3)


def wave_picture(plan: Plan) -> HTML:
    """Waves as bars over time, with their members where they fit and else counts by level; closed days are shaded."""
    if not plan.waves:
        return HTML(f"<p>No wave. Left out, each with its reason: {len(plan.left_out)}.</p>")
    scale = Scale(plan.waves[0].begins, plan.waves[-1].ends)
    known = {place.candidate.name: place.candidate for place in plan.places}
    shade = _shade(plan, scale)
    lines = "".join(_row(line, known, scale, shade) for line in folded(plan.waves))
    head = f"<tr><td></td><td style='padding:0'>{_ticks(scale)}</td><td></td></tr>"
    columns = "<colgroup><col style='width:17%'><col style='width:40%'><col style='width:43%'></colgroup>"
    style = "table-layout:fixed;width:100%;border-collapse:collapse;font-size:13px"
    table = f"<table style='{style}'>{columns}{head}{lines}</table>"
    return HTML(f"<div style='font-size:13px'>{_summary(plan)}{table}{_closed(plan, scale)}</div>")


def folded(waves: Sequence[Wave], most: int = ROWS) -> list[Line]:
    """The waves as lines, at most so many: as few waves a line as that allows, and never of two phases."""
    phases = list(dict.fromkeys(wave.phase for wave in waves))
    apart = [[wave for wave in waves if wave.phase == phase] for phase in phases]
    each = 1
    while sum(-(-len(group) // each) for group in apart) > max(most, len(apart)):
        each += 1
    return [Line(tuple(group[n : n + each])) for group in apart for n in range(0, len(group), each)]


def cycle_table(plan: Plan, most: int = SHOWN) -> Styler:
    """Each ring of applications that need each other: the edge to break, why that one, and what to do about it."""
    rows = [
        {
            "ring": cycle.ring,
            "break": " → ".join(cycle.edge),
            "why this one": cycle.because,
            "proposal": cycle.proposal,
        }
        for cycle in plan.cycles[:most]
    ]
    shown = quiet(pd.DataFrame(rows, columns=["ring", "break", "why this one", "proposal"]))
    return shown.set_caption(f"{most} of {len(plan.cycles)} rings") if len(plan.cycles) > most else shown


def shared_table(plan: Plan, most: int = SHOWN) -> Styler:
    """Databases whose users do not all move in one wave."""
    rows = [
        {
            "database": one.database,
            "used by": _few([f"{name} ({wave or 'stays'})" for name, wave in one.by], 6),
            "risk": one.risk,
        }
        for one in plan.shared[:most]
    ]
    shown = quiet(pd.DataFrame(rows, columns=["database", "used by", "risk"]))
    return shown.set_caption(f"{most} of {len(plan.shared)} databases") if len(plan.shared) > most else shown


def outside_table(plan: Plan, most: int = SHOWN) -> Styler:
    """Who is left out and why, and calls that lead to the old side or to what nobody knows."""
    rows = [{"application": name, "what": "left out", "because": reason} for name, reason in plan.left_out]
    rows += [{"application": a, "what": f"depends on {b}", "because": "no source knows it"} for a, b in plan.unknown]
    rows += [
        {"application": a, "what": f"depends on {b}", "because": "it stays: the old side has to be reached"}
        for a, b in plan.staying
    ]
    shown = quiet(pd.DataFrame(rows[:most], columns=["application", "what", "because"]))
    return shown.set_caption(f"{most} of {len(rows)}") if len(rows) > most else shown


def _summary(plan: Plan) -> str:
    moved = sum(len(wave.members) for wave in plan.waves)
    low, high = (sum(wave.effort[end] for wave in plan.waves) for end in (0, 1))
    words = [
        f"<b>{moved} applications in {len(plan.waves)} wave{'s' * (len(plan.waves) > 1)}</b>, "
        f"{plan.waves[0].begins} to {plan.waves[-1].ends}",
        f"{low:,.0f} to {high:,.0f} working days",
        f"{len(plan.left_out)} left out" if plan.left_out else "",
        f"{len(plan.rings)} ring{'s' * (len(plan.rings) > 1)}" if plan.rings else "",
    ]
    legend = " ".join(
        f"<span style='color:{COLOURS[phase]}'>■</span> {phase}&nbsp;"
        for phase in dict.fromkeys(wave.phase for wave in plan.waves)
    )
    notes = "".join(f"<div>{escape(note[0].upper() + note[1:])}.</div>" for note in plan.notes)
    return f"<div>{'; '.join(filter(None, words))}. {legend}</div>{notes}"


def _row(line: Line, known: Mapping[str, Candidate], scale: Scale, shade: str) -> str:
    phase = line.waves[0].phase
    label = (
        f"<b style='color:{COLOURS[phase]}'>{escape(line.name)}</b> "
        f"<span style='color:#57606a;white-space:nowrap'>{line.waves[0].begins:%d %b %y}</span>"
    )
    bars = "".join(_bar(wave, scale, alone=len(line.waves) == 1) for wave in line.waves)
    time = f"<div style='position:relative;height:18px;{shade}'>{bars}</div>"
    text, title = _text(line, known), escape(", ".join(line.members))
    return (
        f"<tr><td style='{_LINE}'>{label}</td><td style='{_LINE};padding:3px 0'>{time}</td>"
        f"<td style='{_LINE};padding-left:12px' title='{title}'>{text}</td></tr>"
    )


def _bar(wave: Wave, scale: Scale, alone: bool) -> str:
    left, right = scale.at(wave.begins), scale.at(wave.ends + _DAY)
    count = f"{len(wave.members)}" if alone and right - left > 4 else ""
    said = escape(f"{wave.name}, {wave.begins} to {wave.ends}: {'; '.join(wave.reasons)}")
    return (
        f"<div title='{said}' style='position:absolute;left:{left}%;width:{round(right - left, 3)}%;min-width:2px;"
        f"top:2px;height:14px;background:{COLOURS[wave.phase]};border-radius:2px;color:#fff;font-size:11px;"
        f"line-height:14px;text-align:center;box-sizing:border-box;border-right:1px solid #fff'>{count}</div>"
    )


def _text(line: Line, known: Mapping[str, Candidate]) -> str:
    """The names where they fit, else how many have which level; and how many are of high risk."""
    names = ", ".join(line.members)
    high = sum(known[name].risk == "high" for name in line.members)
    danger = f" <span style='color:#b42318;white-space:nowrap'>({high} of high risk)</span>" if high else ""
    if _width(names) <= WIDTH - (16 if high else 0):
        return escape(names) + danger
    counted = Counter(known[name].level for name in line.members)
    levels = " · ".join(f"{counted[level]} {level}" for level in LEVELS if counted[level])
    return f"<b>{len(line.members)}</b>: {escape(levels)}{danger}"


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _ticks(scale: Scale) -> str:
    days = list(_days(scale))
    form = "%d %b" if len(days) > 1 and days[1] - days[0] < timedelta(days=28) else "%b %y"
    marks = "".join(
        f"<span style='position:absolute;left:{scale.at(day)}%;border-left:1px solid #8c959f;padding-left:3px;"
        f"color:#57606a;font-size:11px;white-space:nowrap'>{day.strftime(form)}</span>"
        for day in days
        if scale.at(day) < 93
    )
    return f"<div style='position:relative;height:16px'>{marks}</div>"


def _days(scale: Scale) -> Iterator[date]:
    """The first days of months (or Mondays, where the whole is short), as many as can be told apart."""
    weeks = (scale.until - scale.since).days // 7 + 1
    if weeks <= TICKS:
        monday = scale.since + timedelta(days=-scale.since.weekday() % 7)
        yield from (monday + timedelta(weeks=week) for week in range(weeks) if monday + week * 7 * _DAY <= scale.until)
        return
    months = (scale.until.year - scale.since.year) * 12 + scale.until.month - scale.since.month
    step = next(step for step in (1, 2, 3, 6, 12, 24, 60, 120, 1200) if months / step <= TICKS)
    first = scale.since.year * 12 + scale.since.month
    for month in range(-(-first // step) * step, first + months + 1, step):
        yield date(month // 12, month % 12 + 1, 1)


def _within(plan: Plan, scale: Scale) -> list[tuple[date, date, str]]:
    return [one for one in plan.blackouts if one[0] <= scale.until and one[1] >= scale.since]


def _shade(plan: Plan, scale: Scale) -> str:
    """The closed days as a background that all lines have."""
    stops, end = [], 0.0
    for since, until, _ in _within(plan, scale):
        left, right = max(scale.at(since), end), scale.at(until + _DAY) if until < scale.until else 100.0
        if right > left:
            stops += [f"transparent {end}% {left}%", f"{CLOSED} {left}% {right}%"]
            end = right
    return f"background:linear-gradient(90deg,{','.join(stops)},transparent {end}% 100%)" if stops else ""


def _closed(plan: Plan, scale: Scale) -> str:
    shown = [f"{since} to {until} {escape(reason)}" for since, until, reason in _within(plan, scale)]
    if not shown:
        return ""
    mark = f"<span style='background:{CLOSED}'>&nbsp;&nbsp;&nbsp;</span>"
    return f"<div style='color:#57606a'>{mark} nothing is moved: {_few(shown, 6)}</div>"


def _few(texts: Iterable[str], most: int) -> str:
    all_ = list(texts)
    return ", ".join(all_[:most]) + (f" and {len(all_) - most} more" if len(all_) > most else "")
