"""What a watch does about Pods that stay in trouble: how long each has been so, and what the policy says."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from runbook_lib.act.pods import recreate
from runbook_lib.judge.failed_pods import Handling, handle
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.rollout import Progress
from runbook_lib.observe.workload.trouble import Trouble
from runbook_lib.observe.workload.wait import stuck
from runbook_lib.record import Run


class Patience:
    """Holds since when each Pod has been in trouble; a Pod that gets out of it is forgotten."""

    def __init__(self, run: Run, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self.run = run
        self.cluster = cluster
        self.clock = clock
        self.since: dict[str, float] = {}
        self.seen: set[str] = set()

    def deal_with(self, state: Progress, troubles: Sequence[Trouble]) -> Handling:
        """Do what the policy says; ChangeFailed where it fails the release."""
        wanted, now = self.run.parameters.kubernetes.rollout, self.clock()
        self._note(troubles, now)
        done = handle(
            wanted.failed_pods,
            troubles,
            self.since,
            now,
            wanted.patience.total_seconds(),
            state.wanted,
            wanted.ignore_below,
        )
        if done.fails:
            patience = f"{wanted.patience.total_seconds():g} s"
            count = f"{len(done.failed)} Pod{'s' if len(done.failed) > 1 else ''}"
            raise stuck(
                self.cluster, state, f"{count} in trouble for more than {patience}, kubernetes.rollout.failed_pods"
            )
        names = {one.uid: one.pod for one in troubles}
        for uid in done.recreate:
            self.run.change(f"re-create Pod/{names[uid]}", lambda: recreate(self.cluster, names[uid], uid))  # noqa: B023
            self.since.pop(uid, None)
        return done

    def _note(self, troubles: Sequence[Trouble], now: float) -> None:
        here = {one.uid for one in troubles if one.uid and not one.starting}
        self.since = {uid: began for uid, began in self.since.items() if uid in here}
        for one in troubles:
            if not one.starting:
                self.since.setdefault(one.uid, now)
            if (said := str(one)) not in self.seen:  # each reason once, with its time
                self.seen.add(said)
                self.run.tell("trouble", said=said, since=one.since)
