"""A histogram tells the bucket of a quantile, and nothing narrower."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.latency import (
    Bucket,
    judge_quantile,
    judge_quantile_ratio,
    requests_for,
    seen_quantile,
    sure_quantile,
)
from runbook_lib.model import Outcome

PASS, INCONCLUSIVE, FAIL = Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL
BOUNDS = (0.1, 0.25, 0.5, 1.0, math.inf)


def histogram(*requests: float) -> list[Bucket]:
    """Requests in each bucket, counted up as Prometheus does."""
    return [Bucket(b, c) for b, c in zip(BOUNDS, np.cumsum(requests).tolist(), strict=True)]


@pytest.mark.parametrize(("quantile", "confidence", "requests"), [(0.99, 0.95, 299), (0.99, 0.99, 459), (0.5, 0.95, 5)])
def test_a_bound_on_a_quantile_needs_so_many_requests(quantile: float, confidence: float, requests: int) -> None:
    assert requests_for(quantile, confidence) == requests


@pytest.mark.parametrize(
    ("buckets", "limit", "outcome", "says"),
    [
        (histogram(298, 0, 0, 0, 0), 0.5, INCONCLUSIVE, "298 requests, a bound on P99 needs 299: 1 more"),
        (histogram(299, 0, 0, 0, 0), 0.5, PASS, "P99 0 to 0.1 s"),
        (histogram(9000, 960, 40, 0, 0), 0.25, PASS, "limit 0.25 s"),
        (histogram(9000, 900, 100, 0, 0), 0.25, INCONCLUSIVE, "limit 0.25 s"),
        (histogram(9000, 700, 300, 0, 0), 0.25, FAIL, "P99 0.25 to 0.5 s"),
        (histogram(9000, 960, 40, 0, 0), 0.2, INCONCLUSIVE, "lies inside a bucket: no claim is narrower"),
        (histogram(9000, 700, 0, 0, 300), 1.0, FAIL, "P99 over 1 s"),
        (histogram(0, 0, 0, 0, 0), 0.25, INCONCLUSIVE, "0 requests"),
        ([], 0.25, INCONCLUSIVE, "0 requests"),
        (histogram(9000, 960, 40, 0, 0)[:-1], 0.25, INCONCLUSIVE, "0 requests"),  # the last bucket is missing
        ([Bucket(0.1, 900), Bucket(math.inf, 800)], 0.1, INCONCLUSIVE, "0 requests"),  # a reset between two scrapes
        (histogram(9000, math.nan, 40, 0, 0), 0.25, INCONCLUSIVE, "0 requests"),
    ],
)
def test_a_limit_on_a_quantile_is_kept_broken_or_cannot_be_told(
    buckets: list[Bucket], limit: float, outcome: Outcome, says: str
) -> None:
    verdict = judge_quantile("P99", buckets, limit)
    assert verdict.outcome is outcome
    assert says in verdict.message
    assert all(math.isfinite(number) for number in verdict.numbers.values())


def test_what_is_shown_is_the_bucket_as_the_error_bar() -> None:
    seen = seen_quantile(histogram(900, 85, 14, 1, 0))
    assert str(seen) == "0.25 to 0.5 s"
    assert seen_quantile([]) is None


@pytest.mark.parametrize(
    ("new", "old", "ratio", "outcome"),
    [
        (histogram(9999, 0, 0, 0, 0), histogram(0, 0, 9999, 0, 0), 1.0, PASS),
        (histogram(0, 0, 9999, 0, 0), histogram(9999, 0, 0, 0, 0), 1.5, FAIL),
        (histogram(0, 9999, 0, 0, 0), histogram(0, 9999, 0, 0, 0), 1.1, INCONCLUSIVE),  # buckets 2.5 wide
        (histogram(0, 9999, 0, 0, 0), histogram(0, 9999, 0, 0, 0), 2.5, PASS),
        (histogram(0, 9999, 0, 0, 0), histogram(0, 100, 0, 0, 0), 2.5, INCONCLUSIVE),
        ([], histogram(0, 100, 0, 0, 0), 2.5, INCONCLUSIVE),
    ],
)
def test_a_ratio_of_quantiles_is_claimed_only_as_far_as_buckets_reach(
    new: list[Bucket], old: list[Bucket], ratio: float, outcome: Outcome
) -> None:
    assert judge_quantile_ratio("P99", new, old, ratio).outcome is outcome


@given(st.lists(st.integers(0, 10**5), min_size=5, max_size=5), st.floats(0.01, 5))
def test_any_histogram_is_judged_and_slower_requests_never_help(requests: list[int], limit: float) -> None:
    before = judge_quantile("P99", histogram(*requests), limit)
    slower = judge_quantile("P99", histogram(*requests[:-1], requests[-1] + 1000 + sum(requests) // 10), limit)
    if before.outcome is FAIL:
        assert slower.outcome is FAIL
    if slower.outcome is PASS:
        assert before.outcome is PASS or sum(requests) < 299


def test_the_bucket_holds_the_true_quantile_as_often_as_promised() -> None:
    random = np.random.default_rng(3)
    above = below = 0
    for _ in range(1000):
        slow = random.binomial(2000, 0.01)  # 0.25 s is the true P99
        found = sure_quantile(histogram(0, 2000 - slow, slow, 0, 0))
        assert found is not None
        below += found.high < 0.25
        above += found.low > 0.25
    assert below <= 70
    assert above <= 70
