"""May a pilot deploy begin: every criterion of the preflight, group by group, and which unknown ones hold it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook_lib.judge.preflight.around import alerts, clocks, names, new_side_measured, old_side_measured, on_call
from runbook_lib.judge.preflight.platform import images, routes, service, storage, versions
from runbook_lib.judge.preflight.release import difference, no_users, permissions, version
from runbook_lib.judge.preflight.room import capacity, limits, quota
from runbook_lib.judge.preflight.seen import Surroundings
from runbook_lib.model import Outcome, Verdict

__all__ = [
    "PROVEN_BY_THE_ROLLOUT",
    "alerts",
    "capacity",
    "clocks",
    "difference",
    "holding",
    "images",
    "judged",
    "limits",
    "names",
    "new_side_measured",
    "no_users",
    "old_side_measured",
    "on_call",
    "permissions",
    "proven",
    "quota",
    "routes",
    "service",
    "storage",
    "version",
    "versions",
]

PROVEN_BY_THE_ROLLOUT = ("quota", "capacity", "images", "storage")
"""Unknown before, they are known when all Pods run: an operator who sees less than the nodes do is not held up."""
ONLY_TOLD = (*PROVEN_BY_THE_ROLLOUT, "routes", "service", "names", "clocks", "alert rules")
"""Not known is said and recorded, and holds nobody: no user is on the new side, and 04 judges before one is."""


def judged(seen: Surroundings, release: Sequence[Verdict]) -> dict[str, tuple[Verdict, ...]]:
    """Every criterion by what it is about; ``release`` are those that were judged before."""
    return {
        "release": (*release, versions(seen.versions)),
        "room": (quota(seen.demand, seen.quotas), limits(seen.demand), capacity(seen.demand.pods, seen.nodes)),
        "platform": (images(seen.images), storage(seen.storage), routes(seen.routes), service(seen.service)),
        "names and time": (names(seen.names), clocks(seen.clocks)),
        "watching": (old_side_measured(seen.series), alerts(seen.rules), on_call(seen.contacts, seen.owner)),
    }


def holding(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Those that the gate has to see pass: all but what is unknown and may be."""
    return [v for v in verdicts if not (v.outcome is Outcome.INCONCLUSIVE and v.name in ONLY_TOLD)]


def proven(verdicts: Iterable[Verdict], pods: int) -> list[Verdict]:
    """What was unknown before and is known now, because so many Pods were scheduled, pulled, mounted and are ready."""
    unknown = [v for v in verdicts if v.outcome is Outcome.INCONCLUSIVE and v.name in PROVEN_BY_THE_ROLLOUT]
    said = f"{pods} of {pods} Pods run; before that it was not known"
    return [Verdict(v.name, Outcome.PASS, said, v.numbers | {"pods": float(pods)}) for v in unknown] if pods else []
