"""The journal of one attempt: one JSON event a line, on the disk before the next thing happens.

An intent is written before an act and its result after; an intent without a result is how a crash is found. The file is
held with a shared lock while a kernel or a runner may still write, so that anybody can tell a running attempt from a
dead one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.durable import sync_folder
from runbook_lib.errors import Unwritable
from runbook_lib.model import Event, now, plain
from runbook_lib.redact import Redactor

NAME = "journal.jsonl"
SECRET = "secret"
"""Kind of the event that tells which secret was used, by its reference."""


class Journal:
    """Appends events; several processes may append to one journal, each line goes in with one write.

    ``redact`` takes the secrets out of what is written; without it only what looks like one is seen.
    """

    def __init__(self, folder: Path, redact: Callable[[Any], Any] | None = None) -> None:
        self.path = folder / NAME
        self._redact = redact or Redactor().value
        self._file = os.open(self.path, os.O_APPEND | os.O_CREAT | os.O_RDWR, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_SH)
        sync_folder(folder)

    def write(self, kind: str, *, durable: bool = True, **data: Any) -> Event:
        """Append one event; with ``durable`` it is on the disk when this returns, or Unwritable is raised."""
        return self.append(Event(now(), kind, data), durable=durable)

    def append(self, event: Event, *, durable: bool = True) -> Event:
        """Like `write`, for something that happened at the event's own time."""
        event = Event(event.at, event.kind, self._redact(plain(event.data)))
        line = json.dumps(plain(event), ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            self._end_torn_line()
            self._append(line.encode())
            if durable:
                os.fsync(self._file)
        except OSError as error:
            why = f"{self.path} cannot be written ({error.strerror})"
            raise Unwritable(f"{why}; make room or mend the disk, then run `runbook resume`") from None
        return event

    def close(self) -> None:
        """Let go of the file; nothing more is written."""
        if self._file >= 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)  # a program that another thread starts now has a copy of the file
            os.close(self._file)
            self._file = -1

    @property
    def closed(self) -> bool:
        """True when nothing can be written any more."""
        return self._file < 0

    def _end_torn_line(self) -> None:
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")  # a crash or a full disk tore it; what comes next must not be glued to it

    def _append(self, line: bytes) -> None:
        while line:  # a disk that fills up takes a part first, and refuses the rest
            line = line[os.write(self._file, line) :]


def read(folder: Path) -> list[Event]:
    """All events of an attempt, oldest first; a line that cannot be read becomes an event of kind ``unreadable``."""
    path = folder / NAME
    return [_event(line) for line in path.read_bytes().splitlines() if line] if path.is_file() else []


def is_held(folder: Path) -> bool:
    """True while a living process may still write to this attempt's journal."""
    path = folder / NAME
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(stream, fcntl.LOCK_UN)
    return False


def open_intents(events: Sequence[Event]) -> list[Event]:
    """The intents whose result is not known: the world must be read before anything else is done."""
    known = {event.data.get("act") for event in events if event.kind == "result"}
    return [event for event in events if event.kind == "intent" and event.data.get("act") not in known]


def _event(line: bytes) -> Event:
    try:
        value = json.loads(line)
        return Event(datetime.fromisoformat(value["at"]), value["kind"], value["data"])
    except (ValueError, KeyError, TypeError):
        return Event(datetime.fromtimestamp(0).astimezone(), "unreadable", {"line": line.decode(errors="replace")})
