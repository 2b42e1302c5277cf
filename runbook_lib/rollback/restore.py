"""Carries out a plan: configuration, then the template in one rollout, then data; each act compares first."""

from __future__ import annotations

from collections.abc import Callable

from runbook_lib.clients import Clients
from runbook_lib.model import Verdict
from runbook_lib.observe.rollout import Progress
from runbook_lib.record import Run
from runbook_lib.rollback.plan import Plan

Show = Callable[[Progress, list[str]], None]


def restore(run: Run, clients: Clients, plan: Plan, show: Show = lambda progress, why: None) -> tuple[Verdict, ...]:
    """Do what is left to do of a plan and see it in the cluster; the verdicts, which are on record, too.

    Begun again after a crash it does what is missing only. Raises CriterionFailed before anything is written when a
    copy is gone or altered since the plan, ChangeFailed when something was refused or the rollout did not complete,
    Unreachable when the cluster went away in the middle: the message says what stands.
    """
    raise NotImplementedError
