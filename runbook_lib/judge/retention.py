"""May the old side go: kept long enough, silent, its way back drilled, the new side at work."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from runbook_lib.model import Measurement, Outcome, Verdict

WEEK = timedelta(days=7)


def kept(
    since: datetime | None, at: datetime, minimum: timedelta, recommended: timedelta, maximum: timedelta
) -> Verdict:
    """Time since all users are on the new side, against the least, the advised and the longest retention."""
    name = "retention"
    if since is None:
        message = "no record says that the stage at 100 % passed and still holds; run 04_gray_stage at weight 100"
        return Verdict(name, Outcome.INCONCLUSIVE, message)
    age = at - since
    numbers = {"days": age / timedelta(days=1), "minimum_days": minimum / timedelta(days=1)}
    if age < minimum:
        free = (since + minimum).isoformat(timespec="minutes")
        message = f"{words(age)} at 100 % < minimum {words(minimum)}; the old side may go from {free}"
        return Verdict(name, Outcome.FAIL, message, numbers)
    message = f"{words(age)} at 100 % >= minimum {words(minimum)}"
    if age < recommended:
        message += f"; {words(recommended)} are recommended"
    if age > maximum:
        message += f"; longer than the maximum of {words(maximum)}: it costs and nobody drills it, let it go now"
    return Verdict(name, Outcome.PASS, message, numbers)


def unconnected(connections: Sequence[Measurement], earlier: Sequence[float] = ()) -> Verdict:
    """Zero client connections at this moment; ``earlier`` are the counts that attempts before this one put on record.

    What was between those moments is not known by them: the metric of ``legacy.silence.connections`` knows.
    """
    verdict = _unconnected(connections)
    if not earlier:
        return verdict
    quiet = sum(count == 0 for count in earlier)
    return replace(verdict, message=f"{verdict.message}; 0 at {quiet} of {len(earlier)} earlier moments on record")


def _unconnected(found: Sequence[Measurement]) -> Verdict:
    name, what = "connections", "client connections open now"
    numbers = {m.name: m.value for m in found if m.value is not None}
    unknown = [m for m in found if m.value is None]
    total = sum(numbers.values())
    if total:
        busy = ", ".join(f"{n} {v:.0f}" for n, v in numbers.items() if v)
        return Verdict(name, Outcome.FAIL, f"{total:.0f} {what} > 0: {busy}", numbers)
    if not found or unknown:
        missing = ", ".join(f"{m.name} ({m.query})" for m in unknown) or "there is no instance to ask"
        return Verdict(name, Outcome.INCONCLUSIVE, f"{what} are not known: {missing}", numbers)
    return Verdict(name, Outcome.PASS, f"0 {what} on {len(found)} instances", numbers)


def drilled(
    drills: Sequence[datetime],
    since: datetime | None,
    at: datetime,
    silence: timedelta,
    every: timedelta = WEEK,
    failed: Sequence[datetime] = (),
) -> Verdict:
    """At least one drill, no pause longer than ``every`` since all users are on the new side, and the last one passed.

    A drill sends users to the old side, which then has to be silent for ``silence``: the last pause is so much longer.
    ``failed`` are drills that did not pass: they are no drills, and after one the way back is not known to work.
    """
    numbers = {"drills": float(len(drills)), "failed": float(len(failed))}
    if not drills:
        also = f"; {len(failed)} failed" if failed else ""
        message = f"0 drills on record < 1{also}; run 06_rollback with mode drill"
        return Verdict("drills", Outcome.INCONCLUSIVE, message, numbers)
    longest = _longest_pause(drills, since or at, at, silence)
    numbers["longest_gap_days"] = longest / timedelta(days=1)
    in_time = longest <= every
    sign = "<=" if in_time else ">"
    message = f"{len(drills)} drills on record, longest pause {words(longest)} {sign} {words(every)}"
    inside = [moment for moment in failed if since is None or moment > since]
    if inside:
        message += f"; failed: {', '.join(f'{moment:%d %b %H:%M}' for moment in inside[-3:])}"
    broken = bool(failed) and max(failed) > max(drills)
    if broken:
        message += "; the last one failed: the way back is not known to work, drill it again"
    return Verdict("drills", Outcome.PASS if in_time and not broken else Outcome.FAIL, message, numbers)


def _longest_pause(drills: Sequence[datetime], begin: datetime, at: datetime, silence: timedelta) -> timedelta:
    moments = sorted(moment for moment in drills if moment <= at)
    # what counts before 100 % is the last drill only: the retention begins with it
    earlier = [m for m in moments if m <= begin][-1:] or [begin]
    points = [max(earlier[-1], begin), *(m for m in moments if m > begin), at]
    pauses = [later - sooner for sooner, later in itertools.pairwise(points)]
    pauses[-1] = max(pauses[-1] - silence, timedelta(0))
    return max(pauses)


def all_users(weight: int | None) -> Verdict:
    """Every user is sent to the new side."""
    if weight is None:
        return Verdict("traffic", Outcome.INCONCLUSIVE, "the weight of the Kubernetes side could not be read")
    sign = "=" if weight == 100 else "<"
    outcome = Outcome.PASS if weight == 100 else Outcome.FAIL
    return Verdict("traffic", outcome, f"weight {weight} % {sign} 100 %", {"weight": float(weight)})


def at_work(name: str, legacy: float | None, kubernetes: float | None) -> Verdict:
    """A business figure goes on rising on the new side and stands still on the old one."""
    if legacy is None or kubernetes is None:
        return Verdict(f"business: {name}", Outcome.INCONCLUSIVE, f"{name} of both sides could not be read")
    numbers = {"legacy": legacy, "kubernetes": kubernetes}
    said = f"{name}: {kubernetes:g} on the new side, {legacy:g} on the old"
    outcome = Outcome.PASS if kubernetes > 0 and legacy == 0 else Outcome.FAIL
    if kubernetes <= 0:
        said += "; nothing flows"
    return Verdict(f"business: {name}", outcome, said, numbers)


def idle(name: str, written: float | None, since: datetime, unit: str = "") -> Verdict:
    """The old side wrote nothing since all users left: also what runs without a request, by clock or by hand."""
    verdict = f"written by the old side: {name}"
    if written is None:
        return Verdict(verdict, Outcome.INCONCLUSIVE, f"{name} of the old side could not be read")
    sign = "=" if written == 0 else ">"
    said = f"{name} written by the old side since {since:%d %b %H:%M:%S}: {written:g} {unit}".strip() + f" {sign} 0"
    if written:
        said += "; a job that nobody moved? find what writes"
    return Verdict(verdict, Outcome.PASS if written == 0 else Outcome.FAIL, said, {"written": written})


def scheduled(jobs: Mapping[str, Sequence[str]], settled: Sequence[str]) -> Verdict:
    """No scheduled job would die with its machine, but those that are settled: ``jobs`` are lines by instance."""
    lines = [(name, line) for name, found in jobs.items() for line in found]
    open_still = [f"{name}: {line}" for name, line in lines if not any(word in line for word in settled)]
    numbers = {"jobs": float(len(lines)), "open": float(len(open_still))}
    if open_still:
        told = f"{len(open_still)} scheduled jobs would go with the machines: {'; '.join(open_still[:3])}"
        way = "; move them, then name them in legacy.silence.settled"
        return Verdict("scheduled jobs", Outcome.FAIL, told + way, numbers)
    said = f"{len(lines)} scheduled jobs on {len(jobs)} machines, 0 without a new home"
    return Verdict("scheduled jobs", Outcome.PASS, said, numbers)


def words(span: timedelta) -> str:
    """A time span in the unit a person would choose."""
    seconds = span.total_seconds()
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {name}"
    return f"{seconds:.3g} s"


def followed(until: datetime | None, at: datetime) -> Verdict:
    """PASS when nobody can still follow what stood before the last shift, for instance a DNS record that is cached."""
    if until is None or until <= at:
        return Verdict("followers", Outcome.PASS, "nobody can still follow an earlier answer to the old side")
    said = f"users may still follow an earlier answer until {until:%Y-%m-%d %H:%M} UTC (10 x TTL)"
    return Verdict("followers", Outcome.FAIL, said, {"seconds": (until - at).total_seconds()})
