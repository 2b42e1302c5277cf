"""Do both sides run with the same settings? Digests in, a table of differences and a Verdict out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from runbook_lib.model import Outcome, Verdict

Kind = Literal["same", "only old", "only new", "different", "unknown"]
OWN = (
    *("PWD", "OLDPWD", "SHLVL", "_", "SHELL", "TERM", "USER", "LOGNAME", "XDG_*", "SSH_*", "INVOCATION_ID"),
    *("JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "NOTIFY_SOCKET", "MAINPID", "LISTEN_*", "MEMORY_PRESSURE_*"),
)
OWN_REASON = "set by the login or the service manager, not for the application"


class Setting(Protocol):
    """One setting of one side."""

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def source(self) -> str: ...
    @property
    def shown(self) -> str | None: ...


@dataclass(frozen=True)
class Rules:
    """How names belong together, and which differences are meant: patterns of names with their reasons."""

    names: Mapping[str, str] = field(default_factory=dict)
    relaxed: bool = False
    expected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """One setting held against the other side's, on the named instances; ``reason`` explains a difference.

    ``old`` and ``new`` are values where they are no secrets; ``source`` is where the new one comes from.
    """

    name: str
    kind: Kind
    instances: tuple[str, ...]
    old: str | None = None
    new: str | None = None
    source: str = ""
    reason: str = ""

    @property
    def explained(self) -> bool:
        return self.kind == "same" or bool(self.reason)


def compare(old: Mapping[str, Sequence[Setting]], new: Sequence[Setting], rules: Rules) -> list[Row]:
    """Every setting of either side, by name; instances that agree share a row."""
    sides = {
        instance: {_key(rules.names.get(s.name, s.name), rules): s for s in found} for instance, found in old.items()
    }
    fresh = {_key(setting.name, rules): setting for setting in new}
    names = {key for found in sides.values() for key in found} | fresh.keys()
    rows = [row for key in names for row in _rows(key, sides, fresh, rules)]
    return sorted(rows, key=lambda row: (row.explained, row.kind == "same", row.name, row.instances))


def _rows(
    key: str, sides: Mapping[str, Mapping[str, Setting]], fresh: Mapping[str, Setting], rules: Rules
) -> Iterable[Row]:
    groups: dict[tuple[Kind, str | None], list[str]] = {}
    for instance, found in sides.items():
        if key not in found and key not in fresh:
            continue  # another instance has it
        kind, mine = _kind(found.get(key), fresh.get(key)), found.get(key)
        groups.setdefault((kind, mine.digest if mine else None), []).append(instance)
    told: dict[tuple[Kind, str], Row] = {}
    for (kind, _), instances in groups.items():
        mine, other = sides[instances[0]].get(key), fresh.get(key)
        names = [setting.name for setting in (mine, other) if setting is not None]
        row = Row(
            " → ".join(dict.fromkeys(names)),
            kind,
            tuple(instances),
            mine.shown if mine else None,
            other.shown if other else None,
            other.source if other else "",
            _reason(kind, names, rules),
        )
        if not row.reason:
            yield row
        else:  # what is explained for each of many machines is told once
            before = told.get((kind, row.name))
            told[kind, row.name] = row if before is None else _merged(before, row)
    yield from told.values()


def _merged(one: Row, other: Row) -> Row:
    instances = (*one.instances, *other.instances)
    return replace(one, instances=instances, old=f"{one.old}, …" if one.old and not one.old.endswith("…") else one.old)


def _kind(old: Setting | None, new: Setting | None) -> Kind:
    if old is None:
        return "only new"
    if new is None:
        return "only old"
    if old.digest is None or new.digest is None:
        return "unknown"
    return "same" if old.digest == new.digest else "different"


def _reason(kind: Kind, names: Sequence[str], rules: Rules) -> str:
    if kind == "same":
        return ""
    for pattern, reason in rules.expected:
        if any(fnmatchcase(name, pattern) for name in names):
            return reason
    own = kind == "only old" and any(fnmatchcase(name, pattern) for name in names for pattern in OWN)
    return OWN_REASON if own else ""


def _key(name: str, rules: Rules) -> str:
    """What two names have in common that are one; a path is never relaxed."""
    return re.sub(r"[._-]", "", name).lower() if rules.relaxed and "/" not in name else name


def configuration(rows: Sequence[Row], unread: Mapping[str, str], changed: Sequence[str]) -> Verdict:
    """FAIL for a difference that nobody explained; INCONCLUSIVE where a side or a value is not known."""
    same = [row for row in rows if row.kind == "same"]
    open_rows = [row for row in rows if not row.explained]
    unknown = [row for row in open_rows if row.kind == "unknown"]
    wrong = [row for row in open_rows if row.kind != "unknown"]
    explained = len(rows) - len(same) - len(open_rows)
    instances = {instance for row in rows for instance in row.instances}
    numbers = {"same": float(len(same)), "unexplained": float(len(wrong)), "explained": float(explained)}
    numbers |= {"unknown": float(len(unknown)), "instances": float(len(instances)), "unread": float(len(unread))}
    said = f"{len(same)} settings are equal on {len(instances)} instances, {explained} differences explained"
    if wrong:
        told = "; ".join(f"{row.name} ({row.kind}: {', '.join(row.instances)})" for row in wrong[:5])
        return Verdict("configuration", Outcome.FAIL, f"{len(wrong)} unexplained: {told}; {said}", numbers)
    missing = [f"{name}: {why}" for name, why in unread.items()]
    missing += [f"{row.name} is masked or missing" for row in unknown]
    missing += [f"{name} was written after the Pod started: it runs with older values, roll it" for name in changed]
    if not instances and not unread:
        missing = ["the old side's settings are not read; name legacy.settings"]
    elif not same and not missing:
        missing = ["no setting is on both sides: nothing was compared; see kubernetes.settings.names"]
    outcome = Outcome.INCONCLUSIVE if missing else Outcome.PASS
    return Verdict("configuration", outcome, "; ".join([*missing[:5], said]), numbers)
