"""The old side against itself, before it is the measure of anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runbook_lib.judge.calibration import Served, judge_calibration
from runbook_lib.judge.rates import RateLimits
from runbook_lib.model import Outcome

PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL
LIMITS = RateLimits(margin=1.25, rule_out=0.01, absolute=0.01, alpha=0.01)


def served(rate: float, seed: int, looks: int = 60, group: int = 1, requests: int = 300) -> list[Served]:
    """What one instance did; bad requests come ``group`` at a time."""
    bad = np.random.default_rng(seed).binomial(requests // group, rate, looks) * group
    return [Served(15, requests, float(n)) for n in bad]


def fleet(*rates: float, **how: int) -> dict[str, list[Served]]:
    return {f"vm-{n}": served(rate, n, **how) for n, rate in enumerate(rates)}


@pytest.mark.parametrize(
    ("instances", "outcome", "says"),
    [
        ({}, INCONCLUSIVE, "0 instances"),
        (fleet(0.001), INCONCLUSIVE, "1 instances with 60 intervals: two are needed"),
        ({"a": served(0.001, 1), "b": served(0.001, 2)[:-1]}, INCONCLUSIVE, "59, 60 intervals"),
        ({"a": [], "b": []}, INCONCLUSIVE, "0 intervals"),
        (fleet(0.0, 0.0, looks=1, requests=298), INCONCLUSIVE, "1 more are needed"),
        (fleet(0.001, 0.001), PASS, "2 instances are even"),
        (fleet(*[0.01] * 9), PASS, "9 instances are even"),
        (fleet(*[0.001] * 5, 0.05), FAIL, "not even: vm-5 has"),
        (fleet(*[0.001] * 5, 0.05, 0.001), FAIL, "not even: vm-5 has"),
        (fleet(*[0.02] * 4, group=5), FAIL, "at a time, 1 attempts are allowed for"),
        ({"a": [Served(15, float("nan"), 0.0)] * 60, "b": served(0.001, 1)}, INCONCLUSIVE, "0 requests"),
    ],
)
def test_the_old_side_is_even_or_the_one_that_is_not_is_named(
    instances: dict[str, list[Served]], outcome: Outcome, says: str
) -> None:
    verdict = judge_calibration("A/A", instances, LIMITS)
    assert verdict.outcome is outcome
    assert says in verdict.message
    assert not verdict.trigger


def test_groups_that_are_allowed_for_are_no_fault() -> None:
    together = fleet(*[0.02] * 4, group=5)
    assert judge_calibration("A/A", together, replace(LIMITS, attempts=5)).outcome is PASS


def test_an_even_old_side_is_practically_never_refused() -> None:
    outcomes = [
        judge_calibration("A/A", {f"vm-{n}": served(0.01, 100 * seed + n) for n in range(4)}, LIMITS).outcome
        for seed in range(60)
    ]
    assert outcomes.count(FAIL) <= 1
    assert outcomes.count(INCONCLUSIVE) == 0
