"""Kernels on sockets of their own, one started ahead while the one before is still at work.

Starting a kernel and importing what the notebooks need takes seconds; while a stage is watched there is time for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

from runbook_lib.record.archive import lives

GRACE = 0.7  # seconds that an interrupted cell has to clean up before its kernel is killed
AHEAD = 1.0  # seconds that a notebook runs before the next kernel is started beside it
NO_HISTORY = "--HistoryManager.enabled=False"  # no history database: it costs start-up time and can be locked

T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """What a kernel must be; ``folder`` is its working directory."""

    name: str = "python3"
    folder: Path | None = None


@dataclass(frozen=True)
class Kernel:
    """A kernel's process; no ports that could clash, only sockets in a folder that nobody else can enter."""

    wanted: Wanted
    manager: AsyncKernelManager
    sockets: Path

    @property
    def log(self) -> str:
        """What it wrote to its own standard output and error, for instance why it crashed."""
        path = self.sockets / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


class Kernels:
    """Hands out kernels, and keeps one loop for all of them; leaving it ends every kernel.

    ``imports`` are the modules that a kernel started ahead has loaded by the time it is needed.
    """

    def __init__(self, imports: Sequence[str] = ()) -> None:
        clear_leftovers()
        self._imports = imports
        self._loop = asyncio.Runner()
        self._spare: Kernel | None = None

    def __enter__(self) -> Kernels:
        return self

    def __exit__(self, *_: object) -> None:
        if self._spare is not None:
            self._loop.run(end(self._spare))
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; RuntimeError inside a running loop."""
        return self._loop.run(work)

    async def take(self, wanted: Wanted) -> Kernel:
        """The kernel that was started ahead when it fits and lives, otherwise a new one."""
        spare, self._spare = self._spare, None
        if spare is not None and spare.wanted == wanted and await spare.manager.is_alive():
            return spare
        if spare is not None:
            await end(spare)
        return await start(wanted)

    async def start_ahead(self, wanted: Wanted, after: float | None = None) -> None:
        """After a while, start the kernel of the next notebook; a notebook that is quicker does without."""
        await asyncio.sleep(AHEAD if after is None else after)
        if self._spare is None:
            self._spare = await start(wanted, self._imports)


async def start(wanted: Wanted, imports: Sequence[str] = ()) -> Kernel:
    """Start a kernel's process; NoSuchKernel when there is none of that name."""
    sockets = Path(tempfile.mkdtemp(prefix=f"kernel-{os.getpid()}-"))  # whose it is, for when its owner was killed
    manager = AsyncKernelManager(kernel_name=wanted.name, transport="ipc", ip=str(sockets / "k"))
    lines = [f"__import__({module!r})" for module in imports]
    options = [NO_HISTORY, *([f"--IPKernelApp.exec_lines={lines!r}"] if lines else [])]
    cwd = {"cwd": str(wanted.folder)} if wanted.folder else {}
    try:
        with (sockets / "log").open("ab") as log:
            await manager.start_kernel(extra_arguments=options, stdout=log, stderr=log, **cwd)
    except BaseException:  # also when cancelled: no folder is left behind
        shutil.rmtree(sockets, ignore_errors=True)
        raise
    return Kernel(wanted, manager, sockets)


def clear_leftovers() -> None:
    """Remove the folders of kernels whose owner was killed before it could; those of living processes stay."""
    for path in Path(tempfile.gettempdir()).glob("kernel-*-*"):
        owner = path.name.split("-")[1]
        with contextlib.suppress(OSError):  # another process clears at the same time
            if owner.isdigit() and path.stat().st_uid == os.getuid() and not lives(int(owner)):
                shutil.rmtree(path, ignore_errors=True)


async def end(kernel: Kernel) -> None:
    """Kill a kernel with all it started, and remove its folder."""
    if kernel.manager.has_kernel:
        await kernel.manager.shutdown_kernel(now=True)
    shutil.rmtree(kernel.sockets, ignore_errors=True)


@contextlib.asynccontextmanager
async def connected(kernel: Kernel, client: NotebookClient) -> AsyncIterator[None]:
    """Open the client's channels once the kernel answers."""
    await client.async_start_new_kernel_client()
    try:
        yield
    finally:
        if client.kc is not None:
            client.kc.stop_channels()


def client_for(kernel: Kernel, nb: NotebookNode, start_timeout: float, cell_timeout: int | None) -> NotebookClient:
    """nbclient's executor of a notebook on this kernel; times in seconds."""
    client = NotebookClient(nb, km=kernel.manager, startup_timeout=start_timeout, timeout=cell_timeout)
    client.reset_execution_trackers()
    return client


async def interrupt(kernel: Kernel, client: NotebookClient) -> None:
    """Ctrl-C for the running cell, and a moment for its ``finally`` blocks."""
    if client.kc is None or not await kernel.manager.is_alive():
        return
    await kernel.manager.interrupt_kernel()
    channel: Any = client.kc
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(channel.get_shell_msg(), GRACE)


async def end_other_tasks() -> None:
    """End what nbclient leaves running in the loop (it polls for a kernel's death)."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
