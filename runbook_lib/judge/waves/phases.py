"""Who goes first: a pilot from which the team learns at little risk, then the core, then the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.judge.risk import criticality, named
from runbook_lib.judge.waves.candidate import Candidate, Phase, WaveRules
from runbook_lib.judge.waves.units import Unit

FEW = 3
"""So many dependents are few."""
WANTED = 2
"""A pilot of fewer teaches little: then the next rule is asked, too."""
TRIES = 20
"""So many are tried as the first of a pilot, where with the simplest it would be too small."""


@dataclass(frozen=True)
class PilotRule:
    """Who may be in the pilot; a later rule is asked only while the ones before it gave too few."""

    rule: str
    holds: Callable[[Candidate], bool]


PILOT_RULES = (
    PilotRule("stateless, low risk", lambda c: c.risk == "low" and c.level in ("Excellent", "Good")),
    PilotRule("stateless, low risk, moderate work", lambda c: c.risk == "low" and c.level == "Moderate"),
    PilotRule(
        "stateless, medium risk and not critical, because too few are of low risk",
        lambda c: c.risk == "medium" and c.level in ("Excellent", "Good", "Moderate") and not is_core(c),
    ),
)


def is_core(candidate: Candidate) -> bool:
    """True for one that people call critical."""
    return criticality(candidate.criticality) == "high"


def phases(
    units: Sequence[Unit], moving: Mapping[str, Candidate], chosen: Mapping[int, str]
) -> tuple[dict[int, Phase], dict[int, str]]:
    """The phase of each unit, by number, and why it is in it; ``chosen`` are those of the pilot with the reason."""
    why = dict(chosen)
    found: dict[int, Phase] = dict.fromkeys(why, "pilot")
    line: list[int] = []
    for number, unit in enumerate(units):
        critical = next((name for name in unit.members if is_core(moving[name])), "")
        if critical and number not in found:
            found[number], why[number] = "core", f"core: {critical} is critical"
            line.append(number)
    for number in line:
        for one in sorted(units[number].needs - found.keys()):
            found[one], why[one] = "core", f"core: needed by {named(units[number].members)} (core)"
            line.append(one)
    for number in set(range(len(units))) - found.keys():
        found[number], why[number] = "rest", "rest: neither fit for the pilot nor needed by what is critical"
    return found, why


def pilot(
    units: Sequence[Unit], moving: Mapping[str, Candidate], dependents: Mapping[str, int], rules: WaveRules
) -> dict[int, str]:
    """Units whose members all follow the rule, with all that they need; the simplest first. And why each."""
    fit: dict[int, str] = {}
    best: list[int] = []
    for rule in PILOT_RULES:
        found = [n for n, unit in enumerate(units) if n not in fit and _fit(unit, rule, moving, dependents)]
        fit |= dict.fromkeys(found, rule.rule)
        order = sorted(fit, key=lambda n: _ease(units[n], dependents))
        for start in range(min(len(order), TRIES)):
            chosen = _gathered(units, [*order[start:], *order[:start]], fit, moving, rules)
            best = max(best, chosen, key=lambda some: _count(units, some))
            if _count(units, best) >= min(WANTED, rules.pilot):
                break
        if _count(units, best) >= min(WANTED, rules.pilot):
            break
    return {one: f"pilot: {fit[one]}, {_depending(units[one], dependents)}" for one in best}


def fit_alone(candidate: Candidate, dependents: Mapping[str, int]) -> bool:
    """Whether it may be in a pilot, without those that belong to it."""
    return any(
        _fit(Unit((candidate.name,), frozenset(), candidate.effort), rule, {candidate.name: candidate}, dependents)
        for rule in PILOT_RULES
    )


def _gathered(
    units: Sequence[Unit], order: Sequence[int], fit: Collection[int], moving: Mapping[str, Candidate], rules: WaveRules
) -> list[int]:
    """As many of the order as a pilot may have, each with all that it needs."""
    most, chosen = min(rules.pilot, rules.size), dict[int, None]()
    for number in order:
        together = dict.fromkeys([*chosen, *_closure(units, number, most)])
        members = [moving[name] for one in together for name in units[one].members]
        if len(members) <= most and all(one in fit for one in together) and rules.fit(members):
            chosen = together
        if len(chosen) == most:
            break
    return list(chosen)


def _count(units: Sequence[Unit], some: Sequence[int]) -> int:
    return sum(len(units[one].members) for one in some)


def _fit(unit: Unit, rule: PilotRule, moving: Mapping[str, Candidate], dependents: Mapping[str, int]) -> bool:
    return all(
        moving[name].state == "stateless" and dependents.get(name, 0) <= FEW and rule.holds(moving[name])
        for name in unit.members
    )


def _ease(unit: Unit, dependents: Mapping[str, int]) -> tuple[int, float, tuple[str, ...]]:
    return sum(dependents.get(name, 0) for name in unit.members), unit.days[1], unit.members


def _depending(unit: Unit, dependents: Mapping[str, int]) -> str:
    count = max(dependents.get(name, 0) for name in unit.members)
    return f"{count} applications depend on it" if count else "no application depends on it"


def _closure(units: Sequence[Unit], start: int, most: int | None = None) -> list[int]:
    """The unit and all that it needs, directly or through others; cut short once more than ``most``."""
    seen, line = {start}, [start]
    for number in line:
        for one in sorted(units[number].needs - seen):
            seen.add(one)
            line.append(one)
        if most is not None and len(line) > most:
            break
    return line
