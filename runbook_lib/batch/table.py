"""A batch in lines for people: who goes when, where each member stands, and what to type next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.batch.order import Graph, users_of, waves
from runbook_lib.batch.standing import Stand


@dataclass(frozen=True)
class Row:
    """One member: ``turn`` counts from 1, ``after`` must be back before it, ``following`` is what to type."""

    turn: int
    member: str
    after: str
    state: str
    following: str


def rows(depends_on: Graph, stands: Mapping[str, Stand], files: Mapping[str, str], file: str, level: str) -> list[Row]:
    """The members in the order in which they go back; ``files`` are their parameters, ``file`` is the batch's."""
    before = users_of(depends_on)
    return [
        Row(
            number,
            name,
            ", ".join(sorted(before[name])),
            stands[name].text,
            _following(stands[name], files.get(name, name), file, level),
        )
        for number, wave in enumerate(waves(before), 1)
        for name in wave
    ]


def _following(stand: Stand, parameters: str, file: str, level: str) -> str:
    if stand.state == "back":
        return ""
    resume = f"runbook batch resume {file}"
    if stand.state == "failed":
        return f"mend that, then: {resume}"
    if stand.state == "waiting":
        others = ", ".join(stand.waits_for)
        further = f" --level {level}" if level != "traffic" else ""
        return f"{resume} when {others} can go; without {others}: runbook rollback {parameters}{further}"
    return resume
