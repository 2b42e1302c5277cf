"""What somebody has to make before a mend can work: Secrets, whose values no file may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from runbook_lib.artefacts import Node, Resource
from runbook_lib.judge.workload.world import World


@dataclass(frozen=True)
class ToMake:
    """A Secret that nobody gave, and the keys that mends look for in it."""

    name: str
    namespace: str
    keys: tuple[str, ...]

    @property
    def said(self) -> str:
        place = f" in namespace {self.namespace}" if self.namespace else ""
        return f"Secret/{self.name}{place} with the key{'s' if len(self.keys) > 1 else ''} {', '.join(self.keys)}"

    @property
    def command(self) -> str:
        """The values come from a file with a line KEY=VALUE for each key, so that no list of commands shows them."""
        place = f" --namespace {self.namespace}" if self.namespace else ""
        return f"kubectl create secret generic {self.name}{place} --from-env-file=FILE"


def to_make(world: World, changes: Iterable[dict[str, Any]]) -> tuple[ToMake, ...]:
    """The Secrets that patches name and nobody gave, each once, with all keys that are asked of it."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for change in changes:
        space = str(change.get("metadata", {}).get("namespace", ""))
        space = space if space.isprintable() else ""
        for source in _sources(change):
            name, key = str(source.get("name", "")), str(source.get("key", ""))
            if name and world.named("Secret", name, Resource("v1", "Secret", name, space, Node())) is None:
                found.setdefault((name, space), {})[key] = None
    return tuple(ToMake(name, space, tuple(keys)) for (name, space), keys in found.items())


def comment(needed: Iterable[ToMake]) -> str:
    """The same as lines of a comment above YAML; empty when nothing is needed."""
    lines = [f"#   {one.command}\n#   makes {one.said}\n" for one in needed]
    first = "# Somebody has to make this first; FILE has a line KEY=VALUE for each key, with a new value:\n"
    return "".join([first, *lines]) if lines else ""


def _sources(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("secretKeyRef"), dict):
            yield value["secretKeyRef"]
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _sources(item)
