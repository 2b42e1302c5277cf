"""A question, what people said to it, and what follows: pure, so that every state can be replayed from the files.

The answers are read in the order of their numbers. Of each person the last one stands. A rejection is final, a hold
keeps approvals from carrying, and a withdrawal takes one's own approval or hold back. An answer that cannot be trusted
never counts, and since nobody knows what it said, the approvals before it do not count either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["approved", "rejected", "held", "withdrawn"]
State = Literal["pending", "held", "approved", "rejected", "expired", "used", "unreadable"]
KINDS: tuple[Kind, ...] = ("approved", "rejected", "held", "withdrawn")
WAITING: tuple[State, ...] = ("pending", "held")


@dataclass(frozen=True)
class Question:
    """What is asked, as it was filed; ``initiator`` is who asked, ``approvers`` who might answer at that time.

    ``instead_of`` names the gate whose place it takes, and why that one no longer counts.
    """

    id: str
    application: str
    phase: str
    stage: int | None
    run: str
    attempt: int
    initiator: str
    question: str
    on_yes: str
    way_back: str
    verdicts: tuple[dict[str, Any], ...]
    evidence_digest: str
    parameters_digest: str
    role: str
    approvers: tuple[str, ...]
    people: int
    opened_at: datetime
    expires_at: datetime
    instead_of: str = ""

    @property
    def criteria(self) -> tuple[str, ...]:
        """The names of what was judged; an approval is for these and no others."""
        return tuple(sorted(str(verdict["name"]) for verdict in self.verdicts))


@dataclass(frozen=True)
class Answer:
    """What somebody said; with a ``problem`` it does not count, and ``by`` is only what the file claims."""

    number: int
    kind: Kind
    by: str
    reason: str
    at: str
    key: str
    sha256: str
    problem: str = ""


@dataclass(frozen=True)
class Use:
    """Who went on with the approvals, and with which answers before them."""

    run: str
    attempt: int
    by: str
    at: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """A question with everything that was said to it so far, and the state that follows."""

    asked: Question
    digest: str
    answers: tuple[Answer, ...]
    used: Use | None
    state: State
    problem: str = ""

    @property
    def id(self) -> str:
        return self.asked.id

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each thing in the files that cannot be trusted."""
        bad = (f"answer {a.number} does not count: {a.problem}" for a in self.answers if a.problem)
        return (*((self.problem,) if self.problem else ()), *bad)


def state_of(asked: Question, answers: Iterable[Answer], used: Use | None, at: datetime) -> State:
    """What the answers come to at that time."""
    answers = tuple(answers)
    if rejection(answers) is not None:
        return "rejected"
    if used is not None:
        return "used"
    if at >= asked.expires_at:
        return "expired"
    if holds(answers):
        return "held"
    return "approved" if len(approvals(answers)) >= asked.people else "pending"


def rejection(answers: Iterable[Answer]) -> Answer | None:
    """The first no that counts."""
    return next((a for a in answers if a.kind == "rejected" and not a.problem), None)


def holds(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """The holds that stand."""
    return tuple(a for a in _standing(answers).values() if a.kind == "held")


def approvals(answers: Iterable[Answer], but: Collection[str] = ()) -> tuple[Answer, ...]:
    """The approvals that stand, each of another person; those of ``but`` are left out."""
    return tuple(a for a in _standing(answers).values() if a.kind == "approved" and a.by not in but)


def may_go_on(gate: Gate, runner: str) -> bool:
    """True when nobody's answer is awaited any more: it was given by enough people who do not run it themselves."""
    if gate.state == "approved":
        return len(approvals(gate.answers, but=[runner])) >= gate.asked.people
    return gate.state not in WAITING


def refusal(gate: Gate, kind: Kind, by: str, at: datetime) -> str:
    """Why that person cannot say that now, in one sentence; empty when nothing speaks against it."""
    asked, mine = gate.asked, _standing(gate.answers).get(by)
    if by == asked.initiator:
        return f"{by} asked {asked.id} and may not answer it; somebody else must"
    if gate.state in {"rejected", "used", "unreadable"}:
        return f"{asked.id} is already {gate.state}"
    if gate.state == "expired":
        return f"{asked.id} expired at {moment(asked.expires_at)}; run the stage again to ask anew"
    if at < asked.opened_at:
        return f"the clock here says {moment(at)}, before {asked.id} was asked ({moment(asked.opened_at)}); set it"
    if kind == "withdrawn" and mine is None:
        return f"{by} has no answer to {asked.id} that could be withdrawn"
    if mine is not None and mine.kind == kind:
        return f"{by} has already answered {asked.id}: {kind}, {mine.reason}"
    return ""


def moment(at: datetime) -> str:
    """A time as a person reads it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _standing(answers: Iterable[Answer]) -> dict[str, Answer]:
    """The last word of each person that was not taken back."""
    stands: dict[str, Answer] = {}
    for answer in answers:
        if answer.problem:
            stands = {by: a for by, a in stands.items() if a.kind != "approved"}
        elif answer.kind == "withdrawn":
            stands.pop(answer.by, None)
        else:
            stands[answer.by] = answer
    return stands
