"""04: users move, stay, or come back, on a range with real traffic."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.record import journal
from tests.notebooks.conftest import Play, World

NOTEBOOK = "04_gray_stage.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.timeout(180)]


def at_weight(world: World, weight: int, act: Any) -> threading.Thread:
    """Do something once the users are at that weight."""

    def work() -> None:
        clients = connect(world.parameters)
        deadline = time.monotonic() + 60
        while read_weight(clients) != weight and time.monotonic() < deadline:
            time.sleep(0.05)
        act()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def kinds(played: Any) -> list[str]:
    return [event.kind for event in journal.read(played.attempt.folder)]


def test_a_healthy_stage_passes_and_leaves_the_users_there(world: World, play: Play) -> None:
    played = play(NOTEBOOK, weight=1)
    assert (played.error, played.outcome) == ("", "passed")
    assert read_weight(connect(world.parameters)) == 1
    assert {v["outcome"] for v in played.attempt.facts["verdicts"]} == {"PASS"}


def test_a_stage_that_comes_too_early_is_refused_and_changes_nothing(world: World, play: Play) -> None:
    played = play(NOTEBOOK, weight=30)
    assert played.error == "CriterionFailed"
    assert "comes after 10 %" in played.message
    assert read_weight(connect(world.parameters)) == 0


def test_errors_on_the_new_side_bring_every_user_back_without_a_person(world: World, play: Play) -> None:
    world.users_at(10)
    at_weight(world, 30, lambda: world.fault("errors=0.3", "side=kubernetes"))
    played = play(NOTEBOOK, weight=30)
    assert (played.error, played.outcome) == ("RolledBack", "rolled_back")
    assert "failed requests" in played.message
    assert read_weight(connect(world.parameters)) == 0
    assert kinds(played).index("detected") < kinds(played).index("verified")


def test_a_stage_that_cannot_be_measured_is_held_and_neither_passes_nor_goes_back(world: World, play: Play) -> None:
    at_weight(world, 1, lambda: world.fault("prometheus_down=true", "side=range"))
    watch = {**world.values["watch"], "extend": "10s", "blind": "3s"}
    played = play(NOTEBOOK, {"watch": watch}, weight=1)
    assert (played.error, played.outcome) == ("Held", "observing")
    assert read_weight(connect(world.parameters)) == 1


def test_a_gate_waits_and_nothing_moves_until_it_is_answered(world: World, play: Play) -> None:
    played = play(NOTEBOOK, {"gates": {**world.values["gates"], "ask": ["gray_stage:1"]}}, weight=1)
    assert (played.error, played.outcome) == ("GatePending", "gate_pending")
    assert read_weight(connect(world.parameters)) == 0


def test_a_dry_run_says_what_it_would_do_and_moves_nobody(world: World, play: Play) -> None:
    played = play(NOTEBOOK, weight=1, dry_run=True)
    assert (played.error, played.outcome) == ("", "passed")
    assert read_weight(connect(world.parameters)) == 0
    assert "would" in kinds(played)
