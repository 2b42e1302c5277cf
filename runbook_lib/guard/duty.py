"""Guards for several applications in one process: a thread each, ended by SIGTERM, read anew on SIGHUP."""

from __future__ import annotations

import os
import signal
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.clients import connect
from runbook_lib.errors import BadParameters, RunbookError
from runbook_lib.guard.lease import Lease
from runbook_lib.guard.rounds import Rounds
from runbook_lib.model import digest
from runbook_lib.parameters import Parameters, load
from runbook_lib.redact.at_hand import redactor_for

Say = Callable[[str], object]


@dataclass
class Post:
    """One application that is guarded: its file, its thread, and how that ended."""

    path: Path
    say: Say
    ending: threading.Event = field(default_factory=threading.Event)
    anew: threading.Event = field(default_factory=threading.Event)
    failed: str = "the guard broke off, see above"

    def work(self) -> None:
        """Rounds until the end; parameters are read anew when ``anew`` is set."""
        try:
            while not self.ending.is_set():
                self._stand(load(self.path))
            self.failed = ""
        except RunbookError as error:
            self.failed = f"{type(error).__name__}: {error}"

    def _stand(self, parameters: Parameters) -> None:
        clients = connect(parameters)
        redactor, name = redactor_for(clients), parameters.application.name

        def told(text: str) -> None:
            self.say(f"{name}: {redactor.text(' '.join(text.split()))}")

        rounds = Rounds(clients, Lease(clients, identity()), told, self.ending)
        written, now_written = _digest(self.path), ""
        try:
            while not self.ending.is_set():
                rounds.round()
                if self.anew.is_set() and self._readable(told):
                    return
                if (found := _digest(self.path)) not in (written, now_written):
                    now_written = found
                    told(f"{self.path} was changed; the guard goes on by what it has read: send SIGHUP to take it over")
                rounds.rest()
        finally:
            rounds.end()

    def _readable(self, told: Say) -> bool:
        """Whether the file can be taken over; a spoilt one is not."""
        self.anew.clear()
        try:
            load(self.path)
        except BadParameters as error:
            told(f"{error}; the guard goes on by what it has read before")
            return False
        told(f"{self.path} is read anew")
        return True


def guard(files: Sequence[Path], say: Say) -> str:
    """Guard until a signal ends it; why it could not go on, empty after a signal.

    BadParameters, before anything is begun, when a file cannot be used or two are of the same application.
    """
    names = [load(path).application.name for path in files]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadParameters(f"{min(twice)} is the application of two of these files; name it once")
    posts = [Post(path, say) for path in files]
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    signal.signal(signal.SIGHUP, lambda *_: _read_anew(posts))
    threads = [threading.Thread(target=post.work, name=str(post.path), daemon=True) for post in posts]
    for thread in threads:
        thread.start()
    while not over.wait(0.2) and all(thread.is_alive() for thread in threads):
        pass
    for post in posts:
        post.ending.set()
    for thread in threads:
        thread.join()
    return "; ".join(post.failed for post in posts if post.failed)


def _read_anew(posts: Sequence[Post]) -> None:
    for post in posts:
        post.anew.set()


def identity() -> str:
    """Who holds the Lease: a guard that was started anew is another one."""
    return f"{socket.gethostname()}_{os.getpid()}_{uuid.uuid4().hex[:8]}"


def _digest(path: Path) -> str:
    try:
        return digest(path.read_bytes())
    except OSError:
        return "gone"
