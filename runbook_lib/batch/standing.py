"""Where each member of a batch stands: a fold over the journals of its attempts, nothing is remembered elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from runbook_lib.batch.order import Graph, waiting
from runbook_lib.model import Event

State = Literal["untouched", "in the middle", "users back", "back", "failed", "waiting"]
BEGUN, MEMBER = "batch", "member"
"""Kinds of events: what the batch was begun as, and how a member ended."""


@dataclass(frozen=True)
class Stand:
    """One member: ``said`` is why it failed or how it ended, ``run`` its own attempt, ``waits_for`` the failed ones."""

    state: State = "untouched"
    said: str = ""
    run: str = ""
    confirmed: bool = False
    waits_for: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The state in words: ``failed: nginx.conf cannot be read``."""
        if self.state == "waiting":
            return f"{self.said}waiting for {', '.join(self.waits_for)}"
        if self.state == "in the middle":
            return "in the middle: what was begun is looked at by resume"
        if self.state == "users back":
            return "users back, not on record yet"
        if self.state == "back":
            return f"back, {'seen in the requests' if self.confirmed else 'not confirmed by the requests'}"
        return f"{self.state}: {self.said}" if self.said else self.state


@dataclass(frozen=True)
class Transaction:
    """One rollback of a batch over all its attempts, as its journals tell it."""

    level: str
    reason: str
    file: str
    depends_on: Mapping[str, Collection[str]]
    stands: Mapping[str, Stand]
    over: bool

    def of(self, state: State) -> list[str]:
        """The members in that state."""
        return [name for name, stand in self.stands.items() if stand.state == state]


def fold(names: Iterable[str], events: Iterable[Event]) -> dict[str, Stand]:
    """Each member's state from the events of all attempts, oldest first; who was held up is told by `held_up`."""
    stands = {name: Stand() for name in names}
    for event in events:
        name = event.data.get("member")
        if name in stands:
            stands[name] = _after(stands[name], event.kind, event.data)
    return stands


def held_up(stands: Mapping[str, Stand], before: Graph, level: str) -> dict[str, Stand]:
    """The same, with those that wait for a member that failed; ``before`` says who must be back before whom.

    Beyond the traffic a member whose users are back waits, too: its workload is what others still use.
    """
    known = {name: needs for name, needs in before.items() if name in stands}
    through = ("back", "in the middle", *(("users back",) if level == "traffic" else ()))
    gone = [name for name, stand in stands.items() if stand.state in through]
    failed = [name for name, stand in stands.items() if stand.state == "failed"]
    held = waiting(known, gone, failed)
    return {name: _waits(stand, held[name]) if name in held else stand for name, stand in stands.items()}


def _waits(stand: Stand, causes: tuple[str, ...]) -> Stand:
    said = "its users are back; the rest is " if stand.state == "users back" else ""
    return replace(stand, state="waiting", said=said, waits_for=causes)


def _after(stand: Stand, kind: str, data: Mapping[str, Any]) -> Stand:
    if kind == "intent":
        return Stand("in the middle")
    if kind == "result" and data.get("change") is None:
        return Stand("failed", str(data.get("message", "")))
    if kind == "result":
        return Stand("users back")
    if kind == MEMBER:
        run, said = str(data.get("run", "")), str(data.get("message", ""))
        return Stand("failed" if data.get("exit_code") else "back", said, run, bool(data.get("confirmed")))
    return stand
