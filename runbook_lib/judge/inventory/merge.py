"""Puts trees of one application together: the first source that says something wins, and conflicts are named."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runbook_lib.artefacts import Node

UNORDERED = frozenset({"operations.instances", "databases", "dependencies", "dependents"})
"""Lists in which the order says nothing."""


@dataclass(frozen=True)
class Conflict:
    """What one source says and another says otherwise; an origin is file:line."""

    key: str
    value: str
    origin: str
    other: str
    other_origin: str


@dataclass(frozen=True)
class Merged:
    """One tree of an application, each value with the origin it came from."""

    node: Node
    conflicts: tuple[Conflict, ...] = ()


def merge(trees: Sequence[Node]) -> Merged:
    """One tree from several, the first that knows a value gives it; a list is taken whole."""
    conflicts: list[Conflict] = []
    node = Node({})
    for tree in trees:
        if isinstance(tree.value, dict):
            node = _both(node, tree, "", conflicts) if node.file or node.value else tree
    return Merged(node, tuple(conflicts))


def merge_all(sources: Sequence[Iterable[Node]]) -> dict[str, Merged]:
    """The merged tree of each application that any source names, in the order they are named.

    A name is the same in small and large letters, narrow and wide ones; it is kept as the first source writes it.
    """
    found: dict[str, list[Node]] = {}
    for tree in (tree for source in sources for tree in source):
        if name := folded(tree.get("application").text()):
            found.setdefault(name, []).append(tree)
    return {trees[0].get("application").text().strip(): merge(trees) for trees in found.values()}


def with_more(merged: Mapping[str, Merged], trees: Iterable[Node]) -> dict[str, Merged]:
    """The same below which another source says what nobody has said yet; what was in conflict stays so."""
    found = dict(merged)
    spelled = {folded(name): name for name in merged}
    for tree in trees:
        own = tree.get("application").text().strip()
        if not own:
            continue
        name = spelled.setdefault(folded(own), own)
        before = found.get(name, Merged(Node({})))
        both = merge([before.node, tree])
        found[name] = Merged(both.node, (*before.conflicts, *both.conflicts))
    return found


def folded(name: str) -> str:
    """A name as it is compared: width and case do not count, nor does white space around it or doubled."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def origin(node: Node) -> str:
    """profile.yaml:12, or only the name where there are no lines."""
    file = node.file.rpartition("/")[2]
    return f"{file}:{node.line}" if node.line else file


def _both(first: Node, second: Node, key: str, conflicts: list[Conflict]) -> Node:
    if not _says(first):
        return second
    if isinstance(first.value, dict) and isinstance(second.value, dict):
        value = dict(first.value)
        for name, node in second.value.items():
            below = f"{key}.{name}".lstrip(".")
            value[name] = _both(value[name], node, below, conflicts) if name in value else node
        return replace(first, value=value)
    if _says(second) and key != "application" and _compared(first, key) != _compared(second, key):
        conflicts.append(Conflict(key, _told(first), origin(first), _told(second), origin(second)))
    return first


def _says(node: Node) -> bool:
    """Nothing, an empty value and NaN say nothing."""
    return node.value is not None and node.value not in ("", [], {}) and node.value == node.value


def _compared(node: Node, key: str) -> object:
    """What two sources must agree on: 8080 is "8080", and of a dependency its name."""
    if key in UNORDERED:
        return sorted(folded(item.get("name").text() or item.text()) for item in node.elements() or (node,))
    if isinstance(node.value, list):
        return [_compared(item, "") for item in node.value]
    if isinstance(node.value, dict):
        return {name: _compared(item, "") for name, item in node.value.items()}
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    text = folded(node.text())
    try:
        return float(text)
    except ValueError:
        return text


def _told(node: Node) -> str:
    """A value in one line."""
    return ", ".join(_words(node)) if isinstance(node.value, dict | list) else node.text()


def _words(node: Node) -> Iterator[str]:
    for item in node.elements():
        yield item.get("name").text() or item.text() or _told(item)
    for name, item in node.entries():
        yield f"{name} {_told(item)}"
