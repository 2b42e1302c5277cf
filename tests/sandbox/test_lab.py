from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_output

from sandbox import lab
from sandbox.plan import project_root

GRAY = project_root() / "notebooks" / "04_gray_stage.ipynb"


def test_a_notebook_that_was_run_and_saved_is_again_as_it_was_committed(tmp_path: Path) -> None:
    path = tmp_path / GRAY.name
    notebook = nbformat.read(GRAY, as_version=4)  # type: ignore[no-untyped-call]
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.execution_count = number
        cell.outputs = [new_output("stream", text="hello")]
    notebook.metadata.language_info |= dict.fromkeys(lab.ADDED, "x")
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    nbformat.write(notebook, path)
    lab.clear_outputs([path])
    assert path.read_bytes() == GRAY.read_bytes()
