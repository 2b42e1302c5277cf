"""The record and the note beside it: read together, changed in one update, read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dns.exception
import dns.name

from runbook_lib.act.traffic.dns import records
from runbook_lib.act.traffic.dns.records import Note
from runbook_lib.act.traffic.dns.server import NotAnswered, RecordSet, Server, quoted, strings
from runbook_lib.errors import BadParameters, Busy, ChangeFailed, RunbookError, Unreachable
from runbook_lib.sections.traffic import Dns

KEPT = 10
"""So many TTLs nothing of a side is taken away: some resolvers hold answers for longer than they may."""
SLACK = timedelta(seconds=2)
"""Moments in a note are whole seconds, rounded up."""


@dataclass(frozen=True)
class State:
    """What the primary holds; ``note`` is None when there is none that can be read."""

    record: RecordSet
    beside: RecordSet
    note: Note | None
    ttl: int
    weight: int
    priority: int


def look(knob: Dns, server: Server) -> State:
    """What stands now; BadParameters when there is no record, or none whose share is clear."""
    name, beside = _names(knob, server.zone)
    record, text = server.ask(name, knob.record), server.ask(beside, "TXT")
    if record.ttl is None:
        raise BadParameters(f"{server.zone} has no {knob.record} {name}; create it with what the old side has")
    note = records.read_note(strings(next(iter(text.records)))) if len(text.records) == 1 else None
    priority = records.priority_of(knob, record.records)
    return State(record, text, note, record.ttl, records.standing_weight(knob, record.records, note), priority)


def write(knob: Dns, server: Server, state: State, wanted: frozenset[str], ttl: int, asked: int) -> Note:
    """One update, and what stands then; Busy when somebody else was there first, ChangeFailed when it does not show."""
    note = _next_note(knob, state, asked)
    target = RecordSet(state.record.name, knob.record, wanted, ttl)
    text = frozenset({quoted(records.write_note(note))})
    beside = RecordSet(state.beside.name, "TXT", text, int(knob.ttl.total_seconds()))
    late = ""
    try:
        server.replace([state.record, state.beside], [target, beside])
    except NotAnswered as error:
        late = f"{error}; "
    except Busy:
        raise
    except RunbookError as error:
        stands = f"{target.name} is as it was, {state.weight} % of the users are on the new side"
        raise ChangeFailed(f"{error}; {stands}") from None
    _require_shown(server, state, target, late)
    return note


def may_write(server: Server, state: State) -> None:
    """BadParameters when we may not: what stands is written once more, which changes nothing."""
    try:
        server.replace([state.record, state.beside], [state.record, state.beside])
    except Busy:
        return  # it is let in, and somebody else is at work
    except ChangeFailed as error:
        raise BadParameters(str(error)) from None
    except NotAnswered as error:
        raise Unreachable(str(error)) from None


def _names(knob: Dns, zone: dns.name.Name) -> tuple[dns.name.Name, dns.name.Name]:
    try:
        full = dns.name.from_text(knob.name)
        name = full if full.is_subdomain(zone) else dns.name.from_text(knob.name, zone)
        return name, dns.name.from_text("_runbook", name)
    except dns.exception.DNSException:
        raise BadParameters(f"traffic.knob.name: {knob.name!r} is no name within {zone}") from None


def _require_shown(server: Server, before: State, target: RecordSet, late: str) -> None:
    """ChangeFailed unless the record is what was written; ``late`` says why that is not sure."""
    command = f"look with: dig @{server.address} -p {server.port} {target.name} {target.type}"
    try:
        found = server.ask(target.name, target.type)
    except RunbookError as error:
        raise ChangeFailed(f"{late}it is not known whether {target.name} was changed ({error}); {command}") from None
    if (_fold(found.records), found.ttl) == (_fold(target.records), target.ttl):
        return
    if found == before.record:
        raise ChangeFailed(f"{late}{target.name} is as it was, though the update may still come late; {command}")
    holds = f"{late}{target.name} holds {', '.join(sorted(found.records)) or 'nothing'} after it was written"
    raise ChangeFailed(f"{holds}: somebody else changes it; {command}")


def _next_note(knob: Dns, state: State, asked: int) -> Note:
    """What stands is handed out until the update is done, and then held for one TTL more."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    # where nobody noted it, the TTL may have been lowered a moment ago
    ttl = state.ttl if state.note else max(state.ttl, int(knob.usual_ttl.total_seconds()))
    held = at + timedelta(seconds=ttl) + knob.timeout
    return records.later(state.note, asked, held, at + KEPT * timedelta(seconds=ttl))


def _fold(texts: frozenset[str]) -> frozenset[str]:
    return frozenset(text.lower() for text in texts)
