"""Observations and limits of a gray stage in, its verdicts out: all that decides, and nothing else does.

The same observations give the same verdicts, in the loop that watches, in the guard, and when a record is replayed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from runbook_lib.judge.observation import Observation, Pods
from runbook_lib.judge.pods import judge_alerts, judge_out_of_memory, judge_ready, judge_restarts, judge_throttling
from runbook_lib.judge.rates import Interval, RateLimits, judge_rate
from runbook_lib.judge.split import judge_split
from runbook_lib.model import Outcome, Verdict

_SCRAPES = 3  # before so many, nothing is said against the split
_NAMED = 5  # gaps in one message
_FEW_USERS = 5  # percent; up to here anything that is wrong is reason enough


@dataclass(frozen=True)
class StageLimits:
    """What a stage is held against; spans in seconds, ``call``: whom to call when nothing can be measured.

    ``throttled`` is None where throttling is not asked for.
    """

    weight: int
    errors: RateLimits
    slow: RateLimits
    settle: float
    scrape: float
    restarts: int
    restart_window: float
    window: str
    """The same in words."""
    throttled: float | None
    blind: float
    call: str


def judge_stage(
    observations: Sequence[Observation], limits: StageLimits, earlier: Sequence[Observation] = ()
) -> tuple[Verdict, ...]:
    """Every verdict of a stage after its last observation; ``earlier`` are those of the stages that passed before."""
    measurement, weight = _measurement(observations, limits), _weight(observations, limits)
    stands = weight.outcome is Outcome.PASS  # otherwise it is the first thing to be said
    return (
        *([] if stands else [weight]),
        *_rates(observations, limits, earlier),
        _split(observations, limits),
        *([weight] if stands else []),
        *_pods(observations, limits),
        *_metrics(observations, limits),
        *([measurement] if measurement else []),
    )


def restart_limit(weight: int, configured: int) -> int:
    """So many restarts in the window are a trigger: up to 5 % of the users a single one is, above the limit counts."""
    return 1 if weight <= _FEW_USERS else configured


def not_seen(observations: Iterable[Observation]) -> timedelta:
    """How much of the stage lies in gaps: it does not count as observed."""
    return timedelta(seconds=math.fsum(o.seconds for o in observations if o.gap))


def _rates(
    observations: Sequence[Observation], limits: StageLimits, earlier: Sequence[Observation]
) -> tuple[Verdict, Verdict]:
    """What grew over a gap speaks against the new side and never for it, like what the stages before have seen."""
    bound = next((o.bound for o in reversed(observations) if o.bound), 0.0)
    seen = [o for o in observations if not o.gap]
    before = [*earlier, *(o for o in observations if o.gap)]
    errors = [o.errors for o in seen if o.errors], limits.errors, [o.errors for o in before if o.errors]
    slow = [o.slow for o in seen if o.slow], limits.slow, [o.slow for o in before if o.slow]
    return judge_rate("failed requests", *errors), judge_rate(f"requests over {bound:g} s", *slow)


def _split(observations: Sequence[Observation], limits: StageLimits) -> Verdict:
    """The split since it settled: until then old workers drain, and scrapes still show what was before.

    It settles after the shift, and anew after somebody else has moved the users. The targets are not scraped at one
    instant, and one may miss a scrape: what that could explain is no FAIL.
    """
    stood = _stood(observations, limits)
    moved = [o.at for o in observations if o.weight not in (None, stood)]
    settled = max([*moved, observations[0].at]) + timedelta(seconds=limits.settle + limits.scrape)
    later = [o.errors for o in observations if o.errors and not o.gap and _began(o) >= settled]
    verdict = split_of(stood, later)
    if verdict.outcome is not Outcome.FAIL:
        return verdict
    last = observations[-1]
    if last.weight is None:
        return _held(verdict, "the knob does not say whether somebody moved the users")
    scrapes = sum(i.seconds for i in later) / limits.scrape
    new, old = sum(i.kubernetes_requests for i in later), sum(i.legacy_requests for i in later)
    off = (1 - 1 / scrapes, 1 + 1 / scrapes)
    sure = scrapes >= _SCRAPES and all(judge_split(stood, new * f, old).outcome is Outcome.FAIL for f in off)
    missed = next((o.missed for o in reversed(observations) if o.measured), False)
    return replace(verdict, trigger=True) if sure and not missed else _held(verdict, "it may be a late scrape")


def split_of(weight: int, intervals: Iterable[Interval]) -> Verdict:
    """The observed split of some intervals against the weight that was asked for."""
    counted = list(intervals)
    kubernetes = sum(i.kubernetes_requests for i in counted)
    return judge_split(weight, kubernetes, sum(i.legacy_requests for i in counted))


def _held(verdict: Verdict, why: str) -> Verdict:
    return replace(verdict, outcome=Outcome.INCONCLUSIVE, message=f"{verdict.message}; {why}")


def _began(observation: Observation) -> datetime:
    return observation.at - timedelta(seconds=observation.errors.seconds if observation.errors else 0)


def _weight(observations: Sequence[Observation], limits: StageLimits) -> Verdict:
    """Does the knob still say what it said after the shift? At 0 % somebody else brought the users back."""
    stands, stood, name = observations[-1].weight, _stood(observations, limits), "traffic weight"
    if stands is None:
        return Verdict(name, Outcome.INCONCLUSIVE, "the knob did not say where the users are")
    numbers = {"stands": float(stands), "asked": float(limits.weight)}
    if stands == stood:
        nearest = "" if stood == limits.weight else f", the nearest to {limits.weight} % that the knob can make"
        return Verdict(name, Outcome.PASS, f"{stands} % stands{nearest}", numbers)
    said = f"somebody else moved the users from {stood} % to {stands} %"
    if stands == 0:
        return Verdict(name, Outcome.FAIL, f"{said}: the stage was rolled back by somebody else", numbers, True)
    way_on = f"whoever did it must decide: back to {stood} %, or `runbook rollback`"
    return Verdict(name, Outcome.INCONCLUSIVE, f"{said}; nothing is changed, {way_on}", numbers)


def _stood(observations: Sequence[Observation], limits: StageLimits) -> int:
    """What the knob said right after the shift: DNS records, for one, make no exact share."""
    return next((o.weight for o in observations if o.weight), limits.weight)


def _pods(observations: Sequence[Observation], limits: StageLimits) -> tuple[Verdict, Verdict, Verdict]:
    """From look to look: a Pod that restarted and was then replaced has restarted all the same."""
    last = observations[-1]
    if last.pods is None:
        unknown = judge_restarts(None, 0, limits.window, limits.restarts)
        return unknown, judge_out_of_memory(None), judge_ready(None, None)
    restarts, recent, kills = 0, 0, 0
    window = last.at - timedelta(seconds=limits.restart_window)
    for (at, before), (_, after) in pairwise((o.at, o.pods) for o in observations if o.pods):
        new = restarts_between(before, after)
        restarts, recent = restarts + new, recent + (new if at >= window else 0)
        kills += kills_between(before, after)
    return (
        judge_restarts(restarts, recent, limits.window, limits.restarts),
        judge_out_of_memory(kills),
        judge_ready(last.pods.ready, last.pods.wanted),
    )


def restarts_between(before: Pods, after: Pods) -> int:
    """Container restarts since ``before``; a Pod that is new counts from zero."""
    return sum(max(0, n - before.restarts.get(key, 0)) for key, n in after.restarts.items())


def kills_between(before: Pods, after: Pods) -> int:
    """OOM kills that were not there before."""
    return sum(1 for key, when in after.killed.items() if before.killed.get(key) != when)


def _metrics(observations: Sequence[Observation], limits: StageLimits) -> tuple[Verdict, ...]:
    last = observations[-1]
    alerts = judge_alerts(None if last.alerts is None else list(last.alerts))
    if alerts.outcome is Outcome.PASS:
        before = sorted({name for o in observations for name in o.alerts or ()})
        alerts = replace(alerts, message=f"none is firing, before: {', '.join(before)}") if before else alerts
    return (alerts,) if limits.throttled is None else (alerts, judge_throttling(last.throttled, limits.throttled))


def _measurement(observations: Sequence[Observation], limits: StageLimits) -> Verdict | None:
    """What could not be measured, now or in a gap; None when nothing is to be said."""
    last = observations[-1]
    gaps = [_gap(o, last.at) for o in observations if o.gap]
    missing = not_seen(observations).total_seconds()
    named = f"no measurement {', '.join(gaps[-_NAMED:])}; not counted as observed" if gaps else ""
    if last.measured:
        return Verdict("measurement", Outcome.PASS, named, {"gap_seconds": missing}) if gaps else None
    measured = next((o.at for o in reversed(observations) if o.measured), observations[0].at)
    blind = (last.at - measured).total_seconds()
    said = f"no measurement for {blind:.0f} s: {last.problem}"
    if blind >= limits.blind:
        said += f"; the weight is held, call {limits.call}"
    numbers = {"blind_seconds": blind, "gap_seconds": missing}
    return Verdict("measurement", Outcome.INCONCLUSIVE, f"{said}; {named}" if named else said, numbers)


def _gap(observation: Observation, last: datetime) -> str:
    """A gap as people read it; with its days when it was not today."""
    began, ended = observation.at - timedelta(seconds=observation.seconds), observation.at
    form = "%H:%M" if began.date() == last.date() else "%d %b %H:%M"
    form += ":%S" if observation.seconds < 600 else ""
    return f"from {began:{form}} to {ended:{form}} UTC"
