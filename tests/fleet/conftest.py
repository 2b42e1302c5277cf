"""One fleet of sixty applications for all tests here: making and assessing it takes longer than looking at it."""

from __future__ import annotations

import pytest
from fleet.assessed import parameters_of
from fleet.make import make_fleet
from fleet.truth import Truth

from runbook_lib.assess.fleet import assess_fleet
from runbook_lib.assess.read import Sources, read_sources
from runbook_lib.clients import connect
from runbook_lib.judge.assessment import Assessment
from runbook_lib.judge.fleet import Fleet

COUNT = 60
SEED = 20261121


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_fleet(tmp_path_factory.mktemp("fleet"), COUNT, SEED, workbook=True)


@pytest.fixture(scope="session")
def sources(truth: Truth) -> Sources:
    parameters = parameters_of(truth)
    return read_sources(parameters, connect(parameters))


@pytest.fixture(scope="session")
def fleet(truth: Truth, sources: Sources) -> Fleet:
    return assess_fleet(sources, parameters_of(truth).assessment)


@pytest.fixture(scope="session")
def assessments(fleet: Fleet) -> dict[str, Assessment]:
    return {one.name: one for one in fleet.applications}
