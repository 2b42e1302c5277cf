"""05: both sides do the same business, or the record says which figure differs."""

from __future__ import annotations

import time

import pytest

from runbook_lib.act.traffic.nginx import read_weight
from tests.notebooks.conftest import Play, World

NOTEBOOK = "05_comparison.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.timeout(180)]
SECONDS = 20  # of users on both sides that the comparison looks back on
FRESH = 8  # more of them: Prometheus must have counters from before the window


def test_two_healthy_sides_compare_as_the_same_and_nothing_is_changed(world: World, play: Play) -> None:
    world.users_at(50)
    time.sleep(SECONDS + FRESH)
    played = play(NOTEBOOK, window=f"{SECONDS}s")
    assert (played.error, played.outcome, played.message) == ("", "passed", "")
    assert read_weight(world.parameters.traffic.nginx) == 50


def test_amounts_that_are_written_too_low_fail_the_comparison(world: World, play: Play) -> None:
    world.fault("wrong_amount=0.5", "side=kubernetes")
    world.users_at(50)
    time.sleep(SECONDS + FRESH)
    played = play(NOTEBOOK, window=f"{SECONDS}s")
    assert (played.error, played.outcome) == ("CriterionFailed", "failed")
    assert "EUR a request" in played.message
