"""Rules that people use to call a new side worse, each as the first look at which it does; ours among them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import betainc, logsumexp

from bench.judge_worlds import World, columns, cumulated, intervals
from runbook_lib.judge import evidence
from runbook_lib.judge.evidence import Counts
from runbook_lib.judge.rates import RateLimits, breaker, judge_rate
from runbook_lib.judge.two_by_two import BoolArray
from runbook_lib.model import Outcome

NEVER = 10**9
ALPHA = 0.01
LIMITS = RateLimits(margin=1.25, rule_out=0.01, absolute=0.01, alpha=ALPHA, ratio_cap=10)
Rule = Callable[[Counts, World], np.ndarray]


@dataclass(frozen=True)
class Found:
    """In what share of the passages a rule fired, and the median look of those in which it did."""

    share: float
    median: float

    @classmethod
    def of(cls, first: np.ndarray, world: World) -> Found:
        fired = first[first < NEVER]
        median = float(np.median(fired) + 1) * world.seconds / 60 if fired.size else math.nan
        return cls(fired.size / first.size, median)

    def __str__(self) -> str:
        return f"{100 * self.share:.1f} %" + (f" / {self.median:.0f} min" if self.share else "")


def ours(
    counts: Counts, world: World, limits: RateLimits = LIMITS, pooled: bool = True, common: float = evidence.COMMON
) -> np.ndarray:
    """The look at which `judge_rate` would fail, stage by stage, as its own functions say.

    Batched; the breaker only where an interval is bad enough for it to trip at all. `agree` holds it against the
    verdicts of `judge_rate` itself.
    """
    first = np.full(len(counts.seconds), NEVER)
    for stage in range(len(world.weights)):
        begins, ends = stage * world.looks, (stage + 1) * world.looks
        seen = columns(counts, slice(0 if pooled else begins, ends)).grouped(limits.attempts)
        stage_begins = begins if pooled else 0
        paths = evidence.worse_paths(seen, limits.margin, stage_begins, common)
        high = logsumexp(paths, axis=0) - math.log(len(paths)) >= math.log(1 / limits.alpha)
        fired = _first(high[:, stage_begins:]) + begins
        tripped = _breaker(columns(counts, slice(begins, ends)), limits) + begins
        now = np.minimum(fired, tripped)
        first = np.where((first >= NEVER) & (now < NEVER), now, first)
    return first


def agree(counts: Counts, world: World, first: np.ndarray, sample: int, limits: RateLimits = LIMITS) -> None:
    """Raises unless `judge_rate` fails in the same passages, at the end of each stage, as the batched form."""
    for passage in range(sample):
        whole = intervals(counts, passage)
        for stage in range(len(world.weights)):
            begins, ends = stage * world.looks, (stage + 1) * world.looks
            verdict = judge_rate("failed requests", whole[begins:ends], limits, whole[:begins])
            failed = verdict.outcome is Outcome.FAIL
            assert failed == (first[passage] < ends), f"passage {passage}, stage {stage}: {verdict}"
            if failed:
                break


def window(counts: Counts, _: World) -> np.ndarray:
    """Error rate above 1 % in a window of one minute."""
    return _first(counts.kubernetes_bad > 0.01 * np.maximum(counts.kubernetes_requests, 1e-9))


def mann_whitney(counts: Counts, world: World) -> np.ndarray:
    """Mann-Whitney on the rates of the minutes, once, at the end."""
    new = counts.kubernetes_bad / np.maximum(counts.kubernetes_requests, 1)
    old = counts.legacy_bad / np.maximum(counts.legacy_requests, 1)
    chance = stats.mannwhitneyu(new, old, alternative="greater", axis=1).pvalue
    return np.where(chance < ALPHA, world.columns - 1, NEVER)


def fisher(counts: Counts, _: World) -> np.ndarray:
    """Fisher's exact test on all counts so far, looked at each minute."""
    new, old = cumulated(counts.kubernetes_requests), cumulated(counts.legacy_requests)
    new_bad, old_bad = cumulated(counts.kubernetes_bad), cumulated(counts.legacy_bad)
    chance = betainc(np.maximum(new_bad, 0.5), old_bad + 1, new / (new + old))
    near = (chance > ALPHA / 3) & (chance < 3 * ALPHA) & (new_bad > 0)  # elsewhere the binomial tail is near enough
    args = (new_bad[near] - 1, new[near] + old[near], new_bad[near] + old_bad[near], new[near])
    chance[near] = stats.hypergeom.sf(*args)
    return _first((chance < ALPHA) & (new_bad > 0))


def wilson(counts: Counts, world: World) -> np.ndarray:
    """Lower Wilson bound above a base rate that is known, looked at each minute."""
    n, z = np.maximum(cumulated(counts.kubernetes_requests), 1e-9), float(stats.norm.isf(ALPHA))
    share = cumulated(counts.kubernetes_bad) / n
    root = z * np.sqrt(np.maximum(share * (1 - share) / n + z * z / (4 * n * n), 0))
    return _first((share + z * z / (2 * n) - root) / (1 + z * z / n) > world.base)


def from_the_start_only(counts: Counts, _: World, limits: RateLimits = LIMITS) -> np.ndarray:
    """The e-process without beginnings anew: what it says of a regression that comes late."""
    told = evidence._Told.of(counts)
    ratios, nulls, shares = evidence.alternatives(limits.margin)
    paths = evidence._paths(told, ratios, nulls) + np.log(shares)[:, None, None]
    return _first(logsumexp(paths, axis=0) >= math.log(1 / limits.alpha))


RULES: dict[str, Rule] = {
    "error rate > 1 % in 1 min": window,
    "Mann-Whitney at the end": mann_whitney,
    "Fisher each minute": fisher,
    "Wilson above known base": wilson,
    "ours": ours,
}


def _first(fired: BoolArray) -> np.ndarray:
    return np.where(fired.any(axis=1), fired.argmax(axis=1), NEVER)


def _breaker(counts: Counts, limits: RateLimits) -> np.ndarray:
    """The look at which the library's breaker trips; asked only where a single look is bad enough."""
    suspect = (counts.kubernetes_bad >= limits.breaker_rate * counts.kubernetes_requests) & (counts.kubernetes_bad > 0)
    first = np.full(len(counts.seconds), NEVER)
    for passage in np.flatnonzero(suspect.any(axis=1)):
        seen = Counts(*(column[passage] for column in vars(counts).values()))
        if breaker(seen, limits):
            first[passage] = next(
                at
                for at in np.flatnonzero(suspect[passage]).tolist() + list(range(seen.seconds.size))
                if breaker(seen.only(slice(0, at + 1)), limits)
            )
    return first
