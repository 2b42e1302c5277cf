"""An executed notebook as one page that needs no server, no script and no network."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from runbook_lib.durable import write_whole

if TYPE_CHECKING:
    from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"
TEMPLATES = Path(__file__).parent / "templates"


def write(notebook: Path, title: str, outcome: str, message: str) -> Path:
    """Render a notebook beside itself as notebook.html; the page's own policy forbids it to load anything."""
    import nbformat  # a second of imports, which a kernel is spared

    nb = nbformat.read(notebook, as_version=4)
    page = Template((TEMPLATES / "notebook.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        outcome=escape(outcome.replace("_", " ")),
        kind=escape(outcome),
        message=escape(message),
        cells=escape(_cells_in_short(nb)),
        highlight=_highlight_css(),
        body=_body(nb),
    )
    target = notebook.with_suffix(".html")
    write_whole(target, page)
    return target


def warm_up() -> None:
    """Load the renderer, which takes a second, while something else is being waited for."""
    _exporter()
    _highlight_css()


def _body(nb: NotebookNode) -> str:
    nb.metadata.pop("widgets", None)  # live widgets need scripts from the network; their text form stays
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
    body: str = _exporter().from_notebook_node(nb)[0]
    return body


def _cells_in_short(nb: NotebookNode) -> str:
    states = [
        cell.metadata.get("papermill", {}).get("status", "not-run") for cell in nb.cells if cell.cell_type == "code"
    ]
    return ", ".join(
        f"{states.count(state)} {state}" for state in ("completed", "failed", "not-run") if state in states
    )


@cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter  # here, because it takes a second and a kernel never needs it

    return HTMLExporter(template_name="basic")


@cache
def _highlight_css() -> str:
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

    css: str = HtmlFormatter(style="default").get_style_defs(".highlight")
    return css
