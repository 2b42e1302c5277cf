"""Labels and selectors as Kubernetes matches them, and who carries which labels without asking everybody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from runbook_lib.artefacts import Node

Thing = TypeVar("Thing")


def includes(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """A Service's selector: every pair must be there; an empty one selects nothing."""
    return bool(selector) and selector.items() <= labels.items()


def selects(selector: Node, labels: dict[str, str]) -> bool:
    """A LabelSelector: matchLabels and matchExpressions must all hold; an empty one selects everything."""
    if not isinstance(selector.value, dict):
        return False
    wanted = selector.get("matchLabels").labels()
    return wanted.items() <= labels.items() and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions").elements()
    )


def _holds(expression: Node, labels: dict[str, str]) -> bool:
    key = expression.get("key").text()
    values = {value.text() for value in expression.get("values").elements()}
    operator = expression.get("operator").text()
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) == (operator == "Exists")


class Labelled(Generic[Thing]):
    """Things by namespace and label pair: a selector looks only at those that carry its rarest pair."""

    def __init__(self, things: Iterable[tuple[str, dict[str, str], Thing]]) -> None:
        self._all: dict[str, list[tuple[dict[str, str], Thing]]] = defaultdict(list)
        self._pairs: dict[tuple[str, str, str], list[tuple[dict[str, str], Thing]]] = defaultdict(list)
        for space, labels, thing in things:
            self._all[space].append((labels, thing))
            for key, value in labels.items():
                self._pairs[space, key, value].append((labels, thing))

    def included(self, space: str, selector: dict[str, str]) -> tuple[Thing, ...]:
        """Those that a Service's selector takes in, in the order they were given."""
        return self._found(space, selector, lambda labels: includes(selector, labels))

    def selected(self, space: str, selector: Node) -> tuple[Thing, ...]:
        """Those that a LabelSelector takes in, in the order they were given."""
        return self._found(space, selector.get("matchLabels").labels(), lambda labels: selects(selector, labels))

    def _found(self, space: str, pairs: dict[str, str], fits: Callable[[dict[str, str]], bool]) -> tuple[Thing, ...]:
        lists = [self._pairs.get((space, key, value), []) for key, value in pairs.items()]
        near = min(lists, key=len) if lists else self._all.get(space, [])
        return tuple(thing for labels, thing in near if fits(labels))
