"""What was seen of one attempt: all that the checks across attempts, gates and seals need of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from runbook_lib.proof.verify.report import Remarks

SKEW = timedelta(minutes=5)
"""So far the clocks of two machines may be apart."""


@dataclass(frozen=True)
class Looked:
    """One attempt; ``facts`` are of its predicate, and empty when there is no record that can be read.

    ``filer`` is who signed it, proven; ``asks`` the section ``gates`` of its parameters.
    """

    application: str
    run: str
    number: int
    state: Literal["filed", "running", "left"]
    facts: dict[str, Any] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    filer: str | None = None
    asks: dict[str, Any] = field(default_factory=dict)
    parameters_digest: str = ""
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def place(self) -> str:
        """Its folder, as the archive names it."""
        return f"{self.application}/{self.run}/attempt-{self.number}"

    @property
    def who(self) -> str:
        """Who started it."""
        return str((self.facts.get("who") or {}).get("name", ""))

    def gates(self, event: str) -> list[dict[str, Any]]:
        """What its record tells of gates, of one kind: gate_opened, gate_decided …"""
        return [gate for gate in self.facts.get("gates", []) if gate["event"] == event and gate.get("gate")]

    def lasted(self, at: datetime) -> bool:
        """True when it was going on at that time, as far as clocks can tell."""
        return moment(self.facts["started"]) - SKEW <= at <= moment(self.facts["ended"]) + SKEW


def moment(text: str) -> datetime:
    """A recorded time."""
    return datetime.fromisoformat(text)
