"""nginx on another machine: one shell behind SSH that is told step by step, and does each whole or not at all.

A step is one compound command: a shell that is cut off in the middle of it finds no end and does nothing. The lock is
the shell's: it goes when the connection goes.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from runbook_lib.errors import Busy, ChangeFailed, Unreachable
from runbook_lib.sections.traffic import Nginx, Remote

FIRST_WORD = 15.0
"""Seconds until the shell must have answered, greetings and slow logins included."""
_CHANGED, _MANGLED, _HELD = 93, 94, 95
_NEEDED = ("flock", "sha256sum", "base64", "readlink")


class Session:
    """A shell on the machine; ends with the block that opened it."""

    def __init__(self, on: Remote) -> None:
        self._on = on
        try:
            self._process = subprocess.Popen(
                [*on.ssh, on.host, shlex.join(on.shell)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise Unreachable(f"{on.ssh[0]} cannot be run ({error.strerror}); check traffic.knob.machine.ssh") from None

    def tell(self, script: str, limit: float, apart: bool = True) -> tuple[int, bytes]:
        """Exit code and output of one step; Unreachable when the connection is lost or the step does not end.

        ``apart``: in a subshell that does not hold the lock, so that what it starts cannot keep it.
        """
        token = secrets.token_hex(16)
        inner = f"( set -e\n{script}\n) 9>&-" if apart else f"{{ {script}\n}}"
        step = f"{{ {inner} </dev/null 2>&1; printf '\\n%s %d\\n' {token} $?; }}\n"
        output, _, rest = self._exchange(step.encode(), b"\n" + token.encode() + b" ", limit)
        return int(rest), output

    def close(self) -> None:
        """End the shell; killed when it does not end by itself."""
        try:
            if self._process.poll() is None:
                self._process.communicate(timeout=2)
        except (subprocess.TimeoutExpired, OSError, ValueError):
            self._kill()

    def _kill(self) -> None:
        """Ours only: what it started there ends, or holds the lock, by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _exchange(self, step: bytes, mark: bytes, limit: float) -> tuple[bytes, bytes, bytes]:
        assert self._process.stdin
        assert self._process.stdout
        write, read = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(write, False)
        deadline, answer = time.monotonic() + limit, b""
        while not (mark in answer and answer.endswith(b"\n")):
            wait = deadline - time.monotonic()
            readable, writable, _ = select.select([read], [write] if step else [], [], max(wait, 0))
            if wait <= 0:
                raise self._lost(f"no answer within {limit:g} s")
            try:
                if writable:
                    step = step[os.write(write, step) :]
                elif readable:
                    data = os.read(read, 65536)
                    if not data:
                        raise self._lost("")
                    answer += data
            except BrokenPipeError:
                raise self._lost("") from None
        return answer.rpartition(mark)

    def _lost(self, reason: str) -> Unreachable:
        """The connection as it was lost, with the last words of ssh's."""
        said = b""
        if reason:
            self._kill()
        else:
            try:
                _, said = self._process.communicate(timeout=2)
            except (subprocess.TimeoutExpired, OSError, ValueError):
                self._kill()
        why = reason or " ".join(said.decode(errors="replace").split())[-200:] or "it ended without a word"
        host = self._on.host
        return Unreachable(f"the connection to {host} is lost or never was ({why}); check traffic.knob.machine")


@dataclass(frozen=True)
class There:
    """nginx' file on the other machine, by its real path."""

    nginx: Nginx
    host: str
    session: Session
    path: str

    @property
    def name(self) -> str:
        return f"{self.path} on {self.host}"

    @property
    def limit(self) -> float:
        return self.nginx.timeout.total_seconds()

    def read(self) -> bytes:
        code, output = self.session.tell(f"base64 < {shlex.quote(self.path)}", self.limit)
        if code:
            raise Unreachable(f"the nginx configuration {self.name} cannot be read ({_said(output)})")
        return base64.b64decode(output)

    def replace(self, seen: bytes, text: bytes) -> None:
        """Beside it first, compared by its digest, then put in its place; mode and owner are copied (cp -p)."""
        folder, _, file = self.path.rpartition("/")
        path, temporary = shlex.quote(self.path), shlex.quote(f"{folder}/.{file}.runbook")
        script = (
            f'[ "$(sha256sum < {path})" = "{_digest(seen)}  -" ] || exit {_CHANGED}\n'
            f"cp -p -- {path} {temporary}\n"
            f"base64 -d > {temporary} <<'END'\n{base64.encodebytes(text).decode()}END\n"
            f'[ "$(sha256sum < {temporary})" = "{_digest(text)}  -" ] || exit {_MANGLED}\n'
            f"sync {temporary} 2>&- || sync\n"
            f"mv -f -- {temporary} {path}"
        )
        code, output = self.session.tell(script, self.limit)
        if code == _CHANGED:
            raise ChangeFailed(f"somebody else changed {self.name} in the same moment; nothing was written by us")
        if code:
            raise ChangeFailed(f"{self.name} cannot be written ({_said(output)}, exit code {code}); it is as it was")

    def run(self, argv: Sequence[str], what: str) -> None:
        code, output = self.session.tell(quoted(argv), self.limit)
        if code == 127:
            raise ChangeFailed(f"{self.host} has no nginx command {argv[0]}; mend traffic.knob.{what}")
        if code:
            raise ChangeFailed(f"nginx {what} on {self.host} failed: {_said(output)}")


@contextmanager
def opened(nginx: Nginx, patience: float | None) -> Iterator[There]:
    """The file on the other machine, locked unless nobody waits for a lock; Busy when somebody else holds it."""
    assert nginx.machine
    session = Session(nginx.machine)
    try:
        code, output = session.tell(f"readlink -f -- {shlex.quote(nginx.config)}", FIRST_WORD)
        path = output.decode(errors="replace").strip().rpartition("\n")[2]
        if code or not path.startswith("/"):
            missing = f"{nginx.machine.host} has no {nginx.config} ({_said(output)})"
            raise Unreachable(f"{missing}; check traffic.knob.config")
        there = There(nginx, nginx.machine.host, session, path)
        if patience is not None:
            _lock(there, patience)
        yield there
    finally:
        session.close()


def preflight(nginx: Nginx) -> None:
    """Unreachable when the machine does not answer, or the file or a command is not there."""
    with opened(nginx, None) as there:
        for command in (*_NEEDED, nginx.test[0], nginx.reload[0]):
            if there.session.tell(f"command -v {shlex.quote(command)}", there.limit)[0]:
                raise Unreachable(f"{there.host} has no command {command}; install it there, or check traffic.knob")
        folder = shlex.quote(there.path.rpartition("/")[0] or "/")
        if there.session.tell(f"test -f {shlex.quote(there.path)}; test -w {folder}", there.limit)[0]:
            raise Unreachable(
                f"{there.name} is not there, or its folder cannot be written; check traffic.knob.machine.shell"
            )


def quoted(argv: Sequence[str]) -> str:
    """An argument list as a shell reads it."""
    return shlex.join(argv)


def typed(on: Remote, argv: Sequence[str]) -> str:
    """A command on the other machine as somebody types it here."""
    return shlex.join([*on.ssh, on.host, shlex.join(argv)])


def _lock(there: There, patience: float) -> None:
    folder, _, file = there.path.rpartition("/")
    lock = shlex.quote(f"{folder}/.{file}.lock")
    # flock's own code for "in time" is 1, as for much else; -E would tell, but busybox has none
    script = f"exec 9>>{lock} && {{ flock -w {patience:g} 9 || ( exit {_HELD} ) }}"
    # dash ends when `exec` cannot open its file: that is seen as a connection without a last word
    code, output = there.session.tell(f"touch {lock}", there.limit)
    if not code:
        code, output = there.session.tell(script, patience + there.limit, apart=False)
    if code == _HELD and not output.strip():
        raise Busy(f"another process is changing {there.name}; try again when it has ended")
    if code:
        raise Unreachable(f"{there.name} cannot be locked ({_said(output)}); nothing was changed")


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _said(output: bytes) -> str:
    return " ".join(output.decode(errors="replace").split())[-300:] or "no word"
