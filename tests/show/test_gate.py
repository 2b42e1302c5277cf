"""A gate as a person sees it: evidence, question, what follows, the way back, and a form while it can be answered."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runbook_lib.errors import BadParameters
from runbook_lib.gate.states import Answer, Gate, Question, Use, state_of
from runbook_lib.show import gate as shown_by
from runbook_lib.show.gate import gate_html, show_gate
from runbook_lib.show.verdicts import COLOURS

NOW = datetime.now(UTC)
ASKED = Question(
    id="gray_stage-1-x",
    application="order-service",
    phase="gray_stage",
    stage=1,
    run="run-1",
    attempt=1,
    initiator="olga",
    question="May 1 % go? <b>",
    on_yes="1 % of the users go",
    way_back="06_rollback",
    verdicts=(
        {"name": "errors", "outcome": "PASS", "message": "0.1 % < 1 % & <script>"},
        {"name": "memory", "outcome": "INCONCLUSIVE", "message": "not known"},
    ),
    evidence_digest="e",
    parameters_digest="p",
    role="approver",
    approvers=("anna", "ben"),
    people=1,
    opened_at=NOW - timedelta(minutes=2),
    expires_at=NOW + timedelta(minutes=58, seconds=30),
)
WAY, THEN = "runbook approve gray_stage-1-x --reason WHY", "Run this cell again."


def gate(*said: Answer, asked: Question = ASKED, used: Use | None = None) -> Gate:
    return Gate(asked, "sha", said, used, state_of(asked, said, used, NOW))


def answer(by: str, kind: Any = "approved", reason: str = "<i>go</i>", problem: str = "", number: int = 1) -> Answer:
    return Answer(number, kind, by, reason, "2026-11-21T02:05:00Z", "SHA256:x", f"sha-{number}", problem)


class Page(list[Any]):
    """What was displayed, and how the card was changed afterwards."""

    def show(self, thing: Any, display_id: bool = False) -> Page:
        self.append(thing)
        return self

    def update(self, card: Any) -> None:
        self[0] = card


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    shown = Page()
    monkeypatch.setattr(shown_by, "display", shown.show)
    return shown


class Form:
    """The widgets under a card, found by their classes as a style sheet and a browser test find them."""

    def __init__(self, page: Page) -> None:
        self.widgets: list[Any] = []
        self._collect(page[-1])

    def _collect(self, widget: Any) -> None:
        self.widgets.append(widget)
        for child in getattr(widget, "children", ()):
            self._collect(child)

    def __getitem__(self, name: str) -> Any:
        (found,) = (w for w in self.widgets if f"runbook-{name}" in w._dom_classes)
        return found

    def has(self, name: str) -> bool:
        return any(f"runbook-{name}" in w._dom_classes for w in self.widgets)

    @property
    def state(self) -> str:
        return re.sub("<[^>]*>", "", self["state"].value)


Heard = list[tuple[str, str, str]]


def form(page: Page, filed: Gate, heard: Heard, *names: str) -> Form:
    """Show a gate for those whose keys are here; what they say is heard and then stands at the gate."""

    def say(kind: Any, reason: str, name: str) -> Gate:
        heard.append((kind, reason, name))
        return gate(*filed.answers, answer(name, kind, reason, number=9))

    show_gate(filed, names or ("anna", "ben"), say, WAY, THEN)
    return Form(page)


def test_the_card_holds_all_that_a_person_needs_to_decide_the_evidence_first() -> None:
    html = gate_html(gate(), WAY, THEN)
    order = (
        "0.1 % &lt; 1 %",
        "May 1 % go?",
        "1 % of the users go",
        "06_rollback",
        "one person of anna, ben",
        "Waits for",
    )
    places = [html.index(part) for part in order]
    assert places == sorted(places)
    for part in ("(role approver); not olga, who asked", " min left", "gray_stage-1-x", WAY):
        assert part in html


def test_every_colour_has_its_word_and_enough_contrast() -> None:
    html = gate_html(gate(), WAY, THEN)
    assert all(f">{word}</b>" in html for word in ("PASS", "INCONCLUSIVE"))
    for colour in [*COLOURS.values(), *(about[3] for about in shown_by.BUTTONS)]:
        assert contrast(colour, "#ffffff") >= 4.5, colour  # WCAG 2.2, level AA


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2 between two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_what_people_and_files_say_is_text_and_not_html() -> None:
    bad = answer("<b>mallory</b>", problem="<u>forged</u>", number=2)
    asked = replace(ASKED, instead_of="<s>earlier</s>", initiator="<em>olga</em>")
    html = gate_html(gate(answer("anna"), bad, asked=asked), "<kbd>", THEN)
    for tag in ("<script>", "<i>", "go? <b>", "<u>", "<s>", "<em>", "<kbd>"):
        assert tag not in html
    assert "&lt;i&gt;go&lt;/i&gt;" in html
    assert "Not trusted:</b> answer 2 does not count: &lt;u&gt;forged" in html


EXPIRED = replace(ASKED, expires_at=NOW - timedelta(seconds=1))
USE = Use("run-1", 1, "olga", "2026-11-21T02:06:00Z", ("sha-1",))


@pytest.mark.parametrize(
    "filed", [gate(answer("anna", "rejected")), gate(asked=EXPIRED), gate(answer("anna"), used=USE)]
)
def test_what_takes_no_answer_any_more_has_no_form(page: Page, filed: Gate) -> None:
    show_gate(filed, ["anna"], lambda *_: filed, WAY, THEN)
    assert len(page) == 1


def test_where_nobody_sits_there_is_no_form(page: Page) -> None:
    show_gate(gate(), (), None, WAY, THEN)
    assert len(page) == 1
    assert WAY in page[0].data


def test_without_a_key_it_says_so_and_where_to_answer_instead(page: Page) -> None:
    show_gate(gate(), (), lambda *_: gate(), WAY, THEN)
    shown = Form(page)
    assert "No key is at hand here that may answer as approver (anna, ben; not olga, who asked)" in shown.state
    assert WAY in shown.state
    assert not shown.has("approve")


@pytest.mark.parametrize(
    ("button", "kind"), [("approve", "approved"), ("reject", "rejected"), ("hold", "held"), ("withdraw", "withdrawn")]
)
def test_a_button_files_the_answer_with_the_name_and_the_reason_and_says_what_follows(
    page: Page, button: str, kind: str
) -> None:
    heard: Heard = []
    shown = form(page, gate(answer("ben", "held" if kind == "withdrawn" else "withdrawn")), heard)
    shown["sign-as"].value, shown["reason"].value = "ben", "seen it"
    shown[button].click()
    assert heard == [(kind, "seen it", "ben")]
    assert shown.state.startswith(f"ben {kind} at 2026-11-21 02:05:00 UTC. ")
    assert "seen it" in page[0].data  # the card above says the same now
    assert (THEN in shown.state) is (kind == "approved")


def test_a_refused_answer_is_told_and_may_be_given_again(page: Page) -> None:
    def refuse(*_: str) -> Gate:
        raise BadParameters("an answer needs a <reason>")

    show_gate(gate(), ["anna"], refuse, WAY, THEN)
    shown = Form(page)
    shown["approve"].click()
    assert "Not filed: an answer needs a &lt;reason&gt;" in shown["state"].value
    assert not shown["approve"].disabled


@pytest.mark.parametrize(
    ("said", "who", "off"),
    [
        ((), "anna", {"withdraw"}),
        (("anna approved",), "anna", {"approve"}),
        (("anna approved",), "ben", {"withdraw"}),
        (("anna held",), "anna", {"hold"}),
    ],
)
def test_only_what_can_be_said_by_who_is_chosen_can_be_pressed(
    page: Page, said: tuple[str, ...], who: str, off: set[str]
) -> None:
    filed = gate(*(answer(*word.split()) for word in said))
    shown = form(page, filed, [])
    shown["sign-as"].value = who
    assert {name for name in ("approve", "reject", "hold", "withdraw") if shown[name].disabled} == off
    assert all(shown[name].tooltip for name in ("approve", "reject", "hold", "withdraw"))


def test_only_those_whose_keys_are_here_are_offered_in_the_order_of_the_keyboard(page: Page) -> None:
    shown = form(page, gate(), [], "ben")
    assert shown["sign-as"].options == ("ben",)
    named = [next((c for c in w._dom_classes if c.startswith("runbook-")), "") for w in shown.widgets]
    reached = [name for name in named if name and name != "runbook-answer"]
    order = ["sign-as", "reason", "approve", "reject", "hold", "withdraw", "state"]
    assert reached == [f"runbook-{name}" for name in order]
    assert shown["sign-as"].description == "Sign as" and shown["reason"].description == "Reason"
    assert "role='status'" in shown["state"].value
