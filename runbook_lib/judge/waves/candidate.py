"""What a plan of waves is made of and what comes out of it: types only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

Phase = Literal["pilot", "core", "rest"]
LONG = 7
"""Of a ring with more names than these only its ends are written out."""


@dataclass(frozen=True)
class Candidate:
    """One application as the plan sees it; ``effort`` are working days, low and high. Names are free text."""

    name: str
    level: str
    state: str
    mode: str
    risk: str
    effort: tuple[float, float]
    depends_on: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    criticality: str = ""
    owner: str = ""


@dataclass(frozen=True)
class WaveRules:
    """How a fleet is cut into waves. A blackout is from, until (both included) and the reason.

    ``days_each``: working days of effort one wave can carry, held against the high end; None: not limited.
    ``today``: a plan that begins before it says so; None: not asked.
    """

    begin: date
    pilot: int = 3
    size: int = 20
    every: timedelta = timedelta(weeks=2)
    blackouts: tuple[tuple[date, date, str], ...] = ()
    days_each: float | None = None
    today: date | None = None

    def fit(self, candidates: Iterable[Candidate]) -> bool:
        """Whether one wave may carry them all."""
        them = tuple(candidates)
        days = sum(c.effort[1] for c in them)
        return len(them) <= self.size and (self.days_each is None or days <= self.days_each)


@dataclass(frozen=True)
class Wave:
    """Applications that move in the same weeks, from ``begins`` until ``ends``, both included."""

    name: str
    phase: Phase
    members: tuple[str, ...]
    begins: date
    ends: date
    effort: tuple[float, float]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cycle:
    """Applications that depend on each other in a ring, and the edge to break: the first moves before the second.

    ``together`` when the whole ring is in one wave, so that the edge crosses the two sides for that long only.
    """

    members: tuple[str, ...]
    edge: tuple[str, str]
    because: str
    proposal: str
    together: bool

    @property
    def ring(self) -> str:
        """``a → b → a``; of a long one its two ends."""
        way = (*self.members, self.members[0])
        return " → ".join(way if len(way) <= LONG else (*way[:4], f"… {len(way) - 6} more …", *way[-2:]))


@dataclass(frozen=True)
class Shared:
    """A database that applications of several waves use, or one that moves and one that stays; with the risk."""

    database: str
    by: tuple[tuple[str, str], ...]
    """Application and its wave, which is empty for one that is left out."""
    risk: str


@dataclass(frozen=True)
class Place:
    """Where one application ended up: the name of its wave (empty: left out) and why."""

    candidate: Candidate
    wave: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The waves in their order; every candidate is in exactly one of them, or left out with a reason."""

    waves: tuple[Wave, ...]
    cycles: tuple[Cycle, ...]
    left_out: tuple[tuple[str, str], ...]
    unknown: tuple[tuple[str, str], ...] = ()
    """Application, and what it depends on that no source knows."""
    staying: tuple[tuple[str, str], ...] = ()
    """Application, and what it depends on that is left out: it calls the old side until that moves."""
    shared: tuple[Shared, ...] = ()
    places: tuple[Place, ...] = ()
    notes: tuple[str, ...] = ()
    blackouts: tuple[tuple[date, date, str], ...] = field(default=())

    @property
    def rings(self) -> tuple[Cycle, ...]:
        """Cycles of several applications, without those that call themselves."""
        return tuple(cycle for cycle in self.cycles if len(cycle.members) > 1)
