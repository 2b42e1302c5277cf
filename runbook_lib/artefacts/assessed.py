"""What the assessment hands to the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Demanded:
    """A control that the source asks for, as the assessment wrote it down."""

    topic: str
    severity: str
    control: str
    places: tuple[str, ...] = ()
    captured: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assessed:
    """What the assessment hands to the checks; None and empty where it did not know."""

    ports: tuple[int, ...] = ()
    start_seconds: float | None = None
    drain_seconds: float | None = None
    cpu_request: float | None = None
    memory_mib: float | None = None
    replicas: int | None = None
    time_zone: str = ""
    shared_sessions: bool | None = None
    runtime: str = ""
    demands: tuple[Demanded, ...] = ()
    decided: dict[str, str] = field(default_factory=dict)
    """Paths that are written today, and where the profile sends them."""
    rpo_seconds: float | None = None
    """Data of so many seconds may be lost at most, as the profile's objectives say."""


def home_of(decided: Mapping[str, str], path: str) -> str:
    """Where the innermost folder that is decided sends a path; empty when none is decided that holds it."""
    for root in sorted(decided, key=len, reverse=True):
        bare = root.rstrip("/\\")
        if path == bare or path.startswith((f"{bare}/", f"{bare}\\")):
            return decided[root]
    return ""
