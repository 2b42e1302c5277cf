"""How large a Pod has to be, from what the virtual machines used; refuses when too little was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from runbook_lib.model import Outcome, Verdict

MIB = 2**20
POINTS_NEEDED = 100
DAYS_NEEDED = 14.0
STEP_WANTED = 5.0
MEMORY_MARGIN = 1.15
HPA_TARGET = 0.70


@dataclass(frozen=True)
class Jvm:
    """What a Java process may take besides its heap; MiB each, threads as a count of 1 MiB stacks by default."""

    heap: float
    metaspace: float = 256.0
    direct: float = 64.0
    code_cache: float = 240.0
    threads: int = 100
    stack: float = 1.0

    @property
    def needs(self) -> float:
        return self.heap + self.metaspace + self.direct + self.code_cache + self.threads * self.stack


@dataclass(frozen=True)
class Use:
    """What one instance used once it had started, agents of the host taken off; cores and MiB."""

    points: int
    days: float
    instances: int
    cpu_mean: float
    cpu_p95: float
    cpu_peak: float
    cpu_peak_together: float
    memory_peak: float
    start_cpu_peak: float | None
    busiest: str
    step_minutes: float


@dataclass(frozen=True)
class Size:
    """One way to size a container, in cores and MiB; ``starved`` is the share of time needing more than requested."""

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


@dataclass(frozen=True)
class Sizing:
    """Use and sizes, the default first; both empty when the verdict is INCONCLUSIVE."""

    verdict: Verdict
    use: Use | None = None
    sizes: tuple[Size, ...] = ()


def size(usage: pd.DataFrame, jvm: Jvm | None = None, agents: tuple[float, float] = (0.0, 0.0)) -> Sizing:
    """Sizes from samples of 5-min use: columns at, instance, cpu_cores, memory_mib, starting.

    ``agents`` are cores and MiB of host agents to subtract. Rules: CPU request P95 of the busiest instance, no limit;
    memory peak x 1.15, for Java at least heap and everything beside it.
    """
    usage = usage.assign(starting=usage["starting"] | restarts(usage))
    running = usage[~usage["starting"]]
    lacking = _lacking(running)
    if lacking:
        return Sizing(Verdict("size", Outcome.INCONCLUSIVE, lacking))
    use, cpu = _use(usage, running, agents)
    sizes = (_default(use, cpu, jvm), _seed_burst(use, cpu, jvm))
    first = sizes[0]
    message = (
        f"CPU request {first.cpu_request * 1000:.0f}m (P95 of {use.busiest}, "
        f"{use.points} points over {use.days:.1f} days), "
        f"memory {first.memory_request} MiB (peak {use.memory_peak:.0f} MiB x "
        f"{MEMORY_MARGIN}), {first.replicas} replicas"
    )
    if use.step_minutes > STEP_WANTED:
        message += (
            f"; the points are {use.step_minutes:.0f} min apart, shorter peaks do not show: load-test before the HPA"
        )
    numbers = {"cpu_request": first.cpu_request, "memory_mib": float(first.memory_request), "points": float(use.points)}
    return Sizing(Verdict("size", Outcome.PASS, message, numbers), use, sizes)


def restarts(usage: pd.DataFrame) -> pd.Series:
    """The points right after a restart: memory falls by more than 40 % from one point to the next.

    The CPU of a start belongs to the start-up budget; in the request it would be paid for day and night.
    """
    ordered = usage.sort_values(["instance", "at"])
    before = ordered.groupby("instance")["memory_mib"].shift()
    return (ordered["memory_mib"] < 0.6 * before).reindex(usage.index)


def _lacking(running: pd.DataFrame) -> str:
    """What is missing before a size can be named; empty when there is enough of every instance."""
    if running.empty:
        return f"insufficient data: no point of use, at least {POINTS_NEEDED} an instance are needed"
    times = running.groupby("instance")["at"]
    points = int(times.count().min())
    days = float((times.max() - times.min()).min() / pd.Timedelta(days=1))
    if points >= POINTS_NEEDED and days >= DAYS_NEEDED - 1 / 24:
        return ""
    return (
        f"insufficient data: {points} points over {days:.1f} days an instance, "
        f"at least {POINTS_NEEDED} points and {DAYS_NEEDED:.0f} days are needed: no size is named"
    )


def _use(usage: pd.DataFrame, running: pd.DataFrame, agents: tuple[float, float]) -> tuple[Use, pd.Series]:
    cpu = (running["cpu_cores"] - agents[0]).clip(lower=0)
    memory = (running["memory_mib"] - agents[1]).clip(lower=0)
    p95 = cpu.groupby(running["instance"]).quantile(0.95)
    together = cpu.groupby(running["at"].dt.floor("5min")).sum()
    starting = usage[usage["starting"]]["cpu_cores"]
    span = running["at"].max() - running["at"].min()
    use = Use(
        points=len(running),
        days=float(span / pd.Timedelta(days=1)),
        instances=int(running["instance"].nunique()),
        cpu_mean=float(cpu.mean()),
        cpu_p95=float(p95.max()),
        cpu_peak=float(cpu.max()),
        cpu_peak_together=float(together.max()),
        memory_peak=float(memory.max()),
        start_cpu_peak=float(starting.max()) if len(starting) else None,
        busiest=str(p95.idxmax()),
        step_minutes=float(running.groupby("instance")["at"].diff().dt.total_seconds().median()) / 60,
    )
    return use, cpu


def _default(use: Use, cpu: pd.Series, jvm: Jvm | None) -> Size:
    request = _cores(use.cpu_p95)
    return _sized(
        "default", "CPU request = P95, no CPU limit; memory request = limit = peak x 1.15", use, cpu, request, None, jvm
    )


def _seed_burst(use: Use, cpu: pd.Series, jvm: Jvm | None) -> Size:
    request, limit = _cores(use.cpu_mean * 0.6), _cores(use.cpu_peak * 1.75)
    rule = "CPU request = 60 % of the mean (50-70 %), limit = 1.75 x peak (1.5-2 x)"
    return _sized("seed-burst", rule, use, cpu, request, limit, jvm)


def _sized(
    name: str, rule: str, use: Use, cpu: pd.Series, request: float, limit: float | None, jvm: Jvm | None
) -> Size:
    memory = _mebibytes(max(use.memory_peak * MEMORY_MARGIN, jvm.needs if jvm else 0.0))
    replicas = max(2, math.ceil(use.cpu_peak_together / (request * HPA_TARGET)))
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
        starved=float((cpu > request).mean()),
    )


def _cores(value: float) -> float:
    """Rounded up to ten millicores, at least ten."""
    return max(0.01, math.ceil(round(value * 100, 6)) / 100)


def _mebibytes(value: float) -> int:
    """Rounded up to 16 MiB."""
    return max(16, math.ceil(round(value, 6) / 16) * 16)


def startup_budget(start_seconds: float | None, margin: float = 2.0) -> int | None:
    """Seconds a Pod should be given to start: twice the longest start, in steps of five; None if unmeasured."""
    return None if start_seconds is None else max(10, math.ceil(start_seconds * margin / 5) * 5)
