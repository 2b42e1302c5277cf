"""Which earlier state is gone back to, and why this one: pure, from the history and the snapshot sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.errors import BadParameters, CriterionFailed
from runbook_lib.observe.workload.snapshots import SnapshotSet


@dataclass(frozen=True)
class Past:
    """A ReplicaSet of the history; ``numbers``: its revision now, and those it had before it was gone back to."""

    replica_set: str
    numbers: tuple[int, ...]
    template: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """What runs: its revision, the digest of its template (empty when the Deployment is gone), and what is left of
    earlier ones, oldest first; ``back_at`` is the template that an earlier rollback went back to, and when."""

    revision: int
    template: str
    past: tuple[Past, ...]
    back_at: tuple[str, datetime] | None = None


@dataclass(frozen=True)
class Target:
    """What is gone back to; ``snapshot`` is the set that belongs to it, None when none does."""

    revision: int
    template: str
    images: tuple[str, ...]
    source: str
    why: tuple[str, ...]
    snapshot: SnapshotSet | None


def choose(standing: Standing, sets: Sequence[SnapshotSet], to_revision: int | None) -> Target:
    """The revision that was named, or the state before the last release; asked again it is the same one.

    Raises BadParameters when nothing is left of it, CriterionFailed when its snapshot set was altered.
    """
    if to_revision is not None:
        return _named(standing, sets, to_revision)
    if (back := _already(standing, sets)) is not None:
        return _to_set(standing, back, "an earlier rollback went back to it; name a revision to go further back")
    chosen, why = _before(standing, sets)
    if chosen is not None:
        return _to_set(standing, chosen, why)
    others = [one for one in standing.past if one.template != standing.template]
    if standing.back_at is not None and standing.back_at[0] == standing.template:
        others = [one for one in standing.past if one.template == standing.template]
    if not others:
        raise BadParameters(f"no earlier revision is left to go back to ({left(standing, sets)})")
    return _to_past(others[-1], sets, "no snapshot set says what stood before: the newest other ReplicaSet")


def left(standing: Standing, sets: Sequence[SnapshotSet]) -> str:
    """What there is to go back to, in a sentence."""
    numbers = ", ".join(str(one.numbers[0]) for one in standing.past) or "none"
    kept = ", ".join(f"{one.revision} of {one.at:%Y-%m-%d %H:%M} UTC" for one in sets if not one.problem) or "none"
    kept += "".join(f"; {one.problem}" for one in sets if one.problem)
    return f"ReplicaSets are left of revision {numbers}; snapshot sets of revision {kept}"


def _before(standing: Standing, sets: Sequence[SnapshotSet]) -> tuple[SnapshotSet | None, str]:
    stood = [one for one in sets if one.stood]
    befores = [one for one in stood if one.moment == "before"]
    if not befores:
        others = [one for one in stood if one.template != standing.template]
        return (others[-1], "the newest snapshot set of another template") if others else (None, "")
    before = befores[-1]
    after = next((one for one in reversed(stood) if one.moment == "after" and one.at > before.at), None)
    if after is None or standing.template in (before.template, after.template, ""):
        return before, f"the state before the last release, kept by {before.run or 'an unknown run'}"
    return after, "what stands was not released by these runbooks: the state after the last release that was"


def _already(standing: Standing, sets: Sequence[SnapshotSet]) -> SnapshotSet | None:
    """The set that an earlier rollback went back to, while nothing was released since."""
    if standing.back_at is None or standing.back_at[0] != standing.template:
        return None
    at = standing.back_at[1]
    if any(one.moment == "before" and one.stood and one.at > at for one in sets):
        return None
    return next((one for one in reversed(sets) if one.template == standing.template and one.at <= at), None)


def _named(standing: Standing, sets: Sequence[SnapshotSet], number: int) -> Target:
    found = next((one for one in reversed(standing.past) if number in one.numbers), None)
    mine = [one for one in sets if one.revision == number]
    if found is not None:
        return _to_past(found, sets, f"revision {number} was asked for", number)
    if mine:
        return _to_set(standing, mine[-1], f"revision {number} was asked for, and its ReplicaSet is gone")
    raise BadParameters(
        f"nothing is left of revision {number} ({left(standing, sets)}); name one of these, or apply that release's "
        "manifests with 03_pilot_deploy"
    )


def _to_set(standing: Standing, chosen: SnapshotSet, why: str) -> Target:
    if chosen.problem:
        raise CriterionFailed(f"{chosen.problem}; nothing was changed. Name a revision whose ReplicaSet is left")
    said = [why, f"its snapshot set is of {chosen.at:%Y-%m-%d %H:%M:%S} UTC, {chosen.moment} a release"]
    kept = next((one for one in reversed(standing.past) if one.template == chosen.template), None)
    source = f"ReplicaSet/{kept.replica_set}" if kept else f"ConfigMap/{chosen.name}"
    if kept is None:
        said.append("its ReplicaSet is gone: the template comes from the snapshot set")
    return Target(chosen.revision, chosen.template, chosen.images, source, tuple(said), chosen)


def _to_past(found: Past, sets: Sequence[SnapshotSet], why: str, number: int | None = None) -> Target:
    """The set of that revision number, or else the newest of the same template, belongs to it."""
    same = [one for one in sets if one.template == found.template]
    exact = [one for one in same if one.revision in found.numbers and number in (None, one.revision)]
    chosen = next(reversed(exact or same), None)
    said = [why]
    if chosen is not None:
        word = "of this revision" if exact else f"of the same template, then revision {chosen.revision}"
        said.append(f"its snapshot set is the newest {word}: {chosen.at:%Y-%m-%d %H:%M:%S} UTC, run {chosen.run}")
    source = f"ReplicaSet/{found.replica_set}"
    return Target(number or found.numbers[0], found.template, found.images, source, tuple(said), chosen)
