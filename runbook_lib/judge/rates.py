"""Is the new side's rate of bad requests worse? Counts in, Verdict out.

Per disjoint interval the two sides saw n_k and n_l requests, of which x_k and x_l were bad (failed, or slow). Given
x = x_k + x_l, x_k is Binomial(x, r n_k / (r n_k + n_l)) where r is the ratio of the two rates, so a burst that both
sides share cancels. The likelihood ratio against r = m, averaged over a grid of alternatives, is an e-process: it may
be looked at after every interval and wrongly exceeds 1/alpha with probability at most alpha.
Sources: Lindon, Sanden, Shirikian, KDD 2022 (arXiv 2205.14762); Howard et al., Annals of Statistics 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, logsumexp

from runbook_lib.model import Outcome, Verdict

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

_GRID = np.exp(np.linspace(math.log(1.1), math.log(1000), 40))
_CONFIDENCE = 0.95
_SILENT = 0.01  # so few requests beside the new side's are stragglers, not a side to compare with


@dataclass(frozen=True)
class Interval:
    """What both sides did in one stretch of time: requests, and how many of them were bad."""

    seconds: float
    legacy_requests: float
    legacy_bad: float
    kubernetes_requests: float
    kubernetes_bad: float


@dataclass(frozen=True)
class RateLimits:
    """What the rate is held against.

    ``margin``: ratio new/old that still counts as not worse; ``rule_out``: rate that must be excluded to pass;
    ``absolute``: rate that fails where the old side has no traffic to compare with; ``alpha``: chance of a false FAIL;
    ``ratio_cap``: ratio new/old that must be excluded to pass where the old side itself has bad requests;
    the breaker fails at once at ``breaker_rate`` over at least ``breaker_requests``.
    """

    margin: float
    rule_out: float
    absolute: float
    alpha: float
    ratio_cap: float = 2.0
    breaker_requests: int = 20
    breaker_rate: float = 0.2


def ratio_cap(weight: int) -> float:
    """The ratio new/old that a stage must exclude: 10 at 1 %, falling to 2 from 30 % on."""
    steps = math.log(min(max(weight, 1), 30)) / math.log(30)
    return 10.0 * math.pow(0.2, steps)


def judge_rate(name: str, intervals: Sequence[Interval], limits: RateLimits) -> Verdict:
    """FAIL (a trigger) when the new side is worse, PASS on evidence of its own, else INCONCLUSIVE and what is missing.

    A FAIL stands: the process is looked at after each interval, and a later calm does not take it back.
    An interval with a count that is no number counts as not measured.
    """
    intervals = [i for i in intervals if math.isfinite(math.fsum(vars(i).values()))]
    total = _total(intervals)
    numbers = {
        "kubernetes_requests": total.kubernetes_requests,
        "kubernetes_bad": total.kubernetes_bad,
        "legacy_requests": total.legacy_requests,
        "legacy_bad": total.legacy_bad,
        "evidence_against": worse_evidence(intervals, limits.margin),
        "evidence_absolute": absolute_evidence(intervals, limits.absolute),
        "evidence_for": better_evidence(intervals, limits.ratio_cap),
        "upper_bound": upper_bound(total.kubernetes_bad, total.kubernetes_requests),
    }
    new, old = _rates(total)
    if tripped := breaker(intervals, limits):
        return Verdict(name, Outcome.FAIL, f"{tripped}; breaker, old side {old}", numbers, trigger=True)
    limit = f"{limits.margin:g} x old side ({old})"
    if numbers["evidence_against"] >= 1 / limits.alpha:
        said = f"{new} > {limit}, evidence {numbers['evidence_against']:.3g} >= {1 / limits.alpha:.3g}"
        return Verdict(name, Outcome.FAIL, said, numbers, trigger=True)
    if numbers["evidence_absolute"] >= 1 / limits.alpha:
        said = f"{new} > limit {limits.absolute:.2%}, evidence {numbers['evidence_absolute']:.3g}"
        return Verdict(name, Outcome.FAIL, said, numbers, trigger=True)
    return _pass_or_hold(name, intervals, limits, numbers)


def _pass_or_hold(name: str, intervals: Sequence[Interval], limits: RateLimits, numbers: dict[str, float]) -> Verdict:
    total = _total(intervals)
    new, old = _rates(total)
    bound = numbers["upper_bound"]
    if bound <= limits.rule_out:
        ruled_out = f"at most {bound:.2%} with {_CONFIDENCE:.0%} confidence <= limit {limits.rule_out:.2%}"
        said = f"{new}, {ruled_out}; old side {old}"
        return Verdict(name, Outcome.PASS, said, numbers)
    if numbers["evidence_for"] >= 1 / limits.alpha:
        said = f"{new} < {limits.ratio_cap:g} x old side ({old}), evidence {numbers['evidence_for']:.3g}"
        return Verdict(name, Outcome.PASS, said, numbers)
    missing = requests_missing(total.kubernetes_bad, total.kubernetes_requests, limits.rule_out)
    seconds = sum(i.seconds for i in intervals)
    pace = total.kubernetes_requests / seconds if seconds else 0
    wait = f", about {missing / pace:.0f} s at the present rate" if pace else "; no request has come yet"
    said = f"{new}, not yet ruled out: {limits.rule_out:.2%}; {missing} more requests{wait}"
    return Verdict(name, Outcome.INCONCLUSIVE, said, {**numbers, "requests_missing": missing})


def worse_evidence(intervals: Sequence[Interval], margin: float) -> float:
    """The largest e-value so far against "the ratio of the rates is at most ``margin``"."""
    return _evidence(intervals, margin * _GRID, margin)


def better_evidence(intervals: Sequence[Interval], cap: float) -> float:
    """The largest e-value so far against "the ratio of the rates is at least ``cap``"."""
    return _evidence(intervals, cap / _GRID, cap)


def _evidence(intervals: Sequence[Interval], ratios: FloatArray, null: float) -> float:
    """The highest point of the likelihood ratio against ``null``, averaged over the alternatives ``ratios``."""
    logs = np.zeros(ratios.shape)
    highest = 0.0
    for i in intervals:
        n_k, n_l = i.kubernetes_requests, i.legacy_requests
        if n_k > 0 and n_l > 0 and i.kubernetes_bad + i.legacy_bad > 0:
            # (1 - theta_r) / (1 - theta_null), written so that it is exact also where theta is almost 1
            others = np.log((null * n_k + n_l) / (ratios * n_k + n_l))
            logs = logs + i.kubernetes_bad * (np.log(ratios / null) + others) + i.legacy_bad * others
            highest = max(highest, float(logsumexp(logs)) - math.log(len(ratios)))
    return math.exp(min(highest, 700.0))


def absolute_evidence(intervals: Sequence[Interval], limit: float) -> float:
    """The largest e-value so far against "the new side's rate is at most ``limit``", where the old side is silent."""
    rates = limit + (1 - limit) * np.linspace(0.02, 0.98, 40)
    logs = np.zeros(rates.shape)
    highest = 0.0
    for i in intervals:
        if i.kubernetes_requests > 0 and i.legacy_requests <= _SILENT * i.kubernetes_requests:
            good = i.kubernetes_requests - i.kubernetes_bad
            logs = logs + i.kubernetes_bad * np.log(rates / limit) + good * np.log((1 - rates) / (1 - limit))
            highest = max(highest, float(logsumexp(logs)) - math.log(len(rates)))
    return math.exp(min(highest, 700.0))


def breaker(intervals: Sequence[Interval], limits: RateLimits) -> str:
    """What tripped the breaker: the first stretch of ``breaker_requests`` that is as bad; empty when none is.

    Looked at is the shortest stretch that ends with each interval and has enough requests.
    """
    first, requests, bad = 0, 0.0, 0.0
    for last, i in enumerate(intervals):
        requests, bad = requests + i.kubernetes_requests, bad + i.kubernetes_bad
        while requests - intervals[first].kubernetes_requests >= limits.breaker_requests:
            requests, bad = requests - intervals[first].kubernetes_requests, bad - intervals[first].kubernetes_bad
            first += 1
        if requests >= limits.breaker_requests and bad >= limits.breaker_rate * requests:
            total = _total(intervals[first : last + 1])
            old = total.legacy_bad / total.legacy_requests if total.legacy_requests else 0.0
            if bad / requests > limits.margin * old:
                share = f"{bad / requests:.1%} ({bad:.0f}/{requests:.0f})"
                return f"{share} >= {limits.breaker_rate:.0%} within {total.seconds:.0f} s"
    return ""


def upper_bound(bad: float, requests: float, confidence: float = _CONFIDENCE) -> float:
    """Exact (Clopper-Pearson) one-sided upper bound of a rate; 1.0 without any request."""
    if requests <= 0 or bad >= requests:
        return 1.0
    return float(betaincinv(bad + 1, requests - bad, confidence))


def requests_missing(bad: float, requests: float, rule_out: float) -> int:
    """How many more good requests bring the upper bound down to ``rule_out``."""
    if upper_bound(bad, requests) <= rule_out:
        return 0
    low, high = 0, 1
    while upper_bound(bad, requests + high) > rule_out:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper_bound(bad, requests + middle) > rule_out else (low, middle)
    return high


def _total(intervals: Sequence[Interval]) -> Interval:
    return Interval(
        sum(i.seconds for i in intervals),
        sum(i.legacy_requests for i in intervals),
        sum(i.legacy_bad for i in intervals),
        sum(i.kubernetes_requests for i in intervals),
        sum(i.kubernetes_bad for i in intervals),
    )


def _rates(total: Interval) -> tuple[str, str]:
    return (
        share_of(total.kubernetes_bad, total.kubernetes_requests),
        share_of(total.legacy_bad, total.legacy_requests),
    )


def share_of(part: float, whole: float) -> str:
    """``4.1 % (37/902)``; says so when there is nothing to divide by."""
    return f"{part / whole:.2%} ({part:.0f}/{whole:.0f})" if whole else "no requests"
