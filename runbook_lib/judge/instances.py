"""Pods and machines in a window, judged: restarts per Pod-hour, memory left, throttling by Pod, cost of a request."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from runbook_lib.judge.exposure import Exposure, judge_events
from runbook_lib.judge.resources import Use, judge_headroom, judge_per_request
from runbook_lib.judge.throttling import PodPeriods, judge_throttled_pods
from runbook_lib.model import Outcome, Side, Verdict

_ALIKE = 0.8
"""An instance that serves less than so much of what one of the other side serves pays more for its idling."""


class Figures(Protocol):
    """What was counted; None is what was not asked for."""

    @property
    def cpu(self) -> Mapping[Side, Sequence[Use]]: ...
    @property
    def memory(self) -> Mapping[Side, Sequence[Use]]: ...
    @property
    def memory_peaks(self) -> Mapping[str, float]: ...
    @property
    def memory_limits(self) -> Mapping[str, float] | None: ...
    @property
    def periods(self) -> Sequence[PodPeriods] | None: ...
    @property
    def restarts(self) -> Mapping[Side, Exposure | None] | None: ...


@dataclass(frozen=True)
class InstanceLimits:
    """``cost_ratio``: new/old cost of a request; ``headroom``, ``throttled``: shares; ``alpha``: of a false FAIL."""

    cost_ratio: float
    headroom: float
    throttled: float
    alpha: float


class Judged(NamedTuple):
    """What decides, and what is only told: memory hardly follows requests, and cost needs many of them to be known."""

    decides: tuple[Verdict, ...]
    told: tuple[Verdict, ...]


def judge_instances(seen: Figures, limits: InstanceLimits) -> Judged:
    """The verdicts of what was asked for.

    What a request costs decides only where it is surely too much, and where each Pod served about as many as each
    machine: what an instance needs for itself, its probes and its scrapes is spread over its requests.
    """
    decides = []
    if seen.restarts is not None:
        sides = seen.restarts["kubernetes"], seen.restarts["legacy"]
        decides.append(judge_events("restarts per Pod-hour", *sides, limits.alpha))
    if seen.memory_limits is not None:
        decides.append(judge_headroom("memory", seen.memory_peaks, seen.memory_limits, limits.headroom, "bytes"))
    if seen.periods is not None:
        decides.append(judge_throttled_pods(seen.periods, limits.throttled))
    margin = limits.cost_ratio - 1
    cpu = judge_per_request("CPU seconds", seen.cpu["kubernetes"], seen.cpu["legacy"], margin)
    memory = judge_per_request("memory, byte-seconds", seen.memory["kubernetes"], seen.memory["legacy"], margin)
    if cpu.outcome is not Outcome.FAIL:
        return Judged(tuple(decides), (cpu, memory))
    served = {side: math.fsum(use.requests for use in uses) / len(uses) for side, uses in seen.cpu.items()}
    if served["kubernetes"] >= _ALIKE * served["legacy"]:
        return Judged((*decides, cpu), (memory,))
    said = f"; told only: {served['kubernetes']:.0f} requests a Pod, {served['legacy']:.0f} a machine"
    return Judged(tuple(decides), (replace(cpu, message=cpu.message + said), memory))
