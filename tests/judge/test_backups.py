"""A backup counts when it is good, young, kept long enough and was restored once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runbook_lib.judge.backups import Kept, Saved, Wanted, backed_up

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WANTED = Wanted("volumes", DAY, 30 * DAY, 90 * DAY)
GOOD = Saved("daily-20", NOW - 5 * HOUR, NOW + 60 * DAY)
OLD = Saved("daily-18", NOW - 48 * HOUR, NOW + 60 * DAY)
BROKEN = Saved("daily-21", NOW - HOUR, NOW + 60 * DAY, "PartiallyFailed, 5 errors")


@pytest.mark.parametrize(
    ("found", "outcome", "says"),
    [
        (Kept((OLD, GOOD), NOW - 9 * DAY), 0, "daily-20 is 5 h old <= 24 h; kept for 60 d >= 30 d; restored 9 d ago"),
        (Kept((GOOD, BROKEN), NOW - DAY), 0, "daily-20"),
        (
            Kept((OLD, BROKEN), NOW - DAY),
            2,
            "daily-18, is 2 d old > 24 h; after it: daily-21 PartiallyFailed, 5 errors",
        ),
        (Kept((BROKEN,), NOW - DAY), 2, "none of 1 is good: daily-21: PartiallyFailed"),
        (Kept((), NOW - DAY), 2, "there is no backup"),
        (Kept((Saved("x", NOW + HOUR),)), 2, "it lies in the future"),
        (Kept((Saved("x", NOW - HOUR, NOW + 2 * DAY),), NOW - DAY), 2, "kept for 2 d < 30 d"),
        (Kept((Saved("x", NOW - HOUR, NOW - DAY),), NOW - DAY), 2, "kept for 0 s < 30 d"),
        (Kept((Saved("x", NOW - HOUR, None),), NOW - DAY), 1, "until when it is kept is not known"),
        (Kept((GOOD,), None), 1, "no restore is on record"),
        (Kept((GOOD,), NOW - 91 * DAY), 1, "restored 91 d ago > 90 d"),
        (Kept(unknown="the cluster may not be asked"), 1, "the cluster may not be asked"),
        (Kept((GOOD,), NOW - DAY, ("the Schedule daily is paused",)), 0, "the Schedule daily is paused"),
    ],
)
def test_a_backup_counts_when_it_is_good_young_kept_and_was_restored(found: Kept, outcome: int, says: str) -> None:
    verdict = backed_up(WANTED, found, NOW)
    assert verdict.outcome == outcome
    assert says in verdict.message


def test_who_asks_for_no_restore_is_told_that_none_was_asked_for() -> None:
    verdict = backed_up(Wanted("volumes", DAY, 0 * DAY, None), Kept((GOOD,)), NOW)
    assert verdict.outcome == 0
    assert "none is asked for" in verdict.message
