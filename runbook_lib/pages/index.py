"""records/index.js: one line for each state of an attempt; the last line of an attempt is what the page shows.

A browser reads the file as a script, and one bad byte makes a script worthless. Therefore the file always ends inside a
comment: a line is added to that comment, and set free by one byte at its end and one before it, when all of it is on
the disk. Whatever a crash leaves half is part of a comment.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from runbook_lib.durable import write_whole
from runbook_lib.pages.words import instant
from runbook_lib.record.archive import NOTEBOOK, Attempt
from runbook_lib.record.incident import is_incident

NAME = "index.js"
HEAD = b"// What index.html lists, a view of the records; `runbook records` writes it anew.\n"
OPEN_END = b"//"
LIMIT = 1000  # letters of a message; the page of the run has all of it
Key = tuple[str, str, str]
Entry = dict[str, Any]


def summary(attempt: Attempt) -> Entry:
    """One attempt in a line, as ``runbook records --json`` prints it."""
    phase, weight, mode = attempt.step
    known = attempt.facts
    return {
        "application": attempt.application,
        "run": attempt.run_id,
        "attempt": attempt.number,
        "phase": phase,
        "weight": weight,
        "mode": mode,
        "dry_run": bool(known.get("dry_run")),
        "outcome": attempt.outcome,
        "exit_code": known.get("exit_code"),
        "started": known.get("started"),
        "ended": known.get("ended"),
        "seconds": known.get("seconds"),
        "message": attempt.problem or known.get("message") or "",
        "next_notebook": known.get("next_notebook") or "",
        "who": _name(known.get("who")),
        "folder": str(attempt.folder),
    }


def entry(attempt: Attempt) -> Entry:
    """What the page knows of an attempt, from its record alone: it says the same whenever it is made."""
    line = summary(attempt)
    filed = attempt.statement is not None or bool(attempt.problem)
    message, seconds, weight = str(line["message"]), line["seconds"], line["weight"]
    return {
        **{key: line[key] for key in ("application", "run", "attempt")},
        **{key: str(line[key] or "") for key in ("phase", "mode", "who")},
        "weight": weight if isinstance(weight, int) else None,
        "dry_run": line["dry_run"],
        "outcome": str(line["outcome"]) if filed else "open",
        "started": instant(line["started"]),
        "ended": instant(line["ended"]) if filed else "",
        "seconds": seconds if isinstance(seconds, int | float) and math.isfinite(seconds) else None,
        "message": message if len(message) <= LIMIT else f"{message[: LIMIT - 1]}…",
        "notebook": filed and NOTEBOOK in _subjects(attempt),
        **({"incident": True} if is_incident(attempt) else {}),
    }


def append(records: Path, one: Entry) -> None:
    """Add a line to a list that is there, unless whoever wrote it anew meanwhile has put it there already."""
    line = _line(one)
    with _locked(records), (records / NAME).open("r+b", buffering=0) as stream:
        if b"\n" + line + b"\n" in stream.read():
            return
        start = stream.seek(0, os.SEEK_END)
        added = b" " + line + b" " + OPEN_END
        if stream.write(added) != len(added):
            raise OSError(errno.ENOSPC, "the disk is full", stream.name)
        os.fsync(stream.fileno())
        for place in (start + 1 + len(line), start):
            stream.seek(place)
            stream.write(b"\n")


@contextlib.contextmanager
def rewriting(records: Path) -> Iterator[Callable[[Iterable[Entry]], None]]:
    """Hands out what writes the list anew, from records that are read inside; lines added meanwhile are kept once."""
    path = records / NAME
    with _locked(records, ".rewriting.lock"):
        known = path.stat().st_size if path.is_file() else 0

        def write(entries: Iterable[Entry]) -> None:
            lines = [_line(one) for one in entries]
            with _locked(records):
                later = path.read_bytes()[known:] if path.is_file() else b""
                lines += [_line(one) for one in _parse(later) or []]
                once = reversed(dict.fromkeys(reversed(lines)))  # at its last place: the last line of an attempt counts
                write_whole(path, HEAD + b"".join(line + b"\n" for line in once) + OPEN_END)

        yield write


def read(records: Path) -> dict[Key, Entry] | None:
    """What a reader of the page sees: the last line of each attempt; None when a browser could not read the file."""
    path = records / NAME
    found = _parse(path.read_bytes()) if path.is_file() else None
    return None if found is None else {key_of(one): one for one in found}


def lines_of(one: Entry) -> set[bytes]:
    """The lines that may stand for an attempt: as it was when it was opened, and as it is."""
    opened = {**one, "outcome": "open", "ended": "", "seconds": None, "message": "", "notebook": False}
    opened.pop("incident", None)
    return {_line(one), _line(opened)}


def altered(records: Path, lines: Collection[bytes]) -> bool:
    """True when the list is not of these lines, each once at most: also where a reader sees no difference."""
    path = records / NAME
    first, *found, end = path.read_bytes().split(b"\n") if path.is_file() else (b"", b"")
    at = found.index(OPEN_END) if OPEN_END in found else len(found)
    marks, added = found[at::2], found[at + 1 :: 2]  # each line that was added stands behind what was the end
    entries = [*found[:at], *added]
    laid_out = (first + b"\n", end) == (HEAD, OPEN_END) and set(marks) <= {OPEN_END} and len(marks) == len(added)
    return not laid_out or len(entries) != len(set(entries)) or not set(entries) <= set(lines)


def key_of(one: Entry) -> Key:
    """Which attempt a line is about."""
    return str(one["application"]), str(one["run"]), str(one["attempt"])


def _line(one: Entry) -> bytes:
    """ASCII only: the separators that end a line of a script, and everything invisible, are escaped."""
    return b"attempt(" + json.dumps(one, separators=(",", ":")).encode("ascii") + b")"


def _parse(content: bytes) -> list[Entry] | None:
    """The lines of a list; None when one is neither comment nor entry: the browser would read nothing at all."""
    found = []
    for line in re.split("[\n\r\u2028\u2029]", content.decode("utf-8", errors="replace")):
        if not line.strip() or line.startswith(OPEN_END.decode()):
            continue
        if not (line.startswith("attempt({") and line.endswith("})")):
            return None
        try:
            one = json.loads(line[len("attempt(") : -1])
            key_of(one)
        except (ValueError, KeyError):
            return None
        found.append(one)
    return found


@contextlib.contextmanager
def _locked(records: Path, name: str = ".index.lock") -> Iterator[None]:
    with (records / name).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _subjects(attempt: Attempt) -> list[Any]:
    listed = (attempt.statement or {}).get("subject")
    return [one.get("name") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _name(who: Any) -> str | None:
    return str(who["name"]) if isinstance(who, dict) and who.get("name") else None
