"""Figures before and after; what is not known stays empty."""

from __future__ import annotations

import pytest

from runbook_lib.judge.acceptance import Figure, Known, Prices, acceptance, ratio, success_rate

GIB = 2.0**30
BEFORE = {
    "hours": 11.0,
    "release_minutes": 14.0,
    "success": 0.9,
    "density": 17.0,
    "cores_paid": 6.0,
    "cores_used": 0.9,
    "memory_paid": 12 * GIB,
    "memory_used": 3 * GIB,
    "failed": 0.002,
    "p99": 0.25,
}
AFTER = {
    "release_minutes": 0.5,
    "success": 0.95,
    "undo_seconds": 6.0,
    "density": 30.0,
    "cores_paid": 3.0,
    "cores_used": 0.6,
    "memory_paid": 6 * GIB,
    "memory_used": 3 * GIB,
    "failed": 0.0,
    "p99": 0.3,
}
PRICES = Prices("EUR", 20, 2)


def figures(before: dict[str, float], after: dict[str, float], prices: Prices | None = PRICES) -> dict[str, Figure]:
    sides = ({key: Known(value, f"by {key}") for key, value in side.items()} for side in (before, after))
    return {figure.name: figure for figure in acceptance(*sides, prices)}


def test_every_figure_follows_its_formula() -> None:
    found = figures(BEFORE, AFTER)
    pairs = {name: (figure.before.value, figure.after.value) for name, figure in found.items()}
    assert pairs["time to deliver a release"] == (14.0, 0.5)
    assert pairs["releases that succeed"] == (90.0, 95.0)
    assert pairs["instances on a host"] == (17.0, 30.0)
    assert pairs["memory paid for"] == (12.0, 6.0)
    assert pairs["cores in use"] == (pytest.approx(15.0), pytest.approx(20.0))
    assert pairs["memory in use"] == (pytest.approx(25.0), pytest.approx(50.0))
    assert pairs["cost a month"] == (6 * 20 + 12 * 2, 3 * 20 + 6 * 2)
    assert found["cores in use"].before.origin == "by cores_used; of by cores_paid"


def test_each_figure_knows_which_way_is_better() -> None:
    found = figures(BEFORE, AFTER)
    assert found["cost a month"].better
    assert found["instances on a host"].better
    assert found["requests that failed"].better
    assert found["99 of 100 requests within"].better is False
    assert found["hours of operations a year"].better is None
    assert found["cores paid for"].change == -0.5


def test_what_nobody_knows_is_not_made_up() -> None:
    assert all(figure.after.value is None for figure in figures(BEFORE, {}).values())
    assert figures({}, AFTER)["cores paid for"].change is None
    assert figures(BEFORE, AFTER, None)["cost a month"].before.origin == "retention.prices names no price"
    assert figures({**BEFORE}, {"cores_paid": 3.0})["cost a month"].after.value is None
    assert ratio(1.0, 0) is None


@pytest.mark.parametrize(
    ("outcomes", "rate"),
    [([], None), (["gate_pending"], None), (["passed", "gate_pending"], 1.0), (["passed", "rolled_back"], 0.5)],
)
def test_a_release_that_waits_for_a_person_is_neither_a_success_nor_a_failure(
    outcomes: list[str], rate: float | None
) -> None:
    assert success_rate(outcomes) == rate
