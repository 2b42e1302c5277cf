"""A/A: before the first stage the old side is held against itself, by the very test that will judge the new one.

Where that test fires, requests are no independent events here (retries, a bad machine, a tenant on one instance), and
it would fire on a healthy new side too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from runbook_lib.judge import evidence
from runbook_lib.judge.bounds import requests_missing
from runbook_lib.judge.dispersion import dispersion, grouped
from runbook_lib.judge.evidence import Counts
from runbook_lib.judge.rates import Interval, RateLimits, breaker, counts_of, share_of
from runbook_lib.judge.two_by_two import FloatArray
from runbook_lib.model import Outcome, Verdict


@dataclass(frozen=True)
class Served:
    """What one instance did in one stretch of time; every instance has the same stretches."""

    seconds: float
    requests: float
    bad: float


@dataclass(frozen=True)
class _Part:
    """Some instances held against the others, and the evidence that is needed to call them worse."""

    counts: Counts
    found: float
    needed: float
    tripped: str


def judge_calibration(name: str, instances: Mapping[str, Sequence[Served]], limits: RateLimits) -> Verdict:
    """PASS when neither half of the old side, nor one instance, is worse than the rest by the test of the stages.

    Halves are every other instance by name, tested both ways, and each instance is tested against all others; these
    tests share ``limits.alpha``. FAIL names the instance that stands out most, or says that bad requests come in groups
    larger than ``limits.attempts``. INCONCLUSIVE with fewer than two
    instances, with stretches that do not match, or when a half has too few requests to rule ``limits.rule_out`` out.
    """
    names = sorted(instances)
    lengths = sorted({len(instances[key]) for key in names})
    if len(names) < 2 or len(lengths) != 1 or lengths[0] == 0:
        said = f"{len(names)} instances with {', '.join(map(str, lengths)) or 'no'} intervals"
        return Verdict(name, Outcome.INCONCLUSIVE, f"{said}: two are needed, with the same intervals each")
    halves = [_held(instances, half, 4 / limits.alpha, limits) for half in (names[::2], names[1::2])]
    alone = {key: _held(instances, [key], 2 * len(names) / limits.alpha, limits) for key in names}
    odd = max(names, key=lambda key: (bool(alone[key].tripped), alone[key].found))
    seen = alone[odd].counts
    stands_out = f"{odd} has {_share(seen.kubernetes_bad, seen.kubernetes_requests)}, "
    stands_out += f"the others {_share(seen.legacy_bad, seen.legacy_requests)}"
    numbers = {"instances": float(len(names)), "evidence_halves": max(half.found for half in halves)}
    numbers |= {"evidence_instance": alone[odd].found}
    numbers["dispersion"] = dispersion(halves[0].counts)[0]
    if why := grouped(halves[0].counts, limits.attempts):
        said = f"{why}: name how often clients and proxies try again, or look: {stands_out}"
        return Verdict(name, Outcome.FAIL, said, numbers)
    for part in (*halves, *alone.values()):
        if part.tripped or part.found >= part.needed:
            why = part.tripped or f"evidence {part.found:.3g} >= {part.needed:.3g}"
            return Verdict(name, Outcome.FAIL, f"the old side itself is not even: {stands_out}; {why}", numbers)
    return _enough(name, halves, limits, stands_out, numbers)


def _held(instances: Mapping[str, Sequence[Served]], some: Sequence[str], needed: float, limits: RateLimits) -> _Part:
    """``some`` instances in the place of the new side, all others in that of the old one."""
    sides = [[list(instances[key]) for key in instances if (key in some) is inside] for inside in (False, True)]
    old, new = (np.array([[(s.requests, s.bad) for s in row] for row in side]).sum(axis=0) for side in sides)
    seconds = [s.seconds for s in next(iter(instances.values()))]
    counts = counts_of([Interval(s, *o, *n) for s, o, n in zip(seconds, old.tolist(), new.tolist(), strict=True)])
    return _Part(
        counts, evidence.worse(counts.grouped(limits.attempts), limits.margin), needed, breaker(counts, limits)
    )


def _enough(
    name: str, halves: Sequence[_Part], limits: RateLimits, stands_out: str, numbers: dict[str, float]
) -> Verdict:
    """A test that could not have fired is no calibration."""
    fewest = min(float(half.counts.kubernetes_requests.sum()) for half in halves)
    needed = requests_missing(0, 0, limits.rule_out)
    if fewest < needed:
        said = f"a half of the old side has {fewest:.0f} requests, {needed - fewest:.0f} more are needed"
        return Verdict(name, Outcome.INCONCLUSIVE, said, numbers)
    said = (
        f"{int(numbers['instances'])} instances are even; most: {stands_out}, evidence {numbers['evidence_halves']:.3g}"
    )
    return Verdict(name, Outcome.PASS, said, numbers)


def _share(bad: FloatArray, requests: FloatArray) -> str:
    return share_of(float(bad.sum()), float(requests.sum()))
