"""A pilot deploy on the screen: what would change, how the rollout goes, what the Pods answered, the drill's times."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, display
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from runbook_lib.observe.difference import Difference
from runbook_lib.observe.pods import PodState
from runbook_lib.observe.rbac import Permission
from runbook_lib.observe.rollout import Progress
from runbook_lib.show.checks import quiet

GOOD, BAD, CALM = "#1a7f37", "#cf222e", "#57606a"


def permission_table(answers: Sequence[Permission]) -> Styler:
    """One row a resource: the verbs we may use, and those that are missing."""
    rows: dict[str, dict[str, str]] = {}
    for answer in answers:
        name = f"{answer.resource}.{answer.group}" if answer.group else answer.resource
        row = rows.setdefault(name, {"resource": name, "allowed": "", "missing": ""})
        key = "allowed" if answer.allowed else "missing"
        row[key] = f"{row[key]} {answer.verb}".strip()
    frame = pd.DataFrame(rows.values(), columns=["resource", "allowed", "missing"])
    return quiet(frame).map(lambda _: f"color: {BAD}; font-weight: bold", subset=["missing"])


def difference_table(differences: Sequence[Difference]) -> Styler:
    """One row a field that would change; objects that are new or as they should be have one row each."""
    rows = []
    for d in differences:
        head = {"object": d.object, "from": d.file, "action": d.action}
        fields = [{"field": f.path, "now": _short(f.before), "then": _short(f.after)} for f in d.fields]
        conflicts = [{"field": conflict, "now": "owned by another manager"} for conflict in d.conflicts]
        rows += [head | row for row in (fields + conflicts or [{"field": d.note}])]
    frame = pd.DataFrame(rows, columns=["object", "from", "action", "field", "now", "then"]).fillna("")
    colours = {"create": GOOD, "change": "#9a6700", "same": CALM}
    return quiet(frame).map(lambda action: f"color: {colours[action]}; font-weight: bold", subset=["action"])


def pods_table(pods: Sequence[PodState], endpoints: Mapping[str, bool]) -> Styler:
    """One row a Pod: where it is, whether users could reach it, what troubles it."""
    rows = [
        {
            "Pod": pod.name,
            "address": f"{pod.address}:{pod.port}",
            "ready": "yes" if pod.ready else "no",
            "in the Service": "yes" if endpoints.get(pod.address) else "no",
            "restarts": pod.restarts,
            "trouble": "ends" if pod.terminating else pod.trouble,
        }
        for pod in pods
    ]
    return quiet(pd.DataFrame(rows, columns=["Pod", "address", "ready", "in the Service", "restarts", "trouble"]))


class LiveRollout:
    """The rollout drawn in place while it goes; the last picture stays in the archive.

    ``tell`` (a run's ``progress``) says the same to those who look from outside.
    """

    def __init__(self, title: str, tell: Callable[[str, float | None], object] | None = None) -> None:
        self.title = title
        self._tell = tell
        self._started = time.monotonic()
        self._handle: Any = display(HTML(f"<p>{escape(title)} …</p>"), display_id=True)

    def see(self, progress: Progress, why: Sequence[str]) -> None:
        """Draw one state and the reasons that hold it up."""
        seconds = time.monotonic() - self._started
        self._handle.update(HTML(rollout_html(self.title, progress, why, seconds)))
        if self._tell is not None:
            message = f"{self.title}: {progress.available} of {progress.wanted} available" + (
                f"; {why[0]}" if why else ""
            )
            self._tell(message, min(1.0, progress.available / max(progress.wanted, 1)))


def rollout_html(title: str, progress: Progress, why: Sequence[str], seconds: float) -> str:
    """Three bars and the reasons, readable without any script."""
    bars = "".join(
        _bar(name, count, progress.wanted)
        for name, count in (
            ("updated", progress.updated),
            ("ready", progress.ready),
            ("available", progress.available),
        )
    )
    state = "complete" if progress.complete else "stalled" if progress.stalled else "going on"
    colour = GOOD if progress.complete else BAD if progress.stalled else CALM
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in why)
    old = progress.total - progress.updated
    left = f", {old} of the old template still there" if old > 0 else ""
    return (
        f"<p><b>{escape(title)}</b>: revision {progress.revision}, {seconds:.1f} s, "
        f"<b style='color:{colour}'>{state}</b>{left}</p><table>{bars}</table><ul>{reasons}</ul>"
    )


def _bar(name: str, count: int, wanted: int) -> str:
    share = min(1.0, count / wanted) if wanted else 0
    return (
        f"<tr><td style='text-align:left'>{name}</td><td style='width:20em;text-align:left'>"
        f"<div style='background:#8883;width:100%'><div style='background:{GOOD};height:.8em;width:{share:.0%}'></div>"
        f"</div></td><td>{count} of {wanted}</td></tr>"
    )


def drill_figure(moments: Sequence[tuple[str, datetime]]) -> Figure:
    """The drill as a line of time: seconds from its first moment, each moment named."""
    start = moments[0][1]
    seconds = [(at - start).total_seconds() for _, at in moments]
    figure, axis = plt.subplots(figsize=(9, 0.5 + 0.32 * len(moments)), layout="constrained")
    for row, ((name, _), begin, end) in enumerate(zip(moments[1:], seconds, seconds[1:], strict=False)):
        axis.barh(row, end - begin, left=begin, color="#0969da")
        axis.annotate(f"{end - begin:.1f} s", (end, row), xytext=(4, 0), textcoords="offset points", va="center")
        axis.text(-0.01, row, name, transform=axis.get_yaxis_transform(), ha="right", va="center")
    axis.set_yticks([])
    axis.invert_yaxis()
    axis.set_xlabel("seconds since the drill began")
    axis.margins(x=0.08)
    axis.spines[["top", "right", "left"]].set_visible(False)
    plt.close(figure)
    return figure


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 100 else f"{text[:97]}…"
