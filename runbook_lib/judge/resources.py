"""CPU and memory: per request against the old side, and against the limits; with a margin, for the sides differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

from runbook_lib.judge.bounds import CONFIDENCE
from runbook_lib.model import Outcome, Verdict


@dataclass(frozen=True)
class Use:
    """What one Pod or machine used (CPU seconds, bytes x seconds), and the requests that it served in that time."""

    instance: str
    amount: float
    requests: float


def judge_per_request(name: str, new: Sequence[Use], old: Sequence[Use], margin: float) -> Verdict:
    """The ratio new/old of what a request costs: FAIL surely above ``1 + margin``, PASS surely not, else INCONCLUSIVE.

    The spread is that between instances, because what one instance does hangs together; Student's t with the degrees
    of freedom of the smaller side, on the logarithm of the ratio (delta method). Each side needs two instances.
    """
    sides = [[use for use in side if _sound(use)] for side in (new, old)]
    if min(map(len, sides)) < 2:
        counted = f"{len(sides[0])} Pods and {len(sides[1])} machines with requests"
        return Verdict(name, Outcome.INCONCLUSIVE, f"{counted}: two of each are needed to know how they spread")
    rates = [math.fsum(u.amount for u in side) / math.fsum(u.requests for u in side) for side in sides]
    if min(rates) <= 0:
        return Verdict(name, Outcome.INCONCLUSIVE, f"new side {rates[0]:.4g}, old side {rates[1]:.4g} a request")
    error = math.sqrt(math.fsum(_relative_variance(side, rate) for side, rate in zip(sides, rates, strict=True)))
    reach = float(stdtrit(min(map(len, sides)) - 1, CONFIDENCE)) * error
    ratio = rates[0] / rates[1]
    low, high = ratio * math.exp(-min(reach, 50)), ratio * math.exp(min(reach, 50))
    said = f"{rates[0]:.4g} a request, old side {rates[1]:.4g}: x {ratio:.2f} ({low:.2f} to {high:.2f}), "
    said += f"tolerated x {1 + margin:.2f}"
    outcome = Outcome.FAIL if low > 1 + margin else Outcome.PASS if high <= 1 + margin else Outcome.INCONCLUSIVE
    return Verdict(name, outcome, said, {"ratio": ratio, "low": low, "high": high, "margin": margin})


def judge_headroom(
    name: str, peaks: Mapping[str, float], limits: Mapping[str, float], margin: float, unit: str = ""
) -> Verdict:
    """FAIL when a Pod's peak is above its limit less ``margin``; INCONCLUSIVE when a peak or a limit is not known."""
    unknown = sorted(p for p in {*peaks, *limits} if not (_known(peaks.get(p)) and _known(limits.get(p)) and limits[p]))
    known = {pod: peaks[pod] / limits[pod] for pod in peaks if pod not in unknown}
    if not known:
        return Verdict(name, Outcome.INCONCLUSIVE, "no Pod has both a limit and a measured peak")
    pod, share = max(known.items(), key=lambda item: item[1])
    said = f"{pod} peaks at {peaks[pod]:.4g} {unit}".rstrip() + f", {share:.0%} of its limit; {margin:.0%} stay free"
    numbers = {"share": share, "margin": margin, "pods": float(len(known))}
    if share > 1 - margin:
        return Verdict(name, Outcome.FAIL, said, numbers)
    if unknown:
        return Verdict(name, Outcome.INCONCLUSIVE, f"{said}; not known: {', '.join(unknown)}", numbers)
    return Verdict(name, Outcome.PASS, said, numbers)


def _relative_variance(side: Sequence[Use], rate: float) -> float:
    count, total = len(side), math.fsum(use.amount for use in side)
    return math.fsum((u.amount - rate * u.requests) ** 2 for u in side) * count / (count - 1) / total**2


def _sound(use: Use) -> bool:
    return math.isfinite(use.amount) and math.isfinite(use.requests) and use.amount >= 0 and use.requests > 0


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value >= 0
