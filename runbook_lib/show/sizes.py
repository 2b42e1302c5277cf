"""The size of a container: the named ways side by side, beside what was used; and the nodes that are needed."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from runbook_lib.judge.capacity import Nodes, Size, Sizing
from runbook_lib.show.checks import quiet
from runbook_lib.show.verdicts import COLOURS

LINES = {"default": "#b35900", "seed-burst": "#8250df", "shared": "#6e7781"}
LEGEND = 6


def size_table(sizing: Sizing) -> Styler:
    """The named ways to size it, side by side; where no size was named, why."""
    if not sizing.sizes:
        return quiet(pd.DataFrame({"no size is named": [sizing.verdict.message]}))
    frame = pd.DataFrame({size.profile: _told(size) for size in sizing.sizes})
    frame.insert(0, "", frame.index)
    starved = {size.profile: size.starved for size in sizing.sizes}

    def shade(row: pd.Series) -> list[str]:
        wanting = row[""].startswith("time that needs")
        return [f"color: {COLOURS['FAIL']}" if wanting and starved.get(name, 0) > 0.2 else "" for name in row.index]

    return quiet(frame).apply(shade, axis=1).map(lambda _: "font-weight: bold", subset=[""])


def _told(size: Size) -> dict[str, str]:
    slowed = f"; a start up to {size.start_slowed:.1f} x as long" if size.start_slowed else ""
    return {
        "rule": size.rule,
        "CPU request": f"{size.cpu_request * 1000:.0f}m",
        "CPU limit": "none" if size.cpu_limit is None else f"{size.cpu_limit * 1000:.0f}m{slowed}",
        "memory request = limit": f"{size.memory_limit} MiB",
        "memory by": size.memory_by,
        "QoS class": size.quality,
        "replicas at the peak, HPA at 70 %": f"{size.replicas}, by {size.replicas_by}",
        "replicas usually": f"{size.replicas_usual}",
        "HPA utilisation, mean / peak": f"{size.utilisation_mean:.0%} / {size.utilisation_peak:.0%}",
        "time that needs more than is requested": f"{size.starved:.1%}",
    }


def usage_plot(usage: pd.DataFrame | None, sizing: Sizing) -> Figure | Styler:
    """CPU and memory of each instance over time, with what each way would request; right, how much of the time.

    A sentence in its place where nothing was measured.
    """
    if usage is None:
        return quiet(pd.DataFrame({"nothing was measured": [sizing.verdict.message]}))
    figure, axes = plt.subplots(
        2, 2, figsize=(11, 5), sharex="col", sharey="row", width_ratios=(4, 1.1), layout="constrained"
    )
    rows = (("cpu_cores", "CPU (cores); single spikes are starts"), ("memory_mib", "memory (MiB)"))
    for (over_time, share), (column, title) in zip(axes, rows, strict=True):
        _over_time(over_time, usage, column, sizing)
        _share(share, usage[column])
        over_time.set_title(title, loc="left", fontsize="medium")
        for size in sizing.sizes:
            _line((over_time, share), size, column)
        for axis in (over_time, share):
            axis.spines[["top", "right"]].set_visible(False)
            axis.grid(axis="y", alpha=0.25)
        over_time.set_ylim(bottom=0)
    axes[0, 1].set_title("share of the time above", loc="left", fontsize="medium")
    axes[1, 1].set_xlim(0, 1)
    axes[1, 1].set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes[1, 0].xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes[1, 0].xaxis.get_major_locator()))
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    plt.close(figure)
    return figure


def _over_time(axis: Axes, usage: pd.DataFrame, column: str, sizing: Sizing) -> None:
    """Every instance; of many only the busiest has a name."""
    names = sorted(usage["instance"].unique())
    busiest = sizing.use.busiest if sizing.use else ""
    shades = plt.get_cmap("Blues")
    for number, name in enumerate(names):
        own = usage[usage["instance"] == name].sort_values("at")
        many = len(names) > LEGEND
        colour = shades(0.35 if many else 0.45 + 0.5 * number / max(1, len(names) - 1))
        colour = shades(0.95) if many and name == busiest else colour
        said = name if not many else f"{name} (busiest of {len(names)})" if name == busiest else None
        axis.plot(own["at"], own[column], color=colour, linewidth=0.9, label=said, zorder=3 if name == busiest else 2)


def _share(axis: Axes, values: pd.Series) -> None:
    ordered = np.sort(values.to_numpy(dtype=float, na_value=np.nan))[::-1]
    ordered = ordered[np.isfinite(ordered)]
    if len(ordered):
        axis.fill_between(np.linspace(0, 1, len(ordered)), ordered, step="mid", color="#c9dbee", linewidth=0)


def _line(axes: tuple[Axes, Axes], size: Size, column: str) -> None:
    """The request; the way for shared clusters has the default's, and of memory there is one only."""
    if size.profile == "shared" or (column == "memory_mib" and size.profile != "default"):
        return
    value = size.cpu_request if column == "cpu_cores" else size.memory_request
    for axis in axes:
        axis.axhline(value, color=LINES[size.profile], linewidth=1.3, label=f"request ({size.profile})", zorder=4)


def nodes_table(nodes: Mapping[str, Nodes]) -> Styler:
    """How many nodes, a row for each way to count (default, seed-burst ...)."""
    rows = [
        {
            "": name,
            "Pods": f"{one.pods:,}",
            "nodes (first fit)": f"{one.nodes:,}",
            "by the tighter resource": f"{one.bound:,} ({one.tighter})",
            **{
                f"{resource} filled": f"{share:.0%}"
                for resource, share in one.filled.items()
                if resource != "number of Pods"
            },
            "fits on no node": ", ".join(one.too_large),
        }
        for name, one in nodes.items()
    ]
    return quiet(pd.DataFrame(rows))
