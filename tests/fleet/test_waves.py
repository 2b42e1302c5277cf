"""The plan of sixty applications: circles are named, nobody moves before what it calls, nothing moves on a holiday."""

from __future__ import annotations

from datetime import date

from fleet.assessed import BLACKOUT
from fleet.truth import Truth

from runbook_lib.judge.assessment import Assessment
from runbook_lib.judge.fleet import Fleet


def _wave(fleet: Fleet) -> dict[str, int]:
    return {name: number for number, wave in enumerate(fleet.plan.waves) for name in wave.members}


def test_circles_are_those_that_were_made_and_each_has_a_proposal(truth: Truth, fleet: Fleet) -> None:
    stay = {name for name, _ in fleet.plan.left_out}
    assert {frozenset(cycle.members) for cycle in fleet.plan.cycles} == {one for one in truth.cycles if not one & stay}
    assert fleet.plan.cycles
    assert all(cycle.proposal for cycle in fleet.plan.cycles)


def test_every_application_is_in_one_wave_or_left_out_with_a_reason(truth: Truth, fleet: Fleet) -> None:
    planned = [name for wave in fleet.plan.waves for name in wave.members]
    left = dict(fleet.plan.left_out)
    assert sorted([*planned, *left]) == sorted(truth.applications)
    assert all(left.values())
    assert {name for name, one in truth.applications.items() if one.mode in ("stays outside", "unknown")} <= set(left)


def test_nobody_moves_before_what_it_calls_but_within_a_circle(truth: Truth, fleet: Fleet) -> None:
    wave = _wave(fleet)
    early = [
        (name, other)
        for name, one in truth.applications.items()
        for other in one.depends_on
        if name in wave and other in wave and wave[other] > wave[name] and not _in_one_circle(truth, name, other)
    ]
    assert early == []


def _in_one_circle(truth: Truth, one: str, other: str) -> bool:
    return any({one, other} <= cycle for cycle in truth.cycles)


def test_the_pilot_is_small_stateless_and_of_low_risk(truth: Truth, fleet: Fleet) -> None:
    assessments = {one.name: one for one in fleet.applications}
    pilots = [wave for wave in fleet.plan.waves if wave.phase == "pilot"]
    assert len(pilots) == 1
    members: list[Assessment] = [assessments[name] for name in pilots[0].members]
    assert 1 <= len(members) <= 3
    assert {one.migration.state for one in members} == {"stateless"}
    assert {truth.applications[one.name].state for one in members} == {"stateless"}


def test_nothing_moves_on_a_holiday(fleet: Fleet) -> None:
    since, until = BLACKOUT["since"], BLACKOUT["until"]
    assert isinstance(since, date)
    assert isinstance(until, date)
    assert not [wave for wave in fleet.plan.waves if wave.begins <= until and wave.ends >= since]
    assert fleet.plan.waves[0].begins < since < fleet.plan.waves[-1].ends


def test_a_database_that_is_used_across_waves_is_named(truth: Truth, fleet: Fleet) -> None:
    wave = _wave(fleet)
    by_store: dict[str, set[int]] = {}
    for name, one in truth.applications.items():
        for store in one.databases:
            if name in wave:
                by_store.setdefault(store, set()).add(wave[name])
    across = {store for store, waves in by_store.items() if len(waves) > 1}
    assert across <= {shared.database for shared in fleet.plan.shared}
