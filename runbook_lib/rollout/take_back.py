"""Takes a release back and looks until no Pod of it exists any more."""

from __future__ import annotations

import time

from runbook_lib.act.abort import abort, left
from runbook_lib.errors import ChangeFailed, Unreachable
from runbook_lib.model import Outcome, Verdict
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.rollout import deployment, progress, with_new
from runbook_lib.observe.workload.wait import Show
from runbook_lib.record import Run

LOOK = 0.5


def take_back(run: Run, cluster: Cluster, by: str, show: Show) -> Verdict:
    """Abort, and the verdict on it: PASS when no Pod of the aborted template is left; ChangeFailed when one stays."""
    name = run.parameters.kubernetes.deployment
    change = run.change("abort the rollout", lambda: abort(cluster, name, by))
    if not change.after:
        verdict = Verdict("abort", Outcome.INCONCLUSIVE, change.note)
    else:
        verdict = see_it_gone(cluster, name, run.parameters.kubernetes.rollout_timeout.total_seconds(), show)
    run.verdict(verdict)
    return verdict


def see_it_gone(cluster: Cluster, name: str, seconds: float, show: Show) -> Verdict:
    """Look until every Pod is of the template that stands; ChangeFailed names those that stay."""
    end, others = time.monotonic() + seconds, ["what is left"]
    while True:
        try:
            state, others = with_new(cluster, progress(deployment(cluster, name))), left(cluster, name)
            why = [f"Pod/{pod} is still there" for pod in others]
            show(state, why)
            if not others and state.observed:
                standing = f"revision {state.revision} has {state.ready} of {state.wanted} Pods ready"
                said = f"no Pod of another template exists any more; {standing}"
                return Verdict("abort", Outcome.PASS, said, {"left": 0.0, "ready": float(state.ready)})
        except Unreachable:
            if time.monotonic() >= end:
                raise
        if time.monotonic() >= end:
            raise ChangeFailed(
                f"the abort of Deployment/{name} is written, but {', '.join(others)} did not go in {seconds:g} s: they "
                "may serve until the template before is ready; look at its Pods (runbook rollout status PARAMETERS), "
                "then abort again: it goes on where it stands"
            )
        time.sleep(LOOK)
