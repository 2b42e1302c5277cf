"""The list and the pages say what the records say; where they do not, it is noticed and mended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from throwaway import write_record

from runbook_lib.model import Event
from runbook_lib.pages import index, views
from runbook_lib.record.journal import Journal

RUN = "20261120t120000z-gray_stage-5"


def attempt(records: Path, run: str = RUN, number: int = 1, application: str = "shop") -> Path:
    folder = records / application / run / f"attempt-{number}"
    folder.mkdir(parents=True)
    return folder


def begun(folder: Path, minute: int) -> Path:
    """Its first line, and that of the list."""
    book = Journal(folder)
    started = {"phase": "gray_stage", "weight": 5, "mode": None, "dry_run": False}
    book.append(Event(datetime(2026, 11, 20, 12, minute, tzinfo=UTC), "started", started))
    book.close()
    views.opened(folder)
    return folder


def file(records: Path, run: str = RUN, number: int = 1, outcome: str = "passed", **facts: Any) -> Path:
    """An attempt that was begun, recorded and shown."""
    folder = begun(attempt(records, run, number), number)
    write_record(folder, outcome, minute=number, **facts)
    views.filed(folder)
    return folder


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Two runs, one of two attempts, and one whose record nobody can read."""
    file(tmp_path, outcome="gate_pending", message="asks")
    file(tmp_path, number=2, message="error rate <b>0.1 %</b>")
    file(tmp_path, "b", outcome="rolled_back")
    broken = attempt(tmp_path, "c")
    (broken / "record.json").write_text("{")
    views.filed(broken)
    return tmp_path


def test_what_was_filed_is_shown_and_writing_it_anew_changes_nothing_a_reader_sees(records: Path) -> None:
    assert views.differing_views(records) == []
    before = index.read(records), {path: path.read_bytes() for path in records.rglob("index.html")}
    assert len(before[0] or {}) == 4 and len(before[1]) == 4
    views.write(records)
    assert before == (index.read(records), {path: path.read_bytes() for path in records.rglob("index.html")})


def test_the_views_are_the_same_wherever_and_whenever_they_are_made(records: Path, tmp_path: Path) -> None:
    other = tmp_path.with_name("elsewhere")
    shutil.copytree(records, other)
    for path in (*other.rglob("index.html"), other / "index.js"):
        path.unlink()
    views.write(other)
    for path in records.rglob("index.html"):
        assert (other / path.relative_to(records)).read_bytes() == path.read_bytes()
    assert views.differing_views(other) == []


def test_filing_reads_no_other_run(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    real = views.read_attempt
    monkeypatch.setattr(views, "read_attempt", lambda folder: (read.append(folder), real(folder))[1])
    folder = file(records, "d")
    assert {path.parent for path in read} == {folder.parent}


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a page says something else": (f"shop/{RUN}/index.html", lambda p: p.write_text(p.read_text().replace("0.1", "9"))),
    "a page is gone": ("shop/b/index.html", Path.unlink),
    "the list's page is another": ("index.html", lambda p: p.write_text("<p>all is well</p>")),
    "the list is gone": ("index.js", Path.unlink),
    "a line of the list lies": ("index.js", lambda p: p.write_text(p.read_text().replace("rolled_back", "passed"))),
    "a line of the list is missing": ("index.js", lambda p: p.write_bytes(p.read_bytes()[:300] + b"\n//")),
    "the list has a line too many": ("index.js", lambda p: index.append(p.parent, {**LINE, "run": "never"})),
    "a line that a later one replaced lies": (
        "index.js",
        lambda p: p.write_text(p.read_text().replace('"outcome":"open"', '"outcome":"held"', 1)),
    ),
    "a line of the list stands twice": (
        "index.js",
        lambda p: p.write_bytes(p.read_bytes() + b"\n" + p.read_bytes().split(b"\n")[1] + b"\n//"),
    ),
    "the first line is another": ("index.js", lambda p: p.write_text(p.read_text().replace("a view", "the truth"))),
    "the list does more than list": ("index.js", lambda p: p.write_text(p.read_text() + "\nalert(1)\n//")),
}
LINE = {"application": "shop", "attempt": 1, "outcome": "passed"}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_view_that_says_something_else_is_named_and_mended(records: Path, damage: str) -> None:
    name, spoil = DAMAGE[damage]
    spoil(records / name)
    assert views.differing_views(records) == [name]
    views.write(records)
    assert views.differing_views(records) == []


def test_a_crash_between_record_and_page_leaves_what_was_true_before_and_is_noticed(records: Path) -> None:
    folder = begun(attempt(records, number=3), 0)
    assert views.differing_views(records) == []
    write_record(folder, "rolled_back")
    assert (index.read(records) or {})["shop", RUN, "3"]["outcome"] == "open"  # not filed, as far as the list knows
    assert views.differing_views(records) == ["index.js", f"shop/{RUN}/incident.html", f"shop/{RUN}/index.html"]
    views.write(records)
    assert views.differing_views(records) == []


def test_an_attempt_that_died_before_it_was_listed_is_no_difference(records: Path) -> None:
    attempt(records, "d")
    assert views.differing_views(records) == []


def test_an_archive_of_before_the_list_is_listed_whole_at_the_next_filing(tmp_path: Path) -> None:
    write_record(attempt(tmp_path, "a"), "passed")
    file(tmp_path, "b")
    assert views.differing_views(tmp_path) == []
    assert len(index.read(tmp_path) or {}) == 2


def test_a_page_that_cannot_be_written_stops_nobody(records: Path, caplog: pytest.LogCaptureFixture) -> None:
    page = records / "shop" / "d" / "index.html"
    page.mkdir(parents=True)
    file(records, "d")
    assert "`runbook records` writes them anew" in caplog.text


def test_an_empty_archive_has_a_page_too(tmp_path: Path) -> None:
    assert "Nothing is filed yet." in views.write(tmp_path).read_text()
    assert views.differing_views(tmp_path) == []


def test_the_lines_for_scripts_are_in_order_of_time(records: Path) -> None:
    lines = views.summaries(records)
    assert [line["attempt"] for line in lines if line["run"] == RUN] == [1, 2]
    assert json.loads(json.dumps(lines)) == lines
    assert views.summaries(records, "other") == []
