"""The journal keeps what was written, also when the writer was torn away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from runbook_lib.record import journal
from runbook_lib.record.journal import Journal


def test_what_is_written_is_read_in_order(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    book.write("intent", act="1.1", what="shift")
    book.write("progress", durable=False, message="half")
    assert [(e.kind, e.data) for e in journal.read(tmp_path)] == [
        ("intent", {"act": "1.1", "what": "shift"}),
        ("progress", {"message": "half"}),
    ]


def test_a_second_writer_appends_and_never_replaces(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    first.write("a")
    second.write("b")
    first.write("c")
    assert [e.kind for e in journal.read(tmp_path)] == ["a", "b", "c"]


def test_a_torn_last_line_is_told_and_does_not_swallow_the_next(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    book.write("a")
    os.truncate(book.path, book.path.stat().st_size - 5)
    book.close()
    Journal(tmp_path).write("b")
    assert [e.kind for e in journal.read(tmp_path)] == ["unreadable", "b"]


def test_an_intent_without_result_stays_open(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    book.write("intent", act="1.1", what="shift")
    book.write("result", act="1.1", change={})
    book.write("intent", act="1.2", what="reload")
    assert [e.data["what"] for e in journal.open_intents(journal.read(tmp_path))] == ["reload"]


def test_it_is_held_as_long_as_a_writer_lives(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from runbook_lib.record.journal import Journal\n"
    code += f"book = Journal(Path({str(tmp_path)!r})); print('open', flush=True); sys.stdin.read()"
    writer = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert writer.stdin and writer.stdout
    writer.stdout.readline()
    held = journal.is_held(tmp_path)
    writer.kill()
    writer.wait()
    writer.stdin.close()
    writer.stdout.close()
    assert (held, journal.is_held(tmp_path)) == (True, False)
