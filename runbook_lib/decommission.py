"""Lets one instance of the old side go and looks at what that did to the users, before the next one may go."""

from __future__ import annotations

import time
from datetime import timedelta

from runbook_lib.act.retire import retire
from runbook_lib.clients import Clients
from runbook_lib.judge import retention
from runbook_lib.judge.rollout import smoke as judge_smoke
from runbook_lib.model import Change, Outcome, Verdict, worst
from runbook_lib.observe.counters import recent
from runbook_lib.observe.legacy import look
from runbook_lib.observe.smoke import smoke
from runbook_lib.parameters import project_root
from runbook_lib.record import Run
from runbook_lib.sections import LegacyInstance


def let_go(run: Run, clients: Clients, instance: LegacyInstance) -> tuple[Change, tuple[Verdict, ...]]:
    """Retire one instance, wait until it would show, then ask the instance, the new side's counters and the entrance.

    Raises ChangeFailed when the instance does not go; the others still run then.
    """
    p = run.parameters
    run.progress(f"retiring {instance.name}")
    change = run.change(f"retire {instance.name}", lambda: retire(instance, p.legacy.retire, project_root()))
    if p.dry_run:
        return change, ()
    settle = max(p.traffic.settle, 2 * p.metrics.scrape)
    time.sleep(settle.total_seconds())
    errors = recent(clients.prometheus, p.metrics, settle + timedelta(seconds=1)).errors
    failed = errors.kubernetes_bad if errors.kubernetes_requests else None
    answers = smoke(clients.http, {"entrance": p.traffic.entrance}, p.kubernetes.smoke)
    entrance = judge_smoke(answers)
    return change, run.verdict(
        retention.retired(instance.name, look(instance).answering, failed),
        Verdict(f"entrance after {instance.name}", entrance.outcome, entrance.message, entrance.numbers),
    )


def safe(verdicts: tuple[Verdict, ...]) -> bool:
    """True when the next instance may go."""
    return not verdicts or worst(verdicts) is Outcome.PASS
