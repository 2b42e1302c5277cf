"""What a house allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Accepted:
    """A vulnerability that somebody answers for until a day, of one package or of any."""

    vulnerability: str
    owner: str
    reason: str
    expires: date
    package: str = ""
    line: int = 0


@dataclass(frozen=True)
class Waiver:
    """Somebody answers for what a check finds, at the objects that a pattern names or everywhere, until a day."""

    check: str
    owner: str
    reason: str
    expires: date | None = None
    object: str = ""
    line: int = 0


@dataclass(frozen=True)
class Policy:
    """What a house allows: image tags and registries, checks that are off, severities that differ."""

    tag_pattern: str = r"^[a-zA-Z0-9_.-]+-[0-9a-f]{7,40}-\d{8,14}$"
    tag_example: str = "<branch>-<sha>-<time>, such as main-4f2a91c-20261112"
    registries: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    """Checks that are not asked today; ``switched_off`` says who wanted that, also of those whose day is over."""
    switched_off: tuple[Waiver, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    severities: dict[str, str] = field(default_factory=dict)
    severity_lines: dict[str, int] = field(default_factory=dict)
    accepted: tuple[Accepted, ...] = ()
    scan_days: int = 14
    """How old a scan of an image, or the list of vulnerabilities it used, may be."""
    unfixed: str = "blocking"
    """What a grave vulnerability is for which nobody has a fix yet: blocking or warning."""
    heap_share: float = 0.75
    """Of the memory limit of a JVM, so much at most may be heap."""
    cpu_headroom: float = 1.5
    """A CPU limit, where there is one, is so many times what was measured, at least."""
    pause_before_stop: int = 5
    """Seconds that a mend lets preStop wait until nobody sends requests any more."""
    rpo_hours: float | None = None
    """Data of so many hours may be lost at most, where the profile names no RPO of its own; None: nobody said."""
    file: str = ""
