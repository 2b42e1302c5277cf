"""A fleet: every application assessed, in several processes, and the plan that follows."""

from __future__ import annotations

from datetime import date, timedelta

from runbook_lib.assess.applications import assess_all
from runbook_lib.assess.read import Sources
from runbook_lib.judge.capacity import NodeShape
from runbook_lib.judge.fleet import Fleet, judge_fleet
from runbook_lib.judge.waves import WaveRules
from runbook_lib.model import now
from runbook_lib.sections.assessment import Assessment, Waves


def assess_fleet(sources: Sources, wanted: Assessment, processes: int | None = None) -> Fleet:
    """All applications of the sources, and the waves they go in; None: as many processes as there are processors."""
    applications = assess_all(sources, processes)
    trees = {name: merged.node for name, merged in sources.merged.items()}
    node = wanted.node
    shape = NodeShape(node.cpu, node.memory * 1024, node.pods, node.reserved)
    return judge_fleet(applications, trees, wave_rules(wanted.waves, now().date()), shape, sources.findings)


def wave_rules(wanted: Waves, today: date) -> WaveRules:
    """The parameters' waves; without a beginning it is the Monday after today."""
    return WaveRules(
        begin=wanted.begin or today + timedelta(days=7 - today.weekday()),
        pilot=wanted.pilot,
        size=wanted.size,
        every=wanted.every,
        blackouts=tuple((one.since, one.until, one.reason) for one in wanted.blackouts),
        days_each=wanted.days,
        today=today,
    )
