"""After a machine went: silent, unnoticed by users, business goes on, and it stays away."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.judge import departure
from runbook_lib.judge.rates import Interval

GONE = {"vm-1": datetime(2026, 11, 20, 12, tzinfo=UTC)}


def failed(bad: float, requests: float) -> Interval:
    return Interval(600, 0, 0, requests, bad)


@pytest.mark.parametrize(
    ("answering", "after", "before", "outcome", "says"),
    [
        (False, failed(0, 500), failed(0, 9e5), 0, "new side: 0.00% (0/500) failed, within limit 1.00%; 0.00% (0/900"),
        (True, failed(0, 500), failed(0, 9e5), 2, "vm-1 still answers"),
        (False, failed(4, 6000), failed(700, 1e6), 0, "0.07% (4/6000) failed, within limit 1.00%; 0.07% (700/1000000)"),
        (False, failed(400, 6000), failed(700, 1e6), 2, "6.67% (400/6000) failed, > limit 1.00%"),
        (False, failed(2, 2), failed(0, 0), 2, "100.00% (2/2) failed, > limit 1.00%; no requests before"),
        (False, failed(1, 1), failed(0, 0), 1, "100.00% (1/1) failed, not surely within limit 1.00%"),
        (False, failed(120, 6000), failed(2e4, 1e6), 0, "within limit 1.98%; 2.00% (20000/1000000) before"),
        (False, failed(9, 600), failed(1, 3), 0, "within limit 1.70%"),  # of three requests one says little
        (False, failed(0, 0), failed(0, 9e5), 1, "no request of the new side was counted"),
    ],
)
def test_an_instance_went_without_anybody_noticing(
    answering: bool, after: Interval, before: Interval, outcome: int, says: str
) -> None:
    verdict = departure.retired("vm-1", answering, after, before, 0.01)
    assert verdict.outcome == outcome
    assert says in verdict.message


@given(st.integers(0, 2**32 - 1), st.floats(0.0001, 0.005))
@settings(max_examples=50, deadline=None)
def test_a_sound_service_is_not_stopped(seed: int, rate: float) -> None:
    bad = np.random.default_rng(seed).binomial(6000, rate)
    assert departure.retired("vm-1", False, failed(float(bad), 6000), failed(rate * 1e6, 1e6), 0.01).outcome == 0


@pytest.mark.parametrize(
    ("written", "rate", "seconds", "outcome", "says"),
    [
        (30.0, 1.0, 30.0, 0, "orders: 30 in 30 s on the new side, 30 expected"),
        (1.0, 1.0, 30.0, 0, "1 in 30 s"),  # fewer is what the stage before was for
        (0.0, 1.0, 30.0, 2, "0 in 30 s on the new side, 30 expected"),
        (0.0, 0.1, 30.0, 0, "3 expected; 5 must be for none to mean anything"),
        (1.0, 0.1, 30.0, 0, "1 in 30 s on the new side, 3 expected"),
        (None, 1.0, 30.0, 1, "could not be read"),
        (5.0, None, 30.0, 1, "could not be read"),
    ],
)
def test_orders_go_on_where_enough_were_to_be_expected_and_it_is_said_where_not(
    written: float | None, rate: float | None, seconds: float, outcome: int, says: str
) -> None:
    verdict = departure.going_on("orders", written, rate, seconds)
    assert (verdict.name, verdict.outcome) == ("orders afterwards", outcome)
    assert says in verdict.message


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
