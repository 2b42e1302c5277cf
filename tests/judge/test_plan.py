"""Before a stage: how much it needs, how long that takes, and what it could see."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from runbook_lib.judge import evidence
from runbook_lib.judge.bounds import at_least, requests_to_tell
from runbook_lib.judge.evidence import Counts
from runbook_lib.judge.plan import Plan, judge_plan, plan_stage, requests_to_see, sights, users_pace
from runbook_lib.judge.rates import Interval
from runbook_lib.model import Outcome


@pytest.mark.parametrize(("weight", "pace"), [(0, 300), (1, 347), (100, 347)])
def test_while_nobody_is_on_the_new_side_its_requests_are_no_users(weight: int, pace: float) -> None:
    """A load test right before the first stage is none of what the old side must be able to take back."""
    assert users_pace(Interval(10, 3000, 3, 470, 0), weight) == pace


@pytest.mark.parametrize(
    ("weight", "pace", "rule_out", "requests", "seconds"),
    [(1, 100, 0.01, 299, 299), (5, 100, 0.01, 299, 59.8), (100, 100, 0.01, 299, 2.99), (1, 300, 0.06, 49, 16.33)],
)
def test_a_stage_needs_what_rules_its_limit_out(
    weight: int, pace: float, rule_out: float, requests: int, seconds: float
) -> None:
    plan = plan_stage(weight, pace, 0.001, rule_out, 0.005, 600)
    assert plan.requests_needed == requests
    assert plan.seconds_needed == pytest.approx(seconds, rel=1e-2)


def test_requests_that_are_tried_again_make_a_stage_need_more() -> None:
    one, three = (plan_stage(1, 100, 0.001, 0.01, 0.005, 7200, attempts) for attempts in (1, 3))
    assert (one.requests_needed, three.requests_needed) == (299, 897)
    assert (one.smallest_ratio, three.smallest_ratio) == (5, 10)


def test_without_traffic_a_stage_never_sees_enough() -> None:
    verdict = judge_plan(plan_stage(1, 0, 0.001, 0.01, 0.005, 600), 600)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "there are none" in verdict.message
    assert "inf" not in verdict.message


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan(1, 299, 60, 10.0, 0.001), "a regression of 10 x would show"),
        (Plan(1, 299, 60, None, 0.0), "the old side has no failures to compare with"),
        (Plan(1, 299, 60, None, 0.001), "no ratio to the old side would show"),
        (plan_stage(100, 100, 0.001, 0.01, 0.005, 600), "no ratio to the old side would show"),
        (plan_stage(1, 1, 0.0001, 0.01, 0.005, 60), "no ratio to the old side would show"),
    ],
)
def test_a_stage_says_what_it_could_see_and_why_not(plan: Plan, says: str) -> None:
    assert says in judge_plan(plan, 600).message


@pytest.mark.parametrize(("patience", "outcome"), [(300, Outcome.PASS), (298, Outcome.INCONCLUSIVE)])
def test_a_stage_that_would_end_before_it_knows_says_so(patience: float, outcome: Outcome) -> None:
    assert judge_plan(plan_stage(1, 100, 0.001, 0.01, 0.005, patience), patience).outcome is outcome


@given(
    st.integers(1, 100),
    st.floats(0, 1e4),
    st.floats(0, 1),
    st.floats(0.001, 0.5),
    st.floats(1e-4, 0.4),
    st.floats(0, 1e6),
)
def test_any_stage_can_be_planned_and_longer_never_sees_less(
    weight: int, pace: float, base: float, rule_out: float, alpha: float, seconds: float
) -> None:
    short, long = (plan_stage(weight, pace, base, rule_out, alpha, s) for s in (seconds, 2 * seconds + 1))
    assert (long.smallest_ratio or math.inf) <= (short.smallest_ratio or math.inf)
    assert judge_plan(short, seconds).outcome in (Outcome.PASS, Outcome.INCONCLUSIVE)


DESIGN = [
    (0.001, 0.01, 667),
    (0.001, 0.005, 2107),
    (0.001, 0.002, 19171),
    (0.01, 0.02, 1857),
    (0.01, 0.05, 209),
]


@pytest.mark.parametrize(("base", "worse", "stated"), DESIGN)
def test_the_least_that_any_test_needs_is_what_the_design_names_within_4_percent(
    base: float, worse: float, stated: int
) -> None:
    assert requests_to_tell(base, worse, 0.01) == pytest.approx(stated, rel=0.04)


@given(st.floats(1e-4, 0.3), st.floats(1.5, 20), st.floats(1e-3, 0.1))
def test_so_many_requests_keep_alpha_and_power(base: float, ratio: float, alpha: float) -> None:
    worse = min(base * ratio, 0.99)
    requests = requests_to_tell(base, worse, alpha)
    count = next(n for n in range(10**6) if at_least(n, requests, base) <= alpha)
    assert at_least(count, requests, worse) >= 0.9


@pytest.mark.parametrize(("base", "worse"), [(0.01, 0.01), (0.02, 0.01), (0.0, 0.0), (0.5, 1.5), (-1.0, 0.1)])
def test_where_there_is_nothing_to_tell_no_number_is_enough(base: float, worse: float) -> None:
    assert requests_to_tell(base, worse, 0.01) == math.inf


@pytest.mark.parametrize(("base", "worse"), [row[:2] for row in DESIGN])
@pytest.mark.parametrize("weight", [1, 10, 50])
def test_after_the_requests_that_are_planned_the_regression_is_found_in_nine_of_ten_stages(
    base: float, worse: float, weight: int
) -> None:
    planned = requests_to_see(worse / base, base, weight, 0.01)
    assert planned > requests_to_tell(base, worse, 0.01)
    random, shape = np.random.default_rng(3), (300, 60)
    new = random.poisson(planned / 60, shape)
    old = random.poisson(planned / 60 * (100 - weight) / weight, shape)
    counts = (old, random.binomial(old, base), new, random.binomial(new, worse))
    paths = evidence.worse_paths(Counts(np.ones(shape), *(c.astype(float) for c in counts)), 1.25)
    found = (logsumexp(paths, axis=0) - math.log(len(paths)) >= math.log(100)).any(axis=1).mean()
    assert 0.88 <= found <= 0.99  # neither a promise that is not kept, nor one that nobody would wait for


@pytest.mark.parametrize(
    ("ratio", "base", "weight"), [(10, 0.0, 1), (10, 0.2, 1), (10, 0.001, 100), (1.25, 0.001, 1), (0.5, 0.001, 1)]
)
def test_what_would_never_show_needs_infinitely_many(ratio: float, base: float, weight: int) -> None:
    assert requests_to_see(ratio, base, weight, 0.01) == math.inf


def test_the_gate_can_show_what_each_size_of_a_regression_needs() -> None:
    shown = sights(1, 100, 0.001, 0.005)
    assert [sight.ratio for sight in shown] == [1.5, 2, 3, 5, 10, 20, 50, 100]
    for sight, larger in itertools.pairwise(shown):
        assert sight.requests > larger.requests
        assert sight.requests > sight.at_least
        assert sight.seconds == pytest.approx(sight.requests)
    assert sights(1, 100, 0.0, 0.005) == ()
    assert sights(1, 0, 0.001, 0.005)[0].seconds == math.inf
