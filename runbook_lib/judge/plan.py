"""Before a stage: how many requests it needs, how long that takes, and the smallest regression it could see."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runbook_lib.judge.bounds import requests_missing
from runbook_lib.model import Outcome, Verdict


@dataclass(frozen=True)
class Plan:
    """What a stage of ``weight`` percent can know: requests, seconds, and the smallest visible ratio new/old.

    ``smallest_ratio`` is None where no ratio would show: the old side has no failures, or too little is seen of it.
    """

    weight: int
    requests_needed: int
    seconds_needed: float
    smallest_ratio: float | None
    base_rate: float = 0.0


_AVERAGING = 1.7
"""What averaging over the alternatives and 90 % power cost: simulated 667 requests for 0.1 -> 1 % at 1 %, alpha .01."""


def plan_stage(
    weight: int, requests_per_second: float, base_rate: float, rule_out: float, alpha: float, seconds: float
) -> Plan:
    """The plan of a stage watched for ``seconds`` at the measured request rate; rates are fractions, not percent."""
    needed = int(requests_missing(0, 0, rule_out))
    pace = requests_per_second * weight / 100
    at_hand = pace * seconds
    ratios = [1.5, 2, 3, 5, 10, 20, 50, 100]
    visible = [r for r in ratios if base_rate and _needed_for(r, base_rate, weight, alpha) <= at_hand]
    return Plan(weight, needed, needed / pace if pace else math.inf, visible[0] if visible else None, base_rate)


def _needed_for(ratio: float, base_rate: float, weight: int, alpha: float, margin: float = 1.25) -> float:
    """Requests on the new side until the evidence is expected to reach 1/alpha."""
    others = (100 - weight) / weight
    theta, null = ratio / (ratio + others), margin / (margin + others)
    gain = ratio * math.log(theta / null) + (others * math.log((1 - theta) / (1 - null)) if others else 0.0)
    return _AVERAGING * math.log(1 / alpha) / (base_rate * gain) if gain > 0 else math.inf


def judge_plan(plan: Plan, patience: float) -> Verdict:
    """INCONCLUSIVE when the stage could not see enough even after ``patience`` seconds: say so before it starts."""
    see = "the old side has no failures to compare with"
    if plan.smallest_ratio:
        see = f"a regression of {plan.smallest_ratio:g} x would show"
    elif plan.base_rate:
        see = "no ratio to the old side would show, only failures above the limit"
    takes = f"about {plan.seconds_needed:.0f} s" if math.isfinite(plan.seconds_needed) else "and there are none"
    said = f"{plan.weight} % needs {plan.requests_needed} requests, {takes}; {see}"
    outcome = Outcome.PASS if plan.seconds_needed <= patience else Outcome.INCONCLUSIVE
    return Verdict("what this stage can see", outcome, said, {"requests_needed": plan.requests_needed})
