"""Traffic back to the old side: act first, look afterwards, and write down when each happened."""

from __future__ import annotations

from runbook_lib.act.traffic.nginx import read_weight, shift
from runbook_lib.clients import Clients
from runbook_lib.model import Change, Outcome, Verdict
from runbook_lib.record import Run
from runbook_lib.watch import wait_for_split


def bring_back(run: Run, clients: Clients, cause: str, weight: int = 0) -> tuple[Change, Verdict]:
    """Send ``weight`` percent (0: nobody) to the new side and wait until the observed split says so.

    The verdict is INCONCLUSIVE when Prometheus cannot confirm it: the users are back all the same. Raises ChangeFailed
    when nginx refuses; the message says where the users are.
    """
    split = run.parameters.traffic.nginx
    standing = read_weight(split)
    run.event("detected", cause=cause, weight=standing)
    run.progress(f"going back from {standing} % to {weight} %: {cause}")
    change = run.change(f"users: {standing} % -> {weight} %", lambda: shift(split, weight))
    if run.parameters.dry_run:
        return change, Verdict("traffic split", Outcome.INCONCLUSIVE, "dry run: nobody was moved")
    verdict = wait_for_split(clients, weight)
    run.event("verified", name=verdict.name, outcome=verdict.outcome.name, message=verdict.message)
    return change, verdict
