"""What is looked at while a Pod is under load: that no user is there, and that the old side does not suffer."""

from __future__ import annotations

from datetime import timedelta

from runbook_lib.act.traffic.knob import read
from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError, Unreachable
from runbook_lib.judge.calendar import judge_calendar
from runbook_lib.judge.knee import slows, suffers
from runbook_lib.judge.latency import seen_quantile
from runbook_lib.judge.rates import Interval
from runbook_lib.model import Outcome, now
from runbook_lib.observe import counters
from runbook_lib.observe.histogram import buckets
from runbook_lib.watch.counting import Counting

_SCRAPES = 20  # over so many the old side is looked at beforehand


def user_free(clients: Clients) -> str:
    """Empty while no user and no tester is on the new side; else why no load may be sent there."""
    try:
        found = read(clients)
    except RunbookError as error:
        return f"it is not known where the users are: {error}"
    if found.weight:
        return f"{found.weight} % of the users are on the new side"
    return "testers are sent to the new side" if found.testers else ""


def allowed_now(clients: Clients) -> str:
    """Empty outside of peak hours and freezes: the old side and its stores are needed by users then."""
    calendar = clients.parameters.calendar
    verdict = judge_calendar(now(), calendar.zone, calendar.windows, calendar.freezes)
    return "" if verdict.outcome is Outcome.PASS else verdict.message


class OldSide:
    """The old side before the load and under it; the counts under it are added up over all steps."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients
        p, until = clients.parameters, now()
        span = max(_SCRAPES * p.metrics.scrape, timedelta(seconds=10))
        bound = _bound(clients, span)
        before = counters.delta(
            counters.read(clients.prometheus, p.metrics, bound, until - span),
            counters.read(clients.prometheus, p.metrics, bound, until),
            p.metrics,
        )
        self.errors, self.slow, self.bound = before.errors, before.slow, bound
        self.counting, self.seen, self.looked = Counting(clients, bound), 0, until
        self.under, self.slow_under = Interval(0, 0, 0, 0, 0), Interval(0, 0, 0, 0, 0)
        self.counting.count()

    def look(self) -> str:
        """Why the load must end now; empty when nothing speaks against it. No measurement for too long does."""
        p = self.clients.parameters
        for observation in self.counting.count():
            if observation.errors is not None and observation.slow is not None and observation.measured:
                self.under = _sum(self.under, observation.errors)
                self.slow_under = _sum(self.slow_under, observation.slow)
                self.seen, self.looked = self.seen + 1, observation.at
            elif now() - self.looked > max(p.watch.blind, 3 * p.metrics.scrape):
                return f"the old side cannot be seen: {observation.problem or 'no counts'}"
        limits = p.thresholds
        return suffers(self.errors, self.under, limits.error_rate) or slows(
            self.slow, self.slow_under, limits.latency_ratio
        )


def _bound(clients: Clients, span: timedelta) -> float:
    """The bucket boundary at the old side's P99, at most thresholds.latency: a store that suffers shows there first."""
    p = clients.parameters
    limit = counters.boundary(clients.prometheus, p.metrics, p.thresholds.latency.total_seconds())
    window = f"{max(1, round(span.total_seconds()))}s"
    seen = seen_quantile(buckets(clients.prometheus, p.metrics, window, now())["legacy"])
    return min(limit, seen.high) if seen is not None else limit


def _sum(one: Interval, other: Interval) -> Interval:
    return Interval(*(a + b for a, b in zip(vars(one).values(), vars(other).values(), strict=True)))


def reachable(way: str) -> None:
    """Unreachable for a Pod behind the API server: load belongs on no API server."""
    if way != "direct":
        raise Unreachable("the Pod is reached through the API server only; run the load test from inside its network")
