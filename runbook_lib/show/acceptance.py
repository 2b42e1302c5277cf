"""What the move brought, on the screen: the figures before and after, each with where it comes from."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure as Picture
from pandas.io.formats.style import Styler

from runbook_lib.judge.acceptance import Figure
from runbook_lib.pages.acceptance import change, value
from runbook_lib.show.checks import quiet

GOOD, BAD, CALM = "#1a7f37", "#cf222e", "#57606a"
COLUMNS = ["figure", "before", "after", "change", "before by", "after by"]


def acceptance_table(figures: Sequence[Figure]) -> Styler:
    """One row a figure: before, after, the change, and where both come from."""
    rows = [
        (
            f.name,
            value(f.before.value, f.unit),
            value(f.after.value, f.unit),
            change(f),
            f.before.origin,
            f.after.origin,
        )
        for f in figures
    ]
    return quiet(pd.DataFrame(rows, columns=COLUMNS))


def acceptance_figure(figures: Sequence[Figure]) -> Picture:
    """Each figure that is known on both sides, after as a multiple of before; green where it went the right way."""
    known = [f for f in figures if f.change is not None]
    figure, axis = plt.subplots(figsize=(9, 0.8 + 0.45 * max(1, len(known))), layout="constrained")
    for row, f in enumerate(known):
        share = _share(f)
        axis.barh(row, share - 1, left=1, color=CALM if f.better is None else GOOD if f.better else BAD, height=0.55)
        said = f"{value(f.before.value, f.unit)} → {value(f.after.value, f.unit)}"
        axis.annotate(said, (max(share, 1), row), xytext=(5, 0), textcoords="offset points", va="center")
    axis.axvline(1, color=CALM, linewidth=1)
    axis.set_yticks(range(len(known)), [f.name for f in known])
    shares = [1.0, *(_share(f) for f in known)]
    axis.set(xscale="log", xlim=(min(shares) * 0.7, max(shares) * 6), ylim=(-0.6, max(len(known), 1) - 0.4))
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:g} x")
    axis.minorticks_off()
    axis.set_xlabel("after, as a multiple of before")
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure


def _share(figure: Figure) -> float:
    """After as a multiple of before; what became nothing is a thousandth, so that a logarithm can show it."""
    return max((figure.change or 0.0) + 1, 0.001)
