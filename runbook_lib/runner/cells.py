"""What became of each cell of an executed notebook, as it stands in the notebook's own metadata."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook_lib.model import now, plain

if TYPE_CHECKING:
    from nbformat import NotebookNode

MARK = ".cell"


def cell_results(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each code cell: id, index, status (completed, failed, not-run), start_time, end_time, exception, message."""
    return [
        {"id": cell.get("id", ""), "index": index, **cell["metadata"].get("papermill", {"status": "not-run"})}
        for index, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code"
    ]


def mark(attempt: Path, index: int) -> None:
    """Leave word which cell is reached, for whoever has to tell it after this process was killed."""
    with contextlib.suppress(OSError):  # a full disk: told less exactly then
        handle = os.open(attempt / MARK, os.O_CREAT | os.O_WRONLY, 0o644)
        os.pwrite(handle, f"{index:6}".encode(), 0)  # in one piece: a reader never finds it empty
        os.close(handle)


def marked(attempt: Path) -> int | None:
    """Which cell was reached, and the word taken away; None when nothing was left."""
    path = attempt / MARK
    text = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    path.unlink(missing_ok=True)
    return int(text) if text.isdigit() else None


def settle(notebook: NotebookNode, exception: str | None, message: str = "", reached: int | None = None) -> None:
    """Leave no cell running or pending: a running one failed with the exception, a pending one was not run.

    ``reached`` is the cell that a killed process was at, where the notebook itself was not saved meanwhile.
    """
    for index, cell in enumerate(notebook.cells):
        status = cell.metadata.get("papermill")
        if cell.cell_type != "code" or status is None:
            continue
        if status["status"] == "pending" and reached is not None and index <= reached:
            _was_run(cell, status, running=index == reached)
        if status["status"] == "running":
            status.update(status="failed", end_time=plain(now()), exception=exception, message=message)
        elif status["status"] == "pending":
            status.update(status="not-run", message=f"stopped before: {exception}")
    notebook.metadata.setdefault("papermill", {}).update(end_time=plain(now()), exception=exception)


def _was_run(cell: NotebookNode, status: dict[str, Any], running: bool) -> None:
    if "skip-execution" in cell.metadata.get("tags", []) or not cell.source.strip():
        status.update(status="not-run", message="skipped by its tag" if cell.source.strip() else "empty")
    else:
        status.update(status="running" if running else "completed", message="" if running else "its outputs are lost")


def as_shown(notebook: NotebookNode) -> NotebookNode:
    """A copy with what cells printed as JupyterLab shows it: in one piece, without overwritten characters.

    JupyterLab does the same to a notebook that it opens and trusts, and muddles the outputs behind the pieces (4.6):
    what it would rewrite, nobody could prove any more. A copy, because a running client counts the pieces.
    """
    shown: NotebookNode = copy.deepcopy(notebook)
    for cell in shown.cells:
        if cell.cell_type == "code":
            cell.outputs = _merged(cell.outputs)
    return shown


def _merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    merged: list[NotebookNode] = []
    for stream, group in groupby(outputs, key=lambda output: output.name if output.output_type == "stream" else None):
        pieces = list(group)
        if stream is not None:
            pieces[0].text = _overwritten("".join(piece.text for piece in pieces))
        merged += pieces[:1] if stream is not None else pieces
    return merged


def _overwritten(text: str) -> str:
    """The text after its carriage returns and backspaces, as a terminal leaves it."""
    if "\r" not in text and "\b" not in text:
        return text
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    shown: list[str] = []
    at = 0
    for character in line:
        if character == "\r":
            at = 0
        elif character == "\b":
            at = max(at - 1, 0)
        else:
            shown[at : at + 1] = [character]
            at += 1
    return "".join(shown)
