"""What Pods ask for, with what their namespace fills in, and what it forbids them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubernetes.utils import parse_quantity

from runbook_lib.judge.preflight.seen import Sizes
from runbook_lib.observe.cluster import Object

_SHORT = ("cpu", "memory", "ephemeral-storage")


def sizes_of(spec: Object, ranges: Sequence[Object] = ()) -> Sizes:
    """What one Pod takes of a quota: containers and sidecars together, or the largest init container."""
    found: Sizes = {"pods": 1.0, "count/pods": 1.0}
    for field in ("requests", "limits"):
        first, together = {}, {}  # type: dict[str, float], dict[str, float]
        for container, alone in _containers(spec):
            for name, size in asked(container, field, ranges).items():
                if alone:
                    first[name] = max(first.get(name, 0.0), size)
                else:
                    together[name] = together.get(name, 0.0) + size
        for name in {*first, *together}:
            size = max(first.get(name, 0.0), together.get(name, 0.0))
            found |= {f"{field}.{name}": size} | ({name: size} if field == "requests" and name in _SHORT else {})
    return found


def _containers(spec: Object) -> Iterator[tuple[Object, bool]]:
    """Each container, and whether it runs before the others and alone."""
    yield from ((one, False) for one in spec.get("containers") or [])
    yield from ((one, one.get("restartPolicy") != "Always") for one in spec.get("initContainers") or [])


def asked(container: Object, field: str, ranges: Sequence[Object] = ()) -> Sizes:
    """Requests or limits of a container, with what the namespace fills in; a limit stands for its missing request."""
    own = container.get("resources") or {}
    filled: dict[str, Any] = {}
    for item in ranges:
        if item.get("type") == "Container":
            filled |= item.get("default" if field == "limits" else "defaultRequest") or {}
    given = filled | (own.get("limits") or {})
    if field == "requests":
        given |= own.get("requests") or {}
    return {name: float(parse_quantity(size)) for name, size in given.items()}


def unsaid(specs: Mapping[str, Object], ranges: Sequence[Object]) -> dict[str, tuple[str, ...]]:
    """By the name of a quota's size: the containers that name none, in the way that a quota of it refuses."""
    found: dict[str, tuple[str, ...]] = {}
    for field in ("requests", "limits"):
        for size in ("cpu", "memory"):
            silent = tuple(
                f"{title}/{container['name']}"
                for title, spec in specs.items()
                for container, _ in _containers(spec)
                if size not in asked(container, field, ranges)
            )
            found |= {f"{field}.{size}": silent} | ({size: silent} if field == "requests" else {})
    return {name: silent for name, silent in found.items() if silent}


def against(spec: Object, ranges: Sequence[Object]) -> Iterator[str]:
    """What the LimitRanges of a namespace forbid in a Pod."""
    for item in ranges:
        kind = item.get("type")
        if kind == "Container":
            for container, _ in _containers(spec):
                sizes = {field: asked(container, field, ranges) for field in ("requests", "limits")}
                yield from _outside(f"container {container['name']}", item, sizes)
        elif kind == "Pod":
            whole = sizes_of(spec, ranges)
            fields = ("requests", "limits")
            cut = {f: {n.partition(".")[2]: s for n, s in whole.items() if n.startswith(f"{f}.")} for f in fields}
            yield from _outside("the Pod", item, cut)


def _outside(what: str, item: Object, sizes: Mapping[str, Sizes]) -> Iterator[str]:
    for name, most in (item.get("max") or {}).items():
        found = sizes["limits"].get(name)
        if found is None or found > float(parse_quantity(most)):
            yield f"{what} has a {name} limit of {'none' if found is None else f'{found:g}'} > {most}"
    for name, least in (item.get("min") or {}).items():
        found = sizes["requests"].get(name)
        if found is None or found < float(parse_quantity(least)):
            yield f"{what} requests {name} of {'none' if found is None else f'{found:g}'} < {least}"
