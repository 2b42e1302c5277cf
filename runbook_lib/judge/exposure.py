"""Restarts and OOM kills per Pod-hour: exact tests of few events over little time, beside the hard triggers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runbook_lib.judge.bounds import CONFIDENCE, at_least, at_least_expected, upper_intensity
from runbook_lib.model import Outcome, Verdict


@dataclass(frozen=True)
class Exposure:
    """Events of one side, and the Pod-hours (or machine-hours) in which they could have come."""

    events: float
    hours: float

    @property
    def sound(self) -> bool:
        return math.isfinite(self.events) and math.isfinite(self.hours) and self.events >= 0 and self.hours > 0

    def __str__(self) -> str:
        return f"{self.events:g} in {self.hours:.4g} Pod-hours"


def judge_events(
    name: str, new: Exposure | None, old: Exposure | None, alpha: float, allowed: float = 0.0, cap: float = 2.0
) -> Verdict:
    """FAIL when the new side has more events per Pod-hour than chance explains, PASS when it can be told that not.

    Where the old side counts the same events (``old``): given all of them, those of the new side are binomial with the
    new side's share of the hours (Przyborowski, Wilenski 1940); PASS needs a ratio of ``cap`` to be excluded, or
    no event at all. Otherwise they are held against ``allowed`` events per Pod-hour. It is a test for one look, at the
    end of a stage: no trigger, those are in `pods`.
    """
    if new is None or not new.sound:
        return Verdict(name, Outcome.INCONCLUSIVE, "no Pod-hours of the new side are known")
    if old is not None and not old.sound:
        old = None
    most = upper_intensity(new.events, new.hours)
    numbers = {"events": new.events, "pod_hours": new.hours, "upper_bound": most}
    if old is None:
        chance = at_least_expected(new.events, allowed * new.hours)
        said = f"{new}, allowed {allowed:g} an hour; at most {most:.3g} with {CONFIDENCE:.0%} confidence"
        good = new.events == 0 if allowed == 0 else most <= allowed
    else:
        chance = _chance(new, old, 1.0)
        at_cap = 1 - _chance(Exposure(new.events + 1, new.hours), Exposure(old.events - 1, old.hours), cap)
        numbers |= {"old_events": old.events, "old_hours": old.hours}
        said = f"{new}, old side {old}; at most {most:.3g} an hour with {CONFIDENCE:.0%} confidence"
        good = new.events == 0 or (old.events > 0 and at_cap <= 1 - CONFIDENCE)
    outcome = Outcome.FAIL if chance < alpha else Outcome.PASS if good else Outcome.INCONCLUSIVE
    return Verdict(name, outcome, f"{said}; p = {chance:.2g}", {**numbers, "p": chance})


def _chance(new: Exposure, old: Exposure, ratio: float) -> float:
    """The chance of so many events on the new side, or more, if it had ``ratio`` times as many an hour as the old."""
    share = ratio * new.hours / (ratio * new.hours + old.hours)
    return at_least(new.events, new.events + old.events, share)
