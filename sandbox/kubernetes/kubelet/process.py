"""One process of this machine that stands for a container: started, waited for, measured, ended."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
SHELLS = ("sh", "bash", "dash")
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Usage:
    """What a container's processes use: CPU seconds, bytes, counts."""

    user: float = 0.0
    system: float = 0.0
    memory: int = 0
    processes: int = 0
    threads: int = 0


class Process:
    """A started process and its children, in a session of their own."""

    def __init__(self, words: list[str], environment: Mapping[str, str], folder: Path, log: Path) -> None:
        """Starts it, its output added to `log`; OSError when that cannot be done."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                words,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_as_container(words),
            )
        self.pid = self._popen.pid
        self.ended = asyncio.Event()
        self._psutil = psutil.Process(self.pid)
        self._last = Usage()

    async def wait(self) -> int:
        """The exit code, 128 + n after signal n; whatever the process left behind is ended."""
        if self._popen.poll() is None:
            await _ended(self._popen)
        code: int = self._popen.wait()
        self.send_all(signal.SIGKILL)
        self.ended.set()
        return code if code >= 0 else 128 - code

    @property
    def running(self) -> bool:
        return self._popen.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Signals the first process only, as a container runtime does."""
        if self.running:
            self._popen.send_signal(number)

    def send_all(self, number: signal.Signals) -> None:
        """Signals the first process and all that it started."""
        # the group keeps its number until its last member is gone, so this never meets a stranger
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def memory(self) -> int:
        """Resident bytes of the whole container."""
        return sum(_resident(one) for one in self._tree())

    def usage(self) -> Usage:
        """CPU time and memory of the whole container; the last known when it has just ended."""
        user = system = 0.0
        memory = threads = 0
        tree = self._tree()
        for one in tree:
            with contextlib.suppress(psutil.Error), one.oneshot():
                times = one.cpu_times()
                user += times.user + times.children_user
                system += times.system + times.children_system
                memory += one.memory_info().rss
                threads += one.num_threads()
        if memory:
            self._last = Usage(user, system, memory, len(tree), threads)
        return self._last

    def _tree(self) -> list[psutil.Process]:
        if not self.running:
            return []
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        with contextlib.suppress(OSError):
            if not children.read_text():  # the usual case, without a look at every process of the machine
                return [self._psutil]
        with contextlib.suppress(psutil.Error):
            return [self._psutil, *self._psutil.children(recursive=True)]
        return [self._psutil]


def _resident(one: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(one.memory_info().rss)
    return 0


async def _ended(popen: subprocess.Popen[bytes]) -> None:
    """Waits without a thread where the system has process descriptors, else in a thread of its own."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    if not hasattr(os, "pidfd_open"):

        def wait() -> None:
            popen.wait()
            with contextlib.suppress(RuntimeError):  # the loop has ended before
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=wait, daemon=True).start()
        await done.wait()
        return
    descriptor = os.pidfd_open(popen.pid)
    loop.add_reader(descriptor, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _as_container(words: list[str]) -> Callable[[], None]:
    """What the child does before it becomes the container.

    It dies with the kubelet. And like the first process of a container it does not die of a SIGTERM that it does not
    handle; a shell is left out, since it could then not trap the signal at all.
    """
    kubelet = os.getpid()
    first = Path(words[0]).name not in SHELLS

    def prepare() -> None:
        if first:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if _LIBC is not None:
            _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != kubelet:
                os._exit(1)

    return prepare


async def run_beside(words: list[str], environment: Mapping[str, str], folder: Path, seconds: float) -> tuple[int, str]:
    """Runs a command to its end: its exit code and the last 1024 characters of what it wrote."""
    try:
        child = await asyncio.create_subprocess_exec(
            *words,
            env=dict(environment),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as error:
        return 127, f'exec: "{words[0]}": {error.strerror}'
    try:
        async with asyncio.timeout(seconds):
            output, _ = await child.communicate()
    except TimeoutError:
        return 1, f"command timed out after {seconds:g}s"
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return child.returncode or 0, output.decode(errors="replace")[-1024:]
