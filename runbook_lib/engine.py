"""A papermill engine whose status is the truth: each cell is completed, failed or not-run, however the run ended.

papermill's own engine marks cells that never ran as completed after a kernel's death, a time-out or Ctrl-C, and writes
files that a reader can see half of. Here every ending becomes a `Stop`, and every write is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from runbook_lib.cells import settle
from runbook_lib.durable import write_whole
from runbook_lib.model import now, plain

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 0.7  # seconds that an interrupted cell has to clean up before its kernel is killed
KERNEL_OPTIONS = ["--HistoryManager.enabled=False"]  # no history database: it costs start-up time and can be locked


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
    """How a notebook is run; times in seconds, ``folder`` is the kernel's working directory."""

    kernel_name: str = "python3"
    start_timeout: float = 60
    cell_timeout: int | None = None
    folder: Path | None = None
    save_each_cell: bool = True
    kernel_log: Path | None = None
    on_cell: Callable[[int, int], None] | None = None


class RunbookEngine(Engine):  # type: ignore[misc]
    """``papermill --engine runbook``: the engine below behind papermill's own interface."""

    @classmethod
    def execute_notebook(
        cls, nb: NotebookNode, kernel_name: str, output_path: str | None = None, **options: Any
    ) -> NotebookNode:
        """Run all cells; PapermillExecutionError, KeyboardInterrupt or SystemExit when the notebook stopped."""
        wanted = Options(
            kernel_name=kernel_name,
            start_timeout=options.get("start_timeout") or 60,
            cell_timeout=options.get("execution_timeout"),
        )
        stop = execute(nb, Path(output_path) if output_path else None, wanted)
        if stop is None:
            return nb
        if stop.signal is not None:
            raise KeyboardInterrupt if stop.signal == signal.SIGINT else SystemExit(128 + stop.signal)
        at = stop.cell or 0
        count, source = nb.cells[at].get("execution_count"), nb.cells[at].source
        raise PapermillExecutionError(at, count, source, stop.name, stop.message, stop.traceback.splitlines())


def register() -> None:
    """Make the engine known to papermill in this process as ``runbook``."""
    papermill_engines.register("runbook", RunbookEngine)


def execute(nb: NotebookNode, target: Path | None, options: Options) -> Stop | None:
    """Run a notebook's cells in order and file it at ``target``; None when all completed, else why it stopped."""
    return _Execution(nb, target, options).run()


class _Execution:
    """One notebook being run: its kernel, what stopped it, and where it is saved."""

    def __init__(self, nb: NotebookNode, target: Path | None, options: Options) -> None:
        self.nb, self.target, self.options = nb, target, options
        self.at: int | None = None
        self.signal: int | None = None

    def run(self) -> Stop | None:
        """All cells, then a truthful file; signals that came meanwhile are in the `Stop`, not raised."""
        self._prepare()
        stop = _run_here_or_in_a_thread(self._run)
        settle(self.nb, stop.name if stop else None, stop.message if stop else "")
        self.save()
        return stop

    def save(self) -> None:
        """Write the notebook as it stands, whole."""
        if self.target is not None:
            write_whole(self.target, nbformat.writes(self.nb) + "\n")

    def _prepare(self) -> None:
        started = {"start_time": plain(now()), "end_time": None, "exception": None}
        self.nb.metadata.setdefault("papermill", {}).update(started)
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                cell.execution_count, cell.outputs = None, []
                blank = {"start_time": None, "end_time": None, "exception": None, "message": ""}
                cell.metadata.papermill = NotebookNode(status="pending", **blank)
        self.save()

    async def _run(self) -> Stop | None:
        task = asyncio.current_task()
        assert task is not None

        def on_signal(number: int) -> None:
            self.signal = number
            task.cancel()

        with _signals(on_signal), tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True) as sockets:
            try:
                async with _kernel(self.nb, self.options, Path(sockets), lambda: self.signal is not None) as client:
                    await self._cells(client)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - every ending must be told truly
                return self._stop(error)
        return None

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
            self.save()
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


@contextlib.asynccontextmanager
async def _kernel(
    nb: NotebookNode, options: Options, sockets: Path, hurry: Callable[[], bool]
) -> Any:  # an async context manager of NotebookClient
    """A kernel on sockets of its own (no ports to clash), dead in any case when the block is left."""
    manager = AsyncKernelManager(kernel_name=options.kernel_name, transport="ipc", ip=str(sockets / "k"))
    client = NotebookClient(
        nb, km=manager, timeout=options.cell_timeout, startup_timeout=options.start_timeout, coalesce_streams=True
    )
    client.reset_execution_trackers()
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((options.kernel_log or sockets / "log").open("ab"))
        cwd = {"cwd": str(options.folder)} if options.folder else {}
        try:
            await manager.start_kernel(extra_arguments=KERNEL_OPTIONS, stdout=log, stderr=log, **cwd)
            await client.async_start_new_kernel_client()
            yield client
        finally:
            if hurry() and client.kc is not None and await manager.is_alive():
                await manager.interrupt_kernel()
                answers: Any = client.kc  # the interrupted cell's answer: its `finally` blocks have run by then
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(answers.get_shell_msg(), GRACE)
            if client.kc is not None:
                client.kc.stop_channels()
            if manager.has_kernel:
                await manager.shutdown_kernel(now=True)


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


def _run_here_or_in_a_thread(main: Callable[[], Any]) -> Stop | None:
    """Run the coroutine in a loop of its own, in a thread where this one already runs a loop (as JupyterLab's does)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        result: Stop | None = asyncio.run(main())
        return result
    answers: list[Stop | None] = []
    thread = threading.Thread(target=lambda: answers.append(asyncio.run(main())))
    thread.start()
    thread.join()
    return answers[0]
