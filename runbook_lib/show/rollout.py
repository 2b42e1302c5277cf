"""A pilot deploy on the screen: what would change, what its Pods are, the drill's times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from runbook_lib.observe.workload.pods import PodState
from runbook_lib.observe.workload.trouble import Trouble
from runbook_lib.show.checks import quiet

GOOD, BAD, CALM = "#1a7f37", "#cf222e", "#57606a"


def pods_table(pods: Sequence[PodState], endpoints: Mapping[str, bool], troubles: Sequence[Trouble]) -> Styler:
    """One row a Pod: where it is, whether users could reach it, what troubles it."""
    said = {trouble.pod: f"{trouble.what}; {trouble.next}" for trouble in troubles}
    rows = [
        {
            "Pod": pod.name,
            "address": f"{pod.address}:{pod.port}",
            "ready": "yes" if pod.ready else "no",
            "in the Service": "yes" if endpoints.get(pod.address) else "no",
            "restarts": pod.restarts,
            "trouble": "ends" if pod.terminating else said.get(pod.name, ""),
        }
        for pod in pods
    ]
    return quiet(pd.DataFrame(rows, columns=["Pod", "address", "ready", "in the Service", "restarts", "trouble"]))


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
