"""Who goes first: a pilot from which the team learns at little risk, then the core, then the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.judge.risk import criticality
from runbook_lib.judge.waves.candidate import Candidate, Phase, WaveRules
from runbook_lib.judge.waves.units import Unit

FEW = 3
"""So many dependents are few."""
WANTED = 2
"""A pilot of fewer teaches little: then the next rule is asked, too."""


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
    units: Sequence[Unit], moving: Mapping[str, Candidate], dependents: Mapping[str, int], rules: WaveRules
) -> tuple[dict[int, Phase], dict[int, str]]:
    """The phase of each unit, by number, and why it is in it."""
    why = _pilot(units, moving, dependents, rules)
    found: dict[int, Phase] = dict.fromkeys(why, "pilot")
    line: list[int] = []
    for number, unit in enumerate(units):
        critical = next((name for name in unit.members if is_core(moving[name])), "")
        if critical and number not in found:
            found[number], why[number] = "core", f"core: {critical} is critical"
            line.append(number)
    for number in line:
        for one in sorted(units[number].needs - found.keys()):
            found[one], why[one] = "core", f"core: {units[number].members[0]} needs it and goes with the core"
            line.append(one)
    for number in set(range(len(units))) - found.keys():
        found[number], why[number] = "rest", "rest: neither fit for the pilot nor needed by what is critical"
    return found, why


def _pilot(
    units: Sequence[Unit], moving: Mapping[str, Candidate], dependents: Mapping[str, int], rules: WaveRules
) -> dict[int, str]:
    """Units whose members all follow the rule, with all that they need; the simplest first."""
    most = min(rules.pilot, rules.size)
    fit: dict[int, str] = {}
    chosen: dict[int, str] = {}
    for rule in PILOT_RULES:
        found = [n for n, unit in enumerate(units) if n not in fit and _fit(unit, rule, moving, dependents)]
        fit |= dict.fromkeys(found, rule.rule)
        for number in sorted(fit, key=lambda n: _ease(units[n], dependents)):
            group = _closure(units, number, most)
            new = [one for one in group if one not in chosen]
            members = [moving[name] for one in {*chosen, *new} for name in units[one].members]
            if not new or not all(one in fit for one in group) or len(members) > most or not rules.fit(members):
                continue
            chosen |= {one: f"pilot: {fit[one]}, {_depending(units[one], dependents)}" for one in new}
        if sum(len(units[one].members) for one in chosen) >= WANTED:
            break
    return chosen


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
