"""A gate for the person who answers it: the evidence first, then the question, what follows, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from IPython.display import HTML, display

from runbook_lib.errors import RunbookError
from runbook_lib.gate.states import Gate, Kind, moment, refusal
from runbook_lib.gate.words import heard, said, standing, time_left
from runbook_lib.model import now
from runbook_lib.show.verdicts import COLOURS

Answer = Callable[[Kind, str, str], Gate]
"""What a button does: file that answer, with that reason, signed by that person."""

BUTTONS: tuple[tuple[Kind, str, str, str, str], ...] = (
    ("approved", "approve", "Approve", "#1a7f37", "check"),
    ("rejected", "reject", "Reject", "#b3202b", "times"),
    ("held", "hold", "Hold", "#8a5a00", "pause"),
    ("withdrawn", "withdraw", "Withdraw", "#57606a", "undo"),
)
_LEFT = "style='text-align:left;vertical-align:top'"
_HEAD = "style='text-align:left;vertical-align:top;white-space:nowrap'"
_FOCUS = (
    "<style>.runbook-answer :focus-visible{outline:3px solid #4493f8!important;outline-offset:2px}"
    ".runbook-answer button:disabled{opacity:.45}</style>"
)


def show_gate(gate: Gate, names: Sequence[str], answer: Answer | None, way: str, then: str) -> None:
    """Show a gate; while it can be answered, with buttons for those of ``names``, whose keys are at hand.

    ``way`` is the command for all others, ``then`` what to do once it is approved; without ``answer`` nothing is asked.
    """
    card = display(HTML(gate_html(gate, way, then)), display_id=True)
    if answer is not None and gate.state in {"pending", "held", "approved"}:
        _Form(gate, names, answer, way, then, card).show()


def gate_html(gate: Gate, way: str, then: str) -> str:
    """The gate as a card of HTML, readable without any script, in light and in dark."""
    asked = gate.asked
    rows = "".join(_verdict(verdict) for verdict in asked.verdicts)
    waits = gate.state in {"pending", "held", "approved"}
    facts = {
        "On yes": asked.on_yes,
        "The way back": asked.way_back,
        "Who may answer": f"{_people(asked.people)} of {', '.join(asked.approvers)} (role {asked.role}); "
        f"not {asked.initiator}, who asked",
        "Until": moment(asked.expires_at) + (f", {time_left(gate, now())}" if waits else ""),
        **({"Asked anew": asked.instead_of} if asked.instead_of else {}),
        "State": standing(gate, then),
        **({"Answer elsewhere": way} if waits else {}),
    }
    heads = "".join(f"<th {_LEFT}>{head}</th>" for head in ("Criterion", "Verdict", "Measured"))
    told = "".join(
        f"<tr><th scope='row' {_HEAD}>{key}</th><td {_LEFT}>{escape(value)}</td></tr>" for key, value in facts.items()
    )
    return (
        f"<section aria-label='Gate' style='border:1px solid #8888;border-radius:8px;padding:12px 16px;max-width:64em'>"
        f"{_FOCUS}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p style='font-size:1.25em;margin:.8em 0'><b>{escape(asked.question)}</b></p>"
        f"<table><tbody>{told}</tbody></table>{_answers(gate)}"
        f"<p style='margin:.4em 0 0'><code>{escape(asked.id)}</code></p></section>"
    )


def _verdict(verdict: dict[str, Any]) -> str:
    name, outcome, message = (str(verdict.get(key, "")) for key in ("name", "outcome", "message"))
    badge = f"background:{COLOURS.get(outcome, '#57606a')};color:#fff;padding:1px 7px;border-radius:4px"
    return (
        f"<tr><td {_LEFT}>{escape(name)}</td><td {_LEFT}><b style='{badge}'>{escape(outcome)}</b></td>"
        f"<td {_LEFT}>{escape(message)}</td></tr>"
    )


def _people(number: int) -> str:
    return "one person" if number == 1 else f"{number} people"


def _answers(gate: Gate) -> str:
    lines = [f"<li>{escape(said(answer))}</li>" for answer in gate.answers if not answer.problem]
    lines += [f"<li><b>Not trusted:</b> {escape(problem)}</li>" for problem in gate.problems]
    return f"<p style='margin:.6em 0 0'>What was said:</p><ul>{''.join(lines)}</ul>" if lines else ""


class _Form:
    """Sign as, reason and buttons under a card; what was answered is said below them, and in the card."""

    def __init__(self, gate: Gate, names: Sequence[str], answer: Answer, way: str, then: str, card: Any) -> None:
        import ipywidgets as widgets  # nobody who only looks at the archive needs it

        self.gate, self.answer, self.way, self.then, self.card = gate, answer, way, then, card
        self.state = _named(widgets.HTML(), "state")
        self.who = _named(widgets.Dropdown(options=list(names), description="Sign as"), "sign-as")
        self.why = _named(widgets.Text(placeholder="why, for the record", description="Reason"), "reason")
        self.why.layout.width = "40em"
        self.buttons = {kind: _button(widgets, *about) for kind, *about in BUTTONS}
        for kind, button in self.buttons.items():
            button.on_click(lambda _, kind=kind: self.say(kind))
        self.who.observe(lambda _: self.offer(), "value")
        row, answers = widgets.HBox([self.who, self.why]), widgets.HBox(list(self.buttons.values()))
        row.layout.flex_flow = "row wrap"
        self.box = widgets.VBox([row, answers, self.state] if names else [self.state])
        self.box.add_class("runbook-answer")

    def show(self) -> None:
        """Display it, with the first thing to do in words."""
        self.offer()
        if self.who.options:
            self.tell("Choose who signs, write the reason, then answer.")
        else:
            asked = self.gate.asked
            who = f"{', '.join(asked.approvers)}; not {asked.initiator}, who asked"
            self.tell(
                f"No key is at hand here that may answer as {asked.role} ({who}). "
                f"Load it with ssh-add and run this cell again, or answer where the key is: {self.way}"
            )
        display(self.box)

    def say(self, kind: Kind) -> None:
        """File an answer; whatever forbids it is told, and it may be given again."""
        try:
            self.gate = self.answer(kind, str(self.why.value), str(self.who.value))
        except RunbookError as error:
            self.tell(f"Not filed: {error}")
            return
        self.offer()
        self.tell(heard(self.gate, self.then))
        if self.card is not None:
            self.card.update(HTML(gate_html(self.gate, self.way, self.then)))

    def offer(self) -> None:
        """Enable what the chosen person can say now."""
        for kind, button in self.buttons.items():
            no = refusal(self.gate, kind, str(self.who.value), now())
            button.disabled, button.tooltip = bool(no), no or f"{button.description}, signed as {self.who.value}"

    def tell(self, sentence: str) -> None:
        """Say something where the eye is, and to a screen reader."""
        self.state.value = f"<div role='status' aria-live='polite'><b>{escape(sentence)}</b></div>"


def _button(widgets: Any, name: str, word: str, colour: str, icon: str) -> Any:
    style = {"button_color": colour, "text_color": "#ffffff", "font_weight": "bold"}
    return _named(widgets.Button(description=word, icon=icon, style=style), name)


def _named(widget: Any, name: str) -> Any:
    """The widget with the class by which a style sheet and a test find it."""
    widget.add_class(f"runbook-{name}")
    return widget
