"""What is known after a tick: every observation of the stage so far, and the verdicts over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.judge.observation import Observation
from runbook_lib.model import Outcome, Verdict, worst


@dataclass(frozen=True)
class Look:
    """One tick, judged. ``elapsed`` and ``remaining`` in seconds of the whole stage.

    ``goes_on``: this slice is over and the stage is not.
    """

    at: datetime
    elapsed: float
    remaining: float
    observations: tuple[Observation, ...]
    verdicts: tuple[Verdict, ...]
    measured: bool
    goes_on: bool = False

    @property
    def counted(self) -> tuple[Observation, ...]:
        """The observations that hold counts of both sides."""
        return tuple(o for o in self.observations if o.errors and o.slow)

    @property
    def outcome(self) -> Outcome:
        """The worst verdict's."""
        return worst(self.verdicts)

    @property
    def headline(self) -> str:
        """The worst criterion in one line."""
        verdict = max(self.verdicts, key=lambda v: (v.outcome, v.trigger))
        return f"{verdict.name}: {verdict.message}"

    @property
    def fraction(self) -> float:
        """How much of the planned observation is over, 0 to 1."""
        return self.elapsed / (self.elapsed + self.remaining)

    @property
    def until(self) -> datetime:
        """When the planned observation is over."""
        return self.at + timedelta(seconds=self.remaining)

    @property
    def cause(self) -> Verdict | None:
        """The verdict that is reason enough to bring the traffic back at once."""
        return next((v for v in self.verdicts if v.trigger and v.outcome is Outcome.FAIL), None)

    @property
    def to_be_brought_back(self) -> bool:
        """True for a trigger at any time, and for any FAIL once the stage is over."""
        return self.cause is not None or (self.outcome is Outcome.FAIL and not self.goes_on)
