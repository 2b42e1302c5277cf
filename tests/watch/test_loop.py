"""The loop of a gray stage: it ends on evidence, at once on a trigger, and never on what is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from runbook_lib import watch
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters
from runbook_lib.model import Outcome, Verdict
from runbook_lib.parameters import load
from runbook_lib.sections import Stage
from runbook_lib.watch import counting, watcher
from tests.watch.world import DEMO, STAGE, FakeClients, World, set_


def watched(world: World, clients: Clients, stage: Stage = STAGE) -> list[watch.Look]:
    return list(_watch(world, clients, stage))


def _watch(world: World, clients: Clients, stage: Stage = STAGE) -> Iterator[watch.Look]:
    return watch.watch_stage(clients, stage, world.sleep, world.clock)


def verdict(look: watch.Look, name: str) -> Verdict:
    return next(v for v in look.verdicts if v.name == name)


def test_a_good_stage_is_watched_for_its_time_and_passes(world: World, clients: Clients) -> None:
    looks = watched(world, clients)
    assert looks[-1].outcome is Outcome.PASS
    assert [look.elapsed for look in looks] == list(range(1, 11))
    assert looks[-1].fraction == 1
    assert looks[0].fraction == pytest.approx(0.1)
    assert all(look.measured for look in looks)
    assert sum(d.errors.kubernetes_requests for d in looks[-1].counted) == 900
    assert looks[-1].cause is None


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (set_(bad=0.3), "failed requests"),
        (set_(killed={"a/app": "12:00:03"}), "OOM kills"),
        (set_(pods={"a/app": 3, "b/app": 0}), "Pod restarts"),
        (set_(ready=0), "ready Pods"),
    ],
)
def test_a_trigger_ends_the_stage_at_once(
    world: World, clients: Clients, change: Callable[[World], None], cause: str
) -> None:
    looks = watched(world.at(3, change), clients)
    assert looks[-1].outcome is Outcome.FAIL
    assert looks[-1].elapsed <= 5
    assert looks[-1].cause is not None
    assert looks[-1].cause.name == cause
    assert cause in looks[-1].headline
    assert all(look.cause is None for look in looks[:-1])


@pytest.mark.parametrize(
    ("change", "name"),
    [(set_(pods={"a/app": 1, "b/app": 0}), "Pod restarts"), (set_(alerts=["Slow"]), "alerts")],
)
def test_what_fails_without_being_a_trigger_ends_with_the_time_of_the_stage(
    world: World, clients: Clients, change: Callable[[World], None], name: str
) -> None:
    looks = watched(world.at(3, change), clients)
    assert looks[-1].elapsed == 10
    assert looks[-1].outcome is Outcome.FAIL
    assert looks[-1].cause is None
    assert verdict(looks[-1], name).outcome is Outcome.FAIL


def test_missing_evidence_makes_the_stage_longer_until_it_comes(world: World, clients: Clients) -> None:
    world.pace = 75  # a third of it in 10 s is not yet 299
    looks = watched(world, clients)
    assert looks[-1].outcome is Outcome.PASS
    assert 10 < looks[-1].elapsed < 30
    held = [look for look in looks if 10 <= look.elapsed < looks[-1].elapsed]
    assert all(look.outcome is Outcome.INCONCLUSIVE and look.remaining == 0 for look in held)


@pytest.mark.parametrize("pace", [0, 5])
def test_patience_ends_and_what_is_not_known_never_passes(world: World, clients: Clients, pace: float) -> None:
    world.pace = pace
    looks = watched(world, clients)
    assert looks[-1].elapsed == 30
    assert looks[-1].outcome is Outcome.INCONCLUSIVE
    assert looks[-1].cause is None


def test_a_blind_stage_is_held_calls_people_and_is_no_reason_to_go_back(world: World, clients: Clients) -> None:
    looks = watched(world.at(2, set_(prometheus="Prometheus does not answer")), clients)
    assert looks[-1].elapsed == 30
    assert all(look.outcome is Outcome.INCONCLUSIVE and look.cause is None for look in looks)
    blind = [look for look in looks if look.elapsed >= 2]
    assert not any(look.measured for look in blind)
    said = [verdict(look, "measurement").message for look in blind]
    assert said[0] == "no measurement for 1 s: Prometheus does not answer"
    assert "call" not in said[8]
    assert "the weight is held, call whoever reads this (this terminal)" in said[10]


def test_after_a_blind_spell_what_happened_meanwhile_counts(world: World, clients: Clients) -> None:
    world.at(2, set_(prometheus="down")).at(6, set_(prometheus=""))
    looks = watched(world, clients)
    assert looks[-1].outcome is Outcome.PASS
    assert sum(d.errors.kubernetes_requests for d in looks[-1].counted) == 900
    assert max(d.errors.seconds for d in looks[-1].counted) == 5


def test_a_regression_behind_a_blind_spell_is_found_at_the_first_sight(world: World, clients: Clients) -> None:
    world.at(2, set_(prometheus="down", bad=0.3)).at(6, set_(prometheus=""))
    looks = watched(world, clients)
    assert looks[-1].elapsed == 6
    assert looks[-1].cause is not None


def test_blind_from_the_first_moment_is_held_too(world: World, clients: Clients) -> None:
    world.prometheus = "down"
    looks = watched(world, clients)
    assert looks[-1].outcome is Outcome.INCONCLUSIVE
    assert looks[-1].counted == ()


def test_a_prometheus_that_knows_nothing_of_the_old_side_is_no_place_to_begin_counting(
    world: World, clients: Clients
) -> None:
    world.missing = "legacy"
    looks = watched(world.at(4, set_(missing="")), clients)
    assert verdict(looks[0], "measurement").message.endswith("Prometheus has no request counter of the old side")
    assert looks[-1].outcome is Outcome.PASS
    assert sum(d.errors.legacy_requests for d in looks[-1].counted) < 1e6


@pytest.mark.parametrize("side", ["legacy", "kubernetes"])
def test_a_side_that_is_not_scraped_for_a_while_is_not_counted_anew(world: World, clients: Clients, side: str) -> None:
    looks = watched(world.at(3, set_(missing=side)).at(4, set_(missing="")), clients)
    assert sum(getattr(d.errors, f"{side}_requests") for d in looks[-1].counted) == (2100 if side == "legacy" else 900)


def test_a_query_that_is_wrong_holds_the_stage_and_nobody_looks_away(
    world: World, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BadParameters("no bucket ends there")

    monkeypatch.setattr(counting, "boundary", refuse)
    monkeypatch.setattr(watcher, "firing_alerts", refuse)
    looks = watched(world.at(5, set_(killed={"a/app": "12:00:05"})), clients)
    assert looks[0].outcome is Outcome.INCONCLUSIVE
    assert looks[-1].cause is not None
    assert looks[-1].cause.name == "OOM kills"


@pytest.mark.parametrize("since", [0, 4])
def test_a_cluster_that_does_not_answer_holds_the_stage(world: World, clients: Clients, since: int) -> None:
    looks = watched(world.at(since, set_(cluster="no cluster")) if since else replace_cluster(world), clients)
    assert looks[-1].elapsed == 30
    assert looks[-1].outcome is Outcome.INCONCLUSIVE
    assert looks[-1].cause is None
    assert verdict(looks[-1], "ready Pods").message == "the cluster did not say"


def replace_cluster(world: World) -> World:
    world.cluster = "no cluster"
    return world


def test_a_regression_is_found_while_the_cluster_does_not_answer(world: World, clients: Clients) -> None:
    looks = watched(replace_cluster(world).at(4, set_(bad=0.5)), clients)
    assert looks[-1].cause is not None
    assert looks[-1].cause.name == "failed requests"


def test_a_pod_that_restarted_and_was_replaced_has_restarted_all_the_same(world: World, clients: Clients) -> None:
    world.at(3, set_(pods={"a/app": 1, "b/app": 0}, killed={})).at(5, set_(pods={"b/app": 0, "c/app": 0}))
    looks = watched(world, clients)
    assert verdict(looks[-1], "Pod restarts").numbers["restarts"] == 1
    assert looks[-1].outcome is Outcome.FAIL


def test_a_kill_of_a_pod_that_is_gone_stays_a_kill(world: World, clients: Clients) -> None:
    world.killed = {"a/app": "before the stage"}
    looks = _watch(world.at(3, set_(killed={"a/app": "12:00:03"})), clients)
    assert [verdict(look, "OOM kills").numbers["kills"] for look in looks] == [0, 0, 1]


def test_restarts_that_are_spread_out_are_no_trigger(world: World, clients: Clients) -> None:
    quick = clients.parameters.thresholds.model_copy(update={"restart_window": timedelta(seconds=3)})
    spread = FakeClients(clients.parameters.model_copy(update={"thresholds": quick}))
    for number, second in enumerate((1, 5, 9), 1):
        world.at(second, set_(pods={"a/app": number}))
    looks = watched(world, spread)  # type: ignore[arg-type]
    assert looks[-1].cause is None
    assert verdict(looks[-1], "Pod restarts").message == "3 in this stage, 1 in the last 3s, limit 3"


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_a_weight_that_was_written_but_does_not_route_is_a_trigger(
    world: World, clients: Clients, share: float
) -> None:
    world.share = share
    looks = watched(world, clients)
    assert looks[-1].cause is not None
    assert looks[-1].cause.name == "traffic split"


def test_before_the_shift_has_settled_the_old_split_is_no_failure(world: World, clients: Clients) -> None:
    world.share = 0.0
    looks = watched(world.at(2, set_(share=0.3)), clients)  # settle 1 s and one scrape of 1 s
    assert looks[-1].outcome is Outcome.PASS


def test_a_look_that_takes_long_does_not_make_the_next_ones_hurry(world: World, clients: Clients) -> None:
    world.at(3, set_(looks_take=2.5)).at(5, set_(looks_take=0.0))
    looks = watched(world, clients)
    assert [look.elapsed for look in looks] == [1, 2, 3, 6, 7, 8, 9, 10]
    assert all(0 < seconds <= 1 for seconds in world.slept)


def test_the_chance_of_a_false_rollback_is_split_over_the_tests() -> None:
    p = load(DEMO)
    errors, slow = watch.stage_limits(p, STAGE)
    assert errors.alpha + slow.alpha == pytest.approx(p.thresholds.alpha)
    assert errors.rule_out == 0.01
    assert errors.ratio_cap == pytest.approx(2)
    assert watch.stage_limits(p, STAGE.model_copy(update={"rule_out": None}))[0].rule_out == p.thresholds.error_rate
    assert replace(errors, absolute=0, margin=0) == replace(slow, absolute=0, margin=0)


# -- waiting for the split ---------------------------------------------------------------------------------------------


def waited(world: World, clients: Clients, weight: int) -> Verdict:
    return watch.wait_for_split(clients, weight, world.sleep, world.clock)


def test_the_split_is_confirmed_as_soon_as_it_shows(world: World, clients: Clients) -> None:
    assert waited(world, clients, 30).outcome is Outcome.PASS
    assert world.second == 1


def test_requests_from_before_the_shift_are_dropped_and_not_summed(world: World, clients: Clients) -> None:
    world.share = 0.5
    assert waited(world.at(4, set_(share=0.0)), clients, 0).outcome is Outcome.PASS
    assert world.second == 5


def test_few_requests_are_summed_until_they_are_enough(world: World, clients: Clients) -> None:
    world.share, world.pace = 0.0, 20
    assert waited(world, clients, 0).outcome is Outcome.PASS
    assert world.second == 5


@pytest.mark.parametrize(
    ("change", "outcome", "says"),
    [
        (set_(share=0.3), Outcome.FAIL, "asked 0 %"),
        (set_(pace=0), Outcome.INCONCLUSIVE, "100 more requests"),
        (set_(prometheus="Prometheus does not answer"), Outcome.INCONCLUSIVE, "Prometheus does not answer"),
    ],
)
def test_a_split_that_does_not_show_in_time_is_no_pass(
    world: World, clients: Clients, change: Callable[[World], None], outcome: Outcome, says: str
) -> None:
    change(world)
    found = waited(world, clients, 0)
    assert found.outcome is outcome
    assert says in found.message
    assert world.second == clients.parameters.traffic.split_patience.total_seconds()


def test_prometheus_coming_back_in_time_is_in_time(world: World, clients: Clients) -> None:
    world.share, world.prometheus = 0.0, "down"
    assert waited(world.at(6, set_(prometheus="")), clients, 0).outcome is Outcome.PASS
