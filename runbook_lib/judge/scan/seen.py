"""What a scanner's report says, whichever scanner it was. Types only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Vulnerability:
    """One vulnerability of one package; ``fixed`` names versions without it, ``state`` why there are none."""

    id: str
    package: str
    installed: str
    severity: str
    fixed: str = ""
    state: str = ""
    title: str = ""
    aliases: tuple[str, ...] = ()
    line: int = 1


@dataclass(frozen=True)
class Leak:
    """A key or a password that lies in the image: what kind and where, never itself."""

    kind: str
    place: str
    severity: str
    line: int = 1


@dataclass(frozen=True)
class Scan:
    """One report of one image; ``at`` and ``database`` are None where it does not say when it was made, and of what.

    ``looked_at`` counts the lists of packages, ``hidden`` what the scanner was told to leave out, ``broken`` entries
    that could not be read; ``ended`` names a distribution that gets no fixes any more.
    """

    file: str
    tool: str
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    at: datetime | None = None
    database: datetime | None = None
    vulnerabilities: tuple[Vulnerability, ...] = ()
    leaks: tuple[Leak, ...] = ()
    looked_at: int = 0
    hidden: int = 0
    broken: int = 0
    ended: str = ""

    @property
    def title(self) -> str:
        return next(iter(self.names or self.digests), "an image that it does not name")
