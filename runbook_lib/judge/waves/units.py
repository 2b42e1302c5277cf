"""What goes together: rings of dependency and applications that share a database, as far as one wave can carry them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from runbook_lib.judge.waves.candidate import Candidate, WaveRules
from runbook_lib.judge.waves.cycles import Edge, Needs, components, edges_of


@dataclass(frozen=True)
class Unit:
    """Applications that go in one wave: one of them, or several that belong together."""

    members: tuple[str, ...]
    needs: frozenset[int]
    """Other units, by number, that go before it or with it."""
    days: tuple[float, float]


@dataclass(frozen=True)
class Cut:
    """A fleet cut into units: the units, the one of each application, and the edges that the order leaves out."""

    units: tuple[Unit, ...]
    of: Mapping[str, int]
    crossing: frozenset[Edge]


def cut(
    moving: Mapping[str, Candidate],
    needs: Needs,
    broken: Collection[Edge],
    bases: Mapping[str, Sequence[str]],
    rules: WaveRules,
) -> Cut:
    """``bases`` are the databases with those that use them. A ring that is too large for a wave loses its broken edges.

    Where databases tie more together than one wave carries, the ones with most users are let go first.
    """
    names = sorted(moving)
    crossing = _too_large(names, needs, broken, moving, rules)
    edges = [edge for edge in edges_of(needs) if edge not in crossing]
    held = {base: tuple(users) for base, users in bases.items() if len(users) > 1}
    while True:
        groups = components(names, [*edges, *_ties(held)])
        of = {name: number for number, members in enumerate(groups) for name in members}
        over = [number for number, members in enumerate(groups) if not _carried(members, moving, rules)]
        dropped = _dropped(over, held, of)
        if not dropped:
            break
        held = {base: users for base, users in held.items() if base not in dropped}
    return Cut(_units(groups, edges, of, moving), of, crossing)


def _too_large(
    names: Sequence[str], needs: Needs, broken: Collection[Edge], moving: Mapping[str, Candidate], rules: WaveRules
) -> frozenset[Edge]:
    rings = [set(ring) for ring in components(names, edges_of(needs)) if not _carried(ring, moving, rules)]
    of = {name: number for number, ring in enumerate(rings) for name in ring}
    return frozenset((a, b) for a, b in broken if a in of and of[a] == of.get(b))


def _carried(members: Collection[str], moving: Mapping[str, Candidate], rules: WaveRules) -> bool:
    return len(members) == 1 or rules.fit(moving[name] for name in members)


def _ties(bases: Mapping[str, Sequence[str]]) -> Iterator[Edge]:
    """Edges both ways between those that share a database, so that they end up in one group."""
    for users in bases.values():
        for a, b in pairwise(users):
            yield from ((a, b), (b, a))


def _dropped(over: Sequence[int], bases: Mapping[str, Sequence[str]], of: Mapping[str, int]) -> frozenset[str]:
    """Of each group that is too large the half of its databases that most use."""
    inside: dict[int, list[str]] = {number: [] for number in over}
    for base, users in bases.items():
        if of[users[0]] in inside:
            inside[of[users[0]]].append(base)
    found: list[str] = []
    for within in inside.values():
        ordered = sorted(within, key=lambda base: (-len(bases[base]), base))
        found += ordered[: math.ceil(len(ordered) / 2)]
    return frozenset(found)


def _units(
    groups: Sequence[tuple[str, ...]], edges: Sequence[Edge], of: Mapping[str, int], moving: Mapping[str, Candidate]
) -> tuple[Unit, ...]:
    needs: list[set[int]] = [set() for _ in groups]
    for user, needed in edges:
        if of[user] != of[needed]:
            needs[of[user]].add(of[needed])
    return tuple(
        Unit(members, frozenset(needed), days(moving[name] for name in members))
        for members, needed in zip(groups, needs, strict=True)
    )


def days(candidates: Iterable[Candidate]) -> tuple[float, float]:
    """Working days of all of them, low and high."""
    each = [one.effort for one in candidates]
    return round(sum(low for low, _ in each), 2), round(sum(high for _, high in each), 2)
