"""Verdicts as a table, the worst first."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from pandas.io.formats.style import Styler

from runbook_lib.model import Verdict

COLOURS = {"PASS": "#1a7f37", "INCONCLUSIVE": "#9a6700", "FAIL": "#cf222e"}


def verdict_table(verdicts: Iterable[Verdict]) -> Styler:
    """One row a criterion: name, outcome, and the sentence with both numbers."""
    ordered = sorted(verdicts, key=lambda v: -v.outcome)
    rows = [{"criterion": v.name, "outcome": v.outcome.name, "because": v.message} for v in ordered]
    frame = pd.DataFrame(rows, columns=["criterion", "outcome", "because"])
    return (
        frame.style.hide(axis="index")
        .format(escape="html")
        .map(lambda outcome: f"color: {COLOURS[outcome]}; font-weight: bold", subset=["outcome"])
        .set_table_styles([{"selector": "th, td", "props": [("text-align", "left"), ("vertical-align", "top")]}])
    )
