"""Lets one machine of the old side go and looks at what that did to the users, before the next one may go."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_lib.act.retire import retire
from runbook_lib.act.retire.ansible import Played
from runbook_lib.act.retire.ansible import run as play
from runbook_lib.clients import Clients
from runbook_lib.errors import CriterionFailed
from runbook_lib.gate import gate
from runbook_lib.judge import departure
from runbook_lib.judge.rates import Interval
from runbook_lib.judge.verification import smoke as judge_smoke
from runbook_lib.model import Change, Outcome, Verdict, digest, now, worst
from runbook_lib.observe.business import read_figures
from runbook_lib.observe.counters import between
from runbook_lib.observe.history import RETIRE, ended
from runbook_lib.observe.old_side.legacy import look
from runbook_lib.observe.reach import Sender, Target
from runbook_lib.observe.smoke import smoke
from runbook_lib.parameters import Parameters, project_root
from runbook_lib.record import Run, journal
from runbook_lib.sections import LegacyInstance
from runbook_lib.sections.decommission import AnsibleRetire

Seen = tuple[Verdict, ...]


def let_go(
    run: Run, clients: Clients, instance: LegacyInstance, retired: Mapping[str, datetime]
) -> tuple[Change, Seen]:
    """Retire one machine, watch the users for as long as it would take to show, then say what was seen.

    One that is gone already is compared; the same is looked at over as long, of which what has passed since it went is
    not waited for. ``retired``: when machines went by earlier attempts; of one that went otherwise nobody knows it.
    Raises ChangeFailed when the machine does not go, and CriterionFailed when what was seen does not pass; the others
    still run then.
    """
    p = run.parameters
    run.progress(f"retiring {instance.name}")
    key = digest([p.application.name, run.run_id, instance.name])
    act = lambda: retire(instance, p.legacy.retire, project_root(), clients, key)  # noqa: E731
    change = run.change(f"{RETIRE}{instance.name}", act)
    if p.dry_run:
        return change, ()
    went = change.at if change.done else _ended(run).get(instance.name, retired.get(instance.name, change.at))
    seen = run.verdict(*_watched(run, clients, instance, went))
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


def _ended(run: Run) -> dict[str, datetime]:
    """The machines that this attempt has ended so far, with when each went."""
    changes = (e.data.get("change") or {} for e in journal.read(run.attempt) if e.kind == "result")
    return ended(changes)


@dataclass(frozen=True)
class _Before:
    """The quiet window before a machine went: requests of the new side, and what each figure rose in a second."""

    requests: Interval
    rates: dict[str, float]


def _watched(run: Run, clients: Clients, instance: LegacyInstance, went: datetime) -> Seen:
    """The last look at the users after a machine went, or the first that fails."""
    p = run.parameters
    settle = max(p.traffic.settle, 2 * p.metrics.scrape)
    length, before = max(p.retention.watch or settle, settle), _before(p, clients, went)
    while True:
        time.sleep(max(0.0, min(settle, length - (now() - went)).total_seconds()))
        passed = now() - went
        seen = _looked(p, clients, instance, min(passed, length), before)
        if passed >= length or worst(seen) is Outcome.FAIL:
            return seen
        run.progress(f"{instance.name} is gone; watching the users", passed / length)


def _before(p: Parameters, clients: Clients, went: datetime) -> _Before:
    since = went - p.retention.quiet
    requests = between(clients.prometheus, p.metrics, since, went).errors
    seconds = p.retention.quiet.total_seconds()
    written = _written(p, clients, since, went)
    return _Before(requests, {name: value / seconds for name, value in written.items() if value is not None})


def _looked(p: Parameters, clients: Clients, instance: LegacyInstance, span: timedelta, before: _Before) -> Seen:
    """The machine, the new side's errors, the entrance and the figures of business over the last ``span``."""
    until = now()
    after = between(clients.prometheus, p.metrics, until - span, until).errors
    sender = Sender(clients.http, secret=clients.secret)
    entrance = judge_smoke(smoke(sender, [Target("entrance", p.traffic.entrance)], p.kubernetes.smoke))
    answering, limit = look(instance).answering, p.thresholds.error_rate
    rates, seconds = before.rates, span.total_seconds()
    return (
        departure.retired(instance.name, answering, after, before.requests, limit),
        Verdict(f"entrance after {instance.name}", entrance.outcome, entrance.message, entrance.numbers),
        *(
            departure.going_on(name, value, rates.get(name), seconds)
            for name, value in _written(p, clients, until - span, until).items()
        ),
    )


def _written(p: Parameters, clients: Clients, since: datetime, until: datetime) -> dict[str, float | None]:
    """What the new side wrote of each figure that is counted: one with no unit."""
    counts = [figure for figure in p.business.figures if not figure.unit]
    found = read_figures(clients.database, counts, since, until)
    return {m.name: m.value for m in found if m.side == "kubernetes"}
