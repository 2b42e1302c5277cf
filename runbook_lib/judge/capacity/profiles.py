"""The named ways to size a container, side by side, with what each predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runbook_lib.judge.capacity.jvm import Jvm
from runbook_lib.judge.capacity.points import Numbers
from runbook_lib.judge.capacity.use import Use

MEMORY_MARGIN = 1.15
HPA_TARGET = 0.70
FEWEST = 2
BURST = 1.75  # between 1.5 and 2 times the peak


@dataclass(frozen=True)
class Load:
    """Requests a second: at the busiest, and what one Pod was measured to carry."""

    peak: float
    carried: float


@dataclass(frozen=True)
class Size:
    """One way to size a container, in cores and MiB; ``starved`` is the share of time needing more than requested.

    Utilisation is what the autoscaler would see if one Pod carried what one machine does. ``replicas`` carry the peak,
    ``replicas_usual`` the mean, both held at 70 %. ``start_slowed`` is how many times longer a start takes, at most.
    """

    profile: str
    rule: str
    cpu_request: float
    cpu_limit: float | None
    memory_request: int
    memory_limit: int
    replicas: int
    quality: str
    utilisation_mean: float
    utilisation_peak: float
    starved: float
    replicas_usual: int = FEWEST
    replicas_by: str = ""
    memory_by: str = ""
    start_slowed: float | None = None


def sizes_of(use: Use, cpu: Numbers, jvm: Jvm | None = None, load: Load | None = None) -> tuple[Size, ...]:
    """The default, the rule that is often quoted, and the default with a limit for clusters that are shared."""
    given = _Given(use, cpu, jvm, load)
    request, limit = _cores(use.cpu_p95), _cores(use.cpu_peak * BURST)
    quoted = _cores(use.cpu_mean * 0.6)
    memory = "memory request = limit = peak x 1.15"
    return (
        _sized(given, "default", f"CPU request = P95, no CPU limit; {memory}", request, None),
        _sized(given, "seed-burst", f"CPU request = 60 % of the mean (50-70 %), limit = {BURST} x peak", quoted, limit),
        _sized(given, "shared", f"the default with a CPU limit of {BURST} x peak (1.5-2 x); {memory}", request, limit),
    )


@dataclass(frozen=True)
class _Given:
    use: Use
    cpu: Numbers
    jvm: Jvm | None
    load: Load | None


def _sized(given: _Given, name: str, rule: str, request: float, limit: float | None) -> Size:
    use = given.use
    memory, memory_by = _memory(use, given.jvm)
    replicas, usual, by = _replicas(use, request, given.load)
    start = use.start_cpu_peak
    return Size(
        profile=name,
        rule=rule,
        cpu_request=request,
        cpu_limit=limit,
        memory_request=memory,
        memory_limit=memory,
        replicas=replicas,
        quality="Guaranteed" if limit == request else "Burstable",
        utilisation_mean=use.cpu_mean / request,
        utilisation_peak=use.cpu_peak / request,
        starved=float((given.cpu > request).mean()),
        replicas_usual=usual,
        replicas_by=by,
        memory_by=memory_by,
        start_slowed=start / limit if start is not None and limit is not None and start > limit else None,
    )


def _memory(use: Use, jvm: Jvm | None) -> tuple[int, str]:
    measured = use.memory_peak * MEMORY_MARGIN
    if jvm is None or measured >= jvm.needs:
        return _mebibytes(measured), f"peak {use.memory_peak:.0f} MiB x {MEMORY_MARGIN}"
    return _mebibytes(jvm.needs), str(jvm)


def _replicas(use: Use, request: float, load: Load | None) -> tuple[int, int, str]:
    """For the peak and for the mean; by what a Pod carries where a load test told it, else by CPU."""
    usual = use.cpu_mean_together / (request * HPA_TARGET)
    if load is None:
        peak, by = (
            use.cpu_peak_together / (request * HPA_TARGET),
            f"{use.cpu_peak_together:.3g} cores together at the peak",
        )
    else:
        peak = load.peak / (load.carried * HPA_TARGET)
        usual *= peak / max(use.cpu_peak_together / (request * HPA_TARGET), 1e-9)
        by = f"{load.peak:g} requests/s at the peak, {load.carried:g} a Pod (load test)"
    most = max(FEWEST, _up(peak))
    return most, min(most, max(FEWEST, _up(usual))), by


def _up(value: float) -> int:
    return math.ceil(round(value, 6))


def _cores(value: float) -> float:
    """Rounded up to ten millicores, at least ten."""
    return max(0.01, math.ceil(round(value * 100, 6)) / 100)


def _mebibytes(value: float) -> int:
    """Rounded up to 16 MiB."""
    return max(16, math.ceil(round(value, 6) / 16) * 16)
