"""After a machine went: silent, unnoticed by users, business goes on, and it stays away."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runbook_lib.judge import departure

GONE = {"vm-1": datetime(2026, 11, 20, 12, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("answering", "failed", "outcome"), [(False, 0.0, 0), (True, 0.0, 2), (False, 4.0, 2), (False, None, 1)]
)
def test_an_instance_went_without_anybody_noticing(answering: bool, failed: float | None, outcome: int) -> None:
    assert departure.retired("vm-1", answering, failed).outcome == outcome


@pytest.mark.parametrize(
    ("written", "rate", "seconds", "outcome"),
    [
        (30.0, 1.0, 30.0, 0),
        (1.0, 1.0, 30.0, 0),  # fewer is what the stage before was for
        (0.0, 1.0, 30.0, 2),
        (0.0, 0.1, 30.0, None),  # three were to be expected: chance alone may have kept them away
        (None, 1.0, 30.0, 1),
        (5.0, None, 30.0, 1),
    ],
)
def test_orders_go_on_where_enough_were_to_be_expected(
    written: float | None, rate: float | None, seconds: float, outcome: int | None
) -> None:
    verdict = departure.going_on("orders", written, rate, seconds)
    assert (verdict.outcome if verdict else None) == outcome


@pytest.mark.parametrize(
    ("retired", "answering", "outcome", "says"),
    [
        ({}, ["vm-1", "vm-2"], 0, "0 machines were retired before"),
        (GONE, ["vm-2"], 0, "1 machines were retired before, 0 answer again"),
        (GONE, ["vm-1", "vm-2"], 2, "vm-1 (retired 2026-11-20 12:00 UTC) answers again"),
    ],
)
def test_a_machine_that_comes_back_is_said(
    retired: dict[str, datetime], answering: list[str], outcome: int, says: str
) -> None:
    verdict = departure.stays_away(retired, answering)
    assert verdict.outcome == outcome
    assert says in verdict.message
