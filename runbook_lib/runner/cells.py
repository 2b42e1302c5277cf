"""What became of each cell of an executed notebook, as it stands in the notebook's own metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runbook_lib.model import now, plain

if TYPE_CHECKING:
    from nbformat import NotebookNode


def cell_results(notebook: NotebookNode) -> list[dict[str, Any]]:
    """Each code cell: id, index, status (completed, failed, not-run), start_time, end_time, exception, message."""
    return [
        {"id": cell.get("id", ""), "index": index, **cell.metadata.get("papermill", {"status": "not-run"})}
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
    ]


def settle(notebook: NotebookNode, exception: str | None, message: str = "") -> None:
    """Leave no cell running or pending: a running one failed with the exception, a pending one was not run."""
    for cell in notebook.cells:
        status = cell.metadata.get("papermill")
        if cell.cell_type != "code" or status is None:
            continue
        if status["status"] == "running":
            status.update(status="failed", end_time=plain(now()), exception=exception, message=message)
        elif status["status"] == "pending":
            status.update(status="not-run", message=f"stopped before: {exception}")
    notebook.metadata.setdefault("papermill", {}).update(end_time=plain(now()), exception=exception)
