"""Before a stage: how many requests it needs, how long that takes, and the smallest regression it could see."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from runbook_lib.judge import evidence
from runbook_lib.judge.bounds import requests_missing, requests_to_tell
from runbook_lib.judge.rates import Interval
from runbook_lib.model import Outcome, Verdict

POWER = 0.9
_RATIOS = (1.5, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Sight:
    """A regression that a stage may be asked to see: requests of the new side until it shows in 9 of 10 cases.

    ``at_least`` is what an exact test with a single look would need if the old side's rate were known: no test needs
    less, and none that may be looked at all the time gets quite there. ``seconds`` is for ``requests``.
    """

    ratio: float
    base_rate: float
    rate: float
    requests: float
    seconds: float
    at_least: float


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
    requests_to_see: float | None = None


def users_pace(seen: Interval, weight: int) -> float:
    """Requests a second that users ask of both sides, while ``weight`` percent of them are on the new one.

    At 0 what the new side counts is no user's: a load test, smoke cases, probes. The old side carries everybody.
    """
    return (seen.legacy_requests + (seen.kubernetes_requests if weight else 0)) / seen.seconds


def plan_stage(
    weight: int,
    requests_per_second: float,
    base_rate: float,
    rule_out: float,
    alpha: float,
    seconds: float,
    attempts: float = 1.0,
) -> Plan:
    """The plan of a stage watched for ``seconds`` at the measured request rate; rates are fractions, not percent.

    ``attempts``: how often one request may be counted (`RateLimits`): so many times as many are needed.
    """
    needed = int(attempts * requests_missing(0, 0, rule_out))
    pace = requests_per_second * weight / 100
    wait = needed / pace if pace else math.inf
    for ratio in _RATIOS:
        requests = attempts * requests_to_see(ratio, base_rate, weight, alpha)
        if requests <= pace * seconds:
            return Plan(weight, needed, wait, ratio, base_rate, requests)
    return Plan(weight, needed, wait, None, base_rate)


def sights(weight: int, requests_per_second: float, base_rate: float, alpha: float) -> tuple[Sight, ...]:
    """What each size of a regression would need at this weight, to be shown at the gate."""
    pace = requests_per_second * weight / 100
    found = []
    for ratio in _RATIOS:
        rate, requests = ratio * base_rate, requests_to_see(ratio, base_rate, weight, alpha)
        if math.isfinite(requests):
            least = requests_to_tell(base_rate, rate, alpha, POWER)
            found.append(Sight(ratio, base_rate, rate, requests, requests / pace if pace else math.inf, least))
    return tuple(found)


def requests_to_see(ratio: float, base_rate: float, weight: int, alpha: float, margin: float = 1.25) -> float:
    """Requests on the new side until the evidence reaches 1/alpha in ``POWER`` of the cases; infinite if it never does.

    The logarithm of each alternative's evidence is nearly normal, with a mean and a variance that grow with the
    requests; taken is the alternative that gets there first. bench/judge.py holds it against simulated stages.
    """
    if base_rate <= 0 or ratio * base_rate > 1 or weight >= 100:
        return math.inf
    others = (100 - weight) / weight
    ratios, nulls, shares = evidence.alternatives(margin)
    new, old = np.log(ratios / nulls), np.log((nulls + others) / (ratios + others))
    gain = ratio * (new + old) + others * old
    spread = ratio * (new + old) ** 2 + others * old**2
    toll = np.log(1 / (alpha * shares * evidence.FROM_THE_START))
    z = float(ndtri(POWER))
    with np.errstate(invalid="ignore", divide="ignore"):
        root = (z * np.sqrt(spread) + np.sqrt(z * z * spread + 4 * gain * toll)) / (2 * gain)
    reached = root[gain > 0]
    return float(np.min(reached)) ** 2 / base_rate if reached.size else math.inf


def judge_plan(plan: Plan, patience: float) -> Verdict:
    """INCONCLUSIVE when the stage could not see enough even after ``patience`` seconds: say so before it starts."""
    see = "the old side has no failures to compare with"
    if plan.smallest_ratio:
        see = f"a regression of {plan.smallest_ratio:g} x would show"
        if plan.requests_to_see:
            worse = plan.smallest_ratio * plan.base_rate
            see += f" ({plan.base_rate:.2%} -> {worse:.2%}, within {plan.requests_to_see:.0f} requests)"
    elif plan.base_rate:
        see = "no ratio to the old side would show, only failures above the limit"
    takes = f"about {plan.seconds_needed:.0f} s" if math.isfinite(plan.seconds_needed) else "and there are none"
    said = f"{plan.weight} % needs {plan.requests_needed} requests, {takes}; {see}"
    outcome = Outcome.PASS if plan.seconds_needed <= patience else Outcome.INCONCLUSIVE
    return Verdict("what this stage can see", outcome, said, {"requests_needed": plan.requests_needed})
