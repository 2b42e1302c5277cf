"""Is the new side worse: what fails, what passes, and what is never decided without evidence."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

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


# -- evidence carried on from the stages before ------------------------------------------------------------------------

CALM = [Interval(60, 9500, 10, 500, 0)] * 5
SUSPICIOUS = [Interval(60, 9500, 10, 500, 2)] * 3


def test_earlier_stages_count_against_the_new_side_and_say_so() -> None:
    stage = [Interval(60, 9000, 9, 1000, 4)] * 2
    alone, pooled = (judge_rate("failed requests", stage, LIMITS, earlier) for earlier in ((), SUSPICIOUS))
    assert alone.outcome is not Outcome.FAIL
    assert pooled.outcome is Outcome.FAIL
    assert pooled.trigger
    assert "with 0.40% (6/1500) of the stages before" in pooled.message


@pytest.mark.parametrize("earlier", [CALM * 100, [Interval(60, 9000, 900, 1000, 0)] * 50])
def test_earlier_stages_never_make_a_stage_pass(earlier: list[Interval]) -> None:
    few = [Interval(60, 9900, 10, 100, 0)]
    alone, pooled = (judge_rate("failed requests", few, LIMITS, before) for before in ((), earlier))
    assert pooled.outcome is alone.outcome is Outcome.INCONCLUSIVE
    for key in ("kubernetes_requests", "upper_bound", "evidence_for", "requests_missing"):
        assert pooled.numbers[key] == alone.numbers[key]
    assert judge_rate("failed requests", [], LIMITS, earlier).outcome is Outcome.INCONCLUSIVE


@given(INTERVALS, INTERVALS, INTERVALS)
def test_a_fail_stands_across_stages(earlier: list[Interval], bad: list[Interval], later: list[Interval]) -> None:
    if judge_rate("failed requests", bad, LIMITS, earlier).outcome is Outcome.FAIL:
        assert judge_rate("failed requests", bad + later, LIMITS, earlier).outcome is Outcome.FAIL


@given(st.integers(1, 20), st.integers(2, 9), st.sampled_from([1, 5, 30]))
def test_after_failures_pooled_evidence_is_never_weaker(stages: int, bad: int, weight: int) -> None:
    worse = [Interval(60, 100.0 * (100 - weight), 1, 100.0 * weight, bad * weight / 10)] * 5
    alone, pooled = (judge_rate("failed requests", worse, LIMITS, before) for before in ((), worse * stages))
    for verdict in (alone, pooled):
        assert verdict.numbers["evidence_against"] >= 1
    if alone.numbers["evidence_against"] > 10:
        assert pooled.numbers["evidence_against"] >= alone.numbers["evidence_against"] * (1 - 1e-9)


def test_a_regression_after_a_long_calm_is_found_as_if_there_had_been_none() -> None:
    calm, fault = [Interval(15, 1425, 1, 75, 0)] * 5760, [Interval(15, 1425, 1, 75, 1)] * 40  # a day, then ten minutes
    assert judge_rate("failed requests", calm, LIMITS).outcome is Outcome.PASS
    for stage, earlier in ((calm + fault, []), (fault, calm)):
        verdict = judge_rate("failed requests", stage, LIMITS, earlier)
        assert (verdict.outcome, "evidence" in verdict.message) == (Outcome.FAIL, True)


@pytest.mark.parametrize(("old", "old_bad"), [(1425.0, 1.0), (0.0, 0.0)])
def test_what_a_long_calm_hides_is_said_of_the_last_stretch(old: float, old_bad: float) -> None:
    calm, fault = [Interval(15, old, old_bad, 1500, 1)] * 4000, [Interval(15, old, old_bad, 1500, 60)] * 4
    verdict = judge_rate("failed requests", calm + fault, LIMITS)
    assert verdict.outcome is Outcome.FAIL
    assert "in the last 60 s 4.00% (240/6000), old side" in verdict.message


# -- what is missing, what was planned, what hangs together ------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "limits", "says"),
    [
        (Interval(60, 9900, 10, 300, 1), LIMITS, "355 more requests, about 71 s at the present rate"),
        (Interval(60, 9900, 100, 300, 4), replace(LIMITS, ratio_cap=1.5), "without a bad one, or evidence"),
        (Interval(60, 9900, 10, 100, 0), replace(LIMITS, attempts=3), "795 more requests, about 477 s"),
        (Interval(60, 9900, 10, 400, 0), replace(LIMITS, sample=1000), "600 more requests, about 90 s"),
    ],
)
def test_what_is_missing_is_said_in_requests_and_time(interval: Interval, limits: RateLimits, says: str) -> None:
    verdict = judge_rate("failed requests", [interval], limits)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert says in verdict.message
    assert math.isfinite(verdict.numbers["requests_missing"])


@given(INTERVALS, st.floats(1, 10))
def test_requests_that_hang_together_are_worth_less_in_both_directions(stage: list[Interval], attempts: float) -> None:
    one, many = (judge_rate("failed requests", stage, replace(LIMITS, attempts=n)) for n in (1.0, attempts))
    for key in ("evidence_against", "evidence_for"):
        assert many.numbers[key] <= one.numbers[key] * (1 + 1e-9)
    assert many.numbers["upper_bound"] >= one.numbers["upper_bound"] - 1e-9


@pytest.mark.parametrize("wrong", [-1.0, -1e9])
@pytest.mark.parametrize("key", ["seconds", "legacy_requests", "legacy_bad", "kubernetes_requests", "kubernetes_bad"])
def test_a_count_below_zero_is_not_measured(key: str, wrong: float) -> None:
    broken = replace(Interval(60, 9900, 10, 9000, 0), **{key: wrong})
    assert judge_rate("failed requests", [broken], LIMITS).outcome is Outcome.INCONCLUSIVE
