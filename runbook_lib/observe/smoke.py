"""Asks the new side before any user does: smoke cases against each Pod and the Service."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.observe.reach import Reply, Sender, Target
from runbook_lib.sections import SmokeCase

_ABSENT = object()


@dataclass(frozen=True)
class Answer:
    """What one target said to one case; ``status`` is None when nothing came back. The body itself is not kept.

    ``wrong`` says what of the body and the headers is not as expected, ``unasked`` why the case was not sent.
    """

    target: str
    case: str
    expected: int
    status: int | None
    body_as_expected: bool
    seconds: float
    within: float
    error: str = ""
    way: str = "direct"
    wrong: tuple[str, ...] = ()
    unasked: str = ""


def smoke(sender: Sender, targets: Sequence[Target], cases: Sequence[SmokeCase]) -> list[Answer]:
    """Every case that does not write against every target, in order; each target begins without cookies."""
    answers = []
    for target in targets:
        cookies: dict[str, str] = {}
        for case in cases:
            if not case.writes:
                reply = sender.send(target, case, case.within.total_seconds() + 5, cookies)
                cookies |= reply.cookies
                answers.append(judged(target, case, reply))
    return answers


def ask(sender: Sender, target: Target, case: SmokeCase) -> Answer:
    """One case against one target."""
    return judged(target, case, sender.send(target, case, case.within.total_seconds() + 5))


def first_answer(sender: Sender, target: Target, case: SmokeCase, patience: float) -> float | None:
    """Seconds until a target gives the expected status for the first time; None when patience is over.

    A gateway hears of new endpoints after the cluster does: it gets this time before it is judged.
    """
    started = time.monotonic()
    while time.monotonic() - started < patience:
        if ask(sender, target, case).status == case.status:
            return time.monotonic() - started
        time.sleep(0.2)
    return None


def unsent(target: str, case: SmokeCase, why: str) -> Answer:
    """The answer to a case that nobody was asked."""
    return Answer(target, case.name, case.status, None, False, 0.0, case.within.total_seconds(), unasked=why)


def judged(target: Target, case: SmokeCase, reply: Reply) -> Answer:
    """The reply held against what the case expects; of what was found nothing is repeated."""
    found = reply.json if case.body_values else None
    wrong = [
        f"{path} is not {expected!r}"
        for path, expected in case.body_values.items()
        if not _same(value_at(found, path), expected)
    ]
    for name, part in case.header_contains.items():
        if not any(part.lower() in value.lower() for value in reply.all(name)):
            wrong.append(f"header {name} does not contain {part!r}")
    contained = case.body_contains in reply.text
    return Answer(
        target.name,
        case.name,
        case.status,
        reply.status,
        contained,
        reply.seconds,
        case.within.total_seconds(),
        reply.error,
        target.way,
        tuple(wrong) if reply.status is not None else (),
        reply.unasked,
    )


def _same(found: Any, expected: Any) -> bool:
    """Equal, and a number is no truth value: 1 is not true."""
    return found is not _ABSENT and found == expected and isinstance(found, bool) == isinstance(expected, bool)


def value_at(value: Any, path: str) -> Any:
    """What stands at ``orders.0.side``; something that equals nothing when there is no such place."""
    for step in path.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _ABSENT
    return value
