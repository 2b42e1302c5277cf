"""Before a stage: what it could see and how long that takes, and how the chance of a false alarm is divided."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta

import pandas as pd
from pandas.io.formats.style import Styler

from runbook_lib.judge.alpha import AlphaShare
from runbook_lib.judge.plan import Sight


def sights_table(sights: Iterable[Sight], watched: float) -> Styler:
    """One row a size of regression: requests on the new side until it shows in 9 of 10 cases, and the time they take.

    ``watched``: seconds that the stage may take; what takes longer is left for a longer stage to see.
    """
    rows = [
        {
            "regression": f"{s.base_rate:.2%} → {s.rate:.2%} ({s.ratio:g} x)",
            "requests": f"{s.requests:,.0f}",
            "takes": _duration(s.seconds),
            "this stage": "sees it" if s.seconds <= watched else "is too short",
        }
        for s in sights
        if s.rate < 1
    ]
    return _left(pd.DataFrame(rows, columns=["regression", "requests", "takes", "this stage"]))


def alpha_table(shares: Iterable[AlphaShare]) -> Styler:
    """One row a test: its share of the chance that a healthy new side is rolled back."""
    rows = [{"test": share.name, "chance of a false alarm": f"{share.alpha:.2%}"} for share in shares]
    return _left(pd.DataFrame(rows, columns=["test", "chance of a false alarm"]))


def _duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "for ever: nobody comes"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return (
        f"{seconds / 3600:.1f} h" if seconds < 2 * 86400 else f"{seconds / timedelta(days=1).total_seconds():.1f} days"
    )


def _left(frame: pd.DataFrame) -> Styler:
    return (
        frame.style.hide(axis="index")
        .format(escape="html")
        .set_table_styles([{"selector": "th, td", "props": [("text-align", "left")]}])
    )
