"""What keeps a Pod from being ready, in one sentence: what, where, what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "image",
    "scheduling",
    "probe",
    "quota",
    "init",
    "crash",
    "memory",
    "configuration",
    "volume",
    "command",
    "node",
    "paused",
    "other",
]


@dataclass(frozen=True)
class Trouble:
    """One thing that keeps a rollout; ``pod`` and ``uid`` are empty where it is not a Pod's."""

    kind: Kind
    where: str
    what: str
    next: str
    since: str = ""
    """When it began, as the API server says it."""
    pod: str = ""
    uid: str = ""
    lasting: bool = False
    """Another Pod of the same template would fare no better, or the cluster tries again by itself."""
    starting: bool = False
    """Nothing has failed yet: it is within the time that its startup probe gives it."""
    others: int = 0
    """How many other Pods have the same."""

    def __str__(self) -> str:
        more = f" and {self.others} other Pod{'s' if self.others > 1 else ''}" if self.others else ""
        return f"{self.where}{more}: {self.what}; {self.next}"


def grouped(troubles: Iterable[Trouble]) -> list[Trouble]:
    """One Trouble for all Pods that have the same one, the first of them named."""
    found: dict[tuple[str, str, str], Trouble] = {}
    for trouble in troubles:
        alike = trouble.what.partition("; its last words")[0].partition("; it wrote no log")[0]
        key = (trouble.kind, trouble.where.partition(", ")[2], alike)
        known = found.get(key)
        found[key] = replace(known, others=known.others + 1) if known else trouble
    return list(found.values())
