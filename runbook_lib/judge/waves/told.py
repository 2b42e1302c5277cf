"""What a plan says about itself: broken rings, what is shared, unknown or left out, and why each is where it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.judge.risk import criticality, named
from runbook_lib.judge.waves.candidate import Candidate, Cycle, Place, Plan, Shared, Wave, WaveRules
from runbook_lib.judge.waves.cycles import WORST, Broken
from runbook_lib.judge.waves.phases import FEW, WANTED
from runbook_lib.judge.waves.units import Cut


@dataclass(frozen=True)
class Draft:
    """A plan before it explains itself; ``because`` is the phase of each application in words."""

    fleet: Mapping[str, Candidate]
    moving: Mapping[str, Candidate]
    waves: tuple[Wave, ...]
    rings: Sequence[Broken]
    cut: Cut
    because: Mapping[str, str]
    rules: WaveRules


def told(draft: Draft) -> Plan:
    """The plan with all that people ask of it."""
    where = {name: wave.name for wave in draft.waves for name in wave.members}
    left_out = tuple((name, _left(one)) for name, one in draft.fleet.items() if name not in draft.moving)
    calls = [(name, needed) for name in draft.moving for needed in sorted(set(draft.fleet[name].depends_on))]
    unknown = tuple(call for call in calls if call[1] not in draft.fleet)
    staying = tuple(call for call in calls if call[1] in draft.fleet and call[1] not in draft.moving)
    cycles = tuple(_cycle(ring, draft, where) for ring in draft.rings)
    shared = tuple(_shared(draft.fleet, where))
    more = _more(draft, where, cycles, unknown, staying, shared)
    places = [
        Place(draft.fleet[name], wave.name, (draft.because[name], *more.get(name, ())))
        for wave in draft.waves
        for name in wave.members
    ]
    places += [Place(draft.fleet[name], "", (reason,)) for name, reason in left_out]
    return Plan(
        waves=draft.waves,
        cycles=cycles,
        left_out=left_out,
        unknown=unknown,
        staying=staying,
        shared=shared,
        places=tuple(places),
        notes=tuple(_notes(draft)),
        blackouts=tuple(sorted(draft.rules.blackouts)),
    )


def _left(one: Candidate) -> str:
    if one.level == "Not yet":
        words = {"stays outside": "it stays outside the cluster", "not yet": "something in it has to be replaced first"}
        return f"Not yet: {words.get(one.mode, f'its mode is {one.mode}')}"
    if one.level == "Insufficient data":
        return "Insufficient data: no source of it could be read"
    return f"its level {one.level!r} is none that can be planned"


def _cycle(ring: Broken, draft: Draft, where: Mapping[str, str]) -> Cycle:
    first, then = ring.edge
    members = ring.ring[:-1]
    together = len({where[name] for name in members}) == 1
    if first == then:
        why = f"{first} depends on itself"
        return Cycle(members, ring.edge, why, "its own Service name answers it on either side", together)
    a, b = draft.moving[first], draft.moving[then]
    least, most = min(ring.others), max(ring.others)
    dearer = f"every other edge of the ring {least}" + (f" to {most}" if most > least else "")
    because = (
        f"costs {ring.cost} of {WORST} to keep working over both sides, {dearer} ({first}: risk {a.risk}, criticality "
        f"{criticality(a.criticality) or 'not known'}; {then}: {b.state}"
        f"{'; both write one database' if set(a.databases) & set(b.databases) else ''})"
    )
    return Cycle(members, ring.edge, because, _proposal(first, then, where, together), together)


def _proposal(first: str, then: str, where: Mapping[str, str], together: bool) -> str:
    if together:
        return (
            f"all of them in {where[first]}; there {first} goes before {then} and calls it on the old side by a DNS "
            f"name until {then} follows"
        )
    if where[first] == where[then]:
        return f"both in {where[first]}: {first} goes before {then} and calls it on the old side until {then} follows"
    return (
        f"{first} moves in {where[first]} and calls {then} by a DNS name (an ExternalName Service) that leads to the "
        f"old side; it is turned when {then} has moved in {where[then]}"
    )


def _shared(fleet: Mapping[str, Candidate], where: Mapping[str, str]) -> Iterator[Shared]:
    users: dict[str, list[str]] = {}
    for name, one in fleet.items():
        for base in set(one.databases):
            users.setdefault(base, []).append(name)
    for base, names in sorted(users.items()):
        waves = {where.get(name, "") for name in names}
        if len(waves) > 1:
            stays = [name for name in names if name not in where]
            tail = f"; {named(stays)} stay{'s' * (len(stays) == 1)} on the old side" if stays else ""
            moved = f"in {len(waves - {''})} waves" if len(waves - {""}) > 1 else f"in {min(waves - {''})}"
            risk = (
                f"its users move {moved}{tail}: both sides write to it meanwhile; its schema must suit both and must "
                f"not change until the last has moved"
            )
            yield Shared(base, tuple((name, where.get(name, "")) for name in names), risk)


def _more(
    draft: Draft,
    where: Mapping[str, str],
    cycles: Sequence[Cycle],
    unknown: Sequence[tuple[str, str]],
    staying: Sequence[tuple[str, str]],
    shared: Sequence[Shared],
) -> dict[str, list[str]]:
    """What else is said of an application, besides its phase."""
    found: dict[str, list[str]] = {}
    for unit in draft.cut.units:
        for name in unit.members if len(unit.members) > 1 else ():
            others = [one for one in unit.members if one != name]
            found.setdefault(name, []).append(f"goes with {named(others)}: a ring or a database ties them together")
    for cycle in cycles:
        if cycle.edge[0] != cycle.edge[1]:
            found.setdefault(cycle.edge[0], []).append(f"goes before {cycle.edge[1]}, on which it depends (ring)")
    for name, needed in unknown:
        found.setdefault(name, []).append(f"depends on {needed}, which no source knows: ask")
    for name, needed in staying:
        found.setdefault(name, []).append(f"depends on {needed}, which stays: it has to reach the old side")
    for one in shared:
        for name, moves in one.by:
            if moves:
                found.setdefault(name, []).append(f"shares the database {one.database} with another wave or side")
    for wave in draft.waves:
        high = draft.rules.days_each
        if high is not None and wave.effort[1] > high:
            found.setdefault(wave.members[0], []).append(f"alone: more than {high:g} working days")
    return found


def _notes(draft: Draft) -> Iterator[str]:
    begin, today = draft.rules.begin, draft.rules.today
    if today is not None and begin < today:
        days = (today - begin).days
        yield f"begin {begin} is {days} days ago: give a day to come, or read the dates as lengths of time"
    pilot = sum(len(wave.members) for wave in draft.waves if wave.phase == "pilot")
    if draft.moving and not pilot:
        yield (
            f"no pilot: nobody is stateless, of low or medium risk, with at most {FEW} dependents, and without a "
            "dependency outside the pilot; the first wave is the first of the core or the rest"
        )
    elif 0 < pilot < min(WANTED, draft.rules.pilot):
        yield f"a pilot of {pilot}: nobody else is fit for it"
