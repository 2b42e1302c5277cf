"""The order in which a fleet moves: the pilot, the core, the rest, in waves of what can go together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from runbook_lib.errors import BadParameters
from runbook_lib.judge.waves.candidate import Candidate, Phase, Plan, Wave, WaveRules
from runbook_lib.judge.waves.cycles import Edge, Needs, broken, crossing_cost
from runbook_lib.judge.waves.dates import Span, spans
from runbook_lib.judge.waves.filling import Filling
from runbook_lib.judge.waves.phases import WANTED, fit_alone, phases, pilot
from runbook_lib.judge.waves.told import Draft, told
from runbook_lib.judge.waves.units import Cut, Unit, cut, days

MOVE = ("Excellent", "Good", "Moderate", "Major work")
"""Levels with which an application is planned; every other one leaves it out."""


def plan_waves(candidates: Iterable[Candidate], rules: WaveRules) -> Plan:
    """The same plan for the same candidates, in whatever order they come.

    Raises BadParameters for a name that stands twice, an effort that is no span of days, or rules that leave no room.
    """
    fleet = _fleet(candidates, rules)
    moving = {name: one for name, one in fleet.items() if one.level in MOVE}
    needs = {name: sorted({n for n in one.depends_on if n in moving}) for name, one in moving.items()}
    rings = broken(needs, lambda user, needed: crossing_cost(moving[user], moving[needed]))
    dependents = Counter(needed for one in fleet.values() for needed in {*one.depends_on} - {one.name})
    edges = {ring.edge for ring in rings}
    divided, chosen = _divided(moving, needs, edges, _users(moving), dependents, rules)
    phase, why = phases(divided.units, moving, chosen)
    filled = Filling(divided.units, phase, moving, rules).waves()
    order = {user: [needed for needed in others if (user, needed) not in edges] for user, others in needs.items()}
    waves = tuple(
        _wave(f"wave-{number}", one, [divided.units[unit] for unit in units], order, moving, span, rules)
        for number, ((one, units), span) in enumerate(zip(filled, spans(rules), strict=False), start=1)
    )
    because = {name: why[unit] for name, unit in divided.of.items()}
    return told(Draft(fleet, moving, waves, rings, divided, because, rules))


def _divided(
    moving: Mapping[str, Candidate],
    needs: Needs,
    edges: Collection[Edge],
    bases: Mapping[str, Sequence[str]],
    dependents: Mapping[str, int],
    rules: WaveRules,
) -> tuple[Cut, dict[int, str]]:
    """The fleet as units, and those of the pilot with the reason.

    Where a pilot would be too small, its members may leave those behind with whom they share a database.
    """
    divided = cut(moving, needs, edges, bases, rules)
    chosen = pilot(divided.units, moving, dependents, rules)
    if _size(divided, chosen) >= min(WANTED, rules.pilot):
        return divided, chosen
    fit = {name for name, one in moving.items() if fit_alone(one, dependents)}
    loose = cut(moving, needs, edges, _without(bases, fit), rules)
    more = pilot(loose.units, moving, dependents, rules)
    if _size(loose, more) <= _size(divided, chosen):
        return divided, chosen
    members = {name: why for unit, why in more.items() for name in loose.units[unit].members}
    apart = cut(moving, needs, edges, _without(bases, members), rules)
    return apart, {apart.of[name]: why for name, why in members.items()}


def _size(divided: Cut, some: Iterable[int]) -> int:
    """How many applications these units have."""
    return sum(len(divided.units[one].members) for one in some)


def _without(bases: Mapping[str, Sequence[str]], some: Collection[str]) -> dict[str, list[str]]:
    return {base: [name for name in users if name not in some] for base, users in bases.items()}


def _fleet(candidates: Iterable[Candidate], rules: WaveRules) -> dict[str, Candidate]:
    """By name, in the order of names; every fault is one sentence."""
    given = sorted(candidates, key=lambda one: one.name)
    if twice := sorted(name for name, count in Counter(one.name for one in given).items() if count > 1):
        raise BadParameters(f"waves: {', '.join(map(repr, twice))}: named twice; each application is one candidate")
    for one in given:
        low, high = one.effort
        if not (math.isfinite(low) and math.isfinite(high) and 0 <= low <= high):
            raise BadParameters(f"waves: {one.name}: the effort {low} to {high} is no span of working days")
    if rules.size < 1 or rules.pilot < 1 or (rules.days_each is not None and not rules.days_each > 0):
        raise BadParameters(
            f"waves: size {rules.size}, pilot {rules.pilot}, days {rules.days_each}: each has to be above 0"
        )
    return {one.name: one for one in given}


def _users(moving: Mapping[str, Candidate]) -> dict[str, list[str]]:
    """Each database with those that use it."""
    found: dict[str, list[str]] = {}
    for name, one in moving.items():
        for base in sorted(set(one.databases)):
            found.setdefault(base, []).append(name)
    return found


def _wave(
    name: str,
    phase: Phase,
    units: Sequence[Unit],
    order: Needs,
    moving: Mapping[str, Candidate],
    span: Span,
    rules: WaveRules,
) -> Wave:
    members = tuple(name for unit in units for name in _in_order(unit.members, order))
    low, high = days(moving[one] for one in members)
    limit = rules.pilot if phase == "pilot" else rules.size
    said = [f"{len(members)} of at most {limit} applications"]
    if rules.days_each is not None:
        said.append(f"{low:g} to {high:g} working days, a wave carries {rules.days_each:g}")
        if high > rules.days_each:
            said.append("more work than a wave carries, so that it goes alone: plan it longer, or cut it")
    return Wave(name, phase, members, span.begins, span.ends, (low, high), tuple(filter(None, (*said, span.note))))


def _in_order(members: Sequence[str], needs: Needs) -> Iterable[str]:
    """What others need before those."""
    if len(members) == 1:
        return members
    return TopologicalSorter({one: [n for n in needs[one] if n in members] for one in members}).static_order()
