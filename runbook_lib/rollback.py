"""Traffic back to the old side: act first, look afterwards, and write down when each happened."""

from __future__ import annotations

from runbook_lib.act.traffic.knob import read_weight, shift
from runbook_lib.clients import Clients
from runbook_lib.model import Change, Outcome, Verdict
from runbook_lib.record import Run, journal
from runbook_lib.watch import wait_for_split


def bring_back(run: Run, clients: Clients, cause: str, weight: int = 0) -> tuple[Change, Verdict]:
    """Send ``weight`` percent (0: nobody) to the new side and wait until the observed split says so.

    The verdict is INCONCLUSIVE when Prometheus cannot confirm it: the users are back all the same. Raises ChangeFailed
    when nginx refuses; the message says where the users are. An archive that cannot be written stops no rollback.
    """
    standing = read_weight(clients)
    run.tell("detected", cause=cause, weight=standing)
    run.progress(f"going back from {standing} % to {weight} %: {cause}")
    what = f"users: {standing} % -> {weight} %"
    change = run.change(what, lambda: shift(clients, weight), standing, weight, unrecorded=True)
    if run.parameters.dry_run:
        return change, Verdict("traffic split", Outcome.INCONCLUSIVE, "dry run: nobody was moved")
    verdict = wait_for_split(clients, weight)
    run.tell("verified", name=verdict.name, outcome=verdict.outcome.name, message=verdict.message)
    return change, verdict


def drilled_from(run: Run, standing: int) -> int:
    """Percent of the users that a drill goes forward to again: where they stand, or stood when this drill began.

    A drill that was killed half way has left them on the old side; its next attempt brings them where they were.
    """
    earlier = [run.attempt.with_name(f"attempt-{number}") for number in range(1, run.number)]
    seen = [event.data for folder in earlier for event in journal.read(folder) if event.kind == "detected"]
    return standing or max((int(data["weight"]) for data in seen), default=0)
