"""The old side against itself: counts by instance, stretch by stretch, with what was not scraped left out for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_lib.judge.calibration import Served
from runbook_lib.observe import calibration
from runbook_lib.observe.metrics import Series
from runbook_lib.parameters import load

METRICS = load(Path(__file__).parents[2] / "parameters" / "demo.yaml").metrics
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def series(instance: str, status: str, *values: float | None) -> Series:
    moments = {NOON + timedelta(seconds=n): value for n, value in enumerate(values) if value is not None}
    return Series({"instance": instance, "status": status}, moments)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], {}),
        (
            [series("a", "200", 10, 20, 40), series("a", "500", 1, 1, 3), series("b", "200", 5, 5, 6)],
            {"a": [(10, 0), (22, 2)], "b": [(0, 0), (1, 0)]},
        ),
        ([series("a", "200", 10, 20), series("a", "500", None, 2)], {"a": [(12, 2)]}),  # the first failure ever
        ([series("a", "200", 10, 4)], {"a": [(4, 0)]}),  # restarted
        (
            [series("a", "200", 1, 2, 3, 4), series("b", "200", 1, None, 3, 4)],  # b missed a scrape
            {"a": [(1, 0)], "b": [(1, 0)]},
        ),
        ([series("a", "200", 1), series("b", "200", 1)], {"a": [], "b": []}),
    ],
)
def test_what_each_instance_did_is_counted_in_the_same_stretches(
    monkeypatch: pytest.MonkeyPatch, found: list[Series], expected: dict[str, list[tuple[float, float]]]
) -> None:
    monkeypatch.setattr(calibration, "series_over", lambda *_: found)
    seen = calibration.served(None, METRICS, NOON, NOON + timedelta(seconds=3))  # type: ignore[arg-type]
    assert seen == {name: tuple(Served(1.0, *counts) for counts in stretches) for name, stretches in expected.items()}
