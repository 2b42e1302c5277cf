"""YAML values that remember their file and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Node:
    """A YAML value that remembers its file and line; a child that is not there is a Node whose value is None."""

    value: Any = None
    file: str = ""
    line: int = 0
    path: str = ""

    @property
    def exists(self) -> bool:
        return self.value is not None

    def get(self, *keys: str) -> Node:
        """The value below; a missing or wrongly typed step gives an empty Node at the line of its parent."""
        node = self
        for key in keys:
            found = node.value.get(key) if isinstance(node.value, dict) else None
            if isinstance(found, Node):
                node = found
            else:
                node = Node(None, node.file, node.line, f"{node.path}.{key}".lstrip("."))
        return node

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a mapping; nothing for anything else."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def elements(self) -> tuple[Node, ...]:
        """The members of a list; nothing for anything else."""
        return tuple(self.value) if isinstance(self.value, list) else ()

    def text(self, default: str = "") -> str:
        """The scalar as Kubernetes would print it; the default for nothing, a mapping or a list."""
        if self.value is None or isinstance(self.value, dict | list):
            return default
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)

    def integer(self, default: int | None = None) -> int | None:
        """The whole number; the default for anything else (a wrong type is a finding of its own)."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else default

    def is_true(self) -> bool:
        return self.value is True

    def is_false(self) -> bool:
        return self.value is False

    def labels(self) -> dict[str, str]:
        """A mapping of scalars, as labels and selectors are."""
        return {key: node.text() for key, node in self.entries()}

    def plain(self, depth: int = 40) -> Any:
        """The same value made of JSON's types; what is nested deeper than ``depth`` is cut off."""
        if depth == 0:
            return None
        if isinstance(self.value, dict):
            return {key: node.plain(depth - 1) for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain(depth - 1) for node in self.value]
        return self.value


def node_of(value: Any, file: str = "", line: int = 0, path: str = "") -> Node:
    """A Node tree from plain values, all at one line: how a patched object is checked again."""
    if isinstance(value, dict):
        return Node(
            {str(k): node_of(v, file, line, f"{path}.{k}".lstrip(".")) for k, v in value.items()}, file, line, path
        )
    if isinstance(value, list):
        return Node([node_of(v, file, line, f"{path}[{n}]") for n, v in enumerate(value)], file, line, path)
    return Node(value, file, line, path)
