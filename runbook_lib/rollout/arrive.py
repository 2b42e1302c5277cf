"""Waits until a workload has arrived: whole, or whole but for the failed Pods that the parameters leave for later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.rollout import Progress
from runbook_lib.observe.workload.trouble import Trouble
from runbook_lib.observe.workload.wait import Show, wait, watched
from runbook_lib.record import Run
from runbook_lib.rollout.patience import Patience


def arrive(run: Run, cluster: Cluster, show: Show) -> Progress:
    """The state of a workload that has arrived, in a drill or on the way back; ChangeFailed when it does not.

    Only ``failed_pods: ignore`` counts here: no Pod is made anew, and none fails the way back before its time is over.
    """
    wanted = run.parameters.kubernetes
    if wanted.rollout.failed_pods != "ignore":
        return wait(cluster, wanted.deployment, wanted.rollout_timeout, show)
    patience = Patience(run, cluster)

    def enough(state: Progress, troubles: Sequence[Trouble]) -> Progress | None:
        return arrived(patience, state, troubles)

    return watched(cluster, wanted.deployment, wanted.rollout_timeout, show, enough)


def arrived(patience: Patience, state: Progress, troubles: Sequence[Trouble]) -> Progress | None:
    """The state when it is whole, or whole but for Pods that are left for later; they are counted in it."""
    if state.complete:
        return state
    done = patience.deal_with(state, troubles)
    new = state.observed and state.updated == state.total == state.wanted
    if done.ignored and new and state.available + len(done.failed) >= state.wanted:
        return replace(state, ignored=state.wanted - state.available)
    return None
