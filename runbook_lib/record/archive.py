"""Where attempts are kept: records/<application>/<run-id>/attempt-<n>/, made once and never written over."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from runbook_lib.durable import sync_folder
from runbook_lib.errors import Busy
from runbook_lib.record import journal

RECORD = "record.json"
SIGNATURE = "record.json.sig"
NOTEBOOK = "notebook.ipynb"
PARTIAL = frozenset({"drill", "previous"})
"""Modes of a rollback that leave users on the new side: there and back again, and to the planned weight before."""
CONTINUED = frozenset({"gate_pending", "observing", "crashed", "interrupted"})
"""Outcomes after which the same run goes on with its next attempt."""


@dataclass(frozen=True)
class Attempt:
    """One attempt as it lies in the archive; ``problem`` says why its record cannot be read."""

    folder: Path
    statement: dict[str, Any] | None = None
    problem: str = ""
    _known: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The record's predicate; for an attempt without a record, what its journal says of its start."""
        if self.statement is not None:
            predicate: dict[str, Any] = self.statement["predicate"]
            return predicate
        started = next((event for event in journal.read(self.folder) if event.kind == "started"), None)
        return {**started.data, "started": started.at.isoformat()} if started else {}

    @cached_property
    def outcome(self) -> str:
        """The recorded outcome; without a record ``running`` or ``crashed``, with a bad one ``unreadable``."""
        if self.problem:
            return "unreadable"
        if self.statement is not None:
            return str(self.facts["outcome"])
        return "running" if journal.is_held(self.folder) else "crashed"

    @property
    def application(self) -> str:
        return self.folder.parent.parent.name

    @property
    def run_id(self) -> str:
        return self.folder.parent.name

    @property
    def number(self) -> int:
        return int(self.folder.name.removeprefix("attempt-"))

    @property
    def step(self) -> tuple[str, int | None, str | None]:
        """Phase, weight and mode: what this attempt was an attempt at."""
        return str(self.facts.get("phase", "")), self.facts.get("weight"), self.facts.get("mode")

    @property
    def order(self) -> tuple[str, str, int]:
        """Sorts attempts by the time they started."""
        return str(self.facts.get("started", "")) or self.run_id, self.run_id, self.number


def read_attempt(folder: Path) -> Attempt:
    """One attempt; a record that cannot be read is told, not dropped."""
    path = folder / RECORD
    if not path.exists():
        return Attempt(folder)
    try:
        statement = json.loads(path.read_bytes())
        missing = {"outcome", "phase", "started", "ended"} - statement["predicate"].keys()
    except (OSError, ValueError, RecursionError) as error:
        return Attempt(folder, problem=f"{RECORD} cannot be read: {error}")
    except (KeyError, TypeError, AttributeError):
        return Attempt(folder, problem=f"{RECORD} is not a statement")
    return Attempt(folder, statement, f"{RECORD} lacks {', '.join(sorted(missing))}" if missing else "")


def attempts(records: Path, application: str | None = None) -> list[Attempt]:
    """Every attempt of one application or of all, oldest first."""
    folders = records.glob(f"{application or '*'}/*/attempt-*")
    found = [read_attempt(folder) for folder in folders if re.fullmatch(r"attempt-\d+", folder.name)]
    return sorted(found, key=lambda attempt: attempt.order)


def place(folder: Path) -> dict[str, Any]:
    """What an attempt's folder says of it: application, run, attempt."""
    attempt = Attempt(folder)
    return {"application": attempt.application, "run": attempt.run_id, "attempt": attempt.number}


def last_filed(home: Path) -> dict[str, Any] | None:
    """The application's youngest record, by run, attempt and the sha256 of its file; None before there is one."""
    filed = [attempt for attempt in attempts(home.parent, home.name) if attempt.statement is not None]
    if not filed:
        return None
    last = max(filed, key=lambda attempt: str(attempt.facts.get("ended", "")))
    where = {key: value for key, value in place(last.folder).items() if key != "application"}
    return {**where, "sha256": hashlib.sha256((last.folder / RECORD).read_bytes()).hexdigest()}


def new_attempt(
    folder: Path,
    phase: str,
    weight: int | None,
    mode: str | None,
    dry_run: bool,
    at: datetime,
    anew: bool = False,
) -> Path:
    """Make the folder of the next attempt at a step: the unfinished run goes on, otherwise, or ``anew``, one begins."""
    known = [] if anew else attempts(folder.parent, folder.name)
    run_id = run_to_continue(known, (phase, weight, mode), dry_run)
    run = folder / run_id if run_id else _new_run(folder, _run_id(phase, weight, at))
    number = 1
    while True:
        attempt = run / f"attempt-{number}"
        try:
            attempt.mkdir()
        except FileExistsError:
            number += 1
            continue
        sync_folder(run)
        return attempt


def run_to_continue(known: Iterable[Attempt], step: tuple[str, int | None, str | None], dry_run: bool) -> str | None:
    """The run whose last attempt at this step waits or was broken off, unless the traffic went back since."""
    last: Attempt | None = None
    for attempt in known:
        if attempt.facts.get("anew") or (resets_traffic(attempt) and attempt.step != step):
            last = None
        if attempt.step == step and bool(attempt.facts.get("dry_run")) == dry_run:
            last = attempt
    return last.run_id if last is not None and last.outcome in CONTINUED else None


def resets_traffic(attempt: Attempt) -> bool:
    """True when all users were brought back to the old side, in earnest: the gray stages start again."""
    phase, _, mode = attempt.step
    if attempt.facts.get("dry_run"):
        return False
    whole = phase == "rollback" and mode not in PARTIAL
    return attempt.outcome == "rolled_back" or (whole and attempt.outcome == "passed")


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Be the only runner of an application; Busy names the process that is."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "runner.lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{folder.name} is being run by {holder(folder)}; wait for it or stop it") from None
        stream.seek(0)
        stream.truncate()
        stream.write(f"{os.getpid()} {socket.gethostname()}")
        stream.flush()
        try:
            yield
        finally:
            stream.seek(0)
            stream.truncate()
            fcntl.flock(stream, fcntl.LOCK_UN)  # a program that another thread starts now has a copy of what is open


@dataclass(frozen=True)
class Holder:
    """A process that runs an application; ``host`` matters where the archive is on a shared disk."""

    pid: int
    host: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    @property
    def may_live(self) -> bool:
        """False when it is gone for sure; of another machine's process nobody here can tell."""
        return self.host != socket.gethostname() or lives(self.pid)


def lives(pid: int) -> bool:
    """True while this machine has a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def holder(folder: Path) -> Holder | None:
    """Who runs an application now."""
    path = folder / "runner.lock"
    pid, _, host = path.read_text(encoding="utf-8").strip().partition(" ") if path.is_file() else ("", "", "")
    return Holder(int(pid), host) if pid.isdigit() else None


def _run_id(phase: str, weight: int | None, at: datetime) -> str:
    return f"{at:%Y%m%dt%H%M%Sz}-{phase}" + (f"-{weight}" if weight is not None else "")


def _new_run(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    suffix = 1
    while True:
        run = folder / (name if suffix == 1 else f"{name}-{suffix}")
        try:
            run.mkdir()
        except FileExistsError:
            suffix += 1
            continue
        sync_folder(folder)
        return run
