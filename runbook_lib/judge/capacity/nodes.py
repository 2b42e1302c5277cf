"""How many nodes the Pods need: first fit, the largest first; beside it what the tighter resource alone asks for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

RESOURCES = ("CPU", "memory", "number of Pods")


@dataclass(frozen=True)
class NodeShape:
    """What one node has; ``reserved`` is the share of cores and memory that the system and its agents take."""

    cores: float
    memory_mib: float
    pods: int = 110
    reserved: float = 0.1

    @property
    def room(self) -> tuple[float, float, float]:
        free = 1 - self.reserved
        return self.cores * free, self.memory_mib * free, float(self.pods)


@dataclass(frozen=True)
class Wanted:
    """Replicas of one application, each of the same request."""

    name: str
    cores: float
    memory_mib: float
    replicas: int


@dataclass(frozen=True)
class Nodes:
    """``nodes`` by first fit; ``bound`` is what the ``tighter`` resource asks for if Pods could be poured.

    ``filled`` is the share of each resource in use on these nodes; ``too_large`` are Pods that fit on no node and are
    not counted; ``share`` is how many nodes' worth it is, for an application that shares them with others.
    """

    nodes: int
    bound: int
    tighter: str
    share: float
    filled: dict[str, float]
    pods: int
    too_large: tuple[str, ...]

    def __str__(self) -> str:
        left = f"; on no node fits a Pod of {', '.join(self.too_large)}" if self.too_large else ""
        return (
            f"{self.nodes} nodes by first fit, {self.bound} by {self.tighter} alone (the tighter resource), "
            f"for {self.pods} Pods{left}"
        )


def nodes_for(wanted: Iterable[Wanted], node: NodeShape) -> Nodes:
    """Nodes for these Pods, requests only. One node more is needed where one may fail or be drained."""
    room = node.room
    groups = [(one, (one.cores, one.memory_mib, 1.0)) for one in wanted if one.replicas > 0]
    fits = [all(n <= r for n, r in zip(need, room, strict=True)) for _, need in groups]
    fitting = [group for group, does in zip(groups, fits, strict=True) if does]
    too_large = tuple(one.name for (one, _), does in zip(groups, fits, strict=True) if not does)
    totals = [math.fsum(need[axis] * one.replicas for one, need in fitting) for axis in range(3)]
    shares = [total / r if r > 0 else 0.0 for total, r in zip(totals, room, strict=True)]
    tightest = max(range(3), key=lambda axis: shares[axis])
    count = _first_fit([(need, one.replicas) for one, need in fitting], room)
    return Nodes(
        nodes=count,
        bound=math.ceil(round(shares[tightest], 9)),
        tighter=RESOURCES[tightest],
        share=shares[tightest],
        filled={name: share / count if count else 0.0 for name, share in zip(RESOURCES, shares, strict=True)},
        pods=sum(one.replicas for one, _ in fitting),
        too_large=too_large,
    )


def _first_fit(groups: Sequence[tuple[tuple[float, ...], int]], room: tuple[float, float, float]) -> int:
    """Each Pod on the first node with room for it, a new node where there is none; the largest Pods first."""
    whole = np.array(room)
    free = np.empty((64, 3))
    count = 0
    ordered = sorted(groups, key=lambda group: max(n / r for n, r in zip(group[0], room, strict=True)), reverse=True)
    for need, replicas in ordered:
        left, each = replicas, np.maximum(need, 1e-9)
        fits = np.floor((free[:count] / each + 1e-9).min(axis=1)).astype(int)
        for place in np.flatnonzero(fits):
            taken = min(left, int(fits[place]))
            free[place] -= taken * each
            left -= taken
            if not left:
                break
        while left:
            if count == len(free):
                free = np.vstack((free, np.empty_like(free)))
            taken = min(left, int(np.floor((whole / each + 1e-9).min())))
            free[count] = whole - taken * each
            count, left = count + 1, left - taken
    return count
