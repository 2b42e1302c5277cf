"""A gate for the person who answers it: the evidence first, then the question, what follows, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any, Literal

from IPython.display import HTML, display

from runbook_lib.errors import RunbookError

Answer = Callable[[Literal["approved", "rejected"], str, str], Any]

_COLOURS = {"PASS": "#1a7f37", "INCONCLUSIVE": "#9a6700", "FAIL": "#cf222e"}


def show_gate(filed: dict[str, Any], answer: Answer) -> None:
    """Show a filed gate; while it waits, with buttons for those who may answer."""
    display(HTML(gate_html(filed)))
    if filed["state"] == "pending":
        display(_buttons(filed, answer))


def gate_html(filed: dict[str, Any]) -> str:
    """The gate as a card of HTML, readable without any script."""
    rows = "".join(
        f"<tr><td style='text-align:left'>{escape(v['name'])}</td>"
        f"<td style='color:{_COLOURS[v['outcome']]}'><b>{v['outcome']}</b></td>"
        f"<td style='text-align:left'>{escape(v['message'])}</td></tr>"
        for v in filed["verdicts"]
    )
    said = "".join(
        f"<li><b>{escape(a['by'])}</b> {escape(a['answer'])} at {escape(a['at'])}: {escape(a['reason'])}</li>"
        for a in filed["answers"]
    )
    return (
        "<div style='border:1px solid #8888;border-radius:8px;padding:12px 16px;max-width:60em'>"
        f"<table>{rows}</table>"
        f"<p style='font-size:1.15em'><b>{escape(filed['question'])}</b></p>"
        f"<p>On yes: {escape(filed['on_yes'])}<br>The way back: {escape(filed['way_back'])}<br>"
        f"May answer ({filed['people']} needed): {escape(', '.join(filed['approvers']))}, "
        f"until {filed['expires_at']}</p>"
        f"<p>State: <b>{filed['state']}</b> &nbsp; <code>{filed['id']}</code></p><ul>{said}</ul></div>"
    )


def _buttons(filed: dict[str, Any], answer: Answer) -> Any:
    import ipywidgets as widgets

    who = widgets.Dropdown(options=filed["approvers"], description="I am")
    why = widgets.Text(placeholder="the reason, for the record", description="Reason", layout={"width": "36em"})
    yes = widgets.Button(description="Approve", button_style="success", icon="check")
    no = widgets.Button(description="Reject", button_style="danger", icon="times")
    state = widgets.HTML("Answer, then run this cell again.")

    def say(decision: Literal["approved", "rejected"]) -> None:
        try:
            answer(decision, str(who.value), str(why.value))
            yes.disabled = no.disabled = True
            state.value = f"<b>{decision}</b>; run this cell again."
        except RunbookError as error:
            state.value = escape(str(error))

    yes.on_click(lambda _: say("approved"))
    no.on_click(lambda _: say("rejected"))
    return widgets.VBox([widgets.HBox([who, why]), widgets.HBox([yes, no]), state])
