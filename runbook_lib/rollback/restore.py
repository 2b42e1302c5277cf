"""Carries out a plan: configuration, then the template in one rollout, then data; each act compares first.

ConfigMaps and Secrets are put back before the template although their level stands above it: no Pod of the earlier
revision may start with the later configuration.
"""

from __future__ import annotations

from runbook_lib.act import configuration, put_back, workload
from runbook_lib.act.level import Wanted
from runbook_lib.clients import Clients
from runbook_lib.judge import rollback as judge
from runbook_lib.judge import rollout as judge_rollout
from runbook_lib.model import Change, Outcome, Verdict, now, plain
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.workload.pods import pods
from runbook_lib.observe.workload.rollout import deployment
from runbook_lib.observe.workload.snapshots import RESTARTED, configuration_now, essence
from runbook_lib.observe.workload.stale import stale
from runbook_lib.observe.workload.wait import Show
from runbook_lib.record import Run
from runbook_lib.rollback import data
from runbook_lib.rollback.plan import Plan, fetch, plan
from runbook_lib.rollout.arrive import arrive


def decide(run: Run, clients: Clients, asked: Wanted) -> Plan:
    """The plan, put on record as evidence and as the moment at which it was decided; raises what `plan` raises."""
    made = plan(clients, asked)
    run.evidence("rollback plan", made)
    run.tell("decided", level=asked.level, to_revision=made.to_revision, source=made.source, why="; ".join(made.why))
    return made


def restore(run: Run, clients: Clients, plan: Plan, show: Show = lambda progress, why: None) -> tuple[Verdict, ...]:
    """Do what is left to do of a plan and see it in the cluster; the verdicts, which are on record, too.

    Begun again after a crash it does what is missing only. Raises CriterionFailed before anything is written when a
    copy is gone or altered since the plan, ChangeFailed when something was refused or the rollout did not complete,
    Unreachable when the cluster went away in the middle: the message says what stands.
    """
    cluster = Cluster(clients.kubernetes, clients.parameters.kubernetes.namespace)
    kept = plan.snapshot.configuration if plan.snapshot else ()
    source = fetch(cluster, plan.source, plan.target)  # before anything is written: it may be gone since
    written = None
    if plan.snapshot is not None:
        what = f"rollback: configuration of {plan.snapshot.name}"
        written = run.change(what, lambda: configuration.restore(cluster, kept))
    aim = f"revision {plan.to_revision} ({plan.source})"
    act = f"rollback: workload to revision {plan.to_revision}"
    back = run.change(act, lambda: put_back.put_back(cluster, plan.deployment, source, aim))
    if run.parameters.dry_run:
        return run.verdict(Verdict("workload", Outcome.INCONCLUSIVE, f"dry run: it would go back to {aim}"))
    verdicts = _rolled_out(run, cluster, plan, written, back, show)
    run.tell("restored", level="workload", message=verdicts[0].message)
    if plan.snapshot is not None:
        verdicts += _configured(run, cluster, plan)
    if plan.script is not None:
        verdicts += _data(run, clients, plan.script.sha256)
    return verdicts


def _rolled_out(
    run: Run, cluster: Cluster, plan: Plan, written: Change | None, back: Change, show: Show
) -> tuple[Verdict, ...]:
    """Wait for the one rollout; Pods that read their environment before it was put back are started anew."""
    name = plan.deployment
    state = arrive(run, cluster, show) if back.done or written is None else None
    if written is not None:
        same_second = written.done and not back.done
        restarted = run.change("rollback: restart", lambda: _restarted(cluster, name, same_second))
        state = None if restarted.done else state
    state = state or arrive(run, cluster, show)
    found = essence(deployment(cluster, name))
    return run.verdict(judge.workload(plan.target, found, plan.source), judge_rollout.complete(state))


def _restarted(cluster: Cluster, name: str, same_second: bool) -> Change:
    what = f"start the Pods of Deployment/{name} anew"
    old = stale(cluster, name, same_second)
    if not old:
        return Change(what, None, None, False, now(), "no Pod is older than what it reads when it starts")
    change = workload.annotate(cluster, name, {RESTARTED: str(plain(now()))})
    return Change(
        what, list(old), change.after, change.done, change.at, f"{len(old)} Pods were older than what they read"
    )


def _configured(run: Run, cluster: Cluster, plan: Plan) -> tuple[Verdict, ...]:
    assert plan.snapshot is not None
    states = configuration_now(cluster, plan.snapshot.configuration)
    running = [pod for pod in pods(cluster, plan.deployment) if not pod.terminating]
    found = run.verdict(
        judge.configuration(states, plan.snapshot.name),
        judge.fresh(stale(cluster, plan.deployment), len(running)),
    )
    run.tell("restored", level="configuration", message=found[0].message)
    return found


def _data(run: Run, clients: Clients, wanted: str) -> tuple[Verdict, ...]:
    change = run.change("rollback: data", lambda: data.bring_back(run, clients, wanted))
    found = run.verdict(Verdict("data", Outcome.PASS, f"the script says that the data are back; {change.note}"))
    run.tell("restored", level="data", message=found[0].message)
    return found
