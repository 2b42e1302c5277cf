"""The hard breaker: so many bad requests in so short a time that nobody waits for evidence over the whole stage."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc

from runbook_lib.judge.evidence import SILENT, Counts
from runbook_lib.judge.two_by_two import FloatArray

_NOT_BY_CHANCE = 1e-6  # a stage of two weeks has 80 000 looks
_NOT_BY_CHANCE_ALONE = 1e-4  # where the old side is silent, and a rate at the limit would be reason enough


def tripped(counts: Counts, least: float, rate: float, margin: float, absolute: float) -> str:
    """The first stretch of at least ``least`` requests of which ``rate`` are bad; empty when there is none.

    Looked at is the shortest such stretch that ends with each interval. It has to be above the old side beyond chance:
    given all bad requests in the stretch, so many are on the new side with a chance of less than one in a million, if
    its rate is ``margin`` times the old side's; where the old side is silent, ``absolute`` takes its place.
    """
    requests, bad = _sums(counts.kubernetes_requests), _sums(counts.kubernetes_bad)
    old, old_bad = _sums(counts.legacy_requests), _sums(counts.legacy_bad)
    first = np.searchsorted(requests, requests[1:] - least, side="right") - 1
    last = np.flatnonzero(first >= 0)
    first = first[last]
    seen, wrong = requests[last + 1] - requests[first], bad[last + 1] - bad[first]
    suspect = np.flatnonzero((wrong >= rate * seen) & (wrong > 0))
    first, last, seen, wrong = first[suspect], last[suspect], seen[suspect], wrong[suspect]
    beside, beside_bad = old[last + 1] - old[first], old_bad[last + 1] - old_bad[first]
    silent = beside <= SILENT * seen
    chance = np.where(
        silent,
        betainc(wrong, np.maximum(seen - wrong, 0) + 1, absolute),
        betainc(wrong, beside_bad + 1, margin * seen / (margin * seen + beside)),
    )
    found = np.flatnonzero(chance < np.where(silent, _NOT_BY_CHANCE_ALONE, _NOT_BY_CHANCE))
    if not found.size:
        return ""
    at = found[0]
    seconds = float(counts.seconds[first[at] : last[at] + 1].sum())
    return f"{wrong[at] / seen[at]:.1%} ({wrong[at]:.0f}/{seen[at]:.0f}) >= {rate:.0%} within {seconds:.0f} s"


def _sums(column: FloatArray) -> FloatArray:
    return np.concatenate(([0.0], np.cumsum(column)))
