"""A gate as a person sees it: evidence, question, what follows, the way back, and two buttons while it waits."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.show import gate
from runbook_lib.show.gate import gate_html, show_gate

FILED: dict[str, Any] = {
    "id": "gray_stage-1-x",
    "state": "pending",
    "question": "May 1 % go? <b>",
    "on_yes": "1 % of the users go",
    "way_back": "06_rollback",
    "people": 1,
    "approvers": ["anna", "ben"],
    "expires_at": "2026-11-20T13:00:00.000Z",
    "verdicts": [{"name": "errors", "outcome": "PASS", "message": "0.1 % < 1 % & <script>"}],
    "answers": [],
}
ANSWER = {"by": "anna", "answer": "approved", "at": "2026-11-20T12:00:00.000Z", "reason": "<i>go</i>"}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    things: list[Any] = []
    monkeypatch.setattr(gate, "display", things.append)
    return things


def test_the_card_holds_all_that_a_person_needs_to_decide() -> None:
    html = gate_html(FILED)
    places = [html.index(part) for part in ("0.1 % &lt; 1 %", "May 1 % go?", "1 % of the users go", "06_rollback")]
    assert places == sorted(places)  # the evidence first
    for part in ("anna, ben", "1 needed", "2026-11-20T13:00", "pending", "gray_stage-1-x"):
        assert part in html


def test_what_people_and_files_say_is_text_and_not_html() -> None:
    html = gate_html({**FILED, "answers": [ANSWER]})
    for tag in ("<script>", "<i>", "go? <b>"):
        assert tag not in html
    assert "&lt;i&gt;go&lt;/i&gt;" in html


@pytest.mark.parametrize("state", ["approved", "rejected", "expired", "used"])
def test_what_does_not_wait_has_no_buttons(shown: list[Any], state: str) -> None:
    show_gate({**FILED, "state": state}, lambda *_: None)
    assert len(shown) == 1


def _widgets(shown: list[Any]) -> tuple[Any, Any, Any, Any, Any]:
    (who, why), (yes, no), state = (getattr(row, "children", row) for row in shown[1].children)
    return who, why, yes, no, state


@pytest.mark.parametrize(("button", "answer"), [(2, "approved"), (3, "rejected")])
def test_a_button_files_the_answer_once_with_the_name_and_the_reason(
    shown: list[Any], button: int, answer: str
) -> None:
    said: list[tuple[str, str, str]] = []
    show_gate(FILED, lambda *what: said.append(what))
    widgets = _widgets(shown)
    widgets[0].value, widgets[1].value = "ben", "seen it"
    widgets[button].click()
    assert said == [(answer, "ben", "seen it")]
    assert widgets[2].disabled
    assert widgets[3].disabled
    assert "run this cell again" in widgets[4].value


def test_a_refused_answer_is_told_and_may_be_given_again(shown: list[Any]) -> None:
    def refuse(*_: str) -> None:
        raise BadParameters("an answer needs a <reason>")

    show_gate(FILED, refuse)
    widgets = _widgets(shown)
    widgets[2].click()
    assert widgets[4].value == "an answer needs a &lt;reason&gt;"
    assert not widgets[2].disabled


def test_only_those_who_may_answer_are_offered(shown: list[Any]) -> None:
    show_gate(FILED, lambda *_: None)
    assert _widgets(shown)[0].options == ("anna", "ben")
