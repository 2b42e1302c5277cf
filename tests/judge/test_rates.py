"""Is the new side worse: what fails, what passes, and what is never decided without evidence."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge import evidence, rates
from runbook_lib.judge.bounds import requests_missing, upper_bound
from runbook_lib.judge.rates import Interval, RateLimits, counts_of, judge_rate
from runbook_lib.model import Outcome

LIMITS = RateLimits(margin=1.25, rule_out=0.01, absolute=0.01, alpha=0.005, ratio_cap=10)
NOTHING = Interval(15, 0, 0, 0, 0)
PROPORTIONS = st.floats(0.001, 0.5)


@st.composite
def interval(draw: st.DrawFn) -> Interval:
    """Any counts that two scrapes can leave: bad ones are never more than all."""
    old, new = draw(st.integers(0, 10**7)), draw(st.integers(0, 10**7))
    return Interval(15, old, draw(st.integers(0, old)), new, draw(st.integers(0, new)))


INTERVALS = st.lists(interval(), max_size=8)


@pytest.mark.parametrize(
    ("intervals", "outcome", "says"),
    [
        ([Interval(60, 9900, 10, 100, 0)], Outcome.INCONCLUSIVE, "199 more requests, about 119 s"),
        ([Interval(60, 9900, 10, 299, 0)], Outcome.PASS, "at most 1.00% with 95% confidence <= limit 1.00%"),
        ([Interval(60, 9900, 10, 1000, 1)], Outcome.PASS, "0.10% (1/1000)"),
        ([Interval(60, 9900, 10, 1000, 40)], Outcome.FAIL, "4.00% (40/1000) > 1.25 x old side (0.10% (10/9900))"),
        ([Interval(60, 9900, 400, 1000, 40)], Outcome.PASS, "< 10 x old side (4.04% (400/9900))"),
        ([Interval(60, 9900, 0, 20, 4)], Outcome.FAIL, "20.0% (4/20) >= 20%"),
        ([Interval(60, 9900, 0, 19, 4)], Outcome.FAIL, "evidence"),
        ([Interval(60, 0, 0, 5000, 250)], Outcome.FAIL, "5.00% (250/5000) > limit 1.00%"),
        ([Interval(60, 0, 0, 5000, 5)], Outcome.PASS, "old side no requests"),
        ([Interval(60, 5000, 5, 0, 0)], Outcome.INCONCLUSIVE, "no request has come yet"),
    ],
)
def test_a_rate_is_judged_with_both_numbers(intervals: list[Interval], outcome: Outcome, says: str) -> None:
    verdict = judge_rate("failed requests", intervals, LIMITS)
    assert (verdict.outcome, verdict.trigger) == (outcome, outcome is Outcome.FAIL)
    assert says in verdict.message


@pytest.mark.parametrize("intervals", [[], [NOTHING], [NOTHING] * 100, [Interval(0, 0, 0, 0, 0)]])
def test_no_data_is_inconclusive(intervals: list[Interval]) -> None:
    verdict = judge_rate("failed requests", intervals, LIMITS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert not verdict.trigger


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("key", ["seconds", "legacy_requests", "legacy_bad", "kubernetes_requests", "kubernetes_bad"])
def test_a_count_that_is_no_number_is_not_measured(key: str, wrong: float) -> None:
    broken = replace(Interval(60, 9900, 10, 9000, 0), **{key: wrong})
    assert judge_rate("failed requests", [broken], LIMITS).outcome is Outcome.INCONCLUSIVE
    with_one_more = judge_rate("failed requests", [broken, Interval(60, 9900, 10, 299, 0)], LIMITS)
    assert with_one_more.outcome is Outcome.PASS
    assert with_one_more.numbers["kubernetes_requests"] == 299


@given(INTERVALS)
def test_any_counts_get_a_verdict_and_a_pass_has_seen_requests_of_the_new_side(intervals: list[Interval]) -> None:
    verdict = judge_rate("failed requests", intervals, LIMITS)
    assert verdict.message
    assert all(not math.isnan(number) for number in verdict.numbers.values())
    assert verdict.trigger == (verdict.outcome is Outcome.FAIL)
    if verdict.outcome is Outcome.PASS:
        assert verdict.numbers["kubernetes_requests"] > 0


@given(INTERVALS, INTERVALS)
def test_a_fail_stands_whatever_comes_after(bad: list[Interval], later: list[Interval]) -> None:
    before, after = (judge_rate("failed requests", i, LIMITS) for i in (bad, bad + later))
    if before.outcome is Outcome.FAIL:
        assert after.outcome is Outcome.FAIL
        assert after.trigger
    for kind in ("evidence_against", "evidence_absolute", "evidence_for"):
        assert after.numbers[kind] >= before.numbers[kind] >= 1


def test_a_fail_of_the_breaker_stands_through_a_long_calm() -> None:
    burst = Interval(15, 990, 0, 20, 5)
    verdict = judge_rate("failed requests", [burst, *[Interval(15, 990, 0, 10_000, 0)] * 200], LIMITS)
    assert verdict.outcome is Outcome.FAIL
    assert "breaker" in verdict.message


@given(
    old=st.integers(1, 10**6),
    old_bad=PROPORTIONS,
    new=st.integers(2, 10**6),
    new_bad=PROPORTIONS,
    more=st.integers(1, 100),
)
def test_more_bad_requests_never_weaken_the_evidence(
    old: int, old_bad: float, new: int, new_bad: float, more: int
) -> None:
    fewer = Interval(60, old, int(old * old_bad), new, int(new * new_bad))
    worse = replace(fewer, kubernetes_bad=min(fewer.kubernetes_bad + more, new))
    calmer = replace(fewer, legacy_bad=min(fewer.legacy_bad + more, old))
    assert evidence.worse(counts_of([worse]), 1.25) >= evidence.worse(counts_of([fewer]), 1.25) * (1 - 1e-9)
    assert evidence.better(counts_of([calmer]), 10) >= evidence.better(counts_of([fewer]), 10) * (1 - 1e-9)
    assert upper_bound(worse.kubernetes_bad, new) >= upper_bound(fewer.kubernetes_bad, new)


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_intervals_without_a_bad_request_are_no_evidence(counts: list[tuple[int, int, int]]) -> None:
    intervals = [Interval(15, 100 * n, old, n, min(new, n)) for n, old, new in counts]
    with_calm = [part for i in intervals for part in (NOTHING, i, Interval(15, 500, 0, 5, 0))]
    assert evidence.worse(counts_of(with_calm), 1.25) == pytest.approx(evidence.worse(counts_of(intervals), 1.25))


@pytest.mark.parametrize("bad", [1, 7])
def test_a_burst_that_both_sides_share_is_no_evidence(bad: int) -> None:
    burst = [Interval(15, 1000, 100 * bad, 10, bad)] * 40
    assert evidence.worse(counts_of(burst), 1.25) < 1 / LIMITS.alpha


@pytest.mark.parametrize(("old", "new"), [(1e-3, 1e15), (1e15, 1e-3), (1, 1e18), (1e18, 1)])
def test_the_evidence_stays_a_number_at_absurd_proportions(old: float, new: float) -> None:
    intervals = [Interval(15, old, 0, new, min(new, 3)), Interval(15, 1000, 0, 1000, 900)]
    assert evidence.worse(counts_of(intervals), 1.25) > 1e6
    assert math.isfinite(evidence.better(counts_of(intervals), 10))


@pytest.mark.parametrize("requests", [1, 10, 298, 299, 5000, 10**6])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_upper_bound_without_a_bad_request_is_the_closed_form(requests: int, confidence: float) -> None:
    assert upper_bound(0, requests, confidence) == pytest.approx(1 - (1 - confidence) ** (1 / requests))


@given(st.integers(0, 60), st.integers(0, 60))
def test_at_the_upper_bound_so_few_bad_ones_are_as_improbable_as_promised(bad: int, good: int) -> None:
    requests = bad + good
    bound = upper_bound(bad, requests)
    if good == 0:
        assert bound == 1
        return
    so_few = sum(math.comb(requests, x) * bound**x * (1 - bound) ** (requests - x) for x in range(bad + 1))
    assert so_few == pytest.approx(0.05, abs=1e-6)


@given(st.integers(0, 50), st.integers(0, 5000), st.sampled_from([0.003, 0.01, 0.02, 0.06, 0.3]))
def test_the_missing_requests_are_enough_and_one_less_is_not(bad: int, good: int, rule_out: float) -> None:
    missing = requests_missing(bad, bad + good, rule_out)
    assert upper_bound(bad, bad + good + missing) <= rule_out
    assert missing == 0 or upper_bound(bad, bad + good + missing - 1) > rule_out


def test_requests_that_come_as_foretold_lead_to_a_pass() -> None:
    held = judge_rate("failed requests", [Interval(60, 9900, 0, 133, 0)], LIMITS)
    missing = held.numbers["requests_missing"]
    for more, outcome in ((missing - 1, Outcome.INCONCLUSIVE), (missing, Outcome.PASS)):
        assert judge_rate("failed requests", [Interval(60, 9900, 0, 133 + more, 0)], LIMITS).outcome is outcome


@pytest.mark.parametrize(
    ("intervals", "trips"),
    [
        ([Interval(1, 990, 0, 20, 4)], True),
        ([Interval(1, 990, 0, 20, 3)], False),
        ([Interval(1, 990, 0, 19, 19)], False),
        ([Interval(1, 990, 0, 5, 1)] * 4, True),
        ([Interval(1, 990, 0, 5, 1)] * 3, False),
        ([Interval(1, 990, 198, 20, 4)], False),  # the old side fails as often
        ([Interval(1, 990, 150, 20, 4)], False),  # the old side fails nearly as often: that may be chance
        ([Interval(1, 990, 150, 20, 18)], True),
        ([Interval(1, 20, 0, 20, 4)], False),  # four more than on the other side may be chance
        ([Interval(1, 200, 0, 200, 40)], True),
        ([Interval(1, 2, 0, 1000, 300)], True),  # stragglers are no side to compare with
        ([Interval(1, 0, 0, 20, 3)], False),
        ([Interval(1, 0, 0, 20, 4)], True),
        ([Interval(1, 990, 0, 1000, 0), Interval(1, 990, 0, 20, 20)], True),
        ([Interval(1, 990, 0, 20, 20), Interval(1, 990, 0, 1000, 0)], True),
        ([Interval(1, 990, 0, 10, 2), Interval(1, 990, 0, 1000, 0), Interval(1, 990, 0, 10, 2)], False),
        ([NOTHING, Interval(1, 990, 0, 20, 4), NOTHING], True),
    ],
)
def test_the_breaker_trips_on_enough_requests_that_are_bad_enough_and_worse_than_the_old_side(
    intervals: list[Interval], trips: bool
) -> None:
    assert bool(rates.breaker(counts_of(intervals), LIMITS)) is trips


def test_the_cap_on_the_ratio_falls_from_10_at_1_percent_to_2_from_30_percent_on() -> None:
    caps = [rates.ratio_cap(weight) for weight in range(101)]
    assert caps[1] == pytest.approx(10)
    assert caps[30:] == pytest.approx([2] * 71)
    assert all(a >= b for a, b in itertools.pairwise(caps))


# -- by seeded simulation: what the statistics promise -----------------------------------------------------------------


def _passage(seed: int, old_rate: float, new_rate: float, weight: float, bursts: bool = False) -> list[Interval]:
    """Half an hour at 100 requests a second, one interval a minute."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(30):
        new, old = random.poisson(6000 * weight), random.poisson(6000 * (1 - weight))
        shared = 20 if bursts and random.random() < 0.2 else 1
        bad_old, bad_new = random.binomial(old, old_rate * shared), random.binomial(new, new_rate * shared)
        found.append(Interval(60, float(old), float(bad_old), float(new), float(bad_new)))
    return found


@pytest.mark.parametrize("bursts", [False, True])
@pytest.mark.parametrize("weight", [0.01, 0.3])
def test_identical_sides_are_wrongly_failed_in_no_more_passages_than_alpha(bursts: bool, weight: float) -> None:
    passages = 400
    limits = replace(LIMITS, alpha=0.01)
    failed = sum(
        judge_rate("failed requests", _passage(seed, 0.001, 0.001, weight, bursts), limits).outcome is Outcome.FAIL
        for seed in range(passages)
    )
    assert failed <= limits.alpha * passages


def test_ten_times_the_failures_at_1_percent_are_found_within_half_an_hour() -> None:
    found = sum(judge_rate("failed requests", _passage(seed, 0.001, 0.01, 0.01), LIMITS).trigger for seed in range(100))
    assert found >= 97
