"""Is the new side's rate of bad requests worse? Counts in, Verdict out.

Per disjoint interval the two sides saw requests, of which some were bad (failed, or slow). FAIL and its mirror image
need evidence that holds at every look (`evidence`); a PASS may also come from an exact upper bound (`bounds`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from runbook_lib.judge import evidence
from runbook_lib.judge.bounds import CONFIDENCE, requests_missing, upper_bound
from runbook_lib.judge.breaker import tripped
from runbook_lib.judge.evidence import Counts
from runbook_lib.model import Outcome, Verdict


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
    the breaker fails at once at ``breaker_rate`` over at least ``breaker_requests``;
    ``sample``: requests of the new side that the stage was planned for, below which nothing passes;
    ``attempts``: how often one request may be counted because clients or proxies try again: counts are worth as much
    less. `calibration` finds out on the old side whether that is enough.
    """

    margin: float
    rule_out: float
    absolute: float
    alpha: float
    ratio_cap: float = 2.0
    breaker_requests: int = 20
    breaker_rate: float = 0.2
    sample: float = 0.0
    attempts: float = 1.0


def ratio_cap(weight: int) -> float:
    """The ratio new/old that a stage must exclude: 10 at 1 %, falling to 2 from 30 % on."""
    steps = math.log(min(max(weight, 1), 30)) / math.log(30)
    return 10.0 * math.pow(0.2, steps)


def counts_of(intervals: Sequence[Interval]) -> Counts:
    """The intervals as columns; one with a count that is no number, or below zero, counts as not measured."""
    names = tuple(Interval.__dataclass_fields__)
    columns = np.empty((len(names), len(intervals)))
    for row, name in enumerate(names):
        columns[row] = np.fromiter(map(attrgetter(name), intervals), np.float64, len(intervals))
    measured = np.isfinite(columns).all(axis=0) & (columns >= 0).all(axis=0)
    return Counts(*(columns if measured.all() else columns[:, measured]))


def judge_rate(
    name: str, intervals: Sequence[Interval], limits: RateLimits, earlier: Sequence[Interval] = ()
) -> Verdict:
    """FAIL (a trigger) when the new side is worse, PASS on evidence of its own, else INCONCLUSIVE and what is missing.

    A FAIL stands: the process is looked at after each interval, and a later calm does not take it back. ``earlier``
    are the intervals of the stages that passed before, at other weights: they count for the evidence against the new
    side, which is carried on from stage to stage, and for nothing else.
    """
    counts = counts_of(intervals)
    before = counts_of(earlier)
    whole = Counts(*map(np.concatenate, zip(vars(before).values(), vars(counts).values(), strict=True)))
    begins = len(before.seconds)
    total = _total(counts)
    worth, worth_whole = counts.grouped(limits.attempts), whole.grouped(limits.attempts)
    numbers = {
        "kubernetes_requests": total.kubernetes_requests,
        "kubernetes_bad": total.kubernetes_bad,
        "legacy_requests": total.legacy_requests,
        "legacy_bad": total.legacy_bad,
        "earlier_requests": float(before.kubernetes_requests.sum()),
        "earlier_bad": float(before.kubernetes_bad.sum()),
        "evidence_against": evidence.worse(worth_whole, limits.margin, begins),
        "evidence_absolute": evidence.above(worth_whole, limits.absolute, begins),
        "evidence_for": evidence.better(worth, limits.ratio_cap),
        "upper_bound": _bound(total, limits),
    }
    if failed := _failed(counts, total, limits, numbers):
        return Verdict(name, Outcome.FAIL, failed, numbers, trigger=True)
    if passed := _passed(total, limits, numbers):
        return Verdict(name, Outcome.PASS, passed, numbers)
    missing, said = _missing(total, limits, numbers)
    return Verdict(name, Outcome.INCONCLUSIVE, said, {**numbers, "requests_missing": missing})


def _failed(counts: Counts, total: Interval, limits: RateLimits, numbers: dict[str, float]) -> str:
    """Why it fails; empty when it does not."""
    new, old = _rates(total)
    if stretch := breaker(counts, limits):
        return f"{stretch}; breaker, old side {old}"
    pooled = ""
    if numbers["earlier_requests"]:
        pooled = f", with {share_of(numbers['earlier_bad'], numbers['earlier_requests'])} of the stages before"
    against, needed = numbers["evidence_against"], 1 / limits.alpha
    if against >= needed:
        lately = _lately(counts, limits)
        return f"{new} > {limits.margin:g} x old side ({old}), evidence {against:.3g} >= {needed:.3g}{pooled}{lately}"
    if numbers["evidence_absolute"] >= needed:
        evident = f"evidence {numbers['evidence_absolute']:.3g} >= {needed:.3g}"
        return f"{new} > limit {limits.absolute:.2%}, {evident}{_lately(counts, limits)}"
    return ""


def _lately(counts: Counts, limits: RateLimits) -> str:
    """The last stretch in which the new side stands out most, where a long calm before hides it; empty otherwise."""
    stretches = [_total(counts.only(slice(-(2**k), None))) for k in range(len(counts.seconds).bit_length())]
    if not stretches or not stretches[-1].kubernetes_requests:
        return ""
    found, whole = max(stretches, key=lambda total: _surprise(total, limits)), stretches[-1]
    if found.kubernetes_bad * whole.kubernetes_requests <= 2 * whole.kubernetes_bad * found.kubernetes_requests:
        return ""  # the figures of the whole stage say it as well
    new, old = _rates(found)
    return f"; in the last {found.seconds:.0f} s {new}, old side {old}"


def _surprise(total: Interval, limits: RateLimits) -> float:
    """How far the bad requests of the new side are above those of the old one, or above the limit (Poisson)."""
    alone = total.legacy_requests <= evidence.SILENT * total.kubernetes_requests
    rate = limits.absolute if alone else (total.legacy_bad + 1) / (total.legacy_requests + 1)
    bad, expected = total.kubernetes_bad, rate * total.kubernetes_requests
    return bad * math.log(bad / expected) - bad + expected if bad > expected > 0 else 0.0


def _passed(total: Interval, limits: RateLimits, numbers: dict[str, float]) -> str:
    """What speaks for the new side; empty when it is not enough."""
    new, old = _rates(total)
    if total.kubernetes_requests < limits.sample:
        return ""
    if numbers["upper_bound"] <= limits.rule_out:
        bound = f"at most {numbers['upper_bound']:.2%} with {CONFIDENCE:.0%} confidence"
        return f"{new}, {bound} <= limit {limits.rule_out:.2%}; old side {old}"
    if numbers["evidence_for"] >= 1 / limits.alpha:
        return f"{new} < {limits.ratio_cap:g} x old side ({old}), evidence {numbers['evidence_for']:.3g}"
    return ""


def _missing(total: Interval, limits: RateLimits, numbers: dict[str, float]) -> tuple[float, str]:
    """How many requests are missing before it could pass, and the sentence that says so.

    Foreseen is that as many of them are bad as up to now. Where that is too many, what is said is the least possible.
    """
    new, old = _rates(total)
    bad, requests = total.kubernetes_bad, total.kubernetes_requests
    rate, worth = bad / requests if requests else 0.0, (bad / limits.attempts, requests / limits.attempts)
    missing = limits.attempts * requests_missing(*worth, limits.rule_out, rate)
    good = "" if math.isfinite(missing) else " without a bad one"
    if good:
        missing = limits.attempts * requests_missing(*worth, limits.rule_out)
        good += f", or evidence {numbers['evidence_for']:.3g} -> {1 / limits.alpha:.3g} against {limits.ratio_cap:g} x"
        good += f" old side ({old})"
    missing = max(missing, limits.sample - requests)
    pace = requests / total.seconds if total.seconds else 0
    wait = f", about {missing / pace:.0f} s at the present rate" if pace else "; no request has come yet"
    return missing, f"{new}, not yet ruled out: {limits.rule_out:.2%}; {missing:.0f} more requests{wait}{good}"


def breaker(counts: Counts, limits: RateLimits) -> str:
    """What tripped the breaker (`breaker.tripped`); empty when nothing did."""
    return tripped(counts, limits.breaker_requests, limits.breaker_rate, limits.margin, limits.absolute)


def _bound(total: Interval, limits: RateLimits) -> float:
    return upper_bound(total.kubernetes_bad / limits.attempts, total.kubernetes_requests / limits.attempts)


def _total(counts: Counts) -> Interval:
    return Interval(*(float(column.sum()) for column in vars(counts).values()))


def _rates(total: Interval) -> tuple[str, str]:
    return (
        share_of(total.kubernetes_bad, total.kubernetes_requests),
        share_of(total.legacy_bad, total.legacy_requests),
    )


def share_of(part: float, whole: float) -> str:
    """``4.1 % (37/902)``; says so when there is nothing to divide by."""
    return f"{part / whole:.2%} ({part:.0f}/{whole:.0f})" if whole else "no requests"
