"""Runs one command of the data script: in a group of its own, with a lock that it holds as long as it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, Busy
from runbook_lib.model import digest
from runbook_lib.observe.program import ran_alone
from runbook_lib.parameters import project_root
from runbook_lib.redact.at_hand import redactor_for
from runbook_lib.redact.redactor import LONGEST
from runbook_lib.sections import DataScript

MOST = 200_000  # characters of its output that are kept, the last ones


@dataclass(frozen=True)
class Ended:
    """What a command said; ``code`` is None when its time was over and it was killed."""

    command: str
    script: str
    sha256: str
    code: int | None
    output: str

    @property
    def said(self) -> str:
        """How it ended, and its last words."""
        words = " ".join(self.output.split())[-300:]
        how = "did not end in time and was killed" if self.code is None else f"ended with {self.code}"
        return f"{self.command} {how}{f': {words}' if words else ''}"


def fingerprint(clients: Clients, script: DataScript) -> str:
    """sha256 of the script as it lies there now; BadParameters when it cannot be read."""
    path = clients.parameters.path(script.script)
    try:
        return digest(path.read_bytes())
    except OSError as error:
        raise BadParameters(f"kubernetes.rollback.data.script: {path} cannot be read ({error.strerror})") from None


def run(clients: Clients, script: DataScript, which: str, wanted: str | None = None) -> Ended:
    """Run ``run``, ``dry_run`` or ``verify`` of the script; with ``wanted`` only while the script has that sha256.

    Raises Busy while a command of it that was started earlier still runs, BadParameters when it cannot be started or
    changed.
    """
    path = clients.parameters.path(script.script)
    with _held(path) as handle:
        found = fingerprint(clients, script)
        if wanted is not None and found != wanted:
            raise BadParameters(f"{script.script} was changed just now; nothing was run")
        words = [word.replace("{script}", str(path)) for word in getattr(script, which)]
        given = {name: clients.secret(reference) for name, reference in script.environment.items()}
        code, output = _listen(words, {**clients.environment, **given}, handle, script.timeout.total_seconds(), which)
    redactor = redactor_for(clients)
    for name, value in given.items():
        redactor = redactor.knowing(script.environment[name], value)
    # before anything is cut off its output: half a secret looks like none
    return Ended(which.replace("_", " "), script.script, found, code, redactor.text(output))


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """The script, locked: a process that outlives us keeps the lock, because it inherits it."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise BadParameters(f"kubernetes.rollback.data.script: {path} cannot be read ({error.strerror})") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield handle
    except BlockingIOError:
        raise Busy(f"{path} still runs, started by an earlier attempt; wait for it or end it, then try again") from None
    finally:
        os.close(handle)


def _listen(
    words: list[str], environment: dict[str, str], handle: int, seconds: float, which: str
) -> tuple[int | None, str]:
    with tempfile.TemporaryFile() as heard:
        try:
            code = ran_alone(words, seconds, heard, subprocess.STDOUT, project_root(), environment, (handle,))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise BadParameters(f"kubernetes.rollback.data.{which}: {words[0]} cannot be run ({reason})") from None
        end = heard.seek(0, os.SEEK_END)
        heard.seek(max(0, end - MOST))
        text = heard.read().decode(errors="replace")
        return code, text if end <= MOST else text[LONGEST:]
