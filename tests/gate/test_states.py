"""What answers come to: a table of every state, and rules that hold whatever is said in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runbook_lib.gate.states import (
    KINDS,
    Answer,
    Gate,
    Question,
    Use,
    approvals,
    holds,
    may_go_on,
    refusal,
    rejection,
    state_of,
)
from runbook_lib.gate.words import standing

OPENED = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
DURING, AFTER = OPENED + timedelta(minutes=5), OPENED + timedelta(hours=1)
USED = Use("run-1", 1, "olga", "2026-11-21T02:06:00Z", ())


def question(people: int = 1) -> Question:
    return Question(
        id="gray_stage-1-x",
        application="order-service",
        phase="gray_stage",
        stage=1,
        run="run-1",
        attempt=1,
        initiator="olga",
        question="May 1 % go?",
        on_yes="1 % of the users go",
        way_back="06_rollback",
        verdicts=({"name": "errors", "outcome": "PASS", "message": "0.1 % < 1 %"},),
        evidence_digest="e",
        parameters_digest="p",
        role="approver",
        approvers=("anna", "ben", "chloe"),
        people=people,
        opened_at=OPENED,
        expires_at=OPENED + timedelta(hours=1),
    )


def answers(text: str) -> tuple[Answer, ...]:
    """``"anna approved, bad, ben held"``; bad is an answer that cannot be trusted."""
    words = [part.split() for part in text.split(",") if part.strip()]
    return tuple(_answer(number, *word) for number, word in enumerate(words, 1))


def _answer(number: int, by: str, kind: Any = "withdrawn") -> Answer:
    return Answer(
        number, kind, by, "because", "2026-11-21T02:05:00Z", "SHA256:x", f"sha-{number}", by.count("bad") * "?"
    )


def gate(text: str, people: int = 1, used: Use | None = None, at: datetime = DURING) -> Gate:
    asked, said = question(people), answers(text)
    return Gate(asked, "sha", said, used, state_of(asked, said, used, at))


@pytest.mark.parametrize(
    ("said", "people", "used", "at", "state"),
    [
        ("", 1, None, DURING, "pending"),
        ("", 1, None, AFTER, "expired"),
        ("anna approved", 1, None, DURING, "approved"),
        ("anna approved", 1, None, AFTER, "expired"),
        ("anna approved", 1, USED, DURING, "used"),
        ("anna approved", 1, USED, AFTER, "used"),
        ("anna approved", 2, None, DURING, "pending"),
        ("anna approved, anna approved", 2, None, DURING, "pending"),
        ("anna approved, ben approved", 2, None, DURING, "approved"),
        ("anna approved, ben approved, chloe held", 2, None, DURING, "held"),
        ("anna approved, ben rejected", 2, None, DURING, "rejected"),
        ("ben rejected", 1, None, AFTER, "rejected"),
        ("ben rejected, anna approved", 1, None, DURING, "rejected"),
        ("ben rejected, ben withdrawn, anna approved", 1, None, DURING, "rejected"),
        ("anna approved, ben rejected", 1, None, DURING, "rejected"),
        ("anna held", 1, None, DURING, "held"),
        ("anna held", 1, None, AFTER, "expired"),
        ("anna held, ben approved", 1, None, DURING, "held"),
        ("anna held, anna withdrawn", 1, None, DURING, "pending"),
        ("anna held, ben approved, anna withdrawn", 1, None, DURING, "approved"),
        ("anna held, anna approved", 1, None, DURING, "approved"),
        ("anna held, ben withdrawn", 1, None, DURING, "held"),
        ("anna approved, anna held", 1, None, DURING, "held"),
        ("anna approved, anna held, anna withdrawn", 1, None, DURING, "pending"),
        ("anna approved, anna withdrawn", 1, None, DURING, "pending"),
        ("anna approved, anna withdrawn, anna approved", 1, None, DURING, "approved"),
        ("bad", 1, None, DURING, "pending"),
        ("bad approved", 1, None, DURING, "pending"),
        ("bad rejected", 1, None, DURING, "pending"),
        ("anna approved, bad", 1, None, DURING, "pending"),  # who knows what it said: perhaps no
        ("bad, anna approved", 1, None, DURING, "approved"),  # she has seen it
        ("anna held, bad, ben approved", 1, None, DURING, "held"),
        ("ben rejected, bad, anna approved", 1, None, DURING, "rejected"),
        ("anna approved, bad, ben approved", 2, None, DURING, "pending"),
    ],
)
def test_the_answers_come_to_one_state(said: str, people: int, used: Use | None, at: datetime, state: str) -> None:
    assert gate(said, people, used, at).state == state


@pytest.mark.parametrize(
    ("said", "kind", "by", "at", "says"),
    [
        ("", "approved", "anna", DURING, ""),
        ("", "approved", "olga", DURING, "olga asked gray_stage-1-x and may not answer it; somebody else must"),
        ("", "held", "olga", DURING, "olga asked"),
        ("", "approved", "anna", AFTER, "expired at 2026-11-21 03:00:00 UTC; run the stage again"),
        ("", "approved", "anna", OPENED - timedelta(minutes=3), "the clock here says 2026-11-21 01:57:00 UTC, before"),
        ("", "withdrawn", "anna", DURING, "anna has no answer to gray_stage-1-x that could be withdrawn"),
        ("ben approved", "withdrawn", "anna", DURING, "anna has no answer"),
        ("anna approved", "withdrawn", "anna", DURING, ""),
        ("anna held", "withdrawn", "anna", DURING, ""),
        ("anna rejected", "withdrawn", "anna", DURING, "is already rejected"),
        ("anna rejected", "approved", "ben", DURING, "is already rejected"),
        ("anna approved", "approved", "anna", DURING, "anna has already answered gray_stage-1-x: approved, because"),
        ("anna approved", "approved", "ben", DURING, ""),
        ("anna approved", "rejected", "ben", DURING, ""),
        ("anna approved", "held", "anna", DURING, ""),
        ("anna held", "held", "anna", DURING, "anna has already answered"),
        ("anna approved, bad", "approved", "anna", DURING, ""),
    ],
)
def test_what_can_be_said_by_whom_and_when(said: str, kind: Any, by: str, at: datetime, says: str) -> None:
    found = refusal(gate(said, at=at), kind, by, at)
    assert (found == "") == (says == "") and says in found


@pytest.mark.parametrize("kind", KINDS)
def test_a_used_gate_takes_nothing_more(kind: Any) -> None:
    assert "already used" in refusal(gate("anna approved", used=USED), kind, "anna", DURING)


@pytest.mark.parametrize(
    ("said", "people", "runner", "goes_on"),
    [
        ("", 1, "olga", False),
        ("anna held", 1, "olga", False),
        ("anna approved", 1, "olga", True),
        ("anna approved", 1, "anna", False),
        ("anna approved, ben approved", 1, "anna", True),
        ("anna approved, ben approved", 2, "anna", False),
        ("anna rejected", 1, "olga", True),  # it goes on to say so
    ],
)
def test_a_runner_waits_until_somebody_else_has_decided(said: str, people: int, runner: str, goes_on: bool) -> None:
    assert may_go_on(gate(said, people), runner) is goes_on


spoken = some.tuples(some.sampled_from(["anna", "ben", "chloe", "bad"]), some.sampled_from(KINDS))


@given(some.lists(spoken, max_size=12), some.integers(1, 3))
def test_whatever_is_said_in_whatever_order_the_rules_hold(said: list[tuple[str, Any]], people: int) -> None:
    asked = question(people)
    all_said = tuple(_answer(number, by, kind) for number, (by, kind) in enumerate(said, 1))
    state = state_of(asked, all_said, None, DURING)
    good = [a for a in all_said if not a.problem]
    last = {a.by: a for a in good}
    if state == "approved":
        yes = {by for by, a in last.items() if a.kind == "approved"}
        assert len(yes) >= people  # enough distinct people, and each one's last word was yes
        bad = max((a.number for a in all_said if a.problem), default=0)
        assert len({by for by in yes if last[by].number > bad}) >= people
        assert not any(a.kind == "held" for a in last.values())
    assert (state == "rejected") == any(a.kind == "rejected" for a in good)  # a no is final and wins
    if state != "rejected":
        assert (state == "held") == any(a.kind == "held" for a in last.values())
    assert state_of(asked, all_said, None, AFTER) in {"rejected", "expired"}


@given(some.lists(spoken, max_size=8), spoken, some.integers(1, 2))
def test_an_answer_that_is_not_trusted_never_brings_a_yes_nearer(
    said: list[tuple[str, Any]], forged: tuple[str, Any], people: int
) -> None:
    before = tuple(_answer(number, by, kind) for number, (by, kind) in enumerate(said, 1))
    bad = replace(_answer(len(said) + 1, *forged), problem="forged")
    assert len(approvals([*before, bad])) <= len(approvals(before))
    assert holds([*before, bad]) == holds(before)
    assert rejection([*before, bad]) == rejection(before)


@pytest.mark.parametrize(
    ("said", "people", "used", "at", "says"),
    [
        ("", 1, None, DURING, "Waits for one approval of anna, ben, chloe."),
        ("anna approved", 3, None, DURING, "Waits for 2 approvals of ben, chloe, anna approved."),
        (
            "anna held",
            1,
            None,
            DURING,
            "Held by anna (because). Approvals do not carry until anna withdraws the hold, approves or rejects.",
        ),
        ("anna approved", 1, None, DURING, "Approved by anna. Go on."),
        ("anna rejected", 1, None, DURING, "Rejected by anna: because. This is final"),
        ("", 1, None, AFTER, "Expired at 2026-11-21 03:00:00 UTC, nothing was done."),
        ("anna approved", 1, USED, DURING, "Approved by anna, and used by attempt 1, run by olga."),
    ],
)
def test_every_state_is_a_sentence(said: str, people: int, used: Use | None, at: datetime, says: str) -> None:
    assert standing(gate(said, people, used, at), "Go on.").startswith(says)
