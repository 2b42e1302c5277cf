"""The assessment of a fleet as one page: a manager reads its top in five minutes, an engineer opens an application."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from runbook_lib.judge.assessment import Assessment
from runbook_lib.judge.drift import Drift
from runbook_lib.judge.fleet import Fleet, by_level, effort
from runbook_lib.judge.waves import Place, Wave
from runbook_lib.pages.page import rendered
from runbook_lib.pages.spreadsheet import cell

NAME = "fleet.html"
PLACES = 4
"""So many places in the source are named a topic; the record holds all."""
COLUMNS = (
    "application", "owner", "level", "mode", "state", "risk", "days_low", "days_high", "wave", "begins", "ends",
    "cpu_request", "memory_mib", "replicas", "hosts", "differences", "blocking_topics", "conflicts", "not_read",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One application with its place in the plan."""

    one: Assessment
    place: Place
    wave: Wave | None

    @property
    def differing(self) -> tuple[Drift, ...]:
        """What the image has to decide."""
        return tuple(row for row in self.one.drifts if row.differs and row.weight == 3)

    @property
    def text(self) -> str:
        """What the filter looks in."""
        one = self.one
        topics = " ".join(demand.topic for demand in one.demands)
        words = (one.name, self.place.candidate.owner, one.migration.mode, one.migration.state, self.place.wave, topics)
        return " ".join(words).lower()


def render(fleet: Fleet, name: str, owner: str, at: datetime) -> str:
    """The page; it loads nothing, and runs nothing but its own filter."""
    lines = rows(fleet)
    return rendered(
        "fleet.html",
        fleet=fleet,
        name=name,
        owner=owner,
        at=at,
        rows=lines,
        levels={level: count for level, count in by_level(fleet.applications).items() if count},
        planned=sum(line.wave is not None for line in lines),
        effort=effort(fleet.applications),
        places=PLACES,
    )


def rows(fleet: Fleet) -> list[Row]:
    """Every application: those of the first wave first, those that are left out last."""
    waves = {wave.name: (number, wave) for number, wave in enumerate(fleet.plan.waves)}
    places: Mapping[str, Place] = {place.candidate.name: place for place in fleet.plan.places}
    found = []
    for one in fleet.applications:
        number, wave = waves.get(places[one.name].wave, (len(waves), None))
        found.append((number, one.name, Row(one, places[one.name], wave)))
    return [row for _, _, row in sorted(found, key=lambda item: item[:2])]


def as_csv(fleet: Fleet) -> str:
    """A line an application, for a spreadsheet; what is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(fleet):
        cells = ["" if one is None else one for one in _cells(row)]
        writer.writerow([cell(one) if isinstance(one, str) else one for one in cells])
    return text.getvalue()


def _cells(row: Row) -> tuple[object, ...]:
    one, migration, handed = row.one, row.one.migration, row.one.handed
    low, high = migration.effort if any(migration.effort) else (None, None)
    return (
        one.name, row.place.candidate.owner, migration.level, migration.mode, migration.state, migration.risk.level,
        low, high, row.place.wave, row.wave and row.wave.begins, row.wave and row.wave.ends,
        handed.cpu_request, handed.memory_mib, handed.replicas, len(_hosts(one)), len(row.differing),
        sum(demand.severity == "blocking" for demand in one.demands), len(one.conflicts), len(one.left_out),
    )  # fmt: skip


def _hosts(one: Assessment) -> tuple[str, ...]:
    return tuple(one.drifts[0].values) if one.drifts else ()
