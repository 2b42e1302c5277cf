"""The live picture of a gray stage: drawn in place while it runs, left as the final picture in the archive."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from runbook_lib.model import SIDES, Outcome
from runbook_lib.watch import Look

SIDE_COLOURS = {"legacy": "#57606a", "kubernetes": "#0969da"}
_POINTS = 240
_DOTS = 60
_UNITS = (("days", 86400, 4 * 86400), ("hours", 3600, 3 * 3600), ("minutes", 60, 300), ("seconds", 1, float("-inf")))
"""Of the time axis: its name, its length in seconds, and from how many seconds on it is used."""
_BACK = {Outcome.PASS: "#1a7f37", Outcome.INCONCLUSIVE: "#9a6700", Outcome.FAIL: "#cf222e"}


def counts_frame(look: Look) -> pd.DataFrame:
    """One row an interval: at, seconds, whether it is a gap, and per side requests, failed, slow."""
    rows = []
    for o in look.counted:
        assert o.errors and o.slow
        row: dict[str, Any] = {"at": o.at, "seconds": o.errors.seconds, "gap": o.gap}
        for side in SIDES:
            row |= {
                f"{side} requests": getattr(o.errors, f"{side}_requests"),
                f"{side} failed": getattr(o.errors, f"{side}_bad"),
                f"{side} slow": getattr(o.slow, f"{side}_bad"),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def coarser(frame: pd.DataFrame, most: int = _POINTS) -> pd.DataFrame:
    """The same counts in at most ``most`` rows: a stage of days is drawn as fast as one of minutes."""
    if len(frame) <= most:
        return frame
    every = -(-len(frame) // most)
    how = {name: "sum" for name in frame.columns if name not in ("at", "gap")}
    return frame.groupby(frame.reset_index().index // every).agg({"at": "last", "gap": "max", **how})


class LiveFigure:
    """Redraws one figure as Looks come in; leaving the block leaves the last state."""

    def __init__(self, weight: int, every: float = 2.0) -> None:
        self.weight, self.every = weight, every
        self.drawn_at = -every
        self.handle: Any = None
        self.last: Look | None = None

    def __enter__(self) -> LiveFigure:
        plt.ioff()
        return self

    def see(self, look: Look) -> None:
        """Show this Look, at most once in ``every`` seconds and never before a rollback: users must not wait for it."""
        self.last = look
        if not look.cause and look.elapsed - self.drawn_at >= self.every:
            self._show(look)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.last is not None:
            self._show(self.last)

    def _show(self, look: Look) -> None:
        self.drawn_at = look.elapsed
        figure = stage_figure(look, self.weight)
        if self.handle is None:
            self.handle = display(figure, display_id=True)
        else:
            self.handle.update(figure)
        plt.close(figure)


def stage_figure(look: Look, weight: int) -> Figure:
    """Two panels: requests a second of each side, and the share that failed or was slow; grey where nobody saw."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 4.6), sharex=True, layout="constrained")
    unit, length = next((name, size) for name, size, least in _UNITS if look.elapsed >= least)
    frame = coarser(counts_frame(look))
    if not frame.empty:
        frame["time"] = (frame["at"] - look.observations[0].at).dt.total_seconds() / length
        for side in SIDES:
            _draw_side(frame, side, top, bottom)
    for gap in [o for o in look.observations if o.gap]:
        end = (gap.at - look.observations[0].at).total_seconds() / length
        for axes in (top, bottom):
            axes.axvspan(end - gap.seconds / length, end, color="#d0d7de", alpha=0.6, lw=0)
    cause = f": {look.cause.name}, {look.cause.message}" if look.cause else ""
    state = "going on" if look.goes_on else look.outcome.name
    top.set_title(f"{weight} % on Kubernetes, {state}{cause}", loc="left", color=_BACK[look.outcome], wrap=True)
    top.set_ylabel("requests/s")
    bottom.set_ylabel("failed or slow")
    bottom.yaxis.set_major_formatter(PercentFormatter(1.0))
    bottom.set_xlabel(f"{unit} in this stage")
    bottom.set_xlim(left=0)
    for axes in (top, bottom):
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.25)
    return figure


def _draw_side(frame: pd.DataFrame, side: str, top: Axes, bottom: Axes) -> None:
    colour, marker = SIDE_COLOURS[side], "." if len(frame) <= _DOTS else ""
    requests = frame[f"{side} requests"].where(~frame["gap"].astype(bool))  # no line across what nobody saw
    top.plot(frame["time"], requests / frame["seconds"], color=colour, label=side, marker=marker)
    share = (frame[f"{side} failed"] + frame[f"{side} slow"]) / requests.where(requests > 0)
    bottom.plot(frame["time"], share, color=colour, marker=marker)
    top.legend(loc="lower left", ncols=2, frameon=False)
