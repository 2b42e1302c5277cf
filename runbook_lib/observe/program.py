"""Runs a program in a group of its own: what it started ends with it when its time is over or we are told to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any


def ran_alone(
    words: Sequence[str],
    seconds: float,
    output: IO[Any],
    errors: IO[Any] | int,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    held: Sequence[int] = (),
) -> int | None:
    """Its exit code, None when it did not end in time; what it printed is in the two files.

    ``held`` are open files that it and what it starts keep. Raises OSError when it cannot be started.
    """
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,  # one that asks for a password would wait for ever
        stdout=output,
        stderr=errors,
        start_new_session=True,
        pass_fds=tuple(held),
    )
    with _ended(process):
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
