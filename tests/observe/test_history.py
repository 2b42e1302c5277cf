"""What the archive says of a passage: since when all users are on the new side, and which drills count."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.observe.history import drills, evidence, failed_drills, first_moved, full_since, retired, this_passage


@dataclass(frozen=True)
class Filed:
    """An attempt as the archive gives it; ``day`` is the day of November on which it ended."""

    phase: str
    weight: int | None = None
    outcome: str = "passed"
    mode: str | None = None
    day: int = 1
    dry_run: bool = False
    anew: bool = False
    run_id: str = "run"
    changes: tuple[dict[str, Any], ...] = ()
    folder: Path = field(default=Path("absent"))

    @property
    def step(self) -> tuple[str, int | None, str | None]:
        return self.phase, self.weight, self.mode

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "ended": f"2026-11-{self.day:02}T12:00:00.000Z",
            "dry_run": self.dry_run,
            "anew": self.anew,
            "changes": list(self.changes),
        }


ALL = Filed("gray_stage", 100, day=5)


@pytest.mark.parametrize(
    ("past", "day"),
    [
        ([], None),
        ([Filed("gray_stage", 50)], None),
        ([Filed("gray_stage", 50), ALL], 5),
        ([ALL, Filed("gray_stage", 100, day=9)], 5),  # looked at again: the users did not move
        ([ALL, Filed("rollback", mode="drill", day=7)], 5),
        ([ALL, Filed("rollback", mode="rollback", day=7)], None),
        ([ALL, Filed("rollback", mode="rollback", day=7), Filed("gray_stage", 100, day=9)], 9),
        ([ALL, Filed("gray_stage", 100, outcome="rolled_back", day=7)], None),
        ([ALL, Filed("gray_stage", 5, day=7)], None),
        ([ALL, Filed("pilot_deploy", day=7)], None),  # it passes only with no user on the new side
        ([ALL, Filed("pilot_deploy", outcome="failed", day=7)], 5),
        ([Filed("gray_stage", 100, outcome="failed")], None),
        ([Filed("gray_stage", 100, dry_run=True)], None),
    ],
)
def test_the_retention_begins_when_the_stage_at_100_percent_passed_and_still_holds(
    past: list[Filed], day: int | None
) -> None:
    expected = None if day is None else datetime(2026, 11, day, 12, tzinfo=UTC)
    assert full_since(past) == expected


def test_what_was_before_a_passage_began_anew_says_nothing_of_it() -> None:
    begun = Filed("assessment", day=8, anew=True)
    assert this_passage([ALL, begun, Filed("pilot_deploy", day=9)]) == [begun, Filed("pilot_deploy", day=9)]
    assert this_passage([ALL]) == [ALL]


def test_only_drills_that_passed_in_earnest_count() -> None:
    past = [
        Filed("pilot_deploy", day=1),
        Filed("pilot_deploy", outcome="failed", day=2),
        Filed("rollback", mode="drill", day=3),
        Filed("rollback", mode="drill", day=4, dry_run=True),
        Filed("rollback", mode="rollback", day=5),
    ]
    assert [drill.at.day for drill in drills(past)] == [1, 3]


def test_evidence_is_that_of_the_newest_attempt_that_passed(tmp_path: Path) -> None:
    past = []
    for number, outcome in enumerate(["passed", "passed", "failed"]):
        past.append(Filed("pilot_deploy", outcome=outcome, folder=tmp_path / str(number)))
        (tmp_path / str(number) / "evidence").mkdir(parents=True)
        written = tmp_path / str(number) / "evidence" / "drill.json"
        written.write_text(json.dumps({"seconds": number}), encoding="utf-8")
    assert evidence(past, "pilot_deploy", "drill") == {"seconds": 1}
    assert evidence(past, "assessment", "drill") is None


def test_a_drill_that_did_not_pass_is_told_and_one_that_was_only_rehearsed_is_not() -> None:
    past = [
        Filed("rollback", mode="drill", outcome="failed", day=3),
        Filed("rollback", mode="drill", outcome="crashed", day=4, dry_run=True),
        Filed("rollback", mode="rollback", outcome="failed", day=5),
        Filed("rollback", mode="drill", outcome="interrupted", day=6),
    ]
    assert [drill.at.day for drill in failed_drills(past)] == [3, 6]


def change(what: str, day: int, done: bool = True, after: object = None) -> dict[str, Any]:
    return {"what": what, "done": done, "at": f"2026-11-{day:02}T12:00:00.000Z", "after": after}


def test_the_machines_that_went_are_known_by_the_changes_that_were_seen_through() -> None:
    past = [
        Filed("decommission", outcome="crashed", changes=(change("retire vm-1", 7),)),
        Filed("decommission", changes=(change("retire vm-1", 8, done=False), change("retire vm-2", 8))),
    ]
    assert {name: at.day for name, at in retired(past).items()} == {"vm-1": 7, "vm-2": 8}


def test_until_the_first_users_moved_the_old_side_is_as_it_was() -> None:
    moves = [change("traffic weight", 4, after=5), change("traffic weight", 3, done=False, after=1)]
    past = [Filed("gray_stage", 1, changes=(moves[1],)), Filed("gray_stage", 5, changes=(moves[0],))]
    moved = first_moved(past)
    assert moved is not None
    assert moved.day == 4
    assert first_moved([]) is None
