"""CPU throttling: periods of one Pod hang together, so that Pods are counted, not periods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

from runbook_lib.judge.bounds import CONFIDENCE
from runbook_lib.model import Outcome, Verdict

_PERIODS = 100  # 10 s of work: fewer say nothing about a Pod
_PODS = 3  # fewer have no spread to speak of


@dataclass(frozen=True)
class PodPeriods:
    """CPU periods of one Pod in a stretch of time, and in how many of them it was throttled."""

    pod: str
    throttled: float
    periods: float

    @property
    def share(self) -> float:
        return self.throttled / self.periods


def judge_throttled_pods(pods: Sequence[PodPeriods] | None, limit: float, confidence: float = CONFIDENCE) -> Verdict:
    """FAIL when a Pod, or all together, are throttled in more than ``limit`` of their periods; names the worst Pod.

    PASS when no Pod is and, from three Pods on, an upper bound over Pods is below the limit as well (ratio of sums,
    its spread between Pods, Student's t: Cochran, Sampling Techniques, 1977, 6.3). No periods: INCONCLUSIVE.
    """
    name = "CPU throttling"
    seen = [pod for pod in pods or () if _sound(pod)]
    unknown = sorted(pod.pod for pod in pods or () if not math.isfinite(pod.throttled + pod.periods))
    if not seen:
        return Verdict(name, Outcome.INCONCLUSIVE, "no CPU periods are reported")
    worst = max(seen, key=lambda pod: pod.share)
    share = sum(pod.throttled for pod in seen) / sum(pod.periods for pod in seen)
    bound = _bound(seen, share, confidence)
    said = f"{share:.0%} of the CPU periods of {len(seen)} Pods, worst {worst.pod} with {worst.share:.0%}"
    numbers = {"share": share, "worst": worst.share, "limit": limit, "pods": float(len(seen))}
    if bound is not None:
        said += f", at most {bound:.0%} with {confidence:.0%} confidence"
        numbers["upper_bound"] = bound
    if worst.share > limit or share > limit:
        return Verdict(name, Outcome.FAIL, f"{said}, limit {limit:.0%}", numbers)
    said += f", limit {limit:.0%}" + (f"; not known: {', '.join(unknown)}" if unknown else "")
    good = not unknown and (bound is None or bound <= limit)
    return Verdict(name, Outcome.PASS if good else Outcome.INCONCLUSIVE, said, numbers)


def _sound(pod: PodPeriods) -> bool:
    return (
        math.isfinite(pod.throttled) and math.isfinite(pod.periods) and pod.periods >= _PERIODS and pod.throttled >= 0
    )


def _bound(pods: Sequence[PodPeriods], share: float, confidence: float) -> float | None:
    """The upper bound of the share over all Pods that there could be; None of too few Pods."""
    count = len(pods)
    if count < _PODS:
        return None
    squares = math.fsum((pod.throttled - share * pod.periods) ** 2 for pod in pods)
    error = math.sqrt(squares * count / (count - 1)) / math.fsum(pod.periods for pod in pods)
    return min(1.0, share + float(stdtrit(count - 1, confidence)) * error)
