"""Is there something to come back to: the last good backup is young, whole, kept long enough, and was restored once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runbook_lib.judge.retention import words
from runbook_lib.model import Outcome, Verdict


@dataclass(frozen=True)
class Saved:
    """One backup as it stands; ``problem`` says why it is not good, ``expires`` is None where nobody knows."""

    name: str
    at: datetime | None
    expires: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Wanted:
    """What the parameters ask of a backup; ``restored_within`` None: no restore is asked for."""

    name: str
    max_age: timedelta
    keep: timedelta
    restored_within: timedelta | None


@dataclass(frozen=True)
class Kept:
    """What was found: backups, the last restore that succeeded, and why nothing could be asked, if so."""

    backups: tuple[Saved, ...] = ()
    restored: datetime | None = None
    remarks: tuple[str, ...] = ()
    unknown: str = ""


def backed_up(wanted: Wanted, found: Kept, at: datetime) -> Verdict:
    """PASS for a good backup that is young enough and kept long enough, and whose restore was tried.

    A backup of which nobody knows that it can be restored, or how long it is kept, is INCONCLUSIVE.
    """
    name = f"backup: {wanted.name}"
    if found.unknown:
        return Verdict(name, Outcome.INCONCLUSIVE, found.unknown)
    good = [one for one in found.backups if not one.problem and one.at is not None and one.at <= at]
    if not good:
        return Verdict(name, Outcome.FAIL, _none(found.backups), {"backups": float(len(found.backups))})
    last = max(good, key=lambda one: one.at or at)
    age = at - (last.at or at)
    numbers = {"age_hours": age / timedelta(hours=1), "max_age_hours": wanted.max_age / timedelta(hours=1)}
    verdict = Verdict(name, Outcome.PASS, f"{last.name} is {words(age)} old <= {words(wanted.max_age)}", numbers)
    if age > wanted.max_age:
        later = _later(found.backups, last)
        said = f"the last good one, {last.name}, is {words(age)} old > {words(wanted.max_age)}{later}"
        return replace(verdict, outcome=Outcome.FAIL, message=said)
    parts = (_expiry(wanted, last, at), _restore(wanted, found.restored, at))
    said = "; ".join((verdict.message, *(text for _, text in parts), *found.remarks))
    return replace(verdict, outcome=max(outcome for outcome, _ in parts), message=said)


def _expiry(wanted: Wanted, last: Saved, at: datetime) -> tuple[Outcome, str]:
    if not wanted.keep:
        return Outcome.PASS, "how long it is kept is not asked"
    if last.expires is None:
        return Outcome.INCONCLUSIVE, "until when it is kept is not known"
    left = last.expires - at
    outcome = Outcome.PASS if left >= wanted.keep else Outcome.FAIL
    sign = ">=" if outcome is Outcome.PASS else "<"
    return outcome, f"kept for {words(max(left, timedelta(0)))} {sign} {words(wanted.keep)}"


def _restore(wanted: Wanted, restored: datetime | None, at: datetime) -> tuple[Outcome, str]:
    if wanted.restored_within is None:
        asked = "none is asked for" if restored is None else f"the last was {words(at - restored)} ago"
        return Outcome.PASS, f"restore: {asked}"
    if restored is None:
        return Outcome.INCONCLUSIVE, "no restore is on record: a backup that nobody restored may be none; try one"
    age = at - restored
    inside = age <= wanted.restored_within
    outcome = Outcome.PASS if inside else Outcome.INCONCLUSIVE
    return outcome, f"restored {words(age)} ago {'<=' if inside else '>'} {words(wanted.restored_within)}"


def _none(backups: Sequence[Saved]) -> str:
    if not backups:
        return "there is no backup"
    told = "; ".join(f"{one.name}: {one.problem or 'it lies in the future'}" for one in backups[-3:])
    return f"none of {len(backups)} is good: {told}"


def _later(backups: Sequence[Saved], last: Saved) -> str:
    """What became of those that were begun after the last good one."""
    bad = [one for one in backups if one.problem and one.at and last.at and one.at > last.at]
    return f"; after it: {'; '.join(f'{one.name} {one.problem}' for one in bad[:3])}" if bad else ""
