"""04: users move, stay, or come back, on a range with real traffic."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import connect
from runbook_lib.observe.counters import between
from runbook_lib.record import journal
from runbook_lib.record.archive import attempts
from runbook_lib.watch import read_observations
from runbook_lib.watch.replay import replay
from tests.conftest import Until
from tests.notebooks.conftest import Play, World

NOTEBOOK = "04_gray_stage.ipynb"
pytestmark = [pytest.mark.range, pytest.mark.timeout(400)]


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
    assert (played.error, played.outcome) == ("", "passed"), played.message
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


@pytest.mark.heavy
def test_a_stage_that_cannot_be_measured_is_held_and_neither_passes_nor_goes_back(world: World, play: Play) -> None:
    at_weight(world, 1, lambda: world.fault("prometheus_down=true", "side=range"))
    watch = {**world.values["watch"], "extend": "3s", "blind": "3s"}
    played = play(NOTEBOOK, {"watch": watch}, weight=1)
    assert (played.error, played.outcome) == ("Held", "observing"), played.message
    assert read_weight(connect(world.parameters)) == 1


def test_a_gate_waits_and_nothing_moves_until_it_is_answered(world: World, play: Play) -> None:
    played = play(NOTEBOOK, {"gates": {**world.values["gates"], "ask": ["gray_stage:1"]}}, weight=1)
    assert (played.error, played.outcome) == ("GatePending", "gate_pending")
    assert read_weight(connect(world.parameters)) == 0


def test_in_a_freeze_what_was_allowed_waits_and_nobody_is_moved(world: World, play: Play) -> None:
    freeze = {"since": "2020-01-01T00:00Z", "until": "2100-01-01T00:00Z", "reason": "the sale"}
    played = play(NOTEBOOK, {"calendar": {"freeze": [freeze]}}, weight=1)
    assert (played.error, played.outcome) == ("Held", "observing"), played.message
    assert "1 % is allowed and waits for its hour: freeze: the sale" in played.message
    assert read_weight(connect(world.parameters)) == 0


@pytest.mark.heavy
def test_a_dry_run_says_what_it_would_do_and_moves_nobody(world: World, play: Play) -> None:
    played = play(NOTEBOOK, weight=1, dry_run=True)
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert read_weight(connect(world.parameters)) == 0
    assert "would" in kinds(played)


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_a_stage_that_is_longer_than_a_slice_goes_on_in_the_next_attempt_with_its_counts_whole(
    world: World, play: Play, tmp_path: Path
) -> None:
    watch = {**world.values["watch"], "slice": "4s"}
    stages = [{**world.values["stages"][0], "observe": "25s"}, *world.values["stages"][1:]]
    played = play(NOTEBOOK, {"watch": watch, "stages": stages}, weight=1)
    assert (played.error, played.outcome) == ("Observing", "observing"), played.message
    assert "1 % is observed until" in played.message
    for _ in range(4):
        if played.error != "Observing":
            break
        kept = tmp_path / f"kept-{time.monotonic_ns()}"
        shutil.copytree(tmp_path / "records" / "order-service", kept)
        played = play(
            NOTEBOOK, {"watch": watch, "stages": stages}, lambda home, kept=kept: _put_back(kept, home), weight=1
        )
        assert not {"intent", "gate_opened", "gate_decided"} & set(kinds(played))  # nobody is asked or moved again
    assert (played.error, played.outcome) == ("", "passed"), played.message
    assert read_weight(connect(world.parameters)) == 1
    known = attempts(tmp_path / "records")
    assert len({attempt.run_id for attempt in known}) == 1
    assert len(known) >= 2
    results = [replay(attempt) for attempt in known]
    assert [(result.differences, result.untold) for result in results] == [((), "")] * len(known)
    seen = [o for attempt in known for o in read_observations(attempt.folder)[0]]
    counted = sum(o.errors.legacy_requests for o in seen if o.errors)
    p = world.parameters
    truth = between(connect(p).prometheus, p.metrics, seen[0].at, seen[-1].at).errors.legacy_requests
    assert counted == pytest.approx(truth, abs=3 * 300)  # a scrape may have come in after it was asked for


def _put_back(kept: Path, home: Path) -> None:
    shutil.copytree(kept, home)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("to", "error", "says"),
    [(5, "Held", "somebody else moved the users from 1 % to 5 %"), (0, "RolledBack", "rolled back by somebody else")],
)
def test_users_that_somebody_else_moves_are_left_there_and_it_is_said(
    world: World, play: Play, tmp_path: Path, until: Until, to: int, error: str, says: str
) -> None:
    def watched() -> bool:
        return any(len(f.read_bytes().splitlines()) > 3 for f in tmp_path.rglob("observations.jsonl"))

    def move() -> None:
        until(watched)
        world.users_at(to)

    threading.Thread(target=move, daemon=True).start()
    watch = {**world.values["watch"], "extend": "5s"}
    played = play(NOTEBOOK, {"watch": watch}, weight=1)
    assert played.error == error, played.message
    assert says in played.message
    assert read_weight(connect(world.parameters)) == to
