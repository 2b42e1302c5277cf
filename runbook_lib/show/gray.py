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
_BACK = {Outcome.PASS: "#1a7f37", Outcome.INCONCLUSIVE: "#9a6700", Outcome.FAIL: "#cf222e"}


def counts_frame(look: Look) -> pd.DataFrame:
    """One row an interval: at, seconds, and per side requests, failed, slow."""
    rows = []
    for d in look.counted:
        assert d.errors and d.slow
        row: dict[str, Any] = {"at": d.at, "seconds": d.errors.seconds}
        for side in SIDES:
            row |= {
                f"{side} requests": getattr(d.errors, f"{side}_requests"),
                f"{side} failed": getattr(d.errors, f"{side}_bad"),
                f"{side} slow": getattr(d.slow, f"{side}_bad"),
            }
        rows.append(row)
    return pd.DataFrame(rows)


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
    """Two panels: requests a second of each side, and the share that failed or was slow."""
    frame = counts_frame(look)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 4.6), sharex=True, layout="constrained")
    if not frame.empty:
        frame["second"] = frame["seconds"].cumsum()
        for side in SIDES:
            _draw_side(frame, side, top, bottom)
    cause = f": {look.cause.name}, {look.cause.message}" if look.cause else ""
    top.set_title(
        f"{weight} % on Kubernetes, {look.outcome.name}{cause}", loc="left", color=_BACK[look.outcome], wrap=True
    )
    top.set_ylabel("requests/s")
    top.set_ylim(bottom=0)
    bottom.set_ylabel("failed or slow")
    bottom.set_ylim(bottom=0)
    bottom.yaxis.set_major_formatter(PercentFormatter(1.0))
    bottom.set_xlabel("seconds in this stage")
    bottom.set_xlim(left=0)
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.25)
    return figure


def _draw_side(frame: pd.DataFrame, side: str, top: Axes, bottom: Axes) -> None:
    colour = SIDE_COLOURS[side]
    requests = frame[f"{side} requests"]
    top.plot(frame["second"], requests / frame["seconds"], color=colour, label=side, marker=".")
    share = (frame[f"{side} failed"] + frame[f"{side} slow"]) / requests.where(requests > 0)
    bottom.plot(frame["second"], share, color=colour, marker=".")
    top.legend(loc="lower left", ncols=2, frameon=False)
