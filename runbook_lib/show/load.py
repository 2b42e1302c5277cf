"""A load test on the screen: its steps, the rate at which the Pod gave way, and the autoscaler that follows."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from runbook_lib.judge.autoscaling import Proposal, Standing, patch
from runbook_lib.judge.knee import Knee, Step, standing
from runbook_lib.show.checks import quiet

GOOD, BAD, CALM, BLUE = "#1a7f37", "#cf222e", "#57606a", "#0969da"


def step_table(steps: Sequence[Step], error_rate: float) -> Styler:
    """One row a step: what was offered and answered, how slowly, and whether the Pod held it."""
    rows = []
    for step in steps:
        how, why = standing(step, error_rate)
        rows.append(
            {
                "offered/s": f"{step.rate:g}",
                "answered/s": f"{step.throughput:.0f}",
                "requests": step.sent,
                "failed": step.failed,
                "slow": step.slow,
                "P50": _milliseconds(step.p50),
                "P99": _milliseconds(step.p99),
                "Pod": how if not why else f"{how}: {why}",
            }
        )
    columns = ["offered/s", "answered/s", "requests", "failed", "slow", "P50", "P99", "Pod"]
    return quiet(pd.DataFrame(rows, columns=columns)).map(lambda said: f"color: {_colour(said)}", subset=["Pod"])


def load_figure(steps: Sequence[Step], found: Knee, latency: float) -> Figure:
    """Answered over offered load, and P50 and P99 below it; between held and given way lies the capacity."""
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(9, 5), sharex=True, layout="constrained")
    offered = [step.rate for step in steps]
    upper.plot(offered, offered, color=CALM, linestyle=":", label="offered")
    upper.plot(offered, [step.throughput for step in steps], color=BLUE, marker="o", label="answered")
    upper.set_ylabel("requests/s")
    for name, colour in (("p50", CALM), ("p99", BLUE)):
        values = [getattr(step, name) for step in steps]
        points = [(rate, 1000 * value) for rate, value in zip(offered, values, strict=True) if value is not None]
        lower.plot(*zip(*points, strict=True), color=colour, marker="o", label=name.upper()) if points else None
    lower.axhline(1000 * latency, color=BAD, linestyle="--", label=f"limit {1000 * latency:g} ms")
    upper.set_ylim(bottom=0)
    upper.set_xlim(left=0)
    lower.set_yscale("log")
    lower.set_ylabel("ms from when it was due")
    lower.set_xlabel("offered requests/s")
    for axis in (upper, lower):
        _mark(axis, found)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, loc="upper left", ncols=3)
    figure.suptitle(f"One Pod carries {found}", x=0.02, ha="left")
    plt.close(figure)
    return figure


def _mark(axis: Axes, found: Knee) -> None:
    if found.low is not None and found.high is not None:
        axis.axvspan(found.low, found.high, color=BAD, alpha=0.12)
    if found.low is not None:
        axis.axvline(found.low, color=GOOD, linewidth=1)


def autoscaler_table(proposal: Proposal | None, now: Standing) -> Styler:
    """What the autoscaler has now and what is proposed."""
    threshold = f"{now.threshold} %" if now.threshold else "–"
    rows = [
        {"": "CPU threshold", "now": threshold, "proposed": _threshold(proposal)},
        {"": "minReplicas", "now": _number(now.least), "proposed": _number(proposal.least if proposal else None)},
        {"": "maxReplicas", "now": _number(now.most), "proposed": _number(proposal.most if proposal else None)},
    ]
    said = proposal.why if proposal else "nothing is proposed: it is not known what one Pod carries, or is asked for"
    return quiet(pd.DataFrame(rows)).set_caption(said)


def autoscaler_text(proposal: Proposal | None, now: Standing, deployment: str, namespace: str) -> str:
    """The proposal as YAML for the manifests; nothing applies it. Empty where there is none."""
    if proposal is None:
        return ""
    text = yaml.safe_dump(patch(proposal, now, deployment, namespace), sort_keys=False)
    return f"# proposed, not applied: put it into the manifests\n{text}"


def _threshold(proposal: Proposal | None) -> str:
    return f"{proposal.threshold} %" if proposal and proposal.threshold else "–"


def _number(value: int | None) -> str:
    return "–" if value is None else str(value)


def _milliseconds(seconds: float | None) -> str:
    return "no answer" if seconds is None else f"{1000 * seconds:.0f} ms"


def _colour(said: str) -> str:
    return GOOD if said == "held" else BAD if said.startswith("gave way") else CALM
