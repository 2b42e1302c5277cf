"""Waves: nobody before what it depends on, everybody somewhere, nothing in a blackout, and each with its reasons."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.errors import BadParameters
from runbook_lib.judge.waves import Candidate, WaveRules, plan_waves
from runbook_lib.judge.waves.cycles import crossing_cost
from tests.judge.waves.fleets import MONDAY, app, drawn, fleets, limits, rules, where

everywhere = settings(max_examples=60, deadline=None)


@everywhere
@given(fleets(), limits)
def test_nobody_goes_before_what_it_depends_on_unless_the_ring_is_named(
    fleet: list[Candidate], given_: WaveRules
) -> None:
    plan = plan_waves(fleet, given_)
    at, broken = where(plan), {cycle.edge for cycle in plan.cycles}
    for one in fleet:
        for needed in {*one.depends_on} & at.keys():
            if one.name in at and (one.name, needed) not in broken:
                assert at[needed] <= at[one.name]
                members = plan.waves[at[needed]].members
                if at[needed] == at[one.name]:
                    assert members.index(needed) < members.index(one.name)


@everywhere
@given(fleets(), limits)
def test_everybody_is_in_one_wave_or_left_out_with_a_reason(fleet: list[Candidate], given_: WaveRules) -> None:
    plan = plan_waves(fleet, given_)
    members = [name for wave in plan.waves for name in wave.members]
    left = [name for name, reason in plan.left_out if reason]
    assert sorted([*members, *left]) == sorted(one.name for one in fleet)
    assert [place.candidate.name for place in plan.places] == [*members, *left]
    assert all(place.reasons for place in plan.places)
    planned = {one.name for one in fleet if one.level in ("Excellent", "Good", "Moderate", "Major work")}
    assert set(members) == planned


@everywhere
@given(fleets(), limits)
def test_no_wave_is_in_a_blackout_or_over_another(fleet: list[Candidate], given_: WaveRules) -> None:
    plan = plan_waves(fleet, given_)
    last = given_.begin - timedelta(days=1)
    for wave in plan.waves:
        assert last < wave.begins <= wave.ends
        assert wave.begins.weekday() < 5 and wave.ends.weekday() < 5
        assert not any(since <= wave.ends and until >= wave.begins for since, until, _ in given_.blackouts)
        last = wave.ends


@everywhere
@given(fleets(), limits)
def test_a_wave_is_no_larger_than_it_may_be_or_one_application_that_says_so(
    fleet: list[Candidate], given_: WaveRules
) -> None:
    for wave in plan_waves(fleet, given_).waves:
        assert 1 <= len(wave.members) <= (min(given_.pilot, given_.size) if wave.phase == "pilot" else given_.size)
        if given_.days_each is not None and wave.effort[1] > given_.days_each:
            assert len(wave.members) == 1 and any("goes alone" in reason for reason in wave.reasons)


@everywhere
@given(fleets(), limits)
def test_phases_come_in_their_order_and_the_pilot_is_stateless_and_never_of_high_risk(
    fleet: list[Candidate], given_: WaveRules
) -> None:
    plan = plan_waves(fleet, given_)
    order = [("pilot", "core", "rest").index(wave.phase) for wave in plan.waves]
    assert order == sorted(order) and order.count(0) <= 1
    known = {one.name: one for one in fleet}
    for name in plan.waves[0].members if order and order[0] == 0 else ():
        assert known[name].state == "stateless" and known[name].risk in ("low", "medium")


@everywhere
@given(fleets(), limits, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    fleet: list[Candidate], given_: WaveRules, chance: random.Random
) -> None:
    other = [replace(one, depends_on=one.depends_on[::-1], databases=one.databases[::-1]) for one in fleet]
    chance.shuffle(other)
    first, second = plan_waves(fleet, given_), plan_waves(other, given_)
    assert replace(first, places=()) == replace(second, places=())
    assert [(p.candidate.name, p.wave, p.reasons) for p in first.places] == [
        (p.candidate.name, p.wave, p.reasons) for p in second.places
    ]


@everywhere
@given(fleets(), limits)
def test_each_ring_that_is_named_is_one_and_its_edge_is_its_cheapest(fleet: list[Candidate], given_: WaveRules) -> None:
    plan = plan_waves(fleet, given_)
    needs, at = {one.name: one.depends_on for one in fleet}, where(plan)
    known = {one.name: one for one in fleet}
    for cycle in plan.cycles:
        ring = [*cycle.members, cycle.members[0]]
        assert all(needed in needs[user] for user, needed in pairwise(ring))
        costs = [crossing_cost(known[user], known[needed]) for user, needed in pairwise(ring)]
        assert costs[0] == min(costs) or len(ring) == 2
        assert cycle.edge == (ring[0], ring[1]) and cycle.because and cycle.proposal
        assert cycle.together == (len({at[name] for name in cycle.members}) == 1)


@everywhere
@given(fleets(), limits)
def test_a_database_of_several_waves_is_named(fleet: list[Candidate], given_: WaveRules) -> None:
    plan = plan_waves(fleet, given_)
    at, named = where(plan), {one.database for one in plan.shared}
    for base in {base for one in fleet for base in one.databases}:
        users = {at.get(one.name) for one in fleet if base in one.databases}
        assert (base in named) == (len(users) > 1)


def test_the_pilot_is_two_or_three_stateless_ones_of_low_risk_that_few_depend_on() -> None:
    fleet = [
        app("a", risk="high"),
        app("b", state="sessions"),
        app("c"),
        app("d"),
        app("e", level="Major work"),
        app("g", "c"),
        *(app(f"user-{n}", "d", risk="high") for n in range(4)),
        app("z"),
    ]
    plan = plan_waves(fleet, rules())
    assert (plan.waves[0].phase, plan.waves[0].members) == ("pilot", ("c", "g", "z"))
    assert plan.places[0].reasons[0].startswith("pilot: stateless, low risk")


def test_who_has_many_dependents_is_in_no_pilot_however_simple_it_is() -> None:
    fleet = [app("simple"), *(app(f"user-{n}", "simple", risk="high") for n in range(4))]
    assert plan_waves(fleet, rules()).waves[0].phase == "rest"
    assert plan_waves(fleet[:4], rules()).waves[0].members == ("simple",)


def test_a_pilot_that_would_be_too_small_may_leave_those_behind_that_share_its_database() -> None:
    fleet = [app("a", databases=("d",)), app("b"), app("z", databases=("d",), risk="high")]
    plan = plan_waves(fleet, rules())
    assert [wave.members for wave in plan.waves] == [("a", "b"), ("z",)]
    assert plan.shared[0].by == (("a", "wave-1"), ("z", "wave-2"))
    kept = plan_waves([*fleet, app("c")], rules())
    assert [wave.members for wave in kept.waves] == [("b", "c"), ("a", "z")] and kept.shared == ()


def test_a_pilot_takes_a_group_where_with_the_simplest_alone_it_would_be_too_small() -> None:
    fleet = [app("a", effort=(1.0, 1.0)), *(app(name, databases=("d",)) for name in "xyz")]
    assert plan_waves(fleet, rules()).waves[0].members == ("x", "y", "z")


def test_a_pilot_of_medium_risk_says_that_too_few_are_of_low_risk() -> None:
    plan = plan_waves([app("a", risk="medium"), app("b", risk="high"), app("c")], rules())
    assert plan.waves[0].members == ("c", "a")
    assert "because too few are of low risk" in plan.places[1].reasons[0]


def test_without_anybody_fit_there_is_no_pilot_and_the_plan_says_so() -> None:
    plan = plan_waves([app("a", risk="high"), app("b", "a")], rules())
    assert plan.waves[0].phase == "rest" and plan.notes[0].startswith("no pilot")


def test_what_is_critical_goes_with_what_it_needs_before_the_rest() -> None:
    fleet = [
        app("rest", risk="high"),
        app("needed", risk="high"),
        app("core", "needed", risk="high", criticality="核心"),
    ]
    plan = plan_waves(fleet, rules())
    assert [(wave.phase, wave.members) for wave in plan.waves] == [("core", ("needed", "core")), ("rest", ("rest",))]
    assert plan.places[0].reasons[0] == "core: needed by core (core)"


def test_a_ring_that_one_wave_can_carry_goes_together_and_the_edge_is_named_all_the_same() -> None:
    fleet = [app("a", "b", risk="high"), app("b", "c", risk="medium"), app("c", "a", risk="high")]
    plan = plan_waves(fleet, rules())
    assert len(plan.waves) == 1
    (cycle,) = plan.cycles
    assert (cycle.edge, cycle.together) == (("b", "c"), True)
    assert "costs 1 of 7 to keep working over both sides, every other edge of the ring 2 (" in cycle.because
    assert "risk medium" in cycle.because and "all of them in wave-1" in cycle.proposal
    assert plan.waves[0].members.index("b") < plan.waves[0].members.index("c")


def test_a_ring_that_is_too_large_is_broken_at_its_cheapest_edge_and_the_way_over_is_named() -> None:
    fleet = [app("a", "b", risk="high"), app("b", "c", risk="medium"), app("c", "a", risk="high")]
    plan = plan_waves(fleet, rules(size=1))
    (cycle,) = plan.cycles
    assert [wave.members for wave in plan.waves] == [("b",), ("a",), ("c",)]
    assert not cycle.together and "ExternalName" in cycle.proposal and "wave-3" in cycle.proposal


def test_who_calls_itself_is_named_and_waits_for_nobody() -> None:
    plan = plan_waves([app("a", "a")], rules())
    assert plan.cycles[0].members == ("a",) and len(plan.waves) == 1


def test_those_with_one_database_go_together_and_take_along_who_stands_between() -> None:
    fleet = [app(f"x{n}", risk="high") for n in range(5)]
    fleet += [
        app("a", databases=("d",), risk="high"),
        app("m", "a", risk="high"),
        app("z", "m", databases=("d",), risk="high"),
    ]
    plan = plan_waves(fleet, rules(size=3))
    assert ("a", "m", "z") in [wave.members for wave in plan.waves] and plan.shared == ()


def test_of_two_databases_that_tie_too_many_together_the_one_with_more_users_is_let_go() -> None:
    fleet = [app(f"a{n}", databases=("wide",), risk="high") for n in range(3)]
    fleet += [app("b", databases=("wide", "small"), risk="high"), app("z", databases=("small",), risk="high")]
    plan = plan_waves(fleet, rules(size=2))
    assert [one.database for one in plan.shared] == ["wide"]
    assert ("b", "z") in [wave.members for wave in plan.waves]


def test_a_database_with_more_users_than_a_wave_carries_is_named_as_a_risk() -> None:
    fleet = [app(f"a{n}", databases=("d",), risk="high") for n in range(5)]
    plan = plan_waves(fleet, rules(size=2))
    (shared,) = plan.shared
    assert shared.database == "d" and "in 3 waves" in shared.risk and len(shared.by) == 5
    assert any("shares the database d" in reason for reason in plan.places[0].reasons)


def test_a_database_that_one_who_stays_uses_too_is_named() -> None:
    plan = plan_waves([app("a", databases=("d",)), app("b", databases=("d",), level="Not yet")], rules())
    assert plan.shared[0].by == (("a", "wave-1"), ("b", "")) and "b stays on the old side" in plan.shared[0].risk


@pytest.mark.parametrize(
    ("level", "reason"),
    [("Not yet", "has to be replaced first"), ("Insufficient data", "no source of it could be read"), ("?", "'?'")],
)
def test_who_cannot_be_planned_is_left_out_with_the_reason(level: str, reason: str) -> None:
    plan = plan_waves([app("a", level=level, mode="not yet"), app("b", "a")], rules())
    assert plan.left_out[0][0] == "a" and reason in plan.left_out[0][1]
    assert plan.staying == (("b", "a"),)


def test_a_dependency_that_no_source_knows_is_named() -> None:
    plan = plan_waves([app("a", "ghost")], rules())
    assert plan.unknown == (("a", "ghost"),)
    assert "depends on ghost, which no source knows: ask" in plan.places[0].reasons


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadParameters, match=r"'a': named twice"):
        plan_waves([app("a"), app("a", level="Good"), app("b")], rules())


@pytest.mark.parametrize("effort", [(-1.0, 2.0), (3.0, 2.0), (0.0, float("nan")), (0.0, float("inf"))])
def test_an_effort_that_is_none_is_refused(effort: tuple[float, float]) -> None:
    with pytest.raises(BadParameters, match="no span of working days"):
        plan_waves([app("a", effort=effort)], rules())


@pytest.mark.parametrize("changes", [{"size": 0}, {"pilot": 0}, {"days_each": 0.0}])
def test_rules_that_leave_no_room_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadParameters, match="above 0"):
        plan_waves([app("a")], rules(**changes))


def test_one_that_is_more_work_than_a_wave_carries_goes_alone_and_says_so() -> None:
    fleet = [app("a", risk="high"), app("big", effort=(10.0, 60.0), risk="high"), app("c", risk="high")]
    plan = plan_waves(fleet, rules(days_each=10.0))
    assert [wave.members for wave in plan.waves] == [("a", "c"), ("big",)]
    assert any("goes alone" in reason for reason in plan.waves[1].reasons)


def test_no_candidates_are_no_waves() -> None:
    plan = plan_waves([], rules())
    assert (plan.waves, plan.places, plan.notes) == ((), (), ())


@pytest.mark.parametrize(("today", "notes"), [(None, 0), (MONDAY, 0), (MONDAY + timedelta(days=9), 1)])
def test_a_plan_that_begins_in_the_past_says_so(today: date | None, notes: int) -> None:
    plan = plan_waves([app(name) for name in "abc"], rules(today=today))
    assert [note for note in plan.notes if "9 days ago" in note] == list(plan.notes)
    assert len(plan.notes) == notes


def test_waves_keep_their_pace_and_end_on_a_working_day() -> None:
    plan = plan_waves([app(f"a{n}", risk="high") for n in range(3)], rules(size=1))
    assert [(wave.begins, wave.ends) for wave in plan.waves] == [
        (MONDAY + timedelta(14 * n), MONDAY + timedelta(14 * n + 11)) for n in range(3)
    ]


def test_a_wave_is_cut_short_by_a_blackout_or_comes_after_it_and_says_why() -> None:
    blackouts = (
        (date(2026, 12, 2), date(2026, 12, 4), "month end"),
        (date(2026, 12, 7), date(2026, 12, 18), "year-end closing"),
    )
    plan = plan_waves([app(f"a{n}", risk="high") for n in range(2)], rules(size=1, blackouts=blackouts))
    assert [(str(wave.begins), str(wave.ends)) for wave in plan.waves] == [
        ("2026-11-23", "2026-12-01"),
        ("2026-12-21", "2027-01-01"),
    ]
    assert plan.waves[0].reasons[-1] == "shorter than usual: month end"
    assert plan.waves[1].reasons[-1] == "later than planned: year-end closing"


def test_a_few_days_between_two_blackouts_are_no_wave() -> None:
    blackouts = ((MONDAY, date(2026, 11, 30), "a fair"), (date(2026, 12, 3), date(2026, 12, 6), "month end"))
    plan = plan_waves([app("a")], rules(blackouts=blackouts))
    assert plan.waves[0].begins == date(2026, 12, 7)
    assert plan.waves[0].reasons[-1] == "later than planned: a fair, month end"


def test_a_blackout_on_a_weekend_takes_nothing() -> None:
    plan = plan_waves([app("a")], rules(blackouts=((date(2026, 12, 5), date(2026, 12, 6), "a fair"),)))
    assert (plan.waves[0].ends, plan.waves[0].reasons) == (date(2026, 12, 4), ("1 of at most 3 applications",))


def test_blackouts_to_the_end_of_the_calendar_are_told() -> None:
    with pytest.raises(BadParameters, match="no free day"):
        plan_waves([app("a")], rules(blackouts=((MONDAY, date.max, "never"),)))


def test_three_thousand_applications_with_ten_thousand_edges_are_planned_in_three_seconds() -> None:
    fleet = drawn(3000, 10_000, 1)
    begun = time.process_time()
    plan = plan_waves(fleet, rules())
    assert time.process_time() - begun < 3
    assert sum(len(wave.members) for wave in plan.waves) + len(plan.left_out) == 3000
