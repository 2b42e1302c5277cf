"""A histogram over a window: sorted by its bounds, rising, and empty where nothing was counted."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from runbook_lib.errors import Unreachable
from runbook_lib.judge.latency import Bucket, judge_quantile_ratio
from runbook_lib.model import Outcome
from runbook_lib.observe.histogram import buckets
from runbook_lib.sections import Metrics, Selectors
from tests.fake_prometheus import serving

SIDES = Selectors(legacy='side="legacy"', kubernetes='side="kubernetes"')
METRICS = Metrics(selectors=SIDES, cpu=SIDES, memory=SIDES)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def asked(side: str) -> str:
    return f'sum by (le) (increase(http_request_duration_seconds_bucket{{side="{side}"}}[1h]))'


def vector(counts: dict[str, float]) -> list[dict[str, object]]:
    return [{"metric": {"le": le}, "value": [1.0, str(value)]} for le, value in counts.items()]


def test_buckets_are_sorted_and_rise_and_an_empty_side_stays_empty() -> None:
    with serving() as fake:
        fake.answers = {asked("legacy"): vector({"+Inf": 1000, "0.5": 990, "0.1": 990.4}), asked("kubernetes"): []}
        found = buckets(fake.connect(), METRICS, "1h", NOON)
    assert found == {"legacy": (Bucket(0.1, 990.4), Bucket(0.5, 990.4), Bucket(math.inf, 1000)), "kubernetes": ()}
    assert judge_quantile_ratio("P99", found["kubernetes"], found["legacy"], 1.5).outcome is Outcome.INCONCLUSIVE


def test_a_prometheus_that_is_away_is_no_empty_histogram() -> None:
    with serving() as fake:
        fake.reply = (503, "starting")
        with pytest.raises(Unreachable):
            buckets(fake.connect(), METRICS, "1h", NOON)
