"""Tables and plots of the assessment: profile, drift, portability, size, gain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pandas.io.formats.style import Styler

from runbook_lib.judge.capacity import Sizing
from runbook_lib.judge.drift import Drift
from runbook_lib.judge.gain import Gain
from runbook_lib.judge.grants import Grant
from runbook_lib.judge.migration import Migration
from runbook_lib.judge.portability import Demand
from runbook_lib.judge.profile import Known
from runbook_lib.model import Finding, Outcome, Verdict
from runbook_lib.show.checks import WEIGHTS, escape, quiet
from runbook_lib.show.verdicts import COLOURS

# Agrees; differs and the node or Pod sees to it; differs and the image has to decide; nothing on record.
SHADES = ("#e9eef3", "#f6dfa9", "#e08a73", "#ffffff")
INK = "#24292f"


def headline(migration: Migration, verdicts: Sequence[Verdict], drifts: Iterable[Drift]) -> HTML:
    """The result in four sentences, for a reader with one minute."""
    worst = max(verdicts, key=lambda v: v.outcome)
    differing = [row.aspect for row in drifts if row.differs and row.weight == 3]
    colour = COLOURS[worst.outcome.name]
    low, high = migration.effort
    lines = [
        f"<b style='color:{colour}'>{worst.outcome.name}</b> – <b>{migration.level}</b>, mode <b>{migration.mode}</b>, "
        f"state class <b>{migration.state}</b>, {low:.0f} to {high:.0f} working days.",
        *(f"{reason[0].upper()}{escape(reason[1:])}." for reason in migration.reasons),
        f"Hosts differ in {', '.join(differing)}: the image can have only one of each." if differing else "",
        *(f"{v.name[0].upper()}{v.name[1:]}: {escape(v.message)}." for v in verdicts if v.name != "migration"),
    ]
    items = "".join(f"<li>{line}</li>" for line in lines[1:] if line)
    return HTML(f"<p style='font-size:115%'>{lines[0]}</p><ul style='line-height:1.5'>{items}</ul>")


def profile_table(rows: Iterable[Known]) -> Styler:
    """Every value with its origin; a conflict stands beside it."""
    frame = pd.DataFrame(
        [{"": r.topic, "what": r.name, "value": r.value, "origin": r.origin, "but": r.conflict} for r in rows]
    )
    frame[""] = frame[""].where(frame[""] != frame[""].shift(), "")
    return (
        quiet(frame)
        .map(lambda text: f"color: {COLOURS['INCONCLUSIVE']}", subset=["but"])
        .map(lambda text: "color: #8c959f" if text == "not known" else "", subset=["value"])
        .map(lambda text: "font-weight: bold", subset=[""])
    )


def grant_table(grants: Iterable[Grant]) -> Styler:
    rows = [
        {"dependency": g.dependency, "address": g.address, "stated in": g.origin, "instead": g.instead} for g in grants
    ]
    return quiet(pd.DataFrame(rows, columns=["dependency", "address", "stated in", "instead"]))


def drift_map(drifts: Sequence[Drift], limit: int = 20) -> Figure:
    """A heat map, one row an aspect: what the image has to decide comes first, agreement last."""
    rows = list(drifts)[:limit]
    hosts = list(rows[0].values) if rows else []
    codes = [[_code(row, host) for host in hosts] for row in rows]
    figure, axis = plt.subplots(
        figsize=(max(6.5, 2.6 + 2.3 * len(hosts)), 0.9 + 0.34 * len(rows)), layout="constrained"
    )
    if not rows:
        axis.text(0.5, 0.5, "no facts to compare", ha="center")
        axis.set_axis_off()
        plt.close(figure)
        return figure
    axis.imshow(codes, cmap=ListedColormap(SHADES), vmin=0, vmax=3, aspect="auto")
    for y, row in enumerate(rows):
        for x, host in enumerate(hosts):
            text = _short(row.values[host])
            axis.text(x, y, text, ha="center", va="center", fontsize=8, color=INK)
    axis.set_xticks(range(len(hosts)), hosts)
    axis.xaxis.tick_top()
    axis.set_yticks(range(len(rows)), [row.aspect for row in rows])
    for label, row in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.differs and row.weight == 3 else "normal")
        label.set_color(INK if row.differs else "#8c959f")
    _grid(figure, axis, len(hosts), len(rows))
    plt.close(figure)
    return figure


def _grid(figure: Figure, axis: Axes, columns: int, rows: int) -> None:
    axis.set_xticks([x - 0.5 for x in range(1, columns)], minor=True)
    axis.set_yticks([y - 0.5 for y in range(1, rows)], minor=True)
    axis.grid(which="minor", color="white", linewidth=2)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    names = ("as most hosts", "differs: Pod or node decides", "differs: the image must decide")
    handles = [Rectangle((0, 0), 1, 1, color=shade) for shade in SHADES[: len(names)]]
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=8)


def _code(row: Drift, host: str) -> int:
    if row.values[host] is None and row.usual == "":
        return 3
    if host not in row.odd:
        return 0
    return 2 if row.weight == 3 else 1


def _short(text: str | None, width: int = 30) -> str:
    if text is None:
        return "–"
    jobs = text.split(", ")
    if len(jobs) > 1 and len(text) > width:
        text = f"{len(jobs)}: {jobs[0]}"
    return text if len(text) <= width else f"{text[: width - 1]}…"


def drift_table(drifts: Iterable[Drift]) -> Styler:
    """Each difference in words: what most hosts have, who has what instead, what that means for the move."""
    rows = [
        {
            "aspect": row.aspect,
            "most hosts": row.usual,
            "but": "; ".join(f"{host}: {row.values[host] or 'nothing on record'}" for host in row.odd),
            "what it means for the move": row.reason,
        }
        for row in drifts
        if row.differs and row.weight >= 2
    ]
    return quiet(pd.DataFrame(rows, columns=["aspect", "most hosts", "but", "what it means for the move"]))


def portability_table(findings: Iterable[Finding]) -> HTML:
    """One block a topic: why it breaks in a Pod, what answers it, and each place with its line of code."""
    topics: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.outcome is not Outcome.PASS:
            topics.setdefault(finding.object, []).append(finding)
    left = "text-align:left;vertical-align:top;padding:6px 14px 6px 0"
    rows = "".join(
        f"<tr style='border-top:1px solid #d0d7de'><td style='{left};white-space:nowrap'>"
        f"<b style='color:{WEIGHTS[found[0].severity]}'>{found[0].severity}</b><br>{escape(topic)}</td>"
        f"<td style='{left}'>{_reasons(found)}</td><td style='{left}'>{_places(found)}</td></tr>"
        for topic, found in topics.items()
    )
    head = "".join(
        f"<th style='{left}'>{text}</th>" for text in ("", "why it breaks in a Pod, and what answers it", "where")
    )
    table = f"<table style='table-layout:auto;width:100%'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return HTML(table if rows else "<p>Nothing found that binds the source to a machine.</p>")


def _reasons(findings: Sequence[Finding]) -> str:
    first = findings[0]
    reason, _, change = first.reason.partition(" In code: ")
    return f"{escape(reason)}<br><b>Code:</b> {escape(change)}<br><b>Manifest:</b> {escape(first.mend)}"


def _places(findings: Sequence[Finding]) -> str:
    lines = (
        f"<code title='{escape(f.file)}'>{escape(Path(f.file).name)}:{f.line}</code> "
        f"<span style='color:#57606a'>{escape(f.message.partition(': ')[2][:90])}</span>"
        for f in findings
    )
    return "<br>".join(lines)


def demand_table(demands: Iterable[Demand], decided: dict[str, str], shared_sessions: bool | None) -> Styler:
    """What the manifests will have to hold, and what the profile has decided already."""
    rows = []
    for demand in demands:
        homes = {to for root, to in decided.items() if any(path.startswith(root) for path in demand.captured)}
        by = ", ".join(sorted(homes)) if demand.topic == "local-file" and homes else ""
        by = "shared session store" if demand.topic == "session" and shared_sessions else by
        rows.append(
            {
                "topic": demand.topic,
                "places": len(demand.places),
                "first": demand.places[0],
                "control": demand.control,
                "decided": by,
            }
        )
    return quiet(pd.DataFrame(rows, columns=["topic", "places", "first", "control", "decided"]))


def size_table(sizing: Sizing) -> Styler:
    """The named size profiles side by side; empty when no size was named."""
    columns = {
        size.profile: {
            "rule": size.rule,
            "CPU request": f"{size.cpu_request * 1000:.0f}m",
            "CPU limit": "none" if size.cpu_limit is None else f"{size.cpu_limit * 1000:.0f}m",
            "memory request": f"{size.memory_request} MiB",
            "memory limit": f"{size.memory_limit} MiB",
            "QoS class": size.quality,
            "replicas for the peak, HPA at 70 %": f"{size.replicas}",
            "HPA utilisation, mean / peak": f"{size.utilisation_mean:.0%} / {size.utilisation_peak:.0%}",
            "time that needs more than is requested": f"{size.starved:.1%}",
        }
        for size in sizing.sizes
    }
    frame = pd.DataFrame(columns)
    frame.insert(0, "", frame.index)
    return quiet(frame)


def usage_plot(usage: pd.DataFrame, sizing: Sizing) -> Figure:
    """CPU and memory of each instance over time, with the request of the default size."""
    figure, axes = plt.subplots(2, 1, figsize=(10, 4.6), sharex=True, layout="constrained")
    shades = plt.get_cmap("Blues")
    names = sorted(usage["instance"].unique())
    for number, name in enumerate(names):
        own = usage[usage["instance"] == name]
        colour = shades(0.45 + 0.5 * number / max(1, len(names) - 1))
        axes[0].plot(own["at"], own["cpu_cores"], color=colour, linewidth=0.9, label=name)
        axes[1].plot(own["at"], own["memory_mib"], color=colour, linewidth=0.9)
    if sizing.sizes:
        default = sizing.sizes[0]
        axes[0].axhline(default.cpu_request, color="#b35900", linewidth=1.2, label="request (default)")
        axes[1].axhline(default.memory_request, color="#b35900", linewidth=1.2)
    axes[0].set_title("CPU (cores); single spikes are starts", loc="left", fontsize="medium")
    axes[1].set_title("memory (MiB)", loc="left", fontsize="medium")
    for axis in axes:
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", alpha=0.25)
    axes[1].xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes[1].xaxis.get_major_locator()))
    axes[0].legend(frameon=False, ncols=len(names) + 1, loc="lower right", bbox_to_anchor=(1, 1), fontsize=8)
    plt.close(figure)
    return figure


def gain_table(gains: Iterable[Gain]) -> Styler:
    """The formula, every input with its origin, the result as a range."""
    rows = [
        {
            "gain": gain.name,
            "result": gain.result,
            "formula": gain.formula,
            "inputs": "; ".join(f"{name} = {value} ({origin})" for name, value, origin in gain.inputs),
        }
        for gain in gains
    ]
    return quiet(pd.DataFrame(rows)).map(lambda text: "font-weight: bold; white-space: nowrap", subset=["result"])
