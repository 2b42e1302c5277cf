"""Waits for a rollout by watching it; what keeps it is told while it is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from runbook_lib.errors import ChangeFailed, RunbookError, Unreachable
from runbook_lib.observe.cluster import Cluster, Missing
from runbook_lib.observe.pods import explain
from runbook_lib.observe.rollout import Progress, deployment, progress

LOOK = 5  # seconds of quiet on the watch after which the state is told again, with the reasons


def follow(
    cluster: Cluster, name: str, seconds: float, clock: Callable[[], float] = time.monotonic
) -> Iterator[Progress]:
    """Each new state as the API server tells it, until it is complete, stalled or the time is over.

    A state that lasts is given again every LOOK seconds. A watch that breaks (410, a restarted API server) is taken up
    again; Unreachable only when the time is over.
    """
    end = clock() + seconds
    stalled_before = False
    while True:
        try:
            state = progress(deployment(cluster, name))
            yield state
            left = end - clock()
            # right after an undo the verdict on the failed revision still stands there: it must last to count
            if state.complete or left <= 0 or (state.stalled and stalled_before):
                return
            stalled_before = bool(state.stalled)
            quiet = max(1, min(LOOK, int(left)))
            for live in cluster.watch("apps/v1", "Deployment", name, state.resource_version, quiet):
                state = progress(live)
                yield state
                if state.complete:
                    return
        except (Unreachable, Missing):
            if clock() >= end:
                raise
            time.sleep(1)


def wait(
    cluster: Cluster,
    name: str,
    timeout: timedelta,
    show: Callable[[Progress, list[str]], None] = lambda progress, why: None,
) -> Progress:
    """The complete rollout; ChangeFailed says what is stuck, why, and the way back.

    ``show`` gets every new state, with the reasons when Pods are not ready.
    """
    state: Progress | None = None
    for state in follow(cluster, name, timeout.total_seconds()):
        show(state, [] if state.ready >= state.wanted else _quietly(cluster, name))
    if state is not None and state.complete:
        return state
    why = _quietly(cluster, name) or ["no Pod and no event says why"]
    seconds = f"{timeout.total_seconds():g} s"
    cause = state.stalled if state is not None and state.stalled else f"not complete after {seconds}"
    raise ChangeFailed(
        f"{state}: {cause}; {'; '.join(why)}. It may still become ready and take traffic: "
        "undo it (06_rollback) or correct the manifests and run 03_pilot_deploy again"
    )


def _quietly(cluster: Cluster, name: str) -> list[str]:
    """The reasons, or nothing when even they cannot be read: the rollout's own state matters more."""
    try:
        return explain(cluster, name)
    except RunbookError:
        return []
