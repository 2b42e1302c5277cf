"""The end of the old side on the screen: how long it was kept, how silent it is, what hangs on it, what it brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure as Picture
from pandas.io.formats.style import Styler

from runbook_lib.judge.retention import words
from runbook_lib.judge.silence import Stretch
from runbook_lib.model import Change, Measurement
from runbook_lib.observe.history import Drill
from runbook_lib.observe.old_side.leftovers import Leftover
from runbook_lib.observe.old_side.legacy import InstanceState
from runbook_lib.sections import Retention
from runbook_lib.show.checks import quiet
from runbook_lib.show.gray import SIDE_COLOURS

BAD, CALM = "#cf222e", "#57606a"
NARROW = 0.14  # of the width: a name takes so much of it


class Rehearsed(Protocol):
    """What a run of a playbook with --check says."""

    @property
    def instance(self) -> str: ...
    @property
    def told(self) -> str: ...


def retention_figure(since: datetime | None, at: datetime, drills: Sequence[Drill], wanted: Retention) -> Picture:
    """A line of time since all users are on the new side, with the drills, the least and the longest stay."""
    figure, axis = plt.subplots(figsize=(9, 1.7), layout="constrained")
    age = (at - since) if since else timedelta(0)
    end = max(age * 1.15, wanted.recommended * 1.15)
    unit, name = _unit(end)
    axis.barh(0, age / unit, color=SIDE_COLOURS["kubernetes"], height=0.5)
    place = None
    for mark, label in ((wanted.minimum, "minimum"), (wanted.recommended, "recommended"), (wanted.maximum, "maximum")):
        if mark <= end:
            axis.axvline(mark / unit, color=CALM, linestyle="--", linewidth=1)
            lower = place is not None and mark - place < NARROW * end  # two names would stand on one another
            height = -0.4 if lower else 0.42
            axis.annotate(label, (mark / unit, height), xytext=(3, 0), textcoords="offset points", color=CALM)
            place = mark
    inside = [(drill.at - since) / unit for drill in drills if since and drill.at >= since]
    axis.plot(inside, [0] * len(inside), "o", color="white", markeredgecolor=CALM, label="drill")
    axis.set(xlim=(0, end / unit), ylim=(-0.45, 0.6), yticks=[], xlabel=f"{name} since all users are on the new side")
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
    requests: Sequence[Stretch],
    connections: Sequence[Measurement],
    window: timedelta,
) -> Styler:
    """One row an instance: alive, its requests in the window, its connections now; no data is "not known"."""
    open_now = {m.name.removeprefix("connections of "): m.value for m in connections}
    column = f"requests in {words(window)}"
    rows = [
        {
            "instance": state.name,
            "address": state.url,
            "alive": "yes" if state.answering else f"no ({state.detail})",
            column: _asked([s for s in requests if s.instance == state.name]) if state.answering else "gone",
            "connections now": _count(open_now.get(state.name)) if state.answering else "gone",
        }
        for state in states
    ]
    return quiet(pd.DataFrame(rows, columns=["instance", "address", "alive", column, "connections now"]))


def _asked(found: Sequence[Stretch]) -> str:
    """The requests of one machine; where some of the time was not seen, how much of it."""
    count = sum(stretch.amount or 0.0 for stretch in found)
    unknown = sum((s.length for s in found if s.amount is None), timedelta(0))
    return f"{count:.0f}" if count or not unknown else f"not known for {words(unknown)}"


def _count(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0f}"


def leftover_table(leftovers: Sequence[Leftover]) -> Styler:
    """One row a thing to be taken away, and by whom; what nobody could read is for a person to look at."""
    rows = [
        {
            "what": one.what,
            "concerns": one.concerns,
            "where": one.where,
            "known": "found" if one.found else "look",
            "owner": one.owner or "nobody named",
        }
        for one in leftovers
    ]
    frame = pd.DataFrame(rows, columns=["what", "concerns", "where", "known", "owner"])
    waits = ("look", "nobody named")
    return quiet(frame).map(lambda v: f"color: {'#9a6700' if v in waits else CALM}", subset=["known", "owner"])


def rehearsal_table(played: Sequence[Rehearsed]) -> Styler:
    """One row a machine: what the playbook would do there, by its own recap."""
    rows = [{"machine": one.instance, "recap": one.told} for one in played]
    return quiet(pd.DataFrame(rows, columns=["machine", "recap"]))


def retirement_table(changes: Sequence[Change]) -> Styler:
    """One row an instance, in the order in which they went."""
    rows = [
        {"what": c.what, "done": "yes" if c.done else "no", "at": f"{c.at:%Y-%m-%d %H:%M:%S} UTC", "note": c.note}
        for c in changes
    ]
    return quiet(pd.DataFrame(rows, columns=["what", "done", "at", "note"]))
