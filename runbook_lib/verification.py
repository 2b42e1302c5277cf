"""Asks the new side all smoke cases: those that read everywhere, those that write once, on record, and with consent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runbook_lib.model import Change, Event, now, plain
from runbook_lib.observe.cluster import Cluster
from runbook_lib.observe.reach import Sender, Target, pod_targets, service_target
from runbook_lib.observe.smoke import Answer, ask, first_answer, smoke, unsent
from runbook_lib.observe.workload.pods import PodState
from runbook_lib.record import Run
from runbook_lib.record.journal import read
from runbook_lib.sections import Kubernetes, SmokeCase

GATEWAY, PATIENCE = "gateway", 10.0
NO_CONSENT = "it writes; kubernetes.smoke_writes does not allow it"


def targets(sender: Sender, cluster: Cluster, running: Sequence[PodState], wanted: Kubernetes) -> list[Target]:
    """Each Pod, the Service, and the gateway that users will take, which is given a moment; none without a Pod."""
    if not running or not wanted.smoke:
        return pod_targets(cluster, running, wanted.reach)
    service = service_target(cluster, wanted.service, wanted.reach)
    gateway = Target(GATEWAY, wanted.gateway)
    waited = first_answer(sender, gateway, wanted.smoke[0], PATIENCE)
    said = f"no answer within {PATIENCE:g} s" if waited is None else f"answered after {waited:.1f} s"
    found = [*pod_targets(cluster, running, wanted.reach), *([service] if service else [])]
    return [*found, Target(GATEWAY, wanted.gateway, note=said)]


def ask_everybody(run: Run, sender: Sender, asked: Sequence[Target]) -> list[Answer]:
    """Every case: of every target, or where it writes of the first Pod, once a run."""
    cases = run.parameters.kubernetes.smoke
    writing = [case for case in cases if case.writes] if asked else []
    return [*smoke(sender, asked, cases), *(_write_once(run, sender, asked[0], case) for case in writing)]


def _write_once(run: Run, sender: Sender, target: Target, case: SmokeCase) -> Answer:
    if not run.parameters.kubernetes.smoke_writes:
        return unsent(target.name, case, NO_CONSENT)
    what = f"smoke case that writes: {case.name}"
    told = list(_told(run, what))
    results = [event.data["change"]["after"] for event in told if event.kind == "result" and "change" in event.data]
    if results:
        return _read_back(results[-1])
    if told:
        return unsent(target.name, case, "it was sent, and nobody knows what came back; see what it left, begin anew")
    change = run.change(what, lambda: Change(what, None, plain(ask(sender, target, case)), True, now()))
    return _read_back(change.after) if change.done else unsent(target.name, case, change.note)


def _told(run: Run, what: str) -> Iterator[Event]:
    """What the journals of this run's attempts say of an act."""
    for journal in sorted(run.attempt.parent.glob("attempt-*")):
        yield from (event for event in read(journal) if event.data.get("what") == what)


def _read_back(stored: dict[str, Any]) -> Answer:
    return Answer(**{**stored, "wrong": tuple(stored["wrong"])})
