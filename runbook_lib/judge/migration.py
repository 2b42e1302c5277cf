"""Decides what kind of state an application holds, how it can move, and how ready it is; always with the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.judge.portability import Demand

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
    demands: Iterable[Demand], files_read: int, kind: str = "", shared_sessions: bool | None = None
) -> Migration:
    """Explicit rules, first match wins.

    ``kind`` is the profile's word for what the application is (``database`` stays outside); ``shared_sessions`` is
    what the profile says of its session store.
    """
    asked = {demand.topic: demand for demand in demands}
    if not files_read:
        return Migration("unknown", "unknown", "Insufficient data", ("no source could be read",), (0, 0))
    state, because = _state(asked, kind, shared_sessions)
    mode, why = _mode(asked, state)
    level, grounds = _level(asked, mode)
    effort = [EFFORT.get(topic, OTHER_EFFORT) for topic in asked]
    total = (sum(low for low, _ in effort), sum(high for _, high in effort))
    reasons = (f"state: {because}", f"mode: {why}", f"level: {grounds}")
    return Migration(state, mode, level, reasons, total)


def _state(asked: dict[str, Demand], kind: str, shared_sessions: bool | None) -> tuple[str, str]:
    if kind in ("database", "queue", "message broker"):
        return "database", f"the profile calls it a {kind}: it stays outside the cluster"
    if "local-file" in asked:
        return "local files", f"writes to the local disk at {_places(asked['local-file'])}"
    if "session" in asked:
        return "sessions", f"keeps sessions in one process at {_places(asked['session'])}"
    if "cache" in asked or kind == "cache":
        return "cache", "holds a cache that may be lost"
    if shared_sessions:
        return "stateless", "sessions are in a shared store, and nothing is written to the local disk"
    return "stateless", "nothing found that is written to the local disk or kept in the process"


def _mode(asked: dict[str, Demand], state: str) -> tuple[str, str]:
    if state == "database":
        return "stays outside", "core data do not depend on a Pod's life; the cluster reaches it by a Service"
    if "rpc" in asked:
        return "not yet", f"RMI or CORBA at {_places(asked['rpc'])} has to be replaced first"
    changes = [topic for topic in CODE_TOPICS if topic in asked]
    if changes:
        return "refactor", f"code has to change for {', '.join(changes)} before two sides can serve the same users"
    grave = [topic for topic, demand in asked.items() if demand.severity != "info"]
    if grave:
        return "re-platform", f"configuration and manifests answer {', '.join(grave)}; the code can stay"
    return "re-host", "nothing in the source binds it to its machine"


def _level(asked: dict[str, Demand], mode: str) -> tuple[str, str]:
    blocking = [topic for topic, demand in asked.items() if demand.severity == "blocking"]
    warnings = [topic for topic, demand in asked.items() if demand.severity == "warning"]
    counted = f"{len(blocking)} blocking topics, {len(warnings)} to be watched"
    if mode in ("not yet", "stays outside"):
        return "Not yet", f"mode is {mode}"
    if not blocking:
        return ("Good" if warnings else "Excellent"), counted
    return ("Moderate" if len(blocking) <= 3 else "Major work"), counted


def _places(demand: Demand) -> str:
    shown = ", ".join(demand.places[:2])
    return shown + (f" and {len(demand.places) - 2} more" if len(demand.places) > 2 else "")
