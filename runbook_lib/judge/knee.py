"""What one Pod carries: steps of offered load in, the rate at which it gives way out, with what is known of it.

Latency counts from the moment at which a request was to be sent, not from when it was: who waits for the answer before
he asks again measures a queue away that users stand in (coordinated omission).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from runbook_lib.judge.bounds import lower_bound, upper_bound
from runbook_lib.judge.rates import Interval
from runbook_lib.model import Outcome, Verdict

SLOW = 0.01  # share of slow requests that P99 means
KEEPS_UP = 0.9  # of the offered requests must be answered within the step
GENERATOR = 0.05  # share of requests that may be sent late before the step says more of us than of the Pod
FEWEST = 50  # requests before throughput is judged
SURE = 0.999  # the old side is looked at in every tick: few false alarms, and a sound one is loud
SURELY_NOT = 0.02  # share of slow requests on the old side below which it is left alone
Standing = Literal["held", "gave way", "unclear"]


@dataclass(frozen=True)
class Step:
    """One rate for some time. ``slow``: answered later than the limit, or never; ``late``: sent late by us."""

    rate: float
    seconds: float
    sent: int
    failed: int
    slow: int
    late: int
    throughput: float
    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class Knee:
    """One Pod held ``low`` requests a second and gave way at ``high``; None where no step showed it."""

    low: float | None
    high: float | None
    why: str = ""

    def __str__(self) -> str:
        if self.low is None:
            return "not known" if self.high is None else f"less than {self.high:g} requests/s ({self.why})"
        if self.high is None:
            return f"at least {self.low:g} requests/s (it never gave way)"
        return f"{self.low:g} to {self.high:g} requests/s ({self.why})"


@dataclass(frozen=True)
class Burn:
    """CPU seconds of a Pod between two samples, and the requests that it answered in that time."""

    seconds: float
    requests: float
    cpu: float


@dataclass(frozen=True)
class Cost:
    """CPU seconds of a request with their standard error, and cores that are used without any."""

    request: float
    error: float
    idle: float


def standing(step: Step, error_rate: float) -> tuple[Standing, str]:
    """Did the Pod hold this rate, with 95 % confidence; and what says that it did not.

    Our own delay counts as latency: what was held in spite of it was held, and what was not may be our fault.
    """
    keeps_up = step.throughput >= KEEPS_UP * step.rate
    sure = upper_bound(step.slow, step.sent) <= SLOW and upper_bound(step.failed, step.sent) <= max(error_rate, SLOW)
    if sure and keeps_up:
        return "held", ""
    if late := generator_late(step):
        return "unclear", late
    if lower_bound(step.failed, step.sent) > error_rate:
        return "gave way", f"{step.failed} of {step.sent} failed"
    if lower_bound(step.slow, step.sent) > SLOW:
        return "gave way", f"{step.slow} of {step.sent} slow"
    if step.sent >= FEWEST and not keeps_up:
        return "gave way", f"{step.throughput:.0f} of {step.rate:g} answered a second"
    return "unclear", f"{step.sent} requests are too few to tell"


def generator_late(step: Step) -> str:
    """Why a step says more of who sends than of the Pod; empty when it does not."""
    if step.late <= GENERATOR * step.sent:
        return ""
    return f"{step.late} of {step.sent} requests were sent late: the generator is the limit"


def knee(steps: Sequence[Step], error_rate: float) -> Knee:
    """The highest rate that was held below the lowest one that was not."""
    judged = sorted(((step.rate, *standing(step, error_rate)) for step in steps), key=lambda one: one[0])
    broken = [(rate, why) for rate, how, why in judged if how == "gave way"]
    high, why = broken[0] if broken else (None, "")
    held = [rate for rate, how, _ in judged if how == "held" and (high is None or rate < high)]
    return Knee(max(held, default=None), high, why)


def cost(burns: Sequence[Burn]) -> Cost | None:
    """Least squares of CPU over requests; None where the samples are too few or all of one rate."""
    kept = [burn for burn in burns if burn.seconds > 0]
    if len(kept) < 3:
        return None
    matrix = np.array([[burn.requests, burn.seconds] for burn in kept], dtype=float)
    used = np.array([burn.cpu for burn in kept], dtype=float)
    if np.linalg.matrix_rank(matrix) < 2 or np.ptp(matrix[:, 0] / matrix[:, 1]) == 0:
        return None
    found, *_ = np.linalg.lstsq(matrix, used, rcond=None)
    if found[1] < 0:  # nothing runs on less than no CPU: it is noise, and the request costs what is left
        matrix = matrix[:, :1]
        found = np.array([float(used @ matrix[:, 0] / (matrix[:, 0] @ matrix[:, 0])), 0.0])
    rest = used - matrix @ found[: matrix.shape[1]]
    variance = float(rest @ rest) / max(1, len(kept) - matrix.shape[1])
    error = float(np.sqrt(variance * np.linalg.inv(matrix.T @ matrix)[0, 0]))
    return Cost(float(found[0]), error, float(found[1])) if found[0] > 0 else None


def suffers(before: Interval, during: Interval, error_rate: float) -> str:
    """Why the old side's failed requests speak against going on; empty when they do not."""
    return _worse("failed", before, during, error_rate, 1.0)


def slows(before: Interval, during: Interval, ratio: float) -> str:
    """Why the old side's slow requests speak against going on; empty when they do not."""
    return _worse("slow", before, during, SURELY_NOT, ratio)


def _worse(how: str, before: Interval, during: Interval, least: float, ratio: float) -> str:
    """Surely more bad requests on the old side than ``least`` of all, and than ``ratio`` times what was before."""
    base = upper_bound(before.legacy_bad, before.legacy_requests) if before.legacy_requests else 0.0
    now = lower_bound(during.legacy_bad, during.legacy_requests, SURE)
    if now <= max(least, ratio * base):
        return ""
    return f"old side: {_share(during)} {how} during the test, {_share(before)} before"


def _share(interval: Interval) -> str:
    return f"{interval.legacy_bad:.0f} of {interval.legacy_requests:.0f}"


def judge_load(found: Knee, steps: Sequence[Step], stopped: str, counted: float | None) -> Verdict:
    """Is it known what one Pod carries? ``counted``: requests of the new side by its own counters, None: not known."""
    sent = sum(step.sent for step in steps)
    numbers = {"steps": float(len(steps)), "requests": float(sent)}
    numbers |= {name: rate for name, rate in (("low", found.low), ("high", found.high)) if rate is not None}
    if not steps:
        return Verdict("capacity of a Pod", Outcome.INCONCLUSIVE, f"no step was made: {stopped}", numbers)
    said = f"one Pod carries {found}"
    doubts = [stopped] if stopped else []
    if counted is not None and counted < sent / 2:
        missed = f"{sent} requests were sent and {counted:.0f} counted on the new side"
        doubts.append(f"{missed}: was it asked, and is what is sent counted?")
    if found.low is None:
        doubts.append("no rate was held for sure: begin lower, or make steps longer")
    outcome = Outcome.INCONCLUSIVE if doubts else Outcome.PASS
    return Verdict("capacity of a Pod", outcome, "; ".join([said, *doubts]), numbers)
