"""The picture of a passage: who answered the users, second by second, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

COLOURS = {"legacy": "#8c959f", "kubernetes": "#0969da"}


def draw_passage(lines: Sequence[dict[str, Any]], path: Path, fault_at: datetime | None = None) -> Path:
    """Write a PNG from the lines of load.jsonl: the share of either side, and below it what failed."""
    seconds = [line["second"] for line in lines]
    answered = [max(1, sum(line["by_side"].values())) for line in lines]
    share = [line["by_side"]["kubernetes"] / total for line, total in zip(lines, answered, strict=True)]
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(10, 4.2), sharex=True, layout="constrained", height_ratios=[3, 1]
    )
    top.stackplot(seconds, share, [1 - s for s in share], colors=[COLOURS["kubernetes"], COLOURS["legacy"]], alpha=0.85)
    top.text(0.01, 0.9, "virtual machines", transform=top.transAxes, color="white", weight="bold")
    top.text(0.99, 0.08, "Kubernetes", transform=top.transAxes, color="white", weight="bold", ha="right")
    top.set_ylabel("who answers the users")
    top.yaxis.set_major_formatter(PercentFormatter(1.0))
    top.set_ylim(0, 1)
    total, failed = (sum(line[key] for line in lines) for key in ("requests", "failed"))
    top.set_title(f"{total:,} user requests, {failed} of them failed", loc="left")
    bottom.bar(seconds, [line["failed"] for line in lines], color="#cf222e", width=1.0)
    bottom.set_ylim(bottom=0, top=max(5, *(line["failed"] for line in lines)) if lines else 5)
    bottom.set_ylabel("failed/s")
    bottom.set_xlabel("seconds")
    if fault_at and lines:
        at = lines[0]["second"] + (fault_at - datetime.fromisoformat(lines[0]["at"])).total_seconds()
        for axes in (top, bottom):
            axes.axvline(at, color="#cf222e", linestyle="--")
    top.margins(x=0)
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
