"""Chooses the mends that go together: each group is tried on a copy, and kept when nothing becomes worse by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from runbook_lib.artefacts import Resource
from runbook_lib.judge.house import waiver_of
from runbook_lib.judge.workload.check import Check, Seen
from runbook_lib.judge.workload.judge import CHECKS, GRAVITY
from runbook_lib.judge.workload.mend import mended, target, working
from runbook_lib.judge.workload.world import World
from runbook_lib.model import Outcome

ROUNDS = 8
"""A mend may make the next one possible; more than this in a row are mends that chase each other."""


@dataclass(frozen=True)
class Mend:
    """One patch or new object, and the check that it answers."""

    check: str
    severity: str
    about: str
    change: dict[str, Any]


@dataclass(frozen=True)
class Chosen:
    """The world with every mend in it that fits; ``left`` are failed checks that no machine could mend."""

    before: World
    after: World
    mends: tuple[Mend, ...]
    left: tuple[tuple[str, str, str], ...]
    """Severity, check and object of each finding, the gravest first; two of one check at one object are two."""
    unanswered: int = 0
    """Blocking questions that have no answer after it; a mend may raise one."""

    @property
    def blocking(self) -> int:
        return sum(severity == "blocking" for severity, _, _ in self.left)


@dataclass(frozen=True)
class _Looked:
    """What the checks say of one world; ``failed`` counts by severity, check and object."""

    world: World
    seen: tuple[tuple[Check, list[Seen]], ...]
    failed: Counter[tuple[str, str, str]]
    weights: tuple[int, ...]
    """Failed and unanswered by severity: what is smaller in the first place where they differ is better."""


def choose(world: World, today: date) -> Chosen:
    """The mends of everything that fails and that nobody answers for, blocking first; those that harm are left out."""
    now = _look(world, today)
    kept: list[Mend] = []
    for _ in range(ROUNDS):
        offered = _offered(now, today)
        now, fitting = _fit(now, offered, today) if offered else (now, [])
        kept += fitting
        if not fitting:
            break
    left = sorted(now.failed.elements(), key=lambda one: (GRAVITY.index(one[0]), *one[1:]))
    return Chosen(world, now.world, tuple(kept), tuple(left), now.weights[1])


def _look(world: World, today: date) -> _Looked:
    policy = world.policy
    seen = tuple((check, list(check.judge(world))) for check in CHECKS if check.id not in policy.off)
    failed: Counter[tuple[str, str, str]] = Counter()
    weights = dict.fromkeys(
        ((severity, bad) for severity in GRAVITY for bad in (Outcome.FAIL, Outcome.INCONCLUSIVE)), 0
    )
    for check, found in seen:
        for item in found:
            if item.outcome is Outcome.PASS or waiver_of(policy, check.id, item.object, today):
                continue
            severity = policy.severities.get(check.id) or item.severity or check.severity
            weights[severity, item.outcome] += 1
            if item.outcome is Outcome.FAIL:
                failed[severity, check.id, item.object] += 1
    return _Looked(world, seen, failed, tuple(weights.values()))


def _offered(now: _Looked, today: date) -> list[Mend]:
    """Every mend that works by itself and that a patch can carry, the gravest first."""
    there = {(r.kind, r.namespace, r.name): r for r in now.world.resources}
    found = []
    for check, seen in now.seen:
        works = working(now.world, check, seen)
        for position, item in enumerate(seen):
            change = item.mend
            if position not in works or change is None or waiver_of(now.world.policy, check.id, item.object, today):
                continue
            if _carries(change, there.get(target(change))):
                severity = now.world.policy.severities.get(check.id) or item.severity or check.severity
                found.append(Mend(check.id, severity, item.object, change))
    return sorted(found, key=lambda mend: GRAVITY.index(mend.severity))


def _carries(change: dict[str, Any], there: Resource | None) -> bool:
    """A patch finds its object by version, kind and name, so that it cannot change them."""
    return there is None or there.api_version == change.get("apiVersion")


def _fit(now: _Looked, mends: Sequence[Mend], today: date) -> tuple[_Looked, list[Mend]]:
    """All of them when nothing becomes worse, else the half that fits and then, beside it, the other half."""
    then = _look(mended(now.world, *(mend.change for mend in mends)), today)
    if then.weights < now.weights and (len(mends) == 1 or not then.failed - now.failed):
        return then, list(mends)
    if len(mends) == 1:
        return _with_the_next(now, then, mends[0], today)
    middle = len(mends) // 2
    now, first = _fit(now, mends[:middle], today)
    now, second = _fit(now, mends[middle:], today)
    return now, [*first, *second]


def _with_the_next(now: _Looked, then: _Looked, mend: Mend, today: date) -> tuple[_Looked, list[Mend]]:
    """A new object may raise questions of its own: with what answers them it is kept when all together are better."""
    raised = then.failed - now.failed
    answers = [one for one in _offered(then, today) if (one.severity, one.check, one.about) in raised]
    if not answers:
        return now, []
    together = _look(mended(then.world, *(one.change for one in answers)), today)
    return (together, [mend, *answers]) if together.weights < now.weights else (now, [])
