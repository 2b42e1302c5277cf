"""Processes by identity: a process id with the time it began, so that a reused id is never taken for ours."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
# psutil reads the start in clock ticks since boot; a reused id is never this close.
SAME_START = 0.05


@dataclass(frozen=True)
class Identity:
    """One process, and no other that gets its id later: `started` is in seconds since the epoch."""

    pid: int
    started: float


def identity(pid: int) -> Identity | None:
    """Who has this id now; None when nobody, or a process that has ended and only waits to be collected."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, process.create_time())
    except psutil.NoSuchProcess:
        return None


def alive(one: Identity) -> bool:
    """Whether that very process still runs."""
    now = identity(one.pid)
    return now is not None and abs(now.started - one.started) < SAME_START


def below(parents: Sequence[Identity], folder: Path) -> list[Identity]:
    """Every process that these began, in `folder` even where the parent has ended.

    nginx' workers outlive a master that was killed and keep its port; their session still names it.
    """
    found: list[psutil.Process] = []
    for parent in parents:
        if alive(parent):
            with contextlib.suppress(psutil.NoSuchProcess):
                found += psutil.Process(parent.pid).children(recursive=True)
    ids = {parent.pid for parent in parents}
    found += [process for process in psutil.process_iter() if _in_session(process, ids, folder)]
    identities = {one for process in found if (one := identity(process.pid))}
    return sorted(identities - set(parents), key=lambda one: one.pid)


def _in_session(process: psutil.Process, leaders: Collection[int], folder: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return os.getsid(process.pid) in leaders and Path(process.cwd()) == folder
    return False


def send(one: Identity, number: signal.Signals) -> None:
    """Signal that very process; nothing happens when it is gone."""
    if alive(one):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, number)


def wait_gone(processes: Iterable[Identity], seconds: float) -> list[Identity]:
    """Wait until all have ended; returns those that have not after `seconds`."""
    deadline = time.monotonic() + seconds
    left = [one for one in processes if alive(one)]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [one for one in left if alive(one)]
    return left


def end(processes: Sequence[Identity], seconds: float) -> None:
    """Ask all to end, and make those end that have not after `seconds`."""
    for one in processes:
        send(one, signal.SIGTERM)
    for one in wait_gone(processes, seconds):
        send(one, signal.SIGKILL)
    wait_gone(processes, 1)


def start(
    argv: Sequence[str | Path], environment: Mapping[str, str], log: Path, folder: Path
) -> subprocess.Popen[bytes]:
    """Start a child that ends with this process, its output added to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            env=os.environ | dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with(os.getpid()),  # safe: this process has one thread
        )


def _end_with(parent: int) -> Callable[[], None] | None:
    """Runs in the child: the kernel asks it to end when its parent does (Linux only)."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we could ask
            os._exit(1)

    return ask
