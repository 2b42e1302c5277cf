"""How far a rollback goes; nothing is imported here that the first second of one does not need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from runbook_lib.errors import BadParameters

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


TRAFFIC = Wanted()
"""The users alone."""


def wanted(level: str, to_revision: int | None = None) -> Wanted:
    """The level as typed by a person; BadParameters says which there are, and what a revision belongs to."""
    if level not in LEVELS:
        raise BadParameters(f"level {level!r}: allowed are {', '.join(LEVELS)}")
    if to_revision is not None and level == "traffic":
        raise BadParameters("a revision is of the workload: give level workload, configuration or data with it")
    if to_revision is not None and (not isinstance(to_revision, int) or to_revision < 1):
        raise BadParameters(f"to_revision {to_revision!r}: it is a whole number from 1, or left out")
    return Wanted(LEVELS[LEVELS.index(level)], to_revision)
