"""What happened in one attempt, in order of time: its begin, questions, answers, changes and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.pages.questions import Asked
from runbook_lib.pages.shape import mappings, text
from runbook_lib.pages.words import exit_words, instant, short


@dataclass(frozen=True)
class Moment:
    """One thing that happened; ``kind`` is how it is drawn."""

    at: str
    kind: str
    said: str
    before: str | None = None
    after: str | None = None
    more: str = ""


def moments(facts: dict[str, Any], gates: Sequence[Asked], since: str) -> list[Moment]:
    """Start, questions, answers, changes and end, in order of time; answers that came after ``since``."""
    ended = instant(facts.get("ended"))
    opened = [text(one.get("gate")) for one in mappings(facts.get("gates")) if one.get("event") == "gate_opened"]
    found = [_change(one) for one in mappings(facts.get("changes"))]
    found += [
        Moment(instant(one.get("at")), "found", text(one.get("said"))) for one in mappings(facts.get("recovered"))
    ]
    for gate in gates:
        if gate.id in opened:
            found.append(Moment(gate.opened, "asked", f"Asked: {gate.question}", more=f"#{gate.anchor}"))
        said = [answer for answer in gate.answers if since < answer.at <= ended]
        found += [Moment(one.at, "answer", f"{one.by} {one.word}: “{one.reason}”") for one in said]
    first = Moment(instant(facts.get("started")), "edge", "Begun")
    code = facts.get("exit_code")
    exit_code = f"exit code {code}: {exit_words(code)}" if isinstance(code, int) else ""
    last = Moment(ended, "edge", "Ended", more=exit_code)
    return [*sorted([first, *found], key=lambda one: one.at), last]


def _change(one: dict[str, Any]) -> Moment:
    what, at, note = text(one.get("what")), instant(one.get("at")), text(one.get("note"))
    if not one.get("done"):
        return Moment(at, "kept", what, more=note or "nothing to change: it was right already")
    before, after = one.get("before"), one.get("after")
    if isinstance(before, dict) and isinstance(after, dict):  # what stayed the same would hide what did not
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        before, after = ({key: side[key] for key in keys if key in side} for side in (before, after))
    return Moment(at, "change", what, short(before), short(after), note)
