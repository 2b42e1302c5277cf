"""Who holds an application: one runner at a time, and a rollback takes it over."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.errors import Busy
from runbook_lib.parameters import Parameters
from runbook_lib.record import archive
from runbook_lib.runner import passage, unwritable
from runbook_lib.runner.filed import file_abandoned
from runbook_lib.runner.progress import Screen


@contextlib.contextmanager
def held(parameters: Parameters, screen: Screen) -> Iterator[None]:
    """Be the application's only runner, after what an earlier one left open is filed; Busy when there is another."""
    folder = passage.home(parameters)
    with unwritable.told(parameters.application.name), archive.hold(folder):
        for result in file_abandoned(folder, screen.say):
            screen.found(result)
        yield


def take_over(folder: Path, screen: Screen, patience: float = 10) -> None:
    """Tell the application's runner to stop, so that a rollback need not wait for it; Busy when it does not."""
    end = time.monotonic() + patience
    told: archive.Holder | None = None
    while True:
        try:
            with archive.hold(folder):
                return
        except Busy:
            who = archive.holder(folder)
            if time.monotonic() > end or (who is not None and who.host != socket.gethostname()):
                raise  # a process of another machine can only be stopped there
            if who is not None and who != told:
                told = who
                screen.say(f"{who} runs this application; it is told to stop and to file what it did")
                os.kill(who.pid, signal.SIGTERM)
            time.sleep(0.1)
