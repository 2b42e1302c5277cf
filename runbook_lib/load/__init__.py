"""Steps of rising load against one Pod that has no users, until it gives way or anything speaks against going on.

Composed of act (where are the users?), observe and judge; used by 03_pilot_deploy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from runbook_lib.clients import Clients
from runbook_lib.errors import BadParameters, RunbookError, Unreachable
from runbook_lib.judge.knee import Burn, Cost, Knee, Step, cost, generator_late, knee, standing
from runbook_lib.load.count import step_of
from runbook_lib.load.generate import Barrage, Shot, Wanted
from runbook_lib.load.watch import OldSide, allowed_now, reachable, user_free
from runbook_lib.model import Change, now
from runbook_lib.observe.demand import cpu_samples
from runbook_lib.observe.reach import Sender, Target
from runbook_lib.record import Run
from runbook_lib.sections import LoadTest, SmokeCase

LOOK = 1.0  # seconds between two looks at where the users are
READING = ("GET", "HEAD", "OPTIONS")
Tell = Callable[[str, float], object]


@dataclass(frozen=True)
class Result:
    """What the steps told; ``stopped`` says what ended them early, ``counted`` what the new side's counters say."""

    pod: str
    steps: tuple[Step, ...] = ()
    found: Knee = field(default_factory=lambda: Knee(None, None))
    cost: Cost | None = None
    counted: float | None = None
    stopped: str = ""


def load_test(run: Run, clients: Clients, sender: Sender, target: Target) -> Result:
    """Send the load, with its intent on record; what comes back is judged by `judge.knee` and `judge.autoscaling`."""
    wanted = run.parameters.kubernetes.load_test
    if wanted is None:
        raise BadParameters("kubernetes.load_test is missing: say how much load one Pod may be sent")
    mix = mixture(wanted, run.parameters.kubernetes.smoke, sender, target)
    reachable(target.way)
    results: list[Result] = []

    def act() -> Change:
        results.append(_Test(clients, target, mix, lambda said, part: run.progress(said, part)).walk(wanted))
        steps = len(results[0].steps)
        return Change("load test", None, {"steps": steps}, done=steps > 0, at=now(), note=results[0].stopped)

    change = run.change(f"load test of {target.name}, up to {wanted.most:g} requests/s", act)
    return results[0] if results else Result(target.name, stopped=change.note)


def mixture(wanted: LoadTest, smoke: Sequence[SmokeCase], sender: Sender, target: Target) -> list[Wanted]:
    """The requests of the mix; BadParameters for a case that is not there, and for one that is not reading."""
    cases = {case.name: case for case in smoke}
    shares = wanted.mix or {name: 1.0 for name, case in cases.items() if _reads(case) and 200 <= case.status < 300}
    if absent := [name for name in shares if name not in cases]:
        raise BadParameters(f"kubernetes.load_test.mix: {absent[0]!r} is no smoke case; there are {', '.join(cases)}")
    writing = [name for name in shares if not _reads(cases[name])]
    if writing and not wanted.writes:
        raise BadParameters(f"kubernetes.load_test.mix: {writing[0]!r} is not reading; load_test.writes allows that")
    if not shares:
        raise BadParameters("kubernetes.load_test: no smoke case reads and expects 2xx; name some in kubernetes.smoke")
    found = []
    for name, share in shares.items():
        case = cases[name]
        headers, body = sender.prepared(case, {})
        found.append(Wanted(case.method, target.url.rstrip("/") + case.path, headers, body, case.status, share))
    return found


def _reads(case: SmokeCase) -> bool:
    return case.method in READING and not case.writes


def rates(wanted: LoadTest) -> Iterator[float]:
    """Rising requests a second, the largest last."""
    rate = wanted.first
    while rate < wanted.most:
        yield rate
        rate *= wanted.grow
    yield wanted.most


class _Test:
    """One test; holds the shots with their moments, from which the CPU of a request is worked out."""

    def __init__(self, clients: Clients, target: Target, mix: list[Wanted], tell: Tell) -> None:
        self.clients, self.target, self.mix, self.tell = clients, target, mix, tell
        self.answers: list[float] = []
        self.began = now()

    def walk(self, wanted: LoadTest) -> Result:
        """Step by step until the Pod gives way, the largest rate is held, or something speaks against going on."""
        p = self.clients.parameters
        limit = (wanted.latency or p.thresholds.latency).total_seconds()
        if stopped := allowed_now(self.clients) or user_free(self.clients):
            return Result(self.target.name, stopped=stopped)
        try:
            old, steps, planned = OldSide(self.clients), list[Step](), list(rates(wanted))
        except RunbookError as error:
            return Result(self.target.name, stopped=f"the old side cannot be seen: {error}")
        for number, rate in enumerate(planned):
            if stopped := user_free(self.clients) or old.look():
                break
            self.tell(f"{self.target.name}: {rate:g} requests/s", number / len(planned))
            step, stopped = self._step(rate, wanted.step.total_seconds(), limit, old, number)
            steps.append(step)
            how, _ = standing(step, p.thresholds.error_rate)
            stopped = stopped or (generator_late(step) if how == "unclear" else "")
            if stopped or how == "gave way":
                break
        found = knee(steps, p.thresholds.error_rate)
        spent, counted = self._spent(), self._counted(old)
        return Result(self.target.name, tuple(steps), found, spent, counted, stopped)

    def _step(self, rate: float, seconds: float, limit: float, old: OldSide, seed: int) -> tuple[Step, str]:
        """One step; the second value says why it was ended before its time."""
        barrage, patience = Barrage(), max(1.0, 4 * limit)
        thread = threading.Thread(target=barrage.fire, args=(self.mix, rate, seconds, patience, seed), daemon=True)
        thread.start()
        barrage.begun.wait()
        begun, clock, stopped = now(), time.monotonic(), ""
        tick, looked = self.clients.parameters.watch.tick.total_seconds(), time.monotonic()
        while thread.is_alive() and not stopped:
            thread.join(min(LOOK, max(0.05, seconds / 4)))
            stopped = user_free(self.clients) or self._too_much(list(barrage.shots), limit)
            if not stopped and time.monotonic() - looked >= tick:
                stopped, looked = old.look(), time.monotonic()
        barrage.stop.set()
        thread.join(patience + 2)
        lasted = min(seconds, max(0.05, time.monotonic() - clock)) if stopped else seconds
        shots = list(barrage.shots)
        self.answers += [begun.timestamp() + shot.answered for shot in shots if shot.answered is not None]
        stopped = stopped or barrage.broken or old.look()
        return step_of(shots, rate, lasted, limit), "" if stopped == _GAVE_WAY else stopped

    def _too_much(self, shots: list[Shot], limit: float) -> str:
        """Not to be waited for: failures or slow answers say already that this rate is too much."""
        part = step_of(shots, 0.0, 1.0, limit)
        return _GAVE_WAY if standing(part, self.clients.parameters.thresholds.error_rate)[0] == "gave way" else ""

    def _counted(self, old: OldSide) -> float | None:
        """Requests that the new side counted meanwhile; the last scrapes are waited for."""
        scrape = self.clients.parameters.metrics.scrape.total_seconds()
        until = time.monotonic() + max(5.0, 3 * scrape)
        while old.under.kubernetes_requests < len(self.answers) and time.monotonic() < until:
            time.sleep(scrape / 2)
            old.look()
        return old.under.kubernetes_requests if old.seen else None

    def _spent(self) -> Cost | None:
        """CPU of a request, from the samples of this Pod's counter; None where there are too few."""
        p = self.clients.parameters
        kept = p.metrics.instances
        if kept is None:
            return None
        time.sleep(p.metrics.scrape.total_seconds())
        span, label = (now() - self.began).total_seconds(), kept.label.kubernetes
        try:
            found = cpu_samples(self.clients.prometheus, kept.cpu.kubernetes, label, self.target.name, span, now())
        except Unreachable:
            return None
        return cost(burns(found, self.answers))


def burns(samples: list[tuple[datetime, float]], answers: list[float]) -> list[Burn]:
    """CPU and requests between two samples; a counter that fell is of a container that began again, and left out."""
    found = []
    for (begin, before), (end, after) in pairwise(samples):
        count = sum(begin.timestamp() < moment <= end.timestamp() for moment in answers)
        if after >= before:
            found.append(Burn((end - begin).total_seconds(), float(count), after - before))
    return found


_GAVE_WAY = "the Pod gave way"
