"""Watches a release until it has arrived: in one go, or in batches that grow first and shrink after."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from runbook_lib.act.abort import settle
from runbook_lib.act.rollout import finish, grow, hold, new_pods
from runbook_lib.errors import ChangeFailed
from runbook_lib.judge.batches import faults, targets
from runbook_lib.model import Change
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.pods import PodState, newest_pods
from runbook_lib.observe.workload.rollout import ABORTED, BATCHES, Progress, deployment, note, template_digest
from runbook_lib.observe.workload.trouble import Trouble
from runbook_lib.observe.workload.wait import LOOK, Enough, Show, may_become_ready, watched
from runbook_lib.record import Run
from runbook_lib.rollout.arrive import arrived
from runbook_lib.rollout.patience import Patience
from runbook_lib.rollout.take_back import take_back

ABORT = "stop it: runbook rollout abort PARAMETERS; go on watching: run this cell, or runbook resume PARAMETERS, again"


def prepare(run: Run, cluster: Cluster) -> Change | None:
    """Before a release is applied: hold the Deployment where it goes in batches; None where nothing is to be done."""
    wanted, name = run.parameters.kubernetes.rollout, run.parameters.kubernetes.deployment
    targets(wanted.batches, 1)
    if not wanted.batches or cluster.get("apps/v1", "Deployment", name) is None:
        return None  # a first release replaces nobody
    return run.change("hold the rollout for its batches", lambda: hold(cluster, name))


def carry_out(run: Run, cluster: Cluster, show: Show) -> Progress:
    """The state of a release that has arrived; ChangeFailed says what keeps it and what may still become ready.

    Held when a person paused it. An interrupted kernel says what the cluster does without it.
    """
    wanted, seen = run.parameters.kubernetes, _Seen(show)
    name = wanted.deployment
    if note(deployment(cluster, name), ABORTED):
        run.change("forget an abort", lambda: settle(cluster, name))
    try:
        return _Rollout(run, cluster, seen.see).go()
    except KeyboardInterrupt:
        said = may_become_ready(seen.state) if seen.state else "Nothing was seen of the rollout: it goes on by itself"
        run.tell("interrupted", message=said)
        print(f"Watching ended, the rollout did not. {said}; {ABORT}")
        raise
    except ChangeFailed as error:
        if not wanted.rollout.abort_on_failure:
            raise
        verdict = take_back(run, cluster, "kubernetes.rollout.abort_on_failure", seen.see)
        raise ChangeFailed(f"{error}. It was aborted: {verdict.message}") from None


class _Seen:
    """The last state that was shown: what an interrupted kernel can tell without asking anybody."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self.state: Progress | None = None

    def see(self, state: Progress, why: Sequence[str]) -> None:
        self.state = state
        self._show(state, why)


class _Rollout:
    """One release of one Deployment, with what its watch remembers."""

    def __init__(self, run: Run, cluster: Cluster, show: Show) -> None:
        self.run, self.cluster, self.show = run, cluster, show
        self.wanted = run.parameters.kubernetes
        self.name = self.wanted.deployment
        self.patience = Patience(run, cluster)

    def go(self) -> Progress:
        """Every batch, then the rest."""
        live = deployment(self.cluster, self.name)
        batches = note(live, BATCHES)
        if batches and batches.get("before") != template_digest(live):
            for target in targets(self.wanted.rollout.batches, live["spec"].get("replicas", 1)):
                if target >= new_pods(self.cluster, deployment(self.cluster, self.name)):
                    self._batch(target)
        if batches:
            self.run.change("end the batches", lambda: finish(self.cluster, self.name))
        return self._watch(lambda state, troubles: arrived(self.patience, state, troubles))

    def _batch(self, target: int) -> None:
        self.run.change(f"batch: {target} new Pods", lambda: grow(self.cluster, self.name, target))
        self._watch(_Quiet(self, target).enough, self.wanted.rollout.pause)
        self.run.event("batch", pods=target, quiet=self.wanted.rollout.pause.total_seconds())

    def _watch(self, enough: Enough, quiet: timedelta | None = None) -> Progress:
        timeout, deadline = self.wanted.rollout_timeout, self.wanted.rollout.progress_deadline
        if quiet is None:
            return watched(self.cluster, self.name, timeout, self.show, enough, deadline)
        # a batch that stands still is what is waited for
        look = max(1, min(LOOK, int(quiet.total_seconds())))
        return watched(self.cluster, self.name, timeout + quiet, self.show, enough, look=look)


class _Quiet:
    """A batch that has to stay as it is for a while."""

    def __init__(self, rollout: _Rollout, target: int) -> None:
        self.rollout, self.target = rollout, target
        self.good_since: float | None = None

    def enough(self, state: Progress, troubles: Sequence[Trouble]) -> Progress | None:
        """The state once the Pods of the batch were ready for the whole pause, with no restart."""
        pods = newest_pods(self.rollout.cluster, self.rollout.name)
        restarted = [_restarted(uid, pod) for uid, pod in pods.items() if pod.ready and pod.restarts]
        mine = [one for one in [*troubles, *restarted] if not one.uid or one.uid in pods]
        done = self.rollout.patience.deal_with(state, mine)
        left = faults([pod for uid, pod in pods.items() if not (done.ignored and uid in done.failed)], self.target)
        if left and not (done.ignored and len(pods) >= self.target):
            self.good_since = None
            return None
        if self.good_since is None:
            self.good_since = time.monotonic()
        quiet = time.monotonic() - self.good_since
        return state if quiet >= self.rollout.wanted.rollout.pause.total_seconds() else None


def _restarted(uid: str, pod: PodState) -> Trouble:
    what = f"it is ready, but restarted {pod.restarts} time{'s' if pod.restarts > 1 else ''} in its batch"
    return Trouble("crash", f"Pod/{pod.name}", what, "look at its log (kubectl logs --previous)", pod=pod.name, uid=uid)
