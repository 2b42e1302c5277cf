"""05: both sides do the same business, or the record says which figure differs."""

from __future__ import annotations

import json
import time

import pytest

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from tests.notebooks.conftest import Play, Played, World

NOTEBOOK = "05_comparison.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.timeout(400)]
SECONDS = 12  # of users on both sides that the comparison looks back on
TOLERANCE = 0.35  # five standard errors of the orders that come in so few seconds


def compare(world: World, play: Play) -> Played:
    """The notebook, once half of the users have been on the new side for as long as it looks back."""
    world.users_at(50)
    time.sleep(SECONDS + 2)
    business = {**world.values["business"], "per_request_tolerance": TOLERANCE}
    return play(NOTEBOOK, {"business": business}, window=f"{SECONDS}s")


def test_two_healthy_sides_compare_as_the_same_and_nothing_is_changed(world: World, play: Play) -> None:
    played = compare(world, play)
    assert (played.error, played.outcome, played.message) == ("", "passed", "")
    seen = json.loads((played.attempt.folder / "evidence" / "instances.json").read_text())
    assert {side: len([use for use in uses if use["requests"] > 100]) for side, uses in seen["cpu"].items()} == {
        "legacy": 3,
        "kubernetes": 3,
    }
    assert seen["restarts"]["kubernetes"]["hours"] == pytest.approx(3 * SECONDS / 3600, rel=0.35)
    assert read_weight(connect(world.parameters)) == 50


def test_amounts_that_are_written_too_low_fail_the_comparison(world: World, play: Play) -> None:
    world.fault("wrong_amount=0.8", "side=kubernetes")
    played = compare(world, play)
    assert (played.error, played.outcome) == ("CriterionFailed", "failed")
    assert "EUR a request" in played.message
