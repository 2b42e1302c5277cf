"""A long stage in slices: counts stay whole over restarts of the notebook, and what nobody saw is a gap with a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_lib import watch
from runbook_lib.clients import Clients
from runbook_lib.judge.observation import Observation
from runbook_lib.model import Outcome
from runbook_lib.record import journal
from runbook_lib.sections import Stage
from runbook_lib.watch import History, ObservationLog, history_of
from runbook_lib.watch.log import READING
from tests.watch.world import FakeClients, World, set_

LONG = Stage(weight=30, observe=timedelta(seconds=60), rule_out=0.01)


@pytest.fixture
def sliced(clients: Clients) -> Clients:
    p = clients.parameters
    changed = p.watch.model_copy(update={"slice": timedelta(seconds=20)})
    return FakeClients(p.model_copy(update={"watch": changed}))  # type: ignore[return-value]


@pytest.fixture
def attempts(tmp_path: Path) -> Iterator[Path]:
    """The folder of a run; `attempt` below makes its attempts."""
    return tmp_path / "records" / "order-service" / "20261120t120000z-gray_stage-30"


def attempt(run: Path) -> Path:
    folder = run / f"attempt-{1 + len(list(run.glob('attempt-*')))}"
    folder.mkdir(parents=True)
    with closing(journal.Journal(folder)) as book:
        book.write("started", phase="gray_stage", weight=30, mode=None, dry_run=False)
    return folder


def slice_of(world: World, clients: Clients, run: Path, ticks: int | None = None) -> list[watch.Look]:
    """One attempt: everything until it ends of itself, or is killed after so many ticks."""
    folder = attempt(run)
    looks = []
    watching = watch.watch_stage(clients, LONG, world.sleep, world.clock, ObservationLog(folder), history_of(folder))
    for look in watching:
        looks.append(look)
        if len(looks) == ticks:
            break
    return looks


def requests(look: watch.Look) -> tuple[float, float]:
    counts = [o.errors for o in look.observations if o.errors]
    return sum(c.kubernetes_requests for c in counts), sum(c.legacy_requests for c in counts)


def test_a_stage_that_is_longer_than_a_slice_ends_as_going_on(world: World, sliced: Clients, attempts: Path) -> None:
    looks = slice_of(world, sliced, attempts)
    assert looks[-1].goes_on
    assert looks[-1].elapsed == 20
    assert looks[-1].remaining == 40
    assert not any(look.goes_on for look in looks[:-1])
    assert not looks[-1].to_be_brought_back
    assert (looks[-1].until - looks[-1].at).total_seconds() == 40


def test_a_stage_that_fits_into_a_slice_is_watched_in_one_go(world: World, sliced: Clients) -> None:
    short = LONG.model_copy(update={"observe": timedelta(seconds=20)})
    *_, last = watch.watch_stage(sliced, short, world.sleep, world.clock)
    assert (last.elapsed, last.goes_on, last.outcome) == (20, False, Outcome.PASS)


def test_without_slices_a_long_stage_is_watched_in_one_go(world: World, clients: Clients) -> None:
    p = clients.parameters
    whole = FakeClients(p.model_copy(update={"watch": p.watch.model_copy(update={"slice": None})}))
    *_, last = watch.watch_stage(whole, LONG, world.sleep, world.clock)  # type: ignore[arg-type]
    assert (last.elapsed, last.goes_on) == (60, False)


def test_the_verdict_is_over_the_whole_stage_and_the_counts_are_those_of_the_counters(
    world: World, sliced: Clients, attempts: Path
) -> None:
    for _ in range(2):
        assert slice_of(world, sliced, attempts)[-1].goes_on
        world.pass_time(5)
    last = slice_of(world, sliced, attempts)[-1]
    assert (last.outcome, last.goes_on, last.elapsed) == (Outcome.PASS, False, 60)
    assert world.second == 60  # the time between the slices counts: Prometheus saw it
    assert requests(last) == (world.served["kubernetes"][0], world.served["legacy"][0] - 1e6)


@pytest.mark.parametrize("away", [3, 60, 300])
def test_a_kernel_that_was_killed_costs_no_request(world: World, sliced: Clients, attempts: Path, away: int) -> None:
    slice_of(world, sliced, attempts, ticks=7)
    world.pass_time(away)
    first = slice_of(world, sliced, attempts, ticks=1)[0]
    assert requests(first) == (world.served["kubernetes"][0], world.served["legacy"][0] - 1e6)
    assert not [o for o in first.observations if o.gap]
    assert len(first.observations) <= 8 + 61 + 2  # a bounded number of past ticks is asked for


def test_without_the_kept_counters_prometheus_is_asked_how_they_stood(
    world: World, sliced: Clients, attempts: Path
) -> None:
    slice_of(world, sliced, attempts, ticks=7)
    (attempts / "attempt-1" / READING).unlink()
    world.pass_time(30)
    first = slice_of(world, sliced, attempts, ticks=1)[0]
    assert requests(first) == (world.served["kubernetes"][0], world.served["legacy"][0] - 1e6)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"at": "2026-11-20T12:00:07Z", "series": [[1]]}'])
def test_counters_that_were_kept_badly_are_asked_for(
    world: World, sliced: Clients, attempts: Path, content: str
) -> None:
    slice_of(world, sliced, attempts, ticks=7)
    (attempts / "attempt-1" / READING).write_text(content)
    first = slice_of(world, sliced, attempts, ticks=1)[0]
    assert requests(first) == (world.served["kubernetes"][0], world.served["legacy"][0] - 1e6)


def test_what_prometheus_did_not_see_is_a_gap_that_is_named_and_not_counted_as_observed(
    world: World, sliced: Clients, attempts: Path
) -> None:
    slice_of(world, sliced, attempts, ticks=7)
    world.dark = (10, 40)
    world.pass_time(40)  # until second 47
    first = slice_of(world, sliced, attempts, ticks=1)[0]
    measurement = next(v for v in first.verdicts if v.name == "measurement")
    assert measurement.message == "no measurement from 12:00:09 to 12:00:40 UTC; not counted as observed"
    assert first.remaining == pytest.approx(60 + 31 - 48)
    assert requests(first) == (world.served["kubernetes"][0], world.served["legacy"][0] - 1e6)
    sample = next(v for v in first.verdicts if v.name == "failed requests").numbers["kubernetes_requests"]
    assert sample == requests(first)[0] - 31 * 90
    while (last := slice_of(world, sliced, attempts)[-1]).goes_on:
        assert last.elapsed < 91
    assert (last.outcome, last.elapsed) == (Outcome.PASS, 91)


def test_a_prometheus_that_lost_everything_leaves_a_gap(world: World, sliced: Clients, attempts: Path) -> None:
    slice_of(world, sliced, attempts, ticks=7)
    (attempts / "attempt-1" / READING).unlink()
    world.dark = (-5, 40)
    world.pass_time(40)
    first = slice_of(world, sliced, attempts, ticks=1)[0]
    gap = next(o for o in first.observations if o.gap)
    assert (gap.errors, gap.seconds) == (None, 40)
    assert first.outcome is not Outcome.FAIL


def test_a_regression_between_two_slices_is_found_at_the_first_look(
    world: World, sliced: Clients, attempts: Path
) -> None:
    slice_of(world, sliced, attempts, ticks=7)
    world.bad = 0.3
    world.pass_time(60)
    first = slice_of(world, sliced, attempts, ticks=1)[0]
    assert first.cause is not None
    assert first.cause.name == "failed requests"


def test_prometheus_down_at_the_beginning_of_a_slice_holds_and_what_is_missing_is_asked_for_later(
    world: World, sliced: Clients, attempts: Path
) -> None:
    slice_of(world, sliced, attempts, ticks=7)
    world.prometheus = "Prometheus does not answer"
    world.pass_time(30)
    looks = slice_of(world.at(45, set_(prometheus="")), sliced, attempts)
    blind = [look for look in looks if not look.measured]
    assert len(blind) == 7
    assert all(look.outcome is Outcome.INCONCLUSIVE and look.cause is None for look in blind)
    assert requests(looks[-1]) == (world.served["kubernetes"][0], world.served["legacy"][0] - 1e6)
    assert not [o for o in looks[-1].observations if o.gap]


def test_a_fail_without_trigger_does_not_end_a_slice_and_ends_the_stage(
    world: World, sliced: Clients, attempts: Path
) -> None:
    world.alerts = ["Slow"]
    looks = slice_of(world, sliced, attempts)
    assert (looks[-1].outcome, looks[-1].goes_on, looks[-1].to_be_brought_back) == (Outcome.FAIL, True, False)
    slice_of(world, sliced, attempts)
    last = slice_of(world, sliced, attempts)[-1]
    assert (last.goes_on, last.to_be_brought_back, last.elapsed) == (False, True, 60)


def test_a_held_stage_that_is_run_again_is_looked_at_for_as_long_as_patience_lasts_again(
    world: World, sliced: Clients, attempts: Path
) -> None:
    world.pace = 0
    ends = [slice_of(world, sliced, attempts)[-1] for _ in range(5)]
    assert [(look.elapsed, look.goes_on) for look in ends] == [
        (20, True), (40, True), (60, True), (80, False), (100, False)
    ]  # fmt: skip
    assert ends[-1].outcome is Outcome.INCONCLUSIVE


def test_restarts_between_two_slices_are_seen(world: World, sliced: Clients, attempts: Path) -> None:
    slice_of(world, sliced, attempts, ticks=7)
    world.pods = {"a/app": 3, "b/app": 0}
    world.pass_time(30)
    first = slice_of(world, sliced, attempts, ticks=1)[0]
    assert first.cause is not None
    assert first.cause.name == "Pod restarts"


# -- what is written ---------------------------------------------------------------------------------------------------


def test_every_tick_is_one_line_and_what_is_read_is_what_was_seen(
    world: World, sliced: Clients, attempts: Path
) -> None:
    look = slice_of(world, sliced, attempts, ticks=5)[-1]
    seen, said = watch.read_observations(attempts / "attempt-1")
    assert (tuple(seen), said) == (look.observations, "")
    assert len((attempts / "attempt-1" / "observations.jsonl").read_text().splitlines()) == 6
    went_on: History = history_of(attempt(attempts))
    assert went_on.observations == look.observations
    assert went_on.told.startswith("observed since 20 Nov 12:00:00 UTC, last at 20 Nov 12:00:05")
    assert went_on.sources.stage == ("20261120t120000z-gray_stage-30/attempt-1",)


def test_a_line_that_a_crash_tore_is_left_out_and_said(world: World, sliced: Clients, attempts: Path) -> None:
    slice_of(world, sliced, attempts, ticks=5)
    path = attempts / "attempt-1" / "observations.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    found = history_of(attempt(attempts))
    assert len(found.observations) == 5
    assert "the last line was torn and is left out" in found.told
    world.pass_time(5)
    first = slice_of(world, sliced, attempts, ticks=1)[0]
    assert requests(first) == (world.served["kubernetes"][0], world.served["legacy"][0] - 1e6)


def test_a_disk_that_is_full_stops_no_watching_and_nothing_is_lost(
    world: World, sliced: Clients, tmp_path: Path
) -> None:
    log, seen = ObservationLog(tmp_path), []
    (tmp_path / "observations.jsonl").symlink_to("/dev/full")
    watching = watch.watch_stage(sliced, LONG, world.sleep, world.clock, log)
    for look in watching:
        seen.append(look)
        if len(seen) == 3:
            (tmp_path / "observations.jsonl").unlink()
        if len(seen) == 5:
            break
    assert tuple(watch.read_observations(tmp_path)[0]) == seen[-1].observations


def test_secrets_are_blotted_out_of_what_is_written(tmp_path: Path, world: World) -> None:
    log = ObservationLog(tmp_path, lambda value: json.loads(json.dumps(value).replace("hunter2", "***")))
    log.append(Observation(world.now(), problem="http://user:hunter2@prometheus does not answer"))
    assert "hunter2" not in (tmp_path / "observations.jsonl").read_text()


def test_a_stage_that_must_see_a_weekend_lasts_until_one_is_over(
    world: World, sliced: Clients, attempts: Path, tmp_path: Path
) -> None:
    stage = LONG.model_copy(update={"observe": timedelta(seconds=2), "weekend": True})  # the world begins on a Friday
    *_, last = watch.watch_stage(sliced, stage, world.sleep, world.clock)
    assert (last.outcome, last.goes_on) == (Outcome.PASS, True)
    assert f"{last.until:%a %d %b %H:%M}" == "Mon 23 Nov 00:00"
