"""Puts trees of one application together: the first source that says something wins, and conflicts are named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.artefacts import Node


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
    raise NotImplementedError


def merge_all(sources: Sequence[Iterable[Node]]) -> dict[str, Merged]:
    """The merged tree of each application that any source names, in the order they are named."""
    raise NotImplementedError
