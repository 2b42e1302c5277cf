"""Lets one machine of the old side go and looks at what that did to the users, before the next one may go."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from runbook_lib.act.retire import retire
from runbook_lib.act.retire.ansible import Played
from runbook_lib.act.retire.ansible import run as play
from runbook_lib.clients import Clients
from runbook_lib.errors import CriterionFailed
from runbook_lib.gate import gate
from runbook_lib.judge import departure
from runbook_lib.judge.verification import smoke as judge_smoke
from runbook_lib.model import Change, Outcome, Verdict, digest, now, worst
from runbook_lib.observe.business import read_figures
from runbook_lib.observe.counters import recent
from runbook_lib.observe.history import RETIRE
from runbook_lib.observe.old_side.legacy import look
from runbook_lib.observe.reach import Sender, Target
from runbook_lib.observe.smoke import smoke
from runbook_lib.parameters import Parameters, project_root
from runbook_lib.record import Run
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import AnsibleRetire

Seen = tuple[Verdict, ...]


def let_go(run: Run, clients: Clients, instance: LegacyInstance) -> tuple[Change, Seen]:
    """Retire one machine, watch the users for as long as it would take to show, then say what was seen.

    One that is gone already is compared, and looked at without waiting. Raises ChangeFailed when the machine does not
    go, and CriterionFailed when what was seen does not pass; the others still run then.
    """
    p = run.parameters
    run.progress(f"retiring {instance.name}")
    key = digest([p.application.name, run.run_id, instance.name])
    act = lambda: retire(instance, p.legacy.retire, project_root(), clients, key)  # noqa: E731
    change = run.change(f"{RETIRE}{instance.name}", act)
    if p.dry_run:
        return change, ()
    seen = run.verdict(*_watched(run, clients, instance, change))
    if worst(seen) is not Outcome.PASS:
        bad = "; ".join(v.message for v in seen if v.outcome is not Outcome.PASS)
        raise CriterionFailed(f"stopped after {instance.name}, what comes after it still runs: {bad}")
    return change, seen


def ask_again(run: Run, instance: LegacyInstance, seen: Seen, left: int) -> None:
    """Ask people once more after a machine went, where the parameters want that. Raises GatePending, GateRejected."""
    p = run.parameters
    first = instance == p.legacy.instances[0]
    if not left or p.dry_run or p.retention.ask_again == "never" or (p.retention.ask_again == "first" and not first):
        return
    decision = gate(
        run,
        question=f"{instance.name} of {p.application.name} is gone. Go on with the other {left}?",
        verdicts=seen,
        on_yes="the next ones go in the same way" if p.retention.ask_again == "first" else "the next one goes",
        way_back=f"none for {instance.name}; the {left} others still run",
    )
    print(f"{decision.by}: {decision.reason}")


def rehearse(p: Parameters, instances: list[LegacyInstance]) -> list[Played]:
    """Play the playbook with --check for each machine, if a playbook ends them; ChangeFailed names the first fault."""
    way = p.legacy.retire
    if not isinstance(way, AnsibleRetire) or not way.check:
        return []
    return [play(instance, way, project_root(), check=True) for instance in instances]


def _watched(run: Run, clients: Clients, instance: LegacyInstance, change: Change) -> Seen:
    """The last look at the users after a machine went, or the first that does not pass."""
    p = run.parameters
    settle = max(p.traffic.settle, 2 * p.metrics.scrape)
    began, length = change.at, max(p.retention.watch or settle, settle)
    if not change.done:
        return _looked(p, clients, instance, now() - settle, settle)
    while True:
        time.sleep(settle.total_seconds())
        passed = now() - began
        seen = _looked(p, clients, instance, began, passed)
        if passed >= length or worst(seen) is not Outcome.PASS:
            return seen
        run.progress(f"{instance.name} is gone; watching the users", passed / length)


def _looked(p: Parameters, clients: Clients, instance: LegacyInstance, since: datetime, passed: timedelta) -> Seen:
    """The machine, the new side's errors, the entrance and the figures of business since a machine went."""
    errors = recent(clients.prometheus, p.metrics, passed + timedelta(seconds=1)).errors
    failed = errors.kubernetes_bad if errors.kubernetes_requests else None
    sender = Sender(clients.http, secret=clients.secret)
    entrance = judge_smoke(smoke(sender, [Target("entrance", p.traffic.entrance)], p.kubernetes.smoke))
    return (
        departure.retired(instance.name, look(instance).answering, failed),
        Verdict(f"entrance after {instance.name}", entrance.outcome, entrance.message, entrance.numbers),
        *_business(p, clients, since),
    )


def _business(p: Parameters, clients: Clients, since: datetime) -> list[Verdict]:
    """Whether what is counted (a figure with no unit) goes on rising as it did in the quiet window before."""
    quiet, until = p.retention.quiet, now()
    counts = [figure for figure in p.business.figures if not figure.unit]
    after = {m.name: m.value for m in read_figures(clients.database, counts, since, until) if m.side == "kubernetes"}
    before = read_figures(clients.database, counts, since - quiet, since)
    rates = {m.name: m.value / quiet.total_seconds() for m in before if m.side == "kubernetes" and m.value is not None}
    seconds = (until - since).total_seconds()
    found = (departure.going_on(f.name, after.get(f.name), rates.get(f.name), seconds) for f in counts)
    return [verdict for verdict in found if verdict is not None]
