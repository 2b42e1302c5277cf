"""The end of the old side on the screen: how long it was kept, how silent it is, what hangs on it, what it brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure as Picture
from pandas.io.formats.style import Styler

from runbook_lib.judge.acceptance import Figure
from runbook_lib.judge.retention import words
from runbook_lib.model import Change, Measurement
from runbook_lib.observe.history import Drill
from runbook_lib.observe.leftovers import Leftover
from runbook_lib.observe.legacy import InstanceState
from runbook_lib.sections import Retention
from runbook_lib.show.checks import quiet
from runbook_lib.show.gray import SIDE_COLOURS

GOOD, BAD, CALM = "#1a7f37", "#cf222e", "#57606a"


def retention_figure(since: datetime | None, at: datetime, drills: Sequence[Drill], wanted: Retention) -> Picture:
    """A line of time since all users are on the new side, with the drills, the least and the longest stay."""
    figure, axis = plt.subplots(figsize=(9, 1.7), layout="constrained")
    age = (at - since) if since else timedelta(0)
    end = max(age * 1.15, wanted.recommended * 1.15)
    unit, name = _unit(end)
    axis.barh(0, age / unit, color=SIDE_COLOURS["kubernetes"], height=0.5)
    for mark, label in ((wanted.minimum, "minimum"), (wanted.recommended, "recommended"), (wanted.maximum, "maximum")):
        if mark <= end:
            axis.axvline(mark / unit, color=CALM, linestyle="--", linewidth=1)
            axis.annotate(label, (mark / unit, 0.42), xytext=(3, 0), textcoords="offset points", color=CALM)
    inside = [(drill.at - since) / unit for drill in drills if since and drill.at >= since]
    axis.plot(inside, [0] * len(inside), "o", color="white", markeredgecolor=CALM, label="drill")
    axis.set(xlim=(0, end / unit), ylim=(-0.4, 0.6), yticks=[], xlabel=f"{name} since all users are on the new side")
    axis.spines[["top", "right", "left"]].set_visible(False)
    if since is None:
        axis.set_title("no record says since when", loc="left", color=BAD)
    plt.close(figure)
    return figure


def _unit(span: timedelta) -> tuple[timedelta, str]:
    units = ((timedelta(days=1), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes"))
    return next(((u, name) for u, name in units if span >= 3 * u), (timedelta(seconds=1), "seconds"))


def silence_table(
    states: Sequence[InstanceState],
    requests: Sequence[Measurement],
    connections: Sequence[Measurement],
    window: timedelta,
) -> Styler:
    """One row an instance: alive, its requests in the window, its connections now; no data is "not known"."""
    asked = {m.name.removeprefix("requests of "): m.value for m in requests}
    open_now = {m.name.removeprefix("connections of "): m.value for m in connections}
    column = f"requests in {words(window)}"
    rows = [
        {
            "instance": state.name,
            "address": state.url,
            "alive": "yes" if state.answering else f"no ({state.detail})",
            column: _count(asked.get(state.name)) if state.answering else "gone",
            "connections now": _count(open_now.get(state.name)) if state.answering else "gone",
        }
        for state in states
    ]
    return quiet(pd.DataFrame(rows, columns=["instance", "address", "alive", column, "connections now"]))


def _count(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0f}"


def leftover_table(leftovers: Sequence[Leftover]) -> Styler:
    """One row a thing to be taken away; what nobody could read is for a person to look at."""
    rows = [
        {"what": one.what, "concerns": one.concerns, "where": one.where, "known": "found" if one.found else "look"}
        for one in leftovers
    ]
    frame = pd.DataFrame(rows, columns=["what", "concerns", "where", "known"])
    return quiet(frame).map(lambda v: f"color: {'#9a6700' if v == 'look' else CALM}", subset=["known"])


def retirement_table(changes: Sequence[Change]) -> Styler:
    """One row an instance, in the order in which they went."""
    rows = [
        {"what": c.what, "done": "yes" if c.done else "no", "at": f"{c.at:%Y-%m-%d %H:%M:%S} UTC", "note": c.note}
        for c in changes
    ]
    return quiet(pd.DataFrame(rows, columns=["what", "done", "at", "note"]))


def acceptance_table(figures: Sequence[Figure]) -> Styler:
    """One row a figure: before, after, the change, and where both come from."""
    rows = [
        {
            "figure": f.name,
            "before": _value(f.before, f.unit),
            "after": _value(f.after, f.unit),
            "change": "" if f.change is None else f"{f.change:+.0%}",
            "origin": f.origin,
        }
        for f in figures
    ]
    return quiet(pd.DataFrame(rows, columns=["figure", "before", "after", "change", "origin"]))


def _value(value: float | None, unit: str) -> str:
    return "not known" if value is None else f"{value:,.3g} {unit}".strip()


def acceptance_figure(figures: Sequence[Figure]) -> Picture:
    """Each figure that is known on both sides, after as a multiple of before; green where it went the right way."""
    known = [f for f in figures if f.change is not None]
    figure, axis = plt.subplots(figsize=(9, 0.8 + 0.45 * max(1, len(known))), layout="constrained")
    for row, f in enumerate(known):
        share = max((f.change or 0.0) + 1, 0.001)
        better = share == 1 or (share < 1) is f.less_is_better
        axis.barh(row, share - 1, left=1, color=GOOD if better else BAD, height=0.55)
        said = f"{_value(f.before, f.unit)} → {_value(f.after, f.unit)}"
        axis.annotate(said, (max(share, 1), row), xytext=(5, 0), textcoords="offset points", va="center")
    axis.axvline(1, color=CALM, linewidth=1)
    axis.set_yticks(range(len(known)), [f.name for f in known])
    shares = [1.0, *(max((f.change or 0.0) + 1, 0.001) for f in known)]
    axis.set(xscale="log", xlim=(min(shares) * 0.7, max(shares) * 6), ylim=(-0.6, max(len(known), 1) - 0.4))
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:g} x")
    axis.minorticks_off()
    axis.set_xlabel("after, as a multiple of before")
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
