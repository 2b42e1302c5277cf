"""A batch that is killed at any write of a journal leaves nobody on the wrong side, and is resumed to its end."""

from __future__ import annotations

import os
import threading
import traceback
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from runbook_lib import rollback  # noqa: F401 - what a forked child would import anew each time
from runbook_lib.act.level import Wanted
from runbook_lib.batch import book, roll_back
from runbook_lib.batch.file import load_batch
from runbook_lib.proof.verify import verify
from runbook_lib.record import journal
from runbook_lib.runner import roll_back as _  # noqa: F401
from runbook_lib.runner.progress import Screen
from runbook_lib.trust.identity import signers_of
from tests.batch.shop import DEPENDS_ON, Shop, make_shop

CHAIN = {"web": ["cart"], "cart": ["stock"], "stock": []}
DIAMOND = {"web": ["cart", "search"], "cart": ["stock"], "search": ["stock"], "stock": []}
KILLED = 137


def killed_at(number: int, before: bool, only: str) -> None:
    """The process dies at that write of a journal, before or after the line is on the disk; all its threads with it."""
    append, lock, seen = journal.Journal.append, threading.Lock(), [0]

    def counted(self: journal.Journal, event: journal.Event, *, durable: bool = True) -> journal.Event:
        hit = False
        if only in str(self.path):
            with lock:
                seen[0] += 1
                hit = seen[0] == number
        if hit and before:
            os._exit(KILLED)
        done = append(self, event, durable=durable)
        if hit:
            os._exit(KILLED)
        return done

    journal.Journal.append = counted  # type: ignore[method-assign]


def one_try(shop: Shop, number: int, before: bool, only: str) -> int:
    """A rollback in a process of its own, or the next try at it; its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 70
    try:
        killed_at(number, before, only)
        silent = Screen(Console(file=StringIO()), Console(file=StringIO()))
        loaded = load_batch(shop.file)
        tries = book.tries(loaded.home)
        known = book.transaction(tries)
        code = roll_back.roll_back(loaded, silent, "it was killed", Wanted(), tries if known else ()).exit_code
    except BaseException:
        traceback.print_exc()  # a child has nobody to raise it to
        raise
    finally:
        os._exit(code)


def assert_nobody_was_left(shop: Shop, depends_on: dict[str, list[str]]) -> None:
    weights = shop.weights()
    for name, needs in depends_on.items():
        for need in needs:
            assert weights[need] == 30 or weights[name] == 0, f"{need} went back under {name}"


def assert_whole(shop: Shop) -> None:
    assert set(shop.weights().values()) == {0}
    known = book.transaction(book.tries(load_batch(shop.file).home))
    assert known is not None and known.over and {s.state for s in known.stands.values()} == {"back"}
    untold = set()
    for name in (*shop.names, "wave"):
        assert [a for a in shop.attempts(name) if a.statement is None] == []
        assert next(one for one in reversed(shop.attempts(name)) if one.step[0]).outcome == "passed"
        # of one in which nothing was written nobody knows what it was, so that nobody can sign for it
        untold |= {"/".join(one.folder.parts[-3:]) for one in shop.attempts(name) if not one.step[0]}
    report = verify(shop.folder / "records", signers_of(load_batch(shop.file).own))
    assert [str(fault) for fault in report.faults if fault.path not in untold] == []


def killed_again_and_again(shop: Shop, depends_on: dict[str, list[str]], before: int) -> list[int]:
    """Each try is killed at a later write than the one before, until one gets through; how each of them ended."""
    number, codes = 2, []  # the first line says that it was begun
    while not codes or codes[-1] == KILLED:
        codes.append(one_try(shop, number, number % 2 == before, "/wave/"))
        assert_nobody_was_left(shop, depends_on)
        number += 1
        assert number < 60
    return codes


def test_killed_at_each_write_of_its_own_journal_it_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_shop(tmp_path / "project", CHAIN)
    monkeypatch.chdir(shop.folder)
    codes = killed_again_and_again(shop, CHAIN, 0)
    assert codes[-1] == 0 and len(codes) > 8
    assert_whole(shop)


@pytest.mark.heavy
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("before", [0, 1])
def test_with_independent_members_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int) -> None:
    shop = make_shop(tmp_path / "project", DIAMOND)
    monkeypatch.chdir(shop.folder)
    assert killed_again_and_again(shop, DIAMOND, before)[-1] == 0
    assert_whole(shop)


@pytest.mark.heavy
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", range(2, 118, 7))
def test_ten_killed_at_any_write_of_any_journal_are_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    shop = make_shop(tmp_path / "project", DEPENDS_ON)
    monkeypatch.chdir(shop.folder)
    assert one_try(shop, number, number % 2 == 0, "/records/") == KILLED
    assert_nobody_was_left(shop, DEPENDS_ON)
    for folder in (shop.folder / "records").glob("*/*/attempt-*"):  # a folder in which nothing was written yet
        for path in (folder, folder / journal.NAME):
            if path.exists():
                os.utime(path, (0, 0))  # is left alone for a minute: it could be a notebook's that is about to begin
    assert one_try(shop, 0, False, "/records/") == 0
    assert_whole(shop)
