"""Real proxies for the tests: the range's nginx and HAProxy with ports of their own, ended with the test."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.tools import PROGRAMS, Tool, find

REPOSITORY = Path(__file__).parents[3]


def program(name: str) -> Tool:
    """A program of the range; the test is skipped where it cannot be had."""
    tool = find(next(program for program in PROGRAMS if program.name == name), REPOSITORY)
    if tool is None:
        pytest.skip(f"no {name} here: python -m sandbox tools")
    return tool


def free_ports(number: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextmanager
def running(
    argv: Sequence[str], root: Path, port: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens on the port; terminated, and waited for, at the end."""
    with (root / "log").open("ab") as log:
        process = subprocess.Popen([*argv], cwd=root, stdout=log, stderr=log, env=os.environ | dict(environment))
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (root / "log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(60)
