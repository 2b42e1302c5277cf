"""The counters of both sides from tick to tick, and over the time in which nobody watched.

Prometheus keeps what happened while no kernel ran: it is asked for the counters as they stood at past ticks. Where it
has nothing itself, the interval is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError
from runbook_lib.judge.observation import Observation
from runbook_lib.model import SIDES, now
from runbook_lib.observe.counters import Reading, boundary, completed, delta, read, remembering, scraped

_POINTS = 60  # past ticks that are asked for at most: what is longer ago is seen more coarsely
_SIDES = {"legacy": "old", "kubernetes": "new"}


class Counting:
    """Holds the last reading; a reading that fails is no reading, the next one counts from the last that did not.

    ``last`` and ``since`` are where an earlier kernel stopped: its last reading, and when it last measured.
    """

    def __init__(
        self, clients: Clients, bound: float = 0.0, last: Reading | None = None, since: datetime | None = None
    ) -> None:
        self.clients, self.bound, self.last, self.since = clients, bound, last, since

    def count(self) -> list[Observation]:
        """What happened since the last reading, as one observation or, after a time unseen, as several."""
        p = self.clients.parameters
        try:
            if not self.bound:
                self.bound = boundary(self.clients.prometheus, p.metrics, p.thresholds.latency.total_seconds())
            if self.last is None and self.since is not None:
                past, problem = self._read(self.since)
                self.last = None if problem else past
            reading, problem = self._read(None)
        except RunbookError as error:  # also a query that is wrong: users are on the new side, nobody looks away
            return [self._unmeasured(str(error))]
        if problem:
            return [self._unmeasured(problem)]
        if self.last is None:
            self.last = reading
            lost = (reading.at - self.since).total_seconds() if self.since else 0.0
            return [Observation(reading.at, bound=self.bound, gap=lost > 0, seconds=lost)]
        return list(self._caught_up(reading))

    def _caught_up(self, reading: Reading) -> Iterator[Observation]:
        """The steps from the last reading to this one; past ticks lie between them when it was long ago."""
        unseen = False
        for at in self._unseen(reading.at):
            try:
                past, problem = self._read(at)
            except RunbookError as error:
                yield self._unmeasured(str(error))  # the rest is asked for at the next tick
                return
            if problem:
                unseen = True
                continue
            yield self._step(past, unseen)
            unseen = False
        yield self._step(reading, unseen)

    def _unseen(self, until: datetime) -> Iterator[datetime]:
        assert self.last is not None
        watch, began = self.clients.parameters.watch, self.last.at
        span = until - began
        if span > watch.blind:
            step = max(watch.tick, span / (_POINTS + 1))
            yield from (began + n * step for n in range(1, math.ceil(span / step)))

    def _step(self, reading: Reading, unseen: bool) -> Observation:
        """The interval up to this reading; a gap when the ticks before it gave nothing for longer than is allowed."""
        assert self.last is not None
        p = self.clients.parameters
        try:
            before = completed(self.clients.prometheus, p.metrics, self.bound, self.last, reading)
        except RunbookError as error:
            return self._unmeasured(str(error))
        grown = delta(before, reading, p.metrics)
        if not math.isfinite(math.fsum((*vars(grown.errors).values(), *vars(grown.slow).values()))):
            return self._unmeasured("Prometheus gives counts that are no numbers")
        apart = reading.at - self.last.at
        self.last = remembering(self.last, reading)
        return Observation(
            reading.at,
            grown.errors,
            grown.slow,
            notes=grown.notes,
            bound=self.bound,
            missed=bool(self.last.missed),
            gap=unseen and apart > p.watch.blind,
            seconds=apart.total_seconds(),
        )

    def _read(self, at: datetime | None) -> tuple[Reading, str]:
        """The counters, and why they are no measurement; raises what `read` raises."""
        p, prometheus = self.clients.parameters, self.clients.prometheus
        reading = read(prometheus, p.metrics, self.bound, at)
        for side in SIDES:
            known = self.last is not None and bool(self.last.counters["requests", side])
            if not reading.counters["requests", side] and (known or side == "legacy"):
                return reading, f"Prometheus has no request counter of the {_SIDES[side]} side"
        stale = [
            f"the last scrape of the {_SIDES[side]} side is {age:.0f} s old"
            for side, when in scraped(prometheus, p.metrics, reading.at).items()
            if (age := (reading.at - when).total_seconds()) > p.watch.blind.total_seconds()
        ]
        return reading, "; ".join(stale)

    def _unmeasured(self, problem: str) -> Observation:
        at = now()
        ago = (at - self.last.at).total_seconds() if self.last else 0.0
        return Observation(at, problem=problem, bound=self.bound, seconds=ago)
