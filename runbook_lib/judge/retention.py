"""May the old side go: kept long enough, silent, its way back drilled, the new side at work."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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


def quiet(requests: Sequence[Measurement], window: timedelta) -> Verdict:
    """Zero requests on each instance over the whole window; an instance without data is not known to be silent."""
    return _zero("quiet", requests, f"requests in {words(window)}")


def unconnected(connections: Sequence[Measurement]) -> Verdict:
    """Zero client connections at this moment."""
    return _zero("connections", connections, "client connections open now")


def _zero(name: str, found: Sequence[Measurement], what: str) -> Verdict:
    numbers = {m.name: m.value for m in found if m.value is not None}
    unknown = [m for m in found if m.value is None]
    total = sum(numbers.values())
    # extrapolated counts are not whole: half a request is the least that can be one
    if total >= 0.5:
        busy = ", ".join(f"{n} {v:.0f}" for n, v in numbers.items() if v >= 0.5)
        return Verdict(name, Outcome.FAIL, f"{total:.0f} {what} > 0: {busy}", numbers)
    if not found or unknown:
        missing = ", ".join(f"{m.name} ({m.query})" for m in unknown) or "there is no instance to ask"
        return Verdict(name, Outcome.INCONCLUSIVE, f"{what} are not known: {missing}", numbers)
    return Verdict(name, Outcome.PASS, f"0 {what} on {len(found)} instances", numbers)


def drilled(
    drills: Sequence[datetime], since: datetime | None, at: datetime, silence: timedelta, every: timedelta = WEEK
) -> Verdict:
    """At least one drill, and no pause longer than ``every`` since all users are on the new side.

    A drill sends users to the old side, which then has to be silent for ``silence``: the last pause is so much longer.
    """
    numbers = {"drills": float(len(drills))}
    if not drills:
        return Verdict(
            "drills", Outcome.INCONCLUSIVE, "0 drills on record < 1; run 06_rollback with mode drill", numbers
        )
    begin = since or at
    moments = sorted(moment for moment in drills if moment <= at)
    # what counts before 100 % is the last drill only: the retention begins with it
    earlier = [m for m in moments if m <= begin][-1:] or [begin]
    points = [max(earlier[-1], begin), *(m for m in moments if m > begin), at]
    pauses = [later - sooner for sooner, later in itertools.pairwise(points)]
    pauses[-1] = max(pauses[-1] - silence, timedelta(0))
    longest = max(pauses)
    numbers["longest_gap_days"] = longest / timedelta(days=1)
    in_time = longest <= every
    message = (
        f"{len(drills)} drills on record, longest pause {words(longest)} {'<=' if in_time else '>'} {words(every)}"
    )
    return Verdict("drills", Outcome.PASS if in_time else Outcome.FAIL, message, numbers)


def all_users(weight: int | None) -> Verdict:
    """Every user is sent to the new side."""
    if weight is None:
        return Verdict("traffic", Outcome.INCONCLUSIVE, "the weight of the Kubernetes side could not be read")
    sign = "=" if weight == 100 else "<"
    outcome = Outcome.PASS if weight == 100 else Outcome.FAIL
    return Verdict("traffic", outcome, f"weight {weight} % {sign} 100 %", {"weight": float(weight)})


def at_work(name: str, legacy: float | None, kubernetes: float | None, unit: str = "") -> Verdict:
    """A business figure goes on rising on the new side and stands still on the old one."""
    if legacy is None or kubernetes is None:
        return Verdict(f"business: {name}", Outcome.INCONCLUSIVE, f"{name} of both sides could not be read")
    numbers = {"legacy": legacy, "kubernetes": kubernetes}
    said = f"{name}: {kubernetes:g} {unit}".strip() + f" on the new side, {legacy:g} on the old".rstrip()
    outcome = Outcome.PASS if kubernetes > 0 and legacy == 0 else Outcome.FAIL
    if kubernetes <= 0:
        said += "; nothing flows"
    return Verdict(f"business: {name}", outcome, said, numbers)


def retired(name: str, answering: bool, failed_requests: float | None) -> Verdict:
    """After one instance went: it is silent, and the users of the new side did not feel it."""
    verdict = f"retired {name}"
    if answering:
        return Verdict(verdict, Outcome.FAIL, f"{name} still answers")
    if failed_requests is None:
        return Verdict(verdict, Outcome.INCONCLUSIVE, f"{name} is silent; the new side's errors could not be read")
    outcome = Outcome.PASS if failed_requests < 0.5 else Outcome.FAIL
    sign = "=" if failed_requests < 0.5 else ">"
    message = f"{name} is silent; {failed_requests:.0f} failed requests on the new side {sign} 0"
    return Verdict(verdict, outcome, message, {"failed": failed_requests})


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
