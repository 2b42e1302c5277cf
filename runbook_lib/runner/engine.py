"""Runs a notebook so that its status is the truth: each cell is completed, failed or not-run, however the run ended.

papermill's own engine marks cells that never ran as completed after a kernel's death, a time-out or Ctrl-C, and writes
files that a reader can see half of. Here every ending becomes a `Stop`, and every write is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from runbook_lib.durable import write_whole
from runbook_lib.model import now, plain
from runbook_lib.redact import Redactor
from runbook_lib.runner import kernels
from runbook_lib.runner.cells import as_shown, settle
from runbook_lib.runner.kernels import Kernels

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Stop:
    """Why a notebook ended before its last cell; ``name`` is the exception's class as the kernel reports it."""

    name: str
    message: str
    cell: int | None
    traceback: str = ""
    signal: int | None = None


@dataclass(frozen=True)
class Options:
    """How a notebook is run; times in seconds, ``folder`` is the kernel's working directory.

    ``kernel_log`` is where the kernel's own output goes, when there is any. ``redactor`` gives what takes the secrets
    out of everything before it is written; it is asked each time, for more become known while a notebook runs.
    """

    kernel_name: str = "python3"
    start_timeout: float = 60
    cell_timeout: int | None = None
    folder: Path | None = None
    save_each_cell: bool = True
    kernel_log: Path | None = None
    on_cell: Callable[[int, int], None] | None = None
    redactor: Callable[[], Redactor] = Redactor

    @property
    def kernel(self) -> kernels.Wanted:
        """What its kernel must be."""
        return kernels.Wanted(self.kernel_name, self.folder)


def execute(nb: NotebookNode, target: Path | None, options: Options, shelf: Kernels | None = None) -> Stop | None:
    """Run a notebook's cells in order and file it at ``target``; None when all completed, else why it stopped.

    With ``shelf`` the kernel comes from there, and the next one is started ahead.
    """
    if shelf is not None:
        return _Execution(nb, target, options).run(shelf, ahead=True)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _execute_alone(nb, target, options)
    with ThreadPoolExecutor(1) as other:  # a loop runs in this thread already, as in JupyterLab
        return other.submit(_execute_alone, nb, target, options).result()


def _execute_alone(nb: NotebookNode, target: Path | None, options: Options) -> Stop | None:
    with Kernels() as own:
        return _Execution(nb, target, options).run(own, ahead=False)


class _Execution:
    """One notebook being run: its kernel, what stopped it, and where it is saved."""

    def __init__(self, nb: NotebookNode, target: Path | None, options: Options) -> None:
        self.nb, self.target, self.options = nb, target, options
        self.at: int | None = None
        self.signal: int | None = None
        self.late: int | None = None

    def run(self, shelf: Kernels, ahead: bool) -> Stop | None:
        """All cells, then a truthful file; a signal that stopped it is in the `Stop`, one that came too late raised."""
        stop = shelf.run(self._run(shelf, ahead))
        settle(self.nb, stop.name if stop else None, stop.message if stop else "")
        self.save()
        self.nb.update(self._without_secrets())  # whoever called may write it, too
        if self.late is not None:
            signal.raise_signal(self.late)
        return self._without_secrets_in(stop) if stop else None

    def save_meanwhile(self) -> None:
        """Write it as it stands, if the disk takes it: an act waits for its intent, a watch for nothing."""
        with contextlib.suppress(OSError):
            self.save()

    def save(self) -> None:
        """Write the notebook as it stands, whole."""
        if self.target is not None:
            write_whole(self.target, nbformat.writes(self._without_secrets()) + "\n")

    def _without_secrets(self) -> NotebookNode:
        """A copy: the cells that are still to run keep their source as it is."""
        copied: NotebookNode = nbformat.from_dict(self.options.redactor().value(as_shown(self.nb)))
        return copied

    def _without_secrets_in(self, stop: Stop) -> Stop:
        text = self.options.redactor().text
        return replace(stop, message=text(stop.message), traceback=text(stop.traceback))

    def _prepare(self) -> None:
        started = {"start_time": plain(now()), "end_time": None, "exception": None}
        self.nb.metadata.setdefault("papermill", {}).update(started)
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                cell.execution_count, cell.outputs = None, []
                blank = {"start_time": None, "end_time": None, "exception": None, "message": ""}
                cell.metadata.papermill = NotebookNode(status="pending", **blank)
        self.save_meanwhile()

    async def _run(self, shelf: Kernels, ahead: bool) -> Stop | None:
        task = asyncio.current_task()
        assert task is not None
        running = True

        def on_signal(number: int) -> None:
            if running and self.signal is None:
                self.signal = number
                task.cancel()
            elif not running:
                self.late = number

        with _signals(on_signal):
            kernel, stop = None, None
            try:
                self._prepare()
                kernel = await shelf.take(self.options.kernel)
                await self._on(kernel, shelf if ahead else None)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - every ending must be told truly
                stop = self._stop(error)
            finally:
                running = False  # from here on nothing may be cancelled: the kernel must be gone when this returns
                await kernels.end_other_tasks()
                if kernel is not None:
                    self._keep_log(kernel)
                    await kernels.end(kernel)
        return stop

    async def _on(self, kernel: kernels.Kernel, shelf: Kernels | None) -> None:
        client = kernels.client_for(kernel, self.nb, self.options.start_timeout, self.options.cell_timeout)
        async with kernels.connected(kernel, client):
            if shelf is not None:
                next_kernel = asyncio.create_task(shelf.start_ahead(self.options.kernel))
                next_kernel.add_done_callback(_told)
            try:
                await self._cells(client)
            except (DeadKernelError, asyncio.CancelledError):  # nbclient takes a cancelled cell for a dead kernel
                if self.signal is not None:
                    await kernels.interrupt(kernel, client)
                raise

    def _keep_log(self, kernel: kernels.Kernel) -> None:
        with contextlib.suppress(OSError):  # the kernel is ended after this, whatever the disk says
            if self.options.kernel_log is not None and kernel.log:
                write_whole(self.options.kernel_log, self.options.redactor().text(kernel.log))

    async def _cells(self, client: NotebookClient) -> None:
        total = len(self.nb.cells)
        try:
            for index, cell in enumerate(self.nb.cells):
                self.at = index
                if self.options.on_cell:
                    self.options.on_cell(index, total)
                if cell.cell_type == "code":
                    await self._cell(client, cell, index)
        finally:
            client.set_widgets_metadata()

    async def _cell(self, client: NotebookClient, cell: NotebookNode, index: int) -> None:
        status = cell.metadata.papermill
        if "skip-execution" in cell.metadata.get("tags", []) or not cell.source.strip():
            status.update(status="not-run", message="skipped by its tag" if cell.source.strip() else "empty")
            return
        status.update(status="running", start_time=plain(now()))
        if self.options.save_each_cell:
            self.save_meanwhile()
        await client.async_execute_cell(cell, index)
        status.update(status="completed", end_time=plain(now()))
        for output in cell.outputs:
            if output.output_type == "error":  # allowed by the tag raises-exception, and still worth knowing
                status.update(exception=output.ename, message=output.evalue)

    def _stop(self, error: BaseException) -> Stop:
        if self.signal is not None:
            name = "Interrupted" if self.signal == signal.SIGINT else "Terminated"
            what = "Ctrl-C" if self.signal == signal.SIGINT else signal.Signals(self.signal).name
            return Stop(name, f"stopped by {what}; its kernel was ended", self.at, signal=self.signal)
        if isinstance(error, CellExecutionError):
            return Stop(error.ename, error.evalue, self.at, str(error.traceback))
        if isinstance(error, DeadKernelError):
            return Stop("KernelDied", "the kernel died while this cell was running (killed, or out of memory)", self.at)
        if isinstance(error, CellTimeoutError):
            seconds = self.options.cell_timeout
            return Stop("CellTimeout", f"a cell ran longer than {seconds} s and its kernel was ended", self.at)
        return Stop(type(error).__name__, str(error) or "the kernel could not be started", self.at)


@contextlib.contextmanager
def _signals(on_signal: Callable[[int], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call ``on_signal`` inside the loop, so that they never strike in the middle of a write."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, before = asyncio.get_running_loop(), {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, int(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _told(task: asyncio.Task[None]) -> None:
    """A kernel that could not be started ahead is started when it is needed, and fails there if it must."""
    if not task.cancelled():
        task.exception()
