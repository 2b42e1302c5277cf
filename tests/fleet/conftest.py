"""One fleet of sixty applications for all tests here: making it takes longer than looking at it."""

from __future__ import annotations

import pytest
from fleet.make import make_fleet
from fleet.truth import Truth

COUNT = 60
SEED = 20261121


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return make_fleet(tmp_path_factory.mktemp("fleet"), COUNT, SEED, workbook=True)
