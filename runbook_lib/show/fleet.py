"""The assessment of a fleet in the notebook: the result in short, the levels, the applications wave by wave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from runbook_lib.judge.fleet import Fleet, by_level, effort, fleet_verdict
from runbook_lib.judge.migration import LEVELS
from runbook_lib.model import Finding, Outcome
from runbook_lib.pages.fleet import rows
from runbook_lib.show.checks import quiet
from runbook_lib.show.verdicts import COLOURS

SHADES = dict(zip(LEVELS, ("#1a7f4b", "#57a773", "#d9a441", "#cf6b3c", "#b42318", "#98a2b3"), strict=True))
RISKS = {"low": "#1a7f4b", "medium": "#b07d12", "high": "#b42318"}
SHOWN = 60
"""So many applications stand in the table of the notebook; the page beside it has all."""


def fleet_headline(fleet: Fleet) -> HTML:
    """The result for a reader with one minute: how many can be planned, why the others cannot, what it takes."""
    verdict, plan = fleet_verdict(fleet), fleet.plan
    low, high = effort(fleet.applications)
    reasons = Counter(reason for _, reason in plan.left_out)
    lines = [
        f"{low:.0f} to {high:.0f} working days for all that could be assessed.",
        *(f"{count} left out: {escape(reason)}." for reason, count in reasons.most_common(5)),
        _told(
            len(plan.rings),
            "ring of applications that need each other, with a proposal",
            "rings of applications that need each other, each with a proposal",
        ),
        _told(
            len(plan.unknown),
            "dependency names something that no source knows",
            "dependencies name something that no source knows",
        ),
        _told(
            len(fleet.unread),
            "thing in the sources could not be read or placed; it is listed below",
            "things in the sources could not be read or placed; they are listed below",
        ),
    ]
    items = "".join(f"<li>{line}</li>" for line in lines if line)
    colour = COLOURS[verdict.outcome.name]
    head = f"<b style='color:{colour}'>{verdict.outcome.name}</b> – {escape(verdict.message)}"
    return HTML(f"<p style='font-size:115%'>{head}</p><ul style='line-height:1.5'>{items}</ul>")


def levels_figure(fleet: Fleet) -> Figure:
    """How ready the applications are, and how much is at stake in each level."""
    counted = {level: count for level, count in by_level(fleet.applications).items() if count}
    risks = Counter((one.migration.level, one.migration.risk.level) for one in fleet.applications)
    figure, axis = plt.subplots(figsize=(9, 0.9 + 0.42 * max(1, len(counted))), layout="constrained")
    names = list(counted)[::-1]
    for y, level in enumerate(names):
        left = 0
        for risk, shade in zip(RISKS, (0.35, 0.65, 1.0), strict=True):
            width = risks[level, risk]
            axis.barh(y, width, left=left, color=SHADES[level], alpha=shade, height=0.72)
            if width:
                axis.text(left + width / 2, y, f"{width} {risk}", ha="center", va="center", fontsize=8)
            left += width
        axis.text(left, y, f"  {counted[level]}", va="center", fontsize=10, fontweight="bold")
    axis.set_yticks(range(len(names)), names)
    axis.set_title("applications by level; the darker, the higher the risk", loc="left", fontsize="medium")
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.set_xticks([])
    plt.close(figure)
    return figure


def fleet_table(fleet: Fleet, most: int = SHOWN) -> Styler:
    """The first applications in the order of the plan; those that are left out come last."""
    lines = rows(fleet)
    frame = pd.DataFrame(
        [
            {
                "wave": row.place.wave or "left out",
                "application": row.one.name,
                "owner": row.place.candidate.owner,
                "level": row.one.migration.level,
                "mode": row.one.migration.mode,
                "state": row.one.migration.state,
                "risk": row.one.migration.risk.level,
                "days": _days(row.one.migration.effort),
                "CPU": _size(row.one.handed.cpu_request, 1000, "m"),
                "memory": _size(row.one.handed.memory_mib, 1, " MiB"),
                "Pods": row.one.handed.replicas or "",
                "why there": "; ".join(row.place.reasons[:1]),
            }
            for row in lines[:most]
        ]
    )
    shown = quiet(frame)
    if len(lines) > most:
        shown = shown.set_caption(f"{most} of {len(lines)} applications; fleet.html and fleet.csv hold all")
    if frame.empty:
        return shown
    return shown.map(lambda level: f"color: {SHADES.get(level, '')}; font-weight: 600", subset=["level"]).map(
        lambda risk: f"color: {RISKS.get(risk, '')}", subset=["risk"]
    )


def findings_list(findings: Sequence[Finding], most: int = 20) -> HTML:
    """What in the sources could not be read or placed, so that nobody takes the rest for the whole."""
    ordered = sorted(findings, key=lambda one: one.outcome is Outcome.PASS)
    unread = sum(one.outcome is not Outcome.PASS for one in ordered)
    said = f"<b>{unread}</b> left out or not placed:" if unread else "Nothing was left out."
    items = "".join(f"<li>{escape(one.message)}</li>" for one in ordered[:most])
    more = f"<li>and {len(ordered) - most} more, in findings.json</li>" if len(ordered) > most else ""
    return HTML(f"<p>{said}</p><ul>{items}{more}</ul>" if items else f"<p>{said}</p>")


def of_a_fleet() -> HTML:
    """What stands in a cell that one application has no use for."""
    return HTML(
        "<p style='color:#8c959f'>One application: nothing to plan among others, and the next cells are empty.</p>"
    )


def _told(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}." if count else ""


def _days(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.0f} – {pair[1]:.0f}" if any(pair) else ""


def _size(value: float | None, scale: float, unit: str) -> str:
    return "" if value is None else f"{value * scale:.0f}{unit}"
