"""What the tests of watching share."""

from __future__ import annotations

import pytest

from runbook_lib.clients import Clients
from tests.watch.world import World, demo_clients, stubbed


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return stubbed(monkeypatch)


@pytest.fixture
def clients() -> Clients:
    return demo_clients()
