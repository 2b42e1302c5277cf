"""observations.jsonl and reading.json of an attempt: what a later slice goes on from, and a replay judges anew.

A disk that is full stops no watching: what cannot be written is kept, and written as soon as it can be.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from runbook_lib.errors import BadParameters
from runbook_lib.judge.observation import Observation, read_lines, to_line
from runbook_lib.model import SIDES, plain
from runbook_lib.observe.counters import Labels, Reading
from runbook_lib.redact import Redactor

NAME = "observations.jsonl"
EARLIER = "earlier.jsonl"
"""What a guard saw at lower weights: it counted against the new side, and stands in no other attempt."""
READING = "reading.json"


class ObservationLog:
    """Appends one line an observation; nobody else writes to the same folder."""

    def __init__(self, folder: Path, redact: Callable[[Any], Any] | None = None) -> None:
        self.folder = folder
        self._redact = redact or Redactor().value
        self._late: list[bytes] = []

    def append(self, observation: Observation) -> None:
        """Write a line, and those that could not be written before it; they are on the disk when this returns."""
        self._late.append(to_line(observation, self._redact).encode() + b"\n")
        with contextlib.suppress(OSError):
            handle = os.open(self.folder / NAME, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o644)
            try:
                self._write(handle)
            finally:
                os.close(handle)

    def _write(self, handle: int) -> None:
        while self._late:
            size = os.fstat(handle).st_size
            if os.write(handle, self._late[0]) < len(self._late[0]):
                os.ftruncate(handle, size)  # the disk became full in the middle: half a line helps nobody
                return
            del self._late[0]
        os.fsync(handle)

    def keep(self, reading: Reading) -> None:
        """Put the counters as they stand in the place of the last ones: the next slice counts from them."""
        series = [
            [kind, side, dict(labels), value, (kind, side, labels) in reading.missed]
            for (kind, side), found in reading.counters.items()
            for labels, value in found.items()
        ]
        value = plain({"at": reading.at, "queries": list(reading.queries), "series": series})
        with contextlib.suppress(OSError):
            part = self.folder / f".{READING}.part"
            part.write_text(json.dumps(self._redact(value), ensure_ascii=False), encoding="utf-8")
            part.replace(self.folder / READING)


def read_observations(folder: Path, name: str = NAME) -> tuple[list[Observation], str]:
    """The observations of an attempt, and what was left out of them; BadParameters when the file is spoilt."""
    path = folder / name
    if not path.is_file():
        return [], ""
    try:
        return read_lines(path.read_bytes(), f"{folder.parent.name}/{folder.name}/{name}")
    except BadParameters as error:
        raise BadParameters(f"{error}; `runbook verify` tells whether it was changed since it was filed") from None


def read_kept(folder: Path, at: datetime) -> Reading | None:
    """The counters of that moment, if they were kept whole; otherwise Prometheus is asked for them."""
    try:
        value = json.loads((folder / READING).read_bytes())
        return _reading(value) if datetime.fromisoformat(value["at"]) == at else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _reading(value: dict[str, Any]) -> Reading:
    counters: dict[Any, dict[Labels, float]] = {(k, s): {} for k in ("requests", "fast", "timed") for s in SIDES}
    missed = set()
    for kind, side, labels, count, remembered in value["series"]:
        key = tuple(sorted((str(name), str(text)) for name, text in labels.items()))
        counters[kind, side][key] = float(count)
        missed |= {(kind, side, key)} if remembered else set()
    at = datetime.fromisoformat(value["at"])
    return Reading(at, counters, tuple(value["queries"]), frozenset(missed))
