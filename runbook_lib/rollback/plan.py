"""What a rollback beyond the traffic will do: decided and checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters
from runbook_lib.observe.snapshots import SnapshotSet

Level = Literal["traffic", "workload", "configuration", "data"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""Each includes those before it."""


@dataclass(frozen=True)
class Wanted:
    """How far back, and to which revision; None is the state before the last release."""

    level: Level = "traffic"
    to_revision: int | None = None

    def reaches(self, level: Level) -> bool:
        """True when this level is part of it."""
        return LEVELS.index(self.level) >= LEVELS.index(level)


@dataclass(frozen=True)
class Plan:
    """What stands, what is gone back to, and why this one; it holds digests and names, no template and no value.

    ``standing`` and ``target`` are digests of Pod templates (`snapshots.essence`), ``standing`` is empty when the
    Deployment is gone. ``source`` is where the template comes from: ``ReplicaSet/x`` or ``ConfigMap/x`` (a snapshot
    set). ``snapshot`` is the set whose configuration is restored, None below that level. ``configuration`` says for
    each ConfigMap and Secret whether it is the same, differs or is gone.
    """

    wanted: Wanted
    deployment: str
    revision: int
    standing: str
    to_revision: int
    target: str
    source: str
    images: tuple[str, ...]
    why: tuple[str, ...]
    snapshot: SnapshotSet | None = None
    configuration: tuple[tuple[str, str], ...] = ()
    script: str = ""
    """What the data script is known by: its path and digest, and when its dry run last passed."""


def wanted(level: str, to_revision: int | None = None) -> Wanted:
    """The level as typed by a person; BadParameters says which there are, and what a revision belongs to."""
    if level not in LEVELS:
        raise BadParameters(f"level {level!r}: allowed are {', '.join(LEVELS)}")
    if to_revision is not None and level == "traffic":
        raise BadParameters("a revision is of the workload: give level workload, configuration or data with it")
    if to_revision is not None and (not isinstance(to_revision, int) or to_revision < 1):
        raise BadParameters(f"to_revision {to_revision!r}: it is a whole number from 1, or left out")
    return Wanted(LEVELS[LEVELS.index(level)], to_revision)


def plan(clients: Clients, asked: Wanted) -> Plan:
    """What will be done, after every copy that it needs was read and compared; writes nothing.

    Raises BadParameters for a revision that nothing is left of, CriterionFailed for a snapshot that is gone or altered
    or a data script that changed since its dry run passed, Unreachable when the cluster does not answer.
    """
    raise NotImplementedError
