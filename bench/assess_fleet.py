"""Assesses the fleet of one folder as a run would, and says in one line of JSON how long each step took.

Without source nobody can say how an application can move, and so none would be planned: before the waves each is taken
as one that can.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from runbook_lib.assess.fleet import assess_fleet, wave_rules
from runbook_lib.assess.read import read_sources
from runbook_lib.clients import connect
from runbook_lib.judge.migration import Migration
from runbook_lib.judge.waves import candidate, links, plan_waves
from runbook_lib.model import now
from tests.fleet.assessed import parameters_of
from tests.fleet.tables import COLUMNS
from tests.fleet.truth import Truth


def main() -> None:
    """Read, judge, plan."""
    parameters = parameters_of(Truth(Path(sys.argv[1]), {}, COLUMNS, frozenset()), source=None)
    began = time.perf_counter()
    sources = read_sources(parameters, connect(parameters))
    read = time.perf_counter()
    fleet = assess_fleet(sources, parameters.assessment)
    judged = time.perf_counter()
    trees = {name: merged.node for name, merged in sources.merged.items()}
    known = links(trees)
    movable = [(one.name, _movable(one.migration)) for one in fleet.applications]
    candidates = [candidate(name, trees[name], migration, known) for name, migration in movable]
    plan = plan_waves(candidates, wave_rules(parameters.assessment.waves, now().date()))
    said = {
        "rows": sum(len(table) for table in sources.usage.values()),
        "read_seconds": read - began,
        "judge_seconds": judged - read,
        "plan_seconds": time.perf_counter() - judged,
        "drifts": sum(row.differs for one in fleet.applications for row in one.drifts),
        "sizes": sum(bool(one.sizing.sizes) for one in fleet.applications),
        "waves": len(plan.waves),
        "cycles": len(plan.cycles),
    }
    print(json.dumps(said))


def _movable(migration: Migration) -> Migration:
    """As if its source had been read, and little found."""
    return replace(migration, state="stateless", mode="re-platform", level="Good", effort=(2.0, 6.0))


if __name__ == "__main__":
    main()
