"""Who goes before whom: pure functions over "this depends on those".

Forward, a member is moved after what it depends on, so that it has never run against the old side of that. Back, it
goes before it: whoever uses others leaves first, and nobody is left on the new side of something that has gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

Graph = Mapping[str, Collection[str]]
"""For each member those that it names: what it depends on, or, turned round, what must be back before it."""


def ring(depends_on: Graph) -> list[str]:
    """Members that wait for each other, the first one again at the end; empty when nobody does."""
    over: set[str] = set()
    for start in depends_on:
        way: list[tuple[str, list[str]]] = [(start, sorted(depends_on[start]))] if start not in over else []
        while way:
            left = way[-1][1]
            if not left:
                over.add(way.pop()[0])
                continue
            following = left.pop()
            names = [one for one, _ in way]
            if following in names:
                return [*names[names.index(following) :], following]
            if following not in over:
                way.append((following, sorted(depends_on[following])))
    return []


def users_of(depends_on: Graph) -> dict[str, frozenset[str]]:
    """For each member those that depend on it directly: they go back before it."""
    return {name: frozenset(one for one, needs in depends_on.items() if name in needs) for name in depends_on}


def waves(before: Graph) -> list[list[str]]:
    """The members in the order they may go: each wave waits for those before it, inside one nobody waits."""
    found: list[list[str]] = []
    gone: set[str] = set()
    while wave := [name for name in before if name not in gone and gone.issuperset(before[name])]:
        found.append(wave)
        gone.update(wave)
    return found


def ready(before: Graph, begun: Collection[str], back: Collection[str]) -> list[str]:
    """Who may go now: nothing was begun about it, and all that must be back before it are."""
    return [name for name in before if name not in begun and set(back).issuperset(before[name])]


def waiting(before: Graph, back: Collection[str], failed: Collection[str]) -> dict[str, tuple[str, ...]]:
    """For each member that is held up the failed ones that it waits for, directly or through others."""
    held: dict[str, tuple[str, ...]] = {}
    for wave in waves(before):
        for name in wave:
            causes = [one for one in before[name] if one in failed]
            causes += [cause for one in before[name] for cause in held.get(one, ())]
            if causes and name not in back and name not in failed:
                held[name] = tuple(sorted(set(causes)))
    return held
