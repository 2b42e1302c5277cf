"""Waits for a rollout by watching it; what keeps it is told while it is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from runbook_lib.errors import ChangeFailed, CriterionFailed, Unreachable
from runbook_lib.observe.cluster import Cluster, Missing
from runbook_lib.observe.workload.explain import quietly
from runbook_lib.observe.workload.rollout import Progress, deployment, progress, refuse_if_held, with_new
from runbook_lib.observe.workload.trouble import Trouble, grouped

LOOK = 5  # seconds of quiet on the watch after which the state is told again, with the reasons

Show = Callable[[Progress, Sequence[str]], None]
Enough = Callable[[Progress, Sequence[Trouble]], Progress | None]
"""The state that was waited for, by a state and what keeps its Pods, or None; it may act on them, or raise."""


def follow(
    cluster: Cluster, name: str, seconds: float, clock: Callable[[], float] = time.monotonic, look: int = LOOK
) -> Iterator[Progress]:
    """Each new state as the API server tells it, until it is complete, stalled or the time is over.

    A state that lasts is given again every ``look`` seconds. A watch that breaks (410, a restarted API server, one that
    hangs) is taken up again; Unreachable only when the time is over.
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
            quiet = max(1, min(look, int(left)))
            for live in cluster.watch("apps/v1", "Deployment", name, state.resource_version, quiet):
                state = progress(live)
                yield state
                if state.complete:
                    return
        except (Unreachable, Missing):
            if clock() >= end:
                raise
            time.sleep(1)


def wait(cluster: Cluster, name: str, timeout: timedelta, show: Show = lambda state, why: None) -> Progress:
    """The complete rollout; ChangeFailed says what is stuck, why, and the way back, Held who paused it.

    ``show`` gets every new state, with the reasons when Pods are not ready.
    """
    return watched(cluster, name, timeout, show, whole)


def whole(state: Progress, troubles: Sequence[Trouble]) -> Progress | None:
    """The state when every Pod of it is there: what is waited for where nothing else is said."""
    return state if state.complete else None


def watched(
    cluster: Cluster,
    name: str,
    timeout: timedelta,
    show: Show,
    enough: Enough,
    deadline: timedelta | None = None,
    clock: Callable[[], float] = time.monotonic,
    look: int = LOOK,
) -> Progress:
    """What ``enough`` first makes of a state; ChangeFailed when it does not come, or is no more of the same release.

    Held when a person paused it. ``deadline``: give up when nothing changed for so long.
    """
    last = _Last(clock)
    try:
        for seen in follow(cluster, name, timeout.total_seconds(), clock, look):
            state = with_new(cluster, seen)
            last.see(state)
            # the old Pods may be as many as are wanted: only a whole rollout is without reasons
            troubles = [] if state.complete else quietly(cluster, name)
            show(state, [str(trouble) for trouble in grouped(troubles)])
            if not state.complete:
                refuse_if_held(state)
            if (found := enough(state, troubles)) is not None:
                return found
            if deadline is not None and last.quiet_for() >= deadline.total_seconds():
                raise stuck(cluster, state, f"nothing changed for {deadline.total_seconds():g} s")
    except CriterionFailed:
        if last.state is None:
            raise
        raise ChangeFailed(f"Deployment/{name} was deleted meanwhile; last seen: {last.state}") from None
    except Unreachable as error:
        said = f"; last seen: {last.state}; {may_become_ready(last.state)}" if last.state else ""
        raise Unreachable(f"{error}{said}") from None
    if last.state is None:
        raise ChangeFailed(f"Deployment/{name} was not seen in {timeout.total_seconds():g} s")
    raise stuck(cluster, last.state, last.state.stalled or f"not complete after {timeout.total_seconds():g} s")


class _Last:
    """The newest state of one release, and since when nothing changed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.state: Progress | None = None
        self.first: Progress | None = None
        self.moved = clock()

    def see(self, state: Progress) -> None:
        """Take the next state; ChangeFailed when it is of another Deployment or another template."""
        self.first = self.first or state
        if state.uid != self.first.uid:
            raise ChangeFailed(
                f"Deployment/{state.name} was deleted and made anew meanwhile (uid {self.first.uid} -> {state.uid}): "
                "this is not the one whose rollout was watched; find out who did it, then run 03_pilot_deploy again"
            )
        if state.aborted and not self.first.aborted:
            raise ChangeFailed(
                f"the release that was watched (revision {self.first.revision} of Deployment/{state.name}) was aborted "
                f"by {state.aborted}; look until nothing of it is left: runbook rollout status PARAMETERS"
            )
        if state.template != self.first.template:
            raise ChangeFailed(
                f"revision {state.revision} of Deployment/{state.name} was written by {state.author}: this is not the "
                f"release that was watched (revision {self.first.revision}); find out why, then run 03_pilot_deploy "
                "again or undo it (06_rollback)"
            )
        if self.state is None or _counts(state) != _counts(self.state):
            self.moved = self.clock()
        self.state = state

    def quiet_for(self) -> float:
        """Seconds since the counts changed."""
        return self.clock() - self.moved


def _counts(state: Progress) -> tuple[int | bool | None, ...]:
    counts = (state.wanted, state.total, state.updated, state.ready, state.available)
    return *counts, state.new_ready, state.paused


def stuck(cluster: Cluster, state: Progress, cause: str) -> ChangeFailed:
    """The error of a rollout that does not go on: its state, the cause, what each Pod says, and the way back."""
    why = [str(trouble) for trouble in grouped(quietly(cluster, state.name))] or ["no Pod and no Event says why"]
    following = (
        "abort it (runbook rollout abort PARAMETERS), undo it (06_rollback), or correct the manifests and run "
        "03_pilot_deploy again"
    )
    return ChangeFailed(f"{state}: {cause.rstrip('.')}. {'. '.join(why)}. {may_become_ready(state)}: {following}")


def may_become_ready(state: Progress) -> str:
    """What a rollout that nobody watches any more may still do."""
    to_come = state.wanted - state.updated
    if state.complete:
        return "It is complete: nothing else becomes ready"
    if state.paused:
        return (
            f"It is paused: only those Pods of revision {state.revision} that exist may become ready and take traffic"
        )
    more = f", and {to_come} more will be made" if to_come > 0 else ""
    new = f"{state.updated} new Pod{'' if state.updated == 1 else 's'}"
    return f"It goes on by itself: its {new} may still become ready and take traffic{more}"
