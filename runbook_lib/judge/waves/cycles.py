"""Rings of applications that depend on each other: which edge to break, so that there is an order at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from runbook_lib.judge.risk import LEVELS as RISKS
from runbook_lib.judge.risk import STATES, criticality
from runbook_lib.judge.waves.candidate import Candidate

Edge = tuple[str, str]
"""The first depends on the second."""
Needs = Mapping[str, Sequence[str]]
WORST = 7


@dataclass(frozen=True)
class Broken:
    """An edge that is left out of the order, and the ring it closes: from its first end round to that again."""

    edge: Edge
    ring: tuple[str, ...]
    cost: int
    others: tuple[int, ...]
    """What the other edges of the ring cost."""


def components(names: Sequence[str], edges: Iterable[Edge]) -> list[tuple[str, ...]]:
    """Groups of names of which each reaches each other, in the order of the names."""
    index = {name: number for number, name in enumerate(names)}
    pairs = np.array([(index[a], index[b]) for a, b in edges], dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(names), len(names)))
    _, labels = connected_components(graph, directed=True, connection="strong")
    groups: dict[int, list[str]] = {}
    for name, label in zip(names, labels.tolist(), strict=True):
        groups.setdefault(label, []).append(name)
    return [tuple(members) for members in groups.values()]


def edges_of(needs: Needs) -> Iterator[Edge]:
    return ((name, one) for name, others in needs.items() for one in others)


def broken(needs: Needs, cost: Callable[[str, str], int]) -> tuple[Broken, ...]:
    """One edge for each ring that the others leave: the cheapest of its ring.

    The dearest edges are kept first; one that closes a ring over edges that are kept is broken, so that every other
    edge of that ring costs as much or more.
    """
    found = [Broken((name, name), (name, name), 0, ()) for name, others in needs.items() if name in others]
    for members in components(sorted(needs), edges_of(needs)):
        if len(members) > 1:
            inside = set(members)
            edges = [(a, b) for a in members for b in needs[a] if b in inside and a != b]
            found += _of_group(members, sorted(edges, key=lambda e: (-cost(*e), e)), cost)
    return tuple(sorted(found, key=lambda one: one.edge))


def crossing_cost(caller: Candidate, callee: Candidate) -> int:
    """What it takes to keep a call working while the caller is on the new side and the callee on the old, 0 to WORST.

    Whoever calls over two sides carries the risk; what the callee keeps in its process has to be found again; a
    database that both write makes it harder to say who is at fault.
    """
    risk = RISKS.index(caller.risk) if caller.risk in RISKS else 2
    word = criticality(caller.criticality)
    critical = RISKS.index(word) if word else 2
    return risk + critical + STATES.get(callee.state, 2) + bool(set(caller.databases) & set(callee.databases))


def _of_group(members: Sequence[str], edges: Sequence[Edge], cost: Callable[[str, str], int]) -> list[Broken]:
    order = _Order(members, edges)
    found = []
    for edge in edges:
        if ring := order.add(*edge):
            others = tuple(cost(*pair) for pair in pairwise(ring[1:]))
            found.append(Broken(edge, ring, cost(*edge), others))
    return found


class _Order:
    """An order in which nobody comes before what it needs, kept while edges are added (Pearce and Kelly, 2006)."""

    def __init__(self, members: Sequence[str], edges: Sequence[Edge]) -> None:
        self.at = {name: place for place, name in enumerate(_last_first(members, edges))}
        self.needs: dict[str, list[str]] = {name: [] for name in members}
        self.users: dict[str, list[str]] = {name: [] for name in members}

    def add(self, user: str, needed: str) -> tuple[str, ...]:
        """Adds the edge, or leaves it out and returns the ring that it closes."""
        if self.at[needed] > self.at[user]:
            below = self._reached(needed, self.needs, lambda name: self.at[name] >= self.at[user])
            if user in below:
                return (user, *_way(below, user))
            above = self._reached(user, self.users, lambda name: self.at[name] <= self.at[needed])
            self._reorder([*sorted(below, key=self.at.__getitem__), *sorted(above, key=self.at.__getitem__)])
        self.needs[user].append(needed)
        self.users[needed].append(user)
        return ()

    def _reached(self, start: str, ways: Mapping[str, list[str]], near: Callable[[str], bool]) -> dict[str, str]:
        """Everything near that can be reached, each with the one it was reached from."""
        seen, line = {start: ""}, [start]
        for name in line:
            for one in ways[name]:
                if one not in seen and near(one):
                    seen[one] = name
                    line.append(one)
        return seen

    def _reorder(self, names: Sequence[str]) -> None:
        for place, name in zip(sorted(self.at[name] for name in names), names, strict=True):
            self.at[name] = place


def _way(reached_from: Mapping[str, str], end: str) -> list[str]:
    way = [end]
    while reached_from[way[-1]]:
        way.append(reached_from[way[-1]])
    return way[::-1]


def _last_first(members: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    """What others need before those: a depth-first order, which only the edges that close a ring contradict."""
    needs: dict[str, list[str]] = {name: [] for name in members}
    for user, needed in edges:
        needs[user].append(needed)
    done: list[str] = []
    seen: set[str] = set()
    for start in members:
        way = [] if start in seen else [(start, iter(needs[start]))]
        seen.add(start)
        while way:
            following = next((one for one in way[-1][1] if one not in seen), None)
            if following is None:
                done.append(way.pop()[0])
            else:
                seen.add(following)
                way.append((following, iter(needs[following])))
    return done
