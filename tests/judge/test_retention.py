"""May the old side go."""

from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.judge import retention
from runbook_lib.model import Measurement, Outcome

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def measured(name: str, value: float | None) -> Measurement:
    return Measurement(name, value, "requests", "legacy", NOW, "a query")


@pytest.mark.parametrize(
    ("age", "outcome", "says"),
    [
        (None, Outcome.INCONCLUSIVE, "no record"),
        (timedelta(days=13), Outcome.FAIL, "13 d at 100 % < minimum 14 d"),
        (timedelta(days=14), Outcome.PASS, "28 d are recommended"),
        (timedelta(days=30), Outcome.PASS, "30 d at 100 % >= minimum 14 d"),
        (timedelta(days=91), Outcome.PASS, "longer than the maximum of 90 d"),
    ],
)
def test_the_old_side_is_kept_for_the_minimum_and_not_for_ever(
    age: timedelta | None, outcome: Outcome, says: str
) -> None:
    since = None if age is None else NOW - age
    verdict = retention.kept(since, NOW, 2 * WEEK, 4 * WEEK, timedelta(days=90))
    assert verdict.outcome is outcome
    assert says in verdict.message


def test_too_early_names_the_day_from_which_it_may_go() -> None:
    verdict = retention.kept(NOW - timedelta(days=1), NOW, 2 * WEEK, 4 * WEEK, timedelta(days=90))
    assert "2026-12-03T12:00" in verdict.message


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [
        ({"vm-1": 0.0, "vm-2": 0.0}, Outcome.PASS),
        ({"vm-1": 0.0, "vm-2": 1.0}, Outcome.FAIL),
        ({"vm-1": 0.0, "vm-2": None}, Outcome.INCONCLUSIVE),
        ({"vm-1": 3.0, "vm-2": None}, Outcome.FAIL),
        ({}, Outcome.INCONCLUSIVE),
    ],
)
def test_connections_are_counted_on_every_instance_or_not_known(
    counts: dict[str, float | None], outcome: Outcome
) -> None:
    verdict = retention.unconnected([measured(name, value) for name, value in counts.items()])
    assert verdict.outcome is outcome


def test_connections_without_a_command_to_count_them_are_not_zero() -> None:
    assert retention.unconnected([measured("vm-1", None)]).outcome is Outcome.INCONCLUSIVE
    assert retention.unconnected([measured("vm-1", 0)]).outcome is Outcome.PASS
    assert retention.unconnected([measured("vm-1", 2)]).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("days_ago", "outcome"),
    [
        ([], Outcome.INCONCLUSIVE),
        ([20, 14, 7, 1], Outcome.PASS),
        ([20, 13, 1], Outcome.FAIL),  # 12 days without a drill in the middle
        ([20, 14], Outcome.FAIL),  # none for two weeks now
        ([60, 14, 7, 1], Outcome.PASS),  # what lies before 100 % does not matter
    ],
)
def test_the_way_back_is_drilled_every_week_of_the_retention(days_ago: list[int], outcome: Outcome) -> None:
    drills = [NOW - timedelta(days=days) for days in days_ago]
    assert retention.drilled(drills, NOW - timedelta(days=20), NOW, timedelta(0)).outcome is outcome


def test_the_silence_that_is_asked_for_does_not_make_the_drill_late() -> None:
    drills, since = [NOW - timedelta(days=10)], NOW - timedelta(days=16)
    assert retention.drilled(drills, since, NOW, timedelta(0)).outcome is Outcome.FAIL
    assert retention.drilled(drills, since, NOW, WEEK).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("passed", "failed", "outcome", "says"),
    [
        ([7, 1], [], Outcome.PASS, "longest pause"),
        ([8, 1], [4], Outcome.PASS, "failed: 16 Nov 12:00"),  # it was drilled again in time
        ([14, 1], [7], Outcome.FAIL, "longest pause 13 d"),  # a drill that failed is none
        ([7, 2], [1], Outcome.FAIL, "the last one failed"),
        ([], [1], Outcome.INCONCLUSIVE, "1 failed"),
        ([7, 1], [30], Outcome.PASS, "longest pause 7 d <= 7 d"),  # before all users had left
    ],
)
def test_a_drill_that_failed_is_no_drill_and_the_last_one_must_have_passed(
    passed: list[int], failed: list[int], outcome: Outcome, says: str
) -> None:
    ago = [[NOW - timedelta(days=days) for days in some] for some in (passed, failed)]
    verdict = retention.drilled(ago[0], NOW - timedelta(days=14), NOW, timedelta(0), WEEK, ago[1])
    assert verdict.outcome is outcome
    assert says in verdict.message


def test_connections_counted_by_earlier_attempts_are_told_and_prove_nothing_alone() -> None:
    verdict = retention.unconnected([measured("vm-1", 0)], [0, 3, 0])
    assert verdict.outcome is Outcome.PASS
    assert "0 at 2 of 3 earlier moments" in verdict.message
    assert retention.unconnected([measured("vm-1", None)], [0, 0]).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(("written", "outcome"), [(0.0, 0), (3.0, 2), (None, 1)])
def test_what_the_old_side_writes_without_a_request_is_seen_in_the_database(
    written: float | None, outcome: int
) -> None:
    assert retention.idle("orders", written, NOW).outcome == outcome


@pytest.mark.parametrize(
    ("jobs", "outcome"),
    [
        ({"vm-1": [], "vm-2": []}, 0),
        ({"vm-1": ["0 3 * * * /opt/clean_up.sh"]}, 0),
        ({"vm-1": ["0 3 * * * /opt/clean_up.sh"], "vm-2": ["15 2 * * * /opt/export.sh"]}, 2),
    ],
)
def test_a_job_that_would_die_with_its_machine_keeps_the_machine(jobs: dict[str, list[str]], outcome: int) -> None:
    verdict = retention.scheduled(jobs, ["clean_up"])
    assert verdict.outcome == outcome
    assert ("vm-2: 15 2 * * * /opt/export.sh" in verdict.message) is bool(outcome)


@pytest.mark.parametrize(("weight", "outcome"), [(100, 0), (99, 2), (0, 2), (None, 1)])
def test_every_user_is_on_the_new_side(weight: int | None, outcome: int) -> None:
    assert retention.all_users(weight).outcome == outcome


@pytest.mark.parametrize(
    ("legacy", "kubernetes", "outcome"), [(0, 40, 0), (1, 40, 2), (0, 0, 2), (None, 40, 1), (0, None, 1)]
)
def test_orders_flow_on_the_new_side_only(legacy: float | None, kubernetes: float | None, outcome: int) -> None:
    assert retention.at_work("orders", legacy, kubernetes).outcome == outcome


@pytest.mark.parametrize(
    ("until", "outcome", "says"),
    [
        (None, Outcome.PASS, "nobody can still follow"),
        (NOW, Outcome.PASS, "nobody can still follow"),
        (NOW + timedelta(minutes=10), Outcome.FAIL, "until 2026-11-20 12:10 UTC (10 x TTL)"),
    ],
)
def test_machines_stay_while_users_may_follow_an_earlier_answer(
    until: datetime | None, outcome: Outcome, says: str
) -> None:
    verdict = retention.followed(until, NOW)
    assert verdict.outcome is outcome
    assert says in verdict.message
