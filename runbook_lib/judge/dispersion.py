"""Do bad requests come one by one? Between two halves of one side they must spread as coins do."""

from __future__ import annotations

import math

import numpy as np

from runbook_lib.judge.evidence import Counts

_SURE = 3.0  # standard errors


def dispersion(counts: Counts) -> tuple[float, float]:
    """How many bad requests come together, about, and how many standard errors above ``1`` that is.

    Per interval, given x bad requests on both halves, those of one are Binomial(x, f) if each stands alone: the mean
    of (x_a - x f)^2 / (x f (1 - f)) is 1 and its variance 2 + (1 / (f (1 - f)) - 6) / x, both exact, and a burst that
    the halves share cancels. With groups of S it is E[S^2] / E[S]. f is that of the whole time, so that a half which
    is worse all the time does not look like groups. (1.0, 0.0) where nothing can be said.
    """
    a, b = counts.kubernetes_requests, counts.legacy_requests
    bad = counts.kubernetes_bad + counts.legacy_bad
    told = (bad > 1) & (a > 0) & (b > 0)
    if not told.any():
        return 1.0, 0.0
    rates = (counts.kubernetes_bad[told].sum() / a[told].sum(), counts.legacy_bad[told].sum() / b[told].sum())
    if min(rates) <= 0:
        return 1.0, 0.0
    bad, part = bad[told], (rates[0] * a[told] / (rates[0] * a[told] + rates[1] * b[told]))
    spread = part * (1 - part)
    squares = (counts.kubernetes_bad[told] - bad * part) ** 2 / (bad * spread)
    error = math.sqrt(float(np.maximum(2 + (1 / spread - 6) / bad, 1e-9).sum()))
    return float(squares.mean()), float((squares - 1).sum()) / error


def grouped(counts: Counts, attempts: float) -> str:
    """Why ``attempts`` is too little for what is seen; empty when it is not."""
    found, _ = dispersion(counts)
    _, beyond = dispersion(counts.grouped(attempts))
    if beyond <= _SURE:
        return ""
    return f"bad requests come about {found:.1f} at a time, {attempts:g} attempts are allowed for"
