"""Exact one-sided bounds of a rate, and how many requests they need; no approximation, whatever the counts."""

from __future__ import annotations

import math

from scipy.special import betainc, betaincinv, gammainc, gammaincinv

CONFIDENCE = 0.95


def upper_bound(bad: float, requests: float, confidence: float = CONFIDENCE) -> float:
    """Exact (Clopper-Pearson) one-sided upper bound of a rate; 1.0 without any request."""
    if requests <= 0 or bad >= requests:
        return 1.0
    return float(betaincinv(bad + 1, requests - bad, confidence))


def lower_bound(bad: float, requests: float, confidence: float = CONFIDENCE) -> float:
    """Exact (Clopper-Pearson) one-sided lower bound of a rate; 0.0 without any bad request."""
    if requests <= 0 or bad <= 0:
        return 0.0
    return float(betaincinv(bad, max(requests - bad, 0) + 1, 1 - confidence))


def upper_intensity(events: float, exposure: float, confidence: float = CONFIDENCE) -> float:
    """Exact (Garwood) upper bound of events in one unit of exposure, for a Poisson count; infinite without any."""
    return float(gammaincinv(events + 1, confidence)) / exposure if exposure > 0 else math.inf


def at_least(events: float, total: float, share: float) -> float:
    """The chance of at least ``events`` of Binomial(total, share)."""
    return 1.0 if events <= 0 else 0.0 if events > total else float(betainc(events, total - events + 1, share))


def at_least_expected(events: float, expected: float) -> float:
    """The chance of at least ``events`` of Poisson(expected)."""
    return 1.0 if events <= 0 else float(gammainc(events, expected))


def requests_missing(bad: float, requests: float, rule_out: float, rate: float = 0.0) -> float:
    """How many more requests bring the upper bound down to ``rule_out`` when ``rate`` of them are bad, or infinity.

    With the default it is the least possible: not one more bad request.
    """
    if upper_bound(bad, requests) <= rule_out:
        return 0
    if rate >= rule_out:
        return math.inf

    def beyond(more: int) -> bool:
        return upper_bound(bad + rate * more, requests + more) > rule_out

    low, high = 0, 1
    while beyond(high):
        low, high = high, high * 2
        if high > 1e15:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if beyond(middle) else (low, middle)
    return float(high)


def requests_to_tell(base: float, worse: float, alpha: float, power: float = 0.9) -> float:
    """Requests after which an exact test finds ``worse`` where ``base`` is known, in ``power`` of the cases.

    The least that any test with one look needs; infinite when there is nothing to find.
    """
    if not 0 <= base < worse <= 1:
        return math.inf
    count = 1
    while True:
        requests = _until(count, worse, power)
        if at_least(count, requests, base) <= alpha:
            return requests
        if count > 10**6:
            return math.inf
        count += max(1, count // 200)  # exact to half a percent where it is a matter of millions


def _until(count: int, rate: float, chance: float) -> float:
    """The fewest requests of which at least ``count`` are bad with such a chance."""
    low, high = count - 1, max(count, math.ceil(float(gammaincinv(count, chance)) / rate) + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if at_least(count, middle, rate) >= chance else (middle, high)
    return float(high)
