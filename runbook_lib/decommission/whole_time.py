"""Looks at the old side over the whole time since all users left it: requests, connections, what it wrote, its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.clients import Clients
from runbook_lib.judge import retention, silence
from runbook_lib.judge.silence import Course, Period, Stretch
from runbook_lib.model import Verdict
from runbook_lib.observe.business import read_figures
from runbook_lib.observe.history import Attempt
from runbook_lib.observe.old_side import scheduled
from runbook_lib.observe.old_side import silence as observe
from runbook_lib.parameters import Parameters, project_root
from runbook_lib.sections import LegacyInstance


@dataclass(frozen=True)
class Lately:
    """The courses of requests over the last time, of which nothing is left out; and the question."""

    period: Period
    requests: tuple[Course, ...]
    query: str

    @property
    def verdict(self) -> Verdict:
        """Zero requests on each machine."""
        return silence.silent("quiet", "requests", self.busy, self.period, len(self.requests))

    @property
    def busy(self) -> list[Stretch]:
        """When requests came, and when nobody knows."""
        return _busy(self.requests, self.period)


@dataclass(frozen=True)
class WholeTime:
    """What is known of the period: courses of requests and connections, figures written, jobs, and the questions."""

    period: Period
    step: timedelta
    requests: tuple[Course, ...]
    connections: tuple[Course, ...] | None
    written: dict[str, float | None]
    jobs: dict[str, list[str]] | None
    queries: tuple[str, ...]

    def verdicts(self, p: Parameters) -> tuple[Verdict, ...]:
        """One for each thing that could be looked at."""
        count = len(self.requests)
        found = [silence.silent("silence", "requests", self.busy, self.period, count)]
        if self.connections is not None:
            always = p.legacy.silence.always
            open_ = [s for c in self.connections for s in silence.gauged(c, self.period, self.step, always)]
            found.append(silence.silent("connections over time", "connections", open_, self.period, count))
        units = {figure.name: figure.unit for figure in p.business.figures}
        begin = self.period.since
        found += [retention.idle(name, value, begin, units.get(name, "")) for name, value in self.written.items()]
        if self.jobs is not None:
            found.append(retention.scheduled(self.jobs, p.legacy.silence.settled))
        return tuple(found)

    @property
    def busy(self) -> list[Stretch]:
        """When requests came, and when nobody knows."""
        return _busy(self.requests, self.period)


def _busy(requests: Sequence[Course], period: Period) -> list[Stretch]:
    return [stretch for course in requests for stretch in silence.counted(course, period)]


def look_lately(
    p: Parameters, clients: Clients, past: Sequence[Attempt], at: datetime, alive: Sequence[LegacyInstance]
) -> Lately:
    """The last ``retention.quiet`` of the machines that are alive, drills included. Raises Unreachable."""
    period = Period(at - p.retention.quiet, at, unseen=p.retention.unseen)
    requests, asked = _requests(p, clients, past, alive, period)
    return Lately(period, requests, asked)


def look_back(
    p: Parameters,
    clients: Clients,
    past: Sequence[Attempt],
    since: datetime | None,
    at: datetime,
    alive: Sequence[LegacyInstance],
) -> WholeTime:
    """The period from when all users had left, of the machines that are alive. Raises Unreachable, BadParameters."""
    wanted, prometheus = p.legacy.silence, clients.prometheus
    period = observe.period_of(p, past, since or at, at)
    requests, asked = _requests(p, clients, past, alive, period)
    connections = None
    if wanted.connections is not None:
        connections = tuple(observe.connections_over(prometheus, p.metrics, alive, wanted.connections, period))
    jobs = scheduled.jobs_now(alive, wanted.jobs, project_root()) if wanted.jobs is not None else None
    return WholeTime(
        period,
        observe.step_of(period, p.metrics.scrape),
        requests,
        connections,
        _written(p, clients, period),
        jobs,
        tuple(filter(None, (asked, wanted.connections))),
    )


def _requests(
    p: Parameters, clients: Clients, past: Sequence[Attempt], alive: Sequence[LegacyInstance], period: Period
) -> tuple[tuple[Course, ...], str]:
    """The courses of the request counters, also from what earlier attempts kept; and the question."""
    asked = observe.requests_asked(p.metrics, p.legacy.silence.without)
    kept = observe.kept_points(past, asked)
    return tuple(observe.requests_over(clients.prometheus, asked, p.metrics.scrape, alive, period, kept)), asked


def _written(p: Parameters, clients: Clients, period: Period) -> dict[str, float | None]:
    """What the old side wrote between what is left out, by figure; None where the database has no number."""
    found: dict[str, float | None] = {figure.name: 0.0 for figure in p.business.figures}
    for since, until in silence.stretches(period):
        for one in read_figures(clients.database, p.business.figures, since, until):
            total = found[one.name]
            if one.side == "legacy":
                found[one.name] = None if one.value is None or total is None else total + one.value
    return found
