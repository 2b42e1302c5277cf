"""The archive's list grows by a line for each state of an attempt; a browser can read it whatever a crash leaves."""

from __future__ import annotations

import json
import re
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from throwaway import write_record

from runbook_lib.pages import index
from runbook_lib.record.archive import read_attempt

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028alert(1)\u2029'\"`${1}\\\n*/ //"


def entry(run: str = "a", outcome: str = "passed", **more: Any) -> index.Entry:
    return {"application": "shop", "run": run, "attempt": 1, "outcome": outcome, "message": "", **more}


def begin(records: Path, *entries: index.Entry) -> Path:
    """A list that holds these lines."""
    with index.rewriting(records) as rewrite:
        rewrite(entries)
    return records / index.NAME


def seen(records: Path) -> dict[str, str]:
    """Run and outcome of what a reader sees; fails when a browser could not read the file."""
    content = (records / index.NAME).read_bytes().decode("ascii", errors="replace").replace("\0", " ")
    for line in re.split("[\n\r]", content):
        assert re.fullmatch(r"|//.*|attempt\(\{.*\}\)", line), f"a browser stops at {line!r}"
    found = index.read(records)
    assert found is not None
    return {run: str(one["outcome"]) for (_, run, _), one in found.items()}


def test_the_last_line_of_an_attempt_counts(tmp_path: Path) -> None:
    begin(tmp_path, entry("a", "open"))
    index.append(tmp_path, entry("b", "open"))
    index.append(tmp_path, entry("a", "passed"))
    assert seen(tmp_path) == {"a": "passed", "b": "open"}


def states(path: Path, one: index.Entry) -> Iterator[bytes]:
    """Everything that may lie on the disk when adding a line is broken off: cut, with holes, not yet set free."""
    before = path.read_bytes()
    index.append(path.parent, one)
    whole = path.read_bytes()
    comment = before + whole[len(before) :].replace(b"\n", b" ")  # as it is written first
    for cut in range(len(before), len(comment) + 1):
        yield comment[:cut]
        if cut % 9 == 0:
            yield comment[:cut].ljust(len(comment), b"\0")
            yield comment[: len(before)].ljust(cut, b"\0") + comment[cut:]
    yield comment[:-3] + whole[-3:]
    yield whole


def test_whatever_a_crash_leaves_half_harms_neither_the_lines_before_nor_the_next(tmp_path: Path) -> None:
    path = begin(tmp_path, entry("a"))
    for state in states(path, entry("b", message=HOSTILE)):
        path.write_bytes(state)
        assert seen(tmp_path) in ({"a": "passed"}, {"a": "passed", "b": "passed"})
        index.append(tmp_path, entry("c"))
        assert seen(tmp_path).keys() - {"b"} == {"a", "c"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text() | st.text(st.sampled_from("</script>\u2028\u2029\n\r\"'`\\${}()/*\0\x85\ufeff\ud800")))
def test_what_a_message_says_stays_text(tmp_path: Path, text: str) -> None:
    begin(tmp_path, entry("a", message=text))
    index.append(tmp_path, entry("b", message=text))
    assert seen(tmp_path) == {"a": "passed", "b": "passed"}
    assert {one["message"] for one in (index.read(tmp_path) or {}).values()} == {text}


@pytest.mark.parametrize(
    "added",
    [
        b"alert(1)\n//",
        b"// harmless?\xe2\x80\xa8alert(1)\n//",  # U+2028 ends a line of a script
        b'\nattempt({"application":"shop"})\n//',
        b'\nattempt({"application":"shop","run":"a","attempt":1});alert({})\n//',
        b"\nattempt(\n//",
    ],
)
def test_a_list_that_a_browser_could_not_read_or_that_does_more_than_list_is_noticed(
    tmp_path: Path, added: bytes
) -> None:
    path = begin(tmp_path, entry("a"))
    path.write_bytes(path.read_bytes() + b"\n" + added)
    assert index.read(tmp_path) is None


def test_a_full_disk_is_told_and_the_next_line_is_read(tmp_path: Path) -> None:
    begin(tmp_path, entry("a"))
    limit = (tmp_path / index.NAME).stat().st_size + 20
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError, match="full"):
            index.append(tmp_path, entry("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    index.append(tmp_path, entry("c"))
    assert seen(tmp_path) == {"a": "passed", "c": "passed"}


def test_many_may_add_at_once(tmp_path: Path) -> None:
    begin(tmp_path)
    runs = [f"{writer}-{n}" for writer in range(8) for n in range(20)]
    threads = [
        threading.Thread(target=lambda w=w: [index.append(tmp_path, entry(run)) for run in runs[w * 20 : w * 20 + 20]])
        for w in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen(tmp_path).keys() == set(runs)


def test_what_is_filed_while_the_list_is_written_anew_is_not_lost(tmp_path: Path) -> None:
    begin(tmp_path, entry("a"), entry("gone"))
    with index.rewriting(tmp_path) as rewrite:
        index.append(tmp_path, entry("b"))
        rewrite([entry("a")])
    assert seen(tmp_path) == {"a": "passed", "b": "passed"}


def test_what_is_read_and_filed_while_the_list_is_written_anew_stands_in_it_once(tmp_path: Path) -> None:
    before, after = entry("a", "open"), entry("a")
    begin(tmp_path)
    with index.rewriting(tmp_path) as rewrite:
        index.append(tmp_path, before)
        index.append(tmp_path, after)
        rewrite([after])
    assert seen(tmp_path) == {"a": "passed"}
    assert not index.altered(tmp_path, {line for one in (before, after) for line in index.lines_of(one)})


def test_who_files_after_the_list_was_written_from_his_record_adds_nothing(tmp_path: Path) -> None:
    path = begin(tmp_path, entry("a"), entry("b"))
    whole = path.read_bytes()
    index.append(tmp_path, entry("a"))
    assert path.read_bytes() == whole


def test_an_attempt_that_is_not_filed_is_open_whether_it_runs_or_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "a" / "attempt-1"
    folder.mkdir(parents=True)
    assert index.entry(read_attempt(folder))["outcome"] == "open"
    write_record(folder, "passed")
    assert index.entry(read_attempt(folder))["outcome"] == "passed"


def test_a_record_that_cannot_be_read_is_listed_with_its_problem(tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "a" / "attempt-1"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text("{")
    one = index.entry(read_attempt(folder))
    assert (one["outcome"], one["message"].split(":")[0]) == ("unreadable", "record.json cannot be read")


def test_a_message_of_any_length_takes_little_room(tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "a" / "attempt-1"
    folder.mkdir(parents=True)
    write_record(folder, "failed", message="x" * 100_000)
    assert len(json.dumps(index.entry(read_attempt(folder)))) < 2000
