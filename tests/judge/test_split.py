"""A weight that is written but does not route is a failed change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.split import judge_split
from runbook_lib.model import Outcome

PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL


@pytest.mark.parametrize(
    ("weight", "kubernetes", "legacy", "outcome"),
    [
        (0, 0, 0, INCONCLUSIVE),
        (0, 0, 99, INCONCLUSIVE),
        (0, 0, 100, PASS),
        (0, 1, 99_999, FAIL),
        (100, 100, 0, PASS),
        (100, 99_999, 1, INCONCLUSIVE),  # a straggler on an old keep-alive connection
        (100, 98_000, 2_000, FAIL),
        (5, 0, 1000, FAIL),  # written, but the workers were never reloaded
        (5, 50, 950, PASS),
        (5, 1000, 0, FAIL),
        (50, 0, 99, INCONCLUSIVE),
        (50, 500, 500, PASS),
        (50, 700, 300, FAIL),
        (50, 520_000, 480_000, PASS),  # improbable, yet within what two scrapes can be apart
        (1, 30, 2970, PASS),
        (1, 300, 2700, FAIL),
    ],
)
def test_the_observed_share_is_held_against_the_one_asked(
    weight: int, kubernetes: int, legacy: int, outcome: Outcome
) -> None:
    verdict = judge_split(weight, kubernetes, legacy)
    assert verdict.outcome is outcome
    assert f"({kubernetes}/{kubernetes + legacy}), asked {weight} %" in verdict.message
    assert not verdict.trigger


def test_too_few_requests_say_how_many_are_missing() -> None:
    assert "40 more requests" in judge_split(50, 30, 30).message


@given(st.integers(0, 100), st.integers(0, 10**7), st.integers(0, 10**7))
def test_any_counts_are_judged_and_both_sides_are_judged_alike(weight: int, kubernetes: int, legacy: int) -> None:
    verdict = judge_split(weight, kubernetes, legacy)
    if 0 < weight < 100:  # at the ends the sides differ: stragglers on the old side are expected, none on the new
        assert verdict.outcome is judge_split(100 - weight, legacy, kubernetes).outcome
    if kubernetes + legacy == 0:
        assert verdict.outcome is INCONCLUSIVE


@pytest.mark.parametrize("weight", [1, 5, 10, 30, 50, 99])
def test_a_split_that_works_is_practically_never_refused(weight: int) -> None:
    random = np.random.default_rng(weight)
    counts = [(random.binomial(n, weight / 100), n) for n in (100, 700, 3000, 100_000) for _ in range(200)]
    assert [(k, n) for k, n in counts if judge_split(weight, float(k), float(n - k)).outcome is FAIL] == []
