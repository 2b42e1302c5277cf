"""Attempts get folders of their own, and the right run goes on."""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from throwaway import write_record

from runbook_lib.errors import Busy
from runbook_lib.record import archive, journal
from runbook_lib.record.archive import Attempt

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
GRAY: tuple[str, int | None, str | None] = ("gray_stage", 5, None)


def test_each_attempt_gets_a_folder_and_none_is_reused(tmp_path: Path) -> None:
    first = archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT)
    second = archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT)
    assert first.relative_to(tmp_path).as_posix() == "app/20261120t120000z-gray_stage-5/attempt-1"
    assert second != first and second.is_dir()


def test_runs_that_start_in_the_same_second_do_not_clash(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        made = pool.map(_open_passed, [tmp_path / "app"] * 12)
    assert len(set(made)) == 12


def _open_passed(folder: Path) -> Path:
    return write_record(archive.new_attempt(folder, *GRAY, dry_run=False, at=AT), "passed")


@pytest.mark.parametrize(
    ("outcome", "goes_on"),
    [
        ("gate_pending", True),
        ("observing", True),
        ("crashed", True),
        ("interrupted", True),
        ("passed", False),
        ("failed", False),
        ("refused", False),
        ("rolled_back", False),
    ],
)
def test_what_waits_or_was_broken_off_goes_on_as_the_next_attempt(tmp_path: Path, outcome: str, goes_on: bool) -> None:
    first = write_record(archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT), outcome)
    second = archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT + timedelta(minutes=1))
    assert (second == first.parent / "attempt-2") is goes_on
    assert (second.name == "attempt-1") is not goes_on


@pytest.mark.parametrize(
    ("between", "goes_on"),
    [
        ({"phase": "rollback", "weight": None, "mode": "rollback", "outcome": "passed"}, False),
        ({"phase": "rollback", "weight": None, "mode": "drill", "outcome": "passed"}, True),
        ({"phase": "rollback", "weight": None, "mode": "rollback", "outcome": "failed"}, True),
        ({"phase": "gray_stage", "weight": 10, "outcome": "rolled_back"}, False),
        ({"phase": "rollback", "weight": None, "mode": "rollback", "outcome": "passed", "dry_run": True}, True),
    ],
)
def test_it_does_not_go_on_after_the_users_were_brought_back(
    tmp_path: Path, between: dict[str, Any], goes_on: bool
) -> None:
    waiting = archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT)
    write_record(waiting, "gate_pending", 0)
    (tmp_path / "app" / "other" / "attempt-1").mkdir(parents=True)
    write_record(tmp_path / "app" / "other" / "attempt-1", minute=1, **between)
    known = archive.attempts(tmp_path, "app")
    assert archive.run_to_continue(known, GRAY, dry_run=False) == (waiting.parent.name if goes_on else None)


def test_a_new_passage_does_not_go_on_with_what_an_earlier_one_left(tmp_path: Path) -> None:
    first = write_record(archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT), "crashed")
    anew = archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT, anew=True)
    assert anew.parent != first.parent and anew.name == "attempt-1"


def test_a_dry_run_does_not_go_on_in_earnest(tmp_path: Path) -> None:
    write_record(archive.new_attempt(tmp_path / "app", *GRAY, dry_run=True, at=AT), "interrupted", dry_run=True)
    assert archive.run_to_continue(archive.attempts(tmp_path), GRAY, dry_run=False) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"predicate": {}}', '{"predicate": 3}'])
def test_a_record_that_cannot_be_read_is_told_and_not_dropped(tmp_path: Path, content: str) -> None:
    folder = archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT)
    (folder / archive.RECORD).write_text(content)
    (attempt,) = archive.attempts(tmp_path)
    assert attempt.outcome == "unreadable" and archive.RECORD in attempt.problem


def test_what_is_let_go_of_is_free_even_while_a_program_has_a_copy_of_the_files(tmp_path: Path) -> None:
    waits, end = os.pipe()
    with archive.hold(tmp_path / "orders"):
        book = journal.Journal(tmp_path / "orders")
        child = os.fork()  # by another thread, say, to run ssh-keygen
        if not child:
            os.close(end)
            os.read(waits, 1)
            os._exit(0)
        book.close()
    try:
        assert not journal.is_held(tmp_path / "orders")
        with archive.hold(tmp_path / "orders"):
            pass
    finally:
        os.close(end)
        os.waitpid(child, 0)


def test_only_one_runner_holds_an_application_and_the_other_learns_which(tmp_path: Path) -> None:
    me = rf"process {os.getpid()} on {re.escape(socket.gethostname())}"
    with archive.hold(tmp_path / "app"), pytest.raises(Busy, match=me):
        archive.hold(tmp_path / "app").__enter__()
    with archive.hold(tmp_path / "app"):
        pass
    assert archive.holder(tmp_path / "app") is None


def test_an_attempt_without_record_and_without_a_living_process_crashed(tmp_path: Path) -> None:
    assert Attempt(archive.new_attempt(tmp_path / "app", *GRAY, dry_run=False, at=AT)).outcome == "crashed"
