"""What is true of a fleet that was made up: what an assessment of it has to find, and what it must not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Span = tuple[float, float]


@dataclass(frozen=True, order=True)
class Place:
    """A line of a source tree and what it is about."""

    file: str
    line: int
    topic: str


@dataclass(frozen=True)
class Machine:
    """One host as it was made; ``file`` is its place in the fact cache."""

    name: str
    address: str
    file: Path


@dataclass(frozen=True)
class Expected:
    """What is true of one application. Sizes are spans that a right answer lies in; None: too little was measured."""

    name: str
    story: str
    language: str
    environment: str
    line: str
    owner: str | None
    criticality: str
    port: int
    machines: tuple[Machine, ...]
    state: str
    mode: str
    drift: frozenset[str]
    planted: frozenset[Place]
    alike: frozenset[Place]
    conflicts: frozenset[str]
    missing: frozenset[str]
    cpu: Span | None
    memory: Span | None
    depends_on: tuple[str, ...]
    databases: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """A fleet that was made: where its files are, and what they come to."""

    folder: Path
    applications: Mapping[str, Expected]
    columns: Mapping[str, str]
    """Key of the profile -> header of the table."""
    cycles: frozenset[frozenset[str]]
    shared_hosts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Name of a host -> the applications that claim it."""
    stray_hosts: frozenset[str] = frozenset()
    """Hosts that no source gives to an application."""

    @property
    def hosts(self) -> Path:
        return self.folder / "facts"

    @property
    def cmdb(self) -> Path:
        return self.folder / "cmdb.csv"

    @property
    def workbook(self) -> Path:
        return self.folder / "cmdb.xlsx"

    @property
    def profiles(self) -> Path:
        return self.folder / "profiles"

    @property
    def usage(self) -> Path:
        return self.folder / "usage.csv"

    @property
    def source(self) -> Path:
        return self.folder / "source"
