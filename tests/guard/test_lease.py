"""One guard acts: whoever holds the Lease with the token that it was given."""

from __future__ import annotations

import copy
import time

import pytest

from tests.guard.world import World


def test_the_first_one_holds_it_and_the_second_one_waits(world: World) -> None:
    first, second = world.lease("first"), world.lease("second")
    assert first.keep().mine and first.keep().mine
    held = second.keep()
    assert (held.mine, held.holder, held.token) == (False, "first", None)
    assert first.confirm().mine


def test_what_nobody_renews_lapses_and_its_holder_knows_by_the_token(world: World) -> None:
    first, second = world.lease("first"), world.lease("second")
    assert first.keep().token == 0
    assert not second.keep().mine
    world.clock.at += first.seconds - 0.1
    assert not second.keep().mine
    world.clock.at += 0.2
    assert second.keep().token == 1
    late = first.confirm()
    assert (late.mine, late.holder) == (False, "second")
    assert second.confirm().mine


def test_what_is_renewed_in_time_never_lapses(world: World) -> None:
    first, second = world.lease("first"), world.lease("second")
    for _ in range(6):
        assert first.keep().mine and not second.keep().mine
        world.clock.at += first.seconds / 2


def test_what_is_given_back_is_taken_at_once(world: World) -> None:
    first, second = world.lease("first"), world.lease("second")
    assert first.keep().mine and not second.keep().mine
    first.give_back()
    assert second.keep().token == 1


def test_of_two_who_take_it_at_once_one_gets_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (world.lease(name) for name in ("first", "second", "third"))
    first.keep()
    first.give_back()
    read = copy.deepcopy(second._read())
    assert third.keep().mine
    monkeypatch.setattr(second, "_read", lambda: read)  # what it read before the third one wrote
    assert not second.keep().mine
    assert third.confirm().mine


def test_without_the_api_the_last_holder_goes_on_and_others_wait(world: World) -> None:
    first, second = world.lease("first"), world.lease("second")
    first.keep()
    world.api_down()
    deadline = time.monotonic() + 60
    while not (held := first.confirm()).problem:
        assert time.monotonic() < deadline
    assert held.mine and "does not answer" in held.problem
    waits = second.keep()
    assert not waits.mine and waits.problem


def test_before_the_namespace_is_there_a_guard_waits_for_it_and_says_so(world: World) -> None:
    world.values["kubernetes"]["namespace"] = "not-yet"
    held = world.lease("first").keep()
    assert (held.mine, held.problem) == (False, "the cluster has no namespace not-yet yet")
