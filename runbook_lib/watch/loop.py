"""Look once a tick until the stage, or the slice of it that one notebook watches, is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from runbook_lib.clients import Clients
from runbook_lib.judge.calendar import needed
from runbook_lib.model import Outcome
from runbook_lib.sections import Stage
from runbook_lib.watch.history import NOTHING, History
from runbook_lib.watch.log import ObservationLog
from runbook_lib.watch.look import Look
from runbook_lib.watch.watcher import Watcher


def watch_stage(
    clients: Clients,
    stage: Stage,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    log: ObservationLog | None = None,
    history: History = NOTHING,
) -> Iterator[Look]:
    """Look once a tick until the stage passes, a trigger fires, or patience ends; the last Look is the verdict.

    It is watched from the shift on, for ``observe`` at the least, where asked until a weekend is over, and for
    ``watch.extend`` longer while evidence is missing. A split that does not show after ``traffic.settle`` is a failed
    change, and a trigger. A tick that cannot be measured adds nothing and is never a trigger. A stage that is longer
    than ``watch.slice`` ends after that time with a Look that ``goes_on``; the next attempt goes on from ``history``.
    """
    watcher = Watcher(clients, stage, log, history)
    watch, zone = clients.parameters.watch, clients.parameters.calendar.zone
    planned = needed(watcher.observations[0].at, stage.observe, stage.weekend, zone)
    observe, behind, begun, tick = planned.total_seconds(), watcher.elapsed, clock(), watch.tick.total_seconds()
    in_slices = watch.slice if watch.slice and watch.slice < planned else None
    while True:
        sleep(tick - (clock() - begun) % tick)  # a look that took longer than a tick does not make the next ones hurry
        here = clock() - begun
        look = watcher.look(behind + here, max(0.0, observe + watcher.gaps - behind - here))
        due = observe + watcher.gaps
        settled = look.elapsed >= due and look.outcome is not Outcome.INCONCLUSIVE
        patience_ended = look.elapsed >= max(due, behind) + watch.extend.total_seconds()
        if look.cause or settled or patience_ended:
            yield look
            return
        if in_slices and here >= in_slices.total_seconds():
            yield replace(look, goes_on=True)
            return
        yield look
