"""Any load balancer or registry that a command asks and another one sets.

Nothing but the commands themselves can keep two writers apart: what stands is compared before and after.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from runbook_lib.act.traffic import foreign
from runbook_lib.act.traffic.foreign import Knob, Trouble
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, Unreachable
from runbook_lib.model import Change
from runbook_lib.parameters import project_root
from runbook_lib.redact.at_hand import redactor_for
from runbook_lib.sections.traffic import Command

_MOST = 64 * 1024
"""Bytes of output; who says more is not listened to any longer."""
_SHOWN = 200
_PERCENT = re.compile(r"0|[1-9][0-9]?|100")


@dataclass(frozen=True)
class _Ended:
    """How a command ended: ``code`` None when it was killed because its time was over."""

    code: int | None
    output: str
    errors: str


def read(knob: Command, clients: Clients) -> Standing:
    """What ``read`` prints; BadParameters when that is no percent, Unreachable when it fails or takes too long."""
    weight = _look(knob, clients)
    return Standing(weight, False, weight)


def shift(knob: Command, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Set ``weight`` percent with ``write`` and read it back; raises ChangeFailed and says what stands now."""
    return foreign.move(_knob(knob, clients), weight, expected)


def restore(knob: Command, clients: Clients, held: Any) -> Change:
    """Set the weight that stood once."""
    return foreign.restore(_knob(knob, clients), held)


def preflight(knob: Command, clients: Clients) -> None:
    """Unreachable when a command is not there, or ``read`` does not tell the weight."""
    for name in ("read", "write"):
        program = _program(getattr(knob, name)[0])
        if shutil.which(program) is None:
            raise Unreachable(f"the command {program} is not there; install it or check traffic.knob.{name}")
    _look(knob, clients)


def _knob(knob: Command, clients: Clients) -> Knob:
    return Knob(
        lambda: _look(knob, clients),
        lambda weight: _put(knob, clients, weight),
        f"the command of traffic.knob.read ({knob.read[0]})",
        knob.timeout.total_seconds(),
    )


def _look(knob: Command, clients: Clients) -> int:
    ended = _run(knob, "read", knob.read)
    if ended.code != 0:
        raise Unreachable(_said(knob, clients, "read", ended))
    if not _PERCENT.fullmatch(text := ended.output.strip()):
        printed = _shown(clients, text)
        raise BadParameters(
            f"traffic.knob.read printed {printed!r}; its only line must be a whole percent from 0 to 100"
        )
    return int(text)


def _put(knob: Command, clients: Clients, weight: int) -> Trouble | None:
    try:
        ended = _run(knob, "write", [word.replace("{weight}", str(weight)) for word in knob.write])
    except Unreachable as error:
        return Trouble(str(error), late=False)
    return None if ended.code == 0 else Trouble(_said(knob, clients, "write", ended), late=ended.code is None)


def _said(knob: Command, clients: Clients, what: str, ended: _Ended) -> str:
    """What went wrong; of its words the last ones only, and the arguments not at all: either may hold a secret."""
    head = f"traffic.knob.{what} ({getattr(knob, what)[0]})"
    if ended.code is None:
        return f"{head} did not end within {knob.timeout.total_seconds():g} s and was killed"
    code = f"exit code {ended.code}" if ended.code >= 0 else signal.Signals(-ended.code).name
    words = _shown(clients, ended.errors or ended.output, tail=True)
    return f"{head} ended with {code}{f': {words}' if words else ''}"


def _shown(clients: Clients, text: str, tail: bool = False) -> str:
    words = " ".join(redactor_for(clients).text(text).split())
    return words[-_SHOWN:] if tail else words[:_SHOWN]


def _program(name: str) -> str:
    return str(project_root() / Path(name).expanduser()) if "/" in name else name


def _run(knob: Command, what: str, argv: list[str]) -> _Ended:
    """Run it in a group of its own, which is killed when the time is over; Unreachable when it cannot be started."""
    try:
        process = subprocess.Popen(
            [_program(argv[0]), *argv[1:]],
            cwd=project_root(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise Unreachable(f"traffic.knob.{what}: {argv[0]} cannot be run ({reason}); nothing was changed") from None
    with process:
        try:
            code, texts = _listen(process, time.monotonic() + knob.timeout.total_seconds())
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended just now
                    os.killpg(process.pid, signal.SIGKILL)
    return _Ended(code, *texts)


def _listen(process: subprocess.Popen[bytes], deadline: float) -> tuple[int | None, tuple[str, str]]:
    """Its exit code, None when the time was over first, and what it said until then."""
    heard: dict[IO[bytes], bytearray] = {stream: bytearray() for stream in (process.stdout, process.stderr) if stream}
    with selectors.DefaultSelector() as selector:
        for stream in heard:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        while process.poll() is None and time.monotonic() < deadline:
            _hear(selector, heard, 0.05)
        code = process.returncode
        for _ in heard:  # what it left in the pipes; a child that it leaves behind may speak on for ever
            _hear(selector, heard, 0)
    first, second = (bytes(text).decode(errors="replace") for text in heard.values())
    return code, (first, second)


def _hear(selector: selectors.BaseSelector, heard: dict[IO[bytes], bytearray], patience: float) -> None:
    for key, _ in selector.select(patience):
        piece = os.read(key.fd, 65536)
        if not piece:
            selector.unregister(key.fileobj)
            continue
        text = heard[cast("IO[bytes]", key.fileobj)]
        text += piece[: _MOST - len(text)]
