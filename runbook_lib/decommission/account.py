"""What is gone for good, what the move brought, and what is left: told to those who approve, and to those who paid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook_lib.artefacts import Node
from runbook_lib.clients import Clients
from runbook_lib.judge.acceptance import Figure, Known, Prices, acceptance, success_rate
from runbook_lib.judge.gain import Gain
from runbook_lib.judge.profile import decided
from runbook_lib.model import Change, Decision, Verdict, now
from runbook_lib.observe import history, report
from runbook_lib.observe.history import Attempt
from runbook_lib.observe.old_side.leftovers import Leftover
from runbook_lib.pages import acceptance as page
from runbook_lib.parameters import Parameters
from runbook_lib.record import Run
from runbook_lib.sections import LegacyInstance


@dataclass(frozen=True)
class Ending:
    """What this run did and knows when the last machine is gone."""

    past: Sequence[Attempt]
    since: datetime | None
    changes: Sequence[Change]
    verdicts: Sequence[Verdict]
    decision: Decision | None
    leftovers: Sequence[Leftover]


def goes_for_good(alive: Iterable[LegacyInstance], stated: Node, backups: Sequence[Verdict]) -> str:
    """In a sentence or three what nobody can bring back once it is approved."""
    machines = ", ".join(f"{one.name} ({one.url})" for one in alive)
    files = ", ".join(f"{path} (said to move to {place})" for path, place in decided(stated).items())
    said = [f"Gone for good, one by one: {machines}, with their disks and their scheduled jobs, and the way back"]
    said += [f"on their disks: {files}"] if files else []
    saved = "; ".join(verdict.message for verdict in backups)
    said.append(f"saved: {saved}" if saved else "no backup was looked at: retention.backups names none")
    return "; ".join(said)


def account_for(
    p: Parameters, clients: Clients, stated: Node, past: Sequence[Attempt], since: datetime | None, at: datetime
) -> list[Figure]:
    """The figures of both sides: before the first user left, and since all of them had. Raises Unreachable."""
    before = report.before(p, stated, clients.prometheus, history.first_moved(past))
    outcomes = [a.outcome for a in past if a.step[0] == "pilot_deploy" and not a.facts.get("dry_run")]
    success = Known(success_rate(outcomes), f"{len(outcomes)} pilot deploys on record")
    drill = history.evidence(past, "pilot_deploy", "drill") or {}
    window = report.Window(clients.prometheus, since or at, at)
    after = report.after(p, stated, clients.kubernetes, window, drill, success)
    prices = p.retention.prices
    return acceptance(before, after, Prices(prices.currency, prices.core, prices.gibibyte) if prices else None)


def publish(run: Run, ending: Ending, figures: Sequence[Figure], worth: Sequence[Gain]) -> Path:
    """Keep the page and both lists among the evidence; where the page is."""
    p, at = run.parameters, now()
    changes = [c for a in ending.past if not a.facts.get("dry_run") for c in a.facts.get("changes") or []]
    begun = next((a.facts.get("started") for a in ending.past), None)
    decision = ending.decision
    told = page.Report(
        application=p.application.name,
        owner=p.application.owner,
        run=run.run_id,
        at=at,
        began=datetime.fromisoformat(str(begun)) if begun else None,
        since=ending.since,
        gone=tuple(ending.changes),
        machines=len(p.legacy.instances),
        verdicts=tuple(ending.verdicts),
        approved=f"{decision.by} ({decision.reason})" if decision and decision.gate else "",
        figures=tuple(figures),
        worth=tuple(worth),
        leftovers=tuple(ending.leftovers),
        weights=tuple(page.weights_of(changes)),
        drills=tuple(drill.at for drill in history.drills(ending.past)),
        rollbacks=sum(a.outcome == "rolled_back" for a in ending.past),
    )
    run.keep("leftovers.csv", page.as_csv(ending.leftovers))
    run.keep("leftovers.md", page.as_markdown(ending.leftovers, p.application.name, at))
    return run.keep(page.NAME, page.render(told))
