"""A Kubernetes API for the knobs that are objects of it: the embedded one, or the one RUNBOOK_TEST_KUBECONFIG names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.act.traffic.route_world import World, embedded, world_at


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    named = os.environ.get("RUNBOOK_TEST_KUBECONFIG")
    if named:
        yield Path(named)
        return
    with embedded(tmp_path_factory.mktemp("api")) as path:
        yield path


@pytest.fixture
def world(kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A namespace of its own, deleted with all that is in it."""
    for folder in ("notebooks", "parameters"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    with world_at(kubeconfig) as found:
        yield found
