"""When users may be moved: peak hours, freezes, and the stage that must see a weekend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.judge.calendar import DAYS, Freeze, judge_calendar, needed, next_open, read_window
from runbook_lib.model import Outcome

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
FREEZE = Freeze(datetime(2026, 11, 10, tzinfo=SHANGHAI), datetime(2026, 11, 12, tzinfo=SHANGHAI), "the sale")


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("window", "at", "open_from"),
    [
        ("09:30-11:30", "2026-11-02 09:29", "2026-11-02 09:29"),
        ("09:30-11:30", "2026-11-02 09:30", "2026-11-02 11:30"),
        ("09:30-11:30", "2026-11-02 11:30", "2026-11-02 11:30"),
        ("Mon-Fri 18:00-22:00", "2026-11-06 18:00", "2026-11-06 22:00"),  # a Friday
        ("Mon-Fri 18:00-22:00", "2026-11-07 18:00", "2026-11-07 18:00"),  # a Saturday
        ("Sat,Sun 00:00-24:00", "2026-11-07 12:00", "2026-11-09 00:00"),  # both days in a row
        ("Fri-Mon 00:00-24:00", "2026-11-06 12:00", "2026-11-10 00:00"),  # over the end of the week
        ("22:00-02:00", "2026-11-02 23:00", "2026-11-03 02:00"),
        ("22:00-02:00", "2026-11-03 01:59", "2026-11-03 02:00"),
        ("Mon 22:00-02:00", "2026-11-03 01:00", "2026-11-03 02:00"),  # Monday's window, on Tuesday
        ("Mon 22:00-02:00", "2026-11-02 01:00", "2026-11-02 01:00"),  # Sunday has none
    ],
)
def test_peak_hours_close_and_open_in_local_time(window: str, at: str, open_from: str) -> None:
    moment = local(at).astimezone(UTC)
    assert next_open(moment, SHANGHAI, [read_window(window)], []) == local(open_from)
    verdict = judge_calendar(moment, SHANGHAI, [read_window(window)], [])
    assert verdict.outcome is (Outcome.PASS if at == open_from else Outcome.INCONCLUSIVE)
    assert not verdict.trigger


def test_a_freeze_is_said_with_its_reason_and_its_end_and_peak_hours_after_it_count() -> None:
    verdict = judge_calendar(local("2026-11-11 20:00"), SHANGHAI, [read_window("00:00-06:00")], [FREEZE])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.message == "freeze: the sale; users may be moved again from Thu 2026-11-12 06:00 CST"
    assert verdict.numbers["seconds_to_wait"] == 10 * 3600


def test_who_closes_every_hour_is_told_no_time() -> None:
    verdict = judge_calendar(local("2026-11-11 20:00"), SHANGHAI, [read_window("00:00-24:00")], [])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "again" not in verdict.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no window"),
        ("9:30-11:30", "is no window"),
        ("25:00-26:00", "25:00 is no time"),
        ("09:30-09:30", "is empty"),
        ("Someday 09:30-11:30", "'Someday' is no day"),
        ("Mon-Someday 09:30-11:30", "is no day"),
        ("mon 09:30-11:30", "'mon' is no day; days are Mon"),
    ],
)
def test_a_window_that_is_none_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_window(text)


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.sampled_from([UTC, SHANGHAI, BERLIN])),
    begin=st.integers(0, 1439),
    end=st.integers(0, 1439),
    days=st.sets(st.sampled_from(DAYS), min_size=1, max_size=6),
)
def test_what_is_called_open_is_open(at: datetime, begin: int, end: int, days: set[str]) -> None:
    if begin == end:
        return
    hours = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    windows = [read_window(f"{','.join(sorted(days))} {hours}")]
    opens = next_open(at, BERLIN, windows, [FREEZE])
    assert opens is not None
    assert opens >= at
    assert judge_calendar(opens, BERLIN, windows, [FREEZE]).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("begun", "hours", "until"),
    [
        ("2026-11-04 10:00", 48, "2026-11-09 00:00"),  # Wednesday: until the weekend is over
        ("2026-11-07 00:00", 48, "2026-11-09 00:00"),  # the very beginning of a Saturday
        ("2026-11-07 10:00", 48, "2026-11-16 00:00"),  # this Saturday is not whole any more
        ("2026-11-08 10:00", 48, "2026-11-16 00:00"),
        ("2026-11-06 10:00", 400, "2026-11-23 02:00"),  # long enough anyway
    ],
)
def test_a_stage_that_must_see_a_weekend_lasts_until_one_is_over(begun: str, hours: int, until: str) -> None:
    began = local(begun)
    assert began + needed(began, timedelta(hours=hours), True, SHANGHAI) == local(until)
    assert needed(began, timedelta(hours=hours), False, SHANGHAI) == timedelta(hours=hours)


def test_a_weekend_in_which_the_clocks_change_is_whole_all_the_same() -> None:
    friday = datetime(2026, 10, 23, 12, tzinfo=BERLIN)
    long = needed(friday, timedelta(hours=1), True, BERLIN)
    assert friday.astimezone(UTC) + long == datetime(2026, 10, 26, tzinfo=BERLIN).astimezone(UTC)
