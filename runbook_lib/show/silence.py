"""The old side over the whole time since all users left it: when it was asked, and when nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import matplotlib.dates
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.patches import Patch

from runbook_lib.judge.silence import Course, Period, Stretch

SEEN, BUSY, UNKNOWN, LEFT_OUT = "#d5e9dc", "#cf222e", "#d4a72c", "#c9d1d9"
NARROW = 0.004  # of the width: what is shorter could not be seen


def silence_figure(courses: Sequence[Course], found: Sequence[Stretch], period: Period) -> Picture:
    """A line a machine: green where nobody came, red where somebody did, amber where nobody knows."""
    figure, axis = plt.subplots(figsize=(9, 1.1 + 0.42 * max(1, len(courses))), layout="constrained")
    length = max(period.until - period.since, timedelta(seconds=1))
    rows = {course.instance: row for row, course in enumerate(courses)}
    for row in rows.values():
        _bar(axis, row, period.since, period.until, SEEN, length)
    for span in period.left_out:
        for row in rows.values():
            _bar(axis, row, max(span.since, period.since), min(span.until, period.until), LEFT_OUT, length)
    for stretch in found:
        colour = UNKNOWN if stretch.amount is None else BUSY
        _bar(axis, rows[stretch.instance], stretch.since, stretch.until, colour, length)
    _dress(axis, list(rows), period, length)
    plt.close(figure)
    return figure


def _bar(axis: Axes, row: int, since: datetime, until: datetime, colour: str, length: timedelta) -> None:
    begin, end = matplotlib.dates.date2num(since), matplotlib.dates.date2num(until)
    shown = max(end - begin, NARROW * length / timedelta(days=1))
    axis.barh(row, shown, left=begin, height=0.6, color=colour, linewidth=0)


def _dress(axis: Axes, names: list[str], period: Period, length: timedelta) -> None:
    axis.set_yticks(range(len(names)), names)
    axis.set(ylim=(-0.6, max(len(names), 1) - 0.4))
    begin = matplotlib.dates.date2num(period.since)
    axis.set_xlim(begin, begin + length / timedelta(days=1))
    locator = matplotlib.dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=8)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator, tz=UTC))
    axis.invert_yaxis()
    axis.spines[["top", "right", "left"]].set_visible(False)
    meant = ((SEEN, "no request"), (BUSY, "requests"), (UNKNOWN, "not seen"), (LEFT_OUT, "left out"))
    handles = [Patch(color=colour, label=label) for colour, label in meant]
    axis.legend(handles=handles, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize="small")
