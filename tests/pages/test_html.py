"""An executed notebook as a page: complete, offline, without scripts."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from runbook_lib.pages import html

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _page(folder: Path) -> str:
    failed = new_code_cell("1 / 0", metadata={"papermill": {"status": "failed"}})
    failed.outputs = [
        new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=["\x1b[31mno"])
    ]
    shown = new_code_cell("plot()", metadata={"papermill": {"status": "completed"}})
    shown.outputs = [
        new_output("display_data", {"image/png": PIXEL}),
        new_output("display_data", {html.WIDGET: {"model_id": "x"}, "text/plain": "FloatProgress(value=0.5)"}),
    ]
    nb = new_notebook(cells=[new_markdown_cell("# Gray stage"), shown, failed])
    nb.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    nbformat.write(nb, folder / "notebook.ipynb")
    return html.write(folder / "notebook.ipynb", "shop: gray stage 5 %", "crashed", "a <message>").read_text()


def test_it_shows_sources_outputs_and_how_the_cells_ended(tmp_path: Path) -> None:
    page = _page(tmp_path)
    for part in ("Gray stage", f"data:image/png;base64,{PIXEL}", "FloatProgress", "ansi-red-fg", "a &lt;message&gt;"):
        assert part in page
    assert "1 completed, 1 failed" in page


def test_it_has_no_script_and_loads_nothing(tmp_path: Path) -> None:
    page = _page(tmp_path)
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page
    assert len(page) < 40_000
