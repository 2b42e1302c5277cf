"""DNS: the share of the users is what a record holds, and they follow it as slowly as their resolvers forget.

Every change is one RFC 2136 update that the server carries out only if the record is exactly what was read. Beside the
record stands a TXT record, _runbook.<name>, changed in the same update. It says until when resolvers may hold what
stood before: nothing else does. A zone's serial is no time, records of a run are on one machine, and whoever rolls
back or takes machines away may be on another one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from runbook_lib.act.traffic.dns import records
from runbook_lib.act.traffic.dns.records import Note
from runbook_lib.act.traffic.dns.server import server_of
from runbook_lib.act.traffic.dns.state import SLACK, State, look, may_write, write
from runbook_lib.act.traffic.standing import Standing
from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, Busy, ChangeFailed, Held
from runbook_lib.model import Change, now
from runbook_lib.sections.traffic import Dns

_TRIES = 5


def read(knob: Dns, clients: Clients) -> Standing:
    """What the primary server says; BadParameters when it is unclear, Unreachable when it does not answer."""
    state = look(knob, server_of(knob, clients))
    held = {"records": sorted(state.record.records), "ttl": state.ttl, "weight": state.weight}
    return Standing(state.weight, False, held)


def shift(knob: Dns, clients: Clients, weight: int, expected: int | None = None) -> Change:
    """Send the share nearest to ``weight`` percent that the record can make to the Kubernetes side.

    Forward only while no resolver may hold an answer that is older than the TTL says: Held until then. A way back
    never waits, and one to 0 is tried again when somebody else changes the record at the same moment.
    """
    server = server_of(knob, clients)
    for left in reversed(range(1 if weight else _TRIES)):
        state = look(knob, server)
        if weight and expected not in (None, state.weight):
            moved = f"somebody else moved the users from {expected} % to {state.weight} % since it was read"
            raise ChangeFailed(f"{moved}; nothing was changed")
        if state.weight == weight:
            return Change("traffic weight", weight, weight, False, now(), _following(state.note))
        wanted = records.planned(knob, weight, state.priority)
        if weight > state.weight:
            _require_short_ttl(knob, state)
        try:
            note = write(knob, server, state, wanted, state.ttl, weight)
        except Busy as error:
            if left:
                continue
            raise _overtaken(error) from None
        return Change("traffic weight", state.weight, weight, True, now(), _made(knob, wanted, weight, note))
    raise AssertionError("the last try returns or raises")


def restore(knob: Dns, clients: Clients, held: Any) -> Change:
    """Put back the records and the TTL that a Standing held; the note beside them keeps telling of older answers."""
    server = server_of(knob, clients)
    state = look(knob, server)
    wanted, ttl, weight = _held(knob, held)
    if (state.record.records, state.ttl, state.weight) == (wanted, ttl, weight):
        return Change("traffic weight", weight, weight, False, now(), _following(state.note))
    note = _write_once(knob, clients, state, wanted, ttl, weight)
    return Change("traffic weight", state.weight, weight, True, now(), f"TTL {ttl} s; {_following(note)}")


def preflight(knob: Dns, clients: Clients) -> None:
    """Unreachable or BadParameters when the primary does not answer, does not let us, or the record is unclear."""
    server = server_of(knob, clients)
    may_write(server, look(knob, server))


def set_ttl(knob: Dns, clients: Clients, seconds: int) -> Change:
    """Another TTL and the same records; the note says when the old TTL has run out everywhere.

    ``traffic.knob.ttl`` is set days before users are moved, ``usual_ttl`` when all is over.
    """
    state = look(knob, server_of(knob, clients))
    if state.ttl == seconds and state.note:
        return Change("TTL", seconds, seconds, False, now(), _following(state.note))
    note = _write_once(knob, clients, state, state.record.records, seconds, state.weight)
    return Change("TTL", state.ttl, seconds, True, now(), _following(note))


def keep_until(knob: Dns, clients: Clients) -> datetime:
    """Nothing of either side may be taken away before this moment; Held when nobody noted it."""
    state = look(knob, server_of(knob, clients))
    if state.note is None:
        unknown = f"{state.beside.name} TXT does not say when {state.record.name} was changed last"
        raise Held(f"{unknown}: set the TTL with `runbook ttl`, and wait as it says")
    return state.note.keep


def _require_short_ttl(knob: Dns, state: State) -> None:
    """BadParameters when the TTL was never lowered, Held until the longer one has run out everywhere."""
    wanted = int(knob.ttl.total_seconds())
    if state.ttl > wanted or state.note is None:
        why = f"has the TTL {state.ttl} s" if state.ttl > wanted else "does not say when its TTL was lowered"
        what_to_do = f"set it to {wanted} s with `runbook ttl PARAMETERS`, wait as it says, then move the users"
        raise BadParameters(f"{state.record.name} {why}: {what_to_do}; nothing was changed")
    if state.note.held > datetime.now(UTC) + timedelta(seconds=state.ttl) + knob.timeout + SLACK:
        older = f"resolvers may hold {state.record.name} with its longer, older TTL until {_at(state.note.held)}"
        raise Held(f"{older}; the users are moved after that, nothing was changed")


def _write_once(knob: Dns, clients: Clients, state: State, wanted: frozenset[str], ttl: int, weight: int) -> Note:
    try:
        return write(knob, server_of(knob, clients), state, wanted, ttl, weight)
    except Busy as error:
        raise _overtaken(error) from None


def _overtaken(error: Busy) -> ChangeFailed:
    return ChangeFailed(f"{error}; nothing was changed, look at it and try again")


def _held(knob: Dns, held: Any) -> tuple[frozenset[str], int, int]:
    try:
        wanted, ttl, weight = frozenset(held["records"]), held["ttl"], held["weight"]
        if isinstance(ttl, int) and 0 <= ttl < 2**31 and weight in range(101):
            records.share(knob, wanted)
            return wanted, ttl, weight
    except (TypeError, KeyError, ValueError, AttributeError):
        pass  # the sentence below says it
    raise BadParameters(f"{held!r} is not what a {knob.record} record held; needed are records, ttl and weight")


def _made(knob: Dns, wanted: frozenset[str], weight: int, note: Note) -> str:
    percent = records.share(knob, wanted)
    nearest = "" if percent == weight else f"{float(percent):.1f} % is the nearest that the addresses make; "
    return nearest + _following(note)


def _following(note: Note | None) -> str:
    """Until when users may still follow an older answer."""
    if note is None or note.held <= datetime.now(UTC):
        return ""
    return f"users may follow the old record until {_at(note.held)}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
