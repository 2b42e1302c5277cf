"""Figures before and after; what is not known stays empty."""

from __future__ import annotations

import pytest

from runbook_lib.judge.acceptance import Figure, acceptance, ratio, success_rate

STATED = {"minutes_before": 10.0, "success_before": 0.9, "machines": 3.0, "cores_each": 2.0, "cores_used": 0.3}
MEASURED = {"release_seconds": 30.0, "undo_seconds": 6.0, "pods": 3.0, "cores_asked": 3.0, "cores_used": 0.6}


def figures(stated: dict[str, float | None], measured: dict[str, float | None]) -> dict[str, Figure]:
    return {figure.name: figure for figure in acceptance(stated, measured, ["passed", "failed"])}


def test_every_figure_follows_its_formula() -> None:
    found = figures(dict(STATED), dict(MEASURED))
    pairs = {name: (figure.before, figure.after) for name, figure in found.items()}
    assert pairs["rollout of a release"] == (10.0, 0.5)
    assert pairs["releases that succeed"] == (90.0, 50.0)
    assert pairs["cores paid for"] == (6.0, 3.0)
    assert pairs["use of what is paid for"] == (pytest.approx(15.0), pytest.approx(20.0))
    assert found["cores paid for"].change == -0.5


def test_what_nobody_knows_is_not_made_up() -> None:
    assert all(figure.after is None for name, figure in figures(dict(STATED), {}).items() if name[0] != "r")
    assert figures({}, dict(MEASURED))["cores paid for"].change is None
    assert ratio(1.0, 0) is None


@pytest.mark.parametrize(
    ("outcomes", "rate"),
    [([], None), (["gate_pending"], None), (["passed", "gate_pending"], 1.0), (["passed", "rolled_back"], 0.5)],
)
def test_a_release_that_waits_for_a_person_is_neither_a_success_nor_a_failure(
    outcomes: list[str], rate: float | None
) -> None:
    assert success_rate(outcomes) == rate
