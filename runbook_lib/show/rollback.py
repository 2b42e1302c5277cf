"""A rollback on the screen: what can be gone back to, what is planned and why, and the line of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.snapshots import SnapshotSet, snapshot_sets
from runbook_lib.record.incident import Step
from runbook_lib.rollback.plan import Plan
from runbook_lib.show.checks import quiet

COLOURS = {"detected": "#cf222e", "failed": "#cf222e", "drained": "#1a7f37", "restored": "#1a7f37"}
_SETS = ["kept (UTC)", "moment", "run", "revision", "images", "ConfigMaps and Secrets", "may be used", "set"]


def kept_sets(clients: Clients) -> Styler:
    """The snapshot sets of the Deployment, newest first; a cluster that does not answer holds nobody up."""
    wanted = clients.parameters.kubernetes
    try:
        return sets_table(snapshot_sets(Cluster(clients.kubernetes, wanted.namespace), wanted.deployment))
    except RunbookError as error:
        return quiet(pd.DataFrame([{"not known": str(error)}]))


def sets_table(sets: Sequence[SnapshotSet]) -> Styler:
    """One row a set, newest first: when and by which run it was kept, and what belongs together in it."""
    rows = [
        {
            "kept (UTC)": f"{one.at:%Y-%m-%d %H:%M:%S}",
            "moment": f"{one.moment} a release{'' if one.stood else ', while a rollout was going on'}",
            "run": one.run,
            "revision": one.revision,
            "images": ", ".join(one.images),
            "ConfigMaps and Secrets": ", ".join(kept.title for kept in one.configuration) or "none",
            "may be used": one.problem or "yes",
            "set": one.name,
        }
        for one in reversed(sets)
    ]
    return quiet(pd.DataFrame(rows, columns=_SETS))


def plan_table(plan: Plan) -> Styler:
    """What stands, what it goes back to, why this one, and what stays as it is."""
    rows = [
        ("stands", f"revision {plan.revision}, template {plan.standing[:12] or 'gone: the Deployment is not there'}"),
        ("goes back to", f"revision {plan.to_revision}, template {plan.target[:12]}, {', '.join(plan.images)}"),
        ("from", plan.source),
        *(("why", reason) for reason in plan.why),
        *((name, {"same": "as it was then", "gone": "is gone, made anew"}.get(s, s)) for name, s in plan.configuration),
        *(("stays", sentence) for sentence in plan.left),
    ]
    if plan.script is not None:
        rows.append(("data script", f"{plan.script.script}, its dry run passed {plan.script.at:%Y-%m-%d %H:%M} UTC"))
    return quiet(pd.DataFrame(rows, columns=["", "said"]))


def timeline_table(steps: Sequence[Step]) -> Styler:
    """One row a moment: when, how long after the first, what, by whom."""
    first = _moment(steps[0]) if steps else None
    rows = [
        {
            "time (UTC)": f"{_moment(step):%Y-%m-%d %H:%M:%S}",
            "after": f"{(_moment(step) - first).total_seconds():.1f} s" if first else "",
            "": step.kind,
            "what": step.said,
            "by": step.by,
        }
        for step in steps
    ]
    return quiet(pd.DataFrame(rows, columns=["time (UTC)", "after", "", "what", "by"]))


def timeline_figure(steps: Sequence[Step]) -> Figure:
    """The moments on a line of time, each kind in a row of its own, named by its seconds."""
    kinds = list(dict.fromkeys(step.kind for step in steps))
    figure, axis = plt.subplots(figsize=(9, 0.9 + 0.4 * max(len(kinds), 1)), layout="constrained")
    first = _moment(steps[0]) if steps else None
    for step in steps if first else ():
        seconds, row = (_moment(step) - first).total_seconds() if first else 0.0, kinds.index(step.kind)
        axis.plot(seconds, row, "o", color=COLOURS.get(step.kind, "#0969da"))
        axis.annotate(f"{seconds:.1f} s", (seconds, row), xytext=(0, 6), textcoords="offset points", ha="center")
    axis.set_yticks(range(len(kinds)), kinds)
    axis.invert_yaxis()
    axis.set_xlabel("seconds since it was detected")
    axis.margins(x=0.08, y=0.3)
    axis.spines[["top", "right", "left"]].set_visible(False)
    plt.close(figure)
    return figure


def _moment(step: Step) -> datetime:
    return datetime.fromisoformat(step.at)
