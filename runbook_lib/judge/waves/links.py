"""Who depends on whom, and who shares a database, from the profiles of all applications."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.artefacts import Node
from runbook_lib.judge.grants import SERVERS, STORES
from runbook_lib.judge.migration import Migration
from runbook_lib.judge.waves.candidate import Candidate

_SEVERAL = re.compile(r"\s*[;,|\n；，、]\s*")


@dataclass(frozen=True)
class Links:
    """Each application's dependencies, those that depend on it, and its databases; by name as given.

    A dependency that is no application of the fleet stands in ``depends_on`` as it is written.
    """

    depends_on: Mapping[str, tuple[str, ...]]
    dependents: Mapping[str, tuple[str, ...]]
    databases: Mapping[str, tuple[str, ...]]
    users: Mapping[str, tuple[str, ...]]
    """Of each database."""
    telling: frozenset[str]
    """Applications of which somebody wrote down what they depend on, or which databases they use."""
    calls_known: bool
    """Whether anybody wrote down what an application of the fleet depends on."""

    def dependents_of(self, name: str) -> int | None:
        """How many depend on it; None where nobody in the fleet wrote down dependencies."""
        found = self.dependents.get(name, ())
        return len(found) if found or self.calls_known else None

    def sharing(self, name: str) -> tuple[str, ...] | None:
        """Others that use a database of its own; None where nobody wrote down which it uses."""
        if name not in self.telling:
            return None
        return tuple(sorted({one for base in self.databases[name] for one in self.users[base]} - {name}))


def links(trees: Mapping[str, Node]) -> Links:
    """Names are matched as written, else without regard to case where that is plain."""
    alike: dict[str, list[str]] = {}
    for name in trees:
        alike.setdefault(name.strip().casefold(), []).append(name)
    needs: dict[str, set[str]] = {name: set() for name in trees}
    for name, tree in sorted(trees.items()):
        needs[name] |= {_known(one, trees, alike) for one in _called(tree.get("dependencies"), trees, alike)}
        for user in _names(tree.get("dependents")):
            if (known := _known(user, trees, alike)) in needs:
                needs[known].add(name)
    bases = {name: _databases(tree) for name, tree in trees.items()}
    return Links(
        depends_on={name: tuple(sorted(found)) for name, found in needs.items()},
        dependents=_turned({name: found - {name} for name, found in needs.items()}),
        databases=bases,
        users=_turned(bases),
        telling=frozenset(n for n, t in trees.items() if t.get("dependencies").exists or t.get("databases").exists),
        calls_known=any(tree.get("dependencies").exists for tree in trees.values()),
    )


def candidate(name: str, stated: Node, migration: Migration, known: Links) -> Candidate:
    """The application as the plan sees it."""
    return Candidate(
        name=name,
        level=migration.level,
        state=migration.state,
        mode=migration.mode,
        risk=migration.risk.level,
        effort=migration.effort,
        depends_on=known.depends_on.get(name, ()),
        databases=known.databases.get(name, ()),
        criticality=stated.get("criticality").text(),
        owner=stated.get("owner").text(),
    )


def _turned(graph: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for one, others in graph.items():
        for other in others:
            found.setdefault(other, set()).add(one)
    return {one: tuple(sorted(others)) for one, others in found.items()}


def _known(name: str, trees: Mapping[str, Node], alike: Mapping[str, list[str]]) -> str:
    """The application that is meant; the name as written when none is, or several are."""
    found = alike.get(name.strip().casefold(), [])
    return name if name in trees or len(found) != 1 else found[0]


def _called(node: Node, trees: Mapping[str, Node], alike: Mapping[str, list[str]]) -> list[str]:
    """Dependencies that are applications: all but servers (databases, caches, queues) that no source calls one."""
    servers = {item.get("name").text() for item in node.elements() if item.get("kind").text().lower() in SERVERS}
    return [name for name in _names(node) if name not in servers or _known(name, trees, alike) in trees]


def _names(node: Node) -> list[str]:
    """Names of a list of mappings or texts, or of one text with several."""
    if text := node.text():
        return [part for part in _SEVERAL.split(text.strip()) if part]
    return [name for item in node.elements() if (name := item.get("name").text() or item.text())]


def _databases(tree: Node) -> tuple[str, ...]:
    """The databases named as such, and dependencies that are one: by address where there is one, else by name."""
    found = set(_names(tree.get("databases")))
    for item in tree.get("dependencies").elements():
        if item.get("kind").text().lower() in STORES:
            found.add(item.get("address").text() or item.get("name").text())
    return tuple(sorted(found - {""}))
