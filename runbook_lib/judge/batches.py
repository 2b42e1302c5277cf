"""The arithmetic of a release in batches: how many Pods are new after each, and what Kubernetes must be told for it.

Kubernetes rounds a share of maxSurge up and one of maxUnavailable down; both zero would never move, so that one may be
missing then (https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runbook_lib.errors import BadParameters


@dataclass(frozen=True)
class Fences:
    """Pods that may be there beyond the wanted ones, and of the wanted ones be missing, during a rolling update."""

    surge: int
    unavailable: int


def fences(surge: int | str | None, unavailable: int | str | None, wanted: int) -> Fences:
    """What maxSurge and maxUnavailable (default 25 % each) come to for so many Pods."""
    more = _count(surge, wanted, up=True)
    missing = min(_count(unavailable, wanted, up=False), wanted)
    return Fences(more, missing if more or missing else min(1, wanted))


def _count(value: int | str | None, wanted: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    share = int((value or "25%").removesuffix("%")) * wanted
    return math.ceil(share / 100) if up else share // 100


def targets(batches: Sequence[int | str], wanted: int) -> list[int]:
    """How many Pods are new after each batch, growing; the last batch is always all of them.

    A share is rounded up, so that each batch has a Pod; BadParameters when the batches do not grow.
    """
    sizes = [_count(batch, wanted, up=True) for batch in batches]
    shares = [int(b.removesuffix("%")) for b in batches if isinstance(b, str)]
    counts = [b for b in batches if isinstance(b, int)]
    if shares != sorted(shares) or counts != sorted(counts):
        raise BadParameters(
            f"kubernetes.rollout.batches {list(batches)} do not grow; each says how many Pods are new after it, "
            "for instance [1, 25%, 100%]"
        )
    growing: list[int] = []
    for size in [*sizes, wanted]:
        if min(size, wanted) > (growing[-1] if growing else 0):
            growing.append(min(size, wanted))
    return growing


def step(target: int, before: int) -> Fences:
    """What holds a rollout at ``target`` new Pods: as many more as the batch has, and the batches before counted out.

    New Pods do not count as available until the last batch is done, so that what is new and ready by an earlier batch
    must be allowed to be missing: the old ones shrink by it, and not by one more.
    """
    return Fences(target - before, before)


class Pod(Protocol):
    """One Pod of the newest template."""

    @property
    def name(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def restarts(self) -> int: ...


def faults(pods: Sequence[Pod], target: int) -> list[str]:
    """What keeps a batch from being good: each of its Pods must be there, ready, and never restarted."""
    missing = target - len(pods)
    found = [f"{missing} of {target} Pods are not made yet"] if missing > 0 else []
    found += [f"{pod.name} is not ready" for pod in pods if not pod.ready]
    return found + [f"{pod.name} restarted {pod.restarts} times" for pod in pods if pod.restarts]
