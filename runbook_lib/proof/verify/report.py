"""What a verification says: which runs are accepted, what is wrong, and what is worth knowing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

SPOILT = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError, OSError)
"""What reading a file raises that holds something else than was written: it is a fault, never the end of the check."""


@dataclass(frozen=True)
class Remark:
    """A sentence about one file or folder, named by its path in the archive."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass
class Remarks:
    """Collects what a check finds: a fault breaks trust, a note does not."""

    faults: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)

    def fault(self, path: str, message: str) -> None:
        """Something is not what it says it is."""
        self.faults.append(Remark(path, message))

    def note(self, path: str, message: str) -> None:
        """Something that a reader should know, and that breaks nothing."""
        self.notes.append(Remark(path, message))

    def add(self, other: Remarks) -> None:
        """Take over what another check found."""
        self.faults += other.faults
        self.notes += other.notes


@dataclass(frozen=True)
class Accepted:
    """A run in which nothing is wrong; ``unsigned`` counts attempts that nobody signed and nobody had to."""

    run: str
    outcome: str
    attempts: int
    filed_by: tuple[str, ...]
    unsigned: int
    sealed: bool


@dataclass(frozen=True)
class Report:
    """The whole verdict; ``signers`` is the file that says who was trusted."""

    records: str
    signers: str
    accepted: tuple[Accepted, ...]
    faults: tuple[Remark, ...]
    notes: tuple[Remark, ...]

    @property
    def trusted(self) -> bool:
        """True when nothing is wrong."""
        return not self.faults


def once(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Each remark once, by path."""
    return tuple(sorted(dict.fromkeys(remarks), key=lambda remark: (remark.path, remark.message)))
