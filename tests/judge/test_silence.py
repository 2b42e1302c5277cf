"""Zero over the whole time: what a counter proves across gaps, and what nobody can know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.silence import Course, Period, Point, Span, counted, gauged, silent, stretches
from runbook_lib.model import Outcome, Verdict

ZERO = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return ZERO + hours * HOUR


def course(points: dict[float, float]) -> Course:
    return Course("vm-1", tuple(Point(at(hours), value) for hours, value in points.items()))


def period(*left_out: tuple[float, float], unseen: float = 0, end: float = 10) -> Period:
    spans = tuple(Span(at(since), at(until), "drills") for since, until in left_out)
    return Period(ZERO, at(end), spans, unseen * HOUR)


def judged(points: dict[float, float], over: Period) -> Verdict:
    return silent("silence", "requests", counted(course(points), over), over, 1)


@pytest.mark.parametrize(
    ("points", "over", "outcome", "says"),
    [
        ({0: 50, 5: 50, 10: 50}, period(), 0, "0 requests in 10 h on 1 machines"),
        ({0: 50, 5: 51, 10: 51}, period(), 2, "1 requests in 10 h > 0: vm-1 1 between 01 Nov 00:00:00 and 01 Nov 05:"),
        # nobody looked for nine hours, and the counter stands as it stood: nobody came
        ({0: 50, 0.5: 50, 9.5: 50, 10: 50}, period(), 0, "0 requests"),
        ({0: 50, 0.5: 50, 9.5: 57, 10: 57}, period(), 2, "7 requests"),
        # it began anew: what it had counted just before is lost
        ({0: 50, 4: 50, 4.1: 0, 10: 0}, period(), 1, "not seen: 6 min (vm-1 between 01 Nov 04:00:00"),
        ({0: 50, 4: 50, 4.1: 0, 10: 0}, period(unseen=0.2), 0, "not seen: 6 min"),
        ({0: 50, 4: 50, 4.1: 3, 10: 3}, period(unseen=0.2), 2, "3 requests"),
        # Prometheus has forgotten the beginning, or is deaf since
        ({6: 50, 10: 50}, period(), 1, "not seen: 6 h"),
        ({0: 50, 8: 50}, period(), 1, "not seen: 2 h"),
        ({}, period(), 1, "not seen: 10 h"),
        # a drill sends users there on purpose
        ({0: 50, 4: 50, 5: 900, 10: 900}, period((4, 5)), 0, "left out: drills (1 times, 60 min)"),
        ({0: 50, 4: 50, 5: 900, 10: 901}, period((4, 5)), 2, "1 requests"),
        # whether they came in the drill or after it cannot be told apart
        ({0: 50, 4: 50, 6: 900, 10: 900}, period((4, 5)), 1, "not seen: 60 min (vm-1 between 01 Nov 05:00:00"),
    ],
)
def test_a_counter_is_held_against_itself_and_a_gap_is_no_zero(
    points: dict[float, float], over: Period, outcome: int, says: str
) -> None:
    verdict = judged(points, over)
    assert verdict.outcome == outcome
    assert says in verdict.message


def test_without_a_machine_to_ask_nothing_is_known() -> None:
    assert silent("silence", "requests", [], period(), 0).outcome is Outcome.INCONCLUSIVE


def test_before_any_time_has_passed_nothing_is_silent() -> None:
    assert judged({0: 50}, period(end=0)).outcome is Outcome.INCONCLUSIVE


def test_a_period_that_is_shorter_than_what_may_be_unknown_is_not_passed_by_not_looking() -> None:
    over = period(unseen=1, end=0.5)
    assert judged({}, over).outcome is Outcome.INCONCLUSIVE
    assert judged({0.3: 50, 0.5: 50}, over).outcome is Outcome.INCONCLUSIVE
    assert judged({0.1: 50, 0.5: 50}, over).outcome is Outcome.PASS


def test_two_machines_that_are_not_seen_at_once_are_one_gap() -> None:
    over = period(unseen=2)
    found = [s for _ in range(2) for s in counted(course({2: 5, 10: 5}), over)]
    assert silent("silence", "requests", found, over, 2).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("points", "left_out", "outcome"),
    [
        (dict.fromkeys(range(1, 11), 2.0), (), 0),
        ({n: 2.0 + (n == 4) for n in range(1, 11)}, (), 2),
        ({n: 2.0 + (n == 4) for n in range(1, 11)}, ((3.0, 4.0),), 0),
        ({n: 2.0 for n in range(1, 11) if n != 4}, (), 1),
        ({}, (), 1),
    ],
)
def test_connections_above_those_that_are_always_there_count_and_a_missing_step_is_a_gap(
    points: dict[float, float], left_out: tuple[tuple[float, float], ...], outcome: int
) -> None:
    over = period(*left_out)
    found = gauged(course(points), over, HOUR, always=2)
    assert silent("connections over time", "connections", found, over, 1).outcome == outcome


def test_what_remains_of_the_time_is_asked_piece_by_piece() -> None:
    over = period((2, 3), (2.5, 4), (9, 12))
    assert stretches(over) == [(at(0), at(2)), (at(4), at(9))]


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 5)), min_size=1, max_size=20, unique_by=lambda p: p[0]),
    st.integers(0, 19),
)
def test_no_silence_is_found_where_a_request_came_that_was_not_left_out(
    steps: list[tuple[int, int]], missing: int
) -> None:
    """Whatever points are lost, a counter that rose between two that are left is never told as zero."""
    total, points = 0, {0.0: 0.0}
    for place, more in sorted(steps):
        total += more
        points[place / 10 + 0.01] = float(total)
    points[10.2] = float(total)
    keys = sorted(points)
    if 0 < missing < len(keys) - 1:
        del points[keys[missing]]
    verdict = judged(points, period(end=10.2))
    assert (verdict.outcome is Outcome.PASS) is (total == 0)
