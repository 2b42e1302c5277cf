"""Decides what state an application holds, how it can move, how ready it is and what is at stake; with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from runbook_lib.artefacts import home_of
from runbook_lib.judge.portability import Demand
from runbook_lib.judge.risk import Around, Risk, judge_risk
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
    "connector": (5, 20),
    "old-sdk": (1, 15),
    "multicast": (1, 4),
}
OTHER_EFFORT = (0.2, 1.0)
MOVE = (1.0, 3.0)
"""Working days of any move: image, manifests, tests, gray stages; one source counted one day, all of it automated."""
CODE_TOPICS = ("local-file", "session")
OUTSIDE = ("database", "queue", "message broker", "数据库", "消息队列")
STATED = {
    "stateless": "stateless", "none": "stateless", "无状态": "stateless", "cache": "cache", "缓存": "cache",
    "sessions": "sessions", "session": "sessions", "会话": "sessions",
    "local files": "local files", "files": "local files", "stateful": "local files", "有状态": "local files",
    "database": "database", "数据库": "database",
}  # fmt: skip
"""What people call a state class -> the class."""
STAYS = "stays outside"
"""The mode of what does not move at all."""
NOT_YET = ("not yet", STAYS)
GRAVITY = ("stateless", "cache", "sessions", "local files", "database")
MANY = 3
"""So many blocking topics are still a moderate piece of work."""


@dataclass(frozen=True)
class Migration:
    """State class, mode and level of one application, the reasons for each, the effort in working days, the risk."""

    state: str
    mode: str
    level: str
    reasons: tuple[str, ...]
    effort: tuple[float, float]
    risk: Risk = field(default_factory=lambda: judge_risk("", Around()))


@dataclass(frozen=True)
class Weighed:
    """What the level is decided by: topics that nothing has answered yet, by severity, and those with a new home."""

    state: str
    mode: str
    files: int
    blocking: int
    warnings: int
    homes: int

    @property
    def holds_state(self) -> bool:
        return self.state in ("sessions", "local files")


@dataclass(frozen=True)
class LevelRule:
    """The first rule that holds names the level."""

    level: str
    rule: str
    holds: Callable[[Weighed], bool]


LEVEL_RULES = (
    LevelRule("Not yet", "it stays outside, or something has to be replaced first", lambda w: w.mode in NOT_YET),
    LevelRule("Insufficient data", "no source could be read", lambda w: not w.files),
    LevelRule("Major work", f"more than {MANY} blocking topics are open", lambda w: w.blocking > MANY),
    LevelRule("Moderate", f"1 to {MANY} blocking topics are open", lambda w: w.blocking > 0),
    LevelRule("Moderate", "it holds state that has no new home", lambda w: w.holds_state),
    LevelRule("Good", "nothing blocks; there are topics to watch", lambda w: w.warnings > 0),
    LevelRule("Good", "nothing blocks; the code has to change as decided", lambda w: w.mode == "refactor"),
    LevelRule("Excellent", "nothing blocks and nothing has to be watched", lambda w: True),
)
LEVELS = ("Excellent", "Good", "Moderate", "Major work", "Not yet", "Insufficient data")


def decide(
    demands: Iterable[Demand],
    files_read: int,
    kind: str = "",
    shared_sessions: bool | None = None,
    decided: Mapping[str, str] | None = None,
    stated_state: str = "",
    around: Around | None = None,
) -> Migration:
    """Explicit rules, first match wins.

    ``kind`` is the profile's word for what the application is (``database`` stays outside); ``shared_sessions`` is
    what the profile says of its session store; ``decided`` are the paths for which it names a new home;
    ``stated_state`` is its word for the state class, which counts where it is graver than what the source shows.
    """
    asked = {demand.topic: demand for demand in demands}
    homes = planned(asked, shared_sessions, decided or {})
    open_ = {topic: demand for topic, demand in asked.items() if topic not in homes}
    state, because = _graver(_state(open_, kind.lower(), homes, files_read), stated_state)
    mode, why = _mode(asked, state, homes)
    level, grounds = _level(open_, state, mode, files_read, len(homes))
    reasons = (f"state: {because}", f"mode: {why}", f"level: {grounds}")
    effort = _effort(asked) if files_read and mode != STAYS else (0.0, 0.0)
    return Migration(state, mode, level, reasons, effort, judge_risk(state, around or Around()))


def planned(asked: Mapping[str, Demand], shared_sessions: bool | None, decided: Mapping[str, str]) -> dict[str, str]:
    """Topics whose state has a new home by decision -> that home; one undecided path leaves the topic open."""
    homes: dict[str, str] = {}
    if "session" in asked and shared_sessions:
        homes["session"] = "a shared session store"
    targets = [home_of(decided, path) for path in asked["local-file"].captured] if "local-file" in asked else []
    if targets and all(targets):
        homes["local-file"] = ", ".join(dict.fromkeys(targets))
    return homes


def migration_verdict(migration: Migration) -> Verdict:
    """FAIL when it cannot move yet, INCONCLUSIVE when too little is known."""
    outcome = {"Not yet": Outcome.FAIL, "Insufficient data": Outcome.INCONCLUSIVE}.get(migration.level, Outcome.PASS)
    low, high = migration.effort
    days = f"{low:.0f} to {high:.0f} working days" if high else "effort not known"
    message = (
        f"{migration.level}: {migration.mode}, state class {migration.state}; "
        f"{migration.reasons[-1].removeprefix('level: ')}; {days}; risk {migration.risk.level}"
    )
    return Verdict("migration", outcome, message, {"days_low": low, "days_high": high} if high else {})


def _state(open_: Mapping[str, Demand], kind: str, homes: Mapping[str, str], files_read: int) -> tuple[str, str]:
    if kind in OUTSIDE:
        return "database", f"the profile calls it a {kind}: it stays outside the cluster"
    if not files_read:
        return "unknown", "no source could be read"
    if _grave(open_, "local-file"):
        return "local files", f"writes to the local disk at {_places(open_['local-file'])}, and no new home is decided"
    if "session" in open_:
        return "sessions", f"keeps sessions in one process at {_places(open_['session'])}"
    if "cache" in open_ or kind == "cache":
        return "cache", "holds a cache that may be lost"
    if "local-file" in open_:
        named = _places(open_["local-file"])
        return "stateless", f"no write to the local disk was found; look at the paths that are named at {named}"
    if homes:
        moved = ", ".join(f"{topic} to {home}" for topic, home in homes.items())
        return "stateless", f"what the source keeps has a new home by decision: {moved}"
    return "stateless", "nothing found that is written to the local disk or kept in the process"


def _grave(asked: Mapping[str, Demand], topic: str) -> bool:
    """Whether the source surely does it: a path that is only named is to be looked at, and decides nothing."""
    return topic in asked and asked[topic].severity == "blocking"


def _graver(found: tuple[str, str], stated: str) -> tuple[str, str]:
    """The class that was found, or the one that people state where that is graver."""
    state, because = found
    word = STATED.get(stated.strip().lower(), "")
    if stated.strip() and not word:
        return state, f"{because} (the profile's {stated.strip()!r} is no state class that is known)"
    known = state in GRAVITY
    if (word == "database" and state != word) or (known and word and GRAVITY.index(word) > GRAVITY.index(state)):
        return word, f"the profile states {word}, which is graver than what was found: {because}"
    return found


def _mode(asked: Mapping[str, Demand], state: str, homes: Mapping[str, str]) -> tuple[str, str]:
    if state == "database":
        return STAYS, "core data do not depend on a Pod's life; the cluster reaches it by a Service"
    if state == "unknown":
        return "unknown", "no source could be read"
    if "rpc" in asked:
        return "not yet", f"RMI or CORBA at {_places(asked['rpc'])} has to be replaced first"
    changes = [topic for topic in CODE_TOPICS if _grave(asked, topic)]
    if changes:
        undecided = [topic for topic in changes if topic not in homes]
        tail = f"; not decided yet: {', '.join(undecided)}" if undecided else ""
        return "refactor", f"code has to change for {', '.join(changes)} before two sides serve the same users{tail}"
    if state in ("sessions", "local files"):
        return "refactor", f"the profile states {state}, which the source does not show: find where before it moves"
    grave = [topic for topic, demand in asked.items() if demand.severity != "info"]
    if grave:
        return "re-platform", f"configuration and manifests answer {', '.join(grave)}; the code can stay"
    return "re-host", "nothing in the source binds it to its machine"


def _level(open_: Mapping[str, Demand], state: str, mode: str, files: int, homes: int) -> tuple[str, str]:
    severities = [demand.severity for demand in open_.values()]
    weighed = Weighed(state, mode, files, severities.count("blocking"), severities.count("warning"), homes)
    first = next(rule for rule in LEVEL_RULES if rule.holds(weighed))
    if first.level == "Not yet":
        return first.level, f"mode is {mode}"
    if first.level == "Insufficient data":
        return first.level, first.rule
    counted = f"{weighed.blocking} blocking topics, {weighed.warnings} to be watched, {weighed.homes} with a new home"
    return first.level, f"{counted}: {first.rule}"


def _effort(asked: Mapping[str, Demand]) -> tuple[float, float]:
    each = [MOVE, *(EFFORT.get(topic, OTHER_EFFORT) for topic in asked)]
    return sum(low for low, _ in each), sum(high for _, high in each)


def _places(demand: Demand) -> str:
    shown = ", ".join(demand.places[:2])
    return shown + (f" and {len(demand.places) - 2} more" if len(demand.places) > 2 else "")
