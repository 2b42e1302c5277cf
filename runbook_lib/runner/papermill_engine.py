"""``papermill --engine runbook``: the engine behind papermill's own interface (an entry point names this class)."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from papermill.engines import Engine
from papermill.exceptions import PapermillExecutionError

from runbook_lib.runner.engine import Options, execute
from runbook_lib.runner.hearing import of_parameters


class RunbookEngine(Engine):  # type: ignore[misc]
    """Runs a notebook so that its status is true and its file whole and without secrets.

    papermill writes the notebook itself once before this is called, with its parameters: these are references.
    """

    @classmethod
    def execute_notebook(
        cls, nb: NotebookNode, kernel_name: str, output_path: str | None = None, **options: Any
    ) -> NotebookNode:
        """Run all cells; PapermillExecutionError, KeyboardInterrupt or SystemExit when the notebook stopped."""
        redactor = of_parameters(dict(nb.metadata.get("papermill", {}).get("parameters") or {}))
        wanted = Options(
            kernel_name=kernel_name,
            start_timeout=options.get("start_timeout") or 60,
            cell_timeout=options.get("execution_timeout"),
            redactor=lambda: redactor,
        )
        stop = execute(nb, Path(output_path) if output_path else None, wanted)
        if stop is None:
            return nb
        if stop.signal is not None:
            raise KeyboardInterrupt if stop.signal == signal.SIGINT else SystemExit(128 + stop.signal)
        at = stop.cell or 0
        count, source = nb.cells[at].get("execution_count"), nb.cells[at].source
        raise PapermillExecutionError(at, count, source, stop.name, stop.message, stop.traceback.splitlines())
