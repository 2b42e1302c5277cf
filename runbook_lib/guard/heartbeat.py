"""What a guard says of itself, each tick: for `runbook status`, the control room, and the probe of its Pod.

It is written beside the loop, because a records folder that hangs must not keep anybody from looking after the users.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_lib.durable import write_json
from runbook_lib.model import now
from runbook_lib.parameters import Parameters

NAME = "guard.json"
LATE_TICKS, LATE_AT_LEAST = 3, timedelta(seconds=5)
DEAD_TICKS, DEAD_AT_LEAST = 6, timedelta(seconds=60)


@dataclass(frozen=True)
class Beat:
    """One tick of a guard; ``holder`` is who has the Lease, ``on_duty`` whether that is this guard.

    ``weight`` None: the knob could not be read; ``measured`` None: nobody was on the new side.
    """

    application: str
    pid: int
    host: str
    at: datetime
    on_duty: bool
    holder: str
    weight: int | None
    measured: bool | None
    said: str = ""


def beat_of(
    parameters: Parameters, on_duty: bool, holder: str, weight: int | None, measured: bool | None, said: str = ""
) -> Beat:
    """This process' beat of now; ``said`` is what it did and has not put on record yet."""
    name = parameters.application.name
    return Beat(name, os.getpid(), socket.gethostname(), now(), on_duty, holder, weight, measured, said)


class Heart:
    """Writes the last beat; one that was not written yet is left out when the next one comes."""

    def __init__(self, home: Path) -> None:
        self.home, self.problem = home, ""
        self._beat: Beat | None = None
        self._on_duty = False
        self._news, self._over = threading.Event(), False
        self._writer = threading.Thread(target=self._write_all, name="heartbeat", daemon=True)
        self._writer.start()

    def beat(self, beat: Beat) -> None:
        """Have it written soon."""
        self._beat = beat
        self._news.set()

    def end(self) -> None:
        """Let the last beat be written, for a moment."""
        self._over = True
        self._news.set()
        self._writer.join(2.0)

    def _write_all(self) -> None:
        while not self._over:
            self._news.wait()
            self._news.clear()
            if self._beat is not None:
                self._write(self._beat)

    def _write(self, beat: Beat) -> None:
        try:
            folder = own_folder()
            write_json(folder / f"{beat.application}.json", asdict(beat))
            if beat.on_duty or self._on_duty:  # whoever leaves says so, once
                self._on_duty = beat.on_duty
                self.home.mkdir(parents=True, exist_ok=True)
                write_json(self.home / NAME, asdict(beat))
            self.problem = ""
        except OSError as error:
            self.problem = f"the heartbeat cannot be written: {error.filename or self.home} ({error.strerror})"


def own_folder() -> Path:
    """Where the guards of this account on this machine beat, whatever becomes of the records; nobody else's folder."""
    folder = Path(tempfile.gettempdir()) / f"runbook-guard-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(1, "it is somebody else's", str(folder))
    return folder


def read_beat(path: Path) -> Beat | None:
    """The beat of that file; None when there is none that can be read."""
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
        return Beat(**{**value, "at": datetime.fromisoformat(value["at"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def alive(parameters: Parameters) -> bool:
    """True while the guard of this machine beats; a tick whose sources time out one after the other takes long."""
    try:
        beat = read_beat(own_folder() / f"{parameters.application.name}.json")
    except OSError:
        return False
    return beat is not None and now() - beat.at <= max(DEAD_TICKS * parameters.watch.tick, DEAD_AT_LEAST)


def last_seen(home: Path) -> str:
    """Who guarded an application last, and how long ago, in a few words; empty where nobody ever did."""
    beat = read_beat(home / NAME)
    if beat is None:
        return ""
    ago = max(0.0, (now() - beat.at).total_seconds())
    shown = f"{ago:.0f} s" if ago < 120 else f"{ago / 60:.0f} min" if ago < 7200 else f"{ago / 3600:.0f} h"
    return f"{beat.holder or beat.host}, {shown} ago" if beat.on_duty else f"left {shown} ago"


def on_duty(parameters: Parameters, home: Path) -> tuple[bool, str]:
    """Whether a guard is on duty, and the sentence about it."""
    beat = read_beat(home / NAME)
    if beat is None:
        return False, "no guard is on duty"
    ago = now() - beat.at
    who = f"process {beat.pid} on {beat.host}, {max(0.0, ago.total_seconds()):.0f} s ago"
    if ago > max(LATE_TICKS * parameters.watch.tick, LATE_AT_LEAST) or not beat.on_duty:
        return False, f"no guard is on duty; the last one was {who}"
    state = {None: "nobody to watch over", True: "it measures", False: "it cannot measure"}[beat.measured]
    return True, f"guard on duty: {who}; {state}{f'; {beat.said}' if beat.said else ''}"
