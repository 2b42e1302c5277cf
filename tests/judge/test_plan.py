"""Before a stage: how much it needs, how long that takes, and what it could see."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.plan import Plan, judge_plan, plan_stage
from runbook_lib.model import Outcome


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
