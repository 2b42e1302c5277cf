"""The file that holds nginx' knob, here or behind SSH: read, locked, replaced whole, tested and reloaded."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook_lib.act.traffic.nginx import remote
from runbook_lib.clients import Clients
from runbook_lib.durable import sync_folder
from runbook_lib.errors import Busy, ChangeFailed, Unreachable
from runbook_lib.parameters import project_root
from runbook_lib.sections.traffic import Nginx

LOCK_PATIENCE = 10.0


class Place(Protocol):
    """A machine with nginx and its file; Unreachable where it does not answer."""

    @property
    def name(self) -> str:
        """The file in a sentence."""

    def read(self) -> bytes: ...

    def replace(self, seen: bytes, text: bytes) -> None:
        """The new text at once, with mode and owner as they are; ChangeFailed unless ``seen`` stands there."""

    def run(self, argv: Sequence[str], what: str) -> None:
        """One of nginx' commands; ChangeFailed, in one sentence, when it fails."""


@dataclass(frozen=True)
class Here:
    """This machine."""

    nginx: Nginx
    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            reason = error.strerror
        raise Unreachable(f"the nginx configuration {self.path} cannot be read ({reason}); check traffic.knob.config")

    def replace(self, seen: bytes, text: bytes) -> None:
        temporary = self.path.with_name(f".{self.path.name}.runbook")
        try:
            with temporary.open("wb") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            known = self.path.stat()
            with contextlib.suppress(PermissionError):  # the owner is kept by whoever may give files away
                os.chown(temporary, known.st_uid, known.st_gid)
            temporary.chmod(known.st_mode)
            if self.path.read_bytes() != seen:
                raise ChangeFailed(f"somebody else changed {self.path} in the same moment; nothing was written by us")
            temporary.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise ChangeFailed(f"{self.path} cannot be written ({error.strerror}); it is as it was") from None
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def run(self, argv: Sequence[str], what: str) -> None:
        root, limit = project_root(), self.nginx.timeout.total_seconds()
        program = str(root / argv[0]) if "/" in argv[0] else argv[0]
        try:
            done = subprocess.run(
                [program, *argv[1:]], cwd=root, capture_output=True, text=True, timeout=limit, check=False
            )
        except FileNotFoundError:
            raise ChangeFailed(
                f"there is no nginx command {argv[0]}; install nginx or mend traffic.knob.{what}"
            ) from None
        except OSError as error:
            raise ChangeFailed(f"nginx {what}: {argv[0]} cannot be run ({error.strerror})") from None
        except subprocess.TimeoutExpired:
            raise ChangeFailed(f"nginx {what} did not end within {limit:g} s") from None
        if done.returncode:
            raise ChangeFailed(f"nginx {what} failed: {' '.join(done.stderr.split())[-300:]}")


def opened(nginx: Nginx) -> AbstractContextManager[Place]:
    """The place, held so that one writer at a time is there; Busy when another does not end."""
    return remote.opened(nginx, LOCK_PATIENCE) if nginx.machine else _opened_here(nginx)


def read(nginx: Nginx) -> tuple[str, bytes]:
    """The file as it is, with its name in a sentence."""
    if nginx.machine:
        with remote.opened(nginx, None) as there:
            return there.name, there.read()
    here = _here(nginx)
    return here.name, here.read()


def typed(nginx: Nginx, argv: Sequence[str]) -> str:
    """A command as somebody types it to look or to mend."""
    return f"`{remote.typed(nginx.machine, argv) if nginx.machine else remote.quoted(argv)}`"


def preflight(nginx: Nginx, clients: Clients) -> None:
    """Unreachable when the file or a command of nginx is not there."""
    if nginx.machine:
        return remote.preflight(nginx)
    config = clients.parameters.path(nginx.config)
    if not config.is_file():
        raise Unreachable(
            f"nginx' configuration {config} is not there; check traffic.knob.config, or start the practice range"
        )
    for command in (nginx.test[0], nginx.reload[0]):
        known = clients.parameters.path(command) if "/" in command else None
        if shutil.which(str(known) if known else command) is None:
            raise Unreachable(
                f"the command {known or command} is not there; install nginx or check traffic.knob.test and .reload"
            )
    return None


def _here(nginx: Nginx) -> Here:
    """The file itself: writing beside a link (sites-enabled) would cut the link."""
    return Here(nginx, (project_root() / Path(nginx.config).expanduser()).resolve())


@contextmanager
def _opened_here(nginx: Nginx) -> Iterator[Place]:
    here = _here(nginx)
    with alone(here.path):
        yield here


@contextmanager
def alone(path: Path, patience: float = LOCK_PATIENCE) -> Iterator[None]:
    """One writer at a time on this machine; the lock goes with the process."""
    try:
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise Unreachable(
            f"the folder of {path} cannot be written ({error.strerror}); check traffic.knob.config"
        ) from None
    with lock:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Busy(f"another process is changing {path}; try again when it has ended") from None
                time.sleep(0.02)
        yield
