"""What a Pod that stays in trouble means for its release: fail it, make the Pod anew, or leave it for later."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Policy = Literal["fail", "recreate", "ignore"]


class Trouble(Protocol):
    """What keeps one Pod from being ready."""

    @property
    def uid(self) -> str: ...
    @property
    def lasting(self) -> bool: ...
    @property
    def starting(self) -> bool: ...


@dataclass(frozen=True)
class Handling:
    """What to do: ``failed`` are the Pods whose time is over, by uid; ``recreate`` those of them to be deleted."""

    failed: tuple[str, ...] = ()
    recreate: tuple[str, ...] = ()
    fails: bool = False
    """The release has failed."""
    ignored: bool = False
    """The failed Pods are few enough to be left for later."""


def handle(
    policy: Policy,
    troubles: Sequence[Trouble],
    since: Mapping[str, float],
    now: float,
    patience: float,
    wanted: int,
    ratio: float,
) -> Handling:
    """What the policy says of the Pods in trouble; ``since`` holds when each was first seen so, in seconds by uid.

    A Pod that another of the same template could not better (no such image name, no room, a missing ConfigMap) is not
    made anew: the cluster tries again by itself once that is mended.
    """
    mine = [one for one in troubles if one.uid and not one.starting]
    failed = [one for one in mine if now - since.get(one.uid, now) >= patience]
    uids = tuple(one.uid for one in failed)
    if policy == "fail":
        return Handling(uids, fails=bool(failed))
    if policy == "recreate":
        return Handling(uids, tuple(one.uid for one in failed if not one.lasting))
    return Handling(uids, ignored=bool(failed) and len(failed) <= may_fail(wanted, ratio))


def may_fail(wanted: int, ratio: float) -> int:
    """How many Pods may fail: fewer than that share of the wanted ones, and never all of them."""
    return max(0, min(math.ceil(wanted * ratio) - 1, wanted - 1))
