"""A guard brings the users back alone, calls people when it cannot see, and leaves the first word to a runner."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.guard import heartbeat, rounds, scribe
from runbook_lib.guard.pulse import Pulse
from runbook_lib.model import Change, Outcome
from runbook_lib.proof.verify import attempt as proof
from runbook_lib.proof.verify import places
from runbook_lib.proof.verify.report import Remarks
from runbook_lib.record import Run, journal
from runbook_lib.record.begin import open_attempt
from runbook_lib.runner import passage, recover
from runbook_lib.trust.identity import signers_of
from runbook_lib.watch.replay import replay
from tests.guard.world import World

Until = Callable[[Callable[[], bool]], None]


def filed(world: World) -> Callable[[], bool]:
    return lambda: bool(world.attempts) and world.attempts[-1].statement is not None


def sees_errors(world: World, guard: rounds.Rounds) -> None:
    """A tick in which a third of the new side's requests fail."""
    guard.round()
    world.requests(bad=100)
    guard.round()


def test_errors_bring_the_users_back_and_are_on_record_like_any_rollback(world: World, until: Until) -> None:
    guard = world.guard()
    guard.round()
    world.users_at(30)
    sees_errors(world, guard)
    assert world.weight == 0
    until(filed(world))
    (attempt,) = world.attempts
    assert (attempt.step, attempt.outcome) == (passage.ROLLBACK.key, "passed")
    assert "the guard saw failed requests" in attempt.facts["message"]
    assert attempt.facts["next_notebook"] == "05_comparison.ipynb"
    assert [(c["before"], c["after"]) for c in attempt.facts["changes"]] == [(30, 0)]
    assert (attempt.folder / "observations.jsonl").read_text().count("\n") >= 2
    assert proof.look(attempt.folder, signers_of(world.parameters)).remarks.faults == []
    assert "people are told" in "\n".join(world.said)


@pytest.mark.parametrize("weights", [(30,), (10, 30)], ids=["one weight", "with what it saw at the weight before"])
def test_whoever_doubts_what_the_guard_saw_can_judge_it_anew(
    world: World, until: Until, weights: tuple[int, ...]
) -> None:
    guard = world.guard()
    for weight in weights:
        world.users_at(weight)
        guard.round()
        world.requests(bad=0)
        guard.round()
    sees_errors(world, guard)
    until(filed(world))
    found = replay(world.attempts[-1])
    assert (found.untold, found.differences) == ("", ())
    (failed,) = [verdict for verdict in found.verdicts if verdict.name == "failed requests"]
    assert failed.outcome is Outcome.FAIL
    assert bool(failed.numbers["earlier_requests"]) == (len(weights) > 1)


def test_while_nobody_is_on_the_new_side_it_asks_nothing(world: World) -> None:
    guard = world.guard()
    guard.round()
    guard.round()
    assert world.prometheus.asked == []
    assert world.attempts == []


def test_what_cannot_be_measured_is_held_and_people_are_called_once(world: World) -> None:
    world.users_at(30)
    guard = world.guard()
    guard.round()
    world.prometheus.reply = (503, "gone")
    for _ in range(4):
        world.clock.at += 4
        guard.round()
    assert world.weight == 30
    calls = [said for said in world.said if said.startswith("people are told")]
    assert len(calls) == 1 and "cannot be watched" in calls[0]
    world.prometheus.reply = None
    guard.round()
    assert "can be measured again" in world.said[-2] + world.said[-1]


def test_without_the_api_errors_bring_the_users_back_all_the_same(world: World, until: Until) -> None:
    world.users_at(30)
    guard = world.guard()
    guard.round()
    world.api_down()
    until(lambda: bool(guard.lease.confirm().problem))
    world.requests(bad=100)
    guard.round()
    assert world.weight == 0


def test_of_two_guards_one_acts(world: World, until: Until) -> None:
    world.users_at(30)
    first, second = world.guard("first"), world.guard("second")
    for guard in (first, second):
        guard.round()
    world.requests(bad=100)
    for guard in (second, first, second):
        guard.round()
    assert world.weight == 0
    until(filed(world))
    assert len(world.attempts) == 1


def test_a_guard_that_was_asleep_for_longer_than_its_lease_does_not_act_on_what_it_saw(world: World) -> None:
    world.users_at(30)
    guard, other = world.guard("first"), world.lease("second")
    guard.round()
    assert not other.keep().mine
    world.clock.at += guard.lease.seconds + 1
    assert other.keep().mine  # and then the first one wakes up between its look and its act
    world.requests(bad=100)
    guard.lease._kept = world.clock.at
    guard.round()
    assert world.weight == 30
    assert "the Lease is second's now" in "\n".join(world.said)


@pytest.mark.parametrize("when", ["between two rounds", "between its look and its act"])
def test_a_guard_that_was_stopped_looks_anew_before_it_acts(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    world.users_at(30)
    guard = world.guard()
    guard.round()
    stops = iter([100.0, 0.0] if when == "between two rounds" else [0.0, 100.0])
    monkeypatch.setattr(guard.pulse, "stopped", lambda: next(stops, 0.0))
    world.requests(bad=100)
    guard.round()
    assert world.weight == 30 and "it looks anew" in "\n".join(world.said)
    guard.round()
    world.requests(bad=200)
    guard.round()
    assert world.weight == 0


def test_a_process_that_stands_still_is_told_from_one_that_waits() -> None:
    at = [100.0]
    pulse = Pulse(lambda: at[0])
    assert pulse.stopped() == 0
    at[0] += 60
    assert pulse.stopped() == 60
    pulse.end()


@pytest.fixture
def watched(world: World) -> Run:
    """A runner that is alive and has just written what it sees."""
    step = ("gray_stage", 30, None)
    run = Run(world.parameters, open_attempt(world.parameters, step, None, "runner"), step)
    run.progress("all is well")
    return run


def test_a_runner_that_watches_acts_first(world: World, watched: Run) -> None:
    world.users_at(30)
    world.values["watch"]["tick"] = "1s"
    guard = world.guard()
    threading.Timer(0.9, lambda: world.users_at(0)).start()
    sees_errors(world, guard)
    assert "a runner watches" in "\n".join(world.said)
    assert "the users are back already" in world.said[-1]
    assert len(world.attempts) == 1
    watched.close()


def test_a_runner_that_does_not_act_within_a_tick_is_stood_in_for(world: World, watched: Run) -> None:
    world.users_at(30)
    sees_errors(world, world.guard())
    assert world.weight == 0
    watched.close()


def test_a_dead_kernel_is_not_waited_for_and_nothing_goes_forward_after_it(
    world: World, watched: Run, until: Until
) -> None:
    act = "users: 10 % -> 30 %"
    watched.change(act, lambda: Change("traffic weight", 10, 30, True, watched.event("x").at), 10, 30)
    watched.close()
    world.users_at(30)
    sees_errors(world, world.guard())
    assert world.weight == 0
    until(lambda: len(world.attempts) == 2 and world.attempts[-1].statement is not None)
    assert "a runner watches" not in "\n".join(world.said)
    assert not recover.look(world.parameters).back
    assert "the users were brought back meanwhile" in recover.brought_back(world.parameters)


def test_where_the_records_are_gone_the_users_are_back_and_it_is_told_as_soon_as_it_can_be(
    world: World, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe, "AGAIN", 0.1)
    records = Path(world.values["records"])
    records.parent.mkdir(exist_ok=True)
    records.touch()  # a file in its place: nobody can write there, root neither
    world.users_at(30)
    sees_errors(world, world.guard())
    assert world.weight == 0
    until(lambda: "is not on record yet" in "\n".join(world.said))
    records.unlink()
    until(filed(world))
    assert world.attempts[0].facts["changes"][0]["before"] == 30


def test_a_knob_that_refuses_is_tried_again_and_put_on_record_once(world: World, until: Until) -> None:
    world.values["traffic"]["knob"]["test"] = ["false"]
    world.users_at(30)
    guard = world.guard()
    sees_errors(world, guard)
    guard.round()
    guard.round()
    until(filed(world))
    assert [attempt.outcome for attempt in world.attempts] == ["failed"]
    assert sum(said.startswith("people are told") for said in world.said) == 1


def test_a_dry_run_only_says_it(world: World) -> None:
    world.values["dry_run"] = True
    world.users_at(30)
    sees_errors(world, world.guard())
    assert world.weight == 30
    assert "dry run: nobody was moved" in "\n".join(world.said)


@pytest.mark.parametrize(
    ("weight", "observed"), [(1, 10), (5, 8), (7, 8), (30, 6), (49, 6), (100, 6)], ids=lambda value: str(value)
)
def test_a_weight_that_nobody_planned_has_the_limits_of_the_next_lower_stage(
    world: World, weight: int, observed: int
) -> None:
    stage = rounds.stage_of(world.parameters, weight)
    assert (stage.weight, stage.observe.total_seconds()) == (weight, observed)


def test_below_the_first_stage_its_limits_hold(world: World) -> None:
    world.values["gates"]["ask"] = []
    world.values["stages"] = [{"weight": 5, "observe": "8s"}, {"weight": 100, "observe": "6s"}]
    assert rounds.stage_of(world.parameters, 2).observe.total_seconds() == 8


def test_who_is_on_duty_is_told_and_whoever_left_is_not(world: World, until: Until) -> None:
    home = passage.home(world.parameters)
    assert heartbeat.on_duty(world.parameters, home) == (False, "no guard is on duty")
    assert heartbeat.last_seen(home) == ""
    guard = world.guard()
    guard.round()
    until(lambda: heartbeat.on_duty(world.parameters, home)[0])
    assert f"process {os.getpid()}" in heartbeat.on_duty(world.parameters, home)[1]
    assert heartbeat.alive(world.parameters)
    assert heartbeat.last_seen(home).endswith(" s ago")
    guard.end()
    until(lambda: not heartbeat.on_duty(world.parameters, home)[0])
    assert heartbeat.last_seen(home).startswith("left ")


def test_a_heartbeat_that_is_old_is_no_guard(world: World, until: Until) -> None:
    home = passage.home(world.parameters)
    guard = world.guard()
    guard.round()
    until((home / heartbeat.NAME).is_file)
    remarks = Remarks()
    assert places.attempts(home, remarks) == [] and remarks.faults == []  # it has its place in an archive
    beat = heartbeat.read_beat(home / heartbeat.NAME)
    assert beat is not None
    world.values["watch"]["tick"] = "200ms"
    text = (home / heartbeat.NAME).read_text().replace(f'"{beat.at.year}', '"2020')
    guard.heart.end()
    (home / heartbeat.NAME).write_text(text)
    assert "the last one was" in heartbeat.on_duty(world.parameters, home)[1]


def test_only_a_runner_that_looks_after_users_is_waited_for(world: World, watched: Run) -> None:
    home = passage.home(world.parameters)
    assert rounds.runner.watches(home, 60)
    os.utime(watched.attempt / journal.NAME, (time.time() - 100,) * 2)
    assert not rounds.runner.watches(home, 60)
    watched.progress("again")
    watched.close()
    assert not rounds.runner.watches(home, 60)
