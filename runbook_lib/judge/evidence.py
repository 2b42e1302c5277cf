"""E-processes over counts of both sides: evidence that may be looked at after every interval, and carried on.

For a ratio r of the two rates, given x = x_k + x_l bad requests of an interval, x_k is Binomial(x, theta_r) with
theta_r = r n_k / (r n_k + n_l). One factor is the likelihood ratio of theta_r against theta_m. Its mean is at most 1
whenever the true ratio is at most m, whatever the rates are and however they change between intervals: a burst that
both sides share cancels. For requests that are bad or not (Bernoulli) it is still at most 1: with a = theta_r / theta_m
and b = (1 - theta_r) / (1 - theta_m), E[a^x_k b^x_l] <= exp(n_k p_k (a - 1) + n_l p_l (b - 1)), which is 1 at
p_k = m p_l and less below. It only loses power where bad requests are common; there the factor of `two_by_two` takes
its place, chosen by what came before the interval. A product of such factors is a test supermartingale; its average
over alternatives r and over the moments at which it begins is an e-process, which wrongly exceeds 1/alpha with a chance
of at most alpha, at whatever looks (Ville).

Alternatives near the margin are held against r <= m. Coarse ones are held against "not worse" itself (m / 1.25, at
least 1), which finds them in half the time: the promise of at most alpha is made to a new side that is not worse. One
that is worse, yet within the margin, is failed with a chance of at most about alpha^0.7 (Lundberg's exponent of the
coarse alternative that is nearest, m = 1.25), which is 4 % for 1 %; bench/judge.py measures 1 to 2 %.

Sources: Lindon, Sanden, Shirikian, KDD 2022 (arXiv 2205.14762); Howard et al., Annals of Statistics 2021; processes
that begin anew: Shin, Ramdas, Rinaldo, E-detectors (arXiv 2203.03532), here with weights whose sum is at most 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from runbook_lib.judge.two_by_two import BoolArray, FloatArray, log_factor

_NEAR = np.array([1.15, 1.35, 1.6, 2.0, 2.5])  # times the margin
_COARSE = np.geomspace(4, 1000, 8)  # times what counts as not worse
_COARSE_SHARES = _COARSE**-0.7  # a larger ratio shows sooner, so that it can do with less
_COARSE_SHARE = 0.85
_BELOW = np.geomspace(1.3, 300, 10)  # the cap divided by these
_ABOVE = np.geomspace(0.002, 0.98, 14)  # of the room between the limit and 1
_USUAL_MARGIN = 1.25
SILENT = 0.01  # so few requests beside the new side's are stragglers, not a side to compare with
COMMON = 0.05  # above so large a share of bad requests the Poisson approximation loses power

# How the evidence is divided among processes that begin with the passage, with the present stage, and with any
# interval: a regression that comes late would otherwise have to make up for all the calm before it.
FROM_THE_START = 0.85
_FROM_A_STAGE = 1 / 256  # for a passage of up to 16 stages
_FROM_AN_INTERVAL = 0.0875
_BEGINNINGS = 2**17
_HARMONIC = math.log(_BEGINNINGS) + 0.578  # 1 + 1/2 + … + 1/_BEGINNINGS is just below


@dataclass(frozen=True)
class Counts:
    """Intervals as columns; the last axis is time, an axis before it holds passages that know nothing of each other."""

    seconds: FloatArray
    legacy_requests: FloatArray
    legacy_bad: FloatArray
    kubernetes_requests: FloatArray
    kubernetes_bad: FloatArray

    def only(self, kept: BoolArray | slice) -> Counts:
        """The intervals of a single passage that are kept."""
        return Counts(*(column[kept] for column in vars(self).values()))

    def grouped(self, attempts: float) -> Counts:
        """What the counts are worth when up to so many requests hang together, as those do that are tried again.

        Evidence to the power 1/attempts: by Hoelder's inequality its mean stays at most 1 whatever requests of one
        group have to do with each other.
        """
        return self if attempts == 1 else Counts(self.seconds, *(c / attempts for c in list(vars(self).values())[1:]))


def worse(counts: Counts, margin: float, stage_begins: int = 0) -> float:
    """The largest e-value so far against "the ratio of the rates is never above ``margin``"."""
    return highest(worse_paths(counts, margin, stage_begins))


def better(counts: Counts, cap: float) -> float:
    """The largest e-value so far against "the ratio of the rates is never below ``cap``"."""
    told = _Told.of(counts)
    told = told.counted_only() if counts.seconds.ndim == 1 else told
    return highest(_paths(told, cap / _BELOW, np.full(len(_BELOW), cap)))


def above(counts: Counts, limit: float, stage_begins: int = 0) -> float:
    """The largest e-value so far against "the new side's rate is at most ``limit``", where the old side is silent."""
    n, bad = counts.kubernetes_requests, np.minimum(counts.kubernetes_bad, counts.kubernetes_requests)
    alone = (n > 0) & (counts.legacy_requests <= SILENT * n)
    n, bad, begun = n[alone], bad[alone], _beginnings(alone, stage_begins)[alone]
    rates = limit + (1 - limit) * _ABOVE
    paths = np.empty((len(rates), *n.shape))
    for row, rate in enumerate(rates):
        step = bad * math.log(rate / limit) + (n - bad) * math.log((1 - rate) / (1 - limit))
        paths[row] = _begun_anew(step, begun)
    return highest(paths)


def worse_paths(counts: Counts, margin: float, stage_begins: int = 0, common_above: float = COMMON) -> FloatArray:
    """The logarithm of each alternative's part of the e-process after each interval, alternatives first."""
    told = _Told.of(counts, common_above)
    begun = _beginnings(told.counted, stage_begins)
    if counts.seconds.ndim == 1:  # intervals that tell nothing cost time, and change nothing
        told, begun = told.counted_only(), begun[told.counted]
    ratios, nulls, shares = alternatives(margin)
    paths = _paths(told, ratios, nulls, begun)
    return paths + np.log(shares * len(shares)).reshape(-1, *[1] * (paths.ndim - 1))


def alternatives(margin: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ratios new/old that are looked for, what each is held against, and its share of the evidence."""
    not_worse = min(margin, max(1.0, margin / _USUAL_MARGIN))
    near, coarse = margin * _NEAR, not_worse * _COARSE
    shares = (1 - _COARSE_SHARE) / len(near), _COARSE_SHARE * _COARSE_SHARES / _COARSE_SHARES.sum()
    return (
        np.concatenate((near, coarse)),
        np.concatenate((np.full(len(near), margin), np.full(len(coarse), not_worse))),
        np.concatenate((np.full(len(near), shares[0]), shares[1])),
    )


def highest(paths: FloatArray) -> float:
    """The highest point of the average over the alternatives, at least 1."""
    if not paths.size:
        return 1.0
    tops = paths.max(axis=0)
    alternatives = math.log(len(paths))
    # an average lies between its largest part and that part alone: only few intervals can hold the highest
    rivals = paths[:, tops >= max(float(tops.max()) - alternatives, 0.0)]
    top = float(logsumexp(rivals, axis=0).max()) - alternatives if rivals.size else 0.0
    return math.exp(min(max(top, 0.0), 700.0))


@dataclass(frozen=True)
class _Told:
    """What the intervals tell: counts of both sides, which of them count, and what was known before each."""

    new: FloatArray
    new_bad: FloatArray
    old: FloatArray
    old_bad: FloatArray
    counted: BoolArray
    common: BoolArray
    base: FloatArray

    @classmethod
    def of(cls, counts: Counts, common_above: float = COMMON) -> _Told:
        new, old = counts.kubernetes_requests, counts.legacy_requests
        both = (new > 0) & (old > 0)
        new_bad, old_bad = np.where(both, counts.kubernetes_bad, 0.0), np.where(both, counts.legacy_bad, 0.0)
        old_before, old_bad_before = _before(old), _before(old_bad)
        common = both & (_before(new_bad) + old_bad_before > common_above * (_before(new) + old_before))
        base = np.clip((old_bad_before + 0.5) / (old_before + 1), 1e-9, 0.9)
        return cls(new, new_bad, old, old_bad, both & (common | (new_bad + old_bad > 0)), common, base)

    def counted_only(self) -> _Told:
        return self if self.counted.all() else _Told(*(column[self.counted] for column in vars(self).values()))


def _paths(told: _Told, ratios: FloatArray, nulls: FloatArray, begun: FloatArray | None = None) -> FloatArray:
    """One row a ratio, written row by row: a row fits the processor's cache."""
    paths = np.empty((len(ratios), *told.new.shape))
    bad, common = told.new_bad + told.old_bad, told.common
    all_count = bool(told.counted.all())
    few = _Told(*(column[common] for column in vars(told).values())) if common.any() else None
    for row, (ratio, null) in enumerate(zip(ratios.tolist(), nulls.tolist(), strict=True)):
        # (1 - theta_r) / (1 - theta_null), written so that it is exact also where theta is almost 1
        with np.errstate(invalid="ignore", divide="ignore"):
            step = told.new_bad * math.log(ratio / null) + bad * np.log(
                (null * told.new + told.old) / (ratio * told.new + told.old)
            )
        if few is not None:
            step[common] = log_factor(few.new, few.new_bad, few.old, few.old_bad, few.base, ratio, null)
        if not all_count:
            step = np.where(told.counted, step, 0.0)
        paths[row] = np.cumsum(step, axis=-1) if begun is None else _begun_anew(step, begun)
    return paths


def _begun_anew(step: FloatArray, begun: FloatArray) -> FloatArray:
    """The best of the processes that began at an interval up to this one, each with its share of the evidence.

    The sum over all of them is the e-process; its largest part is less, and is one pass over the array.
    """
    total = np.cumsum(step, axis=-1)
    before = total - step
    return np.asarray(total + np.maximum.accumulate(begun - before, axis=-1))


def _beginnings(counted: BoolArray, stage_begins: int) -> FloatArray:
    """The logarithm of the share of the process that begins with each interval; known before the interval is."""
    number = _before(counted.astype(np.float64))
    shares = np.where(number < _BEGINNINGS, _FROM_AN_INTERVAL / _HARMONIC / (number + 1), 0.0)
    shares[..., stage_begins:] = np.where(
        number[..., stage_begins:] == number[..., stage_begins : stage_begins + 1],
        _FROM_A_STAGE,
        shares[..., stage_begins:],
    )
    shares[number == 0] = FROM_THE_START
    with np.errstate(divide="ignore"):
        return np.log(shares)


def _before(column: FloatArray) -> FloatArray:
    """Sums over the intervals before each."""
    return np.asarray(np.cumsum(column, axis=-1) - column)
