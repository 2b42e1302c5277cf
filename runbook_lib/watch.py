"""The observe + judge loop of a gray stage: one Look a tick; it never acts, whoever renders or guards it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError, Unreachable
from runbook_lib.fields import write_duration
from runbook_lib.judge.pods import judge_alerts, judge_out_of_memory, judge_ready, judge_restarts, judge_throttling
from runbook_lib.judge.rates import Interval, RateLimits, judge_rate, ratio_cap
from runbook_lib.judge.split import judge_split
from runbook_lib.model import Outcome, Verdict, now, worst
from runbook_lib.observe.counters import Delta, Reading, boundary, delta, read, remembering
from runbook_lib.observe.metrics import firing_alerts, query
from runbook_lib.observe.stability import Stability, kills_between, read_stability, restarts_between
from runbook_lib.parameters import Parameters
from runbook_lib.sections import Stage

_SCRAPES = 3  # before so many, nothing is said against the split


@dataclass(frozen=True)
class Look:
    """What is known after a tick: the intervals so far, the verdicts over all of them, and whether it was measured."""

    at: datetime
    elapsed: float
    remaining: float
    deltas: tuple[Delta, ...]
    verdicts: tuple[Verdict, ...]
    measured: bool

    @property
    def outcome(self) -> Outcome:
        return worst(self.verdicts)

    @property
    def headline(self) -> str:
        """The worst criterion in one line."""
        verdict = max(self.verdicts, key=lambda v: (v.outcome, v.trigger))
        return f"{verdict.name}: {verdict.message}"

    @property
    def fraction(self) -> float:
        """How much of the planned observation is over, 0 to 1."""
        return self.elapsed / (self.elapsed + self.remaining)

    @property
    def cause(self) -> Verdict | None:
        """The verdict that is reason enough to bring the traffic back at once."""
        return next((v for v in self.verdicts if v.trigger and v.outcome is Outcome.FAIL), None)


def stage_limits(p: Parameters, stage: Stage) -> tuple[RateLimits, RateLimits]:
    """The limits of failed and of slow requests at this weight; alpha is split evenly between the two tests."""
    t = p.thresholds
    rule_out, alpha, cap = stage.rule_out or t.error_rate, t.alpha / 2, ratio_cap(stage.weight)
    errors = RateLimits(t.error_ratio, rule_out, t.error_rate, alpha, cap, t.breaker_requests, t.breaker_rate)
    slow = RateLimits(t.latency_ratio, rule_out, t.slow_rate, alpha, cap, t.breaker_requests, t.breaker_rate)
    return errors, slow


def watch_stage(
    clients: Clients,
    stage: Stage,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Look]:
    """Look once a tick until the stage passes, a trigger fires, or patience ends; the last Look is the verdict.

    It is watched from the shift on, for ``observe`` at the least, and for ``watch.extend`` longer while evidence is
    missing. A split that does not show after ``traffic.settle`` is a failed change, and a trigger. A tick that cannot
    be measured adds nothing and is never a trigger.
    """
    p = clients.parameters
    memory = _Memory(clients, stage)
    begun, tick = clock(), p.watch.tick.total_seconds()
    observe, patience = stage.observe.total_seconds(), p.watch.extend.total_seconds()
    while True:
        sleep(tick - (clock() - begun) % tick)  # a look that took longer than a tick does not make the next ones hurry
        elapsed = clock() - begun
        look = memory.look(elapsed, max(0.0, observe - elapsed))
        yield look
        settled = look.outcome is not Outcome.INCONCLUSIVE
        if look.cause or (elapsed >= observe and settled) or elapsed >= observe + patience:
            return


def wait_for_split(
    clients: Clients,
    weight: int,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Verdict:
    """The first PASS of the observed split, or the last verdict when ``traffic.split_patience`` is over.

    Requests from before the shift may still be scraped after it: an interval with a wrong split is dropped, not summed.
    """
    p = clients.parameters
    deadline = clock() + p.traffic.split_patience.total_seconds()
    verdict = Verdict("traffic split", Outcome.INCONCLUSIVE, "nothing was measured")
    base: Reading | None = None
    while clock() < deadline:
        try:
            reading = read(clients.prometheus, p.metrics, 0.0)
            if base is not None:
                verdict = _split(weight, [delta(base, reading, p.metrics).errors])
                if verdict.outcome is Outcome.PASS:
                    return verdict
            base = reading if base is None or verdict.outcome is Outcome.FAIL else base
        except RunbookError as error:
            verdict = Verdict("traffic split", Outcome.INCONCLUSIVE, str(error))
        sleep(min(p.metrics.scrape.total_seconds(), max(0.0, deadline - clock())))
    return verdict


class _Memory:
    """What the loop remembers between ticks: the last reading, the first Pods, the intervals."""

    def __init__(self, clients: Clients, stage: Stage) -> None:
        self.clients, self.stage = clients, stage
        self.limits = stage_limits(clients.parameters, stage)
        self.deltas: list[Delta] = []
        self.pods: list[Stability] = []
        self.bound: float | None = None
        self.last: Reading | None = None
        self.measured_at = 0.0
        self.begun = now()
        self.first_tick()

    def first_tick(self) -> None:
        """Where the counts begin; an unreachable source is met again, and judged, at the next tick."""
        self._count(0.0)
        self._see_pods()

    def look(self, elapsed: float, remaining: float) -> Look:
        problem = self._count(elapsed)
        pods = self._see_pods()
        verdicts = [*self._rate_verdicts(), *self._pod_verdicts(pods), *self._metric_verdicts()]
        if problem:
            verdicts.append(self._blind_verdict(problem, elapsed))
        return Look(now(), elapsed, remaining, tuple(self.deltas), tuple(verdicts), not problem)

    def _count(self, elapsed: float) -> str:
        """Add the interval since the last reading; what prevented it otherwise."""
        p = self.clients.parameters
        try:
            if self.bound is None:
                self.bound = boundary(self.clients.prometheus, p.metrics, p.thresholds.latency.total_seconds())
            reading = read(self.clients.prometheus, p.metrics, self.bound)
        except RunbookError as error:  # also a query that is wrong: users are on the new side, nobody looks away
            return str(error)
        if self.last is None and not reading.counters["requests", "legacy"]:
            return "Prometheus has no request counter of the old side"
        if self.last is not None:
            self.deltas.append(delta(self.last, reading, p.metrics))
            reading = remembering(self.last, reading)
        self.last, self.measured_at = reading, elapsed
        return ""

    def _see_pods(self) -> Stability | None:
        try:
            reading = read_stability(self.clients.kubernetes, self.clients.parameters.kubernetes)
        except Unreachable:
            return None  # judged as unknown, which holds the stage
        self.pods.append(reading)
        return reading

    def _rate_verdicts(self) -> list[Verdict]:
        errors, slow = self.limits
        return [
            judge_rate("failed requests", [d.errors for d in self.deltas], errors),
            judge_rate(f"requests over {self.bound or 0:g} s", [d.slow for d in self.deltas], slow),
            self._split_verdict(),
        ]

    def _split_verdict(self) -> Verdict:
        """The split since it settled: until then old workers drain, and scrapes still show what was before.

        The targets are not scraped at one instant, and one may miss a scrape: what that could explain is no FAIL.
        """
        p, weight = self.clients.parameters, self.stage.weight
        settled = self.begun + p.traffic.settle + p.metrics.scrape
        later = [d.errors for d in self.deltas if d.at - timedelta(seconds=d.errors.seconds) >= settled]
        verdict = _split(weight, later)
        if verdict.outcome is not Outcome.FAIL:
            return verdict
        scrapes = sum(i.seconds for i in later) / p.metrics.scrape.total_seconds()
        new, old = sum(i.kubernetes_requests for i in later), sum(i.legacy_requests for i in later)
        off = (1 - 1 / scrapes, 1 + 1 / scrapes)
        sure = scrapes >= _SCRAPES and all(judge_split(weight, new * f, old).outcome is Outcome.FAIL for f in off)
        if sure and not (self.last and self.last.missed):
            return replace(verdict, trigger=True)
        return replace(verdict, outcome=Outcome.INCONCLUSIVE, message=f"{verdict.message}; it may be a late scrape")

    def _pod_verdicts(self, seen: Stability | None) -> list[Verdict]:
        t = self.clients.parameters.thresholds
        window = write_duration(t.restart_window)
        if seen is None:
            return [judge_restarts(None, 0, window, t.restarts), judge_out_of_memory(None), judge_ready(None, None)]
        # from look to look: a Pod that restarted and was then replaced has restarted all the same
        looks = list(pairwise(self.pods))
        restarts = sum(restarts_between(before, after) for before, after in looks)
        recent = sum(restarts_between(b, a) for b, a in looks if seen.at - b.at <= t.restart_window)
        return [
            judge_restarts(restarts, recent, window, t.restarts),
            judge_out_of_memory(sum(kills_between(before, after) for before, after in looks)),
            judge_ready(seen.ready, seen.wanted),
        ]

    def _metric_verdicts(self) -> list[Verdict]:
        p, prometheus = self.clients.parameters, self.clients.prometheus
        firing, share = None, None
        try:
            firing = firing_alerts(prometheus, p.metrics)
            found = query(prometheus, p.metrics.throttling) if p.metrics.throttling else []
            share = found[0][1] if found else None
        except RunbookError:
            pass  # judged as unknown, which holds the stage
        verdicts = [judge_alerts(firing)]
        if p.metrics.throttling:
            verdicts.append(judge_throttling(share, p.thresholds.throttled))
        return verdicts

    def _blind_verdict(self, problem: str, elapsed: float) -> Verdict:
        p = self.clients.parameters
        blind = elapsed - self.measured_at
        said = f"no measurement for {blind:.0f} s: {problem}"
        if blind >= p.watch.blind.total_seconds():
            contacts = ", ".join(f"{c.name} ({c.reach})" for c in p.application.contacts) or p.application.owner
            said += f"; the weight is held, call {contacts}"
        return Verdict("measurement", Outcome.INCONCLUSIVE, said, {"blind_seconds": blind})


def _split(weight: int, intervals: list[Interval]) -> Verdict:
    kubernetes = sum(i.kubernetes_requests for i in intervals)
    return judge_split(weight, kubernetes, sum(i.legacy_requests for i in intervals))
