"""What a histogram can say about a quantile: the bucket it lies in, and nothing narrower.

Whether the new side is slower is judged by the fraction of requests beyond a bucket boundary (`rates.judge_rate` on
slow requests). Quantiles are for people and for limits; their bounds here are distribution-free: a quantile is above a
boundary when the fraction beyond it surely is above 1 - q, whatever the latencies look like.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.judge.bounds import CONFIDENCE, lower_bound, upper_bound
from runbook_lib.model import Outcome, Verdict


@dataclass(frozen=True)
class Bucket:
    """Requests that took at most ``bound`` seconds, as Prometheus counts them (cumulative; the last bound is inf)."""

    bound: float
    requests: float


@dataclass(frozen=True)
class Quantile:
    """The bucket in which a quantile lies (above ``low``, at most ``high`` seconds), surely so or as it was seen."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"over {self.low:g} s" if math.isinf(self.high) else f"{self.low:g} to {self.high:g} s"


def requests_for(quantile: float, confidence: float = CONFIDENCE) -> int:
    """Requests below which no bound on a quantile exists: 299 for P99 with 95 % confidence, 459 with 99 %."""
    return math.ceil(math.log1p(-confidence) / math.log(quantile))


def seen_quantile(buckets: Sequence[Bucket], quantile: float = 0.99) -> Quantile | None:
    """The bucket of the quantile of what was seen, to be shown with the bucket as its error bar; None without any."""
    total = _total(buckets)
    return None if not total else _between(buckets, [b.requests < quantile * total for b in buckets])


def sure_quantile(buckets: Sequence[Bucket], quantile: float = 0.99, confidence: float = CONFIDENCE) -> Quantile | None:
    """Where the quantile of all requests lies, each end with such a confidence; None when too few were seen."""
    total = _total(buckets)
    if total < requests_for(quantile, confidence):
        return None
    beyond = [(total - b.requests, 1 - quantile) for b in buckets]
    low = [
        b.bound for b, (slow, most) in zip(buckets, beyond, strict=True) if lower_bound(slow, total, confidence) > most
    ]
    high = [
        b.bound for b, (slow, most) in zip(buckets, beyond, strict=True) if upper_bound(slow, total, confidence) <= most
    ]
    return Quantile(max(low, default=0.0), min(high, default=math.inf))


def judge_quantile(
    name: str, buckets: Sequence[Bucket], limit: float, quantile: float = 0.99, confidence: float = CONFIDENCE
) -> Verdict:
    """Is the quantile surely at most ``limit`` seconds (PASS), surely above (FAIL), or cannot the buckets tell?"""
    total, needed = _total(buckets), requests_for(quantile, confidence)
    numbers = {"requests": total, "limit": limit, "quantile": quantile}
    found, seen = sure_quantile(buckets, quantile, confidence), seen_quantile(buckets, quantile)
    if found is None:
        missing = f"{total:.0f} requests, a bound on P{100 * quantile:g} needs {needed}: {needed - total:.0f} more"
        return Verdict(name, Outcome.INCONCLUSIVE, missing, {**numbers, "requests_missing": needed - total})
    numbers |= {key: value for key, value in (("low", found.low), ("high", found.high)) if math.isfinite(value)}
    said = f"P{100 * quantile:g} {found} with {confidence:.0%} confidence (seen {seen}), limit {limit:g} s"
    if found.high <= limit:
        return Verdict(name, Outcome.PASS, said, numbers)
    if found.low >= limit:
        return Verdict(name, Outcome.FAIL, said, numbers)
    inside = limit not in [b.bound for b in buckets]
    why = "; the limit lies inside a bucket: no claim is narrower than that, take a boundary" if inside else ""
    return Verdict(name, Outcome.INCONCLUSIVE, said + why, numbers)


def judge_quantile_ratio(
    name: str,
    new: Sequence[Bucket],
    old: Sequence[Bucket],
    ratio: float,
    quantile: float = 0.99,
    confidence: float = CONFIDENCE,
) -> Verdict:
    """Is the new side's quantile at most ``ratio`` times the old side's? INCONCLUSIVE where buckets are wider."""
    sides = [sure_quantile(side, quantile, confidence) for side in (new, old)]
    if sides[0] is None or sides[1] is None:
        counted = f"{_total(new):.0f} requests, old side {_total(old):.0f}"
        return Verdict(name, Outcome.INCONCLUSIVE, f"{counted}; each needs {requests_for(quantile, confidence)}")
    low, high = sides[0].low / sides[1].high if sides[1].high else 0.0, _divided(sides[0].high, sides[1].low)
    said = f"P{100 * quantile:g} {sides[0]}, old side {sides[1]}: x {low:.3g} to {high:.3g}, tolerated x {ratio:g}"
    numbers = {"low": low, "tolerated": ratio} | ({"high": high} if math.isfinite(high) else {})
    if high <= ratio:
        return Verdict(name, Outcome.PASS, said, numbers)
    if low > ratio:
        return Verdict(name, Outcome.FAIL, said, numbers)
    return Verdict(name, Outcome.INCONCLUSIVE, f"{said}; the buckets are too wide for that claim", numbers)


def _total(buckets: Sequence[Bucket]) -> float:
    """All requests, or 0 when the buckets are no histogram: not rising, or no numbers, or without the last."""
    counts = [b.requests for b in buckets]
    bounds = [b.bound for b in buckets]
    rising = counts == sorted(counts) and bounds == sorted(set(bounds))
    sound = rising and all(math.isfinite(c) and c >= 0 for c in counts) and bool(bounds) and math.isinf(bounds[-1])
    return counts[-1] if sound else 0.0


def _between(buckets: Sequence[Bucket], below: Sequence[bool]) -> Quantile:
    at = sum(below)
    return Quantile(buckets[at - 1].bound if at else 0.0, buckets[at].bound)


def _divided(above: float, below: float) -> float:
    return above / below if below else math.inf
