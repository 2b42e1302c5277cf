"""How long nothing is saved between two runs of a schedule."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runbook_lib.judge.workload.gaps import length, longest_gap


@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        ("0 */6 * * *", 6),
        ("0 */5 * * *", 5),
        ("0 1-23/5 * * *", 5),
        ("*/15 8-18 * * *", 13.25),
        ("5/20 * * * *", 1 / 3),
        ("0 3 * * 1-5", 72),
        ("0 3 * * sun,wed", 96),
        ("0 0 1,15 * *", 17 * 24),
        ("0 0 1 jan *", 366 * 24),
        ("0 0 29 2 *", 1461 * 24),
        ("0 0 13 * 5", 7 * 24),  # on a 13th or on a Friday
        ("0 0 13 * *", 31 * 24),
        ("@daily", 24),
        ("@weekly", 168),
        ("@every 1h30m", 1.5),
        ("CRON_TZ=Asia/Shanghai 0 1 * * *", 24),
    ],
)
def test_the_longest_time_between_two_runs(schedule: str, hours: float) -> None:
    assert longest_gap(schedule) == timedelta(hours=hours)


@pytest.mark.parametrize("schedule", ["", "0 3 * * 7", "0 0 31 2 *", "@reboot", "@every soon", "0 3 * *", "x"])
def test_what_is_not_read_or_never_comes_has_none(schedule: str) -> None:
    assert longest_gap(schedule) is None


@pytest.mark.parametrize(
    ("text", "hours"),
    [("720h0m0s", 720), ("1h30m", 1.5), ("0s", 0), ("30d", None), ("5", None), ("", None), ("1h x", None)],
)
def test_a_length_of_time_is_one_of_go(text: str, hours: float | None) -> None:
    assert length(text) == (None if hours is None else timedelta(hours=hours))
