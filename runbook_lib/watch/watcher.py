"""The observe + judge loop of a gray stage, one tick at a time; it never acts, whoever renders or guards it does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace

from runbook_lib.act.traffic.knob import read_weight
from runbook_lib.clients import Clients
from runbook_lib.errors import RunbookError
from runbook_lib.judge.observation import Observation, Pods
from runbook_lib.judge.stage import judge_stage, not_seen
from runbook_lib.observe.metrics import firing_alerts, query
from runbook_lib.observe.workload.stability import read_stability
from runbook_lib.sections import Stage
from runbook_lib.watch.counting import Counting
from runbook_lib.watch.history import NOTHING, History
from runbook_lib.watch.limits import limits_of
from runbook_lib.watch.log import ObservationLog
from runbook_lib.watch.look import Look

_KNOB_PATIENCE = 1.0  # seconds; a knob far away must not keep anybody from seeing a trigger


class Watcher:
    """Remembers what was seen of a stage and looks once more when told to.

    Counts begin when it is made, or where ``history`` ends: what an earlier kernel, or nobody, has watched since then
    is read from Prometheus' past. A source that does not answer is told in the verdicts and never raised.
    """

    def __init__(
        self, clients: Clients, stage: Stage, log: ObservationLog | None = None, history: History = NOTHING
    ) -> None:
        self.clients, self.log, self.earlier = clients, log, history.earlier
        self.limits = limits_of(clients.parameters, stage)
        self.observations: list[Observation] = list(history.observations)
        bound = next((o.bound for o in reversed(self.observations) if o.bound), 0.0)
        self._counting = Counting(clients, bound, history.reading, history.measured_at)
        self._weight = _Aside(lambda: read_weight(clients))
        self._observe()

    @property
    def elapsed(self) -> float:
        """Seconds from the first observation of the stage to the last one, whoever made them."""
        return (self.observations[-1].at - self.observations[0].at).total_seconds()

    @property
    def gaps(self) -> float:
        """Seconds of the stage that nobody saw, Prometheus neither: they do not count as observed."""
        return not_seen(self.observations).total_seconds()

    def look(self, elapsed: float, remaining: float) -> Look:
        """See what happened since the last look, write it down, and judge the whole stage."""
        last = self._observe()
        verdicts = judge_stage(self.observations, self.limits, self.earlier)
        return Look(last.at, elapsed, remaining, tuple(self.observations), verdicts, last.measured)

    def _observe(self) -> Observation:
        *past, last = self._counting.count()
        alerts, throttled = self._metrics() if last.measured else (None, None)  # it would be waited for once more
        last = replace(last, pods=self._pods(), alerts=alerts, throttled=throttled, weight=self._weight.value())
        for observation in (*past, last):
            self.observations.append(observation)
            if self.log is not None:
                self.log.append(observation)
        if self.log is not None and self._counting.last is not None and last.measured:
            self.log.keep(self._counting.last)
        return last

    def _pods(self) -> Pods | None:
        try:
            seen = read_stability(self.clients.kubernetes, self.clients.parameters.kubernetes)
        except RunbookError:  # also a kubeconfig that is gone: users are on the new side, nobody looks away
            return None  # judged as unknown, which holds the stage
        restarts = {key: count for key, count in seen.restarts.items() if count}
        return Pods(seen.wanted, seen.ready, restarts, dict(seen.killed))

    def _metrics(self) -> tuple[tuple[str, ...] | None, float | None]:
        """Alerts that fire, and the throttled share; None for what cannot be asked: unknown, which holds the stage."""
        p, prometheus = self.clients.parameters, self.clients.prometheus
        try:
            firing = tuple(firing_alerts(prometheus, p.metrics))
        except RunbookError:
            return None, None
        try:
            found = query(prometheus, p.metrics.throttling) if p.metrics.throttling else []
        except RunbookError:
            found = []
        return firing, found[0][1] if found else None


class _Aside:
    """Asks a slow source in a thread: its answer is taken when it is there, and waited for only for a moment."""

    def __init__(self, ask: Callable[[], int]) -> None:
        self._ask, self._pool = ask, ThreadPoolExecutor(1, "knob")
        self._asked: Future[int] | None = None

    def value(self) -> int | None:
        """The answer to a question of this tick; None when it is refused, or not there yet."""
        if self._asked is None:
            self._asked = self._pool.submit(self._ask)
        try:
            found: int | None = self._asked.result(_KNOB_PATIENCE)
        except NotYet:
            return None
        except (RunbookError, OSError):
            found = None
        self._asked = None
        return found
