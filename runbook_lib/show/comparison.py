"""Both sides next to each other: a table of figures, and their course over time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from runbook_lib.judge.resources import Use
from runbook_lib.model import SIDES, Measurement, Side
from runbook_lib.show.gray import SIDE_COLOURS

History = Sequence[tuple[datetime, float]]


def comparison_table(measurements: Sequence[Measurement]) -> Styler:
    """One row a figure: both sides, their ratio, the unit; "no data" where there is none."""
    rows: dict[str, dict[str, object]] = {}
    for m in measurements:
        rows.setdefault(m.name, {"figure": m.name, "unit": m.unit})[str(m.side)] = m.value
    frame = pd.DataFrame(rows.values(), columns=["figure", *SIDES, "unit"])
    for side in SIDES:
        frame[side] = pd.to_numeric(frame[side])
    frame.insert(3, "ratio", frame["kubernetes"] / frame["legacy"].where(frame["legacy"] != 0))
    formats: dict[Any, Any] = {**dict.fromkeys(SIDES, _number), "ratio": "{:.2f}"}
    return frame.style.hide(axis="index").format(formats, na_rep="no data", escape="html")


def instance_table(cpu: Mapping[Side, Sequence[Use]], memory: Mapping[Side, Sequence[Use]]) -> Styler:
    """One row a Pod or machine: its requests, and what each of them cost."""
    held = {(side, use.instance): use.amount for side, uses in memory.items() for use in uses}
    rows = [
        {
            "side": side,
            "instance": use.instance,
            "requests": use.requests,
            "CPU ms a request": 1000 * use.amount / use.requests if use.requests else None,
            "MiB x s a request": held.get((side, use.instance), math.nan) / 2**20 / use.requests
            if use.requests
            else None,
        }
        for side, uses in cpu.items()
        for use in uses
    ]
    columns = ["side", "instance", "requests", "CPU ms a request", "MiB x s a request"]
    frame = pd.DataFrame(rows, columns=columns)
    formats: dict[Any, Any] = dict.fromkeys(columns[2:], _number)
    return frame.style.hide(axis="index").format(formats, na_rep="no data", escape="html")


def _number(value: float) -> str:
    """Three significant digits, with thousands set apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def comparison_figure(histories: Mapping[str, Mapping[str, History]]) -> Figure:
    """One small panel a figure (title with unit), both sides in it over time in UTC."""
    columns = 2
    lines = -(-len(histories) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(10, 2.1 * lines), sharex=True, layout="constrained")
    for axis, (title, sides) in zip(axes.flat, histories.items(), strict=False):
        for side, history in sides.items():
            axis.plot([at for at, _ in history], [v for _, v in history], color=SIDE_COLOURS[side], label=side)
        axis.set_title(title, loc="left", fontsize="medium")
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", alpha=0.25)
    for axis in axes.flat[len(histories) :]:
        axis.set_visible(False)
    axes.flat[0].legend(frameon=False, loc="upper right")
    figure.autofmt_xdate(rotation=0, ha="center")
    plt.close(figure)
    return figure
