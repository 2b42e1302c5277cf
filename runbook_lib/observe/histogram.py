"""The latency histogram of each side over a window: what there is to say about a quantile, and no more."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from runbook_lib.judge.latency import Bucket
from runbook_lib.model import SIDES, Side
from runbook_lib.observe.metrics import query
from runbook_lib.sections import Metrics

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect


def buckets(
    prometheus: PrometheusConnect, metrics: Metrics, window: str, until: datetime
) -> dict[Side, tuple[Bucket, ...]]:
    """By side, the requests of the window in cumulative buckets, rising; empty where nothing was counted.

    Instances that were scraped at different moments may leave a bucket a little below the one before it: it is raised.
    Raises Unreachable.
    """
    found: dict[Side, tuple[Bucket, ...]] = {}
    for side in SIDES:
        selector = getattr(metrics.selectors, side)
        text = f"sum by (le) (increase({metrics.duration}_bucket{{{selector}}}[{window}]))"
        counted = sorted((_bound(labels["le"]), value) for labels, value in query(prometheus, text, until))
        rising, most = [], 0.0
        for bound, requests in counted:
            most = max(most, requests)
            rising.append(Bucket(bound, most))
        found[side] = tuple(rising)
    return found


def _bound(text: str) -> float:
    return math.inf if text == "+Inf" else float(text)
