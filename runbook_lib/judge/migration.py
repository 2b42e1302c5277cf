"""Decides what kind of state an application holds, how it can move, and how ready it is; always with the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.judge.portability import Demand
from runbook_lib.model import Outcome, Verdict

# Working days to answer one topic, low and high: rough by design, shown as a range.
EFFORT: dict[str, tuple[float, float]] = {
    "local-file": (2, 8),
    "session": (2, 6),
    "rpc": (10, 40),
    "native": (1, 5),
    "registry": (2, 8),
    "cron": (0.5, 2),
    "fixed-address": (0.5, 2),
    "secret": (0.5, 1),
    "log-file": (0.5, 1),
    "identity": (0.5, 2),
    "process": (0.5, 3),
    "signal": (0.5, 2),
}
OTHER_EFFORT = (0.2, 1.0)
CODE_TOPICS = ("local-file", "session")
LEVELS = ("Excellent", "Good", "Moderate", "Major work", "Not yet", "Insufficient data")


@dataclass(frozen=True)
class Migration:
    """State class, mode and level of one application, the reasons for each, and the effort in working days."""

    state: str
    mode: str
    level: str
    reasons: tuple[str, ...]
    effort: tuple[float, float]


def decide(
    demands: Iterable[Demand],
    files_read: int,
    kind: str = "",
    shared_sessions: bool | None = None,
    decided: Mapping[str, str] | None = None,
) -> Migration:
    """Explicit rules, first match wins.

    ``kind`` is the profile's word for what the application is (``database`` stays outside); ``shared_sessions`` is
    what the profile says of its session store; ``decided`` are the paths for which it names a new home.
    """
    asked = {demand.topic: demand for demand in demands}
    if not files_read:
        return Migration("unknown", "unknown", "Insufficient data", ("no source could be read",), (0, 0))
    homes = planned(asked, shared_sessions, decided or {})
    open_ = {topic: demand for topic, demand in asked.items() if topic not in homes}
    state, because = _state(open_, kind, homes)
    mode, why = _mode(asked, state, homes)
    level, grounds = _level(open_, mode, homes)
    effort = [EFFORT.get(topic, OTHER_EFFORT) for topic in asked]
    total = (sum(low for low, _ in effort), sum(high for _, high in effort))
    reasons = (f"state: {because}", f"mode: {why}", f"level: {grounds}")
    return Migration(state, mode, level, reasons, total)


def planned(asked: Mapping[str, Demand], shared_sessions: bool | None, decided: Mapping[str, str]) -> dict[str, str]:
    """Topics whose state has a new home by decision -> that home; one undecided path leaves the topic open."""
    homes: dict[str, str] = {}
    if "session" in asked and shared_sessions:
        homes["session"] = "a shared session store"
    paths = [path for path in asked["local-file"].captured if path.startswith("/")] if "local-file" in asked else []
    targets = [next((to for root, to in decided.items() if path.startswith(root)), "") for path in paths]
    if targets and all(targets):
        homes["local-file"] = ", ".join(dict.fromkeys(targets))
    return homes


def migration_verdict(migration: Migration) -> Verdict:
    """FAIL when it cannot move yet, INCONCLUSIVE when too little is known."""
    outcome = {"Not yet": Outcome.FAIL, "Insufficient data": Outcome.INCONCLUSIVE}.get(migration.level, Outcome.PASS)
    low, high = migration.effort
    message = (
        f"{migration.level}: {migration.mode}, state class {migration.state}; "
        f"{migration.reasons[-1].removeprefix('level: ')}; {low:.0f} to {high:.0f} working days"
    )
    return Verdict("migration", outcome, message, {"days_low": low, "days_high": high})


def _state(open_: Mapping[str, Demand], kind: str, homes: Mapping[str, str]) -> tuple[str, str]:
    if kind in ("database", "queue", "message broker"):
        return "database", f"the profile calls it a {kind}: it stays outside the cluster"
    if "local-file" in open_:
        return "local files", f"writes to the local disk at {_places(open_['local-file'])}, and no new home is decided"
    if "session" in open_:
        return "sessions", f"keeps sessions in one process at {_places(open_['session'])}"
    if "cache" in open_ or kind == "cache":
        return "cache", "holds a cache that may be lost"
    if homes:
        moved = ", ".join(f"{topic} to {home}" for topic, home in homes.items())
        return "stateless", f"what the source keeps has a new home by decision: {moved}"
    return "stateless", "nothing found that is written to the local disk or kept in the process"


def _mode(asked: Mapping[str, Demand], state: str, homes: Mapping[str, str]) -> tuple[str, str]:
    if state == "database":
        return "stays outside", "core data do not depend on a Pod's life; the cluster reaches it by a Service"
    if "rpc" in asked:
        return "not yet", f"RMI or CORBA at {_places(asked['rpc'])} has to be replaced first"
    changes = [topic for topic in CODE_TOPICS if topic in asked]
    if changes:
        undecided = [topic for topic in changes if topic not in homes]
        tail = f"; not decided yet: {', '.join(undecided)}" if undecided else ""
        return "refactor", f"code has to change for {', '.join(changes)} before two sides serve the same users{tail}"
    grave = [topic for topic, demand in asked.items() if demand.severity != "info"]
    if grave:
        return "re-platform", f"configuration and manifests answer {', '.join(grave)}; the code can stay"
    return "re-host", "nothing in the source binds it to its machine"


def _level(asked: Mapping[str, Demand], mode: str, homes: Mapping[str, str]) -> tuple[str, str]:
    blocking = [topic for topic, demand in asked.items() if demand.severity == "blocking"]
    warnings = [topic for topic, demand in asked.items() if demand.severity == "warning"]
    counted = f"{len(blocking)} blocking topics, {len(warnings)} to be watched, {len(homes)} with a new home"
    if mode in ("not yet", "stays outside"):
        return "Not yet", f"mode is {mode}"
    if not blocking:
        return ("Good" if warnings else "Excellent"), counted
    return ("Moderate" if len(blocking) <= 3 else "Major work"), counted


def _places(demand: Demand) -> str:
    shown = ", ".join(demand.places[:2])
    return shown + (f" and {len(demand.places) - 2} more" if len(demand.places) > 2 else "")
